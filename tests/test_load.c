/* test_load.c - load control: working sets against a naive count, random mixes of processes that
 * all come to their ends, and every byte against the model of shared pages (X05, X06).
 *
 *   test_load [RUN [STEPS [SEED]]]     one run against the model */
#include "shared_run.h"

#include "host/host.h"
#include "os/job.h"

static struct kb_error error = {.language = KB_ENGLISH};

/* ---- W(t, window), counted anew at each reference ---- */

#define MOST_PAGES 40

static uint32_t naive(const unsigned *page, uint64_t now, uint64_t window) {
    bool seen[MOST_PAGES] = {false};
    uint32_t count = 0;
    for (uint64_t t = now > window ? now - window : 0; t < now; t++) {
        count += !seen[page[t]];
        seen[page[t]] = true;
    }
    return count;
}

/* Three processes in random turns; memory is too small, so pages come and go meanwhile. */
static void count_sets(const char *policy, enum kb_allocation allocation, unsigned window) {
    enum { REFERENCES = 1500 };
    static unsigned pages[3][REFERENCES];
    char load[40];
    snprintf(load, sizeof load, "none:window=%u", window);
    struct machine_wish wish = {.frames = 9,
                                .policy = policy,
                                .allocation = allocation,
                                .load = load,
                                .tlb = {{1, 8, KB_TLB_LRU, 0}}};
    struct kb_random random = {window};
    struct kb_process *p[3];
    struct kb_os os;
    uint64_t made[3] = {0};
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    for (unsigned k = 0; k < 3; k++)
        CHECK(kb_os_create(&os, (const char *const[]){"A", "B", "C"}[k], &p[k]) == KB_OK);
    for (unsigned i = 0; i < REFERENCES; i++) {
        unsigned k = (unsigned)kb_random_below(&random, 3);
        unsigned page = (unsigned)kb_random_below(&random, i / 300 % 2 == 0 ? 4 : MOST_PAGES);
        uint32_t sum = 0;
        bool done;
        kb_os_switch(&os, p[k]);
        CHECK(kb_os_run(&os, (uint64_t)page << 12, i % 3 == 0 ? KB_ACCESS_WRITE : KB_ACCESS_READ, 1,
                        &done) == KB_OK);
        pages[k][made[k]++] = page;
        for (unsigned n = 0; n < 3; n++) {
            uint32_t wanted = naive(pages[n], made[n], window);
            CHECK_EQ(p[n]->working_set, wanted);
            sum += wanted;
        }
        CHECK_EQ(kb_working_set_sum(&os), sum);
    }
    CHECK(kb_os_check(&os) == NULL);
    kb_os_free(&os);
}

/* With frames enough ws keeps exactly W(t, window) of each process, whoever else runs (X06). */
static void resident_is_the_set(void) {
    struct machine_wish wish = {.frames = 100,
                                .policy = "ws:window=12",
                                .allocation = KB_ALLOCATE_VARIABLE,
                                .load = "none:window=12"};
    struct kb_random random = {5};
    struct kb_process *p[3];
    struct kb_os os;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    for (unsigned k = 0; k < 3; k++)
        CHECK(kb_os_create(&os, (const char *const[]){"A", "B", "C"}[k], &p[k]) == KB_OK);
    for (unsigned i = 0; i < 3000; i++) {
        struct kb_process *runs = p[kb_random_below(&random, 3)];
        bool done;
        kb_os_switch(&os, runs);
        CHECK(kb_os_run(&os, kb_random_below(&random, 3 + i / 500 * 5) << 12, KB_ACCESS_WRITE, 1,
                        &done) == KB_OK);
        CHECK_EQ(runs->held, runs->working_set);
    }
    kb_os_free(&os);
}

/* ---- mixes of jobs ---- */

#define MOST_JOBS 9
#define BLOCKS 6
#define RUNS_A_BLOCK 120

/* A random trace in which a working set moves. */
struct tape {
    struct kb_run runs[RUNS_A_BLOCK + KB_RUN_PADDING];
    struct kb_event event;
    uint64_t numbers[MOST_PAGES];
    struct kb_random random;
    unsigned blocks, set, processes;
    uint64_t references;
};

