/* victims.c - drives policies for the tests: reads cases, prints counts and victims.
 *
 *   in:  SPEC FRAMES REF REF …      REF: page and kind, 12r 3w 7x; FRAMES 0 in variable space
 *   out: faults cold evictions write_backs still_dirty | victims
 *
 * Each case is replayed run by run through the generated loop, and the page
 * that left is seen by comparing the frames. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/replay.h"

#define MOST 100000

static struct kb_run runs[MOST + KB_RUN_PADDING];
static uint64_t names[MOST];
static uint32_t name_count;
static uint64_t released[MOST];
static uint32_t released_count;

static uint32_t intern(uint64_t name) {
    for (uint32_t i = 0; i < name_count; i++)
        if (names[i] == name)
            return i;
    names[name_count] = name;
    return name_count++;
}

static void note_release(struct kb_loop *loop, uint32_t frame) {
    released[released_count++] = names[loop->page_of[frame]];
}

static int by_number(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

static void die(const struct kb_error *error) {
    fprintf(stderr, "victims: %s\n", error->text);
    exit(1);
}

static uint32_t read_references(char *text) {
    uint32_t count = 0;
    name_count = 0;
    for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        char *end;
        uint64_t page = strtoull(word, &end, 10);
        enum kb_kind kind = *end == 'w' ? KB_WRITE : *end == 'x' ? KB_EXECUTE : KB_READ;
        if (count == MOST)
            exit(1);
        runs[count++] = kb_run_make(intern(page), kind, 1);
    }
    memset(runs + count, 0, KB_RUN_PADDING * sizeof runs[0]);
    return count;
}

/* The page in a frame before and after one reference. */
static void one_case(const char *spec_text, uint32_t frames, uint32_t count) {
    struct kb_error error = {0};
    struct kb_policy_spec spec;
    struct kb_future future;
    struct kb_replay replay;
    struct kb_result result;
    static uint32_t before[MOST];
    static uint64_t victims[MOST * 2];
    uint32_t victim_count = 0;
    if (kb_policy_parse(spec_text, &spec, NULL, NULL, &error) != KB_OK)
        die(&error);
    bool ahead = kb_replay_needs_future(spec.policy);
    kb_future_init(&future, NULL);
    struct kb_block whole = {
        .runs = runs, .count = count, .references = count, .pages = name_count};
    if (ahead && (kb_future_append(&future, &whole, &error) != KB_OK ||
                  kb_future_finish(&future, &error) != KB_OK))
        die(&error);
    if (kb_replay_init(&replay, &spec, frames, ahead ? &future : NULL, NULL, &error) != KB_OK ||
        kb_replay_grow(&replay, name_count, &error) != KB_OK)
        die(&error);
    replay.loop.released = note_release;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t used = replay.loop.used;
        uint64_t faults = replay.loop.faults;
        memcpy(before, replay.loop.page_of, used * sizeof before[0]);
        released_count = 0;
        struct kb_block block = {
            .runs = runs + i, .count = 1, .references = 1, .pages = name_count};
        if (ahead)
            kb_replay_future(&replay, 1);
        else if (kb_replay_block(&replay, &block, NULL, &error) != KB_OK)
            die(&error);
        qsort(released, released_count, sizeof released[0], by_number);
        for (uint32_t k = 0; k < released_count; k++)
            victims[victim_count++] = released[k];
        if (frames > 0 && replay.loop.faults > faults && replay.loop.used == used)
            victims[victim_count++] = names[before[replay.loop.frame_of[runs[i].page] - 1]];
    }
    kb_replay_result(&replay, &result);
    printf("%llu %llu %llu %llu %llu |", (unsigned long long)result.faults,
           (unsigned long long)result.cold_faults, (unsigned long long)result.evictions,
           (unsigned long long)result.write_backs, (unsigned long long)result.still_dirty);
    for (uint32_t i = 0; i < victim_count; i++)
        printf(" %llu", (unsigned long long)victims[i]);
    printf("\n");
    kb_replay_free(&replay);
    kb_future_free(&future);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char spec[200];
        unsigned frames;
        int used;
        if (sscanf(line, "%199s %u%n", spec, &frames, &used) != 2) {
            fprintf(stderr, "victims: a case is SPEC FRAMES REF …\n");
            return 2;
        }
        uint32_t count = read_references(line + used);
        one_case(spec, frames, count);
    }
    free(line);
    return 0;
}
