/* item_facts.h - what evaluation knows of each item of a model: popularity,
 * self-information, its fifth of the train interactions, and who has it. */
#ifndef RECS_TRAIN_ITEM_FACTS_H
#define RECS_TRAIN_ITEM_FACTS_H

#include "recs/train.h"

#include <stdbool.h>

/* Items in order of popularity cut so that each group holds a fifth of all
 * train interactions, the first the most popular ones; then those without any. */
#define RECS__ITEM_GROUPS 6
#define RECS__GROUP_TAIL 4
#define RECS__GROUP_COLD 5

typedef struct recs__item_facts {
    uint32_t items;
    float *popularity;   /* as the model counts it */
    float *information;  /* bits */
    uint8_t *group;      /* below RECS__ITEM_GROUPS */
    uint32_t group_items[RECS__ITEM_GROUPS];
    /* Users by item, of the stored histories' positive values; NULL: not asked
     * for, or the model stores no users. */
    uint64_t *offsets;
    uint32_t *users;
    uint32_t user_count;
} recs__item_facts;

/* MEMORY. 9 bytes an item; with users 8 more and 4 an interaction. O(items +
 * interactions). */
recs_status recs__item_facts_make(recs__item_facts *facts, const recs_model *model,
                                  bool with_users, const recs_host *host, recs_error *error);
void recs__item_facts_clear(recs__item_facts *facts, const recs_host *host);

/* Sum over rank's earlier items of the list of the cosine with item, and its
 * own users added to what later ones meet: held is [user_count], zero before
 * a list's first item. O(users of the item). */
double recs__item_facts_meet(const recs__item_facts *facts, uint32_t item, float *held);
/* Zeroes held again. */
void recs__item_facts_forget(const recs__item_facts *facts, const uint32_t *list, size_t length,
                             float *held);

#endif
