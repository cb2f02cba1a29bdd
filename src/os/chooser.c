/* chooser.c - the host of a replacement policy whose pages are areas: who goes when there is no
 * room.
 *
 * An area in memory has the number of a frame, the lowest that is free; the
 * policy's number of frames is the most areas that were in memory at once, so
 * that policies which divide their frames (2Q, ARC) divide what is there. */
#include "os/os.h"

static const struct kb_policy *policy_of(const struct kb_os *os) { return os->setup.policy.policy; }

static kb_status no_memory(struct kb_os *os, uint64_t bytes) {
    return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, policy_of(os)->name,
                   (unsigned long long)bytes);
}

static const struct kb_frames *view(struct kb_storage *storage) {
    storage->view.count = storage->used > 0 ? storage->used : 1;
    storage->view.frame_of = storage->frame_of;
    return &storage->view;
}

static struct kb_when when(const struct kb_os *os) {
    return (struct kb_when){os->counters.references, 0};
}

/* ---- what the policy may ask ---- */

static void on_cleared(void *host, uint32_t frame) {
    struct kb_os *os = host;
    kb_storage_clear_bits(os, os->storage->page_of[frame], KB_ENTRY_REFERENCED);
}

/* Areas are written when they go: writing one in advance would write it twice as a rule. */
static void on_clean(void *host, uint32_t frame) {
    (void)host;
    (void)frame;
}

/* ---- state ---- */

kb_status kb_chooser_grow(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    uint32_t pages = storage->area_room, *more;
    size_t bytes = policy_of(os)->size(KB_MOST_PRESENT, pages, 0);
    if (bytes > storage->bytes) {
        void *state = kb_grow(os->host, storage->state, storage->bytes, bytes);
        if (state == NULL)
            return no_memory(os, bytes);
        storage->state = state;
        storage->bytes = bytes;
    }
    more =
        kb_grow(os->host, storage->frame_of, storage->pages * sizeof *more, pages * sizeof *more);
    if (more == NULL)
        return no_memory(os, pages * sizeof *more);
    storage->frame_of = more;
    storage->pages = pages;
    return KB_OK;
}

kb_status kb_chooser_init(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    const struct kb_policy *policy = policy_of(os);
    size_t n = KB_MOST_PRESENT;
    if (policy->needs & (KB_NEEDS_FUTURE | KB_VARIABLE_SPACE))
        return kb_fail(os->error, KB_USAGE, KB_MSG_storage_policy, policy->name);
    storage->flags = kb_take(os->host, n);
    storage->shown = kb_take(os->host, n);
    storage->page_of = kb_take(os->host, n * sizeof *storage->page_of);
    storage->unused = kb_take(os->host, n * sizeof *storage->unused);
    if (storage->flags == NULL || storage->shown == NULL || storage->page_of == NULL ||
        storage->unused == NULL)
        return no_memory(os, n * sizeof *storage->page_of);
    storage->area_room = 64;
    storage->area = kb_take(os->host, storage->area_room * sizeof *storage->area);
    if (storage->area == NULL)
        return no_memory(os, storage->area_room * sizeof *storage->area);
    kb_status status = kb_chooser_grow(os);
    if (status != KB_OK)
        return status;
    storage->view = (struct kb_frames){.flags = storage->flags,
                                       .page = storage->page_of,
                                       .host = os,
                                       .clean = on_clean,
                                       .cleared = on_cleared};
    policy->init(storage->state, os->setup.policy.values, KB_MOST_PRESENT, storage->pages, 0);
    policy->resize(storage->state, 1);
    uint64_t period = policy->period != NULL ? policy->period(storage->state) : 0;
    storage->tick_at = period > 0 ? period : UINT64_MAX;
    return KB_OK;
}

static void give_back(const struct kb_os *os, void *memory, size_t bytes) {
    if (memory != NULL)
        kb_give_back(os->host, memory, bytes);
}

void kb_chooser_free(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    size_t n = KB_MOST_PRESENT;
    give_back(os, storage->state, storage->bytes);
    give_back(os, storage->shown_state, storage->shown_bytes);
    give_back(os, storage->flags, n);
    give_back(os, storage->shown, n);
    give_back(os, storage->page_of, n * sizeof *storage->page_of);
    give_back(os, storage->unused, n * sizeof *storage->unused);
    give_back(os, storage->frame_of, storage->pages * sizeof *storage->frame_of);
}

/* ---- areas come and go ---- */

void kb_chooser_admit(struct kb_os *os, uint32_t number, bool referenced) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    if (storage->unused_count > 0) {
        area->frame = storage->unused[--storage->unused_count];
    } else {
        area->frame = storage->used++;
        policy_of(os)->resize(storage->state, storage->used);
    }
    storage->page_of[area->frame] = number;
    storage->frame_of[number] = area->frame + 1;
    storage->flags[area->frame] =
        (uint8_t)(KB_RESIDENT | (referenced ? KB_REFERENCED : 0) | (area->wired ? KB_PINNED : 0));
    area->fresh = referenced;
    struct kb_when now = when(os);
    now.now += referenced; /* the reference that is being made */
    policy_of(os)->admit(storage->state, view(storage), area->frame, number,
                         referenced ? KB_BY_FAULT : KB_BY_PREFETCH, now);
}

