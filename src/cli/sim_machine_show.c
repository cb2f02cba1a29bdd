/* sim_machine_show.c - the results of whole machines as tables, JSON or CSV, and the thrashing
 * curve. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MOST_SERIES 26
#define MOST_ROWS 32 /* of processes that text tells */

/* ---- numbers that are made of others ---- */

static double ratio(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : (double)part / (double)whole;
}

static double tlb_hit_ratio(const struct sim_machine_result *r) {
    uint64_t hits = r->tlb_hits + r->tlb2_hits;
    return ratio(hits, hits + r->tlb_misses);
}

static double disk_ms(const struct sim *sim, const struct sim_machine_result *r) {
    return kb_cost_disk_ms(&sim->machine.disk, r->counters.disk_transfers, r->counters.disk_bytes);
}

/* Storage cycles and the disk's time, a reference: nothing is done while the disk works. */
static double effective_ns(const struct sim *sim, const struct sim_machine_result *r) {
    double ns = (double)r->cycles * sim->machine.memory_ns + disk_ms(sim, r) * 1e6;
    return r->counters.references == 0 ? 0 : ns / (double)r->counters.references;
}

/* ---- JSON ---- */

static void json_page_size(const struct kb_trace_info *info, struct kb_json *json) {
    if (info->page_size > 0)
        kb_json_u64(json, "page_size", info->page_size);
    else
        kb_json_null(json, "page_size");
}

/* All traces together, as if each ran once; then each. */
static void json_traces(const struct sim *sim, const struct sim_trace *traces,
                        struct kb_json *json) {
    uint64_t references = 0, pages = 0, writes = 0, executes = 0;
    bool same = true;
    for (size_t i = 0; i < sim->trace_count; i++) {
        references += traces[i].references;
        pages += traces[i].pages;
        writes += traces[i].writes;
        executes += traces[i].executes;
        same = same && strcmp(traces[i].info.format, traces[0].info.format) == 0;
    }
    kb_json_object(json, "trace");
    kb_json_u64(json, "references", references);
    kb_json_u64(json, "pages", pages);
    kb_json_u64(json, "writes", writes);
    kb_json_u64(json, "executes", executes);
    json_page_size(&traces[0].info, json);
    kb_json_string(json, "format", same ? traces[0].info.format : NULL);
    kb_json_close_object(json);
    kb_json_newline(json);
    kb_json_array(json, "traces");
    for (size_t i = 0; i < sim->trace_count; i++) {
        kb_json_object(json, NULL);
        kb_json_string(json, "file", traces[i].name);
        kb_json_u64(json, "references", traces[i].references);
        kb_json_u64(json, "pages", traces[i].pages);
        kb_json_u64(json, "writes", traces[i].writes);
        kb_json_u64(json, "executes", traces[i].executes);
        json_page_size(&traces[i].info, json);
        kb_json_string(json, "format", traces[i].info.format);
        kb_json_close_object(json);
    }
    kb_json_close_array(json);
}

static void json_tlb(const struct sim_machine *m, unsigned level, struct kb_json *json) {
    static const char *const names[] = {"tlb", "tlb2"};
    if (level >= m->tlbs) {
        kb_json_null(json, names[level]);
        return;
    }
    kb_json_object(json, names[level]);
    kb_json_u64(json, "sets", m->tlb[level].sets);
    kb_json_u64(json, "ways", m->tlb[level].ways);
    kb_json_close_object(json);
}

/* Frames that a process gets at least, of shares. */
static uint64_t least(const struct sim_machine *m) { return m->minimum > 0 ? m->minimum : 1; }

static const char *format_name(const struct sim_machine_results *results) {
    return results->setup.scheme == KB_SCHEME_INVERTED ? "inverted" : results->setup.format.name;
}

/* An inverted table has one. */
static unsigned levels(const struct sim_machine_results *results) {
    return results->setup.scheme == KB_SCHEME_INVERTED ? 1 : results->setup.format.levels;
}

