/* test_traces.c - machine = replay: each shipped trace, or a stretch of it, under each policy: the
 * whole machine, with tables, TLB and bytes, has the very faults, evictions and write-backs of
 * src/replay. The whole traces are `make soak`'s: KILBURN_REFERENCES=0. */
#include <dirent.h>

#include "base/units.h"
#include "harness.h"
#include "host/host.h"
#include "machine.h"
#include "replay/replay.h"
#include "trace/reader.h"

#define USUAL_REFERENCES 3000000

struct stretch {
    struct kb_run *runs; /* with padding */
    uint64_t count, room, references;
    uint32_t pages;
    uint64_t *numbers;
    uint64_t page_size;
};

static void read_stretch(struct stretch *s, const char *path, uint64_t references,
                         const struct kb_host *host, struct kb_error *error) {
    struct kb_source source;
    struct kb_reader *reader = NULL;
    struct kb_block block;
    struct kb_trace_info info;
    struct kb_reader_options options = {.limit = references, .host = host};
    memset(s, 0, sizeof *s);
    CHECK(kb_file_open(&source, path, error) == KB_OK);
    CHECK(kb_reader_open(&reader, source, &options, error) == KB_OK);
    while (kb_reader_next(reader, &block, error) == KB_OK &&
           (block.count > 0 || block.event_count > 0)) {
        while (s->count + block.count + KB_RUN_PADDING > s->room) {
            s->room = s->room == 0 ? 1 << 20 : s->room * 2;
            s->runs = realloc(s->runs, s->room * sizeof *s->runs);
        }
        memcpy(s->runs + s->count, block.runs, block.count * sizeof *s->runs);
        s->count += block.count;
        s->references += block.references;
        s->pages = block.pages;
    }
    memset(s->runs + s->count, 0, KB_RUN_PADDING * sizeof *s->runs);
    s->numbers = malloc(s->pages * sizeof *s->numbers);
    memcpy(s->numbers, kb_reader_page_numbers(reader), s->pages * sizeof *s->numbers);
    kb_reader_info(reader, &info);
    s->page_size = info.page_size;
    kb_reader_close(reader);
    kb_file_close(&source);
}

static void by_replay(const struct stretch *s, const struct kb_policy_spec *spec, uint32_t frames,
                      const struct kb_future *future, const struct kb_host *host,
                      struct kb_result *result) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_replay replay;
    struct kb_block block = {.runs = s->runs,
                             .count = (uint32_t)s->count,
                             .references = s->references,
                             .pages = s->pages};
    bool ahead = kb_replay_needs_future(spec->policy);
    CHECK(kb_replay_init(&replay, spec, frames, ahead ? future : NULL, host, &error) == KB_OK);
    CHECK(kb_replay_grow(&replay, s->pages, &error) == KB_OK);
    if (ahead)
        kb_replay_future(&replay, future->count);
    else
        CHECK(kb_replay_block(&replay, &block, NULL, &error) == KB_OK);
    kb_replay_result(&replay, result);
    kb_replay_free(&replay);
}

static void by_machine(const struct stretch *s, const char *policy, uint32_t frames,
                       const struct kb_future *future, const struct kb_host *host,
                       const struct kb_result *wanted) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_os os;
    struct kb_process *p;
    struct machine_wish wish = {.format = s->page_size == 4096 ? "x86-64" : NULL,
                                .frames = frames,
                                .policy = policy,
                                .levels = s->page_size == 4096 ? 0 : 5,
                                .page_bits = kb_log2(s->page_size),
                                .tlb = {{64, 4, KB_TLB_LRU, 0}, {128, 12, KB_TLB_LRU, 0}}};
    if (future != NULL)
        wish.future = (struct kb_os_future){future->runs, future->next, future->count};
    CHECK(machine_make(&os, &wish, host, &error) == KB_OK);
    CHECK(kb_os_create(&os, "P", &p) == KB_OK);
    kb_os_switch(&os, p);
    for (uint64_t i = 0; i < s->count; i++) {
        struct kb_run run = s->runs[i];
        bool done;
        kb_status status = kb_os_run(&os, s->numbers[run.page] * s->page_size,
                                     (enum kb_access)kb_run_kind(run), kb_run_count(run), &done);
        if (status != KB_OK || !done) {
            printf("%s: run %" PRIu64 ": %s %s\n", policy, i, error.text,
                   kb_reason_name(p->reason));
            CHECK(status == KB_OK && done);
            break;
        }
    }
    CHECK_EQ(os.counters.references, wanted->references);
    CHECK_EQ(os.counters.faults, wanted->faults);
    CHECK_EQ(os.counters.evictions + os.counters.released, wanted->evictions);
    CHECK_EQ(os.counters.write_backs, wanted->write_backs);
    const char *wrong = kb_os_check(&os);
    if (wrong != NULL || os.counters.faults != wanted->faults)
        printf("%s, %u frames: %s\n", policy, frames, wrong == NULL ? "other faults" : wrong);
    CHECK(wrong == NULL);
    kb_os_free(&os);
}

static void compare(const struct stretch *s, const struct kb_host *host) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_future future;
    struct kb_block block = {.runs = s->runs,
                             .count = (uint32_t)s->count,
                             .references = s->references,
                             .pages = s->pages};
    kb_future_init(&future, host);
    CHECK(kb_future_append(&future, &block, &error) == KB_OK);
    CHECK(kb_future_finish(&future, &error) == KB_OK);
    for (unsigned i = 0; kb_policies[i] != NULL; i++) {
        struct kb_policy_spec spec;
        struct kb_result result;
        const char *name = kb_policies[i]->name;
        bool variable = (kb_policies[i]->needs & KB_VARIABLE_SPACE) != 0;
        uint32_t frames = variable ? s->pages : s->pages / 8 + 2;
        bool ahead = kb_replay_needs_future(kb_policies[i]);
        CHECK(kb_policy_parse(name, &spec, NULL, NULL, &error) == KB_OK);
        by_replay(s, &spec, frames, &future, host, &result);
        by_machine(s, name, frames, ahead ? &future : NULL, host, &result);
    }
    kb_future_free(&future);
}

int main(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    const char *wish = getenv("KILBURN_REFERENCES");
    uint64_t references = wish != NULL ? strtoull(wish, NULL, 10) : USUAL_REFERENCES;
    unsigned traces = 0;
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    DIR *folder = opendir("traces");
    CHECK(folder != NULL);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        char path[300];
        struct stretch stretch;
        if (length < 4 || strcmp(entry->d_name + length - 4, ".kbt") != 0)
            continue;
        snprintf(path, sizeof path, "traces/%s", entry->d_name);
        read_stretch(&stretch, path, references, &host, &error);
        printf("%s: %" PRIu64 " references, %" PRIu64 " runs, %" PRIu32 " pages\n", path,
               stretch.references, stretch.count, stretch.pages);
        compare(&stretch, &host);
        free(stretch.runs);
        free(stretch.numbers);
        traces++;
    }
    CHECK(traces >= 6);
    closedir(folder);
    kb_host_close(&host);
    return harness_end();
}
