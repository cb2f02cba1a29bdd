/* guest.c - the program inside QEMU: its memory, its system calls, and what QEMU itself would say.
 *
 * An address of the program is one of QEMU's process less a base, mostly 0.
 * The program's memory is read through the kernel, so that a wrong pointer is
 * an error and no signal. */
#include "record/qemu/guest.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trace/run.h"

static struct {
    bool started;
    atomic_flag left; /* QEMU has been asked to go on without us */
    uint64_t base;
    struct kb_call calls[KB_THREADS];
} guest;

bool kb_guest_read(uint64_t address, void *to, size_t bytes) {
    struct iovec here = {to, bytes}, there = {(void *)(uintptr_t)(address + guest.base), bytes};
    return bytes == 0 || process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

/* ---- system calls ---- */

static void nothing_more(qemu_plugin_id_t id) { (void)id; }

/* Nobody wants to know more: the program goes on several times as fast. */
static void leave(qemu_plugin_id_t id) {
    if (!atomic_flag_test_and_set(&guest.left))
        qemu_plugin_reset(id, nothing_more);
}

static bool begins_thread(int64_t number) { return number == SYS_clone || number == SYS_clone3; }

static bool forks(int64_t number) {
#ifdef SYS_fork
    if (number == SYS_fork || number == SYS_vfork)
        return true;
#endif
    return begins_thread(number);
}

static void call_begins(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1,
                        uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                        uint64_t a7, uint64_t a8) {
    (void)a7, (void)a8;
    if (forks(number))
        kb_cursor_forks(vcpu);
    if (kb_producer.dropped)
        leave(id);
    if (vcpu >= KB_THREADS || kb_producer.dropped)
        return;
    struct kb_cursor *cursor = &kb_producer.cursors[vcpu];
    struct kb_call *call = &guest.calls[vcpu];
    *call = (struct kb_call){number, {a1, a2, a3, a4, a5, a6}, false};
    if (number == SYS_execve || number == SYS_execveat)
        kb_follow_exec(cursor, call);
    kb_tell_unmapping(cursor, call);
    if (kb_producer.channel->threads > 1 || begins_thread(number))
        kb_hand_over(cursor); /* others may wait for what it does here */
}

static void call_ends(qemu_plugin_id_t id, unsigned vcpu, int64_t number, int64_t result) {
    (void)id;
    if (vcpu >= KB_THREADS || kb_producer.dropped || guest.calls[vcpu].number != number)
        return;
    struct kb_cursor *cursor = &kb_producer.cursors[vcpu];
    kb_follow_failed(&guest.calls[vcpu]);
    kb_tell_mappings(cursor, &guest.calls[vcpu], result);
    kb_note_buffers(cursor, &guest.calls[vcpu], result);
    if (kb_producer.channel->threads > 1) /* others may use what it has mapped */
        kb_hand_over(cursor);
}

/* ---- QEMU's own words ---- */

/* QEMU tells of a program that ends by a signal; natively nobody does. All else is passed on. */
static ssize_t say(void *cookie, const char *text, size_t length) {
    static const char ended[] = "qemu: uncaught target signal ";
    (void)cookie;
    if (length >= sizeof ended - 1 && memcmp(text, ended, sizeof ended - 1) == 0)
        return (ssize_t)length;
    return write(STDERR_FILENO, text, length);
}

static void filter_words(void) {
    static char line[1024];
    FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){.write = say});
    if (file == NULL)
        return;
    setvbuf(file, line, _IOLBF, sizeof line);
    stderr = file;
}

/* ---- the beginning ---- */

static void forked(struct kb_cursor *cursor) { kb_image_tell(cursor, guest.base); }

void kb_guest_watch(qemu_plugin_id_t id) {
    kb_image_before();
    kb_follow_remember();
    kb_producer.forked = forked;
    qemu_plugin_register_vcpu_syscall_cb(id, call_begins);
    qemu_plugin_register_vcpu_syscall_ret_cb(id, call_ends);
    filter_words();
}

void kb_guest_starts(const struct qemu_plugin_insn *insn) {
    if (guest.started)
        return;
    guest.started = true;
    struct kb_cursor *cursor = &kb_producer.cursors[0];
    guest.base = (uint64_t)(uintptr_t)qemu_plugin_insn_haddr(insn) - qemu_plugin_insn_vaddr(insn);
    kb_tell_image_begins(cursor);
    kb_image_tell(cursor, guest.base);
}
