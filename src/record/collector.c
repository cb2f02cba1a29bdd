/* collector.c - one round after the other: what is in each channel's ring; a new process's file;
 * the end of one. */
#include "record/collector.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/launch.h"

#define TURN 64        /* chunks of one channel before the next has its turn */
#define NAP 10         /* milliseconds without being rung for */
#define FLUSH_AFTER 5  /* seconds: what is not in the file then is written */
#define LAST_FORKS 1.0 /* seconds that processes in the middle of a fork may still come in */

/* ---- one channel ---- */

/* The first error counts. What follows of this file is thrown away; the program runs on. */
static void note_failure(struct kb_collecting *c, unsigned channel, const struct kb_error *error) {
    c->channels[channel].failed = true;
    if (c->error.status == KB_OK)
        c->error = *error;
    if (c->shared->channels[channel] != NULL)
        atomic_store(&c->shared->channels[channel]->stopped, 1);
}

static void add(struct kb_collecting *c, unsigned channel, uint32_t thread, const uint64_t *words,
                uint32_t count) {
    struct kb_collected *to = &c->channels[channel];
    struct kb_error error = {.language = c->error.language};
    if (to->failed || to->full)
        return;
    if (kb_stream_add(to->stream, thread, words, count, &to->full, &error) != KB_OK)
        note_failure(c, channel, &error);
    if (to->full)
        atomic_store(&c->shared->channels[channel]->stopped, 1);
    if (to->full && channel == 0)
        c->limited = true;
}

/* Takes up to TURN chunks; whether there were any. */
static bool take(struct kb_collecting *c, unsigned number) {
    struct kb_channel *channel = c->shared->channels[number];
    uint64_t emptied = atomic_load_explicit(&channel->emptied, memory_order_relaxed);
    uint64_t filled = atomic_load(&channel->filled);
    unsigned taken = 0;
    for (; emptied < filled && taken < TURN; emptied++, taken++) {
        struct kb_handed handed = channel->ring[emptied % KB_CHUNKS];
        if (handed.chunk < KB_CHUNKS && handed.words < KB_CHUNK_WORDS)
            add(c, number, handed.thread, kb_chunk(channel, handed.chunk) + 1, handed.words);
        kb_shared_emptied(channel);
    }
    return taken > 0;
}

/* What the threads of a process that has ended had not handed over. */
static void take_rests(struct kb_collecting *c, unsigned number) {
    struct kb_channel *channel = c->shared->channels[number];
    for (uint32_t i = 0; i < KB_THREADS; i++) {
        const struct kb_cursor *cursor = &channel->cursors[i];
        uint64_t words = ((uintptr_t)cursor->at - (uintptr_t)cursor->begin) / sizeof(uint64_t);
        if (cursor->live && cursor->chunk < KB_CHUNKS && words < KB_CHUNK_WORDS)
            add(c, number, i, kb_chunk(channel, cursor->chunk) + 1, (uint32_t)words);
    }
}

/* "x.kbt" → "x.123.kbt" */
static void name_child(const char *output, int pid, char *name, size_t room) {
    const char *end = strrchr(output, '.');
    if (end == NULL || strchr(end, '/') != NULL)
        end = output + strlen(output);
    snprintf(name, room, "%.*s.%d%s", (int)(end - output), output, pid, end);
}

static void open_child(struct kb_collecting *c, unsigned number) {
    struct kb_collected *to = &c->channels[number];
    int pid = c->shared->head->channels[number].pid;
    struct kb_error error = {.language = c->error.language};
    struct kb_stream_options options = c->stream;
    *to = (struct kb_collected){.watch = (int)syscall(SYS_pidfd_open, pid, 0)};
    name_child(c->options->output, pid, to->name, sizeof to->name);
    options.output = to->name;
    kb_status status = kb_shared_channel(c->shared, number, &error);
    if (status == KB_OK)
        status = kb_stream_open(&to->stream, &options, &c->other_counts, &error);
    if (status != KB_OK)
        note_failure(c, number, &error);
    c->recorded_children += status == KB_OK;
}

