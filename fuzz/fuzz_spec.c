/* fuzz_spec.c - policy specs as users type them: parse, write back, parse again, run a little. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replay/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The options that are printed must mean the same. */
static void round_trip(const struct kb_policy_spec *spec) {
    char text[300] = "", options[200];
    struct kb_policy_spec again;
    struct kb_error error = {.language = KB_SPANISH};
    strcat(text, spec->policy->name);
    strcat(text, kb_policy_options(spec, options, sizeof options));
    if (kb_policy_parse(text, &again, NULL, NULL, &error) != KB_OK || again.policy != spec->policy)
        abort();
    for (unsigned i = 0; i < spec->policy->option_count; i++)
        if (again.values[i] != spec->values[i])
            abort();
}

static void run(const struct kb_policy_spec *spec) {
    static struct kb_run runs[16 + KB_RUN_PADDING];
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_replay replay;
    for (uint32_t i = 0; i < 16; i++)
        runs[i] = kb_run_make(i * 7 % 9, i % 3 == 0 ? KB_WRITE : KB_READ, 1 + i % 4);
    struct kb_block block = {.runs = runs, .count = 16, .references = 40, .pages = 9};
    if (kb_replay_needs_future(spec->policy) ||
        kb_replay_init(&replay, spec, 3, NULL, NULL, &error) != KB_OK)
        return;
    if (kb_replay_block(&replay, &block, NULL, &error) != KB_OK)
        abort();
    kb_replay_free(&replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct kb_policy_spec spec;
    struct kb_error error = {.language = KB_ENGLISH};
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (kb_policy_parse(text, &spec, NULL, NULL, &error) == KB_OK) {
        round_trip(&spec);
        run(&spec);
    } else if (error.status != KB_USAGE || error.text[0] == '\0') {
        abort();
    }
    free(text);
    return 0;
}
