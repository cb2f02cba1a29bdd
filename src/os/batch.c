/* batch.c - the long-term scheduler, and what its jobs do. */
#include "os/batch.h"

#include "base/units.h"
#include "os/os.h"

#define STEP 4096 /* bytes between two words that a job uses, where pages are no smaller */
#define WORD 8

/* ---- the parts of a job ---- */

static bool has_segments(const struct kb_os *os) {
    return os->storage != NULL ? !kb_storage_of_programs(os) : kb_os_segmented(os);
}

/* Code, data, stack: a half and two quarters. Very small jobs are one segment. */
static unsigned parts_of(const struct kb_os *os, const struct kb_batch_job *job,
                         uint64_t length[KB_BATCH_PARTS]) {
    length[0] = job->size;
    if (!has_segments(os) || job->size < 4)
        return 1;
    length[0] = job->size / 2;
    length[1] = job->size / 4;
    length[2] = job->size - length[0] - length[1];
    return KB_BATCH_PARTS;
}

static uint64_t working_of(const struct kb_batch_job *job) {
    return job->working == 0 || job->working > job->size ? job->size : job->working;
}

static uint64_t pages_up(const struct kb_os *os, uint64_t bytes) {
    uint64_t page = kb_os_page_bytes(os);
    return (bytes + page - 1) / page * page;
}

/* Bytes of memory for its working part; for all of it where a job comes as a whole. */
static uint64_t need_of(const struct kb_os *os, const struct kb_batch_job *job) {
    uint64_t length[KB_BATCH_PARTS], left = os->setup.load_all ? job->size : working_of(job),
                                     sum = 0;
    unsigned parts = parts_of(os, job, length);
    for (unsigned i = 0; i < parts && left > 0; i++) {
        uint64_t used = left < length[i] ? left : length[i];
        sum += os->storage != NULL ? length[i] : pages_up(os, used);
        left -= used;
    }
    return sum;
}

/* Far enough from each other that no two parts have a word in common. */
static uint64_t seed_of(const struct kb_batch_job *job, unsigned part) {
    return job->seed + ((uint64_t)part << 36);
}

static uint64_t step_of(const struct kb_os *os) {
    return os->storage == NULL && kb_os_page_bytes(os) < STEP ? kb_os_page_bytes(os) : STEP;
}

uint64_t kb_batch_references(const struct kb_batch *batch) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct kb_batch_job *job = &batch->job[i];
        uint64_t steps = working_of(job) / step_of(batch->os) + KB_BATCH_PARTS, all;
        if (job->arrives > UINT64_MAX / 4 || !kb_multiply(steps * 2, job->time, &all) ||
            !kb_add(sum, all, &sum))
            return UINT64_MAX;
    }
    return sum;
}

/* ---- where a job can ever be ---- */

static uint64_t capacity_of(const struct kb_os *os) {
    if (os->storage != NULL)
        return os->storage->setup.bytes - os->storage->setup.system;
    return (uint64_t)os->setup.frames * kb_os_page_bytes(os);
}

/* The smallest partition that holds the job, from 1; 0: none. */
static uint64_t smallest_partition(const struct kb_storage_setup *setup, uint64_t size) {
    uint64_t best = 0;
    for (unsigned i = 0; i < setup->partitions; i++)
        if (setup->partition[i] >= size &&
            (best == 0 || setup->partition[i] < setup->partition[best - 1]))
            best = i + 1;
    return best;
}

/* The partition that the job was made for, and waits for; 0: none. */
static uint64_t queue_of(const struct kb_os *os, const struct kb_batch_job *job) {
    if (os->storage == NULL || os->storage->setup.organisation != KB_FIXED_ABSOLUTE)
        return 0;
    return job->partition != 0 ? job->partition
                               : smallest_partition(&os->storage->setup, job->size);
}

static bool fits_partitions(const struct kb_os *os, const struct kb_batch_job *job) {
    const struct kb_storage_setup *setup = &os->storage->setup;
    if (setup->organisation != KB_FIXED_ABSOLUTE)
        return smallest_partition(setup, job->size) != 0;
    uint64_t partition = queue_of(os, job);
    return partition >= 1 && partition <= setup->partitions &&
           setup->partition[partition - 1] >= job->size;
}

