/* step.c - a replay one reference at a time.
 *
 * Each reference goes through the policy's own loop, so what is shown is what
 * a fast replay does. A copy of state and flags from before the reference is
 * asked for the number that decided about the victim. */
#include "replay/step.h"

#include <stdlib.h>
#include <string.h>

/* Frames shown though they stay empty; a copy of all is made at each step. */
#define MOST_IDLE 4096

struct stepper {
    struct kb_replay replay;
    struct kb_future future;
    const struct kb_run *runs;
    uint32_t count, pages;
    const uint64_t *numbers;

    /* before the reference */
    void *state;
    uint8_t *flags;
    uint32_t *page_of;
    uint32_t *frame_of;

    uint64_t *released;
    uint32_t released_count;
};

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "steps", (unsigned long long)bytes);
}

kb_status kb_step_read(struct kb_step_trace *trace, struct kb_reader *reader,
                       struct kb_error *error) {
    struct kb_block block;
    size_t bytes = (KB_MOST_STEPS + KB_RUN_PADDING) * sizeof *trace->runs;
    memset(trace, 0, sizeof *trace);
    trace->runs = calloc(1, bytes);
    if (trace->runs == NULL)
        return out_of_memory(error, bytes);
    for (;;) {
        kb_status status = kb_reader_next(reader, &block, error);
        if (status != KB_OK)
            return status;
        if (block.count == 0 && block.event_count == 0)
            break;
        if (block.references > KB_MOST_STEPS - trace->count)
            return kb_fail(error, KB_USAGE, KB_MSG_too_many_steps,
                           (unsigned long long)KB_MOST_STEPS);
        for (uint32_t i = 0; i < block.count; i++)
            for (uint32_t n = kb_run_count(block.runs[i]); n > 0; n--)
                trace->runs[trace->count++] =
                    kb_run_make(block.runs[i].page, kb_run_kind(block.runs[i]), 1);
        trace->pages = block.pages;
    }
    bytes = (size_t)trace->pages * sizeof *trace->numbers;
    trace->numbers = malloc(bytes);
    if (trace->numbers == NULL)
        return out_of_memory(error, bytes);
    memcpy(trace->numbers, kb_reader_page_numbers(reader), bytes);
    return KB_OK;
}

void kb_step_free(struct kb_step_trace *trace) {
    free(trace->runs);
    free(trace->numbers);
    memset(trace, 0, sizeof *trace);
}

static kb_status set_up(struct stepper *s, const struct kb_policy_spec *spec, uint32_t frames,
                        const struct kb_host *host, struct kb_error *error) {
    bool ahead = kb_replay_needs_future(spec->policy);
    if (frames > s->pages && frames > MOST_IDLE) /* no page will ever leave */
        frames = s->pages > MOST_IDLE ? s->pages : MOST_IDLE;
    struct kb_block whole = {
        .runs = s->runs, .count = s->count, .references = s->count, .pages = s->pages};
    kb_future_init(&s->future, host);
    kb_status status = KB_OK;
    if (ahead)
        status = kb_future_append(&s->future, &whole, error);
    if (ahead && status == KB_OK)
        status = kb_future_finish(&s->future, error);
    if (status == KB_OK)
        status = kb_replay_init(&s->replay, spec, frames, ahead ? &s->future : NULL, host, error);
    if (status == KB_OK)
        status = kb_replay_grow(&s->replay, s->pages, error);
    if (status != KB_OK)
        return status;
    s->state = malloc(s->replay.state_bytes);
    s->flags = malloc(s->replay.frame_room + 1);
    s->page_of = malloc((s->replay.frame_room + 1) * sizeof *s->page_of);
    s->frame_of = malloc(s->replay.page_room * sizeof *s->frame_of);
    s->released = malloc((size_t)s->pages * sizeof *s->released);
    if (s->state == NULL || s->flags == NULL || s->page_of == NULL || s->frame_of == NULL ||
        s->released == NULL)
        return out_of_memory(error, s->replay.state_bytes);
    return KB_OK;
}

static void tear_down(struct stepper *s) {
    kb_replay_free(&s->replay);
    kb_future_free(&s->future);
    free(s->state);
    free(s->flags);
    free(s->page_of);
    free(s->frame_of);
    free(s->released);
}

