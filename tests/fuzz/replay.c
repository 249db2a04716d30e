/* replay.c - a plain main for a fuzz target: runs it once over each file given
 * (or standard input, without any), so that a corpus is an ordinary test. */
#include "fuzz.h"

static int replay(FILE *file, const char *name)
{
    enum { STEP = 1 << 16 };
    uint8_t *bytes = NULL;
    size_t size = 0, got;
    do {
        uint8_t *grown = realloc(bytes, size + STEP);
        if (!grown) {
            free(bytes);
            fprintf(stderr, "%s: out of memory\n", name);
            return 1;
        }
        bytes = grown;
        got = fread(bytes + size, 1, STEP, file);
        size += got;
    } while (got > 0);
    if (ferror(file)) {
        free(bytes);
        fprintf(stderr, "%s: cannot be read\n", name);
        return 1;
    }
    /* Exactly as large as the input, so that instruments see one byte too many. */
    uint8_t *exact = malloc(size ? size : 1);
    if (exact)
        for (size_t i = 0; i < size; i++)
            exact[i] = bytes[i];
    free(bytes);
    if (!exact)
        return 1;
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return replay(stdin, "standard input");
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            perror(argv[i]);
            return 1;
        }
        int failed = replay(file, argv[i]);
        fclose(file);
        if (failed)
            return 1;
    }
    return 0;
}
