/* kernel_cases.h - every operation of a kernel table on made inputs, compared
 * bit for bit with another table. Without cmocka, so that it also runs where
 * only a C library is at hand (the NEON check under an emulator). */
#ifndef RECS_SUPPORT_KERNEL_CASES_H
#define RECS_SUPPORT_KERNEL_CASES_H

#include "kernels/kernels.h"

#include <stdbool.h>

typedef struct kernel_report {
    size_t cases;      /* compared so far */
    uint64_t checksum; /* of all results, in order: equal on every machine */
    char fault[200];   /* "" or what differed first */
} kernel_report;

/* Runs one operation ("dot", "syrk", ...) of table and reference on all its
 * inputs and adds to report. False, with report->fault filled, at the first
 * difference; any NaN equals any NaN. Outputs are surrounded by guards that
 * must survive. */
bool kernel_cases_run(const char *operation, const recs__kernels *table,
                      const recs__kernels *reference, kernel_report *report);

/* Names of the operations, NULL past the end. */
const char *kernel_cases_operation(size_t index);

#endif
