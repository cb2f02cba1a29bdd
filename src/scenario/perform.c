/* perform.c - what programs do: touch, load, store, execute, inc, copy, fill, verify, digest,
 * translate; the table of these and of what other files have (run, release, sync, fork …). */
#include <stdio.h>

#include "base/units.h"
#include "scenario/session.h"

#define MOST_COMPUTED UINT64_C(1000000000000) /* at once: 1000 s */
#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

kb_status kb_scenario_allow(struct kb_scenario *s, uint64_t count) {
    uint64_t done = s->os.counters.references;
    if (done <= s->options.most_references && count <= s->options.most_references - done)
        return KB_OK;
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_references,
                   (unsigned long long)s->options.most_references);
}

static struct kb_word trimmed(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (at < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct kb_word){.at = at, .length = (uint32_t)(end - at)};
}

/* A number, or <segment,displacement> with the segment's number or name. */
kb_status kb_scenario_address(struct kb_scenario *s, const struct kb_process *p,
                              uint64_t *address) {
    const struct kb_word *word = kb_line_peek(&s->line);
    if (word == NULL || word->length < 5 || word->at[0] != '<')
        return kb_line_number(&s->line, "address", address, s->error);
    const char *comma = memchr(word->at, ',', word->length);
    uint64_t segment = UINT64_MAX, displacement, bytes = kb_os_segment_bytes(&s->os);
    (void)kb_line_take(&s->line);
    if (!kb_os_segmented(&s->os) && s->os.storage == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_segments);
    struct kb_word left = {0}, right = {0};
    if (comma != NULL) {
        left = trimmed(word->at + 1, comma);
        right = trimmed(comma + 1, word->at + word->length - 1);
    }
    for (uint32_t i = 0; i < p->region_count; i++)
        if (kb_word_is(&left, p->regions[i].name))
            segment = kb_storage_of_programs(&s->os) ? 0 : p->regions[i].start / bytes;
    if (comma == NULL ||
        (segment == UINT64_MAX && kb_word_number(&left, "segment", &segment, s->error) != KB_OK) ||
        kb_word_number(&right, "displacement", &displacement, s->error) != KB_OK ||
        displacement >= bytes || segment > (UINT64_MAX - displacement) / bytes)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_pair,
                       (int)(word->length < 60 ? word->length : 60), word->at, p->name,
                       (unsigned long long)bytes);
    *address = segment * bytes + displacement;
    if (kb_storage_of_programs(&s->os) && segment == 0 && p->region_count > 0)
        *address += p->regions[0].start; /* where programs are made for their place */
    return KB_OK;
}

bool kb_perform_again(struct kb_scenario *s, struct kb_process *p) {
    if (p->state != KB_BLOCKED || s->together)
        return false;
    while (p->state == KB_BLOCKED && kb_os_idle(&s->os))
        ;
    kb_os_switch(&s->os, p);
    return true;
}

static kb_status end(struct kb_scenario *s, const char *wanted) {
    return kb_line_end(&s->line, wanted, s->error);
}

/* ---- touch ---- */

/* 7, 7r, 7w, 7x. */
static kb_status read_touch(struct kb_scenario *s, struct kb_word word, uint64_t *page,
                            enum kb_access *access) {
    char last = word.length > 1 ? word.at[word.length - 1] : '\0';
    *access = last == 'w' ? KB_ACCESS_WRITE : last == 'x' ? KB_ACCESS_EXECUTE : KB_ACCESS_READ;
    if (last == 'w' || last == 'x' || last == 'r')
        word.length--;
    return kb_word_number(&word, "page", page, s->error);
}

static kb_status touch(struct kb_scenario *s, struct kb_process *p) {
    unsigned bits = kb_os_page_bits(&s->os);
    bool some = false, done = true;
    for (const struct kb_word *word; (word = kb_line_take(&s->line)) != NULL; some = true) {
        uint64_t page;
        enum kb_access access;
        kb_status status = read_touch(s, *word, &page, &access);
        if (status == KB_OK && page > UINT64_MAX >> bits)
            status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
        if (status == KB_OK)
            status = kb_scenario_allow(s, 1);
        if (status != KB_OK)
            return status;
        if (p->state == KB_ENDED)
            continue;
        do
            status = kb_scenario_os_status(s, kb_os_run(&s->os, page << bits, access, 1, &done));
        while (status == KB_OK && kb_perform_again(s, p));
        if (status != KB_OK)
            return status;
    }
    s->last.done = done;
    return some ? end(s, "NAME touch 1 2w 3x")
                : kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "NAME touch 1 2w 3x");
}

/* ---- single instructions ---- */

