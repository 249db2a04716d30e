/* rdata-to-csv.c - a table out of an R package, without R.
 *
 *     rdata-to-csv FOLDER/Rdata TABLE [COLUMN ...] > table.csv
 *
 * An R package keeps its data sets in two files: Rdata.rdx, a gzipped index of
 * name -> (offset, length), and Rdata.rdb, the objects themselves, each a
 * 4-byte length and a zlib stream. Both hold R's serialisation in its XDR form
 * (R Internals, "Serialization Formats"): big-endian, a 32-bit word of flags
 * before each item, attributes as linked lists. Here it is read into a tree of
 * just the kinds a data frame is made of, and the columns asked for are written
 * as CSV: factors by their labels, NA as an empty field, text as UTF-8.
 *
 * Memory is not given back: the program ends with its table. */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Kinds of items, and bits of the word before each. */
enum {
    KIND_SYMBOL = 1,
    KIND_LIST = 2, /* linked: attributes */
    KIND_CHARS = 9,
    KIND_LOGICAL = 10,
    KIND_INTEGER = 13,
    KIND_REAL = 14,
    KIND_STRINGS = 16,
    KIND_VECTOR = 19, /* of items */
    KIND_NULL = 254,
    KIND_REFERENCE = 255,
    FLAG_ATTRIBUTES = 0x200,
    FLAG_TAG = 0x400,
    FLAG_LATIN1 = 1 << (12 + 2)
};

typedef struct item {
    int kind;
    size_t length;
    int32_t *integers;
    double *reals;
    struct item **items; /* strings, or the members of a vector */
    char *text;          /* of chars and symbols; NULL: NA      */
    struct item *tag, *value, *next; /* a linked list's cell    */
    struct item *attributes;
} item;

typedef struct reader {
    const unsigned char *at, *end;
    item *symbols[64]; /* what references number, from 1 */
    size_t symbol_count;
} reader;

