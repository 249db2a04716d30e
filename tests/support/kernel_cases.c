/* kernel_cases.c - see kernel_cases.h. All inputs come from one seeded
 * generator per operation, so each machine sees the same ones. */
#include "support/kernel_cases.h"

#include "base/random.h"
#include "kernels/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 24, LENGTHS = 201 };
static const uint32_t guard_bits = 0x7fc0beef;

/* What the made floats look like. */
typedef enum kind { PLAIN, TINY, HUGE_ONES, DENORMAL, ZEROS, WIDE, SPECIAL, KINDS } kind;
static const char *const kind_names[KINDS] = {"plain",  "tiny", "huge",   "denormal",
                                              "zeros", "wide", "special"};

typedef struct run {
    const recs__kernels *table, *reference;
    kernel_report *report;
    recs__random random;
} run;

static void *take(size_t bytes) {
    void *block = malloc(bytes ? bytes : 1);
    if (!block) abort();
    return block;
}

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Sign and fraction from the generator, the exponent in [low, high]. */
static float with_exponent(run *r, uint32_t low, uint32_t high) {
    uint32_t exponent = low + (uint32_t)recs__random_below(&r->random, high - low + 1);
    uint32_t other = (uint32_t)(recs__random_u64(&r->random) >> 32) & 0x807fffffu;
    return from_bits(other | exponent << 23);
}

static float made(run *r, kind what) {
    uint64_t pick = recs__random_below(&r->random, 16);
    switch (what) {
    case TINY: return with_exponent(r, 1, 40);
    case HUGE_ONES: return with_exponent(r, 180, 254);
    case DENORMAL: return with_exponent(r, 0, 0);
    case ZEROS: return pick < 6 ? 0.0f : pick < 12 ? -0.0f : with_exponent(r, 40, 66);
    case WIDE: return with_exponent(r, 0, 254);
    case SPECIAL:
        return pick == 0 ? NAN : pick == 1 ? INFINITY : pick == 2 ? -INFINITY
                                                                  : with_exponent(r, 120, 130);
    default: return with_exponent(r, 120, 127);
    }
}

/* count floats, exactly: a sanitizer sees a read past them. They start
 * `offset` floats into the block, which is what must be freed. */
static float *inputs(run *r, kind what, size_t count, size_t offset, float **block) {
    *block = take((count + offset) * sizeof(float));
    for (size_t i = 0; i < count + offset; i++) (*block)[i] = made(r, what);
    return *block + offset;
}

/* Two equal outputs between guards, one for each table. */
typedef struct pair {
    float *ours, *theirs; /* what the tables write to */
    float *blocks[2];
    size_t count;
} pair;

static pair outputs(run *r, kind what, size_t count) {
    pair p = {.count = count};
    for (int side = 0; side < 2; side++) {
        p.blocks[side] = take((count + 2 * GUARD) * sizeof(float));
        for (size_t i = 0; i < count + 2 * GUARD; i++) p.blocks[side][i] = from_bits(guard_bits);
    }
    for (size_t i = 0; i < count; i++) p.blocks[0][GUARD + i] = made(r, what);
    memcpy(p.blocks[1], p.blocks[0], (count + 2 * GUARD) * sizeof(float));
    p.ours = p.blocks[0] + GUARD;
    p.theirs = p.blocks[1] + GUARD;
    return p;
}

static void give_back(pair *p) {
    free(p->blocks[0]);
    free(p->blocks[1]);
}

static void mix(run *r, uint32_t bits) {
    r->report->checksum = (r->report->checksum ^ bits) * 0x100000001b3u;
}

static bool differ(run *r, const char *operation, kind what, size_t n, size_t count, size_t at,
                   uint32_t ours, uint32_t theirs) {
    snprintf(r->report->fault, sizeof r->report->fault,
             "%s of %s: %s inputs, n %zu, count %zu: word %zu is %08x, %s has %08x", operation,
             r->table->name, kind_names[what], n, count, at, (unsigned)ours,
             r->reference->name, (unsigned)theirs);
    return false;
}

