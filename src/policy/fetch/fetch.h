/* fetch.h - the contract of a fetch strategy (estrategia de búsqueda), and the table of all of
 * them.
 *
 * A strategy decides which pages come before they are needed. It is one file
 * in this folder, written once, and serves every host.
 *
 *   host                                          strategy
 *   ----                                          --------
 *   a page faults, or one that came ahead    ──►  note: learns the order of such pages
 *   is used for the first time
 *   the same, where the spec says so (`on`)  ──►  propose: pages that will follow, the next one
 * first brings those that are legal, absent, and for which there is a frame (`evict`), in that
 * order, up to the first without one
 *
 * The first use of a page that came ahead stands for the fault that it has
 * saved: what a strategy learns does not depend on how well it foresaw. Page
 * numbers are those of one process's space, and each process has a state of
 * its own. State is the caller's, `size` bytes, zero at first, without inner
 * pointers: copying it clones it. */
#ifndef KB_POLICY_FETCH_FETCH_H
#define KB_POLICY_FETCH_FETCH_H

#include <stdbool.h>

#include "policy/option.h"

#define KB_FETCH_MOST 64 /* pages that come at once */

struct kb_fetch {
    const char *name;
    enum kb_message title; /* one line of description */
    const char *source;    /* author, year */
    const struct kb_option *options;
    unsigned option_count; /* 0: nothing comes ahead, and the hooks are NULL */
    size_t (*size)(const uint64_t values[KB_MAX_OPTIONS]);
    /* NULL: it has nothing to learn. */
    void (*note)(void *state, const uint64_t values[KB_MAX_OPTIONS], uint64_t page);
    /* After the note of `page`. Writes up to KB_FETCH_MOST page numbers, all different and none of
     * them `page`, and returns how many. */
    unsigned (*propose)(const void *state, const uint64_t values[KB_MAX_OPTIONS], uint64_t page,
                        uint64_t *pages);
};

/* What all of them have that bring pages ahead, in this order; further options follow. */
enum kb_fetch_option { KB_FETCH_DEPTH, KB_FETCH_EVICT, KB_FETCH_ON, KB_FETCH_OWN };

#define KB_FETCH_OPTIONS                                                                           \
    {"depth", KB_MSG_option_depth, 1, KB_FETCH_MOST, 1, NULL},                                     \
        {"evict", KB_MSG_option_evict, 0, 1, 0, "no,yes"}, {                                       \
        "on", KB_MSG_option_on, 0, 1, 0, "fault,use"                                               \
    }

/* A strategy with its options' values. fetch NULL: demand. */
struct kb_fetch_spec {
    const struct kb_fetch *fetch;
    uint64_t values[KB_MAX_OPTIONS];
};

/* The strategies of fetches.def in its order, ended by NULL. */
extern const struct kb_fetch *const kb_fetches[];

/* Reads "name:option=value:…". KB_USAGE. */
kb_status kb_fetch_parse(const char *text, struct kb_fetch_spec *spec,
                         struct kb_error *error) KB_MUST_CHECK;

/* The options that differ from their presets: ":depth=3:evict=yes"; "" if none. Returns text. */
char *kb_fetch_options(const struct kb_fetch_spec *spec, char *text, size_t room);

/* Whether anything comes ahead. */
static inline bool kb_fetch_looks_ahead(const struct kb_fetch_spec *spec) {
    return spec->fetch != NULL && spec->fetch->propose != NULL;
}

static inline bool kb_fetch_may_evict(const struct kb_fetch_spec *spec) {
    return spec->values[KB_FETCH_EVICT] != 0;
}

/* Whether the first use of a page that came ahead brings others, too. */
static inline bool kb_fetch_on_use(const struct kb_fetch_spec *spec) {
    return spec->values[KB_FETCH_ON] != 0;
}

static inline size_t kb_fetch_size(const struct kb_fetch_spec *spec) {
    return kb_fetch_looks_ahead(spec) ? spec->fetch->size(spec->values) : 0;
}

/* Tells of a fault, or of the first use of a page that came ahead, and asks what is to follow. */
static inline unsigned kb_fetch_next(const struct kb_fetch_spec *spec, void *state, uint64_t page,
                                     bool fault, uint64_t pages[KB_FETCH_MOST]) {
    if (spec->fetch->note != NULL)
        spec->fetch->note(state, spec->values, page);
    return fault || kb_fetch_on_use(spec) ? spec->fetch->propose(state, spec->values, page, pages)
                                          : 0;
}

#endif
