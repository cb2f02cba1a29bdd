/* study_page_size.c - kilburn study page-size: what pulls the size of a page to either side.
 *
 *   small pages     less waste at the ends, more frames      │ of all this a trace shows
 *   large pages     smaller tables, fewer and longer reads   │ what it shows
 *
 * Without a trace it is the arithmetic of a space that is used whole. With one,
 * a segment is a range of the trace without gaps as long as the largest page;
 * in its own address space it would begin at a page, so its last page is what
 * it wastes: that is measured, and compared with half a page. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study.h"

enum {
    OPT_PAGE_SIZES = STUDY_OWN_OPTION,
    OPT_ENTRY,
    OPT_DISK,
    OPT_SPACE,
    OPT_MEMORY,
    OPT_POLICY,
    OPT_FORMAT
};

static const struct option own_options[] = {
    {"page-sizes", required_argument, NULL, OPT_PAGE_SIZES},
    {"entry", required_argument, NULL, OPT_ENTRY},
    {"disk", required_argument, NULL, OPT_DISK},
    {"space", required_argument, NULL, OPT_SPACE},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"format", required_argument, NULL, OPT_FORMAT},
    {NULL, 0, NULL, 0},
};

struct page_size {
    struct cli_sizes sizes;
    bool sizes_said;
    uint64_t entry, space, memory; /* 0: unsaid */
    struct kb_disk disk;
    bool disk_said;
    const char *policy;
    struct kb_reader_options reading;
};

/* 20ms,8ms,2000000 */
static kb_status read_disk(struct study *study, const char *text) {
    struct page_size *p = study->own;
    double seek, latency;
    uint64_t rate = 0;
    int at = -1;
    if (sscanf(text, "%lfms,%lfms,%n", &seek, &latency, &at) < 2 || at < 0)
        at = sscanf(text, "%lf,%lf,%n", &seek, &latency, &at) < 2 ? -1 : at;
    const char *end = text;
    while (*end != '\0')
        end++;
    if (at < 0 || !(seek >= 0 && seek <= 1e9 && latency >= 0 && latency <= 1e9) ||
        !kb_parse_size(text + at, (size_t)(end - text - at), &rate) || rate == 0)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_disk, text);
    p->disk = (struct kb_disk){seek, latency, (double)rate};
    p->disk_said = true;
    return KB_OK;
}

static kb_status take(struct study *study, int option, const char *argument) {
    struct page_size *p = study->own;
    struct kb_error *error = &study->cli->error;
    switch (option) {
    case OPT_PAGE_SIZES:
        free(p->sizes.values);
        p->sizes_said = true;
        return cli_parse_sizes(argument, &p->sizes, error);
    case OPT_ENTRY:
        return cli_parse_number("--entry", argument, 1, 64, &p->entry, error);
    case OPT_SPACE:
        return cli_parse_number("--space", argument, 1, UINT64_C(1) << 62, &p->space, error);
    case OPT_MEMORY:
        return cli_parse_number("--memory", argument, 1, UINT64_C(1) << 40, &p->memory, error);
    case OPT_POLICY:
        p->policy = argument;
        return KB_OK;
    case OPT_FORMAT:
        p->reading.format = argument;
        return KB_OK;
    default:
        return read_disk(study, argument);
    }
}

static void free_own(struct study *study) { free(((struct page_size *)study->own)->sizes.values); }

/* What was not said is as in the documents. */
static kb_status complete(struct study *study) {
    struct page_size *p = study->own;
    kb_status status = KB_OK;
    if (!p->sizes_said)
        status = cli_parse_sizes("512..16384:*2", &p->sizes, &study->cli->error);
    p->entry = p->entry == 0 ? 4 : p->entry;
    if (!p->disk_said)
        p->disk = (struct kb_disk){20, 8, 2e6};
    for (size_t i = 0; i < p->sizes.count && status == KB_OK; i++)
        if (!kb_is_power_of_two(p->sizes.values[i]) || p->sizes.values[i] < KB_SMALLEST_PAGE_SIZE ||
            p->sizes.values[i] > UINT64_C(1) << 30)
            status = kb_fail(&study->cli->error, KB_USAGE, KB_MSG_page_size_invalid,
                             (unsigned long long)KB_SMALLEST_PAGE_SIZE, 1ULL << 30,
                             (unsigned long long)p->sizes.values[i]);
    return status;
}

/* The place of the least value; the first of equal ones. */
static size_t least(const double *values, size_t count) {
    size_t found = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] < values[found])
            found = i;
    return found;
}

static char *size_text(uint64_t size, char text[KB_SIZE_TEXT]) {
    kb_format_size(size, text);
    return text;
}

