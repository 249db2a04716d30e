/* tune_space.c - free values of settings: reading them, and settings as places
 * in the unit interval. The description around them is read by description.c. */
#include "train/tune_space.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- reading ---------------------------------------------------------------------------- */

typedef struct reading {
    const recs__setting *setting;
    const char *text; /* the whole value */
    size_t size, column;
    recs__range *range;
    recs_error *error;
} reading;

static recs_status refuse(const reading *r, const char *why) {
    return recs__fail(r->error, RECS_ERR_ARGUMENT, "description column %zu: %s is '%.*s': %s",
                      r->column, r->setting->name, (int)(r->size < 60 ? r->size : 60), r->text,
                      why);
}

static void trim(const char **bytes, size_t *size) {
    while (*size && strchr(" \t\r\n", **bytes)) {
        (*bytes)++;
        (*size)--;
    }
    while (*size && strchr(" \t\r\n", (*bytes)[*size - 1]))
        (*size)--;
}

static recs_status one_value(const reading *r, const char *bytes, size_t size, double *value) {
    const recs__setting *s = r->setting;
    char why[160];

    trim(&bytes, &size);
    const char *choice = s->choices;
    for (unsigned index = 0; choice; index++) {
        size_t length = strcspn(choice, "|");
        if (length == size && memcmp(choice, bytes, length) == 0) {
            *value = index;
            return RECS_OK;
        }
        choice = choice[length] ? choice + length + 1 : NULL;
    }
    if (s->choices) {
        snprintf(why, sizeof why, "expected words of %.100s, as in a|b, or ?", s->choices);
        return refuse(r, why);
    }
    if (recs__parse_double(bytes, size, value) && isfinite(*value) && *value >= s->low &&
        *value <= s->high && (!s->integer || *value == floor(*value)))
        return RECS_OK;
    snprintf(why, sizeof why,
             "'%.*s' is no %snumber from %.10g to %.10g; expected a value, 1|2|3, 1..3, 1..3 log "
             "or ?",
             (int)(size < 20 ? size : 20), bytes, s->integer ? "whole " : "", s->low, s->high);
    return refuse(r, why);
}

static recs_status read_list(const reading *r) {
    const char *at = r->text, *end = r->text + r->size;
    recs__range *range = r->range;

    while (at <= end) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        double value;
        if (range->value_count == RECS__RANGE_VALUES)
            return refuse(r, "at most 16 values are compared");
        recs_status status = one_value(r, at, (size_t)((bar ? bar : end) - at), &value);
        if (status)
            return status;
        uint32_t place = range->value_count;
        while (place > 0 && range->values[place - 1] > value) {
            range->values[place] = range->values[place - 1];
            place--;
        }
        if (place > 0 && range->values[place - 1] == value)
            return refuse(r, "a value is there twice");
        range->values[place] = value;
        range->value_count++;
        at = (bar ? bar : end) + 1;
    }
    range->low = range->values[0];
    range->high = range->values[range->value_count - 1];
    return RECS_OK;
}

static const char *find_dots(const char *bytes, size_t size) {
    for (size_t i = 0; i + 1 < size; i++)
        if (bytes[i] == '.' && bytes[i + 1] == '.')
            return bytes + i;
    return NULL;
}

static recs_status read_between(const reading *r, const char *dots) {
    const char *high = dots + 2;
    size_t high_size = (size_t)(r->text + r->size - high);
    recs__range *range = r->range;

    if (r->setting->choices)
        return refuse(r, "words have no range; name them, as in a|b");
    if (high_size > 3 && memcmp(high + high_size - 3, "log", 3) == 0 &&
        strchr(" \t", high[high_size - 4])) {
        range->log = true;
        high_size -= 3;
    }
    recs_status status = one_value(r, r->text, (size_t)(dots - r->text), &range->low);
    if (status == RECS_OK)
        status = one_value(r, high, high_size, &range->high);
    if (status)
        return status;
    if (!(range->low < range->high))
        return refuse(r, "the range is empty: its low end is not below its high one");
    if (range->log && !(range->low > 0.0))
        return refuse(r, "log needs a low end above 0");
    return RECS_OK;
}

static double nearest(const recs__range *range, double value) {
    if (range->value_count == 0)
        return value < range->low ? range->low : value > range->high ? range->high : value;
    double best = range->values[0];
    for (uint32_t i = 1; i < range->value_count; i++)
        if (fabs(range->values[i] - value) < fabs(best - value))
            best = range->values[i];
    return best;
}

