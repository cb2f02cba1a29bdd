/* pager.c - the hosts of replacement policies: the calls that go to a policy, and those that come
 * from it. */
#include "os/os.h"

static const struct kb_policy *policy_of(const struct kb_os *os) { return os->setup.policy.policy; }

static bool needs(const struct kb_os *os, unsigned need) {
    return (policy_of(os)->needs & need) != 0;
}

static bool is_local(const struct kb_os *os) { return os->setup.allocation != KB_ALLOCATE_GLOBAL; }

/* The pager that has the page in a frame. */
static struct kb_pager *pager_of(const struct kb_os *os, uint32_t frame) {
    return os->frame[frame].pager;
}

/* ---- numbers of frames ---- */

static uint32_t own_number(const struct kb_pager *pager, uint32_t frame) {
    return pager->frame == NULL ? frame : pager->os->own_number[frame];
}

static uint32_t frame_at(const struct kb_pager *pager, uint32_t number) {
    return pager->frame == NULL || number == KB_NO_FRAME ? number : pager->frame[number];
}

/* What the hardware knows of a frame; the other flags are the policy's own. */
static void look_at(const struct kb_pager *pager, uint32_t number) {
    const uint8_t known = KB_REFERENCED | KB_MODIFIED | KB_RESIDENT | KB_PINNED;
    uint8_t key = pager->os->keys[pager->frame[number]];
    pager->flags[number] = (uint8_t)((pager->flags[number] & ~known) | (key & known));
}

static void look_at_all(const struct kb_pager *pager) {
    for (uint32_t i = 0; pager->frame != NULL && i < pager->used; i++)
        if (pager->flags[i] & KB_RESIDENT)
            look_at(pager, i);
}

/* Arrays by page may have moved since the last call. */
static const struct kb_frames *view(struct kb_pager *pager) {
    bool own = pager->frame != NULL;
    pager->view.count = own ? pager->used : pager->os->used;
    pager->view.frame_of = own ? pager->number_of : pager->os->pages.frame_of;
    return &pager->view;
}

/* ---- what the policy may ask ---- */

/* Frames that are not the policy's may be swept over, but keep their bits. */
static void on_cleared(void *host, uint32_t number) {
    const struct kb_pager *pager = host;
    struct kb_os *os = pager->os;
    uint32_t frame = frame_at(pager, number);
    if (os->frame[frame].fixed)
        os->keys[frame] |= KB_REFERENCED;
    else
        kb_os_clear_bits(os, frame, KB_ENTRY_REFERENCED);
}

static void on_clean(void *host, uint32_t number) {
    const struct kb_pager *pager = host;
    struct kb_os *os = pager->os;
    enum kb_reason reason;
    bool background = os->background;
    uint32_t frame = frame_at(pager, number);
    os->background = true;
    if (os->frame[frame].pins == 0)                 /* an instruction may be about to write */
        (void)kb_os_write_back(os, frame, &reason); /* a failure leaves M = 1: asked again later */
    os->background = background;
    if (pager->frame != NULL)
        look_at(pager, number);
}

/* The frame is not this pager's any more. */
static void part_with(struct kb_pager *pager, uint32_t frame) {
    struct kb_os *os = pager->os;
    os->frame[frame].pager = NULL;
    if (pager->frame == NULL)
        return;
    uint32_t number = own_number(pager, frame);
    pager->number_of[pager->page[number]] = 0;
    pager->flags[number] = 0;
    pager->unused[pager->unused_count++] = number;
    pager->held--;
}

/* A page whose write fails stays where it is; the policy hears of it when its call is over. */
static void on_release(void *host, uint32_t number, uint64_t when) {
    struct kb_pager *pager = host;
    struct kb_os *os = pager->os;
    enum kb_reason reason;
    uint32_t frame = frame_at(pager, number);
    struct kb_process *owner = kb_os_owner(os, frame);
    (void)when;
    bool safe = !kb_os_held(os, frame) &&
                (!(os->keys[frame] & KB_MODIFIED) || kb_os_write_back(os, frame, &reason));
    if (!safe) {
        os->returned[os->returned_count++] = frame;
        return;
    }
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_RELEASE,
                                            .owner = owner,
                                            .page = kb_os_number_of(os, frame),
                                            .frame = frame});
    os->counters.released++;
    if (owner != NULL)
        owner->counters.released++;
    uint32_t page = os->page_of[frame];
    part_with(pager, frame);
    kb_os_vacate(os, frame, false);
    if (kb_os_stands_by(os))
        kb_os_stand_by(os, frame, page);
    else
        kb_os_free_frame(os, frame);
}

