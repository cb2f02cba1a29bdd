/* os.h - the operating system of the simulated machine: processes, frames, page faults in six
 * steps, replacement, the paging file.
 *
 *   program ──address──► MMU ──hit──► byte
 *                         │ trap: one typed fault
 *                         ▼
 *   1 is it legal? ──no──► 2 the process ends            regions (process.h)
 *   3 a free frame, or a victim's (written back if M)     frames, policy, paging file
 *   4 the page is read: zero, image, or its slot
 *   5 both tables say where it is                         page table in memory, kb_pages
 *   6 the instruction starts again
 *
 * Time is references. A policy of src/policy sees dense page ids and the
 * storage keys of the MMU as its flags. One kb_os is one machine; it belongs
 * to one thread. Functions return KB_OK also when they ended a process: ask
 * its state. Other statuses mean that the simulation itself cannot go on. */
#ifndef KB_OS_OS_H
#define KB_OS_OS_H

#include "machine/tables.h"
#include "os/process.h"
#include "os/swap.h"
#include "policy/policy.h"

#define KB_MOST_FRAMES (UINT32_C(1) << 28)
#define KB_MOST_PROCESSES 65535

/* What replaces the future for a policy that needs it: as in policy.h, run by run. */
struct kb_os_future {
    const uint32_t *runs; /* the page id of each run in its low 30 bits; padding as in traces */
    const uint32_t *next; /* number of the next run of the same page; 0: none */
    uint64_t count;
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
    uint64_t tables_limit; /* most bytes of page tables */
    struct kb_policy_spec policy;
    struct kb_os_future future; /* with KB_NEEDS_FUTURE */
    struct kb_store swap;       /* owned from kb_os_init on, also when that fails */
    bool watch_runs;            /* tell `ran` of each run of references: page id, kind, count */
    void (*ran)(void *context, uint32_t page, enum kb_access access, uint32_t count);
    void *ran_context;
    uint64_t io_cycles; /* that a process is blocked while a page is read; 0: not at all */
};

/* A frame in the core map. */
struct kb_frame {
    uint64_t entry;     /* physical address of the table entry that maps it */
    uint64_t loaded_at; /* reference of the load */
    uint32_t pins;      /* instructions and maps that hold it */
    bool fixed;         /* not the policy's: kernel, superpage */
    uint32_t process;   /* owner's number + 1; 0: free */
};

struct kb_os_counters {
    uint64_t references, runs, instructions, restarts;
    uint64_t faults, zero_fills, image_reads, swap_reads;
    uint64_t evictions, write_backs, released;
    uint64_t io_errors;
    uint64_t disk_transfers, disk_bytes; /* of the paging file and of images: kb_cost_disk_ms */
    uint64_t switches;
    uint64_t traps[KB_FAULT_KINDS];
};

struct kb_os {
    const struct kb_host *host;
    struct kb_listener listener;
    struct kb_os_setup setup;
    struct kb_mmu mmu;
    struct kb_tables tables;
    struct kb_pages pages;
    struct kb_swap swap;

    /* frames: the core map and the free list */
    struct kb_frame *frame;
    uint32_t *page_of;   /* by frame: page id */
    uint8_t *keys;       /* by frame: enum kb_flag */
    uint32_t *free_list; /* a stack */
    uint32_t free_count;
    uint32_t used; /* frames 0 … used − 1 have been used */

    /* the policy */
    struct kb_frames view; /* of the machine, as the policy sees it */
    bool hears, foresees;  /* its touch does something; it needs the future */
    void *policy_state;
    size_t policy_bytes;
    uint32_t policy_pages; /* that its state has room for */
    uint64_t note_at;      /* the reference at which the pager must be told */
    uint64_t tick_at;
    /* The policy's touch, if a reference is nothing more to it than that: no future, no releases,
     * nobody who watches runs. Else NULL. */
    void (*touch)(void *state, const struct kb_frames *frames, uint32_t frame, uint32_t count,
                  struct kb_when when);
    uint32_t *returned; /* frames that a policy released but that could not be written */
    uint32_t returned_count;
    uint8_t evicted_flags; /* of the last victim, until its frame is admitted or forgotten */
    void *shown_state;     /* copies for the reason of a victim, while somebody listens */
    uint8_t *shown_flags;

