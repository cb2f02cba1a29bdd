/* sim_machine.c - kilburn sim on the whole machine: each policy, memory and number of processes is
 * a machine of its own, in which all traces run; the cores share the machines. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define PAGE_WITHOUT_SIZE 4096 /* of traces of page numbers */
#define TABLES_LIMIT (UINT64_C(1) << 34)
#define MOST_RESULTS 100000

/* One run of one machine. */
struct attempt {
    struct sim_player **player;
    struct kb_job *job;
    char (*name)[KB_NAME_BYTES];
    uint32_t count;
    struct kb_os os;
    struct kb_jobs jobs;
    struct kb_timeline *timeline; /* NULL: none is wanted */
    struct kb_sink line;          /* its file; context NULL: not open */
    struct kb_error error;
};

struct study {
    struct sim *sim;
    struct sim_trace *traces;
    struct sim_machine_results results;
    struct kb_future future;
    uint64_t pages; /* of all traces together */

    /* shared by the cores */
    struct kb_error *errors; /* by result */
    kb_status *statuses;
    atomic_bool failed;
    struct cli_progress progress;
    atomic_flag telling;
    atomic_ullong done;
    uint64_t all; /* references to make */
};

/* ---- what is run ---- */

/* All traces have pages of one size, or none. */
static kb_status choose_page_size(struct study *s) {
    struct sim *sim = s->sim;
    for (size_t i = 0; i < sim->trace_count; i++) {
        uint64_t size = s->traces[i].info.page_size;
        size = size == 0 ? PAGE_WITHOUT_SIZE : size;
        if (i > 0 && size != s->results.page_bytes)
            return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_page_sizes, s->traces[0].name,
                           (unsigned long long)s->results.page_bytes, s->traces[i].name,
                           (unsigned long long)size);
        s->results.page_bytes = size;
    }
    sim->info = s->traces[0].info;
    sim->info.page_size = s->results.page_bytes;
    return KB_OK;
}

/* A table in a frame is not larger than that, and not inverted. */
static kb_status check_tables(struct study *s) {
    const struct kb_format *format = &s->results.setup.format;
    bool fits = s->results.setup.scheme == KB_SCHEME_TABLES;
    for (unsigned depth = 0; depth < format->levels; depth++)
        fits = fits && kb_format_table_bytes(format, depth) <= s->results.page_bytes;
    return s->sim->machine.tables == KB_TABLES_APART || fits
               ? KB_OK
               : kb_fail(&s->sim->cli->error, KB_USAGE, KB_MSG_os_tables_in_frames);
}

static kb_status choose_tables(struct study *s) {
    uint64_t highest = 0, ahead = kb_fetch_looks_ahead(&s->sim->fetch) ? KB_FETCH_MOST : 0;
    for (size_t i = 0; i < s->sim->trace_count; i++)
        if (s->traces[i].highest > highest)
            highest = s->traces[i].highest;
    highest += highest < UINT64_MAX - ahead ? ahead : 0; /* what comes ahead has a place, too */
    kb_status status =
        sim_machine_format(s->sim, kb_log2(s->results.page_bytes), highest, &s->results.setup);
    return status == KB_OK ? check_tables(s) : status;
}

static void choose_machine(struct study *s) {
    const struct sim_machine *m = &s->sim->machine;
    struct kb_os_setup *setup = &s->results.setup;
    setup->tables_limit = TABLES_LIMIT;
    setup->tlbs = m->tlbs;
    memcpy(setup->tlb, m->tlb, sizeof setup->tlb);
    while (m->asids > 0 && setup->asid_bits < 16 && UINT64_C(1) << setup->asid_bits < m->asids + 1)
        setup->asid_bits++; /* one number is the global entries' */
    setup->allocation = m->allocation;
    setup->load = m->load;
    setup->minimum = (uint32_t)m->minimum;
    setup->cluster = (uint32_t)m->cluster;
    setup->low = (uint32_t)m->low; /* below the frames, as was checked */
    setup->high = (uint32_t)m->high;
    setup->tables_place = m->tables;
    setup->fetch = s->sim->fetch;
    setup->clock = m->clock;
    setup->cycle_ns = m->cycle_ns;
    setup->disk = m->disk;
    setup->future = (struct kb_os_future){s->future.runs, s->future.next, s->future.count};
}