void kb_chooser_forget(struct kb_os *os, uint32_t number, enum kb_why why) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    policy_of(os)->forget(storage->state, view(storage), area->frame, why);
    storage->flags[area->frame] = 0;
    storage->frame_of[number] = 0;
    storage->unused[storage->unused_count++] = area->frame;
}

/* ---- references ---- */

static void tick(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_TICK});
    policy_of(os)->tick(storage->state, view(storage), os->counters.references);
    storage->tick_at += policy_of(os)->period(storage->state);
}

void kb_chooser_note(struct kb_os *os, uint32_t number, enum kb_access access, uint32_t count) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    storage->flags[area->frame] |=
        (uint8_t)(KB_REFERENCED | (access == KB_ACCESS_WRITE ? KB_MODIFIED : 0));
    uint64_t first = os->counters.references - count + 1;
    if (area->fresh) {
        area->fresh = false;
        count--;
        first++;
    }
    if (count > 0)
        policy_of(os)->touch(storage->state, view(storage), area->frame, count,
                             (struct kb_when){first, 0});
    while (os->counters.references >= storage->tick_at)
        tick(os);
}

/* ---- a victim ---- */

/* The policy changes while it looks: the reason is that of before. */
static bool remember(struct kb_os *os) {
    struct kb_storage *storage = os->storage;
    if (!kb_os_heard(os) || policy_of(os)->mark == NULL)
        return false;
    if (storage->shown_bytes < storage->bytes) {
        give_back(os, storage->shown_state, storage->shown_bytes);
        storage->shown_state = kb_take(os->host, storage->bytes);
        storage->shown_bytes = storage->shown_state != NULL ? storage->bytes : 0;
    }
    if (storage->shown_state == NULL)
        return false;
    memcpy(storage->shown_state, storage->state, storage->bytes);
    memcpy(storage->shown, storage->flags, storage->used);
    return true;
}

static void tell_victim(struct kb_os *os, uint32_t frame, bool remembered) {
    struct kb_storage *storage = os->storage;
    uint32_t number = storage->page_of[frame];
    const struct kb_area *area = &storage->area[number];
    struct kb_os_event event = {.kind = KB_OS_EVENT_VICTIM,
                                .frame = area->base,
                                .page = kb_storage_number_of(os, number),
                                .owner = kb_storage_owner(os, number),
                                .referenced = (storage->flags[frame] & KB_REFERENCED) != 0,
                                .modified = kb_storage_modified(os, number),
                                .count = area->length,
                                .text = area->name};
    if (remembered) {
        struct kb_frames before = *view(storage);
        before.flags = storage->shown;
        event.referenced = (storage->shown[frame] & KB_REFERENCED) != 0;
        event.mark = policy_of(os)->mark(storage->shown_state, &before, frame);
    }
    kb_os_tell(os, event);
}

static void refuse(struct kb_os *os, uint32_t frame, enum kb_reason reason) {
    struct kb_storage *storage = os->storage;
    uint32_t number = storage->page_of[frame];
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_REFUSED,
                                            .frame = storage->area[number].base,
                                            .page = kb_storage_number_of(os, number),
                                            .owner = kb_storage_owner(os, number),
                                            .reason = reason,
                                            .text = storage->area[number].name});
    policy_of(os)->refused(storage->state, view(storage), frame);
}

kb_status kb_chooser_evict(struct kb_os *os, uint32_t wanted, struct kb_placement_wish wish,
                           bool *out, enum kb_reason *reason) {
    struct kb_storage *storage = os->storage;
    *out = false;
    *reason = KB_REASON_NO_ROOM;
    uint64_t most = 2 * ((uint64_t)storage->used + 1);
    for (unsigned ends = 0; ends < 2 && storage->present > 0 && most > 0; most--) {
        bool remembered = remember(os);
        uint32_t frame = policy_of(os)->victim(storage->state, view(storage), wanted, when(os));
        if (frame == KB_NO_FRAME) { /* an earlier search's refusals are forgiven once */
            ends++;
            continue;
        }
        uint32_t number = storage->page_of[frame];
        const struct kb_area *area = &storage->area[number];
        enum kb_reason why = KB_REASON_NONE;
        if (area->pins > 0 || kb_storage_stays(os, number))
            why = KB_REASON_PINNED;
        else if (!kb_storage_would_do(os, number, wanted, wish))
            why = KB_REASON_NO_ROOM;
        if (why == KB_REASON_NONE) {
            struct kb_process *owner = kb_storage_owner(os, number);
            if (kb_os_heard(os))
                tell_victim(os, frame, remembered);
            kb_status status = kb_storage_roll_out(os, number, out, &why);
            if (*out)
                kb_os_count_eviction(os, owner);
            if (status != KB_OK || *out)
                return status;
            *reason = why;
        }
        refuse(os, frame, why);
    }
    return KB_OK;
}
