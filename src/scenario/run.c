/* run.c - long programs: generators and recorded traces; and the rehearsal that tells opt the
 * future. */
#include <stdio.h>

#include "scenario/session.h"
#include "trace/generate.h"
#include "trace/reader.h"

#define KEPT_AT_MOST 200000 /* references of one generator whose events are kept for `expect` */
#define BATCH 1024

/* ---- generators ---- */

/* NAME option=value … as the generator's NAME:option=value:… */
static kb_status read_spec(struct kb_scenario *s, char *spec, size_t room) {
    const struct kb_word *name = kb_line_take(&s->line);
    size_t used = 0;
    if (name == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "NAME run zipf pages=64 …");
    for (unsigned i = 0; i <= s->line.count; i++) {
        struct kb_word *word = i == 0 ? NULL : &s->line.word[i - 1];
        if (word != NULL && (word->used || word->key == 0))
            continue;
        const struct kb_word *part = word == NULL ? name : word;
        int length = snprintf(spec + used, room - used, "%s%.*s", used > 0 ? ":" : "",
                              (int)part->length, part->at);
        if (length < 0 || (size_t)length >= room - used)
            return kb_fail(s->error, KB_DATA, KB_MSG_line_long, (unsigned long long)room);
        used += (size_t)length;
        if (word != NULL)
            word->used = true;
    }
    return kb_line_end(&s->line, "NAME run GENERATOR option=value …", s->error);
}

/* A page number whose address is none is no other page's. */
static kb_status check_page(struct kb_scenario *s, uint64_t page) {
    if (page <= UINT64_MAX >> kb_os_page_bits(&s->os))
        return KB_OK;
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
}

/* An access may lie in several pages: one reference each. */
static kb_status run_access(struct kb_scenario *s, struct kb_process *p,
                            const struct kb_trace_access *access, bool page_numbers) {
    unsigned bits = kb_os_page_bits(&s->os);
    uint64_t first = page_numbers ? access->address : access->address >> bits;
    uint64_t last = page_numbers ? first : (access->address + access->size - 1) >> bits;
    bool done = true;
    for (uint64_t page = first; page <= last && done; page++) {
        kb_status status = check_page(s, page);
        if (status == KB_OK)
            status = kb_scenario_allow(s, 1);
        while (status == KB_OK) {
            status = kb_scenario_os_status(
                s, kb_os_run(&s->os, page << bits, (enum kb_access)access->kind, 1, &done));
            if (!kb_perform_again(s, p))
                break;
        }
        if (status != KB_OK)
            return status;
    }
    return KB_OK;
}

static kb_status run_generator(struct kb_scenario *s, struct kb_process *p) {
    char spec[1000];
    struct kb_generator *generator = NULL;
    struct kb_trace_access batch[BATCH];
    size_t got = 1;
    kb_status status = read_spec(s, spec, sizeof spec);
    if (status == KB_OK)
        status = kb_generator_new(spec, &generator, s->error);
    if (status != KB_OK)
        return status;
    uint64_t references = kb_generator_references(generator);
    status = kb_scenario_allow(s, references);
    if (status == KB_OK && references > KEPT_AT_MOST)
        kb_scenario_listen(s, false);
    while (status == KB_OK && got > 0 && p->state != KB_ENDED) {
        kb_generator_next(generator, batch, BATCH, &got);
        for (size_t i = 0; i < got && status == KB_OK && p->state != KB_ENDED; i++)
            status = run_access(s, p, &batch[i], kb_generator_page_numbers(generator));
    }
    kb_generator_free(generator);
    return status;
}

/* ---- traces ---- */

static kb_status run_blocks(struct kb_scenario *s, struct kb_process *p, struct kb_reader *reader) {
    struct kb_block block;
    kb_status status;
    while ((status = kb_reader_next(reader, &block, s->error)) == KB_OK &&
           (block.count > 0 || block.event_count > 0) && p->state != KB_ENDED) {
        const uint64_t *numbers = kb_reader_page_numbers(reader);
        for (uint32_t i = 0; i < block.count && p->state != KB_ENDED; i++) {
            struct kb_run run = block.runs[i];
            bool done;
            status = check_page(s, numbers[run.page]);
            if (status == KB_OK)
                status = kb_scenario_allow(s, kb_run_count(run));
            uint32_t left = kb_run_count(run);
            while (status == KB_OK) {
                uint64_t address = numbers[run.page] << kb_os_page_bits(&s->os);
                status = kb_scenario_os_status(
                    s, kb_os_run(&s->os, address, (enum kb_access)kb_run_kind(run), left, &done));
                if (!kb_perform_again(s, p))
                    break;
                left = s->os.left;
            }
            if (status != KB_OK)
                return status;
        }
    }
    return status;
}

/* A path is looked for beside the scenario. */
static void beside(const struct kb_scenario *s, const struct kb_word *path, char *text,
                   size_t room) {
    const char *name = s->options.name, *slash = name != NULL ? strrchr(name, '/') : NULL;
    bool absolute = path->length > 0 && path->at[0] == '/';
    snprintf(text, room, "%.*s%.*s", absolute || slash == NULL ? 0 : (int)(slash - name + 1),
             name != NULL ? name : "", (int)path->length, path->at);
}

