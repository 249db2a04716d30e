/* trends.h - what the verbs of `recs trends` share (trends.c, trends_replay.c,
 * trends_state.c, trends_print.c, trends_map.c, trends_page.c). */
#ifndef RECS_CLI_TRENDS_H
#define RECS_CLI_TRENDS_H

#include "cli.h"

enum { TRENDS_LIST = 64 }; /* places, times and files of one command line */

typedef struct trends_job {
    const command *self;
    common shared;
    data input;
    const char *files[TRENDS_LIST]; /* what stands before the options      */
    size_t file_count;
    const char *places[TRENDS_LIST], *at[TRENDS_LIST];
    size_t place_count, at_count;
    const char *segment, *settings, *save, *output, *title, *deny, *allow;
    int64_t half_life, window; /* milliseconds, 0: the first half-life     */
    int32_t ranking;
    size_t limit, shown; /* items of a list; places of a map               */
    const char *lat, *lon; /* columns of coordinates */
    char columns[2048];
    bool evidence_only, apart;

    session session;
    progress progress;
    recs_dataset *log; /* NULL: a state was read                           */
    recs_trends *trends;
    recs_query *query;
    char description[512];
} trends_job;

/* ---- trends_replay.c ------------------------------------------------------------ */

/* Reads the log and makes an empty state. False: said, *code set. */
bool trends_begin(trends_job *j, int *code);
/* Counts the log's events from one time on and before another (RECS_NO_TIME: all). */
recs_status trends_count(trends_job *j, int64_t from, int64_t until, recs_error *error);
void trends_end(trends_job *j);
int trends_replay(trends_job *j);

/* ---- trends_state.c ------------------------------------------------------------- */

/* The state of a file, to be added to or asked alone, and the titles of --items. False:
 * said, *code set. */
bool trends_load(trends_job *j, const char *path, bool add, int *code);
/* Whether a file begins as a state does. */
bool trends_is_state(const char *path);
/* The one --at, RECS_NO_TIME when there is none. False: said, *code set. */
bool trends_one_time(trends_job *j, int64_t *time, int *code);
int trends_top(trends_job *j);
int trends_merge(trends_job *j);

/* ---- trends_print.c -------------------------------------------------------------- */

/* The list of a place at a time into the query. */
recs_status trends_ask(trends_job *j, const char *place, int64_t time, recs_error *error);
/* Title of an item, NULL where none is known. */
const char *trends_title(const trends_job *j, const char *item);
const char *trends_ranking_name(int32_t ranking);
/* Of all places asked for, at a time; lists are appended to all when there is one. */
int trends_show(trends_job *j, int64_t time, json_t *all);
/* What was counted, for people. */
void trends_report(const trends_job *j);
json_t *trends_counted(const trends_job *j);

/* ---- trends_map.c: what is on the map; trends_page.c: how it looks ----------------- */

enum { TRENDS_STEPS = 60 }; /* of a sparkline */

typedef struct map_item {
    char *id, *title;
    double score, count, rise;
    double steps[TRENDS_STEPS]; /* events in each step of time            */
    uint32_t handle;
} map_item;

typedef struct map_place {
    char *name;      /* the path; "" is everywhere                         */
    uint64_t cell;   /* 0: not one of coordinates                          */
    double support, actors;
    double steps[TRENDS_STEPS];
    map_item *items;
    size_t item_count;
} map_place;

typedef struct map {
    map_place *places;
    size_t place_count, place_total;
    int64_t from, until; /* of the sparklines                              */
    int64_t asked;       /* the time of the lists                          */
    bool steps;          /* there are sparklines                           */
} map;

int trends_map(trends_job *j);
/* Writes the page beside its target and renames it. */
int trends_page(const trends_job *j, const map *m);

#endif
