/* explain_cost.c - what translation, tables, page sizes and faults cost. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* ---- rows that become a table, CSV or JSON ---- */

#define MOST_COLUMNS 10

struct column {
    enum kb_message title;
    const char *key;
};

struct rows {
    const struct explain *explain;
    const struct column *columns;
    unsigned count, at;
    struct cli_table *table;
    struct kb_json *json;
    char cells[MOST_COLUMNS][CLI_NUMBER_TEXT];
};

static void rows_begin(struct rows *rows, const struct explain *explain, struct kb_json *json,
                       const struct column *columns, unsigned count, const char *key) {
    const char *titles[MOST_COLUMNS];
    *rows = (struct rows){.explain = explain, .columns = columns, .count = count, .json = json};
    for (unsigned i = 0; i < count; i++)
        titles[i] = explain->csv ? columns[i].key : cli_text(explain->cli, columns[i].title);
    if (explain->json)
        kb_json_array(json, key);
    else
        rows->table = cli_table_new(titles, count, ~UINT64_C(0), explain->csv);
}

/* The cell at rows->at has been written. */
static void next_cell(struct rows *rows) {
    const char *row[MOST_COLUMNS];
    if (++rows->at < rows->count)
        return;
    rows->at = 0;
    for (unsigned i = 0; i < rows->count; i++)
        row[i] = rows->cells[i];
    cli_table_row(rows->table, row);
    if (rows->explain->json)
        kb_json_close_object(rows->json);
}

/* The key of the cell that is about to be written, in its object. */
static const char *key_of(struct rows *rows) {
    if (rows->explain->json && rows->at == 0) {
        kb_json_newline(rows->json);
        kb_json_object(rows->json, NULL);
    }
    return rows->columns[rows->at].key;
}

static void rows_u64(struct rows *rows, uint64_t value) {
    const char *key = key_of(rows);
    cli_number(value, rows->cells[rows->at]);
    if (rows->explain->json)
        kb_json_u64(rows->json, key, value);
    next_cell(rows);
}

/* Decimals of the table; CSV and JSON have all digits. */
static void rows_real(struct rows *rows, unsigned decimals, double value) {
    const char *key = key_of(rows);
    char *cell = rows->cells[rows->at];
    if (isnan(value))
        snprintf(cell, CLI_NUMBER_TEXT, "%s", rows->explain->csv ? "" : "-");
    else if (rows->explain->csv)
        snprintf(cell, CLI_NUMBER_TEXT, "%.9g", value);
    else
        snprintf(cell, CLI_NUMBER_TEXT, "%.*f", (int)decimals, value);
    if (rows->explain->json)
        kb_json_double(rows->json, key, value);
    next_cell(rows);
}

static void rows_end(struct rows *rows) {
    if (rows->explain->json)
        kb_json_close_array(rows->json);
    cli_table_end(rows->table);
}

/* Sentences belong to text alone. */
static bool speaks(const struct explain *explain) { return !explain->json && !explain->csv; }

static bool overflow(const struct explain *explain, kb_status *status) {
    *status = kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_large);
    return false;
}

/* ---- --access-time ---- */

struct times {
    double memory, service, dirty_service, dirty, faults, slower;
};

/* All in ns. */
static kb_status read_times(const struct explain *explain, struct times *times) {
    kb_status status = explain_real(explain, EXPLAIN_ACCESS_TIME, 1e-3, 1e12, &times->memory);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_SERVICE, 1e-6, 1e9, &times->service);
    times->dirty_service = times->service;
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_DIRTY_SERVICE, 1e-6, 1e9, &times->dirty_service);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_DIRTY, 0, 1, &times->dirty);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_FAULTS, 0, 1, &times->faults);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_SLOWER, 0, 1e6, &times->slower);
    times->service *= 1e6;
    times->dirty_service *= 1e6;
    if (status == KB_OK &&
        explain_has(explain, EXPLAIN_DIRTY) != explain_has(explain, EXPLAIN_DIRTY_SERVICE))
        status = kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_needs,
                         explain_name(explain_has(explain, EXPLAIN_DIRTY) ? EXPLAIN_DIRTY
                                                                          : EXPLAIN_DIRTY_SERVICE),
                         explain_name(explain_has(explain, EXPLAIN_DIRTY) ? EXPLAIN_DIRTY_SERVICE
                                                                          : EXPLAIN_DIRTY));
    return status;
}

