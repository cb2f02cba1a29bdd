/* share.c - what several processes may see: shared memory and files, regions that show them, and
 * processes that are copies of others. */
#include <stdio.h>

#include "base/units.h"
#include "scenario/session.h"

/* ---- objects ---- */

/* Those of one kind by name, for errors. */
static void list_objects(const struct kb_os *os, bool file, char *list, size_t room) {
    size_t used = 0;
    snprintf(list, room, "–");
    for (uint32_t i = 0; i < os->object_count; i++) {
        const struct kb_object *object = os->object[i];
        if (!object->there || object->file != file || used + strlen(object->name) + 2 >= room)
            continue;
        used +=
            (size_t)snprintf(list + used, room - used, "%s%s", used > 0 ? " " : "", object->name);
    }
}

static kb_status find(struct kb_scenario *s, const struct kb_word *word, bool file,
                      uint32_t *object) {
    char name[KB_NAME_BYTES] = "", list[200];
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing,
                       file ? "file NAME size=16K" : "shared NAME size=16K");
    if (word->length < sizeof name)
        memcpy(name, word->at, word->length);
    *object = name[0] != '\0' ? kb_os_object(&s->os, name) : KB_NO_OBJECT;
    if (*object != KB_NO_OBJECT && s->os.object[*object]->file == file)
        return KB_OK;
    list_objects(&s->os, file, list, sizeof list);
    return kb_fail(s->error, KB_DATA, file ? KB_MSG_scenario_no_file : KB_MSG_scenario_no_shared,
                   (int)(word->length < 40 ? word->length : 40), word->at, list);
}

kb_status kb_scenario_file(struct kb_scenario *s, const struct kb_word *name, uint32_t *object) {
    return find(s, name, true, object);
}

/* NAME size=, of an object that is to begin. */
static kb_status read_object(struct kb_scenario *s, char name[KB_NAME_BYTES], uint64_t *bytes,
                             const char *wanted) {
    const struct kb_word *word = kb_line_take(&s->line);
    kb_status status = kb_scenario_build(s);
    if (status != KB_OK)
        return status;
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    if (word->length >= KB_NAME_BYTES || word->length == 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_name,
                       (unsigned long long)(KB_NAME_BYTES - 1));
    memset(name, 0, KB_NAME_BYTES);
    memcpy(name, word->at, word->length);
    if (kb_os_object(&s->os, name) != KB_NO_OBJECT)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_same_object, name);
    *bytes = 0;
    return kb_line_option_number(&s->line, "size", bytes, s->error);
}

kb_status kb_command_shared(struct kb_scenario *s) {
    static const char wanted[] = "shared NAME size=16K";
    char name[KB_NAME_BYTES];
    uint64_t bytes;
    uint32_t object;
    kb_status status = kb_scenario_build(s);
    if (status == KB_OK && s->os.storage != NULL)
        return kb_storage_command_shared(s);
    if (status == KB_OK)
        status = read_object(s, name, &bytes, wanted);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    return status == KB_OK ? kb_scenario_os_status(s, kb_os_shared(&s->os, name, bytes, &object))
                           : status;
}

/* Blocks in memory, which fail by plan. */
static kb_status open_file(struct kb_scenario *s, uint64_t bytes, struct kb_store *store) {
    uint64_t page = kb_os_page_bytes(&s->os), left = s->options.most_bytes - s->file_bytes;
    struct kb_store inner;
    if (bytes == 0 || bytes > left)
        return kb_fail(s->error, KB_DATA, KB_MSG_os_object_bytes, (unsigned long long)bytes,
                       (unsigned long long)left);
    kb_status status = kb_store_memory(&inner, (uint32_t)page, (bytes + page - 1) / page,
                                       s->options.host, s->error);
    return status == KB_OK ? kb_store_failing(store, &inner, s->error) : status;
}

kb_status kb_command_file(struct kb_scenario *s) {
    static const char wanted[] = "file NAME size=16K [image=SEED]";
    char name[KB_NAME_BYTES];
    struct kb_image image = {0};
    struct kb_word seed;
    struct kb_store store;
    uint64_t bytes;
    uint32_t object;
    bool filled = false;
    kb_status status = read_object(s, name, &bytes, wanted);
    if (status == KB_OK && kb_line_option(&s->line, "image", &seed)) {
        status = kb_word_number(&seed, "image", &image.seed, s->error);
        filled = true;
    }
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK)
        status = open_file(s, bytes, &store);
    if (status != KB_OK)
        return status;
    status = kb_scenario_os_status(
        s, kb_os_file(&s->os, name, bytes, filled ? &image : NULL, &store, &object));
    s->file_bytes += status == KB_OK ? bytes : 0;
    return status;
}

