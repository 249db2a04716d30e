/* similar_items.h - the parts of the similar_items example. */
#ifndef SIMILAR_ITEMS_H
#define SIMILAR_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { LABELS_MOST = 256, NEIGHBOURS_MOST = 50 };

/* Photographs of one size and what each shows. */
typedef struct photographs {
    uint32_t count, height, width;
    uint8_t *pixels; /* [count][height * width], 0 white to 255 black */
    uint8_t *labels; /* [count] */
} photographs;

/* Reads PREFIX-images-idx3-ubyte and PREFIX-labels-idx1-ubyte of a folder, each plain
 * or with .gz, behind those that are there already. False, with one line on stderr. */
bool photographs_read(photographs *all, const char *folder, const char *prefix);
void photographs_free(photographs *all);

/* A grey picture as a PNG: owned bytes and their number, NULL without memory. */
uint8_t *png_of(const uint8_t *pixels, uint32_t width, uint32_t height, size_t *size);

/* One line of the contact sheet: a photograph and those found for it. */
typedef struct sheet_row {
    uint32_t query, count;
    uint32_t found[NEIGHBOURS_MOST];
    float scores[NEIGHBOURS_MOST];
} sheet_row;

/* Writes the page, pictures inside. False, with one line on stderr. */
bool sheet_write(const char *path, const photographs *all, const sheet_row *rows, size_t count,
                 const char *title, const char *note);

/* What a label is called: the names of Fashion-MNIST, or its number. */
const char *label_name(unsigned label);

#endif
