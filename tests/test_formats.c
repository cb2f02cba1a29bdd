/* test_formats.c - foreign trace formats: known answers, malformed records and their lines, windows
 * cut everywhere, detection, and the public traces where KILBURN_PUBLIC_TRACES names their folder.
 *
 * Each window is copied to memory of its very size, so that a sanitizer sees
 * a parser that reads past it. */
#include "harness.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/random.h"
#include "trace/format.h"

/* ---- a small reader ---- */

struct result {
    struct kb_trace_access *accesses;
    size_t count, room;
    kb_status status;
    uint64_t line, offset; /* where it stopped */
    struct kb_error error;
};

static void keep(struct result *result, const struct kb_trace_access *accesses, size_t got) {
    while (result->count + got > result->room) {
        result->room = result->room * 2 + 4096;
        result->accesses = realloc(result->accesses, result->room * sizeof *accesses);
        if (result->accesses == NULL)
            abort();
    }
    if (got > 0)
        memcpy(result->accesses + result->count, accesses, got * sizeof *accesses);
    result->count += got;
}

/* Parses all that one window gives; returns the bytes consumed. */
static size_t window(const struct kb_trace_format *format, struct result *result,
                     const uint8_t *from, size_t length, bool last, size_t room, bool *finished) {
    struct kb_trace_access accesses[KB_ACCESS_BATCH];
    uint8_t *copy = malloc(length + (length == 0));
    if (copy == NULL)
        abort();
    memcpy(copy, from, length);
    struct kb_cursor cursor = {copy, copy + length, last, result->line, result->offset, false};
    const uint8_t *before;
    size_t got;
    do {
        before = cursor.at;
        result->status = format->parse(&cursor, accesses, room, &got, &result->error);
        CHECK(cursor.at >= before && cursor.at <= cursor.end && got <= room);
        keep(result, accesses, got);
    } while (result->status == KB_OK && !cursor.finished && (got > 0 || cursor.at > before));
    size_t consumed = (size_t)(cursor.at - copy);
    result->line = cursor.line;
    result->offset += consumed;
    *finished = cursor.finished;
    free(copy);
    return consumed;
}

/* A window of `size` bytes that slides, and grows where it holds no whole record; the first one
 * ends at `cut`. */
static struct result read_all(const struct kb_trace_format *format, const void *bytes,
                              size_t length, size_t cut, size_t size, size_t room) {
    struct result result = {.status = KB_OK, .line = 1};
    bool finished = false, last = false;
    const uint8_t *from = bytes;
    size_t ahead = cut;
    while (result.status == KB_OK && !finished && !last) {
        size_t left = length - (size_t)result.offset;
        last = ahead >= left;
        size_t consumed = window(format, &result, from + result.offset, last ? left : ahead, last,
                                 room, &finished);
        ahead = consumed > 0 ? size : ahead + size;
    }
    return result;
}

static struct result read_text(const char *name, const char *text) {
    size_t length = strlen(text);
    return read_all(kb_trace_format_find(name), text, length, length, length, KB_ACCESS_BATCH);
}

static bool same(const struct result *a, const struct result *b) {
    return a->count == b->count && a->status == b->status && a->line == b->line &&
           a->offset == b->offset && strcmp(a->error.text, b->error.text) == 0 &&
           (a->count == 0 || memcmp(a->accesses, b->accesses, a->count * sizeof *a->accesses) == 0);
}

/* ---- known answers ---- */

/* Accesses as text: kind, address in hex, and /size where it is not 1. */
static const char *shown(const struct result *result) {
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < result->count && n < sizeof text - 64; i++) {
        const struct kb_trace_access *a = &result->accesses[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%c%" PRIx64, n == 0 ? "" : " ",
                              "rwx"[a->kind], a -> address);
        if (a->size != 1)
            n += (size_t)snprintf(text + n, sizeof text - n, "/%u", a->size);
    }
    return text;
}

