/* job.c - jobs take turns: blocks are fetched, their runs made, their events honoured. */
#include "os/job.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- traces ---- */

static kb_status next_of_reader(void *context, struct kb_block *block, struct kb_error *error) {
    return kb_reader_next(context, block, error);
}

static const uint64_t *numbers_of_reader(void *context) { return kb_reader_page_numbers(context); }

struct kb_job_trace kb_job_reader(struct kb_reader *reader) {
    return (struct kb_job_trace){reader, next_of_reader, numbers_of_reader};
}

/* ---- processes ---- */

/* All of its space up to the last page, with a content of its own. */
static kb_status give_image(struct kb_os *os, struct kb_process *process, uint64_t bytes) {
    struct kb_region region = {.name = "program",
                               .end = bytes,
                               .rights = KB_ENTRY_RIGHTS,
                               .has_image = true,
                               .image = {.length = bytes, .seed = process->number + 1}};
    bool refused;
    kb_status status = kb_os_region(os, process, &region, &refused);
    return status != KB_OK || !refused ? status
                                       : kb_fail(os->error, KB_DATA, KB_MSG_os_too_many_pages,
                                                 (unsigned long long)KB_NO_MAPPING);
}

static kb_status create(struct kb_jobs *jobs, struct kb_job *job) {
    struct kb_os *os = jobs->os;
    char name[KB_NAME_BYTES];
    if (job->count == job->room) {
        uint32_t room = job->room == 0 ? 1 : job->room * 2;
        struct kb_job_process *more =
            kb_grow(os->host, job->process, job->room * sizeof *more, room * sizeof *more);
        if (more == NULL)
            return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, job->name,
                           (unsigned long long)(room * sizeof *more));
        job->process = more;
        job->room = room;
    }
    struct kb_job_process *own = &job->process[job->count];
    *own = (struct kb_job_process){.number = job->number};
    if (job->number == 0)
        snprintf(name, sizeof name, "%s", job->name);
    else
        snprintf(name, sizeof name, "%.*s/%" PRIu32, (int)sizeof name - 12, job->name, job->number);
    kb_status status = kb_os_create(os, name, &own->process);
    if (status == KB_OK && job->image > 0)
        status = give_image(os, own->process, job->image);
    if (status == KB_OK && job->pages > 0)
        status = kb_os_tell_size(os, own->process, job->pages);
    if (status == KB_OK && jobs->timeline != NULL)
        status = kb_timeline_begin(jobs->timeline, os, own->process);
    job->count += status == KB_OK;
    job->current = own;
    own->allocation = status == KB_OK ? own->process->allocation : 0;
    return status;
}

/* The process whose references come, if it has begun. */
static void find_current(struct kb_job *job) {
    for (uint32_t i = 0; i < job->count && job->current == NULL; i++)
        if (job->process[i].number == job->number)
            job->current = &job->process[i];
}

/* It runs now. */
static kb_status resume(struct kb_jobs *jobs, struct kb_job *job) {
    kb_status status = KB_OK;
    find_current(job);
    if (job->current == NULL)
        status = create(jobs, job);
    if (status == KB_OK)
        kb_os_switch(jobs->os, job->current->process);
    return status;
}

/* While a process runs its pages only become more, until an event or the policy takes some. */
static void note_peaks(struct kb_jobs *jobs, struct kb_job_process *own) {
    uint32_t used = jobs->os->setup.frames - kb_os_free_frames(jobs->os);
    if (used > jobs->resident_peak)
        jobs->resident_peak = used;
    if (own->process->resident > own->resident_peak)
        own->resident_peak = own->process->resident;
}

static uint64_t dirty_pages(const struct kb_os *os, const struct kb_process *process) {
    uint64_t count = 0;
    for (uint32_t frame = 0; frame < os->used; frame++)
        count += kb_os_owner(os, frame) == process && os->keys[frame] & KB_MODIFIED;
    return count;
}

static void finish(struct kb_jobs *jobs, struct kb_job *job) {
    struct kb_os *os = jobs->os;
    for (uint32_t i = 0; i < job->count; i++) {
        struct kb_job_process *own = &job->process[i];
        const struct kb_process_counters *c = &own->process->counters;
        own->still_dirty = dirty_pages(os, own->process);
        own->unused_ahead = c->prefetches - c->useful_prefetches - c->wasted_prefetches;
        if (jobs->timeline != NULL)
            kb_timeline_end(jobs->timeline, os, own->process);
        kb_os_exit(os, own->process, KB_REASON_DONE, 0);
    }
    job->ended = true;
    jobs->alive--;
}

static kb_status killed(const struct kb_os *os, const struct kb_process *process) {
    return kb_fail(os->error, KB_DATA, KB_MSG_job_killed, process->name,
                   (unsigned long long)process->counters.references + 1,
                   (unsigned long long)process->fault_address,
                   kb_text(os->error->language, kb_reason_cause(process->reason)));
}

