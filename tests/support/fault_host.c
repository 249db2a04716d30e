/* fault_host.c - the allocator behind fault_host.h: live blocks in a hash
 * set, so that a wrong release is noticed without touching its memory. */
#include "support/fault_host.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { TURNS_MAX = 200000 };

/* ---- the set of live blocks --------------------------------------------------- */

static size_t home_of(const void *block, size_t capacity) {
    uint64_t mixed = (uint64_t)(uintptr_t)block * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 20) & (capacity - 1);
}

static fault_block *find(fault_host *faults, const void *block) {
    if (faults->capacity == 0)
        return NULL;
    size_t at = home_of(block, faults->capacity);
    while (faults->blocks[at].block != NULL) {
        if (faults->blocks[at].block == block)
            return &faults->blocks[at];
        at = (at + 1) & (faults->capacity - 1);
    }
    return NULL;
}

static void place(fault_block *blocks, size_t capacity, fault_block entry) {
    size_t at = home_of(entry.block, capacity);
    while (blocks[at].block != NULL)
        at = (at + 1) & (capacity - 1);
    blocks[at] = entry;
}

static void insert(fault_host *faults, void *block, size_t size) {
    if (faults->live_blocks * 2 >= faults->capacity) {
        size_t capacity = faults->capacity != 0 ? faults->capacity * 2 : 64;
        fault_block *blocks = calloc(capacity, sizeof *blocks);
        if (blocks == NULL)
            abort(); /* the rig itself, not what it tests, is out of memory */
        for (size_t i = 0; i < faults->capacity; i++)
            if (faults->blocks[i].block != NULL)
                place(blocks, capacity, faults->blocks[i]);
        free(faults->blocks);
        faults->blocks = blocks;
        faults->capacity = capacity;
    }
    place(faults->blocks, faults->capacity, (fault_block){block, size});
    faults->live_blocks++;
    faults->live_bytes += size;
    if (faults->live_bytes > faults->peak_bytes)
        faults->peak_bytes = faults->live_bytes;
}

/* Takes the entry out and moves those of its chain that stood behind it. */
static void erase(fault_host *faults, fault_block *entry) {
    faults->live_blocks--;
    faults->live_bytes -= entry->size;
    size_t mask = faults->capacity - 1, hole = (size_t)(entry - faults->blocks);
    size_t at = hole;
    faults->blocks[hole].block = NULL;
    while (faults->blocks[at = (at + 1) & mask].block != NULL) {
        size_t home = home_of(faults->blocks[at].block, faults->capacity);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            faults->blocks[hole] = faults->blocks[at];
            faults->blocks[at].block = NULL;
            hole = at;
        }
    }
}

/* ---- the host's callbacks ------------------------------------------------------ */

static bool fails_now(fault_host *faults) {
    faults->total++;
    if (!faults->armed)
        return false;
    faults->allocations++;
    bool fails = faults->fail_at != 0 &&
                 (faults->fail_after ? faults->allocations >= faults->fail_at
                                     : faults->allocations == faults->fail_at);
    faults->faults += fails;
    return fails;
}

static void *fault_allocate(void *data, size_t size) {
    fault_host *faults = data;
    pthread_mutex_lock(&faults->lock);
    void *block = fails_now(faults) ? NULL : malloc(size);
    if (block != NULL) {
        memset(block, 0xA5, size);
        insert(faults, block, size);
    }
    pthread_mutex_unlock(&faults->lock);
    return block;
}

static void fault_release(void *data, void *block) {
    fault_host *faults = data;
    pthread_mutex_lock(&faults->lock);
    fault_block *entry = find(faults, block);
    if (entry == NULL) {
        faults->bad_releases++;
    } else {
        memset(block, 0x5A, entry->size);
        erase(faults, entry);
        free(block);
    }
    pthread_mutex_unlock(&faults->lock);
}

/* Always moves the block, so that whoever keeps the old address is noticed. */
static void *fault_reallocate(void *data, void *block, size_t size) {
    fault_host *faults = data;
    pthread_mutex_lock(&faults->lock);
    fault_block *entry = block != NULL ? find(faults, block) : NULL;
    size_t old_size = entry != NULL ? entry->size : 0;
    bool known = block == NULL || entry != NULL;
    faults->bad_releases += !known;
    pthread_mutex_unlock(&faults->lock);

    void *moved = known ? fault_allocate(data, size) : NULL;
    if (moved != NULL && block != NULL) {
        memcpy(moved, block, old_size < size ? old_size : size);
        fault_release(data, block);
    }
    return moved;
}

/* ---- what tests call ------------------------------------------------------------- */

void fault_host_init(fault_host *faults) {
    memset(faults, 0, sizeof *faults);
    pthread_mutex_init(&faults->lock, NULL);
    faults->host.struct_size = sizeof faults->host;
    faults->host.memory_data = faults;
    faults->host.allocate = fault_allocate;
    faults->host.reallocate = fault_reallocate;
    faults->host.release = fault_release;
}

static void check_clean(const fault_host *faults) {
    if (faults->bad_releases != 0)
        fail_msg("%zu releases of what was not a live block (allocation %zu failed%s)",
                 faults->bad_releases, faults->fail_at, faults->fail_after ? " and all after" : "");
    if (faults->live_blocks != 0)
        fail_msg("%zu blocks of %zu bytes leaked (allocation %zu failed%s)", faults->live_blocks,
                 faults->live_bytes, faults->fail_at, faults->fail_after ? " and all after" : "");
}

static void discard(fault_host *faults) {
    for (size_t i = 0; i < faults->capacity; i++)
        free(faults->blocks[i].block);
    free(faults->blocks);
    faults->blocks = NULL;
    faults->capacity = 0;
    pthread_mutex_destroy(&faults->lock);
}

void fault_host_done(fault_host *faults) {
    check_clean(faults);
    discard(faults);
}

void fault_arm(fault_host *faults, size_t nth, bool fail_after) {
    faults->armed = nth != 0;
    faults->fail_at = nth;
    faults->fail_after = fail_after;
    faults->allocations = 0;
    faults->faults = 0;
}

bool fault_passed(const fault_host *faults, recs_status status, const recs_error *error) {
    if (status == RECS_OK)
        return true;
    if (status != RECS_ERR_MEMORY || faults->faults == 0)
        fail_msg("status %d, \"%s\", after %zu failed allocations; expected %d when one failed",
                 (int)status, error != NULL ? error->text : "", faults->faults,
                 (int)RECS_ERR_MEMORY);
    if (error != NULL) {
        assert_int_equal(error->status, RECS_ERR_MEMORY);
        assert_true(error->text[0] != '\0');
    }
    return false;
}

void fault_loop_begin(fault_host *faults) { fault_host_init(faults); }

bool fault_loop_next(fault_host *faults) {
    if (faults->turn++ == 0) {
        fault_arm(faults, 1, false);
        return true;
    }
    check_clean(faults);
    if (faults->turn > TURNS_MAX)
        fail_msg("still failing after %d turns", TURNS_MAX);
    if (faults->faults == 0) {
        if (faults->fail_after) {
            discard(faults);
            return false;
        }
        fault_arm(faults, 1, true);
        return true;
    }
    fault_arm(faults, faults->fail_at + 1, faults->fail_after);
    return true;
}
