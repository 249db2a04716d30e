/* trainer.h - what a trainer is: a table of settings and one function from
 * matrices to the sections of a component. A new trainer is a new file and a
 * line in trainer.c. */
#ifndef RECS_TRAIN_TRAINER_H
#define RECS_TRAIN_TRAINER_H

#include "train/description.h"
#include "train/progress.h"
#include "train/training.h"
#include "recs/writer.h"

#include <stdbool.h>

#define RECS__TRAINED_SECTIONS 12

/* What a trainer leaves behind: the fields of its component record and the
 * blocks (64-byte aligned, of the training's host) that become its sections. */
typedef struct recs__trained {
    uint32_t kind; /* RECS__KIND_… of the file format, by value */
    uint32_t factors;
    float alpha, regularization, regularization_exponent;
    uint32_t items_trained;
    uint32_t rows, neighbors;              /* of user neighbours */
    float asymmetry, shrinkage, power;
    uint32_t metric, storage, merge;       /* of content */
    struct {
        uint32_t type;
        void *bytes;
        size_t size;
    } sections[RECS__TRAINED_SECTIONS];
    uint32_t section_count;
    uint32_t resolved; /* 1 + index of a setting the trainer decided (auto); 0: none */
    double resolved_value;
} recs__trained;

/* Everything a trainer may use besides the matrices. */
typedef struct recs__train_job {
    const recs__training *training;
    const recs__spec *spec;
    uint64_t seed;
    bool keep_users; /* the model stores users: user factors are wanted */
    recs__progress *progress;
    /* Bytes the trainer may hold at once, by the dataset's "memory" setting; 0:
     * what the machine has. recs__budget_check (budget.h) is asked before a
     * large allocation. */
    uint64_t memory;
    const recs_model *start; /* factors to begin with (start.h), or NULL           */
    const char *checkpoint;  /* path of files to go on from and to keep, or NULL   */
    uint64_t checkpoint_every; /* iterations, at least 1                           */
} recs__train_job;

typedef struct recs__trainer {
    const char *name;
    const recs__setting *settings;
    size_t setting_count;
    recs_status (*train)(const recs__train_job *job, recs__trained *trained, recs_error *error);
    bool blas; /* BLAS computes: the same bytes for any number of threads, not on any processor */
} recs__trainer;

extern const recs__trainer recs__trainer_als;
extern const recs__trainer recs__trainer_content;
extern const recs__trainer recs__trainer_ease;
extern const recs__trainer recs__trainer_graphfilter;
extern const recs__trainer recs__trainer_itemknn;
extern const recs__trainer recs__trainer_popular;
extern const recs__trainer recs__trainer_bpr;
extern const recs__trainer recs__trainer_userknn;
extern const recs__trainer recs__trainer_p3alpha;
extern const recs__trainer recs__trainer_rp3beta;
extern const recs__trainer recs__trainer_slim;
extern const recs__trainer recs__trainer_trending;

/* By name; NULL when there is none. By index; NULL past the end. */
const recs__trainer *recs__trainer_find(const char *name, size_t size);
const recs__trainer *recs__trainer_at(size_t index);

/* Hands a block to trained, which frees it. */
void recs__trained_add(recs__trained *trained, uint32_t type, void *bytes, size_t size);
/* A setting that was left to the trainer: what it took, for the description
 * that goes into the model. */
void recs__trained_resolve(recs__trained *trained, uint32_t setting, double value);
void recs__trained_clear(recs__trained *trained, const recs_host *host);

#endif
