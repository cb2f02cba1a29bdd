/* reader.c - any trace: finds out the format, feeds the parser, and gives blocks their final page
 * size and window.
 *
 * Two inner sources of blocks, a parser with a collector (foreign formats) and
 * the native reader, and one filter behind both, which is only in the way when
 * pages merge or references are skipped: then ids are given anew, in the order
 * of first touch within the window.
 *
 * A window that is skipped to begins with what was said before it and still
 * holds: whose references they are, and, if that is wanted (options.past), the
 * mappings. For these a native trace is read from its start; otherwise it is
 * sought, and blocks know their process. */
#include "trace/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "trace/buffers.h"
#include "trace/intern.h"
#include "trace/kbt_reader.h"

#define WINDOW_BYTES (1 << 20)
#define HEAD_BYTES (1 << 16)

/* What was said before the window. */
struct past {
    uint32_t process; /* whose references come */
    bool told;
    /* With options.past: */
    uint64_t thread, kernel; /* whose references come */
    struct kb_event *events; /* of mappings, and of which process they are */
    size_t count, room;
};

struct kb_reader {
    struct kb_source source;
    struct kb_reader_options options;
    const struct kb_trace_format *format; /* NULL: native */
    uint64_t page_size;                   /* delivered; 0: page numbers */
    uint64_t position;                    /* references before the next inner block */
    uint64_t delivered;
    uint32_t last_pages; /* ids delivered so far */
    bool ended;

    /* foreign formats */
    struct kb_collector *collector;
    struct kb_cursor cursor;
    uint8_t *window;
    size_t window_filled;
    struct kb_trace_access accesses[KB_ACCESS_BATCH];
    size_t access_count, access_used;
    bool input_ended;

    struct kbt_reader native;

    /* the filter */
    bool filtering;
    struct past past;
    unsigned merge_shift; /* log2(page size / grain) */
    struct kb_intern merged;
    uint32_t *new_id; /* by inner id: id + 1 */
    size_t new_id_room;
    struct kb_buffers buffers;
};

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "a reader", (unsigned long long)bytes);
}

/* ---- opening ---- */

static void format_names(char *text, size_t room) {
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; kb_trace_formats[i] != NULL; i++, used = strlen(text)) {
        strncat(text, kb_trace_formats[i]->name, room - used - 1);
        strncat(text, ", ", room - strlen(text) - 1);
    }
    strncat(text, "kbt", room - used - 1);
}

static kb_status choose_format(struct kb_reader *r, struct kb_error *error) {
    const char *name = r->options.format;
    char names[200];
    bool native = r->window_filled >= 8 && memcmp(r->window, KBT_MAGIC, 8) == 0;
    if (name != NULL && strcmp(name, "kbt") != 0) {
        r->format = kb_trace_format_find(name);
        if (r->format != NULL)
            return KB_OK;
        format_names(names, sizeof names);
        return kb_fail(error, KB_USAGE, KB_MSG_unknown_format, name, names);
    }
    if (native || name != NULL)
        return KB_OK; /* r->format stays NULL */
    if (r->window_filled == 0)
        return kb_fail(error, KB_DATA, KB_MSG_empty_trace);
    size_t head = r->window_filled < HEAD_BYTES ? r->window_filled : HEAD_BYTES;
    r->format = kb_trace_format_detect(r->window, head);
    if (r->format != NULL)
        return KB_OK;
    format_names(names, sizeof names);
    return kb_fail(error, KB_DATA, KB_MSG_format_not_found, names);
}

