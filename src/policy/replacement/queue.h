/* queue.h - the part that fifo, second-chance, lru and mru share: one list of all resident frames;
 * and what 2Q, ARC, LIRS and S3-FIFO do with frames that a host refused.
 *
 * The sentinel is node `capacity`; its successor is the oldest. Each policy
 * says what "old" means by what it moves. */
#ifndef KB_POLICY_QUEUE_H
#define KB_POLICY_QUEUE_H

#include "base/list.h"
#include "policy/policy.h"

/* Frames that were refused stand aside in a list of their own, so that a search looks at all others
 * first. The next load, or a search that finds no other, puts them to the end of the list `to`. */
static inline void kb_queue_take_back(struct kb_link *links, uint32_t to, uint32_t aside) {
    uint32_t first = links[aside].next, last = links[aside].prev, end = links[to].prev;
    if (first == aside)
        return;
    links[end].next = first;
    links[first].prev = end;
    links[last].next = to;
    links[to].prev = last;
    kb_list_init(links, aside);
}

#define KB_QUEUE_STATE(p)                                                                          \
    struct p##_arrays {                                                                            \
        struct kb_link *links;                                                                     \
    };                                                                                             \
    static inline size_t p##_layout(uint32_t capacity, KB_UNUSED uint32_t pages,                   \
                                    KB_UNUSED uint64_t horizon, char *at, struct p##_arrays *a) {  \
        size_t bytes = 0;                                                                          \
        KB_ARRAY(a->links, (size_t)capacity + 1);                                                  \
        return bytes;                                                                              \
    }                                                                                              \
    KB_HOOK void p##_resize(KB_SELF(p)) {}                                                         \
    KB_HOOK void p##_dequeue(KB_SELF(p), uint32_t frame) {                                         \
        kb_list_remove(a.links, frame);                                                            \
        a.links[frame] = (struct kb_link){0, 0};                                                   \
    }                                                                                              \
    KB_HOOK void p##_queue_init(KB_SELF(p)) { kb_list_init(a.links, s->base.capacity); }           \
    /* As the newest; a frame without page and a victim may come from nowhere. */                  \
    KB_HOOK void p##_enqueue(KB_SELF(p), uint32_t frame) {                                         \
        if (kb_list_linked(a.links, frame))                                                        \
            kb_list_remove(a.links, frame);                                                        \
        kb_list_append(a.links, s->base.capacity, frame);                                          \
    }                                                                                              \
    /* The same of a resident page. */                                                             \
    KB_HOOK void p##_renew(KB_SELF(p), uint32_t frame) {                                           \
        kb_list_move_to_end(a.links, s->base.capacity, frame);                                     \
    }                                                                                              \
    KB_HOOK uint32_t p##_oldest(KB_SELF(p)) {                                                      \
        uint32_t frame = a.links[s->base.capacity].next;                                           \
        return frame == s->base.capacity ? KB_NO_FRAME : frame;                                    \
    }

#endif
