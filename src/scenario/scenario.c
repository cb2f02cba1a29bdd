/* scenario.c - lines and blocks are collected and run; who listens to the system. */
#include "scenario/session.h"

#include <stdio.h>

#define MOST_COMMANDS UINT64_C(10000000)
#define MOST_REFERENCES UINT64_C(4000000000)
#define MOST_BYTES (UINT64_C(4) << 30)
#define LOOKS_A_COMMAND 64 /* times that lines are read, for each command that may run */
#define TOLD_AT_MOST 24    /* references of one command, unless all are wanted */

/* ---- listening ---- */

bool kb_scenario_narrates(const struct kb_scenario *s) {
    return s->options.view == KB_VIEW_NARRATE && !s->rehearsing;
}

static void keep_victim(struct kb_scenario *s, uint64_t page) {
    if (s->victim_count == s->victim_room) {
        uint32_t room = s->victim_room == 0 ? 64 : s->victim_room * 2;
        uint64_t *more = kb_grow(s->options.host, s->victims, s->victim_room * sizeof *more,
                                 room * sizeof *more);
        if (more == NULL) {
            s->victims_known = false;
            return;
        }
        s->victims = more;
        s->victim_room = room;
    }
    s->victims[s->victim_count++] = page;
}

/* What `expect` may ask for later. */
static void keep(struct kb_scenario *s, const struct kb_os_event *event) {
    struct kb_outcome *last = &s->last;
    switch (event->kind) {
    case KB_OS_EVENT_FAULT:
        last->trail_length = 0;
        last->fault = event->fault;
        break;
    case KB_OS_EVENT_TRANSLATION:
        last->translated = event->fault == KB_FAULT_NONE;
        last->address = event->address;
        last->linear = event->translation->linear;
        last->physical = event->translation->physical;
        last->tlb_hit = event->translation->hit > 0;
        if (last->translated)
            last->fault = KB_FAULT_NONE;
        return;
    case KB_OS_EVENT_INVALIDATE:
        if (!event->flag) /* one victim, though several tables show it */
            keep_victim(s, event->page);
        break;
    case KB_OS_EVENT_REFERENCE:
    case KB_OS_EVENT_SWITCH:
        return;
    default:
        break;
    }
    if (last->trail_length < KB_MOST_TRAIL)
        last->trail[last->trail_length++] = (uint8_t)event->kind;
}

static void hear(void *context, const struct kb_os_event *event) {
    struct kb_scenario *s = context;
    if (!s->unkept)
        keep(s, event);
    kb_scenario_time_event(s, event);
    if (s->rehearsing || s->options.view == KB_VIEW_QUIET)
        return;
    if (s->options.view == KB_VIEW_JSON) {
        kb_json_newline(&s->json);
        kb_event_json(&s->json, NULL, &s->os, event);
        return;
    }
    if (event->kind == KB_OS_EVENT_REFERENCE && !s->options.all && ++s->told > TOLD_AT_MOST) {
        if (!s->muted)
            kb_text_message(&s->out, KB_MSG_scenario_muted);
        s->muted = true;
    }
    if (!s->muted)
        kb_narrate(&s->out, &s->os, event);
}

void kb_scenario_listen(struct kb_scenario *s, bool keeps) {
    bool seen = s->options.view != KB_VIEW_QUIET || s->options.timeline.write != NULL;
    bool heard = keeps || (seen && !s->rehearsing);
    s->os.listener = (struct kb_listener){s, heard ? hear : NULL};
    s->unkept = !keeps;
    if (keeps)
        return;
    s->victims_known = false;
    s->last.fault = KB_FAULT_NONE;
    s->last.translated = false;
    s->last.trail_length = 0;
}

/* ---- the system ---- */

kb_status kb_scenario_os_status(struct kb_scenario *s, kb_status status) {
    if (status != KB_OK)
        *s->error = s->os_error;
    return status;
}

kb_status kb_scenario_build(struct kb_scenario *s) {
    if (s->built)
        return KB_OK;
    kb_status status = s->described ? KB_OK : kb_scenario_usual(s);
    if (status == KB_OK)
        status = kb_scenario_make(s);
    if (status != KB_OK)
        return status;
    s->victims_known = true;
    kb_scenario_listen(s, true);
    kb_quantity_reset(s);
    return KB_OK;
}

