/* test_trends_share.c - states that counted parts of a stream, merged in any
 * order and grouping, against the one that counted all of it; deltas lost,
 * repeated and out of order; what is refused; damaged bytes; a fork. */
#include "base/random.h"
#include "recs/query.h"
#include "recs/trends_share.h"
#include "support/fault_host.h"
#define T0 (INT64_C(20000) * DAY + 5 * HOUR)
#include "support/trends.h"
#include "support/tmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const recs_host still = {.struct_size = sizeof still, .now = trends_clock};

static const char *const descriptions[] = {
    "half_life=1h|7d, window=6h/30m|2d/6h, actors=1d, actors_kept=5, candidates=16, min_actors=0",
    "half_life=1m|1h|1d, actors=off, candidates=16",
    "actors=2h, actors_kept=30, weight.cart=3",
    "half_life=6h, window=1h/10m, actors=30d, actors_kept=2, min_actors=1",
};

typedef struct event {
    uint32_t item, place, actor;
    int64_t time;
    float weight;
    uint8_t returned;
    char pad[3];
} event;

static const char *const places[] = {"",      "us",    "us/ca", "us/ca/sf", "us/ny",
                                     "de",    "de/by", "fr",    "fr/75",    "it"};
static const char *const segments[] = {NULL, "new", "club"};

enum { ITEMS = 90, EVENTS = 700, ANSWERS = 12 };

static event random_event(recs__random *random, int64_t span) {
    double u = recs__random_double(random);
    return (event){.item = (uint32_t)(ITEMS * u * u),
                   .place = (uint32_t)recs__random_below(random, 30),
                   .actor = (uint32_t)recs__random_below(random, 25),
                   .time = T0 + (int64_t)recs__random_below(random, (uint64_t)span),
                   .weight = (float)(1 + recs__random_below(random, 32)) / 8.0f,
                   .returned = recs__random_below(random, 12) == 0};
}

static recs_trends *make(const char *description) {
    recs_trends *trends;
    OK(recs_trends_create(&trends, description, &still, &error));
    return trends;
}

static void add_to(recs_trends *trends, const event *e) {
    char item[16], actor[16];
    uint32_t item_handle, place;
    snprintf(item, sizeof item, e->item % 3 == 0 ? "item-%u" : "%u", e->item);
    snprintf(actor, sizeof actor, "a%u", e->actor);
    OK(recs_trends_item(trends, item, &item_handle, &error));
    OK(recs_trends_place(trends, places[e->place % 10], segments[e->place / 10], &place, &error));
    uint64_t who = e->actor < 5 ? RECS_NO_ACTOR : recs_trends_actor(trends, actor);
    OK(recs_trends_add_rows(trends, &item_handle, &place, &who, &e->time, &e->weight, &e->returned,
                            1, T0 + 40 * DAY, NULL, &error));
}

typedef struct blob {
    unsigned char *bytes;
    size_t size;
} blob;

static blob snapshot(recs_trends *trends) {
    blob b;
    OK(recs_trends_snapshot(trends, &b.bytes, &b.size, &error));
    return b;
}

static uint64_t fingerprint(recs_trends *trends) {
    blob b = snapshot(trends);
    uint64_t print = recs_trends_fingerprint(b.bytes, b.size);
    assert_true(print != 0);
    recs_trends_bytes_free(trends, b.bytes);
    return print;
}

static recs_status merge(recs_trends *into, recs_trends *from) {
    blob b = snapshot(from);
    recs_status status = recs_trends_merge(into, b.bytes, b.size, 0, &error);
    recs_trends_bytes_free(from, b.bytes);
    return status;
}

