/* knn.c - `recs knn`: a set of vectors from a file, its neighbours, what it is. */
#include "knn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16384 };

/* ---- reading and opening ------------------------------------------------------------------ */

recs_vectors *knn_open(knn *k, int *code) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    recs_open_options how = {.struct_size = sizeof how, .inflate = 1, .trusted = k->trusted};
    if (!k->set) {
        *code = usage_error(k->self, "--set FILE is missing");
        return NULL;
    }
    recs_status status =
        recs_vectors_open(&set, k->set, k->component, &how, NULL, &k->session.host, &error);
    if (status != RECS_OK)
        *code = status == RECS_ERR_NOT_FOUND && k->component ? fail(&error) : fail_work(&error);
    return set;
}

static bool append(knn_rows *rows, uint32_t dimension, const char *bytes, const uint32_t *offsets,
                   const float *values, size_t count) {
    size_t had = rows->count, text = rows->offsets ? rows->offsets[had] : 0;
    float *grown = realloc(rows->values, (had + count) * dimension * sizeof *grown + 1);
    if (grown)
        rows->values = grown;
    uint32_t *at = realloc(rows->offsets, (had + count + 1) * sizeof *at);
    if (at)
        rows->offsets = at;
    char *ids = realloc(rows->bytes, text + offsets[count] + 1);
    if (ids)
        rows->bytes = ids;
    if (!grown || !at || !ids)
        return false;
    rows->offsets[had] = (uint32_t)text;
    memcpy(rows->values + had * dimension, values, count * dimension * sizeof *values);
    memcpy(rows->bytes + text, bytes, offsets[count]);
    for (size_t i = 0; i < count; i++)
        rows->offsets[had + i + 1] = (uint32_t)text + offsets[i + 1];
    rows->count += count;
    return true;
}

void knn_rows_free(knn_rows *rows) {
    free(rows->values);
    free(rows->bytes);
    free(rows->offsets);
}

bool knn_read(knn *k, const char *path, uint32_t dimension, knn_rows *rows, int *code) {
    recs_error error = {0};
    recs_vector_file *file = NULL;
    recs_status status =
        recs_vector_file_open(&file, path, &k->format, &k->session.host, &error);
    memset(rows, 0, sizeof *rows);
    if (status == RECS_OK && recs_vector_file_dimension(file) != dimension) {
        fprintf(stderr, "recs: %s has vectors of dimension %u, the set has %u\n", path,
                recs_vector_file_dimension(file), dimension);
        *code = EXIT_FAILED;
        recs_vector_file_close(file);
        return false;
    }
    size_t count = 1;
    while (status == RECS_OK && count != 0) {
        const char *bytes;
        const uint32_t *offsets;
        const float *values;
        status = recs_vector_file_next(file, BATCH, &bytes, &offsets, &values, &count, &error);
        if (status == RECS_OK && count != 0 &&
            !append(rows, dimension, bytes, offsets, values, count)) {
            snprintf(error.text, sizeof error.text, "no memory for the vectors of %.200s", path);
            status = RECS_ERR_MEMORY;
        }
    }
    recs_vector_file_close(file);
    if (status == RECS_OK)
        return true;
    *code = fail_work(&error);
    knn_rows_free(rows);
    return false;
}

/* ---- build ---------------------------------------------------------------------------------- */

static recs_status fill(knn *k, recs_vectors *set, recs_vector_file *file, recs_error *error) {
    recs_status status = RECS_OK;
    size_t count = 1;
    while (status == RECS_OK && count != 0) {
        const char *bytes;
        const uint32_t *offsets;
        const float *values;
        status = recs_vector_file_next(file, BATCH, &bytes, &offsets, &values, &count, error);
        if (status == RECS_OK && count != 0)
            status = recs_vectors_add(set, bytes, offsets, values,
                                      recs_vector_file_dimension(file), count, error);
        if (status == RECS_OK && progress_show(&k->progress, "reading vectors",
                                               recs_vector_file_done(file),
                                               recs_vector_file_total(file)) != 0) {
            snprintf(error->text, sizeof error->text, "cancelled while reading vectors");
            status = error->status = RECS_ERR_CANCELLED;
        }
    }
    return status;
}

