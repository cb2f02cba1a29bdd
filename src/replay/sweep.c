/* sweep.c - many policies and memory sizes in one pass over a trace. */
#include "replay/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "replay/ahead.h"
#include "replay/stack.h"

/* From this many sizes on LRU is done by the stack. */
#define STACK_FROM 3

/* Runs of the future that an item replays a round, so that progress can be shown. */
#define FUTURE_PART (1 << 21)

/* A promise of more pages than this is not believed before they are seen. */
#define MOST_PROMISED (UINT32_C(1) << 26)

enum how { BY_REPLAY, BY_STACK, BY_FUTURE, BY_AHEAD };

struct work {
    struct kb_sweep *sweep;
    struct kb_reader *reader;
    struct kb_replay *replays; /* by item */
    struct kb_ahead *aheads;   /* by item; NULL: nothing comes ahead */
    enum how *how;             /* by item */
    uint32_t *tasks;           /* items that have a task of their own each round */
    uint32_t task_count;
    bool has_stack, has_future;
    struct kb_stack stack;
    struct kb_future future;

    struct kb_block now, next; /* replayed, being read */
    bool read_on;              /* whether this round reads the next block */
    struct kb_error read_error;
    struct kb_error *errors; /* by task */

    /* with intervals: the part of a block up to the interval's end */
    struct kb_run *part;
    uint64_t *future_marks; /* runs of the future at the end of each interval */
    size_t mark_room;
};

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "sweep", (unsigned long long)bytes);
}

/* ---- setting up ---- */

static bool is_lru(const struct kb_sweep_item *item) {
    return strcmp(item->spec.policy->name, "lru") == 0 && item->spec.policy->text == NULL;
}

static void choose_how(struct work *w) {
    struct kb_sweep *s = w->sweep;
    size_t lru = 0;
    for (size_t i = 0; i < s->count; i++)
        lru += is_lru(&s->items[i]);
    bool stack = lru >= STACK_FROM && !s->events && s->interval == 0;
    for (size_t i = 0; i < s->count; i++) {
        w->how[i] = w->aheads != NULL ? BY_AHEAD : BY_REPLAY;
        if (w->aheads != NULL)
            continue;
        if (stack && is_lru(&s->items[i]))
            w->how[i] = BY_STACK;
        if (kb_replay_needs_future(s->items[i].spec.policy))
            w->how[i] = BY_FUTURE;
        w->has_stack |= w->how[i] == BY_STACK;
        w->has_future |= w->how[i] == BY_FUTURE;
    }
}

/* Pages that the trace says it has, so that arrays need not grow; 0: not known. */
static uint32_t pages_promised(struct kb_reader *reader) {
    struct kb_trace_info info;
    kb_reader_info(reader, &info);
    bool same = info.totals_known && info.page_size == info.grain;
    return same && info.pages <= MOST_PROMISED ? info.pages : 0;
}

static kb_status set_up(struct work *w, struct kb_error *error) {
    struct kb_sweep *s = w->sweep;
    uint32_t largest = 0, promised = pages_promised(w->reader);
    w->replays = calloc(s->count, sizeof *w->replays);
    w->how = calloc(s->count, sizeof *w->how);
    if (kb_fetch_looks_ahead(&s->fetch))
        w->aheads = calloc(s->count, sizeof *w->aheads);
    w->tasks = calloc(s->count + 3, sizeof *w->tasks);
    w->errors = calloc(s->count + 3, sizeof *w->errors);
    if (s->interval > 0)
        w->part = calloc(KB_BLOCK_RUNS + KB_RUN_PADDING, sizeof *w->part);
    if (w->replays == NULL || w->how == NULL || w->tasks == NULL || w->errors == NULL ||
        (s->interval > 0 && w->part == NULL) ||
        (kb_fetch_looks_ahead(&s->fetch) && w->aheads == NULL))
        return out_of_memory(error, s->count * sizeof *w->replays);
    choose_how(w);
    for (size_t i = 0; i < s->count; i++) {
        if (w->how[i] == BY_STACK && s->items[i].frames > largest)
            largest = s->items[i].frames;
        if (w->how[i] != BY_REPLAY && w->how[i] != BY_AHEAD)
            continue;
        w->tasks[w->task_count++] = (uint32_t)i;
        if (w->how[i] == BY_AHEAD) {
            kb_status status = kb_ahead_init(&w->aheads[i], &s->items[i].spec, &s->fetch,
                                             s->items[i].frames, s->host, error);
            if (status != KB_OK)
                return status;
            continue;
        }
        kb_status status = kb_replay_init(&w->replays[i], &s->items[i].spec, s->items[i].frames,
                                          NULL, s->host, error);
        if (status == KB_OK)
            status = kb_replay_grow(&w->replays[i], promised, error);
        if (status != KB_OK)
            return status;
    }
    kb_future_init(&w->future, s->host);
    return w->has_stack ? kb_stack_init(&w->stack, largest, s->host, error) : KB_OK;
}