static kb_status choose_page_size(struct kb_reader *r, struct kb_error *error) {
    uint64_t wanted = r->options.page_size;
    bool numbers = r->format != NULL ? r->format->page_numbers : r->native.grain == 0;
    uint64_t grain = r->format != NULL ? KB_SMALLEST_PAGE_SIZE : r->native.grain;
    if (numbers)
        return wanted == 0 ? KB_OK : kb_fail(error, KB_USAGE, KB_MSG_page_size_refused);
    if (wanted == 0)
        wanted = grain > KB_DEFAULT_PAGE_SIZE ? grain : KB_DEFAULT_PAGE_SIZE;
    if (!kb_is_power_of_two(wanted) || wanted < KB_SMALLEST_PAGE_SIZE ||
        wanted > KB_LARGEST_PAGE_SIZE)
        return kb_fail(error, KB_USAGE, KB_MSG_page_size_invalid,
                       (unsigned long long)KB_SMALLEST_PAGE_SIZE,
                       (unsigned long long)KB_LARGEST_PAGE_SIZE, (unsigned long long)wanted);
    if (wanted < grain)
        return kb_fail(error, KB_USAGE, KB_MSG_page_size_below_grain, (unsigned long long)grain,
                       (unsigned long long)wanted, (unsigned long long)wanted);
    r->page_size = wanted;
    r->merge_shift = r->format != NULL ? 0 : kb_log2(wanted / grain);
    return KB_OK;
}

static kb_status open_filter(struct kb_reader *r, struct kb_error *error) {
    r->filtering = r->merge_shift > 0 || r->options.skip > 0;
    if (!r->filtering)
        return KB_OK;
    if (!kb_buffers_init(&r->buffers))
        return out_of_memory(error, KB_BUFFER_BYTES);
    return kb_intern_init(&r->merged, r->options.host, error);
}

static kb_status fill_window(struct kb_reader *r, struct kb_error *error) {
    size_t rest = (size_t)(r->cursor.end - r->cursor.at);
    r->cursor.offset += (uint64_t)(r->cursor.at - r->window);
    memmove(r->window, r->cursor.at, rest);
    r->window_filled = rest;
    while (r->window_filled < WINDOW_BYTES && !r->input_ended) {
        size_t got;
        kb_status status = r->source.read(r->source.context, r->window + r->window_filled,
                                          WINDOW_BYTES - r->window_filled, &got, error);
        if (status != KB_OK)
            return status;
        r->input_ended = got == 0;
        r->window_filled += got;
        if (r->window_filled >= HEAD_BYTES && r->format == NULL)
            break; /* a pipe's first bytes suffice to begin */
    }
    r->cursor.at = r->window;
    r->cursor.end = r->window + r->window_filled;
    r->cursor.last = r->input_ended;
    return KB_OK;
}

/* Native traces continue behind their header: what else the window holds is read again, from the
 * source if it can go back, otherwise from the window (`reread`). */
static kb_status read_window_first(void *context, void *buffer, size_t room, size_t *got,
                                   struct kb_error *error) {
    struct kb_reader *r = context;
    size_t waiting = (size_t)(r->cursor.end - r->cursor.at);
    if (waiting == 0)
        return r->source.read(r->source.context, buffer, room, got, error);
    *got = waiting < room ? waiting : room;
    memcpy(buffer, r->cursor.at, *got);
    r->cursor.at += *got;
    return KB_OK;
}

static kb_status open_native(struct kb_reader *r, struct kb_error *error) {
    struct kb_source source = r->source;
    if (source.seek == NULL) {
        source.context = r;
        source.read = read_window_first;
        r->cursor.at += r->window_filled < KBT_HEADER_BYTES ? 0 : KBT_HEADER_BYTES;
    }
    kb_status status = kbt_open(&r->native, source, r->window, r->window_filled, r->options.recover,
                                r->options.host, error);
    if (status != KB_OK)
        return status;
    if (r->source.seek != NULL) {
        status = kbt_load_footer(&r->native, error);
        if (status == KB_OK)
            status = r->source.seek(r->source.context, KBT_HEADER_BYTES, error);
    }
    return status;
}

