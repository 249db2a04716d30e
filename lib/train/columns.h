/* columns.h - which column of a file holds which field of an event. */
#ifndef RECS_TRAIN_COLUMNS_H
#define RECS_TRAIN_COLUMNS_H

#include "train/csv.h"

typedef enum recs__column {
    RECS__COLUMN_USER,
    RECS__COLUMN_ITEM,
    RECS__COLUMN_TYPE,
    RECS__COLUMN_TIME,
    RECS__COLUMN_QUANTITY,
    RECS__COLUMN_VALUE,
    RECS__COLUMN_PRICE,
    RECS__COLUMN_BASKET,
    RECS__COLUMN_SESSION,
    RECS__COLUMN_PLACE,
    RECS__COLUMN_TITLE,
    RECS__COLUMN_SOURCE,
    RECS__COLUMN_PROPENSITY,
    RECS__COLUMN_LATITUDE,
    RECS__COLUMN_LONGITUDE,
    RECS__COLUMN_SEGMENT,
    RECS__COLUMN_COUNT
} recs__column;

#define RECS__COLUMN_NAME 64

typedef enum recs__header { RECS__HEADER_AUTO, RECS__HEADER_YES, RECS__HEADER_NO } recs__header;

typedef struct recs__columns {
    int32_t at[RECS__COLUMN_COUNT];                       /* from 0; -1: not there */
    char names[RECS__COLUMN_COUNT][RECS__COLUMN_NAME];    /* of the file, or "column 3" */
    size_t width;                                         /* fields of a row       */
    bool header;                                          /* the first row is one  */
} recs__columns;

/* "user", "item" … */
const char *recs__column_name(recs__column column);

/* Whether a description "user=userId,item=2,type=none" can be read. ARGUMENT
 * names the wrong part; latitude and longitude go together. */
recs_status recs__columns_check(const char *description, recs_error *error);

/* Decides by the first row of a file: named columns first, then well-known
 * header names for the fields not named. DATA: no usable header, a named
 * column is not there, no item, or nobody (user, session, basket). */
recs_status recs__columns_resolve(recs__columns *columns, const char *description,
                                  recs__header header, const recs__field *first, size_t count,
                                  const char *file, recs_error *error);

/* Whether two header names are the same, letter case and anything but letters
 * and digits aside. name ends in a NUL. */
bool recs__columns_same(const char *text, size_t size, const char *name);

/* One line: "user = userId, item = movieId, …"; returns its length. */
size_t recs__columns_text(const recs__columns *columns, char *out, size_t room);

#endif
