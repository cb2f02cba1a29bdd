/* system.h - the state of the simulated operating system: how it is set up, its core map, its
 * counters, and kb_os, which holds all of them. os.h has what is done with it.
 *
 *   kb_os ─┬─ mmu, tables         the hardware, and the tables that it walks
 *          ├─ frame[], keys[]     the core map, and R and M of each frame
 *          ├─ pages               contents and mappings (page.h)
 *          ├─ process[], object[]
 *          ├─ pager, swap         who goes, and where to
 *          └─ counters */
#ifndef KB_OS_SYSTEM_H
#define KB_OS_SYSTEM_H

#include "machine/cost.h"
#include "machine/tables.h"
#include "os/load.h"
#include "os/object.h"
#include "os/pager.h"
#include "os/storage.h"
#include "os/swap.h"
#include "policy/fetch/fetch.h"

#define KB_MOST_FRAMES (UINT32_C(1) << 28)
#define KB_MOST_PROCESSES 65535

/* What replaces the future for a policy that needs it: as in policy.h, run by run. */
struct kb_os_future {
    const uint32_t *runs; /* the page id of each run in its low 30 bits; padding as in traces */
    const uint32_t *next; /* number of the next run of the same page; 0: none */
    uint64_t count;
};

/* Who gives a frame when one is needed: any page, or one of the process's own (allocate.c). */
enum kb_allocation {
    KB_ALLOCATE_GLOBAL,
    KB_ALLOCATE_EQUAL,
    KB_ALLOCATE_PROPORTIONAL,
    KB_ALLOCATE_VARIABLE
};

/* Which free frame is taken; it makes no difference to anything that counts (H01). */
enum kb_free_order {
    KB_FREE_LIFO,
    KB_FREE_LOWEST,
    KB_FREE_HIGHEST,
    KB_FREE_RANDOM,
    KB_FREE_ORDERS
};

struct kb_os_setup {
    struct kb_format format;
    enum kb_scheme scheme;
    uint32_t frames;
    struct kb_tlb_geometry tlb[2];
    unsigned tlbs;
    unsigned asid_bits;    /* 0: the TLB is flushed at a switch */
    bool kernel;           /* there is a kernel zone */
    uint64_t kernel_start; /* its first address */
    bool load_all;         /* a region is loaded whole when it is given */
    uint64_t tables_limit; /* most bytes of page tables, where they lie apart */
    struct kb_policy_spec policy;
    struct kb_fetch_spec fetch; /* pages that come ahead (ahead.c) */
    struct kb_os_future future; /* with KB_NEEDS_FUTURE */
    struct kb_store swap;       /* owned from kb_os_init on, also when that fails */
    bool watch_runs;            /* tell `ran` of each run of references: page id, kind, count */
    void (*ran)(void *context, uint32_t page, enum kb_access access, uint32_t count);
    void *ran_context;
    uint64_t io_cycles; /* that a process is blocked while a page is read; 0: not at all */
    bool clock;         /* time passes in nanoseconds, and one disk serves all transfers (disk.c) */
    uint64_t cycle_ns;  /* with a clock: a storage cycle */
    struct kb_disk disk;
    bool write_xor_execute; /* no page may be written and executed */
    uint32_t cluster;       /* most neighbours that are written at once; 0 and 1: none */
    uint32_t low, high;     /* watermarks of free frames (pageout.c); 0: no pages go in advance */
    enum kb_allocation allocation;
    struct kb_load_spec load; /* how many processes share memory */
    unsigned tables_place;    /* enum kb_tables_place */
    enum kb_free_order free_order;
    uint64_t free_seed;              /* of KB_FREE_RANDOM */
    struct kb_storage_setup storage; /* contiguous areas instead of pages */
    uint32_t minimum; /* frames that each process gets at least, unless global; 0: 1 */
};

enum kb_frame_use {
    KB_FRAME_FREE,
    KB_FRAME_PAGE,
    KB_FRAME_STANDBY,
    KB_FRAME_SUPER,
    KB_FRAME_TABLE
};

/* A frame in the core map. */
struct kb_frame {
    struct kb_pager *pager; /* that has the page in it; NULL: none */
    uint64_t loaded_at;     /* reference of the load */
    uint64_t arrives;       /* time when the disk has brought its page; 0: it was not read */
    uint64_t entry;         /* of a superpage or table: physical address of the entry above it */
    uint32_t process;      /* of a superpage or table, or of whom its page came ahead: its number */
    uint32_t pins;         /* instructions and transfers that hold it */
    uint32_t kept;         /* processes that have waited for its page and not used it yet */
    uint32_t older, newer; /* standing by, or a table that could go: its neighbours in the list */
    uint32_t valid, table; /* of a table: its valid entries; its number in kb_os.table */
    uint8_t use;           /* enum kb_frame_use */
    bool fixed;            /* not the policy's: kernel, superpage, table */
    bool pageable;         /* a table that may go when it has no valid entry */
    bool ahead;            /* its page came before it was needed, and has not been used yet */
    bool used;             /* its page was referenced, though R may have been cleared since */
};

/* A page table that was sent out, or was in memory once. */
struct kb_table_page {
    uint64_t slot, sum; /* KB_NO_SLOT: it is in memory */
};

/* Where page tables lie (table.c). */
enum kb_tables_place { KB_TABLES_APART, KB_TABLES_RESIDENT, KB_TABLES_PAGEABLE };

