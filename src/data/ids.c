/* ids.c - the id table over memory that may be a hostile file.
 *
 * Operations: recs__ids_get O(1), recs__ids_find O(log n) comparisons.
 * No allocation, no state.
 *
 * Invariant: what get returns is NUL-terminated inside the table's bytes, and
 * not longer than `longest`, whatever the offsets say. So a file whose
 * offsets overlap cannot make a reader copy more than it holds. */
#include "data/ids.h"

#include "base/text.h"
#include "recs/base.h"

const char *recs__ids_get(const recs__ids *ids, uint32_t row, size_t *size) {
    if (size != NULL)
        *size = 0;
    if (row >= ids->count)
        return NULL;
    uint64_t begin = ids->offsets[row], end = ids->offsets[row + 1];
    if (begin >= end || end > ids->size || ids->bytes[end - 1] != '\0')
        return NULL;
    uint64_t length = end - begin - 1;
    if (ids->longest != 0 && length > ids->longest)
        return NULL;
    if (size != NULL)
        *size = (size_t)length;
    return ids->bytes + begin;
}

uint32_t recs__ids_find(const recs__ids *ids, const char *id, size_t size) {
    uint32_t low = 0, high = ids->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t length;
        const char *other = recs__ids_get(ids, middle, &length);
        int order = other == NULL ? -1 : recs__compare_ids(other, length, id, size);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return RECS_NO_ROW;
}
