/* maps.c - lines of /proc/self/maps:
 *
 *   55d0c8a00000-55d0c8a2f000 r-xp 00001000 fe:01 393264     /usr/bin/dash */
#include "record/maps.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/run.h"

#define USER_SPACE (UINT64_C(1) << 47) /* addresses that programs have */

bool kb_maps_open(struct kb_maps *m) {
    m->fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    m->at = m->filled = 0;
    return m->fd >= 0;
}

void kb_maps_close(struct kb_maps *m) { close(m->fd); }

/* The next line, ended by a zero; NULL: there is none. */
static char *next_line(struct kb_maps *m) {
    for (;;) {
        char *line = m->text + m->at, *end = memchr(line, '\n', m->filled - m->at);
        if (end != NULL) {
            *end = '\0';
            m->at = (size_t)(end + 1 - m->text);
            return line;
        }
        m->filled -= m->at;
        memmove(m->text, line, m->filled);
        m->at = 0;
        ssize_t got = read(m->fd, m->text + m->filled, sizeof m->text - m->filled);
        if (got <= 0)
            return NULL;
        m->filled += (size_t)got;
    }
}

bool kb_maps_next(struct kb_maps *maps, struct kb_maps_line *m) {
    unsigned long start, end, offset;
    int name = 0;
    const char *line = next_line(maps);
    if (line == NULL ||
        sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &start, &end, m->rights, &offset, &name) < 4)
        return false;
    m->start = start;
    m->end = end;
    m->offset = offset;
    snprintf(m->name, sizeof m->name, "%s", name > 0 ? line + name : "");
    return true;
}

unsigned kb_maps_rights(const struct kb_maps_line *line) {
    return (line->rights[0] == 'r' ? PROT_READ : 0) | (line->rights[1] == 'w' ? PROT_WRITE : 0) |
           (line->rights[2] == 'x' ? PROT_EXEC : 0);
}

void kb_tell_range(struct kb_cursor *cursor, unsigned type, uint64_t start, uint64_t bytes) {
    unsigned shift = kb_producer.recording->shift;
    uint64_t rest = (UINT64_C(1) << shift) - 1, end = start + bytes;
    bool whole = kb_event_drops(type) || type == KB_EVENT_RELEASE;
    uint64_t first = (start + (whole ? rest : 0)) >> shift;
    uint64_t behind = (end + (whole ? 0 : rest)) >> shift;
    if (bytes > 0 && behind > first)
        kb_note_event(cursor, type, first, behind - first);
}

void kb_tell_mapping(struct kb_cursor *cursor, uint64_t start, uint64_t bytes, const char *name,
                     unsigned rights, bool replaced) {
    if (replaced)
        kb_tell_range(cursor, KB_EVENT_UNMAP, start, bytes);
    kb_tell_range(cursor, KB_EVENT_MAP, start, bytes);
    kb_note_name(cursor, name);
    kb_tell_range(cursor, KB_EVENT_PROTECT + rights, start, bytes);
}

void kb_tell_image_begins(struct kb_cursor *cursor) {
    uint32_t image = kb_producer.channel->image;
    if (image == 0)
        return;
    kb_tell_range(cursor, KB_EVENT_UNMAP, 0, USER_SPACE);
    kb_note_event(cursor, KB_EVENT_PROCESS, image, 0);
}
