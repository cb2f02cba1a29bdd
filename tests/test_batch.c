/* test_batch.c - the job queue on contiguous organisations against a tiny model of admission:
 * random lists of jobs, and every start and end is the same. On organisations with pages and
 * segments: everybody comes, nobody is in memory twice, and the sums agree (L01-L04, L11).
 *
 *   test_batch [SEED]     one list on all organisations */
#include <stdlib.h>

#include "harness.h"
#include "machine.h"
#include "os/batch.h"

#define LISTS 300
#define JOBS 24
#define KIB 1024
#define MEMORY 64 /* KiB, of them the system's: */
#define SYSTEM 8
#define PAGED_SEGMENTATION KB_ORGANISATIONS

static const uint64_t partition[] = {8, 16, 32};
static struct kb_error error = {.language = KB_ENGLISH};
static uint64_t state;

static uint64_t below(uint64_t n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % n;
}

/* ---- the model: a byte map of KiB, by the definitions alone ---- */

struct model {
    enum kb_organisation organisation;
    bool moves;
    uint8_t map[MEMORY]; /* job + 1 */
    unsigned at[JOBS], length[JOBS];
    uint64_t starts[JOBS], ends[JOBS];
    enum kb_batch_state state[JOBS];
};

static unsigned kib(const struct kb_batch_job *job) { return (unsigned)(job->size / KIB); }

/* The partition of a job of its own, or −1. */
static int own_partition(const struct kb_batch_job *job) {
    if (job->partition != 0)
        return job->partition <= 3 && partition[job->partition - 1] >= kib(job)
                   ? (int)job->partition - 1
                   : -1;
    for (int i = 0; i < 3; i++) /* they rise */
        if (partition[i] >= kib(job))
            return i;
    return -1;
}

static bool fits_ever(const struct model *m, const struct kb_batch_job *job) {
    if (m->organisation == KB_FIXED_ABSOLUTE)
        return own_partition(job) >= 0;
    return kib(job) <= (m->organisation == KB_FIXED_RELOCATABLE ? 32 : MEMORY - SYSTEM);
}

static bool is_free(const struct model *m, unsigned at, unsigned length) {
    for (unsigned i = at; i < at + length; i++)
        if (i >= MEMORY || m->map[i] != 0)
            return false;
    return true;
}

static void put(struct model *m, unsigned job, unsigned at, unsigned length, uint8_t value) {
    m->at[job] = at;
    m->length[job] = length;
    memset(m->map + at, value, length);
}

static void compact(struct model *m) {
    uint8_t map[MEMORY] = {0};
    unsigned to = SYSTEM;
    for (unsigned i = SYSTEM; i < MEMORY; i++) {
        if (m->map[i] == 0)
            continue;
        if (i == m->at[m->map[i] - 1])
            m->at[m->map[i] - 1] = to;
        map[to++] = m->map[i];
    }
    memcpy(m->map, map, sizeof map);
}

static bool place(struct model *m, unsigned job, const struct kb_batch_job *request) {
    unsigned start = SYSTEM, length = kib(request), sum = 0;
    bool fixed = m->organisation == KB_FIXED_ABSOLUTE || m->organisation == KB_FIXED_RELOCATABLE;
    for (int i = 0; fixed && i < 3; start += (unsigned)partition[i++]) {
        if (m->organisation == KB_FIXED_ABSOLUTE ? own_partition(request) != i
                                                 : partition[i] < length)
            continue;
        if (is_free(m, start, (unsigned)partition[i])) {
            put(m, job, start, (unsigned)partition[i], (uint8_t)(job + 1));
            return true;
        }
    }
    if (fixed)
        return false;
    if (m->organisation == KB_SINGLE_USER && !is_free(m, SYSTEM, MEMORY - SYSTEM))
        return false;
    for (unsigned at = SYSTEM; at < MEMORY; at++)
        if (is_free(m, at, length)) { /* the first fit */
            put(m, job, at, length, (uint8_t)(job + 1));
            return true;
        }
    for (unsigned i = SYSTEM; i < MEMORY; i++)
        sum += m->map[i] == 0;
    if (sum < length || !m->moves)
        return false;
    compact(m);
    return place(m, job, request);
}

