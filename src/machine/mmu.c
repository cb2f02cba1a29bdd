/* mmu.c - everything of a translation that is not a plain hit: relocation, zones, rights, the
 * second level, the walk, and the bits R and M. */
#include "machine/mmu.h"

#include "machine/descriptor.h"

/* ---- registers ---- */

void kb_mmu_changed(struct kb_mmu *mmu) {
    const struct kb_format *format = &mmu->format;
    unsigned user = mmu->privileged ? 0 : KB_ENTRY_USER;
    unsigned bits = format->address_bits - (format->canonical ? 1 : 0);
    uint64_t end = bits < 64 ? UINT64_C(1) << bits : UINT64_MAX;
    mmu->fast_end = end < mmu->kernel_start ? end : mmu->kernel_start;
    mmu->by_bytes =
        mmu->limit != 0 || mmu->scheme == KB_SCHEME_BOUNDS || mmu->scheme == KB_SCHEME_SEGMENTS;
    if (mmu->tlbs == 0 || mmu->by_bytes)
        mmu->fast_end = 0;
    /* What a kernel may do in user pages is thought over, and where a segment ends. */
    mmu->fast_care = KB_ENTRY_USER | KB_ENTRY_LIMITED;
    mmu->ahead = format->byte_lengths ? UINT32_MAX : 0;
    mmu->fast_want[KB_ACCESS_READ] = user | KB_ENTRY_READ | KB_ENTRY_REFERENCED;
    mmu->fast_want[KB_ACCESS_WRITE] =
        user | KB_ENTRY_WRITE | KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED;
    mmu->fast_want[KB_ACCESS_EXECUTE] = user | KB_ENTRY_EXECUTE | KB_ENTRY_REFERENCED;
}

static struct kb_mode mode_of(const struct kb_mmu *mmu, enum kb_access access) {
    return (struct kb_mode){access, mmu->privileged, mmu->sum, mmu->mxr, mmu->ad_fault};
}

static uint64_t mask_of(const struct kb_mmu *mmu, uint64_t address) {
    unsigned bits = mmu->format.address_bits;
    return bits < 64 ? address & ((UINT64_C(1) << bits) - 1) : address;
}

/* ---- R and M ---- */

/* The bits that this access sets and the entry does not have yet. */
static unsigned missing_bits(unsigned bits, enum kb_access access) {
    unsigned wanted = KB_ENTRY_REFERENCED | (access == KB_ACCESS_WRITE ? KB_ENTRY_MODIFIED : 0);
    return wanted & ~bits;
}

/* Sets bits in the entry in memory and in the key of the frame. */
static void set_bits(struct kb_mmu *mmu, uint64_t entry, uint64_t page, unsigned bits) {
    unsigned bytes = kb_mmu_entry_bytes(mmu);
    uint64_t mask = kb_mmu_entry_mask(mmu, bits), frame = page >> mmu->format.page_bits;
    if (mask != 0) {
        uint64_t raw = kb_memory_entry(&mmu->memory, entry, bytes);
        kb_memory_set_entry(&mmu->memory, entry, bytes, raw | mask);
        mmu->entry_writes++;
    }
    if (frame < mmu->frames)
        mmu->keys[frame] |= (uint8_t)((bits & KB_ENTRY_REFERENCED ? KB_KEY_REFERENCED : 0) |
                                      (bits & KB_ENTRY_MODIFIED ? KB_KEY_MODIFIED : 0));
    mmu->last.set_bits = bits;
}

/* ---- TLB ---- */

/* Finds the address in a level; a hit in the second one is loaded into the first. missed: that the
 * first has no base page there is known. */
