/* narrate.c - events in words: what the system does, and why. Each kind of event has one function;
 * translations and traps are in narrate_translation.c.
 *
 * An access and a switch begin at the left margin, what follows from them is
 * two further in, what belongs to a step of a fault four. Nothing is kept
 * between events, so that any of them may be told alone. */
#include "scenario/narrate_translation.h"

#define say kb_text_message

/* What every function below is given. */
struct telling {
    struct kb_text_out *out;
    const struct kb_os *os;
    const struct kb_os_event *event;
    const char *process, *owner; /* names */
    const struct kb_policy *policy;
};

static const char *word(const struct telling *t, enum kb_message message) {
    return kb_text(t->out->language, message);
}

static const char *cause(const struct telling *t) {
    bool plain = t->os->mmu.scheme == KB_SCHEME_RELOCATION; /* it has no tables */
    if (plain && t->event->reason == KB_REASON_HARDWARE)
        return word(t, KB_MSG_cause_outside);
    return word(t, kb_reason_cause(t->event->reason));
}

static const char *name_of(const struct kb_text_out *out, const struct kb_process *process) {
    return process != NULL ? process->name : kb_text(out->language, KB_MSG_tell_nobody);
}

/* ---- processes ---- */

static void tell_create(const struct telling *t) {
    enum kb_message message = KB_MSG_tell_create;
    if (t->os->mmu.scheme == KB_SCHEME_RELOCATION)
        message = KB_MSG_tell_create_plain;
    else if (t->os->mmu.scheme == KB_SCHEME_INVERTED)
        message = KB_MSG_tell_create_inverted;
    else if (kb_os_segmented(t->os))
        message = KB_MSG_tell_create_segments;
    say(t->out, message, t->process);
}

static void tell_switch(const struct telling *t) {
    const struct kb_os *os = t->os;
    say(t->out, KB_MSG_tell_switch, t->owner, t->process);
    if (t->event->flag)
        say(t->out, os->setup.asid_bits == 0 ? KB_MSG_tell_flushed : KB_MSG_tell_flushed_tags);
    else if (os->mmu.tlbs > 0)
        say(t->out, KB_MSG_tell_kept);
}

static void tell_mode(const struct telling *t) {
    say(t->out, t->event->flag ? KB_MSG_tell_mode_kernel : KB_MSG_tell_mode_user, t->process);
}

/* Whether a reason is what step 1 finds out. */
static bool is_illegal(enum kb_reason reason) {
    return reason == KB_REASON_INVALID_REFERENCE || reason == KB_REASON_PROTECTION ||
           reason == KB_REASON_PRIVILEGE || reason == KB_REASON_OVERFLOW ||
           reason == KB_REASON_GUARD || reason == KB_REASON_HARDWARE;
}

static void tell_kill(const struct telling *t) {
    enum kb_message message = KB_MSG_tell_kill;
    if (t->event->reason == KB_REASON_DONE)
        message = KB_MSG_tell_kill_done;
    else if (is_illegal(t->event->reason))
        message = KB_MSG_tell_kill_illegal;
    say(t->out, message, t->process, cause(t));
}

static void tell_exit(const struct telling *t) {
    if (t->os->mmu.scheme == KB_SCHEME_RELOCATION) {
        say(t->out, KB_MSG_tell_exit_plain, t->process);
        return;
    }
    say(t->out, KB_MSG_tell_exit, t->process, KB_N(t->event->count), KB_N(t->event->slots));
}

static void tell_block(const struct telling *t) {
    if (t->event->flag)
        say(t->out, KB_MSG_tell_block_frame, t->process, KB_N(t->event->page));
    else if (t->os->setup.clock)
        say(t->out, KB_MSG_tell_block_clock, t->process, KB_N(t->event->page),
            (double)t->event->count / 1e6);
    else
        say(t->out, KB_MSG_tell_block, t->process, KB_N(t->event->page), KB_N(t->event->count));
}

static void tell_wake(const struct telling *t) { say(t->out, KB_MSG_tell_wake, t->process); }

/* ---- addresses become legal, and cease to be ---- */

static void tell_job(const struct telling *t) {
    static const struct {
        const char *what;
        enum kb_message message;
    } words[] = {{"waits", KB_MSG_tell_job_waits},
                 {"starts", KB_MSG_tell_job_starts},
                 {"ends", KB_MSG_tell_job_ends},
                 {"refused", KB_MSG_tell_job_refused}};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(t->event->text, words[i].what) == 0)
            say(t->out, words[i].message, KB_N(t->event->count), t->process, KB_N(t->event->slots));
}

