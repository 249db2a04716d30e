/* item_columns.h - typed columns of the items, by the dataset's item number. */
#ifndef RECS_TRAIN_ITEM_COLUMNS_H
#define RECS_TRAIN_ITEM_COLUMNS_H

#include "recs/model.h"
#include "train/intern.h"
#include "train/problems.h"
#include "train/settings.h"

#include <stdbool.h>

typedef struct recs__catalogue_column {
    char name[64];
    int32_t type; /* recs_column_type */
    void *values; /* uint32_t codes, double, int64_t or int8_t, [count] */
    recs__intern texts; /* TEXT: the dictionary */
} recs__catalogue_column;

typedef struct recs__catalogue {
    recs__catalogue_column *columns; /* the title is not among them */
    size_t column_count, column_capacity;
    uint32_t *titles; /* code into title_texts, RECS_NO_ROW: none; [count] */
    recs__intern title_texts;
    uint8_t *listed; /* 1: a catalogue names the item; [count] */
    uint32_t count; /* items that the columns reach to; beyond: missing */
} recs__catalogue;

void recs__catalogue_clear(recs__catalogue *catalogue, const recs_host *host);

/* Reads a file: rows are validated and interned aside, then joined. items
 * receives the ids. DATA, LIMIT, MEMORY and errors of the input; on failure
 * catalogue and items are as before. rows: how many were used. */
recs_status recs__catalogue_read(recs__catalogue *catalogue, recs__intern *items, uint32_t limit,
                                 recs__settings *settings, recs__problems *problems,
                                 recs__input *input, const recs_host *host, uint64_t *rows,
                                 char *mapping, size_t mapping_room, recs_error *error);

/* Column of that name; NULL when there is none. */
const recs__catalogue_column *recs__catalogue_find(const recs__catalogue *catalogue,
                                                   const char *name);

/* The text of an item in a TEXT column; NULL when missing. */
const char *recs__catalogue_text(const recs__catalogue *catalogue,
                                 const recs__catalogue_column *column, uint32_t item,
                                 size_t *size);
/* Bytes of a value of the type in memory. */
size_t recs__catalogue_width(int32_t type);

/* Sets values[begin, end) to what says missing. */
void recs__catalogue_missing(int32_t type, void *values, size_t begin, size_t end);

/* A further column of missing values. MEMORY. */
recs_status recs__catalogue_add_column(recs__catalogue *catalogue, const char *name, int32_t type,
                                       const recs_host *host, recs__catalogue_column **column,
                                       recs_error *error);

/* A copy that reaches to new_count items, item i of it at new_items[i], or
 * left out where that is RECS_NO_ROW; new_items NULL: all as they are. */
recs_status recs__catalogue_copy(recs__catalogue *out, const recs__catalogue *from,
                                 const uint32_t *new_items, uint32_t new_count,
                                 const recs_host *host, recs_error *error);

#endif
