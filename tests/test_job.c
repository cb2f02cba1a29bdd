/* test_job.c - traces as processes: turns of a quantum, runs that are cut, events, processes within
 * a trace, ends, and the time line of it all. Traces are made by hand. */
#include "harness.h"
#include "machine.h"
#include "os/job.h"
#include "replay/replay.h"

#define MOST_RUNS 64

/* A trace of blocks in memory; each is delivered once. */
struct tape {
    struct kb_run runs[MOST_RUNS + KB_RUN_PADDING];
    struct kb_event events[8];
    uint64_t numbers[16];
    struct kb_block block;
    bool delivered, broken;
    unsigned repeats; /* of the block */
};

static kb_status next_block(void *context, struct kb_block *block, struct kb_error *error) {
    struct tape *tape = context;
    if (tape->broken && tape->delivered)
        return kb_fail(error, KB_DATA, KB_MSG_empty_trace);
    *block = tape->delivered && tape->repeats == 0 ? (struct kb_block){.runs = NULL} : tape->block;
    tape->repeats -= tape->delivered && tape->repeats > 0;
    tape->delivered = true;
    return KB_OK;
}

static const uint64_t *numbers(void *context) {
    const struct tape *tape = context;
    return tape->numbers;
}

/* Page i has the number 100 + i. */
static void record(struct tape *tape, const struct kb_run *runs, uint32_t count) {
    memset(tape, 0, sizeof *tape);
    for (uint32_t i = 0; i < count; i++) {
        tape->runs[i] = runs[i];
        tape->block.references += kb_run_count(runs[i]);
        if (runs[i].page >= tape->block.pages)
            tape->block.pages = runs[i].page + 1;
    }
    for (unsigned i = 0; i < 16; i++)
        tape->numbers[i] = 100 + i;
    tape->block.runs = tape->runs;
    tape->block.events = tape->events;
    tape->block.count = count;
}

static void event(struct tape *tape, uint32_t at, enum kb_event_type type, uint64_t first,
                  uint64_t pages) {
    tape->events[tape->block.event_count++] = (struct kb_event){at, type, first, pages};
}

static struct kb_job job_of(const char *name, struct tape *tape) {
    return (struct kb_job){.name = name, .trace = {tape, next_block, numbers}};
}

static void make(struct kb_os *os, uint32_t frames, const char *policy, uint64_t slots,
                 struct kb_error *error) {
    struct machine_wish wish = {
        .frames = frames, .policy = policy, .slots = slots, .tlb = {{1, 4, KB_TLB_LRU, 0}}};
    CHECK(machine_make(os, &wish, NULL, error) == KB_OK);
}

static void sum_up(void *context, uint64_t references) { *(uint64_t *)context += references; }

/* ---- turns ---- */

static void test_turns(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct tape a, b;
    struct kb_os os;
    struct kb_run long_run = kb_run_make(0, KB_READ, 25);
    struct kb_run short_runs[] = {kb_run_make(0, KB_WRITE, 3), kb_run_make(1, KB_READ, 3),
                                  kb_run_make(2, KB_EXECUTE, 6)};
    static struct kb_timeline timeline;
    uint64_t told = 0;
    record(&a, &long_run, 1);
    record(&b, short_runs, 3);
    struct kb_job job[] = {job_of("a", &a), job_of("b", &b)};
    make(&os, 8, "fifo", 0, &error);
    kb_timeline_init(&timeline, NULL);
    struct kb_jobs jobs = {.os = &os,
                           .job = job,
                           .count = 2,
                           .quantum = 10,
                           .timeline = &timeline,
                           .progress = sum_up,
                           .progress_context = &told};
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    /* a 10, b 10, a 10, b 2 and its end, a 5 */
    CHECK_EQ(os.counters.references, 37);
    CHECK_EQ(told, 37);
    CHECK_EQ(os.counters.switches, 5);
    CHECK_EQ(os.counters.faults, 4);
    CHECK_EQ(timeline.spans, 5);
    static const uint64_t ends[] = {10, 20, 30, 32, 37};
    for (unsigned i = 0; i < 5 && i < timeline.spans; i++) {
        CHECK_EQ(timeline.span[i].to, ends[i]);
        CHECK_EQ(timeline.span[i].process, i % 2);
    }
    CHECK_EQ(timeline.life[0].end, 37);
    CHECK_EQ(timeline.life[1].end, 32);
    CHECK_EQ(timeline.moment[0].at, 0);
    CHECK_EQ(timeline.moment[timeline.moments - 1].at, 37);
    CHECK_EQ(job[0].process[0].process->counters.references, 25);
    CHECK_EQ(job[1].process[0].process->counters.references, 12);
    CHECK_EQ(job[1].process[0].still_dirty, 1);
    CHECK_EQ(job[1].process[0].resident_peak, 3);
    CHECK_EQ(jobs.resident_peak, 4);
    CHECK_EQ(os.tables.most, 2);
    CHECK_EQ(os.free_count, 8);
    CHECK(kb_os_check(&os) == NULL);
    kb_timeline_free(&timeline);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

/* Alone there are no turns, and no run is cut: OPT counts runs. */
static void test_alone(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    static const uint32_t belady[] = {0, 1, 2, 3, 0, 1, 4, 0, 1, 2, 3, 4};
    struct kb_run runs[12];
    struct tape a;
    struct kb_os os;
    struct kb_future future;
    static struct kb_timeline timeline;
    for (unsigned i = 0; i < 12; i++)
        runs[i] = kb_run_make(belady[i], KB_READ, 7);
    record(&a, runs, 12);
    kb_future_init(&future, NULL);
    CHECK(kb_future_append(&future, &a.block, &error) == KB_OK);
    CHECK(kb_future_finish(&future, &error) == KB_OK);
    struct machine_wish wish = {
        .frames = 3, .policy = "opt", .future = {future.runs, future.next, future.count}};
    struct kb_job job[] = {job_of("a", &a)};
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    kb_timeline_init(&timeline, NULL);
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 1, .quantum = 2, .timeline = &timeline};
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    CHECK(!os.diverged);
    CHECK_EQ(os.counters.faults, 7);
    CHECK_EQ(os.counters.switches, 1);
    CHECK_EQ(timeline.spans, 1);
    kb_timeline_free(&timeline);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
    kb_future_free(&future);
}

