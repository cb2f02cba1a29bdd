/* mapping.c - regions as a sorted array, in which a change cuts a hole, or replaces one region. */
#include "replay/mapping.h"

#include <string.h>

struct kb_mapped_region {
    uint64_t first, end; /* page numbers; end is outside */
    uint32_t process;
    uint32_t object;
};

void kb_mappings_init(struct kb_mappings *m, const struct kb_host *host) {
    memset(m, 0, sizeof *m);
    m->host = host;
    m->changes = 1;
}

void kb_mappings_free(struct kb_mappings *m) {
    for (uint32_t i = 0; i < m->name_count; i++)
        kb_give_back(m->host, m->names[i].text, m->names[i].length + 1);
    kb_give_back(m->host, m->regions, m->region_room * sizeof *m->regions);
    kb_give_back(m->host, m->names, m->name_room * sizeof *m->names);
    kb_give_back(m->host, m->objects, m->object_room * sizeof *m->objects);
    kb_give_back(m->host, m->with_program, m->program_room * sizeof *m->with_program);
    kb_mappings_init(m, m->host);
}

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "mappings", (unsigned long long)bytes);
}

/* Room for one more; the array stays as it is if there is none. */
static void *grow(const struct kb_host *host, void *array, uint32_t *room, size_t size) {
    uint32_t more = *room == 0 ? 64 : *room * 2;
    void *fresh = kb_grow(host, array, *room * size, more * size);
    if (fresh != NULL)
        *room = more;
    return fresh;
}

/* ---- names and objects ---- */

static bool ends_with(const char *text, size_t length, const char *end) {
    size_t count = strlen(end);
    return length >= count && memcmp(text + length - count, end, count) == 0;
}

/* libm.so and libm.so.6, but not ld.so.cache. */
static bool is_library(const char *text, size_t length) {
    const char *version = strstr(text, ".so.");
    return ends_with(text, length, ".so") ||
           (version != NULL && version[4] >= '0' && version[4] <= '9');
}

static enum kb_mapped_kind kind_of_name(const char *text, size_t length) {
    if (length == 0)
        return KB_MAPPED_ANONYMOUS;
    if (strcmp(text, "[heap]") == 0)
        return KB_MAPPED_HEAP;
    if (strncmp(text, "[stack", 6) == 0)
        return KB_MAPPED_STACK;
    if (text[0] == '[')
        return KB_MAPPED_SYSTEM;
    return is_library(text, length) ? KB_MAPPED_LIBRARY : KB_MAPPED_FILE;
}

/* FNV-1a (Fowler, Noll, Vo 1991). */
static uint64_t hash_of(const char *text, size_t length) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static kb_status find_name(struct kb_mappings *m, const char *text, size_t length, uint32_t *name,
                           struct kb_error *error) {
    uint64_t hash = hash_of(text, length);
    for (*name = 0; *name < m->name_count; ++*name) {
        const struct kb_mapped_name *known = &m->names[*name];
        if (known->hash == hash && known->length == length &&
            memcmp(known->text, text, length) == 0)
            return KB_OK;
    }
    if (m->name_count == m->name_room) {
        void *names = grow(m->host, m->names, &m->name_room, sizeof *m->names);
        if (names == NULL)
            return out_of_memory(error, m->name_room * sizeof *m->names);
        m->names = names;
    }
    struct kb_mapped_name fresh = {.length = length, .hash = hash};
    fresh.text = kb_take(m->host, length + 1);
    if (fresh.text == NULL)
        return out_of_memory(error, length + 1);
    memcpy(fresh.text, text, length);
    fresh.text[length] = '\0';
    fresh.kind = kind_of_name(fresh.text, length);
    for (unsigned part = 0; part < KB_MAPPED_PARTS; part++)
        fresh.object[part] = KB_NO_OBJECT;
    m->names[m->name_count++] = fresh;
    return KB_OK;
}

