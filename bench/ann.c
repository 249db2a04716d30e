/* ann.c - approximate search: what our layer costs over the same FAISS called
 * directly, and recall against queries a second for the peers of
 * bench/peers_ann.py to stand beside.
 *
 *   build/bench/ann [--count N] [--dims D] [--queries Q] [--metric cosine|inner]
 *                   [--m M] [--ef-construction E] [--index TEXT] [--vectors FILE]
 *                   [--model FILE] [--set FILE] [--turns N] [--equal]
 *
 * Vectors of 24 hidden dimensions and noise; under inner their lengths spread log-normally
 * (deviation 0.5). --model: the factors of a model's first component that has some, its
 * items tiled with a jitter of a twentieth until there are N, its users asking. FILE is
 * written: raw float32, FILE.queries, and FILE.truth, the exact 10 best of each query a line.
 *
 * Both search the one graph object that the set holds (under inner ours keeps the longest
 * apart, lib/faiss/faiss_head.h, so there FAISS gets a graph of its own). The questions are
 * asked in eight parts, a part of ours and of theirs in turn, every second time theirs first;
 * --turns times (9), one query at a time and a part at once, processor seconds of this one
 * thread; the least of each part counts. --set: the set with its index is kept there, and
 * taken from there where it is. One JSON line a figure:
 * --equal: FAISS's own graph, under inner, is by distance, of vectors made equally long by a
 * further component (Bachrach et al., RecSys 2014).
 *
 *   build     processor seconds (0: taken from --set), megabytes, FAISS's version
 *   search    recall of the 10 best, questions a second, microseconds a question
 *   rescore   of these, what scoring ten candidates from the stored vectors takes
 *
 * --index instead measures any other index, ours alone. */
#include "base/random.h"
#include "faiss/faiss_index.h"
#include "kernels/kernels.h"
#include "limits.h"
#include "model/model.h"
#include "recs.h"
#include "recs/faiss.h"
#include "search/index.h"
#include "search/vectors.h"

#include <getopt.h>
#include <math.h>
#include <unistd.h>

enum { AT = 10, HIDDEN = 24, PART = 1024, PARTS = 8, QUERIES_MOST = 10000 };

typedef struct setting {
    size_t count, dims, queries;
    const char *metric, *index, *vectors, *model, *set;
    unsigned m, ef_construction, turns;
    bool equal;
} setting;

typedef struct bench {
    setting s;
    float *rows, *queries, *asked; /* asked: as a graph of equal lengths wants them, or NULL */
    uint32_t *truth, *found; /* [queries][AT] */
    recs_vectors *set;
    recs_query *query;
    uint32_t *order; /* the set's row -> ours */
    bool shared;     /* the graph called directly is the set's */
} bench;

static double cpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(bool held, const char *what, const recs_error *error) {
    if (held)
        return;
    fprintf(stderr, "ann: %s: %s\n", what, error != NULL ? error->text : "failed");
    exit(1);
}

static float *make_vectors(const setting *s, size_t count, uint64_t seed) {
    recs__random random, mixing;
    recs__random_seed(&random, seed);
    recs__random_seed(&mixing, 3);
    float *mix = limits_block(s->dims * HIDDEN, sizeof *mix);
    for (size_t i = 0; i < s->dims * HIDDEN; i++)
        mix[i] = recs__random_normal(&mixing);
    float *out = limits_block(count * s->dims, sizeof *out);
    for (size_t r = 0; r < count; r++) {
        float hidden[HIDDEN];
        double sum = 0.0;
        for (int h = 0; h < HIDDEN; h++)
            hidden[h] = recs__random_normal(&random);
        float *row = out + r * s->dims;
        for (size_t j = 0; j < s->dims; j++) {
            row[j] = 0.5f * recs__random_normal(&random);
            for (int h = 0; h < HIDDEN; h++)
                row[j] += mix[j * HIDDEN + (size_t)h] * hidden[h];
            sum += (double)row[j] * row[j];
        }
        double scale = 1.0 / sqrt(sum);
        if (strcmp(s->metric, "inner") == 0)
            scale *= exp(0.5 * (double)recs__random_normal(&random));
        for (size_t j = 0; j < s->dims; j++)
            row[j] = (float)(row[j] * scale);
    }
    free(mix);
    return out;
}

