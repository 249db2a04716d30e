/* test_echo.c - source and propensity: read, kept, refused, weighed; and a
 * shop that recommends what it sold, whose echo the rules take out again. */
#include "train/echo.h"

#include "base/random.h"
#include "recs/events.h"
#include "support/test.h"
#include "support/tmp.h"
#include "train/training_store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tmp_folder folder;

static int prepare(void **state) {
    (void)state;
    tmp_make(&folder);
    return 0;
}

static int tidy(void **state) {
    (void)state;
    tmp_remove(&folder);
    return 0;
}

static recs_dataset *create(void) {
    recs_dataset *d = NULL;
    assert_int_equal(recs_dataset_create(&d, NULL, NULL), RECS_OK);
    return d;
}

static void set(recs_dataset *d, const char *name, const char *value) {
    recs_error error = {0};
    if (recs_dataset_set(d, name, value, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void read_log(recs_dataset *d, const char *text) {
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    tmp_write(&folder, "log.csv", text, strlen(text), path);
    if (recs_dataset_read(d, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static recs__training *build(const recs_dataset *d) {
    recs__training *training = NULL;
    recs_error error = {0};
    if (recs__training_build(&training, d, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return training;
}

/* The value of a pair in by_user; 0 when it is not there. */
static float value_of(const recs__training *t, const char *user, const char *item) {
    uint32_t row = recs__ids_find(&t->user_ids, user, strlen(user));
    uint32_t column = recs__ids_find(&t->item_ids, item, strlen(item));
    assert_int_not_equal(row, RECS_NO_ROW);
    for (uint64_t i = t->by_user.offsets[row]; i < t->by_user.offsets[row + 1]; i++)
        if (t->by_user.columns[i] == column)
            return t->by_user.values[i];
    return 0.0f;
}

static void expect_pair(const recs__training *t, const char *user, const char *item, double is) {
    float got = value_of(t, user, item);
    if (fabs((double)got - is) > 1e-6)
        fail_msg("%s %s is %.9g, expected %.9g", user, item, (double)got, is);
}

/* ---- reading ------------------------------------------------------------------------- */

static const char log_text[] = "user,item,type,quantity,source,propensity\n"
                               "u,a,buy,1,organic,\n"
                               "u,a,buy,1,recommended,0.5\n"
                               "u,b,buy,1,Recommended,0.25\n"
                               "v,a,buy,2,yes,0.125\n"
                               "v,b,buy,3,,1\n"
                               "v,c,view,1,0,0.5\n";

static void test_read(void **state) {
    (void)state;
    recs_dataset *d = create();
    read_log(d, log_text);
    static const uint8_t sources[] = {0, 1, 1, 1, 0, 0};
    static const float propensities[] = {1.0f, 0.5f, 0.25f, 0.125f, 1.0f, 0.5f};
    assert_int_equal(recs_dataset_count(d, "events"), 6);
    for (uint64_t e = 0; e < 6; e++) {
        recs__event event = recs__log_get(&d->log, e);
        assert_int_equal(event.source, sources[e]);
        assert_true(event.propensity == propensities[e]);
    }
    assert_int_equal(recs_dataset_count(d, "recommended"), 3);
    assert_int_equal(recs_dataset_count(d, "problems"), 0);
    assert_non_null(strstr(recs_dataset_report(d), "source = source, propensity = propensity"));
    assert_non_null(strstr(recs_dataset_report(d), "recommended: 3 events came from "
                                                   "recommendations; 3 of them evidence, which "
                                                   "counts as 3 (recommended=1)"));
    assert_non_null(strstr(recs_dataset_report(d), "propensity: read, and not used"));
    recs_dataset_destroy(d);
}

static void test_bad_rows(void **state) {
    (void)state;
    static const char text[] = "user,item,source,propensity\n"
                               "u,a,organic,0\n"
                               "u,b,organic,1.0001\n"
                               "u,c,organic,nan\n"
                               "u,d,organic,-0.5\n"
                               "u,e,organic,1e-60\n"
                               "u,f,organic,likely\n"
                               "u,g,elsewhere,1\n"
                               "u,h,recommended,1e-30\n";
    recs_dataset *d = create();
    read_log(d, text);
    assert_int_equal(recs_dataset_count(d, "used"), 2);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_NUMBER], 6);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_SOURCE], 1);
    assert_non_null(strstr(recs_dataset_report(d),
                           "line 2, column propensity: \"0\": expected a probability above 0"));
    assert_non_null(strstr(recs_dataset_report(d),
                           "line 8, column source: \"elsewhere\": expected organic or recommended"));
    assert_int_equal(recs_dataset_count(d, "recommended"), 1); /* elsewhere is organic */
    set(d, "propensity", "inverse");
    recs__training *t = build(d); /* 1 over 1e-30 is a million at most */
    assert_true(isfinite(value_of(t, "u", "h")) && value_of(t, "u", "h") > 0.0f);
    recs__training_destroy(t);
    recs_dataset_destroy(d);

    static const char *const bad[] = {"u,a,organic,0", "u,a,elsewhere,1"};
    for (int b = 0; b < 2; b++) {
        char path[TMP_PATH_MAX], strict[128];
        recs_error error = {0};
        d = create();
        set(d, "strict", "yes");
        int size = snprintf(strict, sizeof strict, "user,item,source,propensity\n%s\n", bad[b]);
        tmp_write(&folder, "strict.csv", strict, (size_t)size, path);
        assert_int_equal(recs_dataset_read(d, path, &error), RECS_ERR_DATA);
        assert_non_null(strstr(error.text, b ? "organic or recommended" : "a probability"));
        assert_int_equal(recs_dataset_count(d, "events"), 0);
        recs_dataset_destroy(d);
    }
    d = create(); /* a column of that name that means something else */
    set(d, "columns", "source=none");
    read_log(d, "user,item,source\nu,a,search\nu,b,mail\n");
    assert_int_equal(recs_dataset_count(d, "problems"), 0);
    recs_dataset_destroy(d);
}

static void test_settings(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"recommended", "-0.1"},     {"recommended", "1001"},     {"recommended", "nan"},
        {"recommended", "half"},     {"recommended", ""},         {"propensity", "yes"},
        {"propensity", "clip"},      {"propensity", "clip()"},    {"propensity", "clip(0)"},
        {"propensity", "clip(1.5)"}, {"propensity", "clip(nan)"}, {"propensity", "clip(1e-7)"},
        {"propensity", ""},
    };
    recs_dataset *d = create();
    for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
        recs_error error = {0};
        assert_int_equal(recs_dataset_set(d, bad[b][0], bad[b][1], &error), RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "expected"));
    }
    assert_true(d->settings.values.recommended == 1.0 && d->settings.values.clip == 0.0);
    set(d, "recommended", "0");
    set(d, "propensity", "clip(0.05)");
    assert_true(d->settings.values.recommended == 0.0 && d->settings.values.clip == 0.05);
    set(d, "propensity", "inverse");
    assert_true(d->settings.values.clip == RECS__CLIP_LEAST);
    set(d, "propensity", "ignore");
    assert_true(d->settings.values.clip == 0.0);
    recs_dataset_destroy(d);
}

