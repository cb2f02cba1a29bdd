/* sequential.c - one block lookahead, or several: with page p come p + 1 … p + depth.
 *
 * Source: Joseph 1970; Smith 1978, who calls it tagged when the first use of
 * such a page brings the next one, too (on=use). It has no state. */
#include "policy/fetch/fetch.h"

static size_t size(const uint64_t *values) {
    (void)values;
    return 0;
}

static unsigned propose(const void *state, const uint64_t *values, uint64_t page, uint64_t *pages) {
    unsigned count = 0;
    (void)state;
    while (count < values[KB_FETCH_DEPTH] && page < UINT64_MAX)
        pages[count++] = ++page;
    return count;
}

static const struct kb_option options[] = {KB_FETCH_OPTIONS};

const struct kb_fetch kb_fetch_sequential = {.name = "sequential",
                                             .title = KB_MSG_fetch_sequential,
                                             .source = "Joseph 1970; Smith 1978",
                                             .options = options,
                                             .option_count = KB_FETCH_OWN,
                                             .size = size,
                                             .propose = propose};
