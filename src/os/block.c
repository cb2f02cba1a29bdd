/* block.c - a process that waits for its page is blocked, and others run meanwhile.
 *
 * The page's bytes are in the frame at once, but until the device is done with
 * it (kb_frame.arrives) nobody may use it: whoever does so first waits, and so
 * do all who come after, for the one transfer. Until then the frame is pinned,
 * and no victim until who has waited makes the reference: it cannot be lost to
 * another page in between, so each transfer brings somebody on. A process that finds all frames
 * held, some of them in this way, waits for one of these. With io_cycles transfers do not wait for
 * each other; with a clock the disk makes them one by one (disk.c). */
#include "os/os.h"

/* Times in a row that a process may wait for a frame: those who hold them have long had a turn. */
#define KB_MOST_FRAME_WAITS 4000

static void block(struct kb_os *os, uint64_t page, uint64_t until, bool for_frame) {
    struct kb_process *process = os->running;
    process->state = KB_BLOCKED;
    process->wake_at = until;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_BLOCK,
                                            .process = process,
                                            .page = page,
                                            .count = until,
                                            .flag = for_frame});
}

/* An entry in a page table that others have, too, would let them pass: it becomes valid when the
 * page is there, by the trap of whoever comes first. */
static void hide(struct kb_os *os, uint32_t frame) {
    for (uint32_t id = kb_os_page_in(os, frame)->first; id != KB_NO_MAPPING;
         id = os->pages.mapping[id].along) {
        const struct kb_mapping *mapping = &os->pages.mapping[id];
        if (mapping->shared && mapping->process != os->running->number)
            kb_os_leave(os, id);
    }
}

void kb_os_block(struct kb_os *os, uint32_t frame) {
    if (kb_os_segmented(os))
        hide(os, frame);
    kb_os_stop_waiting(os, os->running);
    os->frame[frame].pins++;
    os->running->awaited = frame + 1;
    os->running->frame_waits = 0;
    block(os, kb_os_number_of(os, frame), os->ready_at, false);
}

bool kb_os_wait_for_frame(struct kb_os *os, uint64_t page) {
    struct kb_process *process = os->running;
    uint64_t now = kb_os_now(os), first = UINT64_MAX;
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *other = os->process[i];
        if (other == process || (other->awaited == 0 && other->kept == 0))
            continue;
        uint64_t at = other->awaited != 0 && other->wake_at > now ? other->wake_at : now;
        first = at < first ? at : first;
    }
    if (first == UINT64_MAX || ++process->frame_waits > KB_MOST_FRAME_WAITS)
        return false;
    kb_os_stop_waiting(os, process);
    block(os, page, first, true);
    return true;
}

void kb_os_stop_waiting(struct kb_os *os, struct kb_process *process) {
    if (process->awaited != 0)
        os->frame[process->awaited - 1].pins--;
    if (process->kept != 0)
        os->frame[process->kept - 1].kept--;
    process->awaited = process->kept = 0;
}

void kb_os_page_went(struct kb_os *os, uint32_t frame) {
    const struct kb_frame *f = &os->frame[frame];
    for (uint32_t i = 0; f->pins + f->kept > 0 && i < os->process_count; i++)
        if (os->process[i]->awaited == frame + 1 || os->process[i]->kept == frame + 1)
            kb_os_stop_waiting(os, os->process[i]);
}

static void wake(struct kb_os *os, struct kb_process *process) {
    uint32_t kept = process->awaited;
    kb_os_stop_waiting(os, process);
    process->kept = kept;
    if (kept != 0)
        os->frame[kept - 1].kept++;
    process->state = KB_READY;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_WAKE, .process = process});
}

void kb_os_wake(struct kb_os *os) {
    uint64_t now = kb_os_now(os);
    for (uint32_t i = 0; i < os->process_count; i++)
        if (os->process[i]->state == KB_BLOCKED && os->process[i]->wake_at <= now)
            wake(os, os->process[i]);
}

bool kb_os_idle(struct kb_os *os) {
    uint64_t now = kb_os_now(os), first = UINT64_MAX;
    for (uint32_t i = 0; i < os->process_count; i++)
        if (os->process[i]->state == KB_BLOCKED && os->process[i]->wake_at < first)
            first = os->process[i]->wake_at;
    if (first == UINT64_MAX)
        return false;
    if (first > now)
        os->idle += first - now;
    kb_os_wake(os);
    return true;
}
