/* test_paging_out.c - how pages that are shared, or not, leave and come back: files, transfers,
 * clusters, whole processes, frames that stand by, the page daemon; one property at a time.
 *
 *   test_paging_out [NAME] */
#include "share.h"

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

/* X11: a clean page of a file costs no swap, and neighbours of a sync are one transfer. */
static void files(void) {
    struct share s;
    struct kb_store store_below;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 4});
    uint32_t file = file_of(&s, 12, &store_below);
    show(&s, s.p, file, 1, 12, true);
    show(&s, s.p, file, 21, 12, false);
    for (unsigned i = 0; i < 12; i++)
        CHECK_EQ(word_at(&s, s.p, 1 + i), 0);
    CHECK_EQ(s.os.counters.write_backs, 0);
    CHECK_EQ(s.os.counters.file_reads, 12);
    for (uint64_t i = 0; i < 3; i++)
        CHECK(store(&s, s.p, 4 + i, 50 + i));
    uint64_t before = s.os.counters.disk_transfers;
    kb_store_fail(&store_below, KB_STORE_WRITE_ERROR, 2, 1);
    CHECK_EQ(kb_os_sync(&s.os, s.p, PAGE, 13 * PAGE), 1);
    CHECK_EQ(word_in_file(&s, file, 3), 50);
    CHECK_EQ(word_in_file(&s, file, 4), 0);
    CHECK_EQ(word_in_file(&s, file, 5), 52);
    CHECK_EQ(kb_os_sync(&s.os, s.p, PAGE, 13 * PAGE), 0);
    CHECK_EQ(word_in_file(&s, file, 4), 51);
    CHECK_EQ(kb_os_sync(&s.os, s.p, PAGE, 13 * PAGE), 0);
    CHECK_EQ(s.os.counters.file_writes, 3);
    CHECK_EQ(s.os.counters.disk_transfers - before, 3); /* 3, 5; then 4 */
    CHECK(store(&s, s.p, 25, 99));                      /* a private copy of page 4 */
    CHECK(store(&s, s.p, 5, 61));
    CHECK_EQ(word_at(&s, s.p, 25), 99);
    CHECK_EQ(word_at(&s, s.p, 26), 52);
    kb_os_discard(&s.os, s.p, 25 * PAGE, 26 * PAGE, &refused);
    CHECK_EQ(word_at(&s, s.p, 25), 61);
    CHECK(kb_os_unmap(&s.os, s.p, PAGE, 13 * PAGE) == KB_OK);
    CHECK(kb_os_unmap(&s.os, s.p, 21 * PAGE, 33 * PAGE) == KB_OK); /* the last one: it is written */
    CHECK_EQ(word_in_file(&s, file, 4), 61);
    CHECK_EQ(kb_os_free_frames(&s.os), 4);
    CHECK_EQ(s.os.swap.writes, 0);
    end(&s);
}

/* The last region goes while the file cannot be written: the page waits in memory. */
static void unmap_of_a_file_that_fails(void) {
    struct share s;
    struct kb_store below;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 3});
    uint32_t file = file_of(&s, 2, &below);
    show(&s, s.p, file, 1, 2, true);
    CHECK(store(&s, s.p, 1, 5) && store(&s, s.p, 2, 6));
    kb_store_fail(&below, KB_STORE_WRITE_ERROR, 1, 0);
    CHECK(kb_os_unmap(&s.os, s.p, PAGE, 3 * PAGE) == KB_OK);
    CHECK_EQ(kb_os_free_frames(&s.os), 1);
    CHECK(kb_os_check(&s.os) == NULL);
    show(&s, s.p, file, 11, 2, true);
    CHECK_EQ(word_at(&s, s.p, 11), 5);
    kb_store_fail(&below, KB_STORE_WRITE_ERROR, 0, 0);
    CHECK(kb_os_unmap(&s.os, s.p, 11 * PAGE, 13 * PAGE) == KB_OK);
    CHECK_EQ(word_in_file(&s, file, 0), 5);
    CHECK_EQ(word_in_file(&s, file, 1), 6);
    CHECK_EQ(kb_os_free_frames(&s.os), 3);
    end(&s);
}