/* ---- lines and blocks ---- */

static kb_status keep_line(struct kb_scenario *s, struct kb_lines *lines, const char *text,
                           size_t length, uint64_t number) {
    uint64_t most = s->options.most_bytes != 0 ? s->options.most_bytes : MOST_BYTES;
    if (lines->length + length + 1 > lines->room) {
        size_t room = (lines->length + length + 1) * 2;
        char *more = room <= most && room < UINT32_MAX
                         ? kb_grow(s->options.host, lines->text, lines->room, room)
                         : NULL;
        if (more == NULL)
            return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "lines",
                           (unsigned long long)room);
        lines->text = more;
        lines->room = room;
    }
    if (lines->count + 1 >= lines->line_room) {
        uint32_t room = lines->line_room == 0 ? 256 : lines->line_room * 2;
        uint32_t *start = kb_grow(s->options.host, lines->start, lines->line_room * sizeof *start,
                                  room * sizeof *start);
        if (start != NULL)
            lines->start = start;
        uint64_t *numbers = kb_grow(s->options.host, lines->number,
                                    lines->line_room * sizeof *numbers, room * sizeof *numbers);
        if (numbers != NULL)
            lines->number = numbers;
        if (start == NULL || numbers == NULL)
            return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "lines",
                           (unsigned long long)(room * sizeof *numbers));
        lines->line_room = room;
    }
    lines->start[lines->count] = (uint32_t)lines->length;
    lines->number[lines->count++] = number;
    if (length > 0)
        memcpy(lines->text + lines->length, text, length);
    lines->length += length;
    lines->text[lines->length++] = '\n';
    lines->start[lines->count] = (uint32_t)lines->length;
    return KB_OK;
}

static kb_status at_line(struct kb_scenario *s, kb_status status) {
    char place[400];
    if (status == KB_OK)
        return KB_OK;
    if (s->error->status == KB_USAGE) /* the line is wrong, not the command line */
        s->error->status = KB_DATA;
    snprintf(place, sizeof place, "%.300s:%llu: ", s->options.name != NULL ? s->options.name : "-",
             (unsigned long long)s->number);
    status = kb_place(s->error, place);
    memcpy(s->failure, s->error->text, sizeof s->failure);
    return status;
}

/* Lines that are no commands, in blocks that run again and again, come to an end, too. */
kb_status kb_scenario_cut(struct kb_scenario *s, const struct kb_lines *lines, uint32_t i) {
    uint64_t most = s->options.most_commands;
    s->number = lines->number[i];
    s->looked += 1 + (lines->start[i + 1] - lines->start[i]) / 256;
    if (s->looked / LOOKS_A_COMMAND > most + lines->count)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_too_long, (unsigned long long)most);
    s->line_text = lines->text + lines->start[i];
    s->line_length = lines->start[i + 1] - lines->start[i] - 1;
    return kb_line_cut(&s->line, s->line_text, s->line_length, s->error);
}

static bool begins_block(const struct kb_word *word) {
    return kb_word_is(word, "repeat") || kb_word_is(word, "together");
}

/* The line with the `end` that belongs to the block begun at line `begin`. */
static kb_status find_end(struct kb_scenario *s, const struct kb_lines *lines, uint32_t begin,
                          uint32_t end, uint32_t *found) {
    unsigned depth = 0;
    for (uint32_t i = begin; i < end; i++) {
        kb_status status = kb_scenario_cut(s, lines, i);
        if (status != KB_OK)
            return status;
        const struct kb_word *first = kb_line_peek(&s->line);
        if (begins_block(first))
            depth++;
        if (kb_word_is(first, "end") && --depth == 0) {
            *found = i;
            return KB_OK;
        }
        if (depth > KB_MOST_DEPTH)
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_depth,
                           (unsigned long long)KB_MOST_DEPTH);
    }
    s->number = lines->number[begin];
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_end);
}

static kb_status run_lines(struct kb_scenario *s, const struct kb_lines *lines, uint32_t from,
                           uint32_t end);

