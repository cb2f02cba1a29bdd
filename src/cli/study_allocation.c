/* study_allocation.c - kilburn study allocation: programs that share a memory, with its frames for
 * all of them (global replacement), or a share for each: equal ones, or in proportion to its pages.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "study.h"

#define MOST_TRACES 64

enum { OPT_FRAMES = STUDY_OWN_OPTION, OPT_POLICY, OPT_QUANTUM, OPT_PAGE_SIZE };

static const struct option own_options[] = {
    {"frames", required_argument, NULL, OPT_FRAMES},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"quantum", required_argument, NULL, OPT_QUANTUM},
    {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
    {NULL, 0, NULL, 0},
};

static const enum kb_allocation ways[] = {KB_ALLOCATE_GLOBAL, KB_ALLOCATE_EQUAL,
                                          KB_ALLOCATE_PROPORTIONAL};
enum { GLOBAL, EQUAL, PROPORTIONAL, WAYS };

struct allocation {
    uint64_t frames, quantum, page_size;
    const char *policy;
    unsigned now;                           /* the way that runs */
    struct sim_machine_result result[WAYS]; /* their processes are owned */
};

static kb_status take(struct study *study, int option, const char *argument) {
    struct allocation *a = study->own;
    struct kb_error *error = &study->cli->error;
    switch (option) {
    case OPT_FRAMES:
        return cli_parse_number("--frames", argument, 1, KB_MOST_FRAMES, &a->frames, error);
    case OPT_QUANTUM:
        return cli_parse_number("--quantum", argument, 1, UINT64_MAX, &a->quantum, error);
    case OPT_PAGE_SIZE:
        return cli_parse_number("--page-size", argument, 1, UINT64_MAX, &a->page_size, error);
    default:
        a->policy = argument;
        return KB_OK;
    }
}

static void free_own(struct study *study) {
    struct allocation *a = study->own;
    for (unsigned i = 0; i < WAYS; i++)
        free(a->result[i].process);
}

/* Instead of showing it: the result is taken over. */
static kb_status keep(void *context, const struct sim_machine_results *results) {
    struct allocation *a = ((struct study *)context)->own;
    a->result[a->now] = results->item[0];
    results->item[0].process = NULL;
    return KB_OK;
}

static kb_status run_way(struct study *study, unsigned way) {
    struct allocation *a = study->own;
    uint64_t one = 1;
    struct sim sim = {.cli = study->cli,
                      .trace = study->operands[0],
                      .traces = study->operands,
                      .trace_count = study->operand_count,
                      .reading = {.page_size = a->page_size, .host = &study->host},
                      .frames = {&a->frames, 1},
                      .quiet = study->quiet,
                      .threads = study->threads,
                      .host = study->host,
                      .keep = keep,
                      .keep_context = study};
    sim_machine_usual(&sim.machine);
    sim.machine.because = "study";
    sim.machine.copies = (struct cli_sizes){&one, 1};
    sim.machine.allocation = ways[way];
    sim.machine.minimum = 1;
    if (a->quantum > 0)
        sim.machine.quantum = a->quantum;
    a->now = way;
    kb_status status = cli_parse_policies(a->policy != NULL ? a->policy : "lru", &sim.policies,
                                          &study->cli->error);
    if (status == KB_OK && sim.policies.count != 1)
        status = kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_one_policy);
    if (status == KB_OK)
        status = sim_machine_run(&sim);
    free(sim.policies.specs);
    return status;
}

static const struct study_column columns[] = {
    {"allocation", KB_MSG_col_allocation_way, true},
    {"process", KB_MSG_col_process, true},
    {"share", KB_MSG_col_allocation, false},
    {"resident_peak", KB_MSG_col_resident_peak, false},
    {"references", KB_MSG_col_references, false},
    {"faults", KB_MSG_col_faults, false},
    {"write_backs", KB_MSG_col_write_backs, false},
};

