/* spec.c - parsing and printing the description of a vector set: one pass over
 * the text, strict. */
#include "search/spec.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const char *const metrics[] = {"inner", "cosine", "l2"};
static const char *const storages[] = {"float32", "float16", "bfloat16", "int8"};
enum { METRICS = 3, STORAGES = 4 };

typedef struct cursor {
    const char *text, *at;
    recs_error *error;
} cursor;

const char *recs__metric_name(int32_t metric) {
    return metric >= 0 && metric < METRICS ? metrics[metric] : "unknown";
}

const char *recs__storage_name(int32_t storage) {
    return storage >= 0 && storage < STORAGES ? storages[storage] : "unknown";
}

bool recs__vector_spec_exact(const recs__vector_spec *spec) {
    return strcmp(spec->index, "exact") == 0;
}

static void skip_space(cursor *c) {
    while (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')
        c->at++;
}

static recs_status expected(cursor *c, const char *at, const char *what) {
    return recs__fail(c->error, RECS_ERR_ARGUMENT,
                      "vector description column %zu: expected %s, found %s%.24s%s",
                      (size_t)(at - c->text) + 1, what, *at != '\0' ? "\"" : "",
                      *at != '\0' ? at : "the end", *at != '\0' ? "\"" : "");
}

static size_t word_size(const char *at) {
    return strcspn(at, " \t\r\n,()=\"");
}

static bool is_word(const char *at, size_t size, const char *word) {
    return strlen(word) == size && memcmp(at, word, size) == 0;
}

static recs_status take_choice(cursor *c, const char *const *words, size_t count,
                               const char *allowed, int32_t *out) {
    size_t size = word_size(c->at);
    for (size_t i = 0; i < count; i++)
        if (is_word(c->at, size, words[i])) {
            *out = (int32_t)i;
            c->at += size;
            return RECS_OK;
        }
    return expected(c, c->at, allowed);
}

/* Up to the comma or parenthesis that ends it. */
static recs_status take_index(cursor *c, recs__vector_spec *spec) {
    const char *begin = c->at, *end;
    size_t depth = 0;
    if (*begin == '"') {
        begin++;
        end = strchr(begin, '"');
        if (end == NULL)
            return expected(c, c->at, "a closing double quote");
        c->at = end + 1;
    } else {
        for (end = begin; *end != '\0' && (depth != 0 || (*end != ',' && *end != ')')); end++) {
            depth += *end == '(';
            depth -= *end == ')';
        }
        if (depth != 0)
            return expected(c, end, "a closing parenthesis");
        c->at = end;
        while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
    }
    size_t size = (size_t)(end - begin);
    if (size == 0)
        return expected(c, begin, "exact or an index of the backend");
    if (size >= sizeof spec->index)
        return recs__fail(c->error, RECS_ERR_ARGUMENT,
                          "vector description: an index of %zu bytes, expected at most %d", size,
                          RECS__INDEX_TEXT - 1);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)begin[i] < ' ' || (unsigned char)begin[i] > '~')
            return expected(c, begin + i, "printable ASCII");
    memcpy(spec->index, begin, size);
    spec->index[size] = '\0';
    return RECS_OK;
}

static recs_status take_setting(cursor *c, recs__vector_spec *spec, unsigned *seen) {
    static const char *const names[] = {"metric", "storage", "index"};
    const char *begin = c->at;
    size_t size = word_size(c->at), which = 0;
    while (which < 3 && !is_word(begin, size, names[which]))
        which++;
    if (which == 3)
        return expected(c, begin, "metric, storage or index");
    if ((*seen >> which & 1) != 0)
        return recs__fail(c->error, RECS_ERR_ARGUMENT,
                          "vector description column %zu: %s is set twice",
                          (size_t)(begin - c->text) + 1, names[which]);
    *seen |= 1u << which;
    c->at += size;
    skip_space(c);
    if (*c->at != '=')
        return expected(c, c->at, "=");
    c->at++;
    skip_space(c);
    if (which == 0)
        return take_choice(c, metrics, METRICS, "inner, cosine or l2", &spec->metric);
    if (which == 1)
        return take_choice(c, storages, STORAGES, "float32, float16, bfloat16 or int8",
                           &spec->storage);
    return take_index(c, spec);
}

recs_status recs__vector_spec_parse(recs__vector_spec *spec, const char *text, recs_error *error) {
    recs__vector_spec made = {.metric = RECS_METRIC_COSINE, .storage = RECS_STORAGE_FLOAT32,
                              .index = "exact"};
    cursor c = {text, text, error};
    recs_status status = RECS_OK;
    unsigned seen = 0;
    if (text != NULL)
        skip_space(&c);
    if (text == NULL || *c.at == '\0') {
        *spec = made;
        return RECS_OK;
    }
    if (!is_word(c.at, word_size(c.at), "knn"))
        return expected(&c, c.at, "knn or knn(…)");
    c.at += 3;
    skip_space(&c);
    if (*c.at == '(') {
        c.at++;
        skip_space(&c);
        while (status == RECS_OK && (*c.at != ')' || seen != 0)) {
            status = take_setting(&c, &made, &seen);
            skip_space(&c);
            if (status == RECS_OK && *c.at != ',')
                break;
            c.at += status == RECS_OK;
            skip_space(&c);
        }
        if (status == RECS_OK && *c.at != ')')
            status = expected(&c, c.at, "a comma or a closing parenthesis");
        c.at += status == RECS_OK;
    }
    skip_space(&c);
    if (status == RECS_OK && *c.at != '\0')
        status = expected(&c, c.at, "the end");
    if (status == RECS_OK)
        *spec = made;
    return status;
}

void recs__vector_spec_text(const recs__vector_spec *spec, char out[RECS__SPEC_TEXT]) {
    /* Quotes where the text would not be read back without. */
    bool quoted = strpbrk(spec->index, " \t") != NULL;
    size_t depth = 0;
    for (const char *at = spec->index; *at != '\0'; at++) {
        quoted |= depth == 0 && (*at == ',' || *at == ')');
        depth += *at == '(';
        depth -= depth != 0 && *at == ')';
    }
    quoted |= depth != 0;
    snprintf(out, RECS__SPEC_TEXT, "knn(metric=%s, storage=%s, index=%s%s%s)",
             recs__metric_name(spec->metric), recs__storage_name(spec->storage),
             quoted ? "\"" : "", spec->index, quoted ? "\"" : "");
}