    struct kb_process **process; /* by number */
    uint32_t process_count, process_room;
    struct kb_process *running;
    struct kb_process *kernel; /* its zone; NULL: none */
    uint64_t asid_generation, next_asid;

    bool diverged;               /* a page was used that the future did not know of */
    uint64_t idle_cycles;        /* nobody could run */
    enum kb_page_source brought; /* where the last page came from */
    uint32_t left;               /* references of a run that was blocked */
    struct kb_piece *piece;      /* of the present instruction: KB_MOST_PIECES */
    unsigned pieces;             /* whose frames are pinned */
    uint8_t *buffer;             /* of a move: KB_MOST_BYTES */
    struct kb_os_counters counters;
    struct kb_error *error; /* of the present call */
};

/* A part of an operand that lies in one page. */
struct kb_piece {
    uint64_t physical;
    uint32_t length;
    uint32_t frame; /* pinned */
};

/* ---- os.c: the machine, processes, addresses ---- */

/* error must live as long as the system. A policy whose needs cannot be met is refused. */
kb_status kb_os_init(struct kb_os *os, const struct kb_os_setup *setup, const struct kb_host *host,
                     struct kb_error *error) KB_MUST_CHECK;
void kb_os_free(struct kb_os *os);

kb_status kb_os_create(struct kb_os *os, const char *name,
                       struct kb_process **process) KB_MUST_CHECK;
/* NULL if there is none. */
struct kb_process *kb_os_process(const struct kb_os *os, const char *name);
/* Gives back frames, slots and tables. */
void kb_os_exit(struct kb_os *os, struct kb_process *process, enum kb_reason reason,
                uint64_t address);
void kb_os_switch(struct kb_os *os, struct kb_process *process);
void kb_os_set_mode(struct kb_os *os, struct kb_process *process, bool privileged);
void kb_os_relocate(struct kb_os *os, struct kb_process *process, uint64_t base, uint64_t limit);

/* ---- space.c: legal addresses ---- */

/* Makes addresses legal; start must lie at a page. With load_all, or for the kernel, all pages are
 * loaded at once; *refused = true and nothing has changed if too few frames are free. */
kb_status kb_os_region(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                       bool *refused) KB_MUST_CHECK;
/* Ends the legality of the pages in start … end − 1 and drops their content. Regions are cut;
 * superpages may not be. */
kb_status kb_os_unmap(struct kb_os *os, struct kb_process *process, uint64_t start,
                      uint64_t end) KB_MUST_CHECK;
/* Gives the pages in start … end − 1 other rights. */
kb_status kb_os_protect(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                        unsigned rights) KB_MUST_CHECK;
/* Maps a page, or superpage of 2^page_bits bytes, to a frame (KB_NO_FRAME: any that is free) of
 * zeros, as it were by hand. *refused = true if the frames are not free, or the place is taken. */
kb_status kb_os_map(struct kb_os *os, struct kb_process *process, uint64_t address, uint32_t frame,
                    unsigned page_bits, unsigned rights, bool *refused) KB_MUST_CHECK;

/* The first address that is not the user zone's. */
uint64_t kb_os_user_end(const struct kb_os *os);

/* ---- segment.c: with paged segmentation ---- */

bool kb_os_segmented(const struct kb_os *os);
/* The most that a segment may have; segment n begins at n times this. */
uint64_t kb_os_segment_bytes(const struct kb_os *os);
/* Whether the process has the segment around an address. */
bool kb_os_segment_exists(const struct kb_os *os, const struct kb_process *process,
                          uint64_t address);
