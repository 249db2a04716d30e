/* lent.c - copying a struct of the caller's size into ours. */
#include "base/lent.h"

#include "base/error.h"

#include <string.h>

enum {
    /* A struct_size above this is taken for an uninitialised one: to check
     * that its extra bytes are zero would read memory that is not there. */
    SIZE_MOST = 4096
};

recs_status recs__lent_copy(void *out, size_t out_size, const void *given, const char *name,
                            recs_error *error) {
    const unsigned char *bytes = given;
    size_t size = 0;

    if (given) {
        memcpy(&size, given, sizeof size);
        if (size < sizeof size || size > SIZE_MOST || size % sizeof(void *) != 0)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "%s.struct_size is %zu, expected sizeof(%s), %zu here", name, size,
                              name, out_size);
        for (size_t i = out_size; i < size; i++)
            if (bytes[i] != 0)
                return recs__fail(error, RECS_ERR_ARGUMENT,
                                  "%s of %zu bytes sets a member at byte %zu that this version, "
                                  "whose %s has %zu bytes, does not know",
                                  name, size, i, name, out_size);
    }
    memset(out, 0, out_size);
    if (given)
        memcpy(out, given, size < out_size ? size : out_size);
    memcpy(out, &out_size, sizeof out_size);
    return RECS_OK;
}
