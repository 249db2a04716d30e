/* settings.c - one function per setting behind one table of names.
 *
 * A setting validates into locals and commits last, so a refused value
 * leaves the old one. */
#include "train/settings.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/format.h"
#include "recs/places.h"
#include "train/budget.h"

#include <stdio.h>
#include <string.h>

typedef struct request {
    recs__settings *settings;
    const recs_host *host;
    const char *name, *value;
    recs_error *error;
} request;

/* Place of the value in a list of words ending in NULL. */
static recs_status choose(const request *r, const char *const *words, int *choice) {
    char all[160] = "";
    size_t used = 0;
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(r->value, words[i]) == 0) {
            *choice = i;
            return RECS_OK;
        }
        int length = snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", words[i]);
        used += length > 0 && (size_t)length < sizeof all - used ? (size_t)length : 0;
    }
    return recs__fail(r->error, RECS_ERR_ARGUMENT, "%s \"%.64s\": expected one of %s", r->name,
                      r->value, all);
}

static recs_status set_format(const request *r) {
    static const char *const words[] = {"auto", "csv", "tsv", "lightgcn", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->format = (recs__format)choice;
    return status;
}

static recs_status set_header(const request *r) {
    static const char *const words[] = {"auto", "yes", "no", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->header = (recs__header)choice;
    return status;
}

static recs_status keep_text(const request *r, char **text) {
    char *copy = recs__copy_text(r->host, r->value, r->error);
    if (copy == NULL)
        return RECS_ERR_MEMORY;
    recs__free(r->host, *text);
    *text = copy;
    return RECS_OK;
}

static recs_status set_columns(const request *r) {
    recs_status status = recs__columns_check(r->value, r->error);
    return status == RECS_OK ? keep_text(r, &r->settings->columns) : status;
}

static recs_status set_item_columns(const request *r) {
    return keep_text(r, &r->settings->item_columns);
}

static recs_status set_delimiter(const request *r) {
    const char *value = r->value;
    char delimiter = strcmp(value, "tab") == 0 ? '\t' : value[0];
    bool single = strcmp(value, "tab") == 0 || strlen(value) == 1;
    if (!single || delimiter == '"' || delimiter == '\n' || delimiter == '\r' ||
        (unsigned char)delimiter >= 0x80)
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "delimiter \"%.64s\": expected one ASCII character, no quote, or \"tab\"",
                          value);
    r->settings->delimiter = delimiter;
    return RECS_OK;
}

static recs_status set_timezone(const request *r) {
    recs__zone *zone = NULL;
    if (strlen(r->value) >= sizeof r->settings->timezone)
        return recs__fail(r->error, RECS_ERR_ARGUMENT, "timezone \"%.64s\" is too long", r->value);
    recs_status status = recs__zone_open(&zone, r->value, RECS__ZONE_FOLDER, r->host, r->error);
    if (status != RECS_OK)
        return status;
    recs__zone_close(r->settings->zone);
    r->settings->zone = zone;
    snprintf(r->settings->timezone, sizeof r->settings->timezone, "%s", r->value);
    return RECS_OK;
}

static recs_status set_time(const request *r) {
    static const char *const words[] = {"auto", "s", "ms", "iso", "dmy", "mdy", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->time = (recs__time_format)choice;
    return status;
}

static recs_status set_strict(const request *r) {
    static const char *const words[] = {"no", "yes", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->strict = choice == 1;
    return status;
}

static recs_status type_named(recs__settings *settings, const request *r, const char *name,
                              size_t size, uint8_t *type) {
    if (recs__settings_type(settings, name, size, type))
        return RECS_OK;
    return recs__fail(r->error, RECS_ERR_ARGUMENT,
                      "%s: \"%.*s\" cannot be a type; a name of 1 to %d bytes, at most %d beside "
                      "the usual ones", r->name, (int)(size < 64 ? size : 64), name,
                      RECS__TYPE_NAME - 1, RECS__CUSTOM_TYPES);
}

static recs_status set_type(const request *r) {
    uint8_t type;
    uint32_t had = r->settings->type_count;
    recs_status status = type_named(r->settings, r, r->value, strlen(r->value), &type);
    if (status == RECS_OK && (type == RECS_EVENT_RETURN || type == RECS_EVENT_IMPRESSION)) {
        r->settings->type_count = had;
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "type \"%s\": events without a type cannot all be that", r->value);
    }
    if (status == RECS_OK)
        r->settings->values.default_type = type;
    return status;
}

static recs_status set_types(const request *r) {
    float weights[RECS_EVENT_MAX + 1];
    const char *at = r->value;
    uint32_t had = r->settings->type_count;
    recs_status status = RECS_OK;
    recs__values fresh;
    recs__values_init(&fresh);
    memcpy(weights, fresh.type_weights, sizeof weights);
    while (*at != '\0' && status == RECS_OK) {
        size_t size = strcspn(at, ",");
        const char *equals = memchr(at, '=', size);
        double weight = -1.0;
        uint8_t type = 0;
        if (equals == NULL ||
            !recs__parse_double(equals + 1, size - (size_t)(equals - at) - 1, &weight) ||
            !(weight >= 0.0 && weight <= 1e6))
            status = recs__fail(r->error, RECS_ERR_ARGUMENT,
                                "types: \"%.*s\" is not name=weight with a weight from 0 to 1e6",
                                (int)(size < 64 ? size : 64), at);
        else
            status = type_named(r->settings, r, at, (size_t)(equals - at), &type);
        if (status == RECS_OK)
            weights[type] = (float)weight;
        at += size + (at[size] == ',');
    }
    if (status == RECS_OK)
        memcpy(r->settings->values.type_weights, weights, sizeof weights);
    else
        r->settings->type_count = had;
    return status;
}

static recs_status set_weight(const request *r) {
    return recs__values_parse_weight(&r->settings->values, r->value, r->error);
}

static recs_status set_positive(const request *r) {
    double value;
    if (!recs__parse_double(r->value, strlen(r->value), &value) ||
        !(value > -1e30 && value < 1e30))
        return recs__fail(r->error, RECS_ERR_ARGUMENT, "positive \"%.64s\": expected a number",
                          r->value);
    r->settings->values.positive = value;
    r->settings->values.positive_given = true;
    return RECS_OK;
}

static recs_status set_duplicates(const request *r) {
    static const char *const words[] = {"sum", "last", "max", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->values.duplicates = (recs__duplicates)choice;
    return status;
}

static recs_status set_recommended(const request *r) {
    double value;
    if (!recs__parse_double(r->value, strlen(r->value), &value) ||
        !(value >= 0.0 && value <= 1000.0))
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "recommended \"%.64s\": expected a weight from 0 to 1000", r->value);
    r->settings->values.recommended = value;
    return RECS_OK;
}

static recs_status set_propensity(const request *r) {
    return recs__values_parse_propensity(&r->settings->values, r->value, r->error);
}

static recs_status set_unit(const request *r) {
    static const char *const words[] = {"auto", "users", "baskets", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->unit = (recs__unit)choice;
    return status;
}

static recs_status set_users(const request *r) {
    static const char *const words[] = {"none", "hashed", "full", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->users_mode = (uint32_t)choice;
    return status;
}

static recs_status set_rollup(const request *r) {
    static const char *const words[] = {"no", "group", NULL};
    int choice = 0;
    recs_status status = choose(r, words, &choice);
    if (status == RECS_OK)
        r->settings->rollup = choice == 1;
    return status;
}

static recs_status read_bound(const request *r, int64_t *bound) {
    if (!recs__time_parse(r->value, strlen(r->value), RECS__TIME_AUTO, r->settings->zone, bound))
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "%s \"%.64s\": expected a time such as 2011-10-01", r->name, r->value);
    return RECS_OK;
}

static recs_status set_after(const request *r) {
    int64_t bound;
    recs_status status = read_bound(r, &bound);
    if (status == RECS_OK)
        r->settings->after = bound;
    return status;
}

static recs_status set_before(const request *r) {
    int64_t bound;
    recs_status status = read_bound(r, &bound);
    if (status == RECS_OK)
        r->settings->before = bound;
    return status;
}

static recs_status set_drop_items(const request *r) {
    recs__intern items = {0};
    recs_status status = RECS_OK;
    for (const char *at = r->value; *at != '\0' && status == RECS_OK;) {
        size_t size = strcspn(at, ",");
        uint32_t number;
        const char *problem = recs__id_problem(at, size);
        if (problem != NULL)
            status = recs__fail(r->error, RECS_ERR_ARGUMENT, "drop_items: \"%.*s\" %s",
                                (int)(size < 64 ? size : 64), at, problem);
        else
            status = recs__intern_add(&items, r->host, at, size, INT32_MAX, "items", &number,
                                      r->error);
        at += size + (at[size] == ',');
    }
    if (status != RECS_OK) {
        recs__intern_clear(&items, r->host);
        return status;
    }
    recs__intern_clear(&r->settings->drop_items, r->host);
    r->settings->drop_items = items;
    return RECS_OK;
}

static recs_status set_cells(const request *r) {
    uint32_t levels[3] = {0, 0, 0};
    const char *at = r->value;
    bool fine = true;
    for (int l = 0; l < 3 && fine; l++) {
        int64_t number = -1;
        size_t size = strcspn(at, ",");
        fine = recs__parse_i64(at, size, &number) && number >= 0 &&
               number <= RECS_CELL_LEVEL_MAX && (at[size] == ',') == (l < 2);
        levels[l] = (uint32_t)number;
        at += size + (at[size] == ',');
    }
    if (!fine || *at != '\0' || levels[1] == 0 || levels[0] > levels[2])
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "cells \"%.64s\": expected first level, step and last level, as in "
                          "4,3,13, levels from 0 to %d", r->value, RECS_CELL_LEVEL_MAX);
    memcpy(r->settings->cells, levels, sizeof levels);
    return RECS_OK;
}

static recs_status set_memory(const request *r) {
    uint64_t bytes;
    if (!recs__budget_parse(r->value, strlen(r->value), &bytes) || bytes < RECS__MEMORY_LEAST)
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "memory \"%.64s\": expected bytes, or a number and K, M, G or T (of "
                          "1024), at least 1M", r->value);
    r->settings->memory = bytes;
    return RECS_OK;
}

static recs_status set_temporary(const request *r) {
    if (*r->value == '\0')
        return recs__fail(r->error, RECS_ERR_ARGUMENT,
                          "temporary is empty, expected a folder for temporary files");
    return keep_text(r, &r->settings->temporary);
}

static const struct {
    const char *name;
    recs_status (*set)(const request *r);
    bool before_rows; /* rows already read would have needed it */
} settings_table[] = {
    {"format", set_format, false},       {"columns", set_columns, false},
    {"item_columns", set_item_columns, false},
    {"header", set_header, false},       {"delimiter", set_delimiter, false},
    {"timezone", set_timezone, false},   {"time", set_time, false},
    {"strict", set_strict, false},       {"type", set_type, false},
    {"types", set_types, false},         {"weight", set_weight, false},
    {"positive", set_positive, false},   {"duplicates", set_duplicates, false},
    {"unit", set_unit, false},           {"users", set_users, false},
    {"rollup", set_rollup, false},       {"after", set_after, true},
    {"before", set_before, true},        {"drop_items", set_drop_items, true},
    {"memory", set_memory, true},        {"temporary", set_temporary, true},
    {"recommended", set_recommended, false}, {"propensity", set_propensity, false},
    {"cells", set_cells, true},
};
#define SETTINGS (sizeof settings_table / sizeof settings_table[0])

recs_status recs__settings_set(recs__settings *settings, const recs_host *host, const char *name,
                               const char *value, bool has_rows, recs_error *error) {
    if (name == NULL || value == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s of the setting is NULL",
                          name ? "the value" : "the name");
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(settings_table[i].name, name) != 0)
            continue;
        if (has_rows && settings_table[i].before_rows)
            return recs__fail(error, RECS_ERR_STATE,
                              "%s must be set before events are read or added", name);
        request r = {settings, host, name, value, error};
        return settings_table[i].set(&r);
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "unknown setting \"%.64s\"; there are format, columns, item_columns, header, "
                      "delimiter, timezone, time, strict, type, types, weight, positive, "
                      "duplicates, unit, users, rollup, after, before, drop_items, memory, "
                      "temporary, recommended, propensity, cells", name);
}

