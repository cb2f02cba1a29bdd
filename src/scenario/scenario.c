/* scenario.c - lines become commands; blocks are collected and run; who listens to the system. */
#include "scenario/session.h"

#include <stdio.h>

#define MOST_COMMANDS UINT64_C(10000000)
#define MOST_REFERENCES UINT64_C(4000000000)
#define MOST_BYTES (UINT64_C(4) << 30)
#define LOOKS_A_COMMAND 64 /* times that lines are read, for each command that may run */
#define TOLD_AT_MOST 24    /* references of one command, unless all are wanted */

static const struct {
    const char *name;
    kb_status (*run)(struct kb_scenario *s);
    const char *usage;
} commands[] = {
    {"machine", kb_command_machine,
     "machine [page=4K] [frames=16 | memory=64K] [replace=fifo] [load=demand|all] "
     "[kernel=yes|ADDRESS]\n"
     "      [format=generic|sv32|sv39|sv48|sv57|x86-32|x86-64|inverted] [tables=BYTES]\n"
     "      [address=32] [levels=1 | split=10,10] [entry=4|8]\n"
     "      [tlb=16 | tlb=64x4] [tlb2=128x12] [tlb-replace=lru|fifo|random] [asids=N]\n"
     "      [swap=SLOTS] [swap-file=PATH] [search=CYCLES] [io=CYCLES] [seed=N]\n"
     "      [organisation=paging|relocation|paged-segmentation]"},
    {"process", kb_command_process, "process NAME …"},
    {"switch", kb_command_switch, "switch NAME"},
    {"kill", kb_command_kill, "kill NAME"},
    {"patch", kb_command_patch, "patch PHYSICAL VALUE [bytes=4]"},
    {"flush", kb_command_flush, "flush [all]"},
    {"fail", kb_command_fail,
     "fail read|write|short-write|no-space|corrupt|lost-write [at=1] [count=1]"},
    {"reset", kb_command_reset, "reset counters|victims|referenced"},
    {"show", kb_command_show,
     "show page-table NAME | tlb | memory | free | swap | counters [NAME] | regions NAME |\n      "
     "translation NAME ADDRESS | split ADDRESS | bytes PHYSICAL LENGTH | processes"},
    {"expect", kb_command_expect,
     "expect [NAME] QUANTITY [=|<|>|<=|>=|!=] VALUE [±TOLERANCE] | expect fault KIND |\n      "
     "expect "
     "physical ADDRESS | expect [NAME] page N valid=… frame=… | expect NAME ended REASON | …"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static const char *const other_usages[] = {
    "NAME region WHAT start=0 size=16K [rights=rwx] [image=SEED]",
    "NAME segment WHAT size=16K [rights=rwx] [image=SEED]   addresses: <WHAT,DISPLACEMENT>",
    "NAME map page=1 frame=2 [rights=rwx] [size=2M] | NAME unmap page=1 | start=0 size=8K",
    "NAME protect page=1 rights=r | start=0 size=8K rights=rx",
    "NAME touch 1 2w 3x …        pages: read, write, execute",
    "NAME load ADDRESS [bytes=1] | NAME store ADDRESS VALUE [bytes=1] | NAME store ADDRESS "
    "\"text\"",
    "NAME execute ADDRESS | NAME inc ADDRESS [by=1] [bytes=4] | NAME copy FROM TO LENGTH",
    "NAME fill|verify START LENGTH [seed=1] [step=RECORD [unsplit]] | NAME digest START LENGTH",
    "NAME translate ADDRESS [write|execute]",
    "NAME run GENERATOR option=value … | NAME run file=PATH [format=F] [skip=N] [limit=N]",
    "NAME mode kernel|user | NAME handler skip|none | NAME evict PAGE | NAME relocate base=0 "
    "limit=64K",
    "repeat N … end | together [quantum=N] … end | version 1",
};

const char *kb_scenario_usage(unsigned i) {
    if (i < COMMANDS)
        return commands[i].usage;
    i -= (unsigned)COMMANDS;
    return i < sizeof other_usages / sizeof other_usages[0] ? other_usages[i] : NULL;
}

bool kb_scenario_is_word(const struct kb_word *word) {
    static const char *const others[] = {"version", "repeat", "together", "end"};
    for (unsigned i = 0; i < COMMANDS; i++)
        if (kb_word_is(word, commands[i].name))
            return true;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (kb_word_is(word, others[i]))
            return true;
    return kb_expect_is_word(word);
}

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
    bool heard = keeps || (s->options.view != KB_VIEW_QUIET && !s->rehearsing);
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

kb_status kb_scenario_process(struct kb_scenario *s, const struct kb_word *name,
                              struct kb_process **process) {
    char text[KB_NAME_BYTES] = "", all[200] = "";
    if (name == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_wants_process);
    if (name->length < KB_NAME_BYTES)
        memcpy(text, name->at, name->length);
    *process = s->built && text[0] != '\0' ? kb_os_process(&s->os, text) : NULL;
    if (*process != NULL)
        return KB_OK;
    size_t used = 0;
    for (uint32_t i = 0; s->built && i < s->os.process_count; i++) {
        const char *one = s->os.process[i]->name;
        if (used + strlen(one) + 2 >= sizeof all)
            break;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? " " : "", one);
    }
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_process,
                   (int)(name->length < 40 ? name->length : 40), name->at, used > 0 ? all : "–");
}

