/* trace_story_show.c - what kilburn trace info tells of a program, as text and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* Of the table: so many large ones, and those that have so much of all references; the others are
 * summed up. */
#define LARGE_ROWS 10
#define MOST_ROWS 16
#define BUSY_PERCENT 2
#define STRIP_HEIGHT 3
#define STRIP_MARGIN 12

/* A line of the table of mappings. */
struct row {
    const char *name; /* "": none */
    enum kb_mapped_kind kind;
    enum kb_mapped_part part;
    uint64_t most, now; /* pages mapped, at most and at the end */
    uint64_t references;
    struct kb_story_use use;
};

static int by_footprint(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    if (a->use.pages != b->use.pages)
        return a->use.pages > b->use.pages ? -1 : 1;
    if (a->references != b->references)
        return a->references > b->references ? -1 : 1;
    return a->most > b->most ? -1 : a->most < b->most;
}

/* All objects, the largest footprint first; NULL: no memory. */
static struct row *rows_of(const struct kb_story *story) {
    const struct kb_mappings *m = &story->mappings;
    struct row *rows = calloc((size_t)m->object_count + 1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    for (uint32_t i = 0; i < m->object_count; i++) {
        const struct kb_mapped_object *object = &m->objects[i];
        const struct kb_mapped_name *name = &m->names[object->name];
        struct kb_story_use use = kb_story_use(story, i);
        rows[i] = (struct row){
            name->text, name->kind, object->part, 0, object->pages, kb_story_references(&use), use};
        rows[i].most = kb_mapped_most(object);
    }
    qsort(rows, m->object_count, sizeof *rows, by_footprint);
    return rows;
}

static double percent(uint64_t part, uint64_t all) {
    return all == 0 ? 0 : 100 * (double)part / (double)all;
}

/* The smallest memory in which this many of a thousand references hit; 0: none. */
static uint32_t frames_for(const struct trace_story *story, unsigned per_mille) {
    uint64_t references = story->story.references;
    return kb_stack_frames(&story->stack, references / 1000 * (1000 - per_mille) +
                                              references % 1000 * (1000 - per_mille) / 1000);
}

static const unsigned hit_shares[] = {900, 990, 999}; /* of a thousand */
#define HIT_SHARES (sizeof hit_shares / sizeof hit_shares[0])

/* ---- JSON ---- */

static const char *const event_names[KB_EVENT_DISCARD + 1] = {NULL,    "process", "thread", "map",
                                                              "unmap", "release", "discard"};

static uint64_t protects(const struct kb_story *story) {
    uint64_t sum = 0;
    for (uint32_t type = KB_EVENT_PROTECT; type < KB_EVENT_TYPES; type++)
        sum += story->events[type];
    return sum;
}

static void events_json(struct kb_json *json, const struct kb_story *story) {
    kb_json_object(json, "events_by_type");
    for (uint32_t type = KB_EVENT_PROCESS; type <= KB_EVENT_DISCARD; type++)
        kb_json_u64(json, event_names[type], story->events[type]);
    kb_json_u64(json, "name", story->events[KB_EVENT_NAME]);
    kb_json_u64(json, "kernel", story->events[KB_EVENT_KERNEL]);
    kb_json_u64(json, "protect", protects(story));
    kb_json_close_object(json);
}

static void size_json(struct kb_json *json, const char *key, const struct trace_story *story,
                      uint64_t pages) {
    if (story->info.page_size > 0)
        kb_json_u64(json, key, pages * story->info.page_size);
    else
        kb_json_null(json, key);
}

static void hits_json(struct kb_json *json, const struct trace_story *story) {
    kb_json_array(json, "lru_hits");
    for (unsigned i = 0; i < HIT_SHARES; i++) {
        uint32_t frames = frames_for(story, hit_shares[i]);
        kb_json_object(json, NULL);
        kb_json_double(json, "share", hit_shares[i] / 1000.0);
        if (frames > 0) {
            kb_json_u64(json, "frames", frames);
            size_json(json, "bytes", story, frames);
        } else {
            kb_json_null(json, "frames");
            kb_json_null(json, "bytes");
        }
        kb_json_close_object(json);
    }
    kb_json_close_array(json);
}

static void reuse_json(struct kb_json *json, const struct trace_story *story,
                       const struct kb_reader *reader) {
    const struct kb_story_reuse *reuse = &story->reuse;
    const uint32_t *processes = kb_reader_processes(reader);
    kb_json_newline(json);
    kb_json_object(json, "reuse");
    kb_json_u64(json, "pages_executed", reuse->executed);
    kb_json_u64(json, "pages_written", reuse->written);
    kb_json_u64(json, "pages_only_read", reuse->only_read);
    kb_json_u64(json, "pages_used_once", reuse->once);
    kb_json_u64(json, "references_median", reuse->median);
    kb_json_u64(json, "references_most", reuse->most);
    kb_json_u64(json, "most_page", kb_reader_page_numbers(reader)[reuse->most_page]);
    kb_json_u64(json, "most_process", processes != NULL ? processes[reuse->most_page] : 0);
    kb_json_u64(json, "pages_with_half", reuse->half);
    kb_json_u64(json, "pages_with_nine_tenths", reuse->nine_tenths);
    hits_json(json, story);
    kb_json_close_object(json);
}

static void set_json(struct kb_json *json, const struct kb_working_set *set) {
    kb_json_newline(json);
    kb_json_object(json, "working_set");
    kb_json_u64(json, "window", set->window);
    kb_json_double(json, "mean", (double)set->size_sum / (double)set->references);
    kb_json_u64(json, "peak", set->peak);
    kb_json_u64(json, "peak_at", set->peak_at);
    kb_json_u64(json, "step", set->step);
    kb_json_array(json, "sizes");
    for (uint32_t i = 0; i < set->points; i++)
        kb_json_u64(json, NULL, set->curve[i]);
    kb_json_close_array(json);
    kb_json_close_object(json);
}

static void use_json(struct kb_json *json, const struct trace_story *story,
                     const struct kb_story_use *use) {
    kb_json_u64(json, "pages", use->pages);
    size_json(json, "bytes", story, use->pages);
    kb_json_u64(json, "references", kb_story_references(use));
    kb_json_u64(json, "writes", use->by_kind[KB_WRITE]);
    kb_json_u64(json, "executes", use->by_kind[KB_EXECUTE]);
}

static void row_json(struct kb_json *json, const struct trace_story *story, const struct row *row) {
    static const char *const kinds[KB_MAPPED_KINDS] = {"anonymous", "heap",    "stack",  "system",
                                                       "file",      "library", "program"};
    static const char *const parts[KB_MAPPED_PARTS] = {"code", "data", "reserved"};
    kb_json_newline(json);
    kb_json_object(json, NULL);
    kb_json_string(json, "name", row->name[0] != '\0' ? row->name : NULL);
    kb_json_string(json, "kind", kinds[row->kind]);
    kb_json_string(json, "part", parts[row->part]);
    kb_json_u64(json, "mapped_pages", row->most);
    size_json(json, "mapped_bytes", story, row->most);
    kb_json_u64(json, "mapped_pages_at_end", row->now);
    use_json(json, story, &row->use);
    kb_json_close_object(json);
}

static kb_status mappings_json(struct kb_json *json, const struct trace_story *story) {
    struct row *rows = rows_of(&story->story);
    if (rows == NULL)
        return kb_fail(json->error, KB_NO_MEMORY, KB_MSG_no_memory, "trace info",
                       (unsigned long long)story->story.mappings.object_count * sizeof *rows);
    kb_json_newline(json);
    kb_json_array(json, "mappings");
    for (uint32_t i = 0; i < story->story.mappings.object_count; i++)
        row_json(json, story, &rows[i]);
    kb_json_close_array(json);
    kb_json_object(json, "unmapped");
    use_json(json, story, &story->story.outside);
    kb_json_close_object(json);
    free(rows);
    return KB_OK;
}

kb_status trace_story_json(struct kb_json *json, const struct trace_story *story,
                           const struct kb_reader *reader) {
    const struct kb_story *s = &story->story;
    const uint64_t *kernel = s->kernel_by_kind;
    kb_json_u64(json, "kernel_references", kernel[KB_READ] + kernel[KB_WRITE] + kernel[KB_EXECUTE]);
    kb_json_u64(json, "threads", s->threads.count);
    kb_json_u64(json, "processes", s->processes.count);
    events_json(json, s);
    reuse_json(json, story, reader);
    set_json(json, &story->set);
    return s->mappings.maps > 0 ? mappings_json(json, story) : KB_OK;
}

/* ---- text ---- */

/* Pages as bytes; where they have no size, as their number. */
static const char *size_text(const struct trace_story *story, uint64_t pages,
                             char text[KB_SIZE_TEXT]) {
    if (story->info.page_size > 0)
        return kb_format_size(pages * story->info.page_size, text);
    return cli_number(pages, text);
}

static void events_text(const struct kb_story *story) {
    const struct {
        const char *name;
        uint64_t count;
    } kinds[] = {{"process", story->events[KB_EVENT_PROCESS]},
                 {"thread", story->events[KB_EVENT_THREAD]},
                 {"map", story->events[KB_EVENT_MAP]},
                 {"unmap", story->events[KB_EVENT_UNMAP]},
                 {"protect", protects(story)},
                 {"release", story->events[KB_EVENT_RELEASE]},
                 {"discard", story->events[KB_EVENT_DISCARD]},
                 {"kernel", story->events[KB_EVENT_KERNEL]},
                 {"name", story->events[KB_EVENT_NAME]}};
    bool any = false;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].count > 0) {
            printf("%s%" PRIu64 " %s", any ? ", " : "             ", kinds[i].count, kinds[i].name);
            any = true;
        }
    fputs(any ? "\n" : "", stdout);
}

