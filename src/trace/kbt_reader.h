/* kbt_reader.h - reads native traces, block by block; an insider of reader.c. */
#ifndef KB_TRACE_KBT_READER_H
#define KB_TRACE_KBT_READER_H

#include "base/host.h"
#include "trace/buffers.h"
#include "trace/kbt.h"
#include "trace/run.h"

struct kbt_reader {
    struct kb_source source;
    const struct kb_codecs *codecs;
    bool recover;
    unsigned version;
    uint64_t grain; /* 0: none */
    char program[KBT_PROGRAM_BYTES];

    uint64_t offset;     /* of the next byte of the source */
    uint64_t references; /* delivered */
    uint64_t runs, blocks;
    uint32_t pages; /* ids so far */
    uint32_t process;
    bool ended;
    bool seeked;   /* not all blocks have been read */
    uint64_t lost; /* with recover: bytes not used */

    bool totals_known;
    struct kbt_totals totals;
    struct kbt_index_entry *index; /* totals.blocks entries, when totals are known */

    uint64_t *numbers; /* by id */
    uint32_t *owners;  /* NULL: all are process 0 */
    size_t page_room;

    struct kb_buffers buffers;
    uint8_t *stored, *raw;
    size_t stored_room, raw_room;
};

/* head: the first bytes of the source, already read (up to head_length; at least the header). */
kb_status kbt_open(struct kbt_reader *reader, struct kb_source source, const uint8_t *head,
                   size_t head_length, bool recover, const struct kb_host *host,
                   struct kb_error *error) KB_MUST_CHECK;

/* block->count = 0 and no events: the end. */
kb_status kbt_next(struct kbt_reader *reader, struct kb_block *block,
                   struct kb_error *error) KB_MUST_CHECK;

/* If the source can be reread, reads the footer and comes back: totals_known, and seeking works. */
kb_status kbt_load_footer(struct kbt_reader *reader, struct kb_error *error) KB_MUST_CHECK;

/* Moves to the block that holds reference number `reference` (from 0), with all page numbers
 * known. Needs the footer. The next block's first reference is reader->references. */
kb_status kbt_seek(struct kbt_reader *reader, uint64_t reference,
                   struct kb_error *error) KB_MUST_CHECK;

void kbt_close(struct kbt_reader *reader);

#endif
