/* ahead.c - pages come before they are needed: the host of the fetch strategy.
 *
 *   fault of page p, its reference made ──► strategy: p + 1, p + 2 … ──► legal, absent, a frame?
 *                                                                            │ read: no fault
 *   first use: no entry yet, a soft fault ◄── in memory, in no table ◄───────┘
 *        │ useful                                  │ leaves before that: wasted
 *        ▼                                         ▼
 *
 * A page that came ahead has its frame and is the policy's, but no table shows
 * it: so its first use is seen, and costs no more than an entry. It takes only
 * frames that are free (above the page daemon's low mark), unless the spec
 * says evict=yes; then those of one go, one by one, may not push each other
 * out. What cannot be read is just not there: who needs it will see why. One
 * that is still on its way may have to go, too; the disk's work is lost then. */
#include "os/os.h"

/* ---- a page's way ---- */

void kb_os_used(struct kb_os *os, uint32_t frame) {
    struct kb_process_counters *own = &os->process[os->frame[frame].process]->counters;
    os->frame[frame].ahead = false;
    os->waiting_ahead--;
    os->counters.useful_prefetches++;
    own->useful_prefetches++;
}

void kb_os_wasted(struct kb_os *os, uint32_t frame) {
    struct kb_process_counters *own = &os->process[os->frame[frame].process]->counters;
    os->frame[frame].ahead = false;
    os->waiting_ahead--;
    os->counters.wasted_prefetches++;
    own->wasted_prefetches++;
}

/* ---- what may come ---- */

static bool is_legal(const struct kb_os *os, const struct kb_process *process, uint64_t number) {
    unsigned bits = kb_os_page_bits(os);
    if (number > (kb_os_user_end(os) - 1) >> bits ||
        (process->limit != 0 && (number << bits) - process->base >= process->limit))
        return false;
    const struct kb_region *region;
    unsigned rights = kb_os_rights_at(os, process, number << bits, &region);
    if (region == NULL ? process->bounded : region->guard || rights == 0)
        return false;
    for (uint32_t i = 0; i < process->super_count; i++)
        if (((number << bits) - process->supers[i].address) >> process->supers[i].page_bits == 0)
            return false;
    return true;
}

/* The page that a page number shows, or would show; KB_NO_PAGE: there is none yet. */
static uint32_t page_at(const struct kb_os *os, const struct kb_process *process, uint64_t number) {
    unsigned bits = kb_os_page_bits(os);
    uint32_t mapping = kb_pages_find(&os->pages, process->number, number);
    if (mapping != KB_NO_MAPPING)
        return os->pages.mapping[mapping].page;
    const struct kb_region *region =
        kb_process_region(process, number << bits, kb_os_page_bytes(os));
    if (region == NULL || region->object == 0)
        return KB_NO_PAGE;
    uint64_t place = region->place + number - (region->start >> bits);
    uint32_t id = kb_lookup_find(&os->pages.by_object, region->object - 1, place);
    return id == KB_LOOKUP_NONE ? KB_NO_PAGE : id;
}

static bool is_absent(const struct kb_os *os, const struct kb_process *process, uint64_t number) {
    uint32_t page = page_at(os, process, number);
    return page == KB_NO_PAGE ||
           (os->pages.frame_of[page] == 0 && os->pages.page[page].standing_by == 0);
}

/* ---- it comes ---- */

static kb_status take_frame(struct kb_os *os, uint32_t mapping, uint32_t *frame) {
    const struct kb_process *answers = kb_os_answers_for(os, mapping);
    enum kb_reason ignored;
    *frame = KB_NO_FRAME;
    if (kb_fetch_may_evict(&os->setup.fetch))
        return kb_os_take_frame(os, answers, os->pages.mapping[mapping].page, frame, &ignored);
    if (kb_os_may_grow(os, answers) && kb_os_free_frames(os) > os->setup.low)
        *frame = kb_os_take_free(os);
    return KB_OK;
}

/* *frame: where the page is now, or KB_NO_FRAME. *more = false: no frame is to be had. */
static kb_status bring(struct kb_os *os, struct kb_process *process, uint64_t number,
                       uint32_t *frame, bool *more) {
    uint32_t mapping;
    enum kb_reason ignored;
    bool may_evict = kb_fetch_may_evict(&os->setup.fetch);
    *frame = KB_NO_FRAME;
    *more = may_evict || kb_os_free_frames(os) > os->setup.low;
    if (!*more || !is_legal(os, process, number) || !is_absent(os, process, number))
        return KB_OK;
    kb_status status = kb_os_mapping(os, process, number, &mapping);
    if (status == KB_OK)
        status = take_frame(os, mapping, frame);
    *more = *frame != KB_NO_FRAME;
    if (status != KB_OK || !*more)
        return status;
    if (!kb_os_read_page(os, process, mapping, *frame, true, &ignored)) {
        *frame = KB_NO_FRAME;
        return KB_OK;
    }
    os->frame[*frame].ahead = true;
    os->frame[*frame].process = process->number;
    os->waiting_ahead++;
    os->counters.prefetches++;
    process->counters.prefetches++;
    kb_pager_admit(os, *frame, KB_BY_PREFETCH);
    return KB_OK;
}

/* As many as the process may hold beside the page that it has just used. */
static uint32_t most_at_once(const struct kb_os *os, const struct kb_process *process) {
    uint32_t frames = process->pager != NULL ? process->allocation : os->setup.frames;
    return frames > 0 ? frames - 1 : 0;
}

kb_status kb_os_fetch_ahead(struct kb_os *os) {
    struct kb_process *process = os->running;
    uint32_t most = most_at_once(os, process);
    uint64_t pages[KB_FETCH_MOST];
    uint32_t frames[KB_FETCH_MOST];
    unsigned came = 0, count = kb_fetch_next(&os->setup.fetch, process->fetch, process->cue,
                                             process->cued == KB_CUE_FAULT, pages);
    bool more = true, background = os->background;
    kb_status status = KB_OK;
    process->cued = KB_CUE_NONE;
    os->background = true; /* nobody waits for what has to be written */
    for (unsigned i = 0; i < count && came < most && more && status == KB_OK; i++) {
        uint32_t frame;
        status = bring(os, process, pages[i], &frame, &more);
        if (frame == KB_NO_FRAME)
            continue;
        os->frame[frame].pins++;
        frames[came++] = frame;
    }
    while (came > 0)
        os->frame[frames[--came]].pins--;
    os->background = background;
    return status;
}
