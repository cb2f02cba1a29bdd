/* test_share.c - pages that several processes see, one property at a time: reference counts, copies
 * on write, reverse map, pins, syncs, whole processes, standby frames, stacks. Random programs are
 * in test_sharing. */
#include "harness.h"
#include "machine.h"

#include "host/host.h"

#define PAGE UINT64_C(4096)
#define READ_WRITE (KB_ENTRY_READ | KB_ENTRY_WRITE)

struct share {
    struct kb_os os;
    struct kb_error error;
    struct kb_process *p; /* the first process */
};

static const struct kb_host *host;

static void begin(struct share *s, struct machine_wish wish) {
    memset(s, 0, sizeof *s);
    s->error.language = KB_ENGLISH;
    CHECK(machine_make(&s->os, &wish, host, &s->error) == KB_OK);
    CHECK(kb_os_create(&s->os, "P", &s->p) == KB_OK);
    kb_os_switch(&s->os, s->p);
}

static void end(struct share *s) {
    const char *wrong = kb_os_check(&s->os);
    CHECK_STR(wrong == NULL ? "" : wrong, "");
    kb_os_free(&s->os);
}

static bool store(struct share *s, struct kb_process *p, uint64_t page, uint64_t word) {
    bool done;
    kb_os_switch(&s->os, p);
    CHECK(kb_os_store(&s->os, page * PAGE + 8, &word, 8, &done) == KB_OK);
    return done;
}

static bool load(struct share *s, struct kb_process *p, uint64_t page, uint64_t *word) {
    bool done;
    kb_os_switch(&s->os, p);
    CHECK(kb_os_load(&s->os, page * PAGE + 8, word, 8, &done) == KB_OK);
    return done;
}

/* The word, or a number that no test stores. */
static uint64_t word_at(struct share *s, struct kb_process *p, uint64_t page) {
    uint64_t word = 0;
    return load(s, p, page, &word) ? word : UINT64_MAX;
}

static struct kb_process *fork_of(struct share *s, struct kb_process *parent, const char *name) {
    struct kb_process *child = NULL;
    bool refused;
    CHECK(kb_os_fork(&s->os, parent, name, &child, &refused) == KB_OK && !refused);
    return child;
}

static bool region_at(struct share *s, struct kb_process *p, struct kb_region region) {
    bool refused;
    CHECK(kb_os_region(&s->os, p, &region, &refused) == KB_OK);
    return !refused;
}

static bool show(struct share *s, struct kb_process *p, uint32_t object, uint64_t first,
                 uint64_t pages, bool shared) {
    return region_at(s, p,
                     (struct kb_region){.start = first * PAGE,
                                        .end = (first + pages) * PAGE,
                                        .rights = READ_WRITE,
                                        .object = object + 1,
                                        .shared = shared});
}

static uint32_t memory_of(struct share *s, uint64_t pages) {
    uint32_t object = KB_NO_OBJECT;
    CHECK(kb_os_shared(&s->os, "memory", pages * PAGE, &object) == KB_OK);
    return object;
}

static uint32_t file_of(struct share *s, uint64_t pages, struct kb_store *failing) {
    uint32_t object = KB_NO_OBJECT;
    struct kb_store blocks;
    CHECK(kb_store_memory(&blocks, PAGE, pages, host, &s->error) == KB_OK);
    if (failing != NULL) {
        CHECK(kb_store_failing(failing, &blocks, &s->error) == KB_OK);
        blocks = *failing;
    }
    CHECK(kb_os_file(&s->os, "file", pages * PAGE, NULL, &blocks, &object) == KB_OK);
    return object;
}

static uint64_t word_in_file(struct share *s, uint32_t object, uint64_t page) {
    uint64_t word = 0;
    CHECK(kb_os_file_bytes(&s->os, object, page * PAGE + 8, &word, 8) == KB_OK);
    return word;
}

/* ---- whole processes ---- */

