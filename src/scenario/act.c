/* act.c - commands that change the system: processes, regions, rights, tables, failures. */
#include <stdio.h>

#include "base/units.h"
#include "scenario/session.h"

/* ---- parts of commands ---- */

kb_status kb_act_rights(struct kb_scenario *s, unsigned *rights) {
    struct kb_word value;
    if (!kb_line_option(&s->line, "rights", &value))
        return KB_OK;
    *rights = 0;
    for (uint32_t i = 0; i < value.length; i++) {
        switch (value.at[i]) {
        case 'r':
            *rights |= KB_ENTRY_READ;
            break;
        case 'w':
            *rights |= KB_ENTRY_WRITE;
            break;
        case 'x':
            *rights |= KB_ENTRY_EXECUTE;
            break;
        case '-':
            break;
        default:
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, "rights",
                           (int)(value.length < 60 ? value.length : 60), value.at, "rwx, r--, rx");
        }
    }
    return KB_OK;
}

kb_status kb_act_range(struct kb_scenario *s, const struct kb_process *p, uint64_t *start,
                       uint64_t *end) {
    const struct kb_word *word = kb_line_peek(&s->line);
    const struct kb_region *segment = word != NULL ? kb_scenario_segment(s, p, word) : NULL;
    if (segment != NULL) {
        (void)kb_line_take(&s->line);
        *start = segment->start;
        *end = ((segment->end - 1) | (kb_os_page_bytes(&s->os) - 1)) + 1;
        return KB_OK;
    }
    uint64_t page = UINT64_MAX, size = kb_os_page_bytes(&s->os), from = UINT64_MAX;
    kb_status status = kb_line_option_number(&s->line, "page", &page, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "start", &from, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "size", &size, s->error);
    if (status != KB_OK)
        return status;
    if (page != UINT64_MAX && from == UINT64_MAX &&
        !kb_multiply(page, kb_os_page_bytes(&s->os), &from))
        from = UINT64_MAX;
    if (from == UINT64_MAX || !kb_add(from, size, end))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
    *start = from;
    return KB_OK;
}

void kb_act_refuse(struct kb_scenario *s, bool refused) {
    s->last.refused = refused;
    s->last.done = !refused;
    if (refused && kb_scenario_narrates(s))
        kb_text_message(&s->out, KB_MSG_scenario_refused);
}

unsigned kb_act_usual_rights(const struct kb_scenario *s) {
    return s->setup.write_xor_execute ? KB_ENTRY_READ | KB_ENTRY_WRITE : KB_ENTRY_RIGHTS;
}

/* ---- processes ---- */

kb_status kb_act_name(struct kb_scenario *s, const struct kb_word *word, char name[KB_NAME_BYTES]) {
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_wants_process);
    if (word->length >= KB_NAME_BYTES || word->length == 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_name,
                       (unsigned long long)(KB_NAME_BYTES - 1));
    if (kb_scenario_is_word(word))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_taken_name, (int)word->length, word->at);
    memset(name, 0, KB_NAME_BYTES);
    memcpy(name, word->at, word->length);
    const struct kb_process *p = kb_os_process(&s->os, name);
    if (p != NULL && p->state != KB_ENDED)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_same_name, name);
    return KB_OK;
}

kb_status kb_command_process(struct kb_scenario *s) {
    const struct kb_word *word = kb_line_take(&s->line);
    kb_status status = kb_scenario_build(s);
    if (status == KB_OK && word == NULL)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_wants_process);
    for (; word != NULL && status == KB_OK; word = kb_line_take(&s->line)) {
        char name[KB_NAME_BYTES];
        struct kb_process *p;
        status = kb_act_name(s, word, name);
        if (status == KB_OK)
            status = kb_scenario_os_status(s, kb_os_create(&s->os, name, &p));
    }
    return status == KB_OK ? kb_line_end(&s->line, "process NAME …", s->error) : status;
}

