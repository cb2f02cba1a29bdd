/* build.c - the command `machine`: what the hardware and the system are made of. */
#include <stdio.h>

#include "base/units.h"
#include "machine/segment.h"
#include "scenario/session.h"

#define MOST_ASIDS 65535
#define MOST_CLUSTER 64
#define USUAL_FRAMES 16
#define USUAL_SLOTS (UINT64_C(1) << 20)
#define USUAL_TABLES (UINT64_C(256) << 20)

static const char usage[] = "machine page=4K frames=16 replace=fifo …";

#define UNSAID UINT64_MAX

/* What `machine` says before it becomes a setup. */
struct wish {
    uint64_t page, frames, memory, address, levels, entry, asids, tables, seed, swap, kernel_start,
        io, cluster, low, high;
    unsigned split[KB_MOST_LEVELS];
    unsigned splits;
    bool kernel, segmented, byte_lengths;
    bool preset_tlb;
    uint64_t preset_frames;      /* 0: no preset */
    const struct kb_format *own; /* a preset's, that no option names */
    struct kb_word format, swap_file, reserve;
    uint64_t stage_blocks, stage_pages; /* of the level between memory and paging file; 0: none */
};

static uint64_t frames_of(const struct wish *wish, unsigned page_bits) {
    if (wish->memory != UNSAID)
        return wish->memory >> page_bits;
    if (wish->frames != UNSAID)
        return wish->frames;
    return wish->preset_frames != 0 ? wish->preset_frames : USUAL_FRAMES;
}

static kb_status bad_value(struct kb_scenario *s, const char *key, const struct kb_word *value,
                           const char *wanted) {
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, key,
                   (int)(value->length < 60 ? value->length : 60), value->at, wanted);
}

/* ---- formats ---- */

static kb_status read_split(struct kb_scenario *s, const struct kb_word *value, struct wish *wish) {
    const char *at = value->at, *end = at + value->length;
    wish->splits = 0;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t length = comma != NULL ? (size_t)(comma - at) : (size_t)(end - at);
        uint64_t bits;
        if (wish->splits == KB_MOST_LEVELS || !kb_parse_u64(at, length, &bits) || bits > 64)
            return bad_value(s, "split", value, "10,10");
        wish->split[wish->splits++] = (unsigned)bits;
        at += length + 1;
    }
    return wish->splits == 0 ? bad_value(s, "split", value, "10,10") : KB_OK;
}

/* Equal parts; what is left over goes to the root. */
static kb_status divide(struct kb_scenario *s, struct wish *wish, unsigned page_bits) {
    if (wish->address <= page_bits || wish->address > 64 || wish->levels == 0 ||
        wish->levels > KB_MOST_LEVELS || wish->levels > wish->address - page_bits)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_levels, (unsigned long long)wish->address,
                       (unsigned long long)wish->levels, (unsigned long long)page_bits,
                       (unsigned long long)KB_MOST_LEVELS);
    unsigned bits = (unsigned)wish->address - page_bits, levels = (unsigned)wish->levels;
    wish->splits = levels;
    for (unsigned i = 0; i < levels; i++)
        wish->split[i] = bits / levels;
    wish->split[0] += bits % levels;
    return KB_OK;
}

/* 8 bits of segment number, and pages up to 32 bits, unless split says otherwise. */
static kb_status choose_segments(struct kb_scenario *s, const struct wish *wish,
                                 unsigned page_bits) {
    unsigned segment = wish->splits == 2 ? wish->split[0] : 8;
    unsigned page = wish->splits == 2 ? wish->split[1] : page_bits < 23 ? 24 - page_bits : 1;
    if ((wish->splits != 0 && wish->splits != 2) || wish->format.length > 0 || wish->levels != 0 ||
        wish->address != 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_segments);
    unsigned bytes = wish->entry != 0 ? (unsigned)wish->entry : 8;
    struct kb_segment_shape shape = {segment, page, page_bits, bytes, wish->byte_lengths};
    return kb_format_segmented(&s->setup.format, shape, s->error);
}

