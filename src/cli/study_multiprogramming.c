/* study_multiprogramming.c - kilburn study multiprogramming: copies of a workload share memory, one
 * disk and the processor, at one degree after the other: CPU use rises, then they thrash; and with
 * load control. Beside it the arithmetic of 1 − pⁿ, which knows no memory. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "study.h"

#define MOST_TRACES 64
#define MOST_DEGREES 512
#define TABLES_LIMIT (UINT64_C(1) << 34)
#define USUAL_WORKLOAD "phases:references=20000:phase=1000:set=10:step=3:write-every=0"
#define USUAL_CYCLE "50us"
#define USUAL_QUANTUM 20

enum {
    OPT_WORKLOAD = STUDY_OWN_OPTION,
    OPT_FRAMES,
    OPT_DEGREES,
    OPT_POLICY,
    OPT_LOAD,
    OPT_WINDOW,
    OPT_CYCLE,
    OPT_DISK,
    OPT_QUANTUM,
    OPT_ALLOCATION
};

static const struct option own_options[] = {
    {"workload", required_argument, NULL, OPT_WORKLOAD},
    {"frames", required_argument, NULL, OPT_FRAMES},
    {"degrees", required_argument, NULL, OPT_DEGREES},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"load-control", required_argument, NULL, OPT_LOAD},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"cycle-time", required_argument, NULL, OPT_CYCLE},
    {"disk", required_argument, NULL, OPT_DISK},
    {"quantum", required_argument, NULL, OPT_QUANTUM},
    {"allocation", required_argument, NULL, OPT_ALLOCATION},
    {NULL, 0, NULL, 0},
};

/* One machine. */
struct point {
    uint64_t degree;
    bool controlled; /* with load control */
    uint64_t references, faults, suspensions, elapsed_ns, idle_ns, disk_ns;
    double active;
    kb_status status;
    struct kb_error error;
};

struct multiprogramming {
    struct sim sim; /* its machine's options and traces */
    bool begun, load_said;
    const char *workload, *degrees_text, *policy_text;
    struct cli_sizes degrees;
    uint64_t frames, window;
    struct kb_load_spec load;
    struct sim_trace *trace;
    size_t traces;
    struct kb_os_setup setup;
    struct kb_policy_spec policy;
    uint64_t page_bytes;
    struct point *point; /* by degree: without load control, then with it */
    size_t points;
    double working_set; /* mean of one process */
};

static void begin(struct study *study, struct multiprogramming *m) {
    struct kb_error *error = &study->cli->error;
    if (m->begun)
        return;
    m->begun = true;
    sim_machine_usual(&m->sim.machine);
    m->sim.cli = study->cli;
    m->sim.machine.quantum = USUAL_QUANTUM;
    m->frames = 64;
    if (kb_load_parse("working-set", &m->load, error) != KB_OK ||
        sim_machine_take(&m->sim, SIM_OPT_CYCLE_TIME, USUAL_CYCLE) != KB_OK)
        m->begun = false;
}

static kb_status take(struct study *study, int option, const char *argument) {
    struct multiprogramming *m = study->own;
    struct kb_error *error = &study->cli->error;
    begin(study, m);
    switch (option) {
    case OPT_WORKLOAD:
        m->workload = argument;
        return KB_OK;
    case OPT_FRAMES:
        return cli_parse_number("--frames", argument, 1, KB_MOST_FRAMES, &m->frames, error);
    case OPT_DEGREES:
        m->degrees_text = argument;
        return KB_OK;
    case OPT_POLICY:
        m->policy_text = argument;
        return KB_OK;
    case OPT_LOAD:
        m->load_said = true;
        return kb_load_parse(argument, &m->load, error);
    case OPT_WINDOW:
        return cli_parse_number("--window", argument, 1, UINT64_MAX / 4, &m->window, error);
    case OPT_CYCLE:
        return sim_machine_take(&m->sim, SIM_OPT_CYCLE_TIME, argument);
    case OPT_DISK:
        return sim_machine_take(&m->sim, SIM_OPT_DISK, argument);
    case OPT_QUANTUM:
        return sim_machine_take(&m->sim, SIM_OPT_QUANTUM, argument);
    default:
        return sim_machine_take(&m->sim, SIM_OPT_ALLOCATION, argument);
    }
}

