/* writeback.c - a page is written where it belongs: to its slot of the paging file, or to its place
 * in a file. Modified neighbours go with it in one transfer, if the system is told to do so.
 *
 *   victim        n             M = 1 in memory:  n−2 n−1 n n+1     cluster=4
 *   slots         s s+1 s+2 s+3  in a row: one transfer; all four are clean now, three stay
 *
 * A page is clean only when its write is known to be good. */
#include "os/os.h"

#define KB_MOST_CLUSTER 64

bool kb_os_begin_batch(struct kb_os *os) {
    bool batch = os->batch;
    if (!batch) /* what was moved before was another transfer */
        os->stream = KB_STREAM_NONE;
    os->batch = true;
    return batch;
}

void kb_os_transfer(struct kb_os *os, enum kb_stream stream, uint64_t key, uint64_t place) {
    bool goes_on =
        os->batch && stream == os->stream && key == os->stream_key && place == os->stream_next;
    os->counters.disk_transfers += !goes_on;
    os->counters.disk_bytes += kb_os_page_bytes(os);
    os->stream = stream;
    os->stream_key = key;
    os->stream_next = place + 1;
    if (os->setup.clock)
        kb_os_disk_serve(os, goes_on);
}

void kb_os_tell_store(struct kb_os *os, uint32_t page, uint64_t slot, const char *text) {
    const struct kb_page *of = &os->pages.page[page];
    const struct kb_mapping *first =
        of->first == KB_NO_MAPPING ? NULL : &os->pages.mapping[of->first];
    os->counters.io_errors++;
    if (kb_os_heard(os))
        kb_os_tell(os,
                   (struct kb_os_event){.kind = KB_OS_EVENT_STORE_FAILED,
                                        .owner = first != NULL ? os->process[first->process] : NULL,
                                        .page = first != NULL ? first->number : of->place,
                                        .slot = slot,
                                        .text = text});
}

static bool in_file(const struct kb_os *os, uint32_t frame) {
    uint32_t object = kb_os_page_in(os, frame)->object;
    return object != KB_NO_OBJECT && os->object[object]->file;
}

static void written(struct kb_os *os, uint32_t frame, uint64_t slot) {
    struct kb_process *owner = kb_os_owner(os, frame);
    os->counters.write_backs++;
    os->counters.background_writes += os->background;
    if (owner != NULL)
        owner->counters.write_backs++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_WRITE_BACK,
                                            .owner = owner,
                                            .page = kb_os_number_of(os, frame),
                                            .frame = frame,
                                            .slot = slot,
                                            .flag = in_file(os, frame)});
    kb_os_clear_bits(os, frame, KB_ENTRY_MODIFIED);
}

static const uint8_t *bytes_of(const struct kb_os *os, uint32_t frame) {
    return kb_memory_at(&os->mmu.memory, (uint64_t)frame << kb_os_page_bits(os));
}

/* ---- to a file ---- */

static bool to_file(struct kb_os *os, uint32_t frame, enum kb_reason *reason) {
    const struct kb_page *page = kb_os_page_in(os, frame);
    struct kb_object *object = os->object[page->object];
    struct kb_error failure;
    failure.language = os->error->language; /* all else is filled when it fails */
    const uint8_t *bytes = bytes_of(os, frame);
    if (object->store.write(object->store.context, page->place, bytes, &failure) != KB_OK) {
        kb_os_tell_store(os, os->page_of[frame], page->place, failure.text);
        *reason = KB_REASON_WRITE_FAILED;
        return false;
    }
    object->sum[page->place] = kb_page_sum(bytes, kb_os_page_bytes(os));
    object->writes++;
    os->counters.file_writes++;
    kb_os_transfer(os, KB_STREAM_FILE_OUT, page->object, page->place);
    written(os, frame, page->place);
    return true;
}

/* ---- to the paging file ---- */

/* No slot is free: that of a page in memory is redundant. One whose copy is stale is preferred; a
 * clean page is modified from now on. KB_NO_SLOT: there is none. */
static uint64_t take_back_slot(struct kb_os *os, uint32_t except) {
    uint32_t found = KB_NO_FRAME;
    for (uint32_t frame = 0; frame < os->used; frame++) {
        if (frame == except || os->frame[frame].use != KB_FRAME_PAGE || os->frame[frame].fixed ||
            !(os->keys[frame] & KB_RESIDENT) || kb_os_page_in(os, frame)->slot == KB_NO_SLOT)
            continue;
        found = frame;
        if (os->keys[frame] & KB_MODIFIED)
            break;
    }
    if (found == KB_NO_FRAME)
        return KB_NO_SLOT;
    uint64_t slot = kb_os_page_in(os, found)->slot;
    kb_os_page_in(os, found)->slot = KB_NO_SLOT;
    if (!(os->keys[found] & KB_MODIFIED))
        kb_os_set_modified(os, found);
    return slot;
}

/* Writes to one slot. false: the slot is set aside, and the page has none of its own any more if it
 * was that. */
static bool to_slot(struct kb_os *os, uint32_t frame, uint64_t slot) {
    struct kb_page *page = kb_os_page_in(os, frame);
    struct kb_error failure;
    failure.language = os->error->language; /* all else is filled when it fails */
    uint64_t sum;
    if (kb_swap_write(&os->swap, slot, bytes_of(os, frame), &sum, &failure) == KB_OK) {
        if (page->slot != KB_NO_SLOT && page->slot != slot)
            kb_swap_give_back(&os->swap, page->slot);
        page->slot = slot;
        page->sum = sum;
        kb_os_transfer(os, KB_STREAM_SWAP_OUT, 0, slot);
        written(os, frame, slot);
        return true;
    }
    kb_os_tell_store(os, os->page_of[frame], slot, failure.text);
    kb_swap_set_aside(&os->swap, slot);
    if (page->slot == slot)
        page->slot = KB_NO_SLOT;
    return false;
}

