/* trends_saved.h - a place as a saved state holds it to be asked where it lies: its table
 * of cells as in memory, and its best items of each series (docs/trends-format.md,
 * sections 21 to 23). Written by trends_snapshot.c, read by trends_mapped.c. */
#ifndef RECS_LIVE_TRENDS_SAVED_H
#define RECS_LIVE_TRENDS_SAVED_H

#include "live/trends_state.h"

/* Cells of a table for so many. */
uint32_t recs__saved_capacity(size_t used);

/* An empty table; a living cell into it as another item's; and what sales and returns
 * know of each other, once all are there. newest: the state's newest slot of each series,
 * to which all cells are brought. */
void recs__saved_begin(const recs_trends *trends, unsigned char *cells, uint32_t capacity);
void recs__saved_add(const recs_trends *trends, const int32_t *newest, unsigned char *cells,
                     uint32_t capacity, const recs__trend_cell *from, uint32_t item);
void recs__saved_finish(const recs_trends *trends, unsigned char *cells, uint32_t capacity);

/* Its lists, as words: first those of all items by series, then those of new items. Each
 * an i64 bar, the number of its entries and these, indexes of cells, best first: no item
 * beside them has a larger value than the bar (-1: there is none). Words used of the
 * room. */
size_t recs__saved_lists_room(const recs_trends *trends);
size_t recs__saved_lists(const recs_trends *trends, const int32_t *newest, int64_t now,
                         const unsigned char *cells, uint32_t capacity, uint32_t *words);

#endif
