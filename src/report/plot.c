/* plot.c - curves in braille.
 *
 * A character is a cell of dots, whose bits in U+2800 … are
 *
 *      0x01 0x08
 *      0x02 0x10
 *      0x04 0x20
 *      0x40 0x80
 *
 * A letter that marks a curve takes the whole cell. */
#include "report/plot.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SERIES 26
#define LABEL_WIDTH 9

struct canvas {
    unsigned width, height;
    uint8_t *dots;         /* by cell */
    char *letters;         /* by cell; 0: none */
    double x0, x1, y0, y1; /* what the edges stand for, on the axes' scale */
    bool log_x, log_y;
};

/* Nothing to the logarithm: what is less than a half is drawn as a half. */
static double scaled(double value, bool logarithmic) {
    return logarithmic ? log(value > 0.5 ? value : 0.5) : value;
}

static void widen(double value, double *low, double *high) {
    *low = value < *low ? value : *low;
    *high = value > *high ? value : *high;
}

static void find_edges(const struct kb_plot *plot, struct canvas *c) {
    c->x0 = c->y0 = INFINITY;
    c->x1 = c->y1 = -INFINITY;
    for (size_t k = 0; k < plot->count; k++)
        for (size_t i = 0; i < plot->series[k].count; i++) {
            widen(scaled(plot->series[k].x[i], c->log_x), &c->x0, &c->x1);
            widen(scaled(plot->series[k].y[i], c->log_y), &c->y0, &c->y1);
        }
    if (!(c->x1 > c->x0))
        c->x1 = c->x0 + 1;
    if (!(c->y1 > c->y0))
        c->y1 = c->y0 + 1;
}

/* From a value to a dot: 0 … 2·width − 1 from the left, 0 … 4·height − 1 from the top. */
static double column_of(const struct canvas *c, double x) {
    return (scaled(x, c->log_x) - c->x0) / (c->x1 - c->x0) * (2 * c->width - 1);
}
static double row_of(const struct canvas *c, double y) {
    return (c->y1 - scaled(y, c->log_y)) / (c->y1 - c->y0) * (4 * c->height - 1);
}

static void dot(struct canvas *c, double column, double row) {
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    unsigned x = (unsigned)(column + 0.5), y = (unsigned)(row + 0.5);
    if (x < 2 * c->width && y < 4 * c->height)
        c->dots[y / 4 * c->width + x / 2] |= bits[y % 4][x % 2];
}

static void line(struct canvas *c, double x0, double y0, double x1, double y1) {
    double length = fmax(fabs(x1 - x0), fabs(y1 - y0));
    unsigned steps = (unsigned)length + 1;
    for (unsigned i = 0; i <= steps; i++) {
        double share = (double)i / steps;
        dot(c, x0 + (x1 - x0) * share, y0 + (y1 - y0) * share);
    }
}

/* Puts the letter on the curve, at the first free cell from a place that differs by series. */
static void mark(struct canvas *c, const struct kb_plot_series *series, size_t index,
                 size_t count) {
    size_t at = series->count * (index + 1) / (count + 1);
    for (size_t i = 0; i < series->count; i++) {
        size_t point = (at + i) % series->count;
        unsigned x = (unsigned)(column_of(c, series->x[point]) + 0.5) / 2;
        unsigned y = (unsigned)(row_of(c, series->y[point]) + 0.5) / 4;
        char *cell = &c->letters[y * c->width + x];
        if (x >= c->width || y >= c->height || *cell != 0)
            continue;
        *cell = (char)('a' + index);
        return;
    }
}

static void draw(const struct kb_plot *plot, struct canvas *c) {
    for (size_t k = 0; k < plot->count; k++) {
        const struct kb_plot_series *s = &plot->series[k];
        for (size_t i = 0; i < s->count; i++) {
            size_t from = i > 0 ? i - 1 : 0;
            line(c, column_of(c, s->x[from]), row_of(c, s->y[from]), column_of(c, s->x[i]),
                 row_of(c, s->y[i]));
        }
        mark(c, s, k, plot->count);
    }
}

/* ---- writing ---- */

struct text {
    struct kb_sink sink;
    struct kb_error *error;
    kb_status status;
};

static void put(struct text *t, const char *bytes, size_t count) {
    if (t->status == KB_OK)
        t->status = t->sink.write(t->sink.context, bytes, count, t->error);
}

