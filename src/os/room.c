/* room.c - where an area goes: a hole or a partition, compaction, replacement; and what happens to
 * it there: it moves, grows, shrinks.
 *
 *   before   │sys│ A  │ hole │ C      │ hole │ E    │
 *   after    │sys│ A  │ C      │ E    │ hole        │      compaction: one hole
 *
 * Moving changes the base in every descriptor or register that shows the area,
 * and nothing in the programs. A pinned area stays; others are packed behind
 * it. A segment laid by hand (base=) over bytes of others shows them, too, as
 * a table would that somebody wrote; all of them then stay where they are, and
 * what is free is what none of them covers. Sources: Knuth 1968, 2.5 (fits); Haddon and Waite 1967
 * (compaction). */
#include "base/order.h"
#include "os/os.h"

bool kb_storage_movable(const struct kb_os *os) {
    enum kb_organisation organisation = os->storage->setup.organisation;
    return organisation == KB_VARIABLE || organisation == KB_SEGMENTATION;
}

/* ---- partitions ---- */

static struct kb_partition *partition_of(struct kb_storage *storage, uint32_t area) {
    for (unsigned i = 0; i < storage->setup.partitions; i++)
        if (storage->partition[i].area == area)
            return &storage->partition[i];
    return NULL;
}

/* The partition that a program was made for, or the free one that the fit chooses. */
static struct kb_partition *choose_partition(struct kb_storage *storage, uint64_t length,
                                             uint64_t wanted) {
    struct kb_partition *best = NULL;
    unsigned first = storage->setup.fit == KB_FIT_NEXT ? storage->last_partition + 1 : 0;
    for (unsigned k = 0; k < storage->setup.partitions; k++) {
        unsigned i = (first + k) % storage->setup.partitions;
        struct kb_partition *p = &storage->partition[i];
        bool fits =
            p->area == KB_NO_AREA && p->length >= length && (wanted == 0 || wanted == i + 1);
        bool better = best == NULL ||
                      (storage->setup.fit == KB_FIT_BEST && p->length < best->length) ||
                      (storage->setup.fit == KB_FIT_WORST && p->length > best->length);
        if (fits && better)
            best = p;
    }
    return best;
}

bool kb_storage_would_do(const struct kb_os *os, uint32_t present, uint32_t wanted,
                         struct kb_placement_wish wish) {
    struct kb_storage *storage = os->storage;
    if (storage->setup.partitions == 0)
        return true;
    const struct kb_partition *p = partition_of(storage, present);
    return p->length >= storage->area[wanted].length &&
           (wish.partition == 0 || p == &storage->partition[wish.partition - 1]);
}

/* ---- a place as it is ---- */

static void settle(struct kb_os *os, uint32_t number, uint64_t base, uint64_t room) {
    struct kb_area *area = &os->storage->area[number];
    area->base = base;
    area->room = room;
}

static void tell_place(struct kb_os *os, uint32_t number, const struct kb_hole *from) {
    const struct kb_area *area = &os->storage->area[number];
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_PLACE,
                                            .process = kb_storage_owner(os, number),
                                            .page = kb_storage_number_of(os, number),
                                            .address = area->base,
                                            .count = area->length,
                                            .slots = from->length,
                                            .text = area->name});
}

static kb_status place(struct kb_os *os, uint32_t number, struct kb_placement_wish wish,
                       bool *found) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    struct kb_hole from = {0};
    kb_status status = KB_OK;
    *found = false;
    if (storage->setup.partitions > 0) {
        struct kb_partition *p = choose_partition(storage, area->length, wish.partition);
        if (p == NULL)
            return KB_OK;
        p->area = number;
        storage->last_partition = (unsigned)(p - storage->partition);
        *found = true;
        from = (struct kb_hole){p->start, p->length};
        settle(os, number, p->start, p->length);
    } else if (storage->setup.organisation == KB_SINGLE_USER && storage->present > 0) {
        return KB_OK; /* one user at a time */
    } else if (wish.base != KB_ANYWHERE) {
        status = kb_holes_take_at(&storage->holes, wish.base, area->length, found, os->error);
        from = (struct kb_hole){wish.base, area->length};
        if (status == KB_OK && !*found && wish.base >= storage->setup.system &&
            wish.base <= storage->setup.bytes && area->length <= storage->setup.bytes - wish.base) {
            *found = area->overlaid = true;
            storage->overlaid++;
        }
    } else {
        *found = kb_holes_take(&storage->holes, area->length, storage->setup.fit, &from);
    }
    if (status != KB_OK || !*found)
        return status;
    if (storage->setup.partitions == 0)
        settle(os, number, from.start, area->length);
    tell_place(os, number, &from);
    return KB_OK;
}