/* Rows and questions from a model. */
static void take_factors(bench *b) {
    recs_error error = {0};
    recs_model *model;
    recs__random random;
    recs__random_seed(&random, 3);
    must(recs_model_open(&model, b->s.model, NULL, NULL, &error) == RECS_OK, b->s.model, &error);
    const recs__view *view = recs__model_view(model);
    const recs__component *c = NULL;
    for (uint32_t i = 0; c == NULL && i < view->component_count; i++)
        if (view->components[i].item_factors != NULL && view->components[i].user_factors != NULL)
            c = &view->components[i];
    must(c != NULL && view->users != 0, "no component with factors of items and users", NULL);
    b->s.dims = c->factors;
    b->s.metric = "inner";
    b->rows = limits_block(b->s.count * b->s.dims, sizeof *b->rows);
    b->queries = limits_block(b->s.queries * b->s.dims, sizeof *b->queries);
    for (size_t r = 0; r < b->s.count; r++)
        for (size_t j = 0; j < b->s.dims; j++) {
            float jitter = r < view->items ? 1.0f : 0.95f + 0.1f * recs__random_float(&random);
            b->rows[r * b->s.dims + j] =
                c->item_factors[r % view->items * c->stride + j] * jitter;
        }
    for (size_t q = 0; q < b->s.queries; q++)
        memcpy(b->queries + q * b->s.dims,
               c->user_factors + q * 7919 % view->users * c->stride, b->s.dims * sizeof(float));
    recs_model_release(model);
}

static void write_file(const char *path, const char *suffix, const float *rows, size_t floats) {
    char name[4096];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    FILE *file = fopen(name, "wb");
    must(file != NULL && fwrite(rows, sizeof *rows, floats, file) == floats && fclose(file) == 0,
         name, NULL);
}

static void write_truth(const bench *b) {
    char name[4096];
    snprintf(name, sizeof name, "%s.truth", b->s.vectors);
    FILE *file = fopen(name, "w");
    must(file != NULL, name, NULL);
    for (size_t i = 0; i < b->s.queries * AT; i++)
        fprintf(file, "%u%c", b->truth[i], i % AT == AT - 1 ? '\n' : ' ');
    must(fclose(file) == 0, name, NULL);
}

static double make_set(bench *b, const recs_vectors_options *options) {
    recs_error error = {0};
    char description[256];
    snprintf(description, sizeof description, "knn(metric=%s, index=\"%s\")", b->s.metric,
             b->s.index);
    must(recs_vectors_create(&b->set, (uint32_t)b->s.dims, description, options, NULL, &error) ==
             RECS_OK,
         "create", &error);
    char *ids = limits_block(b->s.count, 12);
    uint32_t *ends = limits_block(b->s.count + 1, sizeof *ends);
    ends[0] = 0;
    for (size_t i = 0; i < b->s.count; i++)
        ends[i + 1] = ends[i] + (uint32_t)snprintf(ids + ends[i], 12, "v%08zu", i);
    must(recs_vectors_add(b->set, ids, ends, b->rows, (uint32_t)b->s.dims, b->s.count, &error) ==
             RECS_OK,
         "add", &error);
    free(ids);
    free(ends);
    double began = cpu_now();
    must(recs_vectors_build(b->set, NULL, NULL, &error) == RECS_OK, "build", &error);
    return cpu_now() - began;
}