kb_status kb_command_switch(struct kb_scenario *s) {
    struct kb_process *p;
    kb_status status = kb_scenario_process(s, kb_line_take(&s->line), &p);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "switch NAME", s->error);
    if (status == KB_OK && p == s->os.kernel)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (status == KB_OK && p->state == KB_ENDED)
        status =
            kb_fail(s->error, KB_DATA, KB_MSG_scenario_ended, p->name, kb_reason_name(p->reason));
    if (status == KB_OK)
        status = kb_scenario_bring_back(s, p);
    if (status == KB_OK)
        kb_os_switch(&s->os, p);
    return status;
}

kb_status kb_command_kill(struct kb_scenario *s) {
    struct kb_process *p;
    kb_status status = kb_scenario_process(s, kb_line_take(&s->line), &p);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "kill NAME", s->error);
    if (status == KB_OK && p == s->os.kernel)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (status == KB_OK)
        kb_os_exit(&s->os, p, KB_REASON_DONE, 0);
    return status;
}

kb_status kb_act_mode(struct kb_scenario *s, struct kb_process *p) {
    bool kernel = kb_line_take_if(&s->line, "kernel");
    if (!kernel && !kb_line_take_if(&s->line, "user"))
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "kernel | user");
    kb_os_set_mode(&s->os, p, kernel);
    return kb_line_end(&s->line, "NAME mode kernel|user", s->error);
}

kb_status kb_act_handler(struct kb_scenario *s, struct kb_process *p) {
    p->skips = kb_line_take_if(&s->line, "skip");
    if (!p->skips && !kb_line_take_if(&s->line, "none"))
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "skip | none");
    return kb_line_end(&s->line, "NAME handler skip|none", s->error);
}

kb_status kb_act_relocate(struct kb_scenario *s, struct kb_process *p) {
    uint64_t base = 0, limit = 0;
    if (s->os.storage != NULL) /* it has the registers itself */
        return kb_storage_has_no_pages(s);
    kb_status status = kb_line_option_number(&s->line, "base", &base, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "limit", &limit, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME relocate base=0x1000 limit=64K", s->error);
    if (status == KB_OK && (limit == 0 || base > UINT64_MAX - limit))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_limit);
    if (status == KB_OK)
        kb_os_relocate(&s->os, p, base, limit);
    return status;
}

/* ---- addresses ---- */

static kb_status read_image(struct kb_scenario *s, struct kb_region *region) {
    struct kb_word image;
    if (!kb_line_option(&s->line, "image", &image))
        return KB_OK;
    region->has_image = true;
    return kb_word_number(&image, "image", &region->image.seed, s->error);
}

/* [rights=] [image=], the end of the line. */
kb_status kb_act_region_rest(struct kb_scenario *s, struct kb_region *region, const char *wanted) {
    kb_status status = kb_act_rights(s, &region->rights);
    if (status == KB_OK)
        status = read_image(s, region);
    return status == KB_OK ? kb_line_end(&s->line, wanted, s->error) : status;
}

/* A stack: grows=ADDRESS, a page's below its start. */
static kb_status read_growth(struct kb_scenario *s, const struct kb_process *p,
                             struct kb_region *region) {
    struct kb_word value;
    if (!kb_line_option(&s->line, "grows", &value))
        return KB_OK;
    kb_status status = kb_word_number(&value, "grows", &region->lowest, s->error);
    if (status == KB_OK &&
        (region->lowest == 0 || region->lowest >= region->start || p == s->os.kernel ||
         region->lowest % kb_os_page_bytes(&s->os) != 0 || kb_os_segmented(&s->os)))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_grows,
                         (unsigned long long)region->lowest, (unsigned long long)region->start);
    return status;
}

