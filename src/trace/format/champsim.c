/* champsim.c - ChampSim's traces of instructions: records of 64 bytes, little-endian, no header.
 *
 *   | u64 ip | u8 is_branch | u8 taken | u8 dst[2] | u8 src[4] | u64 dst_mem[2] | u64 src_mem[4] |
 *   0        8              9          10          12          16               32              64
 *
 * A record makes the execution of ip, then the reads of src_mem, then the
 * writes of dst_mem, each of size 1; an operand of 0 is none. */
#include "trace/format/binary.h"

#define RECORD 64
#define MOST_ACCESSES 7

/* Stores an access if address is not none. */
static inline struct kb_trace_access *operand(struct kb_trace_access *next, const uint8_t *at,
                                              enum kb_kind kind) {
    uint64_t address = kb_little64(at);
    *next = (struct kb_trace_access){address, 1, (uint32_t)kind};
    return next + (address != 0);
}

static struct kb_trace_access *record(const uint8_t *at, struct kb_trace_access *next) {
    *next++ = (struct kb_trace_access){kb_little64(at), 1, KB_EXECUTE};
    for (unsigned i = 0; i < 4; i++)
        next = operand(next, at + 32 + 8 * i, KB_READ);
    for (unsigned i = 0; i < 2; i++)
        next = operand(next, at + 16 + 8 * i, KB_WRITE);
    return next;
}

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    struct kb_trace_access *next = accesses;
    const struct kb_trace_access *end = accesses + room;
    while (cursor->end - cursor->at >= RECORD && end - next >= MOST_ACCESSES) {
        next = record(cursor->at, next);
        cursor->at += RECORD;
    }
    *got = (size_t)(next - accesses);
    return kb_binary_leftover(cursor, RECORD, error);
}

/* The upper 16 bits are all equal to the 48th, as x86-64 and AArch64 have it, and it is not 0. */
static bool plausible_address(uint64_t address) {
    return address >> 47 == 0 || address >> 47 == 0x1ffff;
}

static bool plausible(const uint8_t *at) {
    uint64_t ip = kb_little64(at);
    bool is_branch = at[8] == 1, taken = at[9] == 1;
    if (at[8] > 1 || at[9] > 1 || (taken && !is_branch) || ip == 0 || !plausible_address(ip))
        return false;
    for (unsigned offset = 16; offset < RECORD; offset += 8) {
        if (!plausible_address(kb_little64(at + offset)))
            return false;
    }
    return true;
}

/* Something is done: a register or memory operand exists in at least one record. */
static bool matches(const uint8_t *head, size_t length) {
    static const uint8_t nothing[RECORD - 10] = {0};
    bool operands = false;
    if (!kb_binary_length(length, RECORD))
        return false;
    for (size_t i = 0; i < length / RECORD; i++) {
        const uint8_t *at = head + i * RECORD;
        if (!plausible(at))
            return false;
        operands |= memcmp(at + 10, nothing, sizeof nothing) != 0;
    }
    return operands;
}

const struct kb_trace_format kb_trace_format_champsim = {
    .name = "champsim", .title = KB_MSG_title_champsim, .matches = matches, .parse = parse};
