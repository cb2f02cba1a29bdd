/* writer.c - writes native traces: packs runs into records, records into blocks, and keeps the
 * index for the footer. */
#include "trace/writer.h"

#include <stdlib.h>

#include "base/checksum.h"
#include "base/units.h"

struct kb_writer {
    struct kb_sink sink;
    const struct kb_codecs *codecs;
    enum kb_packing packing;
    int level;
    unsigned version;
    uint64_t offset; /* bytes written */
    struct kbt_totals totals;
    uint32_t process; /* of the references to come */

    /* the open block */
    uint32_t words;     /* 32-bit words of records so far */
    uint32_t new_pages; /* they are the last of totals.pages */
    uint32_t events;
    uint32_t block_process;
    uint8_t flags;
    uint64_t references;
    uint32_t *records; /* 2 · KBT_RECORDS words */

    /* by page id */
    uint64_t *numbers;
    uint32_t *owners; /* NULL: all are process 0 */
    size_t page_room;

    struct kbt_index_entry *index;
    size_t index_room;

    uint8_t *raw, *packed; /* of a block */
    size_t raw_room, packed_room;
};

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "kbt", (unsigned long long)bytes);
}

static kb_status put(struct kb_writer *w, const void *bytes, size_t count, struct kb_error *error) {
    kb_status status = w->sink.write(w->sink.context, bytes, count, error);
    if (status == KB_OK)
        w->offset += count;
    return status;
}

static bool reserve(uint8_t **buffer, size_t *room, size_t wanted) {
    if (wanted <= *room)
        return true;
    uint8_t *fresh = realloc(*buffer, wanted);
    if (fresh == NULL)
        return false;
    *buffer = fresh;
    *room = wanted;
    return true;
}

kb_status kb_writer_open(struct kb_writer **writer, struct kb_sink sink,
                         const struct kb_writer_options *options, struct kb_error *error) {
    struct kb_writer *w = calloc(1, sizeof *w);
    *writer = NULL;
    if (w == NULL || (w->records = malloc(2 * KBT_RECORDS * sizeof(uint32_t))) == NULL) {
        free(w);
        return out_of_memory(error, 2 * KBT_RECORDS * sizeof(uint32_t));
    }
    w->sink = sink;
    w->codecs = options->host != NULL ? options->host->codecs : NULL;
    w->packing = w->codecs != NULL ? options->packing : KB_PACK_RAW;
    w->level = options->level;
    w->version = options->version == KBT_VERSION_STORY ? KBT_VERSION_STORY : KBT_VERSION_PLAIN;
    uint8_t header[KBT_HEADER_BYTES] = {0};
    memcpy(header, KBT_MAGIC, 8);
    kbt_put(header + 8, w->version, 2);
    header[10] = options->grain == 0 ? KBT_NO_GRAIN : (uint8_t)kb_log2(options->grain);
    if (options->program != NULL) {
        size_t length = strlen(options->program);
        if (length >= KBT_PROGRAM_BYTES) { /* not in the middle of a UTF-8 character */
            length = KBT_PROGRAM_BYTES - 1;
            while (length > 0 && ((unsigned char)options->program[length] & 0xc0) == 0x80)
                length--;
        }
        memcpy(header + 16, options->program, length);
    }
    kbt_put(header + 60, kb_crc32c(0, header, 60), 4);
    kb_status status = put(w, header, sizeof header, error);
    if (status != KB_OK)
        kb_writer_free(w);
    else
        *writer = w;
    return status;
}

/* ---- packing a payload ---- */

/* Tries one codec; returns its length if it is at most limit, else 0. */
static size_t try_codec(struct kb_writer *w, enum kb_codec codec, size_t raw, size_t limit) {
    size_t written;
    if (!w->codecs->compress(codec, w->level, w->raw, raw, w->packed, w->packed_room, &written))
        return 0;
    return written <= limit ? written : 0;
}

