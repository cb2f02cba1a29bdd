/* show.c - tables of what is: page table, TLB, core map, free list, swap, counters, regions,
 * objects; one translation bit by bit; bytes. As text, or as JSON with the same columns. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario/placement.h"
#include "scenario/sheet.h"

#define MOST_ROWS 65536
#define MOST_BYTES 65536

/* ---- pages of a process, in order ---- */

struct place {
    uint64_t number;
    uint32_t id;
};

static int by_number(const void *a, const void *b) {
    uint64_t first = ((const struct place *)a)->number, second = ((const struct place *)b)->number;
    return first < second ? -1 : first > second;
}

/* The first pages of a process by number; NULL: no memory, or none. */
static struct place *pages_in_order(const struct kb_os *os, const struct kb_process *p,
                                    uint32_t *count) {
    *count = p->mapped;
    struct place *places = *count > 0 ? kb_take(os->host, *count * sizeof *places) : NULL;
    uint32_t i = 0;
    for (uint32_t id = p->mappings; id != KB_NO_MAPPING && places != NULL;
         id = os->pages.mapping[id].next)
        places[i++] = (struct place){os->pages.mapping[id].number, id};
    if (places != NULL)
        qsort(places, *count, sizeof *places, by_number);
    return places;
}

static void show_page_table(struct kb_scenario *s, const struct kb_process *p) {
    static const char *const columns[] = {"page",   "valid", "frame", "R",     "M",
                                          "rights", "slot",  "count", "entry", NULL};
    static const int widths[] = {12, 5, 8, 1, 1, 6, 8, 5, 12};
    const struct kb_os *os = &s->os;
    struct sheet sheet;
    uint32_t count;
    struct place *places = pages_in_order(os, p, &count);
    begin(&sheet, s, "page-table", columns, widths);
    for (uint32_t i = 0; i < count && i < MOST_ROWS && places != NULL; i++) {
        const struct kb_mapping *mapping = &os->pages.mapping[places[i].id];
        const struct kb_page *page = &os->pages.page[mapping->page];
        uint64_t address = mapping->number << kb_os_page_bits(os);
        char rights[4];
        struct kb_page_state entry = kb_scenario_page(s, p, mapping->number);
        unsigned legal = kb_os_rights_at(os, p, address, NULL);
        cell_number(&sheet, mapping->number);
        cell_number(&sheet, entry.valid);
        cell_if(&sheet, entry.valid, entry.frame);
        cell_number(&sheet, entry.referenced);
        cell_number(&sheet, entry.modified);
        cell(&sheet, kb_rights_text(entry.valid ? entry.rights : legal, rights));
        cell_if(&sheet, page->slot != KB_NO_SLOT, page->slot);
        cell_number(&sheet, page->count);
        if (mapping->entry != KB_NO_TABLE)
            cell_hex(&sheet, mapping->entry);
        else
            cell(&sheet, "-");
        row(&sheet);
    }
    finish(&sheet);
    kb_give_back(os->host, places, count * sizeof *places);
}

/* ---- hardware ---- */

static void show_tlb(struct kb_scenario *s) {
    static const char *const columns[] = {"level", "set",    "way", "page", "asid",
                                          "frame", "rights", "R",   "M",    NULL};
    static const int widths[] = {5, 4, 4, 12, 6, 8, 6, 1, 1};
    struct sheet sheet;
    begin(&sheet, s, "tlb", columns, widths);
    for (unsigned level = 0; level < s->os.mmu.tlbs; level++) {
        const struct kb_tlb *tlb = &s->os.mmu.tlb[level];
        for (uint32_t i = 0; i < tlb->geometry.sets * tlb->geometry.ways; i++) {
            const struct kb_tlb_entry *entry = &tlb->entries[i];
            char rights[4];
            if (tlb->tags[i] == KB_TLB_EMPTY)
                continue;
            cell_number(&sheet, level + 1);
            cell_number(&sheet, i / tlb->geometry.ways);
            cell_number(&sheet, i % tlb->geometry.ways);
            cell_number(&sheet, kb_tlb_tag_page(tlb, tlb->tags[i]));
            if (kb_tlb_tag_asid(tlb, tlb->tags[i]) == tlb->global)
                cell(&sheet, "global");
            else
                cell_number(&sheet, kb_tlb_tag_asid(tlb, tlb->tags[i]));
            cell_number(&sheet, entry->page >> kb_os_page_bits(&s->os));
            cell(&sheet, kb_rights_text(entry->bits, rights));
            cell_number(&sheet, (entry->bits & KB_ENTRY_REFERENCED) != 0);
            cell_number(&sheet, (entry->bits & KB_ENTRY_MODIFIED) != 0);
            row(&sheet);
        }
    }
    finish(&sheet);
}

