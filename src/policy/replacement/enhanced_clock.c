/* enhanced_clock.c - clock that also spares modified pages, in up to four turns.
 *
 * Source: Silberschatz, Galvin, Gagne, "enhanced second-chance algorithm".
 *
 *   turn 1: the first with (R, M) = (0, 0)   turn 2: the first with (0, 1), clearing R
 *   turn 3: as 1                             turn 4: as 2
 */
#include "policy/policy.h"

struct enhanced_clock {
    struct kb_state base;
    uint32_t hand;
    uint32_t load_bit;
    uint32_t passed; /* frames refused since the last admit */
};

struct enhanced_clock_arrays {
    char none;
};

static inline size_t enhanced_clock_layout(KB_UNUSED uint32_t capacity, KB_UNUSED uint32_t pages,
                                           KB_UNUSED uint64_t horizon, KB_UNUSED char *at,
                                           KB_UNUSED struct enhanced_clock_arrays *a) {
    return 0;
}

KB_HOOK void enhanced_clock_resize(KB_SELF(enhanced_clock)) {}

KB_HOOK void enhanced_clock_init(KB_SELF(enhanced_clock), const uint64_t *values) {
    s->load_bit = (uint32_t)values[0];
}

KB_HOOK void enhanced_clock_touch(KB_SELF(enhanced_clock), KB_UNUSED uint32_t frame,
                                  KB_UNUSED uint32_t count, KB_UNUSED struct kb_when when) {}

static inline void enhanced_clock_forgive(KB_SELF(enhanced_clock)) {
    for (uint32_t i = 0; i < s->base.capacity; i++)
        f.flags[i] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void enhanced_clock_admit(KB_SELF(enhanced_clock), uint32_t frame, KB_UNUSED uint32_t page,
                                  KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    if (s->hand == frame) /* a free frame; the hand is past a victim's already */
        s->hand = frame + 1 == s->base.capacity ? 0 : frame + 1;
    if (s->load_bit == 0)
        kb_clear_referenced(f, frame, 0);
    if (s->passed > 0)
        enhanced_clock_forgive(s, a, f);
}

/* One turn from the hand: the first frame whose R, M and RESIDENT are `wanted`, and that was not
 * refused. */
static inline uint32_t enhanced_clock_turn(KB_SELF(enhanced_clock), unsigned wanted, int clear) {
    const unsigned mask = KB_REFERENCED | KB_MODIFIED | KB_RESIDENT | KB_PASSED_OVER;
    uint32_t frame = s->hand, n = s->base.capacity;
    for (uint32_t left = n; left > 0; left--) {
        uint8_t flags = f.flags[frame];
        s->base.examined++;
        if ((flags & mask) == wanted) {
            s->hand = frame + 1 == n ? 0 : frame + 1;
            return frame;
        }
        if (clear && flags & KB_REFERENCED) {
            kb_clear_referenced(f, frame, 0);
            s->base.bit_clears++;
        }
        frame = frame + 1 == n ? 0 : frame + 1;
    }
    return KB_NO_FRAME;
}

KB_HOOK uint32_t enhanced_clock_victim(KB_SELF(enhanced_clock), KB_UNUSED uint32_t wanted,
                                       KB_UNUSED struct kb_when when) {
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned class = KB_RESIDENT | (turn % 2 == 1 ? KB_MODIFIED : 0u);
        uint32_t frame = enhanced_clock_turn(s, a, f, class, turn % 2 == 1);
        if (frame != KB_NO_FRAME)
            return frame;
    }
    if (s->passed > 0) /* all were refused: the next search begins anew */
        enhanced_clock_forgive(s, a, f);
    return KB_NO_FRAME;
}

KB_HOOK void enhanced_clock_refused(KB_SELF(enhanced_clock), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
}

KB_HOOK void enhanced_clock_forget(KB_SELF(enhanced_clock), KB_UNUSED uint32_t frame,
                                   KB_UNUSED enum kb_why why) {}

KB_HOOK uint32_t enhanced_clock_hand(const struct enhanced_clock *s) { return s->hand; }

static const struct kb_option enhanced_clock_options[] = {
    {"load-bit", KB_MSG_option_load_bit, 0, 1, 1, NULL},
};

#define KB_POLICY enhanced_clock
#define KB_POLICY_NAME "enhanced-clock"
#define KB_POLICY_SOURCE "Silberschatz, Galvin, Gagne"
#define KB_POLICY_NEEDS (KB_NEEDS_REFERENCED | KB_NEEDS_MODIFIED)
#define KB_POLICY_OPTIONS enhanced_clock_options
#define KB_POLICY_HAND 1
#include "policy/policy_emit.h"
