/* atomic.c - with -fsanitize=thread the compilers leave atomic operations to the runtime library:
 * each is noted, then done. What changes memory is a load and a store.
 *
 * The order that the program asks for is heeded where it matters for speed (a
 * store that need not be sequentially consistent); the others are done in the
 * strongest, which is always right. */
#include <stdatomic.h>
#include <stdint.h>

#include "record/hooks/hook.h"

typedef uint8_t a8;
typedef uint16_t a16;
typedef uint32_t a32;
typedef uint64_t a64;

#define ATOMIC(result, bits, name, ...)                                                            \
    KB_HOOK_EXPORT result __tsan_atomic##bits##_##name(__VA_ARGS__);                               \
    KB_HOOK_EXPORT result __tsan_atomic##bits##_##name(__VA_ARGS__)

#define BOTH(bits)                                                                                 \
    kb_hook_access(at, bits / 8, KB_READ, true);                                                   \
    kb_hook_access(at, bits / 8, KB_WRITE, true)

#define CHANGE(bits, name)                                                                         \
    ATOMIC(a##bits, bits, fetch_##name, volatile a##bits *at, a##bits value, int order) {          \
        (void)order;                                                                               \
        BOTH(bits);                                                                                \
        return __atomic_fetch_##name(at, value, __ATOMIC_SEQ_CST);                                 \
    }

#define EXCHANGE_IF(bits, name)                                                                    \
    ATOMIC(int, bits, name, volatile a##bits *at, a##bits *expected, a##bits value, int order,     \
           int order_if_not) {                                                                     \
        (void)order, (void)order_if_not;                                                           \
        BOTH(bits);                                                                                \
        return __atomic_compare_exchange_n(at, expected, value, 0, __ATOMIC_SEQ_CST,               \
                                           __ATOMIC_SEQ_CST);                                      \
    }

#define ALL(bits)                                                                                  \
    ATOMIC(a##bits, bits, load, const volatile a##bits *at, int order) {                           \
        (void)order;                                                                               \
        kb_hook_access(at, bits / 8, KB_READ, true);                                               \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                              \
    }                                                                                              \
    ATOMIC(void, bits, store, volatile a##bits *at, a##bits value, int order) {                    \
        kb_hook_access(at, bits / 8, KB_WRITE, true);                                              \
        if (order == __ATOMIC_SEQ_CST)                                                             \
            __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                         \
        else                                                                                       \
            __atomic_store_n(at, value, __ATOMIC_RELEASE);                                         \
    }                                                                                              \
    ATOMIC(a##bits, bits, exchange, volatile a##bits *at, a##bits value, int order) {              \
        (void)order;                                                                               \
        BOTH(bits);                                                                                \
        return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                   \
    }                                                                                              \
    CHANGE(bits, add)                                                                              \
    CHANGE(bits, sub)                                                                              \
    CHANGE(bits, and)                                                                              \
    CHANGE(bits, or)                                                                               \
    CHANGE(bits, xor)                                                                              \
    CHANGE(bits, nand)                                                                             \
    EXCHANGE_IF(bits, compare_exchange_strong)                                                     \
    EXCHANGE_IF(bits, compare_exchange_weak)                                                       \
    ATOMIC(a##bits, bits, compare_exchange_val, volatile a##bits *at, a##bits expected,            \
           a##bits value, int order, int order_if_not) {                                           \
        (void)order, (void)order_if_not;                                                           \
        BOTH(bits);                                                                                \
        __atomic_compare_exchange_n(at, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);  \
        return expected;                                                                           \
    }

ALL(8)
ALL(16)
ALL(32)
ALL(64)

/* ---- fences ---- */

KB_HOOK_EXPORT void __tsan_atomic_thread_fence(int order);
KB_HOOK_EXPORT void __tsan_atomic_thread_fence(int order) {
    (void)order;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

KB_HOOK_EXPORT void __tsan_atomic_signal_fence(int order);
KB_HOOK_EXPORT void __tsan_atomic_signal_fence(int order) {
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
