/* tables.c - making, finding and giving back page tables in memory. */
#include "machine/tables.h"

#define LEAST_GROWTH (UINT64_C(64) << 10)

void kb_tables_init(struct kb_tables *tables, struct kb_memory *memory,
                    const struct kb_format *format, uint64_t start, uint64_t limit,
                    const struct kb_host *host) {
    *tables = (struct kb_tables){.memory = memory, .format = format, .host = host};
    tables->start = tables->end = start;
    tables->limit = limit > UINT64_MAX - start ? UINT64_MAX : start + limit;
    for (unsigned depth = 0; depth < KB_MOST_LEVELS; depth++)
        tables->free[depth] = KB_NO_TABLE;
}

void kb_tables_end(struct kb_tables *tables) {
    if (tables->note == NULL)
        return;
    kb_give_back(tables->host, tables->note, (size_t)tables->notes * sizeof *tables->note);
    tables->note = NULL;
    tables->notes = 0;
}

/* Half as much again, so that many small tables do not move the memory each. */
static kb_status grow_memory(struct kb_tables *tables, uint64_t end, struct kb_error *error) {
    struct kb_memory *memory = tables->memory;
    if (end <= memory->size)
        return KB_OK;
    uint64_t more = (memory->size - tables->start) / 2;
    uint64_t size = end + (more > LEAST_GROWTH ? more : LEAST_GROWTH);
    if (size > tables->limit)
        size = end;
    uint8_t *bytes = (size_t)size == size
                         ? kb_grow(tables->host, memory->bytes, (size_t)memory->size, (size_t)size)
                         : NULL;
    if (bytes == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "page tables",
                       (unsigned long long)size);
    memory->bytes = bytes;
    memory->size = size;
    return KB_OK;
}

kb_status kb_tables_reserve(struct kb_tables *tables, uint64_t bytes, uint64_t *address,
                            struct kb_error *error) {
    uint64_t page = UINT64_C(1) << tables->format->page_bits;
    uint64_t room = (bytes + page - 1) & ~(page - 1);
    unsigned physical = tables->format->physical_bits;
    uint64_t most = physical < 64 ? UINT64_C(1) << physical : UINT64_MAX;
    if (most > tables->limit)
        most = tables->limit;
    if (tables->end > most || room > most - tables->end)
        return kb_fail(error, KB_DATA, KB_MSG_tables_full, (unsigned long long)bytes,
                       (unsigned long long)(tables->end - tables->start),
                       (unsigned long long)(most - tables->start));
    kb_status status = grow_memory(tables, tables->end + room, error);
    if (status != KB_OK)
        return status;
    *address = tables->end;
    tables->end += room;
    return KB_OK;
}

/* ---- notes ---- */

static struct kb_table_note *note_of(const struct kb_tables *tables, uint64_t table) {
    uint64_t i = (table - tables->start) >> tables->format->page_bits;
    return table >= tables->start && i < tables->notes ? &tables->note[i] : NULL;
}

static kb_status make_note(struct kb_tables *tables, uint64_t table, struct kb_error *error) {
    uint64_t needed = ((table - tables->start) >> tables->format->page_bits) + 1;
    if (needed <= tables->notes)
        return KB_OK;
    uint64_t room = needed + needed / 2 + 8;
    size_t size = sizeof *tables->note;
    struct kb_table_note *more =
        kb_grow(tables->host, tables->note, (size_t)tables->notes * size, (size_t)room * size);
    if (more == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "page tables",
                       (unsigned long long)(room * size));
    for (uint64_t i = tables->notes; i < room; i++)
        more[i] = (struct kb_table_note){.next = KB_NO_TABLE};
    tables->note = more;
    tables->notes = room;
    return KB_OK;
}

/* Whether a table of this depth lies there: entries are bytes in memory, and anybody may have
 * written them. */
static bool is_table(const struct kb_tables *tables, uint64_t table, unsigned depth) {
    uint64_t inside = (UINT64_C(1) << tables->format->page_bits) - 1;
    const struct kb_table_note *note = note_of(tables, table);
    return note != NULL && ((table - tables->start) & inside) == 0 && note->used == depth + 1;
}

/* ---- tables ---- */

/* Among the frames, or behind them: one that was given back, or a new one. */
static kb_status take_place(struct kb_tables *tables, unsigned depth, uint64_t entry,
                            uint64_t virtual, uint64_t *address, struct kb_error *error) {
    uint64_t bytes = kb_format_table_bytes(tables->format, depth), kept = tables->free[depth];
    if (tables->frames.take == NULL && kept != KB_NO_TABLE) {
        tables->free[depth] = note_of(tables, kept)->next;
        memset(kb_memory_at(tables->memory, kept), 0, (size_t)bytes);
        *address = kept;
        return KB_OK;
    }
    kb_status status =
        tables->frames.take != NULL
            ? tables->frames.take(tables->frames.context, depth, entry, virtual, address)
            : kb_tables_reserve(tables, bytes, address, error);
    return status == KB_OK ? make_note(tables, *address, error) : status;
}

/* All entries show nothing; the bytes are zeros so far. */
static void make_empty(const struct kb_tables *tables, uint64_t table, unsigned depth) {
    const struct kb_format *format = tables->format;
    unsigned bytes = kb_format_entry_bytes(format, depth);
    uint64_t empty = kb_format_empty(format, depth);
    for (uint64_t i = 0; empty != 0 && i < UINT64_C(1) << format->bits[depth]; i++)
        kb_memory_set_entry(tables->memory, table + i * bytes, bytes, empty);
}

