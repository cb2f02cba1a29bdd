/* space.c - which addresses of a process are legal: regions begin, change their rights, and end. */
#include "os/os.h"

static uint64_t page_up(const struct kb_os *os, uint64_t address) {
    uint64_t mask = kb_os_page_bytes(os) - 1;
    return (address + mask) & ~mask;
}

uint64_t kb_os_user_end(const struct kb_os *os) {
    const struct kb_format *format = &os->mmu.format;
    unsigned bits = format->address_bits - (format->canonical ? 1 : 0);
    uint64_t end = bits < 64 ? UINT64_C(1) << bits : ~(uint64_t)(kb_os_page_bytes(os) - 1);
    return end < os->mmu.kernel_start ? end : os->mmu.kernel_start;
}

static bool in_zone(const struct kb_os *os, const struct kb_process *process, uint64_t start,
                    uint64_t end) {
    if (start >= end)
        return false;
    if (process != os->kernel)
        return end <= kb_os_user_end(os);
    return start >= os->mmu.kernel_start &&
           kb_address_check(&os->mmu.format, end - 1) == KB_FAULT_NONE;
}

/* ---- the list of regions ---- */

kb_status kb_os_add_region(struct kb_os *os, struct kb_process *process,
                           const struct kb_region *region) {
    if (process->region_count == process->region_room) {
        uint32_t room = process->region_room == 0 ? 8 : process->region_room * 2;
        struct kb_region *more = kb_grow(os->host, process->regions,
                                         process->region_room * sizeof *more, room * sizeof *more);
        if (more == NULL)
            return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "regions",
                           (unsigned long long)(room * sizeof *more));
        process->regions = more;
        process->region_room = room;
    }
    process->regions[process->region_count++] = *region;
    process->bounded = true;
    kb_os_attach(os, region);
    return KB_OK;
}

void kb_os_remove_region(struct kb_os *os, struct kb_process *process, uint32_t i) {
    struct kb_region gone = process->regions[i];
    process->region_count--;
    memmove(&process->regions[i], &process->regions[i + 1],
            (process->region_count - i) * sizeof process->regions[0]);
    kb_os_detach(os, &gone);
}

/* What was legal without saying becomes a region, so that it can be cut. */
static kb_status say_everything(struct kb_os *os, struct kb_process *process) {
    if (process->bounded)
        return KB_OK;
    struct kb_region all = {
        .name = "all", .end = kb_os_user_end(os), .rights = kb_os_rights_at(os, process, 0, NULL)};
    return kb_os_add_region(os, process, &all);
}

/* Cuts the region around an address, if it does not begin there, so that one does. */
static kb_status cut_at(struct kb_os *os, struct kb_process *process, uint64_t address) {
    for (uint32_t i = 0; i < process->region_count; i++) {
        struct kb_region first = process->regions[i];
        if (address <= first.start || address >= first.end)
            continue;
        struct kb_region second = first;
        second.start = address;
        second.lowest = 0; /* only the lower part grows */
        second.image.offset += address - first.start;
        second.place += (address - first.start) >> kb_os_page_bits(os);
        process->regions[i].end = address;
        return kb_os_add_region(os, process, &second);
    }
    return KB_OK;
}

static kb_status cut_out(struct kb_os *os, struct kb_process *process, uint64_t start,
                         uint64_t end) {
    kb_status status = say_everything(os, process);
    if (status == KB_OK)
        status = cut_at(os, process, start);
    if (status == KB_OK)
        status = cut_at(os, process, end);
    return status;
}

static kb_status bad_range(struct kb_os *os, const struct kb_process *process, uint64_t start,
                           uint64_t end) {
    return kb_fail(os->error, KB_DATA, KB_MSG_os_bad_range, (unsigned long long)start,
                   (unsigned long long)end, (unsigned long long)kb_os_page_bytes(os),
                   process->name);
}

static bool bad_rights(const struct kb_os *os, unsigned rights) {
    if (os->mmu.format.family->writable_is_readable)
        return false;
    return (rights & (KB_ENTRY_READ | KB_ENTRY_WRITE)) == KB_ENTRY_WRITE;
}

