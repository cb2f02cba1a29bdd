/* clock_pro.c - CLOCK-Pro: LIRS's idea with reference bits and three hands on one clock.
 *
 * Source: S. Jiang, F. Chen, X. Zhang, "CLOCK-Pro: an effective improvement of
 * the CLOCK replacement", USENIX ATC 2005. docs/policies.md fixes what the
 * paper leaves open.
 *
 * Entries of the circular list are nodes: node i < capacity is the page in
 * frame i, the others are pages that left while in test.
 *
 *   status | listed : 1 | resident : 1 | test : 1 | hot : 1 |
 */
#include "base/list.h"
#include "policy/policy.h"

enum { CLOCK_PRO_HOT = 1, CLOCK_PRO_TEST = 2, CLOCK_PRO_RESIDENT = 4, CLOCK_PRO_LISTED = 8 };

#define CLOCK_PRO_NO_NODE UINT32_MAX

struct clock_pro {
    struct kb_state base;
    uint32_t hand_hot, hand_cold, hand_test; /* nodes, or NO_NODE: the list is empty */
    uint32_t target;                         /* mc */
    uint32_t hot, cold, gone;                /* pages by state */
    uint32_t exempt;                         /* node of the wanted page, or NO_NODE */
    uint32_t free_node;                      /* chain through links[].next, or NO_NODE */
    uint32_t fresh_node;                     /* nodes from here on were never used */
    uint32_t passed;                         /* resident cold pages marked PASSED_OVER */
};

struct clock_pro_arrays {
    struct kb_link *links;
    uint8_t *status;     /* by node */
    uint32_t *gone_page; /* by node − capacity */
    uint32_t *where;     /* by page: node + 1 of a page that left, or 0 */
};

static inline size_t clock_pro_layout(uint32_t capacity, uint32_t pages, KB_UNUSED uint64_t horizon,
                                      char *at, struct clock_pro_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->links, 2 * (size_t)capacity + 2);
    KB_ARRAY(a->status, 2 * (size_t)capacity + 2);
    KB_ARRAY(a->gone_page, (size_t)capacity + 2);
    KB_ARRAY(a->where, pages);
    return bytes;
}

KB_HOOK uint32_t clock_pro_most(const struct clock_pro *s) {
    return s->base.frames > 2 ? s->base.frames - 1 : 1;
}

KB_HOOK void clock_pro_resize(KB_SELF(clock_pro)) {
    if (s->target > clock_pro_most(s))
        s->target = clock_pro_most(s);
}

KB_HOOK void clock_pro_init(KB_SELF(clock_pro), KB_UNUSED const uint64_t *values) {
    s->hand_hot = s->hand_cold = s->hand_test = CLOCK_PRO_NO_NODE;
    s->exempt = s->free_node = CLOCK_PRO_NO_NODE;
    s->fresh_node = s->base.capacity;
    s->target = 1;
}

KB_HOOK void clock_pro_insert(KB_SELF(clock_pro), uint32_t node) {
    if (s->hand_hot == CLOCK_PRO_NO_NODE) {
        kb_list_init(a.links, node);
        s->hand_hot = s->hand_cold = s->hand_test = node;
        return;
    }
    kb_list_insert_before(a.links, s->hand_hot, node);
}

/* Hands on the node pass to its successor. */
KB_HOOK void clock_pro_unlink(KB_SELF(clock_pro), uint32_t node) {
    uint32_t next = a.links[node].next == node ? CLOCK_PRO_NO_NODE : a.links[node].next;
    s->hand_hot = s->hand_hot == node ? next : s->hand_hot;
    s->hand_cold = s->hand_cold == node ? next : s->hand_cold;
    s->hand_test = s->hand_test == node ? next : s->hand_test;
    kb_list_remove(a.links, node);
}

KB_HOOK void clock_pro_to_head(KB_SELF(clock_pro), uint32_t node) {
    clock_pro_unlink(s, a, f, node);
    clock_pro_insert(s, a, f, node);
}

KB_HOOK void clock_pro_grow(KB_SELF(clock_pro)) {
    if (s->target < clock_pro_most(s))
        s->target++;
}

