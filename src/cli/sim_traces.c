/* sim_traces.c - traces that are read more than once: first to learn their pages, then by each
 * process that runs them.
 *
 * A file is opened again by everyone, and streamed. What cannot be opened again
 * (standard input, a pipe with a name) is kept in memory at the first reading. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* The blocks of a trace. */
struct sim_held {
    struct kb_block *blocks;
    size_t count, room;
    uint64_t *numbers; /* of its pages */
};

struct sim_player {
    struct kb_source source;
    struct kb_reader *reader;
    const struct sim_held *held;
    size_t at;
};

/* ---- kept in memory ---- */

static void *copy(const void *from, size_t bytes, size_t more) {
    void *to = calloc(1, bytes + more);
    if (to != NULL && bytes > 0)
        memcpy(to, from, bytes);
    return to;
}

static bool keep(struct sim_held *held, const struct kb_block *block) {
    if (held->count == held->room) {
        size_t room = held->room == 0 ? 8 : held->room * 2;
        struct kb_block *blocks = realloc(held->blocks, room * sizeof *blocks);
        if (blocks == NULL)
            return false;
        held->blocks = blocks;
        held->room = room;
    }
    struct kb_block *to = &held->blocks[held->count++];
    *to = *block;
    to->runs =
        copy(block->runs, block->count * sizeof *block->runs, KB_RUN_PADDING * sizeof *block->runs);
    to->events = copy(block->events, block->event_count * sizeof *block->events, 1);
    return to->runs != NULL && to->events != NULL;
}

static void free_held(struct sim_held *held) {
    for (size_t i = 0; held != NULL && i < held->count; i++) {
        free((void *)(uintptr_t)held->blocks[i].runs);
        free((void *)(uintptr_t)held->blocks[i].events);
    }
    if (held != NULL) {
        free(held->blocks);
        free(held->numbers);
    }
    free(held);
}

static kb_status no_memory(struct sim *sim, const char *name) {
    return kb_fail(&sim->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, name,
                   (unsigned long long)sizeof(struct sim_held));
}

/* ---- the first reading ---- */

static void count(struct sim_trace *trace, const struct kb_block *block) {
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t n = kb_run_count(block->runs[i]);
        trace->writes += kb_run_kind(block->runs[i]) == KB_WRITE ? n : 0;
        trace->executes += kb_run_kind(block->runs[i]) == KB_EXECUTE ? n : 0;
    }
    trace->references += block->references;
    trace->events += block->event_count;
    trace->pages = block->pages;
}

static kb_status read_through(struct sim *sim, struct sim_trace *trace, struct kb_source *source,
                              struct kb_reader *reader, struct kb_future *future) {
    struct kb_error *error = &sim->cli->error;
    struct cli_progress progress;
    struct kb_block block;
    kb_status status = KB_OK;
    cli_progress_start(&progress, sim->cli, source, sim->quiet);
    for (;;) {
        status = kb_reader_next(reader, &block, error);
        if (status != KB_OK || (block.count == 0 && block.event_count == 0))
            break;
        count(trace, &block);
        if (trace->held != NULL && !keep(trace->held, &block))
            status = no_memory(sim, trace->name);
        if (status == KB_OK && future != NULL)
            status = kb_future_append(future, &block, error);
        if (status != KB_OK)
            break;
        cli_progress_step(&progress, 0, trace->references, 0);
    }
    cli_progress_end(&progress);
    const uint64_t *numbers = kb_reader_page_numbers(reader);
    for (uint32_t page = 0; status == KB_OK && page < trace->pages; page++)
        if (numbers[page] > trace->highest)
            trace->highest = numbers[page];
    if (status == KB_OK && trace->held != NULL) {
        trace->held->numbers = copy(numbers, trace->pages * sizeof *numbers, 1);
        if (trace->held->numbers == NULL)
            status = no_memory(sim, trace->name);
    }
    return status;
}

/* A process is called after its trace's file, without folder and endings. */
static void name_program(struct sim_trace *trace) {
    const char *slash = strrchr(trace->name, '/');
    const char *base = slash != NULL ? slash + 1 : trace->name;
    size_t length = strcspn(base, ".");
    if (length == 0)
        length = strlen(base);
    snprintf(trace->program, sizeof trace->program, "%.*s", (int)length, base);
    if (strcmp(trace->name, "-") == 0)
        snprintf(trace->program, sizeof trace->program, "stdin");
}

static kb_status survey(struct sim *sim, struct sim_trace *trace, struct kb_future *future) {
    struct kb_error *error = &sim->cli->error;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    uint64_t done, size;
    kb_status status = kb_file_open(&source, trace->name, error);
    if (status != KB_OK)
        return status;
    name_program(trace);
    kb_file_progress(&source, &done, &size);
    if (strcmp(trace->name, "-") == 0 || (size == 0 && done > 0)) {
        trace->held = calloc(1, sizeof *trace->held);
        if (trace->held == NULL)
            status = no_memory(sim, trace->name);
    }
    if (status == KB_OK)
        status = kb_reader_open(&reader, source, &sim->reading, error);
    if (status == KB_OK) {
        kb_reader_info(reader, &trace->info);
        status = read_through(sim, trace, &source, reader, future);
    }
    kb_reader_close(reader);
    kb_file_close(&source);
    return cli_with_name(sim->cli, status, trace->name);
}

