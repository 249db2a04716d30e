/* evaluation_html.c - an evaluation as one HTML file that needs nothing beside
 * itself: no script, no font, no picture, no address. Light or dark as the
 * reader's system asks. Names come from outside and are escaped. */
#include "train/evaluation.h"
#include "train/plot.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
    ":root{--page:#fcfcfb;--ink:#1a1a19;--soft:#5f5e5a;--rule:#e1e0d9;--card:#fff;--best:#eaf2fb;"
    "--s0:#2a78d6;--s1:#eb6834;--s2:#1baf7a;--s3:#eda100;--s4:#e87ba4;--s5:#008300;--s6:#4a3aa7;"
    "--s7:#e34948}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#1a1a19;--ink:#f3f2ee;--soft:#b4b2a9;"
    "--rule:#383835;--card:#222220;--best:#1f3147;--s0:#3987e5;--s1:#d95926;--s2:#199e70;"
    "--s3:#c98500;--s4:#d55181;--s5:#2fa32f;--s6:#9085e9;--s7:#e66767}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif;color-scheme:light dark}\n"
    "main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}h1{font-size:26px;margin:0 0 4px;"
    "overflow-wrap:anywhere}h2{font-size:18px;margin:36px 0 10px}p{margin:0 0 10px;color:var(--soft);"
    "max-width:80ch}\n"
    ".scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:8px;background:var(--card)}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{padding:6px 9px;text-align:right;white-space:nowrap;border-top:1px solid var(--rule)}"
    "thead th{border-top:0;font-weight:600;color:var(--soft)}"
    "th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--card)}"
    "tbody th{font-weight:500}td small{display:block;color:var(--soft);font-size:11px;font-weight:400}"
    "td.best{background:var(--best);font-weight:600}td.sure{font-weight:600}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:16px}"
    "figure{margin:0;border:1px solid var(--rule);border-radius:8px;background:var(--card);"
    "padding:12px 12px 4px}figcaption{font-weight:600;margin:0 0 4px 4px}svg{display:block;width:100%;"
    "height:auto}\n"
    ".grid{stroke:var(--rule)}.tick{fill:var(--soft);font-size:12px}.axis{fill:var(--soft);"
    "font-size:12px}.line{fill:none;stroke-width:2}.band{opacity:.14}.bar{stroke-width:2;opacity:.55}"
    ".dot{stroke:var(--card);stroke-width:1.5}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:6px 18px;margin:0 0 12px;padding:0;list-style:none;"
    "color:var(--soft)}.legend i{display:inline-block;width:11px;height:11px;border-radius:50%;"
    "margin-right:6px}pre{white-space:pre-wrap;border:1px solid var(--rule);border-radius:8px;"
    "background:var(--card);padding:14px 16px;font:13px/1.55 ui-monospace,Consolas,monospace;margin:0}\n";

static void colours(recs__output *o) {
    for (int s = 0; s < RECS__PLOT_SERIES; s++)
        recs__output_print(o,
                           ".line.s%d,.bar.s%d{stroke:var(--s%d)}.dot.s%d,.band.s%d{fill:var(--s%d)}"
                           ".legend .s%d{background:var(--s%d)}\n",
                           s, s, s, s, s, s, s, s);
}

/* A figure as the table shows it, without the process's locale. */
static void figure(recs__output *o, double value, bool large) {
    long scale = large ? 10 : 10000, whole;
    if (!isfinite(value)) {
        recs__output_text(o, "&ndash;");
        return;
    }
    whole = labs(lround(value * (double)scale));
    recs__output_print(o, "%s%ld.%0*ld", value < 0.0 && whole ? "&minus;" : "", whole / scale,
                       large ? 1 : 4, whole % scale);
}

static bool is_large(const char *metric) {
    return strncmp(metric, "popularity", 10) == 0;
}

/* Of these the highest figure is the best one. */
static bool ranks(const recs__metric *metric) {
    return metric->over < RECS__CELL_SHOWN;
}

/* The cutoff that most people cite, or the last one. */
static size_t main_cutoff(const recs_evaluation *e) {
    for (size_t c = 0; c < e->cutoff_count; c++)
        if (e->cutoffs[c] == 20)
            return c;
    return e->cutoff_count - 1;
}

/* ---- tables ------------------------------------------------------------------------------ */

static double best_of(const recs_evaluation *e, size_t column) {
    double best = -INFINITY;
    for (size_t row = 0; row < e->row_count; row++) {
        double value = e->table.values[row * e->metric_count + column];
        best = value > best ? value : best;
    }
    return best;
}

