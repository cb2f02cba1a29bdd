/* test_kbt.c - the native format: round trips, windows, page sizes, and files that are cut, bent or
 * made up.
 *
 * Beside the writer there is a second one here (build), from the tables of
 * kbt.h: it makes files of many small blocks, and must agree with the writer
 * byte for byte where that makes one block. Sources deliver at most `step`
 * bytes a call, from memory of the very size of the file. */
#include "harness.h"
#include "memory.h"

#include <stdlib.h>

#include "base/checksum.h"
#include "base/random.h"
#include "host/host.h"
#include "trace/reader.h"
#include "trace/writer.h"

static struct kb_host host;

static void *take(size_t bytes) {
    void *memory = calloc(1, bytes + (bytes == 0));
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- files in memory ---- */

struct bytes {
    uint8_t *at;
    size_t length, room;
};

static void append(struct bytes *bytes, const void *from, size_t count) {
    if (bytes->length + count > bytes->room) {
        bytes->room = (bytes->length + count) * 2;
        bytes->at = realloc(bytes->at, bytes->room);
        if (bytes->at == NULL)
            abort();
    }
    if (count > 0)
        memcpy(bytes->at + bytes->length, from, count);
    bytes->length += count;
}

static void append_number(struct bytes *bytes, uint64_t value, unsigned size) {
    uint8_t field[8];
    kbt_put(field, value, size);
    append(bytes, field, size);
}

static kb_status sink_write(void *context, const void *bytes, size_t count,
                            struct kb_error *error) {
    (void)error;
    append(context, bytes, count);
    return KB_OK;
}

static kb_status memory_seek(void *context, uint64_t offset, struct kb_error *error) {
    struct memory *memory = context;
    (void)error;
    CHECK(offset <= memory->length);
    memory->place = offset <= memory->length ? (size_t)offset : memory->length;
    return KB_OK;
}

/* ---- a trace in memory ---- */

struct model {
    unsigned version;    /* of the format that its events need */
    struct kb_run *runs; /* with padding */
    uint32_t count, room;
    struct kb_event *events; /* at: absolute */
    uint32_t event_count, event_room;
    uint64_t *numbers;
    uint32_t *owners;
    uint32_t pages, page_room;
    uint64_t references;
};

static void model_init(struct model *m, uint32_t runs, uint32_t events, uint32_t pages) {
    memset(m, 0, sizeof *m);
    m->version = 1;
    m->runs = take((runs + KB_RUN_PADDING) * sizeof *m->runs);
    m->events = take(events * sizeof *m->events);
    m->numbers = take(pages * sizeof *m->numbers);
    m->owners = take(pages * sizeof *m->owners);
    m->room = runs;
    m->event_room = events;
    m->page_room = pages;
}

static void model_free(struct model *m) {
    free(m->runs);
    free(m->events);
    free(m->numbers);
    free(m->owners);
}

static void model_run(struct model *m, uint32_t page, enum kb_kind kind, uint32_t count) {
    m->runs[m->count++] = kb_run_make(page, kind, count);
    m->references += count;
}

static void model_event(struct model *m, uint32_t type, uint64_t first, uint64_t pages) {
    m->events[m->event_count++] = (struct kb_event){m->count, type, first, pages};
}

static uint32_t random_count(struct kb_random *random) {
    static const uint32_t edges[] = {253, 254, 255, 256, 257, 65536, 1 << 22, KB_RUN_MAX_COUNT};
    uint64_t draw = kb_random_below(random, 100);
    if (draw < 70)
        return 1;
    return draw < 96 ? 1 + (uint32_t)kb_random_below(random, 254)
                     : edges[kb_random_below(random, 8)];
}

/* Any type that the version has. */
static uint32_t random_type(struct kb_random *random, unsigned version) {
    uint32_t type;
    do
        type = (uint32_t)kb_random_below(random, version == 1 ? 6 : KB_EVENT_TYPES);
    while (!kb_event_valid(type));
    return type;
}

/* Runs of small counts only, if most_count > 0. Page numbers are near each other. Odd seeds make
 * traces of version 1, even ones of version 2. */
static void model_random(struct model *m, uint64_t seed, uint32_t runs, uint32_t events,
                         bool processes, uint32_t most_count) {
    struct kb_random random = {seed};
    uint32_t process = 0;
    model_init(m, runs, events + 1, runs);
    m->version = seed % 2 == 1 ? 1 : 2;
    while (m->count < runs) {
        if (m->event_count < events && kb_random_below(&random, runs) < events) {
            uint32_t type = random_type(&random, m->version);
            uint64_t first = kb_random_next(&random), pages = kb_random_below(&random, 1000);
            if (type == KB_EVENT_PROCESS)
                first = process = processes ? (uint32_t)kb_random_below(&random, 5) : 0;
            model_event(m, type, first, pages);
        }
        uint32_t page = m->pages;
        if (m->pages > 0 && kb_random_below(&random, 3) > 0) {
            page = (uint32_t)kb_random_below(&random, m->pages);
        } else {
            m->numbers[page] = UINT64_C(0x7f0000) + page * 3 + kb_random_below(&random, 3);
            m->owners[page] = process;
            m->pages++;
        }
        uint32_t count = most_count > 0 ? 1 + (uint32_t)kb_random_below(&random, most_count)
                                        : random_count(&random);
        model_run(m, page, (enum kb_kind)kb_random_below(&random, 3), count);
    }
}

static uint32_t pages_until(const struct model *m, uint32_t run) {
    uint32_t pages = 0;
    for (uint32_t i = 0; i < run; i++)
        pages = m->runs[i].page >= pages ? m->runs[i].page + 1 : pages;
    return pages;
}

/* ---- the writer ---- */

/* Given in blocks of `piece` runs. */
static void write_model(const struct model *m, const struct kb_writer_options *options,
                        uint32_t piece, bool owned, struct bytes *file) {
    struct kb_error error = {0};
    struct kb_writer *writer;
    struct kbt_totals totals;
    struct kb_event *events = take((m->event_count + 1) * sizeof *events);
    uint32_t event = 0, pages = 0;
    memset(file, 0, sizeof *file);
    kb_status status = kb_writer_open(&writer, (struct kb_sink){file, sink_write}, options, &error);
    CHECK_EQ(status, KB_OK);
    for (uint32_t from = 0; from < m->count; from += piece) {
        uint32_t count = m->count - from < piece ? m->count - from : piece, n = 0;
        for (; event < m->event_count &&
               (m->events[event].at < from + count || from + count == m->count);
             event++) {
            events[n] = m->events[event];
            events[n++].at -= from;
        }
        for (uint32_t i = from; i < from + count; i++)
            pages = m->runs[i].page >= pages ? m->runs[i].page + 1 : pages;
        struct kb_block block = {m->runs + from, count, n, events, 0, pages};
        status = kb_writer_add(writer, &block, m->numbers, owned ? m->owners : NULL, &error);
        CHECK_EQ(status, KB_OK);
    }
    status = kb_writer_end(writer, &totals, &error);
    CHECK_EQ(status, KB_OK);
    CHECK_EQ(totals.references, m->references);
    CHECK_EQ(totals.runs, m->count);
    CHECK_EQ(totals.pages, m->pages);
    CHECK_EQ(totals.reads + totals.writes + totals.executes, m->references);
    kb_writer_free(writer);
    free(events);
}

/* ---- the second writer ---- */

static void seal_header(uint8_t *block) { kbt_put(block + 60, kb_crc32c(0, block, 60), 4); }

/* Both checksums of the block at `at`, as its header has its length. */
static void seal(struct bytes *file, size_t at) {
    size_t stored = (size_t)kbt_get(file->at + at + 8, 4);
    if (at + KBT_BLOCK_BYTES + stored <= file->length)
        kbt_put(file->at + at + 4, kb_crc32c(0, file->at + at + KBT_BLOCK_BYTES, stored), 4);
    seal_header(file->at + at);
}

static void append_record(struct bytes *to, struct kb_run run, uint32_t *words, uint8_t *flags) {
    uint32_t count = kb_run_count(run);
    append_number(to, run.page << 10 | kb_run_kind(run) << 8 | (count < 255 ? count : 255), 4);
    *words += 1;
    if (count >= 255) {
        append_number(to, count, 4);
        *words += 1;
        *flags |= KBT_LONG;
    }
}

static void append_event(struct bytes *to, const struct kb_event *event, uint32_t *words) {
    append_number(to, event->type << 10 | 3 << 8 | 4, 4);
    append_number(to, event->first, 8);
    append_number(to, event->pages, 8);
    *words += 5;
}

static void append_names(struct bytes *to, const struct model *m, uint32_t from, uint32_t until,
                         bool owned) {
    for (uint32_t i = from; i < until; i++)
        append_number(to, m->numbers[i], 8);
    for (uint32_t i = from; owned && i < until; i++)
        append_number(to, m->owners[i], 4);
}

static void append_block(struct bytes *file, struct kbt_block_header *header, struct bytes *raw,
                         enum kb_codec codec) {
    uint8_t bytes[KBT_BLOCK_BYTES];
    size_t stored = raw->length, room = raw->length + 1000;
    uint8_t *packed = take(room);
    if (codec != KB_CODEC_RAW)
        CHECK(host.codecs->compress(codec, 3, raw->at, raw->length, packed, room, &stored));
    else if (stored > 0)
        memcpy(packed, raw->at, stored);
    header->raw = (uint32_t)raw->length;
    header->stored = (uint32_t)stored;
    header->codec = (uint8_t)codec;
    header->payload_crc = kb_crc32c(0, packed, stored);
    kbt_pack_block_header(header, bytes);
    append(file, bytes, sizeof bytes);
    append(file, packed, stored);
    free(packed);
    free(raw->at);
}

struct built {
    struct bytes file;
    size_t block_at[64]; /* offsets of blocks, then of the footer */
    uint32_t blocks;
};

static void build_block(struct built *b, const struct model *m, uint32_t from, uint32_t until,
                        bool owned, enum kb_codec codec, struct bytes *index) {
    struct bytes raw = {0};
    struct kbt_block_header h = {.magic = KBT_BLOCK_MAGIC, .pages_before = pages_until(m, from)};
    uint32_t event = 0;
    h.new_pages = pages_until(m, until) - h.pages_before;
    for (uint32_t i = 0; i < from; i++)
        h.references_before += kb_run_count(m->runs[i]);
    append_names(&raw, m, h.pages_before, h.pages_before + h.new_pages, owned);
    for (uint32_t i = from; i <= until; i++) {
        for (event = 0; event < m->event_count; event++) {
            const struct kb_event *e = &m->events[event];
            if (e->type == KB_EVENT_PROCESS && e->at < from && i == from)
                h.process = (uint32_t)e->first;
            if (e->at != i || (i == until && until < m->count))
                continue;
            append_event(&raw, e, &h.records);
            h.events++;
            h.flags |= KBT_EVENTS;
        }
        if (i == until)
            break;
        h.references += kb_run_count(m->runs[i]);
        append_record(&raw, m->runs[i], &h.records, &h.flags);
    }
    if (owned && h.new_pages > 0)
        h.flags |= KBT_PROCESSES;
    append_number(index, b->file.length, 8);
    append_number(index, h.references_before, 8);
    append_number(index, h.pages_before, 4);
    append_number(index, h.process, 4);
    b->block_at[b->blocks++] = b->file.length;
    append_block(&b->file, &h, &raw, codec);
}

static void build_footer(struct built *b, const struct model *m, bool owned, enum kb_codec codec,
                         struct bytes *index) {
    struct bytes raw = {0};
    uint64_t by_kind[3] = {0};
    for (uint32_t i = 0; i < m->count; i++)
        by_kind[kb_run_kind(m->runs[i])] += kb_run_count(m->runs[i]);
    const uint64_t totals[] = {m->references, m->count,   b->blocks, m->pages,
                               by_kind[0],    by_kind[1], by_kind[2]};
    for (unsigned i = 0; i < 7; i++)
        append_number(&raw, totals[i], 8);
    append(&raw, index->at, index->length);
    append_names(&raw, m, 0, m->pages, owned);
    struct kbt_block_header h = {.magic = KBT_FOOTER_MAGIC,
                                 .pages_before = m->pages,
                                 .references_before = m->references,
                                 .flags = owned ? KBT_PROCESSES : 0};
    size_t at = b->block_at[b->blocks] = b->file.length;
    append_block(&b->file, &h, &raw, codec);
    append_number(&b->file, at, 8);
    append(&b->file, KBT_END, 8);
}

/* The model in blocks of `piece` runs. */
static void build(struct built *b, const struct model *m, uint32_t piece, bool owned,
                  enum kb_codec codec) {
    struct bytes index = {0};
    memset(b, 0, sizeof *b);
    append(&b->file, KBT_MAGIC, 8);
    append_number(&b->file, m->version, 2);
    append_number(&b->file, 12, 6);
    for (unsigned i = 0; i < 48; i++)
        append_number(&b->file, 0, 1);
    seal_header(b->file.at);
    for (uint32_t from = 0; from < m->count; from += piece)
        build_block(b, m, from, m->count - from < piece ? m->count : from + piece, owned, codec,
                    &index);
    build_footer(b, m, owned, codec, &index);
    free(index.at);
}

/* ---- reading all ---- */

struct trace {
    kb_status status;
    struct kb_error error;
    struct model model;
    struct kb_trace_info info;
    uint64_t lost;
    bool owned;
};

static void grow(void *array, uint32_t *room, uint32_t wanted, size_t size) {
    void *old, *fresh;
    if (wanted <= *room)
        return;
    memcpy(&old, array, sizeof old);
    fresh = realloc(old, wanted * 2 * size);
    if (fresh == NULL)
        abort();
    memcpy(array, &fresh, sizeof fresh);
    *room = wanted * 2;
}

static void keep_block(struct trace *t, const struct kb_block *block) {
    struct model *m = &t->model;
    uint64_t sum = 0;
    grow(&m->runs, &m->room, m->count + block->count, sizeof *m->runs);
    grow(&m->events, &m->event_room, m->event_count + block->event_count, sizeof *m->events);
    for (uint32_t i = 0; i < block->event_count; i++) {
        CHECK(block->events[i].at <= block->count);
        m->events[m->event_count] = block->events[i];
        m->events[m->event_count++].at += m->count;
    }
    for (uint32_t i = 0; i < block->count; i++) {
        sum += kb_run_count(block->runs[i]);
        CHECK(block->runs[i].page < block->pages);
        m->runs[m->count++] = block->runs[i];
    }
    for (uint32_t i = 0; i < KB_RUN_PADDING; i++)
        CHECK(block->runs[block->count + i].page == 0);
    CHECK_EQ(sum, block->references);
    m->references += sum;
    CHECK(block->pages >= m->pages);
    m->pages = block->pages;
}

static void keep_names(struct trace *t, const struct kb_reader *reader) {
    struct model *m = &t->model;
    const uint32_t *owners = kb_reader_processes(reader);
    m->numbers = take(m->pages * sizeof *m->numbers);
    m->owners = take(m->pages * sizeof *m->owners);
    if (m->pages > 0)
        memcpy(m->numbers, kb_reader_page_numbers(reader), m->pages * sizeof *m->numbers);
    if (m->pages > 0 && owners != NULL)
        memcpy(m->owners, owners, m->pages * sizeof *m->owners);
    t->owned = owners != NULL;
}

/* step 0: as much as wanted, and the source can seek; otherwise a pipe. */
static struct trace read_trace(const uint8_t *file, size_t length, size_t step,
                               struct kb_reader_options options) {
    struct trace t = {.status = KB_OK};
    uint8_t *exact = take(length);
    if (length > 0)
        memcpy(exact, file, length);
    struct memory memory = {exact, length, 0, step};
    struct kb_source source = {.context = &memory, .read = memory_read, .name = "memory"};
    struct kb_reader *reader;
    struct kb_block block;
    if (step == 0) {
        source.seek = memory_seek;
        source.size = length;
    }
    if (options.host == NULL)
        options.host = &host;
    t.status = kb_reader_open(&reader, source, &options, &t.error);
    if (t.status == KB_OK) {
        while ((t.status = kb_reader_next(reader, &block, &t.error)) == KB_OK &&
               (block.count > 0 || block.event_count > 0))
            keep_block(&t, &block);
        keep_names(&t, reader);
        kb_reader_info(reader, &t.info);
        t.lost = kb_reader_lost_bytes(reader);
        kb_reader_close(reader);
    }
    CHECK(t.status == KB_OK || t.error.text[0] != '\0');
    free(exact);
    return t;
}

static bool same_runs(const struct model *x, const struct model *y) {
    return x->count == y->count && x->pages == y->pages && x->references == y->references &&
           (x->count == 0 || memcmp(x->runs, y->runs, x->count * sizeof *x->runs) == 0);
}

static bool same_model(const struct model *x, const struct model *y) {
    return same_runs(x, y) && x->event_count == y->event_count &&
           (x->event_count == 0 ||
            memcmp(x->events, y->events, x->event_count * sizeof *x->events) == 0) &&
           (x->pages == 0 || (memcmp(x->numbers, y->numbers, x->pages * 8) == 0 &&
                              memcmp(x->owners, y->owners, x->pages * 4) == 0));
}

/* ---- round trips ---- */

static void round_trip(uint64_t seed, uint32_t runs, bool processes, uint64_t grain) {
    struct model m;
    model_random(&m, seed, runs, runs / 20, processes, 0);
    if (seed % 2 == 0)
        model_event(&m, KB_EVENT_UNMAP, 7, 9); /* behind the last run */
    for (enum kb_packing packing = KB_PACK_AUTO; packing <= KB_PACK_ZSTD; packing++) {
        struct kb_writer_options options = {grain, "a program", packing, 3, &host, m.version};
        struct bytes file;
        write_model(&m, &options, 1 + (uint32_t)seed * 37 % 1000, processes, &file);
        for (unsigned way = 0; way < 3; way++) {
            static const size_t steps[] = {0, 4093, 1 << 20};
            struct trace t = read_trace(file.at, file.length, steps[way],
                                        (struct kb_reader_options){.page_size = grain});
            CHECK_EQ(t.status, KB_OK);
            CHECK(same_model(&m, &t.model));
            CHECK_EQ(t.info.grain, grain);
            CHECK_EQ(t.info.version, m.version);
            CHECK_STR(t.info.program, "a program");
            CHECK(t.info.totals_known);
            CHECK(t.info.references == m.references && t.info.pages == m.pages);
            CHECK_EQ(t.lost, 0);
            model_free(&t.model);
        }
        free(file.at);
    }
    model_free(&m);
}

static void test_round_trips(void) {
    for (uint64_t seed = 1; seed <= 12; seed++)
        round_trip(seed, (uint32_t)(seed * seed * 7), seed % 3 == 0,
                   seed % 4 == 0 ? 0 : UINT64_C(64) << seed);
    round_trip(20, 300000, true, 4096); /* several blocks */
}

/* Pages beyond the narrow records' 2^22. */
static void test_wide(void) {
    const uint32_t pages = KBT_NARROW_PAGES + 1000;
    struct model m;
    struct bytes file;
    model_init(&m, pages + 3000, 10, pages);
    m.pages = pages;
    for (uint32_t i = 0; i < pages; i++) {
        m.numbers[i] = i * UINT64_C(5);
        m.owners[i] = i % 512 == 0;
        model_run(&m, i, KB_WRITE, 1);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        if (i % 1000 == 0)
            model_event(&m, KB_EVENT_PROCESS + i / 1000, i, i);
        model_run(&m, pages - 1 - i * 5, KB_EXECUTE, i % 3 == 0 ? KB_RUN_MAX_COUNT : 255);
    }
    struct kb_writer_options options = {0, NULL, KB_PACK_AUTO, 1, &host, 0}; /* version 1 */
    write_model(&m, &options, KB_BLOCK_RUNS, true, &file);
    struct trace t = read_trace(file.at, file.length, 0, (struct kb_reader_options){.skip = 0});
    CHECK_EQ(t.status, KB_OK);
    CHECK(same_model(&m, &t.model));
    CHECK_STR(t.info.program, "");
    model_free(&t.model);
    free(file.at);
    model_free(&m);
}

/* Many events without any run between them fill blocks of their own. */
static void test_many_events(void) {
    struct model m;
    struct bytes file;
    model_init(&m, 4, 120000, 4);
    m.pages = 1;
    m.numbers[0] = 5;
    model_run(&m, 0, KB_READ, 1);
    for (uint32_t i = 0; i < 120000; i++)
        model_event(&m, KB_EVENT_MAP, i, 1);
    model_run(&m, 0, KB_READ, 2);
    struct kb_writer_options options = {4096, NULL, KB_PACK_ZSTD, 1, &host, 1};
    write_model(&m, &options, 10, false, &file);
    for (size_t step = 0; step < 2; step++) {
        struct trace t =
            read_trace(file.at, file.length, step * 5000, (struct kb_reader_options){0});
        CHECK_EQ(t.status, KB_OK);
        CHECK(same_model(&m, &t.model));
        model_free(&t.model);
    }
    free(file.at);
    model_free(&m);
}

static void test_second_writer(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct model m;
        struct built b;
        struct bytes file;
        model_random(&m, seed, 50, 6, true, 0);
        struct kb_writer_options options = {4096, NULL, KB_PACK_RAW, 0, &host, m.version};
        write_model(&m, &options, 13, true, &file);
        bool owned = false;
        for (uint32_t i = 0; i < m.pages; i++)
            owned |= m.owners[i] != 0;
        build(&b, &m, 50, owned, KB_CODEC_RAW);
        CHECK_EQ(file.length, b.file.length);
        CHECK(file.length == b.file.length && memcmp(file.at, b.file.at, file.length) == 0);
        free(file.at);
        free(b.file.at);
        build(&b, &m, 1 + (uint32_t)seed, owned, (enum kb_codec)(seed % KB_CODECS));
        struct trace t = read_trace(b.file.at, b.file.length, 0, (struct kb_reader_options){0});
        CHECK_EQ(t.status, KB_OK);
        CHECK(same_model(&m, &t.model));
        model_free(&t.model);
        free(b.file.at);
        model_free(&m);
    }
}

