/* stack.h - LRU at all memory sizes in one pass over the trace.
 *
 * Source: R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, "Evaluation
 * techniques for storage hierarchies", IBM Systems Journal 9(2), 1970. A
 * reference at stack distance d is a fault in every memory smaller than d.
 *
 * The pages used last, which most references are to, are a short list. The rest
 * of the stack is a line of slots in the order of last use; a bit tells which
 * are taken. A page's distance is the number of bits behind its slot: a Fenwick
 * tree over blocks of 4096 slots and a count of bits within the block. When the
 * line is full, the gaps are closed.
 *
 *   line  oldest … │ a │   │ b │ c │   │ … newest     list  k … 2 1 (the top)
 *
 * Dirty pages: `dirty_from` of a page is the smallest memory in which it is
 * now modified. A reference at distance d finds it written back in the sizes
 * dirty_from … d − 1, and clean below d. */
#ifndef KB_REPLAY_STACK_H
#define KB_REPLAY_STACK_H

#include "base/host.h"
#include "replay/replay.h"

#define KB_STACK_TOP 16
#define KB_STACK_BLOCK 4096
#define KB_CLEAN UINT32_MAX

struct kb_stack {
    const struct kb_host *host;
    uint32_t largest; /* the largest memory of interest */
    uint64_t references;

    uint32_t top[KB_STACK_TOP]; /* the pages used last, the last one first; or KB_NO_PAGE */
    uint32_t top_count;

    /* by page */
    uint32_t *slot;       /* in the line, + 1; 0: in the list, or never used */
    uint32_t *dirty_from; /* KB_CLEAN: in none */
    size_t page_room;
    uint32_t pages; /* that were used */

    /* the line */
    uint32_t *page_at; /* by slot */
    uint64_t *taken;   /* a bit a slot */
    uint32_t *tree;    /* Fenwick, over blocks of KB_STACK_BLOCK slots */
    uint32_t slots, next;

    /* by memory size, 1 … largest + 1 (which stands for all larger) */
    uint64_t *at_distance; /* references at this distance */
    int64_t *written;      /* differences of write-backs */
    int64_t *dirty;        /* differences of pages that are dirty at the end */
};

kb_status kb_stack_init(struct kb_stack *stack, uint32_t largest, const struct kb_host *host,
                        struct kb_error *error) KB_MUST_CHECK;
kb_status kb_stack_block(struct kb_stack *stack, const struct kb_block *block,
                         struct kb_error *error) KB_MUST_CHECK;

/* The smallest memory in which at most so many references are faults, first touches too; 0: not
 * even the largest of interest is enough. Before kb_stack_results only. */
uint32_t kb_stack_frames(const struct kb_stack *stack, uint64_t faults);

/* The results of LRU for memories of frames[0 … count); each ≤ largest. Afterwards the stack can
 * only be freed. */
void kb_stack_results(struct kb_stack *stack, const uint32_t *frames, uint32_t count,
                      struct kb_result *results);
void kb_stack_free(struct kb_stack *stack);

#endif
