/* guest.h - what the recorder's plugin knows of the program inside QEMU: where its memory lies,
 * what its system calls do to it, what it becomes by exec. */
#ifndef KB_RECORD_QEMU_GUEST_H
#define KB_RECORD_QEMU_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "record/maps.h"
#include "record/producer.h"
#include "record/qemu/qemu_plugin.h"

#define KB_GUEST_PAGE 4096 /* of the program's own mappings */

/* A system call's number and arguments. */
struct kb_call {
    int64_t number;
    uint64_t argument[6];
    bool unfollowed; /* an exec that is counted as such, unless it fails */
};

/* ---- guest.c ---- */

/* Before the program is loaded: what is to be called at system calls, what QEMU's own memory is. */
void kb_guest_watch(qemu_plugin_id_t id);

/* At each translation; at the first one the program is in memory, and its mappings are told. */
void kb_guest_starts(const struct qemu_plugin_insn *insn);

/* Copies from the program's memory; false if not all of it can be read. */
bool kb_guest_read(uint64_t address, void *to, size_t bytes);

/* ---- mappings.c ---- */

/* Tells what munmap is about to do, if it makes sense: afterwards another thread may already have
 * something else there. */
void kb_tell_unmapping(struct kb_cursor *cursor, const struct kb_call *call);
/* Tells what mmap, brk and kin have done. */
void kb_tell_mappings(struct kb_cursor *cursor, const struct kb_call *call, int64_t result);

/* ---- buffers.c ---- */

/* Notes what the kernel has read or written of the program's buffers. */
void kb_note_buffers(struct kb_cursor *cursor, const struct kb_call *call, int64_t result);

/* ---- image.c ---- */

/* Remembers QEMU's own mappings. */
void kb_image_before(void);
/* Tells the mappings of the program as they are; base: what QEMU adds to an address. */
void kb_image_tell(struct kb_cursor *cursor, uint64_t base);

/* ---- follow.c ---- */

/* Before the program can change its folder: which file it is. */
void kb_follow_remember(void);

/* Before an exec: goes on in a QEMU that runs the new image, if it can. Returns only if not; then
 * the call takes its course. */
void kb_follow_exec(struct kb_cursor *cursor, struct kb_call *call);
/* It has failed: the program is what it was. */
void kb_follow_failed(const struct kb_call *call);

#endif