static bool same(run *r, const char *operation, kind what, size_t n, size_t count,
                 const void *ours, const void *theirs, size_t words) {
    const uint32_t *a = ours, *b = theirs;
    r->report->cases++;
    for (size_t i = 0; i < words; i++) {
        bool nan = (a[i] & 0x7fffffffu) > 0x7f800000u && (b[i] & 0x7fffffffu) > 0x7f800000u;
        bool guard = a[i] == guard_bits || b[i] == guard_bits;
        if (a[i] != b[i] && (!nan || guard))
            return differ(r, operation, what, n, count, i, a[i], b[i]);
        mix(r, nan ? 0x7fc00000u : a[i]);
    }
    return true;
}

/* Compares both sides with their guards and frees them. */
static bool same_pair(run *r, const char *operation, kind what, size_t n, size_t count, pair *p) {
    bool ok = same(r, operation, what, n, count, p->blocks[0], p->blocks[1], p->count + 2 * GUARD);
    give_back(p);
    return ok;
}

static size_t any_offset(run *r) {
    return (size_t)recs__random_below(&r->random, 16);
}

/* Lengths 0 .. 200 and a few beyond. */
static size_t length(size_t i) {
    static const size_t more[] = {255, 256, 511, 1000, 4099};
    return i < LENGTHS ? i : more[i - LENGTHS];
}
enum { ALL_LENGTHS = LENGTHS + 5 };

static bool run_dot(run *r, kind what, size_t n) {
    float *x, *y, *a = inputs(r, what, n, any_offset(r), &x), *b = inputs(r, what, n, 0, &y);
    float ours = r->table->dot(a, b, n), theirs = r->reference->dot(a, b, n);
    free(x);
    free(y);
    return same(r, "dot", what, n, 1, &ours, &theirs, 1);
}

/* Rows for the many-row operations: `count` indexes among `rows` rows. */
typedef struct rows {
    float *base, *block;
    uint32_t *index;
    size_t stride, count;
} rows;

static rows some_rows(run *r, kind what, size_t n, size_t count) {
    rows t = {.stride = n + (size_t)recs__random_below(&r->random, 4), .count = count};
    size_t held = count + 3;
    t.base = inputs(r, what, held * t.stride, any_offset(r), &t.block);
    t.index = take(count * sizeof *t.index);
    for (size_t i = 0; i < count; i++)
        t.index[i] = (uint32_t)recs__random_below(&r->random, held);
    return t;
}

static void free_rows(rows *t) {
    free(t->block);
    free(t->index);
}

static size_t any_count(run *r, size_t most) {
    return (size_t)recs__random_below(&r->random, most);
}

typedef enum way { ROWS, STREAM, GATHER } way;

static bool run_dot_rows(run *r, kind what, size_t n, size_t count, way by) {
    static const char *const names[] = {"dot_rows", "dot_stream", "dot_gather"};
    rows t = some_rows(r, what, n, count);
    float *block, *query = inputs(r, what, n, any_offset(r), &block);
    pair p = outputs(r, PLAIN, t.count);
    if (by == GATHER) {
        r->table->dot_gather(query, t.base, t.stride, n, t.index, t.count, p.ours);
        r->reference->dot_gather(query, t.base, t.stride, n, t.index, t.count, p.theirs);
    } else if (by == STREAM) {
        r->table->dot_stream(query, t.base, t.stride, n, t.count, p.ours);
        r->reference->dot_stream(query, t.base, t.stride, n, t.count, p.theirs);
    } else {
        r->table->dot_rows(query, t.base, t.stride, n, t.count, p.ours);
        r->reference->dot_rows(query, t.base, t.stride, n, t.count, p.theirs);
    }
    bool ok = same_pair(r, names[by], what, n, t.count, &p);
    free_rows(&t);
    free(block);
    return ok;
}

/* The same on halves; what both tables give is also dot() of the floats they
 * stand for, which widen makes. */
