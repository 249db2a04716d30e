/* blend_learning.c - the search for the weights, and whether to believe it.
 *
 * Maximised over the simplex: the mean metric of the validation users minus
 * PRIOR_USERS / users times the squared distance from equal weights, so that a
 * handful of users moves the weights little and thousands are followed. By
 * coordinate ascent: along the line from where it stands to each corner, a
 * grid of tenths, then steps of 0.05, 0.02, 0.01 and 0.005 around the best,
 * until a round gains nothing. No randomness, and sums run over users in
 * order, so the weights do not depend on threads.
 *
 * Whether the gain is real is measured on users the weights were not learned
 * on: FOLDS times on all but a fold, judged on the fold. When that loses
 * against equal weights, these stand. The interval told beside is a bootstrap
 * over the users (percentiles of BOOTSTRAPS resamples, seeded).
 *
 * Cost: (FOLDS + 1) * about 20 values a line, two to four rounds of a line a
 * component; blend_cases.h says what a value costs. */
#include "train/blend_learning.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "train/blend_cases.h"
#include "train/holdout.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FOLDS 4
#define NO_FOLD FOLDS
#define ROUNDS 6
#define BOOTSTRAPS 1000
#define PRIOR_USERS 5.0
/* A weight below this is nothing: the term is left out. */
#define LEAST_WEIGHT 0.005

float recs__scale_of(double sum, uint64_t count) {
    double constant = count && sum > 0.0 ? (double)count / sum : 1.0;
    return isfinite((float)constant) && (float)constant > 0.0f ? (float)constant : 1.0f;
}

/* ---- the search -------------------------------------------------------------------------- */

typedef struct search {
    const recs__cases *cases;
    recs__progress *progress;
    double *values; /* [users] */
    uint32_t fold;  /* users of it are left out; NO_FOLD: none */
    uint64_t tried;
} search;

static recs_status objective(search *s, const double *w, double *out, recs_error *error) {
    uint32_t n = s->cases->components;
    double sum = 0.0, apart = 0.0, users = 0.0;
    recs_status status =
        recs__progress_tell(s->progress, "blend weights", s->tried++, 0, error);
    if (status)
        return status;
    recs__cases_value(s->cases, w, s->values);
    for (uint32_t u = 0; u < s->cases->users; u++) {
        if (u % FOLDS == s->fold)
            continue;
        sum += s->values[u];
        users += 1.0;
    }
    for (uint32_t t = 0; t < n; t++)
        apart += (w[t] - 1.0 / n) * (w[t] - 1.0 / n);
    *out = users > 0.0 ? (sum - PRIOR_USERS * apart) / users : 0.0;
    return RECS_OK;
}

/* The point at weight x of component c, the others in the proportions of w. */
static void point_on_line(const double *w, uint32_t n, uint32_t c, double x, double *out) {
    double others = 1.0 - w[c];
    for (uint32_t t = 0; t < n; t++)
        out[t] = others > 1e-9 ? w[t] * (1.0 - x) / others : (1.0 - x) / (n - 1);
    out[c] = x;
}

/* Moves w to the best point of a line; *best is its objective. */
static recs_status search_line(search *s, uint32_t c, double *w, double *best, bool *moved,
                               recs_error *error) {
    static const double steps[] = {0.1, 0.05, 0.02, 0.01, 0.005};
    uint32_t n = s->cases->components;
    double at[RECS__TERMS_MAX], value, x = w[c];
    double low = 0.0, high = 1.0;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double found = x;
        int first = (int)ceil((low - 1e-9) / steps[i]), last = (int)floor((high + 1e-9) / steps[i]);
        for (int g = first; g <= last; g++) {
            double tried = (double)g * steps[i];
            if (fabs(tried - x) < 1e-9)
                continue;
            point_on_line(w, n, c, tried, at);
            recs_status status = objective(s, at, &value, error);
            if (status)
                return status;
            if (value > *best + 1e-12) {
                *best = value;
                found = tried;
                *moved = true;
            }
        }
        x = found;
        low = x - steps[i] > 0.0 ? x - steps[i] : 0.0;
        high = x + steps[i] < 1.0 ? x + steps[i] : 1.0;
    }
    point_on_line(w, n, c, x, at);
    memcpy(w, at, n * sizeof *w);
    return RECS_OK;
}

static recs_status find_weights(search *s, uint32_t fold, double *w, recs_error *error) {
    uint32_t n = s->cases->components;
    double best;
    bool moved = true;

    s->fold = fold;
    for (uint32_t t = 0; t < n; t++)
        w[t] = 1.0 / n;
    recs_status status = objective(s, w, &best, error);
    for (int round = 0; round < ROUNDS && moved && status == RECS_OK; round++) {
        moved = false;
        /* Of two components both lines are the same one. */
        for (uint32_t c = 0; c < (n == 2 ? 1 : n) && status == RECS_OK; c++)
            status = search_line(s, c, w, &best, &moved, error);
        moved = moved && n > 2;
    }
    return status;
}