static void tell_object(const struct telling *t) {
    say(t->out, t->event->flag ? KB_MSG_tell_object_file : KB_MSG_tell_object_shared,
        t->event->text, KB_N(t->event->count));
}

static enum kb_message region_message(const struct kb_os *os, const struct kb_region *region) {
    if (region == NULL || region->object == 0)
        return KB_MSG_tell_region;
    if (!os->object[region->object - 1]->file)
        return KB_MSG_tell_region_shared;
    return region->shared ? KB_MSG_tell_region_file : KB_MSG_tell_region_private;
}

static void tell_region(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    const struct kb_region *region =
        kb_process_region(e->process, e->address, kb_os_page_bytes(t->os));
    char rights[4];
    if (region != NULL && region->guard) {
        say(t->out, KB_MSG_tell_region_guard, t->process, e->text, KB_N(e->count),
            KB_N(e->address));
        return;
    }
    say(t->out, region_message(t->os, region), t->process, e->text, KB_N(e->count),
        KB_N(e->address), kb_rights_text(e->rights, rights));
    if (region != NULL && region->lowest != 0)
        say(t->out, KB_MSG_tell_region_stack, KB_N(region->lowest));
}

static void tell_grow(const struct telling *t) {
    say(t->out, KB_MSG_tell_grow, t->event->text, KB_N(t->event->address), KB_N(t->event->count));
}

static void tell_resize(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    say(t->out, e->count < e->slots ? KB_MSG_tell_shrinks : KB_MSG_tell_grows, t->process, e->text,
        KB_N(e->slots), KB_N(e->count));
}

static void tell_fork(const struct telling *t) {
    say(t->out, KB_MSG_tell_fork, t->process, t->owner, KB_N(t->event->count));
}

/* A program's word on its own pages. */
static void tell_advice(const struct telling *t) {
    static const struct {
        const char *text;
        enum kb_message message;
    } words[] = {{"release", KB_MSG_tell_release_pages},
                 {"discard", KB_MSG_tell_discard_pages},
                 {"pin", KB_MSG_tell_pin_pages},
                 {"unpin", KB_MSG_tell_unpin_pages},
                 {"sync", KB_MSG_tell_sync_pages}};
    const struct kb_os_event *e = t->event;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].text, e->text) == 0)
            say(t->out, words[i].message, t->process, KB_N(e->count), KB_N(e->address),
                KB_N(e->slots));
}

/* ---- processes as a whole ---- */

static void tell_swap_out(const struct telling *t) {
    say(t->out, KB_MSG_tell_swap_out, t->process, KB_N(t->event->count), KB_N(t->event->slots));
}

static void tell_swap_in(const struct telling *t) {
    say(t->out, KB_MSG_tell_swap_in, t->process, KB_N(t->event->count), KB_N(t->event->slots));
}

static void tell_load(const struct telling *t, enum kb_message message) {
    const struct kb_os_event *e = t->event;
    say(t->out, message, t->process, KB_N(e->count));
    if (e->flag)
        say(t->out, KB_MSG_tell_working_sets, KB_N(e->slots), KB_N(kb_os_frames_to_share(t->os)));
    say(t->out, KB_MSG_tell_load_end, e->text);
}

static void tell_suspend(const struct telling *t) { tell_load(t, KB_MSG_tell_suspend); }

static void tell_resume(const struct telling *t) { tell_load(t, KB_MSG_tell_resume); }

/* ---- tables that are paged ---- */

static void tell_table(const struct telling *t) {
    say(t->out, t->event->flag ? KB_MSG_tell_table_in : KB_MSG_tell_table_out, KB_N(t->event->page),
        t->process, KB_N(t->event->frame), KB_N(t->event->slot));
}

/* ---- addresses, by command ---- */

static void tell_protect(const struct telling *t) {
    char rights[4];
    say(t->out, KB_MSG_tell_protect, t->process, KB_N(t->event->count), KB_N(t->event->address),
        kb_rights_text(t->event->rights, rights));
}

static void tell_unmap(const struct telling *t) {
    say(t->out, KB_MSG_tell_unmap, t->process, KB_N(t->event->count), KB_N(t->event->address));
}

static void tell_map(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    if (e->count > kb_os_page_bytes(t->os))
        say(t->out, KB_MSG_tell_map_super, t->process, KB_N(e->page), KB_N(e->count),
            KB_N(e->frame), KB_N(e->entry));
    else
        say(t->out, KB_MSG_tell_map, t->process, KB_N(e->page), KB_N(e->frame), KB_N(e->entry));
}

