/* file.c - a real swap file: slot n is the bytes from n × page_bytes on.
 *
 *   0            page_bytes    2 × page_bytes        end        slots × page_bytes
 *   │ slot 0     │ hole        │ slot 2      …       │          │
 *
 * The file grows as slots are written and has holes where none was, or where
 * one was discarded. `end` is how far it has been written: if reading finds
 * its end before that, somebody has shortened it. The file is locked, so that
 * two pagers do not take the same one, and removed at close. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

struct file_store {
    char *path;   /* as it was given, for messages */
    char *target; /* absolute, links followed: what is removed */
    int fd;
    bool created; /* by us, so also removed if opening fails later */
    bool punch;   /* holes can be made, as far as is known */
    uint32_t page_bytes;
    uint64_t slots;
    uint64_t end;
    uint8_t *zeros; /* a page */
};

static kb_status slot_error(const struct file_store *store, enum kb_message message, uint64_t slot,
                            int number, struct kb_error *error) {
    return kb_fail(error, KB_IO, message, store->path, (unsigned long long)slot, strerror(number));
}

/* The whole page, through short counts and interrupts; its number, or 0. A file that ends early
 * gives -1. */
static int read_whole(const struct file_store *store, uint8_t *page, uint64_t offset) {
    for (size_t done = 0; done < store->page_bytes;) {
        ssize_t got =
            pread(store->fd, page + done, store->page_bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : -1;
        done += (size_t)got;
    }
    return 0;
}

static int write_whole(const struct file_store *store, const uint8_t *page, uint64_t offset) {
    for (size_t done = 0; done < store->page_bytes;) {
        ssize_t put =
            pwrite(store->fd, page + done, store->page_bytes - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        done += (size_t)put;
    }
    return 0;
}

static kb_status read_file(void *context, uint64_t slot, void *page, struct kb_error *error) {
    const struct file_store *store = context;
    if (slot >= store->slots)
        return kb_store_no_slot(store->path, store->slots, slot, error);
    uint64_t offset = slot * store->page_bytes;
    if (offset >= store->end) { /* never written */
        memset(page, 0, store->page_bytes);
        return KB_OK;
    }
    int number = read_whole(store, page, offset);
    if (number < 0)
        return kb_fail(error, KB_IO, KB_MSG_store_shortened, store->path, (unsigned long long)slot);
    return number != 0 ? slot_error(store, KB_MSG_store_read, slot, number, error) : KB_OK;
}

static kb_status write_file(void *context, uint64_t slot, const void *page,
                            struct kb_error *error) {
    struct file_store *store = context;
    if (slot >= store->slots)
        return kb_store_no_slot(store->path, store->slots, slot, error);
    uint64_t offset = slot * store->page_bytes;
    int number = write_whole(store, page, offset);
    if (number != 0)
        return slot_error(store, KB_MSG_store_write, slot, number, error);
    if (offset + store->page_bytes > store->end)
        store->end = offset + store->page_bytes;
    return KB_OK;
}

/* A hole gives the room back and reads as zeros. Where there are none, zeros are written; that this
 * may fail harms nobody: the slot's content is not needed. */
static void discard_file(void *context, uint64_t slot) {
    struct file_store *store = context;
    if (slot >= store->slots || slot * store->page_bytes >= store->end)
        return;
    off_t offset = (off_t)(slot * store->page_bytes);
#ifdef FALLOC_FL_PUNCH_HOLE
    while (store->punch) {
        if (fallocate(store->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                      (off_t)store->page_bytes) == 0)
            return;
        if (errno != EINTR)
            store->punch = false;
    }
#endif
    (void)write_whole(store, store->zeros, (uint64_t)offset);
}

/* The name may be another file's by now. */
static void remove_file(const struct file_store *store) {
    struct stat ours, named;
    if (fstat(store->fd, &ours) == 0 && stat(store->target, &named) == 0 &&
        ours.st_dev == named.st_dev && ours.st_ino == named.st_ino)
        (void)unlink(store->target);
}

static void free_file(struct file_store *store) {
    if (store->fd >= 0)
        (void)close(store->fd);
    free(store->path);
    free(store->target);
    free(store->zeros);
    free(store);
}

static void close_file(void *context) {
    remove_file(context);
    free_file(context);
}

static kb_status refuse(const struct file_store *store, enum kb_message message,
                        struct kb_error *error) {
    return kb_fail(error, KB_USAGE, message, store->path);
}

/* Looks before it opens: to open some devices is to do something. */
static kb_status open_file(struct file_store *store, struct kb_error *error) {
    struct stat status;
    if (stat(store->path, &status) == 0 && !S_ISREG(status.st_mode))
        return refuse(store, KB_MSG_store_not_regular, error);
    store->fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    store->created = store->fd >= 0;
    if (store->fd < 0 && errno == EEXIST)
        store->fd = open(store->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (store->fd < 0 || fstat(store->fd, &status) != 0)
        return kb_fail(error, KB_IO, KB_MSG_cannot_open, store->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(store, KB_MSG_store_not_regular, error);
    if (flock(store->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return refuse(store, KB_MSG_store_in_use, error);
    if (fstat(store->fd, &status) != 0 || status.st_size != 0)
        return refuse(store, KB_MSG_store_not_empty, error);
    store->target = realpath(store->path, NULL);
    if (store->target == NULL)
        return kb_fail(error, KB_IO, KB_MSG_cannot_open, store->path, strerror(errno));
    return KB_OK;
}

kb_status kb_store_file(struct kb_store *store, const char *path, uint32_t page_bytes,
                        uint64_t slots, struct kb_error *error) {
    *store = (struct kb_store){0};
    kb_status status = kb_store_check(page_bytes, slots, error);
    if (status != KB_OK)
        return status;
    struct file_store *file = calloc(1, sizeof *file);
    if (file == NULL)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, path,
                       (unsigned long long)sizeof *file);
    file->fd = -1;
    file->punch = true;
    file->page_bytes = page_bytes;
    file->slots = slots;
    file->path = strdup(path);
    file->zeros = calloc(1, page_bytes);
    if (file->path == NULL || file->zeros == NULL)
        status =
            kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, path, (unsigned long long)page_bytes);
    else
        status = open_file(file, error);
    if (status != KB_OK) {
        if (file->created)
            (void)unlink(path);
        free_file(file);
        return status;
    }
    *store = (struct kb_store){.context = file,
                               .name = file->path,
                               .page_bytes = page_bytes,
                               .slots = slots,
                               .read = read_file,
                               .write = write_file,
                               .discard = discard_file,
                               .close = close_file};
    return KB_OK;
}
