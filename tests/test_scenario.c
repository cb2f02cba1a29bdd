/* test_scenario.c - the scenario language, from its words up to whole texts: what is cut, what is
 * refused and in which words, that no view changes what comes, and that opt knows the future. */
#include <stdlib.h>

#include "base/random.h"
#include "scenario.h"

/* ---- line.c ---- */

static struct kb_word word_room[KB_LINE_WORDS];
static struct kb_line line = {.word = word_room};

/* The words of a line, one bar between two. */
static const char *cut(const char *text) {
    static char all[4000];
    all[0] = '\0';
    if (kb_line_cut(&line, text, strlen(text), &error) != KB_OK)
        return "error";
    for (unsigned i = 0; i < line.count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%.*s", i > 0 ? "|" : "",
                 (int)line.word[i].length, line.word[i].at);
    return all;
}

static void test_words(void) {
    CHECK_STR(cut(""), "");
    CHECK_STR(cut("  \t\r"), "");
    CHECK_STR(cut("# all of it"), "");
    CHECK_STR(cut("P touch 1 2w#3"), "P|touch|1|2w");
    CHECK_STR(cut("\tP  touch\t1,2 , 3\r"), "P|touch|1|2|3");
    CHECK_STR(cut("split=10,10 x"), "split=10,10|x");
    CHECK_STR(cut("holes 1K,2K a=1,2"), "holes|1K|2K|a=1,2");
    CHECK_STR(cut("P store 0 \"a # b, c\" # d"), "P|store|0|a # b, c");
    CHECK_STR(cut("\"\""), "");
    CHECK_EQ(line.count, 1);
    CHECK(line.word[0].quoted);
    CHECK_STR(cut("P translate <0,430>"), "P|translate|<0,430>");
    CHECK_STR(cut("P translate <code, 430> write"), "P|translate|<code, 430>|write");
    CHECK_STR(cut("expect faults < 5"), "expect|faults|<|5");
    CHECK_STR(cut("expect faults <5"), "expect|faults|<|5");
    CHECK_STR(cut("expect faults <= 5"), "expect|faults|<=|5");
    CHECK_STR(cut("expect faults <=5"), "expect|faults|<=|5");
    CHECK_STR(cut("expect faults >= 5"), "expect|faults|>=|5");
    CHECK_STR(cut("expect faults !=5"), "expect|faults|!=|5");
    CHECK_STR(cut("expect faults < 5 # <see> this"), "expect|faults|<|5");
    CHECK_STR(cut("\"open"), "error");
    CHECK_EQ(kb_line_cut(&line, "a\0b", 3, &error), KB_DATA);
    char *longest = calloc(1, KB_LINE_BYTES + 2);
    if (longest == NULL)
        abort();
    memset(longest, 'x', KB_LINE_BYTES + 1);
    CHECK_EQ(kb_line_cut(&line, longest, KB_LINE_BYTES, &error), KB_OK);
    CHECK_EQ(line.count, 1);
    CHECK_EQ(kb_line_cut(&line, longest, KB_LINE_BYTES + 1, &error), KB_DATA);
    for (unsigned i = 0; i < KB_LINE_WORDS * 2; i += 2)
        memcpy(longest + i, "1 ", 2);
    CHECK_EQ(kb_line_cut(&line, longest, (size_t)KB_LINE_WORDS * 2, &error), KB_OK);
    CHECK_EQ(line.count, KB_LINE_WORDS);
    CHECK_EQ(kb_line_cut(&line, longest, (size_t)KB_LINE_WORDS * 2 + 1, &error), KB_DATA);
    free(longest);
}