/* Ids that are not dense are refused by the writer. */
static void test_dense(void) {
    struct bytes file = {0};
    struct kb_error error = {0};
    struct kb_writer *writer;
    struct kb_writer_options options = {.grain = 4096};
    struct kb_run runs[1 + KB_RUN_PADDING] = {kb_run_make(1, KB_READ, 1)};
    struct kb_block block = {.runs = runs, .count = 1, .references = 1, .pages = 2};
    uint64_t numbers[2] = {0};
    CHECK_EQ(kb_writer_open(&writer, (struct kb_sink){&file, sink_write}, &options, &error), KB_OK);
    CHECK_EQ(kb_writer_add(writer, &block, numbers, NULL, &error), KB_DATA);
    kb_writer_free(writer);
    free(file.at);
}

/* ---- windows and page sizes ---- */

struct reference {
    uint64_t number;
    uint32_t owner, kind;
};

/* The references one by one, of pages 2^shift times as large. */
static struct reference *expand(const struct model *m, unsigned shift) {
    struct reference *list = take((size_t)m->references * sizeof *list), *to = list;
    for (uint32_t i = 0; i < m->count; i++)
        for (uint32_t n = kb_run_count(m->runs[i]), p = m->runs[i].page; n > 0; n--)
            *to++ = (struct reference){m->numbers[p] >> shift, m->owners[p],
                                       (uint32_t)kb_run_kind(m->runs[i])};
    return list;
}