/* "working-set:window=500" */
static char *load_text(const struct sim_machine *m, char text[CLI_POLICY_TEXT]) {
    char options[CLI_POLICY_TEXT];
    const struct kb_options known = kb_load_options(m->load.criterion);
    snprintf(text, CLI_POLICY_TEXT, "%s%.120s", kb_load_name(m->load.criterion),
             kb_options_text(&known, m->load.values, options, sizeof options));
    return text;
}

/* Who gives frames, and what goes when. */
static void json_memory(const struct sim_machine *m, struct kb_json *json) {
    char text[CLI_POLICY_TEXT];
    kb_json_string(json, "allocation", sim_allocation_name(m->allocation));
    if (m->allocation == KB_ALLOCATE_GLOBAL)
        kb_json_null(json, "minimum");
    else
        kb_json_u64(json, "minimum", least(m));
    kb_json_u64(json, "cluster", m->cluster > 0 ? m->cluster : 1);
    if (m->high > 0) {
        kb_json_object(json, "reserve");
        kb_json_u64(json, "low", m->low);
        kb_json_u64(json, "high", m->high);
        kb_json_close_object(json);
    } else {
        kb_json_null(json, "reserve");
    }
    kb_json_string(json, "tables", sim_tables_name(m->tables));
    kb_json_string(json, "load_control", load_text(m, text));
}

static void json_machine(const struct sim *sim, const struct sim_machine_results *results,
                         struct kb_json *json) {
    const struct sim_machine *m = &sim->machine;
    kb_json_newline(json);
    kb_json_object(json, "machine");
    kb_json_u64(json, "page_size", results->page_bytes);
    kb_json_string(json, "table_format", format_name(results));
    kb_json_u64(json, "levels", levels(results));
    kb_json_u64(json, "address_bits", results->setup.format.address_bits);
    json_tlb(m, 0, json);
    json_tlb(m, 1, json);
    kb_json_u64(json, "asids", m->asids);
    if (m->swap > 0)
        kb_json_u64(json, "swap", m->swap);
    else
        kb_json_null(json, "swap");
    kb_json_u64(json, "quantum", m->quantum);
    json_memory(m, json);
    kb_json_bool(json, "events", sim->events);
    kb_json_double(json, "memory_ns", m->memory_ns);
    if (m->clock)
        kb_json_u64(json, "cycle_ns", m->cycle_ns);
    else
        kb_json_null(json, "cycle_ns");
    kb_json_string(json, "fetch", sim->fetch_text != NULL ? sim->fetch_text : "demand");
    kb_json_object(json, "disk");
    kb_json_double(json, "seek_ms", m->disk.seek);
    kb_json_double(json, "latency_ms", m->disk.latency);
    kb_json_double(json, "bytes_per_second", m->disk.bytes_per_second);
    kb_json_close_object(json);
    kb_json_close_object(json);
}

static void json_traps(const uint64_t *by_kind, struct kb_json *json) {
    kb_json_object(json, "traps");
    for (unsigned kind = 0; kind < KB_FAULT_KINDS; kind++)
        if (by_kind[kind] > 0)
            kb_json_u64(json, kb_fault_name((enum kb_fault)kind), by_kind[kind]);
    kb_json_close_object(json);
}

static void json_process(const struct sim_machine_process *p, struct kb_json *json) {
    const struct kb_process_counters *c = &p->counters;
    kb_json_object(json, NULL);
    kb_json_string(json, "process", p->name);
    kb_json_u64(json, "references", c->references);
    kb_json_u64(json, "faults", c->faults);
    kb_json_u64(json, "soft_faults", c->soft_faults);
    kb_json_u64(json, "evictions", c->evictions + c->released);
    kb_json_u64(json, "write_backs", c->write_backs);
    kb_json_u64(json, "still_dirty", p->still_dirty);
    kb_json_u64(json, "table_faults", c->table_faults);
    kb_json_double(json, "hit_ratio", c->references == 0 ? 0 : 1 - ratio(c->faults, c->references));
    kb_json_u64(json, "zero_fills", c->zero_fills);
    kb_json_u64(json, "image_reads", c->image_reads);
    kb_json_u64(json, "swap_reads", c->swap_reads);
    kb_json_u64(json, "disk_reads", c->image_reads + c->swap_reads);
    kb_json_u64(json, "resident_peak", p->resident_peak);
    kb_json_u64(json, "prefetches", c->prefetches);
    kb_json_u64(json, "useful_prefetches", c->useful_prefetches);
    kb_json_u64(json, "wasted_prefetches", c->wasted_prefetches - p->unused_ahead);
    if (p->allocation > 0)
        kb_json_u64(json, "allocation", p->allocation);
    else
        kb_json_null(json, "allocation");
    kb_json_close_object(json);
}

