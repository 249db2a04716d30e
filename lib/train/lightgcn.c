/* lightgcn.c - "user item item …", a user a line, as the LightGCN and NGCF
 * splits come. Ids are whatever stands between spaces. One pass, by token: a
 * line of any length is read in constant memory. Events have no time. */
#include "train/dataset.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

typedef struct reader {
    recs_dataset *dataset;
    const char *file;
    uint64_t line;
    uint32_t user;    /* RECS_NO_ROW: at the beginning of a line, or it was not an id */
    bool in_line;     /* the line's user was read */
} reader;

static recs_status token(reader *r, const char *text, size_t size, recs_error *error) {
    recs_dataset *dataset = r->dataset;
    const recs_host *host = &dataset->host;
    bool is_user = !r->in_line;
    recs__intern *intern = is_user ? &dataset->users : &dataset->items;
    uint32_t number = recs__intern_find(intern, text, size);
    const char *problem = number == RECS_NO_ROW ? recs__id_problem(text, size) : NULL;
    r->in_line = true;
    if (is_user)
        r->user = RECS_NO_ROW;
    else
        dataset->figures.rows++;
    if (problem != NULL)
        return recs__problems_add(&dataset->problems,
                                  is_user ? RECS__PROBLEM_USER : RECS__PROBLEM_ITEM,
                                  dataset->settings.strict, r->file, r->line, NULL, text, size,
                                  "an id of 1 to 511 bytes of UTF-8", error);
    if (!is_user && r->user == RECS_NO_ROW)
        return RECS_OK; /* the line's user was not an id, which is told already */
    if (!is_user && dataset->settings.drop_items.count != 0 &&
        recs__intern_find(&dataset->settings.drop_items, text, size) != RECS_NO_ROW) {
        dataset->figures.dropped_items++;
        return RECS_OK;
    }
    recs_status status = RECS_OK;
    if (number == RECS_NO_ROW)
        status = recs__intern_add(intern, host, text, size, dataset->limit,
                                  is_user ? "users" : "items", &number, error);
    if (status != RECS_OK)
        return status;
    if (is_user) {
        r->user = number;
        return RECS_OK;
    }
    recs__event event = {.user = r->user,
                         .item = number,
                         .basket = RECS_NO_ROW,
                         .session = RECS_NO_ROW,
                         .place = RECS_NO_ROW,
                         .segment = RECS_NO_ROW,
                         .time = RECS_NO_TIME,
                         .quantity = 1.0f,
                         .value = NAN,
                         .price = NAN,
                         .propensity = 1.0f,
                         .type = RECS__TYPE_DEFAULT};
    if (!recs__dataset_within(dataset, RECS_NO_TIME)) {
        dataset->figures.outside++;
        return RECS_OK;
    }
    return recs__dataset_event(dataset, &event, error);
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Reads the tokens that end within the bytes; *taken is how far they go. */
static recs_status tokens(reader *r, const char *bytes, size_t size, size_t *taken,
                          recs_error *error) {
    size_t at = 0;
    *taken = 0;
    while (at < size) {
        size_t begin = at;
        while (at < size && !is_space(bytes[at]))
            at++;
        if (at == size)
            break;
        if (at > begin) {
            recs_status status = token(r, bytes + begin, at - begin, error);
            if (status != RECS_OK)
                return status;
        }
        if (bytes[at] == '\n') {
            r->in_line = false;
            r->line++;
        }
        *taken = ++at;
    }
    return RECS_OK;
}

recs_status recs__read_lightgcn(recs_dataset *dataset, recs__csv *csv, recs_error *error) {
    reader r = {dataset, recs__input_name(csv->input), 1, RECS_NO_ROW, false};
    char stage[RECS__STAGE_TEXT];
    bool more = true;
    recs__dataset_stage(stage, r.file);
    while (more) {
        const char *bytes;
        size_t size, taken;
        recs__csv_peek(csv, &bytes, &size);
        recs_status status = tokens(&r, bytes, size, &taken, error);
        recs__csv_skip(csv, taken);
        if (status == RECS_OK)
            status = recs__dataset_tick(dataset, stage, recs__input_done(csv->input),
                                        recs__input_total(csv->input), error);
        if (status == RECS_OK)
            status = recs__csv_fill(csv, &more, error);
        if (status != RECS_OK)
            return status;
    }
    return RECS_OK;
}
