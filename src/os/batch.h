/* batch.h - the job queue (cola de trabajos): a list of jobs through a machine of any organisation.
 *
 *   arrives ──► waits ──► in memory, `time` units ──► its bytes are verified, and it leaves
 *                 └─────► refused: it can never be there
 *
 * The long-term scheduler admits first come, first served: who cannot go in
 * keeps those behind it waiting. There is one queue; with fixed absolute
 * partitions one a partition, for programs are made for theirs.
 *
 *   organisation               a job is                      it goes in when
 *   contiguous                 one program                   there is room for all of it
 *   paging                     one region                    the working parts of those in memory
 *   segmentation, paged or not code ½, data ¼, stack ¼       fit together, or it is alone
 *
 * A working part is the first bytes of a program; it counts as what has to come
 * for it: pages, or whole segments. Under load_all all of the job counts. Jobs in memory run side
 * by side. In each unit each of them loads a word of every page (4 KiB where there are none, less
 * where pages are smaller) of its working part, compares it, and stores to every second one. Its
 * image is a pattern. What these instructions do is counted, but not told to listeners; the jobs'
 * coming and going is. */
#ifndef KB_OS_BATCH_H
#define KB_OS_BATCH_H

#include "os/process.h"

struct kb_os;

#define KB_BATCH_PARTS 3 /* segments of a job */

enum kb_batch_state {
    KB_BATCH_COMING,
    KB_BATCH_WAITS,
    KB_BATCH_IN,
    KB_BATCH_DONE,
    KB_BATCH_REFUSED
};

struct kb_batch_job {
    /* the request */
    char name[KB_NAME_BYTES];
    uint64_t size;      /* bytes, at least 1 */
    uint64_t working;   /* of them, from its beginning, that it uses; 0: all */
    uint64_t partition; /* from 1, fixed absolute: the one it was made for; 0: the smallest that
                           holds it */
    uint64_t arrives;   /* unit of time */
    uint64_t time;      /* units that it stays in memory, at least 1 */

    /* what became of it: `starts` is 0 if it was refused */
    enum kb_batch_state state;
    uint64_t starts, ends;

    /* while it is there */
    struct kb_process *process;
    uint64_t need; /* bytes that have to be in memory for its working part */
    uint64_t seed; /* of its image */
    bool first;    /* it waits, and is the first of its queue */
};

/* Memory at the end of a unit of time. */
struct kb_batch_moment {
    uint64_t jobs;
    uint64_t used;          /* bytes of the programs in memory */
    uint64_t internal;      /* bytes handed out behind their ends */
    uint64_t free, largest; /* bytes; with pages a free frame is as good as another */
    uint64_t holes;         /* contiguous organisations; else 0 */
};

struct kb_batch {
    /* the request */
    struct kb_os *os;
    struct kb_batch_job *job; /* in the order of the list, which decides between those that arrive
                                 together */
    uint32_t count;
    uint64_t most_references; /* more are refused with KB_DATA */

    /* while it runs */
    uint32_t *order; /* by arrival */
    uint64_t now;
    uint64_t in;   /* jobs in memory */
    uint64_t need; /* sum of theirs */

    /* afterwards */
    uint64_t makespan; /* the unit at which the last job left */
    uint64_t done, refused;
    uint64_t degree_most, degree_time; /* of multiprogramming; the sum over all units */
    uint64_t internal_most;            /* bytes, at the end of a unit */
    uint64_t stranded_most;            /* free bytes that would together have been enough for the
                                          first of a queue, at the end of a unit: external
                                          fragmentation, or partitions that it may not have */
    uint64_t used_time, resident_time; /* bytes that programs use, and that are taken; sums over
                                          all units */
    struct kb_batch_moment first;      /* of the first unit in which a job was in memory */
};

/* Runs all jobs to their ends; the machine may have other processes. A job whose bytes are not what
 * they must be, or that the machine ends, is KB_DATA. Errors go to that of the machine. */
kb_status kb_batch_run(struct kb_batch *batch) KB_MUST_CHECK;

/* References that all jobs make at least; UINT64_MAX if they do not fit. */
uint64_t kb_batch_references(const struct kb_batch *batch);

/* Jobs in memory, mean over the units until the makespan; 0 if there are none. */
double kb_batch_degree(const struct kb_batch *batch);
/* Bytes that programs use of those that are taken, mean over the units; 0: none were taken. */
double kb_batch_utilisation(const struct kb_batch *batch);

#endif
