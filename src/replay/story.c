/* story.c - counts a trace, in one pass. Between two events nothing is looked up again: a page
 * knows its object as long as no mapping changes. */
#include "replay/story.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AHEAD 16
#define BEFORE_ALL 1 /* of a page that was found before there were mappings */

kb_status kb_story_init(struct kb_story *s, const struct kb_host *host, struct kb_error *error) {
    memset(s, 0, sizeof *s);
    s->host = host;
    kb_mappings_init(&s->mappings, host);
    kb_status status = kb_intern_init(&s->threads, host, error);
    if (status == KB_OK)
        status = kb_intern_init(&s->processes, host, error);
    if (status == KB_OK)
        status = kb_intern_init(&s->second, host, error);
    if (status != KB_OK)
        kb_story_free(s);
    return status;
}

void kb_story_free(struct kb_story *s) {
    kb_mappings_free(&s->mappings);
    kb_give_back(s->host, s->uses, s->use_room * sizeof *s->uses);
    kb_give_back(s->host, s->pages, s->page_room * sizeof *s->pages);
    kb_intern_free(&s->threads);
    kb_intern_free(&s->processes);
    kb_intern_free(&s->second);
    memset(s, 0, sizeof *s);
}

static kb_status out_of_memory(struct kb_error *error, uint64_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "trace info", (unsigned long long)bytes);
}

/* ---- room ---- */

static kb_status room_for_pages(struct kb_story *s, uint32_t pages, struct kb_error *error) {
    if (pages > s->page_room) {
        uint32_t room = pages + pages / 2 + 64;
        void *fresh =
            kb_grow(s->host, s->pages, s->page_room * sizeof *s->pages, room * sizeof *s->pages);
        if (fresh == NULL)
            return out_of_memory(error, room * sizeof *s->pages);
        s->pages = fresh;
        s->page_room = room;
    }
    s->page_count = pages > s->page_count ? pages : s->page_count;
    return KB_OK;
}

static kb_status room_for_uses(struct kb_story *s, struct kb_error *error) {
    uint32_t objects = s->mappings.object_count;
    if (objects <= s->use_room)
        return KB_OK;
    uint32_t room = objects * 2 + 64;
    void *fresh = kb_grow(s->host, s->uses, s->use_room * sizeof *s->uses, room * sizeof *s->uses);
    if (fresh == NULL)
        return out_of_memory(error, room * sizeof *s->uses);
    s->uses = fresh;
    s->use_room = room;
    return KB_OK;
}

struct kb_story_use kb_story_use(const struct kb_story *s, uint32_t object) {
    return object < s->use_room ? s->uses[object] : (struct kb_story_use){0};
}

/* ---- events ---- */

static kb_status obey(struct kb_story *s, const struct kb_event *event, struct kb_error *error) {
    bool process = event->type == KB_EVENT_PROCESS;
    s->events[event->type]++;
    s->named += event->type == KB_EVENT_NAME && !s->naming;
    s->naming = event->type == KB_EVENT_NAME;
    if (process || event->type == KB_EVENT_THREAD) {
        s->process = process ? (uint32_t)event->first : s->process;
        s->thread = process ? 0 : event->first;
        s->kernel = s->counted = false;
    } else if (event->type == KB_EVENT_KERNEL) {
        s->kernel = event->first != 0;
    }
    return kb_mappings_event(&s->mappings, event, error);
}

/* References of this thread follow. */
static kb_status count_thread(struct kb_story *s, struct kb_error *error) {
    const uint64_t process = s->process;
    uint32_t id;
    if (s->counted)
        return KB_OK;
    s->counted = true;
    kb_status status = kb_intern_batch(&s->threads, s->process, &s->thread, &id, 1, error);
    return status == KB_OK ? kb_intern_batch(&s->processes, 0, &process, &id, 1, error) : status;
}

/* ---- runs ---- */

struct names {
    const uint64_t *numbers;
    const uint32_t *processes;
};

/* A page is touched in an object, perhaps for the first time. */
static kb_status touch(struct kb_story *s, uint32_t id, uint32_t object, struct kb_error *error) {
    struct kb_story_page *page = &s->pages[id];
    struct kb_story_use *use = object == KB_NO_OBJECT ? &s->outside : &s->uses[object];
    const uint64_t number = id;
    uint32_t before = s->second.count, place;
    if (page->found != 0 && page->first_object == object)
        return KB_OK;
    if (page->found == 0) {
        page->first_object = object;
        use->pages++;
        return KB_OK;
    }
    kb_status status = kb_intern_batch(&s->second, object, &number, &place, 1, error);
    use->pages += s->second.count > before;
    return status;
}

/* In which object the page lies now. */
static kb_status find(struct kb_story *s, uint32_t id, const struct names *names, uint32_t now,
                      struct kb_error *error) {
    uint32_t process = names->processes != NULL ? names->processes[id] : 0;
    uint32_t object = kb_mappings_find(&s->mappings, process, names->numbers[id]);
    kb_status status = touch(s, id, object, error);
    s->pages[id].object = object;
    s->pages[id].found = now;
    return status;
}

