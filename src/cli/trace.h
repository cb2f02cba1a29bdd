/* trace.h - what the subcommands of kilburn trace share. */
#ifndef KB_CLI_TRACE_H
#define KB_CLI_TRACE_H

#include "cli.h"

struct trace {
    struct cli *cli;
    const char *input, *output;
    struct kb_reader_options reading;
    struct kb_writer_options writing;
    uint64_t distance;   /* annotate-release */
    uint64_t window;     /* working-set; 0: not given */
    struct cli_sizes at; /* working-set; owned */
    bool plot;           /* working-set */
    bool json, quiet, help;
    struct kb_host host;
};

/* Puts the input's name before an error of its data. */
kb_status trace_with_name(struct trace *t, kb_status status);

/* Says what was written, unless that is not wanted. */
void trace_report_written(struct trace *t, const struct kbt_totals *totals);

/* A trace that is read and written anew. */
struct trace_copy {
    struct kb_source source;
    struct kb_sink sink;
    struct kb_reader *reader;
    struct kb_writer *writer;
};

/* Opens both sides, with the input's grain, program and version; to be closed in either case. */
kb_status trace_copy_open(struct trace *t, struct trace_copy *copy);
/* All was written: the output appears under its name. */
kb_status trace_copy_commit(struct trace *t, struct trace_copy *copy, struct kbt_totals *totals);
void trace_copy_close(struct trace_copy *copy);

/* ---- trace_release.c ---- */
kb_status trace_annotate_release(struct trace *t);

/* ---- trace_window.c ---- */
kb_status trace_working_set(struct trace *t);

#endif