static enum kb_codec pack(struct kb_writer *w, size_t raw, size_t *stored) {
    bool zstd_too = w->packing == KB_PACK_AUTO || w->packing == KB_PACK_ZSTD;
    bool lz4_too = w->packing == KB_PACK_AUTO || w->packing == KB_PACK_LZ4;
    bool choose = w->packing == KB_PACK_AUTO;
    if (zstd_too && (*stored = try_codec(w, KB_CODEC_ZSTD, raw, choose ? raw / 3 : raw)) > 0)
        return KB_CODEC_ZSTD;
    if (lz4_too && (*stored = try_codec(w, KB_CODEC_LZ4, raw, choose ? raw / 2 : raw)) > 0)
        return KB_CODEC_LZ4;
    *stored = raw;
    return KB_CODEC_RAW;
}

/* Packs w->raw[0 … raw) and writes it behind its header. */
static kb_status write_payload(struct kb_writer *w, struct kbt_block_header *header, size_t raw,
                               struct kb_error *error) {
    uint8_t bytes[KBT_BLOCK_BYTES];
    size_t stored;
    if (!reserve(&w->packed, &w->packed_room, raw + 1024))
        return out_of_memory(error, raw);
    header->raw = (uint32_t)raw;
    header->codec = (uint8_t)pack(w, raw, &stored);
    header->stored = (uint32_t)stored;
    const uint8_t *payload = header->codec == KB_CODEC_RAW ? w->raw : w->packed;
    header->payload_crc = kb_crc32c(0, payload, stored);
    kbt_pack_block_header(header, bytes);
    kb_status status = put(w, bytes, sizeof bytes, error);
    return status != KB_OK ? status : put(w, payload, stored, error);
}

/* ---- blocks ---- */

static kb_status note_in_index(struct kb_writer *w, const struct kbt_block_header *header,
                               struct kb_error *error) {
    if (w->totals.blocks == w->index_room) {
        size_t room = w->index_room == 0 ? 256 : w->index_room * 2;
        struct kbt_index_entry *index = realloc(w->index, room * sizeof *index);
        if (index == NULL)
            return out_of_memory(error, room * sizeof *index);
        w->index = index;
        w->index_room = room;
    }
    w->index[w->totals.blocks++] = (struct kbt_index_entry){w->offset, header->references_before,
                                                            header->pages_before, header->process};
    return KB_OK;
}

static kb_status flush(struct kb_writer *w, struct kb_error *error) {
    if (w->words == 0)
        return KB_OK;
    struct kbt_block_header header = {
        .magic = KBT_BLOCK_MAGIC,
        .new_pages = w->new_pages,
        .pages_before = w->totals.pages - w->new_pages,
        .references_before = w->totals.references - w->references,
        .references = w->references,
        .records = w->flags & KBT_WIDE ? w->words / 2 : w->words,
        .flags = w->flags,
        .events = w->events,
        .process = w->block_process,
    };
    bool owned = w->owners != NULL && w->new_pages > 0;
    size_t numbers = (size_t)w->new_pages * 8, owners = owned ? (size_t)w->new_pages * 4 : 0;
    size_t records = (size_t)w->words * 4;
    if (owned)
        header.flags |= KBT_PROCESSES;
    if (!reserve(&w->raw, &w->raw_room, numbers + owners + records))
        return out_of_memory(error, numbers + owners + records);
    if (numbers > 0)
        memcpy(w->raw, w->numbers + header.pages_before, numbers);
    if (owned)
        memcpy(w->raw + numbers, w->owners + header.pages_before, owners);
    memcpy(w->raw + numbers + owners, w->records, records);
    kb_status status = note_in_index(w, &header, error);
    if (status == KB_OK)
        status = write_payload(w, &header, numbers + owners + records, error);
    w->words = w->new_pages = w->events = 0;
    w->references = 0;
    w->flags &= KBT_WIDE;
    w->block_process = w->process;
    return status;
}

