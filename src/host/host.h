/* host.h - Linux behind the tables of base/host.h: files, codecs, threads, memory. */
#ifndef KB_HOST_HOST_H
#define KB_HOST_HOST_H

#include "base/host.h"

/* Everything that this build and machine offer: codecs, one worker a core, huge pages. threads 0:
 * as many as there are cores that this process may use. Threads start at the first call of run. */
kb_status kb_host_open(struct kb_host *host, unsigned threads,
                       struct kb_error *error) KB_MUST_CHECK;
void kb_host_close(struct kb_host *host);

/* Opens a file for reading ("-": standard input); gz, xz and zst are unpacked. The name is
 * borrowed. */
kb_status kb_file_open(struct kb_source *source, const char *name,
                       struct kb_error *error) KB_MUST_CHECK;
void kb_file_close(struct kb_source *source);

/* How far reading has come, for a progress bar: bytes of the file as it lies on disk; *size = 0 if
 * it is not known. */
void kb_file_progress(const struct kb_source *source, uint64_t *done, uint64_t *size);

/* Creates a file ("-": standard output). It appears under its name only when kb_file_commit
 * succeeds; kb_file_abandon leaves nothing behind. */
kb_status kb_file_create(struct kb_sink *sink, const char *name,
                         struct kb_error *error) KB_MUST_CHECK;
kb_status kb_file_commit(struct kb_sink *sink, struct kb_error *error) KB_MUST_CHECK;
void kb_file_abandon(struct kb_sink *sink);

/* As kb_file_create, but the file stands under its name from the start, and all that was written is
 * in it even if this process is killed: for formats of which a part can be told from the whole. */
kb_status kb_file_stream(struct kb_sink *sink, const char *name,
                         struct kb_error *error) KB_MUST_CHECK;

/* Standard output as a sink that needs no commit. */
struct kb_sink kb_stdout_sink(void);

/* The object of a user's own policy (policy.h: struct kb_policy), or NULL with error filled. It
 * stays loaded. */
const void *kb_load_symbol(const char *path, const char *symbol, struct kb_error *error);

#endif
