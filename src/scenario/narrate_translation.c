/* narrate_translation.c - one translation in words: the address in its fields, the TLB, each entry
 * of a table with its bits, and the physical address, or the trap.
 *
 *   0x7f1234567abc = 254 | 72 | 418 | 359 | 0xabc
 *                     │     │     │     │     └──────────────┐
 *   PML4 entry 254 ◄──┘     │     │     │                    │
 *   PDPT entry 72 ◄─────────┘     │     └──► PT: frame 5     │
 *   PD entry 418 ◄────────────────┘    physical = frame 5 | 0xabc */
#include "scenario/narrate_translation.h"

#include <inttypes.h>
#include <stdio.h>

#include "machine/segment.h"

#define say kb_text_message
#define LABEL_TEXT 64

static const char *word(const struct kb_text_out *out, enum kb_message message) {
    return kb_text(out->language, message);
}

static bool inverted(const struct kb_os *os) { return os->mmu.scheme == KB_SCHEME_INVERTED; }

static uint64_t page_number(const struct kb_os *os, uint64_t address) {
    return address >> kb_os_page_bits(os);
}

uint64_t kb_narrate_masked(const struct kb_os *os, uint64_t address) {
    unsigned bits = os->mmu.format.address_bits;
    return bits < 64 ? address & ((UINT64_C(1) << bits) - 1) : address;
}

uint64_t kb_narrate_tag_page(const struct kb_os *os, const struct kb_tlb *tlb, uint64_t tag) {
    uint64_t page = kb_tlb_tag_page(tlb, tag);
    const struct kb_format *format = &os->mmu.format;
    unsigned bits = format->address_bits - format->page_bits;
    if (!format->canonical || !(page >> (bits - 1) & 1))
        return page;
    return page | (UINT64_MAX >> format->page_bits & ~((UINT64_C(1) << bits) - 1));
}

/* ---- names ---- */

char *kb_rights_text(unsigned rights, char text[4]) {
    text[0] = rights & KB_ENTRY_READ ? 'r' : '-';
    text[1] = rights & KB_ENTRY_WRITE ? 'w' : '-';
    text[2] = rights & KB_ENTRY_EXECUTE ? 'x' : '-';
    text[3] = '\0';
    return text;
}

const char *kb_narrate_right(const struct kb_text_out *out, enum kb_access access) {
    static const enum kb_message names[] = {KB_MSG_tell_to_read, KB_MSG_tell_to_store,
                                            KB_MSG_tell_to_execute, KB_MSG_tell_to_read};
    return word(out, names[access]);
}

char *kb_narrate_raw(const struct kb_os *os, uint64_t raw, char text[KB_RAW_TEXT]) {
    int digits = inverted(os) ? 16 : 2 * (int)os->mmu.format.entry_bytes;
    snprintf(text, KB_RAW_TEXT, "0x%0*" PRIx64, digits, raw);
    return text;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void fill(const struct kb_text_out *out, char *label, enum kb_message message,
                 uint64_t number) {
    snprintf(label, LABEL_TEXT, word(out, message), KB_N(number));
}
#pragma GCC diagnostic pop

/* "PML4", "level 2" in a list; alone: "table of level 2", "page table". */
static const char *level_name(const struct kb_text_out *out, const struct kb_format *format,
                              unsigned depth, bool alone, char *label) {
    if (format->family->table_names != NULL)
        return format->family->table_names[format->levels - depth - 1];
    if (format->family->segmented)
        return word(out, depth == 0
                             ? (alone ? KB_MSG_tell_segment_table : KB_MSG_tell_segment_field)
                             : (alone ? KB_MSG_tell_table_only : KB_MSG_tell_page_field));
    if (format->levels == 1)
        return word(out, KB_MSG_tell_table_only);
    fill(out, label, alone ? KB_MSG_tell_table_level : KB_MSG_tell_level,
         kb_format_level(format, depth));
    return label;
}

static const char *tlb_name(const struct kb_text_out *out, const struct kb_os *os, unsigned level) {
    if (os->mmu.tlbs == 1)
        return word(out, KB_MSG_tell_tlb);
    return word(out, level == 0 ? KB_MSG_tell_tlb_first : KB_MSG_tell_tlb_second);
}

/* ---- the split ---- */

void kb_narrate_split(struct kb_text_out *out, const struct kb_os *os, uint64_t address) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t offset = address & (kb_os_page_bytes(os) - 1);
    if (os->mmu.scheme == KB_SCHEME_RELOCATION) {
        say(out, KB_MSG_tell_split_none, KB_N(address));
        return;
    }
    if (inverted(os) || format->levels == 1) {
        say(out, KB_MSG_tell_split_page, KB_N(address), KB_N(page_number(os, address)),
            KB_N(offset));
        return;
    }
    kb_text_format(out, "0x%llx =", KB_N(address));
    for (unsigned depth = 0; depth < format->levels; depth++)
        kb_text_format(out, " %llu |", KB_N(kb_format_index(format, address, depth)));
    kb_text_format(out, " 0x%llx\n", KB_N(offset));
}

