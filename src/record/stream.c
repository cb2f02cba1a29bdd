/* stream.c - words become runs with page ids, runs become records of a file. */
#include "record/stream.h"

#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "record/word.h"
#include "trace/intern.h"

#define BLOCK 16384 /* runs given to the writer at once */
#define BLOCK_EVENTS 1024

struct kb_stream {
    struct kb_sink file, counted; /* counted: the same, bytes are added up on the way */
    struct kb_writer *writer;
    struct kb_intern intern;
    struct kb_stream_counts *counts;
    uint64_t limit, references; /* references that are in the block, too */
    uint64_t bytes;
    uint8_t header[KBT_HEADER_BYTES]; /* of the file */
    bool begun;                       /* it is written */
    uint32_t thread, process;
    bool kernel; /* the following references are the kernel's */

    /* runs whose pages have no ids yet */
    uint32_t waiting;
    uint64_t numbers[KB_INTERN_BATCH];
    uint32_t words[KB_INTERN_BATCH];

    /* the block to come */
    uint32_t count, events;
    uint64_t block_references;
    struct kb_run runs[BLOCK + KB_INTERN_BATCH];
    struct kb_event event[BLOCK_EVENTS];
};

/* The header waits for the first block: that a disk is full is met while the program runs, not
 * instead of running it. */
static kb_status count_bytes(void *context, const void *bytes, size_t count,
                             struct kb_error *error) {
    struct kb_stream *s = context;
    if (s->bytes == 0 && count == sizeof s->header) {
        memcpy(s->header, bytes, count);
        s->bytes = count;
        return KB_OK;
    }
    kb_status status = KB_OK;
    if (!s->begun)
        status = s->file.write(s->file.context, s->header, sizeof s->header, error);
    s->begun = true;
    if (status == KB_OK)
        status = s->file.write(s->file.context, bytes, count, error);
    if (status == KB_OK)
        s->bytes += count;
    return status;
}

kb_status kb_stream_open(struct kb_stream **stream, const struct kb_stream_options *options,
                         struct kb_stream_counts *counts, struct kb_error *error) {
    struct kb_stream *s = calloc(1, sizeof *s);
    *stream = s;
    if (s == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, options->output,
                       (unsigned long long)sizeof *s);
    s->counts = counts;
    s->limit = options->limit;
    s->counted = (struct kb_sink){s, count_bytes};
    struct kb_writer_options writing = {.grain = options->grain,
                                        .program = options->program,
                                        .packing = KB_PACK_ZSTD,
                                        .level = 1,
                                        .version = 2,
                                        .host = options->host};
    kb_status status = kb_intern_init(&s->intern, options->host, error);
    if (status == KB_OK)
        status = kb_file_stream(&s->file, options->output, error);
    if (status == KB_OK)
        status = kb_writer_open(&s->writer, s->counted, &writing, error);
    if (status == KB_OK)
        return KB_OK;
    kb_stream_close(s);
    *stream = NULL;
    return status;
}

/* ---- runs and events ---- */

static kb_status write_block(struct kb_stream *s, struct kb_error *error) {
    struct kb_block block = {.runs = s->runs,
                             .count = s->count,
                             .event_count = s->events,
                             .events = s->event,
                             .references = s->block_references,
                             .pages = s->intern.count};
    kb_status status =
        kb_writer_add(s->writer, &block, s->intern.numbers, s->intern.processes, error);
    s->count = s->events = 0;
    s->block_references = 0;
    atomic_store_explicit(&s->counts->references, s->references, memory_order_relaxed);
    atomic_store_explicit(&s->counts->pages, s->intern.count, memory_order_relaxed);
    atomic_store_explicit(&s->counts->bytes, s->bytes, memory_order_relaxed);
    return status;
}

