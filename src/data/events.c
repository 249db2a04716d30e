/* events.c - a batch of events by column.
 *
 * Operations: begin appends an event and the setters fill the last one, each
 * amortised constant; the set calls replace a whole column, linear; reading is
 * constant; reset is constant and keeps all memory.
 *
 * A column that no event uses costs nothing: `filled` counts the leading
 * events it has a value for, and everything from there on is absent. Texts of
 * a field lie one after another, each with a NUL behind it; ends[i] is where
 * text i ends, NUL included, so an absent text takes no byte.
 *
 * Invariants
 *   1. filled <= count for every column.
 *   2. A failed call changes nothing: it validates, reserves, then commits. */
#include "data/events.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

typedef struct text_column {
    char *bytes;
    size_t bytes_capacity;
    uint64_t *ends;
    size_t ends_capacity;
    size_t filled;
} text_column;

typedef enum number_field {
    QUANTITY,
    PRICE,
    VALUE,
    PROPENSITY,
    NUMBER_COUNT
} number_field;

/* Elements are double, int32_t, uint32_t, int64_t: whatever `size` says. */
typedef struct plain_column {
    void *data;
    size_t capacity;
    size_t filled;
} plain_column;

struct recs_events {
    recs_host host;
    size_t count;
    text_column texts[RECS_FIELD_COUNT];
    plain_column numbers[NUMBER_COUNT];
    plain_column types;     /* int32_t  */
    plain_column times;     /* int64_t  */
    plain_column sources;   /* int32_t  */
    plain_column positions; /* uint32_t */
};

/* ---- names of types ----------------------------------------------------------- */

uint32_t recs_event_bit(int32_t type) {
    return type >= 0 && type <= RECS_EVENT_MAX ? RECS_EVENT_BIT(type) : 0;
}

uint32_t recs_event_all(void) { return RECS_EVENT_ALL; }

const char *recs_event_name(int32_t type) {
    static const char *const names[] = {"view",   "click",   "cart",       "buy",
                                        "return", "dislike", "impression", "rating"};
    return type >= 0 && type < RECS_EVENT_CUSTOM ? names[type] : NULL;
}

/* Whether name is word, case and the separators _, - and space aside. */
static bool same_name(const char *name, const char *word) {
    for (; *name != '\0'; name++) {
        char c = *name;
        if (c == '_' || c == '-' || c == ' ')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != *word)
            return false;
        word++;
    }
    return *word == '\0';
}

int32_t recs_event_type_of(const char *name) {
    static const struct {
        const char *word;
        int32_t type;
    } words[] = {
        {"view", RECS_EVENT_VIEW},           {"pageview", RECS_EVENT_VIEW},
        {"productview", RECS_EVENT_VIEW},    {"viewitem", RECS_EVENT_VIEW},
        {"itemview", RECS_EVENT_VIEW},       {"detail", RECS_EVENT_VIEW},
        {"play", RECS_EVENT_VIEW},           {"listen", RECS_EVENT_VIEW},
        {"read", RECS_EVENT_VIEW},           {"watch", RECS_EVENT_VIEW},
        {"click", RECS_EVENT_CLICK},         {"selectitem", RECS_EVENT_CLICK},
        {"cart", RECS_EVENT_CART},           {"addtocart", RECS_EVENT_CART},
        {"basket", RECS_EVENT_CART},         {"addtobasket", RECS_EVENT_CART},
        {"buy", RECS_EVENT_BUY},             {"purchase", RECS_EVENT_BUY},
        {"order", RECS_EVENT_BUY},           {"transaction", RECS_EVENT_BUY},
        {"sale", RECS_EVENT_BUY},            {"sold", RECS_EVENT_BUY},
        {"return", RECS_EVENT_RETURN},       {"refund", RECS_EVENT_RETURN},
        {"returned", RECS_EVENT_RETURN},     {"refunded", RECS_EVENT_RETURN},
        {"dislike", RECS_EVENT_DISLIKE},     {"thumbsdown", RECS_EVENT_DISLIKE},
        {"hide", RECS_EVENT_DISLIKE},        {"impression", RECS_EVENT_IMPRESSION},
        {"shown", RECS_EVENT_IMPRESSION},    {"rating", RECS_EVENT_RATING},
        {"rate", RECS_EVENT_RATING},         {"rated", RECS_EVENT_RATING},
    };
    if (name == NULL)
        return -1;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (same_name(name, words[i].word))
            return words[i].type;
    return -1;
}

