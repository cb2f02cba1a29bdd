/* load.h - load control: how many processes share memory at once.
 *
 *   active ──too many──► suspended: all its pages leave, it does not run
 *     ▲                        │
 *     └──── there is room ─────┘  its pages come back by demand
 *
 * Too many are active, and some may come back, by one of two criteria:
 *
 *   working-set   the sum of the working sets W(t, window) of the active ones is
 *                 more than the frames; who comes back must fit beside them
 *   fault-rate    L < S: the processor computes for a shorter time between two
 *                 pages that are read than the disk needs for one; back when
 *                 L ≥ 2S
 *
 * One process stays active whatever it needs, and they come back in the order
 * in which they began: nobody waits for ever. Sources: P. J. Denning, CACM
 * 11(5), 1968 (working sets), and AFIPS FJCC 1968 (thrashing); P. J. Denning,
 * K. C. Kahn, J. Leroudier, D. Potier, R. Suri, "Optimal multiprogramming",
 * Acta Informatica 7, 1976 (L = S). */
#ifndef KB_OS_LOAD_H
#define KB_OS_LOAD_H

#include <stdbool.h>

#include "policy/option.h"

enum kb_load_criterion { KB_LOAD_NONE, KB_LOAD_WORKING_SET, KB_LOAD_FAULT_RATE, KB_LOAD_CRITERIA };

/* Who is suspended: the one that began last (the lowest priority), or that holds most frames, or
 * fewest; of equals the one that began last. */
enum kb_load_choice { KB_SUSPEND_LATEST, KB_SUSPEND_LARGEST, KB_SUSPEND_SMALLEST };

/* Their options, in this order. */
enum kb_load_option {
    KB_LOAD_WINDOW,  /* references of each process that make its working set; 0: not measured */
    KB_LOAD_SUSPEND, /* enum kb_load_choice */
    KB_LOAD_FAULTS,  /* pages read that make a sample of L; 0: as many as there are frames */
    KB_LOAD_SERVICE  /* S in storage cycles; 0: as the disk works, or io= says */
};

struct kb_load_spec {
    enum kb_load_criterion criterion;
    uint64_t values[KB_MAX_OPTIONS];
};

/* Reads "name:option=value:…". KB_USAGE. */
kb_status kb_load_parse(const char *text, struct kb_load_spec *spec,
                        struct kb_error *error) KB_MUST_CHECK;
const char *kb_load_name(enum kb_load_criterion criterion);
/* The options of a criterion. */
struct kb_options kb_load_options(enum kb_load_criterion criterion);

/* A page in the working set of the process that used it last: a node of that process's list, in
 * the order of last uses. Nodes are page ids + 1, 0 is none. */
struct kb_used_page {
    uint32_t before, after;
    uint32_t process; /* number + 1; 0: it is in no working set */
    uint64_t at;      /* reference of that process */
};

/* What the system keeps for it. */
struct kb_load {
    struct kb_used_page *used; /* by page id */
    uint32_t room;
    uint64_t window;                /* 0: not measured */
    uint32_t active, most;          /* processes that are not suspended, now and at most */
    uint64_t active_time, since;    /* sum of the active ones over all references up to `since` */
    uint64_t decided_at;            /* reference of the last decision */
    uint64_t reads, computed, disk; /* when the present sample began */
};

#endif
