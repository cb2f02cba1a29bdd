/* test_story.c - mappings and the story of a trace against a model that keeps everything page by
 * page, and counts at the end. */
#include "harness.h"

#include <stdlib.h>

#include "base/random.h"
#include "host/host.h"
#include "replay/story.h"

enum { PROCESSES = 3, SPACE = 60, NAMES = 7, OBJECTS = NAMES * KB_MAPPED_PARTS };

static const char *const names[NAMES] = {
    "",       "[heap]",           "[stack]", "/usr/lib/libexample-with-a-long-name.so.6",
    "/bin/p", "/etc/a.so.cache0", "[vdso]"};

/* ---- the model ---- */

struct model {
    int at[PROCESSES][SPACE]; /* object: name × parts + part; −1: none */
    uint64_t now[OBJECTS], most[OBJECTS];
    uint64_t by_kind[OBJECTS + 1][3]; /* the last: in none */
    bool touched[OBJECTS + 1][PROCESSES][SPACE];
    uint64_t page_references[PROCESSES][SPACE], kinds[PROCESSES][SPACE];
    bool thread_seen[PROCESSES][4];
    uint64_t kernel[3], references;
    uint32_t process, thread;
    bool in_kernel;
};

/* Pages of a range are to leave their objects, and nothing takes their place: how many an object
 * has now counts. part: to which they go; −1: none. */
static void note_most(struct model *m, uint64_t first, uint64_t pages, int part) {
    for (uint64_t i = first; i < first + pages; i++) {
        int object = m->at[m->process][i];
        if (object >= 0 && object % KB_MAPPED_PARTS != part && m->now[object] > m->most[object])
            m->most[object] = m->now[object];
    }
}

static void put(struct model *m, uint64_t first, uint64_t pages, int object) {
    for (uint64_t i = first; i < first + pages; i++) {
        int *at = &m->at[m->process][i];
        if (*at >= 0)
            m->now[*at]--;
        if (object >= 0)
            m->now[object]++;
        *at = object;
    }
}

static void set_part(struct model *m, uint64_t first, uint64_t pages, int part) {
    note_most(m, first, pages, part);
    for (uint64_t i = first; i < first + pages; i++)
        if (m->at[m->process][i] >= 0)
            put(m, i, 1, m->at[m->process][i] / KB_MAPPED_PARTS * KB_MAPPED_PARTS + part);
}

/* ---- a trace, told to both ---- */

struct trace {
    struct kb_random random;
    struct model model;
    struct kb_run runs[64 + KB_RUN_PADDING];
    struct kb_event events[400];
    uint64_t numbers[PROCESSES * SPACE];
    uint32_t owners[PROCESSES * SPACE];
    uint32_t count, event_count, pages;
    uint64_t references;
};

static uint64_t below(struct trace *t, uint64_t limit) {
    return kb_random_below(&t->random, limit);
}

static void say(struct trace *t, uint32_t type, uint64_t first, uint64_t pages) {
    t->events[t->event_count++] = (struct kb_event){t->count, type, first, pages};
}

static void say_name(struct trace *t, const char *name) {
    for (size_t length = strlen(name), at = 0; at < length; at += 16) {
        uint64_t words[2] = {0, 0};
        memcpy(words, name + at, length - at < 16 ? length - at : 16);
        say(t, KB_EVENT_NAME, words[0], words[1]);
    }
}

static int part_of(unsigned rights) {
    return rights == 0 ? KB_MAPPED_RESERVED : rights & 4 ? KB_MAPPED_CODE : KB_MAPPED_DATA;
}