/* Two demands that want different sizes: then none is best. */
static enum study_holds no_best(struct study *study, struct study_text *text, const double *bytes,
                                const double *time, size_t count) {
    const struct page_size *p = study->own;
    char small[KB_SIZE_TEXT], fast[KB_SIZE_TEXT];
    size_t compact = least(bytes, count), quick = least(time, count);
    bool differ = compact != quick;
    study_text_add(study, text, differ ? KB_MSG_study_sizes_differ : KB_MSG_study_sizes_agree,
                   size_text(p->sizes.values[compact], small),
                   size_text(p->sizes.values[quick], fast));
    return differ ? STUDY_HOLDS : STUDY_FAILS;
}

static kb_status draw(struct study *study, const double *x, const double *bytes, size_t count) {
    struct kb_plot_series series = {cli_text(study->cli, KB_MSG_col_overhead), x, bytes, count};
    if (count < 2)
        return KB_OK;
    for (size_t i = 0; i < count; i++)
        if (!(bytes[i] > 0) || (i > 0 && x[i] <= x[i - 1]))
            return KB_OK; /* not in rising order, or nothing to draw */
    return study_plot(study,
                      (struct kb_plot){.series = &series,
                                       .count = 1,
                                       .log_x = true,
                                       .log_y = true,
                                       .x_title = cli_text(study->cli, KB_MSG_col_page_size),
                                       .y_title = cli_text(study->cli, KB_MSG_col_overhead)});
}

/* ---- without a trace ---- */

static const struct study_column plain_columns[] = {
    {"page_size", KB_MSG_col_page_size, false},
    {"pages", KB_MSG_col_pages, false},
    {"table_bytes", KB_MSG_col_table_bytes, false},
    {"mean_waste", KB_MSG_col_half_page, false},
    {"overhead", KB_MSG_col_overhead, false},
    {"page_ms", KB_MSG_col_page_ms, false},
    {"transfer_percent", KB_MSG_col_transfer, false},
    {"space_seconds", KB_MSG_col_space_seconds, false},
};

static kb_status by_arithmetic(struct study *study, double *bytes, double *time, double *x) {
    struct page_size *p = study->own;
    struct study_rows rows;
    struct study_text text = {.length = 0};
    uint64_t space = p->space != 0 ? p->space : UINT64_C(4) << 20;
    char size[KB_SIZE_TEXT];
    struct kb_page_study found;
    for (size_t i = 0; i < p->sizes.count; i++)
        if (!kb_cost_page_size(space, p->sizes.values[i], p->entry, &p->disk, &found))
            return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_space);
    study_claim(study, KB_MSG_study_page_size_claim);
    study_rows_begin(&rows, study, "rows", plain_columns,
                     sizeof plain_columns / sizeof plain_columns[0]);
    for (size_t i = 0; i < p->sizes.count; i++) {
        (void)kb_cost_page_size(space, p->sizes.values[i], p->entry, &p->disk, &found);
        study_row_bytes(&rows, found.page_size);
        study_row_u64(&rows, found.pages);
        study_row_u64(&rows, found.table_bytes);
        study_row_real(&rows, 0, found.mean_waste);
        study_row_real(&rows, 0, found.overhead);
        study_row_real(&rows, 3, found.page_ms);
        study_row_real(&rows, 2, found.transfer_ms / found.page_ms * 100);
        study_row_real(&rows, 3, found.space_seconds);
        x[i] = (double)found.page_size;
        bytes[i] = found.overhead;
        time[i] = found.space_seconds;
    }
    study_rows_end(&rows);
    kb_status status = draw(study, x, bytes, p->sizes.count);
    double best = kb_cost_best_page_size(space, p->entry);
    if (study->output == STUDY_JSON)
        kb_json_double(&study->json, "best_size", best);
    enum study_holds holds = no_best(study, &text, bytes, time, p->sizes.count);
    study_text_add(study, &text, KB_MSG_study_root, size_text(space, size), best);
    study_verdict(study, holds, text.text);
    return status;
}

/* ---- with a trace ---- */

static const struct study_column columns[] = {
    {"page_size", KB_MSG_col_page_size, false},
    {"pages", KB_MSG_col_pages, false},
    {"table_bytes", KB_MSG_col_table_bytes, false},
    {"half_page", KB_MSG_col_half_page, false},
    {"segment_waste", KB_MSG_col_segment_waste, false},
    {"overhead", KB_MSG_col_overhead, false},
    {"frames", KB_MSG_col_frames, false},
    {"faults", KB_MSG_col_faults, false},
    {"write_backs", KB_MSG_col_write_backs, false},
    {"io_seconds", KB_MSG_col_io_seconds, false},
};

/* Ranges of the trace, at its grain. */
struct segments {
    uint64_t *bytes; /* of each */
    size_t count;
    uint64_t grain, touched; /* bytes: of a page; of all pages used */
};

