/* explain_walk.c - a walk through the tables of a memory image: each entry, and why it faulted. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* ---- the request ---- */

/* FILE@BASE: the part behind the last @, if it is a number. */
static kb_status split_name(const struct explain *explain, char *name, uint64_t *base) {
    char *at = strrchr(name, '@');
    *base = 0;
    if (at == NULL || at[1] < '0' || at[1] > '9')
        return KB_OK;
    *at = '\0';
    return explain_parse(explain, "--memory FILE@", at + 1, base);
}

static kb_status read_whole(const struct explain *explain, const char *name,
                            struct kb_memory *memory) {
    struct kb_error *error = &explain->cli->error;
    struct kb_source source;
    size_t room = 0, got = 1;
    kb_status status = kb_file_open(&source, name, error);
    if (status != KB_OK)
        return status;
    while (status == KB_OK && got > 0) {
        if (memory->size == room) {
            room = room == 0 ? (size_t)source.size + 65536 : room * 2;
            uint8_t *larger = realloc(memory->bytes, room);
            if (larger == NULL) {
                status =
                    kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, name, (unsigned long long)room);
                break;
            }
            memory->bytes = larger;
        }
        status = source.read(source.context, memory->bytes + memory->size,
                             room - (size_t)memory->size, &got, error);
        memory->size += got;
    }
    kb_file_close(&source);
    if (status == KB_OK && memory->size == 0)
        status = kb_fail(error, KB_DATA, KB_MSG_explain_empty, name);
    if (status == KB_OK && memory->base > UINT64_MAX - (memory->size - 1))
        status =
            kb_fail(error, KB_DATA, KB_MSG_explain_beyond, name, (unsigned long long)memory->size);
    return status;
}

static kb_status read_memory(const struct explain *explain, struct kb_memory *memory) {
    char *name = strdup(explain->values[EXPLAIN_MEMORY]);
    if (name == NULL)
        return kb_fail(&explain->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "--memory",
                       (unsigned long long)strlen(explain->values[EXPLAIN_MEMORY]));
    kb_status status = split_name(explain, name, &memory->base);
    if (status == KB_OK)
        status = read_whole(explain, name, memory);
    free(name);
    return status;
}

/* One of two or three words; -1 is an error. */
static int choice(const struct explain *explain, enum explain_option option, const char *words) {
    const char *text = explain->values[option], *at = words;
    if (text == NULL)
        return 0;
    for (int i = 0; *at != '\0'; i++) {
        size_t length = strcspn(at, " ");
        if (strlen(text) == length && memcmp(text, at, length) == 0)
            return i;
        at += length + (at[length] == ' ');
    }
    kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_choice, explain_name(option), words,
            text);
    return -1;
}

static kb_status read_mode(const struct explain *explain, struct kb_mode *mode) {
    int access = choice(explain, EXPLAIN_ACCESS, "r w x");
    if (access < 0)
        return KB_USAGE;
    int privileged = choice(explain, EXPLAIN_MODE, "u s");
    if (privileged < 0)
        return KB_USAGE;
    int ad = choice(explain, EXPLAIN_AD, "set fault");
    if (ad < 0)
        return KB_USAGE;
    mode->access = explain_has(explain, EXPLAIN_ACCESS) ? (enum kb_access)access : KB_ACCESS_ANY;
    mode->privileged = privileged == 1;
    mode->ad_fault = ad == 1;
    mode->sum = explain_has(explain, EXPLAIN_SUM);
    mode->mxr = explain_has(explain, EXPLAIN_MXR);
    return KB_OK;
}

/* Tables begin at multiples of their entries; those of the named formats at pages. */
static kb_status check_root(const struct explain *explain, const struct explain_way *way) {
    const struct kb_format *format = way->format;
    uint64_t unit = format == &way->generic ? format->entry_bytes : 1u << format->page_bits;
    if (format->family->segmented)
        unit = 64; /* of an S/370's segment table */
    if (way->root % unit == 0)
        return KB_OK;
    return kb_fail(&explain->cli->error, KB_USAGE, KB_MSG_explain_root,
                   explain->values[EXPLAIN_ROOT], (unsigned long long)unit);
}

/* ---- why ---- */

