/*
 * truth.c - what the tracked users really did before and after the cut, one
 * record per (user, item), and how well the oracle foresees the latter.
 *
 * Two protocols. "buy": an item counts when more pieces of it were bought
 * than returned, before the cut (known) or after it (held out). "any": an
 * item counts when it was viewed, put into the cart or bought; returns,
 * dislikes and impressions are not looked at. In both, an item known before
 * the cut is masked: neither ranked nor held out.
 *
 * Memory: 20 bytes a slot. Users are tracked by hash, so many that about
 * 2^21 pairs are expected (or all users, where asked for), which bounds the
 * table whatever the number of events.
 */
#include "shop.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_AIMED_AT (UINT64_C(1) << 21)

int shop_truth_create(shop_truth *truth, const shop_world *world)
{
    const shop_plan *plan = &world->plan;
    uint64_t pairs = (uint64_t)plan->users * plan->items;
    memset(truth, 0, sizeof *truth);
    truth->world = world;
    truth->tracked_of_1024 = 1024;
    if (pairs > plan->events / 2)
        pairs = plan->events / 2;
    if (pairs > PAIRS_AIMED_AT && !plan->ceiling_all) {
        truth->tracked_of_1024 = (uint32_t)(PAIRS_AIMED_AT * 1024 / pairs);
        if (truth->tracked_of_1024 == 0)
            truth->tracked_of_1024 = 1;
        pairs = PAIRS_AIMED_AT;
    }
    truth->capacity = 1024;
    while (truth->capacity < pairs + pairs / 4)
        truth->capacity *= 2;
    truth->slots = calloc(truth->capacity, sizeof *truth->slots);
    return truth->slots ? 0 : shop_fail("out of memory for %llu pairs", (unsigned long long)pairs);
}

void shop_truth_destroy(shop_truth *truth)
{
    free(truth->slots);
}

static shop_pair *find(shop_pair *slots, uint64_t capacity, uint32_t user1, uint32_t item)
{
    uint64_t at = shop_mix((uint64_t)user1 << 32 | item) & (capacity - 1);
    while (slots[at].user1 != 0 && (slots[at].user1 != user1 || slots[at].item != item))
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static int grow(shop_truth *truth)
{
    uint64_t capacity = truth->capacity * 2;
    shop_pair *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL)
        return shop_fail("out of memory for %llu pairs", (unsigned long long)capacity);
    for (uint64_t i = 0; i < truth->capacity; i++)
        if (truth->slots[i].user1 != 0)
            *find(slots, capacity, truth->slots[i].user1, truth->slots[i].item) = truth->slots[i];
    free(truth->slots);
    truth->slots = slots;
    truth->capacity = capacity;
    return 0;
}

int shop_truth_add(shop_truth *truth, const shop_event *event)
{
    const shop_plan *plan = &truth->world->plan;
    if (event->user >= plan->users || event->type == SHOP_DISLIKE ||
        event->type == SHOP_IMPRESSION)
        return 0;
    if (truth->tracked_of_1024 < 1024 &&
        (shop_hash(plan->seed, SHOP_TAG_TRACKED, event->user) & 1023) >= truth->tracked_of_1024)
        return 0;
    shop_pair *pair = find(truth->slots, truth->capacity, event->user + 1, event->item);
    if (pair->user1 == 0) {
        if (truth->count + truth->count / 8 >= truth->capacity) {
            if (grow(truth) != 0)
                return -1;
            pair = find(truth->slots, truth->capacity, event->user + 1, event->item);
        }
        pair->user1 = event->user + 1;
        pair->item = event->item;
        truth->count++;
    }
    bool train = event->time < shop_plan_cut(plan);
    if (event->type == SHOP_BUY || event->type == SHOP_RETURN)
        *(train ? &pair->train : &pair->test) += event->quantity;
    if (event->type != SHOP_RETURN)
        *(train ? &pair->train_any : &pair->test_any) = 1;
    return 0;
}

/* ---- evaluation ---------------------------------------------------------------- */

static bool known(const shop_pair *pair, int protocol)
{
    return protocol == SHOP_PROTOCOL_BUY ? pair->train > 0 : pair->train_any;
}

static bool held_out(const shop_pair *pair, int protocol)
{
    return !known(pair, protocol) &&
           (protocol == SHOP_PROTOCOL_BUY ? pair->test > 0 : pair->test_any);
}

static int pair_order(const void *left, const void *right)
{
    const shop_pair *a = left, *b = right;
    if (a->user1 != b->user1)
        return a->user1 < b->user1 ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* Moves the pairs to the front and orders them by user, then item. */
static void order_pairs(shop_truth *truth)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < truth->capacity; i++)
        if (truth->slots[i].user1 != 0)
            truth->slots[n++] = truth->slots[i];
    qsort(truth->slots, n, sizeof *truth->slots, pair_order);
}

static bool is_held_out(const shop_pair *pairs, uint64_t n, int protocol, uint32_t item)
{
    uint64_t from = 0, to = n;
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;
        if (pairs[middle].item < item)
            from = middle + 1;
        else
            to = middle;
    }
    return from < n && pairs[from].item == item && held_out(&pairs[from], protocol);
}

