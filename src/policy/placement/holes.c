/* holes.c - the set of holes: ranges are given and taken, neighbours grow together.
 *
 * Every change keeps the order by address where it can: a hole that shrinks
 * or grows stays between the same neighbours, so only the largest lengths on
 * its way to the root change. By length it is taken out and put in again. */
#include "policy/placement/tree.h"

#include <string.h>

#include "base/units.h"

#define FIRST_ROOM 64

static const struct kb_fit_strategy *const fits[KB_FITS] = {
    [KB_FIT_FIRST] = &kb_first_fit,
    [KB_FIT_NEXT] = &kb_next_fit,
    [KB_FIT_BEST] = &kb_best_fit,
    [KB_FIT_WORST] = &kb_worst_fit,
};

static uint64_t end_of(const struct kb_hole_node *n) { return n->start + n->length; }

/* ---- balance ---- */

static inline uint8_t height_of(const struct kb_hole_node *n, const unsigned by) {
    const uint8_t *below = n->height[by];
    return (uint8_t)(1 + below[below[1] > below[0]]);
}

/* Links a child; what the parent knows of it is the caller's. No parent: it is the root. */
static inline void link_child(struct kb_holes *holes, uint32_t parent, unsigned side,
                              uint32_t child, const unsigned by) {
    if (parent == 0)
        holes->root[by] = child;
    else
        holes->node[parent].by[by].child[side] = child;
    if (child != 0)
        holes->node[child].by[by].parent = parent;
}

static inline unsigned side_of(const struct kb_holes *holes, uint32_t parent, uint32_t child,
                               const unsigned by) {
    return holes->node[parent].by[by].child[1] == child;
}

/* What `of` knows of its child at `from` is what `to` knows of its child at `side` from now on. */
static inline void copy_known(struct kb_hole_node *to, unsigned side, const struct kb_hole_node *of,
                              unsigned from, const unsigned by) {
    to->height[by][side] = of->height[by][from];
    if (by == KB_BY_ADDRESS)
        to->largest[side] = of->largest[from];
}

/* The child on the other side of `side` goes up, n goes down to `side`; returns the child. */
static inline uint32_t rotate(struct kb_holes *holes, uint32_t n, unsigned side,
                              const unsigned by) {
    struct kb_hole_node *node = holes->node;
    uint32_t parent = node[n].by[by].parent, up = node[n].by[by].child[!side];
    link_child(holes, parent, side_of(holes, parent, n, by), up, by);
    link_child(holes, n, !side, node[up].by[by].child[side], by);
    copy_known(&node[n], !side, &node[up], side, by);
    link_child(holes, up, side, n, by);
    node[up].height[by][side] = height_of(&node[n], by);
    if (by == KB_BY_ADDRESS)
        node[up].largest[side] = kb_hole_largest(&node[n]);
    return up;
}

/* Makes n's subtree balanced, whose children are; returns its root. */
static inline uint32_t balance(struct kb_holes *holes, uint32_t n, const unsigned by) {
    struct kb_hole_node *node = holes->node;
    for (unsigned side = 0; side < 2; side++) {
        if (node[n].height[by][!side] <= node[n].height[by][side] + 1)
            continue;
        uint32_t heavy = node[n].by[by].child[!side];
        if (node[heavy].height[by][side] > node[heavy].height[by][!side])
            (void)rotate(holes, heavy, !side, by);
        return rotate(holes, n, side, by);
    }
    return n;
}

/* From n to the root, until a parent knows already what has come of its child. */
static inline void mend(struct kb_holes *holes, uint32_t n, const unsigned by) {
    struct kb_hole_node *node = holes->node;
    while (n != 0) {
        n = balance(holes, n, by);
        uint32_t parent = node[n].by[by].parent;
        if (parent == 0)
            return;
        unsigned side = side_of(holes, parent, n, by);
        uint8_t height = height_of(&node[n], by);
        uint64_t largest = by == KB_BY_ADDRESS ? kb_hole_largest(&node[n]) : 0;
        if (node[parent].height[by][side] == height &&
            (by != KB_BY_ADDRESS || node[parent].largest[side] == largest))
            return;
        node[parent].height[by][side] = height;
        if (by == KB_BY_ADDRESS)
            node[parent].largest[side] = largest;
        n = parent;
    }
}

