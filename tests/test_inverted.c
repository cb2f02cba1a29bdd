/* test_inverted.c - the inverted table against a list of what is mapped where.
 *
 * Every lookup is watched: it must read the anchor, then the chain in its
 * order up to the page, and count just that. A checker reads the raw memory:
 * every mapped frame is reachable exactly once, and no other. */
#include "harness.h"

#include <stdlib.h>

#include "base/random.h"
#include "machine/inverted.h"

#define MOST_FRAMES 1000
#define BASE UINT64_C(0x40)

static struct kb_memory memory;
static struct kb_inverted table;

static void table_new(uint32_t frames) {
    uint64_t bytes = (uint64_t)frames * KB_INVERTED_ENTRY_BYTES;
    memory = (struct kb_memory){.bytes = malloc(bytes), .base = BASE, .size = bytes};
    if (memory.bytes == NULL)
        abort();
    memset(memory.bytes, 0xee, bytes);
    table = (struct kb_inverted){.memory = &memory, .base = BASE, .frames = frames};
    kb_inverted_clear(&table);
}

/* ---- the raw memory, read without the table's own functions ---- */

static uint64_t raw(uint64_t address) {
    uint64_t word = 0;
    for (unsigned i = 8; i-- > 0;)
        word = word << 8 | memory.bytes[address - BASE + i];
    return word;
}

static uint64_t word0_of(uint32_t frame) { return raw(BASE + frame * UINT64_C(16)); }
static uint32_t anchor_of(uint32_t entry) { return (uint32_t)raw(BASE + entry * UINT64_C(16) + 8); }
static uint32_t next_of(uint32_t frame) {
    return (uint32_t)(raw(BASE + frame * UINT64_C(16) + 8) >> 32);
}

/* ---- the model ---- */

struct mapping {
    bool there;
    uint64_t page;
    uint32_t asid;
    unsigned bits;
};

static struct mapping model[MOST_FRAMES];

static bool is_global(const struct mapping *m) { return (m->bits & KB_ENTRY_GLOBAL) != 0; }

/* The frame of the page's own mapping, else of a global one; KB_INVERTED_NONE. */
static uint32_t model_find(uint64_t page, uint32_t asid) {
    uint32_t found = KB_INVERTED_NONE;
    for (uint32_t i = 0; i < table.frames; i++) {
        if (!model[i].there || model[i].page != page)
            continue;
        if (!is_global(&model[i]) && model[i].asid == asid)
            return i;
        if (is_global(&model[i]))
            found = i;
    }
    return found;
}

/* ---- a lookup, watched ---- */

static struct {
    uint32_t count, entries[2 * MOST_FRAMES + 2];
    bool strange;
} seen;

static void watch(void *context, uint64_t address, uint64_t word0, uint64_t word1) {
    uint64_t at = address - BASE;
    CHECK(context == &seen);
    if (address < BASE || at % 16 != 0 || at / 16 >= table.frames ||
        seen.count == 2 * table.frames + 2 || word0 != raw(address) || word1 != raw(address + 8)) {
        seen.strange = true;
        return;
    }
    seen.entries[seen.count++] = (uint32_t)(at / 16);
}

/* Reads from seen.entries[i] on: an anchor and its chain, to the frame or to the end. */
static uint32_t follow(uint32_t i, uint32_t frame) {
    uint32_t next = i < seen.count ? anchor_of(seen.entries[i++]) : 0;
    while (next != 0 && i < seen.count && seen.entries[i] == next - 1) {
        i++;
        if (next - 1 == frame)
            return i;
        next = next_of(next - 1);
    }
    return next == 0 ? i : UINT32_MAX;
}

