/* trends_options.c - the description of a recs_trends, read and written.
 *
 * Defaults are written here once. The written form names every setting in one
 * order, so equal texts count alike; a state is merged with such alone. */
#include "live/trends_state.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char *const default_description =
    "half_life=1d|7d, window=, actors=1d, actors_kept=2, actor_share=0.2, min_actors=3, min_support=3, prior=20, "
    "support=10, own=0, weekly=0.3, candidates=256, future=1h, seed=0";

/* A piece of the description. */
typedef struct span {
    const char *text;
    size_t size;
} span;

static span trim(span s) {
    while (s.size > 0 && s.text[0] == ' ') {
        s.text++;
        s.size--;
    }
    while (s.size > 0 && s.text[s.size - 1] == ' ')
        s.size--;
    return s;
}

/* Takes what is before the next separator off the front of *rest. */
static span cut(span *rest, char separator) {
    const char *end = rest->size > 0 ? memchr(rest->text, separator, rest->size) : NULL;
    span first = *rest;
    if (end == NULL) {
        rest->text += rest->size;
        rest->size = 0;
    } else {
        first.size = (size_t)(end - rest->text);
        rest->text = end + 1;
        rest->size -= first.size + 1;
    }
    return trim(first);
}

static bool same(span s, const char *word) {
    return s.size == strlen(word) && memcmp(s.text, word, s.size) == 0;
}

static int shown(span s) { return s.size < 60 ? (int)s.size : 60; }

/* ---- values -------------------------------------------------------------------- */

/* Digits and a unit: "90s", "5m", "1h", "7d", "2w". */
static recs_status read_time(const char *name, span value, int64_t low, int64_t high,
                             int64_t *out, recs_error *error) {
    static const struct {
        const char *unit;
        int64_t size;
    } units[] = {{"s", SECOND}, {"m", MINUTE}, {"h", HOUR}, {"d", DAY}, {"w", 7 * DAY}};
    size_t digits = 0;
    int64_t number = 0, unit = 0;
    while (digits < value.size && digits < 9 && value.text[digits] >= '0' &&
           value.text[digits] <= '9')
        number = number * 10 + (value.text[digits++] - '0');
    span rest = {value.text + digits, value.size - digits};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (same(rest, units[i].unit))
            unit = units[i].size;
    if (digits == 0 || unit == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s is \"%.*s\", expected a time such as 90s, 5m, 1h, 7d or 2w", name,
                          shown(value), value.text);
    number *= unit;
    if (number < low || number > high)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s is %.*s, expected %" PRId64 "s to %" PRId64 "s", name, shown(value),
                          value.text, low / SECOND, high / SECOND);
    *out = number;
    return RECS_OK;
}

static recs_status read_number(const char *name, span value, double low, double high, bool whole,
                               double *out, recs_error *error) {
    double number;
    if (!recs__parse_double(value.text, value.size, &number) || !(number >= low) ||
        !(number <= high) || (whole && number != floor(number)))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is \"%.*s\", expected %s%g to %g", name,
                          shown(value), value.text, whole ? "a whole number, " : "", low, high);
    *out = number;
    return RECS_OK;
}

static recs_status read_whole(const char *name, span value, double low, double high,
                              uint32_t *out, recs_error *error) {
    double number;
    recs_status status = read_number(name, value, low, high, true, &number, error);
    if (status == RECS_OK)
        *out = (uint32_t)number;
    return status;
}

/* Digits and a unit: "64M". */
static recs_status read_size(const char *name, span value, uint64_t *out, recs_error *error) {
    uint64_t number = 0;
    size_t digits = 0;
    unsigned shift = 64;
    while (digits < value.size && digits < 9 && value.text[digits] >= '0' &&
           value.text[digits] <= '9')
        number = number * 10 + (uint64_t)(value.text[digits++] - '0');
    span unit = {value.text + digits, value.size - digits};
    if (same(unit, "K") || same(unit, "M") || same(unit, "G"))
        shift = unit.text[0] == 'K' ? 10 : unit.text[0] == 'M' ? 20 : 30;
    if (digits == 0 || shift == 64 || number == 0 || number > (UINT64_C(1) << 40) >> shift)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s is \"%.*s\", expected off or a size such as 64M, 1K to 1024G", name,
                          shown(value), value.text);
    *out = number << shift;
    return RECS_OK;
}

