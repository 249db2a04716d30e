/* recs/places.h - coordinates as places of a hierarchy.
 *
 * A place of recs_trends is a path of names ("us/ca/san-francisco"). Where a
 * shop has coordinates instead, this header turns them into such paths over the
 * cells of a fixed subdivision of the sphere:
 *
 *     "geo/89c/89c25/89c2594"
 *
 * each part the token of a cell within the one before. The cells are those of
 * the S2 hierarchy: the six faces of a cube (level 0), each cell split into
 * four down to level 30, numbered along a Hilbert curve. Ids and tokens are
 * those of the S2 libraries, so they can be joined with the tables of any of
 * them. A cell of level n has on average 85,011,012 km2 / 4^n; the largest has
 * 2.1 times the area of the smallest.
 *
 *     level   4     6    8   10   12    13    14    16
 *     width  580   145   36   9  2.3   1.1  0.57  0.14 km
 *
 * Which levels are in a path the caller says with three numbers: first, step
 * and last (4, 3, 13: levels 4, 7, 10 and 13). All paths of one state should
 * be made with the same three.
 *
 * Coordinates are degrees: latitude -90 to 90, longitude -180 to 180 (both
 * name the same meridian); everything else, NaN too, is refused. A pole is one
 * point, whatever its longitude. Distances are metres on a sphere of radius
 * 6,371,008.8 m (within 0.56 % of those on the ellipsoid). Same coordinates,
 * same cell, on every machine.
 *
 * Every call is safe in any thread and allocates nothing.
 * Source: Google's S2 geometry library, its description of cells.
 */
#ifndef RECS_PLACES_H
#define RECS_PLACES_H

#include "recs/base.h"
#include "recs/events.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RECS_CELL_LEVEL_MAX 30
/* A token with its NUL; a path of at most 31 cells with its NUL. */
#define RECS_CELL_TOKEN_ROOM 17
#define RECS_PLACE_ROOM 512
#define RECS_COVER_MAX 4096

/* ---- coordinates and paths -------------------------------------------------- */

/* The path of the cells around a point at levels first, first + step, … up to
 * last, into place (room bytes; RECS_PLACE_ROOM always does). ARGUMENT:
 * coordinates, first > last, last > 30, step 0, room (the text names it); a
 * path over 511 bytes. A recs_trends takes paths of 12 steps, "geo" among them. Cost:
 * 0.3 us. Since 0.1. */
RECS_API recs_status recs_place_from_coordinates(double latitude, double longitude,
                                                 uint32_t first, uint32_t step, uint32_t last,
                                                 char *place, size_t room, recs_error *error);

/* The same for a cell of a level first + n * step (ARGUMENT otherwise). */
RECS_API recs_status recs_place_from_cell(uint64_t cell, uint32_t first, uint32_t step,
                                          char *place, size_t room, recs_error *error);

/* The cell of a path, its last token's; 0 when it is not a path of cells: every
 * part after "geo" a token of a cell within the one before. Parts below the
 * cells (a venue: "geo/89c/89c25/fair") are not looked at, beginning with the first
 * that is not a token within. Cost: the path's length. Since 0.1. */
RECS_API uint64_t recs_place_cell(const char *place);

/* The place of all events of a batch from columns of coordinates, count the
 * number of events. NaN in both: no place. ARGUMENT: as above, or another
 * count; the text names the entry. MEMORY. A failed call changes nothing. Since 0.1. */
RECS_API recs_status recs_events_set_coordinates(recs_events *events, const double *latitudes,
                                                 const double *longitudes, size_t count,
                                                 uint32_t first, uint32_t step, uint32_t last,
                                                 recs_error *error);

/* ---- cells -------------------------------------------------------------------- */

/* The cell of a level around a point; 0 (no cell) when the coordinates or the
 * level are out of range. Since 0.1. */
RECS_API uint64_t recs_cell_at(double latitude, double longitude, uint32_t level);

/* Whether a number is a cell; its level (0 for what is none). */
RECS_API int32_t recs_cell_valid(uint64_t cell);
RECS_API uint32_t recs_cell_level(uint64_t cell);

/* The cell of a level that holds this one, itself at its own level; the child
 * 0 to 3 in order of the curve. 0 when there is none. */
RECS_API uint64_t recs_cell_parent(uint64_t cell, uint32_t level);
RECS_API uint64_t recs_cell_child(uint64_t cell, uint32_t index);

/* 1 when inner is within outer or the same. */
RECS_API int32_t recs_cell_contains(uint64_t outer, uint64_t inner);

/* The cells of the same level that share an edge or a corner, in ascending order:
 * 8 (7 at a corner of the cube; fewer at levels 0 and 1, where some are the same).
 * Returns their number. */
RECS_API size_t recs_cell_neighbours(uint64_t cell, uint64_t neighbours[8]);

/* Middle; the four corners, counter-clockwise; both untouched and 0 returned for
 * what is no cell. A cell over the date line has corners on both sides of it; one
 * at a pole has the pole inside or as a corner (recs_cell_contains). Edges are
 * great circles. */
RECS_API int32_t recs_cell_centre(uint64_t cell, double *latitude, double *longitude);
RECS_API int32_t recs_cell_corners(uint64_t cell, double latitudes[4], double longitudes[4]);

/* Square metres; 0 for what is no cell. */
RECS_API double recs_cell_area(uint64_t cell);

/* Metres from a point to the nearest and the farthest point of a cell; 0 and 0
 * returned for coordinates out of range or what is no cell, else 1. */
RECS_API int32_t recs_cell_distance(uint64_t cell, double latitude, double longitude,
                                    double *nearest, double *farthest);

/* The token: hexadecimal digits of the id without the zeros at its end. 0 and an
 * empty text for what is no cell. And back: 0 for what is no token (upper-case
 * digits are none: a place has one name). */
RECS_API int32_t recs_cell_token(uint64_t cell, char token[RECS_CELL_TOKEN_ROOM]);
RECS_API uint64_t recs_cell_from_token(const char *token);

/* ---- distance and radius -------------------------------------------------------- */

/* Great-circle distance in metres; NaN for coordinates out of range. */
RECS_API double recs_distance(double latitude, double longitude, double other_latitude,
                              double other_longitude);

/* At most most (1 to RECS_COVER_MAX) cells of the levels first, first + step …
 * last that together hold every point within radius metres, into cells in
 * ascending order, *count their number: coarse ones inside, fine ones along the
 * edge, each within the radius at least in part, none inside another. With more
 * cells allowed less is covered that lies outside (docs/places.md has figures).
 * ARGUMENT: coordinates, levels, most; radius not finite or below 0. LIMIT: even
 * at level first most are too few (the text says so). Cost: about 5 us for each cell
 * of the answer. Since 0.1. */
RECS_API recs_status recs_cells_cover(double latitude, double longitude, double radius,
                                      uint32_t first, uint32_t step, uint32_t last, size_t most,
                                      uint64_t *cells, size_t *count, recs_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RECS_PLACES_H */
