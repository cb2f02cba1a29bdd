/* channel.h - the memory that a recorder and the programs it records share.
 *
 * A recorder makes one file in memory; recorded processes map its head and one
 * channel each. A thread notes its runs of references in a chunk of its own,
 * without a lock; full chunks are handed over in a ring, and the recorder takes
 * them in that order. What a thread has noted stays here when it is killed, so
 * nothing is lost with it.
 *
 *   file     struct kb_recording | channel 0 | channel 1 | …
 *   channel  struct kb_channel: ring, cursors | chunks
 *   chunk    word : 64 = all ones | words (word.h) */
#ifndef KB_RECORD_CHANNEL_H
#define KB_RECORD_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "record/word.h"

#define KB_RECORDING_MAGIC UINT64_C(0x314443524e42424b) /* changes with the layout */

#define KB_CHANNELS 256     /* processes recorded at once */
#define KB_CHUNKS 4096      /* of a channel; lie in memory only once used */
#define KB_CHUNK_WORDS 2048 /* 16 KiB */
#define KB_THREADS 3840     /* of a process; fewer than chunks, so that one can always go on */
#define KB_CHUNKS_AHEAD 192 /* handed over and not taken: more make the program wait */
#define KB_SHARED_WORDS 256 /* of a chunk while several threads take turns: how fine they mix */
#define KB_RECORD_PATH 4096

/* Tells a program with hooks the name of the recorder's memory. */
#define KB_RECORD_VARIABLE "KILBURN_RECORDING"

enum kb_recording_flag {
    KB_RECORD_EXACT = 1,    /* each instruction's fetch before its data; else those of a translated
                               block first */
    KB_RECORD_DATA = 2,     /* no instruction fetches */
    KB_RECORD_CHILDREN = 4, /* forked processes take a channel of their own */
};

enum kb_channel_state { KB_CHANNEL_FREE, KB_CHANNEL_CLAIMED, KB_CHANNEL_OPEN };

struct kb_claim {
    atomic_uint state; /* enum kb_channel_state; the recorder makes it free again */
    int32_t pid;       /* of the process, while open */
};

struct kb_recording {
    uint64_t magic;
    int32_t recorder;       /* its process id */
    uint32_t shift;         /* a page has 1 << shift bytes */
    uint32_t flags;         /* enum kb_recording_flag */
    atomic_uint bell;       /* a futex: the recorder sleeps on it */
    atomic_uint asleep;     /* whether it does */
    atomic_uint forks;      /* processes that were not recorded */
    atomic_uint forking;    /* … that will be, and have no channel yet */
    atomic_uint unfollowed; /* execs of images that cannot be */
    atomic_uint crowded;    /* threads that were not: too many at once */
    struct kb_claim channels[KB_CHANNELS];
    char memory[KB_RECORD_PATH]; /* this file's name, for processes to come */
    char qemu[KB_RECORD_PATH];   /* what runs an image, for those that exec */
    char plugin[KB_RECORD_PATH];
};

struct kb_handed {
    uint32_t chunk, words, thread;
};

/* Where a thread writes. at[-1] can always be read. */
struct kb_cursor {
    uint64_t *at, *end;
    uint64_t *begin; /* the chunk's second word */
    uint32_t chunk;
    uint32_t live;        /* has a chunk */
    uint64_t load, store; /* exact: where the last pieces of this instruction's ended */
    uint64_t unused[2];   /* a line of the cache each */
};

struct kb_channel {
    _Atomic uint64_t filled;  /* chunks handed over */
    _Atomic uint64_t emptied; /* taken by the recorder; its low half is a futex */
    atomic_uint waiting;      /* the program waits for one to be emptied */
    atomic_uint stopped;      /* the recorder takes no more: what comes is dropped */
    uint32_t image;           /* execs so far */
    uint32_t attached;        /* the process has found it */
    uint64_t reclaimed;       /* chunks used again */
    uint32_t fresh;           /* chunks that were ever used */
    uint32_t threads;         /* cursors with a chunk */
    struct kb_handed ring[KB_CHUNKS];
    struct kb_cursor cursors[KB_THREADS];
};

#define KB_RECORDING_BYTES (UINT64_C(1) << 16)
#define KB_CHANNEL_HEAD (UINT64_C(1) << 19)
#define KB_CHUNK_BYTES ((uint64_t)KB_CHUNK_WORDS * 8)
#define KB_CHANNEL_BYTES (KB_CHANNEL_HEAD + KB_CHUNKS * KB_CHUNK_BYTES)

_Static_assert(sizeof(struct kb_recording) <= KB_RECORDING_BYTES, "the head has its place");
_Static_assert(sizeof(struct kb_channel) <= KB_CHANNEL_HEAD, "a channel's head has its place");

static inline uint64_t kb_channel_offset(unsigned channel) {
    return KB_RECORDING_BYTES + channel * KB_CHANNEL_BYTES;
}

static inline uint64_t *kb_chunk(const struct kb_channel *channel, uint32_t chunk) {
    return (uint64_t *)((uintptr_t)channel + KB_CHANNEL_HEAD + chunk * KB_CHUNK_BYTES);
}

#endif
