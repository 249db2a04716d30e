/* faiss_library.c - loading FAISS, behind faiss_library.h.
 *
 * What this file keeps for the process: the loaded table, written once before
 * anybody reads it, and the count of forks. */
#include "faiss/faiss_library.h"

#include "faiss/faiss_host.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#ifndef RECS_FAISS_PREFIX
#define RECS_FAISS_PREFIX ""
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static recs__faiss loaded;
static atomic_uint forks;

typedef struct symbol {
    const char *name;
    size_t offset;
    bool needed;
} symbol;

#define CALL(member, needed) {"faiss_" #member, offsetof(recs__faiss_calls, member), needed}
static const symbol symbols[] = {
    CALL(index_factory, true),
    CALL(Index_free, true),
    CALL(Index_d, true),
    CALL(Index_is_trained, true),
    CALL(Index_ntotal, true),
    CALL(Index_metric_type, true),
    CALL(Index_train, true),
    CALL(Index_add, true),
    CALL(Index_reset, true),
    CALL(Index_assign, true),
    CALL(Index_search, true),
    CALL(Index_remove_ids, true),
    CALL(IDSelectorBatch_new, true),
    CALL(IDSelector_free, true),
    CALL(IndexIVF_cast, true),
    CALL(IndexIVF_quantizer, true),
    CALL(IndexIVF_nlist, true),
    CALL(ParameterSpace_new, true),
    CALL(ParameterSpace_free, true),
    CALL(ParameterSpace_set_index_parameter, true),
    CALL(write_index, true),
    CALL(read_index, true),
    CALL(get_last_error, true),
    CALL(get_version, false),
    CALL(Index_search_with_params, false),
    CALL(IDSelectorBitmap_new, false),
    CALL(SearchParameters_free, false),
    CALL(SearchParametersHNSW_new_with, false),
    CALL(SearchParametersIVF_new_with, false),
    {"omp_get_max_threads", offsetof(recs__faiss_calls, omp_get_max_threads), false},
    {"omp_set_num_threads", offsetof(recs__faiss_calls, omp_set_num_threads), false},
};
#undef CALL

static void note(recs__faiss *faiss, const char *before, const char *what) {
    size_t used = strlen(faiss->failure);
    snprintf(faiss->failure + used, sizeof faiss->failure - used, "%s%s%s", used ? "; " : "", before,
             what);
}

/* "1.7.3 avx2" of ".../librecs-faiss-avx2.so"; the file's name where it is not ours. */
static void name_version(recs__faiss *faiss, void *library, const char *path) {
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    static const char ours[] = "librecs-faiss-";
    char variant[32];
    if (strncmp(file, ours, sizeof ours - 1) == 0)
        file += sizeof ours - 1;
    snprintf(variant, sizeof variant, "%s", file);
    char *dot = strrchr(variant, '.');
    if (dot != NULL && strcmp(dot, ".so") == 0)
        *dot = '\0';
    const char *const *built = dlsym(library, "faiss_recs_version");
    const char *version = faiss->call.get_version != NULL ? faiss->call.get_version()
                          : built != NULL                 ? *built
                                                          : "unknown";
    snprintf(faiss->version, sizeof faiss->version, "%.24s %s", version, variant);
}

bool recs__faiss_load(recs__faiss *out, const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *why = dlerror();
        note(out, "", why != NULL ? why : path);
        return false;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *found = dlsym(library, symbols[i].name);
        if (found == NULL && symbols[i].needed) {
            note(out, path, ": FAISS of another version, it has no function ");
            note(out, symbols[i].name, "");
            return false;
        }
        /* POSIX gives functions as object pointers; the bytes are what counts. */
        memcpy((char *)&out->call + symbols[i].offset, &found, sizeof found);
    }
    if (out->call.ParameterSpace_new(&out->space) != 0) {
        note(out, path, ": out of memory");
        return false;
    }
    name_version(out, library, path);
    return true;
}