/* In this order in JSON and CSV. */
enum number {
    FRAMES,
    PROCESSES,
    COPIES,
    REFERENCES,
    FAULTS,
    SOFT_FAULTS,
    RESCUES,
    COLD_FAULTS,
    EVICTIONS,
    RELEASED,
    WRITE_BACKS,
    BACKGROUND_WRITES,
    SYNCHRONOUS_WRITES,
    STILL_DIRTY,
    ZERO_FILLS,
    IMAGE_READS,
    SWAP_READS,
    RESIDENT_PEAK,
    SLOTS_PEAK,
    TLB_HITS,
    TLB2_HITS,
    TLB_MISSES,
    TABLE_READS,
    CYCLES,
    TABLES,
    TABLE_BYTES,
    TABLE_FAULTS,
    TABLE_WRITES,
    SWITCHES,
    DISK_TRANSFERS,
    DISK_BYTES,
    PREFETCHES,
    USEFUL_PREFETCHES,
    WASTED_PREFETCHES,
    UNUSED_PREFETCHES,
    SUSPENSIONS,
    RESUMPTIONS,
    DEGREE_MOST,
    NUMBERS
};

static const char *const number_names[NUMBERS] = {"frames",
                                                  "processes",
                                                  "copies",
                                                  "references",
                                                  "faults",
                                                  "soft_faults",
                                                  "rescues",
                                                  "cold_faults",
                                                  "evictions",
                                                  "released",
                                                  "write_backs",
                                                  "background_writes",
                                                  "synchronous_writes",
                                                  "still_dirty",
                                                  "zero_fills",
                                                  "image_reads",
                                                  "swap_reads",
                                                  "resident_peak",
                                                  "slots_peak",
                                                  "tlb_hits",
                                                  "tlb2_hits",
                                                  "tlb_misses",
                                                  "table_reads",
                                                  "cycles",
                                                  "tables",
                                                  "table_bytes",
                                                  "table_faults",
                                                  "table_writes",
                                                  "switches",
                                                  "disk_transfers",
                                                  "disk_bytes",
                                                  "prefetches",
                                                  "useful_prefetches",
                                                  "wasted_prefetches",
                                                  "unused_prefetches",
                                                  "suspensions",
                                                  "resumptions",
                                                  "degree_most"};

enum real {
    HIT_RATIO,
    TLB_HIT_RATIO,
    CYCLES_PER_REFERENCE,
    SPEED,
    DISK_MS,
    EFFECTIVE_ACCESS_NS,
    DEGREE,
    ELAPSED_MS, /* from here on with a clock only */
    IDLE_MS,
    CPU_USE,
    DISK_BUSY_MS,
    REALS
};

static const char *const real_names[REALS] = {"hit_ratio", "tlb_hit_ratio", "cycles_per_reference",
                                              "speed",     "disk_ms",       "effective_access_ns",
                                              "degree",    "elapsed_ms",    "idle_ms",
                                              "cpu_use",   "disk_busy_ms"};

struct numbers {
    uint64_t whole[NUMBERS];
    double real[REALS];
};

