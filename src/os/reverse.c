/* reverse.c - a page and all the tables that show it: entries begin, change and end here, in the
 * tables of every process that maps the page, and in the TLB with them.
 *
 *   kb_page ──first──► mapping ──along──► mapping …        one for each place where it is seen
 *                        │ entry            │ entry        the valid ones are in tables
 *                        ▼                  ▼
 *                      table of P         table of Q
 *
 * The storage key of the frame has R and M of all entries together; each entry
 * has those of its own process. An inverted table has one entry a frame: there
 * one mapping is valid at a time, and the next to be used takes its place. */
#include "os/os.h"

/* ---- small things ---- */

static struct kb_mapping *mapping_of(const struct kb_os *os, uint32_t id) {
    return &os->pages.mapping[id];
}

static unsigned zone_bits(const struct kb_os *os, const struct kb_process *process) {
    return process == os->kernel ? KB_ENTRY_GLOBAL : KB_ENTRY_USER;
}

/* Whether the TLB may hold translations of this process. */
static bool in_tlb(const struct kb_os *os, const struct kb_process *process) {
    if (process == os->kernel || process == os->running)
        return true;
    return os->setup.asid_bits > 0 && process->asid_generation == os->asid_generation;
}

static void invalidate(struct kb_os *os, const struct kb_mapping *mapping) {
    const struct kb_process *process = os->process[mapping->process];
    if (in_tlb(os, process))
        kb_mmu_invalidate(&os->mmu, mapping->number << kb_os_page_bits(os), process->asid);
}

static bool is_valid(const struct kb_mapping *mapping) { return mapping->entry != KB_NO_TABLE; }

/* ---- who answers ---- */

static uint32_t holder(const struct kb_os *os, uint32_t page) {
    uint32_t first = os->pages.page[page].first;
    return first == KB_NO_MAPPING ? UINT32_MAX : os->pages.mapping[first].process;
}

/* The frame of a page in memory has another process that answers for it. */
static void hand_over(struct kb_os *os, uint32_t page, uint32_t before) {
    uint32_t after = holder(os, page);
    if (os->pages.frame_of[page] == 0 || after == before)
        return;
    if (before != UINT32_MAX)
        os->process[before]->held--;
    if (after != UINT32_MAX)
        os->process[after]->held++;
    kb_pager_move(os, os->pages.frame_of[page] - 1);
}

/* ---- mappings ---- */

/* The page of an object, which is made at its first use. */
static kb_status object_page(struct kb_os *os, uint32_t number, uint64_t place, uint32_t *page) {
    struct kb_object *object = os->object[number];
    *page = kb_lookup_find(&os->pages.by_object, number, place);
    if (*page != KB_LOOKUP_NONE)
        return KB_OK;
    kb_status status = kb_lookup_reserve(&os->pages.by_object, 1, os->error);
    if (status == KB_OK)
        status = kb_pages_new(&os->pages, page, os->error);
    if (status != KB_OK)
        return status;
    struct kb_page *made = &os->pages.page[*page];
    made->object = number;
    made->place = place;
    made->next = object->last_page;
    object->last_page = *page;
    kb_lookup_add(&os->pages.by_object, number, place, *page);
    return KB_OK;
}

kb_status kb_os_mapping(struct kb_os *os, struct kb_process *process, uint64_t number,
                        uint32_t *mapping) {
    uint32_t page;
    *mapping = kb_pages_find(&os->pages, process->number, number);
    if (*mapping != KB_NO_MAPPING)
        return KB_OK;
    const struct kb_region *region =
        kb_process_region(process, number << kb_os_page_bits(os), kb_os_page_bytes(os));
    kb_status status = kb_pages_reserve(&os->pages, 1, os->error);
    if (status != KB_OK)
        return status;
    if (region != NULL && region->object != 0) {
        uint64_t place = region->place + number - (region->start >> kb_os_page_bits(os));
        status = object_page(os, region->object - 1, place, &page);
    } else {
        status = kb_pages_new(&os->pages, &page, os->error);
    }
    if (status == KB_OK)
        status = kb_pager_grow(os);
    if (status != KB_OK)
        return status;
    uint32_t before = holder(os, page);
    *mapping = kb_pages_map(&os->pages, process->number, number, page, &process->mappings, true);
    mapping_of(os, *mapping)->shared = region != NULL && region->object != 0 && region->shared;
    process->mapped++;
    hand_over(os, page, before);
    return KB_OK;
}

