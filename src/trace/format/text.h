/* text.h - what the parsers of text formats share: numbers, blanks, line ends, and the loop over
 * the lines of a window.
 *
 * The loop stops at the last line end of the window. So every byte that a
 * record parser looks at is followed, sooner or later, by a newline inside the
 * window, and a scan that stops at a newline needs no other bound:
 *
 *   window   0041f7a0 R \n 13f5e2c0 R \n 05e7
 *            ^at                         ^limit   ^end
 *
 * Numbers are taken eight digits at a time, all in one 64-bit word, where 16
 * bytes may be read, and digit by digit at the edge. A last line that lacks
 * its newline is copied, given one, and parsed like any other. */
#ifndef KB_TRACE_FORMAT_TEXT_H
#define KB_TRACE_FORMAT_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "trace/format.h"

#define KB_INLINE static inline __attribute__((always_inline))

/* The largest access that a text format may state, in bytes. */
#define KB_LARGEST_ACCESS (UINT32_C(1) << 20)

struct kb_text {
    const uint8_t *at;            /* next byte */
    const uint8_t *limit;         /* past the last line end of the window */
    const uint8_t *end;           /* past the bytes that may be read */
    struct kb_trace_access *next; /* where the next access goes */
    enum kb_message reason;       /* what is wrong with the record, when it is */
    bool finished;                /* an end mark was met */
};

/* Parses one whole line (or, in pages, one number), moves at past it and next past its accesses.
 * Returns false and sets reason if it is malformed. */
typedef bool kb_text_record(struct kb_text *text);

typedef kb_status kb_text_parser(struct kb_cursor *cursor, struct kb_trace_access *accesses,
                                 size_t room, size_t *got, struct kb_error *error);

/* ---- numbers ---- */

struct kb_digits {
    uint64_t value;
    unsigned count;
};

struct kb_number {
    uint64_t value;
    const uint8_t *after; /* the first byte that is no digit; where it began: no digits */
    bool overflow;        /* more than 64 bits */
};

