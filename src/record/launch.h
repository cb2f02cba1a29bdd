/* launch.h - a program is found and started, the signals that come are passed on to it, and its end
 * is awaited; an insider of record. */
#ifndef KB_RECORD_LAUNCH_H
#define KB_RECORD_LAUNCH_H

#include <signal.h>

#include "record/program.h"
#include "record/recorder.h"
#include "record/stream.h"

#define KB_LAUNCH_DENIED 126
#define KB_LAUNCH_MISSING 127

struct kb_launch {
    char path[KB_PROGRAM_PATH]; /* of the program as it was found */
    struct kb_program program;
    const char *run;        /* the file that is executed: the program, or what runs it; borrowed */
    const char **arguments; /* of it; the list is owned, its strings are borrowed */
    int signals;            /* a descriptor: readable when there is something to look at */
    sigset_t mask;          /* the caller's own, which the program gets, too */
    void (*children)(int number); /* what SIGCHLD did; the program has that, too */
    pid_t pid;
    bool ended;
    int told;       /* by waitpid, when it has ended */
    bool impatient; /* a signal that ends programs has come after its end */
};

/* From zeros. Holds back the signals of this process, and of threads that start from now on. */
void kb_launch_open(struct kb_launch *launch);

/* Finds the program and looks at it. *status: as a shell tells it if it cannot run. */
kb_status kb_launch_find(struct kb_launch *launch, const char *name, int *status,
                         struct kb_error *error) KB_MUST_CHECK;

/* Signals are to be passed on from now on. */
kb_status kb_launch_catch(struct kb_launch *launch, struct kb_error *error) KB_MUST_CHECK;

/* Starts it. before is called in the child, before it becomes run. */
kb_status kb_launch_start(struct kb_launch *launch, void (*before)(void *context), void *context,
                          struct kb_error *error) KB_MUST_CHECK;

/* Passes on what has come; sees whether the program has ended. Does not wait. */
void kb_launch_look(struct kb_launch *launch);

/* What the program's end means to a shell. */
void kb_launch_result(const struct kb_launch *launch, struct kb_record_result *result);

/* Gives the signals back, and frees what launch has. */
void kb_launch_close(struct kb_launch *launch);

/* Seconds of a clock that never goes back. */
double kb_launch_clock(void);

/* Tells the caller how far the recording is that was started then. */
void kb_launch_progress(const struct kb_record_options *options,
                        const struct kb_stream_counts *counts, double started);

#define KB_LAUNCH_TICK 100 /* milliseconds between two looks at the progress */

#endif