/* What is written may not be executed, where the system says so. */
static bool may_not_be(const struct kb_os *os, unsigned rights) {
    return os->setup.write_xor_execute && rights & KB_ENTRY_WRITE && rights & KB_ENTRY_EXECUTE;
}

unsigned kb_os_rights_at(const struct kb_os *os, const struct kb_process *process, uint64_t address,
                         const struct kb_region **region) {
    const struct kb_region *found = kb_process_region(process, address, kb_os_page_bytes(os));
    if (region != NULL)
        *region = found;
    if (found != NULL)
        return found->guard ? 0 : found->rights;
    if (process->bounded)
        return 0;
    return os->setup.write_xor_execute ? KB_ENTRY_READ | KB_ENTRY_WRITE : KB_ENTRY_RIGHTS;
}

static bool overlaps(const struct kb_os *os, const struct kb_process *process, uint64_t start,
                     uint64_t end) {
    for (uint32_t i = 0; i < process->region_count; i++)
        if (start < page_up(os, process->regions[i].end) &&
            process->regions[i].start < page_up(os, end))
            return true;
    return false;
}

/* A segment is a region, whole. */
static bool is_segment(const struct kb_os *os, const struct kb_process *process, uint64_t start,
                       uint64_t end) {
    for (uint32_t i = 0; i < process->region_count; i++)
        if (process->regions[i].start == start && page_up(os, process->regions[i].end) == end)
            return true;
    return false;
}

static bool fits_segment(const struct kb_os *os, const struct kb_region *region) {
    uint64_t bytes = kb_os_segment_bytes(os);
    return region->start % bytes == 0 && region->end - region->start <= bytes;
}

/* ---- pages that are in use already ---- */

static uint64_t super_end(const struct kb_super *super) {
    return super->address + (UINT64_C(1) << super->page_bits);
}

/* A superpage has one entry: it changes as a whole or not at all. */
static kb_status check_supers(struct kb_os *os, const struct kb_process *process, uint64_t start,
                              uint64_t end) {
    for (uint32_t i = 0; i < process->super_count; i++) {
        const struct kb_super *super = &process->supers[i];
        if (start < super_end(super) && super->address < end &&
            (super->address < start || super_end(super) > end))
            return kb_fail(os->error, KB_DATA, KB_MSG_os_cuts_superpage, (unsigned long long)start,
                           (unsigned long long)end, (unsigned long long)super->address);
    }
    return KB_OK;
}

static bool super_in(const struct kb_super *super, uint64_t start, uint64_t end) {
    return super->address >= start && super->address < end;
}

static uint64_t pages_in_memory(const struct kb_os *os, const struct kb_process *process,
                                uint64_t start, uint64_t end) {
    uint64_t count = 0;
    for (uint32_t id = process->mappings; id != KB_NO_MAPPING; id = os->pages.mapping[id].next) {
        uint64_t address = os->pages.mapping[id].number << kb_os_page_bits(os);
        bool there = os->pages.frame_of[os->pages.mapping[id].page] != 0;
        count += there && address >= start && address < end;
    }
    return count;
}

/* How many frames a region needs to be loaded whole: of an object's pages those in memory need
 * none. */
static uint64_t pages_missing(const struct kb_os *os, const struct kb_process *process,
                              const struct kb_region *region, uint64_t pages) {
    uint64_t end = region->start + (pages << kb_os_page_bits(os)), there = 0;
    if (region->object == 0)
        return pages - pages_in_memory(os, process, region->start, end);
    for (uint64_t i = 0; i < pages && pages <= os->setup.frames; i++) {
        uint32_t id = kb_lookup_find(&os->pages.by_object, region->object - 1, region->place + i);
        there += id != KB_LOOKUP_NONE && os->pages.frame_of[id] != 0;
    }
    return pages - there;
}

/* Entries of start … end − 1 are rewritten with what their regions allow now. */
static void refresh_page(struct kb_os *os, uint32_t mapping, void *context) {
    (void)context;
    kb_os_refresh(os, mapping);
}

