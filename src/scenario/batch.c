/* batch.c - a job queue in scenarios: `job`, `run jobs`, and what `expect` asks of them. */
#include "os/batch.h"

#include <stdio.h>

#include "base/units.h"
#include "scenario/session.h"

#define MOST_JOBS 10000
#define MOST_TIME (UINT64_C(1) << 40)

static const char usage[] = "job NAME size=6K time=10 [partition=1] [arrives=0] [working=4K]";

static kb_status add_room(struct kb_scenario *s) {
    struct kb_batch *batch = &s->batch;
    if (batch->count < s->job_room)
        return KB_OK;
    uint32_t room = s->job_room == 0 ? 16 : s->job_room * 2;
    struct kb_batch_job *more =
        kb_grow(s->options.host, batch->job, s->job_room * sizeof *more, room * sizeof *more);
    if (more == NULL)
        return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "jobs",
                       (unsigned long long)(room * sizeof *more));
    batch->job = more;
    s->job_room = room;
    return KB_OK;
}

static struct kb_batch_job *find(const struct kb_scenario *s, const char *name) {
    for (uint32_t i = 0; i < s->batch.count; i++)
        if (strcmp(s->batch.job[i].name, name) == 0)
            return &s->batch.job[i];
    return NULL;
}

static kb_status bad_numbers(struct kb_scenario *s, const struct kb_batch_job *job) {
    return kb_fail(s->error, KB_DATA, KB_MSG_batch_numbers, job->name,
                   (unsigned long long)MOST_TIME);
}

static kb_status read_numbers(struct kb_scenario *s, struct kb_batch_job *job) {
    const struct {
        const char *key;
        uint64_t *value, low;
    } numbers[] = {
        {"size", &job->size, 1},       {"time", &job->time, 1},
        {"working", &job->working, 0}, {"partition", &job->partition, 0},
        {"arrives", &job->arrives, 0},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        kb_status status =
            kb_line_option_number(&s->line, numbers[i].key, numbers[i].value, s->error);
        if (status != KB_OK)
            return status;
        if (*numbers[i].value < numbers[i].low)
            return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
        if (*numbers[i].value > MOST_TIME)
            return bad_numbers(s, job);
    }
    return job->working > job->size ? bad_numbers(s, job) : KB_OK;
}

kb_status kb_command_job(struct kb_scenario *s) {
    struct kb_batch_job job = {0};
    const struct kb_word *name = kb_line_take(&s->line);
    if (s->rehearsing) /* it is there already, or will be */
        return KB_OK;
    if (s->jobs_ran) { /* a new list */
        s->batch.count = 0;
        s->jobs_ran = false;
    }
    if (name == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    kb_status status = kb_act_name(s, name, job.name);
    if (status == KB_OK)
        status = read_numbers(s, &job);
    if (status == KB_OK)
        status = kb_line_end(&s->line, usage, s->error);
    if (status == KB_OK && find(s, job.name) != NULL)
        status = kb_fail(s->error, KB_DATA, KB_MSG_batch_same, job.name);
    if (status == KB_OK && s->batch.count == MOST_JOBS)
        status = kb_fail(s->error, KB_DATA, KB_MSG_study_many_jobs, (unsigned long long)MOST_JOBS);
    if (status == KB_OK)
        status = add_room(s);
    if (status == KB_OK)
        s->batch.job[s->batch.count++] = job;
    return status;
}

/* A process may have got the name since; the future knows nothing of jobs. */
static kb_status check_jobs(struct kb_scenario *s) {
    if (s->batch.count == 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_batch_none);
    if (s->rehearsing || (s->setup.policy.policy->needs & KB_NEEDS_FUTURE))
        return kb_fail(s->error, KB_DATA, KB_MSG_batch_future);
    for (uint32_t i = 0; i < s->batch.count; i++) {
        const struct kb_process *p = kb_os_process(&s->os, s->batch.job[i].name);
        if (p != NULL && p->state != KB_ENDED)
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_same_name, p->name);
    }
    return KB_OK;
}

static void tell(struct kb_scenario *s) {
    const struct kb_batch *b = &s->batch;
    if (kb_scenario_narrates(s))
        kb_text_message(&s->out, KB_MSG_tell_jobs, (unsigned long long)b->done,
                        (unsigned long long)b->refused, (unsigned long long)b->makespan,
                        kb_batch_degree(b), (unsigned long long)b->degree_most,
                        100 * kb_batch_utilisation(b));
}

