/* file.c - files and pipes as sources and sinks; gz is unpacked by zlib, xz and zst by libarchive.
 *
 * A source that is not compressed is read with read(2) straight into the
 * caller's buffer. Results go to a temporary name beside the wanted one and
 * are renamed when whole, so that nobody meets half a file; but for those of a
 * recorder, of which half is better than nothing. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/gzip.h"
#include "host/host.h"

#define HEAD 8
#define ARCHIVE_BUFFER (256 * 1024)

struct input {
    const char *name;
    int fd;
    bool regular;
    uint64_t disk_size, disk_done;
    uint8_t head[HEAD]; /* read to tell compression; delivered first */
    size_t head_length, head_used;
    struct archive *archive; /* xz, zst; NULL: not */
    struct kb_gzip *gzip;    /* gz; NULL: not */
    uint8_t *buffer;         /* for libarchive */
};

static kb_status io_error(struct kb_error *error, enum kb_message message, const char *name,
                          int number) {
    return kb_fail(error, KB_IO, message, name, strerror(number));
}

/* read(2), through interrupts. */
static ssize_t read_some(int fd, void *buffer, size_t room) {
    ssize_t got;
    do
        got = read(fd, buffer, room);
    while (got < 0 && errno == EINTR);
    return got;
}

/* What comes first is the head. */
static ssize_t read_raw(struct input *input, void *buffer, size_t room) {
    if (input->head_used < input->head_length) {
        size_t left = input->head_length - input->head_used;
        size_t part = left < room ? left : room;
        memcpy(buffer, input->head + input->head_used, part);
        input->head_used += part;
        return (ssize_t)part;
    }
    ssize_t got = read_some(input->fd, buffer, room);
    if (got > 0)
        input->disk_done += (uint64_t)got;
    return got;
}

static la_ssize_t feed_archive(struct archive *archive, void *context, const void **buffer) {
    struct input *input = context;
    ssize_t got = read_raw(input, input->buffer, ARCHIVE_BUFFER);
    *buffer = input->buffer;
    if (got < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    return got;
}

static kb_status read_plain(void *context, void *buffer, size_t room, size_t *got,
                            struct kb_error *error) {
    struct input *input = context;
    ssize_t part = read_raw(input, buffer, room);
    *got = part > 0 ? (size_t)part : 0;
    return part < 0 ? io_error(error, KB_MSG_cannot_read, input->name, errno) : KB_OK;
}

static kb_status read_packed(void *context, void *buffer, size_t room, size_t *got,
                             struct kb_error *error) {
    struct input *input = context;
    la_ssize_t part = archive_read_data(input->archive, buffer, room);
    *got = part > 0 ? (size_t)part : 0;
    if (part >= 0)
        return KB_OK;
    const char *reason = archive_error_string(input->archive);
    return kb_fail(error, KB_DATA, KB_MSG_cannot_unpack, input->name,
                   reason != NULL ? reason : "?");
}

static ssize_t feed_gzip(void *context, void *buffer, size_t room) {
    return read_raw(context, buffer, room);
}

static kb_status read_gzip(void *context, void *buffer, size_t room, size_t *got,
                           struct kb_error *error) {
    struct input *input = context;
    const char *reason;
    ssize_t part = kb_gzip_read(input->gzip, buffer, room, &reason);
    *got = part > 0 ? (size_t)part : 0;
    if (part >= 0)
        return KB_OK;
    return reason != NULL ? kb_fail(error, KB_DATA, KB_MSG_cannot_unpack, input->name, reason)
                          : io_error(error, KB_MSG_cannot_read, input->name, errno);
}

static kb_status seek_plain(void *context, uint64_t offset, struct kb_error *error) {
    struct input *input = context;
    input->head_used = input->head_length;
    if (lseek(input->fd, (off_t)offset, SEEK_SET) < 0)
        return io_error(error, KB_MSG_cannot_read, input->name, errno);
    input->disk_done = offset;
    return KB_OK;
}

static bool is_gzip(const struct input *input) {
    return input->head_length >= 2 && input->head[0] == 0x1f && input->head[1] == 0x8b;
}

static bool is_archive(const struct input *input) {
    static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z', 0}, zst[] = {0x28, 0xb5, 0x2f, 0xfd};
    size_t n = input->head_length;
    return (n >= sizeof xz && memcmp(input->head, xz, sizeof xz) == 0) ||
           (n >= sizeof zst && memcmp(input->head, zst, sizeof zst) == 0);
}

static kb_status open_archive(struct input *input, struct kb_error *error) {
    struct archive_entry *entry;
    input->buffer = malloc(ARCHIVE_BUFFER);
    input->archive = archive_read_new();
    if (input->buffer == NULL || input->archive == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, input->name,
                       (unsigned long long)ARCHIVE_BUFFER);
    archive_read_support_filter_xz(input->archive);
    archive_read_support_filter_zstd(input->archive);
    archive_read_support_format_raw(input->archive);
    archive_read_support_format_empty(input->archive);
    if (archive_read_open(input->archive, input, NULL, feed_archive, NULL) != ARCHIVE_OK ||
        archive_read_next_header(input->archive, &entry) < ARCHIVE_WARN) {
        const char *reason = archive_error_string(input->archive);
        return kb_fail(error, KB_DATA, KB_MSG_cannot_unpack, input->name,
                       reason != NULL ? reason : "?");
    }
    return KB_OK;
}

static kb_status open_input(struct input *input, struct kb_error *error) {
    struct stat status;
    bool standard = strcmp(input->name, "-") == 0;
    input->fd = standard ? STDIN_FILENO : open(input->name, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 || fstat(input->fd, &status) != 0)
        return io_error(error, KB_MSG_cannot_open, input->name, errno);
    if (S_ISDIR(status.st_mode))
        return io_error(error, KB_MSG_cannot_open, input->name, EISDIR);
    input->regular = S_ISREG(status.st_mode);
    input->disk_size = input->regular ? (uint64_t)status.st_size : 0;
    while (input->head_length < HEAD) {
        ssize_t got =
            read_some(input->fd, input->head + input->head_length, HEAD - input->head_length);
        if (got < 0)
            return io_error(error, KB_MSG_cannot_read, input->name, errno);
        if (got == 0)
            break;
        input->head_length += (size_t)got;
    }
    input->disk_done = input->head_length;
    if (is_gzip(input)) {
        input->gzip = kb_gzip_open(feed_gzip, input);
        return input->gzip != NULL ? KB_OK
                                   : kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, input->name,
                                             (unsigned long long)ARCHIVE_BUFFER);
    }
    return is_archive(input) ? open_archive(input, error) : KB_OK;
}