/* Counts and answers alike. */
static void assert_same(recs_trends *a, recs_trends *b) {
    recs_query *p, *q;
    if (fingerprint(a) != fingerprint(b))
        fail_msg("fingerprints differ");
    OK(recs_query_create(&p, NULL, &error));
    OK(recs_query_create(&q, NULL, &error));
    for (uint32_t turn = 0; turn < 90; turn++) {
        recs_query *both[] = {p, q};
        for (int i = 0; i < 2; i++) {
            recs_query_reset(both[i]);
            recs_query_place(both[i], places[turn % 10]);
            recs_query_segment(both[i], segments[turn / 10 % 3]);
            recs_query_ranking(both[i], (int32_t)(turn / 30));
            recs_query_limit(both[i], ANSWERS);
            OK(recs_trending(i == 0 ? a : b, both[i], &error));
        }
        assert_int_equal(recs_query_count(p), recs_query_count(q));
        for (size_t i = 0; i < recs_query_count(p); i++) {
            assert_string_equal(recs_query_id(p, i), recs_query_id(q, i));
            assert_true(recs_query_score(p, i) == recs_query_score(q, i));
        }
    }
    recs_query_destroy(p);
    recs_query_destroy(q);
}

/* ---- shards ------------------------------------------------------------------------ */

static void shards_once(const char *description, uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    size_t count = 1 + recs__random_below(&random, 8);
    recs_trends *whole = make(description), *shard[8];
    for (size_t s = 0; s < count; s++)
        shard[s] = make(description);
    int64_t span = recs__random_below(&random, 2) == 0 ? 2 * DAY : 9 * HOUR;
    for (int e = 0; e < EVENTS; e++) {
        event one = random_event(&random, span);
        add_to(whole, &one);
        add_to(shard[recs__random_below(&random, count)], &one);
    }
    size_t states = count;
    while (states > 1) {
        size_t into = recs__random_below(&random, states), from;
        do
            from = recs__random_below(&random, states);
        while (from == into);
        OK(merge(shard[into], shard[from]));
        uint64_t before = fingerprint(shard[into]);
        OK(merge(shard[into], shard[from])); /* once more changes nothing */
        assert_true(before == fingerprint(shard[into]));
        recs_trends_destroy(shard[from]);
        shard[from] = shard[--states];
    }
    assert_same(shard[0], whole);
    assert_int_equal(recs_trends_newest(shard[0]), recs_trends_newest(whole));
    assert_int_equal(recs_trends_counter(shard[0], RECS_TRENDS_ADDED),
                     recs_trends_counter(whole, RECS_TRENDS_ADDED));
    recs_trends_destroy(shard[0]);
    recs_trends_destroy(whole);
}

static void test_shards(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 24; seed++)
        shards_once(descriptions[seed % 4], seed);
}

/* Actors of long ago: refused, unless the streams were split by actor. */
static void test_forgotten_actors(void **state) {
    (void)state;
    recs_trends *whole = make("actors=1d"), *a = make("actors=1d"), *b = make("actors=1d");
    recs__random random;
    recs__random_seed(&random, 5);
    for (int e = 0; e < 3000; e++) {
        event one = random_event(&random, DAY / 100);
        one.time += (int64_t)e * (12 * DAY) / 3000;
        add_to(whole, &one);
        add_to(one.actor % 2 == 0 && one.actor >= 5 ? a : b, &one);
    }
    blob bytes = snapshot(b);
    uint64_t before = fingerprint(a);
    assert_int_equal(recs_trends_merge(a, bytes.bytes, bytes.size, 0, &error), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "actors_kept"));
    assert_true(before == fingerprint(a));
    assert_int_equal(recs_trends_merge(a, bytes.bytes, bytes.size, 2, &error), RECS_ERR_ARGUMENT);
    OK(recs_trends_merge(a, bytes.bytes, bytes.size, RECS_TRENDS_APART, &error));
    assert_same(a, whole);
    recs_trends_bytes_free(b, bytes.bytes);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
    recs_trends_destroy(whole);
}

/* ---- what merging says ---------------------------------------------------------------- */

