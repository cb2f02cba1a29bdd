/* fetch.c - the table of fetch strategies and the reading of their specs. */
#include "policy/fetch/fetch.h"

#include <stdio.h>
#include <string.h>

#define KB_FETCH_ENTRY(id) extern const struct kb_fetch kb_fetch_##id;
#include "policy/fetch/fetches.def"
#undef KB_FETCH_ENTRY

const struct kb_fetch *const kb_fetches[] = {
#define KB_FETCH_ENTRY(id) &kb_fetch_##id,
#include "policy/fetch/fetches.def"
#undef KB_FETCH_ENTRY
    NULL,
};

static struct kb_options options_of(const struct kb_fetch *fetch) {
    return (struct kb_options){fetch->name, fetch->options, fetch->option_count};
}

kb_status kb_fetch_parse(const char *text, struct kb_fetch_spec *spec, struct kb_error *error) {
    size_t length = strcspn(text, ":");
    char names[200] = "", copy[64];
    *spec = (struct kb_fetch_spec){0};
    for (const struct kb_fetch *const *f = kb_fetches; *f != NULL; f++) {
        kb_options_join(names, sizeof names, (*f)->name);
        if (strlen((*f)->name) == length && memcmp((*f)->name, text, length) == 0)
            spec->fetch = *f;
    }
    if (spec->fetch == NULL) {
        snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), text);
        return kb_fail(error, KB_USAGE, KB_MSG_unknown_fetch, copy, names);
    }
    struct kb_options options = options_of(spec->fetch);
    return kb_options_parse(&options, text + length, spec->values, error);
}

char *kb_fetch_options(const struct kb_fetch_spec *spec, char *text, size_t room) {
    struct kb_options options = options_of(spec->fetch);
    return kb_options_text(&options, spec->values, text, room);
}
