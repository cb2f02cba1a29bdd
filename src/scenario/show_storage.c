/* show_storage.c - tables of contiguous storage: the memory as areas and holes, the segments of a
 * process. */
#include "scenario/sheet.h"

#define MOST_ROWS 65536

/* The area in memory that lies lowest from an address on, or KB_NO_AREA. */
static uint32_t next_area(const struct kb_storage *storage, uint64_t from) {
    uint32_t best = KB_NO_AREA;
    for (uint32_t frame = 0; frame < storage->used; frame++) {
        uint32_t number = storage->page_of[frame];
        const struct kb_area *area = &storage->area[number];
        if (storage->flags[frame] & KB_RESIDENT && area->base >= from &&
            (best == KB_NO_AREA || area->base < storage->area[best].base))
            best = number;
    }
    return best;
}

static void show_area(struct sheet *sheet, uint32_t number) {
    const struct kb_os *os = &sheet->s->os;
    const struct kb_area *area = &os->storage->area[number];
    const struct kb_process *owner = kb_storage_owner(os, number);
    cell_hex(sheet, area->base);
    cell_number(sheet, area->room);
    cell(sheet, area->name);
    cell(sheet, owner != NULL ? owner->name : "-");
    cell_number(sheet, area->users);
    cell_number(sheet, area->room - area->length);
    cell_number(sheet, (os->storage->flags[area->frame] & KB_REFERENCED) != 0);
    cell_number(sheet, kb_storage_modified(os, number));
    row(sheet);
}

void kb_show_areas(struct kb_scenario *s, bool areas_too) {
    static const char *const columns[] = {"address", "bytes", "segment", "owner", "users",
                                          "waste",   "R",     "M",       NULL};
    static const int widths[] = {14, 12, 16, 12, 5, 8, 1, 1};
    const struct kb_storage *storage = s->os.storage;
    struct kb_hole hole = {0};
    struct sheet sheet;
    bool hole_left = kb_storage_next_hole(&s->os, 0, &hole);
    uint32_t area = areas_too ? next_area(storage, 0) : KB_NO_AREA;
    begin(&sheet, s, areas_too ? "memory" : "free", columns, widths);
    for (unsigned rows = 0; rows < MOST_ROWS && (hole_left || area != KB_NO_AREA); rows++) {
        if (area != KB_NO_AREA && (!hole_left || storage->area[area].base < hole.start)) {
            show_area(&sheet, area);
            area = next_area(storage, storage->area[area].base + 1);
            continue;
        }
        cell_hex(&sheet, hole.start);
        cell_number(&sheet, hole.length);
        cell(&sheet, "-");
        row(&sheet);
        hole_left = kb_storage_next_hole(&s->os, hole.start + hole.length, &hole);
    }
    finish(&sheet);
}

/* What the paging file holds: each segment's blocks, which may be older than its bytes in memory.
 */
void kb_show_blocks(struct kb_scenario *s) {
    static const char *const columns[] = {"slot", "owner", "segment", "block", "checksum", NULL};
    static const int widths[] = {8, 12, 16, 8, 18};
    const struct kb_storage *storage = s->os.storage;
    struct sheet sheet;
    unsigned rows = 0;
    begin(&sheet, s, "swap", columns, widths);
    for (uint32_t i = 0; i < storage->area_count; i++) {
        const struct kb_area *area = &storage->area[i];
        const struct kb_process *owner = kb_storage_owner(&s->os, i);
        for (uint64_t b = 0; area->block != NULL && b < area->blocks && rows < MOST_ROWS; b++) {
            if (area->block[b].slot == KB_NO_SLOT)
                continue;
            cell_number(&sheet, area->block[b].slot);
            cell(&sheet, owner != NULL ? owner->name : "-");
            cell(&sheet, area->name);
            cell_number(&sheet, b);
            cell_hex(&sheet, area->block[b].sum);
            row(&sheet);
            rows++;
        }
    }
    finish(&sheet);
}

void kb_show_segments(struct kb_scenario *s, const struct kb_process *p) {
    static const char *const columns[] = {"number", "segment", "base",  "limit", "rights",
                                          "R",      "M",       "users", "waste", NULL};
    static const int widths[] = {6, 16, 14, 12, 6, 1, 1, 5, 8};
    const struct kb_storage *storage = s->os.storage;
    struct sheet sheet;
    begin(&sheet, s, "segments", columns, widths);
    for (uint32_t i = 0; i < p->region_count && i < MOST_ROWS; i++) {
        const struct kb_region *segment = &p->regions[i];
        const struct kb_area *area = &storage->area[segment->area - 1];
        bool referenced = area->present && (storage->flags[area->frame] & KB_REFERENCED) != 0;
        char rights[4];
        cell_number(&sheet, kb_storage_number(&s->os, segment));
        cell(&sheet, segment->name);
        if (area->present)
            cell_hex(&sheet, area->base);
        else
            cell(&sheet, "-");
        cell_number(&sheet, area->length);
        cell(&sheet, kb_rights_text(segment->rights, rights));
        cell_number(&sheet, referenced);
        cell_number(&sheet, kb_storage_modified(&s->os, segment->area - 1));
        cell_number(&sheet, area->users);
        cell_number(&sheet, area->present ? area->room - area->length : 0);
        row(&sheet);
    }
    finish(&sheet);
}
