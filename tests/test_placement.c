/* test_placement.c - the set of holes and its four fits, beside a list of holes that is walked from
 * its beginning: the same random requests, the same answers, invariants after every change; and
 * what holes refuse. */
#include <stdlib.h>

#include "base/random.h"
#include "harness.h"
#include "policy/placement/placement.h"

#define OPERATIONS 100000
#define MOST 8192

static struct kb_error error = {.language = KB_ENGLISH};
static struct kb_random dice;

static uint64_t below(uint64_t n) { return kb_random_below(&dice, n); }

/* ---- the list ---- */

static struct kb_hole list[MOST];
static unsigned list_count;
static uint64_t list_last_end; /* of the piece taken last */

static void list_remove(unsigned i) {
    memmove(&list[i], &list[i + 1], (--list_count - i) * sizeof list[0]);
}

static void list_insert(unsigned i, uint64_t start, uint64_t length) {
    memmove(&list[i + 1], &list[i], (list_count++ - i) * sizeof list[0]);
    list[i] = (struct kb_hole){start, length};
}

static bool list_give(uint64_t start, uint64_t length) {
    unsigned i = 0;
    for (unsigned k = 0; k < list_count; k++)
        if (list[k].start < start + length && start < list[k].start + list[k].length)
            return false;
    while (i < list_count && list[i].start < start)
        i++;
    list_insert(i, start, length);
    for (unsigned k = i + 1; k > 0 && k + 1 >= i; k--)
        if (k < list_count && list[k - 1].start + list[k - 1].length == list[k].start) {
            list[k - 1].length += list[k].length;
            list_remove(k);
        }
    return true;
}

static bool list_better(enum kb_fit fit, uint64_t length, uint64_t than) {
    return (fit == KB_FIT_BEST && length < than) || (fit == KB_FIT_WORST && length > than);
}

static bool list_take(uint64_t length, enum kb_fit fit, struct kb_hole *from) {
    unsigned first = 0, found = list_count;
    while (fit == KB_FIT_NEXT && first < list_count &&
           list[first].start + list[first].length <= list_last_end)
        first++;
    for (unsigned k = 0; k < list_count; k++) {
        unsigned i = (first + k) % list_count;
        if (list[i].length >= length &&
            (found == list_count || list_better(fit, list[i].length, list[found].length)))
            found = i;
    }
    if (found == list_count)
        return false;
    *from = list[found];
    list_last_end = from->start + length;
    list[found].start += length;
    list[found].length -= length;
    if (list[found].length == 0)
        list_remove(found);
    return true;
}

static bool list_take_at(uint64_t start, uint64_t length) {
    for (unsigned i = 0; i < list_count; i++) {
        struct kb_hole hole = list[i];
        uint64_t end = hole.start + hole.length;
        if (start < hole.start || start + length > end)
            continue;
        list_remove(i);
        if (start + length < end)
            list_insert(i, start + length, end - start - length);
        if (hole.start < start)
            list_insert(i, hole.start, start - hole.start);
        return true;
    }
    return false;
}

/* ---- both at once ---- */

static struct kb_holes holes;
static struct kb_hole piece[MOST]; /* what is taken */
static unsigned pieces;

static void same_holes(void) {
    struct kb_hole hole;
    uint64_t from = 0, total = 0, largest = 0;
    unsigned i = 0;
    for (; kb_holes_next(&holes, from, &hole); from = hole.start + hole.length, i++) {
        CHECK(i < list_count && list[i].start == hole.start && list[i].length == hole.length);
        total += hole.length;
        largest = hole.length > largest ? hole.length : largest;
    }
    CHECK_EQ(i, list_count);
    CHECK_EQ(holes.count, list_count);
    CHECK_EQ(holes.total, total);
    CHECK_EQ(kb_holes_largest(&holes), largest);
}

static void give(unsigned i) {
    struct kb_hole all = piece[i], part = all;
    if (all.length > 1 && below(4) == 0) { /* a part now, the rest later */
        part.length = 1 + below(all.length - 1);
        if (below(2) == 0)
            part.start += all.length - part.length;
        piece[i].start += part.start == all.start ? part.length : 0;
        piece[i].length -= part.length;
    } else {
        piece[i] = piece[--pieces];
    }
    CHECK(list_give(part.start, part.length));
    CHECK_EQ(kb_holes_give(&holes, part.start, part.length, &error), KB_OK);
}

