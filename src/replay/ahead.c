/* ahead.c - the replay in which pages come ahead. */
#include "replay/ahead.h"

#include <string.h>

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "replay", (unsigned long long)bytes);
}

kb_status kb_ahead_init(struct kb_ahead *a, const struct kb_policy_spec *policy,
                        const struct kb_fetch_spec *fetch, uint32_t frames,
                        const struct kb_host *host, struct kb_error *error) {
    const unsigned no = KB_NEEDS_FUTURE | KB_VARIABLE_SPACE;
    *a = (struct kb_ahead){.fetch = *fetch};
    if (policy->policy->needs & no)
        return kb_fail(error, KB_USAGE, KB_MSG_fetch_policy, policy->policy->name);
    kb_status status = kb_replay_init(&a->replay, policy, frames, NULL, host, error);
    if (status == KB_OK)
        status = kb_intern_init(&a->pages, host, error);
    if (status != KB_OK)
        return status;
    a->waits = kb_take(host, frames);
    a->held = kb_take(host, frames);
    return a->waits != NULL && a->held != NULL ? KB_OK : out_of_memory(error, frames);
}

void kb_ahead_free(struct kb_ahead *a) {
    const struct kb_host *host = a->replay.host;
    uint32_t frames = a->replay.loop.frames;
    for (uint32_t i = 0; i < a->process_count; i++)
        kb_give_back(host, a->process[i].state, kb_fetch_size(&a->fetch) + 1);
    kb_give_back(host, a->process, a->process_count * sizeof *a->process);
    kb_give_back(host, a->own, a->own_room * sizeof *a->own);
    if (a->waits != NULL)
        kb_give_back(host, a->waits, frames);
    if (a->held != NULL)
        kb_give_back(host, a->held, frames);
    if (a->pages.table != NULL)
        kb_intern_free(&a->pages);
    if (a->replay.spec.policy != NULL)
        kb_replay_free(&a->replay);
}

/* ---- names ---- */

/* The id of a page number, and room for it in all arrays. */
static kb_status find_page(struct kb_ahead *a, uint32_t process, uint64_t number, uint32_t *id,
                           struct kb_error *error) {
    kb_status status = kb_intern_batch(&a->pages, process, &number, id, 1, error);
    return status == KB_OK ? kb_replay_grow(&a->replay, a->pages.count, error) : status;
}

static kb_status grow_own(struct kb_ahead *a, uint32_t pages, struct kb_error *error) {
    uint32_t room = a->own_room + a->own_room / 2;
    room = room < pages ? pages : room;
    if (pages <= a->own_room)
        return KB_OK;
    void *own =
        kb_grow(a->replay.host, a->own, a->own_room * sizeof *a->own, room * sizeof *a->own);
    if (own == NULL)
        return out_of_memory(error, room * sizeof *a->own);
    a->own = own;
    a->own_room = room;
    return KB_OK;
}

/* The state of a process's strategy. */
static kb_status state_of(struct kb_ahead *a, uint32_t process, void **state,
                          struct kb_error *error) {
    const struct kb_host *host = a->replay.host;
    size_t bytes = kb_fetch_size(&a->fetch) + 1, n = a->process_count;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (a->last + i) % a->process_count;
        if (a->process[at].number == process) {
            a->last = at;
            *state = a->process[at].state;
            return KB_OK;
        }
    }
    void *more = kb_grow(host, a->process, n * sizeof *a->process, (n + 1) * sizeof *a->process);
    if (more == NULL)
        return out_of_memory(error, (n + 1) * sizeof *a->process);
    a->process = more;
    *state = kb_take(host, bytes);
    a->process[n] = (struct kb_ahead_process){process, *state};
    a->process_count += *state != NULL;
    a->last = (uint32_t)n;
    return *state != NULL ? KB_OK : out_of_memory(error, bytes);
}

/* ---- frames ---- */

/* A frame that is free, else (evict) that of a victim; KB_NO_FRAME: all are held. */
static uint32_t take_frame(struct kb_ahead *a, uint32_t page, bool evict) {
    struct kb_loop *loop = &a->replay.loop;
    const struct kb_policy *policy = a->replay.spec.policy;
    uint32_t most = 2 * (loop->used + 1), forgiven = 0;
    if (loop->used < loop->frames)
        return loop->used++;
    while (evict && most-- > 0) {
        struct kb_frames frames = kb_replay_frames(&a->replay);
        uint32_t frame =
            policy->victim(loop->state, &frames, page, (struct kb_when){loop->now + 1, 0});
        if (frame == KB_NO_FRAME && forgiven++ > 0)
            return KB_NO_FRAME;
        if (frame == KB_NO_FRAME)
            continue;
        if (a->held[frame]) {
            policy->refused(loop->state, &frames, frame);
            continue;
        }
        loop->evictions++;
        loop->write_backs += (loop->flags[frame] & KB_MODIFIED) != 0;
        loop->lost_bits += loop->flags[frame] & KB_REFERENCED;
        loop->frame_of[loop->page_of[frame]] = 0;
        a->wasted += a->waits[frame];
        a->waits[frame] = 0;
        return frame;
    }
    return KB_NO_FRAME;
}

static void admit(struct kb_ahead *a, uint32_t frame, uint32_t page, uint8_t bits, enum kb_why why,
                  uint64_t now) {
    struct kb_loop *loop = &a->replay.loop;
    loop->frame_of[page] = frame + 1;
    loop->page_of[frame] = page;
    loop->flags[frame] = (uint8_t)(KB_RESIDENT | bits);
    struct kb_frames frames = kb_replay_frames(&a->replay);
    a->replay.spec.policy->admit(loop->state, &frames, frame, page, why, (struct kb_when){now, 0});
}

