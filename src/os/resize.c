/* resize.c - a segment grows or shrinks: its length in the segment table changes, and nothing of
 * any other segment.
 *
 *   before   │ page 0 │ page 1 │ pa│        10,000 bytes
 *   shrink   │ page 0 │ p│                   5,000: page 2 is dropped, with the TLB's word of it
 *   grow     │ page 0 │ page 1 │ 0 │        10,000: page 2 comes back as zeros
 *
 * Bytes of the last page that lie behind the end are kept, but nobody reaches
 * them where lengths are in bytes. An image does not grow with its segment. */
#include "os/os.h"

static struct kb_region *segment_from(struct kb_process *process, uint64_t start) {
    for (uint32_t i = 0; i < process->region_count; i++)
        if (process->regions[i].start == start)
            return &process->regions[i];
    return NULL;
}

static uint64_t pages_of(const struct kb_os *os, uint64_t bytes) {
    return (bytes + kb_os_page_bytes(os) - 1) >> kb_os_page_bits(os);
}

static bool may_be(const struct kb_os *os, const struct kb_process *process,
                   const struct kb_region *region, uint64_t bytes) {
    const struct kb_object *object = region->object == 0 ? NULL : os->object[region->object - 1];
    uint64_t old = pages_of(os, region->end - region->start), now = pages_of(os, bytes);
    if (bytes == 0 || bytes > kb_os_segment_bytes(os) || region->guard)
        return false;
    if (object != NULL && (region->place > object->pages || now > object->pages - region->place))
        return false;
    bool whole = os->setup.load_all || process == os->kernel;
    return !whole || now <= old || now - old <= kb_os_free_frames(os);
}

/* What was pinned there is pinned no more: it is gone. */
static void unmap_page(struct kb_os *os, uint32_t mapping, void *context) {
    (void)context;
    kb_os_unmap_page(os, mapping, KB_UNMAPPED);
}

/* Where the end was, and where it is, the TLB may know another length. */
static void forget_page(struct kb_os *os, uint32_t mapping, void *context) {
    (void)context;
    kb_os_refresh(os, mapping);
}

static void forget_end(struct kb_os *os, const struct kb_process *process, uint64_t end) {
    uint64_t page = (end - 1) & ~(uint64_t)(kb_os_page_bytes(os) - 1);
    kb_os_each_mapping(os, process, page, page + kb_os_page_bytes(os), forget_page, NULL);
}

/* Pages that others brought into the shared table are seen now; what is loaded whole comes. */
static kb_status fill(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                      uint64_t old, bool *in) {
    bool whole = os->setup.load_all || process == os->kernel;
    uint64_t first = region->start >> kb_os_page_bits(os);
    uint64_t end = first + pages_of(os, region->end - region->start);
    kb_status status = KB_OK;
    *in = true;
    if (kb_os_shares_table(region))
        status = kb_os_segment_adopt(os, process, region);
    for (uint64_t n = first + old; whole && status == KB_OK && *in && n < end; n++) {
        uint32_t frame;
        enum kb_reason ignored;
        status = kb_os_bring(os, process, n, &frame, in, &ignored);
        if (status == KB_OK && *in && process == os->kernel) {
            os->frame[frame].fixed = true;
            os->keys[frame] |= KB_PINNED;
        } else if (status == KB_OK && *in && !(os->keys[frame] & KB_RESIDENT)) {
            kb_pager_admit(os, frame, KB_BY_MOVE);
        }
    }
    return status;
}

/* The image keeps what it had, but for whole pages that are gone. */
static void cut_image(const struct kb_os *os, struct kb_region *region, uint64_t bytes) {
    uint64_t kept = pages_of(os, bytes) << kb_os_page_bits(os);
    if (region->imaged == 0)
        region->imaged = region->end - region->start;
    if (region->imaged > kept)
        region->imaged = kept;
}

kb_status kb_os_resize(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t bytes,
                       bool *refused) {
    struct kb_region *region = segment_from(process, start);
    *refused = !kb_os_segmented(os) || region == NULL || process->state == KB_SWAPPED ||
               !may_be(os, process, region, bytes);
    if (*refused)
        return KB_OK;
    uint64_t before = region->end - start, old = pages_of(os, before);
    uint64_t end = start + (pages_of(os, bytes) << kb_os_page_bits(os));
    if (end < start + (old << kb_os_page_bits(os)))
        kb_os_each_mapping(os, process, end, start + (old << kb_os_page_bits(os)), unmap_page,
                           NULL);
    if (region->has_image)
        cut_image(os, region, bytes);
    region->end = start + bytes;
    kb_os_segment_length(os, process, start, bytes);
    forget_end(os, process, start + before);
    forget_end(os, process, start + bytes);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_RESIZE,
                                            .process = process,
                                            .address = start,
                                            .count = bytes,
                                            .slots = before,
                                            .text = region->name});
    bool in;
    kb_status status = kb_os_allocate(os);
    if (status == KB_OK)
        status = fill(os, process, segment_from(process, start), old, &in);
    if (status != KB_OK || in)
        return status;
    status = kb_os_resize(os, process, start, before, refused); /* it shrinks again */
    *refused = true;
    return status;
}
