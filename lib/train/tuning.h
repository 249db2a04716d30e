/* tuning.h - the inside of recs_tuning: trials, and which is best. */
#ifndef RECS_TRAIN_TUNING_H
#define RECS_TRAIN_TUNING_H

#include "train/tune_parts.h"
#include "train/tune_space.h"
#include "train/tune_state.h"

typedef struct recs__trial {
    uint32_t component; /* of the space */
    uint32_t rung;
    bool whole;                          /* trained with all others, not alone */
    double settings[RECS__SETTINGS_MAX]; /* of the component, when alone        */
    char *trained;                       /* a description, with all its iterations */
    char *varied;                        /* of it, what was free: "alpha=3, …" */
    char *failed;                        /* why; NULL: it went well            */
    double value, recall, ndcg, coverage, popularity;
    double users, train_seconds, evaluate_seconds;
} recs__trial;

struct recs_tuning {
    recs_host host;
    recs__space *space;
    uint32_t rungs[RECS__COMPONENTS_MAX]; /* 1 to RECS__RUNGS */
    double floor; /* of coverage */
    char metric[24];
    char validation[48];
    recs__trial *trials;
    size_t count, capacity;
    char *description;
    bool stopped;
};

/* Takes the trial (its texts too, whatever comes). MEMORY. */
recs_status recs__tuning_add(recs_tuning *tuning, recs__trial *trial, recs_error *error);
void recs__trial_clear(recs__trial *trial, const recs_host *host);

/* A trial as a line of the state file, and back. DATA: a field is missing or
 * does not belong to this search (the text says which). */
recs_status recs__trial_write(const recs_tuning *tuning, const recs__trial *trial, size_t index,
                              recs__state *state, recs_error *error);
recs_status recs__trial_read(const recs_tuning *tuning, const recs__state_line *line,
                             recs__trial *trial, recs_error *error);

/* How many rungs a component has: one for each third of its iterations (by default)
 * that leaves LEAST_ITERATIONS (tuning.c); one when it has none or they are free. */
uint32_t recs__tuning_rungs(const recs__space *space, uint32_t component);
/* Settings of a rung: the same with its share of the iterations. */
void recs__tuning_settings(const recs_tuning *tuning, uint32_t component, uint32_t rung,
                           double settings[RECS__SETTINGS_MAX]);

/* The floor of coverage at a rung: fewer users show less of the catalogue, so it
 * is lowered by as much as the component's first trial covers less there. */
double recs__tuning_floor(const recs_tuning *tuning, uint32_t component, uint32_t rung);

/* Best of a component at the highest rung it has got to; SIZE_MAX: none. */
size_t recs__tuning_best(const recs_tuning *tuning, uint32_t component);

/* Sets the description from the best of each component. MEMORY. */
recs_status recs__tuning_describe(recs_tuning *tuning, recs_error *error);

#endif
