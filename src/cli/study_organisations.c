/* study_organisations.c - kilburn study organisations: one list of jobs through the organisations
 * of storage, from the single user to paged segmentation. */
#include <stdlib.h>
#include <string.h>

#include "study.h"

#define MOST_JOBS 10000
#define MOST_NUMBER (UINT64_C(1) << 40) /* of a job */
#define MOST_REFERENCES UINT64_C(4000000000)

enum { OPT_MEMORY = STUDY_OWN_OPTION, OPT_OS, OPT_PARTITIONS, OPT_JOBS, OPT_PAGE_SIZE, OPT_POLICY };

static const struct option own_options[] = {
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"os", required_argument, NULL, OPT_OS},
    {"partitions", required_argument, NULL, OPT_PARTITIONS},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"page-size", required_argument, NULL, OPT_PAGE_SIZE},
    {"policy", required_argument, NULL, OPT_POLICY},
    {NULL, 0, NULL, 0},
};

/* What the options said; NULL: the usual. */
struct organisations {
    const char *memory, *system, *partitions, *jobs, *page_size, *policy;
    uint64_t page;
    struct kb_storage_setup setup;
    struct kb_batch_job *job;
    uint32_t count;
};

static kb_status take(struct study *study, int option, const char *argument) {
    struct organisations *o = study->own;
    switch (option) {
    case OPT_MEMORY:
        o->memory = argument;
        break;
    case OPT_OS:
        o->system = argument;
        break;
    case OPT_PARTITIONS:
        o->partitions = argument;
        break;
    case OPT_PAGE_SIZE:
        o->page_size = argument;
        break;
    case OPT_POLICY:
        o->policy = argument;
        break;
    default:
        o->jobs = argument;
        break;
    }
    return KB_OK;
}

/* ---- the jobs ---- */

static kb_status bad_job(struct study *study, const char *text, size_t length) {
    return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_job, (int)(length < 80 ? length : 80),
                   text);
}

/* NAME:SIZE:TIME[:PARTITION[:ARRIVES[:WORKING]]] */
static kb_status add_job(struct study *study, const char *text, size_t length) {
    struct organisations *o = study->own;
    struct kb_batch_job job = {0};
    uint64_t *const numbers[] = {&job.size, &job.time, &job.partition, &job.arrives, &job.working};
    const char *end = text + length, *at = memchr(text, ':', length);
    unsigned given = 0;
    if (at == NULL || at == text || (size_t)(at - text) >= sizeof job.name)
        return bad_job(study, text, length);
    memcpy(job.name, text, (size_t)(at - text));
    while (at != NULL) {
        const char *from = at + 1;
        at = memchr(from, ':', (size_t)(end - from));
        const char *to = at != NULL ? at : end;
        if (given == sizeof numbers / sizeof numbers[0] ||
            (!kb_parse_size(from, (size_t)(to - from), numbers[given]) &&
             (given < 2 || from != to)))
            return bad_job(study, text, length);
        if (*numbers[given++] > MOST_NUMBER)
            return bad_job(study, text, length);
    }
    if (given < 2 || job.size == 0 || job.time == 0 || job.working > job.size)
        return bad_job(study, text, length);
    if (o->count == MOST_JOBS)
        return kb_fail(&study->cli->error, KB_USAGE, KB_MSG_study_many_jobs,
                       (unsigned long long)MOST_JOBS);
    o->job[o->count++] = job;
    return KB_OK;
}

/* Jobs with commas, blanks or line ends between them; # begins a comment. */
static kb_status add_jobs(struct study *study, const char *text, size_t length) {
    static const char between[] = ", \t\r\n";
    kb_status status = KB_OK;
    for (size_t at = 0; at < length && status == KB_OK;) {
        if (text[at] == '#') {
            while (at < length && text[at] != '\n')
                at++;
            continue;
        }
        size_t end = at;
        while (end < length && text[end] != '\0' && strchr(between, text[end]) == NULL)
            end++;
        if (end > at)
            status = add_job(study, text + at, end - at);
        at = end + 1;
    }
    return status;
}

static kb_status read_file(struct study *study, const char *path) {
    struct kb_error *error = &study->cli->error;
    struct kb_source source;
    char *text = malloc(1 << 20);
    size_t length = 0, got = 1;
    if (text == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "jobs", 1ULL << 20);
    kb_status status = kb_file_open(&source, path, error);
    if (status == KB_OK) {
        while (status == KB_OK && got > 0 && length < 1 << 20) {
            status = source.read(source.context, text + length, (1 << 20) - length, &got, error);
            length += status == KB_OK ? got : 0;
        }
        kb_file_close(&source);
    }
    if (status == KB_OK && length == 1 << 20)
        status = kb_fail(error, KB_USAGE, KB_MSG_study_many_jobs, (unsigned long long)MOST_JOBS);
    if (status == KB_OK)
        status = add_jobs(study, text, length);
    free(text);
    return status;
}