/* Ids come in the order of first touch, and every page is touched. */
static bool dense(const struct model *m) {
    uint32_t pages = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->runs[i].page > pages)
            return false;
        pages += m->runs[i].page == pages;
    }
    return pages == m->pages;
}

static bool distinct(const struct model *m) {
    for (uint32_t i = 0; i < m->pages; i++)
        for (uint32_t k = 0; k < i; k++)
            if (m->numbers[i] == m->numbers[k] && m->owners[i] == m->owners[k])
                return false;
    return true;
}

static void one_window(const struct bytes *file, const struct reference *all, uint64_t count,
                       size_t step, uint64_t skip, uint64_t limit, uint64_t page_size) {
    struct trace t = read_trace(
        file->at, file->length, step,
        (struct kb_reader_options){.skip = skip, .limit = limit, .page_size = page_size});
    if (skip >= count) {
        CHECK_EQ(t.status, KB_DATA);
        model_free(&t.model);
        return;
    }
    uint64_t wanted = count - skip;
    wanted = limit > 0 && limit < wanted ? limit : wanted;
    struct reference *found = expand(&t.model, 0);
    CHECK_EQ(t.status, KB_OK);
    CHECK_EQ(t.model.references, wanted);
    CHECK(t.model.references != wanted ||
          memcmp(found, all + skip, (size_t)wanted * sizeof *found) == 0);
    CHECK(dense(&t.model) && distinct(&t.model));
    free(found);
    model_free(&t.model);
}

