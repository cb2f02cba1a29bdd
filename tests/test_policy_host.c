/* test_policy_host.c - every policy under a second host, which drives it through its table as a
 * live pager does (pager.h): late, refused, with frames forgotten and budgets that change.
 *
 * Random programs run on two pagers at once, operation by operation, and half
 * way on a clone of the first as well: all must decide the same. Without
 * lateness and refusals the pager must do exactly what the generated loop
 * does; and a run must be worth exactly its references one by one. */
#include "harness.h"

#include "base/random.h"
#include "pager.h"

/* Beside all policies with their presets. */
static const char *const variants[] = {"random:seed=9",
                                       "lfu:keep=1",
                                       "lfu:tie=lru",
                                       "lfu:keep=1:tie=lru",
                                       "nru:period=7:seed=3",
                                       "nru:period=0",
                                       "second-chance:load-bit=0",
                                       "clock:load-bit=0",
                                       "enhanced-clock:load-bit=0",
                                       "aging:period=5:bits=3",
                                       "aging:period=3:fresh=0",
                                       "wsclock:tau=5",
                                       "wsclock:tau=0",
                                       "2q:kin=50:kout=100",
                                       "2q:kin=1:kout=1",
                                       "lirs:hir=30",
                                       "lirs:hir=100",
                                       "lirs:hir=25:ghosts=40",
                                       "s3-fifo:small=50:move=1",
                                       "s3-fifo:small=100:move=3",
                                       "ws:window=1",
                                       "ws:window=23",
                                       "pff:threshold=1",
                                       "pff:threshold=6:reset=shrink"};

#define VARIANTS (uint32_t)(sizeof variants / sizeof variants[0])

static uint32_t spec_count(void) {
    uint32_t count = 0;
    while (kb_policies[count] != NULL)
        count++;
    return count + VARIANTS;
}

static struct kb_policy_spec spec_at(uint32_t index) {
    struct kb_policy_spec spec;
    struct kb_error error = {0};
    uint32_t policies = spec_count() - VARIANTS;
    const char *text = index < policies ? kb_policies[index]->name : variants[index - policies];
    if (kb_policy_parse(text, &spec, NULL, NULL, &error) != KB_OK) {
        printf("%s\n", error.text);
        exit(1);
    }
    return spec;
}

static void say_broken(const struct kb_policy_spec *spec, uint64_t seed, uint32_t step,
                       const char *what) {
    char options[200];
    harness_failures++;
    printf("%s%s, seed %" PRIu64 ", step %u: %s\n", spec->policy->name,
           kb_policy_options(spec, options, sizeof options), seed, step, what);
}

/* ---- traces ---- */

#define MOST_RUNS 600

struct trace {
    struct kb_run runs[MOST_RUNS + KB_RUN_PADDING];
    uint32_t count, pages;
};

/* Pages near the last one, and far away, with dense ids; counts up to most_count. */
static void make_trace(struct trace *trace, struct kb_random *random, uint32_t count,
                       uint32_t pages, uint32_t most_count) {
    uint32_t id_of[256] = {0}, at = 0;
    memset(trace, 0, sizeof *trace);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t way = kb_random_below(random, 8);
        at = way < 5 ? (at + (uint32_t)kb_random_below(random, 5) + pages - 2) % pages
                     : (uint32_t)kb_random_below(random, pages);
        if (id_of[at] == 0)
            id_of[at] = ++trace->pages;
        trace->runs[i] = kb_run_make(id_of[at] - 1, (enum kb_kind)kb_random_below(random, 3),
                                     1 + (uint32_t)kb_random_below(random, most_count));
    }
    trace->count = count;
}

static struct kb_block block_of(const struct trace *trace, uint32_t from, uint32_t count) {
    struct kb_block block = {.runs = trace->runs + from, .count = count, .pages = trace->pages};
    for (uint32_t i = 0; i < count; i++)
        block.references += kb_run_count(block.runs[i]);
    return block;
}

static void make_future(struct kb_future *future, const struct trace *trace) {
    struct kb_error error = {0};
    struct kb_block whole = block_of(trace, 0, trace->count);
    kb_future_init(future, NULL);
    if (kb_future_append(future, &whole, &error) != KB_OK ||
        kb_future_finish(future, &error) != KB_OK)
        abort();
}

