/* format.h - the contract of a foreign trace format: one file a format, listed in formats.def.
 *
 * A parser turns bytes into accesses, many a call. It sees a window of the
 * input and consumes whole records (lines) of it; the reader refills the
 * window and calls again. Parsers keep no state but what the cursor holds. */
#ifndef KB_TRACE_FORMAT_H
#define KB_TRACE_FORMAT_H

#include <stdbool.h>

#include "base/status.h"
#include "trace/run.h"

struct kb_trace_access {
    uint64_t address; /* or page number, if the format carries page numbers */
    uint32_t size;    /* bytes, at least 1; 1 for page numbers */
    uint32_t kind;    /* enum kb_kind; of a generator perhaps with KB_ACCESS_RELEASES */
};

/* Behind this reference the program releases its page: it will not be needed for a while. */
#define KB_ACCESS_RELEASES 4u

struct kb_cursor {
    const uint8_t *at;  /* next byte; the parser moves it past what it consumed */
    const uint8_t *end; /* end of the window */
    bool last;          /* nothing follows end: a last line without newline is whole */
    uint64_t line;      /* of *at, from 1; text parsers count it */
    uint64_t offset;    /* of *at in the input; parsers leave it to the reader */
    bool finished;      /* set by a parser at an end mark (pin's #eof): ignore what follows */
};

#define KB_ACCESS_BATCH 4096
#define KB_LONGEST_LINE 65536 /* the window is never smaller */

struct kb_trace_format {
    const char *name;
    enum kb_message title;
    bool text;         /* errors name a line; otherwise a byte */
    bool page_numbers; /* accesses are page numbers, not addresses */
    /* Whether the head of an input (up to 64 KiB, perhaps all of it) looks like this format. Must
     * be strict: at least one whole record, none that does not parse. */
    bool (*matches)(const uint8_t *head, size_t length);
    /* Consumes whole records from cursor until room accesses are stored or no whole record is
     * left; *got = how many were stored. A record that makes two accesses needs room for two. On
     * error cursor->at and cursor->line stand at the bad record, and error->text says what is
     * wrong with it and what would be accepted (the reader adds file, line or byte). */
    kb_status (*parse)(struct kb_cursor *cursor, struct kb_trace_access *accesses, size_t room,
                       size_t *got, struct kb_error *error) KB_MUST_CHECK;
};

#define KB_FORMAT(name) extern const struct kb_trace_format kb_trace_format_##name;
#include "trace/formats.def"
#undef KB_FORMAT

/* All foreign formats in the order of formats.def, ended by NULL. */
extern const struct kb_trace_format *const kb_trace_formats[];

/* By name, or NULL. */
const struct kb_trace_format *kb_trace_format_find(const char *name);

/* By content, or NULL. */
const struct kb_trace_format *kb_trace_format_detect(const uint8_t *head, size_t length);

#endif
