/* tlb.c - loading, searching in all page sizes, and forgetting. */
#include "machine/tlb.h"

#include "base/units.h"

/* Without asid bits one bit still tells global entries (1) from others (0). */
static unsigned tag_bits(const struct kb_tlb *tlb) {
    return tlb->asid_bits == 0 ? 1 : tlb->asid_bits;
}

kb_status kb_tlb_init(struct kb_tlb *tlb, struct kb_tlb_geometry geometry, unsigned page_bits,
                      unsigned asid_bits, const struct kb_host *host, struct kb_error *error) {
    uint64_t entries = (uint64_t)geometry.sets * geometry.ways;
    *tlb = (struct kb_tlb){.geometry = geometry, .host = host};
    if (!kb_is_power_of_two(geometry.sets) || geometry.ways == 0 || entries > KB_TLB_MOST_ENTRIES)
        return kb_fail(error, KB_USAGE, KB_MSG_tlb_geometry, (unsigned long long)geometry.sets,
                       (unsigned long long)geometry.ways, (unsigned long long)KB_TLB_MOST_ENTRIES);
    tlb->page_bits = page_bits;
    tlb->asid_bits = asid_bits;
    tlb->global = (UINT64_C(1) << tag_bits(tlb)) - 1;
    tlb->set_mask = geometry.sets - 1;
    tlb->random.state = geometry.seed;
    for (tlb->step = 1; tlb->step < entries;)
        tlb->step *= 2;
    tlb->tags = kb_take(host, entries * sizeof *tlb->tags);
    tlb->stamps = kb_take(host, entries * sizeof *tlb->stamps);
    tlb->entries = kb_take(host, entries * sizeof *tlb->entries);
    tlb->hint = kb_take(host, geometry.sets * sizeof *tlb->hint);
    if (tlb->tags == NULL || tlb->stamps == NULL || tlb->entries == NULL || tlb->hint == NULL) {
        kb_tlb_free(tlb);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "TLB",
                       (unsigned long long)(entries * sizeof *tlb->entries));
    }
    memset(tlb->tags, 0xFF, entries * sizeof *tlb->tags);
    for (uint32_t set = 0; set < geometry.sets; set++)
        tlb->hint[set] = set * geometry.ways;
    for (uint32_t i = 0; i < entries; i++)
        tlb->stamps[i] = i;
    return KB_OK;
}

void kb_tlb_free(struct kb_tlb *tlb) {
    uint64_t entries = (uint64_t)tlb->geometry.sets * tlb->geometry.ways;
    kb_give_back(tlb->host, tlb->tags, entries * sizeof *tlb->tags);
    kb_give_back(tlb->host, tlb->stamps, entries * sizeof *tlb->stamps);
    kb_give_back(tlb->host, tlb->entries, entries * sizeof *tlb->entries);
    kb_give_back(tlb->host, tlb->hint, tlb->geometry.sets * sizeof *tlb->hint);
    *tlb = (struct kb_tlb){0};
}

/* ---- search ---- */

/* The number of the first base page of the page of 2^bits bytes around an address. */
static uint64_t first_page(const struct kb_tlb *tlb, uint64_t address, unsigned bits) {
    return address >> bits << (bits - tlb->page_bits);
}

/* A superpage's set comes from the low bits of its own number, else all would share set 0. */
static uint64_t set_of(const struct kb_tlb *tlb, uint64_t address, unsigned bits) {
    return address >> bits & tlb->set_mask;
}

static uint32_t find_size(const struct kb_tlb *tlb, uint64_t address, uint64_t asid,
                          unsigned bits) {
    uint64_t page = first_page(tlb, address, bits), set = set_of(tlb, address, bits);
    uint64_t tag = kb_tlb_tag(tlb, page, asid), global = kb_tlb_tag(tlb, page, tlb->global);
    uint32_t i = (uint32_t)set * tlb->geometry.ways, end = i + tlb->geometry.ways;
    const uint64_t *tags = tlb->tags;
    for (; i < end; i++)
        if (__builtin_expect(tags[i] == tag, 0) && tlb->entries[i].page_bits == bits)
            return i;
    if (!tlb->globals)
        return KB_TLB_NONE;
    for (i = end - tlb->geometry.ways; i < end; i++)
        if (__builtin_expect(tags[i] == global, 0) && tlb->entries[i].page_bits == bits)
            return i;
    return KB_TLB_NONE;
}

uint32_t kb_tlb_peek(const struct kb_tlb *tlb, uint64_t address, uint64_t asid) {
    uint32_t i = find_size(tlb, address, asid, tlb->page_bits);
    for (uint64_t sizes = tlb->super_sizes; sizes != 0 && i == KB_TLB_NONE; sizes &= sizes - 1)
        i = find_size(tlb, address, asid, (unsigned)__builtin_ctzll(sizes));
    return i;
}

uint32_t kb_tlb_find(struct kb_tlb *tlb, uint64_t address, uint64_t asid) {
    uint32_t i = kb_tlb_peek(tlb, address, asid);
    if (i != KB_TLB_NONE && tlb->geometry.replace == KB_TLB_LRU)
        tlb->stamps[i] = kb_tlb_now(tlb, i);
    return i;
}

/* ---- load ---- */

uint32_t kb_tlb_load(struct kb_tlb *tlb, uint64_t address, uint64_t asid, struct kb_tlb_entry entry,
                     uint64_t *evicted) {
    uint64_t set = set_of(tlb, address, entry.page_bits), gone;
    if (entry.page_bits != tlb->page_bits)
        tlb->super_sizes |= UINT64_C(1) << entry.page_bits;
    uint32_t i =
        kb_tlb_put(tlb, set, first_page(tlb, address, entry.page_bits), asid, entry, &gone);
    if (evicted != NULL)
        *evicted = gone;
    return i;
}

/* ---- forget ---- */

static void clear(struct kb_tlb *tlb, uint32_t i) {
    tlb->tags[i] = KB_TLB_EMPTY;
    tlb->entries[i] = (struct kb_tlb_entry){0};
    tlb->stamps[i] = i;
    tlb->invalidations++;
}

bool kb_tlb_invalidate(struct kb_tlb *tlb, uint64_t address, uint64_t asid) {
    uint32_t i = kb_tlb_peek(tlb, address, asid);
    if (i == KB_TLB_NONE)
        return false;
    clear(tlb, i);
    return true;
}

void kb_tlb_flush(struct kb_tlb *tlb, bool globals_too) {
    uint32_t entries = tlb->geometry.sets * tlb->geometry.ways;
    for (uint32_t i = 0; i < entries; i++)
        if (tlb->tags[i] != KB_TLB_EMPTY &&
            (globals_too || kb_tlb_tag_asid(tlb, tlb->tags[i]) != tlb->global))
            clear(tlb, i);
    tlb->flushes++;
}

void kb_tlb_flush_asid(struct kb_tlb *tlb, uint64_t asid) {
    uint32_t entries = tlb->geometry.sets * tlb->geometry.ways;
    for (uint32_t i = 0; i < entries; i++)
        if (tlb->tags[i] != KB_TLB_EMPTY && kb_tlb_tag_asid(tlb, tlb->tags[i]) == asid)
            clear(tlb, i);
    tlb->flushes++;
}
