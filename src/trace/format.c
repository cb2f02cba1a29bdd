/* format.c - the list of foreign formats, made from formats.def, and the search in it. */
#include "trace/format.h"

#include <string.h>

const struct kb_trace_format *const kb_trace_formats[] = {
#define KB_FORMAT(name) &kb_trace_format_##name,
#include "trace/formats.def"
#undef KB_FORMAT
    NULL};

const struct kb_trace_format *kb_trace_format_find(const char *name) {
    for (unsigned i = 0; kb_trace_formats[i] != NULL; i++) {
        if (strcmp(kb_trace_formats[i]->name, name) == 0)
            return kb_trace_formats[i];
    }
    return NULL;
}

const struct kb_trace_format *kb_trace_format_detect(const uint8_t *head, size_t length) {
    for (unsigned i = 0; kb_trace_formats[i] != NULL; i++) {
        if (kb_trace_formats[i]->matches(head, length))
            return kb_trace_formats[i];
    }
    return NULL;
}
