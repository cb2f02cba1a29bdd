/* segmented.c - paged segmentation: v = (s, p, d) goes through the segment table, then through the
 * segment's page table, to a frame.
 *
 *   v       |    s    |    p    |   d   |
 *                │         │
 *   segment table│         │ page table of s
 *   b ────► entry s ──► s' ────► entry p ──► p', beside d
 *
 *   segment entry, 8 bytes:
 *    63                          32 31              8  7 6 5  4 3 2  1 0
 *   | page table's page number (s')  | length in pages |  0   | X W R |L P|
 *
 *   L 1  the segment is one of the process      P 1  it has a page table
 *
 *   page entry, 8 bytes: as in riscv.c, always of a page.
 *
 * The order of checks: does the segment exist, has it a page table, is the
 * page inside its length, do its rights allow the access, is the page there.
 * Source: P. J. Denning, "Virtual memory", Computing Surveys 2(3), 1970; the
 * order is the founding documents' (requirements, ambiguity 26). */
#include "machine/format/families.h"
#include "machine/segment.h"
#include "machine/walk.h"

enum { P = 1, L = 2, RIGHTS_SHIFT = 2, LENGTH_SHIFT = 8, TABLE_SHIFT = 32 };
#define LENGTH_MASK ((UINT64_C(1) << (TABLE_SHIFT - LENGTH_SHIFT)) - 1)

/* Read, write and execute stand in the same order in enum kb_entry_bits. */
_Static_assert(KB_ENTRY_READ == 2 && KB_ENTRY_WRITE == 4 && KB_ENTRY_EXECUTE == 8,
               "the order of rights");

struct kb_segment kb_segment_decode(const struct kb_format *format, uint64_t entry) {
    return (struct kb_segment){.legal = (entry & L) != 0,
                               .present = (entry & P) != 0,
                               .rights = (unsigned)(entry >> RIGHTS_SHIFT & 7) << 1,
                               .pages = entry >> LENGTH_SHIFT & LENGTH_MASK,
                               .table = entry >> TABLE_SHIFT << format->page_bits};
}

uint64_t kb_segment_encode(const struct kb_format *format, struct kb_segment segment) {
    return (segment.present ? P : 0u) | (segment.legal ? L : 0u) |
           (uint64_t)(segment.rights >> 1 & 7) << RIGHTS_SHIFT |
           (segment.pages & LENGTH_MASK) << LENGTH_SHIFT |
           segment.table >> format->page_bits << TABLE_SHIFT;
}

/* A segment without a page table leads nowhere. */
static struct kb_entry decode(const struct kb_format *format, uint64_t entry, unsigned depth) {
    if (depth > 0)
        return kb_family_riscv.decode(format, entry, depth);
    struct kb_segment segment = kb_segment_decode(format, entry);
    return (struct kb_entry){segment.present ? KB_ENTRY_VALID : 0u, segment.table};
}

static uint64_t encode(const struct kb_format *format, struct kb_entry entry, unsigned depth) {
    return depth > 0 ? kb_family_riscv.encode(format, entry, depth) : 0;
}

static enum kb_fault check_segment(const struct kb_format *format, uint64_t raw, uint64_t page,
                                   enum kb_access access) {
    static const unsigned wanted[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE, 0};
    struct kb_segment segment = kb_segment_decode(format, raw);
    if (!segment.legal)
        return KB_FAULT_INVALID_SEGMENT;
    if (!segment.present)
        return KB_FAULT_MISSING_SEGMENT;
    if (page >= segment.pages)
        return KB_FAULT_OVERFLOW;
    return wanted[access] & ~segment.rights ? KB_FAULT_PROTECTION : KB_FAULT_NONE;
}

/* Reads the entry of an index; false if there is no memory. */
static bool read_entry(const struct kb_format *format, const struct kb_memory *memory,
                       uint64_t table, uint64_t index, struct kb_walk_step *step) {
    *step = (struct kb_walk_step){.index = index, .address = table + index * format->entry_bytes};
    if (step->address < table || !kb_memory_has(memory, step->address, format->entry_bytes))
        return false;
    step->entry = kb_memory_entry(memory, step->address, format->entry_bytes);
    return true;
}

static enum kb_fault end(struct kb_walk *walk, enum kb_fault fault, unsigned depth,
                         unsigned steps) {
    walk->fault = fault;
    walk->depth = depth;
    walk->steps = steps;
    return fault;
}

static enum kb_fault walk(const struct kb_format *format, const struct kb_memory *memory,
                          uint64_t root, uint64_t address, struct kb_mode mode,
                          struct kb_walk *walk) {
    uint64_t page = kb_format_index(format, address, 1);
    uint64_t offset = address & ((UINT64_C(1) << format->page_bits) - 1);
    walk->bits = 0;
    walk->page = walk->physical = 0;
    walk->page_bits = format->page_bits;
    enum kb_fault fault = kb_address_check(format, address);
    if (fault != KB_FAULT_NONE)
        return end(walk, fault, 0, 0);
    if (!read_entry(format, memory, root, kb_format_index(format, address, 0), &walk->step[0]))
        return end(walk, KB_FAULT_BUS, 0, 0);
    fault = check_segment(format, walk->step[0].entry, page, mode.access);
    struct kb_segment segment = kb_segment_decode(format, walk->step[0].entry);
    walk->bits = segment.rights | KB_ENTRY_USER;
    if (fault != KB_FAULT_NONE)
        return end(walk, fault, 0, 1);
    if (!read_entry(format, memory, segment.table, page, &walk->step[1]))
        return end(walk, KB_FAULT_BUS, 1, 1);
    struct kb_entry leaf = decode(format, walk->step[1].entry, 1);
    if (!(leaf.bits & KB_ENTRY_VALID))
        return end(walk, KB_FAULT_INVALID, 1, 2);
    if (leaf.bits & KB_ENTRY_RESERVED || !(leaf.bits & KB_ENTRY_LEAF))
        return end(walk, KB_FAULT_RESERVED, 1, 2);
    walk->bits = leaf.bits;
    walk->page = leaf.address;
    fault = kb_rights_check(format, leaf.bits, mode);
    if (fault == KB_FAULT_NONE)
        walk->physical = leaf.address | offset;
    return end(walk, fault, 1, 2);
}

static const struct kb_family segmented = {
    .decode = decode,
    .encode = encode,
    .walk = walk,
    .segmented = true,
    .last_level_is_0 = true,
    .bit_names = "VRWXUGAD",
    .referenced_bit = 6,
    .modified_bit = 7,
};

kb_status kb_format_segmented(struct kb_format *format, unsigned segment_bits, unsigned page_index,
                              unsigned page_bits, struct kb_error *error) {
    const unsigned split[] = {segment_bits, page_index};
    kb_status status = kb_format_generic(format, 2, split, page_bits, 8, error);
    format->name = "paged-segmentation";
    format->family = &segmented;
    format->superpage_depths = 0;
    return status;
}
