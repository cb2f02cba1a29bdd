/* test_scenario_placement.c - placement in scenarios, without a machine: what is expected and told,
 * in both languages and as JSON; what goes wrong, and that a wrong line changes nothing. */
#include "base/random.h"
#include "scenario.h"

/* ---- what is told ---- */

static void told(enum kb_language language, enum kb_scenario_view view, const char *text,
                 const char *const *parts) {
    struct kb_scenario_options with = options(view);
    with.language = language;
    CHECK_EQ(run_with(&with, text), KB_OK);
    const char *at = output;
    for (; *parts != NULL; parts++) {
        const char *found = strstr(at, *parts);
        CHECK(found != NULL);
        if (found == NULL) {
            printf("not found: %s\nin:\n%s\n", *parts, at);
            return;
        }
        at = found + strlen(*parts);
    }
}

#define TOLD(language, view, text, ...)                                                            \
    told(language, view, text, (const char *const[]){__VA_ARGS__, NULL})

static const char lesson[] = "holes 100K,500K,300K\n"
                             "place A 212K fit=best\n"
                             "place B 88K fit=next\n"
                             "place C 600K\n"
                             "place D 501K\n"
                             "free A D\n"
                             "compact\n"
                             "holes 100K,500K fixed\n"
                             "place A 60K fit=worst\n"
                             "holes 64K\n"
                             "place A 5000 fit=buddy\n"
                             "cache c object=1000\n"
                             "place x cache=c\n"
                             "free x A\n";

static void narration(void) {
    TOLD(KB_ENGLISH, KB_VIEW_NARRATE, lesson, "a memory of 900K: holes: 3, the largest 500K\n",
         "A wants 212K: it goes into the hole of 300K at 0x98000, the smallest that is large",
         "looked at: 3 of 3; 88K are left",
         "B wants 88K: it goes into the hole of 88K at 0xcd000, the next that",
         "looked at: 1 of 3; 0 are left", "C wants 600K and waits: the largest hole has 500K\n",
         "all together have 600K, which would be enough: external fragmentation, 16.67 %",
         "A gives 212K at 0x98000 back: they are in a hole of 212K at 0x98000 now",
         "D no longer waits", "  B moves 88K from 0xcd000 down to 0x98000\n",
         "compaction moved 88K: holes before: 3, now: 3, the largest 500K",
         "in fixed partitions: 2", "the hole of 500K at 0x1a000, the largest\n",
         "440K of this one stay unused",
         "A wants 5000, rounded up to a power of two: it takes the block of 8K at 0x0\n",
         "a block of 64K was halved, times: 3; 3192 are waste",
         "cache c: objects of 1000, 4 in a slab of 4K, the rest is waste: 96",
         "x is an object of cache c: 1000 at 0x2000, in the slab at 0x2000",
         "slabs of c: 1, objects taken: 1 of 4", "x gives its 1000 at 0x2000 back to the slab",
         "A gives its block of 8K at 0x0 back: with its buddies it is one of 8K at 0x0");
    TOLD(KB_SPANISH, KB_VIEW_NARRATE, lesson, "huecos: 3, el mayor de 500K",
         "el menor de los que son bastante grandes", "fragmentación externa, 16.67 %",
         "D ya no espera", "la compactación movió 88K", "particiones fijas",
         "redondeado a una potencia de dos", "objetos ocupados: 1 de 4", "compañeros");
    TOLD(KB_ENGLISH, KB_VIEW_JSON, lesson,
         "{\"event\":\"holes\",\"holes\":3,\"bytes\":921600,\"largest\":512000,\"fixed\":false}",
         "{\"event\":\"holes-place\",\"request\":\"A\",\"bytes\":217088,\"fit\":\"best\",\"hole\":"
         "\"0x98000\",\"hole_bytes\":307200,\"address\":\"0x98000\",\"taken_bytes\":217088,"
         "\"looked\":3}",
         "\"request\":\"C\",\"bytes\":614400,\"fit\":\"first\",\"largest\":512000,\"free\":614400}",
         "{\"event\":\"holes-free\",\"request\":\"D\",\"address\":null,\"hole\":null,\"bytes\":0,"
         "\"hole_bytes\":0}",
         "\"event\":\"holes-move\",\"request\":\"B\",\"bytes\":90112,\"from\":\"0xcd000\",\"to\":"
         "\"0x98000\"}",
         "\"event\":\"holes-compact\",\"bytes\":90112,\"holes_before\":3,\"holes\":3",
         "\"fit\":\"buddy\"", "\"event\":\"holes-cache\",\"cache\":\"c\"", "\"fit\":\"slab\"",
         "\"looked\":null");
}

