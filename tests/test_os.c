/* test_os.c - single promises of the machine and its system, on every format of tables: the kernel
 * zone (B06), R and M through TLB hits (B11, B12), coherence (X02), frames (C02 to C04), restarts
 * (F08), superpages (X18), the heap (N02); and what was once wrong. */
#include "harness.h"
#include "machine.h"

#include "base/random.h"
#include "host/host.h"

#define READ_WRITE (KB_ENTRY_READ | KB_ENTRY_WRITE)

static struct kb_host host;

struct shape {
    const char *format;
    unsigned levels;
};

static const struct shape shapes[] = {{NULL, 1},   {NULL, 2},     {NULL, 3},     {NULL, 4},
                                      {NULL, 5},   {"sv32", 0},   {"sv39", 0},   {"sv48", 0},
                                      {"sv57", 0}, {"x86-32", 0}, {"x86-64", 0}, {"inverted", 0}};
#define SHAPES (sizeof shapes / sizeof shapes[0])

struct box {
    struct kb_os os;
    struct kb_error error;
    struct kb_process *p[8];
};

static struct machine_wish wish_of(unsigned shape, uint32_t frames, unsigned tlbs) {
    struct machine_wish wish = {
        .format = shapes[shape].format, .levels = shapes[shape].levels, .frames = frames};
    if (tlbs > 0)
        wish.tlb[0] = (struct kb_tlb_geometry){1, 16, KB_TLB_LRU, 0};
    if (tlbs > 1)
        wish.tlb[1] = (struct kb_tlb_geometry){16, 4, KB_TLB_LRU, 0};
    return wish;
}

static void box_make(struct box *b, const struct machine_wish *wish, unsigned processes) {
    memset(b, 0, sizeof *b);
    b->error.language = KB_ENGLISH;
    CHECK(machine_make(&b->os, wish, &host, &b->error) == KB_OK);
    for (unsigned i = 0; i < processes; i++)
        CHECK(kb_os_create(&b->os, "P", &b->p[i]) == KB_OK);
    if (processes > 0)
        kb_os_switch(&b->os, b->p[0]);
}

static void box_free(struct box *b) {
    const char *wrong = kb_os_check(&b->os);
    CHECK_STR(wrong == NULL ? "" : wrong, "");
    kb_os_free(&b->os);
}

static bool load(struct box *b, uint64_t address, uint64_t *word) {
    bool done;
    *word = 0x5a;
    CHECK(kb_os_load(&b->os, address, word, 8, &done) == KB_OK);
    return done;
}

static bool store(struct box *b, uint64_t address, uint64_t word) {
    bool done;
    CHECK(kb_os_store(&b->os, address, &word, 8, &done) == KB_OK);
    return done;
}

static uint64_t get(struct box *b, uint64_t address) {
    uint64_t word;
    CHECK(load(b, address, &word));
    return word;
}

static bool region(struct box *b, struct kb_process *p, uint64_t start, uint64_t pages,
                   unsigned rights) {
    uint64_t size = kb_os_page_bytes(&b->os);
    struct kb_region r = {.start = start, .end = start + pages * size, .rights = rights};
    bool refused;
    CHECK(kb_os_region(&b->os, p, &r, &refused) == KB_OK);
    return !refused;
}

static uint32_t frame_at(const struct box *b, const struct kb_process *p, uint64_t address) {
    uint32_t frame = kb_os_frame_of(&b->os, p, address >> kb_os_page_bits(&b->os));
    CHECK(frame != KB_NO_FRAME);
    return frame;
}

/* R and M as they stand in the table. */
static unsigned bits_in_table(const struct box *b, uint32_t frame) {
    const struct kb_mmu *mmu = &b->os.mmu;
    uint64_t at = kb_os_first_mapping(&b->os, frame)->entry;
    unsigned bits;
    if (mmu->scheme == KB_SCHEME_INVERTED)
        bits = kb_inverted_bits(kb_memory_entry(&mmu->memory, at, 8));
    else
        bits =
            mmu->format.family
                ->decode(&mmu->format, kb_memory_entry(&mmu->memory, at, mmu->format.entry_bytes),
                         mmu->format.levels - 1)
                .bits;
    return bits & (KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED);
}

static uint64_t hits(const struct box *b) { return b->os.mmu.hits + b->os.mmu.second_hits; }

