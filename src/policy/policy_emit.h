/* policy_emit.h - closes a policy's file: generates its table of functions and its replay loop.
 *
 * Before including it a policy file defines
 *
 *   KB_POLICY          its identifier p; it has written, as static inline functions,
 *                        size_t p_layout(uint32_t capacity, uint32_t pages, uint64_t horizon,
 *                                        char *at, struct p_arrays *a)
 *                        void p_init(S, const uint64_t *values)
 *                        void p_resize(S)      base.frames has been set
 *                        void p_touch(S, frame, count, when)   p_admit(S, frame, page, why, when)
 *                        uint32_t p_victim(S, wanted, when)
 *                        void p_refused(S, frame)   p_forget(S, frame, why)
 *                      where S stands for (struct p *s, struct p_arrays a, struct kb_frames f), and
 *                      struct p begins with `struct kb_state base`
 *   KB_POLICY_NAME     its name for users
 *   KB_POLICY_SOURCE   author, year
 *   KB_POLICY_NEEDS    a mask of enum kb_needs
 *   KB_POLICY_FUTURE   1 if the mask has KB_NEEDS_FUTURE (optional)
 *   KB_POLICY_OPTIONS  an array of struct kb_option (optional)
 *   KB_POLICY_TICK     1 if p_period(s) and p_tick(S, now) exist (optional)
 *   KB_POLICY_HAND     1 if p_hand(s) exists (optional)
 *   KB_POLICY_MARK     1 if p_mark(S, frame) exists (optional)
 *   KB_POLICY_PREFETCH(a, frame)  touches what a hit on frame will need (optional)
 *   KB_POLICY_USER     "one line of description": a user's own policy, built as a shared object;
 *                      otherwise messages.def has policy_p, why_p, why_p_never where MARK can be
 *                      KB_NEVER
 *
 * During a block the scalars of the state are a local copy and the arrays are
 * locals, so that stores through byte pointers do not force reloads. */
#include <string.h>

#include "policy/loop.h"

#define KB_PASTE_(a, b) a##_##b
#define KB_PASTE(a, b) KB_PASTE_(a, b)
#define P(hook) KB_PASTE(KB_POLICY, hook)

#ifndef KB_POLICY_TICK
#define KB_POLICY_TICK 0
#endif
#ifndef KB_POLICY_FUTURE
#define KB_POLICY_FUTURE 0
#endif
#ifndef KB_POLICY_PREFETCH
#define KB_POLICY_PREFETCH(a, frame) ((void)(frame))
#endif

#define KB_FRAME_AHEAD 40 /* runs between asking for a page's entry and using it */
#define KB_NODE_AHEAD 14  /* … and for what a hit on its frame needs */

#define KB_STATE_BYTES ((sizeof(struct KB_POLICY) + 15) / 16 * 16)

static size_t P(size)(uint32_t capacity, uint32_t pages, uint64_t horizon) {
    struct P(arrays) a;
    return KB_STATE_BYTES + P(layout)(capacity, pages, horizon, NULL, &a);
}

static struct P(arrays)
    P(view)(const void *state, uint32_t capacity, uint32_t pages, uint64_t horizon) {
    struct P(arrays) a;
    memset(&a, 0, sizeof a);
    P(layout)(capacity, pages, horizon, (char *)(uintptr_t)state + KB_STATE_BYTES, &a);
    return a;
}

/* Where the arrays lie depends on capacity and horizon only: the page array is last. */
#define KB_VIEW(state)                                                                             \
    P(view)                                                                                        \
    (state, ((const struct kb_state *)(state))->capacity, 0,                                       \
     ((const struct kb_state *)(state))->horizon)

static void P(table_init)(void *state, const uint64_t values[KB_MAX_OPTIONS], uint32_t capacity,
                          uint32_t pages, uint64_t horizon) {
    struct KB_POLICY *s = state;
    (void)pages;
    s->base.capacity = capacity;
    s->base.frames = capacity;
    s->base.horizon = horizon;
    P(init)(s, KB_VIEW(state), (struct kb_frames){0}, values);
    P(resize)(s, KB_VIEW(state), (struct kb_frames){0});
}

static void P(table_resize)(void *state, uint32_t frames) {
    struct KB_POLICY *s = state;
    if (frames > s->base.capacity && !((KB_POLICY_NEEDS)&KB_VARIABLE_SPACE))
        frames = s->base.capacity;
    s->base.frames = frames;
    if ((KB_POLICY_NEEDS)&KB_VARIABLE_SPACE)
        s->base.capacity = frames;
    P(resize)(s, KB_VIEW(state), (struct kb_frames){0});
}