static void who_text(const struct cli *cli, const struct kb_story *s) {
    const uint64_t *kernel = s->kernel_by_kind;
    uint64_t of_kernel = kernel[KB_READ] + kernel[KB_WRITE] + kernel[KB_EXECUTE];
    cli_print(cli, stdout, KB_MSG_info_shares, percent(s->by_kind[KB_READ], s->references),
              percent(s->by_kind[KB_WRITE], s->references),
              percent(s->by_kind[KB_EXECUTE], s->references));
    if (s->events[KB_EVENT_KERNEL] > 0)
        cli_print(cli, stdout, KB_MSG_info_kernel, (unsigned long long)of_kernel,
                  percent(of_kernel, s->references));
    if (s->events[KB_EVENT_THREAD] > 0 || s->processes.count > 1)
        cli_print(cli, stdout, KB_MSG_info_threads, (unsigned long long)s->threads.count,
                  (unsigned long long)s->processes.count);
}

static void reuse_text(const struct cli *cli, const struct trace_story *story,
                       const struct kb_reader *reader) {
    const struct kb_story_reuse *reuse = &story->reuse;
    const uint64_t references = story->story.references, pages = story->story.page_count;
    char size[KB_SIZE_TEXT];
    cli_print(cli, stdout, KB_MSG_info_used, (unsigned long long)reuse->executed,
              (unsigned long long)reuse->written, (unsigned long long)reuse->only_read,
              (unsigned long long)reuse->once);
    cli_print(cli, stdout, KB_MSG_info_reuse, (unsigned long long)reuse->median,
              (unsigned long long)reuse->most,
              (unsigned long long)kb_reader_page_numbers(reader)[reuse->most_page]);
    cli_print(cli, stdout, KB_MSG_info_concentration, (unsigned long long)reuse->half,
              (unsigned long long)reuse->nine_tenths);
    for (unsigned i = 0; i < HIT_SHARES; i++) {
        uint32_t frames = frames_for(story, hit_shares[i]);
        printf("%-13s", i == 0 ? cli_text(cli, KB_MSG_info_hits) : "");
        if (frames > 0)
            cli_print(cli, stdout, KB_MSG_info_hits_with, hit_shares[i] / 10.0,
                      (unsigned long)frames, size_text(story, frames, size));
        else if (pages * 1000 > references * (1000 - hit_shares[i]))
            cli_print(cli, stdout, KB_MSG_info_hits_never, hit_shares[i] / 10.0,
                      percent(pages, references));
        else
            cli_print(cli, stdout, KB_MSG_info_hits_beyond, hit_shares[i] / 10.0,
                      (unsigned long)story->stack.largest);
    }
}

