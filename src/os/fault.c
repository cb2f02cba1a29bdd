/* fault.c - the six steps of a page fault, and what a frame goes through in them.
 *
 * Nothing is dropped before it is safe: the victim's page is written while it is still mapped, and
 * the entry of the new page becomes valid when its bytes are in. A page that is in memory already,
 * for another process or standing by, needs steps 5 and 6 only: a soft fault. */
#include "os/os.h"

/* Times that an instruction may wait for a page beyond its first while none is done: twice the
 * pieces of the longest one. */
#define KB_MOST_WAITS 4100

/* ---- step 3: a frame ---- */

/* Its share allows the process one more, or nobody has shares; what holds nothing that could go
 * (superpages) needs one, too. */
bool kb_os_may_grow(const struct kb_os *os, const struct kb_process *process) {
    return os->setup.allocation == KB_ALLOCATE_GLOBAL || process == NULL ||
           process->pager == NULL || process->pager->held == 0 ||
           process->held < process->allocation;
}

/* With a reserve, a process that has its share takes a frame of it, and one of its own pages stands
 * by: nobody waits for that page's write. */
static kb_status make_way(struct kb_os *os, const struct kb_process *process, uint32_t wanted) {
    bool full = process != NULL && kb_os_stands_by(os) && !kb_os_may_grow(os, process);
    return full && kb_os_free_frames(os) > 0
               ? kb_os_trim(os, os->process[process->number], 1, wanted)
               : KB_OK;
}

/* All pages of whoever was to give one are held: somebody else gives one. */
static kb_status ask_others(struct kb_os *os, struct kb_pager **pager, uint32_t wanted,
                            uint32_t *frame, enum kb_reason *reason) {
    const struct kb_pager *asked = *pager;
    kb_status status = KB_OK;
    enum kb_reason ignored;
    for (uint32_t i = 0; i < os->process_count && status == KB_OK && *frame == KB_NO_FRAME; i++) {
        struct kb_pager *other = os->process[i]->pager;
        if (other == NULL || other == asked || other->held == 0)
            continue;
        status = kb_pager_evict(os, other, wanted, frame, &ignored);
        *pager = other;
    }
    if (*frame != KB_NO_FRAME)
        *reason = KB_REASON_NONE;
    return status;
}

kb_status kb_os_take_frame(struct kb_os *os, const struct kb_process *process, uint32_t wanted,
                           uint32_t *frame, enum kb_reason *reason) {
    kb_status status = make_way(os, process, wanted);
    if (status != KB_OK)
        return status;
    *frame = kb_os_may_grow(os, process) ? kb_os_take_free(os) : KB_NO_FRAME;
    if (*frame != KB_NO_FRAME) {
        if (kb_os_heard(os) && !os->background)
            kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_FRAME,
                                                .frame = *frame,
                                                .count = kb_os_free_frames(os)});
        return KB_OK;
    }
    struct kb_pager *pager = kb_os_who_gives(os, process);
    status = kb_pager_evict(os, pager, wanted, frame, reason);
    if (status == KB_OK && *frame == KB_NO_FRAME && os->setup.allocation == KB_ALLOCATE_VARIABLE)
        status = ask_others(os, &pager, wanted, frame, reason);
    if (status != KB_OK || *frame == KB_NO_FRAME)
        return status;
    struct kb_process *owner = kb_os_owner(os, *frame);
    kb_os_count_eviction(os, owner);
    os->evicted_flags = os->keys[*frame];
    if (pager != (process != NULL && process->pager != NULL ? process->pager : &os->pager))
        kb_pager_forget(os, *frame, KB_EVICTED); /* it goes over to another one */
    pager = os->frame[*frame].pager;
    kb_os_vacate(os, *frame, true);
    os->frame[*frame].pager = pager; /* the policy has proposed it, and is to be answered */
    return KB_OK;
}

void kb_os_decline(struct kb_os *os, uint32_t frame) {
    if (os->frame[frame].pager == NULL)
        return;
    os->keys[frame] = os->evicted_flags;
    kb_pager_forget(os, frame, KB_EVICTED);
    os->keys[frame] = 0;
}

