/* lookup.c - a hash table of (space, number). */
#include "os/lookup.h"

#define FIRST_SLOTS 256

static uint64_t place_of(const struct kb_lookup *lookup, uint32_t space, uint64_t number) {
    uint64_t h =
        (number + (uint64_t)space * UINT64_C(0xD6E8FEB86659FD93)) * UINT64_C(0x9E3779B97F4A7C15);
    return (h ^ h >> 32) & (lookup->slots - 1);
}

/* The slot that has it, or the empty one where it belongs. */
static uint64_t search(const struct kb_lookup *lookup, uint32_t space, uint64_t number) {
    uint64_t at = place_of(lookup, space, number);
    for (; lookup->slot[at].found != 0; at = (at + 1) & (lookup->slots - 1))
        if (lookup->slot[at].number == number && lookup->slot[at].space == space)
            break;
    return at;
}

void kb_lookup_init(struct kb_lookup *lookup, const struct kb_host *host) {
    *lookup = (struct kb_lookup){.host = host};
}

void kb_lookup_free(struct kb_lookup *lookup) {
    if (lookup->slot != NULL)
        kb_give_back(lookup->host, lookup->slot, (size_t)lookup->slots * sizeof *lookup->slot);
    *lookup = (struct kb_lookup){0};
}

uint32_t kb_lookup_find(const struct kb_lookup *lookup, uint32_t space, uint64_t number) {
    return lookup->slots == 0 ? KB_LOOKUP_NONE
                              : lookup->slot[search(lookup, space, number)].found - 1;
}

kb_status kb_lookup_reserve(struct kb_lookup *lookup, uint64_t more, struct kb_error *error) {
    struct kb_lookup old = *lookup;
    uint64_t slots = old.slots == 0 ? FIRST_SLOTS : old.slots;
    while (slots < (old.count + more) * 2)
        slots *= 2;
    if (slots == old.slots)
        return KB_OK;
    lookup->slot = kb_take(old.host, (size_t)slots * sizeof *lookup->slot);
    if (lookup->slot == NULL) {
        lookup->slot = old.slot;
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "pages",
                       (unsigned long long)(slots * sizeof *lookup->slot));
    }
    lookup->slots = slots;
    for (uint64_t i = 0; i < old.slots; i++)
        if (old.slot[i].found != 0)
            lookup->slot[search(lookup, old.slot[i].space, old.slot[i].number)] = old.slot[i];
    kb_lookup_free(&old);
    return KB_OK;
}

void kb_lookup_add(struct kb_lookup *lookup, uint32_t space, uint64_t number, uint32_t found) {
    lookup->slot[search(lookup, space, number)] = (struct kb_lookup_slot){number, space, found + 1};
    lookup->count++;
}

void kb_lookup_remove(struct kb_lookup *lookup, uint32_t space, uint64_t number) {
    uint64_t mask = lookup->slots - 1;
    uint64_t hole = lookup->slots == 0 ? 0 : search(lookup, space, number);
    if (lookup->slots == 0 || lookup->slot[hole].found == 0)
        return;
    for (uint64_t at = (hole + 1) & mask; lookup->slot[at].found != 0; at = (at + 1) & mask) {
        uint64_t home = place_of(lookup, lookup->slot[at].space, lookup->slot[at].number);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* its search does not pass the hole */
        lookup->slot[hole] = lookup->slot[at];
        hole = at;
    }
    lookup->slot[hole] = (struct kb_lookup_slot){0};
    lookup->count--;
}
