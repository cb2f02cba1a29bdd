/* placement.c - holes, place, free, compact, cache: requests in a memory of their own. */
#include "scenario/placement.h"

#include <stdio.h>

#include "base/units.h"

#define MOST_AREAS 4096
#define MOST_REQUESTS 4096
#define MOST_CACHES 64
#define APART 4096 /* bytes of others between two areas of a list */
#define USUAL_BLOCK 1024

static const char holes_usage[] = "holes 100K,500K,… | 0x1000:100K,… [fixed] [block=1K]";
static const char place_usage[] =
    "place NAME SIZE [fit=first|next|best|worst|buddy] | place NAME cache=NAME";

static int shown(const struct kb_word *word) {
    return (int)(word->length < 40 ? word->length : 40);
}

/* ---- the memory begins and ends ---- */

void kb_scenario_free_places(struct kb_scenario *s) {
    struct kb_places *p = s->places;
    const struct kb_host *host = s->options.host;
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->caches; i++) {
        kb_slab_free(&p->cache[i]->slabs);
        kb_give_back(host, p->cache[i], sizeof *p->cache[i]);
    }
    kb_give_back(host, p->cache, p->cache != NULL ? MOST_CACHES * sizeof(struct kb_cache *) : 0);
    kb_holes_free(&p->holes);
    kb_buddy_free(&p->buddy);
    kb_give_back(host, p->area, p->area != NULL ? MOST_AREAS * sizeof *p->area : 0);
    kb_give_back(host, p->request, p->request_room * sizeof *p->request);
    kb_give_back(host, p, sizeof *p);
    s->places = NULL;
}

static kb_status no_memory(struct kb_scenario *s, size_t bytes) {
    return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "holes", (unsigned long long)bytes);
}

static kb_status new_places(struct kb_scenario *s) {
    const struct kb_host *host = s->options.host;
    struct kb_places *p = kb_take(host, sizeof *p);
    if (p == NULL)
        return no_memory(s, sizeof *p);
    s->places = p;
    p->area = kb_take(host, MOST_AREAS * sizeof *p->area);
    if (p->area == NULL)
        return no_memory(s, MOST_AREAS * sizeof *p->area);
    return kb_holes_init(&p->holes, host, s->error);
}

/* SIZE, or ADDRESS:SIZE. */
static kb_status read_area(struct kb_scenario *s, const struct kb_word *word) {
    struct kb_places *p = s->places;
    const struct kb_hole *last = p->areas > 0 ? &p->area[p->areas - 1] : NULL;
    uint64_t least = last != NULL ? last->start + last->length + 1 : 0, end;
    struct kb_hole area = {.start = last != NULL ? least - 1 + APART : 0};
    const char *colon = memchr(word->at, ':', word->length);
    struct kb_word size = *word, start = *word;
    kb_status status = KB_OK;
    if (colon != NULL) {
        start.length = (uint32_t)(colon - word->at);
        size.at = colon + 1;
        size.length = word->length - start.length - 1;
        status = kb_word_number(&start, "address", &area.start, s->error);
    }
    if (status == KB_OK)
        status = kb_word_number(&size, "size", &area.length, s->error);
    if (status != KB_OK)
        return status;
    if (area.length == 0 || area.start < least || !kb_add(area.start, area.length, &end) ||
        end > UINT64_MAX - APART)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_area, shown(word), word->at);
    if (p->areas == MOST_AREAS)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_many, (unsigned long long)MOST_AREAS);
    p->area[p->areas++] = area;
    return kb_holes_give(&p->holes, area.start, area.length, s->error);
}

