/* explain_address.c - one address: relocation, the split at page sizes, the fields of a format. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* ---- JSON ---- */

static void json_hex(struct kb_json *json, const char *key, uint64_t value) {
    char text[EXPLAIN_TEXT];
    kb_json_string(json, key, explain_hex(value, text));
}

void explain_json_end(struct explain_way *way, const unsigned *level) {
    struct kb_json *json = &way->json;
    kb_json_newline(json);
    if (way->has_physical)
        json_hex(json, "physical", way->physical);
    else
        kb_json_null(json, "physical");
    if (way->fault == KB_FAULT_NONE) {
        kb_json_null(json, "fault");
        return;
    }
    kb_json_object(json, "fault");
    kb_json_string(json, "kind", kb_fault_name(way->fault));
    if (level != NULL)
        kb_json_u64(json, "level", *level);
    else
        kb_json_null(json, "level");
    kb_json_string(json, "why", way->why);
    kb_json_close_object(json);
}

/* ---- relocation ---- */

/* The linear address, or a fault. */
static kb_status prepare_linear(const struct explain *explain, struct explain_way *way) {
    char one[EXPLAIN_TEXT], two[EXPLAIN_TEXT];
    struct kb_error why = {.language = explain->cli->language};
    way->linear = way->typed;
    if (!explain_has(explain, EXPLAIN_BASE))
        return KB_OK;
    kb_status status = explain_number(explain, EXPLAIN_BASE, 0, UINT64_MAX, &way->base);
    if (status == KB_OK)
        status = explain_number(explain, EXPLAIN_LIMIT, 1, UINT64_MAX, &way->limit);
    if (status != KB_OK)
        return status;
    way->fault = kb_cost_relocate(way->base, way->limit, way->typed, &way->linear);
    if (way->fault == KB_FAULT_NONE)
        return KB_OK;
    explain_hex(way->typed, one);
    way->stopped = true;
    if (way->limit > 0 && way->typed >= way->limit)
        kb_fail(&why, KB_DATA, KB_MSG_explain_why_limit, one, explain_hex(way->limit, two));
    else
        kb_fail(&why, KB_DATA, KB_MSG_explain_why_sum, explain_hex(way->base, two), one);
    memcpy(way->why, why.text, sizeof way->why);
    return KB_OK;
}

static void show_linear(const struct explain *explain, struct explain_way *way) {
    char one[EXPLAIN_TEXT], two[EXPLAIN_TEXT], sum[EXPLAIN_TEXT];
    if (explain->json) {
        json_hex(&way->json, "linear", way->linear);
        return;
    }
    explain_hex(way->typed, one);
    if (explain_has(explain, EXPLAIN_LIMIT))
        cli_print(explain->cli, stdout, KB_MSG_explain_below, one, explain_hex(way->limit, two));
    cli_print(explain->cli, stdout, KB_MSG_explain_linear, explain_hex(way->base, two), one,
              explain_hex(way->linear, sum), (unsigned long long)way->base,
              (unsigned long long)way->typed, (unsigned long long)way->linear);
}

/* ---- frame and offset ---- */

/* The physical address by concatenation. */
static kb_status prepare_frame(const struct explain *explain, struct explain_way *way) {
    char text[EXPLAIN_TEXT];
    if (!explain_has(explain, EXPLAIN_FRAME))
        return KB_OK;
    if (way->format == NULL && way->sizes.count != 1)
        return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_one_size);
    kb_status status = explain_number(explain, EXPLAIN_FRAME, 0, UINT64_MAX, &way->frame);
    if (status != KB_OK || way->fault != KB_FAULT_NONE)
        return status;
    way->page_size =
        way->format != NULL ? UINT64_C(1) << way->format->page_bits : way->sizes.values[0];
    uint64_t offset = kb_cost_split(way->linear, way->page_size).offset;
    if (!kb_cost_join(way->frame, offset, way->page_size, &way->physical))
        return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_frame_large,
                       explain_hex(way->frame, text));
    way->has_physical = true;
    return KB_OK;
}