static kb_status run_block(struct kb_scenario *s, const struct kb_lines *lines, uint32_t begin,
                           uint32_t end, uint32_t *after) {
    uint64_t times = 0, most = s->options.most_commands;
    kb_command_tell(s);
    if (kb_line_take_if(&s->line, "together")) {
        kb_status status = find_end(s, lines, begin, end, after);
        if (status == KB_OK)
            status = kb_scenario_cut(s, lines, begin);
        return status == KB_OK ? kb_scenario_together(s, lines, begin + 1, *after) : status;
    }
    (void)kb_line_take(&s->line);
    kb_status status = kb_line_number(&s->line, "repeat", &times, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "repeat N", s->error);
    if (status == KB_OK)
        status = find_end(s, lines, begin, end, after);
    if (status == KB_OK)
        status = kb_line_take_if(&s->line, "end") ? kb_line_end(&s->line, "end", s->error) : KB_OK;
    s->running_depth++;
    for (uint64_t i = 0; i < times && status == KB_OK; i++) {
        if (++s->tally.commands > most) { /* an empty body, too, comes to an end */
            s->number = lines->number[begin];
            status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_too_long, (unsigned long long)most);
            break;
        }
        status = run_lines(s, lines, begin + 1, *after);
    }
    s->running_depth--;
    return status;
}

static kb_status run_lines(struct kb_scenario *s, const struct kb_lines *lines, uint32_t from,
                           uint32_t end) {
    kb_status status = KB_OK;
    for (uint32_t i = from; i < end && status == KB_OK; i++) {
        status = kb_scenario_cut(s, lines, i);
        if (status != KB_OK)
            break;
        const struct kb_word *first = kb_line_peek(&s->line);
        s->at = i;
        if (kb_word_is(first, "end"))
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_lonely_end);
        if (begins_block(first))
            status = run_block(s, lines, i, end, &i);
        else
            status = kb_command(s);
        if (s->rehearsing && s->at == UINT32_MAX) /* the next machine: its part is over */
            return KB_OK;
    }
    return status;
}

kb_status kb_scenario_run_from(struct kb_scenario *s, uint32_t from) {
    return run_lines(s, &s->lines, from, s->lines.count);
}

/* ---- public ---- */

kb_status kb_scenario_open(struct kb_scenario **scenario, const struct kb_scenario_options *options,
                           struct kb_error *error) {
    struct kb_scenario *s = kb_take(options->host, sizeof *s);
    if (s != NULL)
        s->words = kb_take(options->host, KB_LINE_WORDS * sizeof *s->words);
    if (s == NULL || s->words == NULL) {
        kb_give_back(options->host, s, sizeof *s);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "scenario",
                       (unsigned long long)sizeof *s);
    }
    s->options = *options;
    if (s->options.most_commands == 0)
        s->options.most_commands = MOST_COMMANDS;
    if (s->options.most_references == 0)
        s->options.most_references = MOST_REFERENCES;
    if (s->options.most_bytes == 0)
        s->options.most_bytes = MOST_BYTES;
    s->line.word = s->words;
    s->os_error.language = options->language;
    kb_text_begin(&s->out, options->output, options->language, error);
    if (options->view == KB_VIEW_JSON) {
        kb_json_begin(&s->json, options->output, error);
        kb_json_object(&s->json, NULL);
        kb_json_u64(&s->json, "events_version", KB_OS_EVENTS_VERSION);
        kb_json_string(&s->json, "file", options->name);
        kb_json_array(&s->json, "events");
        s->json_open = true;
    }
    *scenario = s;
    return KB_OK;
}

static void free_lines(struct kb_scenario *s, struct kb_lines *lines) {
    kb_give_back(s->options.host, lines->text, lines->room);
    kb_give_back(s->options.host, lines->start, lines->line_room * sizeof *lines->start);
    kb_give_back(s->options.host, lines->number, lines->line_room * sizeof *lines->number);
    *lines = (struct kb_lines){0};
}

kb_status kb_scenario_run(struct kb_scenario *s, const char *text, size_t length,
                          struct kb_error *error) {
    kb_status status = KB_OK;
    s->error = error;
    free_lines(s, &s->lines);
    for (size_t at = 0; at < length && status == KB_OK;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end != NULL ? (size_t)(end - text) - at : length - at;
        s->number = ++s->tally.lines;
        status = keep_line(s, &s->lines, text + at, line, s->number);
        at += line + 1;
    }
    s->whole = true;
    if (status == KB_OK)
        status = run_lines(s, &s->lines, 0, s->lines.count);
    if (status == KB_OK && s->tally.commands == 0) { /* nothing done and nothing checked */
        s->number = 1;
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_empty);
    }
    return at_line(s, status);
}

