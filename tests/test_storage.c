/* test_storage.c - random programs on contiguous storage: 100,000 operations on each organisation
 * (load, grow, shrink, share, protect, pin, swap, roll out, move, compact, free, loads and stores
 * inside and outside of segments), every byte against a model without places, every invariant
 * (D01-D10, L01-L04, L06, M03, K01).
 *
 *   test_storage [ORGANISATION [RUN [SEED [STEPS]]]]     some of the runs, or one
 *
 * KILBURN_OPERATIONS: for each organisation. */
#include "storage_model.h"

#include "host/host.h"

#define OPERATIONS 100000
#define RUNS 10 /* of each organisation: fits, policies, TLBs and stores take turns */

/* ---- machines ---- */

static const char *const policies[] = {"fifo", "lru", "clock", "lfu", "random",
                                       "2q",   "arc", "nru",   "mru", "second-chance"};

static void make(struct model *m, enum kb_organisation organisation, unsigned run) {
    struct kb_os_setup setup = {.frames = 1, .tables_limit = 1 << 20};
    unsigned number = 8, bits = organisation == KB_SEGMENTATION ? 16 : 12;
    struct kb_store inner;
    struct kb_storage_setup *s = &setup.storage;
    s->organisation = organisation;
    s->fit = (enum kb_fit)(run % KB_FITS);
    s->bytes = 24000 + 1000 * (run % 3);
    s->system = run % 2 == 0 ? 0 : 1000;
    s->stays = organisation == KB_VARIABLE && run == 7;
    if (organisation == KB_FIXED_ABSOLUTE || organisation == KB_FIXED_RELOCATABLE) {
        static const uint64_t partitions[] = {9000, 3000, 5000, 1000};
        for (s->partitions = 0; s->partitions < 4; s->partitions++)
            s->partition[s->partitions] = partitions[s->partitions];
    }
    setup.scheme = organisation == KB_SEGMENTATION ? KB_SCHEME_SEGMENTS : KB_SCHEME_BOUNDS;
    setup.load_all = run % 4 == 3;
    if (organisation == KB_SEGMENTATION && run % 3 > 0) {
        setup.tlb[0] = (struct kb_tlb_geometry){1, 4, KB_TLB_LRU, 0};
        setup.tlb[1] = (struct kb_tlb_geometry){4, 4, KB_TLB_FIFO, 0};
        setup.tlbs = run % 3;
        setup.asid_bits = run % 4 < 2 ? 0 : 3;
    }
    m->failing = run >= 8;
    m->programs = organisation != KB_SEGMENTATION;
    CHECK(kb_format_generic(&setup.format, 1, &number, bits, 8, &m->error) == KB_OK);
    CHECK(kb_policy_parse(policies[run % 10], &setup.policy, NULL, NULL, &m->error) == KB_OK);
    CHECK(kb_store_memory(&inner, 256, run == 6 ? 300 : 4096, NULL, &m->error) == KB_OK);
    CHECK(kb_store_failing(&setup.swap, &inner, &m->error) == KB_OK);
    CHECK(kb_os_init(&m->os, &setup, NULL, &m->error) == KB_OK);
}

/* ---- processes and segments ---- */

static void begin_process(struct model *m) {
    struct model_process *p = &m->process[below(m, MOST_PROCESSES)];
    char name[16];
    if (p->process != NULL)
        return;
    snprintf(name, sizeof name, "p%" PRIu64, m->names++);
    CHECK(kb_os_create(&m->os, name, &p->process) == KB_OK);
    p->process->skips = true;
}

static void end_process(struct model *m) {
    struct model_process *p = any_process(m);
    if (p == NULL || below(m, 8) > 0)
        return;
    kb_os_exit(&m->os, p->process, KB_REASON_DONE, 0);
    process_drop(m, p);
}

