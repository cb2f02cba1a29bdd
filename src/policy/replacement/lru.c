/* lru.c - least recently used: the victim is the page whose last reference is oldest.
 *
 * Source: Denning 1968; Mattson et al. 1970. Every reference is a time mark:
 * the page moves to the end of a list. */
#include "policy/replacement/queue.h"

struct lru {
    struct kb_state base;
};

KB_QUEUE_STATE(lru)

KB_HOOK void lru_init(KB_SELF(lru), KB_UNUSED const uint64_t *values) { lru_queue_init(s, a, f); }

KB_HOOK void lru_touch(KB_SELF(lru), uint32_t frame, uint32_t count,
                       KB_UNUSED struct kb_when when) {
    s->base.time_marks += count;
    lru_renew(s, a, f, frame);
}

KB_HOOK void lru_admit(KB_SELF(lru), uint32_t frame, KB_UNUSED uint32_t page,
                       KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    s->base.time_marks++;
    lru_enqueue(s, a, f, frame);
}

KB_HOOK void lru_refused(KB_SELF(lru), uint32_t frame) { lru_enqueue(s, a, f, frame); }

KB_HOOK void lru_forget(KB_SELF(lru), uint32_t frame, KB_UNUSED enum kb_why why) {
    lru_dequeue(s, a, f, frame);
}

KB_HOOK uint32_t lru_victim(KB_SELF(lru), KB_UNUSED uint32_t wanted,
                            KB_UNUSED struct kb_when when) {
    s->base.examined++;
    return lru_oldest(s, a, f);
}

#define KB_POLICY lru
#define KB_POLICY_NAME "lru"
#define KB_POLICY_SOURCE "Denning 1968; Mattson et al. 1970"
#define KB_POLICY_NEEDS KB_NEEDS_EVERY_REFERENCE
#define KB_POLICY_PREFETCH(a, frame) __builtin_prefetch(&(a).links[frame], 1)
#include "policy/policy_emit.h"