static void print_set(const recs_vectors *set, bool json, const char *path, uint64_t skipped) {
    static const char *const metrics[] = {"inner", "cosine", "l2"};
    static const char *const storages[] = {"float32", "float16", "bfloat16", "int8"};
    char index[160], size[32];
    uint32_t low, high, described;
    recs_vectors_index(set, index, sizeof index);
    recs_vectors_effort(set, &low, &high, &described);
    if (json) {
        json_t *root = json_object();
        set_text(root, "set", path);
        set_count(root, "vectors", recs_vectors_count(set));
        set_count(root, "dimension", recs_vectors_dimension(set));
        set_text(root, "metric", metrics[recs_vectors_metric(set)]);
        set_text(root, "storage", storages[recs_vectors_storage(set)]);
        set_text(root, "description", recs_vectors_description(set));
        set_text(root, "index", index);
        set_count(root, "unindexed", recs_vectors_unindexed(set));
        set_count(root, "memory", recs_vectors_memory(set));
        set_count(root, "skipped", skipped);
        if (high != 0) {
            set_count(root, "effort_low", low);
            set_count(root, "effort_high", high);
            set_count(root, "effort", described);
        }
        print_json(root);
        return;
    }
    printf("%s: %llu vectors of dimension %u\n  %s\n  index searched: %s\n  memory held: %s\n", path,
           (unsigned long long)recs_vectors_count(set), recs_vectors_dimension(set),
           recs_vectors_description(set), index, size_text(recs_vectors_memory(set), size));
    if (high != 0)
        printf("  effort: %u, of %u to %u\n", described, low, high);
    if (skipped != 0)
        printf("  vectors of zeros dropped: %llu\n", (unsigned long long)skipped);
}

int knn_build(knn *k) {
    recs_error error = {0};
    recs_vector_file *file = NULL;
    recs_vectors *set = NULL;
    recs_vectors_options options = {.struct_size = sizeof options, .memory = k->memory};
    if (!k->input || !k->output)
        return usage_error(k->self, "%s FILE is missing", k->input ? "--output" : "--input");
    if (!output_apart(k->self, "output", k->output, "input", k->input) ||
        !output_apart(k->self, "output", k->output, "ids", k->format.ids))
        return EXIT_USAGE;
    stop_on_signal();
    recs_status status =
        recs_vector_file_open(&file, k->input, &k->format, &k->session.host, &error);
    if (status == RECS_OK)
        status = recs_vectors_create(&set, recs_vector_file_dimension(file), k->spec, &options,
                                     &k->session.host, &error);
    if (status == RECS_OK)
        status = fill(k, set, file, &error);
    if (status == RECS_OK)
        status = recs_vectors_build(set, progress_show, &k->progress, &error);
    if (status == RECS_OK)
        status = recs_vectors_write(set, k->output, &error);
    progress_close(&k->progress);
    if (status == RECS_OK && !k->shared.quiet)
        print_set(set, k->shared.json, k->output, recs_vector_file_skipped(file));
    recs_vector_file_close(file);
    recs_vectors_destroy(set);
    return status == RECS_OK ? EXIT_OK : fail_work(&error);
}

int knn_info(knn *k) {
    int code = EXIT_OK;
    recs_vectors *set = knn_open(k, &code);
    if (set)
        print_set(set, k->shared.json, k->set, 0);
    recs_vectors_destroy(set);
    return code;
}

/* ---- search ----------------------------------------------------------------------------------- */

static recs_status add_history(void *query, const char *id) {
    return recs_query_history(query, id, 1.0f, RECS_NO_TIME);
}
static recs_status add_deny(void *query, const char *id) { return recs_query_deny(query, id); }
static recs_status add_allow(void *query, const char *id) { return recs_query_allow(query, id); }

