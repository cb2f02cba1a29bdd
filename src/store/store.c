/* store.c - what all stores refuse. */
#include "store/store.h"

kb_status kb_store_check(uint32_t page_bytes, uint64_t slots, struct kb_error *error) {
    if (page_bytes > 0 && page_bytes % 64 == 0 && slots > 0 && slots <= INT64_MAX / page_bytes)
        return KB_OK;
    return kb_fail(error, KB_USAGE, KB_MSG_store_shape, (unsigned long long)slots,
                   (unsigned long long)page_bytes);
}

kb_status kb_store_no_slot(const char *name, uint64_t slots, uint64_t slot,
                           struct kb_error *error) {
    return kb_fail(error, KB_USAGE, KB_MSG_store_no_slot, name, (unsigned long long)slot,
                   (unsigned long long)(slots - 1));
}
