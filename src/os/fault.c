/* fault.c - the six steps of a page fault, and what a frame goes through in them.
 *
 * Nothing is dropped before it is safe: the victim's page is written while it is still mapped, and
 * the entry of the new page becomes valid when its bytes are in. */
#include "os/os.h"

/* ---- entries of tables ---- */

static unsigned key_bits(const struct kb_os *os, uint32_t frame) {
    return (os->keys[frame] & KB_REFERENCED ? KB_ENTRY_REFERENCED : 0u) |
           (os->keys[frame] & KB_MODIFIED ? KB_ENTRY_MODIFIED : 0u);
}

static unsigned zone_bits(const struct kb_os *os, const struct kb_process *process) {
    return process == os->kernel ? KB_ENTRY_GLOBAL : KB_ENTRY_USER;
}

static struct kb_page *page_in(const struct kb_os *os, uint32_t frame) {
    return &os->pages.page[os->page_of[frame]];
}

/* Whether the TLB may hold translations of this process. */
static bool in_tlb(const struct kb_os *os, const struct kb_process *process) {
    if (process == os->kernel || process == os->running)
        return true;
    return os->setup.asid_bits > 0 && process->asid_generation == os->asid_generation;
}

static uint64_t address_of(const struct kb_os *os, const struct kb_page *page) {
    return page->number << kb_os_page_bits(os);
}

static void set_entry(struct kb_os *os, uint32_t frame, unsigned rights) {
    struct kb_process *owner = kb_os_owner(os, frame);
    unsigned bits = rights | key_bits(os, frame) | zone_bits(os, owner) | KB_ENTRY_LEAF;
    if (os->mmu.scheme == KB_SCHEME_INVERTED) {
        uint64_t word =
            kb_inverted_encode(kb_os_inverted_page(os, page_in(os, frame)->number), owner->number,
                               bits | KB_ENTRY_VALID); /* it stays in its chain */
        kb_memory_set_entry(&os->mmu.memory, os->frame[frame].entry, 8, word);
        return;
    }
    struct kb_entry entry = {bits | KB_ENTRY_VALID, (uint64_t)frame << kb_os_page_bits(os)};
    uint64_t raw = rights == 0 ? 0
                               : os->mmu.format.family->encode(&os->mmu.format, entry,
                                                               os->mmu.format.levels - 1);
    kb_memory_set_entry(&os->mmu.memory, os->frame[frame].entry, os->mmu.format.entry_bytes, raw);
}

void kb_os_set_rights(struct kb_os *os, uint32_t frame, unsigned rights) {
    struct kb_process *owner = kb_os_owner(os, frame);
    set_entry(os, frame, rights);
    if (in_tlb(os, owner))
        kb_mmu_invalidate(&os->mmu, address_of(os, page_in(os, frame)), owner->asid);
}

void kb_os_set_super_rights(struct kb_os *os, const struct kb_process *process,
                            const struct kb_super *super, unsigned rights) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t at = os->frame[super->frame].entry;
    unsigned depth = format->levels - 1;
    while (kb_format_shift(format, depth) < super->page_bits)
        depth--;
    uint64_t raw = kb_memory_entry(&os->mmu.memory, at, format->entry_bytes);
    struct kb_entry entry = format->family->decode(format, raw, depth);
    entry.address = super->frame << format->page_bits;
    entry.bits = (entry.bits & (KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED)) | KB_ENTRY_VALID |
                 KB_ENTRY_LEAF | KB_ENTRY_USER | rights;
    raw = rights == 0 ? 0 : format->family->encode(format, entry, depth);
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
        os->frame[frame] = (struct kb_frame){.entry = KB_NO_TABLE};
        kb_os_free_frame(os, frame);
    }
    process->resident -= frames;
    return frames;
}

