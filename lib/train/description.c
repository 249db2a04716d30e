/* description.c - parsing and printing model descriptions.
 *
 * A hand-written recursive descent over the text; the parser holds a cursor
 * and fails at the first thing it does not know, with its column. Linear in
 * the text, but for look-ups among at most 64 names. */
#include "train/description.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/format.h"
#include "train/holdout.h"
#include "train/trainer.h"
#include "train/tune_space.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A blend of the longest names and weights still fits the file. */
_Static_assert(RECS__COMPONENTS_MAX * (RECS__NAME_MAX + 5 +
                                       RECS__TERMS_MAX * (RECS__NAME_MAX + 20)) <
                   RECS__FILE_TEXT_MAX,
               "the printed description may be longer than a file's text");

const recs__setting recs__blend_settings[RECS__BLEND_SETTINGS] = {
    [RECS__BLEND_METRIC] = {"metric", RECS__BLEND_NDCG, 0, 0, false, "ndcg|recall", 0},
    [RECS__BLEND_K] = {"k", 20, 1, 1000, true, NULL, 0},
    [RECS__BLEND_VALIDATION] = {"validation", 0, 0, 0, false, "auto|time|random", 0},
    [RECS__BLEND_SHARE] = {"share", 0.1, 0.01, 0.5, false, NULL, 0},
    [RECS__BLEND_REPEATS] = {"repeats", RECS__BLEND_EXCLUDE, 0, 0, false, "exclude|include|only", 0},
};

typedef struct parser {
    const char *text;
    const char *at;
    recs__description *out;
    recs__space *space; /* NULL: no setting may be free; else out is its base */
    recs_error *error;
} parser;

typedef struct word {
    const char *bytes;
    size_t size;
} word;

static size_t column_of(const parser *p, const char *at) {
    return (size_t)(at - p->text) + 1;
}

static bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void skip_space(parser *p) {
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
}

static bool take(parser *p, char c) {
    skip_space(p);
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

/* A name: letters, digits, '_' and, inside, '-' and '.'. */
static word take_name(parser *p) {
    skip_space(p);
    word w = {p->at, 0};
    if (is_name_start(*p->at))
        while (is_name_start(*p->at) || is_digit(*p->at) || *p->at == '-' || *p->at == '.')
            p->at++;
    w.size = (size_t)(p->at - w.bytes);
    return w;
}

/* Everything up to a separator: a number or a word of choices. */
static word take_value(parser *p) {
    skip_space(p);
    word w = {p->at, 0};
    while (*p->at && !strchr(" \t\r\n,()=*", *p->at)) {
        bool exponent = p->at > w.bytes && (p->at[-1] == 'e' || p->at[-1] == 'E') &&
                        !is_name_start(w.bytes[0]);
        if (*p->at == '+' && p->at > w.bytes && !exponent)
            break;
        p->at++;
    }
    w.size = (size_t)(p->at - w.bytes);
    return w;
}

static recs_status expected(parser *p, const char *what) {
    skip_space(p);
    if (*p->at)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: expected %s, found '%.20s'",
                          column_of(p, p->at), what, p->at);
    return recs__fail(p->error, RECS_ERR_ARGUMENT,
                      "description column %zu: expected %s, found the end", column_of(p, p->at),
                      what);
}

static void list_trainers(char *out, size_t size) {
    const recs__trainer *trainer;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; (trainer = recs__trainer_at(i)) != NULL && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", trainer->name);
}

/* A table of settings and whose it is. */
typedef struct table {
    const char *owner;
    const recs__trainer *trainer; /* NULL: of blend(…) */
    const recs__setting *settings;
    size_t count;
} table;

static void list_settings(const table *t, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
                                 t->settings[i].name);
}

static uint32_t find_component(const recs__description *d, word w) {
    for (uint32_t i = 0; i < d->count; i++)
        if (strlen(d->specs[i].name) == w.size && memcmp(d->specs[i].name, w.bytes, w.size) == 0)
            return i;
    return UINT32_MAX;
}

