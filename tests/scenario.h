/* scenario.h - whole scenarios for tests: they run, and are fine, or stop with an error. */
#ifndef KB_TESTS_SCENARIO_H
#define KB_TESTS_SCENARIO_H

#include "harness.h"
#include "scenario/session.h"

#define ROOM (1 << 20)

static char output[ROOM];
static size_t output_used;
static struct kb_error error = {.language = KB_ENGLISH};
static struct kb_scenario_tally tally;

static inline kb_status collect(void *context, const void *bytes, size_t count,
                                struct kb_error *e) {
    (void)context, (void)e;
    size_t room = ROOM - 1 - output_used;
    memcpy(output + output_used, bytes, count < room ? count : room);
    output_used += count < room ? count : room;
    output[output_used] = '\0';
    return KB_OK;
}

static inline struct kb_scenario_options options(enum kb_scenario_view view) {
    output_used = 0;
    output[0] = '\0';
    error = (struct kb_error){.language = KB_ENGLISH};
    return (struct kb_scenario_options){
        .view = view, .output = {NULL, collect}, .name = "test.kb", .language = KB_ENGLISH};
}

/* Runs a whole text; in the end its system is sound. */
static inline kb_status run_with(const struct kb_scenario_options *with, const char *text) {
    struct kb_error later = {.language = KB_ENGLISH};
    struct kb_scenario *s = NULL;
    kb_status status = kb_scenario_open(&s, with, &error);
    CHECK_EQ(status, KB_OK);
    status = kb_scenario_run(s, text, strlen(text), &error);
    if (s->built)
        CHECK(kb_os_check(&s->os) == NULL);
    kb_status ended = kb_scenario_end(s, &tally, &later);
    kb_scenario_free(s);
    return status == KB_OK ? ended : status;
}

static inline kb_status run(enum kb_scenario_view view, const char *text) {
    struct kb_scenario_options with = options(view);
    return run_with(&with, text);
}

/* All expectations hold, and there is one. */
static inline void fine(const char *text) {
    kb_status status = run(KB_VIEW_QUIET, text);
    harness_checks++;
    if (status == KB_OK && tally.failed == 0 && tally.expectations > 0)
        return;
    harness_failures++;
    printf("not fine:\n%s\n%s%s\n", text, output, error.text);
}

/* It stops with an error that has this in it, and says where. */
static inline void wrong(const char *text, const char *place, const char *said) {
    kb_status status = run(KB_VIEW_QUIET, text);
    harness_checks++;
    if (status == KB_DATA && strncmp(error.text, place, strlen(place)) == 0 &&
        strstr(error.text, said) != NULL)
        return;
    harness_failures++;
    printf("wanted %s… %s …:\n%s\nsaid: %s\n", place, said, text, error.text);
}

#endif
