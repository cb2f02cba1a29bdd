/* memory.h - real memory: bytes, in frames, with a physical address each.
 *
 *   physical   base                                base + size
 *              │ frame 0 │ frame 1 │ …  │ tables …  │
 *   bytes      0                                    size
 *
 * A machine's memory has base 0; a dumped image (kilburn explain) begins
 * elsewhere. The bytes belong to whoever made the structure. Entries of tables
 * are little-endian, whatever the host is. */
#ifndef KB_MACHINE_MEMORY_H
#define KB_MACHINE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct kb_memory {
    uint8_t *bytes;
    uint64_t base; /* the physical address of bytes[0] */
    uint64_t size;
};

/* Whether length bytes at a physical address exist. */
static inline bool kb_memory_has(const struct kb_memory *memory, uint64_t address,
                                 uint64_t length) {
    uint64_t at = address - memory->base;
    return address >= memory->base && at <= memory->size && length <= memory->size - at;
}

/* The bytes at a physical address that exists. */
static inline uint8_t *kb_memory_at(const struct kb_memory *memory, uint64_t address) {
    return memory->bytes + (address - memory->base);
}

/* An entry of 4 or 8 bytes at a physical address that exists. */
static inline uint64_t kb_memory_entry(const struct kb_memory *memory, uint64_t address,
                                       unsigned bytes) {
    const uint8_t *at = kb_memory_at(memory, address);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t entry = 0;
    if (bytes == 4)
        memcpy(&entry, at, 4);
    else
        memcpy(&entry, at, 8);
    return entry;
#else
    uint32_t low =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    if (bytes == 4)
        return low;
    uint32_t high =
        (uint32_t)at[4] | (uint32_t)at[5] << 8 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 24;
    return low | (uint64_t)high << 32;
#endif
}

static inline void kb_memory_set_entry(const struct kb_memory *memory, uint64_t address,
                                       unsigned bytes, uint64_t entry) {
    uint8_t *at = kb_memory_at(memory, address);
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(entry >> 8 * i);
}

#endif
