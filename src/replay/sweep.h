/* sweep.h - many policies and memory sizes in one pass over a trace.
 *
 * A round replays one block in every item while the next block is being read;
 * the host's workers share the tasks. LRU at three sizes and more is one task
 * (stack.h). Policies that need the future collect the trace and are replayed
 * at the end. */
#ifndef KB_REPLAY_SWEEP_H
#define KB_REPLAY_SWEEP_H

#include "policy/fetch/fetch.h"
#include "replay/replay.h"
#include "trace/reader.h"

struct kb_sweep_item {
    struct kb_policy_spec spec;
    uint32_t frames; /* ignored in variable space */
    struct kb_result result;
    uint64_t *interval_faults; /* with interval: faults up to the end of each; owned by the sweep */
};

struct kb_sweep {
    /* the request */
    struct kb_sweep_item *items; /* the caller's; results are written into it */
    size_t count;
    const struct kb_host *host;
    struct kb_fetch_spec fetch; /* pages that come ahead; not together with events or interval */
    bool events;                /* honour unmap and release; not together with interval */
    uint64_t interval;          /* references; 0: none */
    /* Called between rounds; phase 0: reading; 1: replaying the future, done of all. May be NULL.
     */
    void (*progress)(void *context, unsigned phase, uint64_t references, uint64_t all);
    void *progress_context;

    /* the trace, afterwards */
    uint64_t references, writes, executes;
    uint32_t pages;
    size_t intervals; /* whole and begun */
};

/* Reads the trace to its end. On failure no result is valid. */
kb_status kb_sweep_run(struct kb_sweep *sweep, struct kb_reader *reader,
                       struct kb_error *error) KB_MUST_CHECK;

/* Frees the interval arrays. */
void kb_sweep_free(struct kb_sweep *sweep);

/* Belady's anomaly: a larger memory with more faults. Compares the items of one policy that stand
 * next to each other by size; policies that draw at random are left out. Returns how many there
 * are, and writes up to room pairs. */
struct kb_anomaly {
    size_t smaller, larger; /* items */
};
size_t kb_sweep_anomalies(const struct kb_sweep *sweep, struct kb_anomaly *found, size_t room);

#endif
