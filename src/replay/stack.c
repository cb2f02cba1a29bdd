/* stack.c - LRU at all memory sizes in one pass. */
#include "replay/stack.h"

#include <string.h>

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "LRU stack", (unsigned long long)bytes);
}

static size_t words_of(uint32_t slots) { return (size_t)slots / 64; }
static size_t blocks_of(uint32_t slots) { return (size_t)slots / KB_STACK_BLOCK + 1; }

kb_status kb_stack_init(struct kb_stack *stack, uint32_t largest, const struct kb_host *host,
                        struct kb_error *error) {
    size_t sizes = (size_t)largest + 3;
    memset(stack, 0, sizeof *stack);
    stack->host = host;
    stack->largest = largest;
    memset(stack->top, 0xff, sizeof stack->top);
    stack->at_distance = kb_take(host, sizes * sizeof *stack->at_distance);
    stack->written = kb_take(host, sizes * sizeof *stack->written);
    stack->dirty = kb_take(host, sizes * sizeof *stack->dirty);
    if (stack->at_distance == NULL || stack->written == NULL || stack->dirty == NULL) {
        kb_stack_free(stack);
        return out_of_memory(error, sizes * 24);
    }
    return KB_OK;
}

/* ---- the line ---- */

static void tree_add(struct kb_stack *stack, uint32_t slot, uint32_t change) {
    uint32_t blocks = stack->slots / KB_STACK_BLOCK;
    for (uint32_t i = slot / KB_STACK_BLOCK + 1; i <= blocks; i += i & -i)
        stack->tree[i] += change;
}

/* Taken slots in the blocks before that of slot. */
static uint32_t tree_before(const struct kb_stack *stack, uint32_t slot) {
    uint32_t sum = 0;
    for (uint32_t i = slot / KB_STACK_BLOCK; i > 0; i -= i & -i)
        sum += stack->tree[i];
    return sum;
}

/* Taken slots from `slot` on. */
static uint32_t distance(const struct kb_stack *stack, uint32_t slot) {
    uint32_t word = slot / 64, end = stack->next / 64, first = word & ~63u;
    uint64_t own = stack->taken[word] >> (slot % 64);
    if (end - word <= 16) { /* near the top: count directly */
        uint32_t sum = (uint32_t)__builtin_popcountll(own);
        for (uint32_t w = word + 1; w <= end; w++)
            sum += (uint32_t)__builtin_popcountll(stack->taken[w]);
        return sum;
    }
    uint32_t before = tree_before(stack, slot);
    for (uint32_t w = first; w < word; w++)
        before += (uint32_t)__builtin_popcountll(stack->taken[w]);
    uint64_t below = stack->taken[word] & ~(~UINT64_C(0) << (slot % 64));
    return stack->pages - stack->top_count - before - (uint32_t)__builtin_popcountll(below);
}

static void build_tree(struct kb_stack *stack) {
    uint32_t blocks = stack->slots / KB_STACK_BLOCK;
    memset(stack->tree, 0, blocks_of(stack->slots) * sizeof *stack->tree);
    for (uint32_t i = 1; i <= blocks; i++) {
        for (uint32_t w = 0; w < KB_STACK_BLOCK / 64; w++)
            stack->tree[i] +=
                (uint32_t)__builtin_popcountll(stack->taken[(i - 1) * (KB_STACK_BLOCK / 64) + w]);
        uint32_t above = i + (i & -i);
        if (above <= blocks)
            stack->tree[above] += stack->tree[i];
    }
}

