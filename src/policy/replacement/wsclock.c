/* wsclock.c - a clock that takes only pages that left the working set, and cleans as it goes.
 *
 * Source: R. W. Carr, J. L. Hennessy, "WSClock - a simple and effective
 * algorithm for virtual memory management", SOSP 1981. */
#include "policy/policy.h"

struct wsclock {
    struct kb_state base;
    uint64_t tau;
    uint32_t hand;
    bool cleaned;    /* a page, during the present search */
    uint32_t passed; /* frames refused since the last admit */
};

struct wsclock_arrays {
    uint64_t *used_at; /* by frame: reference at which R was last seen */
};

static inline size_t wsclock_layout(uint32_t capacity, KB_UNUSED uint32_t pages,
                                    KB_UNUSED uint64_t horizon, char *at,
                                    struct wsclock_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->used_at, capacity);
    return bytes;
}

KB_HOOK void wsclock_resize(KB_SELF(wsclock)) {}

KB_HOOK void wsclock_init(KB_SELF(wsclock), const uint64_t *values) { s->tau = values[0]; }

KB_HOOK void wsclock_touch(KB_SELF(wsclock), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                           KB_UNUSED struct kb_when when) {}

static inline void wsclock_forgive(KB_SELF(wsclock)) {
    for (uint32_t i = 0; i < s->base.capacity; i++)
        f.flags[i] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void wsclock_admit(KB_SELF(wsclock), uint32_t frame, KB_UNUSED uint32_t page,
                           KB_UNUSED enum kb_why why, struct kb_when when) {
    a.used_at[frame] = when.now;
    s->base.time_marks++;
    if (s->passed > 0)
        wsclock_forgive(s, a, f);
}

KB_HOOK void wsclock_advance(KB_SELF(wsclock)) {
    s->hand = s->hand + 1 == s->base.capacity ? 0 : s->hand + 1;
}

/* Looks at the hand's frame; true if it is the victim. */
KB_HOOK bool wsclock_look(KB_SELF(wsclock), uint64_t now) {
    uint8_t flags = f.flags[s->hand];
    s->base.examined++;
    if ((flags & (KB_RESIDENT | KB_PASSED_OVER)) != KB_RESIDENT)
        return false;
    if (flags & KB_REFERENCED) {
        kb_clear_referenced(f, s->hand, 0);
        a.used_at[s->hand] = now;
        s->base.bit_clears++;
        s->base.time_marks++;
        return false;
    }
    if (now - a.used_at[s->hand] <= s->tau)
        return false;
    if (flags & KB_MODIFIED) {
        f.clean(f.host, s->hand);
        s->cleaned = true;
        return false;
    }
    return true;
}

KB_HOOK uint32_t wsclock_take(KB_SELF(wsclock)) {
    uint32_t frame = s->hand;
    wsclock_advance(s, a, f);
    return frame;
}

KB_HOOK uint32_t wsclock_victim(KB_SELF(wsclock), KB_UNUSED uint32_t wanted, struct kb_when when) {
    /* A second turn can only find what the first one has cleaned. */
    s->cleaned = false;
    for (unsigned turn = 0; turn == 0 || (turn == 1 && s->cleaned); turn++) {
        for (uint32_t left = s->base.capacity; left > 0; left--) {
            if (wsclock_look(s, a, f, when.now))
                return wsclock_take(s, a, f);
            wsclock_advance(s, a, f);
        }
    }
    /* All pages are in the working set: a clean one, else whatever is at the hand. */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t left = s->base.capacity; left > 0; left--) {
            uint8_t flags = f.flags[s->hand];
            s->base.examined++;
            bool there = (flags & (KB_RESIDENT | KB_PASSED_OVER)) == KB_RESIDENT;
            if (there && (pass == 1 || !(flags & KB_MODIFIED)))
                return wsclock_take(s, a, f);
            wsclock_advance(s, a, f);
        }
    }
    if (s->passed > 0) /* all were refused: the next search begins anew */
        wsclock_forgive(s, a, f);
    return KB_NO_FRAME;
}

KB_HOOK void wsclock_refused(KB_SELF(wsclock), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
}

KB_HOOK void wsclock_forget(KB_SELF(wsclock), KB_UNUSED uint32_t frame, KB_UNUSED enum kb_why why) {
}

KB_HOOK uint32_t wsclock_hand(const struct wsclock *s) { return s->hand; }

KB_HOOK uint64_t wsclock_mark(KB_SELF(wsclock), uint32_t frame) { return a.used_at[frame]; }

static const struct kb_option wsclock_options[] = {
    {"tau", KB_MSG_option_tau, 0, UINT64_MAX, 10000, NULL},
};

#define KB_POLICY wsclock
#define KB_POLICY_NAME "wsclock"
#define KB_POLICY_SOURCE "Carr, Hennessy 1981"
#define KB_POLICY_NEEDS (KB_NEEDS_REFERENCED | KB_NEEDS_MODIFIED | KB_NEEDS_TIME)
#define KB_POLICY_OPTIONS wsclock_options
#define KB_POLICY_HAND 1
#define KB_POLICY_MARK 1
#include "policy/policy_emit.h"
