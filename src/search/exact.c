/* exact.c - which way each vector goes, how a search is split, and what is
 * merged at its end.
 *
 * One vector, or few, on an executor: the rows are split. The calling thread
 * searches the longest rows alone, which gives a bar; then pieces of the rest
 * are searched into top ks of their own, whose bars all pieces see. Many: groups
 * of vectors are split, each through all rows. What is split depends on the
 * search alone; and as every way is exact, so are the answers.
 *
 * All memory is taken before the first row is looked at. */
#include "search/exact.h"

#include "base/checked.h"
#include "base/memory.h"
#include "search/pass.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

enum {
    LIST_SHARE = 12,     /* fewer eligible rows than one in so many are listed: a row
                            from anywhere costs about so much more than one in order, in
                            codes                                                       */
    LIST_PLAIN = 4,      /* the same beside the plain scan                              */
    TOP_SHARE = 32,      /* k above one in so many rows: the plain scan                 */
    LEAD_BLOCKS = 8,     /* of codes, before a search is split                          */
    PIECE_BLOCKS = 64,   /* of codes, at least                                          */
    PIECES_MAX = 64,
    SPLIT_ROWS_BELOW = 16, /* vectors: from so many on groups of them are split         */
    MANY = 16             /* vectors from which their codes are those of many           */
};

typedef struct search {
    const recs__space *space;
    const recs__accept *accept;
    recs__exact_room *room;
    size_t count;  /* vectors of this way, in room->seeks                     */
    size_t pieces; /* of the rows; 1: not split                                */
    size_t group;  /* vectors that share a pass                                */
    size_t from, end, piece; /* blocks of codes, or rows                       */
    size_t waiting;          /* rows that wait in each slot                    */
    bool plain;
} search;

float recs__exact_floor(float least) {
    return nextafterf(least, -INFINITY);
}

/* ---- the way --------------------------------------------------------------------------- */

static bool has_codes(const recs__space *space, const recs__code_vector *vector) {
    return space->codes != NULL && vector->scale > 0.0;
}

static recs__way way_of(const recs__space *space, const recs__seek *seek,
                        const recs__code_vector *vector) {
    uint32_t rows = space->stored.rows;
    size_t eligible = seek->filter != NULL ? seek->filter->eligible : rows;
    if (eligible == 0 || rows == 0 || seek->topk->limit == 0)
        return RECS__WAY_NONE;
    bool codes = has_codes(space, vector) && rows >= RECS__CODES_ROWS_LEAST &&
                 seek->topk->limit <= rows / TOP_SHARE;
    if (seek->filter != NULL && eligible < rows / (codes ? LIST_SHARE : LIST_PLAIN))
        return RECS__WAY_LIST;
    return codes ? RECS__WAY_CODES : RECS__WAY_PLAIN;
}

/* ---- memory ----------------------------------------------------------------------------- */

static recs_status need_slots(recs__exact_room *room, const recs_host *host, size_t count,
                              recs_error *error) {
    if (count > room->slot_capacity) {
        recs_status status = recs__grow(host, (void **)&room->slots, &room->slot_capacity, count,
                                        sizeof *room->slots, error);
        if (status != RECS_OK)
            return status;
    }
    for (; room->slot_count < count; room->slot_count++)
        room->slots[room->slot_count] = (recs__exact_slot){0};
    return RECS_OK;
}

static recs_status need_vectors(const recs__space *space, size_t count, recs__exact_room *room,
                                const recs_host *host, recs_error *error) {
    size_t bytes = space->codes != NULL ? recs__codes_room(space->stored.dims) : 0, all;
    if (recs__mul_size(bytes, count, &all))
        all = SIZE_MAX;
    recs_status status = recs__room_fresh(host, (void **)&room->vectors, &room->vector_capacity,
                                          count, sizeof *room->vectors, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&room->seeks, &room->seek_capacity, count,
                                  sizeof *room->seeks, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&room->codes, &room->code_capacity, all, 1, error);
    return status;
}

