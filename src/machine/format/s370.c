/* s370.c - IBM System/370 with dynamic address translation: segments of 64 KiB, pages of 4 KiB.
 *
 *   v, 24 bits   | s: 8 | p: 4 | d: 12 |             0x123456 = (0x12, 0x3, 0x456)
 *
 *   segment table entry, 4 bytes; the manual counts bits from the left:
 *     0   3 4      7 8                           28 29 30 31
 *    | PTL | 0     0 | page table origin          | P | C | I |
 *    31  28 27    24 23                          3  2   1   0     as shifts
 *
 *   PTL  length of the page table in sixteenths of the longest, less one: pages − 1
 *   P    segment protection: nothing may be stored     C  common segment: never set here
 *   I    invalid: there is no page table. The other bits are the system's then; it keeps PTL and
 *        P, and in bit 7 that the segment is one of the process's
 *
 *   page table entry, 2 bytes:
 *     0                 11 12 13 15
 *    | page frame address | I | 0  |
 *    15                 4   3  2  0                                as shifts
 *
 * An empty entry is not zero: its I is 1. No entry has R and M: they lie in the
 * storage key of the frame, one a frame. A page's entry withholds nothing, so
 * nothing can be copied on write. Storage protection by keys is not modelled, and
 * entries lie in memory as all do here, the lowest byte first; the machine has
 * the highest first.
 *
 * Source: IBM System/370 Principles of Operation, GA22-7000, "Dynamic Address
 * Translation"; segment protection and common segments are later facilities. */
#include "machine/format/families.h"
#include "machine/segment.h"
#include "machine/walk.h"

enum {
    SEGMENT_INVALID = 1,
    SEGMENT_PROTECTED = 4,
    SEGMENT_MINE = 1 << 24,
    LENGTH_SHIFT = 28,
    PAGE_INVALID = 8,
    PAGE_ZEROS = 7,
    FRAME_SHIFT = 4
};
#define ORIGIN UINT64_C(0xfffff8)
#define SEGMENT_ZEROS UINT64_C(0x0f000000)

static struct kb_segment segment_decode(const struct kb_format *format, uint64_t entry) {
    bool present = !(entry & SEGMENT_INVALID);
    unsigned write = entry & SEGMENT_PROTECTED ? 0 : KB_ENTRY_WRITE;
    return (struct kb_segment){.legal = present || (entry & SEGMENT_MINE) != 0,
                               .present = present,
                               .rights = KB_ENTRY_READ | KB_ENTRY_EXECUTE | write,
                               .bytes = ((entry >> LENGTH_SHIFT) + 1) << format->page_bits,
                               .table = present ? entry & ORIGIN : 0};
}

static uint64_t segment_encode(const struct kb_format *format, struct kb_segment segment) {
    if (!segment.legal)
        return SEGMENT_INVALID;
    return (kb_segment_pages(format, segment) - 1) << LENGTH_SHIFT |
           (segment.rights & KB_ENTRY_WRITE ? 0u : SEGMENT_PROTECTED) |
           (segment.present ? segment.table & ORIGIN : SEGMENT_INVALID | SEGMENT_MINE);
}

/* Storing is withheld by segments alone, and reading by nobody. */
static struct kb_entry decode(const struct kb_format *format, uint64_t entry, unsigned depth) {
    if (depth == 0) {
        struct kb_segment segment = segment_decode(format, entry);
        bool reserved = segment.present && entry & SEGMENT_ZEROS;
        return (struct kb_entry){(segment.present ? KB_ENTRY_VALID : 0u) |
                                     (reserved ? KB_ENTRY_RESERVED : 0u),
                                 segment.table};
    }
    if (entry & PAGE_INVALID)
        return (struct kb_entry){0, 0};
    return (struct kb_entry){KB_ENTRY_VALID | KB_ENTRY_LEAF | KB_ENTRY_USER | KB_ENTRY_RIGHTS |
                                 (entry & PAGE_ZEROS ? KB_ENTRY_RESERVED : 0u),
                             entry >> FRAME_SHIFT << format->page_bits};
}

static uint64_t encode(const struct kb_format *format, struct kb_entry entry, unsigned depth) {
    if (depth == 0)
        return SEGMENT_INVALID;
    if (!(entry.bits & KB_ENTRY_VALID))
        return PAGE_INVALID;
    return entry.address >> format->page_bits << FRAME_SHIFT;
}

static const struct kb_family s370 = {
    .decode = decode,
    .encode = encode,
    .walk = kb_walk_segments,
    .segmented = true,
    .segment_decode = segment_decode,
    .segment_encode = segment_encode,
    .empty = {SEGMENT_INVALID, PAGE_INVALID},
    .no_page_rights = true,
    .marks_in_keys = true,
    .kernel_enters_user_pages = true,
    .writable_is_readable = true,
    .hardware_sets_bits = true,
    .last_level_is_0 = true,
    .bit_names = "---I",
};

const struct kb_format kb_format_s370 = {
    .name = "s370",
    .family = &s370,
    .levels = 2,
    .bits = {8, 4},
    .page_bits = 12,
    .entry_bytes = 2,
    .segment_bytes = 4,
    .address_bits = 24,
    .physical_bits = 24,
};