/* The first level whose entry lacks this right, in families where rights add up; else the leaf's.
 */
static unsigned withheld_at(const struct explain_way *way, unsigned right) {
    const struct kb_format *format = way->format;
    unsigned depth = 0;
    if (!format->family->rights_add_up)
        return kb_format_level(format, way->walk.depth);
    while (depth < way->walk.depth &&
           format->family->decode(format, way->walk.step[depth].entry, depth).bits & right)
        depth++;
    return kb_format_level(format, depth);
}

static bool is_x86(const struct kb_format *format) { return format->family->rights_add_up; }

static void why_reserved_riscv(const struct explain_way *way, uint64_t entry,
                               struct kb_error *why) {
    unsigned high = 10 + way->format->physical_bits - way->format->page_bits;
    char text[EXPLAIN_TEXT];
    if ((entry & 6) == 4)
        kb_fail(why, KB_DATA, KB_MSG_explain_why_write_alone);
    else if (entry >> high != 0)
        kb_fail(why, KB_DATA, KB_MSG_explain_why_high, (unsigned long long)high,
                explain_hex(entry >> high, text));
    else if ((entry & 0xd0) != 0)
        kb_fail(why, KB_DATA, KB_MSG_explain_why_pointer, (unsigned long long)(entry >> 4 & 1),
                (unsigned long long)(entry >> 6 & 1), (unsigned long long)(entry >> 7 & 1));
    else
        kb_fail(why, KB_DATA, KB_MSG_explain_why_last);
}

static void why_reserved_x86(const struct explain_way *way, uint64_t entry, struct kb_error *why) {
    unsigned depth = way->walk.depth, shift = kb_format_shift(way->format, depth);
    char size[KB_SIZE_TEXT], text[EXPLAIN_TEXT];
    if (!(way->format->superpage_depths >> depth & 1)) {
        kb_fail(why, KB_DATA, KB_MSG_explain_why_ps,
                way->format->family->table_names[kb_format_level(way->format, depth) - 1]);
        return;
    }
    kb_format_size(UINT64_C(1) << shift, size);
    if (way->format->entry_bytes == 4)
        kb_fail(why, KB_DATA, KB_MSG_explain_why_bit_21, size);
    else
        kb_fail(why, KB_DATA, KB_MSG_explain_why_low, (unsigned long long)shift - 1, size,
                explain_hex((entry & ((UINT64_C(1) << shift) - 1)) >> 13, text));
}

static void why_privilege(const struct explain_way *way, struct kb_error *why) {
    unsigned level = withheld_at(way, KB_ENTRY_USER);
    if (!way->mode.privileged)
        kb_fail(why, KB_DATA, KB_MSG_explain_why_user, (unsigned long long)level);
    else if (way->mode.access == KB_ACCESS_EXECUTE)
        kb_fail(why, KB_DATA, KB_MSG_explain_why_kernel_executes, (unsigned long long)level);
    else
        kb_fail(why, KB_DATA, KB_MSG_explain_why_sum_needed, (unsigned long long)level);
}

static void why_protection(const struct explain_way *way, struct kb_error *why) {
    static const unsigned rights[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE};
    unsigned level = withheld_at(way, rights[way->mode.access]);
    enum kb_message message = KB_MSG_explain_why_write;
    if (way->mode.access == KB_ACCESS_READ)
        message =
            way->walk.bits & KB_ENTRY_EXECUTE ? KB_MSG_explain_why_mxr : KB_MSG_explain_why_read;
    else if (way->mode.access == KB_ACCESS_EXECUTE)
        message = is_x86(way->format) ? KB_MSG_explain_why_xd : KB_MSG_explain_why_execute;
    kb_fail(why, KB_DATA, message, (unsigned long long)level);
}

static void why_bus(const struct explain_way *way, struct kb_error *why) {
    char at[EXPLAIN_TEXT], first[EXPLAIN_TEXT], last[EXPLAIN_TEXT];
    const struct kb_memory *memory = &way->memory;
    kb_fail(why, KB_DATA, KB_MSG_explain_why_bus,
            (unsigned long long)kb_format_entry_bytes(way->format, way->walk.depth),
            explain_hex(way->walk.step[way->walk.depth].address, at),
            explain_hex(memory->base, first), explain_hex(memory->base + memory->size - 1, last));
}

