/* mru.c - most recently used: the victim is the page whose last reference is newest.
 *
 * Source: H.-T. Chou, D. J. DeWitt, "An evaluation of buffer management
 * strategies for relational database systems", VLDB 1985. Good for loops that
 * are longer than the memory, bad for nearly all else. */
#include "policy/replacement/queue.h"

struct mru {
    struct kb_state base;
};

KB_QUEUE_STATE(mru)

KB_HOOK void mru_init(KB_SELF(mru), KB_UNUSED const uint64_t *values) { mru_queue_init(s, a, f); }

KB_HOOK void mru_touch(KB_SELF(mru), uint32_t frame, uint32_t count,
                       KB_UNUSED struct kb_when when) {
    s->base.time_marks += count;
    mru_renew(s, a, f, frame);
}

KB_HOOK void mru_admit(KB_SELF(mru), uint32_t frame, KB_UNUSED uint32_t page,
                       KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    s->base.time_marks++;
    mru_enqueue(s, a, f, frame);
}

/* A refused frame stands before the oldest: it is proposed last. */
KB_HOOK void mru_refused(KB_SELF(mru), uint32_t frame) {
    kb_list_remove(a.links, frame);
    kb_list_insert_before(a.links, a.links[s->base.capacity].next, frame);
}

KB_HOOK void mru_forget(KB_SELF(mru), uint32_t frame, KB_UNUSED enum kb_why why) {
    mru_dequeue(s, a, f, frame);
}

KB_HOOK uint32_t mru_victim(KB_SELF(mru), KB_UNUSED uint32_t wanted,
                            KB_UNUSED struct kb_when when) {
    s->base.examined++;
    uint32_t frame = a.links[s->base.capacity].prev;
    return frame == s->base.capacity ? KB_NO_FRAME : frame;
}

#define KB_POLICY mru
#define KB_POLICY_NAME "mru"
#define KB_POLICY_SOURCE "Chou, DeWitt 1985"
#define KB_POLICY_NEEDS KB_NEEDS_EVERY_REFERENCE
#define KB_POLICY_PREFETCH(a, frame) __builtin_prefetch(&(a).links[frame], 1)
#include "policy/policy_emit.h"
