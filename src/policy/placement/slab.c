/* slab.c - the slab allocator: caches of equal objects. (Bonwick 1994.)
 *
 *   cache ─┬─ slab  | object | object | object |waste|    a block of the buddy memory
 *          ├─ slab  …                                     full: in no list
 *          └─ slab  …                                     partly full, or empty: in one
 *
 * A slab's free objects are chained by numbers that lie apart from it, since
 * the room knows no bytes (Bonwick does so with large objects). His colouring,
 * which shifts the objects of different slabs within their waste for the sake
 * of hardware caches, is left out: the machine has none. */
#include <string.h>

#include "base/units.h"
#include "policy/placement/placement.h"

/* Numbers of the lists' anchors; slabs count from FIRST_SLAB. */
enum { PARTIAL, EMPTY, FIRST_SLAB };

#define FIRST_ROOM 16
#define MOST_EACH (UINT32_C(1) << 20) /* objects in a slab */
#define CHAIN_END UINT32_MAX
#define TAKEN (UINT32_MAX - 1)

struct kb_slab {
    uint64_t start;
    uint32_t used;  /* objects taken; a slab given back: the next one given back */
    uint32_t first; /* free object, or CHAIN_END */
};

/* ---- set-up ---- */

static size_t table_bytes(const struct kb_slab_cache *cache, uint32_t room) {
    size_t one =
        sizeof *cache->slab + sizeof *cache->link + (size_t)cache->each * sizeof *cache->next;
    if (room == 0)
        return 0;
    return one > SIZE_MAX / room ? SIZE_MAX : room * one;
}

/* Room for so many slabs: the three tables lie in one piece, slab first. */
static kb_status grow(struct kb_slab_cache *cache, uint32_t room, struct kb_error *error) {
    const struct kb_slab_cache old = *cache;
    size_t bytes = table_bytes(cache, room);
    struct kb_slab *slab = bytes < SIZE_MAX ? kb_take(cache->host, bytes) : NULL;
    if (slab == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "slabs", (unsigned long long)bytes);
    cache->slab = slab;
    cache->link = (struct kb_link *)(void *)(slab + room);
    cache->next = (uint32_t *)(void *)(cache->link + room);
    cache->room = room;
    if (old.slab == NULL)
        return KB_OK;
    memcpy(cache->slab, old.slab, old.used * sizeof *old.slab);
    memcpy(cache->link, old.link, old.used * sizeof *old.link);
    memcpy(cache->next, old.next, (size_t)old.used * old.each * sizeof *old.next);
    kb_give_back(old.host, old.slab, table_bytes(&old, old.room));
    return KB_OK;
}

/* A number for one more slab. */
static kb_status reserve(struct kb_slab_cache *cache, struct kb_error *error) {
    bool there = cache->spare != 0 || cache->used < cache->room;
    return there ? KB_OK : grow(cache, cache->room * 2, error);
}

kb_status kb_slab_init(struct kb_slab_cache *cache, const struct kb_buddy *buddy, uint64_t object,
                       uint64_t bytes, const struct kb_host *host, struct kb_error *error) {
    *cache = (struct kb_slab_cache){.host = host};
    if (!kb_is_power_of_two(bytes) || bytes < buddy->block || object == 0 || object > bytes ||
        bytes / object > MOST_EACH)
        return kb_fail(error, KB_DATA, KB_MSG_slab_size, (unsigned long long)bytes,
                       (unsigned long long)object, (unsigned long long)buddy->block);
    cache->object = object;
    cache->bytes = bytes;
    cache->each = (uint32_t)(bytes / object);
    cache->start = buddy->start;
    cache->used = FIRST_SLAB;
    cache->places = (uint32_t)(buddy->units / (bytes / buddy->block)) + 1;
    cache->at = kb_take(host, cache->places * sizeof *cache->at);
    kb_status status = cache->at != NULL ? grow(cache, FIRST_ROOM, error)
                                         : kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "slabs",
                                                   cache->places * 4ULL);
    if (status != KB_OK)
        return status;
    kb_list_init(cache->link, PARTIAL);
    kb_list_init(cache->link, EMPTY);
    return KB_OK;
}

void kb_slab_free(struct kb_slab_cache *cache) {
    kb_give_back(cache->host, cache->at, cache->at != NULL ? cache->places * sizeof *cache->at : 0);
    kb_give_back(cache->host, cache->slab, table_bytes(cache, cache->room));
    *cache = (struct kb_slab_cache){0};
}

/* ---- slabs come and go ---- */

static uint32_t place_of(const struct kb_slab_cache *cache, uint64_t address) {
    return (uint32_t)((address - cache->start) / cache->bytes);
}

