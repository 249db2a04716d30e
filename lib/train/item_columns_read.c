/* item_columns_read.c - a catalogue file into typed columns.
 *
 * All cells are first kept as texts, each distinct one once; types are then
 * inferred from the distinct texts, and only a whole good file is joined with
 * what is there: a new catalogue is made beside the old one and takes its
 * place at the end. Cost: one pass and the distinct texts; memory: 4 bytes
 * per cell and 8 per row while reading. */
#include "train/item_columns.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 4096
#define IGNORED -1 /* type of a column that is not kept */

typedef enum known { ID, TITLE, GROUP, CATEGORY, BRAND, PRICE, AVAILABLE, CREATED, OWN } known;

static const struct {
    const char *name;
    int32_t type;
    const char *aliases[14];
} knowns[OWN] = {
    {"id", 0, {"id", "itemid", "item", "productid", "product", "sku", "movieid", "stockcode",
               "articleid", "asin", "bookid", "productcode", "itemcode"}},
    {"title", RECS_COLUMN_TEXT, {"title", "name", "productname", "itemname", "producttitle",
                                 "movietitle", "description"}},
    {"group", RECS_COLUMN_TEXT, {"group", "groupid", "itemgroupid", "parentid", "parent",
                                 "variantof", "itemgroup", "parentasin", "modelid"}},
    {"category", RECS_COLUMN_TEXT, {"category", "categoryid", "categories", "genres", "genre",
                                    "producttype", "department", "productcategory"}},
    {"brand", RECS_COLUMN_TEXT, {"brand", "manufacturer", "maker", "vendor", "brandname"}},
    {"price", RECS_COLUMN_NUMBER, {"price", "unitprice", "listprice", "saleprice"}},
    {"available", RECS_COLUMN_FLAG, {"available", "availability", "instock", "active", "stock"}},
    {"created", RECS_COLUMN_TIME, {"created", "createdat", "released", "releasedate", "dateadded",
                                   "added", "launched", "publishedat"}},
};

typedef struct staged {
    char name[64];
    int32_t type; /* 0: to be inferred */
    known known;
    recs__intern texts;
    uint32_t *codes; /* [rows] */
    size_t capacity;
    void *converted; /* by code */
} staged;

typedef struct stage {
    const recs_host *host;
    recs__settings *settings;
    recs__problems *problems;
    recs__csv csv;
    const char *file;
    staged *columns;
    size_t count, id_column;
    recs__intern ids; /* number = row */
    uint64_t *lines;
    size_t lines_capacity;
} stage;

static void clear(stage *s) {
    for (size_t c = 0; s->columns != NULL && c < s->count; c++) {
        recs__intern_clear(&s->columns[c].texts, s->host);
        recs__free(s->host, s->columns[c].codes);
        recs__free(s->host, s->columns[c].converted);
    }
    recs__free(s->host, s->columns);
    recs__free(s->host, s->lines);
    recs__intern_clear(&s->ids, s->host);
    recs__csv_close(&s->csv);
}

/* ---- which column is what ------------------------------------------------------------ */

static bool type_named(const char *text, size_t size, int32_t *type) {
    static const struct {
        const char *name;
        int32_t type;
    } types[] = {{"text", RECS_COLUMN_TEXT}, {"number", RECS_COLUMN_NUMBER},
                 {"time", RECS_COLUMN_TIME}, {"flag", RECS_COLUMN_FLAG}, {"none", IGNORED}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strlen(types[i].name) == size && memcmp(types[i].name, text, size) == 0) {
            *type = types[i].type;
            return true;
        }
    return false;
}

static staged *column_named(stage *s, const char *name, size_t size) {
    for (size_t c = 0; c < s->count; c++)
        if (strlen(s->columns[c].name) == size && memcmp(s->columns[c].name, name, size) == 0)
            return &s->columns[c];
    return NULL;
}

