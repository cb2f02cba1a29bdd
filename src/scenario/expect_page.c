/* expect_page.c - what must be true of one page: its entry in memory, and what the system knows. */
#include <stdio.h>

#include "scenario/session.h"

struct kb_page_state kb_scenario_page(const struct kb_scenario *s, const struct kb_process *p,
                                      uint64_t number) {
    const struct kb_os *os = &s->os;
    struct kb_page_state state = {0};
    struct kb_entry entry = {0};
    uint32_t id = kb_pages_find(&os->pages, p->number, number);
    if (os->mmu.scheme == KB_SCHEME_INVERTED) {
        struct kb_inverted_hit hit =
            kb_inverted_find(&os->mmu.inverted, number, p->number, NULL, NULL);
        entry.bits = hit.frame != KB_INVERTED_NONE ? hit.bits : 0;
        entry.address = (uint64_t)hit.frame << kb_os_page_bits(os);
    } else if (os->mmu.scheme == KB_SCHEME_TABLES) {
        unsigned depth;
        uint64_t root = p == os->kernel ? os->mmu.kernel_root : p->root;
        uint64_t at = kb_tables_find(&os->tables, root, number << kb_os_page_bits(os), &depth);
        if (at != KB_NO_TABLE)
            entry = os->mmu.format.family->decode(
                &os->mmu.format, kb_memory_entry(&os->mmu.memory, at, os->mmu.format.entry_bytes),
                depth);
    }
    if (kb_os_segmented(os)) { /* both must grant a right */
        uint64_t at;
        entry.bits &= kb_os_segment(os, p, number << kb_os_page_bits(os), &at).rights |
                      ~(unsigned)KB_ENTRY_RIGHTS;
    }
    state.valid = (entry.bits & KB_ENTRY_VALID) != 0;
    state.referenced = (entry.bits & KB_ENTRY_REFERENCED) != 0;
    state.modified = (entry.bits & KB_ENTRY_MODIFIED) != 0;
    state.rights = entry.bits & KB_ENTRY_RIGHTS;
    state.frame = entry.address >> kb_os_page_bits(os);
    const struct kb_page *page =
        id == KB_NO_MAPPING ? NULL : &os->pages.page[os->pages.mapping[id].page];
    state.slotted = page != NULL && page->slot != KB_NO_SLOT;
    state.slot = state.slotted ? page->slot : 0;
    state.mappings = page != NULL ? page->count : 0;
    return state;
}

static kb_status judge_bit(struct kb_scenario *s, const char *key, bool found) {
    struct kb_word value;
    uint64_t wanted;
    if (!kb_line_option(&s->line, key, &value))
        return KB_OK;
    kb_status status = kb_word_number(&value, key, &wanted, s->error);
    return status == KB_OK ? kb_scenario_judge(s, key, wanted != 0 ? "1" : "0", found ? "1" : "0",
                                               (wanted != 0) == found)
                           : status;
}

kb_status kb_expect_place(struct kb_scenario *s, const char *key, bool there, uint64_t place) {
    struct kb_word value;
    char wanted[40], found[40] = "none";
    uint64_t number = 0;
    if (!kb_line_option(&s->line, key, &value))
        return KB_OK;
    bool none = kb_word_is(&value, "none");
    kb_status status = none ? KB_OK : kb_word_number(&value, key, &number, s->error);
    if (status != KB_OK)
        return status;
    snprintf(wanted, sizeof wanted, "%.*s", (int)(value.length < 39 ? value.length : 39), value.at);
    if (there)
        snprintf(found, sizeof found, "%llu", (unsigned long long)place);
    return kb_scenario_judge(s, key, wanted, found, none ? !there : there && number == place);
}

kb_status kb_expect_rights(struct kb_scenario *s, unsigned rights) {
    struct kb_word value;
    char found[4], wanted[8];
    if (!kb_line_option(&s->line, "rights", &value))
        return KB_OK;
    snprintf(wanted, sizeof wanted, "%.*s", (int)(value.length < 7 ? value.length : 7), value.at);
    kb_rights_text(rights, found);
    return kb_scenario_judge(s, "rights", wanted, found, strcmp(wanted, found) == 0);
}

kb_status kb_expect_page(struct kb_scenario *s, const struct kb_process *p) {
    uint64_t number;
    kb_status status = kb_line_number(&s->line, "page", &number, s->error);
    if (status == KB_OK && number > UINT64_MAX >> kb_os_page_bits(&s->os))
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
    if (status != KB_OK)
        return status;
    struct kb_page_state state = kb_scenario_page(s, p, number);
    static const char wanted_line[] = "expect NAME page N [valid=1] [frame=2] [R=0] [M=1] "
                                      "[slot=3|none] [rights=rw-] [mappings=2]";
    uint64_t before = s->tally.expectations;
    status = judge_bit(s, "valid", state.valid);
    if (status == KB_OK)
        status = judge_bit(s, "R", state.referenced);
    if (status == KB_OK)
        status = judge_bit(s, "M", state.modified);
    if (status == KB_OK)
        status = kb_expect_place(s, "frame", state.valid, state.frame);
    if (status == KB_OK)
        status = kb_expect_place(s, "slot", state.slotted, state.slot);
    if (status == KB_OK)
        status = kb_expect_place(s, "mappings", true, state.mappings);
    if (status == KB_OK)
        status = kb_expect_rights(s, state.rights);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted_line, s->error);
    if (status == KB_OK && s->tally.expectations == before) /* nothing is expected of it */
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted_line);
    return status;
}
