/* main.c - "similar items" from photographs alone: recs_vectors_create, _add, _build,
 * recs_knn.
 *
 *     scripts/fetch-fashion-mnist build/fashion
 *     build/similar_items build/fashion --page build/similar.html
 *     build/similar_items build/fashion --index hnsw
 *
 * Each of the 70,000 product photographs of Fashion-MNIST is a vector of its 28 x 28
 * pixels. For some of them it asks for their neighbours and counts how many are
 * the same kind of article, which the vectors were never told. Any embedding of
 * a shop takes the pixels' place.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage. */
#include "similar_items.h"

#include "recs.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ID_ROOM = 16, CHUNK = 4096, ROWS_MOST = 60 };

typedef struct options {
    const char *folder, *index, *metric, *storage, *page;
    long neighbours, queries, threads;
} options;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool failed(const recs_error *error) {
    fprintf(stderr, "similar_items: %s\n", error->text);
    return false;
}

/* The ids are the place in the files: "p0000042". */
static bool add_all(recs_vectors *set, const photographs *all, recs_error *error) {
    size_t size = (size_t)all->height * all->width;
    float *values = malloc(CHUNK * size * sizeof *values);
    char *ids = malloc((size_t)CHUNK * ID_ROOM);
    uint32_t *ends = malloc((CHUNK + 1) * sizeof *ends);
    bool added = values != NULL && ids != NULL && ends != NULL;
    for (uint32_t first = 0; added && first < all->count; first += CHUNK) {
        size_t count = all->count - first < CHUNK ? all->count - first : CHUNK;
        ends[0] = 0;
        for (size_t i = 0; i < count; i++)
            ends[i + 1] = ends[i] + (uint32_t)snprintf(ids + ends[i], ID_ROOM, "p%07u",
                                                       first + (unsigned)i);
        for (size_t i = 0; i < count * size; i++)
            values[i] = (float)all->pixels[first * size + i] / 255.0f;
        added = recs_vectors_add(set, ids, ends, values, (uint32_t)size, count, error) == RECS_OK;
    }
    free(values);
    free(ids);
    free(ends);
    return added;
}

/* What was asked of a set of photographs, and how it went. */
typedef struct tally {
    uint64_t asked[LABELS_MOST], found[LABELS_MOST], same[LABELS_MOST];
    uint64_t hits, answers; /* of the index, beside the exact answer */
    double seconds;
} tally;

static bool ask(const recs_vectors *set, recs_query *query, const photographs *all, uint32_t which,
                sheet_row *row, recs_error *error) {
    char id[ID_ROOM];
    snprintf(id, sizeof id, "p%07u", which);
    recs_query_item(query, id);
    if (recs_knn(set, query, error) != RECS_OK)
        return false;
    row->query = which;
    row->count = 0;
    for (size_t i = 0; i < recs_query_count(query) && i < NEIGHBOURS_MOST; i++) {
        row->found[row->count] = (uint32_t)strtoul(recs_query_id(query, i) + 1, NULL, 10);
        row->scores[row->count++] = recs_query_score(query, i);
    }
    (void)all;
    return true;
}

static void count_labels(tally *t, const photographs *all, const sheet_row *row) {
    unsigned label = all->labels[row->query];
    t->asked[label]++;
    for (uint32_t i = 0; i < row->count; i++) {
        t->found[label]++;
        t->same[label] += all->labels[row->found[i]] == label;
    }
}

static uint32_t in_both(const sheet_row *a, const sheet_row *b) {
    uint32_t both = 0;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t j = 0; j < b->count; j++)
            both += a->found[i] == b->found[j];
    return both;
}

/* Asks for options->queries photographs spread over all; the first few go on the sheet. */
static bool ask_many(const recs_vectors *set, const photographs *all, const options *o,
                     recs_host *host, tally *t, sheet_row *sheet, size_t *on_sheet,
                     recs_error *error) {
    recs_query *query = NULL;
    if (recs_query_create(&query, host, error) != RECS_OK)
        return false;
    recs_query_limit(query, (size_t)o->neighbours);
    uint32_t queries = (uint64_t)o->queries < all->count ? (uint32_t)o->queries : all->count;
    bool asked = true;
    for (uint32_t i = 0; asked && i < queries; i++) {
        uint32_t which = (uint32_t)((uint64_t)i * all->count / queries);
        sheet_row row, exact;
        double before = seconds();
        asked = ask(set, query, all, which, &row, error);
        t->seconds += seconds() - before;
        if (!asked)
            break;
        count_labels(t, all, &row);
        if (*on_sheet < ROWS_MOST && i % (queries < ROWS_MOST ? 1 : queries / ROWS_MOST) == 0)
            sheet[(*on_sheet)++] = row;
        if (strcmp(o->index, "exact") != 0 && i % 10 == 0) {
            recs_query_effort(query, RECS_EFFORT_EXACT);
            asked = ask(set, query, all, which, &exact, error);
            recs_query_effort(query, 0);
            t->hits += in_both(&row, &exact);
            t->answers += exact.count;
        }
    }
    recs_query_destroy(query);
    return asked;
}

