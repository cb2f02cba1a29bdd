/* pager.c - the host of the replacement policy: tells it of references, loads and releases, asks it
 * for victims, and keeps the page tables in line with what it does to R. */
#include "os/os.h"

static const struct kb_policy *policy_of(const struct kb_os *os) { return os->setup.policy.policy; }

static bool needs(const struct kb_os *os, unsigned need) {
    return (policy_of(os)->needs & need) != 0;
}

/* ---- what the policy may ask ---- */

/* Frames that are not the policy's may be swept over, but keep their bits. */
static void on_cleared(void *host, uint32_t frame) {
    struct kb_os *os = host;
    if (os->frame[frame].fixed)
        os->keys[frame] |= KB_REFERENCED;
    else
        kb_os_clear_bits(os, frame, KB_ENTRY_REFERENCED);
}

static void on_clean(void *host, uint32_t frame) {
    struct kb_os *os = host;
    enum kb_reason reason;
    bool background = os->background;
    os->background = true;
    if (os->frame[frame].pins == 0)                 /* an instruction may be about to write */
        (void)kb_os_write_back(os, frame, &reason); /* a failure leaves M = 1: asked again later */
    os->background = background;
}

/* A page whose write fails stays where it is; the policy hears of it when its call is over. */
static void on_release(void *host, uint32_t frame, uint64_t when) {
    struct kb_os *os = host;
    enum kb_reason reason;
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
    kb_os_vacate(os, frame, false);
    kb_os_free_frame(os, frame);
}

/* Arrays by page may have moved since the last call. */
static const struct kb_frames *view(struct kb_os *os) {
    os->view.count = os->used;
    os->view.frame_of = os->pages.frame_of;
    return &os->view;
}

/* The reference that is being made is the one before os->counters.references + 1. */
static struct kb_when when_at(const struct kb_os *os, uint64_t reference) {
    if (!os->foresees)
        return (struct kb_when){reference, 0};
    uint64_t run = os->counters.runs;
    uint32_t next = run < os->setup.future.count ? os->setup.future.next[run] : 0;
    return (struct kb_when){run, next == 0 ? KB_NEVER : next};
}

/* Frames whose release failed are the policy's again. */
static void settle(struct kb_os *os) {
    while (os->returned_count > 0) {
        uint32_t frame = os->returned[--os->returned_count];
        policy_of(os)->admit(os->policy_state, view(os), frame, os->page_of[frame], KB_BY_MOVE,
                             when_at(os, os->counters.references));
    }
}

/* ---- state ---- */

kb_status kb_pager_grow(struct kb_os *os) {
    if (os->pages.room <= os->policy_pages)
        return KB_OK;
    uint64_t horizon = os->setup.future.count;
    size_t bytes = policy_of(os)->size(os->setup.frames, os->pages.room, horizon);
    if (bytes > os->policy_bytes) {
        void *state = kb_grow(os->host, os->policy_state, os->policy_bytes, bytes);
        if (state == NULL)
            return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, policy_of(os)->name,
                           (unsigned long long)bytes);
        os->policy_state = state;
        kb_give_back(os->host, os->shown_state, os->shown_state == NULL ? 0 : os->policy_bytes);
        os->shown_state = NULL;
        os->policy_bytes = bytes;
    }
    os->policy_pages = os->pages.room;
    return KB_OK;
}

kb_status kb_pager_init(struct kb_os *os) {
    const struct kb_policy *policy = policy_of(os);
    kb_status status;
    os->foresees = needs(os, KB_NEEDS_FUTURE);
    os->hears = needs(os, KB_NEEDS_EVERY_REFERENCE | KB_NEEDS_FUTURE | KB_HEARS_REFERENCES);
    os->view = (struct kb_frames){.flags = os->keys,
                                  .page = os->page_of,
                                  .future = os->setup.future.runs,
                                  .host = os,
                                  .clean = on_clean,
                                  .release = on_release,
                                  .cleared = on_cleared};
    if (os->foresees && os->setup.future.runs == NULL)
        return kb_fail(os->error, KB_USAGE, KB_MSG_os_needs_future, policy->name);
    os->returned = kb_take(os->host, (size_t)os->setup.frames * sizeof *os->returned);
    if (os->returned == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, policy->name,
                       (unsigned long long)os->setup.frames);
    status = kb_pager_grow(os);
    if (status != KB_OK)
        return status;
    policy->init(os->policy_state, os->setup.policy.values, os->setup.frames, os->policy_pages,
                 os->setup.future.count);
    uint64_t period = policy->period != NULL ? policy->period(os->policy_state) : 0;
    os->tick_at = period > 0 ? period : UINT64_MAX;
    if (os->setup.scheme == KB_SCHEME_RELOCATION) { /* nothing is replaced */
        os->tick_at = os->note_at = UINT64_MAX;
        return KB_OK;
    }
    os->note_at = os->hears || os->setup.watch_runs ? 0 : os->tick_at;
    bool only_touch = os->hears && !os->foresees && !os->setup.watch_runs;
    os->touch = only_touch && !needs(os, KB_VARIABLE_SPACE) ? policy->touch : NULL;
    return KB_OK;
}

void kb_pager_free(struct kb_os *os) {
    kb_give_back(os->host, os->policy_state, os->policy_bytes);
    kb_give_back(os->host, os->shown_state, os->shown_state == NULL ? 0 : os->policy_bytes);
    kb_give_back(os->host, os->shown_flags, os->shown_flags == NULL ? 0 : os->setup.frames);
    kb_give_back(os->host, os->returned, (size_t)os->setup.frames * sizeof *os->returned);
}