/* One sentence on this very fault. */
static void tell_why(const struct explain *explain, struct explain_way *way) {
    struct kb_error why = {.language = explain->cli->language};
    const struct kb_format *format = way->format;
    uint64_t entry = way->walk.step[way->walk.depth].entry;
    char size[KB_SIZE_TEXT], page[EXPLAIN_TEXT];
    unsigned bits = format->address_bits;
    bool entered = format->family->segmented && way->walk.steps > 0;
    switch (entered && way->fault != KB_FAULT_BUS ? KB_FAULT_NONE : way->fault) {
    case KB_FAULT_OVERFLOW:
        kb_fail(&why, KB_DATA, KB_MSG_explain_why_overflow, (unsigned long long)bits);
        break;
    case KB_FAULT_NON_CANONICAL:
        kb_fail(&why, KB_DATA, KB_MSG_explain_why_canonical, (unsigned long long)bits,
                (unsigned long long)bits - 1);
        break;
    case KB_FAULT_BUS:
        why_bus(way, &why);
        break;
    case KB_FAULT_INVALID:
        kb_fail(&why, KB_DATA,
                way->walk.depth + 1 < format->levels ? KB_MSG_explain_why_no_table
                                                     : KB_MSG_explain_why_no_page,
                is_x86(format) ? "P" : "V");
        break;
    case KB_FAULT_RESERVED:
        if (is_x86(format))
            why_reserved_x86(way, entry, &why);
        else
            why_reserved_riscv(way, entry, &why);
        break;
    case KB_FAULT_MISALIGNED:
        kb_fail(&why, KB_DATA, KB_MSG_explain_why_misaligned,
                kb_format_size(UINT64_C(1) << way->walk.page_bits, size),
                explain_hex(way->walk.page, page));
        break;
    case KB_FAULT_PRIVILEGE:
        why_privilege(way, &why);
        break;
    case KB_FAULT_PROTECTION:
        why_protection(way, &why);
        break;
    default:
        kb_fail(&why, KB_DATA, kb_fault_why(way->fault));
        break;
    }
    memcpy(way->why, why.text, sizeof way->why);
}

kb_status explain_walk_prepare(const struct explain *explain, struct explain_way *way) {
    kb_status status = explain_number(explain, EXPLAIN_ROOT, 0, UINT64_MAX, &way->root);
    if (status == KB_OK)
        status = check_root(explain, way);
    if (status == KB_OK)
        status = read_mode(explain, &way->mode);
    if (status == KB_OK)
        status = read_memory(explain, &way->memory);
    if (status != KB_OK || way->fault != KB_FAULT_NONE)
        return status;
    way->fault = kb_walk(way->format, &way->memory, way->root, way->linear, way->mode, &way->walk);
    way->has_physical = way->fault == KB_FAULT_NONE;
    way->physical = way->walk.physical;
    if (!way->has_physical)
        tell_why(explain, way);
    return KB_OK;
}

/* ---- the bits of an entry ---- */

struct bit {
    const char *name;
    unsigned number;
};

/* Of an entry at this depth; count bits into bits. */
#define MOST_BITS 10
static unsigned bits_of(const struct kb_format *format, uint64_t entry, unsigned depth,
                        struct bit bits[MOST_BITS]) {
    static const char *const riscv[] = {"V", "R", "W", "X", "U", "G", "A", "D"};
    static const struct bit s370[][3] = {{{"I", 0}, {"C", 1}, {"P", 2}}, {{"I", 3}}};
    static const char *const x86[] = {"P", "W", "U", "PWT", "PCD", "A", "D", "PS", "G"};
    if (format->family->segmented) {
        memcpy(bits, s370[depth], sizeof s370[depth]);
        return depth == 0 ? 3 : 1;
    }
    bool intel = is_x86(format), last = depth + 1 == format->levels;
    unsigned count = intel ? 9 : 8;
    for (unsigned i = 0; i < count; i++)
        bits[i] = (struct bit){intel ? x86[i] : riscv[i], i};
    if (!intel)
        return count;
    if (last)
        bits[7].name = "PAT";
    else if (!(entry >> 7 & 1)) { /* a table: D and G are ignored */
        bits[6] = bits[7];
        count = 7;
    }
    if (format->entry_bytes == 8)
        bits[count++] = (struct bit){"XD", 63};
    return count;
}

