/* trace_info.c - kilburn trace info and verify: one reading of a trace, and what is in it. */
#include <string.h>

#include "trace.h"

/* ---- reading a whole trace ---- */

static void count_block(struct trace_totals *totals, const struct kb_block *block) {
    uint64_t by_kind[4] = {0};
    for (uint32_t i = 0; i < block->count; i++)
        by_kind[block->runs[i].word & 3] += kb_run_count(block->runs[i]);
    totals->references += block->references;
    totals->runs += block->count;
    totals->events += block->event_count;
    totals->blocks++;
    totals->reads += by_kind[KB_READ];
    totals->writes += by_kind[KB_WRITE];
    totals->executes += by_kind[KB_EXECUTE];
    totals->pages = block->pages;
}

/* Ids must appear in the order of first touch. */
static bool dense(const struct kb_block *block, uint32_t *next) {
    for (uint32_t i = 0; i < block->count; i++) {
        if (block->runs[i].page > *next)
            return false;
        *next += block->runs[i].page == *next;
    }
    return true;
}

kb_status trace_read_all(struct trace *t, struct kb_reader *reader, const struct kb_source *source,
                         struct kb_writer *writer, struct trace_totals *totals, bool check) {
    struct kb_error *error = &t->cli->error;
    struct cli_progress progress;
    struct kb_block block;
    uint32_t next = 0;
    kb_status status;
    cli_progress_start(&progress, t->cli, source, t->quiet);
    memset(totals, 0, sizeof *totals);
    while ((status = kb_reader_next(reader, &block, error)) == KB_OK &&
           (block.count > 0 || block.event_count > 0)) {
        count_block(totals, &block);
        if (check && !dense(&block, &next))
            status = kb_fail(error, KB_DATA, KB_MSG_verify_order,
                             (unsigned long long)totals->references);
        if (status == KB_OK && writer != NULL)
            status = kb_writer_add(writer, &block, kb_reader_page_numbers(reader),
                                   kb_reader_processes(reader), error);
        if (status != KB_OK)
            break;
        cli_progress_step(&progress, 0, totals->references, 0);
    }
    cli_progress_end(&progress);
    if (status == KB_OK && check && next != totals->pages)
        status = kb_fail(error, KB_DATA, KB_MSG_verify_pages, (unsigned long long)totals->pages,
                         (unsigned long long)next);
    return status;
}

/* ---- what is told in either case ---- */

/* The object stays open. */
static void totals_json(struct kb_json *json, const struct kb_trace_info *info,
                        const struct trace_totals *totals) {
    kb_json_object(json, "trace");
    kb_json_string(json, "format", info->format);
    kb_json_u64(json, "references", totals->references);
    kb_json_u64(json, "pages", totals->pages);
    kb_json_u64(json, "reads", totals->reads);
    kb_json_u64(json, "writes", totals->writes);
    kb_json_u64(json, "executes", totals->executes);
    kb_json_u64(json, "runs", totals->runs);
    kb_json_u64(json, "blocks", totals->blocks);
    kb_json_u64(json, "events", totals->events);
    if (info->page_size > 0)
        kb_json_u64(json, "page_size", info->page_size);
    else
        kb_json_null(json, "page_size");
    if (info->grain > 0)
        kb_json_u64(json, "grain", info->grain);
    else
        kb_json_null(json, "grain");
    kb_json_string(json, "program", info->program[0] != '\0' ? info->program : NULL);
    if (info->version > 0)
        kb_json_u64(json, "version", info->version);
    else
        kb_json_null(json, "version");
}

static void totals_text(struct trace *t, const struct kb_trace_info *info,
                        const struct trace_totals *totals) {
    const struct cli *cli = t->cli;
    char size[KB_SIZE_TEXT] = "-", grain[KB_SIZE_TEXT] = "-", all[KB_SIZE_TEXT] = "-";
    if (info->page_size > 0) {
        kb_format_size(info->page_size, size);
        kb_format_size(info->page_size * totals->pages, all);
    }
    if (info->grain > 1)
        kb_format_size(info->grain, grain);
    cli_print(cli, stdout, KB_MSG_info_format, info->format);
    if (info->version > 0)
        cli_print(cli, stdout, KB_MSG_info_version, info->version);
    if (info->program[0] != '\0')
        cli_print(cli, stdout, KB_MSG_info_program, info->program);
    cli_print(cli, stdout, KB_MSG_info_references, (unsigned long long)totals->references,
              (unsigned long long)totals->reads, (unsigned long long)totals->writes,
              (unsigned long long)totals->executes);
    if (info->page_size == 0)
        cli_print(cli, stdout, KB_MSG_info_numbers, (unsigned long long)totals->pages);
    else
        cli_print(cli, stdout, KB_MSG_info_pages, (unsigned long long)totals->pages, size, all);
    cli_print(cli, stdout, KB_MSG_info_grain, grain);
    cli_print(cli, stdout, KB_MSG_info_runs, (unsigned long long)totals->runs,
              (double)totals->references / (double)(totals->runs > 0 ? totals->runs : 1));
    if (totals->events > 0)
        cli_print(cli, stdout, KB_MSG_info_events, (unsigned long long)totals->events);
}

