/* shared_steps.h - random instructions and system calls, made on the machine and on the model of
 * shared pages (shared_model.h), which must agree.
 *
 * A process that could not go on for want of frames or slots, or because a
 * store failed, ends: how far its instruction came is not the model's to say. */
#ifndef KB_TESTS_SHARED_STEPS_H
#define KB_TESTS_SHARED_STEPS_H

#include "shared_model.h"

static void model_hear(void *context, const struct kb_os_event *event) {
    struct model *m = context;
    if (event->kind == KB_OS_EVENT_SKIP)
        m->skipped = event->reason;
}

static inline void model_begin_step(struct model *m) {
    watch_begin(m->watch);
    for (unsigned i = 0; i < MODEL_MOST_OBJECTS; i++)
        if (m->object[i].watch != NULL)
            watch_begin(m->object[i].watch);
    m->skipped = KB_REASON_NONE;
    m->free_slots = m->os.swap.store.slots - m->os.swap.used - m->os.swap.bad;
}

struct model_met {
    unsigned reads, writes, wrong; /* that failed; pages that came back as others */
};

static inline struct model_met model_what_failed(const struct model *m) {
    struct model_met met = {m->watch->read_errors, m->watch->write_errors, m->watch->wrong_pages};
    for (unsigned i = 0; i < MODEL_MOST_OBJECTS; i++)
        if (m->object[i].watch != NULL) {
            met.reads += m->object[i].watch->read_errors;
            met.writes += m->object[i].watch->write_errors;
            met.wrong += m->object[i].watch->wrong_pages;
        }
    return met;
}

/* Frames that the running process can have for pages: its share, and not those of tables, which
 * may have been given back since. */
static inline uint64_t model_room(const struct model *m) {
    const struct kb_os_setup *setup = &m->os.setup;
    uint64_t tables = setup->tables_place != KB_TABLES_APART ? m->os.tables.peak / m->page + 4 : 0;
    uint64_t share = setup->allocation != KB_ALLOCATE_GLOBAL
                         ? m->process[m->current].process->allocation
                         : setup->frames;
    uint64_t left = tables < setup->frames ? setup->frames - tables : 0;
    return share < left ? share : left;
}

/* Whether the machine may say so, though the model knows of nothing. */
static inline bool model_excuses(const struct model *m, enum kb_reason reason) {
    struct model_met met = model_what_failed(m);
    bool full = (m->small || m->may_fail) && m->watch->writes >= m->free_slots;
    switch (reason) {
    case KB_REASON_READ_FAILED:
        return met.reads > 0;
    case KB_REASON_CORRUPT:
        return met.wrong > 0;
    case KB_REASON_WRITE_FAILED:
        return met.writes > 0;
    case KB_REASON_SWAP_FULL:
        return full;
    case KB_REASON_NO_FRAME:
    case KB_REASON_MINIMUM_FRAMES:
        return m->pieces + model_pins(m) >= model_room(m);
    case KB_REASON_NO_TABLE:
        return m->os.setup.tables_place != KB_TABLES_APART &&
               (full || m->pieces + model_pins(m) >= model_room(m));
    default:
        return false;
    }
}

static inline bool model_short(const struct model *m) { return m->small || m->may_fail; }

/* ---- processes ---- */

static inline int model_some(struct model *m) {
    unsigned first = (unsigned)model_below(m, m->most);
    for (unsigned n = 0; n < m->most; n++)
        if (m->process[(first + n) % m->most].process != NULL)
            return (int)((first + n) % m->most);
    return -1;
}

static inline int model_free_process(const struct model *m) {
    for (unsigned i = 0; i < m->most; i++)
        if (m->process[i].process == NULL)
            return (int)i;
    return -1;
}

static inline void model_switch(struct model *m, int i) {
    m->current = i;
    kb_os_switch(&m->os, m->process[i].process);
}

static inline void model_exit(struct model *m, int i) {
    m->exits++;
    kb_os_exit(&m->os, m->process[i].process, KB_REASON_DONE, 0);
    model_right(m, m->process[i].process->state == KB_ENDED, "an exit did not end a process");
    model_forget(m, i);
}

static inline unsigned model_some_rights(struct model *m) {
    static const unsigned rights[] = {KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_RIGHTS,
                                      KB_ENTRY_RIGHTS,
                                      KB_ENTRY_READ,
                                      KB_ENTRY_READ | KB_ENTRY_EXECUTE,
                                      KB_ENTRY_WRITE,
                                      0};
    unsigned some = rights[model_below(m, sizeof rights / sizeof rights[0])];
    return some == KB_ENTRY_WRITE && !m->x86 ? KB_ENTRY_RIGHTS : some;
}