static double print_tally(const tally *t, const options *o) {
    uint64_t asked = 0, found = 0, same = 0;
    printf("%-12s %8s %s\n", "", "asked", "neighbours of the same kind");
    for (unsigned l = 0; l < LABELS_MOST; l++) {
        if (t->asked[l] == 0)
            continue;
        printf("%-12s %8llu %.1f %%\n", label_name(l), (unsigned long long)t->asked[l],
               t->found[l] ? 100.0 * (double)t->same[l] / (double)t->found[l] : 0.0);
        asked += t->asked[l];
        found += t->found[l];
        same += t->same[l];
    }
    double share = found ? 100.0 * (double)same / (double)found : 0.0;
    printf("%-12s %8llu %.1f %%\n", "all", (unsigned long long)asked, share);
    printf("%.3f ms a question\n", asked ? 1e3 * t->seconds / (double)asked : 0.0);
    if (t->answers != 0)
        printf("recall@%ld beside the exact answer: %.3f\n", o->neighbours,
               (double)t->hits / (double)t->answers);
    return share;
}

static bool run(const options *o, const photographs *all, recs_host *host) {
    recs_vectors *set = NULL;
    recs_error error = {0};
    char description[256], kept[128];
    size_t quoted = strcspn(o->index, ",(");
    snprintf(description, sizeof description, "knn(metric=%s, storage=%s, index=%s%s%s)",
             o->metric, o->storage, o->index[quoted] ? "\"" : "", o->index,
             o->index[quoted] ? "\"" : "");
    if (recs_vectors_create(&set, all->height * all->width, description, NULL, host, &error) !=
        RECS_OK)
        return failed(&error);
    double before = seconds();
    bool done = add_all(set, all, &error) && recs_vectors_build(set, NULL, NULL, &error) == RECS_OK;
    if (done) {
        recs_vectors_index(set, kept, sizeof kept);
        printf("%u photographs of %u x %u, %s\n%s: built in %.1f s, %.0f MB\n", all->count,
               all->width, all->height, recs_vectors_description(set), kept, seconds() - before,
               (double)recs_vectors_memory(set) / 1e6);
    }
    static tally t;
    static sheet_row sheet[ROWS_MOST];
    size_t on_sheet = 0;
    done = done && ask_many(set, all, o, host, &t, sheet, &on_sheet, &error);
    if (!done)
        failed(&error);
    if (done) {
        double share = print_tally(&t, o);
        char note[256];
        snprintf(note, sizeof note,
                 "%u photographs, %s metric, index %s. Of all neighbours %.1f %% are the same "
                 "kind of article.",
                 all->count, o->metric, kept, share);
        done = o->page == NULL ||
               sheet_write(o->page, all, sheet, on_sheet, "Similar items by their pixels", note);
        if (done && o->page != NULL)
            printf("%s: %zu rows to look at\n", o->page, on_sheet);
    }
    recs_vectors_destroy(set);
    return done;
}

static int usage(FILE *out, int status) {
    fputs("usage: similar_items FOLDER [options]\n"
          "FOLDER holds train-… and t10k-… idx files (scripts/fetch-fashion-mnist FOLDER)\n\n"
          "  --index TEXT       exact (the default), hnsw, \"ivf(lists=256, probe=8)\" …\n"
          "  --metric NAME      cosine (the default), l2 or inner\n"
          "  --storage NAME     float32 (the default), float16, bfloat16 or int8\n"
          "  --neighbours N     1 to 50 (10)\n"
          "  --queries N        how many photographs to ask for (1000)\n"
          "  --threads N        that share a question, 0 = all processors (1)\n"
          "  --page FILE        writes a contact sheet as HTML\n",
          out);
    return status;
}

static bool number(const char *text, long low, long high, long *out) {
    char *end = NULL;
    *out = strtol(text, &end, 10);
    if (end != text && *end == '\0' && *out >= low && *out <= high)
        return true;
    fprintf(stderr, "similar_items: \"%s\", expected a number from %ld to %ld\n", text, low, high);
    return false;
}

int main(int argc, char **argv) {
    options o = {NULL, "exact", "cosine", "float32", NULL, 10, 1000, 1};
    static const struct option names[] = {
        {"index", 1, NULL, 'i'},   {"metric", 1, NULL, 'm'},  {"storage", 1, NULL, 's'},
        {"page", 1, NULL, 'p'},    {"neighbours", 1, NULL, 'n'}, {"queries", 1, NULL, 'q'},
        {"threads", 1, NULL, 't'}, {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        bool good = c != '?';
        switch (c) {
        case 'i': o.index = optarg; break;
        case 'm': o.metric = optarg; break;
        case 's': o.storage = optarg; break;
        case 'p': o.page = optarg; break;
        case 'n': good = number(optarg, 1, NEIGHBOURS_MOST, &o.neighbours); break;
        case 'q': good = number(optarg, 1, 100000000, &o.queries); break;
        case 't': good = number(optarg, 0, 1024, &o.threads); break;
        case 'h': return usage(stdout, 0);
        }
        if (!good)
            return usage(stderr, 2);
    }
    if (optind + 1 != argc)
        return usage(stderr, 2);
    o.folder = argv[optind];

    photographs all = {0};
    recs_pool *pool = NULL;
    recs_error error = {0};
    recs_host host = {.struct_size = sizeof host};
    bool done = photographs_read(&all, o.folder, "train") &&
                photographs_read(&all, o.folder, "t10k");
    if (done && o.threads != 1) {
        done = recs_pool_create(&pool, (uint32_t)o.threads, NULL, &error) == RECS_OK;
        if (!done)
            failed(&error);
        host.run = recs_pool_run;
        host.executor_data = pool;
    }
    done = done && run(&o, &all, &host);
    recs_pool_destroy(pool);
    photographs_free(&all);
    return done ? 0 : 1;
}
