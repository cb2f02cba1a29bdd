/* nru.c - not recently used (NUR): a random page of the lowest class of (R, M).
 *
 *   class   R M
 *     1     0 0     a tick clears R in all frames, M stays
 *     2     0 1
 *     3     1 0
 *     4     1 1
 *
 * Source: Deitel, Operating Systems, 1990. A victim costs a look at all flags. */
#include "base/random.h"
#include "policy/policy.h"

struct nru {
    struct kb_state base;
    uint64_t period;
    struct kb_random generator;
    uint32_t passed;
};

struct nru_arrays {
    char none;
};

static inline size_t nru_layout(KB_UNUSED uint32_t capacity, KB_UNUSED uint32_t pages,
                                KB_UNUSED uint64_t horizon, KB_UNUSED char *at,
                                KB_UNUSED struct nru_arrays *a) {
    return 0;
}

KB_HOOK void nru_resize(KB_SELF(nru)) {}

KB_HOOK void nru_init(KB_SELF(nru), const uint64_t *values) {
    s->period = values[0];
    s->generator.state = values[1];
}

KB_HOOK void nru_touch(KB_SELF(nru), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                       KB_UNUSED struct kb_when when) {}

static inline void nru_forgive(KB_SELF(nru)) {
    for (uint32_t i = 0; i < f.count; i++)
        f.flags[i] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void nru_admit(KB_SELF(nru), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t page,
                       KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    if (s->passed > 0)
        nru_forgive(s, a, f);
}

/* 1 … 4 */
KB_HOOK unsigned nru_class(uint8_t flags) {
    return (flags & KB_REFERENCED) * 2u + (flags & KB_MODIFIED) / 2u + 1;
}

static inline uint32_t nru_members(KB_SELF(nru), uint8_t wanted) {
    const uint8_t mask = KB_REFERENCED | KB_MODIFIED | KB_RESIDENT | KB_PASSED_OVER;
    uint32_t members = 0;
    for (uint32_t i = 0; i < f.count; i++)
        members += (f.flags[i] & mask) == wanted;
    s->base.examined += f.count;
    return members;
}

KB_HOOK uint32_t nru_victim(KB_SELF(nru), KB_UNUSED uint32_t wanted_page,
                            KB_UNUSED struct kb_when when) {
    static const uint8_t classes[] = {KB_RESIDENT, KB_RESIDENT | KB_MODIFIED,
                                      KB_RESIDENT | KB_REFERENCED,
                                      KB_RESIDENT | KB_REFERENCED | KB_MODIFIED};
    const uint8_t mask = KB_REFERENCED | KB_MODIFIED | KB_RESIDENT | KB_PASSED_OVER;
    for (unsigned class = 0; class < 4; class ++) {
        uint32_t members = nru_members(s, a, f, classes[class]);
        if (members == 0)
            continue;
        uint64_t index = kb_random_below(&s->generator, members);
        for (uint32_t i = 0;; i++)
            if ((f.flags[i] & mask) == classes[class] && index-- == 0)
                return i;
    }
    if (s->passed > 0) /* all were refused: the next search begins anew */
        nru_forgive(s, a, f);
    return KB_NO_FRAME;
}

KB_HOOK void nru_refused(KB_SELF(nru), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
}

KB_HOOK void nru_forget(KB_SELF(nru), KB_UNUSED uint32_t frame, KB_UNUSED enum kb_why why) {}

KB_HOOK uint64_t nru_period(const struct nru *s) { return s->period; }

KB_HOOK void nru_tick(KB_SELF(nru), KB_UNUSED uint64_t now) {
    uint64_t clears = 0; /* a local, so that without an announcement this is a loop over vectors */
    for (uint32_t i = 0; i < f.count; i++) {
        clears += f.flags[i] & KB_REFERENCED;
        kb_clear_referenced(f, i, 0);
    }
    s->base.bit_clears += clears;
}

KB_HOOK uint64_t nru_mark(KB_SELF(nru), uint32_t frame) { return nru_class(f.flags[frame]); }

static const struct kb_option nru_options[] = {
    {"period", KB_MSG_option_period, 0, UINT32_MAX, 1000, NULL},
    {"seed", KB_MSG_option_seed, 0, UINT64_MAX, 1, NULL},
};

#define KB_POLICY nru
#define KB_POLICY_NAME "nru"
#define KB_POLICY_SOURCE "Deitel 1990 (NUR)"
#define KB_POLICY_NEEDS (KB_NEEDS_REFERENCED | KB_NEEDS_MODIFIED | KB_NEEDS_TIME)
#define KB_POLICY_OPTIONS nru_options
#define KB_POLICY_TICK 1
#define KB_POLICY_MARK 1
#include "policy/policy_emit.h"
