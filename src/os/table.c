/* table.c - page tables that take frames from the pages, and tables that can be sent out.
 *
 *   apart      tables lie behind the frames and cost none of them
 *   resident   each table takes a frame, and keeps it as long as it is there
 *   pageable   a table of the last level that shows no page waits in a list; its frame is taken
 *              when none is free, and the table goes to the paging file
 *
 *   use of a page whose table is out:  trap ──► table fault: the table is read ──► restart
 *                                      trap ──► page fault, as ever
 *
 * With paged segmentation the page tables of segments are those of the last
 * level; one that several share goes for all of them. A table with a valid entry stays, as in
 * VAX/VMS. Those above the last level stay always, and the kernel's. */
#include "os/os.h"

static uint64_t address_of(const struct kb_os *os, uint32_t frame) {
    return (uint64_t)frame << kb_os_page_bits(os);
}

/* By what a table is known again: the addresses that it shows, of a process; or, if segments share
 * it, the place in their object. */
struct table_name {
    uint32_t space;
    uint64_t part;
};

#define OBJECTS (UINT32_C(1) << 31) /* no process has such a number */

static struct table_name name_of(const struct kb_os *os, const struct kb_process *process,
                                 uint64_t address) {
    const struct kb_format *format = &os->mmu.format;
    unsigned shift = kb_format_shift(format, format->levels - 1) + format->bits[format->levels - 1];
    const struct kb_region *region =
        kb_os_segmented(os) ? kb_process_region(process, address, kb_os_page_bytes(os)) : NULL;
    if (region != NULL && kb_os_shares_table(region))
        return (struct table_name){OBJECTS | region->object, region->place};
    return (struct table_name){process->number, address >> shift};
}

/* ---- the list of those that could go ---- */

static void wait(struct kb_os *os, uint32_t frame) {
    struct kb_frame *f = &os->frame[frame];
    f->older = os->idle_newest;
    f->newer = KB_NO_FRAME;
    if (os->idle_newest != KB_NO_FRAME)
        os->frame[os->idle_newest].newer = frame;
    else
        os->idle_oldest = frame;
    os->idle_newest = frame;
}

static void stop_waiting(struct kb_os *os, uint32_t frame) {
    const struct kb_frame *f = &os->frame[frame];
    if (f->older != KB_NO_FRAME)
        os->frame[f->older].newer = f->newer;
    else
        os->idle_oldest = f->newer;
    if (f->newer != KB_NO_FRAME)
        os->frame[f->newer].older = f->older;
    else
        os->idle_newest = f->older;
}

void kb_os_count_entry(struct kb_os *os, uint64_t entry, bool valid) {
    uint32_t frame = (uint32_t)(entry >> kb_os_page_bits(os));
    struct kb_frame *f = &os->frame[frame];
    if (valid && f->valid++ == 0 && f->pageable)
        stop_waiting(os, frame);
    if (!valid && --f->valid == 0 && f->pageable)
        wait(os, frame);
}

/* ---- tables begin ---- */

static kb_status make_table(struct kb_os *os, struct table_name name, uint32_t *id) {
    *id = kb_lookup_find(&os->table_parts, name.space, name.part);
    if (*id != KB_LOOKUP_NONE)
        return KB_OK;
    if (os->table_count == os->table_room) {
        uint32_t room = os->table_room == 0 ? 64 : os->table_room * 2;
        struct kb_table_page *more =
            kb_grow(os->host, os->table, os->table_room * sizeof *more, room * sizeof *more);
        if (more == NULL)
            return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "page tables",
                           (unsigned long long)(room * sizeof *more));
        os->table = more;
        os->table_room = room;
    }
    kb_status status = kb_lookup_reserve(&os->table_parts, 1, os->error);
    if (status != KB_OK)
        return status;
    *id = os->table_count++;
    os->table[*id] = (struct kb_table_page){.slot = KB_NO_SLOT};
    kb_lookup_add(&os->table_parts, name.space, name.part, *id);
    return KB_OK;
}

/* A frame becomes a table's; a victim's policy is told that it is gone. */
static kb_status take_frame(struct kb_os *os, uint32_t *frame) {
    enum kb_reason ignored;
    const struct kb_process *process = os->table_of;
    kb_status status = kb_os_take_frame(os, process, KB_NO_WANTED, frame, &ignored);
    if (status != KB_OK)
        return status;
    if (*frame == KB_NO_FRAME)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_no_table_frame);
    kb_os_decline(os, *frame);
    os->keys[*frame] = KB_PINNED;
    os->table_frames++;
    os->frame[*frame] = (struct kb_frame){.use = KB_FRAME_TABLE,
                                          .fixed = true,
                                          .process = process != NULL ? process->number : UINT32_MAX,
                                          .older = KB_NO_FRAME,
                                          .newer = KB_NO_FRAME};
    memset(kb_memory_at(&os->mmu.memory, address_of(os, *frame)), 0, kb_os_page_bytes(os));
    return KB_OK;
}

