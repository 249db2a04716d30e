/* Tests of src/live with many threads: writers beside readers, snapshots, merges and
 * deltas, and a state that does not depend on who counted what when. */
#include "support/test.h"

#include "base/random.h"
#include "recs/query.h"
#include "recs/trends_share.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)
#define T0 (INT64_C(20000) * 24 * HOUR)

enum { ITEMS = 1200, PLACES = 6, EVENTS = 24000, WRITERS = 4 };

static const char *const place_names[PLACES] = {"", "us", "us/ca", "us/ca/sf", "us/ny", "de/by"};

typedef struct job {
    recs_trends *trends;
    const uint32_t *items, *places;
    const uint64_t *actors;
    const int64_t *times;
    const uint8_t *returned;
    size_t begin, end, batch;
    bool names; /* resolves new names beside counting */
    recs_status status;
} job;

static uint32_t items[EVENTS], places[EVENTS];
static uint64_t actors[EVENTS];
static int64_t times[EVENTS];
static uint8_t returned[EVENTS];

static void make_events(const uint32_t *handles) {
    recs__random random;
    recs__random_seed(&random, 5);
    for (size_t e = 0; e < EVENTS; e++) {
        double u = recs__random_double(&random);
        items[e] = (uint32_t)(ITEMS * u * u);
        places[e] = handles[recs__random_below(&random, PLACES)];
        actors[e] = recs__random_below(&random, 3) == 0 ? RECS_NO_ACTOR
                                                        : 1 + recs__random_below(&random, 200);
        times[e] = T0 + (int64_t)recs__random_below(&random, 20 * HOUR);
        returned[e] = recs__random_below(&random, 12) == 0;
    }
}

static void *write_events(void *data) {
    job *j = data;
    for (size_t at = j->begin; at < j->end && j->status == RECS_OK; at += j->batch) {
        size_t count = j->end - at < j->batch ? j->end - at : j->batch;
        if (j->batch == 1 && !j->returned[at]) /* waits at a desk with others */
            j->status = recs_trends_add_one(j->trends, j->items[at], j->places[at], j->actors[at],
                                            j->times[at], 1, NULL);
        else
            j->status = recs_trends_add_rows(j->trends, j->items + at, j->places + at,
                                             j->actors + at, j->times + at, NULL,
                                             j->returned + at, count, T0 + 24 * HOUR, NULL, NULL);
        char id[40];
        uint32_t handle;
        snprintf(id, sizeof id, "more-%zu", at);
        if (j->names && j->status == RECS_OK)
            j->status = recs_trends_item(j->trends, id, &handle, NULL);
        if (j->names && j->status == RECS_OK)
            j->status = recs_trends_place(j->trends, id, "segment", &handle, NULL);
    }
    return NULL;
}

typedef struct reader {
    recs_trends *trends;
    atomic_bool *stop;
    recs_status status;
    size_t answers;
} reader;

static void *read_answers(void *data) {
    reader *r = data;
    recs_query *query = NULL;
    r->status = recs_query_create(&query, NULL, NULL);
    for (uint32_t turn = 0; r->status == RECS_OK && !atomic_load(r->stop); turn++) {
        recs_query_reset(query);
        recs_query_place(query, place_names[turn % PLACES]);
        recs_query_ranking(query, (int32_t)(turn % 3));
        recs_query_time(query, T0 + 24 * HOUR);
        recs_query_limit(query, turn % 7 == 0 ? ITEMS : 10);
        r->status = recs_trending(r->trends, query, NULL);
        r->answers += recs_query_count(query);
        recs_trends_memory(r->trends);
        recs_trends_place_actors(r->trends, turn % PLACES);
    }
    recs_query_destroy(query);
    return NULL;
}

/* Takes snapshots of a state and its deltas into another, as long as it is counted. */
typedef struct sharer {
    recs_trends *from, *into;
    atomic_bool *stop;
    uint64_t since;
    recs_status status;
} sharer;

/* One of them: a snapshot ends one, so there may be more. */
static recs_status take_delta(sharer *s, bool *more) {
    unsigned char *bytes;
    size_t size;
    uint64_t to;
    recs_status status = recs_trends_delta(s->from, s->since, &bytes, &size, &to, NULL);
    if (status == RECS_OK && bytes != NULL)
        status = recs_trends_merge(s->into, bytes, size, 0, NULL);
    recs_trends_bytes_free(s->from, bytes);
    recs_trends_delta_done(s->from, to);
    *more = to != s->since;
    s->since = to;
    return status;
}

static void *share_state(void *data) {
    sharer *s = data;
    while (s->status == RECS_OK && !atomic_load(s->stop)) {
        unsigned char *bytes = NULL;
        size_t size;
        recs_trends *copy = NULL;
        bool more;
        s->status = take_delta(s, &more);
        if (s->status == RECS_OK)
            s->status = recs_trends_snapshot(s->from, &bytes, &size, NULL);
        if (s->status == RECS_OK)
            s->status = recs_trends_load_memory(&copy, bytes, size, NULL, NULL);
        if (s->status == RECS_OK)
            s->status = recs_trends_merge(s->from, bytes, size, 0, NULL); /* nothing new */
        recs_trends_bytes_free(s->from, bytes);
        recs_trends_destroy(copy);
    }
    return NULL;
}

