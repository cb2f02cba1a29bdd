/* storage.h - storage that is handed out in contiguous areas: the organisations before pages, and
 * pure segmentation.
 *
 *   organisation         what is placed   where                           programs name
 *   single user          one program      behind the system               physical addresses
 *   fixed, absolute      a program        the partition it was made for   physical addresses
 *   fixed, relocatable   a program        the smallest that is free       0 … (base and limit)
 *   variable             a program        a hole, by a fit                0 … (base and limit)
 *   segmentation         each segment     a hole, by a fit                (s, d) (descriptors)
 *
 * An area is the bytes of one segment; a program is one segment. What is
 * absent comes as a whole when it is needed, and what must go goes as a whole:
 *
 *   nowhere yet (zeros, image) ──► in memory at its base ⇄ in blocks of the paging file
 *
 * Room is found in this order: a hole (or partition) that fits; compaction, if
 * the holes together are large enough; a victim, rolled out, and the same
 * again. Nothing is dropped before it is safe. The replacement policies are
 * those of pages: an area in memory has the number of a frame, its content
 * that of a page. */
#ifndef KB_OS_STORAGE_H
#define KB_OS_STORAGE_H

#include "os/process.h"
#include "os/swap.h"
#include "policy/placement/placement.h"
#include "policy/policy.h"

struct kb_os;

#define KB_NO_AREA UINT32_MAX
#define KB_MOST_PARTITIONS 64
#define KB_MOST_PRESENT 16384 /* areas in memory at once */
#define KB_TABLE_SIZES 25     /* segment tables of 2^0 … 2^24 descriptors */

enum kb_organisation {
    KB_PAGED, /* no contiguous areas: pages, with or without segments */
    KB_SINGLE_USER,
    KB_FIXED_ABSOLUTE,
    KB_FIXED_RELOCATABLE,
    KB_VARIABLE,
    KB_SEGMENTATION,
    KB_ORGANISATIONS
};

struct kb_storage_setup {
    enum kb_organisation organisation;
    uint64_t bytes;  /* of memory */
    uint64_t system; /* of them the system's, at the beginning */
    enum kb_fit fit;
    bool stays;                             /* areas are not moved: no compaction */
    uint64_t partition[KB_MOST_PARTITIONS]; /* bytes; they lie side by side behind the system */
    unsigned partitions;
};

/* A block of an area in the paging file. */
struct kb_area_block {
    uint64_t slot, sum;
};

struct kb_area {
    char name[KB_NAME_BYTES]; /* of its first segment, or as shared memory */
    uint64_t length;          /* bytes of the segment */
    uint64_t base, room;      /* while present: its place, and the bytes that it takes there */
    uint64_t filled;          /* bytes that its blocks hold; behind them are zeros */
    uint64_t image_length;    /* that its image holds, until it has blocks; 0: none */
    struct kb_image image;
    struct kb_area_block *block; /* NULL: none are written */
    uint64_t blocks;             /* of the paging file, while block is not NULL */
    uint32_t uses;               /* the first of its chain in kb_storage.use */
    uint32_t users;              /* segments that show it: its reference count */
    uint32_t frame;              /* of the policy, while present */
    uint32_t pins;               /* an instruction in progress, or a command */
    uint32_t wired;              /* pinned by command: users that did */
    bool exists, present;
    bool shown;    /* present, as the tables say and processes count it */
    bool was_in;   /* it went with its whole process, and comes back with it */
    bool overlaid; /* laid by hand over bytes of others: room.c */
    bool shared;   /* begun by `shared`: there is until its last user goes */
    bool modified; /* by hardware bits that are no more: the blocks are not the content */
    bool fresh;    /* its fault has been admitted; the reference is to follow */
};

/* A segment that shows an area. */
struct kb_use {
    uint32_t process, segment;
    uint32_t next; /* of the same area, or KB_NO_AREA; free: of the free ones */
};

/* A fixed partition. */
struct kb_partition {
    uint64_t start, length;
    uint32_t area; /* in it, or KB_NO_AREA */
};

struct kb_storage_counters {
    uint64_t compactions, moves, moved_bytes;
    uint64_t written_bytes, read_bytes; /* of areas, to and from the paging file */
};

struct kb_storage {
    struct kb_storage_setup setup;
    struct kb_holes holes; /* variable, segmentation */
    struct kb_partition partition[KB_MOST_PARTITIONS];
    unsigned last_partition; /* where a program was placed last, for next fit */
    struct kb_area *area;    /* by number; never used again */
    uint32_t area_count, area_room;
    struct kb_use *use;
    uint32_t use_count, use_room, use_free;
    uint32_t present;  /* areas in memory */
    uint32_t overlaid; /* of them overlaid ones */

    /* segment tables lie behind the memory that is handed out */
    uint64_t table_end;                  /* the first byte behind them */
    uint64_t table_free[KB_TABLE_SIZES]; /* chains of those given back; 0: none */

