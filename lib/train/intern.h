/* intern.h - texts to dense numbers: ids of users, items, baskets, values of
 * a text column. Open addressing over XXH3; the texts lie in one arena, each
 * with a NUL behind it. Numbers are given in order of first appearance. */
#ifndef RECS_TRAIN_INTERN_H
#define RECS_TRAIN_INTERN_H

#include "recs/base.h"

typedef struct recs__intern {
    char *bytes;
    size_t used, capacity;
    uint64_t *ends; /* end of text i in bytes, its NUL included */
    size_t ends_capacity;
    uint64_t *slots; /* upper half of the hash, number + 1; 0: free */
    size_t slot_count; /* a power of two, or 0 */
    uint32_t count;
} recs__intern;

void recs__intern_clear(recs__intern *intern, const recs_host *host);

/* Number of text, made when it is new. LIMIT: there are limit texts already,
 * and this one is new (what names them for the text of the error). MEMORY.
 * On failure nothing changed. Amortised O(size). */
recs_status recs__intern_add(recs__intern *intern, const recs_host *host, const char *text,
                             size_t size, uint32_t limit, const char *what, uint32_t *number,
                             recs_error *error);

/* RECS_NO_ROW when it is not there. */
uint32_t recs__intern_find(const recs__intern *intern, const char *text, size_t size);

/* Text of a number below the count; its length without the NUL in *size (may
 * be NULL). Moves when texts are added. */
const char *recs__intern_text(const recs__intern *intern, uint32_t number, size_t *size);

/* Forgets every text from number count on. O(slots), never fails. */
void recs__intern_truncate(recs__intern *intern, uint32_t count);

/* Bytes held. */
uint64_t recs__intern_bytes(const recs__intern *intern);

/* A copy of its own. MEMORY. */
recs_status recs__intern_copy(recs__intern *out, const recs__intern *from, const recs_host *host,
                              recs_error *error);

/* Writes the numbers 0 … count - 1 into order, ordered by the bytes of their
 * texts. MEMORY. O(n log n) comparisons, nearly all of eight bytes. */
recs_status recs__intern_order(const recs__intern *intern, const recs_host *host, uint32_t *order,
                               recs_error *error);

#endif