/* The frame was wanted in vain: it becomes free. */
static void abandon_frame(struct kb_os *os, uint32_t frame) {
    kb_os_decline(os, frame);
    os->keys[frame] = 0;
    kb_os_free_frame(os, frame);
}

/* ---- step 4: the bytes ---- */

static bool read_from(struct kb_os *os, uint32_t id, uint8_t *bytes, enum kb_reason *reason) {
    const struct kb_page *page = &os->pages.page[id];
    struct kb_error failure;
    failure.language = os->error->language; /* all else is filled when it fails */
    bool swapped = page->slot != KB_NO_SLOT;
    uint64_t place = swapped ? page->slot : page->place;
    kb_status status;
    if (swapped) {
        status = kb_swap_read(&os->swap, page->slot, bytes, page->sum, &failure);
    } else {
        struct kb_object *object = os->object[page->object];
        status = object->store.read(object->store.context, place, bytes, &failure);
        if (status == KB_OK && kb_page_sum(bytes, kb_os_page_bytes(os)) != object->sum[place])
            status = kb_fail(&failure, KB_DATA, KB_MSG_os_corrupt, (unsigned long long)place);
        object->reads += status == KB_OK;
    }
    if (status == KB_OK) {
        kb_os_transfer(os, swapped ? KB_STREAM_SWAP_IN : KB_STREAM_FILE_IN,
                       swapped ? 0 : page->object, place);
        return true;
    }
    *reason = status == KB_DATA ? KB_REASON_CORRUPT : KB_REASON_READ_FAILED;
    kb_os_tell_store(os, id, place, failure.text);
    memset(bytes, 0, kb_os_page_bytes(os)); /* nothing of it may be seen by others */
    return false;
}

static bool read_in(struct kb_os *os, struct kb_process *process, uint32_t mapping, uint32_t frame,
                    enum kb_page_source *source, enum kb_reason *reason) {
    uint8_t *bytes = kb_memory_at(&os->mmu.memory, (uint64_t)frame << kb_os_page_bits(os));
    uint64_t number = os->pages.mapping[mapping].number, address = number << kb_os_page_bits(os);
    uint32_t id = os->pages.mapping[mapping].page;
    const struct kb_page *page = &os->pages.page[id];
    const struct kb_region *region = kb_process_region(process, address, kb_os_page_bytes(os));
    bool file = page->object != KB_NO_OBJECT && os->object[page->object]->file;
    *source = page->slot != KB_NO_SLOT ? KB_FROM_SWAP : file ? KB_FROM_FILE : KB_FROM_ZERO;
    if (*source != KB_FROM_ZERO)
        return read_from(os, id, bytes, reason);
    memset(bytes, 0, kb_os_page_bytes(os));
    if (region != NULL && region->has_image && page->object == KB_NO_OBJECT) {
        uint64_t page_end = address + kb_os_page_bytes(os);
        uint64_t end = region->imaged != 0 ? region->start + region->imaged : region->end;
        if (end > address) {
            uint64_t length = (end < page_end ? end : page_end) - address;
            kb_image_fill(&region->image, address - region->start, bytes, (uint32_t)length);
            *source = KB_FROM_IMAGE;
            kb_os_transfer(os, KB_STREAM_IMAGE, process->number, number);
        }
    }
    return true;
}

static void count_source(struct kb_os *os, struct kb_process *process, enum kb_page_source source) {
    struct kb_process_counters *own = &process->counters;
    switch (source) {
    case KB_FROM_ZERO:
        os->counters.zero_fills++;
        own->zero_fills++;
        break;
    case KB_FROM_IMAGE:
        os->counters.image_reads++;
        own->image_reads++;
        break;
    case KB_FROM_SWAP:
        os->counters.swap_reads++;
        own->swap_reads++;
        break;
    case KB_FROM_FILE:
        os->counters.file_reads++;
        own->file_reads++;
        break;
    case KB_PAGE_SOURCES:
        break;
    }
}

/* ---- step 5: both tables ---- */

