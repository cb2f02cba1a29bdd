/* segments.c - commands about segments of paged segmentation, and what can be expected of one. */
#include <stdio.h>

#include "base/units.h"
#include "scenario/session.h"

const struct kb_region *kb_scenario_segment(const struct kb_scenario *s, const struct kb_process *p,
                                            const struct kb_word *word) {
    uint64_t number;
    bool numbered = kb_parse_u64(word->at, word->length, &number);
    for (uint32_t i = 0; kb_os_segmented(&s->os) && i < p->region_count; i++)
        if (kb_word_is(word, p->regions[i].name) ||
            (numbered && p->regions[i].start / kb_os_segment_bytes(&s->os) == number))
            return &p->regions[i];
    return NULL;
}

/* The next word must name one. */
static kb_status take_segment(struct kb_scenario *s, const struct kb_process *p, const char *wanted,
                              const struct kb_region **region) {
    const struct kb_word *word = kb_line_take(&s->line);
    if (!kb_os_segmented(&s->os))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_segments);
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    *region = kb_scenario_segment(s, p, word);
    return *region != NULL ? KB_OK
                           : kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_segment, p->name,
                                     (int)(word->length < 40 ? word->length : 40), word->at);
}

/* ---- segments begin, and change their lengths ---- */

kb_status kb_act_next_segment(struct kb_scenario *s, const struct kb_process *p,
                              struct kb_region *region) {
    for (uint32_t i = 0; i < p->region_count; i++)
        if (strcmp(p->regions[i].name, region->name) == 0)
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_same_segment, region->name);
    region->start = p->segments * kb_os_segment_bytes(&s->os);
    return KB_OK;
}

/* Numbered in the order in which they are given, from 0. */
kb_status kb_act_segment(struct kb_scenario *s, struct kb_process *p) {
    if (s->os.storage != NULL)
        return kb_storage_act_segment(s, p);
    static const char wanted[] = "NAME segment WHAT size=16K [rights=rwx] [image=SEED]";
    struct kb_region region = {.rights = kb_act_usual_rights(s)};
    const struct kb_word *name = kb_line_take(&s->line);
    uint64_t size = 0;
    bool refused;
    if (!kb_os_segmented(&s->os))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_segments);
    if (name == NULL || name->length >= sizeof region.name)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    memcpy(region.name, name->at, name->length);
    kb_status status = kb_act_next_segment(s, p, &region);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "size", &size, s->error);
    if (status == KB_OK)
        status = kb_act_region_rest(s, &region, wanted);
    if (status != KB_OK)
        return status;
    if (size == 0 || !kb_add(region.start, size, &region.end))
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    status = kb_scenario_os_status(s, kb_os_region(&s->os, p, &region, &refused));
    if (status == KB_OK && !refused)
        p->segments++;
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

/* NAME grow WHAT SIZE: longer or shorter. */
kb_status kb_act_grow(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME grow WHAT SIZE";
    const struct kb_region *region;
    uint64_t bytes = 0;
    bool refused = false;
    if (s->os.storage != NULL)
        return kb_storage_act_grow(s, p);
    kb_status status = take_segment(s, p, wanted, &region);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "size", &bytes, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_os_resize(&s->os, p, region->start, bytes, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_act_detach(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME detach SEGMENT";
    const struct kb_region *region;
    if (s->os.storage != NULL)
        return kb_storage_act_detach(s, p);
    kb_status status = take_segment(s, p, wanted, &region);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status != KB_OK)
        return status;
    uint64_t end = ((region->end - 1) | (kb_os_page_bytes(&s->os) - 1)) + 1;
    return kb_scenario_os_status(s, kb_os_unmap(&s->os, p, region->start, end));
}

/* ---- what a segment is ---- */

static bool has_table(const struct kb_os *os, const struct kb_process *p, uint64_t start,
                      uint64_t table) {
    uint64_t at;
    struct kb_segment segment = kb_os_segment(os, p, start, &at);
    return segment.present && segment.table == table;
}

struct kb_segment_state kb_scenario_segment_state(const struct kb_scenario *s,
                                                  const struct kb_process *p,
                                                  const struct kb_region *region) {
    const struct kb_os *os = &s->os;
    const struct kb_format *format = &os->mmu.format;
    struct kb_segment_state state = {.number = region->start / kb_os_segment_bytes(os),
                                     .waste = -region->end & (kb_os_page_bytes(os) - 1)};
    state.entry = kb_os_segment(os, p, region->start, &state.entry_address);
    state.pages = kb_segment_pages(format, state.entry);
    for (uint64_t i = 0; state.entry.present && i < state.pages; i++) {
        uint64_t at = state.entry.table + i * format->entry_bytes;
        uint64_t raw = kb_memory_has(&os->mmu.memory, at, format->entry_bytes)
                           ? kb_memory_entry(&os->mmu.memory, at, format->entry_bytes)
                           : kb_format_empty(format, 1);
        state.resident += (format->family->decode(format, raw, 1).bits & KB_ENTRY_VALID) != 0;
    }
    for (uint32_t i = 0; state.entry.present && i < os->process_count; i++)
        for (uint32_t r = 0; r < os->process[i]->region_count; r++)
            state.sharers +=
                has_table(os, os->process[i], os->process[i]->regions[r].start, state.entry.table);
    return state;
}

static kb_status judge(struct kb_scenario *s, const char *what, const struct kb_word *wanted,
                       uint64_t found, bool hex) {
    uint64_t number;
    char text[24];
    kb_status status = kb_word_number(wanted, what, &number, s->error);
    snprintf(text, sizeof text, hex ? "0x%llx" : "%llu", (unsigned long long)found);
    char said[40];
    snprintf(said, sizeof said, "%.*s", (int)(wanted->length < 39 ? wanted->length : 39),
             wanted->at);
    return status == KB_OK ? kb_scenario_judge(s, what, said, text, number == found) : status;
}

/* expect NAME segment WHAT length=10000 … */
kb_status kb_expect_segment(struct kb_scenario *s, const struct kb_process *p) {
    static const char wanted[] =
        "expect NAME segment WHAT [number=N] [length=BYTES] [pages=N] [rights=rw-] [present=1] "
        "[entry=ADDRESS] [table=ADDRESS] [resident=N] [waste=BYTES] [sharers=N]";
    const struct kb_region *region;
    struct kb_word value;
    if (s->os.storage != NULL)
        return kb_storage_expect_segment(s, p);
    kb_status status = take_segment(s, p, wanted, &region);
    if (status != KB_OK)
        return status;
    struct kb_segment_state state = kb_scenario_segment_state(s, p, region);
    uint64_t length =
        s->os.mmu.format.byte_lengths ? state.entry.bytes : region->end - region->start;
    const struct {
        const char *key;
        uint64_t found;
        bool hex;
    } parts[] = {
        {"number", state.number, false},      {"length", length, false},
        {"pages", state.pages, false},        {"present", state.entry.present, false},
        {"entry", state.entry_address, true}, {"table", state.entry.table, true},
        {"resident", state.resident, false},  {"waste", state.waste, false},
        {"sharers", state.sharers, false},
    };
    uint64_t before = s->tally.expectations;
    for (unsigned i = 0; status == KB_OK && i < sizeof parts / sizeof parts[0]; i++)
        if (kb_line_option(&s->line, parts[i].key, &value))
            status = judge(s, parts[i].key, &value, parts[i].found, parts[i].hex);
    if (status == KB_OK)
        status = kb_expect_rights(s, state.entry.rights);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK && s->tally.expectations == before) /* nothing is expected of it */
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    return status;
}
