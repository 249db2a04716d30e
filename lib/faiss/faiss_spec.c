/* faiss_spec.c - the description of an index, behind faiss_spec.h. */
#include "faiss/faiss_spec.h"

#include "faiss/faiss_head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MOST = 24,
    LISTS_MOST = 65536,
    AUTO_TRAINING = 39,
    HEAD_MOST = 4096,       /* scanned in the time of a short search */
    HEAD_NUMBERS = 1 << 18, /* likewise: a megabyte of floats         */
    HEAD_LEAST = 64,
    HEAD_SHARE = 20         /* at most one vector in so many          */
};

static const char *const kind_names[] = {"hnsw", "ivf", "pq", "sq8", "factory"};
static const char *const code_names[] = {"flat", "fp16", "sq8"};

/* One whole number of a kind of index. `zero`: what 0 is called, or NULL. */
typedef struct setting {
    recs__faiss_kind kind;
    const char *name;
    size_t offset;
    uint32_t low, high, preset;
    const char *zero;
} setting;

#define AT(member) offsetof(recs__faiss_spec, member)
static const setting settings[] = {
    {RECS__FAISS_HNSW, "m", AT(m), 2, 256, 32, NULL},
    {RECS__FAISS_HNSW, "ef_construction", AT(ef_construction), 4, 4096, 128, NULL},
    {RECS__FAISS_HNSW, "ef", AT(ef), 1, 65536, 64, NULL},
    {RECS__FAISS_HNSW, "head", AT(head), 1, RECS__FAISS_HEAD_MOST, 0, "auto"},
    {RECS__FAISS_IVF, "lists", AT(lists), 1, LISTS_MOST, 0, "auto"},
    {RECS__FAISS_IVF, "probe", AT(probe), 1, LISTS_MOST, 16, NULL},
    {RECS__FAISS_IVF, "head", AT(head), 1, RECS__FAISS_HEAD_MOST, 0, "auto"},
    {RECS__FAISS_PQ, "parts", AT(parts), 1, 65536, 0, "auto"},
    {RECS__FAISS_PQ, "bits", AT(bits), 4, 12, 8, NULL},
    {RECS__FAISS_FACTORY, "ef", AT(ef), 1, 65536, 0, "default"},
    {RECS__FAISS_FACTORY, "probe", AT(probe), 1, 1048576, 0, "default"},
    {RECS__FAISS_FACTORY, "head", AT(head), 1, RECS__FAISS_HEAD_MOST, 0, "auto"},
};
#undef AT
enum { SETTINGS = sizeof settings / sizeof settings[0] };

static uint32_t *value_of(recs__faiss_spec *spec, const setting *s) {
    return (uint32_t *)(void *)((char *)spec + s->offset);
}

static const char *skip(const char *at) {
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* A name at *at, moved behind it; empty where there is none. */
static void read_name(const char **at, char name[NAME_MOST + 1]) {
    size_t size = 0;
    const char *from = skip(*at);
    while ((*from >= 'a' && *from <= 'z') || (*from >= '0' && *from <= '9') || *from == '_') {
        if (size < NAME_MOST)
            name[size++] = *from;
        from++;
    }
    name[size] = '\0';
    *at = skip(from);
}

static const setting *find_setting(recs__faiss_kind kind, const char *name) {
    for (int i = 0; i < SETTINGS; i++)
        if (settings[i].kind == kind && strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

static recs_status read_number(const setting *s, recs__faiss_spec *spec, const char **at,
                               recs_error *error) {
    const char *from = *at;
    char word[NAME_MOST + 1], *end = NULL;
    read_name(at, word);
    unsigned long long value = strtoull(word, &end, 10);
    if (s->zero != NULL && strcmp(word, s->zero) == 0)
        value = 0;
    else if (*word < '0' || *word > '9' || *end != '\0' || value < s->low || value > s->high)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "%s(%s=%.24s): expected %u to %u%s%s",
                                kind_names[s->kind], s->name, *word != '\0' ? word : from, s->low,
                                s->high, s->zero != NULL ? " or " : "",
                                s->zero != NULL ? s->zero : "");
    *value_of(spec, s) = (uint32_t)value;
    return RECS_OK;
}

static recs_status read_code(recs__faiss_spec *spec, const char **at, recs_error *error) {
    char word[NAME_MOST + 1];
    read_name(at, word);
    for (int i = 0; i < 3; i++)
        if (strcmp(word, code_names[i]) == 0) {
            spec->code = (recs__faiss_code)i;
            return RECS_OK;
        }
    return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "%s(code=%s): expected flat, fp16 or sq8",
                            kind_names[spec->kind], word);
}

/* A quoted description in FAISS's words. */
static recs_status read_quoted(recs__faiss_spec *spec, const char **at, recs_error *error) {
    const char *from = *at + 1, *end = strchr(from, '"');
    if (**at != '"' || end == NULL)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                "%s: expected FAISS's own description in quotes, "
                                "as in factory(\"IVF1024,SQ8\")",
                                kind_names[spec->kind]);
    size_t size = (size_t)(end - from);
    if (size == 0 || size > RECS__FAISS_FACTORY_MOST)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                "factory: a description of %zu characters, expected 1 to %d", size,
                                RECS__FAISS_FACTORY_MOST);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)from[i] <= ' ' || (unsigned char)from[i] >= 0x7F)
            return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                    "factory: character %zu of the description is blank or not "
                                    "ASCII, expected one as in IVF1024,SQ8",
                                    i + 1);
    memcpy(spec->factory, from, size);
    spec->factory[size] = '\0';
    *at = skip(end + 1);
    return RECS_OK;
}

