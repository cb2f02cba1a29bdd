/* bench_replay.c - how fast each policy replays a trace that lies in memory, on one core.
 *
 *   bench_replay [--quick] [--references N] [--pages N] [--times N] [--policy A,B] [--workload W]
 *                [--no-naive]
 *
 * Both workloads, all policies with a number of frames, 1 % and 10 % of the
 * pages. A figure counts everything from kb_replay_init to the last block:
 * memory, and for opt the pass that finds the next uses. */
#include "bench.h"
#include "naive.h"

struct settings {
    uint64_t references, pages;
    unsigned times;
    const char *policies; /* comma-separated; NULL: all */
    const char *workload; /* NULL: both */
    double longest;       /* seconds, of one replay; the naive ones have a third of it */
    bool naive;
};

/* A replay stops behind the block at which `longest` seconds are up (nru, aging and wsclock look at
 * many frames at each fault); the figure is then that of the references so far. */
#define LONGEST 2.0
#define LONGEST_QUICK 0.2

struct measured {
    struct bench_times times;
    struct kb_result result;
    uint64_t references;
    size_t future_bytes;
};

/* A trace as references, for the naive policies. */
struct flat {
    uint32_t *pages, *next; /* next 0: none */
    uint64_t count;
};

/* ---- Kilburn ---- */

static void replay_blocks(const struct bench_trace *trace, const struct kb_policy_spec *spec,
                          uint32_t frames, double longest, const struct kb_host *host,
                          struct measured *m) {
    struct kb_replay replay;
    double start = bench_now();
    bench_check(kb_replay_init(&replay, spec, frames, NULL, host, &bench_error));
    m->references = 0;
    for (size_t i = 0; i < trace->count && bench_now() - start < longest; i++) {
        bench_check(kb_replay_block(&replay, &trace->blocks[i], NULL, &bench_error));
        m->references += trace->blocks[i].references;
    }
    bench_note(&m->times, bench_now() - start);
    kb_replay_result(&replay, &m->result);
    kb_replay_free(&replay);
}

static void replay_future(const struct bench_trace *trace, const struct kb_policy_spec *spec,
                          uint32_t frames, const struct kb_host *host, struct measured *m) {
    struct kb_replay replay;
    struct kb_future future;
    double start = bench_now();
    kb_future_init(&future, host);
    for (size_t i = 0; i < trace->count; i++)
        bench_check(kb_future_append(&future, &trace->blocks[i], &bench_error));
    bench_check(kb_future_finish(&future, &bench_error));
    bench_check(kb_replay_init(&replay, spec, frames, &future, host, &bench_error));
    bench_check(kb_replay_grow(&replay, future.pages, &bench_error));
    kb_replay_future(&replay, future.count);
    bench_note(&m->times, bench_now() - start);
    m->references = trace->references;
    m->future_bytes = (size_t)future.count * 8;
    kb_replay_result(&replay, &m->result);
    kb_replay_free(&replay);
    kb_future_free(&future);
}

static struct measured measure(const struct bench_trace *trace, const struct kb_policy_spec *spec,
                               uint32_t frames, unsigned times, double longest,
                               const struct kb_host *host) {
    struct measured m = {0};
    double start = bench_now();
    for (unsigned i = 0; i < times && (i == 0 || bench_now() - start < longest); i++) {
        if (kb_replay_needs_future(spec->policy))
            replay_future(trace, spec, frames, host, &m);
        else
            replay_blocks(trace, spec, frames, longest, host, &m);
    }
    return m;
}

/* ---- against the naive policies ---- */

static void flatten(const struct bench_trace *trace, struct flat *flat) {
    uint32_t *last = calloc(trace->pages, sizeof *last);
    flat->count = 0;
    flat->pages = malloc(trace->references * sizeof *flat->pages);
    flat->next = calloc(trace->references, sizeof *flat->next);
    if (last == NULL || flat->pages == NULL || flat->next == NULL)
        bench_die("out of memory");
    for (size_t b = 0; b < trace->count; b++)
        for (uint32_t i = 0; i < trace->blocks[b].count; i++)
            for (uint32_t n = kb_run_count(trace->blocks[b].runs[i]); n > 0; n--)
                flat->pages[flat->count++] = trace->blocks[b].runs[i].page;
    for (uint64_t i = flat->count; i-- > 0; last[flat->pages[i]] = (uint32_t)i)
        flat->next[i] = last[flat->pages[i]];
    free(last);
}