/* Closes the gaps, and makes the line long enough that this is rare. */
static bool close_gaps(struct kb_stack *stack) {
    uint64_t wanted = ((uint64_t)stack->pages + 1) * 4;
    uint32_t slots = stack->slots, old_slots = stack->slots, to = 0;
    if (wanted > slots)
        slots = (uint32_t)(wanted / 65536 * 65536 + 65536);
    uint32_t *page_at = kb_take(stack->host, (size_t)slots * sizeof *page_at);
    uint64_t *taken = kb_take(stack->host, (words_of(slots) + 1) * sizeof *taken);
    uint32_t *tree = kb_take(stack->host, blocks_of(slots) * sizeof *tree);
    if (page_at == NULL || taken == NULL || tree == NULL) {
        kb_give_back(stack->host, page_at, (size_t)slots * sizeof *page_at);
        kb_give_back(stack->host, taken, (words_of(slots) + 1) * sizeof *taken);
        kb_give_back(stack->host, tree, blocks_of(slots) * sizeof *tree);
        return false;
    }
    for (uint32_t from = 0; from < stack->next; from++) {
        if (!(stack->taken[from / 64] >> (from % 64) & 1))
            continue;
        uint32_t page = stack->page_at[from];
        page_at[to] = page;
        taken[to / 64] |= UINT64_C(1) << (to % 64);
        stack->slot[page] = ++to;
    }
    kb_give_back(stack->host, stack->page_at, (size_t)old_slots * sizeof *page_at);
    kb_give_back(stack->host, stack->taken, (words_of(old_slots) + 1) * sizeof *taken);
    kb_give_back(stack->host, stack->tree, blocks_of(old_slots) * sizeof *tree);
    stack->page_at = page_at;
    stack->taken = taken;
    stack->tree = tree;
    stack->slots = slots;
    stack->next = to;
    build_tree(stack);
    return true;
}

static kb_status grow_pages(struct kb_stack *stack, uint32_t pages, struct kb_error *error) {
    if (pages <= stack->page_room)
        return KB_OK;
    size_t room = pages + pages / 2;
    uint32_t *slot = kb_take(stack->host, room * 4), *dirty = kb_take(stack->host, room * 4);
    if (slot == NULL || dirty == NULL) {
        kb_give_back(stack->host, slot, room * 4);
        kb_give_back(stack->host, dirty, room * 4);
        return out_of_memory(error, room * 8);
    }
    if (stack->page_room > 0) {
        memcpy(slot, stack->slot, stack->page_room * 4);
        memcpy(dirty, stack->dirty_from, stack->page_room * 4);
    }
    memset(dirty + stack->page_room, 0xff, (room - stack->page_room) * 4);
    kb_give_back(stack->host, stack->slot, stack->page_room * 4);
    kb_give_back(stack->host, stack->dirty_from, stack->page_room * 4);
    stack->slot = slot;
    stack->dirty_from = dirty;
    stack->page_room = room;
    return KB_OK;
}

/* ---- references ---- */

/* Sizes from … to − 1 wrote the page back once more. */
static void note_written(struct kb_stack *stack, uint32_t from, uint32_t to) {
    uint32_t end = stack->largest + 1;
    if (from >= to || from >= end)
        return;
    stack->written[from]++;
    stack->written[to < end ? to : end]--;
}

static void take_slot(struct kb_stack *stack, uint32_t page) {
    uint32_t slot = stack->next++;
    stack->page_at[slot] = page;
    stack->taken[slot / 64] |= UINT64_C(1) << (slot % 64);
    tree_add(stack, slot, 1);
    stack->slot[page] = slot + 1;
}

