/* narrate_storage.c - what happens where storage is contiguous, in words: segments instead of
 * pages, places instead of frames. What it does not know, narrate.c tells as ever. */
#include "machine/descriptor.h"
#include "scenario/narrate_translation.h"

#define say kb_text_message

static const char *word(const struct kb_text_out *out, enum kb_message message) {
    return kb_text(out->language, message);
}

static const char *name_of(const struct kb_text_out *out, const struct kb_process *process) {
    return process != NULL ? process->name : word(out, KB_MSG_tell_nobody);
}

/* ---- a translation ---- */

static void tell_bounds(struct kb_text_out *out, const struct kb_os *os,
                        const struct kb_translation *t) {
    const struct kb_mmu *mmu = &os->mmu;
    if (mmu->absolute)
        say(out, t->fault == KB_FAULT_NONE ? KB_MSG_tell_bounds : KB_MSG_tell_out_of_bounds,
            KB_N(t->address), KB_N(mmu->base), KB_N(mmu->base + mmu->limit));
    else if (t->fault == KB_FAULT_NONE) /* else the trap says it */
        say(out, KB_MSG_tell_relocated, KB_N(t->address), KB_N(mmu->limit), KB_N(t->address),
            KB_N(mmu->base), KB_N(t->linear));
}

static void tell_descriptor(struct kb_text_out *out, const struct kb_os *os,
                            const struct kb_translation *t) {
    struct kb_descriptor d = kb_descriptor_read(&os->mmu.memory, t->entry);
    uint64_t s = t->address >> kb_os_page_bits(os), at = t->address & (kb_os_page_bytes(os) - 1);
    char rights[4];
    say(out, KB_MSG_tell_split_segment, KB_N(t->address), KB_N(s), KB_N(at));
    if (t->hit > 0)
        say(out, KB_MSG_tell_descriptor_hit, KB_N(s), KB_N(t->hit));
    else if (t->probed > 0)
        say(out, KB_MSG_tell_descriptor_miss, KB_N(s));
    if (t->walked && !d.legal)
        say(out, KB_MSG_tell_descriptor_none, KB_N(s), KB_N(t->entry));
    else if (t->walked)
        say(out, d.present ? KB_MSG_tell_descriptor : KB_MSG_tell_descriptor_absent, KB_N(s),
            KB_N(t->entry), KB_N(d.base), KB_N(d.limit), kb_rights_text(d.rights, rights));
    if (t->fault != KB_FAULT_NONE)
        return;
    if (t->set_bits != 0)
        say(out, t->set_bits & KB_ENTRY_MODIFIED ? t->set_bits & KB_ENTRY_REFERENCED
                                                       ? KB_MSG_tell_descriptor_both
                                                       : KB_MSG_tell_descriptor_m
                                                 : KB_MSG_tell_descriptor_r);
    say(out, KB_MSG_tell_physical_sum, KB_N(at), KB_N(d.limit), KB_N(t->physical - at), KB_N(at),
        KB_N(t->physical));
}

void kb_narrate_storage_translation(struct kb_text_out *out, const struct kb_os *os,
                                    const struct kb_translation *t) {
    if (kb_storage_of_programs(os))
        tell_bounds(out, os, t);
    else
        tell_descriptor(out, os, t);
}

static void tell_trap(struct kb_text_out *out, const struct kb_os *os,
                      const struct kb_os_event *e) {
    const struct kb_region *segment = kb_storage_segment_at(os, os->running, e->address);
    uint64_t s = e->address >> kb_os_page_bits(os), length;
    char rights[4];
    if (e->fault == KB_FAULT_PROTECTION && kb_storage_of_programs(os)) {
        say(out, KB_MSG_tell_trap_boundary, KB_N(e->address), KB_N(os->mmu.base));
        return;
    }
    if (segment == NULL || e->fault == KB_FAULT_INVALID_SEGMENT || e->fault == KB_FAULT_BUS) {
        say(out, KB_MSG_tell_trap_address, kb_fault_name(e->fault),
            word(out, kb_fault_why(e->fault)));
        return;
    }
    length = os->storage->area[segment->area - 1].length;
    switch (e->fault) {
    case KB_FAULT_MISSING_SEGMENT:
        say(out, KB_MSG_tell_trap_absent, KB_N(s), segment->name);
        break;
    case KB_FAULT_OVERFLOW:
        say(out, KB_MSG_tell_trap_end, KB_N(e->address - segment->start), segment->name,
            KB_N(length));
        break;
    default:
        say(out, KB_MSG_tell_trap_segment, segment->name, kb_rights_text(segment->rights, rights),
            kb_narrate_right(out, e->access));
        break;
    }
}

/* ---- places ---- */

static void tell_place(struct kb_text_out *out, const struct kb_os *os,
                       const struct kb_os_event *e) {
    static const enum kb_message fits[] = {KB_MSG_fit_first, KB_MSG_fit_next, KB_MSG_fit_best,
                                           KB_MSG_fit_worst};
    const struct kb_storage_setup *setup = &os->storage->setup;
    if (setup->partitions > 0)
        say(out, KB_MSG_tell_partition, e->text, KB_N(e->count), KB_N(e->address), KB_N(e->slots),
            KB_N(e->slots - e->count));
    else
        say(out, KB_MSG_tell_place, e->text, KB_N(e->count), KB_N(e->address), KB_N(e->slots),
            word(out, fits[setup->fit]), KB_N(e->slots - e->count));
}

