/* faiss_head.c - choosing the longest vectors and numbering the others, behind
 * faiss_head.h.
 *
 * One reading: the longest so far are in a heap whose root is the shortest of
 * them, and some thousand lengths, evenly spread, tell the median. */
#include "faiss/faiss_head.h"

#include <math.h>
#include <string.h>

enum { PART = 1024, SAMPLE = 4096 };

#define FAR 1.5f /* times the median */

/* Orders lengths, of equal ones the later row first. A length is not negative, so its bits
 * are in order. */
static uint64_t key_of(float length, uint32_t row) {
    uint32_t bits;
    memcpy(&bits, &length, sizeof bits);
    return (uint64_t)bits << 32 | (UINT32_MAX - row);
}

static float length_of(uint64_t key) {
    uint32_t bits = (uint32_t)(key >> 32);
    float length;
    memcpy(&length, &bits, sizeof length);
    return length;
}

/* ---- a heap, its least key at the root -------------------------------------------- */

static void sift(uint64_t *heap, size_t at, size_t count) {
    uint64_t key = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (heap[child] >= key)
            break;
        heap[at] = heap[child];
    }
    heap[at] = key;
}

static void make_heap(uint64_t *keys, size_t count) {
    for (size_t i = count / 2; i-- > 0;)
        sift(keys, i, count);
}

/* Greatest first. */
static void sort(uint64_t *keys, size_t count) {
    make_heap(keys, count);
    for (size_t end = count; end > 1; end--) {
        uint64_t least = keys[0];
        keys[0] = keys[end - 1];
        keys[end - 1] = least;
        sift(keys, 0, end - 1);
    }
}

/* ---- choosing ----------------------------------------------------------------------- */

typedef struct choice {
    uint64_t *longest, *sample; /* keys */
    size_t most, held, sampled;
    uint64_t step; /* every so many rows one is of the sample */
    double all;    /* the greatest length there is            */
    float rest;    /* the greatest that is not held           */
} choice;

static void look(choice *c, uint64_t row, double length) {
    uint64_t key = key_of((float)length, (uint32_t)row);
    if (row % c->step == 0 && c->sampled < SAMPLE)
        c->sample[c->sampled++] = key;
    c->all = length > c->all ? length : c->all;
    if (c->held < c->most) {
        c->longest[c->held++] = key;
        if (c->held == c->most)
            make_heap(c->longest, c->held);
        return;
    }
    if (c->most != 0 && key > c->longest[0]) {
        uint64_t out = c->longest[0];
        c->longest[0] = key;
        sift(c->longest, 0, c->held);
        key = out;
    }
    c->rest = length_of(key) > c->rest ? length_of(key) : c->rest;
}

static recs_status look_at_all(choice *c, const recs_vector_source *source, float *room,
                               recs__faiss_progress *progress, recs_error *error) {
    for (uint64_t first = 0; first < source->count; first += PART) {
        size_t count = source->count - first < PART ? (size_t)(source->count - first) : PART;
        int32_t status = source->read(source->data, first, count, room, error);
        for (size_t i = 0; status == RECS_OK && i < count; i++) {
            const float *row = room + i * source->dimension;
            double sum = 0.0;
            for (uint32_t j = 0; j < source->dimension; j++)
                sum += (double)row[j] * row[j];
            look(c, first + i, sqrt(sum));
        }
        if (status == RECS_OK)
            status = recs__faiss_tell(progress, "measuring vectors", first + count, source->count,
                                      error);
        if (status != RECS_OK)
            return (recs_status)status;
    }
    if (!(c->all <= 1e18))
        return recs__faiss_fail(error, RECS_ERR_NUMERIC,
                                "a vector of length %g, expected at most 1e18: squares of "
                                "distances would not be finite",
                                c->all);
    return RECS_OK;
}

/* Those of the longest that count go into the head, in order of their rows. */
static recs_status keep(recs__faiss_head *head, choice *c, bool far, const recs_host *host,
                        recs_error *error) {
    sort(c->longest, c->held);
    sort(c->sample, c->sampled);
    size_t kept = c->held;
    float least = FAR * length_of(c->sample[c->sampled / 2]);
    while (far && kept > 0 && !(length_of(c->longest[kept - 1]) > least))
        kept--;
    if (kept < c->held)
        c->rest = length_of(c->longest[kept]);
    if (kept == 0)
        return RECS_OK;
    head->rows = recs__faiss_allocate(host, kept * sizeof *head->rows);
    if (head->rows == NULL)
        return recs__faiss_fail_memory(error, kept * sizeof *head->rows);
    for (size_t i = 0; i < kept; i++)
        c->longest[i] = (uint32_t)c->longest[i]; /* the later a row, the less */
    sort(c->longest, kept);
    for (size_t i = 0; i < kept; i++)
        head->rows[i] = UINT32_MAX - (uint32_t)c->longest[i];
    head->count = (uint32_t)kept;
    return RECS_OK;
}