bool kb_os_has_company(const struct kb_os *os, uint32_t id) {
    const struct kb_mapping *mapping = mapping_of(os, id);
    for (uint32_t i = os->pages.page[mapping->page].first; i != KB_NO_MAPPING;
         i = mapping_of(os, i)->along)
        if (i != id && mapping_of(os, i)->entry == mapping->entry)
            return true;
    return false;
}

/* The mapping has no entry any more; the entry itself is as it was. */
static void forget_entry(struct kb_os *os, uint32_t id) {
    struct kb_mapping *mapping = mapping_of(os, id);
    kb_os_table_entry(os, mapping->entry, false);
    invalidate(os, mapping);
    mapping->entry = KB_NO_TABLE;
    mapping->withheld = false;
    os->process[mapping->process]->resident--;
}

void kb_os_leave_alone(struct kb_os *os, uint32_t id) {
    if (is_valid(mapping_of(os, id)) && kb_os_segmented(os) && kb_os_has_company(os, id))
        forget_entry(os, id);
    else
        kb_os_leave(os, id);
}

void kb_os_unmap_page(struct kb_os *os, uint32_t id, enum kb_why why) {
    struct kb_mapping *mapping = mapping_of(os, id);
    struct kb_process *process = os->process[mapping->process];
    uint32_t page = mapping->page, before = holder(os, page);
    kb_os_leave_alone(os, id);
    if (os->pages.page[page].object == KB_NO_OBJECT && os->pages.page[page].count == 1)
        kb_os_drop_page(os, page, why);
    kb_pages_unmap(&os->pages, id, &process->mappings);
    process->mapped--;
    hand_over(os, page, before);
}

void kb_os_remap(struct kb_os *os, uint32_t id, uint32_t page) {
    uint32_t old = mapping_of(os, id)->page, before = holder(os, old);
    kb_os_leave(os, id);
    kb_pages_remap(&os->pages, id, page);
    hand_over(os, old, before);
}

bool kb_os_seen_by_others(const struct kb_os *os, uint32_t id) {
    const struct kb_page *page = &os->pages.page[mapping_of(os, id)->page];
    for (uint32_t i = page->first; i != KB_NO_MAPPING; i = mapping_of(os, i)->along)
        if (i != id && is_valid(mapping_of(os, i)))
            return true;
    return page->wired > mapping_of(os, id)->wired;
}

void kb_os_each_mapping(struct kb_os *os, const struct kb_process *process, uint64_t start,
                        uint64_t end, kb_os_visit *act, void *context) {
    unsigned bits = kb_os_page_bits(os);
    uint64_t first = start >> bits, behind = ((end - 1) >> bits) + 1;
    uint32_t next;
    if (start >= end)
        return;
    if (behind - first <= process->mapped) {
        for (uint64_t number = first; number < behind; number++) {
            uint32_t id = kb_pages_find(&os->pages, process->number, number);
            if (id != KB_NO_MAPPING)
                act(os, id, context);
        }
        return;
    }
    for (uint32_t id = process->mappings; id != KB_NO_MAPPING; id = next) {
        uint64_t number = os->pages.mapping[id].number;
        next = os->pages.mapping[id].next;
        if (number >= first && number < behind)
            act(os, id, context);
    }
}

bool kb_os_must_copy(const struct kb_os *os, uint32_t id) {
    const struct kb_mapping *mapping = mapping_of(os, id);
    const struct kb_page *page = &os->pages.page[mapping->page];
    return !mapping->shared && (page->object != KB_NO_OBJECT || page->count > 1);
}

/* ---- entries of tables ---- */

/* What the region allows; writing is withheld where a copy must be made first. Where who may write
 * may read, that stays. */
