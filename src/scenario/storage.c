/* storage.c - contiguous storage in scenarios: the organisations of `machine`, segments by name,
 * and what may be done with them. */
#include "scenario/session.h"

#include <stdio.h>

#include "base/units.h"

/* ---- machine organisation=… ---- */

bool kb_scenario_organisation(const struct kb_word *word, enum kb_organisation *organisation) {
    for (unsigned i = KB_PAGED + 1; i < KB_ORGANISATIONS; i++)
        if (kb_word_is(word, kb_organisation_name((enum kb_organisation)i))) {
            *organisation = (enum kb_organisation)i;
            return true;
        }
    return false;
}

static kb_status bad_value(struct kb_scenario *s, const char *key, const struct kb_word *value,
                           const char *wanted) {
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, key,
                   (int)(value->length < 60 ? value->length : 60), value->at, wanted);
}

/* partitions=8K,16K,32K */
static kb_status read_partitions(struct kb_scenario *s, struct kb_storage_setup *setup) {
    struct kb_word value;
    bool fixed =
        setup->organisation == KB_FIXED_ABSOLUTE || setup->organisation == KB_FIXED_RELOCATABLE;
    if (!kb_line_option(&s->line, "partitions", &value))
        return fixed ? kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "partitions=8K,16K,32K")
                     : KB_OK;
    if (!fixed)
        return kb_fail(s->error, KB_DATA, KB_MSG_storage_no_partitions,
                       kb_organisation_name(setup->organisation));
    const char *at = value.at, *end = value.at + value.length;
    while (at <= end) { /* behind each comma there is a size, too */
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t length = (size_t)((comma != NULL ? comma : end) - at);
        if (setup->partitions == KB_MOST_PARTITIONS ||
            !kb_parse_size(at, length, &setup->partition[setup->partitions]))
            return bad_value(s, "partitions", &value, "8K,16K,32K");
        setup->partitions++;
        at += length + 1;
    }
    return KB_OK;
}

static kb_status read_fit(struct kb_scenario *s, struct kb_storage_setup *setup) {
    struct kb_word value;
    bool smallest = setup->organisation == KB_FIXED_RELOCATABLE;
    setup->fit = smallest ? KB_FIT_BEST : KB_FIT_FIRST;
    if (kb_line_option(&s->line, "fit", &value) &&
        !kb_fit_parse(value.at, value.length, &setup->fit))
        return bad_value(s, "fit", &value, "first, next, best, worst");
    if (!kb_line_option(&s->line, "compaction", &value))
        return KB_OK;
    setup->stays = kb_word_is(&value, "no");
    return setup->stays || kb_word_is(&value, "yes")
               ? KB_OK
               : bad_value(s, "compaction", &value, "yes, no");
}

/* Programs have addresses of 32 bits, of which `touch` counts in pages; segments have numbers. */
static kb_status choose_format(struct kb_scenario *s, const struct kb_storage_wish *wish) {
    bool segments = s->setup.storage.organisation == KB_SEGMENTATION;
    if (!kb_is_power_of_two(wish->page) || wish->page < 64 || wish->page > UINT64_C(1) << 30)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_page, (unsigned long long)wish->page);
    unsigned page_bits = kb_log2(wish->page), number = page_bits < 20 ? 24 : 12;
    if (segments) {
        number = wish->splits == 2 ? wish->split[0] : 8;
        page_bits = wish->splits == 2 ? wish->split[1] : 24;
        if ((wish->splits != 0 && wish->splits != 2) || number == 0 || number > 24 ||
            page_bits < 6 || page_bits > 30)
            return kb_fail(s->error, KB_DATA, KB_MSG_storage_split, number, page_bits);
    } else if (wish->splits != 0) {
        return kb_fail(s->error, KB_DATA, KB_MSG_storage_options,
                       kb_organisation_name(s->setup.storage.organisation));
    }
    s->setup.scheme = segments ? KB_SCHEME_SEGMENTS : KB_SCHEME_BOUNDS;
    return kb_format_generic(&s->setup.format, 1, &number, page_bits, 8, s->error);
}