static void test_relations(void **state) {
    (void)state;
    recs_trends *a = make(NULL), *b = make(NULL), *c = make(NULL), *empty = make(NULL);
    event one = {.item = 1, .place = 1, .time = T0, .weight = 1};
    add_to(a, &one);
    add_to(b, &one);
    OK(merge(c, empty));
    OK(merge(c, a));
    assert_true(fingerprint(c) == fingerprint(a));
    add_to(a, &one);
    OK(merge(c, a)); /* all of c is in a */
    assert_true(fingerprint(c) == fingerprint(a));
    assert_int_equal(recs_trends_counter(c, RECS_TRENDS_ADDED), 2);
    add_to(a, &one);
    add_to(c, &one);
    assert_int_equal(merge(c, a), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "up to 2, there up to 3"));
    assert_int_equal(merge(a, c), RECS_ERR_CONFLICT);
    OK(merge(b, c));
    assert_int_equal(recs_trends_origin_count(b), 3);
    OK(merge(c, b)); /* and back: b holds all of c */
    assert_true(fingerprint(c) == fingerprint(b));
    char text[33], own[33];
    uint64_t sequence, sum = 0;
    for (size_t i = 0; i < 3; i++) {
        OK(recs_trends_origin_at(b, i, text, &sequence, &error));
        assert_true(recs_trends_sequence(b, text) == sequence);
        sum += sequence;
    }
    assert_int_equal(sum, 4);
    assert_int_equal(recs_trends_origin_at(b, 3, text, NULL, &error), RECS_ERR_NOT_FOUND);
    OK(recs_trends_origin(b, own, &error));
    assert_int_equal(recs_trends_sequence(b, own), 1);
    assert_int_equal(recs_trends_sequence(b, "no"), 0);
    recs_trends *other = make("prior=3, half_life=1d|2d");
    assert_int_equal(merge(other, a), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "\"half_life=1d|7d\", this state with \"half_life=1d|2d\""));
    recs_trends_destroy(other);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
    recs_trends_destroy(c);
    recs_trends_destroy(empty);
}

static void test_future(void **state) {
    (void)state;
    recs_trends *a = make(NULL), *b;
    event one = {.item = 1, .place = 1, .time = T0 + 40 * DAY, .weight = 1};
    blob bytes;
    add_to(a, &one);
    uint32_t item, place;
    OK(recs_trends_item(a, "x", &item, &error));
    OK(recs_trends_place(a, "", NULL, &place, &error));
    int64_t time = T0 + 50 * DAY;
    OK(recs_trends_add_rows(a, &item, &place, NULL, &time, NULL, NULL, 1, T0 + 50 * DAY, NULL,
                            &error));
    bytes = snapshot(a);
    b = make(NULL);
    assert_int_equal(recs_trends_merge(b, bytes.bytes, bytes.size, 0, &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "further ahead"));
    assert_int_equal(recs_trends_cells(b), 0);
    recs_trends_bytes_free(a, bytes.bytes);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
}

/* ---- deltas --------------------------------------------------------------------------- */

/* Everything one side ever sent. */
typedef struct mail {
    blob letters[EVENTS];
    size_t count;
    uint64_t since;
} mail;

static void write_letter(recs_trends *trends, mail *box) {
    blob b;
    uint64_t to;
    OK(recs_trends_delta(trends, box->since, &b.bytes, &b.size, &to, &error));
    if (b.size == 0) {
        assert_true(to == box->since && b.bytes == NULL);
        return;
    }
    assert_true(to > box->since);
    assert_true(box->count < EVENTS);
    box->since = to;
    box->letters[box->count++] = b;
}