static void add_item(struct study *s, const struct kb_policy_spec *spec, uint64_t frames,
                     uint64_t copies) {
    s->results.item[s->results.count++] =
        (struct sim_machine_result){.spec = *spec,
                                    .frames = (uint32_t)frames,
                                    .copies = (uint32_t)copies,
                                    .processes = (uint32_t)(copies * s->sim->trace_count)};
}

/* Policies that need no number of frames get as many as there are pages, unless told otherwise. */
static uint64_t frames_of(const struct study *s, size_t size, uint64_t copies) {
    uint64_t pages = s->pages * copies;
    if (s->sim->frames.count > 0)
        return s->sim->frames.values[size];
    return pages < KB_MOST_FRAMES ? pages : KB_MOST_FRAMES;
}

static kb_status check_items(struct study *s) {
    kb_status status = KB_OK;
    for (size_t i = 0; i < s->results.count && status == KB_OK; i++)
        status = sim_machine_fits(s->sim, s->results.item[i].frames, s->results.item[i].processes);
    return status;
}

static kb_status make_items(struct study *s) {
    struct sim *sim = s->sim;
    const struct cli_sizes *copies = &sim->machine.copies;
    uint64_t most, sizes = sim->frames.count > 0 ? sim->frames.count : 1;
    if (!kb_multiply(sim->policies.count, sizes, &most) ||
        !kb_multiply(most, copies->count, &most) || most > MOST_RESULTS)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_too_many_sizes,
                       (unsigned long long)MOST_RESULTS);
    s->results.item = calloc((size_t)most, sizeof *s->results.item);
    s->errors = calloc((size_t)most, sizeof *s->errors);
    s->statuses = calloc((size_t)most, sizeof *s->statuses);
    if (s->results.item == NULL || s->errors == NULL || s->statuses == NULL)
        return kb_fail(&sim->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "results",
                       (unsigned long long)most * sizeof *s->results.item);
    for (size_t i = 0; i < sim->policies.count; i++)
        for (size_t k = 0; k < sizes; k++)
            for (size_t c = 0; c < copies->count; c++)
                add_item(s, &sim->policies.specs[i], frames_of(s, k, copies->values[c]),
                         copies->values[c]);
    return check_items(s);
}

/* ---- one machine ---- */

/* The second process of a name is name#2, and so on. */
static void name_jobs(const struct study *s, struct attempt *a) {
    size_t traces = s->sim->trace_count;
    for (uint32_t i = 0; i < a->count; i++) {
        const char *program = s->traces[i % traces].program;
        unsigned same = 1;
        for (uint32_t before = 0; before < i; before++)
            same += strcmp(s->traces[before % traces].program, program) == 0;
        if (same == 1)
            snprintf(a->name[i], KB_NAME_BYTES, "%s", program);
        else
            snprintf(a->name[i], KB_NAME_BYTES, "%s#%u", program, same % 10000);
        a->job[i].name = a->name[i];
    }
}

static kb_status open_jobs(struct study *s, struct attempt *a,
                           const struct sim_machine_result *result) {
    a->count = result->processes;
    a->player = calloc(a->count, sizeof *a->player);
    a->job = calloc(a->count, sizeof *a->job);
    a->name = calloc(a->count, sizeof *a->name);
    if (a->player == NULL || a->job == NULL || a->name == NULL)
        return kb_fail(&a->error, KB_NO_MEMORY, KB_MSG_no_memory, "processes",
                       (unsigned long long)a->count * sizeof *a->job);
    kb_status status = KB_OK;
    for (uint32_t i = 0; i < a->count && status == KB_OK; i++) {
        const struct sim_trace *trace = &s->traces[i % s->sim->trace_count];
        a->job[i].pages = trace->pages;
        status = sim_player_open(s->sim, trace, &a->player[i], &a->job[i].trace, &a->error);
    }
    name_jobs(s, a);
    return status;
}

/* One core at a time speaks; the others go on. */
static void tell_progress(void *context, uint64_t references) {
    struct study *s = context;
    uint64_t done = atomic_fetch_add(&s->done, references) + references;
    if (atomic_flag_test_and_set(&s->telling))
        return;
    cli_progress_step(&s->progress, 1, done, s->all);
    atomic_flag_clear(&s->telling);
}

/* A slot for each page; rows of neighbours find room beside them, and so do tables. */
static uint64_t usual_slots(const struct study *s, uint64_t copies) {
    const struct sim_machine *m = &s->sim->machine;
    uint64_t slots = s->pages * copies, more = m->cluster > 1 ? slots : 0;
    return slots + more + (m->tables == KB_TABLES_PAGEABLE ? slots : 0);
}

