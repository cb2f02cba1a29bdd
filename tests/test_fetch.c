/* test_fetch.c - each fetch strategy alone, with known answers; then on the machine: what is legal,
 * what may go, what cannot be read, and the disk that brings one page after the other (G02, G03,
 * X21). */
#include "harness.h"
#include "machine.h"

#define PAGE UINT64_C(4096)

static struct kb_error error = {.language = KB_ENGLISH};

/* ---- strategies ---- */

struct strategy {
    struct kb_fetch_spec spec;
    void *state;
    uint64_t pages[KB_FETCH_MOST];
    unsigned count;
};

static void begin(struct strategy *s, const char *text) {
    CHECK(kb_fetch_parse(text, &s->spec, &error) == KB_OK);
    s->state = calloc(1, kb_fetch_size(&s->spec) + 1);
}

static unsigned after(struct strategy *s, uint64_t page) {
    s->count = kb_fetch_next(&s->spec, s->state, page, true, s->pages);
    return s->count;
}

static void end(struct strategy *s) { free(s->state); }

static void specs(void) {
    static const char *const bad[] = {"",
                                      "magic",
                                      "demand:depth=1",
                                      "sequential:depth=0",
                                      "sequential:depth=65",
                                      "sequential:entries=5",
                                      "stride:evict=perhaps",
                                      "history:entries=0",
                                      "sequential:",
                                      "sequential:depth"};
    struct kb_fetch_spec spec;
    char text[100];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(kb_fetch_parse(bad[i], &spec, &error) == KB_USAGE);
    CHECK(kb_fetch_parse("demand", &spec, &error) == KB_OK && !kb_fetch_looks_ahead(&spec));
    CHECK(kb_fetch_parse("history:on=use:entries=20:depth=1", &spec, &error) == KB_OK);
    CHECK(kb_fetch_looks_ahead(&spec) && kb_fetch_on_use(&spec) && !kb_fetch_may_evict(&spec));
    CHECK(strcmp(kb_fetch_options(&spec, text, sizeof text), ":on=use:entries=20") == 0);
}

static void sequential(void) {
    struct strategy s;
    begin(&s, "sequential:depth=3");
    CHECK(after(&s, 7) == 3 && s.pages[0] == 8 && s.pages[1] == 9 && s.pages[2] == 10);
    CHECK(after(&s, UINT64_MAX - 1) == 1 && s.pages[0] == UINT64_MAX);
    CHECK(after(&s, UINT64_MAX) == 0);
    end(&s);
}

static void stride(void) {
    struct strategy s;
    begin(&s, "stride:depth=2");
    CHECK(after(&s, 0) == 0 && after(&s, 8) == 0);
    CHECK(after(&s, 16) == 2 && s.pages[0] == 24 && s.pages[1] == 32);
    CHECK(after(&s, 17) == 0);
    CHECK(after(&s, 18) == 2 && s.pages[0] == 19);
    CHECK(after(&s, 18) == 0 && after(&s, 18) == 0); /* a difference of 0 leads nowhere */
    CHECK(after(&s, 11) == 0);
    CHECK(after(&s, 4) == 0); /* 4 − 7 is no page */
    CHECK(after(&s, UINT64_MAX - 9) == 0 && after(&s, UINT64_MAX - 6) == 0);
    CHECK(after(&s, UINT64_MAX - 3) == 1 && s.pages[0] == UINT64_MAX);
    end(&s);
    begin(&s, "stride");
    CHECK(after(&s, 30) == 0 && after(&s, 25) == 0);
    CHECK(after(&s, 20) == 1 && s.pages[0] == 15);
    end(&s);
}

