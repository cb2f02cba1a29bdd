/* test_paged_segments.c - random programs with segments of pages, against a flat model that knows
 * no frames: segments begin, grow, shrink, are shared, get other rights, and end; pages are
 * evicted, released, swapped with their processes, copied on write; after each operation every
 * invariant holds (E02, E03, E09, E10, F09 to F14, B17, R 24).
 *
 *   test_paged_segments [OPERATIONS [SEED]]
 *
 * The model is an array of bytes for each segment, or for each object that segments share. */
#include <stdlib.h>

#include "host/host.h"
#include "machine.h"

#include "harness.h"

enum { PROCESSES = 5, SEGMENTS = 8, OBJECTS = 3, PAGES = 8, MOST = PAGES * 4096, RUNS = 120 };

struct model_segment {
    bool used;
    unsigned rights;
    uint64_t bytes;
    int object; /* −1: private */
    uint64_t place;
    uint8_t own[MOST];
};

struct model_object {
    bool there;
    uint32_t number, users;
    uint64_t bytes;
    uint8_t content[MOST];
};

static struct {
    struct kb_os os;
    struct kb_process *process[PROCESSES];
    struct model_segment segment[PROCESSES][SEGMENTS];
    struct model_object object[OBJECTS];
    uint64_t page, span; /* bytes of a page, of a segment's place */
    bool byte_lengths, rights_are_coarse;
    struct kb_random random;
    unsigned named;
} m;

static struct {
    uint64_t operations, accesses, refused, soft, shared_tables, table_faults, evictions, overflows;
} total;

static struct kb_error error;
static struct kb_host host;

static uint64_t below(uint64_t n) { return kb_random_below(&m.random, n); }

static uint64_t page_up(uint64_t bytes) { return (bytes + m.page - 1) / m.page * m.page; }

static uint8_t *content(struct model_segment *s) {
    return s->object < 0 ? s->own : m.object[s->object].content + s->place * m.page;
}

/* What the hardware lets through. */
static uint64_t reach(const struct model_segment *s) {
    return m.byte_lengths ? s->bytes : page_up(s->bytes);
}

static unsigned random_rights(void) {
    static const unsigned kinds[] = {
        KB_ENTRY_READ | KB_ENTRY_WRITE,   KB_ENTRY_READ,    KB_ENTRY_RIGHTS,
        KB_ENTRY_READ | KB_ENTRY_EXECUTE, KB_ENTRY_EXECUTE, KB_ENTRY_READ | KB_ENTRY_WRITE};
    return kinds[below(sizeof kinds / sizeof kinds[0])];
}

/* ---- processes ---- */

static void begin_process(unsigned p) {
    char name[16];
    snprintf(name, sizeof name, "P%u", m.named++);
    memset(m.segment[p], 0, sizeof m.segment[p]);
    CHECK(kb_os_create(&m.os, name, &m.process[p]) == KB_OK);
    m.process[p]->skips = true;
}

static void detach(struct model_segment *s) {
    if (s->used && s->object >= 0 && --m.object[s->object].users == 0)
        m.object[s->object].there = false;
    s->used = false;
}

static void end_process(unsigned p) {
    kb_os_exit(&m.os, m.process[p], KB_REASON_DONE, 0);
    for (unsigned i = 0; i < SEGMENTS; i++)
        detach(&m.segment[p][i]);
    begin_process(p);
}

/* It runs, and is not swapped out. */
static void run(unsigned p) {
    bool refused = false;
    if (m.process[p]->state == KB_SWAPPED) {
        CHECK(kb_os_swap_in(&m.os, m.process[p], below(2) == 0, &refused) == KB_OK);
        if (refused) /* more than there are frames */
            end_process(p);
    }
    kb_os_switch(&m.os, m.process[p]);
}

static void fork_process(unsigned p) {
    char name[16];
    unsigned to = (p + 1) % PROCESSES;
    struct kb_process *child;
    bool refused;
    kb_os_exit(&m.os, m.process[to], KB_REASON_DONE, 0);
    for (unsigned i = 0; i < SEGMENTS; i++)
        detach(&m.segment[to][i]);
    snprintf(name, sizeof name, "P%u", m.named++);
    CHECK(kb_os_fork(&m.os, m.process[p], name, &child, &refused) == KB_OK);
    if (refused) {
        total.refused++;
        begin_process(to);
        return;
    }
    m.process[to] = child;
    memcpy(m.segment[to], m.segment[p], sizeof m.segment[to]);
    for (unsigned i = 0; i < SEGMENTS; i++)
        if (m.segment[to][i].used && m.segment[to][i].object >= 0)
            m.object[m.segment[to][i].object].users++;
}

