/* swapper.c - processes go out and come in as a whole, beside the lazy pager that moves single
 * pages.
 *
 *   out   modified pages ──► slots in a row: one transfer; all pages leave, the process waits
 *   in    image, slots, file ──► memory, in the order of addresses: neighbours are one transfer
 *
 * What the pager would never have fetched comes, too: that is what it costs,
 * and what one long transfer saves. Source: Deitel, Operating Systems, 1984. */
#include "base/order.h"
#include "os/os.h"

/* Pages of a process in the order of their addresses. */
struct list {
    uint32_t *mapping;
    uint32_t count;
};

static kb_status take_list(struct kb_os *os, const struct kb_process *process, struct list *list) {
    list->count = 0;
    list->mapping = kb_take(os->host, ((size_t)process->mapped + 1) * sizeof *list->mapping);
    return list->mapping != NULL
               ? KB_OK
               : kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "swapper",
                         (unsigned long long)process->mapped * sizeof *list->mapping);
}

static void drop_list(struct kb_os *os, const struct list *list, uint32_t room) {
    kb_give_back(os->host, list->mapping, ((size_t)room + 1) * sizeof *list->mapping);
}

static uint64_t number_at(const struct kb_os *os, const struct list *list, uint32_t i) {
    return os->pages.mapping[list->mapping[i]].number;
}

static uint64_t number_of(const void *context, uint32_t mapping) {
    const struct kb_os *os = context;
    return os->pages.mapping[mapping].number;
}

/* ---- out ---- */

static uint32_t frame_of(const struct kb_os *os, uint32_t mapping) {
    return os->pages.frame_of[os->pages.mapping[mapping].page] - 1;
}

static bool is_resident(const struct kb_os *os, uint32_t mapping) {
    return os->pages.frame_of[os->pages.mapping[mapping].page] != 0;
}

/* Mappings of pages in memory; two of them may have one page. false: one is held there. */
static bool list_resident(const struct kb_os *os, const struct kb_process *process,
                          struct list *list) {
    for (uint32_t id = process->mappings; id != KB_NO_MAPPING; id = os->pages.mapping[id].next) {
        uint32_t page = os->pages.mapping[id].page;
        if (os->pages.mapping[id].wired ||
            (os->pages.frame_of[page] != 0 && os->frame[os->pages.frame_of[page] - 1].pins > 0))
            return false;
        if (os->pages.frame_of[page] != 0)
            list->mapping[list->count++] = id;
    }
    return process->super_count == 0;
}

/* Whether the page stays for another process; one's own second mapping goes, too. */
static bool stays(const struct kb_os *os, uint32_t mapping) {
    const struct kb_page *page = &os->pages.page[os->pages.mapping[mapping].page];
    uint32_t process = os->pages.mapping[mapping].process;
    for (uint32_t id = page->first; id != KB_NO_MAPPING; id = os->pages.mapping[id].along)
        if (os->pages.mapping[id].process != process && os->pages.mapping[id].entry != KB_NO_TABLE)
            return true;
    return page->wired > 0;
}

static bool write_all(struct kb_os *os, const struct list *list, uint64_t *written) {
    uint64_t before = os->counters.write_backs;
    bool good = true, batch = kb_os_begin_batch(os), background = os->background;
    os->background = true;
    kb_os_write_list(os, list->mapping, list->count);
    for (uint32_t i = 0; good && i < list->count; i++) {
        enum kb_reason ignored;
        uint32_t frame = frame_of(os, list->mapping[i]);
        if (!stays(os, list->mapping[i]) && os->keys[frame] & KB_MODIFIED)
            good = kb_os_write_back(os, frame, &ignored);
    }
    os->batch = batch;
    os->background = background;
    *written = os->counters.write_backs - before;
    return good;
}

kb_status kb_os_swap_out(struct kb_os *os, struct kb_process *process, bool *refused) {
    struct list list;
    uint64_t written = 0;
    uint32_t room = process->mapped;
    if (os->storage != NULL)
        return kb_storage_swap_out(os, process, refused);
    *refused = process == os->kernel || process->state == KB_SWAPPED ||
               process->state == KB_BLOCKED || process->state == KB_ENDED || !kb_os_paged(os);
    kb_status status = *refused ? KB_OK : take_list(os, process, &list);
    if (status != KB_OK || *refused)
        return status;
    *refused = !list_resident(os, process, &list);
    kb_order(list.mapping, list.count, number_of, os);
    if (!*refused)
        *refused = !write_all(os, &list, &written);
    for (uint32_t i = 0; !*refused && i < list.count; i++) {
        enum kb_reason ignored;
        kb_os_leave_alone(os, list.mapping[i]);
        if (is_resident(os, list.mapping[i]) && !stays(os, list.mapping[i]))
            (void)kb_os_give_up(os, frame_of(os, list.mapping[i]), KB_RELEASED, &ignored);
    }
    drop_list(os, &list, room);
    if (*refused)
        return KB_OK;
    if (kb_os_segmented(os))
        kb_os_segments_close(os, process);
    os->counters.swapped_out++;
    kb_os_leave_processor(os, process);
    process->state = KB_SWAPPED;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SWAP_OUT,
                                            .process = process,
                                            .count = list.count,
                                            .slots = written});
    return KB_OK;
}

/* ---- in ---- */

