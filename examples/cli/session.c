/* session.c - what surrounds a command: errors, the model, threads, progress. */
#include "cli.h"

#include <signal.h>
#include <string.h>
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
    recs_open_options options = {.struct_size = sizeof options, .inflate = 1};
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

static void run_on_pool(void *lent, void (*task)(void *arg, size_t index), void *arg,
                        size_t count) {
    recs_pool_run(((session *)lent)->pool, task, arg, count);
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
