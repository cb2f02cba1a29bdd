/* stage.c - a paging file of two levels: blocks of pages stand in the upper one while they are used
 * (store/staged.h). Each level can be told to fail by itself. */
#include <string.h>

#include "base/units.h"
#include "scenario/session.h"

#define MOST_STAGED 65536 /* pages of level 2 */

kb_status kb_scenario_read_stage(struct kb_scenario *s, const struct kb_word *value,
                                 uint64_t *blocks, uint64_t *pages) {
    const char *comma = memchr(value->at, ',', value->length);
    size_t before = comma != NULL ? (size_t)(comma - value->at) : 0;
    if (comma != NULL && kb_parse_size(value->at, before, blocks) &&
        kb_parse_size(comma + 1, value->length - before - 1, pages) && *blocks > 0 &&
        *blocks <= MOST_STAGED && *pages > 0 && *pages <= MOST_STAGED / *blocks)
        return KB_OK;
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, "stage",
                   (int)(value->length < 60 ? value->length : 60), value->at, "4,8");
}

/* Makes *store one that can fail as it is told; it is closed if that is impossible. */
static kb_status can_fail(struct kb_scenario *s, struct kb_store *store) {
    struct kb_store failing;
    kb_status status = kb_store_failing(&failing, store, s->error);
    if (status == KB_OK)
        *store = failing;
    else
        kb_store_close(store);
    return status;
}

kb_status kb_scenario_stage(struct kb_scenario *s, struct kb_store *store, uint32_t blocks,
                            uint32_t pages) {
    struct kb_store upper, staged;
    kb_status status = can_fail(s, store);
    if (status != KB_OK)
        return status;
    status = kb_store_memory(&upper, store->page_bytes, (uint64_t)blocks * pages, s->options.host,
                             s->error);
    if (status == KB_OK)
        status = can_fail(s, &upper);
    if (status == KB_OK) {
        status = kb_store_staged(&staged, &upper, store, pages, s->options.host, s->error);
        if (status != KB_OK)
            kb_store_close(&upper);
    }
    if (status == KB_OK)
        *store = staged;
    else
        kb_store_close(store);
    return status;
}

/* The paging file's staged store, under the one that fails as a whole. */
static const struct kb_store *staged(const struct kb_scenario *s) {
    return kb_store_wrapped(&s->os.swap.store);
}

const struct kb_store *kb_scenario_stage_level(const struct kb_scenario *s, uint64_t level) {
    if (!s->staged || level < 2 || level > 3)
        return NULL;
    return kb_store_stage_level(staged(s), (unsigned)level);
}

struct kb_stage_counters kb_scenario_stage_counters(const struct kb_scenario *s) {
    return s->staged && s->built ? kb_store_stage_counters(staged(s))
                                 : (struct kb_stage_counters){0};
}
