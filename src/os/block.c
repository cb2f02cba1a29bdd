/* block.c - a process that waits for its page is blocked, and others run meanwhile.
 *
 * The page's bytes are in the frame at once, but until the device is done with
 * it (kb_frame.arrives) nobody may use it: whoever does so first waits, and so
 * do all who come after, for the one transfer. While somebody waits the frame
 * is pinned. With io_cycles transfers do not wait for each other; with a clock
 * the disk makes them one by one (disk.c). */
#include "os/os.h"

void kb_os_block(struct kb_os *os, uint32_t frame) {
    struct kb_process *process = os->running;
    os->frame[frame].pins++;
    process->awaited = frame + 1;
    process->state = KB_BLOCKED;
    process->wake_at = os->ready_at;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_BLOCK,
                                            .process = process,
                                            .page = kb_os_number_of(os, frame),
                                            .frame = frame,
                                            .count = process->wake_at});
}

void kb_os_stop_waiting(struct kb_os *os, struct kb_process *process) {
    if (process->awaited != 0)
        os->frame[process->awaited - 1].pins--;
    process->awaited = 0;
}

void kb_os_page_went(struct kb_os *os, uint32_t frame) {
    for (uint32_t i = 0; os->frame[frame].pins > 0 && i < os->process_count; i++)
        if (os->process[i]->awaited == frame + 1)
            kb_os_stop_waiting(os, os->process[i]);
}

static void wake(struct kb_os *os, struct kb_process *process) {
    kb_os_stop_waiting(os, process);
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