static kb_status read_areas(struct kb_scenario *s) {
    struct kb_places *p = s->places;
    kb_status status = kb_line_option_number(&s->line, "block", &p->block, s->error);
    const struct kb_word *word;
    while (status == KB_OK && (word = kb_line_take(&s->line)) != NULL)
        if (kb_word_is(word, "fixed"))
            p->fixed = true;
        else
            status = read_area(s, word);
    if (status == KB_OK && p->areas == 0)
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, holes_usage);
    if (status == KB_OK && p->block != 0 && (p->fixed || p->areas > 1))
        status = kb_fail(s->error, KB_DATA, KB_MSG_placement_buddies);
    if (status == KB_OK && p->block != 0 &&
        (!kb_is_power_of_two(p->block) || p->holes.total % p->block != 0))
        status = kb_fail(s->error, KB_DATA, KB_MSG_buddy_memory,
                         (unsigned long long)kb_places_free(p), (unsigned long long)p->block);
    return status == KB_OK ? kb_line_end(&s->line, holes_usage, s->error) : status;
}

kb_status kb_command_holes(struct kb_scenario *s) {
    if (s->rehearsing)
        return KB_OK;
    kb_scenario_free_places(s);
    kb_status status = new_places(s);
    if (status == KB_OK)
        status = read_areas(s);
    if (status == KB_OK)
        kb_tell_holes(s);
    else
        kb_scenario_free_places(s);
    return status;
}

/* ---- names ---- */

static bool named(const char *name, const struct kb_word *word) {
    return word != NULL && kb_word_is(word, name);
}

struct kb_request *kb_places_find(const struct kb_places *places, const struct kb_word *name) {
    for (uint32_t i = 0; i < places->requests; i++)
        if (named(places->request[i].name, name))
            return &places->request[i];
    return NULL;
}

struct kb_cache *kb_places_cache(const struct kb_places *places, const struct kb_word *name) {
    for (uint32_t i = 0; i < places->caches; i++)
        if (named(places->cache[i]->name, name))
            return places->cache[i];
    return NULL;
}

static kb_status read_name(struct kb_scenario *s, const struct kb_word *word, const char *usage,
                           char name[KB_NAME_BYTES]) {
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    if (word->length >= KB_NAME_BYTES || word->length == 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_name,
                       (unsigned long long)(KB_NAME_BYTES - 1));
    if (kb_scenario_is_word(word))
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_word, (int)word->length, word->at);
    memset(name, 0, KB_NAME_BYTES);
    memcpy(name, word->at, word->length);
    return KB_OK;
}

static kb_status there_is_memory(struct kb_scenario *s) {
    return s->places != NULL ? KB_OK : kb_fail(s->error, KB_DATA, KB_MSG_placement_none);
}

/* The request of that name, or a new one, which is not counted before it is used. */
static kb_status request_of(struct kb_scenario *s, const char *name, struct kb_request **request) {
    struct kb_places *p = s->places;
    struct kb_word word = {.at = name, .length = (uint32_t)strlen(name)};
    *request = kb_places_find(p, &word);
    if (*request != NULL)
        return (*request)->state == KB_REQUEST_PLACED
                   ? kb_fail(s->error, KB_DATA, KB_MSG_placement_placed, name)
                   : KB_OK;
    if (p->requests == MOST_REQUESTS)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_many, (unsigned long long)MOST_REQUESTS);
    if (p->requests == p->request_room) {
        uint32_t room = p->request_room == 0 ? 64 : p->request_room * 2;
        struct kb_request *more = kb_grow(s->options.host, p->request,
                                          p->request_room * sizeof *more, room * sizeof *more);
        if (more == NULL)
            return no_memory(s, room * sizeof *more);
        p->request = more;
        p->request_room = room;
    }
    *request = &p->request[p->requests];
    **request = (struct kb_request){0};
    memcpy((*request)->name, name, KB_NAME_BYTES);
    return KB_OK;
}

/* ---- buddies ---- */

static bool untouched(const struct kb_places *p) {
    return p->areas == 1 && !p->fixed && p->holes.total == p->area[0].length;
}

