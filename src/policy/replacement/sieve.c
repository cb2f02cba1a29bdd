/* sieve.c - a FIFO queue whose hand sieves out what was not referenced; survivors stay in place.
 *
 * Source: Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is
 * simpler than LRU", NSDI 2024. A page is loaded with R = 0. */
#include "policy/replacement/queue.h"

struct sieve {
    struct kb_state base;
    uint32_t hand; /* frame, or KB_NO_FRAME: at the tail, which is the oldest */
};

KB_QUEUE_STATE(sieve)

KB_HOOK void sieve_init(KB_SELF(sieve), KB_UNUSED const uint64_t *values) {
    s->hand = KB_NO_FRAME;
    sieve_queue_init(s, a, f);
}

KB_HOOK void sieve_touch(KB_SELF(sieve), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                         KB_UNUSED struct kb_when when) {}

KB_HOOK void sieve_admit(KB_SELF(sieve), uint32_t frame, KB_UNUSED uint32_t page,
                         KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    kb_clear_referenced(f, frame, 0);
    sieve_enqueue(s, a, f, frame);
}

KB_HOOK uint32_t sieve_victim(KB_SELF(sieve), KB_UNUSED uint32_t wanted,
                              KB_UNUSED struct kb_when when) {
    uint32_t end = s->base.capacity;
    uint32_t frame = s->hand != KB_NO_FRAME ? s->hand : a.links[end].next;
    if (frame == end)
        return KB_NO_FRAME;
    while (f.flags[frame] & (KB_REFERENCED | KB_PASSED_OVER)) {
        s->base.bit_clears += f.flags[frame] & KB_REFERENCED;
        kb_clear_referenced(f, frame, KB_PASSED_OVER);
        s->base.examined++;
        frame = a.links[frame].next;
        if (frame == end)
            frame = a.links[end].next;
    }
    s->base.examined++;
    uint32_t next = a.links[frame].next;
    s->hand = next == end ? KB_NO_FRAME : next;
    return frame;
}

/* The hand has moved on, and passes the frame once more, as if it had been referenced: so all
 * others are proposed before it comes again. */
KB_HOOK void sieve_refused(KB_SELF(sieve), uint32_t frame) { f.flags[frame] |= KB_PASSED_OVER; }

KB_HOOK void sieve_forget(KB_SELF(sieve), uint32_t frame, KB_UNUSED enum kb_why why) {
    if (s->hand == frame) {
        uint32_t next = a.links[frame].next;
        s->hand = next == s->base.capacity ? KB_NO_FRAME : next;
    }
    sieve_dequeue(s, a, f, frame);
}

KB_HOOK uint32_t sieve_hand(const struct sieve *s) { return s->hand; }

#define KB_POLICY sieve
#define KB_POLICY_NAME "sieve"
#define KB_POLICY_SOURCE "Zhang et al. 2024"
#define KB_POLICY_NEEDS KB_NEEDS_REFERENCED
#define KB_POLICY_HAND 1
#include "policy/policy_emit.h"
