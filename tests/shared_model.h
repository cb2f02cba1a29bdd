/* shared_model.h - what processes that share pages must see, without frames: places, and the cells
 * of bytes that they show.
 *
 *   process ──► place: rights, and one of
 *                 own bytes ······· private memory; copied at once at a fork
 *                 page of an object shared memory, or a file: one cell for all who see it
 *                 (a private place shows the object's cell until its process writes there)
 *
 * The model knows nothing of frames, tables, swap or reference counts. It says
 * what every access reads, whether it is refused and why, and what a file
 * holds after a sync. What it decides where textbooks leave it open:
 *
 *   - a private place of a file shows what others write to the file until its
 *     first write (Linux leaves it open; here the page is shared until then);
 *     a write that is refused at a later page has made copies all the same;
 *   - a discarded private place is as it was at first: zeros, image, or the
 *     object's present content; a shared one keeps its content (Linux:
 *     MADV_DONTNEED);
 *   - a reference below a stack makes it grow before its rights are asked, as
 *     Linux does, and up to the nearest stack above only;
 *   - a sync writes all pages of the file in its range, whoever modified them;
 *   - pins are not inherited by a child (mlock). */
#ifndef KB_TESTS_SHARED_MODEL_H
#define KB_TESTS_SHARED_MODEL_H

#include "base/random.h"
#include "harness.h"
#include "machine.h"
#include "watch.h"

#define MODEL_PLACES 48
#define MODEL_SEGMENT 6 /* places of a segment */
#define MODEL_FIRST 500 /* number of the first page: a table ends among the places */
#define MODEL_MOST_PROCESSES 50
#define MODEL_MOST_OBJECTS 10
#define MODEL_OBJECT_PAGES 12
#define MODEL_MOST_BYTES 300 /* of an access */

struct model_place {
    bool legal, guard, shared, pinned, grows, has_image;
    unsigned rights;
    int object;      /* −1: none */
    unsigned at;     /* its page there */
    unsigned lowest; /* of the first place of a stack: where it may grow to */
    uint8_t *own;    /* NULL: none yet */
    struct kb_image image;
    uint64_t covers; /* bytes of the page that its region has: those of the image */
};

struct model_process {
    struct kb_process *process; /* NULL: none */
    char name[KB_NAME_BYTES];
    bool skips, all, swapped; /* all: no region was ever given */
    struct model_place place[MODEL_PLACES];
};

struct model_object {
    bool there, file;
    char name[KB_NAME_BYTES];
    uint32_t number;
    unsigned pages;
    uint64_t bytes;
    uint8_t *content;
    struct watch *watch;    /* of a file */
    struct kb_store *store; /* below it */
};

struct model {
    const char *name;
    struct kb_os os;
    struct kb_error error;
    struct kb_random random;
    uint64_t page;
    bool x86, x86_32, segments, wx;
    bool failing;  /* files' stores can be told to fail */
    bool may_fail; /* stores do fail now and then */
    bool small;    /* the swap may become full */
    unsigned most; /* processes */
    int current;   /* −1: nobody runs */
    uint64_t names;
    struct model_process *process; /* MODEL_MOST_PROCESSES */
    struct model_object object[MODEL_MOST_OBJECTS];
    struct watch *watch; /* of the paging file */
    const struct kb_host *host;
    uint8_t *image, *data, *scratch, *found;
    enum kb_reason skipped; /* that the listener heard */
    uint64_t free_slots;    /* when the step began */
    unsigned pieces;        /* of the present instruction */
    unsigned effects;       /* copies and growth that it has made in the model by now */
    uint64_t accesses, refusals, ends, exits, forks, failures, steps, blocks, syncs, swaps, pinned;
    bool broken;
};

static inline uint64_t model_below(struct model *m, uint64_t n) {
    return kb_random_below(&m->random, n);
}

static inline bool model_one_in(struct model *m, uint64_t n) { return model_below(m, n) == 0; }

static inline bool model_wrong(struct model *m, const char *what) {
    if (m->broken)
        return false;
    printf("%s, step %" PRIu64 ": %s\n", m->name, m->steps, what);
    m->broken = true;
    CHECK(!m->broken); /* the machine and the model agree */
    return false;
}

static inline bool model_right(struct model *m, bool condition, const char *what) {
    harness_checks++;
    return condition || model_wrong(m, what);
}

static inline void model_ok(struct model *m, kb_status status) {
    if (status != KB_OK)
        model_wrong(m, m->error.text);
}

/* ---- addresses ---- */

static inline uint64_t model_address(const struct model *m, unsigned place) {
    if (m->segments)
        return place / MODEL_SEGMENT * kb_os_segment_bytes(&m->os) +
               place % MODEL_SEGMENT * m->page;
    return (MODEL_FIRST + place) * m->page;
}

