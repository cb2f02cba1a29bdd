/* naive.h - six policies as a textbook's exercise writes them: the yardstick of bench_replay.
 *
 * The page table is an array of pointers by page, a resident page is a node
 * that malloc made, and what orders the pages is a linked list (FIFO, LRU) or
 * is searched from end to end at each fault (LFU, OPT). Clock has a ring of
 * nodes, random an array. They must have exactly as many faults as Kilburn.
 *
 * naive_run replays references until the time is up and says how many it did. */
#ifndef KB_BENCH_NAIVE_H
#define KB_BENCH_NAIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/random.h"

struct naive_node {
    uint32_t page;
    bool referenced;      /* clock */
    uint64_t uses, order; /* lfu */
    uint64_t next_use;    /* opt */
    struct naive_node *older, *newer;
};

struct naive {
    struct naive_node **where; /* by page; NULL: not resident */
    struct naive_node *oldest, *newest;
    struct naive_node **frames; /* resident pages in an array, for lfu, opt, clock, random */
    struct naive_node *hand;    /* clock: the ring goes through newer */
    uint64_t capacity, resident;
    uint64_t faults, loads;
    struct kb_random random;
};

/* ---- the list ---- */

static void naive_append(struct naive *n, struct naive_node *node) {
    node->newer = NULL;
    node->older = n->newest;
    if (n->newest != NULL)
        n->newest->newer = node;
    else
        n->oldest = node;
    n->newest = node;
}

static void naive_unlink(struct naive *n, struct naive_node *node) {
    if (node->older != NULL)
        node->older->newer = node->newer;
    else
        n->oldest = node->newer;
    if (node->newer != NULL)
        node->newer->older = node->older;
    else
        n->newest = node->older;
}

static struct naive_node *naive_new(struct naive *n, uint32_t page) {
    struct naive_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        abort();
    node->page = page;
    n->where[page] = node;
    return node;
}

static void naive_delete(struct naive *n, struct naive_node *node) {
    n->where[node->page] = NULL;
    free(node);
}

/* ---- one reference; next: the number of the page's next reference, UINT64_MAX: none ---- */

static void naive_fifo(struct naive *n, uint32_t page, uint64_t next) {
    (void)next;
    if (n->where[page] != NULL)
        return;
    n->faults++;
    if (n->resident == n->capacity) {
        struct naive_node *victim = n->oldest;
        naive_unlink(n, victim);
        naive_delete(n, victim);
    } else {
        n->resident++;
    }
    naive_append(n, naive_new(n, page));
}

static void naive_lru(struct naive *n, uint32_t page, uint64_t next) {
    struct naive_node *node = n->where[page];
    if (node == NULL) {
        naive_fifo(n, page, next);
        return;
    }
    naive_unlink(n, node);
    naive_append(n, node);
}

static void naive_clock(struct naive *n, uint32_t page, uint64_t next) {
    struct naive_node *node = n->where[page];
    (void)next;
    if (node != NULL) {
        node->referenced = true;
        return;
    }
    n->faults++;
    if (n->resident < n->capacity) { /* the ring grows behind the newest */
        node = naive_new(n, page);
        node->referenced = true;
        naive_append(n, node);
        n->resident++;
        n->hand = n->oldest;
        return;
    }
    while (n->hand->referenced) {
        n->hand->referenced = false;
        n->hand = n->hand->newer != NULL ? n->hand->newer : n->oldest;
    }
    n->where[n->hand->page] = NULL;
    n->hand->page = page;
    n->hand->referenced = true;
    n->where[page] = n->hand;
    n->hand = n->hand->newer != NULL ? n->hand->newer : n->oldest;
}

/* The place of the frame whose page must go, by looking at all of them. */
static uint64_t naive_search(const struct naive *n, bool by_next_use) {
    uint64_t best = 0;
    for (uint64_t i = 1; i < n->resident; i++) {
        const struct naive_node *a = n->frames[i], *b = n->frames[best];
        if (by_next_use ? a->next_use > b->next_use
                        : a->uses < b->uses || (a->uses == b->uses && a->order < b->order))
            best = i;
    }
    return best;
}

static void naive_place(struct naive *n, uint32_t page, uint64_t next, uint64_t place) {
    if (n->resident == n->capacity)
        naive_delete(n, n->frames[place]);
    else
        place = n->resident++;
    n->frames[place] = naive_new(n, page);
    n->frames[place]->uses = 1;
    n->frames[place]->order = n->loads++;
    n->frames[place]->next_use = next;
}

static void naive_lfu(struct naive *n, uint32_t page, uint64_t next) {
    if (n->where[page] != NULL) {
        n->where[page]->uses++;
        return;
    }
    n->faults++;
    naive_place(n, page, next, n->resident < n->capacity ? 0 : naive_search(n, false));
}

static void naive_opt(struct naive *n, uint32_t page, uint64_t next) {
    if (n->where[page] != NULL) {
        n->where[page]->next_use = next;
        return;
    }
    n->faults++;
    naive_place(n, page, next, n->resident < n->capacity ? 0 : naive_search(n, true));
}

static void naive_random(struct naive *n, uint32_t page, uint64_t next) {
    if (n->where[page] != NULL)
        return;
    n->faults++;
    naive_place(n, page, next,
                n->resident < n->capacity ? 0 : kb_random_below(&n->random, n->capacity));
}

static const struct naive_policy {
    const char *name;
    void (*reference)(struct naive *n, uint32_t page, uint64_t next);
} naive_policies[] = {{"fifo", naive_fifo}, {"lru", naive_lru}, {"clock", naive_clock},
                      {"lfu", naive_lfu},   {"opt", naive_opt}, {"random", naive_random}};

static inline const struct naive_policy *naive_find(const char *name) {
    for (size_t i = 0; i < sizeof naive_policies / sizeof naive_policies[0]; i++)
        if (strcmp(naive_policies[i].name, name) == 0)
            return &naive_policies[i];
    return NULL;
}

struct naive_result {
    uint64_t references, faults;
    double seconds;
};

/* next_use may be NULL but for opt. Stops at the first of `count` references and `limit` seconds;
 * the clock is asked every 8192 references. */
static inline struct naive_result naive_run(const struct naive_policy *policy,
                                            const uint32_t *references, uint64_t count,
                                            const uint32_t *next_use, uint32_t pages,
                                            uint32_t frames, double limit) {
    struct naive n = {.capacity = frames, .random = {1}};
    struct naive_result result = {0, 0, 0};
    double start = bench_now();
    n.where = calloc(pages, sizeof(struct naive_node *));
    n.frames = calloc(frames, sizeof(struct naive_node *));
    if (n.where == NULL || n.frames == NULL)
        abort();
    for (uint64_t i = 0; i < count; i++) {
        policy->reference(&n, references[i],
                          next_use == NULL || next_use[i] == 0 ? UINT64_MAX : next_use[i]);
        result.references = i + 1;
        if ((i & 8191) == 8191 && bench_now() - start > limit)
            break;
    }
    result.seconds = bench_now() - start;
    result.faults = n.faults;
    for (uint32_t page = 0; page < pages; page++)
        free(n.where[page]);
    free(n.where);
    free(n.frames);
    return result;
}

#endif
