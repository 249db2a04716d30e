/* recs/events.h - a batch of events by column, reused for ever.
 *
 * An event is: somebody (user, session or basket) did something (type) to an
 * item at a time. Only item, type and time are required; every other field
 * may be absent. Ids are copied; the batch grows and is reset without giving
 * its memory back, so a warm batch allocates nothing. One thread at a time.
 *
 *     recs_events_begin(e, "sku-17", RECS_EVENT_BUY, 1700000000000);
 *     recs_events_user(e, "42");
 *     recs_events_quantity(e, 2);
 */
#ifndef RECS_EVENTS_H
#define RECS_EVENTS_H

#include "recs/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recs_events recs_events;

/* Event types. A shop's own types are numbered from RECS_EVENT_CUSTOM on, at
 * most RECS_EVENT_MAX; recs_event_bit makes the masks of query.h. */
typedef enum recs_event_type {
    RECS_EVENT_VIEW = 0,
    RECS_EVENT_CLICK = 1,
    RECS_EVENT_CART = 2,
    RECS_EVENT_BUY = 3,
    RECS_EVENT_RETURN = 4,
    RECS_EVENT_DISLIKE = 5,
    RECS_EVENT_IMPRESSION = 6,
    RECS_EVENT_RATING = 7,
    RECS_EVENT_CUSTOM = 8,
    RECS_EVENT_MAX = 31
} recs_event_type;

#define RECS_EVENT_BIT(type) (UINT32_C(1) << (type))
#define RECS_EVENT_ALL UINT32_MAX

/* The bit of a type, 0 when there is no such type; all bits. Since 0.1. */
RECS_API uint32_t recs_event_bit(int32_t type);
RECS_API uint32_t recs_event_all(void);

/* "view", "buy", …; NULL for a shop's own or an unknown type. Since 0.1. */
RECS_API const char *recs_event_name(int32_t type);

/* The type of a name ("view", "click", "pageview", "addtocart", "purchase",
 * "transaction", "refund" … in any case); -1 when unknown. Since 0.1. */
RECS_API int32_t recs_event_type_of(const char *name);

/* Where an event came from: the shop's own traffic or a recommendation. */
typedef enum recs_event_source {
    RECS_SOURCE_ORGANIC = 0,
    RECS_SOURCE_RECOMMENDED = 1
} recs_event_source;

/* Text fields of an event, for recs_events_text. */
typedef enum recs_event_field {
    RECS_FIELD_ID = 0,
    RECS_FIELD_USER = 1,
    RECS_FIELD_SESSION = 2,
    RECS_FIELD_BASKET = 3,
    RECS_FIELD_ITEM = 4,
    RECS_FIELD_PLACE = 5,
    RECS_FIELD_SEGMENT = 6,
    RECS_FIELD_REQUEST = 7,
    RECS_FIELD_PLACEMENT = 8
} recs_event_field;
#define RECS_FIELD_COUNT 9

RECS_API recs_status recs_events_create(recs_events **events, const recs_host *host,
                                        recs_error *error);
RECS_API void recs_events_destroy(recs_events *events);
RECS_API void recs_events_reset(recs_events *events);
RECS_API size_t recs_events_count(const recs_events *events);

/* Appends an event; the setters below then fill its optional fields. time in
 * milliseconds since 1970 UTC, or RECS_NO_TIME. Setters return ARGUMENT
 * (an id that is too long, not UTF-8; a value that is not finite) or MEMORY;
 * a failed call changes nothing. Text NULL or empty: the field is absent again
 * (for the item: ARGUMENT). A setter before the first event is STATE. Cost: amortised constant. Since 0.1. */
RECS_API recs_status recs_events_begin(recs_events *events, const char *item, int32_t type,
                                       int64_t time, recs_error *error);
RECS_API recs_status recs_events_text(recs_events *events, int32_t field, const char *text,
                                      recs_error *error);
/* Default 1 when absent. Negative: so many came back. */
RECS_API recs_status recs_events_quantity(recs_events *events, double quantity, recs_error *error);
RECS_API recs_status recs_events_price(recs_events *events, double price, recs_error *error);
/* A rating or a weight the shop gives the event itself. */
RECS_API recs_status recs_events_value(recs_events *events, double value, recs_error *error);
RECS_API recs_status recs_events_source(recs_events *events, int32_t source, recs_error *error);
RECS_API recs_status recs_events_propensity(recs_events *events, double propensity,
                                            recs_error *error);
RECS_API recs_status recs_events_position(recs_events *events, uint32_t position,
                                          recs_error *error);

/* Whole columns at once. Each sets the column of all events; the first call
 * on an empty batch fixes their number, later ones must agree (ARGUMENT).
 * Texts are packed as in Arrow: text i is bytes[offsets[i]] to
 * bytes[offsets[i + 1]], offsets has count + 1 members and starts at 0; an
 * empty text is an absent one (for the item: ARGUMENT, naming the row). A
 * quantity, price or value that is NaN is absent, an infinite one ARGUMENT. A
 * failed call changes nothing. Since 0.1. */
RECS_API recs_status recs_events_set_text(recs_events *events, int32_t field, const char *bytes,
                                          const uint32_t *offsets, size_t count,
                                          recs_error *error);
RECS_API recs_status recs_events_set_types(recs_events *events, const int32_t *types, size_t count,
                                           recs_error *error);
RECS_API recs_status recs_events_set_times(recs_events *events, const int64_t *times, size_t count,
                                           recs_error *error);
RECS_API recs_status recs_events_set_quantities(recs_events *events, const double *quantities,
                                                size_t count, recs_error *error);
RECS_API recs_status recs_events_set_prices(recs_events *events, const double *prices, size_t count,
                                            recs_error *error);
RECS_API recs_status recs_events_set_values(recs_events *events, const double *values, size_t count,
                                            recs_error *error);

/* Reading back, for those who take events (trainers, engines). index must be
 * below the count. Absent: text NULL with *size 0, quantity 1, price and
 * value NaN, time RECS_NO_TIME, propensity 1, source organic, position
 * UINT32_MAX. Texts live with the batch until it changes. Since 0.1. */
RECS_API const char *recs_events_get_text(const recs_events *events, size_t index, int32_t field,
                                          size_t *size);
RECS_API int32_t recs_events_get_type(const recs_events *events, size_t index);
RECS_API int64_t recs_events_get_time(const recs_events *events, size_t index);
RECS_API double recs_events_get_quantity(const recs_events *events, size_t index);
RECS_API double recs_events_get_price(const recs_events *events, size_t index);
RECS_API double recs_events_get_value(const recs_events *events, size_t index);
RECS_API int32_t recs_events_get_source(const recs_events *events, size_t index);
RECS_API double recs_events_get_propensity(const recs_events *events, size_t index);
RECS_API uint32_t recs_events_get_position(const recs_events *events, size_t index);

#ifdef __cplusplus
}
#endif

#endif /* RECS_EVENTS_H */