/* Written and read, split, added as a batch: nothing is lost. */
static void test_kept(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    recs_dataset *d = create(), *again = create(), *parts[2] = {NULL, NULL};
    read_log(d, log_text);
    tmp_write(&folder, "again.csv", "", 0, path);
    assert_int_equal(recs_dataset_write(d, path, &error), RECS_OK);
    if (recs_dataset_read(again, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
    for (uint64_t e = 0; e < 6; e++) {
        recs__event a = recs__log_get(&d->log, e), b = recs__log_get(&again->log, e);
        assert_true(a.source == b.source && a.propensity == b.propensity);
    }
    assert_int_equal(recs_dataset_split(d, "random:0.5", 1, &parts[0], &parts[1], &error),
                     RECS_OK);
    assert_int_equal(recs_dataset_count(parts[0], "recommended") +
                         recs_dataset_count(parts[1], "recommended"), 3);
    for (int p = 0; p < 2; p++)
        recs_dataset_destroy(parts[p]);
    recs_dataset_destroy(again);
    recs_dataset_destroy(d);

    recs_events *events = NULL;
    d = create();
    assert_int_equal(recs_events_create(&events, NULL, &error), RECS_OK);
    recs_events_begin(events, "a", RECS_EVENT_BUY, 1, &error);
    recs_events_begin(events, "b", RECS_EVENT_BUY, 1, &error);
    recs_events_text(events, RECS_FIELD_USER, "u", &error);
    recs_events_source(events, RECS_SOURCE_RECOMMENDED, &error);
    recs_events_propensity(events, 0.25, &error);
    assert_int_equal(recs_dataset_add(d, events, &error), RECS_OK);
    assert_int_equal(recs__log_get(&d->log, 0).source, RECS_SOURCE_ORGANIC);
    assert_true(recs__log_get(&d->log, 0).propensity == 1.0f);
    assert_int_equal(recs__log_get(&d->log, 1).source, RECS_SOURCE_RECOMMENDED);
    assert_true(recs__log_get(&d->log, 1).propensity == 0.25f);
    recs_events_destroy(events);
    recs_dataset_destroy(d);
}

/* ---- weights --------------------------------------------------------------------------- */

static void test_recommended(void **state) {
    (void)state;
    static const struct {
        const char *weight, *duplicates, *recommended;
        double ua, ub, va, vb;
    } cases[] = {
        {"raw", "sum", "1", 2, 1, 2, 3},
        {"raw", "sum", "0.5", 1.5, 0.5, 1, 3},
        {"raw", "sum", "0", 1, 0, 0, 3},
        {"raw", "sum", "2", 3, 2, 4, 3},
        {"raw", "max", "0.5", 1, 0.5, 1, 3},
        {"raw", "last", "0.5", 0.5, 0.5, 1, 3},
        {"binary", "sum", "0.5", 1, 0.5, 0.5, 1},
        {"binary", "sum", "0", 1, 0, 0, 1},
        {"cap(1)", "sum", "0.5", 1, 0.5, 0.5, 1},
        /* log2(1 + q): the second piece adds log2(3) - 1 */
        {"log1p", "sum", "0.5", 1.2924812503605780, 0.5, 0.7924812503605780, 2},
        {"log1p", "sum", "0", 1, 0, 0, 2},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        recs_dataset *d = create();
        read_log(d, log_text);
        set(d, "weight", cases[c].weight);
        set(d, "duplicates", cases[c].duplicates);
        set(d, "recommended", cases[c].recommended);
        recs__training *t = build(d);
        expect_pair(t, "u", "a", cases[c].ua);
        expect_pair(t, "u", "b", cases[c].ub);
        expect_pair(t, "v", "a", cases[c].va);
        expect_pair(t, "v", "b", cases[c].vb);
        expect_pair(t, "v", "c", 1);
        /* What counts nothing is still seen. */
        assert_int_equal(t->store->history_count, 5);
        recs__training_destroy(t);
        recs_dataset_destroy(d);
    }
}

/* Inverse propensities: mean 1 within a source, clipped. */
static void test_propensity(void **state) {
    (void)state;
    recs_dataset *d = create();
    read_log(d, log_text);
    set(d, "weight", "raw");
    set(d, "propensity", "inverse");
    recs__training *t = build(d);
    /* recommended: 2, 4, 8, mean 14/3; organic: 1, 1, 2, mean 4/3 */
    expect_pair(t, "u", "a", 0.75 + 2 * 3 / 14.0);
    expect_pair(t, "u", "b", 4 * 3 / 14.0);
    expect_pair(t, "v", "a", 2 * 8 * 3 / 14.0);
    expect_pair(t, "v", "b", 3 * 0.75);
    expect_pair(t, "v", "c", 2 * 0.75);
    assert_true(fabs(d->netting->recommended_weight - 3.0) < 1e-9);
    recs__training_destroy(t);

    set(d, "propensity", "clip(0.25)");
    set(d, "recommended", "0.5");
    t = build(d);
    expect_pair(t, "u", "b", 0.5 * 4 * 3 / 10.0);
    expect_pair(t, "v", "a", 0.5 * 2 * 4 * 3 / 10.0);
    assert_true(fabs(d->netting->recommended_weight - 1.5) < 1e-9);
    /* The weights of events are those popularity adds up. */
    double sum = 0.0;
    for (uint64_t e = 0; e < t->events; e++)
        sum += (double)t->event_weights[e];
    assert_true(fabs(sum - 4.5) < 1e-6);
    recs__training_destroy(t);
    assert_non_null(strstr(recs_dataset_report(d), "counts as 1.5 (recommended=0.5)"));
    recs_dataset_destroy(d);
}

/* Baskets and guests are weighed alike; ratings and dislikes have their rules. */
static void test_units(void **state) {
    (void)state;
    recs_dataset *d = create();
    read_log(d, "user,item,type,basket,source\n"
                ",a,buy,1,organic\n"
                ",b,buy,1,recommended\n"
                ",b,buy,2,recommended\n"
                "u,a,dislike,3,recommended\n"
                "u,b,buy,3,organic\n");
    set(d, "unit", "baskets");
    set(d, "recommended", "0.25");
    recs__training *t = build(d);
    assert_int_equal(t->units.rows, 3);
    assert_true(t->units.values[0] == 1.0f && t->units.values[1] == 0.25f &&
                t->units.values[2] == 0.25f && t->units.values[3] == 1.0f);
    expect_pair(t, "u", "a", -1);
    recs__training_destroy(t);
    set(d, "recommended", "0");
    t = build(d);
    assert_int_equal(t->units.rows, 2);
    assert_int_equal(t->item_units[1], 1);
    recs__training_destroy(t);
    recs_dataset_destroy(d);

    d = create();
    read_log(d, "user,item,rating,source\nu,a,5,recommended\nu,b,1,recommended\nu,c,5,organic\n");
    set(d, "positive", "4");
    set(d, "recommended", "0.25");
    t = build(d);
    expect_pair(t, "u", "a", 0.25);
    expect_pair(t, "u", "b", 0);
    expect_pair(t, "u", "c", 1);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

/* ---- a shop that hears itself ------------------------------------------------------------ */

#define SHOP_ITEMS 12
#define SHOP_VISITS 60000

/* What draws visitors to an item, highest for item 0. */
static double appeal(int item) { return 0.6 - 0.04 * item; }

/* Shows an item by what was clicked so far (the rich get richer, and the worst
 * item began with an advertisement), notes with what probability, and logs the
 * click. Every tenth visitor looks for something without being shown anything. */
static void simulate(recs_events *events, double clicks[SHOP_ITEMS]) {
    recs__random random;
    recs_error error;
    recs__random_seed(&random, 7);
    for (int i = 0; i < SHOP_ITEMS; i++)
        clicks[i] = i == SHOP_ITEMS - 1 ? 20000.0 : 1000.0;
    for (int visit = 0; visit < SHOP_VISITS; visit++) {
        double total = 0.0, at;
        bool organic = visit % 10 == 0;
        int item = 0;
        for (int i = 0; i < SHOP_ITEMS; i++)
            total += clicks[i];
        at = recs__random_double(&random) * (organic ? SHOP_ITEMS : total);
        while (item < SHOP_ITEMS - 1 && (at -= organic ? 1.0 : clicks[item]) >= 0.0)
            item++;
        if (recs__random_double(&random) >= appeal(item))
            continue;
        char user[16], id[8];
        snprintf(user, sizeof user, "v%d", visit);
        snprintf(id, sizeof id, "%c", 'a' + item);
        assert_int_equal(recs_events_begin(events, id, RECS_EVENT_CLICK, visit, &error), RECS_OK);
        recs_events_text(events, RECS_FIELD_USER, user, &error);
        if (organic)
            continue;
        recs_events_source(events, RECS_SOURCE_RECOMMENDED, &error);
        recs_events_propensity(events, clicks[item] / total, &error);
        clicks[item] += 1.0;
    }
}

/* The weight of all events of each item, as a share. */
static void shares(recs_dataset *d, const char *recommended, const char *propensity,
                   double out[SHOP_ITEMS]) {
    double total = 0.0;
    set(d, "recommended", recommended);
    set(d, "propensity", propensity);
    recs__training *t = build(d);
    assert_int_equal(t->items, SHOP_ITEMS);
    for (uint32_t i = 0; i < t->items; i++) {
        out[i] = 0.0;
        for (uint64_t e = t->event_offsets[i]; e < t->event_offsets[i + 1]; e++)
            out[i] += (double)t->event_weights[e];
        total += out[i];
    }
    for (int i = 0; i < SHOP_ITEMS; i++)
        out[i] /= total;
    recs__training_destroy(t);
}

/* The largest ratio between a share and the appeal's own share. */
static double distortion(const double got[SHOP_ITEMS]) {
    double total = 0.0, worst = 1.0;
    for (int i = 0; i < SHOP_ITEMS; i++)
        total += appeal(i);
    for (int i = 0; i < SHOP_ITEMS; i++) {
        double ratio = got[i] * total / appeal(i);
        ratio = ratio < 1.0 ? 1.0 / ratio : ratio;
        worst = ratio > worst ? ratio : worst;
    }
    return worst;
}

static void test_echo_removed(void **state) {
    (void)state;
    double clicks[SHOP_ITEMS], naive[SHOP_ITEMS], organic[SHOP_ITEMS], half[SHOP_ITEMS],
        inverse[SHOP_ITEMS], clipped[SHOP_ITEMS];
    recs_events *events = NULL;
    recs_dataset *d = create();
    assert_int_equal(recs_events_create(&events, NULL, NULL), RECS_OK);
    simulate(events, clicks);
    assert_int_equal(recs_dataset_add(d, events, NULL), RECS_OK);
    shares(d, "1", "ignore", naive);
    shares(d, "0", "ignore", organic);
    shares(d, "0.1", "ignore", half);
    shares(d, "1", "inverse", inverse);
    shares(d, "1", "clip(0.05)", clipped);
    /* The advertised item, the least wanted, looks like a bestseller. */
    assert_true(naive[SHOP_ITEMS - 1] > 1.5 * naive[1]);
    assert_true(distortion(naive) > 3.0);
    /* Organic events alone, few as they are, tell the appeal within noise; so
     * do all events by their propensities; a smaller weight goes half way. */
    assert_true(distortion(organic) < 1.25);
    assert_true(distortion(inverse) < 1.2);
    assert_true(distortion(clipped) < 2.5);
    assert_true(distortion(half) < distortion(naive));
    assert_true(inverse[0] > inverse[SHOP_ITEMS - 1]);
    recs_events_destroy(events);
    recs_dataset_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_settings),    cmocka_unit_test(test_kept),
        cmocka_unit_test(test_recommended), cmocka_unit_test(test_propensity),
        cmocka_unit_test(test_units),       cmocka_unit_test(test_echo_removed),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
