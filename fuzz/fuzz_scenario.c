/* fuzz_scenario.c - bytes as a text of the scenario language.
 *
 * Each text runs whole, quietly; told, or as JSON, in one of the languages; and
 * line by line. All must come to the same; the system's invariants must hold
 * after each. There are no files. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_TEXT 4096

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What is written: how much, and its last byte. */
struct seen {
    uint64_t bytes;
    char last;
};

static kb_status look(void *context, const void *bytes, size_t count, struct kb_error *error) {
    struct seen *seen = context;
    (void)error;
    MUST(count > 0);
    seen->bytes += count;
    seen->last = ((const char *)bytes)[count - 1];
    return KB_OK;
}

struct result {
    kb_status status;
    bool patched; /* the text may have written over page tables: they say what it wants */
    struct kb_scenario_tally tally;
};

static bool has(const char *text, size_t size, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(text + i, word, length) == 0)
            return true;
    return false;
}

static struct kb_scenario *open_scenario(enum kb_scenario_view view, enum kb_language language,
                                         struct seen *seen, struct kb_error *error) {
    static const struct kb_host host = {0};
    struct kb_scenario_options options = {.host = &host,
                                          .language = language,
                                          .view = view,
                                          .output = {seen, look},
                                          .name = "fuzz.kb",
                                          .most_commands = 2000,
                                          .most_references = 20000,
                                          .most_bytes = UINT64_C(8) << 20};
    struct kb_scenario *scenario;
    MUST(kb_scenario_open(&scenario, &options, error) == KB_OK);
    return scenario;
}

static void finish(struct kb_scenario *scenario, struct result *result, const char *said,
                   struct kb_error *error) {
    if (result->status != KB_OK)
        MUST(strncmp(said, "fuzz.kb:", 8) == 0 && said[strlen(said) - 1] != ' ');
    if (scenario->built && !result->patched) {
        const char *broken = kb_os_check(&scenario->os);
        if (broken != NULL) {
            fprintf(stderr, "%s\n", broken);
            abort();
        }
    }
    kb_status ended = kb_scenario_end(scenario, &result->tally, error);
    result->status = result->status == KB_OK ? ended : result->status;
    MUST(result->tally.failed <= result->tally.expectations);
    kb_scenario_free(scenario);
}

static struct result run(const char *text, size_t size, enum kb_scenario_view view,
                         enum kb_language language) {
    struct kb_error error = {.language = language}, later = {.language = language};
    struct seen seen = {0};
    struct result result = {.patched = has(text, size, "patch")};
    struct kb_scenario *scenario = open_scenario(view, language, &seen, &error);
    result.status = kb_scenario_run(scenario, text, size, &error);
    finish(scenario, &result, error.text, &later);
    MUST(view != KB_VIEW_JSON || (seen.bytes > 2 && seen.last == '\n'));
    return result;
}

/* Stops at the first error, as a whole text does. */
static struct result feed(const char *text, size_t size) {
    struct kb_error error = {.language = KB_ENGLISH}, later = {.language = KB_ENGLISH};
    struct seen seen = {0};
    struct result result = {.status = KB_OK, .patched = has(text, size, "patch")};
    struct kb_scenario *scenario = open_scenario(KB_VIEW_QUIET, KB_ENGLISH, &seen, &error);
    for (size_t at = 0; at < size && result.status == KB_OK;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
        result.status = kb_scenario_line(scenario, text + at, length, &error);
        at += length + 1;
    }
    finish(scenario, &result, error.text, &later);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > MOST_TEXT)
        return 0;
    const char *text = (const char *)data;
    struct result first = run(text, size, KB_VIEW_QUIET, KB_ENGLISH);
    /* one of the others, by chance; all of them would take too long */
    enum kb_scenario_view view = size & 1 ? KB_VIEW_JSON : KB_VIEW_NARRATE;
    struct result other = run(text, size, view, size & 2 ? KB_SPANISH : KB_ENGLISH);
    MUST(other.status == first.status);
    MUST(other.tally.commands == first.tally.commands);
    MUST(other.tally.expectations == first.tally.expectations);
    MUST(other.tally.failed == first.tally.failed);
    struct result lines = feed(text, size);
    /* opt wants a whole text, and a text with nothing in it is an error, one line is none */
    if (!has(text, size, "opt") && first.tally.commands > 0) {
        MUST(lines.status == first.status);
        MUST(lines.tally.commands == first.tally.commands);
        MUST(lines.tally.failed == first.tally.failed);
    }
    return 0;
}