void kb_os_clear_bits(struct kb_os *os, uint32_t frame, unsigned bits) {
    struct kb_process *owner = kb_os_owner(os, frame);
    unsigned bytes = kb_mmu_entry_bytes(&os->mmu);
    if (owner == NULL || os->frame[frame].entry == KB_NO_TABLE)
        return;
    uint64_t raw = kb_memory_entry(&os->mmu.memory, os->frame[frame].entry, bytes);
    if (bits & KB_ENTRY_REFERENCED)
        os->keys[frame] &= (uint8_t)~KB_REFERENCED;
    if (bits & KB_ENTRY_MODIFIED)
        os->keys[frame] &= (uint8_t)~KB_MODIFIED;
    kb_memory_set_entry(&os->mmu.memory, os->frame[frame].entry, bytes,
                        raw & ~kb_mmu_entry_mask(&os->mmu, bits));
    if (in_tlb(os, owner))
        kb_mmu_unmark(&os->mmu, address_of(os, page_in(os, frame)), owner->asid, bits);
}

/* ---- a page leaves ---- */

static void tell_store(struct kb_os *os, const struct kb_page *page, uint64_t slot,
                       const char *text) {
    os->counters.io_errors++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_STORE_FAILED,
                                            .owner = os->process[page->process],
                                            .page = page->number,
                                            .slot = slot,
                                            .text = text});
}

/* Neighbours are moved between memory and disk at once. */
static void transfer(struct kb_os *os, uint64_t pages) {
    os->counters.disk_transfers++;
    os->counters.disk_bytes += pages * kb_os_page_bytes(os);
}

/* M becomes 1 by the system's hand: what is in memory is nowhere else any more. */
static void set_modified(struct kb_os *os, uint32_t frame) {
    unsigned bytes = kb_mmu_entry_bytes(&os->mmu);
    uint64_t raw = kb_memory_entry(&os->mmu.memory, os->frame[frame].entry, bytes);
    os->keys[frame] |= KB_MODIFIED;
    if (raw != 0) /* it has rights */
        kb_memory_set_entry(&os->mmu.memory, os->frame[frame].entry, bytes,
                            raw | kb_mmu_entry_mask(&os->mmu, KB_ENTRY_MODIFIED));
}

/* No slot is free: that of a page in memory is redundant. One whose copy is stale is preferred; a
 * clean page is modified from now on. KB_NO_SLOT: there is none. */
static uint64_t take_back_slot(struct kb_os *os, uint32_t except) {
    uint32_t found = KB_NO_FRAME;
    for (uint32_t frame = 0; frame < os->used; frame++) {
        if (frame == except || !(os->keys[frame] & KB_RESIDENT) || os->frame[frame].fixed ||
            page_in(os, frame)->slot == KB_NO_SLOT)
            continue;
        found = frame;
        if (os->keys[frame] & KB_MODIFIED)
            break;
    }
    if (found == KB_NO_FRAME)
        return KB_NO_SLOT;
    uint64_t slot = page_in(os, found)->slot;
    page_in(os, found)->slot = KB_NO_SLOT;
    if (!(os->keys[found] & KB_MODIFIED))
        set_modified(os, found);
    return slot;
}

/* A failed write makes its slot suspect; another slot is tried once. */
bool kb_os_write_back(struct kb_os *os, uint32_t frame, enum kb_reason *reason) {
    struct kb_page *page = page_in(os, frame);
    struct kb_process *owner = kb_os_owner(os, frame);
    const uint8_t *bytes = kb_memory_at(&os->mmu.memory, (uint64_t)frame << kb_os_page_bits(os));
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        struct kb_error failure = {.language = os->error->language};
        uint64_t slot = page->slot != KB_NO_SLOT ? page->slot : kb_swap_take(&os->swap);
        if (slot == KB_NO_SLOT)
            slot = take_back_slot(os, frame);
        if (slot == KB_NO_SLOT) {
            *reason = attempt == 0 ? KB_REASON_SWAP_FULL : KB_REASON_WRITE_FAILED;
            return false;
        }
        if (kb_swap_write(&os->swap, slot, bytes, &page->sum, &failure) == KB_OK) {
            page->slot = slot;
            transfer(os, 1);
            os->counters.write_backs++;
            owner->counters.write_backs++;
            if (kb_os_heard(os))
                kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_WRITE_BACK,
                                                    .owner = owner,
                                                    .page = page->number,
                                                    .frame = frame,
                                                    .slot = slot});
            kb_os_clear_bits(os, frame, KB_ENTRY_MODIFIED);
            return true;
        }
        tell_store(os, page, slot, failure.text);
        kb_swap_set_aside(&os->swap, slot);
        page->slot = KB_NO_SLOT;
    }
    *reason = KB_REASON_WRITE_FAILED;
    return false;
}

