/* tail.c - the lines of tail.h.
 *
 * Invariants: (1) of a key, level + lost of its quarter never falls below what
 * was added and not taken (itself or with its fingerprint) since the lines were
 * empty (after k halvings: 2^-k of it); (2) a lost sum stops at 65,535 and then
 * bounds nothing: UINT32_MAX is returned; (3) no two slots of a line have the
 * same fingerprint, unless damaged bytes were merged: the first one counts. */
#include "live/tail.h"

#include "base/checked.h"

#include <pthread.h>
#include <string.h>

enum {
    SLOTS = 28,
    QUARTERS = 4,
    PRINT_BITS = 11,
    PRINT_MASK = (1 << PRINT_BITS) - 1,
    TOP_LEVEL = 31,
    LOCKS = 64,
    LOST_END = UINT16_MAX
};

typedef struct tail_line {
    uint16_t slots[SLOTS];
    uint16_t lost[QUARTERS];
} tail_line;
_Static_assert(sizeof(tail_line) == RECS__TAIL_LINE, "a line of the cache");

typedef struct tail_guard {
    _Alignas(64) pthread_mutex_t lock;
    uint64_t draws; /* numbers drawn so far */
} tail_guard;

struct recs__tail {
    recs_host host;
    size_t lines;
    tail_line *line;
    tail_guard *guards;
};

static const uint16_t level_count[TOP_LEVEL + 1] = {
    0,   1,   2,   3,   4,   6,    8,    12,   16,   24,   32,   48,    64,    96,    128,  192,
    256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152};

uint32_t recs__tail_level(unsigned level) { return level_count[level & TOP_LEVEL]; }

/* Highest level that counts no more than units. */
static unsigned level_below(uint32_t units) {
    unsigned level = 0;
    while (level < TOP_LEVEL && level_count[level + 1] <= units)
        level++;
    return level;
}

recs_status recs__tail_create(recs__tail **tail, size_t bytes, const recs_host *host,
                              recs_error *error) {
    *tail = NULL;
    recs__tail *made = recs__alloc_zero(host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = *host;
    made->lines = bytes / sizeof(tail_line) != 0 ? bytes / sizeof(tail_line) : 1;
    made->line = recs__alloc_aligned(host, made->lines, sizeof(tail_line), error);
    made->guards = recs__alloc_aligned(host, LOCKS, sizeof(tail_guard), error);
    if (made->line == NULL || made->guards == NULL) {
        recs__free_aligned(host, made->line);
        recs__free_aligned(host, made->guards);
        recs__free(host, made);
        return RECS_ERR_MEMORY;
    }
    memset(made->line, 0, made->lines * sizeof(tail_line));
    memset(made->guards, 0, LOCKS * sizeof(tail_guard));
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&made->guards[i].lock, NULL); /* cannot fail here */
        made->guards[i].draws = (uint64_t)i << 48; /* no two draw the same */
    }
    *tail = made;
    return RECS_OK;
}

void recs__tail_destroy(recs__tail *tail) {
    if (tail == NULL)
        return;
    recs_host host = tail->host;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&tail->guards[i].lock);
    recs__free_aligned(&host, tail->line);
    recs__free_aligned(&host, tail->guards);
    recs__free(&host, tail);
}

size_t recs__tail_lines(const recs__tail *tail) { return tail->lines; }

size_t recs__tail_memory(const recs__tail *tail) {
    return sizeof *tail + tail->lines * sizeof(tail_line) + LOCKS * sizeof(tail_guard);
}

/* ---- one line --------------------------------------------------------------- */

/* Where a key lives. The line comes from the high bits, the fingerprint from
 * the low ones. */
typedef struct spot {
    tail_line *line;
    tail_guard *guard;
    uint16_t print;
} spot;

static spot spot_of(recs__tail *tail, uint64_t key) {
    size_t at = (size_t)((key >> 32) * (uint64_t)tail->lines >> 32);
    return (spot){tail->line + at, tail->guards + at % LOCKS, (uint16_t)(key & PRINT_MASK)};
}

