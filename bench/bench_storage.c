/* bench_storage.c - contiguous storage: compaction beside plain copies of the same bytes, and the
 * ways of a reference: through a register, through the table, to a segment that is absent.
 *
 *   bench_storage [--quick] [--times N]
 *
 * Compaction: a memory full of segments, of which every other one is detached,
 * so that all others move. The plain copy is one memmove of each, of the same
 * bytes by the same distances, without a machine. */
#include "../tests/machine.h"
#include "bench.h"

static unsigned times = 5;
static uint64_t megabytes = 256;
static const struct kb_host *host;

static void build(struct kb_os *os, uint64_t bytes, unsigned registers) {
    struct machine_wish wish = {.storage = {.organisation = KB_SEGMENTATION, .bytes = bytes},
                                .load_all = true};
    if (registers > 0)
        wish.tlb[0] = (struct kb_tlb_geometry){1, registers, KB_TLB_LRU, 0};
    bench_check(machine_make(os, &wish, host, &bench_error));
}

static void add(struct kb_os *os, struct kb_process *p, unsigned i, uint64_t bytes) {
    struct kb_region segment = {.end = bytes, .rights = KB_ENTRY_READ | KB_ENTRY_WRITE};
    bool refused;
    snprintf(segment.name, sizeof segment.name, "s%u", i);
    bench_check(kb_storage_begin_segment(os, p, &segment, KB_NO_AREA,
                                         (struct kb_placement_wish){KB_ANYWHERE, 0}, &refused));
    if (refused)
        bench_die("a segment was refused");
}

/* ---- compaction ---- */

/* Segments of up to 64 KiB, 200 to a process; every other one is detached. */
static void fragment(struct kb_os *os, uint64_t size, uint64_t memory) {
    struct kb_process *p = NULL;
    char name[16];
    unsigned count = (unsigned)(memory / size);
    for (unsigned i = 0; i < count; i++) {
        if (i % 200 == 0) {
            snprintf(name, sizeof name, "p%u", i);
            bench_check(kb_os_create(os, name, &p));
        }
        add(os, p, i, size);
    }
    for (uint32_t k = 0; k < os->process_count; k++)
        for (uint32_t i = os->process[k]->region_count; i-- > 0;)
            if (i % 2 == 0)
                kb_storage_end_segment(os, os->process[k], &os->process[k]->regions[i]);
}

static double compaction(uint64_t size, double *plain) {
    uint64_t memory = megabytes << 20, moved = 0;
    if (memory / size > KB_MOST_PRESENT)
        memory = size * KB_MOST_PRESENT;
    double best = 0, copies = 0;
    uint8_t *bytes = bench_take(host, (size_t)memory);
    memset(bytes, 1, (size_t)memory);
    for (unsigned t = 0; t < times; t++) {
        struct kb_os os;
        build(&os, memory, 0);
        fragment(&os, size, memory);
        double start = bench_now();
        bench_check(kb_storage_compact(&os, &moved));
        double rate = (double)moved / (bench_now() - start);
        best = rate > best ? rate : best;
        kb_os_free(&os);
        start = bench_now();
        for (uint64_t i = 0; i < memory / size / 2; i++)
            memmove(bytes + i * size, bytes + (2 * i + 1) * size, (size_t)size);
        rate = (double)(memory / size / 2 * size) / (bench_now() - start);
        copies = rate > copies ? rate : copies;
    }
    kb_give_back(host, bytes, (size_t)memory);
    *plain = copies;
    return best;
}

/* ---- references ---- */

/* Loads of one byte from `segments` segments of 64 bytes in turn. */
static double references(unsigned registers, unsigned segments, uint64_t memory, uint64_t count) {
    double best = 0;
    for (unsigned t = 0; t < times; t++) {
        struct kb_os os;
        struct kb_process *p;
        uint8_t byte;
        bool done;
        build(&os, memory, registers);
        bench_check(kb_os_create(&os, "P", &p));
        os.setup.load_all = false;
        for (unsigned i = 0; i < segments; i++)
            add(&os, p, i, 64);
        kb_os_switch(&os, p);
        double start = bench_now();
        for (uint64_t i = 0; i < count; i++)
            bench_check(kb_os_load(&os, (i % segments) << 16 | (i & 63), &byte, 1, &done));
        double rate = (double)count / (bench_now() - start);
        best = rate > best ? rate : best;
        kb_os_free(&os);
    }
    return best;
}

int main(int argc, char **argv) {
    static const uint64_t sizes[] = {65536, 16384, 4096, 1024};
    uint64_t count = 20000000;
    struct kb_host here;
    bench_check(kb_host_open(&here, 1, &bench_error));
    host = &here;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            megabytes = 64;
            count = 2000000;
        } else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc) {
            times = (unsigned)strtoul(argv[++i], NULL, 10);
        }
    }
    printf("compaction, %llu MiB, every other segment moves; best of %u\n",
           (unsigned long long)megabytes, times);
    printf("  segments of  GB/s moved  GB/s plain memmove  ratio\n");
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double plain, rate = compaction(sizes[i], &plain);
        printf("  %8llu B  %10.2f  %18.2f  %5.2f\n", (unsigned long long)sizes[i], rate / 1e9,
               plain / 1e9, rate / plain);
    }
    printf("loads through descriptors, M/s; best of %u\n", times);
    printf("  16 registers, 16 segments (all hit)    %8.1f\n",
           references(16, 16, 1 << 20, count) / 1e6);
    printf("  16 registers, 17 segments (none hits)  %8.1f\n",
           references(16, 17, 1 << 20, count) / 1e6);
    printf("  no registers                           %8.1f\n",
           references(0, 16, 1 << 20, count) / 1e6);
    printf("  room for 16 of 17 (each is a fault)    %8.1f\n",
           references(16, 17, 1024, count / 20) / 1e6);
    kb_host_close(&here);
    return 0;
}
