/* arc.c - adaptive replacement cache: recency and frequency, balanced by what was missed.
 *
 * Source: N. Megiddo, D. S. Modha, "ARC: a self-tuning, low overhead
 * replacement cache", FAST 2003, figure 4. p is a real number.
 *
 *   names B1 ◄─ T1 (seen once, LRU)      T2 (seen again, LRU) ─► names B2
 *               target size p, grown by faults on B1, shrunk by faults on B2
 */
#include "base/names.h"
#include "policy/replacement/queue.h"

struct arc {
    struct kb_state base;
    double p;
    uint32_t size[3];  /* [1] = |T1|, [2] = |T2| with the refused */
    uint32_t prepared; /* the page whose fault has been prepared, or KB_NO_WANTED */
    uint32_t found_in; /* 1, 2: its name was in B1, B2; 0: in neither */
    uint32_t nameless; /* the victim is T1's oldest, and leaves no name */
    struct kb_names b1, b2;
};

struct arc_arrays {
    struct kb_link *links; /* sentinels: capacity = T1, + 1 = T2, + 2 = refused; end is newest */
    uint8_t *list;         /* by frame: 0 none, 1, 2 */
    uint32_t *slots1, *slots2;
    uint32_t *where; /* by page: B1 without tag, B2 with */
};

static inline size_t arc_layout(uint32_t capacity, uint32_t pages, KB_UNUSED uint64_t horizon,
                                char *at, struct arc_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->links, (size_t)capacity + 3);
    KB_ARRAY(a->list, capacity);
    KB_ARRAY(a->slots1, kb_names_room(capacity + 1));
    KB_ARRAY(a->slots2, kb_names_room(capacity + 1));
    KB_ARRAY(a->where, pages);
    return bytes;
}

KB_HOOK void arc_resize(KB_SELF(arc)) {
    if (s->p > s->base.frames)
        s->p = s->base.frames;
}

KB_HOOK void arc_init(KB_SELF(arc), KB_UNUSED const uint64_t *values) {
    s->b1.room = s->b2.room = kb_names_room(s->base.capacity + 1);
    s->b2.tag = KB_NAMES_TAG;
    s->prepared = KB_NO_WANTED;
    for (uint32_t i = s->base.capacity; i < s->base.capacity + 3; i++)
        kb_list_init(a.links, i);
}

KB_HOOK void arc_enter(KB_SELF(arc), uint32_t frame, uint8_t list) {
    a.list[frame] = list;
    s->size[list]++;
    kb_list_append(a.links, s->base.capacity + list - 1, frame);
}

KB_HOOK void arc_leave(KB_SELF(arc), uint32_t frame) {
    s->size[a.list[frame]]--;
    a.list[frame] = 0;
    kb_list_remove(a.links, frame);
}

KB_HOOK void arc_touch(KB_SELF(arc), uint32_t frame, uint32_t count,
                       KB_UNUSED struct kb_when when) {
    s->base.time_marks += count;
    s->size[a.list[frame]]--;
    s->size[2]++;
    a.list[frame] = 2;
    kb_list_move_to_end(a.links, s->base.capacity + 1, frame);
}

/* The part of a fault that comes before REPLACE: adapts p, or makes room among the names. */
static inline void arc_prepare(KB_SELF(arc), uint32_t page) {
    uint32_t c = s->base.frames;
    s->prepared = page;
    s->found_in = 0;
    s->nameless = 0;
    if (a.where[page] != 0) {
        double b1 = s->b1.live, b2 = s->b2.live;
        s->found_in = kb_names_has(&s->b1, a.where, page) ? 1 : 2;
        if (s->found_in == 1) {
            s->p += b2 > b1 ? b2 / b1 : 1;
            s->p = s->p > c ? c : s->p;
        } else {
            s->p -= b1 > b2 ? b1 / b2 : 1;
            s->p = s->p < 0 ? 0 : s->p;
        }
        return;
    }
    uint64_t l1 = (uint64_t)s->size[1] + s->b1.live;
    uint64_t all = l1 + s->size[2] + s->b2.live;
    if (l1 >= c) {
        if (s->size[1] < c)
            kb_names_pop(&s->b1, a.slots1, a.where);
        else
            s->nameless = 1;
    } else if (all >= 2 * (uint64_t)c) {
        kb_names_pop(&s->b2, a.slots2, a.where);
    }
}