static void tear_down(struct work *w) {
    for (size_t i = 0; w->replays != NULL && i < w->sweep->count; i++)
        if (w->replays[i].spec.policy != NULL)
            kb_replay_free(&w->replays[i]);
    for (size_t i = 0; w->aheads != NULL && i < w->sweep->count; i++)
        kb_ahead_free(&w->aheads[i]);
    free(w->aheads);
    if (w->has_stack)
        kb_stack_free(&w->stack);
    kb_future_free(&w->future);
    free(w->replays);
    free(w->how);
    free(w->tasks);
    free(w->errors);
    free(w->part);
    free(w->future_marks);
}

/* ---- one round ---- */

static void count_kinds(struct kb_sweep *s, const struct kb_block *block) {
    uint64_t writes = 0, executes = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t word = block->runs[i].word, count = word >> 2, kind = word & 3;
        writes += kind == KB_WRITE ? count : 0;
        executes += kind == KB_EXECUTE ? count : 0;
    }
    s->writes += writes;
    s->executes += executes;
}

static void read_next(struct work *w) {
    w->read_error.status = kb_reader_next(w->reader, &w->next, &w->read_error);
    if (w->read_error.status == KB_OK)
        count_kinds(w->sweep, &w->next);
}

/* Task numbers: 0 reads, then the stack, the future, and the items, as far as there are any. */
static void do_task(void *argument, unsigned index) {
    struct work *w = argument;
    struct kb_error *error = &w->errors[index];
    if (index == 0 && w->read_on) {
        read_next(w);
    } else if (index == 1 && w->has_stack) {
        error->status = kb_stack_block(&w->stack, &w->now, error);
    } else if (index == 2 && w->has_future) {
        error->status = kb_future_append(&w->future, &w->now, error);
    } else if (index >= 3 && w->aheads != NULL) {
        error->status = kb_ahead_block(&w->aheads[w->tasks[index - 3]], &w->now,
                                       kb_reader_page_numbers(w->reader),
                                       kb_reader_processes(w->reader), error);
    } else if (index >= 3) {
        struct kb_replay *replay = &w->replays[w->tasks[index - 3]];
        const uint64_t *numbers = w->sweep->events ? kb_reader_page_numbers(w->reader) : NULL;
        if (numbers != NULL)
            replay->processes = kb_reader_processes(w->reader);
        error->status = kb_replay_block(replay, &w->now, numbers, error);
    }
}