/* ---- a node enters a tree and leaves it ---- */

/* Below parent, where no child is. A fresh node knows of no children in this tree. */
static inline void enter_at(struct kb_holes *holes, uint32_t n, uint32_t parent, unsigned side,
                            const unsigned by) {
    holes->node[n].by[by] = (struct kb_hole_link){0};
    memset(holes->node[n].height[by], 0, sizeof holes->node[n].height[by]);
    if (by == KB_BY_ADDRESS)
        memset(holes->node[n].largest, 0, sizeof holes->node[n].largest);
    link_child(holes, parent, side, n, by);
    mend(holes, n, by);
}

/* The only child, if any, takes the node's place; returns who has to be mended. */
static inline uint32_t close_up(struct kb_holes *holes, uint32_t n, const unsigned by) {
    struct kb_hole_node *node = holes->node;
    uint32_t parent = node[n].by[by].parent;
    unsigned child = node[n].by[by].child[0] == 0, side = side_of(holes, parent, n, by);
    link_child(holes, parent, side, node[n].by[by].child[child], by);
    if (parent != 0)
        copy_known(&node[parent], side, &node[n], child, by);
    return parent;
}

/* A node with two children gives its place to the next one, which has one child at most. */
static inline void leave(struct kb_holes *holes, uint32_t n, const unsigned by) {
    struct kb_hole_node *node = holes->node;
    if (node[n].by[by].child[0] == 0 || node[n].by[by].child[1] == 0) {
        mend(holes, close_up(holes, n, by), by);
        return;
    }
    uint32_t next = node[n].by[by].child[1];
    while (node[next].by[by].child[0] != 0)
        next = node[next].by[by].child[0];
    uint32_t deepest = close_up(holes, next, by), parent = node[n].by[by].parent;
    link_child(holes, parent, side_of(holes, parent, n, by), next, by);
    for (unsigned side = 0; side < 2; side++) {
        link_child(holes, next, side, node[n].by[by].child[side], by);
        copy_known(&node[next], side, &node[n], side, by);
    }
    mend(holes, deepest == n ? next : deepest, by);
    mend(holes, next, by); /* its own length is another one than n's */
}

static void enter_by_length(struct kb_holes *holes, uint32_t n) {
    const struct kb_hole_node *node = holes->node;
    uint64_t start = node[n].start, length = node[n].length;
    uint32_t parent = 0;
    unsigned side = 0;
    for (uint32_t at = holes->root[KB_BY_LENGTH]; at != 0;
         at = node[at].by[KB_BY_LENGTH].child[side]) {
        parent = at;
        side = node[at].length != length ? node[at].length < length : node[at].start < start;
    }
    enter_at(holes, n, parent, side, KB_BY_LENGTH);
}

/* ---- the pool ---- */

kb_status kb_holes_init(struct kb_holes *holes, const struct kb_host *host,
                        struct kb_error *error) {
    size_t bytes = FIRST_ROOM * sizeof(struct kb_hole_node);
    *holes = (struct kb_holes){.host = host, .used = 1};
    holes->node = kb_take(host, bytes);
    if (holes->node == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "holes", (unsigned long long)bytes);
    holes->room = FIRST_ROOM;
    return KB_OK;
}

void kb_holes_free(struct kb_holes *holes) {
    kb_give_back(holes->host, holes->node, holes->room * sizeof *holes->node);
    *holes = (struct kb_holes){0};
}

void kb_holes_clear(struct kb_holes *holes) {
    *holes =
        (struct kb_holes){.host = holes->host, .node = holes->node, .room = holes->room, .used = 1};
}

/* So that one more node can be had. */
static kb_status reserve(struct kb_holes *holes, struct kb_error *error) {
    if (holes->spare != 0 || holes->used < holes->room)
        return KB_OK;
    size_t old = holes->room * sizeof *holes->node;
    struct kb_hole_node *more =
        holes->room <= UINT32_MAX / 2 ? kb_grow(holes->host, holes->node, old, old * 2) : NULL;
    if (more == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "holes", (unsigned long long)old * 2);
    holes->node = more;
    holes->room *= 2;
    return KB_OK;
}