static inline struct kb_tlb_entry *probe(struct kb_mmu *mmu, uint64_t linear, bool missed,
                                         struct kb_translation *t) {
    uint64_t masked = mask_of(mmu, linear);
    for (unsigned level = 0; level < mmu->tlbs; level++) {
        struct kb_tlb *tlb = &mmu->tlb[level];
        bool skip = missed && level == 0 && tlb->super_sizes == 0;
        uint32_t i = skip ? KB_TLB_NONE : kb_tlb_find(tlb, masked, mmu->asid);
        t->probed = level + 1;
        if (i == KB_TLB_NONE) {
            tlb->misses++;
            continue;
        }
        tlb->hits++;
        t->hit = level + 1;
        t->place[level] = i;
        if (level == 0)
            return &tlb->entries[i];
        t->place[0] = kb_tlb_load(&mmu->tlb[0], masked, mmu->asid, tlb->entries[i], &t->evicted[0]);
        return &mmu->tlb[0].entries[t->place[0]];
    }
    return NULL;
}

/* The bits are known in every level that holds the page, lest the second bring back an old M. */
static void mark(struct kb_mmu *mmu, uint64_t linear, unsigned bits) {
    for (unsigned level = 0; level < mmu->tlbs; level++) {
        uint32_t i = kb_tlb_peek(&mmu->tlb[level], mask_of(mmu, linear), mmu->asid);
        if (i != KB_TLB_NONE)
            mmu->tlb[level].entries[i].bits |= (uint16_t)bits;
    }
}

static void load(struct kb_mmu *mmu, uint64_t linear, struct kb_tlb_entry entry,
                 struct kb_translation *t) {
    for (unsigned level = 0; level < mmu->tlbs; level++)
        t->place[level] = kb_tlb_load(&mmu->tlb[level], mask_of(mmu, linear), mmu->asid, entry,
                                      &t->evicted[level]);
}

/* ---- the ways ---- */

static enum kb_fault by_hit(struct kb_mmu *mmu, struct kb_tlb_entry *entry,
                            struct kb_translation *t) {
    uint64_t offset = t->linear & ((UINT64_C(1) << entry->page_bits) - 1);
    if (entry->bits & KB_ENTRY_LIMITED && offset >= entry->limit)
        return KB_FAULT_OVERFLOW;
    enum kb_fault fault = kb_rights_check(&mmu->format, entry->bits, mode_of(mmu, t->access));
    if (fault != KB_FAULT_NONE)
        return fault;
    unsigned missing = missing_bits(entry->bits, t->access);
    if (missing != 0) {
        set_bits(mmu, entry->entry, entry->page, missing);
        mark(mmu, t->linear, missing);
    }
    t->entry = entry->entry;
    t->physical = entry->page | offset;
    return KB_FAULT_NONE;
}

static enum kb_fault walk_inverted(struct kb_mmu *mmu, struct kb_translation *t) {
    uint64_t page = mask_of(mmu, t->linear) >> mmu->format.page_bits;
    t->inverted = kb_inverted_find(&mmu->inverted, page, mmu->space, NULL, NULL);
    mmu->table_reads += t->inverted.reads;
    t->walk = (struct kb_walk){.page_bits = mmu->format.page_bits};
    if (t->inverted.frame == KB_INVERTED_NONE)
        return KB_FAULT_INVALID;
    t->walk.bits = t->inverted.bits;
    t->walk.page = (uint64_t)t->inverted.frame << mmu->format.page_bits;
    t->entry = t->inverted.address;
    return kb_rights_check(&mmu->format, t->walk.bits, mode_of(mmu, t->access));
}

static enum kb_fault walk_tables(struct kb_mmu *mmu, struct kb_translation *t) {
    uint64_t root = t->linear >= mmu->kernel_start ? mmu->kernel_root : mmu->root;
    enum kb_fault fault =
        kb_walk(&mmu->format, &mmu->memory, root, t->linear, mode_of(mmu, t->access), &t->walk);
    mmu->table_reads += t->walk.steps;
    uint64_t inside = (UINT64_C(1) << t->walk.page_bits) - 1; /* a superpage has to fit whole */
    if (fault == KB_FAULT_NONE && (t->walk.page | inside) >> mmu->format.page_bits >= mmu->frames)
        fault = KB_FAULT_BUS; /* no frame: the entry was not written by the system */
    if (fault == KB_FAULT_NONE)
        t->entry = t->walk.step[t->walk.steps - 1].address;
    return fault;
}

