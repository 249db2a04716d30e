/* fault_host.h - a recs_host whose Nth allocation fails, and that notices
 * leaks, double frees and blocks that were never its own.
 *
 * The usual test makes every allocation of a call fail in turn, first one
 * alone, then it and all after it, until the call goes through unharmed:
 *
 *     fault_host faults;
 *     FAULT_LOOP(faults) {
 *         recs_error error = {0};
 *         recs__pin *pin = NULL;
 *         if (fault_passed(&faults, recs__pin_create(&pin, f, c, &faults.host, &error), &error))
 *             recs__pin_destroy(pin);
 *     }
 *
 * After each turn the loop fails the test if a block is left or a release was
 * wrong. What must not fail in the body (making the handle under test, looking
 * at it afterwards) goes between fault_off and fault_on:
 *
 *     FAULT_LOOP(faults) {
 *         fault_off(&faults);
 *         handle *h = make(&faults.host);
 *         fault_on(&faults);
 *         bool added = fault_passed(&faults, handle_add(h, 7, &error), &error);
 *         fault_off(&faults);
 *         assert_int_equal(handle_count(h), added ? 1 : 0);
 *         handle_destroy(h);
 *     }
 *
 * New blocks are filled with 0xA5 and released ones with 0x5A, so that
 * whoever reads what was never written reads nonsense. Any thread may
 * allocate. */
#ifndef SUPPORT_FAULT_HOST_H
#define SUPPORT_FAULT_HOST_H

#include "recs/base.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct fault_block {
    void *block; /* NULL: free slot */
    size_t size;
} fault_block;

typedef struct fault_host {
    recs_host host; /* what is lent: pass &faults.host */

    /* What fails. Set freely before a call. */
    bool armed;      /* only armed allocations count and fail            */
    size_t fail_at;  /* the armed allocation that fails, from 1; 0: none */
    bool fail_after; /* so do all after it                               */

    /* What happened. */
    size_t allocations; /* armed ones so far, reallocations included */
    size_t faults;      /* of these, made to fail                    */
    size_t total;       /* all allocations, armed or not             */
    size_t live_blocks;
    size_t live_bytes;
    size_t peak_bytes;
    size_t bad_releases; /* of what is not a live block of this host */

    /* Private. */
    pthread_mutex_t lock;
    fault_block *blocks; /* open addressing, capacity a power of two */
    size_t capacity;
    size_t turn; /* of FAULT_LOOP */
} fault_host;

/* Makes a host that never fails until told to. All other members of
 * faults->host are zero, for the test to set. */
void fault_host_init(fault_host *faults);

/* Fails the test on a leak or a wrong release; then releases everything. */
void fault_host_done(fault_host *faults);

static inline void fault_on(fault_host *faults) { faults->armed = true; }
static inline void fault_off(fault_host *faults) { faults->armed = false; }

/* Arms the next allocations: the nth from now fails, and with fail_after all
 * later ones too. nth 0: none. */
void fault_arm(fault_host *faults, size_t nth, bool fail_after);

/* True when status is RECS_OK. Otherwise asserts that it is
 * RECS_ERR_MEMORY, that the error says the same with some text, and that an
 * allocation did fail; returns false. */
bool fault_passed(const fault_host *faults, recs_status status, const recs_error *error);

/* The head of a block that is run until nothing fails any more, see above. */
#define FAULT_LOOP(faults) for (fault_loop_begin(&(faults)); fault_loop_next(&(faults));)

void fault_loop_begin(fault_host *faults);
bool fault_loop_next(fault_host *faults);

#endif
