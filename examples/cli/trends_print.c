/* trends_print.c - lists of trends, for people and as JSON. */
#include "trends.h"

#include <math.h>
#include <string.h>

const char *trends_title(const trends_job *j, const char *item) {
    return j->log ? recs_dataset_title(j->log, item) : NULL;
}

static recs_status deny(void *query, const char *id) {
    return recs_query_deny(query, id);
}

static recs_status allow(void *query, const char *id) {
    return recs_query_allow(query, id);
}

recs_status trends_ask(trends_job *j, const char *place, int64_t time, recs_error *error) {
    recs_query *q = j->query;

    recs_query_reset(q);
    recs_query_place(q, place);
    recs_query_segment(q, j->segment);
    recs_query_time(q, time);
    recs_query_ranking(q, j->ranking);
    recs_query_limit(q, j->limit);
    recs_query_evidence_only(q, j->evidence_only);
    if (j->half_life)
        recs_query_half_life(q, j->half_life);
    if (j->window)
        recs_query_window(q, j->window);
    if (j->deny)
        each_part(j->deny, deny, q);
    if (j->allow)
        each_part(j->allow, allow, q);
    return recs_trending(j->trends, q, error); /* what a setter refused comes here */
}

/* ---- for people ------------------------------------------------------------------------- */

static void print_heading(const trends_job *j, const char *place, int64_t time) {
    char text[32];

    if (*place)
        print_plain(place);
    else
        fputs("everywhere", stdout);
    if (j->segment && *j->segment) {
        fputs(", ", stdout);
        print_plain(j->segment);
    }
    printf(", %s%s%s\n", trends_ranking_name(j->ranking), time == RECS_NO_TIME ? "" : ", ",
           time_text(time, text));
}

static void print_parts(const trends_job *j, size_t index) {
    double count = recs_query_trend(j->query, index, RECS_TREND_COUNT);
    double base = recs_query_trend(j->query, index, RECS_TREND_BASELINE);
    double rise = recs_query_trend(j->query, index, RECS_TREND_RISE);
    double first = recs_query_trend(j->query, index, RECS_TREND_FIRST);
    char text[32];

    if (j->ranking == RECS_RANK_TRENDING && !isnan(rise))
        printf("  [%.4g where %.4g was usual, x %.3g]", count, base, rise);
    else if (j->ranking == RECS_RANK_NEW && !isnan(first))
        printf("  [%.4g since %s]", count, time_text((int64_t)first, text));
    if (recs_query_source(j->query, index) == RECS_FROM_FILL)
        fputs("  [from the places above]", stdout);
}

static void print_list(const trends_job *j, const char *place, int64_t time) {
    size_t count = recs_query_count(j->query);

    print_heading(j, place, time);
    if (count == 0)
        puts("  nothing to show");
    for (size_t i = 0; i < count; i++) {
        const char *id = recs_query_id(j->query, i);
        printf("%4zu  %10.5g  ", i + 1, (double)recs_query_score(j->query, i));
        print_name(id, trends_title(j, id));
        print_parts(j, i);
        putchar('\n');
    }
}

void trends_report(const trends_job *j) {
    static const struct {
        int32_t counter;
        const char *text;
    } told[] = {{RECS_TRENDS_RETURNS, "of them returns"},
                {RECS_TRENDS_REPEATED, "repeats of an actor that added nothing"},
                {RECS_TRENDS_FUTURE, "refused: ahead of the clock"},
                {RECS_TRENDS_TOO_OLD, "refused: too old"},
                {RECS_TRENDS_LATE_ACTOR, "refused: their actors are no longer remembered"},
                {RECS_TRENDS_SATURATED, "sums at their end"}};
    char size[32];

    printf("%llu events counted",
           (unsigned long long)recs_trends_counter(j->trends, RECS_TRENDS_ADDED));
    for (size_t t = 0; t < sizeof told / sizeof *told; t++) {
        uint64_t count = recs_trends_counter(j->trends, told[t].counter);
        if (count)
            printf(", %llu %s", (unsigned long long)count, told[t].text);
    }
    printf("; %u places, %u items, %s\n", recs_trends_place_count(j->trends),
           recs_trends_item_count(j->trends), size_text(recs_trends_memory(j->trends), size));
}

/* ---- as JSON ------------------------------------------------------------------------------ */

json_t *trends_counted(const trends_job *j) {
    static const char *const names[RECS_TRENDS_COUNTERS] = {
        "added", "returns", "future", "too_old", "late_actor", "repeated", "weightless",
        "saturated"};
    json_t *counted = json_object();

    for (int32_t c = 0; c < RECS_TRENDS_COUNTERS; c++)
        set_count(counted, names[c], recs_trends_counter(j->trends, c));
    set_count(counted, "places", recs_trends_place_count(j->trends));
    set_count(counted, "items", recs_trends_item_count(j->trends));
    set_count(counted, "cells", recs_trends_cells(j->trends));
    set_count(counted, "bytes", recs_trends_memory(j->trends));
    set_text(counted, "settings", recs_trends_description(j->trends));
    return counted;
}

static json_t *item_json(const trends_job *j, size_t index) {
    static const char *const parts[] = {"count", "baseline", "rise", "support", "borrowed",
                                        "first"};
    const char *id = recs_query_id(j->query, index);
    bool borrowed = recs_query_source(j->query, index) == RECS_FROM_FILL;
    json_t *item = json_object();

    set_text(item, "item", id);
    set_text(item, "title", trends_title(j, id));
    set_number(item, "score", (double)recs_query_score(j->query, index));
    set_text(item, "source", borrowed ? "fill" : "trend");
    for (int32_t p = 0; p < 6; p++) {
        double value = recs_query_trend(j->query, index, p);
        if (!isnan(value))
            set_number(item, parts[p], value);
    }
    return item;
}

static void append_list(const trends_job *j, const char *place, int64_t time, json_t *all) {
    json_t *list = json_object(), *items = json_array();

    set_text(list, "place", place);
    set_text(list, "segment", j->segment);
    set_text(list, "ranking", trends_ranking_name(j->ranking));
    if (time != RECS_NO_TIME)
        json_object_set_new(list, "time", json_integer(time));
    for (size_t i = 0; i < recs_query_count(j->query); i++)
        json_array_append_new(items, item_json(j, i));
    json_object_set_new(list, "items", items);
    json_array_append_new(all, list);
}

int trends_show(trends_job *j, int64_t time, json_t *all) {
    size_t count = j->place_count ? j->place_count : 1;
    recs_error error;

    for (size_t p = 0; p < count; p++) {
        const char *place = j->place_count ? j->places[p] : "";
        if (trends_ask(j, place, time, &error))
            return fail(&error);
        if (all)
            append_list(j, place, time, all);
        else
            print_list(j, place, time);
    }
    return EXIT_OK;
}
