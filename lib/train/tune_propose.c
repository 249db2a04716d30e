/* tune_propose.c - first points that fill the space, then the top of a
 * quadratic surface through what is known.
 *
 * The first 2 + 2d points (at most 10), and every sixth later, are those of an
 * additive recurrence of the d-dimensional golden ratio (Roberts, "The
 * unreasonable effectiveness of quasirandom sequences", 2018), shifted by the
 * seed: they cover the space more evenly than random ones. The others: a
 * quadratic polynomial is fitted by weighted least squares with a small ridge,
 * the nearer to the best point the heavier, and of 200 points around the best
 * the one where it is highest is taken (a response surface in a trust region,
 * after Box and Wilson 1951). Tried beforehand beside random search, the
 * recurrence alone, Gaussian steps from the best and TPE (Bergstra et al.
 * 2011), on noisy made surfaces with a cliff and a skew: at 20 trials of 3
 * settings it was left with a third of the loss of random search and half of
 * that of the steps (docs/tuning.md).
 *
 * Arithmetic in doubles without libm, so the same everywhere. */
#include "train/tune_propose.h"

#include "base/math.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

#define MOST_FREE RECS__SETTINGS_MAX
#define MOST_MODELLED 6
#define FEATURES (1 + MOST_MODELLED + MOST_MODELLED * (MOST_MODELLED + 1) / 2)
#define EXPLORE_EVERY 6
#define DRAWS 200
#define ATTEMPTS 1000