static recs_status parse_choice(parser *p, const recs__setting *setting, word w, double *value) {
    const char *choice = setting->choices;
    for (unsigned index = 0; choice; index++) {
        size_t size = strcspn(choice, "|");
        if (size == w.size && memcmp(choice, w.bytes, size) == 0) {
            *value = index;
            return RECS_OK;
        }
        choice = choice[size] ? choice + size + 1 : NULL;
    }
    return recs__fail(p->error, RECS_ERR_ARGUMENT,
                      "description column %zu: %s is '%.*s', expected one of %s",
                      column_of(p, w.bytes), setting->name, (int)(w.size < 40 ? w.size : 40),
                      w.bytes, setting->choices);
}

static recs_status parse_setting_value(parser *p, const recs__setting *setting, double *value) {
    word w = take_value(p);
    if (w.size == 0)
        return expected(p, "a value");
    if (setting->choices)
        return parse_choice(p, setting, w, value);
    if (recs__parse_double(w.bytes, w.size, value) && isfinite(*value) && *value >= setting->low &&
        *value <= setting->high && (!setting->integer || *value == floor(*value)))
        return RECS_OK;
    return recs__fail(p->error, RECS_ERR_ARGUMENT,
                      "description column %zu: %s is '%.*s', expected a %snumber from %.10g to "
                      "%.10g",
                      column_of(p, w.bytes), setting->name, (int)(w.size < 40 ? w.size : 40),
                      w.bytes, setting->integer ? "whole " : "", setting->low, setting->high);
}

/* A text: in double quotes, or up to what ends a value. */
static recs_status parse_text(parser *p, const recs__setting *setting, double *value) {
    char *out = p->out->specs[p->out->count].texts[setting->text - 1];
    bool quoted = take(p, '"');
    const char *begin = p->at;
    size_t size = strcspn(begin, quoted ? "\"" : " \t\r\n,()=\"");
    if (size == 0 || (quoted && begin[size] != '"'))
        return expected(p, quoted ? "a text and a closing double quote" : "a text");
    if (size >= RECS__SETTING_TEXT)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: %s has %zu bytes, expected at most %d",
                          column_of(p, begin), setting->name, size, RECS__SETTING_TEXT - 1);
    memcpy(out, begin, size);
    out[size] = '\0';
    *value = 1;
    p->at += size + quoted;
    return RECS_OK;
}

/* Up to the end of the setting, "1..100 log" in one piece. */
static recs_status parse_free_value(parser *p, const recs__trainer *trainer, size_t setting,
                                    double *value) {
    skip_space(p);
    const char *begin = p->at;
    size_t size = strcspn(begin, ",()=*");
    if (size == 0)
        return expected(p, "a value");
    p->at += size;
    return recs__range_parse(trainer, &trainer->settings[setting], begin, size,
                             column_of(p, begin), &p->space->ranges[p->out->count][setting], value,
                             p->error);
}

/* What follows a setting's name w. */
static recs_status parse_setting(parser *p, const table *t, word w, double *values, bool *given) {
    size_t i = 0;
    while (i < t->count && (strlen(t->settings[i].name) != w.size ||
                            memcmp(t->settings[i].name, w.bytes, w.size) != 0))
        i++;
    if (i == t->count) {
        char known[300];
        list_settings(t, known, sizeof known);
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: %s has no setting '%.*s'; it has %s",
                          column_of(p, w.bytes), t->owner, (int)(w.size < 40 ? w.size : 40),
                          w.bytes, known);
    }
    if (given[i])
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: %s is given twice", column_of(p, w.bytes),
                          t->settings[i].name);
    given[i] = true;
    if (!take(p, '='))
        return expected(p, "'='");
    if (t->settings[i].text != 0)
        return parse_text(p, &t->settings[i], &values[i]);
    return p->space && t->trainer ? parse_free_value(p, t->trainer, i, &values[i])
                                  : parse_setting_value(p, &t->settings[i], &values[i]);
}

