/* tail.h - how often the many keys were counted that have no counter of their
 * own: fingerprints with small counts in lines of the cache.
 *
 * A key belongs to one line of 64 bytes: 28 slots of an 11-bit fingerprint and
 * a 5-bit level (1, 2, 3, 4, 6, 8, 12, 16 ... 32768), and four sums of what was
 * lost to keys of that quarter. A key that finds no slot takes that of the
 * smallest count c with probability 1 / (c + 1) and is then c + 1: admission at
 * random (Ben Basat, Chen, Einziger, Friedman, Kassner, "Randomized admission
 * policy for efficient top-k, frequency, and volume estimation", ToN 2019; set
 * associative as theirs). Levels above 4 are climbed at random as well (Morris
 * 1978). Whatever is not written to a slot is added to what its quarter has
 * lost, so a key never counted more than level + lost, where the level is an
 * estimate: as long as no other key with its fingerprint is taken out of the
 * line (recs__tail_take), which takes both.
 *
 * Cost: one cache line an operation; halve and merge all of them. Any thread:
 * lines are under 64 locks. */
#ifndef RECS_LIVE_TAIL_H
#define RECS_LIVE_TAIL_H

#include "base/memory.h"

enum { RECS__TAIL_LINE = 64 };

typedef struct recs__tail recs__tail;

/* bytes: of the lines, rounded down to whole ones; at least one. */
recs_status recs__tail_create(recs__tail **tail, size_t bytes, const recs_host *host,
                              recs_error *error);
void recs__tail_destroy(recs__tail *tail);
size_t recs__tail_lines(const recs__tail *tail);
size_t recs__tail_memory(const recs__tail *tail);

/* Counts so many units of a key (a good hash) and returns the estimate, 0 when
 * it found no place. *bound: no less than all that was counted and not taken. */
uint32_t recs__tail_add(recs__tail *tail, uint64_t key, uint32_t units, uint32_t *bound);
uint32_t recs__tail_peek(recs__tail *tail, uint64_t key, uint32_t *bound);
/* The key gets a counter of its own: its slot is free again. */
void recs__tail_take(recs__tail *tail, uint64_t key);
/* It lost that counter: its slot has at least so many units, or its quarter has
 * lost them. */
void recs__tail_give(recs__tail *tail, uint64_t key, uint32_t units);

/* Nobody counted so many more units of the key: only the bound grows. */
void recs__tail_widen(recs__tail *tail, uint64_t key, uint32_t units);
/* All empty. */
void recs__tail_clear(recs__tail *tail);

/* All counts by half, rounded at random; bounds are rounded up. */
void recs__tail_halve(recs__tail *tail);

/* The lines as they stand in a snapshot: 64 bytes each, little-endian u16
 * slots[28] (fingerprint in the low 11 bits, level above), u16 lost[4]. Any
 * bytes are valid. */
void recs__tail_read(recs__tail *tail, size_t first, size_t count, unsigned char *out);
/* Adds as many lines of another tail of the same size. */
void recs__tail_merge(recs__tail *tail, const unsigned char *lines);
/* The same from a tail. */
void recs__tail_join(recs__tail *tail, const recs__tail *other);

/* The count of a level below 32. */
uint32_t recs__tail_level(unsigned level);

#endif
