/* together.c - programs that share the processor: each process has the lines that begin with its
 * name, and runs them one instruction at a time until it waits for a page, its quantum is over, or
 * its lines are. What it says of its pages (release …) takes nothing of the quantum.
 *
 *   together quantum=2      P: touch 1, touch 2, load …
 *   P touch 1 2             Q: touch 7
 *   Q touch 7
 *   P load 0x1000           round robin, in the order of the processes
 *   end */
#include "scenario/session.h"

struct program {
    uint32_t line;          /* the next one; end: it is over */
    unsigned word;          /* of a touch: the next page */
    struct kb_program *run; /* of a run: what is left of it */
};

struct block {
    const struct kb_lines *lines;
    uint32_t first, end;
    struct program *program; /* by process number */
    uint32_t count;
};

/* The process of a line, or an error; its words but the process's name stay to be taken. */
static kb_status read_line(struct kb_scenario *s, const struct block *b, uint32_t line,
                           struct kb_process **process) {
    kb_status status = kb_scenario_cut(s, b->lines, line);
    *process = NULL;
    if (status != KB_OK || s->line.count == 0)
        return status;
    return kb_scenario_process(s, kb_line_take(&s->line), process);
}

/* Moves the program to its next line. */
static kb_status advance(struct kb_scenario *s, const struct block *b, uint32_t number) {
    struct program *program = &b->program[number];
    for (program->word = 0; program->line < b->end; program->line++) {
        struct kb_process *process;
        kb_status status = read_line(s, b, program->line, &process);
        if (status != KB_OK)
            return status;
        if (process != NULL && process->number == number)
            return KB_OK;
    }
    return KB_OK;
}

/* Only instructions, and what programs say of their pages, share the processor. */
static kb_status check_lines(struct kb_scenario *s, const struct block *b) {
    static const char *const verbs[] = {"touch",   "load", "store", "execute",
                                        "inc",     "copy", "run",   "release",
                                        "discard", "pin",  "unpin", "compute"};
    for (uint32_t line = b->first; line < b->end; line++) {
        struct kb_process *process;
        bool known = false;
        kb_status status = read_line(s, b, line, &process);
        if (status != KB_OK)
            return status;
        const struct kb_word *verb = kb_line_peek(&s->line);
        for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
            known = known || kb_word_is(verb, verbs[i]);
        struct kb_word path;
        if (kb_word_is(verb, "run") && kb_line_option(&s->line, "file", &path))
            known = false;
        if (process != NULL && (!known || process->state == KB_ENDED || process == s->os.kernel))
            return kb_fail(s->error, KB_DATA, KB_MSG_together_line, process->name);
    }
    return KB_OK;
}

/* Of `touch 1 2 3` only page k stays; *more = false if it was the last. */
static void choose_page(struct kb_scenario *s, unsigned k, bool *more) {
    unsigned found = 0;
    for (unsigned i = s->line.next; i < s->line.count; i++)
        if (s->line.word[i].key == 0)
            s->line.word[i].used = found++ != k;
    *more = k + 1 < found;
}

/* The next reference of a generator. */
static kb_status one_of_run(struct kb_scenario *s, struct kb_process *p, struct program *program,
                            bool *over) {
    *over = false;
    kb_status status = kb_perform_begin(s, p);
    if (status == KB_OK && program->run == NULL)
        status = kb_program_new(s, &program->run);
    if (status == KB_OK)
        status = kb_program_step(s, p, program->run, over);
    if (*over) {
        kb_program_free(s, program->run);
        program->run = NULL;
    }
    return status;
}

/* What programs say of their pages is no instruction: the quantum does not count it. */
static bool is_instruction(const struct kb_word *verb) {
    return !kb_word_is(verb, "release") && !kb_word_is(verb, "discard") &&
           !kb_word_is(verb, "pin") && !kb_word_is(verb, "unpin");
}

