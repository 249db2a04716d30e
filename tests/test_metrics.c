/* test_metrics.c - judging lists beside the definitions written out plainly. */
#include "train/metrics.h"

#include "base/random.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 60

/* By the book: no cutoffs in one pass, no sorted truth. */
static void plain(const uint32_t *list, size_t length, const bool *wanted, size_t truth, size_t k,
                  double *out) {
    double gain = 0, ideal = 0, precision_sum = 0, first = 0;
    size_t hits = 0;
    for (size_t rank = 1; rank <= length && rank <= k; rank++) {
        if (!wanted[list[rank - 1]])
            continue;
        hits++;
        gain += 1.0 / log2((double)rank + 1.0);
        precision_sum += (double)hits / (double)rank;
        first = first == 0 ? 1.0 / (double)rank : first;
    }
    size_t most = truth < k ? truth : k;
    for (size_t rank = 1; rank <= most; rank++)
        ideal += 1.0 / log2((double)rank + 1.0);
    out[RECS__CELL_RECALL] = (double)hits / (double)truth;
    out[RECS__CELL_RECALL_MIN] = (double)hits / (double)most;
    out[RECS__CELL_NDCG] = gain / ideal;
    out[RECS__CELL_HIT] = hits > 0;
    out[RECS__CELL_PRECISION] = (double)hits / (double)k;
    out[RECS__CELL_MRR] = first;
    out[RECS__CELL_MAP] = precision_sum / (double)most;
    out[RECS__CELL_SHOWN] = (double)(length < k ? length : k);
}

static void test_judging(void **state) {
    (void)state;
    static const size_t cutoffs[] = {1, 3, 10, 40};
    double discounts[80], cells[4 * RECS__CELLS], expected[RECS__CELLS];
    recs__random random;
    recs__random_seed(&random, 11);
    recs__metrics_discounts(discounts, 40);
    for (int turn = 0; turn < 500; turn++) {
        uint32_t list[40], truth[ITEMS], order[ITEMS], sizes[3] = {0};
        uint8_t group_of[ITEMS];
        bool wanted[ITEMS] = {false};
        size_t known = 0, length = (size_t)recs__random_below(&random, 41);
        for (uint32_t i = 0; i < ITEMS; i++) {
            uint32_t j = (uint32_t)recs__random_below(&random, i + 1);
            order[i] = order[j];
            order[j] = i;
            group_of[i] = (uint8_t)recs__random_below(&random, 3);
            wanted[i] = recs__random_below(&random, 6) == 0;
        }
        memcpy(list, order, length * sizeof *list);
        for (uint32_t i = 0; i < ITEMS; i++)
            if (wanted[i]) {
                truth[known++] = i;
                sizes[group_of[i]]++;
            }
        size_t unknown = (size_t)recs__random_below(&random, 3) + (known == 0);
        recs__judged judged = {list, length, truth, known, known + unknown, discounts, 40, cutoffs,
                               4};
        memset(cells, 0, sizeof cells);
        recs__metrics_judge(&judged, cells);
        for (size_t c = 0; c < 4; c++) {
            plain(list, length, wanted, known + unknown, cutoffs[c], expected);
            for (size_t i = 0; i <= RECS__CELL_SHOWN; i++)
                assert_true(fabs(cells[c * RECS__CELLS + i] - expected[i]) < 1e-12);
        }
        /* A group is the whole with the other test items forgotten. */
        float grouped[3 * 4 * RECS__GROUP_CELLS] = {0};
        recs__metrics_judge_groups(&judged, group_of, sizes, 3, grouped);
        for (size_t g = 0; g < 3; g++)
            for (size_t c = 0; c < 4 && sizes[g]; c++) {
                bool own[ITEMS];
                for (uint32_t i = 0; i < ITEMS; i++)
                    own[i] = wanted[i] && group_of[i] == g;
                plain(list, length, own, sizes[g], cutoffs[c], expected);
                for (size_t i = 0; i < RECS__GROUP_CELLS; i++)
                    assert_true(fabs((double)grouped[(g * 4 + c) * RECS__GROUP_CELLS + i] -
                                     expected[i]) < 1e-6);
            }
    }
}

/* Mean absolute difference over twice the mean. */
static void test_gini(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 3);
    for (int turn = 0; turn < 50; turn++) {
        uint64_t times[21] = {0};
        double shown[ITEMS], sum = 0, apart = 0;
        for (size_t i = 0; i < ITEMS; i++) {
            uint64_t x = recs__random_below(&random, turn % 2 ? 21 : 3);
            shown[i] = (double)x;
            times[x]++;
            sum += shown[i];
        }
        for (size_t i = 0; i < ITEMS; i++)
            for (size_t j = 0; j < ITEMS; j++)
                apart += fabs(shown[i] - shown[j]);
        double expected = apart / (2.0 * ITEMS * sum);
        assert_true(fabs(recs__metric_gini(times, 20, ITEMS) - expected) < 1e-12);
    }
    uint64_t same[] = {0, 0, 5}, one[] = {4, 0, 0, 1}, none[] = {5};
    assert_true(fabs(recs__metric_gini(same, 2, 5)) < 1e-12);
    assert_true(fabs(recs__metric_gini(one, 3, 5) - 0.8) < 1e-12);
    assert_true(isnan(recs__metric_gini(none, 0, 5)));
}

static void test_names(void **state) {
    (void)state;
    size_t chosen[RECS__METRICS], count;
    recs_error error = {0};
    assert_int_equal(recs__metrics_parse(NULL, chosen, &count, &error), RECS_OK);
    assert_int_equal(count, 8);
    assert_string_equal(recs__metric_at(chosen[0])->name, "recall");
    assert_int_equal(recs__metrics_parse("all", chosen, &count, &error), RECS_OK);
    assert_int_equal(count, RECS__METRICS);
    assert_int_equal(recs__metrics_parse("ndcg,recall,ndcg", chosen, &count, &error), RECS_OK);
    assert_int_equal(count, 2); /* in the table's order, once */
    assert_string_equal(recs__metric_at(chosen[1])->name, "ndcg");
    static const char *const bad[] = {"", "recal", "recall,", "recall@20", ",ndcg", "ALL"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(recs__metrics_parse(bad[i], chosen, &count, &error), RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "expected all or some of: recall, recall_min, ndcg"));
        assert_non_null(strstr(error.text, "lift, tail"));
    }
    assert_null(recs__metric_at(RECS__METRICS));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_judging), cmocka_unit_test(test_gini),
                                       cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