/* ---- time ---- */

/* The references of those whose pages the policy sees. */
static uint64_t now(const struct kb_pager *pager) {
    return pager->process == 0 ? pager->os->counters.references
                               : pager->os->process[pager->process - 1]->counters.references;
}

/* The reference that is being made is the one before now + 1. */
static struct kb_when when_at(const struct kb_os *os, uint64_t reference) {
    if (!os->foresees)
        return (struct kb_when){reference, 0};
    uint64_t run = os->counters.runs;
    uint32_t next = run < os->setup.future.count ? os->setup.future.next[run] : 0;
    return (struct kb_when){run, next == 0 ? KB_NEVER : next};
}

/* Frames whose release failed are the policy's again. */
static void settle(struct kb_pager *pager) {
    struct kb_os *os = pager->os;
    while (os->returned_count > 0) {
        uint32_t frame = os->returned[--os->returned_count];
        policy_of(os)->admit(pager->state, view(pager), own_number(pager, frame),
                             os->page_of[frame], KB_BY_MOVE, when_at(os, now(pager)));
    }
}

/* ---- state ---- */

static kb_status no_memory(struct kb_os *os, uint64_t bytes) {
    return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, policy_of(os)->name,
                   (unsigned long long)bytes);
}

static kb_status grow(struct kb_pager *pager) {
    struct kb_os *os = pager->os;
    uint32_t pages = os->pages.room;
    if (pages <= pager->pages)
        return KB_OK;
    size_t bytes = policy_of(os)->size(os->setup.frames, pages, os->setup.future.count);
    if (bytes > pager->bytes) {
        void *state = kb_grow(os->host, pager->state, pager->bytes, bytes);
        if (state == NULL)
            return no_memory(os, bytes);
        pager->state = state;
        pager->bytes = bytes;
    }
    if (pager->frame != NULL) {
        uint32_t *more =
            kb_grow(os->host, pager->number_of, pager->pages * sizeof *more, pages * sizeof *more);
        if (more == NULL)
            return no_memory(os, pages * sizeof *more);
        pager->number_of = more;
    }
    pager->pages = pages;
    return KB_OK;
}

kb_status kb_pager_grow(struct kb_os *os) {
    kb_status status = grow(&os->pager);
    if (status == KB_OK)
        status = kb_working_set_grow(os);
    for (uint32_t i = 0; is_local(os) && status == KB_OK && i < os->process_count; i++)
        if (os->process[i]->pager != NULL)
            status = grow(os->process[i]->pager);
    return status;
}

static kb_status take_numbers(struct kb_pager *pager) {
    const struct kb_host *host = pager->os->host;
    size_t n = pager->os->setup.frames;
    pager->flags = kb_take(host, n);
    pager->page = kb_take(host, n * sizeof *pager->page);
    pager->frame = kb_take(host, n * sizeof *pager->frame);
    pager->unused = kb_take(host, n * sizeof *pager->unused);
    if (pager->flags == NULL || pager->page == NULL || pager->frame == NULL ||
        pager->unused == NULL)
        return no_memory(pager->os, n * sizeof *pager->frame);
    return KB_OK;
}

static void give_back(const struct kb_host *host, void *memory, size_t bytes) {
    if (memory != NULL)
        kb_give_back(host, memory, bytes);
}

static void end(struct kb_pager *pager) {
    const struct kb_host *host = pager->os->host;
    size_t n = pager->os->setup.frames;
    give_back(host, pager->state, pager->bytes);
    give_back(host, pager->flags, n);
    give_back(host, pager->page, n * sizeof *pager->page);
    give_back(host, pager->frame, n * sizeof *pager->frame);
    give_back(host, pager->unused, n * sizeof *pager->unused);
    give_back(host, pager->number_of, pager->pages * sizeof *pager->number_of);
}

/* process: number + 1, or 0. The pager is to be ended also when this fails. */
static kb_status begin(struct kb_os *os, struct kb_pager *pager, uint32_t process) {
    const struct kb_policy *policy = policy_of(os);
    *pager = (struct kb_pager){.os = os, .process = process};
    kb_status status = is_local(os) ? take_numbers(pager) : KB_OK;
    if (status == KB_OK)
        status = grow(pager);
    if (status != KB_OK)
        return status;
    bool own = pager->frame != NULL;
    pager->view = (struct kb_frames){.flags = own ? pager->flags : os->keys,
                                     .page = own ? pager->page : os->page_of,
                                     .future = os->setup.future.runs,
                                     .host = pager,
                                     .clean = on_clean,
                                     .release = on_release,
                                     .cleared = on_cleared};
    policy->init(pager->state, os->setup.policy.values, os->setup.frames, pager->pages,
                 os->setup.future.count);
    uint64_t period = policy->period != NULL ? policy->period(pager->state) : 0;
    pager->tick_at = period > 0 ? period : UINT64_MAX;
    return KB_OK;
}

