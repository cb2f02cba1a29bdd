/* intern.h - from page numbers to dense ids, in the order of first touch.
 *
 * Open addressing with linear probing, at most half full. Numbers are looked
 * up in batches, so that the table's cache misses overlap.
 *
 *   entry | number : 64 | process : 32 | id + 1 : 32 |      id + 1 = 0: empty
 */
#ifndef KB_TRACE_INTERN_H
#define KB_TRACE_INTERN_H

#include "base/host.h"
#include "base/run.h"

#define KB_MAX_PAGES ((UINT32_C(1) << 30) - 2)
#define KB_INTERN_BATCH 1024

struct kb_intern_entry {
    uint64_t number;
    uint32_t process;
    uint32_t id_plus_1;
};

struct kb_intern {
    struct kb_intern_entry *table;
    uint64_t *numbers;   /* by id */
    uint32_t *processes; /* by id; NULL while all are process 0 */
    uint64_t slots;      /* a power of two */
    uint32_t count;      /* ids given */
    uint32_t room;       /* of numbers and processes */
    const struct kb_host *host;
};

kb_status kb_intern_init(struct kb_intern *intern, const struct kb_host *host,
                         struct kb_error *error) KB_MUST_CHECK;

/* ids[i] = the id of numbers[i], for count ≤ KB_INTERN_BATCH numbers of one process. */
kb_status kb_intern_batch(struct kb_intern *intern, uint32_t process, const uint64_t *numbers,
                          uint32_t *ids, uint32_t count, struct kb_error *error) KB_MUST_CHECK;

/* Gives back the table, but keeps the numbers. Nothing can be interned afterwards. */
void kb_intern_close_table(struct kb_intern *intern);

void kb_intern_free(struct kb_intern *intern);

#endif
