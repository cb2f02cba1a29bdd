/* page.h - what the operating system knows of each page of each process, in memory or not.
 *
 * Pages get dense ids in the order of their first use; policies speak of ids.
 * A hash table finds the id of (process, page number); it is asked at faults,
 * never at hits.
 *
 *   state of a page      frame   slot    where its bytes are
 *   new                  –       –       nowhere: zero fill or its image
 *   resident             f       –       frame f
 *   resident, copied     f       s       frame f, and slot s if M = 0
 *   in swap              –       s       slot s */
#ifndef KB_OS_PAGE_H
#define KB_OS_PAGE_H

#include "base/host.h"
#include "base/run.h"

#define KB_NO_SLOT UINT64_MAX
#define KB_MOST_PAGES ((UINT32_C(1) << 30) - 2) /* what a policy's future can name */

struct kb_page {
    uint64_t number;  /* page number in its process */
    uint64_t slot;    /* of the swap store, or KB_NO_SLOT */
    uint64_t sum;     /* of the bytes in the slot */
    uint32_t process; /* its number */
    uint32_t next;    /* the process's page that was made before: id, or KB_NO_PAGE */
};

struct kb_pages {
    const struct kb_host *host;
    struct kb_page *page; /* by id */
    uint32_t *frame_of;   /* by id: frame + 1, or 0; as policies want it */
    uint32_t count, room;
    uint32_t *table; /* id + 1, or 0; open addressing, at most half full */
    uint64_t slots;  /* of the table: a power of two */
};

kb_status kb_pages_init(struct kb_pages *pages, const struct kb_host *host,
                        struct kb_error *error) KB_MUST_CHECK;
void kb_pages_free(struct kb_pages *pages);

/* The id of a page, or KB_NO_PAGE if it was never used. */
uint32_t kb_pages_find(const struct kb_pages *pages, uint32_t process, uint64_t number);

/* The same; a new page gets an id. */
kb_status kb_pages_make(struct kb_pages *pages, uint32_t process, uint64_t number, uint32_t *id,
                        struct kb_error *error) KB_MUST_CHECK;

#endif