/* Buddies from now on. */
static kb_status begin_buddies(struct kb_scenario *s) {
    struct kb_places *p = s->places;
    if (p->buddies)
        return KB_OK;
    if (!untouched(p))
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_buddies);
    uint64_t length = p->area[0].length, block = p->block;
    if (block == 0) /* the usual, or less if the memory is no multiple of it */
        for (block = USUAL_BLOCK; length % block != 0;)
            block /= 2;
    kb_status status =
        kb_buddy_init(&p->buddy, p->area[0].start, length, block, s->options.host, s->error);
    if (status != KB_OK) {
        kb_buddy_free(&p->buddy);
        return status;
    }
    p->buddies = true;
    return KB_OK;
}

kb_status kb_command_cache(struct kb_scenario *s) {
    static const char usage[] = "cache NAME object=100 [slab=4K]";
    char name[KB_NAME_BYTES];
    uint64_t object = 0, bytes = 4096;
    if (s->rehearsing)
        return KB_OK;
    const struct kb_word *word = kb_line_take(&s->line);
    kb_status status = there_is_memory(s);
    if (status == KB_OK)
        status = read_name(s, word, usage, name);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "object", &object, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "slab", &bytes, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, usage, s->error);
    if (status != KB_OK)
        return status;
    struct kb_places *p = s->places;
    if (kb_places_cache(p, word) != NULL || kb_places_find(p, word) != NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_same, name);
    if (p->caches == MOST_CACHES)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_many, (unsigned long long)MOST_CACHES);
    status = begin_buddies(s);
    if (status != KB_OK)
        return status;
    if (p->cache == NULL)
        p->cache = kb_take(s->options.host, MOST_CACHES * sizeof(struct kb_cache *));
    struct kb_cache *cache = p->cache != NULL ? kb_take(s->options.host, sizeof *cache) : NULL;
    if (cache == NULL)
        return no_memory(s, sizeof *cache);
    memcpy(cache->name, name, sizeof name);
    status = kb_slab_init(&cache->slabs, &p->buddy, object, bytes, s->options.host, s->error);
    if (status != KB_OK) {
        kb_slab_free(&cache->slabs);
        kb_give_back(s->options.host, cache, sizeof *cache);
        return status;
    }
    p->cache[p->caches++] = cache;
    kb_tell_cache(s, cache);
    return KB_OK;
}

/* ---- a request is placed ---- */

/* Holes that begin below an address, or with `ending` those that end at or below it. */
static uint64_t count_below(const struct kb_places *p, uint64_t address, bool ending) {
    struct kb_hole hole;
    uint64_t count = 0;
    for (uint64_t from = 0; kb_holes_next(&p->holes, from, &hole);
         from = hole.start + hole.length) {
        if ((ending ? hole.start + hole.length > address : hole.start >= address))
            break;
        count++;
    }
    return count;
}

/* How many holes a walk along the list looks at until it has its answer. */
static uint64_t count_looked(const struct kb_places *p, const struct kb_request *r,
                             uint64_t skipped) {
    uint64_t rank = count_below(p, r->hole.start, false) + 1;
    if (r->fit == KB_FIT_FIRST)
        return rank;
    if (r->fit == KB_FIT_NEXT)
        return rank > skipped ? rank - skipped : r->of - skipped + rank;
    return r->of;
}

/* In the holes. The search is counted for those who read of it. */
static bool take_hole(struct kb_scenario *s, struct kb_request *r) {
    struct kb_places *p = s->places;
    struct kb_holes *holes = &p->holes;
    struct kb_error unused = {0};
    bool read = s->options.view != KB_VIEW_QUIET, taken;
    uint64_t skipped = read ? count_below(p, holes->cursor, true) : 0;
    r->of = r->looked = holes->count;
    if (!kb_holes_take(holes, r->bytes, (enum kb_fit)r->fit, &r->hole))
        return false;
    r->piece = (struct kb_hole){r->hole.start, r->bytes};
    if (read)
        r->looked = count_looked(p, r, skipped);
    if (p->fixed &&
        r->hole.length >
            r->bytes) { /* the whole partition; taking an end of a hole needs no memory */
        kb_status status = kb_holes_take_at(holes, r->hole.start + r->bytes,
                                            r->hole.length - r->bytes, &taken, &unused);
        (void)status;
        r->piece = r->hole;
    }
    return true;
}

