/* quantity.c - the numbers that `expect` and `show counters` know by name. */
#include "scenario/session.h"

/* Field of both the whole system's and a process's counters; OWN_NONE: the whole only. */
#define COUNTERS(X)                                                                                \
    X("references", references)                                                                    \
    X("faults", faults)                                                                            \
    X("evictions", evictions)                                                                      \
    X("write-backs", write_backs)                                                                  \
    X("swap-reads", swap_reads)                                                                    \
    X("image-reads", image_reads)                                                                  \
    X("zero-fills", zero_fills)                                                                    \
    X("released", released)                                                                        \
    X("restarts", restarts)                                                                        \
    X("soft-faults", soft_faults)                                                                  \
    X("copies", copies)                                                                            \
    X("file-reads", file_reads)                                                                    \
    X("releases", releases)                                                                        \
    X("discards", discards)                                                                        \
    X("prefetches", prefetches)                                                                    \
    X("useful-prefetches", useful_prefetches)                                                      \
    X("wasted-prefetches", wasted_prefetches)                                                      \
    X("table-faults", table_faults)                                                                \
    X("suspensions", suspensions)                                                                  \
    X("resumptions", resumptions)

static const char *const names[] = {"references",
                                    "faults",
                                    "soft-faults",
                                    "rescues",
                                    "evictions",
                                    "write-backs",
                                    "background-writes",
                                    "synchronous-writes",
                                    "file-writes",
                                    "swap-reads",
                                    "image-reads",
                                    "file-reads",
                                    "zero-fills",
                                    "copies",
                                    "table-faults",
                                    "table-writes",
                                    "released",
                                    "releases",
                                    "discards",
                                    "prefetches",
                                    "useful-prefetches",
                                    "wasted-prefetches",
                                    "unused-prefetches",
                                    "swapped-out",
                                    "swapped-in",
                                    "suspensions",
                                    "resumptions",
                                    "restarts",
                                    "instructions",
                                    "switches",
                                    "io-errors",
                                    "traps",
                                    "compactions",
                                    "moves",
                                    "moved",
                                    "free",
                                    "largest",
                                    "hole-count",
                                    "internal-fragmentation",
                                    "external-fragmentation",
                                    "table-fragmentation",
                                    "standby",
                                    "frames",
                                    "resident",
                                    "held",
                                    "allocation",
                                    "page-time",
                                    "tlb-hits",
                                    "tlb2-hits",
                                    "tlb-misses",
                                    "tlb-evictions",
                                    "tlb-invalidations",
                                    "entries-cleared",
                                    "table-reads",
                                    "entry-writes",
                                    "cycles",
                                    "tables",
                                    "table-bytes",
                                    "table-peak",
                                    "slots",
                                    "slots-peak",
                                    "bad-slots",
                                    "swap-writes",
                                    "promotions",
                                    "demotions",
                                    "demotion-writes",
                                    "stage-hits",
                                    "disk-transfers",
                                    "disk-bytes",
                                    "disk-time",
                                    "elapsed",
                                    "idle-time",
                                    "cpu-use",
                                    "disk-busy",
                                    "disk-use",
                                    "processes",
                                    "active",
                                    "degree",
                                    "degree-most",
                                    "working-set",
                                    "pages",
                                    "waste",
                                    "utilisation",
                                    "speed",
                                    "hit-ratio",
                                    "cycles-per-reference",
                                    NULL};

const char *kb_quantity_name(unsigned i) { return names[i]; }

static struct kb_tally now(const struct kb_scenario *s) {
    struct kb_tally t = {.os = s->os.counters};
    t.os.page_time = kb_os_page_time(&s->os);
    t.active_time = kb_os_active_time(&s->os);
    t.hits = s->os.mmu.hits;
    t.second_hits = s->os.mmu.second_hits;
    t.misses = s->os.mmu.misses;
    t.table_reads = s->os.mmu.table_reads;
    t.entry_writes = s->os.mmu.entry_writes;
    t.cycles = kb_os_cycles(&s->os);
    t.swap_writes = s->os.swap.writes;
    t.stage = kb_scenario_stage_counters(s);
    if (s->os.storage != NULL)
        t.storage = s->os.storage->counters;
    t.time = kb_os_now(&s->os);
    t.idle = s->os.idle;
    t.disk_worked = kb_os_disk_worked(&s->os);
    for (unsigned level = 0; level < s->os.mmu.tlbs; level++) {
        t.tlb_evictions += s->os.mmu.tlb[level].evictions;
        t.tlb_invalidations += s->os.mmu.tlb[level].invalidations;
    }
    return t;
}

void kb_quantity_reset(struct kb_scenario *s) { s->base = now(s); }

static bool is(const char *name, uint32_t length, const char *wanted) {
    return strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static uint64_t all_traps(const uint64_t *traps) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < KB_FAULT_KINDS; i++)
        sum += traps[i];
    return sum;
}

