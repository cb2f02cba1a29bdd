/* allocate.c - how many frames each process may hold, when each replaces its own pages.
 *
 *   equal          m frames, n processes: ⌊m / n⌋ each
 *   proportional   ⌊s / S × m⌋ for a process of s pages, S pages in all
 *   minimum        nobody gets less; the greatest allocations give what that takes
 *   fixed          by command; the others share the rest
 *   variable       as many as the process's own policy keeps (ws, pff); when none
 *                  is free, whoever holds most gives one, by its own policy: first
 *                  of those that have nothing to do
 *
 * Processes have as many pages as they said, else as their regions, or as they
 * have used if everything is legal for them. m is without the frames of the
 * kernel, of page tables, and of the page daemon's reserve. Whoever holds more
 * than it may gives up pages at once. What rounding leaves over stays free.
 * Source: Silberschatz, Galvin and Gagne, Operating System Concepts,
 * "Allocation of Frames". */
#include "os/os.h"

static bool takes_part(const struct kb_os *os, const struct kb_process *process) {
    return process->state != KB_ENDED && process != os->kernel;
}

static uint64_t size_of(const struct kb_os *os, const struct kb_process *process) {
    unsigned bits = kb_os_page_bits(os);
    uint64_t pages = 0;
    if (process->size > 0)
        return process->size;
    for (uint32_t i = 0; i < process->region_count; i++)
        if (!process->regions[i].guard)
            pages +=
                ((process->regions[i].end - 1) >> bits) - (process->regions[i].start >> bits) + 1;
    if (!process->bounded)
        pages = process->mapped;
    return pages == 0 ? 1 : pages;
}

uint32_t kb_os_frames_to_share(const struct kb_os *os) {
    uint64_t taken = (uint64_t)os->setup.high + os->table_frames;
    taken += os->kernel != NULL ? os->kernel->held : 0;
    return taken < os->setup.frames ? os->setup.frames - (uint32_t)taken : 0;
}

struct shares {
    uint64_t frames, pages; /* of those who share */
    uint32_t processes;
};

static struct shares look(const struct kb_os *os) {
    struct shares shares = {.frames = kb_os_frames_to_share(os)};
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *process = os->process[i];
        if (!takes_part(os, process))
            continue;
        if (process->fixed_allocation > 0) {
            uint64_t taken = process->fixed_allocation;
            shares.frames -= taken < shares.frames ? taken : shares.frames;
            continue;
        }
        shares.processes++;
        shares.pages += size_of(os, process);
    }
    return shares;
}

/* pages × frames fits: both are below 2^53 in every format. */
static uint32_t share_of(const struct kb_os *os, const struct kb_process *process,
                         const struct shares *shares) {
    uint32_t least = os->setup.minimum;
    if (process->fixed_allocation > 0)
        return process->fixed_allocation;
    if (os->setup.allocation == KB_ALLOCATE_VARIABLE)
        return kb_os_frames_to_share(os);
    uint64_t share = shares->frames / shares->processes;
    if (os->setup.allocation == KB_ALLOCATE_PROPORTIONAL)
        share = (uint64_t)((double)size_of(os, process) * (double)shares->frames /
                           (double)shares->pages);
    return share < least ? least : (uint32_t)share;
}

/* The greatest allocation that is not fixed gives a frame; false: all have the minimum. */
static bool take_one(struct kb_os *os) {
    uint32_t least = os->setup.minimum;
    struct kb_process *greatest = NULL;
    for (uint32_t i = 0; i < os->process_count; i++) {
        struct kb_process *process = os->process[i];
        if (takes_part(os, process) && process->fixed_allocation == 0 &&
            process->allocation > least &&
            (greatest == NULL || process->allocation > greatest->allocation))
            greatest = process;
    }
    if (greatest != NULL)
        greatest->allocation--;
    return greatest != NULL;
}

void kb_os_share_out(struct kb_os *os) {
    if (os->setup.allocation == KB_ALLOCATE_GLOBAL)
        return;
    struct shares shares = look(os);
    uint64_t sum = 0, most = kb_os_frames_to_share(os);
    for (uint32_t i = 0; i < os->process_count; i++) {
        struct kb_process *process = os->process[i];
        if (takes_part(os, process)) {
            process->allocation = share_of(os, process, &shares);
            sum += process->allocation;
        }
    }
    while (sum > most && os->setup.allocation != KB_ALLOCATE_VARIABLE && take_one(os))
        sum--;
    for (uint32_t i = 0; i < os->process_count; i++)
        if (takes_part(os, os->process[i]) && os->process[i]->pager != NULL)
            kb_pager_resize(os, os->process[i]);
}

