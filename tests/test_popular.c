/* test_popular.c - counts of users and of events, and events that fade. */
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Item 0: two users; item 1: one and a dislike; item 2: nothing; item 3: one
 * large value. made_training gives the events the times user * 1000 + item days. */
static const made_entry entries[] = {
    {0, 0, 1.0f}, {0, 1, 2.5f}, {1, 0, 3.0f}, {1, 1, -1.0f}, {1, 3, 7.0f}};

static const float *scores_of(const made_training *made, const char *text, recs__trained *trained) {
    recs_error error = {0};
    size_t size;
    if (made_training_train(made, text, 1, trained, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
    assert_int_equal(trained->items_trained, made->training.items);
    const float *scores = made_training_section(trained, RECS_SECTION_COMPONENT_SCORES, &size);
    assert_int_equal(size, made->training.items * sizeof(float));
    return scores;
}

static void expect(const made_training *made, const char *text, const double expected[4]) {
    recs__trained trained;
    const float *scores = scores_of(made, text, &trained);
    for (size_t i = 0; i < 4; i++)
        if (fabs((double)scores[i] - expected[i]) > 1e-6 * expected[i])
            fail_msg("%s: item %zu has %.9g, expected %.9g", text, i, (double)scores[i],
                     expected[i]);
    recs__trained_clear(&trained, &made->training.host);
}

static void test_counts(void **state) {
    (void)state;
    made_training made;
    made_training_make(&made, 2, 4, entries, 5, NULL);
    expect(&made, "popular", (const double[]){2, 1, 0, 1});
    expect(&made, "popular(count=events)", (const double[]){4, 2.5, 0, 7});
    /* Last event: user 1, item 3, day 1003; the ages are 1003, 3, 1002, 0. */
    expect(&made, "popular(half_life=100)",
           (const double[]){exp2(-10.03) + 3 * exp2(-0.03), 2.5 * exp2(-10.02), 0, 7});
    made_training_free(&made);
}

static void test_events_without_a_time_are_the_oldest(void **state) {
    (void)state;
    made_training made;
    made_training_make(&made, 2, 4, entries, 5, NULL);
    made.event_times[1] = RECS_NO_TIME; /* of item 0, was day 1000 */
    expect(&made, "popular(half_life=100)",
           (const double[]){exp2(-10.03) + 3 * exp2(-10.03), 2.5 * exp2(-10.02), 0, 7});
    made_training_free(&made);
}

static void test_no_times_at_all(void **state) {
    (void)state;
    made_training made;
    recs__trained trained;
    recs_error error = {0};
    made_training_make(&made, 2, 4, entries, 5, NULL);
    for (uint64_t e = 0; e < made.training.events; e++)
        made.event_times[e] = RECS_NO_TIME;
    made.training.last_time = RECS_NO_TIME;
    assert_int_equal(made_training_train(&made, "popular(half_life=7)", 1, &trained, &error),
                     RECS_ERR_STATE);
    assert_non_null(strstr(error.text, "half_life=7"));
    expect(&made, "popular", (const double[]){2, 1, 0, 1});
    made_training_free(&made);
}

static void test_empty_and_huge(void **state) {
    (void)state;
    static const made_entry huge[] = {{0, 0, FLT_MAX}, {1, 0, FLT_MAX}};
    made_training made;
    recs__trained trained;
    made_training_make(&made, 0, 3, NULL, 0, NULL);
    const float *scores = scores_of(&made, "popular(half_life=7)", &trained);
    assert_true(scores[0] == 0.0f && scores[1] == 0.0f && scores[2] == 0.0f);
    recs__trained_clear(&trained, &made.training.host);
    made_training_free(&made);

    made_training_make(&made, 2, 1, huge, 2, NULL);
    scores = scores_of(&made, "popular(count=events)", &trained);
    assert_true(scores[0] == FLT_MAX);
    recs__trained_clear(&trained, &made.training.host);
    made_training_free(&made);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        made_training made;
        recs__trained trained;
        recs_error error = {0};
        fault_off(&faults);
        made_training_make(&made, 2, 4, entries, 5, &faults.host);
        fault_on(&faults);
        fault_passed(&faults, made_training_train(&made, "popular", 1, &trained, &error), &error);
        recs__trained_clear(&trained, &made.training.host);
        made_training_free(&made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_events_without_a_time_are_the_oldest),
        cmocka_unit_test(test_no_times_at_all),
        cmocka_unit_test(test_empty_and_huge),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
