/* study_organisations.c - kilburn study organisations: one list of jobs through the organisations
 * of storage, from the single user to paged segmentation. */
#include <stdlib.h>
#include <string.h>

#include "study.h"

#define MOST_JOBS 10000

enum { OPT_MEMORY = STUDY_OWN_OPTION, OPT_OS, OPT_PARTITIONS, OPT_JOBS };

static const struct option own_options[] = {
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"os", required_argument, NULL, OPT_OS},
    {"partitions", required_argument, NULL, OPT_PARTITIONS},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {NULL, 0, NULL, 0},
};

/* What the options said; NULL: the usual. */
struct organisations {
    const char *memory, *system, *partitions, *jobs;
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
        given++;
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

struct outcome {
    uint64_t in, out, used, waste, free, largest;
};

static kb_status open_machine(struct study *study, enum kb_organisation organisation,
                              struct kb_os *os) {
    struct organisations *o = study->own;
    struct kb_error *error = &study->cli->error;
    struct kb_os_setup setup = {.frames = 1, .tables_limit = 1 << 20, .storage = o->setup};
    bool segments = organisation == KB_SEGMENTATION;
    unsigned number = segments ? 2 : 20, offset = segments ? 30 : 12;
    setup.storage.organisation = organisation;
    setup.scheme = segments ? KB_SCHEME_SEGMENTS : KB_SCHEME_BOUNDS;
    setup.load_all = true;
    if (organisation != KB_FIXED_ABSOLUTE && organisation != KB_FIXED_RELOCATABLE)
        setup.storage.partitions = 0;
    setup.storage.fit = organisation == KB_FIXED_RELOCATABLE ? KB_FIT_BEST : KB_FIT_FIRST;
    kb_status status = kb_format_generic(&setup.format, 1, &number, offset, 8, error);
    if (status == KB_OK)
        status = kb_policy_parse("fifo", &setup.policy, NULL, NULL, error);
    if (status == KB_OK)
        status = kb_store_memory(&setup.swap, 4096, UINT64_C(1) << 20, &study->host, error);
    return status == KB_OK ? kb_os_init(os, &setup, &study->host, error) : status;
}

/* All jobs come at once: who goes in? */
static kb_status try_jobs(struct study *study, struct kb_os *os, struct outcome *outcome) {
    const struct organisations *o = study->own;
    kb_status status = KB_OK;
    for (uint32_t i = 0; i < o->count && status == KB_OK; i++) {
        const struct kb_batch_job *job = &o->job[i];
        uint64_t partition =
            os->storage->setup.organisation == KB_FIXED_ABSOLUTE ? job->partition : 0;
        struct kb_region program = {.end = job->size, .rights = KB_ENTRY_READ | KB_ENTRY_WRITE};
        struct kb_process *process;
        bool refused = false;
        snprintf(program.name, sizeof program.name, "program");
        status = kb_os_create(os, job->name, &process);
        if (status == KB_OK)
            status = kb_storage_begin_segment(os, process, &program, KB_NO_AREA,
                                              (struct kb_placement_wish){KB_ANYWHERE, partition},
                                              &refused);
        if (status != KB_OK)
            break;
        outcome->in += !refused;
        outcome->out += refused;
        outcome->used += refused ? 0 : job->size;
    }
    outcome->waste = kb_storage_waste(os, NULL);
    outcome->free = kb_storage_free_bytes(os);
    outcome->largest = kb_storage_largest(os);
    return status;
}

static const struct study_column columns[] = {
    {"organisation", KB_MSG_col_organisation, true}, {"jobs_in", KB_MSG_col_jobs_in, false},
    {"jobs_out", KB_MSG_col_jobs_out, false},        {"used", KB_MSG_col_bytes_used, false},
    {"internal", KB_MSG_col_internal, false},        {"free", KB_MSG_col_free, false},
    {"largest_hole", KB_MSG_col_largest, false},
};

static kb_status run(struct study *study) {
    struct outcome outcome[KB_ORGANISATIONS] = {0};
    struct study_text text = {.length = 0};
    struct study_rows rows;
    kb_status status = read_machine(study);
    if (status == KB_OK)
        status = read_jobs(study);
    for (unsigned i = KB_SINGLE_USER; i < KB_ORGANISATIONS && status == KB_OK; i++) {
        struct kb_os os;
        status = open_machine(study, (enum kb_organisation)i, &os);
        if (status != KB_OK)
            break;
        status = try_jobs(study, &os, &outcome[i]);
        kb_os_free(&os);
    }
    if (status != KB_OK)
        return status;
    study_claim(study, KB_MSG_study_organisations_claim);
    study_rows_begin(&rows, study, "rows", columns, sizeof columns / sizeof columns[0]);
    for (unsigned i = KB_SINGLE_USER; i < KB_ORGANISATIONS; i++) {
        study_row_text(&rows, kb_organisation_name((enum kb_organisation)i));
        study_row_u64(&rows, outcome[i].in);
        study_row_u64(&rows, outcome[i].out);
        study_row_bytes(&rows, outcome[i].used);
        study_row_bytes(&rows, outcome[i].waste);
        study_row_bytes(&rows, outcome[i].free);
        study_row_bytes(&rows, outcome[i].largest);
    }
    study_rows_end(&rows);
    bool cured = outcome[KB_VARIABLE].waste < outcome[KB_FIXED_RELOCATABLE].waste;
    bool more = outcome[KB_FIXED_RELOCATABLE].in > outcome[KB_FIXED_ABSOLUTE].in;
    study_text_add(study, &text,
                   more ? KB_MSG_study_relocation_helps : KB_MSG_study_relocation_same,
                   (unsigned long long)outcome[KB_FIXED_RELOCATABLE].in,
                   (unsigned long long)outcome[KB_FIXED_ABSOLUTE].in);
    study_text_add(study, &text, cured ? KB_MSG_study_variable_helps : KB_MSG_study_variable_same,
                   (unsigned long long)outcome[KB_VARIABLE].waste,
                   (unsigned long long)outcome[KB_FIXED_RELOCATABLE].waste);
    study_verdict(study,
                  cured && more   ? STUDY_HOLDS
                  : cured || more ? STUDY_PARTLY
                                  : STUDY_FAILS,
                  text.text);
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