static inline bool model_written_and_executed(const struct model *m, unsigned rights) {
    return m->wx && rights & KB_ENTRY_WRITE && rights & KB_ENTRY_EXECUTE;
}

/* ---- objects ---- */

static inline void model_object_new(struct model *m, bool file) {
    unsigned i = 0;
    while (i < MODEL_MOST_OBJECTS && m->object[i].there)
        i++;
    if (i == MODEL_MOST_OBJECTS)
        return;
    struct model_object *o = &m->object[i];
    *o = (struct model_object){
        .there = true, .file = file, .pages = 1 + (unsigned)model_below(m, MODEL_OBJECT_PAGES)};
    o->bytes = o->pages * m->page - model_below(m, m->page);
    o->content = calloc(o->pages, m->page);
    snprintf(o->name, sizeof o->name, "%s%" PRIu64, file ? "file" : "memory", m->names++);
    if (!file) {
        model_ok(m, kb_os_shared(&m->os, o->name, o->bytes, &o->number));
    } else {
        struct kb_image image = {.seed = kb_random_next(&m->random), .offset = model_below(m, 100)};
        struct kb_store store, inner;
        model_ok(m, kb_store_memory(&inner, (uint32_t)m->page, o->pages, m->host, &m->error));
        if (m->failing)
            model_ok(m, kb_store_failing(&store, &inner, &m->error));
        else
            store = inner;
        o->watch = watch_store(&store, NULL);
        o->watch->file = true;
        if (model_one_in(m, 2)) {
            image.bytes = m->image;
            image.length = image.offset + model_below(m, o->bytes + 1);
        }
        for (uint64_t k = 0; k < o->bytes; k++)
            o->content[k] = image.bytes == NULL ? kb_image_byte(image.seed, image.offset + k)
                            : image.offset + k < image.length ? m->image[image.offset + k]
                                                              : 0;
        model_ok(m, kb_os_file(&m->os, o->name, o->bytes, &image, &store, &o->number));
    }
    model_right(m, kb_os_object(&m->os, o->name) == o->number, "an object is not found by name");
}

/* ---- regions ---- */

enum model_kind { MODEL_PRIVATE, MODEL_IMAGE, MODEL_OBJECT, MODEL_GUARD, MODEL_STACK, MODEL_KINDS };

/* Places first … *end − 1 that are not legal; first = *end: there is no room. */
static inline unsigned model_gap(struct model *m, const struct model_process *p, unsigned *end) {
    unsigned first = (unsigned)model_below(m, MODEL_PLACES), window = MODEL_PLACES;
    unsigned most = 1 + (unsigned)model_below(m, 8);
    if (m->segments) {
        first -= first % MODEL_SEGMENT;
        window = first + MODEL_SEGMENT;
    }
    *end = first;
    while (*end < window && *end < first + most && !p->place[*end].legal)
        ++*end;
    return first;
}

static inline void model_fill_region(struct model *m, enum model_kind kind, unsigned first,
                                     unsigned *end, struct kb_region *region) {
    int object = -1;
    region->start = model_address(m, first);
    region->rights = model_some_rights(m);
    if (kind == MODEL_GUARD) {
        region->guard = true;
        region->rights = model_one_in(m, 2) ? 0 : region->rights;
    } else if (kind == MODEL_STACK && first > 0) {
        unsigned room = first < 8 ? first : 8;
        region->lowest = model_address(m, first - 1 - (unsigned)model_below(m, room));
    } else if (kind == MODEL_OBJECT) {
        object = (int)model_below(m, MODEL_MOST_OBJECTS);
        if (m->object[object].there) {
            unsigned pages = m->object[object].pages;
            region->place = model_below(m, pages);
            if (*end - first > pages - region->place)
                *end = first + pages - (unsigned)region->place;
            region->object = m->object[object].number + 1;
            region->shared = !model_one_in(m, 3);
        }
    } else if (kind == MODEL_IMAGE) {
        region->has_image = true;
        region->image =
            (struct kb_image){.seed = kb_random_next(&m->random), .offset = model_below(m, 100)};
        if (model_one_in(m, 2)) {
            region->image.bytes = m->image;
            region->image.length = model_below(m, MODEL_OBJECT_PAGES * m->page);
        }
    }
    region->end = region->start + (*end - first) * m->page;
    if (region->object == 0 && model_one_in(m, 2))
        region->end -= model_below(m, m->page);
}

