/* frozen.c - a trends component: a recs_trends as a log ended, asked where it lies in the
 * model (live/trends_mapped.h). What answers is the live state's own code (trends_rank.c),
 * so every setting is there and every score is the live one to the bit.
 *
 * Opening costs some ten microseconds; it is done once for a query and a component.
 * Whether an open state is still the component's is told by where its bytes are, their
 * header and section table: the same there is the same layout, within which every place
 * is checked when it is first asked for. */
#include "recommend/frozen.h"

#include "live/trends_mapped.h"
#include "recs/trends_share.h"
#include "search/topk.h"

#include <math.h>
#include <string.h>

bool recs__frozen_holds(const recs__frozen *frozen, const recs__component *component) {
    return frozen->trends != NULL && frozen->bytes == component->trend_state &&
           frozen->size == component->trend_size &&
           memcmp(frozen->head, frozen->bytes, sizeof frozen->head) == 0;
}

void recs__frozen_free(recs__frozen *frozen, const recs_host *host) {
    recs_trends_destroy(frozen->trends);
    recs__trend_work_free(&frozen->work, host);
    memset(frozen, 0, sizeof *frozen);
}

size_t recs__frozen_memory(const recs__frozen *frozen) {
    return sizeof *frozen + recs__trend_work_memory(&frozen->work) +
           (frozen->trends != NULL ? recs_trends_memory(frozen->trends) : 0);
}

static recs_status open_state(recs__frozen *frozen, const recs__component *component,
                              const recs_host *host, recs_error *error) {
    if (recs__frozen_holds(frozen, component))
        return RECS_OK;
    recs_trends_destroy(frozen->trends);
    frozen->trends = NULL;
    recs_status status = recs_trends_open_memory(&frozen->trends, component->trend_state,
                                                 component->trend_size, host, error);
    if (status != RECS_OK)
        return status;
    frozen->bytes = component->trend_state;
    frozen->size = component->trend_size;
    memcpy(frozen->head, frozen->bytes, sizeof frozen->head);
    return RECS_OK;
}

/* What a blend multiplies by beside its constant, which was measured at the root. */
static float factor_of(const recs__component *component, const recs__frozen *frozen) {
    const recs__trend_level *level = &frozen->work.level[0];
    if (component->trend_rules->ranking == RECS_RANK_TRENDING || frozen->work.levels == 0)
        return 1.0f;
    double here = level->total + level->lent;
    double factor = here > 0.0 ? component->trend_rules->root_total / here : 1.0;
    return isfinite(factor) && factor < 1e30 ? (float)factor : 1.0f;
}

static recs_status prepare(recs__frozen *frozen, const recs__component *component,
                           const recs__where *where, recs_error *error) {
    const recs__file_trend_rules *rules = component->trend_rules;
    recs_trends *trends = frozen->trends;
    bool exact;
    if (rules->series >= trends->options.series_count)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u asks series %u of trends, expected one below %u",
                          component->index, rules->series, trends->options.series_count);
    recs_status status = recs__mapped_touch(trends, where->place, where->size, NULL, 0, error);
    if (status != RECS_OK)
        return status;
    int64_t newest = recs_trends_newest(trends);
    int64_t time = where->time == RECS_NO_TIME || where->time < newest ? newest : where->time;
    frozen->ask = (recs__trend_ask){
        .node = recs__trend_node_nearest(trends, where->place, where->size, NULL, 0, &exact),
        .series = rules->series,
        .ranking = (int32_t)rules->ranking,
        .time = time < RECS__TREND_TIME_END ? time : newest,
        .limit = SIZE_MAX};
    return RECS_OK;
}

recs_status recs__frozen_fill(recs__step *step, const recs_host *host, uint32_t items,
                              const recs__where *where, recs_error *error) {
    const recs__component *component = step->component;
    recs__frozen *frozen = step->frozen;
    size_t count = 0;
    recs__lane_clear(step->lane);
    recs_status status = open_state(frozen, component, host, error);
    if (status == RECS_OK)
        status = prepare(frozen, component, where, error);
    if (status == RECS_OK)
        status = recs__trend_score_all(frozen->trends, &frozen->ask, &frozen->work, host, &count,
                                       error);
    if (status == RECS_OK)
        status = recs__lane_begin(step->lane, host, items, count, error);
    if (status != RECS_OK)
        return status;
    step->factor = factor_of(component, frozen);
    for (size_t i = 0; i < count; i++) {
        uint64_t key = frozen->work.keys[i];
        uint32_t item = frozen->work.items[recs__topk_row(key)];
        uint32_t row = item < component->trend_items ? component->trend_rows[item] : UINT32_MAX;
        float score = recs__score_clean(recs__topk_score(key));
        if (row < items && score > 0.0f)
            recs__lane_set(step->lane, row, score);
    }
    return RECS_OK;
}

/* The state's item of a row. */
static bool find_item(const recs__component *component, uint32_t row, uint64_t *item) {
    uint32_t low = 0, high = component->trend_items;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (component->trend_rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    *item = low;
    return low < component->trend_items && component->trend_rows[low] == row;
}

recs_status recs__frozen_parts(const recs__step *step, const recs_host *host, uint32_t row,
                               recs__frozen_part parts[RECS__TREND_LEVELS], uint32_t *count,
                               recs_error *error) {
    recs__frozen *frozen = step->frozen;
    recs__trend_reason reasons[RECS__TREND_LEVELS];
    uint64_t item;
    *count = 0;
    if (!(step->lane->scores[row] > 0.0f) || !find_item(step->component, row, &item))
        return RECS_OK;
    recs__trend_ask ask = frozen->ask;
    ask.limit = 1;
    ask.only = &item;
    ask.only_count = 1;
    recs_status status = recs__trend_explain(frozen->trends, &ask, &frozen->work, host, reasons,
                                             count, error);
    for (uint32_t l = 0; status == RECS_OK && l < *count; l++) {
        recs__trend_text path =
            recs__trend_names_get(&frozen->trends->paths, reasons[l].node->name);
        parts[l] = (recs__frozen_part){reasons[l].contribution, path.text, path.size};
    }
    return status;
}