static void expect_accesses(const char *name, const char *text, const char *wanted) {
    struct result result = read_text(name, text);
    CHECK_EQ(result.status, KB_OK);
    CHECK_STR(shown(&result), wanted);
    CHECK(result.offset == strlen(text) || strcmp(name, "pin") == 0);
    free(result.accesses);
}

static void known_answers(void) {
    expect_accesses("lackey",
                    "==1== Lackey\n\nI  0401ab70,3\n L 1ffefffe50,8\n S 1f,16\n M 0421d7cc,4\n",
                    "x401ab70/3 r1ffefffe50/8 w1f/16 r421d7cc/4 w421d7cc/4");
    expect_accesses("lackey", "total 12\n--1-- x\nIdle\n SB 04\n Load\n L FF,2\r\nbye", "rff/2");
    expect_accesses("lackey", "I  ffffffffffffffff,1", "xffffffffffffffff");
    expect_accesses("din", "0 10\n1 0x20\n2 408ed4 anything\n3 ff\n4 0\n\n 0\tabcdef01\r\n",
                    "r10 w20 x408ed4 rff rabcdef01");
    expect_accesses("pin", "#\n# trace\n0x401000: R 0x7ffe50\n401004: W 10\n\n#eof\njunk",
                    "r7ffe50 w10");
    expect_accesses("rw", "0041f7a0 R\n0x13f5e2c0 W\r\n\n  ffffffffffffffff\tR  \n0 W",
                    "r41f7a0 w13f5e2c0 rffffffffffffffff w0");
    expect_accesses("rw", "00000000000000000000000041f7a0 R\n12345678 W\n123456789abcdef R\n",
                    "r41f7a0 w12345678 r123456789abcdef");
    expect_accesses("ls", "s 0x1fffff50\nl 1f\n\n l 0X0\r\ns 0xABCDEF0123456789",
                    "w1fffff50 r1f r0 wabcdef0123456789");
    expect_accesses("pages", "7 0w,1r;2x # note 5 6\r\n\n#all\n,,9223372036854775808#x\n12",
                    "r7 w0 r1 x2 r8000000000000000 rc");
    expect_accesses("pages", "12345678 123456789 0000000000000000000000001", "rbc614e r75bcd15 r1");
    expect_accesses("pages", "", "");
}

/* pin's end mark leaves the rest alone, so the bytes consumed are fewer. */
static void pin_extras(void) {
    struct result result = read_text("pin", "0x1: W 0x7ffe50  8 0xff\n#eof \nnonsense\n");
    CHECK_EQ(result.status, KB_OK);
    CHECK_STR(shown(&result), "w7ffe50/8");
    CHECK_EQ(result.line, 3);
    free(result.accesses);
}

