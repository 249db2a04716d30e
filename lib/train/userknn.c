/* userknn.c - user-based nearest neighbours: the rows a visitor is compared
 * with when they come, laid out by row and by item. Nothing is learned; the
 * choosing and voting is done at request time, src/recommend/crowd.c, for new
 * and stored visitors alike.
 *
 * Resnick et al., "GroupLens", CSCW 1994; Breese, Heckerman, Kadie, UAI 1998
 * (inverse user frequency, case amplification); Aiolli, RecSys 2013
 * (asymmetric cosine). Over the units x items matrix x (users or baskets, only
 * positive values, rows of at most `longest` items), n_i the rows that have
 * item i:
 *
 *   w_i      = n_i^-item_exponent, or under weighting=idf
 *              ln((1 + rows) / (1 + n_i))^2: what sharing an item says
 *   sim(v,u) = sum of w_i v_i x_ui / ((sum of w_i v_i^2)^(1 - asymmetry)
 *              (sum of w_i x_ui^2)^asymmetry + shrinkage)
 *   score_i  = sum over the k most similar rows of sim^power x_ui
 *              n_i^-popularity_exponent, over the sum of sim^power
 *
 * The file keeps rows without a word on whose they are, in the order of what
 * is in them, also when the model stores no users.
 *
 * Cost: O(n) and a sort of rows by their contents. Memory: 16 bytes an
 * interaction in the file, 12 a row, 12 an item; 4 a row beside. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/order.h"

#include <math.h>
#include <string.h>

enum {
    K,
    ASYMMETRY,
    WEIGHTING,
    ITEM_EXPONENT,
    POPULARITY_EXPONENT,
    POWER,
    SHRINKAGE,
    LONGEST,
    SETTING_COUNT
};
enum { WEIGHTING_POWER, WEIGHTING_IDF };

static const recs__setting userknn_settings[] = {
    [K] = {"k", 500, 1, 1000000, true, NULL, 0},
    [ASYMMETRY] = {"asymmetry", 0.5, 0, 1, false, NULL, 0},
    [WEIGHTING] = {"weighting", WEIGHTING_POWER, 0, 0, false, "power|idf", 0},
    [ITEM_EXPONENT] = {"item_exponent", 0.5, 0, 2, false, NULL, 0},
    [POPULARITY_EXPONENT] = {"popularity_exponent", 0.25, 0, 2, false, NULL, 0},
    [POWER] = {"power", 1.3, 0.01, 16, false, NULL, 0},
    [SHRINKAGE] = {"shrinkage", 0, 0, 1e9, false, NULL, 0},
    [LONGEST] = {"longest", 10000, 1, 4294967295.0, true, NULL, 0},
};

typedef struct userknn {
    const recs__train_job *job;
    const recs_host *host;
    const recs__csr *units;
    uint32_t items, rows;
    uint64_t entries;
    uint32_t *order; /* units in the order of the file's rows: [rows] */
    uint64_t *row_offsets, *posting_offsets;
    uint32_t *row_items, *posting_rows;
    float *row_values, *posting_values, *norms, *weights;
} userknn;

/* ---- rows in the order of what is in them ----------------------------------------------- */

/* The next positive entry of a unit from *at on; false at its end. */
static bool next_entry(const userknn *m, uint64_t *at, uint64_t end) {
    while (*at < end && !(m->units->values[*at] > 0.0f))
        (*at)++;
    return *at < end;
}

/* Whether unit a comes before unit b: by items, then by values. */
static bool comes_before(const void *data, uint32_t a, uint32_t b) {
    const userknn *m = data;
    uint64_t at, to, at_end, to_end;
    at_end = recs__csr_row(m->units, a, &at);
    to_end = recs__csr_row(m->units, b, &to);
    at_end += at;
    to_end += to;
    int by_value = 0;
    for (;; at++, to++) {
        bool more = next_entry(m, &at, at_end), others = next_entry(m, &to, to_end);
        if (!more || !others)
            return more != others ? others : by_value < 0;
        uint32_t item = m->units->columns[at], other = m->units->columns[to];
        if (item != other)
            return item < other;
        if (by_value == 0)
            by_value = m->units->values[at] < m->units->values[to]   ? -1
                       : m->units->values[at] > m->units->values[to] ? 1
                                                                     : 0;
    }
}

