/* faiss_gate.h - many searches at once, though each may want another setting
 * of the one index.
 *
 * Through the C API of older versions the length of a search (efSearch, nprobe)
 * is a member of the index, not an argument. Searches with the setting that is
 * in force enter side by side; one that wants another waits until those have
 * left, sets it and enters. Where everybody asks for the same, nobody waits.
 *
 * Operations: enter, leave: one atomic exchange each. Invariants:
 *   1. the setting is written only by who has turned `busy` on, when nobody is
 *      inside;
 *   2. what a fork left inside does not count: the state carries the number of
 *      forks, and one of another number is an empty gate. */
#ifndef RECS_FAISS_GATE_H
#define RECS_FAISS_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct recs__faiss_gate {
    /* 16 bits forks, 1 busy, 23 setting, 24 inside */
    _Atomic uint64_t state;
} recs__faiss_gate;

enum { RECS__FAISS_SETTING_MOST = (1 << 23) - 1 };

/* Enters with setting (1 to RECS__FAISS_SETTING_MOST). True: the caller has to
 * put it in force now, alone, and then call opened. */
bool recs__faiss_gate_enter(recs__faiss_gate *gate, uint32_t setting, unsigned forks);
void recs__faiss_gate_opened(recs__faiss_gate *gate, uint32_t setting, unsigned forks);

/* The setting could not be put in force: none is, and the caller is out. */
void recs__faiss_gate_broken(recs__faiss_gate *gate, unsigned forks);
void recs__faiss_gate_leave(recs__faiss_gate *gate);

#endif
