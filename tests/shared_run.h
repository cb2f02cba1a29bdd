/* shared_run.h - instructions of the running process on the machine and on the model of shared
 * pages, steps of them and of calls, and what must hold in between and at the end. */
#ifndef KB_TESTS_SHARED_RUN_H
#define KB_TESTS_SHARED_RUN_H

#include "shared_steps.h"

/* ---- instructions ---- */

enum model_verb { MODEL_LOAD, MODEL_STORE, MODEL_INCREMENT, MODEL_MOVE, MODEL_RUN, MODEL_EXECUTE };

struct model_instruction {
    enum model_verb verb;
    uint64_t address, to, by;
    uint32_t length, count;
    enum kb_access access; /* of MODEL_RUN */
};

/* What should become of it; m->scratch: the bytes that it reads. */
static inline enum kb_reason model_expect(struct model *m, const struct model_instruction *in) {
    m->pieces = 0;
    enum kb_reason reason = KB_REASON_NONE;
    uint64_t to = in->verb == MODEL_MOVE ? in->to : in->address;
    switch (in->verb) {
    case MODEL_RUN:
        return model_range(m, in->address, 1, in->access, NULL, NULL);
    case MODEL_EXECUTE:
        return model_range(m, in->address, 1, KB_ACCESS_EXECUTE, NULL, NULL);
    default:
        break;
    }
    if (in->verb != MODEL_STORE)
        reason = model_range(m, in->address, in->length, KB_ACCESS_READ, m->scratch, NULL);
    if (in->verb != MODEL_LOAD && reason == KB_REASON_NONE)
        reason = model_range(m, to, in->length, KB_ACCESS_WRITE, NULL, NULL);
    return reason;
}

static inline kb_status model_do(struct model *m, const struct model_instruction *in, bool *done) {
    struct kb_os *os = &m->os;
    uint64_t value = 0, wanted = in->by;
    kb_status status = KB_OK;
    switch (in->verb) {
    case MODEL_LOAD:
        memset(m->found, 0x5a, in->length);
        return kb_os_load(os, in->address, m->found, in->length, done);
    case MODEL_STORE:
        return kb_os_store(os, in->address, m->data, in->length, done);
    case MODEL_INCREMENT:
        status = kb_os_increment(os, in->address, in->length, in->by, &value, done);
        for (unsigned i = 0; i < in->length; i++)
            wanted += (uint64_t)m->scratch[i] << 8 * i;
        if (in->length < 8)
            wanted &= (UINT64_C(1) << 8 * in->length) - 1;
        if (status == KB_OK && *done)
            model_right(m, value == wanted, "an increment gives another number");
        return status;
    case MODEL_MOVE:
        return kb_os_move(os, in->address, in->to, in->length, done);
    case MODEL_RUN:
        return kb_os_run(os, in->address, in->access, in->count, done);
    case MODEL_EXECUTE:
        return kb_os_execute(os, in->address, done);
    }
    return status;
}

/* It is done: its bytes. */
static inline void model_apply(struct model *m, const struct model_instruction *in) {
    uint64_t sum = in->by;
    switch (in->verb) {
    case MODEL_LOAD:
        model_right(m, memcmp(m->found, m->scratch, in->length) == 0, "a load gives other bytes");
        break;
    case MODEL_STORE:
        model_range(m, in->address, in->length, KB_ACCESS_WRITE, NULL, m->data);
        break;
    case MODEL_INCREMENT:
        for (unsigned i = 0; i < in->length; i++)
            sum += (uint64_t)m->scratch[i] << 8 * i;
        for (unsigned i = 0; i < in->length; i++)
            m->data[i] = (uint8_t)(sum >> 8 * i);
        model_range(m, in->address, in->length, KB_ACCESS_WRITE, NULL, m->data);
        break;
    case MODEL_MOVE:
        model_range(m, in->to, in->length, KB_ACCESS_WRITE, NULL, m->scratch);
        break;
    case MODEL_RUN:
    case MODEL_EXECUTE:
        break;
    }
}

/* After an instruction that is over: what has become of it. interrupted: its process waited for a
 * page, and calls were made meanwhile. */