/* Whether the page has a content that would have to be read. */
static bool is_somewhere(const struct kb_os *os, const struct kb_region *region, uint32_t mapping) {
    if (mapping != KB_NO_MAPPING &&
        os->pages.page[os->pages.mapping[mapping].page].slot != KB_NO_SLOT)
        return true;
    if (region == NULL)
        return false;
    return region->has_image || (region->object != 0 && os->object[region->object - 1]->file);
}

/* What is done with a page that is to be read; false: no more. */
typedef bool act_on(struct kb_os *os, struct kb_process *process, uint64_t number, void *context);

static bool step(struct kb_os *os, struct kb_process *process, const struct kb_region *region,
                 uint64_t number, act_on *act, void *context) {
    uint32_t mapping = kb_pages_find(&os->pages, process->number, number);
    bool there = kb_os_frame_of(os, process, number) != KB_NO_FRAME;
    return there || !is_somewhere(os, region, mapping) || act(os, process, number, context);
}

/* The region that begins next behind an address, or NULL. */
static const struct kb_region *next_region(const struct kb_process *process, uint64_t from) {
    const struct kb_region *next = NULL;
    for (uint32_t i = 0; i < process->region_count; i++)
        if (process->regions[i].start >= from &&
            (next == NULL || process->regions[i].start < next->start))
            next = &process->regions[i];
    return next;
}

/* All pages of a region that has an image or a file, of others those that were used. *at: how far
 * the list is used up. */
static bool each_of_region(struct kb_os *os, struct kb_process *process,
                           const struct kb_region *region, const struct list *list, uint32_t *at,
                           act_on *act, void *context) {
    unsigned bits = kb_os_page_bits(os);
    uint64_t first = region->start >> bits, end = ((region->end - 1) >> bits) + 1;
    bool whole = is_somewhere(os, region, KB_NO_MAPPING);
    for (uint64_t number = first; whole && number < end; number++)
        if (!step(os, process, region, number, act, context))
            return false;
    for (; *at < list->count && number_at(os, list, *at) < end; ++*at)
        if (!whole && number_at(os, list, *at) >= first &&
            !step(os, process, region, number_at(os, list, *at), act, context))
            return false;
    return true;
}

/* Calls act for each page that has to be read for the process to be in memory, in the order of
 * addresses. */
static kb_status each_to_read(struct kb_os *os, struct kb_process *process, act_on *act,
                              void *context) {
    struct list list;
    uint32_t room = process->mapped, at = 0;
    kb_status status = take_list(os, process, &list);
    if (status != KB_OK)
        return status;
    for (uint32_t id = process->mappings; id != KB_NO_MAPPING; id = os->pages.mapping[id].next)
        list.mapping[list.count++] = id;
    kb_order(list.mapping, list.count, number_of, os);
    const struct kb_region *region = process->bounded ? next_region(process, 0) : NULL;
    while (region != NULL && each_of_region(os, process, region, &list, &at, act, context))
        region = next_region(process, region->end);
    while (!process->bounded && at < list.count &&
           step(os, process, NULL, number_at(os, &list, at), act, context))
        at++;
    drop_list(os, &list, room);
    return KB_OK;
}

static bool count_page(struct kb_os *os, struct kb_process *process, uint64_t number,
                       void *context) {
    (void)os;
    (void)process;
    (void)number;
    return ++*(uint64_t *)context <= os->setup.frames;
}

struct arrival {
    kb_status status;
    uint64_t pages;
    bool in;
};

static bool bring_page(struct kb_os *os, struct kb_process *process, uint64_t number,
                       void *context) {
    struct arrival *arrival = context;
    enum kb_reason ignored;
    uint32_t frame;
    arrival->status = kb_os_bring(os, process, number, &frame, &arrival->in, &ignored);
    if (arrival->status != KB_OK || !arrival->in)
        return false;
    if (!(os->keys[frame] & KB_RESIDENT))
        kb_pager_admit(os, frame, KB_BY_MOVE);
    arrival->pages++;
    return true;
}

kb_status kb_os_swap_in(struct kb_os *os, struct kb_process *process, bool page_by_page,
                        bool *refused) {
    struct arrival arrival = {.status = KB_OK, .in = true};
    uint64_t pages = 0, reads = os->counters.disk_transfers;
    bool batch = os->batch;
    if (os->storage != NULL)
        return kb_storage_swap_in(os, process, refused);
    *refused = process == os->kernel || process->state == KB_ENDED || !kb_os_paged(os);
    kb_status status = *refused ? KB_OK : each_to_read(os, process, count_page, &pages);
    if (status != KB_OK || *refused)
        return status;
    *refused = pages > (process->pager != NULL ? process->allocation : os->setup.frames);
    if (!*refused)
        status = kb_os_make_room(os, (uint32_t)pages);
    reads = os->counters.disk_transfers;
    os->batch = !page_by_page;
    os->stream = KB_STREAM_NONE;
    if (!*refused && status == KB_OK)
        status = each_to_read(os, process, bring_page, &arrival);
    os->batch = batch;
    kb_os_wait_for_disk(os);
    if (status == KB_OK)
        status = arrival.status;
    *refused |= !arrival.in;
    if (status != KB_OK || *refused)
        return status;
    os->counters.swapped_in++;
    kb_os_load_resume(os, process);
    if (process->state == KB_SWAPPED)
        process->state = KB_READY;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SWAP_IN,
                                            .process = process,
                                            .count = arrival.pages,
                                            .slots = os->counters.disk_transfers - reads});
    return KB_OK;
}
