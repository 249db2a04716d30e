/* tune_space.h - what recs_tune searches: a description in which settings may
 * be free.
 *
 *   value = 64                    as in a description: fixed
 *         | 32|64|128             one of these (numbers, or words of a choice)
 *         | 1..100 | 1..100 log   anything between, evenly or by its logarithm
 *         | ?                     the range of tune_ranges.c
 *   trainer                       without parentheses: every setting that has a
 *                                 range of its own is free
 *   trainer(…, ?)                 so are those that are not named
 *
 * A setting that is neither named nor free has its default. */
#ifndef RECS_TRAIN_TUNE_SPACE_H
#define RECS_TRAIN_TUNE_SPACE_H

#include "train/description.h"
#include "train/trainer.h"

#define RECS__RANGE_VALUES 16

typedef struct recs__range {
    bool free;
    bool log;
    double low, high;                  /* when there are no values */
    double values[RECS__RANGE_VALUES]; /* choices as their index; in rising order */
    uint32_t value_count;
} recs__range;

typedef struct recs__space {
    recs__description base; /* free settings at their default, or the nearest in range */
    recs__range ranges[RECS__COMPONENTS_MAX][RECS__SETTINGS_MAX];
} recs__space;

/* As recs__description_parse, errors with their column too. */
recs_status recs__space_parse(recs__space *space, const char *text, recs_error *error);

/* The value of one setting: sets *range, and *value to the default or what is
 * nearest in the range. Everything of bytes is it. column is of bytes. */
recs_status recs__range_parse(const recs__trainer *trainer, const recs__setting *setting,
                              const char *bytes, size_t size, size_t column, recs__range *range,
                              double *value, recs_error *error);

/* The text of a range of its own, as a user would write it; NULL: none. */
const char *recs__range_own(const char *trainer, const char *setting);

/* Settings that are free of a component, into free (indexes of its table). */
uint32_t recs__space_free(const recs__space *space, uint32_t component,
                          uint32_t free[RECS__SETTINGS_MAX]);

/* A setting between 0 and 1 and back. Back, numbers have three digits, whole
 * ones are whole, and values are those of the list. */
double recs__range_place(const recs__range *range, double value);
double recs__range_value(const recs__range *range, const recs__setting *setting, double place);

/* Of everything in the space, so that two can be told apart. */
uint64_t recs__space_hash(const recs__space *space);

#endif
