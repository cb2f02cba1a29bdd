/* replay.c - the host that replays traces: it owns frames, flags and page table, and lets the loop
 * that was generated for the policy run over them. */
#include "replay/replay.h"

#include <string.h>

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "replay", (unsigned long long)bytes);
}

/* Makes *array longer, zero behind the old part. */
static bool enlarge(const struct kb_host *host, void *array, size_t old_bytes, size_t bytes) {
    void *old, *fresh;
    memcpy(&old, array, sizeof old);
    fresh = kb_grow(host, old, old_bytes, bytes);
    if (fresh != NULL)
        memcpy(array, &fresh, sizeof fresh);
    return fresh != NULL;
}

static bool variable(const struct kb_replay *replay) {
    return (replay->spec.policy->needs & KB_VARIABLE_SPACE) != 0;
}

/* The arrays by frame. */
static bool grow_frames(struct kb_replay *replay, size_t frames) {
    struct kb_loop *loop = &replay->loop;
    size_t old = replay->frame_room;
    if (!enlarge(replay->host, &loop->page_of, old * 4, frames * 4) ||
        !enlarge(replay->host, &loop->flags, old, frames))
        return false;
    if (variable(replay) && (!enlarge(replay->host, &loop->loaded_at, old * 8, frames * 8) ||
                             !enlarge(replay->host, &loop->free_list, old * 4, frames * 4)))
        return false;
    replay->frame_room = frames;
    return true;
}

static bool grow_state(struct kb_replay *replay, uint32_t capacity, uint32_t pages) {
    size_t bytes = replay->spec.policy->size(capacity, pages, replay->loop.horizon);
    if (bytes > replay->state_bytes) {
        if (!enlarge(replay->host, &replay->loop.state, replay->state_bytes, bytes))
            return false;
        replay->state_bytes = bytes;
    }
    return true;
}

kb_status kb_replay_init(struct kb_replay *replay, const struct kb_policy_spec *spec,
                         uint32_t frames, const struct kb_future *future,
                         const struct kb_host *host, struct kb_error *error) {
    memset(replay, 0, sizeof *replay);
    replay->spec = *spec;
    replay->host = host;
    replay->future = future;
    struct kb_loop *loop = &replay->loop;
    uint32_t capacity = variable(replay) ? 0 : frames;
    if (future != NULL) {
        loop->future = future->runs;
        loop->next = future->next;
        loop->horizon = future->count;
    }
    loop->frames = capacity;
    loop->clean = kb_loop_clean;
    loop->release = kb_loop_release;
    if (!grow_frames(replay, capacity) || !grow_state(replay, capacity, 0)) {
        kb_replay_free(replay);
        return out_of_memory(error, (size_t)capacity * 5);
    }
    spec->policy->init(loop->state, spec->values, capacity, 0, loop->horizon);
    uint64_t period = spec->policy->period != NULL ? spec->policy->period(loop->state) : 0;
    loop->tick_at = period > 0 ? period : UINT64_MAX;
    return KB_OK;
}

kb_status kb_replay_grow(struct kb_replay *replay, uint32_t pages, struct kb_error *error) {
    if (pages <= replay->loop.pages)
        return KB_OK;
    size_t room = replay->page_room;
    if (pages > room) { /* by half, so that growing costs little in all; exactly at first */
        room += room / 2;
        room = room < pages ? pages : room;
        room = room < 64 ? 64 : room;
        uint32_t capacity = variable(replay) ? (uint32_t)room : replay->loop.frames;
        if (!enlarge(replay->host, &replay->loop.frame_of, replay->page_room * 4, room * 4))
            return out_of_memory(error, room * 4);
        replay->page_room = room;
        if (variable(replay) && !grow_frames(replay, capacity))
            return out_of_memory(error, room * 17);
        if (!grow_state(replay, capacity, (uint32_t)room))
            return out_of_memory(error, room * 4);
        if (variable(replay)) {
            replay->loop.frames = capacity;
            replay->spec.policy->resize(replay->loop.state, capacity);
        }
    }
    replay->loop.pages = pages;
    return KB_OK;
}

struct kb_frames kb_replay_frames(struct kb_replay *replay) {
    struct kb_loop *loop = &replay->loop;
    return (struct kb_frames){.flags = loop->flags,
                              .page = loop->page_of,
                              .count = loop->used,
                              .future = loop->future,
                              .frame_of = loop->frame_of,
                              .host = loop,
                              .clean = kb_loop_clean,
                              .release = kb_loop_release};
}

/* Whether the page lies in the event's range, in the address space of the present process. */
static bool concerns(const struct kb_replay *replay, const struct kb_event *event,
                     const uint64_t *page_numbers, uint32_t page) {
    uint32_t owner = replay->processes != NULL ? replay->processes[page] : 0;
    return owner == replay->process && page_numbers[page] - event->first < event->pages;
}

/* Pages of a range leave: their frames become free. Dirty pages that are only released are
 * written; those of an unmapped or discarded range are lost with it. */
