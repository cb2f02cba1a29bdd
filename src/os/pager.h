/* pager.h - the host of a replacement policy: tells it of references, loads and releases, asks it
 * for victims, and keeps the page tables in line with what it does to R.
 *
 *   global   one policy at work over all frames                   os->pager
 *   local    one for each process, which sees its own frames      process->pager
 *
 * A local one numbers its frames from 0, lowest free number first, so that its
 * policy sees a machine of its own. What is nobody's is os->pager's then. */
#ifndef KB_OS_PAGER_H
#define KB_OS_PAGER_H

#include "policy/policy.h"

struct kb_os;
struct kb_process;

struct kb_pager {
    struct kb_os *os;
    void *state; /* the policy's */
    size_t bytes;
    uint32_t pages;        /* that the state has room for */
    struct kb_frames view; /* of the machine, as the policy sees it */
    uint64_t tick_at;      /* in the references of its process, or of all */
    uint32_t process;      /* whose frames it has: number + 1; 0: all, or nobody's */
    uint32_t held;         /* frames that it has, when local */

    /* local: by own number */
    uint8_t *flags;
    uint32_t *page;
    uint32_t *frame;
    uint32_t *unused; /* own numbers that were given back, a stack */
    uint32_t unused_count, used;
    uint32_t *number_of; /* by page id: own number + 1, or 0 */
};

#endif