/* ---- series --------------------------------------------------------------------- */

static recs_status too_many(recs_error *error) {
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "half_life and window name more than %d series together", RECS__TREND_SERIES);
}

static recs_status read_half_lives(recs__trend_options *options, span value, recs_error *error) {
    options->half_lives = 0;
    do {
        int64_t length = 0;
        recs_status status =
            read_time("half_life", cut(&value, '|'), MINUTE, 1000 * DAY, &length, error);
        if (status != RECS_OK)
            return status;
        if (options->half_lives == 6)
            return recs__fail(error, RECS_ERR_ARGUMENT, "half_life has more than 6 members");
        uint32_t at = options->half_lives++;
        if (at > 0 && length <= options->series[at - 1].length)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "half_life does not ascend: member %u is not above the one before",
                              at + 1);
        options->series[at] = (recs__trend_series){.half_life = length,
                                                   .width = length * RECS__TREND_HALVINGS,
                                                   .length = length,
                                                   .slots = 2,
                                                   .steps = 256.0 / (double)length};
    } while (value.size > 0);
    return RECS_OK;
}

static recs_status read_window(recs__trend_options *options, span value, recs_error *error) {
    int64_t longest = options->series[options->half_lives - 1].width;
    while (value.size > 0) {
        span bucket = cut(&value, '|'), length = cut(&bucket, '/');
        int64_t whole = 0, part = 0;
        recs_status status = read_time("window", length, 20 * SECOND, longest, &whole, error);
        if (status == RECS_OK)
            status = read_time("window's bucket", trim(bucket), 10 * SECOND, longest, &part, error);
        if (status != RECS_OK)
            return status;
        if (whole % part != 0 || whole / part < 2 || whole / part > 240)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "window %.*s is not 2 to 240 whole buckets of %.*s", shown(length),
                              length.text, shown(bucket), bucket.text);
        for (uint32_t s = options->half_lives; s < options->series_count; s++)
            if (options->series[s].length == whole)
                return recs__fail(error, RECS_ERR_ARGUMENT, "window %.*s is there twice",
                                  shown(length), length.text);
        if (options->series_count == RECS__TREND_SERIES)
            return too_many(error);
        options->series[options->series_count++] = (recs__trend_series){
            .width = part, .length = whole, .slots = (uint32_t)(whole / part) + 1};
    }
    return RECS_OK;
}

static void place_columns(recs__trend_options *options) {
    options->columns = 0;
    for (uint32_t s = 0; s < options->series_count; s++) {
        options->series[s].column = options->columns;
        options->columns += options->series[s].slots;
    }
    options->base = options->baseline = options->half_lives - 1;
}

/* ---- the whole --------------------------------------------------------------------- */

static recs_status read_weight(recs__trend_options *options, span name, span value,
                               recs_error *error) {
    char word[32];
    double number, type;
    name.text += strlen("weight.");
    name.size -= strlen("weight.");
    snprintf(word, sizeof word, "%.*s", name.size < 31 ? (int)name.size : 31, name.text);
    int32_t index = recs_event_type_of(word);
    if (index < 0 && recs__parse_double(name.text, name.size, &type) && type >= 0 &&
        type <= RECS_EVENT_MAX && type == floor(type))
        index = (int32_t)type;
    if (index < 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "weight.%s: no such event type, expected a name such as buy or 0 to %d",
                          word, RECS_EVENT_MAX);
    recs_status status = read_number("a weight", value, 0, 1000, false, &number, error);
    if (status == RECS_OK)
        options->weights[index] = (float)number;
    return status;
}

