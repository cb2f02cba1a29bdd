/* storage.c - areas and the segments that show them: both begin and end, and what tables, TLB and
 * registers say of them. */
#include "os/storage.h"

#include <limits.h>

#include "base/units.h"
#include "machine/descriptor.h"
#include "os/os.h"

#define MOST_AREAS (UINT32_C(1) << 24)

static kb_status no_memory(struct kb_os *os, const char *what, uint64_t bytes) {
    return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, what, (unsigned long long)bytes);
}

const char *kb_organisation_name(enum kb_organisation organisation) {
    static const char *const names[] = {
        "paging", "single-user", "fixed-absolute", "fixed-relocatable", "variable", "segmentation"};
    return organisation < KB_ORGANISATIONS ? names[organisation] : NULL;
}

bool kb_storage_of_programs(const struct kb_os *os) {
    return os->storage != NULL && os->storage->setup.organisation != KB_SEGMENTATION;
}

static bool is_absolute(const struct kb_os *os) {
    enum kb_organisation organisation = os->storage->setup.organisation;
    return organisation == KB_SINGLE_USER || organisation == KB_FIXED_ABSOLUTE;
}

/* ---- the machine ---- */

static kb_status check_setup(struct kb_os *os) {
    const struct kb_storage_setup *setup = &os->storage->setup;
    uint64_t partitions = 0;
    for (unsigned i = 0; i < setup->partitions; i++) {
        if (setup->partition[i] == 0 || !kb_add(partitions, setup->partition[i], &partitions))
            return kb_fail(os->error, KB_DATA, KB_MSG_storage_partition, (unsigned long long)i + 1);
    }
    uint64_t taken;
    if (setup->bytes == 0 || !kb_add(setup->system, partitions, &taken) || taken > setup->bytes ||
        setup->system == setup->bytes)
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_bytes, (unsigned long long)setup->bytes,
                       (unsigned long long)setup->system, (unsigned long long)partitions);
    return KB_OK;
}

static void lay_partitions(struct kb_storage *storage) {
    uint64_t start = storage->setup.system;
    for (unsigned i = 0; i < storage->setup.partitions; i++) {
        storage->partition[i] =
            (struct kb_partition){start, storage->setup.partition[i], KB_NO_AREA};
        start += storage->setup.partition[i];
    }
}

kb_status kb_storage_init(struct kb_os *os) {
    struct kb_storage *storage = kb_take(os->host, sizeof *storage);
    if (storage == NULL)
        return no_memory(os, "storage", sizeof *storage);
    os->storage = storage;
    storage->setup = os->setup.storage;
    storage->use_free = KB_NO_AREA;
    storage->table_end = (storage->setup.bytes + 15) & ~(uint64_t)15;
    kb_status status = kb_holes_init(&storage->holes, os->host, os->error);
    if (status == KB_OK)
        status = check_setup(os);
    if (status == KB_OK && storage->setup.partitions == 0)
        status = kb_holes_give(&storage->holes, storage->setup.system,
                               storage->setup.bytes - storage->setup.system, os->error);
    lay_partitions(storage);
    storage->last_partition = UINT_MAX; /* next fit begins with the first one */
    return status == KB_OK ? kb_chooser_init(os) : status;
}

void kb_storage_free(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    if (storage == NULL)
        return;
    for (uint32_t i = 0; i < storage->area_count; i++)
        if (storage->area[i].block != NULL)
            kb_give_back(os->host, storage->area[i].block,
                         storage->area[i].blocks * sizeof(struct kb_area_block));
    kb_chooser_free(os);
    kb_holes_free(&storage->holes);
    kb_give_back(os->host, storage->area, storage->area_room * sizeof *storage->area);
    kb_give_back(os->host, storage->use, storage->use_room * sizeof *storage->use);
    kb_give_back(os->host, storage, sizeof *storage);
    os->storage = NULL;
}

/* ---- registers ---- */

void kb_storage_load_registers(struct kb_os *os, const struct kb_process *process) {
    os->mmu.absolute = is_absolute(os);
    os->mmu.segments = process->segments;
}