static kb_status on_take(void *context, unsigned depth, uint64_t entry, uint64_t address,
                         uint64_t *table) {
    struct kb_os *os = context;
    uint32_t frame, id;
    bool pageable = os->setup.tables_place == KB_TABLES_PAGEABLE && os->table_of != NULL &&
                    os->table_of != os->kernel && depth + 1 == os->mmu.format.levels && depth > 0;
    kb_status status = take_frame(os, &frame);
    if (status == KB_OK && pageable) {
        status = make_table(os, name_of(os, os->table_of, address), &id);
        os->frame[frame].pageable = true;
        os->frame[frame].entry = entry;
        os->frame[frame].table = id;
        wait(os, frame);
    }
    if (status == KB_OK)
        *table = address_of(os, frame);
    kb_os_share_out(os);
    return status;
}

static void on_give_back(void *context, uint64_t table) {
    struct kb_os *os = context;
    uint32_t frame = (uint32_t)(table >> kb_os_page_bits(os));
    if (os->frame[frame].pageable && os->frame[frame].valid == 0)
        stop_waiting(os, frame);
    os->keys[frame] = 0;
    os->frame[frame] = (struct kb_frame){.use = KB_FRAME_FREE};
    os->table_frames--;
    kb_os_free_frame(os, frame);
}

kb_status kb_os_tables_init(struct kb_os *os) {
    const struct kb_format *format = &os->setup.format;
    kb_lookup_init(&os->table_parts, os->host);
    os->idle_oldest = os->idle_newest = KB_NO_FRAME;
    if (os->setup.tables_place == KB_TABLES_APART)
        return KB_OK;
    bool fits = os->setup.scheme == KB_SCHEME_TABLES;
    for (unsigned depth = 0; depth < format->levels; depth++)
        fits = fits && kb_format_table_bytes(format, depth) <= UINT64_C(1) << format->page_bits;
    if (!fits)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_tables_in_frames);
    os->tables.frames = (struct kb_table_frames){os, on_take, on_give_back};
    os->tables.start = 0;
    return KB_OK;
}

void kb_os_tables_free(struct kb_os *os) {
    if (os->table != NULL)
        kb_give_back(os->host, os->table, os->table_room * sizeof *os->table);
    kb_lookup_free(&os->table_parts);
}

/* ---- tables go, and come back ---- */

static void tell(struct kb_os *os, uint32_t frame, uint64_t part, bool in, uint64_t slot) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_TABLE,
                                            .process = os->process[os->frame[frame].process],
                                            .frame = frame,
                                            .page = part,
                                            .slot = slot,
                                            .flag = in});
}

static void tell_failure(struct kb_os *os, const struct kb_process *process, uint64_t part,
                         uint64_t slot, const char *text) {
    os->counters.io_errors++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_STORE_FAILED,
                                            .owner = process,
                                            .page = part,
                                            .slot = slot,
                                            .text = text});
}

/* The oldest that no instruction holds; it is written before it goes. */
uint32_t kb_os_table_out(struct kb_os *os) {
    uint32_t frame = os->idle_oldest;
    while (frame != KB_NO_FRAME && os->frame[frame].pins > 0)
        frame = os->frame[frame].newer;
    if (frame == KB_NO_FRAME)
        return KB_NO_FRAME;
    struct kb_frame *f = &os->frame[frame];
    struct kb_table_page *table = &os->table[f->table];
    struct kb_error failure;
    failure.language = os->error->language; /* all else is filled when it fails */
    uint64_t slot = table->slot == KB_NO_SLOT ? kb_swap_take(&os->swap) : table->slot;
    if (slot == KB_NO_SLOT)
        return KB_NO_FRAME;
    const void *bytes = kb_memory_at(&os->mmu.memory, address_of(os, frame));
    if (kb_swap_write(&os->swap, slot, bytes, &table->sum, &failure) != KB_OK) {
        tell_failure(os, os->process[f->process], f->table, slot, failure.text);
        kb_swap_set_aside(&os->swap, slot);
        table->slot = KB_NO_SLOT;
        return KB_NO_FRAME;
    }
    kb_os_transfer(os, KB_STREAM_SWAP_OUT, 0, slot);
    table->slot = slot;
    os->counters.table_writes++;
    tell(os, frame, f->table, false, slot);
    stop_waiting(os, frame);
    f->pageable = false; /* it is in no list now */
    if (kb_os_segmented(os))
        kb_os_segments_lose(os, address_of(os, frame));
    else
        kb_memory_set_entry(&os->mmu.memory, f->entry, os->mmu.format.entry_bytes, 0);
    kb_tables_give_back(&os->tables, address_of(os, frame), os->mmu.format.levels - 1);
    kb_os_share_out(os);
    return os->free_list[--os->free_count];
}