static void print_bits(const struct kb_format *format, uint64_t entry, unsigned depth) {
    struct bit bits[MOST_BITS];
    unsigned count = bits_of(format, entry, depth, bits);
    printf("   ");
    for (unsigned i = 0; i < count; i++)
        printf(" %s=%u", bits[i].name, (unsigned)(entry >> bits[i].number & 1));
    if (format->family->segmented && depth == 0)
        printf("  PTL=%u  PTO=0x%06x", (unsigned)(entry >> 28 & 15), (unsigned)entry & 0xfffff8);
    else if (format->family->segmented)
        printf("  PFRA=0x%03x", (unsigned)(entry >> 4 & 0xfff));
    else if (!is_x86(format))
        printf("  RSW=%u  PPN=0x%" PRIx64, (unsigned)(entry >> 8 & 3),
               entry >> 10 & ((UINT64_C(1) << (format->physical_bits - format->page_bits)) - 1));
    printf("\n");
}

/* What the entry leads to. */
static void print_target(const struct explain *explain, const struct kb_format *format,
                         uint64_t raw, unsigned depth) {
    struct kb_entry entry = format->family->decode(format, raw, depth);
    char at[EXPLAIN_TEXT], size[KB_SIZE_TEXT];
    if (!(entry.bits & KB_ENTRY_VALID) || entry.bits & KB_ENTRY_RESERVED)
        return;
    explain_hex(entry.address, at);
    if (!(entry.bits & KB_ENTRY_LEAF))
        cli_print(explain->cli, stdout, KB_MSG_explain_to_table, at);
    else
        cli_print(explain->cli, stdout, KB_MSG_explain_to_page,
                  kb_format_size(UINT64_C(1) << kb_format_shift(format, depth), size), at);
}

static void print_step(const struct explain *explain, const struct explain_way *way, unsigned depth,
                       uint64_t table) {
    const struct kb_format *format = way->format;
    const struct kb_walk_step *step = &way->walk.step[depth];
    char at[EXPLAIN_TEXT], from[EXPLAIN_TEXT], raw[EXPLAIN_TEXT];
    cli_print(explain->cli, stdout, KB_MSG_explain_step,
              (unsigned long long)kb_format_level(format, depth), explain_hex(table, from),
              (unsigned long long)step->index,
              (unsigned long long)kb_format_entry_bytes(format, depth),
              explain_hex(step->address, at));
    if (depth >= way->walk.steps) {
        printf("\n");
        return;
    }
    snprintf(raw, sizeof raw, "0x%0*" PRIx64, (int)kb_format_entry_bytes(format, depth) * 2,
             step->entry);
    printf(": %s\n", raw);
    print_bits(format, step->entry, depth);
    print_target(explain, format, step->entry, depth);
}

/* Bits that hardware sets at this access. With --ad fault there are none: it would have faulted. */
static void print_sets(const struct explain *explain, const struct explain_way *way) {
    bool write = way->mode.access == KB_ACCESS_WRITE;
    if (way->format->family->marks_in_keys) /* no entry has them */
        return;
    bool a = !(way->walk.bits & KB_ENTRY_REFERENCED);
    bool d = write && !(way->walk.bits & KB_ENTRY_MODIFIED);
    if (way->mode.access != KB_ACCESS_ANY && (a || d))
        cli_print(explain->cli, stdout, KB_MSG_explain_sets, a && d ? "A, D" : a ? "A" : "D");
    bool above = false; /* x86 marks the tables on the way too */
    for (unsigned depth = 0; is_x86(way->format) && depth < way->walk.depth; depth++)
        above |= !(way->walk.step[depth].entry >> way->format->family->referenced_bit & 1);
    if (way->mode.access != KB_ACCESS_ANY && above)
        cli_print(explain->cli, stdout, KB_MSG_explain_sets_above);
}