static void take(uint64_t length, enum kb_fit fit) {
    struct kb_hole from = {0}, wanted = {0};
    bool there = list_take(length, fit, &wanted);
    CHECK_EQ(kb_holes_take(&holes, length, fit, &from), there);
    CHECK_EQ(from.start, wanted.start);
    CHECK_EQ(from.length, wanted.length);
    if (there)
        piece[pieces++] = (struct kb_hole){from.start, length};
}

static void take_at(uint64_t start, uint64_t length) {
    bool taken = false, there = list_take_at(start, length);
    CHECK_EQ(kb_holes_take_at(&holes, start, length, &taken, &error), KB_OK);
    CHECK_EQ(taken, there);
    if (there)
        piece[pieces++] = (struct kb_hole){start, length};
}

/* A range that is free already, in part or whole, is refused and changes nothing. */
static void give_again(uint64_t memory) {
    uint64_t start = below(memory), length = 1 + below(64);
    for (unsigned i = 0; i < list_count; i++)
        if (list[i].start < start + length && start < list[i].start + list[i].length) {
            CHECK_EQ(kb_holes_give(&holes, start, length, &error), KB_DATA);
            return;
        }
}

/* fit KB_FITS: another one each time. */
static void against_list(enum kb_fit fit, uint64_t memory, uint64_t most, unsigned check_every) {
    kb_holes_clear(&holes);
    list_count = pieces = 0;
    list_last_end = 0;
    CHECK(list_give(0, memory));
    CHECK_EQ(kb_holes_give(&holes, 0, memory, &error), KB_OK);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        uint64_t what = below(100);
        if (pieces >= MOST / 2 || (what < 48 && pieces > 0))
            give((unsigned)below(pieces));
        else if (what < 92)
            take(1 + below(most), fit == KB_FITS ? (enum kb_fit)below(KB_FITS) : fit);
        else if (what < 98)
            take_at(below(memory), 1 + below(most / 4));
        else
            give_again(memory);
        if (i % check_every == 0) {
            const char *wrong = kb_holes_check(&holes);
            CHECK_STR(wrong == NULL ? "" : wrong, "");
            same_holes();
        }
        if (harness_failures > 20)
            return;
    }
}

/* ---- by hand ---- */

static void start_with(const struct kb_hole *all, unsigned count) {
    kb_holes_clear(&holes);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(kb_holes_give(&holes, all[i].start, all[i].length, &error), KB_OK);
}

/* The five holes of the textbooks: what each fit answers to 212, 417, 112, 426. */
static void five_holes(void) {
    static const struct kb_hole five[] = {
        {0, 100}, {1000, 500}, {2000, 200}, {3000, 300}, {4000, 600}};
    static const uint64_t requests[] = {212, 417, 112, 426};
    static const uint64_t hole[KB_FITS][4] = {[KB_FIT_FIRST] = {500, 600, 288, 0},
                                              [KB_FIT_NEXT] = {500, 600, 183, 0},
                                              [KB_FIT_BEST] = {300, 500, 200, 600},
                                              [KB_FIT_WORST] = {600, 500, 388, 0}};
    for (unsigned fit = 0; fit < KB_FITS; fit++) {
        start_with(five, 5);
        for (unsigned i = 0; i < 4; i++) {
            struct kb_hole from = {0};
            bool there = kb_holes_take(&holes, requests[i], (enum kb_fit)fit, &from);
            CHECK_EQ(there, hole[fit][i] != 0);
            CHECK_EQ(from.length, hole[fit][i]);
        }
    }
}

static void ties_go_to_the_lowest(void) {
    static const struct kb_hole equal[] = {{700, 50}, {100, 50}, {300, 50}, {500, 20}};
    for (unsigned fit = KB_FIT_BEST; fit <= KB_FIT_WORST; fit++) {
        struct kb_hole from = {0};
        start_with(equal, 4);
        CHECK(kb_holes_take(&holes, 30, (enum kb_fit)fit, &from));
        CHECK_EQ(from.start, 100);
    }
}

/* Next fit goes on from the last end, wraps around, and sees a hole that has grown over its place
 * from the beginning. */
static void next_fit_roves(void) {
    static const struct kb_hole three[] = {{0, 100}, {200, 100}, {400, 100}};
    struct kb_hole from = {0};
    start_with(three, 3);
    CHECK(kb_holes_take(&holes, 90, KB_FIT_NEXT, &from) && from.start == 0);
    CHECK(kb_holes_take(&holes, 20, KB_FIT_NEXT, &from) && from.start == 200);
    CHECK(kb_holes_take(&holes, 30, KB_FIT_NEXT, &from) && from.start == 220);
    CHECK_EQ(kb_holes_give(&holes, 220, 30, &error), KB_OK);
    CHECK(kb_holes_take(&holes, 10, KB_FIT_NEXT, &from) && from.start == 220);
    CHECK(kb_holes_take(&holes, 100, KB_FIT_NEXT, &from) && from.start == 400);
    CHECK(kb_holes_take(&holes, 10, KB_FIT_NEXT, &from) && from.start == 90);
    CHECK(!kb_holes_take(&holes, 101, KB_FIT_NEXT, &from));
}

