/* problems.h - rows that cannot be used: counted by reason, the first of each
 * kept as text. */
#ifndef RECS_TRAIN_PROBLEMS_H
#define RECS_TRAIN_PROBLEMS_H

#include "recs/base.h"

#include <stdbool.h>

typedef enum recs__problem {
    RECS__PROBLEM_FIELDS,   /* wrong number of fields          */
    RECS__PROBLEM_USER,     /* user missing or not an id       */
    RECS__PROBLEM_ITEM,     /* item missing or not an id       */
    RECS__PROBLEM_GROUP,    /* basket, session or place        */
    RECS__PROBLEM_TIME,     /* time missing or unreadable      */
    RECS__PROBLEM_NUMBER,   /* quantity, value, price, propensity */
    RECS__PROBLEM_TYPE,     /* too many types, or a bad name   */
    RECS__PROBLEM_TITLE,    /* catalogue: not UTF-8            */
    RECS__PROBLEM_TWICE,    /* catalogue: an id seen before    */
    RECS__PROBLEM_SOURCE,   /* neither organic nor recommended */
    RECS__PROBLEM_COUNT
} recs__problem;

#define RECS__PROBLEM_SHOWN 3
#define RECS__PROBLEM_TEXT 192

typedef struct recs__problems {
    uint64_t counts[RECS__PROBLEM_COUNT];
    char shown[RECS__PROBLEM_COUNT][RECS__PROBLEM_SHOWN][RECS__PROBLEM_TEXT];
} recs__problems;

/* "time missing or unreadable" … */
const char *recs__problem_name(recs__problem problem);

/* Counts one. The text says where, what and what was expected: "log.csv, line
 * 17, column time: \"yesterday\", expected a time". column and value may be
 * NULL; value is cut and cleaned. strict: DATA with the same text. */
recs_status recs__problems_add(recs__problems *problems, recs__problem problem, bool strict,
                               const char *file, uint64_t line, const char *column,
                               const char *value, size_t value_size, const char *expected,
                               recs_error *error);

uint64_t recs__problems_total(const recs__problems *problems);

#endif