/* The name of a page that left is forgotten. */
KB_HOOK void clock_pro_drop(KB_SELF(clock_pro), uint32_t node) {
    clock_pro_unlink(s, a, f, node);
    a.where[a.gone_page[node - s->base.capacity]] = 0;
    a.status[node] = 0;
    a.links[node].next = s->free_node;
    s->free_node = node;
    s->gone--;
}

/* A test period ended without a reference. */
KB_HOOK void clock_pro_end_test(KB_SELF(clock_pro), uint32_t node) {
    if (s->target > 1)
        s->target--;
    if (a.status[node] & CLOCK_PRO_RESIDENT)
        a.status[node] &= (uint8_t)~CLOCK_PRO_TEST;
    else
        clock_pro_drop(s, a, f, node);
}

/* Until a hot page has become cold. */
static inline void clock_pro_run_hot(KB_SELF(clock_pro)) {
    while (s->hot > 0) {
        uint32_t node = s->hand_hot;
        uint8_t status = a.status[node];
        s->base.examined++;
        if (status & CLOCK_PRO_HOT && !(f.flags[node] & KB_REFERENCED)) {
            a.status[node] &= (uint8_t)~CLOCK_PRO_HOT;
            s->hot--;
            s->cold++;
            s->hand_hot = a.links[node].next;
            return;
        }
        if (status & CLOCK_PRO_HOT) {
            kb_clear_referenced(f, node, 0);
            s->base.bit_clears++;
        } else if (status & CLOCK_PRO_TEST && node != s->exempt) {
            clock_pro_end_test(s, a, f, node);
        }
        if (s->hand_hot == node)
            s->hand_hot = a.links[node].next;
    }
}

KB_HOOK void clock_pro_balance(KB_SELF(clock_pro)) {
    while (s->hot > 0 && s->hot + s->target > s->base.frames)
        clock_pro_run_hot(s, a, f);
}

/* A resident cold page was referenced in its test period. */
KB_HOOK void clock_pro_promote(KB_SELF(clock_pro), uint32_t node) {
    clock_pro_to_head(s, a, f, node);
    if (s->base.frames == 1)
        return; /* it stays cold, in test */
    a.status[node] = CLOCK_PRO_LISTED | CLOCK_PRO_RESIDENT | CLOCK_PRO_HOT;
    s->cold--;
    s->hot++;
    clock_pro_balance(s, a, f);
}

KB_HOOK void clock_pro_touch(KB_SELF(clock_pro), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                             KB_UNUSED struct kb_when when) {}

