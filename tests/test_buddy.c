/* test_buddy.c - buddies beside a list of blocks that is searched from its beginning, slabs beside
 * stacks of free objects: the same random requests, the same answers, invariants after every
 * change; and what both refuse. */
#include <stdlib.h>

#include "base/random.h"
#include "harness.h"
#include "policy/placement/placement.h"

#define OPERATIONS 30000
#define MOST 4096

static struct kb_error error = {.language = KB_ENGLISH};
static struct kb_random dice;

static uint64_t below(uint64_t n) { return kb_random_below(&dice, n); }

/* ---- the list of blocks ---- */

struct block {
    uint64_t start, length;
    bool taken;
};

static struct block list[MOST];
static unsigned count;
static uint64_t first_address;

static void list_begin(uint64_t start, uint64_t length, uint64_t unit) {
    count = 0;
    first_address = start;
    for (uint64_t block = UINT64_C(1) << 40; block >= unit; block /= 2)
        if (length & block) {
            list[count++] = (struct block){start, block, false};
            start += block;
        }
}

static bool list_take(uint64_t length, uint64_t unit, struct block *from, struct block *piece) {
    uint64_t want = unit;
    while (want < length)
        want *= 2;
    unsigned found = count;
    for (unsigned i = 0; i < count; i++)
        if (!list[i].taken && list[i].length >= want &&
            (found == count || list[i].length < list[found].length))
            found = i;
    if (found == count)
        return false;
    *from = list[found];
    while (list[found].length > want) { /* the upper half becomes a block */
        memmove(&list[found + 1], &list[found], (count++ - found) * sizeof list[0]);
        list[found].length /= 2;
        list[found + 1].length /= 2;
        list[found + 1].start += list[found].length;
    }
    list[found].taken = true;
    *piece = list[found];
    return true;
}

static struct block list_give(uint64_t start) {
    unsigned i = 0;
    while (list[i].start != start)
        i++;
    list[i].taken = false;
    for (;;) {
        uint64_t offset = list[i].start - first_address;
        unsigned low = offset / list[i].length % 2 == 0 ? i : i - 1;
        if (low + 1 >= count || list[low].taken || list[low + 1].taken ||
            list[low].length != list[low + 1].length)
            return list[i];
        list[low].length *= 2;
        memmove(&list[low + 1], &list[low + 2], (--count - low - 1) * sizeof list[0]);
        i = low;
    }
}

/* ---- both at once ---- */

static struct kb_buddy buddy;

static void same_blocks(void) {
    struct kb_hole block;
    bool taken;
    uint64_t from = first_address, free = 0, largest = 0;
    const char *wrong = kb_buddy_check(&buddy);
    CHECK_STR(wrong == NULL ? "" : wrong, "");
    for (unsigned i = 0; i < count; i++, from += block.length) {
        if (!kb_buddy_next(&buddy, from, &block, &taken)) {
            CHECK(false);
            return;
        }
        CHECK_EQ(block.start, list[i].start);
        CHECK_EQ(block.length, list[i].length);
        CHECK_EQ(taken, list[i].taken);
        free += taken ? 0 : block.length;
        largest = !taken && block.length > largest ? block.length : largest;
    }
    CHECK(!kb_buddy_next(&buddy, from, &block, &taken));
    CHECK_EQ(buddy.total, free);
    CHECK_EQ(kb_buddy_largest(&buddy), largest);
}