static void refresh_pages(struct kb_os *os, const struct kb_process *process, uint64_t start,
                          uint64_t end) {
    kb_os_each_mapping(os, process, start, end, refresh_page, NULL);
}

/* Whether the process has used any page there; it cannot be an object's then. */
static bool process_uses(const struct kb_os *os, const struct kb_process *process, uint64_t start,
                         uint64_t end) {
    for (uint32_t id = process->mappings; id != KB_NO_MAPPING; id = os->pages.mapping[id].next) {
        uint64_t address = os->pages.mapping[id].number << kb_os_page_bits(os);
        if (address >= start && address < end)
            return true;
    }
    return false;
}

/* A new region's rights hold for what is in memory of it. The first region makes all else illegal:
 * the hardware sees V = 0, and the content waits for a region of its own. */
static void adopt(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                  bool first) {
    uint64_t end = page_up(os, region->end);
    refresh_pages(os, process, first ? 0 : region->start, first ? UINT64_MAX : end);
    for (uint32_t i = 0; i < process->super_count; i++) {
        bool inside = super_in(&process->supers[i], region->start, end);
        if (inside || first)
            kb_os_set_super_rights(os, process, &process->supers[i], inside ? region->rights : 0);
    }
}

/* Base and limit registers know no pages. */
static kb_status check_paged(struct kb_os *os) {
    return kb_os_paged(os) ? KB_OK : kb_fail(os->error, KB_DATA, KB_MSG_os_no_pages);
}

/* ---- regions begin ---- */

static kb_status load_pages(struct kb_os *os, struct kb_process *process,
                            const struct kb_region *region, bool *refused) {
    uint64_t first = region->start >> kb_os_page_bits(os);
    uint64_t end = page_up(os, region->end) >> kb_os_page_bits(os);
    for (uint64_t number = first; number < end; number++) {
        uint32_t frame;
        enum kb_reason reason;
        bool in;
        if (kb_os_frame_of(os, process, number) != KB_NO_FRAME)
            continue;
        kb_status status = kb_os_bring(os, process, number, &frame, &in, &reason);
        if (status != KB_OK)
            return status;
        if (!in) { /* no room for its tables */
            *refused = true;
            return kb_os_unmap(os, process, region->start, page_up(os, region->end));
        }
        if (process == os->kernel) {
            os->frame[frame].fixed = true;
            os->keys[frame] |= KB_PINNED;
        } else if (!(os->keys[frame] & KB_RESIDENT)) {
            kb_pager_admit(os, frame, KB_BY_MOVE);
        }
    }
    return KB_OK;
}

/* A stack grows by zeros: an image or object has nothing below its first page. A segment's place is
 * its number. */
static bool may_grow(const struct kb_os *os, const struct kb_region *region) {
    return region->lowest == 0 ||
           (region->object == 0 && !region->has_image && !region->guard && !kb_os_segmented(os));
}

/* What is not as a region must be: a status, or *refused. */
static kb_status check_region(struct kb_os *os, const struct kb_process *process,
                              const struct kb_region *region, bool *refused) {
    uint64_t end = page_up(os, region->end);
    const struct kb_object *object = region->object == 0 ? NULL : os->object[region->object - 1];
    if (region->start % kb_os_page_bytes(os) != 0 || end < region->end ||
        !in_zone(os, process, region->start, end))
        return bad_range(os, process, region->start, region->end);
    if (kb_os_segmented(os) && !fits_segment(os, region))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_segment,
                       (unsigned long long)kb_os_segment_bytes(os));
    if (bad_rights(os, region->rights))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_write_only);
    if (overlaps(os, process, region->start, region->end))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_overlap, (unsigned long long)region->start,
                       (unsigned long long)region->end, process->name);
    if (region->lowest % kb_os_page_bytes(os) != 0 ||
        (region->lowest != 0 && region->lowest >= region->start))
        return bad_range(os, process, region->lowest, region->start);
    uint64_t pages = (end - region->start) >> kb_os_page_bits(os);
    if (object != NULL && (region->place > object->pages || pages > object->pages - region->place))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_beyond_object, object->name,
                       (unsigned long long)object->bytes);
    *refused = may_not_be(os, region->rights) || !may_grow(os, region) ||
               (object != NULL && process_uses(os, process, region->start, end)) ||
               (object != NULL && !region->shared && os->setup.format.family->no_page_rights);
    return check_supers(os, process, region->start, end);
}

