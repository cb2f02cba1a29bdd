/* batch.h - the job queue of a machine of any organisation: which jobs are in memory at once, and
 * how long each one waits. */
#ifndef KB_OS_BATCH_H
#define KB_OS_BATCH_H

#include "os/process.h"

/* A job: a program with what it asks for. */
struct kb_batch_job {
    char name[KB_NAME_BYTES];
    uint64_t size;      /* bytes */
    uint64_t working;   /* of them, from its beginning, that it uses; 0: all */
    uint64_t partition; /* from 1, fixed absolute: the one it was made for; 0: the smallest that
                           holds it */
    uint64_t arrives;   /* unit of time */
    uint64_t time;      /* units that it stays in memory */
};

#endif