/* One of two places of a page has no entry any more: the page leaves once. */
static void swap_out_of_one_page_twice(void) {
    struct share s;
    bool refused;
    uint64_t word;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    uint32_t object = memory_of(&s, 4);
    show(&s, s.p, object, 1, 4, true);
    show(&s, s.p, object, 11, 4, true);
    for (uint64_t i = 0; i < 4; i++) {
        CHECK(store(&s, s.p, 1 + i, 100 + i));
        CHECK_EQ(word_at(&s, s.p, 11 + i), 100 + i);
    }
    kb_os_release(&s.os, s.p, 1 * PAGE, 3 * PAGE, &refused); /* no entry there … */
    kb_os_release(&s.os, s.p, 13 * PAGE, 15 * PAGE, &refused);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && !refused);
    CHECK_EQ(s.os.counters.write_backs, 4);
    CHECK_EQ(s.os.swap.used, 4);
    CHECK_EQ(kb_os_free_frames(&s.os), 8);
    CHECK(kb_os_swap_in(&s.os, s.p, false, &refused) == KB_OK && !refused);
    for (uint64_t i = 0; i < 4; i++)
        CHECK(load(&s, s.p, 11 + i, &word) && word == 100 + i);
    end(&s);
}

/* Nobody has an entry of it, but it is still in memory, since its write failed. */
static void swap_out_without_entries(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .slots = 16, .failing = true});
    uint32_t object = memory_of(&s, 2);
    show(&s, s.p, object, 1, 2, true);
    show(&s, s.p, object, 11, 2, true);
    CHECK(store(&s, s.p, 1, 7) && store(&s, s.p, 12, 8));
    CHECK_EQ(word_at(&s, s.p, 11), 7);
    CHECK_EQ(word_at(&s, s.p, 2), 8);
    kb_store_fail(&s.os.swap.store, KB_STORE_WRITE_ERROR, 1, 0);
    kb_os_release(&s.os, s.p, 1 * PAGE, 3 * PAGE, &refused);
    kb_os_release(&s.os, s.p, 11 * PAGE, 13 * PAGE, &refused);
    kb_store_fail(&s.os.swap.store, KB_STORE_WRITE_ERROR, 0, 0);
    CHECK(!refused && s.p->resident == 0 && kb_os_free_frames(&s.os) == 6);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && !refused);
    CHECK_EQ(s.os.swap.used, 2);
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK(kb_os_swap_in(&s.os, s.p, false, &refused) == KB_OK && !refused);
    CHECK_EQ(word_at(&s, s.p, 11), 7);
    CHECK_EQ(word_at(&s, s.p, 2), 8);
    end(&s);
}

static void swap_out_of_an_ended_process(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    CHECK(store(&s, s.p, 1, 7));
    kb_os_exit(&s.os, s.p, KB_REASON_DONE, 0);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && refused);
    CHECK(s.p->state == KB_ENDED);
    CHECK(kb_os_swap_in(&s.os, s.p, false, &refused) == KB_OK && refused);
    CHECK_EQ(s.os.counters.swapped_out + s.os.counters.swapped_in, 0);
    end(&s);
}

/* ---- rights ---- */

/* x86 has no right to read that can be withheld: who may write may read, also while writing is
 * withheld. */
static void only_writable_in(const char *format) {
    struct share s;
    begin(&s, (struct machine_wish){.format = format, .frames = 8});
    CHECK(region_at(&s, s.p,
                    (struct kb_region){.start = PAGE, .end = 3 * PAGE, .rights = KB_ENTRY_WRITE}));
    CHECK(store(&s, s.p, 1, 7) && store(&s, s.p, 2, 8));
    struct kb_process *child = fork_of(&s, s.p, "C");
    CHECK_EQ(word_at(&s, child, 1), 7);
    CHECK(store(&s, child, 1, 9));
    CHECK(store(&s, s.p, 2, 10));
    CHECK_EQ(word_at(&s, s.p, 1), 7);
    CHECK_EQ(word_at(&s, child, 1), 9);
    CHECK_EQ(word_at(&s, child, 2), 8);
    end(&s);
}

static void only_writable(void) {
    only_writable_in("x86-32");
    only_writable_in("x86-64");
}

/* What a guard stands on may not be used, whatever was there before and whatever its rights. */
static void guard_on_used_pages(void) {
    struct share s;
    uint64_t word;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    CHECK(store(&s, s.p, 1, 7) && store(&s, s.p, 2, 8));
    CHECK(region_at(
        &s, s.p,
        (struct kb_region){.start = PAGE, .end = 2 * PAGE, .rights = READ_WRITE, .guard = true}));
    s.p->skips = true;
    CHECK(!load(&s, s.p, 1, &word));
    s.p->skips = false;
    CHECK(!store(&s, s.p, 1, 9));
    CHECK(s.p->state == KB_ENDED && s.p->reason == KB_REASON_GUARD);
    end(&s);
}

