/* phases.c - a working set that moves: in each phase the references fall at random on `set` pages,
 * which begin `step` pages higher than in the phase before. The defaults make T1, the trace of the
 * requirements.
 *
 *   x(0) = seed, x(k + 1) = 48271 · x(k) mod (2^31 - 1)    (Park, Miller, Stockmeyer 1993)
 *   reference k uses x = x(k + 1):
 *       page = step · (k div phase) + (x >> 8) mod set
 *       a write iff (x >> 20) mod write-every = 0 */
#include "trace/generate/family.h"

#define MODULUS UINT64_C(2147483647)
#define MULTIPLIER 48271

enum { REFERENCES, PHASE, SET, STEP, SEED, WRITE_EVERY };

/* The highest page is at most step · last phase + set - 1. */
static kb_status start(struct kb_generator *generator, struct kb_error *error) {
    const uint64_t *number = generator->number;
    uint64_t base, all, last = (number[REFERENCES] - 1) / number[PHASE];
    if (!kb_multiply(number[STEP], last, &base) || !kb_add(base, number[SET], &all) ||
        all > KB_MOST_PAGES)
        return kb_fail(error, KB_USAGE, KB_MSG_generator_page_large, "phases");
    return kb_set_references(generator, number[REFERENCES], 1, error);
}

/* place: the first page of this phase; repeated: references made in it. */
static void next(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count) {
    const uint64_t *number = generator->number;
    const uint64_t set = number[SET], every = number[WRITE_EVERY];
    uint64_t x = generator->random.state;
    for (size_t i = 0; i < count; i++) {
        if (generator->repeated == number[PHASE]) {
            generator->repeated = 0;
            generator->place += number[STEP];
        }
        generator->repeated++;
        x = MULTIPLIER * x % MODULUS;
        bool write = every != 0 && (x >> 20) % every == 0;
        accesses[i] = (struct kb_trace_access){generator->place + (x >> 8) % set, 1,
                                               write ? KB_WRITE : KB_READ};
    }
    generator->random.state = x;
}

const struct kb_family kb_family_phases = {
    .name = "phases",
    .usage = "phases:references=10000:phase=1000:set=12:step=8:seed=1:write-every=4",
    .options =
        {[REFERENCES] = {.name = "references", .least = 1, .most = UINT64_MAX, .number = 10000},
         [PHASE] = {.name = "phase", .least = 1, .most = UINT64_MAX, .number = 1000},
         [SET] = {.name = "set", .least = 1, .most = KB_MOST_PAGES, .number = 12},
         [STEP] = {.name = "step", .least = 0, .most = KB_MOST_PAGES, .number = 8},
         [SEED] = {.name = "seed", .least = 1, .most = MODULUS - 1, .number = 1},
         [WRITE_EVERY] = {.name = "write-every", .least = 0, .most = 2047, .number = 4}},
    .start = start,
    .next = next};