/* ---- one command ---- */

static kb_status process_command(struct kb_scenario *s, const struct kb_word *name) {
    struct kb_process *p;
    static const struct {
        const char *name;
        kb_status (*act)(struct kb_scenario *s, struct kb_process *p);
    } acts[] = {
        {"region", kb_act_region},   {"segment", kb_act_segment}, {"map", kb_act_map},
        {"unmap", kb_act_unmap},     {"protect", kb_act_protect}, {"mode", kb_act_mode},
        {"handler", kb_act_handler}, {"evict", kb_act_evict},     {"relocate", kb_act_relocate},
    };
    kb_status status = kb_scenario_process(s, name, &p);
    if (status != KB_OK)
        return status;
    const struct kb_word *verb = kb_line_take(&s->line);
    if (verb == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_verb, p->name);
    for (unsigned i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (kb_word_is(verb, acts[i].name)) {
            if (p->state == KB_ENDED)
                return kb_fail(s->error, KB_DATA, KB_MSG_scenario_ended, p->name,
                               kb_reason_name(p->reason));
            return acts[i].act(s, p);
        }
    bool known;
    status = kb_perform(s, p, verb, &known);
    if (status == KB_OK && !known)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_verb,
                       (int)(verb->length < 40 ? verb->length : 40), verb->at);
    return status;
}

static void tell_command(struct kb_scenario *s) {
    size_t length = s->line_length;
    while (length > 0 && (s->line_text[length - 1] == '\r' || s->line_text[length - 1] == ' '))
        length--;
    if (s->rehearsing)
        return;
    if (s->options.view == KB_VIEW_NARRATE)
        kb_text_format(&s->out, "> %.*s\n", (int)(length < 900 ? length : 900), s->line_text);
    if (s->options.view == KB_VIEW_JSON) {
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)(length < 500 ? length : 500), s->line_text);
        kb_json_newline(&s->json);
        kb_json_object(&s->json, NULL);
        kb_json_string(&s->json, "event", "command");
        kb_json_u64(&s->json, "line", s->number);
        kb_json_string(&s->json, "text", text);
        kb_json_close_object(&s->json);
    }
}

static kb_status command(struct kb_scenario *s) {
    uint64_t most = s->options.most_commands != 0 ? s->options.most_commands : MOST_COMMANDS;
    const struct kb_word *first = kb_line_peek(&s->line);
    if (s->line.count == 0)
        return KB_OK;
    if (first == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_command);
    if (++s->tally.commands > most)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_too_long, (unsigned long long)most);
    s->told = 0;
    s->muted = false;
    tell_command(s);
    (void)kb_line_take(&s->line);
    if (kb_word_is(first, "version")) {
        uint64_t version;
        kb_status status = kb_line_number(&s->line, "version", &version, s->error);
        if (status == KB_OK && (version == 0 || version > KB_SCENARIO_VERSION))
            status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_version,
                             (unsigned long long)version, (unsigned long long)KB_SCENARIO_VERSION);
        return status == KB_OK ? kb_line_end(&s->line, "version 1", s->error) : status;
    }
    unsigned which = 0;
    while (which < COMMANDS && !kb_word_is(first, commands[which].name))
        which++;
    kb_status status = which < COMMANDS ? commands[which].run(s) : process_command(s, first);
    if (status == KB_OK && s->built && s->os.diverged)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_diverged);
    return status;
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
    uint64_t most = s->options.most_commands != 0 ? s->options.most_commands : MOST_COMMANDS;
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
    uint64_t times = 0,
             most = s->options.most_commands != 0 ? s->options.most_commands : MOST_COMMANDS;
    tell_command(s);
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
            status = command(s);
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
        return at_line(s, ends ? kb_fail(error, KB_DATA, KB_MSG_scenario_lonely_end) : command(s));
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
    return status;
}

void kb_scenario_free(struct kb_scenario *s) {
    if (s == NULL)
        return;
    kb_scenario_tear_down(s);
    if (s->has_future)
        kb_future_free(&s->future);
    free_lines(s, &s->lines);
    kb_give_back(s->options.host, s->ran, s->ran == NULL ? 0 : KB_BLOCK_RUNS * sizeof *s->ran);
    kb_give_back(s->options.host, s->victims, s->victim_room * sizeof *s->victims);
    kb_give_back(s->options.host, s->words, KB_LINE_WORDS * sizeof *s->words);
    kb_give_back(s->options.host, s, sizeof *s);
}
