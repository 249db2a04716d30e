/* report.c - what was read, as figures by name and as text.
 *
 * What the value rules did is only known once pairs are settled, so the first
 * report or netting figure after a change builds a training and throws it
 * away: O(n log n). */
#include "train/dataset.h"

#include "base/memory.h"
#include "train/training_store.h"

#include <stddef.h>
#include <string.h>

static uint64_t bytes_held(const recs_dataset *dataset) {
    const recs__intern *tables[] = {&dataset->users, &dataset->items, &dataset->baskets,
                                    &dataset->sessions, &dataset->places, &dataset->segments,
                                    &dataset->catalogue.title_texts};
    uint64_t bytes = sizeof *dataset + recs__log_bytes(&dataset->log) + dataset->title_capacity +
                     dataset->titles_capacity * sizeof *dataset->titles +
                     (uint64_t)dataset->catalogue.count * sizeof(uint32_t);
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        bytes += recs__intern_bytes(tables[t]);
    for (size_t c = 0; c < dataset->catalogue.column_count; c++)
        bytes += dataset->catalogue.count *
                     recs__catalogue_width(dataset->catalogue.columns[c].type) +
                 recs__intern_bytes(&dataset->catalogue.columns[c].texts);
    return bytes;
}

/* Fills dataset->netting. */
static recs_status settle(const recs_dataset *dataset, recs_error *error) {
    recs__training *training = NULL;
    if (dataset->netting->known)
        return RECS_OK;
    recs_status status = recs__training_build(&training, dataset, &dataset->host, error);
    recs__training_destroy(training);
    return status;
}

uint64_t recs_dataset_count(const recs_dataset *dataset, const char *name) {
    const recs__figures *figures = &dataset->figures;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"rows", figures->rows},
        {"used", figures->used},
        {"dropped", figures->rows - figures->used},
        {"events", dataset->log.count},
        {"users", dataset->users.count},
        {"items", dataset->items.count},
        {"baskets", dataset->baskets.count},
        {"sessions", dataset->sessions.count},
        {"places", dataset->places.count},
        {"segments", dataset->segments.count},
        {"item_rows", figures->item_rows},
        {"item_columns", dataset->catalogue.column_count},
        {"outside", figures->outside},
        {"dropped_items", figures->dropped_items},
        {"out_of_order", figures->out_of_order},
        {"problems", recs__problems_total(&dataset->problems)},
        {"bytes", bytes_held(dataset)},
    };
    const struct {
        const char *name;
        size_t at;
    } settled[] = {
        {"interactions", offsetof(recs__netting, interactions)},
        {"positive", offsetof(recs__netting, positive)},
        {"disliked", offsetof(recs__netting, disliked)},
        {"returns_netted", offsetof(recs__netting, returns_netted)},
        {"returns_alone", offsetof(recs__netting, returns_alone)},
        {"sales_cancelled", offsetof(recs__netting, sales_cancelled)},
        {"pairs_cancelled", offsetof(recs__netting, pairs_cancelled)},
        {"duplicates_merged", offsetof(recs__netting, duplicates_merged)},
        {"guests", offsetof(recs__netting, guests)},
        {"recommended", offsetof(recs__netting, recommended)},
    };
    if (name == NULL)
        return UINT64_MAX;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (strcmp(counts[i].name, name) == 0)
            return counts[i].value;
    for (size_t i = 0; i < sizeof settled / sizeof settled[0]; i++)
        if (strcmp(settled[i].name, name) == 0) {
            uint64_t value;
            if (settle(dataset, NULL) != RECS_OK)
                return UINT64_MAX;
            memcpy(&value, (const char *)dataset->netting + settled[i].at, sizeof value);
            return value;
        }
    return UINT64_MAX;
}

/* ---- text ------------------------------------------------------------------------------ */

/* Into d's report while status, both the caller's, is good. */
#define PRINT(...)                                                                               \
    do {                                                                                         \
        if (status == RECS_OK)                                                                   \
            status = recs__dataset_print(&d->host, &d->report, &d->report_used,                  \
                                         &d->report_capacity, NULL, __VA_ARGS__);                \
    } while (0)

/* A number with its thousands apart; the texts rotate through out. */
static const char *grouped(uint64_t value, char out[32]) {
    char *at = out + 31;
    *at = '\0';
    for (int digit = 0; digit == 0 || value != 0; digit++, value /= 10) {
        if (digit != 0 && digit % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + value % 10);
    }
    return at;
}

