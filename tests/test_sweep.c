/* test_sweep.c - sweeps over small native traces in memory: events of several processes, very large
 * memories, Belady's anomaly. */
#include <stdlib.h>

#include "harness.h"
#include "memory.h"
#include "replay/sweep.h"
#include "trace/reader.h"
#include "trace/writer.h"

#define ROOM 65536

/* A file that is written first, then read. */
struct written {
    uint8_t bytes[ROOM];
    size_t length;
};

static kb_status append(void *context, const void *bytes, size_t count, struct kb_error *error) {
    struct written *m = context;
    (void)error;
    if (m->length + count > ROOM)
        return KB_IO;
    memcpy(m->bytes + m->length, bytes, count);
    m->length += count;
    return KB_OK;
}

/* Runs the items over the trace that block, numbers and processes describe. */
static kb_status sweep_over(struct kb_sweep *sweep, const struct kb_block *block,
                            const uint64_t *numbers, const uint32_t *processes, uint64_t skip) {
    static struct written m;
    struct memory input = {.at = m.bytes};
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_writer_options writing = {.packing = KB_PACK_RAW};
    struct kb_reader_options reading = {.skip = skip};
    struct kb_source source = {.context = &input, .read = memory_read, .name = "memory"};
    struct kb_writer *writer = NULL;
    struct kb_reader *reader = NULL;
    struct kbt_totals totals;
    memset(&m, 0, sizeof m);
    kb_status status = kb_writer_open(&writer, (struct kb_sink){&m, append}, &writing, &error);
    if (status == KB_OK)
        status = kb_writer_add(writer, block, numbers, processes, &error);
    if (status == KB_OK)
        status = kb_writer_end(writer, &totals, &error);
    input.length = m.length;
    if (status == KB_OK)
        status = kb_reader_open(&reader, source, &reading, &error);
    if (status == KB_OK)
        status = kb_sweep_run(sweep, reader, &error);
    if (status != KB_OK)
        printf("%s\n", error.text);
    kb_reader_close(reader);
    kb_writer_free(writer);
    return status;
}

static void choose(struct kb_sweep_item *item, const char *spec, uint32_t frames) {
    struct kb_error error = {.language = KB_ENGLISH};
    memset(item, 0, sizeof *item);
    item->frames = frames;
    CHECK(kb_policy_parse(spec, &item->spec, NULL, NULL, &error) == KB_OK);
}

/* Process 1 writes its page 100; process 2 reads its own page 100 and unmaps it; process 1 reads
 * page 100 again: a hit, and still dirty. */
static void unmap_is_of_one_process(uint64_t skip, uint64_t faults, uint64_t dirty) {
    static const uint64_t numbers[] = {100, 100};
    static const uint32_t processes[] = {1, 2};
    static const struct kb_event events[] = {{0, KB_EVENT_PROCESS, 1, 0},
                                             {1, KB_EVENT_PROCESS, 2, 0},
                                             {2, KB_EVENT_UNMAP, 100, 1},
                                             {2, KB_EVENT_PROCESS, 1, 0}};
    struct kb_run runs[3 + KB_RUN_PADDING] = {{0, 1 << 2 | KB_WRITE}, {1, 1 << 2}, {0, 1 << 2}};
    struct kb_block block = {runs, 3, 4, events, 3, 2};
    struct kb_sweep_item item;
    struct kb_sweep sweep = {.items = &item, .count = 1, .events = true};
    choose(&item, "lru", 4);
    CHECK(sweep_over(&sweep, &block, numbers, processes, skip) == KB_OK);
    CHECK_EQ(item.result.faults, faults);
    CHECK_EQ(item.result.still_dirty, dirty);
    kb_sweep_free(&sweep);
}

/* LRU at three sizes is one pass over a stack; a memory far larger than the trace costs nothing. */
static void stack_equals_replay(void) {
    static struct kb_run runs[400 + KB_RUN_PADDING];
    static uint64_t numbers[40];
    static struct kb_sweep_item many[3], one;
    uint32_t pages = 0, x = 1, id_of[40] = {0};
    struct kb_block block = {.runs = runs, .count = 400, .references = 400};
    for (uint32_t i = 0; i < 400; i++) {
        x = x * 1103515245u + 12345u;
        uint32_t *id = &id_of[(x >> 16) % 40];
        if (*id == 0) {
            numbers[pages] = (x >> 16) % 40;
            *id = ++pages;
        }
        runs[i] = kb_run_make(*id - 1, x >> 30 == 0 ? KB_WRITE : KB_READ, 1);
    }
    block.pages = pages;
    struct kb_sweep sweep = {.items = many, .count = 3};
    choose(&many[0], "lru", 7);
    choose(&many[1], "lru", 20);
    choose(&many[2], "lru", UINT32_C(1) << 22);
    CHECK(sweep_over(&sweep, &block, numbers, NULL, 0) == KB_OK);
    for (unsigned i = 0; i < 3; i++) {
        struct kb_sweep alone = {.items = &one, .count = 1};
        choose(&one, "lru", many[i].frames);
        CHECK(sweep_over(&alone, &block, numbers, NULL, 0) == KB_OK);
        CHECK_EQ(many[i].result.faults, one.result.faults);
        CHECK_EQ(many[i].result.evictions, one.result.evictions);
        CHECK_EQ(many[i].result.write_backs, one.result.write_backs);
        CHECK_EQ(many[i].result.still_dirty, one.result.still_dirty);
        CHECK_EQ(many[i].result.frames, one.result.frames);
    }
}

static void anomaly_is_found_once(void) {
    static const uint32_t belady[] = {0, 1, 2, 3, 0, 1, 4, 0, 1, 2, 3, 4};
    static const uint64_t numbers[] = {1, 2, 3, 4, 5};
    struct kb_run runs[12 + KB_RUN_PADDING] = {{0, 0}};
    struct kb_block block = {.runs = runs, .count = 12, .references = 12, .pages = 5};
    struct kb_sweep_item items[5];
    struct kb_sweep sweep = {.items = items, .count = 5};
    struct kb_anomaly found[5];
    for (unsigned i = 0; i < 12; i++)
        runs[i] = kb_run_make(belady[i], KB_READ, 1);
    for (uint32_t i = 0; i < 5; i++)
        choose(&items[i], "fifo", i + 1);
    CHECK(sweep_over(&sweep, &block, numbers, NULL, 0) == KB_OK);
    CHECK_EQ(kb_sweep_anomalies(&sweep, found, 5), 1);
    CHECK_EQ(items[found[0].smaller].frames, 3);
    CHECK_EQ(items[found[0].larger].frames, 4);
}

int main(void) {
    unmap_is_of_one_process(0, 2, 1);
    unmap_is_of_one_process(1, 2, 0); /* the window begins behind the write: both are cold */
    stack_equals_replay();
    anomaly_is_found_once();
    return harness_end();
}
