/* order.h - numbers in the order of a key that each of them has elsewhere. */
#ifndef KB_BASE_ORDER_H
#define KB_BASE_ORDER_H

#include <stdint.h>

typedef uint64_t kb_key_of(const void *context, uint32_t id);

/* Heapsort (Williams 1964), in place: the pure core has no qsort with a context. Which of equal
 * keys comes first is not said. */
void kb_order(uint32_t *ids, uint32_t count, kb_key_of *key, const void *context);

#endif