static void open_set(bench *b) {
    recs_error error = {0};
    char id[RECS_ID_MAX + 1];
    double seconds = 0.0;
    recs_vectors_options options = {.struct_size = sizeof options,
                                    .backend = recs_faiss_backend()};
    recs_open_options trusted = {.struct_size = sizeof trusted, .trusted = 1};
    if (b->s.set != NULL && access(b->s.set, R_OK) == 0) {
        must(recs_vectors_open(&b->set, b->s.set, NULL, &trusted, &options, NULL, &error) ==
                 RECS_OK,
             "open", &error);
        must(recs_vectors_count(b->set) == b->s.count &&
                 recs_vectors_dimension(b->set) == b->s.dims,
             "--set is of another size", NULL);
    } else {
        seconds = make_set(b, &options);
        must(b->s.set == NULL || recs_vectors_write(b->set, b->s.set, &error) == RECS_OK, "write",
             &error);
    }
    printf("{\"figure\": \"build\", \"who\": \"librecs\", \"cpu_s\": %.2f, \"mb\": %.1f, "
           "\"faiss\": \"%s\", \"index\": \"%s\"}\n",
           seconds, (double)recs_vectors_memory(b->set) / 1e6, recs_faiss_version(), b->s.index);
    fflush(stdout);
    must(recs_query_create(&b->query, NULL, &error) == RECS_OK, "query", &error);
    recs_query_limit(b->query, AT);
    b->order = limits_block(b->s.count, sizeof *b->order);
    for (uint32_t row = 0; row < b->s.count; row++) {
        must(recs_vectors_id(b->set, row, id, &error) == RECS_OK, "id", &error);
        b->order[row] = (uint32_t)strtoul(id + 1, NULL, 10);
    }
}

/* Some queries through our calls, one at a time or at once; processor seconds. */
static double search_ours(bench *b, uint32_t effort, bool at_once, size_t first, size_t count) {
    recs_error error = {0};
    static float scores[QUERIES_MOST * AT];
    const float *queries = b->queries + first * b->s.dims;
    uint32_t *found = b->found + first * AT;
    recs_query_effort(b->query, effort);
    double began = cpu_now();
    if (at_once) {
        must(recs_knn_rows(b->set, b->query, queries, (uint32_t)b->s.dims, count, found, scores,
                           NULL, &error) == RECS_OK,
             "knn_rows", &error);
    } else {
        for (size_t q = 0; q < count; q++) {
            recs_query_vector(b->query, queries + q * b->s.dims, (uint32_t)b->s.dims);
            must(recs_knn(b->set, b->query, &error) == RECS_OK, "knn", &error);
            for (size_t i = 0; i < AT; i++)
                found[q * AT + i] = i < recs_query_count(b->query) ? recs_query_row(b->query, i)
                                                                   : RECS_NO_ROW;
        }
    }
    double seconds = cpu_now() - began;
    for (size_t i = 0; i < count * AT; i++)
        found[i] = found[i] < b->s.count ? b->order[found[i]] : RECS_NO_ROW;
    return seconds;
}

static double recall(const bench *b, const uint32_t *found) {
    size_t hits = 0;
    for (size_t q = 0; q < b->s.queries; q++)
        for (size_t i = 0; i < AT; i++)
            for (size_t j = 0; j < AT; j++)
                hits += found[q * AT + i] == b->truth[q * AT + j];
    return (double)hits / (double)(b->s.queries * AT);
}

/* What the promise of exact scores costs: ten candidates a question, found before. */
static void measure_rescore(bench *b) {
    uint32_t ticket, *place = limits_block(b->s.count, sizeof *place);
    for (uint32_t row = 0; row < b->s.count; row++)
        place[b->order[row]] = row;
    const recs__snapshot *now = recs__vectors_enter(b->set, &ticket);
    const recs__vector_rows *stored = &now->parts[0].segment->stored;
    recs__space space = recs__vector_space(stored);
    float scores[AT], *query = limits_block(stored->stride, sizeof *query);
    double least = 1e9;
    memset(query, 0, stored->stride * sizeof *query);
    for (unsigned turn = 0; turn < b->s.turns; turn++) {
        double began = cpu_now();
        for (size_t q = 0; q < b->s.queries; q++) {
            uint32_t rows[AT];
            for (size_t i = 0; i < AT; i++) {
                rows[i] = place[b->truth[q * AT + i]];
                const float *at = (const float *)stored->data + (size_t)rows[i] * stored->stride;
                for (size_t j = 0; j < b->s.dims; j += 16)
                    __builtin_prefetch(at + j);
            }
            memcpy(query, b->queries + q * b->s.dims, b->s.dims * sizeof *query);
            recs__exact_score(&space, query, 1.0f, rows, AT, scores, NULL);
            limits_sink = scores[0];
        }
        double took = cpu_now() - began;
        least = took < least ? took : least;
    }
    recs__vectors_leave(b->set, ticket);
    printf("{\"figure\": \"rescore\", \"us\": %.3f, \"kernels\": \"%s\"}\n",
           1e6 * least / (double)b->s.queries, recs__kernels_get()->name);
    free(query);
    free(place);
}