static void test_windows(void) {
    struct model m;
    struct built b;
    model_random(&m, 5, 24, 5, true, 3);
    build(&b, &m, 7, true, KB_CODEC_ZSTD);
    struct reference *all = expand(&m, 0), *merged = expand(&m, 2);
    for (uint64_t skip = 0; skip <= m.references + 1; skip++)
        for (uint64_t limit = 0; limit <= m.references - skip % m.references + 1; limit++)
            for (size_t step = 0; step < 2; step++) {
                one_window(&b.file, all, m.references, step * 31, skip, limit, 4096);
                one_window(&b.file, merged, m.references, step * 31, skip, limit, 16384);
            }
    free(all);
    free(merged);
    free(b.file.at);
    model_free(&m);
}

/* 512 bytes to 4 KiB: as if the numbers had been interned without their low three bits. */
static void test_merge(void) {
    struct model m;
    struct bytes file;
    model_random(&m, 8, 5000, 100, true, 5);
    struct kb_writer_options options = {512, NULL, KB_PACK_AUTO, 3, &host, 2};
    write_model(&m, &options, 700, true, &file);
    struct reference *merged = expand(&m, 3);
    one_window(&file, merged, m.references, 0, 0, 0, 4096);
    one_window(&file, merged, m.references, 0, 1234, 5678, 4096);
    one_window(&file, merged, m.references, 777, 0, 0, 0);
    struct trace t =
        read_trace(file.at, file.length, 0, (struct kb_reader_options){.page_size = 256});
    CHECK_EQ(t.status, KB_USAGE);
    CHECK(strstr(t.error.text, "512") != NULL);
    model_free(&t.model);
    free(merged);
    free(file.at);
    model_free(&m);
}