/* ---- the segments of a process ---- */

uint64_t kb_storage_number(const struct kb_os *os, const struct kb_region *segment) {
    return kb_storage_of_programs(os) ? 0 : segment->start >> kb_os_page_bits(os);
}

struct kb_region *kb_storage_segment(const struct kb_os *os, const struct kb_process *process,
                                     const char *name, uint32_t length) {
    (void)os;
    for (uint32_t i = 0; i < process->region_count; i++)
        if (strlen(process->regions[i].name) == length &&
            memcmp(process->regions[i].name, name, length) == 0)
            return &process->regions[i];
    return NULL;
}

struct kb_region *kb_storage_segment_at(const struct kb_os *os, const struct kb_process *process,
                                        uint64_t address) {
    if (kb_storage_of_programs(os))
        return process->region_count > 0 ? &process->regions[0] : NULL;
    uint64_t number = address >> kb_os_page_bits(os);
    uint32_t first = 0, end = process->region_count; /* numbers rise */
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        uint64_t here = process->regions[middle].start >> kb_os_page_bits(os);
        if (here == number)
            return &process->regions[middle];
        first = here < number ? middle + 1 : first;
        end = here < number ? end : middle;
    }
    return NULL;
}

struct kb_process *kb_storage_owner(const struct kb_os *os, uint32_t area) {
    uint32_t use = os->storage->area[area].uses;
    return use == KB_NO_AREA ? NULL : os->process[os->storage->use[use].process];
}

uint64_t kb_storage_number_of(const struct kb_os *os, uint32_t area) {
    uint32_t use = os->storage->area[area].uses;
    return use == KB_NO_AREA ? 0 : os->storage->use[use].segment;
}

/* ---- what tables, TLB and registers say ---- */

static bool has_asid(const struct kb_os *os, const struct kb_process *process) {
    return os->setup.asid_bits > 0 ? process->asid_generation == os->asid_generation
                                   : process == os->running;
}

static void set_bounds(struct kb_os *os, struct kb_process *process, const struct kb_area *area) {
    process->base = area->present ? area->base : 0;
    process->limit = area->present ? area->length : 0;
    if (is_absolute(os) && area->present) {
        process->regions[0].start = area->base; /* programs are made for their place */
        process->regions[0].end = area->base + area->length;
    } else {
        process->regions[0].end = process->regions[0].start + area->length;
    }
    if (process == os->running) {
        os->mmu.base = process->base;
        os->mmu.limit = process->limit;
        kb_mmu_changed(&os->mmu);
    }
}

static void set_descriptor(struct kb_os *os, struct kb_process *process, uint64_t number,
                           struct kb_area *area) {
    uint64_t at = kb_storage_descriptor(os, process, number);
    uint64_t address = number << kb_os_page_bits(os);
    struct kb_region *region = kb_storage_segment_at(os, process, address);
    struct kb_descriptor old = kb_descriptor_read(&os->mmu.memory, at);
    bool was = old.present && area->present;
    region->end = region->start + area->length;
    kb_descriptor_write(&os->mmu.memory, at,
                        (struct kb_descriptor){.legal = true,
                                               .present = area->present,
                                               .referenced = was && old.referenced,
                                               .modified = was && old.modified,
                                               .rights = region->rights,
                                               .base = area->present ? area->base : 0,
                                               .limit = area->length});
    if (has_asid(os, process))
        kb_mmu_invalidate(&os->mmu, address, process->asid);
}

void kb_storage_show_area(struct kb_os *os, uint32_t number) {
    struct kb_area *area = &os->storage->area[number];
    bool changed = area->shown != area->present;
    area->shown = area->present;
    for (uint32_t i = area->uses; i != KB_NO_AREA; i = os->storage->use[i].next) {
        struct kb_process *process = os->process[os->storage->use[i].process];
        if (changed)
            process->resident += area->present ? 1 : UINT32_MAX;
        if (kb_storage_of_programs(os))
            set_bounds(os, process, area);
        else
            set_descriptor(os, process, os->storage->use[i].segment, area);
    }
}

