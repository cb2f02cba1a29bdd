/* family.h - the contract of a family of synthetic traces: one file a family, one table each.
 *
 * generate.c parses NAME:option=value:…, checks every value against the
 * family's options, and owns the generator; the family fills in `references`
 * and its own state in start, and then produces accesses. */
#ifndef KB_TRACE_GENERATE_FAMILY_H
#define KB_TRACE_GENERATE_FAMILY_H

#include "base/random.h"
#include "base/units.h"
#include "trace/generate.h"

#define KB_MOST_OPTIONS 8
#define KB_MOST_PAGES (UINT64_C(1) << 63) /* page numbers stay below */

enum kb_option_type {
    KB_OPTION_NUMBER, /* least … most, units allowed */
    KB_OPTION_REAL,   /* 0 … most, decimal */
    KB_OPTION_WORD    /* one of words, its place is the number */
};

struct kb_option {
    const char *name;
    enum kb_option_type type;
    uint64_t least, most;
    uint64_t number;   /* the default */
    double real;       /* the default of a REAL */
    const char *words; /* of a WORD: "rows columns" */
};

/* Options that mean the same everywhere. */
#define KB_OPTION_SEED                                                                             \
    { .name = "seed", .least = 0, .most = UINT64_MAX, .number = 1 }
#define KB_OPTION_WRITES                                                                           \
    { .name = "writes", .least = 0, .most = 100, .number = 0 }
#define KB_OPTION_REFERENCES                                                                       \
    { .name = "references", .least = 1, .most = UINT64_MAX, .number = 100000 }

struct kb_family {
    const char *name;
    const char *usage; /* a spec with all options and defaults; a word with its alternatives:
                          rows|columns */
    bool addresses;    /* accesses are addresses, not page numbers */
    struct kb_option options[KB_MOST_OPTIONS];
    kb_status (*start)(struct kb_generator *generator, struct kb_error *error);
    /* Exactly count accesses. */
    void (*next)(struct kb_generator *generator, struct kb_trace_access *accesses, size_t count);
};

struct kb_generator {
    const struct kb_family *family;
    uint64_t number[KB_MOST_OPTIONS]; /* values in the order of the family's options */
    double real[KB_MOST_OPTIONS];
    bool given[KB_MOST_OPTIONS]; /* not a default */
    uint64_t references;         /* in all */
    uint64_t done;               /* of them */
    uint64_t writes;             /* per cent */
    struct kb_random random;
    /* The family's own: */
    uint64_t place;    /* where it is in a pass, loop or row */
    uint64_t repeated; /* times that this page has come, or the row */
    double *shares;    /* zipf: see there; freed with the generator */
    uint32_t *guide;
    uint32_t *pages;
};

#define KB_FAMILY(name) extern const struct kb_family kb_family_##name;
#include "trace/generate/families.def"
#undef KB_FAMILY

/* One draw of the kind: a write in `writes` of 100 cases. No draw if writes is 0. */
static inline uint32_t kb_draw_kind(struct kb_random *random, uint64_t writes) {
    if (writes == 0)
        return KB_READ;
    return kb_random_below(random, 100) < writes ? KB_WRITE : KB_READ;
}

/* references = a × b, or a clear error. */
static inline kb_status kb_set_references(struct kb_generator *generator, uint64_t a, uint64_t b,
                                          struct kb_error *error) {
    if (!kb_multiply(a, b, &generator->references))
        return kb_fail(error, KB_USAGE, KB_MSG_generator_too_many, generator->family->name);
    return KB_OK;
}

#endif
