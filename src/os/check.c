/* check.c - the invariants of the whole system, for tests: what each structure says of a page must
 * be what all others say. */
#include "os/os.h"

/* An entry that a mapping calls valid is there, and says what it must. */
static const char *check_entry(const struct kb_os *os, const struct kb_mapping *mapping,
                               uint32_t frame) {
    const struct kb_process *process = os->process[mapping->process];
    const struct kb_page *page = &os->pages.page[mapping->page];
    if (os->mmu.scheme == KB_SCHEME_INVERTED) {
        struct kb_inverted_hit hit =
            kb_inverted_find(&os->mmu.inverted, kb_os_inverted_page(os, mapping->number),
                             process->number, NULL, NULL);
        return hit.frame != frame ? "the inverted table does not lead to the frame" : NULL;
    }
    unsigned depth;
    uint64_t entry = kb_tables_find(&os->tables, process->root,
                                    mapping->number << os->mmu.format.page_bits, &depth);
    if (entry != mapping->entry)
        return "the page table's entry is elsewhere";
    uint64_t raw = kb_memory_entry(&os->mmu.memory, entry, os->mmu.format.entry_bytes);
    struct kb_entry leaf = os->mmu.format.family->decode(&os->mmu.format, raw, depth);
    if (raw == 0 && !kb_os_segmented(os))
        return NULL; /* no rights */
    if (!(leaf.bits & KB_ENTRY_VALID))
        return "the page table's entry is not valid";
    if (leaf.address != (uint64_t)frame << os->mmu.format.page_bits)
        return "the page table's entry names another frame";
    if (leaf.bits & KB_ENTRY_WRITE && !mapping->shared &&
        (page->object != KB_NO_OBJECT || page->count > 1))
        return "a page that must be copied first can be written";
    bool referenced = (os->keys[frame] & KB_REFERENCED) != 0;
    bool modified = (os->keys[frame] & KB_MODIFIED) != 0;
    if (os->mmu.format.family->marks_in_keys)
        return NULL;
    bool r = (leaf.bits & KB_ENTRY_REFERENCED) != 0, m = (leaf.bits & KB_ENTRY_MODIFIED) != 0;
    if (page->mixed ? r && !referenced : r != referenced)
        return "R in the entry is not R in the key";
    if (page->mixed ? m && !modified : m != modified)
        return "M in the entry is not M in the key";
    return NULL;
}

/* A table's count of valid entries is what its entries say. */
static const char *check_table(const struct kb_os *os, uint32_t frame) {
    const struct kb_frame *f = &os->frame[frame];
    const struct kb_format *format = &os->mmu.format;
    uint64_t at = (uint64_t)frame << format->page_bits, valid = 0;
    if (f->pins != 0)
        return "a table is held between instructions";
    if (!f->pageable)
        return NULL;
    for (uint64_t i = 0; i < UINT64_C(1) << format->bits[format->levels - 1]; i++)
        valid +=
            kb_memory_entry(&os->mmu.memory, at + i * format->entry_bytes, format->entry_bytes) !=
            kb_format_empty(format, format->levels - 1);
    return valid > f->valid ? "valid entries of a table are not counted right" : NULL;
}