static inline void clock_pro_forgive(KB_SELF(clock_pro)) {
    for (uint32_t i = 0; i < s->base.capacity; i++)
        f.flags[i] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void clock_pro_admit(KB_SELF(clock_pro), uint32_t frame, uint32_t page,
                             KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    bool known = a.where[page] != 0;
    kb_clear_referenced(f, frame, 0);
    s->exempt = CLOCK_PRO_NO_NODE;
    if (s->passed > 0)
        clock_pro_forgive(s, a, f);
    if (known) {
        clock_pro_grow(s, a, f);
        clock_pro_drop(s, a, f, a.where[page] - 1);
    }
    a.status[frame] = CLOCK_PRO_LISTED | CLOCK_PRO_RESIDENT | CLOCK_PRO_TEST;
    s->cold++;
    clock_pro_insert(s, a, f, frame);
    if (known && s->base.frames > 1) {
        a.status[frame] = CLOCK_PRO_LISTED | CLOCK_PRO_RESIDENT | CLOCK_PRO_HOT;
        s->cold--;
        s->hot++;
        clock_pro_balance(s, a, f);
    }
}

/* The frame's page leaves, but its entry stays in place under a node of its own. */
KB_HOOK void clock_pro_keep_name(KB_SELF(clock_pro), uint32_t frame) {
    uint32_t node = s->free_node, page = f.page[frame];
    if (node != CLOCK_PRO_NO_NODE)
        s->free_node = a.links[node].next;
    else
        node = s->fresh_node++;
    kb_list_insert_before(a.links, frame, node);
    s->hand_hot = s->hand_hot == frame ? node : s->hand_hot;
    s->hand_cold = s->hand_cold == frame ? node : s->hand_cold;
    s->hand_test = s->hand_test == frame ? node : s->hand_test;
    kb_list_remove(a.links, frame);
    a.status[node] = CLOCK_PRO_LISTED | CLOCK_PRO_TEST;
    a.gone_page[node - s->base.capacity] = page;
    a.where[page] = node + 1;
    s->gone++;
}

static inline void clock_pro_limit_names(KB_SELF(clock_pro)) {
    while (s->gone > s->base.frames) {
        uint32_t node = s->hand_test;
        if (a.status[node] & CLOCK_PRO_TEST && node != s->exempt)
            clock_pro_end_test(s, a, f, node);
        if (s->hand_test == node)
            s->hand_test = a.links[node].next;
    }
}

KB_HOOK uint32_t clock_pro_take(KB_SELF(clock_pro), uint32_t node) {
    bool in_test = a.status[node] & CLOCK_PRO_TEST;
    a.status[node] = 0;
    s->cold--;
    if (in_test) {
        clock_pro_keep_name(s, a, f, node);
        s->hand_cold = a.links[s->hand_cold].next;
        clock_pro_limit_names(s, a, f);
    } else {
        clock_pro_unlink(s, a, f, node);
    }
    return node;
}

KB_HOOK uint32_t clock_pro_victim(KB_SELF(clock_pro), uint32_t wanted,
                                  KB_UNUSED struct kb_when when) {
    s->exempt =
        wanted != KB_NO_WANTED && a.where[wanted] != 0 ? a.where[wanted] - 1 : CLOCK_PRO_NO_NODE;
    while (s->hot + s->cold > s->passed) {
        if (s->cold == s->passed)
            clock_pro_run_hot(s, a, f);
        uint32_t node = s->hand_cold;
        uint8_t status = a.status[node];
        s->base.examined++;
        if ((status & (CLOCK_PRO_RESIDENT | CLOCK_PRO_HOT)) != CLOCK_PRO_RESIDENT ||
            f.flags[node] & KB_PASSED_OVER) {
            s->hand_cold = a.links[node].next;
            continue;
        }
        if (!(f.flags[node] & KB_REFERENCED))
            return clock_pro_take(s, a, f, node);
        kb_clear_referenced(f, node, 0);
        s->base.bit_clears++;
        if (status & CLOCK_PRO_TEST) {
            clock_pro_grow(s, a, f);
            clock_pro_promote(s, a, f, node);
        } else {
            a.status[node] |= CLOCK_PRO_TEST;
            clock_pro_to_head(s, a, f, node);
        }
    }
    clock_pro_forgive(s, a, f); /* all were refused: the next search begins anew */
    return KB_NO_FRAME;
}

/* It stays as a cold page that is not in test, and is passed over until the next load. */
KB_HOOK void clock_pro_refused(KB_SELF(clock_pro), uint32_t frame) {
    if (a.where[f.page[frame]] != 0)
        clock_pro_drop(s, a, f, a.where[f.page[frame]] - 1);
    a.status[frame] = CLOCK_PRO_LISTED | CLOCK_PRO_RESIDENT;
    s->cold++;
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
    clock_pro_insert(s, a, f, frame);
}

KB_HOOK void clock_pro_forget(KB_SELF(clock_pro), uint32_t frame, KB_UNUSED enum kb_why why) {
    uint8_t status = a.status[frame];
    if (status == 0)
        return; /* the victim */
    if (f.flags[frame] & KB_PASSED_OVER)
        s->passed--;
    clock_pro_unlink(s, a, f, frame);
    a.status[frame] = 0;
    s->hot -= (status & CLOCK_PRO_HOT) != 0;
    s->cold -= (status & CLOCK_PRO_HOT) == 0;
}

static inline uint32_t clock_pro_hand(const struct clock_pro *s) {
    return s->hand_cold < s->base.capacity ? s->hand_cold : KB_NO_FRAME;
}

#define KB_POLICY clock_pro
#define KB_POLICY_NAME "clock-pro"
#define KB_POLICY_SOURCE "Jiang, Chen, Zhang 2005"
#define KB_POLICY_NEEDS KB_NEEDS_REFERENCED
#define KB_POLICY_HAND 1
#include "policy/policy_emit.h"
