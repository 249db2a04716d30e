/* knn_tune.c - `recs knn tune`: the least effort of an approximate index that finds
 * the share of the nearest that is asked for, on queries that the index does not hold:
 * vectors of a file, or some of the set, for which the index is built once more, as
 * described, of the others. An index finds its own vectors much more easily (a graph
 * keeps the nearest of each with it); with --in-place they stay in it all the same.
 *
 * Recall and time are measured at a row of efforts from the least on, each half as
 * much again as the one before, until the recall is reached; then the gap between the
 * last two is halved. */
#include "knn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct trial {
    recs_vectors *set;
    recs_query *query;
    uint32_t dimension;
    size_t count, limit;
    float *values;    /* [count][dimension] */
    char (*ids)[RECS_ID_MAX + 1]; /* of those drawn from the set; "" otherwise */
    uint32_t *truth;  /* [count][limit] */
    const char *queries; /* what they are, for the report */
    double exact;        /* microseconds of an exact search */
} trial;

static double now_microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Splitmix64. */
static uint64_t next_random(uint64_t *state) {
    uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static bool draw(knn *k, trial *t) {
    uint64_t rows = recs_vectors_rows(t->set), state = k->seed;
    for (size_t i = 0; i < t->count; i++) {
        uint32_t row = (uint32_t)(next_random(&state) % rows);
        if (recs_vectors_id(t->set, row, t->ids[i], NULL) != RECS_OK ||
            recs_vectors_get(t->set, t->ids[i], t->values + i * t->dimension, t->dimension, NULL) !=
                RECS_OK)
            return false;
    }
    return true;
}

/* Adds count vectors of the set whose ids and numbers are in place. */
static recs_status move(const trial *t, recs_vectors *to, const char *bytes,
                        const uint32_t *offsets, const float *values, size_t count,
                        recs_error *error) {
    return count == 0 ? RECS_OK
                      : recs_vectors_add(to, bytes, offsets, values, t->dimension, count, error);
}

/* All but those drawn, which are gone from t->set, into to. */
static recs_status copy_left(const trial *t, recs_vectors *to, recs_error *error) {
    enum { PART = 4096 };
    float *values = malloc((size_t)PART * t->dimension * sizeof *values);
    char *bytes = malloc((size_t)PART * RECS_ID_MAX + 1);
    uint32_t offsets[PART + 1] = {0};
    recs_status status = values && bytes ? RECS_OK : RECS_ERR_MEMORY;
    size_t have = 0;
    if (status != RECS_OK)
        snprintf(error->text, sizeof error->text, "no memory for a copy of the set");
    for (uint32_t row = 0; status == RECS_OK && row < recs_vectors_rows(t->set); row++) {
        char id[RECS_ID_MAX + 1];
        if (recs_vectors_id(t->set, row, id, NULL) != RECS_OK ||
            recs_vectors_row(t->set, id) != row)
            continue; /* one of those drawn */
        status = recs_vectors_get(t->set, id, values + have * t->dimension, t->dimension, error);
        size_t size = strlen(id);
        memcpy(bytes + offsets[have], id, size);
        offsets[have + 1] = offsets[have] + (uint32_t)size;
        if (status == RECS_OK && ++have == PART) {
            status = move(t, to, bytes, offsets, values, have, error);
            have = 0;
        }
    }
    if (status == RECS_OK)
        status = move(t, to, bytes, offsets, values, have, error);
    free(values);
    free(bytes);
    return status;
}

/* Takes what was drawn out of the set and builds the index of what is left. */
static bool hold_out(knn *k, trial *t, int *code) {
    recs_error error = {0};
    recs_vectors *left = NULL;
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < t->count; i++) {
        uint32_t ends[2] = {0, (uint32_t)strlen(t->ids[i])};
        status = recs_vectors_remove(t->set, t->ids[i], ends, 1, NULL, &error);
        t->ids[i][0] = '\0';
    }
    if (status == RECS_OK)
        status = recs_vectors_create(&left, t->dimension, recs_vectors_description(t->set), NULL,
                                     &k->session.host, &error);
    if (status == RECS_OK)
        status = copy_left(t, left, &error);
    stop_on_signal();
    if (status == RECS_OK)
        status = recs_vectors_build(left, progress_show, &k->progress, &error);
    progress_close(&k->progress);
    if (status != RECS_OK) {
        recs_vectors_destroy(left);
        *code = fail_work(&error);
        return false;
    }
    recs_vectors_destroy(t->set);
    t->set = left;
    t->queries = "held out";
    return true;
}