static bool run_halves(run *r, kind what, size_t n, size_t count, way by) {
    static const char *const names[] = {"dot_rows_half", "dot_stream_half", "dot_gather_half",
                                         "distance_rows", "distance_gather", "widen_float16",
                                         "widen_int8", "code_scan"};
    rows t = some_rows(r, what, n, count);
    size_t held = (count + 3) * t.stride;
    uint16_t *halves = take(held * sizeof *halves);
    float *wide = take(held * sizeof *wide), *wide_too = take(held * sizeof *wide);
    float *block, *query = inputs(r, what, n, any_offset(r), &block);
    for (size_t i = 0; i < held; i++) halves[i] = recs__half_of(t.base[i]);
    r->table->widen(halves, wide, held);
    r->reference->widen(halves, wide_too, held);
    bool ok = same(r, "widen", what, n, count, wide, wide_too, held);
    pair p = outputs(r, PLAIN, t.count);
    for (int side = 0; side < 2; side++) {
        const recs__kernels *table = side ? r->reference : r->table;
        float *out = side ? p.theirs : p.ours;
        if (by == GATHER)
            table->dot_gather_half(query, halves, t.stride, n, t.index, t.count, out);
        else if (by == STREAM)
            table->dot_stream_half(query, halves, t.stride, n, t.count, out);
        else
            table->dot_rows_half(query, halves, t.stride, n, t.count, out);
    }
    for (size_t i = 0; i < t.count; i++) {
        const float *row = wide + (by == GATHER ? t.index[i] : i) * t.stride;
        float floats = r->reference->dot(query, row, n);
        ok = ok && same(r, names[by], what, n, count, &p.ours[i], &floats, 1);
    }
    ok = same_pair(r, names[by], what, n, t.count, &p) && ok;
    free_rows(&t);
    free(halves);
    free(wide);
    free(wide_too);
    free(block);
    return ok;
}

static bool run_axpy(run *r, kind what, size_t n) {
    float *block, *x = inputs(r, what, n, any_offset(r), &block), a = made(r, what);
    pair p = outputs(r, what, n);
    r->table->axpy(a, x, p.ours, n);
    r->reference->axpy(a, x, p.theirs, n);
    free(block);
    return same_pair(r, "axpy", what, n, 1, &p);
}

static bool run_axpy_rows(run *r, kind what, size_t n, bool gather) {
    rows t = some_rows(r, what, n, any_count(r, 150));
    float *block, *a = inputs(r, what, t.count, any_offset(r), &block);
    pair p = outputs(r, what, n);
    if (gather) {
        r->table->axpy_gather(a, t.base, t.stride, t.index, t.count, p.ours, n);
        r->reference->axpy_gather(a, t.base, t.stride, t.index, t.count, p.theirs, n);
    } else {
        r->table->axpy_rows(a, t.base, t.stride, t.count, p.ours, n);
        r->reference->axpy_rows(a, t.base, t.stride, t.count, p.theirs, n);
    }
    bool ok = same_pair(r, gather ? "axpy_gather" : "axpy_rows", what, n, t.count, &p);
    free_rows(&t);
    free(block);
    return ok;
}

static bool run_scale(run *r, kind what, size_t n) {
    pair p = outputs(r, what, n);
    float a = made(r, what);
    r->table->scale(a, p.ours, n);
    r->reference->scale(a, p.theirs, n);
    return same_pair(r, "scale", what, n, 1, &p);
}

static bool run_above(run *r, kind what, size_t n, bool scaled) {
    /* Thresholds that let few, half or all pass, and ones equal to a value. */
    float *block, *values = inputs(r, what, n, any_offset(r), &block);
    float *other, *factors = inputs(r, what, n, any_offset(r), &other);
    float limits[] = {0.0f, 0.9f, -INFINITY, INFINITY, NAN, n ? values[n / 2] : 0.0f, -1e-30f};
    bool ok = true;
    for (size_t k = 0; k < sizeof limits / sizeof *limits && ok; k++) {
        uint32_t *ours = take(n * 4), *theirs = take(n * 4);
        size_t mine = scaled ? r->table->above_scaled(values, factors, n, limits[k], ours)
                             : r->table->above(values, n, limits[k], ours);
        size_t right = scaled ? r->reference->above_scaled(values, factors, n, limits[k], theirs)
                              : r->reference->above(values, n, limits[k], theirs);
        uint32_t counts[2] = {(uint32_t)mine, (uint32_t)right};
        ok = same(r, "above", what, n, k, &counts[0], &counts[1], 1) &&
             same(r, "above", what, n, k, ours, theirs, right);
        free(ours);
        free(theirs);
    }
    free(block);
    free(other);
    return ok;
}

/* An n x n matrix whose upper triangle and row ends hold the guard. */
static void guard_upper(pair *p, size_t ldc, size_t n) {
    for (size_t j = 0; j < n; j++)
        for (size_t l = j + 1; l < ldc && j * ldc + l < p->count; l++)
            p->ours[j * ldc + l] = p->theirs[j * ldc + l] = from_bits(guard_bits);
}