/* A half-life or window that is kept; a window where both have the length. */
static recs_status read_baseline(recs__trend_options *options, span value, recs_error *error) {
    int64_t length = 0;
    recs_status status =
        read_time("baseline", value, 20 * SECOND, options->series[options->base].width, &length,
                  error);
    if (status != RECS_OK)
        return status;
    for (uint32_t s = options->series_count; s-- > 0;)
        if (options->series[s].length == length) {
            options->baseline = s;
            return RECS_OK;
        }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "baseline is %.*s, expected one of the half-lives and windows", shown(value),
                      value.text);
}

/* A window of two weeks or more in buckets of a day or of a part of one. */
static recs_status read_profile(recs__trend_options *options, span value, recs_error *error) {
    int64_t length = 0;
    options->profile = RECS__TREND_SERIES;
    if (same(value, "off"))
        return RECS_OK;
    recs_status status = read_time("profile", value, 14 * DAY, 16000 * DAY, &length, error);
    if (status != RECS_OK)
        return status;
    for (uint32_t s = options->half_lives; s < options->series_count; s++)
        if (options->series[s].length == length && DAY % options->series[s].width == 0) {
            options->profile = s;
            return RECS_OK;
        }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "profile is %.*s, expected one of the windows, in buckets of a day or of a "
                      "part of one",
                      shown(value), value.text);
}

/* half_life and window are read before: their ranges are other settings' bounds. */
static recs_status read_setting(recs__trend_options *options, span name, span value,
                                recs_error *error) {
    int64_t longest = options->series[options->base].width;
    double seed;
    if (same(name, "half_life") || same(name, "window"))
        return RECS_OK;
    if (same(name, "baseline"))
        return read_baseline(options, value, error);
    if (same(name, "actors")) {
        options->actors = 0;
        return same(value, "off")
                   ? RECS_OK
                   : read_time("actors", value, HOUR, 30 * DAY, &options->actors, error);
    }
    if (same(name, "actors_kept"))
        return read_whole("actors_kept", value, 1, 30, &options->actors_kept, error);
    if (same(name, "actor_share")) {
        options->actor_share = 0.0;
        return same(value, "off") ? RECS_OK
                                  : read_number("actor_share", value, 0.001, 1, false,
                                                &options->actor_share, error);
    }
    if (same(name, "min_actors"))
        return read_whole("min_actors", value, 0, 64, &options->min_actors, error);
    if (same(name, "min_support"))
        return read_number("min_support", value, 0, 1e6, false, &options->min_support, error);
    if (same(name, "profile"))
        return read_profile(options, value, error);
    if (same(name, "weekly"))
        return read_number("weekly", value, 0, 1, false, &options->weekly, error);
    if (same(name, "min_share"))
        return read_number("min_share", value, 0, 1, false, &options->min_share, error);
    if (same(name, "support"))
        return read_number("support", value, 0, 1e6, false, &options->support, error);
    if (same(name, "prior"))
        return read_number("prior", value, 0, 1e6, false, &options->prior, error);
    if (same(name, "own"))
        return read_number("own", value, 0, 1e6, false, &options->own, error);
    if (same(name, "candidates"))
        return read_whole("candidates", value, 16, RECS__TREND_CANDIDATES, &options->candidates, error);
    if (same(name, "new_within"))
        return read_time("new_within", value, HOUR, longest, &options->new_within, error);
    if (same(name, "future"))
        return read_time("future", value, 0, 365 * DAY, &options->future, error);
    if (same(name, "memory")) {
        options->memory = 0;
        return same(value, "off") ? RECS_OK : read_size("memory", value, &options->memory, error);
    }
    if (same(name, "seed")) {
        recs_status status = read_number("seed", value, 0, 9007199254740992.0, true, &seed, error);
        if (status == RECS_OK)
            options->seed = (uint64_t)seed;
        return status;
    }
    if (name.size > 7 && memcmp(name.text, "weight.", 7) == 0)
        return read_weight(options, name, value, error);
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "\"%.*s\" is no setting of trends, expected half_life, window, actors, "
                      "actors_kept, actor_share, min_actors, min_support, min_share, support, baseline, prior, own, "
                      "profile, weekly, candidates, new_within, future, weight.TYPE, memory or "
                      "seed",
                      shown(name), name.text);
}