struct kb_os_counters {
    uint64_t references, runs, instructions, restarts;
    uint64_t faults;
    uint64_t zero_fills, image_reads, file_reads, swap_reads;
    uint64_t soft_faults;                /* the page was in memory: shared, or standing by */
    uint64_t rescues;                    /* of them those of pages that were standing by */
    uint64_t copies;                     /* on write */
    uint64_t table_faults, table_writes; /* page tables that came back, and went */
    uint64_t evictions, write_backs, released;
    uint64_t entries_cleared;         /* valid entries of tables that became invalid */
    uint64_t file_writes;             /* of the write-backs: to files */
    uint64_t background_writes;       /* of the write-backs: nobody waited for them */
    uint64_t releases, discards;      /* pages, by the programs' word */
    uint64_t swapped_out, swapped_in; /* processes, whole */
    uint64_t prefetches;              /* pages that came ahead; of them those that were used, */
    uint64_t useful_prefetches, wasted_prefetches; /* and those that left before that */
    uint64_t page_time; /* sum of the pages in memory over all references: kb_os_page_time */
    uint64_t suspensions, resumptions; /* processes, by load control */
    uint64_t io_errors;
    uint64_t disk_transfers, disk_bytes; /* of the paging file and of images: kb_cost_disk_ms */
    uint64_t switches;
    uint64_t traps[KB_FAULT_KINDS];
};

/* Where a transfer of the disk takes place: neighbours in one stream can be one transfer. */
enum kb_stream {
    KB_STREAM_NONE,
    KB_STREAM_SWAP_IN,
    KB_STREAM_SWAP_OUT,
    KB_STREAM_IMAGE,
    KB_STREAM_FILE_IN,
    KB_STREAM_FILE_OUT
};

struct kb_os {
    const struct kb_host *host;
    struct kb_listener listener;
    struct kb_os_setup setup;
    struct kb_mmu mmu;
    struct kb_tables tables;
    struct kb_pages pages;
    struct kb_swap swap;
    struct kb_storage *storage; /* contiguous areas; NULL: pages */

    /* frames: the core map and the free list */
    struct kb_frame *frame;
    uint32_t *page_of;   /* by frame: page id */
    uint8_t *keys;       /* by frame: enum kb_flag */
    uint32_t *free_list; /* a stack */
    uint32_t free_count;
    struct kb_random free_random;
    uint32_t standby_oldest, standby_newest, standby_count; /* free, but with a page's bytes */
    uint32_t paged;                                         /* frames with pages, for page_time */
    uint64_t paged_since; /* reference up to which page_time is made */
    uint32_t used;        /* frames 0 … used − 1 have been used */

    /* the policy */
    struct kb_pager pager; /* of all frames; local: of those that are nobody's */
    uint32_t *own_number;  /* local: by frame, its number in its pager */
    bool hears, foresees;  /* its touch does something; it needs the future */
    uint64_t note_at;      /* the reference at which the pager must be told */
    /* The policy's touch, if a reference is nothing more to it than that: no future, no releases,
     * nobody who watches runs. Else NULL. */
    void (*touch)(void *state, const struct kb_frames *frames, uint32_t frame, uint32_t count,
                  struct kb_when when);
    uint32_t *returned; /* frames that a policy released but that could not be written */
    uint32_t returned_count;
    uint8_t evicted_flags; /* of the last victim, until its frame is admitted or forgotten */
    void *shown_state;     /* copies for the reason of a victim, while somebody listens */
    size_t shown_bytes;
    uint8_t *shown_flags;

    struct kb_process **process; /* by number */
    uint32_t process_count, process_room;
    struct kb_process *running;
    struct kb_process *kernel; /* its zone; NULL: none */
    uint64_t asid_generation, next_asid;

    struct kb_table_page *table; /* tables that may go */
    uint32_t table_count, table_room;
    uint32_t table_frames;             /* that tables take now */
    struct kb_lookup table_parts;      /* process, part of its space ──► table */
    uint32_t idle_oldest, idle_newest; /* frames of tables that could go now */
    const struct kb_process *table_of; /* for whom tables are made */

    struct kb_object **object; /* by number */
    uint32_t object_count, object_room;
    bool background;                  /* what is written now is written in advance */
    bool batch;                       /* transfers that go on where the last one ended are one */
    enum kb_stream stream;            /* of the last transfer */
    uint64_t stream_key, stream_next; /* its object or image, and the place behind it */

    struct kb_load load;

    bool diverged;      /* a page was used that the future did not know of */
    uint64_t idle;      /* time in which nobody could run: cycles, or ns of the clock */
    uint64_t computed;  /* time in which programs computed without references */
    uint64_t ready_at;  /* when all is there that the present reference waits for */
    uint64_t disk_free; /* when the last transfer is over */
    uint64_t disk_busy; /* time of all transfers */
    uint64_t disk_start_ns, disk_page_ns; /* of a transfer, and of each of its pages */
    uint32_t waiting_ahead;               /* frames whose pages came ahead and were not used yet */
    uint32_t left;                        /* references of a run that was blocked */
    struct kb_piece *piece;               /* of the present instruction: KB_MOST_PIECES */
    unsigned pieces;                      /* whose frames are pinned */
    uint8_t *buffer;                      /* of a move: KB_MOST_BYTES */
    struct kb_os_counters counters;
    struct kb_error *error; /* of the present call */
};

/* A part of an operand that lies in one page. */
struct kb_piece {
    uint64_t physical;
    uint32_t length;
    uint32_t frame; /* pinned */
};

#endif
