/* load.c - load control: processes are suspended and resumed between the turns of those that share
 * the processor. One that waits for its page is suspended when it has come. */
#include "os/load.h"

#include <stdio.h>
#include <string.h>

#include "os/os.h"

/* ---- the criteria and their options ---- */

#define WINDOW(low, preset)                                                                        \
    { "window", KB_MSG_option_window, low, UINT64_MAX / 4, preset, NULL }
#define SUSPEND                                                                                    \
    { "suspend", KB_MSG_option_suspend, 0, 2, KB_SUSPEND_LATEST, "latest,largest,smallest" }

static const struct kb_option of_none[] = {WINDOW(0, 0)};
static const struct kb_option of_working_set[] = {WINDOW(1, 1000), SUSPEND};
static const struct kb_option of_fault_rate[] = {
    WINDOW(0, 0),
    SUSPEND,
    {"faults", KB_MSG_option_faults, 0, UINT64_C(1) << 32, 0, NULL},
    {"service", KB_MSG_option_service, 0, UINT64_C(1) << 40, 0, NULL},
};

static const struct kb_options criteria[] = {
    [KB_LOAD_NONE] = {"none", of_none, 1},
    [KB_LOAD_WORKING_SET] = {"working-set", of_working_set, 2},
    [KB_LOAD_FAULT_RATE] = {"fault-rate", of_fault_rate, 4},
};

const char *kb_load_name(enum kb_load_criterion criterion) { return criteria[criterion].owner; }

struct kb_options kb_load_options(enum kb_load_criterion criterion) {
    return criteria[criterion];
}

kb_status kb_load_parse(const char *text, struct kb_load_spec *spec, struct kb_error *error) {
    size_t length = strcspn(text, ":");
    char names[60] = "", copy[64];
    *spec = (struct kb_load_spec){.criterion = KB_LOAD_CRITERIA};
    for (unsigned i = 0; i < KB_LOAD_CRITERIA; i++) {
        const char *name = criteria[i].owner;
        kb_options_join(names, sizeof names, name);
        if (strlen(name) == length && memcmp(name, text, length) == 0)
            spec->criterion = (enum kb_load_criterion)i;
    }
    if (spec->criterion == KB_LOAD_CRITERIA) {
        snprintf(copy, sizeof copy, "%.*s", (int)(length < 60 ? length : 60), text);
        return kb_fail(error, KB_USAGE, KB_MSG_unknown_load, copy, names);
    }
    return kb_options_parse(&criteria[spec->criterion], text + length, spec->values, error);
}

kb_status kb_os_load_init(struct kb_os *os) {
    const struct kb_load_spec *spec = &os->setup.load;
    os->load.window = spec->values[KB_LOAD_WINDOW];
    if (!kb_os_paged(os) || spec->criterion != KB_LOAD_FAULT_RATE || os->setup.clock ||
        os->setup.io_cycles > 0 || spec->values[KB_LOAD_SERVICE] > 0)
        return KB_OK;
    return kb_fail(os->error, KB_DATA, KB_MSG_load_service);
}

/* ---- who is active ---- */

/* The sum over all references so far is made up to now: the number is about to change. */
static void change_active(struct kb_os *os, int by) {
    struct kb_load *load = &os->load;
    load->active_time = kb_os_active_time(os);
    load->since = os->counters.references;
    load->active += (uint32_t)by;
    if (load->active > load->most)
        load->most = load->active;
}

void kb_os_load_begin(struct kb_os *os, struct kb_process *process) {
    if (process != os->kernel)
        change_active(os, 1);
}

void kb_os_load_end(struct kb_os *os, struct kb_process *process) {
    if (process != os->kernel && !process->suspended)
        change_active(os, -1);
    process->suspended = false;
    kb_working_set_end(os, process);
}

