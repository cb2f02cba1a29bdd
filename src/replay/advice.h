/* advice.h - what a sweep says to somebody who must choose a memory and a policy. */
#ifndef KB_REPLAY_ADVICE_H
#define KB_REPLAY_ADVICE_H

#include "replay/sweep.h"

#define KB_FLAT_PERCENT 5

struct kb_advice {
    bool valid;     /* at least one real policy, at two sizes */
    uint64_t floor; /* faults that remain with all the memory of the sweep: the flat part */
    size_t item;    /* the best real policy at the smallest memory within KB_FLAT_PERCENT per cent
                       of the floor */
    size_t opt;     /* OPT at the same memory, or SIZE_MAX */
    double mean_to_opt; /* geometric mean over all sizes of faults / OPT's, of the item's policy; 0
                           without OPT */
};

/* A policy that hardware can really run: it needs no future, and not every reference. */
bool kb_is_real(const struct kb_policy *policy);

struct kb_advice kb_advise(const struct kb_sweep *sweep);

#endif
