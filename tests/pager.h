/* pager.h - a second host of policies, for tests: it drives one through its table of functions as a
 * live pager does, and watches that the contract of policy.h is kept.
 *
 * Lateness: a reference sets R and M at once, as hardware does; the policy
 * hears of it (touch, tick) at the next harvest, once a frame. With late = 0
 * it does what the generated loops do, step by step.
 *
 * A search for a victim asks and refuses until a frame may go, or as many
 * frames as are resident have been refused. Refusals of an earlier search may
 * still stand; KB_NO_FRAME forgives all of them, so the host asks once more.
 *
 * All arrays have their very size, for a sanitizer. The first broken rule is
 * kept in `broken`. */
#ifndef KB_TESTS_PAGER_H
#define KB_TESTS_PAGER_H

#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "replay/replay.h"

enum pager_op_kind {
    PAGER_REFERENCE,
    PAGER_HARVEST,
    PAGER_PREFETCH, /* value: 0 … 2 for prefetch, moved, zero fill */
    PAGER_FORGET,   /* value: the reason */
    PAGER_EVICT,    /* and leave the frame empty */
    PAGER_PIN,
    PAGER_UNPIN,
    PAGER_PIN_ALL,
    PAGER_UNPIN_ALL,
    PAGER_BUSY, /* value: so many proposals are refused */
    PAGER_BUDGET,
    PAGER_GROW,
    PAGER_OPS
};

struct pager_op {
    enum pager_op_kind kind;
    uint32_t page; /* or frame, or frames */
    uint32_t value;
    enum kb_kind access;
};

struct pager {
    struct kb_policy_spec spec;
    void *state;
    size_t state_bytes;
    uint32_t frames; /* of the arrays: the capacity */
    uint32_t limit;  /* the budget */
    uint32_t pages;
    uint32_t used, resident;
    bool late;
    uint64_t now; /* references done; with a future: runs */
    uint64_t tick_at;
    const struct kb_future *future;

    /* by frame */
    uint8_t *flags;
    uint8_t *shadow;  /* R, M, RESIDENT as the host knows them */
    uint8_t *refused; /* in this search */
    uint8_t *cleared; /* the policy said that R went, since the last look */
    uint8_t *pinned;  /* by the machine behind the host */
    uint32_t *page_of;
    uint32_t *waiting; /* references that the policy has not heard of */
    uint64_t *next_use;
    uint32_t *free_list;
    uint32_t free_count;

    uint32_t *frame_of; /* by page: frame + 1 */

    uint32_t busy;  /* proposals still to refuse */
    uint32_t stale; /* refusals that an earlier search left behind */
    uint64_t faults, evictions, write_backs, asked, stalled;
    uint64_t history; /* a hash of all that the policy decided */
    const char *broken;
    struct kb_frames view; /* as the policy was last shown it */
};

static inline void pager_rule(struct pager *p, bool kept, const char *rule) {
    if (!kept && p->broken == NULL)
        p->broken = rule;
}

static inline void pager_note(struct pager *p, uint64_t what) {
    p->history = (p->history ^ what) * UINT64_C(0x100000001b3) + 1;
}

static inline bool pager_variable(const struct pager *p) {
    return (p->spec.policy->needs & KB_VARIABLE_SPACE) != 0;
}

/* ---- memory of exact sizes ---- */

static inline void *pager_take(size_t bytes) {
    void *memory = calloc(1, bytes + (bytes == 0));
    if (memory == NULL)
        abort();
    return memory;
}

static inline void pager_enlarge(void *array, size_t old_bytes, size_t bytes) {
    void *old, *fresh = pager_take(bytes);
    memcpy(&old, array, sizeof old);
    if (old_bytes > 0)
        memcpy(fresh, old, old_bytes);
    free(old);
    memcpy(array, &fresh, sizeof fresh);
}

static inline void pager_grow_state(struct pager *p) {
    uint64_t horizon = p->future != NULL ? p->future->count : 0;
    size_t bytes = p->spec.policy->size(p->frames, p->pages, horizon);
    if (bytes <= p->state_bytes)
        return;
    pager_enlarge(&p->state, p->state_bytes, bytes);
    p->state_bytes = bytes;
}

