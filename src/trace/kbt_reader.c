/* kbt_reader.c - reads native traces: checks every length and checksum before it believes a block.
 */
#include "trace/kbt_reader.h"

#include <stdlib.h>

#include "base/checksum.h"

_Static_assert(KBT_RECORDS <= KB_BLOCK_RUNS, "a block of records fits into a block of runs");

static kb_status out_of_memory(struct kb_error *error, size_t bytes) {
    return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "kbt", (unsigned long long)bytes);
}

static kb_status damaged(struct kbt_reader *r, uint64_t offset, enum kb_message what,
                         struct kb_error *error) {
    return kb_fail(error, KB_DATA, KB_MSG_kbt_damaged, (unsigned long long)offset,
                   kb_text(error->language, what), (unsigned long long)r->references);
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

/* Reads count bytes, or as many as there are: *got tells. */
static kb_status read_fully(struct kbt_reader *r, void *to, size_t count, size_t *got,
                            struct kb_error *error) {
    *got = 0;
    while (*got < count) {
        size_t part;
        kb_status status =
            r->source.read(r->source.context, (uint8_t *)to + *got, count - *got, &part, error);
        if (status != KB_OK)
            return status;
        if (part == 0)
            break;
        *got += part;
        r->offset += part;
    }
    return KB_OK;
}

kb_status kbt_open(struct kbt_reader *r, struct kb_source source, const uint8_t *head,
                   size_t head_length, bool recover, const struct kb_host *host,
                   struct kb_error *error) {
    memset(r, 0, sizeof *r);
    r->source = source;
    r->recover = recover;
    r->codecs = host != NULL ? host->codecs : NULL;
    if (head_length < KBT_HEADER_BYTES || kbt_get(head + 60, 4) != kb_crc32c(0, head, 60))
        return damaged(r, 0, KB_MSG_kbt_header, error);
    r->version = (unsigned)kbt_get(head + 8, 2);
    if (r->version < KBT_VERSION_PLAIN || r->version > KBT_VERSION_STORY)
        return kb_fail(error, KB_UNSUPPORTED, KB_MSG_kbt_version, (unsigned long long)r->version,
                       (unsigned long long)KBT_VERSION_PLAIN,
                       (unsigned long long)KBT_VERSION_STORY);
    if (head[10] != KBT_NO_GRAIN && head[10] > 40)
        return damaged(r, 10, KB_MSG_kbt_header, error);
    r->grain = head[10] == KBT_NO_GRAIN ? 0 : UINT64_C(1) << head[10];
    memcpy(r->program, head + 16, KBT_PROGRAM_BYTES);
    r->program[KBT_PROGRAM_BYTES - 1] = '\0';
    r->offset = KBT_HEADER_BYTES;
    if (!kb_buffers_init(&r->buffers))
        return out_of_memory(error, KB_BUFFER_BYTES);
    return KB_OK;
}

/* ---- one block ---- */

/* Whether the header's numbers can be those of a whole block. */
static bool plausible(const struct kbt_reader *r, const struct kbt_block_header *h) {
    uint64_t names = (uint64_t)h->new_pages * (h->flags & KBT_PROCESSES ? 12 : 8);
    uint64_t records = (uint64_t)h->records * (h->flags & KBT_WIDE ? 8 : 4);
    return h->codec < KB_CODECS && h->flags < 2 * KBT_PROCESSES && h->records <= KBT_RECORDS &&
           h->new_pages <= h->records && h->events <= h->records && names + records == h->raw &&
           h->stored <= KBT_MOST_RAW && h->pages_before == r->pages &&
           h->references_before == r->references &&
           (uint64_t)h->pages_before + h->new_pages < (UINT32_C(1) << 30) - 1;
}

/* Reads and unpacks the payload; *payload points into the reader's buffers. */
static kb_status load_payload(struct kbt_reader *r, const struct kbt_block_header *h,
                              const uint8_t **payload, struct kb_error *error) {
    uint64_t start = r->offset;
    size_t got;
    if (!reserve(&r->stored, &r->stored_room, (size_t)h->stored + 16))
        return out_of_memory(error, h->stored);
    kb_status status = read_fully(r, r->stored, h->stored, &got, error);
    if (status != KB_OK)
        return status;
    if (got < h->stored)
        return damaged(r, r->offset, KB_MSG_kbt_cut, error);
    if (kb_crc32c(0, r->stored, h->stored) != h->payload_crc)
        return damaged(r, start, KB_MSG_kbt_checksum, error);
    *payload = r->stored;
    if (h->codec == KB_CODEC_RAW)
        return h->stored == h->raw ? KB_OK : damaged(r, start, KB_MSG_kbt_lengths, error);
    if (!reserve(&r->raw, &r->raw_room, (size_t)h->raw + 16))
        return out_of_memory(error, h->raw);
    if (r->codecs == NULL)
        return kb_fail(error, KB_UNSUPPORTED, KB_MSG_kbt_no_codec, (unsigned long long)h->codec);
    if (!r->codecs->decompress((enum kb_codec)h->codec, r->stored, h->stored, r->raw, h->raw))
        return damaged(r, start, KB_MSG_kbt_codec, error);
    *payload = r->raw;
    return KB_OK;
}

static kb_status take_names(struct kbt_reader *r, uint32_t first, uint32_t count, bool owned,
                            const uint8_t *names, struct kb_error *error) {
    size_t wanted = (size_t)first + count;
    if (wanted > r->page_room || (owned && r->owners == NULL)) {
        size_t room = wanted > r->page_room ? wanted + wanted / 2 : r->page_room;
        uint64_t *numbers = realloc(r->numbers, room * 8);
        if (numbers == NULL)
            return out_of_memory(error, room * 8);
        r->numbers = numbers;
        if (owned || r->owners != NULL) {
            uint32_t *owners = realloc(r->owners, room * 4);
            if (owners == NULL)
                return out_of_memory(error, room * 4);
            if (r->owners == NULL)
                memset(owners, 0, room * 4);
            r->owners = owners;
        }
        r->page_room = room;
    }
    if (count == 0)
        return KB_OK;
    memcpy(r->numbers + first, names, (size_t)count * 8);
    if (owned)
        memcpy(r->owners + first, names + (size_t)count * 8, (size_t)count * 4);
    else if (r->owners != NULL)
        memset(r->owners + first, 0, (size_t)count * 4);
    return KB_OK;
}

/* What decoding a block finds out about it. */
struct decoded {
    uint32_t runs, events;
    uint64_t references;
    uint32_t highest; /* page */
    bool bad;
};

/* Narrow records without long counts and events: the loop that must be fast; compilers turn it
 * into vectors. */
static void decode_plain(const uint8_t *at, uint32_t count, struct kb_run *runs,
                         struct decoded *d) {
    uint32_t highest = 0, sum = 0, bad = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t record;
        memcpy(&record, at + 4 * (size_t)i, 4);
        uint32_t page = record >> 10, n = record & 255, kind = record >> 8 & 3;
        runs[i].page = page;
        runs[i].word = n << 2 | kind;
        highest = page > highest ? page : highest;
        sum += n;
        bad |= (kind == KBT_KIND_EVENT) | (n - 1 >= KBT_LONG_COUNT - 1); /* 0 and 255 */
    }
    d->runs = count;
    d->references = sum;
    d->highest = highest;
    d->bad = bad != 0;
}

