/* recs.h - librecs: recommendations inside your own process.
 *
 * Every header of librecs.so, in the order a learner needs them. Training is
 * a library of its own: recs/train.h, librecs-train. */
#ifndef RECS_H
#define RECS_H

#include "recs/base.h"      /* status, error text, host, pool            */
#include "recs/model.h"     /* one mapped file: ids, rows, catalogue     */
#include "recs/query.h"     /* a request and its answer                  */
#include "recs/recommend.h" /* the verbs                                 */
#include "recs/events.h"    /* events by column                          */
#include "recs/places.h"    /* coordinates as places                     */
#include "recs/trends.h"    /* popular, rising and new, by place         */
#include "recs/trends_share.h" /* snapshots, deltas, merging of trends     */
#include "recs/writer.h"    /* making a model file, for importers        */
#include "recs/backend.h"   /* approximate search, lent by a companion   */
#include "recs/vectors.h"   /* vectors by id, and their neighbours        */

#endif /* RECS_H */