static void puts_to(struct text *t, const char *string) { put(t, string, strlen(string)); }

/* 1234567 as 1.23M */
static void short_number(double value, char text[16]) {
    static const char units[] = " kMGT";
    unsigned unit = 0;
    while (value >= 999.5 && unit < 4) {
        value /= 1000;
        unit++;
    }
    snprintf(text, 16, unit == 0 ? "%.4g" : "%.3g%c", value, units[unit]);
}

static double unscaled(double value, bool logarithmic) { return logarithmic ? exp(value) : value; }

static void write_row(const struct canvas *c, unsigned row, struct text *t) {
    char label[LABEL_WIDTH + 8] = "", number[16];
    if (row == 0 || row == c->height - 1 || row == c->height / 2) {
        double share = (double)row / (c->height - 1);
        short_number(unscaled(c->y1 + (c->y0 - c->y1) * share, c->log_y), number);
        snprintf(label, sizeof label, "%*s ", LABEL_WIDTH - 1, number);
    } else {
        snprintf(label, sizeof label, "%*s", LABEL_WIDTH, "");
    }
    puts_to(t, label);
    puts_to(t, "\xe2\x94\x82"); /* │ */
    for (unsigned x = 0; x < c->width; x++) {
        char letter = c->letters[row * c->width + x];
        unsigned code = 0x2800u + c->dots[row * c->width + x];
        char braille[4] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 63)),
                           (char)(0x80 | (code & 63)), 0};
        if (letter != 0)
            put(t, &letter, 1);
        else
            puts_to(t, code == 0x2800 ? " " : braille);
    }
    puts_to(t, "\n");
}

static void write_axis(const struct kb_plot *plot, const struct canvas *c, struct text *t) {
    char left[16], right[16], buffer[160];
    snprintf(buffer, sizeof buffer, "%*s", LABEL_WIDTH, "");
    puts_to(t, buffer);
    puts_to(t, "\xe2\x94\x94"); /* └ */
    for (unsigned x = 0; x < c->width; x++)
        puts_to(t, "\xe2\x94\x80"); /* ─ */
    short_number(unscaled(c->x0, c->log_x), left);
    short_number(unscaled(c->x1, c->log_x), right);
    int gap = (int)c->width - (int)strlen(left) - (int)strlen(right);
    snprintf(buffer, sizeof buffer, "\n%*s%s%*s%s  ", LABEL_WIDTH + 1, "", left, gap > 1 ? gap : 1,
             "", right);
    puts_to(t, buffer);
    puts_to(t, plot->x_title);
    puts_to(t, "\n");
}

static void write_legend(const struct kb_plot *plot, struct text *t) {
    char buffer[128];
    snprintf(buffer, sizeof buffer, "%*s", LABEL_WIDTH + 1, "");
    puts_to(t, buffer);
    for (size_t k = 0; k < plot->count; k++) {
        snprintf(buffer, sizeof buffer, "%s%c %s", k > 0 ? "   " : "", (char)('a' + k),
                 plot->series[k].name);
        puts_to(t, buffer);
    }
    puts_to(t, "\n");
}

kb_status kb_plot_write(const struct kb_plot *plot, struct kb_sink sink, struct kb_error *error) {
    struct canvas c = {.width = plot->width < 16 ? 16 : plot->width,
                       .height = plot->height < 4 ? 4 : plot->height,
                       .log_x = plot->log_x,
                       .log_y = plot->log_y};
    struct kb_plot some = *plot;
    struct text t = {sink, error, KB_OK};
    some.count = plot->count < MOST_SERIES ? plot->count : MOST_SERIES;
    size_t cells = (size_t)c.width * c.height;
    c.dots = calloc(cells, 1);
    c.letters = calloc(cells, 1);
    if (c.dots == NULL || c.letters == NULL) {
        free(c.dots);
        free(c.letters);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "plot", (unsigned long long)cells);
    }
    find_edges(&some, &c);
    draw(&some, &c);
    puts_to(&t, plot->y_title);
    puts_to(&t, "\n");
    for (unsigned row = 0; row < c.height; row++)
        write_row(&c, row, &t);
    write_axis(&some, &c, &t);
    write_legend(&some, &t);
    free(c.dots);
    free(c.letters);
    return t.status;
}
