/* sim_show.c - the results of a sweep as a table, JSON or CSV, with plot, anomalies and advice. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MOST_LINES 10 /* anomalies that text tells */

static bool is_variable(const struct kb_sweep_item *item) {
    return (item->spec.policy->needs & KB_VARIABLE_SPACE) != 0;
}

static double hit_ratio(const struct kb_result *result) {
    return result->references == 0 ? 0 : 1 - (double)result->faults / (double)result->references;
}

/* Pages in memory at the end that came ahead and were never used. */
static uint64_t unused(const struct kb_result *r) {
    return r->prefetches - r->useful_prefetches - r->wasted_prefetches;
}

/* ---- JSON ---- */

static void json_trace(const struct sim *sim, const struct kb_sweep *sweep, struct kb_json *json) {
    kb_json_object(json, "trace");
    kb_json_u64(json, "references", sweep->references);
    kb_json_u64(json, "pages", sweep->pages);
    kb_json_u64(json, "writes", sweep->writes);
    kb_json_u64(json, "executes", sweep->executes);
    if (sim->info.page_size > 0)
        kb_json_u64(json, "page_size", sim->info.page_size);
    else
        kb_json_null(json, "page_size");
    kb_json_string(json, "format", sim->info.format);
    kb_json_close_object(json);
}

static void json_result(const struct kb_sweep *sweep, const struct kb_sweep_item *item,
                        struct kb_json *json) {
    const struct kb_result *r = &item->result;
    char name[CLI_POLICY_TEXT];
    kb_json_newline(json);
    kb_json_object(json, NULL);
    kb_json_string(json, "policy", cli_policy_name(&item->spec, name));
    if (is_variable(item))
        kb_json_null(json, "frames");
    else
        kb_json_u64(json, "frames", r->frames);
    kb_json_u64(json, "references", r->references);
    kb_json_u64(json, "faults", r->faults);
    kb_json_u64(json, "cold_faults", r->cold_faults);
    kb_json_u64(json, "evictions", r->evictions);
    kb_json_u64(json, "write_backs", r->write_backs);
    kb_json_u64(json, "still_dirty", r->still_dirty);
    kb_json_double(json, "hit_ratio", hit_ratio(r));
    if (kb_fetch_looks_ahead(&sweep->fetch)) {
        kb_json_u64(json, "reads", r->faults + r->prefetches);
        kb_json_u64(json, "prefetches", r->prefetches);
        kb_json_u64(json, "useful_prefetches", r->useful_prefetches);
        kb_json_u64(json, "wasted_prefetches", r->wasted_prefetches);
        kb_json_u64(json, "unused_prefetches", unused(r));
    }
    if (is_variable(item)) {
        kb_json_double(json, "resident_mean", r->resident_mean);
        kb_json_u64(json, "resident_peak", r->resident_peak);
    }
    kb_json_object(json, "work");
    kb_json_u64(json, "time_marks", r->time_marks);
    kb_json_u64(json, "bit_sets", r->bit_sets);
    kb_json_u64(json, "bit_clears", r->bit_clears);
    kb_json_u64(json, "examined", r->examined);
    kb_json_close_object(json);
    kb_json_u64(json, "state_bytes", r->state_bytes);
    if (item->interval_faults != NULL) {
        uint64_t before = 0;
        kb_json_array(json, "faults_per_interval");
        for (size_t i = 0; i < sweep->intervals; i++) {
            kb_json_u64(json, NULL, item->interval_faults[i] - before);
            before = item->interval_faults[i];
        }
        kb_json_close_array(json);
    }
    kb_json_close_object(json);
}

