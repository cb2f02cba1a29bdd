/* segment.c - segments of paged segmentation: each is a region that begins where its number says,
 * and has an entry in its process's segment table. A page table is made at its first use.
 *
 *   P's segment table          page table of an object          core map
 *   │ r-x, 8 pages, s' ─┼──► │ entry 0 │ entry 1 │ … ──────► frames
 *   Q's segment table   │
 *   │ rw-, 5 pages, s' ─┘      one table: what P brings in, Q sees
 *
 * Segments that show the same shared memory (or file, not privately) from the
 * same place on have one page table. Rights and length are each segment's own,
 * so the table's entries grant everything. A page in such a table has a mapping
 * for each process that sees it, all with the one entry: so an eviction reaches
 * the TLB entries of all, and a page is the first mapper's as ever. A process
 * that is swapped out lets go of shared tables, until it is back.
 * Source: E. I. Organick, The Multics System, 1972, chapter 1. */
#include "os/os.h"

bool kb_os_segmented(const struct kb_os *os) {
    return os->setup.scheme == KB_SCHEME_TABLES && os->mmu.format.family->segmented;
}

uint64_t kb_os_segment_bytes(const struct kb_os *os) {
    return UINT64_C(1) << kb_format_shift(&os->mmu.format, 0);
}

/* ---- entries of the segment table ---- */

/* Physical address of the segment's entry. */
static uint64_t entry_of(const struct kb_os *os, const struct kb_process *process,
                         uint64_t address) {
    uint64_t root = process == os->kernel ? os->mmu.kernel_root : process->root;
    return root + kb_format_index(&os->mmu.format, address, 0) * os->mmu.format.segment_bytes;
}

struct kb_segment kb_os_segment(const struct kb_os *os, const struct kb_process *process,
                                uint64_t address, uint64_t *at) {
    *at = entry_of(os, process, address);
    return kb_segment_decode(&os->mmu.format,
                             kb_memory_entry(&os->mmu.memory, *at, os->mmu.format.segment_bytes));
}

static void set_segment(struct kb_os *os, uint64_t entry, struct kb_segment segment) {
    kb_memory_set_entry(&os->mmu.memory, entry, os->mmu.format.segment_bytes,
                        kb_segment_encode(&os->mmu.format, segment));
}

bool kb_os_segment_exists(const struct kb_os *os, const struct kb_process *process,
                          uint64_t address) {
    uint64_t at;
    return kb_os_segment(os, process, address, &at).legal;
}

uint64_t kb_os_segment_place(const struct kb_os *os, const struct kb_process *process,
                             uint64_t address) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t at, page = kb_format_index(format, address, 1);
    struct kb_segment segment = kb_os_segment(os, process, address, &at);
    return segment.legal && segment.present && page < kb_segment_pages(format, segment)
               ? segment.table + page * format->entry_bytes
               : KB_NO_TABLE;
}

/* ---- who shares ---- */

static const struct kb_region *region_at(const struct kb_os *os, const struct kb_process *process,
                                         uint64_t address) {
    return kb_process_region(process, address, kb_os_page_bytes(os));
}

/* The next segment of any process, from *process and *region on, that may have the same page table
 * as another one; false: there is none. */
static bool next_sharer(const struct kb_os *os, const struct kb_region *same, uint32_t *process,
                        uint32_t *region) {
    for (; *process < os->process_count; ++*process, *region = 0)
        for (; *region < os->process[*process]->region_count; ++*region) {
            const struct kb_region *r = &os->process[*process]->regions[*region];
            if (r->object == same->object && r->place == same->place && r->shared)
                return true;
        }
    return false;
}

/* The page table that somebody has for the region; KB_NO_TABLE: nobody. */
static uint64_t shared_table(const struct kb_os *os, const struct kb_region *region) {
    uint64_t at;
    for (uint32_t p = 0, r = 0; kb_os_shares_table(region) && next_sharer(os, region, &p, &r);
         r++) {
        struct kb_segment segment =
            kb_os_segment(os, os->process[p], os->process[p]->regions[r].start, &at);
        if (segment.present)
            return segment.table;
    }
    return KB_NO_TABLE;
}

/* Pages of a shared table that are in memory are this process's, too, from now on, as far as its
 * segment goes. */
static kb_status adopt(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                       uint64_t table) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t first = region->start >> format->page_bits;
    uint64_t behind = ((region->end - 1) >> format->page_bits) + 1;
    for (uint64_t number = first; number < behind; number++) {
        uint64_t entry = table + (number - first) * format->entry_bytes;
        uint64_t raw = kb_memory_entry(&os->mmu.memory, entry, format->entry_bytes);
        uint32_t mapping;
        if (!(format->family->decode(format, raw, 1).bits & KB_ENTRY_VALID))
            continue;
        kb_status status = kb_os_mapping(os, process, number, &mapping);
        if (status != KB_OK)
            return status;
        if (os->pages.frame_of[os->pages.mapping[mapping].page] != 0) /* nobody overwrote it */
            kb_os_enter(os, mapping, entry);
    }
    return KB_OK;
}

kb_status kb_os_segment_adopt(struct kb_os *os, struct kb_process *process,
                              const struct kb_region *region) {
    uint64_t at;
    struct kb_segment segment = kb_os_segment(os, process, region->start, &at);
    return segment.present ? adopt(os, process, region, segment.table) : KB_OK;
}

/* All who share the region see what comes into the new table; who is swapped out opens it later. */
static void spread(struct kb_os *os, const struct kb_region *region, uint64_t table) {
    for (uint32_t p = 0, r = 0; kb_os_shares_table(region) && next_sharer(os, region, &p, &r);
         r++) {
        uint64_t at;
        const struct kb_process *process = os->process[p];
        struct kb_segment segment = kb_os_segment(os, process, process->regions[r].start, &at);
        if (process->state == KB_SWAPPED || !segment.legal)
            continue;
        segment.present = true;
        segment.table = table;
        set_segment(os, at, segment);
    }
}

