/* release.h - which references of a trace are the last of their page, so that the page may be
 * released there: what a compiler or an operating system that knows the program would say.
 *
 *   pages       0 0 0 1 1 0 2 2         distance 3: 0 comes back after 3 references
 *   released      . . R     R   R   R
 *                     └ distance ┘
 *
 * The trace is read twice. The first time each run of the same page shows how
 * far the one before was from it; one bit a run keeps whether that was far
 * enough. The second time the events are put in. A release stands before
 * everything that comes behind its reference, so it is the right process's.
 *
 * Memory: one bit a run, 24 bytes a page, the events of one block. */
#ifndef KB_REPLAY_RELEASE_H
#define KB_REPLAY_RELEASE_H

#include "base/host.h"
#include "trace/run.h"

#define KB_NEVER_AGAIN UINT64_MAX

struct kb_annotation {
    uint64_t references;
    uint64_t releases; /* put in */
    uint64_t last;     /* of them: the page is never used again */
    uint64_t replaced; /* releases that the trace had; they are left out */
    uint64_t returns;  /* references that find their page released: faults more than without */
    /* Pages in memory × references, with a frame for everyone: a page is in memory from its first
     * reference on until it is released, unmapped or discarded. */
    uint64_t product_before, product_after;
};

struct kb_annotator {
    const struct kb_host *host;
    uint64_t distance; /* released if the next use is so many references away, or more */
    uint64_t *bits;    /* by run: release behind it */
    size_t bit_words;
    uint64_t runs, done; /* learned; annotated */
    uint64_t at;         /* references learned */
    struct kb_annotator_page *pages;
    uint32_t page_count, page_room;
    struct kb_event *events; /* of the block */
    uint32_t event_count, event_room;
    uint64_t before, after; /* pages in memory now */
    uint32_t process;
    struct kb_annotation result;
};

/* distance: at least 2, or KB_NEVER_AGAIN. */
void kb_annotator_init(struct kb_annotator *annotator, uint64_t distance,
                       const struct kb_host *host);

/* First reading. */
kb_status kb_annotator_learn(struct kb_annotator *annotator, const struct kb_block *block,
                             struct kb_error *error) KB_MUST_CHECK;
/* Between the two. */
void kb_annotator_turn(struct kb_annotator *annotator);

/* Second reading, of the same blocks: *annotated is the block with its releases; its events are the
 * annotator's until the next call. KB_DATA: there are more runs than the first time. */
kb_status kb_annotator_annotate(struct kb_annotator *annotator, const struct kb_block *block,
                                const uint64_t *page_numbers, const uint32_t *processes,
                                struct kb_block *annotated, struct kb_error *error) KB_MUST_CHECK;
/* At the end: KB_DATA if there were fewer. */
kb_status kb_annotator_end(const struct kb_annotator *annotator,
                           struct kb_error *error) KB_MUST_CHECK;

void kb_annotator_free(struct kb_annotator *annotator);

#endif