static void count_run(struct kb_story_page *page, struct kb_run run, uint64_t by_kind[4]) {
    uint32_t count = kb_run_count(run), kind = run.word & 3;
    by_kind[kind] += count;
    page->references += count;
    page->kinds |= (uint8_t)(1u << kind);
}

static kb_status count_in_objects(struct kb_story *s, const struct kb_run *runs, uint32_t count,
                                  const struct names *names, uint64_t by_kind[4],
                                  struct kb_error *error) {
    const uint32_t now = (uint32_t)s->mappings.changes | 1u << 31; /* never 0, nor BEFORE_ALL */
    for (uint32_t i = 0; i < count; i++) {
        struct kb_run run = runs[i];
        struct kb_story_page *page = &s->pages[run.page];
        __builtin_prefetch(&s->pages[runs[i + LOOK_AHEAD].page]);
        if (page->found != now) {
            kb_status status = find(s, run.page, names, now, error);
            if (status != KB_OK)
                return status;
        }
        count_run(page, run, by_kind);
        struct kb_story_use *use =
            page->object == KB_NO_OBJECT ? &s->outside : &s->uses[page->object];
        use->by_kind[run.word & 3] += kb_run_count(run);
    }
    return KB_OK;
}

/* The first mapping is told, but there were references before: they lay outside. */
static void begin_objects(struct kb_story *s) {
    s->mapped = true;
    for (unsigned kind = 0; kind < 3; kind++)
        s->outside.by_kind[kind] = s->by_kind[kind];
    for (uint32_t id = 0; id < s->page_count; id++) {
        struct kb_story_page *page = &s->pages[id];
        if (page->kinds == 0)
            continue;
        *page = (struct kb_story_page){.references = page->references,
                                       .object = KB_NO_OBJECT,
                                       .first_object = KB_NO_OBJECT,
                                       .found = BEFORE_ALL,
                                       .kinds = page->kinds};
        s->outside.pages++;
    }
}

/* Runs with no event between them. */
static kb_status count_runs(struct kb_story *s, const struct kb_run *runs, uint32_t count,
                            const struct names *names, struct kb_error *error) {
    uint64_t by_kind[4] = {0}; /* the fourth kind is no run's */
    if (count == 0)
        return KB_OK;
    kb_status status = kb_mappings_settle(&s->mappings, error);
    if (status == KB_OK)
        status = room_for_uses(s, error);
    if (status == KB_OK)
        status = count_thread(s, error);
    if (status != KB_OK)
        return status;
    if (s->mappings.maps > 0 && !s->mapped)
        begin_objects(s);
    if (s->mapped) {
        status = count_in_objects(s, runs, count, names, by_kind, error);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            __builtin_prefetch(&s->pages[runs[i + LOOK_AHEAD].page]);
            count_run(&s->pages[runs[i].page], runs[i], by_kind);
        }
    }
    for (unsigned kind = 0; kind < 3; kind++) {
        s->by_kind[kind] += by_kind[kind];
        s->kernel_by_kind[kind] += s->kernel ? by_kind[kind] : 0;
    }
    return status;
}

kb_status kb_story_add(struct kb_story *s, const struct kb_block *block,
                       const uint64_t *page_numbers, const uint32_t *processes,
                       struct kb_error *error) {
    const struct names names = {page_numbers, processes};
    uint32_t done = 0;
    kb_status status = room_for_pages(s, block->pages, error);
    for (uint32_t i = 0; i < block->event_count && status == KB_OK; i++) {
        const struct kb_event *event = &block->events[i];
        status = count_runs(s, block->runs + done, event->at - done, &names, error);
        done = event->at;
        if (status == KB_OK)
            status = obey(s, event, error);
    }
    if (status == KB_OK)
        status = count_runs(s, block->runs + done, block->count - done, &names, error);
    s->references += block->references;
    return status;
}

/* ---- the pages at the end ---- */

static int falling(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a > *b ? -1 : *a < *b;
}

kb_status kb_story_end(struct kb_story *s, struct kb_story_reuse *reuse, struct kb_error *error) {
    *reuse = (struct kb_story_reuse){0};
    kb_status status = kb_mappings_settle(&s->mappings, error);
    if (status != KB_OK || s->page_count == 0)
        return status;
    uint64_t *counts = kb_take(s->host, s->page_count * sizeof *counts), sum = 0;
    if (counts == NULL)
        return out_of_memory(error, s->page_count * sizeof *counts);
    for (uint32_t id = 0; id < s->page_count; id++) {
        const struct kb_story_page *page = &s->pages[id];
        counts[id] = page->references;
        reuse->once += page->references == 1;
        if (page->references > reuse->most) {
            reuse->most = page->references;
            reuse->most_page = id;
        }
        reuse->executed += page->kinds >> KB_EXECUTE & 1;
        reuse->written += page->kinds >> KB_WRITE & 1;
        reuse->only_read += page->kinds == 1u << KB_READ;
    }
    qsort(counts, s->page_count, sizeof *counts, falling);
    reuse->median = counts[s->page_count / 2];
    for (uint32_t i = 0; i < s->page_count; i++) {
        reuse->half += sum * 2 < s->references;
        reuse->nine_tenths += sum * 10 < s->references * 9;
        sum += counts[i];
    }
    kb_give_back(s->host, counts, s->page_count * sizeof *counts);
    return KB_OK;
}