static kb_status access_time(const struct explain *explain, struct kb_json *json) {
    static const struct column columns[] = {
        {KB_MSG_col_memory_ns, "memory_ns"},     {KB_MSG_col_service_ns, "service_ns"},
        {KB_MSG_col_fault_ratio, "faults"},      {KB_MSG_col_access_ns, "access_ns"},
        {KB_MSG_col_slowdown, "slowdown"},       {KB_MSG_col_limit_ns, "limit_ns"},
        {KB_MSG_col_most_faults, "most_faults"},
    };
    struct times t = {.service = 8, .faults = 0.001, .slower = 0.1};
    struct rows rows;
    kb_status status = read_times(explain, &t);
    if (status != KB_OK)
        return status;
    double service = kb_cost_service(t.service, t.dirty_service, t.dirty);
    double time = kb_cost_access_time(t.memory, service, t.faults);
    double limit = t.memory * (1 + t.slower);
    double most = kb_cost_most_faults(t.memory, service, limit);
    rows_begin(&rows, explain, json, columns, 7, "access_time");
    rows_real(&rows, 1, t.memory);
    rows_real(&rows, 0, service);
    rows_real(&rows, 9, t.faults);
    rows_real(&rows, 1, time);
    rows_real(&rows, 2, time / t.memory);
    rows_real(&rows, 1, limit);
    rows_real(&rows, 12, most);
    rows_end(&rows);
    if (speaks(explain) && most > 0)
        cli_print(explain->cli, stdout, KB_MSG_explain_one_in, t.slower * 100, most, 1 / most);
    return KB_OK;
}

/* ---- --speed ---- */

static kb_status speed(const struct explain *explain, struct kb_json *json) {
    static const struct column columns[] = {
        {KB_MSG_col_accesses, "accesses"}, {KB_MSG_col_search, "search"},
        {KB_MSG_col_hits, "hits"},         {KB_MSG_col_cycles, "cycles"},
        {KB_MSG_col_speed, "speed"},       {KB_MSG_col_needed, "hits_needed"},
    };
    struct explain_reals hits, accesses, search;
    struct rows rows;
    double wanted = 0.9;
    kb_status status = explain_list(explain, EXPLAIN_SPEED, NULL, 0, 1, &hits);
    if (status == KB_OK)
        status = explain_list(explain, EXPLAIN_ACCESSES, "2", 0, 1000, &accesses);
    if (status == KB_OK)
        status = explain_list(explain, EXPLAIN_SEARCH, "0", 0, 1000, &search);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_WANTED, 1e-6, 1, &wanted);
    if (status != KB_OK)
        return status;
    if (explain->json)
        kb_json_double(json, "wanted", wanted);
    rows_begin(&rows, explain, json, columns, 6, "speeds");
    for (unsigned n = 0; n < accesses.count; n++)
        for (unsigned a = 0; a < search.count; a++)
            for (unsigned h = 0; h < hits.count; h++) {
                double cycles =
                    kb_cost_cycles(search.values[a], accesses.values[n], hits.values[h]);
                double needed = kb_cost_hits_needed(search.values[a], accesses.values[n], wanted);
                rows_real(&rows, 0, accesses.values[n]);
                rows_real(&rows, 2, search.values[a]);
                rows_real(&rows, 4, hits.values[h]);
                rows_real(&rows, 4, cycles);
                rows_real(&rows, 4, 1 / cycles);
                rows_real(&rows, 5, needed > 1 ? NAN : needed);
            }
    rows_end(&rows);
    if (speaks(explain))
        cli_print(explain->cli, stdout, KB_MSG_explain_speed_note, wanted);
    return KB_OK;
}

