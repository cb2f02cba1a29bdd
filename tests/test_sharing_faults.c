/* test_sharing_faults.c - stores fail under processes that share pages: the paging file, or a file,
 * at reads and writes, in the middle of clusters, syncs, releases, forks and whole processes.
 *
 *   test_sharing_faults [TURN]
 *
 * After each injection the store is healed and every byte is compared: what was
 * not safely written must still be in memory. Only a lost write may cost a page,
 * and then all who look at it end: nobody reads other bytes. */
#include "shared_run.h"

#include "host/host.h"

#define TURNS 34
#define INJECTIONS 25
#define STEPS_BETWEEN 60
#define MOST_WAIT 400

static const char *const names[] = {"read error", "write error", "short write",
                                    "no space",   "corrupt",     "lost write"};

struct total {
    uint64_t injections, in_files, failures, ends, steps, write_backs, file_writes, copies;
};

static struct machine_wish wish_for(unsigned turn) {
    static const char *const formats[] = {NULL, "sv39", "inverted", "x86-64", "segments"};
    static const char *const policies[] = {"fifo",           "lru",          "clock",
                                           "wsclock:tau=30", "ws:window=40", "2q"};
    static const char *const fetches[] = {NULL, "sequential:depth=3", NULL,
                                          "stride:depth=2:evict=yes:on=use"};
    struct machine_wish wish = {.format = formats[turn % 5],
                                .levels = turn % 5 == 0 ? 2 : 0,
                                .page_bits = 8,
                                .frames = 7 + turn % 11,
                                .policy = policies[turn % 6],
                                .tlb = {{4, 4, KB_TLB_LRU, 0}, {16, 4, KB_TLB_LRU, 0}},
                                .asid_bits = turn % 3 * 2,
                                .slots = WATCH_MOST_SLOTS,
                                .failing = true,
                                .cluster = turn % 2 == 0 ? 8 : 0,
                                .io_cycles = turn % 7 == 6 ? 30 : 0,
                                .clock = turn % 7 == 4,
                                .cycle_ns = 100,
                                .fetch = fetches[turn % 4]};
    if (turn % 4 == 1) {
        wish.low = 3;
        wish.high = 5;
    }
    return wish;
}

static uint64_t failures_of(const struct model *m) {
    uint64_t all = m->watch->all_failures;
    for (unsigned i = 0; i < MODEL_MOST_OBJECTS; i++)
        all += m->object[i].watch != NULL ? m->object[i].watch->all_failures : 0;
    return all;
}

/* A process that shows a file whole, writes all of it to its store, and reads it. */
static void read_file(struct model *m, int object) {
    const struct model_object *o = &m->object[object];
    if (m->segments && o->pages > MODEL_SEGMENT)
        return;
    if (model_free_process(m) < 0)
        model_exit(m, model_some(m));
    int i = model_begin(m, false);
    struct kb_process *process = m->process[i].process;
    struct kb_region region = {.start = model_address(m, 0),
                               .end = model_address(m, 0) + o->pages * m->page,
                               .rights = KB_ENTRY_READ,
                               .object = o->number + 1,
                               .shared = true};
    model_region(m, i, 0, o->pages, &region);
    model_begin_step(m);
    model_sync(m, i, 0, o->pages);
    model_look(m, i);
    if (m->process[i].process == process)
        model_exit(m, i);
}

/* The store is healed. */
static void look(struct model *m, enum kb_store_failure failure) {
    uint64_t failed = m->failures;
    model_begin_step(m);
    model_check(m);
    model_digest(m);
    for (int i = 0; i < MODEL_MOST_OBJECTS && !m->broken; i++)
        if (m->object[i].file)
            read_file(m, i);
    if (failure != KB_STORE_LOST_WRITE)
        model_right(m, m->failures == failed, "a page was lost");
    model_check(m);
}

/* Of the paging file, or of a file. */
static struct kb_store *some_store(struct model *m, struct total *total) {
    unsigned i = (unsigned)model_below(m, MODEL_MOST_OBJECTS);
    if (!m->object[i].file)
        return &m->watch->inner;
    total->in_files++;
    return &m->object[i].watch->inner;
}

static void inject(enum kb_store_failure failure, unsigned turn, const struct kb_host *host,
                   struct total *total) {
    static struct model m;
    struct machine_wish wish = wish_for(turn);
    char name[100];
    uint64_t seed = 100 * turn + (uint64_t)failure + 1;
    snprintf(name, sizeof name, "test_sharing_faults %u: %s, %s, %s", turn, names[failure],
             wish.format == NULL ? "generic" : wish.format, wish.policy);
    if (!model_init(&m, name, &wish, 4 + turn % 5, seed, host))
        return;
    m.failing = m.may_fail = true;
    model_start(&m);
    for (unsigned n = 0; n < INJECTIONS && !m.broken; n++) {
        uint64_t before = failures_of(&m), quiet = model_below(&m, STEPS_BETWEEN);
        for (uint64_t i = 0; i < quiet && !m.broken; i++)
            model_step(&m);
        struct kb_store *store = some_store(&m, total);
        uint64_t count = model_one_in(&m, 3) ? 0 : 1 + model_below(&m, 3); /* 0: all from then on */
        kb_store_fail(store, failure, 1 + model_below(&m, 5), count);
        for (unsigned i = 0; i < MOST_WAIT && !m.broken && failures_of(&m) == before; i++)
            model_step(&m);
        for (uint64_t i = model_below(&m, count == 0 ? 80 : 6); i > 0 && !m.broken; i--) {
            model_step(&m);
            model_check(&m);
        }
        kb_store_fail(store, failure, 0, 0);
        total->injections += failures_of(&m) > before;
        if (!m.broken)
            look(&m, failure);
    }
    if (!m.broken)
        model_end(&m);
    total->failures += m.failures;
    total->ends += m.ends;
    total->steps += m.steps;
    total->write_backs += m.os.counters.write_backs;
    total->file_writes += m.os.counters.file_writes;
    total->copies += m.os.counters.copies;
    model_free(&m);
}

int main(int argc, char **argv) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    struct total total = {0};
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    for (unsigned turn = 0; turn < TURNS; turn++)
        for (int failure = 0; failure < KB_STORE_FAILURES; failure++)
            if (argc < 2 || strtoul(argv[1], NULL, 10) == turn)
                inject((enum kb_store_failure)failure, turn, &host, &total);
    printf("%" PRIu64 " injections, %" PRIu64 " planned in files, %" PRIu64
           " failed accesses, %" PRIu64 " ends\n%" PRIu64 " steps, %" PRIu64
           " write-backs, %" PRIu64 " to files, %" PRIu64 " copies\n",
           total.injections, total.in_files, total.failures, total.ends, total.steps,
           total.write_backs, total.file_writes, total.copies);
    CHECK(argc > 1 || (total.injections > 2000 && total.failures > 300));
    kb_host_close(&host);
    return harness_end();
}