static recs_status print_problems(recs_dataset *d, recs_status status) {
    char number[32];
    for (int p = 0; p < RECS__PROBLEM_COUNT; p++) {
        if (d->problems.counts[p] == 0)
            continue;
        PRINT("  %s %s\n", grouped(d->problems.counts[p], number),
              recs__problem_name((recs__problem)p));
        for (int i = 0; i < RECS__PROBLEM_SHOWN && d->problems.shown[p][i][0] != '\0'; i++)
            PRINT("      %s\n", d->problems.shown[p][i]);
    }
    return status;
}

static recs_status print_span(recs_dataset *d, recs_status status) {
    int64_t first = RECS_NO_TIME, last = RECS_NO_TIME;
    char from[RECS__TIME_TEXT], to[RECS__TIME_TEXT], number[32];
    for (uint64_t e = 0; e < d->log.count; e++) {
        int64_t time = d->log.times[e];
        if (time == RECS_NO_TIME)
            continue;
        first = first == RECS_NO_TIME || time < first ? time : first;
        last = time > last ? time : last;
    }
    if (first == RECS_NO_TIME)
        return status;
    recs__time_text(first, from);
    recs__time_text(last, to);
    PRINT("times: %s to %s", from, to);
    if (d->figures.out_of_order != 0)
        PRINT(", %s rows earlier than the row before", grouped(d->figures.out_of_order, number));
    PRINT("\n");
    return status;
}

static recs_status print_rules(recs_dataset *d, recs_status status) {
    static const char *const weights[] = {"log1p of the quantity, one piece 1", "1",
                                          "the quantity", "cap"};
    static const char *const duplicates[] = {"summed", "the last counts", "the largest counts"};
    const recs__values *values = &d->settings.values;
    recs__values resolved = recs__training_values(d);
    if (values->weight == RECS__WEIGHT_CAP)
        PRINT("rules: a pair weighs the quantity, at most %g", values->cap);
    else
        PRINT("rules: a pair weighs %s", weights[values->weight]);
    PRINT("; duplicates: %s; events without a type: %s\n", duplicates[values->duplicates],
          recs__settings_type_name(&d->settings, resolved.default_type));
    if (d->figures.lowest <= d->figures.highest && values->positive_given)
        PRINT("ratings: %g to %g; from %g on an item is liked, below it is only seen\n",
              d->figures.lowest, d->figures.highest, values->positive);
    else if (d->figures.lowest <= d->figures.highest)
        PRINT("ratings: %g to %g; positive is not set\n", d->figures.lowest, d->figures.highest);
    if (d->settings.rollup)
        PRINT("items: variants count as their group, whose id requests and answers use\n");
    return status;
}

/* A weight for a type that no event has is a misspelt name more often than not. */
static recs_status print_weights(recs_dataset *d, recs_status status) {
    const recs__values *values = &d->settings.values;
    recs__values resolved = recs__training_values(d);
    uint32_t there = 0;
    for (uint64_t e = 0; e < d->log.count; e++)
        there |= recs_event_bit(d->log.types[e] == RECS__TYPE_DEFAULT ? resolved.default_type
                                                                      : d->log.types[e]);
    for (int type = 0; type <= RECS_EVENT_MAX; type++)
        if (values->type_weights[type] != 1.0f && type != RECS_EVENT_RETURN &&
            type != RECS_EVENT_IMPRESSION)
            PRINT("weight of %s: %g%s\n", recs__settings_type_name(&d->settings, type),
                  (double)values->type_weights[type],
                  (there & recs_event_bit(type)) != 0 ? "" : ", but no event is of that type");
    return status;
}

static recs_status print_echo(recs_dataset *d, recs_status status) {
    const recs__netting *n = d->netting;
    const recs__values *values = &d->settings.values;
    char a[32], b[32];
    if (n->recommended != 0)
        PRINT("recommended: %s event%s came from recommendations; %s of them evidence, which "
              "counts as %.6g (recommended=%g)\n", grouped(n->recommended, a),
              n->recommended == 1 ? "" : "s", grouped(n->recommended_evidence, b),
              n->recommended_weight, values->recommended);
    else if (values->recommended != 1.0)
        PRINT("recommended: weight %g, but no event came from a recommendation\n",
              values->recommended);
    if (d->log.extras[RECS__EXTRA_PROPENSITY] != NULL && values->clip > 0.0)
        PRINT("propensity: an event counts one over its propensity, or over %g when that is more; "
              "on average 1 within a source\n", values->clip);
    else if (d->log.extras[RECS__EXTRA_PROPENSITY] != NULL)
        PRINT("propensity: read, and not used (propensity=inverse or clip(p) uses it)\n");
    else if (values->clip > 0.0)
        PRINT("propensity: no event has one below 1\n");
    return status;
}

