/* roll.c - areas are rolled out and in, whole (the swapping of CTSS, Corbató 1962, one segment at
 * a time).
 *
 *   out   modified: all its blocks are written while it is in memory still; then its room is free
 *   in    room is found; blocks, image or zeros fill it; then tables and registers say so
 *
 * A block that cannot be written gets another slot once, as pages do; then the
 * area stays, and its old blocks are worth nothing. */
#include "os/os.h"

static uint32_t block_bytes(const struct kb_os *os) { return os->swap.store.page_bytes; }

static uint64_t blocks_for(const struct kb_os *os, uint64_t length) {
    return (length + block_bytes(os) - 1) / block_bytes(os);
}

static void tell_store(struct kb_os *os, uint32_t number, uint64_t slot, const char *text) {
    os->counters.io_errors++;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_STORE_FAILED,
                                            .owner = kb_storage_owner(os, number),
                                            .page = kb_storage_number_of(os, number),
                                            .slot = slot,
                                            .text = text});
}

/* ---- blocks ---- */

void kb_storage_drop_blocks(struct kb_os *os, struct kb_area *area) {
    if (area->block == NULL)
        return;
    for (uint64_t i = 0; i < area->blocks; i++)
        if (area->block[i].slot != KB_NO_SLOT)
            kb_swap_give_back(&os->swap, area->block[i].slot);
    kb_give_back(os->host, area->block, (size_t)area->blocks * sizeof *area->block);
    area->block = NULL;
    area->blocks = 0;
}

/* As many blocks as its length wants: in a row if there is one. false: the file is full. */
static kb_status take_blocks(struct kb_os *os, struct kb_area *area, bool *taken) {
    uint64_t count = blocks_for(os, area->length);
    *taken = true;
    if (area->block != NULL && area->blocks == count)
        return KB_OK;
    struct kb_area_block *block = kb_take(os->host, (size_t)count * sizeof *block);
    if (block == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "blocks",
                       (unsigned long long)count * sizeof *block);
    kb_storage_drop_blocks(os, area); /* the bytes are in memory, modified */
    area->modified = true;
    area->block = block;
    area->blocks = count;
    uint64_t row = kb_swap_take_row(&os->swap, count);
    for (uint64_t i = 0; i < count; i++) {
        block[i].slot = row != KB_NO_SLOT ? row + i : *taken ? kb_swap_take(&os->swap) : KB_NO_SLOT;
        *taken = *taken && block[i].slot != KB_NO_SLOT;
    }
    if (!*taken)
        kb_storage_drop_blocks(os, area);
    return KB_OK;
}

/* A failed write makes its slot suspect; another one is tried once. */
static bool write_block(struct kb_os *os, uint32_t number, uint64_t i, const uint8_t *bytes,
                        enum kb_reason *reason) {
    struct kb_area_block *block = &os->storage->area[number].block[i];
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        struct kb_error failure;
        failure.language = os->error->language;
        if (block->slot == KB_NO_SLOT)
            block->slot = kb_swap_take(&os->swap);
        if (block->slot == KB_NO_SLOT) {
            *reason = attempt == 0 ? KB_REASON_SWAP_FULL : KB_REASON_WRITE_FAILED;
            return false;
        }
        if (kb_swap_write(&os->swap, block->slot, bytes, &block->sum, &failure) == KB_OK)
            return true;
        tell_store(os, number, block->slot, failure.text);
        kb_swap_set_aside(&os->swap, block->slot);
        block->slot = KB_NO_SLOT;
    }
    *reason = KB_REASON_WRITE_FAILED;
    return false;
}

/* Neighbours in the file are one transfer. */
static void count_transfers(struct kb_os *os, const struct kb_area *area) {
    for (uint64_t i = 0; i < area->blocks; i++)
        os->counters.disk_transfers += i == 0 || area->block[i].slot != area->block[i - 1].slot + 1;
    os->counters.disk_bytes += area->blocks * block_bytes(os);
}