/* Below the split: what its fields are, when there are several. */
static void tell_fields(struct kb_text_out *out, const struct kb_os *os, uint64_t address) {
    const struct kb_format *format = &os->mmu.format;
    char label[LABEL_TEXT];
    if (os->mmu.scheme != KB_SCHEME_TABLES || format->levels == 1)
        return;
    say(out, KB_MSG_tell_split_fields, KB_N(page_number(os, address)));
    for (unsigned depth = 0; depth < format->levels; depth++)
        say(out, KB_MSG_tell_split_index, level_name(out, format, depth, false, label),
            KB_N(format->bits[depth]));
    say(out, KB_MSG_tell_split_offset, KB_N(format->page_bits));
}

/* ---- entries ---- */

/* R and M, with the letters that the format's manual has for them. */
static void tell_r_and_m(struct kb_text_out *out, const struct kb_format *format, unsigned bits) {
    bool real = kb_format_find(format->name) != NULL;
    kb_text_format(out, real ? " R(A)=%d M(D)=%d" : " R=%d M=%d", (bits & KB_ENTRY_REFERENCED) != 0,
                   (bits & KB_ENTRY_MODIFIED) != 0);
}

static void tell_segment_entry(struct kb_text_out *out, const struct kb_format *format,
                               uint64_t raw) {
    struct kb_segment segment = kb_segment_decode(format, raw);
    char rights[4];
    if (!segment.legal) {
        kb_text_plain(out, "L=0");
        return;
    }
    say(out, format->byte_lengths ? KB_MSG_tell_entry_segment_bytes : KB_MSG_tell_entry_segment,
        segment.present ? "P=1" : "P=0", kb_rights_text(segment.rights, rights),
        KB_N(format->byte_lengths ? segment.bytes : kb_segment_pages(format, segment)));
    if (segment.present)
        say(out, KB_MSG_tell_entry_pages, KB_N(segment.table));
}

static void tell_inverted_entry(struct kb_text_out *out, uint64_t raw) {
    unsigned bits = kb_inverted_bits(raw);
    if (!(bits & KB_ENTRY_VALID)) {
        kb_text_plain(out, "V=0");
        return;
    }
    kb_text_plain(out, "V");
    for (unsigned i = 1; i < 6; i++)
        if (bits >> i & 1)
            kb_text_format(out, " %c", "VRWXUG"[i]);
    kb_text_format(out, " R=%d M=%d", (bits & KB_ENTRY_REFERENCED) != 0,
                   (bits & KB_ENTRY_MODIFIED) != 0);
    say(out, KB_MSG_tell_entry_inverted, KB_N(raw >> (64 - KB_INVERTED_PAGE_BITS)),
        KB_N(raw >> 12 & 0xffff));
}

static void tell_bit_names(struct kb_text_out *out, const struct kb_format *format, uint64_t raw,
                           unsigned bits) {
    const struct kb_family *family = format->family;
    const char *names = family->bit_names;
    for (unsigned i = 0; names[i] != '\0'; i++)
        if (raw >> i & 1 && i != family->referenced_bit && i != family->modified_bit)
            kb_text_format(out, i == 0 ? "%c" : " %c", names[i]);
    if (strchr(names, 'X') == NULL && !(bits & KB_ENTRY_EXECUTE))
        kb_text_plain(out, " XD"); /* its bit forbids to execute */
}

void kb_narrate_entry(struct kb_text_out *out, const struct kb_os *os, uint64_t raw,
                      unsigned depth) {
    const struct kb_format *format = &os->mmu.format;
    if (inverted(os)) {
        tell_inverted_entry(out, raw);
        return;
    }
    if (format->family->segmented && depth == 0) {
        tell_segment_entry(out, format, raw);
        return;
    }
    struct kb_entry entry = format->family->decode(format, raw, depth);
    if (!(entry.bits & KB_ENTRY_VALID)) {
        kb_text_format(out, "%c=0", format->family->bit_names[0]);
        return;
    }
    tell_bit_names(out, format, raw, entry.bits);
    if (entry.bits & KB_ENTRY_LEAF) {
        tell_r_and_m(out, format, entry.bits);
        say(out, KB_MSG_tell_entry_frame, KB_N(page_number(os, entry.address)));
        if (depth + 1 < format->levels)
            say(out, KB_MSG_tell_entry_super, KB_N(UINT64_C(1) << kb_format_shift(format, depth)));
    } else if (!(entry.bits & KB_ENTRY_RESERVED)) {
        say(out, KB_MSG_tell_entry_table, KB_N(entry.address));
    }
    if (entry.bits & KB_ENTRY_RESERVED)
        say(out, KB_MSG_tell_entry_reserved);
}