static void fill(const struct sim *sim, const struct sim_machine_result *r, struct numbers *n) {
    const struct kb_os_counters *c = &r->counters;
    *n = (struct numbers){.whole = {[FRAMES] = r->frames,
                                    [PROCESSES] = r->processes,
                                    [COPIES] = r->copies,
                                    [REFERENCES] = c->references,
                                    [FAULTS] = c->faults,
                                    [SOFT_FAULTS] = c->soft_faults,
                                    [RESCUES] = c->rescues,
                                    [COLD_FAULTS] = r->pages,
                                    [EVICTIONS] = c->evictions + c->released,
                                    [RELEASED] = c->released,
                                    [WRITE_BACKS] = c->write_backs,
                                    [BACKGROUND_WRITES] = c->background_writes,
                                    [SYNCHRONOUS_WRITES] = c->write_backs - c->background_writes,
                                    [STILL_DIRTY] = r->still_dirty,
                                    [ZERO_FILLS] = c->zero_fills,
                                    [IMAGE_READS] = c->image_reads,
                                    [SWAP_READS] = c->swap_reads,
                                    [RESIDENT_PEAK] = r->resident_peak,
                                    [SLOTS_PEAK] = r->slots_peak,
                                    [TLB_HITS] = r->tlb_hits,
                                    [TLB2_HITS] = r->tlb2_hits,
                                    [TLB_MISSES] = r->tlb_misses,
                                    [TABLE_READS] = r->table_reads,
                                    [CYCLES] = r->cycles,
                                    [TABLES] = r->tables,
                                    [TABLE_BYTES] = r->table_bytes,
                                    [TABLE_FAULTS] = c->table_faults,
                                    [TABLE_WRITES] = c->table_writes,
                                    [SWITCHES] = c->switches,
                                    [DISK_TRANSFERS] = c->disk_transfers,
                                    [DISK_BYTES] = c->disk_bytes,
                                    [PREFETCHES] = c->prefetches,
                                    [USEFUL_PREFETCHES] = c->useful_prefetches,
                                    [WASTED_PREFETCHES] = c->wasted_prefetches - r->unused_ahead,
                                    [UNUSED_PREFETCHES] = r->unused_ahead,
                                    [SUSPENSIONS] = c->suspensions,
                                    [RESUMPTIONS] = c->resumptions,
                                    [DEGREE_MOST] = r->degree_most},
                          .real = {[HIT_RATIO] = 1 - ratio(c->faults, c->references),
                                   [TLB_HIT_RATIO] = tlb_hit_ratio(r),
                                   [CYCLES_PER_REFERENCE] = ratio(r->cycles, c->references),
                                   [SPEED] = ratio(c->references, r->cycles),
                                   [DISK_MS] = disk_ms(sim, r),
                                   [EFFECTIVE_ACCESS_NS] = effective_ns(sim, r),
                                   [DEGREE] = ratio(r->active_time, c->references),
                                   [ELAPSED_MS] = (double)r->elapsed_ns / 1e6,
                                   [IDLE_MS] = (double)r->idle_ns / 1e6,
                                   [CPU_USE] = 100 * (1 - ratio(r->idle_ns, r->elapsed_ns)),
                                   [DISK_BUSY_MS] = (double)r->disk_ns / 1e6}};
}

static bool is_known(const struct sim *sim, unsigned real) {
    return real < ELAPSED_MS || sim->machine.clock;
}

static void json_result(const struct sim *sim, const struct sim_machine_result *r,
                        struct kb_json *json) {
    char name[CLI_POLICY_TEXT];
    struct numbers n;
    fill(sim, r, &n);
    kb_json_newline(json);
    kb_json_object(json, NULL);
    kb_json_string(json, "policy", cli_policy_name(&r->spec, name));
    for (unsigned i = 0; i < NUMBERS; i++)
        if (i == COLD_FAULTS && kb_fetch_looks_ahead(&sim->fetch)) /* a page's first may be none */
            kb_json_null(json, number_names[i]);
        else
            kb_json_u64(json, number_names[i], n.whole[i]);
    for (unsigned i = 0; i < REALS; i++)
        if (is_known(sim, i))
            kb_json_double(json, real_names[i], n.real[i]);
        else
            kb_json_null(json, real_names[i]);
    json_traps(r->counters.traps, json);
    kb_json_array(json, "by_process");
    for (uint32_t i = 0; i < r->process_count; i++)
        json_process(&r->process[i], json);
    kb_json_close_array(json);
    kb_json_close_object(json);
}

