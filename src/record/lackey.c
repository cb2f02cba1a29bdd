/* lackey.c - Valgrind prints a line for each reference into a pipe, which is a trace while it is
 * read: the text is never on disk.
 *
 * The program finds the pipe among its descriptors, with a high number, so that
 * its own have those that they would have otherwise. The pipe is read on when
 * nothing more is recorded, since Valgrind would end with it. Lines of Valgrind
 * itself (==pid==) are among the references; a forked process is silent. */
#include "record/lackey.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "record/stream.h"
#include "record/word.h"
#include "trace/format.h"

#define PIPE_BYTES (1 << 20)
#define HIGH 200      /* descriptors below it are the program's */
#define BATCH 4096    /* accesses, and words, at a time */
#define FLUSH_AFTER 5 /* seconds: what is not in the file then is written */
#define END_BYTES 64  /* enough of the text's end to see Valgrind's last line */
#define OWN_ARGUMENTS 7

struct lackey {
    const struct kb_record_options *options;
    struct kb_launch *launch;
    struct kb_stream *stream;
    struct kb_stream_counts counts;
    int in, out; /* the pipe's ends; out stays open here, so that in never ends */
    unsigned shift;
    bool full;             /* the limit is reached */
    bool heard;            /* Valgrind has said something */
    struct kb_error error; /* the first one; what comes then is thrown away */
    char log[64];          /* an option of Valgrind */
    char end[END_BYTES];   /* the last bytes of its text */

    /* what was read and not parsed yet: less than a line, after a parse */
    struct kb_cursor cursor;
    size_t kept;
    uint8_t window[2 * KB_LONGEST_LINE];
    struct kb_trace_access accesses[BATCH];

    /* runs that go to the stream together */
    uint32_t count;
    uint64_t words[BATCH + 1]; /* the first one equals no run's */
};

/* ---- from text to words ---- */

static kb_status give(struct lackey *l) {
    kb_status status = kb_stream_add(l->stream, 0, l->words + 1, l->count, &l->full, &l->error);
    l->count = 0;
    return status;
}

static kb_status note(struct lackey *l, const struct kb_trace_access *access) {
    uint64_t last = (access->address + access->size - 1) >> l->shift;
    if (access->kind == KB_EXECUTE && l->options->data_only)
        return KB_OK;
    for (uint64_t page = access->address >> l->shift; page <= last; page++) {
        uint64_t word = kb_word(page, access->kind, 1), *before = &l->words[l->count];
        if ((*before ^ word) >> 16 == 0 && (*before & KB_WORD_COUNT) < KB_WORD_COUNT) {
            ++*before;
            continue;
        }
        if (l->count == BATCH && give(l) != KB_OK)
            return l->error.status;
        l->words[++l->count] = word;
    }
    return KB_OK;
}

/* Takes all whole lines of the window and moves the rest to its front. */
static kb_status parse(struct lackey *l) {
    const struct kb_trace_format *format = &kb_trace_format_lackey;
    size_t got = 1;
    l->cursor.at = l->window;
    l->cursor.end = l->window + l->kept;
    while (got > 0 && !l->full) {
        if (format->parse(&l->cursor, l->accesses, BATCH, &got, &l->error) != KB_OK)
            return l->error.status;
        for (size_t i = 0; i < got && !l->full; i++)
            if (note(l, &l->accesses[i]) != KB_OK)
                return l->error.status;
    }
    l->kept = (size_t)(l->cursor.end - l->cursor.at);
    memmove(l->window, l->cursor.at, l->kept);
    return KB_OK;
}

/* ---- the pipe ---- */

static void keep_end(struct lackey *l, const uint8_t *text, size_t length) {
    size_t more = length < END_BYTES ? length : END_BYTES;
    memmove(l->end, l->end + more, END_BYTES - more);
    memcpy(l->end + END_BYTES - more, text + length - more, more);
}

/* Reads once; whether there was anything. */
static bool read_some(struct lackey *l) {
    ssize_t got = read(l->in, l->window + l->kept, sizeof l->window - l->kept);
    if (got <= 0)
        return false;
    l->heard = true;
    keep_end(l, l->window + l->kept, (size_t)got);
    l->kept += (size_t)got;
    if (l->full || l->error.status != KB_OK) /* nobody wants it */
        l->kept = 0;
    else
        (void)parse(l);
    return true;
}

/* A status that is not KB_OK is the error's, too. */
static void flush(struct lackey *l) {
    if (l->error.status == KB_OK && give(l) == KB_OK)
        l->error.status = kb_stream_flush(l->stream, &l->error);
}

/* Until Valgrind has ended and the pipe is empty. */
static void take_all(struct lackey *l) {
    double started = kb_launch_clock(), told = started, flushed = started;
    bool ended = false;
    for (;;) {
        struct pollfd poll_for[] = {{.fd = l->launch->signals, .events = POLLIN},
                                    {.fd = l->in, .events = POLLIN}};
        if (!ended)
            poll(poll_for, 2, KB_LAUNCH_TICK);
        ended = l->launch->ended; /* first this, then the rest of the pipe */
        kb_launch_look(l->launch);
        if (!read_some(l) && ended)
            return;
        double now = kb_launch_clock();
        if (now - told >= KB_LAUNCH_TICK / 1000.0) {
            kb_launch_progress(l->options, &l->counts, started);
            told = now;
        }
        if (now - flushed > FLUSH_AFTER) {
            flush(l);
            flushed = now;
        }
    }
}

