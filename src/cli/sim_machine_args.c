/* sim_machine_args.c - the options of kilburn sim that describe the machine, and its page tables.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MOST_ASIDS 65535
#define MOST_COPIES 4096
#define MOST_CLUSTER 64
#define MOST_CYCLE_NS 1e8

static const char *const allocations[] = {"global", "equal", "proportional", "variable", NULL};
static const char *const places[] = {"apart", "resident", "pageable", NULL};

void sim_machine_usual(struct sim_machine *machine) {
    *machine = (struct sim_machine){.tlb = {{16, 4, KB_TLB_LRU, 0}},
                                    .tlbs = 1,
                                    .quantum = 10000,
                                    .disk = {8, 4, 100.0 * (1 << 20)},
                                    .memory_ns = 100};
}

const char *sim_allocation_name(enum kb_allocation allocation) { return allocations[allocation]; }

const char *sim_tables_name(enum kb_tables_place place) { return places[place]; }

char *sim_tlb_text(const struct kb_tlb_geometry *geometry, char text[CLI_NUMBER_TEXT]) {
    if (geometry->sets == 1)
        snprintf(text, CLI_NUMBER_TEXT, "%u", geometry->ways);
    else
        snprintf(text, CLI_NUMBER_TEXT, "%ux%u", geometry->sets, geometry->ways);
    return text;
}

/* ---- values ---- */

/* 64: so many registers; 16x4: sets and ways; none. Of 0 ways: there is no TLB. */
static kb_status parse_tlb(struct sim *sim, const char *option, const char *text,
                           struct kb_tlb_geometry *geometry) {
    const char *x = strchr(text, 'x');
    uint64_t sets = 1, ways = 0;
    bool fine = strcmp(text, "none") == 0;
    if (!fine && x == NULL)
        fine = kb_parse_size(text, strlen(text), &ways);
    else if (!fine)
        fine = kb_parse_size(text, (size_t)(x - text), &sets) &&
               kb_parse_size(x + 1, strlen(x + 1), &ways) && ways > 0;
    if (!fine || !kb_is_power_of_two(sets) || sets > KB_TLB_MOST_ENTRIES ||
        ways > KB_TLB_MOST_ENTRIES / sets)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_tlb, option, text,
                       (unsigned long long)KB_TLB_MOST_ENTRIES);
    *geometry = (struct kb_tlb_geometry){(uint32_t)sets, (uint32_t)ways, KB_TLB_LRU, 0};
    return KB_OK;
}

/* A decimal number, perhaps with a unit of time; without one it has `unit` nanoseconds. */
static bool parse_time(const char *text, size_t length, double unit, double *ns) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    char word[32], *end;
    if (length == 0 || length >= sizeof word || ((*text < '0' || *text > '9') && *text != '.'))
        return false;
    memcpy(word, text, length);
    word[length] = '\0';
    if (strpbrk(word, "xXpP") != NULL) /* no hexadecimal reals */
        return false;
    *ns = strtod(word, &end);
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].name) == 0) {
            unit = units[i].ns;
            *end = '\0';
        }
    *ns *= unit;
    return *end == '\0' && *ns >= 0 && *ns <= 1e15;
}

/* Whole nanoseconds, up to 100 ms. */
static kb_status parse_cycle(struct sim *sim, const char *text) {
    struct sim_machine *m = &sim->machine;
    double ns;
    if (!parse_time(text, strlen(text), 1, &ns) || ns > MOST_CYCLE_NS || ns != (double)(uint64_t)ns)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_cycle, text);
    m->cycle_ns = (uint64_t)ns;
    return KB_OK;
}