static unsigned rights_for(struct kb_os *os, uint32_t id) {
    struct kb_mapping *mapping = mapping_of(os, id);
    bool readable = os->mmu.format.family->writable_is_readable;
    const struct kb_process *process = os->process[mapping->process];
    unsigned rights = kb_os_rights_at(os, process, mapping->number << kb_os_page_bits(os), NULL);
    bool copy = kb_os_must_copy(os, id);
    mapping->withheld = (rights & KB_ENTRY_WRITE) != 0 && copy;
    if (kb_os_segmented(os)) /* the segment's entry says what the process may */
        return copy ? KB_ENTRY_RIGHTS & ~(unsigned)KB_ENTRY_WRITE : KB_ENTRY_RIGHTS;
    if (!mapping->withheld)
        return rights;
    return (rights & ~(unsigned)KB_ENTRY_WRITE) | (readable ? KB_ENTRY_READ : 0u);
}

/* marks: R and M that the entry is to have. */
static void write_entry(struct kb_os *os, uint32_t id, uint64_t at, uint32_t frame, unsigned rights,
                        unsigned marks) {
    const struct kb_mapping *mapping = mapping_of(os, id);
    const struct kb_process *process = os->process[mapping->process];
    unsigned bits = rights | marks | zone_bits(os, process) | KB_ENTRY_LEAF | KB_ENTRY_VALID;
    if (os->mmu.scheme == KB_SCHEME_INVERTED) { /* it stays in its chain */
        uint64_t word =
            kb_inverted_encode(kb_os_inverted_page(os, mapping->number), process->number, bits);
        kb_memory_set_entry(&os->mmu.memory, at, 8, word);
        return;
    }
    struct kb_entry entry = {bits, (uint64_t)frame << kb_os_page_bits(os)};
    const struct kb_format *format = &os->mmu.format;
    uint64_t raw = rights == 0 ? 0 : format->family->encode(format, entry, format->levels - 1);
    kb_memory_set_entry(&os->mmu.memory, at, format->entry_bytes, raw);
}

static void set_entry(struct kb_os *os, uint32_t id, uint32_t frame, unsigned rights,
                      unsigned marks) {
    write_entry(os, id, mapping_of(os, id)->entry, frame, rights, marks);
}

static unsigned key_marks(const struct kb_os *os, uint32_t frame) {
    return (os->keys[frame] & KB_REFERENCED ? KB_ENTRY_REFERENCED : 0u) |
           (os->keys[frame] & KB_MODIFIED ? KB_ENTRY_MODIFIED : 0u);
}

/* R and M of an entry as it stands; one without rights has none, and gets those of the key. */
static unsigned own_marks(const struct kb_os *os, uint64_t entry, uint32_t frame) {
    uint64_t raw = kb_memory_entry(&os->mmu.memory, entry, kb_mmu_entry_bytes(&os->mmu));
    if (raw == 0)
        return key_marks(os, frame);
    return (raw & kb_mmu_entry_mask(&os->mmu, KB_ENTRY_REFERENCED) ? KB_ENTRY_REFERENCED : 0u) |
           (raw & kb_mmu_entry_mask(&os->mmu, KB_ENTRY_MODIFIED) ? KB_ENTRY_MODIFIED : 0u);
}

kb_status kb_os_find_entry(struct kb_os *os, uint32_t id, uint64_t *entry) {
    const struct kb_mapping *mapping = mapping_of(os, id);
    struct kb_process *process = os->process[mapping->process];
    uint64_t address = mapping->number << kb_os_page_bits(os);
    *entry = KB_NO_TABLE;
    os->table_of = process;
    if (os->mmu.scheme != KB_SCHEME_TABLES)
        return KB_OK;
    if (kb_os_table_is_out(os, process, address)) {
        enum kb_reason ignored;
        bool in;
        kb_status status = kb_os_table_in(os, process, address, &in, &ignored);
        if (status != KB_OK || !in)
            return status != KB_OK ? status : KB_DATA;
    }
    if (kb_os_segmented(os)) {
        kb_status status = kb_os_segment_open(os, process, address);
        if (status == KB_OK)
            status = kb_os_segment_audience(os, process, address);
        if (status != KB_OK)
            return status;
    }
    return kb_tables_make(&os->tables, process->root, address, os->mmu.format.levels - 1, entry,
                          os->error);
}

/* An inverted table shows a frame in one place: whoever is there now makes room. */
static void make_room(struct kb_os *os, uint32_t page) {
    for (uint32_t id = os->pages.page[page].first; id != KB_NO_MAPPING;
         id = mapping_of(os, id)->along)
        kb_os_leave(os, id);
}