static kb_status write_out(struct kb_os *os, uint32_t number, bool *written,
                           enum kb_reason *reason) {
    struct kb_area *area = &os->storage->area[number];
    uint32_t size = block_bytes(os);
    uint8_t *whole = kb_take(os->host, size); /* the last block, filled up with zeros */
    *written = false;
    if (whole == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "blocks",
                       (unsigned long long)size);
    kb_status status = take_blocks(os, area, written);
    if (status == KB_OK && !*written)
        *reason = KB_REASON_SWAP_FULL;
    for (uint64_t i = 0; status == KB_OK && *written && i < area->blocks; i++) {
        const uint8_t *bytes = kb_memory_at(&os->mmu.memory, area->base + i * size);
        uint64_t left = area->length - i * size;
        if (left < size) {
            memcpy(whole, bytes, (size_t)left);
            bytes = whole;
        }
        *written = write_block(os, number, i, bytes, reason);
    }
    kb_give_back(os->host, whole, size);
    return status;
}

/* ---- out ---- */

static void count_written(struct kb_os *os, uint32_t number) {
    struct kb_storage *storage = os->storage;
    struct kb_area *area = &storage->area[number];
    struct kb_process *owner = kb_storage_owner(os, number);
    area->modified = false;
    area->filled = area->length;
    storage->flags[area->frame] &= (uint8_t)~KB_MODIFIED;
    kb_storage_clear_bits(os, number, KB_ENTRY_MODIFIED);
    storage->counters.written_bytes += area->blocks * block_bytes(os);
    os->counters.write_backs++;
    if (owner != NULL)
        owner->counters.write_backs++;
    count_transfers(os, area);
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_WRITE_BACK,
                                            .page = kb_storage_number_of(os, number),
                                            .owner = owner,
                                            .frame = area->base,
                                            .slot = area->block[0].slot,
                                            .count = area->length,
                                            .text = area->name});
}

static void tell_gone(struct kb_os *os, uint32_t number) {
    const struct kb_area *area = &os->storage->area[number];
    if (!kb_os_heard(os))
        return;
    for (uint32_t i = area->uses; i != KB_NO_AREA; i = os->storage->use[i].next) {
        const struct kb_process *p = os->process[os->storage->use[i].process];
        uint32_t segment = os->storage->use[i].segment;
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_INVALIDATE,
                                            .page = segment,
                                            .owner = p,
                                            .frame = area->base,
                                            .entry = kb_storage_of_programs(os)
                                                         ? 0
                                                         : kb_storage_descriptor(os, p, segment),
                                            .flag = i != area->uses,
                                            .count = area->length,
                                            .text = area->name});
    }
}

void kb_storage_left(struct kb_os *os, uint32_t number) {
    struct kb_process *owner = kb_storage_owner(os, number);
    kb_storage_show_area(os, number);
    if (!kb_storage_of_programs(os) || owner == NULL || owner->state == KB_ENDED)
        return;
    kb_os_leave_processor(os, owner);
    owner->state = KB_SWAPPED;
    os->counters.swapped_out++;
}

kb_status kb_storage_roll_out(struct kb_os *os, uint32_t number, bool *out,
                              enum kb_reason *reason) {
    struct kb_area *area = &os->storage->area[number];
    bool safe = !kb_storage_modified(os, number);
    *out = false;
    if (area->pins > 0 || kb_storage_stays(os, number)) {
        *reason = KB_REASON_PINNED;
        return KB_OK;
    }
    if (!safe) {
        kb_status status = write_out(os, number, &safe, reason);
        if (status != KB_OK || !safe)
            return status;
        count_written(os, number);
    }
    tell_gone(os, number);
    kb_chooser_forget(os, number, KB_EVICTED);
    kb_status status = kb_storage_give_room(os, number);
    *out = true;
    kb_storage_left(os, number);
    return status;
}

/* ---- in ---- */