static void P(table_touch)(void *state, const struct kb_frames *frames, uint32_t frame,
                           uint32_t count, struct kb_when when) {
    P(touch)(state, KB_VIEW(state), *frames, frame, count, when);
}

static void P(table_admit)(void *state, const struct kb_frames *frames, uint32_t frame,
                           uint32_t page, enum kb_why why, struct kb_when when) {
    P(admit)(state, KB_VIEW(state), *frames, frame, page, why, when);
}

static uint32_t P(table_victim)(void *state, const struct kb_frames *frames, uint32_t wanted,
                                struct kb_when when) {
    return P(victim)(state, KB_VIEW(state), *frames, wanted, when);
}

static void P(table_refused)(void *state, const struct kb_frames *frames, uint32_t frame) {
    P(refused)(state, KB_VIEW(state), *frames, frame);
}

static void P(table_forget)(void *state, const struct kb_frames *frames, uint32_t frame,
                            enum kb_why why) {
    P(forget)(state, KB_VIEW(state), *frames, frame, why);
}

#if KB_POLICY_TICK
static uint64_t P(table_period)(const void *state) { return P(period)(state); }

static void P(table_tick)(void *state, const struct kb_frames *frames, uint64_t now) {
    P(tick)(state, KB_VIEW(state), *frames, now);
}
#endif

#ifdef KB_POLICY_HAND
static uint32_t P(table_hand)(const void *state) { return P(hand)(state); }
#endif

#ifdef KB_POLICY_MARK
static uint64_t P(table_mark)(void *state, const struct kb_frames *frames, uint32_t frame) {
    return P(mark)(state, KB_VIEW(state), *frames, frame);
}
#endif

/* A frame for the page of a fault: a free one, or that of the policy's victim. */
KB_HOOK uint32_t P(frame_for)(struct kb_loop *loop, struct KB_POLICY *s, struct P(arrays) a,
                              struct kb_frames f, uint32_t page, struct kb_when when) {
    if (loop->free_count > 0)
        return loop->free_list[--loop->free_count];
    if (loop->used < loop->frames)
        return loop->used++;
    f.count = loop->used;
    uint32_t frame = P(victim)(s, a, f, page, when);
    uint8_t flags = f.flags[frame];
    loop->frame_of[loop->page_of[frame]] = 0;
    loop->evictions++;
    loop->write_backs += (flags & KB_MODIFIED) != 0;
    if ((KB_POLICY_NEEDS)&KB_NEEDS_REFERENCED)
        loop->lost_bits += flags & KB_REFERENCED;
    return frame;
}

/* One run, or the part of it before a tick. */
KB_HOOK void P(reference)(struct kb_loop *loop, uint32_t *frame_of, struct KB_POLICY *s,
                          struct P(arrays) a, struct kb_frames f, uint32_t page, unsigned kind,
                          uint32_t count, struct kb_when when) {
    const uint8_t bits = (uint8_t)(KB_REFERENCED | (kind == 1) << 1);
    uint32_t entry = frame_of[page];
    if (__builtin_expect(entry != 0, 1)) {
        f.flags[entry - 1] |= bits;
        P(touch)(s, a, f, entry - 1, count, when);
        return;
    }
    uint32_t frame = P(frame_for)(loop, s, a, f, page, when);
    loop->faults++;
    frame_of[page] = frame + 1;
    loop->page_of[frame] = page;
    f.flags[frame] = (uint8_t)(KB_RESIDENT | bits);
    if ((KB_POLICY_NEEDS)&KB_VARIABLE_SPACE) {
        loop->loaded_at[frame] = when.now;
        loop->resident++;
        f.count = loop->used;
    }
    P(admit)(s, a, f, frame, page, KB_BY_FAULT, when);
    if ((KB_POLICY_NEEDS)&KB_VARIABLE_SPACE && loop->resident > loop->resident_peak)
        loop->resident_peak = loop->resident;
    if (count > 1) {
        f.flags[frame] |= KB_REFERENCED;
        when.now += (KB_POLICY_FUTURE) ? 0 : 1;
        P(touch)(s, a, f, frame, count - 1, when);
    }
}

/* Replays count runs: struct kb_run, or with KB_NEEDS_FUTURE the loop's own packed runs, of which
 * loop->now are done. */