static kb_status add_event(struct kbt_reader *r, struct decoded *d, uint32_t type,
                           const uint8_t *words, struct kb_error *error) {
    if (!kb_buffers_room(&r->buffers, d->events))
        return out_of_memory(error, d->events * sizeof(struct kb_event));
    struct kb_event event = {.at = d->runs, .type = type};
    memcpy(&event.first, words, 8);
    memcpy(&event.pages, words + 8, 8);
    d->bad |= r->version == KBT_VERSION_PLAIN ? !kb_event_plain(type) : !kb_event_valid(type);
    r->buffers.events[d->events++] = event;
    if (type == KB_EVENT_PROCESS)
        r->process = (uint32_t)event.first;
    return KB_OK;
}

/* Everything else: wide records, long counts, events. */
static kb_status decode_any(struct kbt_reader *r, const struct kbt_block_header *h,
                            const uint8_t *at, struct decoded *d, struct kb_error *error) {
    const bool wide = h->flags & KBT_WIDE;
    const uint32_t size = wide ? 8 : 4, event_words = wide ? 2 : 4;
    for (uint32_t i = 0; i < h->records && !d->bad;) {
        uint32_t low, page, kind, count;
        memcpy(&low, at + (size_t)i * size, 4);
        if (wide) {
            uint32_t high;
            memcpy(&high, at + (size_t)i * size + 4, 4);
            page = low;
            kind = high & 3;
            count = high >> 2;
        } else {
            page = low >> 10;
            kind = low >> 8 & 3;
            count = low & 255;
        }
        i++;
        if (kind == KBT_KIND_EVENT) {
            d->bad = count != event_words || i + count > h->records;
            kb_status status = d->bad ? KB_OK : add_event(r, d, page, at + (size_t)i * size, error);
            if (status != KB_OK)
                return status;
            i += count;
            continue;
        }
        if (!wide && count == KBT_LONG_COUNT) {
            d->bad = i >= h->records;
            if (!d->bad)
                memcpy(&count, at + (size_t)i * size, 4);
            i++;
        }
        d->bad |= count == 0 || count > KB_RUN_MAX_COUNT;
        d->highest = page > d->highest ? page : d->highest;
        d->references += count;
        r->buffers.runs[d->runs++] = (struct kb_run){page, count << 2 | kind};
    }
    return KB_OK;
}

