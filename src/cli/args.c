/* args.c - lists of sizes and of policies, as they are typed. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MOST_SIZES 4000000

static kb_status add_size(struct cli_sizes *sizes, size_t *room, uint64_t value,
                          struct kb_error *error) {
    if (sizes->count == *room) {
        size_t more = *room == 0 ? 64 : *room * 2;
        uint64_t *values =
            sizes->count < MOST_SIZES ? realloc(sizes->values, more * sizeof *values) : NULL;
        if (values == NULL)
            return kb_fail(error, KB_USAGE, KB_MSG_too_many_sizes, (unsigned long long)MOST_SIZES);
        sizes->values = values;
        *room = more;
    }
    sizes->values[sizes->count++] = value;
    return KB_OK;
}

/* LOW..HIGH, with :STEP or :*FACTOR. */
static kb_status add_range(struct cli_sizes *sizes, size_t *room, const char *text, size_t length,
                           const char *dots, struct kb_error *error) {
    const char *end = text + length, *colon = memchr(dots, ':', (size_t)(end - dots));
    const char *high_end = colon != NULL ? colon : end;
    uint64_t low, high, step = 1;
    bool times = colon != NULL && colon + 1 < end && colon[1] == '*';
    bool fine = kb_parse_size(text, (size_t)(dots - text), &low) &&
                kb_parse_size(dots + 2, (size_t)(high_end - dots - 2), &high);
    if (fine && colon != NULL)
        fine = kb_parse_size(colon + 1 + times, (size_t)(end - colon - 1 - times), &step);
    if (!fine || low == 0 || low > high || step == 0 || (times && step == 1))
        return kb_fail(error, KB_USAGE, KB_MSG_bad_sizes, (int)length, text);
    for (uint64_t value = low; value <= high;) {
        kb_status status = add_size(sizes, room, value, error);
        uint64_t next;
        if (status != KB_OK)
            return status;
        if (!(times ? kb_multiply(value, step, &next) : kb_add(value, step, &next)))
            break;
        value = next;
    }
    return KB_OK;
}

kb_status cli_parse_sizes(const char *text, struct cli_sizes *sizes, struct kb_error *error) {
    size_t room = 0;
    *sizes = (struct cli_sizes){NULL, 0};
    for (const char *at = text; at != NULL;) {
        size_t length = strcspn(at, ",");
        const char *dots = NULL;
        for (size_t i = 0; i + 1 < length && dots == NULL; i++)
            if (at[i] == '.' && at[i + 1] == '.')
                dots = at + i;
        uint64_t value;
        kb_status status = KB_OK;
        if (dots != NULL)
            status = add_range(sizes, &room, at, length, dots, error);
        else if (kb_parse_size(at, length, &value) && value > 0)
            status = add_size(sizes, &room, value, error);
        else
            status = kb_fail(error, KB_USAGE, KB_MSG_bad_sizes, (int)length, at);
        if (status != KB_OK) {
            free(sizes->values);
            *sizes = (struct cli_sizes){NULL, 0};
            return status;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return KB_OK;
}

kb_status cli_parse_number(const char *option, const char *text, uint64_t low, uint64_t high,
                           uint64_t *value, struct kb_error *error) {
    if (kb_parse_size(text, strlen(text), value) && *value >= low && *value <= high)
        return KB_OK;
    return kb_fail(error, KB_USAGE, KB_MSG_bad_number, option, text, (unsigned long long)low,
                   (unsigned long long)high);
}

/* ---- policies ---- */

/* A name with a slash or ending in .so is a user's own. */
static const struct kb_policy *load_own(void *context, const char *name, size_t length,
                                        struct kb_error *error) {
    char path[4096];
    (void)context;
    bool object = length > 3 && memcmp(name + length - 3, ".so", 3) == 0;
    if ((memchr(name, '/', length) == NULL && !object) || length >= sizeof path - 2)
        return NULL;
    /* dlopen looks through the system's folders unless there is a slash. */
    snprintf(path, sizeof path, "%s%.*s", memchr(name, '/', length) ? "" : "./", (int)length, name);
    const struct kb_policy *policy = kb_load_symbol(path, "kb_user_policy", error);
    if (policy != NULL && policy->abi != KB_POLICY_ABI) {
        kb_fail(error, KB_USAGE, KB_MSG_wrong_abi, path, (unsigned long long)policy->abi,
                (unsigned long long)KB_POLICY_ABI);
        return NULL;
    }
    return policy;
}

static kb_status add_policy(struct cli_policies *policies, const struct kb_policy_spec *spec,
                            struct kb_error *error) {
    struct kb_policy_spec *specs = realloc(policies->specs, (policies->count + 1) * sizeof *specs);
    if (specs == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "policies",
                       (unsigned long long)policies->count);
    policies->specs = specs;
    specs[policies->count++] = *spec;
    return KB_OK;
}

kb_status cli_parse_policies(const char *text, struct cli_policies *policies,
                             struct kb_error *error) {
    char *copy = strdup(text), *rest = copy;
    kb_status status = copy == NULL ? kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "policies",
                                              (unsigned long long)strlen(text))
                                    : KB_OK;
    *policies = (struct cli_policies){NULL, 0};
    for (char *word; status == KB_OK && (word = strsep(&rest, ",")) != NULL;) {
        struct kb_policy_spec spec;
        if (strcmp(word, "all") == 0) {
            for (unsigned i = 0; kb_policies[i] != NULL && status == KB_OK; i++) {
                status = kb_policy_parse(kb_policies[i]->name, &spec, NULL, NULL, error);
                if (status == KB_OK)
                    status = add_policy(policies, &spec, error);
            }
            continue;
        }
        status = kb_policy_parse(word, &spec, load_own, NULL, error);
        if (status == KB_OK)
            status = add_policy(policies, &spec, error);
    }
    free(copy);
    return status;
}

char *cli_policy_name(const struct kb_policy_spec *spec, char text[CLI_POLICY_TEXT]) {
    char options[CLI_POLICY_TEXT / 2];
    snprintf(text, CLI_POLICY_TEXT, "%.79s%s", spec->policy->name,
             kb_policy_options(spec, options, sizeof options));
    return text;
}
