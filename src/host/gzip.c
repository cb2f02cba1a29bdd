/* gzip.c - unpacks gzip with zlib. */
#include "host/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#define PACKED_BYTES (128 * 1024)
#define GZIP_ONLY (15 + 16) /* zlib's windowBits: a gzip header is wanted, and the CRC checked */

struct kb_gzip {
    z_stream stream;
    ssize_t (*feed)(void *context, void *buffer, size_t room);
    void *context;
    bool between; /* at the end of a member: the input may end here */
    bool ended;
    uint8_t packed[PACKED_BYTES];
};

struct kb_gzip *kb_gzip_open(ssize_t (*feed)(void *context, void *buffer, size_t room),
                             void *context) {
    struct kb_gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip == NULL)
        return NULL;
    gzip->feed = feed;
    gzip->context = context;
    if (inflateInit2(&gzip->stream, GZIP_ONLY) == Z_OK)
        return gzip;
    free(gzip);
    return NULL;
}

/* Makes sure that packed bytes are waiting. Returns 0 at the end of the input, −1 on an error. */
static ssize_t refill(struct kb_gzip *gzip) {
    if (gzip->stream.avail_in > 0)
        return 1;
    ssize_t got = gzip->feed(gzip->context, gzip->packed, PACKED_BYTES);
    gzip->stream.next_in = gzip->packed;
    gzip->stream.avail_in = got > 0 ? (unsigned)got : 0;
    return got;
}

ssize_t kb_gzip_read(struct kb_gzip *gzip, void *buffer, size_t room, const char **reason) {
    const unsigned wanted = room < 1 << 30 ? (unsigned)room : 1u << 30;
    *reason = NULL;
    gzip->stream.next_out = buffer;
    gzip->stream.avail_out = wanted;
    while (gzip->stream.avail_out == wanted && !gzip->ended) {
        ssize_t got = refill(gzip);
        if (got < 0)
            return -1;
        if (got == 0) {
            gzip->ended = true;
            if (gzip->between)
                break;
            *reason = "unexpected end of the compressed data";
            return -1;
        }
        if (gzip->between && inflateReset(&gzip->stream) != Z_OK)
            return -1;
        gzip->between = false;
        int result = inflate(&gzip->stream, Z_NO_FLUSH);
        gzip->between = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            *reason = gzip->stream.msg != NULL ? gzip->stream.msg : "damaged gzip data";
            return -1;
        }
    }
    return (ssize_t)(wanted - gzip->stream.avail_out);
}

void kb_gzip_close(struct kb_gzip *gzip) {
    if (gzip == NULL)
        return;
    inflateEnd(&gzip->stream);
    free(gzip);
}
