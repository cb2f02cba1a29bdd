/* run.h - what a trace is made of: runs of references, in blocks, with events between them.
 *
 * A run is `count` references in a row to one page with one kind. Pages are
 * dense ids in the order of first touch: the first page of a trace is 0.
 *
 *   struct kb_run   | page : 32 | count : 30 | kind : 2 |
 */
#ifndef KB_TRACE_RUN_H
#define KB_TRACE_RUN_H

#include <stddef.h>
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

/* Things that happen between references. */
enum kb_event_type {
    KB_EVENT_PROCESS = 1, /* first = process number: the following references are its */
    KB_EVENT_THREAD,      /* first = thread number */
    KB_EVENT_MAP,         /* pages first … first + pages − 1 (page numbers) became legal */
    KB_EVENT_UNMAP,       /* … are gone, with their contents */
    KB_EVENT_RELEASE,     /* … will not be needed for a while; contents are kept */
    KB_EVENT_TYPES
};

struct kb_event {
    uint32_t at;   /* happens before runs[at]; at = count: after the block's last run */
    uint32_t type; /* enum kb_event_type */
    uint64_t first;
    uint64_t pages;
};

/* A piece of a trace in memory. The arrays belong to the reader that filled it and are valid until
 * its next call; after runs[count − 1] there are KB_RUN_PADDING runs of page 0, so that a loop may
 * look ahead. */
#define KB_BLOCK_RUNS (UINT32_C(1) << 18)
#define KB_RUN_PADDING 64

struct kb_block {
    const struct kb_run *runs;
    uint32_t count; /* 0: the end of the trace */
    uint32_t event_count;
    const struct kb_event *events;
    uint64_t references; /* sum of the counts */
    uint32_t pages;      /* ids seen up to the end of this block: each run's page is below it */
};

#endif
