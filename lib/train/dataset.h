/* dataset.h - the inside of recs_dataset, for the files that fill, cut, net
 * and write it. dataset.c owns it. */
#ifndef RECS_TRAIN_DATASET_H
#define RECS_TRAIN_DATASET_H

#include "recs/train.h"
#include "train/item_columns.h"
#include "train/intern.h"
#include "train/log.h"
#include "train/problems.h"
#include "train/settings.h"

/* What the value rules did, known once a training was built. */
typedef struct recs__netting {
    bool known;
    uint64_t users, items;       /* with a row of their own in a model        */
    uint64_t interactions;       /* pairs of user and item with a history     */
    uint64_t positive, disliked; /* of them                                   */
    uint64_t returns_netted;     /* returns that cancelled a sale, even in part */
    uint64_t returns_alone;      /* returns without a sale, or beyond it      */
    uint64_t sales_cancelled;    /* sales of which nothing is left            */
    uint64_t pairs_cancelled;    /* pairs of which nothing is left            */
    uint64_t duplicates_merged;  /* events joined with one before             */
    uint64_t guests;             /* events without a user that count          */
    uint64_t recommended;        /* events from recommendations               */
    uint64_t recommended_evidence; /* of them                                 */
    double recommended_weight;   /* what that evidence counts in all          */
    int64_t last_tick;           /* when progress was told last               */
} recs__netting;

/* Counts of reading. */
typedef struct recs__figures {
    uint64_t rows, used, outside, dropped_items, out_of_order;
    uint64_t item_rows;
    double lowest, highest; /* values (ratings) seen; lowest > highest: none */
} recs__figures;

struct recs_dataset {
    recs_host host;
    recs__settings settings;
    uint32_t limit; /* users and items at most; tests lower it */
    uint64_t part_events; /* events ordered at once; 0: by memory; tests lower it */
    recs__spill *spill;   /* of the log, under a memory budget; else NULL */

    recs__intern users, items, baskets, sessions, places, segments;
    recs__log log;
    recs__figures figures;
    recs__problems problems;

    /* Titles of the log's items: place in title_bytes + 1, 0: none. */
    char *title_bytes;
    size_t title_used, title_capacity;
    uint64_t *titles;
    size_t title_count, titles_capacity;

    recs__catalogue catalogue;

    char *sources; /* a line per file read */
    size_t sources_used, sources_capacity;
    char *report;
    size_t report_used, report_capacity;

    recs__netting *netting; /* what a build, which takes the dataset as const, may change */

    recs_progress *progress;
    void *progress_data;
};

/* "reading films.csv", for ticks: the end of a path that is too long. */
#define RECS__STAGE_TEXT 96
void recs__dataset_stage(char out[RECS__STAGE_TEXT], const char *file);

/* What the log's columns are allocated with. Under a budget it is a spill, made
 * at the first call: NOT_FOUND, IO, MEMORY. */
recs_status recs__dataset_log_host(recs_dataset *dataset, const recs_host **host,
                                   recs_error *error);
/* Private memory held: ids, titles, catalogue, and the log where there is no
 * budget. */
uint64_t recs__dataset_private(const recs_dataset *dataset);

/* How far a dataset was, to go back to. */
typedef struct recs__mark {
    uint32_t users, items, baskets, sessions, places, segments, extras, types;
    uint64_t events;
    recs__figures figures;
    recs__problems problems;
    size_t title_used, sources_used;
} recs__mark;

void recs__dataset_mark(const recs_dataset *dataset, recs__mark *mark);
/* Undoes everything since the mark. Never fails. */
void recs__dataset_rewind(recs_dataset *dataset, const recs__mark *mark);

/* Calls the progress callback at most ten times a second. CANCELLED. */
recs_status recs__dataset_tick(const recs_dataset *dataset, const char *stage, uint64_t done,
                               uint64_t total, recs_error *error);

/* The item's title, if it has none yet. */
recs_status recs__dataset_title(recs_dataset *dataset, uint32_t item, const char *text,
                                size_t size, recs_error *error);
/* From the catalogue or else the log; NULL for none. */
const char *recs__dataset_item_title(const recs_dataset *dataset, uint32_t item, size_t *size);

/* An event whose ids are interned: bounds of time are checked, figures kept. */
recs_status recs__dataset_event(recs_dataset *dataset, const recs__event *event,
                                recs_error *error);
/* Whether an event at that time is within after and before. */
bool recs__dataset_within(const recs_dataset *dataset, int64_t time);

/* Appends formatted text. MEMORY. */
recs_status recs__dataset_print(const recs_host *host, char **text, size_t *used,
                                size_t *capacity, recs_error *error, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The type of events without one: as set, else rating when values were read,
 * buy when quantities or baskets were, else view. */
int32_t recs__dataset_default_type(const recs_dataset *dataset);

/* The events that are marked as wanted, as a dataset of its own with the rules and
 * the catalogue of the whole (split.c). marks: one per event. name is the line of
 * its report. */
recs_status recs__split_part(const recs_dataset *from, const uint8_t *marks, uint8_t wanted,
                             const char *name, recs_dataset **part, recs_error *error);

/* Readers of the formats, from the first record on (read.c chooses). */
recs_status recs__read_csv(recs_dataset *dataset, recs__csv *csv, recs_error *error);
recs_status recs__read_lightgcn(recs_dataset *dataset, recs__csv *csv, recs_error *error);
recs_status recs__read_input(recs_dataset *dataset, recs__input *input, recs_error *error);

#endif
