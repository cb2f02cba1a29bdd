/* producer.h - the recorded program's side of a channel; in QEMU's plugin, or linked into the
 * program itself.
 *
 * A process has one channel, so its state is global here. Needs nothing of Kilburn's library. */
#ifndef KB_RECORD_PRODUCER_H
#define KB_RECORD_PRODUCER_H

#include "record/channel.h"

/* Of this process. cursors is NULL until it is attached; then each of KB_THREADS can be written
 * after kb_cursor_begin. */
struct kb_producer {
    struct kb_recording *recording;
    struct kb_channel *channel;
    struct kb_cursor *cursors;
    unsigned number; /* of the channel */
    bool dropped;    /* what is noted goes nowhere */
    /* Called in a forked process that has a channel of its own, with the cursor of its one thread;
     * may be NULL. */
    void (*forked)(struct kb_cursor *cursor);
};
extern struct kb_producer kb_producer;

/* Maps the recording of that name and the channel, and takes over what a former image of this
 * process left in it. Returns 0, or what is wrong, in English. */
const char *kb_producer_attach(const char *memory, unsigned channel);

/* The same for a program that only knows the recording's name: the channel is this process's, or,
 * where all children are recorded, a new one. */
const char *kb_producer_join(const char *memory);

/* A thread begins (QEMU tells it in the thread that starts it) or ends. False: there are more than
 * KB_THREADS, it is not recorded and must not note anything. */
bool kb_cursor_begin(unsigned number);
void kb_cursor_end(unsigned number);

/* The calling thread begins with any number that is free; *number = KB_THREADS and more: none is.
 */
bool kb_cursor_begin_any(unsigned *number);

/* The calling thread has this number, and may be about to fork. */
void kb_cursor_forks(unsigned number);

/* Gives the recorder what the thread has noted. */
void kb_hand_over(struct kb_cursor *cursor);

/* Room for an event behind what was noted. */
void kb_note_event(struct kb_cursor *cursor, unsigned type, uint64_t first, uint64_t pages);

/* The name of the mapping that was just told, in pieces. */
void kb_note_name(struct kb_cursor *cursor, const char *name);

/* Notes `count` references, word & KB_WORD_COUNT, to the word's page and of its kind. */
static inline void kb_note(struct kb_cursor *cursor, uint64_t word) {
    uint64_t *at = cursor->at;
    uint64_t last = at[-1];
    if ((last ^ word) >> 16 == 0 &&
        (last & KB_WORD_COUNT) + (word & KB_WORD_COUNT) <= KB_WORD_COUNT) {
        at[-1] = last + (word & KB_WORD_COUNT);
        return;
    }
    *at = word;
    atomic_signal_fence(memory_order_release); /* a thread may be killed between two lines */
    cursor->at = at + 1;
    if (at + 1 == cursor->end)
        kb_hand_over(cursor);
}

/* Notes an access of `size` bytes: once for each page that it touches. */
static inline void kb_note_range(struct kb_cursor *cursor, unsigned kind, uint64_t address,
                                 uint64_t size, unsigned shift) {
    uint64_t last = (address + size - 1) >> shift;
    for (uint64_t page = address >> shift; page <= last; page++)
        kb_note(cursor, kb_word(page, kind, 1));
}

#endif
