/* failing.c - another store that fails when it is told to: for tests of those who use stores, and
 * for lessons about what an operating system does when its swap file breaks.
 *
 * Every kind of failure has a plan of its own, which counts reads or writes
 * from the moment when it was made. Of several plans that fall due at once the
 * first in the order of enum kb_store_failure happens. */
#include <string.h>

#include "store/store.h"

struct plan {
    uint64_t at, count; /* at 0: no plan */
    uint64_t seen;      /* operations since it was made */
};

struct failing_store {
    struct kb_store inner;
    struct plan plans[KB_STORE_FAILURES];
    uint8_t *torn; /* a page, for short writes */
};

/* Counts one operation; true if this one is to fail. */
static bool due(struct plan *plan) {
    plan->seen++;
    return plan->at != 0 && plan->seen >= plan->at &&
           (plan->count == 0 || plan->seen - plan->at < plan->count);
}

static void flip_bit(uint8_t *page, uint64_t bit) { page[bit / 8] ^= (uint8_t)(1u << bit % 8); }

static kb_status read_failing(void *context, uint64_t slot, void *page, struct kb_error *error) {
    struct failing_store *store = context;
    bool broken = due(&store->plans[KB_STORE_READ_ERROR]);
    bool corrupt = due(&store->plans[KB_STORE_CORRUPT]);
    if (broken)
        return kb_fail(error, KB_IO, KB_MSG_store_planned_read, store->inner.name,
                       (unsigned long long)slot);
    kb_status status = store->inner.read(store->inner.context, slot, page, error);
    if (status == KB_OK && corrupt) /* each time another bit */
        flip_bit(page, store->plans[KB_STORE_CORRUPT].seen * UINT64_C(0x9e3779b1) %
                           ((uint64_t)store->inner.page_bytes * 8));
    return status;
}

/* The first half of the page over what the slot held. */
static kb_status write_half(struct failing_store *store, uint64_t slot, const void *page,
                            struct kb_error *error) {
    const struct kb_store *inner = &store->inner;
    uint32_t half = inner->page_bytes / 2;
    if (inner->read(inner->context, slot, store->torn, error) != KB_OK)
        memset(store->torn, 0, inner->page_bytes);
    memcpy(store->torn, page, half);
    kb_status status = inner->write(inner->context, slot, store->torn, error);
    if (status != KB_OK)
        return status;
    return kb_fail(error, KB_IO, KB_MSG_store_planned_short, inner->name, (unsigned long long)half,
                   (unsigned long long)inner->page_bytes, (unsigned long long)slot);
}

static kb_status write_failing(void *context, uint64_t slot, const void *page,
                               struct kb_error *error) {
    struct failing_store *store = context;
    const char *name = store->inner.name;
    bool broken = due(&store->plans[KB_STORE_WRITE_ERROR]);
    bool torn = due(&store->plans[KB_STORE_SHORT_WRITE]);
    bool full = due(&store->plans[KB_STORE_NO_SPACE]);
    bool lost = due(&store->plans[KB_STORE_LOST_WRITE]);
    if (broken)
        return kb_fail(error, KB_IO, KB_MSG_store_planned_write, name, (unsigned long long)slot);
    if (torn)
        return write_half(store, slot, page, error);
    if (full)
        return kb_fail(error, KB_IO, KB_MSG_store_planned_full, name, (unsigned long long)slot);
    if (lost)
        return KB_OK;
    return store->inner.write(store->inner.context, slot, page, error);
}

static void discard_failing(void *context, uint64_t slot) {
    const struct failing_store *store = context;
    store->inner.discard(store->inner.context, slot);
}

static void close_failing(void *context) {
    struct failing_store *store = context;
    kb_store_close(&store->inner);
    kb_give_back(NULL, store->torn, store->inner.page_bytes);
    kb_give_back(NULL, store, sizeof *store);
}

kb_status kb_store_failing(struct kb_store *store, const struct kb_store *inner,
                           struct kb_error *error) {
    struct failing_store *failing = kb_take(NULL, sizeof *failing);
    uint8_t *torn = failing != NULL ? kb_take(NULL, inner->page_bytes) : NULL;
    if (torn == NULL) {
        kb_give_back(NULL, failing, sizeof *failing);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, inner->name,
                       (unsigned long long)inner->page_bytes);
    }
    failing->inner = *inner;
    failing->torn = torn;
    *store = (struct kb_store){.context = failing,
                               .name = inner->name,
                               .page_bytes = inner->page_bytes,
                               .slots = inner->slots,
                               .read = read_failing,
                               .write = write_failing,
                               .discard = discard_failing,
                               .close = close_failing};
    return KB_OK;
}

void kb_store_fail(const struct kb_store *store, enum kb_store_failure failure, uint64_t at,
                   uint64_t count) {
    struct failing_store *failing = store->context;
    failing->plans[failure] = (struct plan){.at = at, .count = count};
}

const struct kb_store *kb_store_wrapped(const struct kb_store *store) {
    return &((const struct failing_store *)store->context)->inner;
}
