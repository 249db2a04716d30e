/* metrics.c - the table of metrics and the judging of lists, behind metrics.h.
 * Definitions are those of recs/train.h, word for word in the protocol. */
#include "train/metrics.h"

#include "base/error.h"
#include "base/math.h"

#include <math.h>
#include <string.h>

#define USERS RECS__CELL_USERS

static const recs__metric metrics[RECS__METRICS] = {
    {"recall", RECS__CELL_RECALL, USERS, 0, false, true, "hits / |test|"},
    {"recall_min", RECS__CELL_RECALL_MIN, USERS, 0, false, false, "hits / min(k, |test|)"},
    {"ndcg", RECS__CELL_NDCG, USERS, 0, false, true,
     "binary gains 1 / log2(rank + 1), ideal over min(k, |test|)"},
    {"precision", RECS__CELL_PRECISION, USERS, 0, false, true, "hits / k"},
    {"hit_rate", RECS__CELL_HIT, USERS, 0, false, true, "users with a hit"},
    {"mrr", RECS__CELL_MRR, USERS, 0, false, true, "1 / rank of the first hit"},
    {"map", RECS__CELL_MAP, USERS, 0, false, true,
     "sum of the precision at each hit over min(k, |test|)"},
    {"coverage", USERS, USERS, 0, true, true, "share of the catalogue shown to anybody"},
    {"gini", USERS, USERS, 0, true, false,
     "Gini coefficient of how often each item of the catalogue is shown (0 all alike, 1 one alone)"},
    {"novelty", RECS__CELL_NOVELTY, RECS__CELL_SHOWN, 0, false, false,
     "mean self-information of what is shown in bits, -log2 of the item's share of all train "
     "interactions (at least one is counted)"},
    {"diversity", RECS__CELL_DIVERSITY, RECS__CELL_PAIRED, 0, false, false,
     "1 - mean cosine of the pairs of a list, an item being the set of its train users; over "
     "lists of two items and more"},
    {"popularity", RECS__CELL_POPULARITY, RECS__CELL_SHOWN, 0, false, true,
     "mean train popularity of what is shown"},
    {"lift", RECS__CELL_LISTED, RECS__CELL_OWNED, 1, false, false,
     "mean popularity of lists over that of the users' own items, - 1"},
    {"tail", RECS__CELL_TAIL, RECS__CELL_SHOWN, 0, false, false,
     "share of what is shown from the long tail: items beyond the most popular ones that hold "
     "80 % of the train interactions"},
};

const recs__metric *recs__metric_at(size_t index) {
    return index < RECS__METRICS ? &metrics[index] : NULL;
}

static recs_status fail_metric(const char *name, size_t size, recs_error *error) {
    char list[256] = "";
    size_t used = 0;
    for (size_t m = 0; m < RECS__METRICS; m++) {
        size_t length = strlen(metrics[m].name);
        memcpy(list + used, metrics[m].name, length);
        used += length;
        memcpy(list + used, m + 1 < RECS__METRICS ? ", " : "\0", 2);
        used += 2;
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "metrics: \"%.*s\" is none, expected all or some of: %s",
                      size < 40 ? (int)size : 40, name, list);
}

