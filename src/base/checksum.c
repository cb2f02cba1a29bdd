/* checksum.c - CRC-32C: eight bytes an instruction where SSE 4.2 has it, in three interleaved
 * streams that hide its latency; a 16-entry nibble table elsewhere. */
#include "base/checksum.h"

#include <string.h>

/* The remainders of the 16 nibbles for the reflected polynomial 0x82F63B78. */
static const uint32_t nibbles[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

static uint32_t portable(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ nibbles[crc & 15];
        crc = (crc >> 4) ^ nibbles[crc & 15];
    }
    return crc;
}

#if defined(__x86_64__)

/* crc · x^(8·length) mod P: what crc becomes when `length` zero bytes follow. Squares a 32×32 bit
 * matrix (zlib's crc32_combine idea); used three times a large buffer only. */
static uint32_t times(const uint32_t matrix[32], uint32_t vector) {
    uint32_t sum = 0;
    for (unsigned i = 0; vector != 0; i++, vector >>= 1)
        if (vector & 1)
            sum ^= matrix[i];
    return sum;
}

static void square(uint32_t to[32], const uint32_t from[32]) {
    for (unsigned i = 0; i < 32; i++)
        to[i] = times(from, from[i]);
}

static uint32_t shift(uint32_t crc, size_t length) {
    uint32_t power[32], next[32];
    power[0] = 0x82F63B78; /* one zero bit */
    for (unsigned i = 1; i < 32; i++)
        power[i] = 1u << (i - 1);
    for (unsigned i = 0; i < 3; i++) { /* one zero byte */
        square(next, power);
        memcpy(power, next, sizeof power);
    }
    for (; length != 0; length >>= 1) {
        if (length & 1)
            crc = times(power, crc);
        square(next, power);
        memcpy(power, next, sizeof power);
    }
    return crc;
}

static inline uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, const uint8_t *bytes,
                                                           size_t count) {
    uint64_t a = crc;
    if (count >= 3 * 8192) {
        size_t third = count / 24 * 8;
        uint64_t b = 0, c = 0;
        const uint8_t *second = bytes + third, *last = second + third;
        for (size_t i = 0; i < third; i += 8) {
            a = __builtin_ia32_crc32di(a, word_at(bytes + i));
            b = __builtin_ia32_crc32di(b, word_at(second + i));
            c = __builtin_ia32_crc32di(c, word_at(last + i));
        }
        a = shift((uint32_t)a, third) ^ b;
        a = shift((uint32_t)a, third) ^ c;
        bytes += 3 * third;
        count -= 3 * third;
    }
    for (; count >= 8; bytes += 8, count -= 8)
        a = __builtin_ia32_crc32di(a, word_at(bytes));
    uint32_t rest = (uint32_t)a;
    for (; count > 0; bytes++, count--)
        rest = __builtin_ia32_crc32qi(rest, *bytes);
    return rest;
}

uint32_t kb_crc32c(uint32_t previous, const void *bytes, size_t count) {
    if (__builtin_cpu_supports("sse4.2"))
        return ~hardware(~previous, bytes, count);
    return ~portable(~previous, bytes, count);
}

#else

uint32_t kb_crc32c(uint32_t previous, const void *bytes, size_t count) {
    return ~portable(~previous, bytes, count);
}

#endif