/* Whether it could be suspended now. */
static bool may_leave(const struct kb_os *os, const struct kb_process *process) {
    return kb_os_is_active(os, process) && process->state != KB_SWAPPED && !process->rests &&
           process->stayed_at != os->counters.references + 1;
}

static uint32_t count_runnable(const struct kb_os *os) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < os->process_count; i++)
        count += kb_os_is_active(os, os->process[i]) && !os->process[i]->rests &&
                 os->process[i]->state != KB_SWAPPED;
    return count;
}

/* Of equals the one that began last. */
static bool goes_before(const struct kb_os *os, const struct kb_process *a,
                        const struct kb_process *b) {
    switch ((enum kb_load_choice)os->setup.load.values[KB_LOAD_SUSPEND]) {
    case KB_SUSPEND_LARGEST:
        return a->held >= b->held;
    case KB_SUSPEND_SMALLEST:
        return a->held <= b->held;
    case KB_SUSPEND_LATEST:
        break;
    }
    return true;
}

static struct kb_process *choose(const struct kb_os *os) {
    struct kb_process *chosen = NULL;
    for (uint32_t i = 0; i < os->process_count; i++) {
        struct kb_process *process = os->process[i];
        if (may_leave(os, process) && (chosen == NULL || goes_before(os, process, chosen)))
            chosen = process;
    }
    return chosen;
}

/* ---- out and in ---- */

static void tell(struct kb_os *os, enum kb_os_event_kind kind, const struct kb_process *process) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = kind,
                                            .process = process,
                                            .count = os->load.active,
                                            .slots = kb_working_set_sum(os),
                                            .flag = os->load.window > 0,
                                            .text = kb_load_name(os->setup.load.criterion)});
}

/* It waits for nothing any more: its pages leave. One that cannot go stays active. */
static kb_status send_out(struct kb_os *os, struct kb_process *process, bool *gone) {
    bool refused;
    kb_os_stop_waiting(os, process);
    kb_status status = kb_os_swap_out(os, process, &refused);
    if (status != KB_OK)
        return status;
    *gone = !refused;
    if (refused) {
        process->suspended = false;
        change_active(os, 1);
        tell(os, KB_OS_EVENT_RESUME, process);
        process->stayed_at = os->counters.references + 1;
        return KB_OK;
    }
    os->counters.suspensions++;
    process->counters.suspensions++;
    return KB_OK;
}

static kb_status suspend(struct kb_os *os, struct kb_process *process, bool *gone) {
    change_active(os, -1);
    process->suspended = true;
    *gone = true;
    tell(os, KB_OS_EVENT_SUSPEND, process);
    return process->state == KB_BLOCKED ? KB_OK : send_out(os, process, gone);
}

void kb_os_load_resume(struct kb_os *os, struct kb_process *process) {
    if (!process->suspended)
        return;
    if (process->state == KB_SWAPPED) {
        process->state = KB_READY;
        os->counters.resumptions++;
        process->counters.resumptions++;
    }
    process->suspended = false;
    change_active(os, 1);
    os->load.decided_at = os->counters.references;
    tell(os, KB_OS_EVENT_RESUME, process);
}

/* Those whose pages have come while they were to be suspended. */
static kb_status finish_leaving(struct kb_os *os) {
    kb_status status = KB_OK;
    bool gone;
    for (uint32_t i = 0; i < os->process_count && status == KB_OK; i++) {
        struct kb_process *process = os->process[i];
        if (process->suspended && process->state != KB_BLOCKED && process->state != KB_SWAPPED)
            status = send_out(os, process, &gone);
    }
    return status;
}

/* The first one that began, and is out. */
static struct kb_process *first_out(const struct kb_os *os) {
    for (uint32_t i = 0; i < os->process_count; i++)
        if (os->process[i]->suspended && os->process[i]->state == KB_SWAPPED)
            return os->process[i];
    return NULL;
}

/* ---- L and S ---- */

static uint64_t pages_read(const struct kb_os *os) {
    return os->counters.image_reads + os->counters.file_reads + os->counters.swap_reads;
}

