/* page.h - what the operating system knows of pages, in memory or not: contents, and who maps them.
 *
 *   process, page number ──► mapping ──► page ──► frame, or slot, or file
 *                            mapping ──┘  │
 *                            mapping ◄────┘  the reverse map: all mappings of a page, in a chain
 *
 * A page is a content. It has a dense id, in the order of first use, of which
 * policies speak; ids are not used again. A mapping is a place in the space of
 * a process where a content is seen; mappings are used again. Private memory
 * begins with a page for each mapping; fork and shared objects give a page
 * many. Hash tables find mappings, and pages of objects; they are asked at
 * faults, never at hits.
 *
 *   state of a page      frame   slot    where its bytes are
 *   new                  –       –       nowhere: zero fill, its image, or its file
 *   resident             f       –       frame f
 *   resident, copied     f       s       frame f, and slot s if M = 0
 *   in swap              –       s       slot s
 *   standing by          (f)     s or –  given up, but still in f: a soft fault brings it back */
#ifndef KB_OS_PAGE_H
#define KB_OS_PAGE_H

#include "base/run.h"
#include "os/lookup.h"

#define KB_NO_SLOT UINT64_MAX
#define KB_NO_MAPPING UINT32_MAX
#define KB_NO_OBJECT UINT32_MAX
#define KB_MOST_PAGES ((UINT32_C(1) << 30) - 2) /* what a policy's future can name */

struct kb_page {
    uint64_t slot;        /* of the swap store, or KB_NO_SLOT */
    uint64_t sum;         /* of the bytes in the slot */
    uint64_t place;       /* page number in its object */
    uint32_t object;      /* whose content it is, or KB_NO_OBJECT: private */
    uint32_t next;        /* page of the object that was made before, or KB_NO_PAGE */
    uint32_t first;       /* mapping, or KB_NO_MAPPING; its process answers for the frame */
    uint32_t count;       /* of mappings */
    uint32_t wired;       /* of mappings that hold it in memory */
    uint32_t standing_by; /* frame + 1 that still has its bytes, or 0 */
    bool mixed;           /* it was several mappings' since it came into memory */
};

struct kb_mapping {
    uint64_t number;       /* page number in its process */
    uint64_t entry;        /* physical address of the valid entry of its table, or UINT64_MAX */
    uint32_t process;      /* its number */
    uint32_t page;         /* id */
    uint32_t next, before; /* of the process: next is older; or KB_NO_MAPPING */
    uint32_t along, back;  /* of the page; or KB_NO_MAPPING */
    bool shared;           /* what is written is seen by all; else it is copied first */
    bool withheld;         /* its entry grants no writing, though its region does: copy on write */
    bool wired;
};

struct kb_pages {
    const struct kb_host *host;
    struct kb_page *page; /* by id */
    uint32_t *frame_of;   /* by id: frame + 1, or 0; as policies want it */
    uint32_t count, room;
    struct kb_mapping *mapping;
    uint32_t mappings, mapping_room; /* ever made, used and free ones */
    uint32_t free_mapping;           /* chain by next */
    uint32_t mapped;                 /* in use */
    struct kb_lookup by_process, by_object;
};

kb_status kb_pages_init(struct kb_pages *pages, const struct kb_host *host,
                        struct kb_error *error) KB_MUST_CHECK;
void kb_pages_free(struct kb_pages *pages);

/* A new page, private and nowhere. */
kb_status kb_pages_new(struct kb_pages *pages, uint32_t *id, struct kb_error *error) KB_MUST_CHECK;

/* The mapping of a page number, or KB_NO_MAPPING. */
static inline uint32_t kb_pages_find(const struct kb_pages *pages, uint32_t process,
                                     uint64_t number) {
    return kb_lookup_find(&pages->by_process, process, number);
}

/* Room for so many more mappings: kb_pages_map cannot fail then. */
kb_status kb_pages_reserve(struct kb_pages *pages, uint32_t more,
                           struct kb_error *error) KB_MUST_CHECK;
/* Maps a page at a number that has no mapping; *head: the first of the process's. Its entry is not
 * valid. The chain of the page gets it at its end, if `last` (rather behind its first), else as its
 * first. */
uint32_t kb_pages_map(struct kb_pages *pages, uint32_t process, uint64_t number, uint32_t page,
                      uint32_t *head, bool last);
/* Ends a mapping, of which nothing is valid any more. */
void kb_pages_unmap(struct kb_pages *pages, uint32_t mapping, uint32_t *head);
/* The mapping shows another page. */
void kb_pages_remap(struct kb_pages *pages, uint32_t mapping, uint32_t page);

#endif