static kb_status run_trace(struct kb_scenario *s, struct kb_process *p,
                           const struct kb_word *path) {
    char name[1024], format[24] = "";
    uint64_t limit = 0, skip = 0;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct kb_trace_info info;
    struct kb_word word;
    kb_status status = kb_line_option_number(&s->line, "limit", &limit, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "skip", &skip, s->error);
    if (kb_line_option(&s->line, "format", &word))
        snprintf(format, sizeof format, "%.*s", (int)(word.length < 23 ? word.length : 23),
                 word.at);
    if (status == KB_OK)
        status =
            kb_line_end(&s->line, "NAME run file=PATH [format=F] [limit=N] [skip=N]", s->error);
    if (status != KB_OK)
        return status;
    if (s->options.open_trace == NULL || path->length >= 600)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_files);
    beside(s, path, name, sizeof name);
    status = s->options.open_trace(s->options.context, name, &source, s->error);
    if (status != KB_OK)
        return status;
    struct kb_reader_options options = {.limit = limit,
                                        .skip = skip,
                                        .page_size = kb_os_page_bytes(&s->os),
                                        .format = format[0] != '\0' ? format : NULL,
                                        .host = s->options.host};
    status = kb_reader_open(&reader, source, &options, s->error);
    if (status == KB_USAGE) { /* page numbers have no size */
        s->options.close_trace(s->options.context, &source);
        status = s->options.open_trace(s->options.context, name, &source, s->error);
        options.page_size = 0;
        if (status != KB_OK)
            return status;
        status = kb_reader_open(&reader, source, &options, s->error);
        if (status == KB_OK) {
            kb_reader_info(reader, &info);
            if (info.page_size != 0)
                status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_grain,
                                 (unsigned long long)info.grain,
                                 (unsigned long long)kb_os_page_bytes(&s->os));
        }
    }
    kb_scenario_listen(s, false);
    if (status == KB_OK)
        status = run_blocks(s, p, reader);
    kb_reader_close(reader);
    s->options.close_trace(s->options.context, &source);
    return status;
}

kb_status kb_perform_run(struct kb_scenario *s, struct kb_process *p) {
    struct kb_word path;
    uint64_t before = s->os.counters.references, faults = s->os.counters.faults;
    kb_status status =
        kb_line_option(&s->line, "file", &path) ? run_trace(s, p, &path) : run_generator(s, p);
    kb_scenario_listen(s, true);
    s->last.done = p->state != KB_ENDED;
    if (status == KB_OK && kb_scenario_narrates(s))
        kb_text_message(&s->out, KB_MSG_scenario_ran,
                        (unsigned long long)(s->os.counters.references - before),
                        (unsigned long long)(s->os.counters.faults - faults));
    return status;
}

/* ---- the rehearsal ---- */

static kb_status flush_runs(struct kb_scenario *s) {
    struct kb_block block = {.runs = s->ran, .count = s->ran_count, .pages = s->ran_pages};
    s->ran_count = 0;
    return kb_future_append(&s->future, &block, &s->os_error);
}

static void ran(void *context, uint32_t page, enum kb_access access, uint32_t count) {
    struct kb_scenario *s = context;
    if (s->ran_count == KB_BLOCK_RUNS && flush_runs(s) != KB_OK)
        return; /* opt will find that the future ends too early */
    if (page >= s->ran_pages)
        s->ran_pages = page + 1;
    s->ran[s->ran_count++] = kb_run_make(page, (enum kb_kind)access, count);
}

static kb_status rehearse(struct kb_scenario *s, struct kb_scenario *child) {
    child->lines = s->lines;
    child->whole = true;
    child->rehearsing = true;
    child->error = &child->os_error;
    child->ran = kb_take(s->options.host, KB_BLOCK_RUNS * sizeof *child->ran);
    if (child->ran == NULL)
        return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "opt",
                       (unsigned long long)(KB_BLOCK_RUNS * sizeof *child->ran));
    kb_future_init(&child->future, s->options.host);
    child->has_future = true;
    /* what goes wrong here goes wrong again in the performance, where it is told */
    kb_status status = kb_scenario_run_from(child, s->at);
    child->lines = (struct kb_lines){0};
    status = flush_runs(child);
    if (status == KB_OK)
        status = kb_future_finish(&child->future, &child->os_error);
    if (status != KB_OK)
        *s->error = child->os_error;
    return status;
}

kb_status kb_scenario_rehearse(struct kb_scenario *s) {
    struct kb_scenario_options options = s->options;
    struct kb_scenario *child;
    if (!s->whole || s->running_depth > 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_opt_whole);
    options.view = KB_VIEW_QUIET;
    kb_status status = kb_scenario_open(&child, &options, s->error);
    if (status != KB_OK)
        return status;
    status = rehearse(s, child);
    if (status == KB_OK) {
        s->future = child->future;
        s->has_future = true;
        child->has_future = false;
        s->setup.future = (struct kb_os_future){s->future.runs, s->future.next, s->future.count};
    }
    kb_scenario_free(child);
    return status;
}

void kb_rehearsal_listen(struct kb_scenario *s) {
    s->setup.ran = ran;
    s->setup.ran_context = s;
}
