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
 * scenario about placement alone). States belong to the caller; what
 * they hold of each other are indexes. Whatever may need memory of the host says so by
 * a status, and leaves everything as it was. */
#ifndef KB_POLICY_PLACEMENT_H
#define KB_POLICY_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bitset.h"
#include "base/host.h"
#include "base/list.h"

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

/* ---- buddies ---- */

#define KB_BUDDY_ORDERS 32

/* Caller-owned; read start, block, units and total, leave the rest alone. */
struct kb_buddy {
    uint64_t start; /* of the memory */
    uint64_t block; /* the smallest block, a power of two: one unit */
    uint64_t total; /* bytes free */
    uint32_t units;
    unsigned orders; /* a block of order k has 2^k units */
    struct kb_bitset free[KB_BUDDY_ORDERS];
    uint8_t *order; /* by unit: 1 + order of the taken block that begins there; 0: none does */
    size_t bytes;   /* of all tables, which begin at order */
    const struct kb_host *host;
};

/* All of the memory is free: one block if length is block × 2^k, otherwise the powers of two that
 * it is made of, greatest first. KB_DATA: block is no power of two, length is 0, no multiple of it,
 * 2^31 units or more, or ends beyond 2^64 − 1. KB_NO_MEMORY. kb_buddy_free is safe even then. */
kb_status kb_buddy_init(struct kb_buddy *buddy, uint64_t start, uint64_t length, uint64_t block,
                        const struct kb_host *host, struct kb_error *error) KB_MUST_CHECK;
void kb_buddy_free(struct kb_buddy *buddy);

/* Takes a block: length (1 or more) rounded up to block × 2^k. The smallest free block that is
 * large enough, of equal ones the lowest, is halved, and its lower half again, until it has this
 * size. *from is the block before it was split, piece->start and ->length the block taken. false:
 * no block is large enough. */
bool kb_buddy_take(struct kb_buddy *buddy, uint64_t length, struct kb_hole *from,
                   struct kb_hole *piece);

/* The taken block that begins here is free, and joins its buddy as long as that is free as a whole:
 * *grown is what has come of it. KB_DATA if no taken block begins here. */
kb_status kb_buddy_give(struct kb_buddy *buddy, uint64_t start, struct kb_hole *grown,
                        struct kb_error *error) KB_MUST_CHECK;

/* In address order: the block that begins at `from`, free or taken; false: the memory ends there.
 * `from` is the start of the memory, or the end of a block. */
bool kb_buddy_next(const struct kb_buddy *buddy, uint64_t from, struct kb_hole *block, bool *taken);

/* The length of the largest free block, 0 if there is none. */
uint64_t kb_buddy_largest(const struct kb_buddy *buddy);

/* What is wrong, for tests; NULL: nothing. */
const char *kb_buddy_check(const struct kb_buddy *buddy);

/* ---- slabs ---- */

/* A cache of equal objects. Caller-owned; read the first five, leave the rest alone. */
struct kb_slab_cache {
    uint64_t object;            /* bytes of one */
    uint64_t bytes;             /* of a slab */
    uint32_t each;              /* objects in a slab; the rest of it is waste */
    uint32_t slabs;             /* held, empty ones too */
    uint64_t objects;           /* taken */
    uint64_t start;             /* of the buddy's memory */
    uint32_t used, room, spare; /* entries of the tables below */
    struct kb_slab *slab;
    struct kb_link *link; /* two lists of slabs: partly full, empty */
    uint32_t *next;       /* by slab and object: the chain of its free ones */
    uint32_t *at;         /* by place in memory: the slab there */
    uint32_t places;
    const struct kb_host *host;
};

/* An empty cache, whose slabs of so many bytes will come from this buddy memory. KB_DATA: bytes is
 * no power of two, less than the buddy's smallest block, or holds no object, or more than 2^20;
 * object is 0.
 * KB_NO_MEMORY. kb_slab_free is safe even then. */
kb_status kb_slab_init(struct kb_slab_cache *cache, const struct kb_buddy *buddy, uint64_t object,
                       uint64_t bytes, const struct kb_host *host,
                       struct kb_error *error) KB_MUST_CHECK;
void kb_slab_free(struct kb_slab_cache *cache);

/* An object: of the slab that has been partly full for the longest time, else of an empty one, else
 * of a new slab. Within a slab the one that became free last. *there is false if the buddy memory
 * has no block for a new slab. KB_NO_MEMORY. */
kb_status kb_slab_take(struct kb_slab_cache *cache, struct kb_buddy *buddy, uint64_t *address,
                       bool *there, struct kb_error *error) KB_MUST_CHECK;

/* The object is free; a slab without any stays, empty, until it is reaped. KB_DATA if it is no
 * taken object of this cache. */
kb_status kb_slab_give(struct kb_slab_cache *cache, uint64_t address,
                       struct kb_error *error) KB_MUST_CHECK;

/* Whether a slab of this cache begins at the address. */
bool kb_slab_begins(const struct kb_slab_cache *cache, uint64_t address);

/* Empty slabs go back to the buddy memory, which the cache took them from; returns how many. */
uint32_t kb_slab_reap(struct kb_slab_cache *cache, struct kb_buddy *buddy);

/* What is wrong, for tests; NULL: nothing. */
const char *kb_slab_check(const struct kb_slab_cache *cache);

#endif
