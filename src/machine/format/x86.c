/* x86.c - the entries of x86: 32 bits with pages of 4 MiB (PSE), and 4-level paging.
 *
 *   x86-32: 31                        12 11  9 8 7   6 5 4   3   2 1 0
 *   table  | address of the table 31:12 | –   | – 0 | – A PCD PWT U W P |
 *   4 KiB  | address of the page  31:12 | –   | G PAT D A PCD PWT U W P |
 *   4 MiB  | 31:22 | 21: 0 | 39:32 | PAT | – | G 1   D A PCD PWT U W P |
 *           31   22         20  13  12
 *
 *   x86-64: 63 62  52 51                     12 11  9 8   7 6 5 4   3   2 1 0
 *   table  | XD | – | address of the table 51:12 | – | –   0 – A PCD PWT U W P |
 *   4 KiB  | XD | – | address of the page  51:12 | – | G PAT D A PCD PWT U W P |
 *   2 MiB  | XD | – | address 51:21 | 0 20:13 | PAT 12 | G 1 D A PCD PWT U W P |
 *   1 GiB  | XD | – | address 51:30 | 0 29:13 | PAT 12 | G 1 D A PCD PWT U W P |
 *
 *   P 0                  invalid; the other bits are the system's
 *   what is drawn as 0   reserved; bit 7 of a PML4 entry too. The 0 of bit 7 of other tables
 *                        is what makes them tables
 *   –                    ignored
 *
 * W, U and the right to execute (no XD) hold only if every level grants them.
 * The machine has 52 bits of physical address, NXE = 1, CR0.WP = 1, and no
 * SMEP, SMAP or protection keys; 32-bit entries have no XD.
 *
 * Source: Intel SDM volume 3, 4.3 (32-bit paging), 4.5 (4-level paging). */
#include "machine/format/families.h"

enum { P = 1, RW = 2, US = 4, A = 32, D = 64, PS = 128, G = 256 };

#define XD (UINT64_C(1) << 63)
#define ADDRESS_32 UINT64_C(0xfffff000)
#define ADDRESS_64 UINT64_C(0x000ffffffffff000)
#define PAGE_4M UINT64_C(0xffc00000)
#define PSE_RESERVED (1u << 21)
#define PSE_HIGH_SHIFT 13 /* entry bits 20:13 are address bits 39:32 */

/* What both sizes of entry have. */
static inline unsigned common_bits(uint64_t entry, bool leaf) {
    unsigned bits = KB_ENTRY_VALID | KB_ENTRY_READ;
    bits |= entry & RW ? KB_ENTRY_WRITE : 0u;
    bits |= entry & US ? KB_ENTRY_USER : 0u;
    bits |= entry & A ? KB_ENTRY_REFERENCED : 0u;
    if (!leaf)
        return bits;
    bits |= entry & D ? KB_ENTRY_MODIFIED : 0u;
    bits |= entry & G ? KB_ENTRY_GLOBAL : 0u;
    return bits | KB_ENTRY_LEAF;
}

static inline struct kb_entry decode_32(uint64_t entry, bool last) {
    bool large = !last && (entry & PS) != 0;
    unsigned bits = common_bits(entry, last || large) | KB_ENTRY_EXECUTE;
    if (!large)
        return (struct kb_entry){bits, entry & ADDRESS_32};
    bits |= entry & PSE_RESERVED ? KB_ENTRY_RESERVED : 0u;
    uint64_t high = entry >> PSE_HIGH_SHIFT & 0xff;
    return (struct kb_entry){bits, (entry & PAGE_4M) | high << 32};
}

static inline struct kb_entry decode_64(const struct kb_format *format, uint64_t entry,
                                        unsigned depth, bool last) {
    bool large = !last && (entry & PS) != 0;
    bool may = (format->superpage_depths >> depth & 1) != 0;
    unsigned bits = common_bits(entry, last || (large && may));
    bits |= entry & XD ? 0u : KB_ENTRY_EXECUTE;
    if (!large)
        return (struct kb_entry){bits, entry & ADDRESS_64};
    uint64_t inside = (UINT64_C(1) << kb_format_shift(format, depth)) - 1;
    uint64_t zeros = inside & ~UINT64_C(0x1fff); /* bit 12 is PAT */
    bits |= !may || (entry & zeros) != 0 ? KB_ENTRY_RESERVED : 0u;
    return (struct kb_entry){bits, entry & ADDRESS_64 & ~inside};
}

static inline struct kb_entry decode(const struct kb_format *format, uint64_t entry,
                                     unsigned depth) {
    bool last = depth + 1 == format->levels;
    if (!(entry & P))
        return (struct kb_entry){0, 0};
    return format->entry_bytes == 4 ? decode_32(entry, last)
                                    : decode_64(format, entry, depth, last);
}

static uint64_t encode(const struct kb_format *format, struct kb_entry entry, unsigned depth) {
    bool leaf = (entry.bits & KB_ENTRY_LEAF) != 0;
    bool large = leaf && depth + 1 < format->levels;
    uint64_t made = P;
    if (!(entry.bits & KB_ENTRY_VALID))
        return 0;
    made |= entry.bits & KB_ENTRY_WRITE ? RW : 0u;
    made |= entry.bits & KB_ENTRY_USER ? US : 0u;
    made |= entry.bits & KB_ENTRY_REFERENCED ? A : 0u;
    made |= leaf && entry.bits & KB_ENTRY_MODIFIED ? D : 0u;
    made |= leaf && entry.bits & KB_ENTRY_GLOBAL ? G : 0u;
    made |= large ? PS : 0u;
    if (format->entry_bytes == 8) {
        made |= entry.bits & KB_ENTRY_EXECUTE ? 0 : XD;
        return made | (entry.address & ADDRESS_64);
    }
    if (large)
        made |= (entry.address >> 32 & 0xff) << PSE_HIGH_SHIFT;
    return made | (entry.address & (large ? PAGE_4M : ADDRESS_32));
}

#define KB_WALK_RIGHTS_ADD_UP 1
#include "machine/walk_emit.h"

static const char *const table_names[] = {"PT", "PD", "PDPT", "PML4"};

static const struct kb_family family = {
    .decode = decode,
    .encode = encode,
    .walk = walk,
    .rights_add_up = true,
    .writable_is_readable = true,
    .kernel_enters_user_pages = true,
    .hardware_sets_bits = true,
    .table_names = table_names,
    .bit_names = "PWUTCADSG",
    .referenced_bit = 5,
    .modified_bit = 6,
};

const struct kb_format kb_format_x86_32 = {
    .name = "x86-32",
    .family = &family,
    .levels = 2,
    .bits = {10, 10},
    .page_bits = 12,
    .entry_bytes = 4,
    .address_bits = 32,
    .physical_bits = 40,
    .superpage_depths = 1 << 0,
};

const struct kb_format kb_format_x86_64 = {
    .name = "x86-64",
    .family = &family,
    .levels = 4,
    .bits = {9, 9, 9, 9},
    .page_bits = 12,
    .entry_bytes = 8,
    .address_bits = 48,
    .physical_bits = 52,
    .canonical = true,
    .superpage_depths = 1 << 1 | 1 << 2,
};