static bool prepare(knn *k, trial *t, int *code) {
    knn_rows given = {0};
    t->dimension = recs_vectors_dimension(t->set);
    t->limit = k->limit;
    if (k->input && !knn_read(k, k->input, t->dimension, &given, code))
        return false;
    t->count = k->input ? given.count : k->queries;
    if (t->count > recs_vectors_count(t->set) && !k->input)
        t->count = recs_vectors_count(t->set);
    t->values = k->input ? given.values : calloc(t->count + 1, t->dimension * sizeof(float));
    given.values = NULL;
    knn_rows_free(&given);
    t->ids = calloc(t->count + 1, sizeof *t->ids);
    t->truth = calloc(t->count + 1, t->limit * sizeof *t->truth + 1);
    if (!t->values || !t->ids || !t->truth || (!k->input && !draw(k, t))) {
        fputs("recs: no memory for the queries\n", stderr);
        *code = EXIT_FAILED;
        return false;
    }
    t->queries = k->input ? k->input : "of the index itself: it finds others less well";
    return k->input || k->in_place || hold_out(k, t, code);
}

/* Searches for query i; its rows into out, their number. */
static recs_status search_one(const trial *t, size_t i, uint32_t effort, uint32_t *out, size_t *found,
                       double *microseconds, recs_error *error) {
    recs_query_reset(t->query);
    recs_query_limit(t->query, t->limit);
    recs_query_effort(t->query, effort);
    recs_query_vector(t->query, t->values + i * t->dimension, t->dimension);
    if (t->ids[i][0] != '\0')
        recs_query_item(t->query, t->ids[i]);
    double began = now_microseconds();
    recs_status status = recs_knn(t->set, t->query, error);
    *microseconds += now_microseconds() - began;
    *found = status == RECS_OK ? recs_query_count(t->query) : 0;
    for (size_t j = 0; j < t->limit; j++)
        out[j] = j < *found ? recs_query_row(t->query, j) : RECS_NO_ROW;
    return status;
}

static recs_status measure_effort(const trial *t, uint32_t effort, double *recall, double *microseconds,
                           recs_error *error) {
    uint32_t *rows = malloc((t->limit + 1) * sizeof *rows);
    size_t hits = 0, wanted = 0, found;
    recs_status status = rows ? RECS_OK : RECS_ERR_MEMORY;
    *microseconds = 0.0;
    for (size_t i = 0; status == RECS_OK && i < t->count; i++) {
        const uint32_t *truth = t->truth + i * t->limit;
        status = search_one(t, i, effort, rows, &found, microseconds, error);
        for (size_t a = 0; a < t->limit && truth[a] != RECS_NO_ROW; a++) {
            wanted++;
            for (size_t b = 0; b < found; b++)
                hits += rows[b] == truth[a];
        }
    }
    *microseconds /= (double)(t->count ? t->count : 1);
    *recall = wanted ? (double)hits / (double)wanted : 1.0;
    free(rows);
    return status;
}

typedef struct found {
    json_t *list;
    bool json;
    uint32_t best;
    double recall, microseconds;
} found;

static recs_status try_effort(const trial *t, uint32_t effort, double wanted, found *f, bool *good,
                              recs_error *error) {
    double recall = 0, microseconds = 0;
    recs_status status = measure_effort(t, effort, &recall, &microseconds, error);
    if (status != RECS_OK)
        return status;
    *good = recall >= wanted;
    if (f->json) {
        json_t *one = json_object();
        set_count(one, "effort", effort);
        set_number(one, "recall", recall);
        set_number(one, "microseconds", microseconds);
        json_array_append_new(f->list, one);
    } else {
        printf("  effort %8u   recall@%zu %.4f   %10.1f us a query\n", effort, t->limit, recall,
               microseconds);
    }
    if (*good && (f->best == 0 || effort < f->best)) {
        f->best = effort;
        f->recall = recall;
        f->microseconds = microseconds;
    }
    return RECS_OK;
}

