/* trace_release.c - kilburn trace annotate-release: releases behind the last references. */
#include <string.h>

#include "trace.h"

/* One reading of the input: the blocks are learned, or annotated and written. */
static kb_status read_once(struct trace *t, struct kb_annotator *annotator,
                           struct kb_reader *reader, const struct kb_source *source,
                           struct kb_writer *writer) {
    struct kb_error *error = &t->cli->error;
    struct cli_progress progress;
    struct kb_block block;
    uint64_t references = 0;
    kb_status status;
    cli_progress_start(&progress, t->cli, source, t->quiet);
    while ((status = kb_reader_next(reader, &block, error)) == KB_OK &&
           (block.count > 0 || block.event_count > 0)) {
        const uint64_t *numbers = kb_reader_page_numbers(reader);
        const uint32_t *processes = kb_reader_processes(reader);
        references += block.references;
        if (writer == NULL)
            status = kb_annotator_learn(annotator, &block, error);
        else
            status = kb_annotator_annotate(annotator, &block, numbers, processes, &block, error);
        if (status == KB_OK && writer != NULL)
            status = kb_writer_add(writer, &block, numbers, processes, error);
        if (status != KB_OK)
            break;
        cli_progress_step(&progress, 0, references, 0);
    }
    cli_progress_end(&progress);
    return status;
}

static kb_status learn(struct trace *t, struct kb_annotator *annotator) {
    struct kb_error *error = &t->cli->error;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    t->reading.past = true; /* as when it is copied: the same events twice */
    kb_status status = kb_file_open(&source, t->input, error);
    if (status != KB_OK)
        return status;
    status = kb_reader_open(&reader, source, &t->reading, error);
    if (status == KB_OK)
        status = read_once(t, annotator, reader, &source, NULL);
    kb_annotator_turn(annotator);
    kb_reader_close(reader);
    kb_file_close(&source);
    return trace_with_name(t, status);
}

static kb_status write_annotated(struct trace *t, struct kb_annotator *annotator,
                                 struct kbt_totals *totals) {
    struct trace_copy copy;
    kb_status status = trace_copy_open(t, &copy);
    if (status == KB_OK)
        status =
            trace_with_name(t, read_once(t, annotator, copy.reader, &copy.source, copy.writer));
    if (status == KB_OK)
        status = trace_with_name(t, kb_annotator_end(annotator, &t->cli->error));
    if (status == KB_OK)
        status = trace_copy_commit(t, &copy, totals);
    trace_copy_close(&copy);
    return status;
}

static kb_status show_json(struct trace *t, const struct kb_annotation *result) {
    struct kb_json json;
    kb_json_begin(&json, kb_stdout_sink(), &t->cli->error);
    kb_json_object(&json, NULL);
    kb_json_object(&json, "annotation");
    kb_json_u64(&json, "references", result->references);
    if (t->distance == KB_NEVER_AGAIN)
        kb_json_null(&json, "distance");
    else
        kb_json_u64(&json, "distance", t->distance);
    kb_json_u64(&json, "releases", result->releases);
    kb_json_u64(&json, "last_releases", result->last);
    kb_json_u64(&json, "replaced", result->replaced);
    kb_json_u64(&json, "returns", result->returns);
    kb_json_u64(&json, "product_before", result->product_before);
    kb_json_u64(&json, "product_after", result->product_after);
    kb_json_close_object(&json);
    kb_json_close_object(&json);
    return kb_json_end(&json);
}

static void show_text(const struct trace *t, const struct kb_annotation *result) {
    double references = (double)result->references;
    cli_print(
        t->cli, stderr, KB_MSG_annotated, (unsigned long long)result->releases,
        (unsigned long long)result->last, (unsigned long long)result->returns,
        (unsigned long long)result->product_before, (double)result->product_before / references,
        (unsigned long long)result->product_after, (double)result->product_after / references);
    if (result->replaced > 0)
        cli_print(t->cli, stderr, KB_MSG_annotated_replaced, (unsigned long long)result->replaced);
}

kb_status trace_annotate_release(struct trace *t) {
    struct kb_annotator annotator;
    struct kbt_totals totals;
    if (strcmp(t->input, "-") == 0)
        return kb_fail(&t->cli->error, KB_USAGE, KB_MSG_annotate_needs_file);
    if (t->json && strcmp(t->output, "-") == 0)
        return kb_fail(&t->cli->error, KB_USAGE, KB_MSG_annotate_json_output);
    kb_annotator_init(&annotator, t->distance, &t->host);
    kb_status status = learn(t, &annotator);
    if (status == KB_OK)
        status = write_annotated(t, &annotator, &totals);
    if (status == KB_OK) {
        trace_report_written(t, &totals);
        if (!t->quiet)
            show_text(t, &annotator.result);
        if (t->json)
            status = show_json(t, &annotator.result);
    }
    kb_annotator_free(&annotator);
    return status;
}
