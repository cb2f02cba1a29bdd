/* test_tlb.c - the TLB against a naive one, which looks at all of its entries: the same hits,
 * misses, places and victims; and the hit counts of known sequences (B13, B14, X22). */
#include "harness.h"
#include "machine.h"

#include "base/random.h"
#include "host/host.h"

/* ---- against the naive one ---- */

#define MOST 256
#define STEPS 100000
#define PAGE_BITS 12
#define SUPER_BITS 21

struct naive_entry {
    bool there, global;
    uint64_t first, bytes, asid, stamp;
};

struct naive {
    struct kb_tlb_geometry g;
    struct naive_entry entry[MOST];
    uint64_t clock, loads, evictions;
    struct kb_random random;
};

/* The set of a page is the low bits of its number, in pages of its size. */
static uint32_t set_of(const struct naive *n, uint64_t address, uint64_t bytes) {
    return (uint32_t)(address / bytes % n->g.sets);
}

static int naive_find(const struct naive *n, uint64_t address, uint64_t asid) {
    for (uint32_t i = 0; i < n->g.sets * n->g.ways; i++) {
        const struct naive_entry *e = &n->entry[i];
        if (e->there && address >= e->first && address - e->first < e->bytes &&
            (e->global || e->asid == asid) && set_of(n, address, e->bytes) == i / n->g.ways)
            return (int)i;
    }
    return -1;
}

/* Where the next entry of a set goes. */
static uint32_t naive_place(struct naive *n, uint32_t set) {
    uint32_t first = set * n->g.ways, oldest = first;
    for (uint32_t i = first; i < first + n->g.ways; i++)
        if (!n->entry[i].there)
            return i;
    n->evictions++;
    if (n->g.replace == KB_TLB_RANDOM)
        return first + (uint32_t)kb_random_below(&n->random, n->g.ways);
    for (uint32_t i = first; i < first + n->g.ways; i++)
        if (n->entry[i].stamp < n->entry[oldest].stamp)
            oldest = i;
    return oldest;
}

static void naive_load(struct naive *n, uint32_t at, uint64_t address, uint64_t bytes,
                       uint64_t asid, bool global) {
    n->loads++;
    n->entry[at] =
        (struct naive_entry){true, global, address / bytes * bytes, bytes, asid, ++n->clock};
}

static void naive_flush(struct naive *n, bool globals_too, bool one, uint64_t asid) {
    for (uint32_t i = 0; i < n->g.sets * n->g.ways; i++)
        if ((globals_too || !n->entry[i].global) && (!one || n->entry[i].asid == asid))
            n->entry[i].there = false;
}

/* Addresses in a few hundred pages; superpages lie in an area of their own, as in real life one
 * address has one size. */
static uint64_t some_address(struct kb_random *random, bool *super) {
    *super = kb_random_below(random, 4) == 0;
    uint64_t page = kb_random_below(random, kb_random_below(random, 2) == 0 ? 12 : 150);
    uint64_t offset = kb_random_next(random);
    if (!*super)
        return page << PAGE_BITS | (offset & 0xfff);
    return UINT64_C(1) << 34 | page % 40 << SUPER_BITS | (offset & 0x1fffff);
}

static void compare(struct kb_tlb_geometry g, unsigned asid_bits, bool supers, uint64_t seed,
                    const struct kb_host *host) {
    static struct naive n;
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_random random = {seed};
    struct kb_tlb tlb;
    uint64_t asids = asid_bits == 0 ? 1 : (UINT64_C(1) << asid_bits) - 1, hits = 0;
    unsigned before = harness_failures;
    n = (struct naive){.g = g, .random = {g.seed}};
    CHECK(kb_tlb_init(&tlb, g, PAGE_BITS, asid_bits, host, &error) == KB_OK);
    for (unsigned step = 0; step < STEPS && harness_failures == before; step++) {
        bool super;
        uint64_t address = some_address(&random, &super);
        uint64_t asid = kb_random_below(&random, asids), what = kb_random_below(&random, 1000);
        uint64_t bytes = UINT64_C(1) << (super ? SUPER_BITS : PAGE_BITS);
        if (super && !supers)
            continue;
        int at = naive_find(&n, address, asid);
        uint32_t wanted = at < 0 ? KB_TLB_NONE : (uint32_t)at;
        CHECK_EQ(kb_tlb_peek(&tlb, address, asid), wanted);
        if (what < 30) {
            CHECK_EQ(kb_tlb_invalidate(&tlb, address, asid), at >= 0);
            if (at >= 0)
                n.entry[at].there = false;
            continue;
        }
        if (what < 33) {
            bool globals_too = what == 30;
            if (what < 32)
                kb_tlb_flush(&tlb, globals_too);
            else
                kb_tlb_flush_asid(&tlb, asid);
            naive_flush(&n, globals_too, what == 32, asid);
            continue;
        }
        /* An access, by either door; the quick one knows base pages only. */
        bool quick = !super && kb_random_below(&random, 2) == 0;
        uint32_t found = quick ? kb_tlb_find_base(&tlb, address >> PAGE_BITS, asid)
                               : kb_tlb_find(&tlb, address, asid);
        CHECK_EQ(found, wanted);
        if (at >= 0) {
            hits++;
            if (g.replace == KB_TLB_LRU)
                n.entry[at].stamp = ++n.clock;
            CHECK_EQ(tlb.entries[found].page, n.entry[at].first);
            continue;
        }
        bool global = address / bytes % 8 == 3; /* a page is so for all, or for none */
        struct kb_tlb_entry entry = {.page = address / bytes * bytes,
                                     .bits = global ? KB_ENTRY_GLOBAL : 0,
                                     .page_bits = super ? SUPER_BITS : PAGE_BITS};
        uint32_t place = naive_place(&n, set_of(&n, address, bytes));
        const struct naive_entry gone = n.entry[place];
        uint64_t evicted;
        CHECK_EQ(kb_tlb_load(&tlb, address, asid, entry, &evicted), place);
        if (!gone.there)
            CHECK_EQ(evicted, KB_TLB_EMPTY);
        else
            CHECK_EQ(kb_tlb_tag_page(&tlb, evicted), gone.first >> PAGE_BITS);
        if (gone.there && !gone.global)
            CHECK_EQ(kb_tlb_tag_asid(&tlb, evicted), gone.asid);
        naive_load(&n, place, address, bytes, asid, global);
    }
    CHECK_EQ(tlb.loads, n.loads);
    CHECK_EQ(tlb.evictions, n.evictions);
    CHECK(hits > 100 && n.loads > 100);
    kb_tlb_free(&tlb);
}