static kb_status decode(struct kbt_reader *r, const struct kbt_block_header *h,
                        const uint8_t *payload, struct kb_block *block, struct kb_error *error) {
    bool owned = h->flags & KBT_PROCESSES;
    struct decoded d = {0};
    kb_buffers_swap(&r->buffers);
    kb_status status = take_names(r, r->pages, h->new_pages, owned, payload, error);
    if (status != KB_OK)
        return status;
    const uint8_t *records = payload + (size_t)h->new_pages * (owned ? 12 : 8);
    if (h->flags & (KBT_WIDE | KBT_LONG | KBT_EVENTS))
        status = decode_any(r, h, records, &d, error);
    else
        decode_plain(records, h->records, r->buffers.runs, &d);
    if (status != KB_OK)
        return status;
    uint32_t pages = r->pages + h->new_pages;
    if (d.bad || (d.runs > 0 && d.highest >= pages) || d.references != h->references ||
        d.events != h->events)
        return damaged(r, r->offset - h->stored, KB_MSG_kbt_records, error);
    memset(r->buffers.runs + d.runs, 0, KB_RUN_PADDING * sizeof *r->buffers.runs);
    r->pages = pages;
    r->references += d.references;
    r->runs += d.runs;
    r->blocks++;
    *block = (struct kb_block){.runs = r->buffers.runs,
                               .count = d.runs,
                               .event_count = d.events,
                               .events = r->buffers.events,
                               .references = d.references,
                               .pages = pages};
    return KB_OK;
}

/* ---- the footer ---- */

static kb_status take_footer(struct kbt_reader *r, const struct kbt_block_header *h,
                             const uint8_t *raw, struct kb_error *error) {
    struct kbt_totals *t = &r->totals;
    if (h->raw < KBT_TOTALS_BYTES)
        return damaged(r, r->offset, KB_MSG_kbt_footer, error);
    t->references = kbt_get(raw, 8);
    t->runs = kbt_get(raw + 8, 8);
    t->blocks = kbt_get(raw + 16, 8);
    t->pages = (uint32_t)kbt_get(raw + 24, 8);
    t->reads = kbt_get(raw + 32, 8);
    t->writes = kbt_get(raw + 40, 8);
    t->executes = kbt_get(raw + 48, 8);
    bool owned = h->flags & KBT_PROCESSES;
    uint64_t rest = h->raw - KBT_TOTALS_BYTES;
    if (t->references != h->references_before || t->pages != h->pages_before ||
        t->blocks > rest / KBT_INDEX_BYTES ||
        t->blocks * KBT_INDEX_BYTES + (uint64_t)t->pages * (owned ? 12 : 8) != rest)
        return damaged(r, r->offset, KB_MSG_kbt_footer, error);
    free(r->index);
    r->index = malloc((size_t)(t->blocks + 1) * sizeof *r->index);
    if (r->index == NULL)
        return out_of_memory(error, (size_t)t->blocks * sizeof *r->index);
    const uint8_t *at = raw + KBT_TOTALS_BYTES;
    for (uint64_t i = 0; i < t->blocks; i++, at += KBT_INDEX_BYTES)
        r->index[i] =
            (struct kbt_index_entry){kbt_get(at, 8), kbt_get(at + 8, 8),
                                     (uint32_t)kbt_get(at + 16, 4), (uint32_t)kbt_get(at + 20, 4)};
    bool read_all = t->pages == r->pages && t->pages > 0 && !r->seeked && r->blocks > 0;
    if (read_all && memcmp(at, r->numbers, (size_t)t->pages * 8) != 0)
        return damaged(r, r->offset, KB_MSG_kbt_totals, error);
    kb_status status = take_names(r, 0, t->pages, owned, at, error);
    r->totals_known = status == KB_OK;
    return status;
}