recs_status recs__range_parse(const recs__trainer *trainer, const recs__setting *setting,
                              const char *bytes, size_t size, size_t column, recs__range *range,
                              double *value, recs_error *error) {
    trim(&bytes, &size);
    reading r = {setting, bytes, size, column, range, error};
    memset(range, 0, sizeof *range);
    if (size == 1 && *bytes == '?') {
        r.text = recs__range_own(trainer->name, setting->name);
        if (!r.text) {
            r.text = bytes;
            return refuse(&r, "there is no range of its own; give one, as in 1..3 or 1|2");
        }
        r.size = strlen(r.text);
    }
    const char *dots = find_dots(r.text, r.size);
    recs_status status;
    range->free = true;
    if (dots)
        status = read_between(&r, dots);
    else if (memchr(r.text, '|', r.size))
        status = read_list(&r);
    else {
        range->free = false;
        return one_value(&r, r.text, r.size, value);
    }
    if (status == RECS_OK)
        *value = nearest(range, setting->fallback);
    return status;
}

/* ---- places ----------------------------------------------------------------------------- */

uint32_t recs__space_free(const recs__space *space, uint32_t component,
                          uint32_t free[RECS__SETTINGS_MAX]) {
    uint32_t count = 0;
    for (uint32_t s = 0; s < RECS__SETTINGS_MAX; s++)
        if (space->ranges[component][s].free)
            free[count++] = s;
    return count;
}

double recs__range_place(const recs__range *range, double value) {
    if (range->value_count) {
        for (uint32_t i = 0; i < range->value_count; i++)
            if (range->values[i] == value)
                return (i + 0.5) / range->value_count;
        return 0.5;
    }
    double place = range->log
                       ? recs__log2(value / range->low) / recs__log2(range->high / range->low)
                       : (value - range->low) / (range->high - range->low);
    return place < 0.0 ? 0.0 : place > 1.0 ? 1.0 : place;
}

/* To three digits, by a decimal text and back: what is printed is what is tried. */
static double three_digits(double value) {
    char text[40];
    double back = value;
    snprintf(text, sizeof text, "%.2e", value);
    for (char *c = text; *c; c++)
        if (!strchr("0123456789+-e", *c))
            *c = '.';
    return recs__parse_double(text, strlen(text), &back) ? back : value;
}

double recs__range_value(const recs__range *range, const recs__setting *setting, double place) {
    place = place < 0.0 ? 0.0 : place > 1.0 ? 1.0 : place;
    if (range->value_count) {
        uint32_t i = (uint32_t)(place * range->value_count);
        return range->values[i < range->value_count ? i : range->value_count - 1];
    }
    double value = range->log ? range->low * recs__exp2(place * recs__log2(range->high / range->low))
                              : range->low + place * (range->high - range->low);
    if (setting->integer) {
        value = floor(value + 0.5);
    } else if (range->log) {
        value = three_digits(value);
    } else { /* thousandths of the width: 0.0123 of 0..1 is 0.012 */
        double grain = (range->high - range->low) / 1000.0;
        value = three_digits(floor(value / grain + 0.5) * grain);
    }
    return value < range->low ? range->low : value > range->high ? range->high : value;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
    return recs__hash_seeded(bytes, size, hash);
}

uint64_t recs__space_hash(const recs__space *space) {
    uint64_t hash = 0;
    for (uint32_t c = 0; c < space->base.count; c++) {
        const recs__spec *spec = &space->base.specs[c];
        const char *trainer = spec->trainer ? spec->trainer->name : "blend";
        hash = mix(hash, spec->name, strlen(spec->name));
        hash = mix(hash, trainer, strlen(trainer));
        hash = mix(hash, spec->settings, sizeof spec->settings);
        for (uint32_t t = 0; t < spec->term_count; t++) {
            hash = mix(hash, &spec->terms[t].component, sizeof spec->terms[t].component);
            hash = mix(hash, &spec->terms[t].weight, sizeof spec->terms[t].weight);
        }
        for (uint32_t s = 0; s < RECS__SETTINGS_MAX; s++) {
            const recs__range *range = &space->ranges[c][s];
            double ends[4] = {range->free, range->log, range->low, range->high};
            hash = mix(hash, ends, sizeof ends);
            hash = mix(hash, range->values, range->value_count * sizeof *range->values);
        }
    }
    return hash;
}
