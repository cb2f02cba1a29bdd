/* lackey.c - what `valgrind --tool=lackey --trace-mem=yes` prints.
 *
 *   I  0401ab70,3     instruction
 *    L 1ffefffe50,8   load
 *    S 1ffefffe48,8   store
 *    M 0421d7cc,4     modify: a load and a store
 *
 * The program's own output and Valgrind's (==pid==, --pid--) stand between
 * these lines; a line that does not begin like a record is passed over. One
 * that does, and is malformed, is an error. */
#include "trace/format/text.h"

/* The first three characters of a line, the first in the lowest place. */
#define PREFIX(a, b, c) ((unsigned)(a) | (unsigned)(b) << 8 | (unsigned)(c) << 16)

static const unsigned instruction = PREFIX('I', ' ', ' '), load = PREFIX(' ', 'L', ' '),
                      store = PREFIX(' ', 'S', ' '), modify = PREFIX(' ', 'M', ' ');

/* Whatever the three characters are, only those of a record match one, and they are on one line. */
KB_INLINE unsigned prefix_of(const uint8_t *at, const uint8_t *end) {
    return end - at < 3 ? 0 : PREFIX(at[0], at[1], at[2]);
}

KB_INLINE bool record(struct kb_text *text) {
    uint64_t address;
    uint32_t size;
    unsigned prefix = prefix_of(text->at, text->end);
    if ((prefix != instruction) & (prefix != load) & (prefix != store) & (prefix != modify))
        return kb_text_rest(text);
    text->at += 3;
    struct kb_number number = kb_text_hex(text->at, text->end);
    if (number.after == text->at)
        return kb_text_wrong(text, KB_MSG_reason_address);
    if (number.overflow)
        return kb_text_wrong(text, KB_MSG_reason_address_long);
    address = number.value;
    text->at = number.after;
    if (*text->at++ != ',')
        return kb_text_wrong(text, KB_MSG_reason_comma);
    if (!kb_text_size(text, address, &size))
        return false;
    unsigned kind =
        (prefix == store) * (unsigned)KB_WRITE | (prefix == instruction) * (unsigned)KB_EXECUTE;
    text->next[0] = (struct kb_trace_access){address, size, kind};
    text->next[1] = (struct kb_trace_access){address, size, KB_WRITE};
    text->next += 1 + (prefix == modify);
    return kb_text_line_end(text);
}

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    return kb_text_parse(cursor, accesses, room, got, error, record, 2, KB_MSG_wanted_lackey,
                         parse);
}

static bool matches(const uint8_t *head, size_t length) {
    return kb_text_matches(head, length, parse);
}

const struct kb_trace_format kb_trace_format_lackey = {.name = "lackey",
                                                       .title = KB_MSG_title_lackey,
                                                       .text = true,
                                                       .matches = matches,
                                                       .parse = parse};
