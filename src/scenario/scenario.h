/* scenario.h - runs the scenario language: a machine, processes, what they do, and what must come
 * of it. docs/scenario.md is the language's reference.
 *
 *   lines ──► words (line.c) ──► commands (command.c, build.c, act.c, perform.c)
 *                                   │ events of the os            │ expect.c, show.c
 *                                   ▼                             ▼
 *                     narration, JSON, or nothing         checks that are counted
 *
 * A scenario runs line by line, so that a terminal can feed it as well as a
 * file. Only `machine replace=opt` looks ahead, and so wants a whole text. */
#ifndef KB_SCENARIO_SCENARIO_H
#define KB_SCENARIO_SCENARIO_H

#include "base/host.h"
#include "store/store.h"

#define KB_SCENARIO_VERSION 1 /* of the language: `version 1` */

enum kb_scenario_view {
    KB_VIEW_QUIET,   /* failed expectations only */
    KB_VIEW_NARRATE, /* all that happens, told */
    KB_VIEW_JSON     /* all that happens, as one JSON object */
};

struct kb_scenario_options {
    const struct kb_host *host;
    enum kb_language language;
    enum kb_scenario_view view;
    bool all;                /* narrate every reference of long commands, not only the first ones */
    struct kb_sink output;   /* narration, JSON, failed expectations */
    struct kb_sink timeline; /* of the last machine, at the end; write NULL: none is wanted */
    const char *name;        /* of the file, for messages; borrowed */
    uint64_t most_commands, most_references, most_bytes; /* 0: the usual limits */
    /* What a scenario may want of the host; a NULL is a clear error when it does. */
    kb_status (*open_trace)(void *context, const char *path, struct kb_source *source,
                            struct kb_error *error);
    void (*close_trace)(void *context, struct kb_source *source);
    kb_status (*open_swap)(void *context, const char *path, uint32_t page_bytes, uint64_t slots,
                           struct kb_store *store, struct kb_error *error);
    void *context;
};

struct kb_scenario_tally {
    uint64_t lines, commands, expectations, failed;
};

struct kb_scenario;

kb_status kb_scenario_open(struct kb_scenario **scenario, const struct kb_scenario_options *options,
                           struct kb_error *error) KB_MUST_CHECK;

/* Runs a whole text, in which there is at least one command. KB_OK also when expectations failed:
 * see the tally. */
kb_status kb_scenario_run(struct kb_scenario *scenario, const char *text, size_t length,
                          struct kb_error *error) KB_MUST_CHECK;

/* Runs one line; a block (repeat … end) runs at its end. */
kb_status kb_scenario_line(struct kb_scenario *scenario, const char *text, size_t length,
                           struct kb_error *error) KB_MUST_CHECK;

/* Where the next line stands, for messages: name NULL: nowhere but among the lines of a person.
 * Borrowed. */
void kb_scenario_place(struct kb_scenario *scenario, const char *name, uint64_t line);

/* Whether a block is still open. */
bool kb_scenario_inside(const struct kb_scenario *scenario);

/* Narrates from now on, or not: for going back in a terminal. */
void kb_scenario_set_view(struct kb_scenario *scenario, enum kb_scenario_view view);

/* The end: an open block is an error; JSON is closed, with the field "error" if the run failed. */
kb_status kb_scenario_end(struct kb_scenario *scenario, struct kb_scenario_tally *tally,
                          struct kb_error *error) KB_MUST_CHECK;

void kb_scenario_free(struct kb_scenario *scenario); /* NULL is fine */

/* The commands of the language, one line each, for help; NULL at the end. */
const char *kb_scenario_usage(unsigned i);

#endif
