/* names.h - a FIFO of the names of pages that have left: the ghosts of 2Q, ARC, LIRS, S3-FIFO.
 *
 * A ring of page ids. An entry can be removed from the middle: it becomes a
 * hole, which the ends skip and a compaction closes. For each page `where`
 * (one word, shared by up to two rings through a tag) tells its slot.
 *
 *   where[page] = 0: not in a ring     | tag : 1 | slot + 1 : 31 |
 *   slots[i]    = page + 1, or 0: a hole
 */
#ifndef KB_BASE_NAMES_H
#define KB_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define KB_NAMES_TAG (UINT32_C(1) << 31)
#define KB_NO_NAME UINT32_MAX

struct kb_names {
    uint32_t first;  /* slot of the oldest */
    uint32_t length; /* slots in use, holes too */
    uint32_t live;   /* names */
    uint32_t room;   /* slots */
    uint32_t tag;    /* 0 or KB_NAMES_TAG */
};

/* Slots for a FIFO of at most limit names. */
static inline uint32_t kb_names_room(uint32_t limit) { return limit + limit / 4 + 16; }

static inline uint32_t kb_names_slot(const struct kb_names *names, uint32_t offset) {
    uint64_t slot = (uint64_t)names->first + offset;
    return (uint32_t)(slot >= names->room ? slot - names->room : slot);
}

static inline bool kb_names_has(const struct kb_names *names, const uint32_t *where,
                                uint32_t page) {
    return where[page] != 0 && (where[page] & KB_NAMES_TAG) == names->tag;
}

static inline void kb_names_trim(struct kb_names *names, const uint32_t *slots) {
    while (names->length > 0 && slots[names->first] == 0) {
        names->first = kb_names_slot(names, 1);
        names->length--;
    }
}

/* Closes all holes. */
static inline void kb_names_compact(struct kb_names *names, uint32_t *slots, uint32_t *where) {
    uint32_t to = 0;
    for (uint32_t from = 0; from < names->length; from++) {
        uint32_t name = slots[kb_names_slot(names, from)];
        if (name == 0)
            continue;
        uint32_t slot = kb_names_slot(names, to++);
        slots[slot] = name;
        where[name - 1] = names->tag | (slot + 1);
    }
    names->length = to;
}

/* The page must not be in a ring, and fewer than the limit be live. */
static inline void kb_names_push(struct kb_names *names, uint32_t *slots, uint32_t *where,
                                 uint32_t page) {
    if (names->length == names->room) {
        kb_names_trim(names, slots);
        if (names->length == names->room)
            kb_names_compact(names, slots, where);
    }
    uint32_t slot = kb_names_slot(names, names->length++);
    slots[slot] = page + 1;
    where[page] = names->tag | (slot + 1);
    names->live++;
}

static inline void kb_names_remove(struct kb_names *names, uint32_t *slots, uint32_t *where,
                                   uint32_t page) {
    slots[(where[page] & ~KB_NAMES_TAG) - 1] = 0;
    where[page] = 0;
    names->live--;
}

/* Removes and returns the oldest, or KB_NO_NAME. */
static inline uint32_t kb_names_pop(struct kb_names *names, uint32_t *slots, uint32_t *where) {
    kb_names_trim(names, slots);
    if (names->length == 0)
        return KB_NO_NAME;
    uint32_t page = slots[names->first] - 1;
    kb_names_remove(names, slots, where, page);
    return page;
}

#endif