static void begin_segment(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s =
        p != NULL ? &p->segment[m->programs ? 0 : below(m, MOST_SEGMENTS)] : NULL;
    struct kb_placement_wish wish = {KB_ANYWHERE, 0};
    unsigned which = (unsigned)below(m, MOST_SHARED);
    bool refused, shares = !m->programs && below(m, 4) == 0;
    uint32_t area = KB_NO_AREA;
    if (p == NULL || s->content != NULL || p->given == 250)
        return;
    uint64_t length = 1 + below(m, below(m, 3) == 0 ? MOST_LENGTH : 700), seed = below(m, 3);
    struct content *c = NULL;
    if (shares && m->shared[which] != NULL) {
        c = m->shared[which];
        for (unsigned i = 0; i < MOST_SEGMENTS; i++) /* names once in a process */
            if (p->segment[i].content == c)
                return;
        snprintf(s->name, sizeof s->name, "shared%u", which);
        area = kb_storage_find_shared(&m->os, s->name, (uint32_t)strlen(s->name));
        CHECK(area != KB_NO_AREA);
    } else if (shares) {
        char name[16];
        snprintf(name, sizeof name, "shared%u", which);
        m->shared[which] = content_new(length, 0);
        m->shared[which]->shared = true;
        CHECK(kb_storage_shared(&m->os, name, length, NULL, &area) == KB_OK);
        return;
    } else {
        c = content_new(length, seed);
        snprintf(s->name, sizeof s->name, "s%" PRIu64, m->names++);
    }
    struct kb_region region = {.end = c->length,
                               .rights = KB_ENTRY_READ | KB_ENTRY_WRITE,
                               .has_image = c->seed != 0 && area == KB_NO_AREA,
                               .image = {.seed = c->seed, .length = UINT64_MAX}};
    if (!m->programs && below(m, 4) == 0)
        region.rights = KB_ENTRY_READ;
    if (m->programs)
        region.rights = KB_ENTRY_RIGHTS;
    memcpy(region.name, s->name, sizeof region.name);
    if (m->os.storage->setup.partitions > 0 && below(m, 2) == 0)
        wish.partition = 1 + below(m, 4);
    if (!m->programs && below(m, 8) == 0) /* no such place: refused, unless it is shared and in */
        wish.base = m->os.storage->setup.bytes;
    CHECK(kb_storage_begin_segment(&m->os, p->process, &region, area, wish, &refused) == KB_OK);
    if (refused) {
        m->refusals++;
        if (c->users == 0 && !c->shared)
            free(c);
        *s = (struct model_segment){0};
        return;
    }
    c->users++;
    s->content = c;
    s->rights = region.rights;
    s->number = m->programs ? 0 : p->given;
    p->given++;
}

static void end_segment(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s = p != NULL ? any_segment(m, p) : NULL;
    if (s == NULL || below(m, 3) > 0)
        return;
    kb_storage_end_segment(&m->os, p->process, region_of(m, p, s));
    segment_drop(m, s);
}

static bool any_pinned(const struct model *m) {
    for (unsigned i = 0; i < MOST_PROCESSES; i++)
        for (unsigned k = 0; k < MOST_SEGMENTS; k++)
            if (m->process[i].segment[k].pinned)
                return true;
    return false;
}

static void resize(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s = p != NULL ? any_segment(m, p) : NULL;
    bool refused;
    if (s == NULL)
        return;
    uint64_t length = 1 + below(m, MOST_LENGTH - 1), evictions = m->os.counters.evictions;
    if (below(m, 2) == 0 && s->content->length < MOST_LENGTH - 300)
        length = s->content->length + below(m, 300);
    CHECK(kb_storage_resize(&m->os, p->process, region_of(m, p, s), length, &refused) == KB_OK);
    CHECK(!refused || length > s->content->length);
    CHECK(!refused || m->os.counters.evictions == evictions || m->failing || any_pinned(m) ||
          m->os.swap.store.slots < 1000);
    if (refused)
        m->refusals++;
    else
        content_resize(s->content, length);
}

static void protect(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s = p != NULL ? any_segment(m, p) : NULL;
    unsigned rights = KB_ENTRY_READ | (below(m, 3) > 0 ? KB_ENTRY_WRITE : 0);
    if (s == NULL || m->programs)
        return;
    CHECK(kb_storage_protect(&m->os, p->process, region_of(m, p, s), rights) == KB_OK);
    s->rights = rights;
}

/* ---- places ---- */

static void place(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s = p != NULL ? any_segment(m, p) : NULL;
    struct kb_placement_wish wish = {below(m, m->os.storage->setup.bytes), 1 + below(m, 4)};
    enum kb_reason reason;
    uint64_t moved;
    bool refused;
    if (below(m, 4) == 0)
        CHECK(kb_storage_compact(&m->os, &moved) == KB_OK);
    if (s == NULL)
        return;
    struct kb_region *region = region_of(m, p, s);
    if (below(m, 2) == 0) {
        if (m->os.storage->setup.partitions == 0)
            wish.partition = 0;
        CHECK(kb_storage_move(&m->os, region, wish, &refused) == KB_OK);
    } else if (m->os.storage->area[region->area - 1].present) {
        CHECK(kb_storage_roll_out(&m->os, region->area - 1, &refused, &reason) == KB_OK);
    }
}

