/* trends_risers.c - how well a list of what trends names the risers of the next week.
 *
 * A case is a place and a midnight (UTC) with at least 200 pairs of actor, item and day in
 * the 7 days after and in the 28 before. A riser's share of the place's pairs in those 7
 * days is at least twice that of the 28 before, with at least 10 pairs. A list of 20 is
 * judged by the risers in it over 20, whether it is full or not.
 *
 * Families count the same pairs; all but the first are plain ways that trend services
 * describe: the ratio of two windows' shares, of two exponential averages'
 * shares, the surprise (c - E) / sqrt(E) of a window against another's share, growth over the
 * window before, and the most popular. Each has a grid of windows or half-lives and of the
 * least count an item must have. Of every family, ours included, the setting is the one that
 * is best on the cases whose week ends before TEST; the others are looked at once.
 * Intervals: 95 % of 1,000 resamples of weeks of days, the same for both sides.
 *
 *     build/bench/trends_risers PREFIX TUNE TEST END DEPTH [WINDOW [MORE]]    (times in ms;
 *         WINDOW and MORE: what ours has beside its grid, "35d/6h" ",profile=35d")
 *
 * One JSON line a family. */
#include "trends_replayer.h"

#include <math.h>

enum { TOP = 20, RESAMPLES = 1000 };

/* ---- counts of a place ----------------------------------------------------------------- */

typedef struct counter {
    bool decays;
    int days;
} counter;

static const counter counters[] = {{false, 3},  {false, 7},   {false, 14}, {false, 28},
                                   {false, 56}, {false, 112}, {true, 4},   {true, 7},
                                   {true, 28},  {true, 56}};
enum { COUNTERS = sizeof counters / sizeof *counters, NEXT = COUNTERS, BEFORE, COLUMNS, MONTH = 3 };

typedef struct place_counts {
    uint32_t *items; /* of its pairs, in order of time */
    int32_t *days;
    size_t pairs, added, left[COLUMNS], ahead, behind;
    double *counts; /* [item][column]; NEXT: of the next 7 days, BEFORE: of days 14 to 8 before */
    double sums[COLUMNS];
} place_counts;

static void change(place_counts *p, size_t pair, int column, double by) {
    p->counts[(size_t)p->items[pair] * COLUMNS + (size_t)column] += by;
    p->sums[column] += by;
}

/* From the state as of midnight day - 1 to that of midnight day. */
static void place_advance(place_counts *p, uint32_t items, int32_t day) {
    for (int c = 0; c < COUNTERS; c++)
        for (uint32_t i = 0; counters[c].decays && i < items; i++)
            p->counts[(size_t)i * COLUMNS + (size_t)c] *= exp2(-1.0 / counters[c].days);
    for (int c = 0; c < COUNTERS; c++)
        p->sums[c] *= counters[c].decays ? exp2(-1.0 / counters[c].days) : 1.0;
    for (; p->added < p->pairs && p->days[p->added] < day; p->added++)
        for (int c = 0; c < COUNTERS; c++)
            change(p, p->added, c, counters[c].decays ? exp2(-0.5 / counters[c].days) : 1.0);
    for (int c = 0; c < COUNTERS; c++)
        for (; !counters[c].decays && p->left[c] < p->added &&
               p->days[p->left[c]] < day - counters[c].days;
             p->left[c]++)
            change(p, p->left[c], c, -1.0);
    for (; p->ahead < p->pairs && p->days[p->ahead] < day + 7; p->ahead++)
        change(p, p->ahead, NEXT, 1.0);
    for (; p->left[NEXT] < p->ahead && p->days[p->left[NEXT]] < day; p->left[NEXT]++)
        change(p, p->left[NEXT], NEXT, -1.0);
    for (; p->behind < p->pairs && p->days[p->behind] < day - 7; p->behind++)
        change(p, p->behind, BEFORE, 1.0);
    for (; p->left[BEFORE] < p->behind && p->days[p->left[BEFORE]] < day - 14; p->left[BEFORE]++)
        change(p, p->left[BEFORE], BEFORE, -1.0);
}