/* The segment's entry follows its region. */
void kb_os_segment_begin(struct kb_os *os, struct kb_process *process,
                         const struct kb_region *region);
void kb_os_segment_protect(struct kb_os *os, struct kb_process *process, uint64_t address,
                           unsigned rights);
void kb_os_segment_end(struct kb_os *os, struct kb_process *process, uint64_t address);
/* Makes the page table of a missing segment, all entries invalid. KB_DATA: no room for it. */
kb_status kb_os_segment_open(struct kb_os *os, struct kb_process *process,
                             uint64_t address) KB_MUST_CHECK;

/* ---- pager.c: the host of the policy ---- */

kb_status kb_pager_init(struct kb_os *os) KB_MUST_CHECK;
void kb_pager_free(struct kb_os *os);
kb_status kb_pager_grow(struct kb_os *os) KB_MUST_CHECK; /* as many pages as there are ids */
/* A frame whose page may go; its content is safe. KB_NO_FRAME: *reason says why none may. */
kb_status kb_pager_evict(struct kb_os *os, uint32_t wanted, uint32_t *frame,
                         enum kb_reason *reason) KB_MUST_CHECK;
/* Sends the page in a frame out by command; its frame becomes free. false: *reason. */
bool kb_pager_send_out(struct kb_os *os, uint32_t frame, enum kb_reason *reason);
void kb_pager_admit(struct kb_os *os, uint32_t frame, enum kb_why why);
void kb_pager_forget(struct kb_os *os, uint32_t frame, enum kb_why why);
/* count references in a row to the page in frame, which the MMU has let pass; first: its fault has
 * been admitted, and was the first of them. */
void kb_pager_note(struct kb_os *os, uint32_t frame, enum kb_access access, uint32_t count,
                   bool first);
/* The number that decides about a frame now, for dumps; false if the policy has none. */
bool kb_pager_mark(struct kb_os *os, uint32_t frame, uint64_t *mark);

/* ---- fault.c: the six steps ---- */

/* Serves the fault of the running process. *again: the page is in, the instruction restarts;
 * otherwise the process has ended, or skips the instruction. */
kb_status kb_os_fault(struct kb_os *os, uint64_t address, enum kb_access access,
                      enum kb_fault fault, bool *again) KB_MUST_CHECK;
/* The frame of a page that is in memory; else KB_NO_FRAME. */
uint32_t kb_os_frame_of(const struct kb_os *os, const struct kb_process *process, uint64_t page);
/* Brings a legal page in (steps 3 to 5). *in = false: *reason says why it could not be. */
kb_status kb_os_bring(struct kb_os *os, struct kb_process *process, uint64_t page, uint32_t *frame,
                      bool *in, enum kb_reason *reason) KB_MUST_CHECK;
/* The page leaves its frame, which becomes free. The policy has forgotten it. */
void kb_os_vacate(struct kb_os *os, uint32_t frame);
/* The page is gone with its content: its frame and its slot become free. */
void kb_os_drop_page(struct kb_os *os, uint32_t id, enum kb_why why);
void kb_os_free_frame(struct kb_os *os, uint32_t frame);
/* Writes the page in a frame to its slot; M = 0 then. false: *reason. */
bool kb_os_write_back(struct kb_os *os, uint32_t frame, enum kb_reason *reason);
/* Rewrites the table entry of a frame with other rights, R and M as they are. */
void kb_os_set_rights(struct kb_os *os, uint32_t frame, unsigned rights);
/* The same for a superpage; its frames become free with kb_os_drop_super, which returns how many.
 * The caller takes it out of the process's list. */
void kb_os_set_super_rights(struct kb_os *os, const struct kb_process *process,
                            const struct kb_super *super, unsigned rights);
uint32_t kb_os_drop_super(struct kb_os *os, struct kb_process *process,
                          const struct kb_super *super);
