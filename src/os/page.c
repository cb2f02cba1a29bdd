/* page.c - pages and their mappings: two arrays, and the chains through them. */
#include "os/page.h"

#define FIRST_ROOM 256

static kb_status no_memory(struct kb_error *error, uint64_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "pages", (unsigned long long)bytes);
}

/* Each array is grown by itself, so that a failure leaves both valid. */
static kb_status grow_pages(struct kb_pages *pages, struct kb_error *error) {
    size_t old = pages->room, room = old == 0 ? FIRST_ROOM : old * 2;
    void *page =
        kb_grow(pages->host, pages->page, old * sizeof *pages->page, room * sizeof *pages->page);
    if (page == NULL)
        return no_memory(error, room * sizeof *pages->page);
    pages->page = page;
    void *frame_of = kb_grow(pages->host, pages->frame_of, old * sizeof *pages->frame_of,
                             room * sizeof *pages->frame_of);
    if (frame_of == NULL)
        return no_memory(error, room * sizeof *pages->frame_of);
    pages->frame_of = frame_of;
    pages->room = (uint32_t)room;
    return KB_OK;
}

kb_status kb_pages_init(struct kb_pages *pages, const struct kb_host *host,
                        struct kb_error *error) {
    *pages = (struct kb_pages){.host = host, .free_mapping = KB_NO_MAPPING};
    kb_lookup_init(&pages->by_process, host);
    kb_lookup_init(&pages->by_object, host);
    kb_status status = grow_pages(pages, error);
    if (status == KB_OK)
        status = kb_pages_reserve(pages, 1, error);
    return status;
}

void kb_pages_free(struct kb_pages *pages) {
    kb_give_back(pages->host, pages->page, pages->room * sizeof *pages->page);
    kb_give_back(pages->host, pages->frame_of, pages->room * sizeof *pages->frame_of);
    kb_give_back(pages->host, pages->mapping, pages->mapping_room * sizeof *pages->mapping);
    kb_lookup_free(&pages->by_process);
    kb_lookup_free(&pages->by_object);
    *pages = (struct kb_pages){0};
}

kb_status kb_pages_new(struct kb_pages *pages, uint32_t *id, struct kb_error *error) {
    if (pages->count == KB_MOST_PAGES)
        return kb_fail(error, KB_DATA, KB_MSG_os_too_many_pages, (unsigned long long)KB_MOST_PAGES);
    kb_status status = pages->count == pages->room ? grow_pages(pages, error) : KB_OK;
    if (status != KB_OK)
        return status;
    *id = pages->count++;
    pages->page[*id] = (struct kb_page){
        .slot = KB_NO_SLOT, .object = KB_NO_OBJECT, .next = KB_NO_PAGE, .first = KB_NO_MAPPING};
    return KB_OK;
}

kb_status kb_pages_reserve(struct kb_pages *pages, uint32_t more, struct kb_error *error) {
    uint64_t needed = (uint64_t)pages->mapped + more, room = pages->mapping_room;
    kb_status status = kb_lookup_reserve(&pages->by_process, more, error);
    if (status != KB_OK || needed <= room)
        return status;
    room = room == 0 ? FIRST_ROOM : room * 2;
    while (room < needed)
        room *= 2;
    if (room >= KB_NO_MAPPING)
        return kb_fail(error, KB_DATA, KB_MSG_os_too_many_pages, (unsigned long long)KB_NO_MAPPING);
    size_t size = sizeof *pages->mapping;
    void *mapping =
        kb_grow(pages->host, pages->mapping, pages->mapping_room * size, (size_t)room * size);
    if (mapping == NULL)
        return no_memory(error, room * size);
    pages->mapping = mapping;
    pages->mapping_room = (uint32_t)room;
    return KB_OK;
}

/* ---- the chain of a page ---- */

static void join(struct kb_pages *pages, uint32_t id, uint32_t to, bool last) {
    struct kb_page *page = &pages->page[to];
    struct kb_mapping *mapping = &pages->mapping[id];
    mapping->page = to;
    mapping->along = mapping->back = KB_NO_MAPPING;
    page->count++;
    page->wired += mapping->wired;
    page->mixed |= page->count > 1;
    if (last && page->first != KB_NO_MAPPING) { /* behind the first, which stays that */
        struct kb_mapping *first = &pages->mapping[page->first];
        mapping->along = first->along;
        mapping->back = page->first;
        if (first->along != KB_NO_MAPPING)
            pages->mapping[first->along].back = id;
        first->along = id;
        return;
    }
    mapping->along = page->first;
    if (page->first != KB_NO_MAPPING)
        pages->mapping[page->first].back = id;
    page->first = id;
}

static void part(struct kb_pages *pages, uint32_t id) {
    struct kb_mapping *mapping = &pages->mapping[id];
    struct kb_page *page = &pages->page[mapping->page];
    if (mapping->along != KB_NO_MAPPING)
        pages->mapping[mapping->along].back = mapping->back;
    if (mapping->back != KB_NO_MAPPING)
        pages->mapping[mapping->back].along = mapping->along;
    else
        page->first = mapping->along;
    page->count--;
    page->wired -= mapping->wired;
}

/* ---- mappings ---- */

uint32_t kb_pages_map(struct kb_pages *pages, uint32_t process, uint64_t number, uint32_t page,
                      uint32_t *head, bool last) {
    uint32_t id = pages->free_mapping;
    if (id != KB_NO_MAPPING)
        pages->free_mapping = pages->mapping[id].next;
    else
        id = pages->mappings++;
    pages->mapping[id] = (struct kb_mapping){.number = number,
                                             .entry = UINT64_MAX,
                                             .process = process,
                                             .next = *head,
                                             .before = KB_NO_MAPPING};
    if (*head != KB_NO_MAPPING)
        pages->mapping[*head].before = id;
    *head = id;
    join(pages, id, page, last);
    kb_lookup_add(&pages->by_process, process, number, id);
    pages->mapped++;
    return id;
}

void kb_pages_unmap(struct kb_pages *pages, uint32_t id, uint32_t *head) {
    struct kb_mapping *mapping = &pages->mapping[id];
    part(pages, id);
    if (mapping->next != KB_NO_MAPPING)
        pages->mapping[mapping->next].before = mapping->before;
    if (mapping->before != KB_NO_MAPPING)
        pages->mapping[mapping->before].next = mapping->next;
    else
        *head = mapping->next;
    kb_lookup_remove(&pages->by_process, mapping->process, mapping->number);
    mapping->next = pages->free_mapping;
    mapping->process = UINT32_MAX;
    pages->free_mapping = id;
    pages->mapped--;
}

void kb_pages_remap(struct kb_pages *pages, uint32_t id, uint32_t page) {
    part(pages, id);
    join(pages, id, page, false);
}