static recs_status print_netting(recs_dataset *d, recs_status status) {
    const recs__netting *n = d->netting;
    char a[32], b[32], c[32];
    PRINT("interactions: %s pair%s of user and item, %s of them evidence, %s disliked\n",
          grouped(n->interactions, a), n->interactions == 1 ? "" : "s", grouped(n->positive, b),
          grouped(n->disliked, c));
    if (n->returns_netted + n->returns_alone + n->pairs_cancelled != 0) {
        PRINT("returns: %s cancelled a sale, %s had none left to cancel", 
              grouped(n->returns_netted, a), grouped(n->returns_alone, b));
        PRINT("; %s sale%s came back whole, %s pair%s dropped\n",
              grouped(n->sales_cancelled, a), n->sales_cancelled == 1 ? "" : "s",
              grouped(n->pairs_cancelled, b),
              n->pairs_cancelled == 1 ? " nets to nothing and is" : "s net to nothing and are");
    }
    if (n->duplicates_merged != 0)
        PRINT("duplicates: %s event%s joined with an earlier one of the same user, item and type\n",
              grouped(n->duplicates_merged, a), n->duplicates_merged == 1 ? "" : "s");
    status = print_echo(d, status);
    if (n->guests != 0)
        PRINT("guests: %s event%s without a user %s for popularity, and for item models under "
              "unit=baskets\n", grouped(n->guests, a), n->guests == 1 ? "" : "s",
              n->guests == 1 ? "counts" : "count");
    return status;
}

/* Codes such as POST, DOT or M are no products in most shops. */
static recs_status print_suspects(recs_dataset *d, recs_status status) {
    static const char *const suspects[] = {"POST", "DOT", "M", "C2", "D", "S", "B", "PADS", "CRUK",
                                           "AMAZONFEE", "BANK CHARGES", "SHIPPING", "POSTAGE"};
    bool any = false;
    for (size_t i = 0; i < sizeof suspects / sizeof suspects[0]; i++) {
        if (recs__intern_find(&d->items, suspects[i], strlen(suspects[i])) == RECS_NO_ROW)
            continue;
        PRINT("%s%s", any ? "," : "items that may be no products: ", suspects[i]);
        any = true;
    }
    if (any)
        PRINT(" (drop_items leaves items out)\n");
    return status;
}

/* Numbers that a table program wrote as decimals: 17850.0. Ids are kept as they
 * are, so a host has to ask in that form. */
static recs_status print_decimal_ids(recs_dataset *d, recs_status status) {
    for (uint32_t u = 0; u < d->users.count; u++) {
        size_t size;
        const char *id = recs__intern_text(&d->users, u, &size);
        if (size < 3 || memcmp(id + size - 2, ".0", 2) != 0)
            return status;
    }
    if (d->users.count != 0)
        PRINT("users: every id ends in .0, as in %s; ids are kept as written, ask in that form\n",
              recs__intern_text(&d->users, 0, NULL));
    return status;
}

static recs_status print_all(recs_dataset *d) {
    recs_status status = RECS_OK;
    char a[32], b[32], c[32];
    recs_error error = {0};
    recs_status settled = settle(d, &error);
    if (settled == RECS_ERR_MEMORY)
        return settled;
    if (d->sources != NULL)
        PRINT("%s", d->sources);
    PRINT("rows: %s read, %s used, %s dropped\n", grouped(d->figures.rows, a),
          grouped(d->figures.used, b), grouped(d->figures.rows - d->figures.used, c));
    status = print_problems(d, status);
    if (d->figures.outside != 0)
        PRINT("  %s outside after and before\n", grouped(d->figures.outside, a));
    if (d->figures.dropped_items != 0)
        PRINT("  %s of items in drop_items\n", grouped(d->figures.dropped_items, a));
    PRINT("users: %s, items: %s", grouped(d->users.count, a), grouped(d->items.count, b));
    if (d->baskets.count != 0)
        PRINT(", baskets: %s", grouped(d->baskets.count, a));
    if (d->sessions.count != 0)
        PRINT(", sessions: %s", grouped(d->sessions.count, a));
    PRINT("\n");
    status = print_span(d, status);
    status = print_rules(d, status);
    status = print_weights(d, status);
    if (settled == RECS_OK)
        status = print_netting(d, status);
    status = print_suspects(d, status);
    status = print_decimal_ids(d, status);
    PRINT("memory: %s bytes\n", grouped(bytes_held(d), a));
    return status;
}

const char *recs_dataset_report(recs_dataset *dataset) {
    dataset->report_used = 0;
    if (print_all(dataset) != RECS_OK)
        return "no memory for a report";
    return dataset->report;
}
