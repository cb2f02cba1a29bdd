/* random.c - every resident page is the victim with the same probability.
 *
 * Source: Belady 1966, algorithm RAND; the generator is base/random.h. One
 * draw a victim. frame[k] is the k-th entry of a list of resident frames; a
 * victim's place is taken by the next page that is loaded. */
#include "base/random.h"
#include "policy/policy.h"

struct random {
    struct kb_state base;
    struct kb_random generator;
    uint32_t length; /* of the list */
    uint32_t hole;   /* place of the victim that was proposed last, or KB_NO_FRAME */
    uint32_t passed; /* frames marked PASSED_OVER */
};

struct random_arrays {
    uint32_t *frame; /* the list */
    uint32_t *place; /* by frame: where it stands in the list */
};

static inline size_t random_layout(uint32_t capacity, KB_UNUSED uint32_t pages,
                                   KB_UNUSED uint64_t horizon, char *at, struct random_arrays *a) {
    size_t bytes = 0;
    KB_ARRAY(a->frame, capacity);
    KB_ARRAY(a->place, capacity);
    return bytes;
}

KB_HOOK void random_resize(KB_SELF(random)) {}

KB_HOOK void random_init(KB_SELF(random), const uint64_t *values) {
    s->generator.state = values[0];
    s->hole = KB_NO_FRAME;
}

KB_HOOK void random_touch(KB_SELF(random), KB_UNUSED uint32_t frame, KB_UNUSED uint32_t count,
                          KB_UNUSED struct kb_when when) {}

static inline void random_forgive(KB_SELF(random)) {
    for (uint32_t k = 0; s->passed > 0 && k < s->length; k++)
        f.flags[a.frame[k]] &= (uint8_t)~KB_PASSED_OVER;
    s->passed = 0;
}

KB_HOOK void random_admit(KB_SELF(random), uint32_t frame, KB_UNUSED uint32_t page,
                          KB_UNUSED enum kb_why why, KB_UNUSED struct kb_when when) {
    uint32_t place = s->hole != KB_NO_FRAME && a.frame[s->hole] == frame ? s->hole : s->length++;
    a.frame[place] = frame;
    a.place[frame] = place;
    if (place == s->hole)
        s->hole = KB_NO_FRAME;
    if (s->passed > 0)
        random_forgive(s, a, f);
}

KB_HOOK uint32_t random_victim(KB_SELF(random), KB_UNUSED uint32_t wanted,
                               KB_UNUSED struct kb_when when) {
    if (s->passed >= s->length) { /* all were refused: the next search begins anew */
        random_forgive(s, a, f);
        return KB_NO_FRAME;
    }
    uint32_t place = (uint32_t)kb_random_below(&s->generator, s->length);
    s->base.examined++;
    while (s->passed > 0 && f.flags[a.frame[place]] & KB_PASSED_OVER) { /* the next that may go */
        place = place + 1 == s->length ? 0 : place + 1;
        s->base.examined++;
    }
    s->hole = place;
    return a.frame[place];
}

KB_HOOK void random_refused(KB_SELF(random), uint32_t frame) {
    f.flags[frame] |= KB_PASSED_OVER;
    s->passed++;
    s->hole = KB_NO_FRAME;
}

KB_HOOK void random_forget(KB_SELF(random), uint32_t frame, KB_UNUSED enum kb_why why) {
    if (s->passed > 0)
        random_forgive(s, a, f);
    uint32_t place = a.place[frame], last = a.frame[--s->length];
    a.frame[place] = last;
    a.place[last] = place;
    if (s->hole == place)
        s->hole = KB_NO_FRAME;
    else if (s->hole == s->length) /* another page goes before the victim's frame is filled */
        s->hole = place;
}

static const struct kb_option random_options[] = {
    {"seed", KB_MSG_option_seed, 0, UINT64_MAX, 1, NULL},
};

#define KB_POLICY random
#define KB_POLICY_NAME "random"
#define KB_POLICY_SOURCE "Belady 1966 (RAND)"
#define KB_POLICY_NEEDS 0
#define KB_POLICY_OPTIONS random_options
#include "policy/policy_emit.h"