KB_HOOK void arc_admit(KB_SELF(arc), uint32_t frame, uint32_t page, KB_UNUSED enum kb_why why,
                       KB_UNUSED struct kb_when when) {
    if (s->prepared != page)
        arc_prepare(s, a, f, page);
    if (a.where[page] != 0) {
        if (kb_names_has(&s->b1, a.where, page))
            kb_names_remove(&s->b1, a.slots1, a.where, page);
        else
            kb_names_remove(&s->b2, a.slots2, a.where, page);
    }
    s->base.time_marks++;
    kb_queue_take_back(a.links, s->base.capacity + 1, s->base.capacity + 2);
    arc_enter(s, a, f, frame, s->found_in != 0 ? 2 : 1);
    s->prepared = KB_NO_WANTED;
}

/* A ring is full only if frames were taken away meanwhile; then the oldest name goes. */
KB_HOOK void arc_name(struct kb_names *names, uint32_t limit, uint32_t *slots, uint32_t *where,
                      uint32_t page) {
    if (names->live > limit)
        kb_names_pop(names, slots, where);
    kb_names_push(names, slots, where, page);
}

KB_HOOK uint32_t arc_victim(KB_SELF(arc), uint32_t wanted, KB_UNUSED struct kb_when when) {
    if (wanted != KB_NO_WANTED && wanted != s->prepared)
        arc_prepare(s, a, f, wanted);
    bool nameless = wanted != KB_NO_WANTED && s->nameless;
    bool from_b2 = wanted != KB_NO_WANTED && s->found_in == 2;
    s->base.examined++;
    uint32_t oldest2 = a.links[s->base.capacity + 1].next;
    bool empty2 = oldest2 > s->base.capacity;
    if (s->size[1] == 0 && empty2) { /* all were refused: the next search begins anew */
        kb_queue_take_back(a.links, s->base.capacity + 1, s->base.capacity + 2);
        return KB_NO_FRAME;
    }
    bool over = s->size[1] > s->p || (from_b2 && s->size[1] == s->p);
    if (s->size[1] > 0 && (nameless || over || empty2)) {
        uint32_t frame = a.links[s->base.capacity].next;
        arc_leave(s, a, f, frame);
        if (!nameless)
            arc_name(&s->b1, s->base.capacity, a.slots1, a.where, f.page[frame]);
        return frame;
    }
    arc_leave(s, a, f, oldest2);
    arc_name(&s->b2, s->base.capacity, a.slots2, a.where, f.page[oldest2]);
    return oldest2;
}

/* It stands aside until the next load, and then is the most recent of T2. */
KB_HOOK void arc_refused(KB_SELF(arc), uint32_t frame) {
    uint32_t page = f.page[frame];
    if (a.where[page] != 0) {
        if (kb_names_has(&s->b1, a.where, page))
            kb_names_remove(&s->b1, a.slots1, a.where, page);
        else
            kb_names_remove(&s->b2, a.slots2, a.where, page);
    }
    s->nameless = 0;
    a.list[frame] = 2;
    s->size[2]++;
    kb_list_append(a.links, s->base.capacity + 2, frame);
}

KB_HOOK void arc_forget(KB_SELF(arc), uint32_t frame, KB_UNUSED enum kb_why why) {
    if (a.list[frame] != 0)
        arc_leave(s, a, f, frame);
}

#define KB_POLICY arc
#define KB_POLICY_NAME "arc"
#define KB_POLICY_SOURCE "Megiddo, Modha 2003"
#define KB_POLICY_NEEDS KB_NEEDS_EVERY_REFERENCE
#define KB_POLICY_PREFETCH(a, frame)                                                               \
    (__builtin_prefetch(&(a).links[frame], 1), __builtin_prefetch(&(a).list[frame], 1))
#include "policy/policy_emit.h"
