/* pff.c - page-fault frequency: the resident set grows while faults come fast, and shrinks to
 * what was referenced when they come slowly.
 *
 * Source: W. W. Chu, H. Opderbeck, "Program behavior and the page-fault-
 * frequency replacement algorithm", Computer 9(11), 1976. */
#include "policy/policy.h"

enum { PFF_RESET_FAULT, PFF_RESET_SHRINK };

struct pff {
    struct kb_state base;
    uint64_t threshold;
    uint64_t fault_at; /* reference of the last fault */
    uint32_t reset;
    uint32_t passed; /* frames refused since the last admit */
};

struct pff_arrays {
    char none;
};

static inline size_t pff_layout(KB_UNUSED uint32_t capacity, KB_UNUSED uint32_t pages,
                                KB_UNUSED uint64_t horizon, KB_UNUSED char *at,
                                KB_UNUSED struct pff_arrays *a) {
    return 0;
}

KB_HOOK void pff_resize(KB_SELF(pff)) {}

KB_HOOK void pff_init(KB_SELF(pff), const uint64_t *values) {
    s->threshold = values[0];
    s->reset = (uint32_t)values[1];
}

KB_HOOK void pff_touch(KB_SELF(pff), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                       KB_UNUSED struct kb_when when) {}

static inline void pff_forgive(KB_SELF(pff)) {
    for (uint32_t i = 0; i < f.count; i++)
        f.flags[i] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void pff_admit(KB_SELF(pff), uint32_t frame, KB_UNUSED uint32_t page, enum kb_why why,
                       struct kb_when when) {
    bool shrink = when.now - s->fault_at >= s->threshold;
    if (s->passed > 0)
        pff_forgive(s, a, f);
    if (why == KB_BY_PREFETCH) /* no fault */
        return;
    s->fault_at = when.now;
    if (!shrink && s->reset == PFF_RESET_SHRINK)
        return;
    for (uint32_t i = 0; i < f.count; i++) {
        uint8_t flags = f.flags[i];
        if (i == frame || !(flags & KB_RESIDENT))
            continue;
        if (shrink && !(flags & KB_REFERENCED))
            f.release(f.host, i, when.now);
        else
            kb_clear_referenced(f, i, 0);
        s->base.bit_clears += flags & KB_REFERENCED;
    }
    s->base.examined += f.count;
}

/* Only a host with too few frames asks: a page without R, else any. */
KB_HOOK uint32_t pff_victim(KB_SELF(pff), KB_UNUSED uint32_t wanted,
                            KB_UNUSED struct kb_when when) {
    uint32_t any = KB_NO_FRAME;
    for (uint32_t i = 0; i < f.count; i++) {
        if ((f.flags[i] & (KB_RESIDENT | KB_PASSED_OVER)) != KB_RESIDENT)
            continue;
        if (!(f.flags[i] & KB_REFERENCED))
            return i;
        any = i;
    }
    if (any == KB_NO_FRAME && s->passed > 0) /* all were refused: the next search begins anew */
        pff_forgive(s, a, f);
    return any;
}

KB_HOOK void pff_refused(KB_SELF(pff), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
}

KB_HOOK void pff_forget(KB_SELF(pff), KB_UNUSED uint32_t frame, KB_UNUSED enum kb_why why) {}

static const struct kb_option pff_options[] = {
    {"threshold", KB_MSG_option_threshold, 1, UINT64_MAX / 4, 1000, NULL},
    {"reset", KB_MSG_option_reset, 0, 1, PFF_RESET_FAULT, "fault,shrink"},
};

#define KB_POLICY pff
#define KB_POLICY_NAME "pff"
#define KB_POLICY_SOURCE "Chu, Opderbeck 1976"
#define KB_POLICY_NEEDS (KB_NEEDS_REFERENCED | KB_NEEDS_TIME | KB_VARIABLE_SPACE)
#define KB_POLICY_OPTIONS pff_options
#include "policy/policy_emit.h"
