/* test_window.c - what a reader tells of events when references are skipped or pages merge.
 *
 * Two readings are compared with the trace itself, of which everything is
 * known: a window must begin with the mappings, names, rights, process, thread
 * and kernel that it would have had in the whole; ranges of larger pages are
 * those of a count page by page. */
#include "harness.h"
#include "memory.h"

#include <stdlib.h>

#include "base/random.h"
#include "trace/reader.h"
#include "trace/writer.h"

enum { PROCESSES = 3, PAGES = 40, ITEMS = 300, FILLER = 60000 };

/* ---- a file in memory ---- */

struct bytes {
    uint8_t *at;
    size_t length, room;
};

static kb_status append(void *context, const void *bytes, size_t count, struct kb_error *error) {
    struct bytes *to = context;
    (void)error;
    if (to->length + count > to->room) {
        to->room = (to->length + count) * 2;
        to->at = realloc(to->at, to->room);
        if (to->at == NULL)
            abort();
    }
    memcpy(to->at + to->length, bytes, count);
    to->length += count;
    return KB_OK;
}

static kb_status memory_seek(void *context, uint64_t offset, struct kb_error *error) {
    struct memory *memory = context;
    (void)error;
    memory->place = (size_t)offset;
    return KB_OK;
}

/* ---- the program's state ---- */

struct page {
    uint64_t name; /* sum of its pieces' numbers; 0: none */
    uint32_t rights;
    bool mapped;
};

struct state {
    uint64_t process, thread, kernel;
    struct page pages[PROCESSES][PAGES + 1];
    struct kb_event mapped; /* the last mapping, which names belong to */
    uint64_t mapped_by;
};

static void apply(struct state *s, const struct kb_event *event) {
    switch (event->type) {
    case KB_EVENT_PROCESS:
        s->process = event->first;
        s->thread = s->kernel = 0;
        return;
    case KB_EVENT_THREAD:
        s->thread = event->first;
        s->kernel = 0;
        return;
    case KB_EVENT_KERNEL:
        s->kernel = event->first;
        return;
    case KB_EVENT_MAP:
        s->mapped = *event;
        s->mapped_by = s->process;
        break;
    case KB_EVENT_RELEASE:
    case KB_EVENT_DISCARD:
        return;
    default:
        break;
    }
    const struct kb_event *range = event->type == KB_EVENT_NAME ? &s->mapped : event;
    for (uint64_t i = range->first; i < range->first + range->pages; i++) {
        struct page *page = &s->pages[s->process][i];
        if (event->type == KB_EVENT_MAP)
            *page = (struct page){0, 0, true};
        else if (event->type == KB_EVENT_UNMAP)
            *page = (struct page){0, 0, false};
        else if (event->type == KB_EVENT_NAME)
            page->name += event->first + event->pages * 1000;
        else
            page->rights = event->type;
    }
}

static bool same_state(const struct state *x, const struct state *y) {
    if (x->process != y->process || x->thread != y->thread || x->kernel != y->kernel)
        return false;
    for (unsigned p = 0; p < PROCESSES; p++)
        for (unsigned i = 0; i <= PAGES; i++) {
            const struct page *a = &x->pages[p][i], *b = &y->pages[p][i];
            if (a->mapped != b->mapped || a->name != b->name || a->rights != b->rights)
                return false;
        }
    return true;
}

/* ---- a random trace ---- */

struct trace {
    struct kb_run runs[ITEMS + KB_RUN_PADDING];
    struct kb_event events[4 * ITEMS + FILLER];
    uint64_t numbers[ITEMS];
    uint32_t owners[ITEMS];
    uint32_t count, event_count, pages;
    uint64_t references;
    uint32_t process;
};

static void say(struct trace *t, uint32_t type, uint64_t first, uint64_t pages) {
    t->events[t->event_count++] = (struct kb_event){t->count, type, first, pages};
    if (type == KB_EVENT_PROCESS)
        t->process = (uint32_t)first;
}

static void random_event(struct trace *t, struct kb_random *random) {
    static const uint32_t types[] = {KB_EVENT_PROCESS, KB_EVENT_THREAD,      KB_EVENT_MAP,
                                     KB_EVENT_MAP,     KB_EVENT_UNMAP,       KB_EVENT_RELEASE,
                                     KB_EVENT_DISCARD, KB_EVENT_PROTECT + 5, KB_EVENT_PROTECT + 3,
                                     KB_EVENT_KERNEL};
    uint32_t type = types[kb_random_below(random, 10)];
    uint64_t first = kb_random_below(random, PAGES), pages = 1 + kb_random_below(random, 9);
    pages = first + pages > PAGES ? PAGES - first : pages;
    if (type == KB_EVENT_PROCESS || type == KB_EVENT_THREAD)
        first = kb_random_below(random, PROCESSES);
    if (type == KB_EVENT_KERNEL)
        first = kb_random_below(random, 2);
    say(t, type, first, pages);
    if (type == KB_EVENT_MAP)
        for (uint64_t pieces = kb_random_below(random, 4); pieces > 0; pieces--)
            say(t, KB_EVENT_NAME, 1 + kb_random_below(random, 9), kb_random_below(random, 9));
}

