/* plot.c - drawing behind plot.h. Coordinates are whole tenths, written without
 * the process's locale. */
#include "train/plot.h"

#include <math.h>
#include <stdio.h>

#define WIDTH 520
#define HEIGHT 290
#define LEFT 52
#define RIGHT 14
#define TOP 12
#define BOTTOM 46

/* "12.3" of a coordinate or a small figure, as the locale cannot change it. */
static void number(recs__output *o, double value, int decimals) {
    double scale = decimals == 1 ? 10.0 : decimals == 2 ? 100.0 : decimals == 3 ? 1000.0 : 10000.0;
    long whole = lround(fabs(value) * scale), unit = (long)scale;
    recs__output_print(o, "%s%ld.%0*ld", value < 0.0 && whole ? "-" : "", whole / unit, decimals,
                       whole % unit);
}

/* The least of 1, 2, 2.5, 5 times a power of ten that is not below. */
static double nice(double value) {
    static const double steps[] = {1.0, 2.0, 2.5, 5.0, 10.0};
    double power = 1.0;
    if (!(value > 0.0) || !isfinite(value))
        return 1.0;
    while (power > value)
        power /= 10.0;
    while (power * 10.0 <= value)
        power *= 10.0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * power >= value * 0.999999)
            return steps[i] * power;
    return 10.0 * power;
}

typedef struct frame {
    recs__output *o;
    const recs__plot *plot;
    double top; /* value at the upper edge */
} frame;

static double x_of(const frame *f, size_t place, size_t series) {
    const recs__plot *plot = f->plot;
    double width = WIDTH - LEFT - RIGHT;
    if (plot->positions)
        return LEFT + 16.0 + (width - 32.0) * plot->positions[place];
    double slot = width / (double)plot->places, inner = 0.12 * (double)plot->series;
    inner = slot * (inner < 0.7 ? inner : 0.7);
    double shift = plot->lines || plot->series < 2
                       ? 0.0
                       : inner * ((double)series / (double)(plot->series - 1) - 0.5);
    return LEFT + slot * ((double)place + 0.5) + shift;
}

static double y_of(const frame *f, double value) {
    double share = value / f->top;
    share = share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;
}

static double at(const double *values, const recs__plot *plot, size_t series, size_t place) {
    return values ? values[series * plot->places + place] : NAN;
}

static void axes(const frame *f, double step) {
    recs__output *o = f->o;
    const recs__plot *plot = f->plot;
    int decimals = step < 0.01 ? 3 : step < 0.1 || fabs(step - 0.25) < 1e-9 ? 2 : 1;
    for (double tick = 0.0; tick <= f->top * 1.0001; tick += step) {
        recs__output_text(o, "<line class=\"grid\" x1=\"52\" x2=\"506\" y1=\"");
        number(o, y_of(f, tick), 1);
        recs__output_text(o, "\" y2=\"");
        number(o, y_of(f, tick), 1);
        recs__output_text(o, "\"/><text class=\"tick\" text-anchor=\"end\" x=\"46\" y=\"");
        number(o, y_of(f, tick) + 4.0, 1);
        recs__output_text(o, "\">");
        number(o, tick, decimals);
        recs__output_text(o, "</text>\n");
    }
    for (size_t p = 0; p < plot->places; p++) {
        recs__output_text(o, "<text class=\"tick\" text-anchor=\"middle\" y=\"260\" x=\"");
        number(o, plot->positions ? x_of(f, p, 0)
                                  : LEFT + (WIDTH - LEFT - RIGHT) * ((double)p + 0.5) /
                                               (double)plot->places, 1);
        recs__output_text(o, "\">");
        recs__output_escaped(o, plot->place_names[p]);
        recs__output_text(o, "</text>\n");
    }
    recs__output_text(o, "<text class=\"axis\" text-anchor=\"middle\" x=\"279\" y=\"282\">");
    recs__output_escaped(o, plot->axis);
    recs__output_text(o, "</text>\n");
}

static void point(const frame *f, double x, double y) {
    number(f->o, x, 1);
    recs__output_text(f->o, ",");
    number(f->o, y, 1);
    recs__output_text(f->o, " ");
}