/* ---- --page-sizes ---- */

struct page_question {
    uint64_t space, entry, processes;
    struct kb_disk disk;
    struct cli_sizes sizes;
};

static kb_status read_page_question(const struct explain *explain, struct page_question *q) {
    kb_status status = explain_number(explain, EXPLAIN_PAGE_SIZES, 1, UINT64_MAX, &q->space);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_ENTRY, 1, 1024, &q->entry);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_PROCESSES, 1, 1u << 30, &q->processes);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_SEEK, 0, 1e6, &q->disk.seek);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_LATENCY, 0, 1e6, &q->disk.latency);
    if (status == KB_OK)
        status = explain_real(explain, EXPLAIN_RATE, 1, 1e15, &q->disk.bytes_per_second);
    if (status == KB_OK)
        status = explain_page_sizes(explain, "512..16K:*2", &q->sizes);
    return status;
}

/* Whether every study fits 64 bits, before anything is printed. */
static bool studies_fit(const struct explain *explain, const struct page_question *q,
                        kb_status *status) {
    struct kb_page_study study;
    uint64_t all;
    for (size_t i = 0; i < q->sizes.count; i++)
        if (!kb_cost_page_size(q->space, q->sizes.values[i], q->entry, &q->disk, &study) ||
            !kb_multiply(study.table_bytes, q->processes, &all))
            return overflow(explain, status);
    return true;
}

static kb_status page_sizes(const struct explain *explain, struct kb_json *json) {
    static const struct column columns[] = {
        {KB_MSG_col_page_size, "page_size"},       {KB_MSG_col_pages, "pages"},
        {KB_MSG_col_table_bytes, "table_bytes"},   {KB_MSG_col_all_tables, "all_tables_bytes"},
        {KB_MSG_col_waste, "mean_waste"},          {KB_MSG_col_exact_waste, "exact_waste"},
        {KB_MSG_col_overhead, "table_and_waste"},  {KB_MSG_col_page_ms, "page_ms"},
        {KB_MSG_col_transfer, "transfer_percent"}, {KB_MSG_col_space_s, "space_seconds"},
    };
    struct page_question q = {.entry = 4, .processes = 1, .disk = {20, 8, 2e6}};
    struct rows rows;
    kb_status status = read_page_question(explain, &q);
    if (status == KB_OK && studies_fit(explain, &q, &status)) {
        double best = kb_cost_best_page_size(q.space, q.entry);
        if (explain->json)
            kb_json_double(json, "best_size", best);
        rows_begin(&rows, explain, json, columns, 10, "page_sizes");
        for (size_t i = 0; i < q.sizes.count; i++) {
            struct kb_page_study study = {0};
            if (!kb_cost_page_size(q.space, q.sizes.values[i], q.entry, &q.disk, &study))
                break;
            rows_u64(&rows, study.page_size);
            rows_u64(&rows, study.pages);
            rows_u64(&rows, study.table_bytes);
            rows_u64(&rows, study.table_bytes * q.processes);
            rows_real(&rows, 1, study.mean_waste);
            rows_real(&rows, 1, study.exact_waste);
            rows_real(&rows, 1, study.overhead);
            rows_real(&rows, 3, study.page_ms);
            rows_real(&rows, 2, 100 * study.transfer_ms / study.page_ms);
            rows_real(&rows, 3, study.space_seconds);
        }
        rows_end(&rows);
        if (speaks(explain))
            cli_print(explain->cli, stdout, KB_MSG_explain_best, best);
    }
    free(q.sizes.values);
    return status;
}

/* ---- --tables ---- */

#define MOST_RANGES 256