static unsigned level_of(uint16_t slot) { return slot >> PRINT_BITS; }
static uint32_t count_of(uint16_t slot) { return level_count[level_of(slot)]; }
static uint16_t make_slot(uint16_t print, unsigned level) {
    return (uint16_t)(print | level << PRINT_BITS);
}
static uint16_t *lost_of(tail_line *line, uint16_t print) { return &line->lost[print % QUARTERS]; }

static void lose(tail_line *line, uint16_t print, uint32_t units) {
    uint16_t *lost = lost_of(line, print);
    *lost = units > (uint32_t)(LOST_END - *lost) ? LOST_END : (uint16_t)(*lost + units);
}

static uint32_t bound_of(tail_line *line, uint16_t print, uint32_t count) {
    uint16_t lost = *lost_of(line, print);
    return lost == LOST_END ? UINT32_MAX : count + lost;
}

/* splitmix64 of a counter (see base/random.c). */
static uint64_t draw(tail_guard *guard) {
    uint64_t z = ++guard->draws * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* True with probability a / b, a <= b. */
static bool chance(tail_guard *guard, uint32_t a, uint32_t b) {
    return a == b || (draw(guard) >> 32) * b >> 32 < a;
}

/* Slot of a fingerprint, or SLOTS; *smallest is the first of the least count. */
static unsigned find(const tail_line *line, uint16_t print, unsigned *smallest) {
    unsigned least = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (level_of(line->slots[i]) != 0 && (line->slots[i] & PRINT_MASK) == print) {
            *smallest = least;
            return i;
        }
        if (level_of(line->slots[i]) < level_of(line->slots[least]))
            least = i;
    }
    *smallest = least;
    return SLOTS;
}

/* The level for so many units: the one below, or at random the one above, so
 * that its mean is units; what the level lacks is lost. */
static unsigned settle(tail_line *line, tail_guard *guard, uint16_t print, uint32_t units) {
    unsigned level = level_below(units);
    uint32_t over = units - level_count[level];
    if (over == 0)
        return level;
    if (level < TOP_LEVEL && chance(guard, over, level_count[level + 1] - level_count[level]))
        return level + 1;
    lose(line, print, over);
    return level;
}

uint32_t recs__tail_add(recs__tail *tail, uint64_t key, uint32_t units, uint32_t *bound) {
    spot at = spot_of(tail, key);
    uint32_t count = 0;
    unsigned smallest;
    if (units > LOST_END)
        units = LOST_END;
    pthread_mutex_lock(&at.guard->lock);
    unsigned i = find(at.line, at.print, &smallest);
    if (i < SLOTS) {
        unsigned level =
            settle(at.line, at.guard, at.print, count_of(at.line->slots[i]) + units);
        at.line->slots[i] = make_slot(at.print, level);
        count = level_count[level];
    } else {
        uint16_t old = at.line->slots[smallest];
        uint32_t least = count_of(old);
        if (units != 0 && chance(at.guard, units, least + units)) {
            if (least != 0)
                lose(at.line, old & PRINT_MASK, least);
            unsigned level = settle(at.line, at.guard, at.print, least + units);
            at.line->slots[smallest] = make_slot(at.print, level);
            count = level_count[level];
        } else {
            lose(at.line, at.print, units);
        }
    }
    *bound = bound_of(at.line, at.print, count);
    pthread_mutex_unlock(&at.guard->lock);
    return count;
}

uint32_t recs__tail_peek(recs__tail *tail, uint64_t key, uint32_t *bound) {
    spot at = spot_of(tail, key);
    unsigned smallest;
    pthread_mutex_lock(&at.guard->lock);
    unsigned i = find(at.line, at.print, &smallest);
    uint32_t count = i < SLOTS ? count_of(at.line->slots[i]) : 0;
    *bound = bound_of(at.line, at.print, count);
    pthread_mutex_unlock(&at.guard->lock);
    return count;
}

void recs__tail_take(recs__tail *tail, uint64_t key) {
    spot at = spot_of(tail, key);
    unsigned smallest;
    pthread_mutex_lock(&at.guard->lock);
    unsigned i = find(at.line, at.print, &smallest);
    if (i < SLOTS)
        at.line->slots[i] = 0;
    pthread_mutex_unlock(&at.guard->lock);
}

