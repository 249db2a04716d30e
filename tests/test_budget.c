/* test_budget.c - bytes as text both ways, and trainers that ask first. */
#include "train/budget.h"

#include "support/test.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t parsed(const char *text) {
    uint64_t bytes = 0;
    assert_true(recs__budget_parse(text, strlen(text), &bytes));
    return bytes;
}

static void test_text_to_bytes(void **state) {
    (void)state;
    assert_int_equal(parsed("1"), 1);
    assert_int_equal(parsed("5000000"), 5000000);
    assert_int_equal(parsed("1K"), 1024);
    assert_int_equal(parsed("500M"), UINT64_C(500) << 20);
    assert_int_equal(parsed("1.5G"), UINT64_C(3) << 29);
    assert_int_equal(parsed("2T"), UINT64_C(2) << 40);
    static const char *const wrong[] = {"",  "M",    "-1M", "0",   "0.1",  "nan", "inf", "1e30",
                                        "M5", "5 M", "5MB", "5m", "9999999T"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t bytes;
        assert_false(recs__budget_parse(wrong[i], strlen(wrong[i]), &bytes));
    }
}

/* What is printed can be given back and is never less. */
static void test_bytes_to_text(void **state) {
    (void)state;
    char text[RECS__BUDGET_TEXT];
    assert_string_equal(recs__budget_text(812, text), "812");
    assert_string_equal(recs__budget_text(1024, text), "1.00K");
    assert_string_equal(recs__budget_text(UINT64_C(500) << 20, text), "500M");
    assert_string_equal(recs__budget_text((UINT64_C(3) << 29) + 1, text), "1.51G");
    assert_string_equal(recs__budget_text((UINT64_C(1) << 30) - 1, text), "1024M");
    uint64_t bytes = 1;
    for (int i = 0; i < 1000; i++) {
        bytes = (bytes * UINT64_C(2862933555777941757) + 3037000493) >> (i % 40 + 3);
        bytes += bytes == 0;
        if (bytes > UINT64_C(1) << 60)
            continue;
        uint64_t back = parsed(recs__budget_text(bytes, text));
        assert_true(back >= bytes);
        assert_true(back - bytes <= bytes / 50 + 1);
    }
}

static void test_what_does_not_fit_is_refused(void **state) {
    (void)state;
    recs_error error;
    recs__spec spec = {.name = "wide"};
    recs__train_job job = {.spec = &spec, .memory = 1000000};
    assert_int_equal(recs__budget_check(&job, 1000000, "the matrix", &error), RECS_OK);
    assert_int_equal(recs__budget_check(&job, UINT64_C(7) << 30, "the matrix", &error),
                     RECS_ERR_LIMIT);
    assert_string_equal(error.text, "wide: the matrix needs 7.00G of memory, but the memory "
                                    "setting leaves 977K");
    job.memory = 0; /* the machine */
    assert_int_equal(recs__budget_check(&job, 1, "the matrix", &error), RECS_OK);
    assert_int_equal(recs__budget_check(&job, UINT64_C(1) << 60, "the matrix", &error),
                     RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "this machine has"));
}

/* A limit of the process is heard of. */
static void test_limits_of_the_process_count(void **state) {
    (void)state;
    uint64_t before = recs__budget_available();
    assert_true(before > 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {(rlim_t)1 << 50, (rlim_t)1 << 50};
        setrlimit(RLIMIT_DATA, &limit);
        uint64_t wide = recs__budget_available();
        limit.rlim_cur = 4096; /* below what is in use */
        setrlimit(RLIMIT_DATA, &limit);
        _exit(recs__budget_available() == 0 && wide != 0 ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_to_bytes),
        cmocka_unit_test(test_bytes_to_text),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_limits_of_the_process_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
