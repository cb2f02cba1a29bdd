/* first.c - first fit: the lowest hole that is large enough. (Knuth 1968, 2.5, algorithm A.) */
#include "policy/placement/tree.h"

static uint32_t find(const struct kb_holes *holes, uint64_t length) {
    uint32_t root = holes->root[KB_BY_ADDRESS];
    return kb_holes_largest(holes) >= length ? kb_hole_lowest(holes->node, root, length) : 0;
}

const struct kb_fit_strategy kb_first_fit = {.name = "first", .find = find};