static kb_status read_jobs(struct study *study) {
    struct organisations *o = study->own;
    const char *jobs = o->jobs != NULL ? o->jobs : "A:6K:10:1,B:5K:10:1,C:30K:10:3,D:57K:10";
    o->job = calloc(MOST_JOBS, sizeof *o->job);
    if (o->job == NULL)
        return kb_fail(&study->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "jobs",
                       (unsigned long long)(MOST_JOBS * sizeof *o->job));
    kb_status status =
        strchr(jobs, ':') != NULL ? add_jobs(study, jobs, strlen(jobs)) : read_file(study, jobs);
    if (status == KB_OK && o->count == 0)
        status = bad_job(study, jobs, strlen(jobs));
    return status;
}

static kb_status read_machine(struct study *study) {
    struct organisations *o = study->own;
    struct kb_error *error = &study->cli->error;
    struct cli_sizes sizes = {NULL, 0};
    kb_status status = cli_parse_number("--memory", o->memory != NULL ? o->memory : "64K", 1,
                                        UINT64_C(1) << 32, &o->setup.bytes, error);
    if (status == KB_OK)
        status = cli_parse_number("--os", o->system != NULL ? o->system : "8K", 0,
                                  o->setup.bytes - 1, &o->setup.system, error);
    if (status == KB_OK)
        status =
            cli_parse_sizes(o->partitions != NULL ? o->partitions : "8K,16K,32K", &sizes, error);
    if (status == KB_OK)
        status = cli_parse_number("--page-size", o->page_size != NULL ? o->page_size : "4K", 64,
                                  UINT64_C(1) << 30, &o->page, error);
    if (status == KB_OK && !kb_is_power_of_two(o->page))
        status = kb_fail(error, KB_USAGE, KB_MSG_page_size_invalid, 64ULL, 1ULL << 30,
                         (unsigned long long)o->page);
    if (status == KB_OK && sizes.count > KB_MOST_PARTITIONS)
        status =
            kb_fail(error, KB_USAGE, KB_MSG_too_many_sizes, (unsigned long long)KB_MOST_PARTITIONS);
    for (size_t i = 0; status == KB_OK && i < sizes.count; i++)
        o->setup.partition[o->setup.partitions++] = sizes.values[i];
    free(sizes.values);
    return status;
}

static void free_own(struct study *study) { free(((struct organisations *)study->own)->job); }

/* ---- one organisation ---- */

/* In the order of their evolution. */
enum kind { SINGLE, ABSOLUTE, RELOCATABLE, VARIABLE, PAGING, SEGMENTATION, BOTH, KINDS };

static const struct {
    const char *name;
    enum kb_organisation organisation;
} kinds[KINDS] = {
    {"single-user", KB_SINGLE_USER},
    {"fixed-absolute", KB_FIXED_ABSOLUTE},
    {"fixed-relocatable", KB_FIXED_RELOCATABLE},
    {"variable", KB_VARIABLE},
    {"paging", KB_PAGED},
    {"segmentation", KB_SEGMENTATION},
    {"paged-segmentation", KB_PAGED},
};

struct outcome {
    uint64_t done, refused, makespan, waited, internal, stranded, tables;
    uint64_t compactions, moved, faults, transfers;
    double degree, utilisation;
};

static unsigned bits_for(uint64_t count) {
    unsigned bits = 1;
    while (bits < 40 && UINT64_C(1) << bits < count)
        bits++;
    return bits;
}

static uint64_t largest_job(const struct organisations *o) {
    uint64_t most = 1;
    for (uint32_t i = 0; i < o->count; i++)
        most = o->job[i].size > most ? o->job[i].size : most;
    return most;
}

static kb_status contiguous_setup(struct study *study, enum kind kind, struct kb_os_setup *setup) {
    const struct organisations *o = study->own;
    bool segments = kind == SEGMENTATION;
    unsigned number = segments ? 2 : 20, offset = 12;
    setup->frames = 1;
    setup->storage = o->setup;
    setup->storage.organisation = kinds[kind].organisation;
    setup->storage.fit = kind == RELOCATABLE ? KB_FIT_BEST : KB_FIT_FIRST;
    if (kind != ABSOLUTE && kind != RELOCATABLE)
        setup->storage.partitions = 0;
    setup->scheme = segments ? KB_SCHEME_SEGMENTS : KB_SCHEME_BOUNDS;
    if (segments) {
        offset = bits_for(largest_job(o) / 2 + 3);
        offset = offset < 12 ? 12 : offset > 30 ? 30 : offset;
    }
    return kb_format_generic(&setup->format, 1, &number, offset, 8, &study->cli->error);
}

