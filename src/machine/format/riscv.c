/* riscv.c - RISC-V's entries: Sv32, Sv39, Sv48, Sv57, and formats of any split.
 *
 *    63        54 53                        10 9   8 7 6 5 4 3 2 1 0
 *   | 0: reserved | physical page number (PPN) | RSW | D A G U X W R V |      8 bytes
 *                31                         10 9   8 7             0
 *                | physical page number (PPN) | RSW | D A G U X W R V |      4 bytes
 *
 *   V 0                         invalid; the other bits are the system's
 *   R 0, W 1                    reserved
 *   R 0, W 0, X 0               a pointer to the next table; D, A, U are then reserved
 *   else                        a leaf: a page, or above the last level a superpage
 *
 * A pointer at the last level is a page fault in the manual; here it counts as
 * reserved, not as invalid: its V is 1, so no page is missing that a system
 * could bring. Svnapot and Svpbmt are not there, so bits 63:54 are reserved.
 * A generic format has pages of other sizes, and so another width of the page
 * number: what would pass 64 bits of physical address is reserved too.
 *
 * Source: RISC-V Privileged Architecture 20240411, 10.3 to 10.6. */
#include "machine/format/families.h"

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
#define PPN_SHIFT 10

/* The manual's bits are those of enum kb_entry_bits. */
_Static_assert((int)KB_ENTRY_VALID == V && (int)KB_ENTRY_READ == R && (int)KB_ENTRY_WRITE == W &&
                   (int)KB_ENTRY_EXECUTE == X && (int)KB_ENTRY_USER == U &&
                   (int)KB_ENTRY_GLOBAL == G && (int)KB_ENTRY_REFERENCED == A &&
                   (int)KB_ENTRY_MODIFIED == D,
               "the bits of RISC-V");

static inline struct kb_entry decode(const struct kb_format *format, uint64_t entry,
                                     unsigned depth) {
    unsigned bits = (unsigned)entry & 0xff;
    if (!(bits & V))
        return (struct kb_entry){0, 0};
    bool leaf = (bits & (R | X)) != 0;
    bool reserved = (bits & (R | W)) == W ||
                    entry >> (PPN_SHIFT + format->physical_bits - format->page_bits) != 0;
    if (!leaf)
        reserved |= (bits & (U | A | D)) != 0 || depth + 1 == format->levels;
    bits |= (leaf ? KB_ENTRY_LEAF : 0u) | (reserved ? KB_ENTRY_RESERVED : 0u);
    return (struct kb_entry){bits, entry >> PPN_SHIFT << format->page_bits};
}

/* A leaf needs R or X, or it would be a pointer. */
static uint64_t encode(const struct kb_format *format, struct kb_entry entry, unsigned depth) {
    (void)depth;
    if (!(entry.bits & KB_ENTRY_VALID))
        return 0;
    unsigned kept = entry.bits & KB_ENTRY_LEAF ? V | R | W | X | U | G | A | D : V | G;
    return (entry.address >> format->page_bits << PPN_SHIFT) | (entry.bits & kept);
}

#define KB_WALK_RIGHTS_ADD_UP 0
#include "machine/walk_emit.h"

/* With everything in the format known beforehand, so that this becomes straight code. Bits beyond
 * the page number are gathered, and looked at in the end. */
static inline __attribute__((always_inline)) bool quick_walk(const struct kb_format *format,
                                                             const struct kb_memory *memory,
                                                             uint64_t root, uint64_t address,
                                                             struct kb_leaf *leaf) {
    const unsigned pointer = V | R | W | X | U | A | D, bytes = format->entry_bytes;
    unsigned shift = format->address_bits;
    uint64_t table = root, entry, raw, gathered = 0;
    if (memory->size < bytes)
        return false;
    uint64_t last = memory->size - bytes; /* what lies below the base is far above it */
    for (unsigned depth = 0;; depth++) {
        shift -= format->bits[depth];
        uint64_t index = address >> shift & ((UINT64_C(1) << format->bits[depth]) - 1);
        entry = table + index * bytes;
        if (entry - memory->base > last)
            return false;
        raw = kb_memory_entry(memory, entry, bytes);
        gathered |= raw;
        if (depth + 1 == format->levels)
            break;
        if ((raw & pointer) != V)
            return false;
        table = raw >> PPN_SHIFT << format->page_bits;
    }
    if (!(raw & V) || !(raw & (R | X)) || (raw & (R | W)) == W ||
        gathered >> (PPN_SHIFT + format->physical_bits - format->page_bits) != 0)
        return false;
    leaf->entry = entry;
    leaf->page = raw >> PPN_SHIFT << format->page_bits;
    leaf->bits = ((unsigned)raw & 0xff) | ((unsigned)gathered & G) | KB_ENTRY_LEAF;
    return true;
}