/* The place of an address, or −1. */
static inline int model_place_at(const struct model *m, uint64_t address) {
    uint64_t number = address / m->page;
    if (m->segments) {
        uint64_t segment = address / kb_os_segment_bytes(&m->os);
        uint64_t page = address % kb_os_segment_bytes(&m->os) / m->page;
        bool there = segment < MODEL_PLACES / MODEL_SEGMENT && page < MODEL_SEGMENT;
        return there ? (int)(segment * MODEL_SEGMENT + page) : -1;
    }
    return number >= MODEL_FIRST && number < MODEL_FIRST + MODEL_PLACES
               ? (int)(number - MODEL_FIRST)
               : -1;
}

/* ---- bytes ---- */

/* What a private place without an object holds at first. */
static inline void model_make_fresh(const struct model *m, struct model_place *place) {
    const struct kb_image *image = &place->image;
    memset(place->own, 0, m->page);
    for (uint64_t i = 0; place->has_image && i < place->covers; i++) {
        uint64_t at = image->offset + i;
        place->own[i] = image->bytes == NULL ? kb_image_byte(image->seed, at)
                        : at < image->length ? image->bytes[at]
                                             : 0;
    }
}

static inline void model_take_own(const struct model *m, struct model_place *place,
                                  const uint8_t *bytes) {
    place->own = malloc(m->page);
    memcpy(place->own, bytes, m->page);
}

static inline uint8_t *model_cell(const struct model *m, const struct model_place *place) {
    return place->own != NULL ? place->own : m->object[place->object].content + place->at * m->page;
}

/* ---- places ---- */

static inline uint64_t model_pins(const struct model *m) {
    uint64_t pins = 0;
    for (unsigned i = 0; i < m->most; i++)
        for (unsigned k = 0; m->process[i].process != NULL && k < MODEL_PLACES; k++)
            pins += m->process[i].place[k].pinned;
    return pins;
}

static inline bool model_shown(const struct model *m, int object) {
    for (unsigned i = 0; i < m->most; i++)
        for (unsigned k = 0; m->process[i].process != NULL && k < MODEL_PLACES; k++)
            if (m->process[i].place[k].legal && m->process[i].place[k].object == object)
                return true;
    return false;
}

/* Objects that were shown and are no more: shared memory ends, a file holds all. Lost writes and
 * such, which are the store's, excuse. */
static inline void model_file_holds(struct model *m, int object, unsigned first, unsigned end) {
    struct model_object *o = &m->object[object];
    for (unsigned page = first; page < end; page++) {
        uint64_t at = page * m->page;
        uint32_t length = (uint32_t)(o->bytes - at < m->page ? o->bytes - at : m->page);
        unsigned wrong = o->watch->wrong_pages + o->watch->read_errors;
        kb_status status = kb_os_file_bytes(&m->os, o->number, at, m->found, length);
        if (o->watch->wrong_pages + o->watch->read_errors > wrong)
            continue;
        model_ok(m, status);
        if (status == KB_OK)
            model_right(m, memcmp(m->found, o->content + at, length) == 0,
                        "a file does not hold what was written");
    }
}

static inline void model_object_left(struct model *m, int object) {
    if (object < 0 || model_shown(m, object))
        return;
    struct model_object *o = &m->object[object];
    if (o->file) {
        if (!m->may_fail)
            model_file_holds(m, object, 0, o->pages);
        return;
    }
    model_right(m, kb_os_object(&m->os, o->name) == KB_NO_OBJECT,
                "shared memory that nobody shows is still there");
    free(o->content);
    *o = (struct model_object){0};
}

static inline void model_drop_place(struct model *m, struct model_place *place) {
    int object = place->legal ? place->object : -1;
    free(place->own);
    *place = (struct model_place){.object = -1};
    model_object_left(m, object);
}

/* The process is gone. */
static inline void model_forget(struct model *m, int i) {
    struct model_process *p = &m->process[i];
    for (unsigned k = 0; k < MODEL_PLACES; k++)
        model_drop_place(m, &p->place[k]);
    p->process = NULL;
    if (m->current == i)
        m->current = -1;
}

/* ---- what becomes of an access ---- */

/* What the format can say: x86 cannot withhold the right to read, nor x86-32 that to execute. */
static inline unsigned model_rights(const struct model *m, unsigned rights) {
    if (rights != 0 && m->x86)
        rights |= KB_ENTRY_READ;
    if (rights != 0 && m->x86_32)
        rights |= KB_ENTRY_EXECUTE;
    return rights;
}