/* ---- transfers ---- */

static void fill(struct share *s, uint64_t first, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++)
        CHECK(store(s, s->p, first + i, 1000 + i));
}

static void check_filled(struct share *s, uint64_t first, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++)
        CHECK_EQ(word_at(s, s->p, first + i), 1000 + i);
}

/* Contiguous modified pages leave in one transfer, and come back in one, or page by page. */
static void transfers_of_whole_processes(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 40});
    fill(&s, 5, 30);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && !refused);
    CHECK(s.p->state == KB_SWAPPED && s.os.running == NULL);
    CHECK_EQ(s.os.counters.disk_transfers, 1);
    CHECK_EQ(s.os.counters.disk_bytes, 30 * PAGE);
    CHECK_EQ(s.os.counters.background_writes, 30);
    CHECK(kb_os_swap_in(&s.os, s.p, false, &refused) == KB_OK && !refused);
    CHECK_EQ(s.os.counters.disk_transfers, 2);
    CHECK_EQ(s.p->resident, 30);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && !refused);
    CHECK_EQ(s.os.counters.disk_transfers, 2); /* nothing was modified */
    CHECK(kb_os_swap_in(&s.os, s.p, true, &refused) == KB_OK && !refused);
    CHECK_EQ(s.os.counters.disk_transfers, 32);
    uint64_t faults = s.os.counters.faults;
    check_filled(&s, 5, 30);
    CHECK_EQ(s.os.counters.faults, faults);
    end(&s);
}

/* Of a region with an image all pages come, in the order of addresses: one transfer. */
static void swap_in_of_an_image(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 40});
    CHECK(region_at(&s, s.p,
                    (struct kb_region){
                        .start = PAGE, .end = 11 * PAGE, .rights = READ_WRITE, .has_image = true}));
    CHECK(store(&s, s.p, 4, 1));
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && !refused);
    uint64_t before = s.os.counters.disk_transfers;
    CHECK(kb_os_swap_in(&s.os, s.p, false, &refused) == KB_OK && !refused);
    CHECK_EQ(s.p->resident, 10);
    CHECK_EQ(s.os.counters.image_reads, 1 + 9);
    CHECK_EQ(s.os.counters.disk_transfers - before, 3); /* image, slot, image */
    CHECK_EQ(word_at(&s, s.p, 4), 1);
    end(&s);
}

/* What cannot be written keeps its process in memory. */
static void swap_out_that_fails(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 40, .slots = 99, .failing = true});
    fill(&s, 5, 30);
    kb_store_fail(&s.os.swap.store, KB_STORE_WRITE_ERROR, 10, 0);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && refused);
    CHECK(s.p->state == KB_RUNNING && s.os.counters.swapped_out == 0);
    kb_store_fail(&s.os.swap.store, KB_STORE_WRITE_ERROR, 0, 0);
    check_filled(&s, 5, 30);
    end(&s);
}

/* X08: eight modified neighbours are one transfer; the seven that stay are clean. */
static void clusters(void) {
    struct share s;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .cluster = 8});
    fill(&s, 1, 8);
    CHECK(store(&s, s.p, 20, 1));
    CHECK_EQ(s.os.counters.evictions, 1);
    CHECK_EQ(s.os.counters.write_backs, 8);
    CHECK_EQ(s.os.counters.background_writes, 7);
    CHECK_EQ(s.os.counters.disk_transfers, 1);
    for (uint64_t i = 0; i < 7; i++)
        CHECK(store(&s, s.p, 21 + i, 1));
    CHECK_EQ(s.os.counters.evictions, 8);
    CHECK_EQ(s.os.counters.write_backs, 8);
    check_filled(&s, 1, 8);
    end(&s);
}

/* Each cluster is a transfer, also where its slots go on behind those of the last one; so is each
 * sync, and each process. */