/* "START+LENGTH,…" or "all". */
static kb_status read_ranges(const struct explain *explain, const struct kb_format *format,
                             struct kb_range *ranges, size_t *count) {
    struct kb_error *error = &explain->cli->error;
    const char *at = explain->values[EXPLAIN_TABLES];
    uint64_t highest =
        format->address_bits == 64 ? UINT64_MAX : (UINT64_C(1) << format->address_bits) - 1;
    *count = 0;
    if (strcmp(at, "all") == 0) {
        ranges[(*count)++] = (struct kb_range){0, highest};
        return KB_OK;
    }
    while (at != NULL) {
        char word[96];
        size_t length = strcspn(at, ",");
        uint64_t start, bytes;
        snprintf(word, sizeof word, "%.*s", (int)(length < 90 ? length : 90), at);
        char *plus = strchr(word, '+');
        if (plus != NULL)
            *plus++ = '\0';
        if (*count == MOST_RANGES)
            return kb_fail(error, KB_USAGE, KB_MSG_explain_many, "--tables",
                           (unsigned long long)MOST_RANGES);
        if (plus == NULL || explain_parse(explain, "--tables", word, &start) != KB_OK ||
            explain_parse(explain, "--tables", plus, &bytes) != KB_OK || bytes == 0)
            return kb_fail(error, KB_USAGE, KB_MSG_explain_ranges, explain->values[EXPLAIN_TABLES]);
        if (start > highest || bytes - 1 > highest - start)
            return kb_fail(error, KB_USAGE, KB_MSG_explain_range_beyond, word, plus,
                           (unsigned long long)format->address_bits);
        ranges[(*count)++] = (struct kb_range){start, start + (bytes - 1)};
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return KB_OK;
}

static void show_tables(const struct explain *explain, struct kb_json *json,
                        const struct kb_format *format, const struct kb_table_sizes *tables,
                        uint64_t all) {
    static const struct column columns[] = {{KB_MSG_col_level, "level"},
                                            {KB_MSG_col_tables, "tables"},
                                            {KB_MSG_col_each_bytes, "table_bytes"},
                                            {KB_MSG_col_bytes, "bytes"}};
    struct rows rows;
    char flat[KB_SIZE_TEXT];
    if (explain->json) {
        kb_json_u64(json, "bytes", tables->bytes);
        if (tables->flat_bytes > 0)
            kb_json_u64(json, "flat_bytes", tables->flat_bytes);
        else
            kb_json_null(json, "flat_bytes");
        kb_json_u64(json, "all_processes_bytes", all);
    }
    rows_begin(&rows, explain, json, columns, 4, "levels");
    for (unsigned depth = 0; depth < format->levels; depth++) {
        uint64_t each = kb_format_table_bytes(format, depth);
        rows_u64(&rows, kb_format_level(format, depth));
        rows_u64(&rows, tables->count[depth]);
        rows_u64(&rows, each);
        rows_u64(&rows, tables->count[depth] * each);
    }
    rows_end(&rows);
    if (!speaks(explain))
        return;
    cli_print(explain->cli, stdout, KB_MSG_explain_tables, (unsigned long long)tables->bytes,
              (unsigned long long)all);
    if (tables->flat_bytes > 0)
        cli_print(explain->cli, stdout, KB_MSG_explain_flat, (unsigned long long)tables->flat_bytes,
                  kb_format_size(tables->flat_bytes, flat),
                  (double)tables->flat_bytes / (double)tables->bytes);
}

static kb_status tables(const struct explain *explain, struct kb_json *json) {
    static const char *const preset = "sv32";
    struct kb_range ranges[MOST_RANGES];
    struct kb_format generic;
    const struct kb_format *format;
    struct kb_table_sizes found;
    size_t count = 0;
    uint64_t processes = 1, all;
    const char *name =
        explain_has(explain, EXPLAIN_FORMAT) ? explain->values[EXPLAIN_FORMAT] : preset;
    kb_status status = explain_format(explain, name, &generic, &format);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_PROCESSES, 1, 1u << 30, &processes);
    if (status == KB_OK)
        status = read_ranges(explain, format, ranges, &count);
    if (status != KB_OK)
        return status;
    kb_cost_tables(format, ranges, count, &found);
    if (kb_multiply(found.bytes, processes, &all))
        show_tables(explain, json, format, &found, all);
    else
        overflow(explain, &status);
    return status;
}

