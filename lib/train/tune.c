/* tune.c - recs_tune: which trial comes next, running it, and when to stop.
 *
 * One component after another. Successive halving without rounds (ASHA: Li
 * et al., "A System for Massively Parallel Hyperparameter Tuning", 2020) over
 * iterations: of a trainer that has them, new settings are tried with a third or
 * a ninth of them and judged on as large a share of the users; whatever is among
 * the best third of all tried there goes on to three times as many. The
 * defaults go up first, so that there is always something to beat. Trainers
 * without iterations have one rung, and every trial is a whole one. What is new
 * comes from tune_propose.c. The last trials of a component are kept for going up.
 *
 * Every decision is a function of the trials before it and the seed, so a
 * search from a state file goes on as if it had not stopped; only a budget of
 * time brings the clock in. */
#include "train/tuning.h"

#include "base/error.h"
#include "base/lent.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/progress.h"
#include "train/tune_propose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HALVING 3

typedef struct search {
    recs_tune_options options;
    const recs_dataset *dataset;
    const recs_host *host;
    recs_tuning *tuning;
    recs__tune_parts parts;
    recs__state state;
    char cutoff[16]; /* of the metric: "20" */
    char metric[16]; /* and its name: "ndcg" */

    int64_t began, deadline, study_deadline; /* ms; INT64_MAX: none */
    uint32_t studies, study; /* components with something free; how many are done */
    size_t trial_count;      /* not whole */
    recs__progress progress;
    char stage[160];         /* which trial, told before the stage of the work */
    bool stopped, late;      /* the caller's wish; the deadline */
} search;

/* Settings with what is known of them at each rung. */
typedef struct point {
    double settings[RECS__SETTINGS_MAX];
    const recs__trial *at[RECS__RUNGS];
    bool failed;
} point;

/* ---- running a trial ---------------------------------------------------------------------- */

static int64_t elapsed(const search *s) {
    return recs__now(s->host) - s->began;
}

static int32_t tell(void *data, const char *stage, uint64_t done, uint64_t total) {
    search *s = data;
    char text[256];
    int64_t now = recs__now(s->host);
    (void)done;
    (void)total;
    if (now >= s->deadline) {
        s->late = true;
        return 1;
    }
    if (!s->options.progress)
        return 0;
    snprintf(text, sizeof text, "%s: %s", s->stage, stage);
    uint64_t whole = s->options.budget_seconds > 0.0
                         ? (uint64_t)(s->options.budget_seconds * 1000.0)
                         : s->options.trials;
    uint64_t part = s->options.budget_seconds > 0.0 ? (uint64_t)elapsed(s) : s->trial_count;
    if (s->options.progress(s->options.progress_data, text, part < whole ? part : whole, whole))
        s->stopped = true;
    return s->stopped;
}

static void set_stage(search *s, const char *what, uint32_t component, uint32_t rung) {
    const recs_tuning *t = s->tuning;
    size_t best = recs__tuning_best(t, component);
    char known[48] = "", share[24] = "";
    if (best < SIZE_MAX)
        snprintf(known, sizeof known, ", best %s %.4f", t->metric, t->trials[best].value);
    if (rung + 1 < t->rungs[component])
        snprintf(share, sizeof share, " in part");
    snprintf(s->stage, sizeof s->stage, "trial %zu, %s%s%s", s->trial_count + 1, what, share, known);
}

static double metric_of(const recs_evaluation *e, size_t row, const char *name, const char *cut) {
    char wanted[40];
    snprintf(wanted, sizeof wanted, "%s@%s", name, cut);
    for (size_t m = 0; m < recs_evaluation_metrics(e); m++)
        if (strcmp(recs_evaluation_metric_name(e, m), wanted) == 0)
            return recs_evaluation_value(e, row, m);
    return 0.0;
}

static size_t row_of(const recs_evaluation *e, const char *name) {
    for (size_t row = 0; row < recs_evaluation_rows(e); row++)
        if (strcmp(recs_evaluation_row_name(e, row), name) == 0)
            return row;
    return 0;
}

