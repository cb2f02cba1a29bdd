/* second_chance.c - FIFO, but a page that was referenced goes to the tail instead of out.
 *
 * Source: Deitel 1990; Tanenbaum. The same victims as clock.c, found on a
 * linear list. */
#include "policy/replacement/queue.h"

struct second_chance {
    struct kb_state base;
    uint32_t load_bit;
};

KB_QUEUE_STATE(second_chance)

KB_HOOK void second_chance_init(KB_SELF(second_chance), const uint64_t *values) {
    s->load_bit = (uint32_t)values[0];
    second_chance_queue_init(s, a, f);
}

KB_HOOK void second_chance_touch(KB_SELF(second_chance), KB_UNUSED uint32_t frame,
                                 KB_UNUSED uint32_t count, KB_UNUSED struct kb_when when) {}

KB_HOOK void second_chance_admit(KB_SELF(second_chance), uint32_t frame, KB_UNUSED uint32_t page,
                                 KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    second_chance_enqueue(s, a, f, frame);
    if (s->load_bit == 0)
        kb_clear_referenced(f, frame, 0);
}

/* Passed once more, as if it had been referenced: all others are proposed before it. */
KB_HOOK void second_chance_refused(KB_SELF(second_chance), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    second_chance_enqueue(s, a, f, frame);
}

KB_HOOK void second_chance_forget(KB_SELF(second_chance), uint32_t frame,
                                  KB_UNUSED enum kb_why why) {
    second_chance_dequeue(s, a, f, frame);
}

KB_HOOK uint32_t second_chance_victim(KB_SELF(second_chance), KB_UNUSED uint32_t wanted,
                                      KB_UNUSED struct kb_when when) {
    for (;;) {
        uint32_t frame = second_chance_oldest(s, a, f);
        s->base.examined++;
        if (frame == KB_NO_FRAME || !(f.flags[frame] & (KB_REFERENCED | KB_PASSED_OVER)))
            return frame;
        s->base.bit_clears += f.flags[frame] & KB_REFERENCED;
        kb_clear_referenced(f, frame, KB_PASSED_OVER);
        second_chance_enqueue(s, a, f, frame);
    }
}

static const struct kb_option second_chance_options[] = {
    {"load-bit", KB_MSG_option_load_bit, 0, 1, 1, NULL},
};

#define KB_POLICY second_chance
#define KB_POLICY_NAME "second-chance"
#define KB_POLICY_SOURCE "Deitel 1990; Tanenbaum"
#define KB_POLICY_NEEDS KB_NEEDS_REFERENCED
#define KB_POLICY_OPTIONS second_chance_options
#include "policy/policy_emit.h"