static void against_list(uint64_t start, uint64_t length, uint64_t unit, uint64_t most) {
    CHECK_EQ(kb_buddy_init(&buddy, start, length, unit, NULL, &error), KB_OK);
    list_begin(start, length, unit);
    static uint64_t taken[MOST];
    unsigned pieces = 0;
    for (unsigned i = 0; i < OPERATIONS && harness_failures < 20; i++) {
        if (pieces > 0 && below(100) < 48) {
            unsigned k = (unsigned)below(pieces);
            struct kb_hole grown = {0};
            struct block wanted = list_give(taken[k]);
            CHECK_EQ(kb_buddy_give(&buddy, taken[k], &grown, &error), KB_OK);
            CHECK_EQ(grown.start, wanted.start);
            CHECK_EQ(grown.length, wanted.length);
            CHECK_EQ(kb_buddy_give(&buddy, taken[k], &grown, &error), KB_DATA);
            taken[k] = taken[--pieces];
        } else {
            uint64_t request = 1 + below(most);
            struct block from = {0}, piece = {0};
            struct kb_hole hole = {0}, block = {0};
            bool there = list_take(request, unit, &from, &piece);
            CHECK_EQ(kb_buddy_take(&buddy, request, &hole, &block), there);
            CHECK_EQ(hole.start, from.start);
            CHECK_EQ(hole.length, from.length);
            CHECK_EQ(block.start, piece.start);
            CHECK_EQ(block.length, piece.length);
            if (there)
                taken[pieces++] = piece.start;
        }
        same_blocks();
    }
    while (pieces > 0) { /* all is one again */
        struct kb_hole grown;
        CHECK_EQ(kb_buddy_give(&buddy, taken[--pieces], &grown, &error), KB_OK);
    }
    list_begin(start, length, unit);
    same_blocks();
    kb_buddy_free(&buddy);
}

static void buddies_refuse(void) {
    struct kb_hole from, piece;
    static const uint64_t bad[][3] = {{0, 1000, 0},
                                      {0, 1000, 3},
                                      {0, 1000, 16},
                                      {0, 0, 16},
                                      {0, 8, 16},
                                      {UINT64_MAX, 16, 1},
                                      {0, UINT64_C(1) << 32, 1}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(kb_buddy_init(&buddy, bad[i][0], bad[i][1], bad[i][2], NULL, &error), KB_DATA);
        kb_buddy_free(&buddy);
    }
    CHECK_EQ(kb_buddy_init(&buddy, 64, 48, 16, NULL, &error), KB_OK); /* 32 and 16 */
    CHECK(!kb_buddy_take(&buddy, 0, &from, &piece));
    CHECK(!kb_buddy_take(&buddy, 33, &from, &piece));
    CHECK(!kb_buddy_take(&buddy, UINT64_MAX, &from, &piece));
    CHECK(kb_buddy_take(&buddy, 20, &from, &piece) && piece.start == 64 && piece.length == 32);
    CHECK_EQ(kb_buddy_give(&buddy, 80, &piece, &error), KB_DATA);
    CHECK_EQ(kb_buddy_give(&buddy, 63, &piece, &error), KB_DATA);
    CHECK_EQ(kb_buddy_give(&buddy, 65, &piece, &error), KB_DATA);
    CHECK_EQ(kb_buddy_give(&buddy, 112, &piece, &error), KB_DATA);
    CHECK(strstr(error.text, "112") != NULL);
    CHECK_EQ(kb_buddy_give(&buddy, 64, &piece, &error), KB_OK);
    CHECK_EQ(buddy.total, 48);
    kb_buddy_free(&buddy);
}

/* ---- slabs beside stacks ---- */

#define SLAB 1024
#define MEMORY (64 * SLAB)

struct stack {
    uint64_t start;
    unsigned free[SLAB], depth; /* objects; the top is the next one */
};

static struct stack stacks[64];
static unsigned order[64], partial, empty; /* numbers: partly full ones, behind them empty ones */
static unsigned held;

/* Out of one of the two lists, to the end of one of them, or of none. */
static void list_slab(unsigned n, bool is_partial, bool is_empty) {
    for (unsigned i = 0; i < partial + empty; i++)
        if (order[i] == n) {
            bool was_partial = i < partial;
            if ((was_partial && is_partial) || (!was_partial && is_empty))
                return;
            memmove(&order[i], &order[i + 1], (partial + empty - i - 1) * sizeof order[0]);
            partial -= was_partial;
            empty -= !was_partial;
            break;
        }
    unsigned at = is_partial ? partial : partial + empty;
    if (!is_partial && !is_empty)
        return;
    memmove(&order[at + 1], &order[at], (partial + empty - at) * sizeof order[0]);
    order[at] = n;
    partial += is_partial;
    empty += is_empty;
}