static void history(void) {
    static const uint64_t round[] = {7, 0, 3, UINT64_MAX, 41};
    struct strategy s;
    begin(&s, "history:depth=3");
    for (unsigned i = 0; i < 5; i++)
        CHECK(after(&s, round[i]) == 0);
    CHECK(after(&s, 7) == 3 && s.pages[0] == 0 && s.pages[1] == 3 && s.pages[2] == UINT64_MAX);
    CHECK(after(&s, 0) == 3 && s.pages[0] == 3 && s.pages[2] == 41);
    /* the latest transition counts: 0 is followed by 41 now, where the chain began */
    CHECK(after(&s, 41) == 2 && s.pages[0] == 7 && s.pages[1] == 0);
    CHECK(after(&s, 0) == 1 && s.pages[0] == 41);
    end(&s);
    /* one entry: of one page only the successor is known */
    begin(&s, "history:depth=2:entries=1");
    CHECK(after(&s, 1) == 0 && after(&s, 2) == 0 && after(&s, 1) == 0);
    CHECK(after(&s, 2) == 0); /* the entry is 1's: 1 → 2 */
    CHECK(after(&s, 1) == 0); /* now it is 2's */
    end(&s);
    begin(&s, "history:entries=1");
    CHECK(after(&s, 1) == 0 && after(&s, 1) == 0 && after(&s, 2) == 0);
    end(&s);
}

/* What is learnt on the way: the use of a page that came ahead proposes nothing, unless told to. */
static void cues(void) {
    struct strategy s;
    begin(&s, "stride");
    CHECK(after(&s, 1) == 0 && after(&s, 3) == 0 && after(&s, 5) == 1);
    CHECK(kb_fetch_next(&s.spec, s.state, 7, false, s.pages) == 0);
    CHECK(after(&s, 9) == 1 && s.pages[0] == 11);
    s.spec.values[KB_FETCH_ON] = 1;
    CHECK(kb_fetch_next(&s.spec, s.state, 11, false, s.pages) == 1 && s.pages[0] == 13);
    end(&s);
}

/* ---- on the machine ---- */

struct rig {
    struct kb_os os;
    struct kb_process *p;
};

static void start(struct rig *r, const struct machine_wish *wish) {
    CHECK(machine_make(&r->os, wish, NULL, &error) == KB_OK);
    CHECK(kb_os_create(&r->os, "P", &r->p) == KB_OK);
    kb_os_switch(&r->os, r->p);
}

static void stop(struct rig *r) {
    const char *wrong = kb_os_check(&r->os);
    CHECK(wrong == NULL);
    if (r->p->state != KB_ENDED)
        kb_os_exit(&r->os, r->p, KB_REASON_DONE, 0);
    CHECK(kb_os_check(&r->os) == NULL);
    CHECK_EQ(r->os.waiting_ahead, 0);
    CHECK_EQ(r->os.counters.prefetches,
             r->os.counters.useful_prefetches + r->os.counters.wasted_prefetches);
    kb_os_free(&r->os);
}

static void region(struct rig *r, uint64_t first, uint64_t pages, unsigned rights, bool guard) {
    struct kb_region region = {.name = "r",
                               .start = first * PAGE,
                               .end = (first + pages) * PAGE,
                               .rights = rights,
                               .guard = guard,
                               .has_image = !guard,
                               .image = {.seed = first}};
    bool refused;
    CHECK(kb_os_region(&r->os, r->p, &region, &refused) == KB_OK && !refused);
}

static bool touch(struct rig *r, uint64_t page, enum kb_access access) {
    bool done;
    CHECK(kb_os_run(&r->os, page * PAGE, access, 1, &done) == KB_OK);
    CHECK(kb_os_check(&r->os) == NULL);
    return done;
}

static bool in_memory(struct rig *r, uint64_t page) {
    return kb_os_frame_of(&r->os, r->p, page) != KB_NO_FRAME;
}

