/* staged.h - a store of two levels below memory: pages come and go one by one between memory and
 * the upper one, whole blocks of neighbours between that and the lower one (staging).
 *
 *   memory            level 1        a page a transfer
 *   upper │ block 5 │ block 0 │      level 2, `blocks` of them: a drum, a disk
 *              ▲ promotion  │ demotion
 *   lower │ 0 │ 1 │ 2 │ … │ 5 │ …    level 3, all slots: a mass store
 *           └ block_pages slots each
 *
 * Both levels are stores of any kind, owned; this one has as many slots as the
 * lower. A block is in the upper level because one of its pages was used; the
 * one used least recently makes room. It is written back, whole, if a page of
 * it was written since it came. Blocks that never were in the lower level are
 * not promoted, they begin in the upper one.
 *
 * No copy is given up before the next is known to be good: every write is read
 * back, and compared by checksum, so that a lost or a torn one is an error
 * while the page is still where it was. A block that cannot be demoted stays,
 * and the next one is tried. A page that cannot be read when its block is
 * promoted stays below, where it is tried again; its neighbours come.
 *
 * Memory: 9 bytes a slot, 16 bytes a block, two pages. */
#ifndef KB_STORE_STAGED_H
#define KB_STORE_STAGED_H

#include "store/store.h"

struct kb_stage_counters {
    uint64_t promotions;      /* blocks that came from the lower level */
    uint64_t demotions;       /* blocks that made room in the upper one */
    uint64_t demotion_writes; /* of them: written, since they had been modified */
    uint64_t left_below;      /* pages that could not come with their block */
    uint64_t hits;            /* page transfers whose block was in the upper level */
};

/* Takes ownership of both, but not if it fails. KB_USAGE: pages of two sizes; no pages in a block;
 * an upper level without a whole block. */
kb_status kb_store_staged(struct kb_store *store, const struct kb_store *upper,
                          const struct kb_store *lower, uint32_t block_pages,
                          const struct kb_host *host, struct kb_error *error) KB_MUST_CHECK;

/* Of a store made by kb_store_staged. */
struct kb_stage_counters kb_store_stage_counters(const struct kb_store *store);
/* Its level 2 or 3. */
const struct kb_store *kb_store_stage_level(const struct kb_store *store, unsigned level);

#endif