static kb_status open_all(struct kb_reader *r, struct kb_error *error) {
    kb_status status = choose_format(r, error);
    if (status == KB_OK && r->format == NULL)
        status = open_native(r, error);
    if (status == KB_OK)
        status = choose_page_size(r, error);
    if (status == KB_OK && r->format != NULL)
        status = kb_collector_new(&r->collector, r->page_size, r->options.host, error);
    if (status == KB_OK)
        status = open_filter(r, error);
    bool seeks = r->options.skip > 0 && !r->options.past;
    if (status == KB_OK && r->format == NULL && seeks && r->native.totals_known) {
        status = kbt_seek(&r->native, r->options.skip, error);
        r->position = r->native.references;
        r->past.process = r->native.process;
    }
    return status;
}

kb_status kb_reader_open(struct kb_reader **reader, struct kb_source source,
                         const struct kb_reader_options *options, struct kb_error *error) {
    struct kb_reader *r = calloc(1, sizeof *r);
    *reader = NULL;
    if (r == NULL || (r->window = malloc(WINDOW_BYTES)) == NULL) {
        free(r);
        return out_of_memory(error, WINDOW_BYTES);
    }
    r->source = source;
    r->options = *options;
    r->cursor = (struct kb_cursor){.at = r->window, .end = r->window, .line = 1};
    kb_status status = fill_window(r, error);
    if (status == KB_OK)
        status = open_all(r, error);
    if (status == KB_OK)
        *reader = r;
    else
        kb_reader_close(r);
    return status;
}

/* ---- blocks of foreign formats ---- */

/* Puts the place before the parser's message. */
static kb_status placed(const struct kb_reader *r, struct kb_error *error) {
    struct kb_error place = {.language = error->language};
    bool text = r->format->text;
    uint64_t where =
        text ? r->cursor.line : r->cursor.offset + (uint64_t)(r->cursor.at - r->window);
    kb_fail(&place, KB_DATA, text ? KB_MSG_at_line : KB_MSG_at_byte, (unsigned long long)where);
    return kb_place(error, place.text);
}

static kb_status parse_more(struct kb_reader *r, struct kb_error *error) {
    r->access_used = r->access_count = 0;
    for (;;) {
        kb_status status =
            r->format->parse(&r->cursor, r->accesses, KB_ACCESS_BATCH, &r->access_count, error);
        if (status != KB_OK)
            return placed(r, error);
        if (r->access_count > 0 || r->cursor.finished)
            return KB_OK;
        if (r->cursor.last)
            return KB_OK;
        status = fill_window(r, error);
        if (status != KB_OK)
            return status;
    }
}

static kb_status next_foreign(struct kb_reader *r, struct kb_block *block, struct kb_error *error) {
    while (!kb_collector_full(r->collector)) {
        kb_status status = KB_OK;
        if (r->access_used == r->access_count)
            status = parse_more(r, error);
        if (status != KB_OK)
            return status;
        if (r->access_count == 0)
            break;
        status =
            kb_collector_add(r->collector, r->accesses, r->access_count, &r->access_used, error);
        if (status != KB_OK)
            return status;
    }
    return kb_collector_take(r->collector, block, error);
}

/* ---- the filter ---- */

static kb_status room_for_ids(struct kb_reader *r, size_t ids, struct kb_error *error) {
    if (ids <= r->new_id_room)
        return KB_OK;
    size_t room = ids + ids / 2;
    uint32_t *fresh = realloc(r->new_id, room * sizeof *fresh);
    if (fresh == NULL)
        return out_of_memory(error, room * sizeof *fresh);
    memset(fresh + r->new_id_room, 0, (room - r->new_id_room) * sizeof *fresh);
    r->new_id = fresh;
    r->new_id_room = room;
    return KB_OK;
}

static const uint64_t *inner_numbers(const struct kb_reader *r) {
    return r->format != NULL ? kb_collector_page_numbers(r->collector) : r->native.numbers;
}

