/* test_walk.c - formats and walks: what is encoded is found again, generic formats, the names of
 * faults, root tables at the end of memory. tests/reference/walk.py compares walks by the thousand.
 */
#include "base/random.h"
#include "base/units.h"
#include "harness.h"
#include "machine/walk.h"

#define ENTRY_BITS                                                                                 \
    (KB_ENTRY_VALID | KB_ENTRY_RIGHTS | KB_ENTRY_USER | KB_ENTRY_GLOBAL | KB_ENTRY_REFERENCED |    \
     KB_ENTRY_MODIFIED | KB_ENTRY_LEAF)

/* The highest address of a page at this depth that an entry can name. */
static uint64_t most_pages(const struct kb_format *format, unsigned depth) {
    unsigned shift = kb_format_shift(format, depth), bits = format->physical_bits;
    if (strcmp(format->name, "x86-32") == 0 && depth == 1)
        bits = 32; /* only large pages reach beyond */
    return UINT64_C(1) << (bits - shift);
}

/* Bits that make a leaf of this format: rights that it can express. */
static unsigned leaf_bits(const struct kb_format *format, unsigned random) {
    unsigned bits = (random & ENTRY_BITS) | KB_ENTRY_VALID | KB_ENTRY_READ | KB_ENTRY_LEAF;
    if (format->entry_bytes == 4 && format->family->rights_add_up)
        bits |= KB_ENTRY_EXECUTE;
    return bits;
}

static void test_round_trip(const struct kb_format *format) {
    struct kb_random random = {.state = 11};
    for (unsigned depth = 0; depth < format->levels; depth++) {
        bool last = depth + 1 == format->levels;
        unsigned shift = kb_format_shift(format, depth);
        for (unsigned i = 0; i < 200 && (last || format->superpage_depths >> depth & 1); i++) {
            struct kb_entry leaf = {leaf_bits(format, (unsigned)kb_random_next(&random)),
                                    (kb_random_next(&random) & (most_pages(format, depth) - 1))
                                        << shift};
            uint64_t raw = format->family->encode(format, leaf, depth);
            struct kb_entry found = format->family->decode(format, raw, depth);
            CHECK_EQ(found.bits, leaf.bits);
            CHECK_EQ(found.address, leaf.address);
            CHECK(format->entry_bytes == 8 || raw >> 32 == 0);
            CHECK_EQ(raw >> format->family->referenced_bit & 1,
                     (leaf.bits & KB_ENTRY_REFERENCED) != 0);
            CHECK_EQ(raw >> format->family->modified_bit & 1, (leaf.bits & KB_ENTRY_MODIFIED) != 0);
        }
        struct kb_entry table = {KB_ENTRY_VALID | KB_ENTRY_RIGHTS | KB_ENTRY_USER,
                                 UINT64_C(0x123) << format->page_bits};
        struct kb_entry found =
            format->family->decode(format, format->family->encode(format, table, depth), depth);
        CHECK(last || found.address == table.address);
        CHECK(last || (found.bits & (KB_ENTRY_LEAF | KB_ENTRY_RESERVED)) == 0);
        CHECK_EQ(format->family->encode(format, (struct kb_entry){0, 0x1000}, depth), 0);
    }
}

static void test_formats(void) {
    unsigned count = 0;
    for (; kb_format_at(count) != NULL; count++) {
        const struct kb_format *format = kb_format_at(count);
        unsigned sum = format->page_bits;
        for (unsigned d = 0; d < format->levels; d++)
            sum += format->bits[d];
        CHECK_EQ(format->address_bits, sum);
        CHECK(kb_format_find(format->name) == format);
        test_round_trip(format);
    }
    CHECK_EQ(count, 6);
    CHECK(kb_format_find("sv40") == NULL);
    const struct kb_format *sv48 = kb_format_find("sv48"), *x86 = kb_format_find("x86-64");
    const unsigned wanted[] = {254, 72, 418, 359}; /* B16 */
    for (unsigned d = 0; d < 4; d++)
        CHECK_EQ(kb_format_index(x86, UINT64_C(0x7f1234567abc), d), wanted[d]);
    CHECK_EQ(kb_format_level(sv48, 0), 3);
    CHECK_EQ(kb_format_level(x86, 0), 4);
    CHECK_EQ(kb_format_table_bytes(sv48, 2), 4096);
}

