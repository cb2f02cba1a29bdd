/* descriptor.h - segments that lie contiguous in memory: the entry of their table, the descriptor.
 *
 *   address     |    s    |       d       |
 *                    │            │
 *   table ───► descriptor s       │  d < limit?
 *                base ─────────► base + d = r
 *
 *   a descriptor, 16 bytes, read in one storage cycle
 *    63                                   8   7   6   5   4   3   2   1   0
 *   | base: physical address of byte 0                                     |
 *   | limit: bytes of the segment          | M | R | 0 | X | W | r | L | P |
 *
 *   L 1  the segment is one of the process      P 1  it is in memory
 *
 * The order of checks: is there such a segment (the table has a length
 * register, too), is it in memory, is d below its limit, do its rights allow
 * the access. Source: J. B. Dennis, "Segmentation and the design of
 * multiprogrammed computer systems", JACM 12(4), 1965. */
#ifndef KB_MACHINE_DESCRIPTOR_H
#define KB_MACHINE_DESCRIPTOR_H

#include "machine/fault.h"
#include "machine/format.h"

#define KB_DESCRIPTOR_BYTES 16

struct kb_descriptor {
    bool legal, present, referenced, modified;
    unsigned rights; /* KB_ENTRY_READ, WRITE, EXECUTE */
    uint64_t base;   /* while it is present */
    uint64_t limit;  /* less than 2^56 */
};

struct kb_descriptor kb_descriptor_read(const struct kb_memory *memory, uint64_t address);
void kb_descriptor_write(const struct kb_memory *memory, uint64_t address,
                         struct kb_descriptor descriptor);

/* The hardware sets R and M (a mask of enum kb_entry_bits), and the system clears them. */
void kb_descriptor_set_bits(const struct kb_memory *memory, uint64_t address, unsigned bits,
                            bool value);

#endif
