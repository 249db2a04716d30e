/* test_model.c - a whole small model: written, opened, read. */
#include "model/internal.h"
#include "recs/events.h"
#include "support/fault_host.h"
#include "support/sample_model.h"
#include "support/test.h"
#include "support/tmp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                                 \
    do {                                                                                         \
        recs_error error_ = {0};                                                                 \
        recs_error *error = &error_;                                                             \
        recs_status status_ = (call);                                                            \
        if (status_ != RECS_OK)                                                                  \
            fail_msg("%s: %s: %s", #call, recs_status_text(status_), error_.text);               \
    } while (0)

static void check_sample(const recs_model *model) {
    assert_int_equal(recs_model_items(model), SAMPLE_ITEMS);
    assert_int_equal(recs_model_users(model), SAMPLE_USERS);
    assert_int_equal(recs_model_interactions(model), 11);
    assert_true(recs_model_first_time(model) == INT64_C(1700000000000));
    assert_true(recs_model_last_time(model) == INT64_C(1700000600000));
    assert_string_equal(recs_model_description(model),
                        "als(factors=6), itemknn(k=3), popular, home = 0.75*als + 0.5*itemknn, "
                        "filter = graphfilter(rank=2), crowd = userknn(k=2)");
    assert_string_equal(recs_model_users_mode(model), "full");
    for (uint32_t i = 0; i < SAMPLE_ITEMS; i++) {
        assert_int_equal(recs_model_item_row(model, sample_items[i]), i);
        assert_string_equal(recs_model_item_id(model, i), sample_items[i]);
    }
    for (uint32_t i = 0; i < SAMPLE_USERS; i++) {
        assert_int_equal(recs_model_user_row(model, sample_users[i]), i);
        assert_string_equal(recs_model_user_id(model, i), sample_users[i]);
    }
    assert_int_equal(recs_model_item_row(model, "zebra"), RECS_NO_ROW);
    assert_int_equal(recs_model_item_row(model, ""), RECS_NO_ROW);
    assert_int_equal(recs_model_item_row(model, NULL), RECS_NO_ROW);
    assert_int_equal(recs_model_user_row(model, "an"), RECS_NO_ROW);
    assert_null(recs_model_item_id(model, SAMPLE_ITEMS));
    assert_null(recs_model_user_id(model, RECS_NO_ROW));
}

static void test_sample_in_memory(void **state) {
    (void)state;
    recs_model *model;
    OK(recs_test_sample_model(&model, NULL, error));
    check_sample(model);
    OK(recs_model_verify(model, error));
    recs_model_release(model);
}

static void test_sample_on_disk(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_path(&folder, "sample.recs", path);
    recs_model *model, *opened;
    OK(recs_test_sample_model(&model, NULL, error));
    OK(recs_model_write(model, path, error));
    for (int32_t load = RECS_LOAD_MAP; load <= RECS_LOAD_COPY; load++) {
        recs_open_options options = {.struct_size = sizeof options, .load = load, .verify = 1};
        OK(recs_model_open(&opened, path, &options, NULL, error));
        check_sample(opened);
        assert_true(recs_model_fingerprint(opened) == recs_model_fingerprint(model));
        assert_true(recs_model_size(opened) == recs_model_size(model));
        recs_model_release(opened);
    }
    recs_model_release(model);
    assert_int_equal(tmp_count(&folder), 1);
    tmp_remove(&folder);
}

static void test_hashed_and_no_users(void **state) {
    (void)state;
    for (int hashed = 0; hashed < 2; hashed++) {
        recs_writer *w;
        recs_model *model;
        OK(recs_writer_create(&w, NULL, NULL, error));
        OK(recs_test_sample_sections(w, hashed ? "hashed" : "none", 0, error));
        OK(recs_writer_finish(w, &model, error));
        recs_writer_destroy(w);
        OK(recs_model_verify(model, error));
        assert_string_equal(recs_model_users_mode(model), hashed ? "hashed" : "none");
        assert_int_equal(recs_model_users(model), hashed ? SAMPLE_USERS : 0);
        uint32_t seen = 0;
        for (size_t i = 0; i < SAMPLE_USERS; i++) {
            uint32_t row = recs_model_user_row(model, sample_users[i]);
            if (!hashed) {
                assert_int_equal(row, RECS_NO_ROW);
                continue;
            }
            assert_true(row < SAMPLE_USERS);
            seen |= 1u << row;
            assert_int_equal(strlen(recs_model_user_id(model, row)), 32);
            /* A hash is no name to ask by. */
            assert_int_equal(recs_model_user_row(model, recs_model_user_id(model, row)),
                             RECS_NO_ROW);
        }
        assert_int_equal(seen, hashed ? 31 : 0);
        recs_model_release(model);
    }
}

#define REFUSED(call, wanted, part)                                                              \
    do {                                                                                         \
        recs_error error = {0};                                                                  \
        assert_int_equal((call), (wanted));                                                      \
        if (strstr(error.text, (part)) == NULL)                                                  \
            fail_msg("\"%s\" does not name \"%s\"", error.text, (part));                         \
    } while (0)

static void test_refused(void **state) {
    (void)state;
    recs_model *m, *sample;
    OK(recs_test_sample_model(&sample, NULL, error));
    const unsigned char *bytes = sample->image.bytes;
    size_t size = (size_t)sample->image.size;
    recs_open_options bad[] = {{.struct_size = sizeof bad[0], .load = 2},
                               {.struct_size = sizeof bad[0], .inflate = 2},
                               {.struct_size = sizeof bad[0], .verify = -1},
                               {.struct_size = sizeof bad[0], .trusted = 7}};
    static const char *const names[] = {"load is 2", "inflate is 2", "verify is -1",
                                        "trusted is 7"};
    for (size_t i = 0; i < 4; i++)
        REFUSED(recs_model_open_memory(&m, bytes, size, &bad[i], NULL, &error),
                RECS_ERR_ARGUMENT, names[i]);
    bad[0] = (recs_open_options){.struct_size = 0};
    REFUSED(recs_model_open_memory(&m, bytes, size, &bad[0], NULL, &error), RECS_ERR_ARGUMENT,
            "recs_open_options");
    REFUSED(recs_model_open_memory(&m, bytes + 1, size - 1, NULL, NULL, &error),
            RECS_ERR_ARGUMENT, "multiple of 64");
    REFUSED(recs_model_open_memory(&m, NULL, size, NULL, NULL, &error), RECS_ERR_ARGUMENT,
            "NULL");
    REFUSED(recs_model_open_memory(&m, NULL, 0, NULL, NULL, &error), RECS_ERR_CORRUPT,
            "not a model file");
    REFUSED(recs_model_open(&m, NULL, NULL, NULL, &error), RECS_ERR_ARGUMENT, "path");
    REFUSED(recs_model_open(&m, "/no/such.recs", NULL, NULL, &error), RECS_ERR_NOT_FOUND,
            "/no/such.recs");
    REFUSED(recs_model_open(&m, "/", NULL, NULL, &error), RECS_ERR_IO, "folder");
    assert_null(m);
    REFUSED(recs_model_write(sample, NULL, &error), RECS_ERR_ARGUMENT, "path");
    recs_model_release(sample);

    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_write(&folder, "empty.recs", "", 0, path);
    REFUSED(recs_model_open(&m, path, NULL, NULL, &error), RECS_ERR_CORRUPT, "empty.recs: not a");
    static const char text[] =
        "user,item\n1,2\n and so on, for more than the 64 bytes of a header in all .....";
    tmp_write(&folder, "text.recs", text, sizeof text - 1, path);
    REFUSED(recs_model_open(&m, path, NULL, NULL, &error), RECS_ERR_CORRUPT, "not a model file");
    tmp_remove(&folder);
}

/* Outputs that are nowhere are an error as any other. */
static void test_nowhere_to_put_it(void **state) {
    (void)state;
    REFUSED(recs_model_open(NULL, "x.recs", NULL, NULL, &error), RECS_ERR_ARGUMENT,
            "model is NULL");
    REFUSED(recs_model_open_memory(NULL, "", 0, NULL, NULL, &error), RECS_ERR_ARGUMENT,
            "model is NULL");
    REFUSED(recs_writer_create(NULL, NULL, NULL, &error), RECS_ERR_ARGUMENT, "writer is NULL");
}

static recs_model *sample_with_types(const char *names, size_t size) {
    recs_writer *w;
    recs_model *model = NULL;
    OK(recs_writer_create(&w, NULL, NULL, error));
    OK(recs_test_sample_sections(w, "full", 0, error));
    if (size != 0)
        OK(recs_writer_section(w, RECS_SECTION_EVENT_TYPES, RECS_SECTION_MODEL, 0, names, size,
                               error));
    OK(recs_writer_finish(w, &model, error));
    recs_writer_destroy(w);
    return model;
}

/* The shop's own types go by the names its log gave them. */
static void test_event_types(void **state) {
    (void)state;
    recs_model *model = sample_with_types("wishlist\0banana", sizeof "wishlist\0banana");
    assert_string_equal(recs_model_event_name(model, RECS_EVENT_BUY), "buy");
    assert_string_equal(recs_model_event_name(model, RECS_EVENT_CUSTOM), "wishlist");
    assert_string_equal(recs_model_event_name(model, RECS_EVENT_CUSTOM + 1), "banana");
    for (int32_t type = RECS_EVENT_CUSTOM + 2; type <= RECS_EVENT_MAX + 1; type++)
        assert_null(recs_model_event_name(model, type));
    assert_null(recs_model_event_name(model, -1));
    assert_int_equal(recs_model_event_type_of(model, "purchase"), RECS_EVENT_BUY);
    assert_int_equal(recs_model_event_type_of(model, "banana"), RECS_EVENT_CUSTOM + 1);
    assert_int_equal(recs_model_event_type_of(model, "bananas"), -1);
    assert_int_equal(recs_model_event_type_of(model, NULL), -1);
    recs_model_release(model);

    model = sample_with_types("wishlist\0bana", 13); /* the last NUL is missing */
    assert_string_equal(recs_model_event_name(model, RECS_EVENT_CUSTOM), "wishlist");
    assert_null(recs_model_event_name(model, RECS_EVENT_CUSTOM + 1));
    assert_int_equal(recs_model_event_type_of(model, "bana"), -1);
    recs_model_release(model);

    model = sample_with_types(NULL, 0);
    assert_null(recs_model_event_name(model, RECS_EVENT_CUSTOM));
    assert_int_equal(recs_model_event_type_of(model, "wishlist"), -1);
    recs_model_release(model);
}

enum { THREADS = 4, TURNS = 20000 };

static void *own_and_give_up(void *argument) {
    recs_model *model = argument;
    for (int i = 0; i < TURNS; i++) {
        recs_model *mine = recs_model_retain(model);
        if (recs_model_items(mine) != SAMPLE_ITEMS)
            abort();
        recs_model_release(mine);
    }
    recs_model_release(model); /* the one made for this thread */
    return NULL;
}

/* Many owners; whoever is last frees, once. */
static void test_owners_on_threads(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_model *model;
    OK(recs_test_sample_model(&model, &faults.host, error));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, own_and_give_up, recs_model_retain(model)), 0);
    recs_model_release(model);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    recs_model_release(NULL);
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_in_memory),
        cmocka_unit_test(test_sample_on_disk),
        cmocka_unit_test(test_hashed_and_no_users),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nowhere_to_put_it),
        cmocka_unit_test(test_event_types),
        cmocka_unit_test(test_owners_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
