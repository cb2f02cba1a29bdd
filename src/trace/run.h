/* run.h - what a trace is made of: blocks of runs (base/run.h), with events between them. */
#ifndef KB_TRACE_RUN_H
#define KB_TRACE_RUN_H

#include <stddef.h>

#include "base/run.h"

/* Things that happen between references. From KB_EVENT_DISCARD on they are what a recorder tells
 * besides (version 2 of the native format). Behind PROCESS comes thread 0 until THREAD says
 * otherwise. */
enum kb_event_type {
    KB_EVENT_PROCESS = 1, /* first = process number: the following references are its */
    KB_EVENT_THREAD,      /* first = thread number */
    KB_EVENT_MAP,         /* pages first … first + pages − 1 (page numbers) became legal */
    KB_EVENT_UNMAP,       /* … are gone, with their contents */
    KB_EVENT_RELEASE,     /* … will not be needed for a while; contents are kept */
    KB_EVENT_DISCARD,     /* … lose their contents, and stay legal */
    KB_EVENT_NAME,        /* 16 bytes of the name of what the MAP before it made: first, then pages,
                             little-endian, zeros behind its end; several in a row are one name */
    KB_EVENT_KERNEL,      /* first = 1: the following references are the kernel's, to buffers of the
                             program; 0: the program's again, as after PROCESS and THREAD */
    KB_EVENT_PROTECT =
        16, /* + rights (1 read, 2 write, 4 execute; 16 to 23): … have these rights */
    KB_EVENT_TYPES = 24
};

static inline int kb_event_valid(uint32_t type) {
    return (type >= KB_EVENT_PROCESS && type <= KB_EVENT_KERNEL) ||
           (type >= KB_EVENT_PROTECT && type < KB_EVENT_TYPES);
}

/* Whether the event stands in files of version 1, too. */
static inline int kb_event_plain(uint32_t type) {
    return type >= KB_EVENT_PROCESS && type <= KB_EVENT_RELEASE;
}

/* Whether first and pages are a range of pages. */
static inline int kb_event_has_pages(uint32_t type) {
    return (type >= KB_EVENT_MAP && type <= KB_EVENT_DISCARD) || type >= KB_EVENT_PROTECT;
}

/* Whether what lay in the range is gone: the next reference finds other contents. */
static inline int kb_event_drops(uint32_t type) {
    return type == KB_EVENT_UNMAP || type == KB_EVENT_DISCARD;
}

struct kb_event {
    uint32_t at;   /* happens before runs[at]; at = count: after the block's last run */
    uint32_t type; /* enum kb_event_type */
    uint64_t first;
    uint64_t pages;
};

/* A piece of a trace in memory. The arrays belong to the reader that filled it and are valid until
 * its next call but one; runs has KB_RUN_PADDING runs behind its end. */
#define KB_BLOCK_RUNS (UINT32_C(1) << 18)

struct kb_block {
    const struct kb_run *runs;
    uint32_t count; /* 0, and no events either: the end of the trace */
    uint32_t event_count;
    const struct kb_event *events;
    uint64_t references; /* sum of the counts */
    uint32_t pages;      /* ids seen up to the end of this block: each run's page is below it */
};

#endif