/* ---- whether it holds on others ----------------------------------------------------------- */

typedef struct verdict {
    double metric, equal;      /* mean over all, of the learned and of equal weights */
    double gain, low, high;    /* on other users, with its interval of 95 % */
} verdict;

static double mean(const double *values, uint32_t count) {
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++)
        sum += values[i];
    return sum / count;
}

static void sort_doubles(double *values, size_t count) {
    for (size_t gap = count / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < count; i++) {
            double value = values[i];
            size_t j = i;
            for (; j >= gap && values[j - gap] > value; j -= gap)
                values[j] = values[j - gap];
            values[j] = value;
        }
}

static void bootstrap(const double *gains, uint32_t count, uint64_t seed, double *means,
                      verdict *out) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t b = 0; b < BOOTSTRAPS; b++) {
        double sum = 0.0;
        for (uint32_t i = 0; i < count; i++)
            sum += gains[recs__random_below(&random, count)];
        means[b] = sum / count;
    }
    sort_doubles(means, BOOTSTRAPS);
    out->low = means[BOOTSTRAPS / 40];
    out->high = means[BOOTSTRAPS - 1 - BOOTSTRAPS / 40];
}

static recs_status judge(search *s, const double *learned, uint64_t seed, verdict *out,
                         recs_error *error) {
    uint32_t users = s->cases->users, n = s->cases->components;
    double w[RECS__TERMS_MAX];
    double *gains = recs__alloc(s->cases->host, 2 * (size_t)users + BOOTSTRAPS, sizeof *gains,
                                error);
    recs_status status = gains ? RECS_OK : RECS_ERR_MEMORY;

    for (uint32_t fold = 0; fold < FOLDS && status == RECS_OK; fold++) {
        status = find_weights(s, fold, w, error);
        if (status)
            break;
        recs__cases_value(s->cases, w, s->values);
        for (uint32_t u = fold; u < users; u += FOLDS)
            gains[u] = s->values[u];
    }
    if (status == RECS_OK) {
        double *equal = gains + users;
        for (uint32_t t = 0; t < n; t++)
            w[t] = 1.0 / n;
        recs__cases_value(s->cases, w, equal);
        for (uint32_t u = 0; u < users; u++)
            gains[u] -= equal[u];
        out->gain = mean(gains, users);
        out->equal = mean(equal, users);
        recs__cases_value(s->cases, learned, s->values);
        out->metric = mean(s->values, users);
        bootstrap(gains, users, seed, equal + users, out);
    }
    recs__free(s->cases->host, gains);
    return status;
}

/* ---- one blend ------------------------------------------------------------------------------ */

/* Terms that weigh nothing go; the others have three digits. */
static void set_weights(recs__description *d, recs__spec *spec, const double *w) {
    uint32_t kept = 0;
    for (uint32_t t = 0; t < spec->term_count; t++) {
        if (w[t] < LEAST_WEIGHT)
            continue;
        spec->terms[kept] = spec->terms[t];
        spec->terms[kept++].weight = (float)(floor(w[t] * 1000.0 + 0.5) / 1000.0);
    }
    d->term_count -= spec->term_count - kept;
    spec->term_count = kept;
    spec->weights = RECS__WEIGHTS_LEARNED;
}

static void set_equal(recs__description *d, recs__spec *spec) {
    double w[RECS__TERMS_MAX];
    for (uint32_t t = 0; t < spec->term_count; t++)
        w[t] = 1.0 / spec->term_count;
    set_weights(d, spec, w);
}

static void tell(const recs__description *d, uint32_t index, const recs__holdout *holdout,
                 const recs__cases *cases, const verdict *v, bool believed, const recs_host *host) {
    static const char *const metrics[] = {"ndcg", "recall"};
    char *text = recs__spec_text(d, index, host, NULL);
    const char *name = d->specs[index].name;
    recs__host_log(host, RECS_LOG_INFO,
                   "%s = %s: %s@%u %.4f on %u users held out (%s), equal weights %.4f; learned on "
                   "some and judged on others the gain is %+.4f (95 %%: %+.4f to %+.4f)%s",
                   name, text ? text : "blend", metrics[cases->metric], cases->k,
                   believed ? v->metric : v->equal, cases->users, holdout->how, v->equal, v->gain,
                   v->low, v->high, believed ? "" : ", so equal weights stand");
    recs__free(host, text);
}

typedef struct learning {
    recs__description *description;
    recs__holdout holdout;
    recs_model *model;
    recs__training *valid;
    recs__progress progress;
    recs__learning_sample *sample;
    uint64_t seed;
    const recs_host *host;
} learning;

