/* test_generate.c - synthetic traces: T1, known answers, definitions written a second time, zipf
 * against its exact distribution, and specs that make no sense. */
#include "harness.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/random.h"
#include "trace/generate.h"

static struct kb_generator *make(const char *spec) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_generator *generator;
    if (kb_generator_new(spec, &generator, &error) != KB_OK) {
        printf("%s: %s\n", spec, error.text);
        abort();
    }
    return generator;
}

/* All accesses, taken `room` at a time; the caller frees. */
static struct kb_trace_access *all(const char *spec, size_t room, size_t *count) {
    struct kb_generator *generator = make(spec);
    size_t references = (size_t)kb_generator_references(generator), got;
    struct kb_trace_access *accesses = malloc((references + 1) * sizeof *accesses);
    if (accesses == NULL)
        abort();
    *count = 0;
    do {
        size_t left = references + 1 - *count;
        kb_generator_next(generator, accesses + *count, left < room ? left : room, &got);
        *count += got;
    } while (got > 0);
    CHECK_EQ(*count, references);
    kb_generator_free(generator);
    return accesses;
}

/* The first accesses as text: 8w 11 11; a page that is released behind it: 8! */
static void expect_start(const char *spec, const char *wanted) {
    char text[512];
    size_t n = 0, count;
    struct kb_trace_access *accesses = all(spec, 5, &count);
    for (size_t i = 0; i < count && n < strlen(wanted); i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRIu64 "%s%s", n == 0 ? "" : " ",
                              accesses[i].address, (accesses[i].kind & 3) == KB_WRITE ? "w" : "",
                              accesses[i].kind & KB_ACCESS_RELEASES ? "!" : "");
    CHECK_STR(text, wanted);
    free(accesses);
}

static size_t count_writes(const struct kb_trace_access *accesses, size_t count) {
    size_t writes = 0;
    for (size_t i = 0; i < count; i++)
        writes += accesses[i].kind == KB_WRITE;
    return writes;
}

/* ---- T1 ---- */

static void t1(void) {
    size_t count, distinct = 0;
    bool seen[128] = {false};
    expect_start("phases", "8w 11 11 5 0 9w 2 0 8 10");
    struct kb_trace_access *accesses = all("phases", 4096, &count);
    CHECK_EQ(count, 10000);
    CHECK_EQ(count_writes(accesses, count), 2424);
    uint64_t x = 1;
    for (uint64_t k = 0; k < count; k++) {
        x = 48271 * x % 2147483647;
        CHECK(accesses[k].address == 8 * (k / 1000) + (x >> 8) % 12);
        CHECK(accesses[k].kind == ((x >> 20) % 4 == 0 ? KB_WRITE : KB_READ));
        distinct += !seen[accesses[k].address];
        seen[accesses[k].address] = true;
    }
    CHECK_EQ(distinct, 84);
    free(accesses);
    accesses = all("phases:write-every=0:references=1001:phase=500:step=100", 1, &count);
    CHECK_EQ(count_writes(accesses, count), 0);
    CHECK(accesses[499].address < 12 && accesses[500].address >= 100);
    CHECK(accesses[1000].address >= 200 && accesses[1000].address < 212);
    free(accesses);
}

/* ---- known answers ---- */

static void orders(void) {
    expect_start("sequential:pages=3:passes=2", "0 1 2 0 1 2");
    expect_start("sequential:pages=2:each=3:passes=2", "0 0 0 1 1 1 0 0 0 1 1 1");
    expect_start("sequential:pages=2:each=2:release=yes", "0 0! 1 1!");
    expect_start("sequential:pages=1:passes=2:release=yes:writes=100", "0w! 0w!");
    expect_start("loop:pages=3:references=5", "0 1 2 0 1");
    expect_start("loop:pages=2:passes=2", "0 1 0 1");
    expect_start("stride:base=1K:stride=4:count=3:passes=2", "1024 1028 1032 1024 1028 1032");
    expect_start("stride:count=2:write=1", "0w 4096w");
    expect_start("matrix:n=2", "0 4 8 12");
    expect_start("matrix:n=2:order=columns:word=8", "0 16 8 24");
    expect_start("loop-uniform:pages=3:share=100:references=5", "0 1 2 0 1");
    expect_start("uniform:pages=1:references=3", "0 0 0");
    expect_start("sequential:pages=2:writes=100", "0w 1w");
}

/* N09: a matrix of 128 × 128 words, a row a page of 512 bytes: how often the page changes. */
static void matrix_pages(void) {
    static const char *const specs[] = {"matrix", "matrix:order=columns"};
    static const uint64_t changes[] = {128, 16384};
    for (unsigned s = 0; s < 2; s++) {
        size_t count;
        uint64_t page = UINT64_MAX, found = 0;
        struct kb_trace_access *accesses = all(specs[s], 1000, &count);
        CHECK_EQ(count, 16384);
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ(accesses[i].size, 4);
            found += accesses[i].address / 512 != page;
            page = accesses[i].address / 512;
        }
        CHECK_EQ(found, changes[s]);
        free(accesses);
    }
}