static void say_value(struct kb_scenario *s, uint64_t address, uint64_t value, uint64_t bytes) {
    s->last.value = value;
    s->last.length = bytes;
    if (kb_scenario_narrates(s))
        kb_text_message(&s->out, KB_MSG_scenario_value_is, (unsigned long long)address,
                        (int)(2 * bytes), (unsigned long long)value, (unsigned long long)bytes);
}

static kb_status operand(struct kb_scenario *s, const struct kb_process *p, uint64_t *address,
                         uint64_t *bytes) {
    kb_status status = kb_scenario_address(s, p, address);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "bytes", bytes, s->error);
    if (status == KB_OK && (*bytes == 0 || *bytes > 8))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_bytes, (unsigned long long)*bytes);
    return status == KB_OK ? kb_scenario_allow(s, 16) : status;
}

static kb_status load(struct kb_scenario *s, struct kb_process *p) {
    uint64_t address, bytes = 1, value = 0;
    uint8_t buffer[8] = {0};
    kb_status status = operand(s, p, &address, &bytes);
    if (status == KB_OK)
        status = end(s, "NAME load ADDRESS [bytes=1]");
    while (status == KB_OK) {
        status = kb_scenario_os_status(
            s, kb_os_load(&s->os, address, buffer, (uint32_t)bytes, &s->last.done));
        if (!kb_perform_again(s, p))
            break;
    }
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)buffer[i] << 8 * i;
    if (status == KB_OK && s->last.done)
        say_value(s, address, value, bytes);
    return status;
}

static kb_status store_text(struct kb_scenario *s, struct kb_process *p, uint64_t address,
                            const struct kb_word *word) {
    kb_status status = end(s, "NAME store ADDRESS \"text\"");
    if (status != KB_OK)
        return status;
    if (word->length == 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_bytes, 0ULL);
    do
        status = kb_scenario_os_status(
            s, kb_os_store(&s->os, address, word->at, word->length, &s->last.done));
    while (status == KB_OK && kb_perform_again(s, p));
    return status;
}

static kb_status store(struct kb_scenario *s, struct kb_process *p) {
    uint64_t address, bytes = 1, value;
    uint8_t buffer[8];
    kb_status status = operand(s, p, &address, &bytes);
    if (status != KB_OK)
        return status;
    const struct kb_word *word = kb_line_take(&s->line);
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "NAME store ADDRESS VALUE");
    if (word->quoted)
        return store_text(s, p, address, word);
    status = kb_word_number(word, "value", &value, s->error);
    if (status == KB_OK)
        status = end(s, "NAME store ADDRESS VALUE [bytes=1]");
    if (status == KB_OK && bytes < 8 && value >> 8 * bytes != 0)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_bytes, (unsigned long long)value);
    if (status != KB_OK)
        return status;
    for (unsigned i = 0; i < 8; i++)
        buffer[i] = (uint8_t)(value >> 8 * i);
    do
        status = kb_scenario_os_status(
            s, kb_os_store(&s->os, address, buffer, (uint32_t)bytes, &s->last.done));
    while (status == KB_OK && kb_perform_again(s, p));
    return status;
}

static kb_status execute(struct kb_scenario *s, struct kb_process *p) {
    uint64_t address, bytes = 1;
    kb_status status = operand(s, p, &address, &bytes);
    if (status == KB_OK)
        status = end(s, "NAME execute ADDRESS");
    while (status == KB_OK) {
        status = kb_scenario_os_status(s, kb_os_execute(&s->os, address, &s->last.done));
        if (!kb_perform_again(s, p))
            break;
    }
    return status;
}

kb_status kb_scenario_compute_time(struct kb_scenario *s, const struct kb_word *word,
                                   uint64_t *time) {
    uint64_t unit = s->os.setup.clock ? s->os.setup.cycle_ns : 1;
    bool timed = kb_word_ns(word, time);
    if (timed && !s->os.setup.clock)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_clock);
    kb_status status = timed ? KB_OK : kb_word_number(word, "compute", time, s->error);
    if (status == KB_OK && ((!timed && !kb_multiply(*time, unit, time)) || *time > MOST_COMPUTED))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
    return status;
}

static kb_status compute(struct kb_scenario *s, struct kb_process *p) {
    const struct kb_word *word = kb_line_take(&s->line);
    uint64_t time;
    (void)p;
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "NAME compute CYCLES");
    kb_status status = kb_scenario_compute_time(s, word, &time);
    if (status == KB_OK)
        status = end(s, "NAME compute CYCLES | NAME compute 10ms");
    if (status == KB_OK)
        kb_os_compute(&s->os, time);
    return status;
}