static place_counts *places_open(const event_log *log, int depth) {
    place_counts *places = bench_alloc(log->place_count, sizeof *places);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t e = 0; e < log->count; e++) {
            int p = (int)log->events[e].place;
            while (p >= 0 && log_depth(log, (uint32_t)p) > depth)
                p = log->parents[p];
            if (!log->events[e].counts || p < 0 || log_depth(log, (uint32_t)p) != depth)
                continue;
            place_counts *at = &places[p];
            if (pass == 1) {
                at->items[at->pairs] = log->events[e].item;
                at->days[at->pairs] = (int32_t)(log->events[e].time / DAY);
            }
            at->pairs++;
        }
        for (uint32_t p = 0; p < log->place_count && pass == 0; p++)
            if (places[p].pairs != 0) {
                places[p].items = bench_alloc(places[p].pairs, sizeof *places[p].items);
                places[p].days = bench_alloc(places[p].pairs, sizeof *places[p].days);
                places[p].counts = bench_alloc((size_t)log->item_count * COLUMNS, sizeof(double));
                places[p].pairs = 0;
            }
    }
    return places;
}

/* ---- families --------------------------------------------------------------------------- */

typedef enum way { OURS, RATIO, AVERAGES, SURPRISE, GROWTH, POPULAR, WAYS } way;
static const char *const way_names[WAYS] = {"librecs trending", "ratio of shares",
                                            "ratio of averages' shares", "surprise",
                                            "growth over 7 days", "popular, 7 days"};

typedef struct variant {
    way way;
    int brief, lengthy; /* counters; ours: half-life in days, state */
    double least;
    char name[80];
} variant;

static const double supports[] = {1, 3, 6, 10, 20};
static const int halves[] = {4, 7, 10, 14};
enum { SUPPORTS = 5, HALVES = 4, BASELINES = 2, STATES = SUPPORTS * BASELINES, VARIANTS = 160 };

static const char *baseline_name(int state) { return state % BASELINES ? "56d" : "28d"; }

static size_t variants_make(variant out[VARIANTS]) {
    static const struct { way way; int brief, lengthy; } pairs[] = {
        {RATIO, 0, 3}, {RATIO, 1, 3}, {RATIO, 1, 4}, {RATIO, 1, 5}, {RATIO, 2, 4}, {RATIO, 2, 5},
        {AVERAGES, 6, 8}, {AVERAGES, 7, 8}, {AVERAGES, 6, 9}, {AVERAGES, 7, 9},
        {SURPRISE, 0, 3}, {SURPRISE, 1, 3}, {SURPRISE, 1, 4}, {SURPRISE, 1, 5}, {SURPRISE, 2, 4},
        {SURPRISE, 2, 5}};
    static const double least[] = {3, 5, 8, 12};
    size_t used = 0;
    for (int s = 0; s < STATES; s++)
        for (int h = 0; h < HALVES; h++) {
            variant *v = &out[used++];
            *v = (variant){.way = OURS, .brief = halves[h], .lengthy = s};
            snprintf(v->name, sizeof v->name, "half_life=%dd, support=%g, baseline=window %s",
                     halves[h], supports[s / BASELINES], baseline_name(s));
        }
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
        for (int l = 0; l < 4; l++) {
            variant *v = &out[used++];
            *v = (variant){pairs[p].way, pairs[p].brief, pairs[p].lengthy, least[l], ""};
            snprintf(v->name, sizeof v->name, "%d over %d days, at least %g",
                     counters[v->brief].days, counters[v->lengthy].days, v->least);
        }
    out[used++] = (variant){.way = GROWTH, .name = ""};
    out[used++] = (variant){.way = POPULAR, .name = ""};
    return used;
}

