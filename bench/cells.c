/* cells.c - what cells are like: spread of area and shape, what a cover of a
 * radius holds that lies outside, and time; geohash beside.
 *
 *   build/bench/cells [--seed 1] [--centres 2000] [--cells 8,16,32,64,128]
 *
 * Centres are spread evenly over the land's latitudes, -60 to 75. The excess of a
 * cover is its area over the circle's. The paths of cells asked for have the
 * levels given in each line (first:step:last); geohash has all its lengths, and a
 * cover of it is the longest length of which the circle touches no more cells
 * than are allowed, each touched one measured by its nearest point, as ours are. */
#include "base/random.h"
#include "recs/places.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RADIUS 6371008.8
static const double degree = 0.017453292519943295;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double centre_latitude(recs__random *random) {
    double low = sin(-60 * degree), high = sin(75 * degree);
    return asin(low + (high - low) * recs__random_double(random)) / degree;
}

/* ---- areas and shapes -------------------------------------------------------------- */

static void spread(recs__random *random, uint32_t level) {
    double least = INFINITY, most = 0, slim = 0, sum = 0;
    enum { TRIED = 100000 };
    for (int i = 0; i < TRIED; i++) {
        double lats[4], lngs[4], sides[4], z = 2 * recs__random_double(random) - 1;
        uint64_t cell =
            recs_cell_at(asin(z) / degree, 360 * recs__random_double(random) - 180, level);
        double area = recs_cell_area(cell);
        recs_cell_corners(cell, lats, lngs);
        for (int c = 0; c < 4; c++)
            sides[c] = recs_distance(lats[c], lngs[c], lats[(c + 1) & 3], lngs[(c + 1) & 3]);
        double longest = fmax(fmax(sides[0], sides[1]), fmax(sides[2], sides[3]));
        double shortest = fmin(fmin(sides[0], sides[1]), fmin(sides[2], sides[3]));
        slim = fmax(slim, longest / shortest);
        sum += longest / shortest;
        least = fmin(least, area);
        most = fmax(most, area);
    }
    printf("level %2u: area %.4g to %.4g km2 (%.2f times), longest over shortest side: mean "
           "%.3f, at most %.2f\n",
           level, least / 1e6, most / 1e6, most / least, sum / TRIED, slim);
}

/* Geohash of n characters halves longitude ceil(5n/2) times, latitude floor(5n/2). */
static void geohash_size(int length, double *height, double *width) {
    *width = 360 / exp2((5 * length + 1) / 2);
    *height = 180 / exp2(5 * length / 2);
}

static double band(double south, double height, double width) {
    return RADIUS * RADIUS * width * degree *
           (sin((south + height) * degree) - sin(south * degree));
}

static void spread_geohash(int length) {
    double height, width, least = INFINITY, most = 0, slim = 0;
    geohash_size(length, &height, &width);
    for (double at = -60; at < 75; at += 0.01) {
        double south = floor(at / height) * height, area = band(south, height, width);
        double shape = height / (width * cos((south + height / 2) * degree));
        least = fmin(least, area);
        most = fmax(most, area);
        slim = fmax(slim, fmax(shape, 1 / shape));
    }
    printf("geohash %d: area %.4g to %.4g km2 (%.2f times), longest over shortest side: at most "
           "%.2f (latitudes -60 to 75)\n",
           length, least / 1e6, most / 1e6, most / least, slim);
}

/* ---- covers --------------------------------------------------------------------------- */

/* Metres from a point to the rectangle, sampled: meridians are great circles, parallels
 * are not, so the edges are walked. */
static double nearest(double lat, double lng, double south, double west, double height,
                      double width) {
    double least = INFINITY;
    if (lat >= south && lat <= south + height && lng >= west && lng <= west + width)
        return 0;
    for (int s = 0; s <= 16; s++) {
        double y = south + height * s / 16, x = west + width * s / 16;
        least = fmin(least, recs_distance(lat, lng, y, fmin(180, fmax(-180, west))));
        least = fmin(least, recs_distance(lat, lng, y, fmin(180, fmax(-180, west + width))));
        least = fmin(least, recs_distance(lat, lng, south, fmin(180, fmax(-180, x))));
        least = fmin(least, recs_distance(lat, lng, south + height, fmin(180, fmax(-180, x))));
    }
    return least;
}

static double cover_geohash(double lat, double lng, double radius, size_t most) {
    double best = NAN;
    for (int length = 1; length <= 9; length++) {
        double height, width, reach = radius / RADIUS / degree, area = 0;
        geohash_size(length, &height, &width);
        size_t count = 0;
        double wide = fmin(180, reach / cos(fmin(89, fabs(lat) + reach) * degree));
        if (2 * reach / height * 2 * wide / width > 16.0 * (double)most)
            break;
        for (double y = floor((lat - reach) / height); y * height <= lat + reach; y++)
            for (double x = floor((lng - wide) / width); x * width <= lng + wide; x++)
                if (nearest(lat, lng, y * height, x * width, height, width) <= radius) {
                    count++;
                    area += band(y * height, height, width);
                }
        if (count > most)
            break;
        best = area;
    }
    return best;
}