static kb_status make_machine(struct study *s, struct attempt *a,
                              const struct sim_machine_result *result) {
    struct kb_os_setup setup = s->results.setup;
    uint64_t slots = s->sim->machine.swap;
    setup.policy = result->spec;
    setup.frames = result->frames;
    if (!kb_replay_needs_future(result->spec.policy))
        setup.future = (struct kb_os_future){NULL, NULL, 0};
    if (slots == 0)
        slots = usual_slots(s, result->copies);
    kb_status status = kb_store_memory(&setup.swap, (uint32_t)s->results.page_bytes, slots,
                                       &s->sim->host, &a->error);
    return status == KB_OK ? kb_os_init(&a->os, &setup, &s->sim->host, &a->error) : status;
}

static kb_status write_timeline(struct attempt *a) {
    struct kb_json json;
    kb_json_begin(&json, a->line, &a->error);
    kb_timeline_json(a->timeline, &a->os, &json);
    kb_status status = kb_json_end(&json);
    return status == KB_OK ? kb_file_commit(&a->line, &a->error) : status;
}

static kb_status take_results(struct attempt *a, struct sim_machine_result *r) {
    const struct kb_os *os = &a->os;
    r->counters = os->counters;
    r->pages = os->pages.count;
    r->tlb_hits = os->mmu.hits;
    r->tlb2_hits = os->mmu.second_hits;
    r->tlb_misses = os->mmu.misses;
    r->table_reads = os->mmu.table_reads;
    r->cycles = kb_os_cycles(os);
    r->elapsed_ns = kb_os_now(os);
    r->idle_ns = os->idle;
    r->disk_ns = kb_os_disk_worked(os);
    r->active_time = kb_os_active_time(os);
    r->degree_most = os->load.most;
    r->tables = os->tables.most;
    r->table_bytes = os->tables.peak;
    r->slots_peak = os->swap.peak;
    r->resident_peak = a->jobs.resident_peak;
    r->process = calloc(os->process_count, sizeof *r->process);
    if (r->process == NULL)
        return kb_fail(&a->error, KB_NO_MEMORY, KB_MSG_no_memory, "results",
                       (unsigned long long)os->process_count * sizeof *r->process);
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < a->job[i].count; k++) {
            const struct kb_job_process *from = &a->job[i].process[k];
            struct sim_machine_process *to = &r->process[r->process_count++];
            memcpy(to->name, from->process->name, sizeof to->name);
            to->counters = from->process->counters;
            to->still_dirty = from->still_dirty;
            to->resident_peak = from->resident_peak;
            to->allocation = from->allocation;
            to->unused_ahead = from->unused_ahead;
            r->still_dirty += from->still_dirty;
            r->unused_ahead += from->unused_ahead;
        }
    r->processes = r->process_count; /* a trace may be of several */
    return KB_OK;
}

static kb_status run_machine(struct study *s, struct attempt *a, struct sim_machine_result *r) {
    a->jobs = (struct kb_jobs){.os = &a->os,
                               .job = a->job,
                               .count = a->count,
                               .quantum = s->sim->machine.quantum,
                               .events = s->sim->events,
                               .timeline = a->timeline,
                               .progress = tell_progress,
                               .progress_context = s};
    kb_status status = kb_jobs_run(&a->jobs);
    if (status == KB_OK && a->os.diverged)
        status = kb_fail(&a->error, KB_DATA, KB_MSG_os_needs_future, r->spec.policy->name);
    if (status == KB_OK)
        status = take_results(a, r);
    if (status == KB_OK && a->timeline != NULL)
        status = write_timeline(a);
    kb_jobs_free(&a->jobs);
    return status;
}

/* A file that cannot be written is told before the work, not after it. */
static kb_status open_timeline(struct study *s, struct attempt *a) {
    if (s->sim->machine.timeline == NULL)
        return KB_OK;
    a->timeline = calloc(1, sizeof *a->timeline);
    if (a->timeline == NULL)
        return kb_fail(&a->error, KB_NO_MEMORY, KB_MSG_no_memory, "timeline",
                       (unsigned long long)sizeof *a->timeline);
    kb_timeline_init(a->timeline, &s->sim->host);
    kb_status status = kb_file_create(&a->line, s->sim->machine.timeline, &a->error);
    if (status != KB_OK)
        a->line.context = NULL;
    return status;
}

