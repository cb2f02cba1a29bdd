/* access.c - the functions that gcc and clang call before loads and stores with -fsanitize=thread.
 *
 * Their names and parameters are those of the compilers' interface to their
 * runtime library, which these stand in for. */
#include <string.h>

#include "record/hooks/hook.h"

#define HOOK KB_HOOK_EXPORT void
HOOK __tsan_init(void);
HOOK __tsan_init(void) { kb_hook_start(); }

/* ---- loads and stores ---- */

#define ONE(name, bytes, aligned, reads, writes)                                                   \
    HOOK __tsan_##name(void *address);                                                             \
    HOOK __tsan_##name(void *address) {                                                            \
        if (reads)                                                                                 \
            kb_hook_access(address, bytes, KB_READ, aligned);                                      \
        if (writes)                                                                                \
            kb_hook_access(address, bytes, KB_WRITE, aligned);                                     \
    }

#define ALIGNED(bytes)                                                                             \
    ONE(read##bytes, bytes, true, true, false)                                                     \
    ONE(write##bytes, bytes, true, false, true)                                                    \
    ONE(read_write##bytes, bytes, true, true, true)                                                \
    ONE(volatile_read##bytes, bytes, true, true, false)                                            \
    ONE(volatile_write##bytes, bytes, true, false, true)

#define UNALIGNED(bytes)                                                                           \
    ONE(unaligned_read##bytes, bytes, false, true, false)                                          \
    ONE(unaligned_write##bytes, bytes, false, false, true)                                         \
    ONE(unaligned_read_write##bytes, bytes, false, true, true)                                     \
    ONE(unaligned_volatile_read##bytes, bytes, false, true, false)                                 \
    ONE(unaligned_volatile_write##bytes, bytes, false, false, true)

ALIGNED(1)
ALIGNED(2)
ALIGNED(4)
ALIGNED(8)
ALIGNED(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

/* ---- pieces of memory: one reference to each page ---- */

HOOK __tsan_read_range(void *address, size_t bytes);
HOOK __tsan_read_range(void *address, size_t bytes) {
    kb_hook_slowly((uintptr_t)address, bytes, KB_READ);
}

HOOK __tsan_write_range(void *address, size_t bytes);
HOOK __tsan_write_range(void *address, size_t bytes) {
    kb_hook_slowly((uintptr_t)address, bytes, KB_WRITE);
}

KB_HOOK_EXPORT void *__tsan_memcpy(void *to, const void *from, size_t bytes);
KB_HOOK_EXPORT void *__tsan_memcpy(void *to, const void *from, size_t bytes) {
    kb_hook_slowly((uintptr_t)from, bytes, KB_READ);
    kb_hook_slowly((uintptr_t)to, bytes, KB_WRITE);
    return memcpy(to, from, bytes);
}

KB_HOOK_EXPORT void *__tsan_memmove(void *to, const void *from, size_t bytes);
KB_HOOK_EXPORT void *__tsan_memmove(void *to, const void *from, size_t bytes) {
    kb_hook_slowly((uintptr_t)from, bytes, KB_READ);
    kb_hook_slowly((uintptr_t)to, bytes, KB_WRITE);
    return memmove(to, from, bytes);
}

KB_HOOK_EXPORT void *__tsan_memset(void *to, int byte, size_t bytes);
KB_HOOK_EXPORT void *__tsan_memset(void *to, int byte, size_t bytes) {
    kb_hook_slowly((uintptr_t)to, bytes, KB_WRITE);
    return memset(to, byte, bytes);
}

/* ---- C++: an object's pointer to its table of virtual functions ---- */

HOOK __tsan_vptr_update(void **address, void *value);
HOOK __tsan_vptr_update(void **address, void *value) {
    (void)value;
    kb_hook_access(address, sizeof *address, KB_WRITE, true);
}

HOOK __tsan_vptr_read(void **address);
HOOK __tsan_vptr_read(void **address) { kb_hook_access(address, sizeof *address, KB_READ, true); }

/* ---- calls: no references ---- */

HOOK __tsan_func_entry(void *caller);
HOOK __tsan_func_entry(void *caller) { (void)caller; }
HOOK __tsan_func_exit(void);
HOOK __tsan_func_exit(void) {}
HOOK __tsan_ignore_thread_begin(void);
HOOK __tsan_ignore_thread_begin(void) {}
HOOK __tsan_ignore_thread_end(void);
HOOK __tsan_ignore_thread_end(void) {}