static kb_status increment(struct kb_scenario *s, struct kb_process *p) {
    uint64_t address, bytes = 4, by = 1, value;
    kb_status status = operand(s, p, &address, &bytes);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "by", &by, s->error);
    if (status == KB_OK)
        status = end(s, "NAME inc ADDRESS [by=1] [bytes=4]");
    while (status == KB_OK) {
        status = kb_scenario_os_status(
            s, kb_os_increment(&s->os, address, (uint32_t)bytes, by, &value, &s->last.done));
        if (!kb_perform_again(s, p))
            break;
    }
    if (status == KB_OK && s->last.done)
        say_value(s, address, value, bytes);
    return status;
}

static kb_status copy(struct kb_scenario *s, struct kb_process *p) {
    uint64_t from, to, length = 0;
    kb_status status = kb_scenario_address(s, p, &from);
    if (status == KB_OK)
        status = kb_scenario_address(s, p, &to);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "length", &length, s->error);
    if (status == KB_OK)
        status = end(s, "NAME copy FROM TO LENGTH");
    if (status == KB_OK)
        status = kb_scenario_allow(s, KB_MOST_PIECES);
    uint32_t bytes = length > UINT32_MAX ? 0 : (uint32_t)length;
    while (status == KB_OK) {
        status = kb_scenario_os_status(s, kb_os_move(&s->os, from, to, bytes, &s->last.done));
        if (!kb_perform_again(s, p))
            break;
    }
    return status;
}

static kb_status translate(struct kb_scenario *s, struct kb_process *p) {
    uint64_t address, physical;
    enum kb_access access = KB_ACCESS_READ;
    kb_status status = kb_scenario_address(s, p, &address);
    if (status == KB_OK && kb_line_take_if(&s->line, "write"))
        access = KB_ACCESS_WRITE;
    else if (status == KB_OK && kb_line_take_if(&s->line, "execute"))
        access = KB_ACCESS_EXECUTE;
    else if (status == KB_OK)
        (void)kb_line_take_if(&s->line, "read");
    if (status == KB_OK)
        status = end(s, "NAME translate ADDRESS [read|write|execute]");
    if (status != KB_OK)
        return status;
    enum kb_fault fault = kb_mmu_translate_watched(&s->os.mmu, address, access, &physical);
    s->last.done = fault == KB_FAULT_NONE;
    s->last.fault = fault;
    s->last.translated = fault == KB_FAULT_NONE;
    if (kb_os_heard(&s->os))
        kb_os_tell(&s->os, (struct kb_os_event){.kind = KB_OS_EVENT_TRANSLATION,
                                                .address = address,
                                                .access = access,
                                                .fault = fault,
                                                .translation = &s->os.mmu.last});
    if (fault != KB_FAULT_NONE && kb_scenario_narrates(s))
        kb_text_message(&s->out, KB_MSG_scenario_translate_fault,
                        kb_text(s->options.language, kb_fault_why(fault)));
    return KB_OK;
}

/* ---- many bytes ---- */

enum sweep { FILL, VERIFY, DIGEST };

struct bytes {
    uint64_t start, length, seed;
    uint64_t step; /* bytes of a record: one instruction each, though it lies in two pages; 0: as
                      much as lies in one page */
    bool unsplit;  /* a record never lies in two pages: what is left of a page stays unused */
    uint8_t buffer[16384];
};

/* Bytes of the instruction at offset `at` of the range. */
static uint64_t part_at(const struct bytes *b, uint64_t at, uint64_t page) {
    uint64_t room = page - ((b->start + at) & (page - 1)), left = b->length - at;
    uint64_t most = b->step != 0 ? b->step : room < sizeof b->buffer ? room : sizeof b->buffer;
    return left < most ? left : most;
}

static uint64_t address_at(const struct bytes *b, uint64_t at, uint64_t page) {
    uint64_t in_page = b->unsplit ? page / b->step : 0, record = b->step != 0 ? at / b->step : 0;
    return b->unsplit ? b->start + record / in_page * page + record % in_page * b->step
                      : b->start + at;
}

/* One instruction, at offset `at` of the range. */
static kb_status sweep_piece(struct kb_scenario *s, struct bytes *b, enum sweep how, uint64_t at,
                             uint32_t length, uint64_t *wrong) {
    kb_status status;
    uint64_t address = address_at(b, at, kb_os_page_bytes(&s->os));
    if (how == FILL) {
        for (uint32_t i = 0; i < length; i++)
            b->buffer[i] = kb_image_byte(b->seed, at + i);
        return kb_os_store(&s->os, address, b->buffer, length, &s->last.done);
    }
    status = kb_os_load(&s->os, address, b->buffer, length, &s->last.done);
    if (status == KB_OK && !s->last.done && *wrong == UINT64_MAX)
        *wrong = address; /* what could not be read is not right */
    if (status != KB_OK || !s->last.done)
        return status;
    for (uint32_t i = 0; i < length; i++) {
        s->last.digest = (s->last.digest ^ b->buffer[i]) * FNV_PRIME;
        if (how == VERIFY && *wrong == UINT64_MAX && b->buffer[i] != kb_image_byte(b->seed, at + i))
            *wrong = address + i;
    }
    return KB_OK;
}