recs_status recs__faiss_head_choose(recs__faiss_head *head, const recs_vector_source *source,
                                    size_t most, bool far, float *reach, const recs_host *host,
                                    recs__faiss_progress *progress, recs_error *error) {
    size_t keys = (most + SAMPLE) * sizeof(uint64_t);
    size_t size = keys + (size_t)PART * source->dimension * sizeof(float);
    choice c = {.most = most, .step = source->count / SAMPLE + 1};
    c.longest = recs__faiss_allocate(host, size);
    if (c.longest == NULL)
        return recs__faiss_fail_memory(error, size);
    c.sample = c.longest + most;
    recs_status status =
        look_at_all(&c, source, (float *)(void *)(c.sample + SAMPLE), progress, error);
    if (status == RECS_OK)
        status = keep(head, &c, far, host, error);
    /* A little longer than the longest, so that rounding cannot make it less. */
    *reach = c.rest * (1.0f + 1e-6f);
    recs__faiss_release(host, c.longest);
    return status;
}

/* ---- its vectors ----------------------------------------------------------------------- */

recs_status recs__faiss_head_fill(recs__faiss_head *head, const recs__faiss *faiss,
                                  const recs_vector_source *source, const recs_host *host,
                                  recs_error *error) {
    if (head->count == 0)
        return RECS_OK;
    if (faiss->call.index_factory(&head->flat, (int)source->dimension, "Flat",
                                  RECS__FAISS_INNER) != 0) {
        head->flat = NULL;
        return recs__faiss_fail_call(faiss, error, RECS_ERR_ARGUMENT, "the longest vectors");
    }
    size_t size = (size_t)PART * source->dimension * sizeof(float);
    float *room = recs__faiss_allocate(host, size);
    if (room == NULL)
        return recs__faiss_fail_memory(error, size);
    int32_t status = RECS_OK;
    for (uint32_t first = 0; status == RECS_OK && first < head->count; first += PART) {
        uint32_t count = head->count - first < PART ? head->count - first : PART;
        for (uint32_t i = 0; status == RECS_OK && i < count; i++)
            status = source->read(source->data, head->rows[first + i], 1,
                                  room + (size_t)i * source->dimension, error);
        if (status == RECS_OK && faiss->call.Index_add(head->flat, count, room) != 0)
            status = recs__faiss_fail_call(faiss, error, RECS_ERR_ARGUMENT, "the longest vectors");
    }
    recs__faiss_release(host, room);
    return (recs_status)status;
}

void recs__faiss_head_free(recs__faiss_head *head, const recs__faiss *faiss,
                           const recs_host *host) {
    if (head->flat != NULL)
        faiss->call.Index_free(head->flat);
    recs__faiss_release(host, head->rows);
    *head = (recs__faiss_head){0};
}

/* ---- labels of the others ------------------------------------------------------------- */

/* Rows of the head before that of a label. */
static uint32_t before(const recs__faiss_head *head, uint32_t label) {
    uint32_t low = 0, high = head->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (head->rows[middle] - middle <= label)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t recs__faiss_head_row(const recs__faiss_head *head, uint32_t label) {
    return label + before(head, label);
}

size_t recs__faiss_head_run(const recs__faiss_head *head, uint32_t label) {
    uint32_t at = before(head, label);
    return at < head->count ? head->rows[at] - (label + at) : SIZE_MAX;
}

/* 56 bits from a place on. */
static uint64_t bits_at(const uint8_t *bits, size_t bytes, uint64_t at) {
    uint64_t word = 0, byte = at / 8;
    if (byte >= bytes)
        return 0;
    memcpy(&word, bits + byte, bytes - byte < sizeof word ? (size_t)(bytes - byte) : sizeof word);
    return word >> at % 8;
}

void recs__faiss_head_allowed(const recs__faiss_head *head, uint64_t tail, const uint8_t *allowed,
                              size_t bytes, uint64_t *out) {
    memset(out, 0, recs__faiss_head_words(tail) * sizeof *out);
    uint64_t row = 0, label = 0;
    for (uint32_t next = 0; label < tail; next++) {
        uint64_t end = next < head->count ? head->rows[next] : tail + head->count;
        while (row < end) {
            uint64_t count = end - row < 56 ? end - row : 56;
            uint64_t bits = bits_at(allowed, bytes, row) & ((UINT64_C(1) << count) - 1);
            out[label / 64] |= bits << label % 64;
            if (label % 64 + count > 64)
                out[label / 64 + 1] |= bits >> (64 - label % 64);
            row += count;
            label += count;
        }
        row = end + 1;
    }
}
