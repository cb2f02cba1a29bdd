/* future.c - the whole trace in memory, and for each run when its page is used next. */
#include <string.h>

#include "replay/replay.h"

void kb_future_init(struct kb_future *future, const struct kb_host *host) {
    memset(future, 0, sizeof *future);
    future->host = host;
}

static kb_status make_room(struct kb_future *future, uint64_t count, struct kb_error *error) {
    if (count + KB_FUTURE_PADDING <= future->room)
        return KB_OK;
    uint64_t room = future->room < 1 << 20 ? 1 << 20 : future->room + future->room / 2;
    if (room < count + KB_FUTURE_PADDING)
        room = count + KB_FUTURE_PADDING;
    if (count + KB_FUTURE_PADDING >= UINT32_MAX)
        return kb_fail(error, KB_UNSUPPORTED, KB_MSG_future_too_long);
    if (room >= UINT32_MAX)
        room = UINT32_MAX - 1;
    uint32_t *runs = kb_grow(future->host, future->runs, (size_t)future->room * sizeof *runs,
                             (size_t)room * sizeof *runs);
    if (runs == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "opt",
                       (unsigned long long)room * sizeof *runs);
    future->runs = runs;
    future->room = room;
    return KB_OK;
}

kb_status kb_future_append(struct kb_future *future, const struct kb_block *block,
                           struct kb_error *error) {
    kb_status status = make_room(future, future->count + block->count, error);
    if (status != KB_OK)
        return status;
    uint32_t *to = future->runs + future->count;
    for (uint32_t i = 0; i < block->count; i++)
        to[i] = block->runs[i].page | block->runs[i].word << 30;
    future->count += block->count;
    future->references += block->references;
    future->pages = block->pages;
    return KB_OK;
}

kb_status kb_future_finish(struct kb_future *future, struct kb_error *error) {
    size_t next_bytes = (size_t)future->room * sizeof *future->next;
    size_t last_bytes = (size_t)future->pages * sizeof(uint32_t);
    if (future->next != NULL || future->count == 0)
        return KB_OK;
    uint32_t *next = kb_take(future->host, next_bytes);
    uint32_t *last = kb_take(future->host, last_bytes); /* by page: its earliest run so far */
    if (next == NULL || last == NULL) {
        kb_give_back(future->host, next, next_bytes);
        kb_give_back(future->host, last, last_bytes);
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "opt",
                       (unsigned long long)next_bytes + last_bytes);
    }
    /* From behind, so that next is written in order; run 0 is nobody's next. */
    const uint32_t *runs = future->runs;
    for (uint64_t i = future->count; i-- > 0;) {
        __builtin_prefetch(&last[runs[i >= 32 ? i - 32 : 0] & KB_FUTURE_PAGE], 1);
        uint32_t page = runs[i] & KB_FUTURE_PAGE;
        next[i] = last[page];
        last[page] = (uint32_t)i;
    }
    kb_give_back(future->host, last, last_bytes);
    future->next = next;
    return KB_OK;
}

void kb_future_free(struct kb_future *future) {
    kb_give_back(future->host, future->runs, (size_t)future->room * sizeof *future->runs);
    kb_give_back(future->host, future->next, (size_t)future->room * sizeof *future->next);
    memset(future, 0, sizeof *future);
}
