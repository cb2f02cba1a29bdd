/* ahead.h - a replay in which a fetch strategy brings pages before they are needed: the host of
 * policy/fetch beside the one of the policy.
 *
 * It is a loop of its own, through the policy's table, so that the plain
 * replay's loops stay as they are. Counts are those of the simulated machine
 * (os/ahead.c): pages come behind the reference that caused it, into free
 * frames or, with evict=yes, into those of victims; every page number is legal.
 * Not for policies that need the future, or that have no number of frames. */
#ifndef KB_REPLAY_AHEAD_H
#define KB_REPLAY_AHEAD_H

#include "policy/fetch/fetch.h"
#include "replay/replay.h"
#include "trace/intern.h"

/* A process of the trace, and what its strategy has learnt. */
struct kb_ahead_process {
    uint32_t number;
    void *state;
};

struct kb_ahead {
    struct kb_replay replay; /* frames, flags, the policy; page ids are those of `pages` */
    struct kb_fetch_spec fetch;
    struct kb_intern pages; /* those of the trace and those that came ahead */
    uint32_t *own;          /* by id of the trace: own id + 1 */
    uint32_t own_room;
    uint8_t *waits; /* by frame: its page came ahead and was not used yet */
    uint8_t *held;  /* by frame: it may not go now */
    struct kb_ahead_process *process;
    uint32_t process_count, last; /* last: whose page came last */
    uint64_t prefetches, useful, wasted;
};

/* KB_USAGE: the policy does not go with it. */
kb_status kb_ahead_init(struct kb_ahead *ahead, const struct kb_policy_spec *policy,
                        const struct kb_fetch_spec *fetch, uint32_t frames,
                        const struct kb_host *host, struct kb_error *error) KB_MUST_CHECK;

/* Replays a block; page_numbers, processes: of its page ids, processes NULL: all are 0. Its events
 * are passed over. */
kb_status kb_ahead_block(struct kb_ahead *ahead, const struct kb_block *block,
                         const uint64_t *page_numbers, const uint32_t *processes,
                         struct kb_error *error) KB_MUST_CHECK;

void kb_ahead_result(const struct kb_ahead *ahead, struct kb_result *result);
void kb_ahead_free(struct kb_ahead *ahead);

#endif