static void one_transfer_each(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 16, .cluster = 8});
    fill(&s, 1, 16);
    fill(&s, 21, 16);
    CHECK_EQ(s.os.counters.write_backs, 16);
    CHECK_EQ(s.os.counters.disk_transfers, 2);
    end(&s);
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 16});
    fill(&s, 1, 4);
    struct kb_process *first = s.p;
    CHECK(kb_os_create(&s.os, "Q", &s.p) == KB_OK);
    fill(&s, 1, 4);
    CHECK(kb_os_swap_out(&s.os, first, &refused) == KB_OK && !refused);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && !refused);
    CHECK_EQ(s.os.counters.disk_transfers, 2);
    end(&s);
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 16});
    CHECK(show(&s, s.p, file_of(&s, 8, NULL), 1, 8, true));
    fill(&s, 1, 8);
    uint64_t before = s.os.counters.disk_transfers;
    CHECK_EQ(kb_os_sync(&s.os, s.p, PAGE, 5 * PAGE), 0);
    CHECK_EQ(kb_os_sync(&s.os, s.p, 5 * PAGE, 9 * PAGE), 0);
    CHECK_EQ(s.os.counters.disk_transfers - before, 2);
    end(&s);
}

/* Slots that were given back are used again, rather than ever new ones. */
static void slots_of_rows(void) {
    struct share s;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 16, .cluster = 8});
    for (unsigned round = 0; round < 200; round++)
        for (uint64_t page = 0; page < 32; page++)
            CHECK(store(&s, s.p, page, round));
    CHECK(s.os.counters.write_backs > 5000);
    CHECK(s.os.swap.peak <= 32 + 8);
    CHECK(s.os.swap.fresh <= 4 * 32);
    end(&s);
}

/* Neighbours that show one page are one page, which is written once. */
static void cluster_of_one_page(void) {
    struct share s;
    enum kb_reason reason;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .cluster = 8});
    uint32_t object = memory_of(&s, 1);
    for (uint64_t i = 0; i < 4; i++) {
        CHECK(show(&s, s.p, object, 1 + i, 1, true));
        CHECK(store(&s, s.p, 1 + i, i));
    }
    CHECK(kb_pager_send_out(&s.os, kb_os_frame_of(&s.os, s.p, 1), &reason));
    CHECK_EQ(s.os.counters.write_backs, 1);
    CHECK_EQ(s.os.swap.used, 1);
    CHECK_EQ(word_at(&s, s.p, 2), 3);
    end(&s);
}

/* ---- pages in advance ---- */

/* A page that stands by is still there: a soft fault, no read. */
static void rescue(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 16, .low = 2, .high = 4});
    fill(&s, 1, 6);
    kb_os_release(&s.os, s.p, PAGE, 7 * PAGE, &refused);
    CHECK_EQ(s.os.standby_count, 6);
    CHECK_EQ(s.os.counters.write_backs, 6);
    uint64_t faults = s.os.counters.faults;
    check_filled(&s, 1, 6);
    CHECK_EQ(s.os.counters.faults, faults);
    CHECK_EQ(s.os.counters.swap_reads, 0);
    CHECK_EQ(s.os.counters.rescues, 6);
    CHECK_EQ(s.os.counters.soft_faults, 6);
    kb_os_release(&s.os, s.p, PAGE, 7 * PAGE, &refused);
    CHECK_EQ(s.os.counters.write_backs, 6); /* it was not modified since */
    for (uint64_t i = 0; i < 12; i++)       /* two more than there are empty frames */
        CHECK(store(&s, s.p, 30 + i, i));
    check_filled(&s, 1, 6);
    CHECK(s.os.counters.swap_reads >= 2);
    end(&s);
}