/* MAP, perhaps names, perhaps rights; as loaders do over what they have just unmapped, or not. */
static void say_map(struct trace *t, uint64_t first, uint64_t pages) {
    int name = (int)below(t, NAMES);
    unsigned rights = (unsigned)below(t, 9); /* 8: not told */
    bool over = below(t, 2) == 0;
    if (over)
        say(t, KB_EVENT_UNMAP, first, pages);
    say(t, KB_EVENT_MAP, first, pages);
    say_name(t, names[name]);
    if (rights < 8)
        say(t, KB_EVENT_PROTECT + rights, first, pages);
    int part = rights < 8 ? part_of(rights) : KB_MAPPED_DATA;
    int before = first > 0 ? t->model.at[t->model.process][first - 1] : -1;
    bool behind_data = before >= 0 && before % KB_MAPPED_PARTS == KB_MAPPED_DATA &&
                       names[before / KB_MAPPED_PARTS][0] != '[' &&
                       names[before / KB_MAPPED_PARTS][0] != '\0';
    if (over && names[name][0] == '\0' && part == KB_MAPPED_DATA && behind_data)
        name = before / KB_MAPPED_PARTS; /* a file's zeros */
    put(&t->model, first, pages, -1);
    put(&t->model, first, pages, name * KB_MAPPED_PARTS + part);
    if (rights == 8) /* else a protect that follows by chance would be this mapping's */
        say(t, KB_EVENT_RELEASE, first, pages);
}

static void random_event(struct trace *t) {
    struct model *m = &t->model;
    uint64_t first = below(t, SPACE), pages = below(t, 12);
    pages = first + pages > SPACE ? SPACE - first : pages;
    switch (below(t, 9)) {
    case 0:
        m->process = (uint32_t)below(t, PROCESSES);
        m->thread = 0;
        m->in_kernel = false;
        say(t, KB_EVENT_PROCESS, m->process, 0);
        break;
    case 1:
        m->thread = (uint32_t)below(t, 4);
        m->in_kernel = false;
        say(t, KB_EVENT_THREAD, m->thread, 0);
        break;
    case 2:
        m->in_kernel = below(t, 2) == 0;
        say(t, KB_EVENT_KERNEL, m->in_kernel, 0);
        break;
    case 3:
        say(t, KB_EVENT_UNMAP, first, pages);
        say(t, KB_EVENT_DISCARD, first, pages); /* so that no mapping takes its place */
        note_most(m, first, pages, -1);
        put(m, first, pages, -1);
        break;
    case 4:
    case 5: {
        unsigned rights = (unsigned)below(t, 8);
        say(t, KB_EVENT_PROTECT + rights, first, pages);
        set_part(m, first, pages, part_of(rights));
        break;
    }
    default:
        say_map(t, first, pages);
    }
}

static uint32_t id_of(struct trace *t, uint32_t process, uint64_t number) {
    uint32_t id = 0;
    while (id < t->pages && (t->numbers[id] != number || t->owners[id] != process))
        id++;
    if (id == t->pages) {
        t->numbers[id] = number;
        t->owners[id] = process;
        t->pages++;
    }
    return id;
}

static void refer(struct trace *t) {
    struct model *m = &t->model;
    uint64_t number = below(t, SPACE);
    uint32_t count = 1 + (uint32_t)below(t, 5), kind = (uint32_t)below(t, 3);
    int object = m->at[m->process][number] >= 0 ? m->at[m->process][number] : OBJECTS;
    t->runs[t->count++] = kb_run_make(id_of(t, m->process, number), (enum kb_kind)kind, count);
    t->references += count;
    m->by_kind[object][kind] += count;
    m->touched[object][m->process][number] = true;
    m->page_references[m->process][number] += count;
    m->kinds[m->process][number] |= 1u << kind;
    m->kernel[kind] += m->in_kernel ? count : 0;
    m->thread_seen[m->process][m->thread] = true;
    m->references += count;
}

/* Up to 40 runs; in half of the traces nothing is mapped at first. */
static void next_block(struct trace *t, bool events, struct kb_block *block) {
    t->count = t->event_count = 0;
    t->references = 0;
    memset(t->runs, 0, sizeof t->runs);
    for (uint64_t items = below(t, 41); items > 0; items--) {
        if (events && t->event_count < 300 && below(t, 4) == 0)
            random_event(t);
        else
            refer(t);
    }
    *block =
        (struct kb_block){t->runs, t->count, t->event_count, t->events, t->references, t->pages};
}

/* ---- comparing ---- */

static int object_of(const struct kb_mappings *m, uint32_t object) {
    if (object == KB_NO_OBJECT)
        return -1;
    const struct kb_mapped_object *found = &m->objects[object];
    for (int name = 0; name < NAMES; name++)
        if (strcmp(names[name], m->names[found->name].text) == 0)
            return name * KB_MAPPED_PARTS + (int)found->part;
    return OBJECTS;
}

