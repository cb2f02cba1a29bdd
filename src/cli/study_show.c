/* study_show.c - claims, tables, plots and verdicts of studies, as text, JSON or CSV. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "study.h"

void study_claim(struct study *study, enum kb_message claim) {
    const char *text = cli_text(study->cli, claim);
    if (study->output == STUDY_JSON)
        kb_json_string(&study->json, "claim", text);
    if (study->output == STUDY_TEXT)
        printf("%s %s\n\n", cli_text(study->cli, KB_MSG_study_claim), text);
}

/* ---- rows ---- */

static bool is_shown(const struct study_rows *rows, unsigned column) {
    return rows->study->output == STUDY_CSV || rows->columns[column].title != KB_MSG_none;
}

void study_rows_begin(struct study_rows *rows, struct study *study, const char *key,
                      const struct study_column *columns, unsigned count) {
    const char *titles[STUDY_MOST_COLUMNS];
    bool csv = study->output == STUDY_CSV;
    unsigned shown = 0;
    uint64_t right = 0;
    *rows = (struct study_rows){.study = study, .columns = columns, .count = count};
    if (study->output == STUDY_JSON) {
        kb_json_newline(&study->json);
        kb_json_array(&study->json, key);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_shown(rows, i))
            continue;
        right |= (uint64_t)!columns[i].text << shown;
        titles[shown++] = csv ? columns[i].key : cli_text(study->cli, columns[i].title);
    }
    rows->table = cli_table_new(titles, shown, right, csv);
}

/* The key of the cell that is about to be written, in its object. */
static const char *key_of(struct study_rows *rows) {
    if (rows->study->output == STUDY_JSON && rows->at == 0) {
        kb_json_newline(&rows->study->json);
        kb_json_object(&rows->study->json, NULL);
    }
    return rows->columns[rows->at].key;
}

/* The cell at rows->at has been written. */
static void next_cell(struct study_rows *rows) {
    const char *row[STUDY_MOST_COLUMNS];
    unsigned shown = 0;
    if (++rows->at < rows->count)
        return;
    rows->at = 0;
    if (rows->study->output == STUDY_JSON) {
        kb_json_close_object(&rows->study->json);
        return;
    }
    for (unsigned i = 0; i < rows->count; i++)
        if (is_shown(rows, i))
            row[shown++] = rows->cells[i];
    cli_table_row(rows->table, row);
}

void study_row_text(struct study_rows *rows, const char *value) {
    const char *key = key_of(rows);
    snprintf(rows->cells[rows->at], STUDY_CELL, "%s", value);
    if (rows->study->output == STUDY_JSON)
        kb_json_string(&rows->study->json, key, value);
    next_cell(rows);
}

void study_row_u64(struct study_rows *rows, uint64_t value) {
    const char *key = key_of(rows);
    cli_number(value, rows->cells[rows->at]);
    if (rows->study->output == STUDY_JSON)
        kb_json_u64(&rows->study->json, key, value);
    next_cell(rows);
}

void study_row_real(struct study_rows *rows, unsigned decimals, double value) {
    if (isnan(value)) {
        study_row_none(rows);
        return;
    }
    const char *key = key_of(rows);
    if (rows->study->output == STUDY_CSV)
        snprintf(rows->cells[rows->at], STUDY_CELL, "%.9g", value);
    else
        snprintf(rows->cells[rows->at], STUDY_CELL, "%.*f", (int)decimals, value);
    if (rows->study->output == STUDY_JSON)
        kb_json_double(&rows->study->json, key, value);
    next_cell(rows);
}

void study_row_bytes(struct study_rows *rows, uint64_t value) {
    if (rows->study->output != STUDY_TEXT) {
        study_row_u64(rows, value);
        return;
    }
    (void)key_of(rows);
    char size[KB_SIZE_TEXT];
    snprintf(rows->cells[rows->at], STUDY_CELL, "%s", kb_format_size(value, size));
    next_cell(rows);
}

void study_row_none(struct study_rows *rows) {
    const char *key = key_of(rows);
    snprintf(rows->cells[rows->at], STUDY_CELL, "%s", rows->study->output == STUDY_CSV ? "" : "-");
    if (rows->study->output == STUDY_JSON)
        kb_json_null(&rows->study->json, key);
    next_cell(rows);
}

void study_rows_end(struct study_rows *rows) {
    if (rows->study->output == STUDY_JSON)
        kb_json_close_array(&rows->study->json);
    cli_table_end(rows->table);
}

/* ---- plots ---- */

kb_status study_plot(struct study *study, struct kb_plot plot) {
    if (study->output != STUDY_TEXT || study->no_plot)
        return KB_OK;
    unsigned width = cli_terminal_width(80);
    plot.width = (width > 120 ? 120 : width) - 22;
    plot.height = 18;
    printf("\n");
    fflush(stdout);
    return kb_plot_write(&plot, kb_stdout_sink(), &study->cli->error);
}

/* ---- sentences ---- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void study_say(struct study *study, enum kb_message message, ...) {
    va_list arguments;
    if (study->output != STUDY_TEXT)
        return;
    va_start(arguments, message);
    vprintf(cli_text(study->cli, message), arguments);
    va_end(arguments);
}

void study_text_add(const struct study *study, struct study_text *text, enum kb_message message,
                    ...) {
    va_list arguments;
    if (text->length > 0 && text->length + 1 < sizeof text->text)
        text->text[text->length++] = ' ';
    va_start(arguments, message);
    size_t room = sizeof text->text - text->length;
    int length =
        vsnprintf(text->text + text->length, room, cli_text(study->cli, message), arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length < room ? (size_t)length : room - 1;
}
#pragma GCC diagnostic pop

void study_verdict(struct study *study, enum study_holds holds, const char *text) {
    static const enum kb_message words[] = {KB_MSG_study_fails, KB_MSG_study_partly,
                                            KB_MSG_study_holds};
    struct kb_json *json = &study->json;
    if (study->output == STUDY_TEXT)
        printf("\n%s %s\n", cli_text(study->cli, words[holds]), text);
    if (study->output != STUDY_JSON)
        return;
    kb_json_newline(json);
    kb_json_object(json, "verdict");
    if (holds == STUDY_PARTLY)
        kb_json_string(json, "holds", "partly");
    else
        kb_json_bool(json, "holds", holds == STUDY_HOLDS);
    kb_json_string(json, "text", text);
    kb_json_close_object(json);
}
