/* test_faults.c - the store fails, or is full: the process concerned ends with the documented
 * reason, no other one loses a byte, and the system goes on (X12, L09).
 *
 * Several processes run beside flat memory (flat.h), whose watch on the store
 * knows of each read and write whether it failed. At random moments the store
 * is told to fail; after each injection every byte of every process is
 * compared and every invariant checked. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "flat.h"

#include "host/host.h"

#define STEPS_BETWEEN 40
#define MOST_WAIT 400
#define INJECTIONS 60 /* a run */

static const char *const formats[] = {NULL, "sv39", "x86-64", "inverted"};
static const char *const policies[] = {"fifo", "lru",          "clock", "wsclock:tau=30", "2q",
                                       "arc",  "ws:window=40", "nru",   "random"};

struct total {
    uint64_t injections, failures, ended, set_aside, digests;
};

static void add(struct total *total, const struct flat *f) {
    total->failures += f->failures;
    total->ended += f->ends;
    total->set_aside += f->os.swap.bad;
}

/* All processes' bytes are what they were, or are found to be lost; the rest is in order. */
static void look(struct flat *f, struct total *total) {
    flat_check(f);
    flat_digest(f);
    flat_check(f);
    total->digests++;
}

static struct machine_wish wish_for(unsigned turn) {
    struct machine_wish wish = {.format = formats[turn % 4],
                                .levels = formats[turn % 4] == NULL ? 2 : 0,
                                .page_bits = 8,
                                .frames = 9 + turn % 5,
                                .policy = policies[turn % (sizeof policies / sizeof policies[0])],
                                .tlb = {{4, 4, KB_TLB_LRU, 0}, {16, 4, KB_TLB_LRU, 0}},
                                .asid_bits = turn % 3 * 2,
                                .slots = WATCH_MOST_SLOTS,
                                .failing = true,
                                .kernel = turn % 2 == 0};
    return wish;
}

/* One kind of failure, many times. */
static void inject(enum kb_store_failure failure, unsigned turn, const struct kb_host *host,
                   struct total *total) {
    static const char *const names[] = {"read error", "write error", "short write",
                                        "no space",   "corrupt",     "lost write"};
    static struct flat f;
    struct machine_wish wish = wish_for(turn);
    char name[100];
    uint64_t seed = 100 * turn + (uint64_t)failure + 1;
    snprintf(name, sizeof name, "%s, %s, %s, seed %" PRIu64, names[failure],
             wish.format == NULL ? "generic" : wish.format, wish.policy, seed);
    if (!flat_init(&f, name, &wish, 3 + turn % 2, seed, host))
        return;
    f.watch = watch_store(&f.os.swap.store, NULL);
    f.may_fail = true;
    flat_start(&f);
    for (unsigned n = 0; n < INJECTIONS && !f.broken; n++) {
        uint64_t before = f.watch->all_failures, quiet = flat_below(&f, STEPS_BETWEEN);
        for (uint64_t i = 0; i < quiet && !f.broken; i++)
            flat_step(&f);
        /* Mostly a few operations in a row, sometimes all until it is healed. */
        uint64_t count = flat_below(&f, 10) == 0 ? 0 : 1 + flat_below(&f, 3);
        kb_store_fail(&f.watch->inner, failure, 1 + flat_below(&f, 4), count);
        for (unsigned i = 0; i < MOST_WAIT && !f.broken && f.watch->all_failures == before; i++)
            flat_step(&f);
        for (uint64_t i = flat_below(&f, 4); i > 0 && !f.broken; i--)
            flat_step(&f);
        kb_store_fail(&f.watch->inner, failure, 0, 0);
        total->injections += f.watch->all_failures > before;
        if (!f.broken)
            look(&f, total);
    }
    if (!f.broken)
        flat_end(&f);
    add(total, &f);
    flat_free(&f);
}

