/* test_share.c - pages that several processes see, one property at a time: reference counts, forks
 * and copies, pins, releases, rights, stacks, superpages. Random programs are in test_sharing.
 *
 *   test_share [NAME] */
#include "share.h"

/* ---- reference counts ---- */

/* K03: eight processes, a library of 64 pages, 16 private pages each. */
static void counts_of_a_library(void) {
    struct share s;
    struct kb_process *p[8];
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 1000});
    uint32_t library = memory_of(&s, 64);
    for (unsigned i = 0; i < 8; i++) {
        char name[8];
        snprintf(name, sizeof name, "P%u", i);
        CHECK(kb_os_create(&s.os, name, &p[i]) == KB_OK);
        CHECK(show(&s, p[i], library, 100, 64, true));
        CHECK(region_at(
            &s, p[i],
            (struct kb_region){.start = 200 * PAGE, .end = 216 * PAGE, .rights = READ_WRITE}));
        for (unsigned k = 0; k < 64; k++)
            CHECK_EQ(word_at(&s, p[i], 100 + k), 0);
        for (unsigned k = 0; k < 16; k++)
            CHECK(store(&s, p[i], 200 + k, i));
        CHECK_EQ(page_at(&s, p[0], 100)->count, i + 1);
        CHECK_EQ(p[i]->resident, 80);
        CHECK_EQ(p[i]->held, i == 0 ? 80 : 16);
    }
    CHECK_EQ(1000 - kb_os_free_frames(&s.os), 192);
    CHECK_EQ(s.os.counters.faults, 192);
    CHECK_EQ(s.os.counters.soft_faults, 7 * 64);
    kb_os_exit(&s.os, p[0], KB_REASON_DONE, 0); /* another one answers for it now */
    uint32_t held = 0;
    for (unsigned i = 1; i < 8; i++)
        held += p[i]->held;
    CHECK_EQ(held, 64 + 7 * 16);
    CHECK_EQ(page_at(&s, p[1], 100)->count, 7);
    for (unsigned i = 1; i < 8; i++)
        kb_os_exit(&s.os, p[i], KB_REASON_DONE, 0);
    CHECK_EQ(kb_os_free_frames(&s.os), 1000);
    CHECK(kb_os_object(&s.os, "memory") == KB_NO_OBJECT);
    CHECK_EQ(memory_of(&s, 3), library); /* its number is used again, its content is not */
    CHECK(show(&s, s.p, library, 100, 3, true));
    CHECK_EQ(word_at(&s, s.p, 100), 0);
    end(&s);
}

static unsigned invalidated, further;

static void hear_invalidate(void *context, const struct kb_os_event *event) {
    (void)context;
    invalidated += event->kind == KB_OS_EVENT_INVALIDATE;
    further += event->kind == KB_OS_EVENT_INVALIDATE && event->flag;
}

/* One eviction takes a page from all tables and TLBs; R and M are those of all together. */
static void eviction_from_many_tables(unsigned asid_bits) {
    struct share s;
    struct kb_process *p[20];
    enum kb_reason reason;
    begin(&s, (struct machine_wish){.format = "sv39",
                                    .frames = 30,
                                    .asid_bits = asid_bits,
                                    .tlb = {{1, 64, KB_TLB_LRU, 0}}});
    uint32_t object = memory_of(&s, 1);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(kb_os_create(&s.os, "Q", &p[i]) == KB_OK);
        CHECK(show(&s, p[i], object, 1 + i, 1, true));
        CHECK_EQ(word_at(&s, p[i], 1 + i), 0);
    }
    uint32_t frame = kb_os_frame_of(&s.os, p[7], 8);
    CHECK(!(s.os.keys[frame] & KB_MODIFIED));
    CHECK(store(&s, p[7], 8, 77));
    CHECK(s.os.keys[frame] & KB_MODIFIED);
    s.os.listener.hear = hear_invalidate;
    invalidated = further = 0;
    CHECK(kb_pager_send_out(&s.os, frame, &reason));
    s.os.listener.hear = NULL;
    CHECK_EQ(invalidated, 20);
    CHECK_EQ(further, 19);
    CHECK_EQ(s.os.counters.write_backs, 1);
    CHECK_EQ(s.os.counters.evictions, 1);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(p[i]->resident, 0);
        CHECK_EQ(p[i]->held, 0);
    }
    CHECK(kb_os_check(&s.os) == NULL);
    uint64_t faults = s.os.counters.faults, soft = s.os.counters.soft_faults;
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(word_at(&s, p[i], 1 + i), 77);
    CHECK_EQ(s.os.counters.faults - faults, 1);
    CHECK_EQ(s.os.counters.soft_faults - soft, 19);
    CHECK(kb_pager_send_out(&s.os, kb_os_frame_of(&s.os, p[7], 8), &reason));
    CHECK_EQ(s.os.counters.write_backs, 1); /* it was not modified since */
    end(&s);
}

