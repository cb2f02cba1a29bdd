/* inverted.c - chains of a hashed inverted table: find, insert at the front, take out.
 *
 * The hash mixes asid and page number (multiply, fold, multiply, as in D.
 * Lea's and S. Vigna's generators; one multiplication alone leaves strides of
 * 512 pages visible) and takes as many parts of the range as there are frames,
 * which need not be a power of two. Global pages have an asid of their own,
 * beyond all others.
 */
#include "machine/inverted.h"

#include <assert.h>

#define GLOBAL_ASID (UINT64_C(1) << KB_INVERTED_ASID_BITS)
#define ASID_MASK (GLOBAL_ASID - 1)
#define PAGE_SHIFT (64 - KB_INVERTED_PAGE_BITS)
#define ASID_SHIFT 12

struct words {
    uint64_t page; /* word 0 */
    uint64_t link; /* word 1 */
};

static uint32_t hash_of(const struct kb_inverted *table, uint64_t page, uint64_t asid) {
    uint64_t key = asid << KB_INVERTED_PAGE_BITS | page;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    key ^= key >> 31;
    key *= UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((key >> 32) * table->frames >> 32);
}

static uint64_t address_of(const struct kb_inverted *table, uint32_t entry) {
    return table->base + (uint64_t)entry * KB_INVERTED_ENTRY_BYTES;
}

static struct words words_of(const struct kb_inverted *table, uint32_t entry) {
    uint64_t at = address_of(table, entry);
    return (struct words){kb_memory_entry(table->memory, at, 8),
                          kb_memory_entry(table->memory, at + 8, 8)};
}

/* Parts of word 1, which are frame + 1, or 0. */
static uint32_t anchor_in(uint64_t link) { return (uint32_t)link; }
static uint32_t next_in(uint64_t link) { return (uint32_t)(link >> 32); }

static void set_anchor(const struct kb_inverted *table, uint32_t entry, uint32_t anchor) {
    kb_memory_set_entry(table->memory, address_of(table, entry) + 8, 4, anchor);
}

static void set_next(const struct kb_inverted *table, uint32_t entry, uint32_t next) {
    kb_memory_set_entry(table->memory, address_of(table, entry) + 12, 4, next);
}

/* Word 0 without its flags: what must be equal. */
static uint64_t name_of(uint64_t page, uint64_t asid) {
    return page << PAGE_SHIFT | (asid & ASID_MASK) << ASID_SHIFT;
}

/* The chain in which a page lies whose word 0 is this. */
static uint32_t chain_of(const struct kb_inverted *table, uint64_t word0) {
    bool global = (kb_inverted_bits(word0) & KB_ENTRY_GLOBAL) != 0;
    uint64_t asid = global ? GLOBAL_ASID : word0 >> ASID_SHIFT & ASID_MASK;
    return hash_of(table, word0 >> PAGE_SHIFT, asid);
}

/* The bits of word 0 are those of enum kb_entry_bits, but R and M change places with U and G. */
static uint64_t swap_pairs(uint64_t bits) {
    return (bits & 0x0f) | (bits & 0x30) << 2 | (bits & 0xc0) >> 2;
}

uint64_t kb_inverted_encode(uint64_t page, uint32_t asid, unsigned bits) {
    return name_of(page, asid) | swap_pairs(bits);
}

unsigned kb_inverted_bits(uint64_t word0) { return (unsigned)swap_pairs(word0); }

void kb_inverted_clear(const struct kb_inverted *table) {
    uint64_t bytes = (uint64_t)table->frames * KB_INVERTED_ENTRY_BYTES;
    assert(kb_memory_has(table->memory, table->base, bytes));
    if (bytes > 0)
        memset(kb_memory_at(table->memory, table->base), 0, (size_t)bytes);
}

struct search {
    const struct kb_inverted *table;
    void (*read)(void *context, uint64_t address, uint64_t word0, uint64_t word1);
    void *context;
    struct kb_inverted_hit hit;
};

static struct words read_entry(struct search *search, uint32_t entry) {
    struct words words = words_of(search->table, entry);
    search->hit.reads++;
    if (search->read != NULL)
        search->read(search->context, address_of(search->table, entry), words.page, words.link);
    return words;
}

/* Seeks the page in the chain of asid, GLOBAL_ASID for the global ones; fills hit if it is there.
 */
static bool seek(struct search *search, uint64_t page, uint64_t asid) {
    const struct kb_inverted *table = search->table;
    const bool global = asid == GLOBAL_ASID;
    const uint64_t mask = name_of(UINT64_MAX >> PAGE_SHIFT, global ? 0 : ASID_MASK);
    uint32_t next = anchor_in(read_entry(search, hash_of(table, page, asid)).link);
    for (uint32_t left = table->frames; next != 0 && next <= table->frames && left > 0; left--) {
        uint32_t frame = next - 1;
        struct words words = read_entry(search, frame);
        unsigned bits = kb_inverted_bits(words.page);
        if ((words.page & mask) == (name_of(page, asid) & mask) && bits & KB_ENTRY_VALID &&
            ((bits & KB_ENTRY_GLOBAL) != 0) == global) {
            search->hit.frame = frame;
            search->hit.bits = bits;
            search->hit.address = address_of(table, frame);
            return true;
        }
        next = next_in(words.link);
    }
    return false;
}

struct kb_inverted_hit
kb_inverted_find(const struct kb_inverted *table, uint64_t page, uint32_t asid,
                 void (*read)(void *context, uint64_t address, uint64_t word0, uint64_t word1),
                 void *context) {
    struct search search = {table, read, context, {.frame = KB_INVERTED_NONE}};
    if (table->frames > 0 && page >> KB_INVERTED_PAGE_BITS == 0 &&
        !seek(&search, page, asid & ASID_MASK))
        seek(&search, page, GLOBAL_ASID);
    return search.hit;
}

void kb_inverted_insert(const struct kb_inverted *table, uint64_t page, uint32_t asid,
                        uint32_t frame, unsigned bits) {
    uint64_t word0 = kb_inverted_encode(page, asid, bits | KB_ENTRY_VALID);
    assert(frame < table->frames && page >> KB_INVERTED_PAGE_BITS == 0);
    uint32_t chain = chain_of(table, word0);
    kb_memory_set_entry(table->memory, address_of(table, frame), 8, word0);
    set_next(table, frame, anchor_in(words_of(table, chain).link));
    set_anchor(table, chain, frame + 1);
}

void kb_inverted_remove(const struct kb_inverted *table, uint32_t frame) {
    assert(frame < table->frames);
    struct words gone = words_of(table, frame);
    if (!(kb_inverted_bits(gone.page) & KB_ENTRY_VALID))
        return;
    uint32_t chain = chain_of(table, gone.page);
    uint32_t before = 0, at = anchor_in(words_of(table, chain).link); /* frames + 1 */
    for (uint32_t left = table->frames; at != frame + 1 && left > 0; left--) {
        if (at == 0 || at > table->frames)
            break;
        before = at;
        at = next_in(words_of(table, at - 1).link);
    }
    if (at == frame + 1 && before == 0)
        set_anchor(table, chain, next_in(gone.link));
    else if (at == frame + 1)
        set_next(table, before - 1, next_in(gone.link));
    set_next(table, frame, 0);
    kb_memory_set_entry(table->memory, address_of(table, frame), 8, 0);
}
