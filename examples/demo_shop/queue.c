/*
 * queue.c - events waiting for their time: a binary heap of small keys over
 * a pool of events. Push and pop are O(log waiting); memory is 68 bytes for
 * each event of the largest number ever waiting, rounded up to a power of two.
 */
#include "shop.h"

#include <stdlib.h>

typedef struct shop_queue_key key;

static bool before(const key *a, const key *b)
{
    /* The sequence number may wrap: only its distance counts. */
    return a->time != b->time ? a->time < b->time : (int32_t)(a->seq - b->seq) < 0;
}

static int grow(shop_queue *queue)
{
    uint32_t capacity = queue->capacity ? queue->capacity * 2 : 4096;
    key *keys = realloc(queue->keys, (size_t)capacity * sizeof *keys);
    if (keys != NULL)
        queue->keys = keys;
    shop_event *pool = realloc(queue->pool, (size_t)capacity * sizeof *pool);
    if (pool != NULL)
        queue->pool = pool;
    uint32_t *unused = realloc(queue->unused, (size_t)capacity * sizeof *unused);
    if (unused != NULL)
        queue->unused = unused;
    if (keys == NULL || pool == NULL || unused == NULL)
        return shop_fail("out of memory for %u waiting events", capacity);
    for (uint32_t slot = capacity; slot > queue->capacity; slot--)
        queue->unused[queue->unused_count++] = slot - 1;
    queue->capacity = capacity;
    return 0;
}

int shop_queue_push(shop_queue *queue, const shop_event *event)
{
    if (queue->unused_count == 0 && grow(queue) != 0)
        return -1;
    key new_key = {event->time, queue->seq++, queue->unused[--queue->unused_count]};
    queue->pool[new_key.slot] = *event;
    uint32_t at = queue->count++;
    if (queue->count > queue->peak)
        queue->peak = queue->count;
    while (at > 0 && before(&new_key, &queue->keys[(at - 1) / 2])) {
        queue->keys[at] = queue->keys[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->keys[at] = new_key;
    return 0;
}

void shop_queue_pop(shop_queue *queue, shop_event *event)
{
    uint32_t slot = queue->keys[0].slot;
    *event = queue->pool[slot];
    queue->unused[queue->unused_count++] = slot;
    key last = queue->keys[--queue->count];
    uint32_t at = 0, child;
    while ((child = 2 * at + 1) < queue->count) {
        if (child + 1 < queue->count && before(&queue->keys[child + 1], &queue->keys[child]))
            child++;
        if (!before(&queue->keys[child], &last))
            break;
        queue->keys[at] = queue->keys[child];
        at = child;
    }
    if (queue->count > 0)
        queue->keys[at] = last;
}

void shop_queue_destroy(shop_queue *queue)
{
    free(queue->keys);
    free(queue->pool);
    free(queue->unused);
}
