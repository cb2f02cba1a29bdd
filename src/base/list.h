/* list.h - circular doubly linked lists of small numbers in one array.
 *
 * Nodes are indexes, not pointers, so that a state can be copied as bytes.
 * A list is anchored at a sentinel node of its own, usually past the last
 * element; an empty list's sentinel points at itself.
 *
 *   sentinel.next = oldest … newest = sentinel.prev
 *
 * A node of zeros is in no list: both its neighbours would be node 0, which
 * cannot be, since the sentinel (never node 0) is always among them. So fresh
 * memory needs no initialisation.
 */
#ifndef KB_BASE_LIST_H
#define KB_BASE_LIST_H

#include <stdbool.h>
#include <stdint.h>

struct kb_link {
    uint32_t prev;
    uint32_t next;
};

static inline void kb_list_init(struct kb_link *links, uint32_t sentinel) {
    links[sentinel].prev = sentinel;
    links[sentinel].next = sentinel;
}

static inline bool kb_list_linked(const struct kb_link *links, uint32_t node) {
    return (links[node].prev | links[node].next) != 0;
}

static inline void kb_list_remove(struct kb_link *links, uint32_t node) {
    struct kb_link link = links[node];
    links[link.prev].next = link.next;
    links[link.next].prev = link.prev;
}

static inline void kb_list_insert_before(struct kb_link *links, uint32_t place, uint32_t node) {
    uint32_t prev = links[place].prev;
    links[node] = (struct kb_link){prev, place};
    links[prev].next = node;
    links[place].prev = node;
}

static inline void kb_list_append(struct kb_link *links, uint32_t sentinel, uint32_t node) {
    kb_list_insert_before(links, sentinel, node);
}

static inline void kb_list_move_to_end(struct kb_link *links, uint32_t sentinel, uint32_t node) {
    if (links[sentinel].prev == node)
        return;
    kb_list_remove(links, node);
    kb_list_append(links, sentinel, node);
}

#endif
