/* tmp.c - temporary folders for tests. */
#include "support/tmp.h"

#include "support/test.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tmp_make(tmp_folder *folder) {
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0' || strlen(parent) > TMP_PATH_MAX / 2)
        parent = "/tmp";
    snprintf(folder->path, sizeof folder->path, "%s/recs-test-XXXXXX", parent);
    if (mkdtemp(folder->path) == NULL)
        fail_msg("cannot make a folder %s", folder->path);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

void tmp_remove(tmp_folder *folder) {
    if (folder->path[0] != '\0')
        nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    folder->path[0] = '\0';
}

const char *tmp_path(const tmp_folder *folder, const char *name, char out[TMP_PATH_MAX]) {
    int length = snprintf(out, TMP_PATH_MAX, "%s/%s", folder->path, name);
    assert_true(length > 0 && length < TMP_PATH_MAX);
    return out;
}

size_t tmp_count(const tmp_folder *folder) {
    DIR *entries = opendir(folder->path);
    assert_non_null(entries);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(entries);
    return count;
}

const char *tmp_write(const tmp_folder *folder, const char *name, const void *bytes, size_t size,
                      char out[TMP_PATH_MAX]) {
    tmp_path(folder, name, out);
    FILE *file = fopen(out, "wb");
    if (file == NULL)
        fail_msg("cannot write %s", out);
    size_t written = size != 0 ? fwrite(bytes, 1, size, file) : 0;
    assert_int_equal(fclose(file), 0);
    assert_int_equal(written, size);
    return out;
}

char *tmp_read(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    size_t used = 0, capacity = 4096;
    char *bytes = malloc(capacity + 1);
    assert_non_null(bytes);
    for (size_t got; (got = fread(bytes + used, 1, capacity - used, file)) != 0;) {
        used += got;
        if (used == capacity) {
            capacity *= 2;
            bytes = realloc(bytes, capacity + 1);
            assert_non_null(bytes);
        }
    }
    fclose(file);
    bytes[used] = '\0';
    if (size != NULL)
        *size = used;
    return bytes;
}