/* Clears KB_ENTRY_REFERENCED or KB_ENTRY_MODIFIED in the entry of a frame, and in the TLB. */
void kb_os_clear_bits(struct kb_os *os, uint32_t frame, unsigned bits);

/* ---- block.c: processes that wait for a page (setup.io_cycles > 0) ---- */

/* The running process waits for the page in a frame, which has been brought in: until then the
 * frame stays, and the instruction starts again afterwards. */
void kb_os_block(struct kb_os *os, uint32_t frame);
/* Those whose time has come are ready. */
void kb_os_wake(struct kb_os *os);
/* Nobody can run: time passes until the first page comes. false: nobody waits. */
bool kb_os_idle(struct kb_os *os);

/* ---- access.c: instructions of the running process ---- */

/* Each returns with *done = false if the process ended, skipped the instruction, or is blocked
 * (then the instruction is to be made again when it runs again); no byte has changed then. length:
 * 1 … KB_MOST_BYTES. */
#define KB_MOST_BYTES 65536
#define KB_MOST_PIECES (2 * (KB_MOST_BYTES / 64 + 2)) /* two operands, the smallest pages */
kb_status kb_os_execute(struct kb_os *os, uint64_t address, bool *done) KB_MUST_CHECK;
/* Adds to the little-endian number of `length` ≤ 8 bytes at an address: reads, then writes. */
kb_status kb_os_increment(struct kb_os *os, uint64_t address, uint32_t length, uint64_t by,
                          uint64_t *value, bool *done) KB_MUST_CHECK;
/* One instruction that moves length bytes; the ranges may overlap. */
kb_status kb_os_move(struct kb_os *os, uint64_t from, uint64_t to, uint32_t length,
                     bool *done) KB_MUST_CHECK;
/* The instruction's frames may go again. */
void kb_os_unpin(struct kb_os *os);
/* count references in a row to one page, without bytes; as replay counts them. */
kb_status kb_os_run(struct kb_os *os, uint64_t address, enum kb_access access, uint32_t count,
                    bool *done) KB_MUST_CHECK;
/* The long way of kb_os_load and kb_os_store. fault: what the translation, already made, ended in;
 * KB_FAULT_NONE: none was made. */
kb_status kb_os_load_slowly(struct kb_os *os, uint64_t address, void *bytes, uint32_t length,
                            enum kb_fault fault, bool *done) KB_MUST_CHECK;
kb_status kb_os_store_slowly(struct kb_os *os, uint64_t address, const void *bytes, uint32_t length,
                             enum kb_fault fault, bool *done) KB_MUST_CHECK;

/* ---- check.c ---- */

/* Looks at every invariant: core map, free list, tables, TLBs, keys, slots. NULL, or the first that
 * does not hold. Slow; for tests. */
const char *kb_os_check(const struct kb_os *os);

/* ---- small things ---- */

static inline bool kb_os_heard(const struct kb_os *os) { return os->listener.hear != NULL; }

static inline void kb_os_tell(const struct kb_os *os, struct kb_os_event event) {
    event.time = os->counters.references;
    if (event.process == NULL)
        event.process = os->running;
    os->listener.hear(os->listener.context, &event);
}

static inline unsigned kb_os_page_bits(const struct kb_os *os) { return os->mmu.format.page_bits; }

static inline uint32_t kb_os_page_bytes(const struct kb_os *os) {
    return (uint32_t)(UINT64_C(1) << os->mmu.format.page_bits);
}

/* Storage cycles so far: one a reference, one a table entry read, and idle ones. */
static inline uint64_t kb_os_cycles(const struct kb_os *os) {
    return os->counters.references + os->mmu.table_reads + os->idle_cycles;
}

/* A page number as an inverted table knows it: without the copies of the highest address bit. */
static inline uint64_t kb_os_inverted_page(const struct kb_os *os, uint64_t number) {
    return number & ((UINT64_C(1) << (os->mmu.format.address_bits - os->mmu.format.page_bits)) - 1);
}