kb_status kb_os_region(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                       bool *refused) {
    uint64_t end = page_up(os, region->end), pages = (end - region->start) >> kb_os_page_bits(os);
    *refused = false;
    kb_status status = check_paged(os);
    if (status != KB_OK)
        return status;
    status = check_region(os, process, region, refused);
    if (status != KB_OK || *refused)
        return status;
    bool whole = (os->setup.load_all && !region->guard) || process == os->kernel;
    bool first = !process->bounded;
    if (whole && pages_missing(os, process, region, pages) > kb_os_free_frames(os)) {
        *refused = true;
        return KB_OK;
    }
    status = kb_os_add_region(os, process, region);
    if (status == KB_OK)
        adopt(os, process, region, first);
    if (status == KB_OK && kb_os_segmented(os))
        status = kb_os_segment_begin(os, process, region);
    if (status == KB_OK && kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_REGION,
                                            .process = process,
                                            .address = region->start,
                                            .count = region->end - region->start,
                                            .rights = region->rights,
                                            .text = region->name});
    if (status == KB_OK)
        status = kb_os_allocate(os);
    if (status == KB_OK && whole)
        status = load_pages(os, process, region, refused);
    kb_os_wait_for_disk(os);
    return status;
}

/* A stack does not grow into what is there already; a guard keeps it off. */
bool kb_os_grow_stack(struct kb_os *os, struct kb_process *process, uint64_t address) {
    uint64_t page = address & ~(uint64_t)(kb_os_page_bytes(os) - 1);
    for (uint32_t i = 0; i < process->region_count; i++) {
        struct kb_region *stack = &process->regions[i];
        if (stack->lowest == 0 || page < stack->lowest || page >= stack->start ||
            overlaps(os, process, page, stack->start))
            continue;
        stack->start = page;
        kb_os_share_out(os);
        if (kb_os_heard(os))
            kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_GROW,
                                                .process = process,
                                                .address = page,
                                                .count = stack->end - page,
                                                .rights = stack->rights,
                                                .text = stack->name});
        return true;
    }
    return false;
}

/* ---- regions end, and change ---- */

static void unmap_page(struct kb_os *os, uint32_t mapping, void *context) {
    (void)context;
    kb_os_unmap_page(os, mapping, KB_UNMAPPED);
}

kb_status kb_os_unmap(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end) {
    uint64_t size = kb_os_page_bytes(os);
    kb_status status = check_paged(os);
    if (status != KB_OK)
        return status;
    if (start % size != 0 || end % size != 0 || !in_zone(os, process, start, end))
        return bad_range(os, process, start, end);
    if (kb_os_segmented(os) && !is_segment(os, process, start, end))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_segment,
                       (unsigned long long)kb_os_segment_bytes(os));
    status = check_supers(os, process, start, end);
    if (status == KB_OK)
        status = cut_out(os, process, start, end);
    if (status != KB_OK)
        return status;
    kb_os_each_mapping(os, process, start, end, unmap_page, NULL);
    for (uint32_t i = process->region_count; i-- > 0;)
        if (process->regions[i].start >= start && process->regions[i].start < end) {
            if (kb_os_segmented(os))
                kb_os_segment_end(os, process, &process->regions[i]);
            kb_os_remove_region(os, process, i);
        }
    for (uint32_t i = process->super_count; i-- > 0;)
        if (super_in(&process->supers[i], start, end)) {
            kb_os_drop_super(os, process, &process->supers[i]);
            process->supers[i] = process->supers[--process->super_count];
        }
    kb_os_share_out(os);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_UNMAP,
                                            .process = process,
                                            .address = start,
                                            .count = end - start});
    return KB_OK;
}

