/* segments.c - the breakdown, and intervals of it and of the whole, from the
 * cells kept of each user.
 *
 * A segment's interval resamples the segment's own users. Cost: a bootstrap of
 * everybody over all cells for the whole; over the first RECS__GROUP_CELLS of
 * them for each of the two kinds of users, and for the users with test items of
 * each group of items. Rows that fill has not changed are not resampled twice. */
#include "train/evaluator.h"

#include "base/memory.h"
#include "train/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- from cells to figures --------------------------------------------------------------- */

/* The users of a segment, as places in the kept columns, and whose cells. */
typedef struct slice {
    const float *values;
    size_t stride, per_cutoff; /* floats of a user; cells of a cutoff */
    const uint32_t *users;     /* NULL: all */
    size_t count;
} slice;

static bool has_meaning(const recs__metric *metric, size_t per_cutoff) {
    return !metric->of_catalogue && (per_cutoff == RECS__CELLS ||
                                     (metric->over < per_cutoff && metric->under == RECS__CELL_USERS));
}

/* The cells of one row after the other that are worth resampling: `cells` a
 * cutoff of each row that differs from the one before it, of all users of the
 * slice side by side. */
static float *gather(const recs__evaluator *e, const slice *s, size_t cells, size_t *width,
                     recs_error *error) {
    const recs_evaluation *r = e->result;
    size_t rows = 0, own = r->cutoff_count * cells;
    for (size_t row = 0; row < r->row_count; row++)
        rows += e->differs[row];
    *width = rows * own;
    float *values = recs__alloc(&e->host, s->count * *width, sizeof *values, error), *to = values;
    for (size_t u = 0; u < s->count && values; u++) {
        const float *from = s->values + (s->users ? s->users[u] : u) * s->stride;
        for (size_t row = 0; row < r->row_count; row++)
            for (size_t c = 0; c < r->cutoff_count && e->differs[row]; c++, to += cells)
                memcpy(to, from + (row * r->cutoff_count + c) * s->per_cutoff, cells * sizeof *to);
    }
    return values;
}

/* The intervals of a row from the sums of its cells, which begin at `at`. */
static void row_intervals(const recs_evaluation *r, size_t row, const double *sums, size_t width,
                          size_t at, size_t cells, double users, double *drawn,
                          recs__figures_table *table) {
    for (size_t column = 0; column < r->metric_count; column++) {
        size_t cutoff, count = 0;
        const recs__metric *metric = recs__evaluation_metric(r, column, &cutoff);
        if (!has_meaning(metric, cells))
            continue;
        for (uint32_t i = 0; i < r->resamples; i++) {
            double value = recs__metric_value(metric, sums + i * width + at + cutoff * cells, users);
            if (isfinite(value))
                drawn[count++] = value;
        }
        /* Resamples without a meaning (nobody drawn has a list) are few or all. */
        if (2 * count > r->resamples)
            recs__bootstrap_interval(drawn, count, r->confidence,
                                     &table->lows[row * r->metric_count + column],
                                     &table->highs[row * r->metric_count + column]);
    }
}

static recs_status add_intervals(recs__evaluator *e, const slice *s, size_t cells,
                                 recs__figures_table *table, recs_error *error) {
    recs_evaluation *r = e->result;
    size_t width, at = 0, metrics = r->metric_count;
    double *sums = NULL, *drawn = recs__alloc(&e->host, r->resamples, sizeof *drawn, error);
    float *values = drawn ? gather(e, s, cells, &width, error) : NULL;
    recs_status status = RECS_ERR_MEMORY;
    if (values) {
        recs__sample sample = {values, width, width, NULL, s->count};
        status = recs__bootstrap(&sample, r->resamples, r->seed, &e->host, &e->progress, &sums,
                                 error);
    }
    for (size_t row = 0; row < r->row_count && status == RECS_OK; row++) {
        if (e->differs[row]) {
            row_intervals(r, row, sums, width, at, cells, (double)s->count, drawn, table);
            at += r->cutoff_count * cells;
        } else {
            memcpy(table->lows + row * metrics, table->lows + (row - 1) * metrics,
                   metrics * sizeof *table->lows);
            memcpy(table->highs + row * metrics, table->highs + (row - 1) * metrics,
                   metrics * sizeof *table->highs);
        }
    }
    recs__free(&e->host, drawn);
    recs__free(&e->host, values);
    recs__free(&e->host, sums);
    return status;
}