/* ---- segments ---- */

static void define(unsigned p, unsigned n) {
    struct model_segment *s = &m.segment[p][n];
    struct kb_region region = {.start = n * m.span, .rights = random_rights()};
    bool refused, image = below(3) == 0;
    s->bytes = 1 + below(PAGES * m.page);
    region.end = region.start + s->bytes;
    region.has_image = image;
    region.image.seed = below(1000);
    CHECK(kb_os_region(&m.os, m.process[p], &region, &refused) == KB_OK && !refused);
    s->used = true;
    s->object = -1;
    s->rights = region.rights;
    memset(s->own, 0, sizeof s->own);
    for (uint64_t i = 0; image && i < s->bytes; i++)
        s->own[i] = kb_image_byte(region.image.seed, i);
}

static void share(unsigned p, unsigned n) {
    struct model_segment *s = &m.segment[p][n];
    int k = (int)below(OBJECTS);
    struct model_object *object = &m.object[k];
    struct kb_region region = {.start = n * m.span, .rights = random_rights(), .shared = true};
    bool refused;
    if (!object->there) {
        char name[16];
        snprintf(name, sizeof name, "board%u", m.named++);
        *object = (struct model_object){.there = true};
        object->bytes = 1 + below(PAGES * m.page);
        CHECK(kb_os_shared(&m.os, name, object->bytes, &object->number) == KB_OK);
    }
    uint64_t pages = page_up(object->bytes) / m.page;
    s->place = below(3) == 0 ? below(pages) : 0;
    s->bytes = 1 + below(object->bytes - s->place * m.page);
    region.end = region.start + s->bytes;
    region.object = object->number + 1;
    region.place = s->place;
    CHECK(kb_os_region(&m.os, m.process[p], &region, &refused) == KB_OK && !refused);
    s->used = true;
    s->object = k;
    s->rights = region.rights;
    object->users++;
}

static void resize(unsigned p, unsigned n) {
    struct model_segment *s = &m.segment[p][n];
    uint64_t bytes = below(20) == 0 ? m.span + 1 + below(99) : 1 + below(PAGES * m.page);
    bool refused, wrong = bytes > m.span;
    if (s->object >= 0)
        wrong |= page_up(bytes) > page_up(m.object[s->object].bytes) - s->place * m.page;
    CHECK(kb_os_resize(&m.os, m.process[p], n * m.span, bytes, &refused) == KB_OK);
    CHECK(refused == wrong);
    total.refused += refused;
    if (refused)
        return;
    if (s->object < 0 && page_up(bytes) < page_up(s->bytes))
        memset(s->own + page_up(bytes), 0, page_up(s->bytes) - page_up(bytes));
    s->bytes = bytes;
}

static void protect(unsigned p, unsigned n) {
    struct model_segment *s = &m.segment[p][n];
    bool refused;
    s->rights = random_rights();
    CHECK(kb_os_protect(&m.os, m.process[p], n * m.span, n * m.span + page_up(s->bytes), s->rights,
                        &refused) == KB_OK &&
          !refused);
}

static void unmap(unsigned p, unsigned n) {
    struct model_segment *s = &m.segment[p][n];
    CHECK(kb_os_unmap(&m.os, m.process[p], n * m.span, n * m.span + page_up(s->bytes)) == KB_OK);
    detach(s);
}

/* ---- accesses ---- */

static unsigned granted(const struct model_segment *s) {
    return m.rights_are_coarse ? s->rights | KB_ENTRY_READ | KB_ENTRY_EXECUTE : s->rights;
}