    /* the host of the policy */
    void *state, *shown_state;
    size_t bytes, shown_bytes;
    uint32_t pages;     /* that the state is made for */
    uint8_t *flags;     /* by frame: enum kb_flag */
    uint8_t *shown;     /* flags before the last victim */
    uint32_t *page_of;  /* by frame: area */
    uint32_t *frame_of; /* by area: frame + 1, or 0 */
    uint32_t *unused;   /* a stack of frames that were used */
    uint32_t unused_count, used;
    struct kb_frames view;
    uint64_t tick_at;

    struct kb_storage_counters counters;
    uint32_t reached[2]; /* areas that the present instruction has pinned */
    unsigned reached_count;
};

/* ---- storage.c: areas, segments, tables ---- */

kb_status kb_storage_init(struct kb_os *os) KB_MUST_CHECK;
void kb_storage_free(struct kb_os *os);

/* Whether programs are placed whole, each one segment, without segment tables. */
bool kb_storage_of_programs(const struct kb_os *os);
/* What the names of organisations are: "segmentation" …; NULL at the end. */
const char *kb_organisation_name(enum kb_organisation organisation);

/* The segment of a name or number, or NULL. Its region's start is its first address. */
struct kb_region *kb_storage_segment(const struct kb_os *os, const struct kb_process *process,
                                     const char *name, uint32_t length);
struct kb_region *kb_storage_segment_at(const struct kb_os *os, const struct kb_process *process,
                                        uint64_t address);
uint64_t kb_storage_number(const struct kb_os *os, const struct kb_region *segment);

struct kb_placement_wish {
    uint64_t base;      /* exactly there; KB_ANYWHERE: by the fit */
    uint64_t partition; /* from 1; 0: any */
};
#define KB_ANYWHERE UINT64_MAX

/* A process's next segment, with an area of its own (area = KB_NO_AREA) or a shared one. Programs,
 * and segments with load_all or a base, are placed at once; *refused = true, and nothing has
 * changed, if there is no room. segment: name, rights, image; end − start is its length. */
kb_status kb_storage_begin_segment(struct kb_os *os, struct kb_process *process,
                                   const struct kb_region *segment, uint32_t area,
                                   struct kb_placement_wish wish, bool *refused) KB_MUST_CHECK;
/* The process has the segment no more; the last one takes the area along. */
void kb_storage_end_segment(struct kb_os *os, struct kb_process *process,
                            struct kb_region *segment);
void kb_storage_end_all(struct kb_os *os, struct kb_process *process);
kb_status kb_storage_protect(struct kb_os *os, struct kb_process *process,
                             struct kb_region *segment, unsigned rights) KB_MUST_CHECK;
/* Shared memory: an area that segments of several processes may show. */
kb_status kb_storage_shared(struct kb_os *os, const char *name, uint64_t bytes,
                            const struct kb_image *image, uint32_t *area) KB_MUST_CHECK;
uint32_t kb_storage_find_shared(const struct kb_os *os, const char *name, uint32_t length);
/* The registers of the running process. */
void kb_storage_load_registers(struct kb_os *os, const struct kb_process *process);
/* The descriptors, TLB entries and registers of all that show the area say how it is now. */
void kb_storage_show_area(struct kb_os *os, uint32_t area);
/* R or M (enum kb_entry_bits) is 0 in all descriptors of an area. */
void kb_storage_clear_bits(struct kb_os *os, uint32_t area, unsigned bits);
/* Whether the bytes in memory are not those of the blocks. */
bool kb_storage_modified(const struct kb_os *os, uint32_t area);
/* The process that an area is told by: its first user, or NULL. */
struct kb_process *kb_storage_owner(const struct kb_os *os, uint32_t area);
uint64_t kb_storage_number_of(const struct kb_os *os, uint32_t area);

/* ---- segment_table.c ---- */

/* Room for one descriptor more; and, where that segment was refused after all, as it was before. */
kb_status kb_storage_grow_table(struct kb_os *os, struct kb_process *process) KB_MUST_CHECK;
kb_status kb_storage_shrink_table(struct kb_os *os, struct kb_process *process) KB_MUST_CHECK;
void kb_storage_drop_table(struct kb_os *os, const struct kb_process *process);
/* Physical address of the descriptor of a segment. */
uint64_t kb_storage_descriptor(const struct kb_os *os, const struct kb_process *process,
                               uint64_t number);

/* ---- storage_measures.c ---- */

/* The partition that an area is in, from 1, or 0. */
uint64_t kb_storage_partition(const struct kb_os *os, uint32_t area);
/* Measures: bytes that are free, in the largest hole, and handed out but not used. */
uint64_t kb_storage_free_bytes(const struct kb_os *os);
uint64_t kb_storage_largest(const struct kb_os *os);
uint64_t kb_storage_waste(const struct kb_os *os, const struct kb_process *process);
/* Bytes of a process's segments that are in memory. */
uint64_t kb_storage_resident(const struct kb_os *os, const struct kb_process *process);
/* The hole behind an address, in their order; false: none. */
bool kb_storage_next_hole(const struct kb_os *os, uint64_t from, struct kb_hole *hole);

/* ---- room.c: where an area goes ---- */

/* Takes room for `length` bytes; *found = false: there is none, and nothing has changed but for
 * areas that moved, and those that were rolled out if `replace`. */
