/* fork.c - a process is copied page for page, and a page when somebody writes to it.
 *
 *   before   parent ──► page (r w)
 *   fork     parent ──► page (r –) ◄── child        one frame, writing withheld from both
 *   write    parent ──► page (r –)     child ──► copy (r w)
 *   write    parent ──► page (r w)     nobody else has it: nothing is copied
 *
 * Source: Bobrow et al. 1972 (TENEX). Shared regions stay shared; with paged
 * segmentation the child's segment leads to the very page table of its parent's,
 * and private segments get a page table of their own. */
#include "os/os.h"

/* ---- copy on write ---- */

/* The page is the process's own by now: its entry only has to say so. */
static void take_over(struct kb_os *os, uint32_t mapping) {
    const struct kb_mapping *m = &os->pages.mapping[mapping];
    kb_os_refresh(os, mapping);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_COPY,
                                            .process = os->process[m->process],
                                            .page = m->number,
                                            .frame = os->pages.frame_of[m->page] - 1,
                                            .flag = true});
}

/* The bytes of the original lie where they lay, even if its frame is the one that was taken. */
static void copy_bytes(struct kb_os *os, uint32_t to, uint32_t from) {
    unsigned bits = kb_os_page_bits(os);
    if (to != from)
        memcpy(kb_memory_at(&os->mmu.memory, (uint64_t)to << bits),
               kb_memory_at(&os->mmu.memory, (uint64_t)from << bits), kb_os_page_bytes(os));
}

kb_status kb_os_copy_on_write(struct kb_os *os, uint32_t mapping, bool *again,
                              enum kb_reason *reason) {
    struct kb_process *process = os->process[os->pages.mapping[mapping].process];
    uint32_t original = os->pages.mapping[mapping].page, copy, frame;
    uint32_t from = os->pages.frame_of[original] - 1;
    uint64_t entry;
    *again = true;
    if (!kb_os_must_copy(os, mapping)) {
        take_over(os, mapping);
        return KB_OK;
    }
    if (!(os->keys[from] & KB_RESIDENT)) /* this instruction has brought it in */
        kb_pager_admit(os, from, KB_BY_FAULT);
    kb_status status = kb_pages_new(&os->pages, &copy, os->error);
    if (status == KB_OK)
        status = kb_pager_grow(os);
    if (status == KB_OK)
        status = kb_os_take_frame(os, process, copy, &frame, reason);
    *again = status == KB_OK && frame != KB_NO_FRAME;
    if (!*again)
        return status;
    copy_bytes(os, frame, from);
    if (os->setup.allocation != KB_ALLOCATE_GLOBAL) /* the original may pass to another's policy */
        kb_os_decline(os, frame);
    kb_os_remap(os, mapping, copy);
    kb_os_connect(os, copy, frame);
    status = kb_os_find_entry(os, mapping, &entry); /* there is one: it was valid */
    if (status != KB_OK)
        return status;
    os->keys[frame] |= KB_MODIFIED; /* it is nowhere else */
    kb_os_enter(os, mapping, entry);
    os->counters.copies++;
    process->counters.copies++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_COPY,
                                            .process = process,
                                            .page = os->pages.mapping[mapping].number,
                                            .frame = frame,
                                            .slot = from});
    return KB_OK;
}

/* ---- fork ---- */

static kb_status copy_regions(struct kb_os *os, const struct kb_process *parent,
                              struct kb_process *child) {
    if (parent->region_count > 0) {
        size_t bytes = parent->region_count * sizeof *child->regions;
        child->regions = kb_take(os->host, bytes);
        if (child->regions == NULL)
            return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "regions",
                           (unsigned long long)bytes);
        child->region_room = parent->region_count;
    }
    for (uint32_t i = 0; i < parent->region_count; i++) {
        child->regions[child->region_count++] = parent->regions[i];
        kb_os_attach(os, &parent->regions[i]);
        kb_status status =
            kb_os_segmented(os) ? kb_os_segment_begin(os, child, &parent->regions[i]) : KB_OK;
        if (status != KB_OK)
            return status;
    }
    return KB_OK;
}

