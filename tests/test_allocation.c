/* test_allocation.c - local replacement: a process with frames of its own behaves as it would alone
 * on a machine of that size; and how many frames that are. */
#include "base/random.h"
#include "harness.h"
#include "machine.h"

#define REFERENCES 20000

struct counts {
    uint64_t faults, evictions, write_backs;
};

static struct kb_error error = {.language = KB_ENGLISH};

/* A loop, a hot set, and now and then anything: pages 0 … 59. */
static uint64_t next_page(struct kb_random *random, uint64_t i) {
    uint64_t draw = kb_random_below(random, 10);
    if (draw < 4)
        return i / 3 % 23;
    return draw < 8 ? 30 + kb_random_below(random, 6) : kb_random_below(random, 60);
}

static void step(struct kb_os *os, struct kb_process *p, struct kb_random *random, uint64_t i) {
    bool done, write = kb_random_below(random, 4) == 0;
    uint64_t address = next_page(random, i) << 12;
    kb_os_switch(os, p);
    CHECK(kb_os_run(os, address, write ? KB_ACCESS_WRITE : KB_ACCESS_READ, (uint32_t)(1 + i % 3),
                    &done) == KB_OK);
    CHECK(done);
}

static struct counts counts_of(const struct kb_process *p) {
    return (struct counts){p->counters.faults, p->counters.evictions + p->counters.released,
                           p->counters.write_backs};
}

static void check_same(const char *policy, struct counts a, struct counts b) {
    if (a.faults != b.faults || a.evictions != b.evictions || a.write_backs != b.write_backs)
        printf("%s\n", policy);
    CHECK_EQ(a.faults, b.faults);
    CHECK_EQ(a.evictions, b.evictions);
    CHECK_EQ(a.write_backs, b.write_backs);
}

static struct counts alone(const char *policy, uint32_t frames, uint64_t seed) {
    struct machine_wish wish = {.frames = frames, .policy = policy, .tlb = {{4, 4, KB_TLB_LRU, 0}}};
    struct kb_os os;
    struct kb_process *p;
    struct kb_random random = {seed};
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    CHECK(kb_os_create(&os, "P", &p) == KB_OK);
    for (uint64_t i = 0; i < REFERENCES; i++)
        step(&os, p, &random, i);
    struct counts counts = counts_of(p);
    kb_os_free(&os);
    return counts;
}

/* A machine, and n processes with random numbers of their own. */
static void begin(struct kb_os *os, const struct machine_wish *wish, unsigned n,
                  struct kb_process **p, struct kb_random *random) {
    CHECK(machine_make(os, wish, NULL, &error) == KB_OK);
    for (unsigned k = 0; k < n; k++) {
        char name[] = {(char)('A' + k), 0};
        random[k] = (struct kb_random){7 + k};
        CHECK(kb_os_create(os, name, &p[k]) == KB_OK);
    }
}

/* Each of n processes has what it would have alone, whatever the others do. Policies whose state
 * is sized by the machine's frames have the machine's size as a bound, not as their own. */
static void together(const char *policy, uint32_t frames, unsigned n) {
    struct machine_wish wish = {.frames = frames * n + n / 2,
                                .policy = policy,
                                .tlb = {{4, 4, KB_TLB_LRU, 0}},
                                .allocation = KB_ALLOCATE_EQUAL};
    struct kb_os os;
    struct kb_process *p[4];
    struct kb_random random[4];
    begin(&os, &wish, n, p, random);
    for (unsigned k = 0; k < n; k++)
        CHECK_EQ(p[k]->allocation, frames);
    for (uint64_t i = 0; i < REFERENCES; i++)
        for (unsigned k = 0; k < n; k++)
            step(&os, p[k], &random[k], i);
    const char *wrong = kb_os_check(&os);
    if (wrong != NULL)
        printf("%s: %s\n", policy, wrong);
    CHECK(wrong == NULL);
    for (unsigned k = 0; k < n; k++)
        check_same(policy, alone(policy, frames, 7 + k), counts_of(p[k]));
    kb_os_free(&os);
}

/* With a reserve each process still has its share, and the policy sees it as it would alone; what
 * it sends out stands by, and nobody waits for a write. */
