/* room.h - working memory whose content does not outlive a request: it only
 * ever grows and is never copied. */
#ifndef RECS_SEARCH_ROOM_H
#define RECS_SEARCH_ROOM_H

#include "base/memory.h"

/* Makes *block hold at least `need` elements of `size` bytes, 64-byte aligned
 * (free with recs__free_aligned). A new block replaces the old one, whose
 * content is lost; it is all zero. On MEMORY nothing is changed. */
recs_status recs__room_fresh(const recs_host *host, void **block, size_t *capacity, size_t need,
                             size_t size, recs_error *error);

#endif
