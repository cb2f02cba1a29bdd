/* uniform.c - every page equally likely, every time. */
#include "trace/generate/family.h"

enum { PAGES, REFERENCES };

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    return kb_set_references(generator, generator->number[REFERENCES], 1, error);
}

static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t pages = generator->number[PAGES], writes = generator->writes;
    struct kb_random random = generator->random;
    for (size_t i = 0; i < count; i++) {
        uint64_t page = kb_random_below(&random, pages);
        accesses[i] = (struct kb_trace_access){page, 1, kb_draw_kind(&random, writes)};
    }
    generator->random = random;
}

const struct kb_family kb_family_uniform = {
    .name = "uniform",
    .usage = "uniform:pages=1000:references=100000:seed=1:writes=0",
    .options = {[PAGES] = {.name = "pages", .least = 1, .most = KB_MOST_PAGES, .number = 1000},
                [REFERENCES] = KB_OPTION_REFERENCES,
                KB_OPTION_SEED,
                KB_OPTION_WRITES},
    .start = start,
    .next = next};
