/* text.h - a page of text that goes out to a sink: messages of messages.def, and plain templates.
 *
 * Errors of the sink are kept; kb_text_end reports the first. */
#ifndef KB_SCENARIO_TEXT_H
#define KB_SCENARIO_TEXT_H

#include <stdbool.h>

#include "base/host.h"

struct kb_text_out {
    struct kb_sink sink;
    enum kb_language language;
    kb_status status;
    struct kb_error *error;
    unsigned used;
    char buffer[4096];
};

void kb_text_begin(struct kb_text_out *out, struct kb_sink sink, enum kb_language language,
                   struct kb_error *error);
void kb_text_plain(struct kb_text_out *out, const char *text);
void kb_text_format(struct kb_text_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A message of messages.def with its arguments. */
void kb_text_message(struct kb_text_out *out, enum kb_message message, ...);
/* Sends what is waiting. */
void kb_text_flush(struct kb_text_out *out);
kb_status kb_text_end(struct kb_text_out *out) KB_MUST_CHECK;

#endif
