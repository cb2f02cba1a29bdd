/* next.c - next fit: first fit that begins where the last piece ended, and wraps around once.
 * (Knuth 1968, 2.5, exercise 6: the roving pointer.)
 *
 * The pointer is an address, so nothing has to be mended when holes join. A
 * hole that has grown over it is looked at as a whole, from its beginning. */
#include "policy/placement/tree.h"

/* The first large enough from a node on, in address order: the node, what is greater below it, then
 * the same of each ancestor that it is smaller than. */
static uint32_t from_node(const struct kb_hole_node *node, uint32_t n, uint64_t length) {
    while (n != 0) {
        const struct kb_hole_link *link = &node[n].by[KB_BY_ADDRESS];
        if (node[n].length >= length)
            return n;
        if (node[n].largest[1] >= length)
            return kb_hole_lowest(node, link->child[1], length);
        uint32_t below = n;
        for (n = link->parent; n != 0 && node[n].by[KB_BY_ADDRESS].child[1] == below;
             n = node[n].by[KB_BY_ADDRESS].parent)
            below = n;
    }
    return 0;
}

static uint32_t find(const struct kb_holes *holes, uint64_t length) {
    if (kb_holes_largest(holes) < length)
        return 0;
    uint32_t found = from_node(holes->node, kb_hole_behind(holes, holes->cursor), length);
    return found != 0 ? found : kb_first_fit.find(holes, length);
}

const struct kb_fit_strategy kb_next_fit = {.name = "next", .find = find};
