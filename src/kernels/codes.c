/* codes.c - making, reading and checking the quantised copy of codes.h.
 *
 * Everything is computed in double from the floats of the rows, in order, with
 * IEEE operations alone, so that the bytes do not depend on the machine. A bound
 * is the computed length times 1 + 1e-9 (the sums of squares of up to 65,536
 * doubles are right to 1e-11), rounded to the float above. Rows are ordered by
 * their lengths as floats, rounded up, so that only a row of zeros has length 0.
 *
 * A row whose largest number is below 2^-100 has scale 0 and codes of 64 all
 * over; its length is its error. */
#include "kernels/codes.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    TILE = RECS__CODES_TILE,
    BLOCK = RECS__CODES_BLOCK,
    MIDDLE = 64,    /* the code of zero                       */
    REACH = 45,     /* codes are MIDDLE - REACH … MIDDLE + REACH */
    HALF_SUM = 712, /* of a query's magnitudes in half a segment; rounding adds 16 at most */
    FINE_REACH = 16383,  /* of a query's fine codes, and … */
    FINE_SUM = 34000000, /* of all their magnitudes; rounding adds 32,768 at most */
    CHUNK = 16      /* blocks a task of the executor makes     */
};

static const double SLACK = 1.0 + 1e-9, ROUNDED = 0x1p-22;

const float *recs__stored_floats(const recs__stored *stored, uint32_t row, float *room) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t at = (size_t)row * stored->stride;
    switch (stored->type) {
    case RECS__STORED_HALF:
        kernels->widen((const uint16_t *)stored->values + at, room, stored->dims);
        return room;
    case RECS__STORED_FLOAT16:
        kernels->widen_float16((const uint16_t *)stored->values + at, room, stored->dims);
        return room;
    case RECS__STORED_INT8:
        kernels->widen_int8((const int8_t *)stored->values + at, stored->scales[row], room,
                            stored->dims);
        return room;
    default:
        return (const float *)stored->values + at;
    }
}

/* ---- the layout ------------------------------------------------------------------ */

static uint64_t up(uint64_t bytes) {
    return (bytes + 63) / 64 * 64;
}

uint64_t recs__codes_size(uint32_t rows, uint32_t dims) {
    if (rows == 0 || rows > INT32_MAX || dims == 0 || dims > RECS__CODES_DIMS_MAX)
        return 0;
    uint64_t padded = ((uint64_t)rows + TILE - 1) / TILE * TILE;
    uint64_t blocks = ((uint64_t)rows + BLOCK - 1) / BLOCK, groups = ((uint64_t)dims + 3) / 4;
    return sizeof(recs__codes_head) + 2 * up(4 * padded) +
           up(blocks * sizeof(recs__codes_bound)) + padded / TILE * groups * 64;
}

static void lay_out(recs__codes *codes, const unsigned char *bytes, uint32_t rows, uint32_t dims) {
    size_t padded = ((size_t)rows + TILE - 1) / TILE * TILE;
    *codes = (recs__codes){
        .rows = rows,
        .dims = dims,
        .groups = ((size_t)dims + 3) / 4,
        .tiles = padded / TILE,
        .blocks = ((size_t)rows + BLOCK - 1) / BLOCK,
    };
    bytes += sizeof(recs__codes_head);
    codes->order = (const uint32_t *)(const void *)bytes;
    bytes += up(4 * padded);
    codes->scales = (const float *)(const void *)bytes;
    bytes += up(4 * padded);
    codes->bounds = (const recs__codes_bound *)(const void *)bytes;
    codes->codes = bytes + up(codes->blocks * sizeof(recs__codes_bound));
}

bool recs__codes_read(recs__codes *codes, const void *bytes, uint64_t size, uint32_t rows,
                      uint32_t dims) {
    recs__codes_head head;
    uint64_t wanted = recs__codes_size(rows, dims);
    if (bytes == NULL || wanted == 0 || size != wanted)
        return false;
    memcpy(&head, bytes, sizeof head);
    if (head.version != RECS__CODES_VERSION || head.rows != rows || head.dims != dims ||
        head.block != BLOCK)
        return false;
    lay_out(codes, bytes, rows, dims);
    return true;
}

/* ---- numbers ------------------------------------------------------------------------ */

static float above(double x) {
    float rounded = (float)x;
    return (double)rounded < x ? nextafterf(rounded, INFINITY) : rounded;
}

