/* storage_check.c - every invariant of contiguous storage, for tests:
 *
 *   memory = system + areas + holes, sorted, disjoint, holes coalesced
 *   an area's users = the segments that show it; descriptors, registers and TLB say where it is
 *   the paging file's slots = the areas' blocks; the policy has the areas in memory, no others
 */
#include "machine/descriptor.h"
#include "os/os.h"

#define REQUIRE(condition, text)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return text;                                                                           \
    } while (0)

/* ---- memory ---- */

/* The area in memory that lies lowest from an address on. */
static const struct kb_area *next_area(const struct kb_storage *storage, uint64_t from) {
    const struct kb_area *best = NULL;
    for (uint32_t i = 0; i < storage->area_count; i++) {
        const struct kb_area *area = &storage->area[i];
        if (area->exists && area->present && area->base >= from &&
            (best == NULL || area->base < best->base))
            best = area;
    }
    return best;
}

static const char *check_holes(const struct kb_os *os) {
    const struct kb_storage *storage = os->storage;
    uint64_t at = storage->setup.system, areas = 0;
    bool after_hole = false;
    const char *wrong = kb_holes_check(&storage->holes);
    if (wrong != NULL)
        return wrong;
    while (at < storage->setup.bytes) {
        struct kb_hole hole;
        const struct kb_area *area = next_area(storage, at);
        if (storage->overlaid > 0)
            return NULL; /* they cover each other */
        bool is_hole = kb_holes_next(&storage->holes, at, &hole) && hole.start == at;
        REQUIRE(is_hole || (area != NULL && area->base == at),
                "a byte belongs to no area and to no hole");
        REQUIRE(!(is_hole && after_hole), "two holes side by side");
        REQUIRE(!is_hole || area == NULL || hole.start + hole.length <= area->base,
                "a hole lies over an area");
        REQUIRE(is_hole || area->room == area->length, "an area takes more room than it has bytes");
        areas += !is_hole;
        at += is_hole ? hole.length : area->room;
        after_hole = is_hole;
    }
    REQUIRE(at == storage->setup.bytes, "an area or a hole ends behind the memory");
    REQUIRE(areas == storage->present, "an area lies where it should not");
    return NULL;
}

static const char *check_partitions(const struct kb_storage *storage) {
    uint32_t full = 0;
    for (unsigned i = 0; i < storage->setup.partitions; i++) {
        const struct kb_partition *p = &storage->partition[i];
        if (p->area == KB_NO_AREA)
            continue;
        const struct kb_area *area = &storage->area[p->area];
        full++;
        REQUIRE(area->present && area->base == p->start && area->room == p->length &&
                    area->length <= p->length,
                "a partition's program is not in it");
    }
    REQUIRE(full == storage->present, "a program lies in no partition");
    return NULL;
}

/* ---- areas and who shows them ---- */

static const char *check_use(const struct kb_os *os, const struct kb_area *area, uint32_t number,
                             const struct kb_use *use) {
    const struct kb_process *p = os->process[use->process];
    uint64_t address = (uint64_t)use->segment << kb_os_page_bits(os);
    const struct kb_region *region = kb_storage_segment_at(os, p, address);
    REQUIRE(p->state != KB_ENDED && region != NULL && region->area == number + 1,
            "an area is used by a segment that is not there");
    REQUIRE(region->end - region->start == area->length, "a segment has another length");
    if (kb_storage_of_programs(os)) {
        REQUIRE(p->limit == (area->present ? area->length : 0) &&
                    (!area->present || p->base == area->base),
                "base and limit are not those of the program");
        return NULL;
    }
    struct kb_descriptor d =
        kb_descriptor_read(&os->mmu.memory, kb_storage_descriptor(os, p, use->segment));
    REQUIRE(d.legal && d.present == area->present && d.limit == area->length &&
                d.rights == region->rights && (!area->present || d.base == area->base),
            "a descriptor says something else than its area");
    REQUIRE(area->present || (!d.referenced && !d.modified), "R or M of an absent segment");
    return NULL;
}