/* Whatever the marks: the page that a fault has just brought in is there after it. */
static void page_daemon(const char *policy, uint32_t low, uint32_t high) {
    struct share s;
    begin(&s, (struct machine_wish){
                  .format = "sv39", .frames = 8, .policy = policy, .low = low, .high = high});
    for (uint64_t i = 0; i < 400; i++) {
        uint64_t page = i * 7 % 23;
        bool done = true;
        if (i % 2 == 0)
            CHECK(store(&s, s.p, page, i));
        else
            CHECK(kb_os_run(&s.os, page * PAGE, KB_ACCESS_WRITE, 3, &done) == KB_OK && done);
        CHECK(kb_os_frame_of(&s.os, s.p, page) != KB_NO_FRAME);
        CHECK(kb_os_free_frames(&s.os) >= (low < 7 ? low : 7));
    }
    CHECK(s.os.counters.background_writes > 0);
    end(&s);
}

static void page_daemons(void) {
    static const char *const policies[] = {"fifo", "lru", "clock", "random", "2q", "lfu", "mru"};
    for (unsigned i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct kb_policy_spec spec;
        struct kb_error error = {.language = KB_ENGLISH};
        if (kb_policy_parse(policies[i], &spec, NULL, NULL, &error) != KB_OK)
            continue;
        page_daemon(policies[i], 2, 4);
        page_daemon(policies[i], 7, 8); /* all but the one in use */
    }
}

/* The sum over references of the frames with pages: 1 after the first, 2 after the second … */
static void page_time(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8});
    CHECK(store(&s, s.p, 1, 1)); /* in memory from before reference 1 on */
    CHECK_EQ(kb_os_page_time(&s.os), 1);
    CHECK(store(&s, s.p, 2, 1));
    CHECK_EQ(kb_os_page_time(&s.os), 3);
    struct kb_process *child = fork_of(&s, s.p, "C");
    CHECK_EQ(word_at(&s, child, 1), 1); /* shared frames count once */
    CHECK_EQ(kb_os_page_time(&s.os), 5);
    CHECK(store(&s, child, 1, 2));
    CHECK_EQ(kb_os_page_time(&s.os), 8);
    kb_os_release(&s.os, child, PAGE, 2 * PAGE, &refused);
    CHECK_EQ(kb_os_page_time(&s.os), 8);
    CHECK_EQ(word_at(&s, s.p, 2), 1);
    CHECK_EQ(kb_os_page_time(&s.os), 10);
    end(&s);
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

/* A page that only this process sees, though twice, must be safe before it goes. */
static void swap_out_of_one_page_twice_that_fails(void) {
    struct share s;
    bool refused;
    begin(&s, (struct machine_wish){.format = "sv39", .frames = 8, .failing = true});
    uint32_t object = memory_of(&s, 2);
    show(&s, s.p, object, 1, 2, true);
    show(&s, s.p, object, 11, 2, true);
    for (uint64_t i = 0; i < 2; i++) {
        CHECK(store(&s, s.p, 1 + i, 100 + i));
        CHECK_EQ(word_at(&s, s.p, 11 + i), 100 + i);
    }
    kb_store_fail(&s.os.swap.store, KB_STORE_WRITE_ERROR, 1, 0);
    CHECK(kb_os_swap_out(&s.os, s.p, &refused) == KB_OK && refused);
    CHECK(s.p->state != KB_SWAPPED);
    for (uint64_t i = 0; i < 2; i++)
        CHECK_EQ(word_at(&s, s.p, 11 + i), 100 + i);
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

static const struct share_test tests[] = {TEST(sync_of_pages_of_others),
                                          TEST(files),
                                          TEST(unmap_of_a_file_that_fails),
                                          TEST(transfers_of_whole_processes),
                                          TEST(swap_in_of_an_image),
                                          TEST(swap_out_that_fails),
                                          TEST(clusters),
                                          TEST(one_transfer_each),
                                          TEST(slots_of_rows),
                                          TEST(cluster_of_one_page),
                                          TEST(rescue),
                                          TEST(page_daemons),
                                          TEST(page_time),
                                          TEST(swap_out_of_one_page_twice),
                                          TEST(swap_out_of_one_page_twice_that_fails),
                                          TEST(swap_out_without_entries),
                                          TEST(swap_out_of_an_ended_process)};

int main(int argc, char **argv) {
    return share_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
