/* dataset_write.c - events as CSV: the header and those columns that hold
 * something, in the log's order, readable by recs_dataset_read without a
 * mapping. Times are ISO 8601 in UTC. One pass, a buffer of constant size. */
#include "train/dataset.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define BUFFER ((size_t)256 << 10)

typedef struct output {
    const recs_dataset *dataset;
    recs__file_writer *file;
    char *buffer;
    size_t used;
    bool begun; /* the line has a field already */
    recs_status status;
    recs_error *error;
} output;

static void put(output *o, const char *bytes, size_t size) {
    while (size > 0 && o->status == RECS_OK) {
        size_t room = BUFFER - o->used, part = size < room ? size : room;
        memcpy(o->buffer + o->used, bytes, part);
        o->used += part;
        bytes += part;
        size -= part;
        if (o->used == BUFFER) {
            o->status = recs__file_write(o->file, o->buffer, o->used, o->error);
            o->used = 0;
        }
    }
}

static void field(output *o, const char *text, size_t size) {
    if (o->begun)
        put(o, ",", 1);
    o->begun = true;
    bool quoted = false;
    for (size_t i = 0; i < size && !quoted; i++)
        quoted = text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    /* What stands at an edge would be taken for padding. */
    quoted = quoted || (size > 0 && (text[0] == ' ' || text[size - 1] == ' '));
    if (!quoted) {
        put(o, text, size);
        return;
    }
    put(o, "\"", 1);
    for (size_t i = 0; i < size; i++)
        put(o, text[i] == '"' ? "\"\"" : text + i, text[i] == '"' ? 2 : 1);
    put(o, "\"", 1);
}

/* The shortest text that reads back as the same float. The decimal point of
 * the process's locale becomes a point. */
static void number(output *o, float value) {
    char raw[48], text[48];
    size_t size = 0;
    double back;
    if (value != value) {
        field(o, "", 0);
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
    field(o, text, size);
}

static void interned(output *o, const recs__intern *table, uint32_t index) {
    size_t size = 0;
    const char *text = index == RECS_NO_ROW ? "" : recs__intern_text(table, index, &size);
    field(o, text, size);
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

static void header(output *o, const columns *c) {
    static const char *const extras[] = {"quantity", "value", "price",  "basket",
                                         "session",  "place", "source", "propensity"};
    if (c->user)
        field(o, "user", 4);
    field(o, "item", 4);
    if (c->type)
        field(o, "type", 4);
    if (c->time)
        field(o, "time", 4);
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        if (c->extras[e])
            field(o, extras[e], strlen(extras[e]));
    if (c->title)
        field(o, "title", 5);
    put(o, "\n", 1);
}

static void line(output *o, const columns *c, uint64_t index) {
    const recs_dataset *dataset = o->dataset;
    recs__event event = recs__log_get(&dataset->log, index);
    const recs__intern *tables[] = {&dataset->baskets, &dataset->sessions, &dataset->places};
    uint32_t groups[] = {event.basket, event.session, event.place};
    float numbers[] = {event.quantity, event.value, event.price};
    o->begun = false;
    if (c->user)
        interned(o, &dataset->users, event.user);
    interned(o, &dataset->items, event.item);
    if (c->type) {
        const char *name = event.type == RECS__TYPE_DEFAULT
                               ? "" : recs__settings_type_name(&dataset->settings, event.type);
        field(o, name, strlen(name));
    }
    if (c->time) {
        char text[RECS__TIME_TEXT] = "";
        size_t size = event.time == RECS_NO_TIME ? 0 : recs__time_text(event.time, text);
        field(o, text, size);
    }
    for (int e = 0; e < 3; e++)
        if (c->extras[e])
            number(o, numbers[e]);
    for (int e = 0; e < 3; e++)
        if (c->extras[RECS__EXTRA_BASKET + e])
            interned(o, tables[e], groups[e]);
    if (c->extras[RECS__EXTRA_SOURCE]) {
        const char *source = event.source == RECS_SOURCE_RECOMMENDED ? "recommended" : "organic";
        field(o, source, strlen(source));
    }
    if (c->extras[RECS__EXTRA_PROPENSITY])
        number(o, event.propensity);
    if (c->title) {
        bool has = event.item < dataset->title_count && dataset->titles[event.item] != 0;
        const char *title = has ? dataset->title_bytes + dataset->titles[event.item] - 1 : "";
        field(o, title, strlen(title));
    }
    put(o, "\n", 1);
}

recs_status recs_dataset_write(const recs_dataset *dataset, const char *path, recs_error *error) {
    output o = {.dataset = dataset, .error = error};
    columns c = columns_of(dataset);
    o.buffer = recs__alloc(&dataset->host, BUFFER, 1, error);
    if (o.buffer == NULL)
        return RECS_ERR_MEMORY;
    o.status = recs__file_create(&o.file, path, &dataset->host, error);
    if (o.status != RECS_OK) {
        recs__free(&dataset->host, o.buffer);
        return o.status;
    }
    header(&o, &c);
    for (uint64_t e = 0; e < dataset->log.count && o.status == RECS_OK; e++)
        line(&o, &c, e);
    if (o.status == RECS_OK && o.used != 0)
        o.status = recs__file_write(o.file, o.buffer, o.used, error);
    if (o.status == RECS_OK)
        o.status = recs__file_commit(o.file, error);
    if (o.status != RECS_OK)
        recs__file_abandon(o.file);
    recs__free(&dataset->host, o.buffer);
    return o.status;
}
