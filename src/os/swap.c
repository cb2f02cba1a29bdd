/* swap.c - slots and checksums of the paging file. */
#include "os/swap.h"

/* What a slot that was used once is now. */
enum { FREE = 1, STACKED = 2 };

/* While there are slots that were never used, a row is sought among so many times its length. */
#define WORTH 64

void kb_swap_init(struct kb_swap *swap, const struct kb_store *store, const struct kb_host *host) {
    *swap = (struct kb_swap){.store = *store, .host = host};
}

void kb_swap_free(struct kb_swap *swap) {
    kb_store_close(&swap->store);
    kb_give_back(swap->host, swap->given_back, swap->given_room * sizeof *swap->given_back);
    kb_give_back(swap->host, swap->state, swap->state_room);
    *swap = (struct kb_swap){0};
}

static void use(struct kb_swap *swap, uint64_t count) {
    swap->used += count;
    if (swap->used > swap->peak)
        swap->peak = swap->used;
}

/* The last one given back that no row has taken. */
static uint64_t pop(struct kb_swap *swap) {
    while (swap->given_count > 0) {
        uint64_t slot = swap->given_back[--swap->given_count];
        uint8_t state = swap->state[slot];
        swap->state[slot] = 0;
        if (state & FREE) {
            swap->free--;
            return slot;
        }
    }
    return KB_NO_SLOT;
}

uint64_t kb_swap_take(struct kb_swap *swap) {
    uint64_t slot = pop(swap);
    if (slot == KB_NO_SLOT && swap->fresh < swap->store.slots)
        slot = swap->fresh++;
    if (slot != KB_NO_SLOT)
        use(swap, 1);
    return slot;
}

/* Next fit among the slots given back, of which at most so many are looked at; the next search goes
 * on where this one ended. */
static uint64_t find_row(struct kb_swap *swap, uint64_t count, uint64_t most) {
    uint64_t end = swap->fresh < swap->state_room ? swap->fresh : swap->state_room, run = 0;
    for (uint64_t step = 0; step < most && swap->free >= count; step++) {
        uint64_t slot = swap->look < end ? swap->look : 0;
        swap->look = slot + 1;
        run = slot == 0 ? 0 : run;
        run = swap->state[slot] & FREE ? run + 1 : 0;
        if (run == count)
            return slot + 1 - count;
    }
    return KB_NO_SLOT;
}

uint64_t kb_swap_take_row(struct kb_swap *swap, uint64_t count) {
    bool room = swap->store.slots - swap->fresh >= count;
    uint64_t all = swap->fresh + count, most = room && all > WORTH * count ? WORTH * count : all;
    uint64_t first = KB_NO_SLOT;
    if (!room || swap->free > swap->fresh / 2)
        first = find_row(swap, count, most);
    if (first != KB_NO_SLOT) {
        for (uint64_t i = 0; i < count; i++)
            swap->state[first + i] &= (uint8_t)~FREE;
        swap->free -= count;
    } else if (room) {
        first = swap->fresh;
        swap->fresh += count;
    }
    if (first != KB_NO_SLOT)
        use(swap, count);
    return first;
}

static bool grow_stack(struct kb_swap *swap) {
    if (swap->given_count < swap->given_room)
        return true;
    uint64_t room = swap->given_room == 0 ? 64 : swap->given_room * 2;
    uint64_t *more =
        kb_grow(swap->host, swap->given_back, swap->given_room * sizeof *more, room * sizeof *more);
    if (more == NULL)
        return false;
    swap->given_back = more;
    swap->given_room = room;
    return true;
}

static bool grow_states(struct kb_swap *swap, uint64_t slot) {
    if (slot < swap->state_room)
        return true;
    uint64_t room = slot + slot / 2 + 64;
    uint8_t *more = kb_grow(swap->host, swap->state, swap->state_room, room);
    if (more == NULL)
        return false;
    swap->state = more;
    swap->state_room = room;
    return true;
}

void kb_swap_give_back(struct kb_swap *swap, uint64_t slot) {
    swap->store.discard(swap->store.context, slot);
    swap->used--;
    if (!grow_states(swap, slot) || !grow_stack(swap)) { /* lost to use; no page is */
        swap->bad++;
        return;
    }
    if (!(swap->state[slot] & STACKED))
        swap->given_back[swap->given_count++] = slot;
    swap->state[slot] = FREE | STACKED;
    swap->free++;
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