kb_status kb_pager_init(struct kb_os *os) {
    const struct kb_policy *policy = policy_of(os);
    size_t n = os->setup.frames;
    os->foresees = needs(os, KB_NEEDS_FUTURE);
    os->hears = needs(os, KB_NEEDS_EVERY_REFERENCE | KB_NEEDS_FUTURE | KB_HEARS_REFERENCES);
    if (os->foresees && (os->setup.future.runs == NULL || is_local(os)))
        return kb_fail(os->error, KB_USAGE, KB_MSG_os_needs_future, policy->name);
    if (is_local(os) && !kb_os_paged(os))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_no_pages);
    os->returned = kb_take(os->host, n * sizeof *os->returned);
    if (os->returned == NULL)
        return no_memory(os, n * sizeof *os->returned);
    os->own_number = is_local(os) ? kb_take(os->host, n * sizeof *os->own_number) : NULL;
    if (is_local(os) && os->own_number == NULL)
        return no_memory(os, n * sizeof *os->own_number);
    kb_status status = begin(os, &os->pager, 0);
    if (status != KB_OK)
        return status;
    if (!kb_os_paged(os)) { /* nothing is replaced */
        os->pager.tick_at = os->note_at = UINT64_MAX;
        return KB_OK;
    }
    bool measures = os->load.window > 0;
    os->note_at =
        os->hears || os->setup.watch_runs || is_local(os) || measures ? 0 : os->pager.tick_at;
    bool only_touch =
        os->hears && !os->foresees && !os->setup.watch_runs && !is_local(os) && !measures;
    os->touch = only_touch && !needs(os, KB_VARIABLE_SPACE) ? policy->touch : NULL;
    return KB_OK;
}

kb_status kb_pager_begin(struct kb_os *os, struct kb_process *process) {
    if (!is_local(os))
        return KB_OK;
    process->pager = kb_take(os->host, sizeof *process->pager);
    return process->pager != NULL ? begin(os, process->pager, process->number + 1)
                                  : no_memory(os, sizeof *process->pager);
}

void kb_pager_end(struct kb_os *os, struct kb_process *process) {
    if (process->pager == NULL)
        return;
    end(process->pager);
    kb_give_back(os->host, process->pager, sizeof *process->pager);
    process->pager = NULL;
}

void kb_pager_free(struct kb_os *os) {
    size_t n = os->setup.frames;
    if (os->pager.os != NULL)
        end(&os->pager);
    give_back(os->host, os->shown_state, os->shown_bytes);
    give_back(os->host, os->shown_flags, n);
    give_back(os->host, os->returned, n * sizeof *os->returned);
    give_back(os->host, os->own_number, n * sizeof *os->own_number);
}

void kb_pager_resize(struct kb_os *os, struct kb_process *process) {
    policy_of(os)->resize(process->pager->state, process->allocation);
}

/* ---- references ---- */

static void tick(struct kb_pager *pager) {
    struct kb_os *os = pager->os;
    const struct kb_policy *policy = policy_of(os);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_TICK});
    look_at_all(pager);
    policy->tick(pager->state, view(pager), now(pager));
    settle(pager);
    pager->tick_at += policy->period(pager->state);
    if (os->note_at != 0)
        os->note_at = pager->tick_at;
}

/* The run belongs to the sequence that is foreseen, or being learnt. */
static void note_run(struct kb_os *os, uint32_t page, enum kb_access access, uint32_t count) {
    const struct kb_os_future *future = &os->setup.future;
    uint64_t run = os->counters.runs;
    if (os->foresees && (run >= future->count || (future->runs[run] & KB_FUTURE_PAGE) != page))
        os->diverged = true;
    if (os->setup.watch_runs)
        os->setup.ran(os->setup.ran_context, page, access, count);
}

/* The pager whose period may be over now. */
static struct kb_pager *running_pager(struct kb_os *os) {
    return is_local(os) && os->running != NULL && os->running->pager != NULL ? os->running->pager
                                                                             : &os->pager;
}

