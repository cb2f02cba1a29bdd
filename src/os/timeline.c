/* timeline.c - samples are kept, thinned, and written as JSON. */
#include "os/timeline.h"

#define FIRST_ROOM 16

void kb_timeline_init(struct kb_timeline *timeline, const struct kb_host *host) {
    memset(timeline, 0, sizeof *timeline);
    timeline->host = host;
    timeline->step = 1;
}

static size_t point_bytes(uint32_t room) {
    return (size_t)KB_TIMELINE_SAMPLES * room * sizeof(struct kb_timeline_point);
}

void kb_timeline_free(struct kb_timeline *timeline) {
    kb_give_back(timeline->host, timeline->point, point_bytes(timeline->room));
    kb_give_back(timeline->host, timeline->life, timeline->room * sizeof *timeline->life);
    timeline->point = NULL;
    timeline->life = NULL;
    timeline->room = timeline->moments = timeline->spans = 0;
}

/* Rows become longer: each moves to its new place. */
static kb_status make_room(struct kb_timeline *t, const struct kb_os *os) {
    uint32_t room = t->room == 0 ? FIRST_ROOM : t->room;
    while (room < os->process_count)
        room *= 2;
    if (room == t->room)
        return KB_OK;
    struct kb_timeline_point *point = kb_take(t->host, point_bytes(room));
    struct kb_timeline_life *life =
        kb_grow(t->host, t->life, t->room * sizeof *life, room * sizeof *life);
    if (life != NULL)
        t->life = life;
    if (point == NULL || life == NULL) {
        kb_give_back(t->host, point, point_bytes(room));
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "timeline",
                       (unsigned long long)point_bytes(room));
    }
    for (uint32_t i = 0; i < t->moments; i++)
        memcpy(point + (size_t)i * room, t->point + (size_t)i * t->room, t->room * sizeof *point);
    kb_give_back(t->host, t->point, point_bytes(t->room));
    t->point = point;
    t->room = room;
    return KB_OK;
}

static void halve(struct kb_timeline *t) {
    t->moments /= 2;
    for (uint32_t i = 1; i < t->moments; i++) {
        t->moment[i] = t->moment[2 * i];
        memcpy(t->point + (size_t)i * t->room, t->point + (size_t)2 * i * t->room,
               t->room * sizeof *t->point);
    }
    t->step *= 2;
}

kb_status kb_timeline_sample(struct kb_timeline *t, const struct kb_os *os) {
    uint64_t now = os->counters.references;
    kb_status status = make_room(t, os);
    if (status != KB_OK)
        return status;
    if (t->moments > 0 && t->moment[t->moments - 1].at == now)
        t->moments--; /* the later one of the same time counts */
    if (t->moments == KB_TIMELINE_SAMPLES)
        halve(t);
    t->moment[t->moments] =
        (struct kb_timeline_moment){.at = now,
                                    .free = kb_os_free_frames(os),
                                    .tlb_misses = os->mmu.misses,
                                    .table_reads = os->mmu.table_reads,
                                    .disk_transfers = os->counters.disk_transfers,
                                    .switches = os->counters.switches};
    struct kb_timeline_point *row = t->point + (size_t)t->moments++ * t->room;
    memset(row, 0, t->room * sizeof *row);
    for (uint32_t i = 0; i < os->process_count; i++) {
        const struct kb_process *p = os->process[i];
        row[i] = (struct kb_timeline_point){p->resident, p->counters.faults, p->counters.evictions,
                                            p->counters.write_backs};
    }
    t->next = (now / t->step + 1) * t->step;
    return KB_OK;
}

kb_status kb_timeline_begin(struct kb_timeline *t, const struct kb_os *os,
                            const struct kb_process *process) {
    kb_status status = make_room(t, os);
    if (status == KB_OK)
        t->life[process->number] =
            (struct kb_timeline_life){.begin = os->counters.references, .begun = true};
    return status;
}

void kb_timeline_end(struct kb_timeline *t, const struct kb_os *os,
                     const struct kb_process *process) {
    t->life[process->number].end = os->counters.references;
    t->life[process->number].ended = true;
}

void kb_timeline_ran(struct kb_timeline *t, const struct kb_process *process, uint64_t from,
                     uint64_t to) {
    struct kb_timeline_span *last = t->spans > 0 ? &t->span[t->spans - 1] : NULL;
    if (from == to)
        return;
    if (last != NULL && !t->full && last->process == process->number && last->to == from) {
        last->to = to;
        return;
    }
    if (t->spans == KB_TIMELINE_SPANS) {
        t->spans_until = t->full ? t->spans_until : from;
        t->full = true;
        return;
    }
    t->span[t->spans++] = (struct kb_timeline_span){from, to, process->number};
}

