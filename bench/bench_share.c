/* bench_share.c - what it costs that processes share pages: forks, copies on write, the eviction of
 * a page from very many tables, soft faults, syncs.
 *
 *   bench_share [--quick] [--times N]
 *
 * Pages of 4 KiB, 4-level tables (sv48), TLB 64 × 4 and 128 × 12, memory
 * stores. Beside a fork stands what it saves: a copy of all pages, made at
 * once, into memory that the host has given already. */
#include <inttypes.h>

#include "../tests/machine.h"
#include "bench.h"

#define PAGE UINT64_C(4096)
#define FORKED UINT64_C(10000)
#define SHARERS 1000

static const struct kb_host *host;
static unsigned times = 5;
static bool quick;

static void goal(const char *title, double value, const char *unit, double wanted) {
    printf("goal: %-38s %9.2f %s <= %g  %s\n", title, value, unit, wanted,
           value <= wanted ? "yes" : "NO");
}

static void make(struct kb_os *os, struct machine_wish wish) {
    wish.format = "sv48";
    wish.policy = wish.policy == NULL ? "clock" : wish.policy;
    wish.tlb[0] = (struct kb_tlb_geometry){64, 4, KB_TLB_LRU, 0};
    wish.tlb[1] = (struct kb_tlb_geometry){128, 12, KB_TLB_LRU, 0};
    memset(os, 0, sizeof *os);
    bench_check(machine_make(os, &wish, host, &bench_error));
}

static struct kb_process *begin(struct kb_os *os) {
    struct kb_process *process;
    bench_check(kb_os_create(os, "P", &process));
    kb_os_switch(os, process);
    return process;
}

static void must(kb_status status, bool done) {
    bench_check(status);
    if (!done)
        bench_die("a call was refused");
}

static void store_word(struct kb_os *os, uint64_t page, uint64_t word) {
    bool done;
    kb_status status = kb_os_store(os, page * PAGE + page % 512 * 8, &word, 8, &done);
    must(status, done);
}

static void load_word(struct kb_os *os, uint64_t page) {
    uint64_t word;
    bool done;
    kb_status status = kb_os_load(os, page * PAGE + page % 512 * 8, &word, 8, &done);
    must(status, done);
}

static void store_all(struct kb_os *os, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++)
        store_word(os, i, i);
}

static struct kb_process *fork_of(struct kb_os *os, struct kb_process *parent) {
    struct kb_process *child;
    bool refused;
    kb_status status = kb_os_fork(os, parent, "C", &child, &refused);
    must(status, !refused);
    return child;
}

static void show_object(struct kb_os *os, struct kb_process *process, uint32_t object,
                        uint64_t pages) {
    bool refused;
    struct kb_region region = {.end = pages * PAGE,
                               .rights = KB_ENTRY_READ | KB_ENTRY_WRITE,
                               .object = object + 1,
                               .shared = true};
    kb_status status = kb_os_region(os, process, &region, &refused);
    must(status, !refused);
}

/* ---- forks ---- */

struct forks {
    struct bench_times fork, both, copy;
};

static void measure_fork(struct kb_os *os, struct kb_process *parent, struct bench_times *alone,
                         struct bench_times *both) {
    double start = bench_now();
    struct kb_process *child = fork_of(os, parent);
    double forked = bench_now() - start;
    kb_os_exit(os, child, KB_REASON_DONE, 0);
    bench_note(both, bench_now() - start);
    bench_note(alone, forked);
}

static void print_fork(const char *title, const struct bench_times *seconds) {
    printf("%-34s %9.1f %9.1f\n", title, bench_best(seconds) * 1e9 / (double)FORKED,
           bench_median(seconds) * 1e9 / (double)FORKED);
}

