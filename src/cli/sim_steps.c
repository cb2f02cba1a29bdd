/* sim_steps.c - `kilburn sim --steps`: the textbook table, or each step as JSON.
 *
 *   reference   1  2  3  4  1
 *   fault       F  F  F  F  F
 *   victim               1  2
 *   frame 0     1  1  1  4* 4*      * its reference bit is set, > the hand stands here
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

/* One column of the table. */
struct column {
    char *cells; /* rows of CELL bytes */
};

#define CELL 24
#define MOST_ROWS 64 /* frames that a table shows */

struct steps {
    struct sim *sim;
    const struct kb_policy *policy;
    bool variable;
    uint32_t rows;  /* of frames */
    uint32_t slots; /* frames in use, at most, over all steps */
    struct column *columns;
    size_t count, room;
    struct kb_json *json;
    FILE *sentences; /* collected, printed below the table */
};

enum { ROW_REFERENCE, ROW_FAULT, ROW_VICTIM, ROW_FRAMES };

static bool has_bits(const struct steps *s) {
    return (s->policy->needs & (KB_NEEDS_REFERENCED | KB_NEEDS_MODIFIED)) != 0;
}

/* ---- JSON ---- */

static void json_bits(struct kb_json *json, const char *key, const struct kb_step *step,
                      uint8_t flag) {
    kb_json_array(json, key);
    for (uint32_t i = 0; i < step->slots; i++)
        kb_json_u64(json, NULL, (step->flags[i] & flag) != 0);
    kb_json_close_array(json);
}

