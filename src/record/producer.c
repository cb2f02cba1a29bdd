/* producer.c - chunks are taken, handed over, and left behind at a fork.
 *
 * One lock a process orders its threads; the recorder is on the other side of
 * two counters. Where it does not take a chunk for long, somebody looks
 * whether it still lives: without it the program goes on, unrecorded. */
#include "record/producer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trace/run.h"

#define RING_AT 16 /* chunks that wait when the recorder is woken; else it looks by itself */

struct kb_producer kb_producer = {.dropped = true};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static uint32_t *low_half(_Atomic uint64_t *counter) { return (uint32_t *)(void *)counter; }

static void wake(void *futex) { syscall(SYS_futex, futex, FUTEX_WAKE, 1, NULL, NULL, 0); }

static void ring(struct kb_recording *recording) {
    atomic_fetch_add(&recording->bell, 1);
    if (atomic_load(&recording->asleep))
        wake(&recording->bell);
}

static bool recorder_lives(void) {
    return kill(kb_producer.recording->recorder, 0) == 0 || errno != ESRCH;
}

/* ---- chunks ---- */

static void wait_for_room(struct kb_channel *channel) {
    const struct timespec patience = {.tv_nsec = 100 * 1000 * 1000};
    for (;;) {
        uint64_t emptied = atomic_load(&channel->emptied);
        if (atomic_load(&channel->filled) - emptied < KB_CHUNKS_AHEAD)
            return;
        atomic_store(&channel->waiting, 1);
        ring(kb_producer.recording);
        int saved = errno;
        long woken = syscall(SYS_futex, low_half(&channel->emptied), FUTEX_WAIT, (uint32_t)emptied,
                             &patience, NULL, 0);
        bool late = woken != 0 && errno == ETIMEDOUT;
        if (atomic_load(&channel->stopped) || (late && !recorder_lives()))
            kb_producer.dropped = true;
        errno = saved;
        if (kb_producer.dropped)
            return;
    }
}

/* A chunk that the recorder has emptied, else one that was never used: few chunks stay in the
 * cache. */
static uint32_t take_chunk(struct kb_channel *channel) {
    if (channel->reclaimed < atomic_load(&channel->emptied))
        return channel->ring[channel->reclaimed++ % KB_CHUNKS].chunk;
    return channel->fresh++;
}

static void set_chunk(struct kb_cursor *cursor, uint32_t chunk) {
    struct kb_channel *channel = kb_producer.channel;
    uint64_t *words = kb_chunk(channel, chunk);
    words[0] = KB_WORD_NONE;
    cursor->chunk = chunk;
    cursor->begin = words + 1;
    cursor->at = cursor->begin;
    cursor->end = words + (channel->threads > 1 ? KB_SHARED_WORDS : KB_CHUNK_WORDS);
}

/* Under the lock: the chunk goes into the ring. A process that is killed between the two lines
 * loses a chunk; the other way round it would count twice. */
static void publish(struct kb_cursor *cursor) {
    struct kb_channel *channel = kb_producer.channel;
    uint64_t filled = atomic_load_explicit(&channel->filled, memory_order_relaxed);
    channel->ring[filled % KB_CHUNKS] =
        (struct kb_handed){cursor->chunk, (uint32_t)(cursor->at - cursor->begin),
                           (uint32_t)(cursor - channel->cursors)};
    cursor->at = cursor->begin;
    atomic_store(&channel->filled, filled + 1);
    if (filled + 1 - atomic_load(&channel->emptied) == RING_AT)
        ring(kb_producer.recording);
}

/* Under the lock. False: what has been noted goes nowhere. */
static bool can_publish(struct kb_channel *channel) {
    if (atomic_load_explicit(&channel->stopped, memory_order_relaxed))
        kb_producer.dropped = true;
    if (!kb_producer.dropped)
        wait_for_room(channel);
    return !kb_producer.dropped;
}

void kb_hand_over(struct kb_cursor *cursor) {
    pthread_mutex_lock(&turn);
    if (cursor->at > cursor->begin) {
        if (can_publish(kb_producer.channel)) {
            publish(cursor);
            set_chunk(cursor, take_chunk(kb_producer.channel));
        } else {
            cursor->at = cursor->begin;
        }
    }
    pthread_mutex_unlock(&turn);
}