/* In the buddies; empty slabs go back if nothing else helps. */
static bool take_block(struct kb_scenario *s, struct kb_request *r) {
    struct kb_places *p = s->places;
    bool there = kb_buddy_take(&p->buddy, r->bytes, &r->hole, &r->piece);
    for (uint32_t i = 0; i < p->caches && !there; i++)
        if (kb_slab_reap(&p->cache[i]->slabs, &p->buddy) > 0)
            there = kb_buddy_take(&p->buddy, r->bytes, &r->hole, &r->piece);
    return there;
}

static kb_status take_object(struct kb_scenario *s, struct kb_request *r, bool *there) {
    struct kb_places *p = s->places;
    struct kb_slab_cache *slabs = &r->cache->slabs;
    kb_status status = kb_slab_take(slabs, &p->buddy, &r->piece.start, there, s->error);
    for (uint32_t i = 0; i < p->caches && status == KB_OK && !*there; i++)
        if (p->cache[i] != r->cache && kb_slab_reap(&p->cache[i]->slabs, &p->buddy) > 0)
            status = kb_slab_take(slabs, &p->buddy, &r->piece.start, there, s->error);
    if (status != KB_OK || !*there)
        return status;
    r->piece.length = r->bytes;
    uint64_t offset = r->piece.start - p->buddy.start;
    r->hole = (struct kb_hole){p->buddy.start + offset / slabs->bytes * slabs->bytes, slabs->bytes};
    return status;
}

static kb_status place(struct kb_scenario *s, struct kb_request *r) {
    struct kb_places *p = s->places;
    bool there = false;
    kb_status status = KB_OK;
    if (r->cache != NULL)
        status = take_object(s, r, &there);
    else
        there = r->fit == KB_FIT_BUDDY ? take_block(s, r) : take_hole(s, r);
    if (status != KB_OK)
        return status;
    if (r == &p->request[p->requests])
        p->requests++;
    r->state = there ? KB_REQUEST_PLACED : KB_REQUEST_WAITS;
    if (there)
        kb_tell_placed(s, r);
    else
        kb_tell_waits(s, r);
    return KB_OK;
}

/* fit=, which must be that of the memory where it has one. */
static kb_status read_fit(struct kb_scenario *s, bool again, unsigned *fit) {
    struct kb_places *p = s->places;
    struct kb_word word;
    enum kb_fit one;
    if (!kb_line_option(&s->line, "fit", &word)) {
        if (p->buddies)
            *fit = KB_FIT_BUDDY;
        else if (!again || *fit >= KB_FITS)
            *fit = KB_FIT_FIRST;
        return KB_OK;
    }
    if (kb_word_is(&word, "buddy")) {
        *fit = KB_FIT_BUDDY;
        return begin_buddies(s);
    }
    if (!kb_fit_parse(word.at, word.length, &one))
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_fit, shown(&word), word.at);
    if (p->buddies)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_buddies);
    *fit = one;
    return KB_OK;
}

/* SIZE [fit=], or cache=; a request that waits keeps what is not said again. */
static kb_status read_request(struct kb_scenario *s, struct kb_request *r) {
    struct kb_places *p = s->places;
    struct kb_word cache;
    if (kb_line_option(&s->line, "cache", &cache)) {
        r->cache = kb_places_cache(p, &cache);
        if (r->cache == NULL)
            return kb_fail(s->error, KB_DATA, KB_MSG_placement_cache, shown(&cache), cache.at);
        r->bytes = r->cache->slabs.object;
        r->fit = KB_FIT_SLAB;
        return kb_line_end(&s->line, place_usage, s->error);
    }
    bool again = r->state == KB_REQUEST_WAITS && r->bytes > 0;
    if (again && kb_line_peek(&s->line) == NULL && r->cache != NULL)
        return kb_line_end(&s->line, place_usage, s->error);
    r->cache = NULL;
    kb_status status = again && kb_line_peek(&s->line) == NULL
                           ? KB_OK
                           : kb_line_number(&s->line, "size", &r->bytes, s->error);
    if (status == KB_OK && r->bytes == 0)
        status = kb_fail(s->error, KB_DATA, KB_MSG_placement_zero);
    if (status == KB_OK)
        status = read_fit(s, again, &r->fit);
    return status == KB_OK ? kb_line_end(&s->line, place_usage, s->error) : status;
}