kb_status sim_traces_survey(struct sim *sim, struct sim_trace *traces, struct kb_future *future) {
    kb_status status = KB_OK;
    for (size_t i = 0; i < sim->trace_count && status == KB_OK; i++) {
        traces[i] = (struct sim_trace){.name = sim->traces[i]};
        status = survey(sim, &traces[i], future);
    }
    return status;
}

/* One block of a generator is kept. */
static kb_status take_block(struct sim *sim, struct kb_collector *collector,
                            struct sim_trace *trace) {
    struct kb_block block;
    kb_status status = kb_collector_take(collector, &block, &sim->cli->error);
    if (status != KB_OK || block.count == 0)
        return status;
    count(trace, &block);
    return keep(trace->held, &block) ? KB_OK : no_memory(sim, trace->name);
}

static kb_status collect(struct sim *sim, struct kb_generator *generator,
                         struct kb_collector *collector, struct sim_trace *trace) {
    struct kb_trace_access accesses[KB_ACCESS_BATCH];
    for (;;) {
        size_t got, used = 0;
        kb_generator_next(generator, accesses, KB_ACCESS_BATCH, &got);
        while (used < got || got == 0) {
            kb_status status = KB_OK;
            if (got > 0)
                status = kb_collector_add(collector, accesses, got, &used, &sim->cli->error);
            if (status == KB_OK && (used < got || got == 0))
                status = take_block(sim, collector, trace);
            if (status != KB_OK || got == 0)
                return status;
        }
    }
}

kb_status sim_trace_generate(struct sim *sim, const char *spec, struct sim_trace *trace) {
    struct kb_error *error = &sim->cli->error;
    struct kb_generator *generator = NULL;
    struct kb_collector *collector = NULL;
    *trace = (struct sim_trace){.name = spec};
    snprintf(trace->program, sizeof trace->program, "%.*s", (int)strcspn(spec, ":"), spec);
    trace->held = calloc(1, sizeof *trace->held);
    if (trace->held == NULL)
        return no_memory(sim, spec);
    kb_status status = kb_generator_new(spec, &generator, error);
    if (status != KB_OK)
        return status;
    uint64_t page = kb_generator_page_numbers(generator) ? 0 : KB_DEFAULT_PAGE_SIZE;
    trace->info = (struct kb_trace_info){.format = "", .page_size = page, .grain = page};
    status = kb_collector_new(&collector, page, &sim->host, error);
    if (status == KB_OK)
        status = collect(sim, generator, collector, trace);
    if (status == KB_OK) {
        const uint64_t *numbers = kb_collector_page_numbers(collector);
        for (uint32_t i = 0; i < trace->pages; i++)
            trace->highest = numbers[i] > trace->highest ? numbers[i] : trace->highest;
        trace->held->numbers = copy(numbers, trace->pages * sizeof *numbers, 1);
        if (trace->held->numbers == NULL)
            status = no_memory(sim, spec);
    }
    if (collector != NULL) {
        kb_collector_close(collector);
        kb_collector_free(collector);
    }
    kb_generator_free(generator);
    return status;
}

void sim_traces_free(struct sim *sim, struct sim_trace *traces) {
    for (size_t i = 0; traces != NULL && i < sim->trace_count; i++)
        free_held(traces[i].held);
    free(traces);
}

/* ---- the readings of the processes ---- */

static kb_status next_held(void *context, struct kb_block *block, struct kb_error *error) {
    struct sim_player *player = context;
    (void)error;
    *block = player->at < player->held->count ? player->held->blocks[player->at++]
                                              : (struct kb_block){.runs = NULL};
    return KB_OK;
}

static const uint64_t *numbers_held(void *context) {
    const struct sim_player *player = context;
    return player->held->numbers;
}

kb_status sim_player_open(const struct sim *sim, const struct sim_trace *trace,
                          struct sim_player **player, struct kb_job_trace *job,
                          struct kb_error *error) {
    struct sim_player *p = calloc(1, sizeof *p);
    *player = NULL;
    if (p == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, trace->name,
                       (unsigned long long)sizeof *p);
    p->held = trace->held;
    if (p->held != NULL) {
        *job = (struct kb_job_trace){p, next_held, numbers_held};
        *player = p;
        return KB_OK;
    }
    kb_status status = kb_file_open(&p->source, trace->name, error);
    if (status != KB_OK) {
        free(p);
        return status;
    }
    status = kb_reader_open(&p->reader, p->source, &sim->reading, error);
    if (status != KB_OK) {
        kb_file_close(&p->source);
        free(p);
        return status;
    }
    *job = kb_job_reader(p->reader);
    *player = p;
    return KB_OK;
}

void sim_player_close(struct sim_player *player) {
    if (player == NULL)
        return;
    if (player->held == NULL) {
        kb_reader_close(player->reader);
        kb_file_close(&player->source);
    }
    free(player);
}
