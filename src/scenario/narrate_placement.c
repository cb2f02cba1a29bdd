/* narrate_placement.c - what becomes of requests in a memory without a machine: in words, with the
 * reason, or as JSON. The events have no time, since nothing is referenced. */
#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"
#include "scenario/placement.h"

#define N(value) ((unsigned long long)(value))

const char *kb_exact_size(uint64_t bytes, char text[KB_EXACT_TEXT]) {
    static const char units[] = "KMGT";
    unsigned unit = 0;
    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(text, KB_EXACT_TEXT, "%llu", N(bytes));
    else
        snprintf(text, KB_EXACT_TEXT, "%llu%c", N(bytes), units[unit - 1]);
    return text;
}

const char *kb_places_fit_name(unsigned fit) {
    if (fit == KB_FIT_BUDDY)
        return "buddy";
    return fit == KB_FIT_SLAB ? "slab" : kb_fit_name((enum kb_fit)fit);
}

/* ---- JSON ---- */

static void hex(struct kb_json *json, const char *key, uint64_t value) {
    char text[20];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    kb_json_string(json, key, text);
}

static struct kb_json *open_event(struct kb_scenario *s, const char *event) {
    kb_json_newline(&s->json);
    kb_json_object(&s->json, NULL);
    kb_json_string(&s->json, "event", event);
    return &s->json;
}

static bool as_json(const struct kb_scenario *s) { return s->options.view == KB_VIEW_JSON; }

/* ---- words: sizes beside each other want a text each ---- */

struct sizes {
    char text[4][KB_EXACT_TEXT];
};

static const char *size(struct sizes *sizes, unsigned i, uint64_t bytes) {
    return kb_exact_size(bytes, sizes->text[i]);
}

void kb_tell_holes(struct kb_scenario *s) {
    const struct kb_places *p = s->places;
    struct sizes t;
    if (as_json(s)) {
        struct kb_json *json = open_event(s, "holes");
        kb_json_u64(json, "holes", p->areas);
        kb_json_u64(json, "bytes", kb_places_free(p));
        kb_json_u64(json, "largest", kb_places_largest(p));
        kb_json_bool(json, "fixed", p->fixed);
        kb_json_close_object(json);
    } else if (kb_scenario_narrates(s)) {
        kb_text_message(&s->out, p->fixed ? KB_MSG_tell_holes_fixed : KB_MSG_tell_holes,
                        size(&t, 0, kb_places_free(p)), N(p->areas),
                        size(&t, 1, kb_places_largest(p)));
    }
}

void kb_tell_cache(struct kb_scenario *s, const struct kb_cache *cache) {
    const struct kb_slab_cache *slabs = &cache->slabs;
    struct sizes t;
    if (as_json(s)) {
        struct kb_json *json = open_event(s, "holes-cache");
        kb_json_string(json, "cache", cache->name);
        kb_json_u64(json, "object_bytes", slabs->object);
        kb_json_u64(json, "slab_bytes", slabs->bytes);
        kb_json_u64(json, "objects", slabs->each);
        kb_json_close_object(json);
    } else if (kb_scenario_narrates(s)) {
        kb_text_message(&s->out, KB_MSG_tell_cache, cache->name, size(&t, 0, slabs->object),
                        N(slabs->each), size(&t, 1, slabs->bytes),
                        size(&t, 2, slabs->bytes - slabs->each * slabs->object));
    }
}

/* ---- a request is placed, or waits ---- */

static void json_placed(struct kb_scenario *s, const struct kb_request *r) {
    struct kb_json *json = open_event(s, "holes-place");
    kb_json_string(json, "request", r->name);
    kb_json_u64(json, "bytes", r->bytes);
    kb_json_string(json, "fit", kb_places_fit_name(r->fit));
    hex(json, "hole", r->hole.start);
    kb_json_u64(json, "hole_bytes", r->hole.length);
    hex(json, "address", r->piece.start);
    kb_json_u64(json, "taken_bytes", r->piece.length);
    if (r->fit < KB_FITS)
        kb_json_u64(json, "looked", r->looked);
    else
        kb_json_null(json, "looked");
    kb_json_close_object(json);
}

static void say_hole(struct kb_scenario *s, const struct kb_request *r) {
    static const enum kb_message why[KB_FITS] = {KB_MSG_tell_fit_first, KB_MSG_tell_fit_next,
                                                 KB_MSG_tell_fit_best, KB_MSG_tell_fit_worst};
    struct sizes t;
    kb_text_message(&s->out, KB_MSG_tell_placed_hole, r->name, size(&t, 0, r->bytes),
                    size(&t, 1, r->hole.length), N(r->hole.start),
                    kb_text(s->out.language, why[r->fit]));
    kb_text_message(&s->out, s->places->fixed ? KB_MSG_tell_looked_fixed : KB_MSG_tell_looked,
                    N(r->looked), N(r->of), size(&t, 2, r->hole.length - r->bytes));
}

static void say_block(struct kb_scenario *s, const struct kb_request *r) {
    struct sizes t;
    kb_text_message(&s->out, KB_MSG_tell_placed_block, r->name, size(&t, 0, r->bytes),
                    size(&t, 1, r->piece.length), N(r->piece.start));
    kb_text_message(&s->out, KB_MSG_tell_block_split, size(&t, 0, r->hole.length),
                    N(kb_log2(r->hole.length / r->piece.length)),
                    size(&t, 1, r->piece.length - r->bytes));
}

