/* option.h - options of policies and strategies: name:option=value:option=value. */
#ifndef KB_POLICY_OPTION_H
#define KB_POLICY_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define KB_MAX_OPTIONS 4

struct kb_option {
    const char *name;
    enum kb_message help;
    uint64_t low, high, preset;
    const char *choices; /* "fifo,lru": the value is the index; NULL for numbers */
};

/* The options of one policy or strategy. */
struct kb_options {
    const char *owner; /* its name, for messages */
    const struct kb_option *option;
    unsigned count;
};

/* Reads ":option=value:…" (or an empty text); what is not said gets its preset. KB_USAGE. */
kb_status kb_options_parse(const struct kb_options *options, const char *text,
                           uint64_t values[KB_MAX_OPTIONS], struct kb_error *error) KB_MUST_CHECK;

/* The options that differ from their presets, as they are written: ":keep=1:tie=lru"; "" if none.
 * Returns text. */
char *kb_options_text(const struct kb_options *options, const uint64_t values[KB_MAX_OPTIONS],
                      char *text, size_t room);

/* Appends a name to a list for a message: "a, b". */
void kb_options_join(char *text, size_t room, const char *name);

#endif