/* ---- damage ---- */

/* A number behind "byte". */
static bool names_byte(const char *text) {
    const char *at = strstr(text, "byte ");
    return at != NULL && at[5] >= '0' && at[5] <= '9';
}

/* How many runs lie in whole blocks before `length`. */
static uint32_t whole_runs(const struct built *b, const struct model *m, uint32_t piece,
                           size_t length, size_t *end) {
    uint32_t blocks = 0;
    while (blocks < b->blocks && b->block_at[blocks + 1] <= length)
        blocks++;
    *end = b->block_at[blocks];
    return blocks * piece < m->count ? blocks * piece : m->count;
}

static bool is_prefix(const struct model *part, const struct model *m, uint32_t runs) {
    if (part->count != runs || part->pages != pages_until(m, runs) ||
        memcmp(part->runs, m->runs, runs * sizeof *m->runs) != 0)
        return false;
    return memcmp(part->numbers, m->numbers, part->pages * 8) == 0 &&
           memcmp(part->owners, m->owners, part->pages * 4) == 0;
}

/* The file's first `length` bytes with recover: the whole blocks, and the count of lost bytes. */
static void recover_cut(const struct built *b, const struct model *m, uint32_t piece, size_t length,
                        size_t step) {
    size_t end;
    uint32_t runs = whole_runs(b, m, piece, length, &end);
    struct trace t = read_trace(b->file.at, length, step,
                                (struct kb_reader_options){.recover = true, .format = "kbt"});
    if (length < KBT_HEADER_BYTES || runs == 0) {
        CHECK_EQ(t.status, KB_DATA);
    } else {
        CHECK_EQ(t.status, KB_OK);
        CHECK(is_prefix(&t.model, m, runs));
        CHECK_EQ(t.lost, length - end);
    }
    model_free(&t.model);
}