/* ---- events ---- */

static bool concerns(const struct kb_mapping *mapping, const struct kb_event *event) {
    return mapping->number - event->first < event->pages;
}

/* A page that was released is written if it was modified, and leaves. */
static void release(struct kb_os *os, struct kb_process *process, uint32_t frame) {
    enum kb_reason reason;
    if (kb_os_held(os, frame) || !kb_os_give_up(os, frame, KB_RELEASED, &reason))
        return;                        /* one that cannot be written stays */
    kb_os_count_eviction(os, process); /* as replay counts them */
    os->counters.releases++;
    process->counters.releases++;
}

static void drop(struct kb_os *os, uint32_t mapping, void *context) {
    if (concerns(&os->pages.mapping[mapping], context))
        kb_os_drop_page(os, os->pages.mapping[mapping].page, KB_UNMAPPED);
}

/* Pages of a range leave, frames in rising order as in replay. An unmapped page is dropped and not
 * made illegal: what a program maps is known by what it touches, so the next touch finds zeros, as
 * it does where the program discarded the contents. It is the same page then, as it is to replay;
 * jobs share none. */
static void leave(struct kb_os *os, struct kb_process *process, const struct kb_event *event) {
    bool drops = kb_event_drops(event->type);
    struct kb_event range = *event;
    for (uint32_t frame = 0; frame < os->used; frame++) {
        const struct kb_mapping *mapping = kb_os_first_mapping(os, frame);
        if (mapping == NULL || mapping->process != process->number || !concerns(mapping, event))
            continue;
        if (drops)
            kb_os_drop_page(os, os->page_of[frame], KB_UNMAPPED);
        else
            release(os, process, frame);
    }
    if (drops) /* those that are in the paging file */
        kb_os_each_mapping(os, process, 0, UINT64_MAX, drop, &range);
}

static kb_status honour(struct kb_jobs *jobs, struct kb_job *job, const struct kb_event *event) {
    if (event->type == KB_EVENT_PROCESS) {
        job->number = (uint32_t)event->first;
        job->current = NULL;
    }
    /* What is mapped, under which name and with which rights, changes nothing here: see leave().
     * Threads of a process share its memory, and the kernel touches its pages as it does. */
    bool concerns_pages = kb_event_drops(event->type) || event->type == KB_EVENT_RELEASE;
    if (!jobs->events || !concerns_pages || event->pages == 0)
        return KB_OK;
    kb_status status = resume(jobs, job);
    if (status == KB_OK)
        leave(jobs->os, job->current->process, event);
    return status;
}

/* ---- turns ---- */

/* The next block; after the last one the job ends. */
static kb_status fetch(struct kb_jobs *jobs, struct kb_job *job) {
    uint64_t now = jobs->os->counters.references;
    if (jobs->progress != NULL)
        jobs->progress(jobs->progress_context, now - jobs->told);
    jobs->told = now;
    kb_status status = job->trace.next(job->trace.context, &job->block, jobs->os->error);
    if (status != KB_OK)
        return status;
    job->numbers = job->trace.numbers(job->trace.context);
    job->run = job->event = 0;
    if (job->block.count == 0 && job->block.event_count == 0)
        finish(jobs, job);
    return KB_OK;
}

/* The process whose references are the job's first: it is there when the turns begin. */
static kb_status begin(struct kb_jobs *jobs, struct kb_job *job) {
    kb_status status = fetch(jobs, job);
    if (status != KB_OK || job->block.count == 0)
        return status;
    for (uint32_t i = 0; i < job->block.event_count && job->block.events[i].at == 0; i++)
        if (job->block.events[i].type == KB_EVENT_PROCESS)
            job->number = (uint32_t)job->block.events[i].first;
    return create(jobs, job);
}

static bool is_blocked(const struct kb_job *job) {
    return job->current != NULL && job->current->process->state == KB_BLOCKED;
}

/* Load control does not let its process run. */
static bool is_suspended(const struct kb_job *job) {
    return job->current != NULL && job->current->process->suspended;
}

/* Runs up to `end`, as far as the quantum reaches and no sample is due, or until the process waits
 * for a page: then its quantum is over. A run is cut where the quantum ends. */