/* Adds one user's recall and ndcg; both gain 1/log2(place + 2) with binary relevance. */
static void score_top(const shop_pair *pairs, uint64_t n, int protocol, uint64_t wanted,
                      const uint32_t *top, uint32_t count, shop_scores *scores)
{
    static const double gain[SHOP_TOP] = {
        1.0, 0.6309297535714575, 0.5, 0.43067655807339306, 0.38685280723454163,
        0.3562071871080222, 0.3333333333333333, 0.31546487678572877, 0.3010299956639812,
        0.2890648263178879, 0.27894294565112987, 0.27023815442731974, 0.26264953503719357,
        0.2559580248098155, 0.25, 0.24465054211822604, 0.23981246656813146,
        0.23540891336663824, 0.23137821315975915, 0.227670248696953,
    };
    static const uint32_t cutoffs[2] = {10, 20};
    for (unsigned c = 0; c < 2; c++) {
        double hits = 0, dcg = 0, ideal = 0;
        for (uint32_t i = 0; i < cutoffs[c]; i++) {
            if (i < wanted)
                ideal += gain[i];
            if (i < count && is_held_out(pairs, n, protocol, top[i])) {
                hits += 1;
                dcg += gain[i];
            }
        }
        scores->recall[c] += hits / (double)wanted;
        scores->ndcg[c] += dcg / ideal;
    }
}

static void write_pairs(const shop_truth *truth, const shop_pair *pairs, uint64_t n, int protocol,
                        FILE *file)
{
    char user[32], item[32];
    for (uint64_t i = 0; i < n; i++) {
        if (!held_out(&pairs[i], protocol))
            continue;
        shop_user_id(truth->world, pairs[i].user1 - 1, user);
        shop_item_id(pairs[i].item, item);
        fprintf(file, "%s,%s,%s\n", protocol == SHOP_PROTOCOL_BUY ? "buy" : "any", user, item);
    }
}

static void evaluate_user(const shop_truth *truth, shop_oracle *oracle, const shop_pair *pairs,
                          uint64_t n, int protocol, FILE *file, shop_ceiling *ceiling)
{
    uint64_t wanted = 0, have = 0;
    for (uint64_t i = 0; i < n; i++) {
        wanted += held_out(&pairs[i], protocol);
        have += known(&pairs[i], protocol);
    }
    if (wanted == 0)
        return;
    if (have == 0) {
        ceiling->without_train++;
        return;
    }
    uint32_t top[SHOP_TOP];
    for (uint64_t i = 0; i < n; i++)
        oracle->masked[pairs[i].item] = known(&pairs[i], protocol);
    uint32_t count = shop_oracle_rank(oracle, pairs[0].user1 - 1, top);
    score_top(pairs, n, protocol, wanted, top, count, &ceiling->oracle);
    count = shop_oracle_rank_popular(oracle, top);
    score_top(pairs, n, protocol, wanted, top, count, &ceiling->popular);
    for (uint64_t i = 0; i < n; i++)
        oracle->masked[pairs[i].item] = 0;
    ceiling->users++;
    ceiling->held_out += wanted;
    if (file != NULL)
        write_pairs(truth, pairs, n, protocol, file);
}

static void divide(shop_scores *scores, uint64_t users)
{
    for (unsigned c = 0; c < 2 && users > 0; c++) {
        scores->recall[c] /= (double)users;
        scores->ndcg[c] /= (double)users;
    }
}

int shop_truth_ceiling(shop_truth *truth, const shop_tally *tally, FILE *pairs_out,
                       shop_ceiling ceilings[SHOP_PROTOCOLS])
{
    shop_oracle oracle;
    memset(ceilings, 0, SHOP_PROTOCOLS * sizeof *ceilings);
    if (shop_oracle_create(&oracle, truth->world, tally->draws) != 0) {
        shop_oracle_destroy(&oracle);
        return -1;
    }
    order_pairs(truth);
    if (pairs_out != NULL)
        fputs("protocol,user,item\n", pairs_out);
    for (uint64_t from = 0, to; from < truth->count; from = to) {
        for (to = from; to < truth->count && truth->slots[to].user1 == truth->slots[from].user1;)
            to++;
        for (int protocol = 0; protocol < SHOP_PROTOCOLS; protocol++)
            evaluate_user(truth, &oracle, truth->slots + from, to - from, protocol, pairs_out,
                          &ceilings[protocol]);
    }
    shop_oracle_destroy(&oracle);
    for (int protocol = 0; protocol < SHOP_PROTOCOLS; protocol++) {
        divide(&ceilings[protocol].oracle, ceilings[protocol].users);
        divide(&ceilings[protocol].popular, ceilings[protocol].users);
    }
    if (pairs_out != NULL && (fflush(pairs_out) != 0 || ferror(pairs_out))) {
        perror("demo_shop: writing the truth");
        return -1;
    }
    return 0;
}
