/* idx.c - reading the idx files of the MNIST family: big-endian magic, sizes, bytes. */
#include "similar_items.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { IMAGES = 0x803, LABELS = 0x801, SIDE_MOST = 1024, COUNT_MOST = 10000000 };

static bool complain(const char *path, const char *what) {
    fprintf(stderr, "similar_items: %s: %s\n", path, what);
    return false;
}

static bool read_whole(gzFile file, void *out, size_t size) {
    uint8_t *at = out;
    while (size > 0) {
        unsigned part = size < (1u << 30) ? (unsigned)size : 1u << 30;
        int got = gzread(file, at, part);
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool read_numbers(gzFile file, uint32_t *numbers, int count) {
    uint8_t bytes[4];
    for (int i = 0; i < count; i++) {
        if (!read_whole(file, bytes, 4))
            return false;
        numbers[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                     (uint32_t)bytes[2] << 8 | bytes[3];
    }
    return true;
}

/* zlib reads plain files as well as compressed ones. */
static gzFile open_either(const char *folder, const char *prefix, const char *kind, char *path,
                          size_t size) {
    snprintf(path, size, "%s/%s-%s-ubyte.gz", folder, prefix, kind);
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        snprintf(path, size, "%s/%s-%s-ubyte", folder, prefix, kind);
        file = gzopen(path, "rb");
    }
    return file;
}

static bool read_images(photographs *all, gzFile file, const char *path, uint32_t *added) {
    uint32_t head[4];
    if (!read_numbers(file, head, 4) || head[0] != IMAGES)
        return complain(path, "not an idx file of images (magic 0x803)");
    if (head[1] == 0 || head[1] > COUNT_MOST || head[2] == 0 || head[2] > SIDE_MOST ||
        head[3] == 0 || head[3] > SIDE_MOST)
        return complain(path, "no images, or of a size above 1024 x 1024");
    if (all->count != 0 && (head[2] != all->height || head[3] != all->width))
        return complain(path, "images of another size than those before");
    size_t image = (size_t)head[2] * head[3];
    uint8_t *pixels = realloc(all->pixels, ((size_t)all->count + head[1]) * image);
    uint8_t *labels = realloc(all->labels, (size_t)all->count + head[1]);
    all->pixels = pixels != NULL ? pixels : all->pixels;
    all->labels = labels != NULL ? labels : all->labels;
    if (pixels == NULL || labels == NULL)
        return complain(path, "not enough memory");
    if (!read_whole(file, pixels + all->count * image, head[1] * image))
        return complain(path, "ends before its last image");
    all->height = head[2];
    all->width = head[3];
    *added = head[1];
    return true;
}

static bool read_labels(const photographs *all, gzFile file, const char *path, uint32_t count) {
    uint32_t head[2];
    if (!read_numbers(file, head, 2) || head[0] != LABELS)
        return complain(path, "not an idx file of labels (magic 0x801)");
    if (head[1] != count)
        return complain(path, "another number of labels than of images");
    if (!read_whole(file, all->labels + all->count, count))
        return complain(path, "ends before its last label");
    return true;
}

bool photographs_read(photographs *all, const char *folder, const char *prefix) {
    char path[4096];
    uint32_t added = 0;
    gzFile file = open_either(folder, prefix, "images-idx3", path, sizeof path);
    if (file == NULL)
        return complain(path, "cannot be opened (scripts/fetch-fashion-mnist gets the data)");
    bool read = read_images(all, file, path, &added);
    gzclose(file);
    if (!read)
        return false;
    file = open_either(folder, prefix, "labels-idx1", path, sizeof path);
    if (file == NULL)
        return complain(path, "cannot be opened");
    read = read_labels(all, file, path, added);
    gzclose(file);
    all->count += read ? added : 0;
    return read;
}

void photographs_free(photographs *all) {
    free(all->pixels);
    free(all->labels);
}

const char *label_name(unsigned label) {
    static const char *const names[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                        "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};
    static const char *const others = "other";
    return label < sizeof names / sizeof names[0] ? names[label] : others;
}