static kb_status renumber(struct kb_reader *r, uint32_t page, uint32_t *id,
                          struct kb_error *error) {
    if (r->new_id[page] == 0) {
        uint64_t number = inner_numbers(r)[page] >> r->merge_shift;
        uint32_t process = r->native.owners != NULL ? r->native.owners[page] : 0;
        kb_status status = kb_intern_batch(&r->merged, process, &number, id, 1, error);
        if (status != KB_OK)
            return status;
        r->new_id[page] = *id + 1;
    }
    *id = r->new_id[page] - 1;
    return KB_OK;
}

/* Pages of the new size. What is legal in a part of a page makes the page legal, with the rights of
 * the part that was told last; but a page loses its contents, or may leave, only as a whole. (Of
 * two parts that go one after the other nothing is told.) */
static void merge_range(const struct kb_reader *r, struct kb_event *event) {
    const unsigned shift = r->merge_shift;
    const uint64_t mask = (UINT64_C(1) << shift) - 1;
    uint64_t first = event->first, end = first + event->pages;
    bool partly = event->type == KB_EVENT_MAP || event->type >= KB_EVENT_PROTECT;
    if (end < first)
        end = UINT64_MAX;
    if (event->pages == 0)
        end = first;
    else if (partly)
        end = (end >> shift) + ((end & mask) != 0);
    else
        end >>= shift;
    event->first = (first >> shift) + (!partly && (first & mask) != 0);
    event->pages = end > event->first && event->pages > 0 ? end - event->first : 0;
}

static kb_status keep_event(struct kb_reader *r, const struct kb_event *event, uint32_t at,
                            uint32_t *count, struct kb_error *error) {
    if (!kb_buffers_room(&r->buffers, *count))
        return out_of_memory(error, *count * sizeof(struct kb_event));
    struct kb_event *to = &r->buffers.events[(*count)++];
    *to = *event;
    to->at = at;
    if (r->merge_shift > 0 && kb_event_has_pages(event->type))
        merge_range(r, to);
    return KB_OK;
}

/* ---- what comes before the window ---- */

static kb_status keep_past(struct past *past, const struct kb_event *event,
                           struct kb_error *error) {
    if (past->count > 0 && event->type == KB_EVENT_PROCESS &&
        past->events[past->count - 1].type == KB_EVENT_PROCESS)
        past->count--; /* that one mapped nothing meanwhile */
    if (past->count == past->room) {
        size_t room = past->room == 0 ? 256 : past->room * 2;
        struct kb_event *events = realloc(past->events, room * sizeof *events);
        if (events == NULL)
            return out_of_memory(error, room * sizeof *events);
        past->events = events;
        past->room = room;
    }
    past->events[past->count++] = *event;
    return KB_OK;
}

/* Of what is skipped. Contents and their loss are no matter: the window begins with none. */
static kb_status note_past(struct kb_reader *r, const struct kb_event *event,
                           struct kb_error *error) {
    struct past *past = &r->past;
    bool process = event->type == KB_EVENT_PROCESS;
    if (process)
        past->process = (uint32_t)event->first;
    if (!r->options.past)
        return KB_OK;
    if (process || event->type == KB_EVENT_THREAD) {
        past->thread = process ? 0 : event->first;
        past->kernel = 0;
    } else if (event->type == KB_EVENT_KERNEL) {
        past->kernel = event->first;
    }
    bool of_mappings = event->type == KB_EVENT_MAP || event->type == KB_EVENT_UNMAP ||
                       event->type == KB_EVENT_NAME || event->type >= KB_EVENT_PROTECT;
    return process || of_mappings ? keep_past(past, event, error) : KB_OK;
}

static kb_status note_block(struct kb_reader *r, const struct kb_block *block,
                            struct kb_error *error) {
    kb_status status = KB_OK;
    for (uint32_t i = 0; i < block->event_count && status == KB_OK; i++)
        status = note_past(r, &block->events[i], error);
    return status;
}