/* ---- events ---- */

/* What a run of one job with events counts. */
static void play(struct tape *tape, bool events, struct kb_os_counters *counters) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_os os;
    struct kb_job job[] = {job_of("a", tape)};
    make(&os, 8, "lru", 0, &error);
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 1, .quantum = 10, .events = events};
    tape->delivered = false;
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    CHECK(kb_os_check(&os) == NULL);
    *counters = os.counters;
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

static void test_events(void) {
    struct kb_os_counters counters;
    struct tape a;
    struct kb_run runs[] = {kb_run_make(0, KB_WRITE, 1), kb_run_make(1, KB_READ, 1),
                            kb_run_make(0, KB_READ, 1)};
    record(&a, runs, 3);
    event(&a, 2, KB_EVENT_UNMAP, 100, 1);
    play(&a, false, &counters);
    CHECK_EQ(counters.faults, 2);
    play(&a, true, &counters); /* zeros again, and no invalid reference */
    CHECK_EQ(counters.faults, 3);
    CHECK_EQ(counters.zero_fills, 3);
    CHECK_EQ(counters.evictions + counters.write_backs, 0);
    a.events[0].type = KB_EVENT_DISCARD; /* the same to a page */
    play(&a, true, &counters);
    CHECK_EQ(counters.faults, 3);
    CHECK_EQ(counters.zero_fills, 3);
    CHECK_EQ(counters.evictions + counters.write_backs, 0);
    for (uint32_t type = KB_EVENT_NAME; type < KB_EVENT_TYPES; type++) { /* these change nothing */
        a.events[0] = (struct kb_event){2, type, 100, 1};
        play(&a, true, &counters);
        CHECK_EQ(counters.faults, 2);
    }
    a.events[0] = (struct kb_event){2, KB_EVENT_RELEASE, 100, 1};
    play(&a, true, &counters);
    CHECK_EQ(counters.faults, 3);
    CHECK_EQ(counters.swap_reads, 1);
    CHECK_EQ(counters.evictions, 1);
    CHECK_EQ(counters.write_backs, 1);
    a.events[0] = (struct kb_event){2, KB_EVENT_UNMAP, 102, 5}; /* others */
    play(&a, true, &counters);
    CHECK_EQ(counters.faults, 2);
}

/* A page that is unmapped while it is in the paging file comes back as zeros. */
static void test_unmapped_in_swap(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct tape a;
    struct kb_os os;
    struct kb_run runs[] = {kb_run_make(0, KB_WRITE, 1), kb_run_make(1, KB_READ, 1),
                            kb_run_make(0, KB_READ, 1)};
    record(&a, runs, 3);
    event(&a, 2, KB_EVENT_UNMAP, 100, 1);
    struct kb_job job[] = {job_of("a", &a)};
    make(&os, 1, "fifo", 0, &error);
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 1, .quantum = 10, .events = true};
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    CHECK_EQ(os.counters.faults, 3);
    CHECK_EQ(os.counters.write_backs, 1);
    CHECK_EQ(os.counters.swap_reads, 0);
    CHECK_EQ(os.swap.used, 0);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