static void P(replay)(struct kb_loop *loop, const void *input, uint32_t count) {
    struct KB_POLICY local = *(struct KB_POLICY *)loop->state, *s = &local;
    struct P(arrays) a = KB_VIEW(loop->state);
    uint32_t *frame_of = loop->frame_of;
    struct kb_frames f = {.flags = loop->flags,
                          .page = loop->page_of,
                          .count = loop->frames,
                          .future = loop->future,
                          .frame_of = loop->frame_of,
                          .host = loop,
                          .clean = loop->clean,
                          .release = loop->release,
                          .cleared = NULL}; /* a constant, so that asking for it costs nothing */
    uint64_t now = loop->now;
#if KB_POLICY_FUTURE
    (void)input;
    const uint32_t *runs = loop->future + now, *next = loop->next + now;
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(&frame_of[runs[i + KB_FRAME_AHEAD] & KB_FUTURE_PAGE]);
        KB_POLICY_PREFETCH(a, next[i + KB_NODE_AHEAD]);
        struct kb_when when = {now + i, next[i] == 0 ? KB_NEVER : next[i]};
        P(reference)(loop, frame_of, s, a, f, runs[i] & KB_FUTURE_PAGE, runs[i] >> 30, 1, when);
    }
    now += count;
#else
    const struct kb_run *runs = input;
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(&frame_of[runs[i + KB_FRAME_AHEAD].page]);
        uint32_t soon = frame_of[runs[i + KB_NODE_AHEAD].page];
        KB_POLICY_PREFETCH(a, soon - (soon != 0));
        uint32_t page = runs[i].page, left = kb_run_count(runs[i]);
        enum kb_kind kind = kb_run_kind(runs[i]);
#if KB_POLICY_TICK
        while (__builtin_expect(loop->tick_at - now <= left, 0)) {
            uint32_t part = (uint32_t)(loop->tick_at - now);
            P(reference)(loop, frame_of, s, a, f, page, kind, part, (struct kb_when){now + 1, 0});
            now += part;
            left -= part;
            f.count = loop->used;
            P(tick)(s, a, f, now);
            loop->tick_at += P(period)(s);
        }
        if (left == 0)
            continue;
#endif
        P(reference)(loop, frame_of, s, a, f, page, kind, left, (struct kb_when){now + 1, 0});
        now += left;
    }
#endif
    loop->now = now;
    *(struct KB_POLICY *)loop->state = local;
}

#ifdef KB_POLICY_USER
#define KB_TABLE_NAME kb_user_policy
#define KB_TABLE_TEXT KB_POLICY_USER
#define KB_TABLE_TITLE KB_MSG_none
#define KB_TABLE_WHY KB_MSG_why_user
#else
#define KB_TABLE_NAME KB_PASTE(kb_policy, KB_POLICY)
#define KB_TABLE_TEXT NULL
#define KB_TABLE_TITLE KB_PASTE(KB_MSG_policy, KB_POLICY)
#define KB_TABLE_WHY KB_PASTE(KB_MSG_why, KB_POLICY)
#endif
#ifndef KB_POLICY_WHY_NEVER
#define KB_POLICY_WHY_NEVER KB_TABLE_WHY
#endif

extern const struct kb_policy KB_TABLE_NAME;
const struct kb_policy KB_TABLE_NAME = {
    .abi = KB_POLICY_ABI,
    .name = KB_POLICY_NAME,
    .text = KB_TABLE_TEXT,
    .title = KB_TABLE_TITLE,
    .why = KB_TABLE_WHY,
    .why_never = KB_POLICY_WHY_NEVER,
    .source = KB_POLICY_SOURCE,
    .needs = KB_POLICY_NEEDS,
#ifdef KB_POLICY_OPTIONS
    .options = KB_POLICY_OPTIONS,
    .option_count = sizeof KB_POLICY_OPTIONS / sizeof KB_POLICY_OPTIONS[0],
#endif
    .size = P(size),
    .init = P(table_init),
    .resize = P(table_resize),
    .touch = P(table_touch),
    .admit = P(table_admit),
    .victim = P(table_victim),
    .refused = P(table_refused),
    .forget = P(table_forget),
#if KB_POLICY_TICK
    .period = P(table_period),
    .tick = P(table_tick),
#endif
#ifdef KB_POLICY_HAND
    .hand = P(table_hand),
#endif
#ifdef KB_POLICY_MARK
    .mark = P(table_mark),
#endif
    .replay = P(replay),
};
