/* sequential.c - pages 0, 1, 2, … in order, each `each` times in a row, `passes` times over;
 * perhaps each one is released behind its last time. */
#include "trace/generate/family.h"

enum { PAGES, PASSES, EACH, RELEASE };

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    const uint64_t *number = generator->number;
    kb_status status = kb_set_references(generator, number[PAGES], number[PASSES], error);
    if (status != KB_OK)
        return status;
    return kb_set_references(generator, generator->references, number[EACH], error);
}

static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t pages = generator->number[PAGES], each = generator->number[EACH];
    for (size_t i = 0; i < count; i++) {
        uint32_t kind = kb_draw_kind(&generator->random, generator->writes);
        accesses[i] = (struct kb_trace_access){generator->place, 1, kind};
        if (++generator->repeated < each)
            continue;
        accesses[i].kind |= generator->number[RELEASE] != 0 ? KB_ACCESS_RELEASES : 0;
        generator->repeated = 0;
        if (++generator->place == pages)
            generator->place = 0;
    }
}

const struct kb_family kb_family_sequential = {
    .name = "sequential",
    .usage = "sequential:pages=1000:passes=1:each=1:release=no|yes:seed=1:writes=0",
    .options = {[PAGES] = {.name = "pages", .least = 1, .most = KB_MOST_PAGES, .number = 1000},
                [PASSES] = {.name = "passes", .least = 1, .most = UINT64_MAX, .number = 1},
                [EACH] = {.name = "each", .least = 1, .most = UINT64_MAX, .number = 1},
                [RELEASE] = {.name = "release", .type = KB_OPTION_WORD, .words = "no yes"},
                KB_OPTION_SEED,
                KB_OPTION_WRITES},
    .start = start,
    .next = next};
