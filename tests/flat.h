/* flat.h - processes on a simulated machine beside a flat model of their bytes and rights.
 *
 * The model knows nothing of frames, tables, TLBs or swap: an array of bytes a
 * process, and for each page whether it is legal and with which rights.
 *
 *   │ low window: FLAT_HALF pages │ … │ high window, up to the end of the user zone │ kernel zone │
 *
 * flat_step makes one random instruction or system call on both sides. The
 * store is watched (watch.h). */
#ifndef KB_TESTS_FLAT_H
#define KB_TESTS_FLAT_H

#include "base/random.h"
#include "harness.h"
#include "machine.h"
#include "watch.h"

#define FLAT_HALF 12
#define FLAT_PAGES (2 * FLAT_HALF)
#define FLAT_ZONE 3 /* pages of the kernel zone that may be legal */
#define FLAT_MOST_SPACES 5
#define FLAT_LOW_PAGE 3

struct flat_space {
    struct kb_process *process;
    bool skips, privileged, all; /* all: no region was given */
    bool legal[FLAT_PAGES];
    unsigned rights[FLAT_PAGES];
    uint8_t *bytes;
};

struct flat {
    const char *name;
    struct kb_os os;
    struct kb_error error;
    struct kb_random random;
    uint64_t page, low, high, kernel_start;
    bool x86, x86_32, kernel;
    unsigned spaces, current, pages; /* pages: that one instruction may touch */
    struct flat_space space[FLAT_MOST_SPACES], zone;
    uint8_t *image, *scratch, *found;
    struct watch *watch;
    enum kb_reason skipped; /* that the listener heard */
    bool listens;           /* sometimes */
    bool may_fail;          /* the store may, or may be full */
    uint64_t free_slots;    /* when flat_step began */
    uint64_t accesses, refusals, ends, exits, failures, steps;
    bool broken;
};

static inline uint64_t flat_below(struct flat *f, uint64_t n) {
    return kb_random_below(&f->random, n);
}

static inline bool flat_wrong(struct flat *f, const char *what) {
    if (!f->broken)
        printf("%s, step %" PRIu64 ": %s\n", f->name, f->steps, what);
    f->broken = true;
    CHECK(!f->broken); /* the machine and the flat model agree */
    return false;
}

static inline bool flat_right(struct flat *f, bool condition, const char *what) {
    harness_checks++;
    return condition || flat_wrong(f, what);
}

static inline void flat_ok(struct flat *f, kb_status status) {
    if (status != KB_OK)
        flat_wrong(f, f->error.text);
}

/* ---- the model ---- */

/* What the format can say: x86 cannot withhold the right to read, nor x86-32 that to execute. */
static inline unsigned flat_rights(const struct flat *f, unsigned rights) {
    if (rights != 0 && f->x86)
        rights |= KB_ENTRY_READ;
    if (rights != 0 && f->x86_32)
        rights |= KB_ENTRY_EXECUTE;
    return rights;
}

/* The page of an address in the windows, or −1. */
static inline int flat_page_at(const struct flat *f, uint64_t address) {
    if (address >= f->low && address < f->low + FLAT_HALF * f->page)
        return (int)((address - f->low) / f->page);
    if (address >= f->high && address < f->high + FLAT_HALF * f->page)
        return (int)((address - f->high) / f->page) + FLAT_HALF;
    return -1;
}

static inline uint64_t flat_address(const struct flat *f, unsigned page) {
    return page < FLAT_HALF ? f->low + page * f->page : f->high + (page - FLAT_HALF) * f->page;
}