/* Room for each of the tasks that run at once. */
static recs_status need_wide(const recs__space *space, size_t waiting, size_t tasks,
                             recs__exact_room *room, const recs_host *host, recs_error *error) {
    size_t floats;
    if (recs__mul_size(recs__pass_room(space->stored.dims, waiting), tasks, &floats))
        floats = SIZE_MAX;
    return recs__room_fresh(host, (void **)&room->wide, &room->wide_capacity, floats,
                            sizeof *room->wide, error);
}

static float *wide_of(const search *all, size_t task) {
    return all->room->wide + task * recs__pass_room(all->space->stored.dims, all->waiting);
}

static recs_status need_waiting(size_t waiting, size_t slots, recs__exact_room *room,
                                const recs_host *host, recs_error *error) {
    size_t count;
    if (recs__mul_size(waiting, slots, &count))
        count = SIZE_MAX;
    return recs__room_fresh(host, (void **)&room->waiting, &room->waiting_capacity, count,
                            sizeof *room->waiting, error);
}

void recs__exact_free(recs__exact_room *room, const recs_host *host) {
    for (size_t i = 0; i < room->slot_count; i++)
        recs__topk_free(&room->slots[i].own, host);
    recs__free(host, room->slots);
    recs__free_aligned(host, room->codes);
    recs__free_aligned(host, room->vectors);
    recs__free_aligned(host, room->waiting);
    recs__free_aligned(host, room->wide);
    recs__free_aligned(host, room->seeks);
    *room = (recs__exact_room){0};
}

size_t recs__exact_memory(const recs__exact_room *room) {
    size_t bytes = room->code_capacity + room->vector_capacity * sizeof *room->vectors +
                   room->slot_capacity * sizeof *room->slots +
                   room->waiting_capacity * sizeof *room->waiting +
                   room->wide_capacity * sizeof *room->wide +
                   room->seek_capacity * sizeof *room->seeks;
    for (size_t i = 0; i < room->slot_count; i++)
        bytes += recs__topk_memory(&room->slots[i].own);
    return bytes;
}

/* ---- a split of the rows ----------------------------------------------------------------- */

static void pass(const search *all, recs__exact_slot *slots, size_t count, size_t first,
                 size_t end, size_t task) {
    if (all->plain)
        recs__pass_plain(all->space, slots, count, first, end, all->accept, wide_of(all, task));
    else
        recs__pass_codes(all->space, slots, count, first, end, all->waiting, all->accept,
                         wide_of(all, task));
}

/* A seek's first slot, which the calling thread leads with; its pieces follow those
 * of all. */
static recs__exact_slot *piece_slots(const search *all, size_t piece) {
    return all->room->slots + (1 + piece) * all->count;
}

static void run_piece(void *arg, size_t index) {
    const search *all = arg;
    size_t first = all->from + index * all->piece, end = first + all->piece;
    pass(all, piece_slots(all, index), all->count, first, end < all->end ? end : all->end, index);
}

static void run_group(void *arg, size_t index) {
    const search *all = arg;
    size_t first = index * all->group, left = all->count - first;
    size_t count = left < all->group ? left : all->group;
    pass(all, all->room->slots + first, count, all->from, all->end, index);
}

static void start_slot(recs__exact_slot *slot, const recs__seek *seek,
                       const recs__code_vector *vector, recs__topk *topk,
                       _Atomic(uint32_t) *shared) {
    slot->seek = seek;
    slot->vector = vector;
    slot->topk = topk;
    slot->shared = shared;
    slot->floor = topk->bar;
    slot->scanned = slot->refined = slot->rescored = 0;
    slot->waiting_count = slot->waiting_next = 0;
    slot->flooded = false;
}

/* Slots of all seeks, and of their pieces where the rows are split. */
static recs_status start_slots(search *all, const recs_host *host, recs_error *error) {
    recs__exact_room *room = all->room;
    size_t slots = all->count * (all->pieces > 1 ? 1 + all->pieces : 1);
    recs_status status = need_slots(room, host, slots, error);
    if (status == RECS_OK)
        status = need_waiting(all->waiting, slots, room, host, error);
    for (size_t i = 0; status == RECS_OK && i < all->count; i++) {
        recs__exact_slot *lead = &room->slots[i];
        recs__seek *seek = room->seeks[i];
        atomic_init(&lead->best, recs__pass_key(seek->topk->bar));
        start_slot(lead, seek, &room->vectors[i], seek->topk, &lead->best);
        for (size_t p = 0; all->pieces > 1 && status == RECS_OK && p < all->pieces; p++) {
            recs__exact_slot *slot = &piece_slots(all, p)[i];
            status = recs__topk_begin(&slot->own, host, seek->topk->limit, seek->topk->bar, error);
            start_slot(slot, seek, &room->vectors[i], &slot->own, &lead->best);
        }
    }
    for (size_t i = 0; status == RECS_OK && i < slots; i++) {
        room->slots[i].waiting = room->waiting + i * all->waiting;
        room->slots[i].waiting_room = recs__pass_waiting(room->slots[i].topk->limit);
    }
    return status;
}