static kb_status choose_format(struct kb_scenario *s, struct wish *wish) {
    struct kb_os_setup *setup = &s->setup;
    if (wish->own != NULL) {
        setup->format = *wish->own;
        return KB_OK;
    }
    char name[24] = "generic";
    if (wish->format.length >= sizeof name)
        return bad_value(s, "format", &wish->format, "sv39");
    if (wish->format.length > 0)
        snprintf(name, sizeof name, "%.*s", (int)wish->format.length, wish->format.at);
    const struct kb_format *real = kb_format_find(name);
    setup->scheme = strcmp(name, "inverted") == 0 ? KB_SCHEME_INVERTED : setup->scheme;
    if (real != NULL) {
        if (wish->page != UINT64_C(1) << real->page_bits || wish->splits > 0 || wish->levels != 0 ||
            wish->entry != 0 || wish->address != 0)
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_fixed_format, real->name);
        setup->format = *real;
        return KB_OK;
    }
    if (strcmp(name, "generic") != 0 && setup->scheme != KB_SCHEME_INVERTED)
        return bad_value(s, "format", &wish->format,
                         "generic, sv32, sv39, sv48, sv57, x86-32, x86-64, inverted");
    if (!kb_is_power_of_two(wish->page) || wish->page < 64 || wish->page > UINT64_C(1) << 30)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_page, (unsigned long long)wish->page);
    unsigned page_bits = kb_log2(wish->page);
    if (wish->segmented)
        return choose_segments(s, wish, page_bits);
    if (wish->splits > 0 && (wish->levels != 0 || wish->address != 0))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_split_and_levels);
    wish->levels = wish->levels == 0 ? 1 : wish->levels;
    wish->address = wish->address == 0 ? (page_bits < 32 ? 32 : 40) : wish->address;
    kb_status status = wish->splits > 0 ? KB_OK : divide(s, wish, page_bits);
    if (status != KB_OK)
        return status;
    /* entries of 4 bytes hold frames of 22 bits */
    unsigned bytes = wish->entry != 0 ? (unsigned)wish->entry : 4;
    uint64_t frames = frames_of(wish, page_bits);
    if (wish->entry == 0 && frames + (wish->tables >> page_bits) > 1 << 22)
        bytes = 8;
    if (setup->scheme == KB_SCHEME_INVERTED) { /* only the split of the offset counts */
        unsigned rest = (unsigned)wish->address - page_bits, most = rest > 24 ? rest / 2 : rest;
        wish->split[0] = rest - most == 0 ? rest : rest - most;
        wish->split[1] = most;
        wish->splits = rest > 24 ? 2 : 1;
    }
    return kb_format_generic(&setup->format, wish->splits, wish->split, page_bits, bytes, s->error);
}

/* ---- TLB ---- */

/* 16: registers; 64x4: sets × ways. */
static kb_status read_tlb(struct kb_scenario *s, const char *key, const struct kb_word *value,
                          struct kb_tlb_geometry *geometry) {
    const char *x = memchr(value->at, 'x', value->length);
    uint64_t sets = 1, ways = 0;
    bool fine = x == NULL
                    ? kb_parse_size(value->at, value->length, &ways)
                    : kb_parse_size(value->at, (size_t)(x - value->at), &sets) &&
                          kb_parse_size(x + 1, value->length - (size_t)(x + 1 - value->at), &ways);
    if (!fine || sets > KB_TLB_MOST_ENTRIES || ways > KB_TLB_MOST_ENTRIES)
        return bad_value(s, key, value, "16, 64x4");
    geometry->sets = (uint32_t)sets;
    geometry->ways = (uint32_t)ways;
    return KB_OK;
}