static void test_generic(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_format format;
    const unsigned fine[] = {4, 3, 2}, zero[] = {4, 0}, large[] = {25}, most[] = {24, 24, 16};
    CHECK_EQ(kb_format_generic(&format, 3, fine, 9, 4, &error), KB_OK);
    test_round_trip(&format);
    CHECK_EQ(kb_format_generic(&format, 3, fine, 30, 8, &error), KB_OK);
    CHECK_EQ(format.physical_bits, 64);
    test_round_trip(&format);
    /* A page number that passes 64 bits of address. */
    struct kb_entry entry = format.family->decode(&format, UINT64_C(1) << 44 | 3, 2);
    CHECK(entry.bits & KB_ENTRY_RESERVED);
    CHECK_EQ(kb_format_generic(&format, 3, most, 6, 8, &error), KB_USAGE);
    CHECK(strstr(error.text, "70") != NULL);
    CHECK_EQ(kb_format_generic(&format, 2, most, 16, 8, &error), KB_OK);
    CHECK_EQ(kb_address_check(&format, UINT64_MAX), KB_FAULT_NONE);
    CHECK_EQ(kb_format_generic(&format, 0, fine, 9, 4, &error), KB_USAGE);
    CHECK_EQ(kb_format_generic(&format, 6, fine, 9, 4, &error), KB_USAGE);
    CHECK_EQ(kb_format_generic(&format, 2, zero, 9, 4, &error), KB_USAGE);
    CHECK_EQ(kb_format_generic(&format, 1, large, 9, 4, &error), KB_USAGE);
    CHECK_EQ(kb_format_generic(&format, 3, fine, 5, 4, &error), KB_USAGE);
    CHECK_EQ(kb_format_generic(&format, 3, fine, 31, 4, &error), KB_USAGE);
    CHECK_EQ(kb_format_generic(&format, 3, fine, 9, 6, &error), KB_USAGE);
}

/* The last entry of a table at the very end of memory, and one byte less of it. */
static void test_edges(void) {
    const struct kb_format *format = kb_format_find("sv39");
    uint8_t bytes[4096] = {0};
    struct kb_memory memory = {bytes, UINT64_MAX - 4095, sizeof bytes};
    struct kb_mode mode = {.access = KB_ACCESS_ANY};
    struct kb_walk walk;
    kb_memory_set_entry(&memory, UINT64_MAX - 7, 8, 3);
    CHECK_EQ(kb_walk(format, &memory, memory.base, UINT64_MAX, mode, &walk), KB_FAULT_NONE);
    CHECK_EQ(walk.physical, 0x3fffffff);
    CHECK_EQ(walk.page_bits, 30);
    memory.size--;
    CHECK_EQ(kb_walk(format, &memory, memory.base, UINT64_MAX, mode, &walk), KB_FAULT_BUS);
    CHECK_EQ(walk.steps, 0);
    CHECK_EQ(walk.step[0].address, UINT64_MAX - 7);
    /* A table that would go on past the last address does not begin again at 0. */
    memory = (struct kb_memory){bytes, 0, sizeof bytes};
    CHECK_EQ(kb_walk(format, &memory, UINT64_MAX - 4095 + 8, UINT64_MAX, mode, &walk),
             KB_FAULT_BUS);
    memory.size = 0;
    CHECK_EQ(kb_walk(format, &memory, 0, 0, mode, &walk), KB_FAULT_BUS);
}

static void test_names(void) {
    for (unsigned i = 0; i < KB_FAULT_KINDS; i++) {
        CHECK(strlen(kb_fault_name((enum kb_fault)i)) > 2);
        CHECK(kb_fault_why((enum kb_fault)i) != KB_MSG_none);
        for (unsigned k = 0; k < i; k++)
            CHECK(kb_fault_why((enum kb_fault)i) != kb_fault_why((enum kb_fault)k));
    }
}

int main(void) {
    test_formats();
    test_generic();
    test_edges();
    test_names();
    return harness_end();
}
