/* storage_model.h - contiguous storage as a model without any places: a segment is an array of
 * bytes. Whatever is moved, rolled out or compacted, it does not know. */
#ifndef KB_TESTS_STORAGE_MODEL_H
#define KB_TESTS_STORAGE_MODEL_H

#include <stdlib.h>

#include "base/random.h"
#include "harness.h"
#include "os/os.h"

#define MOST_PROCESSES 6
#define MOST_SEGMENTS 8
#define MOST_SHARED 3
#define MOST_LENGTH 9000

/* Bytes that segments show. */
struct content {
    uint8_t byte[MOST_LENGTH];
    uint64_t length;
    unsigned users;
    bool shared;
    uint64_t seed; /* of its image, and its length then; 0: zeros */
    uint64_t image_length;
};

struct model_segment {
    struct content *content; /* NULL: none */
    char name[KB_NAME_BYTES];
    uint64_t number;
    unsigned rights;
    bool pinned;
};

struct model_process {
    struct kb_process *process; /* NULL: none */
    struct model_segment segment[MOST_SEGMENTS];
    uint64_t given; /* numbers so far */
};

struct model {
    struct kb_os os;
    struct kb_error error;
    struct kb_random random;
    struct model_process process[MOST_PROCESSES];
    struct content *shared[MOST_SHARED];
    uint64_t names, steps, accesses, faults, moves, refusals, ends;
    uint64_t tight; /* accesses that found no room, as pins allow */
    bool failing;   /* the store may fail: processes may end by it */
    bool programs;
};

static inline uint64_t below(struct model *m, uint64_t n) { return kb_random_below(&m->random, n); }

static inline struct content *content_new(uint64_t length, uint64_t seed) {
    struct content *c = calloc(1, sizeof *c);
    c->length = c->image_length = length;
    c->seed = seed;
    for (uint64_t i = 0; seed != 0 && i < length; i++)
        c->byte[i] = kb_image_byte(seed, i);
    return c;
}

static inline void content_drop(struct model *m, struct content *c) {
    if (--c->users > 0)
        return;
    for (unsigned i = 0; i < MOST_SHARED; i++)
        if (m->shared[i] == c)
            m->shared[i] = NULL;
    free(c);
}

static inline void segment_drop(struct model *m, struct model_segment *s) {
    if (s->content != NULL)
        content_drop(m, s->content);
    *s = (struct model_segment){0};
}

static inline void process_drop(struct model *m, struct model_process *p) {
    for (unsigned i = 0; i < MOST_SEGMENTS; i++)
        segment_drop(m, &p->segment[i]);
    *p = (struct model_process){0};
}

static inline void content_resize(struct content *c, uint64_t length) {
    if (length < c->length)
        memset(c->byte + length, 0, c->length - length);
    c->image_length = c->image_length < length ? c->image_length : length;
    c->length = length;
}

/* As they were at first: the image, as far as it was never cut off, and zeros. */
static inline void content_discard(struct content *c) {
    memset(c->byte, 0, sizeof c->byte);
    for (uint64_t i = 0; c->seed != 0 && i < c->image_length; i++)
        c->byte[i] = kb_image_byte(c->seed, i);
}

static inline uint64_t address_of(const struct model *m, const struct model_process *p,
                                  const struct model_segment *s, uint64_t d) {
    if (m->programs)
        return p->process->regions[0].start + d;
    return (s->number << kb_os_page_bits(&m->os)) + d;
}

/* A random process that there is, or NULL; likewise a segment of it. */
static inline struct model_process *any_process(struct model *m) {
    struct model_process *p = &m->process[below(m, MOST_PROCESSES)];
    return p->process != NULL ? p : NULL;
}

static inline struct model_segment *any_segment(struct model *m, struct model_process *p) {
    struct model_segment *s = &p->segment[below(m, m->programs ? 1 : MOST_SEGMENTS)];
    return s->content != NULL ? s : NULL;
}

static inline struct kb_region *region_of(struct model *m, const struct model_process *p,
                                          const struct model_segment *s) {
    return kb_storage_segment(&m->os, p->process, s->name, (uint32_t)strlen(s->name));
}

#endif
