/* object.c - shared memory and files begin, are written back, and end. */
#include "os/os.h"

/* ---- objects begin ---- */

static kb_status no_memory(struct kb_os *os, const char *what, uint64_t bytes) {
    return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, what, (unsigned long long)bytes);
}

/* A number that is free, or a new one. */
static kb_status take_number(struct kb_os *os, uint32_t *number) {
    for (*number = 0; *number < os->object_count; ++*number)
        if (!os->object[*number]->there)
            return KB_OK;
    if (os->object_count == os->object_room) {
        uint32_t room = os->object_room == 0 ? 8 : os->object_room * 2;
        struct kb_object **more =
            kb_grow(os->host, os->object, os->object_room * sizeof *more, room * sizeof *more);
        if (more == NULL)
            return no_memory(os, "objects", room * sizeof *more);
        os->object = more;
        os->object_room = room;
    }
    struct kb_object *object = kb_take(os->host, sizeof *object);
    if (object == NULL)
        return no_memory(os, "objects", sizeof *object);
    os->object[os->object_count++] = object;
    return KB_OK;
}

static kb_status make(struct kb_os *os, const char *name, uint64_t bytes, uint32_t *number) {
    size_t length = strlen(name);
    uint64_t size = kb_os_page_bytes(os);
    if (!kb_os_paged(os))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_no_pages);
    if (bytes == 0 || bytes > (UINT64_C(1) << 62))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_object_bytes, (unsigned long long)bytes,
                       (unsigned long long)1 << 62);
    kb_status status = take_number(os, number);
    if (status != KB_OK)
        return status;
    struct kb_object *object = os->object[*number];
    *object = (struct kb_object){
        .bytes = bytes, .pages = (bytes + size - 1) / size, .there = true, .last_page = KB_NO_PAGE};
    memcpy(object->name, name, length < KB_NAME_BYTES ? length : KB_NAME_BYTES - 1);
    return KB_OK;
}

static void tell_object(struct kb_os *os, const struct kb_object *object) {
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_OBJECT,
                                            .count = object->bytes,
                                            .flag = object->file,
                                            .text = object->name});
}

kb_status kb_os_shared(struct kb_os *os, const char *name, uint64_t bytes, uint32_t *number) {
    kb_status status = make(os, name, bytes, number);
    if (status == KB_OK)
        tell_object(os, os->object[*number]);
    return status;
}

static void end(struct kb_os *os, struct kb_object *object) {
    kb_store_close(&object->store);
    if (object->sum != NULL)
        kb_give_back(os->host, object->sum, (size_t)object->pages * sizeof *object->sum);
    *object = (struct kb_object){.last_page = KB_NO_PAGE};
}

/* What the file holds before anybody has written to it. */
static kb_status fill(struct kb_os *os, struct kb_object *object, const struct kb_image *content) {
    uint32_t size = kb_os_page_bytes(os);
    uint8_t *page = kb_take(os->host, size);
    kb_status status = page == NULL ? no_memory(os, object->name, size) : KB_OK;
    for (uint64_t i = 0; status == KB_OK && i < object->pages; i++) {
        uint64_t left = object->bytes - i * size;
        memset(page, 0, size);
        if (content != NULL)
            kb_image_fill(content, i * size, page, left < size ? (uint32_t)left : size);
        status = object->store.write(object->store.context, i, page, os->error);
        object->sum[i] = kb_page_sum(page, size);
    }
    if (page != NULL)
        kb_give_back(os->host, page, size);
    return status;
}

kb_status kb_os_file(struct kb_os *os, const char *name, uint64_t bytes,
                     const struct kb_image *content, const struct kb_store *store,
                     uint32_t *number) {
    struct kb_store owned = *store;
    kb_status status = make(os, name, bytes, number);
    if (status != KB_OK) {
        kb_store_close(&owned);
        return status;
    }
    struct kb_object *object = os->object[*number];
    object->file = true;
    object->store = owned;
    object->sum = kb_take(os->host, (size_t)object->pages * sizeof *object->sum);
    status = object->sum == NULL ? no_memory(os, name, object->pages * sizeof *object->sum)
                                 : fill(os, object, content);
    if (status != KB_OK)
        end(os, object);
    else
        tell_object(os, object);
    return status;
}

uint32_t kb_os_object(const struct kb_os *os, const char *name) {
    for (uint32_t i = 0; i < os->object_count; i++)
        if (os->object[i]->there && strcmp(os->object[i]->name, name) == 0)
            return i;
    return KB_NO_OBJECT;
}

/* ---- objects end ---- */

