/* narrate_translation.h - one translation in words; the part of narrate.c that knows hardware. */
#ifndef KB_SCENARIO_NARRATE_TRANSLATION_H
#define KB_SCENARIO_NARRATE_TRANSLATION_H

#include "scenario/narrate.h"

/* What messages take for a number. */
#define KB_N(x) ((unsigned long long)(x))

/* The split, the TLB, each entry read, bits set, the physical address. */
void kb_narrate_translation(struct kb_text_out *out, const struct kb_os *os,
                            const struct kb_translation *t);

/* Why the last translation ended in this fault: one line, beginning with "trap". */
void kb_narrate_trap(struct kb_text_out *out, const struct kb_os *os,
                     const struct kb_os_event *event);

/* The bits of an address that tables and TLB look at. */
uint64_t kb_narrate_masked(const struct kb_os *os, uint64_t address);

/* The page number in a tag of a TLB, with the upper bits that its addresses have. */
uint64_t kb_narrate_tag_page(const struct kb_os *os, const struct kb_tlb *tlb, uint64_t tag);

/* The sentence that says why this policy let a page go; its arguments are page, frame, mark. */
enum kb_message kb_narrate_why(const struct kb_policy *policy, uint64_t mark);

/* "read", "write" … in the language of the text. */
const char *kb_narrate_right(const struct kb_text_out *out, enum kb_access access);

/* The raw bits of an entry with all its digits. */
#define KB_RAW_TEXT 20
char *kb_narrate_raw(const struct kb_os *os, uint64_t raw, char text[KB_RAW_TEXT]);

/* The same where storage is contiguous (narrate_storage.c). */
void kb_narrate_storage_translation(struct kb_text_out *out, const struct kb_os *os,
                                    const struct kb_translation *t);

#endif
