/* Compiled against FAISS's own headers by scripts/build-faiss and thrown
 * away: a prototype in faiss_calls.h that is not FAISS's is an error here. */
#include "faiss_c.h"

#include "AutoTune_c.h"
#include "IndexIVF_c.h"
#include "Index_c.h"
#include "error_c.h"
#include "impl/AuxIndexStructures_c.h"
#include "index_factory_c.h"
#include "index_io_c.h"

#include "faiss/faiss_calls.h"

/* A class and its parent are one type or two, by version. */
#define LIKE(member) (__typeof__(((recs__faiss_calls *)0)->member))

const recs__faiss_calls recs__faiss_prototypes = {
    .index_factory = LIKE(index_factory) faiss_index_factory,
    .Index_free = faiss_Index_free,
    .Index_d = faiss_Index_d,
    .Index_is_trained = faiss_Index_is_trained,
    .Index_ntotal = faiss_Index_ntotal,
    .Index_metric_type = LIKE(Index_metric_type) faiss_Index_metric_type,
    .Index_train = faiss_Index_train,
    .Index_add = faiss_Index_add,
    .Index_reset = faiss_Index_reset,
    .Index_assign = faiss_Index_assign,
    .Index_search = faiss_Index_search,
    .Index_remove_ids = faiss_Index_remove_ids,
    .IDSelectorBatch_new = LIKE(IDSelectorBatch_new) faiss_IDSelectorBatch_new,
    .IDSelector_free = faiss_IDSelector_free,
    .IndexIVF_cast = LIKE(IndexIVF_cast) faiss_IndexIVF_cast,
    .IndexIVF_quantizer = LIKE(IndexIVF_quantizer) faiss_IndexIVF_quantizer,
    .IndexIVF_nlist = LIKE(IndexIVF_nlist) faiss_IndexIVF_nlist,
    .ParameterSpace_new = faiss_ParameterSpace_new,
    .ParameterSpace_free = faiss_ParameterSpace_free,
    .ParameterSpace_set_index_parameter = faiss_ParameterSpace_set_index_parameter,
    .write_index = faiss_write_index,
    .read_index = faiss_read_index,
    .get_last_error = LIKE(get_last_error) faiss_get_last_error,
};
