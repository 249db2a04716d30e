/* problems.c - rows that cannot be used, by reason. Constant memory. */
#include "train/problems.h"

#include "base/error.h"

#include <stdio.h>

#define VALUE_SHOWN 40

const char *recs__problem_name(recs__problem problem) {
    static const char *const names[RECS__PROBLEM_COUNT] = {
        "wrong number of fields",
        "user missing or not an id",
        "item missing or not an id",
        "basket, session or place not an id",
        "time missing or unreadable",
        "quantity, value, price or propensity unreadable",
        "type unreadable",
        "text not valid UTF-8",
        "id a second time",
        "source unknown, the event counts as organic",
    };
    return names[problem];
}

recs_status recs__problems_add(recs__problems *problems, recs__problem problem, bool strict,
                               const char *file, uint64_t line, const char *column,
                               const char *value, size_t value_size, const char *expected,
                               recs_error *error) {
    uint64_t seen = problems->counts[problem]++;
    if (seen >= RECS__PROBLEM_SHOWN && !strict)
        return RECS_OK;
    char quoted[4 * VALUE_SHOWN] = "", raw[2 * RECS__PROBLEM_TEXT], text[RECS__PROBLEM_TEXT];
    if (value != NULL)
        recs__one_line(quoted, sizeof quoted, value,
                       value_size < VALUE_SHOWN ? value_size : VALUE_SHOWN,
                       value_size > VALUE_SHOWN);
    /* Only the end of a long path is told, so that the rest has room. */
    size_t skip = 0;
    for (size_t i = 0; file[i] != '\0'; i++)
        if (file[i] == '/')
            skip = i + 1;
    int length = snprintf(raw, sizeof raw, "%.60s, line %llu%s%.40s%s%s%s: expected %s",
                          file + skip, (unsigned long long)line, column ? ", column " : "",
                          column ? column : "", value ? ": \"" : "", quoted, value ? "\"" : "",
                          expected);
    size_t size = length < 0 ? 0 : (size_t)length < sizeof raw ? (size_t)length : sizeof raw - 1;
    recs__one_line(text, sizeof text, raw, size, false);
    if (seen < RECS__PROBLEM_SHOWN)
        snprintf(problems->shown[problem][seen], RECS__PROBLEM_TEXT, "%s", text);
    return strict ? recs__fail(error, RECS_ERR_DATA, "%s", text) : RECS_OK;
}

uint64_t recs__problems_total(const recs__problems *problems) {
    uint64_t total = 0;
    for (int p = 0; p < RECS__PROBLEM_COUNT; p++)
        total += problems->counts[p];
    return total;
}
