/* sample_model.h - a small whole model, the same bytes on every machine: eight
 * items, five users with histories, titles, a catalogue column of each type
 * and one component of each kind. Also the golden file of the format.
 *
 *   items    axe beer cup door egg fan gem hat    (rows 0 to 7)
 *   users    ann bob cat dan eve                  (rows 0 to 4; eve has no history)
 *   components
 *     0 als      6 factors; "gem" and "hat" are untrained (factors +0)
 *     1 itemknn  neighbours; "hat" has none
 *     2 popular  its own scores
 *     3 home     0.75 * als + 0.5 * itemknn
 *   columns    brand (text) price (number) created (time) available (flag:
 *              0 for "door", missing for "hat") */
#ifndef SUPPORT_SAMPLE_MODEL_H
#define SUPPORT_SAMPLE_MODEL_H

#include "recs/model.h"
#include "recs/writer.h"

enum {
    SAMPLE_ITEMS = 8,
    SAMPLE_USERS = 5,
    SAMPLE_FACTORS = 6,
    SAMPLE_STRIDE = 16
};

extern const char *const sample_items[SAMPLE_ITEMS];
extern const char *const sample_users[SAMPLE_USERS];

/* The model, in memory. host may be NULL; the caller releases it. */
recs_status recs_test_sample_model(recs_model **model, const recs_host *host, recs_error *error);

/* Its sections into a writer that has none yet; flags are added to those of
 * the texts and the catalogue (RECS_SECTION_COMPRESS or 0). users: "full",
 * "hashed" or "none". */
recs_status recs_test_sample_sections(recs_writer *writer, const char *users, uint32_t flags,
                                      recs_error *error);

#endif