static void value_cell(recs__output *o, const recs_evaluation *e, size_t row, size_t column) {
    size_t cutoff, at = row * e->metric_count + column;
    double value = e->table.values[at];
    bool large = is_large(e->metrics[column]);
    bool best = ranks(recs__evaluation_metric(e, column, &cutoff)) && value > 0.0 &&
                value == best_of(e, column);
    recs__output_text(o, best ? "<td class=\"best\">" : "<td>");
    figure(o, value, large);
    if (e->table.lows && !isnan(e->table.lows[at])) {
        recs__output_text(o, "<small>");
        figure(o, e->table.lows[at], large);
        recs__output_text(o, " to ");
        figure(o, e->table.highs[at], large);
        recs__output_text(o, "</small>");
    }
    recs__output_text(o, "</td>");
}

static void table_of(recs__output *o, const recs_evaluation *e, size_t cutoff, bool ranking) {
    size_t first = cutoff * e->chosen_count, shown = 0;
    for (size_t m = 0; m < e->chosen_count; m++)
        shown += ranks(recs__metric_at(e->chosen[m])) == ranking;
    if (shown == 0)
        return;
    recs__output_text(o, "<div class=\"scroll\"><table><thead><tr><th>system</th>");
    for (size_t m = 0; m < e->chosen_count; m++)
        if (ranks(recs__metric_at(e->chosen[m])) == ranking)
            recs__output_print(o, "<th>%s</th>", e->metrics[first + m]);
    recs__output_text(o, "</tr></thead><tbody>\n");
    for (size_t row = 0; row < e->row_count; row++) {
        recs__output_text(o, "<tr><th>");
        recs__output_escaped(o, e->rows[row]);
        recs__output_text(o, "</th>");
        for (size_t m = 0; m < e->chosen_count; m++)
            if (ranks(recs__metric_at(e->chosen[m])) == ranking)
                value_cell(o, e, row, first + m);
        recs__output_text(o, "</tr>\n");
    }
    recs__output_text(o, "</tbody></table></div>\n");
}

/* Of the main cutoff, or of all the others. */
static void tables(recs__output *o, const recs_evaluation *e, bool of_main) {
    for (size_t c = 0; c < e->cutoff_count; c++) {
        if ((c == main_cutoff(e)) != of_main)
            continue;
        recs__output_print(o, "<h2>Lists of %zu</h2>\n", e->cutoffs[c]);
        table_of(o, e, c, true);
        recs__output_text(o, "<p></p>");
        table_of(o, e, c, false);
    }
}

static void comparisons(recs__output *o, const recs_evaluation *e) {
    if (e->comparison_count == 0)
        return;
    recs__output_text(o, "<h2>Compared on the same users</h2><p>The difference of the means, its "
                         "interval and the two-sided p-value, from resamples that draw the same users "
                         "for both. Bold: the interval leaves zero out.</p>\n"
                         "<div class=\"scroll\"><table><thead><tr><th>difference</th><th>metric</th>"
                         "<th>first</th><th>second</th><th>difference</th><th>interval</th><th>p</th>"
                         "<th>users</th></tr></thead><tbody>\n");
    for (size_t c = 0; c < e->comparison_count; c++) {
        const recs__comparison *k = &e->comparisons[c];
        for (size_t m = 0; m < e->metric_count; m++) {
            bool large = is_large(e->metrics[m]), sure = k->low[m] > 0.0 || k->high[m] < 0.0;
            if (isnan(k->p[m]) || m / e->chosen_count != main_cutoff(e))
                continue;
            recs__output_text(o, "<tr><th>");
            recs__output_escaped(o, k->name);
            recs__output_print(o, "</th><td>%s</td><td>", e->metrics[m]);
            figure(o, k->first[m], large);
            recs__output_text(o, "</td><td>");
            figure(o, k->second[m], large);
            recs__output_text(o, sure ? "</td><td class=\"sure\">" : "</td><td>");
            figure(o, k->difference[m], large);
            recs__output_text(o, "</td><td>");
            figure(o, k->low[m], large);
            recs__output_text(o, " to ");
            figure(o, k->high[m], large);
            recs__output_text(o, "</td><td>");
            figure(o, k->p[m], false);
            recs__output_print(o, "</td><td>%llu</td></tr>\n", (unsigned long long)k->users);
        }
    }
    recs__output_text(o, "</tbody></table></div>\n");
}

/* ---- plots ------------------------------------------------------------------------------- */

typedef struct drawing {
    recs__output *o;
    const recs_evaluation *e;
    size_t rows[RECS__PLOT_SERIES], series;
    const char *names[RECS__PLOT_SERIES];
    double *values, *lows, *highs, *positions; /* [series][places] and [places] */
    const char **places;
    char (*texts)[24];
} drawing;

