/* hook.c - a program that records itself: it finds the recorder, its threads begin and end, chunks
 * are handed over.
 *
 * The recorder is found at the first hook or at this file's constructor,
 * whichever comes first, by the name that it left in the environment. All but
 * the noting of a reference is done with signals blocked, so that no handler
 * leaves it in the middle. */
#include "record/hooks/hook.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/maps.h"

#define SMALLEST_SIGNAL_FRAME 512

_Thread_local struct kb_hook kb_hook = {.state = KB_HOOK_NEW};

/* For a signal handler that comes while a hook is at work; one that comes in its turn finds no
 * third.
 */
static _Thread_local struct kb_hook aside = {.state = KB_HOOK_NEW};

/* How the recorder knows a program with hooks: an ELF note, which linkers and strip keep. */
static const struct {
    uint32_t owner_bytes, text_bytes, type;
    char owner[8], text[8];
} note __attribute__((section(".note.kilburn"), aligned(4), used)) = {8, 8, 1, "Kilburn", "hooks"};

static struct {
    pthread_once_t once;
    bool recorded;
    pthread_key_t key; /* its destructor is how the end of a thread is known */
} process = {.once = PTHREAD_ONCE_INIT};

static _Thread_local unsigned rounds; /* of the key's destructor so far */

/* ---- signals ---- */

static void block_signals(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

static void allow_signals(const sigset_t *before) { pthread_sigmask(SIG_SETMASK, before, NULL); }

/* ---- the process ---- */

static bool is_ours(const struct kb_maps_line *m) {
    return strncmp(m->name, "/memfd:kilburn-record", 21) == 0;
}

/* Tells the mappings of the program as they are. Later ones are not seen. */
static void tell_image(struct kb_cursor *cursor) {
    struct kb_maps maps;
    struct kb_maps_line m;
    if (!kb_maps_open(&maps))
        return;
    while (kb_maps_next(&maps, &m)) {
        unsigned rights = kb_maps_rights(&m);
        if (rights != 0 && !is_ours(&m) && strcmp(m.name, "[vsyscall]") != 0)
            kb_tell_mapping(cursor, m.start, m.end - m.start, m.name, rights, false);
    }
    kb_maps_close(&maps);
}

static void turn_off(struct kb_hook *hook) {
    hook->cursor = NULL;
    kb_hook_order();
    hook->state = KB_HOOK_OFF;
}

/* The notes go to a cursor of any free number. */
static void take_cursor(struct kb_hook *hook) {
    if (!kb_cursor_begin_any(&hook->number)) {
        turn_off(hook);
        return;
    }
    hook->shift = kb_producer.recording->shift;
    hook->cursor = &kb_producer.cursors[hook->number];
}

/* In a forked child, after the producer's handler: its notes go to a channel of its own, or
 * nowhere. A hook that was at work when a handler forked still holds the old cursor. */
static void after_fork(void) {
    bool at_work = kb_hook.state > KB_HOOK_OFF;
    aside = (struct kb_hook){.state = kb_producer.dropped ? KB_HOOK_OFF : KB_HOOK_NEW};
    if (kb_producer.dropped && !at_work)
        turn_off(&kb_hook);
    if (kb_producer.dropped || kb_hook.cursor == NULL)
        return;
    if (at_work) {
        kb_cursor_end(kb_hook.number);
        take_cursor(&kb_hook);
    }
    if (kb_hook.cursor != NULL)
        tell_image(kb_hook.cursor);
}

static void thread_ends(void *hook);

static void find_recorder(void) {
    const char *memory = getenv(KB_RECORD_VARIABLE);
    if (memory == NULL || memory[0] == '\0' || kb_producer_join(memory) != NULL ||
        pthread_key_create(&process.key, thread_ends) != 0)
        return;
    pthread_atfork(NULL, NULL, after_fork);
    process.recorded = true;
}

/* The first thread of an image tells it. */
static void tell_beginning(void) {
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&told))
        return;
    kb_tell_image_begins(kb_hook.cursor);
    tell_image(kb_hook.cursor);
}

/* ---- threads ---- */

static KB_HOOK_COLD void begin(struct kb_hook *hook) {
    sigset_t before;
    int saved = errno;
    block_signals(&before);
    hook->state = kb_hook_stack();
    pthread_once(&process.once, find_recorder);
    if (process.recorded && !kb_producer.dropped)
        take_cursor(hook);
    if (hook->cursor != NULL && hook == &kb_hook) {
        tell_beginning();
        pthread_setspecific(process.key, hook);
    }
    hook->state = hook->cursor != NULL ? KB_HOOK_FREE : KB_HOOK_OFF;
    allow_signals(&before);
    errno = saved;
}

static void end(struct kb_hook *hook) {
    unsigned number = hook->number;
    bool recorded = hook->cursor != NULL;
    turn_off(hook);
    if (recorded)
        kb_cursor_end(number);
}

/* Destructors of other keys may still have something to note: the last round is the end. */
static void thread_ends(void *hook) {
    sigset_t before;
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(process.key, hook);
        return;
    }
    block_signals(&before);
    end(&kb_hook);
    end(&aside);
    allow_signals(&before);
}

void kb_hook_full(struct kb_hook *hook) {
    sigset_t before;
    int saved = errno;
    block_signals(&before);
    kb_hand_over(hook->cursor);
    if (kb_producer.dropped)
        turn_off(hook);
    else
        hook->state = KB_HOOK_FREE;
    allow_signals(&before);
    errno = saved;
}

/* ---- what is not the usual way ---- */

static bool on_other_stack(void) {
    stack_t stack;
    return sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

/* Whether the hook that is at work was left for good, by longjmp; then it is free again. frame is
 * the present hook's: a handler's lies below the many registers that the kernel has saved. */
static bool given_up(struct kb_hook *hook, uintptr_t frame) {
    if (frame + SMALLEST_SIGNAL_FRAME <= hook->state || on_other_stack())
        return false;
    if (hook->cursor->at >= hook->cursor->end)
        kb_hook_full(hook);
    else
        hook->state = KB_HOOK_FREE;
    return true;
}

static void note_range(struct kb_hook *hook, uintptr_t address, size_t bytes, unsigned kind) {
    uint64_t last = (address + bytes - 1) >> hook->shift;
    for (uint64_t page = address >> hook->shift; page <= last; page++) {
        if (hook->state != KB_HOOK_FREE)
            return;
        hook->state = kb_hook_stack();
        kb_hook_order();
        bool full = kb_hook_note(hook->cursor, kb_word(page, kind, 1));
        kb_hook_order();
        if (full)
            kb_hook_full(hook);
        else
            hook->state = KB_HOOK_FREE;
    }
}

/* Which of the two is free to note; if none is, its state tells. */
static struct kb_hook *choose(uintptr_t frame) {
    struct kb_hook *hook = &kb_hook;
    for (;;) {
        if (hook->state == KB_HOOK_NEW)
            begin(hook);
        if (hook->state <= KB_HOOK_OFF || given_up(hook, frame) || hook == &aside)
            return hook;
        hook = &aside;
    }
}

void kb_hook_slowly(uintptr_t address, size_t bytes, unsigned kind) {
    struct kb_hook *hook = choose((uintptr_t)__builtin_frame_address(0));
    if (hook->state == KB_HOOK_FREE && bytes > 0)
        note_range(hook, address, bytes, kind);
}

void kb_hook_start(void) {
    if (kb_hook.state == KB_HOOK_NEW)
        begin(&kb_hook);
}

__attribute__((constructor(101))) static void start(void) { kb_hook_start(); }
