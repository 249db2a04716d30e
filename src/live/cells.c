/* cells.c - cells of the S2 hierarchy: points to ids and back, parents,
 * children, neighbours, corners, tokens.
 *
 * A unit vector goes to the face of the cube its largest component points at,
 * to (u, v) by division, to (s, t) in 0 to 1 by the quadratic transform that
 * evens the areas out, and to (i, j) in 30 bits. Their bits are put together
 * along the Hilbert curve of the face:
 *
 *   id = face (3 bits), 2 bits a level from the top, a 1, zeros
 *
 * so the parent is found by moving the 1 up, and the cells within one are a
 * range of ids. Only +, *, / and sqrt, which round the same everywhere, stand
 * between a vector and its cell; the vector comes from angle.c.
 *
 * Constants of the curve and the transform: the S2 geometry library's
 * description of its cells. */
#include "live/cells.h"

#include "base/angle.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

enum { LEVELS = RECS_CELL_LEVEL_MAX, SIZE = 1 << LEVELS, SWAP = 1, INVERT = 2 };

/* Of the four cells in order of the curve: i and j as two bits; and back. What
 * a step adds to the orientation. */
static const uint8_t ij_of[4][4] = {{0, 1, 3, 2}, {0, 2, 3, 1}, {3, 2, 0, 1}, {3, 1, 0, 2}};
static const uint8_t order_of[4][4] = {{0, 1, 3, 2}, {0, 3, 1, 2}, {2, 3, 1, 0}, {2, 1, 3, 0}};
static const uint8_t turn_of[4] = {SWAP, 0, 0, INVERT | SWAP};

/* ---- ids ---------------------------------------------------------------------- */

static uint64_t mark_of(uint32_t level) { return UINT64_C(1) << 2 * (LEVELS - level); }

int32_t recs_cell_valid(uint64_t cell) {
    uint64_t lowest = cell & (~cell + 1);
    return cell >> 61 < 6 && (lowest & UINT64_C(0x1555555555555555)) != 0;
}

uint32_t recs_cell_level(uint64_t cell) {
    uint32_t level = LEVELS;
    for (; recs_cell_valid(cell) && (cell & mark_of(level)) == 0; level--)
        ;
    return recs_cell_valid(cell) ? level : 0;
}

uint64_t recs_cell_parent(uint64_t cell, uint32_t level) {
    if (!recs_cell_valid(cell) || level > recs_cell_level(cell))
        return 0;
    uint64_t mark = mark_of(level);
    return (cell & (~mark + 1)) | mark;
}

uint64_t recs_cell_child(uint64_t cell, uint32_t index) {
    uint64_t lowest = cell & (~cell + 1);
    if (!recs_cell_valid(cell) || lowest == 1 || index > 3)
        return 0;
    return cell - lowest + (2 * index + 1) * (lowest >> 2);
}

int32_t recs_cell_contains(uint64_t outer, uint64_t inner) {
    return recs_cell_valid(outer) && recs_cell_valid(inner) &&
           recs_cell_level(inner) >= recs_cell_level(outer) &&
           recs_cell_parent(inner, recs_cell_level(outer)) == outer;
}

static uint64_t id_of(uint32_t face, uint32_t i, uint32_t j, uint32_t level) {
    uint32_t orientation = face & SWAP;
    uint64_t id = face;
    for (uint32_t bit = LEVELS; bit-- > LEVELS - level;) {
        uint32_t order = order_of[orientation][(i >> bit & 1) << 1 | (j >> bit & 1)];
        id = id << 2 | order;
        orientation ^= turn_of[order];
    }
    return (id << 1 | 1) << 2 * (LEVELS - level);
}

/* The square [*i, *i + side) x [*j, *j + side) of a cell. */
static uint32_t square_of(uint64_t cell, uint32_t *i, uint32_t *j, uint32_t *side) {
    uint32_t face = (uint32_t)(cell >> 61), orientation = face & SWAP;
    uint32_t level = recs_cell_level(cell);
    *i = *j = 0;
    for (uint32_t l = 1; l <= level; l++) {
        uint32_t order = (uint32_t)(cell >> (2 * (LEVELS - l) + 1)) & 3;
        uint32_t ij = ij_of[orientation][order];
        *i |= (ij >> 1) << (LEVELS - l);
        *j |= (ij & 1) << (LEVELS - l);
        orientation ^= turn_of[order];
    }
    *side = UINT32_C(1) << (LEVELS - level);
    return face;
}

/* ---- the projection --------------------------------------------------------------- */

/* Face and (u, v) of a vector of any length but 0. */
static uint32_t project(recs__point p, double *u, double *v) {
    double x = fabs(p.x), y = fabs(p.y), z = fabs(p.z);
    if (x > y && x > z) {
        *u = p.x > 0 ? p.y / p.x : p.z / p.x;
        *v = p.x > 0 ? p.z / p.x : p.y / p.x;
        return p.x > 0 ? 0 : 3;
    }
    if (y > z && !(x > y)) {
        *u = p.y > 0 ? -p.x / p.y : p.z / p.y;
        *v = p.y > 0 ? p.z / p.y : -p.x / p.y;
        return p.y > 0 ? 1 : 4;
    }
    *u = p.z > 0 ? -p.x / p.z : -p.y / p.z;
    *v = p.z > 0 ? -p.y / p.z : -p.x / p.z;
    return p.z > 0 ? 2 : 5;
}