static inline void pager_grow_frames(struct pager *p, uint32_t frames) {
    size_t old = p->frames, n = frames;
    pager_enlarge(&p->flags, old, n);
    pager_enlarge(&p->shadow, old, n);
    pager_enlarge(&p->refused, old, n);
    pager_enlarge(&p->cleared, old, n);
    pager_enlarge(&p->pinned, old, n);
    pager_enlarge(&p->page_of, old * 4, n * 4);
    pager_enlarge(&p->waiting, old * 4, n * 4);
    pager_enlarge(&p->next_use, old * 8, n * 8);
    pager_enlarge(&p->free_list, old * 4, n * 4);
    p->frames = frames;
}

static inline void pager_grow_pages(struct pager *p, uint32_t pages) {
    if (pages <= p->pages)
        return;
    pager_enlarge(&p->frame_of, (size_t)p->pages * 4, (size_t)pages * 4);
    p->pages = pages;
    pager_grow_state(p);
}

static inline void pager_init(struct pager *p, const struct kb_policy_spec *spec, uint32_t frames,
                              uint32_t pages, const struct kb_future *future) {
    memset(p, 0, sizeof *p);
    p->spec = *spec;
    p->future = future;
    pager_grow_frames(p, frames);
    p->limit = frames;
    pager_grow_pages(p, pages);
    pager_grow_state(p);
    const struct kb_policy *policy = spec->policy;
    policy->init(p->state, spec->values, frames, pages, future != NULL ? future->count : 0);
    uint64_t period = policy->period != NULL ? policy->period(p->state) : 0;
    p->tick_at = period > 0 ? period : UINT64_MAX;
}

static inline void pager_copy_array(void *array, size_t bytes) {
    void *from, *to = pager_take(bytes);
    memcpy(&from, array, sizeof from);
    if (bytes > 0)
        memcpy(to, from, bytes);
    memcpy(array, &to, sizeof to);
}

/* The state is copied as bytes; nothing in it may point into itself. */
static inline void pager_clone(struct pager *to, const struct pager *from) {
    *to = *from;
    size_t n = from->frames;
    pager_copy_array(&to->state, from->state_bytes);
    pager_copy_array(&to->flags, n);
    pager_copy_array(&to->shadow, n);
    pager_copy_array(&to->refused, n);
    pager_copy_array(&to->cleared, n);
    pager_copy_array(&to->pinned, n);
    pager_copy_array(&to->page_of, n * 4);
    pager_copy_array(&to->waiting, n * 4);
    pager_copy_array(&to->next_use, n * 8);
    pager_copy_array(&to->free_list, n * 4);
    pager_copy_array(&to->frame_of, (size_t)from->pages * 4);
}

static inline void pager_free(struct pager *p) {
    free(p->state);
    free(p->flags);
    free(p->shadow);
    free(p->refused);
    free(p->cleared);
    free(p->pinned);
    free(p->page_of);
    free(p->waiting);
    free(p->next_use);
    free(p->free_list);
    free(p->frame_of);
}

/* ---- what the policy may ask of its host ---- */

static inline void pager_clean(void *host, uint32_t frame) {
    struct pager *p = host;
    pager_rule(p, frame < p->frames && p->flags[frame] & KB_RESIDENT,
               "cleaned a frame without a page");
    pager_rule(p, p->flags[frame] & KB_MODIFIED, "cleaned a clean page");
    p->flags[frame] &= (uint8_t)~KB_MODIFIED;
    p->shadow[frame] &= (uint8_t)~KB_MODIFIED;
    p->write_backs++;
    pager_note(p, UINT64_C(1) << 32 | frame);
}

/* R of the frame went from 1 to 0, once, and is 0 now. */
static inline void pager_cleared(void *host, uint32_t frame) {
    struct pager *p = host;
    bool fine = frame < p->frames && (p->flags[frame] & KB_RESIDENT) != 0;
    pager_rule(p, fine, "announced R of a frame without a page");
    if (!fine)
        return;
    pager_rule(p, !(p->flags[frame] & KB_REFERENCED), "announced R before it was cleared");
    pager_rule(p, p->shadow[frame] & KB_REFERENCED, "announced R, which was 0 before");
    pager_rule(p, !p->cleared[frame], "announced R twice");
    p->cleared[frame] = 1;
}

/* What the policy did to a frame's flags since the last look: they are the host's, but for R, which
 * may go if that is announced, and PASSED_OVER. */
