/* image.c - the mappings of a program that has just been loaded, or forked.
 *
 * QEMU and its program share one address space. The program's mappings are
 * those that were not there before it was loaded; up to QEMU 8 they lie below
 * all that QEMU maps for itself, later ones among it: there they are files, and
 * what lies directly behind them, or behind a guard, as the stack does. Which
 * of them hold code the file's program headers tell: QEMU itself never executes
 * them, so their rights here do not. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/qemu/guest.h"

#define MOST_OWN 512
#define ARENA (UINT64_C(64) << 20) /* the C library's, for QEMU's threads, begin at multiples */

/* QEMU's own mappings, before the program was loaded. */
static struct {
    unsigned count;
    struct {
        uint64_t start, end;
    } range[MOST_OWN];
} own;

void kb_image_before(void) {
    struct kb_maps maps;
    struct kb_maps_line m;
    if (!kb_maps_open(&maps))
        return;
    while (own.count < MOST_OWN && kb_maps_next(&maps, &m)) {
        own.range[own.count].start = m.start;
        own.range[own.count++].end = m.end;
    }
    kb_maps_close(&maps);
}

static bool is_own(const struct kb_maps_line *m) {
    for (unsigned i = 0; i < own.count; i++)
        if (m->start < own.range[i].end && own.range[i].start < m->end)
            return true;
    return own.count == 0;
}

/* The mappings of the program, one after the other. */
struct walk {
    struct kb_maps maps;
    uint64_t behind;  /* the end of the program's mapping before this one */
    uint64_t guarded; /* the end of what nobody may use */
};

static bool is_low(const struct kb_maps_line *m) { return m->end <= own.range[0].start; }

static bool is_programs(const struct walk *walk, const struct kb_maps_line *m) {
    unsigned rights = kb_maps_rights(m);
    if (is_own(m) || (rights & PROT_EXEC) || rights == 0)
        return false;
    if (is_low(m) || m->name[0] == '/')
        return true;
    bool stack = m->start == walk->guarded && m->start % ARENA != 0;
    return m->name[0] == '\0' && (m->start == walk->behind || stack);
}

static bool next_of_program(struct walk *walk, struct kb_maps_line *m) {
    while (kb_maps_next(&walk->maps, m)) {
        if (kb_maps_rights(m) == 0 && !is_own(m))
            walk->guarded = m->end;
        if (!is_programs(walk, m))
            continue;
        walk->behind = m->end;
        return true;
    }
    return false;
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
        unsigned part = rights;
        to = end;
        for (unsigned i = 0; i < all.count; i++) {
            if ((all.segment[i].rights & PROT_WRITE) != (rights & PROT_WRITE))
                continue;
            if (at >= all.segment[i].from && at < all.segment[i].to) {
                part = all.segment[i].rights;
                to = all.segment[i].to < to ? all.segment[i].to : to;
            } else if (all.segment[i].from > at && all.segment[i].from < to) {
                to = all.segment[i].from;
            }
        }
        kb_tell_mapping(cursor, m->start - base + (at - m->offset), to - at, m->name, part, false);
    }
}

/* Nameless memory directly behind what nobody may use: the stack is the last such; a program's own
 * zeros behind a gap are before it. Threads' stacks come later. */
static uint64_t find_stack(void) {
    struct walk walk = {.behind = 0};
    struct kb_maps_line m;
    uint64_t stack = 0;
    bool low = false;
    if (!kb_maps_open(&walk.maps))
        return 0;
    while (next_of_program(&walk, &m))
        if (m.name[0] == '\0' && m.start == walk.guarded && (is_low(&m) || !low)) {
            stack = m.start;
            low = is_low(&m);
        }
    kb_maps_close(&walk.maps);
    return stack;
}

void kb_image_tell(struct kb_cursor *cursor, uint64_t base) {
    static uint64_t stack; /* a forked process has its parent's */
    static char data[sizeof((struct kb_maps_line *)0)->name]; /* the file that ends at data_end */
    uint64_t data_end = 0;
    struct walk walk = {.behind = 0};
    struct kb_maps_line m;
    if (stack == 0)
        stack = find_stack();
    if (!kb_maps_open(&walk.maps))
        return;
    while (next_of_program(&walk, &m)) {
        unsigned rights = kb_maps_rights(&m);
        if (m.start < base)
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
    kb_maps_close(&walk.maps);
}
