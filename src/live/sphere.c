/* sphere.c - unit vectors and great circles.
 *
 * Angles come from arc tangents of a sine and a cosine, never from an arc
 * cosine, so that a metre is a metre both near and at the other side of the
 * globe. Differences of neighbouring points are taken before they are
 * multiplied: areas and arcs of a centimetre keep their digits. Source for the
 * area: Van Oosterom and Strackee 1983, the solid angle of a plane triangle. */
#include "live/sphere.h"

#include "base/angle.h"
#include "recs/places.h"

#include <math.h>

#define PER_DEGREE (RECS__EARTH_RADIUS * 0x1.1df46a2529d39p-6) /* metres: radius * pi / 180 */

static double dot(recs__point a, recs__point b) {
    return fma(a.x, b.x, fma(a.y, b.y, a.z * b.z));
}

static recs__point cross(recs__point a, recs__point b) {
    return (recs__point){fma(a.y, b.z, -(a.z * b.y)), fma(a.z, b.x, -(a.x * b.z)),
                         fma(a.x, b.y, -(a.y * b.x))};
}

static recs__point minus(recs__point a, recs__point b) {
    return (recs__point){a.x - b.x, a.y - b.y, a.z - b.z};
}

static recs__point plus(recs__point a, recs__point b) {
    return (recs__point){a.x + b.x, a.y + b.y, a.z + b.z};
}

/* Twice the cross product of unit vectors, exact where they are close. */
static recs__point cross_twice(recs__point a, recs__point b) {
    return cross(plus(a, b), minus(b, a));
}

static double length(recs__point a) { return sqrt(dot(a, a)); }

bool recs__point_at(double latitude, double longitude, recs__point *out) {
    double up, flat, east, north;
    if (!(latitude >= -90.0 && latitude <= 90.0 && longitude >= -180.0 && longitude <= 180.0))
        return false;
    recs__sincos_degrees(latitude, &up, &flat);
    recs__sincos_degrees(longitude, &east, &north);
    *out = (recs__point){flat * north, flat * east, up};
    return true;
}

void recs__point_coordinates(recs__point p, double *latitude, double *longitude) {
    *latitude = recs__atan2_degrees(p.z, sqrt(fma(p.x, p.x, p.y * p.y)));
    *longitude = recs__atan2_degrees(p.y, p.x);
}

recs__point recs__point_unit(recs__point p) {
    double size = length(p);
    return (recs__point){p.x / size, p.y / size, p.z / size};
}

recs__point recs__point_opposite(recs__point p) { return (recs__point){-p.x, -p.y, -p.z}; }

double recs__distance_points(recs__point a, recs__point b) {
    return recs__atan2_degrees(length(cross_twice(a, b)), 2.0 * dot(a, b)) * PER_DEGREE;
}

double recs__distance_arc(recs__point p, recs__point a, recs__point b) {
    recs__point normal = cross_twice(a, b);
    double size = length(normal);
    if (size > 0.0 && dot(p, cross(normal, a)) > 0.0 && dot(p, cross(b, normal)) > 0.0) {
        double off = dot(minus(p, a), normal); /* a is on the circle: p . n, to more digits */
        return recs__atan2_degrees(fabs(off), length(cross(p, normal))) * PER_DEGREE;
    }
    double from_a = recs__distance_points(p, a), from_b = recs__distance_points(p, b);
    return from_a < from_b ? from_a : from_b;
}

double recs__chord_points(recs__point a, recs__point b) {
    recs__point between = minus(a, b);
    return dot(between, between);
}

bool recs__arc_within(recs__point p, recs__point a, recs__point b, double chord) {
    recs__point normal = cross_twice(a, b);
    double size = dot(normal, normal), off = dot(minus(p, a), normal);
    /* The squared chord c over an angle of sine s: s^2 = c (1 - c / 4). */
    if (chord < 2.0 && off * off > chord * (1.0 - 0.25 * chord) * size)
        return false;
    return size > 0.0 && dot(p, cross(normal, a)) > 0.0 && dot(p, cross(b, normal)) > 0.0;
}

double recs__triangle_area(recs__point a, recs__point b, recs__point c) {
    double volume = dot(a, cross(minus(b, a), minus(c, a)));
    double below = 1.0 + dot(a, b) + dot(b, c) + dot(c, a);
    return 2.0 * recs__atan2_degrees(volume, below) * PER_DEGREE * RECS__EARTH_RADIUS;
}

double recs_distance(double latitude, double longitude, double other_latitude,
                     double other_longitude) {
    recs__point a, b;
    if (!recs__point_at(latitude, longitude, &a) ||
        !recs__point_at(other_latitude, other_longitude, &b))
        return (double)NAN;
    return recs__distance_points(a, b);
}
