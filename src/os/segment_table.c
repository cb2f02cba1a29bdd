/* segment_table.c - segment tables of contiguous storage: they lie behind the memory that is handed
 * out, which grows as they do.
 *
 * A table has 2^k descriptors; it is copied into a larger one when it is full. The free ones of a
 * size are a chain through their first words. */
#include "base/units.h"
#include "machine/descriptor.h"
#include "os/os.h"

static kb_status grow_memory(struct kb_os *os, uint64_t bytes) {
    struct kb_storage *storage = os->storage;
    uint64_t most = os->setup.tables_limit, need;
    if (!kb_add(storage->table_end, bytes, &need) || (size_t)need != need ||
        need - storage->setup.bytes > most)
        return kb_fail(os->error, KB_DATA, KB_MSG_tables_full, (unsigned long long)bytes,
                       (unsigned long long)(storage->table_end - storage->setup.bytes),
                       (unsigned long long)most);
    if (need <= os->mmu.memory.size)
        return KB_OK;
    uint64_t room = need + need / 4 < storage->setup.bytes + most ? need + need / 4 : need;
    uint8_t *more = (size_t)room == room ? kb_grow(os->host, os->mmu.memory.bytes,
                                                   (size_t)os->mmu.memory.size, (size_t)room)
                                         : NULL;
    if (more == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "tables",
                       (unsigned long long)room);
    os->mmu.memory.bytes = more;
    os->mmu.memory.size = room;
    return KB_OK;
}

static kb_status take_table(struct kb_os *os, unsigned size, uint64_t *table) {
    struct kb_storage *storage = os->storage;
    uint64_t bytes = (uint64_t)KB_DESCRIPTOR_BYTES << size;
    if (storage->table_free[size] != 0) {
        *table = storage->table_free[size];
        storage->table_free[size] = kb_memory_entry(&os->mmu.memory, *table, 8);
    } else {
        kb_status status = grow_memory(os, bytes);
        if (status != KB_OK)
            return status;
        *table = storage->table_end;
        storage->table_end += bytes;
    }
    memset(kb_memory_at(&os->mmu.memory, *table), 0, (size_t)bytes);
    struct kb_tables *tables = &os->tables;
    tables->bytes += bytes;
    tables->peak = tables->bytes > tables->peak ? tables->bytes : tables->peak;
    if (++tables->count > tables->most)
        tables->most = tables->count;
    return KB_OK;
}

static void give_table(struct kb_os *os, uint64_t table, unsigned size) {
    kb_memory_set_entry(&os->mmu.memory, table, 8, os->storage->table_free[size]);
    os->storage->table_free[size] = table;
    os->tables.bytes -= (uint64_t)KB_DESCRIPTOR_BYTES << size;
    os->tables.count--;
}

/* The table of a process has 2^k descriptors as long as it has had more than 2^(k-1) segments. */
static unsigned size_for(uint64_t segments) {
    unsigned size = 2;
    while (UINT64_C(1) << size < segments)
        size++;
    return size;
}

kb_status kb_storage_grow_table(struct kb_os *os, struct kb_process *process) {
    uint64_t table, have = process->segments;
    unsigned size = size_for(have + 1);
    if (kb_storage_of_programs(os) || (have > 0 && size_for(have) == size))
        return KB_OK;
    kb_status status = take_table(os, size, &table);
    if (status != KB_OK)
        return status;
    if (have > 0) {
        memcpy(kb_memory_at(&os->mmu.memory, table), kb_memory_at(&os->mmu.memory, process->root),
               (size_t)have * KB_DESCRIPTOR_BYTES);
        give_table(os, process->root, size_for(have));
    }
    process->root = table;
    return KB_OK;
}

/* What growing gave back is there to be taken. */
kb_status kb_storage_shrink_table(struct kb_os *os, struct kb_process *process) {
    uint64_t large = process->root, small = 0, left = process->segments;
    if (left > 0 && size_for(left) == size_for(left + 1))
        return KB_OK;
    if (left > 0) {
        kb_status status = take_table(os, size_for(left), &small);
        if (status != KB_OK)
            return status;
        memcpy(kb_memory_at(&os->mmu.memory, small), kb_memory_at(&os->mmu.memory, large),
               (size_t)left * KB_DESCRIPTOR_BYTES);
    }
    give_table(os, large, size_for(left + 1));
    process->root = small;
    return KB_OK;
}

void kb_storage_drop_table(struct kb_os *os, const struct kb_process *process) {
    give_table(os, process->root, size_for(process->segments));
}

uint64_t kb_storage_descriptor(const struct kb_os *os, const struct kb_process *process,
                               uint64_t number) {
    (void)os;
    return process->root + number * KB_DESCRIPTOR_BYTES;
}
