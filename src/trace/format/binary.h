/* binary.h - what the parsers of formats with records of a fixed length share: little-endian
 * fields, and what to do with the bytes that make no whole record. */
#ifndef KB_TRACE_FORMAT_BINARY_H
#define KB_TRACE_FORMAT_BINARY_H

#include <string.h>

#include "trace/format.h"

/* The head that detection sees when the input is longer than that. */
#define KB_WHOLE_HEAD 65536

static inline uint32_t kb_little32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t kb_little64(const uint8_t *at) {
    return kb_little32(at) | (uint64_t)kb_little32(at + 4) << 32;
}

/* After the whole records: an error if the input ends inside one. */
static inline kb_status kb_binary_leftover(const struct kb_cursor *cursor, size_t record,
                                           struct kb_error *error) {
    size_t left = (size_t)(cursor->end - cursor->at);
    if (!cursor->last || left == 0 || left >= record)
        return KB_OK;
    return kb_fail(error, KB_DATA, KB_MSG_format_cut, (unsigned long long)record,
                   (unsigned long long)left);
}

/* Whether a head of this length can be one of a file of whole records. */
static inline bool kb_binary_length(size_t length, size_t record) {
    return length >= record && (length % record == 0 || length >= KB_WHOLE_HEAD);
}

#endif
