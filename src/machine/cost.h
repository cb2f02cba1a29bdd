/* cost.h - what translation, tables and faults cost: the arithmetic, without a machine.
 *
 *   time of an access   (1 − p) m + p s       m memory, s service of a fault, p faults an access
 *   relative speed      1 / (1 + a + n (1 − h))   a search, n table accesses on a miss, h hit ratio
 *   page size           tables shrink with it, waste grows: S e / P + P / 2 is least at √(2 S e)
 *
 * Times have the caller's unit unless a name says it. */
#ifndef KB_MACHINE_COST_H
#define KB_MACHINE_COST_H

#include "machine/format.h"

/* ---- addresses ---- */

/* page_size is a power of two. */
struct kb_split {
    uint64_t page, offset;
};
struct kb_split kb_cost_split(uint64_t address, uint64_t page_size);

/* page and offset side by side: (frame × page_size) | offset. False if it passes 64 bits. */
bool kb_cost_join(uint64_t frame, uint64_t offset, uint64_t page_size, uint64_t *address);

/* base + offset; legal iff offset < limit (0: there is no limit), and the sum has 64 bits. */
enum kb_fault kb_cost_relocate(uint64_t base, uint64_t limit, uint64_t offset, uint64_t *linear);

/* ---- time ---- */

double kb_cost_access_time(double memory, double service, double faults);

/* Mean service time if this share of the victims has to be written first. */
double kb_cost_service(double clean, double dirty, double share);

/* The greatest ratio of faults for which an access takes `most` on the average; 1 if any will do,
 * −1 if none will, since the memory alone takes longer. */
double kb_cost_most_faults(double memory, double service, double most);

/* The share of the time in which at least one of n processes does not wait, if each waits the
 * share p of its own, by itself: 1 − pⁿ (Tanenbaum, Modern Operating Systems). */
double kb_cost_cpu_use(double wait, uint64_t processes);

/* Storage cycles of a reference: 1 + a + n (1 − h). Relative speed is its inverse. */
double kb_cost_cycles(double search, double accesses, double hits);

/* The hit ratio that a relative speed needs; above 1 if none suffices, 0 if any does. */
double kb_cost_hits_needed(double search, double accesses, double speed);

/* ---- page size ---- */

struct kb_disk {
    double seek, latency;    /* ms */
    double bytes_per_second; /* transfer */
};

struct kb_page_study {
    uint64_t page_size, pages, table_bytes;
    double mean_waste;           /* P / 2: of a size that may be any real number */
    double exact_waste;          /* (P − 1) / 2: of whole bytes */
    double overhead;             /* table and mean waste */
    double page_ms, transfer_ms; /* one page from the disk, and the transfer's part of it */
    double space_seconds;        /* the whole space, page by page */
};

/* Milliseconds of so many transfers, each of which seeks and waits once, with so many bytes in all.
 */
double kb_cost_disk_ms(const struct kb_disk *disk, uint64_t transfers, uint64_t bytes);

/* Of a space of so many bytes; pages are rounded up. False if the table passes 64 bits. */
bool kb_cost_page_size(uint64_t space, uint64_t page_size, uint64_t entry_bytes,
                       const struct kb_disk *disk, struct kb_page_study *study);

/* Where table bytes and mean waste together are least, were any size possible: √(2 S e). */
double kb_cost_best_page_size(uint64_t space, uint64_t entry_bytes);

/* The end of the last page: of a program of so many bytes. */
struct kb_waste {
    uint64_t pages, resident, waste;
};
struct kb_waste kb_cost_waste(uint64_t bytes, uint64_t page_size);

/* ---- tables ---- */

/* Addresses first … last are mapped. */
struct kb_range {
    uint64_t first, last;
};

struct kb_table_sizes {
    uint64_t count[KB_MOST_LEVELS]; /* by depth */
    uint64_t bytes;                 /* of all */
    uint64_t flat_bytes;            /* of one table for the whole space; 0: more than 64 bits */
};

/* Tables of one process that maps these ranges with pages (no superpages). Sorts them. */
void kb_cost_tables(const struct kb_format *format, struct kb_range *ranges, size_t count,
                    struct kb_table_sizes *tables);

/* One entry a frame, whatever the processes. False if it passes 64 bits. */
bool kb_cost_inverted(uint64_t memory, uint64_t page_size, uint64_t entry_bytes, uint64_t *bytes);

/* Segment and page tables of so many processes, each with these segments of so many pages, in a
 * memory that they share with the pages. False if something passes 64 bits. */
struct kb_table_share {
    uint64_t each, all;    /* bytes of one process's tables, of all */
    uint64_t left, frames; /* bytes of memory that are left, and whole pages of them */
    uint64_t most;         /* processes whose tables fit */
    double share;          /* of the memory; above 1 they cannot all start */
};
bool kb_cost_table_share(uint64_t memory, uint64_t page_size, const uint64_t *segments,
                         size_t count, uint64_t segment_entry, uint64_t page_entry,
                         uint64_t processes, struct kb_table_share *share);

/* What a TLB covers. False if it passes 64 bits. */
bool kb_cost_reach(uint64_t entries, uint64_t page_size, uint64_t *bytes);

#endif
