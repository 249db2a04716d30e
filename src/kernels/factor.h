/* factor.h - Cholesky factors and their use: the part of the vector tables'
 * bodies that body.h includes last.
 *
 * Blocks of a matrix are turned so that the entries of a column, each a chain of
 * its own, stand side by side in a vec. Small systems (solve) are turned whole;
 * large ones a panel at a time. */
#ifndef RECS_KERNELS_FACTOR_H
#define RECS_KERNELS_FACTOR_H

#include "kernels/body.h"

/* ---- cholesky ------------------------------------------------------------- */

/* PANEL rows from j on (those from n on as 0), columns k .. k + PANEL, turned:
 * t[i * ldt + r] = a[j + r][k + i]. Of the last, narrower diagonal block
 * (j == k) only the triangle is read. */
static void turn_in(float *t, size_t ldt, const float *a, size_t lda, size_t n, size_t j,
                    size_t k) {
    if (j + PANEL <= n) {
        for (size_t r = 0; r < PANEL; r += 4)
            for (size_t i = 0; i < PANEL; i += 4)
                turn_four(a + (j + r) * lda + k + i, lda, t + i * ldt + r, ldt);
        return;
    }
    for (size_t r = 0; r < PANEL; r++) {
        size_t some = j + r >= n ? 0 : j == k ? r + 1 : PANEL;
        const float *row = a + (j + r < n ? (j + r) * lda + k : 0);
        for (size_t i = 0; i < some; i++) t[i * ldt + r] = row[i];
        for (size_t i = some; i < PANEL; i++) t[i * ldt + r] = 0.0f;
    }
}

static void turn_out(const float *t, size_t ldt, float *a, size_t lda, size_t n, size_t j,
                     size_t k) {
    if (j + PANEL <= n && j > k) {
        for (size_t r = 0; r < PANEL; r += 4)
            for (size_t i = 0; i < PANEL; i += 4)
                turn_four(t + i * ldt + r, ldt, a + (j + r) * lda + k + i, lda);
        return;
    }
    for (size_t r = 0; r < least(PANEL, n - j); r++) {
        float *row = a + (j + r) * lda + k;
        size_t some = j == k ? r + 1 : PANEL;
        for (size_t i = 0; i < some; i++) row[i] = t[i * ldt + r];
    }
}

/* The rows of a turned block: column after column is divided by its pivot's
 * root and taken from those after it. diagonal[i * PANEL + l] is L[l][i]. */
static void solve_turned(float *t, size_t ldt, const float *diagonal) {
    for (size_t p = 0; p < PANEL; p += WIDTH) {
        vec x[PANEL];
        UNROLL for (size_t i = 0; i < PANEL; i++) x[i] = vec_load(t + i * ldt + p);
        UNROLL for (size_t i = 0; i < PANEL; i++) {
            x[i] = vec_div(x[i], vec_set(diagonal[i * PANEL + i]));
            vec_store(t + i * ldt + p, x[i]);
            UNROLL for (size_t l = 1; l < PANEL; l++)
                if (l > i) x[l] = vec_fnma(vec_set(diagonal[i * PANEL + l]), x[i], x[l]);
        }
    }
}

/* Factors the diagonal block in its turned form; 0 or 1 + the bad pivot. The
 * lanes above the diagonal hold nothing of use. */
static size_t factor_diagonal(float *t, size_t columns) {
    /* The next pivot and the entry above it go ahead on their own: waiting for
     * them is most of what a small block costs. */
    float pivot = columns ? t[0] : 0.0f;
    for (size_t i = 0; i < columns; i++) {
        float *column = t + i * PANEL;
        if (!(pivot > 0.0f) || !isfinite(pivot)) return i + 1;
        float root = sqrtf(pivot);
        if (i + 1 < columns) {
            float below = column[i + 1] / root;
            pivot = __builtin_fmaf(-below, below, column[PANEL + i + 1]);
        }
        vec x[PER_LANES], divisor = vec_set(root);
        UNROLL for (size_t p = 0; p < PER_LANES; p++) {
            x[p] = vec_div(vec_load(column + p * WIDTH), divisor);
            vec_store(column + p * WIDTH, x[p]);
        }
        column[i] = root;
        for (size_t l = i + 1; l < columns; l++) {
            vec factor = vec_set(column[l]);
            UNROLL for (size_t p = 0; p < PER_LANES; p++) {
                float *to = t + l * PANEL + p * WIDTH;
                vec_store(to, vec_fnma(factor, x[p], vec_load(to)));
            }
        }
    }
    return 0;
}

/* Takes the panel at columns k .. k + PANEL from everything right of it.
 * strip holds the first STRIP rows below the panel's diagonal block, turned. */