/* ---- threads ---- */

static _Thread_local unsigned own_number; /* to be found again after a fork */

void kb_cursor_forks(unsigned number) { own_number = number; }

/* Under the lock. Where notes go nowhere, no chunk comes back: then a cursor keeps for ever what it
 * has once had. */
static bool begin(unsigned number) {
    struct kb_channel *channel = kb_producer.channel;
    if (number >= KB_THREADS) {
        atomic_fetch_add(&kb_producer.recording->crowded, 1);
        return false;
    }
    struct kb_cursor *cursor = &kb_producer.cursors[number];
    if (!cursor->live) {
        channel->threads++;
        cursor->load = cursor->store = UINT64_MAX;
        bool keeps = kb_producer.dropped && cursor->begin != NULL;
        set_chunk(cursor, keeps ? cursor->chunk : take_chunk(channel));
        cursor->live = 1;
    }
    return true;
}

bool kb_cursor_begin(unsigned number) {
    pthread_mutex_lock(&turn);
    bool fine = begin(number);
    pthread_mutex_unlock(&turn);
    return fine;
}

bool kb_cursor_begin_any(unsigned *number) {
    pthread_mutex_lock(&turn);
    unsigned free = 0;
    while (free < KB_THREADS && kb_producer.cursors[free].live)
        free++;
    bool fine = begin(free);
    pthread_mutex_unlock(&turn);
    *number = own_number = free;
    return fine;
}

void kb_cursor_end(unsigned number) {
    if (number >= KB_THREADS || !kb_producer.cursors[number].live)
        return;
    pthread_mutex_lock(&turn);
    if (can_publish(kb_producer.channel))
        publish(&kb_producer.cursors[number]);
    kb_producer.cursors[number].live = 0;
    kb_producer.channel->threads--;
    pthread_mutex_unlock(&turn);
}

void kb_note_event(struct kb_cursor *cursor, unsigned type, uint64_t first, uint64_t pages) {
    if (cursor->at + KB_EVENT_WORDS >= cursor->end)
        kb_hand_over(cursor);
    uint64_t *at = cursor->at;
    at[0] = kb_word(type, KB_WORD_EVENT, 0);
    at[1] = first;
    at[2] = pages;
    at[3] = KB_WORD_NONE;
    atomic_signal_fence(memory_order_release); /* a thread may be killed between two lines */
    cursor->at = at + KB_EVENT_WORDS;
}

void kb_note_name(struct kb_cursor *cursor, const char *name) {
    size_t length = strlen(name);
    for (size_t at = 0; at < length; at += 16) {
        uint64_t piece[2] = {0};
        memcpy(piece, name + at, length - at < 16 ? length - at : 16);
        kb_note_event(cursor, KB_EVENT_NAME, piece[0], piece[1]);
    }
}

/* ---- the process ---- */

/* A thread was killed when it had handed over this chunk and had no other yet. */
static bool is_handed(const struct kb_channel *channel, const struct kb_cursor *cursor) {
    uint64_t filled = atomic_load(&channel->filled);
    return channel->reclaimed < filled &&
           channel->ring[(filled - 1) % KB_CHUNKS].chunk == cursor->chunk;
}

/* What threads of a former image had noted when it ended. Their chunks go round again. */
static void take_over(struct kb_channel *channel) {
    for (unsigned i = 0; i < KB_THREADS; i++) {
        struct kb_cursor *cursor = &channel->cursors[i];
        if (cursor->live && !is_handed(channel, cursor))
            publish(cursor);
        cursor->live = 0;
    }
    channel->threads = 0;
}

/* Over the old mapping, if there is one, so that everything that points into it stays valid.
 * fd −1: scratch. */
static bool map_channel(int fd, unsigned channel) {
    struct kb_producer *p = &kb_producer;
    int flags = MAP_NORESERVE | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) |
                (p->channel != NULL ? MAP_FIXED : 0);
    off_t offset = fd < 0 ? 0 : (off_t)kb_channel_offset(channel);
    void *memory = mmap(p->channel, KB_CHANNEL_BYTES, PROT_READ | PROT_WRITE, flags, fd, offset);
    if (memory == MAP_FAILED)
        return false;
    p->channel = memory;
    p->cursors = p->channel->cursors;
    p->number = channel;
    return true;
}

