/* loop.c - pages 0 … pages - 1 in order, around and around: `passes` whole turns, or, where
 * references is not 0, that many references, wherever they end. */
#include "trace/generate/family.h"

enum { PAGES, PASSES, REFERENCES };

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    const uint64_t *number = generator->number;
    if (generator->given[PASSES] && number[REFERENCES] != 0)
        return kb_fail(error, KB_USAGE, KB_MSG_generator_options_both, "loop", "passes",
                       "references");
    if (number[REFERENCES] != 0)
        return kb_set_references(generator, number[REFERENCES], 1, error);
    return kb_set_references(generator, number[PAGES], number[PASSES], error);
}

static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t pages = generator->number[PAGES];
    for (size_t i = 0; i < count; i++) {
        uint32_t kind = kb_draw_kind(&generator->random, generator->writes);
        accesses[i] = (struct kb_trace_access){generator->place, 1, kind};
        if (++generator->place == pages)
            generator->place = 0;
    }
}

const struct kb_family kb_family_loop = {
    .name = "loop",
    .usage = "loop:pages=100:passes=10:references=0:seed=1:writes=0",
    .options = {[PAGES] = {.name = "pages", .least = 1, .most = KB_MOST_PAGES, .number = 100},
                [PASSES] = {.name = "passes", .least = 1, .most = UINT64_MAX, .number = 10},
                [REFERENCES] = {.name = "references", .least = 0, .most = UINT64_MAX, .number = 0},
                KB_OPTION_SEED,
                KB_OPTION_WRITES},
    .start = start,
    .next = next};
