/* plot.h - curves in a terminal, drawn with braille dots: two columns and four rows a character. */
#ifndef KB_REPORT_PLOT_H
#define KB_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/host.h"

struct kb_plot_series {
    const char *name;
    const double *x, *y; /* count points, x rising; both > 0 on logarithmic axes */
    size_t count;
};

struct kb_plot {
    const struct kb_plot_series *series; /* up to 26; each is marked with a letter: a, b, … */
    size_t count;
    unsigned width, height; /* of the drawing, in characters; at least 16 × 4 */
    bool log_x, log_y;
    const char *x_title, *y_title;
};

/* Writes the plot in UTF-8, with axes and a legend, lines ended by newlines. */
kb_status kb_plot_write(const struct kb_plot *plot, struct kb_sink sink,
                        struct kb_error *error) KB_MUST_CHECK;

#endif