/* Tables that reach as far as the largest job, with one level or two. */
static kb_status paged_setup(struct study *study, enum kind kind, struct kb_os_setup *setup) {
    const struct organisations *o = study->own;
    struct kb_error *error = &study->cli->error;
    uint64_t page = o->page, pages = largest_job(o) / page + 1;
    uint64_t frames = (o->setup.bytes - o->setup.system) / page;
    unsigned bits = bits_for(pages), split[2] = {bits - bits / 2, bits / 2};
    if (frames == 0)
        return kb_fail(error, KB_USAGE, KB_MSG_memory_too_small,
                       (unsigned long long)(o->setup.bytes - o->setup.system),
                       (unsigned long long)page);
    setup->frames = (uint32_t)frames;
    /* entries of 4 bytes hold frames of 22 bits */
    unsigned bytes = frames + setup->tables_limit / page > 1 << 22 ? 8 : 4;
    setup->scheme = KB_SCHEME_TABLES;
    if (kind == BOTH)
        return kb_format_segmented(
            &setup->format, (struct kb_segment_shape){2, bits, kb_log2(page), bytes, false}, error);
    if (bits <= 10)
        split[0] = bits;
    return kb_format_generic(&setup->format, bits <= 10 ? 1 : 2, split, kb_log2(page), bytes,
                             error);
}

/* Blocks of the paging file for all jobs at once. */
static uint64_t slots_for(const struct organisations *o) {
    uint64_t slots = 16;
    for (uint32_t i = 0; i < o->count; i++)
        slots += o->job[i].size / o->page + 4;
    return slots;
}

static kb_status open_machine(struct study *study, enum kind kind, struct kb_os *os) {
    const struct organisations *o = study->own;
    struct kb_error *error = &study->cli->error;
    struct kb_os_setup setup = {.tables_limit = UINT64_C(1) << 26};
    kb_status status = kinds[kind].organisation == KB_PAGED ? paged_setup(study, kind, &setup)
                                                            : contiguous_setup(study, kind, &setup);
    if (status == KB_OK)
        status = kb_policy_parse(o->policy != NULL ? o->policy : "lru", &setup.policy, NULL, NULL,
                                 error);
    if (status == KB_OK && setup.policy.policy->needs & KB_NEEDS_FUTURE)
        status = kb_fail(error, KB_USAGE, KB_MSG_batch_future);
    if (status == KB_OK)
        status = kb_store_memory(&setup.swap, (uint32_t)o->page, slots_for(o), &study->host, error);
    return status == KB_OK ? kb_os_init(os, &setup, &study->host, error) : status;
}

static kb_status run_jobs(struct study *study, struct kb_os *os, struct outcome *outcome) {
    struct organisations *o = study->own;
    struct kb_batch batch = {
        .os = os, .job = o->job, .count = o->count, .most_references = MOST_REFERENCES};
    kb_status status = kb_batch_run(&batch);
    if (status != KB_OK)
        return status;
    *outcome = (struct outcome){.done = batch.done,
                                .refused = batch.refused,
                                .makespan = batch.makespan,
                                .internal = batch.internal_most,
                                .stranded = batch.stranded_most,
                                .tables = os->tables.peak,
                                .faults = os->counters.faults,
                                .transfers = os->counters.disk_transfers,
                                .degree = kb_batch_degree(&batch),
                                .utilisation = kb_batch_utilisation(&batch)};
    if (os->storage != NULL) {
        outcome->compactions = os->storage->counters.compactions;
        outcome->moved = os->storage->counters.moved_bytes;
    }
    for (uint32_t i = 0; i < o->count; i++)
        if (o->job[i].state == KB_BATCH_DONE)
            outcome->waited += o->job[i].starts - o->job[i].arrives;
    return KB_OK;
}

/* ---- what is shown ---- */

static const struct study_column columns[] = {
    {"organisation", KB_MSG_col_organisation, true},
    {"admitted", KB_MSG_col_jobs_in, false},
    {"refused", KB_MSG_col_jobs_out, false},
    {"makespan", KB_MSG_col_makespan, false},
    {"waited", KB_MSG_col_waited, false},
    {"mean_degree", KB_MSG_col_degree, false},
    {"internal", KB_MSG_col_internal, false},
    {"external", KB_MSG_col_external, false},
    {"tables", KB_MSG_col_table_bytes, false},
    {"compactions", KB_MSG_none, false},
    {"moved", KB_MSG_col_moved, false},
    {"faults", KB_MSG_col_faults, false},
    {"transfers", KB_MSG_col_transfers, false},
    {"utilisation", KB_MSG_col_used, false},
};