static void test_options(void) {
    struct kb_word value;
    uint64_t number = 7;
    CHECK_STR(cut("machine page=4K frames frames=3 split=1,2 f=\"a b\""),
              "machine|page=4K|frames|frames=3|split=1,2|f=\"a|b\"");
    CHECK_STR(cut("machine page=4K frames frames=3 split=1,2"),
              "machine|page=4K|frames|frames=3|split=1,2");
    CHECK(kb_word_is(kb_line_take(&line), "machine"));
    CHECK_EQ(kb_line_option_number(&line, "page", &number, &error), KB_OK);
    CHECK_EQ(number, 4096);
    CHECK_EQ(kb_line_option_number(&line, "page", &number, &error), KB_OK); /* taken already */
    CHECK_EQ(number, 4096);
    CHECK(!kb_line_option(&line, "fram", &value));
    CHECK(kb_line_option(&line, "split", &value) && kb_word_is(&value, "1,2"));
    CHECK_EQ(kb_line_end(&line, "wanted", &error), KB_DATA);
    CHECK(strstr(error.text, "\"frames\"") != NULL && strstr(error.text, "wanted") != NULL);
    CHECK(kb_line_take_if(&line, "frames") && !kb_line_take_if(&line, "frames"));
    CHECK(kb_line_peek(&line) == NULL && kb_line_take(&line) == NULL);
    CHECK(kb_line_option(&line, "frames", &value) && kb_word_is(&value, "3"));
    CHECK_EQ(kb_line_end(&line, "wanted", &error), KB_OK);
    CHECK_STR(cut("a=1 a=2"), "a=1|a=2");
    CHECK(kb_line_option(&line, "a", &value) && kb_word_is(&value, "1"));
    CHECK_EQ(kb_line_end(&line, "wanted", &error), KB_DATA); /* not passed over */
}

static void test_numbers(void) {
    static const struct {
        const char *text;
        uint64_t value;
        bool fine;
    } numbers[] = {
        {"0", 0, true},
        {"12", 12, true},
        {"4K", 4096, true},
        {"1MiB", 1 << 20, true},
        {"0x1f", 31, true},
        {"0X1F", 31, true},
        {"18446744073709551615", UINT64_MAX, true},
        {"0xffffffffffffffff", UINT64_MAX, true},
        {"18446744073709551616", 0, false},
        {"0x1ffffffffffffffff", 0, false},
        {"0x", 0, false},
        {"-1", 0, false},
        {"1.5", 0, false},
        {"x", 0, false},
        {"4KB4", 0, false},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct kb_word word = {.at = numbers[i].text, .length = (uint32_t)strlen(numbers[i].text)};
        uint64_t value = 0;
        kb_status status = kb_word_number(&word, "n", &value, &error);
        CHECK_EQ(status, numbers[i].fine ? KB_OK : KB_DATA);
        if (numbers[i].fine)
            CHECK_EQ(value, numbers[i].value);
    }
}

/* ---- errors ---- */

