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

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KB_LITTLE_ENDIAN 1
#else
#define KB_LITTLE_ENDIAN 0
#endif

/* An entry of 4 or 8 bytes at a physical address that exists. */
static inline uint64_t kb_memory_entry(const struct kb_memory *memory, uint64_t address,
                                       unsigned bytes) {
    const uint8_t *at = kb_memory_at(memory, address);
    if (KB_LITTLE_ENDIAN && bytes == 8) { /* one load, where a host reads as the tables are */
        uint64_t whole;
        memcpy(&whole, at, sizeof whole);
        return whole;
    }
    if (KB_LITTLE_ENDIAN && bytes == 4) {
        uint32_t half;
        memcpy(&half, at, sizeof half);
        return half;
    }
    uint64_t entry = 0;
    for (unsigned i = bytes; i-- > 0;)
        entry = entry << 8 | at[i];
    return entry;
}

static inline void kb_memory_set_entry(const struct kb_memory *memory, uint64_t address,
                                       unsigned bytes, uint64_t entry) {
    uint8_t *at = kb_memory_at(memory, address);
    if (KB_LITTLE_ENDIAN && bytes == 8) {
        memcpy(at, &entry, sizeof entry);
        return;
    }
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(entry >> 8 * i);
}

#endif
