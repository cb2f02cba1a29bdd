/* format.h - the formats of page tables that lie in memory: how many levels, which bits of the
 * address index each, what the bits of an entry mean.
 *
 *   virtual address, levels = 3:
 *
 *   | unused or sign | index 0 (root) | index 1 | index 2 | offset |
 *                      bits[0]          bits[1]   bits[2]   page_bits
 *
 * `depth` counts from the root, 0. `level` is what people call it: RISC-V's
 * manual counts down to 0 (the last table), all others down to 1.
 *
 * A family (one file in format/) knows the bits of an entry; a format is a
 * family with numbers. The walker (walk.c) is the same for all.
 *
 *   generic, Sv32, Sv39, Sv48, Sv57   riscv.c    generic has any split and page size
 *   x86-32 (PSE), x86-64              x86.c
 *   paged segmentation, S/370         segmented.c, s370.c */
#ifndef KB_MACHINE_FORMAT_H
#define KB_MACHINE_FORMAT_H

#include "machine/fault.h"
#include "machine/memory.h"

#define KB_MOST_LEVELS 5

/* What an entry says, in one word for all families. */
enum kb_entry_bits {
    KB_ENTRY_VALID = 1,
    KB_ENTRY_READ = 2,
    KB_ENTRY_WRITE = 4,
    KB_ENTRY_EXECUTE = 8,
    KB_ENTRY_USER = 16,
    KB_ENTRY_GLOBAL = 32,
    KB_ENTRY_REFERENCED = 64, /* R (A in manuals) */
    KB_ENTRY_MODIFIED = 128,  /* M (D in manuals) */
    KB_ENTRY_LEAF = 256,      /* maps a page, not a table */
    KB_ENTRY_RESERVED = 512,  /* breaks a rule of the manual */
    KB_ENTRY_LIMITED = 1024   /* in a TLB: the segment ends inside the page (kb_tlb_entry.limit) */
};
#define KB_ENTRY_RIGHTS (KB_ENTRY_READ | KB_ENTRY_WRITE | KB_ENTRY_EXECUTE)

struct kb_entry {
    unsigned bits;    /* enum kb_entry_bits */
    uint64_t address; /* physical: of the page, or of the next table */
};

struct kb_format;
struct kb_walk;
struct kb_segment;

/* What a quick walk found. */
struct kb_leaf {
    uint64_t entry; /* physical address of the entry */
    uint64_t page;  /* physical address of the page */
    unsigned bits;  /* enum kb_entry_bits, as they hold in the end */
};

/* How an access is made. */
struct kb_mode {
    enum kb_access access;
    bool privileged;
    bool sum;      /* RISC-V SUM: the kernel may read and write user pages */
    bool mxr;      /* RISC-V MXR: what is executable is readable */
    bool ad_fault; /* A = 0, or D = 0 at a write, is a fault instead of being set; not on x86 */
};

struct kb_family {
    /* What an entry at this depth says. The bits of non-leaf entries of families where rights add
     * up over the levels (x86) are their own; the walker combines them. */
    struct kb_entry (*decode)(const struct kb_format *format, uint64_t entry, unsigned depth);
    /* The entry that says this. Invalid: 0, or the family's empty entry. */
    uint64_t (*encode)(const struct kb_format *format, struct kb_entry entry, unsigned depth);
    /* The walk with this decode in it (walk_emit.h); kb_walk calls it. */
    enum kb_fault (*walk)(const struct kb_format *format, const struct kb_memory *memory,
                          uint64_t root, uint64_t address, struct kb_mode mode,
                          struct kb_walk *walk);
    /* The walk of the usual case, for the hardware's hurry: tables that are valid all the way to a
     * page of the usual size. false: something else; walk says what. NULL: there is none. */
    bool (*quick)(const struct kb_format *format, const struct kb_memory *memory, uint64_t root,
                  uint64_t address, struct kb_leaf *leaf);
    bool rights_add_up;            /* a right holds only if every level grants it (x86) */
    bool writable_is_readable;     /* there is no right to read alone that can be withheld (x86) */
    bool kernel_enters_user_pages; /* no SUM is needed (x86 without SMEP and SMAP) */
    bool hardware_sets_bits;       /* R and M are always set by hardware (x86) */
    bool segmented;                /* depth 0 is a segment table (segment.h) */
    /* How the entries of a segment table are made. */
    struct kb_segment (*segment_decode)(const struct kb_format *format, uint64_t entry);
    uint64_t (*segment_encode)(const struct kb_format *format, struct kb_segment segment);
    uint64_t empty[2];              /* of a segmented family: entries that show nothing, by depth */
    bool no_page_rights;            /* a page's entry can withhold nothing: no copy on write */
    bool marks_in_keys;             /* R and M lie in storage keys only */
    bool last_level_is_0;           /* RISC-V's way of counting */
    const char *const *table_names; /* by level − 1, or NULL: "PT", "PD", "PDPT", "PML4" */
    /* By bit, from bit 0 on: what drawings of an entry call its low bits; "" ends. */
    const char *bit_names;
    unsigned referenced_bit, modified_bit; /* their numbers in an entry */
};

