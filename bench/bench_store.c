/* bench_store.c - what it costs to put a page into a store and to take it back, on one core.
 *
 *   bench_store [--quick] [--times N]
 *
 * Pages of 4 KiB. A round trip is: sum up the page, write it, read it into
 * another page, sum that up and compare. Beside it stands the plain work: the
 * page copied to an array and back. Both take turns; the file store's file is
 * in a temporary folder, and in the page cache. */
#include <unistd.h>

#include "bench.h"
#include "store/store.h"

#define PAGE 4096
#define APART 2048 /* copies between equal offsets in pages are slow: loads wait for stores */

struct work {
    uint8_t *pages, *plain; /* what is stored; the array for plain copies */
    uint8_t *back;          /* one page */
    size_t length; /* of a page; a variable, so that memcpy is called as the store calls it */
    uint32_t count;
    unsigned rounds;
};

/* Keeps a compiler from leaving work out. */
static inline void used(const void *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

static double copy_plainly(const struct work *w) {
    double start = bench_now();
    for (unsigned round = 0; round < w->rounds; round++) {
        for (uint32_t i = 0; i < w->count; i++) {
            memcpy(w->plain + i * w->length, w->pages + i * w->length, w->length);
            used(w->plain);
            memcpy(w->back, w->plain + i * w->length, w->length);
            used(w->back);
        }
    }
    return bench_now() - start;
}

static double sum_up(const struct work *w) {
    double start = bench_now();
    uint64_t all = 0;
    for (unsigned round = 0; round < w->rounds; round++)
        for (uint32_t i = 0; i < w->count; i++)
            all += kb_page_sum(w->pages + (size_t)i * PAGE, PAGE);
    used(&all);
    return bench_now() - start;
}

static double round_trips(const struct work *w, const struct kb_store *store, bool sums) {
    double start = bench_now();
    for (unsigned round = 0; round < w->rounds; round++) {
        for (uint32_t i = 0; i < w->count; i++) {
            const uint8_t *page = w->pages + (size_t)i * PAGE;
            uint64_t sum = sums ? kb_page_sum(page, PAGE) : 0;
            bench_check(store->write(store->context, i, page, &bench_error));
            bench_check(store->read(store->context, i, w->back, &bench_error));
            used(w->back);
            if (sums && kb_page_sum(w->back, PAGE) != sum)
                bench_die("a page came back wrong");
        }
    }
    return bench_now() - start;
}

static void show(const char *title, const struct work *w, const struct bench_times *t,
                 const struct bench_times *plain) {
    double pages = (double)w->count * w->rounds, seconds = bench_best(t);
    printf("%-28s %9.1f %9.1f %9.2f %9.2f\n", title, seconds * 1e9 / pages,
           bench_median(t) * 1e9 / pages, pages * PAGE / seconds * 1e-9,
           seconds / bench_best(plain));
}

static void measure(uint32_t count, uint32_t trips, unsigned times, const char *folder,
                    const struct kb_host *host) {
    struct bench_times plain = {0}, sum = {0}, bare = {0}, checked = {0}, file_times = {0};
    struct kb_store memory, file;
    size_t bytes = (size_t)count * PAGE;
    char path[200];
    struct work w = {.pages = bench_take(host, bytes),
                     .plain = (uint8_t *)bench_take(host, bytes + PAGE) + APART,
                     .back = bench_take(host, PAGE),
                     .length = PAGE,
                     .count = count,
                     .rounds = trips / count};
    struct work once = w;
    once.rounds = trips / count / 8 + 1;
    for (size_t i = 0; i < bytes; i++)
        w.pages[i] = (uint8_t)(i * 2654435761U >> 13);
    snprintf(path, sizeof path, "%s/swap", folder);
    bench_check(kb_store_memory(&memory, PAGE, count, host, &bench_error));
    bench_check(kb_store_file(&file, path, PAGE, count, &bench_error));
    for (unsigned i = 0; i <= times; i++) {
        double seconds[] = {copy_plainly(&w), sum_up(&w), round_trips(&w, &memory, false),
                            round_trips(&w, &memory, true), round_trips(&once, &file, true)};
        if (i == 0) /* memory is taken, caches fill */
            continue;
        bench_note(&plain, seconds[0]);
        bench_note(&sum, seconds[1]);
        bench_note(&bare, seconds[2]);
        bench_note(&checked, seconds[3]);
        bench_note(&file_times, seconds[4] * w.rounds / once.rounds);
    }
    printf("%u pages, %.2f MiB\n", count, (double)bytes / (1 << 20));
    show("  copy out and back", &w, &plain, &plain);
    show("  checksum, once", &w, &sum, &plain);
    show("  memory", &w, &bare, &plain);
    show("  memory, two checksums", &w, &checked, &plain);
    show("  file, two checksums", &w, &file_times, &plain);
    fflush(stdout);
    kb_store_close(&memory);
    kb_store_close(&file);
    kb_give_back(host, w.pages, bytes);
    kb_give_back(host, w.plain - APART, bytes + PAGE);
    kb_give_back(host, w.back, PAGE);
}

int main(int argc, char **argv) {
    uint32_t trips = 1 << 18;
    unsigned times = 5;
    struct kb_host host;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            trips = 1 << 15;
        else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc)
            times = (unsigned)strtoul(argv[++i], NULL, 10);
        else
            bench_die("options: --quick --times N");
    }
    if (times == 0 || times > BENCH_MOST_TIMES)
        bench_die("--times: 1 to 32");
    char folder[] = "/tmp/kilburn-store-XXXXXX";
    if (mkdtemp(folder) == NULL)
        bench_die("no temporary folder");
    bench_check(kb_host_open(&host, 1, &bench_error));
    printf("Pages of 4 KiB into a store and back, one core (its time, not the wall's)\n"
           "%-28s %9s %9s %9s %9s\n",
           "work", "ns/page", "median", "GB/s", "by copy");
    measure(16, trips, times, folder, &host);
    measure(1 << 14, trips, times, folder, &host);
    kb_host_close(&host);
    rmdir(folder);
    return 0;
}