/* The window's first events. */
static kb_status tell_past(struct kb_reader *r, uint32_t *count, struct kb_error *error) {
    struct past *past = &r->past;
    uint64_t process = 0;
    kb_status status = KB_OK;
    if (past->told)
        return KB_OK;
    past->told = true;
    for (size_t i = 0; i < past->count && status == KB_OK; i++) {
        if (past->events[i].type == KB_EVENT_PROCESS)
            process = past->events[i].first;
        status = keep_event(r, &past->events[i], 0, count, error);
    }
    const struct kb_event now[] = {{0, KB_EVENT_PROCESS, past->process, 0},
                                   {0, KB_EVENT_THREAD, past->thread, 0},
                                   {0, KB_EVENT_KERNEL, past->kernel, 0}};
    const uint64_t known[] = {process, 0, 0};
    for (unsigned i = 0; i < 3 && status == KB_OK; i++)
        if (now[i].first != known[i])
            status = keep_event(r, &now[i], 0, count, error);
    free(past->events);
    past->events = NULL;
    past->count = past->room = 0;
    return status;
}

/* Skips `before` references of the block, and gives the rest its final ids; runs that become
 * neighbours of one page and kind grow together. */
static kb_status filter(struct kb_reader *r, struct kb_block *block, uint64_t before,
                        struct kb_error *error) {
    uint32_t count = 0, events = 0, event = 0;
    uint64_t references = 0;
    kb_buffers_swap(&r->buffers);
    kb_status status = room_for_ids(r, block->pages, error);
    for (uint32_t i = 0; i <= block->count && status == KB_OK; i++) {
        bool barrier = false;
        for (; event < block->event_count && block->events[event].at == i; event++) {
            if (before > 0 && status == KB_OK) {
                status = note_past(r, &block->events[event], error);
                continue;
            }
            if (status == KB_OK)
                status = tell_past(r, &events, error);
            if (status == KB_OK)
                status = keep_event(r, &block->events[event], count, &events, error);
            barrier = true;
        }
        if (i == block->count || status != KB_OK)
            break;
        uint32_t n = kb_run_count(block->runs[i]), kind = block->runs[i].word & 3, id;
        uint32_t cut = before < n ? (uint32_t)before : n;
        before -= cut;
        n -= cut;
        if (n == 0)
            continue;
        status = tell_past(r, &events, error);
        if (status == KB_OK)
            status = renumber(r, block->runs[i].page, &id, error);
        if (status != KB_OK)
            break;
        references += n;
        struct kb_run *last = &r->buffers.runs[count - (count > 0)];
        if (count > 0 && !barrier && last->page == id && (last->word & 3) == kind &&
            (last->word >> 2) + n <= KB_RUN_MAX_COUNT)
            last->word += n << 2;
        else
            r->buffers.runs[count++] = (struct kb_run){id, n << 2 | kind};
    }
    memset(r->buffers.runs + count, 0, KB_RUN_PADDING * sizeof *r->buffers.runs);
    *block = (struct kb_block){.runs = r->buffers.runs,
                               .count = count,
                               .event_count = events,
                               .events = r->buffers.events,
                               .references = references,
                               .pages = r->merged.count};
    return status;
}

/* ---- all together ---- */

/* Cuts the block to `most` references. The runs may be the reader's own: that is its right. */
static void cut(struct kb_block *block, uint64_t most) {
    uint64_t sum = 0;
    uint32_t highest = 0, events_end = 0; /* what happens behind a run that is cut does not */
    for (uint32_t i = 0; i < block->count; i++) {
        struct kb_run *run = (struct kb_run *)(uintptr_t)&block->runs[i];
        uint32_t n = kb_run_count(*run);
        if (run->page >= highest)
            highest = run->page + 1;
        if (sum + n >= most) {
            run->word = (uint32_t)(most - sum) << 2 | (run->word & 3);
            block->count = i + 1;
            events_end = sum + n == most ? i + 1 : i;
            break;
        }
        sum += n;
    }
    /* Ids come in the order of first touch: those of earlier blocks are all below the new ones. */
    struct kb_run *end = (struct kb_run *)(uintptr_t)(block->runs + block->count);
    memset(end, 0, KB_RUN_PADDING * sizeof *end);
    while (block->event_count > 0 && block->events[block->event_count - 1].at > events_end)
        block->event_count--;
    block->references = most;
    block->pages = highest; /* the caller takes the maximum with what it knew */
}

