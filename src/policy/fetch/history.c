/* history.c - which page followed which the last time: a Markov chain of first order, of which the
 * latest transition of each page is kept.
 *
 *   faults      7 3 9 7 …        successor[7] = 3, successor[3] = 9, successor[9] = 7
 *   after 7     propose 3; with depth=2 9 too, with depth=3 the chain is at its beginning again
 *
 * The table has `entries` entries of 16 bytes, found by a hash: a page whose
 * entry is another one's takes it over. Sources: Baer and Sager 1976; Joseph
 * and Grunwald 1997. */
#include "base/random.h"
#include "policy/fetch/fetch.h"

enum { ENTRIES = KB_FETCH_OWN };

struct entry {
    uint64_t page, successor;
};

/* The table follows. An empty entry says that page 0 follows itself, which is never noted. */
struct history {
    uint64_t last;
    bool begun;
};

static struct entry *table(struct history *h) { return (struct entry *)(h + 1); }

static size_t size(const uint64_t *values) {
    return sizeof(struct history) + (size_t)values[ENTRIES] * sizeof(struct entry);
}

/* Fibonacci hashing (Knuth 1973, 6.4), to any number of entries. */
static uint64_t place_of(uint64_t page, const uint64_t *values) {
    return kb_multiply_high(page * UINT64_C(0x9E3779B97F4A7C15), values[ENTRIES]);
}

static void note(void *state, const uint64_t *values, uint64_t page) {
    struct history *h = state;
    if (h->begun && h->last != page)
        table(h)[place_of(h->last, values)] = (struct entry){h->last, page};
    h->begun = true;
    h->last = page;
}

/* false: nothing is known of the page. */
static bool successor(const struct history *h, const uint64_t *values, uint64_t page,
                      uint64_t *next) {
    const struct entry *entry = (const struct entry *)(h + 1) + place_of(page, values);
    *next = entry->successor;
    return entry->page == page && entry->successor != page;
}

static unsigned propose(const void *state, const uint64_t *values, uint64_t page, uint64_t *pages) {
    unsigned count = 0;
    uint64_t at = page;
    while (count < values[KB_FETCH_DEPTH] && successor(state, values, at, &at)) {
        bool again = at == page;
        for (unsigned i = 0; i < count; i++)
            again = again || pages[i] == at;
        if (again)
            break; /* the chain has come back to itself */
        pages[count++] = at;
    }
    return count;
}

static const struct kb_option options[] = {
    KB_FETCH_OPTIONS, {"entries", KB_MSG_option_entries, 1, UINT64_C(1) << 20, 4096, NULL}};

const struct kb_fetch kb_fetch_history = {.name = "history",
                                          .title = KB_MSG_fetch_history,
                                          .source = "Baer and Sager 1976",
                                          .options = options,
                                          .option_count = KB_FETCH_OWN + 1,
                                          .size = size,
                                          .note = note,
                                          .propose = propose};
