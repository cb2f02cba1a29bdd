/* study_associative.c - kilburn study associative: what associative registers make of the speed.
 *
 *   relative speed   1 / (1 + a + n (1 − h))     a search, n table accesses on a miss, h hit ratio
 *
 * n is 1 with one page table, 2 with segments of pages, 4 with four levels.
 * Registers hold the translations used last: N of them hit as often as N frames
 * with LRU, so one pass over the trace knows all numbers of registers. */
#include <stdlib.h>

#include "study.h"

#define WANTED 0.9   /* of full speed */
#define CLAIMED 16   /* registers that give it */
#define LOOKED_AT 64 /* registers tried one by one for it */
#define MOST_REGISTERS 4096

enum { OPT_REGISTERS = STUDY_OWN_OPTION, OPT_SEARCH, OPT_PAGE_SIZE, OPT_FORMAT };

static const struct option own_options[] = {
    {"registers", required_argument, NULL, OPT_REGISTERS},
    {"search", required_argument, NULL, OPT_SEARCH},
    {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
    {"format", required_argument, NULL, OPT_FORMAT},
    {NULL, 0, NULL, 0},
};

struct associative {
    struct cli_sizes registers;
    double search;
    struct kb_reader_options reading;
};

static const double accesses[] = {1, 2, 4};
enum { SCHEMES = 3, PAGED_SEGMENTS = 1 };

static kb_status take(struct study *study, int option, const char *argument) {
    struct associative *a = study->own;
    struct kb_error *error = &study->cli->error;
    char *end;
    switch (option) {
    case OPT_REGISTERS:
        free(a->registers.values);
        return cli_parse_sizes(argument, &a->registers, error);
    case OPT_PAGE_SIZE:
        return cli_parse_number("--page-size", argument, 1, UINT64_MAX, &a->reading.page_size,
                                error);
    case OPT_FORMAT:
        a->reading.format = argument;
        return KB_OK;
    default:
        a->search = strtod(argument, &end);
        if (end != argument && *end == '\0' && a->search >= 0 && a->search <= 1000)
            return KB_OK;
        return kb_fail(error, KB_USAGE, KB_MSG_study_search, argument);
    }
}

static void free_own(struct study *study) {
    free(((struct associative *)study->own)->registers.values);
}

static const struct study_column columns[] = {
    {"registers", KB_MSG_col_registers, false},
    {"hits", KB_MSG_col_register_hits, false},
    {"hit_ratio", KB_MSG_col_register_ratio, false},
    {"speed_paging", KB_MSG_col_speed_paging, false},
    {"speed_paged_segmentation", KB_MSG_col_speed_segments, false},
    {"speed_four_levels", KB_MSG_col_speed_levels, false},
};

static double speed(double search, unsigned scheme, double hits) {
    return 1 / kb_cost_cycles(search, accesses[scheme], hits);
}

static void speeds(struct study_rows *rows, double search, double hits) {
    study_row_real(rows, 4, hits);
    for (unsigned i = 0; i < SCHEMES; i++)
        study_row_real(rows, 4, speed(search, i, hits));
}

static const char *percent(double share, char text[16]) {
    snprintf(text, 16, "%.2f %%", share * 100);
    return text;
}

/* ---- without a trace: by hit ratio ---- */

static kb_status by_ratio(struct study *study) {
    const struct associative *a = study->own;
    static const double ratios[] = {0, 0.5, 0.8, 0.9, 17.0 / 18, 0.98, 0.99, 1};
    enum { RATIOS = sizeof ratios / sizeof ratios[0] };
    struct study_text text = {.length = 0};
    struct study_rows rows;
    double y[SCHEMES][RATIOS];
    struct kb_plot_series series[SCHEMES];
    study_claim(study, KB_MSG_study_associative_claim);
    study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
    for (unsigned i = 0; i < RATIOS; i++) {
        study_row_none(&rows);
        study_row_none(&rows);
        speeds(&rows, a->search, ratios[i]);
        for (unsigned k = 0; k < SCHEMES; k++)
            y[k][i] = speed(a->search, k, ratios[i]);
    }
    study_rows_end(&rows);
    for (unsigned k = 0; k < SCHEMES; k++)
        series[k] = (struct kb_plot_series){cli_text(study->cli, columns[3 + k].title), ratios,
                                            y[k], RATIOS};
    kb_status status = study_plot(
        study, (struct kb_plot){.series = series,
                                .count = SCHEMES,
                                .x_title = cli_text(study->cli, KB_MSG_col_register_ratio),
                                .y_title = cli_text(study->cli, KB_MSG_study_speed_axis)});
    char needed[16];
    double needs = kb_cost_hits_needed(a->search, accesses[PAGED_SEGMENTS], WANTED);
    study_text_add(study, &text, KB_MSG_study_third, speed(0, PAGED_SEGMENTS, 0));
    if (needs <= 1)
        study_text_add(study, &text, KB_MSG_study_needs, percent(needs, needed));
    else
        study_text_add(study, &text, KB_MSG_study_needs_more, a->search);
    study_verdict(study, needs <= 1 ? STUDY_PARTLY : STUDY_FAILS, text.text);
    return status;
}

/* ---- with a trace ---- */

/* Sizes to sweep: those asked for, and each up to LOOKED_AT. */
static kb_status choose(struct study *study, uint64_t **frames, size_t *count) {
    struct associative *a = study->own;
    kb_status status = KB_OK;
    if (a->registers.count == 0)
        status = cli_parse_sizes("1,2,4,8,16,32", &a->registers, &study->cli->error);
    *count = a->registers.count + LOOKED_AT;
    *frames = status == KB_OK ? malloc(*count * sizeof **frames) : NULL;
    for (size_t i = 0; status == KB_OK && i < a->registers.count; i++)
        if (a->registers.values[i] > MOST_REGISTERS)
            status = kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_registers,
                             (unsigned long long)a->registers.values[i],
                             (unsigned long long)MOST_REGISTERS);
    if (status == KB_OK && *frames == NULL)
        status = kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "registers",
                         (unsigned long long)*count * sizeof **frames);
    for (size_t i = 0; status == KB_OK && i < *count; i++)
        (*frames)[i] = i < a->registers.count ? a->registers.values[i] : i - a->registers.count + 1;
    return status;
}