static kb_status choose_tlbs(struct kb_scenario *s, const struct wish *wish) {
    struct kb_os_setup *setup = &s->setup;
    struct kb_word value;
    enum kb_tlb_replace replace = KB_TLB_LRU;
    kb_status status = KB_OK;
    if (kb_line_option(&s->line, "tlb-replace", &value)) {
        if (!kb_word_is(&value, "lru") && !kb_word_is(&value, "fifo") &&
            !kb_word_is(&value, "random"))
            return bad_value(s, "tlb-replace", &value, "lru, fifo, random");
        replace = kb_word_is(&value, "lru")    ? KB_TLB_LRU
                  : kb_word_is(&value, "fifo") ? KB_TLB_FIFO
                                               : KB_TLB_RANDOM;
    }
    static const char *const keys[] = {"tlb", "tlb2"};
    for (unsigned level = 0; level < 2 && status == KB_OK; level++) {
        if (!kb_line_option(&s->line, keys[level], &value)) {
            setup->tlbs += level == 0 && wish->preset_tlb;
            continue;
        }
        struct kb_tlb_geometry *geometry = &setup->tlb[setup->tlbs];
        *geometry = (struct kb_tlb_geometry){.replace = replace, .seed = wish->seed};
        status = read_tlb(s, keys[level], &value, geometry);
        if (status == KB_OK && level == 1 && setup->tlbs == 0)
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_tlb2);
        setup->tlbs += status == KB_OK && geometry->ways > 0;
    }
    return status;
}

/* ---- the whole ---- */

static kb_status choose_policy(struct kb_scenario *s) {
    struct kb_word value;
    char text[160] = "fifo";
    if (kb_line_option(&s->line, "replace", &value)) {
        if (value.length >= sizeof text)
            return bad_value(s, "replace", &value, "fifo");
        snprintf(text, sizeof text, "%.*s", (int)value.length, value.at);
    }
    return kb_policy_parse(text, &s->setup.policy, NULL, NULL, s->error);
}

static kb_status read_numbers(struct kb_scenario *s, struct wish *wish) {
    struct {
        const char *key;
        uint64_t *value;
    } numbers[] = {
        {"page", &wish->page},       {"frames", &wish->frames}, {"memory", &wish->memory},
        {"address", &wish->address}, {"levels", &wish->levels}, {"entry", &wish->entry},
        {"asids", &wish->asids},     {"tables", &wish->tables}, {"seed", &wish->seed},
        {"swap", &wish->swap},       {"io", &wish->io},         {"cluster", &wish->cluster},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        kb_status status =
            kb_line_option_number(&s->line, numbers[i].key, numbers[i].value, s->error);
        if (status != KB_OK)
            return status;
    }
    return KB_OK;
}

/* Two or three values with commas between them; false if there are not so many. */
static bool cut_values(const struct kb_word *value, struct kb_word *part, unsigned count) {
    const char *at = value->at, *end = at + value->length;
    for (unsigned i = 0; i < count; i++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if ((comma == NULL) != (i + 1 == count))
            return false;
        part[i] =
            (struct kb_word){.at = at, .length = (uint32_t)((comma == NULL ? end : comma) - at)};
        at = comma == NULL ? end : comma + 1;
    }
    return true;
}

/* 20ms, 0.5ms, 20. */
static bool read_ms(const struct kb_word *word, double *ms) {
    char text[24];
    int read = 0;
    if (word->length >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)word->length, word->at);
    return sscanf(text, "%lf%n", ms, &read) == 1 && *ms >= 0 && *ms <= 1e9 &&
           (text[read] == '\0' || strcmp(text + read, "ms") == 0);
}

static kb_status read_cycle(struct kb_scenario *s, const struct kb_word *value) {
    s->setup.clock = true;
    return kb_word_ns(value, &s->setup.cycle_ns) ? KB_OK
                                                 : bad_value(s, "cycle", value, "100ns, 1us, 1ms");
}

static kb_status choose_fetch(struct kb_scenario *s) {
    struct kb_word value;
    char text[160];
    if (!kb_line_option(&s->line, "fetch", &value))
        return KB_OK;
    if (value.length >= sizeof text)
        return bad_value(s, "fetch", &value, "sequential:depth=1");
    snprintf(text, sizeof text, "%.*s", (int)value.length, value.at);
    kb_status status = kb_fetch_parse(text, &s->setup.fetch, s->error);
    bool future = (s->setup.policy.policy->needs & KB_NEEDS_FUTURE) != 0;
    if (status == KB_OK && future && kb_fetch_looks_ahead(&s->setup.fetch))
        status = kb_fail(s->error, KB_DATA, KB_MSG_fetch_future, s->setup.policy.policy->name);
    return status;
}