/* A region in a gap: first … end − 1. false: it was refused, rightly. */
static inline bool model_region(struct model *m, int i, unsigned first, unsigned end,
                                const struct kb_region *region) {
    struct model_process *p = &m->process[i];
    bool refused;
    model_ok(m, kb_os_region(&m->os, p->process, region, &refused));
    if (refused && m->os.setup.load_all && !model_written_and_executed(m, region->rights))
        return false; /* there was no room for it */
    model_right(m, refused == model_written_and_executed(m, region->rights),
                "a region was refused, or let pass, wrongly");
    if (refused)
        return false;
    int object = -1;
    for (int k = 0; region->object != 0 && k < MODEL_MOST_OBJECTS; k++)
        if (m->object[k].there && m->object[k].number + 1 == region->object)
            object = k;
    for (unsigned k = first; k < end; k++) {
        struct model_place *place = &p->place[k];
        *place = (struct model_place){.legal = true,
                                      .guard = region->guard,
                                      .shared = region->shared,
                                      .rights = region->rights,
                                      .object = object,
                                      .at = (unsigned)region->place + k - first,
                                      .has_image = region->has_image,
                                      .image = region->image};
        uint64_t start = model_address(m, k);
        place->image.offset += start - region->start;
        place->covers = region->end - start < m->page ? region->end - start : m->page;
        if (object >= 0)
            continue;
        place->own = malloc(m->page);
        model_make_fresh(m, place);
    }
    p->place[first].grows = region->lowest != 0;
    p->place[first].lowest = region->lowest == 0 ? 0 : (unsigned)model_place_at(m, region->lowest);
    return true;
}

static inline void model_some_region(struct model *m, int i) {
    static const enum model_kind kinds[] = {MODEL_PRIVATE, MODEL_PRIVATE, MODEL_IMAGE, MODEL_OBJECT,
                                            MODEL_OBJECT,  MODEL_OBJECT,  MODEL_GUARD, MODEL_STACK};
    enum model_kind kind = kinds[model_below(m, sizeof kinds / sizeof kinds[0])];
    unsigned end, first = model_gap(m, &m->process[i], &end);
    struct kb_region region = {.name = "R"};
    if (first == end || (m->segments && kind == MODEL_STACK))
        return;
    model_fill_region(m, kind, first, &end, &region);
    model_region(m, i, first, end, &region);
}

/* A process without places, or with all of them. −1: there are enough. */
static inline int model_begin(struct model *m, bool all) {
    int i = model_free_process(m);
    struct model_process *p = &m->process[i];
    if (i < 0)
        return i;
    snprintf(p->name, sizeof p->name, "P%" PRIu64, m->names++);
    kb_status status = kb_os_create(&m->os, p->name, &p->process);
    if (status == KB_DATA && m->os.setup.tables_place != KB_TABLES_APART) {
        p->process = NULL; /* no frame for its root */
        return -1;
    }
    model_ok(m, status);
    model_right(m, kb_os_process(&m->os, p->name) == p->process, "a process is not found by name");
    p->skips = p->process->skips = model_one_in(m, 2);
    p->swapped = false;
    p->all = all;
    for (unsigned k = 0; p->all && k < MODEL_PLACES; k++)
        p->place[k] = (struct model_place){.legal = true,
                                           .rights = m->wx ? KB_ENTRY_READ | KB_ENTRY_WRITE
                                                           : (unsigned)KB_ENTRY_RIGHTS,
                                           .object = -1,
                                           .own = calloc(1, m->page)};
    bool refused;
    struct kb_region none = {.start = 0x40 * m->page, .end = 0x41 * m->page, .guard = true};
    if (!p->all && !m->segments) /* nothing is legal, rather than all */
        model_ok(m, kb_os_region(&m->os, p->process, &none, &refused));
    return i;
}

static inline void model_create(struct model *m) {
    int i = model_begin(m, !m->segments && model_one_in(m, 8));
    for (unsigned n = 2 + (unsigned)model_below(m, 6); i >= 0 && !m->process[i].all && n > 0; n--)
        model_some_region(m, i);
}

static inline void model_fork(struct model *m, int i) {
    int to = model_free_process(m);
    struct model_process *p = &m->process[i], *child = &m->process[to];
    bool refused;
    if (to < 0)
        return;
    snprintf(child->name, sizeof child->name, "F%" PRIu64, m->names++);
    model_ok(m, kb_os_fork(&m->os, p->process, child->name, &child->process, &refused));
    model_right(m, !refused || m->os.setup.tables_place != KB_TABLES_APART, "a fork was refused");
    if (refused) {
        child->process = NULL;
        return;
    }
    child->skips = p->skips;
    child->all = p->all;
    child->swapped = false;
    m->forks++;
    for (unsigned k = 0; k < MODEL_PLACES; k++) {
        child->place[k] = p->place[k];
        child->place[k].pinned = false;
        child->place[k].own = NULL;
        if (p->place[k].own != NULL)
            model_take_own(m, &child->place[k], p->place[k].own);
    }
}