/* In a page table that several processes may have, the entry becomes valid once, and all mappings
 * whose segments lead to it have it. R and M are those of the first who enters. */
static void enter_all(struct kb_os *os, uint32_t id, uint64_t entry) {
    uint32_t page = mapping_of(os, id)->page, frame = os->pages.frame_of[page] - 1;
    unsigned bytes = os->mmu.format.entry_bytes;
    const struct kb_family *family = os->mmu.format.family;
    uint64_t raw = kb_memory_entry(&os->mmu.memory, entry, bytes);
    struct kb_entry leaf = family->decode(&os->mmu.format, raw, 1);
    uint64_t wanted = (uint64_t)frame << kb_os_page_bits(os);
    if (!(leaf.bits & KB_ENTRY_VALID) || leaf.address != wanted || is_valid(mapping_of(os, id)))
        write_entry(os, id, entry, frame, KB_ENTRY_RIGHTS, key_marks(os, frame));
    for (uint32_t i = os->pages.page[page].first; i != KB_NO_MAPPING;
         i = mapping_of(os, i)->along) {
        struct kb_mapping *mapping = mapping_of(os, i);
        struct kb_process *process = os->process[mapping->process];
        uint64_t address = mapping->number << kb_os_page_bits(os);
        if (is_valid(mapping) || kb_os_segment_place(os, process, address) != entry)
            continue;
        mapping->entry = entry;
        process->resident++;
        kb_os_table_entry(os, entry, true);
    }
}

void kb_os_enter(struct kb_os *os, uint32_t id, uint64_t entry) {
    struct kb_mapping *mapping = mapping_of(os, id);
    struct kb_process *process = os->process[mapping->process];
    uint32_t frame = os->pages.frame_of[mapping->page] - 1;
    bool alone = !os->pages.page[mapping->page].mixed, again = is_valid(mapping);
    unsigned rights, marks = key_marks(os, frame);
    if (os->frame[frame].ahead)
        kb_os_used(os, frame);
    if (os->mmu.scheme == KB_SCHEME_INVERTED) {
        make_room(os, mapping->page);
        rights = rights_for(os, id);
        kb_inverted_insert(&os->mmu.inverted, kb_os_inverted_page(os, mapping->number),
                           process->number, frame,
                           rights | marks | zone_bits(os, process) | KB_ENTRY_VALID);
        mapping->entry = os->mmu.inverted.base + (uint64_t)frame * KB_INVERTED_ENTRY_BYTES;
        process->resident++;
        return;
    }
    rights = rights_for(os, id);
    if (kb_os_segmented(os) && mapping->shared) {
        enter_all(os, id, entry);
        return;
    }
    mapping->entry = entry;
    set_entry(os, id, frame, rights, alone ? marks : 0);
    if (again)
        return;
    process->resident++;
    kb_os_table_entry(os, entry, true);
}

void kb_os_leave(struct kb_os *os, uint32_t id) {
    struct kb_mapping *mapping = mapping_of(os, id);
    if (!is_valid(mapping))
        return;
    uint64_t entry = mapping->entry;
    if (os->mmu.scheme == KB_SCHEME_INVERTED)
        kb_inverted_remove(&os->mmu.inverted, os->pages.frame_of[mapping->page] - 1);
    else
        kb_memory_set_entry(&os->mmu.memory, entry, os->mmu.format.entry_bytes,
                            kb_format_empty(&os->mmu.format, os->mmu.format.levels - 1));
    os->counters.entries_cleared++;
    forget_entry(os, id);
    for (uint32_t i = os->pages.page[mapping->page].first;
         mapping->shared && kb_os_segmented(os) && i != KB_NO_MAPPING; i = mapping_of(os, i)->along)
        if (mapping_of(os, i)->entry == entry)
            forget_entry(os, i);
}

void kb_os_refresh_quietly(struct kb_os *os, uint32_t id) {
    const struct kb_mapping *mapping = mapping_of(os, id);
    uint32_t frame = os->pages.frame_of[mapping->page] - 1;
    if (!is_valid(mapping))
        return;
    unsigned marks = own_marks(os, mapping->entry, frame);
    set_entry(os, id, frame, rights_for(os, id), marks);
}

