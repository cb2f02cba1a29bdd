/* segment_access.c - instructions where storage is contiguous: translation, the fault of a segment
 * that is absent, and the pieces of an instruction.
 *
 * An operand lies in one segment. What an instruction has reached is pinned: it
 * may be moved, but not rolled out; so after each fault all operands are
 * translated again, and the instruction comes to an end. */
#include "os/os.h"

/* ---- the fault ---- */

/* Step 1: what the system's own table says, before anything is read. */
static enum kb_reason check(const struct kb_os *os, const struct kb_process *process,
                            uint64_t address, enum kb_access access, enum kb_fault fault) {
    static const unsigned wanted[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE, 0};
    const struct kb_region *segment = kb_storage_segment_at(os, process, address);
    switch (fault) {
    case KB_FAULT_MISSING_SEGMENT:
        if (segment == NULL) /* the descriptor was patched */
            return KB_REASON_INVALID_REFERENCE;
        if (address - segment->start >= os->storage->area[segment->area - 1].length)
            return KB_REASON_OVERFLOW;
        return wanted[access] & ~segment->rights ? KB_REASON_PROTECTION : KB_REASON_NONE;
    case KB_FAULT_OVERFLOW:
        return KB_REASON_OVERFLOW;
    case KB_FAULT_PROTECTION:
        return KB_REASON_PROTECTION;
    case KB_FAULT_INVALID_SEGMENT:
        return KB_REASON_INVALID_REFERENCE;
    default:
        return KB_REASON_HARDWARE;
    }
}

static void tell_trap(struct kb_os *os, uint64_t address, enum kb_access access,
                      enum kb_fault fault) {
    os->counters.traps[fault]++;
    os->running->counters.traps[fault]++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_FAULT,
                                            .address = address,
                                            .access = access,
                                            .fault = fault});
}

static void tell_check(struct kb_os *os, uint64_t address, enum kb_reason reason) {
    const struct kb_region *segment = kb_storage_segment_at(os, os->running, address);
    if (kb_os_heard(os))
        kb_os_tell(os,
                   (struct kb_os_event){.kind = KB_OS_EVENT_CHECK,
                                        .address = address,
                                        .page = segment != NULL ? kb_storage_number(os, segment)
                                                                : address >> kb_os_page_bits(os),
                                        .flag = reason == KB_REASON_NONE,
                                        .reason = reason,
                                        .rights = segment != NULL ? segment->rights : 0,
                                        .text = segment != NULL ? segment->name : NULL});
}

static kb_status bring_in(struct kb_os *os, uint32_t area, bool *in, enum kb_reason *reason) {
    struct kb_placement_wish anywhere = {KB_ANYWHERE, 0};
    os->counters.faults++;
    os->running->counters.faults++;
    return kb_storage_roll_in(os, area, anywhere, true, true, in, reason);
}

/* The segment is in memory, and its descriptor says otherwise: it was patched. M may be lost. */
static bool write_anew(struct kb_os *os, uint32_t area) {
    os->storage->area[area].modified = true;
    kb_storage_show_area(os, area);
    kb_storage_tell_update(os, area);
    return true;
}

/* *again: the segment is in memory now. */
static kb_status serve(struct kb_os *os, uint64_t address, enum kb_access access,
                       enum kb_fault fault, bool *again) {
    struct kb_process *process = os->running;
    tell_trap(os, address, access, fault);
    enum kb_reason reason = check(os, process, address, access, fault);
    tell_check(os, address, reason);
    *again = false;
    if (reason == KB_REASON_NONE) {
        uint32_t area = kb_storage_segment_at(os, process, address)->area - 1;
        kb_status status = KB_OK;
        if (os->storage->area[area].present)
            *again = write_anew(os, area);
        else
            status = bring_in(os, area, again, &reason);
        if (status != KB_OK)
            return status;
    }
    kb_os_end_or_restart(os, address, access, fault, reason, *again);
    return KB_OK;
}

/* Translates until the segment is there; *faulted: it was not. The hardware adds the length of the
 * operand, too, and so finds that its end is out of bounds. */
static kb_status reach(struct kb_os *os, const struct kb_operand *operand, uint64_t *physical,
                       bool *faulted, bool *done) {
    uint64_t address = operand->address;
    enum kb_fault fault = kb_os_translate(os, address, operand->access, physical);
    *faulted = false;
    *done = true;
    while (fault != KB_FAULT_NONE && *done) {
        kb_status status = serve(os, address, operand->access, fault, done);
        if (status != KB_OK || !*done)
            return status;
        *faulted = true;
        fault = kb_os_translate(os, address, operand->access, physical);
    }
    const struct kb_region *segment = kb_storage_segment_at(os, os->running, address);
    if (segment == NULL || !kb_memory_has(&os->mmu.memory, *physical, operand->length))
        return serve(os, address, operand->access, KB_FAULT_BUS, done); /* patched by hand */
    uint64_t left = os->storage->area[segment->area - 1].length - (address - segment->start);
    return operand->length <= left
               ? KB_OK
               : serve(os, address + left, operand->access, KB_FAULT_OVERFLOW, done);
}

/* ---- instructions ---- */

void kb_storage_unpin(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    while (storage->reached_count > 0)
        storage->area[storage->reached[--storage->reached_count]].pins--;
    os->pieces = 0;
}

static uint32_t area_at(const struct kb_os *os, uint64_t address) {
    return kb_storage_segment_at(os, os->running, address)->area - 1;
}

static void count(struct kb_os *os, uint64_t address, enum kb_access access, uint32_t references) {
    os->counters.references += references;
    os->running->counters.references += references;
    kb_chooser_note(os, area_at(os, address), access, references);
}

kb_status kb_storage_reach(struct kb_os *os, const struct kb_operand *operand, unsigned operands,
                           bool *done) {
    struct kb_storage *storage = os->storage;
    for (unsigned k = 0; k < operands; k++)
        kb_os_tell_reference(os, operand[k].address, operand[k].access, operand[k].length, true);
    for (unsigned k = 0; k < operands;) {
        bool faulted;
        kb_status status = reach(os, &operand[k], &os->piece[k].physical, &faulted, done);
        if (status != KB_OK || !*done)
            return status;
        if (k == storage->reached_count) {
            uint32_t area = area_at(os, operand[k].address);
            storage->reached[storage->reached_count++] = area;
            storage->area[area].pins++;
        }
        os->piece[k].length = operand[k].length;
        k = faulted && k > 0 ? 0 : k + 1; /* what was reached may have moved */
    }
    os->pieces = operands;
    for (unsigned k = 0; k < operands; k++)
        count(os, operand[k].address, operand[k].access, 1);
    os->counters.instructions++;
    return KB_OK;
}

kb_status kb_storage_run(struct kb_os *os, uint64_t address, enum kb_access access,
                         uint32_t references, bool *done) {
    struct kb_operand operand = {address, 1, access};
    uint64_t physical;
    bool faulted;
    kb_status status = reach(os, &operand, &physical, &faulted, done);
    if (status != KB_OK || !*done)
        return status;
    for (uint32_t i = 1; i < references; i++) /* each is translated, and counted as such */
        (void)kb_mmu_translate(&os->mmu, address, access, &physical);
    count(os, address, access, references);
    return KB_OK;
}