/* What becomes of an access to one byte; *at: the byte. */
static inline enum kb_reason flat_ask(const struct flat *f, const struct flat_space *s,
                                      uint64_t address, enum kb_access access, uint8_t **at) {
    static const unsigned right[] = {KB_ENTRY_READ, KB_ENTRY_WRITE, KB_ENTRY_EXECUTE};
    enum kb_fault fault = kb_address_check(&f->os.setup.format, address);
    bool in_zone = f->kernel && address >= f->kernel_start;
    unsigned rights;
    if (fault == KB_FAULT_OVERFLOW)
        return KB_REASON_OVERFLOW;
    if (fault != KB_FAULT_NONE)
        return KB_REASON_INVALID_REFERENCE;
    if (in_zone) {
        uint64_t page = (address - f->kernel_start) / f->page;
        if (page >= FLAT_ZONE || !f->zone.legal[page])
            return KB_REASON_INVALID_REFERENCE;
        if (!s->privileged)
            return KB_REASON_PRIVILEGE;
        rights = f->zone.rights[page];
        *at = f->zone.bytes + (address - f->kernel_start);
    } else {
        int page = flat_page_at(f, address);
        if (page < 0 || !s->legal[page])
            return KB_REASON_INVALID_REFERENCE;
        if (s->privileged && !f->x86 && access == KB_ACCESS_EXECUTE)
            return KB_REASON_PRIVILEGE;
        rights = s->rights[page];
        *at = s->bytes + (uint64_t)page * f->page + address % f->page;
    }
    return flat_rights(f, rights) & right[access] ? KB_REASON_NONE : KB_REASON_PROTECTION;
}

/* The same for a range: the first reason that there is. Unless NULL, its bytes are copied. */
static inline enum kb_reason flat_range(const struct flat *f, const struct flat_space *s,
                                        uint64_t address, uint32_t length, enum kb_access access,
                                        uint8_t *out, const uint8_t *in) {
    for (uint32_t done = 0; done < length;) {
        uint64_t room = f->page - (address + done) % f->page;
        uint32_t part = length - done < room ? length - done : (uint32_t)room;
        uint8_t *at = NULL;
        enum kb_reason reason = flat_ask(f, s, address + done, access, &at);
        if (reason != KB_REASON_NONE)
            return reason;
        if (out != NULL)
            memcpy(out + done, at, part);
        if (in != NULL)
            memcpy(at, in + done, part);
        done += part;
    }
    return KB_REASON_NONE;
}

/* ---- processes ---- */

static void flat_hear(void *context, const struct kb_os_event *event) {
    struct flat *f = context;
    if (event->kind == KB_OS_EVENT_SKIP)
        f->skipped = event->reason;
}

static inline void flat_image(struct flat *f, struct kb_region *region, uint8_t *at) {
    uint64_t length = region->end - region->start;
    if (flat_below(f, 2) == 0)
        return;
    region->has_image = true;
    region->image =
        (struct kb_image){.seed = kb_random_next(&f->random), .offset = flat_below(f, 100)};
    if (flat_below(f, 2) == 0) { /* bytes, of which some are missing at the end */
        region->image.bytes = f->image;
        region->image.length = region->image.offset + flat_below(f, length + 1);
        for (uint64_t i = 0; i + region->image.offset < region->image.length; i++)
            at[i] = f->image[region->image.offset + i];
        return;
    }
    for (uint64_t i = 0; i < length; i++)
        at[i] = kb_image_byte(region->image.seed, region->image.offset + i);
}

static inline unsigned flat_some_rights(struct flat *f) {
    static const unsigned rights[] = {KB_ENTRY_RIGHTS,
                                      KB_ENTRY_RIGHTS,
                                      KB_ENTRY_RIGHTS,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_READ | KB_ENTRY_WRITE,
                                      KB_ENTRY_RIGHTS,
                                      KB_ENTRY_RIGHTS,
                                      KB_ENTRY_READ,
                                      KB_ENTRY_EXECUTE,
                                      KB_ENTRY_READ | KB_ENTRY_EXECUTE,
                                      0};
    return rights[flat_below(f, sizeof rights / sizeof rights[0])];
}

