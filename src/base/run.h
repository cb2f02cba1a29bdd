/* run.h - runs of references: the common currency of traces, policies and hosts.
 *
 * A run is `count` references in a row to one page with one kind. Pages are
 * dense ids in the order of first touch: the first page of a trace is 0.
 *
 *   struct kb_run   | page : 32 | count : 30 | kind : 2 |
 */
#ifndef KB_BASE_RUN_H
#define KB_BASE_RUN_H

#include <stdint.h>

enum kb_kind { KB_READ = 0, KB_WRITE = 1, KB_EXECUTE = 2 };

#define KB_RUN_MAX_COUNT ((UINT32_C(1) << 30) - 1)
#define KB_NO_PAGE UINT32_MAX

struct kb_run {
    uint32_t page;
    uint32_t word; /* count << 2 | kind */
};

static inline struct kb_run kb_run_make(uint32_t page, enum kb_kind kind, uint32_t count) {
    return (struct kb_run){page, count << 2 | (uint32_t)kind};
}
static inline uint32_t kb_run_count(struct kb_run run) { return run.word >> 2; }
static inline enum kb_kind kb_run_kind(struct kb_run run) { return (enum kb_kind)(run.word & 3); }

/* After the last run of an array there are this many runs of page 0, so that a loop may look
 * ahead. */
#define KB_RUN_PADDING 64

#endif