static kb_status next_block(void *context, struct kb_block *block, struct kb_error *failure) {
    struct tape *tape = context;
    (void)failure;
    *block = (struct kb_block){.runs = NULL};
    if (tape->blocks == 0)
        return KB_OK;
    tape->blocks--;
    unsigned base = (unsigned)kb_random_below(&tape->random, MOST_PAGES - tape->set);
    for (unsigned i = 0; i < RUNS_A_BLOCK; i++) {
        uint32_t page = base + (uint32_t)kb_random_below(&tape->random, tape->set);
        uint32_t count = 1 + (uint32_t)kb_random_below(&tape->random, 5);
        tape->runs[i] = kb_run_make(page, kb_random_below(&tape->random, 3) == 0, count);
        tape->references += count;
    }
    block->runs = tape->runs;
    block->count = RUNS_A_BLOCK;
    block->pages = MOST_PAGES;
    if (tape->processes > 1) { /* a trace of several processes, one after the other */
        tape->event = (struct kb_event){.at = (uint32_t)kb_random_below(&tape->random, 9),
                                        .type = KB_EVENT_PROCESS,
                                        .first = kb_random_below(&tape->random, tape->processes)};
        block->events = &tape->event;
        block->event_count = 1;
    }
    return KB_OK;
}

static const uint64_t *numbers(void *context) { return ((struct tape *)context)->numbers; }

static const char *const loads[] = {
    "working-set:window=60",
    "fault-rate:faults=10",
    "working-set:window=200:suspend=largest",
    "fault-rate:suspend=smallest:faults=3",
    "working-set:window=25:suspend=smallest",
    "fault-rate:suspend=largest:service=40:window=30",
};
static const char *const policies[] = {"lru",  "ws:window=60", "clock",         "pff:threshold=50",
                                       "fifo", "random",       "wsclock:tau=50"};
static const enum kb_allocation allocations[] = {KB_ALLOCATE_GLOBAL, KB_ALLOCATE_VARIABLE,
                                                 KB_ALLOCATE_EQUAL, KB_ALLOCATE_PROPORTIONAL};

struct sum {
    uint64_t suspensions, resumptions, forced, degree;
    const struct kb_os *os;
    uint64_t seen;
};

/* Now and then between runs of references: invariants hold, and who is out has no frame. */
static void look(void *context, uint64_t references) {
    struct sum *sum = context;
    const char *wrong = kb_os_check(sum->os);
    (void)references;
    if (wrong != NULL)
        printf("%s\n", wrong);
    CHECK(wrong == NULL);
    for (uint32_t i = 0; i < sum->os->process_count; i++) {
        const struct kb_process *process = sum->os->process[i];
        bool out = process->suspended && process->state == KB_SWAPPED;
        CHECK(!out || process->held == 0);
        sum->seen += out;
    }
}

static void mix(unsigned run, struct sum *sum) {
    static struct tape tape[MOST_JOBS];
    struct kb_job job[MOST_JOBS];
    char name[MOST_JOBS][8];
    struct kb_random random = {run + 1};
    unsigned count = 1 + run % MOST_JOBS;
    struct machine_wish wish = {.frames = 12 + (uint32_t)kb_random_below(&random, 60),
                                .policy = policies[run % 7],
                                .allocation = allocations[run / 3 % 4],
                                .load = loads[run % 6],
                                .clock = run % 4 != 1,
                                .cycle_ns = run % 3 * 100000,
                                .io_cycles = run % 4 == 1 ? 70 : 0,
                                .cluster = run % 5 == 0 ? 4 : 0,
                                .tlb = {{4, 4, KB_TLB_LRU, 0}}};
    struct kb_os os;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name[i], sizeof name[i], "j%u", i);
        tape[i] = (struct tape){.random = {run * 100 + i},
                                .blocks = 1 + (unsigned)kb_random_below(&random, BLOCKS),
                                .set = 2 + (unsigned)kb_random_below(&random, 20),
                                .processes = run % 5 == 3 ? 1 + i % 3 : 1};
        for (unsigned k = 0; k < MOST_PAGES; k++)
            tape[i].numbers[k] = 1000 * i + k;
        job[i] =
            (struct kb_job){.name = name[i], .pages = 20, .trace = {&tape[i], next_block, numbers}};
    }
    sum->os = &os;
    struct kb_jobs jobs = {.os = &os,
                           .job = job,
                           .count = count,
                           .quantum = 1 + kb_random_below(&random, 200),
                           .progress = look,
                           .progress_context = sum};
    kb_status status = kb_jobs_run(&jobs);
    if (status != KB_OK)
        printf("mix %u: %s\n", run, error.text);
    CHECK(status == KB_OK);
    uint64_t references = 0, suspensions = 0;
    for (unsigned i = 0; i < count; i++) {
        references += tape[i].references;
        CHECK(job[i].ended);
        for (uint32_t k = 0; k < job[i].count; k++) {
            const struct kb_process_counters *c = &job[i].process[k].process->counters;
            CHECK(c->suspensions - c->resumptions <= (tape[i].processes > 1));
            suspensions += c->suspensions;
        }
    }
    CHECK_EQ(os.counters.references, references);
    CHECK_EQ(os.counters.suspensions, suspensions);
    CHECK_EQ(os.load.active, 0);
    CHECK(kb_os_active_time(&os) <= os.load.most * references);
    CHECK_EQ(kb_os_free_frames(&os), os.setup.frames);
    sum->suspensions += os.counters.suspensions;
    sum->resumptions += os.counters.resumptions;
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