/* Guards, holes, pages without rights and the end of the space are passed over. */
static void only_legal(void) {
    struct rig r;
    start(&r, &(struct machine_wish){.frames = 32, .fetch = "sequential:depth=8"});
    region(&r, 10, 2, KB_ENTRY_READ, false);
    region(&r, 12, 1, 0, true);
    region(&r, 13, 1, 0, false);
    region(&r, 15, 2, KB_ENTRY_READ, false);
    CHECK(touch(&r, 10, KB_ACCESS_READ));
    for (uint64_t page = 0; page < 32; page++)
        CHECK(in_memory(&r, page) == (page == 10 || page == 11 || page == 15 || page == 16));
    CHECK_EQ(r.os.counters.prefetches, 3);
    CHECK_EQ(r.os.counters.faults, 1);
    stop(&r);
    start(&r, &(struct machine_wish){.frames = 8, .page_bits = 16, .fetch = "sequential:depth=3"});
    CHECK(kb_os_run(&r.os, UINT64_C(0xfffe0000), KB_ACCESS_WRITE, 1, &(bool){false}) == KB_OK);
    CHECK_EQ(r.os.counters.prefetches, 1);
    stop(&r);
}

/* A page that came ahead has its bytes, no entry, and no R. */
static void no_entry(void) {
    struct rig r;
    start(&r, &(struct machine_wish){.frames = 4, .fetch = "sequential", .policy = "clock"});
    region(&r, 0, 8, KB_ENTRY_READ | KB_ENTRY_WRITE, false);
    CHECK(touch(&r, 0, KB_ACCESS_READ) && in_memory(&r, 1));
    uint32_t frame = kb_os_frame_of(&r.os, r.p, 1);
    CHECK(r.os.frame[frame].ahead && !(r.os.keys[frame] & KB_REFERENCED));
    CHECK_EQ(r.p->resident, 1);
    CHECK_EQ(r.p->held, 2);
    CHECK(touch(&r, 1, KB_ACCESS_WRITE));
    CHECK(!r.os.frame[frame].ahead && r.os.keys[frame] & KB_MODIFIED);
    CHECK_EQ(r.os.counters.useful_prefetches, 1);
    CHECK_EQ(r.p->counters.soft_faults, 1);
    CHECK_EQ(r.os.counters.faults, 1);
    uint8_t byte;
    bool done;
    CHECK(kb_os_load(&r.os, PAGE + 5, &byte, 1, &done) == KB_OK && done);
    CHECK_EQ(byte, kb_image_byte(0, PAGE + 5));
    stop(&r);
}

/* Free frames only: the page daemon's low mark and local shares hold. */
static void only_free(void) {
    struct rig r;
    start(&r,
          &(struct machine_wish){.frames = 8, .fetch = "sequential:depth=20", .low = 3, .high = 5});
    CHECK(touch(&r, 0, KB_ACCESS_READ));
    CHECK_EQ(r.os.counters.prefetches, 4);
    CHECK_EQ(kb_os_free_frames(&r.os), 3);
    CHECK_EQ(r.os.counters.evictions, 0);
    stop(&r);
    start(&r, &(struct machine_wish){.frames = 8,
                                     .fetch = "sequential:depth=20",
                                     .allocation = KB_ALLOCATE_EQUAL,
                                     .minimum = 1});
    struct kb_process *q;
    CHECK(kb_os_create(&r.os, "Q", &q) == KB_OK);
    CHECK(touch(&r, 0, KB_ACCESS_READ));
    CHECK_EQ(r.os.counters.prefetches, 3);
    stop(&r);
}

/* Pages of one batch do not push each other out, nor the one that was just used. */
static void batches(const char *policy) {
    struct rig r;
    start(&r, &(struct machine_wish){
                  .frames = 4, .fetch = "sequential:depth=9:evict=yes", .policy = policy});
    for (uint64_t page = 0; page < 200; page += 50) {
        CHECK(touch(&r, page, KB_ACCESS_WRITE));
        for (uint64_t k = 0; k < 4; k++)
            CHECK(in_memory(&r, page + k));
    }
    CHECK_EQ(r.os.counters.prefetches, 12);
    CHECK_EQ(r.os.counters.wasted_prefetches, 9);
    /* what was modified and went for them: nobody waited */
    CHECK(r.os.counters.background_writes + r.os.counters.write_backs >= 3);
    stop(&r);
}