static recs_status read_settings(recs__faiss_spec *spec, const char **at, recs_error *error) {
    recs_status status = RECS_OK;
    uint32_t given = 0;
    bool first = true;
    do {
        *at = skip(*at + 1); /* behind ( or , */
        if (first && **at == ')')
            break;
        if (first && spec->kind == RECS__FAISS_FACTORY) {
            status = read_quoted(spec, at, error);
        } else {
            char name[NAME_MOST + 1];
            read_name(at, name);
            const setting *s = find_setting(spec->kind, name);
            bool code = spec->kind <= RECS__FAISS_IVF && strcmp(name, "code") == 0;
            if (s == NULL && !code)
                return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "%s has no setting %s",
                                        kind_names[spec->kind], *name != '\0' ? name : *at);
            uint32_t bit = UINT32_C(1) << (code ? SETTINGS : (int)(s - settings));
            if ((given & bit) != 0 || **at != '=')
                return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "%s: %s %s",
                                        kind_names[spec->kind], name,
                                        **at != '=' ? "has no value" : "is given twice");
            given |= bit;
            *at = skip(*at + 1);
            status = code ? read_code(spec, at, error) : read_number(s, spec, at, error);
        }
        first = false;
    } while (status == RECS_OK && **at == ',');
    if (status == RECS_OK && **at != ')')
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "%s: expected , or ) before \"%.40s\"",
                                kind_names[spec->kind], *at);
    if (status == RECS_OK)
        *at = skip(*at + 1);
    return status;
}

/* pq: parts of about four components, as far as the dimension divides. */
static recs_status resolve_parts(recs__faiss_spec *spec, uint32_t dimension, recs_error *error) {
    if (spec->parts == 0) {
        uint32_t width = 1;
        for (uint32_t w = 2; w <= 8; w++)
            if (dimension % w == 0 && (w <= 4 || width < 3))
                width = w;
        spec->parts = dimension / width;
    }
    if (dimension % spec->parts != 0)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                "pq(parts=%u): expected a divisor of the dimension, %u",
                                spec->parts, dimension);
    return RECS_OK;
}

recs_status recs__faiss_spec_read(recs__faiss_spec *spec, const char *text, uint32_t dimension,
                                  recs_error *error) {
    memset(spec, 0, sizeof *spec);
    const char *at = text;
    char name[NAME_MOST + 1];
    read_name(&at, name);
    int kind = 0;
    while (kind < 5 && strcmp(name, kind_names[kind]) != 0)
        kind++;
    if (kind == 5)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                "index=%.60s: expected exact, hnsw, ivf, pq, sq8 or factory",
                                text);
    spec->kind = (recs__faiss_kind)kind;
    for (int i = 0; i < SETTINGS; i++)
        if (settings[i].kind == spec->kind)
            *value_of(spec, &settings[i]) = settings[i].preset;

    recs_status status = RECS_OK;
    if (*at == '(') {
        status = read_settings(spec, &at, error);
    } else if (spec->kind == RECS__FAISS_FACTORY && *at == '=') {
        at = skip(at + 1);
        status = read_quoted(spec, &at, error);
    }
    if (status == RECS_OK && *at != '\0')
        status = recs__faiss_fail(error, RECS_ERR_ARGUMENT, "index=%s: \"%.40s\" behind its end",
                                  name, at);
    if (status == RECS_OK && spec->kind == RECS__FAISS_FACTORY && spec->factory[0] == '\0')
        status = recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                  "factory: expected FAISS's own description in quotes, "
                                  "as in factory(\"IVF1024,SQ8\")");
    if (status == RECS_OK && spec->kind == RECS__FAISS_PQ)
        status = resolve_parts(spec, dimension, error);
    return status;
}