static void tell_victim(struct kb_text_out *out, const struct kb_os *os,
                        const struct kb_os_event *e) {
    say(out, KB_MSG_tell_victim_segment, os->setup.policy.policy->name, KB_N(e->page), e->text,
        name_of(out, e->owner), KB_N(e->count), KB_N(e->referenced), KB_N(e->modified));
    if (!e->modified)
        say(out, KB_MSG_tell_segment_clean);
}

static void tell_read_in(struct kb_text_out *out, const struct kb_os_event *e) {
    static const enum kb_message sources[] = {KB_MSG_tell_segment_zero, KB_MSG_tell_segment_image,
                                              KB_MSG_tell_segment_slots};
    say(out, sources[e->source], e->text, KB_N(e->count), KB_N(e->frame), KB_N(e->slot));
}

static void tell_check(struct kb_text_out *out, const struct kb_os_event *e) {
    char rights[4];
    if (e->flag)
        say(out, KB_MSG_tell_legal_segment, e->text, kb_rights_text(e->rights, rights));
    else
        say(out, KB_MSG_tell_illegal_why, word(out, kb_reason_cause(e->reason)));
}

static void tell_advice(struct kb_text_out *out, const struct kb_os_event *e) {
    say(out, KB_MSG_tell_advice_segments, name_of(out, e->process), e->text, KB_N(e->slots));
}

/* ---- one event ---- */

bool kb_narrate_storage(struct kb_text_out *out, const struct kb_os *os,
                        const struct kb_os_event *e) {
    char rights[4];
    if (os->storage == NULL)
        return false;
    switch (e->kind) {
    case KB_OS_EVENT_CREATE:
        say(out,
            kb_storage_of_programs(os) ? KB_MSG_tell_create_plain : KB_MSG_tell_create_descriptors,
            name_of(out, e->process));
        break;
    case KB_OS_EVENT_EXIT:
        say(out, KB_MSG_tell_exit_bytes, name_of(out, e->process), KB_N(e->count), KB_N(e->slots));
        break;
    case KB_OS_EVENT_REGION:
        say(out, KB_MSG_tell_segment_begins, name_of(out, e->process), e->text, KB_N(e->count),
            kb_rights_text(e->rights, rights));
        break;
    case KB_OS_EVENT_PROTECT:
        say(out, KB_MSG_tell_segment_rights, name_of(out, e->process),
            kb_rights_text(e->rights, rights));
        break;
    case KB_OS_EVENT_GROW:
        say(out, KB_MSG_tell_segment_length, name_of(out, e->process), e->text, KB_N(e->count));
        break;
    case KB_OS_EVENT_FAULT:
        tell_trap(out, os, e);
        break;
    case KB_OS_EVENT_CHECK:
        tell_check(out, e);
        break;
    case KB_OS_EVENT_PLACE:
        tell_place(out, os, e);
        break;
    case KB_OS_EVENT_MOVE:
        say(out, KB_MSG_tell_move, e->text, name_of(out, e->process), KB_N(e->count),
            KB_N(e->address), KB_N(e->raw));
        break;
    case KB_OS_EVENT_COMPACT:
        say(out, KB_MSG_tell_compact, KB_N(e->count), KB_N(e->slots));
        break;
    case KB_OS_EVENT_VICTIM:
        tell_victim(out, os, e);
        break;
    case KB_OS_EVENT_REFUSED:
        say(out, KB_MSG_tell_refused_segment, e->text, name_of(out, e->owner),
            word(out, e->reason == KB_REASON_NO_ROOM ? KB_MSG_cause_small_partition
                                                     : kb_reason_cause(e->reason)));
        break;
    case KB_OS_EVENT_WRITE_BACK:
        say(out, KB_MSG_tell_segment_written, e->text, name_of(out, e->owner), KB_N(e->count),
            KB_N(e->slot));
        break;
    case KB_OS_EVENT_INVALIDATE:
        say(out, kb_storage_of_programs(os) ? KB_MSG_tell_program_gone : KB_MSG_tell_segment_gone,
            e->text, name_of(out, e->owner), KB_N(e->count), KB_N(e->frame));
        break;
    case KB_OS_EVENT_READ_IN:
        tell_read_in(out, e);
        break;
    case KB_OS_EVENT_UPDATE:
        say(out, KB_MSG_tell_segment_update, KB_N(e->entry), KB_N(e->frame), KB_N(e->count));
        break;
    case KB_OS_EVENT_SWAP_OUT:
        say(out, KB_MSG_tell_swap_out_segments, name_of(out, e->process), KB_N(e->count),
            KB_N(e->slots));
        break;
    case KB_OS_EVENT_SWAP_IN:
        say(out, KB_MSG_tell_swap_in_segments, name_of(out, e->process), KB_N(e->count),
            KB_N(e->slots));
        break;
    case KB_OS_EVENT_ADVICE:
        tell_advice(out, e);
        break;
    default:
        return false;
    }
    return true;
}
