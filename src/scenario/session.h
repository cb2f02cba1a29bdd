/* session.h - a scenario that runs: what its files share. */
#ifndef KB_SCENARIO_SESSION_H
#define KB_SCENARIO_SESSION_H

#include "machine/cost.h"
#include "os/batch.h"
#include "os/timeline.h"
#include "replay/replay.h"
#include "scenario/event_json.h"
#include "scenario/line.h"
#include "scenario/narrate.h"
#include "scenario/scenario.h"
#include "store/staged.h"

#define KB_MOST_DEPTH 16 /* of nested blocks */
#define KB_MOST_TRAIL 64 /* parts of one fault: 1 3 victim … */

/* Lines that were read and may run again. */
struct kb_lines {
    char *text; /* all lines, each ended by '\n' */
    size_t length, room;
    uint32_t *start;  /* of each line, in text */
    uint64_t *number; /* of each line, in the file */
    uint32_t count, line_room;
};

/* What the last command came to; `expect` asks for it. */
struct kb_outcome {
    bool refused, done;
    enum kb_fault fault; /* of the last translation, or trap */
    bool translated;     /* physical, linear … are known */
    uint64_t address, linear, physical;
    bool tlb_hit;
    uint64_t value, length; /* of the last load or inc; of its bytes */
    uint64_t digest;
    uint8_t trail[KB_MOST_TRAIL]; /* of the last fault: enum kb_os_event_kind */
    unsigned trail_length;
};

/* Numbers that `reset counters` brings back to 0. */
struct kb_tally {
    struct kb_os_counters os;
    struct kb_storage_counters storage;
    struct kb_stage_counters stage;
    uint64_t hits, second_hits, misses, table_reads, entry_writes, cycles, swap_writes;
    uint64_t tlb_evictions, tlb_invalidations;
    uint64_t time, idle, disk_worked; /* of the clock */
    uint64_t active_time;
};

enum kb_quantity_kind { KB_NO_QUANTITY, KB_WHOLE, KB_REAL };

struct kb_places; /* placement.h */

struct kb_scenario {
    struct kb_scenario_options options;
    struct kb_error *error;   /* of the present call */
    struct kb_error os_error; /* the os keeps a pointer to one that lives as long as it */
    struct kb_text_out out;
    struct kb_json json;
    bool json_open;
    struct kb_scenario_tally tally;
    char failure[KB_ERROR_TEXT]; /* why the run stopped; empty: it did not */

    struct kb_lines lines; /* of the whole text, or of the open block */
    struct kb_word *words; /* KB_LINE_WORDS */
    struct kb_line line;   /* the present one */
    const char *line_text; /* borrowed */
    size_t line_length;
    uint64_t number;        /* of the present line */
    unsigned depth;         /* open blocks while lines are being collected */
    bool whole;             /* lines holds the whole text: the future may be looked at */
    uint32_t at;            /* the present line's index in lines, when whole */
    unsigned running_depth; /* nested runs of blocks */

    struct kb_os os;
    bool built;               /* os is there */
    struct kb_os_setup setup; /* for the next build */
    bool described;           /* setup is complete */
    bool staged;              /* the paging file of setup, or of os, has two levels */
    double search_cost;       /* cycles of a TLB search, for speed */
    uint64_t file_bytes;      /* of all files */
    struct kb_tally base;
    struct kb_outcome last;

    uint64_t *victims; /* page numbers, in order */
    uint32_t victim_count, victim_room;
    bool victims_known; /* false: some command was not kept */
    bool unkept;        /* the present command's events are not kept for expect */
    uint64_t looked;    /* lines that were cut into words, long ones more than once */
    uint64_t told;      /* references of the present command that were narrated */
    bool muted;         /* the narration of the present command has said enough */

    struct kb_batch batch; /* the job queue, and what became of it */
    uint32_t job_room;
    bool jobs_ran;  /* the next `job` begins a new list */
    bool jobs_here; /* on this machine: `degree`, `degree-most`, `utilisation` are theirs */

    struct kb_places *places; /* a memory without a machine; NULL: none */

    struct kb_timeline *timeline; /* of this machine; NULL: none */
    uint64_t turn_from;           /* reference at which the running process's turn began */
    bool timeline_failed;         /* for want of memory */

    bool together;   /* a blocked process does not keep the others waiting */
    bool rehearsing; /* only the sequence of pages is wanted */
    struct kb_future future;
    bool has_future;
    struct kb_run *ran; /* a block of runs for the future */
    uint32_t ran_count;
    uint32_t ran_pages;
};