/* ---- calls on a range of places ---- */

static inline void model_some_range(struct model *m, unsigned *first, unsigned *end) {
    unsigned window = MODEL_PLACES;
    *first = (unsigned)model_below(m, MODEL_PLACES);
    if (m->segments)
        window = *first - *first % MODEL_SEGMENT + MODEL_SEGMENT;
    unsigned room = window - *first, most = model_one_in(m, 20) ? room : room < 6 ? room : 6;
    *end = *first + 1 + (unsigned)model_below(m, most);
}

/* A segment is a range of its own. false: there is none here. */
static inline bool model_whole_segment(const struct model *m, const struct model_process *p,
                                       unsigned *first, unsigned *end) {
    if (!m->segments)
        return true;
    *first -= *first % MODEL_SEGMENT;
    *end = *first;
    while (*end < *first + MODEL_SEGMENT && p->place[*end].legal)
        ++*end;
    return *end > *first;
}

static inline void model_protect(struct model *m, int i, unsigned first, unsigned end,
                                 unsigned rights) {
    struct model_process *p = &m->process[i];
    bool refused;
    if (!model_whole_segment(m, p, &first, &end))
        return;
    model_ok(m, kb_os_protect(&m->os, p->process, model_address(m, first),
                              model_address(m, end - 1) + m->page, rights, &refused));
    model_right(m, refused == model_written_and_executed(m, rights),
                "rights were refused, or let pass, wrongly");
    for (unsigned k = first; !refused && k < end; k++)
        p->place[k].rights = rights; /* of those that are legal */
}

static inline void model_unmap(struct model *m, int i, unsigned first, unsigned end) {
    struct model_process *p = &m->process[i];
    if (!model_whole_segment(m, p, &first, &end))
        return;
    model_ok(m, kb_os_unmap(&m->os, p->process, model_address(m, first),
                            model_address(m, end - 1) + m->page));
    for (unsigned k = first; k < end; k++)
        model_drop_place(m, &p->place[k]);
}

static inline bool model_legal(const struct model_process *p, unsigned first, unsigned end) {
    for (unsigned k = first; k < end; k++)
        if (!p->place[k].legal || p->place[k].guard)
            return false;
    return true;
}

static inline bool model_any_pinned(const struct model_process *p, unsigned first, unsigned end) {
    for (unsigned k = first; k < end; k++)
        if (p->place[k].pinned)
            return true;
    return false;
}

/* While a page comes its frame is held: calls that give it up may be refused. */
static inline bool model_blocked(const struct model *m) {
    return m->current >= 0 && m->process[m->current].process->state == KB_BLOCKED;
}

static inline void model_give(struct model *m, int i, unsigned first, unsigned end, bool discard) {
    struct model_process *p = &m->process[i];
    uint64_t start = model_address(m, first), behind = model_address(m, end - 1) + m->page;
    bool refused, legal = model_legal(p, first, end) && !model_any_pinned(p, first, end);
    if (discard)
        kb_os_discard(&m->os, p->process, start, behind, &refused);
    else
        kb_os_release(&m->os, p->process, start, behind, &refused);
    if (refused && model_blocked(m))
        return;
    model_right(m, refused == !legal, "a release was refused, or let pass, wrongly");
    for (unsigned k = first; discard && !refused && k < end; k++) {
        struct model_place *place = &p->place[k];
        if (place->object < 0) {
            model_make_fresh(m, place);
        } else {
            free(place->own);
            place->own = NULL;
        }
    }
}

static inline void model_pin(struct model *m, int i, unsigned first, unsigned end) {
    struct model_process *p = &m->process[i];
    bool refused, legal = model_legal(p, first, end) && !model_any_pinned(p, first, end);
    if (model_pins(m) + end - first > m->os.setup.frames / 3)
        return;
    model_ok(m, kb_os_pin_pages(&m->os, p->process, model_address(m, first),
                                model_address(m, end - 1) + m->page, &refused));
    bool scarce =
        m->os.setup.allocation != KB_ALLOCATE_GLOBAL || m->os.setup.tables_place != KB_TABLES_APART;
    if (refused && legal && (model_short(m) || model_blocked(m) || scarce))
        return;
    model_right(m, refused == !legal, "a pin was refused, or let pass, wrongly");
    for (unsigned k = first; !refused && k < end; k++)
        p->place[k].pinned = true;
    m->pinned += !refused;
}