static void test_errors(void) {
    wrong("", "test.kb:1: ", "no command");
    wrong("# nothing\n\n", "test.kb:1: ", "no command");
    wrong("\n\nfrobnicate\n", "test.kb:3: ", "\"frobnicate\"");
    wrong("process P\nP frobnicate\n", "test.kb:2: ", "frobnicate");
    wrong("process P\nQ touch 1\n", "test.kb:2: ", "the processes are: P");
    wrong("process P\nP touch 1 z\n", "test.kb:2: ", "\"z\" is not a number");
    wrong("machine colour=red\n", "test.kb:1: ", "colour=red");
    wrong("machine replace=nonsense\n", "test.kb:1: ", "second-chance");
    wrong("machine replace=lfu:x=1\n", "test.kb:1: ", "keep");
    wrong("machine frames=0\n", "test.kb:1: ", "0 frames");
    wrong("machine memory=0\n", "test.kb:1: ", "0 frames");
    wrong("machine frames=3 memory=12K\n", "test.kb:1: ", "not both");
    wrong("machine memory=5000\n", "test.kb:1: ", "4096");
    wrong("machine page=100\n", "test.kb:1: ", "power of two");
    wrong("machine entry=5\n", "test.kb:1: ", "5");
    wrong("machine asids=65536\n", "test.kb:1: ", "65535");
    wrong("machine tlb2=4\n", "test.kb:1: ", "tlb2 without tlb");
    wrong("machine format=sv39 levels=2\n", "test.kb:1: ", "sv39");
    wrong("machine frames=2M page=4K\n", "test.kb:1: ", "frames of 4096 bytes");
    wrong("process\n", "test.kb:1: ", "name of a process");
    wrong("process machine\n", "test.kb:1: ", "word of the language");
    wrong("process faults\n", "test.kb:1: ", "word of the language");
    wrong("process repeat\n", "test.kb:1: ", "word of the language");
    wrong("process P\nprocess P\n", "test.kb:2: ", "already");
    wrong("machine kernel=yes\nswitch kernel\n", "test.kb:2: ", "kernel");
    wrong("repeat 2\nprocess P\n", "test.kb:1: ", "no end");
    wrong("process P\nend\n", "test.kb:2: ", "without repeat");
    wrong("version 2\n", "test.kb:1: ", "version 2");
    wrong("version 1\nexpect nonsense 3\n", "test.kb:2: ", "\"nonsense\"");
    wrong("expect faults\n", "test.kb:1: ", "missing");
    wrong("expect faults 1 2\n", "test.kb:1: ", "\"2\"");
    wrong("process P\nexpect P page 0xffffffffffffffff valid=1\n", "test.kb:2: ", "range");
    wrong("process P\nexpect P page 1\n", "test.kb:2: ", "missing");
    wrong("process P\nP store 0 \"abc\n", "test.kb:2: ", "quotation");
    wrong("process P\nP store 0 300\n", "test.kb:2: ", "300");
    wrong("process P\nP run nothing\n", "test.kb:2: ", "zipf");
    wrong("process P\nP run file=x.kbt\n", "test.kb:2: ", "files");
    wrong("machine swap-file=x\n", "test.kb:1: ", "files");
    wrong("process P\nkill P\nP touch 1\n", "test.kb:3: ", "done");
    wrong("repeat 2\nmachine replace=opt\nend\n", "test.kb:2: ", "opt");
    /* Deep blocks. */
    char deep[400] = "";
    for (unsigned i = 0; i < KB_MOST_DEPTH + 1; i++)
        strcat(deep, "repeat 1\n");
    for (unsigned i = 0; i < KB_MOST_DEPTH + 1; i++)
        strcat(deep, "end\n");
    wrong(deep, "test.kb:17: ", "16 deep");
}

static void test_limits(void) {
    struct kb_scenario_options with = options(KB_VIEW_QUIET);
    with.most_commands = 100;
    CHECK_EQ(run_with(&with, "repeat 1000\nreset counters\nend\n"), KB_DATA);
    CHECK(strstr(error.text, "100 commands") != NULL);
    CHECK_EQ(run_with(&with, "repeat 1000000000000\nend\n"), KB_DATA);
    CHECK(strstr(error.text, "100 commands") != NULL);
    CHECK_EQ(run_with(&with, "repeat 49\nreset counters\nend\n"), KB_OK);
    with.most_references = 1000;
    CHECK_EQ(run_with(&with, "process P\nP run zipf references=1001\n"), KB_DATA);
    CHECK(strstr(error.text, "1000 references") != NULL);
    CHECK_EQ(run_with(&with, "process P\nP run zipf references=1000\n"), KB_OK);
    CHECK_EQ(run_with(&with, "process P\nrepeat 40\nP fill 0 64K\nend\n"), KB_OK);
    CHECK_EQ(run_with(&with, "process P\nP fill 0 1G\n"), KB_DATA);
    with.most_bytes = 1 << 20;
    CHECK_EQ(run_with(&with, "machine address=20 frames=256\n"), KB_OK);
    CHECK_EQ(run_with(&with, "machine address=20 frames=257\n"), KB_DATA);
    CHECK(strstr(error.text, "257 frames") != NULL);
    /* Blocks without a command in them come to an end, whatever their comments. */
    static char comments[200000];
    strcpy(comments, "repeat 90\nrepeat 0\n");
    for (unsigned i = 0; i < 3000; i++)
        strcat(comments, "# a comment\n");
    strcat(comments, "end\nend\nprocess P\n");
    CHECK_EQ(run_with(&with, comments), KB_DATA);
    CHECK(strstr(error.text, "100 commands") != NULL);
}

/* ---- expectations ---- */

