/* fuzz_walk.c - walks through tables made of the input, in every format.
 *
 *   | u8 format | u8 mode | u8 base | u8 root | u64 address | u64 split | then the memory |
 *
 * format beyond the named ones: a generic one of the split's bits. */
#include <stdio.h>
#include <stdlib.h>

#include "machine/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define HEAD 20

static uint64_t word(const uint8_t *at) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static const struct kb_format *choose(struct kb_format *generic, uint8_t which, uint64_t split) {
    const struct kb_format *format = kb_format_at(which % 8);
    struct kb_error error = {.language = KB_ENGLISH};
    unsigned bits[6];
    if (format != NULL)
        return format;
    for (unsigned i = 0; i < 6; i++)
        bits[i] = (unsigned)(split >> 5 * i) % 32;
    kb_status status =
        kb_format_generic(generic, (unsigned)(split >> 60) % 8, bits, (unsigned)(split >> 40) % 40,
                          (split >> 48) % 3 == 0 ? 4 : 8, &error);
    MUST(status == KB_OK || (status == KB_USAGE && error.text[0] != '\0'));
    return status == KB_OK ? generic : NULL;
}

/* What must hold whatever the tables say. */
static void check(const struct kb_format *format, const struct kb_memory *memory, uint64_t address,
                  struct kb_mode mode, const struct kb_walk *walk) {
    MUST(walk->depth < format->levels && walk->steps <= format->levels);
    MUST(walk->fault < KB_FAULT_KINDS);
    for (unsigned i = 0; i < walk->steps; i++) {
        const struct kb_walk_step *step = &walk->step[i];
        MUST(step->index == kb_format_index(format, address, i));
        MUST(kb_memory_entry(memory, step->address, format->entry_bytes) == step->entry);
    }
    if (walk->fault != KB_FAULT_NONE)
        return;
    uint64_t inside = (UINT64_C(1) << walk->page_bits) - 1;
    MUST(walk->steps == walk->depth + 1);
    MUST((walk->page & inside) == 0 && walk->physical == (walk->page | (address & inside)));
    MUST(format->physical_bits == 64 || walk->physical >> format->physical_bits == 0);
    MUST(kb_rights_check(format, walk->bits, mode) == KB_FAULT_NONE);
    MUST((walk->bits & KB_ENTRY_VALID) && (walk->bits & KB_ENTRY_LEAF));
}

/* What an entry says is what is read again when that is written. */
static void again(const struct kb_format *format, uint64_t raw, unsigned depth) {
    struct kb_entry entry = format->family->decode(format, raw, depth);
    uint64_t inside = (UINT64_C(1) << kb_format_shift(format, depth)) - 1;
    if (!(entry.bits & KB_ENTRY_VALID) || entry.bits & KB_ENTRY_RESERVED ||
        (entry.bits & KB_ENTRY_LEAF && entry.address & inside))
        return;
    uint64_t made = format->family->encode(format, entry, depth);
    struct kb_entry found = format->family->decode(format, made, depth);
    MUST(found.bits == entry.bits && found.address == entry.address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct kb_format generic;
    struct kb_walk walk;
    if (size < HEAD)
        return 0;
    const struct kb_format *format = choose(&generic, data[0], word(data + 12));
    if (format == NULL)
        return 0;
    struct kb_memory memory = {.base = (uint64_t)data[2] << 12, .size = size - HEAD};
    memory.bytes = malloc(memory.size); /* of its own, so that the sanitizer sees its ends */
    if (memory.bytes == NULL)
        return 0;
    memcpy(memory.bytes, data + HEAD, memory.size);
    struct kb_mode mode = {.access = (enum kb_access)(data[1] & 3),
                           .privileged = data[1] >> 2 & 1,
                           .sum = data[1] >> 3 & 1,
                           .mxr = data[1] >> 4 & 1,
                           .ad_fault = data[1] >> 5 & 1};
    uint64_t address = word(data + 4), root = memory.base + (uint64_t)data[3] * 64;
    MUST(kb_walk(format, &memory, root, address, mode, &walk) == walk.fault);
    check(format, &memory, address, mode, &walk);
    for (unsigned i = 0; i < walk.steps; i++)
        again(format, walk.step[i].entry, i);
    free(memory.bytes);
    return 0;
}
