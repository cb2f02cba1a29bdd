/* fuzz_generators.c - specs of synthetic traces, fed with anything.
 *
 * A spec that is accepted is run for some references in pieces of changing
 * size. Specs with long numbers or units are passed over where they would only
 * make large tables (zipf). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/generate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST_SPEC 256
#define LONGEST_RUN 5000

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Whether a number of more than four digits, or with a unit, gives the pages of a zipf. */
static bool large(const char *spec) {
    const char *pages = strstr(spec, "zipf") == NULL ? NULL : strstr(spec, "pages=");
    size_t digits = 0;
    if (pages == NULL)
        return false;
    pages += strlen("pages=");
    while (pages[digits] == '0')
        pages++;
    digits = strspn(pages, "0123456789");
    return digits > 4 || (pages[digits] != '\0' && pages[digits] != ':');
}

static void run(struct kb_generator *generator) {
    struct kb_trace_access accesses[97];
    uint64_t references = kb_generator_references(generator), done = 0;
    size_t got, room = 1;
    bool page_numbers = kb_generator_page_numbers(generator);
    MUST(references > 0);
    do {
        kb_generator_next(generator, accesses, room, &got);
        MUST(got <= room && got <= references - done);
        MUST(got > 0 || done == references);
        for (size_t i = 0; i < got; i++) {
            MUST(accesses[i].size >= 1 && (accesses[i].kind & ~KB_ACCESS_RELEASES) <= KB_WRITE);
            MUST(!page_numbers || accesses[i].address < UINT64_C(1) << 63);
            MUST(accesses[i].address + (accesses[i].size - 1) >= accesses[i].address);
        }
        done += got;
        room = room % 97 + 1;
    } while (got > 0 && done < LONGEST_RUN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char spec[LONGEST_SPEC];
    struct kb_error error = {.language = KB_SPANISH};
    struct kb_generator *generator;
    if (size >= sizeof spec)
        return 0;
    if (size > 0)
        memcpy(spec, data, size);
    spec[size] = '\0';
    if (large(spec))
        return 0;
    if (kb_generator_new(spec, &generator, &error) == KB_OK)
        run(generator);
    else
        MUST(generator == NULL && error.text[0] != '\0');
    kb_generator_free(generator);
    return 0;
}