static void against_naive(const struct kb_host *host) {
    static const uint32_t shapes[][2] = {{1, 1},  {1, 4}, {1, 16}, {1, 64}, {2, 1}, {16, 1},
                                         {64, 1}, {8, 2}, {16, 4}, {64, 4}, {4, 3}, {16, 12}};
    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int replace = KB_TLB_LRU; replace <= KB_TLB_RANDOM; replace++)
            for (unsigned asid_bits = 0; asid_bits <= 6; asid_bits += 2)
                compare((struct kb_tlb_geometry){shapes[i][0], shapes[i][1],
                                                 (enum kb_tlb_replace)replace, 5 + i},
                        asid_bits, asid_bits != 2, 100 + i, host);
}

/* ---- known sequences, on the whole machine ---- */

struct box {
    struct kb_os os;
    struct kb_error error;
    struct kb_process *p;
};

static void box_make(struct box *b, uint32_t sets, uint32_t ways, const struct kb_host *host) {
    struct machine_wish wish = {
        .levels = 2, .frames = 100, .load_all = true, .tlb = {{sets, ways, KB_TLB_LRU, 0}}};
    struct kb_region region = {.end = 84 * 4096, .rights = KB_ENTRY_RIGHTS};
    bool refused;
    memset(b, 0, sizeof *b);
    CHECK(machine_make(&b->os, &wish, host, &b->error) == KB_OK);
    CHECK(kb_os_create(&b->os, "P", &b->p) == KB_OK);
    kb_os_switch(&b->os, b->p);
    CHECK(kb_os_region(&b->os, b->p, &region, &refused) == KB_OK && !refused);
}

static void refer(struct box *b, uint64_t page, bool write) {
    uint32_t word = 1;
    bool done;
    if (write)
        CHECK(kb_os_store(&b->os, page * 4096, &word, 4, &done) == KB_OK && done);
    else
        CHECK(kb_os_load(&b->os, page * 4096, &word, 4, &done) == KB_OK && done);
}

/* The sequence T1 of requirements.md. */
static void t1(uint32_t registers, uint64_t hits, const struct kb_host *host) {
    struct box b;
    uint64_t x = 1, writes = 0;
    box_make(&b, registers == 0 ? 0 : 1, registers, host);
    for (uint64_t k = 0; k < 10000; k++) {
        x = x * 48271 % 2147483647;
        bool write = (x >> 20) % 4 == 0;
        writes += write;
        refer(&b, 8 * (k / 1000) + (x >> 8) % 12, write);
    }
    CHECK_EQ(writes, 2424);
    CHECK_EQ(b.os.counters.faults, 0);
    CHECK_EQ(b.os.counters.references, 10000);
    CHECK_EQ(b.os.mmu.hits, hits);
    CHECK_EQ(b.os.mmu.misses, 10000 - hits);
    CHECK_EQ(b.os.mmu.table_reads, 2 * (10000 - hits));
    CHECK_EQ(kb_os_cycles(&b.os), 10000 + 2 * (10000 - hits));
    kb_os_free(&b.os);
}

/* X22: two pages of one set. */
static void alternate(uint32_t sets, uint32_t ways, uint64_t hits, const struct kb_host *host) {
    struct box b;
    box_make(&b, sets, ways, host);
    for (unsigned k = 0; k < 200; k++)
        refer(&b, k % 2 * 16, false);
    CHECK_EQ(b.os.mmu.hits, hits);
    CHECK_EQ(b.os.mmu.misses, 200 - hits);
    kb_os_free(&b.os);
}

int main(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    against_naive(&host);
    t1(0, 0, &host);
    t1(1, 808, &host);
    t1(4, 3216, &host);
    t1(8, 6561, &host);
    t1(12, 9901, &host);
    t1(16, 9912, &host); /* 88 misses of two table reads: 176, and 10,176 cycles */
    alternate(16, 1, 0, &host);
    alternate(8, 2, 198, &host);
    alternate(1, 16, 198, &host);
    kb_host_close(&host);
    return harness_end();
}