static kb_status json_anomalies(const struct sim *sim, const struct kb_sweep *sweep,
                                struct kb_json *json) {
    size_t count = kb_sweep_anomalies(sweep, NULL, 0);
    struct kb_anomaly *found = calloc(count + 1, sizeof *found);
    if (found == NULL)
        return kb_fail(&sim->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "anomalies",
                       (unsigned long long)count);
    count = kb_sweep_anomalies(sweep, found, count); /* fewer, if sizes are listed twice */
    kb_json_newline(json);
    kb_json_array(json, "anomalies");
    for (size_t i = 0; i < count; i++) {
        const struct kb_sweep_item *small = &sweep->items[found[i].smaller];
        const struct kb_sweep_item *large = &sweep->items[found[i].larger];
        char name[CLI_POLICY_TEXT];
        kb_json_object(json, NULL);
        kb_json_string(json, "policy", cli_policy_name(&small->spec, name));
        kb_json_array(json, "frames");
        kb_json_u64(json, NULL, small->frames);
        kb_json_u64(json, NULL, large->frames);
        kb_json_close_array(json);
        kb_json_array(json, "faults");
        kb_json_u64(json, NULL, small->result.faults);
        kb_json_u64(json, NULL, large->result.faults);
        kb_json_close_array(json);
        kb_json_close_object(json);
    }
    kb_json_close_array(json);
    free(found);
    return KB_OK;
}

static void json_advice(const struct kb_sweep *sweep, struct kb_json *json) {
    struct kb_advice advice = kb_advise(sweep);
    char name[CLI_POLICY_TEXT];
    if (!advice.valid) {
        kb_json_null(json, "advice");
        return;
    }
    const struct kb_sweep_item *item = &sweep->items[advice.item];
    kb_json_newline(json);
    kb_json_object(json, "advice");
    kb_json_string(json, "policy", cli_policy_name(&item->spec, name));
    kb_json_u64(json, "frames", item->frames);
    kb_json_u64(json, "faults", item->result.faults);
    kb_json_u64(json, "fewest_faults", advice.floor);
    if (advice.opt != SIZE_MAX)
        kb_json_u64(json, "opt_faults", sweep->items[advice.opt].result.faults);
    if (advice.mean_to_opt > 0)
        kb_json_double(json, "mean_ratio_to_opt", advice.mean_to_opt);
    kb_json_close_object(json);
}

static kb_status show_json(const struct sim *sim, const struct kb_sweep *sweep) {
    struct kb_json json;
    kb_json_begin(&json, kb_stdout_sink(), &sim->cli->error);
    kb_json_object(&json, NULL);
    json_trace(sim, sweep, &json);
    if (sim->interval > 0)
        kb_json_u64(&json, "interval", sim->interval);
    kb_json_newline(&json);
    kb_json_array(&json, "results");
    for (size_t i = 0; i < sweep->count; i++)
        json_result(sweep, &sweep->items[i], &json);
    kb_json_close_array(&json);
    kb_status status = json_anomalies(sim, sweep, &json);
    if (status != KB_OK)
        return status;
    if (sim->advice)
        json_advice(sweep, &json);
    kb_json_close_object(&json);
    return kb_json_end(&json);
}

/* ---- tables ---- */

/* CSV has all columns; a table leaves out what is the same in each row, and says it above. */
static const struct {
    const char *csv;
    enum kb_message title;               /* KB_MSG_none: in CSV only */
    enum { ALWAYS, DEMAND, AHEAD } when; /* tables; AHEAD also CSV */
} result_columns[] = {
    {"policy", KB_MSG_col_policy, ALWAYS},
    {"frames", KB_MSG_col_frames, ALWAYS},
    {"references", KB_MSG_none, ALWAYS},
    {"faults", KB_MSG_col_faults, ALWAYS},
    {"cold_faults", KB_MSG_none, ALWAYS},
    {"hit_ratio", KB_MSG_col_hit_ratio, ALWAYS},
    {"evictions", KB_MSG_col_evictions, ALWAYS},
    {"write_backs", KB_MSG_col_write_backs, ALWAYS},
    {"still_dirty", KB_MSG_col_still_dirty, ALWAYS},
    {"resident_mean", KB_MSG_none, ALWAYS},
    {"resident_peak", KB_MSG_none, ALWAYS},
    {"time_marks", KB_MSG_col_time_marks, DEMAND},
    {"bit_sets", KB_MSG_col_bit_sets, DEMAND},
    {"bit_clears", KB_MSG_col_bit_clears, DEMAND},
    {"examined", KB_MSG_col_examined, DEMAND},
    {"reads", KB_MSG_col_reads_ahead, AHEAD},
    {"prefetches", KB_MSG_col_prefetches, AHEAD},
    {"useful_prefetches", KB_MSG_col_useful, AHEAD},
    {"wasted_prefetches", KB_MSG_col_wasted, AHEAD},
    {"unused_prefetches", KB_MSG_none, AHEAD},
};

