/* bench_trace.c - how fast traces are read: kb_reader_next to the end, on one core.
 *
 *   bench_trace [--quick] [--times N] [FILE.kbt …]
 *
 * Without files: all kbt files of traces/ in the working folder. And always: the
 * zipf workload, written to a temporary folder in the native format (automatic
 * packing), as oracleGeneral and as text. Files are in the page cache: each is
 * read once before it is measured. */
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "trace/kbt.h"
#include "trace/writer.h"

struct counts {
    uint64_t references, runs;
};

/* The grain of a native trace: decoding is measured without the merging of pages. */
static uint64_t grain_of(const char *name, const char *format, const struct kb_host *host) {
    struct kb_source source;
    struct kb_reader *reader;
    struct kb_trace_info info;
    struct kb_reader_options options = {.format = format, .host = host};
    bench_check(kb_file_open(&source, name, &bench_error));
    bench_check(kb_reader_open(&reader, source, &options, &bench_error));
    kb_reader_info(reader, &info);
    kb_reader_close(reader);
    kb_file_close(&source);
    return info.grain > 1 ? info.grain : 0;
}

static double read_once(const char *name, const char *format, uint64_t page_size,
                        const struct kb_host *host, struct counts *counts) {
    struct kb_source source;
    struct kb_reader *reader;
    struct kb_block block;
    struct kb_reader_options options = {.format = format, .page_size = page_size, .host = host};
    double start = bench_now();
    *counts = (struct counts){0, 0};
    bench_check(kb_file_open(&source, name, &bench_error));
    bench_check(kb_reader_open(&reader, source, &options, &bench_error));
    do {
        bench_check(kb_reader_next(reader, &block, &bench_error));
        counts->references += block.references;
        counts->runs += block.count;
    } while (block.count > 0 || block.event_count > 0);
    kb_reader_close(reader);
    kb_file_close(&source);
    return bench_now() - start;
}

/* goal: Mrefs/s; 0: none. */
static void measure(const char *title, const char *name, const char *format, double goal,
                    unsigned times, const struct kb_host *host) {
    struct bench_times t = {0};
    struct counts counts;
    struct stat status;
    if (stat(name, &status) != 0) {
        perror(name);
        exit(1);
    }
    uint64_t grain = grain_of(name, format, host);
    double start = bench_now();
    read_once(name, format, grain, host, &counts);
    /* A short trace is read often enough to be measured. */
    for (unsigned i = 0; i < times || (bench_now() - start < 0.2 && i < BENCH_MOST_TIMES); i++)
        bench_note(&t, read_once(name, format, grain, host, &counts));
    double references = (double)counts.references, bytes = (double)status.st_size;
    printf("%-28.28s %10.3f %6.2f %6.2f %9.1f %9.1f %9.1f", title, references * 1e-6,
           references / (double)counts.runs, bytes / references, references * 1e-6 / bench_best(&t),
           references * 1e-6 / bench_median(&t), bytes * 1e-6 / bench_best(&t));
    if (goal > 0)
        printf("  %4.0f %s", goal, references * 1e-6 / bench_best(&t) >= goal ? "yes" : "NO");
    printf("\n");
    fflush(stdout);
}

/* ---- the generated files ---- */

static void write_kbt(const struct bench_trace *trace, const char *name,
                      const struct kb_host *host) {
    struct kb_writer_options options = {.level = 9, .host = host}; /* as trace convert */
    struct kb_sink sink;
    struct kb_writer *writer;
    struct kbt_totals totals;
    bench_check(kb_file_create(&sink, name, &bench_error));
    bench_check(kb_writer_open(&writer, sink, &options, &bench_error));
    for (size_t i = 0; i < trace->count; i++)
        bench_check(
            kb_writer_add(writer, &trace->blocks[i], trace->page_numbers, NULL, &bench_error));
    bench_check(kb_writer_end(writer, &totals, &bench_error));
    kb_writer_free(writer);
    bench_check(kb_file_commit(&sink, &bench_error));
}