/* ---- pages come ahead ---- */

/* *frame: where it is now; KB_NO_FRAME: it is there already, or (*more = false) has no room. */
static kb_status bring(struct kb_ahead *a, uint32_t process, uint64_t number, uint32_t *frame,
                       bool *more, struct kb_error *error) {
    struct kb_loop *loop = &a->replay.loop;
    bool evict = kb_fetch_may_evict(&a->fetch);
    uint32_t page;
    *frame = KB_NO_FRAME;
    *more = evict || loop->used < loop->frames;
    kb_status status = *more ? find_page(a, process, number, &page, error) : KB_OK;
    if (status != KB_OK || !*more || loop->frame_of[page] != 0)
        return status;
    *frame = take_frame(a, page, evict);
    *more = *frame != KB_NO_FRAME;
    if (!*more)
        return KB_OK;
    a->waits[*frame] = 1;
    a->prefetches++;
    admit(a, *frame, page, 0, KB_BY_PREFETCH, loop->now);
    return KB_OK;
}

/* The page in a frame has been used: what is to follow comes. */
static kb_status look_ahead(struct kb_ahead *a, uint32_t process, uint64_t number, uint32_t frame,
                            bool fault, struct kb_error *error) {
    uint64_t pages[KB_FETCH_MOST];
    uint32_t frames[KB_FETCH_MOST];
    unsigned came = 0;
    void *state;
    bool more = true;
    kb_status status = state_of(a, process, &state, error);
    if (status != KB_OK)
        return status;
    unsigned count = kb_fetch_next(&a->fetch, state, number, fault, pages);
    a->held[frame] = 1; /* what has just come does not go at once */
    for (unsigned i = 0; i < count && came + 1 < a->replay.loop.frames && more && status == KB_OK;
         i++) {
        status = bring(a, process, pages[i], &frames[came], &more, error);
        if (frames[came] != KB_NO_FRAME)
            a->held[frames[came++]] = 1;
    }
    a->held[frame] = 0;
    while (came > 0)
        a->held[frames[--came]] = 0;
    return status;
}

/* ---- references ---- */

/* count references of a run, none of them behind a tick. *cue: the first of them is a fault, or
 * the first use of a page that came ahead; then it alone is made, *done = 1. */
static void reference(struct kb_ahead *a, uint32_t page, enum kb_kind kind, uint32_t count,
                      uint32_t *done, bool *cue, bool *fault) {
    struct kb_loop *loop = &a->replay.loop;
    const uint8_t bits = (uint8_t)(KB_REFERENCED | (kind == KB_WRITE ? KB_MODIFIED : 0));
    uint32_t frame = loop->frame_of[page] - 1;
    *fault = loop->frame_of[page] == 0;
    *cue = *fault || a->waits[frame];
    *done = *cue ? 1 : count;
    if (*fault) {
        frame = take_frame(a, page, true);
        loop->faults++;
        admit(a, frame, page, bits, KB_BY_FAULT, loop->now + 1);
    } else {
        a->useful += a->waits[frame];
        a->waits[frame] = 0;
        loop->flags[frame] |= bits;
        struct kb_frames frames = kb_replay_frames(&a->replay);
        a->replay.spec.policy->touch(loop->state, &frames, frame, *done,
                                     (struct kb_when){loop->now + 1, 0});
    }
    loop->now += *done;
}

static void tick(struct kb_ahead *a) {
    struct kb_loop *loop = &a->replay.loop;
    const struct kb_policy *policy = a->replay.spec.policy;
    while (loop->now >= loop->tick_at) {
        struct kb_frames frames = kb_replay_frames(&a->replay);
        policy->tick(loop->state, &frames, loop->now);
        loop->tick_at += policy->period(loop->state);
    }
}

static kb_status run(struct kb_ahead *a, uint32_t process, uint64_t number, uint32_t page,
                     struct kb_run run, struct kb_error *error) {
    struct kb_loop *loop = &a->replay.loop;
    uint32_t left = kb_run_count(run);
    kb_status status = KB_OK;
    while (left > 0 && status == KB_OK) {
        uint64_t until = loop->tick_at - loop->now;
        uint32_t done;
        bool cue, fault;
        reference(a, page, kb_run_kind(run), left < until ? left : (uint32_t)until, &done, &cue,
                  &fault);
        left -= done;
        tick(a);
        if (cue)
            status = look_ahead(a, process, number, loop->frame_of[page] - 1, fault, error);
    }
    return status;
}

kb_status kb_ahead_block(struct kb_ahead *a, const struct kb_block *block,
                         const uint64_t *page_numbers, const uint32_t *processes,
                         struct kb_error *error) {
    kb_status status = grow_own(a, block->pages, error);
    for (uint32_t i = 0; i < block->count && status == KB_OK; i++) {
        uint32_t id = block->runs[i].page, process = processes != NULL ? processes[id] : 0, page;
        if (a->own[id] == 0) { /* its first reference */
            status = find_page(a, process, page_numbers[id], &page, error);
            a->own[id] = status == KB_OK ? page + 1 : 0;
            a->replay.cold += status == KB_OK && a->replay.loop.frame_of[page] == 0;
        }
        if (status == KB_OK)
            status = run(a, process, page_numbers[id], a->own[id] - 1, block->runs[i], error);
    }
    a->replay.references += block->references;
    return status;
}

void kb_ahead_result(const struct kb_ahead *a, struct kb_result *result) {
    kb_replay_result(&a->replay, result);
    result->prefetches = a->prefetches;
    result->useful_prefetches = a->useful;
    result->wasted_prefetches = a->wasted;
}