typedef struct surface {
    const recs__proposer *p;
    uint32_t free[MOST_FREE], d;
    size_t best;              /* index of the best judged; SIZE_MAX: none */
    double centre[MOST_FREE]; /* its place */
    double radius2;           /* square of the distance that weighs 1/e */
    uint32_t modelled[MOST_MODELLED], m; /* dimensions of the polynomial */
    double coefficients[FEATURES];
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

/* ---- the surface --------------------------------------------------------------------------- */

static void features(const surface *s, const double *x, double *out) {
    uint32_t n = 0;
    double z[MOST_MODELLED];
    out[n++] = 1.0;
    for (uint32_t i = 0; i < s->m; i++)
        out[n++] = z[i] = x[s->modelled[i]] - s->centre[s->modelled[i]];
    for (uint32_t i = 0; i < s->m; i++)
        for (uint32_t j = i; j < s->m; j++)
            out[n++] = z[i] * z[j];
}

static uint32_t feature_count(const surface *s) {
    return 1 + s->m + s->m * (s->m + 1) / 2;
}

/* Gaussian elimination with the largest pivot; a column without one gives 0. */
static void solve(double a[FEATURES][FEATURES + 1], uint32_t n, double *out) {
    for (uint32_t c = 0; c < n; c++) {
        uint32_t pivot = c;
        for (uint32_t r = c + 1; r < n; r++)
            if (fabs(a[r][c]) > fabs(a[pivot][c]))
                pivot = r;
        for (uint32_t k = 0; k <= n && pivot != c; k++) {
            double swapped = a[c][k];
            a[c][k] = a[pivot][k];
            a[pivot][k] = swapped;
        }
        if (fabs(a[c][c]) < 1e-14)
            continue;
        for (uint32_t r = 0; r < n; r++) {
            double factor = a[r][c] / a[c][c];
            for (uint32_t k = c; r != c && k <= n; k++)
                a[r][k] -= factor * a[c][k];
        }
    }
    for (uint32_t c = 0; c < n; c++)
        out[c] = fabs(a[c][c]) < 1e-14 ? 0.0 : a[c][n] / a[c][c];
}

static double distance2(const surface *s, const recs__tried *tried) {
    double sum = 0.0;
    for (uint32_t i = 0; i < s->d; i++) {
        double apart = place_of(s, tried, i) - s->centre[i];
        sum += apart * apart;
    }
    return sum;
}

/* The square distance within which as many points lie as there are features. */
static double neighbourhood(const surface *s) {
    double taken = -1.0;
    uint32_t wanted = feature_count(s) > s->d + 2 ? feature_count(s) : s->d + 2;
    for (uint32_t n = 0; n <= wanted; n++) {
        double next = HUGE_VAL;
        for (size_t i = 0; i < s->p->count; i++) {
            double apart = s->p->tried[i].judged ? distance2(s, &s->p->tried[i]) : HUGE_VAL;
            if (apart > taken && apart < next)
                next = apart;
        }
        if (next == HUGE_VAL)
            break;
        taken = next;
    }
    return taken > 0.02 ? taken : 0.02;
}

/* The first dimensions only when there are many. */
static void fit(surface *s) {
    double a[FEATURES][FEATURES + 1], f[FEATURES], x[MOST_FREE];
    double scale = 0.0, best = s->p->tried[s->best].value;

    s->m = s->d < MOST_MODELLED ? s->d : MOST_MODELLED;
    for (uint32_t i = 0; i < s->m; i++)
        s->modelled[i] = i;
    s->radius2 = neighbourhood(s);
    uint32_t n = feature_count(s);
    memset(a, 0, sizeof a);
    for (size_t t = 0; t < s->p->count; t++)
        if (s->p->tried[t].judged && fabs(s->p->tried[t].value - best) > scale)
            scale = fabs(s->p->tried[t].value - best);
    for (size_t t = 0; t < s->p->count; t++) {
        const recs__tried *tried = &s->p->tried[t];
        if (!tried->judged)
            continue;
        double weight = recs__exp2(-1.4426950408889634 * distance2(s, tried) / s->radius2);
        for (uint32_t i = 0; i < s->d; i++)
            x[i] = place_of(s, tried, i);
        features(s, x, f);
        for (uint32_t r = 0; r < n; r++) {
            for (uint32_t c = 0; c < n; c++)
                a[r][c] += weight * f[r] * f[c];
            a[r][n] += weight * f[r] * (scale > 0.0 ? (tried->value - best) / scale : 0.0);
        }
    }
    for (uint32_t r = 0; r < n; r++)
        a[r][r] += r == 0 ? 1e-6 : r <= s->m ? 0.001 : 0.003;
    solve(a, n, s->coefficients);
}

static double height(const surface *s, const double *x) {
    double f[FEATURES], sum = 0.0;
    features(s, x, f);
    for (uint32_t i = 0; i < feature_count(s); i++)
        sum += s->coefficients[i] * f[i];
    return sum;
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
    double x[MOST_FREE], found[RECS__SETTINGS_MAX], most = 0.0, step;
    bool any = false;

    fit(s);
    step = 0.7 * sqrt(s->radius2);
    step = step < 0.05 ? 0.05 : step > 0.3 ? 0.3 : step;
    for (int n = 0; n < DRAWS; n++) {
        for (uint32_t i = 0; i < s->d; i++) {
            x[i] = s->centre[i] + step * (double)recs__random_normal(random);
            x[i] = x[i] < 0.0 ? 0.0 : x[i] > 1.0 ? 1.0 : x[i];
        }
        settle(s, x, found);
        if (!is_new(s, found))
            continue;
        double top = height(s, x);
        if (any && !(top > most))
            continue;
        any = true;
        most = top;
        memcpy(settings, found, sizeof found);
    }
    return any;
}

bool recs__propose(const recs__proposer *proposer, double settings[RECS__SETTINGS_MAX]) {
    surface s = {.p = proposer, .best = SIZE_MAX};
    recs__random random;
    size_t judged = 0;

    s.d = recs__space_free(proposer->space, proposer->component, s.free);
    for (size_t t = 0; t < proposer->count; t++) {
        judged += proposer->tried[t].judged;
        if (proposer->tried[t].judged &&
            (s.best == SIZE_MAX || proposer->tried[t].value > proposer->tried[s.best].value))
            s.best = t;
    }
    size_t first = 2 + 2 * (size_t)s.d;
    first = first < 10 ? first : 10;
    if (judged >= s.d + 2 && proposer->count > first && proposer->count % EXPLORE_EVERY != 0) {
        for (uint32_t i = 0; i < s.d; i++)
            s.centre[i] = place_of(&s, &proposer->tried[s.best], i);
        recs__random_seed(&random, proposer->seed ^ (proposer->count * UINT64_C(0x9E3779B97F4A7C15)));
        if (propose_best(&s, &random, settings))
            return true;
    }
    return propose_filling(&s, settings);
}
