/* codecs.c - zstd and lz4 for the blocks of native traces. */
#include "host/codecs.h"

#include <lz4.h>
#include <lz4hc.h>
#include <zstd.h>

#define LARGEST_LZ4 LZ4_MAX_INPUT_SIZE

static bool compress(enum kb_codec codec, int level, const void *from, size_t length, void *to,
                     size_t room, size_t *written) {
    if (codec == KB_CODEC_ZSTD) {
        size_t result = ZSTD_compress(to, room, from, length, level);
        *written = ZSTD_isError(result) ? 0 : result;
        return *written > 0;
    }
    if (codec == KB_CODEC_LZ4 && length <= LARGEST_LZ4) {
        int limit = room > LARGEST_LZ4 ? LARGEST_LZ4 : (int)room;
        int result = level > 3 ? LZ4_compress_HC(from, to, (int)length, limit, level)
                               : LZ4_compress_default(from, to, (int)length, limit);
        *written = result > 0 ? (size_t)result : 0;
        return result > 0;
    }
    return false;
}

static bool decompress(enum kb_codec codec, const void *from, size_t length, void *to,
                       size_t expected) {
    if (codec == KB_CODEC_ZSTD)
        return ZSTD_decompress(to, expected, from, length) == expected;
    if (codec == KB_CODEC_LZ4 && length <= LARGEST_LZ4 && expected <= LARGEST_LZ4)
        return LZ4_decompress_safe(from, to, (int)length, (int)expected) == (int)expected;
    return false;
}

const struct kb_codecs kb_host_codecs = {compress, decompress};
