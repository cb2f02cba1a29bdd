/* stream.c - prints what is in a trace, for the tests of the recorder: a line a run or an event.
 *
 *   X 401 3                         three fetches in a row from page 0x401 (R: reads, W: writes)
 *   map 401 2 /path/of/the/file     two pages from 0x401 on became legal; and their name, if any
 *   protect 401 2 r-x               rights
 *   thread 3    process 1    kernel 1    unmap 401 2    discard 401 2    release 401 2
 *
 * Page numbers are hexadecimal. Neighbours of one page and kind are one line,
 * for a format does not say where a long run is split. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kilburn.h"

struct stream {
    uint64_t page, count; /* the run to be printed; count 0: none */
    unsigned kind;
    uint32_t process;             /* of the run */
    const struct kb_event *named; /* the mapping whose name is being gathered */
    char name[8192];
    size_t length;
};

static void end_run(struct stream *s) {
    if (s->count > 0)
        printf("%c %" PRIx64 " %" PRIu64 "\n", "RWX"[s->kind], s -> page, s -> count);
    s->count = 0;
}

static void end_mapping(struct stream *s) {
    if (s->named == NULL)
        return;
    printf("map %" PRIx64 " %" PRIu64 "%s%.*s\n", s->named->first, s->named->pages,
           s->length > 0 ? " " : "", (int)s->length, s->name);
    s->named = NULL;
}

static void add_name(struct stream *s, const struct kb_event *event) {
    const uint64_t piece[2] = {event->first, event->pages};
    for (size_t i = 0; i < sizeof piece && s->length < sizeof s->name; i++)
        if (((const char *)piece)[i] != '\0')
            s->name[s->length++] = ((const char *)piece)[i];
}

static void print_event(struct stream *s, const struct kb_event *event) {
    static const char *const plain[] = {
        [KB_EVENT_PROCESS] = "process", [KB_EVENT_THREAD] = "thread",
        [KB_EVENT_KERNEL] = "kernel",   [KB_EVENT_UNMAP] = "unmap",
        [KB_EVENT_RELEASE] = "release", [KB_EVENT_DISCARD] = "discard"};
    unsigned rights = event->type - KB_EVENT_PROTECT;
    end_run(s);
    if (event->type == KB_EVENT_NAME) {
        add_name(s, event);
        return;
    }
    end_mapping(s);
    if (event->type == KB_EVENT_MAP) {
        s->named = event;
        s->length = 0;
    } else if (event->type >= KB_EVENT_PROTECT) {
        printf("protect %" PRIx64 " %" PRIu64 " %c%c%c\n", event->first, event->pages,
               rights & 1 ? 'r' : '-', rights & 2 ? 'w' : '-', rights & 4 ? 'x' : '-');
    } else if (kb_event_has_pages(event->type)) {
        printf("%s %" PRIx64 " %" PRIu64 "\n", plain[event->type], event->first, event->pages);
    } else {
        printf("%s %" PRIu64 "\n", plain[event->type], event->first);
    }
}

static void print_run(struct stream *s, uint64_t page, const struct kb_run *run) {
    end_mapping(s);
    if (s->count == 0 || s->page != page || s->kind != kb_run_kind(*run))
        end_run(s);
    s->page = page;
    s->kind = kb_run_kind(*run);
    s->count += kb_run_count(*run);
}

static void print_block(struct stream *s, const struct kb_reader *reader,
                        const struct kb_block *block) {
    const uint64_t *numbers = kb_reader_page_numbers(reader);
    uint32_t event = 0;
    for (uint32_t i = 0; i <= block->count; i++) {
        for (; event < block->event_count && block->events[event].at == i; event++)
            print_event(s, &block->events[event]);
        if (i < block->count)
            print_run(s, numbers[block->runs[i].page], &block->runs[i]);
    }
}

static kb_status print_trace(const char *name, const struct kb_host *host, struct kb_error *error) {
    static struct stream stream;
    static struct kb_event kept; /* a mapping at the end of a block; its name may be in the next */
    struct kb_reader *reader = NULL;
    struct kb_source source;
    struct kb_block block = {.count = 0};
    struct kb_trace_info info;
    kb_status status = kb_file_open(&source, name, error);
    if (status != KB_OK)
        return status;
    status = kb_reader_open(&reader, source, &(struct kb_reader_options){.host = host}, error);
    if (status == KB_OK) { /* at the trace's own grain */
        kb_reader_info(reader, &info);
        kb_reader_close(reader);
        kb_file_close(&source);
        status = kb_file_open(&source, name, error);
        if (status == KB_OK)
            status = kb_reader_open(
                &reader, source, &(struct kb_reader_options){.host = host, .page_size = info.grain},
                error);
    }
    while (status == KB_OK) {
        status = kb_reader_next(reader, &block, error);
        if (status != KB_OK || (block.count == 0 && block.event_count == 0))
            break;
        print_block(&stream, reader, &block);
        if (stream.named != NULL) {
            kept = *stream.named;
            stream.named = &kept;
        }
    }
    end_mapping(&stream);
    end_run(&stream);
    kb_reader_close(reader);
    kb_file_close(&source);
    return status;
}

int main(int argc, char **argv) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_host host;
    if (argc != 2) {
        fprintf(stderr, "stream: a trace's name is wanted\n");
        return 2;
    }
    kb_status status = kb_host_open(&host, 1, &error);
    if (status == KB_OK) {
        status = print_trace(argv[1], &host, &error);
        kb_host_close(&host);
    }
    if (status != KB_OK)
        fprintf(stderr, "stream: %s\n", error.text);
    return status == KB_OK ? 0 : 1;
}
