/* page.c - ids of pages, found through a hash table. */
#include "os/page.h"

#define FIRST_SLOTS 256

static uint64_t place_of(const struct kb_pages *pages, uint32_t process, uint64_t number) {
    uint64_t h =
        (number + (uint64_t)process * UINT64_C(0xD6E8FEB86659FD93)) * UINT64_C(0x9E3779B97F4A7C15);
    return (h ^ h >> 32) & (pages->slots - 1);
}

/* The slot with the page, or the empty one where it belongs. */
static uint64_t search(const struct kb_pages *pages, uint32_t process, uint64_t number) {
    uint64_t at = place_of(pages, process, number);
    for (; pages->table[at] != 0; at = (at + 1) & (pages->slots - 1)) {
        const struct kb_page *page = &pages->page[pages->table[at] - 1];
        if (page->number == number && page->process == process)
            break;
    }
    return at;
}

static kb_status no_memory(struct kb_error *error, uint64_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "pages", (unsigned long long)bytes);
}

static kb_status grow_table(struct kb_pages *pages, struct kb_error *error) {
    uint64_t old = pages->slots, slots = old == 0 ? FIRST_SLOTS : old * 2;
    uint32_t *table = kb_take(pages->host, slots * sizeof *table);
    if (table == NULL)
        return no_memory(error, slots * sizeof *table);
    kb_give_back(pages->host, pages->table, old * sizeof *table);
    pages->table = table;
    pages->slots = slots;
    for (uint32_t id = 0; id < pages->count; id++)
        table[search(pages, pages->page[id].process, pages->page[id].number)] = id + 1;
    return KB_OK;
}

/* Each array is grown by itself, so that a failure leaves both valid. */
static kb_status grow_arrays(struct kb_pages *pages, struct kb_error *error) {
    size_t old = pages->room, room = old == 0 ? FIRST_SLOTS : old * 2;
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
    *pages = (struct kb_pages){.host = host};
    kb_status status = grow_table(pages, error);
    if (status == KB_OK)
        status = grow_arrays(pages, error);
    return status;
}

void kb_pages_free(struct kb_pages *pages) {
    kb_give_back(pages->host, pages->page, pages->room * sizeof *pages->page);
    kb_give_back(pages->host, pages->frame_of, pages->room * sizeof *pages->frame_of);
    kb_give_back(pages->host, pages->table, pages->slots * sizeof *pages->table);
    *pages = (struct kb_pages){0};
}

uint32_t kb_pages_find(const struct kb_pages *pages, uint32_t process, uint64_t number) {
    uint32_t found = pages->table[search(pages, process, number)];
    return found == 0 ? KB_NO_PAGE : found - 1;
}

kb_status kb_pages_make(struct kb_pages *pages, uint32_t process, uint64_t number, uint32_t *id,
                        struct kb_error *error) {
    uint64_t at = search(pages, process, number);
    if (pages->table[at] != 0) {
        *id = pages->table[at] - 1;
        return KB_OK;
    }
    if (pages->count == KB_MOST_PAGES)
        return kb_fail(error, KB_DATA, KB_MSG_os_too_many_pages, (unsigned long long)KB_MOST_PAGES);
    kb_status status = KB_OK;
    if (pages->count == pages->room)
        status = grow_arrays(pages, error);
    if (status == KB_OK && (uint64_t)(pages->count + 1) * 2 > pages->slots) {
        status = grow_table(pages, error);
        at = search(pages, process, number);
    }
    if (status != KB_OK)
        return status;
    *id = pages->count++;
    pages->page[*id] = (struct kb_page){
        .number = number, .slot = KB_NO_SLOT, .process = process, .next = KB_NO_PAGE};
    pages->table[at] = *id + 1;
    return KB_OK;
}