static void regions_once(const char *description, uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    recs_trends *region[3], *whole = make(description);
    static mail mails[3];
    memset(mails, 0, sizeof mails);
    for (int r = 0; r < 3; r++) {
        region[r] = make(description);
        OK(recs_trends_follow(region[r], 0, &error));
    }
    for (int e = 0; e < EVENTS; e++) {
        event one = random_event(&random, DAY);
        size_t r = recs__random_below(&random, 3);
        add_to(region[r], &one);
        add_to(whole, &one);
        if (recs__random_below(&random, 40) == 0)
            write_letter(region[r], &mails[r]);
        if (recs__random_below(&random, 25) == 0) { /* any letter reaches anybody, or nobody */
            size_t from = recs__random_below(&random, 3), to = recs__random_below(&random, 3);
            if (mails[from].count == 0)
                continue;
            blob *letter = &mails[from].letters[recs__random_below(&random, mails[from].count)];
            uint64_t before = fingerprint(region[to]);
            recs_status status =
                recs_trends_merge(region[to], letter->bytes, letter->size, 0, &error);
            if (status != RECS_OK) {
                assert_int_equal(status, RECS_ERR_STATE);
                assert_non_null(strstr(error.text, "expected one that begins at"));
                assert_true(before == fingerprint(region[to]));
            }
        }
        if (recs__random_below(&random, 200) == 0)
            recs_trends_bytes_free(region[r], snapshot(region[r]).bytes); /* ends a delta, too */
    }
    /* The partition is over: everybody gets everything, shuffled and twice. */
    for (int r = 0; r < 3; r++) {
        blob again;
        uint64_t to;
        for (size_t before = SIZE_MAX; before != mails[r].count;) {
            before = mails[r].count;
            write_letter(region[r], &mails[r]);
        }
        OK(recs_trends_delta(region[r], 0, &again.bytes, &again.size, &to, &error));
        assert_int_equal(again.size, mails[r].letters[0].size); /* asked again, the same */
        assert_memory_equal(again.bytes, mails[r].letters[0].bytes, again.size);
        recs_trends_bytes_free(region[r], again.bytes);
    }
    for (int to = 0; to < 3; to++) {
        for (int turn = 0; turn < 100; turn++) {
            size_t from = recs__random_below(&random, 3);
            if (mails[from].count == 0)
                continue;
            blob *letter = &mails[from].letters[recs__random_below(&random, mails[from].count)];
            (void)recs_trends_merge(region[to], letter->bytes, letter->size, 0, &error);
        }
        for (int from = 0; from < 3; from++)
            for (size_t i = 0; i < mails[from].count; i++)
                OK(recs_trends_merge(region[to], mails[from].letters[i].bytes,
                                     mails[from].letters[i].size, 0, &error));
    }
    for (int r = 0; r < 3; r++) {
        assert_same(region[r], whole);
        assert_int_equal(recs_trends_counter(region[r], RECS_TRENDS_ADDED), EVENTS);
    }
    for (int r = 0; r < 3; r++) {
        for (size_t i = 0; i < mails[r].count; i++)
            recs_trends_bytes_free(region[r], mails[r].letters[i].bytes);
        recs_trends_destroy(region[r]);
    }
    recs_trends_destroy(whole);
}

static void test_regions(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++)
        regions_once(descriptions[seed % 4], 100 + seed);
}

static void test_delta_rules(void **state) {
    (void)state;
    recs_trends *a = make(NULL), *b = make(NULL);
    event one = {.item = 1, .place = 1, .actor = 9, .time = T0, .weight = 1};
    blob d1, d2, none;
    uint64_t to;
    assert_int_equal(recs_trends_delta(a, 0, &d1.bytes, &d1.size, &to, &error), RECS_ERR_STATE);
    OK(recs_trends_follow(a, 0, &error));
    OK(recs_trends_delta(a, 0, &none.bytes, &none.size, &to, &error));
    assert_true(none.bytes == NULL && none.size == 0 && to == 0);
    add_to(a, &one);
    OK(recs_trends_delta(a, 0, &d1.bytes, &d1.size, &to, &error));
    assert_int_equal(to, 1);
    one.item = 2;
    add_to(a, &one);
    add_to(a, &one);
    OK(recs_trends_delta(a, 1, &d2.bytes, &d2.size, &to, &error));
    assert_int_equal(to, 3);
    assert_int_equal(recs_trends_delta(a, 2, &none.bytes, &none.size, &to, &error),
                     RECS_ERR_STATE);
    assert_non_null(strstr(error.text, "2 are kept, from 0 to 3"));
    assert_int_equal(recs_trends_merge(b, d2.bytes, d2.size, 0, &error), RECS_ERR_STATE);
    OK(recs_trends_merge(b, d1.bytes, d1.size, 0, &error));
    OK(recs_trends_merge(b, d2.bytes, d2.size, 0, &error));
    OK(recs_trends_merge(b, d1.bytes, d1.size, 0, &error));
    OK(recs_trends_merge(a, d1.bytes, d1.size, 0, &error)); /* its own */
    assert_true(fingerprint(a) == fingerprint(b));
    /* A snapshot that reaches into the middle of a delta. */
    recs_trends *c = make(NULL), *d = make(NULL);
    recs_trends_delta_done(a, 3);
    assert_int_equal(recs_trends_delta(a, 0, &none.bytes, &none.size, &to, &error),
                     RECS_ERR_STATE);
    OK(recs_trends_follow(c, 1, &error)); /* keeps no more than one */
    add_to(c, &one);
    OK(merge(d, c));
    add_to(c, &one);
    recs_trends_bytes_free(a, d1.bytes);
    recs_trends_bytes_free(a, d2.bytes);
    OK(recs_trends_delta(c, 1, &d1.bytes, &d1.size, &to, &error));
    assert_int_equal(recs_trends_delta(c, 0, &d2.bytes, &d2.size, &to, &error), RECS_ERR_STATE);
    OK(recs_trends_merge(d, d1.bytes, d1.size, 0, &error));
    assert_true(fingerprint(c) == fingerprint(d));
    recs_trends_bytes_free(c, d1.bytes);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
    recs_trends_destroy(c);
    recs_trends_destroy(d);
}