/* The first file that a process maps is its image. */
static kb_status note_program(struct kb_mappings *m, uint32_t name, struct kb_error *error) {
    if (m->names[name].kind < KB_MAPPED_FILE)
        return KB_OK;
    for (uint32_t i = m->program_count; i > 0; i--)
        if (m->with_program[i - 1] == m->process)
            return KB_OK;
    if (m->program_count == m->program_room) {
        void *known = grow(m->host, m->with_program, &m->program_room, sizeof *m->with_program);
        if (known == NULL)
            return out_of_memory(error, m->program_room * sizeof *m->with_program);
        m->with_program = known;
    }
    m->with_program[m->program_count++] = m->process;
    m->names[name].kind = KB_MAPPED_PROGRAM;
    return KB_OK;
}

static kb_status find_object(struct kb_mappings *m, uint32_t name, enum kb_mapped_part part,
                             uint32_t *object, struct kb_error *error) {
    struct kb_mapped_name *named = &m->names[name];
    if (part == KB_MAPPED_CODE && named->kind == KB_MAPPED_FILE)
        named->kind = KB_MAPPED_LIBRARY;
    if (named->object[part] == KB_NO_OBJECT) {
        if (m->object_count == m->object_room) {
            void *objects = grow(m->host, m->objects, &m->object_room, sizeof *m->objects);
            if (objects == NULL)
                return out_of_memory(error, m->object_room * sizeof *m->objects);
            m->objects = objects;
        }
        m->objects[m->object_count] = (struct kb_mapped_object){.name = name, .part = part};
        named->object[part] = m->object_count++;
    }
    *object = named->object[part];
    return KB_OK;
}

static void add_pages(struct kb_mappings *m, const struct kb_mapped_region *region) {
    m->objects[region->object].pages += region->end - region->first;
}

static void remove_pages(struct kb_mappings *m, const struct kb_mapped_region *region,
                         bool replaced) {
    struct kb_mapped_object *object = &m->objects[region->object];
    if (!replaced)
        object->peak = kb_mapped_most(object);
    object->pages -= region->end - region->first;
}

/* ---- regions ---- */