static inline void pager_look(struct pager *p, uint32_t frame) {
    uint8_t theirs = p->flags[frame] & (uint8_t)~KB_PASSED_OVER, mine = p->shadow[frame];
    pager_rule(p, (theirs | KB_REFERENCED) == (mine | KB_REFERENCED), "changed another flag");
    pager_rule(p, !(theirs & ~mine), "set R");
    pager_rule(p, (theirs != mine) == (p->cleared[frame] != 0),
               "cleared R and did not announce it");
    p->shadow[frame] = theirs;
    p->cleared[frame] = 0;
}

/* The page leaves its frame, of which the policy knows. */
static inline void pager_vacate(struct pager *p, uint32_t frame) {
    pager_look(p, frame);
    p->frame_of[p->page_of[frame]] = 0;
    p->flags[frame] = p->shadow[frame] = 0;
    p->pinned[frame] = 0;
    p->waiting[frame] = 0;
    p->resident--;
}

static inline void pager_count_eviction(struct pager *p, uint32_t frame) {
    p->evictions++;
    p->write_backs += (p->flags[frame] & KB_MODIFIED) != 0;
    pager_note(p, UINT64_C(2) << 32 | frame);
}

static inline void pager_release(void *host, uint32_t frame, uint64_t when) {
    struct pager *p = host;
    bool fine = frame < p->frames && (p->flags[frame] & KB_RESIDENT) != 0;
    pager_rule(p, pager_variable(p), "released a frame in fixed space");
    pager_rule(p, fine, "released a frame without a page");
    pager_rule(p, when >= 1 && when <= p->now + 1, "released at a time that is not yet");
    if (!fine)
        return;
    pager_count_eviction(p, frame);
    pager_vacate(p, frame);
    p->free_list[p->free_count++] = frame;
}

static inline const struct kb_frames *pager_view(struct pager *p) {
    p->view = (struct kb_frames){.flags = p->flags,
                                 .page = p->page_of,
                                 .count = p->used,
                                 .future = p->future != NULL ? p->future->runs : NULL,
                                 .frame_of = p->frame_of,
                                 .host = p,
                                 .clean = pager_clean,
                                 .release = pager_release,
                                 .cleared = pager_cleared};
    return &p->view;
}

/* After each call. */
static inline void pager_watch(struct pager *p) {
    for (uint32_t i = 0; i < p->used; i++)
        pager_look(p, i);
}

static inline struct kb_when pager_when(const struct pager *p, uint64_t next) {
    return (struct kb_when){p->future != NULL ? p->now : p->now + 1, next};
}

/* ---- time ---- */

static inline void pager_tick(struct pager *p) {
    p->spec.policy->tick(p->state, pager_view(p), p->now);
    p->tick_at += p->spec.policy->period(p->state);
    pager_watch(p);
}

/* The policy hears of references: each frame once, in the order of frames. */
static inline void pager_harvest(struct pager *p) {
    for (uint32_t frame = 0; frame < p->used; frame++) {
        uint32_t count = p->waiting[frame];
        p->waiting[frame] = 0;
        if (count == 0)
            continue;
        struct kb_when when = {p->now + 1 - count, 0};
        if (p->future != NULL)
            when = (struct kb_when){p->now - 1, p->next_use[frame]}, count = 1;
        p->spec.policy->touch(p->state, pager_view(p), frame, count, when);
        pager_watch(p);
    }
    while (p->tick_at <= p->now)
        pager_tick(p);
}

/* ---- victims ---- */

static inline bool pager_may_go(struct pager *p, uint32_t frame) {
    if (p->pinned[frame])
        return false;
    if (p->busy == 0)
        return true;
    p->busy--;
    return false;
}

/* One proposal, checked; KB_NO_FRAME if there is none. */
static inline uint32_t pager_ask(struct pager *p, uint32_t wanted, uint32_t refusals) {
    uint64_t next = p->future != NULL && p->now < p->future->count ? p->future->next[p->now] : 0;
    uint32_t frame = p->spec.policy->victim(p->state, pager_view(p), wanted,
                                            pager_when(p, next == 0 ? KB_NEVER : next));
    p->asked++;
    pager_note(p, UINT64_C(3) << 32 | frame);
    pager_watch(p);
    if (frame == KB_NO_FRAME) {
        pager_rule(p, p->stale > 0 || refusals >= p->resident,
                   "no victim, though not all were refused");
        return frame;
    }
    bool there = frame < p->used && (p->flags[frame] & KB_RESIDENT) != 0;
    pager_rule(p, there, "a victim that is not resident");
    if (!there)
        return KB_NO_FRAME;
    pager_rule(p, p->refused[frame] == 0, "a victim that was refused in this search");
    return frame;
}