static recs_status sort_units(userknn *m, uint32_t *spare, recs_error *error) {
    return recs__order_rows(m->order, spare, m->rows, comes_before, m, m->job->progress,
                            "userknn rows", error);
}

/* Fills order with the units that count, and their entries. */
static recs_status choose_rows(userknn *m, recs_error *error) {
    double longest = m->job->spec->settings[LONGEST];
    m->order = recs__alloc_aligned(m->host, m->units->rows, sizeof *m->order, error);
    uint32_t *spare = recs__alloc_aligned(m->host, m->units->rows, sizeof *spare, error);
    recs_status status = m->order != NULL && spare != NULL ? RECS_OK : RECS_ERR_MEMORY;
    for (uint32_t unit = 0; unit < m->units->rows && status == RECS_OK; unit++) {
        uint64_t at, positive = 0;
        size_t count = recs__csr_row(m->units, unit, &at);
        for (size_t i = 0; i < count; i++)
            positive += m->units->values[at + i] > 0.0f;
        if (positive == 0 || (double)positive > longest)
            continue;
        m->order[m->rows++] = unit;
        m->entries += positive;
    }
    if (status == RECS_OK)
        status = sort_units(m, spare, error);
    recs__free_aligned(m->host, spare);
    return status;
}

/* ---- what is stored ------------------------------------------------------------------------ */