/* Gives the waiting runs their ids. */
static kb_status name_pages(struct kb_stream *s, struct kb_error *error) {
    uint32_t ids[KB_INTERN_BATCH];
    kb_status status = kb_intern_batch(&s->intern, s->process, s->numbers, ids, s->waiting, error);
    if (status != KB_OK)
        return status;
    struct kb_run *to = s->runs + s->count;
    for (uint32_t i = 0; i < s->waiting; i++)
        to[i] = (struct kb_run){ids[i], s->words[i]};
    s->count += s->waiting;
    s->waiting = 0;
    return s->count >= BLOCK ? write_block(s, error) : KB_OK;
}

static kb_status add_event(struct kb_stream *s, uint32_t type, uint64_t first, uint64_t pages,
                           struct kb_error *error) {
    kb_status status = name_pages(s, error);
    if (status == KB_OK && s->events == BLOCK_EVENTS)
        status = write_block(s, error);
    if (status != KB_OK)
        return status;
    s->event[s->events++] =
        (struct kb_event){.at = s->count, .type = type, .first = first, .pages = pages};
    if (type == KB_EVENT_PROCESS)
        s->process = (uint32_t)first;
    if (type == KB_EVENT_KERNEL)
        s->kernel = first != 0;
    return KB_OK;
}

static kb_status switch_thread(struct kb_stream *s, uint32_t thread, struct kb_error *error) {
    kb_status status = s->kernel ? add_event(s, KB_EVENT_KERNEL, 0, 0, error) : KB_OK;
    if (status == KB_OK)
        status = add_event(s, KB_EVENT_THREAD, thread, 0, error);
    s->thread = thread;
    return status;
}

kb_status kb_stream_add(struct kb_stream *s, uint32_t thread, const uint64_t *words, uint32_t count,
                        bool *full, struct kb_error *error) {
    kb_status status = KB_OK;
    *full = false;
    if (thread != s->thread && count > 0)
        status = switch_thread(s, thread, error);
    for (uint32_t i = 0; i < count && status == KB_OK && !*full;) {
        uint64_t word = words[i];
        uint32_t kind = word >> 16 & 3, n = (uint32_t)(word & KB_WORD_COUNT);
        if (__builtin_expect(kind == KB_WORD_EVENT, 0)) {
            if (!kb_event_valid((uint32_t)(word >> 18)) || i + KB_EVENT_WORDS > count)
                return kb_fail(error, KB_DATA, KB_MSG_record_torn);
            status = add_event(s, (uint32_t)(word >> 18), words[i + 1], words[i + 2], error);
            i += KB_EVENT_WORDS;
            continue;
        }
        if (s->limit > 0 && s->references + n >= s->limit) {
            n = (uint32_t)(s->limit - s->references);
            *full = true;
        }
        s->numbers[s->waiting] = word >> 18;
        s->words[s->waiting++] = n << 2 | kind;
        s->references += n;
        s->block_references += n;
        i++;
        if (s->waiting == KB_INTERN_BATCH)
            status = name_pages(s, error);
    }
    return status;
}

/* ---- the end ---- */

kb_status kb_stream_flush(struct kb_stream *s, struct kb_error *error) {
    kb_status status = name_pages(s, error);
    if (status == KB_OK)
        status = write_block(s, error);
    return status == KB_OK ? kb_writer_flush(s->writer, error) : status;
}

kb_status kb_stream_end(struct kb_stream *s, struct kb_error *error) {
    struct kbt_totals totals;
    kb_status status = name_pages(s, error);
    if (status == KB_OK)
        status = write_block(s, error);
    if (status == KB_OK)
        status = kb_writer_end(s->writer, &totals, error);
    atomic_store_explicit(&s->counts->bytes, s->bytes, memory_order_relaxed);
    return status == KB_OK ? kb_file_commit(&s->file, error) : status;
}

void kb_stream_close(struct kb_stream *s) {
    if (s == NULL)
        return;
    kb_file_abandon(&s->file);
    kb_writer_free(s->writer);
    kb_intern_free(&s->intern);
    free(s);
}
