/* spill.c - a host's memory in files without a name.
 *
 * A block of a file: one page that only we read, then the bytes, mapped shared
 * and so both memory and file. Room on the disk is taken when the block is
 * made or grows (fallocate, or zeros written), so that a full disk is an
 * allocation that fails and never a signal on a later write. Growing enlarges
 * the file and the mapping; nothing is copied.
 *
 * Cost: a few system calls a block; done is one walk over the blocks, a few
 * dozen, and one madvise.
 *
 * Invariants
 *   1. No file has a name when its block is handed out (O_TMPFILE, or removed
 *      at once), so nothing is left behind, whatever happens to the process.
 *   2. Every block has a head just below it that says how to release it, so
 *      release needs no look-up and works after the maker is gone.
 *   3. holds counts the maker and the blocks; the last one frees the spill. */
#include "train/spill.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD 64
#define WRITE_AT_ONCE ((size_t)1 << 20)
#define PATTERN "/.recs-XXXXXX"

/* Below every block; the rest of the first page of a file is unused. */
typedef struct head {
    struct recs__spill *spill;
    struct head *next, *previous; /* files only */
    size_t size;                  /* of the block, without what is in front of it */
    size_t mapped;                /* bytes of the file       */
    int file;                     /* -1: from the host below */
} head;

struct recs__spill {
    recs_host base, host;
    pthread_mutex_t lock; /* of all that follows */
    uint64_t holds, bytes, peak;
    head *files;
    int failure;          /* errno of the last file that could not grow; 0: none */
    size_t failed_size;
    size_t page;
    char folder[];
};

_Static_assert(sizeof(head) <= HEAD, "a head fits in front of a block");

static head *head_of(void *block) { return (head *)(void *)((unsigned char *)block - HEAD); }

static void *block_of(head *h) { return (unsigned char *)h + HEAD; }

static void *map_of(const recs__spill *spill, head *h) {
    return (unsigned char *)block_of(h) - spill->page;
}

/* ---- files --------------------------------------------------------------------- */

