/* store.h - where pages go when they leave memory: slots of one page each.
 *
 * A variant is a file: memory.c (pure), file.c (a real swap file, host),
 * failing.c (another store that fails when it is told to, pure). All of them
 * refuse, with KB_USAGE, no slots, a page that is not a multiple of 64 bytes,
 * and 2^63 bytes and more.
 *
 *   slot      0        1        2
 *   store   │ page   │ page   │ page   │ …       up to `slots`
 *
 * A store keeps bytes and nothing else: who uses it hands out slots and keeps
 * each page's checksum apart from the page (kb_page_sum), so that a page that
 * comes back wrong, or a write that was lost, is found out. A write that
 * failed leaves the slot's content undefined, and all others as they were. */
#ifndef KB_STORE_STORE_H
#define KB_STORE_STORE_H

#include <stdint.h>

#include "base/host.h"

struct kb_store {
    void *context;
    const char *name;    /* "memory", "file" …: for messages */
    uint32_t page_bytes; /* of every page */
    uint64_t slots;      /* how many there may be */
    /* KB_IO: the store failed; the message says how. KB_USAGE: there is no such slot. Reading a
     * slot that was never written, or was discarded, is an error of the caller; it gives any bytes.
     */
    kb_status (*read)(void *context, uint64_t slot, void *page, struct kb_error *error);
    kb_status (*write)(void *context, uint64_t slot, const void *page, struct kb_error *error);
    /* The content is not needed any more. It is scrubbed: nobody reads it again. */
    void (*discard)(void *context, uint64_t slot);
    void (*close)(void *context);
};

/* Pages in memory, as they are. Memory is taken as slots are written. */
kb_status kb_store_memory(struct kb_store *store, uint32_t page_bytes, uint64_t slots,
                          const struct kb_host *host, struct kb_error *error) KB_MUST_CHECK;

/* A real swap file at path, made new (an existing file that is not a regular file, is not empty, or
 * is another store's, is refused) and removed at close. page_bytes × slots is its greatest length;
 * slots that were never written, or were discarded, take no room where the file system knows holes.
 */
kb_status kb_store_file(struct kb_store *store, const char *path, uint32_t page_bytes,
                        uint64_t slots, struct kb_error *error) KB_MUST_CHECK;

/* What can go wrong, for tests and lessons: the `at`-th (from 1) operation of its kind after the
 * plan was made, and `count` − 1 more after it, fail (count 0: all later ones). */
enum kb_store_failure {
    KB_STORE_READ_ERROR,
    KB_STORE_WRITE_ERROR,
    KB_STORE_SHORT_WRITE, /* half of the page is written, then an error */
    KB_STORE_NO_SPACE,    /* an error at a write; nothing is written */
    KB_STORE_CORRUPT,     /* a read that succeeds and delivers a flipped bit */
    KB_STORE_LOST_WRITE,  /* a write that says it succeeded and kept the old bytes */
    KB_STORE_FAILURES
};

/* Wraps another store, of which it takes ownership (closing one closes both). */
kb_status kb_store_failing(struct kb_store *store, const struct kb_store *inner,
                           struct kb_error *error) KB_MUST_CHECK;
/* store: one made by kb_store_failing. Replaces an earlier plan of this kind; at 0: no plan. The
 * kinds are counted apart: reads, or writes, from the moment when the plan was made. */
void kb_store_fail(const struct kb_store *store, enum kb_store_failure failure, uint64_t at,
                   uint64_t count);

/* The store that one made by kb_store_failing wraps: it does as it is told, and fails by no plan.
 */
const struct kb_store *kb_store_wrapped(const struct kb_store *store);

static inline void kb_store_close(struct kb_store *store) {
    if (store->close != NULL)
        store->close(store->context);
    store->close = NULL;
}

/* The checksum of a page: Fletcher's two sums (1982) over its 32-bit little-endian words, folded
 * into one number. Every change within one word and every exchange of two words is told; of other
 * damage one in 2^64 is not. bytes is a multiple of 64, at most 2^30. Nearly as fast as copying. */
uint64_t kb_page_sum(const void *page, uint32_t bytes);

/* For those who write a store: whether it can have this shape; the error of a slot beyond its end.
 */
kb_status kb_store_check(uint32_t page_bytes, uint64_t slots, struct kb_error *error) KB_MUST_CHECK;
kb_status kb_store_no_slot(const char *name, uint64_t slots, uint64_t slot,
                           struct kb_error *error) KB_MUST_CHECK;

#endif