static void tell_update(struct kb_os *os, uint32_t mapping, uint32_t frame) {
    unsigned bytes = kb_mmu_entry_bytes(&os->mmu);
    const struct kb_mapping *m = &os->pages.mapping[mapping];
    if (kb_os_heard(os))
        kb_os_tell(os,
                   (struct kb_os_event){.kind = KB_OS_EVENT_UPDATE,
                                        .process = os->process[m->process],
                                        .page = m->number,
                                        .frame = frame,
                                        .entry = m->entry,
                                        .raw = kb_memory_entry(&os->mmu.memory, m->entry, bytes)});
}

uint32_t kb_os_frame_of(const struct kb_os *os, const struct kb_process *process, uint64_t number) {
    uint32_t mapping = kb_pages_find(&os->pages, process->number, number);
    uint32_t frame =
        mapping == KB_NO_MAPPING ? 0 : os->pages.frame_of[os->pages.mapping[mapping].page];
    return frame == 0 ? KB_NO_FRAME : frame - 1;
}

struct kb_process *kb_os_answers_for(const struct kb_os *os, uint32_t mapping) {
    uint32_t page = os->pages.mapping[mapping].page;
    return os->process[os->pages.mapping[os->pages.page[page].first].process];
}

/* The bytes are still in a frame: nothing is read. Who has its share sends another page off. */
static kb_status rescue(struct kb_os *os, uint32_t mapping, uint32_t *frame) {
    struct kb_process *answers = kb_os_answers_for(os, mapping);
    uint32_t page = os->pages.mapping[mapping].page;
    *frame = kb_os_rescue(os, page);
    kb_status status = kb_os_may_grow(os, answers) ? KB_OK : kb_os_trim(os, answers, 1, page);
    os->counters.rescues++;
    kb_os_connect(os, page, *frame);
    return status;
}

bool kb_os_read_page(struct kb_os *os, struct kb_process *process, uint32_t mapping, uint32_t frame,
                     bool ahead, enum kb_reason *reason) {
    enum kb_page_source source;
    uint32_t id = os->pages.mapping[mapping].page;
    if (!read_in(os, process, mapping, frame, &source, reason)) {
        abandon_frame(os, frame);
        return false;
    }
    count_source(os, process, source);
    if (kb_os_heard(os)) {
        const struct kb_page *in = &os->pages.page[id];
        kb_os_tell(os,
                   (struct kb_os_event){.kind = ahead ? KB_OS_EVENT_PREFETCH : KB_OS_EVENT_READ_IN,
                                        .process = process,
                                        .page = os->pages.mapping[mapping].number,
                                        .frame = frame,
                                        .source = source,
                                        .slot = source == KB_FROM_FILE ? in->place : in->slot});
    }
    kb_os_connect(os, id, frame);
    os->frame[frame].arrives = source != KB_FROM_ZERO ? kb_os_arrival(os) : 0;
    if (!ahead && os->frame[frame].arrives > os->ready_at)
        os->ready_at = os->frame[frame].arrives;
    return true;
}

/* The page comes into a frame that is taken for it. */
static kb_status fetch(struct kb_os *os, struct kb_process *process, uint32_t mapping,
                       uint32_t *frame, enum kb_reason *reason) {
    uint32_t page = os->pages.mapping[mapping].page;
    struct kb_process *answers = kb_os_answers_for(os, mapping);
    kb_status status = kb_os_take_frame(os, answers, page, frame, reason);
    if (status == KB_OK && *frame == KB_NO_FRAME && answers != process)
        *frame = kb_os_take_free(os); /* who answers has pinned its share: not this one's fault */
    if (status != KB_OK || *frame == KB_NO_FRAME)
        return status;
    if (!kb_os_read_page(os, process, mapping, *frame, false, reason))
        *frame = KB_NO_FRAME;
    return KB_OK;
}

/* A page in memory is seen through a mapping that had no entry, or whose entry was overwritten. The
 * chains of an inverted table are not mended. */
