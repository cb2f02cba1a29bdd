/* test_strip.c - strips of braille, dot by dot. */
#include "harness.h"

#include "report/strip.h"

struct text {
    char at[8000];
    size_t length;
};

static kb_status keep(void *context, const void *bytes, size_t count, struct kb_error *error) {
    struct text *text = context;
    (void)error;
    CHECK(text->length + count < sizeof text->at);
    if (text->length + count < sizeof text->at)
        memcpy(text->at + text->length, bytes, count);
    text->length += count;
    return KB_OK;
}

static const char *draw(const uint64_t *values, size_t count, uint64_t top, unsigned width,
                        unsigned height) {
    static struct text text;
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_strip strip = {values, count, top, width, height, "1", "end"};
    memset(&text, 0, sizeof text);
    CHECK_EQ(kb_strip_write(&strip, (struct kb_sink){&text, keep}, &error), KB_OK);
    return text.at;
}

/* Two columns a character, filled from below; blanks at a line's end are left out. */
static void test_dots(void) {
    static const uint64_t rising[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    CHECK_STR(draw(rising, 8, 8, 4, 2), "        8 ┤  ⢀⣴\n"
                                        "        0 ┤⢀⣴⣿⣿\n"
                                        "           1 end\n");
    CHECK_STR(draw(rising + 1, 8, 8, 8, 1), "        8 ┤⣀⣀⣤⣤⣶⣶⣿⣿\n"
                                            "           1    end\n");
}

/* More values than columns: the greatest of each column is shown. Fewer: they are stretched. */
static void test_counts(void) {
    static const uint64_t peaks[] = {0, 0, 12, 0, 0, 0, 0, 0, 0, 5, 0, 0}, one[] = {7};
    CHECK_STR(draw(peaks, 12, 12, 2, 3), "       12 ┤⡇\n"
                                         "          │⡇⢀\n"
                                         "        0 ┤⡇⢸\n"
                                         "           1 end\n");
    CHECK_STR(draw(one, 1, 7, 5, 1), "        7 ┤⣿⣿⣿⣿⣿\n"
                                     "           1 end\n");
}

/* Small values have a dot, 0 has none, values above the top are cut; a top of 0 draws nothing. */
static void test_edges(void) {
    static const uint64_t values[] = {1, 1, 0, 0, 2000, 1000}, nothing[] = {0, 0};
    CHECK_STR(draw(values, 6, 1000, 3, 2), "     1000 ┤  ⣿\n"
                                           "        0 ┤⣀ ⣿\n"
                                           "           1 end\n");
    CHECK_STR(draw(nothing, 2, 0, 9, 1), "        0 ┤\n"
                                         "           1     end\n");
    CHECK(strlen(draw(values, 6, UINT64_MAX, 100000, 100000)) > 400); /* as large as can be */
}

int main(void) {
    test_dots();
    test_counts();
    test_edges();
    return harness_end();
}