void kb_os_refresh(struct kb_os *os, uint32_t id) {
    kb_os_refresh_quietly(os, id);
    if (is_valid(mapping_of(os, id)))
        invalidate(os, mapping_of(os, id));
}

void kb_os_forget_translations(struct kb_os *os, const struct kb_process *process) {
    if (!in_tlb(os, process) || os->mmu.tlbs == 0)
        return;
    if (os->setup.asid_bits > 0)
        kb_mmu_flush_asid(&os->mmu, process->asid);
    else
        kb_mmu_flush(&os->mmu, false);
}

/* ---- a page and its frame ---- */

/* Frames with pages are counted over time. */
static void count_paged(struct kb_os *os, int change) {
    os->counters.page_time = kb_os_page_time(os);
    os->paged_since = os->counters.references;
    os->paged += (uint32_t)change;
}

void kb_os_connect(struct kb_os *os, uint32_t page, uint32_t frame) {
    uint32_t owner = holder(os, page);
    os->page_of[frame] = page;
    os->keys[frame] = 0;
    os->frame[frame] =
        (struct kb_frame){.pager = os->frame[frame].pager, /* of the victim, if it was one's */
                          .loaded_at = os->counters.references + 1,
                          .use = KB_FRAME_PAGE};
    os->pages.frame_of[page] = frame + 1;
    os->pages.page[page].mixed = os->pages.page[page].count > 1;
    if (owner != UINT32_MAX)
        os->process[owner]->held++;
    count_paged(os, 1);
}

/* Mappings of a page that have this entry. */
static uint32_t count_with(const struct kb_os *os, uint32_t page, uint64_t entry) {
    uint32_t count = 0;
    for (uint32_t i = os->pages.page[page].first; i != KB_NO_MAPPING; i = mapping_of(os, i)->along)
        count += mapping_of(os, i)->entry == entry;
    return count;
}

static void tell_invalidate(struct kb_os *os, const struct kb_mapping *mapping, uint32_t frame,
                            uint64_t entry, bool further, uint32_t with) {
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_INVALIDATE,
                                        .flag = further,
                                        .count = with,
                                        .owner = os->process[mapping->process],
                                        .page = mapping->number,
                                        .frame = frame,
                                        .entry = entry});
}

void kb_os_vacate(struct kb_os *os, uint32_t frame, bool tell) {
    uint32_t page = os->page_of[frame], owner = holder(os, page), told = 0;
    if (os->frame[frame].kept > 0)
        kb_os_page_went(os, frame);
    for (uint32_t id = os->pages.page[page].first; id != KB_NO_MAPPING;
         id = mapping_of(os, id)->along) {
        const struct kb_mapping *mapping = mapping_of(os, id);
        uint64_t entry = mapping->entry;
        uint32_t with = tell && kb_os_heard(os) ? count_with(os, page, entry) : 0;
        kb_os_leave(os, id);
        if (with > 0 && entry != KB_NO_TABLE)
            tell_invalidate(os, mapping, frame, entry, told++ > 0, with);
    }
    if (os->frame[frame].ahead)
        kb_os_wasted(os, frame);
    if (owner != UINT32_MAX)
        os->process[owner]->held--;
    os->pages.frame_of[page] = 0;
    os->keys[frame] = 0;
    os->frame[frame] = (struct kb_frame){.use = KB_FRAME_FREE};
    count_paged(os, -1);
}

void kb_os_drop_page(struct kb_os *os, uint32_t id, enum kb_why why) {
    struct kb_page *page = &os->pages.page[id];
    if (os->pages.frame_of[id] != 0) {
        uint32_t frame = os->pages.frame_of[id] - 1;
        kb_os_page_went(os, frame);
        kb_pager_forget(os, frame, why);
        kb_os_vacate(os, frame, false);
        kb_os_free_frame(os, frame);
    } else if (page->standing_by != 0) {
        kb_os_free_frame(os, kb_os_rescue(os, id));
    }
    if (page->slot != KB_NO_SLOT)
        kb_swap_give_back(&os->swap, page->slot);
    page->slot = KB_NO_SLOT;
    kb_working_set_drop(os, id);
}

/* ---- R and M ---- */

