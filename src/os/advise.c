/* advise.c - what programs say of their pages: they release them, discard them, pin them.
 *
 *   release   the page leaves memory now, its content is kept        a hint: at worst a fault more
 *   discard   and a private content is gone: zeros, image or file again
 *   pin       the page is in memory, and nobody may take its frame
 *
 * What is not legal is refused, and nothing has changed then. */
#include "os/os.h"

/* ---- a range of pages ---- */

static bool in_range(const struct kb_os *os, const struct kb_process *process, uint64_t start,
                     uint64_t end) {
    uint64_t mask = kb_os_page_bytes(os) - 1;
    bool kernel = process == os->kernel;
    return start < end && ((start | end) & mask) == 0 && !kernel && end <= kb_os_user_end(os) &&
           process->state != KB_ENDED && kb_os_paged(os);
}

static bool is_legal(const struct kb_os *os, const struct kb_process *process, uint64_t start,
                     uint64_t end) {
    uint64_t mask = kb_os_page_bytes(os) - 1;
    while (process->bounded && start < end) {
        const struct kb_region *region = kb_process_region(process, start, mask + 1);
        if (region == NULL || region->guard)
            return false;
        start = ((region->end - 1) | mask) + 1;
    }
    return true;
}

static void look_for_pins(struct kb_os *os, uint32_t mapping, void *context) {
    uint32_t frame = os->pages.frame_of[os->pages.mapping[mapping].page];
    bool held = frame != 0 && (os->frame[frame - 1].pins > 0 || os->frame[frame - 1].fixed);
    *(bool *)context |= held || os->pages.mapping[mapping].wired;
}

static bool any_pinned(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end) {
    bool pinned = false;
    for (uint32_t i = 0; i < process->super_count; i++)
        pinned |=
            process->supers[i].address < end &&
            start < process->supers[i].address + (UINT64_C(1) << process->supers[i].page_bits);
    kb_os_each_mapping(os, process, start, end, look_for_pins, &pinned);
    return pinned;
}

static void tell_advice(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                        uint64_t pages, const char *what) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_ADVICE,
                                            .process = process,
                                            .address = start,
                                            .count = end - start,
                                            .slots = pages,
                                            .text = what});
}

/* ---- release and discard ---- */

/* A page whose write fails stays in memory; its next use is a soft fault. */
static void release_page(struct kb_os *os, uint32_t mapping, void *context) {
    uint32_t page = os->pages.mapping[mapping].page;
    enum kb_reason ignored;
    if (os->pages.frame_of[page] == 0)
        return;
    ++*(uint64_t *)context;
    if (os->pages.mapping[mapping].entry != KB_NO_TABLE && kb_os_has_company(os, mapping))
        return; /* the entry is others', too: it stays as it is */
    kb_os_leave(os, mapping);
    if (!kb_os_seen_by_others(os, mapping))
        (void)kb_os_give_up(os, os->pages.frame_of[page] - 1, KB_RELEASED, &ignored);
}

static void discard_page(struct kb_os *os, uint32_t mapping, void *context) {
    if (os->pages.mapping[mapping].shared) {
        release_page(os, mapping, context);
        return;
    }
    ++*(uint64_t *)context;
    kb_os_unmap_page(os, mapping, KB_RELEASED);
}

static void give(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                 kb_os_visit *act, uint64_t *pages, bool *refused) {
    bool background = os->background;
    *pages = 0;
    *refused = !in_range(os, process, start, end) || !is_legal(os, process, start, end) ||
               any_pinned(os, process, start, end);
    if (*refused)
        return;
    os->background = true;
    kb_os_each_mapping(os, process, start, end, act, pages);
    os->background = background;
}

void kb_os_release(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                   bool *refused) {
    uint64_t pages;
    give(os, process, start, end, release_page, &pages, refused);
    os->counters.releases += pages;
    process->counters.releases += pages;
    if (!*refused)
        tell_advice(os, process, start, end, pages, "release");
}

void kb_os_discard(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                   bool *refused) {
    uint64_t pages;
    give(os, process, start, end, discard_page, &pages, refused);
    os->counters.discards += pages;
    process->counters.discards += pages;
    if (!*refused)
        tell_advice(os, process, start, end, pages, "discard");
}

/* ---- pins ---- */

static void unpin_page(struct kb_os *os, uint32_t mapping, void *context) {
    struct kb_mapping *m = &os->pages.mapping[mapping];
    if (!m->wired)
        return;
    ++*(uint64_t *)context;
    m->wired = false;
    os->pages.page[m->page].wired--;
}

static uint64_t wired_frames(const struct kb_os *os) {
    uint64_t count = 0;
    for (uint32_t frame = 0; frame < os->used; frame++)
        count += os->frame[frame].use == KB_FRAME_SUPER ||
                 (os->frame[frame].use == KB_FRAME_PAGE &&
                  (os->frame[frame].fixed || kb_os_page_in(os, frame)->wired > 0));
    return count;
}

static kb_status pin_page(struct kb_os *os, struct kb_process *process, uint64_t number, bool *in) {
    uint32_t frame, mapping = kb_pages_find(&os->pages, process->number, number);
    enum kb_reason ignored;
    if (mapping == KB_NO_MAPPING || os->pages.mapping[mapping].entry == KB_NO_TABLE) {
        kb_status status = kb_os_bring(os, process, number, &frame, in, &ignored);
        if (status != KB_OK || !*in)
            return status;
        if (!(os->keys[frame] & KB_RESIDENT))
            kb_pager_admit(os, frame, KB_BY_MOVE);
        mapping = kb_pages_find(&os->pages, process->number, number);
    }
    *in = true;
    struct kb_mapping *m = &os->pages.mapping[mapping];
    os->pages.page[m->page].wired += !m->wired;
    m->wired = true;
    return KB_OK;
}

/* At least one frame must remain that can be taken. */
kb_status kb_os_pin_pages(struct kb_os *os, struct kb_process *process, uint64_t start,
                          uint64_t end, bool *refused) {
    unsigned bits = kb_os_page_bits(os);
    uint64_t pages = (end - start) >> bits, pinned = 0;
    bool in = true;
    *refused = !in_range(os, process, start, end) || !is_legal(os, process, start, end) ||
               any_pinned(os, process, start, end) || wired_frames(os) + pages >= os->setup.frames;
    if (*refused)
        return KB_OK;
    kb_status status = KB_OK;
    for (uint64_t i = 0; i < pages && in && status == KB_OK; i++) {
        status = pin_page(os, process, (start >> bits) + i, &in);
        pinned += in;
    }
    kb_os_wait_for_disk(os);
    if (!in) {
        *refused = true;
        kb_os_each_mapping(os, process, start, end, unpin_page, &pinned);
    }
    if (status == KB_OK && in)
        tell_advice(os, process, start, end, pinned, "pin");
    return status;
}

void kb_os_unpin_pages(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end,
                       bool *refused) {
    uint64_t pages = 0;
    *refused = !in_range(os, process, start, end) || !is_legal(os, process, start, end);
    if (*refused)
        return;
    kb_os_each_mapping(os, process, start, end, unpin_page, &pages);
    tell_advice(os, process, start, end, pages, "unpin");
}