static void compare_space(const struct trace *t, struct kb_story *story) {
    const struct kb_mappings *m = &story->mappings;
    for (uint32_t process = 0; process < PROCESSES; process++)
        for (uint64_t i = 0; i < SPACE; i++) {
            int found = object_of(m, kb_mappings_find(m, process, i));
            CHECK_EQ(found + 1, t->model.at[process][i] + 1);
        }
    CHECK_EQ(kb_mappings_find(m, PROCESSES, 0), KB_NO_OBJECT);
    CHECK_EQ(kb_mappings_find(m, 0, UINT64_MAX), KB_NO_OBJECT);
}

static void compare_use(const struct model *m, int object, const struct kb_story_use *use) {
    uint64_t pages = 0;
    for (unsigned p = 0; p < PROCESSES; p++)
        for (unsigned i = 0; i < SPACE; i++)
            pages += m->touched[object][p][i];
    CHECK_EQ(use->pages, pages);
    for (unsigned kind = 0; kind < 3; kind++)
        CHECK_EQ(use->by_kind[kind], m->by_kind[object][kind]);
}

static void compare_objects(const struct trace *t, struct kb_story *story) {
    const struct kb_mappings *mappings = &story->mappings;
    uint64_t seen = 0, sum = kb_story_references(&story->outside);
    for (uint32_t i = 0; i < mappings->object_count; i++) {
        struct kb_story_use use = kb_story_use(story, i);
        int object = object_of(mappings, i);
        compare_use(&t->model, object, &use);
        CHECK_EQ(mappings->objects[i].pages, t->model.now[object]);
        CHECK_EQ(kb_mapped_most(&mappings->objects[i]), t->model.most[object]);
        sum += kb_story_references(&use);
        seen |= UINT64_C(1) << object;
    }
    for (int i = 0; i < OBJECTS; i++)
        CHECK((seen >> i & 1) == 1 || t->model.most[i] == 0);
    if (mappings->maps > 0 && story->mapped) {
        compare_use(&t->model, OBJECTS, &story->outside);
        CHECK_EQ(sum, t->model.references);
    }
}

static int falling(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a > *b ? -1 : *a < *b;
}

static void compare_reuse(const struct trace *t, const struct kb_story *story,
                          const struct kb_story_reuse *reuse) {
    const struct model *m = &t->model;
    uint64_t counts[PROCESSES * SPACE] = {0}, n = 0, once = 0, kinds[3] = {0}, sum = 0, i;
    for (unsigned p = 0; p < PROCESSES; p++)
        for (unsigned page = 0; page < SPACE; page++) {
            if (m->page_references[p][page] == 0)
                continue;
            counts[n++] = m->page_references[p][page];
            once += m->page_references[p][page] == 1;
            kinds[0] += m->kinds[p][page] == 1;
            kinds[1] += m->kinds[p][page] >> KB_WRITE & 1;
            kinds[2] += m->kinds[p][page] >> KB_EXECUTE & 1;
        }
    CHECK_EQ(story->page_count, n);
    CHECK_EQ(reuse->once, once);
    CHECK(reuse->only_read == kinds[0] && reuse->written == kinds[1] &&
          reuse->executed == kinds[2]);
    if (n == 0)
        return;
    qsort(counts, n, sizeof *counts, falling);
    CHECK_EQ(reuse->most, counts[0]);
    CHECK_EQ(story->pages[reuse->most_page].references, counts[0]);
    CHECK_EQ(reuse->median, counts[n - 1 - (n - 1) / 2]);
    for (i = 0; i < n && 2 * sum < m->references; i++)
        sum += counts[i];
    CHECK_EQ(reuse->half, i);
    for (; i < n && sum * 10 < m->references * 9; i++)
        sum += counts[i];
    CHECK_EQ(reuse->nine_tenths, i);
}