/* A swap that is too small: processes end, the others go on, and new ones find room. */
static void too_small(unsigned turn, uint64_t slots, const struct kb_store *instead,
                      const char *what, const struct kb_host *host, struct total *total) {
    static struct flat f;
    struct machine_wish wish = wish_for(turn);
    char name[100];
    uint64_t seed = 7000 + turn;
    wish.failing = false;
    wish.slots = slots;
    if (instead != NULL)
        wish.format = "sv48"; /* pages of 4 KiB */
    snprintf(name, sizeof name, "%s, %s, seed %" PRIu64, what, wish.policy, seed);
    if (!flat_init(&f, name, &wish, 4, seed, host))
        return;
    f.watch = watch_store(&f.os.swap.store, instead);
    f.may_fail = true;
    flat_start(&f);
    for (unsigned n = 0; n < 60 && !f.broken; n++) {
        for (unsigned i = 0; i < 60 && !f.broken; i++)
            flat_step(&f);
        if (!f.broken)
            look(&f, total);
    }
    if (!f.broken)
        flat_end(&f);
    add(total, &f);
    flat_free(&f);
}

/* ---- one slot short (X12) ---- */

#define BIG 20
#define SMALL 6
#define FRAMES 8

struct two {
    struct kb_os os;
    struct kb_error error;
    struct kb_process *big, *small;
};

static bool store_word(struct two *t, struct kb_process *p, unsigned page, uint64_t word) {
    bool done;
    kb_os_switch(&t->os, p);
    CHECK(kb_os_store(&t->os, (uint64_t)page * 4096 + 8, &word, 8, &done) == KB_OK);
    return done;
}

static uint64_t load_word(struct two *t, struct kb_process *p, unsigned page) {
    uint64_t word = 0;
    bool done;
    kb_os_switch(&t->os, p);
    CHECK(kb_os_load(&t->os, (uint64_t)page * 4096 + 8, &word, 8, &done) == KB_OK && done);
    return word;
}

static bool run_two(struct two *t, uint64_t slots, const char *policy, const struct kb_host *host) {
    struct machine_wish wish = {
        .format = "sv39", .frames = FRAMES, .policy = policy, .slots = slots};
    bool done = true;
    memset(t, 0, sizeof *t);
    t->error.language = KB_ENGLISH;
    CHECK(machine_make(&t->os, &wish, host, &t->error) == KB_OK);
    CHECK(kb_os_create(&t->os, "small", &t->small) == KB_OK);
    CHECK(kb_os_create(&t->os, "big", &t->big) == KB_OK);
    for (unsigned i = 0; i < SMALL; i++)
        CHECK(store_word(t, t->small, i, 100 + i));
    for (unsigned i = 0; i < BIG && done; i++)
        done = store_word(t, t->big, i, 1000 + i);
    return done;
}

static void one_slot_short(const char *policy, const struct kb_host *host) {
    struct two t;
    CHECK(run_two(&t, 100, policy, host));
    uint64_t needed = t.os.swap.peak;
    CHECK_EQ(needed, SMALL + BIG - FRAMES);
    kb_os_free(&t.os);
    CHECK(run_two(&t, needed, policy, host)); /* just enough */
    CHECK(t.big->state != KB_ENDED && t.small->state != KB_ENDED);
    CHECK(kb_os_check(&t.os) == NULL);
    kb_os_free(&t.os);

    CHECK(!run_two(&t, needed - 1, policy, host));
    CHECK(t.big->state == KB_ENDED && t.big->reason == KB_REASON_SWAP_FULL);
    CHECK_STR(kb_reason_name(t.big->reason), "swap full");
    CHECK(kb_os_check(&t.os) == NULL);
    for (unsigned i = 0; i < SMALL; i++)
        CHECK_EQ(load_word(&t, t.small, i), 100 + i);
    CHECK_EQ(t.os.swap.bad, 0);
    unsigned more = (unsigned)needed - 1 - SMALL; /* there is room again: each page has a slot */
    for (unsigned i = 0; i < more; i++)
        CHECK(store_word(&t, t.small, 100 + i, i));
    for (unsigned i = 0; i < more; i++)
        CHECK_EQ(load_word(&t, t.small, 100 + i), i);
    for (unsigned i = 0; i < SMALL; i++)
        CHECK_EQ(load_word(&t, t.small, i), 100 + i);
    CHECK(kb_os_check(&t.os) == NULL);
    kb_os_free(&t.os);
}