enum { COLUMNS = sizeof result_columns / sizeof result_columns[0] };

static void fill_cells(const struct kb_sweep_item *item, bool csv,
                       char cells[COLUMNS][CLI_POLICY_TEXT]) {
    const struct kb_result *r = &item->result;
    const bool variable = is_variable(item);
    const uint64_t values[COLUMNS] = {[1] = r->frames,
                                      [2] = r->references,
                                      [3] = r->faults,
                                      [4] = r->cold_faults,
                                      [6] = r->evictions,
                                      [7] = r->write_backs,
                                      [8] = r->still_dirty,
                                      [10] = r->resident_peak,
                                      [11] = r->time_marks,
                                      [12] = r->bit_sets,
                                      [13] = r->bit_clears,
                                      [14] = r->examined,
                                      [15] = r->faults + r->prefetches,
                                      [16] = r->prefetches,
                                      [17] = r->useful_prefetches,
                                      [18] = r->wasted_prefetches,
                                      [19] = unused(r)};
    for (unsigned i = 1; i < COLUMNS; i++)
        cli_number(values[i], cells[i]);
    cli_policy_name(&item->spec, cells[0]);
    snprintf(cells[5], CLI_NUMBER_TEXT, csv ? "%.6f" : "%.4f", hit_ratio(r));
    snprintf(cells[9], CLI_NUMBER_TEXT, "%.3f", r->resident_mean);
    if (!variable)
        cells[9][0] = cells[10][0] = '\0';
    if (variable)
        snprintf(cells[1], CLI_NUMBER_TEXT, "~%.0f", r->resident_mean);
    if (variable && csv)
        cells[1][0] = '\0';
}

static bool is_shown(const struct sim *sim, unsigned column) {
    const bool csv = sim->output == SIM_CSV, ahead = kb_fetch_looks_ahead(&sim->fetch);
    if (result_columns[column].when == AHEAD && !ahead)
        return false;
    return csv || (result_columns[column].title != KB_MSG_none &&
                   (result_columns[column].when != DEMAND || !ahead));
}

static void show_results(const struct sim *sim, const struct kb_sweep *sweep) {
    const char *shown[COLUMNS];
    bool csv = sim->output == SIM_CSV;
    unsigned count = 0;
    for (unsigned i = 0; i < COLUMNS; i++)
        if (is_shown(sim, i))
            shown[count++] =
                csv ? result_columns[i].csv : cli_text(sim->cli, result_columns[i].title);
    struct cli_table *table = cli_table_new(shown, count, ~UINT64_C(1), csv);
    for (size_t k = 0; k < sweep->count; k++) {
        char cells[COLUMNS][CLI_POLICY_TEXT];
        fill_cells(&sweep->items[k], csv, cells);
        count = 0;
        for (unsigned i = 0; i < COLUMNS; i++)
            if (is_shown(sim, i))
                shown[count++] = cells[i];
        cli_table_row(table, shown);
    }
    cli_table_end(table);
}

