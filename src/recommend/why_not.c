/* why_not.c - why an item is, or is not, among the answers.
 *
 * The request runs as it is, with a probe that notes which filter took the
 * item out; if none did, its place is counted with one more pass over what
 * is eligible. */
#include "base/error.h"
#include "recommend/beside.h"
#include "recommend/overlay.h"
#include "recommend/recommend.h"
#include "recs/recommend.h"

#include <stdio.h>
#include <string.h>

/* ---- the place ---------------------------------------------------------------------------- */

/* Eligible rows with evidence that come before the key; all of them for
 * UINT64_MAX. */
static size_t count_before(recs__work *work, uint64_t key) {
    size_t before = 0;
    uint32_t items = work->filter.rows;
    for (uint32_t first = 0; first < items;) {
        size_t count = items - first < RECS__BLOCK ? items - first : RECS__BLOCK;
        recs__scorer_block(&work->scorer, first, count);
        const float *scores = recs__scorer_scores(&work->scorer);
        const uint8_t *evidence = recs__scorer_evidence(&work->scorer);
        for (size_t i = 0; i < count; i++) {
            uint32_t row = first + (uint32_t)i;
            before += evidence[i] && recs__topk_key(scores[i], row) < key &&
                      recs__filter_eligible(&work->filter, row);
        }
        first += (uint32_t)count;
    }
    return before;
}

/* Eligible rows without evidence that live trends or popularity order place before row. */
static size_t count_filled_before(recs__work *work, const recs__view *view, uint32_t row) {
    const recs__beside *beside = work->scorer.beside;
    uint32_t rows[RECS__BLOCK];
    size_t before = 0, listed = beside != NULL ? recs__beside_find(beside, row) : 0;
    bool found = view->popular_order == NULL;
    for (size_t i = 0; i < listed; i++) { /* trends come first */
        recs__scorer_gather(&work->scorer, &beside->rows[i], 1);
        before += !recs__scorer_evidence(&work->scorer)[0] &&
                  recs__filter_eligible(&work->filter, beside->rows[i]);
    }
    if (beside != NULL && listed < beside->count)
        return before;
    for (uint32_t i = 0; !found && i < view->items;) {
        size_t count = 0;
        for (; !found && i < view->items && count < RECS__BLOCK; i++) {
            uint32_t at = view->popular_order[i];
            found = at == row;
            if (!found && at < view->items && recs__filter_eligible(&work->filter, at) &&
                (beside == NULL || recs__beside_find(beside, at) == beside->count))
                rows[count++] = at;
        }
        recs__scorer_gather(&work->scorer, rows, count);
        const uint8_t *evidence = recs__scorer_evidence(&work->scorer);
        for (size_t j = 0; j < count; j++)
            before += !evidence[j];
    }
    return before;
}

/* ---- the sentence --------------------------------------------------------------------------- */

static void say(recs_query *query, const char *id) {
    recs__why *why = &query->why;
    const recs__answer *answer = &query->answer;
    const char *component = answer->component_name;
    char name[RECS_ID_MAX + 1];
    recs__one_line(name, sizeof name, id, strlen(id), false);
    switch (why->verdict) {
    case RECS_VERDICT_SHOWN:
        snprintf(why->text, sizeof why->text, "\"%s\" is shown: place %zu of %zu, score %.6g.",
                 name, why->rank + 1, answer->count, (double)why->score);
        break;
    case RECS_VERDICT_UNKNOWN:
        snprintf(why->text, sizeof why->text, "The model has no item \"%s\".", name);
        break;
    case RECS_VERDICT_SEEN:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: the visitor has had it already; its score is %.6g.", name,
                 (double)why->score);
        break;
    case RECS_VERDICT_DENIED:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: it is on the deny list; its score is %.6g.", name,
                 (double)why->score);
        break;
    case RECS_VERDICT_NOT_ALLOWED:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: it is not on the allow list; its score is %.6g.", name,
                 (double)why->score);
        break;
    case RECS_VERDICT_UNAVAILABLE:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: the catalogue says it is not available; its score is "
                 "%.6g.",
                 name, (double)why->score);
        break;
    case RECS_VERDICT_DISLIKED:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: the visitor dislikes it; its score is %.6g.", name,
                 (double)why->score);
        break;
    case RECS_VERDICT_QUERY_ITEM:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: it is the item asked about.", name);
        break;
    case RECS_VERDICT_FILTERED:
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: the shop's own filter says no; its score is %.6g.", name,
                 (double)why->score);
        break;
    case RECS_VERDICT_NO_EVIDENCE:
        if (!query->request.evidence_only) {
            snprintf(why->text, sizeof why->text,
                     "\"%s\" is not shown: \"%s\" has no evidence for it, and an item that is "
                     "new to the model is not filled up with.",
                     name, component);
            break;
        }
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: \"%s\" has no evidence for it (score %.6g) and the query "
                 "asks for evidence only.",
                 name, component, (double)why->score);
        break;
    default:
        if (why->rank < answer->count && answer->strategy == RECS_STRATEGY_INDEX) {
            snprintf(why->text, sizeof why->text,
                     "\"%s\" is not shown: with score %.6g it has place %zu of %zu eligible items, "
                     "but the approximate index did not find it; a longer search may.",
                     name, (double)why->score, why->rank + 1, answer->eligible);
            break;
        }
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not shown: with score %.6g it has place %zu of %zu eligible items; "
                 "%zu are shown, the last with score %.6g.",
                 name, (double)why->score, why->rank + 1, answer->eligible, answer->count,
                 (double)why->cutoff);
    }
}

