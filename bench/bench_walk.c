/* bench_walk.c - the hardware's miss path: walks through tables that the caches hold.
 *
 * One table a level, each of whose entries leads to the next; random
 * addresses, so every walk reads other entries. The goal is 30 ns for four
 * levels. */
#include <stdio.h>
#include <time.h>

#include "base/random.h"
#include "machine/walk.h"

#define WALKS 10000000u
#define TABLE 4096u
#define GOAL_NS 30

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fill(const struct kb_format *format, const struct kb_memory *memory) {
    unsigned all =
        KB_ENTRY_VALID | KB_ENTRY_RIGHTS | KB_ENTRY_USER | KB_ENTRY_REFERENCED | KB_ENTRY_MODIFIED;
    for (unsigned depth = 0; depth < format->levels; depth++) {
        bool last = depth + 1 == format->levels;
        for (uint64_t i = 0; i < UINT64_C(1) << format->bits[depth]; i++) {
            struct kb_entry entry = {last ? all | KB_ENTRY_LEAF : all,
                                     last ? i * TABLE : (depth + 1) * TABLE};
            kb_memory_set_entry(memory, depth * TABLE + i * format->entry_bytes,
                                format->entry_bytes, format->family->encode(format, entry, depth));
        }
    }
}

static int bench(const struct kb_format *format) {
    static uint8_t bytes[KB_MOST_LEVELS * TABLE];
    struct kb_memory memory = {bytes, 0, sizeof bytes};
    struct kb_mode mode = {.access = KB_ACCESS_WRITE};
    struct kb_random random = {.state = 1};
    uint64_t mask = (UINT64_C(1) << (format->address_bits - 1)) - 1, faults = 0;
    struct kb_walk walk;
    fill(format, &memory);
    double start = now();
    for (unsigned i = 0; i < WALKS; i++)
        faults += kb_walk(format, &memory, 0, kb_random_next(&random) & mask, mode, &walk) !=
                  KB_FAULT_NONE;
    double ns = (now() - start) * 1e9 / WALKS;
    printf("%-8s %u levels %8.1f ns %s\n", format->name, format->levels, ns,
           format->levels > 4 ? ""
           : ns < GOAL_NS     ? "yes"
                              : "NO");
    return faults != 0;
}

int main(void) {
    int failed = 0;
    for (unsigned i = 0; kb_format_at(i) != NULL; i++)
        failed |= bench(kb_format_at(i));
    return failed;
}