static void take_figures(const search *s, const recs_evaluation *e, recs__trial *trial) {
    size_t row = row_of(e, s->tuning->space->base.specs[trial->component].name);
    trial->value = metric_of(e, row, s->metric, s->cutoff);
    trial->recall = metric_of(e, row, "recall", s->cutoff);
    trial->ndcg = metric_of(e, row, "ndcg", s->cutoff);
    trial->coverage = metric_of(e, row, "coverage", s->cutoff);
    trial->popularity = metric_of(e, row, "popularity", s->cutoff);
    trial->users = (double)recs_evaluation_count(e, "users");
}

/* Trains text and evaluates it (one component, or all when it is NULL). */
static recs_status train_and_judge(search *s, const char *text, const char *component,
                                   uint32_t depth, double seconds[2], recs_evaluation **evaluation,
                                   recs_error *error) {
    recs_train_options how = {.struct_size = sizeof how,
                              .seed = s->options.seed,
                              .progress = tell,
                              .progress_data = s};
    recs_evaluate_options judge = {.struct_size = sizeof judge,
                                   .component = component,
                                   .cutoffs = s->cutoff,
                                   .repeats = s->options.repeats,
                                   .progress = tell,
                                   .progress_data = s};
    recs_model *model = NULL;
    recs_host quiet = *s->host;
    recs_status status = recs__parts_need(&s->parts, depth, error);
    int64_t from = recs__now(s->host);

    if (component)
        quiet.log = NULL;
    if (status == RECS_OK)
        status = recs_train(s->parts.holdout.train, text, &how, &quiet, &model, error);
    seconds[0] = (double)(recs__now(s->host) - from) / 1000.0;
    from = recs__now(s->host);
    if (status == RECS_OK)
        status = recs_evaluate(model, s->parts.judge[depth], &judge, s->host, evaluation, error);
    seconds[1] = (double)(recs__now(s->host) - from) / 1000.0;
    recs_model_release(model);
    return status;
}

/* A failure of these settings, as opposed to one of the search. */
static bool is_own_failure(recs_status status) {
    return status == RECS_ERR_ARGUMENT || status == RECS_ERR_STATE || status == RECS_ERR_LIMIT ||
           status == RECS_ERR_NUMERIC || status == RECS_ERR_DATA;
}

/* Keeps a trial: in the state file, then in the tuning, then told. */
static recs_status keep(search *s, recs__trial *trial, recs_error *error) {
    recs_status status = recs__trial_write(s->tuning, trial, s->tuning->count, &s->state, error);
    if (status) {
        recs__trial_clear(trial, s->host);
        return status;
    }
    s->trial_count += !trial->whole;
    status = recs__tuning_add(s->tuning, trial, error);
    if (status == RECS_OK && s->options.told)
        s->options.told(s->options.told_data, s->tuning, s->tuning->count - 1);
    return status;
}

static recs_status run_trial(search *s, uint32_t component, uint32_t rung, const double *settings,
                             recs_error *error) {
    const recs__spec *spec = &s->tuning->space->base.specs[component];
    recs__trial trial = {.component = component, .rung = rung};
    recs__description *one = recs__alloc_zero(s->host, 1, sizeof *one, error);
    recs_evaluation *evaluation = NULL;
    recs_error why = {0};
    double seconds[2] = {0.0, 0.0};

    if (!one)
        return RECS_ERR_MEMORY;
    one->count = 1;
    one->specs[0] = *spec;
    memcpy(one->specs[0].settings, settings, sizeof trial.settings);
    memcpy(trial.settings, settings, sizeof trial.settings);
    trial.trained = recs__description_text(one, s->host, error);
    recs__tuning_settings(s->tuning, component, rung, one->specs[0].settings);
    char *text = trial.trained ? recs__description_text(one, s->host, error) : NULL;
    recs__free(s->host, one);
    if (!text) {
        recs__trial_clear(&trial, s->host);
        return RECS_ERR_MEMORY;
    }
    set_stage(s, spec->name, component, rung);
    recs_status status = train_and_judge(s, text, spec->name, s->tuning->rungs[component] - 1 - rung,
                                         seconds, &evaluation, &why);
    recs__free(s->host, text);
    trial.train_seconds = seconds[0];
    trial.evaluate_seconds = seconds[1];
    if (status == RECS_OK)
        take_figures(s, evaluation, &trial);
    recs_evaluation_destroy(evaluation);
    bool first = true;
    for (size_t i = 0; i < s->tuning->count; i++)
        first &= s->tuning->trials[i].component != component;
    /* Where the defaults cannot be trained, what they say is about the data. */
    if (is_own_failure(status) && !first) {
        trial.failed = recs__copy_text(s->host, why.text, error);
        status = trial.failed ? RECS_OK : RECS_ERR_MEMORY;
    } else if (status && error) {
        *error = why;
    }
    if (status) {
        recs__trial_clear(&trial, s->host);
        return status;
    }
    return keep(s, &trial, error);
}