static void swap(struct model *m) {
    struct model_process *p = any_process(m);
    bool refused;
    if (p == NULL)
        return;
    if (below(m, 2) == 0)
        CHECK(kb_os_swap_out(&m->os, p->process, &refused) == KB_OK);
    else
        CHECK(kb_os_swap_in(&m->os, p->process, false, &refused) == KB_OK);
}

static void advise(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s = p != NULL ? any_segment(m, p) : NULL;
    enum kb_segment_advice advice = (enum kb_segment_advice)below(m, 4);
    bool refused;
    if (s == NULL || (advice == KB_ADVICE_PIN && below(m, 4) > 0))
        return;
    const struct kb_region *region = region_of(m, p, s);
    CHECK(kb_storage_advise(&m->os, p->process, region->start, region->end, advice, &refused) ==
          KB_OK);
    if (refused)
        return;
    if (advice == KB_ADVICE_DISCARD && s->content->users == 1)
        content_discard(s->content);
    if (advice == KB_ADVICE_PIN || advice == KB_ADVICE_UNPIN)
        s->pinned = advice == KB_ADVICE_PIN;
}

/* ---- instructions ---- */

/* The process has the processor, and its program is in memory. */
static bool runs(struct model *m, struct model_process *p) {
    bool refused = false;
    if (p->process->state == KB_SWAPPED)
        CHECK(kb_os_swap_in(&m->os, p->process, false, &refused) == KB_OK);
    if (refused) {
        m->tight++;
        CHECK(m->failing || any_pinned(m) || !m->programs || m->os.storage->setup.stays ||
              m->os.storage->setup.partitions > 0);
        return false;
    }
    kb_os_switch(&m->os, p->process);
    return true;
}

/* Whether all of it may be done: inside, and allowed. */
static bool legal(const struct model_segment *s, uint64_t d, uint32_t length, unsigned right) {
    return d < s->content->length && length <= s->content->length - d && s->rights & right;
}

/* An instruction that came to an end otherwise than the model says. Its process may have ended,
 * since its segment could not be read; or there was no room for what it needs at once. */
static void settle(struct model *m, struct model_process *p, bool wanted, bool done,
                   uint64_t needs) {
    if (p->process->state == KB_ENDED) {
        CHECK(m->failing && (p->process->reason == KB_REASON_READ_FAILED ||
                             p->process->reason == KB_REASON_CORRUPT));
        m->ends++;
        process_drop(m, p);
        return;
    }
    if (wanted && !done) {
        uint64_t memory = m->os.storage->setup.bytes - m->os.storage->setup.system;
        m->tight++;
        CHECK(m->failing || any_pinned(m) || needs > memory || m->os.swap.store.slots < 1000);
    } else {
        CHECK_EQ(done, wanted);
    }
}

static void access_one(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *s = p != NULL ? any_segment(m, p) : NULL;
    uint8_t bytes[64], wanted[64];
    uint32_t length = 1 + (uint32_t)below(m, sizeof bytes);
    bool done, store = below(m, 2) == 0;
    if (s == NULL || !runs(m, p))
        return;
    uint64_t d =
        below(m, 12) > 0 ? below(m, s->content->length) : s->content->length - 1 + below(m, 3);
    bool fine = legal(s, d, length, store ? KB_ENTRY_WRITE : KB_ENTRY_READ);
    m->accesses++;
    if (store) {
        for (uint32_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)below(m, 256);
        CHECK(kb_os_store(&m->os, address_of(m, p, s, d), bytes, length, &done) == KB_OK);
        if (done)
            memcpy(s->content->byte + d, bytes, length);
    } else {
        memcpy(wanted, s->content->byte + d, sizeof wanted < MOST_LENGTH - d ? sizeof wanted : 1);
        CHECK(kb_os_load(&m->os, address_of(m, p, s, d), bytes, length, &done) == KB_OK);
        if (done)
            CHECK(memcmp(bytes, s->content->byte + d, length) == 0);
    }
    settle(m, p, fine, done, s->content->length);
}

