/* cells.h - cells as the other files of this room see them. A cell is valid
 * where a function here takes one. */
#ifndef RECS_LIVE_CELLS_H
#define RECS_LIVE_CELLS_H

#include "live/sphere.h"
#include "recs/places.h"

/* The cell of a level (at most 30) around a unit vector. */
uint64_t recs__cell_at(recs__point p, uint32_t level);

/* Its corners as unit vectors, counter-clockwise. */
void recs__cell_corners(uint64_t cell, recs__point corners[4]);

/* Metres to the nearest point of a cell. */
double recs__cell_nearest(uint64_t cell, recs__point p);
double recs__cell_farthest(uint64_t cell, recs__point p);

/* Points within a radius, prepared for many cells; below 0: none. */
typedef struct recs__cap {
    recs__point centre;
    double chord; /* squared, of the unit sphere */
    uint64_t leaf;
} recs__cap;
recs__cap recs__cap_of(recs__point centre, double radius);
bool recs__cap_touches(const recs__cap *cap, uint64_t cell);

/* What is wrong with first, step and last, as an ARGUMENT. */
recs_status recs__cell_levels(uint32_t first, uint32_t step, uint32_t last, recs_error *error);
recs_status recs__cell_coordinates(double latitude, double longitude, recs__point *out,
                                   recs_error *error);

#endif
