/* study_sweep.c - a trace and one policy at several sizes, for studies. */
#include <stdlib.h>
#include <string.h>

#include "study.h"

static int by_value(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* The page numbers of the trace, in rising order. */
static kb_status keep_numbers(struct study *study, struct study_sweep *s,
                              const struct kb_reader *reader) {
    size_t bytes = s->sweep.pages * sizeof *s->numbers;
    s->numbers = malloc(bytes + 1);
    if (s->numbers == NULL)
        return kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "pages",
                       (unsigned long long)bytes);
    memcpy(s->numbers, kb_reader_page_numbers(reader), bytes);
    qsort(s->numbers, s->sweep.pages, sizeof *s->numbers, by_value);
    return KB_OK;
}

static kb_status run(struct study *study, struct study_sweep *s, struct kb_source *source,
                     const struct kb_reader_options *reading) {
    struct kb_error *error = &study->cli->error;
    struct kb_reader *reader = NULL;
    struct cli_progress progress;
    kb_status status = kb_reader_open(&reader, *source, reading, error);
    if (status == KB_OK) {
        kb_reader_info(reader, &s->info);
        cli_progress_start(&progress, study->cli, source, study->quiet);
        s->sweep.progress = cli_progress_step;
        s->sweep.progress_context = &progress;
        status = kb_sweep_run(&s->sweep, reader, error);
        cli_progress_end(&progress);
    }
    if (status == KB_OK)
        status = keep_numbers(study, s, reader);
    kb_reader_close(reader);
    return status;
}

kb_status study_sweep_run(struct study *study, const char *trace,
                          const struct kb_reader_options *reading, const char *policy,
                          const uint64_t *frames, size_t count, struct study_sweep *s) {
    struct kb_error *error = &study->cli->error;
    struct kb_reader_options options = *reading;
    struct kb_policy_spec spec;
    struct kb_source source;
    *s = (struct study_sweep){.sweep = {.count = count, .host = &study->host}};
    options.host = &study->host;
    kb_status status = kb_policy_parse(policy, &spec, NULL, NULL, error);
    if (status != KB_OK)
        return status;
    s->sweep.items = calloc(count + 1, sizeof *s->sweep.items);
    if (s->sweep.items == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "results",
                       (unsigned long long)count * sizeof *s->sweep.items);
    for (size_t i = 0; i < count; i++)
        s->sweep.items[i] = (struct kb_sweep_item){.spec = spec, .frames = (uint32_t)frames[i]};
    status = kb_file_open(&source, trace, error);
    if (status != KB_OK)
        return status;
    status = run(study, s, &source, &options);
    kb_file_close(&source);
    return cli_with_name(study->cli, status, trace);
}

void study_sweep_free(struct study_sweep *s) {
    kb_sweep_free(&s->sweep);
    free(s->sweep.items);
    free(s->numbers);
    *s = (struct study_sweep){.numbers = NULL};
}
