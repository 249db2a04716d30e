/* input.c - sequential bytes, decompressed.
 *
 * A source (descriptor or memory) is read in blocks of BLOCK bytes; a codec
 * (none, zstd, gzip) turns them into what is asked for. Concatenated zstd
 * frames and gzip members are one stream, as their tools make them.
 *
 * Invariant: a stream that ends inside a frame is CORRUPT, never short data. */
#include "train/input.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY /* for the caller's allocator */
#include <zstd.h>
#include <zstd_errors.h>

#define BLOCK ((size_t)256 << 10)

typedef enum codec { PLAIN, ZSTD, GZIP } codec;

struct recs__input {
    recs_host host;
    char *name;
    int descriptor; /* -1: memory */
    bool owned;
    const unsigned char *memory;
    size_t memory_size;
    unsigned char *block; /* of the source; NULL for memory */
    const unsigned char *at;
    size_t left;
    bool ended; /* the source has no more */
    uint64_t done, total;

    codec codec;
    ZSTD_DStream *zstd;
    z_stream gzip;
    bool gzip_open;
    bool inside; /* a frame has begun and not ended */
};

static void *zstd_allocate(void *host, size_t size) { return recs__alloc(host, size, 1, NULL); }
static void zstd_release(void *host, void *block) { recs__free(host, block); }
static voidpf gzip_allocate(voidpf host, uInt count, uInt size) {
    return recs__alloc(host, count, size, NULL);
}
static void gzip_release(voidpf host, voidpf block) { recs__free(host, block); }

void recs__input_close(recs__input *input) {
    if (input == NULL)
        return;
    recs_host host = input->host;
    if (input->gzip_open)
        inflateEnd(&input->gzip);
    ZSTD_freeDStream(input->zstd);
    if (input->owned && input->descriptor >= 0)
        close(input->descriptor);
    recs__free(&host, input->block);
    recs__free(&host, input->name);
    recs__free(&host, input);
}

