/* read.c - a log file into the dataset: which format, which columns, and row
 * by row into events.
 *
 * A row is looked at whole before anything of it is kept: ids are interned
 * last, so a row that cannot be used leaves no trace but its count. */
#include "train/dataset.h"

#include "base/memory.h"
#include "base/text.h"
#include "recs/places.h"

#include <math.h>
#include <string.h>

#define ROWS_PER_TICK 16384
#define TITLE_MAX 4096
#define TYPES_CACHED 16

/* The last text of a column and its number: logs repeat themselves. */
typedef struct remembered {
    char text[64];
    size_t size;
    uint32_t number;
} remembered;

enum { GROUPS = 4 }; /* basket, session, place, segment */

typedef struct reader {
    recs_dataset *dataset;
    recs__csv *csv;
    recs__columns columns;
    recs__time_format time;
    const char *file;
    int64_t last_time;
    remembered users[1], groups[GROUPS];
    remembered types[TYPES_CACHED];
    size_t types_cached;
    char place_text[RECS_PLACE_ROOM + RECS_ID_MAX + 2]; /* of the row with coordinates */
    recs__field place;
} reader;

typedef struct id_field {
    const recs__field *field; /* NULL: absent or empty */
    uint32_t number;          /* RECS_NO_ROW: not interned yet */
} id_field;

static const recs__field *field_of(const reader *r, recs__column column) {
    return r->columns.at[column] < 0 ? NULL : &r->csv->fields[r->columns.at[column]];
}

static recs_status problem(reader *r, recs__problem what, recs__column column,
                           const recs__field *field, const char *expected, recs_error *error) {
    return recs__problems_add(&r->dataset->problems, what, r->dataset->settings.strict, r->file,
                              r->csv->line, r->columns.names[column], field ? field->text : NULL,
                              field ? field->size : 0, expected, error);
}

/* ---- ids --------------------------------------------------------------------------- */

/* Looks an id up. False: it is not one; absent is fine here. */
static bool look_up(const recs__intern *intern, const recs__field *field, remembered *memory,
                    id_field *out) {
    out->field = NULL;
    out->number = RECS_NO_ROW;
    if (field == NULL || field->size == 0)
        return true;
    out->field = field;
    if (memory != NULL && memory->size == field->size &&
        memcmp(memory->text, field->text, field->size) == 0) {
        out->number = memory->number;
        return true;
    }
    out->number = recs__intern_find(intern, field->text, field->size);
    return out->number != RECS_NO_ROW || recs__id_problem(field->text, field->size) == NULL;
}

static recs_status keep(reader *r, recs__intern *intern, const char *what, remembered *memory,
                        id_field *id, recs_error *error) {
    recs_status status = RECS_OK;
    if (id->field == NULL)
        return RECS_OK;
    if (id->number == RECS_NO_ROW)
        status = recs__intern_add(intern, &r->dataset->host, id->field->text, id->field->size,
                                  r->dataset->limit, what, &id->number, error);
    if (status == RECS_OK && memory != NULL && id->field->size <= sizeof memory->text) {
        memcpy(memory->text, id->field->text, id->field->size);
        memory->size = id->field->size;
        memory->number = id->number;
    }
    return status;
}

/* ---- the other fields ----------------------------------------------------------------- */

/* False: not a decimal number between -1e30 and 1e30. Empty is absent. */
static bool read_number(const recs__field *field, float *out) {
    double value;
    if (field == NULL || field->size == 0)
        return true;
    const char *text = field->text;
    size_t size = field->size;
    while (size > 0 && text[0] == ' ')
        text++, size--;
    while (size > 0 && text[size - 1] == ' ')
        size--;
    if (!recs__parse_double(text, size, &value) || !(value > -1e30 && value < 1e30))
        return false;
    *out = (float)value;
    return true;
}