static kb_status show(struct kb_os *os, struct kb_process *process, uint32_t mapping,
                      uint64_t entry, uint32_t frame, bool *in, enum kb_reason *reason) {
    bool valid = os->pages.mapping[mapping].entry != KB_NO_TABLE;
    if (valid && os->mmu.scheme == KB_SCHEME_INVERTED) {
        *reason = KB_REASON_HARDWARE;
        return KB_OK;
    }
    if (os->frame[frame].arrives > os->ready_at)
        os->ready_at = os->frame[frame].arrives;
    if (!valid) {
        os->counters.soft_faults++;
        process->counters.soft_faults++;
        if (kb_os_heard(os))
            kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SOFT,
                                                .process = process,
                                                .page = os->pages.mapping[mapping].number,
                                                .frame = frame,
                                                .flag = !(os->keys[frame] & KB_RESIDENT),
                                                .ahead = os->frame[frame].ahead,
                                                .count = kb_os_page_in(os, frame)->count});
    }
    kb_os_enter(os, mapping, entry);
    tell_update(os, mapping, frame);
    *in = true;
    return KB_OK;
}

/* A table that was made for the page does not go while the page comes. */
static void hold_table(struct kb_os *os, uint64_t entry, int by) {
    if (os->setup.tables_place != KB_TABLES_APART && entry != KB_NO_TABLE)
        os->frame[entry >> kb_os_page_bits(os)].pins += (uint32_t)by;
}

/* Steps 3 to 5 for the page of a mapping. */
static kb_status bring(struct kb_os *os, struct kb_process *process, uint32_t mapping,
                       uint32_t *frame, bool *in, enum kb_reason *reason) {
    uint64_t entry = KB_NO_TABLE;
    *in = false;
    *frame = KB_NO_FRAME;
    kb_status status = kb_os_find_entry(os, mapping, &entry);
    if (status == KB_DATA) { /* tables are full: the process ends, the system goes on */
        *reason = KB_REASON_NO_TABLE;
        return KB_OK;
    }
    if (status != KB_OK)
        return status;
    uint32_t page = os->pages.mapping[mapping].page;
    if (os->pages.frame_of[page] != 0 || os->pages.page[page].standing_by != 0) {
        *frame = os->pages.frame_of[page] - 1;
        if (os->pages.frame_of[page] == 0)
            status = rescue(os, mapping, frame);
        if (status != KB_OK)
            return status;
        return show(os, process, mapping, entry, *frame, in, reason);
    }
    hold_table(os, entry, 1);
    status = fetch(os, process, mapping, frame, reason);
    hold_table(os, entry, -1);
    if (status != KB_OK || *frame == KB_NO_FRAME)
        return status;
    kb_os_enter(os, mapping, entry);
    tell_update(os, mapping, *frame);
    *in = true;
    return KB_OK;
}

kb_status kb_os_bring(struct kb_os *os, struct kb_process *process, uint64_t number,
                      uint32_t *frame, bool *in, enum kb_reason *reason) {
    uint32_t mapping;
    *in = false;
    kb_status status = kb_os_mapping(os, process, number, &mapping);
    return status == KB_OK ? bring(os, process, mapping, frame, in, reason) : status;
}

/* ---- steps 1, 2, 6 ---- */

/* What the hardware would say of the access if the page were in: what a format cannot withhold is
 * granted, and a kernel may not execute what is its processes'. */
static enum kb_fault rights_fault(const struct kb_os *os, const struct kb_process *process,
                                  unsigned rights, enum kb_access access) {
    const struct kb_format *format = &os->mmu.format;
    struct kb_entry entry = {KB_ENTRY_VALID | KB_ENTRY_LEAF | KB_ENTRY_USER | rights, 0};
    struct kb_mode mode = {access, process->privileged, os->mmu.sum, os->mmu.mxr, false};
    if (kb_os_segmented(os)) {
        struct kb_segment segment = {.legal = true, .rights = rights, .bytes = 1};
        segment = kb_segment_decode(format, kb_segment_encode(format, segment));
        entry.bits = (entry.bits & ~(unsigned)KB_ENTRY_RIGHTS) | segment.rights;
    } else if (rights != 0 && os->mmu.scheme == KB_SCHEME_TABLES) {
        uint64_t raw = format->family->encode(format, entry, format->levels - 1);
        entry = format->family->decode(format, raw, format->levels - 1);
    }
    return kb_rights_check(format, entry.bits, mode);
}

