/* oracle.c - libCacheSim's oracleGeneral: records of 24 bytes, little-endian, no header.
 *
 *   | u32 time | u64 id | u32 size | i64 next |
 *
 * The id is taken as a page number, read once; time, size and next (the place
 * of the next access, counted from 1, -1 for none) only serve detection. */
#include "trace/format/binary.h"

#define RECORD 24

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    size_t count = (size_t)(cursor->end - cursor->at) / RECORD;
    if (count > room)
        count = room;
    for (size_t i = 0; i < count; i++)
        accesses[i] =
            (struct kb_trace_access){kb_little64(cursor->at + i * RECORD + 4), 1, KB_READ};
    cursor->at += count * RECORD;
    *got = count;
    return kb_binary_leftover(cursor, RECORD, error);
}

/* next must be none or lie ahead, and not absurdly far. */
static bool plausible_next(uint64_t next, uint64_t index) {
    return next == UINT64_MAX || (next > index && next < UINT64_C(1) << 48);
}

/* Requests are seldom empty, and never of 2 GiB. */
static bool plausible_size(uint32_t size) { return size > 0 && size < UINT32_C(1) << 31; }

static bool matches(const uint8_t *head, size_t length) {
    size_t count = length / RECORD, odd = 0;
    uint32_t before = 0;
    if (!kb_binary_length(length, RECORD))
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = head + i * RECORD;
        uint32_t time = kb_little32(record);
        if (time < before || !plausible_next(kb_little64(record + 16), i))
            return false;
        before = time;
        odd += !plausible_size(kb_little32(record + 12));
    }
    return odd <= count / 4;
}

const struct kb_trace_format kb_trace_format_oracle = {.name = "oracle",
                                                       .title = KB_MSG_title_oracle,
                                                       .page_numbers = true,
                                                       .matches = matches,
                                                       .parse = parse};