static uint64_t hash_table(const struct box *b, uint64_t root, uint64_t first) {
    const struct kb_format *format = &b->os.mmu.format;
    uint64_t h = 1, bytes = kb_format_table_bytes(format, 0);
    const uint8_t *at = kb_memory_at(&b->os.mmu.memory, root);
    for (uint64_t i = first * format->entry_bytes; i < bytes; i++)
        h = (h ^ at[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return h;
}

/* ---- B05, B06: the kernel zone ---- */

static void kernel_zone(unsigned shape, unsigned tlbs, unsigned asid_bits) {
    struct box b;
    struct machine_wish wish = wish_of(shape, 40, tlbs);
    wish.kernel = true;
    wish.asid_bits = asid_bits;
    box_make(&b, &wish, 3);
    uint64_t zone = b.os.setup.kernel_start, size = kb_os_page_bytes(&b.os), word;
    bool real = b.os.setup.scheme == KB_SCHEME_TABLES &&
                kb_format_find(wish.format ? wish.format : "") != NULL;
    uint64_t first = kb_format_index(&b.os.mmu.format, zone, 0), hashes[3] = {0};
    CHECK(region(&b, b.os.kernel, zone, 1, READ_WRITE));
    for (unsigned i = 0; i < 3; i++) {
        kb_os_switch(&b.os, b.p[i]);
        kb_os_set_mode(&b.os, b.p[i], true);
        CHECK_EQ(get(&b, zone), i == 0 ? 0 : 70 + i - 1);
        CHECK(store(&b, zone, 70 + i));
        CHECK(store(&b, 5 * size, i)); /* and one of its own */
        if (real)
            hashes[i] = hash_table(&b, b.p[i]->root, first);
        else if (b.os.setup.scheme == KB_SCHEME_TABLES)
            CHECK_EQ(b.os.mmu.kernel_root, b.os.kernel->root);
        CHECK_EQ(hashes[i], hashes[0]); /* bit by bit */
    }
    uint64_t tables = b.os.tables.count, reads = b.os.mmu.entry_writes;
    CHECK(region(&b, b.os.kernel, zone + size, 2, READ_WRITE)); /* later */
    CHECK_EQ(b.os.tables.count, tables);
    CHECK_EQ(b.os.mmu.entry_writes, reads);
    for (unsigned i = 0; i < 3; i++) {
        if (real)
            CHECK_EQ(hash_table(&b, b.p[i]->root, first), hashes[0]); /* no step for it */
        kb_os_switch(&b.os, b.p[i]);
        CHECK_EQ(get(&b, zone + 2 * size), i == 0 ? 0 : 90 + i - 1);
        CHECK(store(&b, zone + 2 * size, 90 + i));
    }
    /* Global entries outlive a switch, tagged or not. */
    uint64_t misses = b.os.mmu.misses;
    kb_os_switch(&b.os, b.p[0]);
    CHECK_EQ(get(&b, zone + 2 * size), 92);
    CHECK_EQ(b.os.mmu.misses - misses, tlbs > 0 ? 0 : 1);
    /* Users are refused, although the translation is in the TLB. */
    misses = b.os.mmu.misses;
    b.p[0]->skips = true;
    kb_os_set_mode(&b.os, b.p[0], false);
    CHECK(!load(&b, zone + 2 * size, &word) && word == 0x5a);
    CHECK(!store(&b, zone + 2 * size, 1));
    CHECK_EQ(b.os.mmu.misses - misses, tlbs > 0 ? 0 : 2);
    CHECK_EQ(b.p[0]->counters.traps[KB_FAULT_PRIVILEGE], 2);
    b.p[0]->skips = false;
    CHECK(!load(&b, zone + 2 * size, &word));
    CHECK(b.p[0]->state == KB_ENDED && b.p[0]->reason == KB_REASON_PRIVILEGE);
    /* The zone outlives the process that ran last, and reaches the next one. */
    CHECK(region(&b, b.os.kernel, zone + 4 * size, 1, READ_WRITE));
    CHECK(kb_os_create(&b.os, "Q", &b.p[3]) == KB_OK);
    kb_os_switch(&b.os, b.p[3]);
    kb_os_set_mode(&b.os, b.p[3], true);
    CHECK_EQ(get(&b, zone), 72);
    CHECK_EQ(get(&b, zone + 2 * size), 92);
    CHECK(store(&b, zone + 4 * size, 5));
    kb_os_switch(&b.os, b.p[1]);
    CHECK_EQ(get(&b, zone + 4 * size), 5);
    CHECK_EQ(get(&b, 5 * size), 1);
    box_free(&b);
}

/* The kernel has all frames but one, or all of them. */
static void kernel_takes_all(const char *policy) {
    struct box b;
    struct machine_wish wish = wish_of(6, 4, 1);
    uint64_t word;
    wish.kernel = true;
    wish.policy = policy;
    box_make(&b, &wish, 2);
    uint64_t zone = b.os.setup.kernel_start;
    CHECK(region(&b, b.os.kernel, zone, 3, READ_WRITE));
    for (uint64_t i = 0; i < 20; i++)
        CHECK(store(&b, i % 3 * 4096, i));
    CHECK_EQ(get(&b, 2 * 4096), 17);
    kb_os_exit(&b.os, b.p[0], KB_REASON_DONE, 0);
    CHECK(region(&b, b.os.kernel, zone + 3 * 4096, 1, READ_WRITE));
    kb_os_switch(&b.os, b.p[1]);
    CHECK(!load(&b, 0, &word));
    CHECK(b.p[1]->state == KB_ENDED && b.p[1]->reason == KB_REASON_NO_FRAME);
    box_free(&b);
}

/* ---- B11, B12: R and M ---- */

static void bits_on_hits(unsigned shape, unsigned tlbs) {
    struct box b;
    struct machine_wish wish = wish_of(shape, 40, tlbs);
    box_make(&b, &wish, 1);
    uint64_t size = kb_os_page_bytes(&b.os), other = 0;
    get(&b, 7 * size);
    uint32_t frame = frame_at(&b, b.p[0], 7 * size);
    CHECK_EQ(bits_in_table(&b, frame), KB_ENTRY_REFERENCED);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t misses = b.os.mmu.misses, before = hits(&b);
        unsigned bits = round == 0 ? 0 : KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED;
        kb_os_clear_bits(&b.os, frame, bits);
        if (round == 2 && tlbs > 1) /* the first level forgets, the second must not remember */
            for (other = 0; other < 16; other++)
                get(&b, (10 + other) * size);
        misses = b.os.mmu.misses;
        before = hits(&b);
        get(&b, 7 * size);
        CHECK_EQ(bits_in_table(&b, frame), KB_ENTRY_REFERENCED);
        CHECK_EQ(b.os.keys[frame] & 3, KB_KEY_REFERENCED);
        get(&b, 7 * size);
        CHECK_EQ(bits_in_table(&b, frame), KB_ENTRY_REFERENCED);
        CHECK(store(&b, 7 * size + 8, round));
        CHECK_EQ(bits_in_table(&b, frame), KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED);
        CHECK_EQ(b.os.keys[frame] & 3, KB_KEY_REFERENCED | KB_KEY_MODIFIED);
        CHECK_EQ(hits(&b) - before, tlbs > 0 ? 3 : 0);
        CHECK_EQ(b.os.mmu.misses - misses, tlbs > 0 ? 0 : 3);
    }
    box_free(&b);
}

/* ---- X02: coherence ---- */

static void coherence(unsigned shape, unsigned tlbs, unsigned asid_bits) {
    struct box b;
    struct machine_wish wish = wish_of(shape, 4, tlbs);
    uint64_t word;
    bool refused;
    wish.asid_bits = asid_bits;
    box_make(&b, &wish, 2);
    uint64_t size = kb_os_page_bytes(&b.os);
    struct kb_process *p = b.p[0];
    p->skips = b.p[1]->skips = true;
    /* Evict: four other pages push it out; its frame has other bytes now. */
    CHECK(store(&b, size, 11));
    for (uint64_t i = 0; i < 4; i++)
        CHECK(store(&b, (10 + i) * size, i));
    uint64_t faults = b.os.counters.faults;
    CHECK_EQ(get(&b, size), 11);
    CHECK_EQ(b.os.counters.faults, faults + 1);
    /* Protect, by itself and by another process. */
    CHECK(store(&b, size, 12));
    CHECK(kb_os_protect(&b.os, p, size, 2 * size, KB_ENTRY_READ, &refused) == KB_OK && !refused);
    CHECK(!store(&b, size, 13));
    CHECK_EQ(get(&b, size), 12);
    CHECK(kb_os_protect(&b.os, p, size, 2 * size, 0, &refused) == KB_OK && !refused);
    CHECK(!load(&b, size, &word) && word == 0x5a);
    CHECK(kb_os_protect(&b.os, p, size, 2 * size, READ_WRITE, &refused) == KB_OK && !refused);
    CHECK(store(&b, size, 14));
    kb_os_switch(&b.os, b.p[1]);
    CHECK(store(&b, size, 99));
    CHECK(kb_os_protect(&b.os, p, size, 2 * size, KB_ENTRY_READ, &refused) == KB_OK && !refused);
    kb_os_switch(&b.os, p);
    CHECK(!store(&b, size, 15));
    CHECK_EQ(get(&b, size), 14);
    /* Unmap, likewise. */
    CHECK(kb_os_unmap(&b.os, p, size, 2 * size) == KB_OK);
    CHECK(!load(&b, size, &word) && word == 0x5a);
    CHECK(region(&b, p, size, 1, READ_WRITE));
    CHECK_EQ(get(&b, size), 0);
    kb_os_switch(&b.os, b.p[1]);
    CHECK_EQ(get(&b, size), 99);
    CHECK(kb_os_unmap(&b.os, p, size, 2 * size) == KB_OK);
    kb_os_switch(&b.os, p);
    CHECK(!load(&b, size, &word));
    /* All of it, and again. */
    CHECK(kb_os_unmap(&b.os, p, 0, kb_os_user_end(&b.os)) == KB_OK);
    CHECK(!load(&b, 10 * size, &word));
    CHECK(region(&b, p, 0, 2, READ_WRITE));
    CHECK_EQ(get(&b, 0), 0);
    CHECK(!load(&b, 10 * size, &word));
    /* Exit, while the other one runs and has the same addresses. */
    kb_os_switch(&b.os, b.p[1]);
    kb_os_exit(&b.os, p, KB_REASON_DONE, 0);
    CHECK_EQ(get(&b, size), 99);
    box_free(&b);
}

/* Rights that a page lost while others had none: chains of an inverted table stay whole. */
static void no_rights(unsigned shape) {
    struct box b;
    struct machine_wish wish = wish_of(shape, 8, 1);
    uint64_t word;
    box_make(&b, &wish, 1);
    uint64_t size = kb_os_page_bytes(&b.os);
    b.p[0]->skips = true;
    bool refused;
    for (uint64_t round = 0; round < 50; round++) {
        for (uint64_t i = 0; i < 8; i++)
            CHECK(store(&b, i * size, round * 100 + i));
        CHECK(kb_os_protect(&b.os, b.p[0], round % 8 * size, (round % 8 + 1) * size, 0, &refused) ==
              KB_OK);
        CHECK(!load(&b, round % 8 * size, &word));
        for (uint64_t i = 0; i < 8 - round % 5; i++) /* it leaves its frame, or not */
            get(&b, (20 + i) * size);
        CHECK(kb_os_check(&b.os) == NULL);
        CHECK(kb_os_protect(&b.os, b.p[0], 0, 8 * size, READ_WRITE, &refused) == KB_OK);
        for (uint64_t i = 0; i < 8; i++)
            CHECK_EQ(get(&b, i * size), round * 100 + i);
    }
    box_free(&b);
}

/* B04, and few asids: generations roll over. */
static void asids(unsigned shape, unsigned tlbs, unsigned asid_bits) {
    struct box b;
    struct machine_wish wish = wish_of(shape, 40, tlbs);
    wish.asid_bits = asid_bits;
    box_make(&b, &wish, 5);
    uint64_t size = kb_os_page_bytes(&b.os);
    for (unsigned i = 0; i < 5; i++) {
        kb_os_switch(&b.os, b.p[i]);
        CHECK(store(&b, size, 500 + i));
    }
    kb_os_switch(&b.os, b.p[3]);
    get(&b, size);
    uint64_t misses = b.os.mmu.misses;
    for (unsigned i = 0; i < 3; i++) { /* P3, P4, P3 */
        kb_os_switch(&b.os, b.p[3 + i % 2]);
        CHECK_EQ(get(&b, size), 503 + i % 2);
    }
    if (tlbs > 0 && asid_bits == 0)
        CHECK_EQ(b.os.mmu.misses - misses, 2); /* P3 ran already */
    if (tlbs > 0 && asid_bits > 2)
        CHECK_EQ(b.os.mmu.misses - misses, 0);
    for (unsigned round = 0; round < 300; round++) {
        unsigned i = round * 7 % 5;
        kb_os_switch(&b.os, b.p[i]);
        CHECK_EQ(get(&b, size), (round < 5 ? 500 : 1000) + i);
        CHECK(store(&b, size, 1000 + i));
    }
    CHECK(asid_bits != 2 || b.os.asid_generation > 50);
    CHECK(asid_bits <= 2 || b.os.asid_generation == 1);
    box_free(&b);
}

/* ---- C02 to C04, N02 ---- */

static void frames(void) {
    struct box b;
    struct machine_wish wish = wish_of(1, 16, 1);
    bool seen[16] = {false};
    wish.load_all = true;
    box_make(&b, &wish, 3);
    CHECK_EQ(b.os.free_count, 16);
    CHECK(region(&b, b.p[0], 4096, 5, READ_WRITE)); /* C02, C03 */
    CHECK_EQ(b.os.free_count, 11);
    for (uint64_t i = 1; i <= 5; i++)
        CHECK(store(&b, i * 4096, i));
    CHECK_EQ(b.os.counters.faults, 0);
    CHECK(region(&b, b.p[1], 0, 7, READ_WRITE));
    CHECK(!region(&b, b.p[2], 0, 5, READ_WRITE)); /* 4 are free */
    CHECK_EQ(b.os.free_count, 4);
    CHECK_EQ(b.p[2]->region_count, 0);
    CHECK_EQ(b.p[2]->resident, 0);
    CHECK(region(&b, b.p[2], 0, 4, READ_WRITE));
    CHECK_EQ(b.os.free_count, 0);
    for (unsigned i = 0; i < 3; i++)
        kb_os_exit(&b.os, b.p[i], KB_REASON_DONE, 0);
    CHECK_EQ(b.os.free_count, 16);
    for (unsigned i = 0; i < 16; i++) {
        CHECK(!seen[b.os.free_list[i]]);
        seen[b.os.free_list[i]] = true;
    }
    box_free(&b);
}

/* C04: n pages are had iff n frames are free, whatever came and went before. */
static void no_fragmentation(void) {
    struct box b;
    struct machine_wish wish = wish_of(6, 64, 0);
    struct kb_random random = {4};
    unsigned given = 0, denied = 0;
    uint64_t held[100] = {0};
    wish.load_all = true;
    box_make(&b, &wish, 1);
    for (unsigned step = 0; step < 5000; step++) {
        unsigned i = (unsigned)kb_random_below(&random, 100);
        uint64_t start = (uint64_t)i << 20;
        if (held[i] > 0) {
            CHECK(kb_os_unmap(&b.os, b.p[0], start, start + held[i] * 4096) == KB_OK);
            held[i] = 0;
            continue;
        }
        uint64_t pages = 1 + kb_random_below(&random, 20), before = b.os.free_count;
        bool had = region(&b, b.p[0], start, pages, READ_WRITE);
        CHECK_EQ(had, before >= pages);
        CHECK_EQ(b.os.free_count, before - (had ? pages : 0));
        held[i] = had ? pages : 0;
        given += had;
        denied += !had;
    }
    CHECK(given > 500 && denied > 500);
    box_free(&b);
}

static void heap(void) {
    struct box b;
    struct machine_wish wish = wish_of(7, 300, 2);
    box_make(&b, &wish, 1);
    CHECK(region(&b, b.p[0], 1 << 20, 256, READ_WRITE));
    CHECK_EQ(b.os.free_count, 300);
    for (uint64_t i = 0; i < 256; i++)
        CHECK(store(&b, (1 << 20) + i * 4096, i));
    CHECK_EQ(b.os.counters.zero_fills, 256);
    CHECK_EQ(b.os.counters.faults, 256);
    CHECK_EQ(b.os.counters.swap_reads + b.os.counters.image_reads, 0);
    CHECK_EQ(b.os.free_count, 44);
    CHECK(kb_os_unmap(&b.os, b.p[0], 1 << 20, 2 << 20) == KB_OK);
    CHECK_EQ(b.os.free_count, 300);
    box_free(&b);
}

/* ---- F08 ---- */

static void move(unsigned shape, uint32_t count, const char *policy, unsigned tlbs) {
    struct box b;
    struct machine_wish wish = wish_of(shape, count, tlbs);
    uint8_t bytes[512], moved[512];
    uint64_t value;
    bool done;
    wish.policy = policy;
    box_make(&b, &wish, 1);
    for (unsigned i = 0; i < 512; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    CHECK(kb_os_store(&b.os, 0x0f80, bytes, 512, &done) == KB_OK && done);
    for (uint64_t i = 0; i < count; i++) /* all others leave */
        get(&b, (20 + i) * 4096);
    for (uint64_t i = 0; i < count; i++) /* of policies that do not care, also */
        get(&b, (40 + i) * 4096);
    CHECK(frame_at(&b, b.p[0], (40 + (uint64_t)count - 1) * 4096) < count);
    uint32_t first = kb_pages_find(&b.os.pages, b.p[0]->number, 0);
    if (strcmp(policy, "fifo") == 0) /* others may keep it */
        CHECK(b.os.pages.frame_of[first] == 0);
    uint64_t faults = b.os.counters.faults, instructions = b.os.counters.instructions;
    CHECK(kb_os_move(&b.os, 0x0f80, 0x2f80, 512, &done) == KB_OK);
    if (count < 4) {
        CHECK(!done && b.p[0]->state == KB_ENDED);
        CHECK_STR(kb_reason_name(b.p[0]->reason), "minimum frames");
        CHECK_EQ(b.os.counters.instructions, instructions);
        CHECK_EQ(b.os.free_count, count);
        box_free(&b);
        return;
    }
    CHECK(done);
    CHECK_EQ(b.os.counters.faults - faults, 4);
    CHECK_EQ(b.os.counters.instructions - instructions, 1);
    CHECK(kb_os_load(&b.os, 0x2f80, moved, 512, &done) == KB_OK && done);
    CHECK(memcmp(bytes, moved, 512) == 0);
    /* Overlapping. */
    CHECK(kb_os_move(&b.os, 0x2f80, 0x2f90, 496, &done) == KB_OK && done);
    CHECK(kb_os_load(&b.os, 0x2f90, moved, 496, &done) == KB_OK && done);
    CHECK(memcmp(bytes, moved, 496) == 0);
    /* An increment of a word that is away happens once. */
    CHECK(store(&b, 0x9000, 41));
    for (uint64_t i = 0; i < 2 * count; i++)
        get(&b, (20 + i) * 4096);
    faults = b.os.counters.faults;
    CHECK(kb_os_increment(&b.os, 0x9000, 8, 1, &value, &done) == KB_OK && done);
    CHECK_EQ(value, 42);
    CHECK_EQ(b.os.counters.faults - faults, 1);
    CHECK_EQ(get(&b, 0x9000), 42);
    box_free(&b);
}

/* ---- X18: superpages ---- */

static void superpages(const char *format) {
    struct box b;
    struct machine_wish wish = {
        .format = format, .frames = 16 * 512 + 40, .tlb = {{1, 16, KB_TLB_LRU, 0}}};
    const uint64_t big = UINT64_C(2) << 20, base = UINT64_C(1) << 30;
    uint64_t word;
    bool refused;
    box_make(&b, &wish, 2);
    CHECK(region(&b, b.p[0], base, 20 * 512, READ_WRITE));
    for (uint64_t i = 0; i < 16; i++)
        CHECK(kb_os_map(&b.os, b.p[0], base + i * big, KB_NO_FRAME, 21, READ_WRITE, &refused) ==
                  KB_OK &&
              !refused);
    CHECK_EQ(b.os.free_count, 40);
    for (uint64_t i = 0; i < 16 * 512; i++) /* 32 MiB: 16 entries hold them all */
        CHECK(store(&b, base + i * 4096 + i % 512 * 8, i));
    CHECK_EQ(b.os.mmu.misses, 16);
    CHECK_EQ(b.os.counters.faults, 0);
    for (uint64_t i = 0; i < 16 * 512; i++)
        CHECK_EQ(get(&b, base + i * 4096 + i % 512 * 8), i);
    CHECK_EQ(b.os.mmu.misses, 16);
    /* An access that crosses from one into the next. */
    CHECK(store(&b, base + big - 4, UINT64_C(0x0102030405060708)));
    CHECK_EQ(get(&b, base + big - 4), UINT64_C(0x0102030405060708));
    /* A base page beside them. */
    uint64_t misses = b.os.mmu.misses;
    CHECK(store(&b, base + 16 * big, 77));
    CHECK_EQ(get(&b, base + 16 * big), 77);
    CHECK(b.os.mmu.misses > misses);
    CHECK(kb_os_check(&b.os) == NULL);
    /* Rights and legality reach them too. */
    b.p[0]->skips = true;
    CHECK(kb_os_protect(&b.os, b.p[0], base + 2 * big, base + 4 * big, KB_ENTRY_READ, &refused) ==
          KB_OK);
    CHECK(!store(&b, base + 3 * big, 1));
    CHECK_EQ(get(&b, base + 3 * big), 3 * 512);
    CHECK(store(&b, base + 4 * big, 4));
    CHECK(kb_os_unmap(&b.os, b.p[0], base + 2 * big, base + 3 * big) == KB_OK);
    CHECK_EQ(b.os.free_count, 39 + 512);
    CHECK(!load(&b, base + 2 * big, &word) && word == 0x5a);
    CHECK_EQ(get(&b, base + 3 * big), 3 * 512);
    CHECK(kb_os_protect(&b.os, b.p[0], base + 5 * big, base + 6 * big, 0, &refused) == KB_OK);
    CHECK(!load(&b, base + 5 * big + 4096, &word) && word == 0x5a);
    CHECK(kb_os_map(&b.os, b.p[0], base + 5 * big, KB_NO_FRAME, 12, 0, &refused) == KB_OK &&
          refused);
    CHECK(kb_os_protect(&b.os, b.p[0], base + 5 * big, base + 6 * big, READ_WRITE, &refused) ==
          KB_OK);
    CHECK_EQ(get(&b, base + 5 * big + 4096 + 8), 5 * 512 + 1);
    CHECK(kb_os_unmap(&b.os, b.p[0], base + 6 * big + 4096, base + 7 * big) == KB_DATA);
    CHECK(strstr(b.error.text, "superpage") != NULL);
    CHECK_EQ(get(&b, base + 6 * big + 4096 + 8), 6 * 512 + 1);
    CHECK(kb_os_check(&b.os) == NULL);
    kb_os_switch(&b.os, b.p[1]);
    for (uint64_t i = 0; i < 550; i++) /* frames come back as zeros */
        CHECK_EQ(get(&b, i * 4096 + i % 512 * 8), 0);
    kb_os_exit(&b.os, b.p[0], KB_REASON_DONE, 0);
    kb_os_exit(&b.os, b.p[1], KB_REASON_DONE, 0);
    CHECK_EQ(b.os.free_count, 16 * 512 + 40);
    box_free(&b);

    /* The reach of base pages: 16 of them, and no more. */
    struct machine_wish small = {.format = format, .frames = 100, .tlb = {{1, 16, KB_TLB_LRU, 0}}};
    box_make(&b, &small, 1);
    for (uint64_t i = 0; i < 3 * 16; i++)
        get(&b, i % 16 * 4096);
    CHECK_EQ(b.os.mmu.misses, 32); /* each once that faults, and once more */
    for (uint64_t i = 0; i < 3 * 17; i++)
        get(&b, i % 17 * 4096);
    CHECK(b.os.mmu.misses >= 32 + 2 * 17);
    box_free(&b);
}

/* ---- the relocation register before the tables ---- */

static void relocated(unsigned shape) {
    struct box b;
    struct machine_wish wish = wish_of(shape, 8, 1);
    uint64_t word;
    bool done;
    box_make(&b, &wish, 2);
    uint64_t size = kb_os_page_bytes(&b.os);
    for (uint64_t i = 9; i-- > 0;) /* neighbours do not lie in neighbouring frames */
        get(&b, (i * 4 % 9) * size);
    uint64_t limit = 2 * size - 24;
    kb_os_relocate(&b.os, b.p[0], 3 * size + size / 2, limit); /* not at a page */
    b.p[0]->skips = true;
    for (uint64_t at = 0; at + 8 <= limit; at += 8)
        CHECK(store(&b, at, at));
    CHECK(store(&b, size / 2 - 4, UINT64_C(0x1122334455667788))); /* over a page, linearly */
    CHECK_EQ(get(&b, size / 2 - 4), UINT64_C(0x1122334455667788));
    CHECK(!load(&b, limit, &word));
    CHECK(!load(&b, limit - 4, &word) && word == 0x5a); /* its end is beyond */
    CHECK(!store(&b, limit - 4, 0));
    CHECK(kb_os_run(&b.os, limit, KB_ACCESS_READ, 3, &done) == KB_OK && !done);
    CHECK_EQ(b.p[0]->counters.traps[KB_FAULT_OVERFLOW], 4);
    CHECK_EQ(get(&b, limit - 8), limit - 8);
    kb_os_relocate(&b.os, b.p[0], UINT64_MAX - size + 1, 2 * size); /* round the end of all */
    CHECK(!load(&b, size, &word));
    CHECK_EQ(b.p[0]->counters.traps[KB_FAULT_OVERFLOW], 5);
    kb_os_relocate(&b.os, b.p[0], 0, 0);
    CHECK_EQ(get(&b, 4 * size - 4), UINT64_C(0x1122334455667788));
    CHECK_EQ(get(&b, 3 * size + size / 2), 0);
    CHECK_EQ(get(&b, 5 * size), size + size / 2);
    box_free(&b);
}

/* Base and limit alone (A04): frames that nobody gave to the policy. */
static void base_and_limit(const char *policy) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct box b;
    struct machine_wish any = wish_of(6, 4, 0);
    struct kb_os_setup setup = {.scheme = KB_SCHEME_RELOCATION, .frames = 8};
    uint64_t word;
    bool done;
    memset(&b, 0, sizeof b);
    CHECK(machine_format(&any, &setup.format, &error) == KB_OK);
    CHECK(kb_policy_parse(policy, &setup.policy, NULL, NULL, &error) == KB_OK);
    CHECK(kb_store_memory(&setup.swap, 4096, 10, &host, &error) == KB_OK);
    CHECK(kb_os_init(&b.os, &setup, &host, &b.error) == KB_OK);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(kb_os_create(&b.os, "P", &b.p[i]) == KB_OK);
        kb_os_relocate(&b.os, b.p[i], i == 0 ? 14000 : 4000, 9000);
        b.p[i]->skips = true;
    }
    for (unsigned i = 0; i < 2; i++) {
        kb_os_switch(&b.os, b.p[i]);
        for (uint64_t at = 0; at + 8 <= 9000; at += 8)
            CHECK(store(&b, at, at * 10 + i));
        CHECK(!store(&b, 9000, 1));
        CHECK(!load(&b, 8996, &word) && word == 0x5a);
        CHECK(kb_os_run(&b.os, 346, KB_ACCESS_READ, 1000, &done) == KB_OK && done);
        CHECK_EQ(b.os.mmu.memory.bytes[b.p[i]->base + 346 + 6], 352 * 10 % 256 + i);
    }
    kb_os_switch(&b.os, b.p[0]);
    for (uint64_t at = 0; at + 8 <= 9000; at += 8)
        CHECK_EQ(get(&b, at), at * 10);
    kb_os_relocate(&b.os, b.p[0], 8 * 4096 - 16, 100); /* beyond the memory */
    CHECK(!load(&b, 12, &word) && word == 0x5a);
    CHECK_EQ(b.p[0]->counters.traps[KB_FAULT_BUS], 1);
    box_free(&b);
}