static void say_object(struct kb_scenario *s, const struct kb_request *r) {
    const struct kb_slab_cache *slabs = &r->cache->slabs;
    struct sizes t;
    kb_text_message(&s->out, KB_MSG_tell_placed_object, r->name, r->cache->name,
                    size(&t, 0, r->bytes), N(r->piece.start), N(r->hole.start));
    kb_text_message(&s->out, KB_MSG_tell_slab_count, r->cache->name, N(slabs->slabs),
                    N(slabs->objects), N((uint64_t)slabs->slabs * slabs->each));
}

void kb_tell_placed(struct kb_scenario *s, const struct kb_request *r) {
    if (as_json(s))
        json_placed(s, r);
    else if (!kb_scenario_narrates(s))
        return;
    else if (r->cache != NULL)
        say_object(s, r);
    else if (r->fit == KB_FIT_BUDDY)
        say_block(s, r);
    else
        say_hole(s, r);
}

void kb_tell_waits(struct kb_scenario *s, const struct kb_request *r) {
    const struct kb_places *p = s->places;
    uint64_t free = kb_places_free(p), largest = kb_places_largest(p);
    struct sizes t;
    if (as_json(s)) {
        struct kb_json *json = open_event(s, "holes-wait");
        kb_json_string(json, "request", r->name);
        kb_json_u64(json, "bytes", r->bytes);
        kb_json_string(json, "fit", kb_places_fit_name(r->fit));
        kb_json_u64(json, "largest", largest);
        kb_json_u64(json, "free", free);
        kb_json_close_object(json);
        return;
    }
    if (!kb_scenario_narrates(s))
        return;
    kb_text_message(&s->out, KB_MSG_tell_waits, r->name, size(&t, 0, r->bytes),
                    size(&t, 1, largest));
    if (free >= r->bytes)
        kb_text_message(&s->out, KB_MSG_tell_waits_scattered, size(&t, 2, free),
                        kb_places_external(p));
    else
        kb_text_message(&s->out, KB_MSG_tell_waits_full, size(&t, 2, free));
}

/* ---- it goes, or moves ---- */

static void json_freed(struct kb_scenario *s, const struct kb_request *r,
                       const struct kb_hole *grown) {
    struct kb_json *json = open_event(s, "holes-free");
    kb_json_string(json, "request", r->name);
    if (grown == NULL) {
        kb_json_null(json, "address");
        kb_json_null(json, "hole");
    } else {
        hex(json, "address", r->piece.start);
        hex(json, "hole", grown->start);
    }
    kb_json_u64(json, "bytes", grown != NULL ? r->piece.length : 0);
    kb_json_u64(json, "hole_bytes", grown != NULL ? grown->length : 0);
    kb_json_close_object(json);
}

void kb_tell_freed(struct kb_scenario *s, const struct kb_request *r, const struct kb_hole *grown) {
    enum kb_message message = KB_MSG_tell_freed;
    struct sizes t;
    if (as_json(s)) {
        json_freed(s, r, grown);
        return;
    }
    if (!kb_scenario_narrates(s))
        return;
    if (r->cache != NULL)
        message = KB_MSG_tell_freed_object;
    else if (s->places->buddies)
        message = KB_MSG_tell_freed_block;
    if (grown == NULL)
        kb_text_message(&s->out, KB_MSG_tell_gives_up, r->name);
    else
        kb_text_message(&s->out, message, r->name, size(&t, 0, r->piece.length), N(r->piece.start),
                        size(&t, 1, grown->length), N(grown->start));
}

void kb_tell_moved(struct kb_scenario *s, const struct kb_request *r, uint64_t from) {
    struct sizes t;
    if (as_json(s)) {
        struct kb_json *json = open_event(s, "holes-move");
        kb_json_string(json, "request", r->name);
        kb_json_u64(json, "bytes", r->bytes);
        hex(json, "from", from);
        hex(json, "to", r->piece.start);
        kb_json_close_object(json);
    } else if (kb_scenario_narrates(s)) {
        kb_text_message(&s->out, KB_MSG_tell_moved, r->name, size(&t, 0, r->bytes), N(from),
                        N(r->piece.start));
    }
}

void kb_tell_compacted(struct kb_scenario *s, uint64_t bytes, uint32_t holes_before) {
    const struct kb_holes *holes = &s->places->holes;
    struct sizes t;
    if (as_json(s)) {
        struct kb_json *json = open_event(s, "holes-compact");
        kb_json_u64(json, "bytes", bytes);
        kb_json_u64(json, "holes_before", holes_before);
        kb_json_u64(json, "holes", holes->count);
        kb_json_u64(json, "largest", kb_holes_largest(holes));
        kb_json_close_object(json);
    } else if (kb_scenario_narrates(s)) {
        kb_text_message(&s->out, KB_MSG_tell_compacted, size(&t, 0, bytes), N(holes_before),
                        N(holes->count), size(&t, 1, kb_holes_largest(holes)));
    }
}
