/* places.c - cells as paths of places, for one point, a column of them, and
 * back. */
#include "live/cells.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/events.h"

#include <math.h>
#include <string.h>

#define ROOT "geo"

/* Writes the path of the cells at the three's levels around one of level last. */
static recs_status write_path(uint64_t cell, uint32_t first, uint32_t step, uint32_t last,
                              char *place, size_t room, recs_error *error) {
    char path[RECS_PLACE_ROOM + RECS_CELL_TOKEN_ROOM + 1] = ROOT;
    size_t size = sizeof ROOT - 1;
    for (uint32_t level = first; level <= last && size < RECS_PLACE_ROOM; level += step) {
        char token[RECS_CELL_TOKEN_ROOM];
        recs_cell_token(recs_cell_parent(cell, level), token);
        path[size++] = '/';
        memcpy(path + size, token, strlen(token) + 1);
        size += strlen(token);
        if (step > last - level)
            break;
    }
    if (size >= RECS_PLACE_ROOM)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "cell levels %u to %u by %u give a place longer than %d bytes: take a "
                          "larger step",
                          first, last, step, RECS_ID_MAX);
    if (place == NULL || room <= size)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%zu bytes for a place of %zu and its NUL: RECS_PLACE_ROOM always does",
                          place != NULL ? room : 0, size);
    memcpy(place, path, size + 1);
    return RECS_OK;
}

recs_status recs_place_from_coordinates(double latitude, double longitude, uint32_t first,
                                        uint32_t step, uint32_t last, char *place, size_t room,
                                        recs_error *error) {
    recs__point p;
    recs_status status = recs__cell_levels(first, step, last, error);
    if (status == RECS_OK)
        status = recs__cell_coordinates(latitude, longitude, &p, error);
    if (status != RECS_OK)
        return status;
    return write_path(recs__cell_at(p, last), first, step, last, place, room, error);
}

recs_status recs_place_from_cell(uint64_t cell, uint32_t first, uint32_t step, char *place,
                                 size_t room, recs_error *error) {
    uint32_t level = recs_cell_level(cell);
    if (!recs_cell_valid(cell))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%016llx is not a cell",
                          (unsigned long long)cell);
    if (step == 0 || level < first || (level - first) % step != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "the cell is of level %u, expected %u or a multiple of %u more", level,
                          first, step);
    return write_path(cell, first, step, level, place, room, error);
}

uint64_t recs_place_cell(const char *place) {
    uint64_t cell = 0;
    if (place == NULL || strncmp(place, ROOT "/", sizeof ROOT) != 0)
        return 0;
    for (const char *at = place + sizeof ROOT - 1; *at == '/';) {
        char token[RECS_CELL_TOKEN_ROOM];
        size_t size = strcspn(++at, "/");
        if (size >= sizeof token)
            break;
        memcpy(token, at, size);
        token[size] = '\0';
        uint64_t inner = recs_cell_from_token(token);
        if (inner == 0 || inner == cell || (cell != 0 && !recs_cell_contains(cell, inner)))
            break;
        cell = inner;
        at += size;
    }
    return cell;
}

/* ---- events ------------------------------------------------------------------------ */

/* The paths of all points one after another into bytes; bytes NULL: only
 * their offsets. */
static recs_status write_column(const double *latitudes, const double *longitudes, size_t count,
                                const uint32_t levels[3], char *bytes, uint32_t *offsets,
                                recs_error *error) {
    uint32_t used = 0;
    for (size_t i = 0; i < count; i++) {
        char place[RECS_PLACE_ROOM] = "";
        recs_error inner = {0};
        recs_status status = RECS_OK;
        offsets[i] = used;
        if (!isnan(latitudes[i]) || !isnan(longitudes[i]))
            status = recs_place_from_coordinates(latitudes[i], longitudes[i], levels[0], levels[1],
                                                 levels[2], place, sizeof place, &inner);
        if (status != RECS_OK)
            return recs__fail(error, status, "entry %zu: %s", i, inner.text);
        size_t size = strlen(place);
        if (size > UINT32_MAX - used)
            return recs__fail(error, RECS_ERR_LIMIT,
                              "entry %zu: the places of a batch are longer than 4 GiB", i);
        if (bytes != NULL && size != 0)
            memcpy(bytes + used, place, size);
        used += (uint32_t)size;
    }
    offsets[count] = used;
    return RECS_OK;
}

recs_status recs_events_set_coordinates(recs_events *events, const double *latitudes,
                                        const double *longitudes, size_t count, uint32_t first,
                                        uint32_t step, uint32_t last, recs_error *error) {
    const uint32_t levels[3] = {first, step, last};
    recs_status status = recs__cell_levels(first, step, last, error);
    if (status == RECS_OK &&
        (events == NULL || (count != 0 && (latitudes == NULL || longitudes == NULL))))
        status = recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                            events == NULL      ? "events"
                            : latitudes == NULL ? "latitudes"
                                                : "longitudes");
    if (status != RECS_OK)
        return status;
    const recs_host *host = recs__events_host(events);
    uint32_t *offsets = recs__alloc(host, count + 1, sizeof *offsets, error);
    if (offsets == NULL)
        return RECS_ERR_MEMORY;
    char *bytes = NULL;
    status = write_column(latitudes, longitudes, count, levels, NULL, offsets, error);
    if (status == RECS_OK)
        bytes = recs__alloc(host, offsets[count], 1, error);
    if (status == RECS_OK && bytes == NULL)
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = write_column(latitudes, longitudes, count, levels, bytes, offsets, error);
    if (status == RECS_OK)
        status = recs_events_set_text(events, RECS_FIELD_PLACE, bytes, offsets, count, error);
    recs__free(host, bytes);
    recs__free(host, offsets);
    return status;
}
