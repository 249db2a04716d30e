/* sample_model.c - the sample, written through the public writer.
 *
 * Item factors are small multiples of 1/8, so their products and sums are
 * exact and gram and norms have the same bits in any order of arithmetic. */
#include "support/sample_model.h"

#include "base/hash.h"
#include "kernels/foldin.h"
#include "model/format.h"
#include "recs/events.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const sample_items[SAMPLE_ITEMS] = {"axe", "beer", "cup", "door",
                                                "egg", "fan",  "gem", "hat"};
const char *const sample_users[SAMPLE_USERS] = {"ann", "bob", "cat", "dan", "eve"};

enum {
    HISTORY = 11,
    NEIGHBORS = 12,
    TEXT_MAX = 512,
    SCRATCH = 4096,
    MODEL = -1
};

/* The one writer of a run; the first failure stays. */
typedef struct sink {
    recs_writer *writer;
    recs_status status;
    recs_error *error;
} sink;

static void put(sink *out, uint32_t type, int component, uint32_t flags, const void *bytes,
                size_t size) {
    if (out->status == RECS_OK)
        out->status = recs_writer_section(out->writer, type, (uint32_t)component, flags, bytes,
                                          size, out->error);
}

/* Offsets and bytes of texts, each with a NUL; NULL is an empty one without. */
static void put_texts(sink *out, uint32_t type, int component, uint32_t flags,
                      const char *const *texts, size_t count) {
    uint64_t offsets[SAMPLE_ITEMS + 1] = {0};
    char bytes[TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t size = texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
        if (size != 0)
            memcpy(bytes + offsets[i], texts[i], size);
        offsets[i + 1] = offsets[i] + size;
    }
    put(out, type, component, flags, offsets, (count + 1) * sizeof offsets[0]);
    put(out, type + 1, component, flags, bytes, (size_t)offsets[count]);
}

/* ---- users and their histories --------------------------------------------------- */

static const uint64_t history_offsets[SAMPLE_USERS + 1] = {0, 4, 7, 9, 11, 11};
/* dan dislikes beer; ann bought the cup and had looked at it before. */
static const uint32_t history_items[HISTORY] = {0, 2, 2, 4, 1, 2, 5, 0, 3, 1, 4};
static const float history_values[HISTORY] = {1, 2, 0, 1.5F, 1, 0.5F, 1, 1, 0, -1, 1};
static const uint8_t history_types[HISTORY] = {
    RECS_EVENT_BUY,  RECS_EVENT_VIEW, RECS_EVENT_BUY,  RECS_EVENT_CART,
    RECS_EVENT_BUY,  RECS_EVENT_VIEW, RECS_EVENT_BUY,  RECS_EVENT_BUY,
    RECS_EVENT_VIEW, RECS_EVENT_DISLIKE, RECS_EVENT_BUY};

enum { STEP = 60000 };
static const int64_t start = INT64_C(1700000000000);

static int compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_users(sink *out, const char *mode, uint32_t flags) {
    if (strcmp(mode, "none") == 0)
        return;
    if (strcmp(mode, "hashed") == 0) {
        /* Hashed users are in another order; here each keeps the history of
         * the row it lands on, which is all that tests of look-ups need. */
        char hashed[SAMPLE_USERS][33];
        const char *texts[SAMPLE_USERS];
        for (size_t i = 0; i < SAMPLE_USERS; i++) {
            recs__hash_hex(sample_users[i], strlen(sample_users[i]), hashed[i]);
            texts[i] = hashed[i];
        }
        qsort(texts, SAMPLE_USERS, sizeof texts[0], compare_text);
        put_texts(out, RECS_SECTION_USER_ID_OFFSETS, MODEL, flags, texts, SAMPLE_USERS);
    } else {
        put_texts(out, RECS_SECTION_USER_ID_OFFSETS, MODEL, flags, sample_users, SAMPLE_USERS);
    }
    int64_t times[HISTORY];
    for (int i = 0; i < HISTORY; i++)
        times[i] = i == 8 ? RECS_NO_TIME : start + i * STEP;
    put(out, RECS_SECTION_HISTORY_OFFSETS, MODEL, 0, history_offsets, sizeof history_offsets);
    put(out, RECS_SECTION_HISTORY_ITEMS, MODEL, 0, history_items, sizeof history_items);
    put(out, RECS_SECTION_HISTORY_VALUES, MODEL, 0, history_values, sizeof history_values);
    put(out, RECS_SECTION_HISTORY_TYPES, MODEL, 0, history_types, sizeof history_types);
    put(out, RECS_SECTION_HISTORY_TIMES, MODEL, 0, times, sizeof times);
}

/* ---- components -------------------------------------------------------------------- */

