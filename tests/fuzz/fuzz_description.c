/* fuzz_description.c - any text as a description of a model: refused with a
 * text, or what is printed reads back and prints as itself. */
#include "fuzz.h"

#include "recs/train.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_memory memory = {.limit = (size_t)4 << 20};
    recs_host host = fuzz_host(&memory);
    char *text = malloc(size + 1), *once = NULL, *twice = NULL;
    recs_error error = {0};

    memcpy(text, data, size);
    text[size] = '\0';
    recs_status status = recs_description_check(text, &host, &once, &error);
    FUZZ_CHECK(memory.refused == 0);
    if (status != RECS_OK) {
        FUZZ_CHECK(status == RECS_ERR_ARGUMENT || status == RECS_ERR_LIMIT);
        FUZZ_CHECK(strstr(error.text, "description column "));
        FUZZ_CHECK(once == NULL);
    } else {
        FUZZ_CHECK(recs_description_check(once, &host, &twice, &error) == RECS_OK);
        FUZZ_CHECK(strcmp(once, twice) == 0);
    }
    recs_text_free(once, &host);
    recs_text_free(twice, &host);
    FUZZ_CHECK(memory.held == 0);
    free(text);
    return 0;
}
