/* explain.h - the parts of `kilburn explain`: the request, the way of one address, and costs. */
#ifndef KB_CLI_EXPLAIN_H
#define KB_CLI_EXPLAIN_H

#include "cli.h"

/* X(id, name, argument, questions): every option, whether it takes an argument, and the questions
 * that it belongs to. The first ones, up to WASTE, ask a question of their own. */
#define EXPLAIN_OPTIONS(X)                                                                         \
    X(ACCESS_TIME, "access-time", 1, Q_ACCESS_TIME)                                                \
    X(SPEED, "speed", 1, Q_SPEED)                                                                  \
    X(PAGE_SIZES, "page-sizes", 1, Q_PAGE_SIZES)                                                   \
    X(TABLES, "tables", 1, Q_TABLES)                                                               \
    X(INVERTED, "inverted", 1, Q_INVERTED)                                                         \
    X(REACH, "reach", 1, Q_REACH)                                                                  \
    X(TABLE_SHARE, "table-share", 1, Q_TABLE_SHARE)                                                \
    X(CPU_USE, "cpu-use", 1, Q_CPU_USE)                                                            \
    X(WASTE, "waste", 1, Q_WASTE)                                                                  \
    X(FORMAT, "format", 1, Q_ADDRESS | Q_TABLES)                                                   \
    X(ROOT, "root", 1, Q_ADDRESS)                                                                  \
    X(MEMORY, "memory", 1, Q_ADDRESS)                                                              \
    X(ACCESS, "access", 1, Q_ADDRESS)                                                              \
    X(MODE, "mode", 1, Q_ADDRESS)                                                                  \
    X(SUM, "sum", 0, Q_ADDRESS)                                                                    \
    X(MXR, "mxr", 0, Q_ADDRESS)                                                                    \
    X(AD, "ad", 1, Q_ADDRESS)                                                                      \
    X(PAGE_SIZE, "page-size", 1,                                                                   \
      Q_ADDRESS | Q_PAGE_SIZES | Q_INVERTED | Q_REACH | Q_WASTE | Q_TABLE_SHARE)                   \
    X(FRAME, "frame", 1, Q_ADDRESS)                                                                \
    X(BASE, "base", 1, Q_ADDRESS)                                                                  \
    X(LIMIT, "limit", 1, Q_ADDRESS)                                                                \
    X(SERVICE, "service", 1, Q_ACCESS_TIME)                                                        \
    X(DIRTY_SERVICE, "dirty-service", 1, Q_ACCESS_TIME)                                            \
    X(DIRTY, "dirty", 1, Q_ACCESS_TIME)                                                            \
    X(FAULTS, "faults", 1, Q_ACCESS_TIME)                                                          \
    X(SLOWER, "slower", 1, Q_ACCESS_TIME)                                                          \
    X(ACCESSES, "accesses", 1, Q_SPEED)                                                            \
    X(SEARCH, "search", 1, Q_SPEED)                                                                \
    X(WANTED, "wanted", 1, Q_SPEED)                                                                \
    X(ENTRY, "entry", 1, Q_PAGE_SIZES | Q_INVERTED | Q_TABLE_SHARE)                                \
    X(SEGMENTS, "segments", 1, Q_TABLE_SHARE)                                                      \
    X(SEGMENT_ENTRY, "segment-entry", 1, Q_TABLE_SHARE)                                            \
    X(SEEK, "seek", 1, Q_PAGE_SIZES)                                                               \
    X(LATENCY, "latency", 1, Q_PAGE_SIZES)                                                         \
    X(RATE, "rate", 1, Q_PAGE_SIZES)                                                               \
    X(PROCESSES, "processes", 1, Q_PAGE_SIZES | Q_TABLES | Q_TABLE_SHARE | Q_CPU_USE)              \
    X(JSON, "json", 0, ~0u)                                                                        \
    X(CSV, "csv", 0, (unsigned)~Q_ADDRESS)

enum {
    Q_ADDRESS = 1,
    Q_ACCESS_TIME = 2,
    Q_SPEED = 4,
    Q_PAGE_SIZES = 8,
    Q_TABLES = 16,
    Q_INVERTED = 32,
    Q_REACH = 64,
    Q_WASTE = 128,
    Q_TABLE_SHARE = 256,
    Q_CPU_USE = 512
};

enum explain_option {
#define X(id, name, argument, questions) EXPLAIN_##id,
    EXPLAIN_OPTIONS(X)
#undef X
        EXPLAIN_COUNT
};

struct explain {
    struct cli *cli;
    const char *address;               /* as typed; NULL */
    const char *values[EXPLAIN_COUNT]; /* as typed; NULL: not given. "" if there is no argument */
    bool json, csv;
};

static inline bool explain_has(const struct explain *explain, enum explain_option option) {
    return explain->values[option] != NULL;
}

/* ---- explain_args.c ---- */

const char *explain_name(enum explain_option option); /* "--format" */

/* 0x… or decimal with a unit. An option that is not given leaves value. */
kb_status explain_number(const struct explain *explain, enum explain_option option, uint64_t low,
                         uint64_t high, uint64_t *value);
kb_status explain_parse(const struct explain *explain, const char *what, const char *text,
                        uint64_t *value);

/* 0.9, 17/18, 90%. Likewise. */
kb_status explain_real(const struct explain *explain, enum explain_option option, double low,
                       double high, double *value);

#define EXPLAIN_MOST_REALS 64
struct explain_reals {
    double values[EXPLAIN_MOST_REALS];
    unsigned count;
};
kb_status explain_list(const struct explain *explain, enum explain_option option,
                       const char *otherwise, double low, double high, struct explain_reals *reals);

/* Powers of two. */
kb_status explain_page_sizes(const struct explain *explain, const char *otherwise,
                             struct cli_sizes *sizes);

/* The named format, or one made of "10,10,12" or "9,9,12:4". */
kb_status explain_format(const struct explain *explain, const char *text, struct kb_format *generic,
                         const struct kb_format **format);

/* "0x1234" into text; returns text. */
#define EXPLAIN_TEXT 96
char *explain_hex(uint64_t value, char text[EXPLAIN_TEXT]);

/* ---- explain_address.c: splits, relocation, formats; explain_walk.c: the walk ---- */

kb_status explain_address(const struct explain *explain);

/* The request, and what is known of an address. */
struct explain_way {
    uint64_t typed, linear; /* equal without --base */
    uint64_t base, limit, frame, page_size;
    struct cli_sizes sizes;
    const struct kb_format *format; /* NULL: none */
    struct kb_format generic;
    struct kb_memory memory;
    uint64_t root;
    struct kb_mode mode;
    struct kb_walk walk;
    enum kb_fault fault;
    char why[KB_ERROR_TEXT];
    bool stopped; /* at the relocation: there is no linear address */
    bool has_physical;
    uint64_t physical;
    struct kb_json json; /* if JSON is wanted: open, inside the object */
};

/* Reads the memory and walks; shows the steps. */
kb_status explain_walk_prepare(const struct explain *explain, struct explain_way *way);
void explain_walk_show(const struct explain *explain, struct explain_way *way);

/* fault and physical of the way, as JSON. level: NULL, where no entry was looked at. */
void explain_json_end(struct explain_way *way, const unsigned *level);

/* ---- explain_cost.c ---- */

kb_status explain_cost(const struct explain *explain);

#endif