/* All components together with the best settings of each, once. */
static recs_status run_whole(search *s, recs_error *error) {
    recs_tuning *t = s->tuning;
    recs_evaluation *evaluation = NULL;
    double seconds[2];

    if (t->space->base.count < 2)
        return RECS_OK;
    for (size_t i = 0; i < t->count; i++)
        if (t->trials[i].whole && strcmp(t->trials[i].trained, t->description) == 0)
            return RECS_OK;
    set_stage(s, "the whole", 0, t->rungs[0] - 1);
    recs_status status = train_and_judge(s, t->description, NULL, 0, seconds, &evaluation, error);
    for (uint32_t c = 0; c < t->space->base.count && status == RECS_OK; c++) {
        recs__trial trial = {.component = c, .rung = t->rungs[c] - 1, .whole = true};
        trial.train_seconds = seconds[0];
        trial.evaluate_seconds = seconds[1];
        take_figures(s, evaluation, &trial);
        trial.trained = recs__copy_text(s->host, t->description, error);
        status = trial.trained ? keep(s, &trial, error) : RECS_ERR_MEMORY;
    }
    recs_evaluation_destroy(evaluation);
    return status;
}

/* ---- which comes next ------------------------------------------------------------------------ */

/* Trials of a component as points, in the order their settings were first tried. */
static size_t gather(const search *s, uint32_t component, point *points) {
    uint32_t free[RECS__SETTINGS_MAX], d = recs__space_free(s->tuning->space, component, free);
    size_t count = 0;
    for (size_t i = 0; i < s->tuning->count; i++) {
        const recs__trial *t = &s->tuning->trials[i];
        size_t p = 0;
        if (t->component != component || t->whole)
            continue;
        for (; p < count; p++) {
            bool same = true;
            for (uint32_t f = 0; f < d; f++)
                same &= points[p].settings[free[f]] == t->settings[free[f]];
            if (same)
                break;
        }
        if (p == count) {
            memset(&points[p], 0, sizeof points[p]);
            memcpy(points[count++].settings, t->settings, sizeof t->settings);
        }
        if (t->failed)
            points[p].failed = true;
        else
            points[p].at[t->rung] = t;
    }
    return count;
}

/* The metric less a fine for what the coverage lacks of the floor. */
static double worth(const search *s, const recs__trial *trial) {
    double least = recs__tuning_floor(s->tuning, trial->component, trial->rung);
    double lack = trial->coverage < least ? (least - trial->coverage) / least : 0.0;
    return trial->value - 2.0 * fabs(trial->value) * lack - lack * 1e-6;
}

/* How many points of a rung are better; ties by age. */
static size_t rank_of(const search *s, const point *points, size_t count, uint32_t rung,
                      size_t p) {
    double own = worth(s, points[p].at[rung]);
    size_t better = 0;
    for (size_t i = 0; i < count; i++) {
        if (!points[i].at[rung] || i == p)
            continue;
        double other = worth(s, points[i].at[rung]);
        better += other > own || (other == own && i < p);
    }
    return better;
}

typedef struct next_trial {
    bool any;
    uint32_t rung;
    double settings[RECS__SETTINGS_MAX];
} next_trial;

static void go_on(const point *p, uint32_t rung, next_trial *next) {
    next->any = true;
    next->rung = rung;
    memcpy(next->settings, p->settings, sizeof next->settings);
}

