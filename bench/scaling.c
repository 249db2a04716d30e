/* scaling.c - one training of a log, stage by stage: seconds, private memory and
 * mapped file cache, read while it runs.
 *
 *   build/bench/scaling --input LOG [--memory SIZE] [--temporary DIR] [--spec TEXT]
 *                       [--threads N] [--columns TEXT] [--output FILE]
 *
 * LOG - is standard input. Prints one line of JSON: events, users, items,
 * interactions; seconds of reading, building (everything before a trainer), each
 * trainer's stages and the whole; processor seconds; the peak of RssAnon (private
 * memory, what a budget is about) and of RssFile (mapped pages of files) by a
 * look every 5 ms, VmHWM, the bytes the dataset holds, and the hash of the model. */
#include "base/hash.h"
#include "limits.h"
#include "recs.h"
#include "recs/train.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STAGES = 64 };

typedef struct watch {
    const char *names[STAGES];
    double began[STAGES], ended[STAGES];
    int count;
} watch;

static atomic_bool over;
static long peak_anon, peak_file;

static void must(recs_status status, const recs_error *error) {
    if (status == RECS_OK)
        return;
    fprintf(stderr, "scaling: %s\n", error->text);
    exit(1);
}

static int32_t see(void *data, const char *stage, uint64_t done, uint64_t total) {
    watch *w = data;
    double now = limits_now();
    (void)done, (void)total;
    int at = 0;
    while (at < w->count && strcmp(w->names[at], stage) != 0)
        at++;
    if (at == w->count && at < STAGES) {
        w->names[at] = strdup(stage);
        w->began[at] = now;
        w->count++;
    }
    if (at < STAGES)
        w->ended[at] = now;
    return 0;
}

static long kilobytes(const char *text, const char *name) {
    const char *at = strstr(text, name);
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void look(void) {
    char text[4096];
    FILE *file = fopen("/proc/self/status", "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = '\0';
    if (file)
        fclose(file);
    long anon = kilobytes(text, "RssAnon:"), mapped = kilobytes(text, "RssFile:") +
                                                      kilobytes(text, "RssShmem:");
    peak_anon = anon > peak_anon ? anon : peak_anon;
    peak_file = mapped > peak_file ? mapped : peak_file;
}

static void *sample(void *data) {
    (void)data;
    while (!atomic_load(&over)) {
        look();
        usleep(5000);
    }
    return NULL;
}

static uint64_t hash_of(const recs_model *model) {
    return recs_model_fingerprint(model);
}

static double seconds_of(const watch *w, const char *from) {
    for (int i = 0; i < w->count; i++)
        if (strncmp(w->names[i], from, strlen(from)) == 0)
            return w->ended[i] - w->began[i];
    return 0.0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"input", required_argument, NULL, 'i'},   {"memory", required_argument, NULL, 'm'},
        {"temporary", required_argument, NULL, 't'}, {"spec", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 'n'}, {"output", required_argument, NULL, 'o'},
        {"columns", required_argument, NULL, 'c'},
        {0}};
    const char *input = NULL, *memory = NULL, *temporary = NULL, *output = NULL;
    const char *columns = NULL;
    const char *spec = "als(factors=32, iterations=2), itemknn, popular";
    unsigned threads = 1;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (option) {
        case 'i': input = optarg; break;
        case 'm': memory = optarg; break;
        case 't': temporary = optarg; break;
        case 's': spec = optarg; break;
        case 'n': threads = (unsigned)atoi(optarg); break;
        case 'o': output = optarg; break;
        case 'c': columns = optarg; break;
        default: return 2;
        }
    if (!input)
        return fprintf(stderr, "scaling: --input LOG is missing\n"), 2;

    recs_error error = {0};
    recs_pool *pool = NULL;
    must(recs_pool_create(&pool, threads, NULL, &error), &error);
    recs_host host = {.struct_size = sizeof host, .run = recs_pool_run, .executor_data = pool};
    watch w = {.count = 0};
    recs_dataset *dataset = NULL;
    recs_model *model = NULL;
    pthread_t sampler;
    pthread_create(&sampler, NULL, sample, NULL);

    double start = limits_now();
    must(recs_dataset_create(&dataset, &host, &error), &error);
    recs_dataset_progress(dataset, see, &w);
    if (memory)
        must(recs_dataset_set(dataset, "memory", memory, &error), &error);
    if (columns)
        must(recs_dataset_set(dataset, "columns", columns, &error), &error);
    if (temporary)
        must(recs_dataset_set(dataset, "temporary", temporary, &error), &error);
    must(recs_dataset_read(dataset, input, &error), &error);
    double read = limits_now();
    recs_train_options train = {.struct_size = sizeof train, .progress = see, .progress_data = &w};
    must(recs_train(dataset, spec, &train, &host, &model, &error), &error);
    double trained = limits_now();
    if (output)
        must(recs_model_write(model, output, &error), &error);
    double written = limits_now();
    atomic_store(&over, true);
    pthread_join(sampler, NULL);
    look();

    double built = trained; /* the first stage that is a trainer's */
    static const char *const before[] = {"reading", "ordering", "netting", "transposing",
                                         "counting", "listing"};
    for (int i = 0; i < w.count; i++) {
        bool building = false;
        for (size_t b = 0; b < sizeof before / sizeof *before; b++)
            building |= strncmp(w.names[i], before[b], strlen(before[b])) == 0;
        if (!building && w.began[i] < built)
            built = w.began[i];
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
    double system = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
    printf("{\"bench\": \"scaling\", \"isa\": \"%s\", \"threads\": %u, \"memory\": \"%s\", "
           "\"events\": %llu, \"users\": %llu, \"items\": %llu, \"interactions\": %llu, "
           "\"read_s\": %.2f, \"build_s\": %.2f, \"als_s\": %.2f, \"itemknn_s\": %.2f, "
           "\"train_s\": %.2f, \"write_s\": %.2f, \"user_s\": %.2f, \"system_s\": %.2f, "
           "\"anon_mb\": %.1f, \"file_mb\": %.1f, \"hwm_mb\": %.1f, \"data_mb\": %.1f, "
           "\"fingerprint\": \"%016llx\"}\n",
           recs_kernel_name(), threads, memory ? memory : "",
           (unsigned long long)recs_dataset_count(dataset, "events"),
           (unsigned long long)recs_dataset_count(dataset, "users"),
           (unsigned long long)recs_dataset_count(dataset, "items"),
           (unsigned long long)recs_dataset_count(dataset, "interactions"), read - start,
           built - read, seconds_of(&w, "als"), seconds_of(&w, "itemknn"), trained - read,
           written - trained, user, system, (double)peak_anon / 1024.0,
           (double)peak_file / 1024.0, (double)usage.ru_maxrss / 1024.0,
           (double)recs_dataset_count(dataset, "bytes") / 1048576.0,
           (unsigned long long)hash_of(model));
    recs_model_release(model);
    recs_dataset_destroy(dataset);
    recs_pool_destroy(pool);
    return 0;
}
