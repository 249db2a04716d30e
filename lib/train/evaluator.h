/* evaluator.h - the inside of recs_evaluate, for the files that share its work:
 *
 *   evaluate.c          options, the order of the steps, sums to values
 *   evaluate_users.c    who is evaluated, what they have and what is to be found
 *   evaluate_lists.c    systems: components and baselines, and their lists
 *   evaluate_score.c    lists to cells and sums
 *   segments.c          the breakdown and the intervals
 *   protocol.c          all of it in words
 *
 * Users go in batches of a size that depends on the cutoffs alone, and within
 * them in chunks of a fixed number; sums are added chunk by chunk in order, so
 * figures do not depend on threads. */
#ifndef RECS_TRAIN_EVALUATOR_H
#define RECS_TRAIN_EVALUATOR_H

#include "recs/recommend.h"
#include "train/evaluation.h"
#include "train/item_facts.h"
#include "train/progress.h"
#include "train/training.h"

#include <stdatomic.h>

#define RECS__USERS_PER_CHUNK 128

typedef enum recs__system_kind {
    RECS__BY_COMPONENT,
    RECS__BY_ORDER,
    RECS__BY_OWN_ITEMS
} recs__system_kind;

/* A way to make a list. BY_COMPONENT fills two rows: evidence and filled. */
typedef struct recs__system {
    recs__system_kind kind;
    const char *component;
    uint32_t *order; /* BY_ORDER: items, best first; owned */
    size_t first_row, row_count;
} recs__system;

/* Whom to evaluate, as parallel columns: their rows in the model (RECS_NO_ROW:
 * asked for without one) and in the test part. Under options.histories what
 * they have is here, as rows of the model; else the model's. */
typedef struct recs__visitors {
    size_t count;
    uint32_t *rows, *tests;
    bool given;
    uint64_t *offsets; /* [count + 1] into the columns below */
    uint32_t *items;
    float *values;
    int64_t *times;
    size_t given_count, given_capacity[3];
    uint32_t *owned, *truths; /* evidence in the history, test items left */
    uint8_t *groups;          /* bits: groups of items with a test item left */
    size_t longest_history, longest_test;
} recs__visitors;

/* Lists of a batch's users for one system: [batch][deepest] rows. */
typedef struct recs__lists {
    size_t first, count, most;
    uint32_t *rows, *spare_rows, *users, *places;
    float *scores;
    uint32_t *evidence, *lengths; /* with evidence, and with fill */
} recs__lists;

typedef struct recs__evaluator {
    const recs_model *model;
    const recs__training *test;
    recs_evaluate_options options;
    recs__progress progress;
    recs_host host;
    recs_evaluation *result;
    recs_query *query;
    uint32_t items;
    uint64_t items_ignored; /* of histories given: not in the model */

    recs__system systems[RECS__EVALUATION_ROWS];
    size_t system_count;
    size_t deepest;
    double *discounts; /* recs__metrics_discounts */
    recs__item_facts facts;
    bool keeps; /* cells of each user */

    uint32_t *test_items; /* test row of an item -> model row, or none */
    recs__visitors visitors;
    recs__lists lists;

    const recs__system *system;     /* at work */
    double *chunk_sums;             /* [chunks of a batch][2][cutoffs][RECS__CELLS] */
    double *sums;                   /* [rows][cutoffs][RECS__CELLS] */
    _Atomic(uint32_t) *shown;       /* [rows][cutoffs][items]: times at ranks of that cutoff
                                       and not of the one before */
    bool differs[RECS__EVALUATION_ROWS]; /* a row with fill differs from the one before it */
    float *cells;       /* [visitors][rows][cutoffs][RECS__CELLS] or NULL */
    float *group_cells; /* [visitors][groups][rows][cutoffs][RECS__GROUP_CELLS] or NULL */

    _Atomic(int) status;
    atomic_flag error_taken;
    recs_error error;
} recs__evaluator;

/* recs_evaluate with lines to begin the protocol with (may be NULL). */
recs_status recs__evaluate(const recs_model *model, const recs_dataset *test,
                           const recs_evaluate_options *options, const char *preamble,
                           const recs_host *host, recs_evaluation **evaluation, recs_error *error);

/* A task's failure: the first is kept. */
void recs__evaluator_fail(recs__evaluator *e, recs_status status, const recs_error *error);
/* What the tasks ended with. */
recs_status recs__evaluator_status(recs__evaluator *e, recs_error *error);

/* ---- evaluate_users.c ---- */

typedef struct recs__held {
    uint32_t item; /* RECS_NO_ROW: none the model knows */
    float value;
    int64_t time;
} recs__held;

recs_status recs__evaluator_users(recs__evaluator *e, recs_error *error);
void recs__visitors_clear(recs__visitors *visitors, const recs_host *host);
size_t recs__visitor_count(const recs__evaluator *e, size_t visitor);
recs__held recs__visitor_item(const recs__evaluator *e, size_t visitor, size_t entry);

/* One user's items and what is to be found, sorted. */
typedef struct recs__needs {
    uint32_t *own;   /* [longest_history] all items, with evidence or not */
    size_t own_count;
    size_t evidence; /* of them */
    double own_popularity; /* mean of those with evidence; 0: none */
    uint32_t *truth; /* [longest_test] */
    size_t truth_known, truth_size;
    uint32_t group_sizes[RECS__ITEM_GROUPS];
} recs__needs;

recs_status recs__needs_create(recs__needs *needs, const recs__evaluator *e, recs_error *error);
void recs__needs_clear(recs__needs *needs, const recs_host *host);
/* False when nothing is left to find. */
bool recs__needs_of(recs__needs *needs, const recs__evaluator *e, size_t visitor);
bool recs__needs_eligible(const recs__needs *needs, const recs__evaluator *e, uint32_t item);

/* ---- evaluate_lists.c ---- */

recs_status recs__evaluator_systems(recs__evaluator *e, recs_error *error);
recs_status recs__lists_reserve(recs__evaluator *e, recs_error *error);
void recs__lists_clear(recs__lists *lists, const recs_host *host);
/* The lists of e->system for the visitors first to first + count. */
recs_status recs__lists_make(recs__evaluator *e, size_t first, size_t count, recs_error *error);

/* ---- evaluate_score.c ---- */

recs_status recs__evaluator_reserve(recs__evaluator *e, recs_error *error);
/* Scores the lists there are and adds to the sums. */
recs_status recs__lists_score(recs__evaluator *e, recs_error *error);

/* ---- segments.c ---- */

/* Intervals and segments, as asked for; cells become the result's. */
recs_status recs__evaluator_finish(recs__evaluator *e, recs_error *error);

/* ---- protocol.c ---- */

/* ARGUMENT: an unknown protocol, or options it does not go with. Fills in its
 * defaults. */
recs_status recs__protocol_check(recs_evaluate_options *options, recs_error *error);
recs_status recs__protocol_tell(const recs__evaluator *e, const char *preamble, recs_error *error);

#endif
