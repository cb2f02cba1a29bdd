/* sim.h - the parts of `kilburn sim`: the request, and how its results are shown. */
#ifndef KB_CLI_SIM_H
#define KB_CLI_SIM_H

#include "cli.h"

enum sim_output { SIM_TABLE, SIM_JSON, SIM_CSV };

/* ---- the whole machine ---- */

/* What the options of the machine say: X(name, argument). Their numbers begin at
 * SIM_MACHINE_OPTION.
 */
#define SIM_MACHINE_OPTIONS(X)                                                                     \
    X(MACHINE, "machine", no_argument)                                                             \
    X(TLB, "tlb", required_argument)                                                               \
    X(TLB2, "tlb2", required_argument)                                                             \
    X(ASIDS, "asids", required_argument)                                                           \
    X(TABLE_FORMAT, "table-format", required_argument)                                             \
    X(LEVELS, "levels", required_argument)                                                         \
    X(SWAP, "swap", required_argument)                                                             \
    X(QUANTUM, "quantum", required_argument)                                                       \
    X(PROCESSES, "processes", required_argument)                                                   \
    X(DISK, "disk", required_argument)                                                             \
    X(MEMORY_TIME, "memory-time", required_argument)                                               \
    X(CYCLE_TIME, "cycle-time", required_argument)                                                 \
    X(ALLOCATION, "allocation", required_argument)                                                 \
    X(LOAD_CONTROL, "load-control", required_argument)                                             \
    X(MINIMUM, "minimum", required_argument)                                                       \
    X(CLUSTER, "cluster", required_argument)                                                       \
    X(RESERVE, "reserve", required_argument)                                                       \
    X(TABLES, "tables", required_argument)                                                         \
    X(TIMELINE, "timeline", required_argument)

#define SIM_MACHINE_OPTION 512

enum sim_machine_option {
    SIM_OPTIONS_BEFORE = SIM_MACHINE_OPTION - 1,
#define X(id, name, argument) SIM_OPT_##id,
    SIM_MACHINE_OPTIONS(X)
#undef X
        SIM_OPTIONS_END
};

struct sim_machine {
    const char
        *because; /* the option, or TRACE…, for which the whole machine is taken; else NULL */
    struct kb_tlb_geometry tlb[2];
    unsigned tlbs;
    bool tlb_said;
    uint64_t asids, levels, swap, quantum; /* levels, swap 0: as the traces need */
    const char *table_format, *timeline, *copies_text;
    struct cli_sizes copies; /* of each trace: one list of results for each number */
    struct kb_disk disk;
    double memory_ns;
    bool clock, memory_said; /* of cycle_ns */
    uint64_t cycle_ns;
    enum kb_allocation allocation;
    struct kb_load_spec load;
    enum kb_tables_place tables;
    uint64_t minimum, cluster, low, high; /* 0: unsaid */
};

/* A trace that has been read through once. */
struct sim_trace {
    const char *name; /* as it was given */
    char program[24]; /* of its processes */
    struct kb_trace_info info;
    uint64_t references, writes, executes, events, highest; /* page number */
    uint32_t pages;
    struct sim_held *held; /* what cannot be read again lies in memory; else NULL */
};

struct sim_machine_results;

struct sim {
    struct cli *cli;
    const char *trace;
    char *const *traces;
    size_t trace_count;
    struct sim_machine machine;
    struct kb_reader_options reading;
    struct cli_policies policies;
    const char *frames_text, *memory_text, *fetch_text;
    struct kb_fetch_spec fetch;
    struct cli_sizes frames;
    bool frames_auto;
    bool events, steps, plot, advice, quiet;
    uint64_t interval;
    uint64_t threads;
    enum sim_output output;
    struct kb_host host;
    struct kb_trace_info info; /* of the trace, when it has been opened */
    /* Who takes the results of machines instead of having them shown; NULL: nobody. */
    kb_status (*keep)(void *context, const struct sim_machine_results *results);
    void *keep_context;
};

/* sim_show.c */
kb_status sim_show_sweep(struct sim *sim, const struct kb_sweep *sweep);

/* cmd_sim.c: with sim->info.page_size known. */
kb_status sim_memory_to_frames(struct sim *sim);
kb_status sim_check_frames(struct sim *sim);
/* Sizes in equal ratios from a small memory to one that holds every page. */
kb_status sim_choose_frames(struct sim *sim, uint64_t pages);

/* sim_machine_args.c */
void sim_machine_usual(struct sim_machine *machine);
kb_status sim_machine_take(struct sim *sim, int option, const char *argument);
/* What can be said before the traces are opened. */
kb_status sim_machine_check(struct sim *sim);
/* The tables of a machine whose pages have 2^page_bits bytes, for page numbers up to `highest`. */
kb_status sim_machine_format(struct sim *sim, unsigned page_bits, uint64_t highest,
                             struct kb_os_setup *setup);
/* Whether so many processes can run in so many frames, as far as it is known beforehand. */
kb_status sim_machine_fits(struct sim *sim, uint64_t frames, uint64_t processes);
const char *sim_allocation_name(enum kb_allocation allocation);
const char *sim_tables_name(enum kb_tables_place place);
char *sim_tlb_text(const struct kb_tlb_geometry *geometry, char text[CLI_NUMBER_TEXT]);

/* sim_traces.c: traces that are read more than once */
kb_status sim_traces_survey(struct sim *sim, struct sim_trace *traces, struct kb_future *future);
/* A generator's references (docs/generators.md) as a trace that is kept in memory. */
kb_status sim_trace_generate(struct sim *sim, const char *spec, struct sim_trace *trace);
void sim_traces_free(struct sim *sim, struct sim_trace *traces);

struct sim_player; /* a trace being read again */
kb_status sim_player_open(const struct sim *sim, const struct sim_trace *trace,
                          struct sim_player **player, struct kb_job_trace *job,
                          struct kb_error *error);
void sim_player_close(struct sim_player *player); /* NULL is fine */

/* sim_machine.c */
struct sim_machine_process {
    char name[KB_NAME_BYTES];
    struct kb_process_counters counters;
    uint64_t still_dirty, resident_peak, allocation, unused_ahead;
};

struct sim_machine_result {
    struct kb_policy_spec spec;
    uint32_t frames, copies, processes;
    struct kb_os_counters counters;
    uint64_t pages, tlb_hits, tlb2_hits, tlb_misses, table_reads, cycles;
    uint64_t tables, table_bytes, slots_peak, resident_peak, still_dirty, unused_ahead;
    uint64_t elapsed_ns, idle_ns, disk_ns; /* with a clock */
    uint64_t active_time, degree_most;
    struct sim_machine_process *process;
    uint32_t process_count;
};

struct sim_machine_results {
    struct sim_machine_result *item;
    size_t count;
    const struct sim_trace *traces;
    struct kb_os_setup setup; /* what is the same in all */
    uint64_t page_bytes;
};

kb_status sim_machine_run(struct sim *sim);

/* sim_machine_show.c */
kb_status sim_machine_show(const struct sim *sim, const struct sim_machine_results *results);

/* sim_steps.c */
kb_status sim_show_steps(struct sim *sim, struct kb_reader *reader);

/* sim_help.c: kilburn sim --policy help, --fetch help */
void sim_policy_help(const struct cli *cli);
void sim_fetch_help(const struct cli *cli);

#endif
