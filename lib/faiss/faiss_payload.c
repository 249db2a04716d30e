/* faiss_payload.c - the bytes of an index, behind faiss_index.h.
 *
 *   header   64 bytes, what the index is of
 *   payload  rows of the head, uint32 each, and FAISS's bytes of their vectors, where
 *            there is a head; FAISS's bytes of the index
 *   trailer  32 bytes: size and checksum of the payload
 *
 * little-endian, as the file around it. FAISS believes what it reads: wrong
 * bytes make it write where it should not. Header, size and checksum are
 * therefore looked at before FAISS sees the payload, and catch what is
 * truncated or damaged. They do not catch what somebody made on purpose, so
 * whoever opens must trust where the bytes come from; the vector set asks for
 * that (recs_open_options.trusted).
 *
 * FAISS reads and writes stdio streams; these go to memory and to the sink
 * without a file. No flag is passed to its reader: FAISS_IO_FLAG_MMAP of its C
 * header is 1, which is not the flag of that name in C++, and mapping would
 * need a file of its own. */
#include "faiss/faiss_index.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/types.h>

static const char magic[8] = {'R', 'E', 'C', 'S', 'F', 'A', 'I', '2'};
static const char end_magic[8] = {'2', 'I', 'A', 'F', 'S', 'C', 'E', 'R'};

typedef struct header {
    char magic[8];
    uint64_t count;
    uint32_t dimension, width;
    int32_t metric;
    uint32_t augmented;
    float reach;
    uint32_t head; /* rows of it */
    uint32_t kind; /* a recs__faiss_kind */
    uint32_t zero[5];
} header;

typedef struct trailer {
    uint64_t size, checksum, zero;
    char magic[8];
} trailer;

_Static_assert(sizeof(header) == 64 && sizeof(trailer) == 32, "no padding");

/* A 64-bit checksum of bytes that come in pieces of any size. */
typedef struct checksum {
    uint64_t state, word;
    unsigned filled; /* bytes of word */
} checksum;

static void mix(checksum *sum, uint64_t word) {
    sum->state = (sum->state ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    sum->state ^= sum->state >> 32;
}

static void feed(checksum *sum, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    while (size > 0 && sum->filled != 0) {
        sum->word |= (uint64_t)*at++ << 8 * sum->filled;
        size--;
        sum->filled = (sum->filled + 1) % 8;
        if (sum->filled == 0) {
            mix(sum, sum->word);
            sum->word = 0;
        }
    }
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        mix(sum, word);
    }
    while (size > 0) {
        sum->word |= (uint64_t)*at++ << 8 * sum->filled++;
        size--;
    }
}

static uint64_t finished(checksum *sum, uint64_t size) {
    mix(sum, sum->word);
    mix(sum, size);
    return sum->state;
}

/* ---- writing ---------------------------------------------------------------- */

typedef struct writing {
    const recs_vector_sink *sink; /* NULL: only count */
    recs_error *error;
    recs_status status;
    uint64_t size;
    checksum sum;
} writing;

static ssize_t write_some(void *cookie, const char *bytes, size_t size) {
    writing *w = cookie;
    if (w->status != RECS_OK)
        return 0;
    w->size += size;
    if (w->sink == NULL)
        return (ssize_t)size;
    feed(&w->sum, bytes, size);
    w->status = (recs_status)w->sink->write(w->sink->data, bytes, size, w->error);
    return w->status == RECS_OK ? (ssize_t)size : 0;
}

static recs_status write_payload(const recs__faiss_index *index, writing *w, recs_error *error) {
    cookie_io_functions_t io = {.write = write_some};
    FILE *stream = fopencookie(w, "wb", io);
    if (stream == NULL)
        return recs__faiss_fail_memory(error, BUFSIZ);
    const recs__faiss_head *head = &index->head;
    int failed = 0;
    if (head->count != 0 &&
        fwrite(head->rows, sizeof *head->rows, head->count, stream) == head->count)
        failed = index->faiss->call.write_index(head->flat, stream);
    if (failed == 0)
        failed = index->faiss->call.write_index(index->index, stream);
    int unflushed = fclose(stream);
    if (w->status != RECS_OK)
        return w->status;
    if (failed != 0)
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_UNSUPPORTED, "saving the index");
    if (unflushed != 0)
        return recs__faiss_fail(error, RECS_ERR_IO, "the bytes of the index cannot be written");
    return RECS_OK;
}

uint64_t recs__faiss_index_measure(const recs__faiss_index *index) {
    writing w = {.status = RECS_OK};
    return write_payload(index, &w, NULL) == RECS_OK ? w.size : 0;
}

recs_status recs__faiss_index_save(const recs__faiss_index *index, const recs_vector_sink *sink,
                                   recs_error *error) {
    header h = {.count = index->count,
                .dimension = index->dimension,
                .width = index->width,
                .metric = index->metric,
                .augmented = index->augmented,
                .head = index->head.count,
                .kind = (uint32_t)index->spec.kind,
                .reach = index->reach};
    memcpy(h.magic, magic, sizeof magic);
    int32_t status = sink->write(sink->data, &h, sizeof h, error);
    if (status != RECS_OK)
        return (recs_status)status;
    writing w = {.sink = sink, .error = error, .status = RECS_OK};
    status = write_payload(index, &w, error);
    if (status != RECS_OK)
        return (recs_status)status;
    trailer t = {.size = w.size, .checksum = finished(&w.sum, w.size)};
    memcpy(t.magic, end_magic, sizeof end_magic);
    return (recs_status)sink->write(sink->data, &t, sizeof t, error);
}