static void put(uint8_t *to, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void oracle_record(uint8_t to[24], uint32_t time, uint64_t id, uint32_t size,
                          uint64_t next) {
    put(to, time, 4);
    put(to + 4, id, 8);
    put(to + 12, size, 4);
    put(to + 16, next, 8);
}

static void champsim_record(uint8_t to[64], uint64_t ip, uint64_t store, uint64_t load) {
    memset(to, 0, 64);
    put(to, ip, 8);
    to[10] = 1;
    put(to + 16 + 8, store, 8);
    put(to + 32, load, 8);
    put(to + 32 + 24, load + 8, 8);
}

static void binary_answers(void) {
    uint8_t bytes[128];
    const struct kb_trace_format *oracle = kb_trace_format_find("oracle");
    oracle_record(bytes, 5, UINT64_C(0xfedcba9876543210), 512, 2);
    oracle_record(bytes + 24, 5, UINT64_C(0xfedcba9876543210), 512, UINT64_MAX);
    struct result result = read_all(oracle, bytes, 48, 48, 48, KB_ACCESS_BATCH);
    CHECK_STR(shown(&result), "rfedcba9876543210 rfedcba9876543210");
    free(result.accesses);
    result = read_all(oracle, bytes, 47, 47, 47, KB_ACCESS_BATCH);
    CHECK_EQ(result.status, KB_DATA);
    CHECK_EQ(result.offset, 24);
    CHECK_EQ(result.count, 1);
    CHECK_STR(result.error.text, "the input ends inside a record of 24 bytes: only 23 are left");
    free(result.accesses);
    champsim_record(bytes, 0x401000, 0x7000, 0x8000);
    champsim_record(bytes + 64, 0x401004, 0, 0x9000);
    result = read_all(kb_trace_format_find("champsim"), bytes, 128, 128, 128, 7);
    CHECK_STR(shown(&result), "x401000 r8000 r8008 w7000 x401004 r9000 r9008");
    free(result.accesses);
}

/* ---- malformed records ---- */

static void expect_error(const char *name, const char *text, uint64_t line, size_t accesses,
                         const char *reason) {
    struct result result = read_text(name, text);
    CHECK_EQ(result.status, KB_DATA);
    CHECK_EQ(result.line, line);
    CHECK_EQ(result.count, accesses);
    if (strstr(result.error.text, reason) == NULL)
        printf("%s: \"%s\"\n", name, result.error.text);
    CHECK(strstr(result.error.text, reason) != NULL);
    free(result.accesses);
}

static void malformed_lines(void) {
    expect_error("rw", "0041f7a0 R\n\n0041f7a0 Q\n1 R\n", 3, 1, "letter");
    expect_error("rw", "0041f7a0\n", 1, 0, "letter");
    expect_error("rw", "12345678R\n", 1, 0, "letter");
    expect_error("rw", "R\n", 1, 0, "address is missing");
    expect_error("rw", "0x R\n", 1, 0, "address is missing");
    expect_error("rw", "1 R\n10000000000000000 R\n", 2, 1, "more than 64 bits");
    expect_error("rw", "1 Rx\n", 1, 0, "something follows");
    expect_error("rw", "1 R\r\r\n", 1, 0, "something follows");
    expect_error("rw", "1 R\n2 R 3", 2, 1, "something follows");
    expect_error("ls", "l 1\nx 2\n", 2, 1, "letter");
    expect_error("ls", "l\n", 1, 0, "address is missing");
    expect_error("ls", "l0x1\n", 1, 0, "address is missing");
    expect_error("ls", "s 0x11111111111111111\n", 1, 0, "more than 64 bits");
    expect_error("din", "0 1\n5 1\n", 2, 1, "label");
    expect_error("din", "00 1\n", 1, 0, "address is missing");
    expect_error("din", "2\n", 1, 0, "address is missing");
    expect_error("din", "2 zz\n", 1, 0, "address is missing");
    expect_error("din", "2 12zz\n", 1, 0, "address is missing");
    expect_error("pin", "0x1: R 0x2\n0x1 R 0x2\n", 2, 1, "colon");
    expect_error("pin", "0x1: X 0x2\n", 1, 0, "letter");
    expect_error("pin", "0x1: R\n", 1, 0, "address is missing");
    expect_error("pin", "0x1: R 0x2 0\n", 1, 0, "size");
    expect_error("pin", "# ok\n#eo\n0x1: R 0x2 zz\n", 3, 0, "something follows");
    expect_error("lackey", "I  1,2\n L 12345\n", 2, 1, "comma");
    expect_error("lackey", "noise\n L xyz,1\n", 2, 0, "address is missing");
    expect_error("lackey", " S 10,0\n", 1, 0, "size");
    expect_error("lackey", " S 10,1048577\n", 1, 0, "size");
    expect_error("lackey", " M 10,4x\n", 1, 0, "something follows");
    expect_error("lackey", " S ffffffffffffffff,2\n", 1, 0, "last address");
    expect_error("lackey", "I  10000000000000000,2\n", 1, 0, "more than 64 bits");
    expect_error("pages", "1 2\n3 x\n", 2, 3, "not a page number");
    expect_error("pages", "1 2q 3", 1, 1, "not a page number");
    expect_error("pages", "1 -2", 1, 1, "not a page number");
    expect_error("pages", "1 2ww", 1, 1, "not a page number");
    expect_error("pages", "1 9223372036854775809", 1, 1, "larger than 2^63");
    expect_error("pages", "1\n\n99999999999999999999999", 3, 1, "larger than 2^63");
}

static void expect_zero_byte(const char *name, const char *text, size_t length) {
    struct result result =
        read_all(kb_trace_format_find(name), text, length, length, length, KB_ACCESS_BATCH);
    CHECK_EQ(result.status, KB_DATA);
    CHECK(strstr(result.error.text, "byte 0") != NULL);
    CHECK(!kb_trace_format_find(name)->matches((const uint8_t *)text, length));
    free(result.accesses);
}

static void zero_bytes(void) {
    expect_zero_byte("lackey", "I  1,1\nnoi\0se\n", 14);
    expect_zero_byte("pin", "1: R 1\n#\0\n", 10);
    expect_zero_byte("din", "1 1 \0\n", 6);
    expect_zero_byte("rw", "1\0 R\n", 5);
    expect_zero_byte("ls", "l 1\0\n", 5);
    expect_zero_byte("pages", "1 # \0\n", 6);
    expect_zero_byte("pages", "1 \0 2 ", 6);
}

static void spanish(void) {
    struct kb_trace_access access[2];
    const uint8_t text[] = "zz\n";
    struct kb_cursor cursor = {text, text + 3, true, 1, 0, false};
    struct kb_error error = {.language = KB_SPANISH};
    size_t got;
    CHECK_EQ(kb_trace_format_find("rw")->parse(&cursor, access, 2, &got, &error), KB_DATA);
    CHECK_STR(error.text, "\"zz\": la dirección hexadecimal falta o está mal escrita; se esperaba: "
                          "una línea como \"0041f7a0 R\" (R, W)");
}

/* ---- long lines ---- */

/* A line of `length` bytes with its newline, made of prefix, fill and suffix; how it ends. */
static kb_status long_line(const char *name, const char *prefix, char fill, const char *suffix,
                           size_t length, size_t size) {
    char *text = malloc(length + 1);
    if (text == NULL)
        abort();
    memset(text, fill, length);
    memcpy(text, prefix, strlen(prefix));
    memcpy(text + length - strlen(suffix), suffix, strlen(suffix));
    struct result result =
        read_all(kb_trace_format_find(name), text, length, size, size, KB_ACCESS_BATCH);
    CHECK(result.status == KB_OK || result.offset <= 1);
    CHECK(result.status == KB_OK || result.count == result.offset); /* "1#": one before it */
    free(result.accesses);
    free(text);
    return result.status;
}

static void long_lines(void) {
    static const struct {
        const char *name, *prefix, *suffix;
        char fill;
    } lines[] = {{"rw", "0", "1 R\n", '0'}, {"lackey", "==", "\n", '='},
                 {"pin", "#", "\n", 'x'},   {"din", "0 1 ", "\n", 'x'},
                 {"ls", "l ", "1\n", ' '},  {"pages", "1#", "\n", 'x'},
                 {"pages", "0", "1\n", '0'}};
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        size_t longest = KB_LONGEST_LINE + (lines[i].prefix[1] == '#'); /* a record and a comment */
        for (size_t size = KB_LONGEST_LINE; size <= 4 * KB_LONGEST_LINE; size *= 2) {
            CHECK_EQ(long_line(lines[i].name, lines[i].prefix, lines[i].fill, lines[i].suffix,
                               longest, size),
                     KB_OK);
            CHECK(long_line(lines[i].name, lines[i].prefix, lines[i].fill, lines[i].suffix,
                            longest + 1, size) == KB_DATA ||
                  lines[i].prefix[1] == '#');
        }
    }
    CHECK_EQ(long_line("rw", "0", '0', "", 3 * KB_LONGEST_LINE, KB_LONGEST_LINE), KB_DATA);
    CHECK_EQ(long_line("rw", "0", '0', "1 R", KB_LONGEST_LINE - 1, KB_LONGEST_LINE), KB_OK);
}