static bool can_ever_be(const struct kb_os *os, const struct kb_batch_job *job) {
    uint64_t length[KB_BATCH_PARTS], most;
    unsigned parts = parts_of(os, job, length);
    if (os->storage != NULL && os->storage->setup.partitions > 0)
        return fits_partitions(os, job);
    if (os->storage != NULL) {
        most = capacity_of(os);
        if (has_segments(os) && kb_os_page_bytes(os) < most)
            most = kb_os_page_bytes(os);
    } else {
        most = kb_os_segmented(os) ? kb_os_segment_bytes(os) : kb_os_user_end(os);
    }
    for (unsigned i = 0; i < parts; i++)
        if (length[i] > most)
            return false;
    return true;
}

/* ---- coming and going ---- */

static void tell(const struct kb_batch *batch, const struct kb_batch_job *job, const char *what) {
    if (kb_os_heard(batch->os))
        kb_os_tell(batch->os, (struct kb_os_event){.kind = KB_OS_EVENT_JOB,
                                                   .process = job->process,
                                                   .count = batch->now,
                                                   .slots = job->size,
                                                   .text = what});
}

static kb_status begin_part(struct kb_os *os, const struct kb_batch_job *job, unsigned part,
                            uint64_t length, bool *refused) {
    static const char *const names[] = {"code", "data", "stack"};
    struct kb_placement_wish wish = {KB_ANYWHERE, queue_of(os, job)};
    struct kb_region region = {.rights = KB_ENTRY_READ | KB_ENTRY_WRITE | KB_ENTRY_EXECUTE,
                               .has_image = true,
                               .image = {.seed = seed_of(job, part)}};
    const char *name = has_segments(os) ? names[part] : "program";
    memcpy(region.name, name, strlen(name) + 1);
    if (os->setup.write_xor_execute)
        region.rights = KB_ENTRY_READ | KB_ENTRY_WRITE;
    if (os->storage != NULL && kb_storage_of_programs(os))
        region.rights = KB_ENTRY_RIGHTS; /* these organisations know no others */
    if (kb_os_segmented(os))
        region.start = job->process->segments * kb_os_segment_bytes(os);
    region.end = region.start + length;
    if (os->storage != NULL)
        return kb_storage_begin_segment(os, job->process, &region, KB_NO_AREA, wish, refused);
    kb_status status = kb_os_region(os, job->process, &region, refused);
    job->process->segments += status == KB_OK && !*refused && kb_os_segmented(os);
    return status;
}

/* What has begun of the job ends; it waits on. */
static kb_status undo(struct kb_os *os, struct kb_process *process) {
    kb_status status = KB_OK;
    if (os->storage != NULL) {
        kb_storage_end_all(os, process);
        return KB_OK;
    }
    while (process->region_count > 0 && status == KB_OK) {
        const struct kb_region *last = &process->regions[process->region_count - 1];
        status = kb_os_unmap(os, process, last->start, pages_up(os, last->end));
    }
    process->segments = 0;
    return status;
}

/* Whether it may be tried: with contiguous programs finding room is the trial. */
static bool may_try(const struct kb_batch *batch, const struct kb_batch_job *job) {
    const struct kb_os *os = batch->os;
    if (os->storage != NULL && kb_storage_of_programs(os))
        return true;
    return batch->in == 0 ||
           (batch->need <= capacity_of(os) && need_of(os, job) <= capacity_of(os) - batch->need);
}

static kb_status admit(struct kb_batch *batch, struct kb_batch_job *job, bool *in) {
    uint64_t length[KB_BATCH_PARTS];
    unsigned parts = parts_of(batch->os, job, length);
    kb_status status = KB_OK;
    bool refused = false;
    *in = false;
    if (!may_try(batch, job))
        return KB_OK;
    for (unsigned i = 0; i < parts && status == KB_OK && !refused; i++)
        status = begin_part(batch->os, job, i, length[i], &refused);
    if (status != KB_OK)
        return status;
    if (refused)
        return undo(batch->os, job->process);
    *in = true;
    job->state = KB_BATCH_IN;
    job->need = need_of(batch->os, job);
    job->starts = batch->now;
    job->ends = batch->now + job->time;
    batch->need += job->need;
    batch->in++;
    tell(batch, job, "starts");
    return KB_OK;
}

static void refuse(struct kb_batch *batch, struct kb_batch_job *job) {
    tell(batch, job, "refused");
    job->state = KB_BATCH_REFUSED;
    batch->refused++;
    kb_os_exit(batch->os, job->process, KB_REASON_NO_ROOM, 0);
}

static uint64_t free_bytes(const struct kb_os *os) {
    return os->storage != NULL ? kb_storage_free_bytes(os)
                               : (uint64_t)kb_os_free_frames(os) * kb_os_page_bytes(os);
}

