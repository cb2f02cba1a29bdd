/* release.c - finds the last reference of each page before a long pause, and puts releases there.
 */
#include "replay/release.h"

#include <string.h>

struct kb_annotator_page {
    uint64_t run;     /* its last one so far */
    uint64_t used_at; /* the last reference of that */
    bool before;      /* in memory, if nothing is released */
    bool after;       /* … if all releases are obeyed */
};

void kb_annotator_init(struct kb_annotator *annotator, uint64_t distance,
                       const struct kb_host *host) {
    *annotator = (struct kb_annotator){.host = host, .distance = distance};
}

void kb_annotator_free(struct kb_annotator *a) {
    kb_give_back(a->host, a->bits, a->bit_words * sizeof *a->bits);
    kb_give_back(a->host, a->pages, a->page_room * sizeof *a->pages);
    kb_give_back(a->host, a->events, a->event_room * sizeof *a->events);
    *a = (struct kb_annotator){.host = a->host};
}

static kb_status out_of_memory(struct kb_error *error, uint64_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "release", (unsigned long long)bytes);
}

/* ---- the first reading ---- */

static kb_status make_room(struct kb_annotator *a, const struct kb_block *block,
                           struct kb_error *error) {
    uint64_t words = (a->runs + block->count + 63) / 64;
    if (words > a->bit_words) {
        uint64_t room = words + words / 2 + 1024;
        if (room > SIZE_MAX / sizeof *a->bits)
            return out_of_memory(error, room);
        uint64_t *bits =
            kb_grow(a->host, a->bits, a->bit_words * sizeof *bits, (size_t)room * sizeof *bits);
        if (bits == NULL)
            return out_of_memory(error, room * sizeof *bits);
        a->bits = bits;
        a->bit_words = (size_t)room;
    }
    if (block->pages > a->page_room) {
        uint64_t room = (uint64_t)block->pages + block->pages / 2 + 64;
        room = room > UINT32_MAX ? UINT32_MAX : room;
        struct kb_annotator_page *pages =
            kb_grow(a->host, a->pages, a->page_room * sizeof *pages, (size_t)room * sizeof *pages);
        if (pages == NULL)
            return out_of_memory(error, room * sizeof *pages);
        a->pages = pages;
        a->page_room = (uint32_t)room;
    }
    return KB_OK;
}

static void mark(struct kb_annotator *a, uint64_t run) {
    a->bits[run / 64] |= UINT64_C(1) << run % 64;
}

static bool marked(const struct kb_annotator *a, uint64_t run) {
    return a->bits[run / 64] >> run % 64 & 1;
}

kb_status kb_annotator_learn(struct kb_annotator *a, const struct kb_block *block,
                             struct kb_error *error) {
    kb_status status = make_room(a, block, error);
    if (status != KB_OK)
        return status;
    for (uint32_t i = 0; i < block->count; i++) {
        struct kb_run run = block->runs[i];
        struct kb_annotator_page *page = &a->pages[run.page];
        /* Ids come in the order of first touch: one that was not seen yet is the next one. */
        if (run.page >= a->page_count)
            a->page_count = run.page + 1;
        else if (a->at - page->used_at >= a->distance)
            mark(a, page->run);
        a->at += kb_run_count(run);
        page->used_at = a->at - 1;
        page->run = a->runs++;
    }
    return KB_OK;
}

void kb_annotator_turn(struct kb_annotator *a) {
    for (uint32_t page = 0; page < a->page_count; page++)
        mark(a, a->pages[page].run);
}

/* ---- the second reading ---- */

static kb_status add(struct kb_annotator *a, struct kb_event event, struct kb_error *error) {
    if (a->event_count == a->event_room) {
        uint32_t room = a->event_room == 0 ? 1024 : a->event_room * 2;
        struct kb_event *events = kb_grow(a->host, a->events, a->event_room * sizeof *events,
                                          (size_t)room * sizeof *events);
        if (events == NULL)
            return out_of_memory(error, (uint64_t)room * sizeof *events);
        a->events = events;
        a->event_room = room;
    }
    a->events[a->event_count++] = event;
    return KB_OK;
}

static void drop(struct kb_annotator *a, const struct kb_event *event, const uint64_t *page_numbers,
                 const uint32_t *processes) {
    for (uint32_t i = 0; i < a->page_count; i++) {
        struct kb_annotator_page *page = &a->pages[i];
        bool own = processes == NULL || processes[i] == a->process;
        if (!page->before || !own || page_numbers[i] - event->first >= event->pages)
            continue;
        a->before--;
        a->after -= page->after;
        page->before = page->after = false;
    }
}

/* What the trace had is kept, but for its releases; of memory that it mapped, and of rights,
 * nothing follows for pages that are in memory. */
static kb_status pass_on(struct kb_annotator *a, const struct kb_event *event,
                         const uint64_t *page_numbers, const uint32_t *processes,
                         struct kb_error *error) {
    if (event->type == KB_EVENT_RELEASE) {
        a->result.replaced++;
        return KB_OK;
    }
    if (event->type == KB_EVENT_PROCESS)
        a->process = (uint32_t)event->first;
    if (kb_event_drops(event->type))
        drop(a, event, page_numbers, processes);
    return add(a, *event, error);
}

static void refer(struct kb_annotator *a, struct kb_annotator_page *page, uint32_t count) {
    a->result.returns += page->before && !page->after;
    a->before += !page->before;
    a->after += !page->after;
    page->before = page->after = true;
    a->result.references += count;
    a->result.product_before += a->before * count;
    a->result.product_after += a->after * count;
}

static kb_status release(struct kb_annotator *a, uint32_t id, uint32_t at, uint64_t number,
                         struct kb_error *error) {
    struct kb_annotator_page *page = &a->pages[id];
    a->result.releases++;
    a->result.last += page->run == a->done;
    a->after--;
    page->after = false;
    return add(a,
               (struct kb_event){.at = at, .type = KB_EVENT_RELEASE, .first = number, .pages = 1},
               error);
}

kb_status kb_annotator_annotate(struct kb_annotator *a, const struct kb_block *block,
                                const uint64_t *page_numbers, const uint32_t *processes,
                                struct kb_block *annotated, struct kb_error *error) {
    uint32_t event = 0;
    kb_status status = KB_OK;
    if (block->count > a->runs - a->done || block->pages > a->page_count)
        return kb_fail(error, KB_DATA, KB_MSG_release_changed);
    a->event_count = 0;
    for (uint32_t i = 0; i <= block->count && status == KB_OK; i++) {
        while (event < block->event_count && block->events[event].at == i && status == KB_OK)
            status = pass_on(a, &block->events[event++], page_numbers, processes, error);
        if (i == block->count || status != KB_OK)
            break;
        uint32_t page = block->runs[i].page;
        refer(a, &a->pages[page], kb_run_count(block->runs[i]));
        if (marked(a, a->done))
            status = release(a, page, i + 1, page_numbers[page], error);
        a->done++;
    }
    *annotated = *block;
    annotated->events = a->events;
    annotated->event_count = a->event_count;
    return status;
}

kb_status kb_annotator_end(const struct kb_annotator *a, struct kb_error *error) {
    if (a->done == a->runs)
        return KB_OK;
    return kb_fail(error, KB_DATA, KB_MSG_release_changed);
}