static void show_frame(const struct explain *explain, const struct explain_way *way) {
    uint64_t offset = way->physical & (way->page_size - 1), frame = way->frame;
    char texts[5][EXPLAIN_TEXT];
    explain_hex(frame, texts[0]);
    explain_hex(offset, texts[1]);
    explain_hex(way->physical, texts[2]);
    cli_print(explain->cli, stdout, KB_MSG_explain_join, texts[0], texts[1], texts[2]);
    if (frame > UINT64_MAX - offset || frame + offset == way->physical)
        return;
    explain_hex(frame + offset, texts[3]);
    explain_hex(way->physical - offset, texts[4]);
    cli_print(explain->cli, stdout, KB_MSG_explain_not_sum, texts[3], texts[0], texts[4],
              (unsigned long long)kb_log2(way->page_size));
}

/* ---- page sizes ---- */

static void show_splits(const struct explain *explain, struct explain_way *way) {
    static const enum kb_message titles[] = {KB_MSG_col_page_size, KB_MSG_col_page,
                                             KB_MSG_col_offset, KB_MSG_col_offset_bits};
    const struct cli_sizes *sizes = &way->sizes;
    const char *cells[4];
    for (unsigned i = 0; i < 4; i++)
        cells[i] = cli_text(explain->cli, titles[i]);
    struct cli_table *table = explain->json ? NULL : cli_table_new(cells, 4, 15, false);
    if (explain->json)
        kb_json_array(&way->json, "splits");
    for (size_t i = 0; i < sizes->count; i++) {
        uint64_t size = sizes->values[i];
        struct kb_split split = kb_cost_split(way->linear, size);
        char texts[4][EXPLAIN_TEXT];
        if (explain->json) {
            kb_json_newline(&way->json);
            kb_json_object(&way->json, NULL);
            kb_json_u64(&way->json, "page_size", size);
            json_hex(&way->json, "page", split.page);
            json_hex(&way->json, "offset", split.offset);
            kb_json_close_object(&way->json);
            continue;
        }
        snprintf(texts[0], EXPLAIN_TEXT, "%" PRIu64, size);
        snprintf(texts[1], EXPLAIN_TEXT, "0x%" PRIx64, split.page);
        snprintf(texts[2], EXPLAIN_TEXT, "0x%0*" PRIx64, (int)((kb_log2(size) + 3) / 4),
                 split.offset);
        snprintf(texts[3], EXPLAIN_TEXT, "%u", kb_log2(size));
        cli_table_row(table, (const char *[]){texts[0], texts[1], texts[2], texts[3]});
    }
    if (explain->json)
        kb_json_close_array(&way->json);
    cli_table_end(table);
}

/* ---- the fields of a format ---- */

#define MOST_FIELDS (KB_MOST_LEVELS + 2)

struct drawing {
    char cells[4][MOST_FIELDS + 1][EXPLAIN_TEXT]; /* title, bits, binary, hexadecimal and decimal */
    unsigned columns;
};

static void add_field(struct drawing *drawing, const char *title, unsigned high, unsigned low,
                      uint64_t address) {
    unsigned i = drawing->columns++, width = high - low + 1;
    uint64_t value = width == 64 ? address : address >> low & ((UINT64_C(1) << width) - 1);
    char *binary = drawing->cells[2][i];
    snprintf(drawing->cells[0][i], EXPLAIN_TEXT, "%s", title);
    snprintf(drawing->cells[1][i], EXPLAIN_TEXT, "%u…%u", high, low);
    for (unsigned bit = 0; bit < width; bit++)
        binary[bit] = value >> (width - 1 - bit) & 1 ? '1' : '0';
    binary[width] = '\0';
    snprintf(drawing->cells[3][i], EXPLAIN_TEXT, "0x%" PRIx64 " = %" PRIu64, value, value);
}

/* "index 2", or the name of the table that it indexes. */
static void index_title(const struct explain *explain, const struct kb_format *format,
                        unsigned depth, char text[EXPLAIN_TEXT]) {
    unsigned level = kb_format_level(format, depth);
    if (format->family->table_names != NULL)
        snprintf(text, EXPLAIN_TEXT, "%s (%u)", format->family->table_names[level - 1], level);
    else
        snprintf(text, EXPLAIN_TEXT, "%s %u", cli_text(explain->cli, KB_MSG_col_index), level);
}