static float below(double x) {
    float rounded = (float)x;
    return (double)rounded > x ? nextafterf(rounded, -INFINITY) : rounded;
}

static double length_of(const float *vector, size_t count) {
    double sum = 0;
    for (size_t j = 0; j < count; j++)
        sum += (double)vector[j] * (double)vector[j];
    return sqrt(sum);
}

static float largest_of(const float *vector, size_t count) {
    float largest = 0;
    for (size_t j = 0; j < count; j++)
        largest = fabsf(vector[j]) > largest ? fabsf(vector[j]) : largest;
    return largest;
}

/* vector[j] * inverse to the nearest whole number, at most reach from zero. */
static int nearest(float number, float inverse, float reach) {
    float x = number * inverse;
    x = x > reach ? reach : x < -reach ? -reach : x;
    return (int)rintf(x);
}

/* ---- making --------------------------------------------------------------------------- */

typedef struct making {
    const recs__stored *stored;
    const recs_host *host;
    const uint32_t *order;
    uint32_t *keys; /* bits of the lengths, by row */
    float *scales;
    recs__codes_bound *bounds;
    uint8_t *codes;
    size_t groups, blocks;
    atomic_bool failed;    /* no memory */
    atomic_uint_least32_t bad; /* a row without a finite length, or UINT32_MAX */
} making;

/* One row into its place in the tile; returns its error, rounded up. */
static float make_row(const making *all, const float *vector, size_t place) {
    size_t dims = all->stored->dims;
    uint8_t *tile = all->codes + place / TILE * all->groups * 64 + place % TILE * 4;
    float largest = largest_of(vector, dims), scale = largest / REACH;
    if (largest < 0x1p-100f) {
        all->scales[place] = 0.0f;
        return above(length_of(vector, dims) * SLACK);
    }
    float inverse = 1.0f / scale;
    double sum = 0;
    for (size_t j = 0; j < dims; j++) {
        int code = nearest(vector[j], inverse, REACH);
        double off = (double)vector[j] - (double)scale * code;
        sum += off * off;
        tile[j / 4 * 64 + j % 4] = (uint8_t)(code + MIDDLE);
    }
    all->scales[place] = scale;
    return above(sqrt(sum) * SLACK);
}

/* What the error is of the scale, rounded up. */
static float ratio_of(float error, float scale) {
    return scale > 0.0f ? above((double)error / (double)scale * SLACK)
           : error > 0.0f ? INFINITY
                          : 0.0f;
}

static void make_block(const making *all, size_t block, float *room) {
    size_t rows = all->stored->rows, first = block * BLOCK;
    size_t end = first + BLOCK < rows ? first + BLOCK : rows;
    recs__codes_bound bound = {.least = INFINITY};
    for (size_t place = first; place < end; place++) {
        const float *vector = recs__stored_floats(all->stored, all->order[place], room);
        float error = make_row(all, vector, place), length;
        memcpy(&length, &all->keys[all->order[place]], sizeof length);
        /* Of the rounded length, so that bounds descend as the order does. */
        float most = length != 0.0f ? above(length * (1 + ROUNDED) + 0x1p-149) : 0.0f;
        float least = below(length * (1 - ROUNDED) - 0x1p-149);
        least = least > 0.0f ? least : 0.0f;
        bound.most = most > bound.most ? most : bound.most;
        bound.least = least < bound.least ? least : bound.least;
        bound.error = error > bound.error ? error : bound.error;
        float ratio = ratio_of(error, all->scales[place]);
        bound.ratio = ratio > bound.ratio ? ratio : bound.ratio;
    }
    if (bound.ratio == INFINITY)
        bound.ratio = 0.0f;
    all->bounds[block] = bound;
}

static void make_blocks(void *arg, size_t index) {
    making *all = arg;
    float *room = recs__alloc_aligned(all->host, all->stored->dims, sizeof *room, NULL);
    if (room == NULL) {
        atomic_store(&all->failed, true);
        return;
    }
    for (size_t b = index * CHUNK; b < all->blocks && b < (index + 1) * CHUNK; b++)
        make_block(all, b, room);
    recs__free_aligned(all->host, room);
}

