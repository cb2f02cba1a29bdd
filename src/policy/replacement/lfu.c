/* lfu.c - least frequently used: the victim is the page with the smallest count of references.
 *
 * Source: Deitel 1990; Mattson et al. 1970 discuss its stack property.
 *
 * A heap of (count, order) that is only mended when a victim is wanted: counts
 * and orders only grow, so an entry's key is a lower bound. The root is
 * compared with the frame's true key; if that has grown, the entry sinks.
 * Counts stop at 2^32 − 1. */
#include <stdlib.h>

#include "policy/policy.h"

enum { LFU_TIE_FIFO, LFU_TIE_LRU };

struct lfu {
    struct kb_state base;
    uint32_t keep;
    uint32_t tie;
    uint32_t length; /* of the heap */
    uint32_t held;   /* entries refused since the last admit: behind the heap */
    uint32_t clock;  /* the last order given */
};

struct lfu_entry {
    uint32_t count;
    uint32_t order;
    uint32_t frame;
};

struct lfu_arrays {
    struct lfu_entry *heap;
    uint32_t *count; /* by frame */
    uint32_t *order; /* by frame: of the load, or with tie=lru of the last reference */
    uint32_t *kept;  /* by page: the count at its last eviction */
};

static inline size_t lfu_layout(uint32_t capacity, uint32_t pages, KB_UNUSED uint64_t horizon,
                                char *at, struct lfu_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->heap, capacity);
    KB_ARRAY(a->count, capacity);
    KB_ARRAY(a->order, capacity);
    KB_ARRAY(a->kept, pages);
    return bytes;
}

KB_HOOK void lfu_resize(KB_SELF(lfu)) {}

KB_HOOK void lfu_init(KB_SELF(lfu), const uint64_t *values) {
    s->keep = (uint32_t)values[0];
    s->tie = (uint32_t)values[1];
}

KB_HOOK bool lfu_less(struct lfu_entry x, struct lfu_entry y) {
    return x.count != y.count ? x.count < y.count : x.order < y.order;
}

static inline void lfu_sink(struct lfu_entry *heap, uint32_t length, uint32_t place,
                            struct lfu_entry entry) {
    for (;;) {
        uint64_t child = 2 * (uint64_t)place + 1;
        if (child >= length)
            break;
        if (child + 1 < length && lfu_less(heap[child + 1], heap[child]))
            child++;
        if (!lfu_less(heap[child], entry))
            break;
        heap[place] = heap[child];
        place = (uint32_t)child;
    }
    heap[place] = entry;
}