/* Whether a footer at this offset can have these lengths: so few blocks cannot name more pages, and
 * packing has not made it longer. Then nobody makes us ask for gigabytes. */
static bool footer_plausible(const struct kbt_block_header *h, uint64_t offset) {
    uint64_t most_blocks = (offset - KBT_HEADER_BYTES) / KBT_BLOCK_BYTES;
    uint64_t names = (uint64_t)h->pages_before * (h->flags & KBT_PROCESSES ? 12 : 8);
    uint64_t index = (uint64_t)h->raw - KBT_TOTALS_BYTES - names;
    return h->codec < KB_CODECS && h->stored <= h->raw && h->raw >= KBT_TOTALS_BYTES + names &&
           index % KBT_INDEX_BYTES == 0 && index / KBT_INDEX_BYTES <= most_blocks &&
           h->pages_before / KBT_RECORDS <= most_blocks;
}

/* At the footer of a file that has been read from its start: all must agree, and nothing follow. */
static kb_status finish(struct kbt_reader *r, const struct kbt_block_header *h,
                        struct kb_error *error) {
    const uint8_t *payload;
    uint8_t trailer[KBT_TRAILER_BYTES + 1];
    uint64_t at = r->offset - KBT_BLOCK_BYTES;
    size_t got;
    kb_status status = load_payload(r, h, &payload, error);
    if (status == KB_OK)
        status = take_footer(r, h, payload, error);
    if (status == KB_OK)
        status = read_fully(r, trailer, sizeof trailer, &got, error);
    if (status != KB_OK)
        return status;
    if (got != KBT_TRAILER_BYTES || memcmp(trailer + 8, KBT_END, 8) != 0 ||
        kbt_get(trailer, 8) != at)
        return damaged(r, at, KB_MSG_kbt_footer, error);
    const struct kbt_totals *t = &r->totals;
    bool counts = r->seeked || (t->runs == r->runs && t->blocks == r->blocks);
    if (t->references != r->references || t->pages != r->pages || !counts ||
        t->reads + t->writes + t->executes != t->references)
        return damaged(r, at, KB_MSG_kbt_totals, error);
    return KB_OK;
}

/* All bytes from `start` on; a pipe is read to its end for that. */
static kb_status count_lost(struct kbt_reader *r, uint64_t start, struct kb_error *error) {
    uint8_t rest[4096];
    size_t got = 1;
    kb_status status = KB_OK;
    if (r->source.size > start)
        r->offset = r->source.size;
    else
        while (status == KB_OK && got > 0)
            status = read_fully(r, rest, sizeof rest, &got, error);
    r->lost = r->offset - start;
    return status;
}

/* Whether the footer, if it is known, has the block that begins here in its place. */
static bool indexed(const struct kbt_reader *r, uint64_t start) {
    if (!r->totals_known || r->seeked)
        return true;
    return r->blocks < r->totals.blocks && r->index[r->blocks].offset == start &&
           r->index[r->blocks].references_before == r->references &&
           r->index[r->blocks].pages_before == r->pages;
}

