/* maps.h - the mappings of this process as /proc/self/maps tells them, and telling them to the
 * recorder. Needs nothing of Kilburn's library, and no memory: a signal handler may fork. */
#ifndef KB_RECORD_MAPS_H
#define KB_RECORD_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/producer.h"

struct kb_maps_line {
    uint64_t start, end, offset;
    char rights[5]; /* "r-xp" */
    char name[4096];
};

/* All of them, in the order of their addresses. */
struct kb_maps {
    int fd;
    size_t at, filled;
    char text[8192];
};
bool kb_maps_open(struct kb_maps *maps);
bool kb_maps_next(struct kb_maps *maps, struct kb_maps_line *line);
void kb_maps_close(struct kb_maps *maps);
unsigned kb_maps_rights(const struct kb_maps_line *line); /* as PROT_* */

/* Tells that something happened to the pages of a range: an enum kb_event_type. What drops or
 * releases memory is told of the pages that lie in the range as a whole, should they be larger than
 * the program's; all else of those that it touches. */
void kb_tell_range(struct kb_cursor *cursor, unsigned type, uint64_t start, uint64_t bytes);

/* Tells that an exec has made the process what it is: the memory of the former image is gone, and
 * another one begins. Nothing for the first image. */
void kb_tell_image_begins(struct kb_cursor *cursor);

/* Tells a mapping: rights as PROT_*. replaced: whatever was there is gone. */
void kb_tell_mapping(struct kb_cursor *cursor, uint64_t start, uint64_t bytes, const char *name,
                     unsigned rights, bool replaced);

#endif