/* A new one, empty. A number is there for it. */
static uint32_t new_slab(struct kb_slab_cache *cache, uint64_t start) {
    uint32_t n = cache->spare;
    if (n != 0)
        cache->spare = cache->slab[n].used;
    else
        n = cache->used++;
    uint32_t *next = cache->next + (size_t)n * cache->each;
    for (uint32_t i = 0; i < cache->each; i++)
        next[i] = i + 1 < cache->each ? i + 1 : CHAIN_END;
    cache->slab[n] = (struct kb_slab){.start = start, .first = 0};
    kb_list_append(cache->link, EMPTY, n);
    cache->at[place_of(cache, start)] = n;
    cache->slabs++;
    return n;
}

uint32_t kb_slab_reap(struct kb_slab_cache *cache, struct kb_buddy *buddy) {
    struct kb_error unused = {0};
    struct kb_hole grown;
    uint32_t reaped = 0;
    for (uint32_t n; (n = cache->link[EMPTY].next) != EMPTY; reaped++) {
        kb_list_remove(cache->link, n);
        cache->at[place_of(cache, cache->slab[n].start)] = 0;
        kb_status status = kb_buddy_give(buddy, cache->slab[n].start, &grown, &unused);
        (void)status; /* it was taken there */
        cache->slab[n] = (struct kb_slab){.used = cache->spare};
        cache->spare = n;
        cache->slabs--;
    }
    return reaped;
}

/* ---- objects ---- */

kb_status kb_slab_take(struct kb_slab_cache *cache, struct kb_buddy *buddy, uint64_t *address,
                       bool *there, struct kb_error *error) {
    uint32_t n = cache->link[PARTIAL].next;
    struct kb_hole from, piece;
    *there = true;
    if (n == PARTIAL)
        n = cache->link[EMPTY].next;
    if (n == EMPTY) {
        kb_status status = reserve(cache, error);
        *there = status == KB_OK && kb_buddy_take(buddy, cache->bytes, &from, &piece);
        if (!*there)
            return status;
        n = new_slab(cache, piece.start);
    }
    struct kb_slab *slab = &cache->slab[n];
    uint32_t *next = cache->next + (size_t)n * cache->each, object = slab->first;
    *address = slab->start + object * cache->object;
    slab->first = next[object];
    next[object] = TAKEN;
    if (slab->used++ == 0)
        kb_list_move_to_end(cache->link, PARTIAL, n);
    if (slab->used == cache->each)
        kb_list_remove(cache->link, n);
    cache->objects++;
    return KB_OK;
}

kb_status kb_slab_give(struct kb_slab_cache *cache, uint64_t address, struct kb_error *error) {
    uint64_t place = (address - cache->start) / cache->bytes;
    uint32_t n = address >= cache->start && place < cache->places ? cache->at[place] : 0;
    uint64_t offset = n != 0 ? address - cache->slab[n].start : 0, object = offset / cache->object;
    uint32_t *next = cache->next + (size_t)n * cache->each;
    if (n == 0 || offset % cache->object != 0 || object >= cache->each || next[object] != TAKEN)
        return kb_fail(error, KB_DATA, KB_MSG_slab_given, (unsigned long long)address);
    struct kb_slab *slab = &cache->slab[n];
    next[object] = slab->first;
    slab->first = (uint32_t)object;
    if (slab->used-- == cache->each)
        kb_list_append(cache->link, PARTIAL, n);
    if (slab->used == 0)
        kb_list_move_to_end(cache->link, EMPTY, n);
    cache->objects--;
    return KB_OK;
}

bool kb_slab_begins(const struct kb_slab_cache *cache, uint64_t address) {
    uint64_t place = (address - cache->start) / cache->bytes;
    uint32_t n = address >= cache->start && place < cache->places ? cache->at[place] : 0;
    return n != 0 && cache->slab[n].start == address;
}

const char *kb_slab_check(const struct kb_slab_cache *cache) {
    uint64_t objects = 0, slabs = 0;
    for (uint32_t place = 0; place < cache->places; place++) {
        uint32_t n = cache->at[place], chained = 0;
        if (n == 0)
            continue;
        const struct kb_slab *slab = &cache->slab[n];
        const uint32_t *next = cache->next + (size_t)n * cache->each;
        for (uint32_t i = slab->first; i != CHAIN_END; i = next[i], chained++)
            if (i >= cache->each || chained == cache->each)
                return "a chain of free objects leads astray";
        if (chained + slab->used != cache->each)
            return "an object is neither free nor taken";
        slabs++;
        objects += slab->used;
    }
    for (uint32_t list = PARTIAL; list <= EMPTY; list++)
        for (uint32_t n = cache->link[list].next; n != list; n = cache->link[n].next)
            if ((cache->slab[n].used == 0) != (list == EMPTY) || cache->slab[n].used == cache->each)
                return "a slab is in the wrong list";
    if (objects != cache->objects || slabs != cache->slabs)
        return "a count is wrong";
    return NULL;
}
