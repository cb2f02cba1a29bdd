/* policy.c - the table of policies and the reading of their specs. */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "policy/loop.h"

#define KB_POLICY_ENTRY(id) extern const struct kb_policy kb_policy_##id;
#include "policy/policies.def"
#undef KB_POLICY_ENTRY

const struct kb_policy *const kb_policies[] = {
#define KB_POLICY_ENTRY(id) &kb_policy_##id,
#include "policy/policies.def"
#undef KB_POLICY_ENTRY
    NULL,
};

const struct kb_policy *kb_policy_find(const char *name, size_t length) {
    for (const struct kb_policy *const *p = kb_policies; *p != NULL; p++)
        if (strlen((*p)->name) == length && memcmp((*p)->name, name, length) == 0)
            return *p;
    return NULL;
}

/* The names of all policies or options, for messages. */
static void join(char *text, size_t room, const char *name) {
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", name);
}

static kb_status unknown_policy(const char *name, size_t length, struct kb_error *error) {
    char names[300] = "", copy[64];
    for (const struct kb_policy *const *p = kb_policies; *p != NULL; p++)
        join(names, sizeof names, (*p)->name);
    snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), name);
    return kb_fail(error, KB_USAGE, KB_MSG_unknown_policy, copy, names);
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

static kb_status parse_option(struct kb_policy_spec *spec, const char *text, size_t length,
                              struct kb_error *error) {
    const struct kb_policy *policy = spec->policy;
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    char names[200] = "", copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), text);
    for (unsigned i = 0; i < policy->option_count; i++) {
        const struct kb_option *option = &policy->options[i];
        join(names, sizeof names, option->name);
        if (strlen(option->name) != name_length || memcmp(option->name, text, name_length) != 0)
            continue;
        const char *value = equals != NULL ? equals + 1 : text + length;
        size_t value_length = (size_t)(text + length - value);
        uint64_t number;
        if (option->choices != NULL) {
            int index = choice_index(option->choices, value, value_length);
            if (index < 0)
                return kb_fail(error, KB_USAGE, KB_MSG_bad_choice, policy->name, copy,
                               option->choices);
            spec->values[i] = (uint64_t)index;
            return KB_OK;
        }
        if (!kb_parse_size(value, value_length, &number) || number < option->low ||
            number > option->high)
            return kb_fail(error, KB_USAGE, KB_MSG_bad_option_value, policy->name, copy,
                           (unsigned long long)option->low, (unsigned long long)option->high);
        spec->values[i] = number;
        return KB_OK;
    }
    if (policy->option_count == 0)
        return kb_fail(error, KB_USAGE, KB_MSG_no_options, policy->name, copy);
    return kb_fail(error, KB_USAGE, KB_MSG_unknown_option, policy->name, copy, names);
}

kb_status kb_policy_parse(const char *text, struct kb_policy_spec *spec,
                          const struct kb_policy *(*find)(void *context, const char *name,
                                                          size_t length, struct kb_error *error),
                          void *context, struct kb_error *error) {
    size_t length = strcspn(text, ":");
    error->status = KB_OK;
    spec->policy = kb_policy_find(text, length);
    if (spec->policy == NULL && find != NULL)
        spec->policy = find(context, text, length, error);
    if (spec->policy == NULL)
        return error->status != KB_OK ? error->status : unknown_policy(text, length, error);
    for (unsigned i = 0; i < spec->policy->option_count; i++)
        spec->values[i] = spec->policy->options[i].preset;
    while (text[length] == ':') {
        text += length + 1;
        length = strcspn(text, ":");
        kb_status status = parse_option(spec, text, length, error);
        if (status != KB_OK)
            return status;
    }
    return KB_OK;
}

char *kb_policy_options(const struct kb_policy_spec *spec, char *text, size_t room) {
    text[0] = '\0';
    for (unsigned i = 0; i < spec->policy->option_count; i++) {
        const struct kb_option *option = &spec->policy->options[i];
        size_t used = strlen(text);
        if (spec->values[i] == option->preset)
            continue;
        if (option->choices == NULL) {
            snprintf(text + used, room - used, ":%s=%llu", option->name,
                     (unsigned long long)spec->values[i]);
            continue;
        }
        const char *choice = option->choices;
        for (uint64_t k = spec->values[i]; k > 0; k--)
            choice = strchr(choice, ',') + 1;
        snprintf(text + used, room - used, ":%s=%.*s", option->name, (int)strcspn(choice, ","),
                 choice);
    }
    return text;
}

void kb_loop_clean(void *host, uint32_t frame) {
    struct kb_loop *loop = host;
    loop->flags[frame] &= (uint8_t)~KB_MODIFIED;
    loop->write_backs++;
}

void kb_loop_release(void *host, uint32_t frame, uint64_t when) {
    struct kb_loop *loop = host;
    uint8_t flags = loop->flags[frame];
    loop->evictions++;
    loop->write_backs += (flags & KB_MODIFIED) != 0;
    loop->lost_bits += flags & KB_REFERENCED;
    loop->frame_of[loop->page_of[frame]] = 0;
    loop->flags[frame] = 0;
    loop->free_list[loop->free_count++] = frame;
    loop->resident--;
    loop->resident_sum += when - loop->loaded_at[frame];
    if (loop->released != NULL)
        loop->released(loop, frame);
}
