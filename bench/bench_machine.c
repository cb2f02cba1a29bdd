/* bench_machine.c - what the simulated machine costs, on one core: loads and stores of bytes, whole
 * traces, alone and as processes that take turns, page faults, and very many processes and frames.
 *
 *   bench_machine [--quick] [--times N] [--part accesses|segments|traces|processes|faults|scale]
 *
 * Everything that is compared takes turns in one run. Accesses are of 8 bytes
 * through 4-level tables in simulated memory (sv48), TLB 64 × 4 and 128 × 12.
 * Beside them stand the plain array, and a walk at every access without a TLB,
 * written as one would write it first. The traces are those in traces/. */
#include <dirent.h>

#include "../tests/machine.h"
#include "bench.h"
#include "os/job.h"

#define PAGE 4096
#define BATCH 4096 /* addresses are made beforehand */

static const struct kb_host *host;
static unsigned times = 5;
static bool quick;

/* Keeps a compiler from leaving work out. */
static inline void used(const void *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

static void goal(const char *title, double value, const char *unit, double wanted, bool at_most) {
    bool met = at_most ? value <= wanted : value >= wanted;
    printf("goal: %-38s %9.2f %s %s %g  %s\n", title, value, unit, at_most ? "<=" : ">=", wanted,
           met ? "yes" : "NO");
}

static void make(struct kb_os *os, struct machine_wish wish, bool tlb) {
    if (tlb) {
        wish.tlb[0] = (struct kb_tlb_geometry){64, 4, KB_TLB_LRU, 0};
        wish.tlb[1] = (struct kb_tlb_geometry){128, 12, KB_TLB_LRU, 0};
    }
    memset(os, 0, sizeof *os);
    bench_check(machine_make(os, &wish, host, &bench_error));
}

static void begin(struct kb_os *os, struct kb_process **process) {
    bench_check(kb_os_create(os, "P", process));
    kb_os_switch(os, *process);
}

static void must(kb_status status, const bool *done) {
    bench_check(status);
    if (!*done)
        bench_die("an access was refused");
}

static void store_word(struct kb_os *os, uint64_t address, uint64_t word) {
    bool done;
    must(kb_os_store(os, address, &word, 8, &done), &done);
}

/* ---- accesses ---- */

struct accesses {
    uint64_t pages, count;
    uint64_t address[BATCH]; /* bit 0: a store, one in four */
};

/* spread: all pages once, then again, in an order that no TLB of the usual size can hold; else at
 * random. Offsets differ, lest all lines fall into one set of the host's caches. */
static void make_accesses(struct accesses *a, uint64_t pages, uint64_t count, bool spread) {
    struct kb_random random = {7};
    a->pages = pages;
    a->count = count;
    for (uint64_t i = 0; i < BATCH; i++) {
        uint64_t page = spread ? i * 641 % pages : kb_random_below(&random, pages);
        uint64_t offset =
            spread ? page % 8 * 64 + page / 8 % 8 * 512 : kb_random_below(&random, PAGE / 8) * 8;
        a->address[i] = page * PAGE + offset + (i % 4 == 3);
    }
}

static double by_machine(struct kb_os *os, const struct accesses *a) {
    uint64_t sum = 0, word = 0;
    bool done;
    double start = bench_now();
    for (uint64_t n = 0; n < a->count; n += BATCH)
        for (uint64_t i = 0; i < BATCH; i++) {
            uint64_t address = a->address[i];
            if (address & 1)
                must(kb_os_store(os, address - 1, &sum, 8, &done), &done);
            else
                must(kb_os_load(os, address, &word, 8, &done), &done);
            sum += word;
        }
    used(&sum);
    return bench_now() - start;
}

static double by_array(uint8_t *bytes, const struct accesses *a) {
    uint64_t sum = 0, word = 0;
    double start = bench_now();
    for (uint64_t n = 0; n < a->count; n += BATCH)
        for (uint64_t i = 0; i < BATCH; i++) {
            uint64_t address = a->address[i];
            if (address & 1)
                memcpy(bytes + address - 1, &sum, 8);
            else
                memcpy(&word, bytes + address, 8);
            sum += word;
        }
    used(&sum);
    return bench_now() - start;
}

/* A walk as one would write it first: level by level, at each access. */
static double by_walk(const struct kb_os *os, const struct kb_process *p,
                      const struct accesses *a) {
    uint64_t sum = 0, word = 0;
    uint8_t *memory = os->mmu.memory.bytes;
    double start = bench_now();
    for (uint64_t n = 0; n < a->count; n += BATCH)
        for (uint64_t i = 0; i < BATCH; i++) {
            uint64_t address = a->address[i] & ~UINT64_C(1), table = p->root, entry = 0;
            for (int level = 3; level >= 0; level--) {
                uint64_t at = table + (address >> (12 + 9 * level) & 511) * 8;
                memcpy(&entry, memory + at, 8);
                if (!(entry & 1))
                    bench_die("a page is not there");
                table = entry >> 10 << 12;
            }
            uint64_t physical = table | (address & (PAGE - 1));
            if (a->address[i] & 1) {
                if (!(entry & 4))
                    bench_die("a page may not be written");
                memcpy(memory + physical, &sum, 8);
            } else {
                memcpy(&word, memory + physical, 8);
            }
            sum += word;
        }
    used(&sum);
    return bench_now() - start;
}

static void measure_accesses(const char *title, const char *policy, uint64_t pages, bool spread,
                             double wanted) {
    static struct accesses a;
    struct bench_times machine = {0}, array = {0}, walk = {0};
    struct kb_os os;
    struct kb_process *p;
    uint8_t *bytes = bench_take(host, pages * PAGE);
    char name[100];
    make_accesses(&a, pages, quick ? BATCH * 512 : BATCH * 4096, spread);
    make(&os, (struct machine_wish){.format = "sv48", .frames = (uint32_t)pages, .policy = policy},
         true);
    begin(&os, &p);
    for (uint64_t i = 0; i < pages; i++) {
        store_word(&os, i * PAGE, 0);
        memset(bytes + i * PAGE, 1, 8);
    }
    by_machine(&os, &a);
    uint64_t first = os.mmu.hits, second = os.mmu.second_hits, misses = os.mmu.misses;
    for (unsigned i = 0; i < times; i++) {
        bench_note(&machine, by_machine(&os, &a));
        bench_note(&array, by_array(bytes, &a));
        bench_note(&walk, by_walk(&os, p, &a));
    }
    double all = (double)a.count * times, mega = (double)a.count * 1e-6;
    printf("%-18s %-6s %9.1f %9.1f %8.2f %8.2f   %6.4f %6.4f %6.4f\n", title, policy,
           mega / bench_best(&machine), mega / bench_median(&machine),
           bench_median(&machine) / bench_median(&array),
           bench_median(&walk) / bench_median(&machine), (double)(os.mmu.hits - first) / all,
           (double)(os.mmu.second_hits - second) / all, (double)(os.mmu.misses - misses) / all);
    snprintf(name, sizeof name, "%s, %s", title, policy);
    if (wanted > 0)
        goal(name, mega / bench_median(&machine), "M/s", wanted, false);
    kb_os_free(&os);
    kb_give_back(host, bytes, pages * PAGE);
}

static void part_accesses(void) {
    static const char *const policies[] = {"clock", "lru"};
    printf(
        "Loads (3 of 4) and stores of 8 bytes: millions a second, how many times the plain array's "
        "time,\nhow many times as fast as a naive walk; shares of TLB hits, second-level hits, "
        "misses\n%-18s %-6s %9s %9s %8s %8s   %6s %6s %6s\n",
        "work", "policy", "best", "median", "/array", "walk/", "hit", "second", "miss");
    for (unsigned i = 0; i < 2; i++) {
        measure_accesses("TLB hits", policies[i], 200, false, 100);
        measure_accesses("second-level hits", policies[i], 1200, true, 0);
        measure_accesses("TLB misses", policies[i], 4096, true, 25);
    }
}

/* ---- segments ---- */

/* The same accesses through a segment table and page tables: 16 segments of 1 MiB. */
static void measure_segments(const char *title, const char *policy, uint64_t pages, bool spread,
                             bool byte_lengths) {
    static struct accesses a;
    struct bench_times loads = {0}, runs = {0};
    struct kb_os os;
    struct kb_process *p;
    char name[100];
    bool done, refused;
    make_accesses(&a, pages, quick ? BATCH * 512 : BATCH * 4096, spread);
    make(&os,
         (struct machine_wish){.format = "segments",
                               .frames = (uint32_t)pages,
                               .policy = policy,
                               .byte_lengths = byte_lengths},
         true);
    begin(&os, &p);
    uint64_t span = kb_os_segment_bytes(&os);
    for (uint64_t n = 0; n < 16; n++) {
        struct kb_region region = {.start = n * span, .end = (n + 1) * span, .rights = 6};
        bench_check(kb_os_region(&os, p, &region, &refused));
    }
    for (uint64_t i = 0; i < pages; i++)
        store_word(&os, i * PAGE, 0);
    by_machine(&os, &a);
    for (unsigned i = 0; i < times; i++) {
        bench_note(&loads, by_machine(&os, &a));
        double start = bench_now();
        for (uint64_t n = 0; n < a.count; n += BATCH)
            for (uint64_t k = 0; k < BATCH; k++)
                must(kb_os_run(&os, a.address[k] & ~UINT64_C(1), KB_ACCESS_READ, 1, &done), &done);
        bench_note(&runs, bench_now() - start);
    }
    double mega = (double)a.count * 1e-6;
    snprintf(name, sizeof name, "%s, lengths in %s", title, byte_lengths ? "bytes" : "pages");
    printf("%-36s %-6s %9.1f %9.1f\n", name, policy, mega / bench_median(&loads),
           mega / bench_median(&runs));
    if (!spread)
        goal(name, mega / bench_median(&runs), "M/s", 40, false);
    kb_os_free(&os);
}

static void part_segments(void) {
    printf("Paged segmentation: millions a second of loads and stores of 8 bytes, and of runs of "
           "one reference\n%-36s %-6s %9s %9s\n",
           "work", "policy", "accesses", "runs");
    measure_segments("TLB hits", "clock", 200, false, false);
    measure_segments("TLB hits", "clock", 200, false, true);
    measure_segments("TLB misses", "clock", 4096, true, false);
    measure_segments("TLB misses", "clock", 4096, true, true);
}

/* ---- traces ---- */

struct stretch {
    struct bench_trace trace;
    uint64_t page_size;
};

static void read_trace(struct stretch *s, const char *path) {
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct kb_block block;
    struct kb_trace_info info;
    struct kb_reader_options options = {.limit = quick ? 2000000 : 20000000, .host = host};
    memset(s, 0, sizeof *s);
    bench_check(kb_file_open(&source, path, &bench_error));
    bench_check(kb_reader_open(&reader, source, &options, &bench_error));
    for (;;) {
        bench_check(kb_reader_next(reader, &block, &bench_error));
        if (block.count == 0 && block.event_count == 0)
            break;
        if (block.count > 0)
            bench_keep(&s->trace, &block, host);
    }
    s->trace.page_numbers = malloc(s->trace.pages * sizeof *s->trace.page_numbers);
    memcpy(s->trace.page_numbers, kb_reader_page_numbers(reader),
           s->trace.pages * sizeof *s->trace.page_numbers);
    kb_reader_info(reader, &info);
    s->page_size = info.page_size;
    kb_reader_close(reader);
    kb_file_close(&source);
}

static double trace_by_machine(const struct stretch *s, const char *policy, uint32_t frames,
                               uint64_t *faults) {
    struct kb_os os;
    struct kb_process *p;
    bool done;
    make(&os,
         (struct machine_wish){.format = s->page_size == PAGE ? "sv48" : NULL,
                               .levels = 5,
                               .page_bits = (unsigned)__builtin_ctzll(s->page_size),
                               .frames = frames,
                               .policy = policy},
         true);
    begin(&os, &p);
    double start = bench_now();
    for (size_t b = 0; b < s->trace.count; b++)
        for (uint32_t i = 0; i < s->trace.blocks[b].count; i++) {
            struct kb_run run = s->trace.blocks[b].runs[i];
            must(kb_os_run(&os, s->trace.page_numbers[run.page] * s->page_size,
                           (enum kb_access)kb_run_kind(run), kb_run_count(run), &done),
                 &done);
        }
    double seconds = bench_now() - start;
    *faults = os.counters.faults;
    kb_os_free(&os);
    return seconds;
}

static double trace_by_replay(const struct stretch *s, const char *policy, uint32_t frames,
                              uint64_t *faults) {
    struct kb_policy_spec spec;
    struct kb_replay replay;
    struct kb_result result;
    bench_check(kb_policy_parse(policy, &spec, NULL, NULL, &bench_error));
    bench_check(kb_replay_init(&replay, &spec, frames, NULL, host, &bench_error));
    double start = bench_now();
    for (size_t b = 0; b < s->trace.count; b++)
        bench_check(kb_replay_block(&replay, &s->trace.blocks[b], NULL, &bench_error));
    double seconds = bench_now() - start;
    kb_replay_result(&replay, &result);
    *faults = result.faults;
    kb_replay_free(&replay);
    return seconds;
}

static void measure_trace(const char *name, const struct stretch *s, const char *policy) {
    struct bench_times machine = {0}, replay = {0};
    uint64_t faults = 0, same = 0;
    uint32_t frames = s->trace.pages / 4 + 2;
    char title[100];
    for (unsigned i = 0; i < times; i++) {
        bench_note(&machine, trace_by_machine(s, policy, frames, &faults));
        bench_note(&replay, trace_by_replay(s, policy, frames, &same));
    }
    if (faults != same)
        bench_die("the machine and replay have different faults");
    double mega = (double)s->trace.references * 1e-6 / bench_median(&machine);
    printf("%-14s %-6s %7u %9.2f %9.1f %9.1f %8.2f\n", name, policy, frames,
           (double)faults * 1e6 / (double)s->trace.references, mega,
           (double)s->trace.runs * 1e-6 / bench_median(&machine),
           bench_median(&machine) / bench_median(&replay));
    snprintf(title, sizeof title, "%s, %s", name, policy);
    goal(title, mega, "Mrefs/s", 60, false);
}

static void part_traces(void) {
    DIR *folder = opendir("traces");
    if (folder == NULL)
        bench_die("no folder traces: run from the top of the tree");
    printf(
        "Traces through kb_os_run, a quarter of the pages as frames: faults a million references, "
        "Mrefs/s,\nmillions of runs a second, how many times replay's time\n"
        "%-14s %-6s %7s %9s %9s %9s %8s\n",
        "trace", "policy", "frames", "faults/M", "Mrefs/s", "Mruns/s", "/replay");
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        struct stretch s;
        char path[300];
        if (length < 4 || strcmp(entry->d_name + length - 4, ".kbt") != 0)
            continue;
        snprintf(path, sizeof path, "traces/%s", entry->d_name);
        read_trace(&s, path);
        measure_trace(entry->d_name, &s, "clock");
        measure_trace(entry->d_name, &s, "lru");
        bench_free(&s.trace, host);
    }
    closedir(folder);
}