static void refer(struct trace *t, struct kb_random *random) {
    uint64_t number = kb_random_below(random, PAGES);
    uint32_t id = 0, count = 1 + (uint32_t)kb_random_below(random, 4);
    while (id < t->pages && (t->numbers[id] != number || t->owners[id] != t->process))
        id++;
    if (id == t->pages) {
        t->numbers[id] = number;
        t->owners[id] = t->process;
        t->pages++;
    }
    t->runs[t->count++] = kb_run_make(id, (enum kb_kind)kb_random_below(random, 3), count);
    t->references += count;
}

/* filler: so many events in the middle, which end the block, as they need five words each. */
static void make(struct trace *t, uint64_t seed, unsigned filler, struct bytes *file) {
    struct kb_random random = {seed};
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_writer *writer;
    struct kbt_totals totals;
    struct kb_writer_options options = {.grain = 4096, .version = 2};
    memset(t, 0, sizeof *t);
    memset(file, 0, sizeof *file);
    while (t->count < ITEMS / 2) {
        if (kb_random_below(&random, 4) == 0)
            random_event(t, &random);
        else
            refer(t, &random);
        for (; filler > 0 && t->count == ITEMS / 4; filler--)
            say(t, KB_EVENT_RELEASE, 0, 1);
    }
    struct kb_sink sink = {file, append};
    CHECK_EQ(kb_writer_open(&writer, sink, &options, &error), KB_OK);
    struct kb_block block = {t->runs, t->count, t->event_count, t->events, t->references, t->pages};
    CHECK_EQ(kb_writer_add(writer, &block, t->numbers, t->owners, &error), KB_OK);
    CHECK_EQ(kb_writer_end(writer, &totals, &error), KB_OK);
    kb_writer_free(writer);
}

/* The state at each reference. */
static struct state *states_of(const struct trace *t) {
    struct state *states = malloc(t->references * sizeof *states), now;
    uint64_t at = 0;
    uint32_t event = 0;
    if (states == NULL)
        abort();
    memset(&now, 0, sizeof now);
    for (uint32_t i = 0; i < t->count; i++) {
        while (event < t->event_count && t->events[event].at <= i)
            apply(&now, &t->events[event++]);
        for (uint32_t n = kb_run_count(t->runs[i]); n > 0; n--)
            states[at++] = now;
    }
    return states;
}

/* ---- reading ---- */

struct reading {
    struct kb_source source;
    struct memory memory;
    struct kb_reader *reader;
    struct kb_error error;
};

static void open_reading(struct reading *r, const struct bytes *file, bool pipe,
                         const struct kb_reader_options *options) {
    r->error = (struct kb_error){.language = KB_ENGLISH};
    r->memory = (struct memory){file->at, file->length, 0, pipe ? 1000 : file->length};
    r->source = (struct kb_source){.context = &r->memory, .read = memory_read, .name = "memory"};
    if (!pipe) {
        r->source.seek = memory_seek;
        r->source.size = file->length;
    }
    CHECK_EQ(kb_reader_open(&r->reader, r->source, options, &r->error), KB_OK);
}

/* A window knows the same of each of its references as the whole trace does. */
static void window(const struct bytes *file, const struct trace *t, const struct state *states,
                   bool pipe, uint64_t skip) {
    struct kb_reader_options options = {.skip = skip, .past = true};
    struct reading r;
    struct state now;
    struct kb_block block;
    uint64_t at = skip;
    memset(&now, 0, sizeof now);
    open_reading(&r, file, pipe, &options);
    while (kb_reader_next(r.reader, &block, &r.error) == KB_OK &&
           (block.count > 0 || block.event_count > 0)) {
        uint32_t event = 0;
        for (uint32_t i = 0; i < block.count; i++) {
            while (event < block.event_count && block.events[event].at <= i)
                apply(&now, &block.events[event++]);
            for (uint32_t n = kb_run_count(block.runs[i]); n > 0 && at < t->references; n--)
                CHECK(same_state(&now, &states[at++]));
        }
    }
    CHECK_EQ(at, t->references);
    kb_reader_close(r.reader);
}

static void test_windows(void) {
    static struct trace t;
    struct bytes file;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make(&t, seed, seed > 18 ? FILLER : 0, &file);
        struct state *states = states_of(&t);
        for (uint64_t skip = 0; skip < t.references; skip += 1 + seed)
            for (unsigned pipe = 0; pipe < 2; pipe++)
                window(&file, &t, states, pipe, skip);
        free(states);
        free(file.at);
    }
}