static void reserved(const char *policy, uint32_t frames, unsigned n) {
    struct machine_wish wish = {.frames = frames * n + 5,
                                .policy = policy,
                                .tlb = {{4, 4, KB_TLB_LRU, 0}},
                                .low = 2,
                                .high = 5,
                                .allocation = KB_ALLOCATE_EQUAL};
    struct kb_os os;
    struct kb_process *p[4];
    struct kb_random random[4];
    begin(&os, &wish, n, p, random);
    uint32_t over = 0;
    for (uint64_t i = 0; i < REFERENCES; i++)
        for (unsigned k = 0; k < n; k++) {
            step(&os, p[k], &random[k], i);
            over += p[k]->held > frames;
        }
    const char *wrong = kb_os_check(&os);
    if (wrong != NULL)
        printf("%s: %s\n", policy, wrong);
    CHECK(wrong == NULL);
    CHECK_EQ(over, 0);
    CHECK_EQ(os.counters.background_writes, os.counters.write_backs);
    CHECK(os.counters.rescues > 0);
    for (unsigned k = 0; k < n; k++) {
        struct counts together = counts_of(p[k]);
        together.faults += p[k]->counters.soft_faults; /* all of them are rescues */
        check_same(policy, alone(policy, frames, 7 + k), together);
    }
    kb_os_free(&os);
}

static bool has_future(const char *name) {
    return (kb_policy_find(name, strlen(name))->needs & KB_NEEDS_FUTURE) != 0;
}

/* ---- shares ---- */

static struct kb_process *sized(struct kb_os *os, const char *name, uint64_t pages) {
    struct kb_process *p;
    struct kb_region region = {.start = 0, .end = pages << 12, .rights = KB_ENTRY_RIGHTS};
    bool refused;
    CHECK(kb_os_create(os, name, &p) == KB_OK);
    CHECK(kb_os_region(os, p, &region, &refused) == KB_OK && !refused);
    return p;
}

static void shares(void) {
    struct machine_wish wish = {.frames = 62, .allocation = KB_ALLOCATE_PROPORTIONAL};
    struct kb_os os;
    bool refused;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    struct kb_process *small = sized(&os, "A", 10), *large = sized(&os, "B", 127), *third;
    CHECK_EQ(small->allocation, 4);
    CHECK_EQ(large->allocation, 57);
    CHECK(kb_os_allocate_fixed(&os, small, 12, &refused) == KB_OK && !refused);
    CHECK_EQ(small->allocation, 12);
    CHECK_EQ(large->allocation, 50);
    CHECK(kb_os_allocate_fixed(&os, small, 62, &refused) == KB_OK && refused);
    CHECK(kb_os_allocate_fixed(&os, small, 0, &refused) == KB_OK && !refused);
    CHECK_EQ(small->allocation, 4);
    for (uint64_t i = 0; i < 57; i++) {
        bool done;
        kb_os_switch(&os, large);
        CHECK(kb_os_run(&os, i << 12, KB_ACCESS_WRITE, 1, &done) == KB_OK && done);
    }
    CHECK_EQ(large->held, 57);
    third = sized(&os, "C", 137); /* 62 × 10/274, 127/274, 137/274 */
    CHECK_EQ(small->allocation, 2);
    CHECK_EQ(large->allocation, 28);
    CHECK_EQ(third->allocation, 31);
    CHECK_EQ(large->held, 28); /* at once */
    CHECK(kb_os_check(&os) == NULL);
    kb_os_exit(&os, third, KB_REASON_DONE, 0);
    CHECK_EQ(large->allocation, 57);
    kb_os_free(&os);
}

static void minimum(void) {
    struct machine_wish wish = {.frames = 20, .allocation = KB_ALLOCATE_PROPORTIONAL, .minimum = 5};
    struct kb_os os;
    struct kb_process *p;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    struct kb_process *a = sized(&os, "A", 1), *b = sized(&os, "B", 199);
    CHECK_EQ(a->allocation, 5);
    CHECK_EQ(b->allocation, 15);
    (void)sized(&os, "C", 50);
    (void)sized(&os, "D", 50);
    CHECK_EQ(b->allocation, 5);
    CHECK(kb_os_create(&os, "E", &p) == KB_DATA); /* four have 5 each already */
    kb_os_free(&os);
}

/* All by command: nobody is left to share the rest. */
static void fixed(void) {
    struct machine_wish wish = {.frames = 20, .allocation = KB_ALLOCATE_EQUAL};
    struct kb_os os;
    struct kb_process *p;
    bool refused;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    CHECK(kb_os_create(&os, "A", &p) == KB_OK);
    CHECK(kb_os_allocate_fixed(&os, p, 7, &refused) == KB_OK && !refused);
    CHECK_EQ(p->allocation, 7);
    kb_os_free(&os);
}