static void json_fields(const struct kb_format *format, struct explain_way *way) {
    struct kb_json *json = &way->json;
    kb_json_string(json, "format", format->name);
    kb_json_newline(json);
    kb_json_array(json, "indexes");
    for (unsigned depth = 0; depth < format->levels; depth++) {
        unsigned level = kb_format_level(format, depth), low = kb_format_shift(format, depth);
        kb_json_object(json, NULL);
        kb_json_u64(json, "level", level);
        if (format->family->table_names != NULL)
            kb_json_string(json, "table", format->family->table_names[level - 1]);
        kb_json_array(json, "bits");
        kb_json_u64(json, NULL, low + format->bits[depth] - 1);
        kb_json_u64(json, NULL, low);
        kb_json_close_array(json);
        kb_json_u64(json, "index", kb_format_index(format, way->linear, depth));
        kb_json_close_object(json);
    }
    kb_json_close_array(json);
    json_hex(json, "offset", way->linear & ((UINT64_C(1) << format->page_bits) - 1));
}

static void show_fields(const struct explain *explain, struct explain_way *way) {
    const struct kb_format *format = way->format;
    struct drawing drawing = {.columns = 0};
    char title[EXPLAIN_TEXT];
    const char *row[MOST_FIELDS];
    if (explain->json) {
        json_fields(format, way);
        return;
    }
    if (format->address_bits < 64)
        add_field(&drawing,
                  cli_text(explain->cli, format->canonical ? KB_MSG_col_sign : KB_MSG_col_zero), 63,
                  format->address_bits, way->linear);
    for (unsigned depth = 0; depth < format->levels; depth++) {
        unsigned low = kb_format_shift(format, depth);
        index_title(explain, format, depth, title);
        add_field(&drawing, title, low + format->bits[depth] - 1, low, way->linear);
    }
    add_field(&drawing, cli_text(explain->cli, KB_MSG_col_offset), format->page_bits - 1, 0,
              way->linear);
    /* Upper bits that are all alike say so in fewer letters. */
    char *upper = drawing.cells[2][0];
    if (format->address_bits < 64 && strspn(upper, "0") == strlen(upper))
        snprintf(upper, EXPLAIN_TEXT, "0…0");
    else if (format->address_bits < 64 && strspn(upper, "1") == strlen(upper))
        snprintf(upper, EXPLAIN_TEXT, "1…1");
    for (unsigned i = 0; i < drawing.columns; i++)
        row[i] = drawing.cells[0][i];
    struct cli_table *table = cli_table_new(row, drawing.columns, ~UINT64_C(0), false);
    for (unsigned line = 1; line < 4; line++) {
        for (unsigned i = 0; i < drawing.columns; i++)
            row[i] = drawing.cells[line][i];
        cli_table_row(table, row);
    }
    cli_table_end(table);
}

/* The upper bits alone; without a walk. */
static void check_address(const struct explain *explain, struct explain_way *way) {
    struct kb_error why = {.language = explain->cli->language};
    way->fault = kb_address_check(way->format, way->linear);
    if (way->fault == KB_FAULT_NONE)
        return;
    kb_fail(&why, KB_DATA, kb_fault_why(way->fault));
    memcpy(way->why, why.text, sizeof way->why);
}

/* ---- the question ---- */