static uint32_t fresh_node(struct kb_holes *holes, uint64_t start, uint64_t length) {
    uint32_t n = holes->spare;
    if (n != 0)
        holes->spare = holes->node[n].by[0].parent;
    else
        n = holes->used++;
    holes->node[n] = (struct kb_hole_node){.start = start, .length = length};
    holes->count++;
    return n;
}

/* ---- holes change ---- */

/* A hole shrinks or grows between the same neighbours. */
static void reshape(struct kb_holes *holes, uint32_t n, uint64_t start, uint64_t length) {
    leave(holes, n, KB_BY_LENGTH);
    holes->node[n].start = start;
    holes->node[n].length = length;
    enter_by_length(holes, n);
    mend(holes, n, KB_BY_ADDRESS);
}

static void remove_hole(struct kb_holes *holes, uint32_t n) {
    leave(holes, n, KB_BY_LENGTH);
    leave(holes, n, KB_BY_ADDRESS);
    holes->node[n] = (struct kb_hole_node){.by[0].parent = holes->spare};
    holes->spare = n;
    holes->count--;
}

/* Where a range stands among the holes. */
struct place {
    uint32_t before, behind; /* the last hole that begins before it; the first that does not */
    uint32_t parent;         /* where its own node would be linked by address */
    unsigned side;
};

static struct place place_of(const struct kb_holes *holes, uint64_t start) {
    struct place place = {0};
    for (uint32_t n = holes->root[KB_BY_ADDRESS]; n != 0;
         n = holes->node[n].by[KB_BY_ADDRESS].child[place.side]) {
        place.parent = n;
        place.side = holes->node[n].start < start;
        *(place.side ? &place.before : &place.behind) = n;
    }
    return place;
}

/* A hole of its own. A node is there for it. */
static void add_hole(struct kb_holes *holes, const struct place *place, uint64_t start,
                     uint64_t length) {
    uint32_t n = fresh_node(holes, start, length);
    enter_at(holes, n, place->parent, place->side, KB_BY_ADDRESS);
    enter_by_length(holes, n);
}

kb_status kb_holes_give(struct kb_holes *holes, uint64_t start, uint64_t length,
                        struct kb_error *error) {
    uint64_t end;
    if (length == 0)
        return KB_OK;
    struct place place = place_of(holes, start);
    const struct kb_hole_node *before = &holes->node[place.before],
                              *behind = &holes->node[place.behind];
    if (!kb_add(start, length, &end) || (place.before != 0 && end_of(before) > start) ||
        (place.behind != 0 && behind->start < end))
        return kb_fail(error, KB_DATA, KB_MSG_holes_given, (unsigned long long)start,
                       (unsigned long long)length);
    bool joins_before = place.before != 0 && end_of(before) == start;
    bool joins_behind = place.behind != 0 && behind->start == end;
    if (joins_before) {
        uint64_t from = before->start, to = joins_behind ? end_of(behind) : end;
        if (joins_behind)
            remove_hole(holes, place.behind);
        reshape(holes, place.before, from, to - from);
    } else if (joins_behind) {
        reshape(holes, place.behind, start, length + behind->length);
    } else {
        kb_status status = reserve(holes, error);
        if (status != KB_OK)
            return status;
        add_hole(holes, &place, start, length);
    }
    holes->total += length;
    return KB_OK;
}

bool kb_holes_take(struct kb_holes *holes, uint64_t length, enum kb_fit fit, struct kb_hole *from) {
    uint32_t n = length > 0 ? fits[fit]->find(holes, length) : 0;
    if (n == 0)
        return false;
    *from = (struct kb_hole){holes->node[n].start, holes->node[n].length};
    if (from->length == length)
        remove_hole(holes, n);
    else
        reshape(holes, n, from->start + length, from->length - length);
    holes->total -= length;
    holes->cursor = from->start + length;
    return true;
}