recs_status recs__metrics_parse(const char *text, size_t chosen[RECS__METRICS], size_t *count,
                                recs_error *error) {
    bool wanted[RECS__METRICS] = {false}, all = text != NULL && strcmp(text, "all") == 0;
    for (size_t m = 0; m < RECS__METRICS; m++)
        wanted[m] = all || (text == NULL && metrics[m].is_default);
    for (const char *at = text; at != NULL && !all;) {
        size_t size = strcspn(at, ","), found = RECS__METRICS;
        for (size_t m = 0; m < RECS__METRICS; m++)
            if (strlen(metrics[m].name) == size && memcmp(metrics[m].name, at, size) == 0)
                found = m;
        if (found == RECS__METRICS)
            return fail_metric(at, size, error);
        wanted[found] = true;
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    *count = 0;
    for (size_t m = 0; m < RECS__METRICS; m++)
        if (wanted[m])
            chosen[(*count)++] = m;
    return RECS_OK;
}

double recs__metric_value(const recs__metric *metric, const double *cells, double users) {
    if (metric->of_catalogue)
        return NAN;
    double under = metric->under == USERS ? users : cells[metric->under];
    return under > 0.0 ? cells[metric->over] / under - metric->less : NAN;
}

double recs__metric_user_value(const recs__metric *metric, const float *cells) {
    if (metric->of_catalogue)
        return NAN;
    double under = metric->under == USERS ? 1.0 : (double)cells[metric->under];
    return under > 0.0 ? (double)cells[metric->over] / under - metric->less : NAN;
}

/* With x ascending, sum of (2 i - n - 1) x_i over n sum x_i, i from 1; the m
 * items of equal x at places r + 1 to r + m add m (2 r + m - n) x. */
double recs__metric_gini(const uint64_t *times, size_t most, uint64_t items) {
    double weighted = 0.0, total = 0.0, before = 0.0, n = (double)items;
    for (size_t t = 0; t <= most; t++) {
        double m = (double)times[t], x = (double)t;
        weighted += x * m * (2.0 * before + m - n);
        total += x * m;
        before += m;
    }
    return total > 0.0 ? weighted / (n * total) : NAN;
}

void recs__metrics_discounts(double *discounts, size_t deepest) {
    double ideal = 0.0;
    for (size_t rank = 0; rank < deepest; rank++) {
        discounts[rank] = 1.0 / recs__log2((double)rank + 2.0);
        ideal += discounts[rank];
        discounts[deepest + rank] = ideal;
    }
}

bool recs__sorted_holds(const uint32_t *sorted, size_t count, uint32_t row) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && sorted[low] == row;
}

void recs__metrics_judge(const recs__judged *judged, double *cells) {
    const double *ideal = judged->discounts + judged->deepest;
    double gain = 0.0, precision_sum = 0.0, first = 0.0;
    size_t hits = 0, at = 0;

    for (size_t c = 0; c < judged->cutoff_count; c++) {
        size_t cutoff = judged->cutoffs[c], truth = judged->truth_size;
        double *cell = cells + c * RECS__CELLS;
        for (; at < judged->length && at < cutoff; at++) {
            if (!recs__sorted_holds(judged->truth, judged->truth_known, judged->list[at]))
                continue;
            hits++;
            gain += judged->discounts[at];
            precision_sum += (double)hits / (double)(at + 1);
            if (hits == 1)
                first = 1.0 / (double)(at + 1);
        }
        size_t reachable = truth < cutoff ? truth : cutoff;
        cell[RECS__CELL_RECALL] = (double)hits / (double)truth;
        cell[RECS__CELL_RECALL_MIN] = (double)hits / (double)reachable;
        cell[RECS__CELL_NDCG] = gain / ideal[reachable - 1];
        cell[RECS__CELL_PRECISION] = (double)hits / (double)cutoff;
        cell[RECS__CELL_HIT] = hits > 0;
        cell[RECS__CELL_MRR] = first;
        cell[RECS__CELL_MAP] = precision_sum / (double)reachable;
        cell[RECS__CELL_SHOWN] = (double)at;
    }
}

void recs__metrics_judge_groups(const recs__judged *judged, const uint8_t *group_of,
                                const uint32_t *sizes, size_t groups, float *cells) {
    const double *ideal = judged->discounts + judged->deepest;
    for (size_t g = 0; g < groups; g++) {
        double gain = 0.0;
        size_t hits = 0, at = 0;
        if (sizes[g] == 0)
            continue;
        for (size_t c = 0; c < judged->cutoff_count; c++) {
            float *cell = cells + (g * judged->cutoff_count + c) * RECS__GROUP_CELLS;
            size_t cutoff = judged->cutoffs[c];
            for (; at < judged->length && at < cutoff; at++) {
                uint32_t item = judged->list[at];
                if (group_of[item] == g &&
                    recs__sorted_holds(judged->truth, judged->truth_known, item)) {
                    hits++;
                    gain += judged->discounts[at];
                }
            }
            size_t reachable = sizes[g] < cutoff ? sizes[g] : cutoff;
            cell[RECS__CELL_RECALL] = (float)((double)hits / (double)sizes[g]);
            cell[RECS__CELL_RECALL_MIN] = (float)((double)hits / (double)reachable);
            cell[RECS__CELL_NDCG] = (float)(gain / ideal[reachable - 1]);
            cell[RECS__CELL_HIT] = hits > 0;
        }
    }
}
