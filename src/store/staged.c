/* staged.c - blocks of pages between two stores.
 *
 *   slot   = block · block_pages + place                 in this store and the lower one
 *   above  = room of the block · block_pages + place     in the upper one
 *
 * States of a page (bits): HELD: it has a content that somebody may read;
 * ABOVE: the upper level has that. HELD without ABOVE: only the lower level
 * has it. A page that is ABOVE differs from the lower level only if its block
 * is modified. */
#include "store/staged.h"

#include <string.h>

enum { HELD = 1, ABOVE = 2 };

#define NOWHERE UINT32_MAX

struct room {
    uint64_t block, used_at; /* used_at 0: nobody is here */
    bool modified, stuck;    /* stuck: it could not be demoted for the present request */
};

struct staged_store {
    struct kb_store upper, lower;
    const struct kb_host *host;
    uint32_t block_pages, page_bytes;
    uint32_t rooms;
    uint64_t slots, blocks;
    struct room *room;
    uint32_t *room_of; /* by block: room + 1; 0: it is not in the upper level */
    uint8_t *state;    /* by slot */
    uint64_t *sum;     /* by slot: of what it holds */
    uint8_t *page, *check;
    uint64_t now;
    struct kb_stage_counters counters;
};

/* ---- one page, surely ---- */

static kb_status read_checked(struct staged_store *s, const struct kb_store *from, uint64_t place,
                              uint8_t *page, uint64_t sum, struct kb_error *error) {
    kb_status status = from->read(from->context, place, page, error);
    if (status == KB_OK && kb_page_sum(page, s->page_bytes) != sum)
        return kb_fail(error, KB_IO, KB_MSG_stage_corrupt, from->name, (unsigned long long)place);
    return status;
}

/* What was written is read back: a write that was lost, or torn, is found out now. */
static kb_status write_checked(struct staged_store *s, const struct kb_store *to, uint64_t place,
                               const uint8_t *page, uint64_t sum, struct kb_error *error) {
    kb_status status = to->write(to->context, place, page, error);
    return status == KB_OK ? read_checked(s, to, place, s->check, sum, error) : status;
}

static uint64_t pages_in(const struct staged_store *s, uint64_t block) {
    uint64_t left = s->slots - block * s->block_pages;
    return left < s->block_pages ? left : s->block_pages;
}

static uint64_t above(const struct staged_store *s, uint32_t room, uint64_t slot) {
    return (uint64_t)room * s->block_pages + slot % s->block_pages;
}

/* ---- demotion ---- */

static kb_status write_back(struct staged_store *s, uint32_t room, struct kb_error *error) {
    uint64_t first = s->room[room].block * s->block_pages;
    uint64_t count = pages_in(s, s->room[room].block);
    for (uint64_t slot = first; slot < first + count; slot++) {
        if (!(s->state[slot] & ABOVE))
            continue;
        kb_status status =
            read_checked(s, &s->upper, above(s, room, slot), s->page, s->sum[slot], error);
        if (status == KB_OK)
            status = write_checked(s, &s->lower, slot, s->page, s->sum[slot], error);
        if (status != KB_OK)
            return status;
    }
    return KB_OK;
}

/* The room is empty; nothing of it stays behind. */
static void clear_room(struct staged_store *s, uint32_t room) {
    uint64_t block = s->room[room].block, first = block * s->block_pages;
    for (uint64_t slot = first; slot < first + pages_in(s, block); slot++) {
        s->upper.discard(s->upper.context, above(s, room, slot));
        s->state[slot] &= (uint8_t)~ABOVE;
    }
    s->room_of[block] = 0;
    s->room[room] = (struct room){.used_at = 0};
}

static kb_status demote(struct staged_store *s, uint32_t room, struct kb_error *error) {
    bool modified = s->room[room].modified;
    kb_status status = modified ? write_back(s, room, error) : KB_OK;
    if (status != KB_OK)
        return status;
    s->counters.demotions++;
    s->counters.demotion_writes += modified;
    clear_room(s, room);
    return KB_OK;
}