void kb_os_vacate(struct kb_os *os, uint32_t frame) {
    struct kb_process *owner = kb_os_owner(os, frame);
    struct kb_page *page = page_in(os, frame);
    if (os->mmu.scheme == KB_SCHEME_INVERTED)
        kb_inverted_remove(&os->mmu.inverted, frame);
    else
        kb_memory_set_entry(&os->mmu.memory, os->frame[frame].entry, os->mmu.format.entry_bytes, 0);
    if (in_tlb(os, owner))
        kb_mmu_invalidate(&os->mmu, address_of(os, page), owner->asid);
    os->pages.frame_of[os->page_of[frame]] = 0;
    owner->resident--;
    os->keys[frame] = 0;
    os->frame[frame] = (struct kb_frame){.entry = KB_NO_TABLE};
}

void kb_os_free_frame(struct kb_os *os, uint32_t frame) { os->free_list[os->free_count++] = frame; }

void kb_os_drop_page(struct kb_os *os, uint32_t id, enum kb_why why) {
    struct kb_page *page = &os->pages.page[id];
    if (os->pages.frame_of[id] != 0) {
        uint32_t frame = os->pages.frame_of[id] - 1;
        kb_pager_forget(os, frame, why);
        kb_os_vacate(os, frame);
        kb_os_free_frame(os, frame);
    }
    if (page->slot != KB_NO_SLOT)
        kb_swap_give_back(&os->swap, page->slot);
    page->slot = KB_NO_SLOT;
}

/* ---- step 3: a frame ---- */

static kb_status take_frame(struct kb_os *os, uint32_t wanted, uint32_t *frame,
                            enum kb_reason *reason) {
    *frame = KB_NO_FRAME;
    if (os->free_count > 0) {
        *frame = os->free_list[--os->free_count];
        if (*frame >= os->used)
            os->used = *frame + 1;
        if (kb_os_heard(os))
            kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_FRAME,
                                                .frame = *frame,
                                                .count = os->free_count});
        return KB_OK;
    }
    kb_status status = kb_pager_evict(os, wanted, frame, reason);
    if (status != KB_OK || *frame == KB_NO_FRAME)
        return status;
    struct kb_process *owner = kb_os_owner(os, *frame);
    struct kb_os_event event = {.kind = KB_OS_EVENT_INVALIDATE,
                                .owner = owner,
                                .page = page_in(os, *frame)->number,
                                .frame = *frame,
                                .entry = os->frame[*frame].entry};
    os->counters.evictions++;
    owner->counters.evictions++;
    os->evicted_flags = os->keys[*frame];
    kb_os_vacate(os, *frame);
    if (kb_os_heard(os))
        kb_os_tell(os, event);
    return KB_OK;
}

/* The frame was wanted in vain: it becomes free. A victim's frame is still the policy's, with the
 * flags that it had. */
static void abandon_frame(struct kb_os *os, uint32_t frame, bool was_free) {
    if (!was_free) {
        os->keys[frame] = os->evicted_flags;
        kb_pager_forget(os, frame, KB_EVICTED);
    }
    os->keys[frame] = 0;
    os->frame[frame] = (struct kb_frame){.entry = KB_NO_TABLE};
    kb_os_free_frame(os, frame);
}

/* ---- step 4: the bytes ---- */

static bool read_in(struct kb_os *os, struct kb_process *process, struct kb_page *page,
                    uint32_t frame, enum kb_page_source *source, enum kb_reason *reason) {
    uint8_t *bytes = kb_memory_at(&os->mmu.memory, (uint64_t)frame << kb_os_page_bits(os));
    uint64_t address = page->number << kb_os_page_bits(os);
    const struct kb_region *region = kb_process_region(process, address, kb_os_page_bytes(os));
    *source = KB_FROM_ZERO;
    if (page->slot != KB_NO_SLOT) {
        struct kb_error failure = {.language = os->error->language};
        kb_status status = kb_swap_read(&os->swap, page->slot, bytes, page->sum, &failure);
        *source = KB_FROM_SWAP;
        if (status == KB_OK) {
            transfer(os, 1);
            return true;
        }
        *reason = status == KB_DATA ? KB_REASON_CORRUPT : KB_REASON_READ_FAILED;
        tell_store(os, page, page->slot, failure.text);
        memset(bytes, 0, kb_os_page_bytes(os)); /* nothing of it may be seen by others */
        return false;
    }
    memset(bytes, 0, kb_os_page_bytes(os));
    if (region != NULL && region->has_image) {
        uint64_t page_end = address + kb_os_page_bytes(os);
        uint64_t length = (region->end < page_end ? region->end : page_end) - address;
        kb_image_fill(&region->image, address - region->start, bytes, (uint32_t)length);
        *source = KB_FROM_IMAGE;
        transfer(os, 1);
    }
    return true;
}