/* Bits of the lengths, which ascend as the lengths do. */
static void measure(void *arg, size_t index) {
    making *all = arg;
    uint32_t rows = all->stored->rows;
    float *room = recs__alloc_aligned(all->host, all->stored->dims, sizeof *room, NULL);
    if (room == NULL) {
        atomic_store(&all->failed, true);
        return;
    }
    size_t first = index * CHUNK * BLOCK, end = first + CHUNK * BLOCK;
    for (size_t row = first; row < rows && row < end; row++) {
        const float *vector = recs__stored_floats(all->stored, (uint32_t)row, room);
        float length = above(length_of(vector, all->stored->dims));
        if (!(length <= RECS__CODES_LENGTH_MAX)) {
            atomic_store(&all->bad, (uint32_t)row);
            length = 0;
        }
        memcpy(&all->keys[row], &length, sizeof length);
    }
    recs__free_aligned(all->host, room);
}

/* Rows by key, largest first, equal ones ascending: a radix sort, byte by byte. */
static void sort_rows(const uint32_t *keys, uint32_t *order, uint32_t *spare, size_t rows) {
    for (size_t i = 0; i < rows; i++)
        order[i] = (uint32_t)i;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        size_t starts[257] = {0};
        for (size_t i = 0; i < rows; i++)
            starts[256 - (keys[i] >> shift & 255)]++;
        for (size_t b = 1; b < 257; b++)
            starts[b] += starts[b - 1];
        for (size_t i = 0; i < rows; i++)
            spare[starts[255 - (keys[order[i]] >> shift & 255)]++] = order[i];
        memcpy(order, spare, rows * sizeof *order);
    }
}

static recs_status make(making *all, uint32_t *order, recs_error *error) {
    const recs__stored *stored = all->stored;
    size_t rows = stored->rows, tasks = (all->blocks + CHUNK - 1) / CHUNK;
    uint32_t *spare = recs__alloc(all->host, rows, sizeof *spare, error);
    all->keys = recs__alloc(all->host, rows, sizeof *all->keys, error);
    recs_status status = spare == NULL || all->keys == NULL ? RECS_ERR_MEMORY : RECS_OK;
    if (status == RECS_OK) {
        recs__run(all->host, measure, all, tasks);
        uint32_t bad = atomic_load(&all->bad);
        if (bad != UINT32_MAX)
            status = recs__fail(error, RECS_ERR_NUMERIC,
                                "row %u is not finite or longer than %g", bad,
                                (double)RECS__CODES_LENGTH_MAX);
    }
    if (status == RECS_OK && !atomic_load(&all->failed)) {
        sort_rows(all->keys, order, spare, rows);
        recs__run(all->host, make_blocks, all, tasks);
    }
    recs__free(all->host, spare);
    recs__free(all->host, all->keys);
    if (status == RECS_OK && atomic_load(&all->failed))
        status = recs__fail(error, RECS_ERR_MEMORY, "no memory for a row of %u numbers",
                            stored->dims);
    return status;
}

recs_status recs__codes_build(const recs__stored *stored, const recs_host *host, void *bytes,
                              recs_error *error) {
    uint64_t size = recs__codes_size(stored->rows, stored->dims);
    if (size == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%u rows of %u dimensions, expected 1 to 2147483647 of 1 to %d",
                          stored->rows, stored->dims, RECS__CODES_DIMS_MAX);
    recs__codes codes;
    lay_out(&codes, bytes, stored->rows, stored->dims);
    unsigned char *start = bytes;
    recs__codes_head head = {RECS__CODES_VERSION, stored->rows, stored->dims, BLOCK, {0}};
    size_t before = (size_t)(codes.codes - start);
    memset(bytes, 0, before);
    memcpy(bytes, &head, sizeof head);
    memset(start + before, MIDDLE, (size_t)size - before);
    uint32_t *order = (uint32_t *)(void *)(start + ((const unsigned char *)codes.order - start));
    memset(order, 0xFF, codes.tiles * TILE * sizeof *order);
    making all = {
        .stored = stored,
        .host = host,
        .order = order,
        .scales = (float *)(void *)(start + ((const unsigned char *)codes.scales - start)),
        .bounds = (recs__codes_bound *)(void *)(start +
                                                ((const unsigned char *)codes.bounds - start)),
        .codes = start + before,
        .groups = codes.groups,
        .blocks = codes.blocks,
    };
    atomic_init(&all.failed, false);
    atomic_init(&all.bad, UINT32_MAX);
    return make(&all, order, error);
}

/* ---- checking ---------------------------------------------------------------------------- */

