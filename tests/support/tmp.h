/* tmp.h - a temporary folder of a test's own, removed with all it holds. */
#ifndef SUPPORT_TMP_H
#define SUPPORT_TMP_H

#include <stddef.h>

enum { TMP_PATH_MAX = 512 };

typedef struct tmp_folder {
    char path[TMP_PATH_MAX];
} tmp_folder;

/* Under $TMPDIR or /tmp. Fails the test when it cannot be made. */
void tmp_make(tmp_folder *folder);
void tmp_remove(tmp_folder *folder);

/* The folder's path/name into out; returns out. */
const char *tmp_path(const tmp_folder *folder, const char *name, char out[TMP_PATH_MAX]);

/* Number of entries in it: to see that nothing was left behind. */
size_t tmp_count(const tmp_folder *folder);

/* Writes a file into the folder, plainly; its path goes into out. */
const char *tmp_write(const tmp_folder *folder, const char *name, const void *bytes, size_t size,
                      char out[TMP_PATH_MAX]);

/* Reads a whole file into a malloc'ed block with a NUL behind it, which the
 * caller frees. Fails the test when it cannot. size may be NULL. */
char *tmp_read(const char *path, size_t *size);

#endif
