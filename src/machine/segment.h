/* segment.h - segments whose pages are in frames: the entry of a segment table (segmented.c draws
 * it), and the format of machines that have one. */
#ifndef KB_MACHINE_SEGMENT_H
#define KB_MACHINE_SEGMENT_H

#include "machine/format.h"

struct kb_segment {
    bool legal;      /* it is one of the process's */
    bool present;    /* it has a page table */
    unsigned rights; /* KB_ENTRY_READ, WRITE, EXECUTE */
    uint64_t pages;  /* its length, at most 2^24 − 1 */
    uint64_t table;  /* physical address of its page table */
};

struct kb_segment kb_segment_decode(const struct kb_format *format, uint64_t entry);
uint64_t kb_segment_encode(const struct kb_format *format, struct kb_segment segment);

/* Addresses of segment_bits | page_index | page_bits. Errors: as kb_format_generic. */
kb_status kb_format_segmented(struct kb_format *format, unsigned segment_bits, unsigned page_index,
                              unsigned page_bits, struct kb_error *error) KB_MUST_CHECK;

#endif
