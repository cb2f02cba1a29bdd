/* machine.h - small simulated machines for tests and benches. */
#ifndef KB_TESTS_MACHINE_H
#define KB_TESTS_MACHINE_H

#include <stdio.h>
#include <stdlib.h>

#include "machine/segment.h"
#include "os/os.h"

/* What a test wants other than usual; zeros are the usual. */
struct machine_wish {
    const char *format; /* "sv39" …; NULL: generic, one level, 4 KiB, 32 bits; "inverted";
                           "segments": 4-8-12 bits */
    unsigned levels;    /* generic: of 4 KiB pages with 9 bits a level */
    unsigned page_bits; /* generic with levels = 0 */
    uint32_t frames;
    const char *policy; /* NULL: fifo */
    struct kb_tlb_geometry tlb[2];
    unsigned asid_bits;
    uint64_t slots; /* 0: plenty */
    bool failing;   /* the store fails by plan */
    bool kernel;
    bool load_all;
    struct kb_os_future future;
    enum kb_allocation allocation;
    uint32_t minimum;
    enum kb_tables_place tables;
    bool write_xor_execute;
    bool byte_lengths; /* "segments" */
    uint32_t cluster, low, high;
    uint64_t io_cycles;
    struct kb_storage_setup storage; /* contiguous: 8 bits of segment number, 16 of displacement */
    const char *fetch;               /* NULL: demand */
    bool clock;                      /* the usual disk */
    uint64_t cycle_ns;
    const char *load; /* load control; NULL: none */
};

static inline kb_status machine_format(const struct machine_wish *wish, struct kb_format *format,
                                       struct kb_error *error) {
    static const unsigned nine[] = {9, 9, 9, 9, 9};
    unsigned page_bits = wish->page_bits == 0 ? 12 : wish->page_bits, flat = 32 - page_bits;
    const struct kb_format *real = wish->format != NULL ? kb_format_find(wish->format) : NULL;
    if (real != NULL) {
        *format = *real;
        return KB_OK;
    }
    if (wish->format != NULL && strcmp(wish->format, "segments") == 0)
        return kb_format_segmented(
            format, (struct kb_segment_shape){4, 8, page_bits, 8, wish->byte_lengths}, error);
    if (wish->levels > 0)
        return kb_format_generic(format, wish->levels, nine, page_bits, 8, error);
    return kb_format_generic(format, 1, &flat, page_bits, 4, error);
}

static inline kb_status machine_contiguous(const struct machine_wish *wish,
                                           struct kb_os_setup *setup, struct kb_error *error) {
    bool segments = wish->storage.organisation == KB_SEGMENTATION;
    const unsigned number = 8;
    setup->scheme = segments ? KB_SCHEME_SEGMENTS : KB_SCHEME_BOUNDS;
    setup->frames = 1;
    return kb_format_generic(&setup->format, 1, &number, segments ? 16 : 12, 8, error);
}

static inline kb_status machine_make(struct kb_os *os, const struct machine_wish *wish,
                                     const struct kb_host *host, struct kb_error *error) {
    struct kb_os_setup setup = {.frames = wish->frames,
                                .asid_bits = wish->asid_bits,
                                .tables_limit = UINT64_C(1) << 34,
                                .kernel = wish->kernel,
                                .load_all = wish->load_all,
                                .future = wish->future,
                                .allocation = wish->allocation,
                                .minimum = wish->minimum,
                                .tables_place = wish->tables,
                                .write_xor_execute = wish->write_xor_execute,
                                .cluster = wish->cluster,
                                .low = wish->low,
                                .high = wish->high,
                                .storage = wish->storage,
                                .io_cycles = wish->io_cycles,
                                .clock = wish->clock,
                                .cycle_ns = wish->cycle_ns,
                                .disk = {8, 4, 100.0 * (1 << 20)}};
    struct kb_store inner;
    setup.scheme = wish->format != NULL && strcmp(wish->format, "inverted") == 0
                       ? KB_SCHEME_INVERTED
                       : KB_SCHEME_TABLES;
    kb_status status = machine_format(wish, &setup.format, error);
    if (wish->storage.organisation != KB_PAGED)
        status = machine_contiguous(wish, &setup, error);
    setup.kernel_start = setup.format.canonical ? ~UINT64_C(0) << (setup.format.address_bits - 1)
                                                : UINT64_C(3) << (setup.format.address_bits - 2);
    for (; setup.tlbs < 2 && wish->tlb[setup.tlbs].sets > 0; setup.tlbs++)
        setup.tlb[setup.tlbs] = wish->tlb[setup.tlbs];
    if (status == KB_OK)
        status = kb_policy_parse(wish->policy == NULL ? "fifo" : wish->policy, &setup.policy, NULL,
                                 NULL, error);
    if (status == KB_OK && wish->load != NULL)
        status = kb_load_parse(wish->load, &setup.load, error);
    if (status == KB_OK && wish->fetch != NULL)
        status = kb_fetch_parse(wish->fetch, &setup.fetch, error);
    if (status == KB_OK)
        status = kb_store_memory(&inner, (uint32_t)1 << setup.format.page_bits,
                                 wish->slots == 0 ? UINT64_C(1) << 22 : wish->slots, host, error);
    if (status == KB_OK && wish->failing)
        status = kb_store_failing(&setup.swap, &inner, error);
    else
        setup.swap = inner;
    return status == KB_OK ? kb_os_init(os, &setup, host, error) : status;
}

#endif