/* The best point of rung that did not go up, when it is among the best 1 / HALVING
 * of the rung, or in any case. */
static bool promote(const search *s, const point *points, size_t count, uint32_t rung,
                    bool in_any_case, next_trial *next) {
    size_t known = 0, chosen = SIZE_MAX, chosen_rank = SIZE_MAX;
    for (size_t p = 0; p < count; p++)
        known += points[p].at[rung] != NULL;
    for (size_t p = 0; p < count; p++) {
        if (!points[p].at[rung] || points[p].at[rung + 1] || points[p].failed)
            continue;
        size_t rank = rank_of(s, points, count, rung, p);
        if (rank < chosen_rank && (in_any_case || rank < known / HALVING)) {
            chosen = p;
            chosen_rank = rank;
        }
    }
    if (chosen == SIZE_MAX)
        return false;
    go_on(&points[chosen], rung + 1, next);
    return true;
}

/* Of a whole trial of the component, in seconds; 0 when there was none. */
static double cost_of(const search *s, uint32_t component, uint32_t rung) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < s->tuning->count; i++) {
        const recs__trial *t = &s->tuning->trials[i];
        if (t->component != component || t->rung != rung || t->whole)
            continue;
        sum += t->train_seconds + t->evaluate_seconds;
        count++;
    }
    return count ? sum / (double)count : 0.0;
}

/* So little is left that it should go to the best of the lower rungs. */
static bool is_closing(const search *s, uint32_t component, size_t trials_left) {
    uint32_t top = s->tuning->rungs[component] - 1;
    if (trials_left <= top)
        return true;
    if (s->study_deadline == INT64_MAX)
        return false;
    double left = (double)(s->study_deadline - recs__now(s->host)) / 1000.0;
    return left < 2.0 * cost_of(s, component, top);
}

static recs_status propose(const search *s, uint32_t component, const point *points, size_t count,
                           recs__tried *tried, next_trial *next, recs_error *error) {
    recs__proposer proposer = {s->tuning->space, component,
                               s->options.seed + UINT64_C(0x51ED270B) * (component + 1), tried,
                               count};
    uint32_t free[RECS__SETTINGS_MAX], rung = s->tuning->rungs[component];
    size_t wanted = recs__space_free(s->tuning->space, component, free) + 3, known = 0;

    /* Compared at the highest rung that says enough. */
    while (rung > 0 && known < wanted) {
        rung--;
        known = 0;
        for (size_t p = 0; p < count; p++)
            known += points[p].at[rung] != NULL;
    }
    for (size_t p = 0; p < count; p++) {
        memcpy(tried[p].settings, points[p].settings, sizeof tried[p].settings);
        tried[p].judged = points[p].at[rung] != NULL && !points[p].failed;
        tried[p].value = tried[p].judged ? worth(s, points[p].at[rung]) : 0.0;
    }
    next->rung = 0;
    return recs__propose(&proposer, s->host, next->settings, &next->any, error);
}

static recs_status decide(const search *s, uint32_t component, size_t trials_left,
                          next_trial *next, recs_error *error) {
    uint32_t top = s->tuning->rungs[component] - 1;
    point *points = recs__alloc(s->host, s->tuning->count, sizeof *points, error);
    recs__tried *tried = recs__alloc(s->host, s->tuning->count, sizeof *tried, error);
    recs_status status = points && tried ? RECS_OK : RECS_ERR_MEMORY;
    bool done = false;

    next->any = false;
    if (status == RECS_OK) {
        size_t count = gather(s, component, points);
        if (count == 0) {
            memcpy(next->settings, s->tuning->space->base.specs[component].settings,
                   sizeof next->settings);
            next->rung = 0;
            next->any = done = true;
        }
        /* The defaults go all the way first. */
        for (uint32_t r = 0; !done && r < top; r++)
            if (!points[0].failed && points[0].at[r] && !points[0].at[r + 1]) {
                go_on(&points[0], r + 1, next);
                done = true;
            }
        for (uint32_t r = top; !done && r-- > 0;)
            done = promote(s, points, count, r, false, next);
        bool closing = !done && is_closing(s, component, trials_left);
        for (uint32_t r = top; !done && closing && r-- > 0;)
            done = promote(s, points, count, r, true, next);
        if (!done)
            status = propose(s, component, points, count, tried, next, error);
    }
    recs__free(s->host, points);
    recs__free(s->host, tried);
    return status;
}