static inline void model_settle(struct model *m, const struct model_instruction *in,
                                enum kb_reason wanted, bool done, bool interrupted) {
    int i = m->current;
    const struct kb_process *process = m->process[i].process;
    bool ended = process->state == KB_ENDED, skips = m->process[i].skips;
    enum kb_reason found = ended ? process->reason : m->skipped;
    struct model_met met = model_what_failed(m);
    bool known = ended || kb_os_heard(&m->os), excused = false;
    m->accesses++;
    /* a page that was not needed yet and cannot be read is just not there */
    bool ahead = kb_fetch_looks_ahead(&m->os.setup.fetch);
    if (met.reads + met.wrong > 0 && !interrupted && !ahead)
        model_right(m, ended && found != wanted, "a page that cannot be read must end its process");
    if (done) {
        model_right(m, !ended && wanted == KB_REASON_NONE, "an access was let pass wrongly");
        if (wanted == KB_REASON_NONE)
            model_apply(m, in);
        return;
    }
    for (enum kb_reason r = KB_REASON_NONE; !excused && r < KB_REASONS; r++)
        excused = (!known || r == found) && model_excuses(m, r);
    if (wanted == KB_REASON_NONE || (known && found != wanted)) {
        if (!excused && !m->broken)
            printf("wanted %s, found %s (%s, pieces %u, pins %" PRIu64 ")\n",
                   kb_reason_name(wanted), known ? kb_reason_name(found) : "unknown",
                   ended ? "ended" : "skipped", m->pieces, model_pins(m));
        model_right(m, excused, "an access was refused wrongly, or for another reason");
        m->failures++;
    } else {
        m->refusals++;
    }
    model_right(m, ended || skips, "a process without a handler goes on");
    model_right(m, !ended || !skips || met.reads + met.wrong > 0 || excused,
                "a process with a handler has ended");
    if (ended) {
        m->ends++;
        model_right(m, m->os.running == NULL, "an ended process runs");
        model_forget(m, i);
    } else if (excused || interrupted) {
        model_exit(m, i);
    }
}

/* Makes it again until it is over, one way or another. */
static inline void model_instruct(struct model *m, const struct model_instruction *in) {
    int i = m->current;
    struct kb_process *process = m->process[i].process;
    bool done, interrupted = false;
    m->effects = 0;
    enum kb_reason wanted = model_expect(m, in);
    kb_status status = model_do(m, in, &done);
    while (status == KB_OK && !done && process->state == KB_BLOCKED && !m->broken) {
        m->blocks++;
        if (m->effects == 0 && model_one_in(m, 3)) { /* else the machine is not as far yet */
            interrupted = true;
            model_call(m);
        }
        if (m->current != i) /* it has ended, or was swapped out */
            return;
        model_right(m, kb_os_idle(&m->os), "nobody waits, though a process is blocked");
        model_right(m, process->state == KB_READY, "a process waits too long");
        kb_os_switch(&m->os, process);
        wanted = model_expect(m, in);
        status = model_do(m, in, &done);
    }
    model_ok(m, status);
    if (status == KB_OK)
        model_settle(m, in, wanted, done, interrupted);
}

/* An address near few places, mostly; of length bytes from there some may lie outside. */
static inline uint64_t model_some_address(struct model *m, uint32_t length) {
    const struct model_process *p = &m->process[m->current];
    unsigned place = (unsigned)model_below(m, model_one_in(m, 3) ? MODEL_PLACES : 8);
    unsigned wanted = model_one_in(m, 3) ? KB_ENTRY_READ : KB_ENTRY_READ | KB_ENTRY_WRITE;
    if (!model_one_in(m, 16)) /* rather where something may be done */
        for (unsigned n = 0; n < MODEL_PLACES &&
                             ((p->place[place].rights & wanted) != wanted || p->place[place].guard);
             n++)
            place = (place + 1) % MODEL_PLACES;
    uint64_t offset =
        model_one_in(m, 3) ? model_below(m, 4) * (m->page / 4) : model_below(m, m->page);
    uint64_t address = model_address(m, place) + offset;
    if (model_one_in(m, 16) && address > length)
        address -= model_below(m, length);
    uint64_t start = model_address(m, 0), end = start + MODEL_PLACES * m->page;
    if (p->all && !m->segments && (address < start || address + length > end))
        return start;
    return address;
}

static inline void model_some_instruction(struct model *m) {
    static const enum model_verb verbs[] = {
        MODEL_LOAD,  MODEL_LOAD,  MODEL_LOAD, MODEL_LOAD,      MODEL_STORE, MODEL_STORE,
        MODEL_STORE, MODEL_STORE, MODEL_MOVE, MODEL_INCREMENT, MODEL_RUN,   MODEL_EXECUTE};
    struct model_instruction in = {.verb = verbs[model_below(m, sizeof verbs / sizeof verbs[0])],
                                   .count = 1 + (uint32_t)model_below(m, 20),
                                   .access = (enum kb_access)model_below(m, 2),
                                   .by = kb_random_next(&m->random)};
    bool longer = in.verb <= MODEL_STORE || in.verb == MODEL_MOVE;
    in.length = 1 + (uint32_t)model_below(m, longer && model_one_in(m, 6) ? MODEL_MOST_BYTES : 8);
    in.address = model_some_address(m, in.length);
    in.to = model_one_in(m, 3) ? in.address + model_below(m, in.length)
                               : model_some_address(m, in.length);
    if (m->process[m->current].all)
        in.to = model_some_address(m, in.length);
    for (uint32_t i = 0; i < in.length; i++)
        m->data[i] = (uint8_t)(kb_random_next(&m->random) >> 24);
    model_instruct(m, &in);
}

/* ---- steps ---- */