/* What was not named gets its own range. */
static recs_status free_the_rest(parser *p, recs__spec *spec, const bool *given) {
    const recs__trainer *trainer = spec->trainer;
    recs__range *ranges = p->space->ranges[p->out->count];
    for (size_t i = 0; i < trainer->setting_count; i++) {
        const char *own = recs__range_own(trainer->name, trainer->settings[i].name);
        recs_status status = RECS_OK;
        if (own && !given[i])
            status = recs__range_parse(trainer, &trainer->settings[i], own, strlen(own),
                                       column_of(p, p->at), &ranges[i], &spec->settings[i],
                                       p->error);
        if (status)
            return status;
    }
    return RECS_OK;
}

static recs_status parse_settings(parser *p, recs__spec *spec) {
    const recs__trainer *trainer = spec->trainer;
    table t = {trainer->name, trainer, trainer->settings, trainer->setting_count};
    bool given[RECS__SETTINGS_MAX] = {false};

    if (take(p, ')'))
        return RECS_OK;
    do {
        if (p->space && take(p, '?')) {
            recs_status freed = free_the_rest(p, spec, given);
            return freed ? freed : take(p, ')') ? RECS_OK : expected(p, "')' after '?'");
        }
        word w = take_name(p);
        if (w.size == 0)
            return expected(p, "a setting's name");
        recs_status status = parse_setting(p, &t, w, spec->settings, given);
        if (status)
            return status;
    } while (take(p, ','));
    return take(p, ')') ? RECS_OK : expected(p, "',' or ')'");
}

static recs_status set_name(parser *p, recs__spec *spec, word w) {
    if (w.size > RECS__NAME_MAX)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: the name is longer than %d bytes",
                          column_of(p, w.bytes), RECS__NAME_MAX);
    if (find_component(p->out, w) != UINT32_MAX)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: a component is called '%.*s' already; give "
                          "this one a name, as in other = ...",
                          column_of(p, w.bytes), (int)w.size, w.bytes);
    memcpy(spec->name, w.bytes, w.size);
    spec->name[w.size] = '\0';
    return RECS_OK;
}

static recs_status parse_trainer(parser *p, recs__spec *spec, word name, word w) {
    recs_status status;
    spec->trainer = recs__trainer_find(w.bytes, w.size);
    if (!spec->trainer) {
        char known[200];
        list_trainers(known, sizeof known);
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: unknown trainer '%.*s'; there are %s",
                          column_of(p, w.bytes), (int)(w.size < 40 ? w.size : 40), w.bytes, known);
    }
    if ((status = set_name(p, spec, name)) != RECS_OK)
        return status;
    memset(spec->texts, 0, sizeof spec->texts);
    for (size_t i = 0; i < spec->trainer->setting_count; i++)
        spec->settings[i] = spec->trainer->settings[i].fallback;
    if (take(p, '('))
        return parse_settings(p, spec);
    static const bool none[RECS__SETTINGS_MAX];
    return p->space ? free_the_rest(p, spec, none) : RECS_OK;
}

static recs_status add_term(parser *p, recs__spec *spec, word w, double weight) {
    uint32_t component = find_component(p->out, w);
    if (component == UINT32_MAX)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: no component '%.*s' before this blend",
                          column_of(p, w.bytes), (int)(w.size < 40 ? w.size : 40), w.bytes);
    if (!p->out->specs[component].trainer)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: '%.*s' is a blend itself; name the components "
                          "it is made of",
                          column_of(p, w.bytes), (int)w.size, w.bytes);
    for (uint32_t i = 0; i < spec->term_count; i++)
        if (spec->terms[i].component == component)
            return recs__fail(p->error, RECS_ERR_ARGUMENT,
                              "description column %zu: '%.*s' is in this blend twice",
                              column_of(p, w.bytes), (int)w.size, w.bytes);
    if (spec->term_count == RECS__TERMS_MAX)
        return recs__fail(p->error, RECS_ERR_LIMIT,
                          "description column %zu: a blend has at most %d terms",
                          column_of(p, w.bytes), RECS__TERMS_MAX);
    spec->terms[spec->term_count].component = component;
    spec->terms[spec->term_count].weight = (float)weight;
    spec->term_count++;
    p->out->term_count++;
    return RECS_OK;
}

