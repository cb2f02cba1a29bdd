/* working_set.c - W(t, window) of each process, whatever the policy keeps in memory: the pages of
 * its last `window` references.
 *
 *   process ──► page used first … page used last     those leave at the front whose last
 *                                                     use fell out of the window
 *
 * A page that several processes use is in the set of who used it last. Time is
 * the process's own references. Source: P. J. Denning, CACM 11(5), 1968. */
#include "os/os.h"

static struct kb_used_page *node_of(struct kb_os *os, uint32_t node) {
    return &os->load.used[node - 1];
}

static void leave(struct kb_os *os, uint32_t node) {
    struct kb_used_page *n = node_of(os, node);
    struct kb_process *process = os->process[n->process - 1];
    if (n->before != 0)
        node_of(os, n->before)->after = n->after;
    else
        process->used_first = n->after;
    if (n->after != 0)
        node_of(os, n->after)->before = n->before;
    else
        process->used_last = n->before;
    process->working_set--;
    *n = (struct kb_used_page){.process = 0};
}

static void enter(struct kb_os *os, struct kb_process *process, uint32_t node) {
    uint32_t last = process->used_last;
    *node_of(os, node) = (struct kb_used_page){
        .before = last, .process = process->number + 1, .at = process->counters.references};
    if (last != 0)
        node_of(os, last)->after = node;
    else
        process->used_first = node;
    process->used_last = node;
    process->working_set++;
}

kb_status kb_working_set_grow(struct kb_os *os) {
    uint32_t room = os->pages.room;
    if (os->load.window == 0 || room <= os->load.room)
        return KB_OK;
    struct kb_used_page *more =
        kb_grow(os->host, os->load.used, os->load.room * sizeof *more, room * sizeof *more);
    if (more == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "working sets",
                       (unsigned long long)(room * sizeof *more));
    os->load.used = more;
    os->load.room = room;
    return KB_OK;
}

void kb_working_set_use(struct kb_os *os, struct kb_process *process, uint32_t page) {
    uint64_t now = process->counters.references;
    if (page != KB_NO_PAGE && os->load.used[page].process != 0)
        leave(os, page + 1);
    if (page != KB_NO_PAGE)
        enter(os, process, page + 1);
    while (process->used_first != 0 &&
           node_of(os, process->used_first)->at + os->load.window <= now)
        leave(os, process->used_first);
}

void kb_working_set_drop(struct kb_os *os, uint32_t page) {
    if (page < os->load.room && os->load.used[page].process != 0)
        leave(os, page + 1);
}

void kb_working_set_end(struct kb_os *os, struct kb_process *process) {
    while (process->used_first != 0)
        leave(os, process->used_first);
}

uint64_t kb_working_set_sum(const struct kb_os *os) {
    uint64_t sum = 0;
    for (uint32_t i = 0; os->load.window > 0 && i < os->process_count; i++)
        if (kb_os_is_active(os, os->process[i]) && !os->process[i]->rests)
            sum += os->process[i]->working_set;
    return sum;
}