static const char *field_name(int32_t field) {
    static const char *const names[RECS_FIELD_COUNT] = {"id",      "user",    "session",
                                                        "basket",  "item",    "place",
                                                        "segment", "request", "placement"};
    return names[field];
}

/* ---- the batch ------------------------------------------------------------------ */

recs_status recs_events_create(recs_events **events, const recs_host *host, recs_error *error) {
    *events = NULL;
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    recs_events *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    *events = made;
    return RECS_OK;
}

void recs_events_destroy(recs_events *events) {
    if (events == NULL)
        return;
    recs_host host = events->host;
    for (size_t i = 0; i < RECS_FIELD_COUNT; i++) {
        recs__free(&host, events->texts[i].bytes);
        recs__free(&host, events->texts[i].ends);
    }
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        recs__free(&host, events->numbers[i].data);
    recs__free(&host, events->types.data);
    recs__free(&host, events->times.data);
    recs__free(&host, events->sources.data);
    recs__free(&host, events->positions.data);
    recs__free(&host, events);
}

void recs_events_reset(recs_events *events) {
    events->count = 0;
    for (size_t i = 0; i < RECS_FIELD_COUNT; i++)
        events->texts[i].filled = 0;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        events->numbers[i].filled = 0;
    events->types.filled = 0;
    events->times.filled = 0;
    events->sources.filled = 0;
    events->positions.filled = 0;
}

size_t recs_events_count(const recs_events *events) { return events->count; }

const recs_host *recs__events_host(const recs_events *events) { return &events->host; }

/* ---- columns -------------------------------------------------------------------- */

static uint64_t text_end(const text_column *column, size_t index) {
    size_t known = index < column->filled ? index + 1 : column->filled;
    return known == 0 ? 0 : column->ends[known - 1];
}

/* Room for the text of event `index`, size bytes and a NUL. */
static recs_status text_reserve(recs_events *events, text_column *column, size_t index,
                                size_t size, recs_error *error) {
    uint64_t start = index == 0 ? 0 : text_end(column, index - 1);
    if (start > SIZE_MAX - size - 1)
        return recs__fail_memory(error, SIZE_MAX);
    void *ends = column->ends, *bytes = column->bytes;
    recs_status status = recs__grow(&events->host, &ends, &column->ends_capacity, index + 1,
                                    sizeof *column->ends, error);
    column->ends = ends;
    if (status != RECS_OK)
        return status;
    status = recs__grow(&events->host, &bytes, &column->bytes_capacity, (size_t)start + size + 1,
                        1, error);
    column->bytes = bytes;
    return status;
}

/* Sets the text of event `index`, the last one it will hold; reserved before. */
static void text_commit(text_column *column, size_t index, const char *text, size_t size) {
    uint64_t start = index == 0 ? 0 : text_end(column, index - 1);
    for (size_t i = column->filled; i < index; i++)
        column->ends[i] = start;
    memcpy(column->bytes + start, text, size);
    column->bytes[start + size] = '\0';
    column->ends[index] = start + size + 1;
    column->filled = index + 1;
}

static recs_status plain_reserve(recs_events *events, plain_column *column, size_t count,
                                 size_t size, recs_error *error) {
    return recs__grow(&events->host, &column->data, &column->capacity, count, size, error);
}

static recs_status need_event(const recs_events *events, recs_error *error) {
    if (events->count == 0)
        return recs__fail(error, RECS_ERR_STATE, "there is no event yet: call recs_events_begin "
                                                 "first");
    return RECS_OK;
}

static recs_status check_text(int32_t field, const char *text, size_t size, recs_error *error) {
    const char *problem = recs__id_problem(text, size);
    if (problem != NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s \"%.*s\" %s", field_name(field),
                          (int)(size < 80 ? size : 80), text, problem);
    return RECS_OK;
}

static recs_status check_field(int32_t field, recs_error *error) {
    if (field < 0 || field >= RECS_FIELD_COUNT)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "text field %d does not exist: expected 0 to %d", field,
                          RECS_FIELD_COUNT - 1);
    return RECS_OK;
}