void kb_storage_clear_bits(struct kb_os *os, uint32_t number, unsigned bits) {
    const struct kb_area *area = &os->storage->area[number];
    for (uint32_t i = area->uses; i != KB_NO_AREA && !kb_storage_of_programs(os);
         i = os->storage->use[i].next) {
        const struct kb_use *use = &os->storage->use[i];
        const struct kb_process *process = os->process[use->process];
        uint64_t at = kb_storage_descriptor(os, process, use->segment);
        kb_descriptor_set_bits(&os->mmu.memory, at, bits, false);
        if (has_asid(os, process))
            kb_mmu_unmark(&os->mmu, (uint64_t)use->segment << kb_os_page_bits(os), process->asid,
                          bits);
    }
}

bool kb_storage_modified(const struct kb_os *os, uint32_t number) {
    const struct kb_area *area = &os->storage->area[number];
    bool modified =
        area->modified || (area->present && (os->storage->flags[area->frame] & KB_MODIFIED) != 0);
    for (uint32_t i = area->uses; i != KB_NO_AREA && !kb_storage_of_programs(os);
         i = os->storage->use[i].next) {
        const struct kb_use *use = &os->storage->use[i];
        uint64_t at = kb_storage_descriptor(os, os->process[use->process], use->segment);
        modified = modified || kb_descriptor_read(&os->mmu.memory, at).modified;
    }
    return modified;
}

/* ---- areas ---- */

static kb_status grow_areas(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    if (storage->area_count < storage->area_room)
        return KB_OK;
    if (storage->area_room == MOST_AREAS)
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_areas, (unsigned long long)MOST_AREAS);
    uint32_t room = storage->area_room == 0 ? 64 : storage->area_room * 2;
    struct kb_area *more =
        kb_grow(os->host, storage->area, storage->area_room * sizeof *more, room * sizeof *more);
    if (more == NULL)
        return no_memory(os, "areas", room * sizeof *more);
    storage->area = more;
    storage->area_room = room;
    return kb_chooser_grow(os);
}

static kb_status new_area(struct kb_os *os, const char *name, uint64_t length,
                          const struct kb_image *image, uint32_t *number) {
    kb_status status = grow_areas(os);
    if (status != KB_OK)
        return status;
    *number = os->storage->area_count++;
    struct kb_area *area = &os->storage->area[*number];
    *area = (struct kb_area){.length = length, .uses = KB_NO_AREA, .exists = true};
    memcpy(area->name, name, KB_NAME_BYTES);
    if (image != NULL) {
        area->image = *image;
        area->image_length = length;
    }
    return KB_OK;
}

static void drop_area(struct kb_os *os, uint32_t number) {
    struct kb_area *area = &os->storage->area[number];
    if (area->present) {
        kb_chooser_forget(os, number, KB_EXITED);
        kb_status status = kb_storage_give_room(os, number);
        (void)status; /* the host has no memory for a hole: its bytes stay out of use */
    }
    kb_storage_drop_blocks(os, area);
    area->exists = false;
}

/* ---- uses ---- */

static kb_status add_use(struct kb_os *os, uint32_t number, const struct kb_process *process,
                         uint64_t segment) {
    struct kb_storage *storage = os->storage;
    uint32_t i = storage->use_free;
    if (i != KB_NO_AREA) {
        storage->use_free = storage->use[i].next;
    } else {
        if (storage->use_count == storage->use_room) {
            uint32_t room = storage->use_room == 0 ? 64 : storage->use_room * 2;
            struct kb_use *more = kb_grow(os->host, storage->use, storage->use_room * sizeof *more,
                                          room * sizeof *more);
            if (more == NULL)
                return no_memory(os, "segments", room * sizeof *more);
            storage->use = more;
            storage->use_room = room;
        }
        i = storage->use_count++;
    }
    storage->use[i] = (struct kb_use){process->number, (uint32_t)segment, KB_NO_AREA};
    uint32_t *last = &storage->area[number].uses; /* the first user answers for it */
    while (*last != KB_NO_AREA)
        last = &storage->use[*last].next;
    *last = i;
    storage->area[number].users++;
    return KB_OK;
}

