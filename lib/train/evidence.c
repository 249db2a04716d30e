/* evidence.c - see evidence.h. */
#include "train/evidence.h"

static uint64_t usable(const recs__csr *units, uint32_t unit, double longest, uint64_t *at,
                       size_t *count) {
    uint64_t positive = 0;
    *count = recs__csr_row(units, unit, at);
    for (size_t i = 0; i < *count; i++)
        positive += units->values[*at + i] > 0.0f;
    return (double)positive <= longest ? positive : 0;
}

recs_status recs__evidence_copy(recs__sparse *out, const recs__csr *units, double longest,
                                const recs_host *host, recs_error *error) {
    uint64_t at, entries = 0, put = 0;
    size_t count;

    for (uint32_t u = 0; u < units->rows; u++)
        entries += usable(units, u, longest, &at, &count);
    recs_status status =
        recs__sparse_create(out, units->rows, units->column_count, entries, host, error);
    for (uint32_t u = 0; status == RECS_OK && u < units->rows; u++) {
        bool use = usable(units, u, longest, &at, &count) > 0;
        for (size_t i = 0; use && i < count; i++)
            if (units->values[at + i] > 0.0f) {
                out->columns[put] = units->columns[at + i];
                out->values[put++] = units->values[at + i];
            }
        out->offsets[u + 1] = put;
    }
    return status;
}

bool recs__evidence_fold(const recs__sparse *rows, recs__sparse *left) {
    for (uint32_t r = 0; r < rows->rows; r++)
        for (uint64_t e = rows->offsets[r] + 1; e < rows->offsets[r + 1]; e++)
            if (rows->values[e] != rows->values[e - 1])
                return false;
    for (uint64_t e = 0; e < left->entries; e++)
        left->values[e] *= rows->values[rows->offsets[left->columns[e]]];
    return true;
}