/* A job in memory stands in the way of those of this queue. */
static bool is_in_the_way(const struct kb_batch *batch, uint64_t queue) {
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->job[i].state == KB_BATCH_IN && queue_of(batch->os, &batch->job[i]) == queue)
            return true;
    return false;
}

/* The first of its queue does not go in. */
static void keep_waiting(struct kb_batch *batch, struct kb_batch_job *job) {
    if (!is_in_the_way(batch, queue_of(batch->os, job))) {
        refuse(batch, job);
        return;
    }
    if (job->state == KB_BATCH_COMING)
        tell(batch, job, "waits");
    job->state = KB_BATCH_WAITS;
    job->first = true;
}

static kb_status consider(struct kb_batch *batch, struct kb_batch_job *job, bool *closed) {
    kb_status status = KB_OK;
    bool in = false;
    if (job->process == NULL)
        status = kb_os_create(batch->os, job->name, &job->process);
    if (status == KB_OK && !can_ever_be(batch->os, job)) {
        refuse(batch, job);
        return KB_OK;
    }
    if (*closed) { /* somebody is before it */
        if (status == KB_OK && job->state == KB_BATCH_COMING)
            tell(batch, job, "waits");
        job->state = KB_BATCH_WAITS;
        job->first = false;
        return status;
    }
    if (status == KB_OK)
        status = admit(batch, job, &in);
    if (status == KB_OK && !in)
        keep_waiting(batch, job);
    *closed = job->state == KB_BATCH_WAITS;
    return status;
}

static kb_status admit_all(struct kb_batch *batch) {
    bool closed[KB_MOST_PARTITIONS + 1] = {false};
    kb_status status = KB_OK;
    for (uint32_t i = 0; i < batch->count && status == KB_OK; i++) {
        struct kb_batch_job *job = &batch->job[batch->order[i]];
        if (job->arrives > batch->now)
            break;
        uint64_t queue = queue_of(batch->os, job);
        if (job->state == KB_BATCH_COMING || job->state == KB_BATCH_WAITS)
            status = consider(batch, job, &closed[queue <= KB_MOST_PARTITIONS ? queue : 0]);
    }
    return status;
}

/* ---- what a job does ---- */

/* Whether the word at a place is stored to: every second one, if it is whole. */
static bool is_stored(const struct kb_os *os, uint64_t at, uint64_t left) {
    return left >= WORD && at / step_of(os) % 2 == 0;
}

/* The word at a place after so many units; before the first one it is the pattern's. */
static void word_at(const struct kb_os *os, const struct kb_batch_job *job, unsigned part,
                    uint64_t at, uint64_t left, uint64_t done, uint8_t *word) {
    uint64_t seed = seed_of(job, part);
    if (is_stored(os, at, left))
        seed ^= done * UINT64_C(0x9E3779B97F4A7C15);
    for (unsigned i = 0; i < WORD && i < left; i++)
        word[i] = kb_image_byte(seed, at + i);
}

static kb_status killed(const struct kb_os *os, const struct kb_process *process) {
    return kb_fail(os->error, KB_DATA, KB_MSG_job_killed, process->name,
                   (unsigned long long)process->counters.references + 1,
                   (unsigned long long)process->fault_address,
                   kb_text(os->error->language, kb_reason_cause(process->reason)));
}

/* One instruction; who is blocked by it waits for its page, and makes it again. */
static kb_status use(struct kb_os *os, struct kb_process *process, uint64_t address, uint8_t *bytes,
                     uint64_t length, bool store) {
    for (;;) {
        bool done;
        kb_os_switch(os, process);
        kb_status status = store ? kb_os_store(os, address, bytes, (uint32_t)length, &done)
                                 : kb_os_load(os, address, bytes, (uint32_t)length, &done);
        if (status != KB_OK || done)
            return status;
        if (process->state != KB_BLOCKED)
            return killed(os, process);
        while (process->state == KB_BLOCKED && kb_os_idle(os))
            ;
    }
}

static kb_status check(struct kb_batch *batch, const struct kb_batch_job *job, unsigned part,
                       uint64_t at, const uint8_t *found, const uint8_t *wanted, uint64_t length) {
    for (uint64_t i = 0; i < length; i++)
        if (found[i] != wanted[i])
            return kb_fail(batch->os->error, KB_DATA, KB_MSG_batch_byte, job->name, part,
                           (unsigned long long)(at + i), (unsigned)wanted[i], (unsigned)found[i]);
    return KB_OK;
}