static bool run_syrk(run *r, kind what, size_t n, size_t count, bool gather, bool weighted) {
    rows t = some_rows(r, what, n, count);
    float *block, *w = inputs(r, what, count, any_offset(r), &block);
    size_t ldc = n + (size_t)recs__random_below(&r->random, 3);
    pair p = outputs(r, what, n * ldc);
    guard_upper(&p, ldc, n);
    const uint32_t *index = gather ? t.index : NULL;
    const float *weights = weighted ? w : NULL;
    r->table->syrk(weights, t.base, t.stride, index, count, p.ours, ldc, n);
    r->reference->syrk(weights, t.base, t.stride, index, count, p.theirs, ldc, n);
    free_rows(&t);
    free(block);
    return same_pair(r, "syrk", what, n, count, &p);
}

static bool run_multiply(run *r, kind what, size_t n, size_t count, size_t k) {
    size_t lda = k + any_count(r, 3), ldb = n + any_count(r, 3), ldc = n + any_count(r, 3);
    float *x, *y, *a = inputs(r, what, count * lda, any_offset(r), &x);
    float *b = inputs(r, what, k * ldb, any_offset(r), &y);
    pair p = outputs(r, what, count * ldc);
    size_t across = n % 2 ? 1 : count, down = n % 2 ? lda : 1;
    r->table->multiply(a, down, across, count, b, ldb, k, p.ours, ldc, n);
    r->reference->multiply(a, down, across, count, b, ldb, k, p.theirs, ldc, n);
    free(x);
    free(y);
    return same_pair(r, "multiply", what, n, count, &p);
}

static bool run_turn(run *r, kind what, size_t n) {
    rows t = some_rows(r, what, n, any_count(r, 40));
    size_t ldo = t.count + any_count(r, 4);
    float *x, *y, *q = inputs(r, what, n, any_offset(r), &x);
    float *s = inputs(r, what, t.count, any_offset(r), &y);
    pair p = outputs(r, what, n * ldo);
    r->table->turn_gather(t.base, t.stride, t.index, t.count, n, q, s, p.ours, ldo);
    r->reference->turn_gather(t.base, t.stride, t.index, t.count, n, q, s, p.theirs, ldo);
    free_rows(&t);
    free(x);
    free(y);
    return same_pair(r, "turn_gather", what, n, t.count, &p);
}

/* solve on copies of the matrix: what cholesky and cholesky_solve of the reference make of it. */
static bool run_solve(run *r, kind what, size_t n, size_t broken, const pair *matrix, size_t lda) {
    pair p = outputs(r, ZEROS, n * lda), b = outputs(r, PLAIN, n);
    memcpy(p.ours, matrix->ours, n * lda * sizeof(float));
    memcpy(p.theirs, matrix->ours, n * lda * sizeof(float));
    uint32_t pivots[2] = {(uint32_t)r->table->solve(p.ours, lda, b.ours, n),
                          (uint32_t)r->reference->cholesky(p.theirs, lda, n)};
    bool ok = same(r, "solve", what, n, broken, &pivots[0], &pivots[1], 1);
    if (pivots[1]) {
        give_back(&p);
        give_back(&b);
        return ok;
    }
    r->reference->cholesky_solve(p.theirs, lda, b.theirs, n);
    ok = same_pair(r, "solve: factor", what, n, 1, &p) && ok;
    return same_pair(r, "solve", what, n, 1, &b) && ok;
}

/* A positive definite matrix, factored and used; or one made bad at `broken`
 * (< n), of which only the returned pivot counts. */
