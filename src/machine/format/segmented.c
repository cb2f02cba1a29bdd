/* segmented.c - paged segmentation: v = (s, p, d) goes through the segment table, then through the
 * segment's page table, to a frame.
 *
 *   v       |    s    |    p    |   d   |
 *                │         │
 *   segment table│         │ page table of s
 *   b ────► entry s ──► s' ────► entry p ──► p', beside d
 *
 *   segment entry, 8 bytes, lengths in pages:
 *    63                          32 31              8  7 6 5  4 3 2  1 0
 *   | page table's page number (s')  | length in pages |  0   | X W R |L P|
 *
 *   segment entry, 8 bytes, lengths in bytes:
 *    63                      40 39                  8  7 6 5  4 3 2  1 0
 *   | page table's page number | length in bytes − 1   |  0   | X W R |L P|
 *
 *   L 1  the segment is one of the process      P 1  it has a page table
 *
 *   page entry, 4 or 8 bytes: as in riscv.c, always of a page.
 *
 * The order of checks: does the segment exist, has it a page table, is the
 * byte inside its length, do its rights allow the access, is the page there.
 * A right holds if segment and page grant it. Where a segment ends inside a
 * page, the TLB knows how much of the page it has, so that a hit is checked, too.
 * Source: P. J. Denning, "Virtual memory", Computing Surveys 2(3), 1970; the
 * order is the founding documents' (requirements, ambiguities 24 and 26). */
#include "machine/format/families.h"
#include "machine/segment.h"
#include "machine/walk.h"

enum { P = 1, L = 2, RIGHTS_SHIFT = 2, LENGTH_SHIFT = 8, PAGES_END = 32, BYTES_END = 40 };

/* Read, write and execute stand in the same order in enum kb_entry_bits. */
_Static_assert(KB_ENTRY_READ == 2 && KB_ENTRY_WRITE == 4 && KB_ENTRY_EXECUTE == 8,
               "the order of rights");

/* ---- entries ---- */

static unsigned table_shift(const struct kb_format *format) {
    return format->byte_lengths ? BYTES_END : PAGES_END;
}

static inline struct kb_segment segment_decode(const struct kb_format *format, uint64_t entry) {
    unsigned shift = table_shift(format);
    uint64_t length = entry >> LENGTH_SHIFT & ((UINT64_C(1) << (shift - LENGTH_SHIFT)) - 1);
    return (struct kb_segment){.legal = (entry & L) != 0,
                               .present = (entry & P) != 0,
                               .rights = (unsigned)(entry >> RIGHTS_SHIFT & 7) << 1,
                               .bytes =
                                   format->byte_lengths ? length + 1 : length << format->page_bits,
                               .table = entry >> shift << format->page_bits};
}

static uint64_t segment_encode(const struct kb_format *format, struct kb_segment segment) {
    uint64_t length = format->byte_lengths ? segment.bytes - 1 : kb_segment_pages(format, segment);
    if (!segment.legal)
        return 0;
    return (segment.present ? P : 0u) | L | (uint64_t)(segment.rights >> 1 & 7) << RIGHTS_SHIFT |
           length << LENGTH_SHIFT | segment.table >> format->page_bits << table_shift(format);
}

/* A segment without a page table leads nowhere. */
static struct kb_entry decode(const struct kb_format *format, uint64_t entry, unsigned depth) {
    if (depth > 0)
        return kb_family_riscv.decode(format, entry, depth);
    struct kb_segment segment = segment_decode(format, entry);
    return (struct kb_entry){segment.present ? KB_ENTRY_VALID : 0u, segment.table};
}

static uint64_t encode(const struct kb_format *format, struct kb_entry entry, unsigned depth) {
    return depth > 0 ? kb_family_riscv.encode(format, entry, depth) : 0;
}

/* ---- the walk ---- */

static enum kb_fault check_segment(struct kb_segment segment, uint64_t displacement,
                                   enum kb_access access) {
    static const unsigned wanted[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE, 0};
    if (!segment.legal)
        return KB_FAULT_INVALID_SEGMENT;
    if (!segment.present)
        return KB_FAULT_MISSING_SEGMENT;
    if (displacement >= segment.bytes)
        return KB_FAULT_OVERFLOW;
    return wanted[access] & ~segment.rights ? KB_FAULT_PROTECTION : KB_FAULT_NONE;
}

/* Bytes of a page that its segment has, if it ends inside; else 0. */
static inline uint32_t bytes_of_page(const struct kb_format *format, struct kb_segment segment,
                                     uint64_t page) {
    uint64_t left = segment.bytes - (page << format->page_bits);
    return left >> format->page_bits == 0 ? (uint32_t)left : 0;
}

/* Reads the entry of an index; false if there is no memory. */
static bool read_entry(const struct kb_memory *memory, uint64_t table, uint64_t index,
                       unsigned bytes, struct kb_walk_step *step) {
    *step = (struct kb_walk_step){.index = index, .address = table + index * bytes};
    if (step->address < table || !kb_memory_has(memory, step->address, bytes))
        return false;
    step->entry = kb_memory_entry(memory, step->address, bytes);
    return true;
}

static enum kb_fault end(struct kb_walk *walk, enum kb_fault fault, unsigned depth,
                         unsigned steps) {
    walk->fault = fault;
    walk->depth = depth;
    walk->steps = steps;
    return fault;
}

