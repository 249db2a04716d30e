/* trends_score.h - the arithmetic between counts and scores of trends, in one
 * place for what is counted now (trends_rank.c) and what a model has frozen
 * (recommend/frozen.c), so that both give the same bits. Formulas: trends_rank.c.
 * Header only. */
#ifndef RECS_LIVE_TRENDS_SCORE_H
#define RECS_LIVE_TRENDS_SCORE_H

#include <math.h>
#include <stdbool.h>

#define RECS__TREND_RISE_PRIOR 10.0
#define RECS__TREND_THICK 50.0 /* times prior: nothing is lent */

/* The weight of what a place is lent by the one above. */
static inline double recs__trend_lent(double prior, double total, bool has_above) {
    double thick = prior > 0.0 ? total / (RECS__TREND_THICK * prior) : 1.0;
    return has_above && thick < 1.0 ? prior * (1.0 - thick) : 0.0;
}

/* The share of an item at a place, by its count there and its share above. */
static inline double recs__trend_share(double total, double lent, double count, double above) {
    double weight = total + lent;
    return weight > 0.0 ? (count + lent * above) / weight : 0.0;
}

/* What the baseline makes of the place's traffic. base: without what count has. */
static inline double recs__trend_expected(double prior, double total, double total_base,
                                          double count, double base) {
    double share = total > 0.0 ? count / total : 0.0, weight = total_base + prior;
    return weight > 0.0 ? total * (base + prior * share) / weight : count;
}

static inline double recs__trend_rise(double count, double expected, double above) {
    return (count + RECS__TREND_RISE_PRIOR * above) / (expected + RECS__TREND_RISE_PRIOR);
}

/* What the item's share of the whole baseline, what has come last included, makes of the
 * place's traffic. */
static inline double recs__trend_usual(double total, double total_whole, double count,
                                       double whole) {
    return total_whole > 0.0 ? total * whole / total_whole : count;
}

/* How many standard deviations of its own a count is above twice what is usual and above
 * what is needed to be believed, the two joined as sides of a right angle. */
static inline double recs__trend_surplus(double support, double count, double usual) {
    return (count - sqrt(support * support + 4.0 * usual * usual)) / sqrt(count + 1.0);
}

/* A place that is lent to leans on the surplus above. */
static inline double recs__trend_surplus_lent(double total, double lent, double own,
                                              double above) {
    return lent > 0.0 ? (total * own + lent * above) / (total + lent) : own;
}

/* The score of a surplus: of its order, above 0, and above 1 where there is a surplus. */
static inline double recs__trend_risen(double surplus) {
    return surplus >= 0.0 ? 1.0 + surplus : 1.0 / (1.0 - surplus);
}

/* Whether a count is enough to have risen: also more than 1/floor of the traffic. */
static inline bool recs__trend_supported(double min_support, double floor, double count,
                                         double total) {
    return count >= min_support && count > 0.0 && count * floor > total;
}

/* What the longest half-life has beside the asked one. */
static inline double recs__trend_rest(double whole, double count) {
    return whole > count ? whole - count : 0.0;
}

#endif
