/* swap.h - the paging file: which slots of the store are free, and what their bytes must sum to.
 *
 * Slots are handed out lowest first at the start, then as they were given back
 * (last in, first out). A row of slots is taken where enough lie side by side
 * once more than half of those that were used are free, else from those never
 * used, as long as there are any: the store takes little more room than its
 * pages. A slot whose write failed is set aside and not used again. The
 * checksum is the caller's to keep (kb_page.sum), apart from the store. */
#ifndef KB_OS_SWAP_H
#define KB_OS_SWAP_H

#include "os/page.h"
#include "store/store.h"

struct kb_swap {
    struct kb_store store; /* owned */
    const struct kb_host *host;
    uint64_t fresh;       /* slots from here on were never used */
    uint64_t *given_back; /* a stack; slots that a row has taken may still be in it */
    uint64_t given_count, given_room;
    uint8_t *state; /* by slot below state_room: enum in swap.c */
    uint64_t state_room;
    uint64_t free;            /* slots that were given back and are free */
    uint64_t look;            /* where the search for a row goes on */
    uint64_t used, peak, bad; /* slots now, at most, set aside */
    uint64_t reads, writes;   /* of pages, that succeeded */
    uint64_t failures;        /* reads and writes that failed, wrong checksums too */
};

/* Takes ownership of the store. */
void kb_swap_init(struct kb_swap *swap, const struct kb_store *store, const struct kb_host *host);
void kb_swap_free(struct kb_swap *swap);

/* A free slot, or KB_NO_SLOT: the swap is full. */
uint64_t kb_swap_take(struct kb_swap *swap);
/* count free slots side by side, or KB_NO_SLOT; the first of them. */
uint64_t kb_swap_take_row(struct kb_swap *swap, uint64_t count);
/* The content of the slot is scrubbed. */
void kb_swap_give_back(struct kb_swap *swap, uint64_t slot);
/* The slot's write failed: it is not used again. */
void kb_swap_set_aside(struct kb_swap *swap, uint64_t slot);

kb_status kb_swap_write(struct kb_swap *swap, uint64_t slot, const void *page, uint64_t *sum,
                        struct kb_error *error) KB_MUST_CHECK;
/* KB_DATA: the bytes came, but are not those that were written. */
kb_status kb_swap_read(struct kb_swap *swap, uint64_t slot, void *page, uint64_t sum,
                       struct kb_error *error) KB_MUST_CHECK;

#endif
