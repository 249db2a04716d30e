/* tuning.c - the handle a search ends in: reading it, and its lines in the
 * state file. */
#include "train/tuning.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define FACTOR 3
#define LEAST_ITERATIONS 3

void recs__trial_clear(recs__trial *trial, const recs_host *host) {
    recs__free(host, trial->trained);
    recs__free(host, trial->failed);
    recs__free(host, trial->varied);
    trial->trained = trial->failed = trial->varied = NULL;
}

/* The free settings as the description has them. */
static char *vary(const recs_tuning *tuning, const recs__trial *trial, recs_error *error) {
    const recs__spec *spec = &tuning->space->base.specs[trial->component];
    uint32_t free[RECS__SETTINGS_MAX], count = 0;
    char *text = recs__alloc_zero(&tuning->host, strlen(trial->trained) + 1, 1, error), *to = text;

    if (spec->trainer && !trial->whole)
        count = recs__space_free(tuning->space, trial->component, free);
    for (uint32_t i = 0; i < count && text; i++) {
        const char *name = spec->trainer->settings[free[i]].name, *at = trial->trained;
        size_t size = strlen(name);
        while ((at = strstr(at, name)) && !(at[size] == '=' && (at[-1] == '(' || at[-1] == ' ')))
            at += size;
        if (!at)
            continue;
        if (to > text) {
            memcpy(to, ", ", 2);
            to += 2;
        }
        memcpy(to, at, strcspn(at, ",)"));
        to += strcspn(at, ",)");
    }
    return text;
}

recs_status recs__tuning_add(recs_tuning *tuning, recs__trial *trial, recs_error *error) {
    void *block = tuning->trials;
    recs_status status = recs__grow(&tuning->host, &block, &tuning->capacity, tuning->count + 1,
                                    sizeof *tuning->trials, error);
    tuning->trials = block;
    if (status == RECS_OK && !(trial->varied = vary(tuning, trial, error)))
        status = RECS_ERR_MEMORY;
    if (status)
        recs__trial_clear(trial, &tuning->host);
    else
        tuning->trials[tuning->count++] = *trial;
    return status;
}

void recs_tuning_destroy(recs_tuning *tuning) {
    if (!tuning)
        return;
    recs_host host = tuning->host;
    for (size_t i = 0; i < tuning->count; i++)
        recs__trial_clear(&tuning->trials[i], &host);
    recs__free(&host, tuning->trials);
    recs__free(&host, tuning->description);
    recs__free(&host, tuning->space);
    recs__free(&host, tuning);
}

/* ---- the state file ---------------------------------------------------------------------- */

recs_status recs__trial_write(const recs_tuning *tuning, const recs__trial *trial, size_t index,
                              recs__state *state, recs_error *error) {
    recs__state_writer w;
    recs__state_begin(&w, &tuning->host, error);
    recs__state_add_number(&w, "trial", (double)index + 1.0);
    recs__state_add_text(&w, "component", tuning->space->base.specs[trial->component].name);
    recs__state_add_number(&w, "whole", trial->whole);
    recs__state_add_number(&w, "rung", trial->rung);
    recs__state_add_text(&w, "trained", trial->trained);
    if (trial->failed) {
        recs__state_add_text(&w, "failed", trial->failed);
    } else {
        recs__state_add_number(&w, "value", trial->value);
        recs__state_add_number(&w, "recall", trial->recall);
        recs__state_add_number(&w, "ndcg", trial->ndcg);
        recs__state_add_number(&w, "coverage", trial->coverage);
        recs__state_add_number(&w, "popularity", trial->popularity);
        recs__state_add_number(&w, "users", trial->users);
    }
    recs__state_add_number(&w, "train_seconds", trial->train_seconds);
    recs__state_add_number(&w, "evaluate_seconds", trial->evaluate_seconds);
    return recs__state_append(state, &w, error);
}

static recs_status missing(const char *what, recs_error *error) {
    return recs__fail(error, RECS_ERR_DATA, "'%s' is missing or not of this search", what);
}

/* Settings as the description that was trained has them. */
static recs_status read_settings(const recs_tuning *tuning, recs__trial *trial,
                                 recs_error *error) {
    const recs__spec *spec = &tuning->space->base.specs[trial->component];
    recs__description *d = recs__alloc(&tuning->host, 1, sizeof *d, error);
    recs_error why = {0};
    if (!d)
        return RECS_ERR_MEMORY;
    recs_status status = recs__description_parse(d, trial->trained, &why);
    if (status || d->count != 1 || d->specs[0].trainer != spec->trainer ||
        strcmp(d->specs[0].name, spec->name) != 0)
        status = missing("trained", error);
    else
        memcpy(trial->settings, d->specs[0].settings, sizeof trial->settings);
    recs__free(&tuning->host, d);
    return status;
}

