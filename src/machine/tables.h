/* tables.h - page tables as the operating system builds them in memory: new tables, entries, and
 * their end.
 *
 *   memory  │ frames of processes │ tables …                  │
 *           0                     start        end            limit
 *
 * Tables lie behind the frames, each aligned to a page; the memory grows as
 * they do. Tables that were given back are kept in a chain for each depth.
 * What is in use is noted apart from the memory, since anybody may write there. */
#ifndef KB_MACHINE_TABLES_H
#define KB_MACHINE_TABLES_H

#include "base/host.h"
#include "machine/format.h"

#define KB_NO_TABLE UINT64_MAX

struct kb_table_note {
    uint64_t next; /* free: the next table of its chain, or KB_NO_TABLE */
    unsigned used; /* depth + 1; 0: free, or no table begins here */
};

/* Who gives tables their place, where they share the frames with pages; take NULL: nobody, they lie
 * behind the frames. entry: of the table above, KB_NO_TABLE of a root; address: virtual. A table
 * has at most the bytes of a page. */
struct kb_table_frames {
    void *context;
    kb_status (*take)(void *context, unsigned depth, uint64_t entry, uint64_t address,
                      uint64_t *table);
    void (*give_back)(void *context, uint64_t table);
};

struct kb_tables {
    struct kb_table_frames frames;
    struct kb_memory *memory; /* grows here */
    const struct kb_format *format;
    const struct kb_host *host;
    uint64_t start, end, limit;    /* physical addresses */
    uint64_t free[KB_MOST_LEVELS]; /* the first table of each chain, or KB_NO_TABLE */
    uint64_t count, bytes;         /* tables now, their bytes */
    uint64_t most, peak;           /* the most tables at once, and bytes */
    struct kb_table_note *note;    /* one for each page from start on, as far as tables begin */
    uint64_t notes;
};

/* start: a multiple of the page size, at the end of the memory. limit: the most bytes of tables. */
void kb_tables_init(struct kb_tables *tables, struct kb_memory *memory,
                    const struct kb_format *format, uint64_t start, uint64_t limit,
                    const struct kb_host *host);

/* Forgets the notes; the memory is its owner's. */
void kb_tables_end(struct kb_tables *tables);

/* bytes of zeroed memory behind all frames and tables, for anything that the system keeps there. */
kb_status kb_tables_reserve(struct kb_tables *tables, uint64_t bytes, uint64_t *address,
                            struct kb_error *error) KB_MUST_CHECK;

/* A table of this depth with all entries invalid. */
kb_status kb_tables_new(struct kb_tables *tables, unsigned depth, uint64_t *address,
                        struct kb_error *error) KB_MUST_CHECK;

/* The same for one that will hang below an entry, and shows a virtual address; the caller writes
 * the entry. */
kb_status kb_tables_new_below(struct kb_tables *tables, unsigned depth, uint64_t entry,
                              uint64_t virtual, uint64_t *address,
                              struct kb_error *error) KB_MUST_CHECK;

/* Physical address of the leaf entry of a virtual address at this depth; missing tables above it
 * are made. */
kb_status kb_tables_make(struct kb_tables *tables, uint64_t root, uint64_t address, unsigned depth,
                         uint64_t *entry, struct kb_error *error) KB_MUST_CHECK;

/* Physical address of the leaf entry, its depth in *depth; KB_NO_TABLE if a table above is
 * missing. */
uint64_t kb_tables_find(const struct kb_tables *tables, uint64_t root, uint64_t address,
                        unsigned *depth);

/* Gives back one table of this depth; what is none that is in use stays as it is. */
void kb_tables_give_back(struct kb_tables *tables, uint64_t table, unsigned depth);

/* Gives back the root and all tables under its entries first … end − 1. */
void kb_tables_free(struct kb_tables *tables, uint64_t root, uint64_t first, uint64_t end);

#endif