kb_status kb_scenario_read_storage(struct kb_scenario *s, const struct kb_storage_wish *wish) {
    struct kb_storage_setup *setup = &s->setup.storage;
    setup->bytes = wish->memory;
    kb_status status = kb_line_option_number(&s->line, "os", &setup->system, s->error);
    if (status == KB_OK && setup->bytes > s->options.most_bytes)
        status =
            kb_fail(s->error, KB_DATA, KB_MSG_storage_too_large, (unsigned long long)setup->bytes,
                    (unsigned long long)s->options.most_bytes);
    if (status == KB_OK)
        status = read_partitions(s, setup);
    if (status == KB_OK)
        status = read_fit(s, setup);
    return status == KB_OK ? choose_format(s, wish) : status;
}

kb_status kb_storage_has_no_pages(struct kb_scenario *s) {
    return kb_fail(s->error, KB_DATA, KB_MSG_storage_no_pages);
}

/* ---- segments by name ---- */

static kb_status find_segment(struct kb_scenario *s, const struct kb_process *p,
                              const struct kb_word *word, struct kb_region **segment) {
    char all[200] = "";
    size_t used = 0;
    uint64_t number;
    if (s->os.storage == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_storage_only);
    if (word == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, "NAME … SEGMENT");
    *segment = kb_storage_segment(&s->os, p, word->at, word->length);
    if (*segment == NULL && kb_parse_u64(word->at, word->length, &number) &&
        number <= UINT64_MAX >> kb_os_page_bits(&s->os))
        *segment = kb_storage_segment_at(&s->os, p, number << kb_os_page_bits(&s->os));
    if (*segment != NULL)
        return KB_OK;
    for (uint32_t i = 0; i < p->region_count && used + KB_NAME_BYTES < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? " " : "",
                                 p->regions[i].name);
    return kb_fail(s->error, KB_DATA, KB_MSG_storage_no_segment, p->name,
                   (int)(word->length < 40 ? word->length : 40), word->at, used > 0 ? all : "–");
}

/* The name of a new segment. */
static kb_status read_name(struct kb_scenario *s, const struct kb_process *p,
                           struct kb_region *segment, const char *wanted) {
    const struct kb_word *name = kb_line_take(&s->line);
    if (name == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    if (name->length >= sizeof segment->name)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_name,
                       (unsigned long long)KB_NAME_BYTES - 1);
    memcpy(segment->name, name->at, name->length);
    return kb_storage_segment(&s->os, p, name->at, name->length) == NULL
               ? KB_OK
               : kb_fail(s->error, KB_DATA, KB_MSG_scenario_same_segment, segment->name);
}

/* size= or limit=, which mean the same. *given: there is one. */
static kb_status read_size(struct kb_scenario *s, uint64_t *size, bool *given) {
    struct kb_word value;
    *given = true;
    if (kb_line_option(&s->line, "size", &value))
        return kb_word_number(&value, "size", size, s->error);
    *given = kb_line_option(&s->line, "limit", &value);
    return *given ? kb_word_number(&value, "limit", size, s->error) : KB_OK;
}

/* base=, partition=. */
static kb_status read_place(struct kb_scenario *s, struct kb_placement_wish *wish) {
    struct kb_word base;
    kb_status status = KB_OK;
    if (kb_line_option(&s->line, "base", &base)) {
        status = kb_word_number(&base, "base", &wish->base, s->error);
        if (wish->base == KB_ANYWHERE)
            wish->base--; /* a place, and behind every memory as well */
    }
    return status == KB_OK
               ? kb_line_option_number(&s->line, "partition", &wish->partition, s->error)
               : status;
}

static kb_status check_wish(struct kb_scenario *s, const struct kb_placement_wish *wish) {
    const struct kb_storage_setup *setup = &s->os.storage->setup;
    bool holes = setup->partitions == 0 && setup->organisation != KB_SINGLE_USER;
    if (wish->partition > setup->partitions || (wish->partition != 0 && setup->partitions == 0) ||
        (wish->base != KB_ANYWHERE && !holes))
        return kb_fail(s->error, KB_DATA, KB_MSG_storage_place,
                       kb_organisation_name(setup->organisation), setup->partitions);
    return KB_OK;
}

