/* buddy.c - the buddy system. (Knowlton 1965; Knuth 1968, 2.5, algorithms R and S.)
 *
 * A block of order k has 2^k units and begins at a multiple of 2^k, counted
 * from the start of the memory; its buddy is the other half of the block of
 * order k + 1, at its own number with bit k inverted:
 *
 *   unit   0       4       8
 *          | order 2       | ...      buddy of the block at 4, order 2: 0
 *          |   2   |   2   |
 *          | 1 | 1 | ...              buddy of the block at 0, order 1: 2
 *
 * For each order a set of the free blocks knows its least member. A buddy that
 * would reach beyond the end of the memory is never free. */
#include <string.h>

#include "base/units.h"
#include "policy/placement/placement.h"

static uint64_t units_of(unsigned order) { return UINT64_C(1) << order; }

static bool is_free(const struct kb_buddy *b, uint64_t unit, unsigned order) {
    uint64_t i = unit >> order;
    return (unit & (units_of(order) - 1)) == 0 && unit + units_of(order) <= b->units &&
           (b->free[order].level[0][i >> 6] >> (i & 63) & 1) != 0;
}

static struct kb_hole range(const struct kb_buddy *b, uint64_t unit, unsigned order) {
    return (struct kb_hole){b->start + unit * b->block, b->block << order};
}

static uint64_t lowest(const struct kb_buddy *b, unsigned order) {
    uint64_t i = kb_bitset_from(&b->free[order], 0, b->units >> order);
    return i == KB_BITSET_NONE ? i : i << order;
}

/* ---- set-up ---- */

/* Bytes of all tables; places them at `at` unless it is NULL. */
static size_t lay_out(struct kb_buddy *b, char *at) {
    size_t bytes = ((size_t)b->units + 15) / 16 * 16;
    for (unsigned k = 0; k < b->orders; k++)
        bytes += kb_bitset_layout(&b->free[k], b->units >> k, at != NULL ? at + bytes : NULL);
    return bytes;
}

kb_status kb_buddy_init(struct kb_buddy *buddy, uint64_t start, uint64_t length, uint64_t block,
                        const struct kb_host *host, struct kb_error *error) {
    uint64_t end;
    *buddy = (struct kb_buddy){.start = start, .block = block, .host = host};
    if (!kb_is_power_of_two(block) || length == 0 || length % block != 0 ||
        length / block > INT32_MAX || !kb_add(start, length, &end))
        return kb_fail(error, KB_DATA, KB_MSG_buddy_memory, (unsigned long long)length,
                       (unsigned long long)block);
    buddy->units = (uint32_t)(length / block);
    while (units_of(buddy->orders) <= buddy->units)
        buddy->orders++;
    buddy->bytes = lay_out(buddy, NULL);
    buddy->order = kb_take(host, buddy->bytes);
    if (buddy->order == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "buddies",
                       (unsigned long long)buddy->bytes);
    (void)lay_out(buddy, (char *)buddy->order);
    buddy->total = length;
    uint64_t unit = 0;
    for (unsigned k = buddy->orders; k-- > 0;)
        if (buddy->units >> k & 1) {
            kb_bitset_insert(&buddy->free[k], unit >> k);
            unit += units_of(k);
        }
    return KB_OK;
}

void kb_buddy_free(struct kb_buddy *buddy) {
    kb_give_back(buddy->host, buddy->order, buddy->order != NULL ? buddy->bytes : 0);
    *buddy = (struct kb_buddy){0};
}

/* ---- blocks are taken and given ---- */

bool kb_buddy_take(struct kb_buddy *buddy, uint64_t length, struct kb_hole *from,
                   struct kb_hole *piece) {
    unsigned order = 0;
    while (order < buddy->orders && buddy->block << order < length)
        order++;
    unsigned k = order;
    uint64_t unit = KB_BITSET_NONE;
    for (; k < buddy->orders && unit == KB_BITSET_NONE; k++)
        unit = lowest(buddy, k);
    if (unit == KB_BITSET_NONE || length == 0)
        return false;
    *from = range(buddy, unit, --k);
    kb_bitset_remove(&buddy->free[k], unit >> k);
    while (k > order) { /* the upper half is free */
        k--;
        kb_bitset_insert(&buddy->free[k], (unit + units_of(k)) >> k);
    }
    buddy->order[unit] = (uint8_t)(order + 1);
    *piece = range(buddy, unit, order);
    buddy->total -= piece->length;
    return true;
}

kb_status kb_buddy_give(struct kb_buddy *buddy, uint64_t start, struct kb_hole *grown,
                        struct kb_error *error) {
    uint64_t unit = (start - buddy->start) / buddy->block;
    if (start < buddy->start || (start - buddy->start) % buddy->block != 0 ||
        unit >= buddy->units || buddy->order[unit] == 0)
        return kb_fail(error, KB_DATA, KB_MSG_buddy_given, (unsigned long long)start);
    unsigned order = buddy->order[unit] - 1u;
    buddy->order[unit] = 0;
    buddy->total += buddy->block << order;
    for (; is_free(buddy, unit ^ units_of(order), order); order++) {
        kb_bitset_remove(&buddy->free[order], (unit ^ units_of(order)) >> order);
        unit &= ~units_of(order);
    }
    kb_bitset_insert(&buddy->free[order], unit >> order);
    *grown = range(buddy, unit, order);
    return KB_OK;
}

/* ---- looking ---- */

bool kb_buddy_next(const struct kb_buddy *buddy, uint64_t from, struct kb_hole *block,
                   bool *taken) {
    uint64_t unit = (from - buddy->start) / buddy->block;
    if (unit >= buddy->units)
        return false;
    *taken = buddy->order[unit] != 0;
    unsigned order = *taken ? buddy->order[unit] - 1u : 0;
    while (!*taken && !is_free(buddy, unit, order))
        if (++order == buddy->orders)
            return false; /* not the beginning of a block */
    *block = range(buddy, unit, order);
    return true;
}

uint64_t kb_buddy_largest(const struct kb_buddy *buddy) {
    for (unsigned k = buddy->orders; k-- > 0;)
        if (lowest(buddy, k) != KB_BITSET_NONE)
            return buddy->block << k;
    return 0;
}

const char *kb_buddy_check(const struct kb_buddy *buddy) {
    uint64_t at = buddy->start, end = at + buddy->units * buddy->block, free = 0, members = 0;
    struct kb_hole block;
    bool taken;
    for (; kb_buddy_next(buddy, at, &block, &taken); at += block.length) {
        unsigned order = kb_log2(block.length / buddy->block);
        uint64_t unit = (block.start - buddy->start) / buddy->block;
        if (unit % units_of(order) != 0)
            return "a block is not where one of its size may be";
        if (taken)
            continue;
        free += block.length;
        members++;
        if (is_free(buddy, unit ^ units_of(order), order))
            return "two buddies are free and have not joined";
    }
    if (at != end)
        return "blocks do not cover the memory";
    if (free != buddy->total)
        return "the total is wrong";
    for (unsigned k = 0; k < buddy->orders; k++)
        for (uint64_t i = 0; i < buddy->units >> k; i++)
            members -= is_free(buddy, i << k, k);
    return members != 0 ? "a free block lies inside another block" : NULL;
}
