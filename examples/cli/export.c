/* export.c - `recs export`: the lists of all stored users, as CSV or JSON Lines.
 *
 * Users are asked for in chunks on the pool and written in order, so memory
 * does not grow with the model. A file is made beside its final place, brought
 * to disk and renamed: it is there whole or not at all. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXPORT_FORMAT = OPTION_COMMAND, EXPORT_OUTPUT };

enum { CHUNK_ANSWERS = 1 << 20, CHUNK_USERS = 8192 };

typedef struct job {
    common shared;
    request request;
    recs_model *model;
    const char *output;
    bool lines; /* JSON Lines, not CSV */
    FILE *out;
    char *temporary;
    uint64_t written; /* users */
} job;

/* ---- one file, whole or not at all ---------------------------------------------- */

static bool say(const char *what, const char *path) {
    fprintf(stderr, "recs: %s %s: %s\n", what, path, strerror(errno));
    return false;
}

static bool output_open(job *j) {
    size_t size;
    int file;

    if (!j->output) {
        j->out = stdout;
        return true;
    }
    size = strlen(j->output) + 32;
    j->temporary = malloc(size);
    if (!j->temporary)
        return say("no memory to write", j->output);
    snprintf(j->temporary, size, "%s.%ld.tmp", j->output, (long)getpid());
    file = open(j->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
        say("cannot make", j->temporary);
        free(j->temporary);
        j->temporary = NULL;
        return false;
    }
    j->out = fdopen(file, "w");
    if (j->out)
        return true;
    close(file);
    return say("cannot write", j->temporary);
}

static bool sync_folder(const char *path) {
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    int file;
    bool done;

    if (slash)
        slash[slash == folder] = '\0';
    file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    done = file >= 0 && (fsync(file) == 0 || errno == EINVAL);
    if (file >= 0)
        close(file);
    free(folder);
    return done || say("cannot bring to disk the folder of", path);
}

/* Puts the file in its place when all went well, and removes it otherwise. */
static bool output_close(job *j, bool good) {
    bool closed;

    if (!j->temporary)
        return good;
    good = good && ((fflush(j->out) == 0 && fsync(fileno(j->out)) == 0) ||
                    say("cannot write", j->temporary));
    closed = !j->out || fclose(j->out) == 0;
    good = good && (closed || say("cannot write", j->temporary));
    good = good && (rename(j->temporary, j->output) == 0 || say("cannot make", j->output));
    if (!good)
        unlink(j->temporary);
    else
        good = sync_folder(j->output);
    free(j->temporary);
    return good;
}

/* ---- lines ------------------------------------------------------------------------ */

