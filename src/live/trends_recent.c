/* trends_recent.c - the lines of trends_recent.h, under 64 locks. */
#include "live/trends_recent.h"

#include <pthread.h>
#include <string.h>

enum { HASHES = 15, LOCKS = 64 };

typedef struct recent_line {
    uint32_t hashes[HASHES]; /* 0: free */
    uint32_t next;           /* to be replaced */
} recent_line;

struct recs__trend_recent {
    size_t lines;
    recent_line *line;
    pthread_mutex_t locks[LOCKS];
};

recs_status recs__trend_recent_create(recs__trend_recent **recent, size_t bytes,
                                      const recs_host *host, recs_error *error) {
    *recent = NULL;
    recs__trend_recent *made = recs__alloc(host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->lines = bytes / sizeof(recent_line) + 1;
    made->line = recs__alloc_aligned(host, made->lines, sizeof(recent_line), error);
    if (made->line == NULL) {
        recs__free(host, made);
        return RECS_ERR_MEMORY;
    }
    memset(made->line, 0, made->lines * sizeof(recent_line));
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_init(&made->locks[i], NULL); /* cannot fail here */
    *recent = made;
    return RECS_OK;
}

void recs__trend_recent_destroy(recs__trend_recent *recent, const recs_host *host) {
    if (recent == NULL)
        return;
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&recent->locks[i]);
    recs__free_aligned(host, recent->line);
    recs__free(host, recent);
}

bool recs__trend_recent_seen(recs__trend_recent *recent, uint64_t key) {
    size_t at = (size_t)((key >> 32) * (uint64_t)recent->lines >> 32);
    uint32_t hash = (uint32_t)key != 0 ? (uint32_t)key : 1;
    recent_line *line = &recent->line[at];
    bool seen = false;
    pthread_mutex_lock(&recent->locks[at % LOCKS]);
    for (int i = 0; i < HASHES; i++)
        seen |= line->hashes[i] == hash;
    if (!seen) {
        line->hashes[line->next] = hash;
        line->next = (line->next + 1) % HASHES;
    }
    pthread_mutex_unlock(&recent->locks[at % LOCKS]);
    return seen;
}
