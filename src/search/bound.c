/* bound.c - see bound.h. Letters as in docs/search.md: the vector q of length Q is
 * t u and F away from it, rows of lengths n to N are s c and E away from them, E at
 * most a ratio of s where that is known; r is what rounding takes of a product of
 * lengths. Billionths are for the arithmetic of the bounds themselves. */
#include "search/bound.h"

#include <math.h>

static const double SLACK = 1 + 1e-9;
static const double RATIO_MAX = 256; /* more than 65,536 dimensions can need: of a damaged file */
static const float SHORTEST = 1e-15f; /* a norm in float is near the length from here on */

recs__margins recs__margins_of(uint32_t dims) {
    return (recs__margins){.rounding = ((double)dims / 16 + 24) * 0x1p-24,
                           .tiny = ((double)dims + 64) * 0x1p-148};
}

recs__codes_bound recs__bound_of(const recs__codes *codes, size_t first, size_t count) {
    recs__codes_bound all = codes->bounds[first];
    for (size_t b = first + 1; b < first + count; b++) {
        const recs__codes_bound *bound = &codes->bounds[b];
        all.most = bound->most > all.most ? bound->most : all.most;
        all.least = bound->least < all.least ? bound->least : all.least;
        all.error = bound->error > all.error ? bound->error : all.error;
        all.ratio = bound->ratio > 0.0f && all.ratio > 0.0f
                        ? (bound->ratio > all.ratio ? bound->ratio : all.ratio)
                        : 0.0f;
    }
    return all;
}

static bool has_ratio(const recs__codes_bound *bound) {
    return bound->ratio > 0.0f && (double)bound->ratio <= RATIO_MAX;
}

/* The length of the vector's codes, at most. */
static double coded_length(const recs__code_vector *vector) {
    return vector->length + vector->error;
}

/* The least score that a space without a weight must give for one of at least bar. */
static double unweighed(const recs__space *space, float bar) {
    if (space->weight == 0.0f)
        return bar;
    return ((double)bar - fabs((double)bar) * 2e-7 - 0x1p-148) / (double)space->weight;
}

static double weighed(const recs__space *space, double score) {
    return space->weight == 0.0f ? score : score * (double)space->weight;
}

/* ---- from a bar -------------------------------------------------------------------- */

bool recs__bound_short(const recs__asking *asking, float most, float bar, recs__margins m) {
    const recs__space *space = asking->space;
    if (most == 0.0f && (space->no_zeros || space->metric == RECS__METRIC_COSINE))
        return true;
    return space->metric == RECS__METRIC_PRODUCT &&
           asking->vector->length * most * (1 + m.rounding) * SLACK + m.tiny <
               unweighed(space, bar);
}

/* The least product of vector and row, or of their lengths, that a row with a score
 * of at least bar has. */
static double least_product(const recs__asking *asking, const recs__codes_bound *bound, double bar,
                            recs__margins m) {
    double most = bound->most, least = bound->least;
    if (asking->space->metric == RECS__METRIC_COSINE) {
        double wanted = (bar - 0x1p-140) * asking->norm;
        if (bound->least < SHORTEST || asking->norm < SHORTEST)
            return -INFINITY;
        return wanted >= 0 ? wanted * least * (1 - 2 * m.rounding)
                           : wanted * most * (1 + 2 * m.rounding);
    }
    if (asking->space->metric == RECS__METRIC_DISTANCE) {
        double apart = (m.tiny - bar) * (1 + 2 * m.rounding);
        double own = asking->vector->length * (1 - 1e-8);
        return (own * own + least * least * (1 - 1e-8) - apart) / 2;
    }
    return bar;
}

double recs__bound_margin(const recs__asking *asking, const recs__codes_bound *bound,
                          recs__margins m, int32_t *bias) {
    const recs__code_vector *vector = asking->vector;
    double most = bound->most, error = bound->error, coded = coded_length(vector);
    double rounded = most + error, lost = coded * error;
    *bias = 0;
    if (has_ratio(bound)) {
        double wanted = coded * bound->ratio * vector->inverse * SLACK;
        /* Scales are below most / 44, and the bias is rounded with the sum. */
        rounded += (bound->ratio + vector->scale / coded) * most / 44;
        lost = 0;
        *bias = -((int32_t)wanted + 1);
    }
    return (vector->error * most + lost + m.rounding * coded * rounded + m.tiny) * SLACK;
}

float recs__bound_limit(const recs__asking *asking, const recs__codes_bound *bound, float bar,
                        recs__margins m, int32_t *bias) {
    const recs__code_vector *vector = asking->vector;
    double least = least_product(asking, bound, unweighed(asking->space, bar), m);
    double margin = recs__bound_margin(asking, bound, m, bias);
    *bias = -*bias;
    if (least > vector->length * bound->most * (1 + 2 * m.rounding) * SLACK + m.tiny)
        return INFINITY;
    /* Rounding to float is a 2^24th, or 2^-150. */
    double limit = (least - margin) * vector->inverse;
    return (float)(limit - fabs(limit) * 1e-7 - 0x1p-148);
}

/* ---- from a product ------------------------------------------------------------------ */

double recs__bound_error(const recs__asking *asking, const recs__codes_bound *bound, float scale,
                         recs__margins m) {
    const recs__code_vector *vector = asking->vector;
    double error = bound->error, length = vector->length, most = bound->most;
    if (has_ratio(bound) && (double)bound->ratio * scale < error)
        error = (double)bound->ratio * scale;
    return ((length + vector->fine_error) * error + vector->fine_error * most +
            2 * m.rounding * length * (most + (double)bound->error) + m.tiny) *
           SLACK;
}

/* Such that least_product of a higher bar is above product. */
float recs__bound_most(const recs__asking *asking, const recs__codes_bound *bound, double product,
                       recs__margins m) {
    double most = bound->most, least = bound->least, score = product;
    if (asking->space->metric == RECS__METRIC_COSINE) {
        if (bound->least < SHORTEST || asking->norm < SHORTEST)
            return INFINITY;
        score = (product >= 0 ? product / (least * (1 - 2 * m.rounding))
                              : product / (most * (1 + 2 * m.rounding))) /
                    (double)asking->norm +
                0x1p-140;
    } else if (asking->space->metric == RECS__METRIC_DISTANCE) {
        double own = asking->vector->length * (1 - 1e-8);
        double apart = own * own + least * least * (1 - 1e-8) - 2 * product;
        score = apart > 0 ? m.tiny - apart / (1 + 2 * m.rounding) : m.tiny;
    }
    score = weighed(asking->space, score);
    return (float)(score + fabs(score) * 2e-7 + 0x1p-148);
}

float recs__bound_least(const recs__asking *asking, const recs__codes_bound *bound,
                        double product, recs__margins m) {
    double most = bound->most, length = asking->vector->length, score = product;
    if (asking->space->metric == RECS__METRIC_COSINE) {
        if (!(product > 0) || bound->least < SHORTEST || asking->norm < SHORTEST)
            return -INFINITY;
        score = product / ((double)asking->norm * most) * (1 - 2 * m.rounding) - 0x1p-140;
    } else if (asking->space->metric == RECS__METRIC_DISTANCE) {
        score = -(length * length + most * most - 2 * product) * (1 + 2 * m.rounding) -
                1e-9 * (length * length + most * most) - m.tiny;
    }
    score = weighed(asking->space, score);
    return (float)(score - fabs(score) * 2e-7 - 0x1p-148);
}