static enum kb_fault by_walk(struct kb_mmu *mmu, struct kb_translation *t) {
    mmu->misses++;
    t->walked = true;
    enum kb_fault fault =
        mmu->scheme == KB_SCHEME_INVERTED ? walk_inverted(mmu, t) : walk_tables(mmu, t);
    if (fault != KB_FAULT_NONE)
        return fault;
    unsigned missing = missing_bits(t->walk.bits, t->access);
    if (missing != 0)
        set_bits(mmu, t->entry, t->walk.page, missing);
    struct kb_tlb_entry entry = {
        .page = t->walk.page,
        .entry = t->entry,
        .bits = (uint16_t)(t->walk.bits | missing | (t->walk.limit != 0 ? KB_ENTRY_LIMITED : 0u)),
        .page_bits = (uint8_t)t->walk.page_bits,
        .limit = t->walk.limit};
    load(mmu, t->linear, entry, t);
    t->physical = t->walk.page | (t->linear & ((UINT64_C(1) << t->walk.page_bits) - 1));
    return KB_FAULT_NONE;
}

/* base and limit come first; a program's addresses end at the limit. */
static enum kb_fault relocate(const struct kb_mmu *mmu, struct kb_translation *t) {
    t->linear = t->address;
    if (mmu->limit == 0)
        return KB_FAULT_NONE;
    if (t->address >= mmu->limit)
        return KB_FAULT_OVERFLOW;
    t->linear = t->address + mmu->base;
    return t->linear < mmu->base ? KB_FAULT_OVERFLOW : KB_FAULT_NONE; /* round the end of all */
}

/* One program: it names physical addresses from a boundary on, or its own ones from 0. What lies
 * below the boundary is protected from it. */
static enum kb_fault by_bounds(const struct kb_mmu *mmu, struct kb_translation *t) {
    uint64_t first = mmu->absolute ? mmu->base : 0;
    t->linear = t->address;
    if (t->address < first)
        return KB_FAULT_PROTECTION;
    if (t->address - first >= mmu->limit)
        return KB_FAULT_OVERFLOW;
    t->physical = t->linear = t->address - first + mmu->base;
    return KB_FAULT_NONE;
}

/* ---- contiguous segments ---- */

/* What remains when the descriptor is known: length, rights, R and M, the sum. */
static enum kb_fault by_descriptor(struct kb_mmu *mmu, const struct kb_tlb_entry *entry,
                                   struct kb_translation *t) {
    uint64_t d = t->address & ((UINT64_C(1) << mmu->format.page_bits) - 1), limit = entry->entry;
    if (d >= limit)
        return KB_FAULT_OVERFLOW;
    enum kb_fault fault = kb_rights_check(&mmu->format, entry->bits, mode_of(mmu, t->access));
    if (fault != KB_FAULT_NONE)
        return fault;
    unsigned missing = missing_bits(entry->bits, t->access);
    if (missing != 0) {
        kb_descriptor_set_bits(&mmu->memory, t->entry, missing, true);
        mark(mmu, t->address, missing);
        mmu->entry_writes++;
        t->set_bits = missing;
    }
    t->physical = t->linear = entry->page + d;
    return kb_memory_has(&mmu->memory, t->physical, 1) ? KB_FAULT_NONE : KB_FAULT_BUS;
}