/* --per-interval: a row an interval, a column a policy and size. */
static void show_intervals(const struct sim *sim, const struct kb_sweep *sweep) {
    size_t columns = sweep->count + 1;
    const char **cells = calloc(columns, sizeof *cells);
    char(*texts)[CLI_POLICY_TEXT + 16] = calloc(columns, sizeof *texts);
    for (size_t i = 0; cells != NULL && texts != NULL && i < columns; i++) {
        char name[CLI_POLICY_TEXT];
        if (i == 0)
            snprintf(texts[i], sizeof texts[i], "%s",
                     sim->output == SIM_CSV ? "from" : cli_text(sim->cli, KB_MSG_col_from));
        else if (is_variable(&sweep->items[i - 1]))
            cli_policy_name(&sweep->items[i - 1].spec, texts[i]);
        else
            snprintf(texts[i], sizeof texts[i], "%s/%u",
                     cli_policy_name(&sweep->items[i - 1].spec, name), sweep->items[i - 1].frames);
        cells[i] = texts[i];
    }
    if (cells != NULL && texts != NULL) {
        struct cli_table *table =
            cli_table_new(cells, (unsigned)columns, UINT64_MAX, sim->output == SIM_CSV);
        for (size_t k = 0; k < sweep->intervals; k++) {
            snprintf(texts[0], sizeof texts[0], "%" PRIu64, k * sim->interval + 1);
            for (size_t i = 1; i < columns; i++) {
                const uint64_t *faults = sweep->items[i - 1].interval_faults;
                snprintf(texts[i], sizeof texts[i], "%" PRIu64,
                         faults[k] - (k > 0 ? faults[k - 1] : 0));
            }
            cli_table_row(table, cells);
        }
        cli_table_end(table);
    }
    free(cells);
    free(texts);
}

static void show_anomalies(const struct sim *sim, const struct kb_sweep *sweep) {
    struct kb_anomaly found[MOST_LINES];
    size_t count = kb_sweep_anomalies(sweep, found, MOST_LINES);
    for (size_t i = 0; i < count && i < MOST_LINES; i++) {
        const struct kb_sweep_item *small = &sweep->items[found[i].smaller];
        const struct kb_sweep_item *large = &sweep->items[found[i].larger];
        char name[CLI_POLICY_TEXT];
        cli_print(sim->cli, stdout, KB_MSG_anomaly, cli_policy_name(&small->spec, name),
                  (unsigned long long)small->frames, (unsigned long long)small->result.faults,
                  (unsigned long long)large->frames, (unsigned long long)large->result.faults);
    }
    if (count > MOST_LINES)
        cli_print(sim->cli, stdout, KB_MSG_more_anomalies, (unsigned long long)count - MOST_LINES);
}

/* ---- plot and advice ---- */

static bool wanted_curve(const struct kb_sweep *sweep, size_t first) {
    static const char *const shown[] = {"opt", "lru", "fifo", "clock", "lirs", "random"};
    size_t policies = 0;
    for (size_t i = 0; i < sweep->count; i++)
        policies += i == 0 || sweep->items[i].spec.policy != sweep->items[i - 1].spec.policy;
    if (policies <= 7)
        return true;
    struct kb_advice advice = kb_advise(sweep);
    if (advice.valid && sweep->items[advice.item].spec.policy == sweep->items[first].spec.policy)
        return true;
    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (strcmp(sweep->items[first].spec.policy->name, shown[i]) == 0)
            return true;
    return false;
}

/* Of the drawing: the terminal, up to 120 columns, less the labels. */
static unsigned plot_width(void) {
    unsigned width = cli_terminal_width(80);
    return (width > 120 ? 120 : width) - 22;
}

static kb_status show_plot(const struct sim *sim, const struct kb_sweep *sweep) {
    struct kb_plot_series series[26];
    char(*names)[CLI_POLICY_TEXT] = calloc(26, sizeof *names);
    double *x = calloc(sweep->count + 1, sizeof *x), *y = calloc(sweep->count + 1, sizeof *y);
    size_t count = 0;
    kb_status status = KB_OK;
    for (size_t i = 0; names != NULL && x != NULL && y != NULL && i < sweep->count;) {
        size_t end = i + 1;
        while (end < sweep->count && !is_variable(&sweep->items[i]) &&
               sweep->items[end].spec.policy == sweep->items[i].spec.policy &&
               sweep->items[end].frames > sweep->items[end - 1].frames)
            end++;
        for (size_t k = i; k < end; k++) {
            x[k] = (double)sweep->items[k].frames;
            y[k] = (double)sweep->items[k].result.faults;
        }
        if (end - i >= 2 && count < 26 && wanted_curve(sweep, i))
            series[count] =
                (struct kb_plot_series){cli_policy_name(&sweep->items[i].spec, names[count]), x + i,
                                        y + i, end - i},
            count++;
        i = end;
    }
    if (count == 0) {
        cli_print(sim->cli, stdout, KB_MSG_nothing_to_plot);
    } else {
        struct kb_plot plot = {series,
                               count,
                               plot_width(),
                               18,
                               true,
                               true,
                               cli_text(sim->cli, KB_MSG_plot_frames),
                               cli_text(sim->cli, KB_MSG_plot_faults)};
        printf("\n");
        fflush(stdout);
        status = kb_plot_write(&plot, kb_stdout_sink(), &sim->cli->error);
    }
    free(names);
    free(x);
    free(y);
    return status;
}