/* The first region that ends behind the page: the one that holds it, or the next one. */
static size_t region_at(const struct kb_mappings *m, uint32_t process, uint64_t number) {
    size_t low = 0, high = m->region_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kb_mapped_region *region = &m->regions[middle];
        bool before =
            region->process != process ? region->process < process : region->end <= number;
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t kb_mappings_find(const struct kb_mappings *m, uint32_t process, uint64_t number) {
    size_t at = region_at(m, process, number);
    const struct kb_mapped_region *region = &m->regions[at];
    bool holds = at < m->region_count && region->process == process && region->first <= number;
    return holds ? region->object : KB_NO_OBJECT;
}

static kb_status make_room(struct kb_mappings *m, size_t more, struct kb_error *error) {
    if (m->region_count + more <= m->region_room)
        return KB_OK;
    size_t room = m->region_room * 2 + 64;
    struct kb_mapped_region *regions =
        kb_grow(m->host, m->regions, m->region_room * sizeof *regions, room * sizeof *regions);
    if (regions == NULL)
        return out_of_memory(error, room * sizeof *regions);
    m->regions = regions;
    m->region_room = room;
    return KB_OK;
}

/* Room must be there. */
static void insert(struct kb_mappings *m, size_t at, struct kb_mapped_region region) {
    memmove(&m->regions[at + 1], &m->regions[at], (m->region_count - at) * sizeof region);
    m->regions[at] = region;
    m->region_count++;
}

/* Cuts the region at the page, if the page lies inside. Room must be there. */
static void split(struct kb_mappings *m, uint64_t number) {
    size_t at = region_at(m, m->process, number);
    struct kb_mapped_region *region = &m->regions[at];
    if (at == m->region_count || region->process != m->process || region->first >= number)
        return;
    struct kb_mapped_region rest = *region;
    rest.first = number;
    region->end = number;
    insert(m, at + 1, rest);
}

/* The regions of a range, cut at its ends: from *from up to, not including, *until. */
static kb_status isolate(struct kb_mappings *m, uint64_t first, uint64_t end, size_t *from,
                         size_t *until, struct kb_error *error) {
    kb_status status = make_room(m, 2, error);
    *from = *until = 0;
    if (status != KB_OK)
        return status;
    split(m, first);
    split(m, end);
    *from = region_at(m, m->process, first);
    for (*until = *from; *until < m->region_count; ++*until) {
        const struct kb_mapped_region *region = &m->regions[*until];
        if (region->process != m->process || region->first >= end)
            break;
    }
    return KB_OK;
}

static kb_status unmap(struct kb_mappings *m, uint64_t first, uint64_t end, bool replaced,
                       struct kb_error *error) {
    size_t from, until;
    if (first == end)
        return KB_OK;
    kb_status status = isolate(m, first, end, &from, &until, error);
    if (status != KB_OK || from == until)
        return status;
    for (size_t i = from; i < until; i++)
        remove_pages(m, &m->regions[i], replaced);
    memmove(&m->regions[from], &m->regions[until], (m->region_count - until) * sizeof *m->regions);
    m->region_count -= until - from;
    m->changes++;
    return KB_OK;
}

/* Neighbours of one object become one region, so that a heap that grows stays one. */
static void join(struct kb_mappings *m, size_t at) {
    struct kb_mapped_region *left = &m->regions[at], *right = left + 1;
    if (at + 1 >= m->region_count || left->process != right->process ||
        left->object != right->object || left->end != right->first)
        return;
    left->end = right->end;
    memmove(right, right + 1, (m->region_count - at - 2) * sizeof *right);
    m->region_count--;
}

static kb_status map(struct kb_mappings *m, uint32_t object, uint64_t first, uint64_t end,
                     struct kb_error *error) {
    /* What lies there has not been told to be gone; nothing does, usually. */
    kb_status status = unmap(m, first, end, true, error);
    if (status == KB_OK)
        status = make_room(m, 1, error);
    if (status != KB_OK)
        return status;
    size_t at = region_at(m, m->process, first);
    insert(m, at, (struct kb_mapped_region){first, end, m->process, object});
    add_pages(m, &m->regions[at]);
    join(m, at);
    if (at > 0)
        join(m, at - 1);
    m->changes++;
    return KB_OK;
}

static enum kb_mapped_part part_of(unsigned rights) {
    return rights == 0 ? KB_MAPPED_RESERVED : rights & 4 ? KB_MAPPED_CODE : KB_MAPPED_DATA;
}

/* Whether the rights make any page of the range another part. Most do not: they come and go with
 * the right to write. */
static bool changes_part(const struct kb_mappings *m, uint64_t first, uint64_t end,
                         enum kb_mapped_part part) {
    for (size_t i = region_at(m, m->process, first); i < m->region_count; i++) {
        const struct kb_mapped_region *region = &m->regions[i];
        if (region->process != m->process || region->first >= end)
            return false;
        if (m->objects[region->object].part != part)
            return true;
    }
    return false;
}

static kb_status protect(struct kb_mappings *m, uint64_t first, uint64_t end, unsigned rights,
                         struct kb_error *error) {
    const enum kb_mapped_part part = part_of(rights);
    size_t from, until;
    if (first == end || !changes_part(m, first, end, part))
        return KB_OK;
    kb_status status = isolate(m, first, end, &from, &until, error);
    for (size_t i = from; i < until && status == KB_OK; i++) {
        uint32_t object;
        status = find_object(m, m->objects[m->regions[i].object].name, part, &object, error);
        if (status != KB_OK || object == m->regions[i].object)
            continue;
        remove_pages(m, &m->regions[i], false);
        m->regions[i].object = object;
        add_pages(m, &m->regions[i]);
    }
    for (size_t i = until; status == KB_OK && i > (from > 0 ? from - 1 : 0); i--)
        join(m, i - 1);
    m->changes++;
    return status;
}

/* ---- events ---- */

/* Whether the mapping that is told is the zeros of a file whose data end where it begins. */
static bool is_zeros(const struct kb_mappings *m, unsigned rights, uint32_t *name) {
    const struct kb_mapping_told *told = &m->told;
    if (told->length > 0 || !told->replaces || part_of(rights) != KB_MAPPED_DATA ||
        told->first == 0)
        return false;
    uint32_t before = kb_mappings_find(m, m->process, told->first - 1);
    if (before == KB_NO_OBJECT || m->objects[before].part != KB_MAPPED_DATA)
        return false;
    *name = m->objects[before].name;
    return m->names[*name].kind >= KB_MAPPED_FILE;
}

static kb_status enter(struct kb_mappings *m, unsigned rights, struct kb_error *error) {
    struct kb_mapping_told *told = &m->told;
    uint32_t name, object;
    told->open = false;
    if (told->first == told->end)
        return KB_OK;
    told->name[told->length] = '\0';
    kb_status status = KB_OK;
    if (!is_zeros(m, rights, &name))
        status = find_name(m, told->name, strlen(told->name), &name, error);
    if (status == KB_OK)
        status = note_program(m, name, error);
    if (status == KB_OK)
        status = find_object(m, name, part_of(rights), &object, error);
    return status == KB_OK ? map(m, object, told->first, told->end, error) : status;
}

/* What was unmapped is gone, and perhaps replaced. */
static kb_status leave(struct kb_mappings *m, bool replaced, struct kb_error *error) {
    struct kb_mapping_told *told = &m->told;
    if (!told->unmapped)
        return KB_OK;
    told->unmapped = false;
    return unmap(m, told->unmapped_first, told->unmapped_end, replaced, error);
}

kb_status kb_mappings_settle(struct kb_mappings *m, struct kb_error *error) {
    kb_status status = leave(m, false, error);
    return status == KB_OK && m->told.open ? enter(m, 1, error) : status;
}

static void add_name(struct kb_mapping_told *told, const struct kb_event *event) {
    size_t left = sizeof told->name - 1 - told->length, count = left < 16 ? left : 16;
    char piece[16];
    for (unsigned i = 0; i < 8; i++) {
        piece[i] = (char)(event->first >> (8 * i));
        piece[8 + i] = (char)(event->pages >> (8 * i));
    }
    memcpy(told->name + told->length, piece, count);
    told->length += count;
}

kb_status kb_mappings_event(struct kb_mappings *m, const struct kb_event *event,
                            struct kb_error *error) {
    struct kb_mapping_told *told = &m->told;
    const uint64_t first = event->first;
    const uint64_t end = first + event->pages < first ? UINT64_MAX : first + event->pages;
    const unsigned rights = event->type - KB_EVENT_PROTECT;
    if (event->type == KB_EVENT_NAME) {
        if (told->open)
            add_name(told, event);
        return KB_OK;
    }
    if (told->open && event->type >= KB_EVENT_PROTECT && first == told->first && end == told->end)
        return enter(m, rights, error);
    bool replaces = event->type == KB_EVENT_MAP && told->unmapped &&
                    first == told->unmapped_first && end == told->unmapped_end;
    kb_status status = leave(m, replaces, error);
    if (status == KB_OK)
        status = kb_mappings_settle(m, error);
    if (status != KB_OK)
        return status;
    switch (event->type) {
    case KB_EVENT_PROCESS:
        m->process = (uint32_t)first;
        return KB_OK;
    case KB_EVENT_MAP:
        m->maps++;
        told->open = true;
        told->replaces = replaces;
        told->first = first;
        told->end = end;
        told->length = 0;
        return KB_OK;
    case KB_EVENT_UNMAP:
        told->unmapped = true;
        told->unmapped_first = first;
        told->unmapped_end = end;
        return KB_OK;
    case KB_EVENT_THREAD:
    case KB_EVENT_RELEASE:
    case KB_EVENT_DISCARD:
    case KB_EVENT_KERNEL:
        return KB_OK; /* what lies in memory, and who touches it, changes no mapping */
    default:
        return protect(m, first, end, rights, error);
    }
}