/* A new region in a gap; nothing happens if there is none here. */
static inline void flat_region(struct flat *f, struct flat_space *s, unsigned first,
                               unsigned most) {
    unsigned window_end = first < FLAT_HALF ? FLAT_HALF : FLAT_PAGES, end = first;
    bool refused;
    while (end < window_end && end < first + most && !s->legal[end])
        end++;
    if (end == first)
        return;
    uint64_t start = flat_address(f, first), bytes = (end - first) * f->page;
    uint64_t missing = flat_below(f, f->page);
    if (flat_below(f, 2) == 0)
        missing = 0;
    struct kb_region region = {
        .start = start, .end = start + bytes - missing, .rights = flat_some_rights(f)};
    uint8_t *at = s->bytes + first * f->page;
    memset(at, 0, bytes);
    flat_image(f, &region, at);
    for (unsigned i = first; i < end; i++) {
        s->legal[i] = true;
        s->rights[i] = region.rights;
    }
    flat_ok(f, kb_os_region(&f->os, s->process, &region, &refused));
    flat_right(f, !refused, "a region was refused");
}

static inline void flat_begin(struct flat *f, unsigned i) {
    struct flat_space *s = &f->space[i];
    uint8_t *bytes = s->bytes;
    *s = (struct flat_space){.bytes = bytes};
    flat_ok(f, kb_os_create(&f->os, "P", &s->process));
    s->skips = s->process->skips = flat_below(f, 2) == 0;
    s->all = flat_below(f, 8) == 0;
    if (s->all) {
        memset(s->bytes, 0, FLAT_PAGES * f->page);
        for (unsigned k = 0; k < FLAT_PAGES; k++) {
            s->legal[k] = true;
            s->rights[k] = KB_ENTRY_RIGHTS;
        }
        return;
    }
    for (unsigned k = 0; k < FLAT_PAGES; k++)
        if (flat_below(f, 4) != 0)
            flat_region(f, s, k, 1 + (unsigned)flat_below(f, 6));
}

static inline void flat_switch(struct flat *f, unsigned i) {
    f->current = i;
    kb_os_switch(&f->os, f->space[i].process);
}

/* A kernel page, seen by all from now on. */
static inline void flat_add_zone(struct flat *f, unsigned page) {
    bool refused;
    struct kb_region region = {.start = f->kernel_start + page * f->page,
                               .end = f->kernel_start + (page + 1) * f->page,
                               .rights = page == 1 ? KB_ENTRY_READ : KB_ENTRY_RIGHTS};
    uint8_t *at = f->zone.bytes + page * f->page;
    if (!f->kernel || f->zone.legal[page] || f->os.free_count == 0)
        return;
    memset(at, 0, f->page);
    flat_image(f, &region, at);
    flat_ok(f, kb_os_region(&f->os, f->os.kernel, &region, &refused));
    flat_right(f, !refused, "a kernel region was refused");
    f->zone.legal[page] = true;
    f->zone.rights[page] = region.rights;
}

/* wish: its frames are for processes, kernel pages come on top. */
static inline bool flat_init(struct flat *f, const char *name, const struct machine_wish *wish,
                             unsigned spaces, uint64_t seed, const struct kb_host *host) {
    *f = (struct flat){.name = name, .random = {seed}, .spaces = spaces, .pages = 4};
    f->error.language = KB_ENGLISH;
    if (machine_make(&f->os, wish, host, &f->error) != KB_OK)
        return flat_wrong(f, f->error.text);
    const struct kb_format *format = &f->os.setup.format;
    f->page = UINT64_C(1) << format->page_bits;
    f->x86 = format->family->writable_is_readable;
    f->x86_32 = f->x86 && format->entry_bytes == 4;
    f->kernel = wish->kernel;
    f->kernel_start = f->os.setup.kernel_start;
    f->low = FLAT_LOW_PAGE * f->page;
    f->high = kb_os_user_end(&f->os) - FLAT_HALF * f->page;
    f->image = malloc(FLAT_PAGES * f->page + 100);
    f->scratch = malloc(4 * f->page);
    f->found = malloc(4 * f->page);
    f->zone.bytes = malloc(FLAT_ZONE * f->page);
    for (uint64_t i = 0; i < FLAT_PAGES * f->page + 100; i++)
        f->image[i] = (uint8_t)kb_random_next(&f->random);
    for (unsigned i = 0; i < spaces; i++)
        f->space[i].bytes = malloc(FLAT_PAGES * f->page);
    return true;
}

