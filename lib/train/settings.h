/* settings.h - the rules of a dataset, as recs_dataset_set gives them. */
#ifndef RECS_TRAIN_SETTINGS_H
#define RECS_TRAIN_SETTINGS_H

#include "train/columns.h"
#include "train/intern.h"
#include "train/time.h"
#include "train/values.h"

typedef enum recs__format {
    RECS__FORMAT_AUTO,
    RECS__FORMAT_CSV,
    RECS__FORMAT_TSV,
    RECS__FORMAT_LIGHTGCN
} recs__format;

typedef enum recs__unit { RECS__UNIT_AUTO, RECS__UNIT_USERS, RECS__UNIT_BASKETS } recs__unit;

#define RECS__CUSTOM_TYPES (RECS_EVENT_MAX + 1 - RECS_EVENT_CUSTOM)
#define RECS__TYPE_NAME 64
#define RECS__TEMPORARY "/var/tmp" /* on a disk, where /tmp may be memory */

typedef struct recs__settings {
    recs__format format;
    char *columns, *item_columns; /* NULL: none given */
    recs__header header;
    char delimiter; /* 0: by format */
    char timezone[72];
    recs__zone *zone;
    recs__time_format time;
    bool strict;

    recs__values values;
    recs__unit unit;
    uint32_t users_mode; /* RECS__USERS_… */
    bool rollup;
    int64_t after, before; /* RECS_NO_TIME: open */
    recs__intern drop_items;
    uint32_t cells[3]; /* first level, step, last level of coordinates as places */
    uint64_t memory; /* bytes; 0: no budget */
    char *temporary; /* folder of temporary files; NULL: RECS__TEMPORARY */

    /* The shop's own types, numbered from RECS_EVENT_CUSTOM. */
    char types[RECS__CUSTOM_TYPES][RECS__TYPE_NAME];
    uint32_t type_count;
} recs__settings;

recs_status recs__settings_init(recs__settings *settings, const recs_host *host,
                                recs_error *error);
void recs__settings_clear(recs__settings *settings, const recs_host *host);
recs_status recs__settings_copy(recs__settings *out, const recs__settings *from,
                                const recs_host *host, recs_error *error);

/* As recs_dataset_set; has_rows: there are events already. On failure nothing
 * changed. */
recs_status recs__settings_set(recs__settings *settings, const recs_host *host, const char *name,
                               const char *value, bool has_rows, recs_error *error);

/* Number of a type's name, made when it is a new one of the shop's own.
 * False: the name is empty, too long or not UTF-8, or there are too many. */
bool recs__settings_type(recs__settings *settings, const char *name, size_t size, uint8_t *type);
const char *recs__settings_type_name(const recs__settings *settings, int32_t type);

#endif
