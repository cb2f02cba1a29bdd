/* hook.h - what an instrumented access does: it notes its page in the chunk of its thread.
 *
 * While a hook is at work the thread's state is its stack pointer. A signal
 * handler that comes in between finds it so, and notes aside, with a cursor of
 * its own. A handler that leaves with longjmp is found out by the first hook
 * that does not stand deeper on the stack. */
#ifndef KB_RECORD_HOOKS_HOOK_H
#define KB_RECORD_HOOKS_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/producer.h"
#include "trace/run.h"

enum {
    KB_HOOK_FREE = 0, /* the thread has a cursor, and no hook is at work */
    KB_HOOK_NEW = 1,  /* it has done nothing yet */
    KB_HOOK_OFF = 2,  /* nobody records it */
                      /* else: the stack pointer in the hook that is at work */
};

struct kb_hook {
    uintptr_t state;
    struct kb_cursor *cursor;
    unsigned shift;  /* a page has 1 << shift bytes */
    unsigned number; /* of the cursor */
};

#define KB_HOOK_INLINE static inline __attribute__((always_inline))
#define KB_HOOK_EXPORT __attribute__((visibility("default"), used))
#define KB_HOOK_COLD __attribute__((cold, noinline))

extern _Thread_local struct kb_hook kb_hook __attribute__((tls_model("initial-exec")));

/* Notes an access of any size, and in any state: the thread begins, or its hooks are off, or one is
 * at work. */
void kb_hook_slowly(uintptr_t address, size_t bytes, unsigned kind);

/* The chunk is full: hands it over and sets the state free. */
void kb_hook_full(struct kb_hook *hook);

/* The thread begins, if it has not yet. */
void kb_hook_start(void);

KB_HOOK_INLINE uintptr_t kb_hook_stack(void) {
    uintptr_t stack;
#if defined(__x86_64__)
    __asm__("mov %%rsp, %0" : "=r"(stack));
#elif defined(__aarch64__)
    __asm__("mov %0, sp" : "=r"(stack));
#else
    stack = (uintptr_t)__builtin_frame_address(0);
#endif
    return stack;
}

/* What has been written so far stands in memory for a handler that comes now. */
KB_HOOK_INLINE void kb_hook_order(void) { atomic_signal_fence(memory_order_seq_cst); }

/* One reference; kb_note with a count of 1, in one comparison. Returns whether the chunk is full.
 */
KB_HOOK_INLINE bool kb_hook_note(struct kb_cursor *cursor, uint64_t word) {
    uint64_t *at = cursor->at, last = at[-1];
    if (last - word < KB_WORD_COUNT - 1) { /* the same page and kind, less than 65535 of them */
        at[-1] = last + 1;
        return false;
    }
    *at = word;
    cursor->at = at + 1;
    return at + 1 == cursor->end;
}

/* An access of 1, 2, 4, 8 or 16 bytes. aligned: it most probably is, and then lies in one page. */
KB_HOOK_INLINE void kb_hook_access(const volatile void *pointer, size_t bytes, unsigned kind,
                                   bool aligned) {
    struct kb_hook *hook = &kb_hook;
    uintptr_t address = (uintptr_t)pointer;
    bool apart = aligned ? (address & (bytes - 1)) != 0
                         : (address ^ (address + bytes - 1)) >> hook->shift != 0;
    if (__builtin_expect(hook->state != KB_HOOK_FREE || (bytes > 1 && apart), 0)) {
        if (hook->state != KB_HOOK_OFF)
            kb_hook_slowly(address, bytes, kind);
        return;
    }
    hook->state = kb_hook_stack();
    kb_hook_order();
    bool full = kb_hook_note(hook->cursor, kb_word(address >> hook->shift, kind, 1));
    kb_hook_order();
    if (__builtin_expect(full, 0)) {
        kb_hook_full(hook);
        return;
    }
    hook->state = KB_HOOK_FREE;
}

#endif