static bool read_type(reader *r, const recs__field *field, uint8_t *type) {
    *type = RECS__TYPE_DEFAULT;
    if (field == NULL || field->size == 0)
        return true;
    for (size_t i = 0; i < r->types_cached; i++)
        if (r->types[i].size == field->size &&
            memcmp(r->types[i].text, field->text, field->size) == 0) {
            *type = (uint8_t)r->types[i].number;
            return true;
        }
    if (!recs__settings_type(&r->dataset->settings, field->text, field->size, type))
        return false;
    if (r->types_cached < TYPES_CACHED && field->size <= sizeof r->types[0].text) {
        remembered *memory = &r->types[r->types_cached++];
        memcpy(memory->text, field->text, field->size);
        memory->size = field->size;
        memory->number = *type;
    }
    return true;
}

/* Where an event came from. False: not a name of a source. */
static bool read_source(const recs__field *field, uint8_t *source) {
    static const char *const names[][4] = {{"organic", "no", "false", "0"},
                                           {"recommended", "yes", "true", "1"}};
    *source = RECS_SOURCE_ORGANIC;
    if (field == NULL || field->size == 0)
        return true;
    for (uint8_t s = RECS_SOURCE_ORGANIC; s <= RECS_SOURCE_RECOMMENDED; s++)
        for (int n = 0; n < 4; n++)
            if (recs__columns_same(field->text, field->size, names[s][n])) {
                *source = s;
                return true;
            }
    return false;
}

/* The place of a row: the column's, below the cells of its coordinates where it
 * has some. False: *column has coordinates that are none. */
static bool read_place(reader *r, const recs__field **place, recs__column *column) {
    static const recs__column columns[] = {RECS__COLUMN_LATITUDE, RECS__COLUMN_LONGITUDE};
    const uint32_t *levels = r->dataset->settings.cells;
    double at[2] = {0.0, 0.0};
    size_t absent = 0;
    *place = field_of(r, RECS__COLUMN_PLACE);
    for (int c = 0; c < 2; c++) {
        const recs__field *field = field_of(r, columns[c]);
        double most = c == 0 ? 90.0 : 180.0;
        *column = columns[c];
        if (field == NULL || field->size == 0)
            absent++;
        else if (!recs__parse_double(field->text, field->size, &at[c]) ||
                 !(at[c] >= -most && at[c] <= most))
            return false;
    }
    if (absent != 0)
        return absent == 2;
    if (recs_place_from_coordinates(at[0], at[1], levels[0], levels[1], levels[2], r->place_text,
                                    RECS_PLACE_ROOM, NULL) != RECS_OK)
        return false;
    size_t size = strlen(r->place_text);
    if (*place != NULL && (*place)->size != 0 && (*place)->size <= RECS_ID_MAX) {
        r->place_text[size++] = '/';
        memcpy(r->place_text + size, (*place)->text, (*place)->size);
        size += (*place)->size;
    }
    r->place = (recs__field){.text = r->place_text, .size = size};
    *place = &r->place;
    return true;
}

static recs_status read_title(reader *r, uint32_t item, float quantity, recs_error *error) {
    const recs__field *field = field_of(r, RECS__COLUMN_TITLE);
    /* Corrections of the stock carry notes such as "damaged" for a title. */
    if (field == NULL || field->size == 0 || !(quantity > 0.0f) ||
        (item < r->dataset->title_count && r->dataset->titles[item] != 0))
        return RECS_OK;
    const char *text = field->text;
    size_t size = field->size;
    while (size > 0 && text[0] == ' ')
        text++, size--;
    while (size > 0 && text[size - 1] == ' ')
        size--;
    if (size == 0)
        return RECS_OK;
    if (size > TITLE_MAX || !recs__utf8_valid(text, size) || memchr(text, '\0', size) != NULL)
        return problem(r, RECS__PROBLEM_TITLE, RECS__COLUMN_TITLE, field,
                       "a title of at most 4,096 bytes of UTF-8 (the row is used without it)",
                       error);
    return recs__dataset_title(r->dataset, item, text, size, error);
}

/* ---- rows ------------------------------------------------------------------------------ */

typedef struct log_row {
    id_field user, item, basket, session, place, segment;
    recs__event event;
} log_row;

