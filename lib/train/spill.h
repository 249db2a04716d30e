/* spill.h - large blocks in temporary files instead of private memory.
 *
 * A spill is a host like any other whose blocks from RECS__SPILL_LEAST bytes
 * on are mapped files without a name: they count as file cache, which the
 * system writes out and takes back when memory is short, and not as memory of
 * the process. Smaller blocks come from the host below. A block lives as long
 * as nobody releases it, whatever becomes of the spill's maker. */
#ifndef RECS_TRAIN_SPILL_H
#define RECS_TRAIN_SPILL_H

#include "recs/base.h"

#define RECS__SPILL_LEAST ((size_t)128 << 10)

typedef struct recs__spill recs__spill;

/* folder: where the files are made; tried once. NOT_FOUND, IO (it cannot be
 * written), MEMORY. base is copied, resolved. */
recs_status recs__spill_create(recs__spill **spill, const char *folder, const recs_host *base,
                               recs_error *error);
/* Gives up the maker's hold; blocks that are still there keep what they need. */
void recs__spill_release(recs__spill *spill);

/* base with the memory of the spill. Lives with it. */
const recs_host *recs__spill_host(const recs__spill *spill);

/* Bytes of files now, and the most there were at once. */
uint64_t recs__spill_bytes(const recs__spill *spill);
uint64_t recs__spill_peak(const recs__spill *spill);

/* [at, at + size) is not needed for a while: its pages leave the process and
 * stay in the file. Nothing is lost; nothing happens when spill is NULL or the
 * range is not within one of its files. */
void recs__spill_done(recs__spill *spill, const void *at, size_t size);

/* An allocation that failed for the disk's sake says so: MEMORY becomes IO
 * with the reason when the spill's last file could not grow. Any other status
 * as it is. */
recs_status recs__spill_status(recs__spill *spill, recs_status status, recs_error *error);

#endif
