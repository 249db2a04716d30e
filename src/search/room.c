/* room.c - see room.h. A quarter more than asked for is taken, so that slowly
 * growing requests settle; memory new to a query is zeroed because bitmaps
 * and dense scores are kept zero between requests. */
#include "search/room.h"

#include "base/checked.h"

#include <string.h>

recs_status recs__room_fresh(const recs_host *host, void **block, size_t *capacity, size_t need,
                             size_t size, recs_error *error) {
    if (need <= *capacity)
        return RECS_OK;
    size_t count;
    if (*capacity == 0 || recs__add_size(need, need / 4, &count))
        count = need;
    void *fresh = recs__alloc_aligned(host, count, size, error);
    if (fresh == NULL)
        return RECS_ERR_MEMORY;
    memset(fresh, 0, count * size);
    recs__free_aligned(host, *block);
    *block = fresh;
    *capacity = count;
    return RECS_OK;
}