/* Reads all fields. *usable false: it was counted as a problem. */
static recs_status read_fields(reader *r, log_row *row, bool *usable, recs_error *error) {
    recs_dataset *dataset = r->dataset;
    recs__event *event = &row->event;
    const recs__field *user = field_of(r, RECS__COLUMN_USER);
    const recs__field *item = field_of(r, RECS__COLUMN_ITEM);
    const recs__field *time = field_of(r, RECS__COLUMN_TIME);
    *usable = false;
    event->time = RECS_NO_TIME;
    event->quantity = 1.0f;
    event->value = event->price = NAN;
    event->propensity = 1.0f;

    if (!look_up(&dataset->items, item, NULL, &row->item) || row->item.field == NULL)
        return problem(r, RECS__PROBLEM_ITEM, RECS__COLUMN_ITEM, item,
                       "an id of 1 to 511 bytes of UTF-8", error);
    if (!look_up(&dataset->users, user, &r->users[0], &row->user))
        return problem(r, RECS__PROBLEM_USER, RECS__COLUMN_USER, user,
                       "an id of 1 to 511 bytes of UTF-8", error);
    static const recs__column groups[] = {RECS__COLUMN_BASKET, RECS__COLUMN_SESSION,
                                          RECS__COLUMN_PLACE, RECS__COLUMN_SEGMENT};
    const recs__intern *tables[GROUPS] = {&dataset->baskets, &dataset->sessions,
                                          &dataset->places, &dataset->segments};
    id_field *found[GROUPS] = {&row->basket, &row->session, &row->place, &row->segment};
    const recs__field *fields[GROUPS] = {field_of(r, RECS__COLUMN_BASKET),
                                         field_of(r, RECS__COLUMN_SESSION), NULL,
                                         field_of(r, RECS__COLUMN_SEGMENT)};
    recs__column coordinate;
    if (!read_place(r, &fields[2], &coordinate))
        return problem(r, RECS__PROBLEM_NUMBER, coordinate, field_of(r, coordinate),
                       coordinate == RECS__COLUMN_LATITUDE ? "degrees from -90 to 90"
                                                           : "degrees from -180 to 180", error);
    for (int g = 0; g < GROUPS; g++)
        if (!look_up(tables[g], fields[g], &r->groups[g], found[g]))
            return problem(r, RECS__PROBLEM_GROUP, groups[g], fields[g],
                           "an id of at most 511 bytes of UTF-8", error);
    if (row->user.field == NULL && row->basket.field == NULL && row->session.field == NULL)
        return problem(r, RECS__PROBLEM_USER, RECS__COLUMN_USER, user,
                       "a user, or a basket or session for a guest", error);
    if (time != NULL && !recs__time_parse(time->text, time->size, r->time, dataset->settings.zone,
                                          &event->time))
        return problem(r, RECS__PROBLEM_TIME, RECS__COLUMN_TIME, time,
                       recs__time_parse(time->text, time->size, RECS__TIME_DAY_FIRST,
                                        dataset->settings.zone, &event->time)
                           ? "an unambiguous date; set time to dmy or mdy"
                           : "seconds, milliseconds or ISO 8601 in the years 1 to 9999",
                       error);
    static const recs__column numbers[] = {RECS__COLUMN_QUANTITY, RECS__COLUMN_VALUE,
                                           RECS__COLUMN_PRICE};
    float *values[] = {&event->quantity, &event->value, &event->price};
    for (int n = 0; n < 3; n++)
        if (!read_number(field_of(r, numbers[n]), values[n]))
            return problem(r, RECS__PROBLEM_NUMBER, numbers[n], field_of(r, numbers[n]),
                           "a number between -1e30 and 1e30", error);
    if (!read_type(r, field_of(r, RECS__COLUMN_TYPE), &event->type))
        return problem(r, RECS__PROBLEM_TYPE, RECS__COLUMN_TYPE, field_of(r, RECS__COLUMN_TYPE),
                       "a name of at most 63 bytes, at most 24 beside the usual ones", error);
    const recs__field *propensity = field_of(r, RECS__COLUMN_PROPENSITY);
    if (!read_number(propensity, &event->propensity) ||
        !(event->propensity > 0.0f && event->propensity <= 1.0f))
        return problem(r, RECS__PROBLEM_NUMBER, RECS__COLUMN_PROPENSITY, propensity,
                       "a probability above 0 and at most 1", error);
    *usable = true;
    if (read_source(field_of(r, RECS__COLUMN_SOURCE), &event->source))
        return RECS_OK;
    return problem(r, RECS__PROBLEM_SOURCE, RECS__COLUMN_SOURCE, field_of(r, RECS__COLUMN_SOURCE),
                   "organic or recommended", error);
}

