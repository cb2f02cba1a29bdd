/* replay.h - one policy with one number of frames, fed with a trace block by block.
 *
 * Memory: 5 bytes a frame (page, flags), 4 bytes a page (frame), and what the
 * policy itself needs. It does not grow with the trace's length; policies that
 * need the future share a kb_future. */
#ifndef KB_REPLAY_REPLAY_H
#define KB_REPLAY_REPLAY_H

#include "base/host.h"
#include "policy/loop.h"
#include "trace/run.h"

/* The whole trace, for policies that need the future: 8 bytes a run. */
struct kb_future {
    uint32_t *runs; /* page : 30 | kind : 2, the kind in the high bits */
    uint32_t *next; /* number of the next run of the same page; 0: none. NULL before finish */
    uint64_t count, room;
    uint64_t references;
    uint32_t pages;
    const struct kb_host *host;
};

/* Room for the look-ahead of the loops, behind the last run. */
#define KB_FUTURE_PADDING 64

void kb_future_init(struct kb_future *future, const struct kb_host *host);
kb_status kb_future_append(struct kb_future *future, const struct kb_block *block,
                           struct kb_error *error) KB_MUST_CHECK;
/* Computes next from behind, once. Afterwards nothing may be appended. */
kb_status kb_future_finish(struct kb_future *future, struct kb_error *error) KB_MUST_CHECK;
void kb_future_free(struct kb_future *future);

struct kb_result {
    uint64_t references, faults, cold_faults, evictions, write_backs, still_dirty;
    uint64_t time_marks, bit_sets, bit_clears, examined;
    uint64_t prefetches;                           /* pages that came ahead (ahead.h) */
    uint64_t useful_prefetches, wasted_prefetches; /* that were used; that left before that */
    uint64_t frames;                               /* 0 in variable space */
    double resident_mean;                          /* variable space */
    uint64_t resident_peak;                        /* variable space */
    uint64_t state_bytes;                          /* memory that this replay used */
};

struct kb_replay {
    struct kb_policy_spec spec;
    struct kb_loop loop;
    const struct kb_host *host;
    size_t state_bytes;
    size_t page_room, frame_room; /* lengths of the arrays by page and by frame */
    uint64_t references, cold;
    const struct kb_future *future;
    const uint32_t *processes; /* for events: the process of each page id; NULL: all are 0. The
                                  host sets it before each block */
    uint32_t process;          /* whose references come now */
};

/* frames is ignored in variable space. future: needed (and finished) for KB_NEEDS_FUTURE. */
kb_status kb_replay_init(struct kb_replay *replay, const struct kb_policy_spec *spec,
                         uint32_t frames, const struct kb_future *future,
                         const struct kb_host *host, struct kb_error *error) KB_MUST_CHECK;

/* Makes room for page ids below pages. */
kb_status kb_replay_grow(struct kb_replay *replay, uint32_t pages,
                         struct kb_error *error) KB_MUST_CHECK;

/* Replays a block (not with a future: that is replayed whole by kb_replay_future). page_numbers
 * tells the number of each page id, for the ranges of events; NULL: events are passed over. */
kb_status kb_replay_block(struct kb_replay *replay, const struct kb_block *block,
                          const uint64_t *page_numbers, struct kb_error *error) KB_MUST_CHECK;

/* Replays count runs of the future from where it stands. */
void kb_replay_future(struct kb_replay *replay, uint64_t count);

/* Whether the policy wants the whole future. */
static inline bool kb_replay_needs_future(const struct kb_policy *policy) {
    return (policy->needs & KB_NEEDS_FUTURE) != 0;
}

/* The frames as the policy is shown them. */
struct kb_frames kb_replay_frames(struct kb_replay *replay);

void kb_replay_result(const struct kb_replay *replay, struct kb_result *result);
void kb_replay_free(struct kb_replay *replay);

#endif
