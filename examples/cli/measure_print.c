/* measure_print.c - an evaluation for people and as JSON. */
#include "cli.h"

#include <math.h>
#include <string.h>

/* "20" of "recall@20"; "" of a metric without a cut. */
static const char *cut_of(const char *metric) {
    const char *at = strrchr(metric, '@');
    return at ? at + 1 : "";
}

static bool starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* What is found, as opposed to what is shown. */
static bool is_ranking(const char *metric) {
    static const char *const shown[] = {"coverage", "gini",       "novelty", "diversity",
                                        "popularity", "lift", "tail"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (starts(metric, shown[i]))
            return false;
    return true;
}

static void print_value(double value, const char *metric, int width) {
    if (isnan(value))
        printf("  %*s", width, "-");
    else
        printf("  %*.*f", width, starts(metric, "popularity") ? 1 : 4, value);
}

static int name_width(const recs_evaluation *e) {
    int widest = 8;
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        int width = (int)strlen(recs_evaluation_row_name(e, row));
        widest = width > widest ? width : widest;
    }
    return widest;
}

static int column_width(const char *metric) {
    int width = (int)strlen(metric);
    return width > 9 ? width : 9;
}

/* A table of the metrics that have a cut. */
static void print_table(const recs_evaluation *e, const char *cut, bool ranking) {
    size_t metrics = recs_evaluation_metrics(e), shown = 0;
    int widest = name_width(e);

    for (size_t m = 0; m < metrics; m++) {
        const char *name = recs_evaluation_metric_name(e, m);
        if (strcmp(cut_of(name), cut) != 0 || is_ranking(name) != ranking)
            continue;
        if (shown++ == 0)
            printf("\n%-*s", widest, "");
        printf("  %*s", column_width(name), name);
    }
    if (shown == 0)
        return;
    putchar('\n');
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        print_padded(recs_evaluation_row_name(e, row), widest);
        for (size_t m = 0; m < metrics; m++) {
            const char *name = recs_evaluation_metric_name(e, m);
            if (strcmp(cut_of(name), cut) == 0 && is_ranking(name) == ranking)
                print_value(recs_evaluation_value(e, row, m), name, column_width(name));
        }
        putchar('\n');
    }
}

/* Intervals of the figures that are cited. */
static void print_intervals(const recs_evaluation *e, const char *cut) {
    static const char *const cited[] = {"recall@", "recall_min@", "ndcg@", "map@"};
    size_t columns[4], count = 0;
    double low, high;
    int widest = name_width(e);

    for (size_t m = 0; m < recs_evaluation_metrics(e); m++) {
        const char *name = recs_evaluation_metric_name(e, m);
        for (size_t i = 0; i < 4 && strcmp(cut_of(name), cut) == 0; i++)
            if (starts(name, cited[i]) && recs_evaluation_interval(e, 0, m, &low, &high))
                columns[count++] = m;
    }
    if (count == 0)
        return;
    printf("\n%-*s", widest, "intervals");
    for (size_t i = 0; i < count; i++)
        printf("  %15s", recs_evaluation_metric_name(e, columns[i]));
    putchar('\n');
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        print_padded(recs_evaluation_row_name(e, row), widest);
        for (size_t i = 0; i < count; i++) {
            recs_evaluation_interval(e, row, columns[i], &low, &high);
            printf("  %.4f - %.4f", low, high);
        }
        putchar('\n');
    }
}

/* Recall and ndcg of each segment, a table a kind and metric: systems by segments. */
static void print_kind(const recs_evaluation *e, const char *kind, size_t metric) {
    int widest = name_width(e);
    size_t segments = recs_evaluation_segments(e);

    printf("\n%s by %s\n%-*s", recs_evaluation_metric_name(e, metric), kind, widest, "");
    for (size_t s = 0; s < segments; s++)
        if (strcmp(recs_evaluation_segment_kind(e, s), kind) == 0)
            printf("  %9s", recs_evaluation_segment_name(e, s));
    printf("\n%-*s", widest, "users");
    for (size_t s = 0; s < segments; s++)
        if (strcmp(recs_evaluation_segment_kind(e, s), kind) == 0)
            printf("  %9llu", (unsigned long long)recs_evaluation_segment_users(e, s));
    putchar('\n');
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        print_padded(recs_evaluation_row_name(e, row), widest);
        for (size_t s = 0; s < segments; s++)
            if (strcmp(recs_evaluation_segment_kind(e, s), kind) == 0)
                print_value(recs_evaluation_segment_value(e, s, row, metric), "", 9);
        putchar('\n');
    }
}