/* Numbers between commas or spaces. */
static bool set_vector(const knn *k, recs_query *query, int *code) {
    float *numbers = malloc((strlen(k->vector) / 2 + 1) * sizeof *numbers);
    uint32_t count = 0;
    char *copy = strdup(k->vector), *at = copy;
    bool good = numbers && copy;
    while (good && at) {
        double value;
        char *part = strsep(&at, ", ");
        if (*part == '\0')
            continue;
        good = parse_number(part, &value) && fabs(value) <= 3.4028234663852886e38;
        if (!good)
            *code = usage_error(k->self, "--vector, number %u: '%s' is not a finite number",
                                count + 1, part);
        else
            numbers[count++] = (float)value;
    }
    if (good)
        recs_query_vector(query, numbers, count);
    free(copy);
    free(numbers);
    return good;
}

static bool set_request(const knn *k, recs_query *query, int *code) {
    recs_query_limit(query, k->limit);
    recs_query_merge(query, k->best ? RECS_MERGE_BEST : RECS_MERGE_CENTROID);
    recs_query_effort(query, k->exact ? RECS_EFFORT_EXACT : (uint32_t)k->effort);
    if (k->has_radius)
        recs_query_radius(query, (float)k->radius);
    if (k->include_seen)
        recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    if (k->item)
        recs_query_item(query, k->item);
    if (k->history)
        each_part(k->history, add_history, query);
    if (k->deny)
        each_part(k->deny, add_deny, query);
    if (k->allow)
        each_part(k->allow, add_allow, query);
    return !k->vector || set_vector(k, query, code);
}

static void print_hits(const knn *k, const recs_query *query) {
    size_t count = recs_query_count(query);
    if (!k->shared.json) {
        for (size_t i = 0; i < count; i++) {
            printf("%3zu  %12.6g  ", i + 1, (double)recs_query_score(query, i));
            print_plain(recs_query_id(query, i));
            putchar('\n');
        }
        return;
    }
    json_t *root = json_object(), *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        set_text(one, "id", recs_query_id(query, i));
        set_number(one, "score", (double)recs_query_score(query, i));
        json_array_append_new(list, one);
    }
    json_object_set_new(root, "neighbours", list);
    set_text(root, "strategy", strategy_text(query));
    set_count(root, "scored", recs_query_scored(query));
    set_count(root, "eligible", recs_query_eligible(query));
    set_count(root, "ignored", recs_query_ignored(query));
    print_json(root);
}

