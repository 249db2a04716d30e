/* trends_old.c - the numbers of trends_old.h, in doubling chunks made when first needed. */
#include "live/trends_old.h"

#include <string.h>

static size_t chunk_size(uint32_t chunk) {
    return ((size_t)RECS__TREND_FIRST_CHUNK << chunk) * sizeof(uint64_t);
}

void recs__trend_set_known(recs_trends *trends, uint32_t item, int32_t base_slot, int64_t time) {
    int64_t seconds = (time - recs__trend_era_begin(trends, base_slot) + 999) / 1000;
    if (trends->options.memory != 0 || trends->mapped != NULL || seconds < 0 ||
        seconds > UINT32_MAX)
        return;
    uint32_t within, chunk = recs__trend_chunk(item, &within);
    _Atomic uint64_t *known = atomic_load_explicit(&trends->known[chunk], memory_order_acquire);
    if (known == NULL) {
        void *made = recs__trend_alloc(trends, chunk_size(chunk), NULL);
        if (made == NULL)
            return;
        memset(made, 0, chunk_size(chunk));
        if (atomic_compare_exchange_strong(&trends->known[chunk], &known, made))
            known = made;
        else
            recs__trend_release(trends, made, chunk_size(chunk));
    }
    if (time < atomic_load_explicit(&trends->oldest_known, memory_order_relaxed))
        atomic_store_explicit(&trends->oldest_known, time, memory_order_relaxed);
    uint64_t at = ((uint64_t)(uint32_t)base_slot + 1) << 32 | (uint64_t)seconds;
    if (atomic_load_explicit(&known[within], memory_order_relaxed) != at)
        atomic_store_explicit(&known[within], at, memory_order_relaxed);
}

void recs__trend_known_free(recs_trends *trends) {
    for (uint32_t chunk = 0; chunk < RECS__TREND_CHUNKS; chunk++) {
        void *known = (void *)(uintptr_t)atomic_load(&trends->known[chunk]);
        recs__trend_release(trends, known, chunk_size(chunk));
        atomic_store(&trends->known[chunk], NULL);
    }
}