/* ---- --inverted, --reach ---- */

/* One row a page size: of the inverted table, or of the TLB. */
static kb_status by_page_size(const struct explain *explain, struct kb_json *json, bool reach) {
    static const struct column columns[][3] = {
        {{KB_MSG_col_page_size, "page_size"},
         {KB_MSG_col_frames, "frames"},
         {KB_MSG_col_table_bytes, "table_bytes"}},
        {{KB_MSG_col_page_size, "page_size"},
         {KB_MSG_col_entries, "entries"},
         {KB_MSG_col_reach, "reach_bytes"}},
    };
    struct cli_sizes sizes;
    struct rows rows;
    uint64_t given = 0, entry = 16, bytes = 0;
    kb_status status =
        explain_number(explain, reach ? EXPLAIN_REACH : EXPLAIN_INVERTED, 1, UINT64_MAX, &given);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_ENTRY, 1, 1024, &entry);
    if (status == KB_OK)
        status = explain_page_sizes(explain, "4K", &sizes);
    if (status != KB_OK)
        return status;
    for (size_t i = 0; i < sizes.count; i++)
        if (!(reach ? kb_cost_reach(given, sizes.values[i], &bytes)
                    : kb_cost_inverted(given, sizes.values[i], entry, &bytes)))
            overflow(explain, &status);
    if (status == KB_OK) {
        rows_begin(&rows, explain, json, columns[reach], 3, reach ? "reach" : "inverted");
        for (size_t i = 0; i < sizes.count; i++) {
            bool fits = reach ? kb_cost_reach(given, sizes.values[i], &bytes)
                              : kb_cost_inverted(given, sizes.values[i], entry, &bytes);
            rows_u64(&rows, sizes.values[i]);
            rows_u64(&rows, reach ? given : given / sizes.values[i]);
            rows_u64(&rows, fits ? bytes : 0);
        }
        rows_end(&rows);
        if (speaks(explain) && !reach)
            cli_print(explain->cli, stdout, KB_MSG_explain_inverted_note);
    }
    free(sizes.values);
    return status;
}

/* ---- --table-share ---- */

struct share_question {
    uint64_t memory, segment_entry, page_entry, page_size;
    struct cli_sizes segments, processes;
};

static kb_status read_share(const struct explain *explain, struct share_question *q) {
    struct kb_error *error = &explain->cli->error;
    bool given = explain_has(explain, EXPLAIN_SEGMENTS);
    bool many = explain_has(explain, EXPLAIN_PROCESSES);
    struct cli_sizes pages = {NULL, 0};
    kb_status status = explain_number(explain, EXPLAIN_TABLE_SHARE, 1, UINT64_MAX, &q->memory);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_SEGMENT_ENTRY, 1, 1024, &q->segment_entry);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_ENTRY, 1, 1024, &q->page_entry);
    if (status == KB_OK)
        status = cli_parse_sizes(given ? explain->values[EXPLAIN_SEGMENTS] : "64,64,64",
                                 &q->segments, error);
    if (status == KB_OK)
        status =
            cli_parse_sizes(many ? explain->values[EXPLAIN_PROCESSES] : "1", &q->processes, error);
    if (status == KB_OK)
        status = explain_page_sizes(explain, "4K", &pages);
    q->page_size = status == KB_OK ? pages.values[0] : 0;
    free(pages.values);
    return status;
}

static bool share_of(const struct share_question *q, size_t i, struct kb_table_share *share) {
    return kb_cost_table_share(q->memory, q->page_size, q->segments.values, q->segments.count,
                               q->segment_entry, q->page_entry, q->processes.values[i], share);
}

