/* units.h - numbers as people type them: 64M, 4K, 20. */
#ifndef KB_BASE_UNITS_H
#define KB_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses a whole decimal number with an optional K, M, G or T (1024, 1024², …; also KiB, MiB, …
 * and a lone B). Returns false if text[0..length) is anything else or overflows 64 bits. */
bool kb_parse_size(const char *text, size_t length, uint64_t *value);

/* Parses a whole decimal number without unit. */
bool kb_parse_u64(const char *text, size_t length, uint64_t *value);

/* Writes bytes as 512 B, 4 KiB, 3.5 MiB … into text; returns text. */
#define KB_SIZE_TEXT 32
char *kb_format_size(uint64_t bytes, char text[KB_SIZE_TEXT]);

static inline bool kb_is_power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

/* log2 of a power of two. */
static inline unsigned kb_log2(uint64_t n) { return 63u - (unsigned)__builtin_clzll(n); }

/* a × b, or false on overflow. */
static inline bool kb_multiply(uint64_t a, uint64_t b, uint64_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

/* a + b, or false on overflow. */
static inline bool kb_add(uint64_t a, uint64_t b, uint64_t *sum) {
    return !__builtin_add_overflow(a, b, sum);
}

#endif
