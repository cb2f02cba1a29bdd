/* strip.c - a filled curve in braille: two columns and four rows of dots a character (see plot.c).
 */
#include "report/strip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_WIDTH 9
#define MOST_WIDTH 400
#define MOST_HEIGHT 40

/* How many dots high a column is. */
static unsigned column_height(const struct kb_strip *s, unsigned column, unsigned columns,
                              unsigned dots) {
    size_t from = s->count * column / columns, until = s->count * (column + 1) / columns;
    uint64_t most = s->values[from];
    for (size_t i = from + 1; i < until; i++)
        most = s->values[i] > most ? s->values[i] : most;
    if (most >= s->top)
        return most > 0 ? dots : 0;
    double height = (double)most / (double)s->top * dots;
    return most > 0 && height < 1 ? 1 : (unsigned)(height + 0.5);
}

/* The dots of a cell whose columns reach so high above its lower edge. */
static uint8_t cell(unsigned left, unsigned right) {
    static const uint8_t columns[2][5] = {{0, 0x40, 0x44, 0x46, 0x47}, {0, 0x80, 0xa0, 0xb0, 0xb8}};
    return columns[0][left < 4 ? left : 4] | columns[1][right < 4 ? right : 4];
}

static unsigned above(unsigned height, unsigned edge) { return height > edge ? height - edge : 0; }

kb_status kb_strip_write(const struct kb_strip *strip, struct kb_sink sink,
                         struct kb_error *error) {
    const unsigned width = strip->width < MOST_WIDTH ? strip->width : MOST_WIDTH;
    const unsigned height = strip->height < MOST_HEIGHT ? strip->height : MOST_HEIGHT;
    unsigned heights[2 * MOST_WIDTH];
    char line[LABEL_WIDTH + 64 + 3 * MOST_WIDTH];
    kb_status status = KB_OK;
    for (unsigned i = 0; i < 2 * width; i++)
        heights[i] = column_height(strip, i, 2 * width, 4 * height);
    for (unsigned row = 0; row < height && status == KB_OK; row++) {
        const unsigned edge = 4 * (height - 1 - row);
        size_t used;
        if (row == 0)
            used = (size_t)snprintf(line, sizeof line, "%*" PRIu64 " ┤", LABEL_WIDTH, strip->top);
        else
            used = (size_t)snprintf(line, sizeof line, "%*s %s", LABEL_WIDTH,
                                    row == height - 1 ? "0" : "", row == height - 1 ? "┤" : "│");
        for (unsigned x = 0; x < width; x++) {
            uint8_t dots = cell(above(heights[2 * x], edge), above(heights[2 * x + 1], edge));
            if (dots == 0) {
                line[used++] = ' ';
                continue;
            }
            line[used++] = (char)0xe2;
            line[used++] = (char)(0xa0 | dots >> 6);
            line[used++] = (char)(0x80 | (dots & 63));
        }
        while (line[used - 1] == ' ')
            used--;
        line[used++] = '\n';
        status = sink.write(sink.context, line, used, error);
    }
    size_t ends = strlen(strip->first) + strlen(strip->last);
    int gap = ends < width ? (int)(width - ends) : 1;
    int used = snprintf(line, sizeof line, "%*s  %.60s%*s%.60s\n", LABEL_WIDTH, "", strip->first,
                        gap, "", strip->last);
    return status == KB_OK ? sink.write(sink.context, line, (size_t)used, error) : status;
}
