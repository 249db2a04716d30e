/* trends_page.c - a map of trends as one HTML file that needs nothing beside
 * itself: no script, no font, no picture, no address. Light or dark as the
 * reader's system asks. Names come from outside and are escaped. */
#include "trends.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char style[] =
    ":root{--page:#fcfcfb;--ink:#1a1a19;--soft:#5f5e5a;--rule:#e1e0d9;--card:#fff;--mark:#2a78d6;"
    "--rise:#c2410c}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#1a1a19;--ink:#f3f2ee;--soft:#b4b2a9;"
    "--rule:#383835;--card:#222220;--mark:#3987e5;--rise:#f08a4b}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif;color-scheme:light dark}\n"
    "main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}h1{font-size:26px;margin:0 0 4px;"
    "overflow-wrap:anywhere}h2{font-size:18px;margin:36px 0 10px;overflow-wrap:anywhere}"
    "p{margin:0 0 10px;color:var(--soft);max-width:80ch}a{color:var(--mark)}\n"
    ".scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:8px;background:var(--card)}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{padding:6px 9px;text-align:right;border-top:1px solid var(--rule);vertical-align:middle}"
    "thead th{border-top:0;font-weight:600;color:var(--soft);white-space:nowrap}"
    "th.name,td.name{text-align:left;font-weight:500;overflow-wrap:anywhere}"
    "td small{display:block;color:var(--soft);font-size:12px}td.line{width:170px}\n"
    "svg{display:block}.map{width:100%;height:auto;border:1px solid var(--rule);border-radius:8px;"
    "background:var(--card)}.grid{stroke:var(--rule);fill:none}.tick{fill:var(--soft);font-size:11px}"
    ".cell{fill:var(--mark);stroke:var(--mark);stroke-width:.6}.cell:hover{fill:var(--rise)}"
    ".spark{fill:none;stroke:var(--mark);stroke-width:1.4}.under{fill:var(--mark);opacity:.14}"
    ".end{fill:var(--mark)}.rise{color:var(--rise);font-weight:600}\n"
    "section{scroll-margin-top:12px}\n";

/* & < > " ' as references; control characters, and those that turn the direction
 * of writing around, as spaces. */
static void put(FILE *out, const char *text) {
    const unsigned char *at = (const unsigned char *)text;

    for (; *at; at++) {
        bool turns = at[0] == 0xE2 && ((at[1] == 0x80 && at[2] >= 0xAA && at[2] <= 0xAE) ||
                                       (at[1] == 0x80 && (at[2] == 0x8E || at[2] == 0x8F)) ||
                                       (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9));
        bool wide = at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0;
        switch (*at) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: putc(turns || wide || *at < 0x20 || *at == 0x7F ? ' ' : *at, out); break;
        }
        at += turns ? 2 : wide ? 1 : 0;
    }
}

static const char *name_of(const map_place *place) {
    return *place->name ? place->name : "Everywhere";
}

/* A figure for people: whole from 100 on. */
static void figure(FILE *out, double value) {
    if (!isfinite(value))
        fputs("&ndash;", out);
    else
        fprintf(out, "%.*f", fabs(value) < 99.95 && value != floor(value) ? 1 : 0, value);
}

static void sparkline(FILE *out, const double steps[TRENDS_STEPS]) {
    enum { WIDE = 150, HIGH = 26 };
    double most = 0.0;

    for (int s = 0; s < TRENDS_STEPS; s++)
        most = steps[s] > most ? steps[s] : most;
    fprintf(out, "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"events over time, at "
                 "most %.0f a step\">", WIDE, HIGH, most);
    for (int shape = 0; shape < 2; shape++) {
        fputs(shape ? "<polyline class=\"spark\" points=\"" : "<polygon class=\"under\" points=\"",
              out);
        for (int s = 0; s < TRENDS_STEPS; s++)
            fprintf(out, "%.1f,%.1f ", 2.0 + s * (WIDE - 6.0) / (TRENDS_STEPS - 1),
                    HIGH - 2.0 - (most > 0.0 ? steps[s] / most : 0.0) * (HIGH - 5.0));
        fprintf(out, shape ? "\"/>" : "%d,%d 2,%d\"/>", WIDE - 4, HIGH - 2, HIGH - 2);
    }
    fputs("</svg>", out);
}

/* ---- the map ------------------------------------------------------------------------- */

typedef struct projection {
    double south, north, west, east; /* degrees; west < east, east may pass 180 */
    double wide, high, scale;
} projection;

/* Corners with longitudes in one run: east of the date line they pass 180. */
static bool corners(uint64_t cell, double latitudes[4], double longitudes[4]) {
    double west = 180.0, east = -180.0;

    if (!recs_cell_corners(cell, latitudes, longitudes))
        return false;
    for (int c = 0; c < 4; c++) {
        west = fmin(west, longitudes[c]);
        east = fmax(east, longitudes[c]);
    }
    for (int c = 0; c < 4 && east - west > 180.0; c++)
        longitudes[c] += longitudes[c] < 0.0 ? 360.0 : 0.0;
    return true;
}