static recs__point vector_of(uint32_t face, double u, double v) {
    switch (face) {
    case 0: return (recs__point){1, u, v};
    case 1: return (recs__point){-u, 1, v};
    case 2: return (recs__point){-u, -v, 1};
    case 3: return (recs__point){-1, -v, -u};
    case 4: return (recs__point){v, -1, -u};
    default: return (recs__point){v, u, -1};
    }
}

/* The transform, from -1 to 1 onto 0 to 1, and its inverse. */
static double even_out(double u) {
    return u >= 0 ? 0.5 * sqrt(1 + 3 * u) : 1 - 0.5 * sqrt(1 - 3 * u);
}

static double stretch(double s) {
    return s >= 0.5 ? (4 * s * s - 1) / 3 : (1 - 4 * (1 - s) * (1 - s)) / 3;
}

static uint32_t grid(double s) {
    double at = s * SIZE;
    return at >= SIZE ? SIZE - 1 : at > 0 ? (uint32_t)at : 0;
}

static recs__point grid_point(uint32_t face, uint32_t i, uint32_t j) {
    return recs__point_unit(
        vector_of(face, stretch((double)i / SIZE), stretch((double)j / SIZE)));
}

uint64_t recs__cell_at(recs__point p, uint32_t level) {
    double u, v;
    uint32_t face = project(p, &u, &v);
    return id_of(face, grid(even_out(u)), grid(even_out(v)), level);
}

uint64_t recs_cell_at(double latitude, double longitude, uint32_t level) {
    recs__point p;
    return level <= LEVELS && recs__point_at(latitude, longitude, &p) ? recs__cell_at(p, level)
                                                                      : 0;
}

/* ---- geometry ------------------------------------------------------------------------ */

void recs__cell_corners(uint64_t cell, recs__point corners[4]) {
    uint32_t i, j, side, face = square_of(cell, &i, &j, &side);
    corners[0] = grid_point(face, i, j);
    corners[1] = grid_point(face, i + side, j);
    corners[2] = grid_point(face, i + side, j + side);
    corners[3] = grid_point(face, i, j + side);
}

int32_t recs_cell_centre(uint64_t cell, double *latitude, double *longitude) {
    uint32_t i, j, side;
    if (!recs_cell_valid(cell))
        return 0;
    uint32_t face = square_of(cell, &i, &j, &side);
    double s = (i + 0.5 * side) / SIZE, t = (j + 0.5 * side) / SIZE;
    recs__point_coordinates(vector_of(face, stretch(s), stretch(t)), latitude, longitude);
    return 1;
}

int32_t recs_cell_corners(uint64_t cell, double latitudes[4], double longitudes[4]) {
    recs__point corners[4];
    if (!recs_cell_valid(cell))
        return 0;
    recs__cell_corners(cell, corners);
    for (int c = 0; c < 4; c++)
        recs__point_coordinates(corners[c], &latitudes[c], &longitudes[c]);
    return 1;
}

double recs_cell_area(uint64_t cell) {
    recs__point p[4];
    if (!recs_cell_valid(cell))
        return 0.0;
    recs__cell_corners(cell, p);
    return recs__triangle_area(p[0], p[1], p[2]) + recs__triangle_area(p[0], p[2], p[3]);
}

double recs__cell_nearest(uint64_t cell, recs__point p) {
    recs__point corners[4];
    if (recs_cell_contains(cell, recs__cell_at(p, LEVELS)))
        return 0.0;
    recs__cell_corners(cell, corners);
    double nearest = (double)INFINITY;
    for (int c = 0; c < 4; c++) {
        double far = recs__distance_arc(p, corners[c], corners[(c + 1) & 3]);
        nearest = far < nearest ? far : nearest;
    }
    return nearest;
}

double recs__cell_farthest(uint64_t cell, recs__point p) {
    const double half = RECS__EARTH_RADIUS * 0x1.921fb54442d18p+1;
    return half - recs__cell_nearest(cell, recs__point_opposite(p));
}

recs__cap recs__cap_of(recs__point centre, double radius) {
    const double half_degrees = 90.0 / (RECS__EARTH_RADIUS * 0x1.921fb54442d18p+1);
    double sine, cosine, half = radius * half_degrees; /* degrees of half the angle */
    recs__sincos_degrees(half < 90.0 ? half : 90.0, &sine, &cosine);
    return (recs__cap){centre, radius < 0.0 ? -1.0 : half < 90.0 ? 4.0 * sine * sine : 5.0,
                       recs__cell_at(centre, LEVELS)};
}

