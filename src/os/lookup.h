/* lookup.h - finds a small number by (space, number): a page by its process and page number, a page
 * by its object and place in it.
 *
 * Open addressing with linear probing, at most half full. What is taken out
 * leaves no mark: those behind it move up (Knuth 1973, 6.4, algorithm R). */
#ifndef KB_OS_LOOKUP_H
#define KB_OS_LOOKUP_H

#include "base/host.h"

#define KB_LOOKUP_NONE UINT32_MAX

struct kb_lookup_slot {
    uint64_t number;
    uint32_t space;
    uint32_t found; /* + 1; 0: empty */
};

struct kb_lookup {
    const struct kb_host *host;
    struct kb_lookup_slot *slot;
    uint64_t slots; /* a power of two, or 0 */
    uint64_t count;
};

void kb_lookup_init(struct kb_lookup *lookup, const struct kb_host *host);
void kb_lookup_free(struct kb_lookup *lookup);

/* KB_LOOKUP_NONE if it is not there. */
uint32_t kb_lookup_find(const struct kb_lookup *lookup, uint32_t space, uint64_t number);
/* Room for so many more, so that adding them cannot fail. */
kb_status kb_lookup_reserve(struct kb_lookup *lookup, uint64_t more,
                            struct kb_error *error) KB_MUST_CHECK;
/* There must be room, and it must not be there yet. */
void kb_lookup_add(struct kb_lookup *lookup, uint32_t space, uint64_t number, uint32_t found);
/* Nothing happens if it is not there. */
void kb_lookup_remove(struct kb_lookup *lookup, uint32_t space, uint64_t number);

#endif