/* Makes the next bytes of the source available when there are none. */
static recs_status refill(recs__input *input, recs_error *error) {
    if (input->left != 0 || input->ended)
        return RECS_OK;
    if (input->descriptor < 0) {
        input->ended = true;
        return RECS_OK;
    }
    size_t filled = 0;
    while (filled < BLOCK) {
        ssize_t got = read(input->descriptor, input->block + filled, BLOCK - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return recs__fail_errno(error, errno, "cannot read %s", input->name);
        if (got == 0) {
            input->ended = true;
            break;
        }
        filled += (size_t)got;
    }
    input->at = input->block;
    input->left = filled;
    input->done += filled;
    return RECS_OK;
}

static recs_status start_zstd(recs__input *input, recs_error *error) {
    ZSTD_customMem memory = {zstd_allocate, zstd_release, &input->host};
    input->zstd = ZSTD_createDStream_advanced(memory);
    if (input->zstd == NULL || ZSTD_isError(ZSTD_initDStream(input->zstd)))
        return recs__fail_memory(error, ZSTD_DStreamInSize());
    input->codec = ZSTD;
    return RECS_OK;
}

static recs_status start_gzip(recs__input *input, recs_error *error) {
    input->gzip.zalloc = gzip_allocate;
    input->gzip.zfree = gzip_release;
    input->gzip.opaque = &input->host;
    if (inflateInit2(&input->gzip, 15 + 16) != Z_OK)
        return recs__fail_memory(error, sizeof input->gzip);
    input->gzip_open = true;
    input->codec = GZIP;
    return RECS_OK;
}

static recs_status recognise(recs__input *input, recs_error *error) {
    recs_status status = refill(input, error);
    if (status != RECS_OK)
        return status;
    const unsigned char *b = input->at;
    if (input->left >= 4 && b[1] == 0xB5 && b[2] == 0x2F && b[3] == 0xFD && b[0] == 0x28)
        return start_zstd(input, error);
    if (input->left >= 3 && b[0] == 0x1F && b[1] == 0x8B && b[2] == 8)
        return start_gzip(input, error);
    return RECS_OK;
}

static recs_status begin(recs__input **input, const char *name, const recs_host *host,
                         recs_error *error) {
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    *input = NULL;
    if (status != RECS_OK)
        return status;
    recs__input *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->descriptor = -1;
    made->name = recs__copy_text(&resolved, name, error);
    if (made->name == NULL) {
        recs__free(&resolved, made);
        return RECS_ERR_MEMORY;
    }
    *input = made;
    return RECS_OK;
}

static recs_status open_descriptor(recs__input *input, const char *path, recs_error *error) {
    struct stat about;
    input->owned = strcmp(path, "-") != 0;
    input->descriptor = input->owned ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (input->descriptor < 0)
        return recs__fail_errno(error, errno, "cannot open %s", path);
    if (fstat(input->descriptor, &about) != 0)
        return recs__fail_errno(error, errno, "cannot open %s", input->name);
    if (S_ISDIR(about.st_mode))
        return recs__fail(error, RECS_ERR_IO, "cannot read %s: it is a folder", input->name);
    if (S_ISREG(about.st_mode))
        input->total = (uint64_t)about.st_size;
    input->block = recs__alloc(&input->host, BLOCK, 1, error);
    return input->block != NULL ? recognise(input, error) : RECS_ERR_MEMORY;
}

recs_status recs__input_open(recs__input **input, const char *path, const recs_host *host,
                             recs_error *error) {
    if (path == NULL || path[0] == '\0')
        return recs__fail(error, RECS_ERR_ARGUMENT, "path is %s; a file's or \"-\" is expected",
                          path ? "empty" : "NULL");
    recs_status status = begin(input, strcmp(path, "-") ? path : "standard input", host, error);
    if (status != RECS_OK)
        return status;
    status = open_descriptor(*input, path, error);
    if (status != RECS_OK) {
        recs__input_close(*input);
        *input = NULL;
    }
    return status;
}

recs_status recs__input_memory(recs__input **input, const void *bytes, size_t size,
                               const recs_host *host, recs_error *error) {
    recs_status status = begin(input, "memory", host, error);
    if (status != RECS_OK)
        return status;
    (*input)->at = bytes;
    (*input)->left = size;
    (*input)->done = (*input)->total = size;
    status = recognise(*input, error);
    if (status != RECS_OK) {
        recs__input_close(*input);
        *input = NULL;
    }
    return status;
}

/* ---- the codecs: each makes at least one byte, or says that there is none ------- */

static recs_status take_plain(recs__input *input, char *out, size_t room, size_t *got) {
    *got = input->left < room ? input->left : room;
    if (*got != 0)
        memcpy(out, input->at, *got);
    input->at += *got;
    input->left -= *got;
    return RECS_OK;
}

static recs_status take_zstd(recs__input *input, char *out, size_t room, size_t *got,
                             recs_error *error) {
    ZSTD_inBuffer in = {input->at, input->left, 0};
    ZSTD_outBuffer to = {out, room, 0};
    size_t code = ZSTD_decompressStream(input->zstd, &to, &in);
    if (ZSTD_isError(code)) {
        if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
            return recs__fail_memory(error, ZSTD_DStreamOutSize());
        return recs__fail(error, RECS_ERR_CORRUPT, "%s is a damaged zstd stream: %s", input->name,
                          ZSTD_getErrorName(code));
    }
    input->inside = code != 0;
    input->at += in.pos;
    input->left -= in.pos;
    *got = to.pos;
    return RECS_OK;
}

static recs_status take_gzip(recs__input *input, char *out, size_t room, size_t *got,
                             recs_error *error) {
    z_stream *stream = &input->gzip;
    if (!input->inside && input->left != 0 && stream->total_in != 0) {
        if (input->at[0] == 0) { /* padding of tapes after the last member */
            input->left = 0;
            *got = 0;
            return RECS_OK;
        }
        inflateReset(stream);
    }
    memcpy(&stream->next_in, &input->at, sizeof stream->next_in); /* zlib's is not const */
    uInt given = input->left < UINT32_MAX ? (uInt)input->left : UINT32_MAX;
    uInt asked = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
    stream->avail_in = given;
    stream->next_out = (Bytef *)out;
    stream->avail_out = asked;
    int code = inflate(stream, Z_NO_FLUSH);
    input->at += given - stream->avail_in;
    input->left -= given - stream->avail_in;
    *got = asked - stream->avail_out;
    if (code == Z_MEM_ERROR)
        return recs__fail_memory(error, sizeof *stream);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return recs__fail(error, RECS_ERR_CORRUPT, "%s is a damaged gzip stream: %s", input->name,
                          stream->msg ? stream->msg : "bad data");
    input->inside = code != Z_STREAM_END;
    return RECS_OK;
}

recs_status recs__input_read(recs__input *input, char *out, size_t room, size_t *got,
                             recs_error *error) {
    *got = 0;
    while (*got < room) {
        size_t made = 0;
        recs_status status = refill(input, error);
        if (status != RECS_OK)
            return status;
        /* A codec may hold output back, so it is asked once more at the end. */
        bool ended = input->ended && input->left == 0;
        if (ended && (input->codec == PLAIN || !input->inside))
            return RECS_OK;
        if (input->codec == PLAIN)
            status = take_plain(input, out + *got, room - *got, &made);
        else if (input->codec == ZSTD)
            status = take_zstd(input, out + *got, room - *got, &made, error);
        else
            status = take_gzip(input, out + *got, room - *got, &made, error);
        if (status != RECS_OK)
            return status;
        *got += made;
        if (ended && made == 0)
            return input->inside ? recs__fail(error, RECS_ERR_CORRUPT,
                                              "%s ends inside a compressed block: it is truncated",
                                              input->name)
                                 : RECS_OK;
    }
    return RECS_OK;
}

const char *recs__input_name(const recs__input *input) { return input->name; }
uint64_t recs__input_done(const recs__input *input) { return input->done - input->left; }
uint64_t recs__input_total(const recs__input *input) { return input->total; }