/* More than is kept unfolded: folding changes nothing. */
static void test_folding(void **state) {
    (void)state;
    enum { COUNT = 600000 };
    recs_trends *a = make(NULL), *b = make(NULL);
    uint32_t *items = malloc(COUNT * sizeof *items), *at = malloc(COUNT * sizeof *at);
    int64_t *times = malloc(COUNT * sizeof *times);
    uint64_t *actors = malloc(COUNT * sizeof *actors);
    recs__random random;
    recs__random_seed(&random, 9);
    for (uint32_t i = 0; i < 50; i++) {
        char id[8];
        uint32_t handle;
        snprintf(id, sizeof id, "i%u", i);
        OK(recs_trends_item(a, id, &handle, &error));
    }
    for (uint32_t p = 0; p < 10; p++) {
        uint32_t handle;
        OK(recs_trends_place(a, places[p], NULL, &handle, &error));
    }
    for (int e = 0; e < COUNT; e++) {
        items[e] = (uint32_t)recs__random_below(&random, 50);
        at[e] = (uint32_t)recs__random_below(&random, 10);
        times[e] = T0 + (int64_t)e * 100;
        actors[e] = 1 + recs__random_below(&random, 100);
    }
    OK(recs_trends_follow(a, 0, &error));
    OK(recs_trends_add_rows(a, items, at, actors, times, NULL, NULL, COUNT, T0 + DAY, NULL,
                            &error));
    blob d;
    uint64_t to;
    OK(recs_trends_delta(a, 0, &d.bytes, &d.size, &to, &error));
    assert_int_equal(to, COUNT);
    OK(recs_trends_merge(b, d.bytes, d.size, 0, &error));
    assert_same(a, b);
    recs_trends_bytes_free(a, d.bytes);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
    free(items);
    free(at);
    free(times);
    free(actors);
}

/* ---- files, forks -------------------------------------------------------------------- */

static recs_trends *filled(const char *description, uint64_t seed, int events) {
    recs_trends *trends = make(description);
    recs__random random;
    recs__random_seed(&random, seed);
    for (int e = 0; e < events; e++) {
        event one = random_event(&random, DAY);
        add_to(trends, &one);
    }
    return trends;
}

