/* os.c - the machine is set up; processes begin, run in turn, and end. */
#include "os/os.h"

#define KB_OS_NONE UINT64_MAX

/* ---- the machine ---- */

static kb_status no_memory(struct kb_os *os, const char *what, uint64_t bytes) {
    return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, what, (unsigned long long)bytes);
}

/* Without pages there is one frame, for the arrays' sake, and nobody uses it. */
static uint64_t memory_bytes(const struct kb_os *os) {
    return os->setup.storage.organisation != KB_PAGED
               ? (os->setup.storage.bytes + 15) & ~(uint64_t)15
               : (uint64_t)os->setup.frames << os->setup.format.page_bits;
}

static kb_status take_frames(struct kb_os *os) {
    uint64_t n = os->setup.frames, bytes = memory_bytes(os);
    os->mmu.memory.bytes = (size_t)bytes == bytes ? kb_take(os->host, (size_t)bytes) : NULL;
    if (os->mmu.memory.bytes == NULL)
        return no_memory(os, "frames", bytes);
    os->mmu.memory.size = bytes;
    os->frame = kb_take(os->host, n * sizeof *os->frame);
    os->page_of = kb_take(os->host, n * sizeof *os->page_of);
    os->keys = kb_take(os->host, n);
    os->free_list = kb_take(os->host, n * sizeof *os->free_list);
    os->piece = kb_take(os->host, KB_MOST_PIECES * sizeof *os->piece);
    os->buffer = kb_take(os->host, KB_MOST_BYTES);
    if (os->frame == NULL || os->page_of == NULL || os->keys == NULL || os->free_list == NULL ||
        os->piece == NULL || os->buffer == NULL)
        return no_memory(os, "core map", n * sizeof *os->frame);
    for (uint32_t frame = 0; frame < n; frame++)
        os->free_list[n - 1 - frame] = frame; /* the lowest on top */
    os->free_count = (uint32_t)n;
    os->standby_oldest = os->standby_newest = KB_NO_FRAME;
    return KB_OK;
}

static kb_status check_setup(struct kb_os *os) {
    const struct kb_os_setup *setup = &os->setup;
    const struct kb_format *format = &setup->format;
    if (setup->frames == 0 || setup->frames > KB_MOST_FRAMES)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_frames, (unsigned long long)setup->frames,
                       (unsigned long long)KB_MOST_FRAMES);
    if (setup->storage.organisation != KB_PAGED)
        return KB_OK; /* storage.c */
    uint64_t bytes = (uint64_t)setup->frames << format->page_bits;
    if (format->physical_bits < 64 && bytes > UINT64_C(1) << format->physical_bits)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_physical, (unsigned long long)bytes,
                       format->name, (unsigned long long)format->physical_bits);
    if (setup->scheme == KB_SCHEME_INVERTED &&
        format->address_bits - format->page_bits > KB_INVERTED_PAGE_BITS)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_inverted_bits,
                       (unsigned long long)(format->address_bits - format->page_bits),
                       (unsigned long long)KB_INVERTED_PAGE_BITS);
    if (setup->scheme == KB_SCHEME_RELOCATION && setup->kernel)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_no_pages);
    return KB_OK;
}

static kb_status init_tlbs(struct kb_os *os) {
    unsigned page_number = os->setup.format.address_bits - os->setup.format.page_bits;
    unsigned room = 63 - page_number; /* what a tag has left */
    if (os->setup.asid_bits > room)
        os->setup.asid_bits = room;
    for (unsigned level = 0; level < os->setup.tlbs; level++) {
        kb_status status =
            kb_tlb_init(&os->mmu.tlb[level], os->setup.tlb[level], os->setup.format.page_bits,
                        os->setup.asid_bits, os->host, os->error);
        if (status != KB_OK)
            return status;
        os->mmu.tlbs = level + 1;
    }
    return KB_OK;
}