/* The number of the page in a frame, or of that which still has its bytes there. */
static uint64_t number_in(const struct kb_os *os, uint32_t frame) {
    const struct kb_page *page = kb_os_page_in(os, frame);
    return page->first != KB_NO_MAPPING ? os->pages.mapping[page->first].number : page->place;
}

/* Who answers for a frame; nobody may see a page of a file that is in memory. */
static const char *owner_of(const struct kb_os *os, uint32_t frame) {
    const struct kb_process *owner = kb_os_owner(os, frame);
    if (os->frame[frame].use == KB_FRAME_STANDBY)
        return "standby";
    if (owner == NULL && os->frame[frame].use == KB_FRAME_PAGE)
        return os->object[kb_os_page_in(os, frame)->object]->name;
    return owner != NULL ? owner->name : "free";
}

/* The core map: what each frame holds. */
static void show_memory(struct kb_scenario *s) {
    if (s->os.storage != NULL) {
        kb_show_areas(s, true);
        return;
    }
    static const char *const columns[] = {"frame", "owner",  "page", "count", "R",
                                          "M",     "loaded", "age",  "mark",  NULL};
    static const int widths[] = {8, 12, 12, 5, 1, 1, 10, 10, 10};
    const struct kb_os *os = &s->os;
    struct sheet sheet;
    begin(&sheet, s, "memory", columns, widths);
    for (uint32_t frame = 0; frame < os->setup.frames && frame < MOST_ROWS; frame++) {
        bool paged = os->frame[frame].use == KB_FRAME_PAGE;
        bool used = paged || os->frame[frame].use == KB_FRAME_SUPER;
        bool holds = paged || os->frame[frame].use == KB_FRAME_STANDBY;
        uint64_t now = os->counters.references, loaded = os->frame[frame].loaded_at, mark;
        bool marked = paged && kb_pager_mark(&s->os, frame, &mark);
        cell_number(&sheet, frame);
        cell(&sheet, owner_of(os, frame));
        cell_if(&sheet, holds, holds ? number_in(os, frame) : 0);
        cell_if(&sheet, holds, holds ? kb_os_page_in(os, frame)->count : 0);
        cell_if(&sheet, used, (os->keys[frame] & KB_REFERENCED) != 0);
        cell_if(&sheet, used, (os->keys[frame] & KB_MODIFIED) != 0);
        cell_if(&sheet, paged, loaded);
        cell_if(&sheet, paged, now > loaded ? now - loaded : 0);
        cell_if(&sheet, marked, marked ? mark : 0);
        row(&sheet);
    }
    finish(&sheet);
}

/* In the order in which they will be used. */
static void show_free(struct kb_scenario *s) {
    if (s->os.storage != NULL) {
        kb_show_areas(s, false);
        return;
    }
    static const char *const columns[] = {"order", "frame", "page", NULL};
    static const int widths[] = {6, 8, 12};
    const struct kb_os *os = &s->os;
    struct sheet sheet;
    uint64_t order = 0;
    begin(&sheet, s, "free", columns, widths);
    for (uint32_t i = os->free_count; i-- > 0;) {
        cell_number(&sheet, ++order);
        cell_number(&sheet, os->free_list[i]);
        cell(&sheet, "-");
        row(&sheet);
    }
    for (uint32_t frame = os->standby_oldest; frame != KB_NO_FRAME;
         frame = os->frame[frame].newer) {
        cell_number(&sheet, ++order);
        cell_number(&sheet, frame);
        cell_number(&sheet, number_in(os, frame));
        row(&sheet);
    }
    finish(&sheet);
}

