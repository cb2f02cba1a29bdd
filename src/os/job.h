/* job.h - traces as processes: a job is a trace that runs as a process of the machine; several jobs
 * take turns.
 *
 *   trace a ── blocks ──► job a: process "a" ──┐  a quantum each,
 *   trace b ── blocks ──► job b: process "b" ──┴─ round robin ──► kb_os_run
 *
 * A process has no regions, unless its pages come from a file (image): a page
 * becomes its own, full of zeros, by being touched. The first process of each job begins before any
 * of them runs. A trace that tells of several processes runs as several: "a", "a/7". When a trace
 * ends, its processes exit, and the other jobs go on. */
#ifndef KB_OS_JOB_H
#define KB_OS_JOB_H

#include "os/timeline.h"
#include "trace/reader.h"

/* Where a job's references come from: as a reader delivers them. */
struct kb_job_trace {
    void *context;
    kb_status (*next)(void *context, struct kb_block *block, struct kb_error *error);
    const uint64_t *(*numbers)(void *context); /* of the pages by id; may move at each `next` */
};

struct kb_job_trace kb_job_reader(struct kb_reader *reader);

/* A process of a job. Its counters outlive it. */
struct kb_job_process {
    uint32_t number; /* in the trace */
    struct kb_process *process;
    uint64_t still_dirty;   /* modified pages in memory when it ended */
    uint64_t unused_ahead;  /* pages in memory then that came ahead and were never used */
    uint32_t resident_peak; /* pages, as seen behind runs of references */
    uint32_t
        allocation; /* frames it might hold when it, and all first ones, had begun; 0: global */
};

struct kb_job {
    /* the request */
    const char *name;
    struct kb_job_trace trace;
    uint64_t pages; /* of the trace, for proportional shares; 0: nobody knows */
    uint64_t
        image; /* bytes of its space that are read from its program's file at first; 0: zeros */

    /* where it stands */
    struct kb_block block;
    const uint64_t *numbers;
    uint32_t run, event;            /* the next ones in the block */
    uint32_t done;                  /* references of that run */
    uint32_t number;                /* of the trace's process whose references come */
    struct kb_job_process *current; /* the same; NULL: not looked up yet */
    bool ended;

    /* its processes, in the order of their beginning */
    struct kb_job_process *process;
    uint32_t count, room;
};

struct kb_jobs {
    /* the request */
    struct kb_os *os;
    struct kb_job *job;
    uint32_t count;
    uint64_t quantum;             /* references in a row, while there are others */
    bool events;                  /* honour unmap and release */
    struct kb_timeline *timeline; /* NULL: none is wanted */
    /* Told now and then of references that were made since; NULL: nobody asks. */
    void (*progress)(void *context, uint64_t references);
    void *progress_context;

    /* while they run */
    uint32_t alive;
    uint64_t told; /* references, to progress */

    /* afterwards */
    uint32_t resident_peak; /* frames in use, at most at once, as seen behind runs of references */
};

/* Runs all jobs to their ends. A process that the machine ends is an error: KB_DATA, with its
 * reason. Errors are written to that of the machine. */
kb_status kb_jobs_run(struct kb_jobs *jobs) KB_MUST_CHECK;

/* Gives back what the jobs hold of their processes. */
void kb_jobs_free(struct kb_jobs *jobs);

#endif
