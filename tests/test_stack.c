/* test_stack.c - LRU at all sizes in one pass, against as many naive memories: a list each. */
#include "harness.h"

#include <stdlib.h>

#include "base/random.h"
#include "replay/stack.h"

enum { RUNS = 600, PAGES = 90, SIZES = 100 };

/* ---- a memory of so many frames ---- */

struct memory {
    uint32_t frames, used;
    uint32_t page[SIZES]; /* the last used first */
    bool dirty[SIZES];
    uint64_t faults, write_backs;
};

static void refer(struct memory *m, uint32_t page, bool write) {
    uint32_t place = 0;
    bool dirty = write;
    while (place < m->used && m->page[place] != page)
        place++;
    if (place == m->used) {
        m->faults++;
        if (m->used == m->frames)
            m->write_backs += m->dirty[--place];
        else
            m->used++;
    } else {
        dirty |= m->dirty[place];
    }
    memmove(m->page + 1, m->page, place * sizeof *m->page);
    memmove(m->dirty + 1, m->dirty, place * sizeof *m->dirty);
    m->page[0] = page;
    m->dirty[0] = dirty;
}

/* ---- random traces ---- */

/* Mostly pages used lately, at all distances; ids dense, in the order of first touch. */
static uint32_t random_page(struct kb_random *random, const struct memory *all, uint32_t pages,
                            uint32_t most) {
    uint64_t limit = kb_random_below(random, 3) == 0 ? most : 1 + kb_random_below(random, most);
    uint64_t draw = kb_random_below(random, limit);
    if (draw < all->used)
        return all->page[draw];
    return pages < most ? pages : (uint32_t)kb_random_below(random, most);
}

static void compare(uint64_t seed, uint32_t most, uint32_t largest) {
    static struct memory memories[SIZES + 1];
    static struct kb_run runs[RUNS + KB_RUN_PADDING];
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_random random = {seed};
    struct kb_stack stack, again;
    struct kb_result results[SIZES];
    uint32_t pages = 0, frames[SIZES], from = 0;
    memset(memories, 0, sizeof memories);
    memset(runs, 0, sizeof runs);
    for (uint32_t f = 1; f <= SIZES; f++)
        memories[f].frames = f;
    CHECK_EQ(kb_stack_init(&stack, largest, NULL, &error), KB_OK);
    CHECK_EQ(kb_stack_init(&again, largest, NULL, &error), KB_OK);
    for (uint32_t i = 0; i < RUNS; i++) {
        uint32_t page = random_page(&random, &memories[SIZES], pages, most);
        bool write = kb_random_below(&random, 3) == 0;
        pages = page == pages ? pages + 1 : pages;
        runs[i] = kb_run_make(page, write ? KB_WRITE : KB_READ,
                              1 + (uint32_t)kb_random_below(&random, 3));
        for (uint32_t f = 1; f <= SIZES; f++)
            refer(&memories[f], page, write);
        if (i + 1 < RUNS && kb_random_below(&random, 200) > 0)
            continue;
        struct kb_block block = {.runs = runs + from, .count = i + 1 - from, .pages = pages};
        for (; from <= i; from++)
            block.references += kb_run_count(runs[from]);
        CHECK_EQ(kb_stack_block(&stack, &block, &error), KB_OK);
        CHECK_EQ(kb_stack_block(&again, &block, &error), KB_OK);
    }
    for (uint32_t f = 1; f <= largest; f++)
        frames[f - 1] = f;
    kb_stack_results(&again, frames, largest, results);
    for (uint32_t f = 1; f <= largest; f++) {
        uint64_t dirty = 0;
        for (uint32_t i = 0; i < memories[f].used; i++)
            dirty += memories[f].dirty[i];
        CHECK_EQ(results[f - 1].faults, memories[f].faults);
        CHECK_EQ(results[f - 1].write_backs, memories[f].write_backs);
        CHECK_EQ(results[f - 1].still_dirty, dirty);
        CHECK_EQ(results[f - 1].cold_faults, pages);
    }
    for (uint64_t faults = 0; faults <= RUNS; faults++) {
        uint32_t wanted = 0;
        for (uint32_t f = largest; f >= 1; f--)
            wanted = memories[f].faults <= faults ? f : wanted;
        CHECK_EQ(kb_stack_frames(&stack, faults), wanted);
    }
    kb_stack_free(&stack);
    kb_stack_free(&again);
}

/* So many pages and references that the line's gaps are closed many times. */
static void test_long(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    const uint32_t pages = 3000, frames[] = {1, 15, 16, 17, 2999, 3000};
    struct kb_stack stack;
    struct kb_result results[6];
    struct kb_run *runs = calloc(pages + KB_RUN_PADDING, sizeof *runs);
    CHECK(runs != NULL);
    CHECK_EQ(kb_stack_init(&stack, 5000, NULL, &error), KB_OK);
    for (uint32_t i = 0; runs != NULL && i < pages; i++)
        runs[i] = kb_run_make(i, KB_READ, 1);
    struct kb_block block = {.runs = runs, .count = pages, .references = pages, .pages = pages};
    for (unsigned pass = 0; runs != NULL && pass < 100; pass++)
        CHECK_EQ(kb_stack_block(&stack, &block, &error), KB_OK);
    CHECK_EQ(kb_stack_frames(&stack, 100 * pages - 1), pages);
    kb_stack_results(&stack, frames, 6, results);
    for (unsigned i = 0; i < 6; i++) /* a loop: all misses, or all but the first pass hits */
        CHECK_EQ(results[i].faults, frames[i] < pages ? 100 * pages : pages);
    kb_stack_free(&stack);
    free(runs);
}

int main(void) {
    for (uint64_t seed = 1; seed <= 60; seed++)
        compare(seed, 1 + (uint32_t)(seed * 7 % PAGES), 1 + (uint32_t)(seed * 13 % SIZES));
    compare(61, 16, SIZES);
    compare(62, 17, SIZES);
    compare(63, 15, 16);
    test_long();
    return harness_end();
}
