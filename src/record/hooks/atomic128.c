/* atomic128.c - atomic operations on 16 bytes, all made of the one that the processor has: compare
 * and exchange. A load is one, too, so its memory must be writable, as with the compilers' own
 * library. On x86-64 only. */
#if defined(__x86_64__)

#include "record/hooks/hook.h"

__extension__ typedef unsigned __int128 a128;

#define ATOMIC(result, name, ...)                                                                  \
    KB_HOOK_EXPORT result __tsan_atomic128_##name(__VA_ARGS__);                                    \
    KB_HOOK_EXPORT result __tsan_atomic128_##name(__VA_ARGS__)

KB_HOOK_INLINE void note_both(const volatile a128 *at) {
    kb_hook_access(at, sizeof *at, KB_READ, true);
    kb_hook_access(at, sizeof *at, KB_WRITE, true);
}

/* Returns what was there; it is value now if that equals expected. */
static a128 exchange_if(volatile a128 *at, a128 expected, a128 value) {
    return __sync_val_compare_and_swap(at, expected, value);
}

ATOMIC(a128, load, const volatile a128 *at, int order) {
    (void)order;
    kb_hook_access(at, sizeof *at, KB_READ, true);
    return exchange_if((volatile a128 *)(uintptr_t)at, 0, 0);
}

/* Changes it to new, an expression of old; returns old. */
#define CHANGE(new)                                                                                \
    a128 old = exchange_if(at, 0, 0);                                                              \
    for (;;) {                                                                                     \
        a128 found = exchange_if(at, old, new);                                                    \
        if (found == old)                                                                          \
            return old;                                                                            \
        old = found;                                                                               \
    }

static a128 exchange(volatile a128 *at, a128 value){CHANGE(value)}

ATOMIC(void, store, volatile a128 *at, a128 value, int order) {
    (void)order;
    kb_hook_access(at, sizeof *at, KB_WRITE, true);
    (void)exchange(at, value);
}

#define CHANGES(name, new)                                                                         \
    ATOMIC(a128, name, volatile a128 *at, a128 value, int order) {                                 \
        (void)order;                                                                               \
        note_both(at);                                                                             \
        CHANGE(new)                                                                                \
    }

CHANGES(exchange, value)
CHANGES(fetch_add, old + value)
CHANGES(fetch_sub, old - value)
CHANGES(fetch_and, old &value)
CHANGES(fetch_or, old | value)
CHANGES(fetch_xor, old ^ value)
CHANGES(fetch_nand, ~(old &value))

ATOMIC(a128, compare_exchange_val, volatile a128 *at, a128 expected, a128 value, int order,
       int order_if_not) {
    (void)order, (void)order_if_not;
    note_both(at);
    return exchange_if(at, expected, value);
}

#define EXCHANGES_IF(name)                                                                         \
    ATOMIC(int, name, volatile a128 *at, a128 *expected, a128 value, int order,                    \
           int order_if_not) {                                                                     \
        (void)order, (void)order_if_not;                                                           \
        note_both(at);                                                                             \
        a128 found = exchange_if(at, *expected, value);                                            \
        int done = found == *expected;                                                             \
        *expected = found;                                                                         \
        return done;                                                                               \
    }

EXCHANGES_IF(compare_exchange_strong)
EXCHANGES_IF(compare_exchange_weak)

#endif