static inline void lfu_rise(struct lfu_entry *heap, uint32_t place, struct lfu_entry entry) {
    while (place > 0 && lfu_less(entry, heap[(place - 1) / 2])) {
        heap[place] = heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap[place] = entry;
}

static int lfu_by_order(const void *x, const void *y) {
    uint32_t a = ((const struct lfu_entry *)x)->order, b = ((const struct lfu_entry *)y)->order;
    return (a > b) - (a < b);
}

/* After 2^32 − 1 orders: gives them anew from 1, in the same sequence. Held entries are none: this
 * runs in admit and touch. */
static void lfu_renumber(struct lfu *s, struct lfu_arrays a) {
    for (uint32_t i = 0; i < s->length; i++)
        a.heap[i].order = a.order[a.heap[i].frame];
    qsort(a.heap, s->length, sizeof a.heap[0], lfu_by_order);
    for (uint32_t i = 0; i < s->length; i++) {
        struct lfu_entry entry = {a.count[a.heap[i].frame], i + 1, a.heap[i].frame};
        a.order[entry.frame] = i + 1;
        lfu_rise(a.heap, i, entry);
    }
    s->clock = s->length;
}

KB_HOOK uint32_t lfu_next_order(KB_SELF(lfu)) {
    if (__builtin_expect(s->clock == UINT32_MAX, 0))
        lfu_renumber(s, a);
    return ++s->clock;
}

KB_HOOK void lfu_touch(KB_SELF(lfu), uint32_t frame, uint32_t count,
                       KB_UNUSED struct kb_when when) {
    uint32_t sum = a.count[frame] + count;
    a.count[frame] = sum < count ? UINT32_MAX : sum;
    s->base.time_marks += count;
    if (s->tie == LFU_TIE_LRU)
        a.order[frame] = lfu_next_order(s, a, f);
}

KB_HOOK void lfu_insert(KB_SELF(lfu), uint32_t frame) {
    struct lfu_entry entry = {a.count[frame], a.order[frame], frame};
    lfu_rise(a.heap, s->length++, entry);
}

KB_HOOK void lfu_take_back(KB_SELF(lfu)) {
    while (s->held > 0) {
        uint32_t frame = a.heap[s->base.capacity - s->held].frame;
        s->held--;
        lfu_insert(s, a, f, frame);
    }
}

KB_HOOK void lfu_admit(KB_SELF(lfu), uint32_t frame, uint32_t page, KB_UNUSED enum kb_why why,
                       KB_UNUSED struct kb_when when) {
    lfu_take_back(s, a, f);
    uint32_t before = s->keep ? a.kept[page] : 0;
    a.count[frame] = before == UINT32_MAX ? before : before + 1;
    a.order[frame] = lfu_next_order(s, a, f);
    s->base.time_marks++;
    lfu_insert(s, a, f, frame);
}

KB_HOOK uint32_t lfu_victim(KB_SELF(lfu), KB_UNUSED uint32_t wanted,
                            KB_UNUSED struct kb_when when) {
    while (s->length > 0) {
        struct lfu_entry root = a.heap[0];
        struct lfu_entry true_key = {a.count[root.frame], a.order[root.frame], root.frame};
        s->base.examined++;
        if (root.count == true_key.count && root.order == true_key.order) {
            s->length--;
            if (s->length > 0)
                lfu_sink(a.heap, s->length, 0, a.heap[s->length]);
            if (s->keep)
                a.kept[f.page[root.frame]] = root.count;
            return root.frame;
        }
        lfu_sink(a.heap, s->length, 0, true_key);
    }
    lfu_take_back(s, a, f); /* all were refused: the next search begins anew */
    return KB_NO_FRAME;
}

KB_HOOK void lfu_refused(KB_SELF(lfu), uint32_t frame) {
    s->held++;
    a.heap[s->base.capacity - s->held].frame = frame;
}

KB_HOOK void lfu_forget(KB_SELF(lfu), uint32_t frame, KB_UNUSED enum kb_why why) {
    lfu_take_back(s, a, f);
    for (uint32_t i = 0; i < s->length; i++) {
        if (a.heap[i].frame != frame)
            continue;
        struct lfu_entry last = a.heap[--s->length];
        if (i == s->length)
            return;
        lfu_sink(a.heap, s->length, i, last);
        lfu_rise(a.heap, i, a.heap[i]);
        return;
    }
}

KB_HOOK uint64_t lfu_mark(KB_SELF(lfu), uint32_t frame) { return a.count[frame]; }

static const struct kb_option lfu_options[] = {
    {"keep", KB_MSG_option_keep, 0, 1, 0, NULL},
    {"tie", KB_MSG_option_tie, 0, 1, LFU_TIE_FIFO, "fifo,lru"},
};

#define KB_POLICY lfu
#define KB_POLICY_NAME "lfu"
#define KB_POLICY_SOURCE "Deitel 1990"
#define KB_POLICY_NEEDS KB_NEEDS_EVERY_REFERENCE
#define KB_POLICY_OPTIONS lfu_options
#define KB_POLICY_MARK 1
#define KB_POLICY_PREFETCH(a, frame) __builtin_prefetch(&(a).count[frame], 1)
#include "policy/policy_emit.h"