/* ---- the same library, called directly ---------------------------------------- */

/* The graph that the set searches. */
static FaissIndex *graph_of(const bench *b) {
    uint32_t ticket;
    const recs__snapshot *now = recs__vectors_enter(b->set, &ticket);
    const recs__faiss_index *index = now->parts[0].segment->index->object;
    must(now->count == 1 && index->head.count == 0 && index->tail == b->s.count,
         "the set's index is not one graph of all", NULL);
    recs__vectors_leave(b->set, ticket);
    return index->index;
}

/* Vectors one component longer, all of the length of the longest of all; questions
 * have a zero there and are as long. */
static float *make_equal(const bench *b, const float *rows, size_t count, bool questions) {
    size_t dims = b->s.dims, wide = dims + 1;
    float *out = limits_block(count * wide, sizeof *out);
    double most = 0.0;
    for (size_t r = 0; r < b->s.count; r++) {
        double sum = 0.0;
        for (size_t j = 0; j < dims; j++)
            sum += (double)b->rows[r * dims + j] * b->rows[r * dims + j];
        most = sum > most ? sum : most;
    }
    for (size_t r = 0; r < count; r++) {
        double sum = 0.0;
        for (size_t j = 0; j < dims; j++)
            sum += (double)rows[r * dims + j] * rows[r * dims + j];
        double scale = questions && sum > 0.0 ? sqrt(most / sum) : 1.0;
        for (size_t j = 0; j < dims; j++)
            out[r * wide + j] = (float)(rows[r * dims + j] * scale);
        out[r * wide + dims] = questions ? 0.0f : (float)sqrt(most - sum > 0.0 ? most - sum : 0.0);
    }
    return out;
}

static FaissIndex *build_direct(bench *b, const recs__faiss *faiss) {
    FaissIndex *index = NULL;
    size_t dims = b->s.dims + b->s.equal;
    float *equal = b->s.equal ? make_equal(b, b->rows, b->s.count, false) : NULL;
    const float *rows = equal != NULL ? equal : b->rows;
    b->asked = b->s.equal ? make_equal(b, b->queries, b->s.queries, true) : NULL;
    char factory[32];
    snprintf(factory, sizeof factory, "HNSW%u,Flat", b->s.m);
    double began = cpu_now();
    bool inner = strcmp(b->s.metric, "inner") == 0 && !b->s.equal;
    unsigned metric = inner ? RECS__FAISS_INNER : RECS__FAISS_L2;
    must(faiss->call.index_factory(&index, (int)dims, factory, metric) == 0 &&
             faiss->call.ParameterSpace_set_index_parameter(faiss->space, index, "efConstruction",
                                                            b->s.ef_construction) == 0,
         factory, NULL);
    for (size_t first = 0; first < b->s.count; first += PART) {
        size_t count = b->s.count - first < PART ? b->s.count - first : PART;
        must(faiss->call.Index_add(index, (int64_t)count, rows + first * dims) == 0, "add", NULL);
    }
    free(equal);
    printf("{\"figure\": \"build\", \"who\": \"faiss c\", \"cpu_s\": %.2f, "
           "\"version\": \"%s\"}\n",
           cpu_now() - began, recs_faiss_version());
    fflush(stdout);
    return index;
}

