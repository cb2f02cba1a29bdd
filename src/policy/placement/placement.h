/* placement.h - where a request for contiguous memory goes.
 *
 * Three families, one strategy a file:
 *
 *   kb_holes   a set of holes of any size, from which first, next, best or
 *              worst fit take the beginning of one (Knuth 1968, 2.5)
 *   kb_buddy   blocks of 2^k units that split into buddies and join again
 *              (Knowlton 1965)
 *   kb_slab    caches of equal objects, in slabs taken from a buddy memory
 *              (Bonwick 1994)
 *
 * None of them knows any bytes: they deal in addresses and lengths, and those
 * who use them own the memory (a segmented machine, a frame allocator, a
 * scenario about placement alone). States belong to the caller and hold
 * indexes, no inner pointers. Whatever may need memory of the host says so by
 * a status, and leaves everything as it was. */
#ifndef KB_POLICY_PLACEMENT_H
#define KB_POLICY_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host.h"

/* ---- holes ---- */

enum kb_fit { KB_FIT_FIRST, KB_FIT_NEXT, KB_FIT_BEST, KB_FIT_WORST, KB_FITS };

/* Free: start … start + length − 1. Ranges end at 2^64 − 1 at the latest. */
struct kb_hole {
    uint64_t start, length;
};

struct kb_hole_node; /* tree.h */

/* Caller-owned; read count and total, leave the rest alone. */
struct kb_holes {
    uint64_t total; /* bytes free */
    uint32_t count; /* holes: sorted, disjoint, no two adjacent */
    uint32_t root[2];
    uint32_t used, room; /* nodes ever used, the empty one (0) too; nodes there are */
    uint32_t spare;      /* nodes given back, chained */
    uint64_t cursor;     /* where the last piece taken by a fit ended: next fit begins there */
    struct kb_hole_node *node;
    const struct kb_host *host;
};

/* No holes. host may be NULL and is borrowed. KB_NO_MEMORY; kb_holes_free is safe even then. */
kb_status kb_holes_init(struct kb_holes *holes, const struct kb_host *host,
                        struct kb_error *error) KB_MUST_CHECK;
void kb_holes_free(struct kb_holes *holes);
/* As after init; the memory stays for later holes. */
void kb_holes_clear(struct kb_holes *holes);

/* A range becomes free, and grows together with its neighbours. A length of 0 is nothing.
 * KB_NO_MEMORY; KB_DATA if a part of it is free already, or it ends beyond 2^64 − 1. */
kb_status kb_holes_give(struct kb_holes *holes, uint64_t start, uint64_t length,
                        struct kb_error *error) KB_MUST_CHECK;

/* Takes the beginning of a hole: *from is the hole before the split, the piece from->start …
 * from->start + length − 1. false: no hole is large enough (holes->total may still be), or length
 * is 0. Cannot fail for want of memory.
 *
 *   first   the lowest hole that is large enough
 *   next    the first large enough that ends behind the place where the last piece taken by any
 *           fit ended; from the lowest again if there is none
 *   best    the smallest that is large enough; of equal ones the lowest
 *   worst   the largest; of equal ones the lowest */
bool kb_holes_take(struct kb_holes *holes, uint64_t length, enum kb_fit fit, struct kb_hole *from);

/* Exactly this range. *taken is false if not all of it is free, or length is 0. A piece out of the
 * middle of a hole needs memory for a second one: KB_NO_MEMORY. */
kb_status kb_holes_take_at(struct kb_holes *holes, uint64_t start, uint64_t length, bool *taken,
                           struct kb_error *error) KB_MUST_CHECK;

/* In address order: the first hole that ends behind `from`. false: there is none. To visit all:
 * begin with 0, go on with the end of each. */
bool kb_holes_next(const struct kb_holes *holes, uint64_t from, struct kb_hole *hole);

/* The length of the largest hole, 0 if there is none. */
uint64_t kb_holes_largest(const struct kb_holes *holes);

/* What is wrong with the trees and sums, for tests; NULL: nothing. */
const char *kb_holes_check(const struct kb_holes *holes);

/* first, next, best, worst. false: the text is none of them. */
bool kb_fit_parse(const char *text, size_t length, enum kb_fit *fit);
const char *kb_fit_name(enum kb_fit fit);

#endif
