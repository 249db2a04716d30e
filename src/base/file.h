/* file.h - mapping a file read-only, and writing one so that a reader sees
 * the old one or the new one whole, never a part. */
#ifndef RECS_BASE_FILE_H
#define RECS_BASE_FILE_H

#include "recs/base.h"

/* A read-only view of a whole file. size 0 gives bytes NULL. */
typedef struct recs__map {
    const unsigned char *bytes;
    size_t size;
} recs__map;

/* NOT_FOUND, IO (naming the path; a folder or a device is refused). */
recs_status recs__map_open(recs__map *map, const char *path, recs_error *error);
void recs__map_close(recs__map *map);

/* Reads a whole file into a host block, 64-byte aligned (free with
 * recs__free_aligned). */
recs_status recs__file_load(const recs_host *host, const char *path, unsigned char **bytes,
                            size_t *size, recs_error *error);

/* Atomic replacement. open makes a temporary beside path (mode 0666 & ~umask,
 * a unique name), write appends, commit does fsync, rename and fsync of the
 * folder; abandon removes the temporary. After a failed write or commit only
 * abandon may follow. Exactly one of commit (when it succeeds) or abandon
 * ends it. Invariants: (1) path is untouched until rename; (2) after commit
 * returned OK the new content survives a power cut; (3) no temporary is left
 * by any return. */
typedef struct recs__file_writer recs__file_writer;
recs_status recs__file_create(recs__file_writer **writer, const char *path, const recs_host *host,
                              recs_error *error);
recs_status recs__file_write(recs__file_writer *writer, const void *bytes, size_t size,
                             recs_error *error);
/* Overwrites bytes already written (for a header whose content is known last). */
recs_status recs__file_patch(recs__file_writer *writer, uint64_t offset, const void *bytes,
                             size_t size, recs_error *error);
recs_status recs__file_commit(recs__file_writer *writer, recs_error *error);
void recs__file_abandon(recs__file_writer *writer);

#endif