static void remove_use(struct kb_os *os, uint32_t number, const struct kb_process *process,
                       uint64_t segment) {
    struct kb_storage *storage = os->storage;
    for (uint32_t *at = &storage->area[number].uses; *at != KB_NO_AREA;
         at = &storage->use[*at].next) {
        uint32_t i = *at;
        if (storage->use[i].process != process->number || storage->use[i].segment != segment)
            continue;
        *at = storage->use[i].next;
        storage->use[i].next = storage->use_free;
        storage->use_free = i;
        storage->area[number].users--;
        return;
    }
}

/* ---- segments begin and end ---- */

static kb_status check_segment(struct kb_os *os, const struct kb_process *process,
                               const struct kb_region *segment) {
    uint64_t most = kb_storage_of_programs(os) ? os->storage->setup.bytes : kb_os_page_bytes(os);
    uint64_t length = segment->end - segment->start;
    if (length == 0 || length > most)
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_length, segment->name,
                       (unsigned long long)length, (unsigned long long)most);
    uint64_t numbers = UINT64_C(1) << os->mmu.format.bits[0];
    if (kb_storage_of_programs(os) ? process->region_count > 0 : process->segments == numbers)
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_segments, process->name,
                       (unsigned long long)(kb_storage_of_programs(os) ? 1 : numbers));
    return KB_OK;
}

static void tell_region(struct kb_os *os, struct kb_process *process,
                        const struct kb_region *region) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_REGION,
                                            .process = process,
                                            .address = region->start,
                                            .count = region->end - region->start,
                                            .rights = region->rights,
                                            .text = region->name});
}

/* The segment's number, its descriptor and its area know of each other. */
static kb_status connect(struct kb_os *os, struct kb_process *process, struct kb_region region,
                         uint32_t area) {
    uint64_t number = kb_storage_of_programs(os) ? 0 : process->segments;
    region.end -= region.start;
    region.start = kb_storage_of_programs(os) ? 0 : number << kb_os_page_bits(os);
    region.end += region.start;
    region.area = area + 1;
    kb_status status = kb_storage_grow_table(os, process);
    if (status == KB_OK)
        status = kb_os_add_region(os, process, &region);
    if (status != KB_OK)
        return status;
    status = add_use(os, area, process, number);
    if (status != KB_OK) {
        process->region_count--;
        return status;
    }
    if (!kb_storage_of_programs(os))
        process->segments++;
    process->resident += os->storage->area[area].shown;
    if (process == os->running) {
        os->mmu.root = process->root;
        kb_storage_load_registers(os, process);
    }
    tell_region(os, process, &process->regions[process->region_count - 1]);
    kb_storage_show_area(os, area);
    return KB_OK;
}

kb_status kb_storage_begin_segment(struct kb_os *os, struct kb_process *process,
                                   const struct kb_region *segment, uint32_t area,
                                   struct kb_placement_wish wish, bool *refused) {
    bool own = area == KB_NO_AREA, in = true, programs = kb_storage_of_programs(os);
    enum kb_reason reason = KB_REASON_NONE;
    *refused = false;
    kb_status status = check_segment(os, process, segment);
    if (status == KB_OK && own)
        status = new_area(os, segment->name, segment->end - segment->start,
                          segment->has_image ? &segment->image : NULL, &area);
    if (status == KB_OK)
        status = connect(os, process, *segment, area);
    if (status != KB_OK) {
        if (own && area != KB_NO_AREA)
            drop_area(os, area);
        return status;
    }
    bool at_once = programs || os->setup.load_all || wish.base != KB_ANYWHERE;
    if (at_once && !os->storage->area[area].present)
        status = kb_storage_roll_in(os, area, wish, false, !programs, &in, &reason);
    struct kb_region *added = &process->regions[process->region_count - 1];
    if (status == KB_OK && in && os->storage->setup.organisation == KB_FIXED_ABSOLUTE)
        added->place = kb_storage_partition(os, area); /* it is made for it */
    if (status != KB_OK || in)
        return status;
    os->storage->area[area].users += !own; /* shared memory waits on */
    kb_storage_end_segment(os, process, added);
    os->storage->area[area].users -= !own;
    if (!programs) {
        process->segments--; /* nothing has changed */
        status = kb_storage_shrink_table(os, process);
    }
    if (process == os->running) {
        os->mmu.root = process->root;
        kb_storage_load_registers(os, process);
    }
    *refused = true;
    return status;
}

