/* pin.c - readers hold what a writer replaces, and nobody waits.
 *
 * Operations: enter, leave (readers, any number); swap, reap (one writer at a
 * time, which the caller sees to); create, destroy. Cost: enter and leave one
 * atomic addition each on one of 16 stripes; reap reads all stripes of one or
 * both phases, and so does swap, twice, since it reaps first.
 *
 * Method. There are two phases, each with a count of readers per stripe. A
 * reader adds itself to the current phase, then reads the pointer. A retired
 * object may be freed when every reader that could have read it has left.
 * The writer publishes the new pointer first; a reader whose addition comes
 * later reads the new one, so only readers already counted, in either phase,
 * matter. Waiting for both counts to be seen at zero, each once and at any
 * time after, is therefore enough - and two phases make sure that this
 * happens although readers never stop coming: the writer turns new readers to
 * the other phase, so that the one left alone drains.
 *
 * Invariants
 *   (1) an object is freed only when both phases were seen at zero after it
 *       was retired;
 *   (2) all operations on shared words are sequentially consistent: the
 *       argument above needs one order of additions, the publication and the
 *       writer's reads, and sanitizers understand it;
 *   (3) free_object never calls back into its pin;
 *   (4) a reader does one addition, one load, one subtraction: it can neither
 *       loop nor fail nor free.
 *
 * A stripe is chosen from the address of a variable on the reader's stack:
 * different for every thread without keeping any state per thread. */
#include "base/pin.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdatomic.h>
#include <string.h>

enum { STRIPES = 16, CACHE_LINE = 64, PHASES = 2 };

typedef struct stripe {
    atomic_uint_fast64_t readers;
    char apart[CACHE_LINE - sizeof(atomic_uint_fast64_t)];
} stripe;

/* A retired object and the phases not yet seen at zero since. */
typedef struct retired {
    void *object;
    unsigned waiting; /* bit p: phase p */
} retired;

struct recs__pin {
    stripe stripes[PHASES][STRIPES];
    _Atomic(void *) current;
    atomic_uint phase; /* where new readers are counted */
    char apart[CACHE_LINE];

    /* The writer's own. */
    recs_host host;
    recs__pin_free *free_object;
    void *context;
    retired *list; /* oldest first */
    size_t count, capacity;
};

recs_status recs__pin_create(recs__pin **pin, recs__pin_free *free_object, void *context,
                             const recs_host *host, recs_error *error) {
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    recs__pin *made = recs__alloc_aligned(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    memset(made, 0, sizeof *made);
    for (int p = 0; p < PHASES; p++)
        for (int s = 0; s < STRIPES; s++)
            atomic_init(&made->stripes[p][s].readers, 0);
    atomic_init(&made->current, NULL);
    atomic_init(&made->phase, 0);
    made->host = resolved;
    made->free_object = free_object;
    made->context = context;
    *pin = made;
    return RECS_OK;
}

static void free_object(const recs__pin *pin, void *object) {
    if (object != NULL)
        pin->free_object(pin->context, object);
}

void recs__pin_destroy(recs__pin *pin) {
    if (pin == NULL)
        return;
    for (size_t i = 0; i < pin->count; i++)
        free_object(pin, pin->list[i].object);
    free_object(pin, atomic_load(&pin->current));
    recs_host host = pin->host;
    recs__free(&host, pin->list);
    recs__free_aligned(&host, pin);
}

static unsigned choose_stripe(void) {
    char here;
    uint64_t address = (uint64_t)(uintptr_t)&here;
    /* Stacks lie megabytes apart: what is below a page only tells calls of
     * one thread apart. */
    return (unsigned)((address >> 12) * UINT64_C(0x9E3779B97F4A7C15) >> 60) % STRIPES;
}

void *recs__pin_enter(recs__pin *pin, uint32_t *ticket) {
    unsigned phase = atomic_load(&pin->phase), stripe_index = choose_stripe();
    atomic_fetch_add(&pin->stripes[phase][stripe_index].readers, 1);
    *ticket = phase * STRIPES + stripe_index;
    return atomic_load(&pin->current);
}

void recs__pin_leave(recs__pin *pin, uint32_t ticket) {
    atomic_fetch_sub(&pin->stripes[ticket / STRIPES][ticket % STRIPES].readers, 1);
}

/* Whether every stripe of a phase was seen at zero. A reader counted before
 * the object was retired stays in its stripe until it leaves, so each stripe
 * may be looked at in its own moment. */
static bool drained(recs__pin *pin, unsigned phase) {
    for (int s = 0; s < STRIPES; s++)
        if (atomic_load(&pin->stripes[phase][s].readers) != 0)
            return false;
    return true;
}

/* Looks which phases are at zero and notes it for all that is retired. An
 * empty idle phase takes the new readers, so that the busy one drains. */
static void advance(recs__pin *pin) {
    unsigned busy = atomic_load(&pin->phase), idle = 1 - busy, seen = 0;
    if (drained(pin, idle)) {
        seen |= 1u << idle;
        atomic_store(&pin->phase, idle);
    }
    if (drained(pin, busy))
        seen |= 1u << busy;
    for (size_t i = 0; i < pin->count; i++)
        pin->list[i].waiting &= ~seen;
}

size_t recs__pin_reap(recs__pin *pin) {
    if (pin->count == 0)
        return 0;
    advance(pin);
    /* Whoever was retired earlier waits for no more phases than who came
     * later, so what can go stands in front. */
    size_t freed = 0;
    while (freed < pin->count && pin->list[freed].waiting == 0)
        free_object(pin, pin->list[freed++].object);
    pin->count -= freed;
    memmove(pin->list, pin->list + freed, pin->count * sizeof *pin->list);
    return pin->count;
}

recs_status recs__pin_swap(recs__pin *pin, void *object, recs_error *error) {
    recs__pin_reap(pin);
    void *list = pin->list;
    recs_status status = recs__grow(&pin->host, &list, &pin->capacity, pin->count + 1,
                                    sizeof *pin->list, error);
    pin->list = list;
    if (status != RECS_OK)
        return status;
    void *old = atomic_exchange(&pin->current, object);
    if (old != NULL)
        pin->list[pin->count++] = (retired){old, (1u << PHASES) - 1};
    /* At once, so that readers of the new object are not counted with those
     * of the old one and cannot hold it up. */
    advance(pin);
    return RECS_OK;
}
