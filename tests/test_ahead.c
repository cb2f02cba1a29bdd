/* test_ahead.c - pages that come ahead, three times: the replay (replay/ahead.c), the simulated
 * machine (os/ahead.c), and a naive model of FIFO and LRU that is written here from the words of
 * docs/scenario.md. On T1, and on random traces of runs of several processes, all must have the
 * same faults, prefetches, evictions, write-backs, and the same of them used (G02). */
#include "base/random.h"
#include "harness.h"
#include "machine.h"
#include "os/job.h"
#include "replay/ahead.h"
#include "trace/generate.h"

#define MOST_RUNS 3000
#define MOST_PAGES 4096
#define FIRST_PAGE 1000 /* so that a stride may go down from there */

static struct kb_error error = {.language = KB_ENGLISH};

/* One block of runs. */
struct tape {
    struct kb_run runs[MOST_RUNS + KB_RUN_PADDING];
    uint64_t numbers[MOST_PAGES];
    uint32_t id[2 * MOST_PAGES]; /* by number: + 1 */
    uint32_t count, pages;
    uint64_t references;
    bool delivered;
};

static void tape_add(struct tape *t, uint64_t number, enum kb_kind kind, uint32_t count) {
    if (t->id[number] == 0) {
        t->numbers[t->pages] = number;
        t->id[number] = ++t->pages;
    }
    t->runs[t->count++] = kb_run_make(t->id[number] - 1, kind, count);
    t->references += count;
}

static kb_status tape_next(void *context, struct kb_block *block, struct kb_error *ignored) {
    struct tape *t = context;
    (void)ignored;
    *block = t->delivered ? (struct kb_block){.runs = NULL}
                          : (struct kb_block){.runs = t->runs,
                                              .count = t->count,
                                              .references = t->references,
                                              .pages = t->pages};
    t->delivered = true;
    return KB_OK;
}

static const uint64_t *tape_numbers(void *context) { return ((struct tape *)context)->numbers; }

struct counts {
    uint64_t faults, evictions, write_backs, prefetches, useful, wasted;
};

static bool same(const struct counts *a, const struct counts *b) {
    return a->faults == b->faults && a->evictions == b->evictions &&
           a->write_backs == b->write_backs && a->prefetches == b->prefetches &&
           a->useful == b->useful && a->wasted == b->wasted;
}

static void print(const char *who, const struct counts *c) {
    printf("  %-8s faults %llu evictions %llu write-backs %llu ahead %llu used %llu wasted %llu\n",
           who, (unsigned long long)c->faults, (unsigned long long)c->evictions,
           (unsigned long long)c->write_backs, (unsigned long long)c->prefetches,
           (unsigned long long)c->useful, (unsigned long long)c->wasted);
}

/* ---- by replay ---- */

static struct counts by_replay(struct tape *t, const char *policy, const char *fetch,
                               uint32_t frames) {
    struct kb_policy_spec spec;
    struct kb_fetch_spec ahead;
    struct kb_ahead *a = calloc(1, sizeof *a);
    struct kb_result r;
    struct kb_block block;
    CHECK(kb_policy_parse(policy, &spec, NULL, NULL, &error) == KB_OK);
    CHECK(kb_fetch_parse(fetch, &ahead, &error) == KB_OK);
    CHECK(kb_ahead_init(a, &spec, &ahead, frames, NULL, &error) == KB_OK);
    t->delivered = false;
    CHECK(tape_next(t, &block, &error) == KB_OK);
    CHECK(kb_ahead_block(a, &block, t->numbers, NULL, &error) == KB_OK);
    kb_ahead_result(a, &r);
    CHECK_EQ(r.references, t->references);
    kb_ahead_free(a);
    free(a);
    return (struct counts){r.faults,     r.evictions,         r.write_backs,
                           r.prefetches, r.useful_prefetches, r.wasted_prefetches};
}

/* ---- by the machine ---- */

