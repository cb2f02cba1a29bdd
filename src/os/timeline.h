/* timeline.h - what the processes did in the course of time: samples of their counters, and who had
 * the processor.
 *
 *   references   0        step      2 step     3 step …
 *   samples      ●─────────●─────────●─────────●          at most KB_TIMELINE_SAMPLES
 *   spans        ├─ a ─┤├── b ──┤├─ a ─┤├── b ──┤          at most KB_TIMELINE_SPANS
 *
 * Nothing listens: whoever drives the machine asks for a sample when the
 * machine's references reach `next`, and tells of each stretch in which a process ran.
 * When the samples are full every second one goes and the step doubles; spans
 * beyond their limit are left out, and the file says from where on.
 * docs/timeline.md is the reference of the JSON form. */
#ifndef KB_OS_TIMELINE_H
#define KB_OS_TIMELINE_H

#include "base/json.h"
#include "os/os.h"

#define KB_TIMELINE_VERSION 1
#define KB_TIMELINE_SAMPLES 512
#define KB_TIMELINE_SPANS 4096

/* Of a process, at a sample. */
struct kb_timeline_point {
    uint64_t resident, faults, evictions, write_backs;
};

/* Of the machine, at a sample. */
struct kb_timeline_moment {
    uint64_t at; /* references */
    uint64_t free, tlb_misses, table_reads, disk_transfers, switches;
};

struct kb_timeline_life {
    uint64_t begin, end;
    bool begun, ended;
};

struct kb_timeline_span {
    uint64_t from, to;
    uint32_t process; /* its number */
};

struct kb_timeline {
    const struct kb_host *host;
    uint64_t step; /* references between samples */
    uint64_t next; /* the reference at which one is due */
    struct kb_timeline_moment moment[KB_TIMELINE_SAMPLES];
    uint32_t moments;
    struct kb_timeline_point *point; /* by moment × room + process */
    struct kb_timeline_life *life;   /* by process */
    uint32_t room;                   /* processes */
    struct kb_timeline_span span[KB_TIMELINE_SPANS];
    uint32_t spans;
    bool full;            /* later ones are left out … */
    uint64_t spans_until; /* … from this reference on */
};

/* Large: not for a stack. */
void kb_timeline_init(struct kb_timeline *timeline, const struct kb_host *host);
void kb_timeline_free(struct kb_timeline *timeline);

/* Notes all counters now. */
kb_status kb_timeline_sample(struct kb_timeline *timeline, const struct kb_os *os) KB_MUST_CHECK;
/* A process begins now. */
kb_status kb_timeline_begin(struct kb_timeline *timeline, const struct kb_os *os,
                            const struct kb_process *process) KB_MUST_CHECK;
/* A process is about to end, with its last counters. */
void kb_timeline_end(struct kb_timeline *timeline, const struct kb_os *os,
                     const struct kb_process *process);
/* A process had the processor from one reference to another; in order. */
void kb_timeline_ran(struct kb_timeline *timeline, const struct kb_process *process, uint64_t from,
                     uint64_t to);

/* The object {"timeline":…}; os is the machine that was sampled. */
void kb_timeline_json(const struct kb_timeline *timeline, const struct kb_os *os,
                      struct kb_json *json);

#endif