static kb_status leave(struct kb_replay *replay, const struct kb_event *event,
                       const uint64_t *page_numbers, struct kb_error *error) {
    struct kb_loop *loop = &replay->loop;
    if (loop->free_list == NULL &&
        !enlarge(replay->host, &loop->free_list, 0, replay->frame_room * 4))
        return out_of_memory(error, replay->frame_room * 4);
    for (uint32_t frame = 0; frame < loop->used; frame++) {
        uint8_t flags = loop->flags[frame];
        if (!(flags & KB_RESIDENT) || !concerns(replay, event, page_numbers, loop->page_of[frame]))
            continue;
        enum kb_why why = kb_event_drops(event->type) ? KB_UNMAPPED : KB_RELEASED;
        struct kb_frames frames = kb_replay_frames(replay);
        replay->spec.policy->forget(loop->state, &frames, frame, why);
        if (variable(replay)) {
            loop->resident--;
            loop->resident_sum += loop->now + 1 - loop->loaded_at[frame];
        }
        loop->evictions += why == KB_RELEASED;
        loop->write_backs += why == KB_RELEASED && flags & KB_MODIFIED;
        loop->lost_bits += flags & KB_REFERENCED;
        loop->frame_of[loop->page_of[frame]] = 0;
        loop->flags[frame] = 0;
        loop->free_list[loop->free_count++] = frame;
    }
    return KB_OK;
}

kb_status kb_replay_block(struct kb_replay *replay, const struct kb_block *block,
                          const uint64_t *page_numbers, struct kb_error *error) {
    kb_status status = kb_replay_grow(replay, block->pages, error);
    uint32_t done = 0;
    for (uint32_t i = 0; page_numbers != NULL && status == KB_OK && i < block->event_count; i++) {
        const struct kb_event *event = &block->events[i];
        if (event->type == KB_EVENT_PROCESS)
            replay->process = (uint32_t)event->first;
        bool concerns_frames = kb_event_drops(event->type) || event->type == KB_EVENT_RELEASE;
        if (!concerns_frames || event->pages == 0)
            continue; /* pages are legal by being touched, whoever touches them, with any right */
        replay->spec.policy->replay(&replay->loop, block->runs + done, event->at - done);
        done = event->at;
        status = leave(replay, event, page_numbers, error);
    }
    if (status != KB_OK)
        return status;
    replay->spec.policy->replay(&replay->loop, block->runs + done, block->count - done);
    replay->references += block->references;
    replay->cold = block->pages; /* each page's first reference was a fault */
    return KB_OK;
}

void kb_replay_future(struct kb_replay *replay, uint64_t count) {
    uint64_t left = replay->future->count - replay->loop.now;
    count = count < left ? count : left;
    replay->spec.policy->replay(&replay->loop, NULL, (uint32_t)count);
    replay->references = replay->future->references;
    replay->cold = replay->future->pages;
}

void kb_replay_result(const struct kb_replay *replay, struct kb_result *result) {
    const struct kb_loop *loop = &replay->loop;
    const struct kb_state *state = loop->state;
    uint64_t dirty = 0, referenced = 0, resident_sum = loop->resident_sum;
    for (uint32_t i = 0; i < loop->used; i++) {
        dirty += (loop->flags[i] & KB_MODIFIED) != 0;
        referenced += loop->flags[i] & KB_REFERENCED;
        if (variable(replay) && loop->flags[i] & KB_RESIDENT)
            resident_sum += loop->now + 1 - loop->loaded_at[i];
    }
    *result = (struct kb_result){
        .references = replay->references,
        .faults = loop->faults,
        .cold_faults = replay->cold,
        .evictions = loop->evictions,
        .write_backs = loop->write_backs,
        .still_dirty = dirty,
        .time_marks = state->time_marks,
        .bit_clears = state->bit_clears,
        .examined = state->examined,
        .frames = variable(replay) ? 0 : loop->frames,
        .resident_peak = loop->resident_peak,
    };
    /* A reference bit that was set has been cleared since, or left, or is set still. */
    if (replay->spec.policy->needs & KB_NEEDS_REFERENCED)
        result->bit_sets = state->bit_clears + loop->lost_bits + referenced;
    if (variable(replay) && replay->references > 0)
        result->resident_mean = (double)resident_sum / (double)replay->references;
    size_t frame_bytes = variable(replay) ? 17 : loop->free_list != NULL ? 9 : 5;
    result->state_bytes =
        replay->page_room * 4 + replay->frame_room * frame_bytes + replay->state_bytes;
}

void kb_replay_free(struct kb_replay *replay) {
    const struct kb_host *host = replay->host;
    struct kb_loop *loop = &replay->loop;
    kb_give_back(host, loop->frame_of, replay->page_room * 4);
    kb_give_back(host, loop->page_of, replay->frame_room * 4);
    kb_give_back(host, loop->flags, replay->frame_room);
    kb_give_back(host, loop->loaded_at, replay->frame_room * 8);
    kb_give_back(host, loop->free_list, replay->frame_room * 4);
    kb_give_back(host, loop->state, replay->state_bytes);
    memset(loop, 0, sizeof *loop);
}