/* SEEK,LATENCY,RATE */
static kb_status read_disk(struct kb_scenario *s, const struct kb_word *value) {
    struct kb_word part[3];
    uint64_t rate = 0;
    if (!cut_values(value, part, 3) || !read_ms(&part[0], &s->setup.disk.seek) ||
        !read_ms(&part[1], &s->setup.disk.latency) ||
        !kb_parse_size(part[2].at, part[2].length, &rate) || rate == 0)
        return bad_value(s, "disk", value, "8ms,4ms,100M");
    s->setup.disk.bytes_per_second = (double)rate;
    return KB_OK;
}

/* LOW,HIGH; whether they suit the frames is known later. */
static kb_status read_reserve(struct kb_scenario *s, struct wish *wish) {
    struct kb_word part[2];
    if (!cut_values(&wish->reserve, part, 2) ||
        !kb_parse_size(part[0].at, part[0].length, &wish->low) ||
        !kb_parse_size(part[1].at, part[1].length, &wish->high) || wish->low == 0 ||
        wish->low > wish->high)
        return bad_value(s, "reserve", &wish->reserve, "2,4");
    return KB_OK;
}

static kb_status read_yes(struct kb_scenario *s, const char *key, bool *yes) {
    struct kb_word value;
    if (!kb_line_option(&s->line, key, &value))
        return KB_OK;
    *yes = kb_word_is(&value, "yes");
    return *yes || kb_word_is(&value, "no") ? KB_OK : bad_value(s, key, &value, "yes, no");
}

/* What becomes of pages in advance, and what a transfer costs. */
static kb_status read_traffic(struct kb_scenario *s, struct wish *wish) {
    struct kb_word value;
    kb_status status = read_yes(s, "wx", &s->setup.write_xor_execute);
    if (status == KB_OK && kb_line_option(&s->line, "disk", &value))
        status = read_disk(s, &value);
    if (status == KB_OK && kb_line_option(&s->line, "cycle", &value))
        status = read_cycle(s, &value);
    if (status == KB_OK && kb_line_option(&s->line, "reserve", &wish->reserve))
        status = read_reserve(s, wish);
    if (status == KB_OK && kb_line_option(&s->line, "stage", &value))
        status = kb_scenario_read_stage(s, &value, &wish->stage_blocks, &wish->stage_pages);
    if (status == KB_OK && wish->cluster > MOST_CLUSTER)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_cluster,
                         (unsigned long long)wish->cluster, (unsigned long long)MOST_CLUSTER);
    return status;
}

static kb_status read_words(struct kb_scenario *s, struct wish *wish) {
    struct kb_word value;
    kb_status status = KB_OK;
    if (kb_line_option(&s->line, "split", &value))
        status = read_split(s, &value, wish);
    if (status == KB_OK && kb_line_option(&s->line, "kernel", &value)) {
        wish->kernel = !kb_word_is(&value, "no");
        if (wish->kernel && !kb_word_is(&value, "yes"))
            status = kb_word_number(&value, "kernel", &wish->kernel_start, s->error);
    }
    if (status == KB_OK && kb_line_option(&s->line, "load", &value)) {
        s->setup.load_all = kb_word_is(&value, "all");
        if (!s->setup.load_all && !kb_word_is(&value, "demand"))
            status = bad_value(s, "load", &value, "demand, all");
    }
    if (status == KB_OK && kb_line_option(&s->line, "organisation", &value)) {
        s->setup.scheme =
            kb_word_is(&value, "relocation") ? KB_SCHEME_RELOCATION : KB_SCHEME_TABLES;
        wish->segmented = kb_word_is(&value, "paged-segmentation");
        if (!kb_word_is(&value, "relocation") && !kb_word_is(&value, "paging") &&
            !wish->segmented && !kb_scenario_organisation(&value, &s->setup.storage.organisation))
            status = bad_value(s, "organisation", &value,
                               "single-user, fixed-absolute, fixed-relocatable, variable, paging, "
                               "segmentation, paged-segmentation, relocation");
    }
    if (status == KB_OK && kb_line_option(&s->line, "length", &value)) {
        wish->byte_lengths = kb_word_is(&value, "bytes");
        if (!wish->segmented || (!wish->byte_lengths && !kb_word_is(&value, "pages")))
            status =
                bad_value(s, "length", &value, "pages, bytes; organisation=paged-segmentation");
    }
    if (status == KB_OK && kb_line_option(&s->line, "search", &value)) {
        char text[32];
        int read = 0;
        snprintf(text, sizeof text, "%.*s", (int)(value.length < 31 ? value.length : 31), value.at);
        if (sscanf(text, "%lf%n", &s->search_cost, &read) != 1 || text[read] != '\0' ||
            !(s->search_cost >= 0 && s->search_cost <= 1e6))
            status = bad_value(s, "search", &value, "0.1");
    }
    (void)kb_line_option(&s->line, "format", &wish->format);
    (void)kb_line_option(&s->line, "swap-file", &wish->swap_file);
    return status;
}