static double search_direct(bench *b, const recs__faiss *faiss, FaissIndex *index, uint32_t effort,
                            bool at_once, size_t first, size_t count) {
    static int64_t labels[QUERIES_MOST * AT];
    static float distances[QUERIES_MOST * AT];
    const float *queries = b->asked != NULL ? b->asked : b->queries;
    size_t dims = b->s.dims + b->s.equal;
    faiss->call.ParameterSpace_set_index_parameter(faiss->space, index, "efSearch", effort);
    double began = cpu_now();
    size_t step = at_once ? count : 1;
    for (size_t q = first; q < first + count; q += step)
        faiss->call.Index_search(index, (int64_t)step, queries + q * dims, AT,
                                 distances + q * AT, labels + q * AT);
    double seconds = cpu_now() - began;
    for (size_t i = first * AT; i < (first + count) * AT; i++)
        b->found[i] = b->shared ? b->order[labels[i]] : (uint32_t)labels[i];
    return seconds;
}

static void say(const bench *b, const char *who, const char *how, uint32_t effort, double seconds,
                double share) {
    printf("{\"figure\": \"search\", \"who\": \"%s\", \"how\": \"%s\", \"effort\": %u, "
           "\"recall\": %.4f, \"qps\": %.0f, \"us\": %.2f}\n",
           who, how, effort, share, (double)b->s.queries / seconds,
           1e6 * seconds / (double)b->s.queries);
    fflush(stdout);
}

typedef struct legs {
    double ours, theirs, share, their_share;
} legs;

/* Part by part in turn; sums of the least. */
static legs run_legs(bench *b, const recs__faiss *faiss, FaissIndex *direct, uint32_t effort,
                     bool at_once) {
    size_t parts = b->s.queries < PARTS ? b->s.queries : PARTS;
    legs sum = {0};
    double least[2][PARTS];
    uint32_t *kept = limits_block(b->s.queries * AT, sizeof *kept);
    for (unsigned turn = 0; turn < b->s.turns; turn++) {
        for (size_t p = 0; p < parts; p++) {
            size_t first = b->s.queries * p / parts, end = b->s.queries * (p + 1) / parts;
            for (unsigned leg = 0; leg < 2; leg++) {
                bool ours = leg == turn % 2;
                if (!ours && direct == NULL)
                    continue;
                double took = ours ? search_ours(b, effort, at_once, first, end - first)
                                   : search_direct(b, faiss, direct, effort, at_once, first,
                                                   end - first);
                if (turn == 0 || took < least[ours][p])
                    least[ours][p] = took;
                if (ours)
                    memcpy(kept + first * AT, b->found + first * AT,
                           (end - first) * AT * sizeof *kept);
            }
        }
    }
    for (size_t p = 0; p < parts; p++) {
        sum.ours += least[1][p];
        sum.theirs += direct != NULL ? least[0][p] : 0.0;
    }
    sum.share = recall(b, kept);
    sum.their_share = 0.0;
    if (direct != NULL) {
        search_direct(b, faiss, direct, effort, at_once, 0, b->s.queries);
        sum.their_share = recall(b, b->found);
    }
    free(kept);
    return sum;
}

static void measure(bench *b, const recs__faiss *faiss, FaissIndex *direct) {
    uint32_t efforts[] = {10, 20, 40, 80, 160, 320};
    bool lists = strncmp(b->s.index, "ivf", 3) == 0;
    size_t many = sizeof efforts / sizeof efforts[0];
    if (strncmp(b->s.index, "hnsw", 4) != 0 && !lists)
        many = 1;
    for (size_t i = 0; i < many; i++) {
        uint32_t effort = many == 1 ? 0 : lists ? 1u << i : efforts[i];
        for (int at_once = 0; at_once < 2; at_once++) {
            legs l = run_legs(b, faiss, direct, effort, at_once != 0);
            const char *how = at_once ? "at once" : "one by one";
            say(b, "librecs", how, effort, l.ours, l.share);
            if (direct != NULL)
                say(b, "faiss c", how, effort, l.theirs, l.their_share);
        }
    }
}