kb_status kb_act_region(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] =
        "NAME region WHAT start=0 size=16K [rights=rwx] [image=SEED] [grows=ADDRESS]";
    struct kb_region region = {.rights = kb_act_usual_rights(s)};
    bool refused;
    if (s->os.storage != NULL)
        return kb_storage_has_no_pages(s);
    const struct kb_word *name = kb_line_take(&s->line);
    if (name == NULL || name->length >= sizeof region.name)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    memcpy(region.name, name->at, name->length);
    kb_status status = kb_act_range(s, p, &region.start, &region.end);
    if (status == KB_OK)
        status = read_growth(s, p, &region);
    if (status == KB_OK)
        status = kb_act_region_rest(s, &region, wanted);
    if (status != KB_OK)
        return status;
    status = kb_scenario_os_status(s, kb_os_region(&s->os, p, &region, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_act_guard(struct kb_scenario *s, struct kb_process *p) {
    struct kb_region region = {.name = "guard", .guard = true};
    bool refused;
    if (s->os.storage != NULL)
        return kb_storage_has_no_pages(s);
    kb_status status = kb_act_range(s, p, &region.start, &region.end);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME guard page=1 | start=0 size=8K", s->error);
    if (status == KB_OK && p == s->os.kernel)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_os_region(&s->os, p, &region, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_act_map(struct kb_scenario *s, struct kb_process *p) {
    uint64_t start, end, frame = KB_NO_FRAME;
    unsigned rights = kb_act_usual_rights(s);
    bool refused = false;
    if (s->os.storage != NULL)
        return kb_storage_has_no_pages(s);
    if (kb_line_take_if(&s->line, "file"))
        return kb_act_map_file(s, p);
    kb_status status = kb_act_range(s, p, &start, &end);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "frame", &frame, s->error);
    if (status == KB_OK)
        status = kb_act_rights(s, &rights);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME map page=1 frame=2 [rights=rwx] [size=2M]", s->error);
    if (status == KB_OK && !kb_is_power_of_two(end - start))
        status =
            kb_fail(s->error, KB_DATA, KB_MSG_scenario_page, (unsigned long long)(end - start));
    if (status == KB_OK && p == s->os.kernel)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (status != KB_OK)
        return status;
    if (frame != KB_NO_FRAME && frame >= s->os.setup.frames)
        refused = true;
    else
        status = kb_scenario_os_status(s, kb_os_map(&s->os, p, start, (uint32_t)frame,
                                                    kb_log2(end - start), rights, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_act_unmap(struct kb_scenario *s, struct kb_process *p) {
    uint64_t start, end;
    if (s->os.storage != NULL)
        return kb_storage_has_no_pages(s);
    kb_status status = kb_act_range(s, p, &start, &end);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME unmap page=1 | start=0 size=8K | WHAT", s->error);
    if (status != KB_OK)
        return status;
    return kb_scenario_os_status(s, kb_os_unmap(&s->os, p, start, end));
}

kb_status kb_act_protect(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME protect page=1 | WHAT rights=r";
    uint64_t start, end;
    unsigned rights = UINT32_MAX;
    if (s->os.storage != NULL)
        return kb_storage_act_protect(s, p);
    kb_status status = kb_act_range(s, p, &start, &end);
    if (status == KB_OK)
        status = kb_act_rights(s, &rights);
    if (status == KB_OK && rights == UINT32_MAX)
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status != KB_OK)
        return status;
    bool refused;
    status = kb_scenario_os_status(s, kb_os_protect(&s->os, p, start, end, rights, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

/* Sends one page out, as replacement would. */
kb_status kb_act_evict(struct kb_scenario *s, struct kb_process *p) {
    uint64_t page;
    enum kb_reason reason;
    if (s->os.storage != NULL)
        return kb_storage_act_evict(s, p);
    kb_status status = kb_line_number(&s->line, "page", &page, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME evict PAGE", s->error);
    if (status != KB_OK)
        return status;
    uint32_t frame = kb_os_frame_of(&s->os, p, page);
    kb_act_refuse(s, frame == KB_NO_FRAME || !kb_pager_send_out(&s->os, frame, &reason));
    return KB_OK;
}

/* ---- the machine by hand ---- */

kb_status kb_command_patch(struct kb_scenario *s) {
    uint64_t address, value, bytes = 4;
    kb_status status = kb_scenario_build(s);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "physical address", &address, s->error);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "value", &value, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "bytes", &bytes, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "patch PHYSICAL VALUE [bytes=4]", s->error);
    if (status == KB_OK && (bytes == 0 || bytes > 8 || (bytes < 8 && value >> 8 * bytes != 0)))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_bytes, (unsigned long long)value);
    if (status == KB_OK && !kb_memory_has(&s->os.mmu.memory, address, bytes))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_memory, (unsigned long long)address);
    if (status == KB_OK)
        kb_memory_set_entry(&s->os.mmu.memory, address, (unsigned)bytes, value);
    return status;
}

kb_status kb_command_flush(struct kb_scenario *s) {
    kb_status status = kb_scenario_build(s);
    bool all = kb_line_take_if(&s->line, "all");
    if (status == KB_OK)
        kb_mmu_flush(&s->os.mmu, all);
    return status == KB_OK ? kb_line_end(&s->line, "flush [all]", s->error) : status;
}

kb_status kb_command_fail(struct kb_scenario *s) {
    static const char *const names[] = {"read",     "write",   "short-write",
                                        "no-space", "corrupt", "lost-write"};
    static const char wanted[] =
        "fail read|write|short-write|no-space|corrupt|lost-write [at=1] [count=1] "
        "[file=NAME] [level=2]";
    const struct kb_word *word = kb_line_take(&s->line);
    uint64_t at = 1, count = 1, level = 0;
    uint32_t file = KB_NO_OBJECT;
    struct kb_word name;
    unsigned which = 0;
    while (which < KB_STORE_FAILURES && !kb_word_is(word, names[which]))
        which++;
    if (which == KB_STORE_FAILURES)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    kb_status status = kb_scenario_build(s);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "at", &at, s->error);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "count", &count, s->error);
    if (status == KB_OK && kb_line_option(&s->line, "file", &name))
        status = kb_scenario_file(s, &name, &file);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "level", &level, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status != KB_OK)
        return status;
    const struct kb_store *store =
        file == KB_NO_OBJECT ? &s->os.swap.store : &s->os.object[file]->store;
    if (level != 0 && file == KB_NO_OBJECT)
        store = kb_scenario_stage_level(s, level);
    if (store == NULL || (level != 0 && file != KB_NO_OBJECT))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_stage, (unsigned long long)level);
    kb_store_fail(store, (enum kb_store_failure)which, at, count);
    return KB_OK;
}

/* R of every page becomes 0, as NRU's period does; M stays. */
static void clear_referenced(struct kb_scenario *s) {
    struct kb_storage *storage = s->os.storage;
    for (uint32_t frame = 0; storage != NULL && frame < storage->used; frame++)
        if (storage->flags[frame] & KB_RESIDENT) {
            storage->flags[frame] &= (uint8_t)~KB_REFERENCED;
            kb_storage_clear_bits(&s->os, storage->page_of[frame], KB_ENTRY_REFERENCED);
        }
    for (uint32_t frame = 0; frame < s->os.used; frame++)
        if (s->os.keys[frame] & KB_REFERENCED && !s->os.frame[frame].fixed)
            kb_os_clear_bits(&s->os, frame, KB_ENTRY_REFERENCED);
}

kb_status kb_command_reset(struct kb_scenario *s) {
    kb_status status = kb_scenario_build(s);
    if (status != KB_OK)
        return status;
    if (kb_line_take_if(&s->line, "counters")) {
        kb_quantity_reset(s);
    } else if (kb_line_take_if(&s->line, "victims")) {
        s->victim_count = 0;
        s->victims_known = true;
    } else if (kb_line_take_if(&s->line, "referenced")) {
        clear_referenced(s);
    } else {
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "counters | victims | referenced");
    }
    return kb_line_end(&s->line, "reset counters|victims|referenced", s->error);
}