recs_status recs__trial_read(const recs_tuning *tuning, const recs__state_line *line,
                             recs__trial *trial, recs_error *error) {
    const char *component = recs__state_text(line, "component");
    const char *trained = recs__state_text(line, "trained");
    const char *failed = recs__state_text(line, "failed");
    const recs__description *base = &tuning->space->base;
    double rung, whole;
    const struct {
        const char *name;
        double *to;
    } figures[] = {{"value", &trial->value},       {"recall", &trial->recall},
                   {"ndcg", &trial->ndcg},         {"coverage", &trial->coverage},
                   {"popularity", &trial->popularity}, {"users", &trial->users}};

    memset(trial, 0, sizeof *trial);
    if (!component || !trained)
        return missing(component ? "trained" : "component", error);
    while (trial->component < base->count &&
           strcmp(base->specs[trial->component].name, component) != 0)
        trial->component++;
    if (trial->component == base->count)
        return missing("component", error);
    if (!recs__state_number(line, "rung", &rung) || !(rung >= 0.0) || !(rung < tuning->rungs[trial->component]) ||
        rung != floor(rung))
        return missing("rung", error);
    if (!recs__state_number(line, "whole", &whole))
        return missing("whole", error);
    trial->rung = (uint32_t)rung;
    trial->whole = whole != 0.0;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && !failed; i++)
        if (!recs__state_number(line, figures[i].name, figures[i].to))
            return missing(figures[i].name, error);
    if (!recs__state_number(line, "train_seconds", &trial->train_seconds) ||
        !recs__state_number(line, "evaluate_seconds", &trial->evaluate_seconds))
        return missing("train_seconds", error);
    trial->trained = recs__copy_text(&tuning->host, trained, error);
    if (trial->trained && failed)
        trial->failed = recs__copy_text(&tuning->host, failed, error);
    recs_status status = trial->trained && (!failed || trial->failed) ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK && !trial->whole)
        status = read_settings(tuning, trial, error);
    if (status)
        recs__trial_clear(trial, &tuning->host);
    return status;
}

/* ---- rungs ------------------------------------------------------------------------------- */

static size_t iterations_of(const recs__trainer *trainer) {
    size_t i = 0;
    while (i < trainer->setting_count && strcmp(trainer->settings[i].name, "iterations") != 0)
        i++;
    return i;
}

uint32_t recs__tuning_rungs(const recs__space *space, uint32_t component) {
    const recs__spec *spec = &space->base.specs[component];
    size_t i = spec->trainer ? iterations_of(spec->trainer) : 0;
    uint32_t rungs = 1;
    if (!spec->trainer || i == spec->trainer->setting_count || space->ranges[component][i].free)
        return 1;
    for (double left = spec->settings[i] / FACTOR; rungs < RECS__RUNGS && left >= LEAST_ITERATIONS;
         left /= FACTOR)
        rungs++;
    return rungs;
}

void recs__tuning_settings(const recs_tuning *tuning, uint32_t component, uint32_t rung,
                           double settings[RECS__SETTINGS_MAX]) {
    const recs__trainer *trainer = tuning->space->base.specs[component].trainer;
    for (uint32_t r = rung + 1; r < tuning->rungs[component]; r++)
        settings[iterations_of(trainer)] /= FACTOR;
    if (rung + 1 < tuning->rungs[component])
        settings[iterations_of(trainer)] = floor(settings[iterations_of(trainer)]);
}

/* ---- which is best ------------------------------------------------------------------------- */

static const recs__trial *first_at(const recs_tuning *tuning, uint32_t component, uint32_t rung) {
    for (size_t i = 0; i < tuning->count; i++) {
        const recs__trial *t = &tuning->trials[i];
        if (t->component == component && t->rung == rung && !t->whole && !t->failed)
            return t;
    }
    return NULL;
}

double recs__tuning_floor(const recs_tuning *tuning, uint32_t component, uint32_t rung) {
    const recs__trial *here = first_at(tuning, component, rung);
    const recs__trial *top = first_at(tuning, component, tuning->rungs[component] - 1);
    if (rung == tuning->rungs[component] - 1 || !here || !top || !(top->coverage > 0.0) ||
        here->coverage >= top->coverage)
        return tuning->floor;
    return tuning->floor * here->coverage / top->coverage;
}

