/* fuzz_formats.c - foreign trace formats, fed with anything.
 *
 *   | u8 format, modulo their number + 1; the last: detection | u8 window | the trace … |
 *
 * The trace is parsed in one window and in many small ones; both must see the
 * same accesses, and stop at the same byte and line with the same status.
 * Windows are copied to memory of their very size, for the sanitizer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct result {
    uint64_t count, hash, line, offset;
    kb_status status;
};

static void note(struct result *result, const struct kb_trace_access *accesses, size_t got) {
    for (size_t i = 0; i < got; i++) {
        MUST(accesses[i].size >= 1 && accesses[i].kind <= KB_EXECUTE);
        MUST(accesses[i].address + (accesses[i].size - 1) >= accesses[i].address);
        uint64_t word = accesses[i].address ^ (uint64_t)accesses[i].size << 40 ^ accesses[i].kind;
        result->hash = (result->hash ^ word) * UINT64_C(0x100000001b3);
    }
    result->count += got;
}

/* Parses what one window gives; returns the bytes consumed. */
static size_t window(const struct kb_trace_format *format, struct result *result,
                     const uint8_t *from, size_t length, bool last, size_t room, bool *finished) {
    struct kb_trace_access accesses[64];
    struct kb_error error = {.language = KB_SPANISH};
    uint8_t *copy = malloc(length + (length == 0));
    MUST(copy != NULL);
    if (length > 0)
        memcpy(copy, from, length);
    struct kb_cursor cursor = {copy, copy + length, last, result->line, result->offset, false};
    const uint8_t *before;
    size_t got;
    do {
        before = cursor.at;
        result->status = format->parse(&cursor, accesses, room, &got, &error);
        MUST(cursor.at >= before && cursor.at <= cursor.end && got <= room);
        MUST(result->status == KB_OK || strlen(error.text) > 0);
        note(result, accesses, got);
    } while (result->status == KB_OK && !cursor.finished && (got > 0 || cursor.at > before));
    MUST(result->status != KB_OK || !last || cursor.finished || cursor.at == cursor.end);
    size_t consumed = (size_t)(cursor.at - copy);
    result->line = cursor.line;
    result->offset += consumed;
    *finished = cursor.finished;
    free(copy);
    return consumed;
}

static struct result parse(const struct kb_trace_format *format, const uint8_t *from, size_t length,
                           size_t step, size_t room) {
    struct result result = {.line = 1};
    bool finished = false, last = false;
    size_t ahead = step;
    while (result.status == KB_OK && !finished && !last) {
        size_t left = length - (size_t)result.offset;
        last = ahead >= left;
        size_t consumed = window(format, &result, from + result.offset, last ? left : ahead, last,
                                 room, &finished);
        ahead = consumed > 0 ? step : ahead + step;
    }
    return result;
}

static void detect(const uint8_t *head, size_t length) {
    const struct kb_trace_format *format = kb_trace_format_detect(head, length);
    if (format != NULL)
        MUST(parse(format, head, length, length + 1, 64).count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned formats = 0;
    while (kb_trace_formats[formats] != NULL)
        formats++;
    if (size < 2)
        return 0;
    const uint8_t *from = data + 2;
    size_t length = size - 2, step = data[1] + 1u;
    const struct kb_trace_format *format = kb_trace_formats[data[0] % (formats + 1)];
    if (format == NULL) {
        detect(from, length);
        return 0;
    }
    struct result whole = parse(format, from, length, length + 1, 64);
    struct result pieces = parse(format, from, length, step, 7 + step % 16);
    MUST(whole.status == pieces.status && whole.count == pieces.count);
    MUST(whole.hash == pieces.hash && whole.line == pieces.line && whole.offset == pieces.offset);
    return 0;
}
