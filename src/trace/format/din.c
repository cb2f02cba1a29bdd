/* din.c - Dinero's format: `label address`, the address hexadecimal, the rest of the line ignored.
 *
 *   label   0 read   1 write   2 instruction   3 unknown, taken as a read   4 flush, passed over
 *
 * Two columns of small numbers could as well be page numbers; detection says
 * din only if at least one address has a letter, so that pages cannot be it. */
#include "trace/format/text.h"

/* strict: nothing may follow the address. */
KB_INLINE bool record(struct kb_text *text, bool strict) {
    static const uint8_t kinds[5] = {KB_READ, KB_WRITE, KB_EXECUTE, KB_READ, KB_READ};
    uint64_t address;
    if (kb_text_blank_line(text))
        return true;
    unsigned label = (unsigned)*text->at - '0';
    if (label > 4)
        return kb_text_wrong(text, KB_MSG_reason_label);
    text->at++;
    if (!kb_text_blanks(text))
        return kb_text_wrong(text, KB_MSG_reason_address);
    if (!kb_text_address(text, &address))
        return false;
    kb_text_store(text, address, 1, kinds[label]);
    text->next -= label == 4;
    if (*text->at == '\n' || strict)
        return kb_text_line_end(text);
    if (*text->at > ' ')
        return kb_text_wrong(text, KB_MSG_reason_address);
    return kb_text_rest(text);
}

KB_INLINE bool loose_record(struct kb_text *text) { return record(text, false); }
KB_INLINE bool strict_record(struct kb_text *text) { return record(text, true); }

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    return kb_text_parse(cursor, accesses, room, got, error, loose_record, 1, KB_MSG_wanted_din,
                         parse);
}

static kb_status parse_strictly(struct kb_cursor *cursor, struct kb_trace_access *accesses,
                                size_t room, size_t *got, struct kb_error *error) {
    return kb_text_parse(cursor, accesses, room, got, error, strict_record, 1, KB_MSG_wanted_din,
                         parse_strictly);
}

static bool matches(const uint8_t *head, size_t length) {
    return kb_text_matches(head, length, parse_strictly) &&
           !kb_trace_format_pages.matches(head, length);
}

const struct kb_trace_format kb_trace_format_din = {
    .name = "din", .title = KB_MSG_title_din, .text = true, .matches = matches, .parse = parse};