static bool is_generic(const struct kb_os *os) {
    return kb_format_find(os->setup.format.name) == NULL;
}

/* Real formats have one root: the kernel's part of it is the same in all. */
static bool shares_root(const struct kb_os *os) {
    return os->setup.kernel && os->setup.scheme == KB_SCHEME_TABLES && !is_generic(os);
}

static uint64_t first_kernel_entry(const struct kb_os *os) {
    uint64_t entries = UINT64_C(1) << os->mmu.format.bits[0];
    return os->setup.kernel && !is_generic(os)
               ? kb_format_index(&os->mmu.format, os->mmu.kernel_start, 0)
               : entries;
}

static kb_status make_kernel_tables(struct kb_os *os) {
    const struct kb_format *format = &os->mmu.format;
    kb_status status = kb_tables_new(&os->tables, 0, &os->mmu.kernel_root, os->error);
    uint64_t step = UINT64_C(1) << kb_format_shift(format, 0), entry;
    uint64_t entries = UINT64_C(1) << format->bits[0];
    if (!shares_root(os))
        return status;
    for (uint64_t i = first_kernel_entry(os); i < entries && status == KB_OK; i++)
        status = kb_tables_make(&os->tables, os->mmu.kernel_root, i * step, 1, &entry, os->error);
    return status;
}

static kb_status init_kernel(struct kb_os *os) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t granule = is_generic(os) ? UINT64_C(1) << format->page_bits
                                      : UINT64_C(1) << kb_format_shift(format, 0);
    uint64_t start = os->setup.kernel_start;
    enum kb_fault fault = kb_address_check(format, start);
    if (!os->setup.kernel)
        return KB_OK;
    if (start == 0 || start % granule != 0 || fault != KB_FAULT_NONE)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_kernel_start, (unsigned long long)start,
                       (unsigned long long)granule);
    os->mmu.kernel_start = start;
    kb_status status = KB_OK;
    if (os->setup.scheme == KB_SCHEME_TABLES)
        status = make_kernel_tables(os);
    if (status == KB_OK)
        status = kb_os_create(os, "kernel", &os->kernel);
    return status;
}

static kb_status init(struct kb_os *os) {
    kb_status status = check_setup(os);
    if (status == KB_OK)
        status = take_frames(os);
    if (status != KB_OK)
        return status;
    os->mmu.format = os->setup.format;
    os->mmu.scheme = os->setup.scheme;
    os->mmu.keys = os->keys;
    os->mmu.frames = os->setup.frames;
    os->mmu.kernel_start = UINT64_MAX;
    os->mmu.sum = true; /* the system may look at its processes' bytes */
    kb_tables_init(&os->tables, &os->mmu.memory, &os->mmu.format, os->mmu.memory.size,
                   os->setup.tables_limit, os->host);
    status = kb_os_tables_init(os);
    if (status == KB_OK)
        status = init_tlbs(os);
    if (status == KB_OK && os->setup.scheme == KB_SCHEME_INVERTED) {
        os->mmu.inverted.memory = &os->mmu.memory;
        os->mmu.inverted.frames = os->setup.frames;
        status =
            kb_tables_reserve(&os->tables, (uint64_t)os->setup.frames * KB_INVERTED_ENTRY_BYTES,
                              &os->mmu.inverted.base, os->error);
        if (status == KB_OK) {
            kb_inverted_clear(&os->mmu.inverted);
            os->tables.count = os->tables.most = 1;
            os->tables.bytes = os->tables.peak =
                (uint64_t)os->setup.frames * KB_INVERTED_ENTRY_BYTES;
        }
    }
    if (status == KB_OK)
        status = kb_pages_init(&os->pages, os->host, os->error);
    if (status == KB_OK)
        status = kb_os_load_init(os);
    if (status == KB_OK)
        status = kb_pager_init(os);
    if (status == KB_OK && os->setup.storage.organisation != KB_PAGED)
        status = kb_storage_init(os);
    if (status == KB_OK)
        status = init_kernel(os);
    if (status == KB_OK)
        status = kb_os_disk_init(os);
    kb_mmu_changed(&os->mmu);
    return status;
}

