/* study.h - what the studies of `kilburn study` share: a claim, a table, a plot, a verdict.
 *
 * A study is one file, study_NAME.c, and one line of the table in cmd_study.c.
 * It takes operands and options of its own beside the common ones (--json,
 * --csv, --lang, --help; if it wants them --no-plot, and --threads and --quiet),
 * and says in this order, when all is computed:
 *
 *   study_claim      what the founding documents say, and where
 *   study_rows_…     a table: its rows are those of CSV and of JSON, too
 *   study_plot       a curve, in text only
 *   study_verdict    whether the claim holds for these data, and when: computed
 *
 *   {"study":"…","claim":"…","rows":[…],"verdict":{"holds":true,"text":"…"}}
 *
 * CSV is the table alone. A study that has more to say in JSON writes it to
 * study->json between these. */
#ifndef KB_CLI_STUDY_H
#define KB_CLI_STUDY_H

#include "cli.h"

enum study_output { STUDY_TEXT, STUDY_JSON, STUDY_CSV };

struct study {
    struct cli *cli;
    const char *name;
    enum study_output output;
    bool no_plot, quiet;
    uint64_t threads;
    struct kb_host host; /* open while the study runs */
    char *const *operands;
    size_t operand_count;
    struct kb_json json; /* STUDY_JSON: inside the study's object */
    void *own;           /* study_kind.own_bytes of zeros at first: what its options said */
};

/* Numbers of a study's own options begin here (those of the common ones are below). */
#define STUDY_OWN_OPTION 1024

/* Common options that not every study takes. */
enum { STUDY_TAKES_PLOT = 1, STUDY_TAKES_THREADS = 2, STUDY_TAKES_QUIET = 4 };

struct study_kind {
    const char *name, *command;  /* "page-size", "study page-size" */
    enum kb_message title, help; /* one line; the whole text of --help */
    size_t least, most;          /* operands */
    unsigned takes;
    const struct option *own; /* ends with a zero; NULL: none */
    size_t own_bytes;
    /* Takes one of its own options. */
    kb_status (*take)(struct study *study, int option, const char *argument);
    kb_status (*run)(struct study *study);
    void (*free_own)(struct study *study); /* what study->own points to; NULL: nothing */
};

extern const struct study_kind study_organisations;
extern const struct study_kind study_associative, study_page_size, study_allocation;

/* ---- study_sweep.c ---- */

/* A trace replayed with one policy at several sizes. */
struct study_sweep {
    struct kb_sweep sweep; /* items in the order of the sizes */
    struct kb_trace_info info;
    uint64_t *numbers; /* of its pages, rising: sweep.pages of them */
};

/* frames: below 2^32. To be freed in either case. */
kb_status study_sweep_run(struct study *study, const char *trace,
                          const struct kb_reader_options *reading, const char *policy,
                          const uint64_t *frames, size_t count,
                          struct study_sweep *s) KB_MUST_CHECK;
void study_sweep_free(struct study_sweep *s);
extern const struct study_kind study_multiprogramming;

/* ---- study_show.c ---- */

/* The template of a claim has no conversions. */
void study_claim(struct study *study, enum kb_message claim);

#define STUDY_MOST_COLUMNS 24
#define STUDY_CELL 160

struct study_column {
    const char *key;       /* of JSON and CSV */
    enum kb_message title; /* of the table; KB_MSG_none: in JSON and CSV only */
    bool text;             /* aligned left */
};

struct study_rows {
    struct study *study;
    const struct study_column *columns; /* borrowed */
    unsigned count, at;
    struct cli_table *table;
    char cells[STUDY_MOST_COLUMNS][STUDY_CELL];
};

/* key: of the array in JSON, "rows" for the study's main table. Cells are given in order; a row is
 * over with its last one. */
void study_rows_begin(struct study_rows *rows, struct study *study, const char *key,
                      const struct study_column *columns, unsigned count);
void study_row_text(struct study_rows *rows, const char *value);
void study_row_u64(struct study_rows *rows, uint64_t value);
void study_row_real(struct study_rows *rows, unsigned decimals, double value);
/* A size: 4 KiB in the table, bytes in JSON and CSV. */
void study_row_bytes(struct study_rows *rows, uint64_t value);
/* What there is not: "-", null, or nothing between two commas. */
void study_row_none(struct study_rows *rows);
void study_rows_end(struct study_rows *rows);

/* Draws curves in text, unless --no-plot. width and height of `plot` are filled in. */
kb_status study_plot(struct study *study, struct kb_plot plot) KB_MUST_CHECK;

/* A line of text beside the table: not in JSON nor CSV. */
void study_say(struct study *study, enum kb_message message, ...);

/* A sentence that is made of parts, for a verdict. */
struct study_text {
    char text[2000];
    size_t length;
};

/* Appends, with a blank between two parts. */
void study_text_add(const struct study *study, struct study_text *text, enum kb_message message,
                    ...);

enum study_holds { STUDY_FAILS, STUDY_PARTLY, STUDY_HOLDS };

void study_verdict(struct study *study, enum study_holds holds, const char *text);

#endif
