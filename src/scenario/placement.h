/* placement.h - a memory in which requests are placed, without a machine: `holes`.
 *
 *   holes 100K,500K    areas that lie apart; what is free of them is holes
 *   place A 212K       a request: it is placed, or waits until it is placed again
 *
 * The areas belong to nobody else, so a range is either a hole or a request's.
 * With `fixed` a request has a whole area. The first `fit=buddy`, or `cache`,
 * makes buddies of an untouched memory. */
#ifndef KB_SCENARIO_PLACEMENT_H
#define KB_SCENARIO_PLACEMENT_H

#include "policy/placement/placement.h"
#include "scenario/session.h"

#define KB_FIT_BUDDY KB_FITS
#define KB_FIT_SLAB (KB_FITS + 1)

enum kb_request_state { KB_REQUEST_WAITS, KB_REQUEST_PLACED, KB_REQUEST_FREED };

struct kb_request {
    char name[KB_NAME_BYTES];
    enum kb_request_state state;
    unsigned fit;           /* enum kb_fit, KB_FIT_BUDDY, KB_FIT_SLAB */
    uint64_t bytes;         /* asked for */
    struct kb_hole hole;    /* before it was split; of an object: its slab */
    struct kb_hole piece;   /* what it has: more than bytes in a partition or a block */
    uint64_t looked, of;    /* holes that were looked at, of so many */
    struct kb_cache *cache; /* NULL: not of an object */
};

struct kb_cache {
    char name[KB_NAME_BYTES];
    struct kb_slab_cache slabs;
};

struct kb_places {
    bool fixed, buddies;
    uint64_t block; /* the smallest of buddies; 0: the usual */
    struct kb_hole *area;
    uint32_t areas;
    struct kb_holes holes; /* unless buddies */
    struct kb_buddy buddy;
    struct kb_request *request;
    uint32_t requests, request_room;
    struct kb_cache **cache;
    uint32_t caches;
    uint64_t moved; /* bytes, by compact */
};

struct kb_request *kb_places_find(const struct kb_places *places, const struct kb_word *name);
struct kb_cache *kb_places_cache(const struct kb_places *places, const struct kb_word *name);

/* In address order: the range that begins at or behind `from`, a hole or a request's (*owner; an
 * object's is not told, but its slab is, *cache). false: there is none. */
bool kb_places_next(const struct kb_places *places, uint64_t from, struct kb_hole *range,
                    const struct kb_request **owner, const struct kb_cache **cache);

uint64_t kb_places_free(const struct kb_places *places);
uint64_t kb_places_largest(const struct kb_places *places);
/* Bytes that are nobody's and no hole: rests of partitions, blocks and slabs. */
uint64_t kb_places_internal(const struct kb_places *places);
uint64_t kb_request_internal(const struct kb_request *request);
uint64_t kb_cache_internal(const struct kb_cache *cache);
/* 100 × (1 − largest / free); 0 if nothing is free. */
double kb_places_external(const struct kb_places *places);

/* ---- expect_placement.c ---- */

/* The rest of `expect`, and of `show holes`; false: it asks for something else. */
bool kb_expect_placement(struct kb_scenario *s, kb_status *status);
bool kb_expect_is_placement(const struct kb_word *word);

/* ---- narrate_placement.c: words, or JSON, or nothing ---- */

void kb_tell_holes(struct kb_scenario *s);
void kb_tell_cache(struct kb_scenario *s, const struct kb_cache *cache);
void kb_tell_placed(struct kb_scenario *s, const struct kb_request *request);
void kb_tell_waits(struct kb_scenario *s, const struct kb_request *request);
/* grown: the hole, block or slab that its piece is a part of now; NULL: it only waited. */
void kb_tell_freed(struct kb_scenario *s, const struct kb_request *request,
                   const struct kb_hole *grown);
void kb_tell_moved(struct kb_scenario *s, const struct kb_request *request, uint64_t from);
void kb_tell_compacted(struct kb_scenario *s, uint64_t bytes, uint32_t holes_before);
/* 12, 4K, 3M: exact. */
#define KB_EXACT_TEXT 24
const char *kb_exact_size(uint64_t bytes, char text[KB_EXACT_TEXT]);
const char *kb_places_fit_name(unsigned fit);

#endif