/* pass 0: half-lives, 1: windows, 2: the rest. */
static recs_status read_pass(recs__trend_options *options, const char *description, int pass,
                             recs_error *error) {
    span rest = trim((span){description, strlen(description)});
    while (rest.size > 0) {
        span value = cut(&rest, ',');
        if (memchr(value.text, '=', value.size) == NULL)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "\"%.*s\" is no setting of trends, expected name=value", shown(value),
                              value.text);
        span name = cut(&value, '=');
        value = trim(value);
        recs_status status = RECS_OK;
        if (pass == 0 && same(name, "half_life"))
            status = read_half_lives(options, value, error);
        if (pass == 1 && same(name, "window"))
            status = read_window(options, value, error);
        if (pass == 2)
            status = read_setting(options, name, value, error);
        if (status != RECS_OK)
            return status;
    }
    return RECS_OK;
}

/* A setting may be named once (the last member of a chain of defaults aside). */
static recs_status check_twice(const char *description, recs_error *error) {
    span rest = trim((span){description, strlen(description)});
    while (rest.size > 0) {
        span value = cut(&rest, ','), name = cut(&value, '='), others = rest;
        while (others.size > 0) {
            span other = cut(&others, ','), other_name = cut(&other, '=');
            if (name.size == other_name.size && name.size > 0 &&
                memcmp(name.text, other_name.text, name.size) == 0)
                return recs__fail(error, RECS_ERR_ARGUMENT, "%.*s is set twice", shown(name),
                                  name.text);
        }
    }
    return RECS_OK;
}

recs_status recs__trend_options_read(recs__trend_options *options, const char *description,
                                     recs_error *error) {
    recs__trend_options read = {.min_share = -1.0, .profile = RECS__TREND_SERIES};
    if (description == NULL)
        description = "";
    recs_status status = check_twice(description, error);
    for (int type = 0; type <= RECS_EVENT_MAX; type++)
        read.weights[type] = type == RECS_EVENT_DISLIKE || type == RECS_EVENT_IMPRESSION ? 0 : 1;
    for (int pass = 0; pass < 3 && status == RECS_OK; pass++) {
        status = read_pass(&read, default_description, pass, error);
        if (pass == 2) { /* the one default that depends on another setting */
            int64_t longest = read.series[read.base].width;
            read.new_within = longest < 7 * DAY ? longest : 7 * DAY;
        }
        if (status == RECS_OK)
            status = read_pass(&read, description, pass, error);
        if (pass == 0)
            read.series_count = read.half_lives;
        if (pass == 1 && status == RECS_OK)
            place_columns(&read);
    }
    if (status == RECS_OK && read.profile < read.series_count && read.memory != 0)
        status = recs__fail(error, RECS_ERR_ARGUMENT,
                            "profile needs every count, and memory bounds them: one of the two");
    for (uint32_t s = 0; s < read.series_count && status == RECS_OK; s++) {
        read.series[s].by_width = recs__trend_divisor_of(read.series[s].width);
        read.series[s].by_length = recs__trend_divisor_of(read.series[s].length);
    }
    if (read.actors != 0 && status == RECS_OK)
        read.by_actors = recs__trend_divisor_of(read.actors);
    if (status == RECS_OK)
        *options = read;
    return status;
}

/* ---- writing --------------------------------------------------------------------------- */

static size_t put(char *out, size_t at, const char *text) {
    size_t size = strlen(text);
    memcpy(out + at, text, size + 1);
    return at + size;
}