/* Processes with the same page numbers count once here: their segments are those of one. */
static kb_status find_segments(struct study *study, const struct study_sweep *s, uint64_t gap,
                               struct segments *segments) {
    uint64_t grain = s->info.page_size, pages = s->sweep.pages, first = 0;
    *segments = (struct segments){.bytes = malloc((size_t)pages * sizeof(uint64_t) + 1),
                                  .grain = grain,
                                  .touched = pages * grain};
    if (segments->bytes == NULL)
        return kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "segments",
                       (unsigned long long)pages * sizeof(uint64_t));
    for (uint64_t i = 0; i < pages; i++) {
        if (i == 0 || (s->numbers[i] - s->numbers[i - 1] > 1 &&
                       s->numbers[i] - s->numbers[i - 1] - 1 >= gap / grain)) {
            first = s->numbers[i];
            segments->count++;
        }
        segments->bytes[segments->count - 1] = (s->numbers[i] - first + 1) * grain;
    }
    return KB_OK;
}

/* What the last pages of all segments leave unused. */
static uint64_t waste_of(const struct segments *segments, uint64_t page) {
    uint64_t waste = 0;
    for (size_t i = 0; i < segments->count; i++)
        waste += (page - segments->bytes[i] % page) % page;
    return waste;
}

/* The smallest page of which the trace knows. */
static kb_status survey(struct study *study, struct segments *segments) {
    struct page_size *p = study->own;
    struct kb_reader_options reading = p->reading;
    struct study_sweep s;
    uint64_t one = 1, grain, largest = 0;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct kb_trace_info info;
    if (strcmp(study->operands[0], "-") == 0)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_page_needs_file);
    kb_status status = kb_file_open(&source, study->operands[0], &study->cli->error);
    if (status != KB_OK)
        return status;
    reading.host = &study->host;
    status = kb_reader_open(&reader, source, &reading, &study->cli->error);
    if (status == KB_OK)
        kb_reader_info(reader, &info);
    kb_reader_close(reader);
    kb_file_close(&source);
    if (status != KB_OK)
        return cli_with_name(study->cli, status, study->operands[0]);
    if (info.page_size == 0)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_page_size_refused);
    grain = info.grain > KB_SMALLEST_PAGE_SIZE ? info.grain : KB_SMALLEST_PAGE_SIZE;
    size_t kept = 0;
    for (size_t i = 0; i < p->sizes.count; i++) {
        largest = p->sizes.values[i] > largest ? p->sizes.values[i] : largest;
        if (p->sizes_said || p->sizes.values[i] >= grain)
            p->sizes.values[kept++] = p->sizes.values[i];
    }
    p->sizes.count = kept;
    if (kept == 0)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_grain, study->operands[0],
                       (unsigned long long)grain);
    reading.page_size = grain;
    status = study_sweep_run(study, study->operands[0], &reading, "fifo", &one, 1, &s);
    if (status == KB_OK)
        status = find_segments(study, &s, largest, segments);
    study_sweep_free(&s);
    return status;
}

/* With pages of one size. */
struct outcome {
    uint64_t pages, frames, faults, write_backs;
    double waste; /* of a segment: measured, and half a grain for what is not known of its end */
};

static kb_status one_size(struct study *study, const struct segments *segments, uint64_t page,
                          struct outcome *outcome, double *bytes, double *time) {
    struct page_size *p = study->own;
    struct kb_reader_options reading = p->reading;
    struct study_sweep s;
    uint64_t frames = p->memory / page;
    reading.page_size = page;
    if (frames == 0 || frames > KB_MOST_FRAMES)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_memory_page,
                       (unsigned long long)p->memory, (unsigned long long)page);
    kb_status status = study_sweep_run(study, study->operands[0], &reading,
                                       p->policy != NULL ? p->policy : "lru", &frames, 1, &s);
    if (status == KB_OK) {
        const struct kb_result *result = &s.sweep.items[0].result;
        uint64_t transfers = result->faults + result->write_backs;
        double count = (double)segments->count;
        *outcome = (struct outcome){.pages = s.sweep.pages,
                                    .frames = frames,
                                    .faults = result->faults,
                                    .write_backs = result->write_backs,
                                    .waste = (double)waste_of(segments, page) / count +
                                             (double)segments->grain / 2};
        *bytes = (double)(s.sweep.pages * p->entry) + outcome->waste * count;
        *time = kb_cost_disk_ms(&p->disk, transfers, transfers * page) / 1000;
    }
    study_sweep_free(&s);
    return status;
}

