/* fuzz_place.c - any text as a place and as a token, any numbers as
 * coordinates, cells and radii: what is taken is consistent. */
#include "fuzz.h"

#include "recs/places.h"

#include <math.h>
#include <string.h>

static void check_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), token[RECS_CELL_TOKEN_ROOM];
    memcpy(text, data, size);
    text[size] = '\0';
    uint64_t cell = recs_place_cell(text), alone = recs_cell_from_token(text);
    if (cell != 0) {
        FUZZ_CHECK(recs_cell_valid(cell) && strncmp(text, "geo/", 4) == 0);
        FUZZ_CHECK(recs_cell_token(cell, token) && strstr(text, token) != NULL);
    }
    if (alone != 0) {
        FUZZ_CHECK(recs_cell_token(alone, token));
        FUZZ_CHECK(strcmp(token, text) == 0);
    }
    free(text);
}

static void check_cell(uint64_t cell) {
    uint64_t others[8];
    double lats[4], lngs[4], near, far;
    char place[RECS_PLACE_ROOM];
    size_t count = recs_cell_neighbours(cell, others);
    uint32_t level = recs_cell_level(cell);
    if (!recs_cell_valid(cell)) {
        FUZZ_CHECK(count == 0 && recs_cell_parent(cell, 0) == 0 && recs_cell_area(cell) == 0);
        return;
    }
    FUZZ_CHECK(level <= RECS_CELL_LEVEL_MAX && count >= 4 && count <= 8);
    FUZZ_CHECK(recs_cell_centre(cell, lats, lngs) && recs_cell_at(lats[0], lngs[0], level) == cell);
    FUZZ_CHECK(recs_cell_corners(cell, lats, lngs) && recs_cell_area(cell) > 0);
    for (int c = 0; c < 4; c++)
        FUZZ_CHECK(recs_cell_distance(cell, lats[c], lngs[c], &near, &far) && near < 1e-6);
    FUZZ_CHECK(recs_place_from_cell(cell, level % 3, 3, place, sizeof place, NULL) == RECS_OK);
    FUZZ_CHECK(recs_place_cell(place) == cell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t cells[64], raw[4] = {0};
    double numbers[3];
    size_t count;
    memcpy(raw, data, size < sizeof raw ? size : sizeof raw);
    memcpy(numbers, raw, sizeof numbers);
    check_text(data, size);
    check_cell(raw[0]);
    uint64_t cell = recs_cell_at(numbers[0], numbers[1], (uint32_t)(raw[3] % 31));
    FUZZ_CHECK((cell != 0) == (fabs(numbers[0]) <= 90 && fabs(numbers[1]) <= 180));
    check_cell(cell);
    uint32_t first = (uint32_t)(raw[3] >> 8) % 32, step = (uint32_t)(raw[3] >> 16) % 4;
    uint32_t last = (uint32_t)(raw[3] >> 24) % 32;
    recs_status status = recs_cells_cover(numbers[0], numbers[1], numbers[2], first, step, last,
                                          1 + (raw[3] >> 32) % 64, cells, &count, NULL);
    FUZZ_CHECK(status == RECS_OK ? count >= 1 && count <= 64 : count == 0);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(recs_cell_valid(cells[i]));
    return 0;
}
