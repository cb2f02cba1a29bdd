/* mapping.h - the mappings of this process as /proc/self/maps tells them, and telling them to the
 * recorder. Needs nothing of Kilburn's library, and no memory: a signal handler may fork. */
#ifndef KB_RECORD_MAPPING_H
#define KB_RECORD_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/producer.h"

struct kb_mapping {
    uint64_t start, end, offset;
    char rights[5]; /* "r-xp" */
    char name[4096];
};

/* All of them, in the order of their addresses. */
struct kb_mappings {
    int fd;
    size_t at, filled;
    char text[8192];
};
bool kb_mappings_open(struct kb_mappings *mappings);
bool kb_mappings_next(struct kb_mappings *mappings, struct kb_mapping *mapping);
void kb_mappings_close(struct kb_mappings *mappings);

/* Tells that something happened to the pages of a range: an enum kb_event_type. */
void kb_tell_range(struct kb_cursor *cursor, unsigned type, uint64_t start, uint64_t bytes);

/* Tells a mapping: rights as PROT_*. replaced: whatever was there is gone. */
void kb_tell_mapping(struct kb_cursor *cursor, uint64_t start, uint64_t bytes, const char *name,
                     unsigned rights, bool replaced);

#endif