/* ---- the workload ---- */

static kb_status read_traces(struct study *study, struct multiprogramming *m) {
    struct sim *sim = &m->sim;
    struct kb_error *error = &study->cli->error;
    sim->host = study->host;
    sim->reading.host = &sim->host;
    sim->quiet = study->quiet;
    m->traces = study->operand_count > 0 ? study->operand_count : 1;
    m->trace = calloc(m->traces, sizeof *m->trace);
    if (m->trace == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "traces",
                       (unsigned long long)m->traces * sizeof *m->trace);
    sim->traces = study->operands;
    sim->trace_count = m->traces;
    if (study->operand_count > 0 && m->workload != NULL)
        return kb_fail(error, KB_USAGE, KB_MSG_not_together, "--workload", study->operands[0]);
    for (size_t i = 0; i < study->operand_count; i++)
        if (strcmp(study->operands[i], "-") == 0 && i > 0)
            return kb_fail(error, KB_USAGE, KB_MSG_machine_stdin);
    if (study->operand_count > 0)
        return sim_traces_survey(sim, m->trace, NULL);
    return sim_trace_generate(sim, m->workload != NULL ? m->workload : USUAL_WORKLOAD, m->trace);
}

static kb_status choose_machine(struct study *study, struct multiprogramming *m) {
    const struct sim_machine *machine = &m->sim.machine;
    struct kb_error *error = &study->cli->error;
    uint64_t highest = 0;
    for (size_t i = 0; i < m->traces; i++) {
        uint64_t size = m->trace[i].info.page_size;
        size = size == 0 ? KB_DEFAULT_PAGE_SIZE : size;
        if (i > 0 && size != m->page_bytes)
            return kb_fail(error, KB_USAGE, KB_MSG_machine_page_sizes, m->trace[0].name,
                           (unsigned long long)m->page_bytes, m->trace[i].name,
                           (unsigned long long)size);
        m->page_bytes = size;
        highest = m->trace[i].highest > highest ? m->trace[i].highest : highest;
    }
    kb_status status = kb_policy_parse(m->policy_text != NULL ? m->policy_text : "lru", &m->policy,
                                       NULL, NULL, error);
    if (status == KB_OK && kb_replay_needs_future(m->policy.policy))
        status = kb_fail(error, KB_USAGE, KB_MSG_machine_future, m->policy.policy->name,
                         sim_allocation_name(machine->allocation));
    if (status == KB_OK)
        status = sim_machine_format(&m->sim, kb_log2(m->page_bytes), highest, &m->setup);
    m->setup.tables_limit = TABLES_LIMIT;
    m->setup.policy = m->policy;
    m->setup.frames = (uint32_t)m->frames;
    m->setup.allocation = machine->allocation;
    m->setup.clock = true;
    m->setup.cycle_ns = machine->cycle_ns;
    m->setup.disk = machine->disk;
    m->setup.tlbs = machine->tlbs;
    memcpy(m->setup.tlb, machine->tlb, sizeof m->setup.tlb);
    return status;
}

/* A page is worth its frame if it is used again within the time that the disk would need to bring
 * it: Denning's choice (1968), and one window for the table and for the load control. */
static void choose_window(struct multiprogramming *m) {
    const struct kb_disk *disk = &m->sim.machine.disk;
    double service =
        (disk->seek + disk->latency) * 1e6 + (double)m->page_bytes / disk->bytes_per_second * 1e9;
    double cycles = m->setup.cycle_ns > 0 ? service / (double)m->setup.cycle_ns : service;
    if (m->window == 0)
        m->window = cycles < 1 ? 1 : (uint64_t)cycles;
    if (!m->load_said)
        m->load.values[KB_LOAD_WINDOW] = m->window;
}

