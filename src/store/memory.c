/* memory.c - a store in memory: pages as they are, in chunks that are taken when they are needed.
 *
 *   chunks   │ · │ NULL │ · │ …      a slot is a place in a chunk; NULL: no slot of it was written
 *              │          └─► page page page …
 *              └─► page page page …
 *
 * A chunk holds 64 pages, fewer if pages are large. It stays until the store
 * is closed; a slot that was discarded holds zeros. */
#include <string.h>

#include "store/store.h"

#define MOST_CHUNK_BITS 6
#define CHUNK_BYTES (UINT32_C(1) << 18) /* about, for large pages */

struct memory_store {
    const struct kb_host *host;
    uint32_t page_bytes;
    unsigned chunk_bits; /* pages in a chunk: 2^chunk_bits */
    uint64_t slots;
    uint64_t chunk_count;
    uint64_t taken; /* no chunk from here on was */
    uint8_t **chunks;
};

static size_t chunk_bytes(const struct memory_store *store) {
    return (size_t)store->page_bytes << store->chunk_bits;
}

/* The page in a slot, or NULL if its chunk was never taken. */
static uint8_t *page_in(const struct memory_store *store, uint64_t slot) {
    uint8_t *chunk = store->chunks[slot >> store->chunk_bits];
    size_t place = (size_t)(slot & ((UINT64_C(1) << store->chunk_bits) - 1));
    return chunk != NULL ? chunk + place * store->page_bytes : NULL;
}

static kb_status read_memory(void *context, uint64_t slot, void *page, struct kb_error *error) {
    const struct memory_store *store = context;
    if (slot >= store->slots)
        return kb_store_no_slot("memory", store->slots, slot, error);
    const uint8_t *from = page_in(store, slot);
    if (from != NULL)
        memcpy(page, from, store->page_bytes);
    else
        memset(page, 0, store->page_bytes);
    return KB_OK;
}

static kb_status write_memory(void *context, uint64_t slot, const void *page,
                              struct kb_error *error) {
    struct memory_store *store = context;
    if (slot >= store->slots)
        return kb_store_no_slot("memory", store->slots, slot, error);
    uint8_t **chunk = &store->chunks[slot >> store->chunk_bits];
    if (*chunk == NULL) {
        *chunk = kb_take(store->host, chunk_bytes(store));
        if (*chunk == NULL)
            return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "memory",
                           (unsigned long long)chunk_bytes(store));
        uint64_t index = slot >> store->chunk_bits;
        store->taken = index < store->taken ? store->taken : index + 1;
    }
    memcpy(page_in(store, slot), page, store->page_bytes);
    return KB_OK;
}

static void discard_memory(void *context, uint64_t slot) {
    const struct memory_store *store = context;
    uint8_t *page = slot < store->slots ? page_in(store, slot) : NULL;
    if (page != NULL)
        memset(page, 0, store->page_bytes);
}

static void close_memory(void *context) {
    struct memory_store *store = context;
    const struct kb_host *host = store->host;
    for (uint64_t i = 0; i < store->taken; i++)
        kb_give_back(host, store->chunks[i], chunk_bytes(store));
    kb_give_back(host, store->chunks, (size_t)store->chunk_count * sizeof *store->chunks);
    kb_give_back(host, store, sizeof *store);
}

kb_status kb_store_memory(struct kb_store *store, uint32_t page_bytes, uint64_t slots,
                          const struct kb_host *host, struct kb_error *error) {
    *store = (struct kb_store){0};
    kb_status status = kb_store_check(page_bytes, slots, error);
    if (status != KB_OK)
        return status;
    unsigned bits = 0;
    while (bits < MOST_CHUNK_BITS && page_bytes << bits < CHUNK_BYTES)
        bits++;
    uint64_t count = ((slots - 1) >> bits) + 1, bytes = count * sizeof(uint8_t *);
    struct memory_store *memory = kb_take(host, sizeof *memory);
    uint8_t **chunks =
        memory != NULL && bytes <= SIZE_MAX / 2 ? kb_take(host, (size_t)bytes) : NULL;
    if (chunks == NULL) {
        kb_give_back(host, memory, sizeof *memory);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "memory", (unsigned long long)bytes);
    }
    *memory = (struct memory_store){.host = host,
                                    .page_bytes = page_bytes,
                                    .chunk_bits = bits,
                                    .slots = slots,
                                    .chunk_count = count,
                                    .chunks = chunks};
    *store = (struct kb_store){.context = memory,
                               .name = "memory",
                               .page_bytes = page_bytes,
                               .slots = slots,
                               .read = read_memory,
                               .write = write_memory,
                               .discard = discard_memory,
                               .close = close_memory};
    return KB_OK;
}