static kb_status open_pipe(struct lackey *l, struct kb_error *error) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return kb_fail(error, KB_IO, KB_MSG_record_start, l->launch->run, strerror(errno));
    l->in = ends[0];
    l->out = fcntl(ends[1], F_DUPFD_CLOEXEC, HIGH);
    if (l->out < 0)
        l->out = ends[1];
    else
        close(ends[1]);
    (void)fcntl(l->in, F_SETFL, O_NONBLOCK);
    (void)fcntl(l->in, F_SETPIPE_SZ, PIPE_BYTES); /* smaller is slower, no more */
    snprintf(l->log, sizeof l->log, "--log-fd=%d", l->out);
    return KB_OK;
}

/* In the child: Valgrind gets the end that it writes to. */
static void before_valgrind(void *context) {
    const struct lackey *l = context;
    (void)fcntl(l->out, F_SETFD, 0);
}

/* ---- Valgrind ---- */

static kb_status put_together(struct lackey *l, const char *const *argv, struct kb_error *error) {
    struct kb_launch *launch = l->launch;
    size_t count;
    launch->run = l->options->valgrind;
    launch->arguments = kb_program_arguments(&launch->program, argv, OWN_ARGUMENTS, &count);
    if (launch->arguments == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0], 0ULL);
    const char **a = launch->arguments;
    a[0] = launch->run;
    a[1] = "--command-line-only=yes"; /* no options from the user's files */
    a[2] = "--tool=lackey";
    a[3] = "--trace-mem=yes";
    a[4] = "--vgdb=no";
    a[5] = "--child-silent-after-fork=yes";
    a[6] = l->log;
    if (a[OWN_ARGUMENTS][0] == '-') /* no option */
        a[OWN_ARGUMENTS] = launch->path;
    return KB_OK;
}

/* Its last line, unless the program has become another one, or was killed. */
static bool ended_in_valgrind(const struct lackey *l) {
    static const char last[] = "Exit code:";
    return memmem(l->end, sizeof l->end, last, sizeof last - 1) != NULL;
}

static kb_status finish(struct lackey *l, struct kb_record_result *result) {
    struct kb_error *error = &l->error;
    kb_launch_result(l->launch, result);
    result->replaced = result->signal == 0 && !ended_in_valgrind(l);
    if (error->status == KB_OK && !l->full)
        (void)give(l);
    if (error->status == KB_OK)
        error->status = kb_stream_end(l->stream, error);
    result->references = atomic_load(&l->counts.references);
    result->pages = atomic_load(&l->counts.pages);
    result->bytes = atomic_load(&l->counts.bytes);
    result->limited = l->full;
    return error->status;
}

static kb_status run(struct lackey *l, const char *program, struct kb_record_result *result,
                     struct kb_error *error) {
    const struct kb_stream_options stream = {.output = l->options->output,
                                             .grain = l->options->grain,
                                             .limit = l->options->limit,
                                             .program = program,
                                             .host = l->options->host};
    kb_status status = kb_stream_open(&l->stream, &stream, &l->counts, error);
    if (status == KB_OK)
        status = kb_launch_catch(l->launch, error);
    if (status == KB_OK)
        status = kb_launch_start(l->launch, before_valgrind, l, error);
    if (status != KB_OK)
        return status;
    take_all(l);
    if (!l->heard)
        return kb_fail(error, KB_UNSUPPORTED, KB_MSG_record_lackey_silent, l->launch->run);
    status = finish(l, result);
    if (status != KB_OK)
        *error = l->error;
    return status;
}

static void close_all(struct lackey *l) {
    kb_stream_close(l->stream);
    if (l->in >= 0)
        close(l->in);
    if (l->out >= 0)
        close(l->out);
    free(l);
}

kb_status kb_lackey_record(struct kb_launch *launch, const char *const *argv, const char *name,
                           const struct kb_record_options *options, struct kb_record_result *result,
                           struct kb_error *error) {
    if (options->children)
        return kb_fail(error, KB_USAGE, KB_MSG_record_lackey_children);
    if (options->valgrind == NULL)
        return kb_fail(error, KB_UNSUPPORTED, KB_MSG_record_no_valgrind);
    struct lackey *l = calloc(1, sizeof *l);
    if (l == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, argv[0],
                       (unsigned long long)sizeof *l);
    l->options = options;
    l->launch = launch;
    l->in = l->out = -1;
    l->shift = kb_log2(options->grain);
    l->words[0] = KB_WORD_NONE;
    l->error.language = error->language;
    launch->run = options->valgrind;
    kb_status status = open_pipe(l, error);
    if (status == KB_OK)
        status = put_together(l, argv, error);
    if (status == KB_OK)
        status = run(l, name, result, error);
    close_all(l);
    return status;
}