static kb_status next_inner(struct kb_reader *r, struct kb_block *block, struct kb_error *error) {
    for (;;) {
        kb_status status =
            r->format != NULL ? next_foreign(r, block, error) : kbt_next(&r->native, block, error);
        if (status != KB_OK)
            return status;
        if (block->count == 0 && block->event_count == 0)
            return KB_OK;
        uint64_t skip = r->options.skip, before = 0;
        if (skip > r->position)
            before = skip - r->position;
        r->position += block->references;
        if (before > 0 && before >= block->references) {
            status = note_block(r, block, error);
            if (status != KB_OK)
                return status;
            continue;
        }
        return r->filtering ? filter(r, block, before, error) : KB_OK;
    }
}

/* After the last block no page is looked up any more. */
static void close_tables(struct kb_reader *r) {
    if (r->collector != NULL)
        kb_collector_close(r->collector);
    if (r->filtering)
        kb_intern_close_table(&r->merged);
}

kb_status kb_reader_next(struct kb_reader *r, struct kb_block *block, struct kb_error *error) {
    uint64_t limit = r->options.limit;
    static const struct kb_run nothing[KB_RUN_PADDING] = {{0, 0}};
    *block = (struct kb_block){.runs = nothing, .pages = r->last_pages};
    if (r->ended || (limit > 0 && r->delivered == limit))
        return KB_OK;
    do {
        kb_status status = next_inner(r, block, error);
        if (status != KB_OK)
            return status;
        if (block->count == 0 && block->event_count == 0) {
            r->ended = true;
            close_tables(r);
            block->pages = r->last_pages;
            if (r->delivered > 0)
                return KB_OK;
            return r->options.skip > 0 && r->position > 0
                       ? kb_fail(error, KB_DATA, KB_MSG_empty_window,
                                 (unsigned long long)r->options.skip + 1)
                       : kb_fail(error, KB_DATA, KB_MSG_empty_trace);
        }
    } while (block->count == 0 && block->event_count == 0);
    if (limit > 0 && block->references > limit - r->delivered)
        cut(block, limit - r->delivered);
    if (block->pages < r->last_pages)
        block->pages = r->last_pages;
    r->last_pages = block->pages;
    r->delivered += block->references;
    return KB_OK;
}

void kb_reader_info(const struct kb_reader *r, struct kb_trace_info *info) {
    memset(info, 0, sizeof *info);
    info->format = r->format != NULL ? r->format->name : "kbt";
    info->version = r->format != NULL ? 0 : r->native.version;
    info->page_size = r->page_size;
    info->grain = r->format != NULL ? (r->format->page_numbers ? 0 : 1) : r->native.grain;
    if (r->format == NULL) {
        memcpy(info->program, r->native.program, sizeof r->native.program);
        info->totals_known = r->native.totals_known;
        info->references = r->native.totals.references;
        info->runs = r->native.totals.runs;
        info->blocks = r->native.totals.blocks;
        info->pages = r->native.totals.pages;
    }
}

const uint64_t *kb_reader_page_numbers(const struct kb_reader *r) {
    return r->filtering ? r->merged.numbers : inner_numbers(r);
}

const uint32_t *kb_reader_processes(const struct kb_reader *r) {
    if (r->filtering)
        return r->merged.processes;
    return r->format != NULL ? NULL : r->native.owners;
}

uint64_t kb_reader_lost_bytes(const struct kb_reader *r) { return r->native.lost; }

void kb_reader_close(struct kb_reader *r) {
    if (r == NULL)
        return;
    kb_collector_free(r->collector);
    kbt_close(&r->native);
    kb_intern_free(&r->merged);
    free(r->window);
    free(r->new_id);
    free(r->past.events);
    kb_buffers_free(&r->buffers);
    free(r);
}
