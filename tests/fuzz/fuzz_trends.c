/* fuzz_trends.c - any bytes as a snapshot or a delta of trends: merged into a
 * state, loaded, and asked where they lie.
 *
 * The last byte of the input is the mode and not part of it: bit 0 puts the
 * checksums right first, so that the fuzzer gets past them; bit 1 merges into a
 * state that has counted something; bit 2 opens the bytes as a mapped state instead, of
 * which no more than the header is checked, and asks it. Properties: no crash, nothing kept, no more
 * memory than the bytes can be good for; what was refused left the state as it
 * was; what was taken is written, loaded and written again as the same bytes. */
#include "fuzz.h"

#include "live/trends_image.h"
#include "recs/trends_share.h"

#include <string.h>

enum { MEMORY_LIMIT = 64 << 20 };

static const char *const description =
    "half_life=1h|1d, window=1h/10m, actors=1d, actors_kept=2, actor_share=off, candidates=16";

/* Checksums for bytes whose sections are inside. */
static void seal(unsigned char *bytes, size_t size) {
    if (size < recs__image_entry(RECS__IMAGE_SECTIONS))
        return;
    for (int s = 0; s < RECS__IMAGE_SECTIONS; s++) {
        uint64_t at, length;
        memcpy(&at, bytes + recs__image_entry((recs__image_section)s) + 8, sizeof at);
        memcpy(&length, bytes + recs__image_entry((recs__image_section)s) + 16, sizeof length);
        if (at > size || length > size - at)
            return;
    }
    uint64_t whole = size;
    memcpy(bytes + 16, &whole, sizeof whole);
    recs__trend_image_seal(bytes, size);
}

static int64_t now(void *data) {
    (void)data;
    return INT64_C(1700000000000);
}

static uint64_t fingerprint(recs_trends *trends, const recs_host *host) {
    unsigned char *bytes;
    size_t size;
    recs_trends *again;
    FUZZ_CHECK(recs_trends_snapshot(trends, &bytes, &size, NULL) == RECS_OK);
    uint64_t print = recs_trends_fingerprint(bytes, size);
    FUZZ_CHECK(print != 0);
    recs_error error = {0};
    FUZZ_CHECK(recs_trends_load_memory(&again, bytes, size, host, &error) == RECS_OK);
    recs_trends_bytes_free(trends, bytes);
    FUZZ_CHECK(recs_trends_snapshot(again, &bytes, &size, NULL) == RECS_OK);
    FUZZ_CHECK(recs_trends_fingerprint(bytes, size) == print);
    recs_trends_bytes_free(again, bytes);
    recs_trends_destroy(again);
    return print;
}

/* Everything a mapped state tells, as far as 8 places go. */
static void ask(recs_trends *mapped, const recs_host *host) {
    recs_query *query;
    recs_error error = {0};
    static const char *const paths[] = {"", "us", "us/ca", "de/by", "at"};
    FUZZ_CHECK(recs_query_create(&query, host, &error) == RECS_OK);
    for (uint32_t p = 0; p < recs_trends_place_count(mapped) && p < 8; p++) {
        (void)recs_trends_place_parent(mapped, p);
        (void)recs_trends_place_segment(mapped, p);
        (void)recs_trends_place_actors(mapped, p);
        (void)recs_trends_place_items(mapped, p);
        const char *name = recs_trends_place_name(mapped, p);
        FUZZ_CHECK(name != NULL && strlen(name) <= RECS_ID_MAX);
    }
    for (int turn = 0; turn < 60; turn++) {
        recs_query_reset(query);
        recs_query_place(query, paths[turn / 12]);
        recs_query_segment(query, turn % 2 ? "new" : NULL);
        recs_query_ranking(query, turn % 3);
        recs_query_limit(query, turn % 4 == 0 ? 100 : 3);
        recs_query_time(query, now(NULL));
        recs_status status = recs_trending(mapped, query, &error);
        FUZZ_CHECK(status == RECS_OK || error.text[0] != '\0');
        for (size_t i = 0; status == RECS_OK && i < recs_query_count(query); i++)
            FUZZ_CHECK(strlen(recs_query_id(query, i)) <= RECS_ID_MAX);
        if (status == RECS_OK && recs_query_count(query) != 0)
            (void)recs_trending_explain(mapped, query, 0, &error);
    }
    recs_query_destroy(query);
}

static void open_mapped(const unsigned char *bytes, size_t size, const recs_host *host) {
    recs_trends *mapped;
    recs_error error = {0};
    unsigned char *aligned = aligned_alloc(64, size / 64 * 64 + 64);
    memcpy(aligned, bytes, size);
    recs_status status = recs_trends_open_memory(&mapped, aligned, size, host, &error);
    if (status == RECS_OK) {
        (void)recs_trends_verify(mapped, &error);
        ask(mapped, host);
        recs_trends_destroy(mapped);
    } else {
        FUZZ_CHECK(error.status == (int32_t)status && error.text[0] != '\0');
    }
    free(aligned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    unsigned mode = data[--size];
    unsigned char *bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    if ((mode & 1) != 0)
        seal(bytes, size);
    fuzz_memory memory = {.limit = MEMORY_LIMIT};
    recs_host host = fuzz_host(&memory);
    host.now = now;
    recs_trends *trends, *loaded;
    recs_error error = {0};
    if ((mode & 4) != 0) {
        open_mapped(bytes, size, &host);
        FUZZ_CHECK(memory.refused == 0 && memory.held == 0);
        free(bytes);
        return 0;
    }
    FUZZ_CHECK(recs_trends_create(&trends, description, &host, &error) == RECS_OK);
    if ((mode & 2) != 0) {
        uint32_t item, place;
        FUZZ_CHECK(recs_trends_item(trends, "b", &item, &error) == RECS_OK);
        FUZZ_CHECK(recs_trends_place(trends, "us/ca", "new", &place, &error) == RECS_OK);
        FUZZ_CHECK(recs_trends_add_one(trends, item, place, 7, now(NULL), 1, &error) == RECS_OK);
    }
    uint64_t before = fingerprint(trends, &host);
    recs_status status = recs_trends_merge(trends, bytes, size, RECS_TRENDS_APART, &error);
    uint64_t after = fingerprint(trends, &host);
    FUZZ_CHECK(memory.refused == 0);
    if (status != RECS_OK) {
        FUZZ_CHECK(error.status == (int32_t)status && error.text[0] != '\0');
        FUZZ_CHECK(before == after);
    }
    if (recs_trends_load_memory(&loaded, bytes, size, &host, &error) == RECS_OK) {
        fingerprint(loaded, &host);
        recs_trends_destroy(loaded);
    }
    recs_trends_destroy(trends);
    free(bytes);
    FUZZ_CHECK(memory.held == 0);
    return 0;
}