static recs_status check_type(int32_t type, recs_error *error) {
    if (type < 0 || type > RECS_EVENT_MAX)
        return recs__fail(error, RECS_ERR_ARGUMENT, "event type %d is not in 0 to %d", type,
                          RECS_EVENT_MAX);
    return RECS_OK;
}

/* ---- one event ------------------------------------------------------------------- */

recs_status recs_events_begin(recs_events *events, const char *item, int32_t type, int64_t time,
                              recs_error *error) {
    size_t size = item == NULL ? 0 : strnlen(item, RECS_ID_MAX + 1), index = events->count;
    text_column *items = &events->texts[RECS_FIELD_ITEM];
    recs_status status = check_text(RECS_FIELD_ITEM, item == NULL ? "" : item, size, error);
    if (status == RECS_OK)
        status = check_type(type, error);
    if (status == RECS_OK)
        status = text_reserve(events, items, index, size, error);
    if (status == RECS_OK)
        status = plain_reserve(events, &events->types, index + 1, sizeof(int32_t), error);
    if (status == RECS_OK)
        status = plain_reserve(events, &events->times, index + 1, sizeof(int64_t), error);
    if (status != RECS_OK)
        return status;

    text_commit(items, index, item, size);
    int32_t *types = events->types.data;
    for (size_t i = events->types.filled; i < index; i++)
        types[i] = RECS_EVENT_VIEW;
    types[index] = type;
    events->types.filled = index + 1;
    int64_t *times = events->times.data;
    for (size_t i = events->times.filled; i < index; i++)
        times[i] = RECS_NO_TIME;
    times[index] = time;
    events->times.filled = index + 1;
    events->count = index + 1;
    return RECS_OK;
}

recs_status recs_events_text(recs_events *events, int32_t field, const char *text,
                             recs_error *error) {
    recs_status status = need_event(events, error);
    if (status == RECS_OK)
        status = check_field(field, error);
    if (status != RECS_OK)
        return status;
    text_column *column = &events->texts[field];
    size_t last = events->count - 1;
    size_t size = text == NULL ? 0 : strnlen(text, RECS_ID_MAX + 1);
    if (size == 0 && field != RECS_FIELD_ITEM) { /* absent again */
        if (column->filled > last)
            column->filled = last;
        return RECS_OK;
    }
    status = check_text(field, text == NULL ? "" : text, size, error);
    if (status == RECS_OK)
        status = text_reserve(events, column, last, size, error);
    if (status == RECS_OK)
        text_commit(column, last, text, size);
    return status;
}

static double absent_number(number_field field) {
    return field == QUANTITY || field == PROPENSITY ? 1.0 : (double)NAN;
}

static recs_status set_number(recs_events *events, number_field field, double value,
                              recs_error *error) {
    plain_column *column = &events->numbers[field];
    size_t last = events->count - 1;
    recs_status status = plain_reserve(events, column, last + 1, sizeof(double), error);
    if (status != RECS_OK)
        return status;
    double *data = column->data;
    for (size_t i = column->filled; i < last; i++)
        data[i] = absent_number(field);
    data[last] = value;
    column->filled = last + 1;
    return RECS_OK;
}

static recs_status set_finite(recs_events *events, number_field field, const char *name,
                              double value, recs_error *error) {
    recs_status status = need_event(events, error);
    if (status != RECS_OK)
        return status;
    if (!isfinite(value))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s %g is not finite", name, value);
    return set_number(events, field, value, error);
}

recs_status recs_events_quantity(recs_events *events, double quantity, recs_error *error) {
    return set_finite(events, QUANTITY, "quantity", quantity, error);
}

recs_status recs_events_price(recs_events *events, double price, recs_error *error) {
    return set_finite(events, PRICE, "price", price, error);
}

recs_status recs_events_value(recs_events *events, double value, recs_error *error) {
    return set_finite(events, VALUE, "value", value, error);
}

recs_status recs_events_propensity(recs_events *events, double propensity, recs_error *error) {
    recs_status status = need_event(events, error);
    if (status != RECS_OK)
        return status;
    if (!(propensity > 0 && propensity <= 1))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "propensity %g is not a probability above 0 and at most 1", propensity);
    return set_number(events, PROPENSITY, propensity, error);
}