static void print_segments(const recs_evaluation *e, const char *cut) {
    static const char *const kinds[] = {"history", "activity", "items", "given"};
    for (size_t k = 0; k < 4; k++) {
        bool there = false;
        for (size_t s = 0; s < recs_evaluation_segments(e); s++)
            there |= strcmp(recs_evaluation_segment_kind(e, s), kinds[k]) == 0;
        for (size_t m = 0; there && m < recs_evaluation_metrics(e); m++) {
            const char *name = recs_evaluation_metric_name(e, m);
            if ((starts(name, "recall@") || starts(name, "ndcg@")) &&
                strcmp(cut_of(name), cut) == 0)
                print_kind(e, kinds[k], m);
        }
    }
}

static void print_comparisons(const recs_evaluation *e, const char *cut) {
    double difference, low, high, p;
    uint64_t unpaired;
    for (size_t c = 0; c < recs_evaluation_comparisons(e); c++) {
        uint64_t users = recs_evaluation_comparison_users(e, c, &unpaired);
        fputs("\n", stdout);
        print_plain(recs_evaluation_comparison_name(e, c));
        printf(", %llu user%s", (unsigned long long)users, users == 1 ? "" : "s");
        if (unpaired)
            printf(" (%llu of one of them alone left out)", (unsigned long long)unpaired);
        printf("\n%-16s  %10s  %21s  %6s\n", "", "difference", "interval", "p");
        for (size_t m = 0; m < recs_evaluation_metrics(e); m++) {
            const char *name = recs_evaluation_metric_name(e, m);
            if (strcmp(cut_of(name), cut) != 0 ||
                !recs_evaluation_comparison(e, c, m, &difference, &low, &high, &p))
                continue;
            int digits = starts(name, "popularity") ? 1 : 4;
            printf("%-16s  %+10.*f  %+9.*f - %+9.*f  %6.4f%s\n", name, digits, difference, digits,
                   low, digits, high, p, low > 0.0 || high < 0.0 ? "  *" : "");
        }
    }
}

static bool is_first_of_cut(const recs_evaluation *e, size_t metric) {
    for (size_t before = 0; before < metric; before++)
        if (strcmp(cut_of(recs_evaluation_metric_name(e, before)),
                   cut_of(recs_evaluation_metric_name(e, metric))) == 0)
            return false;
    return true;
}

static bool has_cut(const recs_evaluation *e, const char *cut) {
    for (size_t m = 0; m < recs_evaluation_metrics(e); m++)
        if (strcmp(cut_of(recs_evaluation_metric_name(e, m)), cut) == 0)
            return true;
    return false;
}

static void print_one(const measure *m, const recs_evaluation *e) {
    const char *protocol = recs_evaluation_protocol(e);
    size_t length = strlen(protocol);
    /* The lengths that --html takes for its plots are too many to print. */
    const char *only = m->html && !m->cutoffs_given && has_cut(e, "20") ? "20" : NULL;

    fputs(protocol, stdout);
    if (length && protocol[length - 1] != '\n')
        putchar('\n');
    for (size_t metric = 0; metric < recs_evaluation_metrics(e); metric++) {
        const char *cut = cut_of(recs_evaluation_metric_name(e, metric));
        if (!is_first_of_cut(e, metric) || (only && strcmp(only, cut) != 0))
            continue;
        print_table(e, cut, true);
        print_intervals(e, cut);
        print_table(e, cut, false);
        print_segments(e, cut);
        print_comparisons(e, cut);
    }
}