static void trailing_update(float *a, size_t lda, size_t n, size_t k, float *strip) {
    const float *row[PANEL];
    _Alignas(64) float beyond[PANEL * PANEL];
    size_t first = k + PANEL;
    for (size_t i = 0; i < PANEL; i++) row[i] = strip + i * STRIP;
    for (size_t from = first; from < n; from += STRIP) {
        size_t to = least(from + STRIP, n);
        if (from > first) {
            for (size_t j = from; j < to; j += PANEL)
                turn_in(strip + (j - from), STRIP, a, lda, n, j, k);
        }
        /* Rows and columns of c counted from the strip's first. */
        float *c = a + from * lda + from;
        for (size_t j = 0; j < n - from; j += TILE_ROWS) {
            side left = {strip + j, STRIP, true};
            if (j >= to - from) {
                if (j % PANEL == 0) turn_in(beyond, PANEL, a, lda, n, from + j, k);
                left.at = beyond + j % PANEL;
                left.stride = PANEL;
            }
            tile_row(&left, row, PANEL, c, lda, j, 0, to - from, n - from, STRIP);
        }
    }
}

static size_t cholesky(float *a, size_t lda, size_t n) {
    _Alignas(64) float diagonal[PANEL * PANEL];
    _Alignas(64) float spare[PANEL * PANEL];
    _Alignas(64) float strip[PANEL * STRIP];
    for (size_t k = 0; k < n; k += PANEL) {
        size_t columns = least(PANEL, n - k);
        turn_in(diagonal, PANEL, a, lda, n, k, k);
        size_t bad = factor_diagonal(diagonal, columns);
        if (bad) return k + bad;
        turn_out(diagonal, PANEL, a, lda, n, k, k);
        for (size_t j = k + PANEL; j < n; j += PANEL) {
            bool kept = j - k - PANEL < STRIP;
            float *t = kept ? strip + (j - k - PANEL) : spare;
            size_t ldt = kept ? STRIP : PANEL;
            turn_in(t, ldt, a, lda, n, j, k);
            solve_turned(t, ldt, diagonal);
            turn_out(t, ldt, a, lda, n, j, k);
        }
        trailing_update(a, lda, n, k, strip);
    }
    return 0;
}

/* ---- cholesky_solve ------------------------------------------------------- */

enum { SOLVE = 8 }; /* rows whose chains run side by side */

static void solve_forward(const float *l, size_t ldl, float *b, size_t n) {
    size_t j = 0;
    for (; j + SOLVE <= n; j += SOLVE) {
        const float *row = l + j * ldl;
        float sum[SOLVE];
        UNROLL for (size_t r = 0; r < SOLVE; r++) sum[r] = b[j + r];
        for (size_t i = 0; i < j; i++) {
            float known = b[i];
            UNROLL for (size_t r = 0; r < SOLVE; r++)
                sum[r] = __builtin_fmaf(-row[r * ldl + i], known, sum[r]);
        }
        UNROLL for (size_t i = 0; i < SOLVE; i++) {
            float known = sum[i] / row[i * ldl + j + i];
            b[j + i] = known;
            for (size_t r = i + 1; r < SOLVE; r++)
                sum[r] = __builtin_fmaf(-row[r * ldl + j + i], known, sum[r]);
        }
    }
    for (; j < n; j++) {
        const float *row = l + j * ldl;
        float sum = b[j];
        for (size_t i = 0; i < j; i++) sum = __builtin_fmaf(-row[i], b[i], sum);
        b[j] = sum / row[j];
    }
}

static void solve_backward(const float *l, size_t ldl, float *b, size_t n) {
    enum { NEAR = SOLVE > (int)WIDTH ? SOLVE / (int)WIDTH : 1, NEXT = NEAR * WIDTH };
    const float *row[SOLVE];
    float taken[SOLVE];
    while (n > 0) {
        size_t some = least(n, SOLVE), first = n - some, near_entries = 0;
        if (some == SOLVE) {
            /* The entries taken up next are brought up to date on the way. */
            float sum[SOLVE];
            vec near[NEAR];
            near_entries = first < NEXT ? 0 : NEXT;
            float *next = b + first - near_entries;
            UNROLL for (size_t r = 0; r < SOLVE; r++) sum[r] = b[first + r];
            UNROLL for (size_t p = 0; p < NEAR; p++)
                near[p] = near_entries ? vec_load(next + p * WIDTH) : vec_zero();
            UNROLL for (size_t at = 0; at < SOLVE; at++) {
                const size_t i = SOLVE - 1 - at;
                row[at] = l + (first + i) * ldl;
                sum[i] /= row[at][first + i];
                taken[at] = -sum[i];
                UNROLL for (size_t j = 0; j < i; j++)
                    sum[j] = __builtin_fmaf(taken[at], row[at][first + j], sum[j]);
                if (near_entries == 0) continue;
                UNROLL for (size_t p = 0; p < NEAR; p++)
                    near[p] = vec_fma(vec_set(taken[at]),
                                      vec_load(row[at] + first - NEXT + p * WIDTH), near[p]);
            }
            UNROLL for (size_t r = 0; r < SOLVE; r++) b[first + r] = sum[r];
            UNROLL for (size_t p = 0; p < NEAR; p++)
                if (near_entries) vec_store(next + p * WIDTH, near[p]);
        }
        for (size_t i = n, at = 0; some < SOLVE && i-- > first; at++) {
            row[at] = l + i * ldl;
            b[i] /= row[at][i];
            taken[at] = -b[i];
            for (size_t j = first; j < i; j++) b[j] = __builtin_fmaf(taken[at], row[at][j], b[j]);
        }
        axpy_pointers(taken, row, some, b, first - near_entries);
        n = first;
    }
}

