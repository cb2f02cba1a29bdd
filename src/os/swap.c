/* swap.c - slots and checksums of the paging file. */
#include "os/swap.h"

void kb_swap_init(struct kb_swap *swap, const struct kb_store *store, const struct kb_host *host) {
    *swap = (struct kb_swap){.store = *store, .host = host};
}

void kb_swap_free(struct kb_swap *swap) {
    kb_store_close(&swap->store);
    kb_give_back(swap->host, swap->given_back, swap->given_room * sizeof *swap->given_back);
    *swap = (struct kb_swap){0};
}

uint64_t kb_swap_take(struct kb_swap *swap) {
    uint64_t slot;
    if (swap->given_count > 0)
        slot = swap->given_back[--swap->given_count];
    else if (swap->fresh < swap->store.slots)
        slot = swap->fresh++;
    else
        return KB_NO_SLOT;
    if (++swap->used > swap->peak)
        swap->peak = swap->used;
    return slot;
}

void kb_swap_give_back(struct kb_swap *swap, uint64_t slot) {
    swap->store.discard(swap->store.context, slot);
    swap->used--;
    if (swap->given_count == swap->given_room) {
        uint64_t room = swap->given_room == 0 ? 64 : swap->given_room * 2;
        uint64_t *more = kb_grow(swap->host, swap->given_back, swap->given_room * sizeof *more,
                                 room * sizeof *more);
        if (more == NULL) { /* the slot is lost to use, no page is */
            swap->bad++;
            return;
        }
        swap->given_back = more;
        swap->given_room = room;
    }
    swap->given_back[swap->given_count++] = slot;
}

void kb_swap_set_aside(struct kb_swap *swap, uint64_t slot) {
    swap->store.discard(swap->store.context, slot);
    swap->used--;
    swap->bad++;
}

kb_status kb_swap_write(struct kb_swap *swap, uint64_t slot, const void *page, uint64_t *sum,
                        struct kb_error *error) {
    kb_status status = swap->store.write(swap->store.context, slot, page, error);
    if (status != KB_OK) {
        swap->failures++;
        return status;
    }
    *sum = kb_page_sum(page, swap->store.page_bytes);
    swap->writes++;
    return KB_OK;
}

kb_status kb_swap_read(struct kb_swap *swap, uint64_t slot, void *page, uint64_t sum,
                       struct kb_error *error) {
    kb_status status = swap->store.read(swap->store.context, slot, page, error);
    if (status == KB_OK && kb_page_sum(page, swap->store.page_bytes) != sum)
        status = kb_fail(error, KB_DATA, KB_MSG_os_corrupt, (unsigned long long)slot);
    if (status != KB_OK) {
        swap->failures++;
        return status;
    }
    swap->reads++;
    return KB_OK;
}
