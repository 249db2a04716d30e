/* open.c - what opening a model costs, and what processes share.
 *
 *   build/bench/open [FILE]        FILE is made, used and removed (default: /tmp)
 *
 * Writes generated models of 16 MB, 128 MB and 1 GB, opens each and prints the
 * median and worst microseconds of recs_model_open; then ten processes serve
 * from the largest, and the proportional resident memory of them all is
 * printed beside the size of the file (Linux: /proc/PID/smaps_rollup). */
#include "big_model.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPENS = 201, PROCESSES = 10, FACTORS = 64 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_open(const char *path) {
    double micros[OPENS];
    struct stat file;
    if (stat(path, &file)) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < OPENS; i++) {
        recs_model *model;
        recs_error error;
        double start = limits_now();
        must(recs_model_open(&model, path, NULL, NULL, &error), &error);
        micros[i] = (limits_now() - start) * 1e6;
        recs_model_release(model);
    }
    qsort(micros, OPENS, sizeof *micros, by_value);
    printf("{\"bench\": \"open\", \"bytes\": %lld, \"median_us\": %.1f, \"worst_us\": %.1f}\n",
           (long long)file.st_size, micros[OPENS / 2], micros[OPENS - 1]);
    fflush(stdout);
}

/* Kilobytes of a field of a process's memory roll-up; -1 when there is none. */
static long memory_of(pid_t pid, const char *field) {
    char path[64], line[256];
    long kilobytes = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kilobytes = strtol(line + strlen(field), NULL, 10);
    if (file)
        fclose(file);
    return kilobytes;
}

/* A child: opens the model itself, answers for every user, tells and waits. */
static void serve(const char *path, int told, int held) {
    recs_model *model;
    recs_query *query;
    recs_error error;
    char byte = 0;
    must(recs_model_open(&model, path, NULL, NULL, &error), &error);
    must(recs_query_create(&query, NULL, &error), &error);
    for (uint32_t user = 0; user < recs_model_users(model); user++) {
        recs_query_reset(query);
        recs_query_user(query, recs_model_user_id(model, user));
        must(recs_recommend(model, query, &error), &error);
    }
    if (write(told, &byte, 1) != 1 || read(held, &byte, 1) < 0)
        _exit(1);
    _exit(0);
}

static void measure_processes(const char *path) {
    int told[2], held[2];
    pid_t children[PROCESSES];
    long resident = 0, proportional = 0, alone = 0;
    struct stat file;
    char byte;
    if (pipe(told) || pipe(held) || stat(path, &file)) {
        perror("open");
        exit(1);
    }
    for (int i = 0; i < PROCESSES; i++) {
        if ((children[i] = fork()) == 0) {
            close(held[1]);
            serve(path, told[1], held[0]);
        }
    }
    for (int i = 0; i < PROCESSES; i++)
        if (read(told[0], &byte, 1) != 1)
            exit(1);
    for (int i = 0; i < PROCESSES; i++) {
        resident += memory_of(children[i], "Rss:");
        proportional += memory_of(children[i], "Pss:");
        alone += memory_of(children[i], "Private_Clean:") + memory_of(children[i], "Private_Dirty:");
    }
    close(held[1]);
    for (int i = 0; i < PROCESSES; i++)
        waitpid(children[i], NULL, 0);
    printf("{\"bench\": \"processes\", \"processes\": %d, \"file_mb\": %.1f, "
           "\"sum_of_rss_mb\": %.1f, \"held_together_mb\": %.1f, \"private_mb_each\": %.2f}\n",
           PROCESSES, (double)file.st_size / 1e6, (double)resident * 1.024e-3,
           (double)proportional * 1.024e-3, (double)alone * 1.024e-3 / PROCESSES);
}

int main(int argc, char **argv) {
    static const uint32_t sizes[] = {55000, 440000, 3600000};
    char made[64] = "/tmp/recs-bench-open-XXXXXX";
    const char *path = argc > 1 ? argv[1] : made;
    if (argc <= 1) {
        int file = mkstemp(made);
        if (file < 0) {
            perror(made);
            return 1;
        }
        close(file);
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        big_model big = {sizes[s], 20, FACTORS, big_model_factors(sizes[s], FACTORS, 1),
                         big_model_factors(20, FACTORS, 2), false};
        big_model_write(&big, path, NULL);
        free((void *)(uintptr_t)big.item_factors);
        free((void *)(uintptr_t)big.user_factors);
        measure_open(path);
    }
    measure_processes(path);
    unlink(path);
    return 0;
}
