/* opt.c - the optimal policy: the victim is the page whose next use is furthest away.
 *
 * Source: L. A. Belady, "A study of replacement algorithms for a virtual
 * storage computer", IBM Systems Journal 5 (1966), algorithm MIN; Mattson,
 * Gecsei, Slutz, Traiger (1970), OPT.
 *
 * Each run of the trace uses one page, so a point in time names a page. The
 * resident pages are therefore a set of times, their next uses, kept in a
 * bitset over all runs: a hit removes the present time and inserts the next
 * use, the victim is the greatest member. Pages without a next use are a set
 * of frames. next[frame] tells where a frame stands: 0 = in no set (also the
 * preset), NEVER, or a time + 1 (time 0 is the next use of what a host loads
 * before the first reference). */
#include "base/bitset.h"
#include "policy/policy.h"

struct opt {
    struct kb_state base;
    uint64_t below; /* victims are looked for below this time: later ones were refused */
    uint32_t hints; /* mask of the hints */
    uint32_t from;  /* … and among the never used from this frame on */
};

#define OPT_NEVER UINT32_MAX

struct opt_arrays {
    struct kb_bitset times;
    struct kb_bitset never;
    uint32_t *next;
    uint32_t *hint; /* by time mod its length: the frame that entered there last */
};

/* A power of two, at least twice the capacity. */
static inline uint32_t opt_hints(uint32_t capacity) {
    uint32_t length = 16;
    while (length < 2 * (uint64_t)capacity && length < UINT32_C(1) << 31)
        length *= 2;
    return length;
}

static inline size_t opt_layout(uint32_t capacity, KB_UNUSED uint32_t pages, uint64_t horizon,
                                char *at, struct opt_arrays *a) {
    size_t bytes = kb_bitset_layout(&a->times, horizon + 2, at);
    bytes += kb_bitset_layout(&a->never, capacity, at != NULL ? at + bytes : NULL);
    KB_ARRAY(a->next, capacity);
    KB_ARRAY(a->hint, opt_hints(capacity));
    return bytes;
}

KB_HOOK void opt_resize(KB_SELF(opt)) {}

/* Refusals are over. */
KB_HOOK void opt_forgive(KB_SELF(opt)) {
    s->below = s->base.horizon + 1;
    s->from = 0;
}

KB_HOOK void opt_init(KB_SELF(opt), KB_UNUSED const uint64_t *values) {
    s->hints = opt_hints(s->base.capacity) - 1;
    opt_forgive(s, a, f);
}

KB_HOOK void opt_leave(KB_SELF(opt), uint32_t frame) {
    if (a.next[frame] == OPT_NEVER)
        kb_bitset_remove(&a.never, frame);
    else if (a.next[frame] != 0)
        kb_bitset_remove(&a.times, a.next[frame] - 1);
    a.next[frame] = 0;
}

KB_HOOK void opt_enter(KB_SELF(opt), uint32_t frame, uint64_t next) {
    if (next == KB_NEVER) {
        a.next[frame] = OPT_NEVER;
        kb_bitset_insert(&a.never, frame);
    } else {
        a.next[frame] = (uint32_t)next + 1;
        a.hint[next & s->hints] = frame;
        kb_bitset_insert(&a.times, next);
    }
}

KB_HOOK void opt_touch(KB_SELF(opt), uint32_t frame, KB_UNUSED uint32_t count,
                       struct kb_when when) {
    opt_leave(s, a, f, frame);
    opt_enter(s, a, f, frame, when.next);
}

KB_HOOK void opt_admit(KB_SELF(opt), uint32_t frame, KB_UNUSED uint32_t page,
                       KB_UNUSED enum kb_why why, struct kb_when when) {
    opt_leave(s, a, f, frame); /* the victim's entry */
    opt_enter(s, a, f, frame, when.next);
    opt_forgive(s, a, f);
}

KB_HOOK uint32_t opt_victim(KB_SELF(opt), KB_UNUSED uint32_t wanted,
                            KB_UNUSED struct kb_when when) {
    s->base.examined++;
    uint64_t idle = kb_bitset_from(&a.never, s->from, s->base.capacity);
    if (idle != KB_BITSET_NONE)
        return (uint32_t)idle;
    uint64_t last = kb_bitset_below(&a.times, s->below);
    if (last == KB_BITSET_NONE) { /* all were refused: the next search begins anew */
        opt_forgive(s, a, f);
        return KB_NO_FRAME;
    }
    uint32_t hint = a.hint[last & s->hints]; /* mostly it spares the walk through the trace */
    if (a.next[hint] == last + 1)
        return hint;
    return f.frame_of[f.future[last] & KB_FUTURE_PAGE] - 1;
}

KB_HOOK void opt_refused(KB_SELF(opt), uint32_t frame) {
    if (a.next[frame] == OPT_NEVER)
        s->from = frame + 1;
    else
        s->below = a.next[frame] - 1;
}

KB_HOOK void opt_forget(KB_SELF(opt), uint32_t frame, KB_UNUSED enum kb_why why) {
    opt_leave(s, a, f, frame);
    opt_forgive(s, a, f);
}

KB_HOOK uint64_t opt_mark(KB_SELF(opt), uint32_t frame) {
    return a.next[frame] == OPT_NEVER ? KB_NEVER : a.next[frame];
}

#define KB_POLICY opt
#define KB_POLICY_NAME "opt"
#define KB_POLICY_SOURCE "Belady 1966; Mattson et al. 1970"
#define KB_POLICY_NEEDS (KB_NEEDS_EVERY_REFERENCE | KB_NEEDS_FUTURE)
#define KB_POLICY_FUTURE 1
#define KB_POLICY_MARK 1
#define KB_POLICY_WHY_NEVER KB_MSG_why_opt_never
#define KB_POLICY_PREFETCH(a, time) __builtin_prefetch(&(a).times.level[0][(time) >> 6])
#include "policy/policy_emit.h"