static size_t put_time(char *out, size_t at, int64_t time) {
    char text[32];
    if (time != 0 && time % DAY == 0)
        snprintf(text, sizeof text, "%" PRId64 "d", time / DAY);
    else if (time != 0 && time % HOUR == 0)
        snprintf(text, sizeof text, "%" PRId64 "h", time / HOUR);
    else if (time != 0 && time % MINUTE == 0)
        snprintf(text, sizeof text, "%" PRId64 "m", time / MINUTE);
    else
        snprintf(text, sizeof text, "%" PRId64 "s", time / SECOND);
    return put(out, at, text);
}

void recs__trend_options_write(const recs__trend_options *options, char out[2048]) {
    char text[256];
    size_t at = put(out, 0, "half_life=");
    for (uint32_t s = 0; s < options->half_lives; s++) {
        at = put(out, at, s > 0 ? "|" : "");
        at = put_time(out, at, options->series[s].length);
    }
    at = put(out, at, options->series_count > options->half_lives ? ", window=" : "");
    for (uint32_t s = options->half_lives; s < options->series_count; s++) {
        at = put(out, at, s > options->half_lives ? "|" : "");
        at = put_time(out, at, options->series[s].length);
        at = put(out, at, "/");
        at = put_time(out, at, options->series[s].width);
    }
    at = put(out, at, ", actors=");
    at = options->actors != 0 ? put_time(out, at, options->actors) : put(out, at, "off");
    snprintf(text, sizeof text, ", actors_kept=%u", options->actors_kept);
    at = put(out, at, text);
    if (options->actors != 0 && options->actor_share > 0.0) {
        snprintf(text, sizeof text, ", actor_share=%.9g", options->actor_share);
        at = put(out, at, text);
    } else if (options->actors != 0) {
        at = put(out, at, ", actor_share=off");
    }
    snprintf(text, sizeof text, ", min_actors=%u, min_support=%.9g, prior=%.9g",
             options->min_actors, options->min_support, options->prior);
    at = put(out, at, text);
    if (options->own > 0.0) { /* 0 reads as before there was one: states of then still merge */
        snprintf(text, sizeof text, ", own=%.9g", options->own);
        at = put(out, at, text);
    }
    if (options->min_share >= 0.0) {
        snprintf(text, sizeof text, ", min_share=%.9g", options->min_share);
        at = put(out, at, text);
    }
    if (options->support != 10.0) { /* nor was there this */
        snprintf(text, sizeof text, ", support=%.9g", options->support);
        at = put(out, at, text);
    }
    if (options->baseline != options->base) {
        at = put(out, at, ", baseline=");
        at = put_time(out, at, options->series[options->baseline].length);
    }
    if (options->profile < options->series_count) {
        at = put(out, at, ", profile=");
        at = put_time(out, at, options->series[options->profile].length);
        snprintf(text, sizeof text, ", weekly=%.9g", options->weekly);
        at = put(out, at, text);
    }
    snprintf(text, sizeof text, ", candidates=%u", options->candidates);
    at = put(out, at, text);
    at = put(out, at, ", new_within=");
    at = put_time(out, at, options->new_within);
    at = put(out, at, ", future=");
    at = put_time(out, at, options->future);
    for (int32_t type = 0; type <= RECS_EVENT_MAX; type++) {
        bool usual = options->weights[type] ==
                     (type == RECS_EVENT_DISLIKE || type == RECS_EVENT_IMPRESSION ? 0.0f : 1.0f);
        if (usual)
            continue;
        if (recs_event_name(type) != NULL)
            snprintf(text, sizeof text, ", weight.%s=%.9g", recs_event_name(type),
                     (double)options->weights[type]);
        else
            snprintf(text, sizeof text, ", weight.%d=%.9g", type, (double)options->weights[type]);
        at = put(out, at, text);
    }
    if (options->memory != 0) {
        bool mega = options->memory % (1 << 20) == 0;
        snprintf(text, sizeof text, ", memory=%" PRIu64 "%c", options->memory >> (mega ? 20 : 10),
                 mega ? 'M' : 'K');
        at = put(out, at, text);
    }
    snprintf(text, sizeof text, ", seed=%" PRIu64, options->seed);
    put(out, at, text);
}