static kb_status show_json(const struct sim *sim, const struct sim_machine_results *results) {
    struct kb_json json;
    kb_json_begin(&json, kb_stdout_sink(), &sim->cli->error);
    kb_json_object(&json, NULL);
    json_traces(sim, results->traces, &json);
    json_machine(sim, results, &json);
    kb_json_newline(&json);
    kb_json_array(&json, "results");
    for (size_t i = 0; i < results->count; i++)
        json_result(sim, &results->item[i], &json);
    kb_json_close_array(&json);
    kb_json_close_object(&json);
    return kb_json_end(&json);
}

/* ---- CSV ---- */

static void show_csv(const struct sim *sim, const struct sim_machine_results *results) {
    const char *cells[1 + NUMBERS + REALS] = {"policy"};
    char texts[1 + NUMBERS + REALS][CLI_POLICY_TEXT];
    for (unsigned i = 0; i < NUMBERS; i++)
        cells[1 + i] = number_names[i];
    for (unsigned i = 0; i < REALS; i++)
        cells[1 + NUMBERS + i] = real_names[i];
    struct cli_table *table = cli_table_new(cells, 1 + NUMBERS + REALS, 0, true);
    for (size_t k = 0; k < results->count; k++) {
        struct numbers n;
        fill(sim, &results->item[k], &n);
        cli_policy_name(&results->item[k].spec, texts[0]);
        for (unsigned i = 0; i < NUMBERS; i++)
            cli_number(n.whole[i], texts[1 + i]);
        if (kb_fetch_looks_ahead(&sim->fetch))
            texts[1 + COLD_FAULTS][0] = '\0';
        for (unsigned i = 0; i < REALS; i++)
            snprintf(texts[1 + NUMBERS + i], CLI_NUMBER_TEXT, "%.6f", n.real[i]);
        for (unsigned i = 0; i < REALS; i++)
            if (!is_known(sim, i))
                texts[1 + NUMBERS + i][0] = '\0';
        for (unsigned i = 0; i < 1 + NUMBERS + REALS; i++)
            cells[i] = texts[i];
        cli_table_row(table, cells);
    }
    cli_table_end(table);
}

/* ---- tables ---- */

/* What a table leaves out, because it is the same in each row. */
static bool one_policy(const struct sim_machine_results *results) {
    bool one = true;
    for (size_t i = 1; i < results->count; i++)
        one = one &&
              memcmp(&results->item[i].spec, &results->item[0].spec,
                     sizeof results->item[0].spec) == 0 &&
              results->item[i].frames == results->item[0].frames;
    return one;
}

static bool one_process(const struct sim_machine_results *results) {
    bool one = true;
    for (size_t i = 0; i < results->count; i++)
        one = one && results->item[i].process_count == 1;
    return one;
}

/* 12.3, but 0.012: three digits or so. */
static void rate_text(double value, char text[CLI_NUMBER_TEXT]) {
    int digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
    snprintf(text, CLI_NUMBER_TEXT, "%.*f", digits, value);
}