/* What a visitor sees: of a component the row with fill, and the baselines that
 * are not zero by definition. The first eight. */
static void choose_rows(drawing *d) {
    const recs_evaluation *e = d->e;
    for (size_t row = 0; row < e->row_count && d->series < RECS__PLOT_SERIES; row++) {
        const char *name = e->rows[row];
        size_t size = strlen(name);
        bool filled = size > 5 && strcmp(name + size - 5, "+fill") == 0;
        bool zero = true;
        for (size_t m = 0; m < e->metric_count && zero; m++)
            zero = !(e->table.values[row * e->metric_count + m] > 0.0);
        if (zero || (!filled && strncmp(name, "baseline/", 9) != 0))
            continue;
        d->rows[d->series] = row;
        d->names[d->series++] = name;
    }
}

static void legend(const drawing *d) {
    recs__output_text(d->o, "<ul class=\"legend\">");
    for (size_t s = 0; s < d->series; s++) {
        recs__output_print(d->o, "<li><i class=\"s%zu\"></i>", s);
        recs__output_escaped(d->o, d->names[s]);
        recs__output_text(d->o, "</li>");
    }
    recs__output_text(d->o, "</ul>\n");
}

static void take(drawing *d, const recs__figures_table *table, size_t column, size_t place,
                 size_t places) {
    for (size_t s = 0; s < d->series; s++) {
        size_t from = d->rows[s] * d->e->metric_count + column, to = s * places + place;
        d->values[to] = table->values[from];
        d->lows[to] = table->lows ? table->lows[from] : NAN;
        d->highs[to] = table->highs ? table->highs[from] : NAN;
    }
}

static void draw(const drawing *d, const char *title, const char *axis, size_t places,
                 bool by_cutoff) {
    recs__plot plot = {.title = title,
                       .axis = axis,
                       .series = d->series,
                       .places = places,
                       .series_names = d->names,
                       .place_names = d->places,
                       .positions = by_cutoff ? d->positions : NULL,
                       .values = d->values,
                       .lows = d->e->table.lows ? d->lows : NULL,
                       .highs = d->e->table.lows ? d->highs : NULL,
                       .lines = by_cutoff};
    recs__plot_draw(d->o, &plot);
}

static void plot_by_cutoff(drawing *d, size_t chosen) {
    const recs_evaluation *e = d->e;
    size_t cutoffs = e->cutoff_count;
    double first = recs__log2((double)e->cutoffs[0]);
    double last = recs__log2((double)e->cutoffs[cutoffs - 1]);
    char title[64];
    for (size_t c = 0; c < cutoffs; c++) {
        snprintf(d->texts[c], sizeof d->texts[c], "%zu", e->cutoffs[c]);
        d->places[c] = d->texts[c];
        d->positions[c] = (recs__log2((double)e->cutoffs[c]) - first) / (last - first);
        take(d, &e->table, c * e->chosen_count + chosen, c, cutoffs);
    }
    snprintf(title, sizeof title, "%s by length of the list",
             recs__metric_at(e->chosen[chosen])->name);
    draw(d, title, "length of the list, k", cutoffs, true);
}

static void plot_by_segment(drawing *d, const char *kind, const char *what, const char *axis,
                            size_t column) {
    const recs_evaluation *e = d->e;
    size_t places = 0, place = 0;
    char title[96];
    for (size_t s = 0; s < e->segment_count; s++)
        places += strcmp(e->segments[s].kind, kind) == 0;
    if (places == 0)
        return;
    for (size_t s = 0; s < e->segment_count; s++) {
        if (strcmp(e->segments[s].kind, kind) != 0)
            continue;
        d->places[place] = e->segments[s].name;
        take(d, &e->segments[s].table, column, place++, places);
    }
    snprintf(title, sizeof title, "%s by %s", e->metrics[column], what);
    draw(d, title, axis, places, false);
}

