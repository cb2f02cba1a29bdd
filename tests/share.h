/* share.h - a small machine whose processes share pages: for tests of one property at a time. */
#ifndef KB_TESTS_SHARE_H
#define KB_TESTS_SHARE_H

#include "harness.h"
#include "host/host.h"
#include "machine.h"

#define PAGE UINT64_C(4096)
#define READ_WRITE (KB_ENTRY_READ | KB_ENTRY_WRITE)

struct share {
    struct kb_os os;
    struct kb_error error;
    struct kb_process *p; /* the first process */
};

static const struct kb_host *host;

static inline void begin(struct share *s, struct machine_wish wish) {
    memset(s, 0, sizeof *s);
    s->error.language = KB_ENGLISH;
    CHECK(machine_make(&s->os, &wish, host, &s->error) == KB_OK);
    CHECK(kb_os_create(&s->os, "P", &s->p) == KB_OK);
    kb_os_switch(&s->os, s->p);
}

static inline void end(struct share *s) {
    const char *wrong = kb_os_check(&s->os);
    CHECK_STR(wrong == NULL ? "" : wrong, "");
    kb_os_free(&s->os);
}

static inline bool store(struct share *s, struct kb_process *p, uint64_t page, uint64_t word) {
    bool done;
    kb_os_switch(&s->os, p);
    CHECK(kb_os_store(&s->os, page * PAGE + 8, &word, 8, &done) == KB_OK);
    return done;
}

static inline bool load(struct share *s, struct kb_process *p, uint64_t page, uint64_t *word) {
    bool done;
    kb_os_switch(&s->os, p);
    CHECK(kb_os_load(&s->os, page * PAGE + 8, word, 8, &done) == KB_OK);
    return done;
}

/* The word, or a number that no test stores. */
static inline uint64_t word_at(struct share *s, struct kb_process *p, uint64_t page) {
    uint64_t word = 0;
    return load(s, p, page, &word) ? word : UINT64_MAX;
}

static inline struct kb_process *fork_of(struct share *s, struct kb_process *parent,
                                         const char *name) {
    struct kb_process *child = NULL;
    bool refused;
    CHECK(kb_os_fork(&s->os, parent, name, &child, &refused) == KB_OK && !refused);
    return child;
}

static inline bool region_at(struct share *s, struct kb_process *p, struct kb_region region) {
    bool refused;
    CHECK(kb_os_region(&s->os, p, &region, &refused) == KB_OK);
    return !refused;
}

static inline bool show(struct share *s, struct kb_process *p, uint32_t object, uint64_t first,
                        uint64_t pages, bool shared) {
    return region_at(s, p,
                     (struct kb_region){.start = first * PAGE,
                                        .end = (first + pages) * PAGE,
                                        .rights = READ_WRITE,
                                        .object = object + 1,
                                        .shared = shared});
}

static inline uint32_t memory_of(struct share *s, uint64_t pages) {
    uint32_t object = KB_NO_OBJECT;
    CHECK(kb_os_shared(&s->os, "memory", pages * PAGE, &object) == KB_OK);
    return object;
}

static inline uint32_t file_of(struct share *s, uint64_t pages, struct kb_store *failing) {
    uint32_t object = KB_NO_OBJECT;
    struct kb_store blocks;
    CHECK(kb_store_memory(&blocks, PAGE, pages, host, &s->error) == KB_OK);
    if (failing != NULL) {
        CHECK(kb_store_failing(failing, &blocks, &s->error) == KB_OK);
        blocks = *failing;
    }
    CHECK(kb_os_file(&s->os, "file", pages * PAGE, NULL, &blocks, &object) == KB_OK);
    return object;
}

static inline uint64_t word_in_file(struct share *s, uint32_t object, uint64_t page) {
    uint64_t word = 0;
    CHECK(kb_os_file_bytes(&s->os, object, page * PAGE + 8, &word, 8) == KB_OK);
    return word;
}

static inline const struct kb_page *page_at(const struct share *s, const struct kb_process *p,
                                            uint64_t number) {
    uint32_t mapping = kb_pages_find(&s->os.pages, p->number, number);
    return &s->os.pages.page[s->os.pages.mapping[mapping].page];
}

struct share_test {
    const char *name;
    void (*run)(void);
};
#define TEST(name)                                                                                 \
    { #name, name }

/* All tests, or the one that the program is asked for. */
static inline int share_main(int argc, char **argv, const struct share_test *tests, size_t count) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host made;
    CHECK(kb_host_open(&made, 1, &error) == KB_OK);
    host = &made;
    for (size_t i = 0; i < count; i++)
        if (argc < 2 || strcmp(argv[1], tests[i].name) == 0)
            tests[i].run();
    kb_host_close(&made);
    return harness_end();
}

#endif