static void show_results(const struct sim *sim, const struct sim_machine_results *results) {
    static const enum kb_message titles[] = {
        KB_MSG_col_policy,           KB_MSG_col_frames,     KB_MSG_col_processes,
        KB_MSG_col_faults,           KB_MSG_col_fault_rate, KB_MSG_col_rescues,
        KB_MSG_col_table_faults,     KB_MSG_col_evictions,  KB_MSG_col_write_backs,
        KB_MSG_col_waited,           KB_MSG_col_transfers,  KB_MSG_col_tlb_hits,
        KB_MSG_col_cycles_reference, KB_MSG_col_effective,  KB_MSG_col_prefetches,
        KB_MSG_col_useful,           KB_MSG_col_elapsed,    KB_MSG_col_cpu_use};
    enum { COLUMNS = sizeof titles / sizeof titles[0] };
    const struct sim_machine *m = &sim->machine;
    const bool waits = m->high > 0 || m->cluster > 1;
    const bool ahead = kb_fetch_looks_ahead(&sim->fetch);
    const bool left_out[COLUMNS] = {[2] = one_process(results),
                                    [5] = m->high == 0,
                                    [6] = m->tables != KB_TABLES_PAGEABLE,
                                    [7] = waits, /* what follows tells more, and there is no room */
                                    [9] = !waits,
                                    [10] = !waits,
                                    [11] = ahead && m->clock,
                                    [12] = ahead || m->clock,
                                    [13] = m->clock, /* the time itself says more */
                                    [14] = !ahead,
                                    [15] = !ahead,
                                    [16] = !m->clock,
                                    [17] = !m->clock};
    const char *shown[COLUMNS];
    unsigned count = 0;
    for (unsigned i = 0; i < COLUMNS; i++)
        if (!left_out[i])
            shown[count++] = cli_text(sim->cli, titles[i]);
    struct cli_table *table = cli_table_new(shown, count, ~UINT64_C(1), false);
    for (size_t k = 0; k < results->count; k++) {
        char cells[COLUMNS][CLI_POLICY_TEXT];
        struct numbers n;
        fill(sim, &results->item[k], &n);
        cli_policy_name(&results->item[k].spec, cells[0]);
        cli_number(n.whole[FRAMES], cells[1]);
        cli_number(n.whole[PROCESSES], cells[2]);
        cli_number(n.whole[FAULTS], cells[3]);
        rate_text(1000 * ratio(n.whole[FAULTS], n.whole[REFERENCES]), cells[4]);
        cli_number(n.whole[RESCUES], cells[5]);
        cli_number(n.whole[TABLE_FAULTS], cells[6]);
        cli_number(n.whole[EVICTIONS], cells[7]);
        cli_number(n.whole[WRITE_BACKS], cells[8]);
        cli_number(n.whole[SYNCHRONOUS_WRITES], cells[9]);
        cli_number(n.whole[DISK_TRANSFERS], cells[10]);
        snprintf(cells[11], CLI_NUMBER_TEXT, "%.4f", n.real[TLB_HIT_RATIO]);
        snprintf(cells[12], CLI_NUMBER_TEXT, "%.3f", n.real[CYCLES_PER_REFERENCE]);
        rate_text(n.real[EFFECTIVE_ACCESS_NS], cells[13]);
        cli_number(n.whole[PREFETCHES], cells[14]);
        cli_number(n.whole[USEFUL_PREFETCHES], cells[15]);
        rate_text(n.real[ELAPSED_MS], cells[16]);
        snprintf(cells[17], CLI_NUMBER_TEXT, "%.1f", n.real[CPU_USE]);
        count = 0;
        for (unsigned i = 0; i < COLUMNS; i++)
            if (!left_out[i])
                shown[count++] = cells[i];
        cli_table_row(table, shown);
    }
    cli_table_end(table);
}

