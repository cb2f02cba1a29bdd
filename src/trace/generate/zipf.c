/* zipf.c - page of rank r (from 0) with a probability proportional to 1 / (r + 1)^alpha.
 *
 *   s(r) = s(r - 1) + 1 / pow(r + 1, alpha)    in doubles, in the order of ranks
 *   shares[r] = s(r) / s(pages - 1)            so shares[pages - 1] = 1
 *   a reference: u = kb_random_unit; the first rank whose share exceeds u
 *   its page: r, or with scramble=1 pages[r], a permutation (Fisher and Yates)
 *
 * The search is a binary one in a short stretch: guide[j] is the first rank
 * whose share exceeds j / 2^bits, so that the rank of u lies from
 * guide[floor(u · 2^bits)] to the next entry. The result is that of a search
 * over all ranks. */
#include <math.h>
#include <stdlib.h>

#include "trace/generate/family.h"

enum { PAGES, REFERENCES, ALPHA, SEED, SCRAMBLE };

#define MOST_RANKS (UINT64_C(1) << 27)

/* The power of two that is at least the number of pages. */
static unsigned guide_bits(uint64_t pages) {
    unsigned bits = 0;
    while (UINT64_C(1) << bits < pages)
        bits++;
    return bits;
}

static void fill_shares(double *shares, size_t pages, double alpha) {
    double sum = 0;
    for (size_t r = 0; r < pages; r++) {
        sum += 1.0 / pow((double)(r + 1), alpha);
        shares[r] = sum;
    }
    for (size_t r = 0; r < pages; r++)
        shares[r] /= sum;
}

/* 2^bits + 1 entries; the last is the last rank. */
static void fill_guide(uint32_t *guide, unsigned bits, const double *shares, size_t pages) {
    const size_t entries = (size_t)1 << bits;
    uint32_t rank = 0;
    for (size_t j = 0; j < entries; j++) {
        double bound = (double)j / (double)entries;
        while (shares[rank] <= bound)
            rank++;
        guide[j] = rank;
    }
    guide[entries] = (uint32_t)(pages - 1);
}

/* A permutation, drawn from the last place to the second. */
static void fill_pages(uint32_t *pages, size_t count, struct kb_random *random) {
    for (size_t i = 0; i < count; i++)
        pages[i] = (uint32_t)i;
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = (size_t)kb_random_below(random, i + 1);
        uint32_t page = pages[i];
        pages[i] = pages[j];
        pages[j] = page;
    }
}

static bool take_tables(struct kb_generator *generator, size_t pages, size_t entries,
                        bool scramble) {
    generator->shares = calloc(pages, sizeof *generator->shares);
    generator->guide = calloc(entries, sizeof *generator->guide);
    if (scramble)
        generator->pages = calloc(pages, sizeof *generator->pages);
    return generator->shares != NULL && generator->guide != NULL &&
           (generator->pages != NULL || !scramble);
}

static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    const size_t pages = (size_t)generator->number[PAGES];
    const unsigned bits = guide_bits(pages);
    const size_t entries = ((size_t)1 << bits) + 1;
    const bool scramble = generator->number[SCRAMBLE] == 1;
    if (!take_tables(generator, pages, entries, scramble))
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory,
                       kb_text(error->language, KB_MSG_thing_generator),
                       (unsigned long long)(pages * UINT64_C(12) + entries * UINT64_C(4)));
    fill_shares(generator->shares, pages, generator->real[ALPHA]);
    fill_guide(generator->guide, bits, generator->shares, pages);
    if (scramble)
        fill_pages(generator->pages, pages, &generator->random);
    generator->place = 53 - bits;
    return kb_set_references(generator, generator->number[REFERENCES], 1, error);
}

/* The first rank from low to high whose share exceeds u; high's does. */
static inline uint32_t first_above(const double *shares, uint32_t low, uint32_t high, double u) {
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (shares[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The guide's entry of a draw is its upper bits; u is kb_random_unit's. */
static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t shift = generator->place, writes = generator->writes;
    const double *shares = generator->shares;
    const uint32_t *pages = generator->pages;
    struct kb_random random = generator->random;
    for (size_t i = 0; i < count; i++) {
        uint64_t draw = kb_random_next(&random) >> 11;
        const uint32_t *guide = generator->guide + (draw >> shift);
        uint32_t rank = first_above(shares, guide[0], guide[1], (double)draw * 0x1p-53);
        uint32_t kind = kb_draw_kind(&random, writes);
        accesses[i] = (struct kb_trace_access){pages == NULL ? rank : pages[rank], 1, kind};
    }
    generator->random = random;
}

const struct kb_family kb_family_zipf = {
    .name = "zipf",
    .usage = "zipf:pages=1000:references=100000:alpha=0.99:seed=1:scramble=0:writes=0",
    .options = {[PAGES] = {.name = "pages", .least = 1, .most = MOST_RANKS, .number = 1000},
                [REFERENCES] = KB_OPTION_REFERENCES,
                [ALPHA] = {.name = "alpha", .type = KB_OPTION_REAL, .most = 100, .real = 0.99},
                [SEED] = KB_OPTION_SEED,
                [SCRAMBLE] = {.name = "scramble", .least = 0, .most = 1, .number = 0},
                KB_OPTION_WRITES},
    .start = start,
    .next = next};
