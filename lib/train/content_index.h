/* content_index.h - an approximate index of a content component's vectors, made by a
 * backend (recs/backend.h) and stored beside them.
 *
 * The sections are those of a vector set alone (src/search/vectors_file.c): who opens
 * the set inside the model (recs_vectors_open_model) searches through it, where the
 * file is trusted. */
#ifndef RECS_TRAIN_CONTENT_INDEX_H
#define RECS_TRAIN_CONTENT_INDEX_H

#include "kernels/stored.h"
#include "recs/backend.h"
#include "train/trainer.h"

typedef struct recs__content_index {
    recs_vector_backend backend; /* struct_size 0: no index was asked for */
    char text[256];              /* with every default in place           */
} recs__content_index;

/* Finds the backend and checks the description before anything is read; "exact" needs
 * none. UNSUPPORTED: librecs-faiss or FAISS is missing, the text names it. ARGUMENT: the
 * description. */
recs_status recs__content_index_check(recs__content_index *index, const char *text,
                                      uint32_t dimension, int32_t metric, recs_error *error);

/* Builds it of rows whose lengths are norms and hands its sections to trained. */
recs_status recs__content_index_build(const recs__content_index *index,
                                      const recs__train_job *job, const recs__stored *rows,
                                      const float *norms, int32_t metric,
                                      recs__trained *trained, recs_error *error);

#endif