static recs_trends *make(const char *description, uint32_t *handles) {
    recs_trends *trends = NULL;
    assert_int_equal(recs_trends_create(&trends, description, NULL, NULL), RECS_OK);
    for (uint32_t i = 0; i < ITEMS; i++) {
        char id[16];
        uint32_t handle;
        snprintf(id, sizeof id, "i%05u", i);
        assert_int_equal(recs_trends_item(trends, id, &handle, NULL), RECS_OK);
    }
    for (int p = 0; p < PLACES; p++)
        assert_int_equal(recs_trends_place(trends, place_names[p], NULL, &handles[p], NULL),
                         RECS_OK);
    return trends;
}

static void same_answers(recs_trends *a, recs_trends *b) {
    recs_query *x = NULL, *y = NULL;
    assert_int_equal(recs_query_create(&x, NULL, NULL), RECS_OK);
    assert_int_equal(recs_query_create(&y, NULL, NULL), RECS_OK);
    for (int p = 0; p < PLACES; p++)
        for (int32_t ranking = 0; ranking < 3; ranking++) {
            recs_query *both[2] = {x, y};
            for (int i = 0; i < 2; i++) {
                recs_query_reset(both[i]);
                recs_query_place(both[i], place_names[p]);
                recs_query_ranking(both[i], ranking);
                recs_query_time(both[i], T0 + 24 * HOUR);
                recs_query_limit(both[i], ITEMS);
                assert_int_equal(recs_trending(i == 0 ? a : b, both[i], NULL), RECS_OK);
            }
            assert_int_equal(recs_query_count(x), recs_query_count(y));
            for (size_t r = 0; r < recs_query_count(x); r++) {
                assert_string_equal(recs_query_id(x, r), recs_query_id(y, r));
                assert_true(recs_query_score(x, r) == recs_query_score(y, r));
            }
        }
    recs_query_destroy(x);
    recs_query_destroy(y);
}

static void count_beside(const char *description, bool known) {
    uint32_t handles[PLACES];
    recs_trends *alone = make(description, handles), *shared = make(description, handles),
                *other = make(description, handles);
    make_events(handles);
    if (!known)
        memset(actors, 0, sizeof actors);
    job one = {.trends = alone,
               .items = items,
               .places = places,
               .actors = actors,
               .times = times,
               .returned = returned,
               .end = EVENTS,
               .batch = EVENTS};
    write_events(&one);
    assert_int_equal(one.status, RECS_OK);

    atomic_bool stop = false;
    job jobs[WRITERS];
    reader readers[2] = {{.trends = shared, .stop = &stop}, {.trends = shared, .stop = &stop}};
    pthread_t threads[WRITERS], others[3];
    sharer shares = {.from = shared, .into = other, .stop = &stop};
    assert_int_equal(recs_trends_follow(shared, 0, NULL), RECS_OK);
    assert_int_equal(pthread_create(&others[2], NULL, share_state, &shares), 0);
    for (int r = 0; r < 2; r++)
        assert_int_equal(pthread_create(&others[r], NULL, read_answers, &readers[r]), 0);
    for (int w = 0; w < WRITERS; w++) {
        jobs[w] = one;
        jobs[w].trends = shared;
        jobs[w].begin = (size_t)EVENTS * (size_t)w / WRITERS;
        jobs[w].end = (size_t)EVENTS * (size_t)(w + 1) / WRITERS;
        jobs[w].batch = w == 0 ? 1 : 700; /* one writes one by one */
        jobs[w].names = w == 1;
        assert_int_equal(pthread_create(&threads[w], NULL, write_events, &jobs[w]), 0);
    }
    for (int w = 0; w < WRITERS; w++) {
        pthread_join(threads[w], NULL);
        assert_int_equal(jobs[w].status, RECS_OK);
    }
    atomic_store(&stop, true);
    for (int r = 0; r < 2; r++) {
        pthread_join(others[r], NULL);
        assert_int_equal(readers[r].status, RECS_OK);
    }
    pthread_join(others[2], NULL);
    assert_int_equal(shares.status, RECS_OK);
    for (bool more = true; more;)
        assert_int_equal(take_delta(&shares, &more), RECS_OK);
    assert_int_equal(recs_trends_counter(shared, RECS_TRENDS_ADDED),
                     recs_trends_counter(alone, RECS_TRENDS_ADDED));
    same_answers(alone, shared);
    same_answers(alone, other);
    recs_trends_destroy(other);
    recs_trends_destroy(alone);
    recs_trends_destroy(shared);
}

static void test_known_actors(void **state) {
    (void)state;
    count_beside("half_life=1h|7d, candidates=64, actors=1d, window=24h/1h, min_support=1", true);
}

static void test_nobody_known(void **state) {
    (void)state;
    count_beside("half_life=1h|7d, candidates=64, actors=off, min_support=1", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_actors),
        cmocka_unit_test(test_nobody_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
