/* plot.h - small line and dot charts as inline SVG: series over places, each
 * value with its interval. Colours are the page's classes s0 to s7. */
#ifndef RECS_TRAIN_PLOT_H
#define RECS_TRAIN_PLOT_H

#include "train/output.h"

#include <stddef.h>

#define RECS__PLOT_SERIES 8

typedef struct recs__plot {
    const char *title, *axis;        /* what is plotted; what the places are */
    size_t series, places;
    const char *const *series_names; /* [series]: for the text shown on pointing */
    const char *const *place_names;  /* [places] */
    const double *positions;         /* [places] ascending in [0, 1]; NULL: evenly apart */
    const double *values, *lows, *highs; /* [series][places]; NaN: nothing there */
    bool lines;                      /* joined, with bands; else dots with bars */
} recs__plot;

void recs__plot_draw(recs__output *output, const recs__plot *plot);

#endif
