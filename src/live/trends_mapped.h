/* trends_mapped.h - a saved state that is asked where it lies, in a mapped file.
 *
 * The handle is a recs_trends like any other, and what answers is the same code: items
 * are the file's (trends_names.c), and a place becomes a node when it is first asked for,
 * whose cells are the file's own table. Nothing is ever added. Opening looks at the
 * header, the section table and the description; of everything else nothing is believed
 * when it is used: a damaged file gives CORRUPT, or other answers, never a crash.
 *
 * Cost: to open, some ten microseconds, whatever the size; a place's first question
 * looks its names up (binary searches) and copies its lists; from then on as any other. */
#ifndef RECS_LIVE_TRENDS_MAPPED_H
#define RECS_LIVE_TRENDS_MAPPED_H

#include "base/file.h"
#include "live/trends_image.h"

struct recs__trend_mapped {
    recs__map map; /* bytes NULL: the bytes are the caller's */
    recs__trend_image image;
    recs__trend_names paths, segments; /* of the file; those of the state are of its nodes */
};

/* STATE: the state is mapped. */
recs_status recs__mapped_refuse(recs_error *error);
/* The file's bytes. */
recs_status recs__mapped_copy(const recs_trends *trends, unsigned char **bytes, size_t *size,
                              recs_error *error);
void recs__mapped_close(recs_trends *trends);

/* Makes a node of the place of the file nearest at or above a path, and of those above
 * it: recs__trend_node_nearest then finds it. Nothing to do for other states. */
recs_status recs__mapped_touch(recs_trends *trends, const char *path, size_t size,
                               const char *segment, size_t segment_size, recs_error *error);
/* What a new node has in the file. Under nodes_lock. */
recs_status recs__mapped_fill(recs_trends *trends, recs__trend_node *node, recs_error *error);

/* Places of the file, by number: whose a path and segment are (RECS_NO_PLACE: none), texts
 * (NULL: no such place; *segment NULL: none), node (NULL: without memory, or damaged). */
uint32_t recs__mapped_find(const recs_trends *trends, const char *path, size_t size,
                           const char *segment, size_t segment_size);
const char *recs__mapped_name(const recs_trends *trends, uint32_t place, const char **segment);
uint32_t recs__mapped_parent(const recs_trends *trends, uint32_t place);
recs__trend_node *recs__mapped_node(recs_trends *trends, uint32_t place);

/* recs__bounded_error for the nodes of a file that holds estimates. */
void recs__mapped_error(const recs_trends *trends, const recs__trend_node *node, uint32_t item,
                        double *less, double *more);

#endif
