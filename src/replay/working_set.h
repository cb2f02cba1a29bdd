/* working_set.h - Denning's working set W(t, window): the pages of the last `window` references.
 *
 *   reference     1  2  3  4  5  6  7  8  9 10           window 5
 *   page          2  6  1  5  7  7  7  7  5  1    W(10, 5) = pages of 6 … 10 = {1, 5, 7}
 *                                └────────────┘
 *
 * References are counted from 1. W is kept by every reference; it is looked at
 * where the host asks, and its size as often as a curve needs.
 *
 * Source: P. J. Denning, "The working set model for program behavior", CACM
 * 11(5), 1968. Independent of the policy `ws`, which it is compared with.
 *
 * Memory: 16 bytes a page, and the curve. */
#ifndef KB_REPLAY_WORKING_SET_H
#define KB_REPLAY_WORKING_SET_H

#include "base/host.h"
#include "trace/run.h"

#define KB_WORKING_SET_POINTS 1024 /* of the curve, at most; at least half as many */

struct kb_working_set {
    const struct kb_host *host;
    uint64_t window;
    uint64_t references;
    uint64_t size, peak;
    uint64_t peak_at;  /* the first reference of that size */
    uint64_t size_sum; /* over all references */
    uint64_t quiet;    /* before this reference no page leaves, and nobody looks */
    uint64_t entries;  /* references whose page was not in W before: faults of the policy ws */
    uint64_t step;     /* between points of the curve: a power of two */
    uint32_t points;
    uint64_t curve[KB_WORKING_SET_POINTS]; /* sizes after references step, 2·step, … */
    const uint64_t *asked;                 /* rising; borrowed */
    size_t asked_count, asked_done;
    /* Called when the set after an asked reference is known. */
    kb_status (*show)(void *context, uint64_t at, struct kb_error *error);
    void *context;
    struct kb_working_set_page *pages; /* node 0 is the list's end, page p is node p + 1 */
    uint64_t page_room;
};

void kb_working_set_init(struct kb_working_set *set, uint64_t window, const struct kb_host *host);
kb_status kb_working_set_add(struct kb_working_set *set, const struct kb_block *block,
                             struct kb_error *error) KB_MUST_CHECK;

/* The ids in W now, as many as `size`, in the order of their last references. */
void kb_working_set_pages(const struct kb_working_set *set, uint32_t *ids);

void kb_working_set_free(struct kb_working_set *set);

#endif
