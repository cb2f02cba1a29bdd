/* bench_oracle.c - writes a workload as a trace file, for other programs and for bench/run.sh.
 *
 *   bench_oracle WORKLOAD REFERENCES PAGES FILE [oracle|text]
 *
 * WORKLOAD is zipf, loop, or a generator's spec (then REFERENCES and PAGES do
 * not matter). oracle is libCacheSim's oracleGeneral, 24 bytes a reference,
 * little-endian:
 *
 *   | u32 time | u64 page + 1 | u32 size = 1 | i64 number of the next reference, from 1; -1: none |
 *
 * (the ids begin at 1, because 0 is special to some programs); text is one
 * page number a line. Without arguments it prints its usage. */
#include "bench.h"

#define RECORD 24

struct records {
    uint32_t *id, *next; /* by reference; next: number from 1, 0: none */
    uint64_t count;
};

/* The runs as single references, and from behind the next use of each page. */
static struct records spread(const struct bench_trace *trace) {
    struct records r = {malloc(trace->references * 4), malloc(trace->references * 4), 0};
    uint32_t *last = calloc(trace->pages, sizeof *last);
    if (r.id == NULL || r.next == NULL || last == NULL)
        bench_die("out of memory");
    for (size_t b = 0; b < trace->count; b++)
        for (uint32_t i = 0; i < trace->blocks[b].count; i++)
            for (uint32_t n = kb_run_count(trace->blocks[b].runs[i]); n > 0; n--)
                r.id[r.count++] = trace->blocks[b].runs[i].page;
    for (uint64_t i = r.count; i-- > 0; last[r.id[i]] = (uint32_t)(i + 1))
        r.next[i] = last[r.id[i]];
    free(last);
    return r;
}

static void put(uint8_t *to, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void write_oracle(const struct records *r, const uint64_t *page_numbers, FILE *file) {
    uint8_t record[RECORD];
    for (uint64_t i = 0; i < r->count; i++) {
        put(record, i / 1000, 4);
        put(record + 4, page_numbers[r->id[i]] + 1, 8);
        put(record + 12, 1, 4);
        put(record + 16, r->next[i] == 0 ? UINT64_MAX : r->next[i], 8);
        fwrite(record, RECORD, 1, file);
    }
}

static void write_text(const struct records *r, const uint64_t *page_numbers, FILE *file) {
    for (uint64_t i = 0; i < r->count; i++)
        fprintf(file, "%llu\n", (unsigned long long)page_numbers[r->id[i]]);
}

int main(int argc, char **argv) {
    static char buffer[1 << 20];
    char spec[BENCH_SPEC];
    struct bench_trace trace;
    bool text = argc == 6 && strcmp(argv[5], "text") == 0;
    if (argc != 5 && argc != 6) {
        printf("bench_oracle WORKLOAD REFERENCES PAGES FILE [oracle|text]\n"
               "Writes the workload zipf or loop, or a generator's spec, to FILE.\n");
        return argc == 1 ? 0 : 2;
    }
    unsigned long long references = strtoull(argv[2], NULL, 10),
                       pages = strtoull(argv[3], NULL, 10);
    bench_spec(argv[1], references, pages, spec);
    bench_generate(&trace, spec, NULL);
    if (trace.references > UINT32_MAX - 1)
        bench_die("fewer than 2^32 references");
    struct records records = spread(&trace);
    FILE *file = fopen(argv[4], "wb");
    if (file == NULL || setvbuf(file, buffer, _IOFBF, sizeof buffer) != 0) {
        perror(argv[4]);
        return 1;
    }
    if (text)
        write_text(&records, trace.page_numbers, file);
    else
        write_oracle(&records, trace.page_numbers, file);
    if (ferror(file) != 0 || fclose(file) != 0) {
        perror(argv[4]);
        return 1;
    }
    printf("%s\n%llu references, %u distinct pages\n", spec, (unsigned long long)trace.references,
           trace.pages);
    return 0;
}