kb_status kb_os_init(struct kb_os *os, const struct kb_os_setup *setup, const struct kb_host *host,
                     struct kb_error *error) {
    *os = (struct kb_os){.host = host, .setup = *setup, .error = error, .asid_generation = 1};
    os->free_random.state = setup->free_seed;
    if (os->setup.minimum == 0)
        os->setup.minimum = 1;
    kb_swap_init(&os->swap, &setup->swap, host);
    kb_status status = init(os);
    if (status != KB_OK)
        kb_os_free(os);
    return status;
}

static void free_process(struct kb_os *os, struct kb_process *process) {
    if (process->fetch != NULL)
        kb_give_back(os->host, process->fetch, kb_fetch_size(&os->setup.fetch) + 1);
    process->fetch = NULL;
    kb_give_back(os->host, process->regions, process->region_room * sizeof *process->regions);
    kb_give_back(os->host, process->supers, process->super_room * sizeof *process->supers);
    process->regions = NULL;
    process->supers = NULL;
    process->region_count = process->region_room = 0;
    process->super_count = process->super_room = 0;
}

void kb_os_free(struct kb_os *os) {
    size_t n = os->setup.frames;
    for (uint32_t i = 0; i < os->process_count; i++) {
        kb_pager_end(os, os->process[i]);
        free_process(os, os->process[i]);
        kb_give_back(os->host, os->process[i], sizeof *os->process[i]);
    }
    kb_give_back(os->host, os->process, os->process_room * sizeof(struct kb_process *));
    kb_pager_free(os);
    for (unsigned level = 0; level < os->mmu.tlbs; level++)
        kb_tlb_free(&os->mmu.tlb[level]);
    kb_storage_free(os);
    kb_tables_end(&os->tables);
    kb_os_tables_free(os);
    kb_os_free_objects(os);
    kb_pages_free(&os->pages);
    kb_give_back(os->host, os->load.used, os->load.room * sizeof *os->load.used);
    kb_swap_free(&os->swap);
    kb_give_back(os->host, os->frame, n * sizeof *os->frame);
    kb_give_back(os->host, os->page_of, n * sizeof *os->page_of);
    kb_give_back(os->host, os->keys, n);
    kb_give_back(os->host, os->free_list, n * sizeof *os->free_list);
    kb_give_back(os->host, os->piece, KB_MOST_PIECES * sizeof *os->piece);
    kb_give_back(os->host, os->buffer, KB_MOST_BYTES);
    kb_give_back(os->host, os->mmu.memory.bytes, (size_t)os->mmu.memory.size);
    *os = (struct kb_os){0};
}

/* ---- processes ---- */

static kb_status make_root(struct kb_os *os, struct kb_process *process) {
    const struct kb_format *format = &os->mmu.format;
    if (process->number == 0 && os->setup.kernel) {
        process->root = os->mmu.kernel_root;
        return KB_OK;
    }
    os->table_of = process;
    kb_status status = kb_tables_new(&os->tables, 0, &process->root, os->error);
    uint64_t entries = UINT64_C(1) << format->bits[0];
    for (uint64_t i = first_kernel_entry(os); i < entries && status == KB_OK; i++) {
        unsigned bytes = kb_format_entry_bytes(format, 0);
        uint64_t at = i * bytes;
        uint64_t raw = kb_memory_entry(&os->mmu.memory, os->kernel->root + at, bytes);
        kb_memory_set_entry(&os->mmu.memory, process->root + at, bytes, raw);
    }
    return status;
}

static kb_status grow_processes(struct kb_os *os) {
    uint32_t room = os->process_room == 0 ? 16 : os->process_room * 2;
    if (os->process_count < os->process_room)
        return KB_OK;
    struct kb_process **more =
        kb_grow(os->host, os->process, os->process_room * sizeof *more, room * sizeof *more);
    if (more == NULL)
        return no_memory(os, "processes", room * sizeof *more);
    os->process = more;
    os->process_room = room;
    return KB_OK;
}