/* L09: 256 pages, 16 frames, one write pass and two read passes, in a real file. */
static void passes(const char *path, const char *policy, const struct kb_host *host) {
    static const uint64_t wanted[][3] = {{256, 240, 0}, {256, 16, 256}, {256, 0, 256}};
    struct kb_error error = {.language = KB_ENGLISH};
    struct machine_wish wish = {.format = "x86-64", .frames = 16, .policy = policy};
    struct kb_os os;
    struct kb_process *p;
    struct kb_store file;
    bool done;
    CHECK(machine_make(&os, &wish, host, &error) == KB_OK);
    CHECK(kb_store_file(&file, path, 4096, 256, &error) == KB_OK);
    kb_store_close(&os.swap.store);
    os.swap.store = file;
    CHECK(kb_os_create(&os, "P", &p) == KB_OK);
    kb_os_switch(&os, p);
    for (unsigned pass = 0; pass < 3; pass++) {
        struct kb_os_counters before = os.counters;
        for (uint64_t page = 0; page < 256; page++) {
            uint64_t word = page * 77, address = page * 4096 + page;
            if (pass == 0)
                CHECK(kb_os_store(&os, address, &word, 8, &done) == KB_OK && done);
            else
                CHECK(kb_os_load(&os, address, &word, 8, &done) == KB_OK && done);
            CHECK_EQ(word, page * 77);
        }
        CHECK_EQ(os.counters.faults - before.faults, wanted[pass][0]);
        CHECK_EQ(os.counters.write_backs - before.write_backs, wanted[pass][1]);
        CHECK_EQ(os.counters.swap_reads - before.swap_reads, wanted[pass][2]);
    }
    CHECK(kb_os_check(&os) == NULL);
    kb_os_free(&os);
}

/* ---- a real file, and a real full one ---- */

static void with_files(const struct kb_host *host, struct total *total) {
    struct kb_error error = {.language = KB_ENGLISH};
    char folder[] = "/tmp/kilburn-faults-XXXXXX", path[100];
    struct kb_store file;
    struct rlimit old, limit;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/swap", folder);
    passes(path, "fifo", host);
    passes(path, "lru", host);
    for (unsigned turn = 0; turn < 4; turn++) {
        CHECK(kb_store_file(&file, path, 4096, WATCH_MOST_SLOTS, &error) == KB_OK);
        too_small(turn, WATCH_MOST_SLOTS, &file, "a swap file", host, total);
    }
    /* It ends in the middle of slot 45; what lies behind costs its slots. */
    fflush(stdout);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    limit = old;
    uint64_t before = total->set_aside;
    limit.rlim_cur = 45 * 4096 + 2048;
    for (unsigned turn = 0; turn < 4; turn++) {
        CHECK(kb_store_file(&file, path, 4096, 70, &error) == KB_OK);
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        too_small(turn, 70, &file, "a full swap file", host, total);
        CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    }
    CHECK(total->set_aside - before >= 25 && total->set_aside - before <= 4 * 25); /* 45 … 69 */
    rmdir(folder);
}

int main(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    struct total total = {0};
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    for (int failure = 0; failure < KB_STORE_FAILURES; failure++)
        for (unsigned turn = 0; turn < 36; turn++)
            inject((enum kb_store_failure)failure, turn, &host, &total);
    printf("%" PRIu64 " injections, %" PRIu64 " digests, %" PRIu64 " failed accesses, %" PRIu64
           " slots set aside\n",
           total.injections, total.digests, total.failures, total.set_aside);
    CHECK(total.injections > 5000 && total.failures > 1000 && total.set_aside > 1000);
    for (unsigned turn = 0; turn < 36; turn++)
        too_small(turn, 20 + turn, NULL, "a small swap", &host, &total);
    one_slot_short("fifo", &host);
    one_slot_short("lru", &host);
    with_files(&host, &total);
    printf("%" PRIu64 " digests, %" PRIu64 " failed accesses, %" PRIu64 " slots set aside\n",
           total.digests, total.failures, total.set_aside);
    kb_host_close(&host);
    return harness_end();
}
