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
    struct kb_mappings maps;
    struct kb_mapping m;
    if (!kb_mappings_open(&maps))
        return;
    if (kb_mappings_next(&maps, &m))
        lowest_own = m.start;
    kb_mappings_close(&maps);
}

/* Whether the file's segment that lies at this offset, writable or not, is code. */
static bool holds_code(const struct kb_mapping *m) {
    Elf64_Ehdr file;
    Elf64_Phdr segment;
    bool code = false;
    int fd = m->name[0] == '/' ? open(m->name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    bool fine = pread(fd, &file, sizeof file, 0) == sizeof file &&
                memcmp(file.e_ident, ELFMAG, SELFMAG) == 0;
    for (unsigned i = 0; fine && i < file.e_phnum; i++) {
        off_t at = (off_t)(file.e_phoff + (uint64_t)i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != sizeof segment)
            break;
        uint64_t from = segment.p_offset & ~(uint64_t)(KB_GUEST_PAGE - 1);
        bool here = m->offset >= from && m->offset < segment.p_offset + segment.p_filesz;
        bool writable = segment.p_flags & PF_W;
        if (segment.p_type == PT_LOAD && here && writable == (m->rights[1] == 'w'))
            code |= (segment.p_flags & PF_X) != 0;
    }
    close(fd);
    return code;
}

void kb_image_tell(struct kb_cursor *cursor, uint64_t base) {
    struct kb_mappings maps;
    struct kb_mapping m;
    uint64_t guarded = 0; /* the end of what nobody may use */
    if (!kb_mappings_open(&maps))
        return;
    while (kb_mappings_next(&maps, &m) && m.start < lowest_own) {
        unsigned rights =
            (m.rights[0] == 'r' ? PROT_READ : 0) | (m.rights[1] == 'w' ? PROT_WRITE : 0);
        if (rights == 0)
            guarded = m.end;
        if (rights == 0 || m.start < base)
            continue;
        if (holds_code(&m))
            rights |= PROT_EXEC;
        if (m.name[0] == '\0' && m.start == guarded)
            snprintf(m.name, sizeof m.name, "[stack]");
        kb_tell_mapping(cursor, m.start - base, m.end - m.start, m.name, rights, false);
    }
    kb_mappings_close(&maps);
}