kb_status kb_os_segment_audience(struct kb_os *os, const struct kb_process *process,
                                 uint64_t address) {
    const struct kb_region *region = region_at(os, process, address);
    if (region == NULL || !kb_os_shares_table(region))
        return KB_OK;
    struct kb_region same = *region;
    uint64_t displacement = address - same.start;
    uint64_t place = kb_os_segment_place(os, process, address);
    for (uint32_t p = 0, r = 0; next_sharer(os, &same, &p, &r); r++) {
        struct kb_process *other = os->process[p];
        uint64_t there = other->regions[r].start + displacement;
        uint32_t mapping;
        if (kb_os_segment_place(os, other, there) != place)
            continue;
        kb_status status = kb_os_mapping(os, other, there >> kb_os_page_bits(os), &mapping);
        if (status != KB_OK)
            return status;
    }
    return KB_OK;
}

/* ---- segments begin, change and end ---- */

kb_status kb_os_segment_begin(struct kb_os *os, struct kb_process *process,
                              const struct kb_region *region) {
    struct kb_segment segment = {
        .legal = true, .rights = region->rights, .bytes = region->end - region->start};
    uint64_t table = shared_table(os, region);
    segment.present = table != KB_NO_TABLE;
    segment.table = segment.present ? table : 0;
    set_segment(os, entry_of(os, process, region->start), segment);
    return segment.present ? adopt(os, process, region, table) : KB_OK;
}

void kb_os_segment_protect(struct kb_os *os, struct kb_process *process, uint64_t address,
                           unsigned rights) {
    uint64_t at;
    struct kb_segment segment = kb_os_segment(os, process, address, &at);
    segment.rights = rights;
    set_segment(os, at, segment);
}

void kb_os_segment_length(struct kb_os *os, struct kb_process *process, uint64_t address,
                          uint64_t bytes) {
    uint64_t at;
    struct kb_segment segment = kb_os_segment(os, process, address, &at);
    segment.bytes = bytes;
    set_segment(os, at, segment);
}

/* Whether any segment of a process that has not ended has the page table. */
static bool is_had(const struct kb_os *os, uint64_t table) {
    for (uint32_t p = 0; p < os->process_count; p++)
        for (uint32_t r = 0; r < os->process[p]->region_count; r++) {
            uint64_t at;
            struct kb_segment segment =
                kb_os_segment(os, os->process[p], os->process[p]->regions[r].start, &at);
            if (segment.present && segment.table == table)
                return true;
        }
    return false;
}

/* Whether another segment may have its page table, though it be out. */
static bool others_may_want(const struct kb_os *os, const struct kb_process *process,
                            const struct kb_region *region) {
    for (uint32_t p = 0, r = 0; kb_os_shares_table(region) && next_sharer(os, region, &p, &r); r++)
        if (os->process[p] != process || os->process[p]->regions[r].start != region->start)
            return true;
    return false;
}

void kb_os_segment_end(struct kb_os *os, struct kb_process *process,
                       const struct kb_region *region) {
    uint64_t at;
    struct kb_segment segment = kb_os_segment(os, process, region->start, &at);
    set_segment(os, at, (struct kb_segment){0});
    if (segment.present && (!kb_os_shares_table(region) || !is_had(os, segment.table)))
        kb_tables_give_back(&os->tables, segment.table, 1);
    if (!others_may_want(os, process, region))
        kb_os_table_forget(os, process, region);
}

kb_status kb_os_segment_open(struct kb_os *os, struct kb_process *process, uint64_t address) {
    uint64_t at;
    struct kb_segment segment = kb_os_segment(os, process, address, &at);
    const struct kb_region *region = region_at(os, process, address);
    if (segment.present || region == NULL)
        return KB_OK;
    struct kb_region opened = *region;
    segment.table = shared_table(os, &opened);
    bool made = segment.table == KB_NO_TABLE;
    kb_status status =
        made ? kb_tables_new_below(&os->tables, 1, at, opened.start, &segment.table, os->error)
             : KB_OK;
    if (status != KB_OK)
        return status;
    segment.present = true;
    set_segment(os, at, segment);
    if (made)
        spread(os, &opened, segment.table);
    else
        status = adopt(os, process, &opened, segment.table);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SEGMENT,
                                            .process = process,
                                            .address = address,
                                            .count = kb_segment_pages(&os->mmu.format, segment),
                                            .entry = at,
                                            .raw = segment.table});
    return status;
}

void kb_os_segments_close(struct kb_os *os, struct kb_process *process) {
    for (uint32_t r = 0; r < process->region_count; r++) {
        uint64_t at;
        struct kb_segment segment = kb_os_segment(os, process, process->regions[r].start, &at);
        if (!kb_os_shares_table(&process->regions[r]) || !segment.present)
            continue;
        uint64_t table = segment.table;
        segment.present = false;
        segment.table = 0;
        set_segment(os, at, segment);
        if (!is_had(os, table))
            kb_tables_give_back(&os->tables, table, 1);
    }
}

void kb_os_segments_lose(struct kb_os *os, uint64_t table) {
    for (uint32_t p = 0; p < os->process_count; p++)
        for (uint32_t r = 0; r < os->process[p]->region_count; r++) {
            uint64_t at;
            struct kb_segment segment =
                kb_os_segment(os, os->process[p], os->process[p]->regions[r].start, &at);
            if (!segment.present || segment.table != table)
                continue;
            segment.present = false;
            segment.table = 0;
            set_segment(os, at, segment);
        }
}
