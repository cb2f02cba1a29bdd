/* process.h - the process control block: which addresses are legal, and what the process did.
 *
 * The regions are the internal table that tells a legal page that is absent
 * from an illegal one; the page table has valid bit 0 for both. A process for
 * which no region was given may use its whole user zone, as zero fill.
 *
 *   ready ⇄ running ──► blocked (its page comes) ──► ready
 *     │ ▲      │
 *     ▼ │      └──► ended (reason): all frames, slots and tables are free again
 *   swapped (out, as a whole) */
#ifndef KB_OS_PROCESS_H
#define KB_OS_PROCESS_H

#include "os/event.h"
#include "os/page.h"

struct kb_pager;

#define KB_NAME_BYTES 32

enum kb_process_state { KB_READY, KB_RUNNING, KB_BLOCKED, KB_SWAPPED, KB_ENDED, KB_PROCESS_STATES };

/* What the fetch strategy is to be told of. */
enum kb_cue { KB_CUE_NONE, KB_CUE_FAULT, KB_CUE_USE };

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
    uint32_t object; /* whose content it shows: number + 1; 0: none, private memory */
    uint64_t place;  /* of its first page in the object */
    bool shared;     /* with an object: what is written is the object's; else it is copied first */
    bool guard;      /* nobody may be there: whoever is ends with the reason `guard` */
    uint64_t imaged; /* of a segment that changed its length: bytes that its image has; else 0 */
    uint64_t lowest; /* a stack grows down to this address; 0: it does not */
    uint32_t area;   /* a contiguous segment's (storage.h): number + 1 */
    bool wired;      /* that area was pinned by this process's word */
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
    uint64_t zero_fills, image_reads, file_reads, swap_reads;
    uint64_t soft_faults; /* pages that were in memory already */
    uint64_t copies;      /* on write */
    uint64_t table_faults;
    uint64_t evictions, write_backs;
    uint64_t released;                                         /* by the policy (ws, pff) */
    uint64_t releases, discards;                               /* pages, by its own word */
    uint64_t prefetches, useful_prefetches, wasted_prefetches; /* pages that came ahead for it */
    uint64_t suspensions, resumptions;                         /* by load control */
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
    uint32_t mappings;   /* the first of the chain of its mappings (kb_mapping.next) */
    uint32_t mapped;     /* mappings in it */
    uint32_t resident;   /* pages that its tables show; shared ones are counted for each process */
    uint32_t held;       /* frames it answers for; a shared one is the first mapper's */
    uint64_t size;       /* pages that it will use, if somebody said it; else 0 */
    uint32_t allocation; /* frames it may hold, unless replacement is global */
    uint32_t fixed_allocation; /* by command; 0: its share */
    struct kb_pager *pager;    /* its own, unless replacement is global */
    void *fetch;               /* state of the fetch strategy, or NULL */
    uint64_t cue; /* page number that it is to be told of, when the reference is made */
    enum kb_cue cued;
    uint64_t segments;    /* given so far, with paged segmentation */
    uint64_t wake_at;     /* time, while blocked */
    uint32_t awaited;     /* frame + 1 of the page that comes, while blocked; 0: it was dropped */
    uint32_t kept;        /* frame + 1 of the page that has come, until it is used; or 0 */
    uint32_t frame_waits; /* times in a row that it waited for a frame */
    uint32_t waits;       /* of one instruction for pages beyond its first, while none was done */
    uint64_t waits_since; /* instructions that were done when they began */
    bool suspended;       /* by load control (load.h): it is out, or goes when it wakes */
    bool rests;           /* it has nothing to do now, as its host knows */
    uint64_t stayed_at;   /* reference + 1 at which it could not be suspended; or 0 */
    uint32_t used_first, used_last; /* its working set: nodes of kb_load.used */
    uint32_t working_set;           /* pages in it */
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