static kb_status begin(struct kb_tables *tables, unsigned depth, uint64_t entry, uint64_t virtual,
                       uint64_t *address, struct kb_error *error) {
    uint64_t bytes = kb_format_table_bytes(tables->format, depth);
    kb_status status = take_place(tables, depth, entry, virtual, address, error);
    if (status != KB_OK)
        return status;
    make_empty(tables, *address, depth);
    note_of(tables, *address)->used = depth + 1;
    tables->count++;
    tables->bytes += bytes;
    if (tables->count > tables->most)
        tables->most = tables->count;
    if (tables->bytes > tables->peak)
        tables->peak = tables->bytes;
    return KB_OK;
}

kb_status kb_tables_new(struct kb_tables *tables, unsigned depth, uint64_t *address,
                        struct kb_error *error) {
    return begin(tables, depth, KB_NO_TABLE, 0, address, error);
}

kb_status kb_tables_new_below(struct kb_tables *tables, unsigned depth, uint64_t entry,
                              uint64_t virtual, uint64_t *address, struct kb_error *error) {
    return begin(tables, depth, entry, virtual, address, error);
}

void kb_tables_give_back(struct kb_tables *tables, uint64_t table, unsigned depth) {
    uint64_t bytes = kb_format_table_bytes(tables->format, depth);
    if (!is_table(tables, table, depth))
        return;
    memset(kb_memory_at(tables->memory, table), 0, (size_t)bytes);
    bool among = tables->frames.give_back != NULL;
    *note_of(tables, table) =
        (struct kb_table_note){.next = among ? KB_NO_TABLE : tables->free[depth]};
    if (!among)
        tables->free[depth] = table;
    tables->count--;
    tables->bytes -= bytes;
    if (among)
        tables->frames.give_back(tables->frames.context, table);
}

static uint64_t entry_address(const struct kb_format *format, uint64_t table, uint64_t address,
                              unsigned depth) {
    return table + kb_format_index(format, address, depth) * kb_format_entry_bytes(format, depth);
}

kb_status kb_tables_make(struct kb_tables *tables, uint64_t root, uint64_t address, unsigned depth,
                         uint64_t *entry, struct kb_error *error) {
    const struct kb_format *format = tables->format;
    uint64_t table = root;
    for (unsigned d = 0; d < depth; d++) {
        uint64_t at = entry_address(format, table, address, d);
        uint64_t raw = kb_memory_entry(tables->memory, at, kb_format_entry_bytes(format, d));
        struct kb_entry next = format->family->decode(format, raw, d);
        if (!(next.bits & KB_ENTRY_VALID)) {
            kb_status status = begin(tables, d + 1, at, address, &next.address, error);
            if (status != KB_OK)
                return status;
            next.bits = KB_ENTRY_VALID;
            if (format->family->rights_add_up) /* the leaf alone decides */
                next.bits |= KB_ENTRY_RIGHTS | KB_ENTRY_USER;
            kb_memory_set_entry(tables->memory, at, format->entry_bytes,
                                format->family->encode(format, next, d));
        } else if (next.bits & KB_ENTRY_LEAF) {
            return kb_fail(error, KB_DATA, KB_MSG_tables_superpage, (unsigned long long)address);
        } else if (!is_table(tables, next.address, d + 1)) {
            return kb_fail(error, KB_DATA, KB_MSG_fault_bus);
        }
        table = next.address;
    }
    *entry = entry_address(format, table, address, depth);
    return KB_OK;
}

uint64_t kb_tables_find(const struct kb_tables *tables, uint64_t root, uint64_t address,
                        unsigned *depth) {
    const struct kb_format *format = tables->format;
    uint64_t table = root;
    for (unsigned d = 0; d + 1 < format->levels; d++) {
        uint64_t at = entry_address(format, table, address, d);
        uint64_t raw = kb_memory_entry(tables->memory, at, kb_format_entry_bytes(format, d));
        struct kb_entry next = format->family->decode(format, raw, d);
        *depth = d;
        if (!(next.bits & KB_ENTRY_VALID))
            return KB_NO_TABLE;
        if (next.bits & KB_ENTRY_LEAF)
            return at;
        if (!is_table(tables, next.address, d + 1))
            return KB_NO_TABLE;
        table = next.address;
    }
    *depth = format->levels - 1;
    return entry_address(format, table, address, *depth);
}

static void free_below(struct kb_tables *tables, uint64_t table, unsigned depth, uint64_t first,
                       uint64_t end) {
    const struct kb_format *format = tables->format;
    unsigned below = depth + 1, bytes = kb_format_entry_bytes(format, depth);
    for (uint64_t i = first; below < format->levels && below < KB_MOST_LEVELS && i < end; i++) {
        uint64_t raw = kb_memory_entry(tables->memory, table + i * bytes, bytes);
        struct kb_entry next = format->family->decode(format, raw, depth);
        if ((next.bits & (KB_ENTRY_VALID | KB_ENTRY_LEAF)) == KB_ENTRY_VALID &&
            is_table(tables, next.address, below))
            free_below(tables, next.address, below, 0, UINT64_C(1) << format->bits[below]);
    }
    kb_tables_give_back(tables, table, depth);
}

void kb_tables_free(struct kb_tables *tables, uint64_t root, uint64_t first, uint64_t end) {
    free_below(tables, root, 0, first, end);
}