static void part_fork(void) {
    struct forks in = {0}, out = {0};
    struct kb_os resident, swapped;
    bool refused;
    uint8_t *from = bench_take(host, FORKED * PAGE), *to = bench_take(host, FORKED * PAGE);
    make(&resident, (struct machine_wish){.frames = FORKED + 100});
    make(&swapped, (struct machine_wish){.frames = FORKED + 100});
    struct kb_process *p = begin(&resident), *q = begin(&swapped);
    store_all(&resident, FORKED);
    store_all(&swapped, FORKED);
    kb_status status = kb_os_swap_out(&swapped, q, &refused);
    must(status, !refused);
    memset(from, 1, FORKED * PAGE);
    memset(to, 2, FORKED * PAGE);
    for (unsigned i = 0; i < times; i++) {
        measure_fork(&resident, p, &in.fork, &in.both);
        measure_fork(&swapped, q, &out.fork, &out.both);
        double start = bench_now();
        for (uint64_t k = 0; k < FORKED; k++)
            memcpy(to + k * PAGE, from + k * PAGE, PAGE);
        __asm__ volatile("" : : "r"(to) : "memory");
        bench_note(&in.copy, bench_now() - start);
    }
    printf("A fork of %" PRIu64 " pages: ns a page, best and median\n", FORKED);
    print_fork("in memory", &in.fork);
    print_fork("in memory, and the child's exit", &in.both);
    print_fork("in the paging file", &out.fork);
    print_fork("in the paging file, and exit", &out.both);
    print_fork("a copy of all pages instead", &in.copy);
    goal("fork, a page in memory", bench_median(&in.fork) * 1e6 / (double)FORKED, "us", 1);
    goal("fork, a swapped page", bench_median(&out.fork) * 1e6 / (double)FORKED, "us", 1);
    kb_os_free(&resident);
    kb_os_free(&swapped);
    kb_give_back(host, from, FORKED * PAGE);
    kb_give_back(host, to, FORKED * PAGE);
}

/* ---- copies on write, soft faults ---- */

/* Each first store of a child copies; the second one is a hit in the table. */
static void part_faults(void) {
    struct bench_times copies = {0}, plain = {0}, over = {0}, soft = {0};
    const uint64_t pages = quick ? 500 : 2000;
    struct kb_os os;
    make(&os, (struct machine_wish){.frames = (uint32_t)(2 * pages + 10)});
    struct kb_process *p = begin(&os), *q;
    store_all(&os, pages);
    uint32_t object;
    bench_check(kb_os_shared(&os, "memory", pages * PAGE, &object));
    for (unsigned i = 0; i < times; i++) {
        struct kb_process *child = fork_of(&os, p);
        kb_os_switch(&os, child);
        double start = bench_now();
        store_all(&os, pages);
        bench_note(&copies, bench_now() - start);
        start = bench_now();
        store_all(&os, pages);
        bench_note(&plain, bench_now() - start);
        kb_os_switch(&os, p);
        start = bench_now();
        store_all(&os, pages); /* nobody else has them any more */
        bench_note(&over, bench_now() - start);
        kb_os_exit(&os, child, KB_REASON_DONE, 0);
    }
    kb_os_exit(&os, p, KB_REASON_DONE, 0);
    p = begin(&os);
    show_object(&os, p, object, pages);
    store_all(&os, pages);
    for (unsigned i = 0; i < times; i++) {
        q = begin(&os);
        show_object(&os, q, object, pages);
        double start = bench_now();
        for (uint64_t k = 0; k < pages; k++)
            load_word(&os, k);
        bench_note(&soft, bench_now() - start);
        kb_os_exit(&os, q, KB_REASON_DONE, 0);
    }
    printf("First and second accesses to a page: ns, best and median\n");
    const struct bench_times *all[] = {&copies, &over, &soft, &plain};
    static const char *const titles[] = {"a store that copies the page",
                                         "a store that takes the page over",
                                         "a load of a page in memory (soft)", "a store once more"};
    for (unsigned i = 0; i < 4; i++)
        printf("%-34s %9.1f %9.1f\n", titles[i], bench_best(all[i]) * 1e9 / (double)pages,
               bench_median(all[i]) * 1e9 / (double)pages);
    goal("copy on write", bench_median(&copies) * 1e6 / (double)pages, "us", 2);
    goal("soft fault", bench_median(&soft) * 1e6 / (double)pages, "us", 1);
    kb_os_free(&os);
}

/* ---- one page in many tables ---- */

static void measure_eviction(unsigned asid_bits, bool dirty, struct bench_times *seconds) {
    static struct kb_process *p[SHARERS];
    struct kb_os os;
    uint32_t object;
    make(&os, (struct machine_wish){.frames = 100, .asid_bits = asid_bits});
    bench_check(kb_os_shared(&os, "memory", PAGE, &object));
    for (unsigned i = 0; i < SHARERS; i++) {
        p[i] = begin(&os);
        show_object(&os, p[i], object, 1);
    }
    for (unsigned n = 0; n < times * 4; n++) {
        enum kb_reason reason;
        for (unsigned i = 0; i < SHARERS; i++) {
            kb_os_switch(&os, p[i]);
            if (dirty)
                store_word(&os, 0, i);
            else
                load_word(&os, 0);
        }
        uint32_t frame = kb_os_frame_of(&os, p[0], 0);
        double start = bench_now();
        bool gone = kb_pager_send_out(&os, frame, &reason);
        bench_note(seconds, bench_now() - start);
        if (!gone || p[SHARERS - 1]->resident != 0)
            bench_die("a page was not evicted");
    }
    kb_os_free(&os);
}