bool kb_os_table_was_sent(const struct kb_os *os, const struct kb_process *process,
                          uint64_t address) {
    unsigned depth;
    struct table_name name = name_of(os, process, address);
    uint32_t id = kb_lookup_find(&os->table_parts, name.space, name.part);
    return id != KB_LOOKUP_NONE && os->table[id].slot != KB_NO_SLOT &&
           kb_tables_find(&os->tables, process->root, address, &depth) == KB_NO_TABLE;
}

/* The bytes are read from the slot, which is free then. */
kb_status kb_os_table_in(struct kb_os *os, struct kb_process *process, uint64_t address, bool *in,
                         enum kb_reason *reason) {
    uint64_t entry;
    struct kb_error failure;
    failure.language = os->error->language; /* all else is filled when it fails */
    struct table_name name = name_of(os, process, address);
    uint32_t id = kb_lookup_find(&os->table_parts, name.space, name.part);
    *in = false;
    *reason = KB_REASON_NO_TABLE;
    os->table_of = process;
    kb_status status = kb_os_segmented(os) ? kb_os_segment_open(os, process, address) : KB_OK;
    if (status == KB_OK)
        status = kb_tables_make(&os->tables, process->root, address, os->mmu.format.levels - 1,
                                &entry, os->error);
    if (status != KB_OK)
        return status == KB_DATA ? KB_OK : status;
    uint32_t frame = (uint32_t)(entry >> kb_os_page_bits(os));
    struct kb_table_page *table = &os->table[id];
    status =
        kb_swap_read(&os->swap, table->slot, kb_memory_at(&os->mmu.memory, address_of(os, frame)),
                     table->sum, &failure);
    if (status != KB_OK) {
        tell_failure(os, process, id, table->slot, failure.text);
        *reason = status == KB_DATA ? KB_REASON_CORRUPT : KB_REASON_READ_FAILED;
        memset(kb_memory_at(&os->mmu.memory, address_of(os, frame)), 0, kb_os_page_bytes(os));
        return KB_OK;
    }
    kb_os_transfer(os, KB_STREAM_SWAP_IN, 0, table->slot);
    tell(os, frame, id, true, table->slot);
    kb_swap_give_back(&os->swap, table->slot);
    table->slot = KB_NO_SLOT;
    os->counters.table_faults++;
    process->counters.table_faults++;
    *in = true;
    return KB_OK;
}

void kb_os_table_forget(struct kb_os *os, const struct kb_process *process,
                        const struct kb_region *region) {
    struct table_name name = {process->number, region->start / kb_os_segment_bytes(os)};
    if (os->setup.tables_place != KB_TABLES_PAGEABLE)
        return;
    if (kb_os_shares_table(region))
        name = (struct table_name){OBJECTS | region->object, region->place};
    uint32_t id = kb_lookup_find(&os->table_parts, name.space, name.part);
    if (id == KB_LOOKUP_NONE || os->table[id].slot == KB_NO_SLOT)
        return;
    kb_swap_give_back(&os->swap, os->table[id].slot);
    os->table[id].slot = KB_NO_SLOT;
}

/* Of a process that ends: slots of tables that are out. */
void kb_os_tables_end(struct kb_os *os, const struct kb_process *process) {
    if (os->setup.tables_place != KB_TABLES_PAGEABLE)
        return;
    for (uint64_t i = 0; i < os->table_parts.slots; i++) {
        const struct kb_lookup_slot *slot = &os->table_parts.slot[i];
        if (slot->found == 0 || slot->space != process->number)
            continue;
        struct kb_table_page *table = &os->table[slot->found - 1];
        if (table->slot != KB_NO_SLOT)
            kb_swap_give_back(&os->swap, table->slot);
        table->slot = KB_NO_SLOT;
    }
}
