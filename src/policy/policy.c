/* policy.c - the table of policies and the reading of their specs. */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

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

static kb_status unknown_policy(const char *name, size_t length, struct kb_error *error) {
    char names[300] = "", copy[64];
    for (const struct kb_policy *const *p = kb_policies; *p != NULL; p++)
        kb_options_join(names, sizeof names, (*p)->name);
    snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), name);
    return kb_fail(error, KB_USAGE, KB_MSG_unknown_policy, copy, names);
}

static struct kb_options options_of(const struct kb_policy *policy) {
    return (struct kb_options){policy->name, policy->options, policy->option_count};
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
    struct kb_options options = options_of(spec->policy);
    return kb_options_parse(&options, text + length, spec->values, error);
}

char *kb_policy_options(const struct kb_policy_spec *spec, char *text, size_t room) {
    struct kb_options options = options_of(spec->policy);
    return kb_options_text(&options, spec->values, text, room);
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
