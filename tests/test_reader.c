/* test_reader.c - the reader over foreign formats, from memory and from files: what is found out,
 * refused, counted and cut; and the host's files, packed, abandoned and full. */
#include "harness.h"
#include "memory.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "host/host.h"
#include "trace/reader.h"

#define MOST 70000

/* ---- a trace as its references ---- */

struct reference {
    uint64_t number;
    uint32_t kind;
};

struct trace {
    kb_status status;
    struct kb_error error;
    struct kb_trace_info info;
    uint32_t count, pages;
    struct reference *list;
};

static void keep_block(struct trace *t, const struct kb_block *block, const uint64_t *numbers) {
    uint64_t sum = 0;
    CHECK(block->pages >= t->pages);
    t->pages = block->pages;
    for (uint32_t i = 0; i < block->count; i++) {
        sum += kb_run_count(block->runs[i]);
        CHECK(block->runs[i].page < block->pages);
        for (uint32_t n = kb_run_count(block->runs[i]); n > 0 && t->count < MOST; n--)
            t->list[t->count++] = (struct reference){numbers[block->runs[i].page],
                                                     (uint32_t)kb_run_kind(block->runs[i])};
    }
    CHECK_EQ(sum, block->references);
}

static struct trace read_source(struct kb_source source, struct kb_reader_options options) {
    struct trace t = {.status = KB_OK};
    struct kb_reader *reader;
    struct kb_block block;
    t.list = calloc(MOST, sizeof *t.list);
    if (t.list == NULL)
        abort();
    t.status = kb_reader_open(&reader, source, &options, &t.error);
    if (t.status != KB_OK)
        CHECK(reader == NULL);
    while (t.status == KB_OK) {
        t.status = kb_reader_next(reader, &block, &t.error);
        if (t.status != KB_OK || block.count == 0)
            break;
        keep_block(&t, &block, kb_reader_page_numbers(reader));
    }
    if (reader != NULL) {
        kb_reader_info(reader, &t.info);
        CHECK(kb_reader_processes(reader) == NULL);
        CHECK_EQ(kb_reader_lost_bytes(reader), 0);
    }
    kb_reader_close(reader);
    CHECK(t.status == KB_OK || t.error.text[0] != '\0');
    return t;
}

static bool same(const struct trace *x, const struct trace *y) {
    return x->status == y->status && x->count == y->count && x->pages == y->pages &&
           memcmp(x->list, y->list, x->count * sizeof *x->list) == 0 &&
           strcmp(x->error.text, y->error.text) == 0;
}

/* ---- memory ---- */

static struct trace read_bytes(const char *text, size_t length, size_t step,
                               struct kb_reader_options options) {
    char *exact = malloc(length + (length == 0));
    if (exact == NULL)
        abort();
    if (length > 0)
        memcpy(exact, text, length);
    struct memory memory = {exact, length, 0, step};
    struct kb_source source = {.context = &memory, .read = memory_read, .name = "memory"};
    struct trace t = read_source(source, options);
    free(exact);
    return t;
}

static struct trace read_text(const char *text, struct kb_reader_options options) {
    return read_bytes(text, strlen(text), SIZE_MAX, options);
}

/* Read, and forgotten: what remains is the status. */
static kb_status status_of(const char *text, struct kb_reader_options options) {
    struct trace t = read_text(text, options);
    free(t.list);
    return t.status;
}

/* ---- formats ---- */