kb_status kb_command_place(struct kb_scenario *s) {
    char name[KB_NAME_BYTES];
    struct kb_request *slot;
    if (s->rehearsing)
        return KB_OK;
    const struct kb_word *word = kb_line_take(&s->line);
    kb_status status = there_is_memory(s);
    if (status == KB_OK)
        status = read_name(s, word, place_usage, name);
    if (status == KB_OK && kb_places_cache(s->places, word) != NULL)
        status = kb_fail(s->error, KB_DATA, KB_MSG_placement_same, name);
    if (status == KB_OK)
        status = request_of(s, name, &slot);
    if (status != KB_OK)
        return status;
    struct kb_request wanted = *slot; /* a wrong line changes nothing */
    status = read_request(s, &wanted);
    if (status != KB_OK)
        return status;
    *slot = wanted;
    return place(s, slot);
}

/* ---- it goes ---- */

static kb_status give_back(struct kb_scenario *s, struct kb_request *r, struct kb_hole *grown) {
    struct kb_places *p = s->places;
    *grown = r->hole;
    if (r->cache != NULL)
        return kb_slab_give(&r->cache->slabs, r->piece.start, s->error);
    if (p->buddies)
        return kb_buddy_give(&p->buddy, r->piece.start, grown, s->error);
    kb_status status = kb_holes_give(&p->holes, r->piece.start, r->piece.length, s->error);
    (void)kb_holes_next(&p->holes, r->piece.start, grown);
    return status;
}

/* One that waits gives up. */
kb_status kb_command_free(struct kb_scenario *s) {
    static const char usage[] = "free NAME …";
    if (s->rehearsing)
        return KB_OK;
    kb_status status = there_is_memory(s);
    const struct kb_word *word = kb_line_take(&s->line);
    if (status == KB_OK && word == NULL)
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, usage);
    for (; status == KB_OK && word != NULL; word = kb_line_take(&s->line)) {
        struct kb_request *r = kb_places_find(s->places, word);
        struct kb_hole grown;
        if (r == NULL || r->state == KB_REQUEST_FREED)
            return kb_fail(s->error, KB_DATA, KB_MSG_placement_request, shown(word), word->at);
        bool placed = r->state == KB_REQUEST_PLACED;
        if (placed)
            status = give_back(s, r, &grown);
        if (status != KB_OK)
            return status;
        r->state = KB_REQUEST_FREED;
        kb_tell_freed(s, r, placed ? &grown : NULL);
    }
    return status == KB_OK ? kb_line_end(&s->line, usage, s->error) : status;
}

/* ---- compaction ---- */

/* The placed request that begins lowest at or behind an address and before an end. */
static struct kb_request *request_behind(const struct kb_places *p, uint64_t from, uint64_t end) {
    struct kb_request *lowest = NULL;
    for (uint32_t i = 0; i < p->requests; i++) {
        struct kb_request *r = &p->request[i];
        if (r->state == KB_REQUEST_PLACED && r->piece.start >= from && r->piece.start < end &&
            (lowest == NULL || r->piece.start < lowest->piece.start))
            lowest = r;
    }
    return lowest;
}