/* What cannot be read is not there; who needs it is told. */
static void failures(void) {
    struct rig r;
    start(&r, &(struct machine_wish){.frames = 4, .fetch = "sequential:depth=2", .failing = true});
    for (uint64_t page = 0; page < 3; page++)
        CHECK(touch(&r, page, KB_ACCESS_WRITE));
    bool refused;
    kb_os_release(&r.os, r.p, 0, 4 * PAGE, &refused);
    CHECK(!refused);
    kb_store_fail(&r.os.swap.store, KB_STORE_READ_ERROR, 2, 1);
    uint64_t before = r.os.counters.prefetches, errors = r.os.counters.io_errors;
    CHECK(touch(&r, 0, KB_ACCESS_READ));
    CHECK(!in_memory(&r, 1) && in_memory(&r, 2));
    CHECK_EQ(r.os.counters.prefetches, before + 1);
    CHECK_EQ(r.os.counters.io_errors, errors + 1);
    CHECK(touch(&r, 1, KB_ACCESS_READ));
    kb_os_release(&r.os, r.p, 0, 4 * PAGE, &refused);
    kb_store_fail(&r.os.swap.store, KB_STORE_CORRUPT, 2, 2);
    CHECK(touch(&r, 0, KB_ACCESS_READ) && !in_memory(&r, 1));
    kb_store_fail(&r.os.swap.store, KB_STORE_CORRUPT, 1, 0);
    CHECK(!touch(&r, 1, KB_ACCESS_READ) && r.p->reason == KB_REASON_CORRUPT);
    stop(&r);
}

/* The child sees what came ahead for its parent; copied when written. */
static void forks(void) {
    struct rig r;
    struct kb_process *child;
    bool refused;
    start(&r, &(struct machine_wish){.frames = 8, .fetch = "sequential"});
    region(&r, 0, 4, KB_ENTRY_READ | KB_ENTRY_WRITE, false);
    CHECK(touch(&r, 0, KB_ACCESS_READ));
    CHECK(kb_os_fork(&r.os, r.p, "C", &child, &refused) == KB_OK && !refused);
    kb_os_switch(&r.os, child);
    CHECK(touch(&r, 1, KB_ACCESS_WRITE));
    CHECK_EQ(r.os.counters.copies, 1);
    CHECK_EQ(r.os.counters.useful_prefetches, 1);
    CHECK_EQ(child->counters.useful_prefetches, 0);
    CHECK_EQ(r.p->counters.useful_prefetches, 1); /* it was fetched for the parent */
    stop(&r);
}

/* ---- time ---- */

static void to(struct rig *r, struct kb_process *p) { kb_os_switch(&r->os, p); }

/* 12 ms and 4096 bytes at 100 MiB/s: 12,039,063 ns each, one after the other. */
static void one_disk(void) {
    struct rig r;
    struct kb_process *q;
    start(&r, &(struct machine_wish){.frames = 8, .clock = true, .fetch = "sequential:depth=2"});
    region(&r, 0, 8, KB_ENTRY_READ, false);
    CHECK(kb_os_create(&r.os, "Q", &q) == KB_OK);
    CHECK(!touch(&r, 0, KB_ACCESS_READ) && r.p->state == KB_BLOCKED);
    CHECK_EQ(r.p->wake_at, 12039063);
    CHECK(kb_os_idle(&r.os));
    to(&r, r.p);
    CHECK(touch(&r, 0, KB_ACCESS_READ)); /* 1 and 2 are asked for now */
    CHECK_EQ(kb_os_now(&r.os), 12039063);
    CHECK(!touch(&r, 2, KB_ACCESS_READ) && r.p->state == KB_BLOCKED);
    CHECK_EQ(r.p->wake_at, 3 * 12039063);
    CHECK_EQ(r.os.counters.faults, 1);
    CHECK(kb_os_idle(&r.os));
    to(&r, r.p);
    CHECK(touch(&r, 2, KB_ACCESS_READ) && touch(&r, 1, KB_ACCESS_READ)); /* both are there */
    CHECK_EQ(kb_os_disk_worked(&r.os), 3 * 12039063);
    /* what comes for nobody yet is asked for, and does not hold the processor */
    CHECK(!touch(&r, 3, KB_ACCESS_READ));
    to(&r, q);
    CHECK(touch(&r, 50, KB_ACCESS_WRITE));
    CHECK_EQ(kb_os_now(&r.os), 3 * 12039063);
    kb_os_exit(&r.os, q, KB_REASON_DONE, 0);
    CHECK(kb_os_idle(&r.os));
    to(&r, r.p);
    CHECK(touch(&r, 3, KB_ACCESS_READ));
    stop(&r);
}

