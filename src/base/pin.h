/* pin.h - readers hold an object that a writer may replace, without waiting.
 *
 * Striped two-phase counters with sequentially consistent atomics. A reader
 * enters (an increment in its stripe of the current phase), reads the pointer
 * and leaves; a writer publishes a new pointer and retires the old one, which
 * is freed by a later reap once both phases have drained. Readers never wait
 * and never free; writers are serialised by the caller.
 *
 * Cost: enter and leave one atomic add each; reap reads all stripes. */
#ifndef RECS_BASE_PIN_H
#define RECS_BASE_PIN_H

#include "recs/base.h"

typedef struct recs__pin recs__pin;
typedef void recs__pin_free(void *context, void *object);

recs_status recs__pin_create(recs__pin **pin, recs__pin_free *free_object, void *context,
                             const recs_host *host, recs_error *error);
/* No reader may be inside. Frees the current and all retired objects. */
void recs__pin_destroy(recs__pin *pin);
/* Returns the current object (may be NULL); *ticket goes back to leave. */
void *recs__pin_enter(recs__pin *pin, uint32_t *ticket);
void recs__pin_leave(recs__pin *pin, uint32_t ticket);
/* Publishes object and retires the one before. On MEMORY nothing changed. */
recs_status recs__pin_swap(recs__pin *pin, void *object, recs_error *error);
/* Frees what no reader can hold any more; returns how many remain. */
size_t recs__pin_reap(recs__pin *pin);

#endif