static void show_swap(struct kb_scenario *s) {
    static const char *const columns[] = {"slot", "owner", "page", "checksum", NULL};
    static const int widths[] = {8, 12, 12, 18};
    const struct kb_os *os = &s->os;
    struct sheet sheet;
    begin(&sheet, s, "swap", columns, widths);
    for (uint32_t id = 0; id < os->pages.count; id++) {
        const struct kb_page *page = &os->pages.page[id];
        if (page->slot == KB_NO_SLOT)
            continue;
        cell_number(&sheet, page->slot);
        const struct kb_mapping *first =
            page->first == KB_NO_MAPPING ? NULL : &os->pages.mapping[page->first];
        cell(&sheet,
             first != NULL ? os->process[first->process]->name : os->object[page->object]->name);
        cell_number(&sheet, first != NULL ? first->number : page->place);
        cell_hex(&sheet, page->sum);
        row(&sheet);
    }
    finish(&sheet);
}

/* ---- system ---- */

static void show_counters(struct kb_scenario *s, const struct kb_process *p) {
    static const char *const columns[] = {"name", "value", NULL};
    static const int widths[] = {22, 12};
    struct sheet sheet;
    begin(&sheet, s, "counters", columns, widths);
    for (unsigned i = 0; kb_quantity_name(i) != NULL; i++) {
        const char *name = kb_quantity_name(i);
        uint64_t whole;
        double real;
        enum kb_quantity_kind kind = kb_quantity(s, name, (uint32_t)strlen(name), p, &whole, &real);
        char text[CELL];
        if (kind == KB_NO_QUANTITY)
            continue;
        snprintf(text, sizeof text, "%.6g", kind == KB_REAL ? real : 0);
        cell(&sheet, name);
        if (kind == KB_WHOLE)
            cell_number(&sheet, whole);
        else
            cell(&sheet, text);
        row(&sheet);
    }
    finish(&sheet);
}

/* Where the first content of its pages comes from. */
static const char *fill_of(const struct kb_os *os, const struct kb_region *region) {
    if (region->guard)
        return "guard";
    if (region->object == 0)
        return region->has_image ? "image" : "zero";
    if (!os->object[region->object - 1]->file)
        return "shared";
    return region->shared ? "file" : "private";
}

static void show_regions(struct kb_scenario *s, const struct kb_process *p) {
    static const char *const columns[] = {"region", "start", "end", "rights", "fill", NULL};
    static const int widths[] = {16, 18, 18, 6, 7};
    struct sheet sheet;
    begin(&sheet, s, "regions", columns, widths);
    for (uint32_t i = 0; i < p->region_count; i++) {
        const struct kb_region *region = &p->regions[i];
        char rights[4];
        cell(&sheet, region->name);
        cell_hex(&sheet, region->start);
        cell_hex(&sheet, region->end);
        cell(&sheet, kb_rights_text(region->rights, rights));
        cell(&sheet, fill_of(&s->os, region));
        row(&sheet);
    }
    finish(&sheet);
}