/* ---- compaction ---- */

struct order {
    uint32_t *area;
    uint32_t count;
};

static uint64_t base_of(const void *context, uint32_t area) {
    const struct kb_storage *storage = context;
    return storage->area[area].base;
}

/* The areas in memory, in the order of their addresses. */
static kb_status list_areas(struct kb_os *os, struct order *order) {
    struct kb_storage *storage = os->storage;
    order->count = 0;
    order->area = kb_take(os->host, ((size_t)storage->present + 1) * sizeof *order->area);
    if (order->area == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "compaction",
                       (unsigned long long)storage->present * sizeof *order->area);
    for (uint32_t frame = 0; frame < storage->used; frame++)
        if (storage->flags[frame] & KB_RESIDENT)
            order->area[order->count++] = storage->page_of[frame];
    kb_order(order->area, order->count, base_of, storage);
    return KB_OK;
}

static void moved_to(struct kb_os *os, uint32_t number, uint64_t base) {
    struct kb_area *area = &os->storage->area[number];
    uint64_t from = area->base;
    area->base = base;
    os->storage->counters.moves++;
    os->storage->counters.moved_bytes += area->length;
    kb_storage_show_area(os, number);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_MOVE,
                                            .process = kb_storage_owner(os, number),
                                            .page = kb_storage_number_of(os, number),
                                            .address = from,
                                            .raw = base,
                                            .count = area->length,
                                            .text = area->name});
}

static void move_to(struct kb_os *os, uint32_t number, uint64_t base) {
    const struct kb_area *area = &os->storage->area[number];
    memmove(kb_memory_at(&os->mmu.memory, base), kb_memory_at(&os->mmu.memory, area->base),
            (size_t)area->length);
    moved_to(os, number, base);
}

/* What no area covers is free. */
static kb_status rebuild_holes(struct kb_os *os, const struct order *order) {
    struct kb_storage *storage = os->storage;
    uint64_t end = storage->setup.system;
    kb_status status = KB_OK;
    kb_holes_clear(&storage->holes);
    for (uint32_t i = 0; i <= order->count && status == KB_OK; i++) {
        const struct kb_area *area = i < order->count ? &storage->area[order->area[i]] : NULL;
        uint64_t next = area != NULL ? area->base : storage->setup.bytes;
        if (next > end)
            status = kb_holes_give(&storage->holes, end, next - end, os->error);
        if (area != NULL && area->base + area->room > end)
            end = area->base + area->room;
    }
    return status;
}

static void drop_order(struct kb_os *os, const struct order *order) {
    kb_give_back(os->host, order->area, ((size_t)os->storage->present + 1) * sizeof *order->area);
}

static kb_status remake_holes(struct kb_os *os) {
    struct order order;
    kb_status status = list_areas(os, &order);
    if (status != KB_OK)
        return status;
    status = rebuild_holes(os, &order);
    drop_order(os, &order);
    return status;
}

kb_status kb_storage_placed(struct kb_os *os) {
    return os->storage->overlaid > 0 ? remake_holes(os) : KB_OK;
}

static bool overlap(const struct kb_area *a, const struct kb_area *b) {
    return a != b && a->base < b->base + b->length && b->base < a->base + a->length;
}

/* What was written by way of an overlaid area was written to those below it. */
static void leave_modified(struct kb_storage *storage, const struct kb_area *area) {
    for (uint32_t frame = 0; area->overlaid && area->modified && frame < storage->used; frame++) {
        struct kb_area *other = &storage->area[storage->page_of[frame]];
        if (storage->flags[frame] & KB_RESIDENT && overlap(area, other))
            other->modified = true;
    }
}

kb_status kb_storage_give_room(struct kb_os *os, uint32_t number) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    bool covered = storage->overlaid > 0; /* perhaps by others */
    leave_modified(storage, area);
    area->present = false;
    storage->present--;
    storage->overlaid -= area->overlaid;
    area->overlaid = false;
    if (storage->setup.partitions > 0) {
        partition_of(storage, number)->area = KB_NO_AREA;
        return KB_OK;
    }
    return covered ? remake_holes(os)
                   : kb_holes_give(&storage->holes, area->base, area->room, os->error);
}