/* text: a page number a line; otherwise records of oracleGeneral, without next uses. */
static void write_foreign(const struct bench_trace *trace, const char *name, bool text) {
    FILE *file = fopen(name, "wb");
    if (file == NULL)
        bench_die(name);
    for (size_t b = 0; b < trace->count; b++) {
        for (uint32_t i = 0; i < trace->blocks[b].count; i++) {
            struct kb_run run = trace->blocks[b].runs[i];
            uint64_t number = trace->page_numbers[run.page], next = UINT64_MAX;
            uint32_t time = 0, size = 1;
            uint8_t record[24];
            memcpy(record, &time, 4); /* this machine is little-endian */
            memcpy(record + 4, &number, 8);
            memcpy(record + 12, &size, 4);
            memcpy(record + 16, &next, 8);
            for (uint32_t n = kb_run_count(run); n > 0; n--)
                if (text)
                    fprintf(file, "%llu\n", (unsigned long long)number);
                else
                    fwrite(record, sizeof record, 1, file);
        }
    }
    if (ferror(file) != 0 || fclose(file) != 0)
        bench_die(name);
}

static void generated(uint64_t references, uint64_t pages, unsigned times,
                      const struct kb_host *host) {
    const char *tmp = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    char folder[512], name[3][600], spec[BENCH_SPEC];
    struct bench_trace trace;
    snprintf(folder, sizeof folder, "%s/kilburn-bench-XXXXXX", tmp);
    if (mkdtemp(folder) == NULL)
        bench_die("no temporary folder");
    snprintf(name[0], sizeof name[0], "%s/zipf.kbt", folder);
    snprintf(name[1], sizeof name[1], "%s/zipf.oracle.bin", folder);
    snprintf(name[2], sizeof name[2], "%s/zipf.txt", folder);
    bench_spec("zipf", references, pages, spec);
    bench_generate(&trace, spec, host);
    write_kbt(&trace, name[0], host);
    write_foreign(&trace, name[1], false);
    write_foreign(&trace, name[2], true);
    bench_free(&trace, host);
    measure("zipf, kbt", name[0], NULL, 400, times, host);
    measure("zipf, oracle", name[1], "oracle", 0, times, host);
    measure("zipf, text", name[2], "pages", 0, times, host);
    for (unsigned i = 0; i < 3; i++)
        unlink(name[i]);
    rmdir(folder);
}

static const char *base_name(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

int main(int argc, char **argv) {
    uint64_t references = BENCH_REFERENCES, pages = BENCH_PAGES;
    unsigned times = 5;
    int first = 1;
    glob_t shipped = {0};
    struct kb_host host;
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--quick") == 0) {
            references = BENCH_QUICK_REFERENCES;
            pages = BENCH_QUICK_PAGES;
        } else if (strcmp(argv[first], "--times") == 0 && first + 1 < argc) {
            times = (unsigned)strtoul(argv[++first], NULL, 10);
        } else {
            bench_die("options: --quick --times N, then kbt files");
        }
    }
    if (times == 0 || times > BENCH_MOST_TIMES)
        bench_die("--times: 1 to 32");
    bench_check(kb_host_open(&host, 1, &bench_error));
    printf("Reading, one core (its time, not the wall's)\n%-28s %10s %6s %6s %9s %9s %9s  %s\n",
           "trace", "Mrefs", "a run", "B/ref", "Mrefs/s", "median", "MB/s", "goal");
    for (int i = first; i < argc; i++)
        measure(base_name(argv[i]), argv[i], NULL, 1000, times, &host);
    if (first == argc && glob("traces/*.kbt", 0, NULL, &shipped) == 0)
        for (size_t i = 0; i < shipped.gl_pathc; i++)
            measure(base_name(shipped.gl_pathv[i]), shipped.gl_pathv[i], NULL, 1000, times, &host);
    if (first == argc && shipped.gl_pathc == 0)
        printf("(no traces/*.kbt here)\n");
    globfree(&shipped);
    generated(references, pages, times, &host);
    kb_host_close(&host);
    return 0;
}