static void test_expectations(void) {
    fine("machine page=4K frames=3 replace=fifo\nprocess P\nP touch 1 2 3 4 1 2 5 1 2 3 4 5\n"
         "expect faults 9\nexpect faults = 9\nexpect faults <= 9\nexpect faults >=9\n"
         "expect faults != 8\nexpect faults < 10 # <not> more\nexpect faults >8\n"
         "expect faults 10 ±1\nexpect faults 10 +-1\nexpect faults 10 ± 1\n"
         "expect hit-ratio 0 \nexpect victims 1 2 3 4 1 2\nexpect P faults 9\nexpect P ended none\n"
         "expect P state running\nexpect running P\nexpect P frames-of 1 2 0\n"
         "expect P page 4 valid=1 frame=2\nexpect P page 3 valid=1 frame=1 R=1 M=0 slot=none\n");
    fine("process P\nP store 0 \"hi\"\nP load 0 bytes=2\nexpect value 0x6968\n"
         "P inc 0 by=255 bytes=1\nexpect value 0x67\nexpect done\nexpect refused no\n");
    fine("process P\nP region a start=0 size=4K rights=r\nP touch 0w\nexpect P ended protection\n"
         "expect traps invalid 1\nexpect fault invalid\nexpect processes 0\n");
    fine(
        "process P\nP region a start=0 size=4K\nP touch 1\nexpect P ended \"invalid reference\"\n");
    kb_status status = run(KB_VIEW_QUIET, "process P\nP region a start=0 size=4K\nP handler skip\n"
                                          "P verify 4K 100 seed=1\n");
    CHECK_EQ(status, KB_OK);
    CHECK_EQ(tally.failed, 1); /* what could not be read is not right */
    status = run(KB_VIEW_QUIET, "process P\nP touch 1\nexpect faults 2\nexpect faults 1\n");
    CHECK_EQ(status, KB_OK);
    CHECK_EQ(tally.expectations, 2);
    CHECK_EQ(tally.failed, 1);
    CHECK_STR(output, "test.kb:3: expect faults: wanted 2, found 1\n");
}

/* Lines as people write them. */
static void test_spelling(void) {
    fine("\xEF\xBB\xBF# from an editor that marks its texts\r\nprocess P\r\nP touch 1,2, 3\r\n"
         "expect faults<4\r\nexpect faults>=3\r\nexpect faults=3\r\nexpect P faults!=2\r\n"
         "expect speed 0.3±0.1\r\nexpect speed=0.3+-0.1\r\nexpect tlb-hit=no\r\n"
         "expect fault=none\r\nexpect P ended=none\r\nexpect victims=none\r\n");
    fine("process P\nP map page=1 frame=10\nexpect P page 1 frame=0xa\n"
         "expect P page 1 valid=1 frame=10 slot=none\nexpect P page 0x1 frame=0xA\n");
    wrong("process P\nexpect P page 1 frame=x\n", "test.kb:2: ", "\"x\" is not a number");
    wrong("expect faults<\n", "test.kb:1: ", "missing");
    CHECK_EQ(run(KB_VIEW_NARRATE, "machine organisation=paged-segmentation split=4,8\nprocess P\n"
                                  "P segment data size=8K\nP store <data,0x10> 1\n"
                                  "show translation P <data,0x10>\n"),
             KB_OK);
    /* The page table is what lies in memory. */
    CHECK_EQ(run(KB_VIEW_NARRATE, "machine frames=8\nprocess P\nP map page=1 frame=2\n"
                                  "patch 0x8004 0x145f\nshow page-table P\nkill P\n"),
             KB_OK);
    CHECK(strstr(output, "1     5        1 0 rwx") != NULL);
}

/* Registers of base and limit have no pages, and say so. */
static void test_no_pages(void) {
    static const char *const lines[] = {"P map page=1 frame=2\n", "P region a start=0 size=4K\n",
                                        "P unmap page=1\n", "P protect page=1 rights=r\n"};
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "machine organisation=relocation load=all\nprocess P\n%s",
                 lines[i]);
        wrong(text, "test.kb:3: ", "no pages");
    }
    wrong("machine organisation=relocation kernel=yes\n", "test.kb:1: ", "no pages");
    CHECK_EQ(run(KB_VIEW_NARRATE, "machine organisation=relocation memory=64K\nprocess P\n"
                                  "P load 0x10000\n"),
             KB_OK);
    CHECK(strstr(output, "table") == NULL); /* it has none to speak of */
}