/* ---- info ---- */

static kb_status show_info(struct trace *t, const struct kb_trace_info *info,
                           const struct trace_totals *totals, const struct trace_story *story,
                           const struct kb_reader *reader) {
    if (!t->json) {
        totals_text(t, info, totals);
        return story != NULL ? trace_story_text(t, story, reader) : KB_OK;
    }
    struct kb_json json;
    kb_json_begin(&json, kb_stdout_sink(), &t->cli->error);
    kb_json_object(&json, NULL);
    totals_json(&json, info, totals);
    if (t->reading.recover)
        kb_json_u64(&json, "lost_bytes", kb_reader_lost_bytes(reader));
    kb_status status = story != NULL ? trace_story_json(&json, story, reader) : KB_OK;
    kb_json_close_object(&json);
    kb_json_close_object(&json);
    kb_status ended = kb_json_end(&json);
    return status != KB_OK ? status : ended;
}

kb_status trace_info(struct trace *t) {
    struct kb_error *error = &t->cli->error;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct trace_totals totals;
    struct trace_story story;
    struct kb_trace_info info;
    if (t->brief && t->window > 0)
        return kb_fail(error, KB_USAGE, KB_MSG_not_together, "--brief", "--window");
    kb_status status = kb_file_open(&source, t->input, error);
    if (status != KB_OK)
        return status;
    t->reading.past = !t->brief;
    status = kb_reader_open(&reader, source, &t->reading, error);
    if (status == KB_OK)
        kb_reader_info(reader, &info);
    if (status == KB_OK && t->brief)
        status = trace_read_all(t, reader, &source, NULL, &totals, false);
    else if (status == KB_OK)
        status = trace_story_read(t, reader, &source, &story, &totals);
    if (status == KB_OK && kb_reader_lost_bytes(reader) > 0)
        cli_print(t->cli, stderr, KB_MSG_lost, t->input,
                  (unsigned long long)kb_reader_lost_bytes(reader));
    if (status == KB_OK)
        status = show_info(t, &info, &totals, t->brief ? NULL : &story, reader);
    if (reader != NULL && !t->brief)
        trace_story_close(&story);
    kb_reader_close(reader);
    kb_file_close(&source);
    return trace_with_name(t, status);
}

/* ---- verify ---- */

static kb_status show_verified(struct trace *t, const struct kb_trace_info *info,
                               const struct trace_totals *totals) {
    const unsigned long long references = totals->references, blocks = totals->blocks;
    struct kb_json json;
    if (!t->json && strcmp(info->format, "kbt") != 0)
        cli_print(t->cli, stdout, KB_MSG_verify_fine_foreign, t->input, references);
    else if (!t->json)
        cli_print(t->cli, stdout, KB_MSG_verify_fine, t->input, references, blocks);
    if (!t->json)
        return KB_OK;
    kb_json_begin(&json, kb_stdout_sink(), &t->cli->error);
    kb_json_object(&json, NULL);
    totals_json(&json, info, totals);
    kb_json_close_object(&json);
    kb_json_bool(&json, "whole", true);
    kb_json_close_object(&json);
    return kb_json_end(&json);
}

kb_status trace_verify(struct trace *t) {
    struct kb_error *error = &t->cli->error;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct trace_totals totals;
    struct kb_trace_info info;
    kb_status status = kb_file_open(&source, t->input, error);
    if (status != KB_OK)
        return status;
    status = kb_reader_open(&reader, source, &t->reading, error);
    if (status == KB_OK) {
        kb_reader_info(reader, &info);
        status = trace_read_all(t, reader, &source, NULL, &totals, true);
    }
    if (status == KB_OK)
        status = show_verified(t, &info, &totals);
    kb_reader_close(reader);
    kb_file_close(&source);
    return trace_with_name(t, status);
}