static void access_bytes(unsigned p, unsigned n) {
    struct model_segment *s = &m.segment[p][n];
    uint8_t bytes[16] = {0}, found[16] = {0};
    uint32_t length = 1 + (uint32_t)below(16);
    uint64_t near = s->used && below(2) == 0 ? reach(s) : 0;
    uint64_t at = near > 20 ? near - 20 + below(24) : below(PAGES * m.page - length);
    if (at + length > m.span)
        at = m.span - length;
    unsigned kind = (unsigned)below(3);
    bool done, behind = at + length > reach(s);
    if (kind == 2)
        behind = at >= reach(s);
    unsigned wanted = kind == 0 ? KB_ENTRY_READ : kind == 1 ? KB_ENTRY_WRITE : KB_ENTRY_EXECUTE;
    bool legal = s->used && !behind && granted(s) & wanted;
    uint64_t overflows = m.os.counters.traps[KB_FAULT_OVERFLOW];
    for (unsigned i = 0; i < length; i++)
        bytes[i] = (uint8_t)below(256);
    uint64_t address = n * m.span + at;
    if (kind == 0)
        CHECK(kb_os_load(&m.os, address, found, length, &done) == KB_OK);
    else if (kind == 1)
        CHECK(kb_os_store(&m.os, address, bytes, length, &done) == KB_OK);
    else
        CHECK(kb_os_execute(&m.os, address, &done) == KB_OK);
    CHECK(done == legal);
    CHECK(m.process[p]->state != KB_ENDED);
    if (done && kind == 0)
        CHECK(memcmp(found, content(s) + at, length) == 0);
    if (done && kind == 1)
        memcpy(content(s) + at, bytes, length);
    total.accesses++;
    total.overflows += m.os.counters.traps[KB_FAULT_OVERFLOW] - overflows;
    if (legal)
        CHECK_EQ(m.os.counters.traps[KB_FAULT_OVERFLOW], overflows);
}

static void evict(unsigned p, unsigned n) {
    enum kb_reason ignored;
    uint64_t number = n * m.span / m.page + below(PAGES);
    uint32_t frame = kb_os_frame_of(&m.os, m.process[p], number);
    if (frame != KB_NO_FRAME)
        (void)kb_pager_send_out(&m.os, frame, &ignored);
}

static void release(unsigned p, unsigned n) {
    bool refused;
    kb_os_release(&m.os, m.process[p], n * m.span, n * m.span + m.page, &refused);
    CHECK(!refused);
}

/* ---- programs ---- */

static void one(void) {
    static unsigned p;
    unsigned n = (unsigned)below(SEGMENTS), what;
    bool refused;
    if (below(4) == 0) /* who runs, runs for a while */
        p = (unsigned)below(PROCESSES);
    run(p);
    what = (unsigned)below(100);
    if (what < 60)
        access_bytes(p, n);
    else if (!m.segment[p][n].used && what < 80)
        what < 70 ? define(p, n) : share(p, n);
    else if (!m.segment[p][n].used)
        return;
    else if (what < 70)
        resize(p, n);
    else if (what < 76)
        protect(p, n);
    else if (what < 87)
        evict(p, n);
    else if (what < 90)
        release(p, n);
    else if (what < 93)
        unmap(p, n);
    else if (what < 96)
        CHECK(kb_os_swap_out(&m.os, m.process[p], &refused) == KB_OK && !refused);
    else if (what < 98)
        fork_process(p);
    else if (what < 99)
        end_process(p);
}

/* What is shared is one table: counted from the segment tables. */
static void count_shared_tables(void) {
    for (unsigned p = 0; p < PROCESSES; p++)
        for (unsigned n = 0; n < SEGMENTS; n++)
            for (unsigned q = p + 1; q < PROCESSES; q++)
                for (unsigned k = 0; k < SEGMENTS; k++) {
                    const struct model_segment *a = &m.segment[p][n], *b = &m.segment[q][k];
                    uint64_t at;
                    if (!a->used || !b->used)
                        continue;
                    struct kb_segment x = kb_os_segment(&m.os, m.process[p], n * m.span, &at);
                    struct kb_segment y = kb_os_segment(&m.os, m.process[q], k * m.span, &at);
                    if (!x.present || !y.present)
                        continue;
                    bool same = a->object >= 0 && a->object == b->object && a->place == b->place;
                    CHECK((x.table == y.table) == same);
                    total.shared_tables += same;
                }
}

static void compare_all(void) {
    static uint8_t found[MOST];
    for (unsigned p = 0; p < PROCESSES; p++) {
        run(p);
        for (unsigned n = 0; n < SEGMENTS; n++) {
            struct model_segment *s = &m.segment[p][n];
            bool done, refused;
            if (!s->used)
                continue;
            CHECK(kb_os_protect(&m.os, m.process[p], n * m.span, n * m.span + page_up(s->bytes),
                                KB_ENTRY_READ, &refused) == KB_OK);
            for (uint64_t i = 0; i < reach(s); i += 16) {
                uint32_t length = reach(s) - i < 16 ? (uint32_t)(reach(s) - i) : 16;
                CHECK(kb_os_load(&m.os, n * m.span + i, found + i, length, &done) == KB_OK && done);
            }
            CHECK(memcmp(found, content(s), (size_t)reach(s)) == 0);
        }
    }
}

static void nobody(void *context, const struct kb_os_event *event) {
    (void)context;
    (void)event;
}

