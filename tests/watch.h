/* watch.h - a store that is watched: what it was given is kept as a hash, so that it is known at
 * once when it delivers other bytes, when a slot that failed is used again, and whether each slot
 * was scrubbed in the end. */
#ifndef KB_TESTS_WATCH_H
#define KB_TESTS_WATCH_H

#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define WATCH_MOST_SLOTS 4096

enum watch_slot { WATCH_EMPTY, WATCH_WRITTEN, WATCH_BAD };

struct watch {
    struct kb_store inner;
    bool file; /* its blocks have their places: one whose write failed is written again */
    enum watch_slot state[WATCH_MOST_SLOTS];
    uint64_t hash[WATCH_MOST_SLOTS];
    /* since watch_begin */
    unsigned read_errors, writes, write_errors, wrong_pages;
    uint64_t all_failures, scrubs;
    const char *broken;
};

static inline uint64_t watch_hash(const uint8_t *bytes, uint32_t length) {
    uint64_t h = UINT64_C(0xcbf29ce484222325), word;
    for (uint32_t i = 0; i < length; i += 8) {
        memcpy(&word, bytes + i, 8);
        h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    return h;
}

static kb_status watch_read(void *context, uint64_t slot, void *page, struct kb_error *error) {
    struct watch *w = context;
    kb_status status = w->inner.read(w->inner.context, slot, page, error);
    if (w->state[slot] == WATCH_EMPTY || (w->state[slot] == WATCH_BAD && !w->file))
        w->broken = "a slot is read that holds no page";
    w->read_errors += status != KB_OK;
    w->all_failures += status != KB_OK;
    if (status == KB_OK && watch_hash(page, w->inner.page_bytes) != w->hash[slot]) {
        w->wrong_pages++;
        w->all_failures++;
    }
    return status;
}

static kb_status watch_write(void *context, uint64_t slot, const void *page,
                             struct kb_error *error) {
    struct watch *w = context;
    if (w->state[slot] == WATCH_BAD && !w->file)
        w->broken = "a slot is written that was set aside";
    kb_status status = w->inner.write(w->inner.context, slot, page, error);
    w->writes++;
    w->write_errors += status != KB_OK;
    w->all_failures += status != KB_OK;
    w->state[slot] = status == KB_OK ? WATCH_WRITTEN : WATCH_BAD;
    w->hash[slot] = watch_hash(page, w->inner.page_bytes);
    return status;
}

static void watch_discard(void *context, uint64_t slot) {
    struct watch *w = context;
    if (w->state[slot] == WATCH_WRITTEN)
        w->state[slot] = WATCH_EMPTY;
    w->scrubs++;
    w->inner.discard(w->inner.context, slot);
}

static void watch_close(void *context) {
    struct watch *w = context;
    kb_store_close(&w->inner);
    free(w);
}

/* Takes a store's place, around it or, unless NULL, around another one. */
static inline struct watch *watch_store(struct kb_store *store, const struct kb_store *instead) {
    struct watch *w = calloc(1, sizeof *w);
    if (instead != NULL) {
        kb_store_close(store);
        *store = *instead;
    }
    w->inner = *store;
    store->context = w;
    store->read = watch_read;
    store->write = watch_write;
    store->discard = watch_discard;
    store->close = watch_close;
    return w;
}

static inline void watch_begin(struct watch *w) {
    w->read_errors = w->writes = w->write_errors = w->wrong_pages = 0;
}

/* Slots that hold a page. */
static inline uint64_t watch_kept(const struct watch *w) {
    uint64_t kept = 0;
    for (unsigned i = 0; i < WATCH_MOST_SLOTS; i++)
        kept += w->state[i] == WATCH_WRITTEN;
    return kept;
}

#endif