static int by_number(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

static void json_resident(struct kb_json *json, const struct kb_step *step) {
    uint64_t *pages = malloc(((size_t)step->slots + 1) * sizeof *pages);
    uint32_t count = 0;
    for (uint32_t i = 0; pages != NULL && i < step->slots; i++)
        if (step->flags[i] & KB_RESIDENT)
            pages[count++] = step->page_numbers[step->page_of[i]];
    if (pages != NULL)
        qsort(pages, count, sizeof *pages, by_number);
    kb_json_array(json, "slots");
    for (uint32_t i = 0; i < count; i++)
        kb_json_u64(json, NULL, pages[i]);
    kb_json_close_array(json);
    kb_json_array(json, "released");
    for (uint32_t i = 0; i < step->released_count; i++)
        kb_json_u64(json, NULL, step->released[i]);
    kb_json_close_array(json);
    free(pages);
}

static void json_frames(struct kb_json *json, const struct kb_step *step) {
    kb_json_array(json, "slots");
    for (uint32_t i = 0; i < step->slots; i++) {
        if (step->flags[i] & KB_RESIDENT)
            kb_json_u64(json, NULL, step->page_numbers[step->page_of[i]]);
        else
            kb_json_null(json, NULL);
    }
    kb_json_close_array(json);
    json_bits(json, "referenced", step, KB_REFERENCED);
    json_bits(json, "modified", step, KB_MODIFIED);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void sentence(const struct steps *s, const struct kb_step *step, char *text, size_t room) {
    uint64_t page = s->variable && step->released_count > 0 ? step->released[0] : step->victim;
    snprintf(text, room, cli_text(s->sim->cli, step->why), (unsigned long long)page,
             (unsigned long long)step->frame, (unsigned long long)step->mark);
}
#pragma GCC diagnostic pop

static void json_step(struct steps *s, const struct kb_step *step) {
    struct kb_json *json = s->json;
    char text[400], kind[2] = {"RWX"[step->kind], '\0'};
    kb_json_newline(json);
    kb_json_object(json, NULL);
    kb_json_u64(json, "reference", step->reference);
    kb_json_u64(json, "page", step->page);
    kb_json_string(json, "kind", kind);
    kb_json_bool(json, "fault", step->fault);
    if (step->evicted)
        kb_json_u64(json, "victim", step->victim);
    else
        kb_json_null(json, "victim");
    kb_json_bool(json, "write_back", step->write_back);
    kb_json_u64(json, "frame", step->frame);
    if (s->variable)
        json_resident(json, step);
    else
        json_frames(json, step);
    if (step->hand != KB_NO_FRAME)
        kb_json_u64(json, "hand", step->hand);
    else
        kb_json_null(json, "hand");
    if (step->why != KB_MSG_none) {
        sentence(s, step, text, sizeof text);
        kb_json_string(json, "why", text);
    } else {
        kb_json_null(json, "why");
    }
    kb_json_close_object(json);
}

/* ---- text ---- */

static char *cell(const struct steps *s, size_t column, uint32_t row) {
    (void)s;
    return s->columns[column].cells + (size_t)row * CELL;
}

static bool add_column(struct steps *s) {
    if (s->count == s->room) {
        size_t room = s->room * 2 + 64;
        struct column *columns = realloc(s->columns, room * sizeof *columns);
        if (columns == NULL)
            return false;
        s->columns = columns;
        s->room = room;
    }
    s->columns[s->count].cells = calloc(ROW_FRAMES + s->rows, CELL);
    return s->columns[s->count].cells != NULL && ++s->count > 0;
}

static void fill_frames(struct steps *s, const struct kb_step *step, size_t column) {
    s->slots = step->slots > s->slots ? step->slots : s->slots;
    for (uint32_t i = 0; i < step->slots && i < s->rows; i++) {
        uint8_t flags = step->flags[i];
        if (!(flags & KB_RESIDENT))
            continue;
        bool bit = s->policy->needs & KB_NEEDS_REFERENCED && flags & KB_REFERENCED;
        bool dirty = s->policy->needs & KB_NEEDS_MODIFIED && flags & KB_MODIFIED;
        snprintf(cell(s, column, ROW_FRAMES + i), CELL, "%s%llu%s%s", step->hand == i ? ">" : "",
                 (unsigned long long)step->page_numbers[step->page_of[i]], bit ? "*" : "",
                 dirty ? "!" : "");
    }
}

static void text_step(struct steps *s, const struct kb_step *step) {
    size_t column = s->count - 1;
    const char *kind = step->kind == KB_WRITE ? "w" : step->kind == KB_EXECUTE ? "x" : "";
    snprintf(cell(s, column, ROW_REFERENCE), CELL, "%llu%s", (unsigned long long)step->page, kind);
    if (step->fault)
        strcpy(cell(s, column, ROW_FAULT), "F");
    if (step->evicted)
        snprintf(cell(s, column, ROW_VICTIM), CELL, "%llu%s", (unsigned long long)step->victim,
                 step->write_back ? "^" : "");
    for (uint32_t i = 0; i < step->released_count; i++) {
        char *at = cell(s, column, ROW_VICTIM), page[CELL];
        snprintf(page, sizeof page, "%s%llu", i > 0 ? "," : "",
                 (unsigned long long)step->released[i]);
        if (strlen(at) + strlen(page) > CELL - 4) {
            strcat(at, "..."); /* the sentences below the table name them all */
            break;
        }
        strcat(at, page);
    }
    fill_frames(s, step, column);
    if (step->why == KB_MSG_none)
        return;
    char text[400];
    for (uint32_t i = 0; i < (s->variable ? step->released_count : 1); i++) {
        struct kb_step one = *step;
        if (s->variable) {
            one.released = step->released + i;
            one.released_count = 1;
        }
        sentence(s, &one, text, sizeof text);
        fprintf(s->sentences, "%6llu  %s\n", (unsigned long long)step->reference, text);
    }
}

static kb_status tell(void *context, const struct kb_step *step, struct kb_error *error) {
    struct steps *s = context;
    if (s->json != NULL) {
        json_step(s, step);
        return KB_OK;
    }
    if (!add_column(s))
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "steps",
                       (unsigned long long)s->count);
    text_step(s, step);
    return KB_OK;
}

static size_t shown_width(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

/* The columns from first that fit into one block of the table. */
static size_t print_block(const struct steps *s, size_t first, unsigned width, unsigned terminal) {
    static const enum kb_message titles[] = {KB_MSG_row_reference, KB_MSG_row_fault,
                                             KB_MSG_row_victim};
    const struct cli *cli = s->sim->cli;
    size_t fit = terminal > 14 + width ? (terminal - 14) / (width + 1) : 1;
    size_t end = s->count - first < fit ? s->count : first + fit;
    for (uint32_t row = 0; row < ROW_FRAMES + s->rows; row++) {
        char title[64];
        if (row < ROW_FRAMES)
            snprintf(title, sizeof title, "%s", cli_text(cli, titles[row]));
        else
            snprintf(title, sizeof title, "%s %u", cli_text(cli, KB_MSG_row_frame),
                     row - ROW_FRAMES);
        int pad = 12 - (int)shown_width(title);
        printf("%s%*s", title, pad > 0 ? pad : 0, "");
        for (size_t i = first; i < end; i++)
            printf(" %*s", (int)width, cell(s, i, row));
        printf("\n");
    }
    printf("\n");
    return end;
}

static void print_table(const struct steps *s) {
    unsigned width = 1, terminal = cli_terminal_width(isatty(STDOUT_FILENO) ? 80 : 100000);
    for (size_t i = 0; i < s->count; i++)
        for (uint32_t row = 0; row < ROW_FRAMES + s->rows; row++) {
            unsigned length = (unsigned)strlen(cell(s, i, row));
            width = length > width ? length : width;
        }
    for (size_t first = 0; first < s->count;)
        first = print_block(s, first, width, terminal);
    if (has_bits(s))
        cli_print(s->sim->cli, stdout, KB_MSG_steps_legend);
}

/* ---- one policy with one size ---- */

static void text_title(const struct steps *s, const struct kb_policy_spec *spec, uint32_t frames) {
    char name[CLI_POLICY_TEXT];
    cli_policy_name(spec, name);
    if (s->variable)
        cli_print(s->sim->cli, stdout, KB_MSG_steps_title_variable, name);
    else
        cli_print(s->sim->cli, stdout, KB_MSG_steps_title, name, (unsigned long long)frames);
}

static kb_status run_text(struct steps *s, const struct kb_step_trace *trace,
                          const struct kb_policy_spec *spec, uint32_t frames) {
    struct kb_result result;
    char *text = NULL;
    size_t length = 0;
    s->rows = s->variable || frames > MOST_ROWS ? MOST_ROWS : frames;
    s->sentences = open_memstream(&text, &length);
    if (s->sentences == NULL)
        return kb_fail(&s->sim->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "steps", 0ULL);
    kb_status status =
        kb_step_run(spec, frames, trace, &s->sim->host, tell, s, &result, &s->sim->cli->error);
    fclose(s->sentences);
    if (status == KB_OK) {
        if (s->slots < s->rows)
            s->rows = s->slots;
        text_title(s, spec, frames);
        print_table(s);
        if (s->slots > s->rows)
            cli_print(s->sim->cli, stdout, KB_MSG_steps_hidden,
                      (unsigned long long)s->slots - s->rows);
        fputs(text, stdout);
        cli_print(s->sim->cli, stdout, KB_MSG_steps_sum, (unsigned long long)result.references,
                  (unsigned long long)result.faults, (unsigned long long)result.write_backs);
    }
    for (size_t i = 0; i < s->count; i++)
        free(s->columns[i].cells);
    free(s->columns);
    free(text);
    return status;
}

static kb_status run_json(struct steps *s, const struct kb_step_trace *trace,
                          const struct kb_policy_spec *spec, uint32_t frames) {
    struct kb_result result;
    struct kb_json *json = s->json;
    char name[CLI_POLICY_TEXT];
    kb_json_object(json, NULL);
    kb_json_string(json, "policy", cli_policy_name(spec, name));
    if (s->variable)
        kb_json_null(json, "frames");
    else
        kb_json_u64(json, "frames", frames);
    kb_json_array(json, "steps");
    kb_status status =
        kb_step_run(spec, frames, trace, &s->sim->host, tell, s, &result, &s->sim->cli->error);
    if (status != KB_OK)
        return status;
    kb_json_close_array(json);
    kb_json_u64(json, "faults", result.faults);
    kb_json_u64(json, "write_backs", result.write_backs);
    kb_json_close_object(json);
    return status;
}

/* ---- all that were asked for ---- */

static size_t tables_of(const struct sim *sim) {
    size_t count = 0;
    for (size_t i = 0; i < sim->policies.count; i++)
        count += sim->policies.specs[i].policy->needs & KB_VARIABLE_SPACE ? 1 : sim->frames.count;
    return count;
}

static kb_status run_all(struct sim *sim, const struct kb_step_trace *trace, struct kb_json *json) {
    kb_status status = KB_OK;
    bool first = true;
    for (size_t i = 0; i < sim->policies.count && status == KB_OK; i++) {
        const struct kb_policy_spec *spec = &sim->policies.specs[i];
        bool variable = spec->policy->needs & KB_VARIABLE_SPACE;
        for (size_t k = 0; k < (variable ? 1 : sim->frames.count) && status == KB_OK; k++) {
            struct steps steps = {
                .sim = sim, .policy = spec->policy, .variable = variable, .json = json};
            uint32_t frames = variable ? 0 : (uint32_t)sim->frames.values[k];
            if (json == NULL && !first)
                printf("\n");
            first = false;
            status = json != NULL ? run_json(&steps, trace, spec, frames)
                                  : run_text(&steps, trace, spec, frames);
        }
    }
    return status;
}

/* JSON: the table itself, or, if there are several, {"tables": […]}. */
static kb_status show_json(struct sim *sim, const struct kb_step_trace *trace) {
    struct kb_json json;
    bool several = tables_of(sim) > 1;
    kb_json_begin(&json, kb_stdout_sink(), &sim->cli->error);
    if (several) {
        kb_json_object(&json, NULL);
        kb_json_array(&json, "tables");
    }
    kb_status status = run_all(sim, trace, &json);
    if (status != KB_OK)
        return status;
    if (several) {
        kb_json_close_array(&json);
        kb_json_close_object(&json);
    }
    return kb_json_end(&json);
}

kb_status sim_show_steps(struct sim *sim, struct kb_reader *reader) {
    struct kb_step_trace trace;
    kb_status status = kb_step_read(&trace, reader, &sim->cli->error);
    if (status == KB_OK)
        status = sim->output == SIM_JSON ? show_json(sim, &trace) : run_all(sim, &trace, NULL);
    kb_step_free(&trace);
    return status;
}