static void test_files(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX], missing[TMP_PATH_MAX], own[33], text[33];
    tmp_make(&folder);
    tmp_path(&folder, "state", path);
    tmp_path(&folder, "missing", missing);
    recs_trends *a = filled(descriptions[0], 3, 300), *b;
    OK(recs_trends_save(a, path, &error));
    OK(recs_trends_load(&b, path, &still, &error));
    assert_same(a, b);
    assert_string_equal(recs_trends_description(a), recs_trends_description(b));
    OK(recs_trends_origin(a, own, &error));
    assert_int_equal(recs_trends_sequence(b, own), 300);
    OK(recs_trends_origin(b, text, &error));
    assert_string_not_equal(own, text);
    event one = {.item = 4, .place = 3, .actor = 12, .time = T0, .weight = 2};
    add_to(a, &one);
    OK(recs_trends_save(a, path, &error));
    OK(recs_trends_merge_file(b, path, 0, &error));
    assert_same(a, b);
    assert_int_equal(tmp_count(&folder), 1);
    recs_trends *none;
    assert_int_equal(recs_trends_load(&none, missing, NULL, &error), RECS_ERR_NOT_FOUND);
    assert_null(none);
    assert_int_equal(recs_trends_merge_file(b, missing, 0, &error), RECS_ERR_NOT_FOUND);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
    tmp_remove(&folder);
}

static void test_fork(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX], own[33], child_own[33];
    tmp_make(&folder);
    tmp_path(&folder, "delta", path);
    recs_trends *a = filled(NULL, 8, 50), *whole = filled(NULL, 8, 50);
    OK(recs_trends_follow(a, 0, &error));
    OK(recs_trends_origin(a, own, &error));
    event one = {.item = 4, .place = 3, .actor = 12, .time = T0, .weight = 2};
    pid_t child = fork();
    if (child == 0) { /* counts on its own and sends what it counted */
        blob d = {NULL, 0};
        uint64_t to = 0;
        one.item = 7;
        add_to(a, &one);
        recs_status status = recs_trends_origin(a, child_own, &error);
        bool fine = status == RECS_OK && strcmp(own, child_own) != 0 &&
                    recs_trends_sequence(a, own) == 50 && recs_trends_sequence(a, child_own) == 1;
        status = recs_trends_delta(a, 0, &d.bytes, &d.size, &to, &error);
        FILE *file = fopen(path, "wb");
        fine = fine && status == RECS_OK && to == 1 && file != NULL &&
               fwrite(d.bytes, 1, d.size, file) == d.size && fclose(file) == 0;
        _exit(fine ? 0 : 1);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    add_to(a, &one);
    add_to(whole, &one);
    one.item = 7;
    add_to(whole, &one);
    OK(recs_trends_origin(a, child_own, &error));
    assert_string_equal(own, child_own);
    OK(recs_trends_merge_file(a, path, 0, &error));
    assert_same(a, whole);
    recs_trends_destroy(a);
    recs_trends_destroy(whole);
    tmp_remove(&folder);
}

/* ---- damage and failing memory ---------------------------------------------------------- */

static void test_damage(void **state) {
    (void)state;
    recs_trends *a = filled(descriptions[0], 2, 60), *b = make(descriptions[0]);
    blob bytes = snapshot(a);
    unsigned char *copy = malloc(bytes.size + 8);
    uint64_t before = fingerprint(b);
    for (size_t at = 0; at < bytes.size; at++) {
        memcpy(copy + 1, bytes.bytes, bytes.size); /* at any address */
        copy[1 + at] ^= (unsigned char)(1 << at % 8);
        recs_status status = recs_trends_merge(b, copy + 1, bytes.size, 0, &error);
        if (status == RECS_OK)
            fail_msg("byte %zu may be anything", at);
        assert_true(recs_trends_fingerprint(copy + 1, bytes.size) == 0);
    }
    for (size_t size = 0; size < bytes.size; size += 1 + size / 40)
        assert_true(recs_trends_merge(b, bytes.bytes, size, 0, &error) == RECS_ERR_CORRUPT);
    assert_int_equal(recs_trends_merge(b, NULL, 0, 0, &error), RECS_ERR_CORRUPT);
    assert_true(before == fingerprint(b));
    OK(recs_trends_merge(b, bytes.bytes, bytes.size, 0, &error));
    assert_same(a, b);
    free(copy);
    recs_trends_bytes_free(a, bytes.bytes);
    recs_trends_destroy(a);
    recs_trends_destroy(b);
}