static void count_source(struct kb_os *os, struct kb_process *process, enum kb_page_source source) {
    struct kb_process_counters *own = &process->counters;
    switch (source) {
    case KB_FROM_ZERO:
        os->counters.zero_fills++;
        own->zero_fills++;
        break;
    case KB_FROM_IMAGE:
        os->counters.image_reads++;
        own->image_reads++;
        break;
    case KB_FROM_SWAP:
        os->counters.swap_reads++;
        own->swap_reads++;
        break;
    case KB_PAGE_SOURCES:
        break;
    }
}

/* ---- step 5: both tables ---- */

/* Finds, or makes, the entry of the page table; the tables above it may not fit. */
static kb_status find_entry(struct kb_os *os, struct kb_process *process, uint64_t address,
                            uint64_t *entry) {
    if (kb_os_segmented(os)) {
        kb_status status = kb_os_segment_open(os, process, address);
        if (status != KB_OK)
            return status;
    }
    return kb_tables_make(&os->tables, process->root, address, os->mmu.format.levels - 1, entry,
                          os->error);
}

static void connect(struct kb_os *os, struct kb_process *process, uint32_t id, uint32_t frame,
                    uint64_t entry, unsigned rights) {
    os->page_of[frame] = id;
    os->keys[frame] = 0;
    os->frame[frame] = (struct kb_frame){
        .entry = entry, .loaded_at = os->counters.references + 1, .process = process->number + 1};
    if (os->mmu.scheme == KB_SCHEME_INVERTED) {
        unsigned bits = rights | zone_bits(os, process) | KB_ENTRY_VALID;
        kb_inverted_insert(&os->mmu.inverted, kb_os_inverted_page(os, os->pages.page[id].number),
                           process->number, frame, bits);
        os->frame[frame].entry = os->mmu.inverted.base + (uint64_t)frame * KB_INVERTED_ENTRY_BYTES;
    } else {
        set_entry(os, frame, rights);
    }
    os->pages.frame_of[id] = frame + 1;
    process->resident++;
}

static void tell_update(struct kb_os *os, struct kb_process *process, uint32_t frame) {
    unsigned bytes = kb_mmu_entry_bytes(&os->mmu);
    uint64_t entry = os->frame[frame].entry;
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_UPDATE,
                                        .process = process,
                                        .page = page_in(os, frame)->number,
                                        .frame = frame,
                                        .entry = entry,
                                        .raw = kb_memory_entry(&os->mmu.memory, entry, bytes)});
}

static kb_status make_page(struct kb_os *os, struct kb_process *process, uint64_t number,
                           uint32_t *id) {
    uint32_t before = os->pages.count;
    kb_status status = kb_pages_make(&os->pages, process->number, number, id, os->error);
    if (status == KB_OK && os->pages.count > before) {
        os->pages.page[*id].next = process->last_page;
        process->last_page = *id;
        status = kb_pager_grow(os);
    }
    return status;
}

uint32_t kb_os_frame_of(const struct kb_os *os, const struct kb_process *process, uint64_t page) {
    uint32_t id = kb_pages_find(&os->pages, process->number, page);
    return id != KB_NO_PAGE && os->pages.frame_of[id] != 0 ? os->pages.frame_of[id] - 1
                                                           : KB_NO_FRAME;
}

