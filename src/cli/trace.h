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
    uint64_t window;     /* working-set, info; 0: not given */
    struct cli_sizes at; /* working-set; owned */
    bool plot;           /* working-set */
    bool brief;          /* info */
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

/* ---- trace_info.c ---- */

struct trace_totals {
    uint64_t references, runs, blocks, reads, writes, executes, events;
    uint32_t pages;
};

/* Reads all of t->input; each block goes to writer too, unless it is NULL. check: ids must be
 * right. */
kb_status trace_read_all(struct trace *t, struct kb_reader *reader, const struct kb_source *source,
                         struct kb_writer *writer, struct trace_totals *totals, bool check);

kb_status trace_info(struct trace *t);
kb_status trace_verify(struct trace *t);

/* ---- trace_story.c ---- */

/* What is counted beside the totals, to be told by trace info. */
struct trace_story {
    struct kb_trace_info info;
    struct kb_story story;
    struct kb_working_set set;
    struct kb_stack stack;
    struct kb_story_reuse reuse;
    bool window_chosen; /* by us: a hundredth of the references, or, if their number is not known …
                         */
    bool window_blind;  /* … without knowing it */
};

/* Reads all of t->input. To be closed in either case. */
kb_status trace_story_read(struct trace *t, struct kb_reader *reader,
                           const struct kb_source *source, struct trace_story *story,
                           struct trace_totals *totals);
void trace_story_close(struct trace_story *story);

/* ---- trace_story_show.c ---- */

/* Into the object that is open. */
kb_status trace_story_json(struct kb_json *json, const struct trace_story *story,
                           const struct kb_reader *reader);
kb_status trace_story_text(struct trace *t, const struct trace_story *story,
                           const struct kb_reader *reader);

/* ---- trace_release.c ---- */
kb_status trace_annotate_release(struct trace *t);

/* ---- trace_window.c ---- */
kb_status trace_working_set(struct trace *t);

#endif
