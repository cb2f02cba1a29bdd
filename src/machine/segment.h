/* segment.h - segments whose pages are in frames: what the entry of a segment table says, and the
 * formats of machines that have one (segmented.c and s370.c draw the entries). */
#ifndef KB_MACHINE_SEGMENT_H
#define KB_MACHINE_SEGMENT_H

#include "machine/format.h"

struct kb_segment {
    bool legal;      /* it is one of the process's */
    bool present;    /* it has a page table */
    unsigned rights; /* KB_ENTRY_READ, WRITE, EXECUTE */
    uint64_t bytes;  /* its length; whole pages unless the format has byte_lengths */
    uint64_t table;  /* physical address of its page table */
};

static inline struct kb_segment kb_segment_decode(const struct kb_format *format, uint64_t entry) {
    return format->family->segment_decode(format, entry);
}

/* A length is rounded up to what the format can say. */
static inline uint64_t kb_segment_encode(const struct kb_format *format,
                                         struct kb_segment segment) {
    return format->family->segment_encode(format, segment);
}

/* Pages that the length has a byte of. */
static inline uint64_t kb_segment_pages(const struct kb_format *format, struct kb_segment segment) {
    return (segment.bytes + (UINT64_C(1) << format->page_bits) - 1) >> format->page_bits;
}

/* How the addresses of a segmented format are cut, and what its entries are. */
struct kb_segment_shape {
    unsigned segment_bits, page_index, page_bits; /* of s, p and d */
    unsigned page_entry_bytes;                    /* 4 or 8 */
    bool byte_lengths;                            /* segments end at a byte */
};

/* Errors: as kb_format_generic; byte lengths of segments of more than 4 GiB. */
kb_status kb_format_segmented(struct kb_format *format, struct kb_segment_shape shape,
                              struct kb_error *error) KB_MUST_CHECK;

/* IBM S/370 (s370.c). It is not in the list of kb_format_at: only processes with segments run on
 * it. */
extern const struct kb_format kb_format_s370;

#endif