/* What the pieces found, into the seek's own top k. */
static void merge(const search *all, size_t index) {
    recs__exact_slot *lead = &all->room->slots[index];
    for (size_t p = 0; p < all->pieces; p++) {
        recs__exact_slot *slot = &piece_slots(all, p)[index];
        lead->scanned += slot->scanned;
        lead->refined += slot->refined;
        lead->rescored += slot->rescored;
        lead->flooded |= slot->flooded;
        for (size_t i = 0; i < slot->own.count; i++)
            recs__topk_offer(lead->topk, recs__topk_score(slot->own.keys[i]),
                             recs__topk_row(slot->own.keys[i]));
    }
}

static void run(search *all, const recs_host *host) {
    if (all->pieces > 1) {
        size_t lead = all->plain ? 0 : LEAD_BLOCKS;
        if (lead != 0)
            pass(all, all->room->slots, all->count, 0, lead, 0);
        all->from = lead;
        all->piece = (all->end - lead + all->pieces - 1) / all->pieces;
        recs__run(host, run_piece, all, all->pieces);
        for (size_t i = 0; i < all->count; i++)
            merge(all, i);
    } else {
        size_t groups = (all->count + all->group - 1) / all->group;
        if (all->accept != NULL)
            for (size_t g = 0; g < groups; g++)
                run_group(all, g);
        else
            recs__run(host, run_group, all, groups);
    }
}

/* Pieces of the rows, or groups of the vectors. */
static void split(search *all, const recs_host *host) {
    bool alone = all->accept != NULL || recs__host_serial(host);
    size_t blocks = all->plain ? all->end / RECS__CODES_BLOCK : all->end;
    all->pieces = 1;
    all->group = RECS__PASS_GROUP;
    if (alone)
        return;
    if (all->count >= SPLIT_ROWS_BELOW) {
        size_t group = (all->count / 8 + 3) / 4 * 4;
        all->group = group < 16 ? 16 : group < RECS__PASS_GROUP ? group : RECS__PASS_GROUP;
        return;
    }
    size_t pieces = blocks / PIECE_BLOCKS;
    all->pieces = pieces < 2 ? 1 : pieces < PIECES_MAX ? pieces : PIECES_MAX;
}

static size_t tasks_of(const search *all) {
    return all->pieces > 1 ? all->pieces : (all->count + all->group - 1) / all->group;
}

/* ---- the search --------------------------------------------------------------------------- */

static search plan(const recs__space *space, const recs__accept *accept, recs__exact_room *room,
                   const recs_host *host, bool plain, size_t count, size_t waiting) {
    search all = {.space = space,
                  .accept = accept,
                  .room = room,
                  .count = count,
                  .waiting = waiting,
                  .plain = plain};
    all.end = plain ? space->stored.rows : space->codes->blocks;
    split(&all, host);
    return all;
}

/* Room for either way and any split of count vectors, so that a search that has
 * begun can be finished. */
static recs_status reserve(const recs__space *space, const recs__accept *accept, size_t count,
                           size_t waiting, recs__exact_room *room, const recs_host *host,
                           recs_error *error) {
    search plain = plan(space, accept, room, host, true, count, waiting);
    size_t tasks = tasks_of(&plain);
    /* Fewer vectors may be split by rows after all. */
    if (tasks < PIECES_MAX && plain.end / RECS__CODES_BLOCK / PIECE_BLOCKS > tasks)
        tasks = PIECES_MAX;
    recs_status status = need_vectors(space, count, room, host, error);
    if (status == RECS_OK)
        status = need_slots(room, host, count, error);
    if (status == RECS_OK)
        status = need_waiting(waiting, count, room, host, error);
    if (status == RECS_OK)
        status = need_wide(space, waiting, tasks, room, host, error);
    return status;
}

