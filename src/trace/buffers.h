/* buffers.h - the arrays behind a reader's blocks, two of each, so that a block stays valid during
 * the next call; an insider of trace. */
#ifndef KB_TRACE_BUFFERS_H
#define KB_TRACE_BUFFERS_H

#include <stdbool.h>
#include <stdlib.h>

#include "trace/run.h"

struct kb_buffers {
    struct kb_run *runs, *runs_before; /* KB_BLOCK_RUNS, and padding */
    struct kb_event *events, *events_before;
    size_t event_room, event_room_before;
};

#define KB_BUFFER_BYTES ((KB_BLOCK_RUNS + KB_RUN_PADDING) * sizeof(struct kb_run))

/* From zeros; false if memory is short (kb_buffers_free is still due). */
static inline bool kb_buffers_init(struct kb_buffers *buffers) {
    buffers->runs = malloc(KB_BUFFER_BYTES);
    buffers->runs_before = malloc(KB_BUFFER_BYTES);
    return buffers->runs != NULL && buffers->runs_before != NULL;
}

/* Before a new block is filled: what was filled last is in use by its taker. */
static inline void kb_buffers_swap(struct kb_buffers *buffers) {
    struct kb_buffers old = *buffers;
    *buffers =
        (struct kb_buffers){old.runs_before,       old.runs,      old.events_before, old.events,
                            old.event_room_before, old.event_room};
}

/* Room for one event behind the first `count`; false if memory is short. */
static inline bool kb_buffers_room(struct kb_buffers *buffers, uint32_t count) {
    if (count < buffers->event_room)
        return true;
    size_t room = buffers->event_room == 0 ? 256 : buffers->event_room * 2;
    struct kb_event *events = realloc(buffers->events, room * sizeof *events);
    if (events == NULL)
        return false;
    buffers->events = events;
    buffers->event_room = room;
    return true;
}

static inline void kb_buffers_free(struct kb_buffers *buffers) {
    free(buffers->runs);
    free(buffers->runs_before);
    free(buffers->events);
    free(buffers->events_before);
}

#endif
