/* random_model.c - see random_model.h. The reference uses the scalar kernels,
 * the shared fold-in and otherwise nothing of the serving code. */
#include "support/test.h"

#include "support/random_model.h"

#include "base/math.h"
#include "base/random.h"
#include "kernels/foldin.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include "recs/events.h"
#include "recs/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_writer *writer;

static void put(uint32_t type, uint32_t component, const void *bytes, size_t size) {
    recs_error error = {0};
    if (recs_writer_section(writer, type, component, 0, bytes, size, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void *need(size_t count, size_t size) {
    void *block = calloc(count + 1, size);
    assert_non_null(block);
    return block;
}

static void put_ids(uint32_t type, char letter, uint32_t count) {
    uint64_t *offsets = need((size_t)count + 1, sizeof *offsets);
    char *bytes = need(count, 8);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(bytes + (size_t)i * 8, 8, "%c%06u", letter, i % 1000000);
        offsets[i + 1] = offsets[i] + 8;
    }
    put(type, RECS_SECTION_MODEL, offsets, ((size_t)count + 1) * sizeof *offsets);
    put(type + 1, RECS_SECTION_MODEL, bytes, (size_t)count * 8);
    free(offsets);
    free(bytes);
}

/* ---- histories ------------------------------------------------------------------------- */

typedef struct entries {
    uint64_t *offsets;
    uint32_t *columns;
    float *values;
    uint8_t *types;
    int64_t *times;
} entries;

static entries make_histories(const random_settings *settings, recs__random *random) {
    size_t room = (size_t)settings->users * settings->history * 2, at = 0;
    entries made = {need((size_t)settings->users + 1, 8), need(room, 4), need(room, 4),
                    need(room, 1), need(room, 8)};
    bool *has = need(settings->items, 1);
    for (uint32_t user = 0; user < settings->users; user++) {
        memset(has, 0, settings->items);
        uint64_t count = settings->items != 0 && settings->history != 0 && user % 5 != 4
                             ? 1 + recs__random_below(random, settings->history)
                             : 0;
        for (uint64_t i = 0; i < count; i++)
            has[recs__random_below(random, settings->items)] = true;
        for (uint32_t item = 0; item < settings->items; item++) {
            uint64_t types = has[item] ? 1 + recs__random_below(random, 2) : 0;
            uint64_t kind = recs__random_below(random, 10);
            for (uint64_t i = 0; i < types; i++, at++) {
                made.columns[at] = item;
                made.types[at] = i == 0 ? RECS_EVENT_VIEW : RECS_EVENT_BUY;
                made.values[at] = i != 0      ? 0.0f
                                  : kind == 0 ? -0.5f
                                  : kind == 1 ? 0.0f
                                              : 0.25f + recs__random_float(random);
                made.times[at] = kind == 2 ? RECS_NO_TIME : (int64_t)(1000 * at);
            }
        }
        made.offsets[user + 1] = at;
    }
    free(has);
    return made;
}

static void put_histories(const random_settings *settings, const entries *made) {
    size_t count = (size_t)made->offsets[settings->users];
    put(RECS_SECTION_HISTORY_OFFSETS, RECS_SECTION_MODEL, made->offsets,
        ((size_t)settings->users + 1) * 8);
    put(RECS_SECTION_HISTORY_ITEMS, RECS_SECTION_MODEL, made->columns, count * 4);
    put(RECS_SECTION_HISTORY_VALUES, RECS_SECTION_MODEL, made->values, count * 4);
    put(RECS_SECTION_HISTORY_TYPES, RECS_SECTION_MODEL, made->types, count);
    put(RECS_SECTION_HISTORY_TIMES, RECS_SECTION_MODEL, made->times, count * 8);
}

/* ---- components ---------------------------------------------------------------------------- */

static size_t stride_of(const random_settings *settings) {
    return ((size_t)settings->factors + 15) / 16 * 16;
}

/* Factors as floats or as halves, whose sections are six further on. */
static void put_rows(uint32_t type, const random_settings *settings, const float *rows,
                     size_t count) {
    uint16_t *halves = need(count, sizeof *halves);
    for (size_t i = 0; i < count; i++)
        halves[i] = recs__half_of(rows[i]);
    if (settings->halves)
        put(type == RECS_SECTION_ITEM_FACTORS ? RECS_SECTION_ITEM_HALVES : RECS_SECTION_USER_HALVES,
            0, halves, count * sizeof *halves);
    else
        put(type, 0, rows, count * sizeof *rows);
    recs_error error = {0};
    if (type == RECS_SECTION_ITEM_FACTORS && !settings->no_codes &&
        recs_writer_item_codes(writer, 0, settings->halves ? (const void *)halves : rows,
                               settings->halves, settings->items, settings->factors,
                               &error) != RECS_OK)
        fail_msg("%s", error.text);
    free(halves);
}

static void put_factors(const random_settings *settings, const entries *made,
                        const recs__file_component *record, recs__random *random) {
    size_t stride = stride_of(settings), factors = settings->factors;
    float *y = need(settings->items * stride, 4), *gram = need(factors, 4);
    float *norms = need(settings->items, 4);
    for (uint32_t i = 0; i < settings->items; i++) {
        for (size_t f = 0; f < factors && i % 11 != 10; f++)
            y[i * stride + f] = recs__random_normal(random) / 4.0f;
        /* Some rows twice, so that scores tie. */
        if (i % 13 == 12)
            memcpy(y + i * stride, y + (size_t)(i - 1) * stride, stride * 4);
        for (size_t f = 0; f < factors && settings->halves; f++)
            y[i * stride + f] = recs__half_float(recs__half_of(y[i * stride + f]));
        norms[i] = sqrtf(recs__kernels_scalar.dot(y + i * stride, y + i * stride, factors));
    }
    for (size_t i = 0; i < settings->items; i++)
        for (size_t f = 0; f < factors; f++)
            gram[f] = fmaf(y[i * stride + f], y[i * stride + f], gram[f]);
    put_rows(RECS_SECTION_ITEM_FACTORS, settings, y, settings->items * stride);
    put(RECS_SECTION_ITEM_NORMS, 0, norms, (size_t)settings->items * 4);
    put(RECS_SECTION_GRAM, 0, gram, factors * 4);

    recs__foldin foldin = {.item_factors = y, .gram = gram, .items = settings->items,
                           .factors = factors, .stride = stride, .alpha = record->alpha,
                           .regularization = record->regularization,
                           .regularization_exponent = record->regularization_exponent,
                           .items_trained = record->items_trained};
    size_t most = (size_t)settings->history * 2;
    float *x = need(settings->users * stride, 4), *values = need(most, 4);
    float *scratch = need(recs__foldin_scratch(&foldin, most), 4);
    uint32_t *rows = need(most, 4);
    for (uint32_t user = 0; user < settings->users && !settings->no_users; user++) {
        size_t count = 0;
        for (uint64_t at = made->offsets[user]; at < made->offsets[user + 1]; at++) {
            if (made->values[at] != 0.0f) {
                rows[count] = made->columns[at];
                values[count++] = made->values[at];
            }
        }
        if (count != 0)
            recs__foldin_solve(&foldin, rows, values, count, scratch, x + user * stride);
        for (size_t f = 0; f < factors && settings->halves; f++)
            x[user * stride + f] = recs__half_float(recs__half_of(x[user * stride + f]));
    }
    if (!settings->no_user_factors && !settings->no_users)
        put_rows(RECS_SECTION_USER_FACTORS, settings, x, settings->users * stride);
    free(y);
    free(gram);
    free(norms);
    free(x);
    free(values);
    free(scratch);
    free(rows);
}

static void put_neighbors(const random_settings *settings, uint32_t component,
                          uint32_t longest, recs__random *random) {
    uint64_t *offsets = need((size_t)settings->items + 1, 8);
    uint32_t *columns = need((size_t)settings->items * longest, 4);
    float *values = need((size_t)settings->items * longest, 4);
    size_t at = 0;
    for (uint32_t i = 0; i < settings->items; i++) {
        uint32_t wanted = (uint32_t)recs__random_below(random, longest + 1u);
        uint32_t gap = settings->items / (wanted + 1) + 1, column = 0;
        for (uint32_t n = 0; n < wanted; n++) {
            column += 1 + (uint32_t)recs__random_below(random, gap);
            if (column >= settings->items)
                break;
            columns[at] = column;
            values[at++] = recs__random_below(random, 9) == 0
                               ? -recs__random_float(random)
                               : (float)(1 + recs__random_below(random, 8)) / 8.0f;
        }
        offsets[i + 1] = at;
    }
    put(RECS_SECTION_NEIGHBOR_OFFSETS, component, offsets, ((size_t)settings->items + 1) * 8);
    put(RECS_SECTION_NEIGHBOR_ITEMS, component, columns, at * 4);
    put(RECS_SECTION_NEIGHBOR_VALUES, component, values, at * 4);
    free(offsets);
    free(columns);
    free(values);
}

/* Both sides of a low-rank part, one of them empty for every eleventh item. */
static void put_low_rank(const random_settings *settings, uint32_t component, bool scales,
                         recs__random *random) {
    size_t stride = stride_of(settings), size = settings->items * stride;
    float *to = need(size, 4), *from = need(size, 4);
    for (uint32_t i = 0; i < settings->items; i++)
        for (size_t f = 0; f < settings->factors; f++) {
            to[i * stride + f] = i % 11 != 10 ? recs__random_normal(random) / 8.0f : 0.0f;
            from[i * stride + f] = recs__random_normal(random) / 4.0f;
        }
    put(RECS_SECTION_ITEM_FACTORS, component, to, size * 4);
    if (scales)
        put(RECS_SECTION_HISTORY_SCALES, component, from, (size_t)settings->items * 4);
    else
        put(RECS_SECTION_HISTORY_FACTORS, component, from, size * 4);
    recs_error error = {0};
    if (!settings->no_codes && recs_writer_item_codes(writer, component, to, 0, settings->items,
                                                      settings->factors, &error) != RECS_OK)
        fail_msg("%s", error.text);
    free(to);
    free(from);
}

/* Rows of a few items each, the same by item with other values, norms. */
static void put_crowd(const random_settings *settings, uint32_t rows, recs__random *random) {
    uint32_t items = settings->items, longest = settings->history + 1;
    uint64_t *offsets = need((size_t)rows + 1, 8), *postings = need((size_t)items + 2, 8);
    uint32_t *columns = need((size_t)rows * longest, 4), *of = need((size_t)rows * longest, 4);
    float *values = need((size_t)rows * longest, 4), *says = need((size_t)rows * longest, 4);
    float *norms = need(rows, 4), *weights = need(items, 4);
    size_t at = 0;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t wanted = (uint32_t)recs__random_below(random, longest), column = 0;
        for (uint32_t n = 0; n < wanted && items != 0; n++) {
            column += (uint32_t)recs__random_below(random, items / (wanted + 1) + 1) + (n != 0);
            if (column >= items)
                break;
            columns[at] = column;
            values[at++] = (float)(1 + recs__random_below(random, 8)) / 8.0f;
            postings[column + 2]++;
        }
        offsets[row + 1] = at;
        norms[row] = 0.5f + recs__random_float(random);
    }
    for (uint32_t item = 0; item < items; item++) {
        weights[item] = recs__random_float(random);
        postings[item + 2] += postings[item + 1];
    }
    for (uint32_t row = 0; row < rows; row++)
        for (uint64_t i = offsets[row]; i < offsets[row + 1]; i++) {
            uint64_t place = postings[columns[i] + 1]++;
            of[place] = row;
            says[place] = weights[columns[i]] * values[i];
        }
    put(RECS_SECTION_ROW_OFFSETS, RANDOM_CROWD, offsets, ((size_t)rows + 1) * 8);
    put(RECS_SECTION_ROW_ITEMS, RANDOM_CROWD, columns, at * 4);
    put(RECS_SECTION_ROW_VALUES, RANDOM_CROWD, values, at * 4);
    put(RECS_SECTION_POSTING_OFFSETS, RANDOM_CROWD, postings, ((size_t)items + 1) * 8);
    put(RECS_SECTION_POSTING_ROWS, RANDOM_CROWD, of, at * 4);
    put(RECS_SECTION_POSTING_VALUES, RANDOM_CROWD, says, at * 4);
    put(RECS_SECTION_ROW_NORMS, RANDOM_CROWD, norms, (size_t)rows * 4);
    put(RECS_SECTION_ITEM_WEIGHTS, RANDOM_CROWD, weights, (size_t)items * 4);
    void *blocks[] = {offsets, postings, columns, of, values, says, norms, weights};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

typedef struct ranked {
    float score;
    uint32_t row;
} ranked;

static int by_score(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void put_items(const random_settings *settings, recs__random *random) {
    ranked *order = need(settings->items, sizeof *order);
    float *scores = need(settings->items, 4), *component = need(settings->items, 4);
    uint32_t *rows = need(settings->items, 4);
    int8_t *available = need(settings->items, 1);
    for (uint32_t i = 0; i < settings->items; i++) {
        scores[i] = (float)recs__random_below(random, 50);
        order[i] = (ranked){scores[i], i};
        component[i] = (float)recs__random_below(random, 100);
        available[i] = i % 7 == 6 ? 0 : i % 7 == 5 ? -1 : 1;
    }
    qsort(order, settings->items, sizeof *order, by_score);
    for (uint32_t i = 0; i < settings->items; i++)
        rows[i] = order[i].row;
    recs__file_column column = {.name = "available", .type = RECS_COLUMN_FLAG};
    put(RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, rows, (size_t)settings->items * 4);
    put(RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, scores, (size_t)settings->items * 4);
    put(RECS_SECTION_COMPONENT_SCORES, 2, component, (size_t)settings->items * 4);
    put(RECS_SECTION_COLUMNS, RECS_SECTION_MODEL, &column, sizeof column);
    put(RECS_SECTION_COLUMN_VALUES, 0, available, settings->items);
    free(order);
    free(scores);
    free(component);
    free(rows);
    free(available);
}

recs_model *random_model(const random_settings *settings) {
    static const recs__file_term terms[] = {{0, 0.7f},  {1, 0.3f}, {2, 0.1f}, {3, 0.5f},
                                            {1, 0.25f}, {5, 0.6f}, {6, 0.4f}, {0, 0.2f},
                                            {8, 0.5f},  {1, 0.5f},  {0, 0.7f}, {1, 0.3f}};
    recs__file_component records[RANDOM_COMPONENTS] = {
        {.name = "als", .trainer = "als", .kind = RECS__KIND_FACTORS,
         .factors = settings->factors, .scale = 0.9f, .scale_similar = 1.1f, .alpha = 8.0f,
         .regularization = 0.02f, .regularization_exponent = 1.0f,
         .items_trained = settings->items - settings->items / 11},
        {.name = "itemknn", .trainer = "itemknn", .kind = RECS__KIND_ITEMS, .scale = 0.35f,
         .scale_similar = 0.8f},
        {.name = "popular", .trainer = "popular", .kind = RECS__KIND_POPULAR, .scale = 0.003f,
         .scale_similar = 1.0f},
        {.name = "home", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1.0f,
         .scale_similar = 1.0f, .first_term = 0, .term_count = 3},
        {.name = "deep", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1.0f,
         .scale_similar = 1.0f, .first_term = 3, .term_count = 2},
        {.name = "filter", .trainer = "graphfilter", .kind = RECS__KIND_ITEMS,
         .factors = settings->factors, .scale = 0.6f, .scale_similar = 0.7f},
        {.name = "mirror", .trainer = "graphfilter", .kind = RECS__KIND_ITEMS,
         .factors = settings->factors, .scale = 1.5f, .scale_similar = 2.0f},
        {.name = "mixed", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1.0f,
         .scale_similar = 1.0f, .first_term = 5, .term_count = 3},
        {.name = "crowd", .trainer = "userknn", .kind = RECS__KIND_USERS, .scale = 1.3f,
         .scale_similar = 0.9f, .rows = settings->users / 2 + 9, .neighbors = 6,
         .asymmetry = 0.4f, .shrinkage = 0.25f, .power = 1.5f},
        {.name = "party", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1.0f,
         .scale_similar = 1.0f, .first_term = 8, .term_count = 2},
        {.name = "pair", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1.0f,
         .scale_similar = 1.0f, .first_term = 10, .term_count = 2},
    };
    recs_error error = {0};
    recs__random random;
    recs__random_seed(&random, settings->seed);
    if (recs_writer_create(&writer, NULL, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    random_settings used = *settings;
    if (used.no_users)
        used.users = 0;
    entries made = make_histories(&used, &random);
    recs__file_meta meta = {
        .items = settings->items,
        .users = used.users,
        .history_entries = made.offsets[used.users],
        .first_time = RECS_NO_TIME,
        .last_time = RECS_NO_TIME,
        .users_mode = used.no_users ? RECS__USERS_NONE : RECS__USERS_FULL,
        .components = RANDOM_COMPONENTS,
        .columns = 1,
        .terms = sizeof terms / sizeof *terms,
    };
    put(RECS_SECTION_META, RECS_SECTION_MODEL, &meta, sizeof meta);
    put(RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, records, sizeof records);
    put(RECS_SECTION_TERMS, RECS_SECTION_MODEL, terms, sizeof terms);
    put_ids(RECS_SECTION_ITEM_ID_OFFSETS, 'i', settings->items);
    if (!used.no_users) {
        put_ids(RECS_SECTION_USER_ID_OFFSETS, 'u', used.users);
        put_histories(&used, &made);
    }
    put_items(&used, &random);
    put_factors(&used, &made, &records[0], &random);
    put_neighbors(&used, RANDOM_KNN, used.neighbors, &random);
    put_neighbors(&used, RANDOM_FILTER, used.neighbors, &random);
    put_low_rank(&used, RANDOM_FILTER, false, &random);
    put_neighbors(&used, RANDOM_MIRROR, 2, &random);
    put_low_rank(&used, RANDOM_MIRROR, true, &random);
    put_crowd(&used, records[RANDOM_CROWD].rows, &random);
    free(made.offsets);
    free(made.columns);
    free(made.values);
    free(made.types);
    free(made.times);
    recs_model *model = NULL;
    if (recs_writer_finish(writer, &model, &error) != RECS_OK)
        fail_msg("%s", error.text);
    recs_writer_destroy(writer);
    writer = NULL;
    return model;
}

/* ---- the reference ---------------------------------------------------------------------------- */

static float finite_or_zero(float score) {
    return isfinite(score) ? score + 0.0f : 0.0f;
}

static const float *row_floats(const recs__component *component, uint32_t row, float *room) {
    if (component->item_factors != NULL)
        return component->item_factors + row * (size_t)component->stride;
    recs__kernels_scalar.widen(component->item_halves + row * (size_t)component->stride, room,
                               component->stride);
    return room;
}

static float score_als(const reference *request, const recs__component *component, uint32_t row,
                       bool *evidence) {
    const recs__kernels *kernels = &recs__kernels_scalar;
    size_t stride = component->stride, factors = component->factors;
    float *room = need(2 * stride, 4);
    const float *y = row_floats(component, row, room);
    if (request->similar) {
        float norm = component->item_norms[request->item], other = component->item_norms[row];
        float score = kernels->dot(row_floats(component, request->item, room + stride), y, factors) *
                      (1.0f / (norm * other));
        *evidence = norm != 0.0f && other != 0.0f;
        free(room);
        return finite_or_zero(score);
    }
    recs__foldin foldin = {.item_factors = component->item_factors,
                           .item_halves = component->item_halves, .gram = component->gram,
                           .items = request->view->items, .factors = factors, .stride = stride,
                           .alpha = component->alpha, .regularization = component->regularization,
                           .regularization_exponent = component->regularization_exponent,
                           .items_trained = component->items_trained};
    float *scratch = need(recs__foldin_scratch(&foldin, request->count), 4);
    float *x = need(stride, 4);
    if (request->count != 0)
        recs__foldin_solve(&foldin, request->rows, request->values, request->count, scratch, x);
    bool any = false;
    for (size_t f = 0; f < factors; f++)
        any |= x[f] != 0.0f;
    float score = kernels->dot(x, y, factors);
    *evidence = any && component->item_norms[row] != 0.0f;
    free(scratch);
    free(x);
    free(room);
    return finite_or_zero(score);
}

/* The low-rank part: the history on its factors in row order, then one dot. */
static float score_low_rank(const reference *request, const recs__component *component,
                            const uint32_t *rows, const float *values, size_t count,
                            uint32_t row) {
    size_t stride = component->stride;
    float *p = need(stride, 4);
    for (size_t i = 0; i < count; i++) {
        const float *from = (component->history_factors != NULL ? component->history_factors
                                                                : component->item_factors) +
                            rows[i] * stride;
        float value = component->history_factors != NULL
                          ? values[i]
                          : values[i] * component->history_scales[rows[i]];
        for (size_t f = 0; f < component->factors; f++)
            p[f] = fmaf(value, from[f], p[f]);
    }
    float score = recs__kernels_scalar.dot(p, component->item_factors + row * stride,
                                           component->factors);
    assert_true(row < request->view->items);
    free(p);
    return score;
}

static float score_knn(const reference *request, const recs__component *component, uint32_t row,
                       bool *evidence) {
    static const float one = 1.0f;
    const uint32_t *rows = request->similar ? &request->item : request->rows;
    const float *values = request->similar ? &one : request->values;
    size_t count = request->similar ? 1 : request->count;
    float score = 0.0f;
    for (size_t i = 0; i < count; i++) {
        uint64_t first;
        size_t size = recs__csr_row(&component->neighbors, rows[i], &first);
        for (size_t j = 0; j < size; j++)
            if (component->neighbors.columns[first + j] == row)
                score = fmaf(values[i], component->neighbors.values[first + j], score);
    }
    if (component->factors != 0)
        score += score_low_rank(request, component, rows, values, count, row);
    *evidence = score > 0.0f;
    return finite_or_zero(score);
}

/* All rows compared, all sorted, the best vote, as crowd.c defines it. */
static float score_crowd(const reference *request, const recs__component *component, uint32_t row,
                         bool *evidence) {
    static const float one = 1.0f;
    const uint32_t *rows = request->similar ? &request->item : request->rows;
    const float *values = request->similar ? &one : request->values;
    size_t count = request->similar ? 1 : request->count, found = 0;
    ranked *order = need(component->crowd_rows, sizeof *order);
    double squared = 0.0, total = 0.0;
    float score = 0.0f;
    for (size_t i = 0; i < count; i++)
        squared += (double)component->item_weights[rows[i]] * (double)values[i] *
                   (double)values[i];
    float length = squared > 0.0 ? (float)recs__pow(squared, 1.0 - (double)component->asymmetry)
                                 : 0.0f;
    for (uint32_t u = 0; u < component->crowd_rows; u++) {
        float overlap = 0.0f;
        for (size_t i = 0; i < count; i++)
            for (uint64_t at = component->postings.offsets[rows[i]];
                 at < component->postings.offsets[rows[i] + 1]; at++)
                if (component->postings.columns[at] == u)
                    overlap = fmaf(values[i], component->postings.values[at], overlap);
        float below = fmaf(length, component->row_norms[u], component->shrinkage);
        if (overlap > 0.0f && overlap / below > 0.0f)
            order[found++] = (ranked){overlap / below, u};
    }
    qsort(order, found, sizeof *order, by_score);
    found = found < component->neighbor_count ? found : component->neighbor_count;
    for (size_t i = 0; i < found; i++) {
        order[i].score = (float)recs__pow((double)order[i].score, (double)component->power);
        total += (double)order[i].score;
    }
    for (size_t i = 0; i < found; i++)
        for (uint64_t at = component->crowd.offsets[order[i].row];
             at < component->crowd.offsets[order[i].row + 1]; at++)
            if (component->crowd.columns[at] == row)
                score = fmaf((float)((double)order[i].score / total), component->crowd.values[at],
                             score);
    free(order);
    *evidence = score > 0.0f;
    return finite_or_zero(score);
}

float reference_score(const reference *request, uint32_t index, uint32_t row, bool *evidence) {
    const recs__component *component = &request->view->components[index];
    float score = 0.0f;
    *evidence = false;
    switch (component->kind) {
    case RECS__KIND_FACTORS:
        return score_als(request, component, row, evidence);
    case RECS__KIND_ITEMS:
        return score_knn(request, component, row, evidence);
    case RECS__KIND_USERS:
        return score_crowd(request, component, row, evidence);
    case RECS__KIND_POPULAR:
        score = request->similar ? 0.0f : finite_or_zero(component->scores[row]);
        *evidence = score > 0.0f;
        return score;
    case RECS__KIND_BLEND:
        for (uint32_t t = 0; t < component->term_count; t++) {
            const recs__component *term =
                &request->view->components[component->terms[t].component];
            bool has;
            float weight =
                component->terms[t].weight * (request->similar ? term->scale_similar : term->scale);
            score = fmaf(weight, reference_score(request, term->index, row, &has), score);
            *evidence |= has;
        }
        return finite_or_zero(score);
    case RECS__KIND_VECTORS: /* tests/test_content.c */
        break;
    case RECS__KIND_TRENDS: /* test_frozen.c has a reference of its own: the live state */
        break;
    }
    return 0.0f;
}

reference_answer reference_run(const reference *request) {
    uint32_t items = request->view->items;
    ranked *order = need(items, sizeof *order);
    float *scores = need(items, 4);
    bool *evident = need(items, 1);
    reference_answer answer = {need(items, 4), need(items, 4), need(items, 1), 0, 0};
    size_t found = 0;
    for (uint32_t row = 0; row < items; row++) {
        if (request->excluded[row])
            continue;
        answer.eligible++;
        scores[row] = reference_score(request, request->component, row, &evident[row]);
        if (evident[row])
            order[found++] = (ranked){scores[row], row};
    }
    qsort(order, found, sizeof *order, by_score);
    for (size_t i = 0; i < found && answer.count < request->limit; i++) {
        answer.rows[answer.count] = order[i].row;
        answer.scores[answer.count] = order[i].score;
        answer.sources[answer.count++] = RECS_FROM_COMPONENT;
    }
    for (uint32_t i = 0;
         i < items && answer.count < request->limit && !request->evidence_only; i++) {
        uint32_t row = request->view->popular_order[i];
        if (request->excluded[row] || evident[row])
            continue;
        answer.rows[answer.count] = row;
        answer.scores[answer.count] = scores[row];
        answer.sources[answer.count++] = RECS_FROM_FILL;
    }
    free(order);
    free(scores);
    free(evident);
    return answer;
}

void reference_free(reference_answer *answer) {
    free(answer->rows);
    free(answer->scores);
    free(answer->sources);
}

void reference_compare(const reference_answer *expected, const recs_query *query) {
    assert_int_equal(recs_query_count(query), expected->count);
    assert_int_equal(recs_query_eligible(query), expected->eligible);
    for (size_t i = 0; i < expected->count; i++) {
        float score = recs_query_score(query, i);
        char id[16];
        assert_int_equal(recs_query_row(query, i), expected->rows[i]);
        assert_int_equal(recs_query_source(query, i), expected->sources[i]);
        assert_memory_equal(&score, &expected->scores[i], sizeof score);
        snprintf(id, sizeof id, "i%06u", expected->rows[i]);
        assert_string_equal(recs_query_id(query, i), id);
    }
}

size_t reference_history(const recs__view *view, uint32_t user, uint32_t *rows, float *values,
                         bool *seen) {
    uint64_t first;
    size_t entry_count = recs__csr_row(&view->history, user, &first), count = 0;
    for (size_t i = 0; i < entry_count; i++) {
        uint32_t row = view->history.columns[first + i];
        if (seen != NULL)
            seen[row] = true;
        if (view->history.values[first + i] != 0.0f) {
            rows[count] = row;
            values[count++] = view->history.values[first + i];
        }
    }
    return count;
}

bool *reference_excluded(const recs__view *view, uint32_t user) {
    bool *excluded = need(view->items, 1);
    uint64_t first;
    size_t count = recs__csr_row(&view->history, user, &first);
    for (size_t i = 0; i < count; i++)
        excluded[view->history.columns[first + i]] = true;
    for (uint32_t row = 0; row < view->items; row++)
        excluded[row] |= view->available != NULL && view->available[row] == 0;
    return excluded;
}
