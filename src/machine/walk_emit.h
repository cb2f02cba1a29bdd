/* walk_emit.h - the walk of one family: its decode is inlined, and dispatch is once a walk.
 *
 * A family's file defines `decode` (the signature of struct kb_family) and
 * KB_WALK_RIGHTS_ADD_UP, 0 or 1, includes this, and puts `walk` in its table.
 *
 *   index of the root's part of the address → entry → next table → entry … → leaf → page
 *
 * Checks come in the order of enum kb_fault: the address, then of each entry
 * whether it exists, is valid, is allowed; then of the leaf its alignment, the
 * rights, A and D. */
#include "machine/walk.h"

/* A leaf's rights, after those of the tables above it. */
static inline unsigned combine(unsigned above, unsigned leaf) {
#if KB_WALK_RIGHTS_ADD_UP
    const unsigned added = KB_ENTRY_WRITE | KB_ENTRY_EXECUTE | KB_ENTRY_USER;
    return leaf & (above | ~added);
#else
    return leaf | (above & KB_ENTRY_GLOBAL); /* a global table makes all below it global */
#endif
}

static enum kb_fault end(struct kb_walk *walk, enum kb_fault fault, unsigned depth,
                         unsigned steps) {
    walk->fault = fault;
    walk->depth = depth;
    walk->steps = steps;
    return fault;
}

/* The leaf at this depth has been found. */
static inline enum kb_fault finish(const struct kb_format *format, struct kb_entry leaf,
                                   uint64_t address, unsigned shift, struct kb_mode mode,
                                   unsigned depth, struct kb_walk *walk) {
    uint64_t inside = (UINT64_C(1) << shift) - 1;
    walk->bits = leaf.bits;
    walk->page = leaf.address;
    walk->page_bits = shift;
    if ((leaf.address & inside) != 0)
        return end(walk, KB_FAULT_MISALIGNED, depth, depth + 1);
    enum kb_fault fault = kb_rights_check(format, leaf.bits, mode);
    if (fault == KB_FAULT_NONE)
        walk->physical = leaf.address | (address & inside);
    return end(walk, fault, depth, depth + 1);
}

static enum kb_fault walk(const struct kb_format *format, const struct kb_memory *memory,
                          uint64_t root, uint64_t address, struct kb_mode mode,
                          struct kb_walk *walk) {
    unsigned above = KB_WALK_RIGHTS_ADD_UP ? ~0u : 0, shift = format->address_bits;
    unsigned bytes = format->entry_bytes, levels = format->levels;
    uint64_t table = root;
    walk->bits = 0;
    walk->page = walk->physical = 0;
    walk->page_bits = 0;
    walk->limit = 0;
    enum kb_fault fault = kb_address_check(format, address);
    if (fault != KB_FAULT_NONE)
        return end(walk, fault, 0, 0);
    for (unsigned depth = 0;; depth++) {
        struct kb_walk_step *step = &walk->step[depth];
        shift -= format->bits[depth];
        step->index = address >> shift & ((UINT64_C(1) << format->bits[depth]) - 1);
        step->address = table + step->index * bytes;
        step->entry = 0;
        if (step->address < table || !kb_memory_has(memory, step->address, bytes))
            return end(walk, KB_FAULT_BUS, depth, depth);
        step->entry = kb_memory_entry(memory, step->address, bytes);
        struct kb_entry entry = decode(format, step->entry, depth);
        if (!(entry.bits & KB_ENTRY_VALID))
            return end(walk, KB_FAULT_INVALID, depth, depth + 1);
        if (entry.bits & KB_ENTRY_RESERVED)
            return end(walk, KB_FAULT_RESERVED, depth, depth + 1);
        if (entry.bits & KB_ENTRY_LEAF) {
            entry.bits = combine(above, entry.bits);
            return finish(format, entry, address, shift, mode, depth, walk);
        }
        if (depth + 1 == levels) /* decode calls this reserved; the loop must end in any case */
            return end(walk, KB_FAULT_RESERVED, depth, depth + 1);
        above = KB_WALK_RIGHTS_ADD_UP ? above & entry.bits : above | entry.bits;
        table = entry.address;
    }
}