/* A modified victim is written first: two transfers to wait for. */
static void synchronous_write(void) {
    struct rig r;
    start(&r, &(struct machine_wish){.frames = 1, .clock = true});
    CHECK(touch(&r, 0, KB_ACCESS_WRITE)); /* zeros come from nowhere */
    CHECK(!touch(&r, 1, KB_ACCESS_WRITE));
    CHECK_EQ(r.p->wake_at, 12039063);
    CHECK(kb_os_idle(&r.os));
    to(&r, r.p);
    CHECK(touch(&r, 1, KB_ACCESS_WRITE));
    CHECK(!touch(&r, 0, KB_ACCESS_READ));
    CHECK_EQ(r.p->wake_at, 3 * 12039063);
    CHECK(kb_os_idle(&r.os));
    to(&r, r.p);
    CHECK(touch(&r, 0, KB_ACCESS_READ));
    stop(&r);
}

/* More processes than frames: each page that has come is used before it goes. */
static void few_frames(bool clock) {
    struct rig r;
    struct kb_process *p[5];
    unsigned done = 0;
    start(&r, &(struct machine_wish){
                  .frames = 2, .clock = clock, .io_cycles = clock ? 0 : 100, .cycle_ns = 10});
    for (unsigned i = 0; i < 5; i++) {
        CHECK(kb_os_create(&r.os, "W", &p[i]) == KB_OK);
        struct kb_region image = {.end = PAGE, .rights = KB_ENTRY_READ, .has_image = true};
        bool refused;
        CHECK(kb_os_region(&r.os, p[i], &image, &refused) == KB_OK && !refused);
    }
    while (done < 5) {
        done = 0;
        kb_os_wake(&r.os);
        for (unsigned i = 0; i < 5; i++) {
            CHECK(p[i]->state != KB_ENDED);
            if (p[i]->counters.references == 0 && p[i]->state != KB_BLOCKED) {
                to(&r, p[i]);
                (void)touch(&r, 0, KB_ACCESS_READ);
            }
            done += p[i]->counters.references > 0;
        }
        if (done < 5)
            (void)kb_os_idle(&r.os);
    }
    CHECK_EQ(r.os.counters.image_reads, 5);
    CHECK_EQ(r.os.counters.faults, 5);
    stop(&r);
}

static void refused_clocks(void) {
    struct kb_os os;
    CHECK(machine_make(&os, &(struct machine_wish){.frames = 1, .clock = true, .io_cycles = 5},
                       NULL, &error) == KB_DATA);
    CHECK(machine_make(&os,
                       &(struct machine_wish){.frames = 1, .clock = true, .cycle_ns = 100000001},
                       NULL, &error) == KB_DATA);
}

int main(void) {
    static const char *const policies[] = {"fifo",  "lru",   "mru",    "lfu", "random",
                                           "2q",    "arc",   "lirs",   "nru", "clock",
                                           "sieve", "aging", "s3-fifo"};
    specs();
    sequential();
    stride();
    history();
    cues();
    only_legal();
    no_entry();
    only_free();
    for (unsigned i = 0; i < sizeof policies / sizeof policies[0]; i++)
        batches(policies[i]);
    failures();
    forks();
    one_disk();
    synchronous_write();
    few_frames(true);
    few_frames(false);
    refused_clocks();
    return harness_end();
}
