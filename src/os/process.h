/* process.h - the process control block: which addresses are legal, and what the process did.
 *
 * The regions are the internal table that tells a legal page that is absent
 * from an illegal one; the page table has valid bit 0 for both. A process for
 * which no region was given may use its whole user zone, as zero fill.
 *
 *   ready ⇄ running ──► blocked (its page comes) ──► ready
 *     └────────┴──────────► ended (reason): all frames, slots and tables are free again */
#ifndef KB_OS_PROCESS_H
#define KB_OS_PROCESS_H

#include "os/event.h"
#include "os/page.h"

#define KB_NAME_BYTES 32

enum kb_process_state { KB_READY, KB_RUNNING, KB_BLOCKED, KB_ENDED, KB_PROCESS_STATES };

/* Initial bytes of a region's pages. */
struct kb_image {
    const uint8_t *bytes; /* not owned; NULL: the pattern below */
    uint64_t length;      /* what lies beyond is zero */
    uint64_t seed;        /* byte i of a pattern is kb_image_byte(seed, i) */
    uint64_t offset;      /* of the region's first byte in the image */
};

struct kb_region {
    char name[KB_NAME_BYTES];
    uint64_t start, end; /* addresses; start at a page, end anywhere */
    unsigned rights;     /* KB_ENTRY_READ, WRITE, EXECUTE */
    bool has_image;
    struct kb_image image;
};

/* Pages of one process that one table entry maps: a superpage, by command. */
struct kb_super {
    uint64_t address;
    uint64_t frame; /* the first one */
    unsigned page_bits;
};

struct kb_process_counters {
    uint64_t references, restarts;
    uint64_t faults; /* pages that had to be brought in */
    uint64_t zero_fills, image_reads, swap_reads;
    uint64_t evictions, write_backs;
    uint64_t released; /* by the policy (ws, pff) */
    uint64_t traps[KB_FAULT_KINDS];
};

struct kb_process {
    char name[KB_NAME_BYTES];
    uint32_t number; /* from 0; never used again */
    enum kb_process_state state;
    enum kb_reason reason;  /* KB_ENDED */
    uint64_t fault_address; /* that it ended with */
    uint64_t root;          /* of its page table */
    uint64_t asid, asid_generation;
    uint64_t base, limit; /* relocation register; limit 0: off */
    bool privileged;
    bool skips;                /* it has a handler that gives up an instruction that may not be */
    bool bounded;              /* only its regions are legal, though there be none */
    struct kb_region *regions; /* in the order in which they were given */
    uint32_t region_count, region_room;
    struct kb_super *supers;
    uint32_t super_count, super_room;
    uint32_t last_page; /* the head of the chain of its pages (kb_page.next) */
    uint32_t resident;  /* pages */
    uint64_t segments;  /* given so far, with paged segmentation */
    uint64_t wake_at;   /* cycle, while blocked */
    uint32_t awaited;   /* frame + 1 of the page that comes, while blocked */
    struct kb_process_counters counters;
};

/* A pattern's byte: bits 24 … 31 of SplitMix64's output for seed + i / 8, and so on by i mod 8. */
uint8_t kb_image_byte(uint64_t seed, uint64_t i);

/* Fills page bytes from offset `at` of an image on. */
void kb_image_fill(const struct kb_image *image, uint64_t at, uint8_t *page, uint32_t bytes);

/* The region around an address, or NULL. */
const struct kb_region *kb_process_region(const struct kb_process *process, uint64_t address,
                                          uint64_t page_bytes);

/* Bytes of the regions' last pages that lie behind their ends: internal fragmentation. */
uint64_t kb_process_waste(const struct kb_process *process, uint64_t page_bytes);

#endif
