/* test_userknn.c - scores through a whole model against the formulas written
 * out, the published plain cosine, dislikes, baskets, what the file says of
 * people, and no allocation once warm. What every trainer owes is in
 * test_trainers.c, the serving of any such file in test_recommend.c. */
#include "base/memory.h"
#include "base/random.h"
#include "model/model.h"
#include "recs/events.h"
#include "recs/query.h"
#include "recs/recommend.h"
#include "recs/train.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 70, ITEMS = 40 };

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s", error->text);
}

/* A log of quantities, some baskets of guests and some dislikes. */
static recs_dataset *dataset_of(uint64_t seed, const char *users) {
    recs_dataset *d = NULL;
    recs_events *events = NULL;
    recs_error error = {0};
    recs__random random;
    recs__random_seed(&random, seed);
    ok(recs_dataset_create(&d, NULL, &error), &error);
    ok(recs_dataset_set(d, "weight", "raw", &error), &error);
    ok(recs_dataset_set(d, "users", users, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int u = 0; u < USERS; u++)
        for (int i = 0; i < ITEMS; i++) {
            char id[16];
            bool taste = i % 4 == u % 4;
            if (recs__random_below(&random, taste ? 3 : 9) != 0 && i != 7)
                continue;
            bool dislike = recs__random_below(&random, 12) == 0;
            snprintf(id, sizeof id, "i%02d", i);
            ok(recs_events_begin(events, id, dislike ? RECS_EVENT_DISLIKE : RECS_EVENT_BUY, i,
                                 &error), &error);
            snprintf(id, sizeof id, "u%02d", u);
            ok(recs_events_text(events, RECS_FIELD_USER, id, &error), &error);
            ok(recs_events_quantity(events, (double)(1 + recs__random_below(&random, 4)), &error),
               &error);
        }
    ok(recs_dataset_add(d, events, &error), &error);
    recs_events_destroy(events);
    return d;
}

static recs_model *train(const recs_dataset *d, const char *description) {
    recs_model *model = NULL;
    recs_error error = {0};
    ok(recs_train(d, description, NULL, NULL, &model, &error), &error);
    return model;
}

/* ---- the formulas ---------------------------------------------------------------------------- */

typedef struct shape {
    const char *text;
    size_t k;
    double asymmetry, item_exponent, popularity_exponent, power, shrinkage;
    bool idf;
} shape;

typedef struct neighbour {
    double similarity;
    size_t row;
} neighbour;

static int closest_first(const void *a, const void *b) {
    double x = ((const neighbour *)a)->similarity, y = ((const neighbour *)b)->similarity;
    return x > y ? -1 : x < y;
}

/* Scores of a history (dense, 0: not in it) by the definition, in double. */
static void score_by_definition(const shape *s, double x[USERS][ITEMS], const double *v,
                                double *scores) {
    double w[ITEMS], n[ITEMS] = {0.0};
    neighbour all[USERS];
    for (size_t u = 0; u < USERS; u++)
        for (size_t i = 0; i < ITEMS; i++)
            n[i] += x[u][i] > 0.0;
    for (size_t i = 0; i < ITEMS; i++) {
        double idf = log((1.0 + USERS) / (1.0 + n[i]));
        w[i] = n[i] == 0.0 ? 0.0 : s->idf ? idf * idf : pow(n[i], -s->item_exponent);
    }
    for (size_t u = 0; u < USERS; u++) {
        double overlap = 0.0, own = 0.0, other = 0.0;
        for (size_t i = 0; i < ITEMS; i++) {
            double value = x[u][i] > 0.0 ? x[u][i] : 0.0;
            overlap += w[i] * v[i] * value;
            own += w[i] * v[i] * v[i];
            other += w[i] * value * value;
        }
        all[u].row = u;
        all[u].similarity = overlap > 0.0
                                ? overlap / (pow(own, 1.0 - s->asymmetry) *
                                                 pow(other, s->asymmetry) + s->shrinkage)
                                : 0.0;
    }
    qsort(all, USERS, sizeof *all, closest_first);
    double total = 0.0;
    memset(scores, 0, ITEMS * sizeof *scores);
    for (size_t u = 0; u < s->k && u < USERS && all[u].similarity > 0.0; u++) {
        double vote = pow(all[u].similarity, s->power);
        total += vote;
        for (size_t i = 0; i < ITEMS; i++)
            if (x[all[u].row][i] > 0.0)
                scores[i] += vote * x[all[u].row][i] * pow(n[i], -s->popularity_exponent);
    }
    for (size_t i = 0; i < ITEMS && total > 0.0; i++)
        scores[i] /= total;
}

/* The values of all users, by item row, as the model's histories have them. */
static void read_values(const recs_model *model, double x[USERS][ITEMS]) {
    memset(x, 0, sizeof(double[USERS][ITEMS]));
    for (uint32_t u = 0; u < recs_model_users(model); u++)
        for (size_t e = 0; recs_model_history_item(model, u, e) != RECS_NO_ROW; e++)
            x[u][recs_model_history_item(model, u, e)] +=
                (double)recs_model_history_value(model, u, e);
}

static void test_formulas(void **state) {
    (void)state;
    static const shape shapes[] = {
        {"userknn(k=12, item_exponent=0, popularity_exponent=0, power=1)", 12, 0.5, 0, 0, 1, 0,
         false}, /* the plain cosine */
        {"userknn(k=9)", 9, 0.5, 0.5, 0.25, 1.3, 0, false},
        {"userknn(k=1000, weighting=idf, asymmetry=0.2, shrinkage=3, power=2)", 1000, 0.2, 0.5,
         0.25, 2, 3, true},
        {"userknn(k=1, asymmetry=1, item_exponent=1, popularity_exponent=1)", 1, 1, 1, 1, 1.3, 0,
         false},
        {"userknn(k=100, asymmetry=0, power=0.5)", 100, 0, 0.5, 0.25, 0.5, 0, false},
    };
    recs_dataset *d = dataset_of(4, "full");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        static double x[USERS][ITEMS];
        recs_model *model = train(d, shapes[s].text);
        recs_query *query = NULL;
        recs_error error = {0};
        ok(recs_model_verify(model, &error), &error);
        ok(recs_query_create(&query, NULL, &error), &error);
        read_values(model, x);
        for (uint32_t u = 0; u < USERS; u++) {
            double expected[ITEMS];
            uint32_t rows[ITEMS];
            float got[ITEMS];
            for (uint32_t i = 0; i < ITEMS; i++)
                rows[i] = i;
            recs_query_reset(query);
            recs_query_user(query, recs_model_user_id(model, u));
            ok(recs_score_rows(model, query, rows, ITEMS, got, &error), &error);
            score_by_definition(&shapes[s], x, x[u], expected);
            for (size_t i = 0; i < ITEMS; i++)
                if (fabs((double)got[i] - expected[i]) > 1e-5 * (1.0 + expected[i]))
                    fail_msg("%s, user %u, item %zu: %.8g, by the definition %.8g",
                             shapes[s].text, u, i, (double)got[i], expected[i]);
        }
        recs_query_destroy(query);
        recs_model_release(model);
    }
    recs_dataset_destroy(d);
}