/* Where the kernel zone begins if nothing is said. */
static uint64_t usual_kernel(const struct kb_format *format) {
    if (format->canonical)
        return ~UINT64_C(0) << (format->address_bits - 1);
    bool real = kb_format_find(format->name) != NULL;
    return real ? UINT64_C(3) << (format->address_bits - 2)
                : UINT64_C(1) << (format->address_bits - 1);
}

static kb_status check_memory(struct kb_scenario *s, const struct wish *wish, uint64_t frames) {
    uint64_t page = UINT64_C(1) << s->setup.format.page_bits;
    if (wish->memory != UNSAID && (wish->frames != UNSAID || wish->memory % page != 0))
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_memory, (unsigned long long)page);
    if (wish->high >= frames && wish->high > 0)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_reserve, (unsigned long long)wish->low,
                       (unsigned long long)wish->high, (unsigned long long)frames);
    if (frames == 0 || frames > KB_MOST_FRAMES || frames > s->options.most_bytes / page)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_frames, (unsigned long long)frames,
                       (unsigned long long)page, (unsigned long long)s->options.most_bytes);
    return KB_OK;
}

/* Contiguous storage: what it needs of the wish, and nothing that only pages know. */
static kb_status describe_storage(struct kb_scenario *s, struct wish *wish) {
    struct kb_os_setup *setup = &s->setup;
    struct kb_storage_wish own = {.page = wish->page, .memory = wish->memory};
    if (wish->frames != UNSAID || wish->address != 0 || wish->levels != 0 || wish->entry != 0 ||
        wish->io != 0 || wish->cluster != 0 || wish->high != 0 || wish->kernel ||
        wish->format.length > 0 || setup->write_xor_execute || setup->clock ||
        setup->free_order != KB_FREE_LIFO || setup->allocation != KB_ALLOCATE_GLOBAL ||
        setup->load.criterion != KB_LOAD_NONE || setup->load.values[KB_LOAD_WINDOW] > 0 ||
        setup->minimum > 1 || setup->tables_place != KB_TABLES_APART)
        return kb_fail(s->error, KB_DATA, KB_MSG_storage_options,
                       kb_organisation_name(setup->storage.organisation));
    for (unsigned i = 0; i < wish->splits; i++)
        own.split[i] = wish->split[i];
    own.splits = wish->splits;
    if (own.memory == UNSAID)
        own.memory = USUAL_FRAMES * wish->page;
    kb_status status = kb_scenario_read_storage(s, &own);
    if (status == KB_OK)
        status = choose_tlbs(s, wish);
    if (status == KB_OK && setup->tlbs > 0 && setup->storage.organisation != KB_SEGMENTATION)
        status = kb_fail(s->error, KB_DATA, KB_MSG_storage_options,
                         kb_organisation_name(setup->storage.organisation));
    setup->frames = 1;
    return status;
}

