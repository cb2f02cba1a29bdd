/* text.c - buffered text. */
#include "scenario/text.h"

#include <stdio.h>
#include <string.h>

void kb_text_begin(struct kb_text_out *out, struct kb_sink sink, enum kb_language language,
                   struct kb_error *error) {
    out->sink = sink;
    out->language = language;
    out->error = error;
    out->status = KB_OK;
    out->used = 0;
}

void kb_text_flush(struct kb_text_out *out) {
    if (out->used > 0 && out->status == KB_OK)
        out->status = out->sink.write(out->sink.context, out->buffer, out->used, out->error);
    out->used = 0;
}

static void append(struct kb_text_out *out, const char *text, size_t length) {
    while (length > 0) {
        size_t room = sizeof out->buffer - out->used, part = length < room ? length : room;
        memcpy(out->buffer + out->used, text, part);
        out->used += (unsigned)part;
        text += part;
        length -= part;
        if (out->used == sizeof out->buffer)
            kb_text_flush(out);
    }
}

void kb_text_plain(struct kb_text_out *out, const char *text) { append(out, text, strlen(text)); }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void append_list(struct kb_text_out *out, const char *format, va_list arguments) {
    char line[1024];
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length <= 0)
        return;
    if ((size_t)length >= sizeof line) { /* too long for a line of text, which still ends */
        length = sizeof line - 1;
        line[length - 1] = '\n';
    }
    append(out, line, (size_t)length);
}

void kb_text_format(struct kb_text_out *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    append_list(out, format, arguments);
    va_end(arguments);
}

void kb_text_message(struct kb_text_out *out, enum kb_message message, ...) {
    va_list arguments;
    va_start(arguments, message);
    append_list(out, kb_text(out->language, message), arguments);
    va_end(arguments);
}
#pragma GCC diagnostic pop

kb_status kb_text_end(struct kb_text_out *out) {
    kb_text_flush(out);
    return out->status;
}