/* A register hits though the address may not be: what it knows is true. */
static enum kb_fault by_segments(struct kb_mmu *mmu, struct kb_translation *t) {
    uint64_t s = t->address >> mmu->format.page_bits;
    t->linear = t->address;
    if (mask_of(mmu, t->address) != t->address)
        return KB_FAULT_INVALID_SEGMENT;
    t->entry = mmu->root + s * KB_DESCRIPTOR_BYTES;
    struct kb_tlb_entry *held = probe(mmu, t->address, false, t);
    if (held != NULL) {
        if (t->hit == 1)
            mmu->hits++;
        else
            mmu->second_hits++;
        return by_descriptor(mmu, held, t);
    }
    mmu->misses++;
    if (s >= mmu->segments)
        return KB_FAULT_INVALID_SEGMENT;
    struct kb_descriptor d = kb_descriptor_read(&mmu->memory, t->entry);
    mmu->table_reads++;
    t->walked = true;
    if (!d.legal)
        return KB_FAULT_INVALID_SEGMENT;
    if (!d.present)
        return KB_FAULT_MISSING_SEGMENT;
    struct kb_tlb_entry entry = {.page = d.base,
                                 .entry = d.limit,
                                 .bits = (uint16_t)(d.rights | KB_ENTRY_USER |
                                                    (d.referenced ? KB_ENTRY_REFERENCED : 0) |
                                                    (d.modified ? KB_ENTRY_MODIFIED : 0)),
                                 .page_bits = (uint8_t)mmu->format.page_bits};
    enum kb_fault fault = by_descriptor(mmu, &entry, t);
    if (fault != KB_FAULT_NONE)
        return fault;
    entry.bits |= (uint16_t)missing_bits(entry.bits, t->access);
    load(mmu, t->address, entry, t);
    return KB_FAULT_NONE;
}

/* ---- all ways ---- */

static inline enum kb_fault translate(struct kb_mmu *mmu, bool missed, struct kb_translation *t) {
    if (mmu->scheme == KB_SCHEME_BOUNDS)
        return by_bounds(mmu, t);
    if (mmu->scheme == KB_SCHEME_SEGMENTS)
        return by_segments(mmu, t);
    enum kb_fault fault = relocate(mmu, t);
    if (fault != KB_FAULT_NONE)
        return fault;
    if (mmu->scheme == KB_SCHEME_RELOCATION) {
        t->physical = t->linear;
        return kb_memory_has(&mmu->memory, t->physical, 1) ? KB_FAULT_NONE : KB_FAULT_BUS;
    }
    fault = kb_address_check(&mmu->format, t->linear);
    if (fault != KB_FAULT_NONE)
        return fault;
    struct kb_tlb_entry *entry = probe(mmu, t->linear, missed, t);
    if (entry == NULL)
        return by_walk(mmu, t);
    if (t->hit == 1)
        mmu->hits++;
    else
        mmu->second_hits++;
    return by_hit(mmu, entry, t);
}

static inline enum kb_fault watched(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                                    bool missed, uint64_t *physical) {
    struct kb_translation *t = &mmu->last;
    t->address = address;
    t->access = access;
    t->physical = t->entry = 0;
    t->probed = t->hit = t->set_bits = 0;
    t->place[0] = t->place[1] = KB_TLB_NONE;
    t->evicted[0] = t->evicted[1] = KB_TLB_EMPTY;
    t->walked = false;
    t->fault = translate(mmu, missed, t);
    if (t->fault == KB_FAULT_NONE) {
        mmu->translations++;
        *physical = t->physical;
    }
    return t->fault;
}

enum kb_fault kb_mmu_translate_watched(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                                       uint64_t *physical) {
    return watched(mmu, address, access, false, physical);
}

/* ---- the usual miss ----
 *
 * Pages of the usual size, rights that allow the access, valid tables: the same
 * steps and counts as above, without noting them in mmu->last. Whatever is not
 * so is left to the whole way. */

static inline bool allowed(const struct kb_mmu *mmu, unsigned bits, enum kb_access access) {
    unsigned want = mmu->fast_want[access] & ~(unsigned)(KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED);
    return (bits & (want | mmu->fast_care)) == want;
}

enum second { ABSENT, LOADED, UNUSUAL };