/* An empty room, or else the one used least recently of those that are not stuck. */
static uint32_t oldest(const struct staged_store *s) {
    uint32_t found = NOWHERE;
    for (uint32_t i = 0; i < s->rooms; i++) {
        if (s->room[i].used_at == 0)
            return i;
        if (!s->room[i].stuck && (found == NOWHERE || s->room[i].used_at < s->room[found].used_at))
            found = i;
    }
    return found;
}

/* Room for a block. The error is that of the last block that would not go. */
static kb_status make_room(struct staged_store *s, uint32_t *room, struct kb_error *error) {
    kb_status status = KB_OK;
    while ((*room = oldest(s)) != NOWHERE && s->room[*room].used_at != 0) {
        status = demote(s, *room, error);
        if (status == KB_OK)
            break;
        s->room[*room].stuck = true;
    }
    for (uint32_t i = 0; i < s->rooms; i++)
        s->room[i].stuck = false;
    return *room != NOWHERE ? KB_OK : status;
}

/* ---- promotion ---- */

static kb_status promote_page(struct staged_store *s, uint32_t room, uint64_t slot,
                              struct kb_error *error) {
    kb_status status = read_checked(s, &s->lower, slot, s->page, s->sum[slot], error);
    if (status == KB_OK)
        status = write_checked(s, &s->upper, above(s, room, slot), s->page, s->sum[slot], error);
    if (status == KB_OK)
        s->state[slot] |= ABOVE;
    return status;
}

/* Brings the block of a slot into the upper level; the neighbours that fail stay below. */
static kb_status promote(struct staged_store *s, uint64_t block, uint32_t *room,
                         struct kb_error *error) {
    struct kb_error unheard = {.language = error->language};
    bool any = false;
    kb_status status = make_room(s, room, error);
    if (status != KB_OK)
        return status;
    s->room[*room] = (struct room){.block = block, .used_at = ++s->now};
    s->room_of[block] = *room + 1;
    uint64_t first = block * s->block_pages;
    for (uint64_t slot = first; slot < first + pages_in(s, block); slot++) {
        if (!(s->state[slot] & HELD))
            continue;
        any = true;
        if (promote_page(s, *room, slot, &unheard) != KB_OK)
            s->counters.left_below++;
    }
    s->counters.promotions += any;
    return KB_OK;
}

static kb_status find(struct staged_store *s, uint64_t slot, uint32_t *room,
                      struct kb_error *error) {
    uint64_t block = slot / s->block_pages;
    if (s->room_of[block] == 0)
        return promote(s, block, room, error);
    *room = s->room_of[block] - 1;
    s->room[*room].used_at = ++s->now;
    s->counters.hits++;
    return KB_OK;
}

/* ---- the store ---- */

static kb_status read_staged(void *context, uint64_t slot, void *page, struct kb_error *error) {
    struct staged_store *s = context;
    uint32_t room;
    if (slot >= s->slots)
        return kb_store_no_slot("staged", s->slots, slot, error);
    if (!(s->state[slot] & HELD)) {
        memset(page, 0, s->page_bytes);
        return KB_OK;
    }
    kb_status status = find(s, slot, &room, error);
    if (status == KB_OK && !(s->state[slot] & ABOVE)) /* it failed to come with its block */
        status = promote_page(s, room, slot, error);
    if (status != KB_OK)
        return status;
    status = read_checked(s, &s->upper, above(s, room, slot), page, s->sum[slot], error);
    if (status == KB_OK)
        return KB_OK;
    struct kb_error unheard = {.language = error->language};
    /* Perhaps the lower level has it, too; the checksum knows. */
    return read_checked(s, &s->lower, slot, page, s->sum[slot], &unheard) == KB_OK ? KB_OK : status;
}

static kb_status write_staged(void *context, uint64_t slot, const void *page,
                              struct kb_error *error) {
    struct staged_store *s = context;
    uint32_t room;
    if (slot >= s->slots)
        return kb_store_no_slot("staged", s->slots, slot, error);
    kb_status status = find(s, slot, &room, error);
    if (status != KB_OK)
        return status;
    uint64_t sum = kb_page_sum(page, s->page_bytes);
    s->room[room].modified = true;
    s->state[slot] = 0; /* whatever it held: it is being overwritten */
    status = write_checked(s, &s->upper, above(s, room, slot), page, sum, error);
    if (status != KB_OK)
        return status;
    s->state[slot] = HELD | ABOVE;
    s->sum[slot] = sum;
    return KB_OK;
}

