/* test_staged.c - staged stores against a flat array: any mixture of reads, writes and discards,
 * with and without trouble in each level. */
#include "harness.h"

#include <stdlib.h>

#include "base/random.h"
#include "store/staged.h"

#define BYTES 128
#define MOST 200

static struct kb_error error;

static void check_ok(kb_status status) {
    CHECK_EQ(status, KB_OK);
    if (status != KB_OK)
        printf("%s\n", error.text);
}

struct staged {
    struct kb_store upper, lower, store; /* the levels are owned by the store, and fail as told */
    uint64_t slots;
};

static void memory(struct kb_store *store, uint64_t slots) {
    struct kb_store inner;
    check_ok(kb_store_memory(&inner, BYTES, slots, NULL, &error));
    check_ok(kb_store_failing(store, &inner, &error));
}

static struct staged begin(uint64_t blocks, uint32_t pages, uint64_t slots) {
    struct staged s = {.slots = slots};
    memory(&s.upper, blocks * pages);
    memory(&s.lower, slots);
    check_ok(kb_store_staged(&s.store, &s.upper, &s.lower, pages, NULL, &error));
    CHECK_EQ(s.store.slots, slots);
    CHECK_EQ(s.store.page_bytes, BYTES);
    return s;
}

static kb_status write_value(struct staged *s, uint64_t slot, uint32_t value) {
    uint8_t page[BYTES];
    for (uint32_t i = 0; i < BYTES; i++)
        page[i] = (uint8_t)(value * 31 + i * (value + 7));
    memcpy(page, &value, sizeof value);
    return s->store.write(s->store.context, slot, page, &error);
}

static kb_status read_value(struct staged *s, uint64_t slot, uint32_t *value) {
    uint8_t page[BYTES];
    kb_status status = s->store.read(s->store.context, slot, page, &error);
    memcpy(value, page, sizeof *value);
    for (uint32_t i = sizeof *value; i < BYTES && status == KB_OK && *value != 0; i++)
        if (page[i] != (uint8_t)(*value * 31 + i * (*value + 7)))
            *value = UINT32_MAX; /* a page that nobody wrote */
    return status;
}

static void check_holds(struct staged *s, uint64_t slot, uint32_t wanted) {
    uint32_t value = 0;
    check_ok(read_value(s, slot, &value));
    CHECK_EQ(value, wanted);
}

/* ---- counts ---- */

static void test_sequential(void) {
    struct staged s = begin(2, 8, 64);
    for (uint64_t slot = 0; slot < 64; slot++)
        check_ok(write_value(&s, slot, (uint32_t)slot + 1));
    struct kb_stage_counters c = kb_store_stage_counters(&s.store);
    CHECK_EQ(c.promotions, 0); /* nothing was below */
    CHECK_EQ(c.demotions, 6);
    CHECK_EQ(c.demotion_writes, 6);
    CHECK_EQ(c.hits, 56);
    for (uint64_t slot = 0; slot < 64; slot++)
        check_holds(&s, slot, (uint32_t)slot + 1);
    c = kb_store_stage_counters(&s.store);
    CHECK_EQ(c.promotions, 8);
    CHECK_EQ(c.demotions, 14);
    CHECK_EQ(c.demotion_writes, 8); /* 6 and 7 came from writing, the others were not modified */
    CHECK_EQ(c.hits, 112);
    kb_store_close(&s.store);
}

/* The block used least recently goes, whatever came first. */
static void test_lru(void) {
    struct staged s = begin(2, 4, 32);
    check_ok(write_value(&s, 0, 1)); /* block 0 */
    check_ok(write_value(&s, 4, 2)); /* block 1 */
    check_holds(&s, 0, 1);
    check_ok(write_value(&s, 8, 3)); /* block 2: block 1 goes */
    check_holds(&s, 0, 1);
    CHECK_EQ(kb_store_stage_counters(&s.store).promotions, 0);
    check_holds(&s, 4, 2); /* block 2 goes */
    CHECK_EQ(kb_store_stage_counters(&s.store).promotions, 1);
    check_holds(&s, 0, 1);
    CHECK_EQ(kb_store_stage_counters(&s.store).promotions, 1);
    kb_store_close(&s.store);
}