/* ---- the verb --------------------------------------------------------------------------------- */

static recs_status judge(const recs__visit *visit, const recs__probe *probe, recs_error *error) {
    recs_query *query = visit->query;
    recs__work *work = &query->work;
    recs__why *why = &query->why;
    const recs__answer *answer = &query->answer;

    recs__scorer_gather(&work->scorer, &probe->row, 1);
    bool evidence = recs__scorer_evidence(&work->scorer)[0] != 0;
    why->score = recs__scorer_scores(&work->scorer)[0];
    why->verdict = probe->verdict;
    for (size_t i = 0; probe->verdict == RECS_VERDICT_NONE && i < answer->count; i++) {
        if (answer->rows[i] == probe->row) {
            why->verdict = RECS_VERDICT_SHOWN;
            why->rank = i;
        }
    }
    if (why->verdict == RECS_VERDICT_NONE) {
        why->verdict = evidence || !query->request.evidence_only ? RECS_VERDICT_BELOW
                                                                 : RECS_VERDICT_NO_EVIDENCE;
        why->rank = evidence
                        ? count_before(work, recs__topk_key(why->score, probe->row))
                        : count_before(work, UINT64_MAX) +
                              count_filled_before(work, visit->view, probe->row);
        size_t fresh;
        uint64_t key = evidence ? recs__topk_key(why->score, probe->row) : UINT64_MAX;
        recs_status status = recs__overlay_before(visit, key, &fresh, error);
        if (status != RECS_OK)
            return status;
        why->rank += fresh;
    }
    return recs__explain_row(visit, probe->row, !evidence, error);
}

/* The same of an item of the overlay, if it is one. */
static recs_status judge_new(const recs__visit *visit, const char *item, recs_error *error) {
    recs_query *query = visit->query;
    recs__work *work = &query->work;
    recs__why *why = &query->why;
    const recs__answer *answer = &query->answer;
    uint32_t named;
    why->verdict = RECS_VERDICT_UNKNOWN;
    recs_status status = recs__overlay_look(visit->overlay, visit, item, &named, error);
    if (status != RECS_OK || named == RECS_NO_ROW)
        return status;
    bool evidence = recs__scorer_evidence(&work->scorer)[0] != 0;
    why->score = recs__scorer_scores(&work->scorer)[0];
    status = recs__overlay_verdict(visit, item, strlen(item), &why->verdict, error);
    for (size_t i = 0; why->verdict == RECS_VERDICT_NONE && i < answer->count; i++) {
        if (answer->rows[i] == named) {
            why->verdict = RECS_VERDICT_SHOWN;
            why->rank = i;
        }
    }
    if (status == RECS_OK && why->verdict == RECS_VERDICT_NONE && evidence) {
        uint64_t key = recs__topk_key(why->score, named);
        size_t fresh = 0;
        why->verdict = RECS_VERDICT_BELOW;
        why->rank = count_before(work, key);
        status = recs__overlay_before(visit, key, &fresh, error);
        why->rank += fresh;
    } else if (status == RECS_OK && why->verdict == RECS_VERDICT_NONE) {
        why->verdict = RECS_VERDICT_NO_EVIDENCE;
    }
    if (status == RECS_OK) /* counting has scored others */
        status = recs__overlay_look(visit->overlay, visit, item, &named, error);
    return status == RECS_OK ? recs__explain_row(visit, named, false, error) : status;
}

recs_status recs__why_not(const recs__visit *visit, const char *item, recs_error *error) {
    recs_query *query = visit->query;
    const recs__answer *answer = &query->answer;
    recs__probe probe = {.verdict = RECS_VERDICT_NONE};
    probe.row = recs__ids_find(&visit->view->item_ids, item, strlen(item));
    if (probe.row >= visit->view->items)
        probe.row = RECS_NO_ROW;

    recs__visit here;
    recs__overlay overlay;
    recs_status status = recs__overlay_visit(&here, &overlay, visit, error);
    if (status == RECS_OK)
        status = recs__recommend_prepare(&here, &probe, error);
    if (status == RECS_OK)
        status = recs__recommend_answer(&here, RECS__VERB_RECOMMEND, error);
    if (status == RECS_OK && answer->count != 0)
        query->why.cutoff = answer->scores[answer->count - 1];
    if (status == RECS_OK && probe.row == RECS_NO_ROW)
        status = judge_new(&here, item, error);
    else if (status == RECS_OK)
        status = judge(&here, &probe, error);
    if (status == RECS_OK)
        say(query, item);
    else
        recs__answer_clear(query);
    recs__work_clear(&query->work);
    recs__overlay_leave(&overlay);
    return status;
}

recs_status recs_why_not(const recs_model *model, recs_query *query, const char *item,
                         recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (query != NULL)
        recs__answer_clear(query);
    if (status == RECS_OK && item == NULL)
        status = recs__fail(error, RECS_ERR_ARGUMENT, "item is NULL, expected an id");
    if (status == RECS_OK)
        status = recs__visit_model(&visit, model, query, error);
    return status == RECS_OK ? recs__why_not(&visit, item, error) : status;
}