static void check_find(uint64_t page, uint32_t asid) {
    uint32_t wanted = model_find(page, asid);
    seen.count = 0;
    seen.strange = false;
    struct kb_inverted_hit hit = kb_inverted_find(&table, page, asid, watch, &seen);
    CHECK(!seen.strange);
    CHECK_EQ(hit.frame, wanted);
    CHECK_EQ(hit.reads, seen.count);
    bool own = wanted != KB_INVERTED_NONE && !is_global(&model[wanted]);
    uint32_t end = follow(0, own ? wanted : KB_INVERTED_NONE);
    if (!own) /* the whole chain of its own, then the chain of the global pages */
        end = follow(end, wanted);
    CHECK_EQ(end, seen.count);
    struct kb_inverted_hit again = kb_inverted_find(&table, page, asid, NULL, NULL);
    CHECK(again.frame == hit.frame && again.reads == hit.reads);
    if (wanted == KB_INVERTED_NONE)
        return;
    CHECK_EQ(seen.entries[seen.count - 1], wanted);
    CHECK_EQ(hit.bits, model[wanted].bits);
    CHECK_EQ(hit.address, BASE + wanted * UINT64_C(16));
}

/* Every mapped frame is in exactly one chain, and in it once; no other is in any. */
static void check_chains(void) {
    static uint8_t times[MOST_FRAMES];
    unsigned wrong = 0;
    memset(times, 0, sizeof times);
    for (uint32_t entry = 0; entry < table.frames; entry++) {
        uint32_t steps = 0;
        for (uint32_t next = anchor_of(entry); next != 0; next = next_of(next - 1)) {
            if (next > table.frames || steps++ == table.frames) {
                wrong++;
                break;
            }
            times[next - 1]++;
        }
    }
    for (uint32_t i = 0; i < table.frames; i++) {
        wrong += times[i] != model[i].there;
        wrong += (word0_of(i) & 1) != model[i].there;
        if (!model[i].there) /* it keeps only the anchor */
            wrong += word0_of(i) != 0 || next_of(i) != 0;
        else
            wrong +=
                word0_of(i) >> 28 != model[i].page || (word0_of(i) >> 12 & 0xffff) != model[i].asid;
    }
    CHECK_EQ(wrong, 0);
}

/* ---- random work ---- */

static void insert(uint32_t frame, struct mapping m) {
    m.there = true;
    m.bits |= KB_ENTRY_VALID;
    model[frame] = m;
    kb_inverted_insert(&table, m.page, m.asid, frame, m.bits);
}

static bool collides(const struct mapping *m) {
    for (uint32_t i = 0; i < table.frames; i++)
        if (model[i].there && model[i].page == m->page && is_global(&model[i]) == is_global(m) &&
            (is_global(m) || model[i].asid == m->asid))
            return true;
    return false;
}

static struct mapping any_mapping(struct kb_random *random) {
    static const uint32_t asids[] = {0, 1, 2, 77, 0xffff};
    uint64_t few = table.frames / 2 + 2, high = kb_random_below(random, 4) == 0;
    struct mapping m = {.page = kb_random_below(random, few),
                        .asid = asids[kb_random_below(random, 5)]};
    m.page |= high * (UINT64_C(0xfffffff) << 8); /* up to the highest */
    m.bits = (unsigned)kb_random_below(random, 256) & ~(unsigned)KB_ENTRY_GLOBAL;
    m.bits |= KB_ENTRY_VALID | (kb_random_below(random, 8) == 0 ? KB_ENTRY_GLOBAL : 0u);
    return m;
}