/* ---- processes ---- */

#define TOGETHER 4
#define QUANTUM 10000

/* A trace in memory, as a job wants it. */
struct playing {
    const struct bench_trace *trace;
    size_t at;
};

static kb_status next_block(void *context, struct kb_block *block, struct kb_error *error) {
    struct playing *p = context;
    (void)error;
    *block = p->at < p->trace->count ? p->trace->blocks[p->at++] : (struct kb_block){.runs = NULL};
    return KB_OK;
}

static const uint64_t *page_numbers(void *context) {
    const struct playing *p = context;
    return p->trace->page_numbers;
}

/* The traces first … end − 1 as processes, with a share of their pages as frames. */
static double play_together(const struct stretch *s, unsigned first, unsigned end, double share,
                            uint64_t *references, uint64_t *faults) {
    struct playing playing[TOGETHER];
    struct kb_job job[TOGETHER] = {0};
    struct kb_os os;
    uint64_t pages = 0;
    for (unsigned i = first; i < end; i++) {
        playing[i] = (struct playing){&s[i].trace, 0};
        job[i] = (struct kb_job){.name = "trace", .trace = {&playing[i], next_block, page_numbers}};
        pages += s[i].trace.pages;
    }
    struct machine_wish wish = {.levels = 4,
                                .frames = (uint32_t)((double)pages * share),
                                .policy = "clock",
                                .tlb = {{16, 4, KB_TLB_LRU, 0}}};
    make(&os, wish, false);
    struct kb_jobs jobs = {.os = &os, .job = job + first, .count = end - first, .quantum = QUANTUM};
    double start = bench_now();
    bench_check(kb_jobs_run(&jobs));
    double seconds = bench_now() - start;
    *references += os.counters.references;
    *faults += os.counters.faults;
    kb_jobs_free(&jobs);
    kb_os_free(&os);
    return seconds;
}