/* ---- an access ---- */

static void tell_reference(const struct telling *t) {
    static const enum kb_message verbs[] = {KB_MSG_tell_reads, KB_MSG_tell_stores,
                                            KB_MSG_tell_executes, KB_MSG_tell_reads};
    const struct kb_os_event *e = t->event;
    const char *verb = word(t, verbs[e->access]);
    if (e->flag && e->count > 1)
        say(t->out, KB_MSG_tell_reference_bytes, t->process, verb, KB_N(e->count),
            KB_N(e->address));
    else if (!e->flag && e->count > 1)
        say(t->out, KB_MSG_tell_reference_run, t->process, verb, KB_N(e->address), KB_N(e->count));
    else
        say(t->out, e->flag ? KB_MSG_tell_reference_byte : KB_MSG_tell_reference_one, t->process,
            verb, KB_N(e->address));
}

static void tell_translation(const struct telling *t) {
    kb_narrate_translation(t->out, t->os, t->event->translation);
}

static void tell_fault(const struct telling *t) { kb_narrate_trap(t->out, t->os, t->event); }

/* ---- the six steps ---- */

static void tell_legal(const struct telling *t) {
    char rights[4];
    if (t->event->text != NULL)
        say(t->out, KB_MSG_tell_legal_region, t->event->text,
            kb_rights_text(t->event->rights, rights));
    else
        say(t->out, KB_MSG_tell_legal_all, t->process);
}

static unsigned right_of(enum kb_access access) {
    static const unsigned rights[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE, 0};
    return rights[access];
}

/* Step 1. That it is not legal was found out from the regions, or by the hardware already. */
static void tell_check(const struct telling *t) {
    const struct kb_translation *last = &t->os->mmu.last;
    const struct kb_os_event *e = t->event;
    char rights[4];
    bool by_table = last->fault == KB_FAULT_INVALID || last->fault == KB_FAULT_MISSING_SEGMENT ||
                    last->fault == KB_FAULT_PROTECTION;
    const struct kb_region *region =
        kb_process_region(t->os->running, last->linear, kb_os_page_bytes(t->os));
    if (e->flag)
        tell_legal(t);
    else if (by_table && region != NULL && region->guard)
        say(t->out, KB_MSG_tell_illegal_guard, KB_N(e->page));
    else if (by_table && e->text != NULL && right_of(last->access) & ~e->rights)
        say(t->out, KB_MSG_tell_illegal_rights, e->text, kb_rights_text(e->rights, rights),
            kb_narrate_right(t->out, last->access));
    else if (last->fault == KB_FAULT_MISSING_SEGMENT)
        say(t->out, KB_MSG_tell_illegal_end, KB_N(e->page));
    else if (last->fault == KB_FAULT_INVALID ||
             (by_table && e->text == NULL && t->os->running->bounded))
        say(t->out, KB_MSG_tell_illegal_hole, t->process, KB_N(e->page));
    else
        say(t->out, KB_MSG_tell_illegal_why, word(t, kb_fault_why(last->fault)));
}

static void tell_segment(const struct telling *t) {
    say(t->out, KB_MSG_tell_segment, KB_N(t->event->count), KB_N(t->event->raw),
        KB_N(t->event->entry));
}

static void tell_frame(const struct telling *t) {
    say(t->out, KB_MSG_tell_frame, KB_N(t->event->frame), KB_N(t->event->count));
}

enum kb_message kb_narrate_why(const struct kb_policy *policy, uint64_t mark) {
    return mark == KB_NEVER ? policy->why_never : policy->why;
}

static void tell_why(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    kb_text_plain(t->out, word(t, KB_MSG_tell_because));
    say(t->out, kb_narrate_why(t->policy, e->mark), KB_N(e->page), KB_N(e->frame), KB_N(e->mark));
    kb_text_plain(t->out, "\n");
}

static void tell_victim(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    bool early = t->os->background; /* pageout.c */
    say(t->out, early ? KB_MSG_tell_victim_early : KB_MSG_tell_victim, t->policy->name,
        KB_N(e->page), t->owner, KB_N(e->referenced), KB_N(e->modified));
    tell_why(t);
    if (!e->modified)
        say(t->out, KB_MSG_tell_clean);
}

static bool is_awaited(const struct kb_os *os, uint32_t frame) {
    bool awaited = os->frame[frame].kept > 0;
    for (uint32_t i = 0; !awaited && i < os->process_count; i++)
        awaited = os->process[i]->awaited == frame + 1;
    return awaited;
}

