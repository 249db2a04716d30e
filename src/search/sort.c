/* sort.c - quicksort and quickselect on 64-bit keys.
 *
 * Both partition around the median of three and count their rounds; input
 * made to defeat the median falls back to a heap sort, so the cost is bounded
 * for any file and any request. */
#include "search/sort.h"

#include <stdbool.h>

#define SMALL 24

static void insertion_sort(uint64_t *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t j = i;
        for (; j > 0 && keys[j - 1] > key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

static void sift_down(uint64_t *keys, size_t root, size_t count) {
    uint64_t key = keys[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && keys[child + 1] > keys[child])
            child++;
        if (keys[child] <= key)
            break;
        keys[root] = keys[child];
    }
    keys[root] = key;
}

static void heap_sort(uint64_t *keys, size_t count) {
    for (size_t i = count / 2; i-- > 0;)
        sift_down(keys, i, count);
    for (size_t end = count; end > 1; end--) {
        uint64_t last = keys[end - 1];
        keys[end - 1] = keys[0];
        keys[0] = last;
        sift_down(keys, 0, end - 1);
    }
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c) {
    if (a > b) {
        uint64_t swap = a;
        a = b;
        b = swap;
    }
    return c <= a ? a : c >= b ? b : c;
}

/* Splits keys in two: every one before the returned index is at most every
 * one from it on; both parts hold at least one key. count >= 2. */
static size_t partition(uint64_t *keys, size_t count) {
    uint64_t pivot = median(keys[0], keys[count / 2], keys[count - 1]);
    size_t low = 0, high = count - 1;
    for (;;) {
        while (keys[low] < pivot)
            low++;
        while (keys[high] > pivot)
            high--;
        if (low >= high)
            break;
        uint64_t swap = keys[low];
        keys[low++] = keys[high];
        keys[high--] = swap;
    }
    /* The scans met: everything before low is at most the pivot. Where they
     * met on the first or last key, that key is the pivot itself. */
    if (low == 0)
        return 1;
    return low;
}

static unsigned rounds_allowed(size_t count) {
    unsigned rounds = 8;
    for (; count > 1; count >>= 1)
        rounds += 2;
    return rounds;
}

static void sort_within(uint64_t *keys, size_t count, unsigned rounds) {
    while (count > SMALL) {
        if (rounds-- == 0) {
            heap_sort(keys, count);
            return;
        }
        size_t split = partition(keys, count);
        /* The shorter part by recursion: the stack stays at log2(count). */
        if (split < count - split) {
            sort_within(keys, split, rounds);
            keys += split;
            count -= split;
        } else {
            sort_within(keys + split, count - split, rounds);
            count = split;
        }
    }
    insertion_sort(keys, count);
}

void recs__sort_keys(uint64_t *keys, size_t count) {
    bool sorted = true;
    for (size_t i = 1; sorted && i < count; i++)
        sorted = keys[i - 1] <= keys[i];
    if (!sorted)
        sort_within(keys, count, rounds_allowed(count));
}

void recs__select_keys(uint64_t *keys, size_t count, size_t keep) {
    unsigned rounds = rounds_allowed(count);
    while (count > SMALL) {
        if (rounds-- == 0) {
            heap_sort(keys, count);
            return;
        }
        size_t split = partition(keys, count);
        if (keep <= split) {
            count = split;
        } else {
            keys += split;
            keep -= split;
            count -= split;
        }
    }
    insertion_sort(keys, count);
}