kb_status kb_command_run(struct kb_scenario *s) {
    kb_status status = kb_scenario_build(s);
    if (status == KB_OK && !kb_line_take_if(&s->line, "jobs"))
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "run jobs");
    if (status == KB_OK)
        status = kb_line_end(&s->line, "run jobs", s->error);
    if (status == KB_OK)
        status = check_jobs(s);
    if (status != KB_OK)
        return status;
    s->batch.os = &s->os;
    s->batch.most_references = s->options.most_references;
    status = kb_scenario_allow(s, 1); /* that before it were not too many */
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_batch_run(&s->batch));
    s->jobs_ran = s->jobs_here = status == KB_OK;
    if (status == KB_OK)
        tell(s);
    return status;
}

/* ---- expectations ---- */

static kb_status wrong(struct kb_scenario *s, const char *wanted) {
    return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
}

/* expect job A starts 0 */
static kb_status expect_job(struct kb_scenario *s) {
    static const char wanted[] =
        "expect job NAME starts|ends|waits UNITS | expect job NAME refused";
    const struct kb_word *name = kb_line_take(&s->line);
    char text[KB_NAME_BYTES] = "";
    if (name != NULL && name->length < sizeof text)
        memcpy(text, name->at, name->length);
    const struct kb_batch_job *job = find(s, text);
    if (job == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_batch_unknown, text);
    if (kb_line_take_if(&s->line, "refused")) {
        kb_status status = kb_line_end(&s->line, wanted, s->error);
        bool refused = job->state == KB_BATCH_REFUSED;
        return status == KB_OK
                   ? kb_scenario_judge(s, "job", "refused", refused ? "refused" : "done", refused)
                   : status;
    }
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"starts", job->starts}, {"ends", job->ends}, {"waits", job->starts - job->arrives}};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!kb_line_take_if(&s->line, numbers[i].name))
            continue;
        if (job->state == KB_BATCH_REFUSED)
            return kb_scenario_judge(s, "job", numbers[i].name, "refused", false);
        return kb_expect_number(s, numbers[i].name, KB_WHOLE, numbers[i].value, 0, false);
    }
    return wrong(s, wanted);
}

/* expect first internal-fragmentation 4K */
static kb_status expect_first(struct kb_scenario *s) {
    const struct kb_batch_moment *m = &s->batch.first;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"degree", m->jobs}, {"used", m->used},       {"internal-fragmentation", m->internal},
        {"free", m->free},   {"largest", m->largest}, {"hole-count", m->holes},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (kb_line_take_if(&s->line, numbers[i].name))
            return kb_expect_number(s, numbers[i].name, KB_WHOLE, numbers[i].value, 0, false);
    return wrong(s, "expect first degree|used|internal-fragmentation|free|largest|hole-count N");
}

static const char *const words[] = {"job",           "first",   "makespan",    "jobs-done",
                                    "jobs-refused",  "degree",  "degree-most", "utilisation",
                                    "most-internal", "stranded"};

bool kb_expect_is_batch(const struct kb_word *word) {
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (kb_word_is(word, words[i]))
            return true;
    return false;
}

/* Where no jobs have run these are quantities of the machine. */
static bool is_machines(const struct kb_word *word) {
    return kb_word_is(word, "degree") || kb_word_is(word, "degree-most") ||
           kb_word_is(word, "utilisation");
}

bool kb_expect_batch(struct kb_scenario *s, kb_status *status) {
    const struct kb_batch *b = &s->batch;
    if (!kb_expect_is_batch(kb_line_peek(&s->line)) ||
        (!s->jobs_here && is_machines(kb_line_peek(&s->line))))
        return false;
    *status = KB_OK;
    if (s->rehearsing)
        return true;
    if (!s->jobs_ran) {
        *status = kb_fail(s->error, KB_DATA, KB_MSG_batch_not_run);
        return true;
    }
    if (kb_line_take_if(&s->line, "job"))
        *status = expect_job(s);
    else if (kb_line_take_if(&s->line, "first"))
        *status = expect_first(s);
    else if (kb_line_take_if(&s->line, "degree"))
        *status = kb_expect_number(s, "degree", KB_REAL, 0, kb_batch_degree(b), false);
    else if (kb_line_take_if(&s->line, "utilisation"))
        *status =
            kb_expect_number(s, "utilisation", KB_REAL, 0, 100 * kb_batch_utilisation(b), false);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"makespan", b->makespan},           {"jobs-done", b->done},
                   {"jobs-refused", b->refused},        {"degree-most", b->degree_most},
                   {"most-internal", b->internal_most}, {"stranded", b->stranded_most}};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (kb_line_take_if(&s->line, numbers[i].name)) {
            *status = kb_expect_number(s, numbers[i].name, KB_WHOLE, numbers[i].value, 0, false);
            break;
        }
    return true;
}

void kb_scenario_free_jobs(struct kb_scenario *s) {
    kb_give_back(s->options.host, s->batch.job, s->job_room * sizeof *s->batch.job);
}
