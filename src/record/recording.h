/* recording.h - the recorder's view of the memory that it shares (channel.h); an insider of
 * record. */
#ifndef KB_RECORD_RECORDING_H
#define KB_RECORD_RECORDING_H

#include "base/host.h"
#include "record/channel.h"

struct kb_shared {
    int fd;
    struct kb_recording *head;
    struct kb_channel *channels[KB_CHANNELS]; /* NULL while not mapped */
};

/* Makes the memory; the head has zeros but for its name, magic and recorder. */
kb_status kb_shared_open(struct kb_shared *shared, struct kb_error *error) KB_MUST_CHECK;

/* The channel, mapped. */
kb_status kb_shared_channel(struct kb_shared *shared, unsigned number,
                            struct kb_error *error) KB_MUST_CHECK;

/* Gives back a channel whose process has ended: it is zero for the next. */
void kb_shared_release(struct kb_shared *shared, unsigned number);

/* Sleeps until a program rings, at most so long. seen: the bell when there was last nothing to do.
 */
void kb_shared_wait(struct kb_shared *shared, unsigned seen, unsigned milliseconds);

/* A chunk has been taken: a program that waits for one goes on. */
void kb_shared_emptied(struct kb_channel *channel);

void kb_shared_close(struct kb_shared *shared);

#endif