static inline void model_unpin(struct model *m, int i, unsigned first, unsigned end) {
    struct model_process *p = &m->process[i];
    bool refused;
    kb_os_unpin_pages(&m->os, p->process, model_address(m, first),
                      model_address(m, end - 1) + m->page, &refused);
    model_right(m, refused == !model_legal(p, first, end), "an unpin was refused wrongly");
    for (unsigned k = first; !refused && k < end; k++)
        p->place[k].pinned = false;
}

static inline void model_sync(struct model *m, int i, unsigned first, unsigned end) {
    struct model_process *p = &m->process[i];
    unsigned before = model_what_failed(m).writes;
    uint64_t failed = kb_os_sync(&m->os, p->process, model_address(m, first),
                                 model_address(m, end - 1) + m->page);
    bool any = model_what_failed(m).writes > before; /* a write in a cluster is tried once more */
    model_right(m, failed > 0 ? any : !any || m->os.setup.cluster > 1,
                "a sync failed, or said not");
    m->syncs++;
    for (unsigned k = first; failed == 0 && k < end; k++) {
        const struct model_place *place = &p->place[k];
        if (place->legal && place->shared && m->object[place->object].file)
            model_file_holds(m, place->object, place->at, place->at + 1);
    }
}

/* ---- processes as a whole ---- */

static inline void model_swap_out(struct model *m, int i) {
    struct model_process *p = &m->process[i];
    bool refused, must = p->swapped || model_any_pinned(p, 0, MODEL_PLACES);
    model_ok(m, kb_os_swap_out(&m->os, p->process, &refused));
    if (!must && refused && (model_short(m) || model_blocked(m)))
        return;
    model_right(m, refused == must, "a swap out was refused, or let pass, wrongly");
    if (refused)
        return;
    m->swaps++;
    p->swapped = true;
    model_right(m, p->process->resident == 0, "a process that is swapped out has pages");
    if (m->current == i)
        m->current = -1;
}

static inline void model_swap_in(struct model *m, int i) {
    struct model_process *p = &m->process[i];
    uint64_t most = model_pins(m);
    bool refused;
    for (unsigned k = 0; k < MODEL_PLACES; k++)
        most += p->place[k].legal;
    model_ok(m, kb_os_swap_in(&m->os, p->process, model_one_in(m, 2), &refused));
    bool scarce = m->os.setup.tables_place != KB_TABLES_APART ||
                  (p->process->pager != NULL && most > p->process->allocation);
    model_right(
        m, !refused || most > m->os.setup.frames || scarce || model_short(m) || model_blocked(m),
        "a swap in was refused");
    if (!refused)
        p->swapped = false;
    else if (p->swapped && model_one_in(m, 4))
        model_exit(m, i);
}

static inline void model_evict(struct model *m) {
    uint32_t frame = (uint32_t)model_below(m, m->os.setup.frames);
    enum kb_reason reason;
    if (m->os.frame[frame].use == KB_FRAME_PAGE)
        (void)kb_pager_send_out(&m->os, frame, &reason);
}

/* A call that changes no bytes of objects, on any process. */
static inline void model_call(struct model *m) {
    int i = model_some(m);
    unsigned first, end;
    model_some_range(m, &first, &end);
    switch (model_below(m, 34)) {
    case 0:
    case 1:
    case 2:
        model_fork(m, i);
        break;
    case 3:
        if (model_free_process(m) < 0 || model_one_in(m, 4))
            model_exit(m, i);
        break;
    case 4:
        model_create(m);
        break;
    case 5:
        model_object_new(m, model_one_in(m, 2));
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        model_some_region(m, i);
        break;
    case 10:
    case 11:
        model_unmap(m, i, first, end);
        break;
    case 12:
    case 13:
    case 14:
        model_protect(m, i, first, end, model_some_rights(m));
        break;
    case 15:
    case 16:
        model_give(m, i, first, end, false);
        break;
    case 17:
    case 18:
        model_give(m, i, first, end, true);
        break;
    case 19:
    case 20:
        model_pin(m, i, first, end);
        break;
    case 21:
    case 22:
    case 23:
        model_unpin(m, i, first, end);
        break;
    case 24:
    case 25:
        model_sync(m, i, first, end);
        break;
    case 26:
        model_swap_out(m, i);
        break;
    case 27:
    case 28:
        model_swap_in(m, i);
        break;
    default:
        model_evict(m);
        break;
    }
}

#endif
