/* kbt.h - the native trace format, byte by byte. docs/kbt.md tells the reasons.
 *
 *   file     header | block … block | footer block | trailer        all little-endian
 *
 *   header   0 magic:8 | 8 version:2 | 10 grain shift:1 (255: none) | 11 0:5 | 16 program:44 |
 *            60 crc32c of bytes 0 … 59
 *
 *   block    0 magic "KBLK" or "KFTR":4 | 4 crc32c of the stored payload:4 | 8 stored length:4 |
 *            12 raw length:4 | 16 new pages:4 | 20 pages before:4 | 24 references before:8 |
 *            32 references:8 | 40 records:4 | 44 codec:1 | 45 flags:1 | 46 0:2 | 48 events:4 |
 *            52 process at the start:4 | 56 0:4 | 60 crc32c of bytes 0 … 59 | 64 payload
 *
 *   payload  page number:8 for each new page | its process:4 each, if PROCESSES | records
 *
 *   record   narrow  | page : 22 | kind : 2 | count : 8 |      count 255: the next word holds it
 *            wide    | count : 30 | kind : 2 | page : 32 |     64 bits
 *            kind 3  an event (run.h): page holds its type, count how many words follow (narrow:
 *                    32-bit words; wide: 64-bit): first page number, then number of pages, each 64
 *                    bits, low half first in narrow records
 *
 *   footer   a block "KFTR" whose raw payload is: references:8 | runs:8 | blocks:8 | pages:4 | 0:4
 * | reads:8 | writes:8 | executes:8 | for each block: offset:8 | references before:8 | pages
 * before:4 | process:4 | then page number:8 of each page | process:4 of each page, if PROCESSES
 *
 *   trailer  offset of the footer block:8 | "KBTEND\r\n":8
 *
 * Version 1 has events up to KB_EVENT_RELEASE; in version 2, which recorders write, all others may
 * stand, too. Nothing else differs.
 */
#ifndef KB_TRACE_KBT_H
#define KB_TRACE_KBT_H

#include <stdint.h>
#include <string.h>

#define KBT_MAGIC "\x89KBT\r\n\x1a\n"
#define KBT_END "KBTEND\r\n"
#define KBT_VERSION_PLAIN 1
#define KBT_VERSION_STORY 2 /* with what a recorder tells of memory */
#define KBT_NO_GRAIN 255
#define KBT_HEADER_BYTES 64
#define KBT_BLOCK_BYTES 64 /* of a block's header */
#define KBT_TRAILER_BYTES 16
#define KBT_TOTALS_BYTES 56
#define KBT_INDEX_BYTES 24
#define KBT_PROGRAM_BYTES 44

#define KBT_BLOCK_MAGIC UINT32_C(0x4B4C424B)  /* "KBLK" */
#define KBT_FOOTER_MAGIC UINT32_C(0x5254464B) /* "KFTR" */

#define KBT_RECORDS (UINT32_C(1) << 18) /* of a block, events' words too: 1 MiB of narrow ones */
#define KBT_NARROW_PAGES (UINT32_C(1) << 22)
#define KBT_LONG_COUNT 255
#define KBT_KIND_EVENT 3

/* More than any block can need: all records wide and all of new pages. */
#define KBT_MOST_RAW (KBT_RECORDS * 20 + 64)

enum kbt_flag { KBT_WIDE = 1, KBT_LONG = 2, KBT_EVENTS = 4, KBT_PROCESSES = 8 };

struct kbt_block_header {
    uint32_t magic, payload_crc, stored, raw;
    uint32_t new_pages, pages_before;
    uint64_t references_before, references;
    uint32_t records; /* words (narrow) or double words (wide) of records */
    uint8_t codec, flags;
    uint32_t events, process;
};

struct kbt_totals {
    uint64_t references, runs, blocks, reads, writes, executes;
    uint32_t pages;
};

struct kbt_index_entry {
    uint64_t offset, references_before;
    uint32_t pages_before, process;
};

static inline void kbt_put(uint8_t *at, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t kbt_get(const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Of arrays of 32- and 64-bit words, which have the host's own order in memory. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "kbt.h: swap the words of payloads on big-endian hosts"
#endif

void kbt_pack_block_header(const struct kbt_block_header *header, uint8_t bytes[KBT_BLOCK_BYTES]);

/* Returns 0 if the magic or the checksum is wrong. */
int kbt_unpack_block_header(const uint8_t bytes[KBT_BLOCK_BYTES], struct kbt_block_header *header);

#endif