/* Somebody who can run, runs. */
static inline void model_wake_someone(struct model *m) {
    int i = model_some(m);
    if (i < 0)
        model_create(m);
    else if (m->process[i].swapped)
        model_swap_in(m, i);
    else
        model_switch(m, i);
}

static inline void model_step(struct model *m) {
    model_begin_step(m);
    m->steps++;
    m->os.listener = (struct kb_listener){m, model_one_in(m, 4) ? model_hear : NULL};
    if (m->current < 0 || model_one_in(m, 12))
        model_wake_someone(m);
    else if (model_below(m, 100) < 72)
        model_some_instruction(m);
    else
        model_call(m);
    if (m->watch->broken != NULL)
        model_wrong(m, m->watch->broken);
}

static inline void model_start(struct model *m) {
    model_object_new(m, true);
    model_object_new(m, true);
    model_object_new(m, false);
    model_create(m);
    model_create(m);
}

/* ---- the whole ---- */

static inline void model_check(struct model *m) {
    const struct kb_os_counters *c = &m->os.counters;
    struct kb_process_counters sum = {0};
    const char *wrong = kb_os_check(&m->os);
    uint32_t held[MODEL_MOST_PROCESSES] = {0};
    model_right(m, wrong == NULL, wrong);
    for (uint32_t i = 0; i < m->os.process_count; i++) {
        const struct kb_process_counters *p = &m->os.process[i]->counters;
        sum.references += p->references;
        sum.faults += p->faults;
        sum.zero_fills += p->zero_fills;
        sum.image_reads += p->image_reads;
        sum.file_reads += p->file_reads;
        sum.swap_reads += p->swap_reads;
        sum.soft_faults += p->soft_faults;
        sum.copies += p->copies;
        sum.restarts += p->restarts;
    }
    model_right(m,
                sum.faults == c->faults && sum.zero_fills == c->zero_fills &&
                    sum.image_reads == c->image_reads && sum.file_reads == c->file_reads &&
                    sum.swap_reads == c->swap_reads && sum.soft_faults == c->soft_faults &&
                    sum.copies == c->copies && sum.restarts == c->restarts,
                "the processes' counters do not sum up");
    model_right(m, sum.references == c->references, "the processes' references do not sum up");
    for (uint32_t frame = 0; frame < m->os.setup.frames; frame++)
        for (unsigned i = 0; i < m->most; i++)
            held[i] += m->process[i].process != NULL &&
                       kb_os_owner(&m->os, frame) == m->process[i].process;
    for (unsigned i = 0; i < m->most; i++)
        model_right(m, m->process[i].process == NULL || held[i] == m->process[i].process->held,
                    "frames that a process answers for are not counted right");
    model_right(m, m->os.swap.reads == c->swap_reads + c->table_faults,
                "swap reads are counted wrongly");
    model_right(m, m->os.swap.writes == c->write_backs - c->file_writes + c->table_writes,
                "write-backs are counted wrongly");
}

/* Reads every place of a process that runs; it may end if a store fails. */
static inline void model_look(struct model *m, int i) {
    const struct model_process *p = &m->process[i];
    const struct kb_process *process = p->process;
    model_switch(m, i);
    for (unsigned k = 0; k < MODEL_PLACES && !m->broken && p->process == process; k++) {
        struct model_instruction in = {.verb = MODEL_LOAD, .address = model_address(m, k)};
        if (!p->place[k].legal || p->place[k].guard)
            continue;
        if (!(model_rights(m, p->place[k].rights) & KB_ENTRY_READ))
            model_protect(m, i, k, k + 1, KB_ENTRY_READ);
        in.length = (uint32_t)m->page;
        model_begin_step(m);
        model_instruct(m, &in);
    }
}

/* Every byte of every process. */
static inline void model_digest(struct model *m) {
    m->os.listener.hear = NULL;
    for (int i = 0; i < (int)m->most && !m->broken; i++) {
        if (m->process[i].process != NULL && m->process[i].swapped) {
            model_begin_step(m);
            model_swap_in(m, i);
        }
        if (m->process[i].process != NULL && !m->process[i].swapped)
            model_look(m, i);
    }
}

/* Frames of the kernel's page tables, where tables take frames. */
static inline uint32_t model_kernel_tables(const struct model *m) {
    uint32_t count = 0;
    for (uint32_t frame = 0; frame < m->os.setup.frames; frame++)
        count += m->os.frame[frame].use == KB_FRAME_TABLE;
    return m->os.kernel != NULL ? count : 0;
}

/* All end: nothing is left, no slot keeps bytes. */
static inline void model_end(struct model *m) {
    model_check(m);
    for (int i = 0; i < (int)m->most && !m->broken; i++)
        if (m->process[i].process != NULL)
            model_exit(m, i);
    if (!m->may_fail)
        model_right(m, kb_os_free_frames(&m->os) + model_kernel_tables(m) == m->os.setup.frames,
                    "frames are missing");
    model_right(m, m->os.swap.used == 0, "slots are missing");
    model_right(m, watch_kept(m->watch) == 0, "slots were not scrubbed");
    model_check(m);
}

#endif
