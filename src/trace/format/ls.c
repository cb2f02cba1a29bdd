/* ls.c - `s 0x1fffff50`: s (store) or l (load), blanks, a hexadecimal address. */
#include "trace/format/text.h"

KB_INLINE bool record(struct kb_text *text) {
    uint64_t address;
    if (kb_text_blank_line(text))
        return true;
    bool store = *text->at == 's';
    if (!store && *text->at != 'l')
        return kb_text_wrong(text, KB_MSG_reason_kind);
    text->at++;
    if (!kb_text_blanks(text))
        return kb_text_wrong(text, KB_MSG_reason_address);
    if (!kb_text_address(text, &address))
        return false;
    kb_text_store(text, address, 1, store ? KB_WRITE : KB_READ);
    return kb_text_line_end(text);
}

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    return kb_text_parse(cursor, accesses, room, got, error, record, 1, KB_MSG_wanted_ls, parse);
}

static bool matches(const uint8_t *head, size_t length) {
    return kb_text_matches(head, length, parse);
}

const struct kb_trace_format kb_trace_format_ls = {
    .name = "ls", .title = KB_MSG_title_ls, .text = true, .matches = matches, .parse = parse};