void kb_storage_end_segment(struct kb_os *os, struct kb_process *process,
                            struct kb_region *segment) {
    uint32_t number = segment->area - 1;
    struct kb_area *area = &os->storage->area[number];
    uint64_t s = kb_storage_number(os, segment);
    area->wired -= segment->wired;
    if (area->present && area->wired == 0) /* nobody else holds it */
        os->storage->flags[area->frame] &= (uint8_t)~KB_PINNED;
    if (kb_storage_of_programs(os)) {
        process->base = process->limit = 0;
        if (process == os->running) {
            os->mmu.base = os->mmu.limit = 0;
            kb_mmu_changed(&os->mmu);
        }
    } else {
        uint64_t at = kb_storage_descriptor(os, process, s);
        area->modified = area->modified || kb_descriptor_read(&os->mmu.memory, at).modified;
        kb_descriptor_write(&os->mmu.memory, at, (struct kb_descriptor){0});
        if (has_asid(os, process))
            kb_mmu_invalidate(&os->mmu, s << kb_os_page_bits(os), process->asid);
    }
    process->resident -= area->shown;
    remove_use(os, number, process, s);
    kb_os_remove_region(os, process, (uint32_t)(segment - process->regions));
    if (area->users == 0)
        drop_area(os, number);
}

void kb_storage_end_all(struct kb_os *os, struct kb_process *process) {
    while (process->region_count > 0)
        kb_storage_end_segment(os, process, &process->regions[process->region_count - 1]);
    if (!kb_storage_of_programs(os) && process->segments > 0) {
        kb_storage_drop_table(os, process);
        process->segments = 0;
        if (process == os->running)
            os->mmu.segments = 0;
    }
}

kb_status kb_storage_protect(struct kb_os *os, struct kb_process *process,
                             struct kb_region *segment, unsigned rights) {
    if (kb_storage_of_programs(os))
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_no_rights);
    segment->rights = rights;
    kb_storage_show_area(os, segment->area - 1);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_PROTECT,
                                            .process = process,
                                            .address = segment->start,
                                            .count = segment->end - segment->start,
                                            .rights = rights});
    return KB_OK;
}

/* ---- shared memory ---- */

uint32_t kb_storage_find_shared(const struct kb_os *os, const char *name, uint32_t length) {
    for (uint32_t i = os->storage->area_count; i-- > 0;) {
        const struct kb_area *area = &os->storage->area[i];
        if (area->exists && area->shared && strlen(area->name) == length &&
            memcmp(area->name, name, length) == 0)
            return i;
    }
    return KB_NO_AREA;
}

kb_status kb_storage_shared(struct kb_os *os, const char *name, uint64_t bytes,
                            const struct kb_image *image, uint32_t *area) {
    char text[KB_NAME_BYTES] = "";
    uint32_t length = (uint32_t)strlen(name);
    if (kb_storage_of_programs(os))
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_one_program);
    if (kb_storage_find_shared(os, name, length) != KB_NO_AREA)
        return kb_fail(os->error, KB_DATA, KB_MSG_scenario_same_object, name);
    if (bytes == 0 || bytes > kb_os_page_bytes(os))
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_length, name, (unsigned long long)bytes,
                       (unsigned long long)kb_os_page_bytes(os));
    memcpy(text, name, length < KB_NAME_BYTES ? length : KB_NAME_BYTES - 1);
    kb_status status = new_area(os, text, bytes, image, area);
    if (status != KB_OK)
        return status;
    os->storage->area[*area].shared = true;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_OBJECT,
                                            .text = os->storage->area[*area].name,
                                            .count = bytes});
    return KB_OK;
}
