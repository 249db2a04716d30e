/* codec.c - zstd, for sections stored compressed; the only file here that
 * includes zstd.h.
 *
 * Operations: recs__inflate and recs__deflate, linear, about 1 GB/s and 0.3
 * GB/s. Working memory, about 0.2 MB and 2 MB, comes from the host too, which
 * takes the part of zstd's interface that lets a caller lend an allocator.
 *
 * Invariant: nothing is allocated for a claimed size before the claim was
 * found plausible: within 2^40, what the frame itself says, and no more than
 * the stored bytes could hold (a block of at least 4 bytes gives at most
 * 128 KiB). */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "base/checked.h"
#include "model/internal.h"

enum {
    LEVEL = 3,
    BLOCK_STORED_MIN = 4,
    BLOCK_RAW_MAX = 128 * 1024
};

static void *lend(void *host, size_t size) {
    const recs_host *lender = host;
    return lender->allocate(lender->memory_data, size != 0 ? size : 1);
}

static void take_back(void *host, void *block) {
    const recs_host *lender = host;
    if (block != NULL)
        lender->release(lender->memory_data, block);
}

static recs_status check_claim(const recs__file_section *section, const unsigned char *bytes,
                               recs_error *error) {
    const char *label = recs__section_label(section->type);
    if (section->raw_size > RECS__FILE_RAW_MAX || section->raw_size > SIZE_MAX)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section %s would inflate to %llu bytes, the limit is %llu", label,
                          (unsigned long long)section->raw_size,
                          (unsigned long long)RECS__FILE_RAW_MAX);
    unsigned long long said = ZSTD_getFrameContentSize(bytes, (size_t)section->size);
    if (said == ZSTD_CONTENTSIZE_ERROR || said == ZSTD_CONTENTSIZE_UNKNOWN)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section %s is not a zstd frame that states its size", label);
    if (said != section->raw_size)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section %s says it inflates to %llu bytes, its zstd frame says %llu",
                          label, (unsigned long long)section->raw_size, said);
    if (section->raw_size / BLOCK_RAW_MAX > section->size / BLOCK_STORED_MIN)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section %s: %llu bytes cannot inflate to %llu", label,
                          (unsigned long long)section->size,
                          (unsigned long long)section->raw_size);
    return RECS_OK;
}

recs_status recs__inflate(const recs_host *host, const recs__file_section *section,
                          const unsigned char *bytes, void **out, recs_error *error) {
    *out = NULL;
    recs_status status = check_claim(section, bytes, error);
    if (status != RECS_OK)
        return status;
    recs_host lender = *host;
    ZSTD_customMem memory = {lend, take_back, &lender};
    ZSTD_DCtx *context = ZSTD_createDCtx_advanced(memory);
    if (context == NULL)
        return recs__fail_memory(error, ZSTD_estimateDCtxSize());
    void *raw = recs__alloc_aligned(host, (size_t)section->raw_size, 1, error);
    if (raw == NULL) {
        ZSTD_freeDCtx(context);
        return RECS_ERR_MEMORY;
    }
    size_t size = ZSTD_decompressDCtx(context, raw, (size_t)section->raw_size, bytes,
                                      (size_t)section->size);
    ZSTD_freeDCtx(context);
    if (!ZSTD_isError(size) && size == section->raw_size) {
        *out = raw;
        return RECS_OK;
    }
    recs__free_aligned(host, raw);
    return recs__fail(error, RECS_ERR_CORRUPT, "section %s does not inflate: %s",
                      recs__section_label(section->type),
                      ZSTD_isError(size) ? ZSTD_getErrorName(size) : "it ends early");
}

recs_status recs__deflate(const recs_host *host, const void *bytes, size_t size, void **out,
                          size_t *out_size, recs_error *error) {
    *out = NULL;
    *out_size = 0;
    if (size == 0)
        return RECS_OK;
    recs_host lender = *host;
    ZSTD_customMem memory = {lend, take_back, &lender};
    ZSTD_CCtx *context = ZSTD_createCCtx_advanced(memory);
    if (context == NULL)
        return recs__fail_memory(error, ZSTD_estimateCCtxSize(LEVEL));
    /* Room for less than the input: what does not fit is not wanted. */
    void *packed = recs__alloc(host, size, 1, error);
    if (packed == NULL) {
        ZSTD_freeCCtx(context);
        return RECS_ERR_MEMORY;
    }
    size_t packed_size = ZSTD_compressCCtx(context, packed, size - 1, bytes, size, LEVEL);
    ZSTD_freeCCtx(context);
    if (!ZSTD_isError(packed_size)) {
        *out = packed;
        *out_size = packed_size;
        return RECS_OK;
    }
    recs__free(host, packed);
    if (ZSTD_getErrorCode(packed_size) == ZSTD_error_memory_allocation)
        return recs__fail_memory(error, ZSTD_estimateCCtxSize(LEVEL));
    return RECS_OK;
}