static void test_detection(void) {
    static const struct {
        const char *text, *format;
        uint32_t references;
    } cases[] = {
        {"1 2 3 4 1 2 5\n", "pages", 7},
        {"0041f7a0 R\n13f5e2c0 R\n05e78900 W\n", "rw", 3},
        {"s 0x1fffff50\nl 0x1fffff58\n", "ls", 2},
        {"I  0023C790,2\n S 0025747C,2\n L BE80199C,4\n M 0025747C,1\n", "lackey", 5},
        {"0x7fff: R 0x1000\n0x7fff: W 0x2000\n#eof\n", "pin", 2},
        {"2 40d9a0\n0 1fffff50\n1 7a\n", "din", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trace t = read_text(cases[i].text, (struct kb_reader_options){0});
        CHECK_EQ(t.status, KB_OK);
        CHECK_STR(t.info.format != NULL ? t.info.format : "none", cases[i].format);
        CHECK_EQ(t.count, cases[i].references);
        CHECK_EQ(t.info.page_size, strcmp(cases[i].format, "pages") == 0 ? 0 : 4096);
        CHECK_EQ(t.info.totals_known, false);
        free(t.list);
    }
}

static void test_format_override(void) {
    struct trace t = read_text("1 2 3\n", (struct kb_reader_options){.format = "pages"});
    CHECK_EQ(t.count, 3);
    free(t.list);
    t = read_text("0 10\n1 20\n", (struct kb_reader_options){.format = "din"});
    CHECK_STR(t.info.format, "din");
    CHECK(t.count == 2 && t.list[1].kind == KB_WRITE);
    free(t.list);
    t = read_text("1 2 3\n", (struct kb_reader_options){.format = "nonsense"});
    CHECK_EQ(t.status, KB_USAGE);
    CHECK(strstr(t.error.text, "nonsense") != NULL && strstr(t.error.text, "lackey") != NULL &&
          strstr(t.error.text, "kbt") != NULL);
    free(t.list);
    t = read_text("1 2 3\n", (struct kb_reader_options){.format = "kbt"});
    CHECK_EQ(t.status, KB_DATA);
    free(t.list);
    t = read_text("once upon a time\n", (struct kb_reader_options){0});
    CHECK_EQ(t.status, KB_DATA);
    CHECK(strstr(t.error.text, "--format") != NULL);
    free(t.list);
}

static void test_page_sizes(void) {
    const char *text = "s 0x1fffff50\nl 0x1ffff150\nl 0x1ffff100\n";
    CHECK_EQ(status_of(text, (struct kb_reader_options){.page_size = 3000}), KB_USAGE);
    CHECK_EQ(status_of(text, (struct kb_reader_options){.page_size = 1}), KB_USAGE);
    CHECK_EQ(status_of(text, (struct kb_reader_options){.page_size = 32}), KB_USAGE);
    CHECK_EQ(status_of(text, (struct kb_reader_options){.page_size = UINT64_C(1) << 41}), KB_USAGE);
    CHECK_EQ(status_of(text, (struct kb_reader_options){.page_size = UINT64_MAX}), KB_USAGE);
    CHECK_EQ(status_of("1 2 3\n", (struct kb_reader_options){.page_size = 4096}), KB_USAGE);
    static const struct {
        uint64_t size;
        uint32_t pages;
    } cases[] = {{64, 3}, {128, 2}, {2048, 2}, {4096, 1}, {UINT64_C(1) << 40, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trace t = read_text(text, (struct kb_reader_options){.page_size = cases[i].size});
        CHECK_EQ(t.status, KB_OK);
        CHECK_EQ(t.info.page_size, cases[i].size);
        CHECK_EQ(t.pages, cases[i].pages);
        CHECK_EQ(t.list[0].number, 0x1fffff50 / cases[i].size);
        free(t.list);
    }
}

static void test_nothing(void) {
    static const char *const formats[] = {NULL, "pages", "rw", "lackey", "din", "pin"};
    for (size_t i = 0; i < 6; i++)
        for (int newline = 0; newline < 2; newline++) {
            CHECK_EQ(
                status_of(newline ? "\n" : "", (struct kb_reader_options){.format = formats[i]}),
                KB_DATA);
        }
    CHECK_EQ(status_of("1 2 3\n", (struct kb_reader_options){.skip = 2}), KB_OK);
    for (uint64_t skip = 3; skip < 10; skip++) {
        struct trace t = read_text("1 2 3\n", (struct kb_reader_options){.skip = skip});
        CHECK_EQ(t.status, KB_DATA);
        CHECK(strstr(t.error.text, "--skip") != NULL);
        free(t.list);
    }
}

static void test_places(void) {
    struct trace t = read_text("1\n2\n3 x\n", (struct kb_reader_options){.format = "pages"});
    CHECK_EQ(t.status, KB_DATA);
    CHECK(strstr(t.error.text, "line 3: ") != NULL);
    free(t.list);
    static char many[200000]; /* beyond the first windows */
    memset(many, '\n', sizeof many);
    memcpy(many, "1", 1);
    memcpy(many + 150000, "bad", 3);
    t = read_bytes(many, sizeof many, 777, (struct kb_reader_options){.format = "pages"});
    CHECK_EQ(t.status, KB_DATA);
    CHECK(strstr(t.error.text, "line 150000: ") != NULL);
    free(t.list);
    static char cut[64 * 3 + 10]; /* three records and a part of one */
    t = read_bytes(cut, sizeof cut, 100, (struct kb_reader_options){.format = "champsim"});
    CHECK_EQ(t.status, KB_DATA);
    CHECK(strstr(t.error.text, "byte 192: ") != NULL);
    free(t.list);
    t = read_bytes(cut, 24 * 2 + 5, 100, (struct kb_reader_options){.format = "oracle"});
    CHECK_EQ(t.status, KB_DATA);
    CHECK(strstr(t.error.text, "byte 48: ") != NULL);
    free(t.list);
}

/* An access that crosses pages counts once for each. */
static void test_crossing(void) {
    struct trace t = read_text(" L 00000ffe,4\n M 00001fff,2\n S 00002000,1\n",
                               (struct kb_reader_options){.format = "lackey"});
    static const struct reference wanted[] = {{0, KB_READ}, {1, KB_READ},  {1, KB_READ},
                                              {2, KB_READ}, {1, KB_WRITE}, {2, KB_WRITE},
                                              {2, KB_WRITE}};
    CHECK_EQ(t.count, 7);
    for (uint32_t i = 0; i < 7 && i < t.count; i++)
        CHECK(t.list[i].number == wanted[i].number && t.list[i].kind == wanted[i].kind);
    free(t.list);
    t = read_text(" L 00000000,1024\n",
                  (struct kb_reader_options){.format = "lackey", .page_size = 64});
    CHECK_EQ(t.count, 16);
    free(t.list);
    t = read_text(" L ffffffffffffffff,1\n L fffffffffffff000,4096\n",
                  (struct kb_reader_options){.format = "lackey"});
    CHECK(t.count == 2 && t.pages == 1 && t.list[0].number == UINT64_MAX >> 12);
    free(t.list);
}

/* ---- windows ---- */

static char random_text[400000];
static size_t random_length;

static void make_text(void) {
    struct kb_random random = {7};
    random_length = 0;
    while (random_length < 300000)
        random_length += (size_t)snprintf(
            random_text + random_length, sizeof random_text - random_length, " %c %06x,%u\n",
            "LSM"[kb_random_below(&random, 3)], (unsigned)kb_random_below(&random, 1 << 18),
            1 + (unsigned)kb_random_below(&random, 8));
}

static void test_windows(void) {
    struct trace all =
        read_bytes(random_text, random_length, SIZE_MAX, (struct kb_reader_options){0});
    CHECK_EQ(all.status, KB_OK);
    CHECK(all.count > 20000 && all.count < MOST);
    static const uint64_t skips[] = {0, 1, 2, 1000, 19999}, limits[] = {0, 1, 2, 1023, 1024, 5000};
    for (size_t s = 0; s < 5; s++)
        for (size_t l = 0; l < 6; l++) {
            struct trace t =
                read_bytes(random_text, random_length, SIZE_MAX,
                           (struct kb_reader_options){.skip = skips[s], .limit = limits[l]});
            uint64_t rest = all.count - skips[s];
            CHECK_EQ(t.count, limits[l] > 0 && limits[l] < rest ? limits[l] : rest);
            CHECK(memcmp(t.list, all.list + skips[s], t.count * sizeof *t.list) == 0);
            free(t.list);
        }
    free(all.list);
}

static void test_short_reads(void) {
    static const size_t steps[] = {1, 2, 7, 4096, 65535, 65537};
    struct trace whole =
        read_bytes(random_text, random_length, SIZE_MAX, (struct kb_reader_options){0});
    for (size_t i = 0; i < 6; i++) {
        struct trace t =
            read_bytes(random_text, random_length, steps[i], (struct kb_reader_options){0});
        CHECK(same(&t, &whole));
        free(t.list);
    }
    free(whole.list);
    random_text[random_length - 3] = '?'; /* the same error at the same place */
    whole = read_bytes(random_text, random_length, SIZE_MAX, (struct kb_reader_options){.skip = 3});
    CHECK_EQ(whole.status, KB_DATA);
    for (size_t i = 0; i < 6; i++) {
        struct trace t =
            read_bytes(random_text, random_length, steps[i], (struct kb_reader_options){.skip = 3});
        CHECK(same(&t, &whole));
        free(t.list);
    }
    free(whole.list);
    make_text();
}

/* ---- files ---- */

static char folder[] = "/tmp/kilburn-reader-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[2][200];
    static unsigned turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static unsigned files_in_folder(void) {
    unsigned count = 0;
    DIR *open = opendir(folder);
    for (struct dirent *entry; open != NULL && (entry = readdir(open)) != NULL;)
        count += entry->d_name[0] != '.';
    if (open != NULL)
        closedir(open);
    return count;
}

static bool write_file(const char *name, const void *bytes, size_t length) {
    struct kb_error error = {0};
    struct kb_sink sink;
    if (kb_file_create(&sink, name, &error) != KB_OK)
        return false;
    kb_status status = sink.write(sink.context, bytes, length, &error);
    if (status != KB_OK)
        kb_file_abandon(&sink);
    return status == KB_OK && kb_file_commit(&sink, &error) == KB_OK;
}

static struct trace read_file(const char *name) {
    struct trace t = {.status = KB_OK};
    struct kb_source source;
    t.status = kb_file_open(&source, name, &t.error);
    if (t.status != KB_OK)
        return t;
    t = read_source(source, (struct kb_reader_options){0});
    kb_file_close(&source);
    return t;
}

/* Whole, cut and empty, by one packer. */
static void one_packer(const char *packer, const char *ending, const struct trace *wanted) {
    char command[700];
    const char *plain = in_folder("trace");
    snprintf(command, sizeof command, "command -v %s >/dev/null", packer);
    if (system(command) != 0) {
        printf("no %s here: its files are not tested\n", packer);
        return;
    }
    snprintf(command, sizeof command,
             "%s -c < %s > %s.%s && head -c 5000 %s.%s > %s.cut && : | %s -c > %s.empty && "
             "cat %s.%s %s.%s > %s.twice",
             packer, plain, plain, ending, plain, ending, plain, packer, plain, plain, ending,
             plain, ending, plain);
    CHECK_EQ(system(command), 0);
    char name[300];
    snprintf(name, sizeof name, "trace.%s", ending);
    struct trace t = read_file(in_folder(name));
    CHECK_EQ(t.status, KB_OK);
    CHECK(same(&t, wanted));
    free(t.list);
    t = read_file(in_folder("trace.cut"));
    CHECK(t.status == KB_DATA || t.status == KB_IO);
    free(t.list);
    t = read_file(in_folder("trace.empty"));
    CHECK_EQ(t.status, KB_DATA);
    free(t.list);
    t = read_file(in_folder("trace.twice")); /* packed files one behind the other are one */
    CHECK_EQ(t.status, KB_OK);
    CHECK_EQ(t.count, 2 * wanted->count < MOST ? 2 * wanted->count : MOST);
    free(t.list);
}

static void test_packed(void) {
    CHECK(write_file(in_folder("trace"), random_text, random_length));
    struct trace wanted =
        read_bytes(random_text, random_length, SIZE_MAX, (struct kb_reader_options){0});
    struct trace t = read_file(in_folder("trace"));
    CHECK(same(&t, &wanted));
    free(t.list);
    one_packer("gzip", "gz", &wanted);
    one_packer("xz", "xz", &wanted);
    one_packer("zstd", "zst", &wanted);
    free(wanted.list);
}

static void test_no_files(void) {
    struct kb_error error = {0};
    struct kb_source source;
    struct kb_sink sink;
    CHECK_EQ(kb_file_open(&source, in_folder("absent"), &error), KB_IO);
    CHECK(strstr(error.text, "absent") != NULL);
    CHECK_EQ(kb_file_open(&source, folder, &error), KB_IO);
    CHECK_EQ(kb_file_create(&sink, in_folder("absent/file"), &error), KB_IO);
    CHECK(strstr(error.text, "absent/file") != NULL);
}

static void test_abandon(void) {
    struct kb_error error = {0};
    struct kb_sink sink;
    unsigned before = files_in_folder();
    CHECK_EQ(kb_file_create(&sink, in_folder("new"), &error), KB_OK);
    CHECK_EQ(sink.write(sink.context, random_text, random_length, &error), KB_OK);
    CHECK(access(in_folder("new"), F_OK) != 0);
    kb_file_abandon(&sink);
    CHECK_EQ(files_in_folder(), before);
    CHECK(write_file(in_folder("new"), "old\n", 4));
    CHECK_EQ(files_in_folder(), before + 1);
    CHECK_EQ(kb_file_create(&sink, in_folder("new"), &error), KB_OK);
    for (unsigned i = 0; i < 10; i++) /* more than the buffer */
        CHECK_EQ(sink.write(sink.context, random_text, random_length, &error), KB_OK);
    kb_file_abandon(&sink);
    CHECK_EQ(files_in_folder(), before + 1);
    char text[10] = "";
    FILE *file = fopen(in_folder("new"), "r");
    CHECK(file != NULL && fread(text, 1, 9, file) == 4);
    CHECK_STR(text, "old\n");
    if (file != NULL)
        fclose(file);
}

static void test_full(void) {
    struct kb_error error = {0};
    struct kb_sink sink;
    unsigned before = files_in_folder();
    if (access("/dev/full", W_OK) != 0) {
        printf("no /dev/full here: a full disk is not tested\n");
        return;
    }
    CHECK_EQ(kb_file_create(&sink, "/dev/full", &error), KB_OK);
    CHECK_EQ(sink.write(sink.context, "x", 1, &error), KB_OK);
    CHECK_EQ(kb_file_commit(&sink, &error), KB_IO);
    CHECK(strstr(error.text, "/dev/full") != NULL && strstr(error.text, "space") != NULL);
    CHECK_EQ(kb_file_create(&sink, "/dev/full", &error), KB_OK);
    kb_status status = KB_OK;
    for (unsigned i = 0; i < 20 && status == KB_OK; i++)
        status = sink.write(sink.context, random_text, random_length, &error);
    CHECK_EQ(status, KB_IO);
    kb_file_abandon(&sink);
    CHECK_EQ(files_in_folder(), before);
    CHECK(access("/dev/full", W_OK) == 0);
}

static void clean_up(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK_EQ(system(command), 0);
}

int main(void) {
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    make_text();
    test_detection();
    test_format_override();
    test_page_sizes();
    test_nothing();
    test_places();
    test_crossing();
    test_windows();
    test_short_reads();
    test_packed();
    test_no_files();
    test_abandon();
    test_full();
    clean_up();
    return harness_end();
}
