/* memory.h - bytes in memory as a source, for tests and fuzzers: whole, or in small steps as a pipe
 * delivers them. */
#ifndef KB_TESTS_MEMORY_H
#define KB_TESTS_MEMORY_H

#include <string.h>

#include "base/host.h"

struct memory {
    const void *at;
    size_t length, place;
    size_t step; /* the most that one read delivers; 0: no limit */
};

static inline kb_status memory_read(void *context, void *buffer, size_t room, size_t *got,
                                    struct kb_error *error) {
    struct memory *memory = context;
    size_t left = memory->length - memory->place;
    (void)error;
    *got = left < room ? left : room;
    *got = memory->step > 0 && *got > memory->step ? memory->step : *got;
    if (*got > 0)
        memcpy(buffer, (const char *)memory->at + memory->place, *got);
    memory->place += *got;
    return KB_OK;
}

#endif
