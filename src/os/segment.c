/* segment.c - segments of paged segmentation: each is a region that begins where its number says,
 * and has an entry in its process's segment table. A page table is made at its first use. */
#include "machine/segment.h"

#include "os/os.h"

bool kb_os_segmented(const struct kb_os *os) {
    return os->setup.scheme == KB_SCHEME_TABLES && os->mmu.format.family->segmented;
}

/* Physical address of the segment's entry. */
static uint64_t entry_of(const struct kb_os *os, const struct kb_process *process,
                         uint64_t address) {
    uint64_t root = process == os->kernel ? os->mmu.kernel_root : process->root;
    return root + kb_format_index(&os->mmu.format, address, 0) * os->mmu.format.entry_bytes;
}

static struct kb_segment segment_at(const struct kb_os *os, uint64_t entry) {
    return kb_segment_decode(&os->mmu.format,
                             kb_memory_entry(&os->mmu.memory, entry, os->mmu.format.entry_bytes));
}

static void set_segment(struct kb_os *os, uint64_t entry, struct kb_segment segment) {
    kb_memory_set_entry(&os->mmu.memory, entry, os->mmu.format.entry_bytes,
                        kb_segment_encode(&os->mmu.format, segment));
}

uint64_t kb_os_segment_bytes(const struct kb_os *os) {
    return UINT64_C(1) << kb_format_shift(&os->mmu.format, 0);
}

bool kb_os_segment_exists(const struct kb_os *os, const struct kb_process *process,
                          uint64_t address) {
    return segment_at(os, entry_of(os, process, address)).legal;
}

void kb_os_segment_begin(struct kb_os *os, struct kb_process *process,
                         const struct kb_region *region) {
    uint64_t bytes = kb_os_page_bytes(os);
    struct kb_segment segment = {.legal = true,
                                 .rights = region->rights,
                                 .pages = (region->end - region->start + bytes - 1) / bytes};
    set_segment(os, entry_of(os, process, region->start), segment);
}

void kb_os_segment_protect(struct kb_os *os, struct kb_process *process, uint64_t address,
                           unsigned rights) {
    uint64_t entry = entry_of(os, process, address);
    struct kb_segment segment = segment_at(os, entry);
    segment.rights = rights;
    set_segment(os, entry, segment);
}

void kb_os_segment_end(struct kb_os *os, struct kb_process *process, uint64_t address) {
    uint64_t entry = entry_of(os, process, address);
    struct kb_segment segment = segment_at(os, entry);
    if (segment.present)
        kb_tables_give_back(&os->tables, segment.table, 1);
    set_segment(os, entry, (struct kb_segment){0});
}

kb_status kb_os_segment_open(struct kb_os *os, struct kb_process *process, uint64_t address) {
    uint64_t entry = entry_of(os, process, address);
    struct kb_segment segment = segment_at(os, entry);
    if (segment.present)
        return KB_OK;
    kb_status status = kb_tables_new(&os->tables, 1, &segment.table, os->error);
    if (status != KB_OK)
        return status;
    segment.present = true;
    set_segment(os, entry, segment);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SEGMENT,
                                            .process = process,
                                            .address = address,
                                            .count = segment.pages,
                                            .entry = entry,
                                            .raw = segment.table});
    return KB_OK;
}
