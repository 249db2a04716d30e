/* dataset_write.c - events as CSV: the header and those columns that hold
 * something, in the log's order, readable by recs_dataset_read without a
 * mapping. Times are ISO 8601 in UTC. One pass, a buffer of constant size. */
#include "train/dataset.h"

#include "base/text.h"
#include "train/output.h"

#include <stdio.h>
#include <string.h>

/* The shortest text that reads back as the same float. The decimal point of
 * the process's locale becomes a point. */
static void number(recs__output *o, float value) {
    char raw[48], text[48];
    size_t size = 0;
    double back;
    if (value != value) {
        recs__output_field(o, "");
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(raw, sizeof raw, "%.*g", digits, (double)value);
        size = 0;
        for (const char *at = raw; *at != '\0'; at++) {
            bool plain = (*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == 'e';
            if (plain)
                text[size++] = *at;
            else if (size > 0 && text[size - 1] != '.')
                text[size++] = '.';
        }
        if (recs__parse_double(text, size, &back) && (float)back == value)
            break;
    }
    recs__output_field_bytes(o, text, size);
}

static void interned(recs__output *o, const recs__intern *table, uint32_t index) {
    size_t size = 0;
    const char *text = index == RECS_NO_ROW ? "" : recs__intern_text(table, index, &size);
    recs__output_field_bytes(o, text, size);
}

/* Which columns hold something. */
typedef struct columns {
    bool user, type, time, title, extras[RECS__EXTRA_COUNT];
} columns;

static columns columns_of(const recs_dataset *dataset) {
    const recs__log *log = &dataset->log;
    columns c = {.title = dataset->title_used != 0};
    for (uint64_t e = 0; e < log->count && !(c.user && c.type && c.time); e++) {
        c.user |= log->users[e] != RECS_NO_ROW;
        c.type |= log->types[e] != RECS__TYPE_DEFAULT;
        c.time |= log->times[e] != RECS_NO_TIME;
    }
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        c.extras[e] = log->extras[e] != NULL;
    return c;
}

static void header(recs__output *o, const columns *c) {
    static const char *const extras[] = {"quantity", "value", "price",  "basket",
                                         "session",  "place", "segment", "source",
                                         "propensity"};
    if (c->user)
        recs__output_field(o, "user");
    recs__output_field(o, "item");
    if (c->type)
        recs__output_field(o, "type");
    if (c->time)
        recs__output_field(o, "time");
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        if (c->extras[e])
            recs__output_field(o, extras[e]);
    if (c->title)
        recs__output_field(o, "title");
    recs__output_line(o);
}

static void line(recs__output *o, const recs_dataset *dataset, const columns *c, uint64_t index) {
    recs__event event = recs__log_get(&dataset->log, index);
    const recs__intern *tables[] = {&dataset->baskets, &dataset->sessions, &dataset->places,
                                   &dataset->segments};
    uint32_t groups[] = {event.basket, event.session, event.place, event.segment};
    float numbers[] = {event.quantity, event.value, event.price};
    if (c->user)
        interned(o, &dataset->users, event.user);
    interned(o, &dataset->items, event.item);
    if (c->type) {
        const char *name = event.type == RECS__TYPE_DEFAULT
                               ? "" : recs__settings_type_name(&dataset->settings, event.type);
        recs__output_field(o, name);
    }
    if (c->time) {
        char text[RECS__TIME_TEXT] = "";
        size_t size = event.time == RECS_NO_TIME ? 0 : recs__time_text(event.time, text);
        recs__output_field_bytes(o, text, size);
    }
    for (int e = 0; e < 3; e++)
        if (c->extras[e])
            number(o, numbers[e]);
    for (int e = 0; e < 4; e++)
        if (c->extras[RECS__EXTRA_BASKET + e])
            interned(o, tables[e], groups[e]);
    if (c->extras[RECS__EXTRA_SOURCE]) {
        const char *source = event.source == RECS_SOURCE_RECOMMENDED ? "recommended" : "organic";
        recs__output_field(o, source);
    }
    if (c->extras[RECS__EXTRA_PROPENSITY])
        number(o, event.propensity);
    if (c->title) {
        bool has = event.item < dataset->title_count && dataset->titles[event.item] != 0;
        const char *title = has ? dataset->title_bytes + dataset->titles[event.item] - 1 : "";
        recs__output_field(o, title);
    }
    recs__output_line(o);
}

recs_status recs_dataset_write(const recs_dataset *dataset, const char *path, recs_error *error) {
    recs__output out;
    columns c = columns_of(dataset);
    recs_status status = recs__output_open(&out, path, &dataset->host, error);
    if (status != RECS_OK)
        return status;
    header(&out, &c);
    for (uint64_t e = 0; e < dataset->log.count && out.status == RECS_OK; e++)
        line(&out, dataset, &c, e);
    return recs__output_close(&out);
}
