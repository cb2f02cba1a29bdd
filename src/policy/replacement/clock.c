/* clock.c - a hand moves over the frames and takes the first that was not referenced.
 *
 * Source: F. J. Corbató, "A paging experiment with the Multics system", 1968.
 *
 *   hand ─► frame: R = 1 → 0, move on │ R = 0 → victim, move one past it
 */
#include "policy/policy.h"

struct clock {
    struct kb_state base;
    uint32_t hand;
    uint32_t load_bit;
};

struct clock_arrays {
    char none;
};

static inline size_t clock_layout(KB_UNUSED uint32_t capacity, KB_UNUSED uint32_t pages,
                                  KB_UNUSED uint64_t horizon, KB_UNUSED char *at,
                                  KB_UNUSED struct clock_arrays *a) {
    return 0;
}

KB_HOOK void clock_resize(KB_SELF(clock)) {}

KB_HOOK void clock_init(KB_SELF(clock), const uint64_t *values) {
    s->load_bit = (uint32_t)values[0];
}

KB_HOOK void clock_touch(KB_SELF(clock), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                         KB_UNUSED struct kb_when when) {}

KB_HOOK void clock_admit(KB_SELF(clock), uint32_t frame, KB_UNUSED uint32_t page,
                         KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    if (s->hand == frame) /* a free frame; the hand is past a victim's already */
        s->hand = frame + 1 == s->base.capacity ? 0 : frame + 1;
    if (s->load_bit == 0)
        kb_clear_referenced(f, frame, 0);
}

KB_HOOK uint32_t clock_victim(KB_SELF(clock), KB_UNUSED uint32_t wanted,
                              KB_UNUSED struct kb_when when) {
    uint32_t hand = s->hand, n = s->base.capacity;
    for (uint64_t turns = 2 * (uint64_t)n + 1; turns > 0; turns--) {
        uint32_t frame = hand;
        uint8_t flags = f.flags[frame];
        hand = hand + 1 == n ? 0 : hand + 1;
        s->base.examined++;
        if ((flags & (KB_REFERENCED | KB_RESIDENT | KB_PASSED_OVER)) == KB_RESIDENT) {
            s->hand = hand;
            return frame;
        }
        s->base.bit_clears += flags & KB_REFERENCED;
        kb_clear_referenced(f, frame, KB_PASSED_OVER);
    }
    return KB_NO_FRAME;
}

/* The hand has moved on, and passes the frame once more, as if it had been referenced: so all
 * others are proposed before it comes again. */
KB_HOOK void clock_refused(KB_SELF(clock), uint32_t frame) { f.flags[frame] |= KB_PASSED_OVER; }

KB_HOOK void clock_forget(KB_SELF(clock), KB_UNUSED uint32_t frame, KB_UNUSED enum kb_why why) {}

KB_HOOK uint32_t clock_hand(const struct clock *s) { return s->hand; }

static const struct kb_option clock_options[] = {
    {"load-bit", KB_MSG_option_load_bit, 0, 1, 1, NULL},
};

#define KB_POLICY clock
#define KB_POLICY_NAME "clock"
#define KB_POLICY_SOURCE "Corbató 1968"
#define KB_POLICY_NEEDS KB_NEEDS_REFERENCED
#define KB_POLICY_OPTIONS clock_options
#define KB_POLICY_HAND 1
#include "policy/policy_emit.h"