/* A failed write makes its slot suspect; another slot is tried once. */
static bool alone(struct kb_os *os, uint32_t frame, enum kb_reason *reason) {
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        uint64_t slot = kb_os_page_in(os, frame)->slot;
        if (slot == KB_NO_SLOT)
            slot = kb_swap_take(&os->swap);
        if (slot == KB_NO_SLOT)
            slot = take_back_slot(os, frame);
        if (slot == KB_NO_SLOT) {
            *reason = attempt == 0 ? KB_REASON_SWAP_FULL : KB_REASON_WRITE_FAILED;
            return false;
        }
        if (to_slot(os, frame, slot))
            return true;
    }
    *reason = KB_REASON_WRITE_FAILED;
    return false;
}

/* ---- neighbours ---- */

/* The frame of the page that lies `by` behind another one, if it waits for its write, too. */
static uint32_t neighbour(const struct kb_os *os, uint32_t frame, int64_t by) {
    const struct kb_page *page = kb_os_page_in(os, frame);
    const struct kb_mapping *first = kb_os_first_mapping(os, frame);
    bool file = in_file(os, frame);
    uint32_t id;
    if (file) {
        id = kb_lookup_find(&os->pages.by_object, page->object, page->place + (uint64_t)by);
    } else if (first != NULL) {
        id = kb_pages_find(&os->pages, first->process, first->number + (uint64_t)by);
        id = id == KB_NO_MAPPING ? KB_NO_PAGE : os->pages.mapping[id].page;
    } else {
        return KB_NO_FRAME;
    }
    if (id == KB_NO_PAGE || os->pages.frame_of[id] == 0)
        return KB_NO_FRAME;
    uint32_t next = os->pages.frame_of[id] - 1;
    bool waits = (os->keys[next] & KB_MODIFIED) != 0 && kb_pager_owns(os, next) &&
                 os->frame[next].pins == 0 && in_file(os, next) == file;
    return waits ? next : KB_NO_FRAME;
}

/* The row of neighbours around a frame; *at: its own place in it. Those behind it come first. */
static unsigned gather(const struct kb_os *os, uint32_t frame, uint32_t *row, unsigned *at) {
    unsigned most = os->setup.cluster < KB_MOST_CLUSTER ? os->setup.cluster : KB_MOST_CLUSTER;
    unsigned behind = 0, before = 0;
    while (behind + 1 < most && neighbour(os, frame, behind + 1) != KB_NO_FRAME)
        behind++;
    while (before + behind + 1 < most && neighbour(os, frame, -(int64_t)before - 1) != KB_NO_FRAME)
        before++;
    for (unsigned i = 0; i < before + 1 + behind; i++)
        row[i] = i == before ? frame : neighbour(os, frame, (int64_t)i - (int64_t)before);
    *at = before;
    return before + 1 + behind;
}

/* One after the other, where the disk goes on as it stands; what fails stays as it is. */
static void write_row(struct kb_os *os, const uint32_t *row, unsigned count, unsigned at) {
    bool file = in_file(os, row[at]), background = os->background, batch;
    uint64_t next = file ? 0 : kb_swap_take_row(&os->swap, count), end = next + count;
    enum kb_reason ignored;
    if (next == KB_NO_SLOT)
        return;
    batch = kb_os_begin_batch(os);
    for (unsigned i = 0; i < count; i++) {
        os->background = background || i != at;
        if (file)
            (void)to_file(os, row[i], &ignored);
        else if (os->keys[row[i]] & KB_MODIFIED)
            (void)to_slot(os, row[i], next++);
    }
    while (!file && next < end) /* neighbours that show one page were written once */
        kb_swap_give_back(&os->swap, next++);
    os->background = background;
    os->batch = batch;
}

/* Whether a page that is to leave with its process must be written to a slot first. */
static bool goes_with(const struct kb_os *os, uint32_t mapping) {
    uint32_t frame = os->pages.frame_of[os->pages.mapping[mapping].page] - 1;
    return os->keys[frame] & KB_MODIFIED && !in_file(os, frame) &&
           !kb_os_seen_by_others(os, mapping);
}

void kb_os_write_list(struct kb_os *os, const uint32_t *mappings, uint32_t count) {
    uint64_t wanted = 0, next;
    for (uint32_t i = 0; i < count; i++)
        wanted += goes_with(os, mappings[i]);
    next = wanted > 0 ? kb_swap_take_row(&os->swap, wanted) : KB_NO_SLOT;
    uint64_t end = next + wanted;
    if (next == KB_NO_SLOT)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (goes_with(os, mappings[i]))
            (void)to_slot(os, os->pages.frame_of[os->pages.mapping[mappings[i]].page] - 1, next++);
    while (next < end) /* a page that two of the mappings show was written once */
        kb_swap_give_back(&os->swap, next++);
}

bool kb_os_write_back(struct kb_os *os, uint32_t frame, enum kb_reason *reason) {
    uint32_t row[KB_MOST_CLUSTER];
    unsigned at, count = os->setup.cluster > 1 ? gather(os, frame, row, &at) : 1;
    if (count > 1)
        write_row(os, row, count, at);
    if (!(os->keys[frame] & KB_MODIFIED))
        return true;
    return in_file(os, frame) ? to_file(os, frame, reason) : alone(os, frame, reason);
}
