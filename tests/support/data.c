/* data.c - where the real data sets are. */
#include "support/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool data_path(const char *name, char out[DATA_PATH_MAX]) {
    const char *folder = getenv("RECS_DATA");
    if (folder == NULL || folder[0] == '\0')
        folder = "../shared/data";
    int length = snprintf(out, DATA_PATH_MAX, "%s/%s", folder, name);
    return length > 0 && length < DATA_PATH_MAX && access(out, R_OK) == 0;
}