/* seek=8ms,latency=4ms,rate=100M, in any order; what is left out stays as usual. */
static kb_status parse_disk(struct sim *sim, const char *text) {
    struct kb_disk *disk = &sim->machine.disk;
    for (const char *at = text; at != NULL;) {
        size_t length = strcspn(at, ","), key = strcspn(at, "=");
        const char *value = at + key + 1;
        size_t rest = key < length ? length - key - 1 : 0;
        double ns;
        uint64_t rate;
        bool fine = rest > 0;
        if (fine && key == 4 && memcmp(at, "seek", 4) == 0 &&
            (fine = parse_time(value, rest, 1e6, &ns)))
            disk->seek = ns / 1e6;
        else if (fine && key == 7 && memcmp(at, "latency", 7) == 0 &&
                 (fine = parse_time(value, rest, 1e6, &ns)))
            disk->latency = ns / 1e6;
        else if (fine && key == 4 && memcmp(at, "rate", 4) == 0 &&
                 (fine = kb_parse_size(value, rest, &rate) && rate > 0))
            disk->bytes_per_second = (double)rate;
        else
            fine = false;
        if (!fine)
            return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_disk, (int)length, at);
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return KB_OK;
}

/* One of the words, which end with NULL: its place among them. */
static kb_status parse_word(struct sim *sim, const char *option, const char *text,
                            const char *const *words, unsigned *found) {
    char names[100] = "";
    for (*found = 0; words[*found] != NULL; ++*found) {
        if (strcmp(text, words[*found]) == 0)
            return KB_OK;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                 *found > 0 ? ", " : "", words[*found]);
    }
    return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_word, option, text, names);
}

static kb_status parse_reserve(struct sim *sim, const char *text) {
    struct sim_machine *m = &sim->machine;
    size_t low = strcspn(text, ",");
    const char *high = text[low] == ',' ? text + low + 1 : "";
    bool fine = kb_parse_size(text, low, &m->low) && kb_parse_size(high, strlen(high), &m->high) &&
                m->low > 0 && m->low <= m->high;
    return fine ? KB_OK : kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_reserve, text);
}

/* ---- options ---- */

kb_status sim_machine_take(struct sim *sim, int option, const char *argument) {
    static const char *const names[] = {
#define X(id, name, argument) "--" name,
        SIM_MACHINE_OPTIONS(X)
#undef X
    };
    struct sim_machine *m = &sim->machine;
    struct kb_error *error = &sim->cli->error;
    const char *name = names[option - SIM_MACHINE_OPTION];
    unsigned word = 0;
    kb_status status;
    if (m->because == NULL)
        m->because = name;
    switch ((enum sim_machine_option)option) {
    case SIM_OPT_TLB:
        m->tlb_said = true;
        return parse_tlb(sim, name, argument, &m->tlb[0]);
    case SIM_OPT_TLB2:
        return parse_tlb(sim, name, argument, &m->tlb[1]);
    case SIM_OPT_ASIDS:
        return cli_parse_number(name, argument, 0, MOST_ASIDS, &m->asids, error);
    case SIM_OPT_TABLE_FORMAT:
        m->table_format = argument;
        return KB_OK;
    case SIM_OPT_LEVELS:
        return cli_parse_number(name, argument, 1, KB_MOST_LEVELS, &m->levels, error);
    case SIM_OPT_SWAP:
        return cli_parse_number(name, argument, 1, UINT64_C(1) << 40, &m->swap, error);
    case SIM_OPT_QUANTUM:
        return cli_parse_number(name, argument, 1, UINT64_MAX - 1, &m->quantum, error);
    case SIM_OPT_PROCESSES:
        m->copies_text = argument;
        return KB_OK;
    case SIM_OPT_DISK:
        return parse_disk(sim, argument);
    case SIM_OPT_CYCLE_TIME:
        m->clock = true;
        return parse_cycle(sim, argument);
    case SIM_OPT_MEMORY_TIME:
        m->memory_said = true;
        if (parse_time(argument, strlen(argument), 1, &m->memory_ns) && m->memory_ns > 0)
            return KB_OK;
        return kb_fail(error, KB_USAGE, KB_MSG_machine_time, name, argument);
    case SIM_OPT_TIMELINE:
        m->timeline = argument;
        return KB_OK;
    case SIM_OPT_ALLOCATION:
        status = parse_word(sim, name, argument, allocations, &word);
        m->allocation = (enum kb_allocation)word;
        return status;
    case SIM_OPT_TABLES:
        status = parse_word(sim, name, argument, places, &word);
        m->tables = (enum kb_tables_place)word;
        return status;
    case SIM_OPT_LOAD_CONTROL:
        return kb_load_parse(argument, &m->load, error);
    case SIM_OPT_MINIMUM:
        return cli_parse_number(name, argument, 1, KB_MOST_FRAMES, &m->minimum, error);
    case SIM_OPT_CLUSTER:
        return cli_parse_number(name, argument, 1, MOST_CLUSTER, &m->cluster, error);
    case SIM_OPT_RESERVE:
        return parse_reserve(sim, argument);
    case SIM_OPT_MACHINE:
    case SIM_OPTIONS_BEFORE:
    case SIM_OPTIONS_END:
        break;
    }
    return KB_OK;
}