/* ---- windows ---- */

static const struct {
    const char *name, *text;
} samples[] = {
    {"lackey", "==1== x\nI  0401ab70,3\n L 1ffefffe50,8\n M 0421d7cc,14\r\n\nout\n S 1,1"},
    {"lackey", "I  0401ab70,3\n L 1ffefffe50,8\n S 1;1\nI  1,1\n"},
    {"pin", "#\n0x7f0011223344: R 0x7ffe5000aabb\n1: W 2 8 0xff\n\n#e\n#eof\njunk\n"},
    {"pin", "0x1: R 0x2\r\n0x1: W 0x3\n0x1: W"},
    {"rw", "0041f7a0 R\n0x13f5e2c0 W\r\n\n \n ffffffffffffffff R  \n0 W"},
    {"rw", "0041f7a0 R\n13f5e2c0 W\n13f5e2c0 X\n0 W\n"},
    {"ls", "s 0x1fffff50\nl 0x123456789abcdef0\n\nl 1f\r\n"},
    {"ls", "s 0x1fffff50\nl 0x\n"},
    {"din", "0 10\n1 20 x\n2 408ed4abcd\n3 ff\n4 0\n\n 0 abc\r\n4 1"},
    {"din", "2 408ed4\n0 10\n9 20\n"},
    {"pages", "7 0w,1r;2x # note 5 6\r\n\n#all\n9223372036854775808#x\n123456789 12"},
    {"pages", "7 0\n1 2 # note\n3 4 5y 6\n"},
    {"pages", "1 2 3# last"}};

