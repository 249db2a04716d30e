/* test_faiss_head.c - which vectors stay out of an index under the inner product, and
 * how the others are numbered. Needs no FAISS. */
#include "faiss/faiss_head.h"
#include "base/random.h"
#include "support/test.h"
#include "support/vectors_lent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_host host;

static float length_of(const vectors_lent *v, uint64_t row) {
    double sum = 0.0;
    for (uint32_t j = 0; j < v->dimension; j++)
        sum += (double)v->rows[row * v->dimension + j] * v->rows[row * v->dimension + j];
    return (float)sqrt(sum);
}

static recs_status choose(vectors_lent *v, size_t most, bool far, recs__faiss_head *head,
                          float *reach, recs_error *error) {
    recs_vector_source source = vectors_source(v);
    recs__faiss_progress silent = {.host = &host};
    *head = (recs__faiss_head){0};
    return recs__faiss_head_choose(head, &source, most, far, reach, &host, &silent, error);
}

static bool holds(const recs__faiss_head *head, uint32_t row) {
    for (uint32_t i = 0; i < head->count; i++)
        if (head->rows[i] == row)
            return true;
    return false;
}

/* The longest are in it, in order, and reach bounds the others. */
static void check_head(const vectors_lent *v, const recs__faiss_head *head, float reach) {
    float shortest = INFINITY, longest = 0.0f;
    for (uint32_t i = 0; i < head->count; i++) {
        assert_true(head->rows[i] < v->count);
        assert_true(i == 0 || head->rows[i] > head->rows[i - 1]);
        shortest = fminf(shortest, length_of(v, head->rows[i]));
    }
    for (uint32_t row = 0; row < v->count; row++)
        if (!holds(head, row))
            longest = fmaxf(longest, length_of(v, row));
    assert_true(shortest >= longest);
    assert_true(reach >= longest && reach <= longest * 1.00001f);
}

static void test_choice(void **state) {
    (void)state;
    static const struct {
        uint64_t count;
        size_t most;
        bool far;
        uint32_t expected; /* UINT32_MAX: some of most */
    } rows[] = {
        {3000, 150, false, 150}, {3000, 1, false, 1}, {3000, 0, false, 0}, {3000, 0, true, 0},
        {3000, 150, true, 150},  {7, 3, false, 3},    {1, 0, true, 0},     {20000, 700, true, 700},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vectors_lent v;
        recs__faiss_head head;
        float reach;
        recs_error error = {0};
        vectors_make(&v, rows[i].count, 8, RECS_METRIC_INNER, 20 + i);
        if (choose(&v, rows[i].most, rows[i].far, &head, &reach, &error) != RECS_OK)
            fail_msg("%s", error.text);
        assert_int_equal(head.count, rows[i].expected);
        check_head(&v, &head, reach);
        recs__faiss_head_free(&head, NULL, &host);
        vectors_free(&v);
    }
}

static void test_far(void **state) {
    (void)state;
    vectors_lent v;
    recs__faiss_head head;
    float reach;
    /* Lengths all alike: none is far. */
    vectors_make(&v, 5000, 8, RECS_METRIC_COSINE, 3);
    assert_int_equal(choose(&v, 250, true, &head, &reach, NULL), RECS_OK);
    assert_int_equal(head.count, 0);
    assert_true(fabsf(reach - 1.0f) < 1e-4f);
    /* Four of them are. */
    static const uint32_t far[] = {0, 17, 18, 4999};
    for (size_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < 8; j++)
            v.rows[far[i] * 8 + j] *= 2.0f + (float)i;
    assert_int_equal(choose(&v, 250, true, &head, &reach, NULL), RECS_OK);
    assert_int_equal(head.count, 4);
    assert_memory_equal(head.rows, far, sizeof far);
    check_head(&v, &head, reach);
    recs__faiss_head_free(&head, NULL, &host);
    /* Equal lengths: the first rows. Nothing but zeros: nothing is far, reach is 0. */
    memset(v.rows, 0, 5000 * 8 * sizeof *v.rows);
    assert_int_equal(choose(&v, 3, false, &head, &reach, NULL), RECS_OK);
    assert_int_equal(head.count, 3);
    assert_true(head.rows[0] == 0 && head.rows[1] == 1 && head.rows[2] == 2 && reach == 0.0f);
    recs__faiss_head_free(&head, NULL, &host);
    assert_int_equal(choose(&v, 250, true, &head, &reach, NULL), RECS_OK);
    assert_int_equal(head.count, 0);
    /* Squares that would not be finite; a source that refuses. */
    recs_error error = {0};
    v.rows[12] = 1e19f;
    assert_int_equal(choose(&v, 250, true, &head, &reach, &error), RECS_ERR_NUMERIC);
    v.rows[12] = 1.0f;
    v.refuse_after = 2;
    v.reads = 0;
    assert_int_equal(choose(&v, 250, true, &head, &reach, &error), RECS_ERR_CALLBACK);
    vectors_free(&v);
}

/* Labels beside a count of the rows one by one, and bits of labels beside bits of rows. */
static void check_labels(const recs__faiss_head *head, uint32_t rows, recs__random *random) {
    static uint8_t allowed[4096];
    static uint64_t bits[1024];
    uint32_t tail = rows - head->count, label = 0;
    size_t bytes = (rows + 7) / 8;
    for (size_t i = 0; i < bytes; i++)
        allowed[i] = (uint8_t)recs__random_below(random, 256);
    recs__faiss_head_allowed(head, tail, allowed, bytes - (rows > 64 ? 2 : 0), bits);
    if (rows > 64)
        allowed[bytes - 1] = allowed[bytes - 2] = 0; /* beyond what was given */
    for (uint32_t row = 0; row < rows; row++) {
        if (holds(head, row))
            continue;
        assert_int_equal(recs__faiss_head_row(head, label), row);
        size_t run = recs__faiss_head_run(head, label);
        assert_true(run >= 1);
        for (uint32_t i = 0; i < run && row + i < rows && i < 3; i++)
            assert_false(holds(head, row + i));
        if (run < rows)
            assert_true(row + run == rows || holds(head, row + (uint32_t)run));
        assert_int_equal(bits[label / 64] >> (label % 64) & 1, allowed[row / 8] >> (row % 8) & 1);
        label++;
    }
    assert_int_equal(label, tail);
    for (; label < (tail + 63) / 64 * 64; label++)
        assert_int_equal(bits[label / 64] >> (label % 64) & 1, 0);
}

static void test_labels(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 5);
    static uint32_t list[4096];
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 200, 1003, 4000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint32_t share = 2; share < 200; share *= 3) {
            recs__faiss_head head = {.rows = list};
            for (uint32_t row = 0; row < sizes[s]; row++)
                if (head.count + 1 < sizes[s] && recs__random_below(&random, share) == 0)
                    list[head.count++] = row;
            check_labels(&head, sizes[s], &random);
        }
    recs__faiss_head first = {.rows = list, .count = 3}; /* at both ends */
    list[0] = 0, list[1] = 1, list[2] = 999;
    check_labels(&first, 1000, &random);
    recs__faiss_head none = {0};
    check_labels(&none, 777, &random);
}

int main(void) {
    recs__faiss_host_copy(&host, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choice), cmocka_unit_test(test_far),
                                       cmocka_unit_test(test_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