static kb_status strip_text(struct trace *t, const struct trace_story *story) {
    const struct kb_working_set *set = &story->set;
    const unsigned room = cli_terminal_width(80) - STRIP_MARGIN;
    char size[KB_SIZE_TEXT], last[CLI_NUMBER_TEXT];
    cli_print(t->cli, stdout,
              story->window_blind    ? KB_MSG_info_set_blind
              : story->window_chosen ? KB_MSG_info_set_chosen
                                     : KB_MSG_info_set,
              (unsigned long long)set->window);
    cli_print(t->cli, stdout, KB_MSG_info_set_size, (double)set->size_sum / (double)set->references,
              (unsigned long long)set->peak, size_text(story, set->peak, size),
              (unsigned long long)set->peak_at);
    fflush(stdout);
    const struct kb_strip strip = {
        .values = set->curve,
        .count = set->points,
        .top = set->peak,
        .width = room < 60   ? 60
                 : room > 76 ? 76
                             : room,
        .height = STRIP_HEIGHT,
        .first = "1",
        .last = cli_number(set->references, last),
    };
    return kb_strip_write(&strip, kb_stdout_sink(), &t->cli->error);
}

/* ---- the table of mappings ---- */

/* Code among the data: its rights were not told, or not all. */
static const char *undivided_text(const struct cli *cli, enum kb_mapped_kind kind) {
    return cli_text(cli, kind == KB_MAPPED_PROGRAM ? KB_MSG_mapped_program : KB_MSG_mapped_library);
}

