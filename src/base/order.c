/* order.c - heapsort by keys. */
#include "base/order.h"

static void sift(uint32_t *ids, uint32_t at, uint32_t end, kb_key_of *key, const void *context) {
    uint32_t child, moved = ids[at];
    for (; (child = 2 * at + 1) < end; at = child) {
        if (child + 1 < end && key(context, ids[child + 1]) > key(context, ids[child]))
            child++;
        if (key(context, ids[child]) <= key(context, moved))
            return;
        ids[at] = ids[child];
        ids[child] = moved;
    }
}

void kb_order(uint32_t *ids, uint32_t count, kb_key_of *key, const void *context) {
    for (uint32_t i = count / 2; i-- > 0;)
        sift(ids, i, count, key, context);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t greatest = ids[0];
        ids[0] = ids[end];
        ids[end] = greatest;
        sift(ids, 0, end, key, context);
    }
}