static void show(struct study *study, const struct segments *segments,
                 const struct outcome *outcome, const double *bytes, const double *time) {
    struct page_size *p = study->own;
    struct study_rows rows;
    char size[KB_SIZE_TEXT];
    study_claim(study, KB_MSG_study_page_size_claim);
    study_say(study, KB_MSG_study_page_memory, size_text(p->memory, size),
              p->policy != NULL ? p->policy : "lru", (unsigned long long)segments->count);
    study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < p->sizes.count; i++) {
        uint64_t page = p->sizes.values[i];
        study_row_bytes(&rows, page);
        study_row_u64(&rows, outcome[i].pages);
        study_row_u64(&rows, outcome[i].pages * p->entry);
        study_row_real(&rows, 0, (double)page / 2);
        study_row_real(&rows, 1, page > segments->grain ? outcome[i].waste : (double)NAN);
        study_row_real(&rows, 0, bytes[i]);
        study_row_u64(&rows, outcome[i].frames);
        study_row_u64(&rows, outcome[i].faults);
        study_row_u64(&rows, outcome[i].write_backs);
        study_row_real(&rows, 3, time[i]);
    }
    study_rows_end(&rows);
}

/* Waste of a segment in pages, mean over the sizes that show it; NAN: none does. */
static double waste_ratio(const struct study *study, const struct segments *segments,
                          const struct outcome *outcome) {
    const struct page_size *p = study->own;
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < p->sizes.count; i++)
        if (p->sizes.values[i] > segments->grain) {
            sum += outcome[i].waste / (double)p->sizes.values[i];
            count++;
        }
    return count > 0 ? sum / (double)count : (double)NAN;
}

static void judge(struct study *study, const struct segments *segments,
                  const struct outcome *outcome, const double *bytes, const double *time) {
    struct page_size *p = study->own;
    struct study_text text = {.length = 0};
    double ratio = waste_ratio(study, segments, outcome);
    enum study_holds holds = no_best(study, &text, bytes, time, p->sizes.count);
    bool half = ratio >= 0.375 && ratio <= 0.625; /* a quarter more or less */
    if (!isnan(ratio))
        study_text_add(study, &text, half ? KB_MSG_study_half : KB_MSG_study_not_half,
                       (unsigned long long)segments->count, ratio);
    if (study->output == STUDY_JSON) {
        kb_json_u64(&study->json, "segments", segments->count);
        kb_json_u64(&study->json, "memory", p->memory);
    }
    if (!isnan(ratio) && half != (holds == STUDY_HOLDS))
        holds = STUDY_PARTLY;
    study_verdict(study, holds, text.text);
}

/* Half of what is used, in whole pages of any size. */
static void choose_memory(struct page_size *p, const struct segments *segments) {
    uint64_t largest = 1;
    for (size_t i = 0; i < p->sizes.count; i++)
        largest = p->sizes.values[i] > largest ? p->sizes.values[i] : largest;
    p->memory = (segments->touched / 2 + largest - 1) / largest * largest;
    p->memory = p->memory == 0 ? largest : p->memory;
}

static kb_status by_trace(struct study *study, double *bytes, double *time, double *x) {
    struct page_size *p = study->own;
    struct segments segments = {.bytes = NULL};
    kb_status status = survey(study, &segments);
    size_t count = p->sizes.count;
    struct outcome *outcome = calloc(count + 1, sizeof *outcome);
    if (status == KB_OK && outcome == NULL)
        status = kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "sizes",
                         (unsigned long long)count * sizeof *outcome);
    if (status == KB_OK && p->memory == 0)
        choose_memory(p, &segments);
    for (size_t i = 0; i < count && status == KB_OK; i++) {
        x[i] = (double)p->sizes.values[i];
        status = one_size(study, &segments, p->sizes.values[i], &outcome[i], &bytes[i], &time[i]);
    }
    if (status == KB_OK) {
        show(study, &segments, outcome, bytes, time);
        status = draw(study, x, bytes, count);
    }
    if (status == KB_OK)
        judge(study, &segments, outcome, bytes, time);
    free(outcome);
    free(segments.bytes);
    return status;
}

static kb_status run(struct study *study) {
    struct page_size *p = study->own;
    kb_status status = complete(study);
    double *values = status == KB_OK ? calloc(3 * p->sizes.count + 1, sizeof *values) : NULL;
    size_t n = p->sizes.count;
    if (status == KB_OK && values == NULL)
        return kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "sizes",
                       (unsigned long long)n * 3 * sizeof *values);
    if (status == KB_OK)
        status = study->operand_count > 0
                     ? by_trace(study, values, values + n, values + 2 * n)
                     : by_arithmetic(study, values, values + n, values + 2 * n);
    free(values);
    return status;
}

const struct study_kind study_page_size = {
    .name = "page-size",
    .command = "study page-size",
    .title = KB_MSG_study_page_size,
    .help = KB_MSG_help_study_page_size,
    .most = 1,
    .takes = STUDY_TAKES_PLOT | STUDY_TAKES_THREADS | STUDY_TAKES_QUIET,
    .own = own_options,
    .own_bytes = sizeof(struct page_size),
    .take = take,
    .run = run,
    .free_own = free_own,
};