static const char *check_frame(const struct kb_os *os, uint32_t frame, uint32_t pins) {
    const struct kb_frame *f = &os->frame[frame];
    uint32_t id = os->page_of[frame];
    switch (f->use) {
    case KB_FRAME_FREE:
        return os->keys[frame] != 0 || f->pins != 0 ? "a free frame with flags or pins" : NULL;
    case KB_FRAME_SUPER:
        return os->process[f->process]->state == KB_ENDED ? "a frame of a process that has ended"
                                                          : NULL;
    case KB_FRAME_STANDBY:
        if (os->keys[frame] != 0 || f->pins != 0)
            return "a frame that stands by with flags or pins";
        if (os->pages.page[id].standing_by != frame + 1 || os->pages.frame_of[id] != 0)
            return "a frame that stands by and its page do not name each other";
        return os->pages.page[id].count == 0 && os->pages.page[id].object == KB_NO_OBJECT
                   ? "a frame stands by for a page that nobody can ask for"
                   : NULL;
    case KB_FRAME_TABLE:
        return check_table(os, frame);
    default:
        break;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; f->kept > 0 && i < os->process_count; i++)
        kept += os->process[i]->kept == frame + 1;
    if (kept != f->kept)
        return "processes that have waited for a page are not counted right";
    if ((uint8_t)f->pins != pins)
        return "a frame is pinned between instructions";
    if (id >= os->pages.count || os->pages.frame_of[id] != frame + 1)
        return "a frame and its page do not name each other";
    if (!f->fixed && !(os->keys[frame] & KB_RESIDENT))
        return "a page in memory that the policy does not know";
    for (uint32_t m = os->pages.page[id].first; m != KB_NO_MAPPING;
         m = os->pages.mapping[m].along) {
        if (f->ahead && os->pages.mapping[m].entry != KB_NO_TABLE)
            return "a table shows a page that came ahead and was not used";
        const char *wrong = os->pages.mapping[m].entry == KB_NO_TABLE
                                ? NULL
                                : check_entry(os, &os->pages.mapping[m], frame);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* seen: a byte for each frame; in it, how many blocked processes wait for it, modulo
 * 256. */
static const char *check_frames(const struct kb_os *os, uint8_t *seen) {
    const struct kb_os_counters *c = &os->counters;
    uint32_t free = 0, standing = 0, paged = 0, ahead = 0;
    for (uint32_t i = 0; i < os->process_count; i++)
        if (os->process[i]->awaited != 0)
            seen[os->process[i]->awaited - 1]++;
    for (uint32_t frame = 0; frame < os->setup.frames; frame++) {
        const char *wrong = check_frame(os, frame, seen[frame]);
        if (wrong != NULL)
            return wrong;
        free += os->frame[frame].use == KB_FRAME_FREE;
        standing += os->frame[frame].use == KB_FRAME_STANDBY;
        paged += os->frame[frame].use == KB_FRAME_PAGE;
        ahead += os->frame[frame].ahead;
        seen[frame] = 0;
    }
    for (uint32_t i = 0; i < os->free_count; i++) {
        uint32_t frame = os->free_list[i];
        if (frame >= os->setup.frames || seen[frame]++ != 0)
            return "the free list names a frame twice, or none";
        if (os->frame[frame].use != KB_FRAME_FREE)
            return "a frame is free and in use";
    }
    if (ahead != os->waiting_ahead ||
        c->prefetches != c->useful_prefetches + c->wasted_prefetches + ahead)
        return "pages that came ahead are not counted right";
    if (free != os->free_count)
        return "a frame is neither free nor in use";
    if (paged != os->paged)
        return "frames with pages are not counted right";
    uint32_t older = KB_NO_FRAME, listed = 0;
    for (uint32_t frame = os->standby_oldest; frame != KB_NO_FRAME;
         frame = os->frame[frame].newer, listed++) {
        if (os->frame[frame].use != KB_FRAME_STANDBY || os->frame[frame].older != older ||
            listed > standing)
            return "the list of frames that stand by is broken";
        older = frame;
    }
    return listed != standing || standing != os->standby_count || older != os->standby_newest
               ? "frames that stand by are not counted right"
               : NULL;
}

/* The chain of each page, from its mappings: told by the page's counts. */
static const char *check_page(const struct kb_os *os, uint32_t id) {
    const struct kb_page *page = &os->pages.page[id];
    uint32_t frame = os->pages.frame_of[id], count = 0, wired = 0, back = KB_NO_MAPPING;
    if (frame != 0 && os->page_of[frame - 1] != id)
        return "a page and its frame do not name each other";
    if (frame != 0 && page->count == 0 && page->object == KB_NO_OBJECT)
        return "a private page in memory that nobody maps";
    for (uint32_t m = page->first; m != KB_NO_MAPPING; m = os->pages.mapping[m].along, count++) {
        const struct kb_mapping *mapping = &os->pages.mapping[m];
        if (mapping->page != id || mapping->back != back || count > page->count)
            return "the reverse map is broken";
        if (frame == 0 && mapping->entry != KB_NO_TABLE)
            return "a table shows a page that is not in memory";
        if (mapping->process >= os->process_count ||
            os->process[mapping->process]->state == KB_ENDED)
            return "a mapping of a process that has ended";
        if (kb_pages_find(&os->pages, mapping->process, mapping->number) != m)
            return "a mapping is not found";
        wired += mapping->wired;
        back = m;
    }
    if (count != page->count || wired != page->wired)
        return "the mappings of a page are not counted right";
    if (wired > 0 && frame == 0)
        return "a pinned page is not in memory";
    return NULL;
}

static const char *check_slots(const struct kb_os *os, uint8_t *seen, uint64_t slots) {
    uint64_t used = 0;
    for (uint32_t id = 0; id < os->pages.count; id++) {
        const struct kb_page *page = &os->pages.page[id];
        const char *wrong = check_page(os, id);
        if (wrong != NULL)
            return wrong;
        if (page->slot == KB_NO_SLOT)
            continue;
        if (page->slot >= slots || seen[page->slot]++ != 0)
            return "two pages have one slot";
        if (page->count == 0 && page->object == KB_NO_OBJECT)
            return "a slot of a page that nobody maps";
        used++;
    }
    for (uint32_t id = 0; id < os->table_count; id++) {
        uint64_t slot = os->table[id].slot;
        if (slot != KB_NO_SLOT && (slot >= slots || seen[slot]++ != 0))
            return "a table and a page have one slot";
        used += slot != KB_NO_SLOT;
    }
    return used != os->swap.used ? "slots in use are not counted right" : NULL;
}

static const char *check_processes(const struct kb_os *os) {
    uint64_t held = 0, owned = 0, mapped = 0;
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        uint32_t resident = 0, count = 0;
        for (uint32_t m = p->mappings; m != KB_NO_MAPPING; m = os->pages.mapping[m].next, count++)
            resident += os->pages.mapping[m].entry != KB_NO_TABLE;
        for (uint32_t k = 0; k < p->super_count; k++)
            resident += UINT32_C(1) << (p->supers[k].page_bits - kb_os_page_bits(os));
        if (count != p->mapped)
            return "the mappings of a process are not counted right";
        if (resident != p->resident)
            return "resident pages are not counted right";
        held += p->held;
        mapped += count;
    }
    for (uint32_t frame = 0; frame < os->setup.frames; frame++)
        owned += kb_os_owner(os, frame) != NULL;
    if (mapped != os->pages.mapped)
        return "a mapping belongs to no process";
    return held != owned ? "frames that processes answer for are not counted right" : NULL;
}

/* Whose translations have an asid now; NULL: nobody's, as the TLB was to forget them. */
static const struct kb_process *process_with(const struct kb_os *os, uint64_t asid) {
    if (os->setup.asid_bits == 0)
        return os->running;
    for (uint32_t i = 0; i < os->process_count; i++)
        if (os->process[i]->state != KB_ENDED && os->process[i]->asid == asid &&
            os->process[i]->asid_generation == os->asid_generation)
            return os->process[i];
    return NULL;
}

/* With segments: what segment and page say together, and where the segment ends. */
static const char *check_segment_in_tlb(const struct kb_os *os, const struct kb_tlb *tlb,
                                        uint32_t i) {
    const struct kb_tlb_entry *entry = &tlb->entries[i];
    const struct kb_process *process = process_with(os, kb_tlb_tag_asid(tlb, tlb->tags[i]));
    uint64_t address = kb_tlb_tag_page(tlb, tlb->tags[i]) << os->mmu.format.page_bits;
    struct kb_walk walk;
    if (process == NULL)
        return NULL;
    if (process->state == KB_SWAPPED)
        return "the TLB holds a translation of a process that is swapped out";
    enum kb_fault fault = kb_walk(&os->mmu.format, &os->mmu.memory, process->root, address,
                                  (struct kb_mode){.access = KB_ACCESS_ANY}, &walk);
    if (fault != KB_FAULT_NONE || walk.page != entry->page)
        return "the TLB holds a translation that is no more";
    if ((walk.bits ^ entry->bits) & KB_ENTRY_RIGHTS)
        return "the TLB holds other rights than segment and page";
    if (walk.limit != (entry->bits & KB_ENTRY_LIMITED ? entry->limit : 0))
        return "the TLB holds another end of the segment";
    return NULL;
}

/* A segment's entry is its region's, and its page table shows nothing that is not the process's. */
static const char *check_segment(const struct kb_os *os, const struct kb_process *process,
                                 const struct kb_region *region) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t at, first = region->start >> format->page_bits;
    struct kb_segment segment = kb_os_segment(os, process, region->start, &at);
    struct kb_segment wanted = segment;
    wanted.legal = true;
    wanted.rights = region->rights;
    wanted.bytes = region->end - region->start;
    uint64_t raw = kb_memory_entry(&os->mmu.memory, at, format->segment_bytes);
    if (raw != kb_segment_encode(format, wanted))
        return "a segment's entry is not its region's";
    for (uint64_t i = 0; segment.present && i < UINT64_C(1) << format->bits[1]; i++) {
        uint64_t place = segment.table + i * format->entry_bytes;
        uint32_t mapping = kb_pages_find(&os->pages, process->number, first + i);
        uint64_t entry = mapping == KB_NO_MAPPING ? KB_NO_TABLE : os->pages.mapping[mapping].entry;
        raw = kb_memory_entry(&os->mmu.memory, place, format->entry_bytes);
        bool valid = (format->family->decode(format, raw, 1).bits & KB_ENTRY_VALID) != 0;
        if (i >= kb_segment_pages(format, segment) && mapping != KB_NO_MAPPING)
            return "a page behind the end of its segment";
        if (i >= kb_segment_pages(format, segment) && !kb_os_shares_table(region) && valid)
            return "an entry behind the end of its segment";
        if (i < kb_segment_pages(format, segment) && valid != (entry != KB_NO_TABLE))
            return "a page table shows a page that the process does not see, or the reverse";
        if (entry != KB_NO_TABLE && entry != place)
            return "a page's entry is in another table than its segment's";
    }
    return NULL;
}