static double score_of(const place_counts *p, const double *c, const variant *v) {
    double brief = c[v->brief], lengthy = c[v->lengthy];
    switch (v->way) {
    case RATIO:
    case AVERAGES:
        if (!(brief >= v->least))
            return 0.0;
        return brief / p->sums[v->brief] / (lengthy / p->sums[v->lengthy]);
    case SURPRISE: {
        /* against what the longer window has before the shorter; half a pair more */
        double rest = p->sums[v->lengthy] - p->sums[v->brief];
        double expected = (lengthy - brief + 0.5) * p->sums[v->brief] / (rest > 1.0 ? rest : 1.0);
        return brief >= v->least ? (brief - expected) / sqrt(expected) : 0.0;
    }
    case GROWTH:
        return c[1] - c[BEFORE];
    default:
        return c[1];
    }
}

static size_t best_by(const place_counts *p, uint32_t items, const variant *v,
                      uint32_t out[TOP]) {
    double scores[TOP];
    size_t used = 0;
    for (uint32_t i = 0; i < items; i++) {
        double score = score_of(p, p->counts + (size_t)i * COLUMNS, v);
        if (!(score > 0.0) || (used == TOP && !(score > scores[TOP - 1])))
            continue;
        size_t at = used < TOP ? used++ : TOP - 1;
        for (; at > 0 && score > scores[at - 1]; at--) {
            scores[at] = scores[at - 1];
            out[at] = out[at - 1];
        }
        scores[at] = score;
        out[at] = i;
    }
    return used;
}

static bool rose(const place_counts *p, uint32_t item) {
    const double *c = p->counts + (size_t)item * COLUMNS;
    return c[NEXT] >= 10.0 && c[NEXT] / p->sums[NEXT] >= 2.0 * c[MONTH] / p->sums[MONTH];
}

/* ---- cases -------------------------------------------------------------------------------- */

typedef struct results {
    int32_t *days;  /* of each case */
    uint8_t *right; /* [case][variant] */
    size_t cases, room, variants;
    double risers, chance, eligible;
} results;

static void judge(results *r, const event_log *log, replayer *states, place_counts *places,
                  uint32_t place, int32_t day, const variant *variants, bool tell) {
    place_counts *p = &places[place];
    if (r->cases == r->room) {
        r->room = r->room ? 2 * r->room : 1024;
        r->days = realloc(r->days, r->room * sizeof *r->days);
        r->right = realloc(r->right, r->room * r->variants);
        if (!r->days || !r->right)
            exit(1);
    }
    for (uint32_t i = 0; tell && i < log->item_count; i++) {
        bool risen = rose(p, i), seen = p->counts[(size_t)i * COLUMNS + 1] >= 3.0;
        r->risers += risen;
        r->eligible += seen;
        r->chance += risen && seen;
    }
    for (size_t v = 0; v < r->variants; v++) {
        uint32_t list[TOP];
        size_t count = variants[v].way == OURS
                           ? replay_ask(&states[variants[v].lengthy], place, day * DAY,
                                        RECS_RANK_TRENDING, variants[v].brief * DAY, TOP, list)
                           : best_by(p, log->item_count, &variants[v], list);
        uint8_t right = 0;
        for (size_t i = 0; i < count; i++)
            right += rose(p, list[i]);
        r->right[r->cases * r->variants + v] = right;
    }
    r->days[r->cases++] = day;
}