/* Bytes that its blocks do not have are zeros; wrong ones are not shown to anybody. */
static bool read_blocks(struct kb_os *os, uint32_t number, enum kb_reason *reason) {
    struct kb_area *area = &os->storage->area[number];
    uint32_t size = block_bytes(os);
    uint8_t *whole = kb_take(os->host, size);
    bool fine = whole != NULL;
    *reason = KB_REASON_READ_FAILED;
    for (uint64_t i = 0; fine && i < area->blocks && i * size < area->filled; i++) {
        struct kb_error failure;
        failure.language = os->error->language;
        uint64_t left = area->filled - i * size;
        kb_status status =
            kb_swap_read(&os->swap, area->block[i].slot, whole, area->block[i].sum, &failure);
        if (status != KB_OK) {
            *reason = status == KB_DATA ? KB_REASON_CORRUPT : KB_REASON_READ_FAILED;
            tell_store(os, number, area->block[i].slot, failure.text);
            fine = false;
            break;
        }
        memcpy(kb_memory_at(&os->mmu.memory, area->base + i * size), whole,
               (size_t)(left < size ? left : size));
    }
    kb_give_back(os->host, whole, size);
    return fine;
}

static bool fill(struct kb_os *os, uint32_t number, enum kb_page_source *source,
                 enum kb_reason *reason) {
    struct kb_area *area = &os->storage->area[number];
    uint8_t *bytes = kb_memory_at(&os->mmu.memory, area->base);
    if (area->overlaid && area->block == NULL && area->image_length == 0) {
        *source = KB_FROM_ZERO; /* what lies there is what it shows */
        return true;
    }
    memset(bytes, 0, (size_t)area->length);
    *source = area->block != NULL      ? KB_FROM_SWAP
              : area->image_length > 0 ? KB_FROM_IMAGE
                                       : KB_FROM_ZERO;
    if (*source == KB_FROM_ZERO)
        return true;
    if (*source == KB_FROM_SWAP) {
        bool read = read_blocks(os, number, reason);
        if (!read)
            memset(bytes, 0, (size_t)area->length);
        if (read)
            count_transfers(os, area);
        return read;
    }
    for (uint64_t at = 0; at < area->image_length; at += UINT32_C(1) << 30) {
        uint64_t left = area->image_length - at;
        kb_image_fill(&area->image, at, bytes + at,
                      left < UINT32_C(1) << 30 ? (uint32_t)left : UINT32_C(1) << 30);
    }
    os->counters.disk_transfers++;
    os->counters.disk_bytes += area->image_length;
    return true;
}

static void count_read(struct kb_os *os, const struct kb_area *area, struct kb_process *process,
                       enum kb_page_source source) {
    struct kb_process_counters nobody = {0};
    struct kb_process_counters *own = process != NULL ? &process->counters : &nobody;
    if (source == KB_FROM_SWAP) {
        os->counters.swap_reads++;
        own->swap_reads++;
        os->storage->counters.read_bytes += area->blocks * block_bytes(os);
    } else if (source == KB_FROM_IMAGE) {
        os->counters.image_reads++;
        own->image_reads++;
    } else {
        os->counters.zero_fills++;
        own->zero_fills++;
    }
}

void kb_storage_tell_update(struct kb_os *os, uint32_t number) {
    const struct kb_area *area = &os->storage->area[number];
    struct kb_process *owner = kb_storage_owner(os, number);
    uint64_t segment = kb_storage_number_of(os, number);
    if (!kb_os_heard(os) || owner == NULL || kb_storage_of_programs(os))
        return;
    uint64_t at = kb_storage_descriptor(os, owner, segment);
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_UPDATE,
                                        .process = owner,
                                        .page = segment,
                                        .frame = area->base,
                                        .entry = at,
                                        .raw = kb_memory_entry(&os->mmu.memory, at + 8, 8),
                                        .count = area->length,
                                        .text = area->name});
}

static void tell_in(struct kb_os *os, uint32_t number, enum kb_page_source source) {
    const struct kb_area *area = &os->storage->area[number];
    struct kb_process *owner = kb_storage_owner(os, number);
    uint64_t segment = kb_storage_number_of(os, number);
    if (!kb_os_heard(os) || owner == NULL)
        return;
    kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_READ_IN,
                                        .process = owner,
                                        .page = segment,
                                        .frame = area->base,
                                        .source = source,
                                        .slot = area->block != NULL ? area->block[0].slot : 0,
                                        .count = area->length,
                                        .text = area->name});
    kb_storage_tell_update(os, number);
}

