/* lirs.c - low inter-reference recency set: pages that come back soon are kept, the rest pass by.
 *
 * Source: S. Jiang, X. Zhang, "LIRS: an efficient low inter-reference recency
 * set replacement policy", SIGMETRICS 2002.
 *
 * The stack S is a ring in the order of recency, newest at its end, with holes
 * where a page moved up; a page's word tells its slot. The queue Q is a list
 * of frames. A second ring holds the slots of the non-resident pages in the
 * order in which they left; each such slot knows its entry, so that whoever
 * takes the page out of S makes a hole there too.
 *
 *   slots[i]     | LIR : 1 | gone : 1 | page + 1 : 30 |      0: a hole
 *   where[page]  slot + 1, or 0: not in S
 *   leavers[k]   slot + 1, or 0: a hole        leaver_of[i]  k, if slot i is gone
 */
#include "policy/replacement/queue.h"

#define LIRS_LIR (UINT32_C(1) << 31)
#define LIRS_GONE (UINT32_C(1) << 30)
#define LIRS_PAGE (LIRS_GONE - 1)

enum { LIRS_ABSENT, LIRS_HIR, LIRS_IS_LIR };

struct lirs_ring {
    uint32_t first, length, room;
};

struct lirs {
    struct kb_state base;
    uint64_t hir_share, ghost_share;
    uint32_t lir_target;
    uint32_t ghost_limit;
    uint32_t lirs;   /* LIR pages */
    uint32_t ghosts; /* non-resident pages in S */
    uint32_t wanted; /* the page that the last victim was for … */
    uint32_t known;  /* … and whether it was in S */
    struct lirs_ring stack, leavers;
};

struct lirs_arrays {
    struct kb_link *links; /* sentinels: capacity = Q, + 1 = refused; next is the head */
    uint8_t *status;       /* by frame */
    uint32_t *slots;       /* S */
    uint32_t *leavers;     /* oldest first */
    uint32_t *leaver_of;   /* by slot */
    uint32_t *where;       /* by page */
};

static inline uint32_t lirs_stack_room(uint32_t capacity) {
    uint64_t room = 2 * ((uint64_t)capacity + 1) * 5 / 4 + 16;
    return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

static inline uint32_t lirs_leaver_room(uint32_t capacity) { return capacity + capacity / 4 + 16; }

static inline size_t lirs_layout(uint32_t capacity, uint32_t pages, KB_UNUSED uint64_t horizon,
                                 char *at, struct lirs_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->links, (size_t)capacity + 2);
    KB_ARRAY(a->status, capacity);
    KB_ARRAY(a->slots, lirs_stack_room(capacity));
    KB_ARRAY(a->leavers, lirs_leaver_room(capacity));
    KB_ARRAY(a->leaver_of, lirs_stack_room(capacity));
    KB_ARRAY(a->where, pages);
    return bytes;
}

KB_HOOK void lirs_resize(KB_SELF(lirs)) {
    uint32_t hirs = kb_share(s->base.frames, s->hir_share);
    s->lir_target = s->base.frames > hirs ? s->base.frames - hirs : 0;
    s->ghost_limit = kb_share(s->base.frames, s->ghost_share);
}

KB_HOOK void lirs_init(KB_SELF(lirs), const uint64_t *values) {
    s->hir_share = values[0];
    s->ghost_share = values[1];
    s->stack.room = lirs_stack_room(s->base.capacity);
    s->leavers.room = lirs_leaver_room(s->base.capacity);
    s->wanted = KB_NO_WANTED;
    for (uint32_t i = s->base.capacity; i < s->base.capacity + 2; i++)
        kb_list_init(a.links, i);
}

KB_HOOK uint32_t lirs_at(const struct lirs_ring *ring, uint32_t offset) {
    uint64_t slot = (uint64_t)ring->first + offset;
    return (uint32_t)(slot >= ring->room ? slot - ring->room : slot);
}

KB_HOOK void lirs_drop_first(struct lirs_ring *ring) {
    ring->first = lirs_at(ring, 1);
    ring->length--;
}

static void lirs_compact_leavers(struct lirs *s, struct lirs_arrays a) {
    uint32_t to = 0;
    for (uint32_t from = 0; from < s->leavers.length; from++) {
        uint32_t entry = a.leavers[lirs_at(&s->leavers, from)];
        if (entry == 0)
            continue;
        uint32_t place = lirs_at(&s->leavers, to++);
        a.leavers[place] = entry;
        a.leaver_of[entry - 1] = place;
    }
    s->leavers.length = to;
}

