/* data.h - the real data sets that some tests read when they are there. */
#ifndef SUPPORT_DATA_H
#define SUPPORT_DATA_H

#include <stdbool.h>

enum { DATA_PATH_MAX = 4096 };

/* Path of a file (or folder) of the data folder, which is the environment's
 * RECS_DATA or else ../shared/data. False when it cannot be read. */
bool data_path(const char *name, char out[DATA_PATH_MAX]);

/* The same, for the first lines of a test: leaves the test as skipped, saying
 * why, when the file is not there. */
#define DATA_OR_SKIP(name, out)                                                                  \
    do {                                                                                         \
        if (!data_path((name), (out))) {                                                         \
            print_message("skipped: no %s\n", (out));                                            \
            skip();                                                                              \
        }                                                                                        \
    } while (0)

#endif