/* ---- scenario.c ---- */

/* The system, built from what `machine` said, or from the usual if it said nothing. */
kb_status kb_scenario_build(struct kb_scenario *s) KB_MUST_CHECK;
/* Whether what the system does from now on is kept for `expect`. If not, it is heard only by who
 * reads, and then the last fault and translation, the steps and the victims are unknown: in all
 * views alike. */
void kb_scenario_listen(struct kb_scenario *s, bool keeps);
/* KB_OK, or the os's error made the caller's. */
kb_status kb_scenario_os_status(struct kb_scenario *s, kb_status status) KB_MUST_CHECK;
/* Makes line i the present one. */
kb_status kb_scenario_cut(struct kb_scenario *s, const struct kb_lines *lines,
                          uint32_t i) KB_MUST_CHECK;
/* Runs the lines that were read from index `from` on. */
kb_status kb_scenario_run_from(struct kb_scenario *s, uint32_t from) KB_MUST_CHECK;
bool kb_scenario_narrates(const struct kb_scenario *s);

/* ---- command.c ---- */

/* Runs the present line. */
kb_status kb_command(struct kb_scenario *s) KB_MUST_CHECK;
/* The line itself, for those who read. */
void kb_command_tell(struct kb_scenario *s);
/* Whether a word is a command, or something that `expect` asks for: no name of a process. */
bool kb_scenario_is_word(const struct kb_word *word);
/* The process of this name; an error names those that there are. */
kb_status kb_scenario_process(struct kb_scenario *s, const struct kb_word *name,
                              struct kb_process **process) KB_MUST_CHECK;

/* ---- stage.c ---- */

/* stage=BLOCKS,PAGES */
kb_status kb_scenario_read_stage(struct kb_scenario *s, const struct kb_word *value,
                                 uint64_t *blocks, uint64_t *pages) KB_MUST_CHECK;
/* Puts an upper level of so many blocks of so many pages before the store, which is closed if that
 * fails. */
kb_status kb_scenario_stage(struct kb_scenario *s, struct kb_store *store, uint32_t blocks,
                            uint32_t pages) KB_MUST_CHECK;
/* Level 2 or 3 of the machine's paging file, which fails as it is told; NULL: there is none. */
const struct kb_store *kb_scenario_stage_level(const struct kb_scenario *s, uint64_t level);
/* All 0 without levels. */
struct kb_stage_counters kb_scenario_stage_counters(const struct kb_scenario *s);

/* ---- build.c ---- */