/* One part of item_columns: "title=name", "weight:number", "price=cost:number". */
static recs_status apply_part(stage *s, const char *part, size_t size, recs_error *error) {
    const char *colon = memchr(part, ':', size), *equals = memchr(part, '=', size);
    size_t name_size = equals ? (size_t)(equals - part)
                      : colon ? (size_t)(colon - part) : size;
    const char *end = part + size, *column = equals ? equals + 1 : part;
    size_t column_size = (size_t)((colon ? colon : end) - column);
    int32_t type = 0;
    if (colon != NULL && (colon < column || !type_named(colon + 1, (size_t)(end - colon) - 1,
                                                        &type)))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "item_columns: \"%.*s\": expected name=column, name:type or both, type "
                          "text, number, time, flag or none", (int)size, part);
    staged *found = column_named(s, column, column_size);
    if (found == NULL)
        return recs__fail(error, RECS_ERR_DATA, "%s has no column \"%.*s\"", s->file,
                          (int)column_size, column);
    if (type != 0)
        found->type = type;
    for (int k = 0; k < OWN && equals; k++)
        if (strlen(knowns[k].name) == name_size && memcmp(knowns[k].name, part, name_size) == 0) {
            found->known = (known)k;
            return RECS_OK;
        }
    if (equals && name_size > 0 && name_size < sizeof found->name) {
        memcpy(found->name, part, name_size);
        found->name[name_size] = '\0';
    } else if (equals) {
        return recs__fail(error, RECS_ERR_ARGUMENT, "item_columns: \"%.*s\": the name is too long",
                          (int)size, part);
    }
    return RECS_OK;
}

static bool known_taken(const stage *s, known what) {
    for (size_t c = 0; c < s->count; c++)
        if (s->columns[c].known == what)
            return true;
    return false;
}

static void recognise(stage *s, const recs__field *header) {
    for (int k = 0; k < OWN; k++)
        for (int a = 0; a < 14 && knowns[k].aliases[a] && !known_taken(s, (known)k); a++)
            for (size_t c = 0; c < s->count; c++)
                if (s->columns[c].known == OWN && s->columns[c].type != IGNORED &&
                    !known_taken(s, (known)k) &&
                    recs__columns_same(header[c].text, header[c].size, knowns[k].aliases[a]))
                    s->columns[c].known = (known)k;
}

static recs_status read_header(stage *s, char *mapping, size_t room, recs_error *error) {
    bool more = false;
    recs_status status = recs__csv_next(&s->csv, &more, error);
    if (status != RECS_OK)
        return status;
    if (!more)
        return recs__fail(error, RECS_ERR_DATA, "%s is empty; a catalogue has a header line",
                          s->file);
    s->columns = recs__alloc_zero(s->host, s->csv.count, sizeof *s->columns, error);
    if (s->columns == NULL)
        return RECS_ERR_MEMORY;
    s->count = s->csv.count;
    for (size_t c = 0; c < s->count; c++) {
        s->columns[c].known = OWN;
        recs__one_line(s->columns[c].name, sizeof s->columns[c].name, s->csv.fields[c].text,
                       s->csv.fields[c].size, false);
    }
    const char *at = s->settings->item_columns ? s->settings->item_columns : "";
    while (*at != '\0') {
        size_t size = strcspn(at, ",");
        status = apply_part(s, at, size, error);
        if (status != RECS_OK)
            return status;
        at += size + (at[size] == ',');
    }
    recognise(s, s->csv.fields);
    if (!known_taken(s, ID))
        return recs__fail(error, RECS_ERR_DATA,
                          "%s: no column is known to hold the item's id; say which, as in "
                          "item_columns=id=sku; its first column is \"%s\"", s->file,
                          s->columns[0].name);
    size_t used = 0;
    for (size_t c = 0; c < s->count; c++) {
        staged *column = &s->columns[c];
        if (column->known == ID)
            s->id_column = c;
        if (column->type == IGNORED)
            continue;
        const char *as = column->known == OWN ? column->name : knowns[column->known].name;
        int length = snprintf(mapping + used, room - used, "%s%s = %s", used ? ", " : "", as,
                              column->name);
        used += length > 0 && (size_t)length < room - used ? (size_t)length : 0;
        if (column->known != OWN) {
            column->type = column->type ? column->type : knowns[column->known].type;
            memcpy(column->name, as, strlen(as) + 1);
        }
    }
    return RECS_OK;
}