static void memory_text(const struct sim *sim, uint64_t frames, char text[KB_SIZE_TEXT + 8]) {
    text[0] = '\0';
    if (sim->info.page_size == 0)
        return;
    char size[KB_SIZE_TEXT];
    snprintf(text, KB_SIZE_TEXT + 8, " = %s", kb_format_size(frames * sim->info.page_size, size));
}

static void show_advice(const struct sim *sim, const struct kb_sweep *sweep) {
    struct kb_advice advice = kb_advise(sweep);
    const struct cli *cli = sim->cli;
    char name[CLI_POLICY_TEXT], memory[KB_SIZE_TEXT + 8];
    if (!advice.valid) {
        cli_print(cli, stdout, KB_MSG_no_advice);
        return;
    }
    const struct kb_sweep_item *item = &sweep->items[advice.item];
    memory_text(sim, item->frames, memory);
    cli_policy_name(&item->spec, name);
    cli_print(cli, stdout, KB_MSG_advice_memory, (unsigned long long)item->frames, memory, name,
              (unsigned long long)item->result.faults, (unsigned long long)KB_FLAT_PERCENT,
              (unsigned long long)advice.floor);
    if (advice.mean_to_opt > 0)
        cli_print(cli, stdout, KB_MSG_advice_policy, name, (advice.mean_to_opt - 1) * 100);
    else
        cli_print(cli, stdout, KB_MSG_advice_policy_alone, name);
    if (advice.opt != SIZE_MAX && sweep->items[advice.opt].result.faults == item->result.faults) {
        cli_print(cli, stdout, KB_MSG_advice_opt_same, (unsigned long long)item->frames);
    } else if (advice.opt != SIZE_MAX) {
        uint64_t opt = sweep->items[advice.opt].result.faults;
        cli_print(cli, stdout, KB_MSG_advice_opt, (unsigned long long)item->frames,
                  (unsigned long long)opt, (1 - (double)opt / (double)item->result.faults) * 100);
    }
}

static void show_headline(const struct sim *sim, const struct kb_sweep *sweep) {
    char size[KB_SIZE_TEXT] = "";
    bool sized = sim->info.page_size > 0;
    if (sized)
        kb_format_size(sim->info.page_size, size);
    cli_print(sim->cli, stdout, sized ? KB_MSG_headline : KB_MSG_headline_numbers, sim->trace,
              (unsigned long long)sweep->references, (unsigned long long)sweep->writes,
              (unsigned long long)sweep->pages, size);
}

kb_status sim_show_sweep(struct sim *sim, const struct kb_sweep *sweep) {
    kb_status status = KB_OK;
    if (sim->output == SIM_JSON)
        return show_json(sim, sweep);
    if (sim->output == SIM_TABLE)
        show_headline(sim, sweep);
    if (sim->interval > 0)
        show_intervals(sim, sweep);
    else
        show_results(sim, sweep);
    if (sim->output == SIM_CSV)
        return KB_OK;
    show_anomalies(sim, sweep);
    if (sim->plot)
        status = show_plot(sim, sweep);
    if (sim->advice) {
        printf("\n");
        show_advice(sim, sweep);
    }
    return status;
}