static bool ended(struct kb_collecting *c, unsigned number) {
    struct pollfd poll_for = {.fd = c->channels[number].watch, .events = POLLIN};
    if (number == 0)
        return atomic_load(&c->main_ended);
    if (atomic_load(&c->give_up))
        return true;
    if (poll_for.fd >= 0)
        return poll(&poll_for, 1, 0) == 1;
    return kill(c->shared->head->channels[number].pid, 0) != 0 && errno == ESRCH;
}

static void finish(struct kb_collecting *c, unsigned number) {
    struct kb_collected *to = &c->channels[number];
    if (number == 0)
        c->attached = c->shared->channels[0]->attached != 0;
    struct kb_error error = {.language = c->error.language};
    while (to->stream != NULL && take(c, number))
        ;
    if (to->stream != NULL)
        take_rests(c, number);
    if (to->stream != NULL && !to->failed && kb_stream_end(to->stream, &error) != KB_OK)
        note_failure(c, number, &error);
    kb_stream_close(to->stream);
    if (number > 0 && to->watch >= 0)
        close(to->watch);
    to->stream = NULL;
    to->watch = -1;
    to->failed = false;            /* for the next process of this number */
    if (!atomic_load(&c->give_up)) /* else the process may still write there */
        kb_shared_release(c->shared, number);
}

/* ---- all of them ---- */

/* One round. *open: channels that are still in use. */
static bool go_round(struct kb_collecting *c, unsigned *open) {
    bool any = false;
    *open = 0;
    for (unsigned i = 0; i < KB_CHANNELS; i++) {
        if (atomic_load(&c->shared->head->channels[i].state) != KB_CHANNEL_OPEN)
            continue;
        if (i > 0 && c->shared->channels[i] == NULL && !c->channels[i].failed)
            open_child(c, i);
        ++*open;
        bool over = ended(c, i); /* first this, then the rest of its ring */
        if (c->shared->channels[i] != NULL && take(c, i))
            any = true;
        else if (over) {
            finish(c, i);
            --*open;
        }
    }
    return any;
}

static void flush_all(struct kb_collecting *c) {
    for (unsigned i = 0; i < KB_CHANNELS; i++) {
        struct kb_collected *to = &c->channels[i];
        struct kb_error error = {.language = c->error.language};
        if (to->stream != NULL && !to->failed && kb_stream_flush(to->stream, &error) != KB_OK)
            note_failure(c, i, &error);
    }
}

static void *collect(void *context) {
    struct kb_collecting *c = context;
    double flushed = kb_launch_clock(), last = 0;
    for (;;) {
        unsigned open, bell = atomic_load(&c->shared->head->bell);
        bool any = go_round(c, &open);
        if (open == 0 && last == 0)
            last = kb_launch_clock();
        if (open > 0)
            last = 0;
        bool forking = atomic_load(&c->shared->head->forking) > 0;
        if (open == 0 &&
            (!forking || kb_launch_clock() - last > LAST_FORKS || atomic_load(&c->give_up)))
            break;
        if (!any)
            kb_shared_wait(c->shared, bell, NAP);
        if (kb_launch_clock() - flushed > FLUSH_AFTER) {
            flush_all(c);
            flushed = kb_launch_clock();
        }
    }
    atomic_store(&c->all_ended, true);
    return NULL;
}

kb_status kb_collecting_start(struct kb_collecting *c, struct kb_error *error) {
    struct kb_collected *to = &c->channels[0];
    c->error.language = error->language;
    c->stream.output = c->options->output;
    to->watch = -1;
    kb_status status = kb_shared_channel(c->shared, 0, error);
    if (status == KB_OK)
        status = kb_stream_open(&to->stream, &c->stream, &c->counts, error);
    if (status != KB_OK)
        return status;
    atomic_store(&c->shared->head->channels[0].state, KB_CHANNEL_OPEN);
    int failed = pthread_create(&c->thread, NULL, collect, c);
    if (failed == 0)
        return KB_OK;
    kb_stream_close(to->stream);
    return kb_fail(error, KB_IO, KB_MSG_record_thread, strerror(failed));
}

void kb_collecting_end(struct kb_collecting *c) { pthread_join(c->thread, NULL); }