/* Room for one more record; closes the block if there is none. */
static kb_status make_room(struct kb_writer *w, struct kb_error *error) {
    uint32_t most = w->flags & KBT_WIDE ? 2 * KBT_RECORDS : KBT_RECORDS;
    return w->words + 6 > most ? flush(w, error) : KB_OK;
}

static void put_record(struct kb_writer *w, uint32_t page, uint32_t kind, uint32_t count) {
    uint32_t *to = w->records + w->words;
    if (w->flags & KBT_WIDE) {
        to[0] = page;
        to[1] = count << 2 | kind;
        w->words += 2;
    } else if (kind == KBT_KIND_EVENT || count < KBT_LONG_COUNT) {
        to[0] = page << 10 | kind << 8 | count;
        w->words++;
    } else {
        to[0] = page << 10 | kind << 8 | KBT_LONG_COUNT;
        to[1] = count;
        w->words += 2;
        w->flags |= KBT_LONG;
    }
}

static kb_status put_event(struct kb_writer *w, const struct kb_event *event,
                           struct kb_error *error) {
    bool known =
        w->version == KBT_VERSION_PLAIN ? kb_event_plain(event->type) : kb_event_valid(event->type);
    if (!known)
        return kb_fail(error, KB_DATA, KB_MSG_event_not_in_version, (unsigned long long)event->type,
                       (unsigned long long)w->version);
    kb_status status = make_room(w, error);
    if (status != KB_OK)
        return status;
    put_record(w, event->type, KBT_KIND_EVENT, w->flags & KBT_WIDE ? 2 : 4);
    memcpy(w->records + w->words, &event->first, 8);
    memcpy(w->records + w->words + 2, &event->pages, 8);
    w->words += 4;
    w->events++;
    w->flags |= KBT_EVENTS;
    if (event->type == KB_EVENT_PROCESS)
        w->process = (uint32_t)event->first;
    return KB_OK;
}

static kb_status new_page(struct kb_writer *w, uint32_t page, uint64_t number, uint32_t owner,
                          struct kb_error *error) {
    if (page != w->totals.pages)
        return kb_fail(error, KB_DATA, KB_MSG_ids_not_dense, (unsigned long long)page,
                       (unsigned long long)w->totals.pages);
    if (w->totals.pages == w->page_room || (owner != 0 && w->owners == NULL)) {
        size_t room = w->totals.pages == w->page_room ? w->page_room * 2 + 4096 : w->page_room;
        uint64_t *numbers = realloc(w->numbers, room * 8);
        if (numbers == NULL)
            return out_of_memory(error, room * 8);
        w->numbers = numbers;
        if (owner != 0 || w->owners != NULL) {
            bool first = w->owners == NULL;
            uint32_t *owners = realloc(w->owners, room * 4);
            if (owners == NULL)
                return out_of_memory(error, room * 4);
            w->owners = owners;
            if (first)
                memset(owners, 0, room * 4);
        }
        w->page_room = room;
    }
    w->numbers[page] = number;
    if (w->owners != NULL)
        w->owners[page] = owner;
    w->totals.pages++;
    w->new_pages++;
    return KB_OK;
}

static kb_status put_run(struct kb_writer *w, struct kb_run run, const uint64_t *page_numbers,
                         const uint32_t *processes, struct kb_error *error) {
    kb_status status = make_room(w, error);
    if (status == KB_OK && run.page >= KBT_NARROW_PAGES && !(w->flags & KBT_WIDE)) {
        status = flush(w, error);
        w->flags |= KBT_WIDE;
    }
    if (status == KB_OK && run.page >= w->totals.pages)
        status = new_page(w, run.page, page_numbers[run.page],
                          processes != NULL ? processes[run.page] : 0, error);
    if (status != KB_OK)
        return status;
    uint32_t count = kb_run_count(run);
    enum kb_kind kind = kb_run_kind(run);
    put_record(w, run.page, kind, count);
    w->references += count;
    w->totals.references += count;
    w->totals.runs++;
    w->totals.reads += kind == KB_READ ? count : 0;
    w->totals.writes += kind == KB_WRITE ? count : 0;
    w->totals.executes += kind == KB_EXECUTE ? count : 0;
    return KB_OK;
}