static void fill_factors(float y[SAMPLE_ITEMS][SAMPLE_STRIDE]) {
    memset(y, 0, sizeof(float[SAMPLE_ITEMS][SAMPLE_STRIDE]));
    for (int i = 0; i < SAMPLE_ITEMS - 2; i++)
        for (int f = 0; f < SAMPLE_FACTORS; f++)
            y[i][f] = (float)((i * 7 + f * 5 + i * f) % 11 - 4) / 8.0F;
}

/* Each user's factors as a request folds them in: the history without what
 * was only seen. */
static void put_user_factors(sink *out, const float *y, const float *gram) {
    recs__foldin foldin = {.item_factors = y, .gram = gram, .items = SAMPLE_ITEMS,
                           .factors = SAMPLE_FACTORS, .stride = SAMPLE_STRIDE, .alpha = 2,
                           .regularization = 0.5F, .items_trained = SAMPLE_ITEMS - 2};
    float x[SAMPLE_USERS][SAMPLE_STRIDE], scratch[SCRATCH];
    if (recs__foldin_scratch(&foldin, HISTORY) > SCRATCH)
        abort();
    for (int user = 0; user < SAMPLE_USERS; user++) {
        uint32_t rows[HISTORY];
        float values[HISTORY];
        size_t count = 0;
        for (uint64_t i = history_offsets[user]; i < history_offsets[user + 1]; i++)
            if (history_values[i] < 0 || history_values[i] > 0) {
                rows[count] = history_items[i];
                values[count++] = history_values[i];
            }
        if (!recs__foldin_solve(&foldin, rows, values, count, scratch, x[user]))
            abort();
    }
    put(out, RECS_SECTION_USER_FACTORS, 0, 0, x, sizeof x);
}

static void put_factors(sink *out, bool users) {
    float y[SAMPLE_ITEMS][SAMPLE_STRIDE], gram[SAMPLE_FACTORS] = {0};
    float norms[SAMPLE_ITEMS];
    fill_factors(y);
    for (int i = 0; i < SAMPLE_ITEMS; i++) {
        float sum = 0;
        for (int f = 0; f < SAMPLE_FACTORS; f++) {
            sum += y[i][f] * y[i][f];
            gram[f] += y[i][f] * y[i][f];
        }
        norms[i] = sqrtf(sum);
    }
    put(out, RECS_SECTION_ITEM_FACTORS, 0, 0, y, sizeof y);
    if (users)
        put_user_factors(out, y[0], gram);
    put(out, RECS_SECTION_GRAM, 0, 0, gram, sizeof gram);
    put(out, RECS_SECTION_ITEM_NORMS, 0, 0, norms, sizeof norms);
}

static void put_neighbors(sink *out) {
    static const uint64_t offsets[SAMPLE_ITEMS + 1] = {0, 2, 4, 7, 8, 10, 11, 12, 12};
    static const uint32_t items[NEIGHBORS] = {2, 4, 2, 5, 0, 1, 5, 0, 0, 2, 1, 3};
    static const float values[NEIGHBORS] = {0.5F,   0.25F, 0.375F, 0.625F, 0.5F,  0.375F,
                                            0.125F, 0.75F, 0.25F,  0.5F,   0.625F, 0.0625F};
    put(out, RECS_SECTION_NEIGHBOR_OFFSETS, 1, 0, offsets, sizeof offsets);
    put(out, RECS_SECTION_NEIGHBOR_ITEMS, 1, 0, items, sizeof items);
    put(out, RECS_SECTION_NEIGHBOR_VALUES, 1, 0, values, sizeof values);
}

/* The item model with a low-rank part: two factors, two neighbours. */
static void put_filter(sink *out) {
    static const uint64_t offsets[SAMPLE_ITEMS + 1] = {0, 1, 1, 1, 1, 1, 2, 2, 2};
    static const uint32_t items[] = {5, 0};
    static const float values[] = {0.5F, -0.25F};
    float to[SAMPLE_ITEMS][SAMPLE_STRIDE], from[SAMPLE_ITEMS][SAMPLE_STRIDE];
    memset(to, 0, sizeof to);
    memset(from, 0, sizeof from);
    for (int i = 0; i < SAMPLE_ITEMS - 1; i++)
        for (int f = 0; f < 2; f++) {
            to[i][f] = (float)((i * 5 + f * 3) % 7 - 2) / 8.0F;
            from[i][f] = (float)((i * 3 + f * 2) % 5 - 1) / 4.0F;
        }
    put(out, RECS_SECTION_NEIGHBOR_OFFSETS, 4, 0, offsets, sizeof offsets);
    put(out, RECS_SECTION_NEIGHBOR_ITEMS, 4, 0, items, sizeof items);
    put(out, RECS_SECTION_NEIGHBOR_VALUES, 4, 0, values, sizeof values);
    put(out, RECS_SECTION_ITEM_FACTORS, 4, 0, to, sizeof to);
    put(out, RECS_SECTION_HISTORY_FACTORS, 4, RECS_SECTION_CRITICAL, from, sizeof from);
}