static void show_way(struct study_rows *rows, unsigned way, const struct sim_machine_result *r) {
    for (uint32_t i = 0; i < r->process_count; i++) {
        const struct sim_machine_process *p = &r->process[i];
        study_row_text(rows, sim_allocation_name(ways[way]));
        study_row_text(rows, p->name);
        if (way == GLOBAL)
            study_row_none(rows);
        else
            study_row_u64(rows, p->allocation);
        study_row_u64(rows, p->resident_peak);
        study_row_u64(rows, p->counters.references);
        study_row_u64(rows, p->counters.faults);
        study_row_u64(rows, p->counters.write_backs);
    }
    study_row_text(rows, sim_allocation_name(ways[way]));
    study_row_none(rows); /* all together */
    study_row_none(rows);
    study_row_u64(rows, r->resident_peak);
    study_row_u64(rows, r->counters.references);
    study_row_u64(rows, r->counters.faults);
    study_row_u64(rows, r->counters.write_backs);
}

static void judge(struct study *study) {
    const struct allocation *a = study->own;
    struct study_text text = {.length = 0};
    uint64_t faults[WAYS];
    for (unsigned i = 0; i < WAYS; i++)
        faults[i] = a->result[i].counters.faults;
    bool global = faults[GLOBAL] <= faults[EQUAL] && faults[GLOBAL] <= faults[PROPORTIONAL];
    bool shares = faults[PROPORTIONAL] <= faults[EQUAL];
    study_text_add(study, &text, global ? KB_MSG_study_global_best : KB_MSG_study_global_worse,
                   (unsigned long long)faults[GLOBAL], (unsigned long long)faults[EQUAL],
                   (unsigned long long)faults[PROPORTIONAL]);
    study_text_add(study, &text, shares ? KB_MSG_study_proportional_best : KB_MSG_study_equal_best,
                   (unsigned long long)faults[PROPORTIONAL], (unsigned long long)faults[EQUAL]);
    /* Who pays for it: the process that global replacement treats worst. */
    uint64_t most = 0;
    const struct sim_machine_process *worst = NULL;
    for (uint32_t i = 0; i < a->result[GLOBAL].process_count; i++) {
        const struct sim_machine_process *now = &a->result[GLOBAL].process[i];
        uint64_t own = a->result[PROPORTIONAL].process[i].counters.faults;
        if (now->counters.faults > own && now->counters.faults - own > most) {
            most = now->counters.faults - own;
            worst = now;
        }
    }
    if (worst != NULL)
        study_text_add(study, &text, KB_MSG_study_global_robs, worst->name,
                       (unsigned long long)worst->counters.faults,
                       (unsigned long long)(worst->counters.faults - most));
    study_verdict(study,
                  global && shares   ? STUDY_HOLDS
                  : global || shares ? STUDY_PARTLY
                                     : STUDY_FAILS,
                  text.text);
}

static kb_status run(struct study *study) {
    struct allocation *a = study->own;
    struct study_rows rows;
    if (a->frames == 0)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_frames);
    for (unsigned i = 0; i < WAYS; i++) {
        kb_status status = run_way(study, i);
        if (status != KB_OK)
            return status;
    }
    study_claim(study, KB_MSG_study_allocation_claim);
    study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
    for (unsigned i = 0; i < WAYS; i++)
        show_way(&rows, i, &a->result[i]);
    study_rows_end(&rows);
    judge(study);
    return KB_OK;
}

const struct study_kind study_allocation = {
    .name = "allocation",
    .command = "study allocation",
    .title = KB_MSG_study_allocation,
    .help = KB_MSG_help_study_allocation,
    .least = 2,
    .most = MOST_TRACES,
    .takes = STUDY_TAKES_THREADS | STUDY_TAKES_QUIET,
    .own = own_options,
    .own_bytes = sizeof(struct allocation),
    .take = take,
    .run = run,
    .free_own = free_own,
};