/* Of one vector of a file: a line for each neighbour (query, place, score, id), or one of JSON. */
static void print_found(const knn *k, const recs_vectors *set, const char *query, size_t size,
                        const uint32_t *rows, const float *scores) {
    json_t *root = k->shared.json ? json_object() : NULL, *list = root ? json_array() : NULL;
    for (size_t i = 0; i < k->limit; i++) {
        char id[RECS_ID_MAX + 1];
        if (rows[i] == RECS_NO_ROW || recs_vectors_id(set, rows[i], id, NULL) != RECS_OK)
            continue;
        if (!root) {
            printf("%.*s\t%zu\t%.9g\t%s\n", (int)size, query, i + 1, (double)scores[i], id);
            continue;
        }
        json_t *one = json_object();
        set_text(one, "id", id);
        set_number(one, "score", (double)scores[i]);
        json_array_append_new(list, one);
    }
    if (!root)
        return;
    json_object_set_new(root, "query", json_stringn(query, size));
    json_object_set_new(root, "neighbours", list);
    json_dumpf(root, stdout, JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
}

/* The neighbours of every vector of a file. */
static int search_file(knn *k, recs_vectors *set, recs_query *query) {
    recs_error error = {0};
    int code = EXIT_OK;
    knn_rows asked;
    uint32_t dimension = recs_vectors_dimension(set);
    if (k->limit == 0 || k->limit > 100000)
        return usage_error(k->self, "-k is %zu, expected 1 to 100000 with --input", k->limit);
    if (!knn_read(k, k->input, dimension, &asked, &code))
        return code;
    size_t most = 1024;
    uint32_t *rows = malloc(most * k->limit * sizeof *rows);
    float *scores = malloc(most * k->limit * sizeof *scores);
    recs_status status = rows && scores ? RECS_OK : RECS_ERR_MEMORY;
    if (status != RECS_OK)
        snprintf(error.text, sizeof error.text, "no memory for the answers");
    for (size_t first = 0; status == RECS_OK && first < asked.count; first += most) {
        size_t count = asked.count - first < most ? asked.count - first : most;
        status = recs_knn_rows(set, query, asked.values + first * dimension, dimension, count, rows,
                               scores, NULL, &error);
        for (size_t i = 0; status == RECS_OK && i < count; i++)
            print_found(k, set, asked.bytes + asked.offsets[first + i],
                        asked.offsets[first + i + 1] - asked.offsets[first + i],
                        rows + i * k->limit, scores + i * k->limit);
    }
    free(rows);
    free(scores);
    knn_rows_free(&asked);
    return status == RECS_OK ? EXIT_OK : fail_work(&error);
}

int knn_search(knn *k) {
    recs_error error = {0};
    int code = EXIT_OK;
    recs_query *query = NULL;
    if (!k->item && !k->history && !k->vector && !k->input)
        return usage_error(k->self, "what to search for is missing: --item, --history, --vector or "
                                    "--input");
    recs_vectors *set = knn_open(k, &code);
    if (!set)
        return code;
    if (recs_query_create(&query, &k->session.host, &error) != RECS_OK)
        code = fail_work(&error);
    else if (!set_request(k, query, &code))
        ; /* said */
    else if (k->input)
        code = search_file(k, set, query);
    else if (recs_knn(set, query, &error) != RECS_OK)
        code = fail(&error);
    else
        print_hits(k, query);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    return code;
}

/* ---- the command line ---------------------------------------------------------------------------- */

enum {
    KNN_INPUT = OPTION_COMMAND,
    KNN_OUTPUT,
    KNN_SET,
    KNN_COMPONENT,
    KNN_SPEC,
    KNN_FORMAT,
    KNN_IDS,
    KNN_SKIP_ZERO,
    KNN_MEMORY,
    KNN_TRUSTED,
    KNN_ITEM,
    KNN_HISTORY,
    KNN_VECTOR,
    KNN_DENY,
    KNN_ALLOW,
    KNN_MERGE,
    KNN_EXACT,
    KNN_SEEN,
    KNN_RADIUS,
    KNN_RECALL,
    KNN_EFFORT,
    KNN_QUERIES,
    KNN_SEED,
    KNN_IN_PLACE
};

static bool wrong(const knn *k, int *code, const char *option, const char *expected) {
    *code = usage_error(k->self, "--%s is '%s', expected %s", option, optarg, expected);
    return false;
}

static bool parse_bytes(const char *text, size_t *out) {
    static const char units[] = "KMGT";
    char *copy = strdup(text);
    size_t size = copy ? strlen(copy) : 0, shift = 0;
    const char *unit = size > 1 ? strchr(units, copy[size - 1]) : NULL;
    if (unit && *unit) {
        shift = 10 * (size_t)(unit - units + 1);
        copy[size - 1] = '\0';
    }
    bool good = copy && parse_count(copy, SIZE_MAX >> shift, out);
    *out <<= good ? shift : 0;
    free(copy);
    return good;
}

static bool take_number(knn *k, int option, int *code) {
    switch (option) {
    case KNN_MEMORY:
        return parse_bytes(optarg, &k->memory) || wrong(k, code, "memory", "bytes, as in 500M or 2G");
    case KNN_RADIUS:
        k->has_radius = true;
        return parse_number(optarg, &k->radius) || wrong(k, code, "radius", "a number");
    case KNN_RECALL:
        return (parse_number(optarg, &k->recall) && k->recall > 0.0 && k->recall <= 1.0) ||
               wrong(k, code, "recall", "a share above 0, at most 1");
    case KNN_EFFORT:
        return (parse_count(optarg, UINT32_MAX - 1, &k->effort) && k->effort > 0) ||
               wrong(k, code, "effort", "a whole number from 1");
    case KNN_QUERIES:
        return (parse_count(optarg, 1000000, &k->queries) && k->queries > 0) ||
               wrong(k, code, "queries", "a whole number from 1 to 1000000");
    case KNN_SEED:
        return parse_count(optarg, SIZE_MAX, &k->seed) ||
               wrong(k, code, "seed", "a whole number from 0");
    default:
        return parse_count(optarg, INT32_MAX, &k->limit) ||
               wrong(k, code, "k", "a whole number below 2^31");
    }
}

static bool take_option(knn *k, int option, int *code) {
    const char **texts[] = {
        [KNN_INPUT - KNN_INPUT] = &k->input,     [KNN_OUTPUT - KNN_INPUT] = &k->output,
        [KNN_SET - KNN_INPUT] = &k->set,         [KNN_COMPONENT - KNN_INPUT] = &k->component,
        [KNN_SPEC - KNN_INPUT] = &k->spec,       [KNN_FORMAT - KNN_INPUT] = &k->format.format,
        [KNN_IDS - KNN_INPUT] = &k->format.ids,  [KNN_ITEM - KNN_INPUT] = &k->item,
        [KNN_HISTORY - KNN_INPUT] = &k->history, [KNN_VECTOR - KNN_INPUT] = &k->vector,
        [KNN_DENY - KNN_INPUT] = &k->deny,       [KNN_ALLOW - KNN_INPUT] = &k->allow};
    size_t at = (size_t)(option - KNN_INPUT);
    if (option >= KNN_INPUT && at < sizeof texts / sizeof *texts && texts[at]) {
        *texts[at] = optarg;
        return true;
    }
    switch (option) {
    case KNN_SKIP_ZERO:
        k->format.skip_zero = 1;
        return true;
    case KNN_TRUSTED:
        return k->trusted = true;
    case KNN_EXACT:
        return k->exact = true;
    case KNN_SEEN:
        return k->include_seen = true;
    case KNN_IN_PLACE:
        return k->in_place = true;
    case KNN_MERGE:
        k->best = strcmp(optarg, "best") == 0;
        return k->best || strcmp(optarg, "centroid") == 0 ||
               wrong(k, code, "merge", "centroid or best");
    default:
        return take_number(k, option, code);
    }
}

static bool read_options(knn *k, int argc, char **argv, int *code) {
    static const struct option options[] = {
        {"input", required_argument, NULL, KNN_INPUT},
        {"output", required_argument, NULL, KNN_OUTPUT},
        {"set", required_argument, NULL, KNN_SET},
        {"component", required_argument, NULL, KNN_COMPONENT},
        {"spec", required_argument, NULL, KNN_SPEC},
        {"format", required_argument, NULL, KNN_FORMAT},
        {"ids", required_argument, NULL, KNN_IDS},
        {"skip-zero", no_argument, NULL, KNN_SKIP_ZERO},
        {"memory", required_argument, NULL, KNN_MEMORY},
        {"trusted", no_argument, NULL, KNN_TRUSTED},
        {"item", required_argument, NULL, KNN_ITEM},
        {"history", required_argument, NULL, KNN_HISTORY},
        {"vector", required_argument, NULL, KNN_VECTOR},
        {"deny", required_argument, NULL, KNN_DENY},
        {"allow", required_argument, NULL, KNN_ALLOW},
        {"merge", required_argument, NULL, KNN_MERGE},
        {"exact", no_argument, NULL, KNN_EXACT},
        {"include-seen", no_argument, NULL, KNN_SEEN},
        {"radius", required_argument, NULL, KNN_RADIUS},
        {"recall", required_argument, NULL, KNN_RECALL},
        {"effort", required_argument, NULL, KNN_EFFORT},
        {"queries", required_argument, NULL, KNN_QUERIES},
        {"seed", required_argument, NULL, KNN_SEED},
        {"in-place", no_argument, NULL, KNN_IN_PLACE},
        COMMON_OPTIONS,
        {0}};
    int index = 0, option;
    bool done = false;
    while ((option = next_option(k->self, argc, argv, "hk:", options, &index, &k->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(k, option, code))
            return false;
    return !done;
}

static int run(const command *self, int argc, char **argv) {
    static const struct {
        const char *name;
        int (*work)(knn *k);
    } jobs[] = {{"build", knn_build}, {"search", knn_search}, {"tune", knn_tune}, {"info", knn_info}};
    knn k = {.self = self, .limit = 10, .recall = 0.95, .queries = 200};
    recs_error error = {0};
    int code = EXIT_OK;
    size_t job = 0;
    k.format.struct_size = sizeof k.format;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(self->usage, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_OK;
    }
    while (job < 4 && strcmp(jobs[job].name, argv[1]) != 0)
        job++;
    if (job == 4)
        return usage_error(self, "'%s' is none of build, search, tune and info", argv[1]);
    if (!read_options(&k, argc - 1, argv + 1, &code))
        return code;
    session_open(&k.session);
    progress_open(&k.progress, k.shared.quiet);
    if (session_start(&k.session, &k.shared, &error))
        code = jobs[job].work(&k);
    else
        code = fail_work(&error);
    progress_close(&k.progress);
    session_close(&k.session);
    return code;
}

const command command_knn = {
    "knn", "nearest neighbours of vectors: build, search, tune, info",
    "usage: recs knn build --input FILE --output FILE [options]\n"
    "       recs knn search --set FILE (--item ID | --history ID,... | --vector N,... |\n"
    "                       --input FILE) [options]\n"
    "       recs knn tune --set FILE --recall 0.95 [options]\n"
    "       recs knn info --set FILE [options]\n\n"
    "Vectors with the shop's ids (of pictures, texts, anything), kept in one file, and their\n"
    "nearest neighbours: exactly, or through an approximate index (librecs-faiss). A set is\n"
    "also a model: recs similar, recommend and verify take it.\n\n"
    "  --input FILE           vectors: npy, fvecs, JSON lines or CSV, also .gz and .zst; with\n"
    "                         search and tune those to search for\n"
    "  --format F             auto, npy, fvecs, jsonl or csv;  --ids FILE  an id a line for npy\n"
    "                         and fvecs (default: the number of the row)\n"
    "  --spec TEXT            knn(metric=cosine|inner|l2, storage=float32|float16|bfloat16|int8,\n"
    "                         index=exact|\"hnsw(m=32)\"...)\n"
    "  --skip-zero            drop vectors of zeros, which have no cosine\n"
    "  --memory N             bytes the set may hold, as in 2G\n"
    "  --output FILE          the set\n"
    "  --set FILE             the set, or a model with a content component; --component NAME\n"
    "                         which one\n"
    "  --trusted              open its approximate index: only of files you made\n"
    "  --item ID              neighbours of a vector of the set, itself left out\n"
    "  --history ID,...       of several: of their mean, or with --merge best of the nearest\n"
    "                         of them; --include-seen does not leave them out\n"
    "  --vector N,N,...       of any vector\n"
    "  -k N                   how many (default 10);  --radius R  none with a lower score, under\n"
    "                         l2 none farther away\n"
    "  --deny ID,...  --allow ID,...   never these, only these\n"
    "  --effort N             how hard the index searches;  --exact  do without it\n"
    "  --recall X             tune: the share of the k nearest to be found (default 0.95), on\n"
    "                         the vectors of --input, or on --queries N (default 200) drawn\n"
    "                         from the set by --seed N, for which its index is built anew\n"
    "                         without them;  --in-place  without that: they stay in the index,\n"
    "                         which finds its own vectors much more easily than others\n"
    COMMON_USAGE,
    run};