/* Precision@20 over the cases of a span of days; weeks: how often each was drawn. */
static double precision(const results *r, size_t v, int32_t from, int32_t until,
                        const uint32_t *weeks) {
    double right = 0.0, lists = 0.0;
    for (size_t c = 0; c < r->cases; c++) {
        if (r->days[c] < from || r->days[c] >= until)
            continue;
        double times = weeks ? (double)weeks[(r->days[c] - from) / 7] : 1.0;
        right += times * r->right[c * r->variants + v];
        lists += times;
    }
    return lists > 0.0 ? right / (TOP * lists) : 0.0;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void compare(const results *r, size_t ours, size_t other, int32_t from, int32_t until,
                    double out[2]) {
    static double drawn[RESAMPLES];
    uint64_t state = 1;
    size_t span = (size_t)(until - from + 6) / 7;
    uint32_t *weeks = bench_alloc(span, sizeof *weeks);
    for (int b = 0; b < RESAMPLES; b++) {
        memset(weeks, 0, span * sizeof *weeks);
        for (size_t w = 0; w < span; w++)
            weeks[bench_random(&state) % span]++;
        drawn[b] = precision(r, ours, from, until, weeks) -
                   precision(r, other, from, until, weeks);
    }
    qsort(drawn, RESAMPLES, sizeof *drawn, by_value);
    out[0] = drawn[RESAMPLES / 40];
    out[1] = drawn[RESAMPLES - 1 - RESAMPLES / 40];
    free(weeks);
}

static size_t best_of(const results *r, const variant *variants, way w, int32_t from,
                      int32_t until) {
    size_t best = SIZE_MAX;
    double most = -1.0;
    for (size_t v = 0; v < r->variants; v++) {
        double here = variants[v].way == w ? precision(r, v, from, until, NULL) : -1.0;
        if (here > most) {
            most = here;
            best = v;
        }
    }
    return best;
}

int main(int argc, char **argv) {
    if (argc < 6 || argc > 8) {
        fprintf(stderr, "usage: %s PREFIX TUNE TEST END DEPTH\n", argv[0]);
        return 2;
    }
    static variant variants[VARIANTS];
    static replayer states[STATES];
    event_log log = log_read(argv[1]);
    int32_t tune = (int32_t)(atoll(argv[2]) / DAY), test = (int32_t)(atoll(argv[3]) / DAY),
            end = (int32_t)(atoll(argv[4]) / DAY), first = (int32_t)(log.events[0].time / DAY);
    results r = {.variants = variants_make(variants)};
    place_counts *places = places_open(&log, atoi(argv[5]));
    for (int s = 0; s < STATES; s++) {
        char settings[300];
        snprintf(settings, sizeof settings,
                 "half_life=4d|7d|10d|14d|28d,window=%s/4d%s%s,baseline=%s,support=%g,min_share=0%s",
                 baseline_name(s), argc > 6 && argv[6][0] ? "|" : "", argc > 6 ? argv[6] : "",
                 baseline_name(s), supports[s / BASELINES], argc > 7 ? argv[7] : "");
        replay_open(&states[s], &log, settings);
    }
    for (int32_t day = first; day + 7 <= end; day++) {
        for (uint32_t p = 0; p < log.place_count; p++)
            if (places[p].pairs != 0)
                place_advance(&places[p], log.item_count, day);
        for (int s = 0; s < STATES && day >= tune; s++)
            replay_until(&states[s], day * DAY);
        for (uint32_t p = 0; p < log.place_count && day >= tune; p++)
            if (places[p].pairs != 0 && places[p].sums[NEXT] >= 200.0 &&
                places[p].sums[MONTH] >= 200.0 && (day + 7 <= test || day >= test))
                judge(&r, &log, states, places, p, day, variants, day >= test);
    }
    size_t cases = 0, ours = best_of(&r, variants, OURS, tune, test);
    for (size_t c = 0; c < r.cases; c++)
        cases += r.days[c] >= test;
    for (int w = 0; w < WAYS; w++) {
        size_t v = best_of(&r, variants, (way)w, tune, test);
        double gap[2];
        compare(&r, ours, v, test, end, gap);
        printf("{\"way\": \"%s\", \"setting\": \"%s\", \"lists\": %zu, \"tune\": %.6f, "
               "\"precision\": %.6f, \"ahead\": [%.6f, %.6f], \"risers_a_list\": %.4f, "
               "\"by_chance\": %.6f}\n", way_names[w], variants[v].name, cases,
               precision(&r, v, tune, test, NULL), precision(&r, v, test, end, NULL), gap[0],
               gap[1], r.risers / (double)(cases ? cases : 1),
               r.eligible > 0 ? r.chance / r.eligible : 0.0);
    }
    for (int s = 0; s < STATES; s++)
        replay_close(&states[s]);
    for (uint32_t p = 0; p < log.place_count; p++) {
        free(places[p].items);
        free(places[p].days);
        free(places[p].counts);
    }
    free(places);
    free(r.days);
    free(r.right);
    log_free(&log);
    return 0;
}