/* All cuts and window sizes give what one window gives. */
static void cut_everywhere(const struct kb_trace_format *format, const void *bytes, size_t length,
                           size_t least_room) {
    struct result whole = read_all(format, bytes, length, length, length, KB_ACCESS_BATCH);
    for (size_t cut = 0; cut <= length; cut++) {
        struct result one = read_all(format, bytes, length, cut, length, KB_ACCESS_BATCH);
        struct result two = read_all(format, bytes, length, cut, cut + 1, least_room);
        CHECK(same(&whole, &one));
        CHECK(same(&whole, &two));
        free(one.accesses);
        free(two.accesses);
    }
    free(whole.accesses);
}

static void windows(void) {
    uint8_t bytes[64 * 3 + 10] = {0};
    for (unsigned i = 0; i < sizeof samples / sizeof samples[0]; i++)
        cut_everywhere(kb_trace_format_find(samples[i].name), samples[i].text,
                       strlen(samples[i].text), 2);
    for (unsigned i = 0; i < 3; i++)
        oracle_record(bytes + 24 * i, i, i, 1, UINT64_MAX);
    cut_everywhere(kb_trace_format_find("oracle"), bytes, 72, 1);
    cut_everywhere(kb_trace_format_find("oracle"), bytes, 80, 1);
    for (unsigned i = 0; i < 3; i++)
        champsim_record(bytes + 64 * i, 0x400000 + i, i, 0x1000 * i);
    cut_everywhere(kb_trace_format_find("champsim"), bytes, 192, 7);
    cut_everywhere(kb_trace_format_find("champsim"), bytes, 200, 7);
}

/* Random addresses of every length, in lower and upper case, against snprintf. */
static void random_numbers(void) {
    struct kb_random random = {7};
    char text[128];
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t value = kb_random_next(&random) >> kb_random_below(&random, 64);
        bool upper = kb_random_below(&random, 2) == 1;
        snprintf(text, sizeof text, upper ? "%0*" PRIX64 " R\n1 W\n" : "%0*" PRIx64 " R\n1 W\n",
                 (int)kb_random_below(&random, 20), value);
        struct result hex = read_text("rw", text);
        CHECK(hex.count == 2 && hex.accesses[0].address == value);
        free(hex.accesses);
        snprintf(text, sizeof text, "%0*" PRIu64 "w 1\n", (int)kb_random_below(&random, 24),
                 value >> 1);
        struct result decimal = read_text("pages", text);
        CHECK(decimal.count == 2 && decimal.accesses[0].address == value >> 1);
        free(decimal.accesses);
    }
}

/* ---- detection ---- */