static void tell_refused(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    uint32_t frame = (uint32_t)e->frame;
    const char *why = cause(t);
    if (e->reason == KB_REASON_PINNED && kb_os_page_in(t->os, frame)->wired > 0)
        why = word(t, KB_MSG_cause_wired);
    else if (e->reason == KB_REASON_PINNED && is_awaited(t->os, frame))
        why = word(t, KB_MSG_cause_awaited);
    say(t->out, KB_MSG_tell_refused, KB_N(e->page), t->owner, KB_N(e->frame), why);
}

const char *kb_narrate_file(const struct kb_os *os, const struct kb_process *process,
                            uint64_t number) {
    uint32_t mapping =
        process != NULL ? kb_pages_find(&os->pages, process->number, number) : KB_NO_MAPPING;
    if (mapping == KB_NO_MAPPING)
        return NULL;
    uint32_t object = os->pages.page[os->pages.mapping[mapping].page].object;
    return object != KB_NO_OBJECT && os->object[object]->file ? os->object[object]->name : NULL;
}

const char *kb_narrate_file_in(const struct kb_os *os, uint64_t frame) {
    uint32_t object = kb_os_page_in(os, (uint32_t)frame)->object;
    return object != KB_NO_OBJECT && os->object[object]->file ? os->object[object]->name : NULL;
}

static void tell_write_back(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    if (e->flag)
        say(t->out, KB_MSG_tell_write_file, KB_N(e->page), t->owner, KB_N(e->frame),
            kb_narrate_file_in(t->os, e->frame), KB_N(e->slot));
    else
        say(t->out, KB_MSG_tell_write_back, KB_N(e->page), t->owner, KB_N(e->frame), KB_N(e->slot));
}

static void tell_invalidate(const struct telling *t) {
    if (t->event->flag) {
        say(t->out, KB_MSG_tell_further, KB_N(t->event->page), t->owner, KB_N(t->event->entry));
        return;
    }
    say(t->out, KB_MSG_tell_invalidate, KB_N(t->event->page), t->owner, KB_N(t->event->entry),
        KB_N(t->event->frame));
    if (t->event->count > 1)
        say(t->out, KB_MSG_tell_invalidate_all, KB_N(t->event->count));
}

static void tell_read_in(const struct telling *t) {
    static const enum kb_message sources[] = {KB_MSG_tell_read_zero, KB_MSG_tell_read_image,
                                              KB_MSG_tell_read_slot};
    const struct kb_os_event *e = t->event;
    if (e->source == KB_FROM_FILE)
        say(t->out, KB_MSG_tell_read_file, KB_N(e->page), KB_N(e->frame), KB_N(e->slot),
            kb_narrate_file(t->os, e->process, e->page));
    else
        say(t->out, sources[e->source], KB_N(e->page), KB_N(e->frame), KB_N(e->slot));
}

static void tell_prefetch(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    say(t->out, KB_MSG_tell_prefetch, t->os->setup.fetch.fetch->name, KB_N(e->page),
        KB_N(e->frame));
}

static void tell_soft(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    if (e->ahead)
        say(t->out, KB_MSG_tell_soft_ahead, KB_N(e->page), KB_N(e->frame));
    else if (e->flag)
        say(t->out, KB_MSG_tell_soft_standby, KB_N(e->page), KB_N(e->frame));
    else
        say(t->out, KB_MSG_tell_soft, KB_N(e->page), KB_N(e->frame), KB_N(e->count));
}

static void tell_copy(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    if (e->flag)
        say(t->out, KB_MSG_tell_copy_alone, KB_N(e->page), KB_N(e->frame));
    else
        say(t->out, KB_MSG_tell_copy, KB_N(e->page), KB_N(e->frame), KB_N(e->slot));
}

static void tell_update(const struct telling *t) {
    char raw[KB_RAW_TEXT];
    say(t->out, KB_MSG_tell_update, KB_N(t->event->entry),
        kb_narrate_raw(t->os, t->event->raw, raw));
    kb_narrate_entry(t->out, t->os, t->event->raw, t->os->mmu.format.levels - 1);
    kb_text_plain(t->out, "\n");
}

static void tell_restart(const struct telling *t) {
    say(t->out, KB_MSG_tell_restart, kb_narrate_right(t->out, t->event->access),
        KB_N(t->event->address));
}

static void tell_skip(const struct telling *t) {
    say(t->out, KB_MSG_tell_skip, t->process, cause(t));
}