void kb_os_clear_bits(struct kb_os *os, uint32_t frame, unsigned bits) {
    unsigned bytes = kb_mmu_entry_bytes(&os->mmu);
    if (os->frame[frame].use != KB_FRAME_PAGE)
        return;
    os->frame[frame].used |= (os->keys[frame] & KB_REFERENCED) != 0;
    if (bits & KB_ENTRY_REFERENCED)
        os->keys[frame] &= (uint8_t)~KB_REFERENCED;
    if (bits & KB_ENTRY_MODIFIED)
        os->keys[frame] &= (uint8_t)~KB_MODIFIED;
    uint64_t keep = ~kb_mmu_entry_mask(&os->mmu, bits);
    for (uint32_t id = kb_os_page_in(os, frame)->first; id != KB_NO_MAPPING;
         id = mapping_of(os, id)->along) {
        const struct kb_mapping *mapping = mapping_of(os, id);
        const struct kb_process *process = os->process[mapping->process];
        if (!is_valid(mapping))
            continue;
        uint64_t raw = kb_memory_entry(&os->mmu.memory, mapping->entry, bytes);
        kb_memory_set_entry(&os->mmu.memory, mapping->entry, bytes, raw & keep);
        if (in_tlb(os, process))
            kb_mmu_unmark(&os->mmu, mapping->number << kb_os_page_bits(os), process->asid, bits);
    }
}

/* An entry without rights keeps its zero. */
void kb_os_set_modified(struct kb_os *os, uint32_t frame) {
    const struct kb_mapping *first = kb_os_first_mapping(os, frame);
    unsigned bytes = kb_mmu_entry_bytes(&os->mmu);
    os->keys[frame] |= KB_MODIFIED;
    if (first == NULL || !is_valid(first))
        return;
    uint64_t raw = kb_memory_entry(&os->mmu.memory, first->entry, bytes);
    if (raw != 0)
        kb_memory_set_entry(&os->mmu.memory, first->entry, bytes,
                            raw | kb_mmu_entry_mask(&os->mmu, KB_ENTRY_MODIFIED));
}

/* ---- superpages ---- */

static unsigned super_depth(const struct kb_os *os, const struct kb_super *super) {
    unsigned depth = os->mmu.format.levels - 1;
    while (kb_format_shift(&os->mmu.format, depth) < super->page_bits)
        depth--;
    return depth;
}

static struct kb_entry super_entry(const struct kb_os *os, const struct kb_super *super) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t at = os->frame[super->frame].entry;
    uint64_t raw = kb_memory_entry(&os->mmu.memory, at, format->entry_bytes);
    return format->family->decode(format, raw, super_depth(os, super));
}

unsigned kb_os_super_rights(const struct kb_os *os, const struct kb_super *super) {
    return super_entry(os, super).bits & KB_ENTRY_RIGHTS;
}

void kb_os_set_super_rights(struct kb_os *os, const struct kb_process *process,
                            const struct kb_super *super, unsigned rights) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t at = os->frame[super->frame].entry;
    struct kb_entry entry = super_entry(os, super);
    entry.address = super->frame << format->page_bits;
    entry.bits = (entry.bits & (KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED)) | KB_ENTRY_VALID |
                 KB_ENTRY_LEAF | KB_ENTRY_USER | rights;
    uint64_t raw = rights == 0 ? 0 : format->family->encode(format, entry, super_depth(os, super));
    kb_memory_set_entry(&os->mmu.memory, at, format->entry_bytes, raw);
    if (in_tlb(os, process))
        kb_mmu_invalidate(&os->mmu, super->address, process->asid);
}

uint32_t kb_os_drop_super(struct kb_os *os, struct kb_process *process,
                          const struct kb_super *super) {
    uint32_t frames = UINT32_C(1) << (super->page_bits - kb_os_page_bits(os));
    kb_os_set_super_rights(os, process, super, 0);
    for (uint32_t k = frames; k-- > 0;) {
        uint32_t frame = (uint32_t)super->frame + k;
        os->keys[frame] = 0;
        os->frame[frame] = (struct kb_frame){.use = KB_FRAME_FREE};
        kb_os_free_frame(os, frame);
    }
    process->resident -= frames;
    process->held -= frames;
    return frames;
}