/* Handed out, and not used. */
static uint64_t waste_of(const struct kb_scenario *s, const struct kb_process *p) {
    return s->os.storage != NULL ? kb_storage_waste(&s->os, p)
                                 : kb_process_waste(p, kb_os_page_bytes(&s->os));
}

static bool of_process(const struct kb_scenario *s, const struct kb_process *p, const char *name,
                       uint32_t length, uint64_t *whole) {
    const struct kb_process_counters *c = &p->counters;
#define X(text, field)                                                                             \
    if (is(name, length, text)) {                                                                  \
        *whole = c->field;                                                                         \
        return true;                                                                               \
    }
    COUNTERS(X)
#undef X
    if (is(name, length, "traps"))
        *whole = all_traps(c->traps);
    else if (is(name, length, "resident"))
        *whole = s->os.storage != NULL ? kb_storage_resident(&s->os, p) : p->resident;
    else if (is(name, length, "allocation"))
        *whole = p->pager != NULL ? p->allocation : s->os.setup.frames;
    else if (is(name, length, "held"))
        *whole = p->held;
    else if (is(name, length, "working-set") && s->os.load.window > 0)
        *whole = p->working_set;
    else if (is(name, length, "waste") || is(name, length, "internal-fragmentation"))
        *whole = waste_of(s, p);
    else
        return false;
    return true;
}

static bool of_counters(const struct kb_scenario *s, const struct kb_tally *t, const char *name,
                        uint32_t length, uint64_t *whole) {
    const struct kb_tally *b = &s->base;
#define X(text, field)                                                                             \
    if (is(name, length, text)) {                                                                  \
        *whole = t->os.field - b->os.field;                                                        \
        return true;                                                                               \
    }
    COUNTERS(X)
    X("instructions", instructions)
    X("switches", switches)
    X("io-errors", io_errors)
    X("table-writes", table_writes)
    X("rescues", rescues)
    X("file-writes", file_writes)
    X("background-writes", background_writes)
    X("swapped-out", swapped_out)
    X("swapped-in", swapped_in)
    X("disk-transfers", disk_transfers)
    X("disk-bytes", disk_bytes)
    X("page-time", page_time)
    X("entries-cleared", entries_cleared)
#undef X
#define X(text, field)                                                                             \
    if (is(name, length, text)) {                                                                  \
        *whole = t->field - b->field;                                                              \
        return true;                                                                               \
    }
    X("tlb-hits", hits)
    X("tlb2-hits", second_hits)
    X("tlb-misses", misses)
    X("tlb-evictions", tlb_evictions)
    X("tlb-invalidations", tlb_invalidations)
    X("table-reads", table_reads)
    X("entry-writes", entry_writes)
    X("cycles", cycles)
    X("swap-writes", swap_writes)
    X("promotions", stage.promotions)
    X("demotions", stage.demotions)
    X("demotion-writes", stage.demotion_writes)
    X("stage-hits", stage.hits)
    X("compactions", storage.compactions)
    X("moves", storage.moves)
    X("moved", storage.moved_bytes)
#undef X
    if (is(name, length, "traps"))
        *whole = all_traps(t->os.traps) - all_traps(b->os.traps);
    else if (is(name, length, "synchronous-writes")) /* somebody waited for them */
        *whole = (t->os.write_backs - t->os.background_writes) -
                 (b->os.write_backs - b->os.background_writes);
    else
        return false;
    return true;
}

static uint64_t total_waste(const struct kb_scenario *s) {
    uint64_t waste = 0;
    if (s->os.storage != NULL)
        return kb_storage_waste(&s->os, NULL);
    for (uint32_t i = 0; i < s->os.process_count; i++)
        waste += waste_of(s, s->os.process[i]);
    return waste;
}

/* What is free where, in bytes; with pages any free frame is as good as another. */
static bool of_holes(const struct kb_scenario *s, const char *name, uint32_t length,
                     uint64_t *whole) {
    const struct kb_os *os = &s->os;
    struct kb_hole hole = {0};
    uint64_t free = os->storage != NULL ? kb_storage_free_bytes(os)
                                        : (uint64_t)kb_os_free_frames(os) * kb_os_page_bytes(os);
    if (is(name, length, "largest")) {
        *whole = os->storage != NULL ? kb_storage_largest(os) : free;
        return true;
    }
    if (os->storage != NULL && is(name, length, "free")) {
        *whole = free;
        return true;
    }
    if (os->storage != NULL && is(name, length, "resident")) {
        *whole = os->storage->setup.bytes - os->storage->setup.system - free;
        return true;
    }
    if (!is(name, length, "hole-count"))
        return false;
    *whole = 0;
    while (os->storage != NULL && kb_storage_next_hole(os, hole.start + hole.length, &hole))
        ++*whole;
    return true;
}

static uint64_t living(const struct kb_scenario *s) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->os.process_count; i++)
        count += s->os.process[i]->state != KB_ENDED && s->os.process[i] != s->os.kernel;
    return count;
}

