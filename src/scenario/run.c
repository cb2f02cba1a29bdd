/* run.c - long programs: generators and recorded traces; and the rehearsal that tells opt the
 * future. */
#include <stdio.h>

#include "base/units.h"
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

struct kb_program {
    struct kb_generator *generator;
    bool page_numbers;
    size_t got, at;
    uint64_t page;    /* of the present access: an access may lie in several, one reference each */
    bool inside;      /* page is known */
    uint64_t compute; /* time after each reference */
    struct kb_trace_access batch[BATCH];
};

void kb_program_free(struct kb_scenario *s, struct kb_program *program) {
    if (program == NULL)
        return;
    kb_generator_free(program->generator);
    kb_give_back(s->options.host, program, sizeof *program);
}

kb_status kb_program_new(struct kb_scenario *s, struct kb_program **made) {
    char spec[1000];
    struct kb_word word;
    uint64_t compute = 0;
    kb_status status = KB_OK;
    *made = NULL;
    if (kb_line_option(&s->line, "compute", &word))
        status = kb_scenario_compute_time(s, &word, &compute);
    if (status == KB_OK)
        status = read_spec(s, spec, sizeof spec);
    if (status != KB_OK)
        return status;
    struct kb_program *program = kb_take(s->options.host, sizeof *program);
    if (program == NULL)
        return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "run",
                       (unsigned long long)sizeof *program);
    status = kb_generator_new(spec, &program->generator, s->error);
    if (status == KB_OK)
        status = kb_scenario_allow(s, kb_generator_references(program->generator));
    if (status != KB_OK) {
        kb_program_free(s, program);
        return status;
    }
    program->compute = compute;
    program->page_numbers = kb_generator_page_numbers(program->generator);
    kb_generator_next(program->generator, program->batch, BATCH, &program->got);
    *made = program;
    return KB_OK;
}

/* Behind the last page of an access; what is not legal any more is not released. */
static void end_access(struct kb_scenario *s, struct kb_process *p, struct kb_program *program,
                       uint64_t page) {
    unsigned bits = kb_os_page_bits(&s->os);
    bool refused;
    if (program->batch[program->at].kind & KB_ACCESS_RELEASES && p->state != KB_ENDED)
        kb_os_release(&s->os, p, page << bits, (page + 1) << bits, &refused);
    program->inside = false;
    if (++program->at < program->got)
        return;
    program->at = 0;
    kb_generator_next(program->generator, program->batch, BATCH, &program->got);
}

kb_status kb_program_step(struct kb_scenario *s, struct kb_process *p, struct kb_program *program,
                          bool *over) {
    unsigned bits = kb_os_page_bits(&s->os);
    bool done = true;
    *over = false;
    const struct kb_trace_access *access = &program->batch[program->at];
    uint64_t first = program->page_numbers ? access->address : access->address >> bits;
    uint64_t last = program->page_numbers ? first : (access->address + access->size - 1) >> bits;
    program->page = program->inside ? program->page : first;
    program->inside = true;
    kb_status status = check_page(s, program->page);
    if (status == KB_OK)
        status = kb_scenario_allow(s, 1);
    while (status == KB_OK) {
        status = kb_scenario_os_status(s, kb_os_run(&s->os, program->page << bits,
                                                    (enum kb_access)(access->kind & 3), 1, &done));
        if (!kb_perform_again(s, p))
            break;
    }
    if (status != KB_OK || p->state == KB_BLOCKED)
        return status;
    if (done)
        kb_os_compute(&s->os, program->compute);
    if (!done || program->page >= last)
        end_access(s, p, program, program->page);
    else
        program->page++;
    *over = program->got == 0;
    return KB_OK;
}

static kb_status run_generator(struct kb_scenario *s, struct kb_process *p) {
    struct kb_program *program;
    bool over = false;
    kb_status status = kb_program_new(s, &program);
    if (status == KB_OK && kb_generator_references(program->generator) > KEPT_AT_MOST)
        kb_scenario_listen(s, false);
    while (status == KB_OK && !over && p->state != KB_ENDED)
        status = kb_program_step(s, p, program, &over);
    kb_program_free(s, program);
    return status;
}

/* ---- traces ---- */

/* What the recorded program said of its memory. Pages that it unmapped have lost their content, but
 * stay legal: it may map others in their place. What it mapped, with which rights, is passed over:
 * the scenario says what is legal; and threads and the kernel touch the pages of this process. */
static void obey(struct kb_scenario *s, struct kb_process *p, const struct kb_event *event) {
    unsigned bits = kb_os_page_bits(&s->os);
    uint64_t end;
    bool refused;
    if (p->state == KB_ENDED || !kb_add(event->first, event->pages, &end) ||
        end > UINT64_MAX >> bits)
        return;
    if (kb_event_drops(event->type))
        kb_os_discard(&s->os, p, event->first << bits, end << bits, &refused);
    else if (event->type == KB_EVENT_RELEASE)
        kb_os_release(&s->os, p, event->first << bits, end << bits, &refused);
}

/* obeys: the events that come before run i, or, for i = count, behind the last one. */
static void obey_all(struct kb_scenario *s, struct kb_process *p, const struct kb_block *block,
                     uint32_t i, uint32_t *event) {
    for (; *event < block->event_count && block->events[*event].at <= i; ++*event)
        obey(s, p, &block->events[*event]);
}

static kb_status run_blocks(struct kb_scenario *s, struct kb_process *p, struct kb_reader *reader,
                            bool obeys) {
    struct kb_block block;
    kb_status status;
    while ((status = kb_reader_next(reader, &block, s->error)) == KB_OK &&
           (block.count > 0 || block.event_count > 0) && p->state != KB_ENDED) {
        const uint64_t *numbers = kb_reader_page_numbers(reader);
        uint32_t event = obeys ? 0 : block.event_count;
        for (uint32_t i = 0; i < block.count && p->state != KB_ENDED; i++) {
            struct kb_run run = block.runs[i];
            bool done;
            obey_all(s, p, &block, i, &event);
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
        obey_all(s, p, &block, block.count, &event);
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
    bool obeys = false;
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct kb_trace_info info;
    struct kb_word word;
    kb_status status = kb_line_option_number(&s->line, "limit", &limit, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "skip", &skip, s->error);
    if (status == KB_OK && kb_line_option(&s->line, "events", &word)) {
        obeys = kb_word_is(&word, "yes");
        if (!obeys && !kb_word_is(&word, "no"))
            status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, "events",
                             (int)(word.length < 60 ? word.length : 60), word.at, "yes, no");
    }
    if (kb_line_option(&s->line, "format", &word))
        snprintf(format, sizeof format, "%.*s", (int)(word.length < 23 ? word.length : 23),
                 word.at);
    if (status == KB_OK)
        status = kb_line_end(
            &s->line, "NAME run file=PATH [format=F] [limit=N] [skip=N] [events=yes]", s->error);
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
        status = run_blocks(s, p, reader, obeys);
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
