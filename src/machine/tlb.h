/* tlb.h - the associative registers: the translations used most recently.
 *
 *              way 0        way 1       …
 *   set 0    │ tag, entry │ tag, entry │         set = page number mod sets
 *   set 1    │ tag, entry │ tag, entry │         one set: fully associative
 *
 *   tag (64)   | page number | asid |            all ones: empty
 *
 * The asid of a global entry is KB_TLB_GLOBAL's bits, which no process has: an
 * entry matches with either. A superpage's tag is the number of its first
 * base page; it is searched once more for each larger size that is in use, as
 * the second-level TLBs of real machines do. An entry keeps R and M as they
 * are in the table, and where that entry lies, so that a hit knows whether a
 * bit has still to be set there. */
#ifndef KB_MACHINE_TLB_H
#define KB_MACHINE_TLB_H

#include <stdbool.h>

#include "base/host.h"
#include "base/random.h"
#include "machine/format.h"

enum kb_tlb_replace { KB_TLB_LRU, KB_TLB_FIFO, KB_TLB_RANDOM };

#define KB_TLB_EMPTY UINT64_MAX
#define KB_TLB_MOST_ENTRIES (UINT32_C(1) << 20)

struct kb_tlb_geometry {
    uint32_t sets; /* a power of two */
    uint32_t ways; /* sets = 1: so many associative registers */
    enum kb_tlb_replace replace;
    uint64_t seed; /* of random */
};

struct kb_tlb_entry {
    uint64_t page;     /* physical address of the page or superpage */
    uint64_t entry;    /* physical address of the table entry that it was read from */
    uint16_t bits;     /* enum kb_entry_bits */
    uint8_t page_bits; /* of its size */
    uint32_t limit;    /* with KB_ENTRY_LIMITED: bytes of the page that the segment has */
};

struct kb_tlb {
    struct kb_tlb_geometry geometry;
    const struct kb_host *host;
    unsigned page_bits; /* of a base page */
    unsigned asid_bits;
    uint64_t global;   /* the asid of global entries: all ones */
    uint64_t set_mask; /* sets − 1 */
    uint64_t *tags;    /* by set × ways + way */
    uint64_t *stamps;  /* of the last use (LRU) or the load (FIFO) */
    struct kb_tlb_entry *entries;
    uint32_t *hint; /* by set: the index of the last hit */
    /* A stamp is the clock + the index of its entry, so that the least one says where it is; the
     * clock goes in steps that leave room for that. Below one step: empty. */
    uint64_t clock, step;
    struct kb_random random;
    uint64_t super_sizes; /* bit b: a page of 2^b bytes, larger than a base page, may be inside */
    bool globals;         /* a global entry may be inside */
    uint64_t hits, misses, loads, evictions, flushes, invalidations;
};

/* asid_bits: 0 … 16. */
kb_status kb_tlb_init(struct kb_tlb *tlb, struct kb_tlb_geometry geometry, unsigned page_bits,
                      unsigned asid_bits, const struct kb_host *host,
                      struct kb_error *error) KB_MUST_CHECK;
void kb_tlb_free(struct kb_tlb *tlb);

static inline uint64_t kb_tlb_tag(const struct kb_tlb *tlb, uint64_t page, uint64_t asid) {
    return page << tlb->asid_bits << (tlb->asid_bits == 0) | asid;
}

#define KB_TLB_NONE UINT32_MAX

/* The stamp of a use of entry i now. */
static inline uint64_t kb_tlb_now(struct kb_tlb *tlb, uint32_t i) {
    tlb->clock += tlb->step;
    return tlb->clock + i;
}

/* Two minima side by side: a processor waits less. */
static inline uint64_t kb_tlb_least(const uint64_t *stamps, uint32_t ways) {
    uint64_t even = stamps[0], odd = UINT64_MAX;
    uint32_t way = 1;
    for (; way + 1 < ways; way += 2) {
        odd = stamps[way] < odd ? stamps[way] : odd;
        even = stamps[way + 1] < even ? stamps[way + 1] : even;
    }
    if (way < ways)
        odd = stamps[way] < odd ? stamps[way] : odd;
    return odd < even ? odd : even;
}

/* The first entry of a set that has one of two tags, or KB_TLB_NONE. One at a time is faster, and
 * mostly there is only one. */