static void truncation(uint64_t seed) {
    struct model m;
    struct built b;
    const uint32_t piece = 9;
    model_random(&m, seed, 40, 6, true, 300);
    for (enum kb_codec codec = KB_CODEC_RAW; codec < KB_CODECS; codec++) {
        build(&b, &m, piece, true, codec);
        for (size_t length = 0; length < b.file.length; length++)
            for (size_t step = 0; step <= 50; step += 50) {
                struct trace t = read_trace(b.file.at, length, step,
                                            (struct kb_reader_options){.format = "kbt"});
                CHECK_EQ(t.status, KB_DATA);
                CHECK(names_byte(t.error.text));
                model_free(&t.model);
                recover_cut(&b, &m, piece, length, step);
            }
        free(b.file.at);
    }
    model_free(&m);
}

static void test_truncation(void) {
    truncation(3);
    truncation(12);
}

static void bit_flips(uint64_t seed) {
    struct model m;
    struct built b;
    unsigned undetected = 0;
    model_random(&m, seed, 30, 5, true, 300);
    for (unsigned way = 0; way < 2; way++) {
        build(&b, &m, 11, true, way == 0 ? KB_CODEC_RAW : KB_CODEC_ZSTD);
        for (size_t bit = 0; bit < b.file.length * 8; bit++) {
            b.file.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct trace t = read_trace(b.file.at, b.file.length, way == 0 ? 0 : 64,
                                        (struct kb_reader_options){0});
            if (t.status == KB_OK) {
                undetected++;
                printf("bit %zu of byte %zu is not covered\n", bit % 8, bit / 8);
            }
            model_free(&t.model);
            b.file.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        free(b.file.at);
    }
    CHECK_EQ(undetected, 0);
    model_free(&m);
}

static void test_bit_flips(void) {
    bit_flips(4);
    bit_flips(13);
}

/* A file that ends behind its last block, or goes on behind its trailer. */
static void test_ends(void) {
    struct model m;
    struct built b;
    model_random(&m, 6, 30, 3, false, 4);
    for (size_t step = 0; step < 2; step++) {
        build(&b, &m, 10, false, KB_CODEC_LZ4);
        size_t footer = b.block_at[b.blocks];
        struct trace t = read_trace(b.file.at, footer, step, (struct kb_reader_options){0});
        CHECK_EQ(t.status, KB_DATA);
        CHECK(strstr(t.error.text, "footer") != NULL);
        model_free(&t.model);
        t = read_trace(b.file.at, footer, step, (struct kb_reader_options){.recover = true});
        CHECK_EQ(t.status, KB_OK);
        CHECK(is_prefix(&t.model, &m, m.count));
        CHECK_EQ(t.lost, 0);
        model_free(&t.model);
        for (unsigned garbage = 1; garbage < 100; garbage++) {
            append(&b.file, "\0", 1);
            t = read_trace(b.file.at, b.file.length, step, (struct kb_reader_options){0});
            CHECK_EQ(t.status, KB_DATA);
            CHECK(names_byte(t.error.text));
            model_free(&t.model);
        }
        t = read_trace(b.file.at, b.file.length, step, (struct kb_reader_options){.recover = true});
        CHECK(is_prefix(&t.model, &m, m.count));
        CHECK_EQ(t.lost, b.file.length - footer);
        model_free(&t.model);
        free(b.file.at);
    }
    model_free(&m);
}

static void test_version(void) {
    struct model m;
    struct built b;
    model_random(&m, 6, 10, 0, false, 4);
    build(&b, &m, 10, false, KB_CODEC_RAW);
    struct trace t;
    for (uint64_t version = 0; version < 66000; version += version < 10 ? 1 : 777) {
        kbt_put(b.file.at + 8, version, 2);
        seal_header(b.file.at);
        t = read_trace(b.file.at, b.file.length, 0, (struct kb_reader_options){0});
        CHECK_EQ(t.status, version == 1 || version == 2 ? KB_OK : KB_UNSUPPORTED);
        if (t.status == KB_UNSUPPORTED)
            CHECK(strstr(t.error.text, "reads versions 1 and 2") != NULL);
        else
            CHECK_EQ(t.info.version, version);
        model_free(&t.model);
    }
    kbt_put(b.file.at + 8, 1, 2);
    for (unsigned shift = 0; shift < 256; shift++) { /* grains */
        b.file.at[10] = (uint8_t)shift;
        seal_header(b.file.at);
        t = read_trace(b.file.at, b.file.length, 0, (struct kb_reader_options){0});
        CHECK_EQ(t.status, shift <= 40 || shift == KBT_NO_GRAIN ? KB_OK : KB_DATA);
        model_free(&t.model);
    }
    free(b.file.at);
    model_free(&m);
}

/* Each type of event in each version: only those that the version has can be written, and a file
 * that has another is damaged there. */
static void test_event_types(void) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kbt_totals totals;
    for (unsigned version = 1; version <= 2; version++)
        for (uint32_t type = 0; type < 40; type++) {
            bool known = version == 1 ? type >= 1 && type <= 5
                                      : (type >= 1 && type <= 8) || (type >= 16 && type <= 23);
            struct model m;
            struct built b;
            struct bytes file = {0};
            struct kb_writer *writer;
            struct kb_writer_options options = {4096, NULL, KB_PACK_RAW, 0, &host, version};
            model_init(&m, 2, 1, 2);
            m.version = version;
            m.pages = 1;
            model_run(&m, 0, KB_READ, 1);
            model_event(&m, type, 0, 3);
            struct kb_sink sink = {&file, sink_write};
            CHECK_EQ(kb_writer_open(&writer, sink, &options, &error), KB_OK);
            struct kb_block block = {m.runs, 1, 1, m.events, 1, 1};
            kb_status status = kb_writer_add(writer, &block, m.numbers, NULL, &error);
            CHECK_EQ(status, known ? KB_OK : KB_DATA);
            CHECK_EQ(kb_writer_end(writer, &totals, &error), KB_OK);
            kb_writer_free(writer);
            build(&b, &m, 2, false, KB_CODEC_RAW);
            struct trace t = read_trace(b.file.at, b.file.length, 0, (struct kb_reader_options){0});
            CHECK_EQ(t.status, known ? KB_OK : KB_DATA);
            CHECK(known ? same_model(&m, &t.model) : strstr(t.error.text, "byte 128:") != NULL);
            model_free(&t.model);
            free(b.file.at);
            free(file.at);
            model_free(&m);
        }
}