static double ratio_of(const struct study_sweep *s, size_t item) {
    return 1 - (double)s->sweep.items[item].result.faults / (double)s->sweep.references;
}

static kb_status draw(struct study *study, const struct study_sweep *s) {
    const struct associative *a = study->own;
    double x[LOOKED_AT], y[SCHEMES][LOOKED_AT];
    struct kb_plot_series series[SCHEMES];
    for (unsigned k = 0; k < SCHEMES; k++) {
        for (unsigned i = 0; i < LOOKED_AT; i++) {
            x[i] = i + 1;
            y[k][i] = speed(a->search, k, ratio_of(s, a->registers.count + i));
        }
        series[k] =
            (struct kb_plot_series){cli_text(study->cli, columns[3 + k].title), x, y[k], LOOKED_AT};
    }
    return study_plot(study,
                      (struct kb_plot){.series = series,
                                       .count = SCHEMES,
                                       .x_title = cli_text(study->cli, KB_MSG_col_registers),
                                       .y_title = cli_text(study->cli, KB_MSG_study_speed_axis)});
}

static void judge(struct study *study, const struct study_sweep *s) {
    const struct associative *a = study->own;
    struct study_text text = {.length = 0};
    char share[16], needed[16];
    double needs = kb_cost_hits_needed(a->search, accesses[PAGED_SEGMENTS], WANTED);
    double hits = ratio_of(s, a->registers.count + CLAIMED - 1);
    double reached = speed(a->search, PAGED_SEGMENTS, hits);
    unsigned enough = 1;
    while (enough <= LOOKED_AT &&
           speed(a->search, PAGED_SEGMENTS, ratio_of(s, a->registers.count + enough - 1)) < WANTED)
        enough++;
    study_text_add(study, &text, KB_MSG_study_third, speed(0, PAGED_SEGMENTS, 0));
    study_text_add(study, &text, KB_MSG_study_sixteen, percent(hits, share), reached);
    if (needs <= 1)
        study_text_add(study, &text, KB_MSG_study_needs, percent(needs, needed));
    else
        study_text_add(study, &text, KB_MSG_study_needs_more, a->search);
    if (enough <= LOOKED_AT)
        study_text_add(study, &text, KB_MSG_study_enough, (unsigned long long)enough);
    else if (needs <= 1)
        study_text_add(study, &text, KB_MSG_study_not_enough, (unsigned long long)LOOKED_AT);
    if (study->output == STUDY_JSON) {
        kb_json_double(&study->json, "hits_needed", needs);
        if (enough <= LOOKED_AT)
            kb_json_u64(&study->json, "registers_needed", enough);
        else
            kb_json_null(&study->json, "registers_needed");
    }
    study_verdict(study, reached >= WANTED ? STUDY_HOLDS : STUDY_FAILS, text.text);
}

static kb_status by_trace(struct study *study) {
    struct associative *a = study->own;
    struct study_sweep s = {.numbers = NULL};
    struct study_rows rows;
    uint64_t *frames = NULL;
    size_t count;
    kb_status status = choose(study, &frames, &count);
    if (status == KB_OK)
        status = study_sweep_run(study, study->operands[0], &a->reading, "lru", frames, count, &s);
    if (status == KB_OK) {
        study_claim(study, KB_MSG_study_associative_claim);
        study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
        study_row_u64(&rows, 0);
        study_row_u64(&rows, 0);
        speeds(&rows, 0, 0); /* nothing is searched */
        for (size_t i = 0; i < a->registers.count; i++) {
            study_row_u64(&rows, a->registers.values[i]);
            study_row_u64(&rows, s.sweep.references - s.sweep.items[i].result.faults);
            speeds(&rows, a->search, ratio_of(&s, i));
        }
        study_rows_end(&rows);
        status = draw(study, &s);
        judge(study, &s);
    }
    study_sweep_free(&s);
    free(frames);
    return status;
}

static kb_status run(struct study *study) {
    return study->operand_count > 0 ? by_trace(study) : by_ratio(study);
}

const struct study_kind study_associative = {
    .name = "associative",
    .command = "study associative",
    .title = KB_MSG_study_associative,
    .help = KB_MSG_help_study_associative,
    .most = 1,
    .takes = STUDY_TAKES_PLOT | STUDY_TAKES_THREADS | STUDY_TAKES_QUIET,
    .own = own_options,
    .own_bytes = sizeof(struct associative),
    .take = take,
    .run = run,
    .free_own = free_own,
};
