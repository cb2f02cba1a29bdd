/* gzip.h - unpacks gzip with its checksum checked; an insider of src/host.
 *
 * libarchive, which unpacks the other formats, passes over gzip's CRC and
 * length, so that a damaged trace would look whole. zlib checks both. */
#ifndef KB_HOST_GZIP_H
#define KB_HOST_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kb_gzip; /* opaque */

/* feed delivers packed bytes as read(2) does. NULL if memory is short. */
struct kb_gzip *kb_gzip_open(ssize_t (*feed)(void *context, void *buffer, size_t room),
                             void *context);

/* As read(2): 0 at the end, −1 on an error, of which *reason then tells (a string constant, or
 * NULL: errno tells). Members that follow each other are one stream. */
ssize_t kb_gzip_read(struct kb_gzip *gzip, void *buffer, size_t room, const char **reason);

void kb_gzip_close(struct kb_gzip *gzip); /* NULL is fine */

#endif