recs_status recs_events_source(recs_events *events, int32_t source, recs_error *error) {
    recs_status status = need_event(events, error);
    if (status != RECS_OK)
        return status;
    if (source != RECS_SOURCE_ORGANIC && source != RECS_SOURCE_RECOMMENDED)
        return recs__fail(error, RECS_ERR_ARGUMENT, "source %d is neither 0 nor 1", source);
    plain_column *column = &events->sources;
    size_t last = events->count - 1;
    status = plain_reserve(events, column, last + 1, sizeof(int32_t), error);
    if (status != RECS_OK)
        return status;
    int32_t *data = column->data;
    for (size_t i = column->filled; i < last; i++)
        data[i] = RECS_SOURCE_ORGANIC;
    data[last] = source;
    column->filled = last + 1;
    return RECS_OK;
}

recs_status recs_events_position(recs_events *events, uint32_t position, recs_error *error) {
    recs_status status = need_event(events, error);
    if (status != RECS_OK)
        return status;
    plain_column *column = &events->positions;
    size_t last = events->count - 1;
    status = plain_reserve(events, column, last + 1, sizeof(uint32_t), error);
    if (status != RECS_OK)
        return status;
    uint32_t *data = column->data;
    for (size_t i = column->filled; i < last; i++)
        data[i] = UINT32_MAX;
    data[last] = position;
    column->filled = last + 1;
    return RECS_OK;
}

/* ---- whole columns ---------------------------------------------------------------- */

static recs_status check_count(const recs_events *events, const char *name, const void *values,
                               size_t count, recs_error *error) {
    if (events->count != 0 && count != events->count)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "column %s has %zu members, expected %zu: one for each event", name,
                          count, events->count);
    if (values == NULL && count != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "column %s is NULL", name);
    return RECS_OK;
}

static recs_status check_packed(int32_t field, const char *bytes, const uint32_t *offsets,
                                size_t count, recs_error *error) {
    const char *name = field_name(field);
    if (offsets[0] != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "column %s: offsets start at %u, expected 0",
                          name, offsets[0]);
    if (bytes == NULL && offsets[count] != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "column %s: bytes is NULL", name);
    for (size_t i = 0; i < count; i++) {
        if (offsets[i + 1] < offsets[i])
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "column %s: the offset after row %zu is %u, below %u before it",
                              name, i, offsets[i + 1], offsets[i]);
        size_t size = offsets[i + 1] - offsets[i];
        if (size == 0 && field != RECS_FIELD_ITEM)
            continue;
        const char *text = size == 0 ? "" : bytes + offsets[i];
        const char *problem = recs__id_problem(text, size);
        if (problem != NULL)
            return recs__fail(error, RECS_ERR_ARGUMENT, "column %s: row %zu, \"%.*s\", %s", name,
                              i, (int)(size < 80 ? size : 80), text, problem);
    }
    return RECS_OK;
}

recs_status recs_events_set_text(recs_events *events, int32_t field, const char *bytes,
                                 const uint32_t *offsets, size_t count, recs_error *error) {
    recs_status status = check_field(field, error);
    if (status == RECS_OK)
        status = check_count(events, field_name(field), offsets, count, error);
    if (status != RECS_OK || count == 0)
        return status;
    status = check_packed(field, bytes, offsets, count, error);
    if (status != RECS_OK)
        return status;

    text_column *column = &events->texts[field];
    if (offsets[count] > SIZE_MAX - count)
        return recs__fail_memory(error, SIZE_MAX);
    void *ends = column->ends, *grown = column->bytes;
    status = recs__grow(&events->host, &ends, &column->ends_capacity, count,
                        sizeof *column->ends, error);
    column->ends = ends;
    if (status == RECS_OK)
        status = recs__grow(&events->host, &grown, &column->bytes_capacity,
                            offsets[count] + count, 1, error);
    column->bytes = grown;
    if (status != RECS_OK)
        return status;

    uint64_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = offsets[i + 1] - offsets[i];
        if (size != 0) {
            memcpy(column->bytes + used, bytes + offsets[i], size);
            column->bytes[used + size] = '\0';
            used += size + 1;
        }
        column->ends[i] = used;
    }
    column->filled = count;
    events->count = count;
    return RECS_OK;
}

