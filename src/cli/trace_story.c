/* trace_story.c - reads a trace for kilburn trace info: who refers to what, the working set over
 * time, and how often pages are used again.
 *
 *   block ──┬──► LRU at all sizes (replay/stack.h), story
 *           └──► working set                                at once, on two cores
 */
#include <string.h>

#include "trace.h"

#define BLIND_WINDOW 100000 /* where nobody knows how long the trace is */
#define LEAST_WINDOW 10
#define MOST_FRAMES                                                                                \
    (UINT32_C(1) << 22) /* larger memories are not told apart, if the pages are not                \
                           known beforehand */

struct reading {
    struct trace *t;
    struct kb_reader *reader;
    struct trace_story *story;
    struct kb_block now, next;
    kb_status status[2];
    struct kb_error error[2]; /* one a hand */
};

/* ---- the window ---- */

/* The greatest 1, 2 or 5 × 10^k that is at most n. */
static uint64_t rounded(uint64_t n) {
    uint64_t unit = 1;
    while (n / unit >= 10)
        unit *= 10;
    uint64_t digit = n / unit;
    return unit * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

/* A footer says how many references there are; so does a trace of one block. 0: nobody knows. */
static uint64_t known_length(const struct reading *r) {
    const struct kb_trace_info *info = &r->story->info;
    const struct kb_reader_options *options = &r->t->reading;
    uint64_t length = 0;
    if (r->next.count == 0 && r->next.event_count == 0)
        return r->now.references;
    if (info->totals_known && info->references > options->skip)
        length = info->references - options->skip;
    return options->limit > 0 && options->limit < length ? options->limit : length;
}

static uint64_t choose_window(struct reading *r) {
    uint64_t length = known_length(r);
    if (r->t->window > 0)
        return r->t->window;
    r->story->window_chosen = true;
    r->story->window_blind = length == 0;
    if (length == 0)
        return BLIND_WINDOW;
    return length / 100 < LEAST_WINDOW ? LEAST_WINDOW : rounded(length / 100);
}

/* ---- reading ---- */

static void take_block(void *argument, unsigned hand) {
    struct reading *r = argument;
    struct trace_story *story = r->story;
    struct kb_error *error = &r->error[hand];
    if (hand == 1) {
        r->status[hand] = kb_working_set_add(&story->set, &r->now, error);
        return;
    }
    r->status[hand] = kb_stack_block(&story->stack, &r->now, error);
    if (r->status[hand] == KB_OK)
        r->status[hand] = kb_story_add(&story->story, &r->now, kb_reader_page_numbers(r->reader),
                                       kb_reader_processes(r->reader), error);
}

static kb_status take_with_all_hands(struct reading *r) {
    const struct kb_workers *workers = r->t->host.workers;
    r->error[0] = r->error[1] = (struct kb_error){.language = r->t->cli->error.language};
    if (workers != NULL)
        workers->run(workers->context, take_block, r, 2);
    else
        for (unsigned hand = 0; hand < 2; hand++)
            take_block(r, hand);
    for (unsigned hand = 0; hand < 2; hand++)
        if (r->status[hand] != KB_OK) {
            r->t->cli->error = r->error[hand];
            return r->status[hand];
        }
    return KB_OK;
}

static bool is_end(const struct kb_block *block) {
    return block->count == 0 && block->event_count == 0;
}

static kb_status begin(struct reading *r) {
    struct kb_error *error = &r->t->cli->error;
    struct trace_story *story = r->story;
    uint32_t most = story->info.totals_known ? story->info.pages : MOST_FRAMES;
    kb_status status = kb_reader_next(r->reader, &r->now, error);
    if (status == KB_OK)
        status = kb_reader_next(r->reader, &r->next, error);
    if (status != KB_OK)
        return status;
    kb_working_set_init(&story->set, choose_window(r), &r->t->host);
    status = kb_stack_init(&story->stack, most > 0 ? most : 1, &r->t->host, error);
    return status == KB_OK ? kb_story_init(&story->story, &r->t->host, error) : status;
}

kb_status trace_story_read(struct trace *t, struct kb_reader *reader,
                           const struct kb_source *source, struct trace_story *story,
                           struct trace_totals *totals) {
    struct kb_error *error = &t->cli->error;
    struct reading r = {.t = t, .reader = reader, .story = story};
    struct cli_progress progress;
    memset(story, 0, sizeof *story);
    memset(totals, 0, sizeof *totals);
    kb_reader_info(reader, &story->info);
    cli_progress_start(&progress, t->cli, source, t->quiet);
    kb_status status = begin(&r);
    while (status == KB_OK && !is_end(&r.now)) {
        totals->references += r.now.references;
        totals->runs += r.now.count;
        totals->events += r.now.event_count;
        totals->blocks++;
        totals->pages = r.now.pages;
        status = take_with_all_hands(&r);
        r.now = r.next;
        if (status == KB_OK && !is_end(&r.now))
            status = kb_reader_next(reader, &r.next, error);
        cli_progress_step(&progress, 0, totals->references, 0);
    }
    cli_progress_end(&progress);
    totals->reads = story->story.by_kind[KB_READ];
    totals->writes = story->story.by_kind[KB_WRITE];
    totals->executes = story->story.by_kind[KB_EXECUTE];
    return status == KB_OK ? kb_story_end(&story->story, &story->reuse, error) : status;
}

void trace_story_close(struct trace_story *story) {
    kb_story_free(&story->story);
    kb_working_set_free(&story->set);
    kb_stack_free(&story->stack);
}