/* ---- stacks ---- */

/* The nearest stack above grows, though another one in the list might reach as far down. */
static void two_stacks(void) {
    struct share s;
    uint64_t word;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    struct kb_region high = {
        .start = 30 * PAGE, .end = 31 * PAGE, .rights = READ_WRITE, .lowest = 5 * PAGE};
    struct kb_region low = high;
    low.start = 20 * PAGE;
    low.end = 21 * PAGE;
    CHECK(region_at(&s, s.p, high) && region_at(&s, s.p, low));
    CHECK(store(&s, s.p, 17, 1)); /* the lower one grows */
    CHECK(load(&s, s.p, 18, &word) && word == 0);
    CHECK(store(&s, s.p, 22, 2)); /* the higher one, down to the lower */
    CHECK_EQ(s.p->regions[0].start, 22 * PAGE);
    CHECK_EQ(s.p->regions[1].start, 17 * PAGE);
    CHECK(store(&s, s.p, 5, 3));
    CHECK(!store(&s, s.p, 4, 4));
    CHECK(s.p->state == KB_ENDED && s.p->reason == KB_REASON_INVALID_REFERENCE);
    end(&s);
}

/* Only private memory without an image grows: below its first byte an image has nothing. */
static void stack_of_something(void) {
    struct share s;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    struct kb_region stack = {
        .start = 30 * PAGE, .end = 32 * PAGE, .rights = READ_WRITE, .lowest = 5 * PAGE};
    stack.object = memory_of(&s, 4) + 1;
    CHECK(!region_at(&s, s.p, stack));
    stack.object = 0;
    stack.has_image = true;
    CHECK(!region_at(&s, s.p, stack));
    stack.has_image = false;
    CHECK(region_at(&s, s.p, stack));
    end(&s);
}

/* ---- files ---- */

/* What another process has written is in the range, though this one never looked at it. */
static void sync_of_pages_of_others(void) {
    struct share s;
    struct kb_process *q;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    uint32_t file = file_of(&s, 6, NULL);
    show(&s, s.p, file, 1, 6, true);
    CHECK(kb_os_create(&s.os, "Q", &q) == KB_OK);
    show(&s, q, file, 11, 6, true);
    for (uint64_t i = 0; i < 6; i++)
        CHECK(store(&s, s.p, 1 + i, 100 + i));
    uint64_t before = s.os.counters.disk_transfers;
    CHECK_EQ(kb_os_sync(&s.os, q, 12 * PAGE, 15 * PAGE), 0);
    for (uint64_t i = 0; i < 6; i++)
        CHECK_EQ(word_in_file(&s, file, i), i >= 1 && i < 4 ? 100 + i : 0);
    CHECK_EQ(s.os.counters.file_writes, 3);
    CHECK_EQ(s.os.counters.disk_transfers - before, 1); /* neighbours are one */
    end(&s);
}

/* ---- processes that wait ---- */

static void look_at_waiter(struct share *s, struct kb_process *p, uint64_t page) {
    uint64_t word;
    CHECK(!load(s, p, page, &word) && p->state == KB_BLOCKED);
}

/* The page that a process waits for is others', too: its end lets it go. */
static void end_of_a_waiter(void) {
    struct share s;
    struct kb_process *q;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .io_cycles = 1000});
    uint32_t file = file_of(&s, 2, NULL);
    show(&s, s.p, file, 1, 2, true);
    CHECK(kb_os_create(&s.os, "Q", &q) == KB_OK);
    show(&s, q, file, 1, 2, true);
    look_at_waiter(&s, s.p, 1);
    kb_os_exit(&s.os, s.p, KB_REASON_DONE, 0);
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK_EQ(word_at(&s, q, 1), 0);
    enum kb_reason reason;
    CHECK(kb_pager_send_out(&s.os, kb_os_frame_of(&s.os, q, 1), &reason));
    CHECK(!kb_os_idle(&s.os));
    end(&s);
}

