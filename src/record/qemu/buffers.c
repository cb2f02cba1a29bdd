/* buffers.c - the references that the kernel makes to buffers of the program: each page that a
 * system call has read or written, once. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "record/qemu/guest.h"
#include "trace/run.h"

#define MOST_PIECES 1024 /* IOV_MAX */

struct touches {
    struct kb_cursor *cursor;
    unsigned kind;
    bool begun;
};

static void touch(struct touches *t, uint64_t address, uint64_t bytes) {
    if (bytes == 0)
        return;
    if (!t->begun)
        kb_note_event(t->cursor, KB_EVENT_KERNEL, 1, 0);
    t->begun = true;
    kb_note_range(t->cursor, t->kind, address, bytes, kb_producer.recording->shift);
}

/* The first `bytes` bytes of a list of pieces. */
static void touch_pieces(struct touches *t, uint64_t list, uint64_t pieces, uint64_t bytes) {
    for (uint64_t i = 0; i < pieces && i < MOST_PIECES && bytes > 0; i++) {
        uint64_t piece[2]; /* struct iovec: address, length */
        if (!kb_guest_read(list + i * sizeof piece, piece, sizeof piece))
            return;
        uint64_t part = piece[1] < bytes ? piece[1] : bytes;
        touch(t, piece[0], part);
        bytes -= part;
    }
}

static void touch_message(struct touches *t, uint64_t address, uint64_t bytes) {
    struct msghdr message;
    if (kb_guest_read(address, &message, sizeof message))
        touch_pieces(t, (uint64_t)(uintptr_t)message.msg_iov, message.msg_iovlen, bytes);
}

static void touch_messages(struct touches *t, uint64_t list, uint64_t messages) {
    for (uint64_t i = 0; i < messages && i < MOST_PIECES; i++) {
        struct mmsghdr message;
        if (kb_guest_read(list + i * sizeof message, &message, sizeof message))
            touch_message(t, list + i * sizeof message, message.msg_len);
    }
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

void kb_note_buffers(struct kb_cursor *cursor, const struct kb_call *call, int64_t result) {
    const uint64_t *a = call->argument, bytes = (uint64_t)result;
    struct touches reads = {cursor, KB_READ, false}, writes = {cursor, KB_WRITE, false};
    if (result <= 0)
        return;
    switch (call->number) {
    case SYS_read:
    case SYS_pread64:
    case SYS_recvfrom:
    case SYS_getdents64:
    case SYS_readlink:
        touch(&writes, a[1], least(bytes, a[2]));
        break;
    case SYS_getrandom:
    case SYS_getcwd:
        touch(&writes, a[0], least(bytes, a[1]));
        break;
    case SYS_readlinkat:
        touch(&writes, a[2], least(bytes, a[3]));
        break;
    case SYS_write:
    case SYS_pwrite64:
    case SYS_sendto:
        touch(&reads, a[1], least(bytes, a[2]));
        break;
    case SYS_readv:
    case SYS_preadv:
    case SYS_preadv2:
        touch_pieces(&writes, a[1], a[2], bytes);
        break;
    case SYS_writev:
    case SYS_pwritev:
    case SYS_pwritev2:
        touch_pieces(&reads, a[1], a[2], bytes);
        break;
    case SYS_recvmsg:
        touch_message(&writes, a[1], bytes);
        break;
    case SYS_sendmsg:
        touch_message(&reads, a[1], bytes);
        break;
    case SYS_recvmmsg:
        touch_messages(&writes, a[1], bytes);
        break;
    case SYS_sendmmsg:
        touch_messages(&reads, a[1], bytes);
        break;
    default:
        break;
    }
    if (reads.begun || writes.begun)
        kb_note_event(cursor, KB_EVENT_KERNEL, 0, 0);
}