/* The words of one part's first `used` bytes, in unit `done` of the job. */
static kb_status use_part(struct kb_batch *batch, struct kb_batch_job *job, unsigned part,
                          uint64_t used, uint64_t done) {
    uint64_t step = step_of(batch->os);
    kb_status status = KB_OK;
    for (uint64_t at = 0; at < used && status == KB_OK; at += step) {
        uint8_t wanted[WORD], found[WORD];
        uint64_t left = used - at, length = left < WORD ? left : WORD;
        uint64_t address = job->process->regions[part].start + at;
        word_at(batch->os, job, part, at, left, done, wanted);
        status = use(batch->os, job->process, address, found, length, false);
        if (status == KB_OK)
            status = check(batch, job, part, at, found, wanted, length);
        if (status != KB_OK || !is_stored(batch->os, at, left))
            continue;
        word_at(batch->os, job, part, at, left, done + 1, wanted);
        /* an absolute program's address follows its place, which the load may have changed */
        address = job->process->regions[part].start + at;
        status = use(batch->os, job->process, address, wanted, WORD, true);
    }
    return status;
}

/* Every byte of one part's first `used` bytes. */
static kb_status verify_part(struct kb_batch *batch, const struct kb_batch_job *job, unsigned part,
                             uint64_t used) {
    uint8_t wanted[STEP], found[STEP];
    uint64_t step = step_of(batch->os);
    kb_status status = KB_OK;
    for (uint64_t at = 0; at < used && status == KB_OK; at += step) {
        uint64_t left = used - at, length = left < step ? left : step;
        for (uint64_t i = 0; i < length; i++)
            wanted[i] = kb_image_byte(seed_of(job, part), at + i);
        word_at(batch->os, job, part, at, left, job->time, wanted);
        status = use(batch->os, job->process, job->process->regions[part].start + at, found, length,
                     false);
        if (status == KB_OK)
            status = check(batch, job, part, at, found, wanted, length);
    }
    return status;
}

/* One unit of a job, or with `last` the check of its bytes. */
static kb_status run_job(struct kb_batch *batch, struct kb_batch_job *job, bool last) {
    uint64_t length[KB_BATCH_PARTS], left = working_of(job);
    unsigned parts = parts_of(batch->os, job, length);
    struct kb_listener listener = batch->os->listener;
    kb_status status = KB_OK;
    batch->os->listener = (struct kb_listener){NULL, NULL};
    for (unsigned i = 0; i < parts && status == KB_OK && left > 0; i++) {
        uint64_t used = left < length[i] ? left : length[i];
        status = last ? verify_part(batch, job, i, used)
                      : use_part(batch, job, i, used, batch->now - job->starts);
        left -= used;
    }
    batch->os->listener = listener;
    return status;
}

static kb_status leave(struct kb_batch *batch, struct kb_batch_job *job) {
    kb_status status = run_job(batch, job, true);
    if (status != KB_OK)
        return status;
    tell(batch, job, "ends");
    job->state = KB_BATCH_DONE;
    batch->in--;
    batch->need -= job->need;
    batch->done++;
    batch->makespan = batch->now;
    kb_os_exit(batch->os, job->process, KB_REASON_DONE, 0);
    return KB_OK;
}

/* ---- measures ---- */

static struct kb_batch_moment measure(const struct kb_batch *batch) {
    const struct kb_os *os = batch->os;
    struct kb_batch_moment m = {.jobs = batch->in, .free = free_bytes(os)};
    struct kb_hole hole = {0};
    m.largest = os->storage != NULL ? kb_storage_largest(os) : m.free;
    while (os->storage != NULL && kb_storage_next_hole(os, hole.start + hole.length, &hole))
        m.holes++;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct kb_batch_job *job = &batch->job[i];
        if (job->state != KB_BATCH_IN)
            continue;
        m.used += job->size;
        m.internal += os->storage != NULL ? kb_storage_waste(os, job->process)
                                          : kb_process_waste(job->process, kb_os_page_bytes(os));
    }
    return m;
}

static void note_unit(struct kb_batch *batch) {
    struct kb_batch_moment m = measure(batch);
    if (batch->degree_time == 0)
        batch->first = m;
    batch->degree_time += batch->in;
    batch->degree_most = batch->in > batch->degree_most ? batch->in : batch->degree_most;
    batch->internal_most = m.internal > batch->internal_most ? m.internal : batch->internal_most;
    uint64_t taken = capacity_of(batch->os) - m.free, used = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->job[i].state == KB_BATCH_IN)
            used += working_of(&batch->job[i]);
        else if (batch->job[i].state == KB_BATCH_WAITS && batch->job[i].first &&
                 m.free >= need_of(batch->os, &batch->job[i]) && m.free > batch->stranded_most)
            batch->stranded_most = m.free;
    batch->resident_time += taken;
    batch->used_time += used < taken ? used : taken; /* a job alone may use more than there is */
}