static bool arguments(setting *s, int argc, char **argv) {
    static const struct option names[] = {
        {"count", 1, NULL, 'c'},   {"dims", 1, NULL, 'd'},  {"queries", 1, NULL, 'q'},
        {"metric", 1, NULL, 'k'},  {"m", 1, NULL, 'm'},     {"ef-construction", 1, NULL, 'e'},
        {"vectors", 1, NULL, 'v'}, {"index", 1, NULL, 'i'}, {"model", 1, NULL, 'o'},
        {"set", 1, NULL, 's'},     {"turns", 1, NULL, 't'}, {"equal", 0, NULL, 'l'},
        {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'c': s->count = strtoull(optarg, NULL, 10); break;
        case 'd': s->dims = strtoull(optarg, NULL, 10); break;
        case 'q': s->queries = strtoull(optarg, NULL, 10); break;
        case 'k': s->metric = optarg; break;
        case 'm': s->m = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'e': s->ef_construction = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'v': s->vectors = optarg; break;
        case 'i': s->index = optarg; break;
        case 'o': s->model = optarg; break;
        case 'l': s->equal = true; break;
        case 's': s->set = optarg; break;
        case 't': s->turns = (unsigned)strtoul(optarg, NULL, 10); break;
        default: return false;
        }
    }
    return s->count >= 1000 && s->dims >= 1 && s->queries >= 1 && s->queries <= QUERIES_MOST && s->turns >= 1 &&
           (strcmp(s->metric, "cosine") == 0 || strcmp(s->metric, "inner") == 0);
}

int main(int argc, char **argv) {
    bench b = {.s = {100000, 64, 1000, "cosine", NULL, NULL, NULL, NULL, 16, 100, 9, false}};
    recs_error error = {0};
    const recs__faiss *faiss;
    if (!arguments(&b.s, argc, argv))
        return 2;
    if (recs__faiss_get(&faiss, &error) != RECS_OK) {
        fprintf(stderr, "ann: %s\n", error.text);
        return 77;
    }
    char graph[128];
    bool beside = b.s.index == NULL;
    if (b.s.index == NULL) {
        snprintf(graph, sizeof graph, "hnsw(m=%u, ef_construction=%u)", b.s.m,
                 b.s.ef_construction);
        b.s.index = graph;
    }
    if (b.s.model != NULL) {
        take_factors(&b);
    } else {
        b.rows = make_vectors(&b.s, b.s.count, 1);
        b.queries = make_vectors(&b.s, b.s.queries, 2);
    }
    b.truth = limits_block(b.s.queries * AT, sizeof *b.truth);
    b.found = limits_block(b.s.queries * AT, sizeof *b.found);
    open_set(&b);
    double exact = search_ours(&b, RECS_EFFORT_EXACT, true, 0, b.s.queries);
    memcpy(b.truth, b.found, b.s.queries * AT * sizeof *b.truth);
    say(&b, "exact", "at once", 0, exact, 1.0);
    exact = search_ours(&b, RECS_EFFORT_EXACT, false, 0, b.s.queries);
    say(&b, "exact", "one by one", 0, exact, recall(&b, b.found));
    measure_rescore(&b);
    if (b.s.vectors != NULL) {
        write_file(b.s.vectors, "", b.rows, b.s.count * b.s.dims);
        write_file(b.s.vectors, ".queries", b.queries, b.s.queries * b.s.dims);
        write_truth(&b);
    }
    b.shared = beside && !b.s.equal && strcmp(b.s.metric, "cosine") == 0;
    FaissIndex *direct = b.shared ? graph_of(&b) : beside ? build_direct(&b, faiss) : NULL;
    measure(&b, faiss, direct);
    if (direct != NULL && !b.shared)
        faiss->call.Index_free(direct);
    recs_query_destroy(b.query);
    recs_vectors_destroy(b.set);
    free(b.order);
    free(b.rows);
    free(b.queries);
    free(b.asked);
    free(b.truth);
    free(b.found);
    return 0;
}