/* What contiguous storage cannot be given is named. */
static void test_contiguous(void) {
    static const char *const lists[] = {"", "8K,", ",8K", "8K,,8K"};
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "machine organisation=fixed-absolute partitions=%s\n",
                 lists[i]);
        wrong(text, "test.kb:1: partitions: ", "8K,16K,32K");
    }
    wrong("machine organisation=fixed-absolute partitions=8K\nprocess P\n"
          "P segment a size=1K partition=2\n",
          "test.kb:3: ", "has 1 partitions");
    wrong("machine organisation=fixed-absolute partitions=8K\nprocess P\n"
          "P segment a size=1K base=0\n",
          "test.kb:3: ", "base=ADDRESS");
    wrong("machine organisation=segmentation\nprocess P\nP segment a size=0\n",
          "test.kb:3: ", "a length of 0 bytes");
    wrong("machine organisation=segmentation\nprocess P\nP segment a rights=r\n",
          "test.kb:3: ", "something is missing");
    wrong("machine organisation=segmentation\nprocess P\n"
          "P segment abcdefghijklmnopqrstuvwxyz123456 size=1\n",
          "test.kb:3: ", "1 to 31 bytes");
    wrong("job A size=1K time=1 working=2K\n", "test.kb:1: job A: ", "working up to size");
}

/* Pages that are in use when their region is given, or whose entry is overwritten. */
static void test_pages_in_use(void) {
    static const char *const machines[] = {"", "format=inverted", "format=sv39 tlb=4",
                                           "format=x86-32 tlb=2 tlb2=4", "replace=lru"};
    for (unsigned i = 0; i < 2 * sizeof machines / sizeof machines[0]; i++) {
        char text[900];
        snprintf(text, sizeof text,
                 "machine frames=8 %s load=%s\nprocess P\nP store 0 1\nP store 0x1000 9\n"
                 "P store 0x5000 5\nP region a start=0 size=12K rights=r\nP load 0x1000\n"
                 "expect value 9\nP handler skip\nP store 0 2\nexpect fault protection\n"
                 "P load 0x5000\nexpect done no\nP region b start=0x5000 size=4K rights=rw\n"
                 "P load 0x5000\nexpect value 5\nexpect P resident %u\nkill P\nexpect free 8\n",
                 machines[i / 2], i % 2 == 0 ? "demand" : "all", i % 2 == 0 ? 3 : 4);
        fine(text);
    }
    fine("machine frames=8 replace=lru\nprocess P\nP store 0x1000 7\npatch 0x8004 0\n"
         "P load 0x1000\nexpect value 7\nexpect faults 1\nexpect zero-fills 1\n"
         "expect steps 1 5 6\nexpect P page 1 frame=0 M=1\nkill P\nexpect free 8\n");
    fine("machine format=x86-32 frames=8\nprocess P\nP store 0 1\npatch 0x8ffc 0x8007\nkill P\n"
         "expect tables 0\nprocess Q R\nQ store 0 1\nR store 0 2\nQ load 0\nexpect value 1\n");
    fine("machine organisation=paged-segmentation split=4,8 frames=4\nprocess P\n"
         "P segment a size=8K\nP store <a,0> 1\npatch 0x4000 0xffffff000000021f bytes=8\n"
         "P unmap start=0 size=8K\nexpect free 4\n");
    fine("machine frames=6 levels=2\nprocess P\nP store 0 1\npatch 0x6000 0x1f\nP load 0x7000\n"
         "expect fault bus\nexpect P ended hardware\n"); /* a superpage beyond the frames */
    fine("machine frames=8 load=all\nprocess P Q\nkill P\npatch 0x8000 0xfffffff0\nprocess R S\n"
         "S store 0 1\nexpect done\n");
}