static bool of_state(const struct kb_scenario *s, const char *name, uint32_t length,
                     uint64_t *whole) {
    const struct kb_os *os = &s->os;
    const struct {
        const char *name;
        uint64_t value;
    } states[] = {
        {"free", kb_os_free_frames(os)},
        {"standby", os->standby_count},
        {"frames", os->storage != NULL ? 0 : os->setup.frames},
        {"resident", os->setup.frames - kb_os_free_frames(os)},
        {"tables", os->tables.count},
        {"table-bytes", os->tables.bytes},
        {"table-peak", os->tables.peak},
        {"slots", os->swap.used},
        {"slots-peak", os->swap.peak},
        {"bad-slots", os->swap.bad},
        {"pages", os->pages.count},
        {"processes", living(s)},
        {"active", os->load.active},
        {"degree-most", os->load.most},
        {"waste", total_waste(s)},
        {"internal-fragmentation", total_waste(s)},
        {"table-fragmentation", os->tables.bytes},
        {"unused-prefetches", os->waiting_ahead},
    };
    if (of_holes(s, name, length, whole))
        return true;
    if (os->load.window > 0 && is(name, length, "working-set")) {
        *whole = kb_working_set_sum(os);
        return true;
    }
    for (unsigned i = 0; i < sizeof states / sizeof states[0]; i++)
        if (is(name, length, states[i].name)) {
            *whole = states[i].value;
            return true;
        }
    return false;
}

/* The part of what is free that the largest request cannot have, per cent. */
static double external(const struct kb_scenario *s) {
    uint64_t free = s->os.storage != NULL ? kb_storage_free_bytes(&s->os) : 0;
    return free == 0 ? 0 : 100 * (1 - (double)kb_storage_largest(&s->os) / (double)free);
}

/* The part of what lies in memory that was referenced, per cent. */
static double utilisation(const struct kb_scenario *s) {
    uint64_t used, resident;
    kb_os_use(&s->os, &used, &resident);
    return resident == 0 ? 0 : 100 * (double)used / (double)resident;
}

/* Milliseconds, and shares of them in per cent. Without a clock there are none. */
static bool of_clock(const struct kb_scenario *s, const struct kb_tally *t, const char *name,
                     uint32_t length, double *real) {
    double elapsed = (double)(t->time - s->base.time), idle = (double)(t->idle - s->base.idle);
    double worked = (double)(t->disk_worked - s->base.disk_worked);
    if (!s->os.setup.clock)
        return false;
    if (is(name, length, "elapsed"))
        *real = elapsed / 1e6;
    else if (is(name, length, "idle-time"))
        *real = idle / 1e6;
    else if (is(name, length, "cpu-use"))
        *real = elapsed > 0 ? 100 * (elapsed - idle) / elapsed : 0;
    else if (is(name, length, "disk-busy"))
        *real = worked / 1e6;
    else if (is(name, length, "disk-use"))
        *real = elapsed > 0 ? 100 * worked / elapsed : 0;
    else
        return false;
    return true;
}

/* Speed relative to a memory without translation: a search costs search_cost cycles more. */
static bool of_rates(const struct kb_scenario *s, const struct kb_tally *t, const char *name,
                     uint32_t length, double *real) {
    double references = (double)(t->os.references - s->base.os.references);
    double cycles = (double)(t->cycles - s->base.cycles) +
                    (s->os.mmu.tlbs > 0 ? s->search_cost * references : 0);
    double hits = (double)(t->hits - s->base.hits + t->second_hits - s->base.second_hits);
    double searches = hits + (double)(t->misses - s->base.misses);
    if (is(name, length, "speed"))
        *real = cycles > 0 ? references / cycles : 1;
    else if (is(name, length, "disk-time"))
        *real = kb_cost_disk_ms(&s->os.setup.disk, t->os.disk_transfers - s->base.os.disk_transfers,
                                t->os.disk_bytes - s->base.os.disk_bytes);
    else if (is(name, length, "external-fragmentation"))
        *real = external(s);
    else if (is(name, length, "utilisation") && s->os.storage == NULL)
        *real = utilisation(s);
    else if (is(name, length, "degree"))
        *real = references > 0 ? (double)(t->active_time - s->base.active_time) / references
                               : (double)s->os.load.active;
    else if (is(name, length, "hit-ratio"))
        *real = searches > 0 ? hits / searches : 0;
    else if (is(name, length, "cycles-per-reference"))
        *real = references > 0 ? cycles / references : 0;
    else
        return false;
    return true;
}

enum kb_quantity_kind kb_quantity(const struct kb_scenario *s, const char *name, uint32_t length,
                                  const struct kb_process *p, uint64_t *whole, double *real) {
    if (p != NULL)
        return of_process(s, p, name, length, whole) ? KB_WHOLE : KB_NO_QUANTITY;
    struct kb_tally t = now(s);
    if (of_counters(s, &t, name, length, whole) || of_state(s, name, length, whole))
        return KB_WHOLE;
    bool known = of_rates(s, &t, name, length, real) || of_clock(s, &t, name, length, real);
    return known ? KB_REAL : KB_NO_QUANTITY;
}