static void measure_processes(const struct stretch *s, double share) {
    struct bench_times together = {0}, alone = {0};
    uint64_t references = 0, faults = 0, alone_faults = 0, same = 0;
    char title[100];
    for (unsigned i = 0; i < times; i++) {
        double seconds = 0;
        references = faults = alone_faults = same = 0;
        bench_note(&together, play_together(s, 0, TOGETHER, share, &references, &faults));
        for (unsigned k = 0; k < TOGETHER; k++)
            seconds += play_together(s, k, k + 1, share, &same, &alone_faults);
        bench_note(&alone, seconds);
    }
    if (references != same)
        bench_die("together and alone have different references");
    double mega = (double)references * 1e-6 / bench_median(&together);
    printf("%6.2f %11.2f %11.2f %9.1f %9.1f %8.2f\n", share,
           (double)faults * 1e6 / (double)references,
           (double)alone_faults * 1e6 / (double)references, mega,
           (double)references * 1e-6 / bench_median(&alone),
           bench_median(&together) / bench_median(&alone));
    snprintf(title, sizeof title, "four processes, memory for %.2f", share);
    goal(title, mega, "Mrefs/s", 40, false);
}

static void part_processes(void) {
    static const char *const names[TOGETHER] = {"cc1", "python", "redis", "sqlite"};
    struct stretch s[TOGETHER];
    for (unsigned i = 0; i < TOGETHER; i++) {
        char path[100];
        snprintf(path, sizeof path, "traces/%s.kbt", names[i]);
        read_trace(&s[i], path);
    }
    printf(
        "Four traces as processes through kb_jobs_run, turns of %d references, clock, TLB 16 x 4, "
        "4 levels:\nmemory as a share of all pages, faults a million references, together and "
        "alone; Mrefs/s\ntogether, and alone one after the other; the ratio of their times\n"
        "%6s %11s %11s %9s %9s %8s\n",
        QUANTUM, "memory", "faults/M", "alone", "Mrefs/s", "alone", "/alone");
    measure_processes(s, 0.25);
    measure_processes(s, 0.5);
    for (unsigned i = 0; i < TOGETHER; i++)
        bench_free(&s[i].trace, host);
}