/* A block without any content leaves its room; the last block may be shorter than others. */
static void test_discard(void) {
    struct staged s = begin(1, 4, 10);
    uint32_t value;
    check_ok(write_value(&s, 0, 1));
    check_ok(write_value(&s, 9, 2));
    CHECK_EQ(kb_store_stage_counters(&s.store).demotions, 1);
    s.store.discard(s.store.context, 9);
    check_holds(&s, 9, 0);
    check_holds(&s, 0, 1);
    CHECK_EQ(kb_store_stage_counters(&s.store).demotions, 1); /* the room was free */
    s.store.discard(s.store.context, 0);
    s.store.discard(s.store.context, 99);
    for (uint64_t slot = 0; slot < 10; slot++)
        check_holds(&s, slot, 0);
    CHECK_EQ(read_value(&s, 10, &value), KB_USAGE);
    CHECK_EQ(write_value(&s, 10, 1), KB_USAGE);
    /* Scrubbed in both levels. */
    uint8_t page[BYTES];
    check_ok(s.lower.read(s.lower.context, 0, page, &error));
    for (unsigned i = 0; i < BYTES; i++)
        CHECK_EQ(page[i], 0);
    kb_store_close(&s.store);
}

static void test_shapes(void) {
    struct kb_store upper, lower, store;
    memory(&upper, 7);
    memory(&lower, 64);
    CHECK_EQ(kb_store_staged(&store, &upper, &lower, 8, NULL, &error), KB_USAGE);
    CHECK_EQ(kb_store_staged(&store, &upper, &lower, 0, NULL, &error), KB_USAGE);
    CHECK(store.close == NULL);
    check_ok(kb_store_staged(&store, &upper, &lower, 7, NULL, &error));
    CHECK(kb_store_stage_level(&store, 2)->slots == 7 &&
          kb_store_stage_level(&store, 3)->slots == 64);
    kb_store_close(&store);
}

/* ---- trouble ---- */

/* A lost, torn or failed write of level 3 leaves the block in level 2. */
static void test_demotion_fails(enum kb_store_failure failure) {
    struct staged s = begin(1, 4, 64);
    for (uint64_t slot = 0; slot < 4; slot++)
        check_ok(write_value(&s, slot, (uint32_t)slot + 1));
    kb_store_fail(&s.lower, failure, 3, 1);
    CHECK_EQ(write_value(&s, 8, 9), KB_IO); /* no room */
    CHECK_EQ(kb_store_stage_counters(&s.store).demotions, 0);
    for (uint64_t slot = 0; slot < 4; slot++)
        check_holds(&s, slot, (uint32_t)slot + 1);
    check_ok(write_value(&s, 8, 9)); /* it works again */
    for (uint64_t slot = 0; slot < 4; slot++)
        check_holds(&s, slot, (uint32_t)slot + 1);
    check_holds(&s, 8, 9);
    kb_store_close(&s.store);
}

/* Two pages of a block cannot be read below: the others come, and these come later. */
static void test_promotion_fails(void) {
    struct staged s = begin(1, 4, 64);
    uint32_t value;
    for (uint64_t slot = 0; slot < 5; slot++)
        check_ok(write_value(&s, slot, (uint32_t)slot + 1));
    /* Page 4 is read back when its block goes, then come the pages 0 to 3. */
    kb_store_fail(&s.lower, KB_STORE_READ_ERROR, 4, 2);
    check_holds(&s, 0, 1);
    CHECK_EQ(kb_store_stage_counters(&s.store).left_below, 2);
    check_holds(&s, 1, 2);
    kb_store_fail(&s.lower, KB_STORE_READ_ERROR, 1, 1);
    CHECK_EQ(read_value(&s, 2, &value), KB_IO);
    check_holds(&s, 2, 3);
    /* Page 3 is still below when the block goes again: it is not overwritten there. */
    check_ok(write_value(&s, 0, 7));
    check_holds(&s, 4, 5);
    check_holds(&s, 3, 4);
    check_holds(&s, 0, 7);
    kb_store_close(&s.store);
}