/* ---- random programs ---- */

static struct pager_op random_op(struct kb_random *random, uint32_t pages) {
    static const struct {
        enum pager_op_kind kind;
        unsigned weight;
    } weights[] = {{PAGER_REFERENCE, 600}, {PAGER_HARVEST, 60}, {PAGER_PREFETCH, 40},
                   {PAGER_FORGET, 20},     {PAGER_EVICT, 30},   {PAGER_PIN, 25},
                   {PAGER_UNPIN, 45},      {PAGER_PIN_ALL, 2},  {PAGER_UNPIN_ALL, 6},
                   {PAGER_BUSY, 20},       {PAGER_BUDGET, 8},   {PAGER_GROW, 3}};
    struct pager_op op = {.page = (uint32_t)kb_random_next(random)};
    unsigned draw = (unsigned)kb_random_below(random, 859), i = 0;
    while (draw >= weights[i].weight)
        draw -= weights[i++].weight;
    op.kind = weights[i].kind;
    op.value = 1 + (uint32_t)kb_random_below(random, 6);
    op.access = (enum kb_kind)kb_random_below(random, 3);
    if (kb_random_below(random, 4) > 0) /* locality */
        op.page = (uint32_t)kb_random_below(random, 1 + pages / 4);
    return op;
}

static bool same(const struct pager *x, const struct pager *y) {
    return x->history == y->history && x->faults == y->faults && x->resident == y->resident &&
           x->state_bytes == y->state_bytes && memcmp(x->state, y->state, x->state_bytes) == 0;
}

/* Work is bounded: looks at frames, by asks and frames; time marks, by references. */
static bool bounded(const struct pager *p) {
    const struct kb_state *state = p->state;
    return state->examined <= (p->asked + p->faults + 1) * (8 * (uint64_t)p->frames + 64) + p->now;
}

static uint32_t run_program(struct pager *p, struct pager *twin, struct pager *clone,
                            struct kb_random *random, uint32_t steps, const char **broken) {
    bool cloned = false;
    for (uint32_t step = 0; step < steps; step++) {
        struct pager_op op = random_op(random, p->pages);
        if (step == steps / 2) {
            pager_clone(clone, p);
            cloned = true;
        }
        pager_apply(p, &op);
        pager_apply(twin, &op);
        if (cloned)
            pager_apply(clone, &op);
        *broken = p->broken != NULL           ? p->broken
                  : !same(p, twin)            ? "two instances differ"
                  : cloned && !same(p, clone) ? "a clone differs"
                  : !bounded(p)               ? "unbounded work"
                                              : NULL;
        if (*broken != NULL) {
            if (!cloned)
                pager_clone(clone, p);
            return step;
        }
    }
    return steps;
}

static void one_program(const struct kb_policy_spec *spec, uint64_t seed, bool late) {
    struct kb_random random = {seed};
    struct kb_future future;
    static struct trace trace;
    struct pager p, twin, clone;
    uint32_t frames = 1 + (uint32_t)kb_random_below(&random, seed % 3 == 0 ? 4 : 40);
    uint32_t pages = 1 + (uint32_t)kb_random_below(&random, 3 * frames + 4);
    bool ahead = kb_replay_needs_future(spec->policy);
    const char *broken = NULL;
    if (ahead) {
        make_trace(&trace, &random, MOST_RUNS, pages, 1);
        make_future(&future, &trace);
    }
    pager_init(&p, spec, frames, pages, ahead ? &future : NULL);
    pager_init(&twin, spec, frames, pages, ahead ? &future : NULL);
    p.late = twin.late = late;
    uint32_t step = run_program(&p, &twin, &clone, &random, 800, &broken);
    harness_checks++;
    if (broken != NULL)
        say_broken(spec, seed, step, broken);
    pager_free(&p);
    pager_free(&twin);
    pager_free(&clone);
    if (ahead)
        kb_future_free(&future);
}

static void test_programs(void) {
    for (uint32_t i = 0; i < spec_count(); i++) {
        struct kb_policy_spec spec = spec_at(i);
        unsigned before = harness_failures;
        for (uint64_t seed = 1; seed <= 60 && harness_failures < before + 3; seed++)
            one_program(&spec, seed, seed % 4 != 0);
    }
}

/* ---- one frame that may go among all that may not ---- */