/* ---- one component --------------------------------------------------------------------------- */

static size_t trials_of(const search *s, uint32_t component) {
    size_t count = 0;
    for (size_t i = 0; i < s->tuning->count; i++)
        count += s->tuning->trials[i].component == component && !s->tuning->trials[i].whole;
    return count;
}

/* Trials and time are shared evenly; what one component leaves, the next may take. */
static recs_status study(search *s, uint32_t component, recs_error *error) {
    uint32_t total = s->options.trials;
    size_t most = total ? total / s->studies + (s->study < total % s->studies) : SIZE_MAX;
    int64_t now = recs__now(s->host);
    uint32_t shares = s->studies - s->study + (s->tuning->space->base.count > 1);
    recs_status status = RECS_OK;

    s->study_deadline =
        s->deadline == INT64_MAX ? INT64_MAX : now + (s->deadline - now) / (int64_t)shares;
    while (status == RECS_OK && !s->stopped) {
        size_t used = trials_of(s, component);
        next_trial next;
        if (used >= most || (used > 0 && recs__now(s->host) >= s->study_deadline))
            break;
        status = decide(s, component, most == SIZE_MAX ? SIZE_MAX : most - used, &next, error);
        if (status || !next.any)
            break;
        status = run_trial(s, component, next.rung, next.settings, error);
    }
    s->study++;
    return status;
}

/* ---- the state file ---------------------------------------------------------------------------- */

static recs_status conflict(const search *s, const char *what, const char *there,
                            const char *here, recs_error *error) {
    return recs__fail(error, RECS_ERR_CONFLICT,
                      "the state file %s is of another search: its %s is %.120s, here it is %.120s; "
                      "take another file",
                      s->state.path, what, there, here);
}

typedef struct header {
    char data[24], space[24];
    const char *text;
} header;

static const char *hex(uint64_t value, char out[24]) {
    snprintf(out, 24, "%016llx", (unsigned long long)value);
    return out;
}

static recs_status check_header(const search *s, const recs__state_line *line, const header *own,
                                recs_error *error) {
    const struct {
        const char *name, *here;
    } texts[] = {{"space", own->text},
                 {"space_hash", own->space},
                 {"data", own->data},
                 {"metric", s->tuning->metric},
                 {"validation", s->tuning->validation}};
    const struct {
        const char *name;
        double here;
    } numbers[] = {{"repeats", s->options.repeats},
                   {"seed", (double)s->options.seed},
                   {"users", (double)s->parts.users},
                   {"min_coverage", s->options.min_coverage}};
    double version;

    if (!recs__state_number(line, "recs_tune", &version) || version != 1.0)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "%s does not begin as the state file of a search", s->state.path);
    for (size_t i = 1; i < sizeof texts / sizeof *texts; i++) {
        const char *there = recs__state_text(line, texts[i].name);
        bool space = i == 1;
        if (there && strcmp(there, texts[i].here) == 0)
            continue;
        const char *shown = recs__state_text(line, texts[space ? 0 : i].name);
        return conflict(s, texts[space ? 0 : i].name, shown ? shown : "missing",
                        texts[space ? 0 : i].here, error);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double there = NAN;
        char a[32], b[32];
        if (recs__state_number(line, numbers[i].name, &there) && there == numbers[i].here)
            continue;
        snprintf(a, sizeof a, "%.9g", there);
        snprintf(b, sizeof b, "%.9g", numbers[i].here);
        return conflict(s, numbers[i].name, a, b, error);
    }
    return RECS_OK;
}