/* Closes the holes of S; the leavers' slots follow. */
static void lirs_compact(struct lirs *s, struct lirs_arrays a) {
    uint32_t to = 0;
    for (uint32_t from = 0; from < s->stack.length; from++) {
        uint32_t old = lirs_at(&s->stack, from), entry = a.slots[old];
        if (entry == 0)
            continue;
        uint32_t slot = lirs_at(&s->stack, to++);
        a.slots[slot] = entry;
        a.where[(entry & LIRS_PAGE) - 1] = slot + 1;
        if (entry & LIRS_GONE) {
            a.leaver_of[slot] = a.leaver_of[old];
            a.leavers[a.leaver_of[slot]] = slot + 1;
        }
    }
    s->stack.length = to;
}

/* Takes a page out of S, if it is there. */
KB_HOOK void lirs_unstack(KB_SELF(lirs), uint32_t page) {
    if (a.where[page] == 0)
        return;
    uint32_t slot = a.where[page] - 1;
    if (a.slots[slot] & LIRS_GONE) {
        a.leavers[a.leaver_of[slot]] = 0;
        s->ghosts--;
    }
    a.slots[slot] = 0;
    a.where[page] = 0;
}

KB_HOOK void lirs_push(KB_SELF(lirs), uint32_t page, uint32_t mark) {
    lirs_unstack(s, a, f, page);
    if (s->stack.length == s->stack.room)
        lirs_compact(s, a);
    uint32_t slot = lirs_at(&s->stack, s->stack.length++);
    a.slots[slot] = (page + 1) | mark;
    a.where[page] = slot + 1;
}

/* Until the bottom of S is LIR. */
KB_HOOK void lirs_prune(KB_SELF(lirs)) {
    while (s->stack.length > 0) {
        uint32_t entry = a.slots[s->stack.first];
        if (entry & LIRS_LIR)
            return;
        if (entry != 0)
            lirs_unstack(s, a, f, (entry & LIRS_PAGE) - 1);
        lirs_drop_first(&s->stack);
    }
}

/* While there are too many LIR pages: the one at the bottom becomes HIR and enters Q. */
KB_HOOK void lirs_demote(KB_SELF(lirs)) {
    while (s->lirs > s->lir_target) {
        lirs_prune(s, a, f);
        uint32_t page = (a.slots[s->stack.first] & LIRS_PAGE) - 1;
        uint32_t frame = f.frame_of[page] - 1;
        lirs_unstack(s, a, f, page);
        s->lirs--;
        a.status[frame] = LIRS_HIR;
        kb_list_append(a.links, s->base.capacity, frame);
    }
    lirs_prune(s, a, f);
}

KB_HOOK void lirs_make_lir(KB_SELF(lirs), uint32_t frame, uint32_t page) {
    a.status[frame] = LIRS_IS_LIR;
    s->lirs++;
    lirs_push(s, a, f, page, LIRS_LIR);
}

/* One reference to a resident page. */
KB_HOOK void lirs_hit(KB_SELF(lirs), uint32_t frame, uint32_t page) {
    if (a.status[frame] == LIRS_IS_LIR) {
        lirs_push(s, a, f, page, LIRS_LIR);
        lirs_prune(s, a, f);
    } else if (a.where[page] != 0 && s->lir_target > 0) {
        kb_list_remove(a.links, frame);
        lirs_make_lir(s, a, f, frame, page);
        lirs_demote(s, a, f);
    } else {
        if (s->lir_target > 0)
            lirs_push(s, a, f, page, 0);
        kb_list_move_to_end(a.links, s->base.capacity, frame);
    }
}

/* A run of hits is two at most: the first may make the page LIR by the second. A LIR page at the
 * top of S stays as it is. */
KB_HOOK void lirs_touch(KB_SELF(lirs), uint32_t frame, uint32_t count,
                        KB_UNUSED struct kb_when when) {
    s->base.time_marks += count;
    for (uint32_t i = count < 3 ? count : 3; i > 0; i--)
        lirs_hit(s, a, f, frame, f.page[frame]);
}