/* Its own page is unmapped meanwhile, and the frame gets another one. */
static void unmap_under_a_waiter(void) {
    struct share s;
    struct kb_process *q;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 2, .io_cycles = 1000});
    CHECK(region_at(&s, s.p,
                    (struct kb_region){
                        .start = PAGE, .end = 4 * PAGE, .rights = READ_WRITE, .has_image = true}));
    look_at_waiter(&s, s.p, 1);
    CHECK(kb_os_unmap(&s.os, s.p, PAGE, 2 * PAGE) == KB_OK);
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK(kb_os_create(&s.os, "Q", &q) == KB_OK);
    CHECK(store(&s, q, 1, 5) && store(&s, q, 2, 6));
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK(kb_os_idle(&s.os) && s.p->state == KB_READY);
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK(!store(&s, s.p, 1, 1) && s.p->reason == KB_REASON_INVALID_REFERENCE);
    end(&s);
}

/* ---- superpages ---- */

#define SUPER (UINT64_C(1) << 21)

static uint64_t word_in_super(struct share *s, struct kb_process *p, uint64_t at, bool *done) {
    uint64_t word = 0;
    kb_os_switch(&s->os, p);
    CHECK(kb_os_load(&s->os, at, &word, 8, done) == KB_OK);
    return word;
}

/* A child has superpages of its own, with the parent's bytes and rights. */
static void superpages_in(const char *format) {
    struct share s;
    bool refused, done;
    uint64_t word = 5;
    begin(&s, (struct machine_wish){.format = format, .frames = 2048});
    CHECK(kb_os_map(&s.os, s.p, SUPER, KB_NO_FRAME, 21, READ_WRITE, &refused) == KB_OK && !refused);
    CHECK(kb_os_store(&s.os, SUPER + 8192, &word, 8, &done) == KB_OK && done);
    struct kb_process *child = fork_of(&s, s.p, "C");
    CHECK_EQ(word_in_super(&s, child, SUPER + 8192, &done), 5);
    word = 6;
    CHECK(kb_os_store(&s.os, SUPER + 8192, &word, 8, &done) == KB_OK && done);
    CHECK_EQ(word_in_super(&s, s.p, SUPER + 8192, &done), 5);
    CHECK_EQ(word_in_super(&s, child, SUPER + 8192, &done), 6);
    CHECK_EQ(child->held, 512);
    CHECK(kb_os_protect(&s.os, child, SUPER, 2 * SUPER, 0, &refused) == KB_OK && !refused);
    struct kb_process *third = fork_of(&s, child, "D");
    third->skips = true;
    word_in_super(&s, third, SUPER + 8192, &done);
    CHECK(!done && third->state != KB_ENDED);
    CHECK(kb_os_protect(&s.os, third, SUPER, 2 * SUPER, KB_ENTRY_READ, &refused) == KB_OK);
    CHECK_EQ(word_in_super(&s, third, SUPER + 8192, &done), 6);
    bool no_room; /* three of four rows are taken, and the first has a page of the kernel's or none
                   */
    CHECK(kb_os_map(&s.os, s.p, 4 * SUPER, KB_NO_FRAME, 21, READ_WRITE, &no_room) == KB_OK);
    uint32_t free = kb_os_free_frames(&s.os);
    struct kb_process *none = NULL;
    CHECK(kb_os_fork(&s.os, s.p, "E", &none, &refused) == KB_OK && refused && none == NULL);
    CHECK_EQ(kb_os_free_frames(&s.os), free);
    end(&s);
}

static void superpages(void) {
    superpages_in("sv39");
    superpages_in("x86-64");
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define TEST(name)                                                                                 \
    { #name, name }
    TEST(swap_out_of_one_page_twice),
    TEST(swap_out_without_entries),
    TEST(swap_out_of_an_ended_process),
    TEST(only_writable),
    TEST(guard_on_used_pages),
    TEST(two_stacks),
    TEST(stack_of_something),
    TEST(sync_of_pages_of_others),
    TEST(end_of_a_waiter),
    TEST(unmap_under_a_waiter),
    TEST(superpages),
#undef TEST
};

/* test_share [NAME] */
int main(int argc, char **argv) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host made;
    CHECK(kb_host_open(&made, 1, &error) == KB_OK);
    host = &made;
    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++)
        if (argc < 2 || strcmp(argv[1], tests[i].name) == 0)
            tests[i].run();
    kb_host_close(&made);
    return harness_end();
}
