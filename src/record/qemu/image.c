/* image.c - the mappings of a program that has just been loaded, or forked.
 *
 * QEMU and its program share one address space. The program's mappings are
 * those that were not there before it was loaded, and lie below all that QEMU
 * maps for itself. Which of them hold code the file's program headers tell:
 * QEMU itself never executes them, so their rights here do not. The stack is
 * what QEMU has set behind a guard, at last. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/qemu/guest.h"

#define MOST_SEGMENTS 64 /* of a file */

/* One line of /proc/self/maps. */
struct mapping {
    uint64_t start, end, offset;
    char rights[5];
    char name[4096];
};

static uint64_t lowest_own = UINT64_MAX; /* of QEMU's own mappings */

static bool next_mapping(FILE *maps, struct mapping *m) {
    char line[4400];
    unsigned long start, end, offset;
    int name = 0;
    if (fgets(line, sizeof line, maps) == NULL ||
        sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &start, &end, m->rights, &offset, &name) < 4)
        return false;
    m->start = start;
    m->end = end;
    m->offset = offset;
    line[strcspn(line, "\n")] = '\0';
    snprintf(m->name, sizeof m->name, "%s", name > 0 ? line + name : "");
    return true;
}

void kb_image_before(void) {
    struct mapping m;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL)
        return;
    if (next_mapping(maps, &m))
        lowest_own = m.start;
    fclose(maps);
}

/* The segments of a program's file that are mapped with the rights to write or without. */
struct segments {
    unsigned count;
    struct {
        uint64_t from, to; /* offsets in the file, whole pages */
        bool code;
    } segment[MOST_SEGMENTS];
};

static void read_segments(const struct mapping *m, struct segments *segments) {
    Elf64_Ehdr file;
    Elf64_Phdr segment;
    bool writable = m->rights[1] == 'w';
    segments->count = 0;
    int fd = m->name[0] == '/' ? open(m->name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    bool fine = pread(fd, &file, sizeof file, 0) == sizeof file &&
                memcmp(file.e_ident, ELFMAG, SELFMAG) == 0;
    for (unsigned i = 0; fine && i < file.e_phnum && segments->count < MOST_SEGMENTS; i++) {
        off_t at = (off_t)(file.e_phoff + (uint64_t)i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != sizeof segment)
            break;
        if (segment.p_type != PT_LOAD || ((segment.p_flags & PF_W) != 0) != writable)
            continue;
        uint64_t from = segment.p_offset, to = segment.p_offset + segment.p_filesz;
        segments->segment[segments->count].from = from & ~(uint64_t)(KB_GUEST_PAGE - 1);
        segments->segment[segments->count].to =
            (to + KB_GUEST_PAGE - 1) & ~(uint64_t)(KB_GUEST_PAGE - 1);
        segments->segment[segments->count++].code = (segment.p_flags & PF_X) != 0;
    }
    close(fd);
}

/* Whether there is code at this offset of the file; *to: up to where that is so. */
static bool holds_code(const struct segments *segments, uint64_t at, uint64_t *to) {
    bool code = false;
    for (unsigned i = 0; i < segments->count; i++) {
        uint64_t begin = segments->segment[i].from, end = segments->segment[i].to;
        if (at >= begin && at < end)
            code |= segments->segment[i].code;
        if (begin > at && begin < *to)
            *to = begin;
        if (end > at && end < *to)
            *to = end;
    }
    return code;
}

/* The host shows neighbours of a file with equal rights as one mapping, and the program's code
 * without the right to execute: they are told segment by segment. */
static void tell_file(struct kb_cursor *cursor, const struct mapping *m, uint64_t base,
                      unsigned rights) {
    static struct segments segments;
    read_segments(m, &segments);
    uint64_t last = m->offset + (m->end - m->start);
    for (uint64_t at = m->offset, to; at < last; at = to) {
        to = last;
        unsigned code = holds_code(&segments, at, &to) ? PROT_EXEC : 0;
        kb_tell_mapping(cursor, m->start - base + (at - m->offset), to - at, m->name, rights | code,
                        false);
    }
}

static unsigned rights_of(const struct mapping *m) {
    return (m->rights[0] == 'r' ? PROT_READ : 0) | (m->rights[1] == 'w' ? PROT_WRITE : 0);
}

/* Nameless memory directly behind what nobody may use: the stack is the last such; a program's own
 * zeros behind a gap are before it. Threads' stacks come later. */
static uint64_t find_stack(FILE *maps) {
    static struct mapping m;
    uint64_t guarded = 0, stack = 0;
    while (next_mapping(maps, &m) && m.start < lowest_own) {
        if (rights_of(&m) == 0)
            guarded = m.end;
        else if (m.name[0] == '\0' && m.start == guarded)
            stack = m.start;
    }
    rewind(maps);
    return stack;
}

void kb_image_tell(struct kb_cursor *cursor, uint64_t base) {
    static struct mapping m; /* a process tells its image once, before it has threads */
    static uint64_t stack;   /* a forked process has its parent's */
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL)
        return;
    if (stack == 0)
        stack = find_stack(maps);
    while (next_mapping(maps, &m) && m.start < lowest_own) {
        unsigned rights = rights_of(&m);
        if (rights == 0 || m.start < base)
            continue;
        if (m.name[0] == '/')
            tell_file(cursor, &m, base, rights);
        else
            kb_tell_mapping(cursor, m.start - base, m.end - m.start,
                            m.start == stack ? "[stack]" : m.name, rights, false);
    }
    fclose(maps);
}
