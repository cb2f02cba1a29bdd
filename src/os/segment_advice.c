/* segment_advice.c - what programs say of their contiguous segments: release, discard, pin, unpin.
 * A segment is named by any range that touches it. */
#include "os/os.h"

/* What one word does to one segment. false: it may not be done. */
typedef bool act(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                 kb_status *status);

static struct kb_area *area_of(const struct kb_os *os, const struct kb_region *segment) {
    return &os->storage->area[segment->area - 1];
}

/* What others use, too, stays in memory for them. */
static bool release(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                    kb_status *status) {
    const struct kb_area *area = area_of(os, segment);
    enum kb_reason ignored;
    bool out = true;
    if (!area->present || area->users > 1)
        return true;
    *status = kb_storage_roll_out(os, segment->area - 1, &out, &ignored);
    os->counters.releases += out;
    process->counters.releases += out;
    return out;
}

static bool discard(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                    kb_status *status) {
    struct kb_area *area = area_of(os, segment);
    if (area->users > 1)
        return release(os, process, segment, status);
    if (area->pins > 0 || (area->present && kb_storage_stays(os, segment->area - 1)))
        return false;
    if (area->present) {
        kb_chooser_forget(os, segment->area - 1, KB_RELEASED);
        *status = kb_storage_give_room(os, segment->area - 1);
    }
    kb_storage_drop_blocks(os, area);
    area->modified = false;
    area->filled = 0;
    kb_storage_left(os, segment->area - 1);
    os->counters.discards++;
    process->counters.discards++;
    return true;
}

static void set_pinned(struct kb_os *os, struct kb_region *segment, bool pinned) {
    struct kb_area *area = area_of(os, segment);
    if (segment->wired == pinned)
        return;
    segment->wired = pinned;
    area->wired += pinned ? 1 : UINT32_MAX;
    if (area->present && area->wired > 0)
        os->storage->flags[area->frame] |= KB_PINNED;
    else if (area->present)
        os->storage->flags[area->frame] &= (uint8_t)~KB_PINNED;
}

static bool pin(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                kb_status *status) {
    enum kb_reason ignored;
    bool in = area_of(os, segment)->present;
    (void)process;
    if (!in)
        *status = kb_storage_roll_in(os, segment->area - 1,
                                     (struct kb_placement_wish){KB_ANYWHERE, segment->place}, false,
                                     true, &in, &ignored);
    if (in)
        set_pinned(os, segment, true);
    return in;
}

static bool unpin(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                  kb_status *status) {
    (void)process;
    (void)status;
    set_pinned(os, segment, false);
    return true;
}

kb_status kb_storage_advise(struct kb_os *os, struct kb_process *process, uint64_t start,
                            uint64_t end, enum kb_segment_advice advice, bool *refused) {
    static act *const acts[] = {release, discard, pin, unpin};
    static const char *const names[] = {"release", "discard", "pin", "unpin"};
    uint64_t segments = 0;
    kb_status status = KB_OK;
    *refused = process->state == KB_ENDED;
    for (uint32_t i = 0; i < process->region_count && !*refused && status == KB_OK; i++) {
        struct kb_region *segment = &process->regions[i];
        if (segment->start >= end || segment->end <= start)
            continue;
        segments++;
        *refused = !acts[advice](os, process, segment, &status);
    }
    *refused = *refused || segments == 0;
    if (status == KB_OK && !*refused && kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_ADVICE,
                                            .process = process,
                                            .address = start,
                                            .count = end - start,
                                            .slots = segments,
                                            .text = names[advice]});
    return status;
}