KB_HOOK void lirs_admit(KB_SELF(lirs), uint32_t frame, uint32_t page, KB_UNUSED enum kb_why why,
                        KB_UNUSED struct kb_when when) {
    bool known = s->wanted == page ? s->known : a.where[page] != 0;
    s->wanted = KB_NO_WANTED;
    s->base.time_marks++;
    kb_queue_take_back(a.links, s->base.capacity, s->base.capacity + 1);
    if (s->lirs < s->lir_target || (known && s->lir_target > 0)) {
        lirs_make_lir(s, a, f, frame, page);
        lirs_demote(s, a, f);
        return;
    }
    a.status[frame] = LIRS_HIR;
    kb_list_append(a.links, s->base.capacity, frame);
    if (s->lir_target > 0)
        lirs_push(s, a, f, page, 0);
    lirs_prune(s, a, f);
}

/* The page stays in S as non-resident; the one that left longest ago may have to go. */
KB_HOOK void lirs_note_leaver(KB_SELF(lirs), uint32_t page) {
    uint32_t slot = a.where[page] - 1;
    a.slots[slot] |= LIRS_GONE;
    s->ghosts++;
    if (s->leavers.length == s->leavers.room)
        lirs_compact_leavers(s, a);
    uint32_t place = lirs_at(&s->leavers, s->leavers.length++);
    a.leavers[place] = slot + 1;
    a.leaver_of[slot] = place;
    while (s->ghosts > s->ghost_limit) {
        uint32_t oldest = a.leavers[s->leavers.first];
        if (oldest != 0)
            lirs_unstack(s, a, f, (a.slots[oldest - 1] & LIRS_PAGE) - 1);
        lirs_drop_first(&s->leavers);
    }
}

KB_HOOK uint32_t lirs_victim(KB_SELF(lirs), uint32_t wanted, KB_UNUSED struct kb_when when) {
    if (wanted != KB_NO_WANTED && wanted != s->wanted) {
        s->wanted = wanted;
        s->known = a.where[wanted] != 0;
    }
    uint32_t frame = a.links[s->base.capacity].next;
    s->base.examined++;
    if (frame == s->base.capacity && s->lirs > 0) { /* only LIR pages: one must become HIR */
        uint32_t target = s->lir_target;
        s->lir_target = s->lirs - 1;
        lirs_demote(s, a, f);
        s->lir_target = target;
        frame = a.links[s->base.capacity].next;
    }
    if (frame == s->base.capacity) { /* all were refused: the next search begins anew */
        kb_queue_take_back(a.links, s->base.capacity, s->base.capacity + 1);
        return KB_NO_FRAME;
    }
    kb_list_remove(a.links, frame);
    a.status[frame] = LIRS_ABSENT;
    if (a.where[f.page[frame]] != 0)
        lirs_note_leaver(s, a, f, f.page[frame]);
    return frame;
}

/* It stands aside until the next load, and then is at the tail of Q. */
KB_HOOK void lirs_refused(KB_SELF(lirs), uint32_t frame) {
    uint32_t page = f.page[frame];
    uint32_t slot = a.where[page] - 1;
    if (a.where[page] != 0 && a.slots[slot] & LIRS_GONE) {
        a.leavers[a.leaver_of[slot]] = 0;
        a.slots[slot] &= ~LIRS_GONE;
        s->ghosts--;
    }
    a.status[frame] = LIRS_HIR;
    kb_list_append(a.links, s->base.capacity + 1, frame);
}

KB_HOOK void lirs_forget(KB_SELF(lirs), uint32_t frame, enum kb_why why) {
    if (a.status[frame] == LIRS_ABSENT && why == KB_EVICTED)
        return; /* the victim; its name stays */
    if (a.status[frame] == LIRS_HIR)
        kb_list_remove(a.links, frame);
    s->lirs -= a.status[frame] == LIRS_IS_LIR;
    a.status[frame] = LIRS_ABSENT;
    lirs_unstack(s, a, f, f.page[frame]);
    lirs_prune(s, a, f);
}

static const struct kb_option lirs_options[] = {
    {"hir", KB_MSG_option_hir, 1, 100, 1, NULL},
    {"ghosts", KB_MSG_option_ghosts, 1, 100, 100, NULL},
};

#define KB_POLICY lirs
#define KB_POLICY_NAME "lirs"
#define KB_POLICY_SOURCE "Jiang, Zhang 2002"
#define KB_POLICY_NEEDS KB_NEEDS_EVERY_REFERENCE
#define KB_POLICY_OPTIONS lirs_options
#define KB_POLICY_PREFETCH(a, frame) __builtin_prefetch(&(a).status[frame])
#include "policy/policy_emit.h"
