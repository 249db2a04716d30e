/* recs/trends_share.h - trends of several processes and regions: snapshots,
 * deltas, merging. The bytes are specified in docs/trends-format.md.
 *
 * A state is an origin: 128 random bits, made with it and made anew after
 * fork(). Its sequence is the number of events it has counted itself. It knows
 * of every origin whose counts it holds up to which sequence, so that nothing
 * is counted twice:
 *
 *   - a snapshot holds a whole state. Merging adds it when no origin is in
 *     both; changes nothing when this state holds all of it; takes the place of
 *     this state when it holds all of that; and is refused otherwise.
 *   - a delta holds what one origin counted between two sequences. Merging
 *     changes nothing when that is already there, and is refused when something
 *     before it is missing.
 *
 * The merge of two states equals the state of both streams to the bit, in any
 * order and grouping: equal counts are equal bytes, recs_trends_fingerprint
 * compares them. Where that would not hold, because both counted actors in a
 * time (option actors) that one of them no longer remembers, merging is
 * refused, unless the caller says that streams were split by actor.
 *
 *     one region, every few minutes           another
 *     recs_trends_follow(t, 0, &e);
 *     recs_trends_delta(t, since, &bytes,
 *                       &size, &since, &e);   recs_trends_merge(u, bytes, size, 0, &e);
 *
 * Threads: every call may run beside every other and beside adding and
 * asking. A snapshot lets nobody add while it is written.
 */
#ifndef RECS_TRENDS_SHARE_H
#define RECS_TRENDS_SHARE_H

#include "recs/trends.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- snapshots ------------------------------------------------------------------ */

/* The whole state as bytes, owned: recs_trends_bytes_free. MEMORY. Cost: linear
 * in cells and actors, and a sort of the names in use. Since 0.1. */
RECS_API recs_status recs_trends_snapshot(recs_trends *trends, unsigned char **bytes, size_t *size,
                                          recs_error *error);

/* Of snapshots and deltas of this state, while it is there. NULL is harmless.
 * Since 0.1. */
RECS_API void recs_trends_bytes_free(const recs_trends *trends, unsigned char *bytes);

/* A snapshot into a file, written beside it, synced and renamed: readers see
 * the old one or the new one. It can be loaded, merged, and asked where it lies
 * (recs_trends_open); for that it is larger than what recs_trends_snapshot gives, by about
 * what the cells have in memory. IO, MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_save(recs_trends *trends, const char *path, recs_error *error);

/* A new state from such a file, with the description, the counts and the
 * origins of the file, and an origin of its own. The file is mapped while it is
 * read and not needed afterwards. NOT_FOUND, IO, MEMORY; CORRUPT: damaged, or no
 * snapshot; UNSUPPORTED: of a newer format. Since 0.1. */
RECS_API recs_status recs_trends_load(recs_trends **trends, const char *path,
                                      const recs_host *host, recs_error *error);

/* The same from bytes at any address. Since 0.1. */
RECS_API recs_status recs_trends_load_memory(recs_trends **trends, const void *bytes, size_t size,
                                             const recs_host *host, recs_error *error);

/* A saved state that is asked where it lies: the file is mapped, nothing of it is loaded,
 * and processes share its pages. Every question has the answer of the state that was saved,
 * to the bit, and of the same cost; a place's first question looks for it in the file.
 * Nothing is added: adding, merging into it and recs_trends_follow give STATE, names that it
 * does not have NOT_FOUND. Handles of its items and places are its own. A snapshot of it is
 * the file. To take in what others count: load it. The file is not to be changed while it
 * is open (recs_trends_save replaces it, which leaves this one as it was).
 *
 * Opening checks the header, its table and the description alone; of the contents nothing
 * is believed, so that a damaged file gives CORRUPT or wrong answers, never a crash;
 * recs_trends_verify looks at all of it. NOT_FOUND, IO, MEMORY; CORRUPT; UNSUPPORTED: of a
 * newer format, or a snapshot that was not saved by recs_trends_save. Cost: some ten
 * microseconds, whatever the size. Since 0.1. */
RECS_API recs_status recs_trends_open(recs_trends **trends, const char *path,
                                      const recs_host *host, recs_error *error);

/* The same of bytes at a multiple of 64, else ARGUMENT, which stay as long as the state.
 * Since 0.1. */
RECS_API recs_status recs_trends_open_memory(recs_trends **trends, const void *bytes, size_t size,
                                             const recs_host *host, recs_error *error);

