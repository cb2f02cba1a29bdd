/* story.h - what a trace tells of its program: who makes the references, and to what.
 *
 *   blocks ──► runs ──► pages: how often, and for what, each is used
 *                  └──► objects (mapping.h): what it was that they lay in then
 *          └──► events ──► threads, processes, the kernel; mappings
 *
 * All counts are exact. A reference belongs to the object that its page lies in
 * when it is made; a page counts as touched in each object that it was touched
 * in, so the sum over objects can be more than the pages. References outside
 * all mappings are counted apart (`outside`), for a recorder cannot always see
 * everything. A trace without MAP events has no objects.
 *
 * Memory: 24 bytes a page, 50 more for each page that came to lie in a second
 * object; objects and mappings. */
#ifndef KB_REPLAY_STORY_H
#define KB_REPLAY_STORY_H

#include "replay/mapping.h"
#include "trace/intern.h"

struct kb_story_page {
    uint64_t references;
    uint32_t object;       /* as found when mappings.changes was … */
    uint32_t found;        /* … this, of which the low bits suffice; 0: never */
    uint32_t first_object; /* the one that it was first touched in */
    uint8_t kinds;         /* bit k: it was touched so (enum kb_kind) */
};

struct kb_story_use {
    uint64_t by_kind[4]; /* references (enum kb_kind); the fourth stays 0 */
    uint64_t pages;      /* touched */
};

static inline uint64_t kb_story_references(const struct kb_story_use *use) {
    return use->by_kind[KB_READ] + use->by_kind[KB_WRITE] + use->by_kind[KB_EXECUTE];
}

struct kb_story {
    const struct kb_host *host;
    uint64_t references;
    uint64_t by_kind[3];        /* enum kb_kind */
    uint64_t kernel_by_kind[3]; /* of them, those that the kernel made */
    uint64_t events[KB_EVENT_TYPES];
    uint64_t named; /* names told: NAME events in a row are one */
    struct kb_mappings mappings;
    struct kb_story_use *uses; /* by object, and behind them `outside`: kb_story_use() */
    uint32_t use_room;
    struct kb_story_use outside;
    struct kb_story_page *pages;
    uint32_t page_count, page_room;
    struct kb_intern threads;   /* (process, thread) that made references */
    struct kb_intern processes; /* … processes */
    struct kb_intern second;    /* (object, page) beyond a page's first object */

    /* whose references come */
    uint32_t process;
    uint64_t thread;
    bool kernel;
    bool counted; /* this thread and process */
    bool naming;  /* the last event was a NAME */
    bool mapped;  /* there were mappings when references came */
};

kb_status kb_story_init(struct kb_story *story, const struct kb_host *host,
                        struct kb_error *error) KB_MUST_CHECK;

/* The next block; page_numbers and processes (NULL: all 0) are its reader's. */
kb_status kb_story_add(struct kb_story *story, const struct kb_block *block,
                       const uint64_t *page_numbers, const uint32_t *processes,
                       struct kb_error *error) KB_MUST_CHECK;

/* What an object was used for: all zero if it was not. */
struct kb_story_use kb_story_use(const struct kb_story *story, uint32_t object);

/* How the pages were used; to be asked at the end, also before objects are looked at. */
struct kb_story_reuse {
    uint64_t once;                         /* pages with one reference */
    uint64_t median, most;                 /* references of a page; of two middle ones the lower */
    uint32_t most_page;                    /* the id of the first page with the most */
    uint64_t half, nine_tenths;            /* so few pages have so many of the references */
    uint64_t executed, written, only_read; /* pages; those that were written may be executed, too */
};

kb_status kb_story_end(struct kb_story *story, struct kb_story_reuse *reuse,
                       struct kb_error *error) KB_MUST_CHECK;

void kb_story_free(struct kb_story *story);

#endif
