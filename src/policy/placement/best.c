/* best.c - best fit: the smallest hole that is large enough; of equal ones the lowest. It leaves
 * the smallest rests. (Knuth 1968, 2.5.) */
#include "policy/placement/tree.h"

static uint32_t find(const struct kb_holes *holes, uint64_t length) {
    uint32_t found = 0;
    for (uint32_t n = holes->root[KB_BY_LENGTH]; n != 0;) {
        bool fits = holes->node[n].length >= length;
        if (fits)
            found = n;
        n = holes->node[n].by[KB_BY_LENGTH].child[!fits];
    }
    return found;
}

const struct kb_fit_strategy kb_best_fit = {.name = "best", .find = find};
