/* recorder.h - runs a program and records its references as a native trace.
 *
 * The program runs inside QEMU's user mode, with Kilburn's plugin; or, if it
 * was built with Kilburn's hooks, by itself; or inside Valgrind. It has the
 * caller's standard streams, working directory and environment. */
#ifndef KB_RECORD_RECORDER_H
#define KB_RECORD_RECORDER_H

#include <stdbool.h>

#include "base/host.h"

struct kb_record_progress {
    uint64_t references, pages, bytes; /* so far; bytes of the file */
    double seconds;
};

enum kb_record_with {
    KB_RECORD_WITH_ANY,    /* the program itself if it has hooks, else QEMU */
    KB_RECORD_WITH_QEMU,   /* even if it has hooks */
    KB_RECORD_WITH_LACKEY, /* Valgrind's example tool: exact, without children, very slow */
};

struct kb_record_options {
    enum kb_record_with with;
    const char *output;   /* borrowed, as are all strings */
    uint64_t grain;       /* of the trace: a power of two from 64 to 1 MiB */
    uint64_t limit;       /* references recorded at most, the program runs on; 0: all */
    bool exact;           /* instruction fetches in their place among the data */
    bool data_only;       /* no instruction fetches */
    bool children;        /* forked processes are recorded, to files with their numbers */
    const char *qemu;     /* the path of KB_RECORD_QEMU; NULL: there is none */
    const char *plugin;   /* of Kilburn's plugin for QEMU, a shared object; NULL: not found */
    const char *valgrind; /* of valgrind; NULL: there is none */
    const struct kb_host *host;
    /* Called some ten times a second by the thread that called kb_record; may be NULL. */
    void (*progress)(void *context, const struct kb_record_progress *progress);
    void *context;
};

struct kb_record_result {
    bool started; /* the program began; otherwise nothing was recorded and nothing ran */
    /* Of the program, as a shell tells it: 128 + n for signal n. If it was not started: 127 if
     * there is no such program, 126 if it cannot be executed, else 125. */
    int status;
    int signal;                        /* that ended it; 0: none */
    uint64_t references, pages, bytes; /* of the main program's file */
    uint32_t recorded_children;        /* files beside it */
    uint32_t dropped_children;         /* forked processes that were not recorded */
    uint32_t unfollowed;               /* execs after which a process was not recorded */
    uint32_t dropped_threads;          /* too many at once */
    bool limited;                      /* the limit was reached */
    bool replaced; /* the program has executed another one, which was not recorded; told of lackey
                      only */
};

#define KB_RECORD_FAILED 125 /* a status: Kilburn could not record, or not start the program */
#if defined(__aarch64__)
#define KB_RECORD_QEMU "qemu-aarch64"
#else
#define KB_RECORD_QEMU "qemu-x86_64"
#endif
#define KB_RECORD_PLUGIN "kilburn-record.so"
#define KB_RECORD_HOOKS                                                                            \
    "libkilburn-hooks.a" /* what programs that record themselves are linked with */
#define KB_RECORD_PATH_BYTES 4096
#define KB_RECORD_SMALLEST_GRAIN 64
#define KB_RECORD_LARGEST_GRAIN (UINT64_C(1) << 20)

/* Where they are: QEMU and Valgrind in PATH; a file of Kilburn's beside the running program, or
 * where it is installed with it. False: nowhere. */
bool kb_record_find_qemu(char path[KB_RECORD_PATH_BYTES]);
bool kb_record_find_valgrind(char path[KB_RECORD_PATH_BYTES]);
bool kb_record_find_beside(const char *name, char path[KB_RECORD_PATH_BYTES]);

/* Runs argv (argv[0] is found in PATH) and returns when it has ended, and with `children` those it
 * has forked. Fails where the program cannot be run (KB_USAGE: a wrong name, machine or option) or
 * the trace cannot be written; in the latter case the program has run to its end all the same, and
 * result->started says so. While it runs, signals sent to this process go to the program. */
kb_status kb_record(const char *const *argv, const struct kb_record_options *options,
                    struct kb_record_result *result, struct kb_error *error) KB_MUST_CHECK;

#endif