static void segment_plots(drawing *d, const size_t *wanted, size_t count) {
    static const struct {
        const char *kind, *heading, *what, *axis;
    } kinds[] = {
        {"activity", "By user activity", "user activity",
         "items in the train part, users in fifths"},
        {"items", "By item popularity", "popularity of the test items",
         "test items, each part a fifth of all train interactions"},
        {"history", "By length of the history", "length of the history",
         "items in the train part"},
        {"given", "By length of the history given", "length of the history given",
         "items given of a visitor nobody knows"}};
    const recs_evaluation *e = d->e;
    size_t column = main_cutoff(e) * e->chosen_count;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t there = 0;
        for (size_t s = 0; s < e->segment_count; s++)
            there += strcmp(e->segments[s].kind, kinds[k].kind) == 0;
        if (there < 2) /* one place is the table's figure */
            continue;
        recs__output_print(d->o, "<h2>%s</h2>\n", kinds[k].heading);
        legend(d);
        recs__output_text(d->o, "<div class=\"plots\">\n");
        for (size_t w = 0; w < count; w++)
            plot_by_segment(d, kinds[k].kind, kinds[k].what, kinds[k].axis, column + wanted[w]);
        recs__output_text(d->o, "</div>\n");
    }
}

static void plots(drawing *d) {
    const recs_evaluation *e = d->e;
    size_t wanted[2], count = 0;
    for (size_t m = 0; m < e->chosen_count && count < 2; m++)
        if (e->chosen[m] == 0 || e->chosen[m] == 2 || (e->chosen[m] == 1 && e->chosen[0] == 1))
            wanted[count++] = m; /* recall (or recall_min) and ndcg */
    if (count == 0 || d->series == 0)
        return;
    if (e->cutoff_count > 1) {
        recs__output_text(d->o, "<h2>By length of the list</h2>\n");
        legend(d);
        recs__output_text(d->o, "<div class=\"plots\">\n");
        for (size_t w = 0; w < count; w++)
            plot_by_cutoff(d, wanted[w]);
        recs__output_text(d->o, "</div>\n");
    }
    segment_plots(d, wanted, count);
}

static recs_status open_drawing(drawing *d, recs__output *o, const recs_evaluation *e,
                                recs_error *error) {
    size_t places = e->segment_count + RECS__EVALUATION_CUTOFFS;
    memset(d, 0, sizeof *d);
    d->o = o;
    d->e = e;
    d->values = recs__alloc(&e->host, RECS__PLOT_SERIES * places, sizeof *d->values, error);
    d->lows = recs__alloc(&e->host, RECS__PLOT_SERIES * places, sizeof *d->lows, error);
    d->highs = recs__alloc(&e->host, RECS__PLOT_SERIES * places, sizeof *d->highs, error);
    d->positions = recs__alloc(&e->host, places, sizeof *d->positions, error);
    d->places = recs__alloc(&e->host, places, sizeof *d->places, error);
    d->texts = recs__alloc(&e->host, places, sizeof *d->texts, error);
    choose_rows(d);
    return d->values && d->lows && d->highs && d->positions && d->places && d->texts
               ? RECS_OK
               : RECS_ERR_MEMORY;
}

static void close_drawing(drawing *d) {
    recs__free(&d->e->host, d->values);
    recs__free(&d->e->host, d->lows);
    recs__free(&d->e->host, d->highs);
    recs__free(&d->e->host, d->positions);
    recs__free(&d->e->host, d->places);
    recs__free(&d->e->host, d->texts);
}

recs_status recs_evaluation_write_html(const recs_evaluation *evaluation, const char *title,
                                       const char *path, recs_error *error) {
    const recs_evaluation *e = evaluation;
    recs__output o;
    drawing d;
    recs_status status = open_drawing(&d, &o, e, error);
    if (status == RECS_OK)
        status = recs__output_open(&o, path, &e->host, error);
    if (status) {
        close_drawing(&d);
        return status;
    }
    title = title && *title ? title : "Evaluation";
    recs__output_text(&o, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                          "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    recs__output_escaped(&o, title);
    recs__output_text(&o, "</title><style>\n");
    recs__output_text(&o, style);
    colours(&o);
    recs__output_text(&o, "</style></head><body><main><h1>");
    recs__output_escaped(&o, title);
    recs__output_print(&o, "</h1><p>Means over %llu user%s", (unsigned long long)e->users,
                       e->users == 1 ? "" : "s");
    if (e->resamples) {
        recs__output_text(&o, "; intervals hold ");
        recs__output_print(&o, "%ld", lround(100.0 * e->confidence));
        recs__output_print(&o, " %% of %u resamples of the users", e->resamples);
    }
    recs__output_text(&o, ". The best figure of a column is marked.</p>\n");
    tables(&o, e, true);
    comparisons(&o, e);
    plots(&d);
    tables(&o, e, false);
    recs__output_text(&o, "<h2>How it was measured</h2><pre>");
    recs__output_escaped(&o, recs_evaluation_protocol(e));
    recs__output_print(&o, "</pre><p></p><p>librecs %s</p></main></body></html>\n",
                       recs_version_text());
    close_drawing(&d);
    return recs__output_close(&o);
}
