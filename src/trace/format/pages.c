/* pages.c - page numbers as people write them: `7 0 1 2 0 3`, on one line or many.
 *
 *   numbers    decimal, 0 … 2^63, apart by blanks, commas, semicolons or line ends
 *   kind       a letter right after the number: 12r read, 12w write, 12x execute; none: read
 *   comments   from # to the end of the line
 *
 * The record is the number, not the line, which may be of any length. */
#include "trace/format/text.h"

#define LARGEST_PAGE (UINT64_C(1) << 63)

KB_INLINE bool is_separator(uint8_t c) {
    return c == ' ' || c == '\n' || c == ',' || c == ';' || c == '\t' || c == '\r';
}

/* Past the last byte of a window that ends a number; its start if there is none. */
static const uint8_t *past_last_end(const uint8_t *at, const uint8_t *end) {
    while (end > at && !is_separator(end[-1]) && end[-1] != '#')
        end--;
    return end;
}

/* Takes a number, its kind, and nothing of what follows. */
KB_INLINE bool page_number(struct kb_text *text) {
    struct kb_number number = kb_text_decimal(text->at, text->end);
    uint32_t kind = KB_READ;
    if (number.after == text->at)
        return kb_text_wrong(text, KB_MSG_reason_page);
    if (number.overflow || number.value > LARGEST_PAGE)
        return kb_text_wrong(text, KB_MSG_reason_page_long);
    uint8_t after = *number.after;
    if (!is_separator(after) && after != '#') {
        if (after != 'r' && after != 'w' && after != 'x')
            return kb_text_wrong(text, KB_MSG_reason_page);
        kind = after == 'w' ? KB_WRITE : after == 'x' ? KB_EXECUTE : KB_READ;
        after = *++number.after;
        if (!is_separator(after) && after != '#')
            return kb_text_wrong(text, KB_MSG_reason_page);
    }
    text->at = number.after;
    *text->next++ = (struct kb_trace_access){number.value, 1, kind};
    return true;
}

/* Where the newline of a comment stands, or NULL if the window does not hold it. */
static const uint8_t *comment_end(const uint8_t *at, const uint8_t *end) {
    return memchr(at, '\n', (size_t)(end - at));
}

/* Takes a number or a comment; false also if the window does not hold the whole comment (reason:
 * none). */
KB_INLINE bool record(struct kb_text *text) {
    const uint8_t *start = text->at;
    if (*start == '#') {
        const uint8_t *newline = comment_end(start, text->end);
        if (newline == NULL)
            return kb_text_wrong(text, KB_MSG_none);
        if (kb_text_has_zero(start, newline))
            return kb_text_wrong(text, KB_MSG_reason_zero_byte);
        text->at = newline;
    } else if (!page_number(text)) {
        return false;
    }
    if (text->at - start >= KB_LONGEST_LINE)
        return kb_text_wrong(text, KB_MSG_format_line_long);
    return true;
}

/* Past a malformed record, as far as an error should quote it. */
static const uint8_t *record_end(const uint8_t *at, const uint8_t *end) {
    if (*at == '#')
        return end;
    while (at < end && !is_separator(*at) && *at != '#')
        at++;
    return at;
}

static kb_status parse(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) {
    struct kb_text text = {cursor->at,  past_last_end(cursor->at, cursor->end),
                           cursor->end, accesses,
                           KB_MSG_none, false};
    const struct kb_trace_access *stop = accesses + room;
    uint64_t line = cursor->line;
    bool sound = true;
    while (text.at < text.limit && text.next < stop) {
        const uint8_t *start = text.at;
        struct kb_trace_access *before = text.next;
        if (is_separator(*start)) {
            line += *start == '\n';
            text.at++;
        } else if (!record(&text)) {
            sound = text.reason == KB_MSG_none;
            text.at = start;
            text.next = before;
            break;
        }
    }
    cursor->at = text.at;
    cursor->line = line;
    *got = (size_t)(text.next - accesses);
    if (!sound)
        return kb_text_fail(text.at, record_end(text.at, cursor->end), text.reason,
                            KB_MSG_wanted_pages, error);
    if (text.next == stop)
        return KB_OK;
    return kb_text_leftover(cursor, accesses, room, got, error, parse);
}

static bool matches(const uint8_t *head, size_t length) {
    return kb_text_matches(head, length, parse);
}

const struct kb_trace_format kb_trace_format_pages = {.name = "pages",
                                                      .title = KB_MSG_title_pages,
                                                      .text = true,
                                                      .page_numbers = true,
                                                      .matches = matches,
                                                      .parse = parse};
