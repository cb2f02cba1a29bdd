/* test_tables.c - page tables that take frames: they stay, or are sent out when they show no page.
 */
#include "base/random.h"
#include "harness.h"
#include "machine.h"

#define PARTS 40 /* each has a table of its own: 4 MiB in x86-32 */
#define PART_BYTES (UINT64_C(4) << 20)

static struct kb_error error = {.language = KB_ENGLISH};

static void check(const struct kb_os *os) {
    const char *wrong = kb_os_check(os);
    if (wrong != NULL)
        printf("%s\n", wrong);
    CHECK(wrong == NULL);
}

static void make(struct kb_os *os, enum kb_tables_place place, uint32_t frames, unsigned processes,
                 struct kb_process **p) {
    struct machine_wish wish = {.format = "x86-32",
                                .frames = frames,
                                .policy = "lru",
                                .tlb = {{4, 4, KB_TLB_LRU, 0}},
                                .tables = place};
    CHECK(machine_make(os, &wish, NULL, &error) == KB_OK);
    for (unsigned k = 0; k < processes; k++) {
        char name[] = {(char)('A' + k), 0};
        CHECK(kb_os_create(os, name, &p[k]) == KB_OK);
    }
}

static void store(struct kb_os *os, struct kb_process *p, uint64_t address, uint64_t word) {
    bool done;
    kb_os_switch(os, p);
    CHECK(kb_os_store(os, address, &word, 8, &done) == KB_OK && done);
}

static void expect(struct kb_os *os, struct kb_process *p, uint64_t address, uint64_t wanted) {
    bool done;
    uint64_t word = 0;
    kb_os_switch(os, p);
    CHECK(kb_os_load(os, address, &word, 8, &done) == KB_OK && done);
    CHECK_EQ(word, wanted);
}

/* One page in each of 40 parts of the space, three times over. */
static struct kb_os_counters workload(enum kb_tables_place place, uint64_t *frames_for_pages) {
    struct kb_os os;
    struct kb_process *p;
    make(&os, place, 64, 1, &p);
    for (uint64_t turn = 0; turn < 3; turn++)
        for (uint64_t i = 0; i < PARTS; i++) {
            if (turn > 0)
                expect(&os, p, i * PART_BYTES + 64, 1000 * (turn - 1) + i);
            store(&os, p, i * PART_BYTES + 64, 1000 * turn + i);
            check(&os);
        }
    *frames_for_pages = os.paged;
    struct kb_os_counters counters = os.counters;
    kb_os_exit(&os, p, KB_REASON_DONE, 0);
    check(&os);
    CHECK_EQ(kb_os_free_frames(&os), 64);
    CHECK_EQ(os.swap.used, 0);
    kb_os_free(&os);
    return counters;
}

static void places(void) {
    uint64_t apart, resident, pageable;
    struct kb_os_counters a = workload(KB_TABLES_APART, &apart);
    struct kb_os_counters r = workload(KB_TABLES_RESIDENT, &resident);
    struct kb_os_counters q = workload(KB_TABLES_PAGEABLE, &pageable);
    CHECK_EQ(apart, 40); /* all fit */
    CHECK_EQ(a.faults, 40);
    CHECK_EQ(resident, 23); /* 64 frames, a root and 40 tables of them */
    CHECK_EQ(r.table_faults, 0);
    CHECK_EQ(r.faults, 120); /* LRU: 40 in a loop, 23 frames */
    CHECK_EQ(pageable, 31);  /* each page needs its table: 1 + 2 × 31 = 63 */
    CHECK_EQ(q.faults, 120);
    CHECK(q.table_faults > 0 && q.table_writes >= q.table_faults);
    printf("frames for pages: apart %u, resident %u, pageable %u; table faults %u\n",
           (unsigned)apart, (unsigned)resident, (unsigned)pageable, (unsigned)q.table_faults);
}

/* Every byte comes back, whatever goes out. */
static void bytes(enum kb_tables_place place, uint32_t frames) {
    static uint64_t flat[3][PARTS / 2][4];
    struct kb_os os;
    struct kb_process *p[3];
    struct kb_random random = {11};
    memset(flat, 0, sizeof flat);
    make(&os, place, frames, 3, p);
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t k = kb_random_below(&random, 3), part = kb_random_below(&random, PARTS / 2);
        uint64_t page = kb_random_below(&random, 4);
        uint64_t address = part * PART_BYTES + page * 4096;
        if (kb_random_below(&random, 2) == 0)
            store(&os, p[k], address, flat[k][part][page] = step);
        else
            expect(&os, p[k], address, flat[k][part][page]);
        if (step % 16 == 0)
            check(&os);
        if (step == 12000) { /* its tables and slots become free */
            kb_os_exit(&os, p[1], KB_REASON_DONE, 0);
            memset(flat[1], 0, sizeof flat[1]);
            CHECK(kb_os_create(&os, "N", &p[1]) == KB_OK);
        }
    }
    kb_os_free(&os);
}

/* A child's tables may push pages out that it was to see. */
static void forks(enum kb_tables_place place) {
    struct kb_os os;
    struct kb_process *p[1], *child;
    bool refused;
    make(&os, place, 50, 1, p);
    for (uint64_t i = 0; i < PARTS / 2; i++)
        store(&os, p[0], i * PART_BYTES, i);
    for (unsigned generation = 0; generation < 4; generation++) {
        char name[] = {(char)('a' + generation), 0};
        CHECK(kb_os_fork(&os, p[0], name, &child, &refused) == KB_OK);
        check(&os);
        if (refused)
            break;
        for (uint64_t i = 0; i < PARTS / 2; i++)
            expect(&os, child, i * PART_BYTES, i);
        store(&os, child, 0, 99);
        expect(&os, p[0], 0, 0);
        check(&os);
        kb_os_exit(&os, child, KB_REASON_DONE, 0);
        check(&os);
    }
    kb_os_free(&os);
}

static void refusals(void) {
    struct kb_os os;
    struct machine_wish flat = {.frames = 64, .tables = KB_TABLES_RESIDENT};
    struct machine_wish inverted = {
        .format = "inverted", .frames = 64, .tables = KB_TABLES_PAGEABLE};
    CHECK(machine_make(&os, &flat, NULL, &error) == KB_DATA); /* a table of 4 MiB */
    CHECK(machine_make(&os, &inverted, NULL, &error) == KB_DATA);
}

int main(void) {
    places();
    bytes(KB_TABLES_APART, 40);
    bytes(KB_TABLES_RESIDENT, 90);
    bytes(KB_TABLES_PAGEABLE, 90);
    bytes(KB_TABLES_PAGEABLE, 12);
    forks(KB_TABLES_RESIDENT);
    forks(KB_TABLES_PAGEABLE);
    refusals();
    return harness_end();
}