static void band(const frame *f, size_t s) {
    const recs__plot *plot = f->plot;
    recs__output_print(f->o, "<polygon class=\"band s%zu\" points=\"", s);
    for (size_t p = 0; p < plot->places; p++)
        if (!isnan(at(plot->highs, plot, s, p)))
            point(f, x_of(f, p, s), y_of(f, at(plot->highs, plot, s, p)));
    for (size_t p = plot->places; p-- > 0;)
        if (!isnan(at(plot->lows, plot, s, p)))
            point(f, x_of(f, p, s), y_of(f, at(plot->lows, plot, s, p)));
    recs__output_text(f->o, "\"/>\n");
}

static void line(const frame *f, size_t s) {
    recs__output_print(f->o, "<polyline class=\"line s%zu\" points=\"", s);
    for (size_t p = 0; p < f->plot->places; p++)
        if (!isnan(at(f->plot->values, f->plot, s, p)))
            point(f, x_of(f, p, s), y_of(f, at(f->plot->values, f->plot, s, p)));
    recs__output_text(f->o, "\"/>\n");
}

static void bar(const frame *f, size_t s, size_t p, double low, double high) {
    recs__output_print(f->o, "<line class=\"bar s%zu\" x1=\"", s);
    number(f->o, x_of(f, p, s), 1);
    recs__output_text(f->o, "\" x2=\"");
    number(f->o, x_of(f, p, s), 1);
    recs__output_text(f->o, "\" y1=\"");
    number(f->o, y_of(f, low), 1);
    recs__output_text(f->o, "\" y2=\"");
    number(f->o, y_of(f, high), 1);
    recs__output_text(f->o, "\"/>\n");
}

static void dot(const frame *f, size_t s, size_t p) {
    const recs__plot *plot = f->plot;
    double value = at(plot->values, plot, s, p), low = at(plot->lows, plot, s, p);
    double high = at(plot->highs, plot, s, p);
    recs__output *o = f->o;
    if (isnan(value))
        return;
    if (!plot->lines && !isnan(low))
        bar(f, s, p, low, high);
    recs__output_print(o, "<circle class=\"dot s%zu\" r=\"4\" cx=\"", s);
    number(o, x_of(f, p, s), 1);
    recs__output_text(o, "\" cy=\"");
    number(o, y_of(f, value), 1);
    recs__output_text(o, "\"><title>");
    recs__output_escaped(o, plot->series_names[s]);
    recs__output_text(o, ", ");
    recs__output_escaped(o, plot->place_names[p]);
    recs__output_text(o, ": ");
    number(o, value, 4);
    if (!isnan(low)) {
        recs__output_text(o, " (");
        number(o, low, 4);
        recs__output_text(o, " to ");
        number(o, high, 4);
        recs__output_text(o, ")");
    }
    recs__output_text(o, "</title></circle>\n");
}

void recs__plot_draw(recs__output *output, const recs__plot *plot) {
    double most = 0.0;
    for (size_t i = 0; i < plot->series * plot->places; i++) {
        most = plot->values[i] > most ? plot->values[i] : most;
        most = plot->highs && plot->highs[i] > most ? plot->highs[i] : most;
    }
    double step = nice(most / 4.0);
    frame f = {output, plot, step * ceil(most > 0.0 ? most / step : 1.0)};

    recs__output_text(output, "<figure><figcaption>");
    recs__output_escaped(output, plot->title);
    recs__output_print(output,
                       "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                       HEIGHT);
    recs__output_escaped(output, plot->title);
    recs__output_text(output, "\">\n");
    axes(&f, step);
    for (size_t s = 0; s < plot->series && plot->lines && plot->lows; s++)
        band(&f, s);
    for (size_t s = 0; s < plot->series && plot->lines; s++)
        line(&f, s);
    for (size_t s = 0; s < plot->series; s++)
        for (size_t p = 0; p < plot->places; p++)
            dot(&f, s, p);
    recs__output_text(output, "</svg></figure>\n");
}