static kb_status attempt(struct study *s, struct attempt *a, struct sim_machine_result *result) {
    kb_status status = open_timeline(s, a);
    if (status == KB_OK)
        status = open_jobs(s, a, result);
    if (status == KB_OK)
        status = make_machine(s, a, result);
    if (status == KB_OK) {
        status = run_machine(s, a, result);
        kb_os_free(&a->os);
    }
    for (uint32_t i = 0; a->player != NULL && i < a->count; i++)
        sim_player_close(a->player[i]);
    if (a->line.context != NULL)
        kb_file_abandon(&a->line);
    if (a->timeline != NULL)
        kb_timeline_free(a->timeline);
    free(a->timeline);
    free(a->player);
    free(a->job);
    free(a->name);
    return status;
}

static void task(void *argument, unsigned index) {
    struct study *s = argument;
    struct attempt *a;
    if (atomic_load(&s->failed)) /* its results would not be shown */
        return;
    a = calloc(1, sizeof *a);
    s->errors[index].language = s->sim->cli->language;
    if (a == NULL) {
        s->statuses[index] = kb_fail(&s->errors[index], KB_NO_MEMORY, KB_MSG_no_memory, "machine",
                                     (unsigned long long)sizeof *a);
    } else {
        a->error.language = s->sim->cli->language;
        s->statuses[index] = attempt(s, a, &s->results.item[index]);
        s->errors[index] = a->error;
    }
    if (s->statuses[index] != KB_OK)
        atomic_store(&s->failed, true);
    free(a);
}

/* ---- all machines ---- */

static kb_status run_all(struct study *s) {
    struct sim *sim = s->sim;
    const struct kb_workers *workers = sim->host.workers;
    unsigned count = (unsigned)s->results.count;
    struct kb_source none = {.context = NULL};
    for (size_t i = 0; i < s->results.count; i++)
        for (size_t k = 0; k < sim->trace_count; k++)
            s->all += s->traces[k].references * s->results.item[i].copies;
    cli_progress_start(&s->progress, sim->cli, &none, sim->quiet);
    workers->run(workers->context, task, s, count);
    cli_progress_end(&s->progress);
    for (unsigned i = 0; i < count; i++)
        if (s->statuses[i] != KB_OK) {
            sim->cli->error = s->errors[i];
            return s->statuses[i];
        }
    return KB_OK;
}

static bool needs_future(const struct sim *sim) {
    bool needs = false;
    for (size_t i = 0; i < sim->policies.count; i++)
        needs = needs || kb_replay_needs_future(sim->policies.specs[i].policy);
    return needs;
}

static kb_status prepare(struct study *s) {
    struct sim *sim = s->sim;
    struct kb_error *error = &sim->cli->error;
    bool future = needs_future(sim);
    kb_status status = sim_traces_survey(sim, s->traces, future ? &s->future : NULL);
    if (status == KB_OK && future)
        status = kb_future_finish(&s->future, error);
    for (size_t i = 0; i < sim->trace_count; i++)
        s->pages += s->traces[i].pages;
    if (status == KB_OK)
        status = choose_page_size(s);
    if (status == KB_OK)
        status = choose_tables(s);
    if (status == KB_OK && sim->frames_auto)
        status = sim_choose_frames(sim, s->pages);
    if (status == KB_OK)
        status = sim_memory_to_frames(sim);
    if (status == KB_OK)
        status = sim_check_frames(sim);
    choose_machine(s);
    if (status == KB_OK)
        status = make_items(s);
    if (status == KB_OK && sim->machine.timeline != NULL && s->results.count > 1)
        status = kb_fail(error, KB_USAGE, KB_MSG_machine_timeline);
    return status;
}

kb_status sim_machine_run(struct sim *sim) {
    struct study s = {.sim = sim, .telling = ATOMIC_FLAG_INIT};
    s.traces = calloc(sim->trace_count, sizeof *s.traces);
    s.results.traces = s.traces;
    kb_future_init(&s.future, &sim->host);
    kb_status status = s.traces == NULL
                           ? kb_fail(&sim->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "traces",
                                     (unsigned long long)sim->trace_count * sizeof *s.traces)
                           : prepare(&s);
    if (status == KB_OK)
        status = run_all(&s);
    if (status == KB_OK)
        status = sim->keep != NULL ? sim->keep(sim->keep_context, &s.results)
                                   : sim_machine_show(sim, &s.results);
    for (size_t i = 0; i < s.results.count; i++)
        free(s.results.item[i].process);
    free(s.results.item);
    free(s.errors);
    free(s.statuses);
    kb_future_free(&s.future);
    sim_traces_free(sim, s.traces);
    return status;
}