/* A first write sets M once, though the page is known in two levels of TLB. */
static void test_modified_once(void) {
    fine("machine frames=4 tlb=1 tlb2=4x1\nprocess P\nP load 0x1000\nP store 0x1000 1\n"
         "P load 0x2000\nP store 0x1000 2\nexpect entry-writes 3\nexpect P page 1 M=1\n");
}

/* ---- the same, whoever looks, and however the lines come ---- */

static const char lesson[] =
    "version 1\n"
    "machine page=256 frames=5 replace=clock address=16 levels=2 tlb=2x2 asids=2 search=0.5\n"
    "process P Q # two of them\n"
    "P region code start=0 size=1K rights=rx image=3\n"
    "P region data start=1K size=1200 rights=rw\n"
    "repeat 3\n"
    "P touch 0x 4w 5w\n"
    "repeat 2\nQ touch 1 2w 3\nend\n"
    "expect fault none\n"
    "end\n"
    "show page-table P\nshow tlb\nshow memory\nshow counters\nshow translation P 0x400\n"
    "P execute 16\nP load 16\nexpect value 0\n"
    "P fill 1K 1200 seed=9\nP verify 1K 1200 seed=9\n"
    "Q run zipf pages=9 references=300\n"
    "expect faults > 9\nexpect victims none\n"
    "P store 0 1\nexpect P ended protection\nexpect hit-ratio 0.5 ±0.01\n";

static void test_views(void) {
    CHECK_EQ(run(KB_VIEW_QUIET, lesson), KB_OK);
    struct kb_scenario_tally quiet = tally;
    CHECK(quiet.failed > 0 && quiet.failed < quiet.expectations);
    CHECK_EQ(run(KB_VIEW_NARRATE, lesson), KB_OK);
    CHECK(memcmp(&quiet, &tally, sizeof tally) == 0);
    CHECK(strstr(output, "> P fill 1K 1200 seed=9\n") != NULL);
    CHECK_EQ(run(KB_VIEW_JSON, lesson), KB_OK);
    CHECK(memcmp(&quiet, &tally, sizeof tally) == 0);
    CHECK(strstr(output, "\"error\"") == NULL);
    char *first = strdup(output);
    CHECK_EQ(run(KB_VIEW_JSON, lesson), KB_OK);
    CHECK(first != NULL && strcmp(first, output) == 0);
    free(first);
}

/* What a long run did is not kept, and that does not depend on who looks. */
static void test_long_runs(void) {
    for (int view = KB_VIEW_QUIET; view <= KB_VIEW_JSON; view++) {
        struct kb_scenario_options with = options((enum kb_scenario_view)view);
        CHECK_EQ(run_with(&with, "process P\nP touch 1\nP run zipf pages=5 references=200001\n"
                                 "expect fault none\nexpect steps\nexpect faults 6 ±1\n"),
                 KB_OK);
        CHECK_EQ(tally.failed, 0);
        CHECK_EQ(run_with(&with, "process P\nP run zipf pages=20 references=200001\n"
                                 "expect victims none\n"),
                 KB_DATA);
        CHECK(strstr(error.text, "victims") != NULL);
        CHECK_EQ(run_with(&with, "process P\nP run zipf pages=20 references=200001\n"
                                 "reset victims\nexpect victims none\n"),
                 KB_OK);
        CHECK_EQ(tally.failed, 0);
    }
}

static void test_lines(void) {
    for (int view = KB_VIEW_QUIET; view <= KB_VIEW_JSON; view++) {
        CHECK_EQ(run((enum kb_scenario_view)view, lesson), KB_OK);
        struct kb_scenario_tally whole = tally;
        char *wanted = strdup(output);
        struct kb_scenario_options with = options((enum kb_scenario_view)view);
        struct kb_scenario *s;
        CHECK_EQ(kb_scenario_open(&s, &with, &error), KB_OK);
        for (const char *at = lesson; *at != '\0';) {
            size_t length = strcspn(at, "\n");
            CHECK_EQ(kb_scenario_line(s, at, length, &error), KB_OK);
            bool opens = strncmp(at, "repeat", 6) == 0;
            CHECK(!opens || kb_scenario_inside(s));
            at += length + 1;
        }
        CHECK(!kb_scenario_inside(s));
        CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_OK);
        kb_scenario_free(s);
        CHECK(memcmp(&whole, &tally, sizeof tally) == 0);
        CHECK(wanted != NULL && strcmp(wanted, output) == 0);
        free(wanted);
    }
}