kb_status kb_holes_take_at(struct kb_holes *holes, uint64_t start, uint64_t length, bool *taken,
                           struct kb_error *error) {
    uint32_t n = kb_hole_behind(holes, start);
    struct kb_hole hole = {holes->node[n].start, holes->node[n].length};
    *taken =
        n != 0 && length > 0 && hole.start <= start && length <= hole.start + hole.length - start;
    if (!*taken)
        return KB_OK;
    uint64_t before = start - hole.start, behind = hole.length - before - length;
    if (before > 0 && behind > 0) {
        kb_status status = reserve(holes, error);
        *taken = status == KB_OK;
        if (status != KB_OK)
            return status;
    }
    if (before == 0 && behind == 0)
        remove_hole(holes, n);
    else if (before == 0)
        reshape(holes, n, start + length, behind);
    else
        reshape(holes, n, hole.start, before);
    if (before > 0 && behind > 0) {
        struct place place = place_of(holes, start + length);
        add_hole(holes, &place, start + length, behind);
    }
    holes->total -= length;
    return KB_OK;
}

bool kb_holes_next(const struct kb_holes *holes, uint64_t from, struct kb_hole *hole) {
    uint32_t n = kb_hole_behind(holes, from);
    if (n != 0)
        *hole = (struct kb_hole){holes->node[n].start, holes->node[n].length};
    return n != 0;
}

uint64_t kb_holes_largest(const struct kb_holes *holes) {
    return kb_hole_largest(&holes->node[holes->root[KB_BY_ADDRESS]]);
}

/* ---- names ---- */

bool kb_fit_parse(const char *text, size_t length, enum kb_fit *fit) {
    for (unsigned i = 0; i < KB_FITS; i++)
        if (strlen(fits[i]->name) == length && memcmp(fits[i]->name, text, length) == 0) {
            *fit = (enum kb_fit)i;
            return true;
        }
    return false;
}

const char *kb_fit_name(enum kb_fit fit) { return fits[fit]->name; }

/* ---- invariants ---- */

/* Heights, order, parents and largest lengths below n; the greatest key so far is in *last. */
static const char *check_tree(const struct kb_holes *holes, unsigned by, uint32_t n, uint32_t *last,
                              uint32_t *count) {
    const struct kb_hole_node *node = holes->node, *at = &node[n];
    if (n == 0)
        return NULL;
    const char *wrong = check_tree(holes, by, at->by[by].child[0], last, count);
    if (wrong != NULL)
        return wrong;
    const struct kb_hole_node *before = &node[*last];
    if (at->length == 0)
        return "an empty hole";
    if (by == KB_BY_ADDRESS && *last != 0 && end_of(before) >= at->start)
        return "holes overlap, touch or are out of order";
    if (by == KB_BY_LENGTH && *last != 0 &&
        (before->length > at->length ||
         (before->length == at->length && before->start >= at->start)))
        return "holes are out of order by length";
    *last = n;
    ++*count;
    wrong = check_tree(holes, by, at->by[by].child[1], last, count);
    if (wrong != NULL)
        return wrong;
    for (unsigned side = 0; side < 2; side++) {
        uint32_t child = at->by[by].child[side];
        if (child != 0 && node[child].by[by].parent != n)
            return "a child does not know its parent";
        if (at->height[by][side] != (child != 0 ? height_of(&node[child], by) : 0))
            return "a height is wrong";
        if (by == KB_BY_ADDRESS && at->largest[side] != kb_hole_largest(&node[child]))
            return "a largest length is wrong";
    }
    if (at->height[by][0] > at->height[by][1] + 1 || at->height[by][1] > at->height[by][0] + 1)
        return "a node is out of balance";
    return NULL;
}

const char *kb_holes_check(const struct kb_holes *holes) {
    uint64_t total = 0;
    struct kb_hole hole;
    for (unsigned by = 0; by < 2; by++) {
        uint32_t last = 0, count = 0;
        const char *wrong = check_tree(holes, by, holes->root[by], &last, &count);
        if (wrong != NULL)
            return wrong;
        if (count != holes->count)
            return "a tree has lost a hole";
        if (holes->root[by] != 0 && holes->node[holes->root[by]].by[by].parent != 0)
            return "a root has a parent";
    }
    if (kb_hole_largest(&holes->node[0]) != 0)
        return "the empty tree is not empty";
    for (uint64_t from = 0; kb_holes_next(holes, from, &hole); from = hole.start + hole.length)
        total += hole.length;
    return total != holes->total ? "the total is wrong" : NULL;
}
