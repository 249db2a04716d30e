/* kernels_checksum.c - prints, for every operation, the cases compared between
 * this machine's widest kernel table and the scalar one, and a checksum of the
 * results. Its output is the same on every processor; `make check-neon`
 * compares that of an emulated AArch64 with the building machine's. Not a
 * cmocka program, so that it builds with nothing but a C library. */
#include "support/kernel_cases.h"

#include <inttypes.h>
#include <stdio.h>

int main(void) {
    const recs__kernels *table = recs__kernels_get();
    fprintf(stderr, "kernels: %s\n", table->name);
    for (size_t i = 0; kernel_cases_operation(i); i++) {
        kernel_report report = {0};
        const char *operation = kernel_cases_operation(i);
        if (!kernel_cases_run(operation, table, &recs__kernels_scalar, &report)) {
            fprintf(stderr, "%s\n", report.fault);
            return 1;
        }
        printf("%-14s %6zu cases %016" PRIx64 "\n", operation, report.cases, report.checksum);
    }
    return 0;
}