/* One instruction, two segments: both are needed at once, and one may push the other about. */
static void access_two(struct model *m) {
    struct model_process *p = any_process(m);
    struct model_segment *a = p != NULL ? any_segment(m, p) : NULL;
    struct model_segment *b = p != NULL ? any_segment(m, p) : NULL;
    uint32_t length = 1 + (uint32_t)below(m, 500);
    bool done;
    if (a == NULL || b == NULL || !runs(m, p))
        return;
    uint64_t from = below(m, a->content->length), to = below(m, b->content->length);
    bool fine = legal(a, from, length, KB_ENTRY_READ) && legal(b, to, length, KB_ENTRY_WRITE);
    m->accesses++;
    CHECK(kb_os_move(&m->os, address_of(m, p, a, from), address_of(m, p, b, to), length, &done) ==
          KB_OK);
    if (done)
        memmove(b->content->byte + to, a->content->byte + from, length);
    settle(m, p, fine, done, a->content->length + (a != b ? b->content->length : 0));
}

/* An address of no segment: the next number, or one that was. */
static void access_none(struct model *m) {
    struct model_process *p = any_process(m);
    uint8_t byte;
    bool done;
    if (p == NULL || m->programs || !runs(m, p))
        return;
    uint64_t number = below(m, 256);
    for (unsigned i = 0; i < MOST_SEGMENTS; i++)
        if (p->segment[i].content != NULL && p->segment[i].number == number)
            return;
    uint64_t traps = m->os.counters.traps[KB_FAULT_INVALID_SEGMENT];
    CHECK(kb_os_load(&m->os, number << kb_os_page_bits(&m->os), &byte, 1, &done) == KB_OK);
    CHECK(!done && m->os.counters.traps[KB_FAULT_INVALID_SEGMENT] == traps + 1);
}

/* ---- runs ---- */

static void step(struct model *m) {
    static void (*const rare[])(struct model *) = {
        begin_process, begin_segment, begin_segment, end_segment, resize,     protect,
        place,         swap,          advise,        end_process, access_none};
    m->steps++;
    if (m->failing && below(m, 200) == 0)
        kb_store_fail(&m->os.swap.store, (enum kb_store_failure)below(m, KB_STORE_FAILURES),
                      1 + below(m, 5), 1 + below(m, 4));
    if (below(m, 3) == 0)
        rare[below(m, sizeof rare / sizeof rare[0])](m);
    else if (below(m, 4) > 0)
        access_one(m);
    else
        access_two(m);
}

/* Every byte of every segment, by loads. */
static void verify(struct model *m) {
    uint8_t bytes[MOST_LENGTH];
    for (unsigned i = 0; i < MOST_PROCESSES; i++)
        for (unsigned k = 0; k < MOST_SEGMENTS; k++) {
            struct model_process *p = &m->process[i];
            struct model_segment *s = &p->segment[k];
            bool done, refused;
            if (p->process == NULL || s->content == NULL || !runs(m, p))
                continue;
            uint32_t length = (uint32_t)s->content->length;
            if (s->pinned) {
                CHECK(kb_storage_advise(&m->os, p->process, region_of(m, p, s)->start,
                                        region_of(m, p, s)->end, KB_ADVICE_UNPIN,
                                        &refused) == KB_OK);
                s->pinned = false;
            }
            CHECK(kb_os_load(&m->os, address_of(m, p, s, 0), bytes, length, &done) == KB_OK);
            if (done)
                CHECK(memcmp(bytes, s->content->byte, length) == 0);
            settle(m, p, true, done, length);
        }
}

