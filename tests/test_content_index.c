/* test_content_index.c - the index of a content component: its bytes in the model's sections,
 * what a backend does wrong, cancelling, the budget, and every allocation that fails. */
#include "train/content_index.h"

#include "base/memory.h"
#include "kernels/stored.h"
#include "model/format.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/made_vectors.h"
#include "support/test.h"
#include "train/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 200, DIMENSION = 6, STRIDE = 16 };

static float rows[COUNT][STRIDE], norms[COUNT];

static const recs__stored stored = {.values = rows,
                                    .type = RECS__STORED_FLOAT,
                                    .rows = COUNT,
                                    .dims = DIMENSION,
                                    .stride = STRIDE};

static int make_rows(void **state) {
    recs__random random;
    (void)state;
    recs__random_seed(&random, 2);
    for (size_t i = 0; i < COUNT; i++) {
        double sum = 0;
        for (size_t j = 0; j < DIMENSION; j++) {
            rows[i][j] = recs__random_normal(&random);
            sum += (double)rows[i][j] * rows[i][j];
        }
        norms[i] = (float)sqrt(sum);
    }
    return 0;
}

static recs__content_index made_index(void) {
    recs__content_index index = {.backend = made_backend};
    snprintf(index.text, sizeof index.text, "made(effort=7)");
    return index;
}

static recs_status build(const recs__content_index *index, const recs_host *host, uint64_t memory,
                         recs_progress *told, recs__trained *trained, recs_error *error) {
    recs__training training;
    recs__progress progress;
    memset(&training, 0, sizeof training);
    if (recs__host_init(&training.host, host, error) != RECS_OK)
        return error->status;
    recs__progress_init(&progress, told, NULL, &training.host);
    static recs__spec spec; /* errors name it */
    recs__train_job job = {
        .training = &training, .spec = &spec, .progress = &progress, .memory = memory};
    return recs__content_index_build(index, &job, &stored, norms, RECS_METRIC_COSINE, trained,
                                     error);
}

static void test_sections(void **state) {
    (void)state;
    recs_host host;
    recs_error error = {0};
    recs__trained trained = {0};
    recs__host_init(&host, NULL, NULL);
    recs__content_index index = made_index();
    if (build(&index, &host, 0, NULL, &trained, &error) != RECS_OK)
        fail_msg("%s", error.text);
    size_t size;
    const char *text = made_training_section(&trained, RECS_SECTION_VECTOR_INDEX_TEXT, &size);
    assert_int_equal(size, sizeof "made\0001\0made(effort=7)");
    assert_memory_equal(text, "made\0001\0made(effort=7)", size);
    const void *bytes = made_training_section(&trained, RECS_SECTION_VECTOR_INDEX, &size);
    void *opened = NULL;
    assert_int_equal(made_backend.open(NULL, bytes, size, index.text, "1", COUNT, DIMENSION,
                                       RECS_METRIC_COSINE, &host, &opened, &error), RECS_OK);
    float unit[DIMENSION];
    uint32_t row = RECS_NO_ROW;
    for (size_t j = 0; j < DIMENSION; j++)
        unit[j] = rows[17][j] / norms[17];
    made_backend_miss = 0;
    recs_vector_search search = {.struct_size = sizeof search, .queries = unit, .count = 1,
                                 .candidates = 1, .rows = &row};
    assert_int_equal(made_backend.search(NULL, opened, &search, &error), RECS_OK);
    assert_int_equal(row, 17);
    made_backend.destroy(NULL, opened);
    recs__trained_clear(&trained, &host);
    /* None was asked for. */
    recs__content_index none = {.text = ""};
    assert_int_equal(build(&none, &host, 0, NULL, &trained, &error), RECS_OK);
    assert_int_equal(trained.section_count, 0);
}

/* Calls of save since it was set; what goes wrong at which. */
static int saves, wrong_at;

static int32_t growing(void *user, const void *index, const recs_vector_sink *sink,
                       recs_error *error) {
    (void)user, (void)index;
    saves++;
    for (int i = 0; i < 4 * saves; i++)
        if (sink->write(sink->data, "0123456789", 10, error) != RECS_OK)
            return error->status;
    return RECS_OK;
}

static int32_t failing(void *user, const void *index, const recs_vector_sink *sink,
                       recs_error *error) {
    (void)user, (void)index, (void)error;
    saves++;
    (void)sink->write(sink->data, "0123456789", 10, error);
    return saves == wrong_at ? RECS_ERR_IO : RECS_OK;
}

static int32_t nothing(void *user, const recs_vector_source *source, const char *text,
                       recs_progress *told, void *data, const recs_host *host, void **out,
                       recs_error *error) {
    (void)user, (void)source, (void)text, (void)told, (void)data, (void)host, (void)out, (void)error;
    return RECS_OK;
}

static int32_t beyond(void *user, const recs_vector_source *source, const char *text,
                      recs_progress *told, void *data, const recs_host *host, void **out,
                      recs_error *error) {
    float room[2 * DIMENSION];
    (void)user, (void)text, (void)told, (void)data, (void)host, (void)out;
    return source->read(source->data, COUNT - 1, 2, room, error);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)data, (void)stage, (void)done, (void)total;
    return 1;
}

static void expect(const recs__content_index *index, uint64_t memory, recs_progress *told,
                   recs_status wanted, const char *text) {
    fault_host faults;
    recs_error error = {0};
    recs__trained trained = {0};
    fault_host_init(&faults);
    saves = 0;
    assert_int_equal(build(index, &faults.host, memory, told, &trained, &error), wanted);
    assert_int_equal(trained.section_count, 0);
    if (strstr(error.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, text);
    fault_host_done(&faults);
}

static void test_refused(void **state) {
    (void)state;
    recs__content_index index = made_index();
    expect(&index, 64, NULL, RECS_ERR_LIMIT, "the index of the vectors");
    expect(&index, 0, stop, RECS_ERR_CANCELLED, "made(effort=7)");
    index.backend.save = growing;
    expect(&index, 0, NULL, RECS_ERR_STATE, "more bytes than a moment ago");
    index.backend.save = failing;
    for (wrong_at = 1; wrong_at <= 2; wrong_at++)
        expect(&index, 0, NULL, RECS_ERR_IO, "no reason given");
    index.backend.build = nothing;
    expect(&index, 0, NULL, RECS_ERR_STATE, "built nothing");
    index.backend.build = beyond;
    expect(&index, 0, NULL, RECS_ERR_ARGUMENT, "row 201 asked for, the source has 200");
}

static void test_no_memory(void **state) {
    (void)state;
    recs__content_index index = made_index();
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs__trained trained = {0};
        bool built = fault_passed(&faults, build(&index, &faults.host, 0, NULL, &trained, &error),
                                  &error);
        assert_int_equal(trained.section_count, built ? 2 : 0);
        recs__trained_clear(&trained, &faults.host);
    }
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_rows, NULL);
}