kb_status kb_os_create(struct kb_os *os, const char *name, struct kb_process **process) {
    size_t length = strlen(name);
    if (os->process_count == KB_MOST_PROCESSES)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_too_many_processes,
                       (unsigned long long)KB_MOST_PROCESSES);
    if (os->setup.allocation != KB_ALLOCATE_GLOBAL &&
        !kb_os_allocation_fits(os, NULL, os->setup.minimum))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_no_allocation, name,
                       (unsigned long long)os->setup.minimum);
    kb_status status = grow_processes(os);
    if (status != KB_OK)
        return status;
    struct kb_process *p = kb_take(os->host, sizeof *p);
    if (p == NULL)
        return no_memory(os, "process", sizeof *p);
    *p = (struct kb_process){.number = os->process_count, .mappings = KB_NO_MAPPING};
    memcpy(p->name, name, length < KB_NAME_BYTES ? length : KB_NAME_BYTES - 1);
    p->bounded = kb_os_segmented(os) || os->storage != NULL; /* only segments are legal */
    if (kb_fetch_looks_ahead(&os->setup.fetch)) { /* never NULL, also of one without a state */
        size_t bytes = kb_fetch_size(&os->setup.fetch) + 1;
        p->fetch = kb_take(os->host, bytes);
        status = p->fetch == NULL ? no_memory(os, "fetch", bytes) : KB_OK;
    }
    if (status == KB_OK && os->setup.scheme == KB_SCHEME_TABLES)
        status = make_root(os, p);
    if (status != KB_OK) {
        free_process(os, p);
        kb_give_back(os->host, p, sizeof *p);
        return status;
    }
    os->process[os->process_count++] = p;
    *process = p;
    if (!os->setup.kernel || p->number > 0)
        kb_os_load_begin(os, p);
    if (!os->setup.kernel || p->number > 0)
        status = kb_pager_begin(os, p);
    if (status == KB_OK && p->pager != NULL)
        status = kb_os_allocate(os);
    if (status != KB_OK)
        return status;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_CREATE, .process = p});
    return KB_OK;
}

/* The latest of this name: a name may be used again when its process has ended. */
struct kb_process *kb_os_process(const struct kb_os *os, const char *name) {
    for (uint32_t i = os->process_count; i-- > 0;)
        if (strcmp(os->process[i]->name, name) == 0)
            return os->process[i];
    return NULL;
}

static void drop_all(struct kb_os *os, struct kb_process *process) {
    if (os->storage != NULL) {
        kb_storage_end_all(os, process);
        return;
    }
    while (process->mappings != KB_NO_MAPPING)
        kb_os_unmap_page(os, process->mappings, KB_EXITED);
    while (process->region_count > 0) {
        struct kb_region region = process->regions[--process->region_count];
        if (kb_os_segmented(os))
            kb_os_segment_end(os, process, &region);
        kb_os_detach(os, &region);
    }
    for (uint32_t i = 0; i < process->super_count; i++)
        (void)kb_os_drop_super(os, process, &process->supers[i]);
}

void kb_os_leave_processor(struct kb_os *os, struct kb_process *process) {
    if (process != os->running)
        return;
    if (os->setup.asid_bits == 0)
        kb_mmu_flush(&os->mmu, false);
    process->state = KB_READY;
    os->running = NULL;
    if (os->setup.kernel) /* the root in the register may become free */
        os->mmu.root = os->mmu.kernel_root = os->kernel->root;
}

/* Frames, or bytes without pages. */
static uint64_t free_room(const struct kb_os *os) {
    return os->storage != NULL ? kb_storage_free_bytes(os) : kb_os_free_frames(os);
}