static recs_status look(const trial *t, double wanted, uint32_t low, uint32_t high, found *f,
                        recs_error *error) {
    recs_status status = RECS_OK;
    uint32_t at = low, below = 0;
    bool good = false;
    for (; status == RECS_OK && !good; at = at + at / 2 + 1) {
        at = at < high ? at : high;
        status = try_effort(t, at, wanted, f, &good, error);
        if (good || at == high)
            break;
        below = at;
    }
    while (status == RECS_OK && good && below + 1 < f->best && (f->best - below) * 16 > f->best) {
        bool better;
        uint32_t middle = below + (f->best - below) / 2;
        status = try_effort(t, middle, wanted, f, &better, error);
        below = better ? below : middle;
    }
    return status;
}

static int report(const knn *k, const trial *t, found *f, const char *index) {
    if (k->shared.json) {
        json_t *root = json_object();
        set_text(root, "index", index);
        set_count(root, "queries", t->count);
        set_text(root, "drawn", t->queries);
        set_count(root, "k", t->limit);
        set_number(root, "wanted", k->recall);
        json_object_set_new(root, "found", json_boolean(f->best != 0));
        set_count(root, "effort", f->best);
        set_number(root, "recall", f->recall);
        set_number(root, "microseconds", f->microseconds);
        set_number(root, "exact_microseconds", t->exact);
        json_object_set_new(root, "trials", f->list);
        print_json(root);
    } else if (f->best != 0) {
        printf("effort %u finds %.4f of the %zu nearest (%.4f were asked for), %.1f us a query;\n"
               "exact search takes %.1f us\n",
               f->best, f->recall, t->limit, k->recall, f->microseconds, t->exact);
    }
    if (f->best == 0)
        fprintf(stderr, "recs: no effort of this index reaches a recall of %g: build another\n",
                k->recall);
    return f->best != 0 ? EXIT_OK : EXIT_FAILED;
}

static int tune(knn *k, trial *t) {
    recs_error error = {0};
    uint32_t low, high, described;
    char index[160];
    found f = {.json = k->shared.json, .list = k->shared.json ? json_array() : NULL};
    size_t ignored;
    recs_vectors_index(t->set, index, sizeof index);
    recs_vectors_effort(t->set, &low, &high, &described);
    recs_status status = recs_query_create(&t->query, &k->session.host, &error);
    for (size_t i = 0; status == RECS_OK && i < t->count; i++)
        status = search_one(t, i, RECS_EFFORT_EXACT, t->truth + i * t->limit, &ignored, &t->exact,
                            &error);
    t->exact /= (double)(t->count ? t->count : 1);
    if (status == RECS_OK && !k->shared.json)
        printf("%s: %s, %zu queries (%s)\n", k->set, index, t->count, t->queries);
    if (status == RECS_OK && high == 0) { /* nothing to turn */
        bool good;
        status = try_effort(t, 1, k->recall, &f, &good, &error);
    } else if (status == RECS_OK) {
        status = look(t, k->recall, low ? low : 1, high, &f, &error);
    }
    if (status != RECS_OK) {
        json_decref(f.list);
        return fail_work(&error);
    }
    return report(k, t, &f, index);
}

int knn_tune(knn *k) {
    int code = EXIT_OK;
    char index[160];
    trial t = {0};
    if (k->limit == 0 || k->limit > 10000)
        return usage_error(k->self, "-k is %zu, expected 1 to 10000", k->limit);
    t.set = knn_open(k, &code);
    if (!t.set)
        return code;
    recs_vectors_index(t.set, index, sizeof index);
    if (strcmp(index, "exact") == 0) {
        bool described = strstr(recs_vectors_description(t.set), "index=exact") == NULL;
        if (k->shared.json) {
            json_t *root = json_object();
            set_text(root, "index", "exact");
            set_number(root, "recall", 1.0);
            print_json(root);
        } else {
            printf("%s: %s\n", k->set,
                   described ? "its index is opened only with --trusted; without it search is exact "
                               "and its recall is 1"
                             : "the index is exact: its recall is 1 and there is nothing to tune");
        }
    } else if (prepare(k, &t, &code)) {
        code = tune(k, &t);
    }
    recs_query_destroy(t.query);
    free(t.values);
    free(t.ids);
    free(t.truth);
    recs_vectors_destroy(t.set);
    return code;
}
