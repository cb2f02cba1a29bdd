/* strip.h - a quantity over time as a strip of braille, a few lines high: filled from 0 up. */
#ifndef KB_REPORT_STRIP_H
#define KB_REPORT_STRIP_H

#include <stddef.h>

#include "base/host.h"

struct kb_strip {
    const uint64_t *values;   /* at equal distances in time */
    size_t count;             /* at least 1 */
    uint64_t top;             /* what the upper edge stands for; values above it are cut */
    unsigned width, height;   /* in characters; at least 1, at most 400 × 40 */
    const char *first, *last; /* what stands below its ends, in ASCII */
};

/* Writes the strip in UTF-8, with its scale at the left, lines ended by newlines. A column of dots
 * shows the greatest of its values; a value that is not 0 has a dot at least. */
kb_status kb_strip_write(const struct kb_strip *strip, struct kb_sink sink,
                         struct kb_error *error) KB_MUST_CHECK;

#endif