bool kb_storage_stays(const struct kb_os *os, uint32_t number) {
    const struct kb_storage *storage = os->storage;
    const struct kb_area *area = &storage->area[number];
    bool stays = area->wired > 0 || area->overlaid;
    for (uint32_t frame = 0; storage->overlaid > 0 && frame < storage->used && !stays; frame++) {
        const struct kb_area *other = &storage->area[storage->page_of[frame]];
        stays = storage->flags[frame] & KB_RESIDENT && other->overlaid && overlap(area, other);
    }
    return stays;
}

kb_status kb_storage_compact(struct kb_os *os, uint64_t *moved) {
    struct kb_storage *storage = os->storage;
    struct order order;
    uint64_t before = storage->counters.moved_bytes, to = storage->setup.system;
    *moved = 0;
    if (!kb_storage_movable(os))
        return KB_OK;
    kb_status status = list_areas(os, &order);
    if (status != KB_OK)
        return status;
    storage->counters.compactions++;
    for (uint32_t i = 0; i < order.count; i++) {
        const struct kb_area *area = &storage->area[order.area[i]];
        if (area->base > to && !kb_storage_stays(os, order.area[i]))
            move_to(os, order.area[i], to);
        if (area->base + area->room > to)
            to = area->base + area->room;
    }
    status = rebuild_holes(os, &order);
    drop_order(os, &order);
    *moved = storage->counters.moved_bytes - before;
    if (status == KB_OK && kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_COMPACT,
                                            .count = *moved,
                                            .slots = kb_storage_largest(os)});
    return status;
}

/* ---- room for an area ---- */

/* Whether all areas together leave enough, though no hole is large enough. */
static bool compaction_helps(const struct kb_os *os, uint64_t length) {
    const struct kb_storage *storage = os->storage;
    return kb_storage_movable(os) && !storage->setup.stays && storage->holes.count > 1 &&
           storage->holes.total >= length;
}

/* The most bytes side by side that there would be if all areas went that may; but for `number`,
 * which is looking for room. Those of the present instruction stay, too, but move. */
static kb_status most_room(struct kb_os *os, uint32_t number, uint64_t *most) {
    struct kb_storage *storage = os->storage;
    struct order order;
    uint64_t from = storage->setup.system, held = 0;
    kb_status status = list_areas(os, &order);
    *most = 0;
    if (status != KB_OK)
        return status;
    for (uint32_t i = 0; i <= order.count; i++) {
        const struct kb_area *area = i < order.count ? &storage->area[order.area[i]] : NULL;
        uint64_t end = area != NULL ? area->base : storage->setup.bytes;
        if (area != NULL && order.area[i] == number)
            continue;
        if (area != NULL && !kb_storage_stays(os, order.area[i])) {
            held += area->pins > 0 ? area->room : 0;
            continue;
        }
        if (end > from && end - from - held > *most)
            *most = end - from - held;
        held = 0;
        if (area != NULL && area->base + area->room > from)
            from = area->base + area->room;
    }
    drop_order(os, &order);
    return KB_OK;
}

/* The same, where all may move: what is held need not lie in order. */
static uint64_t most_if_all_move(const struct kb_storage *storage, uint32_t number, bool *all) {
    uint64_t most = storage->setup.bytes - storage->setup.system;
    *all = storage->overlaid == 0;
    for (uint32_t frame = 0; frame < storage->used; frame++) {
        const struct kb_area *area = &storage->area[storage->page_of[frame]];
        bool here = (storage->flags[frame] & KB_RESIDENT) != 0;
        *all = *all && !(here && area->wired > 0);
        if (here && area->pins > 0 && storage->page_of[frame] != number)
            most -= area->room < most ? area->room : most;
    }
    return most;
}

/* Nobody is sent out for what finds no room even then. */
static kb_status replacement_helps(struct kb_os *os, uint32_t number, uint64_t length,
                                   struct kb_placement_wish wish, bool *helps) {
    bool all;
    *helps = os->storage->setup.partitions > 0; /* kb_storage_would_do says whose */
    if (*helps || wish.base != KB_ANYWHERE)     /* a place by hand is in memory or is not */
        return KB_OK;
    uint64_t most = most_if_all_move(os->storage, number, &all);
    kb_status status = all ? KB_OK : most_room(os, number, &most);
    *helps = status == KB_OK && length <= most;
    return status;
}

