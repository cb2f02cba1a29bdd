/* trace_window.c - kilburn trace working-set: W(t, window) and how large it is in time. */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* The set after one reference. */
struct found {
    uint64_t at, size;
    uint32_t *ids;
};

struct window {
    struct trace *t;
    struct kb_reader *reader;
    struct kb_working_set set;
    struct found *found;
    size_t count;
};

/* ---- reading ---- */

static kb_status keep(void *context, uint64_t at, struct kb_error *error) {
    struct window *w = context;
    struct found *found = &w->found[w->count];
    *found = (struct found){at, w->set.size, malloc(((size_t)w->set.size + 1) * sizeof(uint32_t))};
    if (found->ids == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "working-set",
                       (unsigned long long)w->set.size * sizeof(uint32_t));
    kb_working_set_pages(&w->set, found->ids);
    w->count++;
    return KB_OK;
}

static kb_status read_all(struct window *w, const struct kb_source *source) {
    struct trace *t = w->t;
    struct kb_error *error = &t->cli->error;
    struct cli_progress progress;
    struct kb_block block;
    kb_status status;
    cli_progress_start(&progress, t->cli, source, t->quiet);
    while ((status = kb_reader_next(w->reader, &block, error)) == KB_OK &&
           (block.count > 0 || block.event_count > 0)) {
        status = kb_working_set_add(&w->set, &block, error);
        if (status != KB_OK)
            break;
        cli_progress_step(&progress, 0, w->set.references, 0);
    }
    cli_progress_end(&progress);
    if (status == KB_OK && w->set.asked_done < w->set.asked_count)
        status = kb_fail(error, KB_USAGE, KB_MSG_window_beyond,
                         (unsigned long long)w->set.asked[w->set.asked_done],
                         (unsigned long long)w->set.references);
    return status;
}

/* ---- showing ---- */

struct named {
    uint32_t process;
    uint64_t number;
};