kb_status kb_writer_add(struct kb_writer *w, const struct kb_block *block,
                        const uint64_t *page_numbers, const uint32_t *processes,
                        struct kb_error *error) {
    uint32_t event = 0;
    kb_status status = KB_OK;
    for (uint32_t i = 0; i <= block->count && status == KB_OK; i++) {
        while (event < block->event_count && block->events[event].at == i && status == KB_OK)
            status = put_event(w, &block->events[event++], error);
        if (i < block->count && status == KB_OK)
            status = put_run(w, block->runs[i], page_numbers, processes, error);
    }
    return status;
}

kb_status kb_writer_flush(struct kb_writer *w, struct kb_error *error) { return flush(w, error); }

/* ---- the end ---- */

static size_t footer_payload(struct kb_writer *w) {
    const struct kbt_totals *t = &w->totals;
    size_t index = (size_t)t->blocks * KBT_INDEX_BYTES;
    size_t names = (size_t)t->pages * (w->owners != NULL ? 12 : 8);
    size_t bytes = KBT_TOTALS_BYTES + index + names;
    if (!reserve(&w->raw, &w->raw_room, bytes))
        return 0;
    const uint64_t counts[] = {t->references, t->runs,   t->blocks,  t->pages,
                               t->reads,      t->writes, t->executes};
    for (unsigned i = 0; i < 7; i++)
        kbt_put(w->raw + 8 * i, counts[i], 8);
    uint8_t *at = w->raw + KBT_TOTALS_BYTES;
    for (uint64_t i = 0; i < t->blocks; i++, at += KBT_INDEX_BYTES) {
        kbt_put(at, w->index[i].offset, 8);
        kbt_put(at + 8, w->index[i].references_before, 8);
        kbt_put(at + 16, w->index[i].pages_before, 4);
        kbt_put(at + 20, w->index[i].process, 4);
    }
    if (t->pages > 0)
        memcpy(at, w->numbers, (size_t)t->pages * 8);
    if (t->pages > 0 && w->owners != NULL)
        memcpy(at + (size_t)t->pages * 8, w->owners, (size_t)t->pages * 4);
    return bytes;
}

kb_status kb_writer_end(struct kb_writer *w, struct kbt_totals *totals, struct kb_error *error) {
    kb_status status = flush(w, error);
    if (status != KB_OK)
        return status;
    uint64_t footer_at = w->offset;
    size_t raw = footer_payload(w);
    if (raw == 0 || raw > UINT32_MAX)
        return out_of_memory(error, raw);
    struct kbt_block_header header = {
        .magic = KBT_FOOTER_MAGIC,
        .pages_before = w->totals.pages,
        .references_before = w->totals.references,
        .flags = w->owners != NULL ? KBT_PROCESSES : 0,
    };
    if (w->packing == KB_PACK_AUTO)
        w->packing = KB_PACK_ZSTD;
    status = write_payload(w, &header, raw, error);
    uint8_t trailer[KBT_TRAILER_BYTES];
    kbt_put(trailer, footer_at, 8);
    memcpy(trailer + 8, KBT_END, 8);
    if (status == KB_OK)
        status = put(w, trailer, sizeof trailer, error);
    *totals = w->totals;
    return status;
}

void kb_writer_free(struct kb_writer *w) {
    if (w == NULL)
        return;
    free(w->records);
    free(w->numbers);
    free(w->owners);
    free(w->index);
    free(w->raw);
    free(w->packed);
    free(w);
}