static void add_values(const recs_evaluation *r, const slice *s, recs__figures_table *table) {
    for (size_t row = 0; row < r->row_count; row++)
        for (size_t c = 0; c < r->cutoff_count; c++) {
            double sums[RECS__CELLS] = {0};
            size_t at = (row * r->cutoff_count + c) * s->per_cutoff;
            for (size_t u = 0; u < s->count; u++) {
                const float *own = s->values + (s->users ? s->users[u] : u) * s->stride + at;
                for (size_t i = 0; i < s->per_cutoff; i++)
                    sums[i] += (double)own[i];
            }
            for (size_t m = 0; m < r->chosen_count; m++) {
                const recs__metric *metric = recs__metric_at(r->chosen[m]);
                if (has_meaning(metric, s->per_cutoff))
                    table->values[row * r->metric_count + c * r->chosen_count + m] =
                        recs__metric_value(metric, sums, (double)s->count);
            }
        }
}

static recs_status add_segment(recs__evaluator *e, const char *kind, const char *name,
                               const slice *s, recs_error *error) {
    recs__segment *segment;
    if (s->count == 0)
        return RECS_OK;
    recs_status status = recs__evaluation_segment(e->result, kind, name, s->count,
                                                  e->result->resamples != 0, &segment, error);
    if (status)
        return status;
    add_values(e->result, s, &segment->table);
    return e->result->resamples
               ? add_intervals(e, s, RECS__GROUP_CELLS, &segment->table, error)
               : RECS_OK;
}

/* ---- users by what they have ------------------------------------------------------------- */

static slice all_of(const recs_evaluation *r) {
    return (slice){r->cells, r->row_count * r->cutoff_count * RECS__CELLS, RECS__CELLS, NULL,
                   r->kept};
}

static recs_status add_between(recs__evaluator *e, const char *kind, uint32_t low, uint32_t high,
                               uint32_t *users, recs_error *error) {
    const recs_evaluation *r = e->result;
    slice s = all_of(r);
    char name[48];
    s.count = 0;
    s.users = users;
    for (size_t u = 0; u < r->kept; u++)
        if (r->histories[u] >= low && r->histories[u] <= high)
            users[s.count++] = (uint32_t)u;
    if (low == high)
        snprintf(name, sizeof name, "%u", low);
    else if (high == UINT32_MAX)
        snprintf(name, sizeof name, "%u+", low);
    else
        snprintf(name, sizeof name, "%u-%u", low, high);
    return add_segment(e, kind, name, &s, error);
}

static recs_status add_by_history(recs__evaluator *e, uint32_t *users, recs_error *error) {
    static const uint32_t bounds[] = {0, 1, 2, 3, 5, 10, 20, 50, 100, 200};
    size_t count = sizeof bounds / sizeof *bounds;
    recs_status status = RECS_OK;
    for (size_t b = 0; b < count && status == RECS_OK; b++)
        status = add_between(e, "history", bounds[b],
                             b + 1 < count ? bounds[b + 1] - 1 : UINT32_MAX, users, error);
    return status;
}

/* Five parts with as many users each as ties allow: users of one length stay
 * together. times: how many users have each length, up to the longest. */
static recs_status add_by_activity(recs__evaluator *e, uint32_t *users, recs_error *error) {
    const recs_evaluation *r = e->result;
    size_t longest = e->visitors.longest_history, part = 0, passed = 0;
    uint32_t low = UINT32_MAX;
    size_t *times = recs__alloc_zero(&e->host, longest + 1, sizeof *times, error);
    recs_status status = times ? RECS_OK : RECS_ERR_MEMORY;
    for (size_t u = 0; u < r->kept && times; u++)
        times[r->histories[u]]++;
    for (size_t length = 0; length <= longest && status == RECS_OK; length++) {
        if (times[length] == 0)
            continue;
        low = low == UINT32_MAX ? (uint32_t)length : low;
        passed += times[length];
        if (passed * 5 < (part + 1) * r->kept && passed < r->kept)
            continue;
        status = add_between(e, "activity", low, (uint32_t)length, users, error);
        part = passed * 5 / r->kept;
        low = UINT32_MAX;
    }
    recs__free(&e->host, times);
    return status;
}

/* ---- test items by popularity ------------------------------------------------------------ */