static kb_status feed(struct kb_scenario *s, const char *text) {
    return kb_scenario_line(s, text, strlen(text), &error);
}

static void test_set_view(void) {
    struct kb_scenario_options with = options(KB_VIEW_NARRATE);
    struct kb_scenario *s;
    CHECK_EQ(kb_scenario_open(&s, &with, &error), KB_OK);
    kb_scenario_set_view(s, KB_VIEW_QUIET);
    CHECK_EQ(feed(s, "process P"), KB_OK);
    CHECK_EQ(feed(s, "P touch 1"), KB_OK);
    CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_OK); /* sends what is waiting */
    CHECK_EQ(output_used, 0);
    kb_scenario_set_view(s, KB_VIEW_NARRATE);
    kb_scenario_place(s, "other.kb", 70);
    CHECK_EQ(feed(s, "expect faults 2"), KB_OK);
    CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_OK);
    CHECK(strstr(output, "> expect faults 2\nother.kb:70: expect faults: wanted 2") == output);
    CHECK_EQ(feed(s, "Q touch 1"), KB_DATA);
    CHECK(strncmp(error.text, "other.kb:71: ", 13) == 0);
    /* A block that is not closed: an error now, and fine later. */
    CHECK_EQ(feed(s, "repeat 2"), KB_OK);
    CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_DATA);
    CHECK_EQ(feed(s, "P touch 2"), KB_OK);
    CHECK_EQ(feed(s, "end"), KB_OK);
    CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_OK);
    CHECK_EQ(s->os.counters.references, 3);
    kb_scenario_free(s);
}

/* JSON of a run that failed does not look whole. */
static void test_failed_json(void) {
    CHECK_EQ(run(KB_VIEW_JSON, "process P\nP touch 1\nP frobnicate\nexpect faults 1\n"), KB_DATA);
    CHECK(strstr(output, "\n\"error\":\"test.kb:3: ") != NULL);
    CHECK(output_used > 3 && strcmp(output + output_used - 3, "}}\n") == 0);
    CHECK_EQ(run(KB_VIEW_JSON, ""), KB_DATA);
    CHECK(strstr(output, "\"error\":\"test.kb:1: ") != NULL);
    struct kb_scenario_options with = options(KB_VIEW_JSON);
    struct kb_scenario *s;
    CHECK_EQ(kb_scenario_open(&s, &with, &error), KB_OK);
    CHECK_EQ(feed(s, "repeat 2"), KB_OK);
    CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_DATA);
    CHECK(strstr(output, "\"error\":\"test.kb:1: ") != NULL);
    kb_scenario_free(s);
}

static kb_status refuse(void *context, const void *bytes, size_t count, struct kb_error *e) {
    (void)context, (void)bytes, (void)count;
    e->status = KB_IO;
    snprintf(e->text, sizeof e->text, "the disk is full");
    return KB_IO;
}

static void test_no_room(void) {
    for (int view = KB_VIEW_NARRATE; view <= KB_VIEW_JSON; view++) {
        struct kb_scenario_options with = options((enum kb_scenario_view)view);
        with.output = (struct kb_sink){NULL, refuse};
        CHECK_EQ(run_with(&with, lesson), KB_IO);
    }
}

/* ---- opt ---- */

