/* test_pin.c - readers and a writer: nothing is freed while it is held. */
#include "base/memory.h"
#include "base/pin.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct ledger {
    size_t freed;
    void *last;
} ledger;

static void note(void *context, void *object) {
    ledger *book = context;
    book->freed++;
    book->last = object;
}

static void test_one_reader(void **state) {
    (void)state;
    ledger book = {0};
    recs__pin *pin;
    int a, b, c;
    uint32_t first, second;
    assert_int_equal(recs__pin_create(&pin, note, &book, NULL, NULL), RECS_OK);
    assert_null(recs__pin_enter(pin, &first));
    recs__pin_leave(pin, first);
    assert_int_equal(recs__pin_reap(pin), 0);

    assert_int_equal(recs__pin_swap(pin, &a, NULL), RECS_OK);
    assert_ptr_equal(recs__pin_enter(pin, &first), &a);
    assert_int_equal(recs__pin_swap(pin, &b, NULL), RECS_OK);
    assert_ptr_equal(recs__pin_enter(pin, &second), &b);
    for (int i = 0; i < 10; i++)
        assert_int_equal(recs__pin_reap(pin), 1); /* a is held */
    assert_int_equal(book.freed, 0);

    recs__pin_leave(pin, first);
    for (int i = 0; i < 2; i++)
        recs__pin_reap(pin);
    assert_int_equal(book.freed, 1); /* b, held, does not keep a */
    assert_ptr_equal(book.last, &a);

    assert_int_equal(recs__pin_swap(pin, &c, NULL), RECS_OK);
    assert_int_equal(recs__pin_reap(pin), 1);
    recs__pin_leave(pin, second);
    recs__pin_reap(pin);
    assert_int_equal(recs__pin_reap(pin), 0);
    assert_ptr_equal(book.last, &b);
    recs__pin_destroy(pin);
    assert_int_equal(book.freed, 3);
    assert_ptr_equal(book.last, &c);
    recs__pin_destroy(NULL);
}

/* Readers that overlap without end do not keep old objects for ever. */
static void test_overlapping_readers(void **state) {
    (void)state;
    ledger book = {0};
    recs__pin *pin;
    static char objects[100];
    uint32_t ticket, next;
    assert_int_equal(recs__pin_create(&pin, note, &book, NULL, NULL), RECS_OK);
    recs__pin_enter(pin, &ticket);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(recs__pin_swap(pin, &objects[i], NULL), RECS_OK);
        recs__pin_enter(pin, &next);
        recs__pin_leave(pin, ticket);
        ticket = next;
    }
    assert_true(book.freed > 90);
    recs__pin_leave(pin, ticket);
    recs__pin_destroy(pin);
    assert_int_equal(book.freed, 100);
}

static void test_destroy_frees_retired(void **state) {
    (void)state;
    ledger book = {0};
    recs__pin *pin;
    static char objects[20];
    uint32_t ticket;
    assert_int_equal(recs__pin_create(&pin, note, &book, NULL, NULL), RECS_OK);
    recs__pin_enter(pin, &ticket);
    for (int i = 0; i < 20; i++)
        assert_int_equal(recs__pin_swap(pin, &objects[i], NULL), RECS_OK);
    assert_int_equal(recs__pin_reap(pin), 19);
    assert_int_equal(book.freed, 0);
    recs__pin_leave(pin, ticket);
    recs__pin_destroy(pin);
    assert_int_equal(book.freed, 20);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        ledger book = {0};
        recs__pin *pin = NULL;
        static char objects[40];
        if (!fault_passed(&faults, recs__pin_create(&pin, note, &book, &faults.host, &error),
                          &error)) {
            assert_null(pin);
            continue;
        }
        uint32_t ticket, other;
        void *current = recs__pin_enter(pin, &ticket); /* so that all are kept */
        size_t taken = 0;
        for (int i = 0; i < 40; i++) {
            bool swapped =
                fault_passed(&faults, recs__pin_swap(pin, &objects[i], &error), &error);
            if (swapped) {
                current = &objects[i];
                taken++;
            }
            assert_ptr_equal(recs__pin_enter(pin, &other), current);
            recs__pin_leave(pin, other);
        }
        recs__pin_leave(pin, ticket);
        recs__pin_destroy(pin);
        assert_int_equal(book.freed, taken);
    }
}

/* ---- threads ------------------------------------------------------------------ */

enum { READERS = 4, SWAPS = 4000, ALIVE = 0x600D, DEAD = 0xDEAD };

typedef struct canary {
    int first, last;
} canary;

typedef struct scene {
    recs__pin *pin;
    atomic_bool stop;
    atomic_size_t wrong, reads;
} scene;

static void kill_canary(void *context, void *object) {
    (void)context;
    canary *bird = object;
    bird->first = bird->last = DEAD; /* plain writes: a race with a reader is seen */
    free(bird);
}

static void *read_on(void *data) {
    scene *in = data;
    while (!atomic_load(&in->stop)) {
        uint32_t ticket;
        canary *bird = recs__pin_enter(in->pin, &ticket);
        if (bird->first != ALIVE || bird->last != ALIVE)
            atomic_fetch_add(&in->wrong, 1);
        recs__pin_leave(in->pin, ticket);
        atomic_fetch_add(&in->reads, 1);
    }
    return NULL;
}

static canary *hatch(void) {
    canary *bird = malloc(sizeof *bird);
    *bird = (canary){ALIVE, ALIVE};
    return bird;
}

static void test_threads(void **state) {
    (void)state;
    scene in = {0};
    pthread_t readers[READERS];
    assert_int_equal(recs__pin_create(&in.pin, kill_canary, NULL, NULL, NULL), RECS_OK);
    assert_int_equal(recs__pin_swap(in.pin, hatch(), NULL), RECS_OK);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &in), 0);
    size_t most = 0;
    while (atomic_load(&in.reads) == 0)
        sched_yield();
    for (int i = 0; i < SWAPS; i++) {
        assert_int_equal(recs__pin_swap(in.pin, hatch(), NULL), RECS_OK);
        size_t left = recs__pin_reap(in.pin);
        most = left > most ? left : most;
        if (i % 16 == 0)
            sched_yield();
    }
    atomic_store(&in.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    recs__pin_reap(in.pin);
    assert_int_equal(recs__pin_reap(in.pin), 0); /* no reader was left counted */
    recs__pin_destroy(in.pin);
    print_message("%zu reads beside %d swaps, at most %zu retired\n",
                  atomic_load(&in.reads), SWAPS, most);
    assert_int_equal(atomic_load(&in.wrong), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_reader),
        cmocka_unit_test(test_overlapping_readers),
        cmocka_unit_test(test_destroy_frees_retired),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