/* ---- the kernel zone of a canonical format, in an inverted table ---- */

static void inverted_canonical(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct box b;
    struct kb_os_setup setup = {.format = *kb_format_find("sv48"),
                                .scheme = KB_SCHEME_INVERTED,
                                .frames = 16,
                                .tlb = {{1, 4, KB_TLB_LRU, 0}},
                                .tlbs = 1,
                                .kernel = true,
                                .kernel_start = ~UINT64_C(0) << 47,
                                .tables_limit = 1 << 20};
    memset(&b, 0, sizeof b);
    CHECK(kb_policy_parse("fifo", &setup.policy, NULL, NULL, &error) == KB_OK);
    CHECK(kb_store_memory(&setup.swap, 4096, 100, &host, &error) == KB_OK);
    CHECK(kb_os_init(&b.os, &setup, &host, &b.error) == KB_OK);
    CHECK(region(&b, b.os.kernel, setup.kernel_start, 2, READ_WRITE));
    for (unsigned i = 0; i < 2; i++) {
        CHECK(kb_os_create(&b.os, "P", &b.p[i]) == KB_OK);
        kb_os_switch(&b.os, b.p[i]);
        kb_os_set_mode(&b.os, b.p[i], true);
        CHECK_EQ(get(&b, setup.kernel_start + 4096), i * 10);
        CHECK(store(&b, setup.kernel_start + 4096, 10));
        for (uint64_t k = 0; k < 30; k++)
            CHECK(store(&b, k * 4096, k));
        CHECK(kb_os_check(&b.os) == NULL);
    }
    box_free(&b);
}