static uint64_t replay_faults(const uint32_t *page, const uint8_t *kind, uint32_t count,
                              uint32_t frames, uint64_t *write_backs) {
    struct kb_policy_spec spec;
    struct kb_future future;
    struct kb_replay replay;
    struct kb_result result;
    struct kb_run runs[256];
    CHECK_EQ(kb_policy_parse("opt", &spec, NULL, NULL, &error), KB_OK);
    kb_future_init(&future, NULL);
    uint32_t id[64] = {0}, pages = 0; /* in the order of the first touch */
    for (uint32_t i = 0; i < count; i++) {
        if (id[page[i]] == 0)
            id[page[i]] = ++pages;
        runs[i] = kb_run_make(id[page[i]] - 1, (enum kb_kind)kind[i], 1);
    }
    struct kb_block block = {.runs = runs, .count = count, .pages = pages};
    CHECK_EQ(kb_future_append(&future, &block, &error), KB_OK);
    CHECK_EQ(kb_future_finish(&future, &error), KB_OK);
    CHECK_EQ(kb_replay_init(&replay, &spec, frames, &future, NULL, &error), KB_OK);
    CHECK_EQ(kb_replay_grow(&replay, pages, &error), KB_OK);
    kb_replay_future(&replay, future.count);
    kb_replay_result(&replay, &result);
    kb_replay_free(&replay);
    kb_future_free(&future);
    *write_backs = result.write_backs;
    return result.faults;
}

static void test_opt(void) {
    struct kb_random random = {.state = 20260};
    for (unsigned round = 0; round < 200; round++) {
        uint32_t page[200], count = 1 + (uint32_t)kb_random_below(&random, 200);
        uint32_t pages = 1 + (uint32_t)kb_random_below(&random, 30);
        uint32_t frames = 1 + (uint32_t)kb_random_below(&random, 12);
        uint8_t kind[200];
        static char text[8000];
        uint64_t write_backs;
        int used = snprintf(text, sizeof text,
                            "machine replace=opt frames=%u address=20\nprocess P\n", frames);
        for (uint32_t i = 0; i < count; i++) {
            page[i] = (uint32_t)kb_random_below(&random, pages);
            kind[i] = kb_random_below(&random, 4) == 0 ? KB_WRITE : KB_READ;
            used +=
                snprintf(text + used, sizeof text - (size_t)used, "%s%u%s",
                         i % 37 == 0 ? "\nP touch " : " ", page[i], kind[i] == KB_WRITE ? "w" : "");
        }
        uint64_t faults = replay_faults(page, kind, count, frames, &write_backs);
        snprintf(text + used, sizeof text - (size_t)used,
                 "\nexpect faults %" PRIu64 "\nexpect references %u\nexpect write-backs <= %u\n",
                 faults, count, count);
        fine(text);
    }
    /* The rehearsal knows blocks and generators, and ends with its machine. */
    fine("machine replace=opt frames=3\nprocess P\nrepeat 3\nP touch 1 2 3 4\nend\n"
         "P run loop pages=5 passes=2\nexpect references 22\nexpect faults < 15\n"
         "machine replace=opt frames=2\nprocess Q\nQ touch 1 2 3 1 2\nexpect faults 4\n");
    wrong("machine replace=opt\nprocess P\nP touch 1\nP frobnicate\n", "test.kb:4: ", "frobnicate");
    struct kb_scenario_options with = options(KB_VIEW_QUIET);
    struct kb_scenario *s;
    CHECK_EQ(kb_scenario_open(&s, &with, &error), KB_OK);
    CHECK_EQ(feed(s, "machine replace=opt"), KB_DATA); /* line by line there is no future */
    CHECK(strstr(error.text, "opt") != NULL);
    CHECK_EQ(feed(s, "process P"), KB_OK); /* on the usual machine */
    CHECK_EQ(feed(s, "expect frames 16"), KB_OK);
    CHECK_EQ(kb_scenario_end(s, &tally, &error), KB_OK);
    CHECK_EQ(tally.failed, 0);
    kb_scenario_free(s);
}

static void test_usage(void) {
    unsigned count = 0;
    while (kb_scenario_usage(count) != NULL)
        count++;
    CHECK(count > 15);
}

int main(void) {
    test_words();
    test_options();
    test_numbers();
    test_errors();
    test_limits();
    test_expectations();
    test_spelling();
    test_no_pages();
    test_contiguous();
    test_pages_in_use();
    test_modified_once();
    test_views();
    test_long_runs();
    test_lines();
    test_set_view();
    test_failed_json();
    test_no_room();
    test_opt();
    test_usage();
    return harness_end();
}