/* ---- the TLB ---- */

static void tell_miss(struct kb_text_out *out, const struct kb_os *os, unsigned level,
                      uint64_t page) {
    const struct kb_tlb_geometry *geometry = &os->mmu.tlb[level].geometry;
    if (geometry->sets == 1)
        say(out, KB_MSG_tell_tlb_miss_all, tlb_name(out, os, level), KB_N(page),
            KB_N(geometry->ways));
    else
        say(out, KB_MSG_tell_tlb_miss_set, tlb_name(out, os, level), KB_N(page),
            KB_N(page & (geometry->sets - 1)), KB_N(geometry->sets));
}

static void tell_hit(struct kb_text_out *out, const struct kb_os *os, unsigned level, uint64_t page,
                     uint32_t place) {
    const struct kb_tlb *tlb = &os->mmu.tlb[level];
    const struct kb_tlb_entry *entry = &tlb->entries[place];
    char rights[4], text[8];
    /* of a superpage the entry names the first frame */
    uint64_t inside = page & ((UINT64_C(1) << (entry->page_bits - kb_os_page_bits(os))) - 1);
    snprintf(text, sizeof text, "%s%s", kb_rights_text(entry->bits, rights),
             entry->bits & KB_ENTRY_USER ? " U" : "");
    say(out, KB_MSG_tell_tlb_hit, tlb_name(out, os, level), KB_N(page),
        KB_N(place / tlb->geometry.ways), KB_N(place % tlb->geometry.ways),
        KB_N(page_number(os, entry->page) + inside), text);
}

static void tell_loaded(struct kb_text_out *out, const struct kb_os *os, unsigned level,
                        uint32_t place, uint64_t evicted) {
    const struct kb_tlb *tlb = &os->mmu.tlb[level];
    uint64_t set = place / tlb->geometry.ways, way = place % tlb->geometry.ways;
    if (evicted == KB_TLB_EMPTY)
        say(out, KB_MSG_tell_tlb_loaded, tlb_name(out, os, level), KB_N(set), KB_N(way));
    else
        say(out, KB_MSG_tell_tlb_replaced, tlb_name(out, os, level), KB_N(set), KB_N(way),
            KB_N(kb_narrate_tag_page(os, tlb, evicted)));
}

static void tell_probes(struct kb_text_out *out, const struct kb_os *os,
                        const struct kb_translation *t) {
    uint64_t page = page_number(os, t->linear);
    for (unsigned level = 0; level < t->probed; level++) {
        if (level + 1 == t->hit)
            tell_hit(out, os, level, page, t->place[level]);
        else
            tell_miss(out, os, level, page);
    }
}

static void tell_loads(struct kb_text_out *out, const struct kb_os *os,
                       const struct kb_translation *t) {
    for (unsigned level = 0; level < os->mmu.tlbs; level++)
        if (t->place[level] != KB_TLB_NONE && level + 1 != t->hit)
            tell_loaded(out, os, level, t->place[level], t->evicted[level]);
}

/* ---- the walk ---- */

static void tell_steps(struct kb_text_out *out, const struct kb_os *os,
                       const struct kb_walk *walk) {
    const struct kb_format *format = &os->mmu.format;
    char label[LABEL_TEXT], raw[KB_RAW_TEXT];
    for (unsigned i = 0; i < walk->steps; i++) {
        const struct kb_walk_step *step = &walk->step[i];
        say(out, KB_MSG_tell_step, level_name(out, format, i, true, label), KB_N(step->index),
            KB_N(step->address), kb_narrate_raw(os, step->entry, raw));
        kb_narrate_entry(out, os, step->entry, i);
        kb_text_plain(out, "\n");
    }
    if (walk->fault == KB_FAULT_BUS)
        say(out, KB_MSG_tell_step_nowhere, level_name(out, format, walk->steps, true, label),
            KB_N(walk->step[walk->steps].index), KB_N(walk->step[walk->steps].address));
}