static const char *check_areas(const struct kb_os *os, uint64_t *blocks) {
    const struct kb_storage *storage = os->storage;
    uint32_t present = 0, segments = 0, uses = 0;
    *blocks = 0;
    for (uint32_t i = 0; i < storage->area_count; i++) {
        const struct kb_area *area = &storage->area[i];
        uint32_t users = 0;
        REQUIRE(area->exists || (!area->present && area->users == 0 && area->block == NULL),
                "an area that is no more holds something");
        REQUIRE(!area->exists || area->users > 0 || area->shared, "an area that nobody shows");
        REQUIRE(area->pins == 0 || storage->reached_count > 0, "an area is pinned for nobody");
        for (uint32_t u = area->uses; u != KB_NO_AREA; u = storage->use[u].next, users++) {
            const char *wrong = check_use(os, area, i, &storage->use[u]);
            if (wrong != NULL)
                return wrong;
        }
        REQUIRE(users == area->users, "an area's users are not counted right");
        REQUIRE(!area->present || (storage->frame_of[i] == area->frame + 1 &&
                                   storage->page_of[area->frame] == i &&
                                   storage->flags[area->frame] & KB_RESIDENT),
                "the policy does not know of an area");
        REQUIRE(!area->present ||
                    ((storage->flags[area->frame] & KB_PINNED) != 0) == (area->wired > 0),
                "an area is marked as pinned and is not, or the reverse");
        REQUIRE(area->present || storage->frame_of[i] == 0, "the policy has an area that is gone");
        for (uint64_t b = 0; area->block != NULL && b < area->blocks; b++)
            *blocks += area->block[b].slot != KB_NO_SLOT;
        present += area->present;
        uses += users;
    }
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        uint32_t resident = 0;
        for (uint32_t k = 0; k < p->region_count; k++)
            resident += storage->area[p->regions[k].area - 1].present;
        REQUIRE(resident == p->resident, "a process's segments in memory are not counted right");
        segments += p->region_count;
    }
    REQUIRE(present <= KB_MOST_PRESENT && storage->used <= KB_MOST_PRESENT,
            "more areas in memory than the policy has frames");
    REQUIRE(present == storage->present, "areas in memory are not counted right");
    REQUIRE(uses == segments, "a segment shows no area");
    return NULL;
}

/* ---- the hardware ---- */

/* A table has 4, 8, 16 … descriptors: as few as hold the numbers that were given. */
static const char *check_tables(const struct kb_os *os) {
    uint64_t bytes = 0, tables = 0;
    for (uint32_t i = 0; i < os->process_count; i++) {
        uint64_t room = 4, segments = os->process[i]->segments;
        while (room < segments)
            room *= 2;
        bytes += segments > 0 ? room * KB_DESCRIPTOR_BYTES : 0;
        tables += segments > 0;
    }
    REQUIRE(kb_storage_of_programs(os) || (bytes == os->tables.bytes && tables == os->tables.count),
            "segment tables are not those of the processes");
    return NULL;
}

static const char *check_tlb(const struct kb_os *os, const struct kb_tlb *tlb) {
    for (uint32_t i = 0; i < tlb->geometry.sets * tlb->geometry.ways; i++) {
        const struct kb_tlb_entry *entry = &tlb->entries[i];
        uint64_t number = kb_tlb_tag_page(tlb, tlb->tags[i]);
        uint64_t asid = kb_tlb_tag_asid(tlb, tlb->tags[i]);
        if (tlb->tags[i] == KB_TLB_EMPTY)
            continue;
        const struct kb_process *p = os->setup.asid_bits == 0 ? os->running : NULL;
        for (uint32_t k = 0; k < os->process_count && os->setup.asid_bits > 0; k++)
            if (os->process[k]->asid == asid && os->process[k]->state != KB_ENDED &&
                os->process[k]->asid_generation == os->asid_generation)
                p = os->process[k];
        REQUIRE(p != NULL && number < p->segments, "the TLB holds a segment of nobody");
        struct kb_descriptor d =
            kb_descriptor_read(&os->mmu.memory, kb_storage_descriptor(os, p, number));
        REQUIRE(d.present && d.base == entry->page && d.limit == entry->entry &&
                    d.rights == (entry->bits & KB_ENTRY_RIGHTS),
                "the TLB holds a descriptor that is no more");
        REQUIRE(!(entry->bits & KB_ENTRY_REFERENCED && !d.referenced) &&
                    !(entry->bits & KB_ENTRY_MODIFIED && !d.modified),
                "the TLB believes R or M to be set, and it is not");
    }
    return NULL;
}

const char *kb_storage_check(const struct kb_os *os) {
    uint64_t blocks;
    const char *wrong = check_areas(os, &blocks);
    if (wrong == NULL && os->storage->setup.partitions > 0)
        wrong = check_partitions(os->storage);
    else if (wrong == NULL)
        wrong = check_holes(os);
    if (wrong == NULL && blocks != os->swap.used)
        wrong = "slots of the paging file are not the areas' blocks";
    if (wrong == NULL)
        wrong = check_tables(os);
    for (unsigned level = 0; level < os->mmu.tlbs && wrong == NULL; level++)
        wrong = check_tlb(os, &os->mmu.tlb[level]);
    return wrong;
}