/* ---- how far a walk along the list goes ---- */

static void looked_at(void) {
    TOLD(KB_ENGLISH, KB_VIEW_NARRATE,
         "holes 10K,20K,30K,40K\nplace A 15K\nplace B 5K\nplace C 30K fit=next\n"
         "place D 40K fit=next\nplace E 1K fit=next\nplace F 6K fit=next\nplace G 1K fit=worst\n"
         "place H 99K fit=next\n",
         "looked at: 2 of 4", "looked at: 1 of 4", "hole of 30K", "looked at: 3 of 4",
         "hole of 40K", "looked at: 1 of 3", "hole of 5K", "looked at: 1 of 2", "F wants 6K and",
         "hole of 5K at 0x7400, the largest", "looked at: 2 of 2", "H wants 99K");
}

/* ---- what is expected ---- */

static void expectations(void) {
    fine("holes 4K\nplace A 1K\nexpect free=3K\nexpect largest >= 3K\nexpect free > 100\n"
         "expect holes 0x400:3K\nexpect blocks A:1K,3K\nexpect wait A no\nexpect moved 0\n"
         "place B 4K\nexpect wait B\nexpect wait B yes\nfree B\nexpect wait B no\n"
         "place B 3K\nexpect holes none\nexpect external-fragmentation 0\nexpect internal 0\n");
    /* the machine beside it goes on; a new one ends the holes */
    fine("machine frames=2\nprocess P\nholes 8K\nexpect free 8K\nP touch 1\nexpect faults 1\n"
         "machine frames=3\nexpect free 3\n");
    /* partitions of a list lie apart and never join; a hole that ends is where it was */
    fine("holes 8K,8K,8K\nplace A 8K\nplace B 8K\nplace C 8K\nfree A C B\nexpect holes 8K,8K,8K\n");
    fine("holes 24K\nplace A 8K\nplace B 8K\nplace C 8K\nfree A C\nexpect holes 8K,8K\nfree B\n"
         "expect holes 24K\n");
    fine("holes 100K,200K fixed\nplace A 90K\nplace B 90K\nplace C 90K\nexpect wait C\n"
         "expect internal 120K\nexpect internal B 110K\nexpect left B 110K\nfree B\n"
         "expect holes 200K\nplace C\nexpect hole C 200K\nexpect free 0\n");
    /* a request that waits keeps its size and fit; another may be said */
    fine("holes 10K,20K\nplace A 30K fit=best\nexpect wait A\nplace A\nexpect wait A\n"
         "place A 10K\nexpect hole A 10K\nfree A\nplace A 5K fit=worst\nexpect hole A 20K\n");
    /* 125 units: the smallest block that fits is the last one */
    fine("holes 1000K block=8K\nplace A 1 fit=buddy\n"
         "expect blocks 512K,256K,128K,64K,32K,A:8K\nexpect internal 8191\n"
         "place B 1\nexpect blocks 512K,256K,128K,64K,B:8K,8K,16K,A:8K\n"
         "place C 513K\nexpect wait C\nfree A B\nplace C 300K\nexpect place C 0\n"
         "expect left C 0\nexpect internal C 212K\nfree C\n"
         "expect blocks 512K,256K,128K,64K,32K,8K\n");
    fine("holes 0x1000:1000\nplace A 7 fit=buddy\nexpect place A 0x13e0\n");
    /* objects go on when slabs are reaped for others, and for other caches */
    fine(
        "holes 8K\ncache a object=4K\ncache b object=8K slab=8K\nplace x cache=a\nplace y cache=a\n"
        "place z cache=b\nexpect wait z\nplace w 1K\nexpect wait w\nfree x y\nexpect slabs a 2\n"
        "expect free 0\nplace z\nexpect hole z 8K\nexpect slabs a 0\nexpect slabs b 1\n");
    fine("holes 8K\ncache a object=3K\nplace x cache=a\nexpect internal 1K\nexpect internal a 1K\n"
         "expect internal x 0\nexpect blocks a:4K,4K\nexpect left x 1K\n");
}