void print_evaluation(const recs_evaluation *e) {
    measure m = {0};
    print_one(&m, e);
}

void measure_print(const measure *m, const recs_evaluation *e, const recs_evaluation *against,
                   const char *other) {
    print_one(m, e);
    if (!against)
        return;
    printf("\n%s:\n", other);
    print_one(m, against);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *pair(double low, double high) {
    json_t *list = json_array();
    json_array_append_new(list, isfinite(low) ? json_real(low) : json_null());
    json_array_append_new(list, isfinite(high) ? json_real(high) : json_null());
    return list;
}

/* Systems of the whole (segment SIZE_MAX) or of a segment. */
static json_t *systems_json(const recs_evaluation *e, size_t segment) {
    json_t *systems = json_array();
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        json_t *one = json_object(), *intervals = json_object();
        set_text(one, "name", recs_evaluation_row_name(e, row));
        for (size_t m = 0; m < recs_evaluation_metrics(e); m++) {
            const char *name = recs_evaluation_metric_name(e, m);
            double low, high, value = segment == SIZE_MAX
                                          ? recs_evaluation_value(e, row, m)
                                          : recs_evaluation_segment_value(e, segment, row, m);
            if (segment != SIZE_MAX && isnan(value))
                continue;
            set_number(one, name, value);
            if (segment == SIZE_MAX
                    ? recs_evaluation_interval(e, row, m, &low, &high)
                    : recs_evaluation_segment_interval(e, segment, row, m, &low, &high))
                json_object_set_new(intervals, name, pair(low, high));
        }
        if (json_object_size(intervals))
            json_object_set_new(one, "intervals", intervals);
        else
            json_decref(intervals);
        json_array_append_new(systems, one);
    }
    return systems;
}

static json_t *comparisons_json(const recs_evaluation *e) {
    json_t *list = json_array();
    for (size_t c = 0; c < recs_evaluation_comparisons(e); c++) {
        json_t *one = json_object(), *metrics = json_object();
        uint64_t unpaired, users = recs_evaluation_comparison_users(e, c, &unpaired);
        set_text(one, "name", recs_evaluation_comparison_name(e, c));
        set_count(one, "users", users);
        set_count(one, "unpaired", unpaired);
        for (size_t m = 0; m < recs_evaluation_metrics(e); m++) {
            double difference, low, high, p;
            if (!recs_evaluation_comparison(e, c, m, &difference, &low, &high, &p))
                continue;
            json_t *figure = json_object();
            set_number(figure, "difference", difference);
            json_object_set_new(figure, "interval", pair(low, high));
            set_number(figure, "p", p);
            json_object_set_new(metrics, recs_evaluation_metric_name(e, m), figure);
        }
        json_object_set_new(one, "metrics", metrics);
        json_array_append_new(list, one);
    }
    return list;
}

json_t *evaluation_json(const recs_evaluation *e) {
    static const char *const counts[] = {"users",     "users_unknown", "users_empty",
                                         "users_new", "items_unknown", "resamples"};
    json_t *root = json_object(), *segments = json_array();

    set_text(root, "protocol", recs_evaluation_protocol(e));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        set_count(root, counts[i], recs_evaluation_count(e, counts[i]));
    json_object_set_new(root, "systems", systems_json(e, SIZE_MAX));
    for (size_t s = 0; s < recs_evaluation_segments(e); s++) {
        json_t *one = json_object();
        set_text(one, "kind", recs_evaluation_segment_kind(e, s));
        set_text(one, "name", recs_evaluation_segment_name(e, s));
        set_count(one, "users", recs_evaluation_segment_users(e, s));
        json_object_set_new(one, "systems", systems_json(e, s));
        json_array_append_new(segments, one);
    }
    if (json_array_size(segments))
        json_object_set_new(root, "segments", segments);
    else
        json_decref(segments);
    if (recs_evaluation_comparisons(e))
        json_object_set_new(root, "comparisons", comparisons_json(e));
    return root;
}
