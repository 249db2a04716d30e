/* fuzz_recommend.c - any bytes as a model file, and every verb asked of it.
 *
 * The last two bytes of the input are the request and not part of the file;
 * checksums are always put right first. Properties: no crash, nothing kept,
 * no more memory than a small machine has; whatever the file holds, rows are
 * of the catalogue and differ, scores are finite and the same in every verb,
 * all eligible items come back when asked for, and reasons add up. */
#include "fuzz.h"

#include "recs/query.h"
#include "recs/recommend.h"
#include "support/walk.h"

#include <math.h>
#include <string.h>

enum { MEMORY_LIMIT = 64 << 20, LIMIT = 40 };

static void fill_request(recs_query *query, const recs_model *model, unsigned request) {
    recs_query_reset(query);
    recs_query_component(query, recs_model_component_name(model, request % 7));
    if ((request & 1) != 0 && recs_model_user_id(model, request % 7) != NULL)
        recs_query_user(query, recs_model_user_id(model, request % 7));
    for (uint32_t i = 0; (request & 2) != 0 && i < 5; i++) {
        uint32_t row = (request + i * 3) % 11;
        float weight = (float)i - 1.0f;
        if (row < recs_model_items(model))
            recs_query_history_rows(query, &row, &weight, NULL, 1);
    }
    if (recs_model_item_id(model, request % 13) != NULL)
        recs_query_item(query, recs_model_item_id(model, request % 13));
    for (uint32_t row = 0; (request & 4) != 0 && row < 9; row += 2)
        if (row < recs_model_items(model))
            recs_query_allow_rows(query, &row, 1);
    recs_query_append_history(query, (request & 8) != 0);
    recs_query_include_unavailable(query, (request & 16) != 0);
    recs_query_evidence_only(query, (request & 32) != 0);
}

static void check_answer(const recs_model *model, recs_query *query, bool filled) {
    size_t count = recs_query_count(query);
    FUZZ_CHECK(count <= LIMIT && recs_query_evidence(query) <= count);
    if (filled)
        FUZZ_CHECK(count == LIMIT || count == recs_query_eligible(query));
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(recs_query_row(query, i) < recs_model_items(model));
        FUZZ_CHECK(recs_query_id(query, i) != NULL);
        FUZZ_CHECK(isfinite(recs_query_score(query, i)));
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(recs_query_row(query, i) != recs_query_row(query, j));
    }
}

static void check_scores(const recs_model *model, recs_query *query) {
    float scores[LIMIT];
    size_t count = recs_query_count(query);
    if (recs_score_rows(model, query, recs_query_rows(query), count, scores, NULL) != RECS_OK)
        return; /* no memory left */
    for (size_t i = 0; i < count; i++) {
        float score = recs_query_score(query, i);
        FUZZ_CHECK(memcmp(&score, &scores[i], sizeof score) == 0);
    }
}

static void ask(const recs_model *model, recs_query *query, unsigned request) {
    uint32_t users[] = {0, 1, 2}, rows[3 * LIMIT];
    float scores[3 * LIMIT];
    bool fill = (request & 32) == 0;
    recs_query_limit(query, LIMIT);
    if (recs_recommend(model, query, NULL) == RECS_OK) {
        check_answer(model, query, fill);
        check_scores(model, query);
        for (size_t i = 0; i < recs_query_count(query); i += 7) {
            if (recs_explain(model, query, i, NULL) != RECS_OK)
                continue;
            for (size_t j = 0; j < recs_query_reason_count(query); j++)
                FUZZ_CHECK(isfinite(recs_query_reason_contribution(query, j)));
        }
    }
    if (recs_similar(model, query, NULL) == RECS_OK)
        check_answer(model, query, fill);
    if (recs_users(model, query, NULL) == RECS_OK)
        for (size_t i = 0; i < recs_query_count(query); i++)
            FUZZ_CHECK(recs_query_row(query, i) < recs_model_users(model) &&
                       isfinite(recs_query_score(query, i)));
    const char *id = recs_model_item_id(model, request % 17);
    if (recs_why_not(model, query, id != NULL ? id : "none", NULL) == RECS_OK)
        FUZZ_CHECK(recs_query_verdict(query) != RECS_VERDICT_NONE &&
                   recs_query_verdict_text(query)[0] != '\0');
    size_t known = recs_model_users(model) < 3 ? recs_model_users(model) : 3;
    if (recs_recommend_rows(model, query, users, known, rows, scores, NULL) == RECS_OK)
        for (size_t i = 0; i < known * LIMIT; i++)
            FUZZ_CHECK(isfinite(scores[i]) &&
                       (rows[i] == RECS_NO_ROW || rows[i] < recs_model_items(model)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    size -= 2;
    unsigned request = (unsigned)data[size] << 8 | data[size + 1];
    unsigned char *bytes = walk_copy(data, size);
    walk_seal(bytes, size, true);
    fuzz_memory memory = {.limit = MEMORY_LIMIT};
    recs_host host = fuzz_host(&memory);
    recs_open_options options = {
        .struct_size = sizeof options, .load = RECS_LOAD_COPY, .inflate = 1, .trusted = 1};
    recs_model *model;
    recs_query *query;
    if (recs_model_open_memory(&model, bytes, size, &options, &host, NULL) == RECS_OK) {
        if (recs_query_create(&query, &host, NULL) == RECS_OK) {
            for (unsigned i = 0; i < 3; i++) {
                fill_request(query, model, request + i * 257);
                ask(model, query, request + i * 257);
            }
            recs_query_destroy(query);
        }
        recs_model_release(model);
    }
    free(bytes);
    FUZZ_CHECK(memory.held == 0);
    return 0;
}