/* Unit by unit, and in each of them first come, first served. */
static void run_model(struct model *m, const struct kb_batch_job *job, unsigned count) {
    unsigned left = count;
    for (uint64_t now = 0; left > 0; now++) {
        bool closed[4] = {false};
        for (unsigned i = 0; i < count; i++)
            if (m->state[i] == KB_BATCH_IN && m->ends[i] == now) {
                m->state[i] = KB_BATCH_DONE;
                put(m, i, m->at[i], m->length[i], 0);
                left--;
            }
        for (uint64_t arrival = 0; arrival <= now; arrival++)
            for (unsigned i = 0; i < count; i++) {
                int queue = m->organisation == KB_FIXED_ABSOLUTE ? own_partition(&job[i]) + 1 : 0;
                if (job[i].arrives != arrival || m->state[i] != KB_BATCH_COMING)
                    continue;
                if (!fits_ever(m, &job[i])) {
                    m->state[i] = KB_BATCH_REFUSED;
                    left--;
                } else if (!closed[queue] && place(m, i, &job[i])) {
                    m->state[i] = KB_BATCH_IN;
                    m->starts[i] = now;
                    m->ends[i] = now + job[i].time;
                } else {
                    closed[queue] = true;
                }
            }
    }
}

/* ---- the machine ---- */

static void make_list(struct kb_batch_job *job, unsigned *count) {
    *count = 1 + (unsigned)below(JOBS);
    for (unsigned i = 0; i < *count; i++) {
        uint64_t most = below(4) == 0 ? 60 : 24;
        job[i] = (struct kb_batch_job){.size = (1 + below(most)) * KIB,
                                       .time = 1 + below(6),
                                       .arrives = below(2) == 0 ? 0 : below(20),
                                       .partition = below(2) == 0 ? 0 : 1 + below(4)};
        job[i].working = below(2) == 0 ? 0 : 1 + below(job[i].size);
        snprintf(job[i].name, sizeof job[i].name, "j%u", i);
    }
}

static struct machine_wish wish_of(enum kb_organisation organisation, bool moves) {
    struct machine_wish wish = {.levels = 2, .frames = (MEMORY - SYSTEM) / 4};
    if (organisation == PAGED_SEGMENTATION)
        wish.format = "segments";
    if (organisation == KB_PAGED || organisation == PAGED_SEGMENTATION)
        return wish;
    wish.storage = (struct kb_storage_setup){.organisation = organisation,
                                             .bytes = MEMORY * KIB,
                                             .system = SYSTEM * KIB,
                                             .stays = !moves};
    if (organisation == KB_FIXED_RELOCATABLE)
        wish.storage.fit = KB_FIT_BEST;
    if (organisation == KB_FIXED_ABSOLUTE || organisation == KB_FIXED_RELOCATABLE)
        for (unsigned i = 0; i < 3; i++)
            wish.storage.partition[wish.storage.partitions++] = partition[i] * KIB;
    return wish;
}

static void check_sums(const struct kb_batch *batch) {
    uint64_t time = 0, last = 0, done = 0, refused = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct kb_batch_job *job = &batch->job[i];
        done += job->state == KB_BATCH_DONE;
        refused += job->state == KB_BATCH_REFUSED;
        if (job->state != KB_BATCH_DONE)
            continue;
        CHECK(job->starts >= job->arrives);
        CHECK_EQ(job->ends, job->starts + job->time);
        time += job->time;
        last = job->ends > last ? job->ends : last;
    }
    CHECK_EQ(done + refused, batch->count);
    CHECK_EQ(batch->done, done);
    CHECK_EQ(batch->refused, refused);
    CHECK_EQ(batch->makespan, last);
    CHECK_EQ(batch->degree_time, time);
    CHECK(batch->used_time <= batch->resident_time);
}

