/* host.h - what the pure core needs of its host, as tables of functions.
 *
 * The rooms of the core call no operating system: whoever embeds them fills
 * these tables (src/host does it for Linux). A member that a host lacks is
 * NULL; the core then works without it or says so clearly. */
#ifndef KB_BASE_HOST_H
#define KB_BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Bytes that come in order: a file, a pipe, something being decompressed. */
struct kb_source {
    void *context;
    /* Reads up to room bytes to buffer; *got = 0 means the end. Never returns fewer than one byte
     * before the end. */
    kb_status (*read)(void *context, void *buffer, size_t room, size_t *got,
                      struct kb_error *error);
    /* Moves to an absolute offset; NULL where the bytes cannot be reread (a pipe). */
    kb_status (*seek)(void *context, uint64_t offset, struct kb_error *error);
    uint64_t size;    /* of what read delivers, 0 when unknown */
    const char *name; /* for messages; borrowed */
};

/* Bytes that go out in order. */
struct kb_sink {
    void *context;
    kb_status (*write)(void *context, const void *bytes, size_t count, struct kb_error *error);
};

/* Block codecs of the native trace format. Both functions return false when they fail; compress
 * also when the result would not fit into room. */
enum kb_codec { KB_CODEC_RAW = 0, KB_CODEC_LZ4 = 1, KB_CODEC_ZSTD = 2, KB_CODECS };

struct kb_codecs {
    bool (*compress)(enum kb_codec codec, int level, const void *from, size_t length, void *to,
                     size_t room, size_t *written);
    bool (*decompress)(enum kb_codec codec, const void *from, size_t length, void *to,
                       size_t expected);
};

/* Several hands: runs task(argument, 0 … count − 1), in any order, perhaps at once, and returns
 * when all have ended. */
struct kb_workers {
    void *context;
    unsigned count; /* how many run at once */
    void (*run)(void *context, void (*task)(void *argument, unsigned index), void *argument,
                unsigned count);
};

/* Large zeroed tables, where the host can place them well (huge pages). */
struct kb_arena {
    void *(*take)(size_t bytes);
    void (*give_back)(void *memory, size_t bytes);
    /* Makes a table longer, zero behind its old end; it may move. NULL: it stays as it was, and
     * valid. */
    void *(*grow)(void *memory, size_t old_bytes, size_t bytes);
};

struct kb_host {
    const struct kb_codecs *codecs;
    const struct kb_workers *workers;
    const struct kb_arena *arena;
};

/* take and give_back of the host, or calloc and free where host or arena is NULL. */
void *kb_take(const struct kb_host *host, size_t bytes);
void kb_give_back(const struct kb_host *host, void *memory, size_t bytes);

/* grow of the host, or take, copy and give_back. memory may be NULL. */
void *kb_grow(const struct kb_host *host, void *memory, size_t old_bytes, size_t bytes);

#endif
