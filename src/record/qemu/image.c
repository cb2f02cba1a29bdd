/* image.c - the mappings of a program that has just been loaded, or forked.
 *
 * QEMU and its program share one address space. The program's mappings are
 * those that were not there before it was loaded, and lie below all that QEMU
 * maps for itself. Which of them hold code the file's program headers tell:
 * QEMU itself never executes them, so their rights here do not. The stack is
 * what QEMU has set behind a guard. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/qemu/guest.h"

static uint64_t lowest_own = UINT64_MAX; /* of QEMU's own mappings */

void kb_image_before(void) {
    struct kb_maps maps;
    struct kb_maps_line m;
    if (!kb_maps_open(&maps))
        return;
    if (kb_maps_next(&maps, &m))
        lowest_own = m.start;
    kb_maps_close(&maps);
}

#define MOST_SEGMENTS 64

/* Of an ELF file: which of its bytes are mapped, and with which rights. */
struct segments {
    unsigned count;
    struct {
        uint64_t from, to; /* whole pages of the file */
        unsigned rights;
    } segment[MOST_SEGMENTS];
};

static void read_segments(const char *name, struct segments *all) {
    Elf64_Ehdr file;
    Elf64_Phdr header;
    all->count = 0;
    int fd = name[0] == '/' ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    bool fine = pread(fd, &file, sizeof file, 0) == sizeof file &&
                memcmp(file.e_ident, ELFMAG, SELFMAG) == 0;
    for (unsigned i = 0; fine && i < file.e_phnum && all->count < MOST_SEGMENTS; i++) {
        off_t at = (off_t)(file.e_phoff + (uint64_t)i * sizeof header);
        fine = pread(fd, &header, sizeof header, at) == sizeof header;
        if (!fine || header.p_type != PT_LOAD)
            continue;
        const uint64_t within = KB_GUEST_PAGE - 1;
        all->segment[all->count].from = header.p_offset & ~within;
        all->segment[all->count].to = (header.p_offset + header.p_filesz + within) & ~within;
        all->segment[all->count++].rights = (header.p_flags & PF_R ? PROT_READ : 0u) |
                                            (header.p_flags & PF_W ? PROT_WRITE : 0u) |
                                            (header.p_flags & PF_X ? PROT_EXEC : 0u);
    }
    close(fd);
}

/* The mapping, in parts with the rights of the file's segments: what for QEMU is only read, be it
 * code or not, the host shows as one. */
static void tell_parts(struct kb_cursor *cursor, const struct kb_maps_line *m, unsigned rights,
                       uint64_t base) {
    static struct segments all; /* a process tells its image once, before it has threads */
    uint64_t end = m->offset + (m->end - m->start);
    read_segments(m->name, &all);
    for (uint64_t at = m->offset, to; at < end; at = to) {
        unsigned own = rights;
        to = end;
        for (unsigned i = 0; i < all.count; i++) {
            if ((all.segment[i].rights & PROT_WRITE) != (rights & PROT_WRITE))
                continue;
            if (at >= all.segment[i].from && at < all.segment[i].to) {
                own = all.segment[i].rights;
                to = all.segment[i].to < to ? all.segment[i].to : to;
            } else if (all.segment[i].from > at && all.segment[i].from < to) {
                to = all.segment[i].from;
            }
        }
        kb_tell_mapping(cursor, m->start - base + (at - m->offset), to - at, m->name, own, false);
    }
}

static unsigned rights_of(const struct kb_maps_line *m) {
    return (m->rights[0] == 'r' ? PROT_READ : 0) | (m->rights[1] == 'w' ? PROT_WRITE : 0);
}

/* Nameless memory directly behind what nobody may use: the stack is the last such; a program's own
 * zeros behind a gap are before it. Threads' stacks come later. */
static uint64_t find_stack(void) {
    struct kb_maps maps;
    struct kb_maps_line m;
    uint64_t guarded = 0, stack = 0;
    if (!kb_maps_open(&maps))
        return 0;
    while (kb_maps_next(&maps, &m) && m.start < lowest_own) {
        if (rights_of(&m) == 0)
            guarded = m.end;
        else if (m.name[0] == '\0' && m.start == guarded)
            stack = m.start;
    }
    kb_maps_close(&maps);
    return stack;
}

void kb_image_tell(struct kb_cursor *cursor, uint64_t base) {
    static uint64_t stack; /* a forked process has its parent's */
    static char data[sizeof((struct kb_maps_line *)0)->name]; /* the file that ends at data_end */
    uint64_t data_end = 0;
    struct kb_maps maps;
    struct kb_maps_line m;
    if (stack == 0)
        stack = find_stack();
    if (!kb_maps_open(&maps))
        return;
    while (kb_maps_next(&maps, &m) && m.start < lowest_own) {
        unsigned rights = rights_of(&m);
        if (rights == 0 || m.start < base)
            continue;
        if (m.start == stack)
            snprintf(m.name, sizeof m.name, "[stack]");
        else if (m.name[0] == '\0' && (rights & PROT_WRITE) && m.start == data_end)
            snprintf(m.name, sizeof m.name, "%s", data); /* its zeros */
        data_end = 0;
        if (m.name[0] == '/' && (rights & PROT_WRITE)) {
            memcpy(data, m.name, sizeof data);
            data_end = m.end;
        }
        tell_parts(cursor, &m, rights, base);
    }
    kb_maps_close(&maps);
}
