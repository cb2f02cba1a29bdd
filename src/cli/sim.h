/* sim.h - the parts of `kilburn sim`: the request, and how its results are shown. */
#ifndef KB_CLI_SIM_H
#define KB_CLI_SIM_H

#include "cli.h"

enum sim_output { SIM_TABLE, SIM_JSON, SIM_CSV };

struct sim {
    struct cli *cli;
    const char *trace;
    struct kb_reader_options reading;
    struct cli_policies policies;
    const char *frames_text, *memory_text;
    struct cli_sizes frames;
    bool frames_auto;
    bool events, steps, plot, advice, quiet;
    uint64_t interval;
    uint64_t threads;
    enum sim_output output;
    struct kb_host host;
    struct kb_trace_info info; /* of the trace, when it has been opened */
};

/* sim_show.c */
kb_status sim_show_sweep(struct sim *sim, const struct kb_sweep *sweep);

/* sim_steps.c */
kb_status sim_show_steps(struct sim *sim, struct kb_reader *reader);

/* sim_help.c: kilburn sim --policy help */
void sim_policy_help(const struct cli *cli);

#endif