static void mixes(void) {
    struct sum sum = {0};
    for (unsigned run = 0; run < 420; run++)
        mix(run, &sum);
    printf("mixes: %" PRIu64 " suspensions, %" PRIu64 " resumptions, out %" PRIu64 " times\n",
           sum.suspensions, sum.resumptions, sum.seen);
    CHECK(sum.suspensions > 100 && sum.seen > 100);
}

/* ---- every byte ---- */

/* What load control has decided is known to the model as if it had been commanded. */
static void balance(struct model *m) {
    model_begin_step(m);
    model_ok(m, kb_os_balance(&m->os));
    for (int i = 0; i < (int)m->most; i++) {
        struct model_process *p = &m->process[i];
        if (p->process != NULL)
            p->swapped = p->process->state == KB_SWAPPED;
        if (p->process != NULL && p->swapped && m->current == i)
            m->current = -1;
    }
}

static void bytes(unsigned run, uint64_t steps, uint64_t seed, unsigned every,
                  const struct kb_host *host, uint64_t *suspensions) {
    static struct model m;
    static const char *const formats[] = {NULL, "sv39", "segments", "inverted", "x86-64"};
    char name[120];
    struct machine_wish wish = {.format = formats[run % 5],
                                .page_bits = run % 5 == 1 || run % 5 == 4 ? 0 : 8,
                                .frames = (const uint32_t[]){20, 40, 11, 80}[run / 2 % 4],
                                .policy = policies[run % 7],
                                .allocation =
                                    run % 3 == 2 ? KB_ALLOCATE_VARIABLE : KB_ALLOCATE_GLOBAL,
                                .slots = WATCH_MOST_SLOTS,
                                .cluster = run % 4 == 0 ? 4 : 0,
                                .clock = true,
                                .cycle_ns = 1000,
                                .load = loads[run % 6]};
    wish.tlb[0] = (struct kb_tlb_geometry){4, 4, KB_TLB_LRU, 0};
    if (run % 5 == 1) {
        wish.low = wish.frames / 5 + 1;
        wish.high = wish.frames / 3 + 1;
    }
    snprintf(name, sizeof name, "test_load %u %" PRIu64 " %" PRIu64 " (%s, %s)", run, steps, seed,
             wish.policy, wish.load);
    if (!model_init(&m, name, &wish, 8, seed, host))
        return;
    model_start(&m);
    while (m.steps < steps && !m.broken) {
        model_step(&m);
        if (!m.broken)
            balance(&m);
        if (m.steps % every == 0 && !m.broken)
            model_check(&m);
    }
    if (!m.broken)
        model_digest(&m);
    if (!m.broken)
        model_end(&m);
    *suspensions += m.os.counters.suspensions;
    model_free(&m);
}

int main(int argc, char **argv) {
    struct kb_host host;
    uint64_t suspensions = 0;
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    if (argc > 1) {
        unsigned run = (unsigned)strtoul(argv[1], NULL, 10);
        bytes(run, argc > 2 ? strtoull(argv[2], NULL, 10) : 4000,
              argc > 3 ? strtoull(argv[3], NULL, 10) : run + 1, 1, &host, &suspensions);
        kb_host_close(&host);
        return harness_end();
    }
    for (unsigned window = 1; window < 60; window += 7) {
        count_sets("lru", KB_ALLOCATE_GLOBAL, window);
        count_sets("ws:window=9", KB_ALLOCATE_VARIABLE, window);
        count_sets("clock", KB_ALLOCATE_EQUAL, window);
    }
    resident_is_the_set();
    mixes();
    for (unsigned run = 0; run < 60; run++)
        bytes(run, 2000, run + 1, 16, &host, &suspensions);
    printf("model: %" PRIu64 " suspensions\n", suspensions);
    CHECK(suspensions > 100);
    kb_host_close(&host);
    return harness_end();
}
