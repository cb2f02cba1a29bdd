/* use.c - how much of what lies in memory is used: bytes of programs that were referenced since
 * their pages came, of all bytes of the frames that are taken.
 *
 *   frame │ referenced, to the end of its region │ behind that end │   or not referenced, or
 *         └──────────── used ────────────────────┘                     a table, or the kernel's */
#include "os/os.h"

/* Bytes of the page in a frame that its region has. */
static uint64_t bytes_of(const struct kb_os *os, uint32_t frame) {
    const struct kb_mapping *first = kb_os_first_mapping(os, frame);
    uint64_t page = kb_os_page_bytes(os);
    if (first == NULL)
        return page;
    uint64_t address = first->number << kb_os_page_bits(os);
    const struct kb_region *region = kb_process_region(os->process[first->process], address, page);
    return region == NULL || region->end - address >= page ? page : region->end - address;
}

void kb_os_use(const struct kb_os *os, uint64_t *used, uint64_t *resident) {
    *used = 0;
    *resident = (uint64_t)(os->setup.frames - kb_os_free_frames(os)) * kb_os_page_bytes(os);
    for (uint32_t frame = 0; frame < os->used; frame++)
        if (os->frame[frame].use == KB_FRAME_PAGE &&
            (os->frame[frame].used || os->keys[frame] & KB_REFERENCED))
            *used += bytes_of(os, frame);
}
