/* fuzz_model.c - any bytes as a model file: opened, verified, every getter
 * called.
 *
 * The last byte of the input is the mode and not part of the file: bit 0
 * puts the checksums right first, so that the fuzzer gets past them; bit 1
 * leaves compressed sections refused. Properties: no crash, nothing kept, no
 * more memory than a claimed size could be good for, and a file that verify
 * accepts has an id for every row. */
#include "fuzz.h"

#include "recs/model.h"
#include "support/walk.h"

enum { MEMORY_LIMIT = 64 << 20, ROWS = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    unsigned mode = data[--size];
    unsigned char *bytes = walk_copy(data, size);
    if ((mode & 1) != 0)
        walk_seal(bytes, size, true);
    fuzz_memory memory = {.limit = MEMORY_LIMIT};
    recs_host host = fuzz_host(&memory);
    recs_open_options options = {.struct_size = sizeof options,
                                 .load = RECS_LOAD_COPY,
                                 .inflate = (mode & 2) == 0,
                                 .trusted = 1};
    recs_model *model;
    recs_error error = {0};
    recs_status status =
        recs_model_open_memory(&model, bytes, size, &options, &host, &error);
    FUZZ_CHECK((status == RECS_OK) == (model != NULL));
    if (status == RECS_OK) {
        FUZZ_CHECK(recs_model_items(model) < UINT32_C(1) << 31);
        bool sound = recs_model_verify(model, &error) == RECS_OK;
        for (uint32_t row = 0; sound && row < recs_model_items(model) && row < ROWS; row++) {
            const char *id = recs_model_item_id(model, row);
            FUZZ_CHECK(id != NULL && recs_model_item_row(model, id) == row);
            FUZZ_CHECK(recs_model_item_rank(model, row) < recs_model_items(model));
        }
        walk_model(model, ROWS);
        recs_model_release(model);
    } else {
        FUZZ_CHECK(error.status == (int32_t)status && error.text[0] != '\0');
    }
    free(bytes);
    FUZZ_CHECK(memory.held == 0);
    return 0;
}