static int by_name(const void *left, const void *right) {
    const struct named *a = left, *b = right;
    if (a->process != b->process)
        return a->process < b->process ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Processes and page numbers of a set, in their order; NULL: no memory. */
static struct named *name_pages(const struct window *w, const struct found *found) {
    const uint64_t *numbers = kb_reader_page_numbers(w->reader);
    const uint32_t *processes = kb_reader_processes(w->reader);
    struct named *named = malloc(((size_t)found->size + 1) * sizeof *named);
    for (uint64_t i = 0; named != NULL && i < found->size; i++) {
        uint32_t id = found->ids[i];
        named[i] = (struct named){processes != NULL ? processes[id] : 0, numbers[id]};
    }
    if (named != NULL)
        qsort(named, (size_t)found->size, sizeof *named, by_name);
    return named;
}

static kb_status no_memory(struct window *w, uint64_t pages) {
    return kb_fail(&w->t->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "working-set",
                   (unsigned long long)pages * sizeof(struct named));
}

static kb_status set_json(struct window *w, struct kb_json *json, const struct found *found) {
    struct named *named = name_pages(w, found);
    if (named == NULL)
        return no_memory(w, found->size);
    kb_json_object(json, NULL);
    kb_json_u64(json, "reference", found->at);
    kb_json_u64(json, "size", found->size);
    kb_json_array(json, "pages");
    for (uint64_t i = 0; i < found->size; i++)
        kb_json_u64(json, NULL, named[i].number);
    kb_json_close_array(json);
    if (kb_reader_processes(w->reader) != NULL) {
        kb_json_array(json, "processes");
        for (uint64_t i = 0; i < found->size; i++)
            kb_json_u64(json, NULL, named[i].process);
        kb_json_close_array(json);
    }
    kb_json_close_object(json);
    free(named);
    return KB_OK;
}

static kb_status show_json(struct window *w) {
    const struct kb_working_set *set = &w->set;
    struct kb_json json;
    kb_status status = KB_OK;
    kb_json_begin(&json, kb_stdout_sink(), &w->t->cli->error);
    kb_json_object(&json, NULL);
    kb_json_object(&json, "working_set");
    kb_json_u64(&json, "window", set->window);
    kb_json_u64(&json, "references", set->references);
    kb_json_double(&json, "mean", (double)set->size_sum / (double)set->references);
    kb_json_u64(&json, "product", set->size_sum);
    kb_json_u64(&json, "peak", set->peak);
    kb_json_u64(&json, "peak_at", set->peak_at);
    kb_json_u64(&json, "entries", set->entries);
    kb_json_array(&json, "at");
    for (size_t i = 0; i < w->count && status == KB_OK; i++)
        status = set_json(w, &json, &w->found[i]);
    kb_json_close_array(&json);
    kb_json_array(&json, "curve");
    for (uint32_t i = 0; i < set->points; i++) {
        kb_json_array(&json, NULL);
        kb_json_u64(&json, NULL, (i + 1) * set->step);
        kb_json_u64(&json, NULL, set->curve[i]);
        kb_json_close_array(&json);
    }
    kb_json_close_array(&json);
    kb_json_close_object(&json);
    kb_json_close_object(&json);
    kb_status ended = kb_json_end(&json);
    return status != KB_OK ? status : ended;
}

static kb_status show_plot(struct window *w) {
    const struct kb_working_set *set = &w->set;
    double x[KB_WORKING_SET_POINTS], y[KB_WORKING_SET_POINTS];
    unsigned width = cli_terminal_width(80);
    for (uint32_t i = 0; i < set->points; i++) {
        x[i] = (double)((i + 1) * set->step);
        y[i] = (double)set->curve[i];
    }
    struct kb_plot_series series = {"W", x, y, set->points};
    struct kb_plot plot = {&series,
                           1,
                           (width > 120 ? 120 : width) - 22,
                           18,
                           false,
                           false,
                           cli_text(w->t->cli, KB_MSG_window_plot_references),
                           cli_text(w->t->cli, KB_MSG_window_plot_pages)};
    printf("\n");
    fflush(stdout);
    return kb_plot_write(&plot, kb_stdout_sink(), &w->t->cli->error);
}

static kb_status set_text(struct window *w, const struct found *found) {
    struct named *named = name_pages(w, found);
    if (named == NULL)
        return no_memory(w, found->size);
    printf("W(%llu, %llu) = {", (unsigned long long)found->at, (unsigned long long)w->set.window);
    for (uint64_t i = 0; i < found->size; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        if (kb_reader_processes(w->reader) != NULL)
            printf("%lu/", (unsigned long)named[i].process);
        printf("%llu", (unsigned long long)named[i].number);
    }
    cli_print(w->t->cli, stdout, KB_MSG_window_set_size, (unsigned long long)found->size);
    free(named);
    return KB_OK;
}

static kb_status show_text(struct window *w) {
    const struct kb_working_set *set = &w->set;
    kb_status status = KB_OK;
    for (size_t i = 0; i < w->count && status == KB_OK; i++)
        status = set_text(w, &w->found[i]);
    if (status != KB_OK)
        return status;
    cli_print(w->t->cli, stdout, KB_MSG_window_summary, (unsigned long long)set->references,
              (unsigned long long)set->window, (double)set->size_sum / (double)set->references,
              (unsigned long long)set->peak, (unsigned long long)set->peak_at,
              (unsigned long long)set->entries);
    return w->t->plot ? show_plot(w) : KB_OK;
}

/* ---- the subcommand ---- */

static int by_value(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static void sort_asked(struct cli_sizes *at) {
    size_t kept = 0;
    if (at->count > 1)
        qsort(at->values, at->count, sizeof *at->values, by_value);
    for (size_t i = 0; i < at->count; i++)
        if (i == 0 || at->values[i] != at->values[i - 1])
            at->values[kept++] = at->values[i];
    at->count = kept;
}

kb_status trace_working_set(struct trace *t) {
    struct kb_error *error = &t->cli->error;
    struct window w = {.t = t};
    struct kb_source source;
    if (t->json && t->plot)
        return kb_fail(error, KB_USAGE, KB_MSG_window_plot_json);
    sort_asked(&t->at);
    kb_status status = kb_file_open(&source, t->input, error);
    if (status != KB_OK)
        return status;
    kb_working_set_init(&w.set, t->window, &t->host);
    w.set.asked = t->at.values;
    w.set.asked_count = t->at.count;
    w.set.show = keep;
    w.set.context = &w;
    w.found = calloc(t->at.count + 1, sizeof *w.found);
    if (w.found == NULL)
        status = no_memory(&w, t->at.count);
    if (status == KB_OK)
        status = kb_reader_open(&w.reader, source, &t->reading, error);
    if (status == KB_OK)
        status = read_all(&w, &source);
    if (status == KB_OK)
        status = t->json ? show_json(&w) : show_text(&w);
    for (size_t i = 0; i < w.count; i++)
        free(w.found[i].ids);
    free(w.found);
    kb_working_set_free(&w.set);
    kb_reader_close(w.reader);
    kb_file_close(&source);
    return trace_with_name(t, status);
}
