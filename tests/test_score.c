/* Tests of src/recommend/score.c on views filled by hand: hostile contents
 * give no evidence and no wild read. That honest ones give the right bits is
 * in test_recommend.c. */
#include "support/test.h"

#include "base/memory.h"
#include "recommend/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 64 };

static recs_host host;
static recs_error error;
static const uint32_t rows[] = {1, 5};
static const float values[] = {1.0f, 2.0f};

static recs__history history_of(size_t count) {
    /* Cast from const only to fill the struct; nothing writes through it. */
    static uint32_t row_copy[2];
    static float value_copy[2];
    memcpy(row_copy, rows, sizeof rows);
    memcpy(value_copy, values, sizeof values);
    return (recs__history){.rows = row_copy, .values = value_copy, .count = count,
                           .user_row = RECS_NO_ROW};
}

static void run(const recs__view *view, uint32_t component, recs__scorer *scorer) {
    recs__history history = history_of(2);
    assert_int_equal(recs__scorer_begin(scorer, &host, view, component, &error), RECS_OK);
    assert_int_equal(recs__scorer_visitor(scorer, &host, &history, &error), RECS_OK);
    recs__scorer_block(scorer, 0, view->items);
}

static void neighbours_beyond_the_catalogue_are_skipped(void **state) {
    (void)state;
    uint64_t offsets[ITEMS + 1] = {0};
    uint32_t columns[] = {2, 64, 4000000000u, 3, 3, 9, 7};
    float weights[] = {1.0f, 1.0f, 1.0f, 0.5f, 0.25f, NAN, INFINITY};
    for (size_t i = 2; i <= ITEMS; i++)
        offsets[i] = i < 6 ? 3 : 7; /* row 1: three entries, row 5: four */
    recs__component component = {.name = "w", .kind = RECS__KIND_ITEMS, .scale = 1,
                                 .neighbors = {offsets, columns, weights, ITEMS, ITEMS, 7}};
    recs__view view = {.items = ITEMS, .components = &component, .component_count = 1};
    recs__scorer scorer = {0};
    run(&view, 0, &scorer);
    const float *scores = recs__scorer_scores(&scorer);
    const uint8_t *evidence = recs__scorer_evidence(&scorer);
    for (uint32_t row = 0; row < ITEMS; row++) {
        float expected = row == 2 ? 1.0f : row == 3 ? 1.5f : 0.0f;
        assert_true(scores[row] == expected);
        assert_int_equal(evidence[row], expected > 0.0f);
    }
    /* Cleared: the next request starts at zero. */
    recs__scorer_clear(&scorer);
    for (uint32_t row = 0; row < ITEMS; row++)
        assert_true(scorer.lanes[0]->scores[row] == 0.0f);
    recs__scorer_free(&scorer, &host);
}

static void popularity_that_is_no_number_is_none(void **state) {
    (void)state;
    float popularity[ITEMS] = {1.0f, NAN, INFINITY, -INFINITY, -1.0f, -0.0f};
    recs__component component = {.name = "p", .kind = RECS__KIND_POPULAR, .scores = popularity,
                                 .scale = 1};
    recs__view view = {.items = ITEMS, .components = &component, .component_count = 1};
    recs__scorer scorer = {0};
    run(&view, 0, &scorer);
    const float *scores = recs__scorer_scores(&scorer);
    static const float expected[] = {1.0f, 0.0f, 0.0f, 0.0f, -1.0f, 0.0f};
    for (uint32_t row = 0; row < 6; row++) {
        assert_true(scores[row] == expected[row] && !signbit(scores[row]) == (row != 4));
        assert_int_equal(recs__scorer_evidence(&scorer)[row], row == 0);
    }
    recs__scorer_free(&scorer, &host);
}

static void factors_that_cannot_be_solved_have_no_evidence(void **state) {
    (void)state;
    static float factors[ITEMS * 16], gram[2 * 16], norms[ITEMS];
    for (size_t i = 0; i < ITEMS; i++) {
        factors[i * 16] = i == 9 ? NAN : 1.0f;
        norms[i] = i == 3 ? 0.0f : 1.0f;
    }
    recs__component component = {.name = "f", .kind = RECS__KIND_FACTORS, .factors = 2,
                                 .stride = 16, .item_factors = factors, .gram = gram,
                                 .item_norms = norms, .alpha = NAN, .regularization = 0,
                                 .scale = 1};
    recs__view view = {.items = ITEMS, .components = &component, .component_count = 1};
    recs__scorer scorer = {0};
    run(&view, 0, &scorer);
    for (uint32_t row = 0; row < ITEMS; row++)
        assert_int_equal(recs__scorer_evidence(&scorer)[row], 0);
    component.alpha = 1.0f;
    component.regularization = 1.0f;
    run(&view, 0, &scorer);
    for (uint32_t row = 0; row < ITEMS; row++) {
        assert_int_equal(recs__scorer_evidence(&scorer)[row], row != 3 && row != 9);
        assert_true(isfinite(recs__scorer_scores(&scorer)[row]));
    }
    assert_int_equal(recs__scorer_begin(&scorer, &host, &view, 0, &error), RECS_OK);
    assert_int_equal(recs__scorer_item(&scorer, &host, 3, &error), RECS_OK);
    recs__scorer_block(&scorer, 0, ITEMS);
    for (uint32_t row = 0; row < ITEMS; row++)
        assert_int_equal(recs__scorer_evidence(&scorer)[row], 0);
    recs__scorer_free(&scorer, &host);
}