static recs_status parse_term(parser *p, recs__spec *spec) {
    double weight = 1.0;
    skip_space(p);
    const char *at = p->at;
    if (!is_name_start(*at)) {
        word w = take_value(p);
        if (w.size == 0)
            return expected(p, "a trainer, a weight or the name of a component");
        if (!recs__parse_double(w.bytes, w.size, &weight) || !(fabs(weight) <= FLT_MAX) ||
            (float)weight == 0.0f)
            return recs__fail(p->error, RECS_ERR_ARGUMENT,
                              "description column %zu: '%.*s' is not a finite weight other than 0",
                              column_of(p, at), (int)(w.size < 40 ? w.size : 40), w.bytes);
        if (!take(p, '*'))
            return expected(p, "'*' after the weight");
    }
    word w = take_name(p);
    return w.size ? add_term(p, spec, w, weight) : expected(p, "the name of a component");
}

static recs_status parse_blend(parser *p, recs__spec *spec, word name) {
    recs_status status = set_name(p, spec, name);
    do {
        if (status == RECS_OK)
            status = parse_term(p, spec);
    } while (status == RECS_OK && take(p, '+'));
    return status;
}

/* All blends learn on one validation part, so they must want the same one. */
static recs_status check_validation(parser *p, const recs__spec *spec, const char *at) {
    for (uint32_t i = 0; i < p->out->count; i++) {
        const recs__spec *other = &p->out->specs[i];
        if (other->weights == RECS__WEIGHTS_GIVEN)
            continue;
        for (int s = RECS__BLEND_VALIDATION; s <= RECS__BLEND_SHARE; s++)
            if (spec->settings[s] != other->settings[s])
                return recs__fail(p->error, RECS_ERR_ARGUMENT,
                                  "description column %zu: %s differs from that of '%s'; all "
                                  "blends learn on one validation part",
                                  column_of(p, at), recs__blend_settings[s].name, other->name);
    }
    return RECS_OK;
}

/* From behind "blend(". */
static recs_status parse_learned(parser *p, recs__spec *spec, word name) {
    static const table t = {"blend", NULL, recs__blend_settings, RECS__BLEND_SETTINGS};
    bool given[RECS__BLEND_SETTINGS] = {false}, set = false;
    recs_status status = set_name(p, spec, name);

    spec->weights = RECS__WEIGHTS_TO_LEARN;
    for (size_t i = 0; i < t.count; i++)
        spec->settings[i] = t.settings[i].fallback;
    do {
        word w = take_name(p);
        if (status == RECS_OK && w.size == 0)
            return expected(p, set ? "a setting's name" : "the name of a component");
        skip_space(p);
        set = set || *p->at == '=';
        if (status == RECS_OK)
            status = set ? parse_setting(p, &t, w, spec->settings, given)
                         : add_term(p, spec, w, 0.0);
    } while (status == RECS_OK && take(p, ','));
    if (status)
        return status;
    if (!take(p, ')'))
        return expected(p, "',' or ')'");
    if (spec->term_count < 2)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: blend of %u component%s, expected at least two "
                          "to weigh",
                          column_of(p, name.bytes), spec->term_count,
                          spec->term_count == 1 ? "" : "s");
    if (spec->settings[RECS__BLEND_REPEATS] == RECS__BLEND_ONLY &&
        spec->settings[RECS__BLEND_VALIDATION] == RECS__HOLDOUT_RANDOM)
        return recs__fail(p->error, RECS_ERR_ARGUMENT,
                          "description column %zu: blend with repeats=only and validation=random; "
                          "a random part holds no item twice, expected validation=time or auto",
                          column_of(p, name.bytes));
    return check_validation(p, spec, name.bytes);
}

static bool is_blend_call(const parser *p, word w) {
    return w.size == 5 && memcmp(w.bytes, "blend", 5) == 0 && *p->at == '(';
}