/* The first references of a trace: whole blocks, and a cut copy of the last. */
static struct bench_trace prefix(const struct bench_trace *trace, uint64_t references,
                                 const struct kb_host *host) {
    struct bench_trace cut = {0};
    for (size_t b = 0; b < trace->count && cut.references < references; b++) {
        struct kb_block block = trace->blocks[b];
        uint64_t left = references - cut.references;
        if (block.references <= left) {
            bench_keep(&cut, &block, host);
            continue;
        }
        size_t bytes = ((size_t)block.count + KB_RUN_PADDING) * sizeof(struct kb_run);
        struct kb_run *runs = calloc(1, bytes);
        if (runs == NULL)
            bench_die("out of memory");
        uint64_t sum = 0;
        uint32_t count = 0;
        for (; sum < left; count++) {
            struct kb_run run = block.runs[count];
            uint64_t n = kb_run_count(run);
            n = n < left - sum ? n : left - sum;
            runs[count] = kb_run_make(run.page, kb_run_kind(run), (uint32_t)n);
            sum += n;
        }
        block.runs = runs;
        block.count = count;
        block.references = left;
        bench_keep(&cut, &block, host); /* its pages: those of the whole block, an upper bound */
        free(runs);
    }
    return cut;
}

/* How many times faster Kilburn is on the references that the naive policy managed; the faults
 * must be the same. */
static bool against_naive(const struct bench_trace *trace, const struct flat *flat,
                          const struct kb_policy_spec *spec, uint32_t frames, double longest,
                          const struct kb_host *host, double *ratio, uint64_t *references) {
    const struct naive_policy *naive = naive_find(spec->policy->name);
    const uint32_t *next = kb_replay_needs_future(spec->policy) ? flat->next : NULL;
    struct naive_result n =
        naive_run(naive, flat->pages, flat->count, next, trace->pages, frames, longest / 3);
    struct bench_trace cut = prefix(trace, n.references, host);
    struct measured m = measure(&cut, spec, frames, 3, 1e9, host);
    bench_free(&cut, host);
    *ratio = n.seconds / bench_best(&m.times);
    *references = n.references;
    if (m.result.faults == n.faults)
        return true;
    printf("FAIL: %s, %u frames, %llu references: %llu faults, naive %llu\n", spec->policy->name,
           frames, (unsigned long long)n.references, (unsigned long long)m.result.faults,
           (unsigned long long)n.faults);
    return false;
}

/* ---- the table ---- */

/* Mrefs/s to reach on zipf at 10 % of the pages; 0: none. */
static double goal(const char *policy) {
    static const struct {
        const char *name;
        double mrefs;
    } goals[] = {{"fifo", 80}, {"clock", 80}, {"sieve", 80}, {"random", 80},  {"lru", 50},
                 {"lfu", 30},  {"2q", 30},    {"arc", 30},   {"s3-fifo", 30}, {"opt", 15}};
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++)
        if (strcmp(goals[i].name, policy) == 0)
            return goals[i].mrefs;
    return 0;
}

/* What a replay keeps: bytes for each frame, for each page (with the room to grow that it has
 * taken), and for each run of a future; and all of it against 16 B a frame and 8 B a page. */
static void print_memory(const struct measured *m, const struct kb_policy *policy, uint32_t pages,
                         uint32_t frames) {
    uint64_t runs = m->future_bytes / 8;
    double by_runs = (double)(policy->size(frames, 0, runs) - policy->size(frames, 0, 0));
    double by_frame =
        5 + (double)(policy->size(frames * 2, 0, 0) - policy->size(frames, 0, 0)) / frames;
    double state = (double)m->result.state_bytes - by_runs;
    printf(" %7.2f %6.2f %8.2f %5.0f%%", by_frame, (state - by_frame * frames) / pages,
           state * 1e-6, 100 * state / (16.0 * frames + 8.0 * pages));
    if (runs > 0)
        printf(" +%.1fB/run", ((double)m->future_bytes + by_runs) / (double)runs);
    else
        printf("%11s", "");
}

