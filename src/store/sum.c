/* sum.c - the checksum of a page: Fletcher's two sums over its 32-bit little-endian words.
 *
 *   a = Σ w[i]        b = Σ (n − i) · w[i]        sum = START + a + K · b  (mod 2^64)
 *
 * Source: J. G. Fletcher, "An arithmetic checksum for serial transmissions",
 * IEEE Transactions on Communications 30(1), 1982. A word's weight in the sum
 * is 1 + (n − i) · K. In pages of up to 2^30 bytes no weight, and no difference
 * of two weights, is a multiple of 2^32; so every change within one word and
 * every exchange of two different words changes the sum.
 *
 * Lane l takes the words l, l + LANES, …: what the sums of all words are
 * follows from the lanes' own, and compilers make vectors of the lanes. */
#include <string.h>

#include "store/store.h"

#define LANES 8
#define START UINT64_C(0x6b696c6275726e21) /* "kilburn!": a page of zeros has a sum, too */
#define K UINT64_C(0x9e3779b97f4a7c15)

static inline uint32_t word_at(const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

uint64_t kb_page_sum(const void *page, uint32_t bytes) {
    const uint8_t *at = page;
    uint64_t a[LANES] = {0}, b[LANES] = {0}, sum = START;
    for (uint32_t row = 0; row < bytes; row += LANES * 4) {
        for (uint32_t lane = 0; lane < LANES; lane++) {
            a[lane] += word_at(at + row + lane * 4);
            b[lane] += a[lane];
        }
    }
    /* A word that lane l counts j times in b is at n − i = LANES · j − l. */
    for (uint32_t lane = 0; lane < LANES; lane++)
        sum += a[lane] * (1 - K * lane) + b[lane] * (K * LANES);
    return sum;
}