/* ---- regions that show them ---- */

/* start=, page= or the next segment; size=, offset=, rights=, private. */
static kb_status read_view(struct kb_scenario *s, const struct kb_process *p,
                           const struct kb_object *object, struct kb_region *region,
                           const char *wanted) {
    uint64_t page = UINT64_MAX, start = UINT64_MAX, offset = 0, bytes = kb_os_page_bytes(&s->os);
    kb_status status = kb_line_option_number(&s->line, "offset", &offset, s->error);
    uint64_t size = offset < object->bytes ? object->bytes - offset : 0;
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "page", &page, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "start", &start, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "size", &size, s->error);
    if (status == KB_OK)
        status = kb_act_rights(s, &region->rights);
    region->shared = !object->file || !kb_line_take_if(&s->line, "private");
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK && offset % bytes != 0)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_offset, (unsigned long long)offset,
                         (unsigned long long)bytes);
    if (status == KB_OK && (offset >= object->bytes || size > object->bytes - offset))
        status = kb_fail(s->error, KB_DATA, KB_MSG_os_beyond_object, object->name,
                         (unsigned long long)object->bytes);
    if (status == KB_OK && kb_os_segmented(&s->os) && page == UINT64_MAX && start == UINT64_MAX) {
        status = kb_act_next_segment(s, p, region);
        start = region->start;
    }
    if (status != KB_OK)
        return status;
    if (page != UINT64_MAX && start == UINT64_MAX && !kb_multiply(page, bytes, &start))
        start = UINT64_MAX;
    if (start == UINT64_MAX || !kb_add(start, size, &region->end))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
    region->start = start;
    region->place = offset / bytes;
    return KB_OK;
}

static kb_status show_object(struct kb_scenario *s, struct kb_process *p, bool file,
                             const char *wanted) {
    struct kb_region region = {.rights = kb_act_usual_rights(s)};
    uint32_t object;
    bool refused = false;
    kb_status status = find(s, kb_line_take(&s->line), file, &object);
    if (status == KB_OK && p == s->os.kernel)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (status != KB_OK)
        return status;
    region.object = object + 1;
    memcpy(region.name, s->os.object[object]->name, sizeof region.name);
    status = read_view(s, p, s->os.object[object], &region, wanted);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_os_region(&s->os, p, &region, &refused));
    if (status == KB_OK && !refused && kb_os_segmented(&s->os))
        p->segments = region.start / kb_os_segment_bytes(&s->os) + 1;
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_act_share(struct kb_scenario *s, struct kb_process *p) {
    if (s->os.storage != NULL)
        return kb_storage_act_share(s, p);
    return show_object(s, p, false, "NAME share WHAT start=0 [size=16K] [offset=0] [rights=rwx]");
}

kb_status kb_act_map_file(struct kb_scenario *s, struct kb_process *p) {
    return show_object(s, p, true,
                       "NAME map file WHAT start=0 [size=16K] [offset=0] [rights=rwx] [private]");
}

/* ---- back to the file ---- */

static bool shows_file(const struct kb_os *os, const struct kb_process *p, uint64_t start,
                       uint64_t end) {
    for (uint32_t i = 0; i < p->region_count; i++) {
        const struct kb_region *region = &p->regions[i];
        if (region->object != 0 && os->object[region->object - 1]->file && region->start < end &&
            start < region->end)
            return true;
    }
    return false;
}

kb_status kb_perform_sync(struct kb_scenario *s, struct kb_process *p) {
    uint64_t start, end;
    kb_status status = kb_act_range(s, p, &start, &end);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME sync page=1 | start=0 size=8K", s->error);
    if (status != KB_OK)
        return status;
    bool refused = !shows_file(&s->os, p, start, end);
    kb_act_refuse(s, refused);
    if (!refused)
        s->last.done = kb_os_sync(&s->os, p, start, end) == 0;
    return KB_OK;
}

/* ---- copies ---- */

kb_status kb_perform_fork(struct kb_scenario *s, struct kb_process *p) {
    char name[KB_NAME_BYTES];
    struct kb_process *child;
    bool refused = false;
    kb_status status = kb_act_name(s, kb_line_take(&s->line), name);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME fork CHILD", s->error);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_os_fork(&s->os, p, name, &child, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}