static struct counts by_machine(struct tape *t, const char *policy, const char *fetch,
                                uint32_t frames) {
    struct kb_os os;
    struct kb_job job = {.name = "P", .trace = {t, tape_next, tape_numbers}};
    struct kb_jobs jobs = {.os = &os, .job = &job, .count = 1, .quantum = 1000};
    CHECK(machine_make(&os,
                       &(struct machine_wish){.frames = frames, .policy = policy, .fetch = fetch},
                       NULL, &error) == KB_OK);
    t->delivered = false;
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    const struct kb_os_counters *c = &os.counters;
    struct counts counts = {
        c->faults,     c->evictions,         c->write_backs,
        c->prefetches, c->useful_prefetches, c->wasted_prefetches - job.process[0].unused_ahead};
    CHECK(kb_os_check(&os) == NULL);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
    return counts;
}

/* ---- naively ---- */

/* Pages in memory, the first to go first. */
struct naive {
    struct {
        uint64_t page;
        bool dirty, unused, held;
    } in[64];
    uint32_t count, frames;
    bool lru;
    struct counts c;
    uint64_t seen[3 * MOST_RUNS]; /* faults and first uses, in order */
    uint32_t seen_count;
};

static uint32_t find(const struct naive *n, uint64_t page) {
    for (uint32_t i = 0; i < n->count; i++)
        if (n->in[i].page == page)
            return i;
    return UINT32_MAX;
}

static void to_end(struct naive *n, uint32_t at) {
    struct naive copy = {.in = {n->in[at]}};
    memmove(&n->in[at], &n->in[at + 1], (n->count - at - 1) * sizeof n->in[0]);
    n->in[n->count - 1] = copy.in[0];
}

/* The first that is not held goes. What was passed over is behind all others then, as if it had
 * come anew: that is how FIFO and LRU answer a refusal. */
static bool make_room(struct naive *n) {
    for (uint32_t tries = n->count; n->count == n->frames && tries > 0; tries--) {
        if (n->in[0].held) {
            to_end(n, 0);
            continue;
        }
        n->c.evictions++;
        n->c.write_backs += n->in[0].dirty;
        n->c.wasted += n->in[0].unused;
        memmove(&n->in[0], &n->in[1], --n->count * sizeof n->in[0]);
    }
    return n->count < n->frames;
}

/* What the strategy expects after what was seen last. */
static uint32_t expected(const struct naive *n, const char *strategy, uint64_t depth,
                         uint64_t *pages) {
    uint32_t count = 0, k = n->seen_count;
    uint64_t page = n->seen[k - 1];
    if (strcmp(strategy, "sequential") == 0) {
        while (count < depth) {
            pages[count] = page + count + 1;
            count++;
        }
    } else if (strcmp(strategy, "stride") == 0) {
        int64_t step = k > 2 ? (int64_t)(page - n->seen[k - 2]) : 0;
        if (step == 0 || (int64_t)(n->seen[k - 2] - n->seen[k - 3]) != step)
            return 0;
        for (; count < depth && (int64_t)page + step * ((int64_t)count + 1) >= 0; count++)
            pages[count] = (uint64_t)((int64_t)page + step * ((int64_t)count + 1));
    } else {
        for (uint64_t at = page; count < depth; pages[count++] = at) {
            uint32_t i = k - 1; /* the latest transition from `at` to another page */
            while (i > 0 && !(n->seen[i - 1] == at && n->seen[i] != at))
                i--;
            if (i == 0)
                break;
            at = n->seen[i];
            bool again = at == page;
            for (uint32_t j = 0; j < count; j++)
                again |= pages[j] == at;
            if (again)
                break;
        }
    }
    return count;
}

