/* collector.c - from accesses (address, size, kind) to a block of runs.
 *
 * An access becomes one reference to each page that it touches; references in
 * a row to one page with one kind become a run; the runs' pages are interned
 * in batches. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "trace/intern.h"
#include "trace/reader.h"

/* Pages of one access: formats state sizes up to 1 MiB, and pages have 64 bytes and more. */
#define MOST_PAGES ((1 << 14) + 2)

struct kb_collector {
    struct kb_intern intern;
    unsigned shift;
    uint32_t count;   /* runs in the block */
    uint32_t waiting; /* runs not interned yet */
    uint64_t references;
    struct kb_run *runs;   /* KB_BLOCK_RUNS, and padding */
    struct kb_run *before; /* the same, of the block before: still in use by its taker */
    struct kb_event *events, *events_before; /* likewise: releases */
    uint32_t event_count, event_room, event_room_before;
    bool parted; /* an event stands behind the last run: the next reference is not of it */
    uint64_t numbers[KB_INTERN_BATCH];
    uint32_t words[KB_INTERN_BATCH];
};

kb_status kb_collector_new(struct kb_collector **collector, uint64_t page_size,
                           const struct kb_host *host, struct kb_error *error) {
    struct kb_collector *c = calloc(1, sizeof *c);
    size_t bytes = (KB_BLOCK_RUNS + KB_RUN_PADDING) * sizeof *c->runs;
    *collector = NULL;
    if (c != NULL) {
        c->runs = malloc(bytes);
        c->before = malloc(bytes);
    }
    if (c == NULL || c->runs == NULL || c->before == NULL) {
        if (c != NULL) {
            free(c->runs);
            free(c->before);
        }
        free(c);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "a block", (unsigned long long)bytes);
    }
    kb_status status = kb_intern_init(&c->intern, host, error);
    if (status != KB_OK) {
        free(c->runs);
        free(c->before);
        free(c);
        return status;
    }
    c->shift = page_size == 0 ? 0 : kb_log2(page_size);
    *collector = c;
    return KB_OK;
}

static kb_status flush(struct kb_collector *c, struct kb_error *error) {
    uint32_t ids[KB_INTERN_BATCH];
    kb_status status = kb_intern_batch(&c->intern, 0, c->numbers, ids, c->waiting, error);
    if (status != KB_OK)
        return status;
    for (uint32_t i = 0; i < c->waiting; i++)
        c->runs[c->count + i] = (struct kb_run){ids[i], c->words[i]};
    c->count += c->waiting;
    c->waiting = 0;
    return KB_OK;
}

/* Adds one reference; false if it needs a new run and there is no room for one before a flush. */
static inline bool note(struct kb_collector *c, uint64_t number, uint32_t kind) {
    uint32_t last = c->waiting - 1;
    if (c->waiting > 0 && !c->parted && c->numbers[last] == number &&
        (c->words[last] & 3) == kind && c->words[last] >> 2 < KB_RUN_MAX_COUNT) {
        c->words[last] += 1 << 2;
        return true;
    }
    if (c->waiting == KB_INTERN_BATCH)
        return false;
    c->parted = false;
    c->numbers[c->waiting] = number;
    c->words[c->waiting++] = 1 << 2 | kind;
    return true;
}

/* The page is released behind the last reference. */
static kb_status note_release(struct kb_collector *c, uint64_t number, struct kb_error *error) {
    if (c->event_count == c->event_room) {
        uint32_t room = c->event_room == 0 ? 256 : c->event_room * 2;
        struct kb_event *more = realloc(c->events, room * sizeof *more);
        if (more == NULL)
            return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "events",
                           (unsigned long long)(room * sizeof *more));
        c->events = more;
        c->event_room = room;
    }
    c->events[c->event_count++] = (struct kb_event){
        .at = c->count + c->waiting, .type = KB_EVENT_RELEASE, .first = number, .pages = 1};
    c->parted = true;
    return KB_OK;
}

/* Whether one more access, of the largest size at the smallest page, might not fit. */
bool kb_collector_full(const struct kb_collector *c) {
    return c->count + c->waiting + MOST_PAGES > KB_BLOCK_RUNS;
}

kb_status kb_collector_add(struct kb_collector *c, const struct kb_trace_access *accesses,
                           size_t count, size_t *used, struct kb_error *error) {
    const unsigned shift = c->shift;
    size_t i = *used;
    while (i < count && !kb_collector_full(c)) {
        uint64_t first = accesses[i].address >> shift;
        uint64_t end = accesses[i].address + (accesses[i].size - 1);
        uint64_t last = end < accesses[i].address ? UINT64_MAX >> shift : end >> shift;
        for (uint64_t number = first;; number++) {
            if (!note(c, number, accesses[i].kind & 3)) {
                kb_status status = flush(c, error);
                if (status != KB_OK)
                    return status;
                (void)note(c, number, accesses[i].kind & 3);
            }
            c->references++;
            if (number >= last)
                break;
        }
        if (__builtin_expect(accesses[i].kind & KB_ACCESS_RELEASES, 0)) {
            kb_status status = note_release(c, last, error);
            if (status != KB_OK)
                return status;
        }
        i++;
    }
    *used = i;
    return KB_OK;
}

kb_status kb_collector_take(struct kb_collector *c, struct kb_block *block,
                            struct kb_error *error) {
    kb_status status = flush(c, error);
    if (status != KB_OK)
        return status;
    memset(c->runs + c->count, 0, KB_RUN_PADDING * sizeof *c->runs);
    *block = (struct kb_block){.runs = c->runs,
                               .count = c->count,
                               .events = c->events,
                               .event_count = c->event_count,
                               .references = c->references,
                               .pages = c->intern.count};
    struct kb_run *taken = c->runs;
    struct kb_event *taken_events = c->events;
    uint32_t taken_room = c->event_room;
    c->runs = c->before;
    c->before = taken;
    c->events = c->events_before;
    c->events_before = taken_events;
    c->event_room = c->event_room_before;
    c->event_room_before = taken_room;
    c->count = c->event_count = 0;
    c->parted = false;
    c->references = 0;
    return KB_OK;
}

void kb_collector_close(struct kb_collector *c) { kb_intern_close_table(&c->intern); }

const uint64_t *kb_collector_page_numbers(const struct kb_collector *c) {
    return c->intern.numbers;
}

void kb_collector_free(struct kb_collector *c) {
    if (c == NULL)
        return;
    kb_intern_free(&c->intern);
    free(c->runs);
    free(c->before);
    free(c->events);
    free(c->events_before);
    free(c);
}