/* User neighbours: four rows that nobody is named for. */
static void put_crowd(sink *out) {
    static const uint64_t offsets[] = {0, 3, 5, 8, 9};
    static const uint32_t items[] = {0, 2, 4, 1, 2, 0, 4, 5, 3};
    static const float values[] = {1, 0.5F, 1, 1, 0.5F, 1, 2, 0.25F, 1};
    static const uint64_t postings[SAMPLE_ITEMS + 1] = {0, 2, 3, 5, 6, 8, 9, 9, 9};
    static const uint32_t rows[] = {0, 2, 1, 0, 1, 3, 0, 2, 2};
    static const float says[] = {0.5F, 0.5F, 1, 0.25F, 0.25F, 1, 0.5F, 1, 0.25F};
    static const float norms[] = {1.5F, 1, 1.75F, 1};
    static const float weights[SAMPLE_ITEMS] = {0.5F, 1, 0.5F, 1, 0.5F, 1, 0, 0};
    put(out, RECS_SECTION_ROW_OFFSETS, 5, 0, offsets, sizeof offsets);
    put(out, RECS_SECTION_ROW_ITEMS, 5, 0, items, sizeof items);
    put(out, RECS_SECTION_ROW_VALUES, 5, 0, values, sizeof values);
    put(out, RECS_SECTION_POSTING_OFFSETS, 5, 0, postings, sizeof postings);
    put(out, RECS_SECTION_POSTING_ROWS, 5, 0, rows, sizeof rows);
    put(out, RECS_SECTION_POSTING_VALUES, 5, 0, says, sizeof says);
    put(out, RECS_SECTION_ROW_NORMS, 5, 0, norms, sizeof norms);
    put(out, RECS_SECTION_ITEM_WEIGHTS, 5, 0, weights, sizeof weights);
}

static void put_components(sink *out, bool users) {
    static const recs__file_component records[] = {
        {.name = "als", .trainer = "als", .kind = RECS__KIND_FACTORS, .factors = SAMPLE_FACTORS,
         .scale = 1, .scale_similar = 1, .alpha = 2, .regularization = 0.5F,
         .regularization_exponent = 0, .items_trained = SAMPLE_ITEMS - 2},
        {.name = "itemknn", .trainer = "itemknn", .kind = RECS__KIND_ITEMS, .scale = 0.5F,
         .scale_similar = 2},
        {.name = "popular", .trainer = "popular", .kind = RECS__KIND_POPULAR, .scale = 0.25F,
         .scale_similar = 1},
        {.name = "home", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1,
         .scale_similar = 1, .first_term = 0, .term_count = 2},
        {.name = "filter", .trainer = "graphfilter", .kind = RECS__KIND_ITEMS, .factors = 2,
         .scale = 0.5F, .scale_similar = 1},
        {.name = "crowd", .trainer = "userknn", .kind = RECS__KIND_USERS, .scale = 1,
         .scale_similar = 1, .rows = 4, .neighbors = 2, .asymmetry = 0.5F, .shrinkage = 0.25F,
         .power = 1}};
    static const recs__file_term terms[] = {{0, 0.75F}, {1, 0.5F}};
    static const char *const settings[] = {
        "als(factors=6, alpha=2, regularization=0.5)", "itemknn(k=3)", "popular",
        "0.75*als + 0.5*itemknn", "graphfilter(rank=2)", "userknn(k=2)"};
    static const float scores[SAMPLE_ITEMS] = {3, 2, 2.5F, 1, 2, 1, 0, 0};
    put(out, RECS_SECTION_COMPONENTS, MODEL, 0, records, sizeof records);
    put(out, RECS_SECTION_TERMS, MODEL, 0, terms, sizeof terms);
    for (int i = 0; i < 6; i++)
        put(out, RECS_SECTION_SETTINGS, i, 0, settings[i], strlen(settings[i]));
    put_factors(out, users);
    put_neighbors(out);
    put_filter(out);
    put_crowd(out);
    put(out, RECS_SECTION_COMPONENT_SCORES, 2, 0, scores, sizeof scores);
}

/* ---- catalogue ----------------------------------------------------------------------- */