static void discard_staged(void *context, uint64_t slot) {
    struct staged_store *s = context;
    if (slot >= s->slots)
        return;
    uint64_t block = slot / s->block_pages, first = block * s->block_pages;
    uint8_t left = 0;
    if (s->room_of[block] != 0)
        s->upper.discard(s->upper.context, above(s, s->room_of[block] - 1, slot));
    s->lower.discard(s->lower.context, slot);
    s->state[slot] = 0;
    for (uint64_t i = first; i < first + pages_in(s, block); i++)
        left |= s->state[i];
    if (left == 0 && s->room_of[block] != 0) /* nobody has anything there */
        clear_room(s, s->room_of[block] - 1);
}

static void free_staged(struct staged_store *s) {
    const struct kb_host *host = s->host;
    kb_give_back(host, s->room, s->rooms * sizeof *s->room);
    kb_give_back(host, s->room_of, (size_t)s->blocks * sizeof *s->room_of);
    kb_give_back(host, s->state, (size_t)s->slots);
    kb_give_back(host, s->sum, (size_t)s->slots * sizeof *s->sum);
    kb_give_back(host, s->page, s->page_bytes);
    kb_give_back(host, s->check, s->page_bytes);
    kb_give_back(host, s, sizeof *s);
}

static void close_staged(void *context) {
    struct staged_store *s = context;
    kb_store_close(&s->upper);
    kb_store_close(&s->lower);
    free_staged(s);
}

static bool take_tables(struct staged_store *s) {
    s->room = kb_take(s->host, s->rooms * sizeof *s->room);
    s->room_of = kb_take(s->host, (size_t)s->blocks * sizeof *s->room_of);
    s->state = kb_take(s->host, (size_t)s->slots);
    s->sum = kb_take(s->host, (size_t)s->slots * sizeof *s->sum);
    s->page = kb_take(s->host, s->page_bytes);
    s->check = kb_take(s->host, s->page_bytes);
    return s->room != NULL && s->room_of != NULL && s->state != NULL && s->sum != NULL &&
           s->page != NULL && s->check != NULL;
}

kb_status kb_store_staged(struct kb_store *store, const struct kb_store *upper,
                          const struct kb_store *lower, uint32_t block_pages,
                          const struct kb_host *host, struct kb_error *error) {
    *store = (struct kb_store){0};
    uint64_t rooms = block_pages > 0 ? upper->slots / block_pages : 0;
    if (upper->page_bytes != lower->page_bytes || rooms == 0 || rooms >= NOWHERE)
        return kb_fail(error, KB_USAGE, KB_MSG_stage_shape, (unsigned long long)block_pages,
                       (unsigned long long)upper->slots);
    struct staged_store *s = lower->slots <= SIZE_MAX / 16 ? kb_take(host, sizeof *s) : NULL;
    if (s != NULL)
        *s = (struct staged_store){.host = host,
                                   .block_pages = block_pages,
                                   .page_bytes = lower->page_bytes,
                                   .rooms = (uint32_t)rooms,
                                   .slots = lower->slots,
                                   .blocks = (lower->slots - 1) / block_pages + 1};
    if (s == NULL || !take_tables(s)) {
        if (s != NULL)
            free_staged(s);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "staged",
                       (unsigned long long)lower->slots * 9);
    }
    s->upper = *upper;
    s->lower = *lower;
    *store = (struct kb_store){.context = s,
                               .name = "staged",
                               .page_bytes = lower->page_bytes,
                               .slots = lower->slots,
                               .read = read_staged,
                               .write = write_staged,
                               .discard = discard_staged,
                               .close = close_staged};
    return KB_OK;
}

struct kb_stage_counters kb_store_stage_counters(const struct kb_store *store) {
    return ((const struct staged_store *)store->context)->counters;
}

const struct kb_store *kb_store_stage_level(const struct kb_store *store, unsigned level) {
    const struct staged_store *s = store->context;
    return level == 2 ? &s->upper : &s->lower;
}