static kb_status check_tlbs(struct sim *sim) {
    struct sim_machine *m = &sim->machine;
    m->tlbs = m->tlb[0].ways > 0;
    if (m->tlb[1].ways == 0)
        return KB_OK;
    m->tlbs = 2;
    return m->tlb[0].ways > 0 ? KB_OK : kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_tlb2);
}

static kb_status check_copies(struct sim *sim) {
    struct cli_sizes *copies = &sim->machine.copies;
    const char *text = sim->machine.copies_text;
    kb_status status = cli_parse_sizes(text != NULL ? text : "1", copies, &sim->cli->error);
    for (size_t i = 0; status == KB_OK && i < copies->count; i++)
        if (copies->values[i] * sim->trace_count > MOST_COPIES)
            status = kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_processes,
                             (unsigned long long)copies->values[i] * sim->trace_count,
                             (unsigned long long)MOST_COPIES);
    return status;
}

/* What comes next is known for one trace that runs alone, to the policy of all frames. */
static kb_status check_future(struct sim *sim) {
    bool local = sim->machine.allocation != KB_ALLOCATE_GLOBAL;
    bool alone = sim->trace_count == 1;
    for (size_t i = 0; i < sim->machine.copies.count; i++)
        alone = alone && sim->machine.copies.values[i] == 1;
    for (size_t i = 0; i < sim->policies.count && (local || !alone); i++)
        if (kb_replay_needs_future(sim->policies.specs[i].policy))
            return kb_fail(&sim->cli->error, KB_USAGE,
                           alone ? KB_MSG_machine_future_local : KB_MSG_machine_future,
                           sim->policies.specs[i].policy->name,
                           sim_allocation_name(sim->machine.allocation));
    return KB_OK;
}

/* With a clock a storage cycle has one time, and the disk's transfers are those of kb_os_init. */
static kb_status check_clock(struct sim *sim) {
    struct sim_machine *m = &sim->machine;
    if (!m->clock)
        return KB_OK;
    if (m->memory_said)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_not_together, "--cycle-time",
                       "--memory-time");
    m->memory_ns = (double)m->cycle_ns;
    return KB_OK;
}

static kb_status check_timeline(struct sim *sim) {
    const char *name = sim->machine.timeline;
    if (name == NULL)
        return KB_OK;
    if (strcmp(name, "-") == 0)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_timeline_file);
    if (sim->policies.count > 1 || sim->machine.copies.count > 1)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_timeline);
    return KB_OK;
}

kb_status sim_machine_check(struct sim *sim) {
    size_t piped = 0;
    for (size_t i = 0; i < sim->trace_count; i++)
        piped += strcmp(sim->traces[i], "-") == 0;
    if (piped > 1)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_stdin);
    kb_status status = check_tlbs(sim);
    if (status == KB_OK)
        status = check_copies(sim);
    if (status == KB_OK)
        status = check_future(sim);
    if (status == KB_OK)
        status = check_timeline(sim);
    if (status == KB_OK)
        status = check_clock(sim);
    if (status == KB_OK && sim->machine.minimum > 0 &&
        (sim->machine.allocation == KB_ALLOCATE_GLOBAL ||
         sim->machine.allocation == KB_ALLOCATE_VARIABLE))
        status = kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_minimum_global);
    if (status == KB_OK && !sim->machine.clock &&
        sim->machine.load.criterion == KB_LOAD_FAULT_RATE &&
        sim->machine.load.values[KB_LOAD_SERVICE] == 0)
        status = kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_load_service);
    return status;
}