/* ---- faults ---- */

/* Every access faults: pages in turn, twice as many as frames, under policies that so lose. */
static double fault_seconds(struct kb_os *os, uint64_t pages, uint64_t rounds, bool write) {
    uint64_t word = 1;
    bool done;
    double start = bench_now();
    for (uint64_t round = 0; round < rounds; round++)
        for (uint64_t page = 0; page < pages; page++) {
            if (write)
                must(kb_os_store(os, page * PAGE, &word, 8, &done), &done);
            else
                must(kb_os_load(os, page * PAGE, &word, 8, &done), &done);
        }
    return bench_now() - start;
}

static void measure_faults(const char *policy) {
    static const char *const names[] = {"zero fill, clean", "from swap, clean", "from swap, dirty"};
    const uint32_t frames = 64, pages = 2 * frames;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct bench_times seconds = {0};
        struct kb_os os;
        struct kb_process *p;
        uint64_t rounds = quick ? 100 : 1000, faults = 0, written = 0;
        char title[100];
        make(&os, (struct machine_wish){.format = "sv48", .frames = frames, .policy = policy},
             true);
        begin(&os, &p);
        if (kind > 0)
            fault_seconds(&os, pages, 2, true); /* all have a slot */
        fault_seconds(&os, pages, 2, kind == 2);
        for (unsigned i = 0; i < times; i++) {
            struct kb_os_counters before = os.counters;
            double taken = fault_seconds(&os, pages, rounds, kind == 2);
            faults = os.counters.faults - before.faults;
            written = os.counters.write_backs - before.write_backs;
            bench_note(&seconds, taken / (double)faults);
        }
        printf("%-18s %-6s %9.0f %9.0f %9.3f %9.3f\n", names[kind], policy,
               bench_best(&seconds) * 1e9, bench_median(&seconds) * 1e9,
               (double)faults / (double)(pages * rounds), (double)written / (double)faults);
        snprintf(title, sizeof title, "%s, %s", names[kind], policy);
        goal(title, bench_median(&seconds) * 1e6, "us", 1, true);
        kb_os_free(&os);
    }
}

