/* expect.c - what must come of it: each line is one check, with what was wanted and what was
 * found. */
#include <stdio.h>

#include "base/units.h"
#include "scenario/placement.h"

#define TEXT 800
#define NAME 64

static const char usage[] = "expect [NAME] QUANTITY [=|<|>|<=|>=|!=] VALUE [±TOLERANCE]";

kb_status kb_scenario_judge(struct kb_scenario *s, const char *what, const char *wanted,
                            const char *found, bool passed) {
    if (s->rehearsing)
        return KB_OK;
    s->tally.expectations++;
    s->tally.failed += !passed;
    if (s->options.view == KB_VIEW_JSON) {
        kb_json_newline(&s->json);
        kb_json_object(&s->json, NULL);
        kb_json_string(&s->json, "event", "expect");
        kb_json_u64(&s->json, "line", s->number);
        kb_json_string(&s->json, "what", what);
        kb_json_string(&s->json, "wanted", wanted);
        kb_json_string(&s->json, "found", found);
        kb_json_bool(&s->json, "passed", passed);
        kb_json_close_object(&s->json);
    } else if (!passed) {
        kb_text_message(&s->out, KB_MSG_expect_failed,
                        s->options.name != NULL ? s->options.name : "-",
                        (unsigned long long)s->number, what, wanted, found);
    } else if (s->options.view == KB_VIEW_NARRATE) {
        kb_text_message(&s->out, KB_MSG_expect_passed, what, found);
    }
    return KB_OK;
}

/* ---- values ---- */

enum relation { EQUAL, LESS, MORE, AT_MOST, AT_LEAST, UNEQUAL };

static enum relation read_relation(struct kb_line *line) {
    static const char *const signs[] = {"=", "<", ">", "<=", ">=", "!="};
    for (unsigned i = 0; i < 6; i++)
        if (kb_line_take_if(line, signs[i]))
            return (enum relation)i;
    return EQUAL;
}

static bool holds(double found, enum relation relation, double wanted, double by) {
    double difference = found > wanted ? found - wanted : wanted - found;
    switch (relation) {
    case EQUAL:
        return difference <= by;
    case LESS:
        return found < wanted;
    case MORE:
        return found > wanted;
    case AT_MOST:
        return found <= wanted + by;
    case AT_LEAST:
        return found >= wanted - by;
    case UNEQUAL:
        return difference > by;
    }
    return false;
}

static bool holds_whole(uint64_t found, enum relation relation, uint64_t wanted) {
    switch (relation) {
    case EQUAL:
        return found == wanted;
    case LESS:
        return found < wanted;
    case MORE:
        return found > wanted;
    case AT_MOST:
        return found <= wanted;
    case AT_LEAST:
        return found >= wanted;
    case UNEQUAL:
        return found != wanted;
    }
    return false;
}

static bool parse_real(const char *at, size_t length, double *value) {
    char text[40];
    int read = 0;
    uint64_t whole;
    if (kb_parse_size(at, length, &whole)) {
        *value = (double)whole;
        return true;
    }
    if (length >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)length, at);
    return sscanf(text, "%lf%n", value, &read) == 1 && text[read] == '\0' && *value == *value;
}

/* ±0.1 or +-0.1, if it is there. */
static kb_status read_tolerance(struct kb_scenario *s, double *by, bool *given) {
    const struct kb_word *word = kb_line_peek(&s->line);
    static const char *const signs[] = {"\xC2\xB1", "+-"};
    *given = false;
    for (unsigned i = 0; i < 2 && word != NULL; i++) {
        if (word->length < 2 || memcmp(word->at, signs[i], 2) != 0)
            continue;
        (void)kb_line_take(&s->line);
        *given = true;
        struct kb_word number = {.at = word->at + 2, .length = word->length - 2};
        if (number.length == 0 && (word = kb_line_take(&s->line)) != NULL) /* ± 0.1 */
            number = *word;
        if (parse_real(number.at, number.length, by) && *by >= 0)
            return KB_OK;
        return kb_fail(s->error, KB_DATA, KB_MSG_line_number, "±",
                       (int)(number.length < 60 ? number.length : 60), number.at);
    }
    return KB_OK;
}

static kb_status end(struct kb_scenario *s) { return kb_line_end(&s->line, usage, s->error); }