/* Numbers that cannot be, under checksums that are right. */
static void test_absurd(void) {
    static const struct {
        unsigned at, size; /* a field of a block's header */
    } fields[] = {{8, 4}, {12, 4}, {16, 4}, {20, 4}, {24, 8}, {32, 8}, {40, 4}, {44, 1}, {48, 4}};
    static const uint64_t values[] = {0,          1,          2,          255,       (1 << 18) + 1,
                                      0x7fffffff, 0xfffffff0, 0xffffffff, UINT64_MAX};
    struct model m;
    model_random(&m, 9, 30, 4, true, 300);
    for (unsigned block = 0; block < 4; block++) /* the fourth is the footer */
        for (unsigned f = 0; f < sizeof fields / sizeof fields[0]; f++)
            for (unsigned v = 0; v < sizeof values / sizeof values[0]; v++)
                for (unsigned way = 0; way < 4; way++) {
                    struct built b;
                    build(&b, &m, 10, true, way < 2 ? KB_CODEC_RAW : KB_CODEC_ZSTD);
                    size_t at = b.block_at[block] + fields[f].at;
                    uint64_t mask =
                        fields[f].size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * fields[f].size) - 1;
                    uint64_t old = kbt_get(b.file.at + at, fields[f].size);
                    kbt_put(b.file.at + at, values[v] & mask, fields[f].size);
                    seal(&b.file, b.block_at[block]);
                    struct trace t = read_trace(b.file.at, b.file.length, way % 2 == 0 ? 0 : 100,
                                                (struct kb_reader_options){0});
                    /* of the footer's header only the lengths and the codec mean something */
                    if (old == (values[v] & mask))
                        CHECK_EQ(t.status, KB_OK);
                    else if (block < 3)
                        CHECK_EQ(t.status, KB_DATA);
                    else if (t.status == KB_OK)
                        CHECK(same_model(&m, &t.model));
                    model_free(&t.model);
                    free(b.file.at);
                }
    model_free(&m);
}

