/* storage_measures.c - what is free, and what is lost, of contiguous storage. */
#include "os/os.h"

uint64_t kb_storage_partition(const struct kb_os *os, uint32_t area) {
    for (unsigned i = 0; i < os->storage->setup.partitions; i++)
        if (os->storage->partition[i].area == area)
            return i + 1;
    return 0;
}

bool kb_storage_next_hole(const struct kb_os *os, uint64_t from, struct kb_hole *hole) {
    const struct kb_storage *storage = os->storage;
    if (storage->setup.partitions == 0)
        return kb_holes_next(&storage->holes, from, hole);
    for (unsigned i = 0; i < storage->setup.partitions; i++) {
        const struct kb_partition *p = &storage->partition[i];
        if (p->area != KB_NO_AREA || p->start + p->length <= from)
            continue;
        *hole = (struct kb_hole){p->start, p->length};
        return true;
    }
    return false;
}

uint64_t kb_storage_free_bytes(const struct kb_os *os) {
    struct kb_hole hole = {0};
    uint64_t sum = 0;
    if (os->storage->setup.partitions == 0)
        return os->storage->holes.total;
    while (kb_storage_next_hole(os, hole.start + hole.length, &hole))
        sum += hole.length;
    return sum;
}

uint64_t kb_storage_largest(const struct kb_os *os) {
    struct kb_hole hole = {0};
    uint64_t most = 0;
    if (os->storage->setup.partitions == 0)
        return kb_holes_largest(&os->storage->holes);
    while (kb_storage_next_hole(os, hole.start + hole.length, &hole))
        most = hole.length > most ? hole.length : most;
    return most;
}

uint64_t kb_storage_resident(const struct kb_os *os, const struct kb_process *process) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < process->region_count; i++) {
        const struct kb_area *area = &os->storage->area[process->regions[i].area - 1];
        bytes += area->present ? area->length : 0;
    }
    return bytes;
}

uint64_t kb_storage_waste(const struct kb_os *os, const struct kb_process *process) {
    uint64_t waste = 0;
    if (process == NULL) {
        for (uint32_t i = 0; i < os->storage->area_count; i++) {
            const struct kb_area *area = &os->storage->area[i];
            waste += area->exists && area->present ? area->room - area->length : 0;
        }
        return waste;
    }
    for (uint32_t i = 0; i < process->region_count; i++) {
        const struct kb_area *area = &os->storage->area[process->regions[i].area - 1];
        waste += area->present ? area->room - area->length : 0;
    }
    return waste;
}
