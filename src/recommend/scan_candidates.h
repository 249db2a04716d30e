/* scan_candidates.h - the best rows of a blend with content through an approximate index.
 *
 * Every term names candidates: content those of a lent index (scan_index.h), item models, user
 * neighbours and trends what they touched, popular the first of its order. Their scores are the
 * blend's own, to the bit. What no term named scores at most the sum of where the lists of the
 * terms end (the threshold algorithm; Fagin, Lotem, Naor, Middleware algorithms, JCSS 2003), so
 * when the last answer is above that only the index can have missed something; until then the
 * lists grow fourfold, up to an eighth of the vectors.
 *
 * Blends with a factor model or another blend have no such list and go through the exact ways. */
#ifndef RECS_RECOMMEND_SCAN_CANDIDATES_H
#define RECS_RECOMMEND_SCAN_CANDIDATES_H

#include "recommend/query.h"

bool recs__scan_candidates_takes(const recs__work *work);

/* Offers the best to the work's top k; *done false: nothing was offered, go another way. Cost:
 * some searches of the index, and scoring of what the item models touched. MEMORY; what a
 * backend says. */
recs_status recs__scan_candidates(recs__work *work, const recs_host *host, bool *done,
                                  recs_error *error);

#endif
