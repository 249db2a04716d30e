/* version.c - what is loaded, and the constants of base.h as functions. */
#include "recs/base.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

uint32_t recs_version(void) {
    return RECS_VERSION_MAJOR * 1000000u + RECS_VERSION_MINOR * 1000u + RECS_VERSION_PATCH;
}

const char *recs_version_text(void) {
    return VERSION_TEXT(RECS_VERSION_MAJOR, RECS_VERSION_MINOR, RECS_VERSION_PATCH);
}

uint32_t recs_no_row(void) { return RECS_NO_ROW; }

size_t recs_id_max(void) { return RECS_ID_MAX; }

int64_t recs_no_time(void) { return RECS_NO_TIME; }