static void cholesky_solve(const float *l, size_t ldl, float *b, size_t n) {
    solve_forward(l, ldl, b, n);
    solve_backward(l, ldl, b, n);
}

/* ---- small systems, whole ----------------------------------------------------- */

enum {
    SMALL = 64,       /* unknowns of a system that is turned whole */
    STEP = 8,         /* rows of it factored at a time */
    LDU = SMALL + 16, /* and no power of two, so that rows do not share a cache set */
    STEP_VECS = STEP > (int)WIDTH ? STEP / (int)WIDTH : 1
};

/* u[k * LDU + j] = a[j][k] for k <= j < n, +0 where a vec reaches further. */
static void turn_whole(float *u, const float *a, size_t lda, size_t n) {
    size_t whole = n / 4 * 4, rows = (n + STEP - 1) / STEP * STEP;
    size_t end = rows + ((int)WIDTH > STEP ? (int)WIDTH - STEP : 0);
    for (size_t k = 0; k < whole; k += 4) {
        if (k % STEP) /* beside the diagonal: no stale numbers, which may be slow ones */
            for (size_t r = k; r < k + 4; r++) memset(u + r * LDU + k - 4, 0, 4 * sizeof *u);
        for (size_t j = k; j < whole; j += 4) turn_four(a + j * lda + k, lda, u + k * LDU + j, LDU);
    }
    for (size_t k = 0; whole < end && k < rows; k++) {
        size_t from = k < whole ? whole : k / STEP * STEP;
        memset(u + k * LDU + from, 0, (end - from) * sizeof *u);
        for (size_t j = k > whole ? k : whole; k < n && j < n; j++) u[k * LDU + j] = a[j * lda + k];
    }
}

/* L[j][k] = u[k * LDU + j]; the roots of the pivots are apart. */
static void turn_back(const float *u, const float *roots, float *a, size_t lda, size_t n) {
    size_t whole = n / 4 * 4;
    for (size_t k = 0; k < whole; k += 4) {
        for (size_t j = k + 4; j < whole; j += 4)
            turn_four(u + k * LDU + j, LDU, a + j * lda + k, lda);
        UNROLL for (size_t j = 1; j < 4; j++) {
            UNROLL for (size_t i = 0; i < 3; i++)
                if (i < j) a[(k + j) * lda + k + i] = u[(k + i) * LDU + k + j];
        }
    }
    for (size_t j = whole; j < n; j++)
        for (size_t k = 0; k < j; k++) a[j * lda + k] = u[k * LDU + j];
    for (size_t j = 0; j < n; j++) a[j * lda + j] = roots[j];
}

/* Lane l of the STEP that one row's vecs hold, in all lanes. */
INLINE vec pick(const vec *x, const size_t l) {
    return vec_pick(x[l / WIDTH], l % WIDTH);
}

/* Factors the diagonal block of rows k … k + some of u, whose updates are done,
 * and takes b, whose entries before k are known, as far; 0 or 1 + the bad pivot.
 * The rows stay in registers: from root to root only latencies count. */
