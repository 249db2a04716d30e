/* protocol.c - which protocol an evaluation follows, and all of it in words:
 * what was split, ranked, masked and averaged, and how each figure is defined. */
#include "train/evaluator.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* The percentile interval of a mean needs some tens of values. */
#define FEW_USERS 30

typedef struct protocol {
    const char *name, *cutoffs;
    bool given, masked; /* needs histories; needs repeats=exclude */
    const char *text;
} protocol;

static const protocol protocols[] = {
    {"lightgcn", "20", false, true,
     "protocol lightgcn: a random part of each user's items held out, as in the LightGCN line of "
     "work; cite recall@k (over |test|) and ndcg@k\n"},
    {"strong", "20,50,100", true, true,
     "protocol strong: users that are not in train, asked for by a part of their history "
     "(Mult-VAE); its Recall@k is recall_min@k here, its NDCG@k ndcg@k\n"},
    {"history", "20", true, true,
     "protocol history: users that are not in train, asked for by the last items of the first part "
     "of their history, whatever its length evaluated on the same items after it\n"},
    {"time", NULL, false, false,
     "protocol time: train ends at one date for all users, test begins there\n"},
    {"last", NULL, false, false,
     "protocol last: the last items of each user; LEAKS over time: train holds what others did "
     "after a user's test items\n"},
    {"random", NULL, false, false,
     "protocol random: a random part of each user's items; LEAKS over time: train and test are of "
     "the same days\n"},
};

static const protocol *find(const char *name) {
    for (size_t i = 0; name && i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    return NULL;
}

recs_status recs__protocol_check(recs_evaluate_options *options, recs_error *error) {
    const protocol *asked = find(options->protocol);
    if (options->protocol == NULL)
        return RECS_OK;
    if (asked == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "protocol \"%.40s\": expected lightgcn, strong, history, time, last or random",
                          options->protocol);
    if (asked->given && options->histories == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "protocol %s is of users that are not in train: it needs histories to "
                          "ask for them by",
                          asked->name);
    if (asked->masked && options->repeats != RECS_REPEATS_EXCLUDE)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "protocol %s masks what a user has: repeats is %d, expected 0 (exclude)",
                          asked->name, (int)options->repeats);
    if (options->cutoffs == NULL)
        options->cutoffs = asked->cutoffs;
    if (options->metrics == NULL && strcmp(asked->name, "strong") == 0)
        options->metrics = "recall,recall_min,ndcg,precision,hit_rate,mrr,map,coverage,popularity";
    return RECS_OK;
}

static recs_status tell_users(const recs__evaluator *e, recs_error *error) {
    const recs_evaluation *r = e->result;
    recs_status status = recs__evaluation_say(
        e->result, error, "means over %llu user%s; skipped: %llu not in the %s, %llu with no test "
        "item left\n",
        (unsigned long long)r->users, r->users == 1 ? "" : "s",
        (unsigned long long)r->users_unknown, e->visitors.given ? "histories" : "model",
        (unsigned long long)r->users_empty);
    if (status == RECS_OK && e->options.new_users)
        status = recs__evaluation_say(e->result, error,
                                      "%llu users the %s not know are counted as visitors without "
                                      "a history\n",
                                      (unsigned long long)r->users_new,
                                      e->visitors.given ? "histories do" : "model does");
    if (status == RECS_OK && e->items_ignored)
        status = recs__evaluation_say(
            e->result, error, "%llu items of the histories are not in the model and were ignored\n",
            (unsigned long long)e->items_ignored);
    return status;
}

static recs_status tell_metrics(const recs__evaluator *e, recs_error *error) {
    const recs_evaluation *r = e->result;
    recs_status status = RECS_OK;
    for (size_t m = 0; m < r->chosen_count && status == RECS_OK; m++) {
        const recs__metric *metric = recs__metric_at(r->chosen[m]);
        status = recs__evaluation_say(e->result, error, "%s@k = %s\n", metric->name,
                                      metric->definition);
        if (status == RECS_OK && metric->over == RECS__CELL_DIVERSITY && !e->facts.users)
            status = recs__evaluation_say(
                e->result, error, "diversity has no value: the model stores no users\n");
    }
    if (status == RECS_OK && r->resamples)
        status = recs__evaluation_say(
            e->result, error,
            "intervals: %g %%, percentile bootstrap over users, %u resamples, seed %llu; train is "
            "taken as given\n",
            100.0 * r->confidence, r->resamples, (unsigned long long)r->seed);
    if (status == RECS_OK && r->resamples && r->users < FEW_USERS)
        status = recs__evaluation_say(
            e->result, error,
            "WARNING: intervals from fewer than %d users are narrower than they say\n", FEW_USERS);
    return status;
}

recs_status recs__protocol_tell(const recs__evaluator *e, const char *preamble,
                                recs_error *error) {
    static const char *const masks[] = {
        "train items masked and taken out of the test part",
        "nothing masked: repeats count as any other item",
        "only the user's own train items, in the lists and in the test part"};
    const protocol *asked = find(e->options.protocol);
    recs_evaluation *r = e->result;
    recs_status status =
        recs__evaluation_say(r, error, "%s%s", preamble ? preamble : "", asked ? asked->text : "");
    if (status == RECS_OK)
        status = recs__evaluation_say(r, error, "all %u items ranked; %s\n", e->items,
                                      masks[e->options.repeats]);
    if (status == RECS_OK && e->visitors.given)
        status = recs__evaluation_say(
            r, error, "users are asked for by the histories given, none by what the model stores\n");
    if (status == RECS_OK)
        status = tell_users(e, error);
    if (status == RECS_OK)
        status = recs__evaluation_say(
            r, error, "test items the model does not know stay in the denominator (%llu of them)\n",
            (unsigned long long)r->items_unknown);
    if (status == RECS_OK)
        status = tell_metrics(e, error);
    if (status == RECS_OK && e->options.baselines && e->options.repeats == RECS_REPEATS_EXCLUDE)
        status = recs__evaluation_say(
            r, error, "baseline/own-items is zero by definition where repeats are excluded\n");
    if (status == RECS_OK && e->options.baselines)
        status = recs__evaluation_say(
            r, error, "%s",
            recs_model_last_time(e->model) == RECS_NO_TIME
                ? "baseline/recent-popular is left out: the train part has no times\n"
            : recs_model_users(e->model) == 0
                ? "baseline/recent-popular is left out: the model stores no users\n"
                : "");
    return status;
}
