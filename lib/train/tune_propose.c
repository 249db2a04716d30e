/* tune_propose.c - first points that fill the space, then where a Gaussian
 * process expects most.
 *
 * The first 2 + 2d points (at most 10) are those of an additive recurrence of
 * the d-dimensional golden ratio (Roberts, "The unreasonable effectiveness of
 * quasirandom sequences", 2018), shifted by the seed: they cover the space more
 * evenly than random ones. After them a Gaussian process with a squared
 * exponential kernel is fitted to what is known (Rasmussen and Williams,
 * "Gaussian Processes for Machine Learning", 2006, algorithm 2.1), values below
 * the middle one raised to it so that a cliff does not bend the surface near the
 * top; of DRAWS points, half of them near the best three, the one with the highest mean
 * plus a share of its deviation is taken (Srinivas et al. 2010). What it was
 * chosen over, and by how much, is in docs/tuning.md.
 *
 * Arithmetic in doubles without libm but sqrt, so the same everywhere. */
#include "train/tune_propose.h"

#include "base/math.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

#define MOST_FREE RECS__SETTINGS_MAX
#define MOST_KNOWN 200 /* of the judged, the latest */
#define DRAWS 300
#define ATTEMPTS 1000
#define NOISE 0.05     /* variance, where the best is 1 above the middle */
#define DEVIATIONS 0.35
#define LENGTH 0.25    /* of the kernel, the space being 1 wide */
#define STEP 0.15

typedef struct surface {
    const recs__proposer *p;
    uint32_t free[MOST_FREE], d;
    size_t known;            /* points the process is fitted to */
    const recs__tried *best[3];
    /* Of the process, in working memory: places [known][d], the Cholesky factor
     * [known][known], the residuals solved by it, and a row. */
    double *places, *factor, *solved, *row;
} surface;

static double place_of(const surface *s, const recs__tried *tried, uint32_t dim) {
    uint32_t setting = s->free[dim];
    return recs__range_place(&s->p->space->ranges[s->p->component][setting],
                             tried->settings[setting]);
}

/* ---- points that fill the space ---------------------------------------------------------- */

/* The positive root of x^(d + 1) = x + 1, by Newton's steps. */
static double golden(uint32_t d) {
    double x = 2.0;
    for (int i = 0; i < 30; i++) {
        double power = 1.0;
        for (uint32_t k = 0; k < d; k++)
            power *= x;
        x -= (power * x - x - 1.0) / ((d + 1) * power - 1.0);
    }
    return x;
}

static void filling_point(const surface *s, uint64_t n, double *out) {
    double phi = golden(s->d), step = 1.0;
    recs__random random;
    recs__random_seed(&random, s->p->seed);
    for (uint32_t i = 0; i < s->d; i++) {
        double shift = recs__random_double(&random);
        step /= phi;
        out[i] = shift + (double)n * step;
        out[i] -= floor(out[i]);
    }
}

/* ---- the process ----------------------------------------------------------------------------- */

static double kernel(const surface *s, const double *x, const double *y) {
    double sum = 0.0;
    for (uint32_t i = 0; i < s->d; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    return recs__exp2(-0.7213475204444817 * sum / (LENGTH * LENGTH)); /* e^(-r^2 / 2 l^2) */
}

/* Solves L z = v in place. */
static void forward(const surface *s, double *v) {
    for (size_t i = 0; i < s->known; i++) {
        const double *row = s->factor + i * s->known;
        for (size_t j = 0; j < i; j++)
            v[i] -= row[j] * v[j];
        v[i] /= row[i];
    }
}

/* How many of the values are above. */
static size_t above(const double *values, size_t count, double value) {
    size_t more = 0;
    for (size_t i = 0; i < count; i++)
        more += values[i] > value;
    return more;
}

/* Values between 0, the middle one and all below it, and 1, the best. */
static void level(const surface *s, double *values) {
    size_t middle = s->known / 2 > s->d + 2 ? s->known / 2 : s->d + 2;
    double low = HUGE_VAL, high = -HUGE_VAL, sum = 0.0;
    for (size_t i = 0; i < s->known; i++) {
        high = values[i] > high ? values[i] : high;
        if (above(values, s->known, values[i]) <= middle && values[i] < low)
            low = values[i];
    }
    for (size_t i = 0; i < s->known; i++) {
        values[i] = high > low && values[i] > low ? (values[i] - low) / (high - low) : 0.0;
        sum += values[i];
    }
    for (size_t i = 0; i < s->known; i++)
        values[i] -= sum / (double)s->known;
}

static void fit(surface *s) {
    size_t n = 0;
    for (size_t t = s->p->count; t-- > 0 && n < s->known;) {
        if (!s->p->tried[t].judged)
            continue;
        for (uint32_t i = 0; i < s->d; i++)
            s->places[n * s->d + i] = place_of(s, &s->p->tried[t], i);
        s->solved[n++] = s->p->tried[t].value;
    }
    level(s, s->solved);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double *row = s->factor + i * n, *other = s->factor + j * n;
            double sum = kernel(s, s->places + i * s->d, s->places + j * s->d) + (i == j) * NOISE;
            for (size_t k = 0; k < j; k++)
                sum -= row[k] * other[k];
            row[j] = i == j ? sqrt(sum > 1e-12 ? sum : 1e-12) : sum / other[j];
        }
    forward(s, s->solved);
}