/* What is modified goes to the file; what could not be written stays in memory, until it can. */
static void empty_file(struct kb_os *os, const struct kb_object *object) {
    enum kb_reason ignored;
    bool background = os->background;
    os->background = true;
    for (uint32_t id = object->last_page; id != KB_NO_PAGE; id = os->pages.page[id].next)
        if (os->pages.frame_of[id] != 0) {
            kb_os_page_went(os, os->pages.frame_of[id] - 1);
            (void)kb_os_give_up(os, os->pages.frame_of[id] - 1, KB_UNMAPPED, &ignored);
        }
    os->background = background;
}

static void end_shared(struct kb_os *os, uint32_t number) {
    struct kb_object *object = os->object[number];
    for (uint32_t id = object->last_page; id != KB_NO_PAGE; id = os->pages.page[id].next) {
        kb_lookup_remove(&os->pages.by_object, number, os->pages.page[id].place);
        kb_os_drop_page(os, id, KB_UNMAPPED);
    }
    end(os, object);
}

void kb_os_attach(struct kb_os *os, const struct kb_region *region) {
    if (region->object != 0)
        os->object[region->object - 1]->regions++;
}

void kb_os_detach(struct kb_os *os, const struct kb_region *region) {
    if (region->object == 0 || --os->object[region->object - 1]->regions > 0)
        return;
    if (os->object[region->object - 1]->file)
        empty_file(os, os->object[region->object - 1]);
    else
        end_shared(os, region->object - 1);
}

void kb_os_free_objects(struct kb_os *os) {
    for (uint32_t i = 0; i < os->object_count; i++) {
        end(os, os->object[i]);
        kb_give_back(os->host, os->object[i], sizeof *os->object[i]);
    }
    kb_give_back(os->host, os->object, os->object_room * sizeof(struct kb_object *));
}

/* ---- files ---- */

struct sync {
    uint64_t written, failed;
};

static void sync_page(struct kb_os *os, uint32_t object, uint64_t place, struct sync *sync) {
    uint32_t page = kb_lookup_find(&os->pages.by_object, object, place);
    enum kb_reason ignored;
    if (page == KB_LOOKUP_NONE || os->pages.frame_of[page] == 0)
        return;
    uint32_t frame = os->pages.frame_of[page] - 1;
    if (frame == KB_NO_FRAME || !(os->keys[frame] & KB_MODIFIED))
        return;
    bool good = kb_os_write_back(os, frame, &ignored);
    sync->written += good;
    sync->failed += !good;
}

/* What others have modified is written, too, though this process never looked at it. */
static void sync_region(struct kb_os *os, const struct kb_region *region, uint64_t start,
                        uint64_t end_at, struct sync *sync) {
    uint64_t from = start > region->start ? start : region->start;
    uint64_t behind = end_at < region->end ? end_at : region->end;
    unsigned bits = kb_os_page_bits(os);
    if (region->object == 0 || !os->object[region->object - 1]->file || from >= behind)
        return;
    uint64_t place = region->place + (from >> bits) - (region->start >> bits);
    for (uint64_t pages = ((behind - 1) >> bits) - (from >> bits) + 1; pages > 0; pages--)
        sync_page(os, region->object - 1, place++, sync);
}

uint64_t kb_os_sync(struct kb_os *os, struct kb_process *process, uint64_t start, uint64_t end_at) {
    struct sync sync = {0};
    bool batch = kb_os_begin_batch(os);
    for (uint32_t i = 0; i < process->region_count; i++)
        sync_region(os, &process->regions[i], start, end_at, &sync);
    os->batch = batch;
    kb_os_wait_for_disk(os);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_ADVICE,
                                            .process = process,
                                            .address = start,
                                            .count = end_at - start,
                                            .slots = sync.written,
                                            .text = "sync"});
    return sync.failed;
}

kb_status kb_os_file_bytes(struct kb_os *os, uint32_t number, uint64_t at, void *bytes,
                           uint32_t length) {
    struct kb_object *object = os->object[number];
    uint32_t size = kb_os_page_bytes(os);
    uint8_t *page = kb_take(os->host, size), *to = bytes;
    kb_status status = page == NULL ? no_memory(os, object->name, size) : KB_OK;
    if (status == KB_OK && (at > object->bytes || length > object->bytes - at))
        status = kb_fail(os->error, KB_DATA, KB_MSG_os_beyond_object, object->name,
                         (unsigned long long)object->bytes);
    while (status == KB_OK && length > 0) {
        uint32_t offset = (uint32_t)(at % size);
        uint32_t part = length < size - offset ? length : size - offset;
        status = object->store.read(object->store.context, at / size, page, os->error);
        memcpy(to, page + offset, part);
        to += part;
        at += part;
        length -= part;
    }
    if (page != NULL)
        kb_give_back(os->host, page, size);
    return status;
}