static __attribute__((noinline)) void
note_whole(struct kb_os *os, uint32_t frame, enum kb_access access, uint32_t count, bool first) {
    bool own = kb_pager_owns(os, frame);
    uint32_t left = (os->foresees ? 1 : count) - (first ? 1 : 0);
    if (own && left > 0 && os->hears) {
        struct kb_pager *pager = pager_of(os, frame);
        uint32_t number = own_number(pager, frame);
        if (pager->frame != NULL)
            look_at(pager, number);
        policy_of(os)->touch(pager->state, view(pager), number, left,
                             when_at(os, now(pager) - left + 1));
        if (os->returned_count > 0)
            settle(pager);
    }
    if (own && (os->foresees || os->setup.watch_runs))
        note_run(os, os->page_of[frame], access, count);
    os->counters.runs += own;
    if (os->load.window > 0)
        kb_working_set_use(os, os->running,
                           os->frame[frame].use == KB_FRAME_PAGE ? os->page_of[frame] : KB_NO_PAGE);
    struct kb_pager *running = running_pager(os);
    while (now(running) >= running->tick_at)
        tick(running);
}

/* The short way does the same, where only the policy is to be told. */
void kb_pager_note(struct kb_os *os, uint32_t frame, enum kb_access access, uint32_t count,
                   bool first) {
    if (!first && kb_pager_only_touch(os, frame))
        kb_pager_touch(os, frame, count);
    else
        note_whole(os, frame, access, count, first);
}

/* A page that comes without a reference: when it will be used is searched for. */
static struct kb_when when_used(const struct kb_os *os, uint32_t page) {
    const struct kb_os_future *future = &os->setup.future;
    struct kb_when when = {os->counters.runs, KB_NEVER};
    for (uint64_t run = os->counters.runs; run < future->count && when.next == KB_NEVER; run++)
        if ((future->runs[run] & KB_FUTURE_PAGE) == page)
            when.next = run;
    return when;
}

/* ---- frames come and go ---- */

/* The pager of who answers for the page. */
static struct kb_pager *home_of(struct kb_os *os, uint32_t frame) {
    const struct kb_process *owner = is_local(os) ? kb_os_owner(os, frame) : NULL;
    return owner != NULL && owner->pager != NULL ? owner->pager : &os->pager;
}

static void take_in(struct kb_pager *pager, uint32_t frame) {
    struct kb_os *os = pager->os;
    bool victim = os->frame[frame].pager == pager; /* its page has gone, its number stays */
    os->frame[frame].pager = pager;
    if (pager->frame == NULL)
        return;
    uint32_t number = victim                    ? own_number(pager, frame)
                      : pager->unused_count > 0 ? pager->unused[--pager->unused_count]
                                                : pager->used++;
    if (victim)
        pager->number_of[pager->page[number]] = 0;
    pager->held += !victim;
    os->own_number[frame] = number;
    pager->frame[number] = frame;
    pager->page[number] = os->page_of[frame];
    pager->number_of[os->page_of[frame]] = number + 1;
    pager->flags[number] = 0;
    look_at(pager, number);
}

void kb_pager_admit(struct kb_os *os, uint32_t frame, enum kb_why why) {
    struct kb_pager *pager = home_of(os, frame);
    struct kb_when when = why != KB_BY_FAULT && os->foresees ? when_used(os, os->page_of[frame])
                                                             : when_at(os, now(pager));
    os->keys[frame] |= KB_RESIDENT;
    take_in(pager, frame);
    policy_of(os)->admit(pager->state, view(pager), own_number(pager, frame), os->page_of[frame],
                         why, when);
    settle(pager);
}

void kb_pager_forget(struct kb_os *os, uint32_t frame, enum kb_why why) {
    struct kb_pager *pager = pager_of(os, frame);
    if (pager == NULL)
        return;
    uint32_t number = own_number(pager, frame);
    if (pager->frame != NULL)
        look_at(pager, number);
    policy_of(os)->forget(pager->state, view(pager), number, why);
    part_with(pager, frame);
}

/* Another process answers for the page now. */
void kb_pager_move(struct kb_os *os, uint32_t frame) {
    if (!is_local(os) || pager_of(os, frame) == NULL || pager_of(os, frame) == home_of(os, frame))
        return;
    kb_pager_forget(os, frame, KB_RELEASED);
    kb_pager_admit(os, frame, KB_BY_MOVE);
}

bool kb_pager_mark(struct kb_os *os, uint32_t frame, uint64_t *mark) {
    const struct kb_policy *policy = policy_of(os);
    struct kb_pager *pager = pager_of(os, frame);
    if (policy->mark == NULL || pager == NULL || os->frame[frame].fixed)
        return false;
    *mark = policy->mark(pager->state, view(pager), own_number(pager, frame));
    return true;
}

/* ---- victims ---- */