static bool run_cholesky(run *r, kind what, size_t n, size_t broken, float bad) {
    rows t = some_rows(r, PLAIN, n, n + 3);
    size_t lda = n + (size_t)recs__random_below(&r->random, 3);
    pair p = outputs(r, ZEROS, n * lda);
    float size = what == TINY ? 0x1p-100f : what == HUGE_ONES ? 0x1p100f : 1.0f;
    r->reference->syrk(NULL, t.base, t.stride, NULL, t.count, p.ours, lda, n);
    for (size_t j = 0; j < n; j++) {
        p.ours[j * lda + j] += 0.1f;
        for (size_t l = 0; l <= j; l++) p.ours[j * lda + l] *= size;
    }
    if (broken < n) p.ours[broken * lda + broken] = bad;
    memcpy(p.theirs, p.ours, n * lda * sizeof(float));
    guard_upper(&p, lda, n);
    free_rows(&t);
    if (!run_solve(r, what, n, broken, &p, lda)) {
        give_back(&p);
        return false;
    }

    uint32_t pivots[2] = {(uint32_t)r->table->cholesky(p.ours, lda, n),
                          (uint32_t)r->reference->cholesky(p.theirs, lda, n)};
    bool ok = same(r, "cholesky", what, n, broken, &pivots[0], &pivots[1], 1);
    if (pivots[1]) {
        ok = ok && (broken >= n || pivots[1] == broken + 1);
        give_back(&p);
        return ok;
    }
    pair b = outputs(r, PLAIN, n);
    r->table->cholesky_solve(p.ours, lda, b.ours, n);
    r->reference->cholesky_solve(p.theirs, lda, b.theirs, n);
    ok = same_pair(r, "cholesky", what, n, 1, &p) && ok;
    return same_pair(r, "cholesky_solve", what, n, 1, &b) && ok;
}

/* More rows than caches hold: scans take another way there. */
static bool all_far(run *r) {
    static const size_t sizes[] = {15, 48, 500, 4099};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t count = (9u << 20) / 4 / sizes[i] + 19 + i;
        if (!run_dot_rows(r, i % 2 ? WIDE : PLAIN, sizes[i], count, ROWS)) return false;
    }
    return true;
}

static bool run_distance(run *r, kind what, size_t n, size_t count, bool gather) {
    const char *name = gather ? "distance_gather" : "distance_rows";
    rows t = some_rows(r, what, n, count);
    float *block, *query = inputs(r, what, n, any_offset(r), &block);
    pair p = outputs(r, PLAIN, t.count);
    for (int side = 0; side < 2; side++) {
        const recs__kernels *table = side ? r->reference : r->table;
        float *out = side ? p.theirs : p.ours;
        if (gather)
            table->distance_gather(query, t.base, t.stride, n, t.index, t.count, out);
        else
            table->distance_rows(query, t.base, t.stride, n, t.count, out);
    }
    bool ok = same_pair(r, name, what, n, t.count, &p);
    free_rows(&t);
    free(block);
    return ok;
}

static bool run_widen(run *r, kind what, size_t n, bool int8) {
    uint16_t *halves = take((n + 1) * sizeof *halves);
    int8_t *codes = take(n + 1);
    float scale = made(r, what);
    for (size_t i = 0; i < n; i++) {
        halves[i] = (uint16_t)recs__random_below(&r->random, 65536);
        codes[i] = (int8_t)(recs__random_below(&r->random, 255) - 127);
    }
    pair p = outputs(r, PLAIN, n);
    for (int side = 0; side < 2; side++) {
        const recs__kernels *table = side ? r->reference : r->table;
        if (int8)
            table->widen_int8(codes, scale, side ? p.theirs : p.ours, n);
        else
            table->widen_float16(halves, side ? p.theirs : p.ours, n);
    }
    free(halves);
    free(codes);
    return same_pair(r, int8 ? "widen_int8" : "widen_float16", what, n, n, &p);
}

/* Query codes that add up to what is allowed, rows up to the last code, limits at
 * the very scores: an inexact sum shows. */