size_t recs__tuning_best(const recs_tuning *tuning, uint32_t component) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < tuning->count; i++) {
        const recs__trial *t = &tuning->trials[i], *b = best < SIZE_MAX ? &tuning->trials[best] : t;
        if (t->component != component || t->whole || t->failed || t->rung < b->rung)
            continue;
        double least = recs__tuning_floor(tuning, component, t->rung);
        bool met = t->coverage >= least, best_met = b->coverage >= least;
        if (best == SIZE_MAX || t->rung > b->rung || (met && !best_met) ||
            (met == best_met && (met ? t->value > b->value : t->coverage > b->coverage)))
            best = i;
    }
    return best;
}

recs_status recs__tuning_describe(recs_tuning *tuning, recs_error *error) {
    recs__description *d = recs__alloc(&tuning->host, 1, sizeof *d, error);
    if (!d)
        return RECS_ERR_MEMORY;
    *d = tuning->space->base;
    for (uint32_t c = 0; c < d->count; c++) {
        size_t best = recs__tuning_best(tuning, c);
        if (best < SIZE_MAX)
            memcpy(d->specs[c].settings, tuning->trials[best].settings,
                   sizeof d->specs[c].settings);
    }
    char *text = recs__description_text(d, &tuning->host, error);
    recs__free(&tuning->host, d);
    if (!text)
        return RECS_ERR_MEMORY;
    recs__free(&tuning->host, tuning->description);
    tuning->description = text;
    return RECS_OK;
}

/* ---- getters ------------------------------------------------------------------------------- */

const char *recs_tuning_description(const recs_tuning *tuning) {
    return tuning->description;
}

int32_t recs_tuning_met(const recs_tuning *tuning) {
    uint32_t free[RECS__SETTINGS_MAX];
    for (uint32_t c = 0; c < tuning->space->base.count; c++) {
        size_t best = recs__tuning_best(tuning, c);
        if (recs__space_free(tuning->space, c, free) == 0)
            continue;
        if (best == SIZE_MAX || tuning->trials[best].rung + 1 < tuning->rungs[c] ||
            !(tuning->trials[best].coverage >= tuning->floor))
            return 0;
    }
    return 1;
}

int32_t recs_tuning_stopped(const recs_tuning *tuning) {
    return tuning->stopped;
}

const char *recs_tuning_validation(const recs_tuning *tuning) {
    return tuning->validation;
}

size_t recs_tuning_trials(const recs_tuning *tuning) {
    return tuning->count;
}

const char *recs_tuning_component(const recs_tuning *tuning, size_t trial) {
    return trial < tuning->count
               ? tuning->space->base.specs[tuning->trials[trial].component].name
               : NULL;
}

const char *recs_tuning_trained(const recs_tuning *tuning, size_t trial) {
    return trial < tuning->count ? tuning->trials[trial].trained : NULL;
}

const char *recs_tuning_varied(const recs_tuning *tuning, size_t trial) {
    return trial < tuning->count ? tuning->trials[trial].varied : NULL;
}

const char *recs_tuning_failed(const recs_tuning *tuning, size_t trial) {
    return trial < tuning->count ? tuning->trials[trial].failed : NULL;
}

double recs_tuning_value(const recs_tuning *tuning, size_t trial, const char *name) {
    if (trial >= tuning->count || tuning->trials[trial].failed)
        return NAN;
    const recs__trial *t = &tuning->trials[trial];
    double share = 1.0;
    for (uint32_t r = t->rung + 1; r < tuning->rungs[t->component]; r++)
        share /= FACTOR;
    const struct {
        const char *name;
        double value;
    } figures[] = {{"value", t->value},
                   {"recall", t->recall},
                   {"ndcg", t->ndcg},
                   {"coverage", t->coverage},
                   {"popularity", t->popularity},
                   {"users", t->users},
                   {"share", share},
                   {"train_seconds", t->train_seconds},
                   {"evaluate_seconds", t->evaluate_seconds},
                   {"whole", t->whole}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].value;
    return NAN;
}

size_t recs_tuning_best(const recs_tuning *tuning, const char *component) {
    for (uint32_t c = 0; c < tuning->space->base.count; c++)
        if (strcmp(tuning->space->base.specs[c].name, component) == 0)
            return recs__tuning_best(tuning, c);
    return SIZE_MAX;
}
