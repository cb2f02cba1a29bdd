/* bitset.h - a set of small numbers that knows its least and greatest member.
 *
 * A tree of 64-bit words: bit i of level 0 is member i, and a bit of level
 * k + 1 tells whether the word below it in level k is not zero. So insert and
 * remove touch one word mostly, and a search looks at one word a level.
 *
 *   level 1            [ 1 0 1 … ]
 *   level 0   [ 0 1 0 0 … ] [ 0 … ] [ 0 0 0 1 … ]
 */
#ifndef KB_BASE_BITSET_H
#define KB_BASE_BITSET_H

#include <stddef.h>
#include <stdint.h>

#define KB_BITSET_LEVELS 6 /* 64^6 = 2^36 members */
#define KB_BITSET_NONE UINT64_MAX

struct kb_bitset {
    uint64_t *level[KB_BITSET_LEVELS];
    unsigned depth; /* levels in use; the last one has one word */
};

/* Bytes for members 0 … n − 1, all zero at first; places the levels at `at` unless it is NULL. */
static inline size_t kb_bitset_layout(struct kb_bitset *set, uint64_t n, char *at) {
    size_t bytes = 0;
    unsigned depth = 0;
    do {
        n = (n + 63) / 64;
        if (n == 0)
            n = 1;
        set->level[depth++] = at != NULL ? (uint64_t *)(void *)(at + bytes) : NULL;
        bytes += (size_t)n * sizeof(uint64_t);
    } while (n > 1 && depth < KB_BITSET_LEVELS);
    set->depth = depth;
    return (bytes + 15) / 16 * 16;
}

static inline void kb_bitset_insert(const struct kb_bitset *set, uint64_t member) {
    for (unsigned k = 0; k < set->depth; k++) {
        uint64_t *word = &set->level[k][member >> 6], old = *word;
        *word = old | UINT64_C(1) << (member & 63);
        if (old != 0)
            return;
        member >>= 6;
    }
}

static inline void kb_bitset_remove(const struct kb_bitset *set, uint64_t member) {
    for (unsigned k = 0; k < set->depth; k++) {
        uint64_t *word = &set->level[k][member >> 6];
        *word &= ~(UINT64_C(1) << (member & 63));
        if (*word != 0)
            return;
        member >>= 6;
    }
}

/* The greatest member below limit, or KB_BITSET_NONE; limit is less than the n of the layout. */
static inline uint64_t kb_bitset_below(const struct kb_bitset *set, uint64_t limit) {
    unsigned k = 0;
    uint64_t at = limit;
    for (; k < set->depth; k++, at >>= 6) { /* up, until a word has a bit below */
        uint64_t word = (at & 63) == 0 ? 0 : set->level[k][at >> 6] << (64 - (at & 63));
        if (word != 0) {
            at = at - 1 - (uint64_t)__builtin_clzll(word);
            break;
        }
    }
    if (k == set->depth)
        return KB_BITSET_NONE;
    while (k-- > 0)
        at = at << 6 | (63 - (uint64_t)__builtin_clzll(set->level[k][at]));
    return at;
}

/* The least member from start on, or KB_BITSET_NONE. */
static inline uint64_t kb_bitset_from(const struct kb_bitset *set, uint64_t start, uint64_t n) {
    unsigned k = 0;
    uint64_t at = start;
    for (; k < set->depth && at < n; k++, at = (at >> 6) + 1, n = (n + 63) / 64) {
        uint64_t word = set->level[k][at >> 6] >> (at & 63);
        if (word != 0) {
            at += (uint64_t)__builtin_ctzll(word);
            break;
        }
    }
    if (k == set->depth || at >= n)
        return KB_BITSET_NONE;
    while (k-- > 0)
        at = at << 6 | (uint64_t)__builtin_ctzll(set->level[k][at]);
    return at;
}

#endif