/* Whether the entry grants less than the region, since a copy must be made before a write. */
static bool is_withheld(const struct kb_os *os, const struct kb_process *process, uint64_t linear) {
    uint32_t mapping = kb_pages_find(&os->pages, process->number, linear >> kb_os_page_bits(os));
    return mapping != KB_NO_MAPPING && os->pages.mapping[mapping].withheld;
}

/* A page that nobody has made legal, or a guard's. */
static enum kb_reason no_region(const struct kb_os *os, const struct kb_process *process,
                                uint64_t linear, const struct kb_region *region) {
    if (linear >= kb_os_user_end(os) || (region == NULL && process->bounded))
        return KB_REASON_INVALID_REFERENCE;
    return region != NULL && region->guard ? KB_REASON_GUARD : KB_REASON_NONE;
}

/* Step 1: what the internal table says of the reference. */
static enum kb_reason check(const struct kb_os *os, const struct kb_process *process,
                            uint64_t address, enum kb_access access, enum kb_fault fault) {
    uint64_t linear = address + (process->limit != 0 ? process->base : 0);
    const struct kb_region *region;
    unsigned rights = kb_os_rights_at(os, process, linear, &region);
    if (fault == KB_FAULT_INVALID || fault == KB_FAULT_MISSING_SEGMENT) {
        enum kb_reason reason = no_region(os, process, linear, region);
        bool behind = region == NULL || (os->mmu.format.byte_lengths && linear >= region->end);
        if (behind && fault == KB_FAULT_MISSING_SEGMENT)
            return KB_REASON_OVERFLOW; /* the segment is there, the byte is behind its end */
        if (reason != KB_REASON_NONE)
            return reason;
        fault = rights_fault(os, process, rights, access);
    }
    if (fault == KB_FAULT_PROTECTION && linear < kb_os_user_end(os)) {
        if (process->bounded && region == NULL)
            return KB_REASON_INVALID_REFERENCE; /* in an inverted table it is still in its chain */
        if (region != NULL && region->guard)
            return KB_REASON_GUARD;
        if (is_withheld(os, process, linear))
            fault = rights_fault(os, process, rights, access);
    }
    switch (fault) {
    case KB_FAULT_NONE:
        return KB_REASON_NONE;
    case KB_FAULT_OVERFLOW:
        return KB_REASON_OVERFLOW;
    case KB_FAULT_PRIVILEGE:
        return KB_REASON_PRIVILEGE;
    case KB_FAULT_PROTECTION:
        return KB_REASON_PROTECTION;
    case KB_FAULT_NON_CANONICAL:
    case KB_FAULT_INVALID_SEGMENT:
        return KB_REASON_INVALID_REFERENCE;
    default:
        return KB_REASON_HARDWARE;
    }
}

static void tell_check(struct kb_os *os, uint64_t address, bool legal) {
    const struct kb_process *p = os->running;
    uint64_t linear = address + (p->limit != 0 ? p->base : 0);
    const struct kb_region *region = kb_process_region(p, linear, kb_os_page_bytes(os));
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_CHECK,
                                        .address = address,
                                        .page = linear >> kb_os_page_bits(os),
                                        .flag = legal,
                                        .rights = region != NULL ? region->rights : 0,
                                        .text = region != NULL ? region->name : NULL});
}

/* Step 2: the process ends, unless its handler gives the instruction up. */
static void end_or_skip(struct kb_os *os, uint64_t address, enum kb_access access,
                        enum kb_fault fault, enum kb_reason reason) {
    struct kb_process *process = os->running;
    if (process->skips && reason != KB_REASON_READ_FAILED && reason != KB_REASON_CORRUPT) {
        if (kb_os_heard(os))
            kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SKIP,
                                                .address = address,
                                                .access = access,
                                                .fault = fault,
                                                .reason = reason});
        return;
    }
    kb_os_exit(os, process, reason, address);
}

/* Step 6, or step 2. */
void kb_os_end_or_restart(struct kb_os *os, uint64_t address, enum kb_access access,
                          enum kb_fault fault, enum kb_reason reason, bool again) {
    if (!again) {
        end_or_skip(os, address, access, fault, reason);
        return;
    }
    os->counters.restarts++;
    os->running->counters.restarts++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){
                           .kind = KB_OS_EVENT_RESTART, .address = address, .access = access});
}