static void show_rows(struct study *study, const struct outcome *outcome) {
    struct study_rows rows;
    study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
    for (unsigned i = 0; i < KINDS; i++) {
        const struct outcome *o = &outcome[i];
        study_row_text(&rows, kinds[i].name);
        study_row_u64(&rows, o->done);
        study_row_u64(&rows, o->refused);
        study_row_u64(&rows, o->makespan);
        study_row_u64(&rows, o->waited);
        study_row_real(&rows, 2, o->degree);
        study_row_bytes(&rows, o->internal);
        study_row_bytes(&rows, o->stranded);
        study_row_bytes(&rows, o->tables);
        study_row_u64(&rows, o->compactions);
        study_row_bytes(&rows, o->moved);
        study_row_u64(&rows, o->faults);
        study_row_u64(&rows, o->transfers);
        study_row_real(&rows, 3, o->utilisation);
    }
    study_rows_end(&rows);
}

/* A waste of one organisation, and what the next one makes of it. */
struct cure {
    enum kb_message what; /* two numbers: before, after */
    uint64_t before, after;
};

/* All of these are wastes: fewer is better. */
static void list_cures(const struct outcome *o, struct cure cure[6]) {
    const struct cure all[6] = {
        {KB_MSG_cure_waiting, o[SINGLE].waited, o[ABSOLUTE].waited},
        {KB_MSG_cure_partition, o[ABSOLUTE].waited, o[RELOCATABLE].waited},
        {KB_MSG_cure_internal, o[RELOCATABLE].internal, o[VARIABLE].internal},
        {KB_MSG_cure_external, o[VARIABLE].stranded + o[VARIABLE].moved,
         o[PAGING].stranded + o[PAGING].moved},
        {KB_MSG_cure_refused, o[VARIABLE].refused, o[PAGING].refused},
        {KB_MSG_cure_segments, o[SEGMENTATION].stranded + o[SEGMENTATION].moved,
         o[BOTH].stranded + o[BOTH].moved},
    };
    memcpy(cure, all, sizeof all);
}

static void show_verdict(struct study *study, const struct outcome *outcome) {
    struct study_text text = {.length = 0};
    struct cure cure[6];
    unsigned cured = 0, there = 0;
    list_cures(outcome, cure);
    for (unsigned i = 0; i < 6; i++) {
        unsigned long long before = cure[i].before, after = cure[i].after;
        there += before > 0 || after > 0;
        cured += before > after;
        study_text_add(study, &text, cure[i].what);
        study_text_add(study, &text,
                       before == 0 && after == 0 ? KB_MSG_cure_nothing
                       : before > after          ? KB_MSG_cure_cured
                       : before == after         ? KB_MSG_cure_same
                                                 : KB_MSG_cure_worse,
                       before, after);
    }
    study_text_add(study, &text, KB_MSG_cure_cost, (unsigned long long)outcome[BOTH].tables,
                   (unsigned long long)outcome[BOTH].faults,
                   (unsigned long long)outcome[BOTH].transfers,
                   (unsigned long long)outcome[VARIABLE].moved);
    study_verdict(study,
                  cured == 0       ? STUDY_FAILS
                  : cured == there ? STUDY_HOLDS
                                   : STUDY_PARTLY,
                  text.text);
}

static kb_status run(struct study *study) {
    struct outcome outcome[KINDS] = {0};
    kb_status status = read_machine(study);
    if (status == KB_OK)
        status = read_jobs(study);
    for (unsigned i = 0; i < KINDS && status == KB_OK; i++) {
        struct kb_os os;
        status = open_machine(study, (enum kind)i, &os);
        if (status != KB_OK)
            break;
        status = run_jobs(study, &os, &outcome[i]);
        kb_os_free(&os);
    }
    if (status != KB_OK)
        return status;
    study_claim(study, KB_MSG_study_organisations_claim);
    show_rows(study, outcome);
    show_verdict(study, outcome);
    return KB_OK;
}

const struct study_kind study_organisations = {
    .name = "organisations",
    .command = "study organisations",
    .title = KB_MSG_study_organisations,
    .help = KB_MSG_help_study_organisations,
    .own = own_options,
    .own_bytes = sizeof(struct organisations),
    .take = take,
    .run = run,
    .free_own = free_own,
};