/* ---- reading ---------------------------------------------------------------- */

typedef struct reading {
    const char *at;
    size_t left;
} reading;

static ssize_t read_some(void *cookie, char *out, size_t size) {
    reading *r = cookie;
    size = size < r->left ? size : r->left;
    memcpy(out, r->at, size);
    r->at += size;
    r->left -= size;
    return (ssize_t)size;
}

static recs_status check_whole(const recs__faiss_index *index, const void *bytes, size_t size,
                               header *h, recs_error *error) {
    trailer t;
    if (size < sizeof *h + sizeof t)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "an index of %zu bytes, expected at least %zu", size,
                                sizeof *h + sizeof t);
    const char *payload = (const char *)bytes + sizeof *h;
    size_t payload_size = size - sizeof *h - sizeof t;
    memcpy(h, bytes, sizeof *h);
    memcpy(&t, payload + payload_size, sizeof t);
    if (memcmp(h->magic, magic, sizeof magic) != 0)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "these bytes are no index of librecs-faiss");
    if (memcmp(t.magic, end_magic, sizeof end_magic) != 0 || t.size != payload_size)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "the index is truncated: %zu bytes of it are here", payload_size);
    if (h->count != index->count || h->dimension != index->dimension ||
        h->metric != index->metric)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "an index of %" PRIu64 " vectors of dimension %u under metric %d, "
                                "expected %" PRIu64 " of %u under %d",
                                h->count, h->dimension, h->metric, index->count, index->dimension,
                                index->metric);
    if (h->kind != (uint32_t)index->spec.kind)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "the index is of kind %u, expected %u as the description says",
                                h->kind, (unsigned)index->spec.kind);
    if (h->width != index->width || h->augmented != (uint32_t)index->augmented ||
        h->head > RECS__FAISS_HEAD_MOST || (h->head != 0 && h->head >= h->count) ||
        !(h->reach >= 0.0f && h->reach <= 1.1e18f))
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "the index has vectors of width %u and length %g, %u of them "
                                "apart, expected width %u as the description says",
                                h->width, (double)h->reach, h->head, index->width);
    checksum sum = {0, 0, 0};
    feed(&sum, payload, payload_size);
    if (finished(&sum, payload_size) != t.checksum)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT, "the index is damaged: wrong checksum");
    return RECS_OK;
}

/* The head: rows below count in ascending order, and as many vectors. */
static recs_status read_head(recs__faiss_index *index, FILE *stream, recs_error *error) {
    const recs__faiss_calls *call = &index->faiss->call;
    recs__faiss_head *head = &index->head;
    if (head->count == 0)
        return RECS_OK;
    size_t size = head->count * sizeof *head->rows;
    head->rows = recs__faiss_allocate(&index->host, size);
    if (head->rows == NULL)
        return recs__faiss_fail_memory(error, size);
    bool good = fread(head->rows, sizeof *head->rows, head->count, stream) == head->count;
    for (uint32_t i = 0; good && i < head->count; i++)
        good = head->rows[i] < index->count && (i == 0 || head->rows[i] > head->rows[i - 1]);
    if (!good)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "the rows of the longest vectors are out of order");
    if (call->read_index(stream, 0, &head->flat) != 0) {
        head->flat = NULL;
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_CORRUPT,
                                     "reading the longest vectors");
    }
    if (call->Index_ntotal(head->flat) != head->count ||
        (uint32_t)call->Index_d(head->flat) != index->dimension ||
        call->Index_metric_type(head->flat) != RECS__FAISS_INNER)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "the longest vectors are %lld of width %d, expected %u of %u",
                                (long long)call->Index_ntotal(head->flat),
                                call->Index_d(head->flat), head->count, index->dimension);
    return RECS_OK;
}

recs_status recs__faiss_index_open(recs__faiss_index *index, const void *bytes, size_t size,
                                   recs_error *error) {
    const recs__faiss_calls *call = &index->faiss->call;
    header h;
    recs_status status = check_whole(index, bytes, size, &h, error);
    if (status != RECS_OK)
        return status;
    index->reach = h.reach;
    index->head.count = h.head;
    index->tail = index->count - h.head;

    reading r = {(const char *)bytes + sizeof h, size - sizeof h - sizeof(trailer)};
    cookie_io_functions_t io = {.read = read_some};
    FILE *stream = fopencookie(&r, "rb", io);
    if (stream == NULL)
        return recs__faiss_fail_memory(error, BUFSIZ);
    status = read_head(index, stream, error);
    int failed = status == RECS_OK ? call->read_index(stream, 0, &index->index) : 0;
    fclose(stream);
    if (status != RECS_OK)
        return status;
    if (failed != 0) {
        index->index = NULL;
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_CORRUPT, "reading the index");
    }
    if (!call->Index_is_trained(index->index) ||
        (uint64_t)call->Index_ntotal(index->index) != index->tail ||
        (uint32_t)call->Index_d(index->index) != index->width)
        return recs__faiss_fail(error, RECS_ERR_CORRUPT,
                                "the index FAISS read has %lld vectors of width %d, expected "
                                "%" PRIu64 " of %u",
                                (long long)call->Index_ntotal(index->index),
                                call->Index_d(index->index), index->tail, index->width);
    index->bytes = size - sizeof h - sizeof(trailer);
    return recs__faiss_index_settle(index, error);
}