static void begin_machine(uint64_t seed) {
    static const char *const policies[] = {"fifo", "lru", "clock", "2q", "arc", "ws:window=40"};
    static const struct kb_tlb_geometry tlbs[][2] = {
        {{0}}, {{1, 4, KB_TLB_LRU, 0}}, {{2, 4, KB_TLB_FIFO, 0}, {4, 4, KB_TLB_LRU, 0}}};
    bool s370 = seed % 6 == 5;
    struct kb_os_setup setup = {.scheme = KB_SCHEME_TABLES,
                                .frames = 6 + (uint32_t)(seed * 7 % 30),
                                .asid_bits = seed / 2 % 2 == 0 ? 4 : 0,
                                .tables_limit = UINT64_C(1) << 30,
                                .kernel_start = UINT64_MAX};
    memset(&m, 0, sizeof m);
    m.random.state = seed;
    m.byte_lengths = !s370 && seed % 2 == 1;
    m.rights_are_coarse = s370;
    if (s370)
        setup.format = kb_format_s370;
    else
        CHECK(kb_format_segmented(
                  &setup.format,
                  (struct kb_segment_shape){3, 3, 6, seed % 4 < 2 ? 8 : 4, m.byte_lengths},
                  &error) == KB_OK);
    setup.tables_place = (unsigned)(seed % 3);
    if (setup.tables_place == KB_TABLES_RESIDENT)
        setup.frames += 48; /* all tables at once */
    if (setup.tables_place == KB_TABLES_PAGEABLE)
        setup.frames += 8;
    for (; setup.tlbs < 2 && tlbs[seed / 3 % 3][setup.tlbs].sets > 0; setup.tlbs++)
        setup.tlb[setup.tlbs] = tlbs[seed / 3 % 3][setup.tlbs];
    m.page = UINT64_C(1) << setup.format.page_bits;
    CHECK(kb_policy_parse(policies[seed % 6], &setup.policy, NULL, NULL, &error) == KB_OK);
    CHECK(kb_store_memory(&setup.swap, (uint32_t)m.page, 4096, &host, &error) == KB_OK);
    CHECK(kb_os_init(&m.os, &setup, &host, &error) == KB_OK);
    m.span = kb_os_segment_bytes(&m.os);
    if (seed % 5 == 0)
        m.os.listener.hear = nobody; /* the long way of each access */
    for (unsigned p = 0; p < PROCESSES; p++)
        begin_process(p);
}

static void one_run(uint64_t seed, uint64_t operations) {
    begin_machine(seed);
    for (uint64_t i = 0; i < operations && harness_failures == 0; i++) {
        one();
        const char *wrong = kb_os_check(&m.os);
        if (wrong != NULL) {
            printf("seed %" PRIu64 ", operation %" PRIu64 ": %s\n", seed, i, wrong);
            CHECK(wrong == NULL);
        }
        if (i % 16 == 0)
            count_shared_tables();
        if (harness_failures > 0)
            printf("seed %" PRIu64 ", operation %" PRIu64 "\n", seed, i);
        total.operations++;
    }
    if (harness_failures == 0)
        compare_all();
    total.evictions += m.os.counters.evictions;
    total.soft += m.os.counters.soft_faults;
    total.table_faults += m.os.counters.table_faults;
    for (unsigned p = 0; p < PROCESSES; p++)
        kb_os_exit(&m.os, m.process[p], KB_REASON_DONE, 0);
    CHECK_EQ(m.os.free_count, m.os.setup.frames);
    CHECK_EQ(m.os.swap.used, 0);
    CHECK_EQ(m.os.tables.count, 0);
    kb_os_free(&m.os);
}

int main(int count, char **arguments) {
    CHECK(kb_host_open(&host, 1, &error) == KB_OK);
    uint64_t operations = count > 1 ? strtoull(arguments[1], NULL, 10) : 120000;
    if (count > 2) {
        one_run(strtoull(arguments[2], NULL, 10), operations);
        return harness_end();
    }
    for (uint64_t seed = 0; seed < RUNS && harness_failures == 0; seed++)
        one_run(seed, operations / RUNS);
    printf("%" PRIu64 " operations, %" PRIu64 " accesses, %" PRIu64 " overflows, %" PRIu64
           " refused, %" PRIu64 " soft faults, %" PRIu64 " table faults, %" PRIu64
           " pairs with one table, %" PRIu64 " evictions\n",
           total.operations, total.accesses, total.overflows, total.refused, total.soft,
           total.table_faults, total.shared_tables, total.evictions);
    CHECK(total.overflows > 0 && total.table_faults > 0 && total.shared_tables > 0);
    return harness_end();
}
