/* backend.c - finding and checking a backend, behind backend.h. */
#include "base/backend.h"

#include "base/error.h"
#include "base/lent.h"

#include <dlfcn.h>
#include <string.h>

static recs_status check_whole(const recs_vector_backend *backend, recs_error *error) {
    const char *missing = backend->name == NULL      ? "name"
                          : backend->version == NULL ? "version"
                          : backend->check == NULL   ? "check"
                          : backend->build == NULL   ? "build"
                          : backend->save == NULL    ? "save"
                          : backend->open == NULL    ? "open"
                          : backend->search == NULL  ? "search"
                          : backend->memory == NULL  ? "memory"
                          : backend->destroy == NULL ? "destroy"
                          : backend->effort_range == NULL ? "effort_range"
                                                          : NULL;
    if (missing != NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recs_vector_backend.%s is NULL, expected every member to be set",
                          missing);
    return RECS_OK;
}

static recs_status take(recs_vector_backend *out, const recs_vector_backend *given,
                        recs_error *error) {
    recs_status status =
        recs__lent_copy(out, sizeof *out, given, "recs_vector_backend", error);
    return status == RECS_OK ? check_whole(out, error) : status;
}

recs_status recs__backend_load(recs_vector_backend *out, const char *library,
                               const char *function, const char *index, recs_error *error) {
    void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (loaded == NULL) {
        const char *why = dlerror();
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "index=%s needs %s, which cannot be loaded: install librecs-faiss, hand "
                          "over a backend, or use index=exact (%s)",
                          index, library, why != NULL ? why : "no reason given");
    }
    /* POSIX gives functions as object pointers; the bytes are what counts. */
    recs_vector_backend_function *get = NULL;
    void *symbol = dlsym(loaded, function);
    if (symbol != NULL)
        memcpy(&get, &symbol, sizeof get);
    const recs_vector_backend *found = get != NULL ? get() : NULL;
    if (found == NULL)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "index=%s needs %s, which has no function %s: is it of another version?",
                          index, library, function);
    return take(out, found, error);
}

recs_status recs__backend_find(recs_vector_backend *out, const recs_vector_backend *given,
                               const char *index, recs_error *error) {
    if (given != NULL)
        return take(out, given, error);
    return recs__backend_load(out, RECS__BACKEND_LIBRARY, RECS__BACKEND_FUNCTION, index, error);
}
