/* session.c - what surrounds a command: errors, the model, threads, progress. */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int fail_work(const recs_error *error) {
    fprintf(stderr, "recs: %s\n", error->text);
    return EXIT_FAILED;
}

int fail(const recs_error *error) {
    fail_work(error);
    if (error->status == RECS_ERR_NOT_FOUND)
        return EXIT_MISSING;
    return error->status == RECS_ERR_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
}

/* The one thing a signal handler may reach. */
static volatile sig_atomic_t stopped_by;

static void take_signal(int number) {
    stopped_by = number;
}

void stop_on_signal(void) {
    struct sigaction action = {.sa_handler = take_signal,
                               .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int stop_signal(void) {
    return stopped_by;
}

recs_model *open_model(const command *self, const common *shared, int *code) {
    recs_open_options options = {
        .struct_size = sizeof options, .inflate = 1, .trusted = shared->trusted};
    recs_model *model = NULL;
    recs_error error;

    if (!shared->model) {
        *code = usage_error(self, "--model FILE is missing");
        return NULL;
    }
    if (recs_model_open(&model, shared->model, &options, NULL, &error)) {
        *code = fail_work(&error);
        return NULL;
    }
    return model;
}

/* What a file that is not there yet will be known by: its folder and its name. */
static bool place_of(const char *path, struct stat *folder, const char **name) {
    char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    bool found;

    *name = slash ? path + (slash - copy) + 1 : path;
    if (slash)
        slash[slash == copy] = '\0';
    found = copy && stat(slash ? copy : ".", folder) == 0;
    free(copy);
    return found;
}

static bool stat_input(const char *path, struct stat *about) {
    return strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, about) == 0 : stat(path, about) == 0;
}

/* Devices are no loss: /dev/null may be read and written. */
static bool same_file(const char *output, const char *other) {
    struct stat a, b;
    const char *a_name, *b_name;
    bool a_there = stat(output, &a) == 0, b_there = stat_input(other, &b);

    if (a_there || b_there)
        return a_there && b_there && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
    return place_of(output, &a, &a_name) && place_of(other, &b, &b_name) &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino && strcmp(a_name, b_name) == 0;
}

bool output_apart(const command *self, const char *option, const char *output,
                  const char *other_option, const char *other) {
    if (!output || !other || !same_file(output, other))
        return true;
    usage_error(self, "--%s %s is the same file as --%s %s, which would be lost", option, output,
                other_option, other);
    return false;
}

static void run_on_pool(void *lent, void (*task)(void *arg, size_t index), void *arg,
                        size_t count) {
    recs_pool_run(((session *)lent)->pool, task, arg, count);
}

/* What the library has to say of its work, such as learned weights. */
static void show_line(void *log_data, int32_t level, const char *text) {
    (void)log_data;
    if (level <= RECS_LOG_INFO)
        fprintf(stderr, "%s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", text);
}

void session_talk(session *s) {
    s->host.log = show_line;
}

void session_open(session *s) {
    memset(s, 0, sizeof *s);
    s->host.struct_size = sizeof s->host;
    s->host.run = run_on_pool;
    s->host.executor_data = s;
}

bool session_start(session *s, const common *shared, recs_error *error) {
    return recs_pool_create(&s->pool, shared->threads, NULL, error) == RECS_OK;
}

void session_close(session *s) {
    recs_pool_destroy(s->pool);
}

int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void progress_open(progress *p, bool quiet) {
    memset(p, 0, sizeof *p);
    p->quiet = quiet || !isatty(STDERR_FILENO);
}

/* A stage that took a while leaves its line with the time; a short one none. */
static void end_stage(progress *p) {
    double seconds = (double)(now_ms() - p->started) / 1000.0;

    if (p->shown && seconds >= 1.0)
        fprintf(stderr, "\r\033[K%-32s done   %6.1f s\n", p->stage, seconds);
    else if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}

int32_t progress_show(void *progress_data, const char *stage, uint64_t done, uint64_t total) {
    progress *p = progress_data;
    int64_t now = now_ms();

    if (stopped_by)
        return 1;
    if (p->quiet)
        return 0;
    if (strncmp(p->stage, stage, sizeof p->stage - 1) != 0) {
        end_stage(p);
        snprintf(p->stage, sizeof p->stage, "%s", stage);
        p->started = now;
    } else if (now - p->printed < 100) {
        return 0;
    }
    if (total)
        fprintf(stderr, "\r%-32s %3u %%  %6.1f s", stage,
                (unsigned)(done < total ? (double)done * 100.0 / (double)total : 100.0),
                (double)(now - p->started) / 1000.0);
    else
        fprintf(stderr, "\r%-32s %12llu  %6.1f s", stage, (unsigned long long)done,
                (double)(now - p->started) / 1000.0);
    fflush(stderr);
    p->shown = true;
    p->printed = now;
    return 0;
}

void progress_close(progress *p) {
    end_stage(p);
    p->stage[0] = '\0';
}