static kb_status make_runs(struct kb_jobs *jobs, struct kb_job *job, uint32_t end,
                           uint64_t *quantum) {
    struct kb_os *os = jobs->os;
    const struct kb_run *runs = job->block.runs;
    const uint64_t *numbers = job->numbers;
    const uint64_t until = jobs->timeline != NULL ? jobs->timeline->next : UINT64_MAX;
    const bool releases = (os->setup.policy.policy->needs & KB_VARIABLE_SPACE) != 0;
    const unsigned page_bits = kb_os_page_bits(os);
    uint64_t left = *quantum;
    uint32_t i = job->run;
    while (i < end && left > 0 && os->counters.references < until) {
        struct kb_run run = runs[i];
        uint32_t rest = kb_run_count(run) - job->done, part = rest < left ? rest : (uint32_t)left;
        bool done;
        kb_status status = kb_os_run(os, numbers[run.page] << page_bits,
                                     (enum kb_access)kb_run_kind(run), part, &done);
        if (__builtin_expect(status != KB_OK || !done, 0)) {
            if (status != KB_OK || !is_blocked(job))
                return status != KB_OK ? status : killed(os, job->current->process);
            job->done += part - os->left;
            left = 0;
            break;
        }
        if (releases)
            note_peaks(jobs, job->current);
        left -= part;
        job->done = part < rest ? job->done + part : 0;
        i += part == rest;
    }
    job->run = i;
    *quantum = left;
    return KB_OK;
}

static kb_status play(struct kb_jobs *jobs, struct kb_job *job, uint32_t end, uint64_t *quantum) {
    struct kb_os *os = jobs->os;
    kb_status status = resume(jobs, job);
    uint64_t from = os->counters.references;
    if (status == KB_OK)
        status = make_runs(jobs, job, end, quantum);
    if (status != KB_OK)
        return status;
    note_peaks(jobs, job->current);
    if (jobs->timeline == NULL)
        return KB_OK;
    kb_timeline_ran(jobs->timeline, job->current->process, from, os->counters.references);
    return os->counters.references >= jobs->timeline->next ? kb_timeline_sample(jobs->timeline, os)
                                                           : KB_OK;
}

/* A quantum, and what follows it at once: a trace that is over gives its memory back now. */
static kb_status turn(struct kb_jobs *jobs, struct kb_job *job) {
    uint64_t quantum = jobs->alive > 1 ? jobs->quantum : UINT64_MAX;
    kb_status status = KB_OK;
    while (status == KB_OK && !job->ended) {
        const struct kb_block *block = &job->block;
        bool more = job->event < block->event_count;
        uint32_t end = more ? block->events[job->event].at : block->count;
        if (job->run < end) {
            find_current(job);
            if (quantum == 0 || is_blocked(job) || is_suspended(job))
                return KB_OK;
            status = play(jobs, job, end, &quantum);
        } else if (more) {
            status = honour(jobs, job, &block->events[job->event++]);
        } else {
            status = fetch(jobs, job);
        }
    }
    return status;
}

/* All that could go on are suspended, since those that are active belong to jobs that need others
 * first. */
static void resume_one(struct kb_jobs *jobs) {
    for (uint32_t i = 0; i < jobs->count; i++)
        if (!jobs->job[i].ended && is_suspended(&jobs->job[i])) {
            kb_os_load_resume(jobs->os, jobs->job[i].current->process);
            return;
        }
}

/* One for each job that can run; if all wait, time passes until one can. */
static kb_status make_turns(struct kb_jobs *jobs) {
    bool any = false;
    kb_status status = KB_OK;
    for (uint32_t i = 0; i < jobs->count && status == KB_OK; i++) {
        struct kb_job *job = &jobs->job[i];
        if (job->ended)
            continue;
        if (is_blocked(job))
            kb_os_wake(jobs->os);
        status = kb_os_balance(jobs->os);
        if (status != KB_OK || is_blocked(job) || is_suspended(job))
            continue;
        any = true;
        status = turn(jobs, job);
    }
    if (status == KB_OK && !any && !kb_os_idle(jobs->os))
        resume_one(jobs);
    return status;
}

kb_status kb_jobs_run(struct kb_jobs *jobs) {
    kb_status status = KB_OK;
    jobs->alive = jobs->count;
    for (uint32_t i = 0; i < jobs->count && status == KB_OK; i++)
        status = begin(jobs, &jobs->job[i]);
    for (uint32_t i = 0; i < jobs->count && status == KB_OK; i++)
        if (jobs->job[i].count > 0)
            jobs->job[i].process->allocation = jobs->job[i].process->process->allocation;
    if (status == KB_OK && jobs->timeline != NULL)
        status = kb_timeline_sample(jobs->timeline, jobs->os);
    while (status == KB_OK && jobs->alive > 0)
        status = make_turns(jobs);
    if (status == KB_OK && jobs->timeline != NULL)
        status = kb_timeline_sample(jobs->timeline, jobs->os);
    return status;
}

void kb_jobs_free(struct kb_jobs *jobs) {
    for (uint32_t i = 0; i < jobs->count; i++) {
        struct kb_job *job = &jobs->job[i];
        kb_give_back(jobs->os->host, job->process, job->room * sizeof *job->process);
        job->process = NULL;
        job->count = job->room = 0;
    }
}