kb_status kb_file_open(struct kb_source *source, const char *name, struct kb_error *error) {
    struct input *input = calloc(1, sizeof *input);
    memset(source, 0, sizeof *source);
    if (input == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, name,
                       (unsigned long long)sizeof *input);
    input->name = name;
    source->context = input;
    source->name = name;
    kb_status status = open_input(input, error);
    if (status != KB_OK) {
        kb_file_close(source);
        return status;
    }
    bool plain = input->archive == NULL && input->gzip == NULL;
    source->read = plain ? read_plain : input->gzip != NULL ? read_gzip : read_packed;
    source->seek =
        plain && input->regular && lseek(input->fd, 0, SEEK_CUR) >= 0 ? seek_plain : NULL;
    source->size = source->seek != NULL ? input->disk_size : 0;
    return KB_OK;
}

void kb_file_close(struct kb_source *source) {
    struct input *input = source->context;
    if (input == NULL)
        return;
    if (input->archive != NULL)
        archive_read_free(input->archive);
    kb_gzip_close(input->gzip);
    if (input->fd > STDIN_FILENO)
        close(input->fd);
    free(input->buffer);
    free(input);
    source->context = NULL;
}

void kb_file_progress(const struct kb_source *source, uint64_t *done, uint64_t *size) {
    const struct input *input = source->context;
    *done = input->disk_done;
    *size = input->disk_size;
}

/* ---- output ---- */

struct output {
    const char *name;
    char *temporary; /* NULL: standard output, or a special file */
    char *target;    /* what the temporary file becomes: the name, links followed */
    int fd;
    uint8_t *buffer;
    size_t used;
};

#define OUTPUT_BUFFER (1 << 20)

