/* cli.h - what the subcommands share: the language, errors, arguments, tables, progress. */
#ifndef KB_CLI_H
#define KB_CLI_H

#include <getopt.h>
#include <stdio.h>

#include "kilburn.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2 };

struct cli {
    enum kb_language language;
    struct kb_error error;
    const char *command; /* "sim", "trace info": for messages */
};

/* Subcommands: argv[0] is their name. They return the exit status. */
int cmd_sim(struct cli *cli, int argc, char **argv);
int cmd_step(struct cli *cli, int argc, char **argv);
int cmd_trace(struct cli *cli, int argc, char **argv);
int cmd_explain(struct cli *cli, int argc, char **argv);
int cmd_study(struct cli *cli, int argc, char **argv);
int cmd_record(struct cli *cli, int argc, char **argv);

/* ---- main.c ---- */

const char *cli_text(const struct cli *cli, enum kb_message message);

/* A message with arguments, to standard output or error, without more. */
void cli_print(const struct cli *cli, FILE *file, enum kb_message message, ...);

/* Puts the trace's name before an error of its data, unless it stands there already. Returns
 * status. */
kb_status cli_with_name(struct cli *cli, kb_status status, const char *name);

/* Prints the error after "kilburn: " and returns its exit status. */
int cli_fail(const struct cli *cli);

/* A usage error: message, and a hint at --help. */
int cli_usage(struct cli *cli, enum kb_message message, ...);

/* What getopt_long (with opterr = 0 and a leading ':') found wrong: an unknown option or a missing
 * argument. */
int cli_bad_option(struct cli *cli, int found, char **argv);

/* Sets the language from --lang; an unknown one is a usage error: false. */
bool cli_set_language(struct cli *cli, const char *name);

/* ---- args.c ---- */

/* Sizes from a list such as 8,16,100..200:10,1..4096:*2. */
struct cli_sizes {
    uint64_t *values;
    size_t count;
};

kb_status cli_parse_sizes(const char *text, struct cli_sizes *sizes, struct kb_error *error);

/* A number with a unit, from low to high. */
kb_status cli_parse_number(const char *option, const char *text, uint64_t low, uint64_t high,
                           uint64_t *value, struct kb_error *error);

/* Policies from a list: names with options, "all", and paths of users' own. */
struct cli_policies {
    struct kb_policy_spec *specs;
    size_t count;
};

kb_status cli_parse_policies(const char *text, struct cli_policies *policies,
                             struct kb_error *error);

/* What a table and JSON call a policy: "lfu:keep=1". Returns text. */
#define CLI_POLICY_TEXT 160
char *cli_policy_name(const struct kb_policy_spec *spec, char text[CLI_POLICY_TEXT]);

/* ---- progress.c ---- */

struct cli_progress {
    const struct cli *cli;
    const struct kb_source *source;
    bool shown;  /* a line stands on the terminal */
    bool wanted; /* standard error is a terminal */
    double started, last;
};

void cli_progress_start(struct cli_progress *progress, const struct cli *cli,
                        const struct kb_source *source, bool quiet);
/* As kb_sweep's progress function; context is a cli_progress. */
void cli_progress_step(void *context, unsigned phase, uint64_t references, uint64_t all);
void cli_progress_end(struct cli_progress *progress);

/* ---- record_compile.c ---- */

/* Prints the line that builds the sources, or an example, with Kilburn's hooks. */
int record_compile(struct cli *cli, char *const *sources);

/* ---- table.c ---- */

struct cli_table;

/* Columns: titles; those whose bit is set in `right` are aligned right. csv: comma-separated. */
struct cli_table *cli_table_new(const char *const *titles, unsigned columns, uint64_t right,
                                bool csv);
void cli_table_row(struct cli_table *table, const char *const *cells);
/* Prints to standard output and frees. */
void cli_table_end(struct cli_table *table);

/* Columns of the terminal on standard output; `otherwise` if there is none or it is very narrow. */
unsigned cli_terminal_width(unsigned otherwise);

/* 1234567 as it is, into text. */
#define CLI_NUMBER_TEXT 32
char *cli_number(uint64_t value, char text[CLI_NUMBER_TEXT]);

#endif