static void failing(void) {
    static const char *const lines[] = {
        "expect hole A 3K",       "expect hole W 4K",       "expect left A 2K",
        "expect place A 1",       "expect wait A",          "expect wait W no",
        "expect holes 3K",        "expect holes 3K,9K,1K",  "expect holes none",
        "expect holes 0x0:3K,9K", "expect blocks 1K,3K,9K", "expect blocks A:1K,A:3K,9K",
        "expect free 11K",        "expect largest 8K",      "expect external-fragmentation 24.9",
        "expect moved 1",         "expect internal 1",      "expect internal A 1"};
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "holes 4K,9K\nplace A 1K\nplace W 1M\n%s\n", lines[i]);
        CHECK_EQ(run(KB_VIEW_QUIET, text), KB_OK);
        CHECK_EQ(tally.failed, 1);
        CHECK(strstr(output, "test.kb:4: expect ") != NULL);
    }
}

/* ---- what goes wrong ---- */

static void bad_lines(void) {
    static const struct {
        const char *line, *said;
    } bad[] = {
        {"holes", "holes 100K"},
        {"holes fixed", "holes 100K"},
        {"holes 0", "no hole"},
        {"holes 1K,x", "not a number"},
        {"holes 0x1000:1K,0x1400:1K", "do not touch"},
        {"holes 0x1000:1K,0x0:1K", "ascending"},
        {"holes 0xffffffffffffffff:1K", "no hole"},
        {"holes :1K", "not a number"},
        {"holes 1K:", "not a number"},
        {"holes 1K stray=1", "stray"},
        {"holes 1K block=3", "power of two"},
        {"holes 1K block=0x1000", "multiple"},
        {"holes 1K fixed block=16", "of their own"},
        {"holes 1K,1K block=16", "of their own"},
        {"place", "place NAME SIZE"},
        {"place B", "missing"},
        {"place B 0", "1 byte or more"},
        {"place B 1x", "not a number"},
        {"place B 1K fit=fist", "first, next, best, worst, buddy"},
        {"place B 1K fit=buddy", "of their own"},
        {"place B 1K 2K", "2K"},
        {"place B 1K cache=c", "no cache"},
        {"place B cache=c 1K", "no cache"},
        {"place A 1K", "placed already"},
        {"place free 1K", "word of the language"},
        {"place hole 1K", "word of the language"},
        {"place abcdefghijklmnopqrstuvwxyzabcdefgh 1K", "1 to 31"},
        {"free", "free NAME"},
        {"free B", "no request"},
        {"free A A", "no request"},
        {"compact now", "now"},
        {"cache c object=10", "of their own"},
        {"cache", "cache NAME"},
        {"expect hole", "expect hole"},
        {"expect hole Q 1K", "no request"},
        {"expect hole A", "QUANTITY"},
        {"expect hole A 1K 2K", "2K"},
        {"expect hole A x", "not a number"},
        {"expect hole W x", "not a number"},
        {"expect wait Q", "no request"},
        {"expect holes", "missing"},
        {"expect holes x", "not a number"},
        {"expect blocks Q:1K", "not a number"},
        {"expect blocks A:", "not a number"},
        {"expect free", "missing"},
        {"expect slabs", "no cache"},
        {"expect slabs A 1", "no cache"},
        {"show holes now", "now"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[300];
        snprintf(text, sizeof text, "holes 4K\nplace A 1K\nplace W 9K\n%s\nexpect faults 99\n",
                 bad[i].line);
        wrong(text, "test.kb:4: ", bad[i].said);
    }
    wrong("place A 1K\n", "test.kb:1: ", "begin one with holes");
    wrong("free A\n", "test.kb:1: ", "begin one with holes");
    wrong("compact\n", "test.kb:1: ", "segments that lie contiguous"); /* the machine's, then */
    wrong("cache c object=1\n", "test.kb:1: ", "begin one with holes");
    wrong("show holes\n", "test.kb:1: ", "segments that lie contiguous");
    wrong("expect hole A 1K\n", "test.kb:1: ", "expect does not know");
    wrong("holes 4K\nmachine\nplace A 1\n", "test.kb:3: ", "begin one with holes");
    wrong("process hole\n", "test.kb:1: ", "word of the language");
    wrong("holes 4K fixed\ncompact\n", "test.kb:2: ", "can be moved");
    wrong("holes 4K\nplace A 1 fit=buddy\nplace B 1 fit=best\n", "test.kb:3: ", "of their own");
    wrong("holes 4K\nplace A 1 fit=buddy\ncompact\n", "test.kb:3: ", "can be moved");
    wrong("holes 4K\ncache c object=0\n", "test.kb:2: ", "1 to 2^20 objects");
    wrong("holes 4K\ncache c object=1 slab=3000\n", "test.kb:2: ", "a slab is a power of two");
    wrong("holes 4K\ncache c object=1\ncache c object=1\n", "test.kb:3: ", "already");
    wrong("holes 4K\ncache c object=1\nplace c 1\n", "test.kb:3: ", "already");
    wrong("holes 0x100000000000\nplace A 1 fit=buddy\n", "test.kb:2: ", "2^31 blocks");
}

/* ---- any words in any order end well, and leave a sound memory behind ---- */

static void any_words(void) {
    static const char *const words[] = {
        "holes",     "place",    "free",       "compact",  "cache",  "expect", "show",
        "A",         "B",        "c",          "4K",       "1M,64K", "fixed",  "100",
        "fit=buddy", "fit=best", "cache=c",    "hole",     "blocks", "holes",  "object=9",
        "wait",      "slab=1K",  "block=16",   "0x0:4K",   "A:4K",   "none",   "fit=x",
        "moved",     "left",     "0x1000:64K", "internal", "slabs",  "largest"};
    struct kb_random dice = {7};
    unsigned sound = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char text[600] = "holes 64K\n";
        for (unsigned line = 0; line < 1 + i % 3; line++) {
            size_t used = strlen(text);
            unsigned count = 1 + (unsigned)kb_random_below(&dice, 4);
            snprintf(text + used, sizeof text - used, "%s", words[kb_random_below(&dice, 7)]);
            for (unsigned k = 0; k < count; k++) {
                used = strlen(text);
                snprintf(text + used, sizeof text - used, " %s",
                         words[7 + kb_random_below(&dice, sizeof words / sizeof words[0] - 7)]);
            }
            strcat(text, "\n");
        }
        kb_status status = run(i % 2 == 0 ? KB_VIEW_JSON : KB_VIEW_NARRATE, text);
        sound += status == KB_OK;
        CHECK(status == KB_OK || (status == KB_DATA && strncmp(error.text, "test.kb:", 8) == 0));
    }
    CHECK(sound > 0 && sound < 20000);
}

int main(void) {
    narration();
    looked_at();
    expectations();
    failing();
    bad_lines();
    any_words();
    return harness_end();
}
