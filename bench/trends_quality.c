/* trends_quality.c - how well the list of a place at midnight tells its next day.
 *
 * A case is a place and one of its days (by its own clock) with events. Truth
 * are the day's pairs of actor and item, each once. Of the list of 20 as it was
 * at midnight: hit rate, the share of the pairs whose item is in it, and ndcg,
 * the gain of an item its number of actors. Micro: cases weigh by their pairs;
 * macro: the mean over places of the mean over their days.
 *
 * Baselines count the same pairs: a window or decayed count of the place alone,
 * each also filled up from the places above, and everywhere's list. Of every
 * family, ours included, the setting is the one best on the tuning part (the
 * mean of micro and macro ndcg); the test part comes after it. Intervals: 95 %
 * of 1,000 resamples, of days for micro, of places for macro, the same for both
 * sides of a difference.
 *
 *     build/bench/trends_quality PREFIX TUNE TEST END DEPTH     (times in ms)
 *
 * "librecs" shows every place's list, as the baselines do; "librecs, min_actors=3" hides
 * those of places with fewer visitors, which is the default and no other family does.
 *
 * One JSON line a family. */
#include "trends_replayer.h"

#include <math.h>

enum { TOP = 20, RESAMPLES = 1000, BUCKETS = 4 };
#define FOREVER 1e9

/* ---- plain counts ------------------------------------------------------------------ */

typedef struct counter {
    bool decays;
    double days;
} counter;

static const counter counters[] = {{false, 1},  {false, 3},  {false, 7},   {false, 14},
                                   {false, 28}, {false, 56}, {false, 112}, {false, FOREVER},
                                   {true, 1.5}, {true, 2},   {true, 4},    {true, 7},
                                   {true, 14},  {true, 28},  {true, 56},   {true, 112}};
enum { COUNTERS = sizeof counters / sizeof *counters, FOREVER_AT = 7, MONTH_AT = 4 };

typedef struct node {
    uint32_t *items, item_count; /* that ever come at the place                  */
    uint32_t *events, event_count, next, left[COUNTERS];
    int32_t *index;              /* of an item of the log in items; -1           */
    double *counts;              /* [item][counter]                              */
    double month;                /* pairs in the last 28 days                    */
} node;

typedef struct evaluation {
    event_log log;
    node *nodes;
    int64_t began;
} evaluation;