/* A free channel for this process, in place of its parent's. */
static bool claim_channel(void) {
    struct kb_recording *recording = kb_producer.recording;
    bool fine = false;
    int fd = open(recording->memory, O_RDWR | O_CLOEXEC);
    for (unsigned i = 0; fd >= 0 && i < KB_CHANNELS && !fine; i++) {
        unsigned expected = KB_CHANNEL_FREE;
        struct kb_claim *claim = &recording->channels[i];
        if (!atomic_compare_exchange_strong(&claim->state, &expected, KB_CHANNEL_CLAIMED))
            continue;
        fine = map_channel(fd, i);
        claim->pid = (int32_t)getpid();
        atomic_store(&claim->state, fine ? KB_CHANNEL_OPEN : KB_CHANNEL_FREE);
        if (!fine)
            break;
        kb_producer.channel->attached = 1;
        ring(recording);
    }
    if (fd >= 0)
        close(fd);
    return fine;
}

static bool children_too(void) {
    return !kb_producer.dropped && (kb_producer.recording->flags & KB_RECORD_CHILDREN);
}

/* The recorder does not end before the child has its channel. */
static void before_fork(void) {
    if (children_too())
        atomic_fetch_add(&kb_producer.recording->forking, 1);
}

/* The child has its parent's cursors until it has a channel of its own, or scratch memory. */
static void after_fork(void) {
    struct kb_producer *p = &kb_producer;
    pthread_mutex_init(&turn, NULL);
    bool wanted = children_too(), recorded = wanted && claim_channel();
    if (wanted)
        atomic_fetch_sub(&p->recording->forking, 1);
    if (!recorded) {
        if (!p->dropped)
            atomic_fetch_add(&p->recording->forks, 1);
        p->dropped = true;
        if (!map_channel(-1, 0))
            _exit(125); /* else it would write into its parent's record */
    }
    (void)kb_cursor_begin(own_number);
    if (recorded && p->forked != NULL)
        p->forked(&p->cursors[own_number]);
}

static const char *map_recording(int fd) {
    void *memory = mmap(NULL, KB_RECORDING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return "cannot map the recorder's memory";
    kb_producer.recording = memory;
    if (kb_producer.recording->magic != KB_RECORDING_MAGIC)
        return "the recorder is of another version of Kilburn";
    return NULL;
}

/* The channel of this process, where it has become another image; else perhaps a new one. */
static bool find_channel(int fd) {
    struct kb_recording *recording = kb_producer.recording;
    for (unsigned i = 0; i < KB_CHANNELS; i++) {
        const struct kb_claim *claim = &recording->channels[i];
        if (atomic_load(&claim->state) != KB_CHANNEL_OPEN || claim->pid != (int32_t)getpid())
            continue;
        if (!map_channel(fd, i))
            return false;
        kb_producer.channel->image += kb_producer.channel->attached; /* by the image before */
        return true;
    }
    return (recording->flags & KB_RECORD_CHILDREN) && claim_channel();
}

static const char *attached(const char *wrong) {
    if (wrong != NULL)
        return wrong;
    kb_producer.dropped = false;
    take_over(kb_producer.channel);
    kb_producer.channel->attached = 1;
    pthread_atfork(before_fork, NULL, after_fork);
    return NULL;
}

const char *kb_producer_attach(const char *memory, unsigned channel) {
    int fd = open(memory, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return "cannot open the recorder's memory";
    const char *wrong = channel < KB_CHANNELS ? map_recording(fd) : "there is no such channel";
    if (wrong == NULL && !map_channel(fd, channel))
        wrong = "cannot map a channel of the recorder's memory";
    close(fd);
    return attached(wrong);
}

const char *kb_producer_join(const char *memory) {
    int fd = open(memory, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return "cannot open the recorder's memory";
    const char *wrong = map_recording(fd);
    if (wrong == NULL && !find_channel(fd))
        wrong = "this process is not recorded";
    close(fd);
    return attached(wrong);
}