static const char *detected(const char *text) {
    const struct kb_trace_format *format =
        kb_trace_format_detect((const uint8_t *)text, strlen(text));
    return format == NULL ? "none" : format->name;
}

static void detection(void) {
    CHECK_STR(detected("==1== Lackey\n==1==\nls output\nI  0401ab70,3\n L 1ff"), "lackey");
    CHECK_STR(detected("==1== Lackey\n==1==\n"), "none");
    CHECK_STR(detected("#\n# Memory Access Trace\n0x40: R 0x7f\n#eof\n"), "pin");
    CHECK_STR(detected("#\n#eof\n"), "none");
    CHECK_STR(detected("0041f7a0 R"), "rw");
    CHECK_STR(detected("0041f7a0 R\n13f5"), "rw");
    CHECK_STR(detected("0041f7a0 R\nhello\n13"), "none");
    CHECK_STR(detected("s 0x1fffff50\nl 0x1fffff58\n"), "ls");
    CHECK_STR(detected("2 408ed4\n0 10019d94\n"), "din");
    CHECK_STR(detected("2 10\n0 20\n"), "pages");
    CHECK_STR(detected("7 0 1 2 0 3 0 4 2 3 0 3"), "pages");
    CHECK_STR(detected("1 2 3 4 1 2 5 1 2 3 4 5\n"), "pages");
    CHECK_STR(detected("1 2 3 # Belady\n"), "pages");
    CHECK_STR(detected("8w 11 11 5\n"), "pages");
    CHECK_STR(detected("2 408ed4 and more\n"), "none");
    CHECK_STR(detected("hello world\n"), "none");
    CHECK_STR(detected("\n\n# nothing\n"), "none");
    CHECK_STR(detected(""), "none");
}

static void binary_detection(void) {
    uint8_t bytes[192];
    for (unsigned i = 0; i < 4; i++)
        oracle_record(bytes + 24 * i, 100 + i, i * 7, 512, i == 0 ? 3 : UINT64_MAX);
    CHECK(kb_trace_format_detect(bytes, 96) == kb_trace_format_find("oracle"));
    CHECK(kb_trace_format_detect(bytes, 95) == NULL);
    put(bytes + 16, 0, 8); /* next lies behind */
    CHECK(kb_trace_format_detect(bytes, 96) == NULL);
    oracle_record(bytes, 200, 0, 512, UINT64_MAX); /* time runs back */
    CHECK(kb_trace_format_detect(bytes, 96) == NULL);
    for (unsigned i = 0; i < 3; i++)
        champsim_record(bytes + 64 * i, 0x400000 + 4 * i, i, 0x1000);
    CHECK(kb_trace_format_detect(bytes, 192) == kb_trace_format_find("champsim"));
    bytes[64 + 8] = 2;
    CHECK(kb_trace_format_detect(bytes, 192) == NULL);
    memset(bytes, 0, sizeof bytes);
    CHECK(kb_trace_format_detect(bytes, 192) == NULL);
    memset(bytes, 0xff, sizeof bytes);
    CHECK(kb_trace_format_detect(bytes, 192) == NULL);
}

static void the_list(void) {
    unsigned count = 0;
    for (; kb_trace_formats[count] != NULL; count++) {
        CHECK(kb_trace_format_find(kb_trace_formats[count]->name) == kb_trace_formats[count]);
        CHECK(kb_text(KB_ENGLISH, kb_trace_formats[count]->title)[0] != '\0');
        CHECK(kb_text(KB_SPANISH, kb_trace_formats[count]->title)[0] != '\0');
    }
    CHECK_EQ(count, 8);
    CHECK(kb_trace_format_find("kbt") == NULL);
    CHECK(kb_trace_format_find("") == NULL);
}

/* ---- public traces ---- */