static bool has_avx2(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("popcnt");
#else
    return false;
#endif
}

/* The folder that holds this code, with its slash; empty when it is not known. */
static void own_folder(char *out, size_t size) {
    Dl_info info;
    *out = '\0';
    if (dladdr(&once, &info) == 0 || info.dli_fname == NULL)
        return;
    const char *slash = strrchr(info.dli_fname, '/');
    if (slash != NULL && (size_t)(slash - info.dli_fname) + 2 <= size) {
        memcpy(out, info.dli_fname, (size_t)(slash - info.dli_fname) + 1);
        out[slash - info.dli_fname + 1] = '\0';
    }
}

static bool load_built(const char *folder) {
    char path[PATH_MAX];
    for (int i = has_avx2() ? 0 : 1; i < 2; i++) {
        int length = snprintf(path, sizeof path, "%srecs-faiss/librecs-faiss-%s.so", folder,
                              i == 0 ? "avx2" : "baseline");
        if (length > 0 && (size_t)length < sizeof path && recs__faiss_load(&loaded, path))
            return true;
    }
    return false;
}

static void count_fork(void) { atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed); }

static void load(void) {
    pthread_atfork(NULL, NULL, count_fork);
    if (RECS_FAISS_PREFIX[0] != '\0' &&
        (recs__faiss_load(&loaded, RECS_FAISS_PREFIX "/lib/libfaiss_c.so") ||
         recs__faiss_load(&loaded, RECS_FAISS_PREFIX "/lib64/libfaiss_c.so")))
        return;
    char folder[PATH_MAX], above[PATH_MAX + 8];
    own_folder(folder, sizeof folder);
    if (*folder != '\0') {
        if (load_built(folder))
            return;
        snprintf(above, sizeof above, "%s../", folder);
        if (load_built(above))
            return;
#ifdef RECS_TEST /* build/asan/tests/test_faiss */
        snprintf(above, sizeof above, "%s../../", folder);
        if (load_built(above))
            return;
#endif
    }
    recs__faiss_load(&loaded, "libfaiss_c.so");
}

recs_status recs__faiss_get(const recs__faiss **out, recs_error *error) {
    pthread_once(&once, load);
    if (loaded.version[0] == '\0')
        return recs__faiss_fail(error, RECS_ERR_UNSUPPORTED,
                                "FAISS cannot be loaded; scripts/build-faiss makes it (%s)",
                                loaded.failure);
    *out = &loaded;
    return RECS_OK;
}

const char *recs__faiss_version(void) {
    pthread_once(&once, load);
    return loaded.version[0] != '\0' ? loaded.version : "none";
}

recs_status recs__faiss_fail_call(const recs__faiss *faiss, recs_error *error, recs_status status,
                                  const char *what) {
    const char *text = faiss->call.get_last_error();
    if (text == NULL)
        text = "no reason given";
    if (strstr(text, "bad_alloc") != NULL || strstr(text, "length_error") != NULL)
        return recs__faiss_fail(error, RECS_ERR_MEMORY, "out of memory inside FAISS during %s",
                                what);
    /* Its texts begin with "Error in <function> at <file>:<line>: ". */
    const char *reason = strstr(text, "Error: ");
    return recs__faiss_fail(error, status, "FAISS %s, %s: %s", faiss->version, what,
                            reason != NULL ? reason : text);
}

unsigned recs__faiss_forks(void) { return atomic_load_explicit(&forks, memory_order_relaxed); }

int recs__faiss_alone(const recs__faiss *faiss) {
    if (faiss->call.omp_set_num_threads == NULL || faiss->call.omp_get_max_threads == NULL)
        return 1;
    int threads = faiss->call.omp_get_max_threads();
    if (threads != 1)
        faiss->call.omp_set_num_threads(1);
    return threads;
}

void recs__faiss_alone_end(const recs__faiss *faiss, int threads) {
    if (threads != 1)
        faiss->call.omp_set_num_threads(threads);
}