static void compare_who(const struct trace *t, const struct kb_story *story) {
    uint32_t threads = 0, processes = 0;
    for (unsigned p = 0; p < PROCESSES; p++) {
        bool any = false;
        for (unsigned thread = 0; thread < 4; thread++) {
            threads += t->model.thread_seen[p][thread];
            any |= t->model.thread_seen[p][thread];
        }
        processes += any;
    }
    CHECK_EQ(story->threads.count, threads);
    CHECK_EQ(story->processes.count, processes);
    CHECK_EQ(story->references, t->model.references);
    for (unsigned kind = 0; kind < 3; kind++) {
        uint64_t sum = 0;
        for (int i = 0; i <= OBJECTS; i++)
            sum += t->model.by_kind[i][kind];
        CHECK_EQ(story->by_kind[kind], sum);
        CHECK_EQ(story->kernel_by_kind[kind], t->model.kernel[kind]);
    }
}

static void one_trace(uint64_t seed, unsigned blocks) {
    static struct trace t;
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_story story;
    struct kb_story_reuse reuse;
    struct kb_block block;
    memset(&t, 0, sizeof t);
    t.random.state = seed;
    memset(t.model.at, 0xff, sizeof t.model.at);
    CHECK_EQ(kb_story_init(&story, NULL, &error), KB_OK);
    for (unsigned i = 0; i < blocks; i++) {
        next_block(&t, seed % 2 == 0 || i > 2, &block);
        CHECK_EQ(kb_story_add(&story, &block, t.numbers, t.owners, &error), KB_OK);
        if (i % 4 == 0) {
            CHECK_EQ(kb_mappings_settle(&story.mappings, &error), KB_OK);
            compare_space(&t, &story);
        }
    }
    for (int i = 0; i < OBJECTS; i++)
        t.model.most[i] = t.model.now[i] > t.model.most[i] ? t.model.now[i] : t.model.most[i];
    CHECK_EQ(kb_story_end(&story, &reuse, &error), KB_OK);
    compare_space(&t, &story);
    compare_objects(&t, &story);
    compare_reuse(&t, &story, &reuse);
    compare_who(&t, &story);
    kb_story_free(&story);
}

/* ---- names ---- */

static void tell(struct kb_mappings *m, const char *name, unsigned rights) {
    struct kb_error error = {.language = KB_ENGLISH};
    static struct trace t;
    memset(&t, 0, sizeof t);
    say(&t, KB_EVENT_MAP, 8, 2);
    say_name(&t, name);
    say(&t, KB_EVENT_PROTECT + rights, 8, 2);
    for (uint32_t i = 0; i < t.event_count; i++)
        CHECK_EQ(kb_mappings_event(m, &t.events[i], &error), KB_OK);
}

static void test_kinds(void) {
    static const struct {
        const char *name;
        unsigned rights;
        enum kb_mapped_kind kind;
    } cases[] = {
        {"/usr/bin/first", 1, KB_MAPPED_PROGRAM},
        {"", 3, KB_MAPPED_ANONYMOUS},
        {"[heap]", 3, KB_MAPPED_HEAP},
        {"[stack]", 3, KB_MAPPED_STACK},
        {"[stack:17]", 3, KB_MAPPED_STACK},
        {"[vdso]", 5, KB_MAPPED_SYSTEM},
        {"/usr/lib/libc.so.6", 1, KB_MAPPED_LIBRARY},
        {"/x/module.so", 1, KB_MAPPED_LIBRARY},
        {"/etc/ld.so.cache", 1, KB_MAPPED_FILE},
        {"/usr/lib/locale/locale-archive", 1, KB_MAPPED_FILE},
        {"/usr/bin/second", 5, KB_MAPPED_LIBRARY},
        {"/tmp/data.sorted", 3, KB_MAPPED_FILE},
    };
    struct kb_mappings m;
    kb_mappings_init(&m, NULL);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tell(&m, cases[i].name, cases[i].rights);
        uint32_t object = kb_mappings_find(&m, 0, 9);
        CHECK(object < m.object_count);
        const struct kb_mapped_name *name = &m.names[m.objects[object].name];
        CHECK_STR(name->text, cases[i].name);
        CHECK_EQ(name->kind, cases[i].kind);
    }
    kb_mappings_free(&m);
}