static struct counts naively(const struct tape *t, bool lru, const char *strategy, uint64_t depth,
                             bool evict, bool on_use, uint32_t frames) {
    static struct naive model;
    struct naive *n = &model;
    memset(n, 0, sizeof *n);
    n->lru = lru;
    n->frames = frames;
    for (uint32_t i = 0; i < t->count; i++) {
        uint64_t page = t->numbers[t->runs[i].page], pages[KB_FETCH_MOST];
        uint32_t at = find(n, page);
        bool fault = at == UINT32_MAX, use = !fault && n->in[at].unused;
        if (fault) {
            n->c.faults++;
            make_room(n);
            at = n->count++;
            memset(&n->in[at], 0, sizeof n->in[at]);
            n->in[at].page = page;
        }
        n->c.useful += use;
        n->in[at].unused = false;
        n->in[at].dirty |= kb_run_kind(t->runs[i]) == KB_WRITE;
        if (lru)
            to_end(n, at);
        if (!fault && !use)
            continue;
        n->seen[n->seen_count++] = page;
        if (use && !on_use)
            continue;
        n->in[find(n, page)].held = true;
        uint32_t count = expected(n, strategy, depth, pages);
        for (uint32_t k = 0, came = 0; k < count && came + 1 < frames; k++) {
            if (n->count == n->frames && !evict)
                break;
            if (find(n, pages[k]) != UINT32_MAX)
                continue;
            if (!make_room(n))
                break;
            memset(&n->in[n->count], 0, sizeof n->in[0]);
            n->in[n->count].page = pages[k];
            n->in[n->count].unused = n->in[n->count].held = true;
            n->count++;
            n->c.prefetches++;
            came++;
        }
        for (uint32_t k = 0; k < n->count; k++)
            n->in[k].held = false;
        if (lru && kb_run_count(t->runs[i]) > 1) /* the rest of the run comes behind them */
            to_end(n, find(n, page));
    }
    return n->c;
}

/* ---- traces ---- */

static void t1(struct tape *t, uint32_t from) {
    struct kb_generator *generator;
    struct kb_trace_access access;
    size_t got = 1;
    memset(t, 0, sizeof *t);
    CHECK(kb_generator_new("phases", &generator, &error) == KB_OK);
    for (uint32_t i = 0; got > 0 && i < from + MOST_RUNS; i++) {
        kb_generator_next(generator, &access, 1, &got);
        if (got > 0 && i >= from)
            tape_add(t, access.address, (enum kb_kind)(access.kind & 3), 1);
    }
    kb_generator_free(generator);
}

/* Walks up and down by strides, leaps, and rounds that come again. */
static void random_tape(struct tape *t, struct kb_random *random) {
    uint64_t round[20], page = FIRST_PAGE;
    uint32_t runs = 200 + (uint32_t)kb_random_below(random, 400);
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < 20; i++)
        round[i] = FIRST_PAGE + kb_random_below(random, 200);
    while (t->count < runs) {
        uint64_t what = kb_random_below(random, 4), length = 3 + kb_random_below(random, 17);
        uint64_t step = 1 + kb_random_below(random, 5);
        page = FIRST_PAGE + kb_random_below(random, 200);
        for (uint64_t k = 0; k < length; k++) {
            if (what == 0)
                page += step;
            else if (what == 1)
                page -= step;
            else
                page = what == 2 ? round[k % 20] : FIRST_PAGE + kb_random_below(random, 60);
            tape_add(t, page, kb_random_below(random, 3) == 0 ? KB_WRITE : KB_READ,
                     1 + (uint32_t)kb_random_below(random, 4) *
                             (uint32_t)kb_random_below(random, 9));
        }
    }
}

/* ---- comparisons ---- */

static const char *const policies[] = {"fifo",
                                       "lru",
                                       "clock",
                                       "mru",
                                       "lfu",
                                       "random:seed=3",
                                       "nru:period=50",
                                       "second-chance",
                                       "enhanced-clock",
                                       "aging:period=20",
                                       "wsclock:tau=40",
                                       "2q",
                                       "arc",
                                       "lirs",
                                       "clock-pro",
                                       "sieve",
                                       "s3-fifo"};
#define POLICIES (sizeof policies / sizeof policies[0])

static const struct strategy {
    const char *name;
    uint64_t depth;
    bool evict, on_use;
} strategies[] = {
    {"sequential", 1, false, false}, {"sequential", 3, true, false}, {"sequential", 2, true, true},
    {"sequential", 64, true, true},  {"stride", 1, false, false},    {"stride", 4, true, true},
    {"stride", 2, true, false},      {"history", 1, false, true},    {"history", 3, true, false},
    {"history", 5, true, true},
};
#define STRATEGIES (sizeof strategies / sizeof strategies[0])