static void file_slab(unsigned n, unsigned each) {
    list_slab(n, stacks[n].depth > 0 && stacks[n].depth < each, stacks[n].depth == each);
}

static void against_stacks(uint64_t object) {
    static uint64_t taken[MEMORY];
    struct kb_slab_cache cache;
    unsigned each = (unsigned)(SLAB / object), pieces = 0, room = MEMORY / SLAB;
    partial = empty = held = 0;
    CHECK_EQ(kb_buddy_init(&buddy, 4096, MEMORY, 64, NULL, &error), KB_OK);
    CHECK_EQ(kb_slab_init(&cache, &buddy, object, SLAB, NULL, &error), KB_OK);
    CHECK_EQ(cache.each, each);
    for (unsigned i = 0; i < OPERATIONS && harness_failures < 20; i++) {
        /* longer ways up and down, so that all is full and all is empty at times */
        bool up = i / (3 * room * each) % 2 == 0;
        if (pieces > 0 && below(100) < (up ? 30u : 75u)) {
            unsigned k = (unsigned)below(pieces), n = 0;
            while (taken[k] < stacks[n].start || taken[k] >= stacks[n].start + SLAB)
                n++;
            stacks[n].free[stacks[n].depth++] = (unsigned)((taken[k] - stacks[n].start) / object);
            file_slab(n, each);
            CHECK_EQ(kb_slab_give(&cache, taken[k] + 1, &error), KB_DATA);
            CHECK_EQ(kb_slab_give(&cache, taken[k], &error), KB_OK);
            CHECK_EQ(kb_slab_give(&cache, taken[k], &error), KB_DATA);
            taken[k] = taken[--pieces];
        } else {
            uint64_t address = 0;
            bool there = false, wanted = partial + empty > 0 || held < room;
            CHECK_EQ(kb_slab_take(&cache, &buddy, &address, &there, &error), KB_OK);
            CHECK_EQ(there, wanted);
            if (!there)
                continue;
            if (partial + empty == 0) { /* a new slab, wherever the buddies have one */
                stacks[held] = (struct stack){.start = address, .depth = each};
                for (unsigned k = 0; k < each; k++)
                    stacks[held].free[k] = each - 1 - k;
                order[empty++] = held++;
            }
            unsigned n = order[0];
            CHECK_EQ(address, stacks[n].start + stacks[n].free[--stacks[n].depth] * object);
            file_slab(n, each);
            taken[pieces++] = address;
        }
        CHECK_EQ(cache.objects, pieces);
        CHECK_EQ(cache.slabs, held);
        const char *wrong = kb_slab_check(&cache);
        CHECK_STR(wrong == NULL ? "" : wrong, "");
    }
    CHECK_EQ(held, room); /* it was full once */
    while (pieces > 0)
        CHECK_EQ(kb_slab_give(&cache, taken[--pieces], &error), KB_OK);
    CHECK(kb_slab_begins(&cache, stacks[1].start) && !kb_slab_begins(&cache, stacks[1].start + 1));
    CHECK_EQ(kb_slab_reap(&cache, &buddy), held);
    CHECK_EQ(cache.slabs, 0);
    CHECK(!kb_slab_begins(&cache, stacks[1].start));
    CHECK_EQ(buddy.total, MEMORY);
    CHECK(kb_slab_check(&cache) == NULL);
    CHECK(kb_buddy_check(&buddy) == NULL);
    CHECK_EQ(kb_slab_give(&cache, stacks[0].start, &error), KB_DATA);
    kb_slab_free(&cache);
    kb_buddy_free(&buddy);
}

