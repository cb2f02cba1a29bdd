/* test_sharing.c - a million random operations of many processes that fork, share memory and files,
 * release, discard, pin and are swapped, against a model without frames: every byte, every refusal
 * and its reason, each file after a sync (K01, K03, K04, X07, X08, X11, X13, X14, X16, G06).
 *
 *   test_sharing [RUN [STEPS [SEED]]]       one run, its invariants checked after every step
 *
 * KILBURN_OPERATIONS: of all runs together. Each run has another machine: the
 * policy, format, TLB, clusters, reserve, frames, swap and rules take turns. */
#include "shared_run.h"

#include "host/host.h"

#define OPERATIONS 1000000
#define RUNS 160
#define PLAIN_RUNS 120 /* the others have local replacement, or tables in frames */
#define CHECKED_EVERY 64

struct shape {
    const char *name, *format;
    unsigned levels, page_bits;
};

static const struct shape shapes[] = {
    {"1 level", NULL, 0, 8},        {"2 levels", NULL, 2, 7},   {"inverted", "inverted", 0, 8},
    {"3 levels", NULL, 3, 9},       {"sv39", "sv39", 0, 0},     {"x86-64", "x86-64", 0, 0},
    {"segments", "segments", 0, 8}, {"x86-32", "x86-32", 0, 0}, {"inverted", "inverted", 0, 9},
    {"2 levels", NULL, 2, 6},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static const struct kb_tlb_geometry tlbs[][2] = {
    {{0}},
    {{1, 16, KB_TLB_LRU, 0}},
    {{16, 4, KB_TLB_LRU, 0}, {64, 4, KB_TLB_FIFO, 0}},
    {{64, 4, KB_TLB_LRU, 0}, {128, 12, KB_TLB_LRU, 0}},
};
static const unsigned asid_bits[] = {0, 2, 12};

static const char *const policies[] = {"fifo",  "lru", "clock",          "random",
                                       "2q",    "arc", "wsclock:tau=30", "nru",
                                       "aging", "lfu", "ws:window=60",   "second-chance"};
#define POLICIES (sizeof policies / sizeof policies[0])

/* Pages that come ahead, in three of five machines. */
static const char *const fetches[] = {NULL,
                                      "sequential:depth=1",
                                      "stride:depth=2:evict=yes:on=use",
                                      NULL,
                                      "history:depth=3:evict=yes:entries=20",
                                      "sequential:depth=5:on=use",
                                      NULL,
                                      "sequential:depth=40:evict=yes",
                                      "stride:depth=3",
                                      NULL,
                                      "history:depth=1:on=use"};
#define FETCHES (sizeof fetches / sizeof fetches[0])

static const uint32_t frames[] = {6, 24, 11, 300, 8, 60, 17};
static const unsigned processes[] = {3, 8, 50, 5, 20};

struct total {
    uint64_t steps, accesses, refusals, ends, exits, forks, failures, blocks, syncs, swaps, pinned;
    struct kb_os_counters c;
};

static void add(struct total *t, const struct model *m) {
    const struct kb_os_counters *c = &m->os.counters;
    t->steps += m->steps;
    t->accesses += m->accesses;
    t->refusals += m->refusals;
    t->ends += m->ends;
    t->exits += m->exits;
    t->forks += m->forks;
    t->failures += m->failures;
    t->blocks += m->blocks;
    t->syncs += m->syncs;
    t->swaps += m->swaps;
    t->pinned += m->pinned;
    t->c.faults += c->faults;
    t->c.evictions += c->evictions;
    t->c.write_backs += c->write_backs;
    t->c.file_writes += c->file_writes;
    t->c.swap_reads += c->swap_reads;
    t->c.copies += c->copies;
    t->c.soft_faults += c->soft_faults;
    t->c.rescues += c->rescues;
    t->c.background_writes += c->background_writes;
    t->c.prefetches += c->prefetches;
    t->c.useful_prefetches += c->useful_prefetches;
}

static struct machine_wish wish_for(unsigned run) {
    const struct shape *shape = &shapes[run % SHAPES];
    struct machine_wish wish = {.format = shape->format,
                                .levels = shape->levels,
                                .page_bits = shape->page_bits,
                                .frames = frames[run % (sizeof frames / sizeof frames[0])],
                                .policy = policies[run / 2 % POLICIES],
                                .asid_bits = asid_bits[run / 3 % 3],
                                .slots = run % 9 == 4 ? 20 + run % 40 : WATCH_MOST_SLOTS,
                                .write_xor_execute = run % 4 == 1,
                                .cluster = run % 3 == 0 ? 8 : run % 3,
                                .io_cycles = run % 7 == 3 ? 50 : 0,
                                .clock = run % 7 == 5,
                                .cycle_ns = run % 14 == 5 ? 1000 : 0,
                                .fetch = fetches[run % FETCHES],
                                .load_all = run % 13 == 12,
                                .kernel = run % 6 == 5 && run < PLAIN_RUNS};
    memcpy(wish.tlb, tlbs[run / 5 % 4], sizeof wish.tlb);
    if (run >= PLAIN_RUNS && run % 2 == 0) {
        wish.allocation = run % 4 == 0 ? KB_ALLOCATE_EQUAL : KB_ALLOCATE_PROPORTIONAL;
        wish.frames = 60 + run % 3 * 200;
        wish.minimum = 1;
    } else if (run >= PLAIN_RUNS) {
        wish.tables = run % 4 == 1 ? KB_TABLES_PAGEABLE : KB_TABLES_RESIDENT;
        wish.format = run % 3 == 0 ? "sv39" : run % 3 == 1 ? "x86-32" : "x86-64";
        wish.levels = wish.page_bits = 0;
        wish.frames = run % 5 == 0 ? 700 : 300;
        wish.allocation = run % 7 == 0 ? KB_ALLOCATE_EQUAL : KB_ALLOCATE_GLOBAL;
    }
    if (run % 5 < 2) {
        wish.low = wish.frames / 5 + 1;
        wish.high = wish.frames / 3 + 1;
    }
    return wish;
}

static void share(unsigned run, uint64_t steps, uint64_t seed, unsigned every,
                  const struct kb_host *host, struct total *total) {
    static struct model m;
    struct machine_wish wish = wish_for(run);
    char name[200];
    snprintf(name, sizeof name,
             "test_sharing %u %" PRIu64 " %" PRIu64 " (%s, %s, %s, %" PRIu32
             " frames, cluster %" PRIu32 ", reserve %" PRIu32 ", slots %" PRIu64 ")",
             run, steps, seed,
             wish.tables != KB_TABLES_APART ? wish.format : shapes[run % SHAPES].name, wish.policy,
             wish.fetch != NULL ? wish.fetch : "demand", wish.frames, wish.cluster, wish.high,
             wish.slots);
    unsigned most = processes[run % (sizeof processes / sizeof processes[0])];
    if (!model_init(&m, name, &wish, most, seed, host))
        return;
    m.small = wish.slots < WATCH_MOST_SLOTS;
    model_start(&m);
    while (m.steps < steps && !m.broken) {
        model_step(&m);
        if (m.steps % every == 0 && !m.broken)
            model_check(&m);
    }
    if (!m.broken)
        model_digest(&m);
    if (!m.broken)
        model_end(&m);
    add(total, &m);
    model_free(&m);
}

int main(int argc, char **argv) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    struct total total = {0};
    const char *wish = getenv("KILBURN_OPERATIONS");
    uint64_t operations = wish != NULL ? strtoull(wish, NULL, 10) : OPERATIONS;
    uint64_t each = operations / RUNS + 1;
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    if (argc > 1) {
        unsigned run = (unsigned)strtoul(argv[1], NULL, 10);
        share(run, argc > 2 ? strtoull(argv[2], NULL, 10) : each,
              argc > 3 ? strtoull(argv[3], NULL, 10) : run + 1, 1, &host, &total);
    }
    /* pages that were are remembered: rather many runs than long ones */
    for (uint64_t round = 0; argc == 1 && round * OPERATIONS < operations; round++)
        for (unsigned run = 0; run < RUNS; run++) {
            uint64_t steps = each < OPERATIONS / RUNS ? each : OPERATIONS / RUNS + 1;
            uint64_t seed = round * RUNS + run + 1, close = steps / 10;
            share(run, close, seed + 1000000, 1, &host, &total);
            share(run, steps - close, seed, CHECKED_EVERY, &host, &total);
        }
    printf("%" PRIu64 " steps: %" PRIu64 " accesses, %" PRIu64 " refused, %" PRIu64
           " could not go on, %" PRIu64 " ends, %" PRIu64 " exits, %" PRIu64 " forks, %" PRIu64
           " swaps, %" PRIu64 " pins, %" PRIu64 " syncs, %" PRIu64 " waits\n",
           total.steps, total.accesses, total.refusals, total.failures, total.ends, total.exits,
           total.forks, total.swaps, total.pinned, total.syncs, total.blocks);
    printf("%" PRIu64 " faults, %" PRIu64 " soft, %" PRIu64 " rescues, %" PRIu64 " copies, %" PRIu64
           " evictions, %" PRIu64 " write-backs, %" PRIu64 " in advance, %" PRIu64
           " to files, %" PRIu64 " swap reads, %" PRIu64 " ahead, %" PRIu64 " of them used\n",
           total.c.faults, total.c.soft_faults, total.c.rescues, total.c.copies, total.c.evictions,
           total.c.write_backs, total.c.background_writes, total.c.file_writes, total.c.swap_reads,
           total.c.prefetches, total.c.useful_prefetches);
    CHECK(argc > 1 || (total.c.useful_prefetches > 0 && total.blocks > 0));
    kb_host_close(&host);
    return harness_end();
}