kb_status kbt_next(struct kbt_reader *r, struct kb_block *block, struct kb_error *error) {
    uint8_t bytes[KBT_BLOCK_BYTES];
    struct kbt_block_header header;
    const uint8_t *payload;
    size_t got;
    *block = (struct kb_block){.runs = r->buffers.runs, .pages = r->pages};
    if (r->ended)
        return KB_OK;
    uint64_t start = r->offset;
    kb_status status = read_fully(r, bytes, sizeof bytes, &got, error);
    if (status != KB_OK)
        return status;
    if (got == 0)
        status = damaged(r, start, KB_MSG_kbt_no_footer, error);
    else if (got < sizeof bytes)
        status = damaged(r, r->offset, KB_MSG_kbt_cut, error);
    else if (!kbt_unpack_block_header(bytes, &header))
        status = damaged(r, start, KB_MSG_kbt_block_header, error);
    else if (header.magic == KBT_FOOTER_MAGIC) {
        status = footer_plausible(&header, start) ? finish(r, &header, error)
                                                  : damaged(r, start, KB_MSG_kbt_footer, error);
        r->ended = true;
    } else if (!plausible(r, &header))
        status = damaged(r, start, KB_MSG_kbt_lengths, error);
    else if (!indexed(r, start))
        status = damaged(r, start, KB_MSG_kbt_footer, error);
    else if ((status = load_payload(r, &header, &payload, error)) == KB_OK)
        status = decode(r, &header, payload, block, error);
    if (status == KB_DATA && r->recover) {
        r->ended = true;
        *block = (struct kb_block){.runs = r->buffers.runs, .pages = r->pages};
        return count_lost(r, start, error);
    }
    return status;
}

kb_status kbt_load_footer(struct kbt_reader *r, struct kb_error *error) {
    uint8_t bytes[KBT_BLOCK_BYTES];
    struct kbt_block_header header;
    const uint8_t *payload;
    size_t got;
    uint64_t back = r->offset, size = r->source.size;
    if (r->totals_known || r->source.seek == NULL ||
        size < KBT_HEADER_BYTES + KBT_BLOCK_BYTES + KBT_TRAILER_BYTES)
        return KB_OK;
    kb_status status = r->source.seek(r->source.context, size - KBT_TRAILER_BYTES, error);
    if (status == KB_OK)
        status = read_fully(r, bytes, KBT_TRAILER_BYTES, &got, error);
    if (status != KB_OK)
        return status;
    uint64_t at = kbt_get(bytes, 8);
    bool there = got == KBT_TRAILER_BYTES && memcmp(bytes + 8, KBT_END, 8) == 0 &&
                 at >= KBT_HEADER_BYTES && at < size - KBT_TRAILER_BYTES;
    if (there) {
        status = r->source.seek(r->source.context, at, error);
        if (status == KB_OK)
            status = read_fully(r, bytes, sizeof bytes, &got, error);
        if (status == KB_OK && got == sizeof bytes && kbt_unpack_block_header(bytes, &header) &&
            header.magic == KBT_FOOTER_MAGIC && footer_plausible(&header, at) &&
            header.stored <= size) {
            status = load_payload(r, &header, &payload, error);
            if (status == KB_OK)
                status = take_footer(r, &header, payload, error);
        }
        if (status == KB_DATA) /* reading on will say so in its place */
            status = KB_OK;
    }
    r->offset = back;
    return status != KB_OK ? status : r->source.seek(r->source.context, back, error);
}

kb_status kbt_seek(struct kbt_reader *r, uint64_t reference, struct kb_error *error) {
    uint64_t low = 0, high = r->totals.blocks; /* the last block that begins at or before it */
    if (!r->totals_known || high == 0)
        return KB_OK;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (r->index[middle].references_before <= reference)
            low = middle;
        else
            high = middle;
    }
    const struct kbt_index_entry *entry = &r->index[low];
    if (entry->offset < KBT_HEADER_BYTES || entry->offset >= r->source.size ||
        entry->pages_before > r->totals.pages)
        return damaged(r, r->offset, KB_MSG_kbt_footer, error);
    r->seeked = true;
    r->offset = entry->offset;
    r->references = entry->references_before;
    r->pages = entry->pages_before;
    r->process = entry->process;
    return r->source.seek(r->source.context, entry->offset, error);
}

void kbt_close(struct kbt_reader *r) {
    free(r->index);
    free(r->numbers);
    free(r->owners);
    kb_buffers_free(&r->buffers);
    free(r->stored);
    free(r->raw);
    memset(r, 0, sizeof *r);
}