static void leave_slot(struct kb_stack *stack, uint32_t slot) {
    stack->taken[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    tree_add(stack, slot, (uint32_t)-1);
}

/* The page becomes the first of the list, and those before its old place move down. Returns that
 * place; KB_STACK_TOP if it was not there: then *last has left the list (or was KB_NO_PAGE). */
static uint32_t to_the_top(struct kb_stack *stack, uint32_t page, uint32_t *last) {
    uint32_t carried = page;
    for (uint32_t i = 0; i < KB_STACK_TOP; i++) {
        uint32_t here = stack->top[i];
        stack->top[i] = carried;
        if (here == page)
            return i;
        carried = here;
    }
    *last = carried;
    return KB_STACK_TOP;
}

/* A page has come to the list that was not there, and another one has left it. Returns the page's
 * distance; for one that was never used, a distance that is too far for any memory. */
static uint32_t exchange(struct kb_stack *stack, uint32_t page, uint32_t last) {
    uint32_t d = stack->largest + 1;
    if (stack->slot[page] == 0) {
        stack->pages++;
    } else {
        uint32_t slot = stack->slot[page] - 1;
        d = stack->top_count + distance(stack, slot);
        leave_slot(stack, slot);
        stack->slot[page] = 0;
    }
    if (last != KB_NO_PAGE)
        take_slot(stack, last);
    else
        stack->top_count++;
    return d;
}

static void reference(struct kb_stack *stack, struct kb_run run) {
    uint32_t page = run.page, most = stack->largest + 1, last;
    uint32_t place = to_the_top(stack, page, &last);
    uint32_t d = place < KB_STACK_TOP ? place + 1 : exchange(stack, page, last);
    uint32_t dirty = stack->dirty_from[page];
    if (dirty != KB_CLEAN) {
        note_written(stack, dirty, d);
        stack->dirty_from[page] = dirty > d ? dirty : d;
    }
    if (kb_run_kind(run) == KB_WRITE)
        stack->dirty_from[page] = 1;
    stack->at_distance[d < most ? d : most]++;
}

kb_status kb_stack_block(struct kb_stack *stack, const struct kb_block *block,
                         struct kb_error *error) {
    kb_status status = grow_pages(stack, block->pages, error);
    if (status != KB_OK)
        return status;
    for (uint32_t i = 0; i < block->count; i++) {
        if (stack->next == stack->slots && !close_gaps(stack))
            return out_of_memory(error, (size_t)stack->slots * 4);
        __builtin_prefetch(&stack->slot[block->runs[i + 16].page]);
        reference(stack, block->runs[i]);
    }
    stack->references += block->references;
    return KB_OK;
}

/* ---- results ---- */

uint32_t kb_stack_frames(const struct kb_stack *stack, uint64_t faults) {
    uint64_t more = stack->at_distance[stack->largest + 1]; /* faults in a memory of frames */
    uint32_t frames = stack->pages < stack->largest ? stack->pages : stack->largest;
    if (more > faults)
        return 0;
    while (frames > 1 && more + stack->at_distance[frames] <= faults)
        more += stack->at_distance[frames--];
    return frames;
}

static void settle_page(struct kb_stack *stack, uint32_t page, uint32_t depth) {
    uint32_t from = stack->dirty_from[page], end = stack->largest + 1;
    if (from == KB_CLEAN)
        return;
    note_written(stack, from, depth);
    uint32_t still = from > depth ? from : depth;
    stack->dirty[still < end ? still : end]++;
}

/* Each page's last stay: it was written back where it has left, and is dirty where it stays. */
static void settle(struct kb_stack *stack) {
    uint32_t depth = stack->pages;
    for (uint32_t slot = 0; slot < stack->next; slot++)
        if (stack->taken[slot / 64] >> (slot % 64) & 1)
            settle_page(stack, stack->page_at[slot], depth--);
    for (; depth > 0; depth--)
        settle_page(stack, stack->top[depth - 1], depth);
}

void kb_stack_results(struct kb_stack *stack, const uint32_t *frames, uint32_t count,
                      struct kb_result *results) {
    size_t sizes = (size_t)stack->largest + 3;
    /* From as many frames as pages on nothing changes: what lies behind stays untouched. */
    uint32_t last = stack->pages < stack->largest ? stack->pages : stack->largest;
    settle(stack);
    /* Prefix sums: hits, write-backs and dirty pages of each size. */
    for (uint32_t i = 1; i <= last; i++) {
        stack->at_distance[i] += stack->at_distance[i - 1];
        stack->written[i] += stack->written[i - 1];
        stack->dirty[i] += stack->dirty[i - 1];
    }
    uint64_t runs = stack->at_distance[last] + stack->at_distance[stack->largest + 1];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t f = frames[i] < last ? frames[i] : last;
        uint64_t faults = runs - stack->at_distance[f];
        results[i] = (struct kb_result){
            .references = stack->references,
            .faults = faults,
            .cold_faults = stack->pages,
            .evictions = faults - f,
            .write_backs = (uint64_t)stack->written[f],
            .still_dirty = (uint64_t)stack->dirty[f],
            .time_marks = stack->references,
            .examined = faults - f,
            .frames = frames[i],
            .state_bytes = stack->page_room * 8 + (size_t)stack->slots * 4 +
                           words_of(stack->slots) * 8 + sizes * 24,
        };
    }
}

void kb_stack_free(struct kb_stack *stack) {
    const struct kb_host *host = stack->host;
    size_t sizes = (size_t)stack->largest + 3;
    kb_give_back(host, stack->slot, stack->page_room * 4);
    kb_give_back(host, stack->dirty_from, stack->page_room * 4);
    kb_give_back(host, stack->page_at, (size_t)stack->slots * 4);
    kb_give_back(host, stack->taken, (words_of(stack->slots) + 1) * 8);
    kb_give_back(host, stack->tree, blocks_of(stack->slots) * 4);
    kb_give_back(host, stack->at_distance, sizes * 8);
    kb_give_back(host, stack->written, sizes * 8);
    kb_give_back(host, stack->dirty, sizes * 8);
    memset(stack, 0, sizeof *stack);
}
