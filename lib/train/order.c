/* order.c - stable counting sort by key, merge sort by time. */
#include "train/order.h"

#include <string.h>

void recs__order_by_key(uint64_t *order, uint64_t *room, uint64_t count, const uint32_t *keys,
                        uint32_t key_count, uint64_t *offsets, uint64_t *known) {
    uint64_t absent = 0;
    memset(offsets, 0, ((size_t)key_count + 1) * sizeof *offsets);
    for (uint64_t i = 0; i < count; i++)
        if (keys[order[i]] < key_count)
            offsets[keys[order[i]] + 1]++;
        else
            absent++;
    for (uint32_t k = 0; k < key_count; k++)
        offsets[k + 1] += offsets[k];
    *known = count - absent;
    uint64_t last = *known;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t key = keys[order[i]];
        room[key < key_count ? offsets[key]++ : last++] = order[i];
    }
    memmove(offsets + 1, offsets, (size_t)key_count * sizeof *offsets);
    offsets[0] = 0;
    memcpy(order, room, (size_t)count * sizeof *order);
}

static bool later(uint64_t a, uint64_t b, const int64_t *times) {
    return times[a] > times[b] || (times[a] == times[b] && a > b);
}

void recs__order_by_time(uint64_t *slice, uint64_t *room, size_t count, const int64_t *times) {
    size_t i = 1;
    while (i < count && !later(slice[i - 1], slice[i], times))
        i++;
    if (i >= count)
        return;
    if (count <= 16) {
        for (; i < count; i++) {
            uint64_t moved = slice[i];
            size_t at = i;
            for (; at > 0 && later(slice[at - 1], moved, times); at--)
                slice[at] = slice[at - 1];
            slice[at] = moved;
        }
        return;
    }
    size_t half = count / 2, a = 0, b = half, put = 0;
    recs__order_by_time(slice, room, half, times);
    recs__order_by_time(slice + half, room, count - half, times);
    memcpy(room, slice, count * sizeof *room);
    while (a < half || b < count) {
        bool take_b = a == half || (b < count && later(room[a], room[b], times));
        slice[put++] = room[take_b ? b++ : a++];
    }
}