/* A frame that may go, or KB_NO_FRAME: then the fault must wait. */
static inline uint32_t pager_search(struct pager *p, uint32_t wanted) {
    uint32_t refusals = 0, most = p->resident, found = KB_NO_FRAME;
    memset(p->refused, 0, p->frames);
    while (found == KB_NO_FRAME && refusals < most && p->broken == NULL) {
        uint32_t frame = pager_ask(p, wanted, refusals);
        if (frame == KB_NO_FRAME) {
            bool again = p->stale > 0;
            p->stale = 0;
            memset(p->refused, 0, p->frames);
            if (!again)
                return KB_NO_FRAME; /* so it forgave */
            refusals = 0;
            continue;
        }
        if (pager_may_go(p, frame)) {
            found = frame;
            continue;
        }
        p->spec.policy->refused(p->state, pager_view(p), frame);
        p->refused[frame] = 1;
        refusals++;
        pager_watch(p);
    }
    p->stale += refusals;
    return found;
}

/* ---- pages come and go ---- */

static inline void pager_forget(struct pager *p, uint32_t frame, enum kb_why why) {
    p->spec.policy->forget(p->state, pager_view(p), frame, why);
    if (why == KB_EVICTED || why == KB_RELEASED)
        pager_count_eviction(p, frame);
    pager_vacate(p, frame);
    p->free_list[p->free_count++] = frame;
    pager_watch(p);
}

static inline bool pager_evict(struct pager *p) {
    uint32_t frame = pager_search(p, KB_NO_WANTED);
    if (frame == KB_NO_FRAME)
        return false;
    pager_forget(p, frame, KB_EVICTED);
    return true;
}

static inline bool pager_has_free(const struct pager *p) {
    return p->resident < p->limit && (p->free_count > 0 || p->used < p->frames);
}

static inline uint32_t pager_take_free(struct pager *p) {
    return p->free_count > 0 ? p->free_list[--p->free_count] : p->used++;
}

static inline uint32_t pager_frame_for(struct pager *p, uint32_t page) {
    if (pager_has_free(p))
        return pager_take_free(p);
    uint32_t frame = pager_search(p, page);
    if (frame == KB_NO_FRAME)
        return frame;
    pager_count_eviction(p, frame);
    pager_vacate(p, frame);
    return frame;
}

/* With why = fault, the first reference is made with it. */
static inline void pager_admit(struct pager *p, uint32_t frame, uint32_t page, enum kb_why why,
                               uint8_t bits, struct kb_when when) {
    p->frame_of[page] = frame + 1;
    p->page_of[frame] = page;
    p->flags[frame] = p->shadow[frame] = (uint8_t)(KB_RESIDENT | bits);
    p->resident++;
    p->stale = 0;
    pager_note(p, UINT64_C(4) << 32 | frame);
    p->spec.policy->admit(p->state, pager_view(p), frame, page, why, when);
    pager_watch(p);
}

static inline uint64_t pager_next_use(const struct pager *p, uint32_t page) {
    for (uint64_t i = p->now; p->future != NULL && i < p->future->count; i++)
        if ((p->future->runs[i] & KB_FUTURE_PAGE) == page)
            return i;
    return KB_NEVER;
}

static inline void pager_prefetch(struct pager *p, uint32_t page, uint32_t how) {
    static const enum kb_why whys[] = {KB_BY_PREFETCH, KB_BY_MOVE, KB_BY_ZERO_FILL};
    if (page >= p->pages || p->frame_of[page] != 0 || !pager_has_free(p))
        return;
    uint64_t next = pager_next_use(p, page);
    pager_admit(p, pager_take_free(p), page, whys[how % 3], 0, pager_when(p, next));
}

/* ---- references ---- */

