/* faiss_gate.c - searches side by side under one setting, behind faiss_gate.h.
 * Waiting is yielding first and then sleeping in short steps: who waits does so
 * for the length of a search, and only where settings are mixed. */
#include "faiss/faiss_gate.h"

#include <sched.h>
#include <time.h>

#define FORKS(state) ((unsigned)((state) >> 48))
#define BUSY(state) (((state) >> 47 & 1) != 0)
#define SETTING(state) ((uint32_t)((state) >> 24 & RECS__FAISS_SETTING_MOST))
#define INSIDE(state) ((uint32_t)((state) & 0xFFFFFF))

static uint64_t packed(unsigned forks, bool busy, uint32_t setting, uint32_t inside) {
    return (uint64_t)(forks & 0xFFFF) << 48 | (uint64_t)busy << 47 | (uint64_t)setting << 24 |
           inside;
}

static void pause_a_little(unsigned turn) {
    if (turn < 16) {
        sched_yield();
        return;
    }
    const struct timespec step = {0, turn < 64 ? 20000 : 200000};
    nanosleep(&step, NULL);
}

bool recs__faiss_gate_enter(recs__faiss_gate *gate, uint32_t setting, unsigned forks) {
    uint64_t state = atomic_load_explicit(&gate->state, memory_order_acquire);
    for (unsigned turn = 0;;) {
        bool stale = FORKS(state) != (forks & 0xFFFF); /* invariant 2 */
        bool same = !stale && !BUSY(state) && SETTING(state) == setting;
        bool empty = stale || (!BUSY(state) && INSIDE(state) == 0);
        uint64_t next;
        if (same)
            next = state + 1;
        else if (empty)
            next = packed(forks, true, setting, 1);
        else {
            pause_a_little(turn++);
            state = atomic_load_explicit(&gate->state, memory_order_acquire);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&gate->state, &state, next,
                                                  memory_order_acq_rel, memory_order_acquire))
            return !same;
    }
}

void recs__faiss_gate_opened(recs__faiss_gate *gate, uint32_t setting, unsigned forks) {
    atomic_store_explicit(&gate->state, packed(forks, false, setting, 1), memory_order_release);
}

void recs__faiss_gate_broken(recs__faiss_gate *gate, unsigned forks) {
    atomic_store_explicit(&gate->state, packed(forks, false, 0, 0), memory_order_release);
}

void recs__faiss_gate_leave(recs__faiss_gate *gate) {
    atomic_fetch_sub_explicit(&gate->state, 1, memory_order_release);
}
