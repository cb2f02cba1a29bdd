/* writer.h - writes native traces. */
#ifndef KB_TRACE_WRITER_H
#define KB_TRACE_WRITER_H

#include "base/host.h"
#include "trace/kbt.h"
#include "trace/run.h"

enum kb_packing {
    KB_PACK_AUTO, /* zstd where it makes a block a third, else lz4 where it makes it a half, else
                     raw: reading stays fast */
    KB_PACK_RAW,
    KB_PACK_LZ4,
    KB_PACK_ZSTD
};

struct kb_writer_options {
    uint64_t grain;      /* bytes, a power of two; 0: page numbers without a size */
    const char *program; /* what was recorded, cut to 43 bytes; may be NULL */
    enum kb_packing packing;
    int level;                  /* of zstd: 1 while recording, 9 to keep */
    const struct kb_host *host; /* codecs; NULL or without codecs: all blocks raw */
    unsigned version; /* of the format: 1 (or 0) or 2; events from KB_EVENT_DISCARD on need
                         2, which older readers refuse */
};

struct kb_writer;

/* The sink stays the caller's. */
kb_status kb_writer_open(struct kb_writer **writer, struct kb_sink sink,
                         const struct kb_writer_options *options,
                         struct kb_error *error) KB_MUST_CHECK;

/* Ids must be dense in the order of first touch over all blocks; page_numbers and processes (NULL:
 * all 0) tell them by id. KB_DATA: they are not, or the version does not have an event. */
kb_status kb_writer_add(struct kb_writer *writer, const struct kb_block *block,
                        const uint64_t *page_numbers, const uint32_t *processes,
                        struct kb_error *error) KB_MUST_CHECK;

/* Closes the open block, so that its references are in the file if nothing follows. Many short
 * blocks pack badly. */
kb_status kb_writer_flush(struct kb_writer *writer, struct kb_error *error) KB_MUST_CHECK;

/* Writes what waits, and the footer. Without it a file has no footer and must be recovered. */
kb_status kb_writer_end(struct kb_writer *writer, struct kbt_totals *totals,
                        struct kb_error *error) KB_MUST_CHECK;

void kb_writer_free(struct kb_writer *writer); /* NULL is fine */

#endif