/* count references in a row before any tick. */
static inline void pager_reference_part(struct pager *p, uint32_t page, enum kb_kind kind,
                                        uint32_t count, uint64_t next) {
    const uint8_t bits = (uint8_t)(KB_REFERENCED | (kind == KB_WRITE ? KB_MODIFIED : 0));
    const struct kb_policy *policy = p->spec.policy;
    const uint32_t took = p->future != NULL ? 1 : count; /* time */
    struct kb_when when = pager_when(p, next);
    uint32_t frame = p->frame_of[page] - 1;
    if (frame == KB_NO_FRAME) {
        frame = pager_frame_for(p, page);
        if (frame == KB_NO_FRAME) {
            p->stalled++;
            p->now += took;
            return;
        }
        p->faults++;
        pager_admit(p, frame, page, KB_BY_FAULT, bits, when);
        when.now += p->future != NULL ? 0 : 1;
        count--;
    }
    p->next_use[frame] = next;
    p->now += took;
    if (count == 0)
        return;
    p->flags[frame] |= bits;
    p->shadow[frame] |= bits;
    p->waiting[frame] += count;
    if (p->late)
        return;
    p->waiting[frame] = 0;
    policy->touch(p->state, pager_view(p), frame, count, when);
    pager_watch(p);
}

static inline void pager_reference(struct pager *p, uint32_t page, enum kb_kind kind,
                                   uint32_t count) {
    if (p->future != NULL) {
        if (p->now >= p->future->count)
            return;
        uint32_t word = p->future->runs[p->now], next = p->future->next[p->now];
        pager_grow_pages(p, (word & KB_FUTURE_PAGE) + 1);
        pager_reference_part(p, word & KB_FUTURE_PAGE, (enum kb_kind)(word >> 30), 1,
                             next == 0 ? KB_NEVER : next);
        return;
    }
    if (page >= p->pages)
        return;
    while (!p->late && p->tick_at - p->now <= count) {
        uint32_t part = (uint32_t)(p->tick_at - p->now);
        pager_reference_part(p, page, kind, part, 0);
        count -= part;
        pager_tick(p);
    }
    if (count > 0)
        pager_reference_part(p, page, kind, count, 0);
}

/* ---- all operations ---- */

static inline void pager_budget(struct pager *p, uint32_t limit) {
    if (limit == 0 || limit > p->frames)
        return;
    p->limit = limit;
    if (!pager_variable(p))
        p->spec.policy->resize(p->state, limit);
    while (p->resident > p->limit && p->broken == NULL)
        if (!pager_evict(p)) {
            p->stalled++;
            return;
        }
}

/* More pages, and in variable space more frames. */
static inline void pager_grow(struct pager *p, uint32_t more) {
    pager_grow_pages(p, p->pages + more % 64);
    if (!pager_variable(p))
        return;
    pager_grow_frames(p, p->frames + more % 8);
    p->limit = p->frames;
    pager_grow_state(p);
    p->spec.policy->resize(p->state, p->frames);
}

static inline void pager_on_frame(struct pager *p, const struct pager_op *op) {
    uint32_t frame = p->used > 0 ? op->page % p->used : KB_NO_FRAME;
    static const enum kb_why whys[] = {KB_UNMAPPED, KB_RELEASED, KB_EXITED};
    if (frame == KB_NO_FRAME || !(p->flags[frame] & KB_RESIDENT))
        return;
    if (op->kind == PAGER_FORGET)
        pager_forget(p, frame, whys[op->value % 3]);
    else
        p->pinned[frame] = op->kind == PAGER_PIN;
}

static inline void pager_apply(struct pager *p, const struct pager_op *op) {
    uint32_t page = p->pages > 0 ? op->page % p->pages : 0;
    switch (op->kind) {
    case PAGER_REFERENCE:
        pager_reference(p, page, op->access, op->value);
        break;
    case PAGER_HARVEST:
        pager_harvest(p);
        break;
    case PAGER_PREFETCH:
        pager_prefetch(p, page, op->value);
        break;
    case PAGER_FORGET:
    case PAGER_PIN:
    case PAGER_UNPIN:
        pager_on_frame(p, op);
        break;
    case PAGER_EVICT:
        if (p->resident > 0)
            (void)pager_evict(p);
        break;
    case PAGER_PIN_ALL:
    case PAGER_UNPIN_ALL:
        memset(p->pinned, op->kind == PAGER_PIN_ALL, p->frames);
        break;
    case PAGER_BUSY:
        p->busy = op->value;
        break;
    case PAGER_BUDGET:
        pager_budget(p, 1 + op->page % p->frames);
        break;
    case PAGER_GROW:
        pager_grow(p, op->value);
        break;
    case PAGER_OPS:
        break;
    }
    pager_rule(p, p->resident <= p->limit || p->stalled > 0, "more resident than the budget");
}

#endif