static void eviction_of_a_shared_page(void) {
    eviction_from_many_tables(0);
    eviction_from_many_tables(8);
}

/* ---- forks ---- */

/* X07, and a fork of a fork; the last one to have a page takes it over. */
static void forks(void) {
    struct share s;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 300});
    for (unsigned i = 0; i < 100; i++)
        CHECK(store(&s, s.p, i, i));
    struct kb_process *child = fork_of(&s, s.p, "C"), *third = fork_of(&s, child, "D");
    CHECK_EQ(child->resident, 100);
    CHECK_EQ(child->held, 0);
    CHECK_EQ(page_at(&s, third, 5)->count, 3);
    for (unsigned i = 0; i < 3; i++)
        CHECK(store(&s, child, i, 1000 + i));
    CHECK_EQ(300 - kb_os_free_frames(&s.os), 103);
    CHECK_EQ(s.os.counters.copies, 3);
    CHECK_EQ(child->counters.copies, 3);
    CHECK_EQ(page_at(&s, third, 2)->count, 2);
    CHECK(store(&s, third, 2, 2000)); /* two had it */
    CHECK_EQ(s.os.counters.copies, 4);
    CHECK(store(&s, s.p, 2, 3000)); /* nobody else has it any more */
    CHECK_EQ(s.os.counters.copies, 4);
    CHECK_EQ(word_at(&s, s.p, 2), 3000);
    CHECK_EQ(word_at(&s, child, 2), 1002);
    CHECK_EQ(word_at(&s, third, 2), 2000);
    kb_os_exit(&s.os, s.p, KB_REASON_DONE, 0);
    kb_os_exit(&s.os, child, KB_REASON_DONE, 0);
    for (unsigned i = 0; i < 100; i++)
        CHECK(store(&s, third, i, word_at(&s, third, i) + 1));
    CHECK_EQ(s.os.counters.copies, 4);
    CHECK_EQ(third->held, 100);
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(word_at(&s, third, i), i == 2 ? 2001 : i + 1);
    CHECK_EQ(300 - kb_os_free_frames(&s.os), 100);
    bool refused;
    struct kb_process *none = NULL;
    CHECK(kb_os_fork(&s.os, child, "E", &none, &refused) == KB_OK && refused && none == NULL);
    end(&s);
}

/* There is no room for the child's tables: the parent goes on as if nothing had been. */
static void fork_without_room(uint64_t tables) {
    struct share s;
    struct kb_process *none = NULL;
    bool refused;
    begin(&s,
          (struct machine_wish){.format = "sv39", .frames = 60, .tlb = {{4, 4, KB_TLB_LRU, 0}}});
    for (uint64_t i = 0; i < 20; i++)
        CHECK(store(&s, s.p, i << 18 | i, i));
    uint64_t bytes = s.os.tables.bytes;
    s.os.tables.limit = s.os.tables.end + tables * PAGE;
    CHECK(kb_os_fork(&s.os, s.p, "C", &none, &refused) == KB_OK && refused && none == NULL);
    CHECK_EQ(s.os.tables.bytes, bytes);
    CHECK(kb_os_check(&s.os) == NULL);
    for (uint64_t i = 0; i < 20; i++) {
        CHECK_EQ(word_at(&s, s.p, i << 18 | i), i);
        CHECK(store(&s, s.p, i << 18 | i, i + 1));
    }
    CHECK_EQ(s.os.counters.copies, 0);
    CHECK_EQ(page_at(&s, s.p, 0)->count, 1);
    end(&s);
}

static void forks_without_room(void) {
    for (uint64_t tables = 0; tables < 10; tables++)
        fork_without_room(tables);
}

