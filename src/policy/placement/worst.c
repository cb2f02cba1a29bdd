/* worst.c - worst fit: the largest hole, so that what is left over stays useful; of equal ones the
 * lowest. It is first fit for the largest length there is. */
#include "policy/placement/tree.h"

static uint32_t find(const struct kb_holes *holes, uint64_t length) {
    uint64_t largest = kb_holes_largest(holes);
    return largest >= length ? kb_first_fit.find(holes, largest) : 0;
}

const struct kb_fit_strategy kb_worst_fit = {.name = "worst", .find = find};
