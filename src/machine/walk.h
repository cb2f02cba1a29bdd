/* walk.h - the walk: from a virtual address through the tables in memory to a physical one.
 *
 * It only reads, calls nobody, and notes each entry that it read; it does not
 * ask whether the byte itself lies in memory. Setting R
 * and M is the caller's (mmu.c). Source: RISC-V Privileged Architecture,
 * "Virtual Address Translation Process"; Intel SDM volume 3, chapter 4. */
#ifndef KB_MACHINE_WALK_H
#define KB_MACHINE_WALK_H

#include "machine/format.h"

struct kb_walk_step {
    uint64_t index;   /* into the table */
    uint64_t address; /* physical, of the entry */
    uint64_t entry;   /* its raw bits; 0 if it could not be read */
};

struct kb_walk {
    enum kb_fault fault;
    unsigned depth; /* of the last entry looked at; where a fault was found */
    unsigned steps; /* entries read; after BUS step[steps] is the one that could not be */
    struct kb_walk_step step[KB_MOST_LEVELS];
    unsigned bits;      /* of the leaf, rights as they hold in the end: enum kb_entry_bits */
    uint64_t page;      /* physical address of the page or superpage */
    unsigned page_bits; /* of its size */
    uint32_t limit;     /* bytes of it that the segment has, if it ends inside; else 0 */
    uint64_t physical;  /* without a fault: of the byte */
};

/* Walks from the table at physical address root. walk is filled in any case. */
enum kb_fault kb_walk(const struct kb_format *format, const struct kb_memory *memory, uint64_t root,
                      uint64_t address, struct kb_mode mode, struct kb_walk *walk);

/* Whether these rights (of a leaf, combined) allow the access: NONE, PRIVILEGE or PROTECTION,
 * ACCESSED or DIRTY with mode.ad_fault. */
static inline enum kb_fault kb_rights_check(const struct kb_format *format, unsigned bits,
                                            struct kb_mode mode) {
    const struct kb_family *family = format->family;
    unsigned wanted = KB_ENTRY_READ;
    if (mode.access == KB_ACCESS_ANY)
        return KB_FAULT_NONE;
    if (!mode.privileged && !(bits & KB_ENTRY_USER))
        return KB_FAULT_PRIVILEGE;
    if (mode.privileged && bits & KB_ENTRY_USER && !family->kernel_enters_user_pages &&
        (!mode.sum || mode.access == KB_ACCESS_EXECUTE))
        return KB_FAULT_PRIVILEGE;
    if (mode.access == KB_ACCESS_WRITE)
        wanted = KB_ENTRY_WRITE;
    else if (mode.access == KB_ACCESS_EXECUTE)
        wanted = KB_ENTRY_EXECUTE;
    else if (mode.mxr)
        wanted = KB_ENTRY_READ | KB_ENTRY_EXECUTE;
    if (!(bits & wanted))
        return KB_FAULT_PROTECTION;
    if (!mode.ad_fault || family->hardware_sets_bits)
        return KB_FAULT_NONE;
    if (!(bits & KB_ENTRY_REFERENCED))
        return KB_FAULT_ACCESSED;
    return mode.access == KB_ACCESS_WRITE && !(bits & KB_ENTRY_MODIFIED) ? KB_FAULT_DIRTY
                                                                         : KB_FAULT_NONE;
}

/* Whether an address can exist in the format: NONE, NON_CANONICAL or OVERFLOW. */
static inline enum kb_fault kb_address_check(const struct kb_format *format, uint64_t address) {
    if (format->address_bits == 64)
        return KB_FAULT_NONE;
    if (!format->canonical)
        return address >> format->address_bits == 0 ? KB_FAULT_NONE : KB_FAULT_OVERFLOW;
    /* The upper bits and the highest bit of the address are all 0 or all 1. */
    uint64_t upper = address >> (format->address_bits - 1);
    return upper == 0 || upper == UINT64_MAX >> (format->address_bits - 1) ? KB_FAULT_NONE
                                                                           : KB_FAULT_NON_CANONICAL;
}

#endif
