/* fuzz_vectors.c - any bytes as a file of vectors and as the description of a set.
 *
 * The last byte is the mode: bits 0 and 1 the format (auto by the bytes, npy, fvecs, csv or
 * jsonl by theirs), bit 2 ids from the same bytes, bit 3 zeros dropped, bit 4 the
 * bytes as a description. Properties: no crash, nothing kept, no more memory than a
 * small machine has; what is read is finite, of one dimension, with ids that are
 * ids; a description that is accepted is read back as itself. */
#include "fuzz.h"

#include "base/text.h"
#include "recs/vector_file.h"
#include "search/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEMORY_LIMIT = 64 << 20, INPUT_MAX = 1 << 16 };

static void check_spec(const uint8_t *data, size_t size) {
    recs__vector_spec spec, again;
    char *text = malloc(size + 1), printed[RECS__SPEC_TEXT], twice[RECS__SPEC_TEXT];
    memcpy(text, data, size);
    text[size] = '\0';
    if (recs__vector_spec_parse(&spec, text, NULL) == RECS_OK) {
        recs__vector_spec_text(&spec, printed);
        FUZZ_CHECK(recs__vector_spec_parse(&again, printed, NULL) == RECS_OK);
        recs__vector_spec_text(&again, twice);
        FUZZ_CHECK(strcmp(printed, twice) == 0);
        FUZZ_CHECK(strcmp(spec.index, again.index) == 0);
    }
    free(text);
}

static void check_file(const char *path, const recs_vector_file_options *options,
                       const recs_host *host) {
    recs_vector_file *file = NULL;
    size_t count = 1;
    if (recs_vector_file_open(&file, path, options, host, NULL) != RECS_OK)
        return;
    uint32_t dimension = recs_vector_file_dimension(file);
    FUZZ_CHECK(dimension >= 1 && dimension <= 65536);
    while (count != 0) {
        const char *bytes;
        const uint32_t *offsets;
        const float *values;
        if (recs_vector_file_next(file, 7, &bytes, &offsets, &values, &count, NULL) != RECS_OK)
            break;
        FUZZ_CHECK(count <= 7);
        for (size_t i = 0; i < count * dimension; i++)
            FUZZ_CHECK(isfinite(values[i]));
        for (size_t i = 0; i < count; i++)
            FUZZ_CHECK(recs__id_problem(bytes + offsets[i], offsets[i + 1] - offsets[i]) == NULL);
    }
    recs_vector_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {NULL, "npy", "fvecs", "csv"};
    if (size == 0 || size > INPUT_MAX)
        return 0;
    uint8_t mode = data[--size];
    if (mode & 16) {
        check_spec(data, size);
        return 0;
    }
    char path[] = "/tmp/recs-fuzz-XXXXXX";
    int file = mkstemp(path);
    if (file < 0)
        return 0;
    FUZZ_CHECK(write(file, data, size) == (ssize_t)size);
    close(file);
    recs_vector_file_options options = {.struct_size = sizeof options,
                                        .format = formats[mode & 3],
                                        .ids = mode & 4 ? path : NULL,
                                        .skip_zero = (mode & 8) != 0};
    fuzz_memory memory = {.limit = MEMORY_LIMIT};
    recs_host host = fuzz_host(&memory);
    check_file(path, &options, &host);
    FUZZ_CHECK(memory.held == 0 && memory.refused == 0);
    unlink(path);
    return 0;
}
