/* free.c - frames that nobody uses: a stack of empty ones, and a list of those that stand by.
 *
 *   take ◄── free (last in, first out), else ◄── oldest … newest ◄── given up, still with its bytes
 *                                                   └──► rescued by a soft fault
 *
 * Source: the free page list of VAX/VMS (Levy and Lipman 1982). Pages stand by
 * only where the system sends them out in advance (setup.high); elsewhere a
 * frame that was given up is simply free. */
#include "os/os.h"

void kb_os_free_frame(struct kb_os *os, uint32_t frame) { os->free_list[os->free_count++] = frame; }

void kb_os_stand_by(struct kb_os *os, uint32_t frame, uint32_t page) {
    struct kb_frame *f = &os->frame[frame];
    *f = (struct kb_frame){.use = KB_FRAME_STANDBY,
                           .loaded_at = f->loaded_at,
                           .older = os->standby_newest,
                           .newer = KB_NO_FRAME};
    if (os->standby_newest != KB_NO_FRAME)
        os->frame[os->standby_newest].newer = frame;
    else
        os->standby_oldest = frame;
    os->standby_newest = frame;
    os->standby_count++;
    os->page_of[frame] = page;
    os->pages.page[page].standing_by = frame + 1;
}

/* Takes a frame out of the list; its page is not in it any more. */
static void unlink_frame(struct kb_os *os, uint32_t frame) {
    struct kb_frame *f = &os->frame[frame];
    if (f->older != KB_NO_FRAME)
        os->frame[f->older].newer = f->newer;
    else
        os->standby_oldest = f->newer;
    if (f->newer != KB_NO_FRAME)
        os->frame[f->newer].older = f->older;
    else
        os->standby_newest = f->older;
    os->standby_count--;
    os->pages.page[os->page_of[frame]].standing_by = 0;
    *f = (struct kb_frame){.use = KB_FRAME_FREE};
}

uint32_t kb_os_rescue(struct kb_os *os, uint32_t page) {
    uint32_t frame = os->pages.page[page].standing_by - 1;
    unlink_frame(os, frame);
    return frame;
}

/* The place in the stack of the one to be taken. */
static uint32_t choose(struct kb_os *os) {
    uint32_t best = os->free_count - 1;
    if (os->setup.free_order == KB_FREE_RANDOM)
        return (uint32_t)kb_random_below(&os->free_random, os->free_count);
    for (uint32_t i = 0; os->setup.free_order != KB_FREE_LIFO && i < os->free_count; i++)
        if ((os->free_list[i] < os->free_list[best]) == (os->setup.free_order == KB_FREE_LOWEST) &&
            i != best)
            best = i;
    return best;
}

static uint32_t take_empty(struct kb_os *os) {
    uint32_t at = choose(os), frame = os->free_list[at];
    os->free_list[at] = os->free_list[--os->free_count];
    return frame;
}

uint32_t kb_os_take_free(struct kb_os *os) {
    uint32_t frame = os->standby_oldest;
    if (os->free_count > 0)
        frame = take_empty(os);
    else if (frame != KB_NO_FRAME)
        unlink_frame(os, frame);
    if (frame == KB_NO_FRAME)
        frame = kb_os_table_out(os);
    if (frame != KB_NO_FRAME && frame >= os->used)
        os->used = frame + 1;
    return frame;
}

bool kb_os_give_up(struct kb_os *os, uint32_t frame, enum kb_why why, enum kb_reason *reason) {
    uint32_t page = os->page_of[frame];
    if (os->keys[frame] & KB_MODIFIED && !kb_os_write_back(os, frame, reason))
        return false;
    kb_pager_forget(os, frame, why);
    kb_os_vacate(os, frame, why == KB_EVICTED);
    if (kb_os_stands_by(os))
        kb_os_stand_by(os, frame, page);
    else
        kb_os_free_frame(os, frame);
    return true;
}