static bool run_codes(run *r, kind what, size_t n, size_t tiles, size_t count) {
    size_t groups = n / 4 + 1, segments = groups / RECS__CODES_SEGMENT + 1;
    uint8_t *codes = take(groups * tiles * 64);
    float *scales = take(tiles * 16 * sizeof *scales), *limits = take(count * sizeof *limits);
    int8_t *wanted = take(count * groups * 4);
    uint32_t *starts = take(count * segments * sizeof *starts);
    recs__code_query *queries = take(count * sizeof *queries);
    bool extreme = what == HUGE_ONES || what == WIDE;
    for (size_t i = 0; i < groups * tiles * 64; i++)
        codes[i] = (uint8_t)(extreme ? (recs__random_below(&r->random, 2) ? 19 : 109)
                                     : 19 + recs__random_below(&r->random, 91));
    for (size_t i = 0; i < tiles * 16; i++)
        scales[i] = what == PLAIN ? with_exponent(r, 120, 127) : 1.0f;
    for (size_t c = 0; c < count; c++) {
        int32_t total = 0, halves[2] = {0, 0}, room[2] = {0, 0};
        for (size_t j = 0; j < groups * 4; j++) {
            size_t half = j / 2 % 2;
            if (j % (4 * RECS__CODES_SEGMENT) == 0) {
                halves[0] = halves[1] = 0;
                room[0] = room[1] = 728;
            }
            int32_t most = room[half] < 127 ? room[half] : 127;
            int32_t size = extreme ? most : (int32_t)recs__random_below(&r->random, 33);
            size = size < most ? size : most;
            int32_t code = recs__random_below(&r->random, extreme ? 9 : 2) ? size : -size;
            room[half] -= size;
            halves[half] += code;
            total += code;
            wanted[c * groups * 4 + j] = (int8_t)code;
            starts[c * segments + j / (4 * RECS__CODES_SEGMENT)] =
                ((uint32_t)(-64 * halves[0]) & 0xFFFF) | (uint32_t)(-64 * halves[1]) << 16;
        }
        int32_t bias = c % 2 ? (int32_t)recs__random_below(&r->random, 2000) - 1000 : 0;
        queries[c] = (recs__code_query){.codes = wanted + c * groups * 4,
                                        .starts = starts + c * segments,
                                        .start = -64 * total,
                                        .bias = bias};
        /* The score of some row, or just above it. */
        size_t row = tiles ? any_count(r, tiles * 16) : 0;
        int32_t sum = queries[c].start + bias;
        for (size_t j = 0; tiles && j < groups * 4; j++)
            sum += codes[64 * (row / 16 * groups + j / 4) + 4 * (row % 16) + j % 4] *
                   queries[c].codes[j];
        float score = tiles ? (float)sum * scales[row] : 0.0f;
        limits[c] = recs__random_below(&r->random, 2) ? score : nextafterf(score, INFINITY);
        if (what == SPECIAL && c % 3 == 0) limits[c] = c % 2 ? INFINITY : -INFINITY;
    }
    size_t words = (count * tiles + 1) / 2;
    int16_t *fine = take(groups * 4 * sizeof *fine);
    for (size_t j = 0; j < groups * 4; j++)
        fine[j] = (int16_t)((int32_t)recs__random_below(&r->random, 32767) - 16383);
    pair p = outputs(r, PLAIN, words + tiles * 16 + 1);
    for (int side = 0; side < 2; side++) {
        const recs__kernels *table = side ? r->reference : r->table;
        float *out = side ? p.theirs : p.ours;
        table->code_scan(queries, limits, count, codes, groups, tiles, scales,
                         (uint16_t *)(void *)out);
        if (count != 0)
            table->code_sums(&queries[count - 1], codes, groups, tiles, scales, out + words);
        if (tiles != 0)
            out[words + tiles * 16] =
                (float)(table->code_product(fine, codes + 4 * (n % 16), groups) % 9999991);
    }
    free(codes), free(scales), free(limits), free(wanted), free(starts), free(queries);
    free(fine);
    return same_pair(r, "code_scan", what, n, count, &p);
}

static const char *const operations[] = {"dot",   "dot_rows",  "dot_stream",  "dot_gather",
                                         "axpy",  "axpy_rows", "axpy_gather", "scale",
                                         "above", "syrk",      "cholesky",    "above_scaled",
                                         "turn_gather", "multiply", "dot_rows_half",
                                         "dot_stream_half", "dot_gather_half",
                                         "distance_rows", "distance_gather", "widen_float16",
                                         "widen_int8", "code_scan"};

const char *kernel_cases_operation(size_t index) {
    return index < sizeof operations / sizeof *operations ? operations[index] : NULL;
}