/* All requests of an area to its beginning, in address order. */
static uint64_t compact_area(struct kb_scenario *s, const struct kb_hole *area, uint64_t *behind) {
    uint64_t end = area->start + area->length, moved = 0, to = area->start;
    struct kb_request *r;
    for (uint64_t from = to; (r = request_behind(s->places, from, end)) != NULL; to += r->bytes) {
        uint64_t was = r->piece.start;
        from = was + r->piece.length;
        if (was == to)
            continue;
        r->piece.start = to;
        moved += r->bytes;
        kb_tell_moved(s, r, was);
    }
    *behind = to;
    return moved;
}

kb_status kb_command_compact(struct kb_scenario *s) {
    if (s->places == NULL)
        return kb_storage_command_compact(s);
    if (s->rehearsing)
        return KB_OK;
    kb_status status = kb_line_end(&s->line, "compact", s->error);
    if (status != KB_OK)
        return status;
    struct kb_places *p = s->places;
    if (p->fixed || p->buddies)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_compact);
    uint32_t before = p->holes.count;
    uint64_t moved = 0;
    kb_holes_clear(&p->holes); /* there are fewer holes than before: no memory is needed */
    for (uint32_t i = 0; i < p->areas && status == KB_OK; i++) {
        const struct kb_hole *area = &p->area[i];
        uint64_t behind;
        moved += compact_area(s, area, &behind);
        status = kb_holes_give(&p->holes, behind, area->start + area->length - behind, s->error);
    }
    p->moved += moved;
    kb_tell_compacted(s, moved, before);
    return status;
}

/* ---- looking ---- */

uint64_t kb_places_free(const struct kb_places *p) {
    return p->buddies ? p->buddy.total : p->holes.total;
}

uint64_t kb_places_largest(const struct kb_places *p) {
    return p->buddies ? kb_buddy_largest(&p->buddy) : kb_holes_largest(&p->holes);
}

double kb_places_external(const struct kb_places *p) {
    double free = (double)kb_places_free(p);
    return free > 0 ? 100 * (1 - (double)kb_places_largest(p) / free) : 0;
}

uint64_t kb_request_internal(const struct kb_request *r) {
    return r->state == KB_REQUEST_PLACED ? r->piece.length - r->bytes : 0;
}

uint64_t kb_cache_internal(const struct kb_cache *cache) {
    const struct kb_slab_cache *slabs = &cache->slabs;
    return slabs->slabs * (slabs->bytes - slabs->each * slabs->object);
}

uint64_t kb_places_internal(const struct kb_places *p) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->requests; i++)
        sum += kb_request_internal(&p->request[i]);
    for (uint32_t i = 0; i < p->caches; i++)
        sum += kb_cache_internal(p->cache[i]);
    return sum;
}

/* Whose block it is; a slab is a cache's. */
static void owner_of(const struct kb_places *p, struct kb_hole block,
                     const struct kb_request **owner, const struct kb_cache **cache) {
    const struct kb_request *r = request_behind(p, block.start, block.start + block.length);
    *owner = r != NULL && r->cache == NULL ? r : NULL;
    for (uint32_t i = 0; i < p->caches && *owner == NULL; i++)
        if (kb_slab_begins(&p->cache[i]->slabs, block.start))
            *cache = p->cache[i];
}

bool kb_places_next(const struct kb_places *p, uint64_t from, struct kb_hole *range,
                    const struct kb_request **owner, const struct kb_cache **cache) {
    bool taken;
    *owner = NULL;
    *cache = NULL;
    if (p->buddies) {
        from = from < p->buddy.start ? p->buddy.start : from;
        if (!kb_buddy_next(&p->buddy, from, range, &taken))
            return false;
        if (taken)
            owner_of(p, *range, owner, cache);
        return true;
    }
    bool hole = kb_holes_next(&p->holes, from, range);
    const struct kb_request *r = request_behind(p, from, UINT64_MAX);
    if (r == NULL || (hole && range->start < r->piece.start))
        return hole;
    *range = r->piece;
    *owner = r;
    return true;
}