/* The program of these organisations has all rights, and says nothing of them. */
static kb_status read_rights(struct kb_scenario *s, struct kb_region *segment) {
    unsigned rights = UINT32_MAX;
    kb_status status = kb_act_rights(s, &rights);
    segment->rights = rights == UINT32_MAX ? KB_ENTRY_RIGHTS : rights;
    if (status == KB_OK && rights != UINT32_MAX && kb_storage_of_programs(&s->os))
        status = kb_fail(s->error, KB_DATA, KB_MSG_storage_no_rights);
    return status;
}

kb_status kb_storage_act_segment(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME segment WHAT size=16K [base=ADDRESS] [partition=N] "
                                 "[rights=rwx] [image=SEED]";
    struct kb_placement_wish wish = {KB_ANYWHERE, 0};
    struct kb_region segment = {0};
    struct kb_word image;
    uint64_t size = 0;
    bool refused, sized;
    kb_status status = read_name(s, p, &segment, wanted);
    if (status == KB_OK)
        status = read_size(s, &size, &sized);
    if (status == KB_OK)
        status = read_place(s, &wish);
    if (status == KB_OK)
        status = check_wish(s, &wish);
    if (status == KB_OK)
        status = read_rights(s, &segment);
    if (status == KB_OK && kb_line_option(&s->line, "image", &image)) {
        segment.has_image = true;
        status = kb_word_number(&image, "image", &segment.image.seed, s->error);
    }
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK && !sized)
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    if (status != KB_OK)
        return status;
    segment.end = size;
    status = kb_scenario_os_status(
        s, kb_storage_begin_segment(&s->os, p, &segment, KB_NO_AREA, wish, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_storage_command_shared(struct kb_scenario *s) {
    static const char wanted[] = "shared NAME size=16K [image=SEED]";
    const struct kb_word *name = kb_line_take(&s->line);
    char text[KB_NAME_BYTES] = "";
    struct kb_image image = {0};
    struct kb_word seed;
    uint64_t bytes = 0;
    uint32_t area;
    bool filled = kb_line_option(&s->line, "image", &seed);
    if (name == NULL)
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    if (name->length >= sizeof text)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_name,
                       (unsigned long long)KB_NAME_BYTES - 1);
    memcpy(text, name->at, name->length);
    kb_status status = kb_line_option_number(&s->line, "size", &bytes, s->error);
    if (status == KB_OK && filled)
        status = kb_word_number(&seed, "image", &image.seed, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    return status == KB_OK
               ? kb_scenario_os_status(
                     s, kb_storage_shared(&s->os, text, bytes, filled ? &image : NULL, &area))
               : status;
}

kb_status kb_storage_act_share(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME share WHAT [rights=rwx]";
    struct kb_region segment = {0};
    bool refused;
    kb_status status = read_name(s, p, &segment, wanted);
    if (status == KB_OK)
        status = read_rights(s, &segment);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status != KB_OK)
        return status;
    uint32_t area = kb_storage_find_shared(&s->os, segment.name, (uint32_t)strlen(segment.name));
    if (area == KB_NO_AREA)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_no_shared, (int)strlen(segment.name),
                       segment.name, "–");
    segment.end = s->os.storage->area[area].length;
    status = kb_scenario_os_status(
        s, kb_storage_begin_segment(&s->os, p, &segment, area,
                                    (struct kb_placement_wish){KB_ANYWHERE, 0}, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

/* ---- what may be done with them ---- */

kb_status kb_storage_act_grow(struct kb_scenario *s, struct kb_process *p) {
    struct kb_region *segment;
    uint64_t size;
    bool refused;
    kb_status status = find_segment(s, p, kb_line_take(&s->line), &segment);
    if (status == KB_OK)
        status = kb_line_number(&s->line, "size", &size, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME grow SEGMENT SIZE", s->error);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_storage_resize(&s->os, p, segment, size, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_storage_act_detach(struct kb_scenario *s, struct kb_process *p) {
    struct kb_region *segment;
    kb_status status = find_segment(s, p, kb_line_take(&s->line), &segment);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME detach SEGMENT", s->error);
    if (status == KB_OK)
        kb_storage_end_segment(&s->os, p, segment);
    return status;
}

kb_status kb_storage_act_protect(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME protect SEGMENT rights=r";
    struct kb_region *segment;
    unsigned rights = UINT32_MAX;
    kb_status status = find_segment(s, p, kb_line_take(&s->line), &segment);
    if (status == KB_OK)
        status = kb_act_rights(s, &rights);
    if (status == KB_OK && rights == UINT32_MAX)
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    return status == KB_OK
               ? kb_scenario_os_status(s, kb_storage_protect(&s->os, p, segment, rights))
               : status;
}

/* Rolls a segment out, as replacement would do it. */
kb_status kb_storage_act_evict(struct kb_scenario *s, struct kb_process *p) {
    struct kb_region *segment;
    enum kb_reason reason;
    bool out = false;
    kb_status status = find_segment(s, p, kb_line_take(&s->line), &segment);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "NAME evict SEGMENT", s->error);
    if (status == KB_OK && s->os.storage->area[segment->area - 1].present)
        status =
            kb_scenario_os_status(s, kb_storage_roll_out(&s->os, segment->area - 1, &out, &reason));
    if (status == KB_OK && out)
        kb_os_count_eviction(&s->os, p);
    kb_act_refuse(s, status == KB_OK && !out);
    return status;
}

kb_status kb_act_move(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME move SEGMENT ADDRESS | NAME move SEGMENT partition=N";
    struct kb_placement_wish wish = {KB_ANYWHERE, 0};
    struct kb_region *segment;
    bool refused;
    kb_status status = find_segment(s, p, kb_line_take(&s->line), &segment);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "partition", &wish.partition, s->error);
    if (status == KB_OK && wish.partition == 0)
        status = kb_line_number(&s->line, "address", &wish.base, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_storage_move(&s->os, segment, wish, &refused));
    kb_act_refuse(s, status == KB_OK && refused);
    return status;
}

kb_status kb_storage_command_compact(struct kb_scenario *s) {
    uint64_t moved;
    kb_status status = kb_scenario_build(s);
    if (status == KB_OK)
        status = kb_line_end(&s->line, "compact", s->error);
    if (status == KB_OK && s->os.storage == NULL)
        status = kb_fail(s->error, KB_DATA, KB_MSG_storage_only);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, kb_storage_compact(&s->os, &moved));
    kb_act_refuse(s, status == KB_OK && !kb_storage_movable(&s->os));
    return status;
}

/* ---- expectations ---- */

kb_status kb_storage_expect_segment(struct kb_scenario *s, const struct kb_process *p) {
    static const char wanted[] = "expect NAME segment WHAT [number=N] [base=A|none] [limit=BYTES] "
                                 "[present=1] [R=0] [M=1] [rights=rw-] [users=2] [partition=N]";
    struct kb_region *segment;
    uint64_t before = s->tally.expectations;
    kb_status status = find_segment(s, p, kb_line_take(&s->line), &segment);
    if (status != KB_OK)
        return status;
    const struct kb_area *area = &s->os.storage->area[segment->area - 1];
    bool referenced = area->present && (s->os.storage->flags[area->frame] & KB_REFERENCED) != 0;
    const struct {
        const char *key;
        bool there;
        uint64_t value;
    } parts[] = {
        {"number", true, kb_storage_number(&s->os, segment)},
        {"base", area->present, area->base},
        {"limit", true, area->length},
        {"length", true, area->length},
        {"size", true, area->length},
        {"present", true, area->present},
        {"R", true, referenced},
        {"M", true, kb_storage_modified(&s->os, segment->area - 1)},
        {"users", true, area->users},
        {"partition", true, kb_storage_partition(&s->os, segment->area - 1)},
    };
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0] && status == KB_OK; i++)
        status = kb_expect_place(s, parts[i].key, parts[i].there, parts[i].value);
    if (status == KB_OK)
        status = kb_expect_rights(s, segment->rights);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK && s->tally.expectations == before) /* nothing is expected of it */
        status = kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    return status;
}