/* The nearest stack above takes the place in, if nothing lies between. */
static inline void model_grow(struct model *m, struct model_process *p, unsigned place) {
    unsigned next = place;
    while (next < MODEL_PLACES && !p->place[next].legal)
        next++;
    if (next == MODEL_PLACES || !p->place[next].grows || p->place[next].lowest > place)
        return;
    struct model_place *first = &p->place[next];
    for (unsigned k = place; k < next; k++) {
        p->place[k] = (struct model_place){
            .legal = true, .rights = first->rights, .object = -1, .own = calloc(1, m->page)};
    }
    p->place[place].grows = true;
    p->place[place].lowest = first->lowest;
    first->grows = false;
    m->effects++;
}

/* One page of an access, at a place or (−1) outside. A write takes its own copy here. */
static inline enum kb_reason model_ask(struct model *m, struct model_process *p, uint64_t address,
                                       enum kb_access access, struct model_place **found) {
    static const unsigned right[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE};
    int at = model_place_at(m, address);
    if (at >= 0 && !p->place[at].legal && !m->segments)
        model_grow(m, p, (unsigned)at);
    if (at < 0 || !p->place[at].legal) {
        uint64_t segment = m->segments ? address / kb_os_segment_bytes(&m->os) : UINT64_MAX;
        bool is_segment =
            segment < MODEL_PLACES / MODEL_SEGMENT && p->place[segment * MODEL_SEGMENT].legal;
        return is_segment ? KB_REASON_OVERFLOW : KB_REASON_INVALID_REFERENCE;
    }
    struct model_place *place = &p->place[at];
    *found = place;
    if (place->guard)
        return KB_REASON_GUARD;
    if (!(model_rights(m, place->rights) & right[access]))
        return KB_REASON_PROTECTION;
    if (access == KB_ACCESS_WRITE && !place->shared && place->own == NULL) {
        model_take_own(m, place, model_cell(m, place));
        m->effects++;
    }
    return KB_REASON_NONE;
}

/* A range: the first reason that there is. Unless NULL, out gets its bytes, or in sets them. */
static inline enum kb_reason model_range(struct model *m, uint64_t address, uint32_t length,
                                         enum kb_access access, uint8_t *out, const uint8_t *in) {
    struct model_process *p = &m->process[m->current];
    for (uint32_t done = 0; done < length;) {
        uint64_t room = m->page - (address + done) % m->page;
        uint32_t part = length - done < room ? length - done : (uint32_t)room;
        struct model_place *place = NULL;
        enum kb_reason reason = model_ask(m, p, address + done, access, &place);
        m->pieces++;
        if (reason != KB_REASON_NONE)
            return reason;
        uint8_t *at = model_cell(m, place) + (address + done) % m->page;
        if (out != NULL)
            memcpy(out + done, at, part);
        if (in != NULL)
            memcpy(at, in + done, part);
        done += part;
    }
    return KB_REASON_NONE;
}

/* ---- the whole ---- */

static inline bool model_init(struct model *m, const char *name, const struct machine_wish *wish,
                              unsigned most, uint64_t seed, const struct kb_host *host) {
    *m = (struct model){.name = name, .random = {seed}, .most = most, .host = host, .current = -1};
    m->error.language = KB_ENGLISH;
    if (machine_make(&m->os, wish, host, &m->error) != KB_OK)
        return model_wrong(m, m->error.text);
    const struct kb_format *format = &m->os.setup.format;
    m->page = UINT64_C(1) << format->page_bits;
    m->x86 = format->family->writable_is_readable;
    m->x86_32 = m->x86 && format->entry_bytes == 4;
    m->segments = kb_os_segmented(&m->os);
    m->wx = wish->write_xor_execute;
    m->watch = watch_store(&m->os.swap.store, NULL);
    m->process = calloc(MODEL_MOST_PROCESSES, sizeof *m->process);
    uint64_t bytes = MODEL_OBJECT_PAGES * m->page + 100;
    m->image = malloc(bytes);
    m->data = malloc(m->page + MODEL_MOST_BYTES);
    m->scratch = malloc(m->page + MODEL_MOST_BYTES);
    m->found = malloc(m->page + MODEL_MOST_BYTES);
    for (uint64_t i = 0; i < bytes; i++)
        m->image[i] = (uint8_t)kb_random_next(&m->random);
    for (unsigned i = 0; i < MODEL_MOST_PROCESSES; i++)
        for (unsigned k = 0; k < MODEL_PLACES; k++)
            m->process[i].place[k].object = -1;
    return true;
}

static inline void model_free(struct model *m) {
    kb_os_free(&m->os);
    for (unsigned i = 0; i < MODEL_MOST_PROCESSES; i++)
        for (unsigned k = 0; k < MODEL_PLACES; k++)
            free(m->process[i].place[k].own);
    for (unsigned i = 0; i < MODEL_MOST_OBJECTS; i++)
        free(m->object[i].content);
    free(m->process);
    free(m->image);
    free(m->data);
    free(m->scratch);
    free(m->found);
}

#endif