static void nodes_open(evaluation *v) {
    const event_log *log = &v->log;
    v->nodes = bench_alloc(log->place_count, sizeof *v->nodes);
    v->began = log->events[0].time;
    for (uint32_t p = 0; p < log->place_count; p++) {
        v->nodes[p].index = bench_alloc(log->item_count, sizeof *v->nodes[p].index);
        memset(v->nodes[p].index, 0xff, log->item_count * sizeof *v->nodes[p].index);
    }
    /* Sizes first, then contents. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t e = 0; e < log->count; e++)
            for (int p = (int)log->events[e].place; p >= 0 && log->events[e].counts;
                 p = log->parents[p]) {
                node *n = &v->nodes[p];
                uint32_t item = log->events[e].item;
                if (pass == 0) {
                    n->event_count++;
                    if (n->index[item] < 0)
                        n->index[item] = (int32_t)n->item_count++;
                } else {
                    n->events[n->event_count++] = (uint32_t)e;
                    n->items[n->index[item]] = item;
                }
            }
        for (uint32_t p = 0; p < log->place_count && pass == 0; p++) {
            node *n = &v->nodes[p];
            n->items = bench_alloc(n->item_count, sizeof *n->items);
            n->events = bench_alloc(n->event_count, sizeof *n->events);
            n->counts = bench_alloc((size_t)n->item_count * COUNTERS, sizeof *n->counts);
            n->event_count = 0;
        }
    }
}

static double grown(const evaluation *v, int64_t time, double days) {
    return exp2((double)(time - v->began) / (double)DAY / days);
}

/* Events before now are in, those older than a window out. */
static void node_update(evaluation *v, node *n, int64_t now) {
    for (; n->next < n->event_count && v->log.events[n->events[n->next]].time < now; n->next++) {
        const log_event *event = &v->log.events[n->events[n->next]];
        double *counts = n->counts + (size_t)n->index[event->item] * COUNTERS;
        for (int c = 0; c < COUNTERS; c++)
            counts[c] += counters[c].decays ? grown(v, event->time, counters[c].days) : 1.0;
        n->month += 1.0;
    }
    for (int c = 0; c < COUNTERS; c++) {
        if (counters[c].decays || counters[c].days == FOREVER)
            continue;
        int64_t oldest = now - (int64_t)counters[c].days * DAY;
        for (; n->left[c] < n->next; n->left[c]++) {
            const log_event *event = &v->log.events[n->events[n->left[c]]];
            if (event->time >= oldest)
                break;
            n->counts[(size_t)n->index[event->item] * COUNTERS + (size_t)c] -= 1.0;
            n->month -= c == MONTH_AT ? 1.0 : 0.0;
        }
    }
}

/* Ties: more of all time first, then the log's order. */
static bool before(const node *n, int c, uint32_t a, uint32_t b) {
    const double *x = n->counts + (size_t)a * COUNTERS, *y = n->counts + (size_t)b * COUNTERS;
    if (x[c] != y[c])
        return x[c] > y[c];
    return x[FOREVER_AT] != y[FOREVER_AT] ? x[FOREVER_AT] > y[FOREVER_AT] : a < b;
}

/* Appends the place's best to a list that may have some already; the new length. */
static size_t node_top(const node *n, int c, uint32_t list[TOP], size_t had) {
    uint32_t best[2 * TOP];
    size_t used = 0;
    for (uint32_t i = 0; i < n->item_count; i++) {
        if (!(n->counts[(size_t)i * COUNTERS + (size_t)c] > 0.5e-6))
            continue;
        if (used == 2 * TOP && !before(n, c, i, best[used - 1]))
            continue;
        size_t at = used < 2 * TOP ? used++ : used - 1;
        for (; at > 0 && before(n, c, i, best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = i;
    }
    for (size_t b = 0; b < used && had < TOP; b++) {
        bool there = false;
        for (size_t l = 0; l < had; l++)
            there |= list[l] == n->items[best[b]];
        if (!there)
            list[had++] = n->items[best[b]];
    }
    return had;
}

/* ---- families ------------------------------------------------------------------------- */

enum { PLACE_ALONE, PLACE_FILLED, ROOT };

typedef struct variant {
    const char *family;
    int how, counter;    /* a baseline                              */
    int state;           /* ours: which; -1                         */
    int64_t half_life;   /* ours */
    char name[64];
} variant;

static const double half_lives[] = {2, 4, 7, 14, 28};
static const double priors[] = {0.1, 20}, owns[] = {0, 30, 1000};
static const double weeklies[] = {0.2, 0.4}; /* with profiles: prior 0.1, own 0 */
static const int floors[] = {0, 3}; /* min_actors: with and without the default's privacy */
enum {
    HALF_LIVES = 5,
    PRIORS = 2,
    OWNS = 3,
    FLOORS = 2,
    PROFILES = 2,
    PLAIN = PRIORS * OWNS * FLOORS, /* states without a profile of weekdays */
    STATES = PLAIN + PROFILES * FLOORS,
    VARIANTS = HALF_LIVES * STATES + 3 * COUNTERS
};

/* min_actors of a state. */
static int floor_of(int x) {
    return floors[x < PLAIN ? x / (OWNS * PRIORS) : (x - PLAIN) / PROFILES];
}

static size_t variants_make(variant out[VARIANTS]) {
    static const char *const names[2][3] = {
        {"window", "window, filled from above", "everywhere, window"},
        {"decay", "decay, filled from above", "everywhere, decay"}};
    size_t used = 0;
    for (int x = 0; x < STATES; x++)
        for (int h = 0; h < HALF_LIVES; h++) {
            variant *v = &out[used++];
            *v = (variant){.family = floor_of(x) ? "librecs, min_actors=3" : "librecs",
                           .state = x,
                           .half_life = (int64_t)(half_lives[h] * (double)DAY)};
            if (x < PLAIN)
                snprintf(v->name, sizeof v->name, "half_life=%gd, prior=%g, own=%g",
                         half_lives[h], priors[x / OWNS % PRIORS], owns[x % OWNS]);
            else
                snprintf(v->name, sizeof v->name, "half_life=%gd, prior=0.1, weekly=%g",
                         half_lives[h], weeklies[x % PROFILES]);
        }
    for (int how = PLACE_ALONE; how <= ROOT; how++)
        for (int c = 0; c < COUNTERS; c++) {
            variant *x = &out[used++];
            *x = (variant){.family = names[counters[c].decays][how], .how = how, .counter = c,
                           .state = -1};
            snprintf(x->name, sizeof x->name, counters[c].days == FOREVER ? "all time" : "%g days",
                     counters[c].days);
        }
    return used;
}

/* ---- cases ------------------------------------------------------------------------------ */

typedef struct one_case {
    int64_t midnight, day;
    uint32_t place;
    bool test;
    int bucket;
    double pairs;
} one_case;

static int by_midnight(const void *left, const void *right) {
    const one_case *a = left, *b = right;
    if (a->midnight != b->midnight)
        return a->midnight < b->midnight ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static one_case *cases_make(const evaluation *v, int64_t tune, int64_t test, int64_t end,
                            int depth, size_t *count) {
    size_t room = 0;
    one_case *cases = NULL;
    *count = 0;
    for (uint32_t p = 0; p < v->log.place_count; p++) {
        int64_t last = INT64_MIN;
        const node *n = &v->nodes[p];
        for (uint32_t e = 0; e < n->event_count && log_depth(&v->log, p) == depth; e++) {
            const log_event *event = &v->log.events[n->events[e]];
            int64_t day = (event->time + event->offset) / DAY;
            if (day == last || event->time < tune || event->time >= end)
                continue;
            if (*count == room) {
                room = room ? 2 * room : 4096;
                cases = realloc(cases, room * sizeof *cases);
                if (!cases)
                    exit(1);
            }
            last = day;
            int64_t midnight = day * DAY - event->offset;
            cases[(*count)++] = (one_case){midnight, day, p, midnight >= test, 0, 0.0};
        }
    }
    qsort(cases, *count, sizeof *cases, by_midnight);
    return cases;
}

/* Gains of the case's day; their ideal dcg, and how many pairs. */
static double truth(const evaluation *v, one_case *k, double *gains, double *pairs) {
    const node *n = &v->nodes[k->place];
    double best[TOP] = {0}, ideal = 0.0;
    *pairs = 0.0;
    for (uint32_t e = n->next; e < n->event_count; e++) {
        const log_event *event = &v->log.events[n->events[e]];
        if (event->time >= k->midnight + DAY)
            break;
        gains[event->item] += 1.0;
        *pairs += 1.0;
    }
    for (uint32_t i = 0; i < n->item_count; i++) {
        double gain = gains[n->items[i]];
        int at = TOP - 1;
        if (!(gain > best[at]))
            continue;
        for (; at > 0 && gain > best[at - 1]; at--)
            best[at] = best[at - 1];
        best[at] = gain;
    }
    for (int i = 0; i < TOP; i++)
        ideal += best[i] / log2(i + 2);
    return ideal;
}

typedef struct score {
    float hit, ndcg;
} score;

static score judge(const uint32_t *list, size_t count, const double *gains, double pairs,
                   double ideal) {
    double hits = 0.0, dcg = 0.0;
    for (size_t i = 0; i < count; i++) {
        hits += gains[list[i]];
        dcg += gains[list[i]] / log2((double)i + 2);
    }
    return (score){(float)(hits / pairs), (float)(dcg / ideal)};
}

static void evaluate_case(evaluation *v, one_case *k, const variant *variants, size_t count,
                          replayer *states, double *gains, score *out) {
    uint32_t list[TOP];
    for (int p = (int)k->place; p >= 0; p = v->log.parents[p])
        node_update(v, &v->nodes[p], k->midnight);
    double month = v->nodes[k->place].month;
    k->bucket = month < 10 ? 0 : month < 100 ? 1 : month < 1000 ? 2 : 3;
    double ideal = truth(v, k, gains, &k->pairs);
    for (int s = 0; s < STATES; s++)
        replay_until(&states[s], k->midnight);
    for (size_t x = 0; x < count; x++) {
        size_t used = 0;
        if (variants[x].state >= 0) {
            used = replay_ask(&states[variants[x].state], k->place, k->midnight,
                              RECS_RANK_POPULAR, variants[x].half_life, TOP, list);
        } else {
            int p = variants[x].how == ROOT ? 0 : (int)k->place;
            used = node_top(&v->nodes[p], variants[x].counter, list, 0);
            while (variants[x].how == PLACE_FILLED && used < TOP && (p = v->log.parents[p]) >= 0)
                used = node_top(&v->nodes[p], variants[x].counter, list, used);
        }
        out[x] = judge(list, used, gains, k->pairs, ideal);
    }
    const node *n = &v->nodes[k->place];
    for (uint32_t i = 0; i < n->item_count; i++)
        gains[n->items[i]] = 0.0;
}

/* ---- means and intervals ---------------------------------------------------------------- */

typedef struct results {
    const one_case *cases;
    const score *scores; /* [case][variant] */
    size_t cases_count, variants;
    uint32_t places;
} results;

/* [micro, macro][hit, ndcg]; weights of days and places: how often each was drawn. */
static void means(const results *r, size_t at, bool test, const uint32_t *days,
                  const uint32_t *places, double out[2][2]) {
    double weight = 0.0, drawn = 0.0;
    double(*sums)[3] = bench_alloc(r->places, sizeof *sums);
    memset(out, 0, 2 * sizeof *out);
    for (size_t c = 0; c < r->cases_count; c++) {
        const one_case *k = &r->cases[c];
        const score *s = &r->scores[c * r->variants + at];
        if (k->test != test)
            continue;
        double times = days ? (double)days[k->day - r->cases[0].day + 2] : 1.0;
        out[0][0] += times * k->pairs * (double)s->hit;
        out[0][1] += times * k->pairs * (double)s->ndcg;
        weight += times * k->pairs;
        sums[k->place][0] += (double)s->hit;
        sums[k->place][1] += (double)s->ndcg;
        sums[k->place][2] += 1.0;
    }
    for (uint32_t p = 0; p < r->places; p++) {
        double times = places ? (double)places[p] : 1.0;
        if (sums[p][2] == 0.0)
            continue;
        out[1][0] += times * sums[p][0] / sums[p][2];
        out[1][1] += times * sums[p][1] / sums[p][2];
        drawn += times;
    }
    for (int m = 0; m < 2; m++) {
        out[0][m] /= weight > 0.0 ? weight : 1.0;
        out[1][m] /= drawn > 0.0 ? drawn : 1.0;
    }
    free(sums);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Differences of two variants in the test part: [micro, macro][hit, ndcg][low, high]. */
static void compare(const results *r, size_t ours, size_t other, double out[2][2][2]) {
    size_t span = (size_t)(r->cases[r->cases_count - 1].day - r->cases[0].day) + 5, live = 0;
    uint32_t *days = bench_alloc(span, sizeof *days), *known = bench_alloc(r->places + span, 4);
    uint32_t *places = bench_alloc(r->places, sizeof *places), *seen = bench_alloc(r->places, 4);
    double *drawn = bench_alloc((size_t)4 * RESAMPLES, sizeof *drawn);
    uint64_t state = 1;
    size_t day_count = 0;
    for (size_t c = 0; c < r->cases_count; c++) {
        if (!r->cases[c].test)
            continue;
        uint32_t day = (uint32_t)(r->cases[c].day - r->cases[0].day + 2);
        if (!days[day]++)
            known[day_count++] = day;
        if (!places[r->cases[c].place]++)
            seen[live++] = r->cases[c].place;
    }
    for (int b = 0; b < RESAMPLES; b++) {
        double mine[2][2], theirs[2][2];
        memset(days, 0, span * sizeof *days);
        memset(places, 0, r->places * sizeof *places);
        for (size_t d = 0; d < day_count; d++)
            days[known[bench_random(&state) % day_count]]++;
        for (size_t p = 0; p < live; p++)
            places[seen[bench_random(&state) % live]]++;
        means(r, ours, true, days, places, mine);
        means(r, other, true, days, places, theirs);
        for (int m = 0; m < 4; m++)
            drawn[m * RESAMPLES + b] = mine[m / 2][m % 2] - theirs[m / 2][m % 2];
    }
    for (int m = 0; m < 4; m++) {
        qsort(drawn + m * RESAMPLES, RESAMPLES, sizeof *drawn, by_value);
        out[m / 2][m % 2][0] = drawn[m * RESAMPLES + RESAMPLES / 40];
        out[m / 2][m % 2][1] = drawn[m * RESAMPLES + RESAMPLES - 1 - RESAMPLES / 40];
    }
    free(days);
    free(known);
    free(places);
    free(seen);
    free(drawn);
}

static void print_buckets(const results *r, size_t at) {
    static const char *const names[BUCKETS] = {"<10", "10-99", "100-999", ">=1000"};
    for (int b = 0; b < BUCKETS; b++) {
        double sum = 0.0, hits = 0.0, weight = 0.0;
        size_t cases = 0;
        for (size_t c = 0; c < r->cases_count; c++) {
            const one_case *k = &r->cases[c];
            if (!k->test || k->bucket != b)
                continue;
            sum += k->pairs * (double)r->scores[c * r->variants + at].ndcg;
            hits += k->pairs * (double)r->scores[c * r->variants + at].hit;
            weight += k->pairs;
            cases++;
        }
        if (cases)
            printf(", \"%s\": {\"cases\": %zu, \"hit\": %.6f, \"ndcg\": %.6f}", names[b], cases,
                   hits / weight, sum / weight);
    }
}

static size_t best_of(const results *r, const variant *variants, const char *family) {
    double best = -1.0;
    size_t found = 0;
    for (size_t x = 0; x < r->variants; x++) {
        double m[2][2];
        if (strcmp(variants[x].family, family) != 0)
            continue;
        means(r, x, false, NULL, NULL, m);
        if (m[0][1] + m[1][1] > best) {
            best = m[0][1] + m[1][1];
            found = x;
        }
    }
    return found;
}

static void print_family(const results *r, const variant *variants, size_t at, size_t ours) {
    double tune[2][2], test[2][2], gap[2][2][2];
    size_t cases = 0;
    for (size_t c = 0; c < r->cases_count; c++)
        cases += r->cases[c].test;
    means(r, at, false, NULL, NULL, tune);
    means(r, at, true, NULL, NULL, test);
    compare(r, ours, at, gap);
    printf("{\"family\": \"%s\", \"setting\": \"%s\", \"cases\": %zu, \"tune_micro_ndcg\": %.6f, "
           "\"tune_macro_ndcg\": %.6f, \"micro_hit\": %.6f, \"micro_ndcg\": %.6f, \"macro_hit\": "
           "%.6f, \"macro_ndcg\": %.6f", variants[at].family, variants[at].name, cases, tune[0][1],
           tune[1][1], test[0][0], test[0][1], test[1][0], test[1][1]);
    static const char *const names[4] = {"micro_hit", "micro_ndcg", "macro_hit", "macro_ndcg"};
    for (int m = 0; m < 4; m++)
        printf(", \"ahead_%s\": [%.6f, %.6f]", names[m], gap[m / 2][m % 2][0],
               gap[m / 2][m % 2][1]);
    print_buckets(r, at);
    puts("}");
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s PREFIX TUNE TEST END DEPTH\n", argv[0]);
        return 2;
    }
    static variant variants[VARIANTS];
    static replayer states[STATES];
    evaluation v = {.log = log_read(argv[1])};
    size_t count = variants_make(variants), case_count;
    nodes_open(&v);
    one_case *cases = cases_make(&v, atoll(argv[2]), atoll(argv[3]), atoll(argv[4]),
                                 atoi(argv[5]), &case_count);
    score *scores = bench_alloc(case_count * count, sizeof *scores);
    double *gains = bench_alloc(v.log.item_count, sizeof *gains);
    for (int s = 0; s < STATES; s++) {
        char settings[160];
        if (s < PLAIN)
            snprintf(settings, sizeof settings,
                     "half_life=2d|4d|7d|14d|28d|400d,prior=%g,own=%g,min_actors=%d",
                     priors[s / OWNS % PRIORS], owns[s % OWNS], floor_of(s));
        else
            snprintf(settings, sizeof settings,
                     "half_life=2d|4d|7d|14d|28d|400d,window=112d/1d,profile=112d,weekly=%g,"
                     "prior=0.1,min_actors=%d",
                     weeklies[s % PROFILES], floor_of(s));
        replay_open(&states[s], &v.log, settings);
    }
    for (size_t c = 0; c < case_count; c++)
        evaluate_case(&v, &cases[c], variants, count, states, gains, scores + c * count);
    results r = {cases, scores, case_count, count, v.log.place_count};
    size_t ours = best_of(&r, variants, "librecs");
    for (size_t x = 0; x < count; x++)
        if (x == 0 || strcmp(variants[x].family, variants[x - 1].family) != 0) {
            bool seen = false;
            for (size_t y = 0; y < x; y++)
                seen |= strcmp(variants[y].family, variants[x].family) == 0;
            if (!seen)
                print_family(&r, variants, best_of(&r, variants, variants[x].family), ours);
        }
    for (int s = 0; s < STATES; s++)
        replay_close(&states[s]);
    for (uint32_t p = 0; p < v.log.place_count; p++) {
        free(v.nodes[p].items);
        free(v.nodes[p].events);
        free(v.nodes[p].index);
        free(v.nodes[p].counts);
    }
    free(v.nodes);
    free(cases);
    free(scores);
    free(gains);
    log_free(&v.log);
    return 0;
}
