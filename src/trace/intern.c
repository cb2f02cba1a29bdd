/* intern.c - from page numbers to dense ids. */
#include "trace/intern.h"

#include <string.h>

#define FIRST_SLOTS 4096

static uint64_t hash(uint64_t number, uint32_t process) {
    uint64_t h = (number ^ (uint64_t)process << 40) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 32;
}

static kb_status out_of_memory(struct kb_error *error, uint64_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "page numbers",
                   (unsigned long long)bytes);
}

kb_status kb_intern_init(struct kb_intern *intern, const struct kb_host *host,
                         struct kb_error *error) {
    memset(intern, 0, sizeof *intern);
    intern->host = host;
    intern->slots = FIRST_SLOTS;
    intern->table = kb_take(host, FIRST_SLOTS * sizeof *intern->table);
    if (intern->table == NULL)
        return out_of_memory(error, FIRST_SLOTS * sizeof *intern->table);
    return KB_OK;
}

static kb_status grow_table(struct kb_intern *intern, struct kb_error *error) {
    uint64_t slots = intern->slots * 4;
    struct kb_intern_entry *table = kb_take(intern->host, (size_t)slots * sizeof *table);
    if (table == NULL)
        return out_of_memory(error, slots * sizeof *table);
    for (uint32_t id = 0; id < intern->count; id++) {
        uint32_t process = intern->processes != NULL ? intern->processes[id] : 0;
        uint64_t slot = hash(intern->numbers[id], process) & (slots - 1);
        while (table[slot].id_plus_1 != 0)
            slot = (slot + 1) & (slots - 1);
        table[slot] = (struct kb_intern_entry){intern->numbers[id], process, id + 1};
    }
    kb_give_back(intern->host, intern->table, (size_t)intern->slots * sizeof *table);
    intern->table = table;
    intern->slots = slots;
    return KB_OK;
}

static bool enlarge(struct kb_intern *intern, void **array, size_t size, uint32_t room) {
    void *fresh = kb_grow(intern->host, *array, (size_t)intern->room * size, (size_t)room * size);
    if (fresh != NULL)
        *array = fresh;
    return fresh != NULL;
}

static kb_status grow_names(struct kb_intern *intern, bool processes, struct kb_error *error) {
    uint32_t room = intern->room;
    if (intern->count == room)
        room = room == 0 ? 4096 : room * 2;
    void *numbers = intern->numbers, *owners = intern->processes;
    bool fine = room == intern->room || enlarge(intern, &numbers, sizeof(uint64_t), room);
    if (fine && (processes || owners != NULL) && (owners == NULL || room != intern->room))
        fine = enlarge(intern, &owners, sizeof(uint32_t), room);
    if (!fine && numbers != intern->numbers) { /* one grew, the other did not: lengths must agree */
        kb_give_back(intern->host, numbers, (size_t)room * sizeof(uint64_t));
        numbers = NULL;
    }
    intern->numbers = numbers;
    intern->processes = owners;
    if (!fine)
        return out_of_memory(error, (uint64_t)room * sizeof(uint64_t));
    intern->room = room;
    return KB_OK;
}

static kb_status add(struct kb_intern *intern, uint32_t process, uint64_t number, uint64_t slot,
                     struct kb_error *error) {
    if (intern->count == KB_MAX_PAGES)
        return kb_fail(error, KB_UNSUPPORTED, KB_MSG_too_many_pages,
                       (unsigned long long)KB_MAX_PAGES);
    if (intern->count == intern->room || (process != 0 && intern->processes == NULL)) {
        kb_status status = grow_names(intern, process != 0, error);
        if (status != KB_OK)
            return status;
    }
    intern->numbers[intern->count] = number;
    if (intern->processes != NULL)
        intern->processes[intern->count] = process;
    intern->table[slot] = (struct kb_intern_entry){number, process, ++intern->count};
    return KB_OK;
}

kb_status kb_intern_batch(struct kb_intern *intern, uint32_t process, const uint64_t *numbers,
                          uint32_t *ids, uint32_t count, struct kb_error *error) {
    if (((uint64_t)intern->count + count) * 2 > intern->slots) {
        kb_status status = grow_table(intern, error);
        if (status != KB_OK)
            return status;
    }
    const uint64_t mask = intern->slots - 1;
    uint64_t slots[KB_INTERN_BATCH];
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = hash(numbers[i], process) & mask;
        __builtin_prefetch(&intern->table[slots[i]]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t slot = slots[i];
        const struct kb_intern_entry *entry = &intern->table[slot];
        while (entry->id_plus_1 != 0 &&
               (entry->number != numbers[i] || entry->process != process)) {
            slot = (slot + 1) & mask;
            entry = &intern->table[slot];
        }
        if (entry->id_plus_1 == 0) {
            kb_status status = add(intern, process, numbers[i], slot, error);
            if (status != KB_OK)
                return status;
        }
        ids[i] = intern->table[slot].id_plus_1 - 1;
    }
    return KB_OK;
}

void kb_intern_close_table(struct kb_intern *intern) {
    kb_give_back(intern->host, intern->table, (size_t)intern->slots * sizeof *intern->table);
    intern->table = NULL;
    intern->slots = 0;
}

void kb_intern_free(struct kb_intern *intern) {
    kb_intern_close_table(intern);
    if (intern->numbers != NULL)
        kb_give_back(intern->host, intern->numbers, (size_t)intern->room * sizeof(uint64_t));
    if (intern->processes != NULL)
        kb_give_back(intern->host, intern->processes, (size_t)intern->room * sizeof(uint32_t));
    memset(intern, 0, sizeof *intern);
}
