/* fuzz_readers.c - any bytes as a log, as a catalogue, as a time and as a
 * mapping of columns.
 *
 * The last byte of the input is the mode and not part of the file: bits 0 and
 * 1 the format, 2 strict, 3 columns by number, 4 a catalogue instead of a
 * log, 5 baskets, 6 rollup. Properties: no crash, nothing kept, no more memory
 * than a small machine has; rows are used or accounted for; a refused file
 * leaves the dataset as it was; an accepted one makes a training whose
 * matrices are in order. */
#include "fuzz.h"

#include "train/dataset.h"
#include "train/training.h"

#include <string.h>

enum { MEMORY_LIMIT = 256 << 20, INPUT_MAX = 1 << 16 };

static void check_matrix(const recs__csr *matrix) {
    for (uint32_t row = 0; row < matrix->rows; row++)
        for (uint64_t i = matrix->offsets[row]; i < matrix->offsets[row + 1]; i++) {
            FUZZ_CHECK(matrix->columns[i] < matrix->column_count);
            FUZZ_CHECK(i == matrix->offsets[row] || matrix->columns[i - 1] < matrix->columns[i]);
        }
}

static void check_training(const recs_dataset *dataset, const recs_host *host) {
    recs__training *training = NULL;
    if (recs__training_build(&training, dataset, host, NULL) != RECS_OK)
        return; /* ratings without "positive", or nothing at all */
    check_matrix(&training->by_user);
    check_matrix(&training->by_item);
    check_matrix(&training->units);
    FUZZ_CHECK(training->by_user.entries == training->by_item.entries);
    for (uint32_t row = 1; row < training->items; row++)
        FUZZ_CHECK(strcmp(recs__ids_get(&training->item_ids, row - 1, NULL),
                          recs__ids_get(&training->item_ids, row, NULL)) < 0);
    recs__training_destroy(training);
}

static void check_log(recs_dataset *dataset, const recs_host *host) {
    uint64_t rows = recs_dataset_count(dataset, "rows");
    uint64_t used = recs_dataset_count(dataset, "used");
    FUZZ_CHECK(used == dataset->log.count && used <= rows);
    for (uint64_t e = 0; e < dataset->log.count; e++) {
        recs__event event = recs__log_get(&dataset->log, e);
        FUZZ_CHECK(event.item < dataset->items.count);
        FUZZ_CHECK(event.user == RECS_NO_ROW || event.user < dataset->users.count);
        FUZZ_CHECK(event.quantity > -2e30f && event.quantity < 2e30f);
    }
    check_training(dataset, host);
    FUZZ_CHECK(strlen(recs_dataset_report(dataset)) > 0);
}

static void set_mode(recs_dataset *dataset, unsigned mode) {
    static const char *const formats[] = {"auto", "csv", "tsv", "lightgcn"};
    recs_dataset_set(dataset, "format", formats[mode & 3], NULL);
    recs_dataset_set(dataset, "strict", (mode & 4) ? "yes" : "no", NULL);
    if (mode & 8)
        recs_dataset_set(dataset, "columns", "user=1,item=2,time=3,quantity=4,type=5", NULL);
    recs_dataset_set(dataset, "unit", (mode & 32) ? "baskets" : "auto", NULL);
    recs_dataset_set(dataset, "propensity", (mode & 16) ? "clip(0.1)" : "ignore", NULL);
    recs_dataset_set(dataset, "recommended", (mode & 16) ? "0.5" : "1", NULL);
    recs_dataset_set(dataset, "rollup", (mode & 64) ? "group" : "no", NULL);
}

static void read_file(const uint8_t *data, size_t size, unsigned mode) {
    fuzz_memory memory = {.limit = MEMORY_LIMIT};
    recs_host host = fuzz_host(&memory);
    recs_dataset *dataset;
    recs__input *input;
    if (recs_dataset_create(&dataset, &host, NULL) != RECS_OK)
        return;
    set_mode(dataset, mode);
    recs_error error = {0};
    recs_status status = recs__input_memory(&input, data, size, &host, &error);
    if (status == RECS_OK && (mode & 16)) {
        char mapping[256];
        uint64_t rows;
        status = recs__catalogue_read(&dataset->catalogue, &dataset->items, dataset->limit,
                                      &dataset->settings, &dataset->problems, input,
                                      &dataset->host, &rows, mapping, sizeof mapping, &error);
    } else if (status == RECS_OK) {
        status = recs__read_input(dataset, input, &error);
    }
    recs__input_close(input);
    if (status == RECS_OK) {
        check_log(dataset, &host);
    } else {
        FUZZ_CHECK(error.status == (int32_t)status && error.text[0] != '\0');
        FUZZ_CHECK(dataset->log.count == 0 && dataset->users.count == 0 &&
                   dataset->items.count == 0 && dataset->catalogue.column_count == 0);
    }
    recs_dataset_destroy(dataset);
    FUZZ_CHECK(memory.held == 0);
}

static void read_texts(const uint8_t *data, size_t size) {
    fuzz_memory memory = {.limit = MEMORY_LIMIT};
    recs_host host = fuzz_host(&memory);
    char text[96], back[RECS__TIME_TEXT];
    size_t length = size < sizeof text - 1 ? size : sizeof text - 1;
    recs__zone *zone;
    int64_t time, again;
    if (length != 0)
        memcpy(text, data, length);
    text[length] = '\0';
    if (recs__zone_open(&zone, "+05:45", RECS__ZONE_FOLDER, &host, NULL) != RECS_OK)
        return;
    for (int format = RECS__TIME_AUTO; format <= RECS__TIME_MONTH_FIRST; format++)
        if (recs__time_parse(text, length, (recs__time_format)format, zone, &time)) {
            size_t written = recs__time_text(time, back);
            FUZZ_CHECK(recs__time_parse(back, written, RECS__TIME_ISO, zone, &again));
            FUZZ_CHECK(time == again);
        }
    recs__zone_close(zone);
    recs__columns_check(text, NULL);
    FUZZ_CHECK(memory.held == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > INPUT_MAX)
        return 0;
    unsigned mode = data[--size];
    read_texts(data, size);
    read_file(data, size, mode);
    return 0;
}
