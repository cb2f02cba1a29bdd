/* loop.h - the state of one replay: a policy, its frames, and the counters.
 *
 * The loop itself is generated once a policy (policy_emit.h), because a call
 * through a table at every reference costs more than the policy does. The
 * host (src/replay) owns all arrays. */
#ifndef KB_POLICY_LOOP_H
#define KB_POLICY_LOOP_H

#include "policy/policy.h"

struct kb_loop {
    void *state;         /* of the policy */
    uint32_t *frame_of;  /* by page: frame + 1, or 0 */
    uint32_t *page_of;   /* by frame */
    uint8_t *flags;      /* by frame */
    uint32_t frames;     /* how many may be used; variable space: arrays' length */
    uint32_t used;       /* frames 0 … used − 1 have been used */
    uint32_t *free_list; /* frames that were freed early: a stack; NULL until there is one */
    uint32_t free_count;
    uint32_t pages;         /* length of frame_of */
    uint64_t now;           /* references (with KB_NEEDS_FUTURE: runs) done */
    uint64_t tick_at;       /* the reference after which the next tick comes; UINT64_MAX: never */
    uint64_t horizon;       /* runs in all, with KB_NEEDS_FUTURE */
    const uint32_t *future; /* page : 30 | kind : 2 of each run, kind in the high bits */
    const uint32_t *next;   /* number of the next run of the same page; 0 = never */
    void (*clean)(void *loop, uint32_t frame); /* kb_loop_clean and kb_loop_release: pointers, so */
    void (*release)(void *loop, uint32_t frame,
                    uint64_t when);                         /* a user's object needs no symbols */
    void (*released)(struct kb_loop *loop, uint32_t frame); /* told of releases; may be NULL */

    /* results */
    uint64_t faults, evictions, write_backs;
    uint64_t lost_bits;     /* R bits that were 1 at eviction */
    uint64_t resident;      /* pages now resident (variable space) */
    uint64_t resident_peak; /* variable space */
    uint64_t resident_sum;  /* page × references, of pages that left (variable space) */
    uint64_t *loaded_at;    /* by frame, variable space: reference of the load */
};

/* clean and release of a replay host: writes complete at once. host is the kb_loop. */
void kb_loop_clean(void *host, uint32_t frame);
void kb_loop_release(void *host, uint32_t frame, uint64_t when);

#endif
