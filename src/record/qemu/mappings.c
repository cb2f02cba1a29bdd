/* mappings.c - system calls that change what memory the program has. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/qemu/guest.h"
#include "trace/run.h"

static uint64_t whole(uint64_t bytes) {
    return (bytes + KB_GUEST_PAGE - 1) & ~(uint64_t)(KB_GUEST_PAGE - 1);
}

static void mapped(struct kb_cursor *cursor, const struct kb_call *call, uint64_t start) {
    unsigned rights = (unsigned)call->argument[2] & (PROT_READ | PROT_WRITE | PROT_EXEC);
    unsigned flags = (unsigned)call->argument[3];
    char name[4096] = "", link[64];
    if (!(flags & MAP_ANONYMOUS)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", (int)call->argument[4]);
        ssize_t length = readlink(link, name, sizeof name - 1);
        name[length > 0 ? length : 0] = '\0';
    } else if (flags & MAP_STACK) {
        snprintf(name, sizeof name, "[stack:thread]");
    }
    kb_tell_mapping(cursor, start, whole(call->argument[1]), name, rights, flags & MAP_FIXED);
}

/* The end of the heap moves. The first call only asks where it is. */
static void broken(struct kb_cursor *cursor, uint64_t end) {
    static uint64_t before; /* system calls of brk are ordered by QEMU's lock of mappings */
    uint64_t old = whole(before), now = whole(end);
    if (before != 0 && now > old)
        kb_tell_mapping(cursor, old, now - old, "[heap]", PROT_READ | PROT_WRITE, false);
    else if (before != 0 && now < old)
        kb_tell_range(cursor, KB_EVENT_UNMAP, now, old - now);
    before = end;
}

/* In place only the end is told. Elsewhere contents move along, but a trace knows pages by their
 * place: the old ones are gone, the new ones are there. */
static void remapped(struct kb_cursor *cursor, const struct kb_call *call, uint64_t start) {
    const uint64_t *a = call->argument;
    uint64_t old = whole(a[1]), now = whole(a[2]);
    if (start == a[0] && old > 0) {
        if (now < old)
            kb_tell_range(cursor, KB_EVENT_UNMAP, start + now, old - now);
        else if (now > old)
            kb_tell_mapping(cursor, start + old, now - old, "", PROT_READ | PROT_WRITE, false);
        return;
    }
    if (!(a[3] & MREMAP_DONTUNMAP) && old > 0)
        kb_tell_range(cursor, KB_EVENT_UNMAP, a[0], old);
    kb_tell_mapping(cursor, start, now, "", PROT_READ | PROT_WRITE, a[3] & MREMAP_FIXED);
}

static void advised(struct kb_cursor *cursor, const struct kb_call *call) {
    uint64_t start = call->argument[0], bytes = whole(call->argument[1]);
    switch ((int)call->argument[2]) {
    case MADV_DONTNEED:
        kb_tell_range(cursor, KB_EVENT_DISCARD, start, bytes);
        break;
    case MADV_FREE:
    case MADV_COLD:
    case MADV_PAGEOUT:
        kb_tell_range(cursor, KB_EVENT_RELEASE, start, bytes);
        break;
    default:
        break;
    }
}

void kb_tell_unmapping(struct kb_cursor *cursor, const struct kb_call *call) {
    uint64_t start = call->argument[0], bytes = call->argument[1];
    if (call->number == SYS_munmap && start % KB_GUEST_PAGE == 0 && start + bytes >= start)
        kb_tell_range(cursor, KB_EVENT_UNMAP, start, whole(bytes));
}

void kb_tell_mappings(struct kb_cursor *cursor, const struct kb_call *call, int64_t result) {
    const uint64_t *a = call->argument;
    if (result < 0 && result >= -4095)
        return;
    switch (call->number) {
    case SYS_mmap:
        mapped(cursor, call, (uint64_t)result);
        break;
    case SYS_mremap:
        remapped(cursor, call, (uint64_t)result);
        break;
    case SYS_brk:
        broken(cursor, (uint64_t)result);
        break;
    case SYS_mprotect:
    case SYS_pkey_mprotect:
        kb_tell_range(cursor, KB_EVENT_PROTECT + ((unsigned)a[2] & 7), a[0], whole(a[1]));
        break;
    case SYS_madvise:
        advised(cursor, call);
        break;
    default:
        break;
    }
}