/* ---- rows ------------------------------------------------------------------------------------- */

static const void *section(const recs__trained *trained, uint32_t type, size_t *size) {
    return made_training_section(trained, type, size);
}

/* Rows in the order of their contents, long ones and empty ones left out, both
 * layouts the same entries. */
static void test_layout(void **state) {
    (void)state;
    static const made_entry entries[] = {
        {0, 2, 1.0f}, {0, 3, 1.0f}, {1, 0, 1.0f}, {1, 2, 2.0f}, {2, 0, 1.0f},  {2, 1, 1.0f},
        {2, 2, 1.0f}, {2, 3, 1.0f}, {3, 1, -1.0f}, {5, 0, 1.0f}, {5, 2, 1.0f}, {5, 3, -2.0f},
    };
    made_training made;
    recs__trained trained;
    recs_error error = {0};
    size_t size;
    made_training_make(&made, 6, 5, entries, sizeof entries / sizeof *entries, NULL);
    ok(made_training_train(&made, "userknn(longest=3, k=7, popularity_exponent=0, "
                                  "item_exponent=1)", 1, &trained, &error), &error);
    assert_int_equal(trained.kind, RECS__KIND_USERS);
    assert_int_equal(trained.rows, 3);
    assert_int_equal(trained.neighbors, 7);
    assert_int_equal(trained.items_trained, 3);
    const uint64_t offsets[] = {0, 2, 4, 6}, postings[] = {0, 2, 2, 5, 6, 6};
    const uint32_t items[] = {0, 2, 0, 2, 2, 3}, rows[] = {0, 1, 0, 1, 2, 2};
    const float values[] = {1, 1, 1, 2, 1, 1};
    const float third = 1.0f / 3.0f;
    const float says[] = {0.5f, 0.5f, third, third * 2.0f, third, 1.0f};
    const float weights[] = {0.5f, 0.0f, third, 1.0f, 0.0f};
    struct {
        uint32_t type;
        const void *bytes;
        size_t size;
    } wanted[] = {
        {RECS_SECTION_ROW_OFFSETS, offsets, sizeof offsets},
        {RECS_SECTION_ROW_ITEMS, items, sizeof items},
        {RECS_SECTION_ROW_VALUES, values, sizeof values},
        {RECS_SECTION_POSTING_OFFSETS, postings, sizeof postings},
        {RECS_SECTION_POSTING_ROWS, rows, sizeof rows},
        {RECS_SECTION_POSTING_VALUES, says, sizeof says},
        {RECS_SECTION_ITEM_WEIGHTS, weights, sizeof weights},
    };
    for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++) {
        const void *got = section(&trained, wanted[w].type, &size);
        assert_int_equal(size, wanted[w].size);
        assert_memory_equal(got, wanted[w].bytes, size);
    }
    recs__trained_clear(&trained, &made.training.host);
    made_training_free(&made);
}