double kb_batch_degree(const struct kb_batch *batch) {
    return batch->makespan == 0 ? 0 : (double)batch->degree_time / (double)batch->makespan;
}

double kb_batch_utilisation(const struct kb_batch *batch) {
    return batch->resident_time == 0 ? 0 : (double)batch->used_time / (double)batch->resident_time;
}

/* ---- the whole ---- */

/* One unit: who is in memory runs, and leaves if it was the last one of its time. */
static kb_status run_unit(struct kb_batch *batch, bool *changed) {
    kb_status status = KB_OK;
    for (uint32_t i = 0; i < batch->count && status == KB_OK; i++)
        if (batch->job[batch->order[i]].state == KB_BATCH_IN)
            status = run_job(batch, &batch->job[batch->order[i]], false);
    if (status != KB_OK)
        return status;
    note_unit(batch);
    batch->now++;
    *changed = false;
    for (uint32_t i = 0; i < batch->count && status == KB_OK; i++) {
        struct kb_batch_job *job = &batch->job[batch->order[i]];
        if (job->state == KB_BATCH_IN && job->ends == batch->now) {
            status = leave(batch, job);
            *changed = true;
        }
        *changed = *changed || job->arrives == batch->now;
    }
    return status;
}

/* The next arrival; false: nobody comes any more. */
static bool next_arrival(const struct kb_batch *batch, uint64_t *when) {
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct kb_batch_job *job = &batch->job[batch->order[i]];
        *when = job->arrives;
        if (job->state == KB_BATCH_COMING)
            return true;
    }
    return false;
}

static kb_status run_all(struct kb_batch *batch) {
    bool changed = true;
    uint64_t next;
    for (;;) {
        kb_status status = changed ? admit_all(batch) : KB_OK;
        if (status == KB_OK && batch->in > 0)
            status = run_unit(batch, &changed);
        else if (status == KB_OK && next_arrival(batch, &next))
            batch->now = next;
        else
            return status; /* nobody waits: who is alone was let in or refused */
        if (status != KB_OK)
            return status;
        changed = changed || batch->in == 0;
    }
}

/* By arrival, and in the order of the list: merging runs of 1, 2, 4 … */
static void sort(const struct kb_batch *batch, uint32_t *order, uint32_t *other) {
    uint32_t count = batch->count;
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * width) {
            uint32_t middle = from + width < count ? from + width : count;
            uint32_t end = middle + width < count ? middle + width : count;
            uint32_t left = from, right = middle;
            for (uint32_t i = from; i < end; i++) {
                bool take_left =
                    right == end || (left < middle && batch->job[order[left]].arrives <=
                                                          batch->job[order[right]].arrives);
                other[i] = take_left ? order[left++] : order[right++];
            }
        }
        memcpy(order, other, count * sizeof *order);
    }
}

static void begin(struct kb_batch *batch) {
    batch->now = batch->in = batch->need = batch->makespan = batch->done = batch->refused = 0;
    batch->degree_most = batch->degree_time = batch->internal_most = batch->stranded_most = 0;
    batch->used_time = batch->resident_time = 0;
    batch->first = (struct kb_batch_moment){0};
    for (uint32_t i = 0; i < batch->count; i++) {
        struct kb_batch_job *job = &batch->job[i];
        job->state = KB_BATCH_COMING;
        job->starts = job->ends = job->need = 0;
        job->process = NULL;
        job->seed = (uint64_t)(i + 1) << 40;
        batch->order[i] = i;
    }
}

kb_status kb_batch_run(struct kb_batch *batch) {
    struct kb_os *os = batch->os;
    size_t bytes = batch->count * sizeof *batch->order;
    if (kb_batch_references(batch) > batch->most_references)
        return kb_fail(os->error, KB_DATA, KB_MSG_batch_too_long,
                       (unsigned long long)batch->most_references);
    if (os->storage == NULL && !kb_os_paged(os))
        return kb_fail(os->error, KB_DATA, KB_MSG_batch_relocation);
    batch->order = kb_take(os->host, 2 * bytes);
    if (batch->order == NULL)
        return kb_fail(os->error, KB_NO_MEMORY, KB_MSG_no_memory, "jobs",
                       (unsigned long long)(2 * bytes));
    begin(batch);
    sort(batch, batch->order, batch->order + batch->count);
    kb_status status = run_all(batch);
    kb_give_back(os->host, batch->order, 2 * bytes);
    batch->order = NULL;
    return status;
}
