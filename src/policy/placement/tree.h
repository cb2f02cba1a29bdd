/* tree.h - the nodes of a set of holes, and the two balanced trees that they stand in.
 *
 * Each hole is one node of a pool, named by its index; 0 is the empty tree.
 * It stands in two AVL trees (Adelson-Velsky and Landis 1962) at once:
 *
 *   by address           the order of memory; each node also knows the largest
 *                        length in its subtree, so that a search for "the
 *                        first that is large enough" passes over whole
 *                        subtrees
 *   by (length, address) the smallest that is large enough is a lower bound
 *
 * A node is one line of a cache, and knows of its children what a search or a
 * repair wants to know of them, so that each step looks at one line. Nodes are
 * relinked, never copied, since the other tree names them by the same index. */
#ifndef KB_POLICY_PLACEMENT_TREE_H
#define KB_POLICY_PLACEMENT_TREE_H

#include "policy/placement/placement.h"

enum { KB_BY_ADDRESS, KB_BY_LENGTH };

struct kb_hole_link {
    uint32_t child[2]; /* smaller, greater */
    uint32_t parent;
};

struct kb_hole_node {
    uint64_t start, length;
    uint64_t largest[2]; /* by address: length below each child */
    struct kb_hole_link by[2];
    uint8_t height[2][2]; /* in each tree: of each child */
    uint32_t unused;      /* 64 bytes in all */
};

static inline uint64_t kb_hole_largest(const struct kb_hole_node *n) {
    uint64_t below = n->largest[n->largest[1] > n->largest[0]];
    return n->length > below ? n->length : below;
}

/* A strategy: its name, and the node it would take `length` bytes (1 or more) from; 0: none. */
struct kb_fit_strategy {
    const char *name;
    uint32_t (*find)(const struct kb_holes *holes, uint64_t length);
};

extern const struct kb_fit_strategy kb_first_fit, kb_next_fit, kb_best_fit, kb_worst_fit;

/* The lowest of the subtree by address that has at least this length; one must be there. */
static inline uint32_t kb_hole_lowest(const struct kb_hole_node *node, uint32_t root,
                                      uint64_t length) {
    for (uint32_t n = root;;) {
        if (node[n].largest[0] >= length)
            n = node[n].by[KB_BY_ADDRESS].child[0];
        else if (node[n].length >= length)
            return n;
        else
            n = node[n].by[KB_BY_ADDRESS].child[1];
    }
}

/* The first that ends behind an address; 0: none. */
static inline uint32_t kb_hole_behind(const struct kb_holes *holes, uint64_t from) {
    uint32_t found = 0;
    for (uint32_t n = holes->root[KB_BY_ADDRESS]; n != 0;) {
        bool behind = holes->node[n].start + holes->node[n].length > from;
        if (behind)
            found = n;
        n = holes->node[n].by[KB_BY_ADDRESS].child[!behind];
    }
    return found;
}

#endif