static void run(enum kb_organisation organisation, unsigned number, uint64_t seed, uint64_t steps,
                struct model *sum) {
    struct model *m = calloc(1, sizeof *m);
    const char *wrong = NULL;
    m->random = (struct kb_random){seed};
    make(m, organisation, number);
    unsigned failed = harness_failures;
    for (uint64_t i = 0; i < steps && wrong == NULL && failed == harness_failures; i++) {
        step(m);
        wrong = kb_os_check(&m->os);
    }
    if (wrong == NULL) {
        kb_store_fail(&m->os.swap.store, KB_STORE_READ_ERROR, 0, 1);
        verify(m);
        wrong = kb_os_check(&m->os);
    }
    if (wrong != NULL || failed != harness_failures)
        printf("test_storage %s %u %" PRIu64 " step %" PRIu64 ": %s\n",
               kb_organisation_name(organisation), number, seed, m->steps,
               wrong != NULL ? wrong : "see above");
    CHECK(wrong == NULL);
    sum->accesses += m->accesses;
    sum->refusals += m->refusals;
    sum->tight += m->tight;
    sum->ends += m->ends;
    sum->faults += m->os.counters.faults + m->os.counters.swapped_in;
    sum->moves += m->os.storage->counters.moves;
    sum->steps += m->steps;
    for (unsigned i = 0; i < MOST_PROCESSES; i++)
        process_drop(m, &m->process[i]);
    for (unsigned i = 0; i < MOST_SHARED; i++)
        free(m->shared[i]);
    kb_os_free(&m->os);
    free(m);
}

/* More segments than there may be in memory at once: then one goes for each that comes. */
static void crowd(void) {
    enum { SEGMENTS = KB_MOST_PRESENT + 50 };
    struct kb_error error = {0};
    struct kb_os os;
    struct kb_os_setup setup = {
        .frames = 1,
        .tables_limit = 1 << 20,
        .scheme = KB_SCHEME_SEGMENTS,
        .storage = {.organisation = KB_SEGMENTATION, .bytes = 2 * SEGMENTS}};
    unsigned number = 16;
    CHECK(kb_format_generic(&setup.format, 1, &number, 8, 8, &error) == KB_OK);
    CHECK(kb_policy_parse("fifo", &setup.policy, NULL, NULL, &error) == KB_OK);
    CHECK(kb_store_memory(&setup.swap, 64, 256, NULL, &error) == KB_OK);
    CHECK(kb_os_init(&os, &setup, NULL, &error) == KB_OK);
    struct kb_process *p;
    CHECK(kb_os_create(&os, "p", &p) == KB_OK);
    kb_os_switch(&os, p);
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        struct kb_region region = {.end = 1, .rights = KB_ENTRY_RIGHTS};
        struct kb_placement_wish wish = {KB_ANYWHERE, 0};
        uint8_t byte = (uint8_t)i;
        bool refused, done;
        snprintf(region.name, sizeof region.name, "s%" PRIu64, i);
        CHECK(kb_storage_begin_segment(&os, p, &region, KB_NO_AREA, wish, &refused) == KB_OK);
        CHECK(kb_os_store(&os, i << 8, &byte, 1, &done) == KB_OK && done);
    }
    CHECK_EQ(os.storage->present, KB_MOST_PRESENT);
    CHECK_EQ(os.counters.evictions, 50);
    CHECK(kb_os_check(&os) == NULL);
    kb_os_free(&os);
}

int main(int argc, char **argv) {
    const char *text = getenv("KILBURN_OPERATIONS");
    uint64_t operations = text != NULL ? strtoull(text, NULL, 10) : OPERATIONS;
    for (unsigned o = KB_PAGED + 1; o < KB_ORGANISATIONS; o++) {
        enum kb_organisation organisation = (enum kb_organisation)o;
        struct model *sum = calloc(1, sizeof *sum);
        if (argc > 1 && strcmp(argv[1], kb_organisation_name(organisation)) != 0) {
            free(sum);
            continue;
        }
        for (unsigned i = 0; i < RUNS; i++) {
            uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000 * o + i;
            if (argc > 2 && strtoul(argv[2], NULL, 10) != i)
                continue;
            run(organisation, i, seed, argc > 4 ? strtoull(argv[4], NULL, 10) : operations / RUNS,
                sum);
        }
        printf("%-18s %" PRIu64 " operations, %" PRIu64 " accesses, %" PRIu64 " rolled in, %" PRIu64
               " moves, %" PRIu64 " refusals, %" PRIu64 " without room, %" PRIu64
               " ended by the store\n",
               kb_organisation_name(organisation), sum->steps, sum->accesses, sum->faults,
               sum->moves, sum->refusals, sum->tight, sum->ends);
        CHECK(argc > 1 || (sum->accesses > operations / 10 && sum->faults > 100));
        CHECK(argc > 1 || sum->moves > 0 ||
              (organisation != KB_VARIABLE && organisation != KB_SEGMENTATION));
        free(sum);
    }
    if (argc == 1)
        crowd();
    return harness_end();
}