static void run_list(enum kb_organisation organisation, bool moves, struct kb_batch_job *job,
                     unsigned count) {
    static struct model m;
    struct machine_wish wish = wish_of(organisation, moves);
    struct kb_os os;
    struct kb_batch batch = {.os = &os, .job = job, .count = count, .most_references = UINT64_MAX};
    m = (struct model){.organisation = organisation, .moves = moves};
    CHECK(machine_make(&os, &wish, NULL, &error) == KB_OK);
    kb_status status = kb_batch_run(&batch);
    CHECK(status == KB_OK);
    if (status != KB_OK)
        printf("organisation %d: %s\n", (int)organisation, error.text);
    check_sums(&batch);
    const char *broken = kb_os_check(&os);
    CHECK_STR(broken == NULL ? "" : broken, "");
    if (os.storage == NULL)
        CHECK_EQ(kb_os_free_frames(&os), (MEMORY - SYSTEM) / 4);
    else
        CHECK_EQ(kb_storage_free_bytes(&os), (MEMORY - SYSTEM) * KIB);
    if (os.storage != NULL && organisation != KB_SEGMENTATION) {
        run_model(&m, job, count);
        for (unsigned i = 0; i < count; i++) {
            CHECK_EQ(job[i].state, m.state[i]);
            CHECK_EQ(job[i].starts, m.starts[i]);
            CHECK_EQ(job[i].ends, m.ends[i]);
        }
    } else {
        CHECK_EQ(batch.refused, 0); /* all are smaller than the addresses that there are */
    }
    kb_os_free(&os);
}

static void run_seed(uint64_t seed) {
    static struct kb_batch_job job[JOBS];
    unsigned count, before = harness_failures;
    state = seed * UINT64_C(0x9E3779B97F4A7C15);
    make_list(job, &count);
    for (unsigned i = KB_PAGED; i <= PAGED_SEGMENTATION; i++)
        run_list((enum kb_organisation)i, true, job, count);
    run_list(KB_VARIABLE, false, job, count);
    if (harness_failures > before)
        printf("seed %" PRIu64 "\n", seed);
}

/* A byte that is not what it must be does not go unnoticed. */
static struct kb_os watched;

static void spoil(void *context, const struct kb_os_event *event) {
    (void)context;
    if (event->kind == KB_OS_EVENT_JOB && strcmp(event->text, "starts") == 0)
        memset(watched.mmu.memory.bytes + SYSTEM * KIB, 0x5A, 64);
}

static void notices_wrong_bytes(void) {
    struct machine_wish wish = wish_of(KB_VARIABLE, true);
    struct kb_batch_job job = {.name = "j", .size = 6 * KIB, .time = 2};
    struct kb_batch batch = {.os = &watched, .job = &job, .count = 1, .most_references = 1000};
    CHECK(machine_make(&watched, &wish, NULL, &error) == KB_OK);
    watched.listener.hear = spoil;
    CHECK_EQ(kb_batch_run(&batch), KB_DATA);
    CHECK_EQ(error.message, KB_MSG_batch_byte);
    kb_os_free(&watched);
}

static void refuses_too_many_references(void) {
    struct machine_wish wish = wish_of(KB_VARIABLE, true);
    struct kb_batch_job job = {.name = "j", .size = 6 * KIB, .time = UINT64_MAX / 2};
    struct kb_batch batch = {.os = &watched, .job = &job, .count = 1, .most_references = 1000};
    CHECK(machine_make(&watched, &wish, NULL, &error) == KB_OK);
    CHECK_EQ(kb_batch_run(&batch), KB_DATA);
    CHECK_EQ(error.message, KB_MSG_batch_too_long);
    kb_os_free(&watched);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        run_seed(strtoull(argv[1], NULL, 10));
        return harness_end();
    }
    for (uint64_t seed = 1; seed <= LISTS; seed++)
        run_seed(seed);
    notices_wrong_bytes();
    refuses_too_many_references();
    return harness_end();
}