/* The search of room->seeks [count] one way. Where there is no memory for pieces of
 * the rows they are searched as one. */
static search go(const recs__space *space, const recs__accept *accept, recs__exact_room *room,
                 const recs_host *host, bool plain, size_t count, size_t waiting) {
    search all = plan(space, accept, room, host, plain, count, waiting);
    if (start_slots(&all, host, NULL) != RECS_OK) {
        all.pieces = 1;
        start_slots(&all, host, NULL);
    }
    run(&all, host);
    for (size_t i = 0; i < count; i++) {
        room->seeks[i]->scanned += room->slots[i].scanned;
        if (!plain) {
            room->seeks[i]->refined += room->slots[i].refined;
            room->seeks[i]->rescored += room->slots[i].rescored;
        }
    }
    return all;
}

/* Vectors whose codes decided too little start again, plainly, with the bar they
 * came to. Returns their number, at the front of room->seeks. */
static size_t flooded(const search *all, const recs_host *host) {
    recs__exact_room *room = all->room;
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const recs__exact_slot *slot = &room->slots[i];
        recs__seek *seek = room->seeks[i];
        if (!slot->flooded)
            continue;
        float bar = seek->topk->bar, best = recs__pass_bar(atomic_load(&slot->best));
        bar = best > bar ? best : bar;
        if (bar > slot->floor) /* a row that ties with it may enter again */
            bar = nextafterf(bar, -INFINITY);
        recs__topk_begin(seek->topk, host, seek->topk->limit, bar, NULL);
        seek->way = RECS__WAY_PLAIN;
        room->seeks[count++] = seek;
    }
    return count;
}

static bool among(recs__seek *const *some, size_t count, const recs__seek *seek) {
    for (size_t i = 0; i < count; i++)
        if (some[i] == seek)
            return true;
    return false;
}

recs_status recs__exact_search(const recs__space *space, recs__seek *seeks, size_t count,
                               const recs__accept *accept, recs__exact_room *room,
                               const recs_host *host, recs_error *error) {
    size_t waiting = 0;
    for (size_t i = 0; space->codes != NULL && i < count; i++) {
        size_t needed = recs__pass_waiting(seeks[i].topk->limit);
        waiting = needed > waiting ? needed : waiting;
    }
    recs_status status = reserve(space, accept, count, waiting, room, host, error);
    if (status != RECS_OK)
        return status;
    size_t coded = 0, plain = 0, bytes = recs__codes_room(space->stored.dims);
    for (size_t i = 0; i < count; i++) {
        recs__seek *seek = &seeks[i];
        recs__code_vector *vector = &room->vectors[coded];
        *vector = (recs__code_vector){.scale = 0};
        if (space->codes != NULL)
            recs__codes_query(vector, seek->vector, space->stored.dims, count >= MANY,
                              room->codes + coded * bytes);
        seek->way = way_of(space, seek, vector);
        seek->scanned = seek->refined = seek->rescored = 0;
        if (seek->way == RECS__WAY_CODES)
            room->seeks[coded++] = seek;
    }
    if (coded != 0) {
        search all = go(space, accept, room, host, false, coded, waiting);
        plain = flooded(&all, host);
    }
    for (size_t i = 0; i < count; i++) {
        if (seeks[i].way == RECS__WAY_LIST) {
            recs__exact_slot *slot = &room->slots[0];
            atomic_init(&slot->best, recs__pass_key(seeks[i].topk->bar));
            start_slot(slot, &seeks[i], NULL, seeks[i].topk, &slot->best);
            recs__pass_list(space, slot, accept, room->wide);
            seeks[i].scanned = slot->scanned;
        } else if (seeks[i].way == RECS__WAY_PLAIN && !among(room->seeks, plain, &seeks[i])) {
            room->seeks[plain++] = &seeks[i];
        }
    }
    if (plain != 0)
        go(space, accept, room, host, true, plain, waiting);
    return RECS_OK;
}
