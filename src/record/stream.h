/* stream.h - what threads have noted (word.h) becomes a native trace. */
#ifndef KB_RECORD_STREAM_H
#define KB_RECORD_STREAM_H

#include <stdatomic.h>

#include "base/host.h"
#include "trace/writer.h"

struct kb_stream; /* opaque: a file that is being written, and what is needed for it */

struct kb_stream_options {
    const char *output; /* the file's name; borrowed */
    uint64_t grain;
    uint64_t limit;      /* references written at most; 0: all */
    const char *program; /* what is recorded; for the header */
    const struct kb_host *host;
};

/* What another thread may look at. */
struct kb_stream_counts {
    _Atomic uint64_t references, pages, bytes;
};

kb_status kb_stream_open(struct kb_stream **stream, const struct kb_stream_options *options,
                         struct kb_stream_counts *counts, struct kb_error *error) KB_MUST_CHECK;

/* Adds what a thread has noted. *full: the limit is reached, nothing more is taken. */
kb_status kb_stream_add(struct kb_stream *stream, uint32_t thread, const uint64_t *words,
                        uint32_t count, bool *full, struct kb_error *error) KB_MUST_CHECK;

/* Writes what waits, so that a file whose recorder is killed has it. */
kb_status kb_stream_flush(struct kb_stream *stream, struct kb_error *error) KB_MUST_CHECK;

/* Writes the footer: the file is whole. */
kb_status kb_stream_end(struct kb_stream *stream, struct kb_error *error) KB_MUST_CHECK;

void kb_stream_close(struct kb_stream *stream); /* NULL is fine */

#endif