/* Superpages are copied at once: they are in no list of the policy, and cannot come by a fault. */
static kb_status copy_supers(struct kb_os *os, const struct kb_process *parent,
                             struct kb_process *child, bool *refused) {
    for (uint32_t i = 0; i < parent->super_count; i++) {
        const struct kb_super *super = &parent->supers[i];
        kb_status status = kb_os_map(os, child, super->address, KB_NO_FRAME, super->page_bits,
                                     kb_os_super_rights(os, super), refused);
        if (status != KB_OK || *refused)
            return status;
        uint64_t to = child->supers[child->super_count - 1].frame << kb_os_page_bits(os);
        memcpy(kb_memory_at(&os->mmu.memory, to),
               kb_memory_at(&os->mmu.memory, super->frame << kb_os_page_bits(os)),
               (size_t)1 << super->page_bits);
    }
    return KB_OK;
}

/* The child sees the page, in its table at once if its parent does. */
static kb_status copy_mapping(struct kb_os *os, uint32_t id, struct kb_process *child) {
    const struct kb_mapping kept = os->pages.mapping[id], *from = &kept;
    uint64_t entry;
    if (kb_pages_find(&os->pages, child->number, from->number) != KB_NO_MAPPING)
        return KB_OK; /* by a page table that both have */
    uint32_t mapping =
        kb_pages_map(&os->pages, child->number, from->number, from->page, &child->mappings, true);
    os->pages.mapping[mapping].shared = from->shared;
    child->mapped++;
    if (from->entry == KB_NO_TABLE || os->mmu.scheme != KB_SCHEME_TABLES)
        return KB_OK;
    kb_status status = kb_os_find_entry(os, mapping, &entry);
    if (status == KB_OK &&
        os->pages.frame_of[from->page] != 0) /* a table may have taken its frame */
        kb_os_enter(os, mapping, entry);
    return status;
}

/* The parent's entries lose what they grant too much; the TLB forgets them all. */
static kb_status copy_pages(struct kb_os *os, struct kb_process *parent, struct kb_process *child) {
    kb_status status = kb_pages_reserve(&os->pages, parent->mapped, os->error);
    for (uint32_t id = parent->mappings; status == KB_OK && id != KB_NO_MAPPING;
         id = os->pages.mapping[id].next) {
        status = copy_mapping(os, id, child);
        if (status == KB_OK && !os->pages.mapping[id].shared)
            kb_os_refresh_quietly(os, id);
    }
    kb_os_forget_translations(os, parent);
    return status;
}

kb_status kb_os_fork(struct kb_os *os, struct kb_process *parent, const char *name,
                     struct kb_process **made, bool *refused) {
    struct kb_process *child;
    bool local = os->setup.allocation != KB_ALLOCATE_GLOBAL;
    *refused = parent == os->kernel || parent->state == KB_ENDED ||
               !kb_os_paged(os) || /* nothing keeps their bytes apart */
               os->setup.format.family->no_page_rights ||
               (local && !kb_os_allocation_fits(os, NULL, os->setup.minimum));
    kb_status status = *refused ? KB_OK : kb_os_create(os, name, &child);
    if (status == KB_DATA && os->process_count < KB_MOST_PROCESSES) { /* no room for its root */
        *refused = true;
        return KB_OK;
    }
    if (*refused || status != KB_OK)
        return status;
    child->base = parent->base;
    child->limit = parent->limit;
    child->privileged = parent->privileged;
    child->skips = parent->skips;
    child->segments = parent->segments;
    child->size = parent->size;
    status = copy_regions(os, parent, child);
    kb_os_share_out(os);    /* it has its size now */
    child->bounded = false; /* until its superpages are there: they ask for a region of theirs */
    if (status == KB_OK)
        status = copy_supers(os, parent, child, refused);
    child->bounded = parent->bounded;
    kb_os_share_out(os); /* it has its size now */
    if (status == KB_OK && !*refused)
        status = copy_pages(os, parent, child);
    *refused |= status == KB_DATA; /* no room for tables */
    if (*refused) {
        kb_os_exit(os, child, KB_REASON_NO_TABLE, 0);
        return KB_OK;
    }
    if (status == KB_OK && kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_FORK,
                                            .process = child,
                                            .owner = parent,
                                            .count = child->mapped});
    *made = child;
    return status;
}