static void save(struct stepper *s) {
    const struct kb_loop *loop = &s->replay.loop;
    memcpy(s->state, loop->state, s->replay.state_bytes);
    memcpy(s->flags, loop->flags, s->replay.frame_room);
    memcpy(s->page_of, loop->page_of, s->replay.frame_room * sizeof *s->page_of);
    memcpy(s->frame_of, loop->frame_of, s->replay.page_room * sizeof *s->frame_of);
}

/* The number that spoke against the frame's page before this reference. */
static uint64_t mark_before(struct stepper *s, uint32_t frame) {
    const struct kb_policy *policy = s->replay.spec.policy;
    struct kb_frames frames = {.flags = s->flags,
                               .page = s->page_of,
                               .count = s->replay.loop.used,
                               .future = s->replay.loop.future,
                               .frame_of = s->frame_of};
    return policy->mark != NULL ? policy->mark(s->state, &frames, frame) : 0;
}

static int by_number(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* Variable space: who was resident before and is not now. */
static void find_released(struct stepper *s) {
    const struct kb_loop *loop = &s->replay.loop;
    s->released_count = 0;
    for (uint32_t page = 0; page < s->pages; page++)
        if (s->frame_of[page] != 0 && loop->frame_of[page] == 0)
            s->released[s->released_count++] = s->numbers[page];
    qsort(s->released, s->released_count, sizeof *s->released, by_number);
}

static void explain(struct stepper *s, struct kb_step *step, uint32_t used_before) {
    const struct kb_policy *policy = s->replay.spec.policy;
    bool variable = policy->needs & KB_VARIABLE_SPACE;
    if (variable) {
        find_released(s);
        step->released = s->released;
        step->released_count = s->released_count;
        if (s->released_count > 0)
            step->why = policy->why;
        return;
    }
    if (!step->fault || s->replay.loop.used != used_before)
        return;
    step->evicted = true;
    step->victim = s->numbers[s->page_of[step->frame]];
    step->mark = mark_before(s, step->frame);
    step->why = step->mark == KB_NEVER ? policy->why_never : policy->why;
}

static kb_status one_step(struct stepper *s, uint32_t i, struct kb_step *step,
                          struct kb_error *error) {
    struct kb_loop *loop = &s->replay.loop;
    const struct kb_policy *policy = s->replay.spec.policy;
    uint64_t faults = loop->faults, writes = loop->write_backs;
    uint32_t used = loop->used;
    struct kb_run one[1 + KB_RUN_PADDING];
    struct kb_block block = {.runs = one, .count = 1, .references = 1, .pages = s->pages};
    memset(one, 0, sizeof one);
    one[0] = s->runs[i];
    save(s);
    if (s->replay.future != NULL) {
        kb_replay_future(&s->replay, 1);
    } else {
        kb_status status = kb_replay_block(&s->replay, &block, NULL, error);
        if (status != KB_OK)
            return status;
    }
    *step = (struct kb_step){
        .reference = (uint64_t)i + 1,
        .page = s->numbers[s->runs[i].page],
        .kind = kb_run_kind(s->runs[i]),
        .fault = loop->faults > faults,
        .frame = loop->frame_of[s->runs[i].page] - 1,
        .write_back = loop->write_backs > writes,
        .hand = policy->hand != NULL ? policy->hand(loop->state) : KB_NO_FRAME,
        .why = KB_MSG_none,
        .slots = policy->needs & KB_VARIABLE_SPACE ? loop->used : loop->frames,
        .page_of = loop->page_of,
        .flags = loop->flags,
        .page_numbers = s->numbers,
    };
    explain(s, step, used);
    return KB_OK;
}

kb_status kb_step_run(const struct kb_policy_spec *spec, uint32_t frames,
                      const struct kb_step_trace *trace, const struct kb_host *host,
                      kb_status (*tell)(void *context, const struct kb_step *step,
                                        struct kb_error *error),
                      void *context, struct kb_result *result, struct kb_error *error) {
    struct stepper s = {.runs = trace->runs,
                        .count = trace->count,
                        .pages = trace->pages,
                        .numbers = trace->numbers};
    struct kb_step step;
    kb_status status = set_up(&s, spec, frames, host, error);
    for (uint32_t i = 0; i < s.count && status == KB_OK; i++) {
        status = one_step(&s, i, &step, error);
        if (status == KB_OK)
            status = tell(context, &step, error);
    }
    if (status == KB_OK) {
        kb_replay_result(&s.replay, result);
        result->references = s.count;
        result->cold_faults = s.pages;
    }
    tear_down(&s);
    return status;
}
