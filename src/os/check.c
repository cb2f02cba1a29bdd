/* check.c - the invariants of the whole system, for tests: what each structure says of a page must
 * be what all others say. */
#include "os/os.h"

static const char *check_frame(const struct kb_os *os, uint32_t frame) {
    const struct kb_frame *f = &os->frame[frame];
    const struct kb_process *owner = kb_os_owner(os, frame);
    bool inverted = os->mmu.scheme == KB_SCHEME_INVERTED;
    if (owner == NULL)
        return os->keys[frame] != 0 || f->pins != 0 ? "a free frame with flags or pins" : NULL;
    if (f->pins != (owner->state == KB_BLOCKED && owner->awaited == frame + 1 ? 1u : 0u))
        return "a frame is pinned between instructions";
    if (owner->state == KB_ENDED)
        return "a frame of a process that has ended";
    if (f->fixed && owner != os->kernel)
        return NULL; /* a superpage */
    uint32_t id = os->page_of[frame];
    const struct kb_page *page = &os->pages.page[id];
    if (id >= os->pages.count || os->pages.frame_of[id] != frame + 1)
        return "a frame and its page do not name each other";
    if (page->process != owner->number)
        return "a frame and its page have different owners";
    if (!f->fixed && !(os->keys[frame] & KB_RESIDENT))
        return "a page in memory that the policy does not know";
    if (inverted) {
        struct kb_inverted_hit hit = kb_inverted_find(
            &os->mmu.inverted, kb_os_inverted_page(os, page->number), owner->number, NULL, NULL);
        return hit.frame != frame ? "the inverted table does not lead to the frame" : NULL;
    }
    unsigned depth;
    uint64_t entry =
        kb_tables_find(&os->tables, owner->root, page->number << os->mmu.format.page_bits, &depth);
    if (entry != f->entry)
        return "the page table's entry is elsewhere";
    uint64_t raw = kb_memory_entry(&os->mmu.memory, entry, os->mmu.format.entry_bytes);
    struct kb_entry leaf = os->mmu.format.family->decode(&os->mmu.format, raw, depth);
    if (raw == 0)
        return NULL; /* no rights */
    if (leaf.address != (uint64_t)frame << os->mmu.format.page_bits)
        return "the page table's entry names another frame";
    if (!(leaf.bits & KB_ENTRY_REFERENCED) != !(os->keys[frame] & KB_REFERENCED))
        return "R in the entry is not R in the key";
    if (!(leaf.bits & KB_ENTRY_MODIFIED) != !(os->keys[frame] & KB_MODIFIED))
        return "M in the entry is not M in the key";
    return NULL;
}

static const char *check_frames(const struct kb_os *os, uint8_t *seen) {
    uint32_t owned = 0;
    for (uint32_t i = 0; i < os->free_count; i++) {
        uint32_t frame = os->free_list[i];
        if (frame >= os->setup.frames || seen[frame]++ != 0)
            return "the free list names a frame twice, or none";
        if (os->frame[frame].process != 0)
            return "a frame is free and owned";
    }
    for (uint32_t frame = 0; frame < os->setup.frames; frame++) {
        const char *wrong = check_frame(os, frame);
        if (wrong != NULL)
            return wrong;
        owned += os->frame[frame].process != 0;
    }
    return owned + os->free_count != os->setup.frames ? "a frame is neither free nor owned" : NULL;
}

static const char *check_pages(const struct kb_os *os, uint8_t *seen, uint64_t slots) {
    uint64_t used = 0, resident = 0, supers = 0;
    for (uint32_t id = 0; id < os->pages.count; id++) {
        const struct kb_page *page = &os->pages.page[id];
        uint32_t frame = os->pages.frame_of[id];
        if (frame != 0 && os->page_of[frame - 1] != id)
            return "a page and its frame do not name each other";
        resident += frame != 0;
        if (page->slot == KB_NO_SLOT)
            continue;
        if (page->slot >= slots || seen[page->slot]++ != 0)
            return "two pages have one slot";
        used++;
    }
    if (used != os->swap.used)
        return "slots in use are not counted right";
    uint64_t told = 0;
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        told += p->resident;
        for (uint32_t k = 0; k < p->super_count; k++)
            supers += UINT64_C(1) << (p->supers[k].page_bits - kb_os_page_bits(os));
    }
    return told != resident + supers ? "resident pages are not counted right" : NULL;
}

/* Each translation in the TLB is what a walk would find. Tags of other processes are looked at
 * through the frame's owner. */
static const char *check_tlb(const struct kb_os *os, const struct kb_tlb *tlb) {
    uint32_t entries = tlb->geometry.sets * tlb->geometry.ways;
    for (uint32_t i = 0; i < entries; i++) {
        const struct kb_tlb_entry *entry = &tlb->entries[i];
        if (tlb->tags[i] == KB_TLB_EMPTY || os->mmu.scheme != KB_SCHEME_TABLES)
            continue;
        uint64_t raw = kb_memory_entry(&os->mmu.memory, entry->entry, os->mmu.format.entry_bytes);
        unsigned depth = os->mmu.format.levels - 1;
        while (depth > 0 && kb_format_shift(&os->mmu.format, depth) < entry->page_bits)
            depth--;
        struct kb_entry leaf = os->mmu.format.family->decode(&os->mmu.format, raw, depth);
        if (!(leaf.bits & KB_ENTRY_VALID) || leaf.address != entry->page)
            return "the TLB holds a translation that is no more";
        if ((leaf.bits ^ entry->bits) & KB_ENTRY_RIGHTS)
            return "the TLB holds other rights than the table";
        if (entry->bits & ~leaf.bits & (KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED))
            return "the TLB believes R or M to be set, and it is not";
    }
    return NULL;
}

const char *kb_os_check(const struct kb_os *os) {
    uint64_t slots = os->swap.fresh, most = slots > os->setup.frames ? slots : os->setup.frames;
    uint8_t *seen = kb_take(os->host, (size_t)most + 1);
    if (seen == NULL)
        return "no memory for the check";
    const char *wrong = check_frames(os, seen);
    memset(seen, 0, (size_t)most + 1);
    if (wrong == NULL)
        wrong = check_pages(os, seen, slots);
    kb_give_back(os->host, seen, (size_t)most + 1);
    for (unsigned level = 0; level < os->mmu.tlbs && wrong == NULL; level++)
        wrong = check_tlb(os, &os->mmu.tlb[level]);
    return wrong;
}