static recs_status write_header(search *s, const header *own, recs_error *error) {
    recs__state_writer w;
    recs__state_begin(&w, s->host, error);
    recs__state_add_number(&w, "recs_tune", 1.0);
    recs__state_add_text(&w, "data", own->data);
    recs__state_add_text(&w, "space", own->text);
    recs__state_add_text(&w, "space_hash", own->space);
    recs__state_add_text(&w, "metric", s->tuning->metric);
    recs__state_add_text(&w, "validation", s->tuning->validation);
    recs__state_add_number(&w, "repeats", s->options.repeats);
    recs__state_add_number(&w, "seed", (double)s->options.seed);
    recs__state_add_number(&w, "users", (double)s->parts.users);
    recs__state_add_number(&w, "min_coverage", s->options.min_coverage);
    return recs__state_append(&s->state, &w, error);
}

static recs_status take_up(search *s, const char *space, recs_error *error) {
    header own = {.text = space};
    recs__state_line line;
    uint64_t data = 0;
    bool there = false;

    if (!s->options.state)
        return RECS_OK;
    recs_status status = recs__dataset_hash(s->dataset, &data, error);
    hex(data, own.data);
    hex(recs__space_hash(s->tuning->space), own.space);
    if (status == RECS_OK)
        status = recs__state_open(&s->state, s->options.state, s->host, error);
    if (status == RECS_OK)
        status = recs__state_next(&s->state, &line, &there, error);
    if (status == RECS_OK)
        status = there ? check_header(s, &line, &own, error) : write_header(s, &own, error);
    while (status == RECS_OK && there) {
        recs__trial trial;
        recs_error why = {0};
        status = recs__state_next(&s->state, &line, &there, error);
        if (status || !there)
            break;
        status = recs__trial_read(s->tuning, &line, &trial, &why);
        if (status == RECS_ERR_DATA)
            return recs__fail(error, RECS_ERR_CORRUPT, "the state file %s, line %zu: %s",
                              s->state.path, s->state.line_number, why.text);
        if (status)
            return recs__fail(error, status, "%s", why.text);
        s->trial_count += !trial.whole;
        status = recs__tuning_add(s->tuning, &trial, error);
    }
    return status;
}

/* ---- the call ------------------------------------------------------------------------------------ */

static recs_status parse_metric(search *s, recs_error *error) {
    static const char *const names[] = {"recall", "ndcg", "precision", "hit_rate", "mrr", "map"};
    const char *text = s->options.metric ? s->options.metric : "ndcg@20", *at = strchr(text, '@');
    int64_t k = 0;
    size_t size = at ? (size_t)(at - text) : 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && at; i++) {
        if (strlen(names[i]) != size || memcmp(names[i], text, size) != 0 ||
            !recs__parse_i64(at + 1, strlen(at + 1), &k) || k < 1 || k > 1000)
            continue;
        snprintf(s->metric, sizeof s->metric, "%s", names[i]);
        snprintf(s->cutoff, sizeof s->cutoff, "%d", (int)k);
        snprintf(s->tuning->metric, sizeof s->tuning->metric, "%s@%d", names[i], (int)k);
        return RECS_OK;
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "metric is '%.60s', expected recall, ndcg, precision, hit_rate, mrr or map, @ "
                      "and a length from 1 to 1000, as in ndcg@20",
                      text);
}

static recs_status check_options(search *s, recs_error *error) {
    const recs_tune_options *o = &s->options;
    if (!(o->budget_seconds >= 0.0 && o->budget_seconds <= 1e9))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "budget_seconds is %g, expected a number above 0 and at most 1e9, or 0 for "
                          "none",
                          o->budget_seconds);
    if (o->budget_seconds == 0.0 && o->trials == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "neither budget_seconds nor trials says when the search is to end");
    if (o->repeats < RECS_REPEATS_EXCLUDE || o->repeats > RECS_REPEATS_ONLY)
        return recs__fail(error, RECS_ERR_ARGUMENT, "repeats is %d, expected 0, 1 or 2",
                          (int)o->repeats);
    if (!(o->min_coverage >= 0.0 && o->min_coverage <= 1.0))
        return recs__fail(error, RECS_ERR_ARGUMENT, "min_coverage is %g, expected 0 to 1",
                          o->min_coverage);
    return parse_metric(s, error);
}

