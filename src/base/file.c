/* file.c - whole files: mapped, loaded, or replaced in one step.
 *
 * Operations: map_open, map_close: one mmap, whatever the size. file_load: one
 * read into a host block. The writer: file_create, file_write, file_patch,
 * file_commit, file_abandon, through a buffer of 64 KiB.
 *
 * Invariants of the writer, cited by its tests:
 *   (1) path is untouched until rename, so whoever opens it sees the old file
 *       or the new one, whole;
 *   (2) when commit has returned OK the new content survives a power cut: the
 *       file was synced before the rename and its folder after it;
 *   (3) no return leaves a temporary behind: a failed create has removed it,
 *       and after anything else that fails abandon does.
 * The one failure after the rename is that of syncing the folder; commit then
 * says so, and path already holds the new content. */
#include "base/file.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 65536,
    NAME_TRIES = 100,
    /* Longest beginning of the target's name that is repeated in the
     * temporary's: names may have 255 bytes. */
    NAME_KEPT = 200,
    SUFFIX_ROOM = 32
};

/* Some systems refuse a larger single read or write. */
static const size_t CHUNK_MAX = (size_t)1 << 30;

/* ---- reading -------------------------------------------------------------------- */

/* Opens a regular file and says how long it is. */
static recs_status open_file(const char *path, int *file, size_t *size, recs_error *error) {
    /* O_NONBLOCK: a named pipe is to be refused, not waited for. */
    int opened;
    do
        opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (opened < 0 && errno == EINTR);
    if (opened < 0)
        return recs__fail_errno(error, errno, "cannot open %s", path);

    struct stat status;
    recs_status result = RECS_OK;
    if (fstat(opened, &status) != 0)
        result = recs__fail_errno(error, errno, "cannot examine %s", path);
    else if (!S_ISREG(status.st_mode))
        result = recs__fail(error, RECS_ERR_IO, "%s is %s, expected a file", path,
                            S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
    else if ((uintmax_t)status.st_size > SIZE_MAX / 2)
        result = recs__fail(error, RECS_ERR_LIMIT,
                            "%s has %lld bytes, more than this machine can address", path,
                            (long long)status.st_size);
    if (result != RECS_OK) {
        close(opened);
        return result;
    }
    *file = opened;
    *size = (size_t)status.st_size;
    return RECS_OK;
}

recs_status recs__map_open(recs__map *map, const char *path, recs_error *error) {
    int file;
    size_t size;
    recs_status status = open_file(path, &file, &size, error);
    if (status != RECS_OK)
        return status;
    void *bytes = NULL;
    if (size != 0) {
        bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
        if (bytes == MAP_FAILED) {
            status = recs__fail_errno(error, errno, "cannot map the %zu bytes of %s", size, path);
            close(file);
            return status;
        }
    }
    close(file); /* the mapping keeps the file */
    map->bytes = bytes;
    map->size = size;
    return RECS_OK;
}

void recs__map_close(recs__map *map) {
    if (map->bytes != NULL) {
        /* munmap takes a pointer to what it may not change anyway. */
        void *address;
        memcpy(&address, &map->bytes, sizeof address);
        munmap(address, map->size);
    }
    map->bytes = NULL;
    map->size = 0;
}

static recs_status read_all(int file, const char *path, unsigned char *bytes, size_t size,
                            recs_error *error) {
    for (size_t at = 0; at < size;) {
        size_t part = size - at < CHUNK_MAX ? size - at : CHUNK_MAX;
        ssize_t got = read(file, bytes + at, part);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return recs__fail_errno(error, errno, "cannot read %s", path);
        if (got == 0)
            return recs__fail(error, RECS_ERR_IO,
                              "%s shrank while being read: %zu bytes, expected %zu", path, at,
                              size);
        at += (size_t)got;
    }
    return RECS_OK;
}

recs_status recs__file_load(const recs_host *host, const char *path, unsigned char **bytes,
                            size_t *size, recs_error *error) {
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    int file;
    size_t length;
    status = open_file(path, &file, &length, error);
    if (status != RECS_OK)
        return status;
    unsigned char *block = recs__alloc_aligned(&resolved, length, 1, error);
    status = block == NULL ? RECS_ERR_MEMORY : read_all(file, path, block, length, error);
    close(file);
    if (status != RECS_OK) {
        recs__free_aligned(&resolved, block);
        return status;
    }
    *bytes = block;
    *size = length;
    return RECS_OK;
}

/* ---- writing -------------------------------------------------------------------- */

struct recs__file_writer {
    recs_host host;
    int file;
    bool failed;      /* only abandon may follow                       */
    bool renamed;     /* the temporary is path now: nothing to remove  */
    uint64_t size;    /* bytes written, those in the buffer included   */
    size_t buffered;
    char *path;      /* the target                                     */
    char *temporary; /* beside it                                      */
    unsigned char buffer[BUFFER_SIZE];
};

/* Length of the folder part of path, its last slash included. */
static size_t folder_size(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Writes the try-th candidate, "folder/.name.<12 digits>.tmp". Time, process,
 * address and path make a clash unlikely; O_EXCL makes it harmless. */
static void name_temporary(recs__file_writer *writer, unsigned attempt) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    const uint64_t parts[] = {(uint64_t)time.tv_sec, (uint64_t)time.tv_nsec, (uint64_t)getpid(),
                              (uint64_t)(uintptr_t)writer, attempt};
    uint64_t mixed = recs__hash(parts, sizeof parts) & UINT64_C(0xFFFFFFFFFFFF);
    size_t folder = folder_size(writer->path), name = strlen(writer->path) - folder;
    if (name > NAME_KEPT) { /* cut, but not inside a character */
        name = NAME_KEPT;
        while (name != 0 && (writer->path[folder + name] & 0xC0) == 0x80)
            name--;
    }
    char *out = writer->temporary;
    memcpy(out, writer->path, folder);
    out[folder] = '.';
    memcpy(out + folder + 1, writer->path + folder, name);
    snprintf(out + folder + 1 + name, SUFFIX_ROOM, ".%012llx.tmp", (unsigned long long)mixed);
}

static recs_status open_temporary(recs__file_writer *writer, recs_error *error) {
    for (unsigned attempt = 0; attempt < NAME_TRIES; attempt++) {
        name_temporary(writer, attempt);
        writer->file = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->file >= 0)
            return RECS_OK;
        if (errno != EEXIST && errno != EINTR)
            return recs__fail_errno(error, errno, "cannot make a file beside %s", writer->path);
    }
    return recs__fail_errno(error, errno, "cannot make a file beside %s", writer->path);
}