static recs_status keep_row(reader *r, log_row *row, recs_error *error) {
    recs_dataset *dataset = r->dataset;
    recs_status status = keep(r, &dataset->users, "users", &r->users[0], &row->user, error);
    if (status == RECS_OK)
        status = keep(r, &dataset->items, "items", NULL, &row->item, error);
    if (status == RECS_OK)
        status = keep(r, &dataset->baskets, "baskets", &r->groups[0], &row->basket, error);
    if (status == RECS_OK)
        status = keep(r, &dataset->sessions, "sessions", &r->groups[1], &row->session, error);
    if (status == RECS_OK)
        status = keep(r, &dataset->places, "places", &r->groups[2], &row->place, error);
    if (status == RECS_OK)
        status = keep(r, &dataset->segments, "segments", &r->groups[3], &row->segment, error);
    if (status != RECS_OK)
        return status;
    row->event.user = row->user.number;
    row->event.item = row->item.number;
    row->event.basket = row->basket.number;
    row->event.session = row->session.number;
    row->event.place = row->place.number;
    row->event.segment = row->segment.number;
    status = read_title(r, row->event.item, row->event.quantity, error);
    return status == RECS_OK ? recs__dataset_event(dataset, &row->event, error) : status;
}

static recs_status read_row(reader *r, recs_error *error) {
    recs_dataset *dataset = r->dataset;
    log_row row;
    bool usable;
    dataset->figures.rows++;
    if (r->csv->count != r->columns.width)
        return recs__problems_add(&dataset->problems, RECS__PROBLEM_FIELDS,
                                  dataset->settings.strict, r->file, r->csv->line, NULL,
                                  r->csv->fields[0].text, r->csv->fields[0].size,
                                  "as many fields as the first line has", error);
    recs_status status = read_fields(r, &row, &usable, error);
    if (status != RECS_OK || !usable)
        return status;
    if (!recs__dataset_within(dataset, row.event.time)) {
        dataset->figures.outside++;
        return RECS_OK;
    }
    if (dataset->settings.drop_items.count != 0 &&
        recs__intern_find(&dataset->settings.drop_items, row.item.field->text,
                          row.item.field->size) != RECS_NO_ROW) {
        dataset->figures.dropped_items++;
        return RECS_OK;
    }
    if (row.event.time != RECS_NO_TIME) {
        dataset->figures.out_of_order += row.event.time < r->last_time;
        r->last_time = row.event.time;
    }
    return keep_row(r, &row, error);
}

/* ---- files ------------------------------------------------------------------------------- */

/* Dates with slashes say which part is the day only now and then: the first
 * block of the file is looked through for such a one. */