/* Names that are too long are cut; a name without a mapping is nobody's. */
static void test_long_names(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_mappings m;
    struct kb_event name = {0, KB_EVENT_NAME, UINT64_C(0x6161616161616161),
                            UINT64_C(0x6262626262626262)};
    struct kb_event map = {0, KB_EVENT_MAP, 5, 1};
    kb_mappings_init(&m, NULL);
    CHECK_EQ(kb_mappings_event(&m, &name, &error), KB_OK);
    CHECK_EQ(kb_mappings_event(&m, &map, &error), KB_OK);
    for (unsigned i = 0; i < 300; i++)
        CHECK_EQ(kb_mappings_event(&m, &name, &error), KB_OK);
    CHECK_EQ(kb_mappings_settle(&m, &error), KB_OK);
    uint32_t object = kb_mappings_find(&m, 0, 5);
    CHECK_EQ(m.name_count, 1);
    CHECK_EQ(m.names[m.objects[object].name].length, KB_MAPPED_NAME - 1);
    kb_mappings_free(&m);
}

/* From the first event to the last, which all are taken. */
static void follow(struct kb_mappings *m, const struct kb_event *events, size_t count) {
    struct kb_error error = {.language = KB_ENGLISH};
    kb_mappings_init(m, NULL);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(kb_mappings_event(m, &events[i], &error), KB_OK);
    CHECK_EQ(kb_mappings_settle(m, &error), KB_OK);
}

/* Nameless memory over the end of a library's reservation is its zeros; elsewhere it is not. */
static void test_zeros(void) {
    static const struct kb_event events[] = {
        {0, KB_EVENT_MAP, 100, 20},         {0, KB_EVENT_NAME, 0x6f732e78, 0}, /* "x.so" */
        {0, KB_EVENT_PROTECT + 5, 100, 20}, {0, KB_EVENT_UNMAP, 110, 4},
        {0, KB_EVENT_MAP, 110, 4},          {0, KB_EVENT_NAME, 0x6f732e78, 0},
        {0, KB_EVENT_PROTECT + 3, 110, 4},  {0, KB_EVENT_UNMAP, 114, 6},
        {0, KB_EVENT_MAP, 114, 6},          {0, KB_EVENT_PROTECT + 3, 114, 6},
        {0, KB_EVENT_MAP, 120, 5},          {0, KB_EVENT_PROTECT + 3, 120, 5}};
    struct kb_mappings m;
    follow(&m, events, sizeof events / sizeof events[0]);
    uint32_t data = kb_mappings_find(&m, 0, 113), rest = kb_mappings_find(&m, 0, 120);
    CHECK_EQ(kb_mappings_find(&m, 0, 114), data);
    CHECK_EQ(m.objects[data].pages, 10);
    CHECK(m.names[m.objects[rest].name].length == 0);
    kb_mappings_free(&m);
}

/* A library as loaders map it: the whole, then its parts over it. */
static void test_loader(void) {
    static const struct kb_event events[] = {
        {0, KB_EVENT_MAP, 100, 20},         {0, KB_EVENT_PROTECT + 1, 100, 20},
        {0, KB_EVENT_UNMAP, 104, 10},       {0, KB_EVENT_MAP, 104, 10},
        {0, KB_EVENT_PROTECT + 5, 104, 10}, {0, KB_EVENT_PROTECT + 1, 118, 1},
        {0, KB_EVENT_MAP, 120, 5},          {0, KB_EVENT_PROTECT + 3, 120, 5},
        {0, KB_EVENT_UNMAP, 120, 5}};
    struct kb_mappings m;
    follow(&m, events, sizeof events / sizeof events[0]);
    const struct kb_mapped_object *data = &m.objects[kb_mappings_find(&m, 0, 100)];
    const struct kb_mapped_object *code = &m.objects[kb_mappings_find(&m, 0, 104)];
    CHECK(data->part == KB_MAPPED_DATA && code->part == KB_MAPPED_CODE);
    CHECK(data->pages == 10 && code->pages == 10);
    CHECK_EQ(kb_mapped_most(code), 10);
    CHECK_EQ(kb_mapped_most(data), 15);
    CHECK_EQ(kb_mappings_find(&m, 0, 120), KB_NO_OBJECT);
    kb_mappings_free(&m);
}

int main(void) {
    for (uint64_t seed = 1; seed <= 300; seed++)
        one_trace(seed, 1 + (unsigned)seed % 40);
    test_kinds();
    test_long_names();
    test_loader();
    test_zeros();
    return harness_end();
}