static kb_status take_free_room(struct kb_os *os, uint32_t number, struct kb_placement_wish wish,
                                bool *found) {
    uint64_t moved;
    *found = false;
    if (os->storage->present == KB_MOST_PRESENT)
        return KB_OK;
    kb_status status = place(os, number, wish, found);
    if (status != KB_OK || *found || wish.base != KB_ANYWHERE ||
        !compaction_helps(os, os->storage->area[number].length))
        return status;
    status = kb_storage_compact(os, &moved);
    return status == KB_OK ? place(os, number, wish, found) : status;
}

kb_status kb_storage_take_room(struct kb_os *os, uint32_t number, struct kb_placement_wish wish,
                               bool replace, bool *found, enum kb_reason *reason) {
    bool helps = false, asked = false;
    *reason = KB_REASON_NO_ROOM;
    for (;;) {
        bool out = false;
        kb_status status = take_free_room(os, number, wish, found);
        if (status == KB_OK && !*found && replace && !asked)
            status = replacement_helps(os, number, os->storage->area[number].length, wish, &helps);
        asked = true;
        if (status != KB_OK || *found || !helps)
            return status;
        status = kb_chooser_evict(os, number, wish, &out, reason);
        if (status != KB_OK || !out)
            return status;
    }
}

/* ---- another length ---- */

static void clear(struct kb_os *os, const struct kb_area *area, uint64_t from) {
    if (area->length > from)
        memset(kb_memory_at(&os->mmu.memory, area->base + from), 0, (size_t)(area->length - from));
}

static void set_length(struct kb_area *area, uint64_t length) {
    area->length = length;
    area->filled = area->filled < length ? area->filled : length;
    area->image_length = area->image_length < length ? area->image_length : length;
}

/* The piece behind it, or another hole for all of it. */
static kb_status grow_here(struct kb_os *os, uint32_t number, uint64_t length, bool *grown) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    struct kb_hole from;
    kb_status status = kb_holes_take_at(&storage->holes, area->base + area->room,
                                        length - area->room, grown, os->error);
    if (status != KB_OK || *grown || kb_storage_stays(os, number) || !kb_storage_movable(os) ||
        storage->setup.stays || !kb_holes_take(&storage->holes, length, storage->setup.fit, &from))
        return status;
    uint64_t base = area->base, room = area->room;
    move_to(os, number, from.start);
    *grown = true;
    return kb_holes_give(&storage->holes, base, room, os->error);
}

/* All others are packed; this one waits outside, and is put behind them. */
static kb_status grow_last(struct kb_os *os, uint32_t number, uint64_t length, bool *grown) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    uint64_t moved, own = area->length;
    for (uint32_t frame = 0; frame < storage->used; frame++)
        if (storage->flags[frame] & KB_RESIDENT && kb_storage_stays(os, storage->page_of[frame]))
            return KB_OK; /* what cannot move may be in the way */
    if (!kb_storage_movable(os) || storage->setup.stays ||
        storage->holes.total + area->room < length)
        return KB_OK;
    uint8_t *aside = kb_take(os->host, (size_t)own);
    if (aside == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "compaction",
                       (unsigned long long)own);
    memcpy(aside, kb_memory_at(&os->mmu.memory, area->base), (size_t)own);
    kb_status status = kb_holes_give(&storage->holes, area->base, area->room, os->error);
    storage->flags[area->frame] &= (uint8_t)~KB_RESIDENT; /* not in the list of areas */
    storage->present--;
    if (status == KB_OK)
        status = kb_storage_compact(os, &moved);
    storage->flags[area->frame] |= KB_RESIDENT;
    storage->present++;
    struct kb_hole from = {0};
    if (status == KB_OK)
        *grown = kb_holes_take(&storage->holes, length, KB_FIT_FIRST, &from);
    if (status == KB_OK) { /* one hole is left, which is large enough */
        memcpy(kb_memory_at(&os->mmu.memory, from.start), aside, (size_t)own);
        moved_to(os, number, from.start);
    }
    kb_give_back(os->host, aside, (size_t)own);
    return status;
}