static inline uint32_t kb_tlb_search(const struct kb_tlb *tlb, uint64_t set, uint64_t tag,
                                     uint64_t other) {
    uint32_t ways = tlb->geometry.ways, first = (uint32_t)set * ways;
    const uint64_t *tags = tlb->tags + first;
    if (__builtin_expect(tag == other, 1)) {
        for (uint32_t way = 0; way < ways; way++)
            if (tags[way] == tag)
                return first + way;
        return KB_TLB_NONE;
    }
    for (uint32_t way = 0; way < ways; way++)
        if (tags[way] == tag || tags[way] == other)
            return first + way;
    return KB_TLB_NONE;
}

/* The index of the entry for a base page, or KB_TLB_NONE; a use of it is noted. */
static inline uint32_t kb_tlb_find_base(struct kb_tlb *tlb, uint64_t page, uint64_t asid) {
    uint64_t tag = kb_tlb_tag(tlb, page, asid), set = page & tlb->set_mask;
    uint32_t i = tlb->hint[set];
    if (__builtin_expect(tlb->tags[i] != tag, 0)) {
        uint64_t global = tlb->globals ? kb_tlb_tag(tlb, page, tlb->global) : tag;
        i = kb_tlb_search(tlb, set, tag, global);
        if (i == KB_TLB_NONE)
            return KB_TLB_NONE;
        tlb->hint[set] = i;
    }
    if (tlb->geometry.replace == KB_TLB_LRU)
        tlb->stamps[i] = kb_tlb_now(tlb, i);
    return i;
}

/* Loads the translation of the page (its first base page) into a set; *gone: the tag that had to
 * go, or KB_TLB_EMPTY. The least stamp is that of the first empty way, or of the victim. */
static inline uint32_t kb_tlb_put(struct kb_tlb *tlb, uint64_t set, uint64_t page, uint64_t asid,
                                  struct kb_tlb_entry entry, uint64_t *gone) {
    uint32_t ways = tlb->geometry.ways, first = (uint32_t)set * ways;
    uint64_t least = kb_tlb_least(tlb->stamps + first, ways);
    uint32_t best = (uint32_t)(least & (tlb->step - 1));
    if (least >= tlb->step) {
        tlb->evictions++;
        if (tlb->geometry.replace == KB_TLB_RANDOM)
            best = first + (uint32_t)kb_random_below(&tlb->random, ways);
    }
    if (entry.bits & KB_ENTRY_GLOBAL) {
        tlb->globals = true;
        asid = tlb->global;
    }
    *gone = tlb->tags[best];
    tlb->tags[best] = kb_tlb_tag(tlb, page, asid);
    tlb->entries[best] = entry;
    tlb->stamps[best] = kb_tlb_now(tlb, best);
    tlb->loads++;
    return best;
}

/* The same for an address, in all page sizes that are in use. */
uint32_t kb_tlb_find(struct kb_tlb *tlb, uint64_t address, uint64_t asid);

/* Without noting a use. */
uint32_t kb_tlb_peek(const struct kb_tlb *tlb, uint64_t address, uint64_t asid);

/* Loads a translation that is not inside; entry.bits tells whether it is global. *evicted, unless
 * NULL: the tag that had to go, or KB_TLB_EMPTY. Returns its index. */
uint32_t kb_tlb_load(struct kb_tlb *tlb, uint64_t address, uint64_t asid, struct kb_tlb_entry entry,
                     uint64_t *evicted);

/* Forgets the translation of an address; false if it was not inside. */
bool kb_tlb_invalidate(struct kb_tlb *tlb, uint64_t address, uint64_t asid);

/* Forgets all that is not global, or all. */
void kb_tlb_flush(struct kb_tlb *tlb, bool globals_too);
/* Forgets what belongs to one asid. */
void kb_tlb_flush_asid(struct kb_tlb *tlb, uint64_t asid);

/* For dumps: page number and asid of a tag. */
static inline uint64_t kb_tlb_tag_page(const struct kb_tlb *tlb, uint64_t tag) {
    return tag >> tlb->asid_bits >> (tlb->asid_bits == 0);
}
static inline uint64_t kb_tlb_tag_asid(const struct kb_tlb *tlb, uint64_t tag) {
    return tag & tlb->global;
}

#endif