recs_status recs__settings_init(recs__settings *settings, const recs_host *host,
                                recs_error *error) {
    memset(settings, 0, sizeof *settings);
    recs__values_init(&settings->values);
    settings->users_mode = RECS__USERS_FULL;
    settings->after = settings->before = RECS_NO_TIME;
    memcpy(settings->timezone, "UTC", 4);
    memcpy(settings->cells, (uint32_t[]){4, 3, 13}, sizeof settings->cells);
    return recs__zone_open(&settings->zone, "UTC", RECS__ZONE_FOLDER, host, error);
}

void recs__settings_clear(recs__settings *settings, const recs_host *host) {
    recs__free(host, settings->columns);
    recs__free(host, settings->item_columns);
    recs__free(host, settings->temporary);
    recs__zone_close(settings->zone);
    recs__intern_clear(&settings->drop_items, host);
}

recs_status recs__settings_copy(recs__settings *out, const recs__settings *from,
                                const recs_host *host, recs_error *error) {
    recs_status status = RECS_OK;
    *out = *from;
    out->columns = out->item_columns = out->temporary = NULL;
    out->zone = NULL;
    memset(&out->drop_items, 0, sizeof out->drop_items);
    status = recs__zone_open(&out->zone, from->timezone, RECS__ZONE_FOLDER, host, error);
    if (status == RECS_OK && from->columns != NULL &&
        (out->columns = recs__copy_text(host, from->columns, error)) == NULL)
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK && from->item_columns != NULL &&
        (out->item_columns = recs__copy_text(host, from->item_columns, error)) == NULL)
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK && from->temporary != NULL &&
        (out->temporary = recs__copy_text(host, from->temporary, error)) == NULL)
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = recs__intern_copy(&out->drop_items, &from->drop_items, host, error);
    if (status != RECS_OK) {
        recs__settings_clear(out, host);
        memset(out, 0, sizeof *out);
    }
    return status;
}

bool recs__settings_type(recs__settings *settings, const char *name, size_t size, uint8_t *type) {
    char text[RECS__TYPE_NAME];
    if (size == 0 || size >= sizeof text || recs__id_problem(name, size) != NULL)
        return false;
    memcpy(text, name, size);
    text[size] = '\0';
    int32_t known = recs_event_type_of(text);
    for (uint32_t i = 0; i < settings->type_count && known < 0; i++)
        if (strcmp(settings->types[i], text) == 0)
            known = RECS_EVENT_CUSTOM + (int32_t)i;
    if (known < 0) {
        if (settings->type_count == RECS__CUSTOM_TYPES)
            return false;
        memcpy(settings->types[settings->type_count], text, size + 1);
        known = RECS_EVENT_CUSTOM + (int32_t)settings->type_count++;
    }
    *type = (uint8_t)known;
    return true;
}

const char *recs__settings_type_name(const recs__settings *settings, int32_t type) {
    const char *name = recs_event_name(type);
    if (name != NULL)
        return name;
    uint32_t own = (uint32_t)(type - RECS_EVENT_CUSTOM);
    return own < settings->type_count ? settings->types[own] : "custom";
}
