/* step.h - a replay one reference at a time, for people: what is in each frame, and why a page
 * leaves. */
#ifndef KB_REPLAY_STEP_H
#define KB_REPLAY_STEP_H

#include "replay/replay.h"
#include "trace/reader.h"

#define KB_MOST_STEPS 100000

struct kb_step {
    uint64_t reference; /* from 1 */
    uint64_t page;      /* page number */
    enum kb_kind kind;
    bool fault;
    bool evicted;        /* victim is valid (fixed space) */
    uint64_t victim;     /* page number */
    uint32_t frame;      /* of the page */
    bool write_back;     /* something was written at this reference */
    uint32_t hand;       /* KB_NO_FRAME: the policy has none */
    enum kb_message why; /* a template for victim, frame, mark; KB_MSG_none: nobody left */
    uint64_t mark;
    /* by frame; slots count entries, valid until the next step */
    uint32_t slots;
    const uint32_t *page_of; /* page ids: see page_numbers */
    const uint8_t *flags;    /* KB_RESIDENT, … */
    const uint64_t *page_numbers;
    /* variable space: pages that left, as numbers */
    const uint64_t *released;
    uint32_t released_count;
};

/* A short trace, held so that it can be replayed several times. */
struct kb_step_trace {
    struct kb_run *runs; /* one reference each, and padding */
    uint32_t count, pages;
    uint64_t *numbers; /* by page id */
};

/* Reads the trace to its end; more than KB_MOST_STEPS references are refused. */
kb_status kb_step_read(struct kb_step_trace *trace, struct kb_reader *reader,
                       struct kb_error *error) KB_MUST_CHECK;
void kb_step_free(struct kb_step_trace *trace);

/* Replays the trace under one policy and calls tell after each reference. result is that of a plain
 * replay. */
kb_status
kb_step_run(const struct kb_policy_spec *spec, uint32_t frames, const struct kb_step_trace *trace,
            const struct kb_host *host,
            kb_status (*tell)(void *context, const struct kb_step *step, struct kb_error *error),
            void *context, struct kb_result *result, struct kb_error *error) KB_MUST_CHECK;

#endif