static void kinds_of_numbers(void) {
    static const char *const names[] = {"sequential",   "uniform", "zipf",   "loop",
                                        "loop-uniform", "phases",  "stride", "matrix"};
    for (unsigned i = 0; i < 8; i++) {
        char spec[256];
        const char *usage = kb_generator_usage(i);
        struct kb_generator *generator = make(names[i]);
        CHECK(strncmp(usage, names[i], strlen(names[i])) == 0 && usage[strlen(names[i])] == ':');
        CHECK_EQ(kb_generator_page_numbers(generator), i < 6);
        /* The usage states the defaults: it is a spec of the same trace. */
        const char *bar = strchr(usage, '|');
        snprintf(spec, sizeof spec, "%.*s%s",
                 (int)(bar == NULL ? strlen(usage) : (size_t)(bar - usage)), usage,
                 bar == NULL ? "" : bar + strcspn(bar, ":"));
        size_t a_count, b_count;
        struct kb_trace_access *a = all(names[i], 999, &a_count), *b = all(spec, 1001, &b_count);
        CHECK(a_count == b_count && memcmp(a, b, a_count * sizeof *a) == 0);
        free(a);
        free(b);
        kb_generator_free(generator);
    }
    CHECK(kb_generator_usage(8) == NULL);
}

/* ---- definitions, written a second time ---- */

static void uniform_definition(void) {
    size_t count;
    struct kb_random random = {9};
    struct kb_trace_access *accesses =
        all("uniform:pages=77:references=5000:seed=9:writes=30", 7, &count);
    for (size_t i = 0; i < count; i++) {
        CHECK(accesses[i].address == kb_random_below(&random, 77));
        CHECK(accesses[i].kind == (kb_random_below(&random, 100) < 30));
    }
    free(accesses);
}

static void loop_uniform_definition(void) {
    size_t count;
    struct kb_random random = {1};
    uint64_t next = 0;
    struct kb_trace_access *accesses =
        all("loop-uniform:pages=10:uniform=5:share=80:references=5000:writes=1", 64, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t wanted;
        if (kb_random_below(&random, 100) < 80)
            wanted = next++ % 10;
        else
            wanted = 10 + kb_random_below(&random, 5);
        CHECK(accesses[i].address == wanted);
        CHECK(accesses[i].kind == (kb_random_below(&random, 100) < 1));
    }
    free(accesses);
}

/* Without a guide: all ranks from 0 on. */
static void zipf_definition(size_t pages, double alpha, bool scramble) {
    char spec[160];
    size_t count;
    struct kb_random random = {5};
    double *sums = malloc(pages * sizeof *sums);
    uint64_t *order = malloc(pages * sizeof *order);
    if (sums == NULL || order == NULL)
        abort();
    for (size_t r = 0; r < pages; r++) {
        sums[r] = (r == 0 ? 0 : sums[r - 1]) + 1 / pow((double)(r + 1), alpha);
        order[r] = r;
    }
    for (size_t i = pages - 1; scramble && i > 0; i--) {
        size_t j = (size_t)kb_random_below(&random, i + 1);
        uint64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    snprintf(spec, sizeof spec,
             "zipf:pages=%zu:alpha=%g:scramble=%d:seed=5:references=3000:writes=20", pages, alpha,
             scramble);
    struct kb_trace_access *accesses = all(spec, 100, &count);
    for (size_t i = 0; i < count; i++) {
        double u = kb_random_unit(&random);
        size_t rank = 0;
        while (sums[rank] / sums[pages - 1] <= u)
            rank++;
        CHECK(accesses[i].address == order[rank]);
        CHECK(accesses[i].kind == (kb_random_below(&random, 100) < 20));
    }
    free(accesses);
    free(order);
    free(sums);
}

/* Chi-square of the shares: 99 degrees of freedom, 99.99 % lies below 161. */
static void zipf_shares(void) {
    size_t count, found[100] = {0};
    double sum = 0, chi = 0;
    struct kb_trace_access *accesses =
        all("zipf:pages=100:references=1000000:alpha=0.99", 4096, &count);
    for (size_t i = 0; i < count; i++)
        found[accesses[i].address]++;
    for (unsigned r = 0; r < 100; r++)
        sum += 1 / pow(r + 1, 0.99);
    for (unsigned r = 0; r < 100; r++) {
        double wanted = (double)count / pow(r + 1, 0.99) / sum;
        chi += ((double)found[r] - wanted) * ((double)found[r] - wanted) / wanted;
    }
    printf("zipf: chi-square %.1f with 99 degrees of freedom\n", chi);
    CHECK(chi > 40 && chi < 161);
    free(accesses);
}

static void shares_of_kinds(void) {
    size_t count, looped = 0;
    struct kb_trace_access *accesses = all("loop-uniform:share=25:writes=40", 4096, &count);
    for (size_t i = 0; i < count; i++)
        looped += accesses[i].address < 100;
    CHECK(looped > 24500 && looped < 25500);
    CHECK(count_writes(accesses, count) > 39300 && count_writes(accesses, count) < 40700);
    free(accesses);
}

static void seeds_differ(void) {
    size_t count, equal = 0;
    struct kb_trace_access *a = all("uniform:seed=1:references=1000", 10, &count);
    struct kb_trace_access *b = all("uniform:seed=2:references=1000", 10, &count);
    for (size_t i = 0; i < count; i++)
        equal += a[i].address == b[i].address;
    CHECK(equal < 20);
    free(a);
    free(b);
}

/* ---- specs that make no sense ---- */

static void refused(const char *spec, const char *text) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_generator *generator;
    CHECK_EQ(kb_generator_new(spec, &generator, &error), KB_USAGE);
    CHECK(generator == NULL);
    CHECK_STR(error.text, text);
}