static bool row(const struct bench_trace *trace, const struct flat *flat,
                const struct kb_policy *policy, uint32_t frames, bool with_goal,
                const struct settings *set, const struct kb_host *host) {
    struct kb_policy_spec spec = {policy, {0}};
    bool sound = true;
    for (unsigned i = 0; i < policy->option_count; i++)
        spec.values[i] = policy->options[i].preset;
    struct measured m = measure(trace, &spec, frames, set->times, set->longest, host);
    double millions = (double)m.references * 1e-6, best = millions / bench_best(&m.times);
    printf("%-14s %8.1f %8.1f %7.4f", policy->name, best, millions / bench_median(&m.times),
           (double)m.result.faults / (double)m.references);
    print_memory(&m, policy, trace->pages, frames);
    if (with_goal && goal(policy->name) > 0)
        printf("  %3.0f %-3s", goal(policy->name), best >= goal(policy->name) ? "yes" : "NO");
    else
        printf("%9s", "");
    if (flat != NULL && naive_find(policy->name) != NULL) {
        double ratio;
        uint64_t references;
        sound = against_naive(trace, flat, &spec, frames, set->longest, host, &ratio, &references);
        printf(" %7.1f x", ratio);
        if (references < trace->references)
            printf(" (first %.2f M)", (double)references * 1e-6);
    }
    if (m.references < trace->references)
        printf("  * first %.2f M references", (double)m.references * 1e-6);
    printf("\n");
    fflush(stdout);
    return sound;
}

static bool wanted(const struct settings *set, const char *name) {
    size_t length = strlen(name);
    for (const char *at = set->policies; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return set->policies == NULL;
}

static bool workload(const char *name, const struct settings *set, const struct kb_host *host) {
    char spec[BENCH_SPEC];
    struct bench_trace trace;
    struct flat flat;
    bool sound = true;
    bench_spec(name, set->references, set->pages, spec);
    bench_generate(&trace, spec, host);
    if (set->naive)
        flatten(&trace, &flat);
    printf("\n%s\n%llu references, %llu runs, %u distinct pages\n", spec,
           (unsigned long long)trace.references, (unsigned long long)trace.runs, trace.pages);
    for (unsigned percent = 1; percent <= 10; percent += 9) {
        uint32_t frames = (uint32_t)(set->pages * percent / 100);
        printf("\n%u frames (%u %%)  Mrefs/s\n%-14s %8s %8s %7s %7s %6s %8s %6s%11s  %-7s %9s\n",
               frames, percent, "policy", "best", "median", "misses", "B/frame", "B/page", "MB",
               "limit", "", "goal", "naive");
        for (const struct kb_policy *const *p = kb_policies; *p != NULL; p++)
            if (!((*p)->needs & KB_VARIABLE_SPACE) && wanted(set, (*p)->name))
                sound &= row(&trace, set->naive ? &flat : NULL, *p, frames,
                             strcmp(name, "zipf") == 0 && percent == 10, set, host);
    }
    if (set->naive) {
        free(flat.pages);
        free(flat.next);
    }
    bench_free(&trace, host);
    return sound;
}

static uint64_t number(const char *text) {
    char *end = NULL;
    unsigned long long value = text != NULL ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || value == 0)
        bench_die("a number above 0 is wanted");
    return value;
}

int main(int argc, char **argv) {
    struct settings set = {BENCH_REFERENCES, BENCH_PAGES, 3, NULL, NULL, LONGEST, true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            set.references = BENCH_QUICK_REFERENCES;
            set.pages = BENCH_QUICK_PAGES;
            set.longest = LONGEST_QUICK;
        } else if (strcmp(argv[i], "--references") == 0) {
            set.references = number(argv[++i]);
        } else if (strcmp(argv[i], "--pages") == 0) {
            set.pages = number(argv[++i]);
        } else if (strcmp(argv[i], "--times") == 0) {
            set.times = (unsigned)number(argv[++i]);
        } else if (strcmp(argv[i], "--policy") == 0 && i + 1 < argc) {
            set.policies = argv[++i];
        } else if (strcmp(argv[i], "--workload") == 0 && i + 1 < argc) {
            set.workload = argv[++i];
        } else if (strcmp(argv[i], "--no-naive") == 0) {
            set.naive = false;
        } else {
            bench_die("options: --quick --references N --pages N --times N --policy A,B "
                      "--workload zipf|loop|SPEC --no-naive");
        }
    }
    if (set.references > UINT32_MAX || set.pages < 100 || set.pages > KB_FUTURE_PAGE)
        bench_die("at most 2^32 references, at least 100 pages");
    struct kb_host host;
    bench_check(kb_host_open(&host, 1, &bench_error));
    printf(
        "Replay from memory, one core (its time, not the wall's). limit: the state in per cent of "
        "16 B a\nframe and 8 B a page. naive: how many times faster than the naive policy "
        "(bench/naive.h), with\nequal faults.\n");
    bool sound = true;
    if (set.workload == NULL || strcmp(set.workload, "zipf") == 0)
        sound = workload("zipf", &set, &host);
    if (set.workload == NULL || strcmp(set.workload, "zipf") != 0)
        sound = workload(set.workload == NULL ? "loop" : set.workload, &set, &host) && sound;
    kb_host_close(&host);
    return sound ? 0 : 1;
}