static void run_tasks(const struct kb_sweep *s, void (*task)(void *, unsigned), void *argument,
                      unsigned count) {
    if (s->host != NULL && s->host->workers != NULL) {
        s->host->workers->run(s->host->workers->context, task, argument, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        task(argument, i);
}

static kb_status first_error(struct work *w, unsigned tasks, struct kb_error *error) {
    for (unsigned i = 1; i < tasks; i++) {
        if (w->errors[i].status == KB_OK)
            continue;
        *error = w->errors[i];
        return error->status;
    }
    return KB_OK;
}

/* Replays w->now everywhere, and reads the next block unless read_on is false. */
static kb_status do_round(struct work *w, bool read_on, struct kb_error *error) {
    unsigned tasks = 3 + w->task_count;
    w->read_on = read_on;
    for (unsigned i = 0; i < tasks; i++)
        w->errors[i] = (struct kb_error){.language = error->language};
    run_tasks(w->sweep, do_task, w, tasks);
    return first_error(w, tasks, error);
}

/* ---- intervals ---- */

static kb_status note_interval(struct work *w, struct kb_error *error) {
    struct kb_sweep *s = w->sweep;
    if (s->intervals == w->mark_room) {
        size_t room = w->mark_room * 2 + 64;
        uint64_t *marks = realloc(w->future_marks, room * sizeof *marks);
        if (marks == NULL)
            return out_of_memory(error, room * sizeof *marks);
        w->future_marks = marks;
        for (size_t i = 0; i < s->count; i++) {
            uint64_t *faults = realloc(s->items[i].interval_faults, room * sizeof *faults);
            if (faults == NULL)
                return out_of_memory(error, room * sizeof *faults);
            s->items[i].interval_faults = faults;
        }
        w->mark_room = room;
    }
    for (size_t i = 0; i < s->count; i++)
        s->items[i].interval_faults[s->intervals] =
            w->how[i] == BY_REPLAY ? w->replays[i].loop.faults : 0;
    w->future_marks[s->intervals++] = w->future.count;
    return KB_OK;
}

/* Replays the block in parts that end with the intervals; a run may be cut. */
static kb_status block_in_intervals(struct work *w, struct kb_error *error) {
    struct kb_sweep *s = w->sweep;
    struct kb_block whole = w->now;
    uint32_t run = 0, used = 0; /* of run: references done */
    kb_status status = KB_OK;
    while (run < whole.count && status == KB_OK) {
        uint64_t left = s->interval - s->references % s->interval, sum = 0;
        uint32_t count = 0;
        while (run < whole.count && sum < left) {
            uint32_t n = kb_run_count(whole.runs[run]) - used;
            uint32_t take = n < left - sum ? n : (uint32_t)(left - sum);
            w->part[count++] =
                kb_run_make(whole.runs[run].page, kb_run_kind(whole.runs[run]), take);
            sum += take;
            used = take == n ? 0 : used + take;
            run += used == 0;
        }
        memset(w->part + count, 0, KB_RUN_PADDING * sizeof *w->part);
        w->now = (struct kb_block){
            .runs = w->part, .count = count, .references = sum, .pages = whole.pages};
        status = do_round(w, false, error);
        s->references += sum;
        if (status == KB_OK && s->references % s->interval == 0)
            status = note_interval(w, error);
    }
    return status;
}

/* ---- the future ---- */

struct future_round {
    struct work *w;
    const uint32_t *items;
};

static void replay_part(void *argument, unsigned index) {
    struct future_round *round = argument;
    struct kb_replay *replay = &round->w->replays[round->items[index]];
    kb_replay_future(replay, FUTURE_PART);
}

/* With intervals: item by item, from mark to mark. */
static void replay_to_marks(struct work *w, uint32_t item) {
    struct kb_replay *replay = &w->replays[item];
    for (size_t i = 0; i < w->sweep->intervals; i++) {
        kb_replay_future(replay, w->future_marks[i] - replay->loop.now);
        w->sweep->items[item].interval_faults[i] = replay->loop.faults;
    }
}

static kb_status replay_future(struct work *w, struct kb_error *error) {
    struct kb_sweep *s = w->sweep;
    unsigned count = 0;
    uint32_t *items = w->tasks; /* the blocks are done: the list can be used again */
    kb_status status = kb_future_finish(&w->future, error);
    for (size_t i = 0; i < s->count && status == KB_OK; i++) {
        if (w->how[i] != BY_FUTURE)
            continue;
        status = kb_replay_init(&w->replays[i], &s->items[i].spec, s->items[i].frames, &w->future,
                                s->host, error);
        if (status == KB_OK)
            status = kb_replay_grow(&w->replays[i], w->future.pages, error);
        items[count++] = (uint32_t)i;
    }
    if (status != KB_OK)
        return status;
    for (unsigned i = 0; i < count; i++)
        if (s->interval > 0)
            replay_to_marks(w, items[i]);
    struct future_round round = {w, items};
    for (uint64_t done = 0; done < w->future.count; done += FUTURE_PART) {
        run_tasks(s, replay_part, &round, count);
        if (s->progress != NULL)
            s->progress(s->progress_context, 1, done, w->future.count);
    }
    return KB_OK;
}

/* ---- all together ---- */

static void collect(struct work *w) {
    struct kb_sweep *s = w->sweep;
    for (size_t i = 0; i < s->count; i++) {
        if (w->how[i] == BY_STACK)
            continue;
        if (w->how[i] == BY_AHEAD) {
            kb_ahead_result(&w->aheads[i], &s->items[i].result);
            continue;
        }
        kb_replay_result(&w->replays[i], &s->items[i].result);
        s->items[i].result.references = s->references;
        s->items[i].result.cold_faults = s->pages;
    }
}

static kb_status collect_stack(struct work *w, struct kb_error *error) {
    struct kb_sweep *s = w->sweep;
    uint32_t *frames = calloc(s->count, sizeof *frames);
    struct kb_result *results = calloc(s->count, sizeof *results);
    uint32_t n = 0;
    if (frames == NULL || results == NULL) {
        free(frames);
        free(results);
        return out_of_memory(error, s->count * sizeof *results);
    }
    for (size_t i = 0; i < s->count; i++)
        if (w->how[i] == BY_STACK)
            frames[n++] = s->items[i].frames;
    kb_stack_results(&w->stack, frames, n, results);
    n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (w->how[i] == BY_STACK)
            s->items[i].result = results[n++];
    free(frames);
    free(results);
    return KB_OK;
}

static bool needs_numbers(const struct work *w) { return w->sweep->events || w->aheads != NULL; }

static kb_status read_and_replay(struct work *w, struct kb_error *error) {
    struct kb_sweep *s = w->sweep;
    w->read_error = (struct kb_error){.language = error->language};
    read_next(w);
    for (;;) {
        if (w->read_error.status != KB_OK) {
            *error = w->read_error;
            return error->status;
        }
        if (w->next.count == 0 && w->next.event_count == 0)
            return KB_OK;
        w->now = w->next;
        s->pages = w->now.pages;
        kb_status status;
        if (s->interval > 0) {
            status = block_in_intervals(w, error);
        } else {
            /* Page numbers may move while the next block is read. */
            status = do_round(w, !needs_numbers(w), error);
            s->references += w->now.references;
        }
        if (status != KB_OK)
            return status;
        if (s->interval > 0 || needs_numbers(w))
            read_next(w);
        if (s->progress != NULL)
            s->progress(s->progress_context, 0, s->references, 0);
    }
}

kb_status kb_sweep_run(struct kb_sweep *s, struct kb_reader *reader, struct kb_error *error) {
    struct work w = {.sweep = s, .reader = reader};
    s->references = s->writes = s->executes = 0;
    s->pages = 0;
    s->intervals = 0;
    for (size_t i = 0; i < s->count; i++)
        s->items[i].interval_faults = NULL;
    kb_status status = set_up(&w, error);
    if (status == KB_OK)
        status = read_and_replay(&w, error);
    if (status == KB_OK && s->interval > 0 && s->references % s->interval != 0)
        status = note_interval(&w, error);
    if (status == KB_OK && w.has_future)
        status = replay_future(&w, error);
    if (status == KB_OK)
        collect(&w);
    if (status == KB_OK && w.has_stack)
        status = collect_stack(&w, error);
    tear_down(&w);
    return status;
}

void kb_sweep_free(struct kb_sweep *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].interval_faults);
        s->items[i].interval_faults = NULL;
    }
}