static recs_status prepare(search *s, const char *space, recs_error *error) {
    recs_tuning *t = s->tuning = recs__alloc_zero(s->host, 1, sizeof *t, error);
    uint32_t free[RECS__SETTINGS_MAX];
    if (!t)
        return RECS_ERR_MEMORY;
    t->host = *s->host;
    t->floor = s->options.min_coverage;
    recs_status status = check_options(s, error);
    if (status == RECS_OK && !(t->space = recs__alloc(s->host, 1, sizeof *t->space, error)))
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = recs__space_parse(t->space, space, error);
    for (uint32_t c = 0; status == RECS_OK && c < t->space->base.count; c++)
        s->studies += recs__space_free(t->space, c, free) > 0;
    if (status == RECS_OK && s->studies == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "nothing to search in \"%.200s\": leave the parentheses away, or free a "
                          "setting, as in als(alpha=1..100 log, factors=64|128, regularization=?)",
                          space);
    if (status == RECS_OK && s->options.trials && s->options.trials < s->studies)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "trials is %u, expected at least one for each of the %u components with "
                          "something to search",
                          s->options.trials, s->studies);
    if (status == RECS_OK)
        status = recs__parts_make(&s->parts, s->dataset, s->options.validation, s->options.users,
                                  s->options.seed, error);
    if (status)
        return status;
    s->parts.progress = tell;
    s->parts.progress_data = s;
    for (uint32_t c = 0; c < t->space->base.count; c++)
        t->rungs[c] = recs__tuning_rungs(t->space, c);
    snprintf(t->validation, sizeof t->validation, "%s", s->parts.holdout.how);
    return take_up(s, space, error);
}

/* An end by the clock or by the caller is none of failure once there is a trial. */
static recs_status settle(const search *s, recs_status status, recs_error *error) {
    bool ended = status == RECS_ERR_CANCELLED && (s->stopped || s->late);
    if (ended && s->trial_count > 0)
        return RECS_OK;
    if (ended && s->late && !s->stopped)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "the budget of %.9g s ended before the first trial, the defaults, was "
                          "done; give more, or a sample of the log",
                          s->options.budget_seconds);
    return status;
}

static recs_status run_all(search *s, recs_error *error) {
    uint32_t free[RECS__SETTINGS_MAX];
    recs_status status = RECS_OK;

    for (uint32_t c = 0; c < s->tuning->space->base.count && status == RECS_OK && !s->stopped; c++)
        if (recs__space_free(s->tuning->space, c, free) > 0)
            status = study(s, c, error);
    status = settle(s, status, error);
    if (status == RECS_OK)
        status = recs__tuning_describe(s->tuning, error);
    if (status == RECS_OK && !s->stopped && !s->late)
        status = settle(s, run_whole(s, error), error);
    s->tuning->stopped = s->stopped;
    return status;
}

recs_status recs_tune(const recs_dataset *dataset, const char *space,
                      const recs_tune_options *options, const recs_host *host,
                      recs_tuning **tuning, recs_error *error) {
    recs_host lent;
    search s = {.dataset = dataset, .host = &lent, .state = {.descriptor = -1}};
    if (dataset == NULL || space == NULL || tuning == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          dataset == NULL ? "dataset"
                          : space == NULL ? "space"
                                          : "tuning");
    recs_status status = recs__host_init(&lent, host, error);
    if (status == RECS_OK)
        status = recs__lent_copy(&s.options, sizeof s.options, options, "recs_tune_options", error);
    if (status)
        return status;
    recs_error why = {0}; /* a search that was ended is none of failure and leaves no text */
    s.began = recs__now(&lent);
    s.state.host = &lent;
    s.deadline = s.study_deadline = INT64_MAX;
    status = prepare(&s, space, &why);
    if (s.options.budget_seconds > 0.0)
        s.deadline = s.began + (int64_t)(s.options.budget_seconds * 1000.0);
    if (status == RECS_OK)
        status = run_all(&s, &why);
    if (status && error)
        *error = why;
    recs__parts_clear(&s.parts);
    recs__state_close(&s.state);
    if (status == RECS_OK)
        *tuning = s.tuning;
    else
        recs_tuning_destroy(s.tuning);
    return status;
}