/* ---- JSON ---- */

static bool lives(const struct kb_timeline *t, uint32_t process, uint64_t at) {
    const struct kb_timeline_life *life = &t->life[process];
    return at >= life->begin && (!life->ended || at <= life->end);
}

enum column { AT, RESIDENT, FAULTS, EVICTIONS, WRITE_BACKS, COLUMNS };

static uint64_t value(const struct kb_timeline *t, uint32_t i, uint32_t process,
                      enum column column) {
    const struct kb_timeline_point *point = &t->point[(size_t)i * t->room + process];
    const uint64_t values[COLUMNS] = {t->moment[i].at, point->resident, point->faults,
                                      point->evictions, point->write_backs};
    return values[column];
}

static void json_samples(const struct kb_timeline *t, uint32_t process, struct kb_json *json) {
    static const char *const names[COLUMNS] = {"at", "resident", "faults", "evictions",
                                               "write_backs"};
    kb_json_newline(json);
    kb_json_object(json, "samples");
    for (enum column column = AT; column < COLUMNS; column++) {
        kb_json_array(json, names[column]);
        for (uint32_t i = 0; i < t->moments; i++)
            if (lives(t, process, t->moment[i].at))
                kb_json_u64(json, NULL, value(t, i, process, column));
        kb_json_close_array(json);
    }
    kb_json_close_object(json);
}

static void json_spans(const struct kb_timeline *t, uint32_t process, struct kb_json *json) {
    kb_json_newline(json);
    kb_json_array(json, "spans");
    for (uint32_t i = 0; i < t->spans; i++) {
        if (t->span[i].process != process)
            continue;
        kb_json_array(json, NULL);
        kb_json_string(json, NULL, "running");
        kb_json_u64(json, NULL, t->span[i].from);
        kb_json_u64(json, NULL, t->span[i].to);
        kb_json_close_array(json);
    }
    kb_json_close_array(json);
}

static void json_process(const struct kb_timeline *t, const struct kb_process *process,
                         struct kb_json *json) {
    const struct kb_process_counters *c = &process->counters;
    const struct kb_timeline_life *life = &t->life[process->number];
    kb_json_newline(json);
    kb_json_object(json, NULL);
    kb_json_string(json, "name", process->name);
    kb_json_u64(json, "begin", life->begin);
    if (life->ended)
        kb_json_u64(json, "end", life->end);
    else
        kb_json_null(json, "end");
    kb_json_object(json, "totals");
    kb_json_u64(json, "references", c->references);
    kb_json_u64(json, "faults", c->faults);
    kb_json_u64(json, "evictions", c->evictions);
    kb_json_u64(json, "write_backs", c->write_backs);
    kb_json_close_object(json);
    json_spans(t, process->number, json);
    json_samples(t, process->number, json);
    kb_json_close_object(json);
}

static void json_machine(const struct kb_timeline *t, const struct kb_os *os,
                         struct kb_json *json) {
    static const char *const names[] = {"at",          "free",           "tlb_misses",
                                        "table_reads", "disk_transfers", "switches"};
    kb_json_newline(json);
    kb_json_object(json, "machine");
    kb_json_u64(json, "frames", os->setup.frames);
    kb_json_newline(json);
    kb_json_object(json, "samples");
    for (unsigned column = 0; column < sizeof names / sizeof names[0]; column++) {
        kb_json_array(json, names[column]);
        for (uint32_t i = 0; i < t->moments; i++) {
            const struct kb_timeline_moment *m = &t->moment[i];
            const uint64_t values[] = {m->at,          m->free,           m->tlb_misses,
                                       m->table_reads, m->disk_transfers, m->switches};
            kb_json_u64(json, NULL, values[column]);
        }
        kb_json_close_array(json);
    }
    kb_json_close_object(json);
    kb_json_close_object(json);
}

void kb_timeline_json(const struct kb_timeline *t, const struct kb_os *os, struct kb_json *json) {
    kb_json_object(json, NULL);
    kb_json_object(json, "timeline");
    kb_json_u64(json, "version", KB_TIMELINE_VERSION);
    kb_json_string(json, "unit", "references");
    kb_json_u64(json, "step", t->step);
    kb_json_u64(json, "end", os->counters.references);
    if (t->full)
        kb_json_u64(json, "spans_until", t->spans_until);
    else
        kb_json_null(json, "spans_until");
    kb_json_newline(json);
    kb_json_array(json, "processes");
    for (uint32_t i = 0; i < os->process_count && i < t->room; i++)
        if (t->life[i].begun)
            json_process(t, os->process[i], json);
    kb_json_close_array(json);
    json_machine(t, os, json);
    kb_json_close_object(json);
    kb_json_close_object(json);
}