kb_status kb_command_machine(struct kb_scenario *s) KB_MUST_CHECK;
/* The usual machine. */
kb_status kb_scenario_usual(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_scenario_make(struct kb_scenario *s) KB_MUST_CHECK;
/* No machine any more, nor one that is only described. */
void kb_scenario_tear_down(struct kb_scenario *s);

/* ---- storage.c: machines whose storage is contiguous ---- */

/* What `machine` said that storage.c reads the rest of. */
struct kb_storage_wish {
    uint64_t page, memory;
    unsigned split[KB_MOST_LEVELS], splits;
};

bool kb_scenario_organisation(const struct kb_word *word, enum kb_organisation *organisation);
/* os=, partitions=, fit=, compaction=, split= of `machine`. */
kb_status kb_scenario_read_storage(struct kb_scenario *s,
                                   const struct kb_storage_wish *wish) KB_MUST_CHECK;
kb_status kb_storage_act_segment(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_storage_act_share(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_storage_act_protect(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_storage_act_evict(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_storage_command_shared(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_storage_act_grow(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_storage_act_detach(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_detach(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_move(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_storage_command_compact(struct kb_scenario *s) KB_MUST_CHECK;
/* A command that only pages know. */
kb_status kb_storage_has_no_pages(struct kb_scenario *s) KB_MUST_CHECK;
/* show memory, show free: areas and holes, in the order of addresses; show segments NAME. */
void kb_show_areas(struct kb_scenario *s, bool areas_too);
void kb_show_blocks(struct kb_scenario *s); /* show swap */
void kb_show_segments(struct kb_scenario *s, const struct kb_process *p);
/* expect NAME segment WHAT …, the rest of the line. */
kb_status kb_storage_expect_segment(struct kb_scenario *s,
                                    const struct kb_process *p) KB_MUST_CHECK;

/* ---- timeline.c ---- */

/* A machine was made: its time line begins, if one is wanted. */
kb_status kb_scenario_time_begin(struct kb_scenario *s) KB_MUST_CHECK;
void kb_scenario_time_event(struct kb_scenario *s, const struct kb_os_event *event);
kb_status kb_scenario_time_end(struct kb_scenario *s, struct kb_error *error) KB_MUST_CHECK;
void kb_scenario_time_free(struct kb_scenario *s);

/* ---- batch.c: the job queue ---- */

kb_status kb_command_job(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_run(struct kb_scenario *s) KB_MUST_CHECK;
/* Whether the next word of `expect` is one of jobs, and has been dealt with. */
bool kb_expect_batch(struct kb_scenario *s, kb_status *status);
bool kb_expect_is_batch(const struct kb_word *word);
void kb_scenario_free_jobs(struct kb_scenario *s);

/* ---- allocate.c ---- */

/* allocation=, minimum=, tables-in=, free= of `machine`. */
kb_status kb_scenario_read_shares(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_act_allocate(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;

/* ---- act.c: commands that change the system ---- */

kb_status kb_command_process(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_switch(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_kill(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_patch(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_flush(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_fail(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_reset(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_act_region(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_guard(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_segment(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_grow(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
/* The segment of that name, or number; NULL: there is none. */
const struct kb_region *kb_scenario_segment(const struct kb_scenario *s, const struct kb_process *p,
                                            const struct kb_word *word);
/* What a segment is now. */
struct kb_segment_state {
    struct kb_segment entry; /* decoded */
    uint64_t number, pages, entry_address;
    uint64_t resident; /* valid entries of its page table that it reaches */
    uint64_t waste;    /* bytes of its last page behind its end */
    uint64_t sharers;  /* segments that have its page table, itself too; 0: it has none */
};
struct kb_segment_state kb_scenario_segment_state(const struct kb_scenario *s,
                                                  const struct kb_process *p,
                                                  const struct kb_region *region);
kb_status kb_expect_segment(struct kb_scenario *s, const struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_map(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_unmap(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_protect(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_mode(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_handler(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_evict(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_relocate(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
/* What a command was refused for stays to be asked: expect refused. */
void kb_act_refuse(struct kb_scenario *s, bool refused);
/* A name that a process may be given. */
kb_status kb_act_name(struct kb_scenario *s, const struct kb_word *word,
                      char name[KB_NAME_BYTES]) KB_MUST_CHECK;
/* What a region may be used for if nothing is said. */
unsigned kb_act_usual_rights(const struct kb_scenario *s);
/* Where the next segment begins; the region's name is not that of another one. */
kb_status kb_act_region_rest(struct kb_scenario *s, struct kb_region *region,
                             const char *wanted) KB_MUST_CHECK;
kb_status kb_act_next_segment(struct kb_scenario *s, const struct kb_process *p,
                              struct kb_region *region) KB_MUST_CHECK;
/* start= and size=, or page=. */
/* page=, or start= and size=; with paged segmentation also the name of a segment: its pages. */
kb_status kb_act_range(struct kb_scenario *s, const struct kb_process *p, uint64_t *start,
                       uint64_t *end) KB_MUST_CHECK;
/* "rw-", "rx", "none" … */
kb_status kb_act_rights(struct kb_scenario *s, unsigned *rights) KB_MUST_CHECK;

/* ---- share.c: what several processes see: shared memory, files, copies ---- */

kb_status kb_command_shared(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_file(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_act_share(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_map_file(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_perform_sync(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_perform_fork(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
/* The number of the file of that name. */
kb_status kb_scenario_file(struct kb_scenario *s, const struct kb_word *name,
                           uint32_t *object) KB_MUST_CHECK;

/* ---- placement.c: requests in a memory without a machine (placement.h) ---- */

kb_status kb_command_holes(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_place(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_free(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_compact(struct kb_scenario *s) KB_MUST_CHECK;
kb_status kb_command_cache(struct kb_scenario *s) KB_MUST_CHECK;
void kb_scenario_free_places(struct kb_scenario *s); /* none is fine */

/* ---- advise.c: what programs say of their pages; processes as a whole ---- */

kb_status kb_perform_release(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_perform_discard(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_perform_pin(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_perform_unpin(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
kb_status kb_act_swap(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
/* Who was swapped out comes back before it does anything. */
kb_status kb_scenario_bring_back(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;

/* ---- perform.c: what programs do ---- */

kb_status kb_perform(struct kb_scenario *s, struct kb_process *p, const struct kb_word *verb,
                     bool *known) KB_MUST_CHECK;
/* The process may do something, and has the processor. */
kb_status kb_perform_begin(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;

kb_status kb_scenario_address(struct kb_scenario *s, const struct kb_process *p,
                              uint64_t *address) KB_MUST_CHECK;
/* How long a program computes: storage cycles, or with a clock a time, like 10ms. */
kb_status kb_scenario_compute_time(struct kb_scenario *s, const struct kb_word *word,
                                   uint64_t *time) KB_MUST_CHECK;
/* Whether the instruction must be made again: p was blocked, and has waited for its page. */
bool kb_perform_again(struct kb_scenario *s, struct kb_process *p);

/* ---- together.c: programs that share the processor ---- */

/* The lines first … end − 1 as programs of their processes. The present line is the block's. */
kb_status kb_scenario_together(struct kb_scenario *s, const struct kb_lines *lines, uint32_t first,
                               uint32_t end) KB_MUST_CHECK;

/* ---- run.c: generators and traces; the rehearsal for opt ---- */

kb_status kb_perform_run(struct kb_scenario *s, struct kb_process *p) KB_MUST_CHECK;
/* A synthetic program that runs one reference at a time. */
struct kb_program;
/* GENERATOR option=value …, the rest of the line. The caller ends it with kb_program_free. */
kb_status kb_program_new(struct kb_scenario *s, struct kb_program **program) KB_MUST_CHECK;
/* The next reference of p, and what it says of its page; *over: it was the last one. Blocked, it
 * makes the same one again. */
kb_status kb_program_step(struct kb_scenario *s, struct kb_process *p, struct kb_program *program,
                          bool *over) KB_MUST_CHECK;
void kb_program_free(struct kb_scenario *s, struct kb_program *program); /* NULL is fine */
kb_status kb_scenario_rehearse(struct kb_scenario *s) KB_MUST_CHECK;
/* In a rehearsal: the setup's runs are collected. */
void kb_rehearsal_listen(struct kb_scenario *s);
/* Before count references: are they still within the limit? */
kb_status kb_scenario_allow(struct kb_scenario *s, uint64_t count) KB_MUST_CHECK;

/* ---- expect.c, expect_page.c, show.c ---- */

kb_status kb_command_expect(struct kb_scenario *s) KB_MUST_CHECK;
bool kb_expect_is_word(const struct kb_word *word);
/* [RELATION] VALUE [±TOLERANCE], the rest of the line, against a number. */
kb_status kb_expect_number(struct kb_scenario *s, const char *what, enum kb_quantity_kind kind,
                           uint64_t whole, double real, bool hex) KB_MUST_CHECK;
/* A check that a command makes by itself (verify). wanted and found are texts. */
kb_status kb_scenario_judge(struct kb_scenario *s, const char *what, const char *wanted,
                            const char *found, bool passed) KB_MUST_CHECK;

/* What the page table's entry in memory says, not what the system believes; slot is the system's.
 */
struct kb_page_state {
    bool valid, referenced, modified, slotted;
    uint64_t frame, slot;
    uint64_t mappings; /* the reference count of its content */
    unsigned rights;
};
struct kb_page_state kb_scenario_page(const struct kb_scenario *s, const struct kb_process *p,
                                      uint64_t number);
/* key=N or key=none of `expect`, and rights=rw-, where they are given. there: there is a number. */
kb_status kb_expect_place(struct kb_scenario *s, const char *key, bool there,
                          uint64_t place) KB_MUST_CHECK;
kb_status kb_expect_rights(struct kb_scenario *s, unsigned rights) KB_MUST_CHECK;
/* expect NAME page …, the rest of the line. */
kb_status kb_expect_page(struct kb_scenario *s, const struct kb_process *p) KB_MUST_CHECK;
kb_status kb_command_show(struct kb_scenario *s) KB_MUST_CHECK;

/* ---- quantity.c ---- */

/* A number that `expect` and `show counters` know, by name; p NULL: of the whole system. */
enum kb_quantity_kind kb_quantity(const struct kb_scenario *s, const char *name, uint32_t length,
                                  const struct kb_process *p, uint64_t *whole, double *real);
const char *kb_quantity_name(unsigned i); /* NULL at the end */
void kb_quantity_reset(struct kb_scenario *s);

#endif
