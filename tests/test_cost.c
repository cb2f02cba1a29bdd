/* test_cost.c - the arithmetic of translation, tables and faults: known answers and edges. */
#include <math.h>

#include "harness.h"
#include "machine/cost.h"

#define NEAR(found, wanted, by) CHECK(fabs((found) - (wanted)) <= (by))

static void test_addresses(void) {
    const struct {
        uint64_t size, page, offset;
    } splits[] = {{512, 9, 0x34},    {1024, 4, 0x234},   {2048, 2, 0x234}, {4096, 1, 0x234},
                  {8192, 0, 0x1234}, {16384, 0, 0x1234}, {1, 0x1234, 0}};
    for (unsigned i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        struct kb_split found = kb_cost_split(0x1234, splits[i].size);
        CHECK_EQ(found.page, splits[i].page);
        CHECK_EQ(found.offset, splits[i].offset);
    }
    uint64_t address = 0;
    CHECK(kb_cost_join(2, 0x234, 4096, &address));
    CHECK_EQ(address, 0x2234);
    CHECK(!kb_cost_join(UINT64_C(1) << 52, 0, 4096, &address));
    CHECK_EQ(kb_cost_relocate(14000, 1000, 346, &address), KB_FAULT_NONE);
    CHECK_EQ(address, 14346);
    CHECK_EQ(kb_cost_relocate(14000, 1000, 999, &address), KB_FAULT_NONE);
    CHECK_EQ(kb_cost_relocate(14000, 1000, 1000, &address), KB_FAULT_OVERFLOW);
    CHECK_EQ(kb_cost_relocate(UINT64_MAX, 0, 1, &address), KB_FAULT_OVERFLOW);
    CHECK_EQ(kb_cost_relocate(0, 0, UINT64_MAX, &address), KB_FAULT_NONE);
    CHECK_EQ(address, UINT64_MAX);
}

static void test_time(void) {
    NEAR(kb_cost_access_time(200, 8e6, 0.001), 8199.8, 1e-9);
    NEAR(kb_cost_most_faults(200, 8e6, 220), 2.50006e-6, 5e-12);
    NEAR(kb_cost_service(8e6, 20e6, 0.7), 16.4e6, 1e-6);
    NEAR(kb_cost_most_faults(100, 16.4e6, 200), 6.0976e-6, 5e-11);
    CHECK(kb_cost_most_faults(100, 1000, 99) < 0);
    NEAR(kb_cost_most_faults(100, 1000, 5000), 1, 0);
    NEAR(1 / kb_cost_cycles(0, 2, 17.0 / 18), 0.9, 1e-12);
    NEAR(1 / kb_cost_cycles(0.2, 2, 0.8), 0.625, 1e-12);
    NEAR(kb_cost_hits_needed(0, 2, 0.9), 17.0 / 18, 1e-12);
    NEAR(kb_cost_hits_needed(0.1, 2, 0.9), 0.99444, 5e-6);
    NEAR(kb_cost_hits_needed(0, 1, 0.9), 8.0 / 9, 1e-12);
    NEAR(kb_cost_hits_needed(0, 4, 0.9), 0.97222, 5e-6);
    CHECK(kb_cost_hits_needed(0.12, 2, 0.9) > 1);
    NEAR(kb_cost_hits_needed(0, 2, 0.2), 0, 0);
}

static void test_page_size(void) {
    const struct kb_disk disk = {20, 8, 2e6};
    struct kb_page_study study;
    CHECK(kb_cost_page_size(4 << 20, 512, 4, &disk, &study));
    CHECK_EQ(study.pages, 8192);
    CHECK_EQ(study.table_bytes, 32768);
    NEAR(study.overhead, 33024, 0);
    NEAR(study.page_ms, 28.256, 1e-9);
    NEAR(study.transfer_ms / study.page_ms, 0.00906, 1e-5);
    NEAR(study.space_seconds, 231.473, 5e-4);
    CHECK(!kb_cost_page_size(UINT64_MAX, 1, 4, &disk, &study));
    NEAR(kb_cost_best_page_size(4 << 20, 4), 5792.6, 0.05);
    struct kb_waste waste = kb_cost_waste(72766, 2048);
    CHECK_EQ(waste.pages, 36);
    CHECK_EQ(waste.waste, 962);
    CHECK_EQ(waste.resident, 73728);
    CHECK_EQ(kb_cost_waste(4096, 2048).waste, 0);
    CHECK_EQ(kb_cost_waste(1, 2048).waste, 2047);
    CHECK_EQ(kb_cost_waste(0, 2048).pages, 0);
}

static uint64_t table_bytes(const struct kb_format *format, struct kb_range *ranges, size_t count) {
    struct kb_table_sizes tables;
    kb_cost_tables(format, ranges, count, &tables);
    return tables.bytes;
}

static void test_tables(void) {
    const struct kb_format *sv32 = kb_format_find("sv32"), *sv57 = kb_format_find("sv57");
    const uint64_t m4 = 4 << 20;
    struct kb_range three[] = {
        {UINT64_C(0xffc00000), UINT64_C(0xffffffff)}, {m4, 2 * m4 - 1}, {2 * m4, 3 * m4 - 1}};
    struct kb_range one[] = {{0x1000, 0x1fff}}, all[] = {{0, UINT32_MAX}};
    struct kb_range nested[] = {{0, UINT32_MAX}, {5, 6}, {0, 100}};
    struct kb_range sharing[] = {{m4 - 1, m4}, {m4 + 5000, m4 + 6000}};
    struct kb_range space[] = {{0, UINT64_MAX >> 7}};
    CHECK_EQ(table_bytes(sv32, three, 3), 16384);
    CHECK_EQ(table_bytes(sv32, one, 1), 8192);
    CHECK_EQ(table_bytes(sv32, all, 1), 4198400);
    CHECK_EQ(table_bytes(sv32, nested, 3), 4198400);
    CHECK_EQ(table_bytes(sv32, sharing, 2), 3 * 4096);
    CHECK_EQ(table_bytes(sv32, NULL, 0), 4096);
    uint64_t full = 0;
    for (unsigned d = 0; d < 5; d++)
        full += UINT64_C(4096) << 9 * d;
    CHECK_EQ(table_bytes(sv57, space, 1), full);
    struct kb_table_sizes tables;
    kb_cost_tables(sv32, one, 1, &tables);
    CHECK_EQ(tables.flat_bytes, 4194304);
    uint64_t bytes;
    CHECK(kb_cost_inverted(1 << 30, 4096, 16, &bytes));
    CHECK_EQ(bytes, 4 << 20);
    CHECK(kb_cost_reach(16, 2 << 20, &bytes));
    CHECK_EQ(bytes, 32 << 20);
    CHECK(!kb_cost_reach(UINT64_MAX, 4096, &bytes));
}

int main(void) {
    test_addresses();
    test_time();
    test_page_size();
    test_tables();
    return harness_end();
}