/* Whatever the low-rank part holds, scores are finite and what is not finite
 * has no evidence; without one of its sides there is none. */
static void low_rank_parts_that_are_no_numbers_are_none(void **state) {
    (void)state;
    static float to[ITEMS * 16], from[ITEMS * 16], scales[ITEMS];
    uint64_t offsets[ITEMS + 1] = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        to[i * 16] = i == 9 ? NAN : i == 10 ? INFINITY : i == 11 ? -1.0f : 1.0f;
        from[i * 16] = i == 5 ? 0.5f : 0.25f;
        scales[i] = i == 5 ? NAN : 1.0f;
    }
    recs__component component = {.name = "l", .kind = RECS__KIND_ITEMS, .factors = 3,
                                 .stride = 16, .item_factors = to, .history_factors = from,
                                 .neighbors = {offsets, NULL, NULL, ITEMS, ITEMS, 0},
                                 .scale = 1};
    recs__view view = {.items = ITEMS, .components = &component, .component_count = 1};
    recs__scorer scorer = {0};
    run(&view, 0, &scorer); /* values 1 and 2: p = 0.25 + 2 * 0.5 */
    for (uint32_t row = 0; row < ITEMS; row++) {
        float expected = row == 9 || row == 10 ? 0.0f : row == 11 ? -1.25f : 1.25f;
        assert_true(recs__scorer_scores(&scorer)[row] == expected);
        assert_int_equal(recs__scorer_evidence(&scorer)[row], expected > 0.0f);
    }
    component.history_factors = NULL;
    component.history_scales = scales;
    run(&view, 0, &scorer);
    for (uint32_t row = 0; row < ITEMS; row++) {
        assert_true(recs__scorer_scores(&scorer)[row] == 0.0f);
        assert_int_equal(recs__scorer_evidence(&scorer)[row], 0);
    }
    component.history_scales = NULL; /* neither side: no low-rank part */
    run(&view, 0, &scorer);
    assert_null(recs__scorer_root(&scorer)->vector);
    assert_true(recs__scorer_scores(&scorer)[0] == 0.0f);
    recs__scorer_free(&scorer, &host);
}

/* Each blend names the one before it twice: 2^60 paths, 60 steps. */
static void deep_blends_cost_their_terms(void **state) {
    (void)state;
    enum { DEPTH = 60 };
    float popularity[ITEMS] = {1.0f, 2.0f};
    recs__file_term terms[DEPTH][2];
    recs__component components[DEPTH + 1] = {
        {.name = "p", .kind = RECS__KIND_POPULAR, .scores = popularity, .scale = 1.0f}};
    for (uint32_t i = 1; i <= DEPTH; i++) {
        terms[i - 1][0] = terms[i - 1][1] = (recs__file_term){i - 1, 0.5f};
        components[i] = (recs__component){.name = "b", .kind = RECS__KIND_BLEND, .index = i,
                                          .terms = terms[i - 1], .term_count = 2, .scale = 1.0f};
    }
    recs__view view = {.items = ITEMS, .components = components, .component_count = DEPTH + 1};
    recs__scorer scorer = {0};
    run(&view, DEPTH, &scorer);
    assert_true(recs__scorer_scores(&scorer)[0] == 1.0f);
    assert_true(recs__scorer_scores(&scorer)[1] == 2.0f);
    assert_int_equal(recs__scorer_evidence(&scorer)[2], 0);

    /* Terms that name their own blend, a later one or nothing count as 0. */
    terms[3][0].component = 4;
    terms[3][1].component = 4000000000u;
    run(&view, DEPTH, &scorer);
    assert_true(recs__scorer_scores(&scorer)[0] == 0.0f);
    components[0].scale = INFINITY;
    terms[3][0].component = terms[3][1].component = 3;
    run(&view, DEPTH, &scorer);
    assert_true(recs__scorer_scores(&scorer)[0] == 0.0f);
    recs__scorer_free(&scorer, &host);
}

static void a_model_without_components_scores_nothing(void **state) {
    (void)state;
    recs__view view = {.items = ITEMS};
    recs__scorer scorer = {0};
    run(&view, 0, &scorer);
    assert_null(recs__scorer_root(&scorer));
    for (uint32_t row = 0; row < ITEMS; row++)
        assert_true(recs__scorer_scores(&scorer)[row] == 0.0f &&
                    recs__scorer_evidence(&scorer)[row] == 0);
    recs__scorer_free(&scorer, &host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_beyond_the_catalogue_are_skipped),
        cmocka_unit_test(popularity_that_is_no_number_is_none),
        cmocka_unit_test(factors_that_cannot_be_solved_have_no_evidence),
        cmocka_unit_test(low_rank_parts_that_are_no_numbers_are_none),
        cmocka_unit_test(deep_blends_cost_their_terms),
        cmocka_unit_test(a_model_without_components_scores_nothing),
    };
    if (recs__host_init(&host, NULL, NULL) != RECS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