static bool run_lengths(run *r, const char *operation, kind what, size_t n) {
    if (!strcmp(operation, "dot")) return run_dot(r, what, n);
    if (!strcmp(operation, "dot_rows")) return run_dot_rows(r, what, n, any_count(r, 70), ROWS);
    if (!strcmp(operation, "dot_stream"))
        return run_dot_rows(r, what, n, any_count(r, 70), STREAM);
    if (!strcmp(operation, "dot_gather")) return run_dot_rows(r, what, n, any_count(r, 70), GATHER);
    if (!strcmp(operation, "dot_rows_half"))
        return run_halves(r, what, n, any_count(r, 70), ROWS);
    if (!strcmp(operation, "dot_stream_half"))
        return run_halves(r, what, n, any_count(r, 70), STREAM);
    if (!strcmp(operation, "dot_gather_half"))
        return run_halves(r, what, n, any_count(r, 70), GATHER);
    if (!strcmp(operation, "distance_rows"))
        return run_distance(r, what, n, any_count(r, 20), false);
    if (!strcmp(operation, "distance_gather"))
        return run_distance(r, what, n, any_count(r, 20), true);
    if (!strcmp(operation, "widen_float16")) return run_widen(r, what, n, false);
    if (!strcmp(operation, "widen_int8")) return run_widen(r, what, n, true);
    if (!strcmp(operation, "code_scan")) {
        size_t tiles = any_count(r, 5); /* in this order on every compiler */
        return run_codes(r, what, n, tiles, any_count(r, 10));
    }
    if (!strcmp(operation, "axpy")) return run_axpy(r, what, n);
    if (!strcmp(operation, "axpy_rows")) return run_axpy_rows(r, what, n, false);
    if (!strcmp(operation, "axpy_gather")) return run_axpy_rows(r, what, n, true);
    if (!strcmp(operation, "scale")) return run_scale(r, what, n);
    if (!strcmp(operation, "turn_gather")) return run_turn(r, what, n);
    return run_above(r, what, n, !strcmp(operation, "above_scaled"));
}

static bool all_syrk(run *r) {
    static const size_t counts[] = {0, 1, 7, 63, 64, 65, 130};
    static const size_t sizes[] = {80, 96, 100, 127, 128, 129, 150, 200};
    for (size_t i = 0; i < 70 + sizeof sizes / sizeof *sizes; i++)
        for (int k = 0; k < 7; k++) {
            size_t n = i < 70 ? i : sizes[i - 70];
            kind what = (kind)((i + (size_t)k) % KINDS);
            if (!run_syrk(r, what, n, counts[k], (i + (size_t)k) % 2, (i + (size_t)k) % 3))
                return false;
        }
    return true;
}

static bool all_multiply(run *r) {
    static const size_t counts[] = {0, 1, 4, 5, 8, 19};
    for (size_t n = 0; n <= 130; n++)
        for (int k = 0; k < 6; k++) {
            kind what = (kind)((n + (size_t)k) % KINDS);
            if (!run_multiply(r, what, n, counts[k], any_count(r, 40))) return false;
        }
    return true;
}

static bool all_cholesky(run *r) {
    static const size_t sizes[] = {127, 128, 129, 191, 192, 207, 208, 209, 224, 300, 420};
    static const kind kinds[] = {PLAIN, TINY, HUGE_ONES};
    for (size_t i = 0; i < 100 + sizeof sizes / sizeof *sizes; i++) {
        size_t n = i < 100 ? i : sizes[i - 100];
        for (int k = 0; k < 3; k++)
            if (!run_cholesky(r, kinds[k], n, SIZE_MAX, 0)) return false;
        float bad[] = {0.0f, -1.0f, NAN, INFINITY, -0.0f};
        size_t at = n ? any_count(r, n) : 0;
        if (!run_cholesky(r, PLAIN, n, at, bad[i % 5])) return false;
    }
    return true;
}

bool kernel_cases_run(const char *operation, const recs__kernels *table,
                      const recs__kernels *reference, kernel_report *report) {
    run r = {.table = table, .reference = reference, .report = report};
    recs__random_seed(&r.random, 20);
    report->fault[0] = '\0';
    bool ok = true;
    if (!strcmp(operation, "syrk")) {
        ok = all_syrk(&r);
    } else if (!strcmp(operation, "multiply")) {
        ok = all_multiply(&r);
    } else if (!strcmp(operation, "cholesky")) {
        ok = all_cholesky(&r);
    } else {
        for (size_t i = 0; i < ALL_LENGTHS && ok; i++)
            for (int what = 0; what < KINDS && ok; what++)
                ok = run_lengths(&r, operation, (kind)what, length(i));
        if (ok && !strcmp(operation, "dot_rows")) ok = all_far(&r);
    }
    if (!ok && !report->fault[0])
        snprintf(report->fault, sizeof report->fault, "%s: a bad pivot was reported elsewhere",
                 operation);
    return ok;
}