/* Tables of 512 entries, pages of 4 KiB. */
static inline __attribute__((always_inline)) bool is_usual(const struct kb_format *format,
                                                           unsigned levels) {
    if (format->levels != levels || format->entry_bytes != 8 || format->page_bits != 12 ||
        format->physical_bits != 56)
        return false;
    unsigned other = 0;
    for (unsigned depth = 0; depth < levels; depth++)
        other |= format->bits[depth] ^ 9;
    return other == 0;
}

/* Sv39 and Sv48, and what is like them. */
static inline __attribute__((always_inline)) bool usual_walk(unsigned levels,
                                                             const struct kb_memory *memory,
                                                             uint64_t root, uint64_t address,
                                                             struct kb_leaf *leaf) {
    const struct kb_format usual = {.levels = levels,
                                    .bits = {9, 9, 9, 9, 9},
                                    .page_bits = 12,
                                    .entry_bytes = 8,
                                    .address_bits = 12 + 9 * levels,
                                    .physical_bits = 56};
    return quick_walk(&usual, memory, root, address, leaf);
}

/* Apart, so that the usual walk needs few registers. */
static __attribute__((noinline)) bool other_walk(const struct kb_format *format,
                                                 const struct kb_memory *memory, uint64_t root,
                                                 uint64_t address, struct kb_leaf *leaf) {
    return quick_walk(format, memory, root, address, leaf);
}

static bool quick(const struct kb_format *format, const struct kb_memory *memory, uint64_t root,
                  uint64_t address, struct kb_leaf *leaf) {
    if (is_usual(format, 4))
        return usual_walk(4, memory, root, address, leaf);
    if (is_usual(format, 3))
        return usual_walk(3, memory, root, address, leaf);
    return other_walk(format, memory, root, address, leaf);
}

const struct kb_family kb_family_riscv = {
    .decode = decode,
    .encode = encode,
    .walk = walk,
    .quick = quick,
    .last_level_is_0 = true,
    .bit_names = "VRWXUGAD",
    .referenced_bit = 6,
    .modified_bit = 7,
};

const struct kb_format kb_format_sv32 = {
    .name = "sv32",
    .family = &kb_family_riscv,
    .levels = 2,
    .bits = {10, 10},
    .page_bits = 12,
    .entry_bytes = 4,
    .address_bits = 32,
    .physical_bits = 34,
    .superpage_depths = 0x3,
};

const struct kb_format kb_format_sv39 = {
    .name = "sv39",
    .family = &kb_family_riscv,
    .levels = 3,
    .bits = {9, 9, 9},
    .page_bits = 12,
    .entry_bytes = 8,
    .address_bits = 39,
    .physical_bits = 56,
    .canonical = true,
    .superpage_depths = 0x7,
};

const struct kb_format kb_format_sv48 = {
    .name = "sv48",
    .family = &kb_family_riscv,
    .levels = 4,
    .bits = {9, 9, 9, 9},
    .page_bits = 12,
    .entry_bytes = 8,
    .address_bits = 48,
    .physical_bits = 56,
    .canonical = true,
    .superpage_depths = 0xf,
};

const struct kb_format kb_format_sv57 = {
    .name = "sv57",
    .family = &kb_family_riscv,
    .levels = 5,
    .bits = {9, 9, 9, 9, 9},
    .page_bits = 12,
    .entry_bytes = 8,
    .address_bits = 57,
    .physical_bits = 56,
    .canonical = true,
    .superpage_depths = 0x1f,
};