/* Two caches in one memory; numbers of slabs that went are used again. */
static void two_caches(void) {
    struct kb_slab_cache small, large;
    uint64_t a, b, again;
    bool there;
    CHECK_EQ(kb_buddy_init(&buddy, 0, 4096, 256, NULL, &error), KB_OK);
    CHECK_EQ(kb_slab_init(&small, &buddy, 256, 256, NULL, &error), KB_OK);
    CHECK_EQ(kb_slab_init(&large, &buddy, 700, 2048, NULL, &error), KB_OK);
    for (unsigned round = 0; round < 40; round++) {
        CHECK_EQ(kb_slab_take(&small, &buddy, &a, &there, &error), KB_OK);
        CHECK_EQ(kb_slab_take(&large, &buddy, &b, &there, &error), KB_OK);
        CHECK(a == 0 && b == 2048);
        CHECK_EQ(kb_slab_give(&small, b, &error), KB_DATA);
        CHECK_EQ(kb_slab_give(&large, a, &error), KB_DATA);
        CHECK_EQ(kb_slab_give(&large, b, &error), KB_OK);
        CHECK_EQ(kb_slab_take(&large, &buddy, &again, &there, &error), KB_OK);
        CHECK_EQ(again, b);
        CHECK_EQ(kb_slab_give(&large, b, &error), KB_OK);
        CHECK_EQ(kb_slab_give(&small, a, &error), KB_OK);
        CHECK_EQ(kb_slab_reap(&small, &buddy) + kb_slab_reap(&large, &buddy), 2);
    }
    CHECK_EQ(buddy.total, 4096);
    kb_slab_free(&small);
    kb_slab_free(&large);
    static const uint64_t bad[][2] = {{0, 1024}, {1025, 1024}, {8, 1000}, {8, 128}, {8, 0}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(kb_slab_init(&small, &buddy, bad[i][0], bad[i][1], NULL, &error), KB_DATA);
        kb_slab_free(&small);
    }
    kb_buddy_free(&buddy);
}

/* ---- a host that has no more memory ---- */

static unsigned takes_left;

static void *scarce_take(size_t bytes) {
    if (takes_left == 0)
        return NULL;
    takes_left--;
    return calloc(1, bytes);
}

static void scarce_give_back(void *memory, size_t bytes) {
    (void)bytes;
    free(memory);
}

static void out_of_memory(void) {
    static const struct kb_arena arena = {.take = scarce_take, .give_back = scarce_give_back};
    static const struct kb_host host = {.arena = &arena};
    struct kb_slab_cache cache;
    struct kb_buddy poor;
    uint64_t address;
    bool there = true;
    takes_left = 0;
    CHECK_EQ(kb_buddy_init(&poor, 0, 1 << 16, 64, &host, &error), KB_NO_MEMORY);
    kb_buddy_free(&poor);
    CHECK_EQ(kb_buddy_init(&poor, 0, 1 << 16, 64, NULL, &error), KB_OK);
    for (unsigned takes = 0; takes < 2; takes++) {
        takes_left = takes;
        CHECK_EQ(kb_slab_init(&cache, &poor, 64, 64, &host, &error), KB_NO_MEMORY);
        kb_slab_free(&cache);
    }
    takes_left = 2;
    CHECK_EQ(kb_slab_init(&cache, &poor, 64, 64, &host, &error), KB_OK);
    unsigned objects = 0;
    while (kb_slab_take(&cache, &poor, &address, &there, &error) == KB_OK && there)
        objects++;
    CHECK_EQ(error.status, KB_NO_MEMORY);
    CHECK(!there && objects > 0 && objects < 1024);
    CHECK_EQ(cache.objects, objects);
    CHECK_EQ(poor.total, (1 << 16) - 64 * objects);
    CHECK(kb_slab_check(&cache) == NULL);
    takes_left = 100;
    while (kb_slab_take(&cache, &poor, &address, &there, &error) == KB_OK && there)
        objects++;
    CHECK_EQ(objects, 1024);
    CHECK(kb_slab_check(&cache) == NULL);
    kb_slab_free(&cache);
    kb_buddy_free(&poor);
}

int main(void) {
    dice.state = 1965;
    against_list(0, 1 << 16, 256, 6000);
    against_list(4096, 1000 * 16, 16, 2500); /* no power of two: 512, 256, 128, 64, 32, 8 units */
    against_list(12345, 777, 1, 60);
    against_list(0, 64, 64, 64);
    buddies_refuse();
    static const uint64_t objects[] = {100, 64, 1000, 1024, 700, 17};
    for (unsigned i = 0; i < sizeof objects / sizeof objects[0]; i++)
        against_stacks(objects[i]);
    two_caches();
    out_of_memory();
    return harness_end();
}