static void stop(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void stop(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("rdata-to-csv: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static void *must_allocate(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    if (!block)
        stop("out of memory");
    return block;
}

static const unsigned char *take(reader *r, size_t size)
{
    if ((size_t)(r->end - r->at) < size)
        stop("the serialised data ends early");
    const unsigned char *bytes = r->at;
    r->at += size;
    return bytes;
}

static uint32_t take_word(reader *r)
{
    const unsigned char *b = take(r, 4);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A length, of members that take at least `least` bytes each. */
static size_t take_length(reader *r, size_t least)
{
    size_t length = take_word(r);
    if (length > (size_t)(r->end - r->at) / least)
        stop("a length of %zu is beyond the data", length);
    return length;
}

static char *take_text(reader *r, uint32_t flags)
{
    uint32_t length = take_word(r);
    if (length == UINT32_MAX)
        return NULL;
    const unsigned char *bytes = take(r, length);
    char *text = must_allocate(2 * (size_t)length + 1, 1);
    size_t size = 0;
    for (uint32_t i = 0; i < length; i++)
        if ((flags & FLAG_LATIN1) && bytes[i] >= 0x80) {
            text[size++] = (char)(0xC0 | bytes[i] >> 6);
            text[size++] = (char)(0x80 | (bytes[i] & 0x3F));
        } else
            text[size++] = (char)bytes[i];
    return text;
}

static item *take_item(reader *r);

static item *take_list(reader *r, uint32_t flags)
{
    item *head = NULL, **link = &head;
    while ((flags & 0xFF) == KIND_LIST) {
        item *cell = must_allocate(1, sizeof *cell);
        cell->kind = KIND_LIST;
        if (flags & FLAG_ATTRIBUTES)
            cell->attributes = take_item(r);
        if (flags & FLAG_TAG)
            cell->tag = take_item(r);
        cell->value = take_item(r);
        *link = cell;
        link = &cell->next;
        flags = take_word(r);
    }
    if ((flags & 0xFF) != KIND_NULL)
        stop("a linked list ends in kind %" PRIu32, flags & 0xFF);
    return head;
}

static void take_numbers(reader *r, item *it)
{
    if (it->kind == KIND_REAL) {
        it->length = take_length(r, 8);
        it->reals = must_allocate(it->length, sizeof *it->reals);
        for (size_t i = 0; i < it->length; i++) {
            uint64_t high = take_word(r);
            uint64_t bits = high << 32 | take_word(r);
            memcpy(&it->reals[i], &bits, sizeof bits);
        }
        return;
    }
    it->length = take_length(r, 4);
    it->integers = must_allocate(it->length, sizeof *it->integers);
    for (size_t i = 0; i < it->length; i++)
        it->integers[i] = (int32_t)take_word(r);
}

static item *take_item(reader *r)
{
    uint32_t flags = take_word(r);
    item *it = must_allocate(1, sizeof *it);
    it->kind = (int)(flags & 0xFF);
    switch (it->kind) {
    case KIND_NULL:
        return it;
    case KIND_LIST:
        return take_list(r, flags);
    case KIND_REFERENCE: {
        uint32_t number = flags >> 8 ? flags >> 8 : take_word(r);
        if (number == 0 || number > r->symbol_count)
            stop("reference %" PRIu32 " to nothing", number);
        return r->symbols[number - 1];
    }
    case KIND_SYMBOL:
        it->text = take_item(r)->text;
        if (r->symbol_count == sizeof r->symbols / sizeof *r->symbols)
            stop("too many symbols");
        r->symbols[r->symbol_count++] = it;
        return it;
    case KIND_CHARS:
        it->text = take_text(r, flags);
        return it;
    case KIND_LOGICAL:
    case KIND_INTEGER:
    case KIND_REAL:
        take_numbers(r, it);
        break;
    case KIND_STRINGS:
    case KIND_VECTOR:
        it->length = take_length(r, 4);
        it->items = must_allocate(it->length, sizeof *it->items);
        for (size_t i = 0; i < it->length; i++)
            it->items[i] = take_item(r);
        break;
    default:
        stop("kind %d of item is not one a table is made of", it->kind);
    }
    if (flags & FLAG_ATTRIBUTES)
        it->attributes = take_item(r);
    return it;
}

/* The item a serialisation holds. */
static item *deserialise(const unsigned char *bytes, size_t size)
{
    reader r = {.at = bytes, .end = bytes + size};
    if (memcmp(take(&r, 2), "X\n", 2) != 0)
        stop("not R's XDR serialisation");
    uint32_t version = take_word(&r);
    if (version != 2 && version != 3)
        stop("serialisation version %" PRIu32 ", expected 2 or 3", version);
    take(&r, 8); /* R's own versions */
    if (version == 3)
        take(&r, take_word(&r)); /* name of the native encoding */
    return take_item(&r);
}

static item *attribute(const item *of, const char *name)
{
    for (item *cell = of->attributes; cell && cell->kind == KIND_LIST; cell = cell->next)
        if (cell->tag && cell->tag->text && strcmp(cell->tag->text, name) == 0)
            return cell->value;
    return NULL;
}

/* The member of a named vector; NULL when there is none. */
static item *member(const item *vector, const char *name)
{
    item *names = attribute(vector, "names");
    if (!names || names->kind != KIND_STRINGS || vector->kind != KIND_VECTOR)
        return NULL;
    for (size_t i = 0; i < vector->length && i < names->length; i++)
        if (names->items[i]->text && strcmp(names->items[i]->text, name) == 0)
            return vector->items[i];
    return NULL;
}

/* ---- the two files ------------------------------------------------------------- */

static unsigned char *read_index(const char *stem, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.rdx", stem);
    gzFile file = gzopen(path, "rb"); /* reads what is not compressed as it is */
    if (!file)
        stop("cannot open %s", path);
    size_t room = 1 << 20;
    unsigned char *bytes = must_allocate(room, 1);
    int got = gzread(file, bytes, (unsigned)room);
    if (got <= 0 || (size_t)got == room)
        stop("cannot read %s", path);
    gzclose(file);
    *size = (size_t)got;
    return bytes;
}

static unsigned char *read_object(const char *stem, long offset, size_t stored, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.rdb", stem);
    FILE *file = fopen(path, "rb");
    if (!file)
        stop("cannot open %s", path);
    unsigned char *raw = must_allocate(stored, 1);
    if (stored < 5 || fseek(file, offset, SEEK_SET) != 0 || fread(raw, 1, stored, file) != stored)
        stop("%s is shorter than its index says", path);
    fclose(file);
    uLongf length = (uLongf)raw[0] << 24 | (uLongf)raw[1] << 16 | (uLongf)raw[2] << 8 | raw[3];
    if (length > (uLongf)1 << 30)
        stop("an object of %lu bytes is more than a table", (unsigned long)length);
    unsigned char *bytes = must_allocate(length, 1);
    if (uncompress(bytes, &length, raw + 4, (uLong)(stored - 4)) != Z_OK)
        stop("an object of %s is not a zlib stream", path);
    free(raw);
    *size = length;
    return bytes;
}

static item *load(const char *stem, const char *table)
{
    size_t size;
    unsigned char *bytes = read_index(stem, &size);
    item *index = deserialise(bytes, size);
    item *variables = member(index, "variables");
    if (!variables)
        stop("%s.rdx is no index", stem);
    item *place = member(variables, table);
    if (!place)
        stop("%s.rdx has no table %s", stem, table);
    if (place->kind != KIND_INTEGER || place->length != 2 || place->integers[0] < 0 ||
        place->integers[1] < 0)
        stop("the place of %s in %s.rdx is no place", table, stem);
    bytes = read_object(stem, place->integers[0], (size_t)place->integers[1], &size);
    return deserialise(bytes, size);
}

/* ---- CSV --------------------------------------------------------------------------- */

static void print_text(const char *text)
{
    if (!text)
        return;
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_field(const item *column, size_t row)
{
    if (row >= column->length)
        return;
    if (column->kind == KIND_STRINGS) {
        print_text(column->items[row]->text);
    } else if (column->kind == KIND_REAL) {
        if (column->reals[row] == column->reals[row]) /* not NA */
            printf("%.15g", column->reals[row]);
    } else if (column->kind == KIND_INTEGER || column->kind == KIND_LOGICAL) {
        int32_t value = column->integers[row];
        if (value == INT32_MIN)
            return;
        item *levels = attribute(column, "levels");
        if (levels && levels->kind == KIND_STRINGS) {
            if (value >= 1 && (size_t)value <= levels->length)
                print_text(levels->items[value - 1]->text);
        } else
            printf("%" PRId32, value);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: rdata-to-csv FOLDER/Rdata TABLE [COLUMN ...]\n", stderr);
        return 2;
    }
    item *table = load(argv[1], argv[2]);
    item *names = attribute(table, "names");
    if (table->kind != KIND_VECTOR || !names || names->kind != KIND_STRINGS ||
        names->length != table->length || table->length == 0)
        stop("%s is no table", argv[2]);

    size_t count = argc > 3 ? (size_t)argc - 3 : table->length;
    item **columns = must_allocate(count, sizeof *columns);
    for (size_t c = 0; c < count; c++) {
        const char *name = argc > 3 ? argv[3 + c] : names->items[c]->text;
        columns[c] = name ? member(table, name) : NULL;
        if (!columns[c])
            stop("%s has no column %s", argv[2], name ? name : "without a name");
        if (c > 0)
            putchar(',');
        print_text(name);
    }
    putchar('\n');
    for (size_t row = 0; row < columns[0]->length; row++) {
        for (size_t c = 0; c < count; c++) {
            if (c > 0)
                putchar(',');
            print_field(columns[c], row);
        }
        putchar('\n');
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        stop("cannot write");
    return 0;
}