recs_status recs__faiss_spec_write(const recs__faiss_spec *spec, char *out, size_t size,
                                   recs_error *error) {
    char text[RECS__FAISS_FACTORY_MOST + 128];
    int used = snprintf(text, sizeof text, "%s", kind_names[spec->kind]);
    const char *before = "(";
    if (spec->kind == RECS__FAISS_FACTORY) {
        used += snprintf(text + used, sizeof text - (size_t)used, "(\"%s\"", spec->factory);
        before = ", ";
    }
    for (int i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        uint32_t value;
        memcpy(&value, (const char *)spec + s->offset, sizeof value);
        bool silent = spec->kind == RECS__FAISS_FACTORY || /* about what it leaves to itself */
                      s->offset == offsetof(recs__faiss_spec, head);
        if (s->kind != spec->kind || (value == 0 && silent))
            continue;
        used += value == 0 ? snprintf(text + used, sizeof text - (size_t)used, "%s%s=%s", before,
                                      s->name, s->zero)
                           : snprintf(text + used, sizeof text - (size_t)used, "%s%s=%u", before,
                                      s->name, value);
        before = ", ";
    }
    if (spec->kind <= RECS__FAISS_IVF)
        used += snprintf(text + used, sizeof text - (size_t)used, "%scode=%s", before,
                         code_names[spec->code]);
    if (spec->kind != RECS__FAISS_SQ8)
        used += snprintf(text + used, sizeof text - (size_t)used, ")");
    if ((size_t)used >= size)
        return recs__faiss_fail(error, RECS_ERR_LIMIT,
                                "the description of the index has %d characters, room for %zu",
                                used, size);
    memcpy(out, text, (size_t)used + 1);
    return RECS_OK;
}

uint32_t recs__faiss_spec_lists(const recs__faiss_spec *spec, uint64_t count) {
    if (spec->lists != 0)
        return spec->lists;
    uint64_t lists = (uint64_t)(4.0 * sqrt((double)count) + 0.5);
    if (lists > count / AUTO_TRAINING)
        lists = count / AUTO_TRAINING;
    return lists < 1 ? 1 : lists > LISTS_MOST ? LISTS_MOST : (uint32_t)lists;
}

void recs__faiss_spec_factory(const recs__faiss_spec *spec, uint64_t count, char *out,
                              size_t size) {
    static const char *const faiss_codes[] = {"Flat", "SQfp16", "SQ8"};
    switch (spec->kind) {
    case RECS__FAISS_HNSW:
        snprintf(out, size, "HNSW%u,%s", spec->m, faiss_codes[spec->code]);
        break;
    case RECS__FAISS_IVF:
        snprintf(out, size, "IVF%u,%s", recs__faiss_spec_lists(spec, count),
                 faiss_codes[spec->code]);
        break;
    case RECS__FAISS_PQ:
        /* np: no polysemous codes, whose annealing takes minutes and which nothing here
         * searches by. */
        snprintf(out, size, "PQ%ux%unp", spec->parts, spec->bits);
        break;
    case RECS__FAISS_SQ8:
        snprintf(out, size, "SQ8");
        break;
    case RECS__FAISS_FACTORY:
        snprintf(out, size, "%s", spec->factory);
        break;
    }
}

bool recs__faiss_spec_augmented(const recs__faiss_spec *spec, int32_t metric) {
    return metric == RECS_METRIC_INNER && spec->kind == RECS__FAISS_IVF;
}

/* What has an effort is a graph or lists; anything else looks at every vector. */
bool recs__faiss_spec_headed(const recs__faiss_spec *spec, int32_t metric) {
    uint32_t described;
    return metric == RECS_METRIC_INNER && recs__faiss_spec_effort(spec, &described) != NULL;
}

size_t recs__faiss_spec_head(const recs__faiss_spec *spec, uint64_t count, uint32_t dimension,
                             bool *far) {
    uint64_t few = HEAD_NUMBERS / dimension;
    few = few < HEAD_LEAST ? HEAD_LEAST : few < HEAD_MOST ? few : HEAD_MOST;
    *far = spec->head == 0;
    uint64_t most = count / (*far ? HEAD_SHARE : 2), asked = *far ? few : spec->head;
    return (size_t)(asked < most ? asked : most);
}

const char *recs__faiss_spec_effort(const recs__faiss_spec *spec, uint32_t *described) {
    bool graph = spec->kind == RECS__FAISS_HNSW, lists = spec->kind == RECS__FAISS_IVF;
    if (spec->kind == RECS__FAISS_FACTORY) {
        lists = strstr(spec->factory, "IVF") != NULL || strstr(spec->factory, "IMI") != NULL;
        graph = !lists && strstr(spec->factory, "HNSW") != NULL;
    }
    /* 16 and 1 are what FAISS has where nothing is set. */
    *described = graph ? (spec->ef != 0 ? spec->ef : 16) : lists ? (spec->probe != 0 ? spec->probe : 1) : 0;
    return graph ? "efSearch" : lists ? "nprobe" : NULL;
}