/* A copy needs the original and a frame; if need be they are one frame. */
static void copies_in_few_frames(uint32_t frames) {
    struct share s;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = frames});
    for (unsigned i = 0; i < 4; i++)
        CHECK(store(&s, s.p, i, i));
    struct kb_process *child = fork_of(&s, s.p, "C");
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 4; i++) {
            CHECK(store(&s, child, i, 100 * round + 10 + i));
            CHECK(store(&s, s.p, i, 100 * round + 20 + i));
            CHECK(kb_os_check(&s.os) == NULL);
        }
    CHECK_EQ(s.os.counters.copies, 4);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(word_at(&s, child, i), 210 + i);
        CHECK_EQ(word_at(&s, s.p, i), 220 + i);
    }
    end(&s);
}

static void copies_with_one_and_two_frames(void) {
    copies_in_few_frames(1);
    copies_in_few_frames(2);
}

/* Its pages are others', too: they keep them, and lose the withheld right only at their writes. */
static void exit_while_pages_are_shared(void) {
    struct share s;
    begin(&s,
          (struct machine_wish){.format = "sv39", .frames = 20, .tlb = {{4, 4, KB_TLB_LRU, 0}}});
    for (unsigned i = 0; i < 5; i++)
        CHECK(store(&s, s.p, i, i + 1));
    struct kb_process *child = fork_of(&s, s.p, "C");
    kb_os_exit(&s.os, s.p, KB_REASON_DONE, 0);
    CHECK_EQ(kb_os_free_frames(&s.os), 15);
    CHECK_EQ(child->held, 5);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(word_at(&s, child, i), i + 1);
        CHECK(store(&s, child, i, i + 11));
        CHECK_EQ(word_at(&s, child, i), i + 11);
    }
    CHECK_EQ(s.os.counters.copies, 0);
    kb_os_exit(&s.os, child, KB_REASON_DONE, 0);
    CHECK_EQ(kb_os_free_frames(&s.os), 20);
    end(&s);
}

/* ---- pins ---- */

static void pins(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 6});
    CHECK(store(&s, s.p, 1, 7));
    CHECK(kb_os_pin_pages(&s.os, s.p, PAGE, 3 * PAGE, &refused) == KB_OK && !refused);
    struct kb_process *child = fork_of(&s, s.p, "C"); /* pins are not inherited */
    for (unsigned i = 0; i < 50; i++)
        CHECK(store(&s, child, 10 + i, i));
    CHECK(kb_os_frame_of(&s.os, s.p, 1) != KB_NO_FRAME);
    CHECK(kb_os_frame_of(&s.os, s.p, 2) != KB_NO_FRAME);
    kb_os_release(&s.os, s.p, PAGE, 2 * PAGE, &refused);
    CHECK(refused);
    kb_os_discard(&s.os, s.p, 2 * PAGE, 3 * PAGE, &refused);
    CHECK(refused);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && refused);
    CHECK(kb_os_swap_out(&s.os, child, &refused) == KB_OK && !refused);
    CHECK(kb_os_frame_of(&s.os, s.p, 1) != KB_NO_FRAME); /* it is the parent's that holds it */
    CHECK(kb_os_pin_pages(&s.os, s.p, 3 * PAGE, 8 * PAGE, &refused) == KB_OK && refused);
    CHECK(store(&s, s.p, 1, 8)); /* the copy is pinned instead */
    for (unsigned i = 0; i < 50; i++)
        CHECK(store(&s, s.p, 10 + i, i));
    CHECK(kb_os_frame_of(&s.os, s.p, 1) != KB_NO_FRAME);
    CHECK(kb_os_check(&s.os) == NULL);
    kb_os_unpin_pages(&s.os, s.p, PAGE, 3 * PAGE, &refused);
    CHECK(!refused);
    for (unsigned i = 0; i < 50; i++)
        CHECK(store(&s, s.p, 10 + i, i));
    CHECK(kb_os_frame_of(&s.os, s.p, 1) == KB_NO_FRAME);
    CHECK_EQ(word_at(&s, s.p, 1), 8);
    end(&s);
}