static inline void flat_start(struct flat *f) {
    flat_add_zone(f, 0);
    for (unsigned i = 0; i < f->spaces; i++)
        flat_begin(f, i);
    flat_switch(f, 0);
}

/* ---- instructions ---- */

/* What the last step met. */
static inline void flat_forget(struct flat *f) {
    struct watch *w = f->watch;
    watch_begin(w);
    f->skipped = KB_REASON_NONE;
    f->free_slots = f->os.swap.store.slots - f->os.swap.used - f->os.swap.bad;
}

/* After an instruction: what should have become of it, and what has. */
static inline void flat_settle(struct flat *f, enum kb_reason wanted, kb_status status, bool done) {
    struct flat_space *s = &f->space[f->current];
    bool ended = s->process->state == KB_ENDED;
    enum kb_reason found = ended ? s->process->reason : f->skipped;
    const struct watch *w = f->watch;
    f->accesses++;
    flat_ok(f, status);
    if (w->wrong_pages + w->read_errors > 0) {
        wanted = w->read_errors > 0 ? KB_REASON_READ_FAILED : KB_REASON_CORRUPT;
        flat_right(f, ended, "a page that cannot be read must end its process");
        f->failures++;
    } else if (!done && f->may_fail &&
               ((found == KB_REASON_WRITE_FAILED && w->write_errors > 0) ||
                (found == KB_REASON_SWAP_FULL && w->writes >= f->free_slots))) {
        wanted = found;
        f->failures++;
    } else if (wanted != KB_REASON_NONE) {
        f->refusals++;
    }
    if (done != (wanted == KB_REASON_NONE) && !f->broken)
        printf("wanted %s, found %s, %s\n", kb_reason_name(wanted), kb_reason_name(found),
               done ? "done" : "not done");
    flat_right(f, done == (wanted == KB_REASON_NONE),
               "an access was refused, or let pass, wrongly");
    if (done) {
        flat_right(f, !ended, "the instruction is done and the process has ended");
        return;
    }
    if (ended || kb_os_heard(&f->os)) {
        if (found != wanted && !f->broken)
            printf("wanted %s, found %s\n", kb_reason_name(wanted), kb_reason_name(found));
        flat_right(f, found == wanted, "another reason");
    }
    flat_right(f, ended || s->skips, "a process without a handler goes on");
    flat_right(f, !ended || !s->skips || w->wrong_pages + w->read_errors > 0,
               "a process with a handler has ended");
    if (!ended)
        return;
    f->ends++;
    flat_right(f, f->os.running == NULL, "an ended process runs");
    flat_begin(f, f->current);
    flat_switch(f, f->current);
}

/* Somewhere in the windows, mostly near few places; rarely elsewhere. length fits in a window. */
static inline uint64_t flat_place(struct flat *f, uint32_t length) {
    const struct flat_space *s = &f->space[f->current];
    uint64_t span = FLAT_HALF * f->page - length + 1, at;
    uint64_t start = flat_below(f, 2) == 0 ? f->low : f->high;
    switch (flat_below(f, 40)) {
    case 0:
        if (s->all)
            break;
        at = kb_random_next(&f->random);
        at >>= flat_below(f, 64); /* anywhere */
        return at > UINT64_MAX - 65536 ? 0 : at;
    case 1:
        return f->high + span - 1 + (s->all ? 0 : flat_below(f, length)); /* over the end */
    case 2:
        if (f->kernel)
            return f->kernel_start + flat_below(f, FLAT_ZONE * f->page);
        break;
    case 3:
        return start + flat_below(f, span);
    default:
        break;
    }
    at = flat_below(f, 4) * f->page;
    if (flat_below(f, 3) != 0)
        at += flat_below(f, f->page);
    return start + at % span;
}