void kb_os_exit(struct kb_os *os, struct kb_process *process, enum kb_reason reason,
                uint64_t address) {
    struct kb_os_event event = {
        .kind = KB_OS_EVENT_EXIT, .process = process, .reason = reason, .address = address};
    if (process->state == KB_ENDED)
        return;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_KILL,
                                            .process = process,
                                            .reason = reason,
                                            .address = address});
    if (process == os->running)
        kb_os_unpin(os);
    kb_os_stop_waiting(os, process);
    uint64_t free_before = free_room(os), slots_before = os->swap.used;
    drop_all(os, process);
    event.count = free_room(os) - free_before;
    event.slots = slots_before - os->swap.used;
    if (os->setup.asid_bits == 0 && process == os->running)
        kb_mmu_flush(&os->mmu, false);
    else if (os->setup.asid_bits > 0 && process->asid_generation == os->asid_generation)
        kb_mmu_flush_asid(&os->mmu, process->asid);
    kb_os_load_end(os, process);
    kb_os_tables_end(os, process);
    if (os->setup.scheme == KB_SCHEME_TABLES)
        kb_tables_free(&os->tables, process->root, 0, first_kernel_entry(os));
    kb_pager_end(os, process);
    free_process(os, process);
    process->state = KB_ENDED;
    process->reason = reason;
    process->fault_address = address;
    kb_os_share_out(os);
    if (kb_os_heard(os))
        kb_os_tell(os, event);
    if (process == os->running) {
        os->running = NULL;
        if (os->setup.kernel) /* the root in the register is free */
            os->mmu.root = os->mmu.kernel_root = os->kernel->root;
    }
}

/* ---- the processor changes hands ---- */

/* Without tags the TLB is flushed; with tags, when all have been given. */
static bool give_asid(struct kb_os *os, struct kb_process *process) {
    if (os->setup.asid_bits == 0) {
        if (os->mmu.tlbs > 0)
            kb_mmu_flush(&os->mmu, false);
        return os->mmu.tlbs > 0;
    }
    if (process->asid_generation == os->asid_generation)
        return false;
    bool all_given = os->next_asid == (UINT64_C(1) << os->setup.asid_bits) - 1;
    if (all_given) {
        kb_mmu_flush(&os->mmu, false);
        os->asid_generation++;
        os->next_asid = 0;
    }
    process->asid = os->next_asid++;
    process->asid_generation = os->asid_generation;
    return all_given;
}

static void load_registers(struct kb_os *os, const struct kb_process *process) {
    os->mmu.root = process->root;
    if (shares_root(os))
        os->mmu.kernel_root = process->root;
    os->mmu.asid = process->asid;
    os->mmu.space = process->number;
    os->mmu.base = process->base;
    os->mmu.limit = process->limit;
    os->mmu.privileged = process->privileged;
    if (os->storage != NULL)
        kb_storage_load_registers(os, process);
    kb_mmu_changed(&os->mmu);
}

void kb_os_switch(struct kb_os *os, struct kb_process *process) {
    struct kb_process *before = os->running;
    if (before == process) {
        process->state = KB_RUNNING;
        return;
    }
    if (before != NULL && before->state == KB_RUNNING)
        before->state = KB_READY;
    process->state = KB_RUNNING;
    os->running = process;
    bool flushed = give_asid(os, process);
    load_registers(os, process);
    os->counters.switches++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SWITCH,
                                            .process = process,
                                            .owner = before,
                                            .flag = flushed});
}

void kb_os_set_mode(struct kb_os *os, struct kb_process *process, bool privileged) {
    process->privileged = privileged;
    if (process == os->running)
        load_registers(os, process);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){
                           .kind = KB_OS_EVENT_MODE, .process = process, .flag = privileged});
}

void kb_os_relocate(struct kb_os *os, struct kb_process *process, uint64_t base, uint64_t limit) {
    process->base = base;
    process->limit = limit;
    if (process == os->running)
        load_registers(os, process);
}
