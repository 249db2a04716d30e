/* evaluation.h - the table an evaluation ends in: systems by metrics, their
 * intervals, segments, and what is kept of each user. */
#ifndef RECS_TRAIN_EVALUATION_H
#define RECS_TRAIN_EVALUATION_H

#include "recs/train.h"
#include "train/metrics.h"

#define RECS__EVALUATION_ROWS 160
#define RECS__EVALUATION_CUTOFFS 12
#define RECS__EVALUATION_METRICS (RECS__METRICS * RECS__EVALUATION_CUTOFFS)

/* values, lows, highs: [rows][metrics]; lows NULL: no intervals. */
typedef struct recs__figures_table {
    double *values, *lows, *highs;
} recs__figures_table;

typedef struct recs__segment {
    const char *kind; /* a literal */
    char name[48];
    uint64_t users;
    recs__figures_table table;
} recs__segment;

/* A row less another, by column; NaN where there is none. */
typedef struct recs__comparison {
    char name[240];
    uint64_t users, unpaired;
    double *first, *second, *difference, *low, *high, *p;
} recs__comparison;

struct recs_evaluation {
    recs_host host;
    char rows[RECS__EVALUATION_ROWS][80];
    char metrics[RECS__EVALUATION_METRICS][32];
    size_t row_count, metric_count;

    /* A column is metric chosen[m % chosen_count] at cutoffs[m / chosen_count]. */
    size_t chosen[RECS__METRICS], chosen_count;
    size_t cutoffs[RECS__EVALUATION_CUTOFFS], cutoff_count;

    recs__figures_table table;
    double confidence;
    uint32_t resamples;
    uint64_t seed;
    uint64_t users, users_unknown, users_empty, users_new, items_unknown;

    recs__segment *segments;
    size_t segment_count, segment_capacity;

    recs__comparison *comparisons;
    size_t comparison_count, comparison_capacity;

    /* Of each user evaluated, when they are kept: cells
     * [users][rows][cutoffs][RECS__CELLS]. */
    size_t kept;
    float *cells;
    uint32_t *histories, *tests;
    char *ids;
    uint64_t *id_offsets;

    char *protocol;
    size_t protocol_used, protocol_capacity;
};

recs_evaluation *recs__evaluation_create(const recs_host *host, recs_error *error);

/* Room for the figures of rows x metrics, all NaN. MEMORY. */
recs_status recs__figures_create(recs__figures_table *table, const recs_evaluation *evaluation,
                                 bool intervals, recs_error *error);
void recs__figures_clear(recs__figures_table *table, const recs_host *host);

void recs__comparison_clear(recs__comparison *comparison, const recs_host *host);

/* A new last segment with room for its figures; its place in *segment. */
recs_status recs__evaluation_segment(recs_evaluation *evaluation, const char *kind,
                                     const char *name, uint64_t users, bool intervals,
                                     recs__segment **segment, recs_error *error);

/* The metric of a column and its cutoff's place. */
static inline const recs__metric *recs__evaluation_metric(const recs_evaluation *evaluation,
                                                          size_t column, size_t *cutoff) {
    *cutoff = column / evaluation->chosen_count;
    return recs__metric_at(evaluation->chosen[column % evaluation->chosen_count]);
}

/* Appends to the protocol's text. MEMORY. */
recs_status recs__evaluation_say(recs_evaluation *evaluation, recs_error *error,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