/* A row a process of each result. */
static void show_processes(const struct sim *sim, const struct sim_machine_results *results) {
    static const enum kb_message titles[] = {
        KB_MSG_col_policy,     KB_MSG_col_frames,        KB_MSG_col_processes,
        KB_MSG_col_process,    KB_MSG_col_references,    KB_MSG_col_faults,
        KB_MSG_col_fault_rate, KB_MSG_col_evictions,     KB_MSG_col_write_backs,
        KB_MSG_col_disk_reads, KB_MSG_col_resident_peak, KB_MSG_col_allocation};
    enum { COLUMNS = sizeof titles / sizeof titles[0], SHARE = COLUMNS - 1 };
    const bool left_out[COLUMNS] = {
        one_policy(results), one_policy(results),
        results->count == 1, [SHARE] = sim->machine.allocation == KB_ALLOCATE_GLOBAL};
    const char *shown[COLUMNS];
    unsigned count = 0;
    uint64_t right = 0;
    for (unsigned i = 0; i < COLUMNS; i++)
        if (!left_out[i]) {
            right |= i == 0 || i == 3 ? 0 : UINT64_C(1) << count;
            shown[count++] = cli_text(sim->cli, titles[i]);
        }
    printf("\n");
    struct cli_table *table = cli_table_new(shown, count, right, false);
    for (size_t k = 0; k < results->count; k++) {
        const struct sim_machine_result *r = &results->item[k];
        for (uint32_t p = 0; p < r->process_count; p++) {
            const struct kb_process_counters *c = &r->process[p].counters;
            char cells[COLUMNS][CLI_POLICY_TEXT];
            cli_policy_name(&r->spec, cells[0]);
            cli_number(r->frames, cells[1]);
            cli_number(r->processes, cells[2]);
            snprintf(cells[3], CLI_NUMBER_TEXT, "%.31s", r->process[p].name);
            cli_number(c->references, cells[4]);
            cli_number(c->faults, cells[5]);
            rate_text(1000 * ratio(c->faults, c->references), cells[6]);
            cli_number(c->evictions + c->released, cells[7]);
            cli_number(c->write_backs, cells[8]);
            cli_number(c->image_reads + c->swap_reads, cells[9]);
            cli_number(r->process[p].resident_peak, cells[10]);
            cli_number(r->process[p].allocation, cells[SHARE]);
            count = 0;
            for (unsigned i = 0; i < COLUMNS; i++)
                if (!left_out[i])
                    shown[count++] = cells[i];
            cli_table_row(table, shown);
        }
    }
    cli_table_end(table);
}

/* What is not as usual. */
static void show_memory(const struct sim *sim) {
    const struct sim_machine *m = &sim->machine;
    char text[CLI_POLICY_TEXT];
    if (m->load.criterion != KB_LOAD_NONE)
        cli_print(sim->cli, stdout, KB_MSG_machine_load, load_text(m, text));
    if (m->allocation == KB_ALLOCATE_VARIABLE)
        cli_print(sim->cli, stdout, KB_MSG_machine_variable);
    else if (m->allocation != KB_ALLOCATE_GLOBAL)
        cli_print(sim->cli, stdout, KB_MSG_machine_shares,
                  cli_text(sim->cli, m->allocation == KB_ALLOCATE_EQUAL
                                         ? KB_MSG_machine_equal
                                         : KB_MSG_machine_proportional),
                  (unsigned long long)least(m));
    if (m->cluster > 1)
        cli_print(sim->cli, stdout, KB_MSG_machine_clusters, (unsigned long long)m->cluster);
    if (m->high > 0)
        cli_print(sim->cli, stdout, KB_MSG_machine_daemon, (unsigned long long)m->low,
                  (unsigned long long)m->high);
    if (m->tables != KB_TABLES_APART)
        cli_print(sim->cli, stdout,
                  m->tables == KB_TABLES_RESIDENT ? KB_MSG_machine_tables_resident
                                                  : KB_MSG_machine_tables_pageable);
}

static void show_headlines(const struct sim *sim, const struct sim_machine_results *results) {
    const struct sim_machine *m = &sim->machine;
    char size[KB_SIZE_TEXT], rate[KB_SIZE_TEXT], first[CLI_NUMBER_TEXT], second[CLI_NUMBER_TEXT];
    char tlb[2 * CLI_NUMBER_TEXT + 4];
    for (size_t i = 0; i < sim->trace_count; i++) {
        const struct sim_trace *trace = &results->traces[i];
        bool sized = trace->info.page_size > 0;
        cli_print(sim->cli, stdout, sized ? KB_MSG_headline : KB_MSG_headline_numbers, trace->name,
                  (unsigned long long)trace->references, (unsigned long long)trace->writes,
                  (unsigned long long)trace->pages,
                  sized ? kb_format_size(trace->info.page_size, size) : "");
    }
    snprintf(tlb, sizeof tlb, "%s%s%s",
             m->tlbs > 0 ? sim_tlb_text(&m->tlb[0], first)
                         : cli_text(sim->cli, KB_MSG_machine_no_tlb),
             m->tlbs > 1 ? " + " : "", m->tlbs > 1 ? sim_tlb_text(&m->tlb[1], second) : "");
    cli_print(sim->cli, stdout, KB_MSG_machine_headline, kb_format_size(results->page_bytes, size),
              format_name(results), (unsigned long long)levels(results), tlb, m->memory_ns,
              m->disk.seek, m->disk.latency,
              kb_format_size((uint64_t)m->disk.bytes_per_second, rate));
    if (!one_process(results))
        cli_print(sim->cli, stdout, KB_MSG_machine_turns, (unsigned long long)m->quantum);
    show_memory(sim);
}