kb_status kb_scenario_line(struct kb_scenario *s, const char *text, size_t length,
                           struct kb_error *error) {
    s->error = error;
    s->number = ++s->tally.lines;
    s->whole = false;
    s->line_text = text;
    s->line_length = length;
    kb_status status = kb_line_cut(&s->line, text, length, error);
    if (status != KB_OK)
        return at_line(s, status);
    const struct kb_word *first = kb_line_peek(&s->line);
    bool begins = begins_block(first), ends = kb_word_is(first, "end");
    if (!begins && s->depth == 0)
        return at_line(s,
                       ends ? kb_fail(error, KB_DATA, KB_MSG_scenario_lonely_end) : kb_command(s));
    status = keep_line(s, &s->lines, text, length, s->number);
    s->depth += begins ? 1 : 0;
    s->depth -= ends ? 1 : 0;
    if (status == KB_OK && s->depth == 0)
        status = run_lines(s, &s->lines, 0, s->lines.count);
    if (status != KB_OK)
        s->depth = 0;
    if (s->depth == 0)
        free_lines(s, &s->lines);
    return at_line(s, status);
}

void kb_scenario_place(struct kb_scenario *s, const char *name, uint64_t line) {
    s->options.name = name;
    s->tally.lines = line - 1;
}

bool kb_scenario_inside(const struct kb_scenario *s) { return s->depth > 0; }

void kb_scenario_set_view(struct kb_scenario *s, enum kb_scenario_view view) {
    s->options.view = view;
}

kb_status kb_scenario_end(struct kb_scenario *s, struct kb_scenario_tally *tally,
                          struct kb_error *error) {
    s->error = error;
    s->out.error = error;
    s->json.error = error;
    *tally = s->tally;
    kb_status status = kb_text_end(&s->out);
    if (status == KB_OK && s->depth > 0) {
        s->number = s->lines.number[0];
        status = at_line(s, kb_fail(error, KB_DATA, KB_MSG_scenario_no_end));
    }
    if (s->json_open) {
        kb_json_close_array(&s->json);
        kb_json_newline(&s->json);
        if (s->failure[0] != '\0') /* what came is not the whole */
            kb_json_string(&s->json, "error", s->failure);
        kb_json_u64(&s->json, "expectations", s->tally.expectations);
        kb_json_u64(&s->json, "failed", s->tally.failed);
        kb_json_object(&s->json, "counters");
        for (unsigned i = 0; s->built && kb_quantity_name(i) != NULL; i++) {
            const char *name = kb_quantity_name(i);
            uint64_t whole;
            double real;
            enum kb_quantity_kind kind =
                kb_quantity(s, name, (uint32_t)strlen(name), NULL, &whole, &real);
            if (kind == KB_WHOLE)
                kb_json_u64(&s->json, name, whole);
            else if (kind == KB_REAL)
                kb_json_double(&s->json, name, real);
        }
        kb_json_close_object(&s->json);
        kb_json_close_object(&s->json);
        s->json_open = false;
        kb_status json = kb_json_end(&s->json);
        status = status == KB_OK ? json : status;
    }
    return status == KB_OK && s->failure[0] == '\0' ? kb_scenario_time_end(s, error) : status;
}

void kb_scenario_free(struct kb_scenario *s) {
    if (s == NULL)
        return;
    kb_scenario_free_places(s);
    kb_scenario_free_jobs(s);
    kb_scenario_tear_down(s);
    kb_scenario_time_free(s);
    if (s->has_future)
        kb_future_free(&s->future);
    free_lines(s, &s->lines);
    kb_give_back(s->options.host, s->ran, s->ran == NULL ? 0 : KB_BLOCK_RUNS * sizeof *s->ran);
    kb_give_back(s->options.host, s->victims, s->victim_room * sizeof *s->victims);
    kb_give_back(s->options.host, s->words, KB_LINE_WORDS * sizeof *s->words);
    kb_give_back(s->options.host, s, sizeof *s);
}