/* The page is in memory, but its entry was overwritten: it is written anew. */
static kb_status repair(struct kb_os *os, struct kb_process *process, uint64_t number,
                        uint32_t frame, bool *in, enum kb_reason *reason) {
    uint64_t address = number << kb_os_page_bits(os), entry = os->frame[frame].entry;
    const struct kb_region *region = kb_process_region(process, address, kb_os_page_bytes(os));
    *in = false;
    *reason = KB_REASON_HARDWARE; /* the chains of an inverted table are not mended */
    if (os->mmu.scheme == KB_SCHEME_INVERTED)
        return KB_OK;
    kb_status status = find_entry(os, process, address, &entry);
    if (status != KB_OK)
        return status == KB_DATA ? KB_OK : status;
    os->frame[frame].entry = entry;
    set_entry(os, frame, region != NULL ? region->rights : KB_ENTRY_RIGHTS);
    if (kb_os_heard(os))
        tell_update(os, process, frame);
    *in = true;
    return KB_OK;
}

kb_status kb_os_bring(struct kb_os *os, struct kb_process *process, uint64_t number,
                      uint32_t *frame, bool *in, enum kb_reason *reason) {
    uint32_t id;
    uint64_t entry = KB_NO_TABLE, address = number << kb_os_page_bits(os);
    enum kb_page_source source;
    bool was_free = os->free_count > 0;
    const struct kb_region *region = kb_process_region(process, address, kb_os_page_bytes(os));
    unsigned rights = region != NULL ? region->rights : KB_ENTRY_RIGHTS;
    *in = false;
    kb_status status = make_page(os, process, number, &id);
    if (status == KB_OK && os->mmu.scheme == KB_SCHEME_TABLES) {
        status = find_entry(os, process, address, &entry);
        if (status == KB_DATA) { /* tables are full: the process ends, the system goes on */
            *reason = KB_REASON_NO_TABLE;
            return KB_OK;
        }
    }
    if (status == KB_OK)
        status = take_frame(os, id, frame, reason);
    if (status != KB_OK || *frame == KB_NO_FRAME)
        return status;
    if (!read_in(os, process, &os->pages.page[id], *frame, &source, reason)) {
        abandon_frame(os, *frame, was_free);
        return KB_OK;
    }
    count_source(os, process, source);
    os->brought = source;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_READ_IN,
                                            .process = process,
                                            .page = number,
                                            .frame = *frame,
                                            .source = source,
                                            .slot = os->pages.page[id].slot});
    connect(os, process, id, *frame, entry, rights);
    if (kb_os_heard(os))
        tell_update(os, process, *frame);
    *in = true;
    return KB_OK;
}

/* ---- steps 1, 2, 6 ---- */

/* What the hardware would say of the access if the page were in: what a format cannot withhold is
 * granted, and a kernel may not execute what is its processes'. */
static enum kb_fault rights_fault(const struct kb_os *os, const struct kb_process *process,
                                  unsigned rights, enum kb_access access) {
    const struct kb_format *format = &os->mmu.format;
    struct kb_entry entry = {KB_ENTRY_VALID | KB_ENTRY_LEAF | KB_ENTRY_USER | rights, 0};
    struct kb_mode mode = {access, process->privileged, os->mmu.sum, os->mmu.mxr, false};
    if (rights != 0 && os->mmu.scheme == KB_SCHEME_TABLES) {
        uint64_t raw = format->family->encode(format, entry, format->levels - 1);
        entry = format->family->decode(format, raw, format->levels - 1);
    }
    return kb_rights_check(format, entry.bits, mode);
}