static void put_columns(sink *out, uint32_t flags) {
    static const recs__file_column records[] = {
        {.name = "brand", .type = RECS_COLUMN_TEXT, .dictionary = 3},
        {.name = "price", .type = RECS_COLUMN_NUMBER},
        {.name = "created", .type = RECS_COLUMN_TIME},
        {.name = "available", .type = RECS_COLUMN_FLAG}};
    static const char *const brands[] = {"Acme", "B\xC3\xA4renbr\xC3\xA4u", "Zenith"};
    static const uint32_t codes[SAMPLE_ITEMS] = {0, 1, 2, 0, UINT32_MAX, 2, 0, UINT32_MAX};
    static const int8_t available[SAMPLE_ITEMS] = {1, 1, 1, 0, 1, 1, 1, -1};
    double prices[SAMPLE_ITEMS];
    int64_t created[SAMPLE_ITEMS];
    for (int i = 0; i < SAMPLE_ITEMS; i++) {
        prices[i] = 0.5 + 2.25 * i;
        created[i] = i == 5 ? RECS_NO_TIME : start - (int64_t)i * 86400000;
    }
    /* The one NaN there is, without depending on what NAN expands to. */
    static const uint64_t missing = UINT64_C(0x7FF8000000000000);
    memcpy(&prices[6], &missing, sizeof missing);
    put(out, RECS_SECTION_COLUMNS, MODEL, flags, records, sizeof records);
    put(out, RECS_SECTION_COLUMN_VALUES, 0, flags, codes, sizeof codes);
    put_texts(out, RECS_SECTION_COLUMN_OFFSETS, 0, flags, brands, 3);
    put(out, RECS_SECTION_COLUMN_VALUES, 1, flags, prices, sizeof prices);
    put(out, RECS_SECTION_COLUMN_VALUES, 2, flags, created, sizeof created);
    put(out, RECS_SECTION_COLUMN_VALUES, 3, flags, available, sizeof available);
}

/* ---- all ------------------------------------------------------------------------------- */

recs_status recs_test_sample_sections(recs_writer *writer, const char *users, uint32_t flags,
                                      recs_error *error) {
    static const char description[] =
        "als(factors=6), itemknn(k=3), popular, home = 0.75*als + 0.5*itemknn, "
        "filter = graphfilter(rank=2), crowd = userknn(k=2)";
    static const char *const titles[SAMPLE_ITEMS] = {
        "A heavy axe", "B\xC3\xA4renbr\xC3\xA4u, dark", "Cup", NULL, "Egg", "Fan", "", "Hat"};
    static const uint32_t order[SAMPLE_ITEMS] = {0, 2, 4, 1, 5, 3, 6, 7};
    static const float popular[SAMPLE_ITEMS] = {2, 1, 2, 0, 2, 1, 0, 0};
    bool none = strcmp(users, "none") == 0;
    recs__file_meta meta = {.items = SAMPLE_ITEMS,
                            .users = none ? 0 : SAMPLE_USERS,
                            .history_entries = none ? 0 : HISTORY,
                            .first_time = start,
                            .last_time = start + (HISTORY - 1) * STEP,
                            .users_mode = none                            ? RECS__USERS_NONE
                                          : strcmp(users, "hashed") == 0 ? RECS__USERS_HASHED
                                                                          : RECS__USERS_FULL,
                            .components = 6,
                            .columns = 4,
                            .terms = 2,
                            .trained_users = SAMPLE_USERS,
                            .trained_interactions = HISTORY};
    sink out = {writer, RECS_OK, error};
    put(&out, RECS_SECTION_META, MODEL, 0, &meta, sizeof meta);
    put(&out, RECS_SECTION_DESCRIPTION, MODEL, 0, description, strlen(description));
    put_texts(&out, RECS_SECTION_ITEM_ID_OFFSETS, MODEL, flags, sample_items, SAMPLE_ITEMS);
    put_texts(&out, RECS_SECTION_TITLE_OFFSETS, MODEL, flags, titles, SAMPLE_ITEMS);
    put_users(&out, users, flags);
    put(&out, RECS_SECTION_POPULAR_ORDER, MODEL, 0, order, sizeof order);
    put(&out, RECS_SECTION_POPULAR_SCORES, MODEL, 0, popular, sizeof popular);
    put_components(&out, !none);
    put_columns(&out, flags);
    return out.status;
}

recs_status recs_test_sample_model(recs_model **model, const recs_host *host, recs_error *error) {
    *model = NULL;
    recs_writer *writer;
    recs_status status = recs_writer_create(&writer, NULL, host, error);
    if (status != RECS_OK)
        return status;
    status = recs_test_sample_sections(writer, "full", 0, error);
    if (status == RECS_OK)
        status = recs_writer_finish(writer, model, error);
    recs_writer_destroy(writer);
    return status;
}