static recs_trends *filled_on(const fault_host *faults, uint64_t seed, int events) {
    recs_host host = faults->host;
    host.now = trends_clock;
    recs_trends *trends;
    recs__random random;
    recs__random_seed(&random, seed);
    OK(recs_trends_create(&trends, descriptions[0], &host, &error));
    for (int e = 0; e < events; e++) {
        event one = random_event(&random, DAY);
        add_to(trends, &one);
    }
    return trends;
}

static void test_memory(void **state) {
    (void)state;
    recs_trends *other = filled(descriptions[0], 21, 40);
    blob bytes = snapshot(other), own, made;
    fault_host faults;
    FAULT_LOOP(faults) { /* merging */
        fault_off(&faults);
        recs_trends *a = filled_on(&faults, 1, 30);
        uint64_t before = fingerprint(a);
        fault_on(&faults);
        recs_error e = {0};
        bool merged =
            fault_passed(&faults, recs_trends_merge(a, bytes.bytes, bytes.size, 0, &e), &e);
        fault_off(&faults);
        assert_true((fingerprint(a) != before) == merged);
        if (!merged) { /* nothing was left reserved or half done */
            OK(recs_trends_merge(a, bytes.bytes, bytes.size, 0, &error));
            recs_trends *b = filled(descriptions[0], 1, 30);
            OK(recs_trends_merge(b, bytes.bytes, bytes.size, 0, &error));
            assert_true(fingerprint(a) == fingerprint(b));
            recs_trends_destroy(b);
        }
        recs_trends_destroy(a);
    }
    FAULT_LOOP(faults) { /* snapshot, load */
        fault_off(&faults);
        recs_trends *a = filled_on(&faults, 1, 30), *b = NULL;
        fault_on(&faults);
        recs_error e = {0};
        if (fault_passed(&faults, recs_trends_snapshot(a, &own.bytes, &own.size, &e), &e)) {
            if (fault_passed(&faults,
                             recs_trends_load_memory(&b, own.bytes, own.size, &faults.host, &e),
                             &e))
                recs_trends_destroy(b);
            recs_trends_bytes_free(a, own.bytes);
        }
        recs_trends_destroy(a);
    }
    FAULT_LOOP(faults) { /* deltas */
        fault_off(&faults);
        recs_trends *a = filled_on(&faults, 1, 0);
        recs_error e = {0};
        uint64_t to = 0;
        event one = {.item = 4, .place = 3, .actor = 12, .time = T0, .weight = 2};
        uint32_t item, place;
        OK(recs_trends_item(a, "x", &item, &error));
        OK(recs_trends_place(a, "a/b", NULL, &place, &error));
        fault_on(&faults);
        uint64_t actor = 77;
        bool done = fault_passed(&faults, recs_trends_follow(a, 0, &e), &e) &&
                    fault_passed(&faults,
                                 recs_trends_add_rows(a, &item, &place, &actor, &one.time, NULL,
                                                      NULL, 1, T0, NULL, &e),
                                 &e) &&
                    fault_passed(&faults,
                                 recs_trends_delta(a, 0, &made.bytes, &made.size, &to, &e), &e);
        fault_off(&faults);
        uint64_t added = recs_trends_counter(a, RECS_TRENDS_ADDED);
        if (done) {
            recs_trends_bytes_free(a, made.bytes);
        } else if (added != 0) { /* what was counted is still to be had */
            OK(recs_trends_delta(a, 0, &made.bytes, &made.size, &to, &error));
            recs_trends *b = make(descriptions[0]);
            OK(recs_trends_merge(b, made.bytes, made.size, 0, &error));
            assert_true(fingerprint(a) == fingerprint(b));
            recs_trends_destroy(b);
            recs_trends_bytes_free(a, made.bytes);
        }
        recs_trends_destroy(a);
    }
    recs_trends_bytes_free(other, bytes.bytes);
    recs_trends_destroy(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards),        cmocka_unit_test(test_forgotten_actors),
        cmocka_unit_test(test_relations),     cmocka_unit_test(test_future),
        cmocka_unit_test(test_regions),       cmocka_unit_test(test_delta_rules),
        cmocka_unit_test(test_folding),       cmocka_unit_test(test_files),
        cmocka_unit_test(test_fork),          cmocka_unit_test(test_damage),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