static void covers(uint64_t seed, int centres, double radius, uint32_t first, uint32_t step,
                   uint32_t last, size_t most) {
    static uint64_t cells[RECS_COVER_MAX];
    double *excess = malloc((size_t)centres * sizeof *excess), seconds = 0, sum = 0, used = 0;
    double circle = 4 * acos(-1) * RADIUS * RADIUS * pow(sin(radius / RADIUS / 2), 2);
    recs__random random;
    recs__random_seed(&random, seed);
    int count = 0;
    for (int i = 0; i < centres && excess != NULL; i++) {
        double lat = centre_latitude(&random), lng = 340 * recs__random_double(&random) - 170;
        double area = 0;
        if (step != 0) {
            size_t found = 0;
            double begin = now();
            recs_status status = recs_cells_cover(lat, lng, radius, first, step, last, most, cells,
                                                  &found, NULL);
            seconds += now() - begin;
            if (status != RECS_OK)
                continue;
            for (size_t c = 0; c < found; c++)
                area += recs_cell_area(cells[c]);
            used += (double)found;
        } else {
            area = cover_geohash(lat, lng, radius, most);
            if (isnan(area))
                continue;
        }
        excess[count++] = area / circle;
        sum += area / circle;
    }
    if (count == 0) {
        printf("%6.0f m, %3zu cells, %u:%u:%u: too few cells\n", radius, most, first, step, last);
    } else {
        qsort(excess, (size_t)count, sizeof *excess, ascending);
        printf("%6.0f m, at most %3zu cells, ", radius, most);
        if (step != 0)
            printf("levels %u:%u:%u: mean %.2f times the circle, 95%% below %.2f; %.1f cells, "
                   "%.1f us\n",
                   first, step, last, sum / count, excess[count * 95 / 100], used / count,
                   1e6 * seconds / count);
        else
            printf("geohash: mean %.2f times the circle, 95%% below %.2f (%d of %d centres)\n",
                   sum / count, excess[count * 95 / 100], count, centres);
    }
    free(excess);
}

/* ---- time -------------------------------------------------------------------------------- */

static void times(recs__random *random) {
    enum { POINTS = 200000 };
    char place[RECS_PLACE_ROOM];
    uint64_t sum = 0;
    double begin = now();
    for (int i = 0; i < POINTS; i++)
        sum += recs_cell_at(180 * recs__random_double(random) - 90,
                            360 * recs__random_double(random) - 180, 30);
    double cell = now() - begin;
    begin = now();
    for (int i = 0; i < POINTS; i++) {
        recs_place_from_coordinates(180 * recs__random_double(random) - 90,
                                    360 * recs__random_double(random) - 180, 4, 3, 13, place,
                                    sizeof place, NULL);
        sum += strlen(place);
    }
    printf("a point to its cell: %.0f ns; to its path of four cells: %.0f ns (check %llu)\n",
           1e9 * cell / POINTS, 1e9 * (now() - begin) / POINTS, (unsigned long long)(sum & 1));
}

int main(int argc, char **argv) {
    uint64_t seed = 1;
    int centres = 2000;
    const char *list = "8,16,32,64,128";
    for (int a = 1; a + 1 < argc; a += 2) {
        if (strcmp(argv[a], "--seed") == 0)
            seed = strtoull(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "--centres") == 0)
            centres = atoi(argv[a + 1]);
        else if (strcmp(argv[a], "--cells") == 0)
            list = argv[a + 1];
    }
    recs__random random;
    recs__random_seed(&random, seed);
    for (uint32_t level = 4; level <= 13; level += 3)
        spread(&random, level);
    for (int length = 3; length <= 6; length++)
        spread_geohash(length);
    static const double radii[] = {1000, 10000, 100000};
    static const uint32_t levels[][3] = {{4, 3, 13}, {2, 2, 14}, {0, 1, 16}, {0, 0, 0}};
    for (int r = 0; r < 3; r++)
        for (int l = 0; l < 4; l++)
            for (const char *at = list; *at != '\0';) {
                char *end;
                size_t most = strtoull(at, &end, 10);
                covers(seed, levels[l][1] != 0 ? centres : centres / 20, radii[r], levels[l][0],
                       levels[l][1], levels[l][2], most);
                at = *end == ',' ? end + 1 : end;
            }
    times(&random);
    return 0;
}