/* What the program says of a file, gz or not; the caller frees. */
static uint8_t *file_bytes(const char *folder, const char *name, size_t *length) {
    char command[1024];
    const char *program = strstr(name, ".gz") != NULL ? "zcat" : "cat";
    snprintf(command, sizeof command, "%s '%s/%s'", program, folder, name);
    FILE *pipe = popen(command, "r");
    uint8_t *bytes = NULL;
    size_t room = 0, got = 1;
    *length = 0;
    while (pipe != NULL && got > 0) {
        if (*length == room && (bytes = realloc(bytes, room = room * 2 + 65536)) == NULL)
            abort();
        got = fread(bytes + *length, 1, room - *length, pipe);
        *length += got;
    }
    CHECK(pipe != NULL && pclose(pipe) == 0);
    return bytes;
}

/* An independent count, line by line with sscanf. */
static void count_lines(const char *format, const uint8_t *bytes, size_t length, size_t *accesses,
                        size_t *writes) {
    char line[256], letter, rest;
    unsigned long long address;
    unsigned size;
    *accesses = *writes = 0;
    for (size_t at = 0, n = 0; at < length; at++) {
        if (n < sizeof line - 1)
            line[n++] = (char)bytes[at];
        if (bytes[at] != '\n')
            continue;
        line[n] = '\0';
        n = 0;
        if (strcmp(format, "rw") == 0 && sscanf(line, "%llx %c", &address, &letter) == 2) {
            *accesses += 1;
            *writes += letter == 'W';
        } else if (strcmp(format, "ls") == 0 && sscanf(line, "%c %llx", &letter, &address) == 2) {
            *accesses += 1;
            *writes += letter == 's';
        } else if (strcmp(format, "lackey") == 0 &&
                   (memcmp(line, "I  ", 3) == 0 || line[0] == ' ') &&
                   sscanf(line, " %c %llx,%u%c", &letter, &address, &size, &rest) == 4) {
            *accesses += letter == 'M' ? 2 : 1;
            *writes += letter == 'M' || letter == 'S';
        }
    }
}

static void public_trace(const char *folder, const char *name, const char *format_name) {
    size_t length, accesses, writes = 0, found_writes = 0;
    const struct kb_trace_format *format = kb_trace_format_find(format_name);
    uint8_t *bytes = file_bytes(folder, name, &length);
    count_lines(format_name, bytes, length, &accesses, &writes);
    if (!format->text)
        accesses = length / 24;
    CHECK(kb_trace_format_detect(bytes, length < 65536 ? length : 65536) == format);
    struct result result = read_all(format, bytes, length, 1, 100003, KB_ACCESS_BATCH);
    CHECK_EQ(result.status, KB_OK);
    CHECK_EQ(result.count, accesses);
    for (size_t i = 0; i < result.count; i++)
        found_writes += result.accesses[i].kind == KB_WRITE;
    CHECK_EQ(found_writes, writes);
    printf("%s: %zu accesses, %zu writes\n", name, result.count, found_writes);
    free(result.accesses);
    free(bytes);
}

static void public_traces(void) {
    static const char *const names[][2] = {
        {"bzip.trace.gz", "rw"},           {"gcc.trace.gz", "rw"},
        {"sixpack.trace.gz", "rw"},        {"swim.trace.gz", "rw"},
        {"pitt1550_gcc.trace.gz", "ls"},   {"pitt1550_gzip.trace.gz", "ls"},
        {"pitt1550_mcf.trace.gz", "ls"},   {"pitt1550_swim.trace.gz", "ls"},
        {"pitt1550_twolf.trace.gz", "ls"}, {"cs1550_gcc.trace.gz", "lackey"},
        {"cs1550_ls.trace.gz", "lackey"},  {"cloudPhysicsIO.oracleGeneral.bin", "oracle"}};
    const char *folder = getenv("KILBURN_PUBLIC_TRACES");
    if (folder == NULL || folder[0] == '\0') {
        printf("public traces skipped: KILBURN_PUBLIC_TRACES names no folder\n");
        return;
    }
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        public_trace(folder, names[i][0], names[i][1]);
}

int main(void) {
    the_list();
    known_answers();
    pin_extras();
    binary_answers();
    malformed_lines();
    zero_bytes();
    spanish();
    long_lines();
    windows();
    random_numbers();
    detection();
    binary_detection();
    public_traces();
    return harness_end();
}
