/* pageout.c - the page daemon: pages go before their frames are needed, so that a fault need not
 * wait for a write.
 *
 *   free frames < low ──► victims of the policy go, the modified ones written in clusters,
 *                         until there are `high`; their frames stand by (free.c)
 *
 * It runs between two references, after the fault that took the frames below
 * the mark. Sources: Levy and Lipman 1982 (VAX/VMS); Babaoglu and Joy 1981. */
#include "os/os.h"

kb_status kb_os_make_room(struct kb_os *os, uint32_t frames) {
    kb_status status = KB_OK;
    uint32_t gone = 0;
    bool background = os->background;
    os->background = true;
    while (kb_os_free_frames(os) < frames) {
        uint32_t frame;
        enum kb_reason ignored;
        status = kb_pager_evict(os, kb_os_who_gives(os, NULL), KB_NO_WANTED, &frame, &ignored);
        if (status != KB_OK || frame == KB_NO_FRAME)
            break;
        struct kb_process *owner = kb_os_owner(os, frame);
        kb_os_count_eviction(os, owner);
        gone += kb_os_give_up(os, frame, KB_EVICTED, &ignored);
    }
    os->background = background;
    if (gone > 0 && kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_PAGE_OUT, .count = gone});
    return status;
}

kb_status kb_os_page_out(struct kb_os *os) {
    return kb_os_free_frames(os) < os->setup.low ? kb_os_make_room(os, os->setup.high) : KB_OK;
}
