/* intern.c - texts to dense numbers.
 *
 * Operations: add and find O(length of the text), text O(1), truncate
 * O(slots), order O(n log n). Memory: the bytes of each text once and a NUL,
 * 8 bytes of end and 12 to 24 bytes of slots per text.
 *
 * A slot is half hash, half number, so that a probe that meets another text
 * looks into the arena once in four billion times only.
 *
 * Invariants
 *   1. slot_count is 0 or a power of two above count * 4 / 3.
 *   2. Every text has exactly one slot, reachable by linear probing from its
 *      hash without crossing a free one. */
#include "train/intern.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#include <string.h>

#define FIRST_SLOTS 1024

void recs__intern_clear(recs__intern *intern, const recs_host *host) {
    recs__free(host, intern->bytes);
    recs__free(host, intern->ends);
    recs__free(host, intern->slots);
    memset(intern, 0, sizeof *intern);
}

const char *recs__intern_text(const recs__intern *intern, uint32_t number, size_t *size) {
    uint64_t begin = number ? intern->ends[number - 1] : 0;
    if (size != NULL)
        *size = (size_t)(intern->ends[number] - begin - 1);
    return intern->bytes + begin;
}

static uint64_t tag_of(uint64_t hash) { return hash & UINT64_C(0xFFFFFFFF00000000); }

/* The slot of the text, or the free one where it belongs. */
static size_t probe(const recs__intern *intern, const char *text, size_t size, uint64_t hash) {
    size_t mask = intern->slot_count - 1, at = (size_t)hash & mask;
    for (;; at = (at + 1) & mask) {
        uint64_t slot = intern->slots[at];
        if (slot == 0)
            return at;
        if (tag_of(slot) != tag_of(hash))
            continue;
        size_t length;
        const char *other = recs__intern_text(intern, (uint32_t)slot - 1, &length);
        if (length == size && memcmp(other, text, size) == 0)
            return at;
    }
}

uint32_t recs__intern_find(const recs__intern *intern, const char *text, size_t size) {
    if (intern->slot_count == 0)
        return RECS_NO_ROW;
    uint64_t slot = intern->slots[probe(intern, text, size, recs__hash(text, size))];
    return slot ? (uint32_t)slot - 1 : RECS_NO_ROW;
}

static void place(uint64_t *slots, size_t slot_count, uint64_t hash, uint32_t number) {
    size_t mask = slot_count - 1, at = (size_t)hash & mask;
    while (slots[at] != 0)
        at = (at + 1) & mask;
    slots[at] = tag_of(hash) | ((uint64_t)number + 1);
}

static void place_all(const recs__intern *intern, uint64_t *slots, size_t slot_count) {
    for (uint32_t i = 0; i < intern->count; i++) {
        size_t size;
        const char *text = recs__intern_text(intern, i, &size);
        place(slots, slot_count, recs__hash(text, size), i);
    }
}

static recs_status make_room(recs__intern *intern, const recs_host *host, size_t size,
                             recs_error *error) {
    recs_status status = recs__grow(host, (void **)&intern->bytes, &intern->capacity,
                                    intern->used + size + 1, 1, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&intern->ends, &intern->ends_capacity,
                            (size_t)intern->count + 1, sizeof *intern->ends, error);
    if (status != RECS_OK || ((size_t)intern->count + 1) * 4 < intern->slot_count * 3)
        return status;
    size_t slot_count = intern->slot_count ? intern->slot_count * 2 : FIRST_SLOTS;
    uint64_t *slots = recs__alloc_zero(host, slot_count, sizeof *slots, error);
    if (slots == NULL)
        return RECS_ERR_MEMORY;
    place_all(intern, slots, slot_count);
    recs__free(host, intern->slots);
    intern->slots = slots;
    intern->slot_count = slot_count;
    return RECS_OK;
}