/* The counts alone, to be asked where they lie, owned (recs_trends_bytes_free): nobody's
 * actors, no origins, and nothing of what was counted at places below min_actors, which
 * stay empty. Answers at the newest event's time and later are those of this state, to
 * the bit. What a model's component stores. MEMORY. Cost: as a snapshot. Since 0.1. */
RECS_API recs_status recs_trends_freeze(recs_trends *trends, unsigned char **bytes, size_t *size,
                                        recs_error *error);

/* Checks everything a mapped state has: checksums, and that the counts are in order. OK for
 * any other state. CORRUPT. Cost: two passes over the bytes. Since 0.1. */
RECS_API recs_status recs_trends_verify(const recs_trends *trends, recs_error *error);

/* Checksum of the counts of a snapshot or delta, its origins and counters left
 * aside: equal where states counted the same. 0 when the bytes are no snapshot.
 * Since 0.1. */
RECS_API uint64_t recs_trends_fingerprint(const void *bytes, size_t size);

/* ---- merging ---------------------------------------------------------------------- */

/* The caller answers for it that no actor is in both states (streams were split
 * by actor): times that are no longer remembered then merge exactly. */
#define RECS_TRENDS_APART UINT32_C(1)

/* Counts a snapshot or a delta into this state, or changes nothing: everything
 * is checked and reserved first. flags: 0 or RECS_TRENDS_APART.
 * CORRUPT, UNSUPPORTED: as for loading. CONFLICT: another description; origins that are
 * in both and incomparable; a delta that begins before what is here ends; an
 * actor's time that one side no longer remembers. STATE: a delta is missing
 * before this one (the text names origin and sequence). DATA: its newest event
 * is further ahead of the clock than option future allows. ARGUMENT: flags.
 * MEMORY. Cost: about that of adding as many events as there are cells and
 * actors. Since 0.1. */
RECS_API recs_status recs_trends_merge(recs_trends *trends, const void *bytes, size_t size,
                                       uint32_t flags, recs_error *error);

/* The same from a file, mapped meanwhile. Also NOT_FOUND, IO. Since 0.1. */
RECS_API recs_status recs_trends_merge_file(recs_trends *trends, const char *path, uint32_t flags,
                                            recs_error *error);

/* ---- deltas ----------------------------------------------------------------------- */

/* From now on keeps what this state counts itself, for recs_trends_delta.
 * keep: bytes of closed deltas kept for those who ask again, the oldest go
 * first; 0: 256 MiB. Costs 32 bytes an event of memory until 262,144 of them
 * are folded into counts, and the work of counting them a second time; threads
 * that add take turns. Called again: changes keep. MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_follow(recs_trends *trends, size_t keep, recs_error *error);

/* What this state counted after sequence since, as one delta, owned:
 * recs_trends_bytes_free. *to: the sequence it reaches, where the next one
 * begins. Nothing new: *bytes NULL, *size 0, *to since. Asked again with the
 * same since, it gives the same bytes. STATE: not followed; since is not where
 * a delta begins, or its delta is no longer kept (the text names those that
 * are: send a snapshot). MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_delta(recs_trends *trends, uint64_t since, unsigned char **bytes,
                                       size_t *size, uint64_t *to, recs_error *error);

/* Everybody has what was counted up to a sequence: its deltas are no longer
 * kept. Since 0.1. */
RECS_API void recs_trends_delta_done(recs_trends *trends, uint64_t up_to);

/* ---- origins ----------------------------------------------------------------------- */

/* This state's origin as 32 hexadecimal digits and a NUL. IO: after a fork, the
 * system gave no random bytes. MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_origin(recs_trends *trends, char text[33], recs_error *error);

/* Origins whose counts are here, this state's own among them once it has
 * counted, in ascending order. text (33 bytes) and sequence may be NULL.
 * NOT_FOUND: no such index. Since 0.1. */
RECS_API size_t recs_trends_origin_count(recs_trends *trends);
RECS_API recs_status recs_trends_origin_at(recs_trends *trends, size_t index, char *text,
                                           uint64_t *sequence, recs_error *error);

/* Up to which sequence the counts of an origin (32 hexadecimal digits) are here;
 * 0: none of them. Since 0.1. */
RECS_API uint64_t recs_trends_sequence(recs_trends *trends, const char *origin);

#ifdef __cplusplus
}
#endif

#endif /* RECS_TRENDS_SHARE_H */
