/* working_set.c - W(t, window) as a list of pages in the order of their last references: who leaves
 * stands first. Between two changes of the list nothing is done, however long a run is. */
#include "replay/working_set.h"

struct kb_working_set_page {
    uint32_t prev, next; /* nodes */
    uint64_t used_at;    /* its last reference; 0: not in W */
};

void kb_working_set_init(struct kb_working_set *set, uint64_t window, const struct kb_host *host) {
    *set = (struct kb_working_set){.host = host, .window = window, .step = 1};
}

void kb_working_set_free(struct kb_working_set *set) {
    kb_give_back(set->host, set->pages, (size_t)set->page_room * sizeof *set->pages);
    *set = (struct kb_working_set){.host = set->host};
}

static kb_status make_room(struct kb_working_set *set, uint32_t pages, struct kb_error *error) {
    uint64_t wanted = (uint64_t)pages + 1;
    if (wanted <= set->page_room)
        return KB_OK;
    uint64_t room = wanted + wanted / 2 + 64;
    struct kb_working_set_page *nodes =
        kb_grow(set->host, set->pages, (size_t)set->page_room * sizeof *nodes,
                (size_t)room * sizeof *nodes);
    if (nodes == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "working-set",
                       (unsigned long long)(room * sizeof *nodes));
    set->pages = nodes;
    set->page_room = room;
    return KB_OK;
}

static void take_out(struct kb_working_set *set, uint32_t node) {
    struct kb_working_set_page *pages = set->pages;
    pages[pages[node].prev].next = pages[node].next;
    pages[pages[node].next].prev = pages[node].prev;
    pages[node].used_at = 0;
    set->size--;
}

static void append(struct kb_working_set *set, uint32_t node, uint64_t used_at) {
    struct kb_working_set_page *pages = set->pages;
    pages[node] = (struct kb_working_set_page){pages[0].prev, 0, used_at};
    pages[pages[0].prev].next = node;
    pages[0].prev = node;
    set->size++;
}

/* Every second point goes when the curve is full. */
static void note_point(struct kb_working_set *set) {
    if (set->points == KB_WORKING_SET_POINTS) {
        for (uint32_t i = 0; i < KB_WORKING_SET_POINTS / 2; i++)
            set->curve[i] = set->curve[2 * i + 1];
        set->points = KB_WORKING_SET_POINTS / 2;
        set->step *= 2;
    }
}

static void count_size(struct kb_working_set *set, uint64_t first, uint64_t last) {
    set->size_sum += set->size * (last - first + 1);
    if (set->size > set->peak) {
        set->peak = set->size;
        set->peak_at = first;
    }
}

/* After references first … last the size was the same. */
static kb_status hold(struct kb_working_set *set, uint64_t first, uint64_t last,
                      struct kb_error *error) {
    kb_status status = KB_OK;
    count_size(set, first, last);
    for (;;) {
        note_point(set);
        if ((set->points + 1) * set->step > last)
            break;
        set->curve[set->points++] = set->size;
    }
    while (status == KB_OK && set->asked_done < set->asked_count &&
           set->asked[set->asked_done] <= last)
        status = set->show(set->context, set->asked[set->asked_done++], error);
    return status;
}

/* When the next page leaves, the curve gets a point, or somebody looks. */
static void look_ahead(struct kb_working_set *set) {
    const uint64_t point = (set->points + 1) * set->step;
    set->quiet = set->pages[set->pages[0].next].used_at + set->window;
    set->quiet = point < set->quiet ? point : set->quiet;
    if (set->asked_done < set->asked_count && set->asked[set->asked_done] < set->quiet)
        set->quiet = set->asked[set->asked_done];
}

/* References now … last, with all that happens meanwhile. */
static kb_status pass(struct kb_working_set *set, uint64_t now, uint64_t last,
                      struct kb_error *error) {
    kb_status status = KB_OK;
    while (now <= last && status == KB_OK) {
        uint32_t oldest = set->pages[0].next;
        while (set->pages[oldest].used_at + set->window <= now) {
            take_out(set, oldest);
            oldest = set->pages[0].next;
        }
        uint64_t leaves = set->pages[oldest].used_at + set->window;
        uint64_t end = leaves - 1 < last ? leaves - 1 : last;
        status = hold(set, now, end, error);
        now = end + 1;
    }
    look_ahead(set);
    return status;
}

static kb_status refer(struct kb_working_set *set, struct kb_run run, struct kb_error *error) {
    const uint32_t node = run.page + 1;
    const uint64_t now = set->references + 1, last = set->references + kb_run_count(run);
    if (set->pages[0].prev == node) { /* the last one again */
        set->pages[node].used_at = last;
    } else {
        if (set->pages[node].used_at != 0)
            take_out(set, node);
        else
            set->entries++;
        append(set, node, last); /* it cannot leave before that */
    }
    set->references = last;
    if (last >= set->quiet)
        return pass(set, now, last, error);
    count_size(set, now, last);
    return KB_OK;
}

kb_status kb_working_set_add(struct kb_working_set *set, const struct kb_block *block,
                             struct kb_error *error) {
    kb_status status = make_room(set, block->pages, error);
    for (uint32_t i = 0; i < block->count && status == KB_OK; i++)
        status = refer(set, block->runs[i], error);
    return status;
}

void kb_working_set_pages(const struct kb_working_set *set, uint32_t *ids) {
    uint64_t count = 0;
    for (uint32_t node = set->pages[0].next; node != 0; node = set->pages[node].next)
        ids[count++] = node - 1;
}
