/* trends_stream.h - the stream of bench/trends.c and bench/trends_merge.c: items
 * Zipf(skew), cities Zipf(place_skew) (0: all alike) in regions under the root, actors
 * Zipf(0.8), three days. The same shape and seed make the same events in both. */
#ifndef BENCH_TRENDS_STREAM_H
#define BENCH_TRENDS_STREAM_H

#include "base/random.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR INT64_C(3600000)
#define START (INT64_C(20000) * 24 * HOUR)

typedef struct stream_shape {
    size_t events, items, cities, regions, actors;
    double skew, place_skew;
    int32_t depth; /* 2: events name cities, 1: regions, 0: the root */
    uint64_t seed;
} stream_shape;

typedef struct stream {
    uint32_t *items, *places;
    uint64_t *actors;
    int64_t *times;
    size_t count;
} stream;

static void *stream_take(size_t count, size_t size) {
    void *block = calloc(count + 1, size);
    if (!block) {
        fprintf(stderr, "no memory for %zu bytes\n", count * size);
        exit(1);
    }
    return block;
}

/* Ranks 0 .. n-1 with weight (rank + 1)^-skew, by the alias method. */
typedef struct zipf {
    double *keep;
    uint32_t *other;
    size_t count;
} zipf;

static zipf zipf_make(size_t n, double skew) {
    zipf z = {stream_take(n, 8), stream_take(n, 4), n};
    uint32_t *small = stream_take(n, 4), *large = stream_take(n, 4);
    size_t smalls = 0, larges = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += z.keep[i] = pow((double)i + 1, -skew);
    for (size_t i = 0; i < n; i++) {
        z.keep[i] *= (double)n / sum;
        z.other[i] = (uint32_t)i;
        if (z.keep[i] < 1)
            small[smalls++] = (uint32_t)i;
        else
            large[larges++] = (uint32_t)i;
    }
    while (smalls && larges) {
        uint32_t s = small[--smalls], l = large[larges - 1];
        z.other[s] = l;
        z.keep[l] -= 1 - z.keep[s];
        if (z.keep[l] < 1) {
            larges--;
            small[smalls++] = l;
        }
    }
    free(small);
    free(large);
    return z;
}

static uint32_t zipf_draw(const zipf *z, recs__random *random) {
    uint32_t at = (uint32_t)recs__random_below(random, z->count);
    return recs__random_double(random) < z->keep[at] ? at : z->other[at];
}

static void zipf_free(zipf *z) {
    free(z->keep);
    free(z->other);
}

static uint32_t *shuffled(size_t n, recs__random *random) {
    uint32_t *order = stream_take(n, 4);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t j = recs__random_below(random, i);
        uint32_t t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    return order;
}

/* Handles: items by number; place 0 is the root, then regions, then cities. */
static stream stream_make(const stream_shape *o) {
    recs__random random;
    recs__random_seed(&random, o->seed);
    stream s = {stream_take(o->events, 4), stream_take(o->events, 4), stream_take(o->events, 8), stream_take(o->events, 8),
                o->events};
    uint32_t *order = shuffled(o->items, &random); /* a popular item has any number */
    uint32_t *where = shuffled(o->cities, &random);
    zipf items = zipf_make(o->items, o->skew), cities = zipf_make(o->cities, o->place_skew),
         actors = zipf_make(o->actors, 0.8);
    for (size_t e = 0; e < o->events; e++) {
        s.items[e] = order[zipf_draw(&items, &random)];
        uint32_t city = where[zipf_draw(&cities, &random)];
        s.places[e] = o->depth == 0   ? 0
                      : o->depth == 1 ? (uint32_t)(1 + city % o->regions)
                                      : (uint32_t)(1 + o->regions + city);
        s.actors[e] = 1 + zipf_draw(&actors, &random);
        s.times[e] = START + (int64_t)((double)e / (double)o->events * 72 * (double)HOUR);
    }
    zipf_free(&items);
    zipf_free(&cities);
    zipf_free(&actors);
    free(order);
    free(where);
    return s;
}

static void stream_city(const stream_shape *o, size_t city, char name[64]) {
    snprintf(name, 64, "region-%zu/city-%zu", city % o->regions, city);
}

static void stream_region(size_t region, char name[64]) {
    snprintf(name, 64, "region-%zu", region);
}

static void stream_item(size_t item, char name[64]) { snprintf(name, 64, "item-%zu", item); }

#endif
