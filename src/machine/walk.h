/* walk.h - the walk: from a virtual address through the tables in memory to a physical one.
 *
 * It only reads, calls nobody, and notes each entry that it read. Setting R
 * and M is the caller's (mmu.c). Source: RISC-V Privileged Architecture,
 * "Virtual Address Translation Process"; Intel SDM volume 3, chapter 4. */
#ifndef KB_MACHINE_WALK_H
#define KB_MACHINE_WALK_H

#include "machine/format.h"

/* How the access is made. */
struct kb_mode {
    enum kb_access access;
    bool privileged;
    bool sum;      /* RISC-V SUM: the kernel may read and write user pages */
    bool mxr;      /* RISC-V MXR: what is executable is readable */
    bool ad_fault; /* A = 0, or D = 0 at a write, is a fault instead of being set */
};

struct kb_walk_step {
    uint64_t index;   /* into the table */
    uint64_t address; /* physical, of the entry */
    uint64_t entry;   /* its raw bits; 0 if it could not be read */
};

struct kb_walk {
    enum kb_fault fault;
    unsigned depth; /* of the last entry looked at; where a fault was found */
    unsigned steps; /* entries read */
    struct kb_walk_step step[KB_MOST_LEVELS];
    unsigned bits;      /* of the leaf, rights as they hold in the end: enum kb_entry_bits */
    uint64_t page;      /* physical address of the page or superpage */
    unsigned page_bits; /* of its size */
    uint64_t physical;  /* without a fault: of the byte */
};

/* Walks from the table at physical address root. walk is filled in any case. */
enum kb_fault kb_walk(const struct kb_format *format, const struct kb_memory *memory, uint64_t root,
                      uint64_t address, struct kb_mode mode, struct kb_walk *walk);

/* Whether these rights (of a leaf, combined) allow the access: NONE, PRIVILEGE or PROTECTION,
 * ACCESSED or DIRTY with mode.ad_fault. */
enum kb_fault kb_rights_check(const struct kb_format *format, unsigned bits, struct kb_mode mode);

/* Whether an address can exist in the format: NONE, NON_CANONICAL or OVERFLOW. */
enum kb_fault kb_address_check(const struct kb_format *format, uint64_t address);

#endif