/* Copies state and flags, so that the reason of a victim can be asked for afterwards. */
static bool remember(struct kb_pager *pager) {
    struct kb_os *os = pager->os;
    size_t n = os->setup.frames;
    if (!kb_os_heard(os) || policy_of(os)->mark == NULL)
        return false;
    if (os->shown_bytes < pager->bytes) {
        give_back(os->host, os->shown_state, os->shown_bytes);
        os->shown_state = kb_take(os->host, pager->bytes);
        os->shown_bytes = os->shown_state != NULL ? pager->bytes : 0;
    }
    if (os->shown_flags == NULL)
        os->shown_flags = kb_take(os->host, n);
    if (os->shown_state == NULL || os->shown_flags == NULL)
        return false;
    memcpy(os->shown_state, pager->state, pager->bytes);
    memcpy(os->shown_flags, pager->view.flags, n);
    return true;
}

static void tell_victim(struct kb_pager *pager, uint32_t frame, bool remembered) {
    struct kb_os *os = pager->os;
    struct kb_os_event event = {.kind = KB_OS_EVENT_VICTIM,
                                .frame = frame,
                                .page = kb_os_number_of(os, frame),
                                .owner = kb_os_owner(os, frame),
                                .referenced = (os->keys[frame] & KB_REFERENCED) != 0,
                                .modified = (os->keys[frame] & KB_MODIFIED) != 0};
    if (remembered) {
        struct kb_frames before = *view(pager);
        uint32_t number = own_number(pager, frame);
        before.flags = os->shown_flags;
        event.referenced = (os->shown_flags[number] & KB_REFERENCED) != 0;
        event.mark = policy_of(os)->mark(os->shown_state, &before, number);
    }
    kb_os_tell(os, event);
}

static void refuse(struct kb_pager *pager, uint32_t frame, enum kb_reason reason) {
    struct kb_os *os = pager->os;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_REFUSED,
                                            .frame = frame,
                                            .page = kb_os_number_of(os, frame),
                                            .owner = kb_os_owner(os, frame),
                                            .reason = reason});
    policy_of(os)->refused(pager->state, view(pager), own_number(pager, frame));
}

/* Whether the proposed page may go, and is safe elsewhere. */
static bool may_go(struct kb_pager *pager, uint32_t frame, bool remembered,
                   enum kb_reason *reason) {
    struct kb_os *os = pager->os;
    if (kb_os_held(os, frame) || os->frame[frame].kept > 0) {
        if (*reason == KB_REASON_NONE)
            *reason = KB_REASON_PINNED;
        return false;
    }
    if (kb_os_heard(os))
        tell_victim(pager, frame, remembered);
    return !(os->keys[frame] & KB_MODIFIED) || kb_os_write_back(os, frame, reason);
}

kb_status kb_pager_evict(struct kb_os *os, struct kb_pager *pager, uint32_t wanted, uint32_t *found,
                         enum kb_reason *reason) {
    uint64_t most = 2 * ((uint64_t)view(pager)->count + 1);
    unsigned forgiven = 0; /* refusals of an earlier search may still stand */
    *reason = KB_REASON_NONE;
    *found = KB_NO_FRAME;
    while (most-- > 0) {
        look_at_all(pager);
        bool remembered = remember(pager);
        uint32_t frame = frame_at(pager, policy_of(os)->victim(pager->state, view(pager), wanted,
                                                               when_at(os, now(pager) + 1)));
        if (frame == KB_NO_FRAME && forgiven++ > 0)
            break;
        if (frame == KB_NO_FRAME)
            continue;
        enum kb_reason why = KB_REASON_NONE;
        if (may_go(pager, frame, remembered, &why)) {
            *found = frame;
            return KB_OK;
        }
        if (*reason == KB_REASON_NONE || *reason == KB_REASON_PINNED)
            *reason = why;
        refuse(pager, frame, why);
    }
    if (*reason == KB_REASON_NONE)
        *reason = KB_REASON_NO_FRAME;
    if (*reason == KB_REASON_PINNED)
        *reason = os->pieces > 0 ? KB_REASON_MINIMUM_FRAMES : KB_REASON_NO_FRAME;
    return KB_OK;
}

bool kb_pager_send_out(struct kb_os *os, uint32_t frame, enum kb_reason *reason) {
    struct kb_process *owner = kb_os_owner(os, frame);
    *reason = KB_REASON_PINNED;
    if (os->frame[frame].fixed || kb_os_held(os, frame) ||
        !kb_os_give_up(os, frame, KB_EVICTED, reason))
        return false;
    kb_os_wait_for_disk(os);
    kb_os_count_eviction(os, owner);
    return true;
}
