/* cost.c - the arithmetic of translation, tables and faults. */
#include "machine/cost.h"

#include <math.h>
#include <stdlib.h>

#include "base/units.h"

/* Pages that hold so many bytes. */
static uint64_t pages_of(uint64_t bytes, uint64_t page_size) {
    return bytes / page_size + (bytes % page_size != 0);
}

struct kb_split kb_cost_split(uint64_t address, uint64_t page_size) {
    return (struct kb_split){address >> kb_log2(page_size), address & (page_size - 1)};
}

bool kb_cost_join(uint64_t frame, uint64_t offset, uint64_t page_size, uint64_t *address) {
    if (!kb_multiply(frame, page_size, address))
        return false;
    *address |= offset;
    return true;
}

enum kb_fault kb_cost_relocate(uint64_t base, uint64_t limit, uint64_t offset, uint64_t *linear) {
    bool legal = limit == 0 || offset < limit;
    return legal && kb_add(base, offset, linear) ? KB_FAULT_NONE : KB_FAULT_OVERFLOW;
}

double kb_cost_access_time(double memory, double service, double faults) {
    return (1 - faults) * memory + faults * service;
}

double kb_cost_service(double clean, double dirty, double share) {
    return (1 - share) * clean + share * dirty;
}

double kb_cost_most_faults(double memory, double service, double most) {
    if (most < memory)
        return -1;
    return most >= service ? 1 : (most - memory) / (service - memory);
}

double kb_cost_cpu_use(double wait, uint64_t processes) { return 1 - pow(wait, (double)processes); }

double kb_cost_cycles(double search, double accesses, double hits) {
    return 1 + search + accesses * (1 - hits);
}

double kb_cost_hits_needed(double search, double accesses, double speed) {
    double spare = 1 / speed - 1 - search; /* cycles that misses may take */
    if (accesses <= 0)
        return spare >= 0 ? 0 : 2;
    double needed = 1 - spare / accesses;
    return needed < 0 ? 0 : needed;
}

double kb_cost_disk_ms(const struct kb_disk *disk, uint64_t transfers, uint64_t bytes) {
    return (double)transfers * (disk->seek + disk->latency) +
           (double)bytes / disk->bytes_per_second * 1000;
}

bool kb_cost_page_size(uint64_t space, uint64_t page_size, uint64_t entry_bytes,
                       const struct kb_disk *disk, struct kb_page_study *study) {
    double size = (double)page_size;
    study->page_size = page_size;
    study->pages = pages_of(space, page_size);
    if (!kb_multiply(study->pages, entry_bytes, &study->table_bytes))
        return false;
    study->mean_waste = size / 2;
    study->exact_waste = (size - 1) / 2;
    study->overhead = (double)study->table_bytes + study->mean_waste;
    study->transfer_ms = size / disk->bytes_per_second * 1000;
    study->page_ms = disk->seek + disk->latency + study->transfer_ms;
    study->space_seconds = (double)study->pages * study->page_ms / 1000;
    return true;
}

double kb_cost_best_page_size(uint64_t space, uint64_t entry_bytes) {
    return sqrt(2 * (double)space * (double)entry_bytes);
}

struct kb_waste kb_cost_waste(uint64_t bytes, uint64_t page_size) {
    uint64_t rest = bytes & (page_size - 1), waste = rest == 0 ? 0 : page_size - rest;
    return (struct kb_waste){pages_of(bytes, page_size), bytes + waste, waste};
}

static int by_first(const void *x, const void *y) {
    const struct kb_range *a = x, *b = y;
    return (a->first > b->first) - (a->first < b->first);
}

/* Distinct values of address >> shift over all ranges, which are sorted. */
static uint64_t distinct(const struct kb_range *ranges, size_t count, unsigned shift) {
    uint64_t found = 0, next = 0; /* all below next have been counted */
    for (size_t i = 0; i < count; i++) {
        uint64_t first = ranges[i].first >> shift, last = ranges[i].last >> shift;
        if (first < next)
            first = next;
        if (last < first)
            continue;
        found += last - first + 1;
        next = last + 1;
    }
    return found;
}

void kb_cost_tables(const struct kb_format *format, struct kb_range *ranges, size_t count,
                    struct kb_table_sizes *tables) {
    if (count > 0)
        qsort(ranges, count, sizeof ranges[0], by_first);
    *tables = (struct kb_table_sizes){.count = {1}, .bytes = kb_format_table_bytes(format, 0)};
    for (unsigned depth = 1; depth < format->levels; depth++) {
        /* A table is there where any address below its entry is mapped. */
        tables->count[depth] = distinct(ranges, count, kb_format_shift(format, depth - 1));
        tables->bytes += tables->count[depth] * kb_format_table_bytes(format, depth);
    }
    unsigned index_bits = format->address_bits - format->page_bits;
    unsigned entry_bits = format->entry_bytes == 2 ? 1 : format->entry_bytes == 4 ? 2 : 3;
    tables->flat_bytes =
        index_bits + entry_bits < 64 ? UINT64_C(1) << (index_bits + entry_bits) : 0;
}

bool kb_cost_inverted(uint64_t memory, uint64_t page_size, uint64_t entry_bytes, uint64_t *bytes) {
    return kb_multiply(memory / page_size, entry_bytes, bytes);
}

bool kb_cost_table_share(uint64_t memory, uint64_t page_size, const uint64_t *segments,
                         size_t count, uint64_t segment_entry, uint64_t page_entry,
                         uint64_t processes, struct kb_table_share *share) {
    uint64_t bytes;
    *share = (struct kb_table_share){0};
    if (!kb_multiply(count, segment_entry, &share->each))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!kb_multiply(segments[i], page_entry, &bytes) ||
            !kb_add(share->each, bytes, &share->each))
            return false;
    if (!kb_multiply(share->each, processes, &share->all))
        return false;
    share->left = share->all < memory ? memory - share->all : 0;
    share->frames = share->left / page_size;
    share->most = share->each > 0 ? memory / share->each : 0;
    share->share = (double)share->all / (double)memory;
    return true;
}

bool kb_cost_reach(uint64_t entries, uint64_t page_size, uint64_t *bytes) {
    return kb_multiply(entries, page_size, bytes);
}
