/* mmu.h - the memory management unit: from the address that a program names to the byte in memory.
 *
 *   virtual ──(relocation register)──► linear ──► TLB level 1 ──► TLB level 2 ──► walk ──► physical
 *              limit, base                          hit: 0 table reads         through tables in
 *                                                                              memory, or inverted
 *
 * With contiguous segments an entry of the TLB is a descriptor: page is its
 * base, entry its limit, and a hit is followed by the sum base + d.
 *
 * The MMU calls no operating system. It answers with a physical address or one
 * typed fault, checks rights and mode on every access (on TLB hits too), sets R
 * and M in the table's entry and in the storage key of the frame, and counts
 * each access to a table. The operating system loads the registers, writes the
 * tables, and invalidates what it changed.
 *
 *   storage key of a frame, one byte (as in IBM S/370): bit 0 = R, bit 1 = M;
 *   the other bits belong to the operating system (enum kb_flag). */
#ifndef KB_MACHINE_MMU_H
#define KB_MACHINE_MMU_H

#include "machine/inverted.h"
#include "machine/tlb.h"
#include "machine/walk.h"

enum kb_scheme {
    KB_SCHEME_RELOCATION, /* base and limit only */
    KB_SCHEME_TABLES,
    KB_SCHEME_INVERTED,
    KB_SCHEME_BOUNDS,  /* a lower and an upper bound, or base and limit; without a program: none */
    KB_SCHEME_SEGMENTS /* contiguous segments (descriptor.h) */
};

#define KB_KEY_REFERENCED 1
#define KB_KEY_MODIFIED 2

/* What the last translation did, for those who watch; kept only on the watched path and at
 * misses. */
struct kb_translation {
    uint64_t address, linear, physical;
    enum kb_access access;
    enum kb_fault fault;
    unsigned probed;     /* TLB levels searched */
    unsigned hit;        /* the level that hit, from 1; 0: none */
    uint32_t place[2];   /* the entry hit or loaded, by level; KB_TLB_NONE */
    uint64_t evicted[2]; /* the tag that had to go from a level, or KB_TLB_EMPTY */
    bool walked;
    struct kb_walk walk; /* with tables: each entry read; with inverted: only bits and page */
    struct kb_inverted_hit inverted;
    unsigned set_bits; /* KB_ENTRY_REFERENCED, KB_ENTRY_MODIFIED: set in the table now */
    uint64_t entry;    /* physical address of the leaf entry, if one was used */
};

struct kb_mmu {
    struct kb_memory memory;
    enum kb_scheme scheme;
    struct kb_format format;     /* of addresses, and of tables */
    struct kb_inverted inverted; /* with KB_SCHEME_INVERTED */
    struct kb_tlb tlb[2];
    unsigned tlbs; /* levels in use: 0, 1, 2 */
    uint8_t *keys; /* of frames; not owned */
    uint32_t frames;

    /* registers */
    uint64_t root;         /* of the running process's table */
    uint64_t kernel_root;  /* of the kernel zone's; the same as root in real formats */
    uint64_t kernel_start; /* the first address of the kernel zone; UINT64_MAX: there is none */
    uint64_t asid;
    uint32_t space;       /* whose pages the inverted table is asked for */
    uint64_t base, limit; /* the relocation register; limit 0: off, but with bounds: no program */
    bool absolute;        /* with bounds: programs name physical addresses from base on */
    uint64_t segments;    /* descriptors in the running process's table, at root */
    bool privileged, sum, mxr, ad_fault;

    /* counters */
    uint64_t hits;         /* TLB level 1 */
    uint64_t second_hits;  /* TLB level 2 */
    uint64_t misses;       /* not in any TLB (no TLB: every translation) */
    uint64_t table_reads;  /* storage cycles of walks */
    uint64_t entry_writes; /* R or M set in a table's entry */
    uint64_t translations; /* that gave an address */

    /* made from the registers by kb_mmu_changed */
    bool by_bytes;         /* addresses do not end at pages: a limit, or segments */
    uint64_t fast_end;     /* below it a TLB hit needs no more thought; 0: always think */
    unsigned fast_care;    /* bits of a TLB entry that must be … */
    unsigned fast_want[3]; /* … just these, by access */
    uint32_t ahead;        /* all ones: of an access its last byte is translated; else 0 */

    struct kb_translation last;
};

/* Bytes of an entry of the tables in use; of the inverted table its first word. */
static inline unsigned kb_mmu_entry_bytes(const struct kb_mmu *mmu) {
    return mmu->scheme == KB_SCHEME_INVERTED ? 8 : mmu->format.entry_bytes;
}

/* Where R and M (a mask of enum kb_entry_bits) lie in such an entry. */
static inline uint64_t kb_mmu_entry_mask(const struct kb_mmu *mmu, unsigned bits) {
    bool inverted = mmu->scheme == KB_SCHEME_INVERTED;
    unsigned r = inverted ? KB_INVERTED_REFERENCED_BIT : mmu->format.family->referenced_bit;
    unsigned m = inverted ? KB_INVERTED_MODIFIED_BIT : mmu->format.family->modified_bit;
    if (!inverted && mmu->format.family->marks_in_keys)
        return 0;
    return (bits & KB_ENTRY_REFERENCED ? UINT64_C(1) << r : 0) |
           (bits & KB_ENTRY_MODIFIED ? UINT64_C(1) << m : 0);
}

/* To be called after registers were written. */
void kb_mmu_changed(struct kb_mmu *mmu);

/* The whole way, with mmu->last filled. */
enum kb_fault kb_mmu_translate_watched(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                                       uint64_t *physical);
/* The same, when it is known that the first level of the TLB has no base page there. */
enum kb_fault kb_mmu_translate_missed(struct kb_mmu *mmu, uint64_t address, enum kb_access access,
                                      uint64_t *physical);

/* access: read, write or execute. *physical is set if the answer is KB_FAULT_NONE. */
static inline enum kb_fault kb_mmu_translate(struct kb_mmu *mmu, uint64_t address,
                                             enum kb_access access, uint64_t *physical) {
    if (__builtin_expect(address < mmu->fast_end, 1)) {
        struct kb_tlb *tlb = &mmu->tlb[0];
        uint32_t i = kb_tlb_find_base(tlb, address >> tlb->page_bits, mmu->asid);
        if (__builtin_expect(i == KB_TLB_NONE, 0))
            return kb_mmu_translate_missed(mmu, address, access, physical);
        const struct kb_tlb_entry *entry = &tlb->entries[i];
        unsigned want = mmu->fast_want[access];
        if (__builtin_expect((entry->bits & (want | mmu->fast_care)) == want, 1)) {
            *physical = entry->page | (address & ((UINT64_C(1) << entry->page_bits) - 1));
            mmu->hits++;
            mmu->translations++;
            return KB_FAULT_NONE;
        }
    }
    return kb_mmu_translate_watched(mmu, address, access, physical);
}

/* Takes note that the OS changed or removed the translation of an address. */
void kb_mmu_invalidate(struct kb_mmu *mmu, uint64_t address, uint64_t asid);

/* The OS has cleared R or M (enum kb_entry_bits) in the table's entry: TLB entries are marked, so
 * that the next access sets the bit again. */
void kb_mmu_unmark(struct kb_mmu *mmu, uint64_t address, uint64_t asid, unsigned bits);

void kb_mmu_flush(struct kb_mmu *mmu, bool globals_too);
void kb_mmu_flush_asid(struct kb_mmu *mmu, uint64_t asid);

#endif