/* ---- Belady's anomaly ---- */

static bool same_spec(const struct kb_policy_spec *a, const struct kb_policy_spec *b) {
    return a->policy == b->policy &&
           memcmp(a->values, b->values, a->policy->option_count * sizeof a->values[0]) == 0;
}

/* Whether chance has a part in the policy's choice: then more faults may be chance, too. */
static bool draws(const struct kb_policy *policy) {
    for (unsigned i = 0; i < policy->option_count; i++)
        if (strcmp(policy->options[i].name, "seed") == 0)
            return true;
    return false;
}

/* The item of the same policy with the next larger memory, or count. */
static size_t next_larger(const struct kb_sweep *s, size_t item) {
    size_t best = s->count;
    for (size_t i = 0; i < s->count; i++)
        if (same_spec(&s->items[i].spec, &s->items[item].spec) &&
            s->items[i].frames > s->items[item].frames &&
            (best == s->count || s->items[i].frames < s->items[best].frames))
            best = i;
    return best;
}

/* Whether an item with the same policy and size, listed twice, has been told already. */
static bool told(const struct kb_anomaly *found, size_t count, const struct kb_sweep *s,
                 size_t item) {
    for (size_t i = 0; i < count; i++)
        if (s->items[found[i].smaller].frames == s->items[item].frames &&
            same_spec(&s->items[found[i].smaller].spec, &s->items[item].spec))
            return true;
    return false;
}

size_t kb_sweep_anomalies(const struct kb_sweep *s, struct kb_anomaly *found, size_t room) {
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].spec.policy->needs & KB_VARIABLE_SPACE || draws(s->items[i].spec.policy))
            continue;
        /* Items mostly stand in order of size. */
        size_t next = i + 1 < s->count && same_spec(&s->items[i + 1].spec, &s->items[i].spec) &&
                              s->items[i + 1].frames == s->items[i].frames + 1
                          ? i + 1
                          : next_larger(s, i);
        if (next == s->count || s->items[next].result.faults <= s->items[i].result.faults ||
            told(found, count < room ? count : room, s, i))
            continue;
        if (count < room)
            found[count] = (struct kb_anomaly){i, next};
        count++;
    }
    return count;
}
