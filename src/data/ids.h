/* ids.h - the id table: outside id <-> row, over memory that may be a file.
 *
 * Rows are in byte order of the ids (shorter first on a tie), ids are unique.
 * Look-up is a binary search: log2(n) comparisons, no index of its own; 8
 * bytes of offset, the id and a NUL per row. Access is clamped as in csr.h. */
#ifndef RECS_DATA_IDS_H
#define RECS_DATA_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct recs__ids {
    const uint64_t *offsets; /* count + 1                              */
    const char *bytes;       /* each id followed by a NUL              */
    uint64_t size;           /* bytes in all                           */
    uint32_t count;
    uint32_t longest;        /* a longer entry counts as damaged; 0: any length is fine */
} recs__ids;

/* Id of a row, NUL-terminated, its length without the NUL in *size (may be
 * NULL). NULL for no such row or a damaged entry. O(1). */
const char *recs__ids_get(const recs__ids *ids, uint32_t row, size_t *size);

/* Says that the id of a row will be wanted: first where it lies, with that its text. Many rows
 * are then waited for together and not one after the other. */
static inline void recs__ids_soon(const recs__ids *ids, uint32_t row, bool text) {
    if (row >= ids->count)
        return;
    if (!text)
        __builtin_prefetch(&ids->offsets[row]);
    else if (ids->offsets[row] < ids->size)
        __builtin_prefetch(ids->bytes + ids->offsets[row]);
}

/* Row of an id, RECS_NO_ROW when there is none. O(log n). */
uint32_t recs__ids_find(const recs__ids *ids, const char *id, size_t size);

#endif