/* Under the lock. Puts units beside what the slot has (sum) or over it. */
static void put(tail_line *line, tail_guard *guard, uint16_t print, uint32_t units, bool sum) {
    unsigned smallest;
    unsigned i = find(line, print, &smallest);
    if (units == 0)
        return;
    if (i < SLOTS) {
        uint32_t count = count_of(line->slots[i]);
        if (sum)
            units = units + count;
        else if (count >= units)
            return;
        line->slots[i] = make_slot(print, settle(line, guard, print, units));
        return;
    }
    uint16_t old = line->slots[smallest];
    if (count_of(old) >= units) {
        lose(line, print, units);
        return;
    }
    if (level_of(old) != 0)
        lose(line, old & PRINT_MASK, count_of(old));
    line->slots[smallest] = make_slot(print, settle(line, guard, print, units));
}

void recs__tail_give(recs__tail *tail, uint64_t key, uint32_t units) {
    spot at = spot_of(tail, key);
    pthread_mutex_lock(&at.guard->lock);
    put(at.line, at.guard, at.print, units > LOST_END ? LOST_END : units, true);
    pthread_mutex_unlock(&at.guard->lock);
}

void recs__tail_widen(recs__tail *tail, uint64_t key, uint32_t units) {
    spot at = spot_of(tail, key);
    pthread_mutex_lock(&at.guard->lock);
    lose(at.line, at.print, units);
    pthread_mutex_unlock(&at.guard->lock);
}

/* ---- all lines --------------------------------------------------------------- */

void recs__tail_halve(recs__tail *tail) {
    for (size_t l = 0; l < tail->lines; l++) {
        tail_line *line = tail->line + l;
        tail_guard *guard = tail->guards + l % LOCKS;
        pthread_mutex_lock(&guard->lock);
        for (unsigned q = 0; q < QUARTERS; q++)
            if (line->lost[q] != LOST_END)
                line->lost[q] = (uint16_t)(line->lost[q] / 2 + line->lost[q] % 2);
        for (unsigned i = 0; i < SLOTS; i++) {
            uint16_t print = line->slots[i] & PRINT_MASK;
            uint32_t count = count_of(line->slots[i]);
            uint32_t half = count / 2;
            if (count % 2 != 0) {
                if (chance(guard, 1, 2))
                    half++;
                else
                    lose(line, print, 1);
            }
            line->slots[i] = half == 0 ? 0 : make_slot(print, settle(line, guard, print, half));
        }
        pthread_mutex_unlock(&guard->lock);
    }
}

void recs__tail_clear(recs__tail *tail) {
    for (size_t l = 0; l < tail->lines; l++) {
        tail_guard *guard = tail->guards + l % LOCKS;
        pthread_mutex_lock(&guard->lock);
        memset(tail->line + l, 0, sizeof(tail_line));
        pthread_mutex_unlock(&guard->lock);
    }
}

static uint16_t read_u16(const unsigned char *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

void recs__tail_read(recs__tail *tail, size_t first, size_t count, unsigned char *out) {
    for (size_t l = first; l < first + count; l++, out += sizeof(tail_line)) {
        tail_guard *guard = tail->guards + l % LOCKS;
        pthread_mutex_lock(&guard->lock);
        memcpy(out, tail->line + l, sizeof(tail_line)); /* big-endian hosts are refused */
        pthread_mutex_unlock(&guard->lock);
    }
}

void recs__tail_merge(recs__tail *tail, const unsigned char *lines) {
    for (size_t l = 0; l < tail->lines; l++, lines += sizeof(tail_line)) {
        tail_line *mine = tail->line + l;
        tail_guard *guard = tail->guards + l % LOCKS;
        pthread_mutex_lock(&guard->lock);
        for (unsigned q = 0; q < QUARTERS; q++)
            lose(mine, (uint16_t)q, read_u16(lines + 2 * (SLOTS + q)));
        for (unsigned i = 0; i < SLOTS; i++) {
            uint16_t slot = read_u16(lines + 2 * i);
            put(mine, guard, slot & PRINT_MASK, count_of(slot), true);
        }
        pthread_mutex_unlock(&guard->lock);
    }
}

void recs__tail_join(recs__tail *tail, const recs__tail *other) {
    recs__tail_merge(tail, (const unsigned char *)other->line); /* big-endian hosts are refused */
}
