/* advice.c - the plain answer: the smallest memory that is nearly as good as all of it, and the
 * policy that serves the program best. */
#include "replay/advice.h"

#include <math.h>
#include <string.h>

bool kb_is_real(const struct kb_policy *policy) {
    return (policy->needs & (KB_NEEDS_FUTURE | KB_NEEDS_EVERY_REFERENCE | KB_VARIABLE_SPACE)) == 0;
}

static bool is_opt(const struct kb_sweep_item *item) {
    return (item->spec.policy->needs & KB_NEEDS_FUTURE) != 0;
}

static bool same_policy(const struct kb_sweep_item *a, const struct kb_sweep_item *b) {
    return a->spec.policy == b->spec.policy &&
           memcmp(a->spec.values, b->spec.values,
                  a->spec.policy->option_count * sizeof a->spec.values[0]) == 0;
}

/* near: where the last one was found; sizes mostly come in the same order for each policy. */
static size_t opt_at(const struct kb_sweep *sweep, uint32_t frames, size_t near) {
    if (near + 1 < sweep->count && is_opt(&sweep->items[near + 1]) &&
        sweep->items[near + 1].frames == frames)
        return near + 1;
    for (size_t i = 0; i < sweep->count; i++)
        if (is_opt(&sweep->items[i]) && sweep->items[i].frames == frames)
            return i;
    return SIZE_MAX;
}

/* Geometric mean over the sizes of an item's policy: of faults / OPT's, or of faults alone. */
static double mean_of(const struct kb_sweep *sweep, const struct kb_sweep_item *item, bool by_opt) {
    double sum = 0;
    unsigned n = 0;
    size_t opt = SIZE_MAX - 1;
    for (size_t i = 0; i < sweep->count; i++) {
        const struct kb_sweep_item *other = &sweep->items[i];
        if (!same_policy(item, other))
            continue;
        size_t found = by_opt ? opt_at(sweep, other->frames, opt) : SIZE_MAX;
        if (by_opt && found == SIZE_MAX)
            continue;
        opt = found;
        double best = by_opt ? (double)sweep->items[opt].result.faults : 1;
        sum += log((double)other->result.faults / best);
        n++;
    }
    return n > 0 ? exp(sum / n) : 0;
}

/* The real policy with the lowest mean: its first item. */
static size_t best_policy(const struct kb_sweep *sweep, bool by_opt) {
    size_t best = SIZE_MAX;
    double lowest = INFINITY;
    for (size_t i = 0; i < sweep->count; i++) {
        bool seen = i > 0 && same_policy(&sweep->items[i - 1], &sweep->items[i]);
        if (!kb_is_real(sweep->items[i].spec.policy) || seen)
            continue;
        double mean = mean_of(sweep, &sweep->items[i], by_opt);
        if (mean > 0 && mean < lowest) {
            lowest = mean;
            best = i;
        }
    }
    return best;
}

struct kb_advice kb_advise(const struct kb_sweep *sweep) {
    struct kb_advice advice = {.floor = UINT64_MAX, .opt = SIZE_MAX, .item = SIZE_MAX};
    bool by_opt = false;
    unsigned sizes = 0;
    for (size_t i = 0; i < sweep->count; i++)
        by_opt |= is_opt(&sweep->items[i]);
    size_t best = best_policy(sweep, by_opt);
    if (best == SIZE_MAX)
        return advice;
    for (size_t i = 0; i < sweep->count; i++) {
        if (!same_policy(&sweep->items[best], &sweep->items[i]))
            continue;
        sizes++;
        if (sweep->items[i].result.faults < advice.floor)
            advice.floor = sweep->items[i].result.faults;
    }
    double enough = (double)advice.floor * (1 + KB_FLAT_PERCENT / 100.0);
    for (size_t i = 0; i < sweep->count; i++) {
        const struct kb_sweep_item *item = &sweep->items[i];
        if (same_policy(&sweep->items[best], item) && (double)item->result.faults <= enough &&
            (advice.item == SIZE_MAX || item->frames < sweep->items[advice.item].frames))
            advice.item = i;
    }
    advice.valid = sizes >= 2;
    advice.opt = opt_at(sweep, sweep->items[advice.item].frames, SIZE_MAX - 1);
    advice.mean_to_opt = by_opt ? mean_of(sweep, &sweep->items[best], true) : 0;
    return advice;
}