kb_status kb_os_trim(struct kb_os *os, struct kb_process *process, uint32_t room, uint32_t wanted) {
    kb_status status = KB_OK;
    bool background = os->background;
    if (process->pager == NULL)
        return KB_OK;
    os->background = true;
    while ((uint64_t)process->held + room > process->allocation) {
        uint32_t frame;
        enum kb_reason ignored;
        status = kb_pager_evict(os, process->pager, wanted, &frame, &ignored);
        if (status != KB_OK || frame == KB_NO_FRAME)
            break;
        kb_os_count_eviction(os, process);
        if (!kb_os_give_up(os, frame, KB_EVICTED, &ignored))
            break;
    }
    os->background = background;
    return status;
}

kb_status kb_os_tell_size(struct kb_os *os, struct kb_process *process, uint64_t pages) {
    process->size = pages;
    return kb_os_allocate(os);
}

kb_status kb_os_allocate(struct kb_os *os) {
    kb_status status = KB_OK;
    kb_os_share_out(os);
    for (uint32_t i = 0; i < os->process_count && status == KB_OK; i++)
        if (takes_part(os, os->process[i]))
            status = kb_os_trim(os, os->process[i], 0, KB_NO_WANTED);
    return status;
}

bool kb_os_allocation_fits(const struct kb_os *os, const struct kb_process *process,
                           uint32_t frames) {
    uint32_t least = os->setup.minimum;
    uint64_t needed = 0;
    if (os->setup.allocation == KB_ALLOCATE_VARIABLE)
        return frames <= kb_os_frames_to_share(os);
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        if (!takes_part(os, p) || p == process)
            continue;
        needed += p->fixed_allocation > 0 ? p->fixed_allocation : least;
    }
    return frames >= least && needed + frames <= kb_os_frames_to_share(os);
}

kb_status kb_os_allocate_fixed(struct kb_os *os, struct kb_process *process, uint32_t frames,
                               bool *refused) {
    *refused = os->setup.allocation == KB_ALLOCATE_GLOBAL || !takes_part(os, process) ||
               (frames > 0 && !kb_os_allocation_fits(os, process, frames));
    if (*refused)
        return KB_OK;
    process->fixed_allocation = frames;
    return kb_os_allocate(os);
}

/* A process that holds less than it may, while no frame is free: whoever holds more than it may
 * gives one, then what is nobody's, then the process itself, then whoever holds most. */
static struct kb_pager *donor(struct kb_os *os, const struct kb_process *process) {
    struct kb_pager *most = NULL;
    uint32_t excess = 0, held = 0;
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        if (p->pager == NULL || p->pager->held == 0 || p->held <= p->allocation ||
            p->held - p->allocation <= excess)
            continue;
        excess = p->held - p->allocation;
        most = p->pager;
    }
    if (most == NULL && os->pager.held > 0)
        most = &os->pager;
    if (most == NULL && process != NULL && process->pager != NULL && process->pager->held > 0)
        most = process->pager;
    bool anybody = most == NULL;
    for (uint32_t i = 0; anybody && i < os->process_count; i++) {
        struct kb_pager *pager = os->process[i]->pager;
        if (pager != NULL && pager->held > held) {
            held = pager->held;
            most = pager;
        }
    }
    return most != NULL ? most : &os->pager;
}

/* Who holds most of those that have nothing to do, else of all; of equals the process itself, else
 * the first. */
static struct kb_pager *greatest(struct kb_os *os, const struct kb_process *process) {
    struct kb_pager *most = process != NULL && process->pager != NULL ? process->pager : &os->pager;
    bool rests = false;
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        if (p->pager == NULL || p->pager->held == 0 || p == process)
            continue;
        if (p->rests > rests || (p->rests == rests && p->pager->held > most->held)) {
            most = p->pager;
            rests = p->rests;
        }
    }
    return most;
}

struct kb_pager *kb_os_who_gives(struct kb_os *os, const struct kb_process *process) {
    if (os->setup.allocation == KB_ALLOCATE_GLOBAL)
        return &os->pager;
    if (process != NULL && process->pager != NULL && process->pager->held > 0 &&
        process->held >= process->allocation)
        return process->pager;
    return os->setup.allocation == KB_ALLOCATE_VARIABLE && os->pager.held == 0
               ? greatest(os, process)
               : donor(os, process);
}