struct kb_format {
    const char *name;
    const struct kb_family *family;
    unsigned levels;
    unsigned bits[KB_MOST_LEVELS]; /* of each index, root first */
    unsigned page_bits;            /* of the offset */
    unsigned entry_bytes;          /* 4 or 8; 2 of an S/370's pages */
    unsigned segment_bytes;        /* of an entry of the segment table; 0: there is none */
    bool byte_lengths;             /* segments end at a byte, not at a page */
    unsigned address_bits;         /* of a virtual address: the sum of the above */
    unsigned physical_bits;
    bool canonical;            /* the bits above are copies of the highest; else they must be 0 */
    unsigned superpage_depths; /* mask: a leaf may stand at this depth, beside the last */
};

/* sv32, sv39, sv48, sv57, x86-32, x86-64; NULL if there is none of this name. */
const struct kb_format *kb_format_find(const char *name);
/* In order, for lists; NULL at the end. */
const struct kb_format *kb_format_at(unsigned i);

/* A generic format: split[0 … levels) index bits, root first. Entries are RISC-V's bits, so the
 * highest physical address is 2^(22 + page_bits) with entries of 4 bytes. Superpages at each level.
 * Errors: levels not 1 … 5, an index of 0 or more than 24 bits, a page size that is not a power of
 * two from 64 to 2^30, more than 64 bits in all. */
kb_status kb_format_generic(struct kb_format *format, unsigned levels, const unsigned *split,
                            unsigned page_bits, unsigned entry_bytes,
                            struct kb_error *error) KB_MUST_CHECK;

static inline unsigned kb_format_level(const struct kb_format *format, unsigned depth) {
    return format->levels - depth - (format->family->last_level_is_0 ? 1u : 0u);
}

/* Bits below the index of this depth: the offset in the page, or superpage, that a leaf there maps.
 */
static inline unsigned kb_format_shift(const struct kb_format *format, unsigned depth) {
    unsigned shift = format->page_bits;
    for (unsigned d = depth + 1; d < format->levels; d++)
        shift += format->bits[d];
    return shift;
}

static inline uint64_t kb_format_index(const struct kb_format *format, uint64_t address,
                                       unsigned depth) {
    return address >> kb_format_shift(format, depth) & ((UINT64_C(1) << format->bits[depth]) - 1);
}

/* Bytes of an entry at this depth. */
static inline unsigned kb_format_entry_bytes(const struct kb_format *format, unsigned depth) {
    return depth == 0 && format->segment_bytes != 0 ? format->segment_bytes : format->entry_bytes;
}

/* The entry of this depth that shows nothing. */
static inline uint64_t kb_format_empty(const struct kb_format *format, unsigned depth) {
    return format->family->segmented ? format->family->empty[depth] : 0;
}

/* Bytes of a table at this depth. */
static inline uint64_t kb_format_table_bytes(const struct kb_format *format, unsigned depth) {
    return ((uint64_t)1 << format->bits[depth]) * kb_format_entry_bytes(format, depth);
}

#endif