static kb_status check(const struct explain *explain) {
    const struct {
        enum explain_option option, needs;
    } needs[] = {
        {EXPLAIN_ROOT, EXPLAIN_MEMORY}, {EXPLAIN_MEMORY, EXPLAIN_ROOT},
        {EXPLAIN_ROOT, EXPLAIN_FORMAT}, {EXPLAIN_LIMIT, EXPLAIN_BASE},
        {EXPLAIN_ACCESS, EXPLAIN_ROOT}, {EXPLAIN_MODE, EXPLAIN_ROOT},
        {EXPLAIN_SUM, EXPLAIN_ROOT},    {EXPLAIN_MXR, EXPLAIN_ROOT},
        {EXPLAIN_AD, EXPLAIN_ROOT},
    };
    const enum explain_option apart[][2] = {{EXPLAIN_FORMAT, EXPLAIN_PAGE_SIZE},
                                            {EXPLAIN_FRAME, EXPLAIN_ROOT}};
    struct kb_error *error = &explain->cli->error;
    for (unsigned i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (explain_has(explain, needs[i].option) && !explain_has(explain, needs[i].needs))
            return kb_fail(error, KB_USAGE, KB_MSG_explain_needs, explain_name(needs[i].option),
                           explain_name(needs[i].needs));
    for (unsigned i = 0; i < sizeof apart / sizeof apart[0]; i++)
        if (explain_has(explain, apart[i][0]) && explain_has(explain, apart[i][1]))
            return kb_fail(error, KB_USAGE, KB_MSG_not_together, explain_name(apart[i][0]),
                           explain_name(apart[i][1]));
    bool paged = explain_has(explain, EXPLAIN_FORMAT) || explain_has(explain, EXPLAIN_PAGE_SIZE);
    if (!paged && explain_has(explain, EXPLAIN_FRAME))
        return kb_fail(error, KB_USAGE, KB_MSG_explain_needs, "--frame", "--page-size");
    if (!paged && !explain_has(explain, EXPLAIN_BASE))
        return kb_fail(error, KB_USAGE, KB_MSG_explain_nothing);
    return KB_OK;
}

/* All that can fail, so that nothing is printed before. */
static kb_status prepare(const struct explain *explain, struct explain_way *way) {
    kb_status status = check(explain);
    if (status == KB_OK)
        status = explain_parse(explain, "ADDRESS", explain->address, &way->typed);
    if (status == KB_OK && explain_has(explain, EXPLAIN_FORMAT))
        status =
            explain_format(explain, explain->values[EXPLAIN_FORMAT], &way->generic, &way->format);
    if (status == KB_OK && explain_has(explain, EXPLAIN_PAGE_SIZE))
        status = explain_page_sizes(explain, NULL, &way->sizes);
    if (status == KB_OK)
        status = prepare_linear(explain, way);
    if (status == KB_OK && way->format != NULL && way->fault == KB_FAULT_NONE &&
        !explain_has(explain, EXPLAIN_ROOT))
        check_address(explain, way);
    if (status == KB_OK)
        status = prepare_frame(explain, way);
    if (status == KB_OK && explain_has(explain, EXPLAIN_ROOT))
        status = explain_walk_prepare(explain, way);
    return status;
}

/* In the order in which a machine goes it. */
static void show(const struct explain *explain, struct explain_way *way) {
    bool paged = way->format != NULL || way->sizes.count > 0;
    bool stopped = way->stopped;
    if (explain_has(explain, EXPLAIN_BASE) && !stopped)
        show_linear(explain, way);
    if (!stopped && way->format != NULL)
        show_fields(explain, way);
    else if (!stopped && paged)
        show_splits(explain, way);
    if (!stopped && explain_has(explain, EXPLAIN_ROOT)) {
        explain_walk_show(explain, way);
        return;
    }
    if (!stopped && !paged) { /* base and displacement are all there is */
        way->has_physical = true;
        way->physical = way->linear;
    }
    if (explain->json) {
        explain_json_end(way, NULL);
        kb_json_array(&way->json, "steps");
        kb_json_close_array(&way->json);
    } else if (way->fault != KB_FAULT_NONE) {
        cli_print(explain->cli, stdout, KB_MSG_explain_fault, kb_fault_name(way->fault), way->why);
    } else if (explain_has(explain, EXPLAIN_FRAME)) {
        show_frame(explain, way);
    }
}

kb_status explain_address(const struct explain *explain) {
    struct explain_way *way = calloc(1, sizeof *way);
    struct kb_error *error = &explain->cli->error;
    if (way == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "explain",
                       (unsigned long long)sizeof *way);
    kb_status status = prepare(explain, way);
    if (status == KB_OK && explain->json) {
        kb_json_begin(&way->json, kb_stdout_sink(), error);
        kb_json_object(&way->json, NULL);
        json_hex(&way->json, "virtual", way->typed);
        show(explain, way);
        kb_json_close_object(&way->json);
        status = kb_json_end(&way->json);
    } else if (status == KB_OK) {
        show(explain, way);
    }
    free(way->sizes.values);
    free(way->memory.bytes);
    free(way);
    return status;
}