/* The rows are the same whatever is stored of users, and in an order that does
 * not follow theirs. */
static void test_nobody_is_named(void **state) {
    (void)state;
    static const char *const modes[] = {"full", "hashed", "none"};
    const recs__component *first = NULL;
    recs_model *models[3];
    for (int m = 0; m < 3; m++) {
        recs_dataset *d = dataset_of(8, modes[m]);
        models[m] = train(d, "userknn");
        recs_dataset_destroy(d);
        const recs__component *c = &recs__model_view(models[m])->components[0];
        first = m == 0 ? c : first;
        assert_int_equal(c->crowd_rows, first->crowd_rows);
        assert_memory_equal(c->crowd.columns, first->crowd.columns, first->crowd.entries * 4);
        assert_memory_equal(c->crowd.values, first->crowd.values, first->crowd.entries * 4);
        assert_memory_equal(c->postings.columns, first->postings.columns,
                            first->postings.entries * 4);
    }
    const recs__csr *crowd = &first->crowd;
    for (uint32_t row = 1; row < crowd->rows; row++) {
        uint64_t a = crowd->offsets[row - 1], b = crowd->offsets[row], end = crowd->offsets[row + 1];
        uint64_t middle = b;
        while (a < middle && b < end && crowd->columns[a] == crowd->columns[b])
            a++, b++;
        assert_true(a == middle || (b < end && crowd->columns[a] < crowd->columns[b]));
    }
    for (int m = 0; m < 3; m++)
        recs_model_release(models[m]);
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* A visitor without anything in common with anybody gets fill, not evidence; a
 * dislike alone speaks for nobody. */
static void test_no_neighbours(void **state) {
    (void)state;
    recs_dataset *d = dataset_of(4, "full");
    recs_model *model = train(d, "userknn");
    recs_query *query = NULL;
    recs_error error = {0};
    const uint32_t row = 3;
    const float disliked = -1.0f;
    ok(recs_query_create(&query, NULL, &error), &error);
    recs_query_limit(query, 5);
    recs_query_history_rows(query, &row, &disliked, NULL, 1);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 5);
    assert_int_equal(recs_query_evidence(query), 0);
    recs_query_destroy(query);
    recs_model_release(model);
    recs_dataset_destroy(d);
}

static void test_nothing_allocated_when_warm(void **state) {
    (void)state;
    recs_dataset *d = dataset_of(4, "full");
    recs_model *model = train(d, "itemknn, userknn(k=20), both = 0.5*itemknn + 0.5*userknn");
    fault_host faults;
    recs_query *query = NULL;
    recs_error error = {0};
    size_t before = 0;
    fault_host_init(&faults);
    ok(recs_query_create(&query, &faults.host, &error), &error);
    for (int turn = 0; turn < 2; turn++) {
        before = faults.total;
        for (uint32_t u = 0; u < USERS; u++) {
            recs_query_reset(query);
            recs_query_limit(query, 7);
            recs_query_user(query, recs_model_user_id(model, u));
            recs_query_component(query, u % 2 ? "userknn" : "both");
            ok(recs_recommend(model, query, &error), &error);
            for (size_t i = 0; i < recs_query_count(query); i++)
                ok(recs_explain(model, query, i, &error), &error);
        }
    }
    assert_int_equal(faults.total, before);
    recs_query_destroy(query);
    fault_host_done(&faults);
    recs_model_release(model);
    recs_dataset_destroy(d);
}

/* Values beyond float32 are told, never written. */
static void test_too_large(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 0, 3e38f}, {0, 1, 3e38f}, {1, 0, 1.0f}, {1, 1, 1.0f}};
    made_training made;
    recs__trained trained;
    recs_error error = {0};
    made_training_make(&made, 2, 2, entries, 4, NULL);
    assert_int_equal(made_training_train(&made, "userknn(asymmetry=1)", 1, &trained, &error),
                     RECS_ERR_NUMERIC);
    assert_non_null(strstr(error.text, "log1p"));
    assert_int_equal(trained.section_count, 0);
    made_training_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_nobody_is_named),
        cmocka_unit_test(test_no_neighbours),
        cmocka_unit_test(test_nothing_allocated_when_warm),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
