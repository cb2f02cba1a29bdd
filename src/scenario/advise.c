/* advise.c - what programs say of their pages (release, discard, pin, unpin), and processes that go
 * out and come back as a whole. */
#include "scenario/session.h"

/* ---- advice ---- */

typedef kb_status act_on_range(struct kb_os *os, struct kb_process *p, uint64_t start, uint64_t end,
                               bool *refused);

static kb_status release(struct kb_os *os, struct kb_process *p, uint64_t start, uint64_t end,
                         bool *refused) {
    if (os->storage != NULL)
        return kb_storage_advise(os, p, start, end, KB_ADVICE_RELEASE, refused);
    kb_os_release(os, p, start, end, refused);
    return KB_OK;
}

static kb_status discard(struct kb_os *os, struct kb_process *p, uint64_t start, uint64_t end,
                         bool *refused) {
    if (os->storage != NULL)
        return kb_storage_advise(os, p, start, end, KB_ADVICE_DISCARD, refused);
    kb_os_discard(os, p, start, end, refused);
    return KB_OK;
}

static kb_status unpin(struct kb_os *os, struct kb_process *p, uint64_t start, uint64_t end,
                       bool *refused) {
    if (os->storage != NULL)
        return kb_storage_advise(os, p, start, end, KB_ADVICE_UNPIN, refused);
    kb_os_unpin_pages(os, p, start, end, refused);
    return KB_OK;
}

static kb_status pin(struct kb_os *os, struct kb_process *p, uint64_t start, uint64_t end,
                     bool *refused) {
    return os->storage != NULL ? kb_storage_advise(os, p, start, end, KB_ADVICE_PIN, refused)
                               : kb_os_pin_pages(os, p, start, end, refused);
}

/* Pages one by one: some may be refused, and the others not. */
static kb_status advise_pages(struct kb_scenario *s, struct kb_process *p, act_on_range *act) {
    unsigned bits = kb_os_page_bits(&s->os);
    bool any = false;
    for (const struct kb_word *word; (word = kb_line_take(&s->line)) != NULL;) {
        uint64_t page;
        bool refused;
        kb_status status = kb_word_number(word, "page", &page, s->error);
        if (status == KB_OK && page >= UINT64_MAX >> bits)
            status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_range);
        if (status == KB_OK)
            status = kb_scenario_os_status(
                s, act(&s->os, p, page << bits, (page + 1) << bits, &refused));
        if (status != KB_OK)
            return status;
        any = any || refused;
        if (refused)
            kb_act_refuse(s, true);
    }
    s->last.refused = any;
    s->last.done = !any;
    return KB_OK;
}

/* PAGE …, or a range. */
static kb_status advise(struct kb_scenario *s, struct kb_process *p, act_on_range *act,
                        const char *wanted) {
    uint64_t start, end;
    bool refused, pages = kb_line_peek(&s->line) != NULL;
    if (pages) {
        for (unsigned i = 0; i < s->line.count; i++)
            if (s->line.word[i].key > 0) /* not both */
                return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
        return advise_pages(s, p, act);
    }
    kb_status status = kb_act_range(s, p, &start, &end);
    if (status == KB_OK)
        status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, act(&s->os, p, start, end, &refused));
    if (status == KB_OK)
        kb_act_refuse(s, refused);
    return status;
}

kb_status kb_perform_release(struct kb_scenario *s, struct kb_process *p) {
    return advise(s, p, release, "NAME release 1 2 | start=0 size=8K");
}

kb_status kb_perform_discard(struct kb_scenario *s, struct kb_process *p) {
    return advise(s, p, discard, "NAME discard 1 2 | start=0 size=8K");
}

kb_status kb_perform_pin(struct kb_scenario *s, struct kb_process *p) {
    return advise(s, p, pin, "NAME pin 1 2 | start=0 size=8K");
}

kb_status kb_perform_unpin(struct kb_scenario *s, struct kb_process *p) {
    return advise(s, p, unpin, "NAME unpin 1 2 | start=0 size=8K");
}

/* ---- whole processes ---- */

kb_status kb_act_swap(struct kb_scenario *s, struct kb_process *p) {
    static const char wanted[] = "NAME swap out | NAME swap in [page-by-page]";
    bool out = kb_line_take_if(&s->line, "out"), refused, single;
    if (!out && !kb_line_take_if(&s->line, "in"))
        return kb_fail(s->error, KB_DATA, KB_MSG_line_missing, wanted);
    single = !out && kb_line_take_if(&s->line, "page-by-page");
    kb_status status = kb_line_end(&s->line, wanted, s->error);
    if (status == KB_OK && p == s->os.kernel)
        status = kb_fail(s->error, KB_DATA, KB_MSG_scenario_kernel);
    if (status == KB_OK)
        status = kb_scenario_os_status(s, out ? kb_os_swap_out(&s->os, p, &refused)
                                              : kb_os_swap_in(&s->os, p, single, &refused));
    if (status == KB_OK)
        kb_act_refuse(s, refused);
    return status;
}

kb_status kb_scenario_bring_back(struct kb_scenario *s, struct kb_process *p) {
    bool refused;
    if (p->state != KB_SWAPPED)
        return KB_OK;
    kb_status status = kb_scenario_os_status(s, kb_os_swap_in(&s->os, p, false, &refused));
    if (status == KB_OK && refused)
        status = s->os.storage != NULL ? kb_fail(s->error, KB_DATA, KB_MSG_storage_swapped, p->name)
                                       : kb_fail(s->error, KB_DATA, KB_MSG_scenario_swapped,
                                                 p->name, (unsigned long long)s->os.setup.frames);
    return status;
}