static bool bounds(const map *m, projection *p) {
    double latitudes[4], longitudes[4];

    *p = (projection){90.0, -90.0, 540.0, -540.0, 1000.0, 0.0, 0.0};
    for (size_t i = 0; i < m->place_count; i++) {
        if (!corners(m->places[i].cell, latitudes, longitudes))
            continue;
        for (int c = 0; c < 4; c++) {
            p->south = fmin(p->south, latitudes[c]);
            p->north = fmax(p->north, latitudes[c]);
            p->west = fmin(p->west, longitudes[c]);
            p->east = fmax(p->east, longitudes[c]);
        }
    }
    if (p->west > p->east)
        return false; /* no place has a cell */
    double margin = 0.03 * fmax(p->north - p->south, p->east - p->west) + 0.001;
    p->south = fmax(p->south - margin, -90.0);
    p->north = fmin(p->north + margin, 90.0);
    p->west -= margin;
    p->east += margin;
    double squeeze = fmax(cos((p->south + p->north) / 2.0 * 3.14159265358979 / 180.0), 0.2);
    p->scale = p->wide / ((p->east - p->west) * squeeze);
    p->high = (p->north - p->south) * p->scale;
    if (p->high > 700.0) {
        p->scale *= 700.0 / p->high;
        p->high = 700.0;
        p->wide = (p->east - p->west) * squeeze * p->scale;
    }
    return true;
}

static double x_of(const projection *p, double longitude) {
    return (longitude - p->west) / (p->east - p->west) * p->wide;
}

static double y_of(const projection *p, double latitude) {
    return (p->north - latitude) / (p->north - p->south) * p->high;
}

static void graticule(FILE *out, const projection *p) {
    static const double steps[] = {30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01};
    double step = steps[0];

    for (size_t s = 0; s < sizeof steps / sizeof *steps && (p->east - p->west) / step < 4.0; s++)
        step = steps[s];
    for (double at = ceil(p->west / step) * step; at <= p->east; at += step) {
        double shown = at > 180.0 ? at - 360.0 : at < -180.0 ? at + 360.0 : at;
        fprintf(out, "<path class=\"grid\" d=\"M%.1f 0V%.1f\"/><text class=\"tick\" x=\"%.1f\" "
                     "y=\"%.1f\">%.4g&deg;</text>", x_of(p, at), p->high, x_of(p, at) + 3.0,
                p->high - 4.0, fabs(shown) < step / 2 ? 0.0 : shown);
    }
    for (double at = ceil(p->south / step) * step; at <= p->north; at += step)
        fprintf(out, "<path class=\"grid\" d=\"M0 %.1fH%.1f\"/><text class=\"tick\" x=\"3\" "
                     "y=\"%.1f\">%.4g&deg;</text>", y_of(p, at), p->wide, y_of(p, at) - 3.0,
                fabs(at) < step / 2 ? 0.0 : at);
    fputc('\n', out);
}

static void cell_of(FILE *out, const projection *p, const map_place *place, size_t index,
                    double most) {
    double latitudes[4], longitudes[4];
    double share = most > 0.0 ? log1p(fmax(place->support, 0.0)) / log1p(most) : 0.0;

    if (!corners(place->cell, latitudes, longitudes))
        return;
    fprintf(out, "<a href=\"#p%zu\"><polygon class=\"cell\" fill-opacity=\"%.2f\" points=\"", index,
            0.06 + 0.5 * share);
    for (int c = 0; c < 4; c++)
        fprintf(out, "%.1f,%.1f ", x_of(p, longitudes[c]), y_of(p, latitudes[c]));
    fputs("\"><title>", out);
    put(out, place->name);
    for (size_t i = 0; i < place->item_count && i < 3; i++) {
        fputs(i ? ", " : ": ", out);
        put(out, place->items[i].title ? place->items[i].title : place->items[i].id);
    }
    fputs("</title></polygon></a>\n", out);
}

static void draw_map(FILE *out, const map *m) {
    projection p;
    double most = 0.0;

    if (!bounds(m, &p))
        return;
    fprintf(out, "<h2>Map</h2><svg class=\"map\" viewBox=\"0 0 %.0f %.0f\">\n", p.wide, p.high);
    graticule(out, &p);
    for (size_t i = 0; i < m->place_count; i++)
        if (m->places[i].cell)
            most = fmax(most, m->places[i].support);
    for (uint32_t level = 0; level <= RECS_CELL_LEVEL_MAX; level++) /* large ones below */
        for (size_t i = 0; i < m->place_count; i++)
            if (m->places[i].cell && recs_cell_level(m->places[i].cell) == level)
                cell_of(out, &p, &m->places[i], i, most);
    fputs("</svg><p>Darker: more events. A cell leads to its list.</p>\n", out);
}

/* ---- tables ------------------------------------------------------------------------------ */