/* ---- plot ---- */

/* With several numbers of processes: faults by them; else by frames, as plain sim draws them. */
static kb_status show_plot(const struct sim *sim, const struct sim_machine_results *results) {
    const bool by_processes = sim->machine.copies.count > 1;
    const size_t copies = sim->machine.copies.count, sizes = sim->frames.count;
    const size_t points = by_processes ? copies : sizes > 0 ? sizes : 1;
    struct kb_plot_series series[MOST_SERIES];
    char(*names)[CLI_POLICY_TEXT + 16] = calloc(MOST_SERIES, sizeof *names);
    double *x = calloc(results->count + 1, sizeof *x), *y = calloc(results->count + 1, sizeof *y);
    size_t count = 0;
    for (size_t i = 0; names != NULL && x != NULL && y != NULL && i + points <= results->count;
         i += points) {
        const struct sim_machine_result *r = &results->item[i];
        bool rises = points > 1;
        for (size_t k = i; k < i + points; k++) {
            const struct sim_machine_result *at = &results->item[k];
            x[k] = by_processes ? (double)at->processes : (double)at->frames;
            y[k] = by_processes ? 1000 * ratio(at->counters.faults, at->counters.references)
                                : (double)at->counters.faults;
            rises = rises && (k == i || x[k] > x[k - 1]);
        }
        if (!rises || count == MOST_SERIES)
            continue;
        char name[CLI_POLICY_TEXT];
        cli_policy_name(&r->spec, name);
        if (by_processes && sizes > 1)
            snprintf(names[count], sizeof names[count], "%s/%u", name, r->frames);
        else
            snprintf(names[count], sizeof names[count], "%s", name);
        series[count] = (struct kb_plot_series){names[count], x + i, y + i, points};
        count++;
    }
    kb_status status = KB_OK;
    if (count == 0) {
        cli_print(sim->cli, stdout, KB_MSG_nothing_to_plot);
    } else {
        unsigned width = cli_terminal_width(80);
        struct kb_plot plot = {.series = series,
                               .count = count,
                               .width = (width > 120 ? 120 : width) - 22,
                               .height = 18,
                               .log_x = !by_processes,
                               .log_y = !by_processes,
                               .x_title = cli_text(sim->cli, by_processes ? KB_MSG_plot_processes
                                                                          : KB_MSG_plot_frames),
                               .y_title = cli_text(sim->cli, by_processes ? KB_MSG_plot_fault_rate
                                                                          : KB_MSG_plot_faults)};
        printf("\n");
        fflush(stdout);
        status = kb_plot_write(&plot, kb_stdout_sink(), &sim->cli->error);
    }
    free(names);
    free(x);
    free(y);
    return status;
}

kb_status sim_machine_show(const struct sim *sim, const struct sim_machine_results *results) {
    if (sim->output == SIM_JSON)
        return show_json(sim, results);
    if (sim->output == SIM_CSV) {
        show_csv(sim, results);
        return KB_OK;
    }
    size_t rows = 0;
    for (size_t i = 0; i < results->count; i++)
        rows += results->item[i].process_count;
    show_headlines(sim, results);
    show_results(sim, results);
    if (!one_process(results) && rows <= MOST_ROWS)
        show_processes(sim, results);
    else if (!one_process(results))
        cli_print(sim->cli, stdout, KB_MSG_machine_many_rows, (unsigned long long)rows);
    return sim->plot ? show_plot(sim, results) : KB_OK;
}