static inline void flat_random_bytes(struct flat *f, uint8_t *bytes, uint32_t length) {
    for (uint32_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(kb_random_next(&f->random) >> 24);
}

static inline void flat_load(struct flat *f, uint64_t address, uint32_t length) {
    const struct flat_space *s = &f->space[f->current];
    bool done;
    enum kb_reason reason = flat_range(f, s, address, length, KB_ACCESS_READ, f->scratch, NULL);
    memset(f->found, 0x5a, length);
    kb_status status = kb_os_load(&f->os, address, f->found, length, &done);
    if (status == KB_OK && done && reason == KB_REASON_NONE)
        flat_right(f, memcmp(f->found, f->scratch, length) == 0, "a load gives other bytes");
    flat_settle(f, reason, status, done);
}

static inline void flat_store(struct flat *f, uint64_t address, uint32_t length) {
    const struct flat_space *s = &f->space[f->current];
    bool done;
    enum kb_reason reason = flat_range(f, s, address, length, KB_ACCESS_WRITE, NULL, NULL);
    flat_random_bytes(f, f->scratch, length);
    kb_status status = kb_os_store(&f->os, address, f->scratch, length, &done);
    if (status == KB_OK && done && reason == KB_REASON_NONE)
        flat_range(f, s, address, length, KB_ACCESS_WRITE, NULL, f->scratch);
    flat_settle(f, reason, status, done);
}

static inline void flat_increment(struct flat *f) {
    const struct flat_space *s = &f->space[f->current];
    uint32_t length = 1 + (uint32_t)flat_below(f, 8);
    uint64_t address = flat_place(f, length), by = kb_random_next(&f->random), value = 0;
    uint8_t bytes[8] = {0};
    bool done;
    enum kb_reason reason = flat_range(f, s, address, length, KB_ACCESS_READ, bytes, NULL);
    if (reason == KB_REASON_NONE)
        reason = flat_range(f, s, address, length, KB_ACCESS_WRITE, NULL, NULL);
    kb_status status = kb_os_increment(&f->os, address, length, by, &value, &done);
    if (status == KB_OK && done && reason == KB_REASON_NONE) {
        uint64_t wanted = by;
        for (unsigned i = 0; i < 8; i++)
            wanted += (uint64_t)bytes[i] << 8 * i;
        if (length < 8)
            wanted &= (UINT64_C(1) << 8 * length) - 1;
        for (unsigned i = 0; i < 8; i++)
            bytes[i] = (uint8_t)(wanted >> 8 * i);
        flat_right(f, value == wanted, "an increment gives another number");
        flat_range(f, s, address, length, KB_ACCESS_WRITE, NULL, bytes);
    }
    flat_settle(f, reason, status, done);
}

static inline void flat_move(struct flat *f) {
    const struct flat_space *s = &f->space[f->current];
    uint32_t length = 1 + (uint32_t)flat_below(f, f->page);
    uint64_t from = flat_place(f, length);
    uint64_t to = flat_below(f, 4) == 0 && from > f->page && !s->all
                      ? from - f->page / 2 + flat_below(f, f->page)
                      : flat_place(f, length);
    bool done;
    enum kb_reason reason = flat_range(f, s, from, length, KB_ACCESS_READ, f->scratch, NULL);
    if (reason == KB_REASON_NONE)
        reason = flat_range(f, s, to, length, KB_ACCESS_WRITE, NULL, NULL);
    kb_status status = kb_os_move(&f->os, from, to, length, &done);
    if (status == KB_OK && done && reason == KB_REASON_NONE)
        flat_range(f, s, to, length, KB_ACCESS_WRITE, NULL, f->scratch);
    flat_settle(f, reason, status, done);
}

static inline void flat_run(struct flat *f) {
    enum kb_access access = (enum kb_access)flat_below(f, 3);
    uint64_t address = flat_place(f, 1);
    uint8_t *at;
    bool done;
    enum kb_reason reason = flat_ask(f, &f->space[f->current], address, access, &at);
    kb_status status = kb_os_run(&f->os, address, access, 1 + (uint32_t)flat_below(f, 50), &done);
    flat_settle(f, reason, status, done);
}

static inline void flat_execute(struct flat *f) {
    uint64_t address = flat_place(f, 1);
    uint8_t *at;
    bool done;
    enum kb_reason reason = flat_ask(f, &f->space[f->current], address, KB_ACCESS_EXECUTE, &at);
    kb_status status = kb_os_execute(&f->os, address, &done);
    flat_settle(f, reason, status, done);
}

/* ---- system calls, also on processes that do not run ---- */

static inline void flat_range_of_pages(struct flat *f, unsigned *first, unsigned *end) {
    unsigned window = flat_below(f, 2) == 0 ? 0 : FLAT_HALF;
    *first = window + (unsigned)flat_below(f, FLAT_HALF);
    *end = *first + 1 + (unsigned)flat_below(f, window + FLAT_HALF - *first);
    if (flat_below(f, 50) == 0) {
        *first = window;
        *end = window + FLAT_HALF;
    }
}

static inline void flat_protect(struct flat *f) {
    struct flat_space *s = &f->space[flat_below(f, f->spaces)];
    unsigned first, end, rights = flat_some_rights(f);
    flat_range_of_pages(f, &first, &end);
    uint64_t start = flat_address(f, first);
    bool refused;
    flat_ok(f, kb_os_protect(&f->os, s->process, start, start + (end - first) * f->page, rights,
                             &refused));
    for (unsigned i = first; i < end; i++)
        s->rights[i] = rights; /* of those that are legal */
}

static inline void flat_unmap(struct flat *f) {
    struct flat_space *s = &f->space[flat_below(f, f->spaces)];
    unsigned first, end;
    flat_range_of_pages(f, &first, &end);
    uint64_t start = flat_address(f, first);
    flat_ok(f, kb_os_unmap(&f->os, s->process, start, start + (end - first) * f->page));
    for (unsigned i = first; i < end; i++)
        s->legal[i] = false;
    if (!s->all && flat_below(f, 4) != 0)
        flat_region(f, s, first, end - first);
}

static inline void flat_call(struct flat *f) {
    unsigned i = (unsigned)flat_below(f, f->spaces);
    switch (flat_below(f, 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
        flat_protect(f);
        break;
    case 4:
    case 5:
        flat_unmap(f);
        break;
    case 6:
    case 7:
        for (unsigned k = 0; k < FLAT_PAGES && !f->space[i].all; k++)
            flat_region(f, &f->space[i], k, 1 + (unsigned)flat_below(f, 4));
        break;
    case 8:
        f->exits++;
        kb_os_exit(&f->os, f->space[i].process, KB_REASON_DONE, 0);
        if (flat_below(f, 4) == 0) /* while nobody runs */
            flat_add_zone(f, (unsigned)flat_below(f, FLAT_ZONE));
        flat_begin(f, i);
        if (f->os.running == NULL)
            flat_switch(f, i);
        break;
    case 9:
    case 10:
    case 11:
        f->space[i].privileged = !f->space[i].privileged;
        kb_os_set_mode(&f->os, f->space[i].process, f->space[i].privileged);
        break;
    case 12:
        flat_add_zone(f, (unsigned)flat_below(f, FLAT_ZONE));
        break;
    default:
        flat_switch(f, i);
        break;
    }
}

static inline void flat_step(struct flat *f) {
    struct watch *w = f->watch;
    flat_forget(f);
    f->steps++;
    f->os.listener =
        (struct kb_listener){f, f->listens && flat_below(f, 4) == 0 ? flat_hear : NULL};
    if (f->may_fail)
        f->os.listener.hear = flat_hear;
    unsigned which = (unsigned)flat_below(f, 100);
    uint32_t length = 1 + (uint32_t)flat_below(f, 8);
    if (which < 40) {
        flat_load(f, flat_place(f, length), length);
    } else if (which < 70) {
        flat_store(f, flat_place(f, length), length);
    } else if (which < 75) {
        flat_increment(f);
    } else if (which < 79) {
        flat_move(f);
    } else if (which < 81) {
        length = (uint32_t)flat_below(f, 3 * f->page) + 1;
        if (which == 79)
            flat_load(f, flat_place(f, length), length);
        else
            flat_store(f, flat_place(f, length), length);
    } else if (which < 86) {
        flat_run(f);
    } else if (which < 90) {
        flat_execute(f);
    } else {
        flat_call(f);
    }
    if (w->broken != NULL)
        flat_wrong(f, w->broken);
}

/* ---- the whole ---- */

/* Counters that must fit to each other. failed: pages that could not be brought in. */
static inline void flat_check(struct flat *f) {
    const struct kb_os_counters *c = &f->os.counters;
    struct kb_process_counters sum = {0};
    const char *wrong = kb_os_check(&f->os);
    flat_right(f, wrong == NULL, wrong);
    for (uint32_t i = 0; i < f->os.process_count; i++) {
        const struct kb_process_counters *p = &f->os.process[i]->counters;
        sum.references += p->references;
        sum.faults += p->faults;
        sum.zero_fills += p->zero_fills;
        sum.image_reads += p->image_reads;
        sum.swap_reads += p->swap_reads;
        sum.evictions += p->evictions;
        sum.write_backs += p->write_backs;
        sum.released += p->released;
        sum.restarts += p->restarts;
    }
    flat_right(f,
               sum.faults == c->faults && sum.zero_fills == c->zero_fills &&
                   sum.image_reads == c->image_reads && sum.swap_reads == c->swap_reads &&
                   sum.evictions == c->evictions && sum.write_backs == c->write_backs &&
                   sum.released == c->released && sum.restarts == c->restarts,
               "the processes' counters do not sum up");
    flat_right(f, sum.references == c->references, "the processes' references do not sum up");
    uint64_t by_call = 0; /* kernel pages come without a fault */
    for (unsigned i = 0; i < FLAT_ZONE; i++)
        by_call += f->zone.legal[i];
    flat_right(f, c->restarts + by_call == c->zero_fills + c->image_reads + c->swap_reads,
               "restarts are not the pages brought in");
    flat_right(f, c->faults == c->restarts + f->failures, "faults are neither served nor failed");
    flat_right(f, f->os.swap.reads == c->swap_reads, "swap reads are counted wrongly");
    flat_right(f, f->os.swap.writes == c->write_backs, "write-backs are counted wrongly");
    flat_right(
        f, f->os.swap.failures == f->watch->all_failures && c->io_errors == f->watch->all_failures,
        "failures of the store are counted wrongly");
}

/* Reads every byte of every process, as its regions' rights or, by force, with others. */
static inline void flat_digest(struct flat *f) {
    unsigned first = f->current;
    for (unsigned n = 0; n < f->spaces && !f->broken; n++) {
        struct flat_space *s = &f->space[(first + n) % f->spaces];
        flat_switch(f, (first + n) % f->spaces);
        for (unsigned k = 0; k < FLAT_PAGES && !f->broken; k++) {
            uint64_t address = flat_address(f, k);
            bool refused;
            if (!s->legal[k])
                continue;
            if (s->rights[k] != KB_ENTRY_RIGHTS)
                flat_ok(f, kb_os_protect(&f->os, s->process, address, address + f->page,
                                         s->rights[k] = KB_ENTRY_RIGHTS, &refused));
            struct kb_process *before = s->process;
            flat_forget(f);
            flat_load(f, address, (uint32_t)f->page);
            if (s->process != before) /* it has ended, and another one begun */
                break;
        }
    }
}

/* All end: nothing is left, no slot keeps bytes. */
static inline void flat_end(struct flat *f) {
    uint64_t kernel = 0;
    flat_check(f);
    for (unsigned i = 0; i < f->spaces; i++)
        kb_os_exit(&f->os, f->space[i].process, KB_REASON_DONE, 0);
    for (unsigned i = 0; i < FLAT_ZONE; i++)
        kernel += f->zone.legal[i];
    flat_right(f, f->os.free_count + kernel == f->os.setup.frames, "frames are missing");
    flat_right(f, f->os.swap.used == 0, "slots are missing");
    flat_right(f, watch_kept(f->watch) == 0, "slots were not scrubbed");
    flat_check(f);
}

static inline void flat_free(struct flat *f) {
    kb_os_free(&f->os);
    for (unsigned i = 0; i < f->spaces; i++)
        free(f->space[i].bytes);
    free(f->zone.bytes);
    free(f->image);
    free(f->scratch);
    free(f->found);
}

#endif
