/* disk.c - the clock, and the one disk that makes all transfers.
 *
 *   asked for   a   b   c                      first come, first served
 *   disk        [seek latency bytes of a][…of b][…of c]
 *   there                           a ▲      b ▲    c ▲
 *
 * The disk holds the paging file, images and files. What is asked for while it
 * works waits its turn; pages that follow each other in one transfer need no
 * new seek. A page that is written occupies it as one that is read does, and
 * whoever had to send a modified page away first waits for that, too. Time is
 * in whole nanoseconds. */
#include "os/os.h"

#define KB_MOST_CYCLE_NS UINT64_C(100000000)      /* 0.1 s: 4e9 references fit many times */
#define KB_MOST_TRANSFER_NS UINT64_C(10000000000) /* 10 s: and 10^8 transfers */

kb_status kb_os_disk_init(struct kb_os *os) {
    const struct kb_disk *disk = &os->setup.disk;
    if (!os->setup.clock)
        return KB_OK;
    double start = (disk->seek + disk->latency) * 1e6;
    double page = kb_os_page_bytes(os) / disk->bytes_per_second * 1e9;
    if (os->setup.io_cycles > 0)
        return kb_fail(os->error, KB_DATA, KB_MSG_os_clock_io);
    if (os->setup.cycle_ns > KB_MOST_CYCLE_NS || !(start + page <= (double)KB_MOST_TRANSFER_NS))
        return kb_fail(os->error, KB_DATA, KB_MSG_os_clock, (unsigned long long)KB_MOST_CYCLE_NS,
                       (unsigned long long)KB_MOST_TRANSFER_NS);
    os->disk_start_ns = (uint64_t)(start + 0.5);
    os->disk_page_ns = (uint64_t)(page + 0.5);
    return KB_OK;
}

void kb_os_disk_serve(struct kb_os *os, bool follows) {
    uint64_t now = kb_os_now(os), time = os->disk_page_ns + (follows ? 0 : os->disk_start_ns);
    os->disk_free = (os->disk_free > now ? os->disk_free : now) + time;
    os->disk_busy += time;
    if (!os->background && os->disk_free > os->ready_at)
        os->ready_at = os->disk_free;
}

uint64_t kb_os_arrival(const struct kb_os *os) {
    if (os->setup.clock)
        return os->disk_free;
    return os->setup.io_cycles > 0 ? kb_os_now(os) + os->setup.io_cycles : 0;
}

/* All was asked for by now, so there are no gaps in what is still to be done. */
uint64_t kb_os_disk_worked(const struct kb_os *os) {
    uint64_t now = kb_os_now(os);
    return os->disk_busy - (os->disk_free > now ? os->disk_free - now : 0);
}

void kb_os_wait_for_disk(struct kb_os *os) {
    uint64_t now = kb_os_now(os);
    if (os->setup.clock && os->ready_at > now)
        os->idle += os->ready_at - now;
    os->ready_at = 0;
}

void kb_os_compute(struct kb_os *os, uint64_t time) { os->computed += time; }