static recs_status learn(learning *l, uint32_t index, recs_error *error) {
    recs__description *d = l->description;
    recs__spec *spec = &d->specs[index];
    const char *names[RECS__TERMS_MAX];
    double w[RECS__TERMS_MAX];
    verdict v = {0};
    recs__cases cases = {.host = l->host, .components = spec->term_count};
    search s = {.cases = &cases, .progress = &l->progress};

    cases.k = (uint32_t)spec->settings[RECS__BLEND_K];
    cases.metric = (recs__blend_metric)spec->settings[RECS__BLEND_METRIC];
    cases.repeats = (recs__blend_repeats)spec->settings[RECS__BLEND_REPEATS];
    for (uint32_t t = 0; t < spec->term_count; t++)
        names[t] = d->specs[spec->terms[t].component].name;
    recs_status status = recs__cases_make(&cases, l->model, l->valid, names, &l->progress,
                                          l->sample, error);
    if (status == RECS_OK && cases.users < RECS__LEARNING_FEWEST) {
        set_equal(d, spec);
        recs__host_log(l->host, RECS_LOG_WARNING,
                       "%s: %u users held out (%s) are too few to learn weights from, expected at "
                       "least %d: the weights are equal",
                       spec->name, cases.users, l->holdout.how, RECS__LEARNING_FEWEST);
    } else if (status == RECS_OK) {
        s.values = recs__alloc(l->host, cases.users, sizeof *s.values, error);
        status = s.values ? find_weights(&s, NO_FOLD, w, error) : RECS_ERR_MEMORY;
        if (status == RECS_OK)
            status = judge(&s, w, l->seed, &v, error);
        if (status == RECS_OK) {
            bool believed = v.gain > 0.0;
            if (believed)
                set_weights(d, spec, w);
            else
                set_equal(d, spec);
            tell(d, index, &l->holdout, &cases, &v, believed, l->host);
        }
        recs__free(l->host, s.values);
    }
    recs__cases_clear(&cases);
    return status;
}

/* ---- the held out model ----------------------------------------------------------------------- */

/* The trained components that the blends are made of, as a description. */
static char *components_text(const recs__description *d, const recs_host *host,
                             recs_error *error) {
    bool wanted[RECS__COMPONENTS_MAX] = {false};
    recs__description *few = recs__alloc_zero(host, 1, sizeof *few, error);
    if (!few)
        return NULL;
    for (uint32_t c = 0; c < d->count; c++)
        for (uint32_t t = 0; d->specs[c].weights == RECS__WEIGHTS_TO_LEARN &&
                             t < d->specs[c].term_count; t++)
            wanted[d->specs[c].terms[t].component] = true;
    for (uint32_t c = 0; c < d->count; c++)
        if (wanted[c])
            few->specs[few->count++] = d->specs[c];
    char *text = recs__description_text(few, host, error);
    recs__free(host, few);
    return text;
}

static recs_status train_held_out(learning *l, const recs_dataset *dataset,
                                  const recs_train_options *options, const recs__spec *first,
                                  recs_error *error) {
    recs_train_options how = {.struct_size = sizeof how,
                              .seed = options->seed,
                              .progress = options->progress,
                              .progress_data = options->progress_data};
    recs_status status =
        recs__holdout_make(&l->holdout, dataset,
                           (recs__holdout_how)first->settings[RECS__BLEND_VALIDATION],
                           first->settings[RECS__BLEND_SHARE], options->seed, error);
    if (status || l->holdout.users < RECS__LEARNING_FEWEST)
        return status;
    char *text = components_text(l->description, l->host, error);
    status = text ? recs_train(l->holdout.train, text, &how, l->host, &l->model, error)
                  : RECS_ERR_MEMORY;
    recs__free(l->host, text);
    if (status == RECS_OK)
        status = recs__training_build(&l->valid, l->holdout.valid, l->host, error);
    return status;
}

recs_status recs__blends_learn(recs__description *description, const recs_dataset *dataset,
                               const recs_train_options *options, const recs_host *host,
                               recs__learning_sample *sample, recs_error *error) {
    learning l = {.description = description, .sample = sample, .host = host,
                  .seed = options->seed};
    recs_status status = RECS_OK;
    bool made = false;

    recs__progress_init(&l.progress, options->progress, options->progress_data, host);
    for (uint32_t c = 0; c < description->count && status == RECS_OK; c++) {
        recs__spec *spec = &description->specs[c];
        if (spec->weights != RECS__WEIGHTS_TO_LEARN)
            continue;
        if (!made)
            status = train_held_out(&l, dataset, options, spec, error);
        made = true;
        if (status == RECS_OK && l.valid) {
            status = learn(&l, c, error);
        } else if (status == RECS_OK) {
            set_equal(description, spec);
            recs__host_log(host, RECS_LOG_WARNING,
                           "%s: %u users have events in both parts of a cut by %s, expected at "
                           "least %d to learn weights from: the weights are equal",
                           spec->name, l.holdout.users, l.holdout.how, RECS__LEARNING_FEWEST);
        }
    }
    recs_model_release(l.model);
    recs__training_destroy(l.valid);
    recs__holdout_clear(&l.holdout);
    return status;
}
