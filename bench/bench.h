/* bench.h - what the benchmarks share: time, the two workloads, a trace in memory. */
#ifndef KB_BENCH_BENCH_H
#define KB_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/host.h"
#include "replay/replay.h"
#include "trace/generate.h"
#include "trace/reader.h"

/* The goals are stated for these. */
#define BENCH_REFERENCES UINT64_C(20000000)
#define BENCH_PAGES UINT64_C(1000000)
#define BENCH_QUICK_REFERENCES UINT64_C(2000000)
#define BENCH_QUICK_PAGES UINT64_C(100000)

#define BENCH_SPEC 160

static struct kb_error bench_error;

/* Seconds of this thread on a core: other work on the machine does not count. */
static inline double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void bench_die(const char *text) {
    fprintf(stderr, "bench: %s\n", text);
    exit(1);
}

static inline void bench_check(kb_status status) {
    if (status != KB_OK)
        bench_die(bench_error.text);
}

/* The spec of a workload: "zipf" and "loop" are those of the goals; anything else is a generator's
 * spec as it is. */
static inline void bench_spec(const char *workload, uint64_t references, uint64_t pages,
                              char spec[BENCH_SPEC]) {
    unsigned long long n = references, p = pages, half = pages / 2;
    if (strcmp(workload, "zipf") == 0)
        snprintf(spec, BENCH_SPEC, "zipf:pages=%llu:references=%llu:alpha=0.99:seed=1:scramble=1",
                 p, n);
    else if (strcmp(workload, "loop") == 0)
        snprintf(spec, BENCH_SPEC,
                 "loop-uniform:pages=%llu:uniform=%llu:share=50:references=%llu:seed=1", half,
                 p - half, n);
    else
        snprintf(spec, BENCH_SPEC, "%s", workload);
}

/* ---- a trace in memory: blocks, each with the padding behind its runs ---- */

struct bench_trace {
    struct kb_block *blocks;
    size_t count;
    uint64_t references, runs;
    uint32_t pages; /* distinct */
    uint64_t *page_numbers;
};

static inline void *bench_take(const struct kb_host *host, size_t bytes) {
    void *memory = kb_take(host, bytes);
    if (memory == NULL)
        bench_die("out of memory");
    return memory;
}

/* Blocks overlap nothing and are kept; count is by the caller. */
static inline void bench_keep(struct bench_trace *trace, const struct kb_block *block,
                              const struct kb_host *host) {
    size_t bytes = ((size_t)block->count + KB_RUN_PADDING) * sizeof(struct kb_run);
    struct kb_run *runs = bench_take(host, bytes);
    memcpy(runs, block->runs, bytes);
    if ((trace->count & (trace->count - 1)) == 0) {
        size_t room = trace->count == 0 ? 1 : trace->count * 2;
        trace->blocks = realloc(trace->blocks, room * sizeof *trace->blocks);
        if (trace->blocks == NULL)
            bench_die("out of memory");
    }
    trace->blocks[trace->count] = *block;
    trace->blocks[trace->count++].runs = runs;
    trace->references += block->references;
    trace->runs += block->count;
    trace->pages = block->pages;
}

static inline void bench_generate(struct bench_trace *trace, const char *spec,
                                  const struct kb_host *host) {
    static struct kb_trace_access accesses[KB_ACCESS_BATCH];
    struct kb_generator *generator;
    struct kb_collector *collector;
    struct kb_block block;
    size_t got;
    memset(trace, 0, sizeof *trace);
    bench_check(kb_generator_new(spec, &generator, &bench_error));
    uint64_t page_size = kb_generator_page_numbers(generator) ? 0 : KB_DEFAULT_PAGE_SIZE;
    bench_check(kb_collector_new(&collector, page_size, host, &bench_error));
    do {
        kb_generator_next(generator, accesses, KB_ACCESS_BATCH, &got);
        for (size_t used = 0; used < got || got == 0;) {
            bench_check(kb_collector_add(collector, accesses, got, &used, &bench_error));
            if (got > 0 && !kb_collector_full(collector))
                continue;
            bench_check(kb_collector_take(collector, &block, &bench_error));
            if (block.count > 0)
                bench_keep(trace, &block, host);
            if (got == 0)
                break;
        }
    } while (got > 0);
    trace->page_numbers = malloc(trace->pages * sizeof *trace->page_numbers);
    if (trace->page_numbers == NULL)
        bench_die("out of memory");
    memcpy(trace->page_numbers, kb_collector_page_numbers(collector),
           trace->pages * sizeof *trace->page_numbers);
    kb_collector_free(collector);
    kb_generator_free(generator);
}

static inline void bench_free(struct bench_trace *trace, const struct kb_host *host) {
    for (size_t i = 0; i < trace->count; i++)
        kb_give_back(host, (void *)(uintptr_t)trace->blocks[i].runs,
                     ((size_t)trace->blocks[i].count + KB_RUN_PADDING) * sizeof(struct kb_run));
    free(trace->blocks);
    free(trace->page_numbers);
    memset(trace, 0, sizeof *trace);
}

/* ---- several measurements of one thing ---- */

#define BENCH_MOST_TIMES 32

struct bench_times {
    double seconds[BENCH_MOST_TIMES];
    unsigned count;
};

static inline int bench_compare(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static inline void bench_note(struct bench_times *times, double seconds) {
    if (times->count < BENCH_MOST_TIMES)
        times->seconds[times->count++] = seconds;
    qsort(times->seconds, times->count, sizeof times->seconds[0], bench_compare);
}

static inline double bench_best(const struct bench_times *times) { return times->seconds[0]; }

static inline double bench_median(const struct bench_times *times) {
    return times->seconds[times->count / 2];
}

#endif