static void free_writer(recs__file_writer *writer) {
    recs_host host = writer->host;
    recs__free(&host, writer->path);
    recs__free(&host, writer->temporary);
    recs__free(&host, writer);
}

/* A folder, device or pipe cannot be replaced by a file; better said before
 * the content is made than after. */
static recs_status check_target(const char *path, recs_error *error) {
    if (path[folder_size(path)] == '\0')
        return recs__fail(error, RECS_ERR_ARGUMENT, "\"%s\" is no file name", path);
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return recs__fail(error, RECS_ERR_IO, "%s is %s, expected a file to replace", path,
                          S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
    return RECS_OK;
}

recs_status recs__file_create(recs__file_writer **writer, const char *path, const recs_host *host,
                              recs_error *error) {
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    status = check_target(path, error);
    if (status != RECS_OK)
        return status;

    recs__file_writer *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->file = -1;
    made->path = recs__copy_text(&resolved, path, error);
    made->temporary = made->path != NULL
                          ? recs__alloc(&resolved, strlen(path) + 2 + SUFFIX_ROOM, 1, error)
                          : NULL;
    status = made->temporary == NULL ? RECS_ERR_MEMORY : open_temporary(made, error);
    if (status != RECS_OK) {
        free_writer(made);
        return status;
    }
    *writer = made;
    return RECS_OK;
}

static recs_status fail_write(recs__file_writer *writer, int number, recs_error *error) {
    writer->failed = true;
    return recs__fail_errno(error, number, "cannot write %s", writer->path);
}

static recs_status refuse_after_failure(const recs__file_writer *writer, recs_error *error) {
    return recs__fail(error, RECS_ERR_STATE, "writing %s failed before: it can only be abandoned",
                      writer->path);
}

/* Writes at a place of the file, all of it. */
static recs_status write_at(recs__file_writer *writer, uint64_t offset, const void *bytes,
                            size_t size, recs_error *error) {
    const unsigned char *from = bytes;
    while (size != 0) {
        size_t part = size < CHUNK_MAX ? size : CHUNK_MAX;
        ssize_t put = pwrite(writer->file, from, part, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail_write(writer, put < 0 ? errno : EIO, error);
        from += put;
        offset += (uint64_t)put;
        size -= (size_t)put;
    }
    return RECS_OK;
}

static recs_status flush(recs__file_writer *writer, recs_error *error) {
    size_t size = writer->buffered;
    if (size == 0)
        return RECS_OK;
    writer->buffered = 0;
    return write_at(writer, writer->size - size, writer->buffer, size, error);
}

recs_status recs__file_write(recs__file_writer *writer, const void *bytes, size_t size,
                             recs_error *error) {
    if (writer->failed)
        return refuse_after_failure(writer, error);
    if (size == 0)
        return RECS_OK;
    uint64_t end;
    if (recs__add_u64(writer->size, size, &end) || end > (uint64_t)INT64_MAX)
        return fail_write(writer, EFBIG, error);
    recs_status status = RECS_OK;
    if (size >= BUFFER_SIZE || size > BUFFER_SIZE - writer->buffered)
        status = flush(writer, error);
    if (status == RECS_OK && size >= BUFFER_SIZE)
        status = write_at(writer, writer->size, bytes, size, error);
    if (status != RECS_OK)
        return status;
    if (size < BUFFER_SIZE) {
        memcpy(writer->buffer + writer->buffered, bytes, size);
        writer->buffered += size;
    }
    writer->size = end;
    return RECS_OK;
}

recs_status recs__file_patch(recs__file_writer *writer, uint64_t offset, const void *bytes,
                             size_t size, recs_error *error) {
    if (writer->failed)
        return refuse_after_failure(writer, error);
    if (offset > writer->size || size > writer->size - offset)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "patch of %zu bytes at %llu, expected to lie in the %llu bytes written",
                          size, (unsigned long long)offset, (unsigned long long)writer->size);
    recs_status status = flush(writer, error);
    return status == RECS_OK ? write_at(writer, offset, bytes, size, error) : status;
}

/* Makes the rename itself durable. */
static recs_status sync_folder(const recs__file_writer *writer, recs_error *error) {
    size_t size = folder_size(writer->path);
    char *folder = writer->temporary; /* done with, and long enough */
    memcpy(folder, size != 0 ? writer->path : ".", size != 0 ? size : 1);
    folder[size != 0 ? size : 1] = '\0';
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) {
        /* A folder one may write into but not list cannot be synced. */
        return errno == EACCES ? RECS_OK
                               : recs__fail_errno(error, errno, "cannot open folder %s", folder);
    }
    /* EINVAL: a file system that cannot sync a folder. */
    int number = fsync(opened) == 0 || errno == EINVAL ? 0 : errno;
    close(opened);
    return number == 0 ? RECS_OK : recs__fail_errno(error, number, "cannot sync folder %s", folder);
}

recs_status recs__file_commit(recs__file_writer *writer, recs_error *error) {
    if (writer->failed)
        return refuse_after_failure(writer, error);
    recs_status status = flush(writer, error);
    if (status != RECS_OK)
        return status;
    if (fsync(writer->file) != 0)
        return fail_write(writer, errno, error);
    int file = writer->file;
    writer->file = -1;
    if (close(file) != 0 && errno != EINTR)
        return fail_write(writer, errno, error);
    if (rename(writer->temporary, writer->path) != 0) {
        writer->failed = true;
        return recs__fail_errno(error, errno, "cannot replace %s", writer->path);
    }
    writer->renamed = true;
    status = sync_folder(writer, error);
    if (status != RECS_OK) {
        writer->failed = true;
        return status;
    }
    free_writer(writer);
    return RECS_OK;
}

void recs__file_abandon(recs__file_writer *writer) {
    if (writer == NULL)
        return;
    if (writer->file >= 0)
        close(writer->file);
    if (!writer->renamed)
        unlink(writer->temporary);
    free_writer(writer);
}
