/* walk.c - dispatches a walk to its family, once. */
#include "machine/walk.h"

enum kb_fault kb_walk(const struct kb_format *format, const struct kb_memory *memory, uint64_t root,
                      uint64_t address, struct kb_mode mode, struct kb_walk *walk) {
    return format->family->walk(format, memory, root, address, mode, walk);
}