static recs_status parse_entry(parser *p) {
    recs__spec *spec = &p->out->specs[p->out->count];
    word w = take_name(p), name = w;
    recs_status status;

    memset(spec, 0, sizeof *spec);
    if (w.size == 0)
        return expected(p, "a trainer or a name");
    if (take(p, '=')) {
        skip_space(p);
        const char *start = p->at;
        w = take_name(p);
        skip_space(p);
        if (is_blend_call(p, w)) {
            p->at++;
            status = parse_learned(p, spec, name);
            p->out->count += status == RECS_OK;
            return status;
        }
        bool plain = w.size > 0 && *p->at != '+' && *p->at != '*';
        bool call = plain && (*p->at == '(' || find_component(p->out, w) == UINT32_MAX);
        if (!call) {
            p->at = start;
            status = parse_blend(p, spec, name);
            p->out->count += status == RECS_OK;
            return status;
        }
    }
    skip_space(p);
    if (is_blend_call(p, w)) {
        p->at++;
        status = parse_learned(p, spec, name);
    } else {
        status = parse_trainer(p, spec, name, w);
    }
    p->out->count += status == RECS_OK;
    return status;
}

static recs_status parse_all(parser p) {
    recs__description *description = p.out;
    recs_error *error = p.error;
    recs_status status;

    if (!p.text)
        return recs__fail(error, RECS_ERR_ARGUMENT, "the description is NULL");
    do {
        if (description->count == RECS__COMPONENTS_MAX)
            return recs__fail(error, RECS_ERR_LIMIT,
                              "description column %zu: more than %d components",
                              column_of(&p, p.at), RECS__COMPONENTS_MAX);
        if ((status = parse_entry(&p)) != RECS_OK)
            return status;
    } while (take(&p, ','));
    skip_space(&p);
    return *p.at ? expected(&p, "',' or the end") : RECS_OK;
}

recs_status recs__description_parse(recs__description *description, const char *text,
                                    recs_error *error) {
    memset(description, 0, sizeof *description);
    return parse_all((parser){text, text, description, NULL, error});
}

recs_status recs__space_parse(recs__space *space, const char *text, recs_error *error) {
    memset(space, 0, sizeof *space);
    return parse_all((parser){text, text, &space->base, space, error});
}

/* ---- printing ------------------------------------------------------------------ */

typedef struct text {
    char *bytes;
    size_t size, capacity;
    const recs_host *host;
    recs_error *error;
    recs_status status;
} text;

static void append(text *t, const char *bytes) {
    size_t size = strlen(bytes);
    void *block = t->bytes;
    if (t->status)
        return;
    t->status = recs__grow(t->host, &block, &t->capacity, t->size + size + 1, 1, t->error);
    if (t->status)
        return;
    t->bytes = block;
    memcpy(t->bytes + t->size, bytes, size + 1);
    t->size += size;
}

/* A host may have set a locale whose decimal point is a comma, or several
 * bytes long: whatever is no part of a plain number becomes one point. */
