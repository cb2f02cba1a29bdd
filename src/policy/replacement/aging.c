/* aging.c - a shift register of reference bits in each frame approximates LRU.
 *
 *   tick:  counter = R · 2^(bits−1) + counter / 2,  R = 0
 *
 * Source: Tanenbaum, Modern Operating Systems. `fresh=1` takes R as a still
 * newer bit when a victim is chosen; `fresh=0` is the literal textbook. */
#include "policy/policy.h"

struct aging {
    struct kb_state base;
    uint64_t period;
    uint32_t bits;
    uint32_t fresh;
    uint32_t passed;
};

struct aging_arrays {
    uint8_t *counter;
};

static inline size_t aging_layout(uint32_t capacity, KB_UNUSED uint32_t pages,
                                  KB_UNUSED uint64_t horizon, char *at, struct aging_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->counter, capacity);
    return bytes;
}

KB_HOOK void aging_resize(KB_SELF(aging)) {}

KB_HOOK void aging_init(KB_SELF(aging), const uint64_t *values) {
    s->period = values[0];
    s->bits = (uint32_t)values[1];
    s->fresh = (uint32_t)values[2];
}

KB_HOOK void aging_touch(KB_SELF(aging), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                         KB_UNUSED struct kb_when when) {}

static inline void aging_forgive(KB_SELF(aging)) {
    for (uint32_t i = 0; i < f.count; i++)
        f.flags[i] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void aging_admit(KB_SELF(aging), uint32_t frame, KB_UNUSED uint32_t page,
                         KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    a.counter[frame] = 0;
    if (s->passed > 0)
        aging_forgive(s, a, f);
}

/* Frames whose flags under mask are `wanted`: the first with the smallest counter. A loop over
 * bytes that compilers turn into vectors: counters of other frames count as 255. */
static inline uint32_t aging_least(KB_SELF(aging), uint8_t mask, uint8_t wanted) {
    const uint8_t *restrict flags = f.flags, *restrict counter = a.counter;
    uint32_t n = f.count;
    uint8_t least = 255, any = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t out = (flags[i] & mask) == wanted ? 0 : 255;
        uint8_t value = counter[i] | out;
        least = value < least ? value : least;
        any |= (uint8_t)~out;
    }
    s->base.examined += n;
    for (uint32_t i = 0; any != 0; i++)
        if ((flags[i] & mask) == wanted && counter[i] == least)
            return i;
    return KB_NO_FRAME;
}

static inline uint32_t aging_oldest(KB_SELF(aging)) {
    const uint8_t may_go = KB_RESIDENT | KB_PASSED_OVER;
    if (!s->fresh)
        return aging_least(s, a, f, may_go, KB_RESIDENT);
    uint32_t frame = aging_least(s, a, f, may_go | KB_REFERENCED, KB_RESIDENT);
    if (frame != KB_NO_FRAME)
        return frame;
    return aging_least(s, a, f, may_go | KB_REFERENCED, KB_RESIDENT | KB_REFERENCED);
}

KB_HOOK uint32_t aging_victim(KB_SELF(aging), KB_UNUSED uint32_t wanted,
                              KB_UNUSED struct kb_when when) {
    uint32_t frame = aging_oldest(s, a, f);
    if (frame == KB_NO_FRAME && s->passed > 0) /* all were refused: the next search begins anew */
        aging_forgive(s, a, f);
    return frame;
}

KB_HOOK void aging_refused(KB_SELF(aging), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
}

KB_HOOK void aging_forget(KB_SELF(aging), KB_UNUSED uint32_t frame, KB_UNUSED enum kb_why why) {}

KB_HOOK uint64_t aging_period(const struct aging *s) { return s->period; }

KB_HOOK void aging_tick(KB_SELF(aging), KB_UNUSED uint64_t now) {
    const uint32_t top = s->bits - 1;
    uint64_t clears = 0; /* a local, so that without an announcement this is a loop over vectors */
    for (uint32_t i = 0; i < f.count; i++) {
        uint8_t referenced = f.flags[i] & KB_REFERENCED;
        a.counter[i] = (uint8_t)(a.counter[i] >> 1 | referenced << top);
        clears += referenced;
        kb_clear_referenced(f, i, 0);
    }
    s->base.bit_clears += clears;
    s->base.time_marks += f.count;
}

KB_HOOK uint64_t aging_mark(KB_SELF(aging), uint32_t frame) {
    uint64_t referenced = s->fresh ? f.flags[frame] & KB_REFERENCED : 0u;
    return referenced << s->bits | a.counter[frame];
}

static const struct kb_option aging_options[] = {
    {"period", KB_MSG_option_period, 0, UINT32_MAX, 1000, NULL},
    {"bits", KB_MSG_option_bits, 1, 8, 8, NULL},
    {"fresh", KB_MSG_option_fresh, 0, 1, 1, NULL},
};

#define KB_POLICY aging
#define KB_POLICY_NAME "aging"
#define KB_POLICY_SOURCE "Tanenbaum"
#define KB_POLICY_NEEDS (KB_NEEDS_REFERENCED | KB_NEEDS_TIME)
#define KB_POLICY_OPTIONS aging_options
#define KB_POLICY_TICK 1
#define KB_POLICY_MARK 1
#include "policy/policy_emit.h"
