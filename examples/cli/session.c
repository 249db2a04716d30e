/* session.c - what surrounds a command: errors, the model, threads, progress. */
#include "cli.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

int fail(const recs_error *error) {
    fprintf(stderr, "recs: %s\n", error->text);
    return error->status == RECS_ERR_NOT_FOUND ? EXIT_MISSING : EXIT_FAILED;
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
        fail(&error);
        *code = EXIT_FAILED;
        return NULL;
    }
    return model;
}

bool session_open(session *s, const common *shared, recs_error *error) {
    memset(s, 0, sizeof *s);
    s->host.struct_size = sizeof s->host;
    if (recs_pool_create(&s->pool, shared->threads, NULL, error))
        return false;
    s->host.run = recs_pool_run;
    s->host.executor_data = s->pool;
    return true;
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

int32_t progress_show(void *progress_data, const char *stage, uint64_t done, uint64_t total) {
    progress *p = progress_data;
    int64_t now = now_ms();

    if (p->quiet)
        return 0;
    if (strncmp(p->stage, stage, sizeof p->stage - 1) != 0) {
        if (p->shown)
            fputc('\n', stderr);
        snprintf(p->stage, sizeof p->stage, "%s", stage);
        p->started = now;
    } else if (now - p->printed < 100) {
        return 0;
    }
    if (total)
        fprintf(stderr, "\r%-32s %3u %%  %6.1f s", stage,
                (unsigned)(done < total ? done * 100 / total : 100),
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
    if (p->shown)
        fputc('\n', stderr);
    p->shown = false;
}