static kb_status sweep(struct kb_scenario *s, struct kb_process *p, enum sweep how) {
    static const char *const wanted[] = {
        "NAME fill START LENGTH [seed=1] [step=RECORD [unsplit]]",
        "NAME verify START LENGTH [seed=1] [step=RECORD [unsplit]]",
        "NAME digest START LENGTH [step=RECORD [unsplit]]"};
    struct bytes b = {.seed = 1};
    uint64_t page = kb_os_page_bytes(&s->os), wrong = UINT64_MAX;
    kb_status status = kb_scenario_address(s, p, &b.start);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "length", &b.length, s->error);
    if (status == KB_OK && how != DIGEST)
        status = kb_line_option_number(&s->line, "seed", &b.seed, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "step", &b.step, s->error);
    b.unsplit = status == KB_OK && kb_line_take_if(&s->line, "unsplit");
    if (status == KB_OK)
        status = end(s, wanted[how]);
    if (status == KB_OK &&
        (b.step > sizeof b.buffer || (b.unsplit && (b.step == 0 || b.step > page)) ||
         b.length > UINT64_MAX / 2 / page || b.start > UINT64_MAX / 2 || b.length == 0))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
    s->last.digest = FNV_START;
    for (uint64_t at = 0; at < b.length && status == KB_OK && p->state != KB_ENDED;) {
        uint64_t length = part_at(&b, at, page);
        status = kb_scenario_allow(s, 1 + length / 64);
        while (status == KB_OK) {
            status =
                kb_scenario_os_status(s, sweep_piece(s, &b, how, at, (uint32_t)length, &wrong));
            if (!kb_perform_again(s, p))
                break;
        }
        at += length;
    }
    if (status == KB_OK && how == DIGEST && kb_scenario_narrates(s))
        kb_text_message(&s->out, KB_MSG_scenario_digest, (unsigned long long)s->last.digest);
    if (status != KB_OK || how != VERIFY)
        return status;
    char found[64] = "–";
    if (p->state == KB_ENDED)
        snprintf(found, sizeof found, "%s", kb_reason_name(p->reason));
    else if (wrong != UINT64_MAX)
        snprintf(found, sizeof found, "0x%llx: ?", (unsigned long long)wrong);
    else
        snprintf(found, sizeof found, "=");
    return kb_scenario_judge(s, "verify", "=", found, wrong == UINT64_MAX && p->state != KB_ENDED);
}

static kb_status fill(struct kb_scenario *s, struct kb_process *p) { return sweep(s, p, FILL); }
static kb_status verify(struct kb_scenario *s, struct kb_process *p) { return sweep(s, p, VERIFY); }
static kb_status digest(struct kb_scenario *s, struct kb_process *p) { return sweep(s, p, DIGEST); }

/* ---- all ---- */

kb_status kb_perform(struct kb_scenario *s, struct kb_process *p, const struct kb_word *verb,
                     bool *known) {
    static const struct {
        const char *name;
        kb_status (*act)(struct kb_scenario *s, struct kb_process *p);
    } verbs[] = {
        {"touch", touch},
        {"load", load},
        {"store", store},
        {"execute", execute},
        {"compute", compute},
        {"inc", increment},
        {"copy", copy},
        {"fill", fill},
        {"verify", verify},
        {"digest", digest},
        {"translate", translate},
        {"run", kb_perform_run},
        {"release", kb_perform_release},
        {"discard", kb_perform_discard},
        {"pin", kb_perform_pin},
        {"unpin", kb_perform_unpin},
        {"sync", kb_perform_sync},
        {"fork", kb_perform_fork},
    };
    unsigned which = 0, count = sizeof verbs / sizeof verbs[0];
    while (which < count && !kb_word_is(verb, verbs[which].name))
        which++;
    *known = which < count;
    if (!*known)
        return KB_OK;
    kb_status status = kb_perform_begin(s, p);
    return status == KB_OK ? verbs[which].act(s, p) : status;
}

kb_status kb_perform_begin(struct kb_scenario *s, struct kb_process *p) {
    if (p == s->os.kernel)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (p->state == KB_ENDED)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_ended, p->name,
                       kb_reason_name(p->reason));
    kb_status status = kb_scenario_bring_back(s, p);
    if (status != KB_OK)
        return status;
    kb_os_switch(&s->os, p);
    s->last.done = true;
    s->last.refused = false;
    return KB_OK;
}
