/* fifo.c - first in, first out (PEPS): the victim is the page loaded longest ago.
 *
 * Source: Belady 1966. Hits cost nothing: only loads touch the list. */
#include "policy/replacement/queue.h"

struct fifo {
    struct kb_state base;
};

KB_QUEUE_STATE(fifo)

KB_HOOK void fifo_init(KB_SELF(fifo), KB_UNUSED const uint64_t *values) {
    fifo_queue_init(s, a, f);
}

KB_HOOK void fifo_touch(KB_SELF(fifo), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                        KB_UNUSED struct kb_when when) {}

KB_HOOK void fifo_admit(KB_SELF(fifo), uint32_t frame, KB_UNUSED uint32_t page,
                        KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    s->base.time_marks++;
    fifo_enqueue(s, a, f, frame);
}

KB_HOOK void fifo_refused(KB_SELF(fifo), uint32_t frame) { fifo_enqueue(s, a, f, frame); }

KB_HOOK void fifo_forget(KB_SELF(fifo), uint32_t frame, KB_UNUSED enum kb_why why) {
    fifo_dequeue(s, a, f, frame);
}

KB_HOOK uint32_t fifo_victim(KB_SELF(fifo), KB_UNUSED uint32_t wanted,
                             KB_UNUSED struct kb_when when) {
    s->base.examined++;
    return fifo_oldest(s, a, f);
}

#define KB_POLICY fifo
#define KB_POLICY_NAME "fifo"
#define KB_POLICY_SOURCE "Belady 1966"
#define KB_POLICY_NEEDS 0
#include "policy/policy_emit.h"