static kb_status choose_degrees(struct study *study, struct multiprogramming *m) {
    struct kb_error *error = &study->cli->error;
    const char *text = m->degrees_text != NULL ? m->degrees_text : "1..16";
    bool twice = m->load.criterion != KB_LOAD_NONE;
    kb_status status = cli_parse_sizes(text, &m->degrees, error);
    for (size_t i = 0; i < m->degrees.count && status == KB_OK; i++) {
        if (m->degrees.values[i] > MOST_DEGREES)
            status =
                kb_fail(error, KB_USAGE, KB_MSG_machine_processes,
                        (unsigned long long)m->degrees.values[i], (unsigned long long)MOST_DEGREES);
        if (status == KB_OK)
            status = sim_machine_fits(&m->sim, m->frames, m->degrees.values[i]);
    }
    if (status != KB_OK)
        return status;
    m->points = 1 + m->degrees.count * (twice ? 2 : 1); /* the first: one process, for p */
    m->point = calloc(m->points, sizeof *m->point);
    if (m->point == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "results",
                       (unsigned long long)m->points * sizeof *m->point);
    m->point[0].degree = 1;
    for (size_t i = 1; i < m->points; i++)
        m->point[i] = (struct point){.degree = m->degrees.values[(i - 1) % m->degrees.count],
                                     .controlled = i > m->degrees.count};
    return KB_OK;
}

/* ---- copies that are not in step ---- */

/* A trace that begins at another place and comes round: copies of one program would all wait at
 * once. One with events is played from its beginning. */
struct rotated {
    const struct multiprogramming *study;
    const struct sim_trace *trace;
    struct sim_player *player;
    struct kb_job_trace inner;
    uint64_t offset, at; /* references before its beginning; of this reading, so far */
    bool again;          /* the second reading, up to the offset */
};

static kb_status open_rotated(struct rotated *r, struct kb_error *error) {
    sim_player_close(r->player);
    r->at = 0;
    return sim_player_open(&r->study->sim, r->trace, &r->player, &r->inner, error);
}

/* Drops what lies before the offset; a run is not cut. */
static void cut_front(struct rotated *r, struct kb_block *block) {
    while (block->count > 0 && r->at < r->offset) {
        uint32_t references = kb_run_count(*block->runs++);
        r->at += references;
        block->references -= references;
        block->count--;
    }
    if (r->at >= r->offset)
        r->offset = r->at;
}

static void cut_back(struct rotated *r, struct kb_block *block) {
    uint32_t runs = 0;
    block->references = 0;
    for (; runs < block->count && r->at < r->offset; runs++) {
        uint32_t references = kb_run_count(block->runs[runs]);
        r->at += references;
        block->references += references;
    }
    block->count = runs;
}

static kb_status next_rotated(void *context, struct kb_block *block, struct kb_error *error) {
    struct rotated *r = context;
    for (;;) {
        kb_status status = r->inner.next(r->inner.context, block, error);
        if (status != KB_OK || r->offset == 0)
            return status;
        bool over = block->count == 0;
        if (!over && r->again)
            cut_back(r, block);
        else if (!over && r->at < r->offset)
            cut_front(r, block);
        if (block->count > 0 || r->again)
            return KB_OK;
        if (!over)
            continue;
        r->again = true;
        status = open_rotated(r, error);
        if (status != KB_OK)
            return status;
    }
}

static const uint64_t *numbers_rotated(void *context) {
    const struct rotated *r = context;
    return r->inner.numbers(r->inner.context);
}

/* ---- one machine ---- */

struct attempt {
    struct kb_os os;
    struct kb_job job[MOST_DEGREES];
    struct rotated rotated[MOST_DEGREES];
    char name[MOST_DEGREES][KB_NAME_BYTES];
};

/* Processes take the traces in turn; each page comes from its program's file at first. */
static kb_status run_jobs(const struct multiprogramming *m, struct attempt *a, uint64_t degree,
                          struct kb_error *error) {
    kb_status status = KB_OK;
    for (uint64_t i = 0; i < degree && status == KB_OK; i++) {
        const struct sim_trace *trace = &m->trace[i % m->traces];
        snprintf(a->name[i], KB_NAME_BYTES, "%.20s#%u", trace->program, (unsigned)i % 1000 + 1);
        a->job[i] = (struct kb_job){.name = a->name[i],
                                    .pages = trace->pages,
                                    .image = (trace->highest + 1) * m->page_bytes};
        a->job[i].trace = (struct kb_job_trace){&a->rotated[i], next_rotated, numbers_rotated};
        a->rotated[i] = (struct rotated){.study = m, .trace = trace};
        if (trace->events == 0)
            a->rotated[i].offset =
                (uint64_t)((double)trace->references * (double)i / (double)degree);
        status = open_rotated(&a->rotated[i], error);
    }
    struct kb_jobs jobs = {
        .os = &a->os, .job = a->job, .count = (uint32_t)degree, .quantum = m->sim.machine.quantum};
    if (status == KB_OK) {
        status = kb_jobs_run(&jobs);
        kb_jobs_free(&jobs);
    }
    for (uint64_t i = 0; i < degree; i++)
        sim_player_close(a->rotated[i].player);
    return status;
}

