/* sheet.c - the contact sheet: one page, its pictures inside it as PNG. */
#include "similar_items.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static uint8_t *put_number(uint8_t *at, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(number >> shift);
    return at;
}

/* A chunk: length, name, bytes, checksum of name and bytes. */
static uint8_t *put_chunk(uint8_t *at, const char *name, const uint8_t *bytes, size_t size) {
    at = put_number(at, (uint32_t)size);
    uint8_t *from = at;
    memcpy(at, name, 4);
    if (size != 0)
        memcpy(at + 4, bytes, size);
    return put_number(at + 4 + size, (uint32_t)crc32(0, from, (uInt)(size + 4)));
}

uint8_t *png_of(const uint8_t *pixels, uint32_t width, uint32_t height, size_t *size) {
    size_t raw_size = (size_t)height * (width + 1);
    uLongf packed_size = compressBound(raw_size);
    uint8_t *raw = malloc(raw_size), *packed = malloc(packed_size);
    uint8_t *png = malloc(packed_size + 128), *at = png;
    if (raw == NULL || packed == NULL || png == NULL) {
        free(png);
        png = NULL;
    } else {
        for (uint32_t y = 0; y < height; y++) {
            raw[(size_t)y * (width + 1)] = 0; /* no filter */
            for (uint32_t x = 0; x < width; x++)
                raw[(size_t)y * (width + 1) + 1 + x] = (uint8_t)(255 - pixels[(size_t)y * width + x]);
        }
        if (compress2(packed, &packed_size, raw, raw_size, 9) != Z_OK)
            packed_size = 0;
        uint8_t head[13] = {0};
        put_number(put_number(head, width), height);
        head[8] = 8; /* bits a grey value; the rest is grey, deflate, no filter, no interlace */
        memcpy(at, "\x89PNG\r\n\x1a\n", 8);
        at = put_chunk(at + 8, "IHDR", head, sizeof head);
        at = put_chunk(at, "IDAT", packed, packed_size);
        at = put_chunk(at, "IEND", NULL, 0);
        *size = (size_t)(at - png);
    }
    free(raw);
    free(packed);
    return png;
}

static void put_base64(FILE *out, const uint8_t *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < size ? bytes[i + 2] : 0;
        fputc(digits[three >> 18], out);
        fputc(digits[three >> 12 & 63], out);
        fputc(i + 1 < size ? digits[three >> 6 & 63] : '=', out);
        fputc(i + 2 < size ? digits[three & 63] : '=', out);
    }
}

static bool put_picture(FILE *out, const photographs *all, uint32_t which, const char *class_name,
                        const char *about) {
    size_t size = 0;
    const uint8_t *pixels = all->pixels + (size_t)which * all->height * all->width;
    uint8_t *png = png_of(pixels, all->width, all->height, &size);
    if (png == NULL)
        return false;
    fprintf(out, "<figure class=\"%s\"><img alt=\"%s\" src=\"data:image/png;base64,", class_name,
            label_name(all->labels[which]));
    put_base64(out, png, size);
    fprintf(out, "\"><figcaption>%s<br>%s</figcaption></figure>\n", label_name(all->labels[which]),
            about);
    free(png);
    return true;
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>%s</title>\n<style>\n"
    "body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }\n"
    "section { display: flex; flex-wrap: wrap; gap: .5rem; border-top: 1px solid #ddd; "
    "padding: .6rem 0; }\n"
    "figure { margin: 0; width: 76px; text-align: center; }\n"
    "img { width: 64px; height: 64px; image-rendering: pixelated; border: 2px solid #ddd; }\n"
    ".query img { border-color: #222; }\n.query { margin-right: 1.5rem; }\n"
    ".other img { border: 2px dashed #c33; }\n"
    "figcaption { font-size: 11px; color: #555; }\n"
    "</style>\n</head>\n<body>\n<h1>%s</h1>\n<p>%s</p>\n"
    "<p>Left the article asked for, beside it its neighbours with their similarity; a dashed "
    "frame marks another kind of article.</p>\n";

bool sheet_write(const char *path, const photographs *all, const sheet_row *rows, size_t count,
                 const char *title, const char *note) {
    FILE *out = fopen(path, "w");
    bool written = out != NULL;
    if (written) {
        fprintf(out, head, title, title, note);
        for (size_t i = 0; written && i < count; i++) {
            const sheet_row *row = &rows[i];
            fprintf(out, "<section>\n");
            written = put_picture(out, all, row->query, "query", "&nbsp;");
            for (uint32_t j = 0; written && j < row->count; j++) {
                char score[32];
                snprintf(score, sizeof score, "%.3f", (double)row->scores[j]);
                bool same = all->labels[row->found[j]] == all->labels[row->query];
                written = put_picture(out, all, row->found[j], same ? "same" : "other", score);
            }
            fprintf(out, "</section>\n");
        }
        fprintf(out, "</body>\n</html>\n");
        written = !ferror(out) && written;
        written = fclose(out) == 0 && written;
    }
    if (!written)
        fprintf(stderr, "similar_items: %s cannot be written\n", path);
    return written;
}