static void plain_point(char *number) {
    char *to = number;
    for (const char *from = number; *from; from++) {
        if (strchr("0123456789+-e", *from))
            *to++ = *from;
        else if (to == number || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
}

/* The shortest decimal that reads back as the same double (or, when the value
 * is kept as one, the same float): 0.1, not 0.10000000000000001; whole ones in
 * full: 30, not 3e+01. */
static void append_number(text *t, double value, bool as_float) {
    char room[40];
    if (fabs(value) < 1e15 && value == floor(value)) {
        snprintf(room, sizeof room, "%.0f", value);
        append(t, room);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        double back;
        snprintf(room, sizeof room, "%.*g", digits, value);
        plain_point(room);
        if (recs__parse_double(room, strlen(room), &back) &&
            (back == value || (as_float && (float)back == (float)value)))
            break;
    }
    append(t, room);
}

static void append_choice(text *t, const char *choices, unsigned index) {
    char room[64];
    while (index-- && strchr(choices, '|'))
        choices = strchr(choices, '|') + 1;
    snprintf(room, sizeof room, "%.*s", (int)strcspn(choices, "|"), choices);
    append(t, room);
}

static void append_text(text *t, const char *value) {
    bool quoted = value[strcspn(value, " \t\r\n,()=\"")] != '\0';
    append(t, quoted ? "\"" : "");
    append(t, value);
    append(t, quoted ? "\"" : "");
}

static void append_settings(text *t, const recs__setting *settings, size_t count,
                            const recs__spec *spec, bool first) {
    const double *values = spec->settings;
    for (size_t i = 0; i < count; i++) {
        if (settings[i].text != 0 && values[i] == 0)
            continue; /* not given */
        append(t, !first ? ", " : "");
        first = false;
        append(t, settings[i].name);
        append(t, "=");
        if (settings[i].text != 0)
            append_text(t, spec->texts[settings[i].text - 1]);
        else if (settings[i].choices)
            append_choice(t, settings[i].choices, (unsigned)values[i]);
        else
            append_number(t, values[i], false);
    }
    append(t, ")");
}

static void append_spec(text *t, const recs__description *d, const recs__spec *spec,
                        bool as_written) {
    if (spec->trainer) {
        append(t, spec->trainer->name);
        append(t, "(");
        append_settings(t, spec->trainer->settings, spec->trainer->setting_count, spec, true);
        return;
    }
    bool call = spec->weights == RECS__WEIGHTS_TO_LEARN ||
                (spec->weights == RECS__WEIGHTS_LEARNED && as_written);
    append(t, call ? "blend(" : "");
    for (uint32_t i = 0; i < spec->term_count; i++) {
        append(t, i == 0 ? "" : call ? ", " : " + ");
        if (!call) {
            append_number(t, spec->terms[i].weight, true);
            append(t, "*");
        }
        append(t, d->specs[spec->terms[i].component].name);
    }
    if (call)
        append_settings(t, recs__blend_settings, RECS__BLEND_SETTINGS, spec, false);
}

static char *finish(text *t) {
    if (t->status == RECS_OK)
        return t->bytes;
    recs__free(t->host, t->bytes);
    return NULL;
}

char *recs__spec_text(const recs__description *description, uint32_t index, const recs_host *host,
                      recs_error *error) {
    text t = {NULL, 0, 0, host, error, RECS_OK};
    append_spec(&t, description, &description->specs[index], false);
    return finish(&t);
}

char *recs__description_text(const recs__description *description, const recs_host *host,
                             recs_error *error) {
    text t = {NULL, 0, 0, host, error, RECS_OK};
    for (uint32_t i = 0; i < description->count; i++) {
        const recs__spec *spec = &description->specs[i];
        append(&t, i ? ", " : "");
        const char *own = spec->trainer ? spec->trainer->name : "blend";
        if (spec->weights == RECS__WEIGHTS_GIVEN && !spec->trainer)
            own = ""; /* terms need a name before them */
        if (strcmp(spec->name, own) != 0) {
            append(&t, spec->name);
            append(&t, " = ");
        }
        append_spec(&t, description, spec, true);
    }
    return finish(&t);
}

recs_status recs_description_check(const char *description, const recs_host *host,
                                   char **normalised, recs_error *error) {
    recs_host lent;
    recs_status status = recs__host_init(&lent, host, error);
    if (status)
        return status;
    recs__description *parsed = recs__alloc(&lent, 1, sizeof *parsed, error);
    if (!parsed)
        return RECS_ERR_MEMORY;
    status = recs__description_parse(parsed, description, error);
    if (status == RECS_OK && normalised) {
        char *printed = recs__description_text(parsed, &lent, error);
        if (printed)
            *normalised = printed;
        else
            status = RECS_ERR_MEMORY;
    }
    recs__free(&lent, parsed);
    return status;
}

void recs_text_free(char *printed, const recs_host *host) {
    recs_host lent;
    if (recs__host_init(&lent, host, NULL) == RECS_OK)
        recs__free(&lent, printed);
}