static kb_status table_share(const struct explain *explain, struct kb_json *json) {
    static const struct column columns[] = {
        {KB_MSG_col_processes, "processes"},
        {KB_MSG_col_table_bytes, "table_bytes"},
        {KB_MSG_col_share_percent, "share_percent"},
        {KB_MSG_col_left, "left_bytes"},
        {KB_MSG_col_frames, "frames"},
    };
    struct share_question q = {.segment_entry = 8, .page_entry = 4};
    struct kb_table_share share = {0};
    struct rows rows;
    kb_status status = read_share(explain, &q);
    for (size_t i = 0; status == KB_OK && i < q.processes.count; i++)
        if (!share_of(&q, i, &share))
            overflow(explain, &status);
    if (status == KB_OK) {
        rows_begin(&rows, explain, json, columns, 5, "table_share");
        for (size_t i = 0; i < q.processes.count && share_of(&q, i, &share); i++) {
            rows_u64(&rows, q.processes.values[i]);
            rows_u64(&rows, share.all);
            rows_real(&rows, 3, 100 * share.share);
            rows_u64(&rows, share.left);
            rows_u64(&rows, share.frames);
        }
        rows_end(&rows);
        if (explain->json) {
            kb_json_u64(json, "process_bytes", share.each);
            kb_json_u64(json, "most_processes", share.most);
        } else if (speaks(explain)) {
            cli_print(explain->cli, stdout, KB_MSG_explain_table_share,
                      (unsigned long long)share.each, (unsigned long long)share.most);
        }
    }
    free(q.segments.values);
    free(q.processes.values);
    return status;
}

/* ---- --waste ---- */

#define MOST_PROGRAMS 1000 /* that are listed one by one */

struct waste_sum {
    uint64_t bytes, pages, waste;
    bool fits;
};

static struct waste_sum sum_waste(const struct cli_sizes *programs, uint64_t page) {
    struct waste_sum sum = {.fits = true};
    for (size_t i = 0; i < programs->count; i++) {
        struct kb_waste waste = kb_cost_waste(programs->values[i], page);
        sum.fits = sum.fits && programs->values[i] <= UINT64_MAX - page &&
                   kb_add(sum.bytes, programs->values[i], &sum.bytes) &&
                   kb_add(sum.pages, waste.pages, &sum.pages) &&
                   kb_add(sum.waste, waste.waste, &sum.waste);
    }
    return sum;
}

static void list_waste(const struct explain *explain, struct kb_json *json,
                       const struct cli_sizes *programs, const struct cli_sizes *sizes) {
    static const struct column columns[] = {{KB_MSG_col_page_size, "page_size"},
                                            {KB_MSG_col_bytes, "bytes"},
                                            {KB_MSG_col_pages, "pages"},
                                            {KB_MSG_col_waste_bytes, "waste"}};
    struct rows rows;
    rows_begin(&rows, explain, json, columns, 4, "programs");
    for (size_t k = 0; k < sizes->count; k++)
        for (size_t i = 0; i < programs->count && programs->count <= MOST_PROGRAMS; i++) {
            struct kb_waste waste = kb_cost_waste(programs->values[i], sizes->values[k]);
            rows_u64(&rows, sizes->values[k]);
            rows_u64(&rows, programs->values[i]);
            rows_u64(&rows, waste.pages);
            rows_u64(&rows, waste.waste);
        }
    rows_end(&rows);
}

static void total_waste(const struct explain *explain, struct kb_json *json,
                        const struct cli_sizes *programs, const struct cli_sizes *sizes) {
    static const struct column columns[] = {
        {KB_MSG_col_page_size, "page_size"},
        {KB_MSG_col_programs, "programs"},
        {KB_MSG_col_bytes, "bytes"},
        {KB_MSG_col_pages, "pages"},
        {KB_MSG_col_waste_bytes, "waste"},
        {KB_MSG_col_mean_waste, "mean_waste"},
        {KB_MSG_col_expected_waste, "expected"},
    };
    struct rows rows;
    rows_begin(&rows, explain, json, columns, 7, "totals");
    for (size_t k = 0; k < sizes->count; k++) {
        struct waste_sum sum = sum_waste(programs, sizes->values[k]);
        rows_u64(&rows, sizes->values[k]);
        rows_u64(&rows, programs->count);
        rows_u64(&rows, sum.bytes);
        rows_u64(&rows, sum.pages);
        rows_u64(&rows, sum.waste);
        rows_real(&rows, 2, (double)sum.waste / (double)programs->count);
        rows_real(&rows, 1, ((double)sizes->values[k] - 1) / 2);
    }
    rows_end(&rows);
}