/* ---- at any time ---- */

static void tell_release(const struct telling *t) {
    say(t->out, KB_MSG_tell_release, t->policy->name, KB_N(t->event->frame), KB_N(t->event->page),
        t->owner);
    tell_why(t);
}

static void tell_store_failed(const struct telling *t) {
    const struct kb_os_event *e = t->event;
    const char *file = kb_narrate_file(t->os, e->owner, e->page);
    if (file != NULL)
        say(t->out, KB_MSG_tell_file_failed, file, KB_N(e->page), t->owner, KB_N(e->slot), e->text);
    else
        say(t->out, KB_MSG_tell_store_failed, KB_N(e->page), t->owner, KB_N(e->slot), e->text);
}

static void tell_page_out(const struct telling *t) {
    say(t->out, KB_MSG_tell_page_out, KB_N(t->event->count), KB_N(kb_os_free_frames(t->os)));
}

static void tell_tick(const struct telling *t) {
    say(t->out, KB_MSG_tell_tick, t->policy->name, KB_N(t->event->time));
}

void kb_narrate(struct kb_text_out *out, const struct kb_os *os, const struct kb_os_event *event) {
    static void (*const tell[KB_OS_EVENT_KINDS])(const struct telling *) = {
        [KB_OS_EVENT_CREATE] = tell_create,
        [KB_OS_EVENT_EXIT] = tell_exit,
        [KB_OS_EVENT_SWITCH] = tell_switch,
        [KB_OS_EVENT_MODE] = tell_mode,
        [KB_OS_EVENT_REGION] = tell_region,
        [KB_OS_EVENT_PROTECT] = tell_protect,
        [KB_OS_EVENT_UNMAP] = tell_unmap,
        [KB_OS_EVENT_MAP] = tell_map,
        [KB_OS_EVENT_REFERENCE] = tell_reference,
        [KB_OS_EVENT_TRANSLATION] = tell_translation,
        [KB_OS_EVENT_FAULT] = tell_fault,
        [KB_OS_EVENT_CHECK] = tell_check,
        [KB_OS_EVENT_KILL] = tell_kill,
        [KB_OS_EVENT_SEGMENT] = tell_segment,
        [KB_OS_EVENT_FRAME] = tell_frame,
        [KB_OS_EVENT_VICTIM] = tell_victim,
        [KB_OS_EVENT_REFUSED] = tell_refused,
        [KB_OS_EVENT_WRITE_BACK] = tell_write_back,
        [KB_OS_EVENT_INVALIDATE] = tell_invalidate,
        [KB_OS_EVENT_READ_IN] = tell_read_in,
        [KB_OS_EVENT_UPDATE] = tell_update,
        [KB_OS_EVENT_RESTART] = tell_restart,
        [KB_OS_EVENT_RELEASE] = tell_release,
        [KB_OS_EVENT_STORE_FAILED] = tell_store_failed,
        [KB_OS_EVENT_SKIP] = tell_skip,
        [KB_OS_EVENT_BLOCK] = tell_block,
        [KB_OS_EVENT_WAKE] = tell_wake,
        [KB_OS_EVENT_TICK] = tell_tick,
        [KB_OS_EVENT_SOFT] = tell_soft,
        [KB_OS_EVENT_COPY] = tell_copy,
        [KB_OS_EVENT_FORK] = tell_fork,
        [KB_OS_EVENT_GROW] = tell_grow,
        [KB_OS_EVENT_RESIZE] = tell_resize,
        [KB_OS_EVENT_ADVICE] = tell_advice,
        [KB_OS_EVENT_SWAP_OUT] = tell_swap_out,
        [KB_OS_EVENT_SWAP_IN] = tell_swap_in,
        [KB_OS_EVENT_SUSPEND] = tell_suspend,
        [KB_OS_EVENT_RESUME] = tell_resume,
        [KB_OS_EVENT_TABLE] = tell_table,
        [KB_OS_EVENT_PAGE_OUT] = tell_page_out,
        [KB_OS_EVENT_PREFETCH] = tell_prefetch,
        [KB_OS_EVENT_OBJECT] = tell_object,
        [KB_OS_EVENT_JOB] = tell_job,
    };
    const struct telling telling = {.out = out,
                                    .os = os,
                                    .event = event,
                                    .process = name_of(out, event->process),
                                    .owner = name_of(out, event->owner),
                                    .policy = os->setup.policy.policy};
    if (!kb_narrate_storage(out, os, event))
        tell[event->kind](&telling);
}