static const char *check_segments(const struct kb_os *os) {
    for (uint32_t p = 0; kb_os_segmented(os) && p < os->process_count; p++)
        for (uint32_t r = 0; r < os->process[p]->region_count; r++) {
            const struct kb_process *process = os->process[p];
            const char *wrong =
                process == os->kernel ? NULL : check_segment(os, process, &process->regions[r]);
            if (wrong != NULL)
                return wrong;
        }
    return NULL;
}

/* Each translation in the TLB is what a walk would find. Tags of other processes are looked at
 * through the frame's owner. */
static const char *check_tlb(const struct kb_os *os, const struct kb_tlb *tlb) {
    uint32_t entries = tlb->geometry.sets * tlb->geometry.ways;
    for (uint32_t i = 0; i < entries; i++) {
        const struct kb_tlb_entry *entry = &tlb->entries[i];
        if (tlb->tags[i] == KB_TLB_EMPTY || os->mmu.scheme != KB_SCHEME_TABLES)
            continue;
        const char *wrong = kb_os_segmented(os) ? check_segment_in_tlb(os, tlb, i) : NULL;
        if (wrong != NULL)
            return wrong;
        uint64_t raw = kb_memory_entry(&os->mmu.memory, entry->entry, os->mmu.format.entry_bytes);
        unsigned depth = os->mmu.format.levels - 1;
        while (depth > 0 && kb_format_shift(&os->mmu.format, depth) < entry->page_bits)
            depth--;
        struct kb_entry leaf = os->mmu.format.family->decode(&os->mmu.format, raw, depth);
        if (!(leaf.bits & KB_ENTRY_VALID) || leaf.address != entry->page)
            return "the TLB holds a translation that is no more";
        if (!kb_os_segmented(os) && (leaf.bits ^ entry->bits) & KB_ENTRY_RIGHTS)
            return "the TLB holds other rights than the table";
        if (os->mmu.format.family->marks_in_keys) {
            uint8_t key = os->keys[entry->page >> os->mmu.format.page_bits];
            leaf.bits |= (key & KB_REFERENCED ? KB_ENTRY_REFERENCED : 0u) |
                         (key & KB_MODIFIED ? KB_ENTRY_MODIFIED : 0u);
        }
        if (entry->bits & ~leaf.bits & (KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED))
            return "the TLB believes R or M to be set, and it is not";
    }
    return NULL;
}