static void edges(void) {
    struct kb_hole from = {7, 7};
    bool taken = true;
    kb_holes_clear(&holes);
    CHECK(!kb_holes_take(&holes, 1, KB_FIT_BEST, &from));
    CHECK(!kb_holes_next(&holes, 0, &from));
    CHECK_EQ(from.start, 7);
    CHECK_EQ(kb_holes_give(&holes, 5, 0, &error), KB_OK);
    CHECK_EQ(holes.count, 0);
    CHECK_EQ(kb_holes_take_at(&holes, 0, 1, &taken, &error), KB_OK);
    CHECK(!taken);
    CHECK_EQ(kb_holes_give(&holes, UINT64_MAX - 9, 9, &error), KB_OK);
    CHECK_EQ(kb_holes_give(&holes, UINT64_MAX - 20, 21, &error), KB_DATA);
    CHECK_EQ(kb_holes_give(&holes, UINT64_MAX - 20, UINT64_MAX, &error), KB_DATA);
    CHECK(strstr(error.text, "free already") != NULL);
    CHECK_EQ(kb_holes_take_at(&holes, UINT64_MAX - 9, UINT64_MAX, &taken, &error), KB_OK);
    CHECK(!taken);
    CHECK_EQ(kb_holes_take_at(&holes, UINT64_MAX - 5, 5, &taken, &error), KB_OK);
    CHECK(taken);
    CHECK(!kb_holes_take(&holes, 0, KB_FIT_FIRST, &from));
    CHECK(kb_holes_take(&holes, 4, KB_FIT_WORST, &from));
    CHECK_EQ(holes.count, 0);
    CHECK_EQ(holes.total, 0);
    CHECK_EQ(kb_holes_largest(&holes), 0);
}

static void names(void) {
    for (unsigned i = 0; i < KB_FITS; i++) {
        enum kb_fit fit = KB_FITS;
        const char *name = kb_fit_name((enum kb_fit)i);
        CHECK(kb_fit_parse(name, strlen(name), &fit));
        CHECK_EQ(fit, i);
        CHECK(!kb_fit_parse(name, strlen(name) - 1, &fit));
    }
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
    struct kb_holes poor;
    struct kb_hole from;
    bool taken = true;
    takes_left = 0;
    CHECK_EQ(kb_holes_init(&poor, &host, &error), KB_NO_MEMORY);
    kb_holes_free(&poor);
    takes_left = 1;
    CHECK_EQ(kb_holes_init(&poor, &host, &error), KB_OK);
    uint32_t given = 0;
    while (kb_holes_give(&poor, UINT64_C(10) * given, 5, &error) == KB_OK)
        given++;
    CHECK_EQ(error.status, KB_NO_MEMORY);
    CHECK_EQ(poor.count, given);
    CHECK_EQ(poor.total, UINT64_C(5) * given);
    CHECK_EQ(kb_holes_take_at(&poor, 11, 1, &taken, &error), KB_NO_MEMORY);
    CHECK(!taken);
    CHECK(kb_holes_check(&poor) == NULL);
    CHECK_EQ(kb_holes_give(&poor, 5, 5, &error), KB_OK); /* joins its neighbours: no node */
    CHECK(kb_holes_take(&poor, 15, KB_FIT_BEST, &from));
    CHECK(kb_holes_check(&poor) == NULL);
    kb_holes_free(&poor);
}

int main(void) {
    dice.state = 20;
    CHECK_EQ(kb_holes_init(&holes, NULL, &error), KB_OK);
    five_holes();
    ties_go_to_the_lowest();
    next_fit_roves();
    edges();
    names();
    for (unsigned fit = 0; fit <= KB_FITS; fit++) {
        against_list((enum kb_fit)fit, 4096, 64, 1);      /* some hundred holes */
        against_list((enum kb_fit)fit, 1 << 20, 400, 97); /* thousands */
        against_list((enum kb_fit)fit, 60000, 12000, 1);  /* few, and requests that must wait */
    }
    kb_holes_free(&holes);
    out_of_memory();
    return harness_end();
}
