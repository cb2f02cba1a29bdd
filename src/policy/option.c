/* option.c - options are read and written. */
#include "policy/option.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

void kb_options_join(char *text, size_t room, const char *name) {
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", name);
}

/* The index of word in "a,b,c", or −1. */
static int choice_index(const char *choices, const char *word, size_t length) {
    for (int i = 0; choices != NULL; i++) {
        size_t here = strcspn(choices, ",");
        if (here == length && memcmp(choices, word, length) == 0)
            return i;
        choices = choices[here] == ',' ? choices + here + 1 : NULL;
    }
    return -1;
}

static kb_status parse_value(const struct kb_options *options, const struct kb_option *option,
                             const char *text, const char *value, size_t length, uint64_t *number,
                             struct kb_error *error) {
    if (option->choices != NULL) {
        int index = choice_index(option->choices, value, length);
        if (index < 0)
            return kb_fail(error, KB_USAGE, KB_MSG_bad_choice, options->owner, text,
                           option->choices);
        *number = (uint64_t)index;
        return KB_OK;
    }
    if (!kb_parse_size(value, length, number) || *number < option->low || *number > option->high)
        return kb_fail(error, KB_USAGE, KB_MSG_bad_option_value, options->owner, text,
                       (unsigned long long)option->low, (unsigned long long)option->high);
    return KB_OK;
}

static kb_status parse_one(const struct kb_options *options, const char *text, size_t length,
                           uint64_t *values, struct kb_error *error) {
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    const char *value = equals != NULL ? equals + 1 : text + length;
    char names[200] = "", copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), text);
    for (unsigned i = 0; i < options->count; i++) {
        const struct kb_option *option = &options->option[i];
        kb_options_join(names, sizeof names, option->name);
        if (strlen(option->name) == name_length && memcmp(option->name, text, name_length) == 0)
            return parse_value(options, option, copy, value, (size_t)(text + length - value),
                               &values[i], error);
    }
    if (options->count == 0)
        return kb_fail(error, KB_USAGE, KB_MSG_no_options, options->owner, copy);
    return kb_fail(error, KB_USAGE, KB_MSG_unknown_option, options->owner, copy, names);
}

kb_status kb_options_parse(const struct kb_options *options, const char *text,
                           uint64_t values[KB_MAX_OPTIONS], struct kb_error *error) {
    for (unsigned i = 0; i < options->count; i++)
        values[i] = options->option[i].preset;
    while (*text == ':') {
        size_t length = strcspn(++text, ":");
        kb_status status = parse_one(options, text, length, values, error);
        if (status != KB_OK)
            return status;
        text += length;
    }
    return KB_OK;
}

char *kb_options_text(const struct kb_options *options, const uint64_t values[KB_MAX_OPTIONS],
                      char *text, size_t room) {
    text[0] = '\0';
    for (unsigned i = 0; i < options->count; i++) {
        const struct kb_option *option = &options->option[i];
        size_t used = strlen(text);
        if (values[i] == option->preset)
            continue;
        if (option->choices == NULL) {
            snprintf(text + used, room - used, ":%s=%llu", option->name,
                     (unsigned long long)values[i]);
            continue;
        }
        const char *choice = option->choices;
        for (uint64_t k = values[i]; k > 0; k--)
            choice = strchr(choice, ',') + 1;
        snprintf(text + used, room - used, ":%s=%.*s", option->name, (int)strcspn(choice, ","),
                 choice);
    }
    return text;
}