/* A page of those to be pinned cannot be read: none is pinned then. */
static void pin_of_a_page_that_cannot_be_read(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .slots = 64, .failing = true});
    for (unsigned i = 0; i < 4; i++)
        CHECK(store(&s, s.p, i, i));
    kb_os_release(&s.os, s.p, 0, 4 * PAGE, &refused);
    kb_store_fail(&s.os.swap.store, KB_STORE_READ_ERROR, 3, 1);
    CHECK(kb_os_pin_pages(&s.os, s.p, 0, 4 * PAGE, &refused) == KB_OK && refused);
    kb_os_release(&s.os, s.p, 0, 4 * PAGE, &refused);
    CHECK(!refused);
    CHECK(kb_os_pin_pages(&s.os, s.p, 0, 4 * PAGE, &refused) == KB_OK && !refused);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(word_at(&s, s.p, i), i);
    end(&s);
}

/* With local replacement, who answers for a shared page has pinned all frames of its share: that
 * is not the fault of another one who looks at the page. */
static void pins_of_a_whole_share(void) {
    struct share s;
    struct kb_process *q;
    enum kb_reason reason;
    bool refused;
    begin(&s, (struct machine_wish){
                  .format = "sv39", .frames = 20, .allocation = KB_ALLOCATE_EQUAL, .minimum = 1});
    CHECK(kb_os_create(&s.os, "Q", &q) == KB_OK);
    uint32_t object = memory_of(&s, 1);
    CHECK(region_at(&s, s.p,
                    (struct kb_region){.start = PAGE, .end = 21 * PAGE, .rights = READ_WRITE}));
    CHECK(show(&s, s.p, object, 30, 1, true));
    CHECK(show(&s, q, object, 30, 1, true));
    CHECK(store(&s, s.p, 30, 7));
    CHECK_EQ(s.p->allocation, 10);
    CHECK(kb_pager_send_out(&s.os, kb_os_frame_of(&s.os, s.p, 30), &reason));
    CHECK(kb_os_pin_pages(&s.os, s.p, PAGE, 11 * PAGE, &refused) == KB_OK && !refused);
    CHECK_EQ(word_at(&s, q, 30), 7);
    CHECK(q->state != KB_ENDED);
    end(&s);
}

/* ---- the kernel, and who is no more ---- */

static void refusals(void) {
    struct share s;
    bool refused;
    struct kb_process *none = NULL;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .kernel = true});
    uint64_t start = s.os.setup.kernel_start, end_at = start + PAGE;
    CHECK(region_at(&s, s.os.kernel,
                    (struct kb_region){.start = start, .end = end_at, .rights = READ_WRITE}));
    CHECK(store(&s, s.p, 1, 1));
    struct kb_process *gone = fork_of(&s, s.p, "G");
    kb_os_exit(&s.os, gone, KB_REASON_DONE, 0);
    struct kb_process *who[] = {s.os.kernel, gone, s.p};
    for (unsigned i = 0; i < 3; i++) { /* the zone is not a process's either */
        uint64_t from = i == 1 ? PAGE : start, to = i == 1 ? 2 * PAGE : end_at;
        kb_os_release(&s.os, who[i], from, to, &refused);
        CHECK(refused);
        kb_os_discard(&s.os, who[i], from, to, &refused);
        CHECK(refused);
        CHECK(kb_os_pin_pages(&s.os, who[i], from, to, &refused) == KB_OK && refused);
        kb_os_unpin_pages(&s.os, who[i], from, to, &refused);
        CHECK(refused);
        if (i == 2)
            break;
        CHECK(kb_os_swap_out(&s.os, who[i], &refused) == KB_OK && refused);
        CHECK(kb_os_swap_in(&s.os, who[i], false, &refused) == KB_OK && refused);
        CHECK(kb_os_fork(&s.os, who[i], "F", &none, &refused) == KB_OK && refused);
        CHECK(none == NULL && kb_os_process(&s.os, "F") == NULL);
    }
    kb_os_release(&s.os, s.p, PAGE + 1, 2 * PAGE, &refused); /* not whole pages */
    CHECK(refused);
    kb_os_release(&s.os, s.p, 2 * PAGE, 2 * PAGE, &refused);
    CHECK(refused);
    CHECK_EQ(word_at(&s, s.p, 1), 1);
    end(&s);
}

/* ---- release and discard ---- */

