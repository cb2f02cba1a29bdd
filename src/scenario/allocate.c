/* allocate.c - who may hold how many frames, and where page tables lie: options of `machine`, and
 * `NAME allocate`. */
#include <stdio.h>

#include "scenario/session.h"

/* The place of an option's value in a list of words; *which stays as it is without the option. */
static kb_status read_choice(struct kb_scenario *s, const char *key, const char *const *words,
                             unsigned count, unsigned *which) {
    struct kb_word value;
    char all[100] = "";
    if (!kb_line_option(&s->line, key, &value))
        return KB_OK;
    for (unsigned i = 0; i < count; i++) {
        size_t used = strlen(all);
        if (kb_word_is(&value, words[i])) {
            *which = i;
            return KB_OK;
        }
        snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    return kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, key,
                   (int)(value.length < 60 ? value.length : 60), value.at, all);
}

/* none, working-set:window=1000, fault-rate:… */
static kb_status read_load(struct kb_scenario *s) {
    struct kb_word value;
    char text[120];
    if (!kb_line_option(&s->line, "load-control", &value))
        return KB_OK;
    if (value.length >= sizeof text)
        return kb_fail(s->error, KB_DATA, KB_MSG_scenario_value, "load-control", 60, value.at,
                       "none, working-set, fault-rate");
    snprintf(text, sizeof text, "%.*s", (int)value.length, value.at);
    kb_status status = kb_load_parse(text, &s->setup.load, s->error);
    return status == KB_USAGE ? KB_DATA : status;
}

kb_status kb_scenario_read_shares(struct kb_scenario *s) {
    static const char *const allocations[] = {"global", "equal", "proportional", "variable"};
    static const char *const places[] = {"apart", "resident", "pageable"};
    static const char *const orders[] = {"lifo", "lowest", "highest", "random"};
    unsigned allocation = KB_ALLOCATE_GLOBAL, place = KB_TABLES_APART, order = KB_FREE_LIFO;
    uint64_t minimum = 1;
    kb_status status = read_choice(s, "allocation", allocations, 4, &allocation);
    if (status == KB_OK)
        status = read_choice(s, "tables-in", places, 3, &place);
    if (status == KB_OK)
        status = read_choice(s, "free", orders, KB_FREE_ORDERS, &order);
    if (status == KB_OK)
        status = kb_line_option_number(&s->line, "minimum", &minimum, s->error);
    if (status == KB_OK && (minimum == 0 || minimum > KB_MOST_FRAMES))
        status = kb_fail(s->error, KB_DATA, KB_MSG_os_frames, (unsigned long long)minimum,
                         (unsigned long long)KB_MOST_FRAMES);
    if (status == KB_OK)
        status = read_load(s);
    s->setup.allocation = (enum kb_allocation)allocation;
    s->setup.tables_place = place;
    s->setup.free_order = (enum kb_free_order)order;
    s->setup.minimum = (uint32_t)minimum;
    return status;
}

kb_status kb_act_allocate(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME allocate FRAMES | NAME allocate share";
    uint64_t frames = 0;
    bool share = kb_line_take_if(&s->line, "share"), refused;
    kb_status status = share ? KB_OK : kb_line_number(&s->line, "frames", &frames, s->error);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK && !share && (frames == 0 || frames > KB_MOST_FRAMES))
        status = kb_fail(s->error, KB_DATA, KB_MSG_os_frames, (unsigned long long)frames,
                         (unsigned long long)KB_MOST_FRAMES);
    if (status == KB_OK)
        status =
            kb_scenario_os_status(s, kb_os_allocate_fixed(&s->os, p, (uint32_t)frames, &refused));
    if (status == KB_OK)
        kb_act_refuse(s, refused);
    return status;
}
