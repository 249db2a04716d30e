/* sphere.h - points as unit vectors, and distances on the sphere. */
#ifndef RECS_LIVE_SPHERE_H
#define RECS_LIVE_SPHERE_H

#include <stdbool.h>

typedef struct recs__point {
    double x, y, z;
} recs__point;

#define RECS__EARTH_RADIUS 6371008.8

/* False for coordinates out of range or NaN. */
bool recs__point_at(double latitude, double longitude, recs__point *out);

/* Degrees; of a vector of any length. */
void recs__point_coordinates(recs__point p, double *latitude, double *longitude);

recs__point recs__point_unit(recs__point p);
recs__point recs__point_opposite(recs__point p);

/* Metres along a great circle; from a point to the arc between two others. */
double recs__distance_points(recs__point a, recs__point b);
double recs__distance_arc(recs__point p, recs__point a, recs__point b);

/* Whether the arc, its ends aside, comes nearer than a chord of that squared length. */
bool recs__arc_within(recs__point p, recs__point a, recs__point b, double chord);
double recs__chord_points(recs__point a, recs__point b); /* squared */

/* Square metres of the triangle, above 0 when its corners go counter-clockwise. */
double recs__triangle_area(recs__point a, recs__point b, recs__point c);

#endif