static void bad_names(void) {
    refused("", "there is no generator \"\"; there are: sequential, uniform, zipf, loop, "
                "loop-uniform, phases, stride, matrix");
    refused("zip:pages=1", "there is no generator \"zip\"; there are: sequential, uniform, zipf, "
                           "loop, loop-uniform, phases, stride, matrix");
    refused("loop:page=1", "generator loop has no option \"page\"; its options are: pages, passes, "
                           "references, seed, writes");
    refused("phases:writes=1", "generator phases has no option \"writes\"; its options are: "
                               "references, phase, set, step, seed, write-every");
    refused("loop:",
            "generator loop: \"\" is not of the form option=value; options: pages, passes, "
            "references, seed, writes");
    refused("loop:pages", "generator loop: \"pages\" is not of the form option=value; options: "
                          "pages, passes, references, seed, writes");
    refused("loop:pages=1:pages=2", "generator loop: the option pages is given twice");
}

static void bad_values(void) {
    refused("loop:pages=0", "generator loop: pages=0 is wrong; wanted: a whole number from 1 to "
                            "9223372036854775808 (64K = 65536)");
    refused("uniform:writes=101", "generator uniform: writes=101 is wrong; wanted: a whole number "
                                  "from 0 to 100 (64K = 65536)");
    refused("zipf:alpha=-1",
            "generator zipf: alpha=-1 is wrong; wanted: a number from 0 to 100 such as 0.99");
    refused("zipf:alpha=",
            "generator zipf: alpha= is wrong; wanted: a number from 0 to 100 such as 0.99");
    refused("zipf:alpha=1.",
            "generator zipf: alpha=1. is wrong; wanted: a number from 0 to 100 such as 0.99");
    refused("matrix:order=diagonal",
            "generator matrix: order=diagonal is wrong; wanted: one of rows columns");
    refused("loop:passes=2:references=7", "generator loop: give passes or references, not both");
    refused("stride:write=1:writes=7", "generator stride: give write or writes, not both");
    refused("phases:seed=0", "generator phases: seed=0 is wrong; wanted: a whole number from 1 to "
                             "2147483646 (64K = 65536)");
}

static void overflows(void) {
    refused("sequential:pages=1T:passes=1T",
            "generator sequential: more than 2^64 - 1 references would come");
    refused("stride:stride=1T:count=1T",
            "generator stride: an address would have more than 64 bits");
    refused("stride:base=18446744073709551615:stride=1:count=2",
            "generator stride: an address would have more than 64 bits");
    refused("matrix:n=4294967295:word=2",
            "generator matrix: an address would have more than 64 bits");
    refused("loop-uniform:pages=9223372036854775808:uniform=1",
            "generator loop-uniform: a page number would be larger than 2^63");
    refused("phases:references=1T:phase=1:step=16777216",
            "generator phases: a page number would be larger than 2^63");
    kb_generator_free(make("stride:base=18446744073709551615:stride=0"));
    kb_generator_free(NULL);
}

int main(void) {
    t1();
    orders();
    matrix_pages();
    kinds_of_numbers();
    uniform_definition();
    loop_uniform_definition();
    zipf_definition(1, 1, false);
    zipf_definition(2, 0, true);
    zipf_definition(100, 0.99, false);
    zipf_definition(129, 0.5, true);
    zipf_definition(1000, 2.5, true);
    zipf_definition(300, 100, false);
    zipf_shares();
    shares_of_kinds();
    seeds_differ();
    bad_names();
    bad_values();
    overflows();
    return harness_end();
}