kb_status kb_storage_take_room(struct kb_os *os, uint32_t area, struct kb_placement_wish wish,
                               bool replace, bool *found, enum kb_reason *reason) KB_MUST_CHECK;
kb_status kb_storage_give_room(struct kb_os *os, uint32_t area) KB_MUST_CHECK;
/* Whether an area in memory may neither move nor go: pinned by command, or in one place with
 * others.
 */
bool kb_storage_stays(const struct kb_os *os, uint32_t area);
/* An area is in memory now: what is free, where some are overlaid. */
kb_status kb_storage_placed(struct kb_os *os) KB_MUST_CHECK;
/* Whether areas lie in holes, and so may be moved to anywhere. */
bool kb_storage_movable(const struct kb_os *os);
/* All areas that may move are moved down, in the order of their addresses. *moved: bytes. */
kb_status kb_storage_compact(struct kb_os *os, uint64_t *moved) KB_MUST_CHECK;
/* A segment gets another length. *refused: there is no room. */
kb_status kb_storage_resize(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                            uint64_t length, bool *refused) KB_MUST_CHECK;
/* To another place, by command. *refused: it is not free, or the program cannot be moved. */
kb_status kb_storage_move(struct kb_os *os, struct kb_region *segment,
                          struct kb_placement_wish wish, bool *refused) KB_MUST_CHECK;

/* ---- roll.c: areas go out and come in as a whole ---- */

/* Out: written if modified; false: *reason, and it is still there. */
kb_status kb_storage_roll_out(struct kb_os *os, uint32_t area, bool *out,
                              enum kb_reason *reason) KB_MUST_CHECK;
/* In: room, bytes, tables. fault: for a reference, which follows. */
kb_status kb_storage_roll_in(struct kb_os *os, uint32_t area, struct kb_placement_wish wish,
                             bool fault, bool replace, bool *in,
                             enum kb_reason *reason) KB_MUST_CHECK;
/* An area has left memory: all that show it know. A program's process is swapped out. */
void kb_storage_left(struct kb_os *os, uint32_t area);
/* The descriptor of its first user says where it is (step 5). */
void kb_storage_tell_update(struct kb_os *os, uint32_t area);
void kb_storage_drop_blocks(struct kb_os *os, struct kb_area *area);
/* A whole process, and what its program says of its segments. */
kb_status kb_storage_swap_out(struct kb_os *os, struct kb_process *process,
                              bool *refused) KB_MUST_CHECK;
kb_status kb_storage_swap_in(struct kb_os *os, struct kb_process *process,
                             bool *refused) KB_MUST_CHECK;

/* Whether the place of an area in memory, were it free, would do for another one. */
bool kb_storage_would_do(const struct kb_os *os, uint32_t present, uint32_t wanted,
                         struct kb_placement_wish wish);

/* ---- chooser.c: the host of the replacement policy ---- */

kb_status kb_chooser_init(struct kb_os *os) KB_MUST_CHECK;
void kb_chooser_free(struct kb_os *os);
kb_status kb_chooser_grow(struct kb_os *os) KB_MUST_CHECK;
void kb_chooser_admit(struct kb_os *os, uint32_t area, bool referenced);
void kb_chooser_forget(struct kb_os *os, uint32_t area, enum kb_why why);
/* `count` references to an area, counted already. */
void kb_chooser_note(struct kb_os *os, uint32_t area, enum kb_access access, uint32_t count);
/* Rolls a victim out; *out = false: none may go, *reason says why. With partitions only those go
 * whose partition would do for the wanted area. */
kb_status kb_chooser_evict(struct kb_os *os, uint32_t wanted, struct kb_placement_wish wish,
                           bool *out, enum kb_reason *reason) KB_MUST_CHECK;

/* ---- segment_access.c: instructions ---- */

struct kb_operand {
    uint64_t address;
    uint32_t length;
    enum kb_access access;
};

/* As kb_os's instructions: afterwards the pieces of the operands are known, one each, and their
 * areas pinned, unless it is not *done. */
kb_status kb_storage_reach(struct kb_os *os, const struct kb_operand *operand, unsigned operands,
                           bool *done) KB_MUST_CHECK;
void kb_storage_unpin(struct kb_os *os);
kb_status kb_storage_run(struct kb_os *os, uint64_t address, enum kb_access access,
                         uint32_t references, bool *done) KB_MUST_CHECK;

/* ---- segment_advice.c ---- */

enum kb_segment_advice { KB_ADVICE_RELEASE, KB_ADVICE_DISCARD, KB_ADVICE_PIN, KB_ADVICE_UNPIN };

/* To all segments that the range start … end − 1 touches. *refused: there is none, or one of them
 * is pinned or cannot be written or brought in; those before it have been dealt with. */
kb_status kb_storage_advise(struct kb_os *os, struct kb_process *process, uint64_t start,
                            uint64_t end, enum kb_segment_advice advice,
                            bool *refused) KB_MUST_CHECK;

/* ---- storage_check.c ---- */

const char *kb_storage_check(const struct kb_os *os);

#endif