static kb_status run_machine(const struct multiprogramming *m, struct kb_os_setup *setup,
                             uint64_t degree, struct attempt *a, struct kb_error *error) {
    uint64_t slots = 0;
    for (uint64_t i = 0; i < degree; i++)
        slots += m->trace[i % m->traces].pages;
    kb_status status =
        kb_store_memory(&setup->swap, (uint32_t)m->page_bytes, slots + 1, &m->sim.host, error);
    if (status == KB_OK)
        status = kb_os_init(&a->os, setup, &m->sim.host, error);
    return status == KB_OK ? run_jobs(m, a, degree, error) : status;
}

static void run_point(const struct multiprogramming *m, struct point *p, struct attempt *a) {
    struct kb_os_setup setup = m->setup;
    if (p->controlled)
        setup.load = m->load;
    p->status = run_machine(m, &setup, p->degree, a, &p->error);
    if (p->status == KB_OK) {
        p->references = a->os.counters.references;
        p->faults = a->os.counters.faults;
        p->suspensions = a->os.counters.suspensions;
        p->elapsed_ns = kb_os_now(&a->os);
        p->idle_ns = a->os.idle;
        p->disk_ns = kb_os_disk_worked(&a->os);
        p->active = (double)kb_os_active_time(&a->os) / (double)p->references;
    }
    kb_os_free(&a->os);
}

static void task(void *argument, unsigned index) {
    struct multiprogramming *m = argument;
    struct point *p = &m->point[index];
    struct attempt *a = calloc(1, sizeof *a);
    p->error.language = m->sim.cli->language;
    if (a == NULL)
        p->status = kb_fail(&p->error, KB_NO_MEMORY, KB_MSG_no_memory, "machine",
                            (unsigned long long)sizeof *a);
    else
        run_point(m, p, a);
    free(a);
}

/* The mean working set is what ws keeps of one process in a memory for all its pages; of several
 * traces the mean of them. */
static kb_status measure_sets(struct study *study, struct multiprogramming *m) {
    struct kb_error *error = &study->cli->error;
    char text[60];
    kb_status status = KB_OK;
    struct attempt *a = calloc(1, sizeof *a);
    struct multiprogramming one = *m;
    if (a == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "machine",
                       (unsigned long long)sizeof *a);
    snprintf(text, sizeof text, "ws:window=%llu", (unsigned long long)m->window);
    for (size_t i = 0; i < m->traces && status == KB_OK; i++) {
        struct kb_os_setup setup = m->setup;
        one.trace = &m->trace[i];
        one.traces = 1;
        setup.clock = false;
        setup.frames = m->trace[i].pages;
        setup.allocation = KB_ALLOCATE_GLOBAL;
        memset(a, 0, sizeof *a);
        status = kb_policy_parse(text, &setup.policy, NULL, NULL, error);
        if (status != KB_OK)
            break;
        status = run_machine(&one, &setup, 1, a, error);
        if (status == KB_OK)
            m->working_set += (double)kb_os_page_time(&a->os) / (double)a->os.counters.references /
                              (double)m->traces;
        kb_os_free(&a->os);
    }
    free(a);
    return status;
}

static kb_status run_all(struct study *study, struct multiprogramming *m) {
    const struct kb_workers *workers = study->host.workers;
    kb_status status = measure_sets(study, m);
    if (status != KB_OK)
        return status;
    workers->run(workers->context, task, m, (unsigned)m->points);
    for (size_t i = 0; i < m->points; i++)
        if (m->point[i].status != KB_OK) {
            study->cli->error = m->point[i].error;
            return m->point[i].status;
        }
    return KB_OK;
}

