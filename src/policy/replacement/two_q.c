/* two_q.c - 2Q: a page must be wanted again after its first stay to enter the main queue.
 *
 * Source: T. Johnson, D. Shasha, "2Q: a low overhead high performance buffer
 * management replacement algorithm", VLDB 1994, full version.
 *
 *   fault ──► A1in (FIFO) ──victim──► A1out (names) ──fault──► Am (LRU) ──victim──► gone
 */
#include "base/names.h"
#include "policy/replacement/queue.h"

enum { TWO_Q_OUT, TWO_Q_IN, TWO_Q_MAIN };

struct two_q {
    struct kb_state base;
    uint64_t kin_share, kout_share;
    uint32_t kin, kout;
    uint32_t in;      /* |A1in| */
    uint32_t wanted;  /* the page that the last victim was for … */
    uint32_t renewed; /* … and whether its name was in A1out */
    struct kb_names out;
};

struct two_q_arrays {
    struct kb_link *links; /* sentinels: capacity = A1in, + 1 = Am, + 2 = refused; end is newest */
    uint8_t *queue;        /* by frame */
    uint32_t *slots;
    uint32_t *where; /* by page */
};

static inline size_t two_q_layout(uint32_t capacity, uint32_t pages, KB_UNUSED uint64_t horizon,
                                  char *at, struct two_q_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->links, (size_t)capacity + 3);
    KB_ARRAY(a->queue, capacity);
    KB_ARRAY(a->slots, kb_names_room(capacity + 1));
    KB_ARRAY(a->where, pages);
    return bytes;
}

KB_HOOK void two_q_resize(KB_SELF(two_q)) {
    s->kin = kb_share(s->base.frames, s->kin_share);
    s->kout = kb_share(s->base.frames, s->kout_share);
}

KB_HOOK void two_q_init(KB_SELF(two_q), const uint64_t *values) {
    s->kin_share = values[0];
    s->kout_share = values[1];
    s->out.room = kb_names_room(s->base.capacity + 1);
    s->wanted = KB_NO_WANTED;
    for (uint32_t i = s->base.capacity; i < s->base.capacity + 3; i++)
        kb_list_init(a.links, i);
}

KB_HOOK void two_q_touch(KB_SELF(two_q), uint32_t frame, uint32_t count,
                         KB_UNUSED struct kb_when when) {
    if (a.queue[frame] != TWO_Q_MAIN)
        return;
    s->base.time_marks += count;
    kb_list_move_to_end(a.links, s->base.capacity + 1, frame);
}

KB_HOOK void two_q_enter(KB_SELF(two_q), uint32_t frame, uint8_t queue) {
    a.queue[frame] = queue;
    s->in += queue == TWO_Q_IN;
    s->base.time_marks++;
    kb_list_append(a.links, s->base.capacity + (queue == TWO_Q_MAIN), frame);
}

KB_HOOK void two_q_leave(KB_SELF(two_q), uint32_t frame) {
    s->in -= a.queue[frame] == TWO_Q_IN;
    a.queue[frame] = TWO_Q_OUT;
    kb_list_remove(a.links, frame);
}

KB_HOOK void two_q_admit(KB_SELF(two_q), uint32_t frame, uint32_t page, KB_UNUSED enum kb_why why,
                         KB_UNUSED struct kb_when when) {
    kb_queue_take_back(a.links, s->base.capacity + 1, s->base.capacity + 2);
    bool named = a.where[page] != 0;
    bool renewed = s->wanted == page ? s->renewed : named;
    if (named)
        kb_names_remove(&s->out, a.slots, a.where, page);
    s->wanted = KB_NO_WANTED;
    two_q_enter(s, a, f, frame, renewed ? TWO_Q_MAIN : TWO_Q_IN);
}

KB_HOOK uint32_t two_q_victim(KB_SELF(two_q), uint32_t wanted, KB_UNUSED struct kb_when when) {
    uint32_t oldest_in = a.links[s->base.capacity].next;
    uint32_t oldest_main = a.links[s->base.capacity + 1].next;
    bool main_empty = oldest_main > s->base.capacity;
    s->base.examined++;
    if (wanted != KB_NO_WANTED && wanted != s->wanted) {
        s->wanted = wanted;
        s->renewed = a.where[wanted] != 0;
    }
    if (s->in > s->kin || (main_empty && s->in > 0)) {
        two_q_leave(s, a, f, oldest_in);
        kb_names_push(&s->out, a.slots, a.where, f.page[oldest_in]);
        while (s->out.live > s->kout)
            kb_names_pop(&s->out, a.slots, a.where);
        return oldest_in;
    }
    if (main_empty) { /* all were refused: the next search begins anew */
        kb_queue_take_back(a.links, s->base.capacity + 1, s->base.capacity + 2);
        return KB_NO_FRAME;
    }
    two_q_leave(s, a, f, oldest_main);
    return oldest_main;
}

/* It stands aside until the next load, and then is the most recent of Am. */
KB_HOOK void two_q_refused(KB_SELF(two_q), uint32_t frame) {
    uint32_t page = f.page[frame];
    if (a.where[page] != 0)
        kb_names_remove(&s->out, a.slots, a.where, page);
    a.queue[frame] = TWO_Q_MAIN;
    s->base.time_marks++;
    kb_list_append(a.links, s->base.capacity + 2, frame);
}

KB_HOOK void two_q_forget(KB_SELF(two_q), uint32_t frame, KB_UNUSED enum kb_why why) {
    if (a.queue[frame] != TWO_Q_OUT)
        two_q_leave(s, a, f, frame);
}

static const struct kb_option two_q_options[] = {
    {"kin", KB_MSG_option_kin, 1, 100, 25, NULL},
    {"kout", KB_MSG_option_kout, 1, 100, 50, NULL},
};

#define KB_POLICY two_q
#define KB_POLICY_NAME "2q"
#define KB_POLICY_SOURCE "Johnson, Shasha 1994"
#define KB_POLICY_NEEDS (KB_NEEDS_REFERENCED | KB_HEARS_REFERENCES)
#define KB_POLICY_OPTIONS two_q_options
#define KB_POLICY_PREFETCH(a, frame)                                                               \
    (__builtin_prefetch(&(a).links[frame], 1), __builtin_prefetch(&(a).queue[frame]))
#include "policy/policy_emit.h"