static void random_work(uint32_t frames, unsigned steps) {
    struct kb_random random = {frames};
    unsigned inserts = 0, removes = 0, hits = 0, globals = 0;
    table_new(frames);
    memset(model, 0, sizeof model);
    for (unsigned step = 0; step < steps; step++) {
        uint32_t frame = (uint32_t)kb_random_below(&random, frames);
        struct mapping m = any_mapping(&random);
        /* Phases in which it fills up, and in which it empties. */
        bool filling = step / (3 * frames + 1) % 2 == 0;
        uint64_t way = kb_random_below(&random, 8);
        if (way < 2) {
            check_find(m.page, m.asid);
        } else if (way == 2 && model[frame].there) { /* other R and M, in place */
            uint32_t asid = is_global(&model[frame]) ? m.asid : model[frame].asid;
            struct kb_inverted_hit hit =
                kb_inverted_find(&table, model[frame].page, asid, NULL, NULL);
            uint32_t found = model_find(model[frame].page, asid);
            CHECK_EQ(hit.frame, found);
            model[found].bits ^= (unsigned)kb_random_below(&random, 4) * KB_ENTRY_REFERENCED;
            kb_memory_set_entry(
                &memory, hit.address, 8,
                kb_inverted_encode(model[found].page, model[found].asid, model[found].bits));
        } else if (model[frame].there && (way == 7 || !filling)) {
            kb_inverted_remove(&table, frame);
            model[frame].there = false;
            removes++;
        } else if (!model[frame].there && (way == 6 || filling) && !collides(&m)) {
            insert(frame, m);
            inserts++;
        } else if (!model[frame].there) {
            kb_inverted_remove(&table, frame); /* nothing */
        }
        if (frames < 10 || step % 500 == 0)
            check_chains();
        if (model[frame].there) {
            check_find(model[frame].page, model[frame].asid);
            check_find(model[frame].page, m.asid);
            hits++;
            globals += is_global(&model[frame]);
        }
    }
    check_chains();
    CHECK(inserts > steps / 20 && removes > steps / 20 && hits > steps / 10);
    CHECK(globals > 0);
    for (uint32_t i = 0; i < frames; i++) {
        kb_inverted_remove(&table, i);
        model[i].there = false;
    }
    check_chains();
    for (uint64_t i = 0; i < memory.size; i++) /* no anchor either */
        if (memory.bytes[i] != 0)
            CHECK_EQ(memory.bytes[i], 0);
    free(memory.bytes);
}

/* ---- details ---- */

static void test_words(void) {
    CHECK_EQ(kb_inverted_encode(UINT64_C(0x123456789), 0xabcd, KB_ENTRY_VALID),
             UINT64_C(0x123456789abcd001));
    static const struct {
        unsigned bit;
        uint64_t flag;
    } flags[] = {{KB_ENTRY_VALID, 1},
                 {KB_ENTRY_READ, 2},
                 {KB_ENTRY_WRITE, 4},
                 {KB_ENTRY_EXECUTE, 8},
                 {KB_ENTRY_REFERENCED, 1u << KB_INVERTED_REFERENCED_BIT},
                 {KB_ENTRY_MODIFIED, 1u << KB_INVERTED_MODIFIED_BIT},
                 {KB_ENTRY_USER, 64},
                 {KB_ENTRY_GLOBAL, 128}};
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(kb_inverted_encode(0, 0, flags[i].bit), flags[i].flag);
    CHECK_EQ(kb_inverted_encode(0, 0, KB_ENTRY_LEAF | KB_ENTRY_RESERVED), 0); /* have no place */
    for (unsigned bits = 0; bits < 256; bits++)
        CHECK_EQ(kb_inverted_bits(kb_inverted_encode(UINT64_MAX >> 28, 0xffff, bits)), bits);
}

static void test_edges(void) {
    const uint64_t last = (UINT64_C(1) << KB_INVERTED_PAGE_BITS) - 1;
    table_new(7);
    memset(model, 0, sizeof model);
    CHECK_EQ(kb_inverted_find(&table, 5, 1, NULL, NULL).reads, 2); /* two empty anchors */
    insert(3, (struct mapping){.page = last, .asid = 0xffff, .bits = KB_ENTRY_READ});
    check_find(last, 0xffff);
    check_find(last, 0xfffe);
    check_find(last - 1, 0xffff);
    CHECK_EQ(kb_inverted_find(&table, last, 0xffff, NULL, NULL).reads, 2);
    struct kb_inverted_hit hit = kb_inverted_find(&table, last + 1, 0xffff, NULL, NULL);
    CHECK(hit.frame == KB_INVERTED_NONE && hit.reads == 0); /* cannot be there */
    /* A page that is global, and one process's own besides: its own comes first. */
    insert(0, (struct mapping){.page = 9, .asid = 4, .bits = KB_ENTRY_GLOBAL});
    insert(6, (struct mapping){.page = 9, .asid = 5, .bits = KB_ENTRY_WRITE});
    CHECK_EQ(kb_inverted_find(&table, 9, 5, NULL, NULL).frame, 6);
    CHECK_EQ(kb_inverted_find(&table, 9, 4, NULL, NULL).frame, 0);
    CHECK_EQ(kb_inverted_find(&table, 9, 0, NULL, NULL).frame, 0);
    check_chains();
    free(memory.bytes);
}