/* ---- references ---- */

static void tick(struct kb_os *os) {
    const struct kb_policy *policy = policy_of(os);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_TICK});
    policy->tick(os->policy_state, view(os), os->counters.references);
    settle(os);
    os->tick_at += policy->period(os->policy_state);
    if (os->note_at != 0)
        os->note_at = os->tick_at;
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

static __attribute__((noinline)) void
note_whole(struct kb_os *os, uint32_t frame, enum kb_access access, uint32_t count, bool first) {
    bool own = kb_pager_owns(os, frame);
    uint32_t left = (os->foresees ? 1 : count) - (first ? 1 : 0);
    if (own && left > 0 && os->hears) {
        policy_of(os)->touch(os->policy_state, view(os), frame, left,
                             when_at(os, os->counters.references - left + 1));
        if (os->returned_count > 0)
            settle(os);
    }
    if (own && (os->foresees || os->setup.watch_runs))
        note_run(os, os->page_of[frame], access, count);
    os->counters.runs += own;
    while (os->counters.references >= os->tick_at)
        tick(os);
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

void kb_pager_admit(struct kb_os *os, uint32_t frame, enum kb_why why) {
    struct kb_when when = why != KB_BY_FAULT && os->foresees ? when_used(os, os->page_of[frame])
                                                             : when_at(os, os->counters.references);
    os->keys[frame] |= KB_RESIDENT;
    policy_of(os)->admit(os->policy_state, view(os), frame, os->page_of[frame], why, when);
    settle(os);
}

void kb_pager_forget(struct kb_os *os, uint32_t frame, enum kb_why why) {
    if (!os->frame[frame].fixed && os->keys[frame] & KB_RESIDENT)
        policy_of(os)->forget(os->policy_state, view(os), frame, why);
}

bool kb_pager_mark(struct kb_os *os, uint32_t frame, uint64_t *mark) {
    const struct kb_policy *policy = policy_of(os);
    if (policy->mark == NULL || !(os->keys[frame] & KB_RESIDENT) || os->frame[frame].fixed)
        return false;
    *mark = policy->mark(os->policy_state, view(os), frame);
    return true;
}

/* ---- victims ---- */

/* Copies state and flags, so that the reason of a victim can be asked for afterwards. */
static bool remember(struct kb_os *os) {
    if (!kb_os_heard(os) || policy_of(os)->mark == NULL)
        return false;
    if (os->shown_state == NULL)
        os->shown_state = kb_take(os->host, os->policy_bytes);
    if (os->shown_flags == NULL)
        os->shown_flags = kb_take(os->host, os->setup.frames);
    if (os->shown_state == NULL || os->shown_flags == NULL)
        return false;
    memcpy(os->shown_state, os->policy_state, os->policy_bytes);
    memcpy(os->shown_flags, os->keys, os->setup.frames);
    return true;
}

static void tell_victim(struct kb_os *os, uint32_t frame, bool remembered) {
    struct kb_os_event event = {.kind = KB_OS_EVENT_VICTIM,
                                .frame = frame,
                                .page = kb_os_number_of(os, frame),
                                .owner = kb_os_owner(os, frame),
                                .referenced = (os->keys[frame] & KB_REFERENCED) != 0,
                                .modified = (os->keys[frame] & KB_MODIFIED) != 0};
    if (remembered) {
        struct kb_frames before = *view(os);
        before.flags = os->shown_flags;
        event.referenced = (os->shown_flags[frame] & KB_REFERENCED) != 0;
        event.mark = policy_of(os)->mark(os->shown_state, &before, frame);
    }
    kb_os_tell(os, event);
}

static void refuse(struct kb_os *os, uint32_t frame, enum kb_reason reason) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_REFUSED,
                                            .frame = frame,
                                            .page = kb_os_number_of(os, frame),
                                            .owner = kb_os_owner(os, frame),
                                            .reason = reason});
    policy_of(os)->refused(os->policy_state, view(os), frame);
}

/* Whether the proposed page may go, and is safe elsewhere. */
static bool may_go(struct kb_os *os, uint32_t frame, bool remembered, enum kb_reason *reason) {
    if (kb_os_held(os, frame)) {
        if (*reason == KB_REASON_NONE)
            *reason = KB_REASON_PINNED;
        return false;
    }
    if (kb_os_heard(os))
        tell_victim(os, frame, remembered);
    return !(os->keys[frame] & KB_MODIFIED) || kb_os_write_back(os, frame, reason);
}

kb_status kb_pager_evict(struct kb_os *os, uint32_t wanted, uint32_t *found,
                         enum kb_reason *reason) {
    uint64_t most = 2 * ((uint64_t)os->used + 1);
    unsigned forgiven = 0; /* refusals of an earlier search may still stand */
    *reason = KB_REASON_NONE;
    *found = KB_NO_FRAME;
    while (most-- > 0) {
        bool remembered = remember(os);
        uint32_t frame = policy_of(os)->victim(os->policy_state, view(os), wanted,
                                               when_at(os, os->counters.references + 1));
        if (frame == KB_NO_FRAME && forgiven++ > 0)
            break;
        if (frame == KB_NO_FRAME)
            continue;
        enum kb_reason why = KB_REASON_NONE;
        if (may_go(os, frame, remembered, &why)) {
            *found = frame;
            return KB_OK;
        }
        if (*reason == KB_REASON_NONE || *reason == KB_REASON_PINNED)
            *reason = why;
        refuse(os, frame, why);
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
    os->counters.evictions++;
    if (owner != NULL)
        owner->counters.evictions++;
    return true;
}