/* Eight bytes, the first in the lowest place. */
KB_INLINE uint64_t kb_text_eight(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

#define KB_EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte that lies from first to last; bytes above 127 give nonsense. */
KB_INLINE uint64_t kb_text_between(uint64_t word, unsigned first, unsigned last) {
    uint64_t low = word & KB_EACH_BYTE(0x7f);
    return (low + KB_EACH_BYTE(0x80 - first)) & ~(low + KB_EACH_BYTE(0x7f - last));
}

/* How many of the eight bytes, from the first on, have their high bit set in digits. */
KB_INLINE unsigned kb_text_leading(uint64_t digits) {
    uint64_t others = ~digits & KB_EACH_BYTE(0x80);
    return others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
}

/* Moves the first count of eight digits to the end, zeros before them. */
KB_INLINE uint64_t kb_text_align(uint64_t digits, unsigned count) {
    unsigned half = 4 * (8 - count);
    return digits << half << half;
}

KB_INLINE struct kb_digits kb_text_hex8(const uint8_t *at) {
    uint64_t word = kb_text_eight(at);
    uint64_t digits = kb_text_between(word, '0', '9');
    digits |= kb_text_between(word | KB_EACH_BYTE(0x20), 'a', 'f');
    unsigned count = kb_text_leading(digits & ~word);
    uint64_t n = (word & KB_EACH_BYTE(0x0f)) + 9 * (word >> 6 & KB_EACH_BYTE(0x01));
    n = kb_text_align(n, count);
    n = (n << 4 | n >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    n = (n << 8 | n >> 16) & UINT64_C(0x0000ffff0000ffff);
    n = (n << 16 | n >> 32) & UINT64_C(0xffffffff);
    return (struct kb_digits){n, count};
}

KB_INLINE struct kb_digits kb_text_decimal8(const uint8_t *at) {
    uint64_t word = kb_text_eight(at);
    unsigned count = kb_text_leading(kb_text_between(word, '0', '9') & ~word);
    uint64_t n = kb_text_align(word & KB_EACH_BYTE(0x0f), count);
    n = (n * 10 + (n >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    n = (n * 100 + (n >> 16)) & UINT64_C(0x0000ffff0000ffff);
    n = (n * 10000 + (n >> 32)) & UINT64_C(0xffffffff);
    return (struct kb_digits){n, count};
}

/* The value of a hexadecimal digit, or 16. */
static inline unsigned kb_text_nibble(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    unsigned letter = (c | 0x20u) - 'a';
    return letter < 6 ? letter + 10 : 16;
}

static inline struct kb_number kb_text_hex_slowly(const uint8_t *at) {
    struct kb_number number = {0, at, false};
    for (unsigned digit; (digit = kb_text_nibble(*number.after)) < 16; number.after++) {
        number.overflow |= number.value >> 60 != 0;
        number.value = number.value << 4 | digit;
    }
    return number;
}

static inline struct kb_number kb_text_decimal_slowly(const uint8_t *at) {
    struct kb_number number = {0, at, false};
    for (; *number.after >= '0' && *number.after <= '9'; number.after++) {
        uint64_t digit = (uint64_t)(*number.after - '0');
        number.overflow |= __builtin_mul_overflow(number.value, 10, &number.value);
        number.overflow |= __builtin_add_overflow(number.value, digit, &number.value);
    }
    return number;
}

/* A hexadecimal number of any length, without prefix. */
KB_INLINE struct kb_number kb_text_hex(const uint8_t *at, const uint8_t *end) {
    if (end - at < 16)
        return kb_text_hex_slowly(at);
    struct kb_digits high = kb_text_hex8(at);
    if (high.count < 8)
        return (struct kb_number){high.value, at + high.count, false};
    if (at[8] <= ',') /* exactly eight: so common that a guess is worth more than a count */
        return (struct kb_number){high.value, at + 8, false};
    struct kb_digits low = kb_text_hex8(at + 8);
    if (low.count == 8)
        return kb_text_hex_slowly(at);
    return (struct kb_number){high.value << 4 * low.count | low.value, at + 8 + low.count, false};
}

/* A decimal number of any length. */
KB_INLINE struct kb_number kb_text_decimal(const uint8_t *at, const uint8_t *end) {
    if (end - at < 8)
        return kb_text_decimal_slowly(at);
    struct kb_digits digits = kb_text_decimal8(at);
    if (digits.count == 8)
        return kb_text_decimal_slowly(at);
    return (struct kb_number){digits.value, at + digits.count, false};
}

/* ---- fields of a line ---- */

KB_INLINE bool kb_text_wrong(struct kb_text *text, enum kb_message reason) {
    text->reason = reason;
    return false;
}

/* Passes over blanks; returns whether there were any. */
KB_INLINE bool kb_text_blanks(struct kb_text *text) {
    const uint8_t *before = text->at;
    while (*text->at == ' ' || *text->at == '\t')
        text->at++;
    return text->at != before;
}

/* Takes the line end that stands here, and blanks before it: newline or CR newline. */
KB_INLINE bool kb_text_line_end(struct kb_text *text) {
    if (*text->at != '\n') {
        kb_text_blanks(text);
        if (*text->at == '\r')
            text->at++;
        if (*text->at != '\n')
            return kb_text_wrong(text, KB_MSG_reason_rest);
    }
    text->at++;
    return true;
}

/* Takes an empty line, or passes over the blanks before a record and returns false. */
KB_INLINE bool kb_text_blank_line(struct kb_text *text) {
    if (*text->at > ' ')
        return false;
    kb_text_blanks(text);
    if (*text->at == '\r' && text->at[1] == '\n')
        text->at++;
    if (*text->at != '\n')
        return false;
    text->at++;
    return true;
}

/* Takes the rest of the line, whatever it holds but a byte 0. */
static inline const uint8_t *kb_text_after_line(const uint8_t *at) {
    while (*at != '\n') {
        if (*at++ == 0)
            return NULL;
    }
    return at + 1;
}
KB_INLINE bool kb_text_rest(struct kb_text *text) {
    const uint8_t *after = kb_text_after_line(text->at);
    if (after == NULL)
        return kb_text_wrong(text, KB_MSG_reason_zero_byte);
    text->at = after;
    return true;
}

/* Takes a hexadecimal address, perhaps with 0x before it. */
KB_INLINE bool kb_text_address(struct kb_text *text, uint64_t *address) {
    if (text->at[0] == '0' && (text->at[1] | 0x20) == 'x')
        text->at += 2;
    struct kb_number number = kb_text_hex(text->at, text->end);
    if (number.after == text->at)
        return kb_text_wrong(text, KB_MSG_reason_address);
    if (number.overflow)
        return kb_text_wrong(text, KB_MSG_reason_address_long);
    text->at = number.after;
    *address = number.value;
    return true;
}

/* Takes a decimal size; the access of that many bytes at address must not wrap. */
KB_INLINE bool kb_text_size(struct kb_text *text, uint64_t address, uint32_t *size) {
    struct kb_number number = kb_text_decimal(text->at, text->end);
    if (number.after == text->at || number.overflow || number.value == 0 ||
        number.value > KB_LARGEST_ACCESS)
        return kb_text_wrong(text, KB_MSG_reason_size);
    if (address + (number.value - 1) < address)
        return kb_text_wrong(text, KB_MSG_reason_wraps);
    text->at = number.after;
    *size = (uint32_t)number.value;
    return true;
}

KB_INLINE void kb_text_store(struct kb_text *text, uint64_t address, uint32_t size,
                             enum kb_kind kind) {
    *text->next++ = (struct kb_trace_access){address, size, (uint32_t)kind};
}

/* ---- errors ---- */

#define KB_TEXT_QUOTE 64

/* The first bytes of the line, fit to be printed. */
static inline void kb_text_quote(const uint8_t *at, const uint8_t *end, char quote[KB_TEXT_QUOTE]) {
    size_t n = 0;
    for (; at < end && *at != '\n' && n < KB_TEXT_QUOTE - 4; at++) {
        if (*at != '\r')
            quote[n++] = *at >= ' ' && *at < 0x7f ? (char)*at : '?';
    }
    if (at < end && *at != '\n') {
        memcpy(quote + n, "...", 3);
        n += 3;
    }
    quote[n] = '\0';
}

static inline bool kb_text_has_zero(const uint8_t *at, const uint8_t *end) {
    while (at < end && *at != '\n' && *at != 0)
        at++;
    return at < end && *at == 0;
}

static inline kb_status kb_text_fail_long(struct kb_error *error) {
    return kb_fail(error, KB_DATA, KB_MSG_format_line_long,
                   (unsigned long long)(KB_LONGEST_LINE - 1));
}

/* The record that starts at `at` is malformed for a reason; wanted says what would be accepted. */
static inline kb_status kb_text_fail(const uint8_t *at, const uint8_t *end, enum kb_message reason,
                                     enum kb_message wanted, struct kb_error *error) {
    char quote[KB_TEXT_QUOTE];
    if (reason == KB_MSG_format_line_long)
        return kb_text_fail_long(error);
    kb_text_quote(at, end, quote);
    if (kb_text_has_zero(at, end))
        reason = KB_MSG_reason_zero_byte;
    return kb_fail(error, KB_DATA, KB_MSG_format_record, quote, kb_text(error->language, reason),
                   kb_text(error->language, wanted));
}

/* ---- windows ---- */

/* A last line without newline, from cursor to the end of the input: parses a copy that has one. */
static inline kb_status kb_text_tail(struct kb_cursor *cursor, struct kb_trace_access *accesses,
                                     size_t room, size_t *got, struct kb_error *error,
                                     kb_text_parser *parse) {
    size_t length = (size_t)(cursor->end - cursor->at);
    if (length >= KB_LONGEST_LINE)
        return kb_text_fail_long(error);
    uint8_t *copy = malloc(length + 1);
    if (copy == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory,
                       kb_text(error->language, KB_MSG_thing_line), (unsigned long long)length + 1);
    memcpy(copy, cursor->at, length);
    copy[length] = '\n';
    struct kb_cursor whole = *cursor;
    whole.at = copy;
    whole.end = copy + length + 1;
    whole.last = false;
    size_t more = 0;
    kb_status status = parse(&whole, accesses + *got, room - *got, &more, error);
    size_t consumed = (size_t)(whole.at - copy);
    cursor->at += consumed < length ? consumed : length;
    cursor->line = whole.line - (whole.at == whole.end); /* the newline is not the input's */
    cursor->finished = whole.finished;
    *got += more;
    free(copy);
    return status;
}

/* What is left when no whole line is: nothing, a piece that more input will complete, a last line
 * without newline, or a line that is too long. */
static inline kb_status kb_text_leftover(struct kb_cursor *cursor, struct kb_trace_access *accesses,
                                         size_t room, size_t *got, struct kb_error *error,
                                         kb_text_parser *parse) {
    if (cursor->at == cursor->end)
        return KB_OK;
    if (cursor->last)
        return kb_text_tail(cursor, accesses, room, got, error, parse);
    if (cursor->end - cursor->at >= KB_LONGEST_LINE)
        return kb_text_fail_long(error);
    return KB_OK;
}

/* Past the last newline of a window; its start if there is none. */
static inline const uint8_t *kb_text_limit(const uint8_t *at, const uint8_t *end) {
    while (end > at && end[-1] != '\n')
        end--;
    return end;
}

/* The loop of every line format: record parses one line into at most `most` accesses; parse is the
 * function that calls this. */
KB_INLINE kb_status kb_text_parse(struct kb_cursor *cursor, struct kb_trace_access *accesses,
                                  size_t room, size_t *got, struct kb_error *error,
                                  kb_text_record *record, size_t most, enum kb_message wanted,
                                  kb_text_parser *parse) {
    struct kb_text text = {cursor->at,  kb_text_limit(cursor->at, cursor->end),
                           cursor->end, accesses,
                           KB_MSG_none, cursor->finished};
    *got = 0;
    if (room < most)
        return KB_OK;
    const struct kb_trace_access *stop = accesses + (room - most);
    const uint8_t *start = text.at;
    struct kb_trace_access *before = accesses;
    uint64_t line = cursor->line;
    bool sound = true;
    while (text.at < text.limit && text.next <= stop && !text.finished) {
        start = text.at;
        before = text.next;
        sound = record(&text);
        if (sound && text.at - start > KB_LONGEST_LINE)
            sound = kb_text_wrong(&text, KB_MSG_format_line_long);
        if (!sound)
            break;
        line++;
    }
    *got = (size_t)((sound ? text.next : before) - accesses);
    cursor->line = line;
    cursor->at = sound ? text.at : start;
    cursor->finished = text.finished;
    if (!sound)
        return kb_text_fail(start, cursor->end, text.reason, wanted, error);
    if (cursor->at < text.limit || cursor->finished || text.next > stop)
        return KB_OK;
    return kb_text_leftover(cursor, accesses, room, got, error, parse);
}

/* ---- detection ---- */

/* Whether parse takes the whole head: at least one access and no error. A line that the end of the
 * head cuts is not judged, unless it is the only one. */
static inline bool kb_text_matches(const uint8_t *head, size_t length, kb_text_parser *parse) {
    struct kb_trace_access accesses[256];
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_cursor cursor = {head, head + length, false, 1, 0, false};
    size_t found = 0, got;
    do {
        if (parse(&cursor, accesses, 256, &got, &error) != KB_OK)
            return false;
        found += got;
        cursor.last = found == 0 && got == 0 && !cursor.last;
    } while (got > 0 || cursor.last);
    return found > 0;
}

#endif