/* A table that somebody has overwritten: lookups end, and read nothing outside of it. */
static void test_overwritten(void) {
    struct kb_random random = {3};
    unsigned found = 0;
    for (unsigned round = 0; round < 200; round++) {
        table_new(1 + round % 9);
        for (uint64_t i = 0; i < memory.size; i++)
            memory.bytes[i] = (uint8_t)kb_random_below(&random, i % 4 == 0 ? 8 : 1 + round % 2 * 3);
        for (uint64_t page = 0; page < 128; page += 16) {
            seen.count = 0;
            seen.strange = false;
            struct kb_inverted_hit hit = kb_inverted_find(&table, page, 0, watch, &seen);
            CHECK(!seen.strange);
            CHECK(hit.reads == seen.count && hit.reads <= 2 * (table.frames + 1));
            if (hit.frame != KB_INVERTED_NONE) /* what is found is a valid entry of this page */
                CHECK((word0_of(hit.frame) & 1) == 1 && word0_of(hit.frame) >> 28 == page);
            found += hit.frame != KB_INVERTED_NONE;
        }
        for (uint32_t frame = 0; frame < table.frames; frame++)
            kb_inverted_remove(&table, frame);
        free(memory.bytes);
    }
    CHECK(found > 0);
}

/* Mean reads of a lookup that finds its page, in hundredths, with all frames in use: 250 is what a
 * hash gives that is as good as chance. */
static uint64_t mean_reads(uint32_t frames, uint32_t asids, uint64_t stride) {
    uint64_t reads = 0;
    uint32_t each = (frames + asids - 1) / asids;
    table_new(frames);
    for (uint32_t i = 0; i < frames; i++)
        kb_inverted_insert(&table, i % each * stride, i / each, i, KB_ENTRY_READ);
    for (uint32_t i = 0; i < frames; i++) {
        struct kb_inverted_hit hit =
            kb_inverted_find(&table, i % each * stride, i / each, NULL, NULL);
        if (hit.frame != i)
            CHECK_EQ(hit.frame, i);
        reads += hit.reads;
    }
    free(memory.bytes);
    return reads * 100 / frames;
}

static void test_hash(void) {
    static const struct {
        uint32_t asids;
        uint64_t stride;
    } ways[] = {{1, 1}, {16, 1}, {100, 1}, {1, 512}, {16, 512}, {4, 4096}, {8, 3}};
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        uint64_t small = mean_reads(1000, ways[i].asids, ways[i].stride);
        uint64_t large = mean_reads(1 << 18, ways[i].asids, ways[i].stride);
        CHECK(small >= 200 && small <= 275);
        CHECK(large >= 200 && large <= 275);
    }
}

/* A memory of 1 GiB in pages of 4 KiB has a table of 4 MiB, and clearing it clears just that. */
static void test_size(void) {
    const uint64_t bytes = UINT64_C(4) << 20, guard = 64;
    struct kb_inverted big = {.memory = &memory, .base = guard, .frames = (1u << 30) / 4096};
    memory = (struct kb_memory){.bytes = malloc(bytes + 2 * guard), .size = bytes + 2 * guard};
    if (memory.bytes == NULL)
        abort();
    memset(memory.bytes, 0xee, memory.size);
    kb_inverted_clear(&big);
    uint64_t zeros = 0, others = 0;
    for (uint64_t i = 0; i < memory.size; i++) {
        zeros += memory.bytes[i] == 0 && i >= guard && i < guard + bytes;
        others += memory.bytes[i] == 0xee;
    }
    CHECK_EQ(zeros, bytes);
    CHECK_EQ(others, 2 * guard);
    free(memory.bytes);
}

int main(void) {
    static const uint32_t sizes[] = {1, 7, 64, MOST_FRAMES};
    for (unsigned i = 0; i < 4; i++)
        random_work(sizes[i], 100000);
    test_words();
    test_edges();
    test_overwritten();
    test_hash();
    test_size();
    return harness_end();
}
