/* atomics.c - every atomic operation that C has, on 1, 2, 4 and 8 bytes (and 16, with WIDE): what
 * they return, what they leave, and that they are atomic, in four threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define TURNS 20000
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static int failures;

#define EACH(type, name)                                                                           \
    static _Atomic type sum_##name, flip_##name, held_##name;                                      \
    static void single_##name(void) {                                                              \
        static _Atomic type v;                                                                     \
        type expected = 4, top = (type)-1;                                                         \
        atomic_store(&v, 5);                                                                       \
        atomic_store_explicit(&v, 6, memory_order_relaxed);                                        \
        CHECK(atomic_load(&v) == 6);                                                               \
        CHECK(atomic_exchange(&v, 7) == 6);                                                        \
        CHECK(atomic_fetch_add(&v, 3) == 7 && atomic_fetch_sub(&v, 6) == 10);                      \
        CHECK(atomic_fetch_or(&v, 11) == 4 && atomic_fetch_and(&v, 6) == 15);                      \
        CHECK(atomic_fetch_xor(&v, 1) == 6);                                                       \
        CHECK(__atomic_fetch_nand((type *)&v, 5, __ATOMIC_SEQ_CST) == 7 && v == (type)~5);         \
        CHECK(!atomic_compare_exchange_strong(&v, &expected, 1) && expected == (type)~5);          \
        CHECK(atomic_compare_exchange_strong(&v, &expected, top) && v == top);                     \
        while (!atomic_compare_exchange_weak(&v, &top, 2))                                         \
            ;                                                                                      \
        CHECK(v == 2 && __sync_val_compare_and_swap((type *)&v, 2, 9) == 2 && v == 9);             \
        CHECK(__sync_bool_compare_and_swap((type *)&v, 1, 3) == 0 && v == 9);                      \
    }                                                                                              \
    static void many_##name(void) {                                                                \
        for (int i = 0; i < TURNS; i++) {                                                          \
            atomic_fetch_add(&sum_##name, 1);                                                      \
            atomic_fetch_xor(&flip_##name, 1);                                                     \
            while (atomic_exchange(&held_##name, 1) != 0)                                          \
                ;                                                                                  \
            type now = sum_##name;                                                                 \
            while (!atomic_compare_exchange_weak(&sum_##name, &now, (type)(now + 2)))              \
                ;                                                                                  \
            atomic_store_explicit(&held_##name, 0, memory_order_release);                          \
        }                                                                                          \
    }

EACH(uint8_t, 8)
EACH(uint16_t, 16)
EACH(uint32_t, 32)
EACH(uint64_t, 64)
#if defined(WIDE)
__extension__ typedef unsigned __int128 wide;
EACH(wide, 128)
#endif

static void *work(void *none) {
    many_8();
    many_16();
    many_32();
    many_64();
#if defined(WIDE)
    many_128();
#endif
    atomic_thread_fence(memory_order_seq_cst);
    atomic_signal_fence(memory_order_seq_cst);
    return none;
}

int main(void) {
    pthread_t threads[4];
    single_8();
    single_16();
    single_32();
    single_64();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(sum_8 == (uint8_t)(12 * TURNS) && sum_16 == (uint16_t)(12 * TURNS));
    CHECK(sum_32 == 12 * TURNS && sum_64 == 12 * TURNS);
    CHECK(flip_8 == 0 && flip_16 == 0 && flip_32 == 0 && flip_64 == 0);
#if defined(WIDE)
    single_128();
    CHECK(sum_128 == 12 * TURNS && flip_128 == 0);
#endif
    return failures != 0;
}