static kb_status waste(const struct explain *explain, struct kb_json *json) {
    struct cli_sizes programs, sizes = {NULL, 0};
    kb_status status =
        cli_parse_sizes(explain->values[EXPLAIN_WASTE], &programs, &explain->cli->error);
    if (status == KB_OK)
        status = explain_page_sizes(explain, "4K", &sizes);
    for (size_t k = 0; status == KB_OK && k < sizes.count; k++)
        if (!sum_waste(&programs, sizes.values[k]).fits)
            overflow(explain, &status);
    bool few = programs.count <= MOST_PROGRAMS && (programs.count == 1 || !explain->csv);
    if (status == KB_OK && (explain->json || few))
        list_waste(explain, json, &programs, &sizes);
    if (status == KB_OK && (explain->json || programs.count > 1))
        total_waste(explain, json, &programs, &sizes);
    free(programs.values);
    free(sizes.values);
    return status;
}

/* ---- --cpu-use ---- */

static kb_status cpu_use(const struct explain *explain, struct kb_json *json) {
    static const struct column columns[] = {
        {KB_MSG_col_waits, "wait"},
        {KB_MSG_col_processes, "processes"},
        {KB_MSG_col_cpu_use, "cpu_use"},
    };
    bool given = explain_has(explain, EXPLAIN_PROCESSES);
    struct cli_sizes processes = {NULL, 0};
    struct explain_reals waits;
    struct rows rows;
    kb_status status = explain_list(explain, EXPLAIN_CPU_USE, NULL, 0, 1, &waits);
    if (status == KB_OK)
        status = cli_parse_sizes(given ? explain->values[EXPLAIN_PROCESSES] : "1,2,4,8,16",
                                 &processes, &explain->cli->error);
    if (status != KB_OK)
        return status;
    rows_begin(&rows, explain, json, columns, 3, "cpu_use");
    for (unsigned w = 0; w < waits.count; w++)
        for (size_t i = 0; i < processes.count; i++) {
            rows_real(&rows, 4, waits.values[w]);
            rows_u64(&rows, processes.values[i]);
            rows_real(&rows, 1, 100 * kb_cost_cpu_use(waits.values[w], processes.values[i]));
        }
    rows_end(&rows);
    if (speaks(explain))
        cli_print(explain->cli, stdout, KB_MSG_explain_cpu_note);
    free(processes.values);
    return KB_OK;
}

/* ---- the question ---- */

static kb_status answer(const struct explain *explain, struct kb_json *json) {
    if (explain_has(explain, EXPLAIN_ACCESS_TIME))
        return access_time(explain, json);
    if (explain_has(explain, EXPLAIN_SPEED))
        return speed(explain, json);
    if (explain_has(explain, EXPLAIN_PAGE_SIZES))
        return page_sizes(explain, json);
    if (explain_has(explain, EXPLAIN_TABLES))
        return tables(explain, json);
    if (explain_has(explain, EXPLAIN_WASTE))
        return waste(explain, json);
    if (explain_has(explain, EXPLAIN_CPU_USE))
        return cpu_use(explain, json);
    if (explain_has(explain, EXPLAIN_TABLE_SHARE))
        return table_share(explain, json);
    return by_page_size(explain, json, explain_has(explain, EXPLAIN_REACH));
}

kb_status explain_cost(const struct explain *explain) {
    struct kb_json json;
    if (!explain->json)
        return answer(explain, NULL);
    kb_json_begin(&json, kb_stdout_sink(), &explain->cli->error);
    kb_json_object(&json, NULL);
    kb_status status = answer(explain, &json);
    if (status != KB_OK)
        return status;
    kb_json_close_object(&json);
    return kb_json_end(&json);
}