static kb_status write_all(const char *name, int fd, const void *bytes, size_t count,
                           struct kb_error *error) {
    const uint8_t *at = bytes;
    while (count > 0) {
        ssize_t done = write(fd, at, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return io_error(error, KB_MSG_cannot_write, name, errno);
        at += done;
        count -= (size_t)done;
    }
    return KB_OK;
}

static kb_status flush(struct output *output, struct kb_error *error) {
    kb_status status = write_all(output->name, output->fd, output->buffer, output->used, error);
    output->used = 0;
    return status;
}

static kb_status write_buffered(void *context, const void *bytes, size_t count,
                                struct kb_error *error) {
    struct output *output = context;
    if (output->used + count > OUTPUT_BUFFER) {
        kb_status status = flush(output, error);
        if (status != KB_OK)
            return status;
    }
    if (count > OUTPUT_BUFFER)
        return write_all(output->name, output->fd, bytes, count, error);
    memcpy(output->buffer + output->used, bytes, count);
    output->used += count;
    return KB_OK;
}

static kb_status create(struct output *output, struct kb_error *error) {
    struct stat status;
    bool special = stat(output->name, &status) == 0 && !S_ISREG(status.st_mode);
    if (strcmp(output->name, "-") == 0) {
        output->fd = STDOUT_FILENO;
    } else if (special) { /* /dev/null, a pipe */
        output->fd = open(output->name, O_WRONLY | O_CLOEXEC);
    } else {
        output->target = realpath(output->name, NULL);
        if (output->target == NULL)
            output->target = strdup(output->name);
        size_t room = output->target != NULL ? strlen(output->target) + 12 : 0;
        output->temporary = malloc(room + 1);
        if (output->target == NULL || output->temporary == NULL)
            return io_error(error, KB_MSG_cannot_write, output->name, ENOMEM);
        snprintf(output->temporary, room, "%s.XXXXXX", output->target);
        output->fd = mkostemp(output->temporary, O_CLOEXEC);
        if (output->fd < 0) {
            free(output->temporary);
            output->temporary = NULL;
        }
    }
    return output->fd < 0 ? io_error(error, KB_MSG_cannot_write, output->name, errno) : KB_OK;
}

kb_status kb_file_create(struct kb_sink *sink, const char *name, struct kb_error *error) {
    struct output *output = calloc(1, sizeof *output);
    memset(sink, 0, sizeof *sink);
    if (output == NULL || (output->buffer = malloc(OUTPUT_BUFFER)) == NULL) {
        free(output);
        return io_error(error, KB_MSG_cannot_write, name, ENOMEM);
    }
    output->name = name;
    *sink = (struct kb_sink){output, write_buffered};
    kb_status status = create(output, error);
    if (status != KB_OK)
        kb_file_abandon(sink);
    return status;
}

static kb_status write_through(void *context, const void *bytes, size_t count,
                               struct kb_error *error) {
    struct output *output = context;
    return write_all(output->name, output->fd, bytes, count, error);
}

kb_status kb_file_stream(struct kb_sink *sink, const char *name, struct kb_error *error) {
    struct output *output = calloc(1, sizeof *output);
    memset(sink, 0, sizeof *sink);
    if (output == NULL)
        return io_error(error, KB_MSG_cannot_write, name, ENOMEM);
    output->name = name;
    output->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    *sink = (struct kb_sink){output, write_through};
    if (output->fd >= 0)
        return KB_OK;
    int number = errno;
    kb_file_abandon(sink);
    return io_error(error, KB_MSG_cannot_write, name, number);
}

static void release(struct kb_sink *sink) {
    struct output *output = sink->context;
    free(output->temporary);
    free(output->target);
    free(output->buffer);
    free(output);
    sink->context = NULL;
}

kb_status kb_file_commit(struct kb_sink *sink, struct kb_error *error) {
    struct output *output = sink->context;
    kb_status status = flush(output, error);
    mode_t mask = umask(0);
    umask(mask);
    if (status == KB_OK && output->temporary != NULL) {
        bool fine = fchmod(output->fd, 0666 & ~mask) == 0 && fsync(output->fd) == 0;
        fine = close(output->fd) == 0 && fine;
        output->fd = -1;
        if (!fine || rename(output->temporary, output->target) != 0)
            status = io_error(error, KB_MSG_cannot_write, output->name, errno);
    }
    if (status != KB_OK) {
        kb_file_abandon(sink);
        return status;
    }
    if (output->fd > STDOUT_FILENO)
        close(output->fd);
    release(sink);
    return KB_OK;
}

void kb_file_abandon(struct kb_sink *sink) {
    struct output *output = sink->context;
    if (output == NULL)
        return;
    if (output->fd > STDOUT_FILENO)
        close(output->fd);
    if (output->temporary != NULL)
        unlink(output->temporary);
    release(sink);
}

static kb_status write_stdout(void *context, const void *bytes, size_t count,
                              struct kb_error *error) {
    (void)context;
    return write_all("-", STDOUT_FILENO, bytes, count, error);
}

struct kb_sink kb_stdout_sink(void) {
    return (struct kb_sink){NULL, write_stdout};
}