static void show_segments(struct kb_scenario *s, const struct kb_process *p) {
    static const char *const columns[] = {"segment",  "name",  "length",  "rights", "page-table",
                                          "resident", "waste", "sharers", NULL};
    static const int widths[] = {7, 16, 12, 6, 12, 12, 8, 7};
    struct sheet sheet;
    begin(&sheet, s, "segments", columns, widths);
    for (uint32_t i = 0; kb_os_segmented(&s->os) && i < p->region_count; i++) {
        struct kb_segment_state state = kb_scenario_segment_state(s, p, &p->regions[i]);
        char rights[4], resident[CELL];
        cell_number(&sheet, state.number);
        cell(&sheet, p->regions[i].name);
        cell_number(&sheet, p->regions[i].end - p->regions[i].start);
        cell(&sheet, kb_rights_text(state.entry.rights, rights));
        if (state.entry.present)
            cell_hex(&sheet, state.entry.table);
        else
            cell(&sheet, "-");
        snprintf(resident, sizeof resident, "%llu/%llu", (unsigned long long)state.resident,
                 (unsigned long long)state.pages);
        cell(&sheet, resident);
        cell_number(&sheet, state.waste);
        cell_number(&sheet, state.sharers);
        row(&sheet);
    }
    finish(&sheet);
}

static void show_processes(struct kb_scenario *s) {
    static const char *const states[] = {"ready", "running", "blocked", "swapped", "ended"};
    static const char *const columns[] = {"process", "state", "reason", "resident",
                                          "faults",  "asid",  "table",  NULL};
    static const int widths[] = {12, 8, 18, 8, 8, 6, 12};
    struct sheet sheet;
    begin(&sheet, s, "processes", columns, widths);
    for (uint32_t i = 0; i < s->os.process_count; i++) {
        const struct kb_process *p = s->os.process[i];
        cell(&sheet, p->name);
        cell(&sheet, states[p->state]);
        cell(&sheet, kb_reason_name(p->reason));
        cell_number(&sheet, p->resident);
        cell_number(&sheet, p->counters.faults);
        cell_number(&sheet, p->asid);
        cell_hex(&sheet, p->root);
        row(&sheet);
    }
    finish(&sheet);
}

/* Shared memory and files. */
static void show_objects(struct kb_scenario *s) {
    static const char *const columns[] = {"object",   "kind",  "bytes",  "regions",
                                          "resident", "reads", "writes", NULL};
    static const int widths[] = {16, 6, 12, 8, 8, 8, 8};
    const struct kb_os *os = &s->os;
    struct sheet sheet;
    begin(&sheet, s, "objects", columns, widths);
    for (uint32_t i = 0; i < os->object_count; i++) {
        const struct kb_object *object = os->object[i];
        uint64_t resident = 0;
        if (!object->there)
            continue;
        for (uint32_t id = object->last_page; id != KB_NO_PAGE; id = os->pages.page[id].next)
            resident += os->pages.frame_of[id] != 0;
        cell(&sheet, object->name);
        cell(&sheet, object->file ? "file" : "shared");
        cell_number(&sheet, object->bytes);
        cell_number(&sheet, object->regions);
        cell_number(&sheet, resident);
        cell_number(&sheet, object->reads);
        cell_number(&sheet, object->writes);
        row(&sheet);
    }
    finish(&sheet);
}

/* ---- one translation, bit by bit ---- */

static void show_walk(struct kb_scenario *s, const struct kb_process *p, uint64_t address) {
    static const char *const columns[] = {"level", "index", "entry-at", "entry", "bits", NULL};
    static const int widths[] = {5, 8, 14, 18, 40};
    const struct kb_format *format = &s->os.mmu.format;
    struct kb_walk walk;
    struct kb_mode mode = {.access = KB_ACCESS_ANY};
    struct sheet sheet;
    uint64_t root = address >= s->os.mmu.kernel_start ? s->os.mmu.kernel_root : p->root;
    enum kb_fault fault = kb_walk(format, &s->os.mmu.memory, root, address, mode, &walk);
    begin(&sheet, s, "translation", columns, widths);
    for (unsigned i = 0; i < walk.steps; i++) {
        struct kb_entry entry = format->family->decode(format, walk.step[i].entry, i);
        char bits[CELL], rights[4];
        cell_number(&sheet, kb_format_level(format, i));
        cell_number(&sheet, walk.step[i].index);
        cell_hex(&sheet, walk.step[i].address);
        cell_hex(&sheet, walk.step[i].entry);
        snprintf(bits, sizeof bits, "V=%d %s U=%d G=%d R=%d M=%d %s",
                 (entry.bits & KB_ENTRY_VALID) != 0, kb_rights_text(entry.bits, rights),
                 (entry.bits & KB_ENTRY_USER) != 0, (entry.bits & KB_ENTRY_GLOBAL) != 0,
                 (entry.bits & KB_ENTRY_REFERENCED) != 0, (entry.bits & KB_ENTRY_MODIFIED) != 0,
                 entry.bits & KB_ENTRY_LEAF ? "page" : "table");
        cell(&sheet, bits);
        row(&sheet);
    }
    cell(&sheet, "=");
    if (fault == KB_FAULT_NONE)
        cell_hex(&sheet, walk.physical);
    else
        cell(&sheet, kb_fault_name(fault));
    row(&sheet);
    finish(&sheet);
}