kb_status kb_os_protect(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                        unsigned rights, bool *refused) {
    uint64_t size = kb_os_page_bytes(os);
    kb_status status = check_paged(os);
    *refused = false;
    if (status != KB_OK)
        return status;
    if (start % size != 0 || end % size != 0 || !in_zone(os, process, start, end))
        return bad_range(os, process, start, end);
    if (bad_rights(os, rights))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_write_only);
    if (kb_os_segmented(os) && !is_segment(os, process, start, end))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_segment,
                       (unsigned long long)kb_os_segment_bytes(os));
    status = check_supers(os, process, start, end);
    *refused = may_not_be(os, rights);
    if (status == KB_OK && !*refused)
        status = cut_out(os, process, start, end);
    if (status != KB_OK || *refused)
        return status;
    for (uint32_t i = 0; i < process->region_count; i++)
        if (process->regions[i].start >= start && process->regions[i].start < end)
            process->regions[i].rights = rights;
    if (kb_os_segmented(os))
        kb_os_segment_protect(os, process, start, rights);
    refresh_pages(os, process, start, end);
    for (uint32_t i = 0; i < process->super_count; i++)
        if (super_in(&process->supers[i], start, end))
            kb_os_set_super_rights(os, process, &process->supers[i], rights);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_PROTECT,
                                            .process = process,
                                            .address = start,
                                            .count = end - start,
                                            .rights = rights});
    return KB_OK;
}

/* ---- by hand ---- */

/* Takes `count` frames from first on out of the free list, or none of them. */
static bool take_these(struct kb_os *os, uint64_t first, uint64_t count) {
    uint64_t found = 0;
    if (first + count > os->setup.frames)
        return false;
    for (uint32_t i = 0; i < os->free_count; i++)
        found += os->free_list[i] >= first && os->free_list[i] < first + count;
    if (found < count)
        return false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < os->free_count; i++)
        if (os->free_list[i] < first || os->free_list[i] >= first + count)
            os->free_list[kept++] = os->free_list[i];
    os->free_count = kept;
    if (os->used < first + count)
        os->used = (uint32_t)(first + count);
    return true;
}

/* The lowest aligned row of free frames, taken; false if there is none. */
static bool take_row(struct kb_os *os, uint64_t count, uint32_t *frame) {
    for (uint64_t first = 0; first + count <= os->setup.frames; first += count)
        if (os->frame[first].use == KB_FRAME_FREE && take_these(os, first, count)) {
            *frame = (uint32_t)first;
            return true;
        }
    return false;
}

static kb_status map_super(struct kb_os *os, struct kb_process *process, uint64_t address,
                           uint32_t first, unsigned depth, unsigned rights, bool *refused) {
    const struct kb_format *format = &os->mmu.format;
    unsigned bits = kb_format_shift(format, depth);
    uint64_t frames = UINT64_C(1) << (bits - format->page_bits), entry;
    os->table_of = process;
    kb_status status =
        kb_tables_make(&os->tables, process->root, address, depth, &entry, os->error);
    if (status != KB_OK)
        return status;
    if (kb_memory_entry(&os->mmu.memory, entry, format->entry_bytes) != 0 ||
        kb_os_table_is_out(os, process, address)) {
        *refused = true; /* there is a table below */
        return KB_OK;
    }
    if (process->super_count == process->super_room) {
        uint32_t room = process->super_room == 0 ? 4 : process->super_room * 2;
        struct kb_super *more = kb_grow(os->host, process->supers,
                                        process->super_room * sizeof *more, room * sizeof *more);
        if (more == NULL)
            return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "superpages",
                           (unsigned long long)(room * sizeof *more));
        process->supers = more;
        process->super_room = room;
    }
    bool taken = first != KB_NO_FRAME ? first % frames == 0 && take_these(os, first, frames)
                                      : take_row(os, frames, &first);
    if (!taken) {
        *refused = true;
        return KB_OK;
    }
    process->supers[process->super_count++] = (struct kb_super){address, first, bits};
    for (uint64_t k = 0; k < frames; k++) {
        os->frame[first + k] = (struct kb_frame){
            .use = KB_FRAME_SUPER, .entry = entry, .fixed = true, .process = process->number};
        os->keys[first + k] = KB_PINNED;
    }
    memset(kb_memory_at(&os->mmu.memory, (uint64_t)first << format->page_bits), 0,
           (size_t)1 << bits);
    struct kb_entry leaf = {KB_ENTRY_VALID | KB_ENTRY_LEAF | KB_ENTRY_USER | rights,
                            (uint64_t)first << format->page_bits};
    if (rights != 0) /* else it stays 0: what lies there would be a table to RISC-V */
        kb_memory_set_entry(&os->mmu.memory, entry, format->entry_bytes,
                            format->family->encode(format, leaf, depth));
    process->resident += (uint32_t)frames;
    process->held += (uint32_t)frames;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_MAP,
                                            .process = process,
                                            .address = address,
                                            .page = address >> format->page_bits,
                                            .frame = first,
                                            .count = UINT64_C(1) << bits,
                                            .entry = entry});
    return KB_OK;
}