static size_t factor_step(float *u, size_t k, size_t some, float *roots, float *b) {
    float *block = u + k * LDU + k, pivot = block[0];
    vec x[STEP][STEP_VECS], y[STEP_VECS];
    UNROLL for (size_t p = 0; p < STEP_VECS; p++) {
        UNROLL for (size_t i = 0; i < STEP; i++) x[i][p] = vec_load(block + i * LDU + p * WIDTH);
        y[p] = vec_load(b + k + p * WIDTH);
    }
    for (size_t i = 0; i < k; i++) {
        vec known = vec_set(b[i]);
        UNROLL for (size_t p = 0; p < STEP_VECS; p++)
            y[p] = vec_fnma(vec_load(u + i * LDU + k + p * WIDTH), known, y[p]);
    }
    UNROLL_EXITS for (size_t i = 0; i < STEP; i++) {
        if (i >= some) break;
        if (!(pivot > 0.0f) || !isfinite(pivot)) return k + i + 1;
        float *row = block + i * LDU, root = sqrtf(pivot);
        roots[k + i] = root;
        if (i + 1 < STEP) { /* the next pivot goes ahead on its own, as in factor_diagonal */
            float below = vec_first(pick(x[i], i + 1)) / root;
            pivot = __builtin_fmaf(-below, below, vec_first(pick(x[i + 1], i + 1)));
        }
        float known = vec_first(pick(y, i)) / root;
        b[k + i] = known;
        UNROLL for (size_t p = 0; p < STEP_VECS; p++) {
            x[i][p] = vec_div(x[i][p], vec_set(root));
            vec_store(row + p * WIDTH, x[i][p]);
            y[p] = vec_fnma(x[i][p], vec_set(known), y[p]);
        }
        /* Factors come by way of memory: what compilers make of it in registers is slower. */
        __asm__ volatile("" ::: "memory");
        UNROLL for (size_t l = 1; l < STEP; l++) {
            if (l <= i) continue;
            vec factor = l == i + 1 ? pick(x[i], l) : vec_set(row[l]);
            UNROLL for (size_t p = 0; p < STEP_VECS; p++)
                x[l][p] = vec_fnma(factor, x[i][p], x[l][p]);
        }
    }
    return 0;
}

/* The rest of those rows, a vec at a time; d is where the diagonal starts. */
INLINE void follow_step(const float *d, const float *roots, float *at) {
    vec x[STEP];
    UNROLL for (size_t i = 0; i < STEP; i++) x[i] = vec_load(at + i * LDU);
    UNROLL for (size_t i = 0; i < STEP; i++) {
        x[i] = vec_div(x[i], vec_set(roots[i]));
        vec_store(at + i * LDU, x[i]);
        UNROLL for (size_t l = 1; l < STEP; l++)
            if (l > i) x[l] = vec_fnma(vec_set(d[i * LDU + l]), x[i], x[l]);
    }
}

/* Rows k … k + STEP of u, columns k … end, less the rows above them. */
static void update_step(float *u, size_t k, size_t end) {
    for (size_t j = k; j < end;) {
        size_t vecs = (end - j + WIDTH - 1) / WIDTH;
        if (vecs > TILE_VECS) vecs = vecs == TILE_VECS + 1 ? 2 : TILE_VECS;
        for (size_t r = k; r < k + STEP; r += TILE_ROWS) {
            float *c = u + r * LDU + j;
            if (vecs == 1)
                multiply_tile(u + r, 1, LDU, u + j, LDU, k, c, LDU, WIDTH, TILE_ROWS, 1, false,
                              true);
            else if (vecs == 2)
                multiply_tile(u + r, 1, LDU, u + j, LDU, k, c, LDU, WIDTH, TILE_ROWS, 2, false,
                              true);
            else
                multiply_tile(u + r, 1, LDU, u + j, LDU, k, c, LDU, WIDTH, TILE_ROWS, TILE_VECS,
                              false, true);
        }
        j += vecs * WIDTH;
    }
}

static size_t solve_small(float *a, size_t lda, float *b, size_t n) {
    _Alignas(64) float u[SMALL * LDU], y[SMALL + 16], roots[SMALL] = {0};
    turn_whole(u, a, lda, n);
    memcpy(y, b, n * sizeof *y);
    memset(y + n, 0, (SMALL + 16 - n) * sizeof *y);
    for (size_t k = 0; k < n; k += STEP) {
        size_t end = (n + STEP - 1) / STEP * STEP;
        if (k) update_step(u, k, end);
        size_t bad = factor_step(u, k, least(STEP, n - k), roots, y);
        if (bad) return bad;
        for (size_t j = k + STEP_VECS * WIDTH; j < end; j += WIDTH)
            follow_step(u + k * LDU + k, roots + k, u + k * LDU + j);
    }
    turn_back(u, roots, a, lda, n);
    memcpy(b, y, n * sizeof *y);
    solve_backward(a, lda, b, n);
    return 0;
}

static size_t solve(float *a, size_t lda, float *b, size_t n) {
    if (n <= SMALL) return solve_small(a, lda, b, n);
    size_t bad = cholesky(a, lda, n);
    if (!bad) cholesky_solve(a, lda, b, n);
    return bad;
}

#endif