/* ---- what is shown ---- */

static double cpu_use(const struct point *p) {
    return p->elapsed_ns == 0 ? 100 : 100 * (1 - (double)p->idle_ns / (double)p->elapsed_ns);
}

/* p: the part of its time that one process waits. */
static double waiting(const struct multiprogramming *m) { return 1 - cpu_use(&m->point[0]) / 100; }

static double without_limits(const struct multiprogramming *m, uint64_t degree) {
    return 100 * kb_cost_cpu_use(waiting(m), degree);
}

static const struct study_column columns[] = {
    {"degree", KB_MSG_col_degree, false},
    {"load_control", KB_MSG_col_load_control, true},
    {"cpu_use", KB_MSG_col_cpu_use, false},
    {"one_minus_p_n", KB_MSG_col_one_minus, false},
    {"references_per_second", KB_MSG_col_throughput, false},
    {"faults", KB_MSG_col_faults, false},
    {"faults_per_1000", KB_MSG_col_fault_rate, false},
    {"disk_use", KB_MSG_col_disk_use, false},
    {"suspensions", KB_MSG_col_suspensions, false},
    {"active", KB_MSG_col_active, false},
};

static void show_rows(struct study *study, const struct multiprogramming *m) {
    struct study_rows rows;
    study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 1; i < m->points; i++) {
        const struct point *p = &m->point[i];
        double seconds = (double)p->elapsed_ns / 1e9;
        study_row_u64(&rows, p->degree);
        study_row_text(&rows, kb_load_name(p->controlled ? m->load.criterion : KB_LOAD_NONE));
        study_row_real(&rows, 1, cpu_use(p));
        study_row_real(&rows, 1, without_limits(m, p->degree));
        study_row_real(&rows, 1, seconds > 0 ? (double)p->references / seconds : NAN);
        study_row_u64(&rows, p->faults);
        study_row_real(&rows, 2, 1000 * (double)p->faults / (double)p->references);
        study_row_real(&rows, 1,
                       seconds > 0 ? 100 * (double)p->disk_ns / (double)p->elapsed_ns : NAN);
        study_row_u64(&rows, p->suspensions);
        study_row_real(&rows, 2, p->active);
    }
    study_rows_end(&rows);
}

static kb_status show_plot(struct study *study, const struct multiprogramming *m) {
    size_t n = m->degrees.count;
    unsigned curves = m->points > n + 1 ? 3 : 2;
    double *values = calloc(n * 4, sizeof *values);
    struct kb_plot_series series[3];
    if (values == NULL)
        return kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "plot",
                       (unsigned long long)(n * 4 * sizeof *values));
    for (size_t i = 0; i < n; i++) {
        values[i] = (double)m->degrees.values[i];
        values[n + i] = without_limits(m, m->degrees.values[i]);
        values[2 * n + i] = cpu_use(&m->point[1 + i]);
        values[3 * n + i] = curves == 3 ? cpu_use(&m->point[1 + n + i]) : 0;
    }
    series[0] =
        (struct kb_plot_series){cli_text(study->cli, KB_MSG_col_one_minus), values, values + n, n};
    series[1] = (struct kb_plot_series){kb_load_name(KB_LOAD_NONE), values, values + 2 * n, n};
    series[2] = (struct kb_plot_series){kb_load_name(m->load.criterion), values, values + 3 * n, n};
    kb_status status =
        study_plot(study, (struct kb_plot){.series = series,
                                           .count = curves,
                                           .x_title = cli_text(study->cli, KB_MSG_col_degree),
                                           .y_title = cli_text(study->cli, KB_MSG_col_cpu_use)});
    free(values);
    return status;
}

static const struct point *best(const struct multiprogramming *m, size_t from) {
    const struct point *found = &m->point[from];
    for (size_t i = from; i < from + m->degrees.count; i++)
        if (cpu_use(&m->point[i]) > cpu_use(found))
            found = &m->point[i];
    return found;
}