/* Returns how many pages came ahead and were used. */
static uint64_t compare(struct tape *t, const char *policy, const struct strategy *s,
                        uint32_t frames) {
    char fetch[100];
    snprintf(fetch, sizeof fetch, "%s:depth=%llu:evict=%s:on=%s%s", s->name,
             (unsigned long long)s->depth, s->evict ? "yes" : "no", s->on_use ? "use" : "fault",
             strcmp(s->name, "history") == 0 ? ":entries=1048576" : "");
    struct counts replay = by_replay(t, policy, fetch, frames);
    struct counts machine = by_machine(t, policy, fetch, frames);
    bool fine = same(&replay, &machine), naive = strcmp(policy, "fifo") == 0;
    struct counts third = machine;
    if (frames <= 64 && (naive || strcmp(policy, "lru") == 0)) {
        third = naively(t, !naive, s->name, s->depth, s->evict, s->on_use, frames);
        fine = fine && same(&third, &machine);
    }
    CHECK(fine);
    if (!fine) {
        printf("%s, %s, %u frames, %u runs\n", policy, fetch, frames, t->count);
        print("replay", &replay);
        print("machine", &machine);
        print("naive", &third);
    }
    return replay.useful;
}

/* A history's state is large here, so that no page takes another's entry. */
static void all(void) {
    static struct tape t;
    struct kb_random random = {1};
    uint64_t used = 0;
    for (unsigned p = 0; p < POLICIES; p++)
        for (unsigned s = 0; s < STRATEGIES; s++) {
            t1(&t, 2500);
            used += compare(&t, policies[p], &strategies[s], 16);
        }
    for (unsigned round = 0; round < 600; round++) {
        random_tape(&t, &random);
        used += compare(&t,
                        round % 3 == 0   ? "fifo"
                        : round % 3 == 1 ? "lru"
                                         : policies[round % POLICIES],
                        &strategies[kb_random_below(&random, STRATEGIES)],
                        1 + (uint32_t)kb_random_below(&random, 60));
    }
    CHECK(used > 1000);
    printf("%llu pages came ahead and were used\n", (unsigned long long)used);
}

static void refused(void) {
    static const char *const no[] = {"opt", "ws", "pff"};
    struct kb_policy_spec spec;
    struct kb_fetch_spec fetch;
    struct kb_ahead a;
    CHECK(kb_fetch_parse("sequential", &fetch, &error) == KB_OK);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(kb_policy_parse(no[i], &spec, NULL, NULL, &error) == KB_OK);
        CHECK(kb_ahead_init(&a, &spec, &fetch, 4, NULL, &error) == KB_USAGE);
        kb_ahead_free(&a);
    }
}

/* ---- processes that wait ---- */

/* Three traces, each of images of its own; the same counts as without a clock, and the time of a
 * machine that does one thing after the other is the sum of both. */
static void waiting_jobs(const char *fetch) {
    static struct tape t[3];
    struct kb_random random = {7};
    struct kb_job job[3];
    struct kb_os os;
    struct kb_jobs jobs = {.os = &os, .job = job, .count = 3, .quantum = 20};
    uint64_t references = 0;
    for (unsigned i = 0; i < 3; i++) {
        random_tape(&t[i], &random);
        job[i] = (struct kb_job){.name = "P", .trace = {&t[i], tape_next, tape_numbers}};
        references += t[i].references;
    }
    CHECK(machine_make(
              &os,
              &(struct machine_wish){
                  .frames = 20, .policy = "lru", .clock = true, .cycle_ns = 100, .fetch = fetch},
              NULL, &error) == KB_OK);
    CHECK(kb_jobs_run(&jobs) == KB_OK);
    CHECK_EQ(os.counters.references, references);
    CHECK(os.idle > 0 && os.counters.swap_reads > 0);
    CHECK_EQ(kb_os_now(&os), os.idle + 100 * (references + os.mmu.table_reads));
    CHECK_EQ(os.disk_busy, 12039063 * os.counters.disk_transfers);
    CHECK(kb_os_disk_worked(&os) <= kb_os_now(&os));
    CHECK(kb_os_check(&os) == NULL);
    kb_jobs_free(&jobs);
    kb_os_free(&os);
}

int main(void) {
    all();
    refused();
    waiting_jobs("demand");
    waiting_jobs("sequential:depth=2:evict=yes:on=use");
    waiting_jobs("history:depth=2");
    return harness_end();
}