static kb_status grow(struct kb_os *os, uint32_t number, uint64_t length, bool *grown) {
    struct kb_storage *storage = os->storage;
    enum kb_reason reason;
    *grown = false;
    storage->area[number].pins++; /* its own victim would be itself */
    bool out = true, helps = false;
    kb_status status =
        replacement_helps(os, number, length, (struct kb_placement_wish){KB_ANYWHERE, 0}, &helps);
    while (status == KB_OK && !*grown && out) {
        if (length <= storage->area[number].room) {
            *grown = true;
            break;
        }
        if (storage->setup.partitions > 0)
            break;
        status = grow_here(os, number, length, grown);
        if (status == KB_OK && !*grown)
            status = grow_last(os, number, length, grown);
        if (status == KB_OK && *grown)
            storage->area[number].room = length;
        out = false;
        if (status == KB_OK && !*grown && helps && !kb_storage_of_programs(os))
            status = kb_chooser_evict(os, number, (struct kb_placement_wish){KB_ANYWHERE, 0}, &out,
                                      &reason);
    }
    storage->area[number].pins--;
    return status;
}

static kb_status shrink(struct kb_os *os, struct kb_area *area, uint64_t length) {
    uint64_t room = area->room;
    if (os->storage->setup.partitions > 0)
        return KB_OK;
    area->room = length;
    if (os->storage->overlaid > 0)
        return kb_storage_placed(os);
    return kb_holes_give(&os->storage->holes, area->base + length, room - length, os->error);
}

kb_status kb_storage_resize(struct kb_os *os, struct kb_process *process, struct kb_region *segment,
                            uint64_t length, bool *refused) {
    struct kb_storage *storage = os->storage;
    uint32_t number = segment->area - 1;
    struct kb_area *area = &storage->area[number];
    uint64_t most = kb_storage_of_programs(os) ? storage->setup.bytes : kb_os_page_bytes(os);
    uint64_t old = area->length;
    bool grown = true;
    kb_status status = KB_OK;
    *refused = false;
    if (length == 0 || length > most)
        return kb_fail(os->error, KB_DATA, KB_MSG_storage_length, segment->name,
                       (unsigned long long)length, (unsigned long long)most);
    if (area->present && length > old)
        status = grow(os, number, length, &grown);
    else if (area->present)
        status = shrink(os, area, length);
    *refused = !grown;
    if (status != KB_OK || !grown)
        return status;
    set_length(area, length);
    if (area->present)
        clear(os, area, old < length ? old : length);
    kb_storage_show_area(os, number);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_GROW,
                                            .process = process,
                                            .address = segment->start,
                                            .count = length,
                                            .rights = segment->rights,
                                            .text = segment->name});
    return KB_OK;
}

/* ---- by command ---- */

static kb_status move_between_partitions(struct kb_os *os, uint32_t number, uint64_t wanted,
                                         bool *refused) {
    struct kb_storage *storage = os->storage;
    struct kb_partition *from = partition_of(storage, number);
    struct kb_partition *to =
        wanted == 0 || wanted > storage->setup.partitions ? NULL : &storage->partition[wanted - 1];
    if (to == NULL || to->area != KB_NO_AREA || to->length < storage->area[number].length)
        return KB_OK;
    from->area = KB_NO_AREA;
    to->area = number;
    storage->area[number].room = to->length;
    move_to(os, number, to->start);
    *refused = false;
    return KB_OK;
}

kb_status kb_storage_move(struct kb_os *os, struct kb_region *segment,
                          struct kb_placement_wish wish, bool *refused) {
    struct kb_storage *storage = os->storage;
    uint32_t number = segment->area - 1;
    struct kb_area *area = &storage->area[number];
    bool taken;
    *refused = true;
    if (!area->present || kb_storage_stays(os, number))
        return KB_OK;
    if (storage->setup.organisation == KB_FIXED_RELOCATABLE)
        return move_between_partitions(os, number, wish.partition, refused);
    if (!kb_storage_movable(os) || wish.base == KB_ANYWHERE)
        return KB_OK;
    uint64_t base = area->base, room = area->room; /* it may overlap its own place */
    kb_status status = kb_holes_give(&storage->holes, base, room, os->error);
    if (status == KB_OK)
        status = kb_holes_take_at(&storage->holes, wish.base, room, &taken, os->error);
    if (status == KB_OK && !taken) {
        status = kb_holes_take_at(&storage->holes, base, room, &taken, os->error);
        return status;
    }
    if (status != KB_OK)
        return status;
    *refused = false;
    if (wish.base != base)
        move_to(os, number, wish.base);
    return KB_OK;
}
