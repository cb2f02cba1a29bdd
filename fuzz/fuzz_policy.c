/* fuzz_policy.c - policies under the second host of the tests (tests/pager.h), led by the input.
 *
 *   | u8 policy | u8 option values | u8 frames | u8 pages, bit 7: late |
 *   then operations of 3 bytes: | kind : 4, access : 2, 0 : 2 | value : 8 | page or frame : 8 |
 *
 * Policies that need the future take their references from the input's bytes
 * in order, whatever the operations say. */
#include <stdio.h>

#include "../tests/pager.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition, text)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, text);                              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MOST_RUNS 4096

/* Small values: those are where policies bend. */
static void choose(struct kb_policy_spec *spec, uint8_t which, uint8_t values) {
    unsigned policies = 0;
    while (kb_policies[policies] != NULL)
        policies++;
    spec->policy = kb_policies[which % policies];
    for (unsigned i = 0; i < spec->policy->option_count; i++) {
        const struct kb_option *option = &spec->policy->options[i];
        uint64_t value = option->low + (unsigned)(values >> 2 * i) % 64;
        bool preset = (values >> 2 * i & 3) == 3 || value > option->high;
        spec->values[i] = preset ? option->preset : value;
    }
}

/* Ids in the order of first touch. */
static void read_future(struct kb_future *future, const uint8_t *data, size_t size,
                        uint32_t pages) {
    static struct kb_run runs[MOST_RUNS + KB_RUN_PADDING];
    uint32_t id_of[128] = {0};
    struct kb_block block = {.runs = runs};
    struct kb_error error = {0};
    for (size_t i = 0; i < size && i < MOST_RUNS; i++) {
        uint32_t *id = &id_of[data[i] % pages];
        *id = *id == 0 ? ++block.pages : *id;
        runs[block.count++] = kb_run_make(*id - 1, (enum kb_kind)(data[i] % 3), 1);
    }
    block.references = block.count;
    kb_future_init(future, NULL);
    MUST(kb_future_append(future, &block, &error) == KB_OK, "append");
    MUST(kb_future_finish(future, &error) == KB_OK, "finish");
}

static struct pager_op operation(const uint8_t *at) {
    return (struct pager_op){.kind = (enum pager_op_kind)((at[0] & 15) % PAGER_OPS),
                             .access = (enum kb_kind)((at[0] >> 4) % 3),
                             .value = 1 + at[1] % 70u,
                             .page = at[2]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct kb_policy_spec spec = {0};
    struct kb_future future;
    struct pager p, clone;
    if (size < 7)
        return 0;
    choose(&spec, data[0], data[1]);
    uint32_t frames = 1 + data[2] % 48u, pages = 1 + data[3] % 100u;
    bool ahead = kb_replay_needs_future(spec.policy);
    if (ahead)
        read_future(&future, data + 4, size - 4, pages);
    pager_init(&p, &spec, frames, pages, ahead ? &future : NULL);
    p.late = data[3] >> 7;
    size_t count = (size - 4) / 3, half = count / 2;
    for (size_t i = 0; i < count; i++) {
        struct pager_op op = operation(data + 4 + 3 * i);
        if (i == half)
            pager_clone(&clone, &p);
        if (op.kind == PAGER_GROW && p.pages > 2000)
            continue;
        pager_apply(&p, &op);
        MUST(p.broken == NULL, p.broken);
        if (i < half)
            continue;
        pager_apply(&clone, &op);
        MUST(p.history == clone.history, "a clone differs");
    }
    pager_free(&p);
    pager_free(&clone);
    if (ahead)
        kb_future_free(&future);
    return 0;
}