static enum second second_level(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                                uint64_t *physical) {
    struct kb_tlb *first = &mmu->tlb[0], *second = &mmu->tlb[1];
    uint64_t page = address >> first->page_bits, gone;
    uint32_t i = mmu->tlbs == 2 ? kb_tlb_find_base(second, page, mmu->asid) : KB_TLB_NONE;
    if (i == KB_TLB_NONE)
        return ABSENT;
    const struct kb_tlb_entry *entry = &second->entries[i];
    unsigned want = mmu->fast_want[access];
    if ((entry->bits & (want | mmu->fast_care)) != want)
        return UNUSUAL;
    kb_tlb_put(first, page & first->set_mask, page, mmu->asid, *entry, &gone);
    *physical = entry->page | (address & ((UINT64_C(1) << first->page_bits) - 1));
    first->misses++;
    second->hits++;
    mmu->second_hits++;
    return LOADED;
}

static bool usual_walk(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                       uint64_t *physical) {
    const struct kb_format *format = &mmu->format;
    struct kb_leaf leaf;
    uint64_t page = address >> format->page_bits, gone;
    if (!format->family->quick(format, &mmu->memory, mmu->root, address, &leaf) ||
        !allowed(mmu, leaf.bits, access) || leaf.page >> format->page_bits >= mmu->frames)
        return false;
    *physical = leaf.page | (address & ((UINT64_C(1) << format->page_bits) - 1));
    __builtin_prefetch(
        kb_memory_at(&mmu->memory, *physical)); /* it comes while the TLB is loaded */
    unsigned missing = missing_bits(leaf.bits, access);
    if (missing != 0)
        set_bits(mmu, leaf.entry, leaf.page, missing);
    struct kb_tlb_entry entry = {.page = leaf.page,
                                 .entry = leaf.entry,
                                 .bits = (uint16_t)(leaf.bits | missing),
                                 .page_bits = (uint8_t)format->page_bits};
    for (unsigned level = 0; level < mmu->tlbs; level++) {
        struct kb_tlb *tlb = &mmu->tlb[level];
        kb_tlb_put(tlb, page & tlb->set_mask, page, mmu->asid, entry, &gone);
        tlb->misses++;
    }
    mmu->misses++;
    mmu->table_reads += format->levels;
    return true;
}

enum kb_fault kb_mmu_translate_missed(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                                      uint64_t *physical) {
    bool usual = mmu->scheme == KB_SCHEME_TABLES && mmu->format.family->quick != NULL &&
                 !mmu->ad_fault && (mmu->tlb[0].super_sizes | mmu->tlb[1].super_sizes) == 0;
    enum second second = usual ? second_level(mmu, address, access, physical) : UNUSUAL;
    if (second == LOADED || (second == ABSENT && usual_walk(mmu, address, access, physical))) {
        mmu->translations++;
        return KB_FAULT_NONE;
    }
    return watched(mmu, address, access, true, physical);
}

/* ---- what the operating system changed ---- */

void kb_mmu_invalidate(struct kb_mmu *mmu, uint64_t address, uint64_t asid) {
    for (unsigned level = 0; level < mmu->tlbs; level++)
        kb_tlb_invalidate(&mmu->tlb[level], mask_of(mmu, address), asid);
}

void kb_mmu_unmark(struct kb_mmu *mmu, uint64_t address, uint64_t asid, unsigned bits) {
    for (unsigned level = 0; level < mmu->tlbs; level++) {
        struct kb_tlb *tlb = &mmu->tlb[level];
        uint32_t i = kb_tlb_peek(tlb, mask_of(mmu, address), asid);
        if (i != KB_TLB_NONE)
            tlb->entries[i].bits &= (uint16_t)~bits;
    }
}

void kb_mmu_flush(struct kb_mmu *mmu, bool globals_too) {
    for (unsigned level = 0; level < mmu->tlbs; level++)
        kb_tlb_flush(&mmu->tlb[level], globals_too);
}

void kb_mmu_flush_asid(struct kb_mmu *mmu, uint64_t asid) {
    for (unsigned level = 0; level < mmu->tlbs; level++)
        kb_tlb_flush_asid(&mmu->tlb[level], asid);
}
