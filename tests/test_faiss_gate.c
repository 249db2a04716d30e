/* test_faiss_gate.c - searches that want different settings of one index. Needs no
 * FAISS. */
#include "faiss/faiss_gate.h"
#include "support/test.h"

#include <pthread.h>

/* What stands behind the gate here: a plain int, which every visitor must find as
 * it wants it from entering to leaving. */
static recs__faiss_gate gate;
static volatile uint32_t in_force;
static atomic_uint wrong, most_inside, inside;

static void *visit(void *arg) {
    uint32_t setting = *(const uint32_t *)arg;
    for (int i = 0; i < 3000; i++) {
        uint32_t wanted = setting + (uint32_t)(i % 7 == 0);
        if (recs__faiss_gate_enter(&gate, wanted, 3)) {
            in_force = wanted;
            recs__faiss_gate_opened(&gate, wanted, 3);
        }
        unsigned now = atomic_fetch_add(&inside, 1) + 1;
        unsigned most = atomic_load(&most_inside);
        while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
            ;
        for (int j = 0; j < 20; j++)
            if (in_force != wanted)
                atomic_fetch_add(&wrong, 1);
        atomic_fetch_sub(&inside, 1);
        recs__faiss_gate_leave(&gate);
    }
    return NULL;
}

static void test_many_settings(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    const uint32_t settings[THREADS] = {5, 5, 5, 90};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit, (void *)(uintptr_t)&settings[i]),
                         0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(gate.state & 0xFFFFFF, 0);
}

static void test_once_for_all(void **state) {
    (void)state;
    recs__faiss_gate g = {0};
    assert_true(recs__faiss_gate_enter(&g, 8, 0));
    recs__faiss_gate_opened(&g, 8, 0);
    assert_false(recs__faiss_gate_enter(&g, 8, 0));
    recs__faiss_gate_leave(&g);
    recs__faiss_gate_leave(&g);
    assert_false(recs__faiss_gate_enter(&g, 8, 0));
    recs__faiss_gate_leave(&g);
    assert_true(recs__faiss_gate_enter(&g, RECS__FAISS_SETTING_MOST, 0));
    recs__faiss_gate_broken(&g, 0);
    assert_true(recs__faiss_gate_enter(&g, RECS__FAISS_SETTING_MOST, 0));
}

/* Those that were inside when the process forked never leave in the child. */
static void test_fork_empties(void **state) {
    (void)state;
    recs__faiss_gate g = {0};
    assert_true(recs__faiss_gate_enter(&g, 8, 65535));
    recs__faiss_gate_opened(&g, 8, 65535);
    assert_true(recs__faiss_gate_enter(&g, 9, 65536)); /* would wait for ever */
    recs__faiss_gate_opened(&g, 9, 65536);
    recs__faiss_gate_leave(&g);
    /* One that forked while the setting was being written. */
    assert_true(recs__faiss_gate_enter(&g, 5, 65536));
    assert_true(recs__faiss_gate_enter(&g, 5, 65537));
    recs__faiss_gate_opened(&g, 5, 65537);
    recs__faiss_gate_leave(&g);
    assert_int_equal(g.state & 0xFFFFFF, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_settings),
        cmocka_unit_test(test_once_for_all),
        cmocka_unit_test(test_fork_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
