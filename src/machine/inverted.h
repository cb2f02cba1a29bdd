/* inverted.h - the hashed inverted table: one entry a frame, whatever the processes.
 *
 * Source: IBM System/38; J. Huck, J. Hays, "Architectural support for
 * translation table management in large address space machines", ISCA 1993.
 *
 *   entry i, 16 bytes (little-endian), of the page in frame i:
 *
 *   word 0 | page number : 36 | asid : 16 | - : 4 | G | U | M | R | X | W | r | V |
 *           63             28  27       12          7   6   5   4   3   2   1   0
 *   word 1 | next : 32 (frame + 1, 0: end) | anchor : 32 (frame + 1, 0: empty)    |
 *           63                           32 31                                   0
 *
 * The anchor in entry h begins the chain of the pages whose hash is h; so
 * there is no second table. A lookup reads entry h for the anchor (one storage
 * cycle), then each entry of the chain up to the page (one cycle each). V
 * valid, r W X rights, R referenced, M modified, U user.
 *
 * G: a global page belongs to every asid. The hash takes the asid in, lest all
 * processes' pages of one number share a chain; global pages have a hash
 * without it. What is not in its own chain is therefore sought in the chain of
 * the global pages, at the price of that anchor and chain.
 *
 * Page numbers beyond 36 bits do not fit. Whatever stands in the memory, a
 * lookup reads no more than 2 x (frames + 1) entries, all of them in the table.
 */
#ifndef KB_MACHINE_INVERTED_H
#define KB_MACHINE_INVERTED_H

#include "machine/format.h"

#define KB_INVERTED_ENTRY_BYTES 16
#define KB_INVERTED_PAGE_BITS 36
#define KB_INVERTED_ASID_BITS 16
#define KB_INVERTED_REFERENCED_BIT 4
#define KB_INVERTED_MODIFIED_BIT 5

struct kb_inverted {
    const struct kb_memory *memory;
    uint64_t base;   /* physical address of the table */
    uint32_t frames; /* entries */
};

struct kb_inverted_hit {
    uint32_t reads;   /* entries read: storage cycles */
    uint32_t frame;   /* KB_INVERTED_NONE if the page is not there */
    unsigned bits;    /* enum kb_entry_bits */
    uint64_t address; /* physical, of word 0 of its entry */
};
#define KB_INVERTED_NONE UINT32_MAX

/* All entries empty. The memory must hold frames × 16 bytes at base. */
void kb_inverted_clear(const struct kb_inverted *table);

/* read, unless NULL, is told of each entry read: for those who watch. */
struct kb_inverted_hit
kb_inverted_find(const struct kb_inverted *table, uint64_t page, uint32_t asid,
                 void (*read)(void *context, uint64_t address, uint64_t word0, uint64_t word1),
                 void *context);

/* Maps page to frame, whose entry must be free. bits: enum kb_entry_bits; it becomes valid in any
 * case, and first in its chain. */
void kb_inverted_insert(const struct kb_inverted *table, uint64_t page, uint32_t asid,
                        uint32_t frame, unsigned bits);

/* Takes the page of this frame out of its chain; its entry keeps only the anchor. Nothing happens
 * if there is none. */
void kb_inverted_remove(const struct kb_inverted *table, uint32_t frame);

/* Word 0 with other rights, R and M: enum kb_entry_bits to and from word 0. G must stay as it was:
 * the page's chain depends on it. */
uint64_t kb_inverted_encode(uint64_t page, uint32_t asid, unsigned bits);
unsigned kb_inverted_bits(uint64_t word0);

#endif