/* ---- numbers ---- */

kb_status kb_expect_number(struct kb_scenario *s, const char *what, enum kb_quantity_kind kind,
                           uint64_t whole, double real, bool hex) {
    static const char *const signs[] = {"", "< ", "> ", "<= ", ">= ", "!= "};
    enum relation relation = read_relation(&s->line);
    const struct kb_word *word = kb_line_take(&s->line);
    double by = 0, wanted_real = 0;
    uint64_t wanted_whole = 0;
    bool given, is_whole = false;
    char wanted[TEXT], found[TEXT];
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    kb_status status = KB_OK;
    if (kb_word_number(word, what, &wanted_whole, s->error) == KB_OK) {
        is_whole = true;
        wanted_real = (double)wanted_whole;
    } else if (!parse_real(word->at, word->length, &wanted_real)) {
        return KB_DATA; /* the error is that of the number */
    }
    status = read_tolerance(s, &by, &given);
    if (status == KB_OK)
        status = end(s);
    if (status != KB_OK)
        return status;
    snprintf(wanted, sizeof wanted, "%s%.*s", signs[relation],
             (int)(word->length < 60 ? word->length : 60), word->at);
    if (given)
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), " ±%g", by);
    bool passed;
    if (kind == KB_WHOLE) {
        snprintf(found, sizeof found, hex ? "0x%llx" : "%llu", (unsigned long long)whole);
        passed = is_whole && !given ? holds_whole(whole, relation, wanted_whole)
                                    : holds((double)whole, relation, wanted_real, by);
    } else {
        snprintf(found, sizeof found, "%.6g", real);
        passed = holds(real, relation, wanted_real, by);
    }
    return kb_scenario_judge(s, what, wanted, found, passed);
}

/* ---- texts ---- */

static kb_status judge_text(struct kb_scenario *s, const char *what, const char *found) {
    (void)kb_line_take_if(&s->line, "=");
    const struct kb_word *word = kb_line_take(&s->line);
    char wanted[TEXT];
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    snprintf(wanted, sizeof wanted, "%.*s", (int)(word->length < 200 ? word->length : 200),
             word->at);
    kb_status status = end(s);
    return status == KB_OK ? kb_scenario_judge(s, what, wanted, found, strcmp(wanted, found) == 0)
                           : status;
}

/* privilege is a protection fault, too. */
static kb_status expect_fault(struct kb_scenario *s) {
    const char *found = kb_fault_name(s->last.fault);
    (void)kb_line_take_if(&s->line, "=");
    const struct kb_word *word = kb_line_peek(&s->line);
    bool known = false;
    for (unsigned i = 0; i < KB_FAULT_KINDS; i++)
        known = known || kb_word_is(word, kb_fault_name((enum kb_fault)i));
    if (!known)
        return kb_fail(s->error, KB_DATA, KB_MSG_expect_fault_kind,
                       word == NULL ? 0 : (int)(word->length < 40 ? word->length : 40),
                       word == NULL ? "" : word->at);
    if (s->last.fault == KB_FAULT_PRIVILEGE && kb_word_is(word, "protection"))
        found = "protection";
    return judge_text(s, "fault", found);
}

/* ---- lists ---- */

/* The rest of the line as numbers, against a list. */
static kb_status judge_list(struct kb_scenario *s, const char *what, const uint64_t *list,
                            uint64_t count) {
    char wanted[TEXT] = "", found[TEXT] = "";
    uint64_t i = 0;
    bool same = true;
    (void)kb_line_take_if(&s->line, "=");
    for (const struct kb_word *word; (word = kb_line_take(&s->line)) != NULL; i++) {
        uint64_t value;
        if (kb_word_is(word, "none") && i == 0)
            break;
        kb_status status = kb_word_number(word, what, &value, s->error);
        if (status != KB_OK)
            return status;
        same = same && i < count && list[i] == value;
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, "%s%llu", used > 0 ? " " : "",
                 (unsigned long long)value);
    }
    for (uint64_t k = 0; k < count; k++) {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%llu", used > 0 ? " " : "",
                 (unsigned long long)list[k]);
    }
    kb_status status = end(s);
    return status == KB_OK ? kb_scenario_judge(s, what, wanted, found, same && i == count) : status;
}