static void part_faults(void) {
    static const char *const policies[] = {"fifo", "clock", "lru", "2q"};
    printf(
        "A page fault with a memory store, pages of 4 KiB in turn: ns, the share of accesses that "
        "fault,\nwrite-backs a fault\n%-18s %-6s %9s %9s %9s %9s\n",
        "page, victim", "policy", "best", "median", "faults", "written");
    for (unsigned i = 0; i < sizeof policies / sizeof policies[0]; i++)
        measure_faults(policies[i]);
}

/* ---- scale ---- */

/* The same work per process and frame: of each process 2 pages, of which a few hundred processes
 * at a time are used, ten accesses each in a row. */
static void many_processes(uint32_t count, struct bench_times *seconds, uint64_t turns) {
    static struct kb_process *p[10000];
    struct kb_os os;
    uint64_t word = 3;
    bool done;
    make(&os,
         (struct machine_wish){
             .format = "sv48", .frames = 2 * count, .policy = "clock", .asid_bits = 14},
         true);
    for (uint32_t i = 0; i < count; i++) {
        begin(&os, &p[i]);
        store_word(&os, 0, 1);
        store_word(&os, PAGE, 1);
    }
    for (unsigned n = 0; n <= times; n++) {
        double start = bench_now();
        for (uint64_t turn = 0; turn < turns; turn++) {
            uint64_t window = turn / 10000 * 50 % (count - 50 + 1);
            kb_os_switch(&os, p[window + turn % 50]);
            for (unsigned i = 0; i < 10; i++)
                must(kb_os_store(&os, i % 2 * PAGE + turn % 64 * 8, &word, 8, &done), &done);
        }
        if (n > 0)
            bench_note(seconds, (bench_now() - start) / (double)turns);
    }
    kb_os_free(&os);
}

