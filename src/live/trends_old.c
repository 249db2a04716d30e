/* trends_old.c - the numbers of trends_old.h, in doubling chunks made when first needed. */
#include "live/trends_old.h"

#include <string.h>

static size_t chunk_size(uint32_t chunk) {
    return ((size_t)RECS__TREND_FIRST_CHUNK << chunk) * sizeof(uint32_t);
}

void recs__trend_set_old(recs_trends *trends, uint32_t item, int32_t base_slot) {
    if (trends->options.memory != 0 || trends->mapped != NULL)
        return;
    uint32_t within, chunk = recs__trend_chunk(item, &within);
    _Atomic uint32_t *eras = atomic_load_explicit(&trends->olds[chunk], memory_order_acquire);
    if (eras == NULL) {
        void *made = recs__trend_alloc(trends, chunk_size(chunk), NULL);
        if (made == NULL)
            return;
        memset(made, 0, chunk_size(chunk));
        if (atomic_compare_exchange_strong(&trends->olds[chunk], &eras, made))
            eras = made;
        else
            recs__trend_release(trends, made, chunk_size(chunk));
    }
    atomic_store_explicit(&eras[within], recs__trend_era(base_slot), memory_order_relaxed);
}

void recs__trend_olds_free(recs_trends *trends) {
    for (uint32_t chunk = 0; chunk < RECS__TREND_CHUNKS; chunk++) {
        void *eras = (void *)(uintptr_t)atomic_load(&trends->olds[chunk]);
        recs__trend_release(trends, eras, chunk_size(chunk));
        atomic_store(&trends->olds[chunk], NULL);
    }
}