/* A page that level 2 spoils is read from level 3, as long as that has the same. */
static void test_spoilt_above(void) {
    struct staged s = begin(1, 4, 64);
    uint32_t value;
    uint8_t spoilt[BYTES] = {1};
    check_ok(write_value(&s, 0, 1));
    check_ok(write_value(&s, 4, 2));
    check_holds(&s, 0, 1);
    check_ok(s.upper.write(s.upper.context, 0, spoilt, &error));
    check_holds(&s, 0, 1);
    check_ok(write_value(&s, 0, 3));
    check_ok(s.upper.write(s.upper.context, 0, spoilt, &error));
    CHECK_EQ(read_value(&s, 0, &value), KB_IO); /* level 3 has what was there before */
    kb_store_close(&s.store);
}

/* Random operations; trouble comes and goes. What was written with success is read, or reading
 * fails: never another content, and nothing is lost when the trouble is over. */
static void test_random(uint64_t seed, bool trouble) {
    uint32_t model[MOST] = {0};
    bool known[MOST];
    struct kb_random random = {seed};
    uint32_t pages = 1 + (uint32_t)kb_random_below(&random, 9);
    uint64_t slots = 1 + kb_random_below(&random, MOST);
    struct staged s = begin(1 + kb_random_below(&random, 6), pages, slots);
    memset(known, true, sizeof known);
    for (uint32_t step = 1; step <= 3000; step++) {
        uint64_t slot = kb_random_below(&random, slots), what = kb_random_below(&random, 100);
        if (trouble && kb_random_below(&random, 25) == 0)
            kb_store_fail(kb_random_below(&random, 2) ? &s.upper : &s.lower,
                          (enum kb_store_failure)kb_random_below(&random, KB_STORE_FAILURES),
                          1 + kb_random_below(&random, 20), 1 + kb_random_below(&random, 6));
        if (what < 40) {
            kb_status status = write_value(&s, slot, step);
            if (!trouble)
                check_ok(status);
            known[slot] = status == KB_OK; /* else the slot is undefined */
            model[slot] = step;
        } else if (what < 48) {
            s.store.discard(s.store.context, slot);
            known[slot] = true;
            model[slot] = 0;
        } else if (known[slot]) {
            uint32_t value;
            kb_status status = read_value(&s, slot, &value);
            CHECK(status == KB_OK || trouble);
            if (status == KB_OK)
                CHECK_EQ(value, model[slot]);
        }
    }
    for (unsigned failure = 0; failure < KB_STORE_FAILURES; failure++) {
        kb_store_fail(&s.upper, (enum kb_store_failure)failure, 0, 0);
        kb_store_fail(&s.lower, (enum kb_store_failure)failure, 0, 0);
    }
    for (uint64_t slot = 0; slot < slots; slot++)
        if (known[slot])
            check_holds(&s, slot, model[slot]);
    kb_store_close(&s.store);
}

int main(void) {
    test_sequential();
    test_lru();
    test_discard();
    test_shapes();
    test_demotion_fails(KB_STORE_WRITE_ERROR);
    test_demotion_fails(KB_STORE_SHORT_WRITE);
    test_demotion_fails(KB_STORE_NO_SPACE);
    test_demotion_fails(KB_STORE_LOST_WRITE);
    test_promotion_fails();
    test_spoilt_above();
    for (uint64_t seed = 1; seed <= 100; seed++) {
        test_random(seed, false);
        test_random(seed, true);
    }
    return harness_end();
}