bool recs__cap_touches(const recs__cap *cap, uint64_t cell) {
    recs__point corners[4];
    uint64_t lowest = cell & (~cell + 1);
    if (cap->chord < 0.0)
        return false;
    if (cap->leaf >= cell - (lowest - 1) && cap->leaf <= cell + (lowest - 1))
        return true;
    recs__cell_corners(cell, corners);
    for (int c = 0; c < 4; c++)
        if (recs__chord_points(cap->centre, corners[c]) <= cap->chord)
            return true;
    for (int c = 0; c < 4; c++)
        if (recs__arc_within(cap->centre, corners[c], corners[(c + 1) & 3], cap->chord))
            return true;
    return false;
}

int32_t recs_cell_distance(uint64_t cell, double latitude, double longitude, double *nearest,
                           double *farthest) {
    recs__point p;
    *nearest = *farthest = 0.0;
    if (!recs_cell_valid(cell) || !recs__point_at(latitude, longitude, &p))
        return 0;
    *nearest = recs__cell_nearest(cell, p);
    *farthest = recs__cell_farthest(cell, p);
    return 1;
}

/* ---- neighbours ----------------------------------------------------------------------- */

/* The cell around (i, j), which may be off the face by less than its size: then
 * the point goes through the plane of the face onto its neighbour. Just beyond an
 * edge, so how positions along it are spread is the same on both sides. */
static uint64_t beyond(uint32_t face, int64_t i, int64_t j, uint32_t level) {
    if (i >= 0 && i < SIZE && j >= 0 && j < SIZE)
        return id_of(face, (uint32_t)i, (uint32_t)j, level);
    const double out = 1.0 + 0x1p-30;
    double u = i < 0 ? -out : i >= SIZE ? out : stretch(((double)i + 0.5) / SIZE);
    double v = j < 0 ? -out : j >= SIZE ? out : stretch(((double)j + 0.5) / SIZE);
    return recs__cell_at(vector_of(face, u, v), level);
}

size_t recs_cell_neighbours(uint64_t cell, uint64_t neighbours[8]) {
    uint32_t i, j, side;
    size_t count = 0;
    if (!recs_cell_valid(cell))
        return 0;
    uint32_t face = square_of(cell, &i, &j, &side), level = recs_cell_level(cell);
    for (int64_t a = -1; a <= 1; a++)
        for (int64_t b = -1; b <= 1; b++) {
            uint64_t found = beyond(face, (int64_t)i + side / 2 + a * (int64_t)side,
                                    (int64_t)j + side / 2 + b * (int64_t)side, level);
            size_t at = count;
            while (at > 0 && neighbours[at - 1] > found)
                at--;
            if (found == cell || (at > 0 && neighbours[at - 1] == found))
                continue;
            memmove(neighbours + at + 1, neighbours + at, (count - at) * sizeof *neighbours);
            neighbours[at] = found;
            count++;
        }
    return count;
}

/* ---- tokens ---------------------------------------------------------------------------- */

int32_t recs_cell_token(uint64_t cell, char token[RECS_CELL_TOKEN_ROOM]) {
    size_t size = 0;
    for (uint64_t left = recs_cell_valid(cell) ? cell : 0; left != 0; left <<= 4)
        token[size++] = "0123456789abcdef"[left >> 60];
    token[size] = '\0';
    return size != 0;
}

uint64_t recs_cell_from_token(const char *token) {
    uint64_t cell = 0;
    size_t size = token != NULL ? strnlen(token, RECS_CELL_TOKEN_ROOM) : 0;
    if (size == 0 || size >= RECS_CELL_TOKEN_ROOM || token[size - 1] == '0')
        return 0;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = token[i] >= '0' && token[i] <= '9'   ? (unsigned)(token[i] - '0')
                         : token[i] >= 'a' && token[i] <= 'f' ? (unsigned)(token[i] - 'a') + 10
                                                              : 16;
        if (digit == 16)
            return 0;
        cell |= (uint64_t)digit << (60 - 4 * i);
    }
    return recs_cell_valid(cell) ? cell : 0;
}

/* ---- what is allowed --------------------------------------------------------------------- */

recs_status recs__cell_levels(uint32_t first, uint32_t step, uint32_t last, recs_error *error) {
    if (last > LEVELS || first > last)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "cell levels %u to %u, expected the first at most the last and that at "
                          "most %d",
                          first, last, LEVELS);
    if (step == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "step of cell levels is 0, expected 1 or more");
    return RECS_OK;
}

recs_status recs__cell_coordinates(double latitude, double longitude, recs__point *out,
                                   recs_error *error) {
    if (recs__point_at(latitude, longitude, out))
        return RECS_OK;
    bool north = latitude >= -90.0 && latitude <= 90.0;
    return recs__fail(error, RECS_ERR_ARGUMENT, "%s %.9g, expected degrees from %s",
                      north ? "longitude" : "latitude", north ? longitude : latitude,
                      north ? "-180 to 180" : "-90 to 90");
}