static const char *class_text(const struct cli *cli, const struct row *row) {
    static const enum kb_message data[KB_MAPPED_KINDS] = {
        KB_MSG_mapped_anonymous,   KB_MSG_mapped_heap, KB_MSG_mapped_stack,
        KB_MSG_mapped_system,      KB_MSG_mapped_file, KB_MSG_mapped_library_data,
        KB_MSG_mapped_program_data};
    static const enum kb_message code[KB_MAPPED_KINDS] = {
        KB_MSG_mapped_anonymous_code, KB_MSG_mapped_heap_code,    KB_MSG_mapped_stack_code,
        KB_MSG_mapped_system_code,    KB_MSG_mapped_library_code, KB_MSG_mapped_library_code,
        KB_MSG_mapped_program_code};
    if (row->part == KB_MAPPED_CODE)
        return cli_text(cli, code[row->kind]);
    if (row->use.by_kind[KB_EXECUTE] > 0 && row->kind >= KB_MAPPED_LIBRARY)
        return undivided_text(cli, row->kind);
    return cli_text(cli, data[row->kind]);
}

static void add_row(const struct trace_story *story, struct cli_table *table, const char *name,
                    const char *kind, const struct row *row) {
    char sizes[2][KB_SIZE_TEXT], numbers[3][CLI_NUMBER_TEXT], share[16];
    snprintf(share, sizeof share, "%.1f %%", percent(row->references, story->story.references));
    const char *cells[] = {name,
                           kind,
                           row->most > 0 ? size_text(story, row->most, sizes[0]) : "",
                           size_text(story, row->use.pages, sizes[1]),
                           cli_number(row->use.pages, numbers[0]),
                           cli_number(row->references, numbers[1]),
                           share,
                           cli_number(row->use.by_kind[KB_WRITE], numbers[2])};
    cli_table_row(table, cells);
}

static void sum_up(struct row *sum, const struct row *row) {
    sum->most += row->most;
    sum->references += row->references;
    sum->use.pages += row->use.pages;
    sum->use.by_kind[KB_WRITE] += row->use.by_kind[KB_WRITE];
}

static bool is_busy(const struct trace_story *story, const struct row *row) {
    return percent(row->references, story->story.references) >= BUSY_PERCENT;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return path[0] == '\0' ? "-" : slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static kb_status mappings_text(struct trace *t, const struct trace_story *story) {
    const struct cli *cli = t->cli;
    const uint32_t count = story->story.mappings.object_count;
    struct row *rows = rows_of(&story->story), others = {.name = ""}, reserved = {.name = ""};
    const struct row outside = {.references = kb_story_references(&story->story.outside),
                                .use = story->story.outside};
    char label[80];
    uint32_t shown = 0, summed = 0;
    if (rows == NULL)
        return kb_fail(&t->cli->error, KB_NO_MEMORY, KB_MSG_no_memory, "trace info",
                       (unsigned long long)count * sizeof *rows);
    const char *titles[] = {
        cli_text(cli, KB_MSG_info_name),       cli_text(cli, KB_MSG_info_kind),
        cli_text(cli, KB_MSG_info_mapped),     cli_text(cli, KB_MSG_info_touched),
        cli_text(cli, KB_MSG_info_page_count), cli_text(cli, KB_MSG_info_reference_count),
        cli_text(cli, KB_MSG_info_share),      cli_text(cli, KB_MSG_info_writes)};
    printf("\n");
    struct cli_table *table = cli_table_new(titles, 8, 0xfc, false);
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (row->part == KB_MAPPED_RESERVED) {
            sum_up(&reserved, row);
        } else if (shown < (is_busy(story, row) ? MOST_ROWS : LARGE_ROWS) && row->use.pages > 0) {
            add_row(story, table, base_name(row->name), class_text(cli, row), row);
            shown++;
        } else {
            sum_up(&others, row);
            summed++;
        }
    }
    snprintf(label, sizeof label, cli_text(cli, KB_MSG_info_others), (unsigned long)summed);
    if (summed > 0)
        add_row(story, table, "-", label, &others);
    if (reserved.most > 0)
        add_row(story, table, "-", cli_text(cli, KB_MSG_mapped_reserved), &reserved);
    if (outside.references > 0)
        add_row(story, table, "-", cli_text(cli, KB_MSG_mapped_nowhere), &outside);
    cli_table_end(table);
    free(rows);
    return KB_OK;
}

kb_status trace_story_text(struct trace *t, const struct trace_story *story,
                           const struct kb_reader *reader) {
    events_text(&story->story);
    who_text(t->cli, &story->story);
    reuse_text(t->cli, story, reader);
    kb_status status = strip_text(t, story);
    return status == KB_OK && story->story.mappings.maps > 0 ? mappings_text(t, story) : status;
}