kb_status sim_machine_fits(struct sim *sim, uint64_t frames, uint64_t processes) {
    const struct sim_machine *m = &sim->machine;
    uint64_t least = m->minimum > 0 ? m->minimum : 1;
    if (m->high >= frames)
        return m->high == 0 ? KB_OK
                            : kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_reserve_frames,
                                      (unsigned long long)m->low, (unsigned long long)m->high,
                                      (unsigned long long)frames);
    if (m->allocation != KB_ALLOCATE_GLOBAL && m->allocation != KB_ALLOCATE_VARIABLE &&
        least * processes > frames - m->high)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_minimum,
                       sim_allocation_name(m->allocation), (unsigned long long)processes,
                       (unsigned long long)least, (unsigned long long)(frames - m->high));
    return KB_OK;
}

/* ---- page tables ---- */

/* Nine bits a level, as in the tables of a page of 4 KiB, or as many as a table in a frame has room
 * for, unless the levels are said; the bits that the page numbers need are shared out evenly, the
 * first levels taking what is left over. */
static kb_status make_generic(struct sim *sim, unsigned page_bits, unsigned bits, unsigned levels,
                              struct kb_format *format) {
    unsigned split[KB_MOST_LEVELS], most = 9;
    if (sim->machine.tables != KB_TABLES_APART && page_bits > 3 && page_bits - 3 < most)
        most = page_bits - 3;
    if (levels == 0)
        levels = (bits + most - 1) / most;
    if (levels > KB_MOST_LEVELS)
        levels = KB_MOST_LEVELS;
    if (bits < levels)
        bits = levels;
    for (unsigned i = 0; i < levels; i++)
        split[i] = bits / levels + (i < bits % levels);
    return kb_format_generic(format, levels, split, page_bits, 8, &sim->cli->error);
}

static kb_status unknown_format(struct sim *sim, const char *name) {
    char names[200] = "generic";
    for (unsigned i = 0; kb_format_at(i) != NULL; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), ", %s",
                 kb_format_at(i)->name);
    snprintf(names + strlen(names), sizeof names - strlen(names), ", inverted");
    return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_format, name, names);
}

kb_status sim_machine_format(struct sim *sim, unsigned page_bits, uint64_t highest,
                             struct kb_os_setup *setup) {
    const char *name = sim->machine.table_format != NULL ? sim->machine.table_format : "generic";
    unsigned bits = highest == 0 ? 1 : 64 - (unsigned)__builtin_clzll(highest);
    unsigned levels = (unsigned)sim->machine.levels;
    const struct kb_format *real = kb_format_find(name);
    bool generic = strcmp(name, "generic") == 0, inverted = strcmp(name, "inverted") == 0;
    setup->scheme = inverted ? KB_SCHEME_INVERTED : KB_SCHEME_TABLES;
    if (real == NULL && !generic && !inverted)
        return unknown_format(sim, name);
    if (levels > 0 && !generic)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_levels, name);
    if (real == NULL && bits + page_bits > 63)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_beyond,
                       (unsigned long long)highest, name);
    if (generic)
        return make_generic(sim, page_bits, bits, levels, &setup->format);
    if (inverted) /* only the split of the offset counts */
        return make_generic(sim, page_bits, bits, bits > 24 ? 2 : 1, &setup->format);
    setup->format = *real;
    if (page_bits != real->page_bits)
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_page_size, real->name,
                       UINT64_C(1) << real->page_bits, UINT64_C(1) << page_bits);
    if (bits > real->address_bits - page_bits - (real->canonical ? 1 : 0))
        return kb_fail(&sim->cli->error, KB_USAGE, KB_MSG_machine_beyond,
                       (unsigned long long)highest, name);
    return KB_OK;
}