kb_status kb_storage_roll_in(struct kb_os *os, uint32_t number, struct kb_placement_wish wish,
                             bool fault, bool replace, bool *in, enum kb_reason *reason) {
    struct kb_storage *storage = os->storage;
    enum kb_page_source source;
    *in = false;
    kb_status status = kb_storage_take_room(os, number, wish, replace, in, reason);
    if (status != KB_OK || !*in)
        return status;
    struct kb_area *area = &storage->area[number];
    area->present = true;
    storage->present++;
    *in = fill(os, number, &source, reason);
    if (!*in)
        return kb_storage_give_room(os, number);
    kb_chooser_admit(os, number, fault);
    status = kb_storage_placed(os);
    kb_storage_show_area(os, number);
    count_read(os, area, kb_storage_owner(os, number), source);
    tell_in(os, number, source);
    return status;
}

/* ---- processes as a whole ---- */

/* What others use, too, stays. */
static bool goes_along(const struct kb_area *area) { return area->present && area->users == 1; }

static bool may_go(const struct kb_os *os, const struct kb_process *process) {
    for (uint32_t i = 0; i < process->region_count; i++) {
        uint32_t number = process->regions[i].area - 1;
        const struct kb_area *area = &os->storage->area[number];
        if (goes_along(area) && (area->pins > 0 || kb_storage_stays(os, number)))
            return false;
    }
    return true;
}

kb_status kb_storage_swap_out(struct kb_os *os, struct kb_process *process, bool *refused) {
    uint64_t gone = 0, written = os->counters.write_backs, swapped = os->counters.swapped_out;
    enum kb_reason reason;
    kb_status status = KB_OK;
    *refused = process->state == KB_ENDED || process->state == KB_SWAPPED || !may_go(os, process);
    for (uint32_t i = 0; i < process->region_count && !*refused && status == KB_OK; i++) {
        uint32_t number = process->regions[i].area - 1;
        struct kb_area *area = &os->storage->area[number];
        bool out = true;
        area->was_in = area->present;
        if (!goes_along(area))
            continue;
        status = kb_storage_roll_out(os, number, &out, &reason);
        gone += out;
        *refused = !out;
    }
    if (status != KB_OK || *refused)
        return status;
    kb_os_leave_processor(os, process);
    process->state = KB_SWAPPED;
    os->counters.swapped_out = swapped + 1;
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SWAP_OUT,
                                            .process = process,
                                            .count = gone,
                                            .slots = os->counters.write_backs - written});
    return KB_OK;
}

/* What it had, or all of it if it was not swapped out. Its segments do not push each other out. */
kb_status kb_storage_swap_in(struct kb_os *os, struct kb_process *process, bool *refused) {
    uint64_t came = 0, transfers = os->counters.disk_transfers;
    uint32_t pinned = 0;
    enum kb_reason reason;
    kb_status status = KB_OK;
    bool whole = process->state != KB_SWAPPED || kb_storage_of_programs(os);
    *refused = process->state == KB_ENDED;
    for (; pinned < process->region_count && !*refused && status == KB_OK; pinned++) {
        uint32_t number = process->regions[pinned].area - 1;
        const struct kb_area *area = &os->storage->area[number];
        bool in = area->present || !(whole || area->was_in);
        if (!in) {
            struct kb_placement_wish wish = {KB_ANYWHERE, process->regions[pinned].place};
            status = kb_storage_roll_in(os, number, wish, false, true, &in, &reason);
            came += in;
        }
        os->storage->area[number].pins++;
        *refused = !in;
    }
    for (uint32_t i = 0; i < pinned; i++)
        os->storage->area[process->regions[i].area - 1].pins--;
    if (status != KB_OK || *refused)
        return status;
    if (process->state == KB_SWAPPED) {
        process->state = KB_READY;
        os->counters.swapped_in++;
    }
    if (kb_os_heard(os))
        kb_os_tell(os, (struct kb_os_event){.kind = KB_OS_EVENT_SWAP_IN,
                                            .process = process,
                                            .count = came,
                                            .slots = os->counters.disk_transfers - transfers});
    return KB_OK;
}
