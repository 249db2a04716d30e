/* cover.c - a bounded number of cells that hold a circle on the sphere.
 *
 * All cells of the first level that the circle touches, then level by level
 * those on its edge give way to the cells of the next level in them that it
 * touches, those with the fewest first, as long as the number stays allowed.
 * A cell inside the circle stays as it is. "Touches" is measured on great
 * circles with a micrometre to spare, so that rounding loses no point.
 *
 * Invariants
 *   1. The cells of the answer are disjoint and hold the circle.
 *   2. Their number never exceeds what is allowed, at any moment. */
#include "live/cells.h"

#include "base/error.h"
#include "search/sort.h"

#include <math.h>

#define SPARE 1e-6 /* metres */

typedef struct circle {
    recs__cap cap;      /* what it touches                            */
    recs__cap opposite; /* what touches this is not inside the circle */
} circle;

static circle circle_of(recs__point centre, double radius) {
    const double half = RECS__EARTH_RADIUS * 0x1.921fb54442d18p+1;
    double beyond = half - radius;
    return (circle){recs__cap_of(centre, radius + SPARE),
                    recs__cap_of(recs__point_opposite(centre), beyond > 0.0 ? beyond : -1.0)};
}

/* The cells of a level that were found: the first `room` in `out`, their number,
 * and the last of them. */
typedef struct finding {
    const circle *circle;
    uint32_t level;
    uint64_t *out; /* NULL: only counted */
    size_t room, count;
    uint64_t last;
} finding;

/* Finds those within `cell`, or itself, that the circle touches; stops behind
 * the first that has no room. */
static void descend(finding *f, uint64_t cell) {
    if (!recs__cap_touches(&f->circle->cap, cell))
        return;
    if (recs_cell_level(cell) < f->level) {
        for (uint32_t k = 0; k < 4 && f->count <= f->room; k++)
            descend(f, recs_cell_child(cell, k));
        return;
    }
    if (f->out != NULL && f->count < f->room)
        f->out[f->count] = cell;
    f->last = cell;
    f->count++;
}

static bool inside(const circle *c, uint64_t cell) {
    return !recs__cap_touches(&c->opposite, cell);
}

/* One step down to the level: replaces cells of the level above. */
static void refine(const circle *c, uint32_t above, uint32_t level, bool final, size_t most,
                   uint64_t *cells, size_t *count) {
    uint16_t kids[RECS_COVER_MAX]; /* 0: stays as it is */
    size_t had = *count, all = level - above < 6 ? (size_t)1 << 2 * (level - above) : SIZE_MAX;
    for (size_t i = 0; i < had; i++) {
        finding f = {.circle = c, .level = level, .room = most - had + 1};
        if (recs_cell_level(cells[i]) == above && !inside(c, cells[i]))
            descend(&f, cells[i]);
        /* All of them for one gain nothing, unless they are refined again. */
        kids[i] = f.count <= f.room && !(final && f.count == all) ? (uint16_t)f.count : 0;
    }
    for (size_t next = 1; next != SIZE_MAX && next - 1 <= most - *count;) {
        size_t later = SIZE_MAX;
        for (size_t i = 0; i < had; i++) {
            if (kids[i] == next && next - 1 <= most - *count) {
                finding f = {.circle = c, .level = level, .out = cells + *count, .room = next - 1};
                descend(&f, cells[i]);
                cells[i] = f.last;
                *count += next - 1;
            } else if (kids[i] > next && kids[i] < later) {
                later = kids[i];
            }
        }
        next = later;
    }
}

/* ---- the call -------------------------------------------------------------------- */

recs_status recs_cells_cover(double latitude, double longitude, double radius, uint32_t first,
                             uint32_t step, uint32_t last, size_t most, uint64_t *cells,
                             size_t *count, recs_error *error) {
    recs__point centre;
    *count = 0;
    recs_status status = recs__cell_levels(first, step, last, error);
    if (status == RECS_OK)
        status = recs__cell_coordinates(latitude, longitude, &centre, error);
    if (status != RECS_OK)
        return status;
    if (!(radius >= 0.0 && radius < (double)INFINITY))
        return recs__fail(error, RECS_ERR_ARGUMENT, "radius %g, expected metres, 0 or more",
                          radius);
    if (most == 0 || most > RECS_COVER_MAX)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%zu cells, expected 1 to %d", most,
                          RECS_COVER_MAX);

    circle c = circle_of(centre, radius);
    finding f = {.circle = &c, .level = first, .out = cells, .room = most};
    for (uint64_t face = 0; face < 6 && f.count <= most; face++)
        descend(&f, face << 61 | UINT64_C(1) << 60);
    if (f.count > most)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "a radius of %g m touches more than %zu cells of level %u: allow more "
                          "cells, or a lower first level",
                          radius, most, first);
    *count = f.count;
    for (uint32_t level = first; level <= last && step <= last - level; level += step)
        refine(&c, level, level + step, step > last - level - step, most, cells, count);
    recs__sort_keys(cells, *count);
    return RECS_OK;
}