static uint64_t time_computed(const struct kb_os *os) { return kb_os_now(os) - os->idle; }

static void begin_sample(struct kb_os *os) {
    os->load.reads = pages_read(os);
    os->load.computed = time_computed(os);
    os->load.disk = os->disk_busy;
}

/* S × reads: with a clock what the disk has really done for them, writes of victims too. */
static double service_of(const struct kb_os *os, uint64_t reads) {
    uint64_t cycles = os->setup.load.values[KB_LOAD_SERVICE];
    uint64_t unit = os->setup.clock ? os->setup.cycle_ns : 1;
    if (cycles > 0)
        return (double)cycles * (double)unit * (double)reads;
    if (!os->setup.clock)
        return (double)os->setup.io_cycles * (double)reads;
    return (double)(os->disk_busy - os->load.disk);
}

/* S of one page, when nothing was read. */
static double usual_service(const struct kb_os *os) {
    if (os->setup.load.values[KB_LOAD_SERVICE] > 0 || !os->setup.clock)
        return service_of(os, 1);
    return (double)(os->disk_start_ns + os->disk_page_ns);
}

enum verdict { TOO_MANY = -1, AS_IT_IS, ROOM };

/* A sample ends with so many reads, or when so much was computed that they can only be too few. */
static enum verdict compare_rates(struct kb_os *os) {
    uint64_t wanted = os->setup.load.values[KB_LOAD_FAULTS];
    uint64_t reads = pages_read(os) - os->load.reads;
    double computed = (double)(time_computed(os) - os->load.computed);
    double service = service_of(os, reads);
    if (wanted == 0)
        wanted = os->setup.frames;
    bool quiet = computed >= 2 * usual_service(os) * (double)wanted;
    if (reads < wanted && !quiet)
        return AS_IT_IS;
    begin_sample(os);
    return computed < service ? TOO_MANY : computed >= 2 * service ? ROOM : AS_IT_IS;
}

static enum verdict compare_sets(const struct kb_os *os) {
    uint64_t sum = kb_working_set_sum(os), frames = kb_os_frames_to_share(os);
    const struct kb_process *next = first_out(os);
    if (sum > frames)
        return TOO_MANY;
    return next != NULL && sum + next->working_set <= frames ? ROOM : AS_IT_IS;
}

static enum verdict compare(struct kb_os *os) {
    return os->setup.load.criterion == KB_LOAD_WORKING_SET ? compare_sets(os) : compare_rates(os);
}

/* ---- between two turns ---- */

static kb_status suspend_one(struct kb_os *os) {
    bool gone = false;
    kb_status status = KB_OK;
    struct kb_process *process = choose(os);
    for (; process != NULL && !gone && status == KB_OK; process = choose(os))
        status = suspend(os, process, &gone);
    os->load.decided_at = os->counters.references;
    begin_sample(os);
    return status;
}

kb_status kb_os_balance(struct kb_os *os) {
    if (os->setup.load.criterion == KB_LOAD_NONE || !kb_os_paged(os))
        return KB_OK;
    kb_status status = finish_leaving(os);
    if (status != KB_OK)
        return status;
    uint32_t runnable = count_runnable(os);
    struct kb_process *next = first_out(os);
    if (runnable == 0) {
        if (next != NULL)
            kb_os_load_resume(os, next);
        return KB_OK;
    }
    bool anew = os->counters.references != os->load.decided_at;
    enum verdict verdict = anew || next != NULL ? compare(os) : AS_IT_IS;
    if (verdict == TOO_MANY && anew && runnable > 1)
        return suspend_one(os);
    while (verdict == ROOM && next != NULL) {
        kb_os_load_resume(os, next);
        begin_sample(os);
        next = first_out(os);
        verdict = os->setup.load.criterion == KB_LOAD_WORKING_SET ? compare(os) : AS_IT_IS;
    }
    return KB_OK;
}