enum kb_fault kb_walk_segments(const struct kb_format *format, const struct kb_memory *memory,
                               uint64_t root, uint64_t address, struct kb_mode mode,
                               struct kb_walk *walk) {
    uint64_t page = kb_format_index(format, address, 1);
    uint64_t offset = address & ((UINT64_C(1) << format->page_bits) - 1);
    walk->bits = walk->limit = 0;
    walk->page = walk->physical = 0;
    walk->page_bits = format->page_bits;
    enum kb_fault fault = kb_address_check(format, address);
    if (fault != KB_FAULT_NONE)
        return end(walk, fault, 0, 0);
    if (!read_entry(memory, root, kb_format_index(format, address, 0), format->segment_bytes,
                    &walk->step[0]))
        return end(walk, KB_FAULT_BUS, 0, 0);
    struct kb_segment segment = kb_segment_decode(format, walk->step[0].entry);
    fault = check_segment(segment, page << format->page_bits | offset, mode.access);
    walk->bits = segment.rights | KB_ENTRY_USER;
    if (fault != KB_FAULT_NONE)
        return end(walk, fault, 0, 1);
    if (format->family->decode(format, walk->step[0].entry, 0).bits & KB_ENTRY_RESERVED)
        return end(walk, KB_FAULT_RESERVED, 0, 1);
    walk->limit = bytes_of_page(format, segment, page);
    if (!read_entry(memory, segment.table, page, format->entry_bytes, &walk->step[1]))
        return end(walk, KB_FAULT_BUS, 1, 1);
    struct kb_entry leaf = format->family->decode(format, walk->step[1].entry, 1);
    if (!(leaf.bits & KB_ENTRY_VALID))
        return end(walk, KB_FAULT_INVALID, 1, 2);
    if (leaf.bits & KB_ENTRY_RESERVED || !(leaf.bits & KB_ENTRY_LEAF))
        return end(walk, KB_FAULT_RESERVED, 1, 2);
    walk->bits = leaf.bits & (segment.rights | ~(unsigned)KB_ENTRY_RIGHTS);
    walk->page = leaf.address;
    fault = kb_rights_check(format, walk->bits, mode);
    if (fault == KB_FAULT_NONE)
        walk->physical = leaf.address | offset;
    return end(walk, fault, 1, 2);
}

/* What is not the rule, or needs a fault, is left to the walk above. */
static bool quick(const struct kb_format *format, const struct kb_memory *memory, uint64_t root,
                  uint64_t address, struct kb_leaf *leaf) {
    uint64_t page = kb_format_index(format, address, 1);
    uint64_t at = root + kb_format_index(format, address, 0) * 8;
    if (!kb_memory_has(memory, at, 8))
        return false;
    struct kb_segment segment = segment_decode(format, kb_memory_entry(memory, at, 8));
    uint64_t displacement = address & ((UINT64_C(1) << kb_format_shift(format, 0)) - 1);
    if (!segment.legal || !segment.present || displacement >= segment.bytes ||
        bytes_of_page(format, segment, page) != 0)
        return false;
    leaf->entry = segment.table + page * format->entry_bytes;
    if (!kb_memory_has(memory, leaf->entry, format->entry_bytes))
        return false;
    struct kb_entry entry = kb_family_riscv.decode(
        format, kb_memory_entry(memory, leaf->entry, format->entry_bytes), 1);
    leaf->page = entry.address;
    leaf->bits = entry.bits & (segment.rights | ~(unsigned)KB_ENTRY_RIGHTS);
    return (entry.bits & (KB_ENTRY_VALID | KB_ENTRY_LEAF | KB_ENTRY_RESERVED)) ==
           (KB_ENTRY_VALID | KB_ENTRY_LEAF);
}

static const struct kb_family segmented = {
    .decode = decode,
    .encode = encode,
    .walk = kb_walk_segments,
    .quick = quick,
    .segmented = true,
    .segment_decode = segment_decode,
    .segment_encode = segment_encode,
    .last_level_is_0 = true,
    .bit_names = "VRWXUGAD",
    .referenced_bit = 6,
    .modified_bit = 7,
};

kb_status kb_format_segmented(struct kb_format *format, struct kb_segment_shape shape,
                              struct kb_error *error) {
    const unsigned split[] = {shape.segment_bits, shape.page_index};
    unsigned length = shape.page_index + shape.page_bits;
    kb_status status =
        kb_format_generic(format, 2, split, shape.page_bits, shape.page_entry_bytes, error);
    if (status == KB_OK && shape.byte_lengths && length > BYTES_END - LENGTH_SHIFT)
        return kb_fail(error, KB_USAGE, KB_MSG_format_byte_lengths, (unsigned long long)length,
                       (unsigned long long)(BYTES_END - LENGTH_SHIFT));
    if (status == KB_OK && shape.page_index == PAGES_END - LENGTH_SHIFT)
        return kb_fail(error, KB_USAGE, KB_MSG_format_index_bits,
                       (unsigned long long)shape.page_index,
                       (unsigned long long)(PAGES_END - LENGTH_SHIFT - 1));
    format->name = "paged-segmentation";
    format->family = &segmented;
    format->superpage_depths = 0;
    format->segment_bytes = 8;
    format->byte_lengths = shape.byte_lengths;
    unsigned physical = 64 - table_shift(format) + shape.page_bits; /* of page tables */
    if (status == KB_OK && physical < format->physical_bits)
        format->physical_bits = physical;
    return status;
}