static kb_status open_swap(struct kb_scenario *s, const struct wish *wish) {
    bool contiguous = s->setup.storage.organisation != KB_PAGED;
    uint32_t page = contiguous ? (uint32_t)wish->page : (uint32_t)1 << s->setup.format.page_bits;
    struct kb_store inner;
    kb_status status;
    if (wish->swap == 0 || wish->swap > UINT64_MAX / page / 2)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_swap);
    if (wish->swap_file.length == 0 || s->rehearsing) {
        status = kb_store_memory(&inner, page, wish->swap, s->options.host, s->error);
    } else {
        char path[400];
        if (wish->swap_file.length >= sizeof path || s->options.open_swap == NULL)
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_files);
        snprintf(path, sizeof path, "%.*s", (int)wish->swap_file.length, wish->swap_file.at);
        status = s->options.open_swap(s->options.context, path, page, wish->swap, &inner, s->error);
    }
    if (status == KB_OK && wish->stage_blocks > 0)
        status =
            kb_scenario_stage(s, &inner, (uint32_t)wish->stage_blocks, (uint32_t)wish->stage_pages);
    s->staged = status == KB_OK && wish->stage_blocks > 0;
    if (status != KB_OK)
        return status;
    status = kb_store_failing(&s->setup.swap, &inner, s->error);
    if (status != KB_OK)
        kb_store_close(&inner);
    return status;
}

/* Machines of the past (docs/scenario.md, Presets, with their sources). */
static const struct preset {
    const char *name;
    enum kb_scheme scheme;
    bool segmented, byte_lengths;
    const struct kb_format *own;
    unsigned segment_bits, page_index, page_bits; /* of addresses of bytes */
    uint32_t frames, sets, ways; /* of memory, of its TLB, unless the line says otherwise */
} presets[] = {
    {"s370", KB_SCHEME_TABLES, true, false, &kb_format_s370, 8, 4, 12, 64, 64, 2},
    {"multics", KB_SCHEME_TABLES, true, false, NULL, 18, 8, 12, 64, 1, 16},
    {"atlas", KB_SCHEME_INVERTED, false, false, NULL, 0, 11, 12, 32, 1, 32},
};

/* What the preset says may not be said again. */
static kb_status read_preset(struct kb_scenario *s, struct wish *wish) {
    static const char *const said[] = {"page",   "split", "format", "organisation",
                                       "levels", "entry", "address"};
    struct kb_word value, ignored;
    const struct preset *preset = NULL;
    if (!kb_line_option(&s->line, "preset", &value))
        return KB_OK;
    for (unsigned i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (kb_word_is(&value, presets[i].name))
            preset = &presets[i];
    if (preset == NULL)
        return bad_value(s, "preset", &value, "s370, multics, atlas");
    for (unsigned i = 0; i < sizeof said / sizeof said[0]; i++)
        if (kb_line_option(&s->line, said[i], &ignored))
            return kb_fail(s->error, KB_DATA, KB_MSG_scenario_preset, preset->name);
    wish->page = UINT64_C(1) << preset->page_bits;
    wish->segmented = preset->segmented;
    wish->own = preset->own;
    s->setup.scheme = preset->scheme;
    wish->preset_frames = preset->frames;
    s->setup.tlb[0] = (struct kb_tlb_geometry){preset->sets, preset->ways, KB_TLB_LRU, 1};
    wish->preset_tlb = true;
    if (preset->segmented) {
        wish->split[0] = preset->segment_bits;
        wish->split[1] = preset->page_index;
        wish->splits = 2;
    } else {
        wish->address = preset->page_index + preset->page_bits;
    }
    return KB_OK;
}

static kb_status choose_frames(struct kb_scenario *s, const struct wish *wish) {
    uint64_t frames = frames_of(wish, s->setup.format.page_bits);
    s->setup.frames = (uint32_t)frames;
    return check_memory(s, wish, frames);
}

static kb_status describe(struct kb_scenario *s) {
    struct wish wish = {.page = 4096,
                        .frames = UNSAID,
                        .memory = UNSAID,
                        .swap = USUAL_SLOTS,
                        .tables = USUAL_TABLES,
                        .seed = 1};
    s->setup = (struct kb_os_setup){.scheme = KB_SCHEME_TABLES};
    bool contiguous;
    s->search_cost = 0;
    s->setup.disk = (struct kb_disk){8, 4, 100 * 1048576.0};
    kb_status status = read_preset(s, &wish);
    if (status == KB_OK)
        status = read_numbers(s, &wish);
    if (status == KB_OK)
        status = read_words(s, &wish);
    if (status == KB_OK)
        status = read_traffic(s, &wish);
    if (status == KB_OK)
        status = kb_scenario_read_shares(s);
    contiguous = s->setup.storage.organisation != KB_PAGED;
    if (status == KB_OK && contiguous)
        status = describe_storage(s, &wish);
    if (status == KB_OK && !contiguous)
        status = choose_format(s, &wish);
    if (status == KB_OK && !contiguous)
        status = choose_tlbs(s, &wish);
    if (status == KB_OK)
        status = choose_policy(s);
    if (status == KB_OK && !contiguous)
        status = choose_fetch(s);
    if (status == KB_OK)
        status = kb_line_end(&s->line, usage, s->error);
    if (status == KB_OK && !contiguous)
        status = choose_frames(s, &wish);
    if (status != KB_OK)
        return status;
    s->setup.tables_limit =
        wish.tables < s->options.most_bytes ? wish.tables : s->options.most_bytes;
    s->setup.kernel = wish.kernel;
    s->setup.free_seed = wish.seed;
    s->setup.io_cycles = wish.io;
    s->setup.cluster = (uint32_t)wish.cluster;
    s->setup.low = (uint32_t)wish.low;
    s->setup.high = (uint32_t)wish.high;
    s->setup.kernel_start =
        wish.kernel_start != 0 ? wish.kernel_start : usual_kernel(&s->setup.format);
    if (wish.asids > MOST_ASIDS)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_asids, (unsigned long long)wish.asids,
                       (unsigned long long)MOST_ASIDS);
    while (s->setup.asid_bits < 16 && UINT64_C(1) << s->setup.asid_bits < wish.asids + 1)
        s->setup.asid_bits++; /* one number is the global entries' */
    if (wish.asids == 0)
        s->setup.asid_bits = 0;
    status = open_swap(s, &wish);
    s->described = status == KB_OK;
    return status;
}