static void part_evictions(void) {
    static const unsigned asids[] = {0, 12};
    static const char *const titles[][2] = {{"untagged TLB, clean", "untagged TLB, modified"},
                                            {"asids, clean", "asids, modified"}};
    printf("The eviction of a page from %d tables: us, best and median\n", SHARERS);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned dirty = 0; dirty < 2; dirty++) {
            struct bench_times seconds = {0};
            char name[100];
            measure_eviction(asids[i], dirty != 0, &seconds);
            printf("%-34s %9.1f %9.1f\n", titles[i][dirty], bench_best(&seconds) * 1e6,
                   bench_median(&seconds) * 1e6);
            snprintf(name, sizeof name, "%d tables, %s", SHARERS, titles[i][dirty]);
            goal(name, bench_median(&seconds) * 1e6, "us", 100);
        }
}

/* ---- writes of many pages ---- */

enum way { SYNC_EACH, SYNC_ALL, RELEASE_EACH, PROCESS_OUT, WAYS };

static void write_pages(struct kb_os *os, struct kb_process *p, enum way way) {
    bool refused = false;
    kb_status status = KB_OK;
    uint64_t failed = 0;
    for (uint64_t i = 0; i < FORKED && way == SYNC_EACH; i++)
        failed += kb_os_sync(os, p, i * PAGE, (i + 1) * PAGE);
    for (uint64_t i = 0; i < FORKED && way == RELEASE_EACH; i++)
        kb_os_release(os, p, i * PAGE, (i + 1) * PAGE, &refused);
    if (way == SYNC_ALL)
        failed = kb_os_sync(os, p, 0, FORKED * PAGE);
    if (way == PROCESS_OUT)
        status = kb_os_swap_out(os, p, &refused);
    must(status, !refused && failed == 0);
}

static void measure_writes(enum way way, struct bench_times *seconds, uint64_t *transfers) {
    struct kb_os os;
    struct kb_store blocks;
    uint32_t object;
    bool refused;
    make(&os, (struct machine_wish){.frames = FORKED + 10});
    bench_check(kb_store_memory(&blocks, PAGE, FORKED, host, &bench_error));
    bench_check(kb_os_file(&os, "file", FORKED * PAGE, NULL, &blocks, &object));
    struct kb_process *p = begin(&os);
    if (way <= SYNC_ALL)
        show_object(&os, p, object, FORKED);
    for (unsigned i = 0; i < times; i++) {
        kb_os_switch(&os, p);
        store_all(&os, FORKED);
        uint64_t before = os.counters.disk_transfers;
        double start = bench_now();
        write_pages(&os, p, way);
        bench_note(seconds, bench_now() - start);
        *transfers = os.counters.disk_transfers - before;
        if (way != PROCESS_OUT)
            continue;
        kb_status status = kb_os_swap_in(&os, p, false, &refused);
        must(status, !refused);
    }
    kb_os_free(&os);
}

static void part_writes(void) {
    static const char *const titles[] = {"synced one by one", "synced at once",
                                         "released one by one", "sent out with their process"};
    printf("%" PRIu64 " modified pages are written: ns a page, best and median; transfers\n",
           FORKED);
    for (int way = 0; way < WAYS; way++) {
        struct bench_times seconds = {0};
        uint64_t transfers = 0;
        measure_writes((enum way)way, &seconds, &transfers);
        printf("%-34s %9.1f %9.1f %9" PRIu64 "\n", titles[way],
               bench_best(&seconds) * 1e9 / (double)FORKED,
               bench_median(&seconds) * 1e9 / (double)FORKED, transfers);
    }
}

int main(int argc, char **argv) {
    struct kb_host opened;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            quick = true;
        else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc)
            times = (unsigned)strtoul(argv[++i], NULL, 10);
        else
            bench_die("options: --quick --times N");
    }
    if (times == 0 || times > BENCH_MOST_TIMES)
        bench_die("--times: 1 to 32");
    bench_check(kb_host_open(&opened, 1, &bench_error));
    host = &opened;
    part_fork();
    part_faults();
    part_evictions();
    part_writes();
    kb_host_close(&opened);
    return 0;
}