/* The working sets: each list in the order of last uses, none older than the window. */
static const char *check_working_set(const struct kb_os *os, const struct kb_process *process) {
    uint32_t count = 0, before = 0;
    uint64_t at = 0;
    for (uint32_t node = process->used_first; node != 0; node = os->load.used[node - 1].after) {
        const struct kb_used_page *used = &os->load.used[node - 1];
        if (used->process != process->number + 1 || used->before != before || used->at < at ||
            ++count > os->load.room)
            return "a working set's list is broken";
        if (used->at + os->load.window <= process->counters.references &&
            node != process->used_last)
            return "a page is in a working set that its last use does not belong to";
        before = node;
        at = used->at;
    }
    return count == process->working_set && before == process->used_last
               ? NULL
               : "a working set has another size than its list";
}

/* Who is suspended does not run. */
static const char *check_load(const struct kb_os *os) {
    uint32_t active = 0;
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *process = os->process[i];
        const char *wrong = check_working_set(os, process);
        if (wrong != NULL)
            return wrong;
        active += kb_os_is_active(os, process);
        if (process->suspended && process == os->running && process->state == KB_RUNNING)
            return "a suspended process runs";
    }
    return active == os->load.active ? NULL : "the number of active processes is wrong";
}

const char *kb_os_check(const struct kb_os *os) {
    if (os->storage != NULL)
        return kb_storage_check(os);
    uint64_t slots = os->swap.fresh, most = slots > os->setup.frames ? slots : os->setup.frames;
    uint8_t *seen = kb_take(os->host, (size_t)most + 1);
    if (seen == NULL)
        return "no memory for the check";
    const char *wrong = check_frames(os, seen);
    memset(seen, 0, (size_t)most + 1);
    if (wrong == NULL)
        wrong = check_slots(os, seen, slots);
    if (wrong == NULL)
        wrong = check_segments(os);
    if (wrong == NULL)
        wrong = check_processes(os);
    if (wrong == NULL)
        wrong = check_load(os);
    kb_give_back(os->host, seen, (size_t)most + 1);
    for (unsigned level = 0; level < os->mmu.tlbs && wrong == NULL; level++)
        wrong = check_tlb(os, &os->mmu.tlb[level]);
    return wrong;
}