/* Every policy finds it, wherever it is, within as many proposals as there are frames. */
static void find_the_only_one(const struct kb_policy_spec *spec, uint64_t seed) {
    struct kb_random random = {seed};
    static struct trace trace;
    struct kb_future future;
    struct pager p;
    const uint32_t frames = 8;
    bool ahead = kb_replay_needs_future(spec->policy);
    make_trace(&trace, &random, 300, 30, 3);
    if (ahead)
        make_future(&future, &trace);
    pager_init(&p, spec, frames, trace.pages, ahead ? &future : NULL);
    for (uint32_t i = 0; i < 200; i++)
        pager_reference(&p, trace.runs[i].page, kb_run_kind(trace.runs[i]), 1);
    uint32_t only = (uint32_t)kb_random_below(&random, p.used);
    while (!(p.flags[only] & KB_RESIDENT))
        only = (only + 1) % p.used;
    memset(p.pinned, 1, p.frames);
    p.pinned[only] = 0;
    uint64_t asked = p.asked, resident = p.resident;
    uint32_t found = pager_search(&p, KB_NO_WANTED);
    harness_checks++;
    if (p.broken != NULL || found != only || p.asked - asked > resident)
        say_broken(spec, seed, 200, p.broken != NULL ? p.broken : "did not find the only frame");
    pager_free(&p);
    if (ahead)
        kb_future_free(&future);
}

/* A host that found all frames pinned, waits, and asks again when they are not. */
static void ask_again(const struct kb_policy_spec *spec, uint64_t seed) {
    struct kb_random random = {seed};
    static struct trace trace;
    struct kb_future future;
    struct pager p;
    bool ahead = kb_replay_needs_future(spec->policy);
    make_trace(&trace, &random, 300, 30, 3);
    if (ahead)
        make_future(&future, &trace);
    pager_init(&p, spec, 6, trace.pages, ahead ? &future : NULL);
    for (uint32_t i = 0; i < 200; i++)
        pager_reference(&p, trace.runs[i].page, kb_run_kind(trace.runs[i]), 1);
    memset(p.pinned, 1, p.frames);
    uint32_t first = pager_search(&p, KB_NO_WANTED);
    memset(p.pinned, 0, p.frames);
    uint32_t second = pager_search(&p, KB_NO_WANTED);
    harness_checks++;
    if (p.broken != NULL || first != KB_NO_FRAME || second == KB_NO_FRAME)
        say_broken(spec, seed, 200, p.broken != NULL ? p.broken : "never asked again");
    pager_free(&p);
    if (ahead)
        kb_future_free(&future);
}

static void test_refusals(void) {
    for (uint32_t i = 0; i < spec_count(); i++) {
        struct kb_policy_spec spec = spec_at(i);
        unsigned before = harness_failures;
        for (uint64_t seed = 1; seed <= 40 && harness_failures < before + 3; seed++) {
            find_the_only_one(&spec, seed);
            ask_again(&spec, seed);
        }
    }
}

/* ---- the same as the generated loop ---- */

static bool like_loop(const struct pager *p, const struct kb_replay *replay) {
    const struct kb_loop *loop = &replay->loop;
    const struct kb_state *x = p->state, *y = loop->state;
    return p->faults == loop->faults && p->evictions == loop->evictions &&
           p->write_backs == loop->write_backs && p->used == loop->used &&
           memcmp(p->page_of, loop->page_of, p->used * sizeof p->page_of[0]) == 0 &&
           memcmp(p->flags, loop->flags, p->used) == 0 && x->time_marks == y->time_marks &&
           x->bit_clears == y->bit_clears && x->examined == y->examined;
}

static bool like_other(const struct kb_replay *x, const struct kb_replay *y) {
    const struct kb_loop *a = &x->loop, *b = &y->loop;
    return a->faults == b->faults && a->evictions == b->evictions &&
           a->write_backs == b->write_backs && a->used == b->used && a->resident == b->resident &&
           a->resident_peak == b->resident_peak && a->resident_sum == b->resident_sum &&
           memcmp(a->page_of, b->page_of, a->used * sizeof a->page_of[0]) == 0 &&
           memcmp(a->flags, b->flags, a->used) == 0;
}