/* A window of pages moves through memory; a fault every hundred accesses. */
static void many_frames(uint32_t frames, struct bench_times *seconds, uint64_t steps) {
    const unsigned page_bits = 8;
    struct kb_os os;
    struct kb_process *p;
    uint64_t word = 5, page = 0, pages = 2 * (uint64_t)frames;
    bool done;
    make(&os,
         (struct machine_wish){
             .levels = 4, .page_bits = page_bits, .frames = frames, .policy = "clock"},
         true);
    begin(&os, &p);
    for (uint64_t i = 0; i < 3 * pages; i++) /* memory is full, all pages have slots */
        store_word(&os, i % pages << page_bits, i);
    for (unsigned n = 0; n <= times; n++) {
        double start = bench_now();
        for (uint64_t i = 0; i < steps; i++) {
            page += i % 100 == 0;
            uint64_t address = (page + i * 7 % 100) % pages << page_bits;
            if (i % 4 == 0)
                must(kb_os_store(&os, address, &word, 8, &done), &done);
            else
                must(kb_os_load(&os, address, &word, 8, &done), &done);
        }
        if (n > 0)
            bench_note(seconds, (bench_now() - start) / (double)steps);
    }
    kb_os_free(&os);
}

static void part_scale(void) {
    struct bench_times few = {0}, many = {0}, small = {0}, large = {0};
    many_processes(100, &few, quick ? 200000 : 1000000);
    many_processes(10000, &many, quick ? 200000 : 1000000);
    many_frames(1 << 10, &small, quick ? 1000000 : 5000000);
    many_frames(1 << 20, &large, quick ? 1000000 : 5000000);
    printf("Scale at equal locality: ns, small and large\n");
    printf("%-34s %9.1f %9.1f\n", "switch and 10 stores: 100, 10000", bench_median(&few) * 1e9,
           bench_median(&many) * 1e9);
    printf("%-34s %9.1f %9.1f\n", "access, 1 % faults: 2^10, 2^20", bench_median(&small) * 1e9,
           bench_median(&large) * 1e9);
    goal("10000 processes by 100", bench_median(&many) / bench_median(&few), "x", 1.5, true);
    goal("2^20 frames by 2^10", bench_median(&large) / bench_median(&small), "x", 1.5, true);
}

int main(int argc, char **argv) {
    struct kb_host opened;
    const char *part = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            quick = true;
        else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc)
            times = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc)
            part = argv[++i];
        else
            bench_die("options: --quick --times N --part "
                      "accesses|segments|traces|processes|faults|scale");
    }
    if (times == 0 || times > BENCH_MOST_TIMES)
        bench_die("--times: 1 to 32");
    bench_check(kb_host_open(&opened, 1, &bench_error));
    host = &opened;
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"accesses", part_accesses}, {"segments", part_segments},
                 {"traces", part_traces},     {"processes", part_processes},
                 {"faults", part_faults},     {"scale", part_scale}};
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (part == NULL || strcmp(part, parts[i].name) == 0) {
            parts[i].run();
            fflush(stdout);
        }
    kb_host_close(&opened);
    return 0;
}