static recs_status check_row(const recs__codes *codes, size_t place, const float *vector,
                             recs_error *error) {
    const recs__codes_bound *bound = &codes->bounds[place / BLOCK];
    const uint8_t *tile = codes->codes + place / TILE * codes->groups * 64 + place % TILE * 4;
    float scale = codes->scales[place];
    double sum = 0, length = length_of(vector, codes->dims);
    for (size_t j = 0; j < codes->groups * 4; j++) {
        int code = tile[j / 4 * 64 + j % 4] - MIDDLE;
        if (code < -REACH || code > REACH || (j >= codes->dims && code != 0))
            return recs__fail(error, RECS_ERR_CORRUPT, "place %zu: number %zu is coded as %d",
                              place, j, code + MIDDLE);
        double off = (j < codes->dims ? (double)vector[j] : 0.0) - (double)scale * code;
        sum += off * off;
    }
    double away = bound->error, ratio = bound->ratio;
    if (!(ratio >= 0.0) || (ratio > 0.0 && (double)scale * ratio < away))
        away = (double)scale * ratio;
    if (!(scale >= 0.0f) || !(sqrt(sum) <= away))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "place %zu: row %u is %g from its codes, expected at most %g", place,
                          codes->order[place], sqrt(sum), away);
    if (!(length <= (double)bound->most) || !(length >= (double)bound->least))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "place %zu: row %u has the length %g, expected %g to %g", place,
                          codes->order[place], length, (double)bound->least,
                          (double)bound->most);
    if (place >= BLOCK && !(bound->most <= codes->bounds[place / BLOCK - 1].most))
        return recs__fail(error, RECS_ERR_CORRUPT, "block %zu is longer than the one before it",
                          place / BLOCK);
    return RECS_OK;
}

recs_status recs__codes_verify(const recs__codes *codes, const recs__stored *stored,
                               const recs_host *host, recs_error *error) {
    uint8_t *seen = recs__alloc_zero(host, (size_t)codes->rows / 8 + 1, 1, error);
    float *room = recs__alloc_aligned(host, codes->dims, sizeof *room, error);
    recs_status status = seen == NULL || room == NULL ? RECS_ERR_MEMORY : RECS_OK;
    for (size_t place = 0; status == RECS_OK && place < codes->tiles * TILE; place++) {
        uint32_t row = codes->order[place];
        if (place >= codes->rows) {
            if (row != UINT32_MAX)
                status = recs__fail(error, RECS_ERR_CORRUPT, "place %zu: row %u behind the last",
                                    place, row);
            continue;
        }
        if (row >= codes->rows || (seen[row / 8] >> (row % 8) & 1) != 0)
            status = recs__fail(error, RECS_ERR_CORRUPT,
                                "place %zu: row %u, expected each below %u once", place, row,
                                codes->rows);
        if (status != RECS_OK)
            break;
        seen[row / 8] = (uint8_t)(seen[row / 8] | 1 << (row % 8));
        status = check_row(codes, place, recs__stored_floats(stored, row, room), error);
    }
    recs__free(host, seen);
    recs__free_aligned(host, room);
    return status;
}

/* ---- queries ------------------------------------------------------------------------------ */

static size_t segments_of(size_t groups) {
    return (groups + RECS__CODES_SEGMENT - 1) / RECS__CODES_SEGMENT;
}

/* Fine codes, codes, pairs; starts, those of pairs. */
size_t recs__codes_room(uint32_t dims) {
    size_t groups = ((size_t)dims + 3) / 4;
    return up(groups * 8) + 2 * up(groups * 4) + 2 * up(segments_of(groups) * sizeof(uint32_t));
}

/* The largest sum of magnitudes in half a segment, in units of scale one. */
static double half_sum(const float *vector, size_t dims) {
    double largest = 0;
    for (size_t from = 0; from < dims; from += 4 * RECS__CODES_SEGMENT) {
        double halves[2] = {0, 0};
        for (size_t j = from; j < dims && j < from + 4 * RECS__CODES_SEGMENT; j++)
            halves[j / 2 % 2] += fabs((double)vector[j]);
        largest = halves[0] > largest ? halves[0] : largest;
        largest = halves[1] > largest ? halves[1] : largest;
    }
    return largest;
}

static uint32_t start_of(const int32_t halves[2]) {
    return ((uint32_t)-halves[0] & 0xFFFF) | (uint32_t)-halves[1] << 16;
}

/* Of two codes c of the first line and d of the second, c d + 90 c is what the query adds
 * of itself (avx2_pairs.h). */
