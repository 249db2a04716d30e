/* faiss_calls.h - the functions of FAISS's C API that are used here, as a
 * table filled when the library is loaded.
 *
 * Written out again because FAISS's own headers are not needed to build
 * librecs-faiss, define names like OK and METRIC_L2 and build prototypes from
 * macros; scripts/build-faiss compiles scripts/faiss/prototypes.c, which says when
 * the two disagree. Functions that return int return 0 or a negative code;
 * last_error then has the text. No exception comes out of any of them. */
#ifndef RECS_FAISS_CALLS_H
#define RECS_FAISS_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct FaissIndex_H FaissIndex;
typedef struct FaissParameterSpace_H FaissParameterSpace;
typedef struct FaissIDSelector_H FaissIDSelector;
typedef struct FaissIDSelectorBitmap_H FaissIDSelectorBitmap;
typedef struct FaissSearchParameters_H FaissSearchParameters;

/* Its metrics, by number. */
enum { RECS__FAISS_INNER = 0, RECS__FAISS_L2 = 1 };

typedef struct recs__faiss_calls {
    int (*index_factory)(FaissIndex **, int, const char *, unsigned);
    void (*Index_free)(FaissIndex *);
    int (*Index_d)(const FaissIndex *);
    int (*Index_is_trained)(const FaissIndex *);
    int64_t (*Index_ntotal)(const FaissIndex *);
    unsigned (*Index_metric_type)(const FaissIndex *);
    int (*Index_train)(FaissIndex *, int64_t, const float *);
    int (*Index_add)(FaissIndex *, int64_t, const float *);
    int (*Index_reset)(FaissIndex *);
    int (*Index_assign)(FaissIndex *, int64_t, const float *, int64_t *, int64_t);
    int (*Index_search)(const FaissIndex *, int64_t, const float *, int64_t, float *, int64_t *);
    int (*Index_remove_ids)(FaissIndex *, const FaissIDSelector *, size_t *);
    int (*IDSelectorBatch_new)(FaissIDSelector **, size_t, const int64_t *);
    void (*IDSelector_free)(FaissIDSelector *);
    FaissIndex *(*IndexIVF_cast)(FaissIndex *);
    FaissIndex *(*IndexIVF_quantizer)(const FaissIndex *);
    size_t (*IndexIVF_nlist)(const FaissIndex *);
    int (*ParameterSpace_new)(FaissParameterSpace **);
    void (*ParameterSpace_free)(FaissParameterSpace *);
    int (*ParameterSpace_set_index_parameter)(const FaissParameterSpace *, FaissIndex *,
                                              const char *, double);
    int (*write_index)(const FaissIndex *, FILE *);
    int (*read_index)(FILE *, int, FaissIndex **);
    const char *(*get_last_error)(void);
    /* Above: every version since 1.7.2. Below: NULL where a version has none. */
    const char *(*get_version)(void);
    int (*Index_search_with_params)(const FaissIndex *, int64_t, const float *, int64_t,
                                    const FaissSearchParameters *, float *, int64_t *);
    int (*IDSelectorBitmap_new)(FaissIDSelectorBitmap **, size_t, const uint8_t *);
    void (*SearchParameters_free)(FaissSearchParameters *);
    int (*SearchParametersHNSW_new_with)(FaissSearchParameters **, FaissIDSelector *, int);
    int (*SearchParametersIVF_new_with)(FaissSearchParameters **, FaissIDSelector *, size_t,
                                        size_t);
    /* Of the OpenMP it was built with, where there is one. */
    int (*omp_get_max_threads)(void);
    void (*omp_set_num_threads)(int);
} recs__faiss_calls;

#endif