static void overview(FILE *out, const map *m) {
    fprintf(out, "<h2>Places</h2><div class=\"scroll\"><table><thead><tr><th class=\"name\">place</th>"
                 "<th>events now</th><th>actors</th>%s<th class=\"name\">first three</th></tr></thead>"
                 "<tbody>\n", m->steps ? "<th>events over time</th>" : "");
    for (size_t p = 0; p < m->place_count; p++) {
        const map_place *place = &m->places[p];
        fprintf(out, "<tr><td class=\"name\"><a href=\"#p%zu\">", p);
        put(out, name_of(place));
        fputs("</a></td><td>", out);
        figure(out, place->support);
        fputs("</td><td>", out);
        figure(out, round(place->actors));
        fputs("</td>", out);
        if (m->steps) {
            fputs("<td class=\"line\">", out);
            sparkline(out, place->steps);
            fputs("</td>", out);
        }
        fputs("<td class=\"name\">", out);
        for (size_t i = 0; i < place->item_count && i < 3; i++) {
            fputs(i ? ", " : "", out);
            put(out, place->items[i].title ? place->items[i].title : place->items[i].id);
        }
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void item_row(FILE *out, const map *m, const map_item *item, size_t rank, bool rises) {
    fprintf(out, "<tr><td>%zu</td><td class=\"name\">", rank);
    put(out, item->title ? item->title : item->id);
    if (item->title) {
        fputs("<small>", out);
        put(out, item->id);
        fputs("</small>", out);
    }
    fputs("</td><td>", out);
    figure(out, item->count);
    fputs("</td>", out);
    if (rises)
        fprintf(out, isfinite(item->rise) ? "<td class=\"rise\">&times; %.3g</td>"
                                          : "<td>&ndash;</td>", item->rise);
    if (m->steps) {
        fputs("<td class=\"line\">", out);
        sparkline(out, item->steps);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

static void place_section(FILE *out, const trends_job *j, const map *m, size_t p) {
    const map_place *place = &m->places[p];
    bool rises = j->ranking == RECS_RANK_TRENDING;

    fprintf(out, "<section id=\"p%zu\"><h2>", p);
    put(out, name_of(place));
    fputs("</h2>\n", out);
    if (place->item_count == 0) {
        fputs("<p>Nothing to show.</p></section>\n", out);
        return;
    }
    fprintf(out, "<div class=\"scroll\"><table><thead><tr><th></th><th class=\"name\">item</th>"
                 "<th>count</th>%s%s</tr></thead><tbody>\n", rises ? "<th>rise</th>" : "",
            m->steps ? "<th>events over time</th>" : "");
    for (size_t i = 0; i < place->item_count; i++)
        item_row(out, m, &place->items[i], i + 1, rises);
    fputs("</tbody></table></div></section>\n", out);
}

static void page(FILE *out, const trends_job *j, const map *m) {
    static const char *const kinds[] = {"Popular", "Rising", "New"};
    const char *title = j->title && *j->title ? j->title : kinds[j->ranking];
    char at[32], from[32];

    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" "
          "content=\"light dark\"><meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>", out);
    put(out, title);
    fprintf(out, "</title><style>\n%s</style></head><body><main><h1>", style);
    put(out, title);
    fprintf(out, "</h1><p>%s items as of %s UTC", kinds[j->ranking], time_text(m->asked, at));
    if (j->segment && *j->segment) {
        fputs(", visitors of ", out);
        put(out, j->segment);
    }
    fprintf(out, "; %zu of %zu places.", m->place_count, m->place_total);
    if (m->steps)
        fprintf(out, " Lines: events in %d equal steps since %s UTC, each to its own height.",
                TRENDS_STEPS, time_text(m->from, from));
    fputs("</p>\n", out);
    draw_map(out, m);
    overview(out, m);
    for (size_t p = 0; p < m->place_count; p++)
        place_section(out, j, m, p);
    fputs("<h2>How it was counted</h2><p>", out);
    put(out, recs_trends_description(j->trends));
    fprintf(out, "</p><p>librecs %s</p></main></body></html>\n", recs_version_text());
}

static int not_written(const char *path) {
    fprintf(stderr, "recs: %s cannot be written\n", path);
    return EXIT_FAILED;
}

int trends_page(const trends_job *j, const map *m) {
    size_t size = strlen(j->output) + 8;
    char *beside = malloc(size);
    mode_t mask = umask(0);
    int file;

    umask(mask);
    if (!beside)
        return not_written(j->output);
    snprintf(beside, size, "%s.XXXXXX", j->output);
    file = mkstemp(beside);
    FILE *out = file < 0 ? NULL : fdopen(file, "w");
    if (out)
        page(out, j, m);
    bool good = out && fchmod(file, 0666 & ~mask) == 0 && fflush(out) == 0 && !ferror(out) &&
                fsync(file) == 0;
    if (out)
        good &= fclose(out) == 0;
    else if (file >= 0)
        close(file);
    good = good && rename(beside, j->output) == 0;
    if (!good && file >= 0)
        unlink(beside);
    free(beside);
    if (!good)
        return not_written(j->output);
    if (!j->shared.quiet && !j->shared.json)
        printf("%s: %zu places\n", j->output, m->place_count);
    return EXIT_OK;
}
