/* pin.c - Pin's pinatrace: `0x7f3a…: R 0x7ffe…`, # comments, `#eof` at the end.
 *
 * The instruction's address is checked but makes no access. Pin's newer tool
 * writes the size, in decimal, and the value after the address: the size
 * counts, the value does not. */
#include "trace/format/text.h"

/* Takes a line that begins with #. */
KB_INLINE bool comment(struct kb_text *text) {
    const uint8_t *at = text->at;
    if (at[1] == 'e' && at[2] == 'o' && at[3] == 'f' &&
        (at[4] == '\n' || at[4] == '\r' || at[4] == ' ' || at[4] == '\t'))
        text->finished = true;
    return kb_text_rest(text);
}

/* Takes what follows the address. */
KB_INLINE bool finish(struct kb_text *text, uint64_t address, enum kb_kind kind) {
    uint32_t size = 1;
    bool sized = false;
    if (*text->at != '\n' && kb_text_blanks(text) && *text->at >= '0' && *text->at <= '9') {
        if (!kb_text_size(text, address, &size))
            return false;
        if (*text->at > ' ')
            return kb_text_wrong(text, KB_MSG_reason_size);
        sized = true;
    }
    kb_text_store(text, address, size, kind);
    return sized ? kb_text_rest(text) : kb_text_line_end(text);
}

KB_INLINE bool record(struct kb_text *text) {
    uint64_t instruction, address;
    if (kb_text_blank_line(text))
        return true;
    if (*text->at == '#')
        return comment(text);
    if (!kb_text_address(text, &instruction))
        return false;
    if (*text->at++ != ':')
        return kb_text_wrong(text, KB_MSG_reason_colon);
    kb_text_blanks(text);
    if (*text->at != 'R' && *text->at != 'W')
        return kb_text_wrong(text, KB_MSG_reason_kind);
    enum kb_kind kind = *text->at++ == 'W' ? KB_WRITE : KB_READ;
    if (!kb_text_blanks(text))
        return kb_text_wrong(text, KB_MSG_reason_address);
    return kb_text_address(text, &address) && finish(text, address, kind);
}

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    return kb_text_parse(cursor, accesses, room, got, error, record, 1, KB_MSG_wanted_pin, parse);
}

static bool matches(const uint8_t *head, size_t length) {
    return kb_text_matches(head, length, parse);
}

const struct kb_trace_format kb_trace_format_pin = {
    .name = "pin", .title = KB_MSG_title_pin, .text = true, .matches = matches, .parse = parse};