/* Steps 3 to 5, as far as they are needed. */
static kb_status serve(struct kb_os *os, struct kb_process *process, uint64_t number,
                       enum kb_fault fault, uint32_t *frame, bool *again, enum kb_reason *reason) {
    uint32_t mapping;
    if (kb_os_table_is_out(os, process, number << kb_os_page_bits(os)))
        return kb_os_table_in(os, process, number << kb_os_page_bits(os), again, reason);
    kb_status status = kb_os_mapping(os, process, number, &mapping);
    if (status != KB_OK)
        return status;
    if (fault == KB_FAULT_PROTECTION && os->pages.mapping[mapping].withheld) {
        status = kb_os_copy_on_write(os, mapping, again, reason);
        *frame = kb_os_frame_of(os, process, number);
        return status;
    }
    uint32_t page = os->pages.mapping[mapping].page, in = os->pages.frame_of[page];
    process->cue = number;
    process->cued = in != 0 && os->frame[in - 1].ahead ? KB_CUE_USE : KB_CUE_NONE;
    if (in == 0 && os->pages.page[page].standing_by == 0) {
        os->counters.faults++;
        process->counters.faults++;
        process->cued = process->fetch != NULL ? KB_CUE_FAULT : KB_CUE_NONE;
    }
    status = bring(os, process, mapping, frame, again, reason);
    if (!*again)
        process->cued = KB_CUE_NONE;
    return status;
}

/* An instruction whose pages leave while it waits for others (by the window of its policy, by the
 * page daemon) would begin anew for ever. One without operands reached waits for one page only. */
static bool waits_in_vain(struct kb_os *os, struct kb_process *process) {
    if (os->pieces == 0)
        return false;
    if (process->waits_since != os->counters.instructions) {
        process->waits_since = os->counters.instructions;
        process->waits = 0;
    }
    return ++process->waits > KB_MOST_WAITS;
}

kb_status kb_os_fault(struct kb_os *os, uint64_t address, enum kb_access access,
                      enum kb_fault fault, bool *again) {
    struct kb_process *process = os->running;
    uint32_t frame = KB_NO_FRAME;
    uint64_t faults = os->counters.faults, own = process->counters.faults;
    *again = false;
    if (os->pieces == 0 && process->kept != 0) /* what it has waited for was an instruction ago */
        kb_os_stop_waiting(os, process);
    os->counters.traps[fault]++;
    process->counters.traps[fault]++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_FAULT,
                                            .address = address,
                                            .access = access,
                                            .fault = fault});
    uint64_t linear = address + (process->limit != 0 ? process->base : 0);
    if (fault == KB_FAULT_INVALID)
        (void)kb_os_grow_stack(os, process, linear);
    enum kb_reason reason = check(os, process, address, access, fault);
    if (kb_os_heard(os))
        tell_check(os, address, reason == KB_REASON_NONE);
    if (reason == KB_REASON_NONE) {
        kb_status status =
            serve(os, process, linear >> kb_os_page_bits(os), fault, &frame, again, &reason);
        if (status != KB_OK)
            return status;
    }
    if (*again && frame != KB_NO_FRAME && os->ready_at > kb_os_now(os)) {
        if (!(os->keys[frame] & KB_RESIDENT))
            kb_pager_admit(os, frame, KB_BY_FAULT);
        *again = false;
        if (!waits_in_vain(os, process)) {
            kb_os_block(os, frame);
            return kb_os_page_out(os);
        }
        process->waits = 0;
        reason = KB_REASON_MINIMUM_FRAMES;
    }
    bool held = reason == KB_REASON_NO_FRAME || reason == KB_REASON_MINIMUM_FRAMES;
    if (!*again && held && kb_os_wait_for_frame(os, linear >> kb_os_page_bits(os))) {
        os->counters.faults = faults; /* it will be the same fault again */
        process->counters.faults = own;
        return KB_OK;
    }
    kb_os_end_or_restart(os, address, access, fault, reason, *again);
    return KB_OK;
}
