/* fuzz_tune.c - any text as a space to search, and any bytes as the state file
 * of a search.
 *
 * The last byte of the input says which and is not part of it. A space that is
 * accepted has ranges in which every place is a value, and a value of its own
 * comes back from its place. A state file is refused by line, or a line that is
 * added to it reads back as it was written. */
#include "fuzz.h"

#include "train/tune_space.h"
#include "train/tune_state.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_range(const recs__range *range, const recs__setting *setting) {
    for (int i = 0; i <= 8; i++) {
        double value = recs__range_value(range, setting, i / 8.0);
        double place = recs__range_place(range, value);
        FUZZ_CHECK(value >= setting->low || setting->choices);
        FUZZ_CHECK(value <= setting->high || setting->choices);
        FUZZ_CHECK(place >= 0.0 && place <= 1.0);
        FUZZ_CHECK(recs__range_value(range, setting, place) == value);
    }
}

static void check_space(const char *text) {
    static recs__space space, again;
    recs_error error = {0};
    recs_status status = recs__space_parse(&space, text, &error);
    if (status != RECS_OK) {
        FUZZ_CHECK(status == RECS_ERR_ARGUMENT || status == RECS_ERR_LIMIT);
        FUZZ_CHECK(strstr(error.text, "description column "));
        return;
    }
    for (uint32_t c = 0; c < space.base.count; c++) {
        uint32_t free_settings[RECS__SETTINGS_MAX];
        uint32_t count = recs__space_free(&space, c, free_settings);
        const recs__trainer *trainer = space.base.specs[c].trainer;
        for (uint32_t f = 0; f < count; f++)
            check_range(&space.ranges[c][free_settings[f]], &trainer->settings[free_settings[f]]);
    }
    FUZZ_CHECK(recs__space_parse(&again, text, &error) == RECS_OK);
    FUZZ_CHECK(recs__space_hash(&again) == recs__space_hash(&space));
}

/* Lines until the end or a damaged one; the last of them is left in line. */
static recs_status read_lines(recs__state *state, recs__state_line *line, size_t *lines) {
    recs_error error = {0};
    bool there = true;
    for (*lines = 0;; ++*lines) {
        recs_status status = recs__state_next(state, line, &there, &error);
        if (status != RECS_OK) {
            FUZZ_CHECK(status == RECS_ERR_CORRUPT && strstr(error.text, "damaged at line "));
            return status;
        }
        if (!there)
            return RECS_OK;
        FUZZ_CHECK(line->count <= RECS__STATE_FIELDS);
        for (uint32_t f = 0; f < line->count; f++) {
            double number;
            FUZZ_CHECK(line->fields[f].name != NULL);
            recs__state_number(line, line->fields[f].name, &number);
        }
    }
}

static void check_state(const uint8_t *data, size_t size) {
    fuzz_memory memory = {.limit = (size_t)4 << 20};
    recs_host host = fuzz_host(&memory);
    recs__state_writer writer;
    recs__state_line line;
    recs__state state;
    recs_error error = {0};
    char path[64];
    size_t lines, again;
    double number;
    int file = memfd_create("state", MFD_CLOEXEC);

    FUZZ_CHECK(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    FUZZ_CHECK(recs__state_open(&state, path, &host, &error) == RECS_OK);
    recs_status status = read_lines(&state, &line, &lines);
    if (status == RECS_OK) {
        recs__state_begin(&writer, &host, &error);
        recs__state_add_text(&writer, "text", "a \"b\"\\\n\tc");
        recs__state_add_number(&writer, "number", 0.1 + (double)size);
        FUZZ_CHECK(recs__state_append(&state, &writer, &error) == RECS_OK);
    }
    recs__state_close(&state);
    if (status == RECS_OK) {
        FUZZ_CHECK(recs__state_open(&state, path, &host, &error) == RECS_OK);
        for (again = 0; again <= lines; again++) {
            bool there;
            FUZZ_CHECK(recs__state_next(&state, &line, &there, &error) == RECS_OK && there);
        }
        FUZZ_CHECK(strcmp(recs__state_text(&line, "text"), "a \"b\"\\\n\tc") == 0);
        FUZZ_CHECK(recs__state_number(&line, "number", &number) && number == 0.1 + (double)size);
        FUZZ_CHECK(read_lines(&state, &line, &again) == RECS_OK && again == 0);
        recs__state_close(&state);
    }
    FUZZ_CHECK(memory.refused == 0 && memory.held == 0);
    close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    size--;
    if (data[size] % 2) {
        check_state(data, size);
        return 0;
    }
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_space(text);
    free(text);
    return 0;
}