static kb_status show_translation(struct kb_scenario *s) {
    struct kb_process *p;
    uint64_t address;
    kb_status status = kb_scenario_process(s, kb_line_take(&s->line), &p);
    if (status == KB_OK)
        status = kb_scenario_address(s, p, &address);
    if (status == KB_OK && s->os.storage != NULL)
        status = kb_storage_has_no_pages(s);
    if (status == KB_OK && (p->state == KB_ENDED || s->os.mmu.scheme != KB_SCHEME_TABLES))
        status = kb_fail(s->error, KB_DATA, KB_MSG_show_no_walk, p->name);
    if (status != KB_OK || s->options.view == KB_VIEW_QUIET)
        return status;
    if (s->options.view == KB_VIEW_NARRATE)
        kb_narrate_split(&s->out, &s->os, address);
    show_walk(s, p, address);
    return KB_OK;
}

static kb_status show_split(struct kb_scenario *s) {
    static const char *const columns[] = {"field", "value", "bits", NULL};
    static const int widths[] = {10, 14, 5};
    const struct kb_format *format = &s->os.mmu.format;
    struct sheet sheet;
    uint64_t address;
    kb_status status = kb_line_number(&s->line, "address", &address, s->error);
    if (status != KB_OK || s->options.view == KB_VIEW_QUIET)
        return status;
    if (s->options.view == KB_VIEW_NARRATE) {
        kb_narrate_split(&s->out, &s->os, address);
        return KB_OK;
    }
    begin(&sheet, s, "split", columns, widths);
    for (unsigned depth = 0; depth < format->levels; depth++) {
        char name[CELL];
        snprintf(name, sizeof name, "index %u", kb_format_level(format, depth));
        cell(&sheet, name);
        cell_number(&sheet, kb_format_index(format, address, depth));
        cell_number(&sheet, format->bits[depth]);
        row(&sheet);
    }
    cell(&sheet, "offset");
    cell_hex(&sheet, address & (kb_os_page_bytes(&s->os) - 1));
    cell_number(&sheet, format->page_bits);
    row(&sheet);
    finish(&sheet);
    return KB_OK;
}

static kb_status show_bytes(struct kb_scenario *s) {
    static const char *const columns[] = {"address", "bytes", NULL};
    static const int widths[] = {14, 48};
    uint64_t address, length;
    struct sheet sheet;
    kb_status status = kb_line_number(&s->line, "physical address", &address, s->error);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "length", &length, s->error);
    if (status == KB_OK &&
        (length > MOST_BYTES || !kb_memory_has(&s->os.mmu.memory, address, length)))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_memory, (unsigned long long)address);
    if (status != KB_OK || s->options.view == KB_VIEW_QUIET)
        return status;
    begin(&sheet, s, "bytes", columns, widths);
    for (uint64_t at = 0; at < length; at += 8) {
        char text[CELL] = "";
        for (uint64_t i = at; i < at + 8 && i < length; i++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%02x", i > at ? " " : "",
                     *kb_memory_at(&s->os.mmu.memory, address + i));
        }
        cell_hex(&sheet, address + at);
        cell(&sheet, text);
        row(&sheet);
    }
    finish(&sheet);
    return KB_OK;
}