/* ---- rows ------------------------------------------------------------------------------- */

static recs_status stage_cell(stage *s, staged *column, uint32_t row, const recs__field *field,
                              recs_error *error) {
    recs_status status = recs__grow(s->host, (void **)&column->codes, &column->capacity,
                                    (size_t)row + 1, sizeof *column->codes, error);
    if (status != RECS_OK)
        return status;
    const char *text = field->text;
    size_t size = field->size;
    while (size > 0 && text[0] == ' ')
        text++, size--;
    while (size > 0 && text[size - 1] == ' ')
        size--;
    column->codes[row] = RECS_NO_ROW;
    if (size == 0)
        return RECS_OK;
    uint32_t code = recs__intern_find(&column->texts, text, size);
    if (code == RECS_NO_ROW) {
        if (size > TEXT_MAX || !recs__utf8_valid(text, size) || memchr(text, '\0', size) != NULL)
            return recs__problems_add(s->problems, RECS__PROBLEM_TITLE, s->settings->strict,
                                      s->file, s->csv.line, column->name, text, size,
                                      "at most 4,096 bytes of UTF-8 (left empty)", error);
        status = recs__intern_add(&column->texts, s->host, text, size, INT32_MAX, "texts", &code,
                                  error);
    }
    column->codes[row] = code;
    return status;
}

static recs_status stage_row(stage *s, uint32_t limit, recs_error *error) {
    bool strict = s->settings->strict;
    if (s->csv.count != s->count)
        return recs__problems_add(s->problems, RECS__PROBLEM_FIELDS, strict, s->file, s->csv.line,
                                  NULL, s->csv.fields[0].text, s->csv.fields[0].size,
                                  "as many fields as the header has", error);
    const recs__field *id = &s->csv.fields[s->id_column];
    if (recs__id_problem(id->text, id->size) != NULL)
        return recs__problems_add(s->problems, RECS__PROBLEM_ITEM, strict, s->file, s->csv.line,
                                  "id", id->text, id->size, "an id of 1 to 511 bytes of UTF-8",
                                  error);
    uint32_t row = s->ids.count, number;
    recs_status status = recs__intern_add(&s->ids, s->host, id->text, id->size, limit, "items",
                                          &number, error);
    if (status != RECS_OK)
        return status;
    if (number != row)
        return recs__problems_add(s->problems, RECS__PROBLEM_TWICE, strict, s->file, s->csv.line,
                                  "id", id->text, id->size,
                                  "each id once (the first row counts)", error);
    status = recs__grow(s->host, (void **)&s->lines, &s->lines_capacity, (size_t)row + 1,
                        sizeof *s->lines, error);
    if (status != RECS_OK)
        return status;
    s->lines[row] = s->csv.line;
    for (size_t c = 0; c < s->count && status == RECS_OK; c++)
        if (c != s->id_column && s->columns[c].type != IGNORED)
            status = stage_cell(s, &s->columns[c], row, &s->csv.fields[c], error);
    return status;
}

/* ---- types ---------------------------------------------------------------------------------- */

