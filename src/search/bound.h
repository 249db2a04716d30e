/* bound.h - what the quantised copy proves about a row, for every metric: from a
 * bar the sum of codes a row needs, from a product of codes the scores between
 * which the row's lies. docs/search.md has the proof; a wrong number here is a
 * wrong answer, a careful one a slow search.
 *
 * In double, each function some ten operations. */
#ifndef RECS_SEARCH_BOUND_H
#define RECS_SEARCH_BOUND_H

#include "search/exact.h"

/* Relative and absolute errors of a canonical product, by its number of dimensions. */
typedef struct recs__margins {
    double rounding; /* of a canonical sum and of the kernel's test, of the lengths' product */
    double tiny;     /* what underflow may take                                         */
} recs__margins;

recs__margins recs__margins_of(uint32_t dims);

/* Of a vector in rows of some blocks. */
typedef struct recs__asking {
    const recs__space *space;
    const recs__code_vector *vector;
    float norm; /* COSINE: of the vector, as in recs__seek */
} recs__asking;

/* What holds for blocks first … first + count - 1 (count at least 1) alike. */
recs__codes_bound recs__bound_of(const recs__codes *codes, size_t first, size_t count);

/* Rows of most's length and shorter have no score of at least bar. */
bool recs__bound_short(const recs__asking *asking, float most, float bar, recs__margins m);

/* Rows whose sum of codes, with *bias added and scaled, is below what is returned
 * have a score below bar. INFINITY: no row has it. */
float recs__bound_limit(const recs__asking *asking, const recs__codes_bound *bound, float bar,
                        recs__margins m, int32_t *bias);

/* How far the vector's product with any row may be from that of both their codes,
 * where *bias, negative, is added to the row's sum and the result only too low. */
double recs__bound_margin(const recs__asking *asking, const recs__codes_bound *bound,
                          recs__margins m, int32_t *bias);

/* How far the vector's product with a row of this scale may be from that of its fine
 * codes with the row's. */
double recs__bound_error(const recs__asking *asking, const recs__codes_bound *bound, float scale,
                         recs__margins m);

/* The score of a row whose product with the vector is product at most, or at least. */
float recs__bound_most(const recs__asking *asking, const recs__codes_bound *bound, double product,
                       recs__margins m);
float recs__bound_least(const recs__asking *asking, const recs__codes_bound *bound,
                        double product, recs__margins m);

#endif
