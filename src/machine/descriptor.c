/* descriptor.c - the bits of a descriptor. */
#include "machine/descriptor.h"

enum { P = 1, L = 2, RIGHTS_SHIFT = 2, R = 64, M = 128, LIMIT_SHIFT = 8 };

/* Read, write, execute, R and M stand in the same order in enum kb_entry_bits. */
_Static_assert(KB_ENTRY_READ == 2 && KB_ENTRY_WRITE == 4 && KB_ENTRY_EXECUTE == 8 &&
                   (int)KB_ENTRY_REFERENCED == (int)R && (int)KB_ENTRY_MODIFIED == (int)M,
               "the order of bits");

struct kb_descriptor kb_descriptor_read(const struct kb_memory *memory, uint64_t address) {
    uint64_t bits = kb_memory_entry(memory, address + 8, 8);
    return (struct kb_descriptor){.legal = (bits & L) != 0,
                                  .present = (bits & P) != 0,
                                  .referenced = (bits & R) != 0,
                                  .modified = (bits & M) != 0,
                                  .rights = (unsigned)(bits >> RIGHTS_SHIFT & 7) << 1,
                                  .base = kb_memory_entry(memory, address, 8),
                                  .limit = bits >> LIMIT_SHIFT};
}

void kb_descriptor_write(const struct kb_memory *memory, uint64_t address,
                         struct kb_descriptor descriptor) {
    uint64_t bits = (descriptor.present ? P : 0u) | (descriptor.legal ? L : 0u) |
                    (uint64_t)(descriptor.rights >> 1 & 7) << RIGHTS_SHIFT |
                    (descriptor.referenced ? R : 0u) | (descriptor.modified ? M : 0u) |
                    descriptor.limit << LIMIT_SHIFT;
    kb_memory_set_entry(memory, address, 8, descriptor.base);
    kb_memory_set_entry(memory, address + 8, 8, bits);
}

void kb_descriptor_set_bits(const struct kb_memory *memory, uint64_t address, unsigned bits,
                            bool value) {
    uint64_t mask = bits & (R | M), old = kb_memory_entry(memory, address + 8, 8);
    kb_memory_set_entry(memory, address + 8, 8, value ? old | mask : old & ~mask);
}