/* ---- a memory without a machine ---- */

static kb_status show_holes(struct kb_scenario *s) {
    static const char *const columns[] = {"address", "bytes", "whose", NULL};
    static const int widths[] = {14, 20, 0};
    const struct kb_request *owner;
    const struct kb_cache *cache;
    struct kb_hole range;
    struct sheet sheet;
    if (s->places == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_placement_none);
    if (s->options.view == KB_VIEW_QUIET)
        return KB_OK;
    begin(&sheet, s, "holes", columns, widths);
    for (uint64_t from = 0; kb_places_next(s->places, from, &range, &owner, &cache);
         from = range.start + range.length) {
        cell_hex(&sheet, range.start);
        cell_number(&sheet, range.length);
        cell(&sheet, owner != NULL ? owner->name : cache != NULL ? cache->name : "-");
        row(&sheet);
    }
    finish(&sheet);
    return KB_OK;
}

/* ---- the command ---- */

static kb_status show_of_process(struct kb_scenario *s,
                                 void (*show)(struct kb_scenario *s, const struct kb_process *p)) {
    struct kb_process *p;
    kb_status status = kb_scenario_process(s, kb_line_take(&s->line), &p);
    if (status == KB_OK && s->options.view != KB_VIEW_QUIET)
        show(s, p);
    return status;
}

static kb_status show_whole(struct kb_scenario *s, void (*show)(struct kb_scenario *s)) {
    if (s->options.view != KB_VIEW_QUIET)
        show(s);
    return KB_OK;
}

static kb_status show(struct kb_scenario *s) {
    if (kb_line_take_if(&s->line, "page-table")) {
        if (s->os.storage != NULL)
            return kb_storage_has_no_pages(s);
        return show_of_process(s, show_page_table);
    }
    if (kb_line_take_if(&s->line, "segments"))
        return show_of_process(s, s->os.storage != NULL ? kb_show_segments : show_segments);
    if (kb_line_take_if(&s->line, "regions"))
        return show_of_process(s, show_regions);
    if (kb_line_take_if(&s->line, "tlb"))
        return show_whole(s, show_tlb);
    if (kb_line_take_if(&s->line, "memory"))
        return show_whole(s, show_memory);
    if (kb_line_take_if(&s->line, "holes")) {
        if (s->os.storage == NULL)
            return kb_fail(s->error, KB_DATA, KB_MSG_storage_only);
        return show_whole(s, show_free);
    }
    if (kb_line_take_if(&s->line, "free"))
        return show_whole(s, show_free);
    if (kb_line_take_if(&s->line, "swap"))
        return show_whole(s, s->os.storage != NULL ? kb_show_blocks : show_swap);
    if (kb_line_take_if(&s->line, "processes"))
        return show_whole(s, show_processes);
    if (kb_line_take_if(&s->line, "objects"))
        return show_whole(s, show_objects);
    if (kb_line_take_if(&s->line, "translation"))
        return show_translation(s);
    if (kb_line_take_if(&s->line, "split"))
        return show_split(s);
    if (kb_line_take_if(&s->line, "bytes"))
        return show_bytes(s);
    if (!kb_line_take_if(&s->line, "counters"))
        return kb_fail(s->error, KB_DATA, KB_MSG_show_what);
    if (kb_line_peek(&s->line) != NULL)
        return show_of_process(s, show_counters);
    if (s->options.view != KB_VIEW_QUIET)
        show_counters(s, NULL);
    return KB_OK;
}

kb_status kb_command_show(struct kb_scenario *s) {
    bool holes = s->places != NULL && kb_line_take_if(&s->line, "holes"); /* without a machine */
    kb_status status = holes ? KB_OK : kb_scenario_build(s);
    if (status != KB_OK || s->rehearsing)
        return status;
    status = holes ? show_holes(s) : show(s);
    return status == KB_OK ? kb_line_end(&s->line, "show page-table NAME | tlb | …", s->error)
                           : status;
}
