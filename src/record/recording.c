/* recording.c - a file in memory with a name that every program may open: this process's descriptor
 * in /proc. Nothing is left behind, however anybody ends. */
#include "record/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static kb_status failed(struct kb_error *error) {
    return kb_fail(error, KB_IO, KB_MSG_record_memory, strerror(errno));
}

static void *map(const struct kb_shared *shared, uint64_t offset, uint64_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, shared->fd,
                        (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}

/* The memory is no file that a limit on files is meant for. */
static bool set_size(int fd) {
    struct rlimit limit, none = {RLIM_INFINITY, RLIM_INFINITY};
    bool limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    if (limited && limit.rlim_max != RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &none) != 0)
        none.rlim_cur = none.rlim_max = limit.rlim_max;
    if (limited)
        (void)setrlimit(RLIMIT_FSIZE, &none);
    bool fine = ftruncate(fd, (off_t)kb_channel_offset(KB_CHANNELS)) == 0;
    int number = errno;
    if (limited)
        (void)setrlimit(RLIMIT_FSIZE, &limit);
    errno = number;
    return fine;
}

kb_status kb_shared_open(struct kb_shared *shared, struct kb_error *error) {
    memset(shared, 0, sizeof *shared);
    shared->fd = memfd_create("kilburn-record", MFD_CLOEXEC);
    if (shared->fd < 0 || !set_size(shared->fd) ||
        (shared->head = map(shared, 0, KB_RECORDING_BYTES)) == NULL)
        return failed(error);
    shared->head->magic = KB_RECORDING_MAGIC;
    shared->head->recorder = (int32_t)getpid();
    snprintf(shared->head->memory, sizeof shared->head->memory, "/proc/%d/fd/%d", (int)getpid(),
             shared->fd);
    return KB_OK;
}

kb_status kb_shared_channel(struct kb_shared *shared, unsigned number, struct kb_error *error) {
    if (shared->channels[number] == NULL)
        shared->channels[number] = map(shared, kb_channel_offset(number), KB_CHANNEL_BYTES);
    return shared->channels[number] != NULL ? KB_OK : failed(error);
}

void kb_shared_release(struct kb_shared *shared, unsigned number) {
    if (shared->channels[number] != NULL)
        munmap(shared->channels[number], KB_CHANNEL_BYTES);
    shared->channels[number] = NULL;
    if (fallocate(shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)kb_channel_offset(number), (off_t)KB_CHANNEL_BYTES) == 0)
        atomic_store(&shared->head->channels[number].state, KB_CHANNEL_FREE);
}

void kb_shared_wait(struct kb_shared *shared, unsigned seen, unsigned milliseconds) {
    const struct timespec time = {.tv_sec = milliseconds / 1000,
                                  .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    atomic_store(&shared->head->asleep, 1);
    syscall(SYS_futex, &shared->head->bell, FUTEX_WAIT, seen, &time, NULL, 0);
    atomic_store(&shared->head->asleep, 0);
}

void kb_shared_emptied(struct kb_channel *channel) {
    atomic_fetch_add(&channel->emptied, 1);
    if (atomic_load_explicit(&channel->waiting, memory_order_relaxed) == 0)
        return;
    uint64_t ahead = atomic_load(&channel->filled) - atomic_load(&channel->emptied);
    if (ahead <= KB_CHUNKS_AHEAD / 2 && atomic_exchange(&channel->waiting, 0) != 0)
        syscall(SYS_futex, (uint32_t *)(void *)&channel->emptied, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void kb_shared_close(struct kb_shared *shared) {
    for (unsigned i = 0; i < KB_CHANNELS; i++)
        if (shared->channels[i] != NULL)
            munmap(shared->channels[i], KB_CHANNEL_BYTES);
    if (shared->head != NULL)
        munmap(shared->head, KB_RECORDING_BYTES);
    if (shared->fd >= 0)
        close(shared->fd);
}
