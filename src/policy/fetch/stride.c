/* stride.c - the next pages of an even stride: after p, p + d and p + 2d follow p + 3d, …
 *
 *   first ──► a difference d ──► d again: steady ──► another difference: d is that, not steady
 *
 * Nothing is proposed until the same difference has come twice in a row. d may
 * be negative. Source: Baer and Chen 1991, their states initial, transient and
 * steady, with one stream a process instead of one an instruction. */
#include "policy/fetch/fetch.h"

struct stride {
    uint64_t last, step; /* the page before; the last difference, modulo 2^64 */
    bool begun, steady;
};

static size_t size(const uint64_t *values) {
    (void)values;
    return sizeof(struct stride);
}

static void note(void *state, const uint64_t *values, uint64_t page) {
    struct stride *s = state;
    uint64_t step = page - s->last;
    (void)values;
    s->steady = s->begun && step == s->step && step != 0;
    s->step = s->begun ? step : 0;
    s->last = page;
    s->begun = true;
}

static unsigned propose(const void *state, const uint64_t *values, uint64_t page, uint64_t *pages) {
    const struct stride *s = state;
    bool down = s->step >> 63 != 0;
    unsigned count = 0;
    while (s->steady && count < values[KB_FETCH_DEPTH]) {
        uint64_t next = page + s->step;
        if (down ? next > page : next < page)
            break; /* past the end of all numbers */
        pages[count++] = page = next;
    }
    return count;
}

static const struct kb_option options[] = {KB_FETCH_OPTIONS};

const struct kb_fetch kb_fetch_stride = {.name = "stride",
                                         .title = KB_MSG_fetch_stride,
                                         .source = "Baer and Chen 1991",
                                         .options = options,
                                         .option_count = KB_FETCH_OWN,
                                         .size = size,
                                         .note = note,
                                         .propose = propose};