static void show_text(const struct explain *explain, const struct explain_way *way, unsigned seen) {
    char page[EXPLAIN_TEXT], offset[EXPLAIN_TEXT], physical[EXPLAIN_TEXT];
    uint64_t table = way->root;
    printf("\n");
    for (unsigned depth = 0; depth < seen; depth++) {
        print_step(explain, way, depth, table);
        table =
            way->format->family->decode(way->format, way->walk.step[depth].entry, depth).address;
    }
    if (way->fault != KB_FAULT_NONE && seen == 0) {
        cli_print(explain->cli, stdout, KB_MSG_explain_fault, kb_fault_name(way->fault), way->why);
        return;
    }
    if (way->fault != KB_FAULT_NONE) {
        cli_print(explain->cli, stdout, KB_MSG_explain_fault_level,
                  (unsigned long long)kb_format_level(way->format, way->walk.depth),
                  kb_fault_name(way->fault), way->why);
        return;
    }
    unsigned bits = way->walk.bits;
    cli_print(explain->cli, stdout, KB_MSG_explain_rights, bits & KB_ENTRY_READ ? "r" : "-",
              bits & KB_ENTRY_WRITE ? "w" : "-", bits & KB_ENTRY_EXECUTE ? "x" : "-",
              cli_text(explain->cli,
                       bits & KB_ENTRY_USER ? KB_MSG_explain_of_user : KB_MSG_explain_of_kernel));
    print_sets(explain, way);
    cli_print(explain->cli, stdout, KB_MSG_explain_physical, explain_hex(way->walk.page, page),
              explain_hex(way->physical - way->walk.page, offset),
              explain_hex(way->physical, physical));
}

/* ---- JSON ---- */

static void json_step(struct explain_way *way, unsigned depth) {
    const struct kb_format *format = way->format;
    const struct kb_walk_step *step = &way->walk.step[depth];
    struct kb_json *json = &way->json;
    struct bit bits[MOST_BITS];
    char text[EXPLAIN_TEXT];
    kb_json_newline(json);
    kb_json_object(json, NULL);
    kb_json_u64(json, "level", kb_format_level(format, depth));
    kb_json_u64(json, "index", step->index);
    kb_json_string(json, "address", explain_hex(step->address, text));
    if (depth >= way->walk.steps) {
        kb_json_null(json, "entry");
        kb_json_close_object(json);
        return;
    }
    kb_json_string(json, "entry", explain_hex(step->entry, text));
    unsigned count = bits_of(format, step->entry, depth, bits);
    kb_json_object(json, "bits");
    for (unsigned i = 0; i < count; i++)
        kb_json_u64(json, bits[i].name, step->entry >> bits[i].number & 1);
    kb_json_close_object(json);
    struct kb_entry entry = format->family->decode(format, step->entry, depth);
    if (entry.bits & KB_ENTRY_VALID && !(entry.bits & KB_ENTRY_RESERVED))
        kb_json_string(json, entry.bits & KB_ENTRY_LEAF ? "page" : "table",
                       explain_hex(entry.address, text));
    kb_json_close_object(json);
}

static void show_json(struct explain_way *way, unsigned seen) {
    struct kb_json *json = &way->json;
    unsigned level = kb_format_level(way->format, way->walk.depth);
    explain_json_end(way, seen > 0 ? &level : NULL);
    if (way->fault == KB_FAULT_NONE) {
        char rights[4] = {way->walk.bits & KB_ENTRY_READ ? 'r' : '-',
                          way->walk.bits & KB_ENTRY_WRITE ? 'w' : '-',
                          way->walk.bits & KB_ENTRY_EXECUTE ? 'x' : '-', '\0'};
        kb_json_u64(json, "page_bytes", UINT64_C(1) << way->walk.page_bits);
        kb_json_string(json, "rights", rights);
        kb_json_bool(json, "user", (way->walk.bits & KB_ENTRY_USER) != 0);
        kb_json_bool(json, "global", (way->walk.bits & KB_ENTRY_GLOBAL) != 0);
    }
    kb_json_newline(json);
    kb_json_array(json, "steps");
    for (unsigned depth = 0; depth < seen; depth++)
        json_step(way, depth);
    kb_json_close_array(json);
}

void explain_walk_show(const struct explain *explain, struct explain_way *way) {
    unsigned seen = way->walk.steps + (way->fault == KB_FAULT_BUS);
    if (explain->json)
        show_json(way, seen);
    else
        show_text(explain, way, seen);
}