recs_status recs__intern_add(recs__intern *intern, const recs_host *host, const char *text,
                             size_t size, uint32_t limit, const char *what, uint32_t *number,
                             recs_error *error) {
    uint64_t hash = recs__hash(text, size);
    if (intern->slot_count != 0) {
        uint64_t slot = intern->slots[probe(intern, text, size, hash)];
        if (slot != 0) {
            *number = (uint32_t)slot - 1;
            return RECS_OK;
        }
    }
    if (intern->count >= limit)
        return recs__fail(error, RECS_ERR_LIMIT, "more than %u %s: \"%.*s\" is one too many", limit,
                          what, (int)(size < 64 ? size : 64), text);
    recs_status status = make_room(intern, host, size, error);
    if (status != RECS_OK)
        return status;
    if (size != 0)
        memcpy(intern->bytes + intern->used, text, size);
    intern->bytes[intern->used + size] = '\0';
    intern->used += size + 1;
    intern->ends[intern->count] = intern->used;
    place(intern->slots, intern->slot_count, hash, intern->count);
    *number = intern->count++;
    return RECS_OK;
}

void recs__intern_truncate(recs__intern *intern, uint32_t count) {
    if (count >= intern->count)
        return;
    intern->count = count;
    intern->used = count ? (size_t)intern->ends[count - 1] : 0;
    memset(intern->slots, 0, intern->slot_count * sizeof *intern->slots);
    place_all(intern, intern->slots, intern->slot_count);
}

uint64_t recs__intern_bytes(const recs__intern *intern) {
    return (uint64_t)intern->capacity + intern->ends_capacity * sizeof *intern->ends +
           intern->slot_count * sizeof *intern->slots;
}

recs_status recs__intern_copy(recs__intern *out, const recs__intern *from, const recs_host *host,
                              recs_error *error) {
    memset(out, 0, sizeof *out);
    if (from->count == 0)
        return RECS_OK;
    out->bytes = recs__alloc(host, from->used, 1, error);
    out->ends = out->bytes ? recs__alloc(host, from->count, sizeof *out->ends, error) : NULL;
    out->slots = out->ends ? recs__alloc(host, from->slot_count, sizeof *out->slots, error) : NULL;
    if (out->slots == NULL) {
        recs__intern_clear(out, host);
        return RECS_ERR_MEMORY;
    }
    memcpy(out->bytes, from->bytes, from->used);
    memcpy(out->ends, from->ends, from->count * sizeof *out->ends);
    memcpy(out->slots, from->slots, from->slot_count * sizeof *out->slots);
    out->used = out->capacity = from->used;
    out->ends_capacity = from->count;
    out->slot_count = from->slot_count;
    out->count = from->count;
    return RECS_OK;
}

/* ---- order --------------------------------------------------------------------- */

/* The first eight bytes as a big-endian number order texts as their bytes do,
 * except among equal ones. */
typedef struct ranked {
    uint64_t head;
    uint32_t number;
} ranked;

static uint64_t head_of(const char *text, size_t size) {
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < size ? (unsigned char)text[i] : 0);
    return head;
}

static int compare(const recs__intern *intern, const ranked *a, const ranked *b) {
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    size_t a_size, b_size;
    const char *a_text = recs__intern_text(intern, a->number, &a_size);
    const char *b_text = recs__intern_text(intern, b->number, &b_size);
    return recs__compare_ids(a_text, a_size, b_text, b_size);
}

static void merge(const recs__intern *intern, const ranked *from, ranked *to, size_t begin,
                  size_t middle, size_t end) {
    size_t left = begin, right = middle;
    if (middle >= end || compare(intern, &from[middle - 1], &from[middle]) <= 0) {
        memcpy(to + begin, from + begin, (end - begin) * sizeof *to);
        return;
    }
    for (size_t at = begin; at < end; at++) {
        bool take_left = left < middle &&
                         (right >= end || compare(intern, &from[left], &from[right]) <= 0);
        to[at] = take_left ? from[left++] : from[right++];
    }
}

recs_status recs__intern_order(const recs__intern *intern, const recs_host *host, uint32_t *order,
                               recs_error *error) {
    size_t count = intern->count;
    ranked *both = recs__alloc(host, count * 2, sizeof *both, error);
    if (both == NULL)
        return RECS_ERR_MEMORY;
    ranked *from = both, *to = both + count;
    for (uint32_t i = 0; i < count; i++) {
        size_t size;
        const char *text = recs__intern_text(intern, i, &size);
        from[i] = (ranked){head_of(text, size), i};
    }
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            merge(intern, from, to, begin, middle, end);
        }
        ranked *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = from[i].number;
    recs__free(host, both);
    return RECS_OK;
}
