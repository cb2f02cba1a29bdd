/* reader.h - any trace, from bytes to blocks of runs with dense page ids.
 *
 *   source ──► format (text, binary) ──► pages ──► ids ──┐
 *   source ──► native blocks (kbt) ──────────────────────┴──► page size, window ──► kb_block
 */
#ifndef KB_TRACE_READER_H
#define KB_TRACE_READER_H

#include "base/host.h"
#include "trace/format.h"
#include "trace/run.h"

#define KB_DEFAULT_PAGE_SIZE 4096
#define KB_SMALLEST_PAGE_SIZE 64
#define KB_LARGEST_PAGE_SIZE (UINT64_C(1) << 40)

struct kb_reader_options {
    const char *format;         /* by name; NULL: found out from the content */
    uint64_t page_size;         /* 0: the trace's grain, but at least 4096; 4096 for addresses */
    uint64_t skip;              /* references passed over at the start */
    uint64_t limit;             /* references delivered at most; 0: all */
    bool recover;               /* a damaged native trace ends before the damage, without error */
    bool past;                  /* with skip: what memory the program had before the window is told
                                   at its start, as events that happen before the first reference */
    const struct kb_host *host; /* codecs (for native traces) and memory; may be NULL */
};

struct kb_trace_info {
    const char *format;
    unsigned version;   /* of a native trace: 1 or 2; 0: another format */
    uint64_t grain;     /* bytes; 0: page numbers without a size */
    uint64_t page_size; /* of the ids delivered; 0: page numbers */
    char program[48];   /* native: what was recorded; "" if not known */
    /* What the trace says of itself: native traces with a footer only. */
    bool totals_known;
    uint64_t references, runs, blocks;
    uint32_t pages; /* at the grain */
};

struct kb_reader;

/* Takes a source that stands at its beginning and stays the caller's; it must outlive the reader.
 */
kb_status kb_reader_open(struct kb_reader **reader, struct kb_source source,
                         const struct kb_reader_options *options,
                         struct kb_error *error) KB_MUST_CHECK;

/* The next block; at the end it has neither runs nor events. The arrays belong to the reader and
 * stay valid during the next call, so that a block can be replayed while another thread reads on;
 * page numbers may move at each call. An input without any reference is an error here. */
kb_status kb_reader_next(struct kb_reader *reader, struct kb_block *block,
                         struct kb_error *error) KB_MUST_CHECK;

void kb_reader_info(const struct kb_reader *reader, struct kb_trace_info *info);

/* By id: the page numbers delivered so far, and the processes, or NULL if all are process 0. */
const uint64_t *kb_reader_page_numbers(const struct kb_reader *reader);
const uint32_t *kb_reader_processes(const struct kb_reader *reader);

/* With recover: how many bytes of the file were lost; 0 if it was whole. */
uint64_t kb_reader_lost_bytes(const struct kb_reader *reader);

void kb_reader_close(struct kb_reader *reader); /* NULL is fine */

/* Accesses to blocks, for those who make accesses themselves (generators). */
struct kb_collector;

kb_status kb_collector_new(struct kb_collector **collector, uint64_t page_size,
                           const struct kb_host *host, struct kb_error *error) KB_MUST_CHECK;
/* Adds accesses from *used on until all are in or the block is full. page_size 0: page numbers. */
kb_status kb_collector_add(struct kb_collector *collector, const struct kb_trace_access *accesses,
                           size_t count, size_t *used, struct kb_error *error) KB_MUST_CHECK;
bool kb_collector_full(const struct kb_collector *collector);
/* Takes the block; the collector starts a new one at the next add. */
kb_status kb_collector_take(struct kb_collector *collector, struct kb_block *block,
                            struct kb_error *error) KB_MUST_CHECK;
/* Gives back what is needed only to add more; page numbers stay. */
void kb_collector_close(struct kb_collector *collector);
const uint64_t *kb_collector_page_numbers(const struct kb_collector *collector);
void kb_collector_free(struct kb_collector *collector);

#endif