static void replay_start(struct kb_replay *replay, const struct kb_policy_spec *spec,
                         uint32_t frames, const struct trace *trace, struct kb_future *future) {
    struct kb_error error = {0};
    bool ahead = kb_replay_needs_future(spec->policy);
    if (ahead)
        make_future(future, trace);
    if (kb_replay_init(replay, spec, frames, ahead ? future : NULL, NULL, &error) != KB_OK ||
        kb_replay_grow(replay, trace->pages, &error) != KB_OK)
        abort();
}

static void replay_one(struct kb_replay *replay, const struct trace *trace, uint32_t run) {
    struct kb_error error = {0};
    struct kb_block block = block_of(trace, run, 1);
    if (replay->future != NULL)
        kb_replay_future(replay, 1);
    else if (kb_replay_block(replay, &block, NULL, &error) != KB_OK)
        abort();
}

static void loop_and_table(const struct kb_policy_spec *spec, uint64_t seed, uint32_t most_count) {
    struct kb_random random = {seed};
    static struct trace trace;
    struct kb_replay replay;
    struct kb_future future;
    struct pager p;
    make_trace(&trace, &random, MOST_RUNS, 2 + (uint32_t)kb_random_below(&random, 60), most_count);
    uint32_t frames = 1 + (uint32_t)kb_random_below(&random, trace.pages);
    replay_start(&replay, spec, frames, &trace, &future);
    bool variable = (spec->policy->needs & KB_VARIABLE_SPACE) != 0;
    pager_init(&p, spec, variable ? trace.pages : frames, trace.pages, replay.future);
    harness_checks++;
    for (uint32_t i = 0; i < trace.count; i++) {
        replay_one(&replay, &trace, i);
        pager_reference(&p, trace.runs[i].page, kb_run_kind(trace.runs[i]),
                        kb_run_count(trace.runs[i]));
        if (p.broken != NULL || !like_loop(&p, &replay)) {
            say_broken(spec, seed, i, p.broken != NULL ? p.broken : "loop and table differ");
            break;
        }
    }
    pager_free(&p);
    kb_replay_free(&replay);
    if (replay.future != NULL)
        kb_future_free(&future);
}

/* The references of each run one by one. */
static void expand(const struct trace *from, struct trace *to) {
    memset(to, 0, sizeof *to);
    to->pages = from->pages;
    for (uint32_t i = 0; i < from->count; i++)
        for (uint32_t n = kb_run_count(from->runs[i]); n > 0; n--)
            to->runs[to->count++] = kb_run_make(from->runs[i].page, kb_run_kind(from->runs[i]), 1);
}

static void runs_and_references(const struct kb_policy_spec *spec, uint64_t seed) {
    struct kb_random random = {seed};
    static struct trace runs, singles;
    struct kb_replay x, y;
    struct kb_future future_x, future_y;
    make_trace(&runs, &random, MOST_RUNS / 8, 2 + (uint32_t)kb_random_below(&random, 30), 8);
    expand(&runs, &singles);
    uint32_t frames = 1 + (uint32_t)kb_random_below(&random, runs.pages);
    replay_start(&x, spec, frames, &runs, &future_x);
    replay_start(&y, spec, frames, &singles, &future_y);
    harness_checks++;
    for (uint32_t i = 0, single = 0; i < runs.count; i++) {
        replay_one(&x, &runs, i);
        for (uint32_t n = kb_run_count(runs.runs[i]); n > 0; n--)
            replay_one(&y, &singles, single++);
        if (!like_other(&x, &y)) {
            say_broken(spec, seed, i, "a run differs from its references");
            break;
        }
    }
    kb_replay_free(&x);
    kb_replay_free(&y);
    if (kb_replay_needs_future(spec->policy)) {
        kb_future_free(&future_x);
        kb_future_free(&future_y);
    }
}

static void test_loops(void) {
    for (uint32_t i = 0; i < spec_count(); i++) {
        struct kb_policy_spec spec = spec_at(i);
        unsigned before = harness_failures;
        for (uint64_t seed = 1; seed <= 60 && harness_failures < before + 3; seed++) {
            loop_and_table(&spec, seed, seed % 2 == 0 ? 1 : 9);
            runs_and_references(&spec, seed);
        }
    }
}

int main(void) {
    test_programs();
    test_refusals();
    test_loops();
    return harness_end();
}