static kb_status expect_victims(struct kb_scenario *s) {
    if (!s->victims_known)
        return kb_fail(s->error, KB_DATA, KB_MSG_expect_victims);
    return judge_list(s, "victims", s->victims, s->victim_count);
}

/* The frames of a process's pages, in the order of its pages. */
static kb_status expect_frames_of(struct kb_scenario *s, const struct kb_process *p) {
    uint64_t list[256], pages[256], count = 0;
    for (uint32_t id = p->mappings; id != KB_NO_MAPPING; id = s->os.pages.mapping[id].next) {
        const struct kb_mapping *mapping = &s->os.pages.mapping[id];
        uint64_t number = mapping->number, at = count;
        if (s->os.pages.frame_of[mapping->page] == 0)
            continue;
        if (count == 256)
            return kb_fail(s->error, KB_DATA, KB_MSG_expect_too_many, 256ULL);
        for (; at > 0 && pages[at - 1] > number; at--) {
            pages[at] = pages[at - 1];
            list[at] = list[at - 1];
        }
        pages[at] = number;
        list[at] = s->os.pages.frame_of[mapping->page] - 1;
        count++;
    }
    return judge_list(s, "frames-of", list, count);
}

/* 1 3 victim write-back invalidate 4 5 6 */
static kb_status expect_steps(struct kb_scenario *s) {
    char wanted[TEXT] = "", found[TEXT] = "";
    for (const struct kb_word *word; (word = kb_line_take(&s->line)) != NULL;) {
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, "%s%.*s", used > 0 ? " " : "",
                 (int)(word->length < 30 ? word->length : 30), word->at);
    }
    for (unsigned i = 0; i < s->last.trail_length; i++) {
        static const struct {
            enum kb_os_event_kind kind;
            const char *text;
        } steps[] = {
            {KB_OS_EVENT_CHECK, "1"},
            {KB_OS_EVENT_SEGMENT, "segment"},
            {KB_OS_EVENT_KILL, "2"},
            {KB_OS_EVENT_FRAME, "3"},
            {KB_OS_EVENT_VICTIM, "3 victim"},
            {KB_OS_EVENT_REFUSED, "refused"},
            {KB_OS_EVENT_WRITE_BACK, "write-back"},
            {KB_OS_EVENT_INVALIDATE, "invalidate"},
            {KB_OS_EVENT_READ_IN, "4"},
            {KB_OS_EVENT_UPDATE, "5"},
            {KB_OS_EVENT_RESTART, "6"},
            {KB_OS_EVENT_STORE_FAILED, "store-failed"},
            {KB_OS_EVENT_SKIP, "skip"},
            {KB_OS_EVENT_GROW, "grow"},
            {KB_OS_EVENT_SOFT, "soft"},
            {KB_OS_EVENT_COPY, "copy"},
            {KB_OS_EVENT_PAGE_OUT, "page-out"},
            {KB_OS_EVENT_PLACE, "place"},
            {KB_OS_EVENT_MOVE, "move"},
            {KB_OS_EVENT_PREFETCH, "prefetch"},
        };
        for (unsigned k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            size_t used = strlen(found);
            if (steps[k].kind == (enum kb_os_event_kind)s->last.trail[i])
                snprintf(found + used, sizeof found - used, "%s%s", used > 0 ? " " : "",
                         steps[k].text);
        }
    }
    kb_status status = end(s);
    return status == KB_OK
               ? kb_scenario_judge(s, "steps", wanted, found, strcmp(wanted, found) == 0)
               : status;
}

/* ---- what is asked ---- */

static kb_status expect_byte(struct kb_scenario *s) {
    uint64_t address;
    kb_status status = kb_line_number(&s->line, "physical address", &address, s->error);
    if (status == KB_OK && !kb_memory_has(&s->os.mmu.memory, address, 1))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_memory, (unsigned long long)address);
    return status == KB_OK ? kb_expect_number(s, "byte", KB_WHOLE,
                                              *kb_memory_at(&s->os.mmu.memory, address), 0, true)
                           : status;
}

/* expect file NAME OFFSET VALUE [bytes=N]: as it stands in the file, and whatever its plans to fail
 * are: looking at it is no operation of the machine. */
