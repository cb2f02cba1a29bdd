/* loop_uniform.c - two kinds of reference mixed: with probability share per cent the next page of
 * a loop over pages 0 … pages - 1, else one of the `uniform` pages after them, all equally
 * likely. */
#include "trace/generate/family.h"

enum { PAGES, UNIFORM, SHARE, REFERENCES };

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    uint64_t all, *number = generator->number;
    if (!kb_add(number[PAGES], number[UNIFORM], &all) || all > KB_MOST_PAGES)
        return kb_fail(error, KB_USAGE, KB_MSG_generator_page_large, "loop-uniform");
    return kb_set_references(generator, number[REFERENCES], 1, error);
}

static uint64_t draw_page(struct kb_generator *generator) {
    const uint64_t *number = generator->number;
    if (kb_random_below(&generator->random, 100) >= number[SHARE])
        return number[PAGES] + kb_random_below(&generator->random, number[UNIFORM]);
    uint64_t page = generator->place++;
    if (generator->place == number[PAGES])
        generator->place = 0;
    return page;
}

static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t page = draw_page(generator);
        uint32_t kind = kb_draw_kind(&generator->random, generator->writes);
        accesses[i] = (struct kb_trace_access){page, 1, kind};
    }
}

const struct kb_family kb_family_loop_uniform = {
    .name = "loop-uniform",
    .usage = "loop-uniform:pages=100:uniform=1000:share=50:references=100000:seed=1:writes=0",
    .options = {[PAGES] = {.name = "pages", .least = 1, .most = KB_MOST_PAGES, .number = 100},
                [UNIFORM] = {.name = "uniform", .least = 1, .most = KB_MOST_PAGES, .number = 1000},
                [SHARE] = {.name = "share", .least = 0, .most = 100, .number = 50},
                [REFERENCES] = KB_OPTION_REFERENCES,
                KB_OPTION_SEED,
                KB_OPTION_WRITES},
    .start = start,
    .next = next};