/* Thrashing: with more processes than at the peak, CPU use is less than nine tenths of it. */
static const struct point *thrashes(const struct multiprogramming *m, size_t from,
                                    const struct point *peak) {
    const struct point *worst = NULL;
    for (size_t i = from; i < from + m->degrees.count; i++) {
        const struct point *p = &m->point[i];
        if (p->degree > peak->degree && cpu_use(p) < 0.9 * cpu_use(peak) &&
            (worst == NULL || cpu_use(p) < cpu_use(worst)))
            worst = p;
    }
    return worst;
}

static void judge(struct study *study, const struct multiprogramming *m) {
    struct study_text text = {.length = 0};
    size_t n = m->degrees.count;
    const struct point *peak = best(m, 1), *worst = thrashes(m, 1, peak), *controlled;
    bool rises = cpu_use(peak) > 1.05 * cpu_use(&m->point[0]);
    study_text_add(study, &text, rises ? KB_MSG_multi_rises : KB_MSG_multi_no_rise,
                   cpu_use(&m->point[0]), (unsigned long long)peak->degree, cpu_use(peak));
    study_text_add(study, &text, KB_MSG_multi_room, m->working_set, (unsigned long long)m->window,
                   (unsigned long long)m->frames, (double)m->frames / m->working_set);
    if (worst != NULL)
        study_text_add(study, &text,
                       (double)worst->degree * m->working_set > (double)m->frames
                           ? KB_MSG_multi_thrashes
                           : KB_MSG_multi_falls,
                       (unsigned long long)worst->degree, cpu_use(worst),
                       (double)worst->degree * m->working_set, (unsigned long long)m->frames);
    else
        study_text_add(study, &text, KB_MSG_multi_no_fall);
    if (m->points > n + 1 && worst != NULL) {
        controlled = &m->point[n + (size_t)(worst - m->point)];
        study_text_add(study, &text,
                       cpu_use(controlled) > cpu_use(worst) ? KB_MSG_multi_control
                                                            : KB_MSG_multi_no_control,
                       kb_load_name(m->load.criterion), cpu_use(controlled),
                       (unsigned long long)controlled->degree, cpu_use(worst));
    }
    study_verdict(study,
                  rises && worst != NULL   ? STUDY_HOLDS
                  : rises || worst != NULL ? STUDY_PARTLY
                                           : STUDY_FAILS,
                  text.text);
}

static void tell_settings(struct study *study, const struct multiprogramming *m) {
    if (study->output == STUDY_JSON) {
        kb_json_u64(&study->json, "frames", m->frames);
        kb_json_u64(&study->json, "quantum", m->sim.machine.quantum);
        kb_json_u64(&study->json, "cycle_ns", m->sim.machine.cycle_ns);
        kb_json_u64(&study->json, "window", m->window);
        kb_json_double(&study->json, "working_set", m->working_set);
        kb_json_double(&study->json, "p", waiting(m));
    }
    study_say(study, KB_MSG_multi_settings, (unsigned long long)m->frames, m->working_set,
              (unsigned long long)m->window, waiting(m));
}

static kb_status run(struct study *study) {
    struct multiprogramming *m = study->own;
    begin(study, m);
    kb_status status = read_traces(study, m);
    if (status == KB_OK)
        status = choose_machine(study, m);
    choose_window(m);
    if (status == KB_OK)
        status = choose_degrees(study, m);
    if (status == KB_OK)
        status = run_all(study, m);
    if (status != KB_OK)
        return status;
    study_claim(study, KB_MSG_multi_claim);
    tell_settings(study, m);
    show_rows(study, m);
    status = show_plot(study, m);
    if (status == KB_OK)
        judge(study, m);
    return status;
}

static void free_own(struct study *study) {
    struct multiprogramming *m = study->own;
    sim_traces_free(&m->sim, m->trace);
    free(m->degrees.values);
    free(m->point);
}

const struct study_kind study_multiprogramming = {
    .name = "multiprogramming",
    .command = "study multiprogramming",
    .title = KB_MSG_multi_title,
    .help = KB_MSG_help_study_multiprogramming,
    .most = MOST_TRACES,
    .takes = STUDY_TAKES_PLOT | STUDY_TAKES_THREADS | STUDY_TAKES_QUIET,
    .own = own_options,
    .own_bytes = sizeof(struct multiprogramming),
    .take = take,
    .run = run,
    .free_own = free_own,
};