/* The inverted table is read once more for the telling; only R and M of the entry have changed. */
struct chain {
    struct kb_text_out *out;
    const struct kb_os *os;
    const struct kb_translation *t;
    unsigned anchors; /* read so far */
    bool at_anchor;   /* the next entry is read for its anchor */
};

static void tell_anchor(struct chain *chain, uint64_t address, uint64_t entry, uint64_t anchor) {
    struct kb_text_out *out = chain->out;
    char first[LABEL_TEXT];
    fill(out, first, anchor == 0 ? KB_MSG_tell_chain_end : KB_MSG_tell_chain_frame, anchor - 1);
    if (chain->anchors++ == 0)
        say(out, KB_MSG_tell_anchor,
            KB_N(page_number(chain->os, kb_narrate_masked(chain->os, chain->t->linear))),
            KB_N(entry), KB_N(address), first);
    else
        say(out, KB_MSG_tell_anchor_global, KB_N(entry), KB_N(address), first);
    chain->at_anchor = anchor == 0;
}

static uint64_t before_bits(const struct kb_translation *t, uint64_t word0) {
    if (t->set_bits & KB_ENTRY_REFERENCED)
        word0 &= ~(UINT64_C(1) << KB_INVERTED_REFERENCED_BIT);
    if (t->set_bits & KB_ENTRY_MODIFIED)
        word0 &= ~(UINT64_C(1) << KB_INVERTED_MODIFIED_BIT);
    return word0;
}

static void tell_read(void *context, uint64_t address, uint64_t word0, uint64_t word1) {
    struct chain *chain = context;
    uint64_t entry = (address - chain->os->mmu.inverted.base) / KB_INVERTED_ENTRY_BYTES;
    char raw[KB_RAW_TEXT];
    if (chain->at_anchor) {
        tell_anchor(chain, address, entry, word1 & UINT32_MAX);
        return;
    }
    if (chain->t->fault == KB_FAULT_NONE && address == chain->t->entry)
        word0 = before_bits(chain->t, word0);
    say(chain->out, KB_MSG_tell_chain, KB_N(entry), KB_N(address),
        kb_narrate_raw(chain->os, word0, raw));
    kb_narrate_entry(chain->out, chain->os, word0, 0);
    kb_text_plain(chain->out, "\n");
    chain->at_anchor = word1 >> 32 == 0;
}

static void tell_chain(struct kb_text_out *out, const struct kb_os *os,
                       const struct kb_translation *t) {
    struct chain chain = {out, os, t, 0, true};
    (void)kb_inverted_find(&os->mmu.inverted, page_number(os, kb_narrate_masked(os, t->linear)),
                           os->mmu.space, tell_read, &chain);
}

/* ---- the whole ---- */

static void tell_set_bits(struct kb_text_out *out, const struct kb_translation *t) {
    bool r = (t->set_bits & KB_ENTRY_REFERENCED) != 0, m = (t->set_bits & KB_ENTRY_MODIFIED) != 0;
    if (r || m)
        say(out,
            r && m ? KB_MSG_tell_set_both
            : r    ? KB_MSG_tell_set_r
                   : KB_MSG_tell_set_m,
            KB_N(t->entry));
}

/* Bits and size of the page that was found, in the TLB or by the walk. */
static unsigned found_bits(const struct kb_os *os, const struct kb_translation *t) {
    return t->hit > 0 ? os->mmu.tlb[0].entries[t->place[0]].bits : t->walk.bits;
}

static unsigned found_page_bits(const struct kb_os *os, const struct kb_translation *t) {
    return t->hit > 0 ? os->mmu.tlb[0].entries[t->place[0]].page_bits : t->walk.page_bits;
}

static void tell_physical(struct kb_text_out *out, const struct kb_os *os,
                          const struct kb_translation *t) {
    if (os->mmu.scheme == KB_SCHEME_RELOCATION) {
        say(out, KB_MSG_tell_physical_plain, KB_N(t->physical));
        return;
    }
    unsigned bits = found_page_bits(os, t);
    uint64_t inside = (UINT64_C(1) << bits) - 1;
    uint64_t frame = page_number(os, t->physical & ~inside);
    if (bits == kb_os_page_bits(os))
        say(out, KB_MSG_tell_physical, KB_N(t->physical), KB_N(frame), KB_N(t->physical & inside));
    else
        say(out, KB_MSG_tell_physical_super, KB_N(t->physical), KB_N(inside + 1), KB_N(frame),
            KB_N(t->physical & inside));
}