/* A size that was said counts before anything was used, and a child has its parent's. */
static void told(void) {
    struct machine_wish wish = {.frames = 62, .allocation = KB_ALLOCATE_PROPORTIONAL};
    struct kb_os os;
    struct kb_process *p[2], *child;
    bool refused;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    CHECK(kb_os_create(&os, "A", &p[0]) == KB_OK && kb_os_create(&os, "B", &p[1]) == KB_OK);
    CHECK(kb_os_tell_size(&os, p[0], 10) == KB_OK && kb_os_tell_size(&os, p[1], 127) == KB_OK);
    CHECK_EQ(p[0]->allocation, 4);
    CHECK_EQ(p[1]->allocation, 57);
    CHECK(kb_os_fork(&os, p[1], "C", &child, &refused) == KB_OK && !refused);
    CHECK_EQ(p[0]->allocation, 2); /* 620 / 264 */
    CHECK_EQ(child->allocation, 29);
    struct kb_process *d = sized(&os, "D", 100);
    CHECK(kb_os_fork(&os, d, "E", &child, &refused) == KB_OK && !refused);
    CHECK_EQ(d->allocation, 13); /* 6200 / 464 */
    CHECK_EQ(child->allocation, 13);
    kb_os_free(&os);
}

/* Frames of tables are nobody's share: what the others need for them, all pay. */
static void tables(void) {
    struct machine_wish wish = {.frames = 40,
                                .format = "x86-32",
                                .policy = "lru",
                                .allocation = KB_ALLOCATE_EQUAL,
                                .tables = KB_TABLES_RESIDENT};
    struct kb_os os;
    struct kb_process *p[2];
    bool done;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    CHECK(kb_os_create(&os, "A", &p[0]) == KB_OK && kb_os_create(&os, "B", &p[1]) == KB_OK);
    CHECK_EQ(p[0]->allocation, 19); /* two roots */
    kb_os_switch(&os, p[0]);
    for (uint64_t i = 0; i < 30; i++)
        CHECK(kb_os_run(&os, i << 12, KB_ACCESS_WRITE, 1, &done) == KB_OK && done);
    CHECK_EQ(p[0]->held, 18);
    kb_os_switch(&os, p[1]);
    for (uint64_t i = 0; i < 12; i++) /* a table each */
        CHECK(kb_os_run(&os, i << 22, KB_ACCESS_WRITE, 1, &done) == KB_OK && done);
    CHECK_EQ(p[0]->allocation, 12); /* (40 − 2 − 1 − 12) / 2 */
    CHECK_EQ(p[1]->held, 12);
    CHECK(kb_os_check(&os) == NULL);
    kb_os_exit(&os, p[1], KB_REASON_DONE, 0);
    CHECK_EQ(p[0]->allocation, 38);
    kb_os_free(&os);
}

/* A page that two processes see is the first one's; when that ends, it is the other's. */
static void shared_page(void) {
    struct machine_wish wish = {.frames = 8, .policy = "lru", .allocation = KB_ALLOCATE_EQUAL};
    struct kb_os os;
    struct kb_process *p[2];
    uint32_t object;
    bool refused, done;
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    CHECK(kb_os_shared(&os, "s", 3 << 12, &object) == KB_OK);
    for (unsigned k = 0; k < 2; k++) {
        char name[] = {(char)('A' + k), 0};
        struct kb_region region = {
            .end = 3 << 12, .rights = KB_ENTRY_RIGHTS, .object = object + 1, .shared = true};
        CHECK(kb_os_create(&os, name, &p[k]) == KB_OK);
        CHECK(kb_os_region(&os, p[k], &region, &refused) == KB_OK && !refused);
    }
    for (unsigned k = 0; k < 2; k++)
        for (uint64_t i = 0; i < 3; i++) {
            kb_os_switch(&os, p[k]);
            CHECK(kb_os_run(&os, i << 12, KB_ACCESS_WRITE, 1, &done) == KB_OK && done);
        }
    CHECK_EQ(p[0]->held, 3);
    CHECK_EQ(p[1]->held, 0);
    CHECK_EQ(p[1]->resident, 3);
    CHECK_EQ(os.counters.soft_faults, 3);
    CHECK(kb_os_check(&os) == NULL);
    kb_os_exit(&os, p[0], KB_REASON_DONE, 0);
    CHECK_EQ(p[1]->held, 3);
    CHECK(kb_os_check(&os) == NULL);
    for (uint64_t i = 0; i < 3; i++)
        CHECK(kb_os_run(&os, i << 12, KB_ACCESS_READ, 1, &done) == KB_OK && done);
    CHECK_EQ(os.counters.faults, 3);
    kb_os_free(&os);
}

int main(void) {
    for (unsigned i = 0; kb_policies[i] != NULL; i++) {
        if (has_future(kb_policies[i]->name))
            continue;
        together(kb_policies[i]->name, 17, 1);
        together(kb_policies[i]->name, 13, 3);
        /* Draws depend on the order in which frames come. */
        if (!(kb_policies[i]->needs & KB_VARIABLE_SPACE) &&
            strcmp(kb_policies[i]->name, "random") != 0)
            reserved(kb_policies[i]->name, 11, 2);
    }
    shares();
    minimum();
    fixed();
    told();
    tables();
    shared_page();
    return harness_end();
}