static recs_status add_by_items(recs__evaluator *e, const uint8_t *groups, uint32_t *users,
                                recs_error *error) {
    static const char *const names[RECS__ITEM_GROUPS] = {"head", "2", "3", "4", "tail", "cold"};
    const recs_evaluation *r = e->result;
    size_t cells = r->row_count * r->cutoff_count * RECS__GROUP_CELLS;
    recs_status status = RECS_OK;
    for (size_t g = 0; g < RECS__ITEM_GROUPS && status == RECS_OK; g++) {
        slice s = {e->group_cells + g * cells, RECS__ITEM_GROUPS * cells, RECS__GROUP_CELLS, users,
                   0};
        for (size_t u = 0; u < r->kept; u++)
            if (groups[u] >> g & 1)
                users[s.count++] = (uint32_t)u;
        status = add_segment(e, "items", names[g], &s, error);
    }
    return status;
}

/* ---- what is kept ------------------------------------------------------------------------ */

/* Users with nothing to find leave the columns; the others move up. */
static void pack_users(recs__evaluator *e) {
    recs_evaluation *r = e->result;
    recs__visitors *v = &e->visitors;
    size_t lists = r->row_count * r->cutoff_count;
    size_t own = lists * RECS__CELLS;
    size_t grouped = lists * RECS__ITEM_GROUPS * RECS__GROUP_CELLS;
    for (size_t u = 0; u < v->count; u++) {
        if (v->truths[u] == 0)
            continue;
        size_t to = r->kept++;
        v->owned[to] = v->owned[u];
        v->truths[to] = v->truths[u];
        v->groups[to] = v->groups[u];
        v->tests[to] = v->tests[u];
        memmove(e->cells + to * own, e->cells + u * own, own * sizeof *e->cells);
        if (e->group_cells)
            memmove(e->group_cells + to * grouped, e->group_cells + u * grouped,
                    grouped * sizeof *e->group_cells);
    }
    r->cells = e->cells;
    r->histories = v->owned;
    r->tests = v->truths;
    e->cells = NULL;
    v->owned = v->truths = NULL;
}

static recs_status copy_ids(recs__evaluator *e, recs_error *error) {
    recs_evaluation *r = e->result;
    const recs__ids *ids = &e->test->user_ids;
    uint64_t bytes = 0;
    size_t size;
    for (size_t u = 0; u < r->kept; u++)
        bytes += recs__ids_get(ids, e->visitors.tests[u], &size) ? size + 1 : 1;
    r->ids = recs__alloc(&e->host, (size_t)bytes, 1, error);
    r->id_offsets = recs__alloc(&e->host, r->kept, sizeof *r->id_offsets, error);
    if (!r->ids || !r->id_offsets)
        return RECS_ERR_MEMORY;
    bytes = 0;
    for (size_t u = 0; u < r->kept; u++) {
        const char *id = recs__ids_get(ids, e->visitors.tests[u], &size);
        r->id_offsets[u] = bytes;
        memcpy(r->ids + bytes, id ? id : "", id ? size + 1 : 1);
        bytes += id ? size + 1 : 1;
    }
    return RECS_OK;
}

static void drop_users(recs_evaluation *r) {
    recs__free(&r->host, r->cells);
    recs__free(&r->host, r->histories);
    recs__free(&r->host, r->tests);
    r->cells = NULL;
    r->histories = r->tests = NULL;
    r->kept = 0;
}

recs_status recs__evaluator_finish(recs__evaluator *e, recs_error *error) {
    recs_evaluation *r = e->result;
    recs_status status = RECS_OK;
    uint32_t *users;
    if (!e->keeps)
        return RECS_OK;
    pack_users(e);
    if (r->resamples) {
        slice all = all_of(r);
        status = add_intervals(e, &all, RECS__CELLS, &r->table, error);
    }
    if (e->options.segments && status == RECS_OK) {
        users = recs__alloc(&e->host, r->kept, sizeof *users, error);
        status = users ? add_by_history(e, users, error) : RECS_ERR_MEMORY;
        if (status == RECS_OK)
            status = add_by_activity(e, users, error);
        if (status == RECS_OK)
            status = add_by_items(e, e->visitors.groups, users, error);
        recs__free(&e->host, users);
    }
    if (status == RECS_OK && e->options.keep_users)
        status = copy_ids(e, error);
    else
        drop_users(r);
    return status;
}
