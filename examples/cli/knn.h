/* knn.h - what the four jobs of `recs knn` share. */
#ifndef RECS_CLI_KNN_H
#define RECS_CLI_KNN_H

#include "cli.h"
#include "recs/vector_file.h"

typedef struct knn {
    const command *self;
    common shared;
    session session;
    progress progress;
    /* vectors in and out */
    const char *input, *output, *set, *component, *spec;
    recs_vector_file_options format;
    size_t memory;
    bool trusted;
    /* what is asked */
    const char *item, *history, *vector, *deny, *allow;
    bool best, exact, include_seen, has_radius, in_place;
    double radius, recall;
    size_t limit, effort, queries, seed;
} knn;

/* Opens --set. NULL: said why, *code set. */
recs_vectors *knn_open(knn *k, int *code);

/* Reads all of a file of vectors into arrays: ids packed. NULL values: said why. */
typedef struct knn_rows {
    float *values;
    size_t count;
    char *bytes;
    uint32_t *offsets;
} knn_rows;
bool knn_read(knn *k, const char *path, uint32_t dimension, knn_rows *rows, int *code);
void knn_rows_free(knn_rows *rows);

int knn_build(knn *k);
int knn_search(knn *k);
int knn_info(knn *k);
int knn_tune(knn *k); /* knn_tune.c */

#endif