static bool parse_flag(const char *text, size_t size, bool numbers, int8_t *flag) {
    static const struct {
        const char *word;
        int8_t flag;
    } words[] = {{"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}, {"t", 1}, {"f", 0},
                 {"y", 1}, {"n", 0}, {"instock", 1}, {"outofstock", 0}};
    double value;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (recs__columns_same(text, size, words[i].word)) {
            *flag = words[i].flag;
            return true;
        }
    if (!numbers || !recs__parse_double(text, size, &value) || value != value)
        return false;
    *flag = value > 0.0;
    return true;
}

static bool parse_number(const char *text, size_t size, double *out) {
    return recs__parse_double(text, size, out) && *out > -1e300 && *out < 1e300;
}

/* Reads a text as the type into values[code]; false: it is not one. */
static bool convert(const stage *s, int32_t type, const char *text, size_t size, void *values,
                    uint32_t code, bool inferring) {
    if (type == RECS_COLUMN_NUMBER) {
        /* 00123 is a code, not a number */
        bool padded = inferring && size > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
        return !padded && parse_number(text, size, (double *)values + code);
    }
    if (type == RECS_COLUMN_FLAG)
        return parse_flag(text, size, !inferring, (int8_t *)values + code);
    return recs__time_parse(text, size, inferring ? RECS__TIME_ISO : s->settings->time,
                            s->settings->zone, (int64_t *)values + code);
}

static recs_status infer(stage *s, staged *column, recs_error *error) {
    static const int32_t order[] = {RECS_COLUMN_NUMBER, RECS_COLUMN_FLAG, RECS_COLUMN_TIME};
    double *values = recs__alloc(s->host, column->texts.count, sizeof *values, error);
    if (values == NULL)
        return RECS_ERR_MEMORY;
    column->type = RECS_COLUMN_TEXT;
    for (int o = 0; o < 3 && column->type == RECS_COLUMN_TEXT; o++) {
        bool all = column->texts.count != 0;
        for (uint32_t code = 0; code < column->texts.count && all; code++) {
            size_t size;
            const char *text = recs__intern_text(&column->texts, code, &size);
            all = convert(s, order[o], text, size, values, code, true);
        }
        if (all)
            column->type = order[o];
    }
    recs__free(s->host, values);
    return RECS_OK;
}

/* Values by code; a text that is not of the type is missing and counted once
 * for every row that holds it. */
static recs_status convert_column(stage *s, staged *column, recs_error *error) {
    uint32_t codes = column->texts.count, rows = s->ids.count;
    size_t width = recs__catalogue_width(column->type);
    column->converted = recs__alloc(s->host, codes, width, error);
    unsigned char *wrong = recs__alloc_zero(s->host, codes, 1, error);
    recs_status status = column->converted && wrong ? RECS_OK : RECS_ERR_MEMORY;
    for (uint32_t code = 0; code < codes && status == RECS_OK; code++) {
        size_t size;
        const char *text = recs__intern_text(&column->texts, code, &size);
        wrong[code] = !convert(s, column->type, text, size, column->converted, code, false);
    }
    for (uint32_t row = 0; row < rows && status == RECS_OK; row++) {
        uint32_t code = column->codes[row];
        if (code == RECS_NO_ROW || !wrong[code])
            continue;
        size_t size;
        const char *text = recs__intern_text(&column->texts, code, &size);
        bool time = column->type == RECS_COLUMN_TIME;
        status = recs__problems_add(s->problems,
                                    time ? RECS__PROBLEM_TIME : RECS__PROBLEM_NUMBER,
                                    s->settings->strict, s->file, s->lines[row], column->name,
                                    text, size,
                                    time ? "a time (left empty)"
                                    : column->type == RECS_COLUMN_FLAG ? "yes or no (left empty)"
                                                                       : "a number (left empty)",
                                    error);
        column->codes[row] = RECS_NO_ROW;
    }
    recs__free(s->host, wrong);
    return status;
}

/* ---- joining ------------------------------------------------------------------------------- */

static recs_status join_texts(stage *s, const staged *column, const uint32_t *items,
                              recs__intern *texts, uint32_t *codes, recs_error *error) {
    for (uint32_t row = 0; row < s->ids.count; row++) {
        if (column->codes[row] == RECS_NO_ROW)
            continue;
        size_t size;
        const char *text = recs__intern_text(&column->texts, column->codes[row], &size);
        recs_status status = recs__intern_add(texts, s->host, text, size, INT32_MAX, "texts",
                                              &codes[items[row]], error);
        if (status != RECS_OK)
            return status;
    }
    return RECS_OK;
}

static recs_status join_column(stage *s, const staged *column, const uint32_t *items,
                               recs__catalogue *next, recs_error *error) {
    recs__catalogue_column *to = NULL;
    recs_status status = RECS_OK;
    for (size_t c = 0; c < next->column_count; c++)
        if (strcmp(next->columns[c].name, column->name) == 0)
            to = &next->columns[c];
    if (to != NULL && to->type != column->type)
        return recs__fail(error, RECS_ERR_DATA,
                          "%s: column %s is of another type than in the catalogue read before; "
                          "give it in item_columns as %s:text", s->file, column->name,
                          column->name);
    if (to == NULL)
        status = recs__catalogue_add_column(next, column->name, column->type, s->host, &to, error);
    if (status != RECS_OK)
        return status;
    if (column->type == RECS_COLUMN_TEXT)
        return join_texts(s, column, items, &to->texts, to->values, error);
    size_t width = recs__catalogue_width(column->type);
    for (uint32_t row = 0; row < s->ids.count; row++)
        if (column->codes[row] != RECS_NO_ROW)
            memcpy((char *)to->values + items[row] * width,
                   (const char *)column->converted + column->codes[row] * width, width);
    return RECS_OK;
}

static recs_status join(stage *s, recs__catalogue *catalogue, recs__intern *items, uint32_t limit,
                        recs_error *error) {
    recs__catalogue next = {0};
    uint32_t before = items->count;
    uint32_t *numbers = recs__alloc(s->host, s->ids.count, sizeof *numbers, error);
    recs_status status = numbers != NULL ? RECS_OK : RECS_ERR_MEMORY;
    for (uint32_t row = 0; row < s->ids.count && status == RECS_OK; row++) {
        size_t size;
        const char *id = recs__intern_text(&s->ids, row, &size);
        status = recs__intern_add(items, s->host, id, size, limit, "items", &numbers[row], error);
    }
    if (status == RECS_OK)
        status = recs__catalogue_copy(&next, catalogue, NULL, items->count, s->host, error);
    for (uint32_t row = 0; row < s->ids.count && status == RECS_OK; row++)
        next.listed[numbers[row]] = 1;
    for (size_t c = 0; c < s->count && status == RECS_OK; c++) {
        const staged *column = &s->columns[c];
        if (column->type == IGNORED || c == s->id_column)
            continue;
        status = column->known == TITLE
                     ? join_texts(s, column, numbers, &next.title_texts, next.titles, error)
                     : join_column(s, column, numbers, &next, error);
    }
    recs__free(s->host, numbers);
    if (status != RECS_OK) {
        recs__catalogue_clear(&next, s->host);
        recs__intern_truncate(items, before);
        return status;
    }
    recs__catalogue_clear(catalogue, s->host);
    *catalogue = next;
    return RECS_OK;
}

static recs_status read_rows(stage *s, uint32_t limit, recs_error *error) {
    bool more = true;
    for (;;) {
        recs_status status = recs__csv_next(&s->csv, &more, error);
        if (status != RECS_OK || !more)
            return status;
        status = stage_row(s, limit, error);
        if (status != RECS_OK)
            return status;
    }
}

recs_status recs__catalogue_read(recs__catalogue *catalogue, recs__intern *items, uint32_t limit,
                                 recs__settings *settings, recs__problems *problems,
                                 recs__input *input, const recs_host *host, uint64_t *rows,
                                 char *mapping, size_t mapping_room, recs_error *error) {
    stage s = {.host = host, .settings = settings, .problems = problems,
               .file = recs__input_name(input)};
    mapping[0] = '\0';
    recs_status status = recs__csv_open(&s.csv, input, settings->delimiter, host, error);
    if (status == RECS_OK)
        status = read_header(&s, mapping, mapping_room, error);
    if (status == RECS_OK)
        status = read_rows(&s, limit, error);
    if (status == RECS_OK && s.ids.count == 0)
        status = recs__fail(error, RECS_ERR_DATA, "%s: no row can be used", s.file);
    for (size_t c = 0; c < s.count && status == RECS_OK; c++) {
        staged *column = &s.columns[c];
        if (column->type == IGNORED || c == s.id_column)
            continue;
        if (column->type == 0)
            status = infer(&s, column, error);
        if (status == RECS_OK && column->type != RECS_COLUMN_TEXT)
            status = convert_column(&s, column, error);
    }
    if (status == RECS_OK)
        status = join(&s, catalogue, items, limit, error);
    *rows = s.ids.count;
    clear(&s);
    return status;
}
