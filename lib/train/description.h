/* description.h - the one string that says what a model is made of.
 *
 *   description = entry { "," entry }
 *   entry       = [ name "=" ] trainer [ "(" setting { "," setting } ")" ]
 *               | name "=" term { "+" term }
 *               | [ name "=" ] "blend" "(" name "," name { "," name } { "," setting } ")"
 *   setting     = name "=" value        a text (a path) may be in double quotes
 *   term        = [ number "*" ] name of an earlier trained component
 *
 * An unnamed entry is named after its trainer. A single bare word after
 * "name =" is a component if one of that name came before, else a trainer.
 * The weights of blend(…) are learned (blend_learning.h).
 * Parsed once, strict: every error names the column, the value and what is
 * allowed. Defaults are written here once, in the trainers' tables. */
#ifndef RECS_TRAIN_DESCRIPTION_H
#define RECS_TRAIN_DESCRIPTION_H

#include "recs/train.h"

#include <stdbool.h>

#define RECS__SETTINGS_MAX 24
#define RECS__COMPONENTS_MAX 32
#define RECS__TERMS_MAX 16
#define RECS__NAME_MAX 63
#define RECS__SETTING_TEXT 256 /* with the NUL */

/* A setting of a trainer: a number in [low, high] (whole when integer), or a
 * choice among the words of `choices` ("a|b|c"), held as the word's index. */
typedef struct recs__setting {
    const char *name;
    double fallback;
    double low, high;
    bool integer;
    const char *choices;
    int text; /* 1 to 3: a text, kept in texts[text - 1] of the spec; its value is 1 when given */
} recs__setting;

struct recs__trainer; /* trainer.h */

/* Settings of blend(…). validation and share are the same in all blends of a
 * description: there is one validation part. */
enum {
    RECS__BLEND_METRIC,     /* a recs__blend_metric                      */
    RECS__BLEND_K,
    RECS__BLEND_VALIDATION, /* a recs__holdout_how (holdout.h)           */
    RECS__BLEND_SHARE,
    RECS__BLEND_REPEATS,    /* a recs__blend_repeats                     */
    RECS__BLEND_SETTINGS
};
typedef enum recs__blend_metric { RECS__BLEND_NDCG, RECS__BLEND_RECALL } recs__blend_metric;
/* Which lists the weights are for: without the visitor's own items, of all, of those alone. */
typedef enum recs__blend_repeats {
    RECS__BLEND_EXCLUDE,
    RECS__BLEND_INCLUDE,
    RECS__BLEND_ONLY
} recs__blend_repeats;
extern const recs__setting recs__blend_settings[RECS__BLEND_SETTINGS];

/* Where the weights of a blend come from. */
typedef enum recs__weights {
    RECS__WEIGHTS_GIVEN,
    RECS__WEIGHTS_TO_LEARN,
    RECS__WEIGHTS_LEARNED
} recs__weights;

typedef struct recs__term {
    uint32_t component;
    float weight;
} recs__term;

typedef struct recs__spec {
    char name[RECS__NAME_MAX + 1];
    const struct recs__trainer *trainer; /* NULL: a blend */
    char texts[3][RECS__SETTING_TEXT];
    double settings[RECS__SETTINGS_MAX]; /* in the order of the trainer's table, or of blend's */
    recs__weights weights;
    recs__term terms[RECS__TERMS_MAX];
    uint32_t term_count;
} recs__spec;

typedef struct recs__description {
    recs__spec specs[RECS__COMPONENTS_MAX];
    uint32_t count;
    uint32_t term_count; /* of all blends */
} recs__description;

/* ARGUMENT names the column (from 1, in bytes), the value and what would do. */
recs_status recs__description_parse(recs__description *description, const char *text,
                                    recs_error *error);

/* The settings of one entry with every default resolved, "als(factors=64, …)"
 * or "0.7*als + 0.3*itemknn" (of a blend whose weights are learned: those); of
 * all entries, "name = …, …", which trains the same again: blend(…) stays
 * one. Owned by the caller; NULL when memory ran out. */
char *recs__spec_text(const recs__description *description, uint32_t index, const recs_host *host,
                      recs_error *error);
char *recs__description_text(const recs__description *description, const recs_host *host,
                             recs_error *error);

#endif