static kb_status map_page(struct kb_os *os, struct kb_process *process, uint64_t address,
                          uint32_t frame, bool *refused) {
    uint64_t number = address >> kb_os_page_bits(os);
    uint32_t found;
    enum kb_reason reason;
    bool in;
    if (kb_os_frame_of(os, process, number) != KB_NO_FRAME || kb_os_free_frames(os) == 0 ||
        (frame != KB_NO_FRAME && !take_these(os, frame, 1))) {
        *refused = true;
        return KB_OK;
    }
    if (frame != KB_NO_FRAME) /* so that it is the next one to be taken */
        kb_os_free_frame(os, frame);
    kb_status status = kb_os_bring(os, process, number, &found, &in, &reason);
    if (status != KB_OK)
        return status;
    *refused = !in;
    kb_os_wait_for_disk(os);
    if (in && !(os->keys[found] & KB_RESIDENT))
        kb_pager_admit(os, found, KB_BY_MOVE);
    if (in && kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_MAP,
                                            .process = process,
                                            .address = address,
                                            .page = number,
                                            .frame = found,
                                            .count = kb_os_page_bytes(os),
                                            .entry = kb_os_first_mapping(os, found)->entry});
    return KB_OK;
}

kb_status kb_os_map(struct kb_os *os, struct kb_process *process, uint64_t address, uint32_t frame,
                    unsigned page_bits, unsigned rights, bool *refused) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t size = UINT64_C(1) << page_bits;
    *refused = false;
    kb_status status = check_paged(os);
    if (status != KB_OK)
        return status;
    if (address % size != 0 || !in_zone(os, process, address, address + size))
        return bad_range(os, process, address, address + size);
    if (may_not_be(os, rights) ||
        (process->bounded && kb_process_region(process, address, kb_os_page_bytes(os)) == NULL)) {
        *refused = true;
        return KB_OK;
    }
    for (uint32_t i = 0; i < process->super_count; i++)
        if (address < super_end(&process->supers[i]) &&
            process->supers[i].address < address + size) {
            *refused = true;
            return KB_OK;
        }
    if (page_bits == format->page_bits) {
        status = map_page(os, process, address, frame, refused);
        if (status == KB_OK && !*refused && rights != KB_ENTRY_RIGHTS)
            status = kb_os_protect(os, process, address, address + size, rights, refused);
        return status;
    }
    for (unsigned depth = 0; depth + 1 < format->levels; depth++)
        if (kb_format_shift(format, depth) == page_bits && format->superpage_depths >> depth & 1 &&
            os->mmu.scheme == KB_SCHEME_TABLES)
            return map_super(os, process, address, frame, depth, rights, refused);
    return kb_fail(os->error, KB_DATA, KB_MSG_os_no_superpage, (unsigned long long)size,
                   format->name);
}