/* Step 1: what the internal table says of the reference. */
static enum kb_reason check(const struct kb_os *os, const struct kb_process *process,
                            uint64_t address, enum kb_access access, enum kb_fault fault) {
    uint64_t linear = address + (process->limit != 0 ? process->base : 0);
    if (fault == KB_FAULT_INVALID || fault == KB_FAULT_MISSING_SEGMENT) {
        const struct kb_region *region = kb_process_region(process, linear, kb_os_page_bytes(os));
        if (region == NULL && fault == KB_FAULT_MISSING_SEGMENT)
            return KB_REASON_OVERFLOW; /* the segment is there, the page is behind its end */
        if (linear >= kb_os_user_end(os) || (region == NULL && process->bounded))
            return KB_REASON_INVALID_REFERENCE;
        unsigned rights = region != NULL ? region->rights : KB_ENTRY_RIGHTS;
        fault = rights_fault(os, process, rights, access);
    }
    if (fault == KB_FAULT_PROTECTION && process->bounded && linear < kb_os_user_end(os) &&
        kb_process_region(process, linear, kb_os_page_bytes(os)) == NULL)
        return KB_REASON_INVALID_REFERENCE; /* in an inverted table it is still in its chain */
    switch (fault) {
    case KB_FAULT_NONE:
        return KB_REASON_NONE;
    case KB_FAULT_OVERFLOW:
        return KB_REASON_OVERFLOW;
    case KB_FAULT_PRIVILEGE:
        return KB_REASON_PRIVILEGE;
    case KB_FAULT_PROTECTION:
        return KB_REASON_PROTECTION;
    case KB_FAULT_NON_CANONICAL:
    case KB_FAULT_INVALID_SEGMENT:
        return KB_REASON_INVALID_REFERENCE;
    default:
        return KB_REASON_HARDWARE;
    }
}

static void tell_check(struct kb_os *os, uint64_t address, bool legal) {
    const struct kb_process *p = os->running;
    uint64_t linear = address + (p->limit != 0 ? p->base : 0);
    const struct kb_region *region = kb_process_region(p, linear, kb_os_page_bytes(os));
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_CHECK,
                                        .address = address,
                                        .page = linear >> kb_os_page_bits(os),
                                        .flag = legal,
                                        .rights = region != NULL ? region->rights : 0,
                                        .text = region != NULL ? region->name : NULL});
}

/* Step 2: the process ends, unless its handler gives the instruction up. */
static void end_or_skip(struct kb_os *os, uint64_t address, enum kb_access access,
                        enum kb_fault fault, enum kb_reason reason) {
    struct kb_process *process = os->running;
    if (process->skips && reason != KB_REASON_READ_FAILED && reason != KB_REASON_CORRUPT) {
        if (kb_os_heard(os))
            kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SKIP,
                                                .address = address,
                                                .access = access,
                                                .fault = fault,
                                                .reason = reason});
        return;
    }
    kb_os_exit(os, process, reason, address);
}

/* Step 6, or step 2. */
static kb_status end_or_restart(struct kb_os *os, uint64_t address, enum kb_access access,
                                enum kb_fault fault, enum kb_reason reason, bool again) {
    if (!again) {
        end_or_skip(os, address, access, fault, reason);
        return KB_OK;
    }
    os->counters.restarts++;
    os->running->counters.restarts++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){
                           .kind = KB_OS_EVENT_RESTART, .address = address, .access = access});
    return KB_OK;
}

kb_status kb_os_fault(struct kb_os *os, uint64_t address, enum kb_access access,
                      enum kb_fault fault, bool *again) {
    struct kb_process *process = os->running;
    uint32_t frame = KB_NO_FRAME;
    *again = false;
    os->counters.traps[fault]++;
    process->counters.traps[fault]++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_FAULT,
                                            .address = address,
                                            .access = access,
                                            .fault = fault});
    enum kb_reason reason = check(os, process, address, access, fault);
    if (kb_os_heard(os))
        tell_check(os, address, reason == KB_REASON_NONE);
    if (reason == KB_REASON_NONE) {
        uint64_t linear = address + (process->limit != 0 ? process->base : 0);
        uint64_t page = linear >> kb_os_page_bits(os);
        uint32_t there = kb_os_frame_of(os, process, page);
        if (there != KB_NO_FRAME) {
            kb_status repaired = repair(os, process, page, there, again, &reason);
            if (repaired != KB_OK)
                return repaired;
            return end_or_restart(os, address, access, fault, reason, *again);
        }
        os->counters.faults++;
        process->counters.faults++;
        kb_status status = kb_os_bring(os, process, page, &frame, again, &reason);
        if (status != KB_OK)
            return status;
    }
    if (*again && os->setup.io_cycles > 0 && os->brought != KB_FROM_ZERO) {
        kb_pager_admit(os, frame, KB_BY_FAULT);
        kb_os_block(os, frame);
        *again = false;
        return KB_OK;
    }
    return end_or_restart(os, address, access, fault, reason, *again);
}