/* G06: a release too early costs faults, never data. */
static void releases(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 2});
    CHECK(
        region_at(&s, s.p, (struct kb_region){.start = 0, .end = 2 * PAGE, .rights = READ_WRITE}));
    for (unsigned i = 0; i < 20; i++) {
        uint64_t page = i % 2;
        CHECK_EQ(word_at(&s, s.p, page), 0);
        kb_os_release(&s.os, s.p, page * PAGE, (page + 1) * PAGE, &refused);
        CHECK(!refused);
    }
    CHECK_EQ(s.os.counters.faults, 20);
    CHECK_EQ(s.os.counters.write_backs, 0);
    CHECK(store(&s, s.p, 0, 0x5a));
    kb_os_release(&s.os, s.p, 0, PAGE, &refused);
    CHECK_EQ(s.os.counters.write_backs, 1);
    CHECK_EQ(word_at(&s, s.p, 0), 0x5a);
    CHECK_EQ(s.os.swap.used, 1);
    kb_os_discard(&s.os, s.p, 0, PAGE, &refused);
    CHECK_EQ(s.os.swap.used, 0);
    CHECK_EQ(word_at(&s, s.p, 0), 0);
    kb_os_release(&s.os, s.p, 0, 3 * PAGE, &refused);
    CHECK(refused && kb_os_frame_of(&s.os, s.p, 0) != KB_NO_FRAME);
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

/* It grows to what was touched, and not into a guard, another region, or below its end. */
static void stack_growth(void) {
    struct share s;
    uint64_t word;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    struct kb_region guard = {.start = 10 * PAGE, .end = 11 * PAGE, .guard = true};
    struct kb_region stack = {
        .start = 14 * PAGE, .end = 15 * PAGE, .rights = READ_WRITE, .lowest = 9 * PAGE};
    CHECK(region_at(&s, s.p, guard) && region_at(&s, s.p, stack));
    CHECK(store(&s, s.p, 13, 1));
    CHECK_EQ(s.p->regions[1].start, 13 * PAGE);
    CHECK(store(&s, s.p, 11, 1));
    CHECK_EQ(s.p->regions[1].start, 11 * PAGE);
    CHECK(load(&s, s.p, 12, &word) && word == 0);
    struct kb_process *child = fork_of(&s, s.p, "C");
    child->skips = true;
    CHECK(!store(&s, child, 10, 1) && !store(&s, child, 9, 1) && !store(&s, child, 8, 1));
    CHECK_EQ(child->regions[1].start, 11 * PAGE);
    CHECK(!store(&s, s.p, 10, 1));
    CHECK(s.p->state == KB_ENDED && s.p->reason == KB_REASON_GUARD);
    CHECK_EQ(s.p->fault_address, 10 * PAGE + 8);
    end(&s);
}

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
    look_at_waiter(&s, q, 1); /* it is still on its way */
    CHECK_EQ(s.os.counters.file_reads, 1);
    CHECK(kb_os_idle(&s.os) && kb_os_check(&s.os) == NULL);
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

/* The last region of the file goes, and its pages with it. */
static void last_unmap_under_a_waiter(void) {
    struct share s;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 4, .io_cycles = 1000});
    uint32_t file = file_of(&s, 2, NULL);
    show(&s, s.p, file, 1, 2, true);
    look_at_waiter(&s, s.p, 1);
    CHECK(kb_os_unmap(&s.os, s.p, PAGE, 3 * PAGE) == KB_OK);
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK_EQ(kb_os_free_frames(&s.os), 4);
    CHECK(kb_os_idle(&s.os) && s.p->state == KB_READY);
    CHECK(kb_os_check(&s.os) == NULL);
    CHECK(show(&s, s.p, file, 1, 2, true));
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
    CHECK(kb_os_swap_out(&s.os, child, &refused) == KB_OK && refused);
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

static const struct share_test tests[] = {TEST(counts_of_a_library),
                                          TEST(eviction_of_a_shared_page),
                                          TEST(forks),
                                          TEST(forks_without_room),
                                          TEST(copies_with_one_and_two_frames),
                                          TEST(exit_while_pages_are_shared),
                                          TEST(pins),
                                          TEST(pin_of_a_page_that_cannot_be_read),
                                          TEST(pins_of_a_whole_share),
                                          TEST(refusals),
                                          TEST(releases),
                                          TEST(only_writable),
                                          TEST(guard_on_used_pages),
                                          TEST(stack_growth),
                                          TEST(two_stacks),
                                          TEST(stack_of_something),
                                          TEST(end_of_a_waiter),
                                          TEST(unmap_under_a_waiter),
                                          TEST(last_unmap_under_a_waiter),
                                          TEST(superpages)};

int main(int argc, char **argv) {
    return share_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