static recs_status allocate(userknn *m, recs_error *error) {
    uint64_t bytes = 16 * m->entries + 12 * (uint64_t)m->rows + 12 * (uint64_t)m->items;
    recs_status status = recs__budget_check(m->job, bytes, "userknn", error);
    if (status != RECS_OK)
        return status;
    struct {
        void **block;
        size_t count, size;
    } blocks[] = {
        {(void **)&m->row_offsets, (size_t)m->rows + 1, sizeof(uint64_t)},
        {(void **)&m->row_items, (size_t)m->entries, sizeof(uint32_t)},
        {(void **)&m->row_values, (size_t)m->entries, sizeof(float)},
        {(void **)&m->posting_offsets, (size_t)m->items + 2, sizeof(uint64_t)},
        {(void **)&m->posting_rows, (size_t)m->entries, sizeof(uint32_t)},
        {(void **)&m->posting_values, (size_t)m->entries, sizeof(float)},
        {(void **)&m->norms, m->rows, sizeof(float)},
        {(void **)&m->weights, m->items, sizeof(float)},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if ((*blocks[i].block = recs__alloc_aligned(m->host, blocks[i].count, blocks[i].size,
                                                    error)) == NULL)
            return RECS_ERR_MEMORY;
    return RECS_OK;
}

/* Rows of the item, as posting_offsets holds them before postings are placed. */
static uint64_t rows_with(const userknn *m, uint32_t item) {
    return m->posting_offsets[item + 2] - m->posting_offsets[item + 1];
}

static void weigh_items(userknn *m) {
    const double *settings = m->job->spec->settings;
    memset(m->posting_offsets, 0, ((size_t)m->items + 2) * sizeof *m->posting_offsets);
    for (uint32_t row = 0; row < m->rows; row++) {
        uint64_t at, end;
        end = recs__csr_row(m->units, m->order[row], &at);
        for (end += at; next_entry(m, &at, end); at++)
            m->posting_offsets[m->units->columns[at] + 2]++;
    }
    for (uint32_t item = 0; item < m->items; item++)
        m->posting_offsets[item + 2] += m->posting_offsets[item + 1];
    for (uint32_t item = 0; item < m->items; item++) {
        double n = (double)rows_with(m, item), weight = 0.0;
        if (n > 0.0 && (unsigned)settings[WEIGHTING] == WEIGHTING_POWER) {
            weight = recs__pow(n, -settings[ITEM_EXPONENT]);
        } else if (n > 0.0) {
            double idf = recs__log2((1.0 + (double)m->rows) / (1.0 + n)) * 0.6931471805599453;
            weight = idf * idf;
        }
        m->weights[item] = (float)weight;
    }
}

/* Both layouts and the norms. The last begin of posting_offsets moves down, so
 * that its first items + 1 members are what the file wants. */
static recs_status lay_out(userknn *m, recs_error *error) {
    const double *settings = m->job->spec->settings;
    float *votes = recs__alloc_aligned(m->host, m->items, sizeof *votes, error);
    uint64_t entries = 0;
    if (votes == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < m->items; item++) {
        double n = (double)rows_with(m, item);
        votes[item] = n > 0.0 ? (float)recs__pow(n, -settings[POPULARITY_EXPONENT]) : 0.0f;
    }
    for (uint32_t row = 0; row < m->rows; row++) {
        uint64_t at, end;
        double squared = 0.0;
        m->row_offsets[row] = entries;
        end = recs__csr_row(m->units, m->order[row], &at);
        for (end += at; next_entry(m, &at, end); at++) {
            uint32_t item = m->units->columns[at];
            float value = m->units->values[at];
            uint64_t place = m->posting_offsets[item + 1]++;
            m->row_items[entries] = item;
            m->row_values[entries++] = value * votes[item];
            m->posting_rows[place] = row;
            m->posting_values[place] = m->weights[item] * value;
            squared += (double)m->weights[item] * (double)value * (double)value;
        }
        m->norms[row] = squared > 0.0 ? (float)recs__pow(squared, settings[ASYMMETRY]) : 0.0f;
    }
    m->row_offsets[m->rows] = entries;
    recs__free_aligned(m->host, votes);
    return RECS_OK;
}

static recs_status check_finite(const userknn *m, recs_error *error) {
    bool finite = true;
    for (uint64_t i = 0; i < m->entries; i++)
        finite &= isfinite(m->row_values[i]) && isfinite(m->posting_values[i]);
    for (uint32_t row = 0; row < m->rows; row++)
        finite &= isfinite(m->norms[row]) != 0;
    return finite ? RECS_OK
                  : recs__fail(error, RECS_ERR_NUMERIC,
                               "userknn: values are too large for float32; set the dataset's "
                               "weight to log1p or cap(n)");
}

static void hand_over(userknn *m, recs__trained *trained) {
    const double *settings = m->job->spec->settings;
    size_t entries = (size_t)m->entries;
    trained->kind = RECS__KIND_USERS;
    trained->rows = m->rows;
    trained->neighbors = (uint32_t)settings[K];
    trained->asymmetry = (float)settings[ASYMMETRY];
    trained->shrinkage = (float)settings[SHRINKAGE];
    trained->power = (float)settings[POWER];
    for (uint32_t item = 0; item < m->items; item++)
        trained->items_trained += m->posting_offsets[item + 1] > m->posting_offsets[item];
    struct {
        uint32_t type;
        void *bytes;
        size_t size;
    } sections[] = {
        {RECS_SECTION_ROW_OFFSETS, m->row_offsets, ((size_t)m->rows + 1) * sizeof(uint64_t)},
        {RECS_SECTION_ROW_ITEMS, m->row_items, entries * sizeof(uint32_t)},
        {RECS_SECTION_ROW_VALUES, m->row_values, entries * sizeof(float)},
        {RECS_SECTION_POSTING_OFFSETS, m->posting_offsets,
         ((size_t)m->items + 1) * sizeof(uint64_t)},
        {RECS_SECTION_POSTING_ROWS, m->posting_rows, entries * sizeof(uint32_t)},
        {RECS_SECTION_POSTING_VALUES, m->posting_values, entries * sizeof(float)},
        {RECS_SECTION_ROW_NORMS, m->norms, m->rows * sizeof(float)},
        {RECS_SECTION_ITEM_WEIGHTS, m->weights, m->items * sizeof(float)},
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        recs__trained_add(trained, sections[i].type, sections[i].bytes, sections[i].size);
    recs__free_aligned(m->host, m->order);
    *m = (userknn){.host = m->host};
}

static recs_status train_userknn(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    userknn m = {.job = job, .host = &job->training->host, .units = &job->training->units,
                 .items = job->training->items};
    recs_status status = recs__progress_tell(job->progress, "userknn rows", 0, 1, error);
    if (status == RECS_OK)
        status = choose_rows(&m, error);
    if (status == RECS_OK)
        status = allocate(&m, error);
    if (status == RECS_OK) {
        weigh_items(&m);
        status = lay_out(&m, error);
    }
    if (status == RECS_OK)
        status = check_finite(&m, error);
    if (status == RECS_OK)
        hand_over(&m, trained);
    void *blocks[] = {m.order,        m.row_offsets,  m.row_items, m.row_values,
                      m.posting_offsets, m.posting_rows, m.posting_values, m.norms, m.weights};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        recs__free_aligned(m.host, blocks[i]);
    return status;
}

const recs__trainer recs__trainer_userknn = {"userknn", userknn_settings, SETTING_COUNT,
                                             train_userknn, false};