static inline struct kb_process *kb_os_owner(const struct kb_os *os, uint32_t frame) {
    uint32_t owner = os->frame[frame].process;
    return owner == 0 ? NULL : os->process[owner - 1];
}

/* ---- loads and stores: the hit is here, everything else in access.c ---- */

/* The bytes of an access in one page that hits while nobody listens; else NULL, and *fault says
 * what a translation ended in, if one was made. */
static inline uint8_t *kb_os_hit(struct kb_os *os, uint64_t address, enum kb_access access,
                                 uint32_t length, enum kb_fault *fault) {
    uint64_t physical, offset = address & (kb_os_page_bytes(os) - 1);
    *fault = KB_FAULT_NONE;
    if (__builtin_expect(kb_os_heard(os) || offset + length > kb_os_page_bytes(os) || length == 0 ||
                             os->mmu.limit != 0,
                         0))
        return NULL;
    *fault = kb_mmu_translate(&os->mmu, address, access, &physical);
    return __builtin_expect(*fault == KB_FAULT_NONE, 1) ? os->mmu.memory.bytes + physical : NULL;
}

/* Whether the page in a frame is the policy's: what is fixed has KB_PINNED. */
static inline bool kb_pager_owns(const struct kb_os *os, uint32_t frame) {
    return (os->keys[frame] & (KB_RESIDENT | KB_PINNED)) == KB_RESIDENT;
}

/* Whether references that were just counted are nothing but a touch for the policy. */
static inline bool kb_pager_only_touch(const struct kb_os *os, uint32_t frame) {
    return os->touch != NULL && os->counters.references < os->tick_at && kb_pager_owns(os, frame);
}

/* What kb_pager_note does then. */
static inline void kb_pager_touch(struct kb_os *os, uint32_t frame, uint32_t count) {
    os->counters.runs++;
    os->view.count = os->used; /* arrays by page may have moved */
    os->view.frame_of = os->pages.frame_of;
    os->touch(os->policy_state, &os->view, frame, count,
              (struct kb_when){os->counters.references - count + 1, 0});
}

/* Counts the instruction whose bytes kb_os_hit gave. After the bytes were written: what the policy
 * does then may look at them. */
static inline void kb_os_counted(struct kb_os *os, const uint8_t *at, enum kb_access access) {
    os->running->counters.references++;
    os->counters.instructions++;
    uint64_t now = ++os->counters.references;
    if (now < os->note_at)
        return;
    uint32_t frame = (uint32_t)((uint64_t)(at - os->mmu.memory.bytes) >> kb_os_page_bits(os));
    if (__builtin_expect(kb_pager_only_touch(os, frame), 1))
        kb_pager_touch(os, frame, 1);
    else
        kb_pager_note(os, frame, access, 1, false);
}

static inline KB_MUST_CHECK kb_status kb_os_load(struct kb_os *os, uint64_t address, void *bytes,
                                                 uint32_t length, bool *done) {
    enum kb_fault fault;
    const uint8_t *at = kb_os_hit(os, address, KB_ACCESS_READ, length, &fault);
    if (__builtin_expect(at == NULL, 0))
        return kb_os_load_slowly(os, address, bytes, length, fault, done);
    memcpy(bytes, at, length);
    kb_os_counted(os, at, KB_ACCESS_READ);
    *done = true;
    return KB_OK;
}

static inline KB_MUST_CHECK kb_status kb_os_store(struct kb_os *os, uint64_t address,
                                                  const void *bytes, uint32_t length, bool *done) {
    enum kb_fault fault;
    uint8_t *at = kb_os_hit(os, address, KB_ACCESS_WRITE, length, &fault);
    if (__builtin_expect(at == NULL, 0))
        return kb_os_store_slowly(os, address, bytes, length, fault, done);
    memcpy(at, bytes, length);
    kb_os_counted(os, at, KB_ACCESS_WRITE);
    *done = true;
    return KB_OK;
}

#endif