int main(void) {
    static const char *const policies[] = {"fifo", "clock", "lru", "2q", "arc", "lirs", "nru"};
    struct kb_error error = {.language = KB_ENGLISH};
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    for (unsigned shape = 0; shape < SHAPES; shape++)
        for (unsigned tlbs = 0; tlbs <= 2; tlbs++) {
            bits_on_hits(shape, tlbs);
            no_rights(shape);
            relocated(shape);
            for (unsigned asid_bits = 0; asid_bits <= 8; asid_bits = asid_bits * 2 + 2) {
                kernel_zone(shape, tlbs, asid_bits);
                coherence(shape, tlbs, asid_bits);
                asids(shape, tlbs, asid_bits);
            }
            move(shape, 4, "fifo", tlbs);
            move(shape, 3, "fifo", tlbs);
        }
    for (unsigned i = 0; kb_policies[i] != NULL; i++)
        if (!(kb_policies[i]->needs & KB_NEEDS_FUTURE))
            kernel_takes_all(kb_policies[i]->name);
    for (unsigned i = 0; i < sizeof policies / sizeof policies[0]; i++)
        move(6, 3, policies[i], 2);
    frames();
    no_fragmentation();
    heap();
    superpages("sv39");
    superpages("sv48");
    superpages("x86-64");
    inverted_canonical();
    for (unsigned i = 0; kb_policies[i] != NULL; i++)
        if (!(kb_policies[i]->needs & KB_NEEDS_FUTURE))
            base_and_limit(kb_policies[i]->name);
    base_and_limit("ws:window=40");
    kb_host_close(&host);
    return harness_end();
}