static recs_status sample_dates(reader *r, recs_error *error) {
    const char *bytes;
    size_t size;
    recs__input *input = NULL;
    recs__csv csv = {0};
    bool more = true;
    r->time = r->dataset->settings.time;
    if (r->time != RECS__TIME_AUTO || r->columns.at[RECS__COLUMN_TIME] < 0)
        return RECS_OK;
    recs__csv_peek(r->csv, &bytes, &size);
    const recs__field *first = field_of(r, RECS__COLUMN_TIME);
    if (!r->columns.header && memchr(first->text, '/', first->size) == NULL)
        return RECS_OK;
    recs_status status = recs__input_memory(&input, bytes, size, &r->dataset->host, error);
    if (status == RECS_OK)
        status = recs__csv_open(&csv, input, r->csv->delimiter, &r->dataset->host, error);
    /* The block may end within a quoted field, which is no fault of the file. */
    while (status == RECS_OK && r->time == RECS__TIME_AUTO) {
        status = recs__csv_next(&csv, &more, NULL);
        if (status == RECS_ERR_MEMORY)
            recs__fail_memory(error, size);
        if (status != RECS_OK || !more)
            break;
        const recs__field *time = (size_t)r->columns.at[RECS__COLUMN_TIME] < csv.count
                                      ? &csv.fields[r->columns.at[RECS__COLUMN_TIME]] : NULL;
        if (time != NULL && memchr(time->text, '/', time->size) == NULL)
            break; /* another form of time */
        if (time != NULL)
            r->time = recs__time_order(time->text, time->size);
    }
    recs__csv_close(&csv);
    recs__input_close(input);
    return status == RECS_ERR_MEMORY ? status : RECS_OK;
}

recs_status recs__read_csv(recs_dataset *dataset, recs__csv *csv, recs_error *error) {
    bool more = false;
    reader r = {.dataset = dataset, .csv = csv, .file = recs__input_name(csv->input),
                .last_time = RECS_NO_TIME};
    char mapping[RECS__COLUMN_COUNT * (RECS__COLUMN_NAME + 16)], stage[RECS__STAGE_TEXT];
    recs__dataset_stage(stage, r.file);
    recs_status status = recs__csv_next(csv, &more, error);
    if (status != RECS_OK)
        return status;
    if (!more)
        return recs__fail(error, RECS_ERR_DATA, "%s is empty", r.file);
    const char *columns = dataset->settings.columns ? dataset->settings.columns : "";
    status = recs__columns_resolve(&r.columns, columns, dataset->settings.header, csv->fields,
                                   csv->count, r.file, error);
    if (status == RECS_OK)
        status = sample_dates(&r, error);
    recs__columns_text(&r.columns, mapping, sizeof mapping);
    if (status == RECS_OK)
        status = recs__dataset_print(&dataset->host, &dataset->sources, &dataset->sources_used,
                                     &dataset->sources_capacity, error, "columns: %s\n", mapping);
    if (status == RECS_OK && r.columns.header)
        status = recs__csv_next(csv, &more, error);
    for (uint64_t rows = 1; status == RECS_OK && more; rows++) {
        status = read_row(&r, error);
        if (status == RECS_OK && rows % ROWS_PER_TICK == 0)
            status = recs__dataset_tick(dataset, stage, recs__input_done(csv->input),
                                        recs__input_total(csv->input), error);
        if (status == RECS_OK)
            status = recs__csv_next(csv, &more, error);
    }
    return status;
}

/* What a name says: "log.tsv.gz" is tsv. */
static recs__format format_of_name(const char *name) {
    size_t size = strlen(name);
    static const char *const packed[] = {".zst", ".gz"};
    for (int p = 0; p < 2; p++)
        if (size > strlen(packed[p]) &&
            strcmp(name + size - strlen(packed[p]), packed[p]) == 0) {
            size -= strlen(packed[p]);
            break;
        }
    if (size > 4 && memcmp(name + size - 4, ".csv", 4) == 0)
        return RECS__FORMAT_CSV;
    return size > 4 && memcmp(name + size - 4, ".tsv", 4) == 0 ? RECS__FORMAT_TSV
                                                                 : RECS__FORMAT_AUTO;
}

/* A first line of numbers between single spaces, at least two, is LightGCN's. */
static bool looks_like_lightgcn(const char *bytes, size_t size) {
    size_t spaces = 0;
    for (size_t i = 0; i < size && bytes[i] != '\n'; i++) {
        if (bytes[i] == ' ')
            spaces++;
        else if ((bytes[i] < '0' || bytes[i] > '9') && bytes[i] != '\r')
            return false;
    }
    return spaces > 0;
}