recs_status recs_events_set_types(recs_events *events, const int32_t *types, size_t count,
                                  recs_error *error) {
    recs_status status = check_count(events, "types", types, count, error);
    if (status != RECS_OK || count == 0)
        return status;
    for (size_t i = 0; i < count; i++)
        if (types[i] < 0 || types[i] > RECS_EVENT_MAX)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "column types: row %zu is %d, expected 0 to %d", i, types[i],
                              RECS_EVENT_MAX);
    status = plain_reserve(events, &events->types, count, sizeof *types, error);
    if (status != RECS_OK)
        return status;
    memcpy(events->types.data, types, count * sizeof *types);
    events->types.filled = count;
    events->count = count;
    return RECS_OK;
}

recs_status recs_events_set_times(recs_events *events, const int64_t *times, size_t count,
                                  recs_error *error) {
    recs_status status = check_count(events, "times", times, count, error);
    if (status != RECS_OK || count == 0)
        return status;
    status = plain_reserve(events, &events->times, count, sizeof *times, error);
    if (status != RECS_OK)
        return status;
    memcpy(events->times.data, times, count * sizeof *times);
    events->times.filled = count;
    events->count = count;
    return RECS_OK;
}

static recs_status set_numbers(recs_events *events, number_field field, const char *name,
                               const double *values, size_t count, recs_error *error) {
    recs_status status = check_count(events, name, values, count, error);
    if (status != RECS_OK || count == 0)
        return status;
    for (size_t i = 0; i < count; i++)
        if (isinf(values[i]))
            return recs__fail(error, RECS_ERR_ARGUMENT, "column %s: row %zu is infinite", name, i);
    plain_column *column = &events->numbers[field];
    status = plain_reserve(events, column, count, sizeof *values, error);
    if (status != RECS_OK)
        return status;
    double *data = column->data;
    for (size_t i = 0; i < count; i++)
        data[i] = isnan(values[i]) ? absent_number(field) : values[i];
    column->filled = count;
    events->count = count;
    return RECS_OK;
}

recs_status recs_events_set_quantities(recs_events *events, const double *quantities, size_t count,
                                       recs_error *error) {
    return set_numbers(events, QUANTITY, "quantities", quantities, count, error);
}

recs_status recs_events_set_prices(recs_events *events, const double *prices, size_t count,
                                   recs_error *error) {
    return set_numbers(events, PRICE, "prices", prices, count, error);
}

recs_status recs_events_set_values(recs_events *events, const double *values, size_t count,
                                   recs_error *error) {
    return set_numbers(events, VALUE, "values", values, count, error);
}

/* ---- reading back ----------------------------------------------------------------- */

const char *recs_events_get_text(const recs_events *events, size_t index, int32_t field,
                                 size_t *size) {
    if (size != NULL)
        *size = 0;
    if (field < 0 || field >= RECS_FIELD_COUNT || index >= events->texts[field].filled)
        return NULL;
    const text_column *column = &events->texts[field];
    uint64_t start = index == 0 ? 0 : column->ends[index - 1], end = column->ends[index];
    if (start == end)
        return NULL;
    if (size != NULL)
        *size = (size_t)(end - start - 1);
    return column->bytes + start;
}

int32_t recs_events_get_type(const recs_events *events, size_t index) {
    const int32_t *types = events->types.data;
    return index < events->types.filled ? types[index] : RECS_EVENT_VIEW;
}

int64_t recs_events_get_time(const recs_events *events, size_t index) {
    const int64_t *times = events->times.data;
    return index < events->times.filled ? times[index] : RECS_NO_TIME;
}

static double get_number(const recs_events *events, size_t index, number_field field) {
    const plain_column *column = &events->numbers[field];
    const double *data = column->data;
    return index < column->filled ? data[index] : absent_number(field);
}

double recs_events_get_quantity(const recs_events *events, size_t index) {
    return get_number(events, index, QUANTITY);
}

double recs_events_get_price(const recs_events *events, size_t index) {
    return get_number(events, index, PRICE);
}

double recs_events_get_value(const recs_events *events, size_t index) {
    return get_number(events, index, VALUE);
}

double recs_events_get_propensity(const recs_events *events, size_t index) {
    return get_number(events, index, PROPENSITY);
}

int32_t recs_events_get_source(const recs_events *events, size_t index) {
    const int32_t *sources = events->sources.data;
    return index < events->sources.filled ? sources[index] : RECS_SOURCE_ORGANIC;
}

uint32_t recs_events_get_position(const recs_events *events, size_t index) {
    const uint32_t *positions = events->positions.data;
    return index < events->positions.filled ? positions[index] : UINT32_MAX;
}