static kb_status expect_file(struct kb_scenario *s) {
    uint32_t object;
    uint64_t offset, bytes = 1, value = 0;
    uint8_t found[8] = {0};
    kb_status status = kb_scenario_file(s, kb_line_take(&s->line), &object);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "offset", &offset, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "bytes", &bytes, s->error);
    if (status == KB_OK && (bytes == 0 || bytes > 8))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_bytes, (unsigned long long)bytes);
    if (status != KB_OK)
        return status;
    struct kb_store *store = &s->os.object[object]->store, failing = *store;
    *store = *kb_store_wrapped(&failing);
    status =
        kb_scenario_os_status(s, kb_os_file_bytes(&s->os, object, offset, found, (uint32_t)bytes));
    *store = failing;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)found[i] << 8 * i;
    return status == KB_OK ? kb_expect_number(s, "file", KB_WHOLE, value, 0, true) : status;
}

static kb_status judge_yes(struct kb_scenario *s, const char *what, bool found) {
    (void)kb_line_take_if(&s->line, "=");
    bool no = kb_line_take_if(&s->line, "no");
    if (!no)
        (void)kb_line_take_if(&s->line, "yes");
    kb_status status = end(s);
    return status == KB_OK
               ? kb_scenario_judge(s, what, no ? "no" : "yes", found ? "yes" : "no", found != no)
               : status;
}

/* expect index LEVEL VALUE: of the linear address, as people count levels. */
static kb_status expect_index(struct kb_scenario *s) {
    const struct kb_format *format = &s->os.mmu.format;
    uint64_t level;
    kb_status status = kb_line_number(&s->line, "level", &level, s->error);
    if (status != KB_OK)
        return status;
    for (unsigned depth = 0; depth < format->levels; depth++)
        if (kb_format_level(format, depth) == level)
            return kb_expect_number(s, "index", KB_WHOLE,
                                    kb_format_index(format, s->last.linear, depth), 0, false);
    return kb_fail(s->error, KB_DATA, KB_MSG_expect_level,
                   (unsigned long long)kb_format_level(format, 0),
                   (unsigned long long)kb_format_level(format, format->levels - 1));
}

/* What the last translation says; false if the word is none of these. */
static bool expect_translation(struct kb_scenario *s, kb_status *status) {
    const struct kb_outcome *last = &s->last;
    unsigned bits = kb_os_page_bits(&s->os);
    const struct {
        const char *name;
        uint64_t value;
        bool hex;
    } values[] = {
        {"physical", last->physical, true},
        {"linear", last->linear, true},
        {"offset", last->linear & ((UINT64_C(1) << bits) - 1), true},
        {"page-number", last->linear >> bits, false},
        {"frame", last->physical >> bits, false},
    };
    if (kb_line_take_if(&s->line, "index")) {
        *status = expect_index(s);
        return true;
    }
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (!kb_line_take_if(&s->line, values[i].name))
            continue;
        if (last->translated)
            *status =
                kb_expect_number(s, values[i].name, KB_WHOLE, values[i].value, 0, values[i].hex);
        else
            *status = judge_text(s, values[i].name, kb_fault_name(last->fault));
        return true;
    }
    return false;
}

/* A number of the system, or of a process; false: the word is none. */
static bool expect_number(struct kb_scenario *s, const struct kb_process *p, const char *name,
                          kb_status *status) {
    uint64_t whole = 0;
    double real = 0;
    for (unsigned i = 0; strcmp(name, "traps") == 0 && i < KB_FAULT_KINDS; i++)
        if (kb_line_take_if(&s->line, kb_fault_name((enum kb_fault)i))) {
            whole =
                p != NULL ? p->counters.traps[i] : s->os.counters.traps[i] - s->base.os.traps[i];
            *status = kb_expect_number(s, name, KB_WHOLE, whole, 0, false);
            return true;
        }
    enum kb_quantity_kind kind = kb_quantity(s, name, (uint32_t)strlen(name), p, &whole, &real);
    if (kind != KB_NO_QUANTITY)
        *status = kb_expect_number(s, name, kind, whole, real, false);
    return kind != KB_NO_QUANTITY;
}