/* The same of the footer's totals and index, and of records. */
static void test_absurd_payloads(void) {
    static const uint64_t values[] = {0, 1, 0x3fffffff, 0xffffffff, UINT64_C(1) << 33, UINT64_MAX};
    struct model m;
    model_random(&m, 10, 30, 4, true, 300);
    for (unsigned block = 0; block < 4; block++)
        for (size_t word = 0; word < 40; word++)
            for (unsigned v = 0; v < 6; v++)
                for (unsigned skip = 0; skip < 2; skip++) {
                    struct built b;
                    build(&b, &m, 10, true, KB_CODEC_RAW);
                    size_t at = b.block_at[block] + KBT_BLOCK_BYTES + word * 8;
                    if (at + 8 <= b.block_at[block + (block < 3)] || block == 3) {
                        kbt_put(b.file.at + at, values[v], 8);
                        seal(&b.file, b.block_at[block]);
                    }
                    struct trace t = read_trace(b.file.at, b.file.length, 0,
                                                (struct kb_reader_options){.skip = skip * 700});
                    CHECK(t.status == KB_OK || t.status == KB_DATA || t.status == KB_NO_MEMORY);
                    model_free(&t.model);
                    free(b.file.at);
                }
    model_free(&m);
}

int main(void) {
    struct kb_error error = {0};
    if (kb_host_open(&host, 1, &error) != KB_OK) {
        printf("%s\n", error.text);
        return 1;
    }
    test_round_trips();
    test_wide();
    test_many_events();
    test_second_writer();
    test_dense();
    test_windows();
    test_merge();
    test_truncation();
    test_bit_flips();
    test_ends();
    test_version();
    test_event_types();
    test_absurd();
    test_absurd_payloads();
    kb_host_close(&host);
    return harness_end();
}