/* What may be hoped for at x: mean and a share of the deviation. */
static double hope(const surface *s, const double *x) {
    double mean = 0.0, variance = 1.0;
    for (size_t i = 0; i < s->known; i++)
        s->row[i] = kernel(s, x, s->places + i * s->d);
    forward(s, s->row);
    for (size_t i = 0; i < s->known; i++) {
        mean += s->row[i] * s->solved[i];
        variance -= s->row[i] * s->row[i];
    }
    return mean + DEVIATIONS * sqrt(variance > 0.0 ? variance : 0.0);
}

/* ---- proposing ------------------------------------------------------------------------------- */

static bool is_new(const surface *s, const double *settings) {
    for (size_t t = 0; t < s->p->count; t++) {
        bool same = true;
        for (uint32_t i = 0; i < s->d; i++)
            same &= s->p->tried[t].settings[s->free[i]] == settings[s->free[i]];
        if (same)
            return false;
    }
    return true;
}

static void settle(const surface *s, const double *x, double *settings) {
    const recs__spec *base = &s->p->space->base.specs[s->p->component];
    memcpy(settings, base->settings, sizeof base->settings);
    for (uint32_t i = 0; i < s->d; i++)
        settings[s->free[i]] =
            recs__range_value(&s->p->space->ranges[s->p->component][s->free[i]],
                              &base->trainer->settings[s->free[i]], x[i]);
}

static bool propose_filling(const surface *s, double *settings) {
    double x[MOST_FREE];
    for (uint64_t n = 0; n < ATTEMPTS; n++) {
        filling_point(s, s->p->count + n, x);
        settle(s, x, settings);
        if (is_new(s, settings))
            return true;
    }
    return false;
}

static bool propose_best(surface *s, recs__random *random, double *settings) {
    double x[MOST_FREE], found[RECS__SETTINGS_MAX], most = 0.0;
    bool any = false;

    fit(s);
    for (int n = 0; n < DRAWS; n++) {
        const recs__tried *near = s->best[recs__random_below(random, 3)];
        for (uint32_t i = 0; i < s->d; i++) {
            x[i] = n % 2 ? recs__random_double(random)
                         : place_of(s, near, i) + STEP * (double)recs__random_normal(random);
            x[i] = x[i] < 0.0 ? 0.0 : x[i] > 1.0 ? 1.0 : x[i];
        }
        settle(s, x, found);
        if (!is_new(s, found))
            continue;
        for (uint32_t i = 0; i < s->d; i++) /* as it will be tried */
            x[i] = recs__range_place(&s->p->space->ranges[s->p->component][s->free[i]],
                                     found[s->free[i]]);
        double hoped = hope(s, x);
        if (any && !(hoped > most))
            continue;
        any = true;
        most = hoped;
        memcpy(settings, found, sizeof found);
    }
    return any;
}

/* The best three of the judged; the last again when there are fewer. */
static size_t rank_judged(surface *s) {
    size_t judged = 0;
    for (size_t t = 0; t < s->p->count; t++) {
        const recs__tried *one = &s->p->tried[t];
        if (!one->judged)
            continue;
        judged++;
        for (size_t place = 0; place < 3; place++)
            if (!s->best[place] || one->value > s->best[place]->value) {
                const recs__tried *moved = s->best[place];
                s->best[place] = one;
                one = moved;
                if (!one)
                    break;
            }
    }
    for (size_t place = 1; place < 3; place++)
        if (!s->best[place])
            s->best[place] = s->best[place - 1];
    return judged;
}

recs_status recs__propose(const recs__proposer *proposer, const recs_host *host,
                          double settings[RECS__SETTINGS_MAX], bool *any, recs_error *error) {
    surface s = {.p = proposer};
    recs__random random;

    s.d = recs__space_free(proposer->space, proposer->component, s.free);
    size_t first = 2 + 2 * (size_t)s.d, judged = rank_judged(&s);
    first = first < 10 ? first : 10;
    *any = false;
    if (judged >= s.d + 2 && proposer->count > first) {
        s.known = judged < MOST_KNOWN ? judged : MOST_KNOWN;
        s.places = recs__alloc(host, s.known * (s.d + s.known + 2), sizeof *s.places, error);
        if (!s.places)
            return RECS_ERR_MEMORY;
        s.factor = s.places + s.known * s.d;
        s.solved = s.factor + s.known * s.known;
        s.row = s.solved + s.known;
        recs__random_seed(&random,
                          proposer->seed ^ (proposer->count * UINT64_C(0x9E3779B97F4A7C15)));
        *any = propose_best(&s, &random, settings);
        recs__free(host, s.places);
    }
    if (!*any)
        *any = propose_filling(&s, settings);
    return RECS_OK;
}