/* The next word, or "", as much of it as a name may have. */
static void take_name(struct kb_scenario *s, char name[NAME]) {
    const struct kb_word *word = kb_line_take(&s->line);
    uint32_t length = word == NULL ? 0 : word->length < NAME - 1 ? word->length : NAME - 1;
    snprintf(name, NAME, "%.*s", (int)length, word == NULL ? "" : word->at);
}

static kb_status expect_of(struct kb_scenario *s, const struct kb_process *p) {
    char name[NAME];
    kb_status status;
    if (kb_line_take_if(&s->line, "page"))
        return kb_expect_page(s, p);
    if (kb_line_take_if(&s->line, "segment"))
        return kb_expect_segment(s, p);
    if (kb_line_take_if(&s->line, "frames-of"))
        return expect_frames_of(s, p);
    if (kb_line_take_if(&s->line, "ended"))
        return judge_text(s, "ended", kb_reason_name(p->reason));
    if (kb_line_take_if(&s->line, "state")) {
        static const char *const states[] = {"ready", "running", "blocked", "swapped", "ended"};
        return judge_text(s, "state", states[p->state]);
    }
    take_name(s, name);
    return expect_number(s, p, name, &status)
               ? status
               : kb_fail(s->error, KB_DATA, KB_MSG_expect_what, name);
}

bool kb_expect_is_word(const struct kb_word *word) {
    static const char *const words[] = {
        "physical", "linear",  "offset", "page-number", "frame", "fault",  "victims", "steps",
        "byte",     "refused", "done",   "tlb-hit",     "value", "digest", "running", "file"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (kb_word_is(word, words[i]))
            return true;
    for (unsigned i = 0; kb_quantity_name(i) != NULL; i++)
        if (kb_word_is(word, kb_quantity_name(i)))
            return true;
    return kb_expect_is_batch(word) || kb_expect_is_placement(word);
}

/* faults=9 is faults = 9; but the parts of a page, and the bytes of a file, are options. */
static void open_equations(struct kb_line *line) {
    for (unsigned i = 0; i < line->count; i++)
        if (kb_word_is(&line->word[i], "page") || kb_word_is(&line->word[i], "file") ||
            kb_word_is(&line->word[i], "segment"))
            return;
    kb_line_open_options(line);
}

kb_status kb_command_expect(struct kb_scenario *s) {
    kb_status status = KB_OK;
    open_equations(&s->line);
    if (kb_expect_placement(s, &status))
        return status;
    status = kb_scenario_build(s);
    if (status != KB_OK || s->rehearsing)
        return status;
    if (kb_expect_batch(s, &status))
        return status;
    if (expect_translation(s, &status))
        return status;
    if (kb_line_take_if(&s->line, "fault"))
        return expect_fault(s);
    if (kb_line_take_if(&s->line, "victims"))
        return expect_victims(s);
    if (kb_line_take_if(&s->line, "steps"))
        return expect_steps(s);
    if (kb_line_take_if(&s->line, "byte"))
        return expect_byte(s);
    if (kb_line_take_if(&s->line, "file"))
        return expect_file(s);
    if (kb_line_take_if(&s->line, "refused"))
        return judge_yes(s, "refused", s->last.refused);
    if (kb_line_take_if(&s->line, "done"))
        return judge_yes(s, "done", s->last.done);
    if (kb_line_take_if(&s->line, "tlb-hit"))
        return judge_yes(s, "tlb-hit", s->last.tlb_hit);
    if (kb_line_take_if(&s->line, "value"))
        return kb_expect_number(s, "value", KB_WHOLE, s->last.value, 0, true);
    if (kb_line_take_if(&s->line, "digest"))
        return kb_expect_number(s, "digest", KB_WHOLE, s->last.digest, 0, true);
    if (kb_line_take_if(&s->line, "running"))
        return judge_text(s, "running", s->os.running != NULL ? s->os.running->name : "none");
    char name[NAME];
    if (kb_line_peek(&s->line) == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    take_name(s, name);
    if (expect_number(s, NULL, name, &status))
        return status;
    struct kb_process *p = strlen(name) < KB_NAME_BYTES ? kb_os_process(&s->os, name) : NULL;
    return p != NULL ? expect_of(s, p) : kb_fail(s->error, KB_DATA, KB_MSG_expect_what, name);
}