kb_status kb_scenario_usual(struct kb_scenario *s) {
    struct kb_word words[1];
    struct kb_line kept = s->line;
    s->line = (struct kb_line){.word = words}; /* nothing is said */
    kb_status status = describe(s);
    s->line = kept;
    return status;
}

kb_status kb_scenario_make(struct kb_scenario *s) {
    s->setup.watch_runs = s->rehearsing;
    if (s->rehearsing)
        kb_rehearsal_listen(s);
    kb_status status = kb_os_init(&s->os, &s->setup, s->options.host, &s->os_error);
    s->described = false; /* its store is the system's now */
    s->built = status == KB_OK;
    status = kb_scenario_os_status(s, status);
    return status == KB_OK ? kb_scenario_time_begin(s) : status;
}

void kb_scenario_tear_down(struct kb_scenario *s) {
    if (s->built)
        kb_os_free(&s->os);
    if (s->described)
        kb_store_close(&s->setup.swap);
    if (s->has_future && !s->rehearsing) {
        kb_future_free(&s->future);
        s->has_future = false;
    }
    s->built = s->described = s->jobs_here = false;
    s->file_bytes = 0;
    s->victim_count = 0;
    memset(&s->last, 0, sizeof s->last);
}

kb_status kb_command_machine(struct kb_scenario *s) {
    if (s->rehearsing && s->built) { /* this machine's part is over */
        s->at = UINT32_MAX;
        return KB_OK;
    }
    kb_scenario_free_places(s);
    kb_scenario_tear_down(s);
    kb_status status = describe(s);
    if (status == KB_OK && s->setup.policy.policy->needs & KB_NEEDS_FUTURE)
        status = s->rehearsing ? kb_policy_parse("fifo", &s->setup.policy, NULL, NULL, s->error)
                               : kb_scenario_rehearse(s);
    if (status == KB_OK)
        status = kb_scenario_build(s);
    if (status != KB_OK) /* not to be built by the next command */
        kb_scenario_tear_down(s);
    return status;
}