static int make_file(const recs__spill *spill) {
    int file = -1;
#ifdef O_TMPFILE
    file = open(spill->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return file;
#endif
    char name[PATH_MAX];
    int length = snprintf(name, sizeof name, "%s%s", spill->folder, PATTERN);
    if (length < 0 || (size_t)length >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file = mkostemp(name, O_CLOEXEC);
    if (file >= 0)
        unlink(name);
    return file;
}

/* Takes room on the disk for [from, to). errno when there is none. */
static int take_room(int file, size_t from, size_t to) {
    int failure;
    do
        failure = fallocate(file, 0, (off_t)from, (off_t)(to - from)) == 0 ? 0 : errno;
    while (failure == EINTR);
    if (failure != EOPNOTSUPP && failure != ENOSYS)
        return failure;
    static const char zeros[4096];
    while (from < to) {
        size_t part = to - from < sizeof zeros ? to - from : sizeof zeros;
        ssize_t put = pwrite(file, zeros, part, (off_t)from);
        if (put < 0 && errno != EINTR)
            return errno;
        from += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* The size of the file of a block of that size; false when it has none. */
static bool file_size(const recs__spill *spill, size_t size, size_t *out) {
    if (recs__add_size(size, 2 * spill->page - 1, out) || *out > (SIZE_MAX >> 1))
        return false;
    *out -= *out % spill->page;
    return true;
}

static void *fail(recs__spill *spill, int failure, size_t size) {
    pthread_mutex_lock(&spill->lock);
    spill->failure = failure;
    spill->failed_size = size;
    pthread_mutex_unlock(&spill->lock);
    return NULL;
}

static void count_bytes(recs__spill *spill, size_t before, size_t after) {
    spill->bytes += after - before;
    spill->peak = spill->bytes > spill->peak ? spill->bytes : spill->peak;
}

static void *file_block(recs__spill *spill, size_t size) {
    size_t total;
    if (!file_size(spill, size, &total))
        return NULL;
    int file = make_file(spill);
    int failure = file < 0 ? errno : take_room(file, 0, total);
    void *map = MAP_FAILED;
    if (failure == 0) {
        map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        failure = map == MAP_FAILED ? errno : 0;
    }
    if (failure != 0) {
        if (file >= 0)
            close(file);
        return fail(spill, failure, size);
    }
    head *h = head_of((unsigned char *)map + spill->page);
    *h = (head){.spill = spill, .size = size, .mapped = total, .file = file};
    pthread_mutex_lock(&spill->lock);
    spill->holds++;
    count_bytes(spill, 0, total);
    h->next = spill->files;
    if (h->next != NULL)
        h->next->previous = h;
    spill->files = h;
    pthread_mutex_unlock(&spill->lock);
    return block_of(h);
}

static void let_go(recs__spill *spill) { /* locked */
    bool last = --spill->holds == 0;
    pthread_mutex_unlock(&spill->lock);
    if (!last)
        return;
    recs_host base = spill->base;
    pthread_mutex_destroy(&spill->lock);
    recs__free(&base, spill);
}

static void release_file(head *h) {
    recs__spill *spill = h->spill;
    size_t total = h->mapped;
    pthread_mutex_lock(&spill->lock);
    if (h->next != NULL)
        h->next->previous = h->previous;
    if (h->previous != NULL)
        h->previous->next = h->next;
    else
        spill->files = h->next;
    spill->bytes -= total;
    close(h->file);
    munmap(map_of(spill, h), total);
    let_go(spill);
}

static void *grow_file(recs__spill *spill, head *h, size_t size) {
    size_t had = h->mapped, total;
    if (!file_size(spill, size, &total))
        return NULL;
    int failure = total > had ? take_room(h->file, had, total) : 0;
    if (failure != 0)
        return fail(spill, failure, size);
    pthread_mutex_lock(&spill->lock);
    void *map = mremap(map_of(spill, h), had, total, MREMAP_MAYMOVE);
    failure = map == MAP_FAILED ? errno : 0;
    if (failure == 0) {
        h = head_of((unsigned char *)map + spill->page);
        h->size = size;
        h->mapped = total;
        if (h->next != NULL)
            h->next->previous = h;
        if (h->previous != NULL)
            h->previous->next = h;
        else
            spill->files = h;
        count_bytes(spill, had, total);
    }
    pthread_mutex_unlock(&spill->lock);
    if (failure != 0)
        return fail(spill, failure, size);
    if (total < had && ftruncate(h->file, (off_t)total) != 0)
        return block_of(h); /* the file is longer than it need be, no more */
    return block_of(h);
}

/* ---- the host ---------------------------------------------------------------------- */

static void *small_block(recs__spill *spill, size_t size) {
    size_t total;
    if (recs__add_size(size, HEAD, &total))
        return NULL;
    head *h = spill->base.allocate(spill->base.memory_data, total);
    if (h == NULL)
        return NULL;
    *h = (head){.spill = spill, .size = size, .file = -1};
    pthread_mutex_lock(&spill->lock);
    spill->holds++;
    pthread_mutex_unlock(&spill->lock);
    return block_of(h);
}

static void *allocate(void *data, size_t size) {
    return size >= RECS__SPILL_LEAST ? file_block(data, size) : small_block(data, size);
}

static void release(void *data, void *block) {
    (void)data;
    if (block == NULL)
        return;
    head *h = head_of(block);
    recs__spill *spill = h->spill;
    if (h->file >= 0) {
        release_file(h);
        return;
    }
    spill->base.release(spill->base.memory_data, h);
    pthread_mutex_lock(&spill->lock);
    let_go(spill);
}

static void *reallocate(void *data, void *block, size_t size) {
    if (block == NULL)
        return allocate(data, size);
    head *h = head_of(block);
    if (h->file >= 0)
        return grow_file(h->spill, h, size);
    void *grown = allocate(data, size);
    if (grown == NULL)
        return NULL;
    memcpy(grown, block, h->size < size ? h->size : size);
    release(data, block);
    return grown;
}

recs_status recs__spill_create(recs__spill **spill, const char *folder, const recs_host *base,
                               recs_error *error) {
    size_t length = strlen(folder);
    recs__spill *made = recs__alloc_zero(base, 1, sizeof *made + length + 1, error);
    *spill = NULL;
    if (made == NULL)
        return RECS_ERR_MEMORY;
    memcpy(made->folder, folder, length + 1);
    made->base = made->host = *base;
    made->page = (size_t)sysconf(_SC_PAGESIZE);
    made->holds = 1;
    made->host.memory_data = made;
    made->host.allocate = allocate;
    made->host.reallocate = reallocate;
    made->host.release = release;
    int file = make_file(made);
    if (file < 0) {
        recs_status status = recs__fail_errno(error, errno,
                                              "temporary files cannot be made in %s", folder);
        recs__free(base, made);
        return status;
    }
    close(file);
    int failure = pthread_mutex_init(&made->lock, NULL);
    if (failure != 0) {
        recs__free(base, made);
        return recs__fail_errno(error, failure, "cannot make a lock");
    }
    *spill = made;
    return RECS_OK;
}

void recs__spill_release(recs__spill *spill) {
    if (spill == NULL)
        return;
    pthread_mutex_lock(&spill->lock);
    let_go(spill);
}

const recs_host *recs__spill_host(const recs__spill *spill) { return &spill->host; }

uint64_t recs__spill_bytes(const recs__spill *spill) { return spill->bytes; }

uint64_t recs__spill_peak(const recs__spill *spill) { return spill->peak; }

void recs__spill_done(recs__spill *spill, const void *at, size_t size) {
    if (spill == NULL || size == 0)
        return;
    uintptr_t begin = (uintptr_t)at, end = begin + size;
    pthread_mutex_lock(&spill->lock);
    for (head *h = spill->files; h != NULL; h = h->next) {
        uintptr_t first = (uintptr_t)block_of(h), last = first + h->size;
        if (begin < first || end > last)
            continue;
        /* Whole pages within; those at its ends belong to the neighbours, too. */
        uintptr_t from = (begin + spill->page - 1) & ~(uintptr_t)(spill->page - 1);
        uintptr_t to = end & ~(uintptr_t)(spill->page - 1);
        if (from < to)
            madvise((unsigned char *)block_of(h) + (from - first), to - from, MADV_DONTNEED);
        break;
    }
    pthread_mutex_unlock(&spill->lock);
}

recs_status recs__spill_status(recs__spill *spill, recs_status status, recs_error *error) {
    if (spill == NULL || status != RECS_ERR_MEMORY || spill->failure == 0)
        return status;
    return recs__fail_errno(error, spill->failure,
                            "a temporary file of %zu bytes cannot be made in %s",
                            spill->failed_size, spill->folder);
}