/* Without `past` only the process is told, whether the reader seeks or not. */
static void test_without_past(void) {
    static struct trace t;
    struct bytes file;
    make(&t, 5, FILLER, &file);
    struct state *states = states_of(&t);
    for (uint64_t skip = 1; skip < t.references; skip += 7)
        for (unsigned pipe = 0; pipe < 2; pipe++) {
            struct kb_reader_options options = {.skip = skip};
            struct reading r;
            struct kb_block block;
            uint64_t process = 0;
            open_reading(&r, &file, pipe, &options);
            CHECK_EQ(kb_reader_next(r.reader, &block, &r.error), KB_OK);
            for (uint32_t i = 0; i < block.event_count && block.events[i].at == 0; i++)
                if (block.events[i].type == KB_EVENT_PROCESS)
                    process = block.events[i].first;
            CHECK_EQ(process, states[skip].process);
            kb_reader_close(r.reader);
        }
    free(states);
    free(file.at);
}

/* ---- larger pages ---- */

static void check_merged(const struct kb_event *was, const struct kb_event *is, unsigned shift) {
    bool partly = was->type == KB_EVENT_MAP || was->type >= KB_EVENT_PROTECT;
    CHECK_EQ(is->type, was->type);
    if (!kb_event_has_pages(was->type)) {
        CHECK(is->first == was->first && is->pages == was->pages);
        return;
    }
    for (uint64_t page = 0; page <= (uint64_t)PAGES >> shift; page++) {
        unsigned inside = 0;
        for (uint64_t part = page << shift; part < (page + 1) << shift; part++)
            inside += part >= was->first && part < was->first + was->pages;
        bool wanted = partly ? inside > 0 : inside == 1u << shift;
        CHECK((page - is->first < is->pages) == wanted);
    }
}

static void test_merged(void) {
    static struct trace t;
    struct bytes file;
    for (uint64_t seed = 30; seed < 50; seed++)
        for (unsigned shift = 1; shift < 5; shift++) {
            struct kb_reader_options options = {.page_size = UINT64_C(4096) << shift};
            struct reading r;
            struct kb_block block;
            make(&t, seed, 0, &file);
            open_reading(&r, &file, false, &options);
            CHECK_EQ(kb_reader_next(r.reader, &block, &r.error), KB_OK);
            CHECK_EQ(block.event_count, t.event_count);
            for (uint32_t i = 0; i < t.event_count && i < block.event_count; i++)
                check_merged(&t.events[i], &block.events[i], shift);
            kb_reader_close(r.reader);
            free(file.at);
        }
}

/* Ranges at the end of the numbers do not wrap around. */
static void test_ends(void) {
    static const struct {
        uint64_t first, pages, merged_first, merged_pages;
        uint32_t type;
    } ranges[] = {
        {UINT64_MAX, 1, UINT64_MAX >> 2, 1, KB_EVENT_MAP},
        {UINT64_MAX - 7, 8, (UINT64_MAX >> 2) - 1, 2, KB_EVENT_PROTECT + 7},
        {3, UINT64_MAX, 0, UINT64_C(1) << 62, KB_EVENT_MAP},
        {3, UINT64_MAX, 1, (UINT64_MAX >> 2) - 1, KB_EVENT_UNMAP},
        {5, 0, 1, 0, KB_EVENT_MAP},
        {4, 0, 1, 0, KB_EVENT_DISCARD},
        {4, 4, 1, 1, KB_EVENT_DISCARD},
        {4, 3, 1, 0, KB_EVENT_RELEASE},
    };
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct bytes file = {0};
        struct kb_error error = {.language = KB_ENGLISH};
        struct kb_writer *writer;
        struct kbt_totals totals;
        struct kb_writer_options writing = {.grain = 4096, .version = 2};
        struct kb_reader_options reading = {.page_size = 16384};
        struct kb_run runs[1 + KB_RUN_PADDING] = {kb_run_make(0, KB_READ, 1)};
        struct kb_event event = {0, ranges[i].type, ranges[i].first, ranges[i].pages};
        struct kb_block block = {runs, 1, 1, &event, 1, 1};
        const uint64_t number = 9;
        struct reading r;
        struct kb_sink sink = {&file, append};
        CHECK_EQ(kb_writer_open(&writer, sink, &writing, &error), KB_OK);
        CHECK_EQ(kb_writer_add(writer, &block, &number, NULL, &error), KB_OK);
        CHECK_EQ(kb_writer_end(writer, &totals, &error), KB_OK);
        kb_writer_free(writer);
        open_reading(&r, &file, false, &reading);
        CHECK_EQ(kb_reader_next(r.reader, &block, &r.error), KB_OK);
        CHECK_EQ(block.events[0].pages, ranges[i].merged_pages);
        if (ranges[i].merged_pages > 0)
            CHECK_EQ(block.events[0].first, ranges[i].merged_first);
        kb_reader_close(r.reader);
        free(file.at);
    }
}

int main(void) {
    test_windows();
    test_without_past();
    test_merged();
    test_ends();
    return harness_end();
}
