/* fuzz_kbt.c - native traces, made of anything.
 *
 *   | u8 flags | u8 skip | u8 limit | u8 page size | the file … |
 *
 *   flags   1 recover     2 a pipe that gives few bytes a call     4 no codecs
 *           8 mend: magic numbers and checksums are put right in place, and a trailer is added, so
 *             that what lies behind them is reached
 *           16 what was mapped before the window is told
 *
 * What is delivered must keep the reader's promises: pages below the stated
 * number, counts of at least 1 that sum up, padding, events inside the block. What trace info tells
 * of it adds up, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/memory.h"
#include "base/checksum.h"
#include "host/codecs.h"
#include "replay/story.h"
#include "trace/kbt.h"
#include "trace/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { RECOVER = 1, PIPE = 2, NO_CODECS = 4, MEND = 8, PAST = 16 };

static kb_status memory_seek(void *context, uint64_t offset, struct kb_error *error) {
    struct memory *memory = context;
    (void)error;
    MUST(offset <= memory->length);
    memory->place = (size_t)offset;
    return KB_OK;
}

/* ---- mending ---- */

/* Checks what a block needs to be plausible, all but what its records say; returns its end, or 0.
 */
static size_t mend_block(uint8_t *file, size_t length, size_t at, uint64_t *pages,
                         uint64_t *references) {
    if (at + KBT_BLOCK_BYTES > length)
        return 0;
    uint8_t *h = file + at;
    bool footer = h[0] & 1;
    size_t rest = length - at - KBT_BLOCK_BYTES, stored = (size_t)kbt_get(h + 8, 2);
    stored = stored < rest ? stored : rest;
    kbt_put(h, footer ? KBT_FOOTER_MAGIC : KBT_BLOCK_MAGIC, 4);
    kbt_put(h + 8, stored, 4);
    if (h[44] % 4 == 0) {
        h[44] = KB_CODEC_RAW;
        kbt_put(h + 12, stored, 4);
    }
    kbt_put(h + 20, *pages, 4);
    kbt_put(h + 24, *references, 8);
    *pages += kbt_get(h + 16, 4);
    *references += kbt_get(h + 32, 8);
    kbt_put(h + 4, kb_crc32c(0, h + KBT_BLOCK_BYTES, stored), 4);
    kbt_put(h + 60, kb_crc32c(0, h, 60), 4);
    return footer ? 0 : at + KBT_BLOCK_BYTES + stored;
}

static void mend(uint8_t *file, size_t length) {
    uint64_t pages = 0, references = 0;
    size_t at = KBT_HEADER_BYTES, last = 0;
    if (length < KBT_HEADER_BYTES + KBT_TRAILER_BYTES)
        return;
    memcpy(file, KBT_MAGIC, 8);
    kbt_put(file + 8, KBT_VERSION_PLAIN + (file[8] & 1), 2);
    file[10] = file[10] > 40 ? KBT_NO_GRAIN : file[10];
    kbt_put(file + 60, kb_crc32c(0, file, 60), 4);
    while (at > 0) {
        last = at;
        at = mend_block(file, length - KBT_TRAILER_BYTES, at, &pages, &references);
    }
    kbt_put(file + length - KBT_TRAILER_BYTES, last, 8);
    memcpy(file + length - 8, KBT_END, 8);
}

/* ---- reading ---- */

static void check_block(const struct kb_block *block, uint32_t pages_before) {
    uint64_t sum = 0;
    uint32_t at = 0;
    MUST(block->pages >= pages_before);
    for (uint32_t i = 0; i < block->count; i++) {
        MUST(kb_run_count(block->runs[i]) > 0 && kb_run_kind(block->runs[i]) <= KB_EXECUTE);
        MUST(block->runs[i].page < block->pages);
        sum += kb_run_count(block->runs[i]);
    }
    MUST(sum == block->references);
    for (uint32_t i = 0; i < KB_RUN_PADDING; i++)
        MUST(block->runs[block->count + i].page == 0);
    for (uint32_t i = 0; i < block->event_count; i++) {
        MUST(block->events[i].at >= at && block->events[i].at <= block->count);
        MUST(kb_event_valid(block->events[i].type));
        at = block->events[i].at;
    }
}

/* Each reference lies in an object, or outside; pages that are mapped now are those of regions. */
static void check_story(struct kb_story *story, uint64_t references) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_story_reuse reuse;
    uint64_t sum = kb_story_references(&story->outside);
    MUST(kb_story_end(story, &reuse, &error) == KB_OK);
    for (uint32_t i = 0; i < story->mappings.object_count; i++) {
        struct kb_story_use use = kb_story_use(story, i);
        MUST(kb_mapped_most(&story->mappings.objects[i]) >= story->mappings.objects[i].pages);
        MUST(use.pages <= story->page_count);
        sum += kb_story_references(&use);
    }
    MUST(story->references == references && (!story->mapped || sum == references));
    MUST(reuse.nine_tenths >= reuse.half && reuse.once <= story->page_count);
}

static void read_all(struct kb_source source, const struct kb_reader_options *options) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_reader *reader;
    struct kb_block block;
    struct kb_trace_info info;
    uint64_t references = 0, names = 0;
    uint32_t pages = 0;
    struct kb_story story;
    MUST(kb_story_init(&story, NULL, &error) == KB_OK);
    kb_status status = kb_reader_open(&reader, source, options, &error);
    while (status == KB_OK) {
        status = kb_reader_next(reader, &block, &error);
        if (status != KB_OK || (block.count == 0 && block.event_count == 0))
            break;
        check_block(&block, pages);
        for (uint32_t i = pages; i < block.pages; i++)
            names ^= kb_reader_page_numbers(reader)[i];
        MUST(kb_story_add(&story, &block, kb_reader_page_numbers(reader),
                          kb_reader_processes(reader), &error) == KB_OK);
        references += block.references;
        pages = block.pages;
    }
    MUST(status == KB_OK || error.text[0] != '\0');
    MUST(options->limit == 0 || references <= options->limit);
    if (reader != NULL) {
        kb_reader_info(reader, &info);
        MUST(kb_reader_lost_bytes(reader) <= (options->recover ? UINT64_MAX : 0));
    }
    kb_reader_close(reader);
    check_story(&story, references);
    kb_story_free(&story);
    (void)names;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct kb_host host = {.codecs = &kb_host_codecs};
    if (size < 5)
        return 0;
    uint8_t flags = data[0];
    size_t length = size - 4;
    uint8_t *file = malloc(length);
    if (file == NULL)
        abort();
    memcpy(file, data + 4, length);
    if (flags & MEND)
        mend(file, length);
    struct memory memory = {file, length, 0, flags & PIPE ? 1 + flags / 16u : SIZE_MAX};
    struct kb_source source = {.context = &memory, .read = memory_read, .name = "fuzz"};
    if (!(flags & PIPE)) {
        source.seek = memory_seek;
        source.size = length;
    }
    struct kb_reader_options options = {.format = "kbt",
                                        .skip = data[1],
                                        .limit = data[2],
                                        .page_size = data[3] == 0 ? 0 : UINT64_C(1) << data[3] % 44,
                                        .recover = flags & RECOVER,
                                        .past = flags & PAST,
                                        .host = flags & NO_CODECS ? NULL : &host};
    read_all(source, &options);
    free(file);
    return 0;
}