/* What a process does next. */
static kb_status one(struct kb_scenario *s, const struct block *b, struct kb_process *p,
                     bool *counts) {
    struct program *program = &b->program[p->number];
    struct kb_process *same;
    bool known, more = false;
    kb_status status = read_line(s, b, program->line, &same);
    if (status != KB_OK)
        return status;
    const struct kb_word *verb = kb_line_take(&s->line);
    if (kb_word_is(verb, "run")) {
        bool over;
        status = one_of_run(s, p, program, &over);
        more = !over;
        *counts = true;
    } else {
        *counts = is_instruction(verb);
        if (kb_word_is(verb, "touch"))
            choose_page(s, program->word++, &more);
        status = kb_perform(s, p, verb, &known);
    }
    if (status != KB_OK)
        return status;
    if (p->state == KB_BLOCKED) {
        program->word -= kb_word_is(verb, "touch"); /* the same page again */
        return KB_OK;
    }
    if (more)
        return KB_OK;
    program->line++;
    return advance(s, b, p->number);
}

static bool has_work(const struct block *b, const struct kb_process *p) {
    return p->number < b->count && b->program[p->number].line < b->end && p->state != KB_ENDED;
}

/* The next process, after the last one, that can run; NULL: none can now. */
static struct kb_process *choose(const struct kb_scenario *s, const struct block *b,
                                 uint32_t after) {
    for (uint32_t i = 1; i <= b->count; i++) {
        struct kb_process *p = s->os.process[(after + i) % b->count];
        if (has_work(b, p) && p->state != KB_BLOCKED && !p->suspended)
            return p;
    }
    return NULL;
}

/* Who has no lines left is nobody that load control could help. */
static void mark_rest(struct kb_scenario *s, const struct block *b) {
    for (uint32_t i = 0; i < s->os.process_count; i++)
        s->os.process[i]->rests = !has_work(b, s->os.process[i]);
}

static kb_status share(struct kb_scenario *s, const struct block *b, uint64_t quantum) {
    uint32_t last = b->count - 1;
    kb_status status = KB_OK;
    while (status == KB_OK) {
        kb_os_wake(&s->os);
        mark_rest(s, b);
        status = kb_scenario_os_status(s, kb_os_balance(&s->os));
        struct kb_process *p = choose(s, b, last);
        if (status != KB_OK)
            break;
        if (p == NULL && !kb_os_idle(&s->os))
            return KB_OK;
        if (p == NULL)
            continue;
        last = p->number;
        for (uint64_t i = 0; i < quantum && status == KB_OK && has_work(b, p);) {
            bool counts = false;
            status = one(s, b, p, &counts);
            i += counts;
            if (p->state == KB_BLOCKED)
                break;
        }
    }
    return status;
}

kb_status kb_scenario_together(struct kb_scenario *s, const struct kb_lines *lines, uint32_t first,
                               uint32_t end) {
    struct block b = {.lines = lines, .first = first, .end = end};
    uint64_t quantum = UINT64_MAX;
    (void)kb_line_take(&s->line);
    kb_status status = kb_line_option_number(&s->line, "quantum", &quantum, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "together [quantum=N]", s->error);
    if (status == KB_OK && quantum == 0)
        status = kb_fail(s->error, KB_DATA, KB_MSG_together_quantum);
    if (status == KB_OK)
        status = kb_scenario_build(s);
    if (status == KB_OK)
        status = check_lines(s, &b);
    b.count = s->built ? s->os.process_count : 0;
    if (status != KB_OK || b.count == 0)
        return status;
    b.program = kb_take(s->options.host, b.count * sizeof *b.program);
    if (b.program == NULL)
        return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "together",
                       (unsigned long long)(b.count * sizeof *b.program));
    for (uint32_t number = 0; number < b.count && status == KB_OK; number++) {
        b.program[number].line = first;
        status = advance(s, &b, number);
    }
    s->together = true;
    if (status == KB_OK)
        status = share(s, &b, quantum);
    s->together = false;
    for (uint32_t i = 0; i < s->os.process_count; i++)
        s->os.process[i]->rests = false;
    for (uint32_t number = 0; number < b.count; number++)
        kb_program_free(s, b.program[number].run);
    kb_give_back(s->options.host, b.program, b.count * sizeof *b.program);
    return status;
}