/* A field as RFC 4180 wants it: quoted when it has to be. */
static void put_csv(FILE *out, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void put_json(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static const char *or_empty(const char *id) {
    return id ? id : "";
}

static void put_user(job *j, uint32_t user, const uint32_t *rows, const float *scores, size_t k) {
    const char *id = or_empty(recs_model_user_id(j->model, user));

    if (j->lines) {
        fputs("{\"user\":", j->out);
        put_json(j->out, id);
        fputs(",\"items\":[", j->out);
    }
    for (size_t i = 0; i < k && rows[i] != RECS_NO_ROW; i++) {
        const char *item = or_empty(recs_model_item_id(j->model, rows[i]));
        if (j->lines) {
            fputs(i ? ",{\"item\":" : "{\"item\":", j->out);
            put_json(j->out, item);
            fprintf(j->out, ",\"score\":%.9g}", (double)scores[i]);
        } else {
            put_csv(j->out, id);
            fprintf(j->out, ",%zu,", i + 1);
            put_csv(j->out, item);
            fprintf(j->out, ",%.9g\n", (double)scores[i]);
        }
    }
    if (j->lines)
        fputs("]}\n", j->out);
}

/* ---- all users ----------------------------------------------------------------------- */

static int put_chunks(job *j, size_t chunk, size_t k, uint32_t *users, uint32_t *rows,
                      float *scores) {
    uint32_t count = recs_model_users(j->model);
    recs_error error;
    progress p;

    progress_open(&p, j->shared.quiet || (!j->output && isatty(STDOUT_FILENO)));
    for (uint32_t first = 0; first < count;) {
        size_t now = count - first < chunk ? count - first : chunk;
        for (size_t i = 0; i < now; i++)
            users[i] = first + (uint32_t)i;
        if (recs_recommend_rows(j->model, j->request.query, users, now, rows, scores, &error)) {
            progress_close(&p);
            return fail(&error);
        }
        for (size_t i = 0; i < now; i++)
            put_user(j, users[i], rows + i * k, scores + i * k, k);
        first += (uint32_t)now;
        j->written = first;
        if (ferror(j->out))
            break;
        if (progress_show(&p, "users", first, count)) {
            progress_close(&p);
            fprintf(stderr, "recs: stopped\n");
            return EXIT_FAILED;
        }
    }
    progress_close(&p);
    return EXIT_OK;
}

static int put_all(job *j) {
    size_t items = recs_model_items(j->model);
    size_t k = j->request.limit < items ? j->request.limit : items;
    size_t chunk = CHUNK_ANSWERS / (k ? k : 1);
    uint32_t *users, *rows;
    float *scores;
    int code;

    chunk = chunk < 64 ? 64 : chunk > CHUNK_USERS ? CHUNK_USERS : chunk;
    recs_query_limit(j->request.query, k);
    users = malloc(chunk * sizeof *users);
    rows = malloc((chunk * k + 1) * sizeof *rows);
    scores = malloc((chunk * k + 1) * sizeof *scores);
    if (users && rows && scores) {
        if (!j->lines)
            fputs("user,rank,item,score\n", j->out);
        code = put_chunks(j, chunk, k, users, rows, scores);
    } else {
        fprintf(stderr, "recs: no memory for lists of %zu\n", k);
        code = EXIT_FAILED;
    }
    free(users);
    free(rows);
    free(scores);
    return code;
}

static void print_summary(const job *j, double seconds) {
    FILE *to = j->output ? stdout : stderr;
    double rate = (double)j->written / (seconds > 0.0 ? seconds : 0.001);

    if (j->output && j->shared.json) {
        json_t *root = json_object();
        set_text(root, "output", j->output);
        set_count(root, "users", j->written);
        set_number(root, "seconds", seconds);
        set_number(root, "users_per_second", rate);
        print_json(root);
    } else if (!j->shared.quiet) {
        fprintf(to, "%llu user%s in %.2f s, %.0f users/s\n", (unsigned long long)j->written,
                j->written == 1 ? "" : "s", seconds, rate);
    }
}

static int export_lists(job *j) {
    const char *component = j->request.component;
    int64_t start = now_ms();
    int code;

    if (component && recs_model_component_find(j->model, component) == UINT32_MAX)
        return missing_component(j->model, component);
    if (recs_model_users(j->model) == 0) {
        fprintf(stderr,
                "recs: %s stores no users (users %s); recs recommend --history asks without\n",
                j->shared.model, recs_model_users_mode(j->model));
        return EXIT_FAILED;
    }
    if (!output_open(j))
        return EXIT_FAILED;
    code = j->out ? put_all(j) : EXIT_FAILED;
    if (!output_close(j, code == EXIT_OK) && code == EXIT_OK)
        code = EXIT_FAILED;
    if (code == EXIT_OK)
        print_summary(j, (double)(now_ms() - start) / 1000.0);
    return code;
}

/* ---- command line ---------------------------------------------------------------------- */

static bool take_option(job *j, const command *self, int option, int *code) {
    switch (option) {
    case EXPORT_OUTPUT:
        j->output = strcmp(optarg, "-") == 0 ? NULL : optarg;
        return true;
    case EXPORT_FORMAT:
        j->lines = strcmp(optarg, "jsonl") == 0;
        if (j->lines || strcmp(optarg, "csv") == 0)
            return true;
        *code = usage_error(self, "--format is '%s', expected csv or jsonl", optarg);
        return false;
    default:
        return request_option(&j->request, self, option, optarg, code);
    }
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {{"format", required_argument, NULL, EXPORT_FORMAT},
                                            {"output", required_argument, NULL, EXPORT_OUTPUT},
                                            COMPONENT_OPTION,
                                            SEEN_OPTIONS,
                                            FILTER_OPTIONS,
                                            COMMON_OPTIONS,
                                            {0}};
    int index = 0, option;
    bool done = false;

    while ((option = next_option(self, argc, argv, "hk:", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, self, option, code))
            return false;
    if (!done && !output_apart(self, "output", j->output, "model", j->shared.model)) {
        *code = EXIT_USAGE;
        return false;
    }
    return !done;
}

static int run(const command *self, int argc, char **argv) {
    job j = {0};
    session s;
    recs_error error;
    int code;

    session_open(&s);
    if (!request_open(&j.request, &s.host, &error)) {
        code = fail_work(&error);
    } else if (read_options(&j, self, argc, argv, &code)) {
        if (!session_start(&s, &j.shared, &error))
            code = fail_work(&error);
        else
            j.model = open_model(self, &j.shared, &code);
    }
    if (j.model && !request_finish(&j.request, self, j.model)) {
        code = EXIT_USAGE;
    } else if (j.model) {
        stop_on_signal();
        code = export_lists(&j);
    }
    request_close(&j.request);
    recs_model_release(j.model);
    session_close(&s);
    return code;
}

const command command_export = {
    "export", "the lists of all stored users, as CSV or JSON Lines",
    "usage: recs export --model FILE [--output FILE] [options]\n\n"
    "The best items for every visitor the model stores, to a file (whole or not at all)\n"
    "or standard output, and how many users a second that was.\n\n"
    "  --model FILE           the model\n"
    "  --output FILE          where to (default: standard output)\n"
    "  --format F             csv (default): user,rank,item,score\n"
    "                         jsonl: {\"user\":..,\"items\":[{\"item\":..,\"score\":..},..]}\n"
    LIMIT_USAGE COMPONENT_USAGE SEEN_USAGE FILTER_USAGE COMMON_USAGE,
    run};