static recs_status read_stream(recs_dataset *dataset, recs__csv *csv, recs__format format,
                               recs_error *error) {
    const char *bytes;
    size_t size;
    recs__csv_peek(csv, &bytes, &size);
    if (format == RECS__FORMAT_AUTO && dataset->settings.delimiter == 0 &&
        looks_like_lightgcn(bytes, size))
        format = RECS__FORMAT_LIGHTGCN;
    recs_status status = recs__dataset_print(
        &dataset->host, &dataset->sources, &dataset->sources_used, &dataset->sources_capacity,
        error, "read %s as %s\n", recs__input_name(csv->input),
        format == RECS__FORMAT_LIGHTGCN ? "lightgcn (user item item ...)"
        : csv->delimiter == '\t'        ? "tab-separated" : "csv");
    if (status != RECS_OK)
        return status;
    return format == RECS__FORMAT_LIGHTGCN ? recs__read_lightgcn(dataset, csv, error)
                                           : recs__read_csv(dataset, csv, error);
}

recs_status recs__read_input(recs_dataset *dataset, recs__input *input, recs_error *error) {
    recs__csv csv = {0};
    recs__mark mark;
    recs__format format = dataset->settings.format;
    char delimiter = dataset->settings.delimiter;
    if (format == RECS__FORMAT_AUTO)
        format = format_of_name(recs__input_name(input));
    if (delimiter == 0 && format == RECS__FORMAT_TSV)
        delimiter = '\t';
    recs__dataset_mark(dataset, &mark);
    recs_status status = recs__csv_open(&csv, input, delimiter, &dataset->host, error);
    if (status == RECS_OK)
        status = read_stream(dataset, &csv, format, error);
    recs__csv_close(&csv);
    uint64_t rows = dataset->figures.rows - mark.figures.rows;
    if (status == RECS_OK && rows != 0 && dataset->log.count == mark.events &&
        dataset->figures.outside == mark.figures.outside &&
        dataset->figures.dropped_items == mark.figures.dropped_items) {
        const char *shown = "";
        for (int p = RECS__PROBLEM_COUNT - 1; p >= 0; p--)
            if (dataset->problems.counts[p] > mark.problems.counts[p])
                shown = dataset->problems.shown[p][0];
        status = recs__fail(error, RECS_ERR_DATA, "none of the %llu rows of %s can be used; %s",
                            (unsigned long long)rows, recs__input_name(input), shown);
    }
    if (status != RECS_OK)
        recs__dataset_rewind(dataset, &mark);
    else
        dataset->netting->known = false;
    return status;
}

recs_status recs_dataset_read(recs_dataset *dataset, const char *path, recs_error *error) {
    recs__input *input = NULL;
    recs_status status = recs__input_open(&input, path, &dataset->host, error);
    if (status == RECS_OK)
        status = recs__read_input(dataset, input, error);
    recs__input_close(input);
    return status;
}

recs_status recs_dataset_read_items(recs_dataset *dataset, const char *path, recs_error *error) {
    recs__input *input = NULL;
    recs__problems before = dataset->problems;
    size_t sources_used = dataset->sources_used;
    char mapping[1024];
    uint64_t rows = 0;
    recs_status status = recs__input_open(&input, path, &dataset->host, error);
    if (status != RECS_OK)
        return status;
    /* The line of the report first: what cannot fail comes last. */
    status = recs__grow(&dataset->host, (void **)&dataset->sources, &dataset->sources_capacity,
                        sources_used + strlen(path) + sizeof mapping + 64, 1, error);
    if (status == RECS_OK)
        status = recs__catalogue_read(&dataset->catalogue, &dataset->items, dataset->limit,
                                      &dataset->settings, &dataset->problems, input,
                                      &dataset->host, &rows, mapping, sizeof mapping, error);
    if (status == RECS_OK)
        status = recs__dataset_print(&dataset->host, &dataset->sources, &dataset->sources_used,
                                     &dataset->sources_capacity, error,
                                     "read %s as a catalogue: %llu items\ncolumns: %s\n",
                                     recs__input_name(input), (unsigned long long)rows, mapping);
    if (status == RECS_OK) {
        dataset->figures.item_rows += rows;
        dataset->netting->known = false;
    } else {
        dataset->problems = before;
    }
    recs__input_close(input);
    return status;
}
