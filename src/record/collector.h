/* collector.h - the thread that takes what programs hand over and writes it, while they run; an
 * insider of record. */
#ifndef KB_RECORD_COLLECTOR_H
#define KB_RECORD_COLLECTOR_H

#include <pthread.h>

#include "record/recorder.h"
#include "record/recording.h"
#include "record/stream.h"

struct kb_collected {
    struct kb_stream *stream; /* NULL: not open */
    int watch;                /* a descriptor of the process; readable when it has ended; or −1 */
    bool failed, full;        /* what comes is thrown away */
    char name[4096];
};

struct kb_collecting {
    struct kb_shared *shared;
    const struct kb_record_options *options;
    struct kb_stream_options stream;
    struct kb_stream_counts counts, other_counts; /* of the main program; of all others */
    struct kb_collected channels[KB_CHANNELS];
    atomic_bool main_ended; /* set by the thread that waits for the program */
    atomic_bool give_up;    /* … that does not want to wait for children */
    atomic_bool all_ended;  /* set by the thread that collects: it has nothing to do any more */
    bool attached;          /* the program has found its channel */
    pthread_t thread;
    uint32_t recorded_children;
    bool limited;
    struct kb_error error; /* the first one; its status is KB_OK if there was none */
};

/* From zeros, with shared, options and stream filled: opens the main program's file and starts the
 * thread. */
kb_status kb_collecting_start(struct kb_collecting *collecting,
                              struct kb_error *error) KB_MUST_CHECK;

/* Waits until all is written, after main_ended was set. The error is in collecting->error. */
void kb_collecting_end(struct kb_collecting *collecting);

#endif