/* The processes of a trace are processes here: equal page numbers are different pages. */
static void test_processes(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct tape a;
    struct kb_os os;
    struct kb_run runs[] = {kb_run_make(0, KB_READ, 1), kb_run_make(1, KB_READ, 1),
                            kb_run_make(0, KB_READ, 1), kb_run_make(2, KB_READ, 1)};
    record(&a, runs, 4);
    a.numbers[1] = 100;
    event(&a, 1, KB_EVENT_PROCESS, 7, 0);
    event(&a, 2, KB_EVENT_PROCESS, 0, 0);
    event(&a, 2, KB_EVENT_UNMAP, 100, 1); /* of process 0 */
    struct kb_job job[] = {job_of("a", &a)};
    make(&os, 8, "fifo", 0, &error);
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 1, .quantum = 10};
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    CHECK_EQ(os.counters.faults, 3);
    CHECK_EQ(job[0].count, 2);
    CHECK_STR(job[0].process[0].process->name, "a");
    CHECK_STR(job[0].process[1].process->name, "a/7");
    CHECK_EQ(job[0].process[1].process->counters.references, 1);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

/* ---- what goes wrong ---- */

static void test_failures(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct tape a, b;
    struct kb_os os;
    struct kb_run runs[] = {kb_run_make(0, KB_WRITE, 1), kb_run_make(1, KB_WRITE, 1),
                            kb_run_make(2, KB_WRITE, 1)};
    record(&a, runs, 3);
    struct kb_job job[] = {job_of("a", &a), job_of("b", &b)};
    make(&os, 1, "fifo", 1, &error); /* 2 pages are modified and elsewhere, for 1 slot */
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 1, .quantum = 10};
    CHECK(kb_jobs_run(&jobs) == KB_DATA);
    CHECK_STR(error.text, "the machine ended process a at its reference 3, to address 0x66000: the "
                          "paging file is full, a modified page has nowhere to go");
    kb_jobs_free(&jobs);
    kb_os_free(&os);

    record(&a, runs, 3); /* one of two traces breaks: nobody's result counts */
    record(&b, runs, 3);
    b.broken = true;
    job[0] = job_of("a", &a);
    job[1] = job_of("b", &b);
    make(&os, 8, "fifo", 0, &error);
    jobs = (struct kb_jobs){.os = &os, .job = job, .count = 2, .quantum = 10};
    CHECK(kb_jobs_run(&jobs) == KB_DATA);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

/* ---- long time lines ---- */

/* Rows grow with the processes. */
static void test_many_processes(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_os os;
    static struct kb_timeline timeline;
    make(&os, 8, "fifo", 0, &error);
    kb_timeline_init(&timeline, NULL);
    for (unsigned i = 0; i < 40; i++) {
        struct kb_process *p;
        CHECK(kb_os_create(&os, "x", &p) == KB_OK);
        CHECK(kb_timeline_begin(&timeline, &os, p) == KB_OK);
        CHECK(kb_timeline_sample(&timeline, &os) == KB_OK);
    }
    CHECK(timeline.room >= 40);
    CHECK(timeline.life[39].begun && !timeline.life[40].begun);
    CHECK_EQ(timeline.moments, 1); /* all at the same time */
    kb_timeline_free(&timeline);
    kb_os_free(&os);
}

static void test_thinning(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_run runs[] = {kb_run_make(0, KB_READ, 3), kb_run_make(1, KB_READ, 2)};
    struct tape a, b;
    struct kb_os os;
    static struct kb_timeline timeline;
    record(&a, runs, 2);
    record(&b, runs, 2);
    a.repeats = b.repeats = 3999; /* 20,000 references each */
    struct kb_job job[] = {job_of("a", &a), job_of("b", &b)};
    make(&os, 8, "fifo", 0, &error);
    kb_timeline_init(&timeline, NULL);
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 2, .quantum = 5, .timeline = &timeline};
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    CHECK_EQ(os.counters.references, 40000);
    CHECK(timeline.moments <= KB_TIMELINE_SAMPLES && timeline.moments >= KB_TIMELINE_SAMPLES / 2);
    CHECK_EQ(timeline.step, 128);
    for (uint32_t i = 1; i < timeline.moments; i++)
        CHECK(timeline.moment[i].at > timeline.moment[i - 1].at);
    CHECK_EQ(timeline.spans, KB_TIMELINE_SPANS);
    CHECK_EQ(timeline.spans_until, KB_TIMELINE_SPANS * 5);
    CHECK(timeline.full);
    kb_timeline_free(&timeline);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

int main(void) {
    test_turns();
    test_alone();
    test_events();
    test_unmapped_in_swap();
    test_processes();
    test_failures();
    test_many_processes();
    test_thinning();
    return harness_end();
}