static void make_pairs(const int8_t *codes, size_t groups, int8_t *pairs, uint32_t *starts) {
    const size_t segment = RECS__CODES_SEGMENT;
    for (size_t from = 0, s = 0; from < groups; from += segment, s++) {
        size_t to = from + segment < groups ? from + segment : groups, g = from;
        int32_t halves[2] = {0, 0};
        for (; g + 2 <= to; g += 2)
            for (size_t j = 0; j < 4; j++) {
                int first = codes[4 * g + j], second = codes[4 * g + 4 + j];
                pairs[4 * g + j] = (int8_t)(second + 90 - MIDDLE);
                pairs[4 * g + 4 + j] = (int8_t)(first - MIDDLE);
                halves[j / 2] += first * second + 90 * first;
            }
        for (size_t j = 0; g < to && j < 4; j++) {
            pairs[4 * g + j] = codes[4 * g + j];
            halves[j / 2] += MIDDLE * codes[4 * g + j];
        }
        starts[s] = start_of(halves);
    }
}

/* Of 16 bits, but such that the sum with any row's codes less 64 stays below 2^31. */
static void make_fine(recs__code_vector *out, const float *vector, size_t dims, float largest,
                      int16_t *fine) {
    double sum = 0, off = 0;
    for (size_t j = 0; j < dims; j++)
        sum += fabs((double)vector[j]);
    double least = sum / FINE_SUM, level = (double)largest / FINE_REACH;
    float scale = above(level > least ? level : least), inverse = 1.0f / scale;
    uint32_t total = 0;
    for (size_t j = 0; j < dims; j++) {
        int code = nearest(vector[j], inverse, FINE_REACH);
        double away = (double)vector[j] - (double)scale * code;
        off += away * away;
        fine[j] = (int16_t)code;
        total += (uint32_t)(MIDDLE * code);
    }
    out->fine = fine;
    out->fine_start = (int32_t)(0 - total);
    out->fine_scale = scale;
    out->fine_error = sqrt(off) * SLACK;
}

void recs__codes_query(recs__code_vector *out, const float *vector, uint32_t dims, bool many,
                       void *room) {
    size_t groups = ((size_t)dims + 3) / 4;
    size_t segments = segments_of(groups);
    unsigned char *at = (unsigned char *)room + up(groups * 8);
    int8_t *codes = (int8_t *)at, *pairs = (int8_t *)(at + up(groups * 4));
    uint32_t *starts = (uint32_t *)(void *)(at + 2 * up(groups * 4));
    uint32_t *pair_starts = starts + up(segments * sizeof *starts) / sizeof *starts;
    many &= recs__kernels_get()->code_scan_pairs != NULL && dims <= RECS__CODES_PAIRS_DIMS;
    float reach = many ? RECS__CODES_PAIR_REACH : 127;
    memset(room, 0, groups * 8);
    memset(codes, 0, groups * 4);
    memset(starts, 0, segments * sizeof *starts);
    *out = (recs__code_vector){.query = {.codes = codes, .starts = starts},
                               .length = length_of(vector, dims) * SLACK};
    float largest = largest_of(vector, dims);
    if (!(out->length <= (double)RECS__CODES_LENGTH_MAX) || largest < 0x1p-100f)
        return;
    double halves = half_sum(vector, dims) / HALF_SUM;
    double level = (double)largest / (double)reach;
    float scale = above(level > halves ? level : halves);
    float inverse = 1.0f / scale;
    double sum = 0;
    int32_t total = 0;
    for (size_t from = 0, s = 0; from < dims; from += 4 * RECS__CODES_SEGMENT, s++) {
        int32_t halves_of[2] = {0, 0};
        for (size_t j = from; j < dims && j < from + 4 * RECS__CODES_SEGMENT; j++) {
            int code = nearest(vector[j], inverse, reach);
            double off = (double)vector[j] - (double)scale * code;
            sum += off * off;
            codes[j] = (int8_t)code;
            halves_of[j / 2 % 2] += MIDDLE * code;
        }
        starts[s] = start_of(halves_of);
        total += halves_of[0] + halves_of[1];
    }
    out->query.start = -total;
    out->scale = scale;
    out->inverse = 1.0 / (double)scale;
    out->error = sqrt(sum) * SLACK;
    make_fine(out, vector, dims, largest, room);
    if (!many)
        return;
    make_pairs(codes, groups, pairs, pair_starts);
    out->query.pairs = pairs;
    out->query.pair_starts = pair_starts;
}
