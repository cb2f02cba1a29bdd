/* format.c - the list of formats, and the maker of generic ones. */
#include "machine/format.h"

#include "base/units.h"
#include "machine/format/families.h"

static const struct kb_format *const formats[] = {
    &kb_format_sv32, &kb_format_sv39,   &kb_format_sv48,
    &kb_format_sv57, &kb_format_x86_32, &kb_format_x86_64,
};

#define FORMATS (sizeof formats / sizeof formats[0])

const struct kb_format *kb_format_at(unsigned i) { return i < FORMATS ? formats[i] : NULL; }

const struct kb_format *kb_format_find(const char *name) {
    for (unsigned i = 0; i < FORMATS; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

#define LEAST_PAGE_BITS 6
#define MOST_PAGE_BITS 30
#define MOST_INDEX_BITS 24

/* Of the page number in an entry of 4 or 8 bytes. */
static unsigned page_number_bits(unsigned entry_bytes) { return entry_bytes == 4 ? 22 : 44; }

kb_status kb_format_generic(struct kb_format *format, unsigned levels, const unsigned *split,
                            unsigned page_bits, unsigned entry_bytes, struct kb_error *error) {
    unsigned sum = page_bits;
    if (levels < 1 || levels > KB_MOST_LEVELS)
        return kb_fail(error, KB_USAGE, KB_MSG_format_levels, (unsigned long long)levels,
                       (unsigned long long)KB_MOST_LEVELS);
    if (page_bits < LEAST_PAGE_BITS || page_bits > MOST_PAGE_BITS)
        return kb_fail(error, KB_USAGE, KB_MSG_format_page_bits, (unsigned long long)page_bits,
                       (unsigned long long)LEAST_PAGE_BITS, (unsigned long long)MOST_PAGE_BITS);
    if (entry_bytes != 4 && entry_bytes != 8)
        return kb_fail(error, KB_USAGE, KB_MSG_format_entry_bytes, (unsigned long long)entry_bytes);
    for (unsigned i = 0; i < levels; i++) {
        if (split[i] < 1 || split[i] > MOST_INDEX_BITS)
            return kb_fail(error, KB_USAGE, KB_MSG_format_index_bits, (unsigned long long)split[i],
                           (unsigned long long)MOST_INDEX_BITS);
        sum += split[i];
    }
    if (sum > 64)
        return kb_fail(error, KB_USAGE, KB_MSG_format_address_bits, (unsigned long long)sum);
    unsigned physical_bits = page_number_bits(entry_bytes) + page_bits;
    *format = (struct kb_format){
        .name = "generic",
        .family = &kb_family_riscv,
        .levels = levels,
        .page_bits = page_bits,
        .entry_bytes = entry_bytes,
        .address_bits = sum,
        .physical_bits = physical_bits < 64 ? physical_bits : 64,
        .superpage_depths = (1u << levels) - 1,
    };
    memcpy(format->bits, split, levels * sizeof split[0]);
    return KB_OK;
}
