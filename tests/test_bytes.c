/* test_bytes.c - a million random accesses of several processes against flat memory, under each
 * format of tables and each policy: every byte, every refusal and its reason (K01, X01, X02, X03).
 *
 *   test_bytes [FORMAT [POLICY [STEPS]]]
 *
 * Frames are far fewer than pages. TLBs of several shapes take turns, with few
 * asid bits so that generations roll over, with many, and without. opt is in
 * test_traces: it must know the future. */
#include "flat.h"

#include "host/host.h"

#define STEPS 8000
#define CHECKED_EVERY 250

struct shape {
    const char *name;
    const char *format;
    unsigned levels, page_bits;
};

static const struct shape shapes[] = {
    {"1 level", NULL, 1, 8},    {"2 levels", NULL, 2, 7},   {"3 levels", NULL, 3, 9},
    {"4 levels", NULL, 4, 10},  {"5 levels", NULL, 5, 6},   {"sv32", "sv32", 0, 0},
    {"sv39", "sv39", 0, 0},     {"sv48", "sv48", 0, 0},     {"sv57", "sv57", 0, 0},
    {"x86-32", "x86-32", 0, 0}, {"x86-64", "x86-64", 0, 0}, {"inverted", "inverted", 0, 8},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static const struct kb_tlb_geometry tlbs[][2] = {
    {{0}},
    {{1, 1, KB_TLB_LRU, 0}},
    {{1, 16, KB_TLB_LRU, 0}},
    {{64, 4, KB_TLB_LRU, 0}, {128, 12, KB_TLB_LRU, 0}},
    {{2, 2, KB_TLB_FIFO, 0}, {4, 3, KB_TLB_RANDOM, 7}},
};
#define TLBS (sizeof tlbs / sizeof tlbs[0])
static const unsigned asid_bits[] = {0, 2, 12, 1};

/* Of the policies that release pages by themselves: so that they do. */
static const char *usual(const char *policy) {
    return strcmp(policy, "ws") == 0    ? "ws:window=40"
           : strcmp(policy, "pff") == 0 ? "pff:threshold=20"
                                        : policy;
}

struct total {
    uint64_t accesses, refusals, ends, exits, faults, evictions, write_backs, swap_reads, released;
    uint64_t image_reads, generations;
};

static void share(unsigned shape, unsigned policy, uint64_t steps, const struct kb_host *host,
                  struct total *total) {
    static struct flat f;
    char name[100];
    unsigned turn = shape * 7 + policy;
    uint64_t seed = 1000 * shape + policy + 1;
    struct machine_wish wish = {.format = shapes[shape].format,
                                .levels = shapes[shape].levels,
                                .page_bits = shapes[shape].page_bits,
                                .frames = 9 + turn % 11,
                                .policy = usual(kb_policies[policy]->name),
                                .asid_bits = asid_bits[turn / TLBS % 4],
                                .slots = WATCH_MOST_SLOTS,
                                .kernel = turn % 3 != 0};
    memcpy(wish.tlb, tlbs[turn % TLBS], sizeof wish.tlb);
    snprintf(name, sizeof name, "%s, %s, seed %" PRIu64, shapes[shape].name, wish.policy, seed);
    if (!flat_init(&f, name, &wish, 3 + turn % 3, seed, host))
        return;
    f.watch = watch_store(&f.os.swap.store, NULL);
    f.listens = turn % 2 == 0;
    flat_start(&f);
    for (uint64_t i = 1; i <= steps && !f.broken; i++) {
        flat_step(&f);
        if (i % CHECKED_EVERY == 0)
            flat_check(&f);
    }
    if (!f.broken)
        flat_digest(&f);
    if (!f.broken)
        flat_end(&f);
    total->accesses += f.accesses;
    total->refusals += f.refusals;
    total->ends += f.ends;
    total->exits += f.exits;
    total->faults += f.os.counters.faults;
    total->evictions += f.os.counters.evictions;
    total->write_backs += f.os.counters.write_backs;
    total->swap_reads += f.os.counters.swap_reads;
    total->image_reads += f.os.counters.image_reads;
    total->released += f.os.counters.released;
    total->generations += f.os.asid_generation;
    flat_free(&f);
}

int main(int argc, char **argv) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    struct total total = {0};
    uint64_t steps = argc > 3 ? strtoull(argv[3], NULL, 10) : STEPS;
    unsigned shares = 0;
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    for (unsigned shape = 0; shape < SHAPES; shape++)
        for (unsigned p = 0; kb_policies[p] != NULL; p++) {
            if (kb_policies[p]->needs & KB_NEEDS_FUTURE ||
                (argc > 1 && strcmp(argv[1], shapes[shape].name) != 0) ||
                (argc > 2 && strcmp(argv[2], kb_policies[p]->name) != 0))
                continue;
            share(shape, p, steps, &host, &total);
            shares++;
        }
    printf("%u shares: %" PRIu64 " accesses, %" PRIu64 " refused, %" PRIu64
           " ended processes, %" PRIu64 " exits\n%" PRIu64 " faults, %" PRIu64
           " evictions, %" PRIu64 " released, %" PRIu64 " write-backs, %" PRIu64
           " swap reads, %" PRIu64 " image reads, %" PRIu64 " generations\n",
           shares, total.accesses, total.refusals, total.ends, total.exits, total.faults,
           total.evictions, total.released, total.write_backs, total.swap_reads, total.image_reads,
           total.generations);
    if (argc == 1) {
        CHECK(total.accesses >= 1000000);
        CHECK(total.refusals > 10000 && total.ends > 1000 && total.evictions > 100000 &&
              total.swap_reads > 10000 && total.generations > 1000 && total.released > 10000);
    }
    kb_host_close(&host);
    return harness_end();
}