void kb_narrate_translation(struct kb_text_out *out, const struct kb_os *os,
                            const struct kb_translation *t) {
    const struct kb_mmu *mmu = &os->mmu;
    if (os->storage != NULL) {
        kb_narrate_storage_translation(out, os, t);
        return;
    }
    if (mmu->limit != 0 && t->address >= mmu->limit)
        return; /* the trap says it */
    if (mmu->limit != 0)
        say(out, KB_MSG_tell_relocated, KB_N(t->address), KB_N(mmu->limit), KB_N(t->address),
            KB_N(mmu->base), KB_N(t->linear));
    kb_text_plain(out, "  ");
    kb_narrate_split(out, os, t->linear);
    tell_fields(out, os, t->linear);
    tell_probes(out, os, t);
    if (t->walked && inverted(os))
        tell_chain(out, os, t);
    else if (t->walked)
        tell_steps(out, os, &t->walk);
    if (t->fault != KB_FAULT_NONE)
        return;
    tell_set_bits(out, t);
    tell_loads(out, os, t);
    tell_physical(out, os, t);
}

/* ---- the trap ---- */

/* Its entry says V = 0 because it grants no right, or because somebody wrote so. */
static bool is_resident(const struct kb_os *os, uint64_t page) {
    const struct kb_process *p =
        page << kb_os_page_bits(os) >= os->mmu.kernel_start ? os->kernel : os->running;
    uint32_t id = p != NULL ? kb_pages_find(&os->pages, p->number, page) : KB_NO_MAPPING;
    return id != KB_NO_MAPPING && os->pages.mapping[id].entry != KB_NO_TABLE;
}

static void tell_missing(struct kb_text_out *out, const struct kb_os *os,
                         const struct kb_translation *t) {
    const struct kb_format *format = &os->mmu.format;
    uint64_t page = page_number(os, t->linear);
    char label[LABEL_TEXT];
    if (is_resident(os, page))
        say(out, KB_MSG_tell_trap_withheld, KB_N(page));
    else if (inverted(os))
        say(out, KB_MSG_tell_trap_chain, KB_N(page));
    else if (t->walk.depth + 1 == format->levels)
        say(out, KB_MSG_tell_trap_page, KB_N(page));
    else
        say(out, KB_MSG_tell_trap_table, KB_N(page),
            level_name(out, format, t->walk.depth, true, label));
}

static void tell_other(struct kb_text_out *out, const struct kb_os *os,
                       const struct kb_translation *t) {
    const char *name = kb_fault_name(t->fault), *why = word(out, kb_fault_why(t->fault));
    char label[LABEL_TEXT];
    if (t->walked && !inverted(os))
        say(out, KB_MSG_tell_trap_level, name,
            level_name(out, &os->mmu.format, t->walk.depth, true, label), why);
    else
        say(out, KB_MSG_tell_trap_address, name, why);
}

void kb_narrate_trap(struct kb_text_out *out, const struct kb_os *os,
                     const struct kb_os_event *event) {
    const struct kb_translation *t = &os->mmu.last;
    uint64_t page = page_number(os, t->linear);
    char rights[4];
    switch (event->fault) {
    case KB_FAULT_INVALID:
        tell_missing(out, os, t);
        break;
    case KB_FAULT_PROTECTION:
        say(out, KB_MSG_tell_trap_rights, KB_N(page), kb_rights_text(found_bits(os, t), rights),
            kb_narrate_right(out, t->access));
        break;
    case KB_FAULT_PRIVILEGE:
        say(out, os->mmu.privileged ? KB_MSG_tell_trap_kernel : KB_MSG_tell_trap_user, KB_N(page));
        break;
    case KB_FAULT_BUS:
        if (os->mmu.scheme == KB_SCHEME_RELOCATION) {
            say(out, KB_MSG_tell_trap_outside, KB_N(t->linear), KB_N(os->mmu.memory.size));
            break;
        }
        if (t->walked && t->walk.fault == KB_FAULT_NONE) {
            uint64_t inside = (UINT64_C(1) << t->walk.page_bits) - 1;
            say(out, KB_MSG_tell_trap_frame, KB_N(page),
                KB_N(page_number(os, t->walk.page | inside)), KB_N(os->mmu.frames));
            break;
        }
        tell_other(out, os, t);
        break;
    case KB_FAULT_OVERFLOW:
        if (os->mmu.limit != 0 && t->address >= os->mmu.limit) {
            say(out, KB_MSG_tell_trap_limit, KB_N(t->address), KB_N(os->mmu.limit));
            break;
        }
        tell_other(out, os, t);
        break;
    default:
        tell_other(out, os, t);
        break;
    }
}
